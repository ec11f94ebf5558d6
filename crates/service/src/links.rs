//! Tickets that belong together: linking them, merging one into another and undoing it, and the hint
//! that one looks like another (`domain.md` T22, §9.4.3; `docs/adr/0027`).
//!
//! Nothing is copied by a merge: each ticket keeps its own words and their audiences, and the survivor's
//! history holds an id.

use domain::activity::ActivityFact;
use domain::actor::{Actor, Staff};
use domain::command::{ActionCode, Command, Survivor};
use domain::email::EmailAddress;
use domain::event::{Change, Event};
use domain::ids::{TicketId, TicketRef};
use domain::invalid::{Invalid, Text};
use domain::links::{
    LinkKind, LinkRole, MergeObstacle, NamedTicket, Requester, Resemblance, Traits, differ,
    likeness, likest_first,
};
use domain::rejection::Rejection;
use domain::sla::Clock;
use domain::state::{State, StateCode};
use domain::text::NoteBody;
use domain::ticket::Ticket;
use domain::visibility::{Scope, View, view_of};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use storage::activities::{self, Activity};
use storage::links::{self, EXAM_DATE, Neighbour};
use storage::tickets::{self, Dossier, RequesterKind};
use storage::{DbConnection, history};

use crate::action_form::not_in_list;
use crate::labels::Labelled;
use crate::once::{Answer, Once};
use crate::screen::StaffTicket;
use crate::{Desk, DeskError};

/// Most links that people make on one ticket: who needs more wants an announcement.
const MOST_LINKS: i64 = 100;
/// Most hints that are shown.
const MOST_HINTS: usize = 5;

/// A ticket that looks like another one.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct AlikeTicket {
    pub number: String,
    pub state: StateCode,
    pub state_label: Text,
    pub custody: Option<Labelled>,
    pub created_at: Timestamp,
    pub reasons: Vec<String>,
}

/// A ticket that is linked with another one.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct LinkedTicket {
    pub named: NamedTicket,
    pub kind: LinkKind,
    pub role: LinkRole,
    pub state: StateCode,
    pub custody: Labelled,
    pub created_at: Timestamp,
}

/// A link that was made.
#[derive(Clone, Serialize, Deserialize)]
pub struct Linked {
    /// The other ticket.
    pub other: LinkedTicket,
    /// The version of the ticket that was acted on.
    pub version: i64,
}

impl Desk {
    /// Links a ticket with another one that the same desk sees.
    pub fn add_ticket_link(
        &self,
        staff: &Staff,
        wanted: TicketRef,
        seen: i64,
        other: String,
        once: &Once,
    ) -> Result<Answer<Linked>, DeskError> {
        let (desk, staff) = (self.clone(), staff.clone());
        self.write_once(&Scope::of(&staff), once, move |conn| {
            let now = desk.clock.now();
            let (mut ticket, dossier) = desk.load_at(conn, &staff, &wanted, seen)?;
            let actor = Actor::Staff(staff.clone());
            let decide = |other| {
                let kind = LinkKind::Related;
                desk.decide(&ticket, &Command::Link { other, kind }, &actor, now)
            };
            // Whether they may at all is told before what is wrong with how they asked.
            decide(ticket.id)?;
            let (other, person) = other_in_reach(conn, &staff, &other, "/ticket")?;
            if other.id == ticket.id {
                return Err(DeskError::field(not_in_list().at("/ticket")));
            }
            let events = decide(other.id)?;
            let refuse = |code, it, en| {
                let invalid = Invalid::new(code, it, en);
                Err(DeskError::field(invalid.at("/ticket")))
            };
            if links::count(conn, ticket.id)?.max(links::count(conn, other.id)?) >= MOST_LINKS {
                return refuse("too-many-items", "Troppi collegamenti", "too many links");
            }
            if !links::link(conn, ticket.id, other.id, staff.account, now)? {
                return refuse("already-linked", "Già collegata", "linked already");
            }
            desk.record(conn, &mut ticket, &dossier, &events, &actor, None, now)?;
            let other = neighbour(&other, &person);
            Ok(Linked {
                other: desk.linked(LinkRole::Peer, &other, &Scope::of(&staff)),
                version: ticket.version,
            })
        })
    }

    /// Takes the link with another ticket away.
    pub fn remove_ticket_link(
        &self,
        staff: &Staff,
        wanted: TicketRef,
        seen: i64,
        other: TicketRef,
    ) -> Result<StaffTicket, DeskError> {
        let (desk, staff) = (self.clone(), staff.clone());
        self.db.write_in(&Scope::of(&staff), move |conn| {
            let now = desk.clock.now();
            let (mut ticket, dossier) = desk.load_at(conn, &staff, &wanted, seen)?;
            let found = tickets::find(conn, &Scope::of(&staff), &other)?;
            let (other, _) = found.ok_or(DeskError::NotFound)?;
            let (actor, kind) = (Actor::Staff(staff.clone()), LinkKind::Related);
            let other = other.id;
            let events = desk.decide(&ticket, &Command::Unlink { other, kind }, &actor, now)?;
            if !links::unlink(conn, ticket.id, other)? {
                return Err(DeskError::NotFound);
            }
            let clocks = desk.record(conn, &mut ticket, &dossier, &events, &actor, None, now)?;
            desk.as_written(conn, &staff, &ticket, &dossier, &clocks)
        })
    }

    /// Merges a ticket into another one: it is removed as a duplicate, and its number leads on (T22).
    pub fn merge_ticket(
        &self,
        staff: &Staff,
        wanted: TicketRef,
        seen: i64,
        into: String,
        note: Option<NoteBody>,
        once: &Once,
    ) -> Result<Answer<StaffTicket>, DeskError> {
        let (desk, staff) = (self.clone(), staff.clone());
        self.write_once(&Scope::of(&staff), once, move |conn| {
            let now = desk.clock.now();
            let (ticket, _) = desk.load_at(conn, &staff, &wanted, seen)?;
            let windows = desk.settings.windows_for(&ticket);
            ticket.permits(ActionCode::Remove, &staff, now, windows)?;
            let (other, _) = other_in_reach(conn, &staff, &into, "/into")?;
            hold_both(conn, ticket.id, other.id)?;
            // Read again: whoever was faster had both.
            let (mut ticket, dossier) = desk.load_at(conn, &staff, &wanted, seen)?;
            let (mut survivor, kept) = desk.load_survivor(conn, &staff, other.id)?;
            let merge = Command::Merge {
                into: Survivor::new(&survivor, differ_by(&dossier, &kept)),
                note: note.map(NoteBody::into_string),
            };
            let (actor, kind) = (Actor::Staff(staff.clone()), LinkKind::Duplicate);
            let removed = desk.decide(&ticket, &merge, &actor, now)?;
            let other = ticket.id;
            let linked = desk.decide(&survivor, &Command::Link { other, kind }, &actor, now)?;
            links::merge(conn, ticket.id, survivor.id)?;
            desk.record(conn, &mut survivor, &kept, &linked, &actor, None, now)?;
            let clocks = desk.record(conn, &mut ticket, &dossier, &removed, &actor, None, now)?;
            desk.as_written(conn, &staff, &ticket, &dossier, &clocks)
        })
    }

    /// Undoes a merge: the ticket comes back to the state its history kept, and its number is its own.
    /// What was written meanwhile stays where it was said.
    pub fn undo_merge(
        &self,
        staff: &Staff,
        wanted: TicketRef,
        seen: i64,
    ) -> Result<StaffTicket, DeskError> {
        let (desk, staff) = (self.clone(), staff.clone());
        self.db.write_in(&Scope::of(&staff), move |conn| {
            let now = desk.clock.now();
            let (ticket, _) = desk.load_at(conn, &staff, &wanted, seen)?;
            let into = ticket
                .merged_into
                .as_ref()
                .map_or(ticket.id, |into| into.id);
            hold_both(conn, ticket.id, into)?;
            let (mut ticket, dossier) = desk.load_at(conn, &staff, &wanted, seen)?;
            let (mut survivor, kept) = desk.load_survivor(conn, &staff, into)?;
            let merged = ticket.state;
            let was = before_merge(conn, &ticket)?;
            let undo = Command::UndoMerge {
                survivor: Survivor::new(&survivor, None),
                state: was.state,
                needs_attention: was.needs_attention,
            };
            let (actor, kind) = (Actor::Staff(staff.clone()), LinkKind::Duplicate);
            let restored = desk.decide(&ticket, &undo, &actor, now)?;
            let other = ticket.id;
            let unlinked = desk.decide(&survivor, &Command::Unlink { other, kind }, &actor, now)?;
            links::undo_merge(conn, ticket.id, survivor.id)?;
            desk.record(conn, &mut survivor, &kept, &unlinked, &actor, None, now)?;
            let clocks = desk.record(conn, &mut ticket, &dossier, &restored, &actor, None, now)?;
            desk.watch_again(conn, &ticket, merged)?;
            if let Some(activity) = was.activity {
                desk.go_on_with(conn, &ticket, activity, now)?;
            }
            desk.as_written(conn, &staff, &ticket, &dossier, &clocks)
        })
    }

    /// Takes back that the technical desk was asked to leave an activity be: its ticket came back, and
    /// waits for it.
    fn go_on_with(
        &self,
        conn: &mut DbConnection,
        ticket: &Ticket,
        activity: Activity,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        if activity.cancel_requested_at.is_none() {
            return Ok(());
        }
        let seen = activity.version;
        let wanted = Activity {
            version: seen + 1,
            cancel_requested_at: None,
            updated_at: now,
            ..activity
        };
        activities::save(conn, &wanted, seen)?;
        let change = Change::ActivityChanged(ActivityFact {
            activity: wanted.id,
            state: wanted.state,
            origin: None,
        });
        let mut news = self.news_of(ticket, &change, None, &ticket.custodian.code);
        if let Some(facts) = news.data.as_object_mut() {
            facts.insert("cancel_requested".to_owned(), false.into());
        }
        self.publish(conn, &news, now)
    }

    fn decide(
        &self,
        ticket: &Ticket,
        command: &Command,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<Vec<Event>, DeskError> {
        Ok(ticket.decide(command, actor, now, self.settings.windows_for(ticket))?)
    }

    /// The ticket that was written, as the member of staff sees it.
    fn as_written(
        &self,
        conn: &mut DbConnection,
        staff: &Staff,
        ticket: &Ticket,
        dossier: &Dossier,
        clocks: &[Clock],
    ) -> Result<StaffTicket, DeskError> {
        let view = view_of(ticket, &Scope::of(staff)).unwrap_or(View::Custodian);
        let verdict = self.governance(conn, ticket, None)?;
        let mut shown = self.staff_ticket(ticket, dossier, staff, view, clocks, &verdict);
        self.name_assignee(conn, &mut shown)?;
        Ok(shown)
    }

    /// A linked ticket as the reader may know it: of one that a desk had before, how it left it.
    pub(crate) fn linked(&self, role: LinkRole, one: &Neighbour, reader: &Scope) -> LinkedTicket {
        let (state, custody) = self.known_of(one, reader);
        LinkedTicket {
            named: one.named.clone(),
            kind: role.kind(),
            role,
            state,
            custody,
            created_at: one.created_at,
        }
    }

    /// The tickets that look like `itself`, the likest first; to a citizen without a reader's scope.
    pub(crate) fn alike(
        &self,
        itself: Traits<'_>,
        others: impl IntoIterator<Item = Neighbour>,
        reader: Option<&Scope>,
    ) -> Vec<AlikeTicket> {
        let mut alike: Vec<(Vec<Resemblance>, Neighbour)> = others
            .into_iter()
            .map(|one| (likeness(itself, traits_of_neighbour(&one)), one))
            .filter(|(reasons, _)| !reasons.is_empty())
            .collect();
        alike.sort_by_key(|(reasons, one)| likest_first(reasons, one.created_at));
        alike.truncate(MOST_HINTS);
        let shown = alike.into_iter().map(|(reasons, one)| {
            let (state, custody) = match reader {
                Some(reader) => {
                    let (state, custody) = self.known_of(&one, reader);
                    (state, Some(custody))
                }
                // Which desk works it is not the citizen's affair.
                None => (one.state.citizen_code(), None),
            };
            AlikeTicket {
                number: one.named.number.to_string(),
                state_label: match reader {
                    Some(_) => state.label(),
                    None => state.citizen_label(),
                },
                state,
                custody,
                created_at: one.created_at,
                reasons: reasons.iter().map(|one| one.as_str().to_owned()).collect(),
            }
        });
        shown.collect()
    }

    fn known_of(&self, one: &Neighbour, reader: &Scope) -> (StateCode, Labelled) {
        let (state, custodian) = match reader {
            // An authority loses custody by handing over alone (T13).
            Scope::Authority(own) if *own != one.custodian => {
                (StateCode::NotCompetent, self.reference.region())
            }
            _ => (one.state, &one.custodian),
        };
        (state, self.authority_label(custodian))
    }

    /// Since when a settled ticket is still looked at for a hint.
    pub(crate) fn hint_since(&self, now: Timestamp) -> Timestamp {
        now.checked_sub(self.settings.duplicate_hint)
            .unwrap_or(Timestamp::MIN)
    }

    fn load_survivor(
        &self,
        conn: &mut DbConnection,
        staff: &Staff,
        id: TicketId,
    ) -> Result<(Ticket, Dossier), DeskError> {
        let found = tickets::find(conn, &Scope::of(staff), &TicketRef::Id(id))?;
        // Out of sight is with another desk.
        found.ok_or(Rejection::MergeNotAllowed(MergeObstacle::OtherCustody).into())
    }
}

/// The other ticket somebody names; one out of reach is refused as if it had never existed.
fn other_in_reach(
    conn: &mut DbConnection,
    staff: &Staff,
    text: &str,
    pointer: &str,
) -> Result<(Ticket, Dossier), DeskError> {
    let unknown = || DeskError::field(not_in_list().at(pointer));
    let wanted = TicketRef::parse(text).ok_or_else(unknown)?;
    tickets::find(conn, &Scope::of(staff), &wanted)?.ok_or_else(unknown)
}

/// How a merged ticket stands once the merge is undone.
struct Return {
    state: State,
    needs_attention: bool,
    /// What it waits for at the technical desk.
    activity: Option<Activity>,
}

/// How a ticket stood before it was merged, as its history kept it. An activity that ended meanwhile
/// told the ticket nothing: it comes back as if told now (T19).
fn before_merge(conn: &mut DbConnection, ticket: &Ticket) -> Result<Return, DeskError> {
    let was = history::find_merge(conn, ticket.id)?;
    let mut back = Return {
        state: was.as_ref().map_or(ticket.state, |was| was.state),
        needs_attention: was.is_some_and(|was| was.needs_attention),
        activity: None,
    };
    if back.state == State::ExternalWork {
        back.activity = activities::find_open(conn, ticket.id)?;
        if back.activity.is_none() {
            back.state = State::InProgress;
            back.needs_attention = true;
        }
    }
    Ok(back)
}

/// The requester's ticket, or the one it goes on in: what they do about a merged one is done there. Both
/// are in their reach, because only what the same people read is merged.
pub(crate) fn end_of(
    conn: &mut DbConnection,
    scope: &Scope,
    wanted: &TicketRef,
) -> Result<(Ticket, Dossier), DeskError> {
    let found = tickets::find(conn, scope, wanted)?.ok_or(DeskError::NotFound)?;
    if found.0.merged_into.is_none() {
        return Ok(found);
    }
    match links::find_end(conn, found.0.id)? {
        Some(end) => tickets::find(conn, scope, &TicketRef::Id(end))?.ok_or(DeskError::NotFound),
        None => Ok(found),
    }
}

/// Holds two tickets in one order, whichever is merged into which, so that nobody waits in a ring.
fn hold_both(conn: &mut DbConnection, one: TicketId, other: TicketId) -> Result<(), DeskError> {
    let (first, second) = (one.uuid().min(other.uuid()), one.uuid().max(other.uuid()));
    tickets::hold(conn, TicketId::new(first))?;
    Ok(tickets::hold(conn, TicketId::new(second))?)
}

/// Why what is written on one ticket may not reach the readers of the other.
fn differ_by(one: &Dossier, other: &Dossier) -> Option<MergeObstacle> {
    // Nobody can say that two people who are gone were one.
    if one.is_gone() || other.is_gone() {
        return Some(MergeObstacle::OtherRequester);
    }
    let (one_reads, other_reads) = (readers(one), readers(other));
    differ(requester(one, &one_reads), requester(other, &other_reads))
}

fn requester<'a>(dossier: &'a Dossier, readers: &'a (String, String)) -> Requester<'a> {
    Requester {
        kind: dossier.requester.as_str(),
        tax_code: &dossier.tax_code,
        readers: (&readers.0, &readers.1),
        is_delegated: dossier.details.is_delegated,
    }
}

/// An identity reads on the web; without one, whoever has the mailboxes. Who typed a request for
/// somebody else is not its reader.
fn readers(dossier: &Dossier) -> (String, String) {
    if let (RequesterKind::Citizen, Some(identity)) = (dossier.requester, &dossier.identity) {
        return (identity.clone(), String::new());
    }
    let mailbox = |text: &str| {
        EmailAddress::parse(text).map_or_else(|_| text.to_owned(), |address| address.mailbox())
    };
    let second = dossier.details.notification_email.as_ref();
    let told = second.unwrap_or(&dossier.email);
    (mailbox(&dossier.email), mailbox(told))
}

/// What is compared of a ticket.
pub(crate) fn traits_of<'a>(ticket: &'a Ticket, dossier: &'a Dossier) -> Traits<'a> {
    Traits {
        service: ticket.service.as_str(),
        problem_type: ticket.problem_type.as_str(),
        exam_date: dossier.details.extra.get(EXAM_DATE).and_then(Value::as_str),
    }
}

fn traits_of_neighbour(one: &Neighbour) -> Traits<'_> {
    Traits {
        service: &one.service,
        problem_type: &one.problem_type,
        exam_date: one.exam_date.as_deref(),
    }
}

fn neighbour(ticket: &Ticket, dossier: &Dossier) -> Neighbour {
    let traits = traits_of(ticket, dossier);
    Neighbour {
        named: ticket.into(),
        state: ticket.state.code(),
        custodian: ticket.custodian.code.clone(),
        service: traits.service.to_owned(),
        problem_type: traits.problem_type.to_owned(),
        exam_date: traits.exam_date.map(str::to_owned),
        created_at: ticket.created_at,
    }
}

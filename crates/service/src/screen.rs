//! What each audience sees of a ticket. Two shapes, one for desks and one for requesters, chosen
//! by who asks; never one shape with members taken out later (threat model, boundary 4).

use domain::actor::{Assignee, Staff};
use domain::command::ActionCode;
use domain::event::Change;
use domain::ids::{TicketId, TicketRef};
use domain::links::{LinkRole, NamedTicket};
use domain::masking;
use domain::note::Audience;
use domain::permissions::{Right, has};
use domain::playbook::{PlaybookWord, Verdict};
use domain::rejection::Rejection;
use domain::sla::{Clock, ClockState, Run};
use domain::state::{State, StateCode};
use domain::tax_code::TaxCode;
use domain::ticket::Ticket;
use domain::visibility::{Identity, Scope, View, as_left_by, identity_for, view_of};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use storage::attachments::StoredAttachment;
use storage::history::{self, Entry};
use storage::links::{self, Beside};
use storage::sla;
use storage::tickets::{self, Dossier};

use crate::activities::ActivityView;
use crate::attachments::list_files;
use crate::labels::{AttachmentView, Labelled, attachment_view, files_of, reply_end};
use crate::links::{AlikeTicket, LinkedTicket, traits_of};
use crate::sla::present;
use crate::{Desk, DeskError};

/// A ticket as a desk sees it.
#[derive(Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct StaffTicket {
    pub id: TicketId,
    pub number: String,
    pub version: i64,
    pub state: StateCode,
    pub service: Labelled,
    pub problem_type: Labelled,
    pub declared_authority: Option<Labelled>,
    pub custody: Labelled,
    pub assignee: Option<AssigneeView>,
    pub resolution_code: Option<String>,
    pub priority: String,
    pub kind: Option<String>,
    pub tags: Vec<String>,
    pub channel: String,
    pub needs_attention: bool,
    /// Answers kept before there were restrictions do not say.
    #[serde(default)]
    pub restricted_at: Option<Timestamp>,
    pub requester: Person,
    pub description: Option<String>,
    pub extra: Map<String, Value>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub closes_at: Option<Timestamp>,
    pub sla: SlaView,
    pub reopen_count: i32,
    pub reminder_count: i32,
    /// Answers kept before there were nudges do not say.
    #[serde(default)]
    pub nudge_count: i32,
    #[serde(default)]
    pub last_nudged_at: Option<Timestamp>,
    /// Answers kept before there was retention do not say.
    #[serde(default)]
    pub anonymised_at: Option<Timestamp>,
    pub bounce_count: i32,
    pub follow_up_of: Option<TicketId>,
    /// What the playbook says; none before its first answer. Answers kept before there were playbooks
    /// do not say.
    #[serde(default)]
    pub playbook: Option<PlaybookWord>,
    #[serde(default)]
    pub merged_into: Option<NamedTicket>,
    /// Until when the merge can be undone.
    #[serde(default)]
    pub merge_undo_until: Option<Timestamp>,
    pub legs: Vec<LegView>,
    pub allowed_actions: Vec<AllowedAction>,
}

/// Times a ticket should meet, and how it does.
#[derive(Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct SlaView {
    pub state: Option<ClockState>,
    pub due_at: Timestamp,
    pub warn_at: Option<Timestamp>,
    pub clocks: Vec<ClockView>,
}

/// A clock, and how it stands now.
#[derive(Clone, Serialize, Deserialize)]
pub struct ClockView {
    /// The clock.
    pub clock: Clock,
    /// How it stands.
    pub state: ClockState,
    /// When it was breached.
    pub breached_at: Option<Timestamp>,
}

/// The requester, as a desk sees them.
#[derive(Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct Person {
    pub kind: String,
    pub verified: bool,
    pub given_name: String,
    pub family_name: String,
    pub tax_code: String,
    pub email: String,
    pub phone: Option<String>,
    pub recall_phone: Option<String>,
    pub notification_email: Option<String>,
    pub requester_role: Option<String>,
    /// Whether tax code and contacts are masks. Answers kept before there were masks hold none.
    #[serde(default)]
    pub masked: bool,
}

/// An owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssigneeView {
    /// The account's id or the pool's code.
    pub id: String,
    /// `operator` or `pool`.
    pub kind: String,
    /// Its name, where it is known.
    pub label: Option<String>,
}

/// A leg.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct LegView {
    pub no: i32,
    pub custody: Labelled,
    pub opened_at: Timestamp,
    pub closed_at: Option<Timestamp>,
    pub outcome: Option<String>,
}

/// An action, whether the asker may take it, and why not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowedAction {
    /// Its code.
    pub action: String,
    /// Whether it would be accepted.
    pub allowed: bool,
    /// The problem it would meet.
    pub reason: Option<String>,
}

/// The whole screen of a ticket.
pub struct Screen {
    /// The ticket.
    pub ticket: StaffTicket,
    /// The newest entries, newest first.
    pub timeline: Vec<TimelineEntry>,
    /// Where the timeline goes on.
    pub next_before: Option<i64>,
    /// Every file the asker may read.
    pub attachments: Vec<AttachmentView>,
    /// Other tickets of the same person that look like it, the likest first.
    pub possible_duplicates: Vec<AlikeTicket>,
    /// Tickets it is linked with, the oldest first.
    pub links: Vec<LinkedTicket>,
    /// What goes on from it, in order.
    pub follow_ups: Vec<LinkedTicket>,
    /// Its technical activities, for the region; an authority knows of none.
    pub activities: Vec<ActivityView>,
}

/// An entry of the timeline, as a desk reads it.
#[derive(Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct TimelineEntry {
    pub seq: i64,
    pub at: Timestamp,
    pub event: String,
    pub details: Map<String, Value>,
    pub state: StateCode,
    pub author: Author,
    pub kind: Option<String>,
    pub audience: Option<Audience>,
    pub body: Option<String>,
    pub attachments: Vec<AttachmentView>,
}

/// Who wrote or did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// `staff`, `requester` or `system`.
    pub kind: String,
    /// Their name, for colleagues.
    pub label: Option<String>,
    /// Their desk.
    pub authority: Option<String>,
}

/// Entries in one page of a timeline.
pub const TIMELINE_PAGE: i64 = 100;

impl Desk {
    /// The whole screen of a ticket for a member of staff.
    pub fn show_ticket(&self, staff: &Staff, wanted: &TicketRef) -> Result<Screen, DeskError> {
        let reading = self.reading_of(staff, Some(wanted))?;
        let screen = self.screen_in(&reading.scope, staff, wanted)?;
        self.note_use(&reading)?;
        Ok(screen)
    }

    fn screen_in(
        &self,
        scope: &Scope,
        staff: &Staff,
        wanted: &TicketRef,
    ) -> Result<Screen, DeskError> {
        self.db.read_keyed_in(scope, |conn| {
            let (ticket, dossier) =
                tickets::find(conn, scope, wanted)?.ok_or(DeskError::NotFound)?;
            let view = view_of(&ticket, scope).ok_or(DeskError::NotFound)?;
            let page = TIMELINE_PAGE + 1;
            let entries =
                history::list_entries(conn, ticket.id, view, Some(&staff.authority), None, page)?;
            let files = list_files(conn, &ticket)?;
            // A past custodian is told nothing of what its successors have beside this ticket, and a grant
            // opens this ticket and none beside it.
            let beside = match view {
                View::Until(_) | View::Inspector | View::Granted => Beside::default(),
                _ => {
                    let since = self.hint_since(self.clock.now());
                    links::load_beside(conn, scope, &ticket, &dossier.tax_code, since)?
                }
            };
            let verdict = match view {
                View::Custodian => self.governance(conn, &ticket, Some(&beside.playbooks))?,
                _ => Verdict::NotGoverned,
            };
            let activities = match view.knows_of_activities() {
                true => self.activities_of_ticket(conn, staff, ticket.id)?,
                false => Vec::new(),
            };
            let (timeline, next_before) = self.timeline(entries, &files, staff);
            let clocks = sla::find(conn, ticket.id)?.unwrap_or_default().clocks;
            let mut shown = self.staff_ticket(&ticket, &dossier, staff, view, &clocks, &verdict);
            if let Some(owner) = &mut shown.assignee {
                owner.label = beside.assignee_label.or(owner.label.take());
            }
            let readable = |file: &&StoredAttachment| file.is_for(view, Some(&staff.authority));
            let itself = traits_of(&ticket, &dossier);
            let links: Vec<LinkedTicket> = beside
                .links
                .into_iter()
                .map(|(role, one)| self.linked(role, &one, scope))
                .collect();
            Ok(Screen {
                attachments: files.iter().filter(readable).map(attachment_view).collect(),
                ticket: shown,
                timeline,
                next_before,
                activities,
                possible_duplicates: self.alike(itself, beside.alike, Some(scope)),
                follow_ups: links
                    .iter()
                    .filter(|one| one.role == LinkRole::Later)
                    .cloned()
                    .collect(),
                links,
            })
        })
    }

    /// A further page of a ticket's timeline, for a member of staff.
    pub fn list_timeline(
        &self,
        staff: &Staff,
        wanted: &TicketRef,
        before: Option<i64>,
        limit: i64,
    ) -> Result<(Vec<TimelineEntry>, Option<i64>), DeskError> {
        let reading = self.reading_of(staff, Some(wanted))?;
        let scope = &reading.scope;
        let page = self.db.read_keyed_in(scope, |conn| {
            let (ticket, _) = tickets::find(conn, scope, wanted)?.ok_or(DeskError::NotFound)?;
            let view = view_of(&ticket, scope).ok_or(DeskError::NotFound)?;
            let entries = history::list_entries(
                conn,
                ticket.id,
                view,
                Some(&staff.authority),
                before,
                limit + 1,
            )?;
            let files = list_files(conn, &ticket)?;
            Ok::<_, DeskError>(self.timeline_page(entries, &files, staff, limit))
        })?;
        self.note_use(&reading)?;
        Ok(page)
    }

    fn timeline(
        &self,
        entries: Vec<Entry>,
        files: &[StoredAttachment],
        staff: &Staff,
    ) -> (Vec<TimelineEntry>, Option<i64>) {
        self.timeline_page(entries, files, staff, TIMELINE_PAGE)
    }

    fn timeline_page(
        &self,
        mut entries: Vec<Entry>,
        files: &[StoredAttachment],
        staff: &Staff,
        limit: i64,
    ) -> (Vec<TimelineEntry>, Option<i64>) {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = entries.len() > limit;
        entries.truncate(limit);
        let next = if more {
            entries.last().map(|entry| entry.seq)
        } else {
            None
        };
        (
            entries
                .into_iter()
                .map(|entry| timeline_entry(entry, files, staff))
                .collect(),
            next,
        )
    }

    /// The ticket as a desk may see it: a past custodian, as it left it.
    pub(crate) fn staff_ticket(
        &self,
        ticket: &Ticket,
        dossier: &Dossier,
        staff: &Staff,
        view: View,
        clocks: &[Clock],
        verdict: &Verdict,
    ) -> StaffTicket {
        match (view, as_left_by(ticket, &staff.authority)) {
            (View::Until(_), Some(left)) => {
                let mut dossier = dossier.clone();
                dossier.details.recall_phone = None;
                dossier.details.notification_email = None;
                let clocks = clocks_as_left(clocks, &left);
                dossier.due_at =
                    present(&clocks, &left).map_or(self.due_at(left.created_at), |one| one.due_at);
                self.whole_ticket(&left, &dossier, staff, clocks, verdict)
            }
            _ => self.whole_ticket(ticket, dossier, staff, clocks.to_vec(), verdict),
        }
    }

    fn sla_view(&self, ticket: &Ticket, due_at: Timestamp, clocks: Vec<Clock>) -> SlaView {
        let now = self.clock.now();
        let present = present(&clocks, ticket);
        SlaView {
            state: present.map(|clock| clock.state(now)),
            due_at: present.map_or(due_at, |clock| clock.due_at),
            warn_at: present.map(|clock| clock.warn_at),
            clocks: clocks
                .into_iter()
                .map(|clock| ClockView {
                    state: clock.state(now),
                    breached_at: clock.breached_at(now),
                    clock,
                })
                .collect(),
        }
    }

    /// What `staff` may do to a ticket, and why not the rest of what their role may.
    pub(crate) fn allowed_actions(
        &self,
        ticket: &Ticket,
        staff: &Staff,
        verdict: &Verdict,
    ) -> Vec<AllowedAction> {
        let now = self.clock.now();
        let windows = self.settings.windows_for(ticket);
        ActionCode::OFFERED
            .into_iter()
            .filter(|action| domain::lifecycle::may(staff.role, *action))
            .map(|action| {
                let permitted = ticket.permits(action, staff, now, windows);
                let heeded = permitted.and_then(|()| ticket.heeds_playbook(action, verdict));
                AllowedAction {
                    action: action.as_str().to_owned(),
                    allowed: heeded.is_ok(),
                    reason: heeded
                        .err()
                        .as_ref()
                        .map(|refusal: &Rejection| refusal.slug().to_owned()),
                }
            })
            .collect()
    }

    fn whole_ticket(
        &self,
        ticket: &Ticket,
        dossier: &Dossier,
        staff: &Staff,
        clocks: Vec<Clock>,
        verdict: &Verdict,
    ) -> StaffTicket {
        let identity = identity_for(ticket, &Scope::of(staff));
        let legs = ticket.legs.iter().map(|leg| LegView {
            no: leg.no,
            custody: self.authority_label(&leg.custodian),
            opened_at: leg.opened_at,
            closed_at: leg.closed.as_ref().map(|end| end.at),
            outcome: leg
                .closed
                .as_ref()
                .map(|end| end.outcome.as_str().to_owned()),
        });
        StaffTicket {
            id: ticket.id,
            number: ticket.number.to_string(),
            version: ticket.version,
            state: ticket.state.code(),
            service: self.service_label(ticket.service.as_str()),
            problem_type: self.problem_label(ticket.service.as_str(), ticket.problem_type.as_str()),
            declared_authority: ticket
                .declared_authority
                .as_ref()
                .map(|code| self.authority_label(code)),
            custody: self.authority_label(&ticket.custodian.code),
            assignee: ticket.assignee.as_ref().map(assignee_view),
            resolution_code: ticket
                .state
                .resolution()
                .map(|code| code.as_str().to_owned()),
            priority: ticket.priority.as_str().to_owned(),
            kind: ticket.kind.map(|kind| kind.as_str().to_owned()),
            tags: ticket.tags.clone(),
            channel: dossier.channel.as_str().to_owned(),
            needs_attention: ticket.needs_attention,
            restricted_at: ticket.restricted_at,
            requester: person(dossier, identity),
            description: dossier.description.clone(),
            extra: extra_for(&dossier.details.extra, identity),
            created_at: ticket.created_at,
            updated_at: ticket.updated_at,
            closes_at: reply_end(ticket),
            sla: self.sla_view(ticket, dossier.due_at, clocks),
            reopen_count: ticket.reopens,
            reminder_count: ticket.reminders,
            nudge_count: ticket.nudges,
            last_nudged_at: ticket.nudged_at,
            anonymised_at: ticket.anonymised_at,
            bounce_count: ticket.bounces,
            follow_up_of: dossier.follow_up_of,
            playbook: ticket.playbook.clone(),
            merge_undo_until: match (ticket.state, &ticket.merged_into) {
                (State::Removed { at }, Some(_)) => {
                    let windows = self.settings.windows_for(ticket);
                    at.checked_add(windows.undo_merge).ok()
                }
                _ => None,
            },
            merged_into: ticket.merged_into.clone(),
            legs: legs.collect(),
            allowed_actions: self.allowed_actions(ticket, staff, verdict),
        }
    }
}

/// The clocks that stood still when a past custodian left the ticket: what its successors did with the
/// others is not theirs to know.
fn clocks_as_left(clocks: &[Clock], left: &Ticket) -> Vec<Clock> {
    let end = left.legs.last().and_then(|leg| leg.closed.as_ref());
    let last = left.legs.last().map_or(0, |leg| leg.no);
    let stood = |clock: &&Clock| match (clock.run, end) {
        (Run::Stopped { at }, Some(end)) => clock.leg <= last && at <= end.at,
        _ => false,
    };
    clocks.iter().filter(stood).cloned().collect()
}

/// An owner as shown.
pub fn assignee_view(assignee: &Assignee) -> AssigneeView {
    match assignee {
        Assignee::Operator(account) => AssigneeView {
            id: account.to_string(),
            kind: "operator".to_owned(),
            label: None,
        },
        Assignee::Pool(pool) => AssigneeView {
            id: pool.code().to_owned(),
            kind: "pool".to_owned(),
            label: Some(pool.label().to_owned()),
        },
    }
}

/// The requester, as whole as their reader may see them.
pub(crate) fn person(dossier: &Dossier, identity: Identity) -> Person {
    let masked = identity == Identity::Masked;
    let phone = |number: &Option<String>| match (number, masked) {
        (Some(number), true) => Some(masking::phone(number)),
        (number, _) => number.clone(),
    };
    let email = |address: &str| match masked {
        true => masking::email(address),
        false => address.to_owned(),
    };
    Person {
        kind: dossier.requester.as_str().to_owned(),
        verified: dossier.requester == storage::tickets::RequesterKind::Citizen,
        given_name: dossier.given_name.clone(),
        family_name: dossier.family_name.clone(),
        tax_code: match masked {
            true => TaxCode::from_stored(dossier.tax_code.clone()).masked(),
            false => dossier.tax_code.clone(),
        },
        email: email(&dossier.email),
        phone: phone(&dossier.phone),
        recall_phone: phone(&dossier.details.recall_phone),
        notification_email: dossier.details.notification_email.as_deref().map(email),
        requester_role: dossier.details.requester_role.clone(),
        masked,
    }
}

/// What the service's own form asked for: of numbers that people were given, such as that of a health
/// card, others are shown the end.
fn extra_for(extra: &Map<String, Value>, identity: Identity) -> Map<String, Value> {
    let shown = |value: &Value| match (value, identity) {
        (Value::String(text), Identity::Masked) if is_given_number(text) => {
            Value::String(masking::phone(text))
        }
        (value, _) => value.clone(),
    };
    let members = extra.iter();
    members
        .map(|(key, value)| (key.clone(), shown(value)))
        .collect()
}

fn is_given_number(text: &str) -> bool {
    text.len() >= 8 && text.bytes().all(|one| one.is_ascii_digit())
}

/// Takes out of an entry what its reader may not know: the rule that found a desk, and, for an
/// authority, what another desk's playbook said and which ticket another desk linked.
fn curtail(details: &mut Map<String, Value>, entry: &Entry, staff: &Staff) {
    if !has(staff.role, Right::ReadRouting) {
        details.remove("route");
    }
    let is_region = matches!(Scope::of(staff), Scope::Region(_));
    if is_region || entry.actor_desk.as_ref() == Some(&staff.authority) {
        return;
    }
    match &entry.change {
        Change::PlaybookDecided(_) | Change::PlaybookOverridden { .. } => details.clear(),
        Change::HandedOver { .. } => drop(details.remove("playbook")),
        Change::LinkAdded { .. } | Change::LinkRemoved { .. } => drop(details.remove("other")),
        _ => {}
    }
}

fn timeline_entry(entry: Entry, files: &[StoredAttachment], staff: &Staff) -> TimelineEntry {
    let mut details = match serde_json::to_value(&entry.change) {
        Ok(Value::Object(mut change)) => match change.remove("data") {
            Some(Value::Object(data)) => data,
            _ => Map::new(),
        },
        _ => Map::new(),
    };
    curtail(&mut details, &entry, staff);
    TimelineEntry {
        seq: entry.seq,
        at: entry.at,
        event: entry.change.kind().to_owned(),
        details,
        state: entry.state,
        author: Author {
            kind: entry.actor_kind,
            label: entry.actor_label,
            authority: entry.actor_desk.map(|code| code.to_string()),
        },
        attachments: files_of(files, entry.seq, entry.seq == 1 || entry.note.is_some()),
        kind: entry
            .note
            .as_ref()
            .map(|note| note.kind.as_str().to_owned()),
        audience: entry.note.as_ref().map(|note| note.audience),
        body: entry.note.map(|note| note.body),
    }
}

//! An operator's update: a note and, if asked, a move, in one transaction.

use domain::actor::{Actor, Staff};
use domain::command::{Command, Description};
use domain::email::EmailAddress;
use domain::event::{Change, Event};
use domain::ids::TicketRef;
use domain::invalid::{FieldError, Invalid};
use domain::note::{Attachment, Audience};
use domain::notification::Before;
use domain::phone::PhoneNumber;
use domain::state::{Priority, TicketKind};
use domain::ticket::Ticket;
use domain::visibility::{Scope, View, view_of};
use serde::{Deserialize, Serialize};
use storage::tickets::{self, Dossier};
use storage::{DbConnection, StoreError, accounts, sla};

use crate::action_form::{CheckedAction, not_in_list};
use crate::notify::{Notified, told};
use crate::once::{Answer, Once};
use crate::screen::StaffTicket;
use crate::{Desk, DeskError};

/// What an action led to.
#[derive(Clone, Serialize, Deserialize)]
pub struct Updated {
    /// The ticket as it stands now.
    pub ticket: StaffTicket,
    /// The entry the action wrote.
    pub entry: WrittenEntry,
    /// Who is told.
    pub notified: Vec<Notified>,
}

/// The entry of history that carries an action.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WrittenEntry {
    /// Its place.
    pub seq: i64,
    /// When.
    pub at: jiff::Timestamp,
    /// What happened.
    pub event: String,
    /// `note` if something was written.
    pub kind: Option<String>,
    /// Who reads what was written.
    pub audience: Option<Audience>,
}

/// Descriptive members to change, as they were sent: `Some(None)` clears (RFC 7396).
#[derive(Debug, Clone, Default)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct PatchForm {
    pub priority: Option<Option<String>>,
    pub kind: Option<Option<String>>,
    pub tags: Option<Option<Vec<String>>>,
    pub recall_phone: Option<Option<String>>,
    pub notification_email: Option<Option<String>>,
}

/// Most tags on a ticket.
const MAX_TAGS: usize = 20;
/// Longest tag.
const MAX_TAG_CHARS: usize = 30;

impl Desk {
    /// Records an operator's action on the ticket as they saw it at version `seen`.
    pub fn record_update(
        &self,
        staff: &Staff,
        wanted: TicketRef,
        seen: i64,
        form: CheckedAction,
        file: Option<Attachment>,
        once: &Once,
    ) -> Result<Answer<Updated>, DeskError> {
        let (desk, staff) = (self.clone(), staff.clone());
        self.write_once(&Scope::of(&staff), once, move |conn| {
            let now = desk.clock.now();
            let (mut ticket, dossier) = desk.load_at(conn, &staff, &wanted, seen)?;
            desk.act(conn, &staff, &mut ticket, &dossier, form, file, now)
        })
    }

    /// Does what an action says to a ticket that was just read.
    #[expect(
        clippy::too_many_arguments,
        reason = "who does what to which ticket, with which file and when: each is needed"
    )]
    pub(crate) fn act(
        &self,
        conn: &mut DbConnection,
        staff: &Staff,
        ticket: &mut Ticket,
        dossier: &Dossier,
        mut form: CheckedAction,
        file: Option<Attachment>,
        now: jiff::Timestamp,
    ) -> Result<Updated, DeskError> {
        let before = Before::of(ticket);
        let windows = self.settings.windows_for(ticket).clone();
        // Whether they may at all is told before what is wrong with how they asked.
        ticket.permits(form.action(), staff, now, &windows)?;
        form.use_template(conn, staff, now)?;
        let verdict = self.verdict_on(conn, ticket, form.action())?;
        let opening = match form.activity() {
            Some(terms) => Some(self.opening(conn, ticket, terms)?),
            None => None,
        };
        let mut update = form.resolve(self, conn, (ticket, dossier), staff, file, now)?;
        update.playbook = verdict.clone();
        let actor = Actor::Staff(staff.clone());
        let events = ticket.decide(&Command::Update(Box::new(update)), &actor, now, &windows)?;
        let is_over = |event: &Event| matches!(event.change, Change::HandedOver { .. });
        let is_against = |event: &Event| matches!(event.change, Change::PlaybookOverridden { .. });
        if events.iter().any(is_over) {
            let is_overridden = events.iter().any(is_against);
            self.note_hand_over(conn, ticket, staff, is_overridden, now)?;
        }
        let clocks = self.record(conn, ticket, dossier, &events, &actor, None, now)?;
        self.keep_activities(conn, ticket, &events, opening, staff, now)?;
        let (entry, notified) = summary(&events, before, dossier)?;
        let view = view_of(ticket, &Scope::of(staff)).unwrap_or(View::Custodian);
        let mut shown = self.staff_ticket(ticket, dossier, staff, view, &clocks, &verdict);
        self.name_assignee(conn, &mut shown)?;
        Ok(Updated {
            ticket: shown,
            entry,
            notified,
        })
    }

    /// Changes descriptive members of a ticket.
    pub fn describe(
        &self,
        staff: &Staff,
        wanted: TicketRef,
        seen: i64,
        form: PatchForm,
    ) -> Result<StaffTicket, DeskError> {
        let (wish, phone, email) = form.check().map_err(DeskError::Invalid)?;
        let (desk, staff) = (self.clone(), staff.clone());
        self.db.write_in(&Scope::of(&staff), move |conn| {
            let now = desk.clock.now();
            let (mut ticket, mut dossier) = desk.load_at(conn, &staff, &wanted, seen)?;
            let windows = desk.settings.windows_for(&ticket).clone();
            let actor = Actor::Staff(staff.clone());
            if let Some(phone) = phone {
                dossier.details.recall_phone = phone;
            }
            if let Some(email) = email {
                dossier.details.notification_email = email;
            }
            let contacts = (!wish.contacts.is_empty()).then_some(&dossier);
            let events = ticket.decide(&Command::Describe(wish.clone()), &actor, now, &windows)?;
            // An empty patch changes nothing, and so leaves no trace.
            let clocks = if wish != Description::default() {
                desk.record(conn, &mut ticket, &dossier, &events, &actor, contacts, now)?
            } else {
                sla::find(conn, ticket.id)?.unwrap_or_default().clocks
            };
            let verdict = desk.governance(conn, &ticket, None)?;
            let view = View::Custodian;
            let mut shown = desk.staff_ticket(&ticket, &dossier, &staff, view, &clocks, &verdict);
            desk.name_assignee(conn, &mut shown)?;
            Ok(shown)
        })
    }

    pub(crate) fn name_assignee(
        &self,
        conn: &mut DbConnection,
        shown: &mut StaffTicket,
    ) -> Result<(), StoreError> {
        if let Some(owner) = &mut shown.assignee
            && let Ok(account) = owner.id.parse()
        {
            owner.label = accounts::find_label(conn, account)?;
        }
        Ok(())
    }

    pub(crate) fn load_at(
        &self,
        conn: &mut DbConnection,
        staff: &Staff,
        wanted: &TicketRef,
        seen: i64,
    ) -> Result<(Ticket, Dossier), DeskError> {
        let scope = Scope::of(staff);
        let (ticket, dossier) = tickets::find(conn, &scope, wanted)?.ok_or(DeskError::NotFound)?;
        // A past custodian may not write whatever it saw, and is not told the version now.
        let is_past = matches!(view_of(&ticket, &scope), Some(View::Until(_)));
        if is_past || ticket.version == seen {
            Ok((ticket, dossier))
        } else {
            Err(DeskError::Stale {
                current: ticket.version,
            })
        }
    }
}

/// The entry to show for a change: the one that carries the note, else the last.
fn summary(
    events: &[Event],
    before: Before,
    dossier: &Dossier,
) -> Result<(WrittenEntry, Vec<Notified>), DeskError> {
    // Why a playbook was overridden stands before what was done.
    let main = events
        .iter()
        .rfind(|event| event.note.is_some())
        .or(events.last());
    let event = main.ok_or(DeskError::Broken("a decision without events", None))?;
    let entry = WrittenEntry {
        seq: event.seq,
        at: event.at,
        event: event.change.kind().to_owned(),
        kind: event
            .note
            .as_ref()
            .map(|note| note.kind.as_str().to_owned()),
        audience: event.note.as_ref().map(|note| note.audience),
    };
    Ok((
        entry,
        events
            .iter()
            .flat_map(|event| told(event, before, dossier.requester))
            .collect(),
    ))
}

type Contact = Option<Option<String>>;

impl PatchForm {
    fn check(self) -> Result<(Description, Contact, Contact), Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut wish = Description::default();
        match self.priority.as_ref().map(Option::as_deref) {
            None => {}
            Some(None) => wish.priority = Some(Priority::Medium),
            Some(Some(code)) => match Priority::from_code(code) {
                Some(priority) => wish.priority = Some(priority),
                None => errors.push(not_in_list().at("/priority")),
            },
        }
        match self.kind.as_ref().map(Option::as_deref) {
            None => {}
            Some(None) => wish.kind = Some(None),
            Some(Some(code)) => match TicketKind::from_code(code) {
                Some(kind) => wish.kind = Some(Some(kind)),
                None => errors.push(not_in_list().at("/kind")),
            },
        }
        if let Some(tags) = self.tags {
            wish.tags = Some(check_tags(tags.unwrap_or_default(), &mut errors));
        }
        let phone = contact(
            self.recall_phone,
            "recall_phone",
            &mut wish,
            &mut errors,
            |text| PhoneNumber::parse(text).map(|phone| phone.as_str().to_owned()),
        );
        let email = contact(
            self.notification_email,
            "notification_email",
            &mut wish,
            &mut errors,
            |text| EmailAddress::parse(text).map(|email| email.as_str().to_owned()),
        );
        if errors.is_empty() {
            Ok((wish, phone, email))
        } else {
            Err(errors)
        }
    }
}

fn contact(
    sent: Contact,
    member: &str,
    wish: &mut Description,
    errors: &mut Vec<FieldError>,
    parse: impl FnOnce(&str) -> Result<String, Invalid>,
) -> Contact {
    let sent = sent?;
    wish.contacts.push(member.to_owned());
    match sent.as_deref().map(parse) {
        None => Some(None),
        Some(Ok(value)) => Some(Some(value)),
        Some(Err(invalid)) => {
            errors.push(invalid.at(format!("/{member}")));
            None
        }
    }
}

/// Tags are lower-case slugs: words for finding, no place for free text about a person.
fn check_tags(mut tags: Vec<String>, errors: &mut Vec<FieldError>) -> Vec<String> {
    if tags.len() > MAX_TAGS {
        errors.push(
            Invalid::new(
                "too-many-items",
                "Al massimo 20 etichette",
                "at most 20 tags",
            )
            .at("/tags"),
        );
    }
    let is_slug = |tag: &str| {
        (1..=MAX_TAG_CHARS).contains(&tag.len())
            && tag
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    for (at, tag) in tags.iter().enumerate() {
        if !is_slug(tag) {
            let invalid = Invalid::new(
                "invalid-format",
                "Da 1 a 30 lettere minuscole, cifre o trattini",
                "1 to 30 lower-case letters, digits or hyphens",
            );
            errors.push(invalid.at(format!("/tags/{at}")));
        }
    }
    tags.sort();
    tags.dedup();
    tags
}

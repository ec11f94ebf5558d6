//! What people may ask about their own data (GDPR 15–21, `conventions.md` PR-4): the register, copies,
//! erasures, restrictions, and putting wrong data right (`docs/adr/0038`).
//!
//! Which step leads where is `domain::subject_request`'s affair. Invariants: each deed is a step of a
//! request, with who and when, in the transaction that does it; nobody gets a copy or erases alone (D-6);
//! what a copy holds is what the person's own screens show (I-4).

mod correcting;
mod document;
mod erasing;
mod exporting;
mod mentions;
mod own;
mod package;

use domain::actor::Staff;
use domain::audit::{AuditActor, AuditEntry, AuditOutcome};
use domain::ids::{SubjectRequestId, TicketId};
use domain::invalid::{Invalid, Lang};
use domain::subject_request::{
    SubjectRequestChannel, SubjectRequestKind, SubjectRequestRefused, SubjectRequestState,
    SubjectRequestStep, due_at, extended,
};
use domain::tax_code::TaxCode;
use domain::visibility::Scope;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use storage::keyring::{Field, INSTALLATION};
use storage::list::{self, Key, Order, Page};
use storage::outbox::{self, Outgoing};
use storage::subject_requests::{self, Filter, SubjectRequest, Taken};
use storage::{DbConnection, StoreError, audit, keyring, lives, subjects};

pub use correcting::{CorrectedTicket, Rectification};
pub use erasing::{ErasureReport, ErasureView, ItemView, MentionView};
pub use exporting::{ExportLink, ExportView, LINK_LIFE};
pub use own::OwnSubjectRequest;
pub use storage::subject_exports::Export;

use crate::once::{Answer, Once};
use crate::texts::{MailContext, MailTemplate};
use crate::work::{Kind, Next};
use crate::{Desk, DeskError};

/// A request to enter, checked.
#[derive(Clone)]
pub struct NewSubjectRequest {
    /// What is asked.
    pub kind: SubjectRequestKind,
    /// How it came in: not one of the person's own ways.
    pub channel: SubjectRequestChannel,
    /// Who it is about.
    pub tax_code: TaxCode,
    /// When it came in; now, if nothing is said.
    pub received_at: Option<Timestamp>,
    /// What the person wrote.
    pub text: Option<String>,
    /// The language they are answered in.
    pub lang: Lang,
}

/// A request as whoever keeps the register sees it. Who it is about is masked.
#[derive(Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct SubjectRequestView {
    pub id: SubjectRequestId,
    pub version: i64,
    pub kind: SubjectRequestKind,
    pub state: SubjectRequestState,
    pub channel: SubjectRequestChannel,
    pub person: String,
    pub ticket: Option<TicketId>,
    pub has_address: bool,
    pub lang: Lang,
    pub received_at: Timestamp,
    pub due_at: Timestamp,
    pub was_extended: bool,
    pub is_overdue: bool,
    pub closed_at: Option<Timestamp>,
    pub allowed: Vec<SubjectRequestStep>,
    pub steps: Vec<StepView>,
    pub exports: Vec<ExportView>,
    pub erasures: Vec<ErasureView>,
}

/// A step of a request.
#[derive(Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct StepView {
    pub at: Timestamp,
    pub by: Option<String>,
    pub step: SubjectRequestStep,
    pub state: SubjectRequestState,
    pub text: Option<String>,
}

/// Which requests of the register somebody wants to see.
#[derive(Debug, Clone, Default)]
pub struct SubjectRequestFilter {
    /// In which state.
    pub state: Option<SubjectRequestState>,
    /// Of which kind.
    pub kind: Option<SubjectRequestKind>,
    /// Those alone whose term is over.
    pub overdue: bool,
}

/// A deed that goes with a request: which, by whom, and what is to be remembered of it.
struct Deed<'a> {
    step: SubjectRequestStep,
    staff: &'a Staff,
    /// The version that was seen; none where the deed adds to the request and changes nothing in it.
    seen: Option<i64>,
    text: Option<String>,
    now: Timestamp,
}

impl Desk {
    /// Enters a request that reached the officer.
    pub fn enter_subject_request(
        &self,
        staff: &Staff,
        new: NewSubjectRequest,
        once: &Once,
    ) -> Result<Answer<SubjectRequestView>, DeskError> {
        let (desk, staff) = (self.clone(), staff.clone());
        self.write_once(&Scope::System, once, move |conn| {
            let now = desk.clock.now();
            let received_at = new.received_at.unwrap_or(now);
            let request = SubjectRequest {
                id: SubjectRequestId::new(desk.ids.uuid()),
                version: 1,
                kind: new.kind,
                state: SubjectRequestState::Received,
                channel: new.channel,
                tax_code: new.tax_code.as_str().to_owned(),
                identity: None,
                ticket: None,
                email: None,
                lang: new.lang,
                received_at,
                due_at: due_at(received_at, &desk.settings.time_zone),
                was_extended: false,
                overdue_at: None,
                closed_at: None,
                author: Some(staff.account),
                created_at: now,
            };
            desk.receive(conn, &request, new.text, now)?;
            desk.subject_request_view(conn, request, true)
        })
    }

    /// Puts a request into the register.
    fn receive(
        &self,
        conn: &mut DbConnection,
        request: &SubjectRequest,
        text: Option<String>,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        subject_requests::insert(conn, request)?;
        let taken = Taken {
            seq: request.version,
            at: now,
            author: request.author,
            author_label: None,
            step: SubjectRequestStep::Receive,
            state: request.state,
            reason: text,
        };
        subject_requests::add_step(conn, request.id, &taken)?;
        let after = just_after(request.due_at);
        self.schedule(conn, Kind::SubjectRequest, request.id.uuid(), Some(after))
    }

    /// A page of the register, those due first.
    pub fn list_subject_requests(
        &self,
        filter: &SubjectRequestFilter,
        after: Option<(Timestamp, SubjectRequestId)>,
        limit: i64,
    ) -> Result<Vec<SubjectRequestView>, DeskError> {
        let filter = Filter {
            state: filter.state,
            kind: filter.kind,
            overdue_at: filter.overdue.then(|| self.clock.now()),
        };
        self.db.read_snapshot_in(&Scope::System, |conn| {
            let found = subject_requests::list(conn, &filter, after, limit)?;
            let views = found.into_iter();
            views
                .map(|one| self.subject_request_view(conn, one, false))
                .collect()
        })
    }

    /// One request, with all that was done.
    pub fn show_subject_request(
        &self,
        id: SubjectRequestId,
    ) -> Result<SubjectRequestView, DeskError> {
        self.db.read_snapshot_in(&Scope::System, |conn| {
            let request = found(conn, id)?;
            self.subject_request_view(conn, request, true)
        })
    }

    /// Takes a step; the person is told of a longer term and of the answer, where there is an address.
    pub fn step_subject_request(
        &self,
        staff: &Staff,
        id: SubjectRequestId,
        seen: i64,
        (step, text): (SubjectRequestStep, Option<String>),
        once: &Once,
    ) -> Result<Answer<SubjectRequestView>, DeskError> {
        if step.needs_reason() && text.is_none() {
            return Err(DeskError::field(Invalid::required().at("/text")));
        }
        let (desk, staff) = (self.clone(), staff.clone());
        self.write_once(&Scope::System, once, move |conn| {
            let now = desk.clock.now();
            let is_told = text.is_some();
            let deed = Deed {
                step,
                staff: &staff,
                seen: Some(seen),
                text,
                now,
            };
            let request = desk.take_rights_step(conn, id, deed)?;
            if is_told && let Some(email) = request.email.clone() {
                let template = match step {
                    SubjectRequestStep::Extend => Some(MailTemplate::RightsExtended),
                    SubjectRequestStep::Finish | SubjectRequestStep::Refuse => {
                        Some(MailTemplate::RightsAnswered)
                    }
                    _ => None,
                };
                if let Some(template) = template {
                    let message = Outgoing {
                        payload: Some(format!("{}/{}", request.id, request.version)),
                        ..desk.message(template, email, request.lang)
                    };
                    outbox::put(conn, &message, now)?;
                }
            }
            desk.subject_request_view(conn, request, true)
        })
    }

    /// Takes one step or deed: whether it is possible now, the request as it is then, and the entry that
    /// tells of it.
    fn take_rights_step(
        &self,
        conn: &mut DbConnection,
        id: SubjectRequestId,
        deed: Deed<'_>,
    ) -> Result<SubjectRequest, DeskError> {
        let mut request = found(conn, id)?;
        let was = request.version;
        if deed.seen.is_some_and(|seen| seen != was) {
            return Err(DeskError::Stale { current: was });
        }
        if !deed.step.fits(request.kind) {
            let kind = request.kind;
            return Err(SubjectRequestRefused::OtherKind { kind }.into());
        }
        request.state = request.state.step(deed.step)?;
        request.version += 1;
        if deed.step == SubjectRequestStep::Extend {
            let zone = &self.settings.time_zone;
            request.due_at = extended(request.due_at, request.was_extended, zone)?;
            request.was_extended = true;
            request.overdue_at = None;
            let after = just_after(request.due_at);
            self.schedule(conn, Kind::SubjectRequest, id.uuid(), Some(after))?;
        }
        if !request.state.is_open() && request.closed_at.is_none() {
            request.closed_at = Some(deed.now);
            self.schedule(conn, Kind::SubjectRequest, id.uuid(), None)?;
        }
        match subject_requests::save(conn, &request, was) {
            Err(StoreError::Stale) => {
                let current = found(conn, id)?.version;
                return Err(DeskError::Stale { current });
            }
            other => other?,
        }
        let taken = Taken {
            seq: request.version,
            at: deed.now,
            author: Some(deed.staff.account),
            author_label: None,
            step: deed.step,
            state: request.state,
            reason: deed.text,
        };
        subject_requests::add_step(conn, id, &taken)?;
        Ok(request)
    }

    /// Notes once that a term ran out; the register shows it from the instant on.
    pub(crate) fn look_at_subject_request(
        &self,
        conn: &mut DbConnection,
        id: SubjectRequestId,
        now: Timestamp,
    ) -> Result<Next, DeskError> {
        let Some(mut request) = subject_requests::find(conn, id)? else {
            return Ok(Next::Done);
        };
        if !request.state.is_open() || request.overdue_at.is_some() {
            return Ok(Next::Done);
        }
        if now <= request.due_at {
            return Ok(Next::At(just_after(request.due_at)));
        }
        let was = request.version;
        request.overdue_at = Some(now);
        request.version += 1;
        subject_requests::save(conn, &request, was)?;
        let taken = Taken {
            seq: request.version,
            at: now,
            author: None,
            author_label: None,
            step: SubjectRequestStep::Overdue,
            state: request.state,
            reason: None,
        };
        subject_requests::add_step(conn, id, &taken)?;
        tracing::warn!(subject_request.id = %id, "the term of a subject request ran out");
        Ok(Next::Done)
    }

    /// `whole` adds what was done.
    fn subject_request_view(
        &self,
        conn: &mut DbConnection,
        request: SubjectRequest,
        whole: bool,
    ) -> Result<SubjectRequestView, DeskError> {
        let (steps, exports, erasures) = match whole {
            true => (
                subject_requests::list_steps(conn, request.id)?,
                self.export_views(conn, request.id)?,
                self.erasure_views(conn, request.id)?,
            ),
            false => (Vec::new(), Vec::new(), Vec::new()),
        };
        Ok(SubjectRequestView {
            id: request.id,
            version: request.version,
            kind: request.kind,
            state: request.state,
            channel: request.channel,
            person: TaxCode::from_stored(request.tax_code).masked_alone(),
            ticket: request.ticket,
            has_address: request.email.is_some(),
            lang: request.lang,
            received_at: request.received_at,
            due_at: request.due_at,
            was_extended: request.was_extended,
            is_overdue: request.state.is_open() && self.clock.now() > request.due_at,
            closed_at: request.closed_at,
            allowed: request.state.allowed(),
            steps: steps
                .into_iter()
                .map(|taken| StepView {
                    at: taken.at,
                    by: taken.author_label,
                    step: taken.step,
                    state: taken.state,
                    text: taken.reason,
                })
                .collect(),
            exports,
            erasures,
        })
    }

    /// The tickets a request is about: what a tracking link reaches, as it proves no tax code, and else
    /// all that are about the person.
    fn tickets_of_subject(
        &self,
        conn: &mut DbConnection,
        request: &SubjectRequest,
    ) -> Result<Vec<TicketId>, DeskError> {
        match request.ticket {
            Some(ticket) => list_reached(conn, &Scope::Tracking(ticket)),
            None => Ok(subjects::list_tickets(conn, &request.tax_code)?),
        }
    }

    /// Writes down what the service did with a person's tickets, in the transaction that does it.
    fn note_deed(
        &self,
        conn: &mut DbConnection,
        operation: &str,
        tickets: Vec<TicketId>,
        tax_code: &str,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        let person = keyring::current()?.print(INSTALLATION, Field::Person, tax_code)?;
        let entry = AuditEntry {
            id: self.ids.uuid(),
            nth: 1,
            at: now,
            chain: INSTALLATION.to_owned(),
            actor: AuditActor::System,
            operation: operation.to_owned(),
            tickets,
            changed: Vec::new(),
            subjects: vec![person],
            purpose: Some("rights".to_owned()),
            outcome: AuditOutcome::Done,
            correlation: None,
            sign_in: None,
        };
        Ok(audit::append(conn, &entry)?)
    }

    /// What the mails of the register say.
    pub(crate) fn rights_mail_context(
        &self,
        conn: &mut DbConnection,
        message: &Outgoing,
        template: MailTemplate,
    ) -> Result<MailContext, DeskError> {
        let nothing = || DeskError::Broken("a message is about no subject request", None);
        let about = message.payload.as_deref().ok_or_else(nothing)?;
        if template == MailTemplate::ExportReady {
            return self.export_mail_context(conn, about.parse().map_err(|_| nothing())?);
        }
        let (id, seq) = about.split_once('/').ok_or_else(nothing)?;
        let id: SubjectRequestId = id.parse().map_err(|_| nothing())?;
        let seq: i64 = seq.parse().map_err(|_| nothing())?;
        let request = found(conn, id)?;
        let steps = subject_requests::list_steps(conn, id)?;
        let step = steps.into_iter().find(|taken| taken.seq == seq);
        Ok(MailContext {
            note: step.and_then(|taken| taken.reason),
            closes_on: Some(self.day_for_people(request.due_at)),
            ..MailContext::default()
        })
    }
}

fn found(conn: &mut DbConnection, id: SubjectRequestId) -> Result<SubjectRequest, DeskError> {
    subject_requests::find(conn, id)?.ok_or(DeskError::NotFound)
}

/// Refuses whoever would be both of two persons: the same account, or another account of theirs (D-6).
fn must_be_another(
    conn: &mut DbConnection,
    asked_by: domain::ids::AccountId,
    staff: &Staff,
) -> Result<(), DeskError> {
    let print = |life: Option<lives::Life>| life.and_then(|life| life.person_print);
    let asker = print(lives::find(conn, asked_by)?);
    let second = print(lives::find(conn, staff.account)?);
    let is_same = asked_by == staff.account || (asker.is_some() && asker == second);
    match is_same {
        true => Err(SubjectRequestRefused::SamePerson.into()),
        false => Ok(()),
    }
}

/// All tickets a scope reaches, the newest first.
fn list_reached(conn: &mut DbConnection, scope: &Scope) -> Result<Vec<TicketId>, DeskError> {
    const PAGE: i64 = 100;
    let mut reached = Vec::new();
    let mut after = None;
    loop {
        let page = Page {
            order: Order::CreatedAt,
            descending: true,
            after: after.take(),
            limit: PAGE,
        };
        let items = list::list(conn, scope, &list::Filter::default(), &page)?.items;
        reached.extend(items.iter().map(|item| item.id));
        match items.last() {
            Some(last) if items.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX) => {
                after = Some((Key::At(last.created_at), last.id));
            }
            _ => return Ok(reached),
        }
    }
}

/// The first moment at which a term is over that ends at `due_at`.
fn just_after(due_at: Timestamp) -> Timestamp {
    due_at
        .checked_add(SignedDuration::from_micros(1))
        .unwrap_or(due_at)
}

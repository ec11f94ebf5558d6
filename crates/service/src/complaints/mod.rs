//! The register of complaints (`domain.md` §10.4): entering them, preparing a reply, deciding it, and
//! what the complainant is told meanwhile.
//!
//! Which step leads where, and whose it is, is `domain::complaint`'s affair. Invariants: a step and its
//! entry are one transaction; what was sent is kept as it was sent; what the desk writes for itself
//! reaches no complainant.

mod entering;
mod own;
mod replying;
mod schemes;
mod steps;
mod terms;

use domain::actor::Staff;
use domain::codes::AuthorityCode;
use domain::complaint::{ComplaintState, ComplaintStep, Hand};
use domain::ids::{AccountId, ComplaintId, SchemeId, TicketId, TicketNumber};
use domain::masking;
use domain::permissions::{Reach, Right, reach};
use domain::visibility::Scope;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use storage::DbConnection;
use storage::complaints::{self, Complaint};
use storage::deliveries::Keeper;

pub use entering::{ComplainantForm, NewComplaint};
pub use own::{Filer, OwnComplaint, OwnDispatch, OwnForm};
pub use replying::ReplyForm;
pub use schemes::{SchemeForm, SchemeView};
pub use steps::{Description, PlainStep};
pub use storage::complaints::Protocol;

use crate::contacts::keeper_of;
use crate::labels::Labelled;
use crate::{Desk, DeskError};

/// A complaint as the desk sees it. Has no `Debug`, because of who complains.
#[derive(Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct ComplaintView {
    pub id: ComplaintId,
    pub version: i64,
    pub number: String,
    pub desk: Labelled,
    pub state: ComplaintState,
    pub channel: String,
    pub complainant_kind: String,
    pub complainant: String,
    pub email: Option<String>,
    pub postal_address: Option<String>,
    /// Answers kept before there were masks hold none.
    #[serde(default)]
    pub masked: bool,
    pub service: Option<Labelled>,
    pub subject: String,
    pub text: String,
    pub classification: Option<Labelled>,
    pub received_at: Timestamp,
    pub happened_at: Option<Timestamp>,
    pub late_filed: bool,
    pub due_at: Timestamp,
    pub was_extended: bool,
    pub is_overdue: bool,
    pub answered_at: Option<Timestamp>,
    pub tickets: Vec<(TicketId, TicketNumber)>,
    pub draft: Option<DraftView>,
    pub entries: Vec<EntryView>,
    pub dispatches: Vec<DispatchView>,
    pub protocols: Vec<ProtocolView>,
    pub allowed: Vec<ComplaintStep>,
}

/// A prepared reply.
#[derive(Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct DraftView {
    pub scheme: SchemeId,
    pub text: String,
}

/// What happened to a complaint.
#[derive(Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct EntryView {
    pub seq: i64,
    pub at: Timestamp,
    pub author: Option<AccountId>,
    pub author_label: Option<String>,
    pub step: Option<ComplaintStep>,
    pub state: ComplaintState,
    pub note: Option<String>,
}

/// What was sent.
#[derive(Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct DispatchView {
    pub id: String,
    pub kind: String,
    pub scheme: Option<SchemeId>,
    pub text: String,
    pub way: String,
    pub recipient: String,
    pub message: Option<String>,
    pub author: AccountId,
    pub at: Timestamp,
}

/// Where the protocol registered it.
#[derive(Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct ProtocolView {
    pub direction: String,
    pub number: String,
    pub registered_on: String,
    pub office: String,
}

/// A complaint in the register.
#[derive(Clone)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct ComplaintItem {
    pub id: ComplaintId,
    pub number: String,
    pub desk: String,
    pub state: ComplaintState,
    pub channel: String,
    pub subject: String,
    pub classification: Option<String>,
    pub received_at: Timestamp,
    pub due_at: Timestamp,
    pub late_filed: bool,
    pub is_overdue: bool,
}

/// Which complaints somebody wants to see.
#[derive(Debug, Clone, Default)]
pub struct ComplaintFilter {
    /// In which state.
    pub state: Option<ComplaintState>,
    /// Of which desk.
    pub desk: Option<AuthorityCode>,
    /// Of which classification.
    pub classification: Option<String>,
    /// Only those whose term is over.
    pub overdue: bool,
}

impl Desk {
    /// A page of the register, those due first.
    pub fn list_complaints(
        &self,
        staff: &Staff,
        filter: ComplaintFilter,
        after: Option<(Timestamp, ComplaintId)>,
        limit: i64,
    ) -> Result<Vec<ComplaintItem>, DeskError> {
        let now = self.clock.now();
        let keeper = keeper_of(staff, Right::ReadComplaints);
        let filter = complaints::Filter {
            state: filter.state,
            desk: filter.desk,
            classification: filter.classification,
            overdue_at: filter.overdue.then_some(now),
        };
        self.db.read_snapshot_in(&register_scope(staff), |conn| {
            let found = complaints::list(conn, &keeper, &filter, after, limit)?;
            let items = found.into_iter().map(|one| ComplaintItem {
                id: one.id,
                number: one.number.as_str().to_owned(),
                desk: one.desk.to_string(),
                is_overdue: is_overdue(&one, now),
                state: one.state,
                channel: one.channel.as_str().to_owned(),
                subject: one.subject,
                classification: one.classification,
                received_at: one.received_at,
                due_at: one.due_at,
                late_filed: one.late_filed,
            });
            Ok(items.collect())
        })
    }

    /// One complaint, with all that happened to it.
    pub fn show_complaint(
        &self,
        staff: &Staff,
        id: ComplaintId,
    ) -> Result<ComplaintView, DeskError> {
        self.db.read_snapshot_in(&register_scope(staff), |conn| {
            let complaint = self.reachable_complaint(conn, staff, id)?;
            self.complaint_view(conn, staff, complaint)
        })
    }

    fn reachable_complaint(
        &self,
        conn: &mut DbConnection,
        staff: &Staff,
        id: ComplaintId,
    ) -> Result<Complaint, DeskError> {
        let keeper = keeper_of(staff, Right::ReadComplaints);
        complaints::find(conn, &keeper, id)?.ok_or(DeskError::NotFound)
    }

    fn complaint_view(
        &self,
        conn: &mut DbConnection,
        staff: &Staff,
        one: Complaint,
    ) -> Result<ComplaintView, DeskError> {
        let now = self.clock.now();
        let today = self.day_of(now);
        let entries = complaints::list_entries(conn, one.id)?;
        let dispatches = complaints::list_dispatches(conn, one.id)?;
        let protocols = complaints::list_protocols(conn, one.id)?;
        let classification = one.classification.as_ref().map(|code| {
            let entry = self.reference.codes.complaint_classification(code, today);
            Labelled {
                code: code.clone(),
                label: entry.map_or_else(
                    || domain::invalid::Text::owned(code.clone(), code.clone()),
                    |entry| entry.label.clone(),
                ),
            }
        });
        // Whoever looks on, and answers nobody here, needs no way to reach the complainant (PR-3).
        let masked = !holds(staff, Right::PrepareComplaints, &one.desk);
        let allowed = match masked {
            true => Vec::new(),
            false => one.state.allowed(Hand::Staff(staff.role)),
        };
        let email = |address: String| match masked {
            true => masking::email(&address),
            false => address,
        };
        let more_time = |step: &ComplaintStep| *step != ComplaintStep::Extend || !one.was_extended;
        Ok(ComplaintView {
            id: one.id,
            version: one.version,
            number: one.number.as_str().to_owned(),
            desk: self.authority_label(&one.desk),
            is_overdue: is_overdue(&one, now),
            allowed: allowed.into_iter().filter(more_time).collect(),
            tickets: complaints::list_tickets(conn, &register_scope(staff), one.id)?,
            state: one.state,
            channel: one.channel.as_str().to_owned(),
            complainant_kind: one.complainant.kind.as_str().to_owned(),
            complainant: one.complainant.label,
            email: one.complainant.email.map(email),
            postal_address: one.complainant.postal_address.filter(|_| !masked),
            masked,
            service: one.service.map(|code| self.service_label(&code)),
            subject: one.subject,
            text: one.body,
            classification,
            received_at: one.received_at,
            happened_at: one.happened_at,
            late_filed: one.late_filed,
            due_at: one.due_at,
            was_extended: one.was_extended,
            answered_at: one.answered_at,
            draft: one.draft.map(|draft| DraftView {
                scheme: draft.scheme,
                text: draft.text,
            }),
            entries: entries
                .into_iter()
                .map(|entry| EntryView {
                    seq: entry.seq,
                    at: entry.at,
                    author: entry.author,
                    author_label: entry.author_label,
                    step: entry.step,
                    state: entry.state,
                    note: entry.note,
                })
                .collect(),
            dispatches: dispatches
                .into_iter()
                .map(|sent| DispatchView {
                    id: sent.id.to_string(),
                    kind: sent.kind.as_str().to_owned(),
                    scheme: sent.scheme,
                    text: sent.body,
                    way: sent.way.as_str().to_owned(),
                    recipient: match sent.recipient.contains('@') {
                        true => email(sent.recipient),
                        false => sent.recipient,
                    },
                    message: sent.message.map(|id| id.to_string()),
                    author: sent.author,
                    at: sent.at,
                })
                .collect(),
            protocols: protocols.into_iter().map(protocol_view).collect(),
        })
    }
}

/// The scope in which a placement reads the register: auditors read it whole, and no tickets.
fn register_scope(staff: &Staff) -> Scope {
    match keeper_of(staff, Right::ReadComplaints) {
        Keeper::Everything => Scope::Region(staff.authority.clone()),
        Keeper::Desk(code) => Scope::Authority(code),
    }
}

/// Whether a right reaches what this desk answers for: who reads all of the region does not write
/// there.
fn holds(staff: &Staff, right: Right, desk: &AuthorityCode) -> bool {
    match reach(staff.role, right) {
        Reach::All => true,
        Reach::Desk | Reach::Region => staff.authority == *desk,
        Reach::Activities | Reach::No => false,
    }
}

fn is_overdue(complaint: &Complaint, now: Timestamp) -> bool {
    complaint.state.is_open() && complaint.due_at < now
}

fn protocol_view(protocol: Protocol) -> ProtocolView {
    ProtocolView {
        direction: protocol.direction.as_str().to_owned(),
        number: protocol.number,
        registered_on: protocol.registered_on,
        office: protocol.office,
    }
}

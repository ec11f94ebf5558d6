//! The steps of a complaint that nobody outside is told of, and the links to requests.

use domain::actor::Staff;
use domain::complaint::{ComplaintRefused, ComplaintStep, Hand};
use domain::ids::ComplaintId;
use domain::permissions::Right;
use domain::text::NoteBody;
use jiff::Timestamp;
use storage::complaints::{self, Complaint, Entry, Protocol};
use storage::{DbConnection, StoreError};

use super::{ComplaintView, holds, register_scope};
use crate::action_form::not_in_list;
use crate::once::{Answer, Once};
use crate::work::Kind;
use crate::{Desk, DeskError};

/// A step without anything to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainStep {
    /// See [`ComplaintStep::Prepare`].
    Prepare,
    /// See [`ComplaintStep::AskAuthority`].
    AskAuthority,
    /// See [`ComplaintStep::Resume`].
    Resume,
    /// See [`ComplaintStep::Note`].
    Note,
    /// See [`ComplaintStep::ReturnReply`].
    ReturnReply,
    /// See [`ComplaintStep::Reexamine`].
    Reexamine,
    /// See [`ComplaintStep::Archive`].
    Archive,
}

impl PlainStep {
    /// Every plain step.
    pub const ALL: [PlainStep; 7] = [
        PlainStep::Prepare,
        PlainStep::AskAuthority,
        PlainStep::Resume,
        PlainStep::Note,
        PlainStep::ReturnReply,
        PlainStep::Reexamine,
        PlainStep::Archive,
    ];

    /// The step as the domain knows it.
    pub const fn step(self) -> ComplaintStep {
        match self {
            PlainStep::Prepare => ComplaintStep::Prepare,
            PlainStep::AskAuthority => ComplaintStep::AskAuthority,
            PlainStep::Resume => ComplaintStep::Resume,
            PlainStep::Note => ComplaintStep::Note,
            PlainStep::ReturnReply => ComplaintStep::ReturnReply,
            PlainStep::Reexamine => ComplaintStep::Reexamine,
            PlainStep::Archive => ComplaintStep::Archive,
        }
    }

    /// The code used in the API.
    pub const fn as_str(self) -> &'static str {
        self.step().as_str()
    }

    /// The step with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        PlainStep::ALL
            .into_iter()
            .find(|step| step.as_str() == code)
    }

    /// Whether it cannot go without a note: what was written, or why.
    pub const fn needs_note(self) -> bool {
        matches!(
            self,
            PlainStep::Note | PlainStep::ReturnReply | PlainStep::Reexamine | PlainStep::Archive
        )
    }
}

/// Descriptive members to set; `None` leaves one as it is.
#[derive(Debug, Clone, Default)]
pub struct Description {
    /// What sort of complaint it is; `Some(None)` clears it.
    pub classification: Option<Option<String>>,
    /// The service it is about; `Some(None)` clears it.
    pub service: Option<Option<String>>,
    /// Tickets to link, by id or number.
    pub tickets: Vec<String>,
}

/// What a step is taken with.
pub(super) struct Taken<'a> {
    pub(super) staff: &'a Staff,
    pub(super) id: ComplaintId,
    pub(super) seen: i64,
    pub(super) step: ComplaintStep,
    pub(super) note: Option<String>,
    pub(super) now: Timestamp,
}

impl Desk {
    /// Takes a step that sends nothing.
    pub fn step_complaint(
        &self,
        staff: &Staff,
        id: ComplaintId,
        seen: i64,
        (step, note): (PlainStep, Option<NoteBody>),
        once: &Once,
    ) -> Result<Answer<ComplaintView>, DeskError> {
        let (desk, staff) = (self.clone(), staff.clone());
        self.write_once(&register_scope(&staff), once, move |conn| {
            let now = desk.clock.now();
            let taken = Taken {
                staff: &staff,
                id,
                seen,
                step: step.step(),
                note: note.map(NoteBody::into_string),
                now,
            };
            let stepped = desk.take_step(conn, taken, |conn, complaint| {
                match step {
                    // A reply that is looked at again is owed again, within the same term.
                    PlainStep::Reexamine => {
                        complaint.due_at = desk.settings.complaints.due_at(now);
                        complaint.overdue_told = false;
                        let due_at = Some(complaint.due_at);
                        desk.schedule(conn, Kind::Complaint, id.uuid(), due_at)?;
                    }
                    PlainStep::Archive => {
                        desk.schedule(conn, Kind::Complaint, id.uuid(), None)?;
                    }
                    _ => {}
                }
                Ok(())
            })?;
            desk.complaint_view(conn, &staff, stepped)
        })
    }

    /// Classifies a complaint, and links requests to it.
    pub fn describe_complaint(
        &self,
        staff: &Staff,
        id: ComplaintId,
        seen: i64,
        wish: Description,
    ) -> Result<ComplaintView, DeskError> {
        let (desk, staff) = (self.clone(), staff.clone());
        let scope = register_scope(&staff);
        self.db.write_in(&scope.clone(), move |conn| {
            let now = desk.clock.now();
            let taken = Taken {
                staff: &staff,
                id,
                seen,
                step: ComplaintStep::Describe,
                note: None,
                now,
            };
            let described = desk.take_step(conn, taken, |conn, complaint| {
                if let Some(code) = wish.classification {
                    complaint.classification = match code {
                        Some(code) => Some(desk.classification(&code, now)?),
                        None => None,
                    };
                }
                if let Some(code) = wish.service {
                    complaint.service = desk.complaint_service(code.as_deref(), now)?;
                }
                for ticket in desk.linked_tickets(conn, &scope, &wish.tickets)? {
                    complaints::link(conn, id, ticket)?;
                }
                Ok(())
            })?;
            desk.complaint_view(conn, &staff, described)
        })
    }

    /// Keeps where the protocol registered a complaint or its reply; it never changes again.
    pub fn register_protocol(
        &self,
        staff: &Staff,
        id: ComplaintId,
        protocol: Protocol,
        once: &Once,
    ) -> Result<Answer<ComplaintView>, DeskError> {
        let (desk, staff) = (self.clone(), staff.clone());
        self.write_once(&register_scope(&staff), once, move |conn| {
            let now = desk.clock.now();
            let complaint = desk.reachable_complaint(conn, &staff, id)?;
            if !holds(&staff, Right::PrepareComplaints, &complaint.desk) {
                return Err(DeskError::Forbidden);
            }
            desk.keep_protocol(conn, &complaint, &protocol, staff.account, now)?;
            desk.complaint_view(conn, &staff, complaint)
        })
    }

    pub(super) fn keep_protocol(
        &self,
        conn: &mut DbConnection,
        complaint: &Complaint,
        protocol: &Protocol,
        author: domain::ids::AccountId,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        match complaints::add_protocol(conn, complaint.id, protocol, author, now) {
            Err(StoreError::UniqueViolation { .. }) => Err(DeskError::field(
                domain::invalid::Invalid::new(
                    "already-registered",
                    "Questo numero di protocollo è già registrato",
                    "this protocol number is kept already",
                )
                .at("/number"),
            )),
            other => Ok(other?),
        }
    }

    /// Takes one step: whether they may, whether it is possible now, and what `change` adds; then the
    /// complaint as it is and the entry that tells of it.
    pub(super) fn take_step(
        &self,
        conn: &mut DbConnection,
        taken: Taken<'_>,
        change: impl FnOnce(&mut DbConnection, &mut Complaint) -> Result<(), DeskError>,
    ) -> Result<Complaint, DeskError> {
        let mut complaint = self.reachable_complaint(conn, taken.staff, taken.id)?;
        let hand = Hand::Staff(taken.staff.role);
        // Whether they may at all is told before whether they saw the newest.
        if !domain::complaint::may(hand, taken.step)
            || !holds(taken.staff, Right::PrepareComplaints, &complaint.desk)
        {
            let step = taken.step;
            return Err(ComplaintRefused::Forbidden { step }.into());
        }
        if complaint.version != taken.seen {
            return Err(DeskError::Stale {
                current: complaint.version,
            });
        }
        complaint.state = complaint.state.step(taken.step, hand)?;
        complaint.version += 1;
        change(conn, &mut complaint)?;
        match complaints::save(conn, &complaint, taken.seen) {
            Err(StoreError::Stale) => {
                let now = self.reachable_complaint(conn, taken.staff, taken.id)?;
                return Err(DeskError::Stale {
                    current: now.version,
                });
            }
            other => other?,
        }
        let entry = Entry {
            seq: complaint.version,
            at: taken.now,
            author: Some(taken.staff.account),
            author_label: None,
            step: Some(taken.step),
            state: complaint.state,
            note: taken.note,
        };
        complaints::add_entry(conn, &complaint.desk, complaint.id, &entry)?;
        Ok(complaint)
    }

    fn classification(&self, code: &str, now: Timestamp) -> Result<String, DeskError> {
        let codes = &self.reference.codes;
        let found = codes.complaint_classification(code, self.day_of(now));
        let unknown = || DeskError::field(not_in_list().at("/classification"));
        Ok(found.ok_or_else(unknown)?.code.clone())
    }
}

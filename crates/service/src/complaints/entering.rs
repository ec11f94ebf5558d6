//! A complaint comes in: by its complainant on the web, or entered by staff when it came by letter, on
//! the telephone or from an association.

use domain::actor::Staff;
use domain::codes::AuthorityCode;
use domain::complaint::{ComplainantKind, ComplaintChannel, ComplaintState};
use domain::email::EmailAddress;
use domain::ids::{ComplaintId, ComplaintNumber, TicketId};
use domain::invalid::{FieldError, Lang};
use domain::permissions::Right;
use domain::visibility::Scope;
use jiff::Timestamp;
use serde_json::json;
use storage::changes::News;
use storage::complaints::{self, Complainant, Complaint, Entry, Protocol};
use storage::outbox::{self, Outgoing};
use storage::{DbConnection, counters};

use super::{ComplaintView, holds, register_scope};
use crate::action_form::not_in_list;
use crate::contacts::ticket_in_reach;
use crate::once::{Answer, Once};
use crate::texts::MailTemplate;
use crate::work::Kind;
use crate::{Desk, DeskError};

/// A complaint to enter, checked but for what it names.
#[derive(Clone)]
pub struct NewComplaint {
    /// The desk that answers; the placement's own, if none is named.
    pub desk: Option<String>,
    /// How it came in.
    pub channel: ComplaintChannel,
    /// Who complains.
    pub complainant: ComplainantForm,
    /// The service it is about.
    pub service: Option<String>,
    /// What it is about, in a line.
    pub subject: String,
    /// The complaint itself.
    pub text: String,
    /// When it came in; now, if nothing is said.
    pub received_at: Option<Timestamp>,
    /// When what it is about happened.
    pub happened_at: Option<Timestamp>,
    /// The tickets it is about, by id or number.
    pub tickets: Vec<String>,
    /// Where the protocol registered it.
    pub protocol: Option<Protocol>,
}

/// Who complains, as staff write it down.
#[derive(Clone)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct ComplainantForm {
    pub kind: ComplainantKind,
    pub label: String,
    pub email: Option<EmailAddress>,
    pub postal_address: Option<String>,
    pub lang: Lang,
}

/// What a complaint says, whoever entered it.
pub(super) struct Said {
    pub(super) desk: AuthorityCode,
    pub(super) channel: ComplaintChannel,
    pub(super) service: Option<String>,
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) received_at: Timestamp,
    pub(super) happened_at: Option<Timestamp>,
}

impl Desk {
    /// Enters a complaint that reached a desk.
    pub fn enter_complaint(
        &self,
        staff: &Staff,
        new: NewComplaint,
        once: &Once,
    ) -> Result<Answer<ComplaintView>, DeskError> {
        let (desk, staff) = (self.clone(), staff.clone());
        let scope = register_scope(&staff);
        self.write_once(&scope.clone(), once, move |conn| {
            let now = desk.clock.now();
            let at = match &new.desk {
                Some(code) => desk.desk_of_complaints(code, now)?,
                None => staff.authority.clone(),
            };
            if !holds(&staff, Right::PrepareComplaints, &at) {
                return Err(DeskError::field(not_in_list().at("/authority_code")));
            }
            let tickets = desk.linked_tickets(conn, &scope, &new.tickets)?;
            let said = Said {
                desk: at,
                channel: new.channel,
                service: desk.complaint_service(new.service.as_deref(), now)?,
                subject: new.subject,
                text: new.text,
                received_at: new.received_at.unwrap_or(now),
                happened_at: new.happened_at,
            };
            let complainant = Complainant {
                kind: new.complainant.kind,
                label: new.complainant.label,
                email: new.complainant.email.map(|email| email.as_str().to_owned()),
                postal_address: new.complainant.postal_address,
                identity: None,
                ticket: None,
                lang: new.complainant.lang,
            };
            let made = desk.register(conn, said, complainant, Some(&staff), &tickets, now)?;
            if let Some(protocol) = &new.protocol {
                complaints::add_protocol(conn, made.id, protocol, staff.account, now)?;
            }
            desk.complaint_view(conn, &staff, made)
        })
    }

    /// Puts a complaint into the register, tells the desk, and its complainant by when they hear.
    pub(super) fn register(
        &self,
        conn: &mut DbConnection,
        said: Said,
        complainant: Complainant,
        author: Option<&Staff>,
        tickets: &[TicketId],
        now: Timestamp,
    ) -> Result<Complaint, DeskError> {
        let rules = &self.settings.complaints;
        let year = self.day_of(said.received_at).year();
        let counter = counters::take_block(conn, &format!("complaints-{year:04}"), 1)?;
        let complaint = Complaint {
            id: ComplaintId::new(self.ids.uuid()),
            version: 1,
            number: ComplaintNumber::new(year, counter),
            desk: said.desk,
            state: ComplaintState::Received,
            channel: said.channel,
            complainant,
            service: said.service,
            subject: said.subject,
            body: said.text,
            classification: None,
            received_at: said.received_at,
            happened_at: said.happened_at,
            late_filed: rules.is_late(said.happened_at, said.received_at),
            due_at: rules.due_at(said.received_at),
            was_extended: false,
            draft: None,
            answered_at: None,
            overdue_told: false,
            author: author.map(|staff| staff.account),
            created_at: now,
        };
        complaints::insert(conn, &complaint)?;
        let entry = Entry {
            seq: complaint.version,
            at: now,
            author: complaint.author,
            author_label: None,
            step: None,
            state: complaint.state,
            note: None,
        };
        complaints::add_entry(conn, &complaint.desk, complaint.id, &entry)?;
        for ticket in tickets {
            complaints::link(conn, complaint.id, *ticket)?;
        }
        self.schedule(
            conn,
            Kind::Complaint,
            complaint.id.uuid(),
            Some(complaint.due_at),
        )?;
        self.publish_complaint(conn, &complaint, "complaint.received", now)?;
        if let Some(email) = complaint.complainant.email.clone() {
            let lang = complaint.complainant.lang;
            let message = Outgoing {
                desk: Some(complaint.desk.clone()),
                payload: Some(complaint.id.to_string()),
                ..self.message(MailTemplate::ComplaintReceived, email, lang)
            };
            outbox::put(conn, &message, now)?;
        }
        Ok(complaint)
    }

    /// Tells the feed of a complaint: its number and its desk, and nothing of who complains.
    pub(super) fn publish_complaint(
        &self,
        conn: &mut DbConnection,
        complaint: &Complaint,
        kind: &str,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        let news = News {
            kind: kind.to_owned(),
            desk: Some(complaint.desk.clone()),
            former_desk: None,
            ticket: None,
            seq: None,
            subject: Some(complaint.id.to_string()),
            data: json!({
                "number": complaint.number.as_str(),
                "state": complaint.state.as_str(),
                "due_at": complaint.due_at.to_string(),
            }),
        };
        self.publish(conn, &news, now)
    }

    /// The authority or the regional desk that a complaint is about.
    pub(super) fn desk_of_complaints(
        &self,
        code: &str,
        now: Timestamp,
    ) -> Result<AuthorityCode, DeskError> {
        use domain::catalogue::AuthorityKind;
        let found = self.reference.authority(code, self.day_of(now));
        let found = found.filter(|one| one.kind != AuthorityKind::Technical);
        let unknown = || DeskError::field(not_in_list().at("/authority_code"));
        found.map(|one| one.code.clone()).ok_or_else(unknown)
    }

    pub(super) fn complaint_service(
        &self,
        code: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<String>, DeskError> {
        let Some(code) = code else { return Ok(None) };
        let found = self.reference.service(code, self.day_of(now));
        let unknown = || DeskError::field(not_in_list().at("/service_code"));
        let found = found.ok_or_else(unknown)?;
        Ok(Some(found.code.as_str().to_owned()))
    }

    /// The tickets that are named, each within the scope; all that are not are told.
    pub(super) fn linked_tickets(
        &self,
        conn: &mut DbConnection,
        scope: &Scope,
        named: &[String],
    ) -> Result<Vec<TicketId>, DeskError> {
        let mut errors: Vec<FieldError> = Vec::new();
        let mut found = Vec::new();
        for (at, text) in named.iter().enumerate() {
            match ticket_in_reach(conn, scope, text) {
                Ok((id, _)) => found.push(id),
                Err(DeskError::Invalid(_)) => {
                    errors.push(not_in_list().at(format!("/tickets/{at}")));
                }
                Err(other) => return Err(other),
            }
        }
        match errors.is_empty() {
            true => Ok(found),
            false => Err(DeskError::Invalid(errors)),
        }
    }
}

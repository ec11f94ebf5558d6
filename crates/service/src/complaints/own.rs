//! Complaints as their complainants file and see them: the office, the term and what was sent to them,
//! and nothing of what the desk wrote for itself.

use domain::complaint::{ComplainantKind, ComplaintChannel, ComplaintState, DispatchKind};
use domain::email::EmailAddress;
use domain::filing::CitizenIdentity;
use domain::ids::{ComplaintId, TicketId, TicketNumber, TicketRef};
use domain::invalid::Invalid;
use domain::invalid::Lang;
use domain::visibility::Scope;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use storage::complaints::{self, Complainant, Complaint};
use storage::{DbConnection, tickets};

use super::entering::Said;
use crate::labels::Labelled;
use crate::once::{Answer, Once};
use crate::{Desk, DeskError};

/// Who files a complaint of their own.
#[derive(Clone)]
pub enum Filer {
    /// A citizen with a national identity.
    Citizen {
        /// What the identity says of them.
        person: Box<CitizenIdentity>,
        /// Issuer and subject, joined.
        identity: String,
    },
    /// The holder of a tracking link: about that request.
    Tracking(TicketId),
}

/// A complaint of one's own to file, checked but for what it names.
#[derive(Clone)]
pub struct OwnForm {
    /// The authority it is about; that of the request, if one is linked.
    pub authority: Option<String>,
    /// The service it is about.
    pub service: Option<String>,
    /// What it is about, in a line.
    pub subject: String,
    /// The complaint itself.
    pub text: String,
    /// When what it is about happened.
    pub happened_at: Option<Timestamp>,
    /// My requests that it is about, by id or number.
    pub tickets: Vec<String>,
    /// Where to send the reply; only the address that was proved is taken.
    pub email: Option<EmailAddress>,
    /// The language of the reply.
    pub lang: Lang,
}

/// A complaint as its complainant sees it.
#[derive(Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct OwnComplaint {
    pub id: ComplaintId,
    pub number: String,
    pub state: ComplaintState,
    pub office: Labelled,
    pub service: Option<Labelled>,
    pub subject: String,
    pub text: String,
    pub tickets: Vec<(TicketId, TicketNumber)>,
    pub received_at: Timestamp,
    pub due_at: Timestamp,
    pub was_extended: bool,
    pub is_overdue: bool,
    pub answered_at: Option<Timestamp>,
    pub dispatches: Vec<OwnDispatch>,
    pub created_at: Timestamp,
}

/// What a complainant was sent.
#[derive(Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct OwnDispatch {
    pub kind: DispatchKind,
    pub at: Timestamp,
    pub text: String,
}

impl Desk {
    /// Files a complaint of one's own.
    pub fn file_complaint(
        &self,
        scope: &Scope,
        filer: Filer,
        form: OwnForm,
        once: &Once,
    ) -> Result<Answer<OwnComplaint>, DeskError> {
        let (desk, scope) = (self.clone(), scope.clone());
        self.write_once(&scope.clone(), once, move |conn| {
            let now = desk.clock.now();
            let mut linked = desk.linked_tickets(conn, &scope, &form.tickets)?;
            let complainant = match filer {
                Filer::Citizen { person, identity } => Complainant {
                    kind: ComplainantKind::Person,
                    label: format!(
                        "{} {}",
                        person.given_name.as_str(),
                        person.family_name.as_str()
                    ),
                    email: proved_address(form.email, person.email)?,
                    postal_address: None,
                    identity: Some(identity),
                    ticket: None,
                    lang: form.lang,
                },
                Filer::Tracking(id) => {
                    let found = tickets::find(conn, &scope, &TicketRef::Id(id))?;
                    let (_, dossier) = found.ok_or(DeskError::NotFound)?;
                    if !linked.contains(&id) {
                        linked.insert(0, id);
                    }
                    let is_gone = dossier.is_gone();
                    let proved = (!is_gone).then(|| EmailAddress::from_stored(dossier.email));
                    Complainant {
                        kind: ComplainantKind::Person,
                        label: format!("{} {}", dossier.given_name, dossier.family_name),
                        email: proved_address(form.email, proved)?,
                        postal_address: None,
                        identity: None,
                        ticket: Some(id),
                        lang: form.lang,
                    }
                }
            };
            desk.must_be_within_complaints(conn, &complainant, now)?;
            let first = match linked.first() {
                Some(id) => tickets::find(conn, &scope, &TicketRef::Id(*id))?,
                None => None,
            };
            let at = match (&form.authority, &first) {
                (Some(code), _) => desk.desk_of_complaints(code, now)?,
                (None, Some((ticket, _))) => {
                    let told = desk.told_authority(ticket);
                    told.unwrap_or(desk.reference.region()).clone()
                }
                (None, None) => {
                    return Err(DeskError::field(Invalid::required().at("/authority_code")));
                }
            };
            let of_ticket = first.map(|(ticket, _)| ticket.service.as_str().to_owned());
            let service = desk.complaint_service(form.service.as_deref(), now)?;
            let said = Said {
                desk: at,
                channel: ComplaintChannel::Web,
                service: service.or(of_ticket),
                subject: form.subject,
                text: form.text,
                received_at: now,
                happened_at: form.happened_at,
            };
            let made = desk.register(conn, said, complainant, None, &linked, now)?;
            desk.own_complaint(conn, &scope, made, true)
        })
    }

    /// A page of one's own complaints, the newest first.
    pub fn list_own_complaints(
        &self,
        scope: &Scope,
        after: Option<(Timestamp, ComplaintId)>,
        limit: i64,
    ) -> Result<Vec<OwnComplaint>, DeskError> {
        self.db.read_snapshot_in(scope, |conn| {
            let found = complaints::list_own(conn, scope, None, after, limit)?;
            let views = found.into_iter();
            views
                .map(|one| self.own_complaint(conn, scope, one, false))
                .collect()
        })
    }

    /// One of one's own complaints, with what was sent about it.
    pub fn show_own_complaint(
        &self,
        scope: &Scope,
        id: ComplaintId,
    ) -> Result<OwnComplaint, DeskError> {
        self.db.read_snapshot_in(scope, |conn| {
            let found = complaints::find_own(conn, scope, id)?.ok_or(DeskError::NotFound)?;
            self.own_complaint(conn, scope, found, true)
        })
    }

    /// What its complainant sees; `whole` adds what was sent and the requests it is about.
    pub(crate) fn own_complaint(
        &self,
        conn: &mut DbConnection,
        scope: &Scope,
        one: Complaint,
        whole: bool,
    ) -> Result<OwnComplaint, DeskError> {
        let (sent, tickets) = match whole {
            true => (
                complaints::list_dispatches(conn, one.id)?,
                complaints::list_tickets(conn, scope, one.id)?,
            ),
            false => (Vec::new(), Vec::new()),
        };
        Ok(OwnComplaint {
            id: one.id,
            is_overdue: super::is_overdue(&one, self.clock.now()),
            number: one.number.as_str().to_owned(),
            state: one.state.told(),
            office: self.authority_label(&one.desk),
            service: one.service.map(|code| self.service_label(&code)),
            subject: one.subject,
            text: one.body,
            tickets,
            received_at: one.received_at,
            due_at: one.due_at,
            was_extended: one.was_extended,
            answered_at: one.answered_at,
            dispatches: sent
                .into_iter()
                .map(|sent| OwnDispatch {
                    kind: sent.kind,
                    at: sent.at,
                    text: sent.body,
                })
                .collect(),
            created_at: one.created_at,
        })
    }

    fn must_be_within_complaints(
        &self,
        conn: &mut DbConnection,
        complainant: &Complainant,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        let day = SignedDuration::from_hours(24);
        let since = now.checked_sub(day).unwrap_or(now);
        let filed = complaints::count_own_since(conn, complainant, since)?;
        match filed < self.settings.quotas.filings_per_day {
            true => Ok(()),
            false => Err(DeskError::Quota { retry_after: day }),
        }
    }
}

/// The address a complainant is written to: the one their identity vouches for or their request
/// proved. Another one would let anybody send our mail anywhere.
fn proved_address(
    wanted: Option<EmailAddress>,
    proved: Option<EmailAddress>,
) -> Result<Option<String>, DeskError> {
    let known = proved.as_ref().map(EmailAddress::mailbox);
    if wanted.is_some_and(|wanted| Some(wanted.mailbox()) != known) {
        let unproved = Invalid::new(
            "not-allowed",
            "Scriviamo soltanto all'indirizzo che hai già confermato",
            "only the address that was proved already can be written to",
        );
        return Err(DeskError::field(unproved.at("/email")));
    }
    Ok(proved.map(|email| email.as_str().to_owned()))
}

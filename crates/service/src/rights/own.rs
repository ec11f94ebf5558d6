//! What people ask about their own data by themselves, with a national identity or a tracking link, and
//! the copy they fetch with the same.

use domain::ids::{SubjectRequestId, TicketRef};
use domain::invalid::Lang;
use domain::subject_request::{
    ExportDelivery, ExportState, SubjectRequestChannel, SubjectRequestKind, SubjectRequestState,
    due_at,
};
use domain::visibility::Scope;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use storage::subject_exports::{self, Export};
use storage::subject_requests::{self, Asker, SubjectRequest};
use storage::{DbConnection, tickets};

use crate::complaints::Filer;
use crate::delegations::Reader;
use crate::once::{Answer, Once};
use crate::{Desk, DeskError};

/// A request as the person sees it.
#[derive(Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct OwnSubjectRequest {
    pub id: SubjectRequestId,
    pub kind: SubjectRequestKind,
    pub state: SubjectRequestState,
    pub received_at: Timestamp,
    pub due_at: Timestamp,
    pub was_extended: bool,
    pub closed_at: Option<Timestamp>,
    /// What the person was told last.
    pub answer: Option<String>,
    /// Until when a copy can be fetched here.
    pub export_until: Option<Timestamp>,
    pub created_at: Timestamp,
}

impl Desk {
    /// Asks something about one's own data.
    pub fn ask_about_own_data(
        &self,
        filer: Filer,
        kind: SubjectRequestKind,
        text: Option<String>,
        lang: Lang,
        once: &Once,
    ) -> Result<Answer<OwnSubjectRequest>, DeskError> {
        let desk = self.clone();
        self.write_once(&Scope::System, once, move |conn| {
            let now = desk.clock.now();
            let (channel, tax_code, identity, ticket, email) = match filer {
                Filer::Citizen { person, identity } => (
                    SubjectRequestChannel::Identity,
                    person.tax_code.as_str().to_owned(),
                    Some(identity),
                    None,
                    person.email.map(|email| email.as_str().to_owned()),
                ),
                Filer::Tracking(id) => {
                    let scope = Scope::Tracking(id);
                    let found = tickets::find(conn, &scope, &TicketRef::Id(id))?;
                    let (_, dossier) = found.ok_or(DeskError::NotFound)?;
                    let channel = SubjectRequestChannel::Tracking;
                    let email = Some(dossier.email);
                    (channel, dossier.tax_code, None, Some(id), email)
                }
            };
            let request = SubjectRequest {
                id: SubjectRequestId::new(desk.ids.uuid()),
                version: 1,
                kind,
                state: SubjectRequestState::Received,
                channel,
                tax_code,
                identity,
                ticket,
                email,
                lang,
                received_at: now,
                due_at: due_at(now, &desk.settings.time_zone),
                was_extended: false,
                overdue_at: None,
                closed_at: None,
                author: None,
                created_at: now,
            };
            desk.must_be_within_asking(conn, &request, now)?;
            desk.receive(conn, &request, text, now)?;
            desk.own_subject_request(conn, request)
        })
    }

    /// A page of what somebody asked by themselves, the newest first.
    pub fn list_own_subject_requests(
        &self,
        reader: &Reader,
        after: Option<(Timestamp, SubjectRequestId)>,
        limit: i64,
    ) -> Result<Vec<OwnSubjectRequest>, DeskError> {
        self.db.read_snapshot_in(&Scope::System, |conn| {
            let found = subject_requests::list_own(conn, asker(reader), None, after, limit)?;
            let views = found.into_iter();
            views
                .map(|one| self.own_subject_request(conn, one))
                .collect()
        })
    }

    /// The copy that can be fetched for a request of one's own.
    pub fn find_own_export(
        &self,
        reader: &Reader,
        id: SubjectRequestId,
    ) -> Result<Export, DeskError> {
        let now = self.clock.now();
        self.db.read_snapshot_in(&Scope::System, |conn| {
            let own = subject_requests::list_own(conn, asker(reader), Some(id), None, 1)?;
            let own = own.first().ok_or(DeskError::NotFound)?;
            ready_for_citizen(conn, own.id, now)?.ok_or(DeskError::NotFound)
        })
    }

    fn own_subject_request(
        &self,
        conn: &mut DbConnection,
        request: SubjectRequest,
    ) -> Result<OwnSubjectRequest, DeskError> {
        let steps = subject_requests::list_steps(conn, request.id)?;
        // What the officer keeps beside a deed is not for the person; what a step tells is.
        let told = steps
            .into_iter()
            .rev()
            .find(|taken| taken.step.is_for_people() && taken.reason.is_some());
        let export = ready_for_citizen(conn, request.id, self.clock.now())?;
        Ok(OwnSubjectRequest {
            id: request.id,
            kind: request.kind,
            state: request.state,
            received_at: request.received_at,
            due_at: request.due_at,
            was_extended: request.was_extended,
            closed_at: request.closed_at,
            answer: told.and_then(|taken| taken.reason),
            export_until: export.and_then(|export| export.expires_at),
            created_at: request.created_at,
        })
    }

    fn must_be_within_asking(
        &self,
        conn: &mut DbConnection,
        request: &SubjectRequest,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        let day = SignedDuration::from_hours(24);
        let since = now.checked_sub(day).unwrap_or(now);
        let most = self.settings.quotas.filings_per_day;
        let asker = match (&request.identity, request.ticket) {
            (Some(identity), _) => Asker::Identity(identity),
            (None, Some(ticket)) => Asker::Tracking(ticket),
            (None, None) => return Ok(()),
        };
        let newest = subject_requests::list_own(conn, asker, None, None, most)?;
        let today = newest.iter().filter(|one| one.created_at >= since).count();
        match i64::try_from(today).is_ok_and(|today| today < most) {
            true => Ok(()),
            false => Err(DeskError::Quota { retry_after: day }),
        }
    }
}

fn asker(reader: &Reader) -> Asker<'_> {
    match reader {
        Reader::Citizen { identity, .. } => Asker::Identity(identity),
        Reader::Tracking(ticket) => Asker::Tracking(*ticket),
    }
}

fn ready_for_citizen(
    conn: &mut DbConnection,
    request: SubjectRequestId,
    now: Timestamp,
) -> Result<Option<Export>, DeskError> {
    let exports = subject_exports::list_of(conn, request)?;
    Ok(exports.into_iter().rev().find(|export| {
        export.delivery == ExportDelivery::Citizen
            && export.state == ExportState::Ready
            && export.expires_at.is_some_and(|end| now < end)
    }))
}

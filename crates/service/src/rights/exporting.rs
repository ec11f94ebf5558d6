//! Copies of somebody's data (GDPR 15 and 20): asked for, approved by a second person where the officer
//! gets it (D-6), made by a job, and fetched once.

use domain::actor::Staff;
use domain::ids::{ExportId, SubjectRequestId};
use domain::subject_request::{
    ExportDelivery, ExportState, SubjectRequestChannel, SubjectRequestRefused, SubjectRequestStep,
};
use domain::visibility::Scope;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use storage::blobs::BlobKey;
use storage::outbox::{self, Outgoing};
use storage::subject_exports::{self, Export};
use storage::subject_requests::SubjectRequest;
use storage::{DbConnection, StoreError};

use super::{Deed, found, must_be_another};
use crate::once::{Answer, Once};
use crate::secrets::same;
use crate::texts::{MailContext, MailTemplate};
use crate::{Desk, DeskError};

/// How long a copy can be fetched, from when it is ready.
pub const LINK_LIFE: SignedDuration = SignedDuration::from_hours(24);
/// Copies made at once.
const PAGE: i64 = 5;

/// A copy as whoever keeps the register sees it.
#[derive(Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct ExportView {
    pub id: ExportId,
    pub delivery: ExportDelivery,
    pub state: ExportState,
    pub asked_at: Timestamp,
    pub approved_at: Option<Timestamp>,
    pub ready_at: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

/// Where a copy is fetched, once. No `Debug`: it holds the secret.
#[derive(Clone, Serialize, Deserialize)]
pub struct ExportLink {
    /// The address, with the secret in its fragment.
    pub url: String,
    /// Until when.
    pub expires_at: Timestamp,
}

impl Desk {
    /// Asks for a copy. What goes to the person is made at once; what the officer gets waits for a second
    /// person.
    pub fn start_export(
        &self,
        staff: &Staff,
        id: SubjectRequestId,
        delivery: ExportDelivery,
        once: &Once,
    ) -> Result<Answer<ExportView>, DeskError> {
        let (desk, staff) = (self.clone(), staff.clone());
        self.write_once(&Scope::System, once, move |conn| {
            let now = desk.clock.now();
            let deed = Deed {
                step: SubjectRequestStep::Export,
                staff: &staff,
                seen: None,
                text: None,
                now,
            };
            let request = desk.take_rights_step(conn, id, deed)?;
            must_have_way(&request, delivery)?;
            let export = Export {
                id: ExportId::new(desk.ids.uuid()),
                request: id,
                delivery,
                state: match delivery {
                    ExportDelivery::Staff => ExportState::AwaitingApproval,
                    ExportDelivery::Mail | ExportDelivery::Citizen => ExportState::Preparing,
                },
                asked: (staff.account, now),
                approved: None,
                blob: None,
                ready_at: None,
                expires_at: None,
                ended_at: None,
            };
            subject_exports::insert(conn, &export)?;
            Ok(view(&export))
        })
    }

    /// Approves a copy that the officer gets, as the second person.
    pub fn approve_export(
        &self,
        staff: &Staff,
        request: SubjectRequestId,
        id: ExportId,
        once: &Once,
    ) -> Result<Answer<ExportView>, DeskError> {
        let (desk, staff) = (self.clone(), staff.clone());
        self.write_once(&Scope::System, once, move |conn| {
            let mut export = export_of(conn, request, id)?;
            must_be_another(conn, export.asked.0, &staff)?;
            if export.state != ExportState::AwaitingApproval {
                return Err(SubjectRequestRefused::NotWaiting.into());
            }
            export.state = ExportState::Preparing;
            export.approved = Some((staff.account, desk.clock.now()));
            subject_exports::save(conn, &export, ExportState::AwaitingApproval)?;
            Ok(view(&export))
        })
    }

    /// The link by which the officer fetches an approved copy; none once it was fetched.
    pub fn show_export_link(
        &self,
        request: SubjectRequestId,
        id: ExportId,
    ) -> Result<ExportLink, DeskError> {
        let now = self.clock.now();
        let export = self
            .db
            .read_snapshot_in(&Scope::System, |conn| export_of(conn, request, id))?;
        if export.delivery != ExportDelivery::Staff {
            return Err(SubjectRequestRefused::NoWay.into());
        }
        match export.expires_at.filter(|end| is_there(&export, *end, now)) {
            Some(expires_at) => Ok(ExportLink {
                url: self.export_url(id),
                expires_at,
            }),
            None => Err(SubjectRequestRefused::NotWaiting.into()),
        }
    }

    /// Makes the copies that were asked for; the answer is how many. Two nodes that make the same one
    /// keep one.
    pub async fn make_exports(&self) -> Result<usize, DeskError> {
        let mut made = 0;
        loop {
            let page = self.db.read_snapshot_in(&Scope::System, |conn| {
                subject_exports::list_to_make(conn, PAGE)
            })?;
            if page.is_empty() {
                return Ok(made);
            }
            for export in page {
                self.make_export(export).await?;
                made += 1;
            }
        }
    }

    async fn make_export(&self, export: Export) -> Result<(), DeskError> {
        let request = self
            .db
            .read_snapshot_in(&Scope::System, |conn| found(conn, export.request))?;
        let (bytes, tickets) = self.pack(&request).await?;
        let mut random = [0; 16];
        self.ids.fill(&mut random);
        let blob = self.blobs.put(random, bytes.into()).await?;
        let key = blob.key.clone();
        let desk = self.clone();
        let kept = self.db.write_in(&Scope::System, move |conn| {
            let now = desk.clock.now();
            let ready = Export {
                state: ExportState::Ready,
                blob: Some(blob),
                ready_at: Some(now),
                expires_at: Some(now.checked_add(LINK_LIFE).unwrap_or(now)),
                ..export
            };
            subject_exports::save(conn, &ready, ExportState::Preparing)?;
            if let (ExportDelivery::Mail, Some(email)) = (ready.delivery, request.email.clone()) {
                let message = Outgoing {
                    payload: Some(ready.id.to_string()),
                    ..desk.message(MailTemplate::ExportReady, email, request.lang)
                };
                outbox::put(conn, &message, now)?;
            }
            desk.note_deed(conn, "make_export", tickets, &request.tax_code, now)
        });
        match kept {
            // Another node was faster, and its copy is the one.
            Err(DeskError::Busy) => Ok(self.blobs.delete(&key).await?),
            other => other,
        }
    }

    /// The copy a link leads to: unknown, wrong, fetched and run out are told the same way.
    pub fn find_linked_export(&self, id: ExportId, secret: &str) -> Result<Export, DeskError> {
        let now = self.clock.now();
        let found = self
            .db
            .read_snapshot_in(&Scope::System, |conn| subject_exports::find(conn, id))?;
        // The comparison runs for an unknown one, too: an answer's time tells nothing.
        let fits = same(&self.secrets.export_secret(id), secret);
        let is_linked = |export: &Export| {
            let is_theirs = export.delivery != ExportDelivery::Citizen;
            is_theirs
                && export
                    .expires_at
                    .is_some_and(|end| is_there(export, end, now))
        };
        found
            .filter(|export| fits && is_linked(export))
            .ok_or(DeskError::NotFound)
    }

    /// Reads a copy.
    pub async fn read_export(&self, export: &Export) -> Result<Vec<u8>, DeskError> {
        let blob = export.blob.as_ref().ok_or(DeskError::NotFound)?;
        Ok(self.blobs.get(blob).await?.to_vec())
    }

    /// Notes that a copy was fetched, before it is handed over: of two, one gets it.
    pub fn take_export(&self, export: Export) -> Result<(), DeskError> {
        let desk = self.clone();
        self.db.write_in(&Scope::System, move |conn| {
            let now = desk.clock.now();
            let request = found(conn, export.request)?;
            let gone = Export {
                state: ExportState::Fetched,
                blob: None,
                ended_at: Some(now),
                ..export
            };
            match subject_exports::save(conn, &gone, ExportState::Ready) {
                Err(StoreError::Stale) => return Err(DeskError::NotFound),
                other => other?,
            }
            desk.note_deed(conn, "fetch_export", Vec::new(), &request.tax_code, now)
        })
    }

    /// Takes the bytes of a fetched copy away.
    pub async fn drop_export(&self, key: &BlobKey) -> Result<(), DeskError> {
        Ok(self.blobs.delete(key).await?)
    }

    pub(super) fn export_views(
        &self,
        conn: &mut DbConnection,
        request: SubjectRequestId,
    ) -> Result<Vec<ExportView>, DeskError> {
        let exports = subject_exports::list_of(conn, request)?;
        Ok(exports.iter().map(view).collect())
    }

    pub(super) fn export_mail_context(
        &self,
        conn: &mut DbConnection,
        id: ExportId,
    ) -> Result<MailContext, DeskError> {
        let export = subject_exports::find(conn, id)?.ok_or(DeskError::NotFound)?;
        let end = export.expires_at.ok_or(DeskError::NotFound)?;
        Ok(MailContext {
            link: Some(self.export_url(id)),
            closes_on: Some(self.moment_for_people(end)),
            ..MailContext::default()
        })
    }

    fn export_url(&self, id: ExportId) -> String {
        let secret = self.secrets.export_secret(id);
        format!("{}#id={id}&secret={secret}", self.settings.export_url)
    }
}

/// A mail goes to a proved address alone, and a token is had by who asked with one.
fn must_have_way(request: &SubjectRequest, delivery: ExportDelivery) -> Result<(), DeskError> {
    let is_there = match delivery {
        ExportDelivery::Mail => request.email.is_some(),
        ExportDelivery::Citizen => matches!(
            request.channel,
            SubjectRequestChannel::Identity | SubjectRequestChannel::Tracking
        ),
        ExportDelivery::Staff => true,
    };
    match is_there {
        true => Ok(()),
        false => Err(SubjectRequestRefused::NoWay.into()),
    }
}

fn is_there(export: &Export, end: Timestamp, now: Timestamp) -> bool {
    export.state == ExportState::Ready && now < end
}

fn export_of(
    conn: &mut DbConnection,
    request: SubjectRequestId,
    id: ExportId,
) -> Result<Export, DeskError> {
    let export = subject_exports::find(conn, id)?;
    export
        .filter(|export| export.request == request)
        .ok_or(DeskError::NotFound)
}

fn view(export: &Export) -> ExportView {
    ExportView {
        id: export.id,
        delivery: export.delivery,
        state: export.state,
        asked_at: export.asked.1,
        approved_at: export.approved.map(|(_, at)| at),
        ready_at: export.ready_at,
        expires_at: export.expires_at,
        ended_at: export.ended_at,
    }
}

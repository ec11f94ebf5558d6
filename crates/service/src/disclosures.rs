//! Stated looks at personal data (`domain.md` §2.2, `conventions.md` PR-3 and PR-5): a requester's full
//! identity for who has not the ticket in custody, and a ticket's screen for an auditor.
//!
//! Invariant: nothing is shown whose purpose and reason are not written down, in one transaction with the
//! entry of the audit trail. A kept answer holds no identity: who repeats the request looks again.

use domain::actor::Staff;
use domain::ids::{DisclosureId, TicketId, TicketNumber, TicketRef};
use domain::permissions::{Right, has};
use domain::purpose::{Purpose, Reason};
use domain::visibility::{Identity, Scope};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use storage::disclosures::{self, Disclosure};
use storage::{DbConnection, dialect, tickets};

use crate::granted::state_purpose;
use crate::once::{Answer, Once};
use crate::screen::{Person, person};
use crate::{Desk, DeskError};

/// Why somebody looks.
#[derive(Debug, Clone)]
pub struct Stated {
    /// The purpose.
    pub purpose: Purpose,
    /// The reason in their own words.
    pub reason: Reason,
}

/// A stated look, for an auditor's list.
pub struct DisclosureView {
    /// What was stated.
    pub disclosure: Disclosure,
    /// The ticket's number.
    pub number: TicketNumber,
    /// The name of who looked.
    pub label: String,
}

/// What was written down.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Noted {
    /// Its id.
    pub id: DisclosureId,
    /// The ticket.
    pub ticket: TicketId,
    /// When.
    pub at: Timestamp,
    /// Until when the ticket is open; none where the identity was asked for.
    pub until: Option<Timestamp>,
}

/// How long the limit of [`crate::settings::PrivacySettings::looks_per_hour`] counts back.
const LIMIT_SPAN: SignedDuration = SignedDuration::from_hours(1);

impl Desk {
    /// Shows the full identity and contacts of a ticket's requester, once it is written down why.
    pub fn disclose(
        &self,
        staff: &Staff,
        wanted: TicketRef,
        stated: Stated,
        once: &Once,
    ) -> Result<(Answer<Noted>, Person), DeskError> {
        let answer = self.state(staff, wanted, stated, Looking::AtIdentity, once)?;
        let scope = looking_scope(staff);
        let id = TicketRef::Id(answer.value.ticket);
        let shown = self.db.read_snapshot_in(&scope, |conn| {
            let (_, dossier) = tickets::find(conn, &scope, &id)?.ok_or(DeskError::NotFound)?;
            Ok::<_, DeskError>(person(&dossier, Identity::Full))
        })?;
        Ok((answer, shown))
    }

    /// Opens a ticket's screen to an auditor for hours, once it is written down why.
    pub fn inspect(
        &self,
        staff: &Staff,
        wanted: TicketRef,
        stated: Stated,
        once: &Once,
    ) -> Result<Answer<Noted>, DeskError> {
        self.state(staff, wanted, stated, Looking::AtTicket, once)
    }

    /// A page of what was stated, the newest first.
    pub fn list_disclosures(
        &self,
        wanted: Option<TicketRef>,
        before: Option<(Timestamp, DisclosureId)>,
        limit: i64,
    ) -> Result<Vec<DisclosureView>, DeskError> {
        self.db.read_snapshot_in(&Scope::System, |conn| {
            let ticket = match &wanted {
                None => None,
                Some(wanted) => match tickets::find_id(conn, wanted)? {
                    Some(id) => Some(id),
                    None => return Ok(Vec::new()),
                },
            };
            let found = disclosures::list(conn, ticket, before, limit)?;
            let view =
                |(disclosure, number, label): (Disclosure, TicketNumber, String)| DisclosureView {
                    disclosure,
                    number,
                    label,
                };
            Ok(found.into_iter().map(view).collect())
        })
    }

    fn state(
        &self,
        staff: &Staff,
        wanted: TicketRef,
        stated: Stated,
        looking: Looking,
        once: &Once,
    ) -> Result<Answer<Noted>, DeskError> {
        state_purpose(|| stated.purpose.as_str().to_owned());
        let (desk, staff) = (self.clone(), staff.clone());
        let scope = looking_scope(&staff);
        self.write_once(&scope.clone(), once, move |conn| {
            let now = desk.clock.now();
            let (ticket, _) = tickets::find(conn, &scope, &wanted)?.ok_or(DeskError::NotFound)?;
            let until = match looking {
                Looking::AtIdentity => None,
                Looking::AtTicket => Some(
                    now.checked_add(desk.settings.privacy.inspection)
                        .unwrap_or(now),
                ),
            };
            let disclosure = Disclosure {
                id: DisclosureId::new(desk.ids.uuid()),
                ticket: ticket.id,
                account: staff.account,
                role: staff.role,
                desk: staff.authority.clone(),
                purpose: stated.purpose,
                reason: stated.reason.as_str().to_owned(),
                at: now,
                until,
            };
            // These rows are no desk's, whoever writes them.
            dialect::beyond_fence(conn, |conn| desk.write_down(conn, &disclosure, now))?;
            Ok(Noted {
                id: disclosure.id,
                ticket: disclosure.ticket,
                at: now,
                until,
            })
        })
    }

    fn write_down(
        &self,
        conn: &mut DbConnection,
        disclosure: &Disclosure,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        let account = disclosure.account;
        let line = format!("disclosures:{account}");
        dialect::follow_each_other(conn, &line).map_err(storage::StoreError::from)?;
        let since = now.checked_sub(LIMIT_SPAN).unwrap_or(now);
        let most = self.settings.privacy.looks_per_hour;
        if disclosures::count_since(conn, account, since)? >= most {
            return Err(DeskError::Quota {
                retry_after: LIMIT_SPAN,
            });
        }
        Ok(disclosures::insert(conn, disclosure)?)
    }
}

/// What somebody wants to look at.
#[derive(Clone, Copy)]
enum Looking {
    AtIdentity,
    AtTicket,
}

/// Of which tickets somebody may state a look: what their role reaches; an auditor, of any.
fn looking_scope(staff: &Staff) -> Scope {
    match has(staff.role, Right::Inspect) {
        true => Scope::System,
        false => Scope::of(staff),
    }
}

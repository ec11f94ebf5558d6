//! Schemes of replies: versions that one person drafts and another approves. A desk uses its own and
//! the region's.

use domain::actor::Staff;
use domain::codes::AuthorityCode;
use domain::complaint::ComplaintRefused;
use domain::ids::{AccountId, SchemeId};
use domain::invalid::FieldError;
use domain::permissions::{Reach, Right, reach};
use domain::visibility::Scope;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use storage::reply_schemes::{self, Scheme};
use storage::{DbConnection, StoreError};

use super::holds;
use crate::once::{Answer, Once};
use crate::texts::letter::{self, Gap};
use crate::{Desk, DeskError};

/// A scheme to draft.
#[derive(Debug, Clone)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct SchemeForm {
    pub code: String,
    pub label: String,
    pub body_it: String,
    pub body_en: String,
    pub gaps: Vec<Gap>,
}

/// A version of a scheme.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct SchemeView {
    pub id: SchemeId,
    pub desk: String,
    pub code: String,
    pub version: i64,
    pub label: String,
    pub body_it: String,
    pub body_en: String,
    pub gaps: Vec<Gap>,
    pub drafted_by: AccountId,
    pub drafted_at: Timestamp,
    pub approved: Option<(AccountId, Timestamp)>,
}

impl SchemeView {
    /// What clients send back: a draft is at 1, an approved version at 2 for ever.
    pub fn tag(&self) -> i64 {
        match self.approved {
            None => 1,
            Some(_) => 2,
        }
    }
}

impl SchemeForm {
    /// Checks the words and the gaps; all that is wrong is told.
    pub fn check(self) -> Result<SchemeForm, Vec<FieldError>> {
        let mut errors = letter::check_gaps(&self.gaps);
        let mut read = |body: &str, pointer: &'static str| {
            letter::check(body, &self.gaps)
                .map_err(|found| errors.extend(found.into_iter().map(|one| one.at(pointer))))
        };
        let (it, en) = (
            read(&self.body_it, "/body/it"),
            read(&self.body_en, "/body/en"),
        );
        match (it, en) {
            (Ok(body_it), Ok(body_en)) if errors.is_empty() => Ok(SchemeForm {
                body_it,
                body_en,
                ..self
            }),
            _ => Err(errors),
        }
    }
}

impl Desk {
    /// Drafts a version of a scheme of the placement's desk.
    pub fn draft_scheme(
        &self,
        staff: &Staff,
        form: SchemeForm,
        once: &Once,
    ) -> Result<Answer<SchemeView>, DeskError> {
        let form = form.check().map_err(DeskError::Invalid)?;
        let (desk, staff) = (self.clone(), staff.clone());
        self.write_once(&Scope::of(&staff), once, move |conn| {
            let gaps = serde_json::to_string(&form.gaps)
                .map_err(|error| DeskError::broken("the gaps of a scheme", error))?;
            let scheme = Scheme {
                id: SchemeId::new(desk.ids.uuid()),
                version: reply_schemes::next_version(conn, &staff.authority, &form.code)?,
                desk: staff.authority,
                code: form.code,
                label: form.label,
                body_it: form.body_it,
                body_en: form.body_en,
                gaps,
                drafted: (staff.account, desk.clock.now()),
                approved: None,
            };
            reply_schemes::insert(conn, &scheme)?;
            view(scheme)
        })
    }

    /// Approves a draft that somebody else wrote; from then on replies are made by it.
    pub fn approve_scheme(
        &self,
        staff: &Staff,
        id: SchemeId,
        seen: i64,
        once: &Once,
    ) -> Result<Answer<SchemeView>, DeskError> {
        let (desk, staff) = (self.clone(), staff.clone());
        self.write_once(&Scope::of(&staff), once, move |conn| {
            let found = desk.reachable_scheme(conn, &staff, id)?;
            if !holds(&staff, Right::ApproveReplySchemes, &found.desk) {
                return Err(DeskError::Forbidden);
            }
            let current = view(found.clone())?.tag();
            if current != seen || found.approved.is_some() {
                return Err(DeskError::Stale { current });
            }
            if found.drafted.0 == staff.account {
                return Err(ComplaintRefused::OwnScheme.into());
            }
            let now = desk.clock.now();
            match reply_schemes::approve(conn, id, staff.account, now) {
                Err(StoreError::Stale) => return Err(DeskError::Stale { current: 2 }),
                other => other?,
            }
            view(desk.reachable_scheme(conn, &staff, id)?)
        })
    }

    /// A page of the schemes a placement sees, the newest draft first.
    pub fn list_schemes(
        &self,
        staff: &Staff,
        approved: Option<bool>,
        after: Option<(Timestamp, SchemeId)>,
        limit: i64,
    ) -> Result<Vec<SchemeView>, DeskError> {
        let desks = self.seen_desks(staff);
        self.db.read_snapshot(|conn| {
            let found = reply_schemes::list(conn, desks.as_deref(), approved, after, limit)?;
            found.into_iter().map(view).collect()
        })
    }

    /// One version of a scheme.
    pub fn show_scheme(&self, staff: &Staff, id: SchemeId) -> Result<SchemeView, DeskError> {
        self.db
            .read_snapshot(|conn| view(self.reachable_scheme(conn, staff, id)?))
    }

    /// Whose schemes a desk uses: its own and the region's.
    pub(super) fn desks_of_schemes(&self, desk: &AuthorityCode) -> Vec<AuthorityCode> {
        let region = self.reference.region().clone();
        match *desk == region {
            true => vec![region],
            false => vec![desk.clone(), region],
        }
    }

    fn seen_desks(&self, staff: &Staff) -> Option<Vec<AuthorityCode>> {
        match reach(staff.role, Right::ReadComplaints) {
            Reach::All | Reach::Region => None,
            _ => Some(self.desks_of_schemes(&staff.authority)),
        }
    }

    fn reachable_scheme(
        &self,
        conn: &mut DbConnection,
        staff: &Staff,
        id: SchemeId,
    ) -> Result<Scheme, DeskError> {
        let desks = self.seen_desks(staff);
        reply_schemes::find(conn, desks.as_deref(), id)?.ok_or(DeskError::NotFound)
    }
}

pub(super) fn gaps_of(scheme: &Scheme) -> Result<Vec<Gap>, DeskError> {
    serde_json::from_str(&scheme.gaps)
        .map_err(|error| DeskError::broken("the gaps of a scheme", error))
}

fn view(scheme: Scheme) -> Result<SchemeView, DeskError> {
    Ok(SchemeView {
        gaps: gaps_of(&scheme)?,
        id: scheme.id,
        desk: scheme.desk.to_string(),
        code: scheme.code,
        version: scheme.version,
        label: scheme.label,
        body_it: scheme.body_it,
        body_en: scheme.body_en,
        drafted_by: scheme.drafted.0,
        drafted_at: scheme.drafted.1,
        approved: scheme.approved,
    })
}

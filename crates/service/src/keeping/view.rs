//! An account as whoever keeps it sees it.

use domain::account::{AccountState, AccountStep};
use domain::actor::{Role, Staff};
use domain::codes::AuthorityCode;
use domain::ids::{AccountId, PlacementId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use storage::DbConnection;
use storage::accounts::{self, Placement};
use storage::lives::Life;

use crate::activation::HandedCodes;
use crate::{Desk, DeskError};

/// An account as whoever keeps it sees it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct AccountView {
    pub id: AccountId,
    pub version: i64,
    pub username: String,
    pub label: String,
    pub email: Option<String>,
    pub state: AccountState,
    pub home: Option<AuthorityCode>,
    pub placements: Vec<PlacementView>,
    pub has_second_factor: bool,
    pub password_set_at: Option<Timestamp>,
    pub must_change_by: Option<Timestamp>,
    pub created_at: Timestamp,
    pub allowed_steps: Vec<String>,
}

/// A placement as it is shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct PlacementView {
    pub id: PlacementId,
    pub role: Role,
    pub authority: AuthorityCode,
    pub authority_label: String,
    pub location_code: String,
    pub location_label: String,
}

impl From<Placement> for PlacementView {
    fn from(placement: Placement) -> Self {
        PlacementView {
            id: placement.id,
            role: placement.role,
            authority: placement.authority,
            authority_label: placement.authority_label,
            location_code: placement.location_code,
            location_label: placement.location_label,
        }
    }
}

/// What a step led to.
#[derive(Clone, Serialize, Deserialize)]
pub struct Stepped {
    /// The account as it stands now.
    pub account: AccountView,
    /// The code to hand over, if codes were made.
    pub codes: Option<HandedCodes>,
    /// Tickets that went back to the queue.
    pub released: usize,
}

impl Desk {
    pub(super) fn account_view(
        &self,
        conn: &mut DbConnection,
        keeper: &Staff,
        life: Life,
    ) -> Result<AccountView, DeskError> {
        let placements = accounts::list_placements(conn, life.id)?;
        let may = keeper.account != life.id && super::steers(keeper, &life, &placements);
        let is_known = super::knows(keeper, &life, &placements);
        let allowed = |step: &AccountStep| may && life.state.after(*step).is_ok();
        Ok(AccountView {
            id: life.id,
            version: life.version,
            allowed_steps: AccountStep::BY_HAND
                .iter()
                .filter(|step| allowed(step))
                .map(|step| step.code().to_owned())
                .collect(),
            username: life.username,
            label: life.display_name,
            email: life.email.filter(|_| is_known),
            state: life.state,
            home: life.home,
            placements: placements.into_iter().map(PlacementView::from).collect(),
            has_second_factor: life.second_factor_at.is_some(),
            password_set_at: life.password_set_at,
            must_change_by: life.must_change_by,
            created_at: life.created_at,
        })
    }
}

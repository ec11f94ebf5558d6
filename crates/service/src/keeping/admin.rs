//! The one administrator of an authority: appointed where there is none, handed over by one step, and
//! never doubled (`domain.md` §9.4). The database refuses a second one that comes at the same moment.

use domain::account::may_appoint;
use domain::actor::{Role, Staff};
use domain::codes::AuthorityCode;
use domain::ids::{AccountId, PlacementId};
use domain::invalid::Invalid;
use domain::visibility::Scope;
use jiff::Timestamp;
use serde_json::json;
use storage::lives::{self, AccountEvent};
use storage::{DbConnection, StoreError, accounts};

use super::form::CheckedPlacement;
use super::view::AccountView;
use crate::once::{Answer, Once};
use crate::{Desk, DeskError};

impl Desk {
    /// Hands the role of an authority's administrator to another of its accounts, in one step, so
    /// that there is always exactly one (`domain.md` §9.4).
    pub fn hand_over_admin(
        &self,
        keeper: &Staff,
        authority: &str,
        to: AccountId,
        once: &Once,
    ) -> Result<Answer<AccountView>, DeskError> {
        let authority = self
            .reference
            .authority(authority, self.today())
            .filter(|found| found.kind.is_health() && may_appoint(keeper, &found.code))
            .ok_or(DeskError::NotFound)?
            .code
            .clone();
        // Whoever appoints gets no cases to see by it (P-3).
        if to == keeper.account {
            return Err(DeskError::OwnAccount);
        }
        let (desk, keeper) = (self.clone(), keeper.clone());
        self.write_once(&Scope::Nothing, once, move |conn| {
            let now = desk.clock.now();
            let wrong =
                |code, it, en| DeskError::field(Invalid::new(code, it, en).at("/account_id"));
            let heir = lives::find(conn, to)?.filter(|life| life.home.as_ref() == Some(&authority));
            let Some(mut heir) = heir else {
                return Err(wrong(
                    "not-in-list",
                    "Non è un account di questo ente",
                    "this is no account of the authority",
                ));
            };
            if !heir.state.may_sign_in() {
                return Err(wrong(
                    "not-active",
                    "L'account non è attivo",
                    "the account is not active",
                ));
            }
            if desk.is_certified_mail(heir.email.as_deref().unwrap_or_default()) {
                return Err(wrong(
                    "certified-mail-not-allowed",
                    "La persona ha una PEC: serve una casella ordinaria",
                    "the person has certified mail: an ordinary mailbox is needed",
                ));
            }
            let held = accounts::list_placements(conn, to)?;
            let admins = accounts::list_admins(conn, &authority)?;
            if admins.iter().any(|(account, _)| *account == to) {
                return Err(DeskError::AdminExists);
            }
            for (account, placement) in admins {
                accounts::end_placement(conn, placement)?;
                if let Some(mut former) = lives::find(conn, account)? {
                    let event = admin_event("admin.handed_over", &keeper, &authority);
                    lives::save(conn, &mut former, &event, now)?;
                }
            }
            let unit = held.iter().find(|one| one.authority == authority);
            let place = CheckedPlacement {
                role: Role::Admin,
                authority: authority.clone(),
                location_code: unit.map_or_else(
                    || format!("{authority}-01"),
                    |one| one.location_code.clone(),
                ),
                location_label: unit
                    .map_or_else(|| authority.to_string(), |one| one.location_label.clone()),
            };
            desk.insert_placement(conn, to, &place)?;
            lives::save(
                conn,
                &mut heir,
                &admin_event("admin.appointed", &keeper, &authority),
                now,
            )?;
            desk.account_view(conn, &keeper, heir)
        })
    }

    /// Gives a placement; that of an administrator only where there is none who holds the place.
    pub(super) fn give(
        &self,
        conn: &mut DbConnection,
        account: AccountId,
        placement: &CheckedPlacement,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        if placement.role == Role::Admin {
            for (other, id) in accounts::list_admins(conn, &placement.authority)? {
                let Some(mut former) = lives::find(conn, other)?.filter(|_| other != account)
                else {
                    continue;
                };
                if former.state.holds_its_place() {
                    return Err(DeskError::AdminExists);
                }
                accounts::end_placement(conn, id)?;
                let event = AccountEvent {
                    kind: "admin.replaced".to_owned(),
                    actor: None,
                    detail: json!({"authority": placement.authority}),
                };
                lives::save(conn, &mut former, &event, now)?;
            }
        }
        self.insert_placement(conn, account, placement)?;
        self.open_if_ready(conn, &placement.authority, now)
    }

    pub(super) fn insert_placement(
        &self,
        conn: &mut DbConnection,
        account: AccountId,
        placement: &CheckedPlacement,
    ) -> Result<(), DeskError> {
        let id = PlacementId::new(self.ids.uuid());
        let unit = (
            placement.location_code.as_str(),
            placement.location_label.as_str(),
        );
        accounts::insert_placement(
            conn,
            id,
            account,
            placement.role,
            &placement.authority,
            unit,
        )
        .map_err(taken)
    }
}

fn admin_event(kind: &str, keeper: &Staff, authority: &AuthorityCode) -> AccountEvent {
    AccountEvent {
        kind: kind.to_owned(),
        actor: Some(keeper.account),
        detail: json!({"authority": authority, "placement": keeper.placement}),
    }
}

/// What a unique value that is taken means: accounts are personal, and one per person.
pub(super) fn taken(error: StoreError) -> DeskError {
    let StoreError::UniqueViolation { constraint } = &error else {
        return error.into();
    };
    let shared = Invalid::new(
        "shared-account-not-allowed",
        "Esiste già un account di questa persona o di questa casella",
        "this person or mailbox has an account already",
    );
    match constraint.as_str() {
        "accounts_username_key" => {
            let invalid =
                Invalid::new("taken", "Nome utente già in uso", "this user name is taken");
            DeskError::field(invalid.at("/username"))
        }
        lives::EMAIL_KEY => DeskError::field(shared.at("/email")),
        "account_lives_person_print_key" => DeskError::field(shared.at("/tax_code")),
        "placements_authority_code_key" => DeskError::AdminExists,
        _ => error.into(),
    }
}

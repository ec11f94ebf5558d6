//! Keeping accounts: creating, placing and steering them.
//!
//! Who may keep whom is `domain::account`; where a step leads is decided there, too. What an account
//! loses, its sessions and tickets lose in the same transaction. `form` reads what is sent, `admin`
//! appoints administrators, `view` shows.

mod admin;
mod form;
mod view;

use domain::account::{AccountState, AccountStep, may_keep, may_steer};
use domain::actor::{Role, Staff};
use domain::codes::AuthorityCode;
use domain::ids::AccountId;
use domain::permissions::{Reach, Right, reach};
use domain::visibility::Scope;
use jiff::Timestamp;
use serde_json::json;
use storage::accounts::{self, Placement};
use storage::lives::{self, AccountEvent, AccountScope, Life, PastEvent};
use storage::{DbConnection, credentials, login_sources, sessions};

pub use form::{
    ATTESTATIONS, AccountForm, DOCUMENT_KINDS, MAX_PLACEMENTS, PlacementForm, REASONS, StepForm,
    check_username,
};
pub use view::{AccountView, PlacementView, Stepped};

use self::admin::taken;
use self::form::{CheckedAccount, check_step};
use crate::activation::HandedCodes;
use crate::once::{Answer, Once};
use crate::{Desk, DeskError};

impl Desk {
    /// Creates an account, without codes yet: the person must be identified first.
    pub fn create_account(
        &self,
        keeper: &Staff,
        form: &AccountForm,
        once: &Once,
    ) -> Result<Answer<AccountView>, DeskError> {
        let checked = self.check_account(Some(keeper), form)?;
        let (desk, keeper) = (self.clone(), keeper.clone());
        self.write_once(&Scope::Nothing, once, move |conn| {
            let now = desk.clock.now();
            let life = desk.requested(conn, &checked, Some(&keeper), now)?;
            desk.account_view(conn, &keeper, life)
        })
    }

    /// Adds an account from the machine itself, for somebody who was identified there, and makes its
    /// codes at once: how the first system administrator gets in (D-5).
    pub fn set_up_account(&self, form: &AccountForm) -> Result<HandedCodes, DeskError> {
        let checked = self.check_account(None, form)?;
        let desk = self.clone();
        self.db.write(move |conn| {
            let now = desk.clock.now();
            let mut life = desk.requested(conn, &checked, None, now)?;
            let held = accounts::list_placements(conn, life.id)?;
            for step in [AccountStep::Identify, AccountStep::Issue] {
                life.state = life.state.after(step)?;
            }
            let codes = desk.issue_codes(conn, &mut life, &held, now)?;
            let event = AccountEvent {
                kind: AccountStep::Issue.event().to_owned(),
                actor: None,
                detail: json!({"attested": "in-person", "by": "command line"}),
            };
            lives::save(conn, &mut life, &event, now)?;
            Ok(codes)
        })
    }

    /// Writes an account that was only asked for, with its placements.
    fn requested(
        &self,
        conn: &mut DbConnection,
        checked: &CheckedAccount,
        keeper: Option<&Staff>,
        now: Timestamp,
    ) -> Result<Life, DeskError> {
        let id = AccountId::new(self.ids.uuid());
        let mut life = Life::new(id, &checked.username, &checked.display_name, now);
        life.email = Some(checked.email.clone());
        let code = checked.tax_code.as_str();
        life.person_print = Some(self.secrets.fingerprint("person", code.as_bytes()));
        let first = checked.placements.first();
        life.home = first.map(|first| first.authority.clone());
        let event = AccountEvent {
            kind: "account.requested".to_owned(),
            actor: keeper.map(|keeper| keeper.account),
            detail: json!({"placement": keeper.map(|keeper| keeper.placement)}),
        };
        lives::insert(conn, &life, &event).map_err(taken)?;
        for placement in &checked.placements {
            self.give(conn, id, placement, now)?;
        }
        Ok(life)
    }

    /// The accounts somebody keeps, by user name, after `after`.
    pub fn list_accounts(
        &self,
        keeper: &Staff,
        state: Option<AccountState>,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<AccountView>, DeskError> {
        self.db.read_snapshot(|conn| {
            let lives = lives::list(conn, &account_scope(keeper), state, after, limit)?;
            lives
                .into_iter()
                .map(|life| self.account_view(conn, keeper, life))
                .collect()
        })
    }

    /// One account with the newest of its history, which only those read who steer it, and its owner.
    pub fn show_account(
        &self,
        keeper: &Staff,
        id: AccountId,
    ) -> Result<(AccountView, Vec<PastEvent>), DeskError> {
        self.db.read_snapshot(|conn| {
            let (life, held) = self.account_in_reach(conn, keeper, id)?;
            let events = match knows(keeper, &life, &held) {
                true => lives::list_events(conn, id, 100)?,
                false => Vec::new(),
            };
            Ok((self.account_view(conn, keeper, life)?, events))
        })
    }

    /// Replaces the placements of an account that are in the keeper's reach; those elsewhere stay,
    /// and so does an administrator's, which is handed over or ends with the account.
    pub fn place_account(
        &self,
        keeper: &Staff,
        id: AccountId,
        seen: i64,
        forms: &[PlacementForm],
    ) -> Result<Stepped, DeskError> {
        let wanted = self
            .check_placements(Some(keeper), forms)
            .map_err(DeskError::Invalid)?;
        let (desk, keeper) = (self.clone(), keeper.clone());
        self.db.write_in(&Scope::System, move |conn| {
            let now = desk.clock.now();
            let (mut life, held) = desk.account_at(conn, &keeper, id, seen, Change::Placements)?;
            let email = life.email.as_deref().unwrap_or_default();
            desk.must_not_be_certified_mail(email, wanted.iter().map(|one| one.role))?;
            let is_wanted = |one: &Placement| {
                wanted.iter().any(|form| {
                    (form.role, &form.authority) == (one.role, &one.authority)
                        && form.location_code == one.location_code
                })
            };
            // An administrator's role goes by hand-over: no authority is left without one.
            let mine = |one: &&Placement| {
                one.role != Role::Admin && may_keep(&keeper, one.role, &one.authority)
            };
            for gone in held.iter().filter(mine).filter(|one| !is_wanted(one)) {
                accounts::end_placement(conn, gone.id)?;
            }
            for placement in &wanted {
                desk.give(conn, id, placement, now)?;
            }
            let event = AccountEvent {
                kind: "account.placed".to_owned(),
                actor: Some(keeper.account),
                detail: json!({"placements": wanted.iter().map(|one| {
                    json!({"role": one.role, "authority": one.authority, "location": one.location_code})
                }).collect::<Vec<_>>()}),
            };
            lives::save(conn, &mut life, &event, now)?;
            let released = desk.release_tickets(conn, id, now)?;
            let account = desk.account_view(conn, &keeper, life)?;
            Ok(Stepped { account, codes: None, released })
        })
    }

    /// Takes a step of an account's life.
    pub fn step_account(
        &self,
        keeper: &Staff,
        id: AccountId,
        seen: i64,
        form: &StepForm,
        once: &Once,
    ) -> Result<Answer<Stepped>, DeskError> {
        check_step(form).map_err(DeskError::Invalid)?;
        let (desk, keeper, form) = (self.clone(), keeper.clone(), form.clone());
        // Tickets of others may go back to their queues.
        self.write_once(&Scope::System, once, move |conn| {
            let now = desk.clock.now();
            let (mut life, held) = desk.account_at(conn, &keeper, id, seen, Change::Whole)?;
            life.state = life.state.after(form.step)?;
            let codes = match form.step {
                AccountStep::Issue => {
                    let email = life.email.as_deref().unwrap_or_default();
                    desk.must_not_be_certified_mail(email, held.iter().map(|one| one.role))?;
                    Some(desk.issue_codes(conn, &mut life, &held, now)?)
                }
                _ => None,
            };
            let event = AccountEvent {
                kind: form.step.event().to_owned(),
                actor: Some(keeper.account),
                detail: form.detail(&keeper),
            };
            lives::save(conn, &mut life, &event, now)?;
            match form.step {
                // What was tried meanwhile must not lock out whoever was let in again.
                AccountStep::Unlock => login_sources::forget(conn, id)?,
                AccountStep::Reactivate => {
                    login_sources::forget(conn, id)?;
                    // Theirs may be the operator that an authority waits for.
                    for placement in &held {
                        desk.open_if_ready(conn, &placement.authority, now)?;
                    }
                }
                AccountStep::Suspend => sessions::revoke_sessions(conn, id, None, now)?,
                AccountStep::Revoke => {
                    sessions::revoke_sessions(conn, id, None, now)?;
                    credentials::void_issues(conn, id, now)?;
                    for placement in &held {
                        accounts::end_placement(conn, placement.id)?;
                    }
                }
                _ => {}
            }
            let released = desk.release_tickets(conn, id, now)?;
            let account = desk.account_view(conn, &keeper, life)?;
            Ok(Stepped {
                account,
                codes,
                released,
            })
        })
    }

    /// The account, if the keeper may know of it, with its placements.
    fn account_in_reach(
        &self,
        conn: &mut DbConnection,
        keeper: &Staff,
        id: AccountId,
    ) -> Result<(Life, Vec<Placement>), DeskError> {
        let life = lives::find(conn, id)?.ok_or(DeskError::NotFound)?;
        let held = accounts::list_placements(conn, id)?;
        let is_visible = match account_scope(keeper) {
            AccountScope::All => true,
            AccountScope::Nothing => false,
            AccountScope::Authority(code) => {
                life.home.as_ref() == Some(&code) || held.iter().any(|one| one.authority == code)
            }
            AccountScope::Region(code) => {
                life.home.as_ref() == Some(&code)
                    || held
                        .iter()
                        .any(|one| one.authority == code || one.role == Role::Admin)
            }
        };
        match is_visible {
            true => Ok((life, held)),
            false => Err(DeskError::NotFound),
        }
    }

    /// The account to be changed, as it was seen: in reach, kept by the keeper, and not their own.
    fn account_at(
        &self,
        conn: &mut DbConnection,
        keeper: &Staff,
        id: AccountId,
        seen: i64,
        change: Change,
    ) -> Result<(Life, Vec<Placement>), DeskError> {
        let (life, held) = self.account_in_reach(conn, keeper, id)?;
        if id == keeper.account {
            return Err(DeskError::OwnAccount);
        }
        let keeps = |one: &Placement| may_keep(keeper, one.role, &one.authority);
        let is_kept = match change {
            Change::Placements => held.iter().any(keeps) || steers(keeper, &life, &held),
            Change::Whole => steers(keeper, &life, &held),
        };
        if !is_kept {
            return Err(DeskError::Forbidden);
        }
        if life.version != seen {
            return Err(DeskError::Stale {
                current: life.version,
            });
        }
        Ok((life, held))
    }
}

/// Which accounts somebody may know of (`domain.md` §2.2).
fn account_scope(keeper: &Staff) -> AccountScope {
    match reach(keeper.role, Right::KeepAccounts) {
        Reach::Desk => AccountScope::Authority(keeper.authority.clone()),
        Reach::Region => AccountScope::Region(keeper.authority.clone()),
        Reach::All => AccountScope::All,
        Reach::No | Reach::Activities => AccountScope::Nothing,
    }
}

/// What is to be changed.
enum Change {
    /// The placements at the keeper's own desk.
    Placements,
    /// The account as a whole.
    Whole,
}

/// Whether more than name and places is shown: to whoever steers the account, appoints an
/// administrator, or is its owner.
fn knows(keeper: &Staff, life: &Life, held: &[Placement]) -> bool {
    let appoints =
        |one: &Placement| one.role == Role::Admin && may_keep(keeper, one.role, &one.authority);
    keeper.account == life.id || steers(keeper, life, held) || held.iter().any(appoints)
}

fn steers(keeper: &Staff, life: &Life, held: &[Placement]) -> bool {
    let held: Vec<(Role, AuthorityCode)> = held
        .iter()
        .map(|one| (one.role, one.authority.clone()))
        .collect();
    may_steer(keeper, life.home.as_ref(), &held)
}

//! Keeping accounts: creating, placing and steering them, and appointing administrators.
//!
//! Who may keep whom is `domain::account`; where a step leads is decided there, too. What an account
//! loses, its sessions and tickets lose in the same transaction.

use domain::account::{AccountState, AccountStep, fits_desk, may_appoint, may_keep};
use domain::actor::{Role, Staff};
use domain::codes::AuthorityCode;
use domain::email::EmailAddress;
use domain::ids::{AccountId, PlacementId};
use domain::invalid::{FieldError, Invalid};
use domain::permissions::{Reach, Right, reach};
use domain::person_name::PersonName;
use domain::tax_code::TaxCode;
use domain::visibility::Scope;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use storage::accounts::{self, Placement};
use storage::credentials;
use storage::lives::{self, AccountEvent, AccountScope, Life, PastEvent};
use storage::{DbConnection, StoreError, login_sources, sessions};

use crate::activation::HandedCodes;
use crate::once::{Answer, Once};
use crate::{Desk, DeskError};

/// An account to create, as it was sent.
#[derive(Debug, Clone, Default)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct AccountForm {
    pub username: String,
    pub given_name: String,
    pub family_name: String,
    pub tax_code: String,
    pub email: String,
    pub placements: Vec<PlacementForm>,
}

/// A placement to give, as it was sent.
#[derive(Debug, Clone, Default)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct PlacementForm {
    pub role: String,
    pub authority_code: String,
    pub location_code: String,
    pub location_label: Option<String>,
}

/// A step to take with an account.
#[derive(Debug, Clone)]
pub struct StepForm {
    /// Which.
    pub step: AccountStep,
    /// How the person was identified: `in-person` or `remote`.
    pub attested: Option<String>,
    /// The kind of document that was seen; never copied.
    pub document_kind: Option<String>,
    /// Why, for suspending and ending.
    pub reason: Option<String>,
}

/// How a person may be identified.
pub const ATTESTATIONS: [&str; 2] = ["in-person", "remote"];
/// The documents an officer may see.
pub const DOCUMENT_KINDS: [&str; 5] = [
    "identity-card",
    "passport",
    "driving-licence",
    "service-card",
    "digital-identity",
];

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

/// A placement that was checked.
#[derive(Debug, Clone)]
struct CheckedPlacement {
    role: Role,
    authority: AuthorityCode,
    location_code: String,
    location_label: String,
}

/// A form that was checked.
struct CheckedAccount {
    username: String,
    display_name: String,
    tax_code: TaxCode,
    email: String,
    placements: Vec<CheckedPlacement>,
}

/// Most placements of one account.
pub const MAX_PLACEMENTS: usize = 20;
/// Longest user name.
const MAX_USERNAME: usize = 64;
/// Longest reason and location.
const MAX_LINE: usize = 100;

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
                kind: event_kind(AccountStep::Issue).to_owned(),
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

    /// One account with the newest of its history.
    pub fn show_account(
        &self,
        keeper: &Staff,
        id: AccountId,
    ) -> Result<(AccountView, Vec<PastEvent>), DeskError> {
        self.db.read_snapshot(|conn| {
            let (life, _) = self.account_in_reach(conn, keeper, id)?;
            let events = lives::list_events(conn, id, 100)?;
            Ok((self.account_view(conn, keeper, life)?, events))
        })
    }

    /// Replaces the placements of an account that are in the keeper's reach; those elsewhere stay.
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
            let (mut life, held) = desk.account_at(conn, &keeper, id, seen)?;
            let is_wanted = |one: &Placement| {
                wanted.iter().any(|form| {
                    (form.role, &form.authority) == (one.role, &one.authority)
                        && form.location_code == one.location_code
                })
            };
            let mine = |one: &&Placement| may_keep(&keeper, one.role, &one.authority);
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
            let (mut life, held) = desk.account_at(conn, &keeper, id, seen)?;
            life.state = life.state.after(form.step)?;
            let codes = match form.step {
                AccountStep::Issue => {
                    desk.must_not_be_certified_mail(&life, &held)?;
                    Some(desk.issue_codes(conn, &mut life, &held, now)?)
                }
                _ => None,
            };
            let event = AccountEvent {
                kind: event_kind(form.step).to_owned(),
                actor: Some(keeper.account),
                detail: json!({
                    "placement": keeper.placement,
                    "attested": form.attested,
                    "document_kind": form.document_kind,
                    "reason": form.reason,
                }),
            };
            lives::save(conn, &mut life, &event, now)?;
            match form.step {
                AccountStep::Unlock => login_sources::forget(conn, id)?,
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
            .filter(|found| may_appoint(keeper, &found.code))
            .ok_or(DeskError::NotFound)?
            .code
            .clone();
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
    fn give(
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

    fn insert_placement(
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
    ) -> Result<(Life, Vec<Placement>), DeskError> {
        let (life, held) = self.account_in_reach(conn, keeper, id)?;
        if id == keeper.account {
            return Err(DeskError::OwnAccount);
        }
        let keeps = |one: &Placement| may_keep(keeper, one.role, &one.authority);
        // Whoever works nowhere now is kept by the authority that asked for the account.
        let keeps_home = held.is_empty()
            && life
                .home
                .as_ref()
                .is_some_and(|home| keeps_at(keeper, home));
        if !(keeps_home || held.iter().any(keeps)) {
            return Err(DeskError::Forbidden);
        }
        if life.version != seen {
            return Err(DeskError::Stale {
                current: life.version,
            });
        }
        Ok((life, held))
    }

    fn account_view(
        &self,
        conn: &mut DbConnection,
        keeper: &Staff,
        life: Life,
    ) -> Result<AccountView, DeskError> {
        let placements = accounts::list_placements(conn, life.id)?;
        let steers = keeper.account != life.id
            && (placements.is_empty()
                || placements
                    .iter()
                    .all(|one| may_keep(keeper, one.role, &one.authority)));
        let allowed = |step: &AccountStep| steers && life.state.after(*step).is_ok();
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
            email: life.email,
            state: life.state,
            home: life.home,
            placements: placements.into_iter().map(PlacementView::from).collect(),
            has_second_factor: life.second_factor_at.is_some(),
            password_set_at: life.password_set_at,
            must_change_by: life.must_change_by,
            created_at: life.created_at,
        })
    }

    fn check_account(
        &self,
        keeper: Option<&Staff>,
        form: &AccountForm,
    ) -> Result<CheckedAccount, DeskError> {
        let mut errors = Vec::new();
        let mut read = |pointer: &str, result: Result<String, Invalid>| match result {
            Ok(value) => value,
            Err(invalid) => {
                errors.push(invalid.at(pointer));
                String::new()
            }
        };
        let username = read("/username", check_username(&form.username));
        let name = |text: &str| PersonName::parse(text).map(|name| name.as_str().to_owned());
        let given = read("/given_name", name(&form.given_name));
        let family = read("/family_name", name(&form.family_name));
        let email = EmailAddress::parse(&form.email).map(|email| email.as_str().to_lowercase());
        let email = read("/email", email);
        let tax_code = TaxCode::parse(&form.tax_code, false)
            .map_err(|invalid| errors.push(invalid.at("/tax_code")))
            .ok();
        let placements = self
            .check_placements(keeper, &form.placements)
            .unwrap_or_else(|found| {
                errors.extend(found);
                Vec::new()
            });
        let local = email.split('@').next().unwrap_or_default();
        let shared = &self.settings.accounts.shared_mailboxes;
        if shared.iter().any(|mailbox| mailbox == local) {
            let invalid = Invalid::new(
                "shared-account-not-allowed",
                "Gli account sono personali: serve la casella di una persona",
                "accounts are personal: a person's own mailbox is needed",
            );
            errors.push(invalid.at("/email"));
        }
        let (Some(tax_code), true) = (tax_code, errors.is_empty()) else {
            return Err(DeskError::Invalid(errors));
        };
        let is_admin = placements.iter().any(|one| one.role == Role::Admin);
        if is_admin && self.is_certified_mail(&email) {
            return Err(DeskError::CertifiedMail);
        }
        Ok(CheckedAccount {
            username,
            display_name: format!("{given} {family}"),
            tax_code,
            email,
            placements,
        })
    }

    /// Without a keeper, whoever rules the machine gives whatever fits the desk.
    fn check_placements(
        &self,
        keeper: Option<&Staff>,
        forms: &[PlacementForm],
    ) -> Result<Vec<CheckedPlacement>, Vec<FieldError>> {
        let mut errors = Vec::new();
        if !(1..=MAX_PLACEMENTS).contains(&forms.len()) {
            let invalid = Invalid::new(
                "too-many-items",
                "Da 1 a 20 collocazioni",
                "1 to 20 placements",
            );
            return Err(vec![invalid.at("/placements")]);
        }
        let mut checked = Vec::new();
        for (at, form) in forms.iter().enumerate() {
            let pointer = |name: &str| format!("/placements/{at}/{name}");
            let role = Role::from_code(&form.role);
            let authority = self.reference.authority(&form.authority_code, self.today());
            if role.is_none() {
                errors.push(crate::action_form::not_in_list().at(pointer("role")));
            }
            if authority.is_none() {
                errors.push(crate::action_form::not_in_list().at(pointer("authority_code")));
            }
            let label = form.location_label.as_ref().unwrap_or(&form.location_code);
            for (name, text) in [
                ("location_code", &form.location_code),
                ("location_label", label),
            ] {
                if !is_line(text) {
                    let invalid = Invalid::new(
                        "invalid-format",
                        "Da 1 a 100 caratteri su una riga",
                        "1 to 100 characters on one line",
                    );
                    errors.push(invalid.at(pointer(name)));
                }
            }
            let (Some(role), Some(authority)) = (role, authority) else {
                continue;
            };
            let may_give = keeper.is_none_or(|keeper| may_keep(keeper, role, &authority.code));
            if !fits_desk(authority.kind, role) || !may_give {
                let invalid = Invalid::new(
                    "not-allowed",
                    "Non puoi dare questo ruolo in questo ente",
                    "you may not give this role at this authority",
                );
                errors.push(invalid.at(pointer("role")));
            }
            checked.push(CheckedPlacement {
                role,
                authority: authority.code.clone(),
                location_code: form.location_code.trim().to_owned(),
                location_label: label.trim().to_owned(),
            });
        }
        match errors.is_empty() {
            true => Ok(checked),
            false => Err(errors),
        }
    }

    fn must_not_be_certified_mail(&self, life: &Life, held: &[Placement]) -> Result<(), DeskError> {
        let is_admin = held.iter().any(|one| one.role == Role::Admin);
        let email = life.email.as_deref().unwrap_or_default();
        match is_admin && self.is_certified_mail(email) {
            true => Err(DeskError::CertifiedMail),
            false => Ok(()),
        }
    }

    fn is_certified_mail(&self, email: &str) -> bool {
        EmailAddress::from_stored(email.to_owned())
            .has_label_starting_with(&self.settings.accounts.certified_mail)
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

fn keeps_at(keeper: &Staff, home: &AuthorityCode) -> bool {
    Role::ALL.iter().any(|role| may_keep(keeper, *role, home))
}

fn admin_event(kind: &str, keeper: &Staff, authority: &AuthorityCode) -> AccountEvent {
    AccountEvent {
        kind: kind.to_owned(),
        actor: Some(keeper.account),
        detail: json!({"authority": authority, "placement": keeper.placement}),
    }
}

/// The names of `domain.md`'s annex where it has one.
const fn event_kind(step: AccountStep) -> &'static str {
    match step {
        AccountStep::Identify => "account.identified",
        AccountStep::Issue => "credential.issued",
        AccountStep::Unlock => "account.unlocked",
        AccountStep::Suspend => "account.suspended",
        AccountStep::Reactivate => "account.reactivated",
        AccountStep::Revoke => "credential.revoked",
        AccountStep::Activate => "credential.activated",
        AccountStep::Expire => "account.expired",
        AccountStep::SignIn => "account.active",
        AccountStep::RequireChange => "account.must_change",
        AccountStep::SetPassword => "credential.changed",
        AccountStep::Lock => "credential.locked",
    }
}

fn check_step(form: &StepForm) -> Result<(), Vec<FieldError>> {
    let mut errors = Vec::new();
    let mut one_of = |pointer: &str, value: &Option<String>, list: &[&str]| match value.as_deref() {
        Some(code) if list.contains(&code) => {}
        Some(_) => errors.push(crate::action_form::not_in_list().at(pointer)),
        None => errors.push(Invalid::required().at(pointer)),
    };
    match form.step {
        AccountStep::Identify => {
            one_of("/attested", &form.attested, &ATTESTATIONS);
            one_of("/document_kind", &form.document_kind, &DOCUMENT_KINDS);
        }
        AccountStep::Suspend | AccountStep::Revoke
            if !form.reason.as_deref().is_some_and(is_line) =>
        {
            errors.push(Invalid::required().at("/reason"));
        }
        _ => {}
    }
    match errors.is_empty() {
        true => Ok(()),
        false => Err(errors),
    }
}

fn is_line(text: &str) -> bool {
    (1..=MAX_LINE).contains(&text.chars().count())
        && !text.contains(char::is_control)
        && !text.trim().is_empty()
}

/// A user name: a slug that is easy to type and to say.
pub fn check_username(text: &str) -> Result<String, Invalid> {
    let text = text.trim().to_lowercase();
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-@".contains(&b);
    match (3..=MAX_USERNAME).contains(&text.len()) && text.bytes().all(plain) {
        true => Ok(text),
        false => Err(Invalid::new(
            "invalid-format",
            "Da 3 a 64 tra lettere minuscole, cifre, punto, trattino, trattino basso e chiocciola",
            "3 to 64 of a-z, 0-9, dot, hyphen, underscore and at sign",
        )),
    }
}

/// What a unique value that is taken means: accounts are personal, and one per person.
fn taken(error: StoreError) -> DeskError {
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
        "account_lives_email_key" => DeskError::field(shared.at("/email")),
        "account_lives_person_print_key" => DeskError::field(shared.at("/tax_code")),
        "placements_authority_code_key" => DeskError::AdminExists,
        _ => error.into(),
    }
}

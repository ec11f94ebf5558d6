//! How an authority begins: its one administrator confirms its data, accepts the terms and creates
//! the operators. Until then it is pending and receives nothing (`domain.md` §9.5).

use domain::account::{SingleAdmin, single_admin};
use domain::actor::Staff;
use domain::catalogue::Authority;
use domain::codes::AuthorityCode;
use domain::ids::AccountId;
use domain::invalid::Invalid;
use domain::permissions::Right;
use domain::visibility::Scope;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use storage::lives::{self, AccountEvent};
use storage::setups::{self, Setup};
use storage::{DbConnection, accounts};

use crate::once::{Answer, Once};
use crate::reference::reaches;
use crate::{Desk, DeskError};

/// What an administrator does to open an authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetupStep {
    /// The authority's data are right.
    ConfirmData,
    /// These terms are accepted; they must be the ones in force.
    AcceptTerms {
        /// Their version.
        version: String,
    },
}

/// How far an authority is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct SetupView {
    pub authority: AuthorityCode,
    pub label: String,
    pub receives: bool,
    pub data_confirmed_at: Option<Timestamp>,
    pub terms_version: Option<String>,
    pub terms_accepted_at: Option<Timestamp>,
    pub terms_in_force: String,
    pub has_operators: bool,
    pub admin: Option<AdminView>,
}

/// Who administers an authority.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AdminView {
    /// The account.
    pub id: AccountId,
    /// What colleagues read.
    pub label: String,
    /// Where the account stands.
    pub state: String,
}

impl Desk {
    /// How far an authority is, for those who may see it.
    pub fn show_setup(&self, staff: &Staff, authority: &str) -> Result<SetupView, DeskError> {
        let authority = self.health_authority_in_reach(staff, Right::ReadSetups, authority)?;
        self.db
            .read_snapshot(|conn| self.setup_view(conn, authority))
    }

    /// How far every authority in reach is.
    pub fn list_setups(&self, staff: &Staff) -> Result<Vec<SetupView>, DeskError> {
        let today = self.today();
        let in_reach = |one: &&Authority| {
            one.kind.is_health()
                && one.validity.covers(today)
                && self
                    .health_authority_in_reach(staff, Right::ReadSetups, one.code.as_str())
                    .is_ok()
        };
        let authorities = self.reference.authorities().iter().filter(in_reach);
        self.db.read_snapshot(|conn| {
            authorities
                .map(|authority| self.setup_view(conn, authority))
                .collect()
        })
    }

    /// Takes a step of opening an authority; the last one opens it.
    pub fn take_setup_step(
        &self,
        staff: &Staff,
        authority: &str,
        step: &SetupStep,
        once: &Once,
    ) -> Result<Answer<SetupView>, DeskError> {
        let authority = self
            .health_authority_in_reach(staff, Right::OpenAuthority, authority)?
            .clone();
        let in_force = &self.settings.accounts.terms_version;
        if let SetupStep::AcceptTerms { version } = step
            && version != in_force
        {
            let invalid = Invalid::new(
                "terms-not-in-force",
                "Non sono i termini in vigore",
                "these are not the terms in force",
            );
            return Err(DeskError::field(invalid.at("/terms_version")));
        }
        let (desk, staff, step) = (self.clone(), staff.clone(), step.clone());
        self.write_once(&Scope::Nothing, once, move |conn| {
            let now = desk.clock.now();
            let mut setup = setups::find(conn, &authority.code)?;
            let mut life = lives::find(conn, staff.account)?.ok_or(DeskError::NotFound)?;
            let kind = match step {
                SetupStep::ConfirmData => {
                    setup.confirmed = Some((now, Some(staff.account)));
                    life.confirmed_at = Some(now);
                    "authority.confirmed"
                }
                SetupStep::AcceptTerms { version } => {
                    setup.terms = Some((version, now, Some(staff.account)));
                    "authority.terms_accepted"
                }
            };
            setups::save(conn, &authority.code, &setup)?;
            let event = AccountEvent {
                kind: kind.to_owned(),
                actor: Some(staff.account),
                detail: json!({"authority": authority.code, "placement": staff.placement}),
            };
            lives::save(conn, &mut life, &event, now)?;
            desk.open_if_ready(conn, &authority.code, now)?;
            desk.setup_view(conn, &authority)
        })
    }

    /// Opens an authority once its three steps are done. Asked after each of them, the last of which
    /// is the first operator's account.
    pub(crate) fn open_if_ready(
        &self,
        conn: &mut DbConnection,
        authority: &AuthorityCode,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        let mut setup = setups::find(conn, authority)?;
        let is_ready = setup.confirmed.is_some() && setup.terms.is_some();
        if setup.opened_at.is_none() && is_ready && setups::has_operators(conn, authority)? {
            setup.opened_at = Some(now);
            setups::save(conn, authority, &setup)?;
            tracing::info!(authority.code = %authority, "an authority receives requests from now on");
        }
        Ok(())
    }

    /// The authorities that receive requests, for the public catalogue.
    pub fn list_receiving(&self) -> Result<Vec<AuthorityCode>, DeskError> {
        let all = self.db.read(setups::list)?;
        let open = all
            .into_iter()
            .filter(|(_, setup)| setup.opened_at.is_some());
        Ok(open.map(|(code, _)| code).collect())
    }

    /// Opens authorities without their steps. For demonstrations and tests alone.
    pub fn open_authorities(&self, codes: &[AuthorityCode]) -> Result<(), DeskError> {
        let (desk, codes) = (self.clone(), codes.to_vec());
        self.db.write(move |conn| {
            for code in &codes {
                let mut setup = setups::find(conn, code)?;
                setup.opened_at = setup.opened_at.or(Some(desk.clock.now()));
                setups::save(conn, code, &setup)?;
            }
            Ok(())
        })
    }

    /// The authorities with no administrator who holds the place, or with more than one
    /// (`domain.md` §9.4). For `sportello doctor`.
    pub fn check_admins(&self) -> Result<Vec<(AuthorityCode, SingleAdmin<AccountId>)>, DeskError> {
        self.db.read_snapshot(|conn| {
            let mut found = Vec::new();
            for (code, setup) in setups::list(conn)? {
                let mut candidates = Vec::new();
                for (account, _) in accounts::list_admins(conn, &code)? {
                    let life = lives::find(conn, account)?;
                    if let Some(life) = life.filter(|life| life.state.holds_its_place()) {
                        candidates.push((account, life.confirmed_at));
                    }
                }
                let outcome = single_admin(candidates);
                if setup.opened_at.is_some() && !matches!(outcome, SingleAdmin::One(_)) {
                    found.push((code, outcome));
                }
            }
            Ok(found)
        })
    }

    fn setup_view(
        &self,
        conn: &mut DbConnection,
        authority: &Authority,
    ) -> Result<SetupView, DeskError> {
        let setup: Setup = setups::find(conn, &authority.code)?;
        let admin = match accounts::list_admins(conn, &authority.code)?.first() {
            Some((account, _)) => lives::find(conn, *account)?,
            None => None,
        };
        Ok(SetupView {
            authority: authority.code.clone(),
            label: authority.label.it.to_string(),
            receives: setup.opened_at.is_some(),
            data_confirmed_at: setup.confirmed.map(|(at, _)| at),
            terms_accepted_at: setup.terms.as_ref().map(|(_, at, _)| *at),
            terms_version: setup.terms.map(|(version, ..)| version),
            terms_in_force: self.settings.accounts.terms_version.clone(),
            has_operators: setups::has_operators(conn, &authority.code)?,
            admin: admin.map(|life| AdminView {
                id: life.id,
                label: life.display_name,
                state: life.state.code().to_owned(),
            }),
        })
    }

    fn health_authority_in_reach(
        &self,
        staff: &Staff,
        right: Right,
        code: &str,
    ) -> Result<&Authority, DeskError> {
        let found = self.reference.authority(code, self.today());
        let found = found.filter(|found| found.kind.is_health());
        found
            .filter(|found| reaches(staff, right, &found.code))
            .ok_or(DeskError::NotFound)
    }
}

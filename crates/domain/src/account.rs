//! The formal life of a staff account (`domain.md` §11.2), and who may steer it (§2.2).
//!
//! The one place that says which step leads where. Nothing here knows passwords or codes: a step
//! is taken when its proof was given elsewhere. Invariant: a revoked account stays revoked.

use serde::{Deserialize, Serialize};

use crate::actor::{Role, Staff};
use crate::catalogue::AuthorityKind;
use crate::codes::AuthorityCode;
use crate::permissions::{Reach, Right, reach};

/// Where an account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountState {
    /// Asked for by whoever may create it.
    Requested,
    /// An officer attested who the person is.
    Identified,
    /// Both codes are on their way, each on its own channel.
    Issued,
    /// Both codes were shown and the person set a password.
    Activated,
    /// Has logged in.
    Active,
    /// May log in only to set another password.
    MustChange,
    /// Too many wrong passwords under a policy that locks.
    Locked,
    /// Taken out of work for a while.
    Suspended,
    /// Ended for good.
    Revoked,
    /// The codes were not used in time.
    Expired,
}

impl AccountState {
    /// Every state, in the order of a life.
    pub const ALL: [AccountState; 10] = [
        AccountState::Requested,
        AccountState::Identified,
        AccountState::Issued,
        AccountState::Activated,
        AccountState::Active,
        AccountState::MustChange,
        AccountState::Locked,
        AccountState::Suspended,
        AccountState::Revoked,
        AccountState::Expired,
    ];

    /// The code used in the API and in rows.
    pub const fn code(self) -> &'static str {
        match self {
            AccountState::Requested => "requested",
            AccountState::Identified => "identified",
            AccountState::Issued => "issued",
            AccountState::Activated => "activated",
            AccountState::Active => "active",
            AccountState::MustChange => "must-change",
            AccountState::Locked => "locked",
            AccountState::Suspended => "suspended",
            AccountState::Revoked => "revoked",
            AccountState::Expired => "expired",
        }
    }

    /// The state with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        AccountState::ALL
            .into_iter()
            .find(|state| state.code() == code)
    }

    /// Whether the right password opens a session.
    pub const fn may_sign_in(self) -> bool {
        matches!(
            self,
            AccountState::Activated | AccountState::Active | AccountState::MustChange
        )
    }

    /// Whether the person keeps the tickets they own. New codes for somebody who forgot a password
    /// take nobody's work away.
    pub const fn is_working(self) -> bool {
        matches!(
            self,
            AccountState::Issued
                | AccountState::Activated
                | AccountState::Active
                | AccountState::MustChange
                | AccountState::Locked
        )
    }

    /// Whether the account still stands for somebody who is to work here.
    pub const fn holds_its_place(self) -> bool {
        !matches!(
            self,
            AccountState::Suspended | AccountState::Revoked | AccountState::Expired
        )
    }

    /// Where a step leads, or that it is not possible here.
    pub const fn after(self, step: AccountStep) -> Result<AccountState, StepRefused> {
        use AccountState as S;
        use AccountStep as T;
        let next = match (self, step) {
            (S::Requested, T::Identify) => S::Identified,
            // Whoever was identified once may get new codes: lost, run out, or out of doubt.
            (
                S::Identified
                | S::Issued
                | S::Expired
                | S::Activated
                | S::Active
                | S::MustChange
                | S::Locked
                | S::Suspended,
                T::Issue,
            ) => S::Issued,
            (S::Issued, T::Activate) => S::Activated,
            (S::Issued, T::Expire) => S::Expired,
            (S::Activated | S::Active, T::SignIn) => S::Active,
            (S::MustChange, T::SignIn) => S::MustChange,
            (S::Activated | S::Active, T::RequireChange) => S::MustChange,
            (S::Activated | S::Active | S::MustChange | S::Locked, T::SetPassword) => S::Active,
            (S::Activated | S::Active | S::MustChange, T::Lock) => S::Locked,
            (S::Locked, T::Unlock) => S::Active,
            (S::Activated | S::Active | S::MustChange | S::Locked, T::Suspend) => S::Suspended,
            (S::Suspended, T::Reactivate) => S::Active,
            (S::Revoked, _) => return Err(StepRefused { state: self, step }),
            (_, T::Revoke) => S::Revoked,
            _ => return Err(StepRefused { state: self, step }),
        };
        Ok(next)
    }
}

/// What can happen to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountStep {
    /// An officer attests who the person is.
    Identify,
    /// Codes are made; earlier ones and the password are void.
    Issue,
    /// Both codes were shown and a password was set.
    Activate,
    /// The codes ran out.
    Expire,
    /// Logged in.
    SignIn,
    /// The password is too old.
    RequireChange,
    /// Another password was set by its owner.
    SetPassword,
    /// Too many wrong passwords.
    Lock,
    /// Somebody who may opens it again.
    Unlock,
    /// Taken out of work.
    Suspend,
    /// Back at work.
    Reactivate,
    /// Ended for good.
    Revoke,
}

impl AccountStep {
    /// Every step.
    pub const ALL: [AccountStep; 12] = [
        AccountStep::Identify,
        AccountStep::Issue,
        AccountStep::Activate,
        AccountStep::Expire,
        AccountStep::SignIn,
        AccountStep::RequireChange,
        AccountStep::SetPassword,
        AccountStep::Lock,
        AccountStep::Unlock,
        AccountStep::Suspend,
        AccountStep::Reactivate,
        AccountStep::Revoke,
    ];

    /// The steps that whoever keeps accounts takes; the others happen by themselves.
    pub const BY_HAND: [AccountStep; 6] = [
        AccountStep::Identify,
        AccountStep::Issue,
        AccountStep::Unlock,
        AccountStep::Suspend,
        AccountStep::Reactivate,
        AccountStep::Revoke,
    ];

    /// The code used in the API and in the account's history.
    pub const fn code(self) -> &'static str {
        match self {
            AccountStep::Identify => "identify",
            AccountStep::Issue => "issue",
            AccountStep::Activate => "activate",
            AccountStep::Expire => "expire",
            AccountStep::SignIn => "sign-in",
            AccountStep::RequireChange => "require-change",
            AccountStep::SetPassword => "set-password",
            AccountStep::Lock => "lock",
            AccountStep::Unlock => "unlock",
            AccountStep::Suspend => "suspend",
            AccountStep::Reactivate => "reactivate",
            AccountStep::Revoke => "revoke",
        }
    }

    /// What the step is called in an account's history: the names of `domain.md`'s annex, where it has
    /// one.
    pub const fn event(self) -> &'static str {
        match self {
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

    /// The step by hand with this code.
    pub fn by_hand(code: &str) -> Option<Self> {
        AccountStep::BY_HAND
            .into_iter()
            .find(|step| step.code() == code)
    }
}

/// A step that is not possible in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{} is not possible for an account that is {}", .step.code(), .state.code())]
pub struct StepRefused {
    /// Where the account stands.
    pub state: AccountState,
    /// What was asked.
    pub step: AccountStep,
}

impl StepRefused {
    /// The steps by hand that are possible instead.
    pub fn allowed(&self) -> Vec<&'static str> {
        AccountStep::BY_HAND
            .into_iter()
            .filter(|step| self.state.after(*step).is_ok())
            .map(AccountStep::code)
            .collect()
    }
}

/// Whether `keeper` may create, place and steer somebody in this role at this desk (§2.2): an
/// authority's administrator its operators, the regional supervisor the regional desk, the system
/// administrator everybody who administers. Administrators are appointed, see [`may_appoint`].
pub fn may_keep(keeper: &Staff, role: Role, authority: &AuthorityCode) -> bool {
    match reach(keeper.role, Right::KeepAccounts) {
        Reach::Desk => {
            *authority == keeper.authority && matches!(role, Role::Operator | Role::Supervisor)
        }
        Reach::Region => {
            (role.is_regional() && *authority == keeper.authority) || role == Role::Admin
        }
        Reach::All => matches!(
            role,
            Role::Admin
                | Role::RegionalSupervisor
                | Role::Technician
                | Role::SystemAdmin
                | Role::Auditor
        ),
        _ => false,
    }
}

/// Whether `keeper` steers an account as a whole, suspends and ends it: where it is kept, its home, and
/// not where it merely works, too. Whoever leads nowhere may work elsewhere besides; somebody with a
/// higher role anywhere is steered by those who may keep that one, too.
pub fn may_steer(
    keeper: &Staff,
    home: Option<&AuthorityCode>,
    held: &[(Role, AuthorityCode)],
) -> bool {
    let is_home = |authority: &AuthorityCode| home.is_none_or(|home| home == authority);
    let is_higher = |role: Role| !matches!(role, Role::Operator | Role::Supervisor);
    let keeps_all = held
        .iter()
        .filter(|(role, authority)| is_home(authority) || is_higher(*role))
        .all(|(role, authority)| may_keep(keeper, *role, authority));
    let is_home_kept = match home {
        _ if held.iter().any(|(_, authority)| is_home(authority)) => true,
        Some(home) => Role::ALL.iter().any(|role| may_keep(keeper, *role, home)),
        None => reach(keeper.role, Right::KeepAccounts) == Reach::All,
    };
    keeps_all && is_home_kept
}

/// Whether `keeper` may appoint the administrator of this authority: the region and the system
/// administrator where there is none, the administrator by handing over (§2.2, §9.4).
pub fn may_appoint(keeper: &Staff, authority: &AuthorityCode) -> bool {
    match reach(keeper.role, Right::AppointAdmin) {
        Reach::Desk => *authority == keeper.authority,
        Reach::Region | Reach::All => true,
        _ => false,
    }
}

/// Who works where (`domain.md` §2.1). Those without cases can sit anywhere.
pub fn fits_desk(kind: AuthorityKind, role: Role) -> bool {
    match kind {
        AuthorityKind::Region => !role.is_of_authority() && role != Role::Technician,
        AuthorityKind::Technical => !role.is_of_authority() && !role.is_regional(),
        _ => !role.is_regional() && role != Role::Technician,
    }
}

/// How many administrators an authority was found with (`domain.md` §9.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SingleAdmin<Id> {
    /// Nobody: the region appoints one.
    Missing,
    /// As it must be.
    One(Id),
    /// Too many: this one is kept, the others lose the role.
    Pick {
        /// The most recently confirmed, then the lowest id.
        keep: Id,
        /// The rest, in order.
        remove: Vec<Id>,
    },
}

/// Checks that there is one administrator, and picks one where there are several: the most recently
/// confirmed, then the lowest id (`domain.md` §9.4).
pub fn single_admin<Id: Ord + Copy, At: Ord>(
    mut candidates: Vec<(Id, Option<At>)>,
) -> SingleAdmin<Id> {
    candidates
        .sort_by(|(id, at), (other_id, other_at)| other_at.cmp(at).then_with(|| id.cmp(other_id)));
    let mut ids = candidates.into_iter().map(|(id, _)| id);
    match (ids.next(), ids.collect::<Vec<_>>()) {
        (None, _) => SingleAdmin::Missing,
        (Some(only), rest) if rest.is_empty() => SingleAdmin::One(only),
        (Some(keep), remove) => SingleAdmin::Pick { keep, remove },
    }
}

#[cfg(test)]
mod tests {
    use super::AccountState as S;
    use super::AccountStep as T;
    use super::*;

    /// The whole table: a row a state, the steps it takes and where they lead.
    #[test]
    fn every_state_takes_these_steps_and_no_other() {
        let rows: [(S, &[(T, S)]); 10] = [
            (
                S::Requested,
                &[(T::Identify, S::Identified), (T::Revoke, S::Revoked)],
            ),
            (
                S::Identified,
                &[(T::Issue, S::Issued), (T::Revoke, S::Revoked)],
            ),
            (
                S::Issued,
                &[
                    (T::Issue, S::Issued),
                    (T::Activate, S::Activated),
                    (T::Expire, S::Expired),
                    (T::Revoke, S::Revoked),
                ],
            ),
            (
                S::Activated,
                &[
                    (T::Issue, S::Issued),
                    (T::SignIn, S::Active),
                    (T::RequireChange, S::MustChange),
                    (T::SetPassword, S::Active),
                    (T::Lock, S::Locked),
                    (T::Suspend, S::Suspended),
                    (T::Revoke, S::Revoked),
                ],
            ),
            (
                S::Active,
                &[
                    (T::Issue, S::Issued),
                    (T::SignIn, S::Active),
                    (T::RequireChange, S::MustChange),
                    (T::SetPassword, S::Active),
                    (T::Lock, S::Locked),
                    (T::Suspend, S::Suspended),
                    (T::Revoke, S::Revoked),
                ],
            ),
            (
                S::MustChange,
                &[
                    (T::Issue, S::Issued),
                    (T::SignIn, S::MustChange),
                    (T::SetPassword, S::Active),
                    (T::Lock, S::Locked),
                    (T::Suspend, S::Suspended),
                    (T::Revoke, S::Revoked),
                ],
            ),
            (
                S::Locked,
                &[
                    (T::Issue, S::Issued),
                    (T::SetPassword, S::Active),
                    (T::Unlock, S::Active),
                    (T::Suspend, S::Suspended),
                    (T::Revoke, S::Revoked),
                ],
            ),
            (
                S::Suspended,
                &[
                    (T::Issue, S::Issued),
                    (T::Reactivate, S::Active),
                    (T::Revoke, S::Revoked),
                ],
            ),
            (S::Revoked, &[]),
            (
                S::Expired,
                &[(T::Issue, S::Issued), (T::Revoke, S::Revoked)],
            ),
        ];
        assert_eq!(rows.map(|(state, _)| state), S::ALL);
        for (state, taken) in rows {
            for step in T::ALL {
                let expected = taken
                    .iter()
                    .find(|(one, _)| *one == step)
                    .map(|(_, to)| *to);
                assert_eq!(state.after(step).ok(), expected, "{state:?} {step:?}");
            }
        }
    }

    fn keeper(role: Role, authority: &str) -> Staff {
        Staff {
            account: crate::ids::AccountId::new(uuid::Uuid::nil()),
            placement: crate::ids::PlacementId::new(uuid::Uuid::nil()),
            role,
            authority: authority.into(),
        }
    }

    #[test]
    fn an_account_is_steered_where_it_is_kept() {
        let (to4, cn1): (AuthorityCode, AuthorityCode) = ("010204".into(), "010210".into());
        let both = [(Role::Operator, to4.clone()), (Role::Operator, cn1.clone())];
        let led = [(Role::Admin, to4.clone()), (Role::Operator, to4.clone())];
        let none: [(Role, AuthorityCode); 0] = [];
        let high = [
            (Role::Operator, to4.clone()),
            (Role::RegionalOperator, "REG010".into()),
        ];
        let rows = [
            (Role::Admin, "010204", Some(&to4), &both[..], true),
            (Role::Admin, "010210", Some(&to4), &both[..], false),
            (Role::Admin, "010204", Some(&to4), &led[..], false),
            (Role::Admin, "010204", Some(&to4), &high[..], false),
            (
                Role::RegionalSupervisor,
                "REG010",
                Some(&to4),
                &led[..1],
                true,
            ),
            (
                Role::RegionalSupervisor,
                "REG010",
                Some(&to4),
                &both[..],
                false,
            ),
            (Role::SystemAdmin, "REG010", Some(&to4), &both[..], false),
            (Role::Admin, "010204", Some(&to4), &none[..], true),
            (Role::Admin, "010210", Some(&to4), &none[..], false),
            (Role::Admin, "010210", None, &both[..], false),
            (Role::Admin, "010210", None, &both[1..], true),
            (Role::SystemAdmin, "REG010", None, &none[..], true),
            (Role::Auditor, "REG010", None, &none[..], false),
            (Role::Supervisor, "010204", Some(&to4), &none[..], false),
        ];
        for (role, at, home, held, expected) in rows {
            let steers = may_steer(&keeper(role, at), home, held);
            assert_eq!(steers, expected, "{role:?} {at} {home:?} {held:?}");
        }
    }

    #[test]
    fn roles_belong_to_desks() {
        use AuthorityKind::{Asl, Region, Technical};
        assert!(fits_desk(Asl, Role::Operator) && !fits_desk(Region, Role::Operator));
        assert!(fits_desk(Region, Role::RegionalOperator));
        assert!(!fits_desk(Asl, Role::RegionalOperator));
        assert!(fits_desk(Technical, Role::Technician) && !fits_desk(Asl, Role::Technician));
        assert!(fits_desk(Asl, Role::Auditor) && fits_desk(Region, Role::SystemAdmin));
    }

    #[test]
    fn a_refusal_lists_what_can_be_done_instead() {
        let refused = S::Suspended.after(T::Unlock).unwrap_err();
        assert_eq!(refused.allowed(), ["issue", "reactivate", "revoke"]);
        assert_eq!(
            refused.to_string(),
            "unlock is not possible for an account that is suspended"
        );
    }

    #[test]
    fn the_most_recently_confirmed_administrator_is_kept_then_the_lowest_id() {
        assert_eq!(single_admin::<u8, u8>(vec![]), SingleAdmin::Missing);
        assert_eq!(single_admin(vec![(7, None::<u8>)]), SingleAdmin::One(7));
        let picked = single_admin(vec![(3, None), (2, Some(10)), (1, Some(9)), (4, Some(10))]);
        assert_eq!(
            picked,
            SingleAdmin::Pick {
                keep: 2,
                remove: vec![4, 1, 3]
            }
        );
        let never = single_admin(vec![(3, None::<u8>), (2, None)]);
        assert_eq!(
            never,
            SingleAdmin::Pick {
                keep: 2,
                remove: vec![3]
            }
        );
    }
}

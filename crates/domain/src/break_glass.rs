//! Break-glass (`domain.md` §2.2, P-3): a system administrator, who works no cases, reads those of one
//! authority or one single ticket, for hours, once a second person agreed.
//!
//! A grant ends by the clock: where it stands follows from its times and the present instant, and from
//! nothing that a job would have to set. Invariant: whoever agreed is not whoever asked, nor the same
//! person under another account.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, GrantId};
use crate::invalid::Text;
use crate::purpose::Purpose;
use crate::visibility::Opened;

/// The most hours that can be asked for.
pub const MOST_HOURS: i32 = 8;

/// Whatever was agreed when, a grant is over this long after it was asked for.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);

/// A grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// Who asked.
    pub asked_by: AccountId,
    /// When.
    pub asked_at: Timestamp,
    /// What it opens.
    pub opens: Opened,
    /// Why.
    pub purpose: Purpose,
    /// For how many hours from the approval, 1 to [`MOST_HOURS`].
    pub hours: i32,
    /// Who agreed, and when.
    pub approved: Option<(AccountId, Timestamp)>,
    /// When something was first read with it.
    pub first_used_at: Option<Timestamp>,
    /// Who ended it before its time, and when.
    pub ended: Option<(AccountId, Timestamp)>,
}

/// Where a grant stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GrantState {
    /// Asked for; nobody agreed yet.
    Pending,
    /// Its asker reads.
    InForce,
    /// Somebody ended it.
    Ended,
    /// Its hours are over.
    Expired,
    /// Nobody agreed within a day.
    Void,
}

impl GrantState {
    /// Every state, in the order of a grant's life.
    pub const ALL: [GrantState; 5] = [
        GrantState::Pending,
        GrantState::InForce,
        GrantState::Ended,
        GrantState::Expired,
        GrantState::Void,
    ];

    /// The code used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            GrantState::Pending => "pending",
            GrantState::InForce => "in-force",
            GrantState::Ended => "ended",
            GrantState::Expired => "expired",
            GrantState::Void => "void",
        }
    }

    /// What people call it.
    pub const fn label(self) -> Text {
        match self {
            GrantState::Pending => Text::new("In attesa", "Pending"),
            GrantState::InForce => Text::new("In corso", "In force"),
            GrantState::Ended => Text::new("Terminato", "Ended"),
            GrantState::Expired => Text::new("Scaduto", "Expired"),
            GrantState::Void => Text::new("Decaduto", "Void"),
        }
    }

    /// Whether it can still open something.
    pub const fn is_open(self) -> bool {
        matches!(self, GrantState::Pending | GrantState::InForce)
    }
}

/// Somebody who takes a step with a grant: the account, and a print of the person behind it where one
/// is known.
#[derive(Debug, Clone, Copy)]
pub struct Party<'a> {
    /// The account.
    pub account: AccountId,
    /// The print of their tax code.
    pub person: Option<&'a str>,
}

/// Why a step with a grant is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GrantRefused {
    /// A second person is needed, and this is the first.
    #[error("the same person asked")]
    SamePerson,
    /// The grant is not where this step begins.
    #[error("the grant is {}", state.as_str())]
    NotNow {
        /// Where it stands.
        state: GrantState,
    },
    /// They have one open already: one at a time.
    #[error("another grant is open")]
    AnotherOpen,
    /// Nobody would be told: there is no address of the data protection officer.
    #[error("no officer's address is configured")]
    NobodyToTell,
}

impl Grant {
    /// Where it stands at `now`.
    pub fn state(&self, now: Timestamp) -> GrantState {
        match (self.ended, self.ends_at()) {
            (Some((_, at)), _) if at <= now => GrantState::Ended,
            (_, None) if self.last_instant() <= now => GrantState::Void,
            (_, None) => GrantState::Pending,
            (_, Some(end)) if end <= now => GrantState::Expired,
            (_, Some(_)) => GrantState::InForce,
        }
    }

    /// When its hours are over; none as long as nobody agreed.
    pub fn ends_at(&self) -> Option<Timestamp> {
        let (_, approved_at) = self.approved?;
        let hours = SignedDuration::from_hours(i64::from(self.hours));
        let end = approved_at.checked_add(hours).unwrap_or(approved_at);
        Some(end.min(self.last_instant()))
    }

    /// When it is over by itself, as things stand.
    pub fn over_at(&self) -> Timestamp {
        self.ends_at().unwrap_or(self.last_instant())
    }

    fn last_instant(&self) -> Timestamp {
        self.asked_at.checked_add(LONGEST).unwrap_or(self.asked_at)
    }

    /// Agrees.
    pub fn approve(
        &mut self,
        asker: Party<'_>,
        by: Party<'_>,
        now: Timestamp,
    ) -> Result<(), GrantRefused> {
        let is_same_person = by.person.is_some() && by.person == asker.person;
        if by.account == self.asked_by || is_same_person {
            return Err(GrantRefused::SamePerson);
        }
        match self.state(now) {
            GrantState::Pending => {
                self.approved = Some((by.account, now));
                Ok(())
            }
            state => Err(GrantRefused::NotNow { state }),
        }
    }

    /// Ends it before its time.
    pub fn end(&mut self, by: AccountId, now: Timestamp) -> Result<(), GrantRefused> {
        match self.state(now) {
            state if state.is_open() => {
                self.ended = Some((by, now));
                Ok(())
            }
            state => Err(GrantRefused::NotNow { state }),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::codes::AuthorityCode;

    fn account(number: u128) -> AccountId {
        AccountId::new(Uuid::from_u128(number))
    }

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(hour * 3600).unwrap()
    }

    fn party(number: u128, person: Option<&str>) -> Party<'_> {
        Party {
            account: account(number),
            person,
        }
    }

    fn asked(hours: i32) -> Grant {
        Grant {
            id: GrantId::new(Uuid::from_u128(9)),
            asked_by: account(1),
            asked_at: at(0),
            opens: Opened::Authority(AuthorityCode::from("010204")),
            purpose: Purpose::SecurityIncident,
            hours,
            approved: None,
            first_used_at: None,
            ended: None,
        }
    }

    /// Rows of (hours asked for, approved at, ended at) → where it stands at 0, 1, 7, 8, 23, 24 hours.
    #[test]
    fn where_a_grant_stands_follows_from_its_times() {
        use GrantState::{Ended, Expired, InForce, Pending, Void};
        let rows = [
            (
                8,
                None,
                None,
                [Pending, Pending, Pending, Pending, Pending, Void],
            ),
            (
                8,
                Some(0),
                None,
                [InForce, InForce, InForce, Expired, Expired, Expired],
            ),
            (
                1,
                Some(0),
                None,
                [InForce, Expired, Expired, Expired, Expired, Expired],
            ),
            // Agreed late: a day after it was asked for it is over, whatever is left of its hours.
            (
                8,
                Some(20),
                None,
                [InForce, InForce, InForce, InForce, InForce, Expired],
            ),
            (
                8,
                Some(0),
                Some(7),
                [InForce, InForce, Ended, Ended, Ended, Ended],
            ),
            (
                8,
                None,
                Some(1),
                [Pending, Ended, Ended, Ended, Ended, Ended],
            ),
        ];
        for (hours, approved, ended, states) in rows {
            let grant = Grant {
                approved: approved.map(|hour| (account(2), at(hour))),
                ended: ended.map(|hour| (account(1), at(hour))),
                ..asked(hours)
            };
            let found = [0, 1, 7, 8, 23, 24].map(|hour| grant.state(at(hour)));
            assert_eq!(found, states, "{hours} {approved:?} {ended:?}");
        }
    }

    #[test]
    fn a_second_person_agrees_once_and_in_time() {
        let asker = party(1, Some("maria"));
        for (by, hour, outcome) in [
            (party(2, Some("anna")), 1, Ok(())),
            (party(2, None), 23, Ok(())),
            (party(1, None), 1, Err(GrantRefused::SamePerson)),
            (party(3, Some("maria")), 1, Err(GrantRefused::SamePerson)),
            (
                party(2, Some("anna")),
                24,
                Err(GrantRefused::NotNow {
                    state: GrantState::Void,
                }),
            ),
        ] {
            let mut grant = asked(8);
            assert_eq!(grant.approve(asker, by, at(hour)), outcome, "{by:?}");
            assert_eq!(grant.approved.is_some(), outcome.is_ok());
        }
        // Two people of whom nothing is known are taken for two by their accounts.
        assert_eq!(
            asked(8).approve(party(1, None), party(2, None), at(1)),
            Ok(())
        );
        let mut grant = asked(8);
        grant.approve(asker, party(2, None), at(1)).unwrap();
        let state = GrantState::InForce;
        let again = grant.approve(asker, party(3, None), at(2));
        assert_eq!(again, Err(GrantRefused::NotNow { state }));
    }

    #[test]
    fn what_is_over_cannot_be_ended() {
        let mut grant = asked(8);
        grant.end(account(1), at(1)).unwrap();
        let state = GrantState::Ended;
        assert_eq!(
            grant.end(account(1), at(2)),
            Err(GrantRefused::NotNow { state })
        );
        let state = GrantState::Void;
        assert_eq!(
            asked(8).end(account(1), at(30)),
            Err(GrantRefused::NotNow { state })
        );
    }
}

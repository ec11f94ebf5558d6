//! Announcements: what is told to a desk, to all of them, and to citizens for a while
//! (`domain.md` §9.7).

use jiff::Timestamp;

use crate::actor::{Role, Staff};
use crate::codes::AuthorityCode;
use crate::contact::codes;

/// Announcements shown at once.
pub const MOST_SHOWN: usize = 20;

codes! {
    /// What an announcement is about.
    AnnouncementKind {
        /// Something to know.
        News = "news",
        /// Something that does not work, and is known not to.
        KnownIssue = "known-issue",
        /// Something that will be otherwise.
        Change = "change",
    }
}

/// Whom an announcement is for.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Readers {
    /// The desks; none stands for all.
    pub authorities: Vec<AuthorityCode>,
    /// The roles at those desks; none stands for all.
    pub roles: Vec<Role>,
    /// Whether citizens read it, too: those with a request for one of the authorities.
    pub citizens: bool,
}

impl Readers {
    /// Whether a member of staff reads it.
    pub fn has(&self, staff: &Staff) -> bool {
        let is_role = self.roles.is_empty() || self.roles.contains(&staff.role);
        is_role && self.has_authority(&staff.authority)
    }

    /// Whether a requester reads it who has requests for these authorities.
    pub fn has_requester_of(&self, authorities: &[AuthorityCode]) -> bool {
        let is_for_one =
            self.authorities.is_empty() || authorities.iter().any(|code| self.has_authority(code));
        self.citizens && is_for_one
    }

    fn has_authority(&self, code: &AuthorityCode) -> bool {
        self.authorities.is_empty() || self.authorities.contains(code)
    }
}

/// Whether something holds that is good from `from` on, up to and without `to`.
pub fn holds(from: Timestamp, to: Timestamp, now: Timestamp) -> bool {
    from <= now && now < to
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::ids::{AccountId, PlacementId};

    fn staff(role: Role, authority: &str) -> Staff {
        Staff {
            account: AccountId::new(Uuid::nil()),
            placement: PlacementId::new(Uuid::nil()),
            role,
            authority: authority.into(),
        }
    }

    #[test]
    fn an_audience_is_who_the_table_says() {
        let operator = staff(Role::Operator, "010204");
        let rows: [(&[&str], &[Role], bool); 6] = [
            (&[], &[], true),
            (&["010204"], &[], true),
            (&["010210"], &[], false),
            (&["010210", "010204"], &[Role::Operator], true),
            (&["010204"], &[Role::Supervisor], false),
            (&[], &[Role::Supervisor, Role::Operator], true),
        ];
        for (authorities, roles, expected) in rows {
            let readers = Readers {
                authorities: authorities.iter().map(|code| (*code).into()).collect(),
                roles: roles.to_vec(),
                citizens: false,
            };
            assert_eq!(readers.has(&operator), expected, "{readers:?}");
            assert!(!readers.has_requester_of(&["010204".into()]));
        }
    }

    #[test]
    fn citizens_read_what_concerns_the_authorities_of_their_requests() {
        let rows: [(&[&str], &[&str], bool); 5] = [
            (&[], &[], true),
            (&[], &["010210"], true),
            (&["010204"], &[], false),
            (&["010204"], &["010210"], false),
            (&["010204"], &["010210", "010204"], true),
        ];
        let codes = |list: &[&str]| list.iter().map(|code| (*code).into()).collect::<Vec<_>>();
        for (authorities, own, expected) in rows {
            let readers = Readers {
                authorities: codes(authorities),
                roles: vec![Role::Supervisor],
                citizens: true,
            };
            assert_eq!(
                readers.has_requester_of(&codes(own)),
                expected,
                "{readers:?}"
            );
        }
    }

    #[test]
    fn validity_ends_before_its_end() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let held: Vec<bool> = [9, 10, 19, 20]
            .map(|now| holds(at(10), at(20), at(now)))
            .into();
        assert_eq!(held, [false, true, true, false]);
        assert!(!holds(at(10), at(10), at(10)), "called off before it began");
    }
}

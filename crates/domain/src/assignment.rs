//! Who gets a ticket that comes to a desk, where the desk lets the system say so (`domain.md` §4.2,
//! T03). Of those who are present alone: they work there, and are not away today.

use crate::ids::AccountId;

/// How a desk gives out what comes to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AssignmentMode {
    /// Not at all: whoever is free takes it from the queue.
    #[default]
    None,
    /// To whom has the fewest open tickets of the desk.
    LeastLoaded,
    /// To one after the other.
    RoundRobin,
}

impl AssignmentMode {
    /// Every mode.
    pub const ALL: [AssignmentMode; 3] = [
        AssignmentMode::None,
        AssignmentMode::LeastLoaded,
        AssignmentMode::RoundRobin,
    ];

    /// The code in rows and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            AssignmentMode::None => "none",
            AssignmentMode::LeastLoaded => "least-loaded",
            AssignmentMode::RoundRobin => "round-robin",
        }
    }

    /// The mode with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        AssignmentMode::ALL
            .into_iter()
            .find(|mode| mode.as_str() == code)
    }
}

/// Somebody who is present at a desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Who.
    pub account: AccountId,
    /// How many open tickets of the desk they own.
    pub open: i64,
}

/// Whom the next ticket goes to, if to anybody. `last` had the one before, which counts for
/// taking turns alone. The same people with the same loads always give the same answer: of those who
/// have equally few, the one who comes first by account; and turns go by account, too.
pub fn choose(
    mode: AssignmentMode,
    present: &[Candidate],
    last: Option<AccountId>,
) -> Option<AccountId> {
    let accounts = || present.iter().map(|one| one.account);
    match mode {
        AssignmentMode::None => None,
        AssignmentMode::LeastLoaded => {
            let least = present.iter().min_by_key(|one| (one.open, one.account));
            least.map(|one| one.account)
        }
        AssignmentMode::RoundRobin => {
            let next = last.and_then(|last| accounts().filter(|one| *one > last).min());
            next.or_else(|| accounts().min())
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn account(number: u128) -> AccountId {
        AccountId::new(Uuid::from_u128(number))
    }

    fn present(loads: &[(u128, i64)]) -> Vec<Candidate> {
        loads
            .iter()
            .map(|(number, open)| Candidate {
                account: account(*number),
                open: *open,
            })
            .collect()
    }

    /// How, who is present with how many open tickets, who had the last one, who gets the next one.
    type Row<'a> = (
        AssignmentMode,
        &'a [(u128, i64)],
        Option<u128>,
        Option<u128>,
    );

    #[test]
    fn the_next_ticket_goes_to_whom_the_table_says() {
        use AssignmentMode::{LeastLoaded, None as Nobody, RoundRobin};
        #[rustfmt::skip]
        let rows: [Row; 13] = [
            (Nobody,      &[(1, 0), (2, 0)],         None,    None),
            (LeastLoaded, &[],                       None,    None),
            (LeastLoaded, &[(1, 3), (2, 1), (3, 2)], None,    Some(2)),
            // Equally few: the first by account, however they are listed.
            (LeastLoaded, &[(3, 1), (2, 1), (1, 5)], None,    Some(2)),
            (LeastLoaded, &[(2, 1), (3, 1)],         Some(2), Some(2)),
            (RoundRobin,  &[],                       Some(1), None),
            (RoundRobin,  &[(2, 0), (1, 9)],         None,    Some(1)),
            (RoundRobin,  &[(1, 9), (2, 0), (3, 0)], Some(1), Some(2)),
            (RoundRobin,  &[(1, 0), (2, 0), (3, 9)], Some(2), Some(3)),
            (RoundRobin,  &[(1, 9), (2, 0), (3, 0)], Some(3), Some(1)),
            // Whoever had the last one is away, or has left: it goes on after their place.
            (RoundRobin,  &[(1, 0), (3, 0)],         Some(2), Some(3)),
            (RoundRobin,  &[(1, 0), (3, 0)],         Some(9), Some(1)),
            (RoundRobin,  &[(4, 0)],                 Some(4), Some(4)),
        ];
        for (mode, loads, last, expected) in rows {
            let found = choose(mode, &present(loads), last.map(account));
            assert_eq!(
                found,
                expected.map(account),
                "{mode:?} {loads:?} after {last:?}"
            );
        }
    }

    #[test]
    fn a_mode_is_found_by_its_code() {
        for mode in AssignmentMode::ALL {
            assert_eq!(AssignmentMode::from_code(mode.as_str()), Some(mode));
        }
        assert_eq!(AssignmentMode::from_code("random"), None);
    }
}

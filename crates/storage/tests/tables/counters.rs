//! Numbers that are handed out once.

use std::collections::BTreeSet;

use storage::counters::take_block;

use crate::concurrency::at_once;
use crate::town::{everywhere, write};

#[test]
fn blocks_of_a_counter_follow_each_other() {
    everywhere(|fresh| {
        let take =
            |name: &'static str, size| write(fresh.db(), move |conn| take_block(conn, name, size));
        assert_eq!(
            [take("a", 10), take("a", 3), take("b", 1), take("a", 1)],
            [1, 11, 1, 14]
        );
    });
}

#[test]
fn no_number_is_handed_out_twice_not_even_the_first() {
    everywhere(|fresh| {
        let blocks = at_once(8, |_| {
            let take = || write(fresh.db(), |conn| take_block(conn, "tickets", 5));
            [take(), take(), take()]
        });
        let firsts: BTreeSet<i64> = blocks.into_iter().flatten().collect();
        assert_eq!(firsts, (0..24).map(|block| block * 5 + 1).collect());
    });
}

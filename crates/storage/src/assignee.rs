//! How an assignee is kept in one column: `operator:<account id>` or `pool:<code>`.

use domain::actor::{Assignee, Pool};
use domain::ids::AccountId;

/// The column's text.
pub(crate) fn to_column(assignee: &Assignee) -> String {
    match assignee {
        Assignee::Operator(account) => format!("operator:{account}"),
        Assignee::Pool(pool) => format!("pool:{}", pool.code()),
    }
}

/// Reads the column back.
pub(crate) fn from_column(text: &str) -> Option<Assignee> {
    match text.split_once(':')? {
        ("operator", id) => id.parse::<AccountId>().ok().map(Assignee::Operator),
        ("pool", code) => Pool::from_code(code).map(Assignee::Pool),
        _ => None,
    }
}

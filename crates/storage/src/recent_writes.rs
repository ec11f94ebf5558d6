//! Who wrote a moment ago, so that a replica that lags shows nobody less than what they wrote
//! (`docs/adr/0041`).
//!
//! A mark is committed with what it stands for and replayed with it. Its instant is the machine's and
//! not the desk's clock: it is compared with how far a replica lags, which no test and no demo moves.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use diesel::prelude::*;
use uuid::Uuid;

use crate::schema::recent_writes;
use crate::sql_types::Id;
use crate::{DbConnection, StoreError};

/// A mark this old is on every replica that is asked: they lag less ([`crate::replica::LONGEST_LAG`]).
const KEPT: Duration = Duration::from_secs(120);
/// Whoever wrote more often within that time reads where it was written.
const MOST: i64 = 64;

/// Marks what this transaction writes as the work of `reader`.
#[expect(
    clippy::disallowed_methods,
    reason = "compared with how far a replica lags, which is the machine's time"
)]
pub(crate) fn mark(conn: &mut DbConnection, reader: &str) -> Result<(), StoreError> {
    diesel::insert_into(recent_writes::table)
        .values((
            recent_writes::reader.eq(reader.to_owned()),
            recent_writes::mark.eq(Id(Uuid::now_v7())),
        ))
        .execute(conn)?;
    Ok(())
}

/// The marks of `reader` that a replica may lack, `MOST` and one at the most.
pub(crate) fn list(conn: &mut DbConnection, reader: &str) -> Result<Vec<Uuid>, StoreError> {
    let marks: Vec<Id> = recent_writes::table
        .filter(recent_writes::reader.eq(reader.to_owned()))
        .filter(recent_writes::mark.ge(Id(first_since(KEPT))))
        .select(recent_writes::mark)
        .limit(MOST + 1)
        .load(conn)?;
    Ok(marks.into_iter().map(|mark| mark.0).collect())
}

/// Whether all these marks of `reader` are there.
pub(crate) fn are_there(
    conn: &mut DbConnection,
    reader: &str,
    marks: &[Uuid],
) -> Result<bool, StoreError> {
    let wanted = i64::try_from(marks.len()).unwrap_or(i64::MAX);
    if wanted == 0 || wanted > MOST {
        return Ok(wanted == 0);
    }
    let there: i64 = recent_writes::table
        .filter(recent_writes::reader.eq(reader.to_owned()))
        .filter(recent_writes::mark.eq_any(marks.iter().map(|mark| Id(*mark))))
        .count()
        .get_result(conn)?;
    Ok(there == wanted)
}

/// Forgets marks that nobody asks for any more, `most` of them at a time.
pub fn delete_old(conn: &mut DbConnection, most: i64) -> Result<usize, StoreError> {
    let old: Vec<(String, Id)> = recent_writes::table
        .filter(recent_writes::mark.lt(Id(first_since(KEPT * 2))))
        .select((recent_writes::reader, recent_writes::mark))
        .limit(most)
        .load(conn)?;
    for (reader, mark) in &old {
        diesel::delete(recent_writes::table.find((reader.clone(), *mark))).execute(conn)?;
    }
    Ok(old.len())
}

/// The first UUIDv7 of the instant that is so long ago.
#[expect(
    clippy::disallowed_methods,
    reason = "compared with how far a replica lags, which is the machine's time"
)]
fn first_since(age: Duration) -> Uuid {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let at = u64::try_from(now.saturating_sub(age).as_millis()).unwrap_or(u64::MAX);
    uuid::Builder::from_unix_timestamp_millis(at, &[0; 10]).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_mark_of_an_age_comes_before_that_of_a_younger_one() {
        let ages = [KEPT * 2, KEPT, Duration::from_secs(1), Duration::ZERO];
        let firsts = ages.map(first_since);
        assert!(firsts.is_sorted(), "{firsts:?}");
        assert!(firsts.iter().all(|first| first.get_version_num() == 7));
    }
}

//! Pages of rows of the audit trail's own tables, written after the commit of what they are about, in
//! one statement each, where each row would be a round trip: a list that somebody opened leads to a
//! hundred of them.
//!
//! PostgreSQL takes each column as an array, so that the statement is one text however many rows there
//! are. SQLite runs in this process and gets them one by one.

use std::fmt::Debug;

use diesel::pg::Pg;
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{Array, BigInt, Binary, HasSqlType, Integer, Text};
use diesel::sqlite::Sqlite;
use diesel::{PgConnection, SqliteConnection};

use crate::audit_links::LinkRow;
use crate::prepared::prepared;
use crate::sql_types::{Id, Instant, Ts, Uid};

/// A row of the index: what leads to an entry, when, which, and the how-manieth.
pub(crate) type IndexRow<V> = (V, Ts, Id, i32);

/// Adds rows to a table of the index.
pub(crate) fn index<K, V>(
    pg: &mut PgConnection,
    (table, column): (&str, &str),
    rows: Vec<IndexRow<V>>,
) -> QueryResult<()>
where
    K: 'static,
    V: ToSql<K, Pg> + Debug,
    Pg: HasSqlType<K>,
{
    let (mut keys, mut at, mut ids, mut nths) = (vec![], vec![], vec![], vec![]);
    for (key, time, id, nth) in rows {
        keys.push(key);
        at.push(time);
        ids.push(id);
        nths.push(nth);
    }
    let insert = diesel::sql_query(format!(
        "INSERT INTO {table} ({column}, at, entry_id, nth) \
         SELECT * FROM unnest($1, $2, $3, $4) ON CONFLICT DO NOTHING"
    ));
    prepared(
        insert
            .bind::<Array<K>, _>(keys)
            .bind::<Array<Instant>, _>(at)
            .bind::<Array<Uid>, _>(ids)
            .bind::<Array<Integer>, _>(nths),
    )
    .execute(pg)
}

/// The same, one by one.
pub(crate) fn index_singly<K, V>(
    sqlite: &mut SqliteConnection,
    (table, column): (&str, &str),
    rows: Vec<IndexRow<V>>,
) -> QueryResult<()>
where
    K: 'static,
    V: ToSql<K, Sqlite>,
    Sqlite: HasSqlType<K>,
{
    let sql = format!(
        "INSERT INTO {table} ({column}, at, entry_id, nth) VALUES ($1, $2, $3, $4) \
         ON CONFLICT DO NOTHING"
    );
    for (key, at, id, nth) in rows {
        let insert = diesel::sql_query(sql.as_str())
            .bind::<K, _>(key)
            .bind::<Instant, _>(at)
            .bind::<Uid, _>(id)
            .bind::<Integer, _>(nth);
        prepared(insert).execute(sqlite)?;
    }
    Ok(())
}

/// Takes entries off the list of those that wait for the index.
pub(crate) fn indexed(pg: &mut PgConnection, entries: &[(Id, i32)]) -> QueryResult<()> {
    let (ids, nths): (Vec<Id>, Vec<i32>) = entries.iter().copied().unzip();
    let delete = diesel::sql_query(
        "DELETE FROM audit_unindexed WHERE (entry_id, nth) IN (SELECT * FROM unnest($1, $2))",
    );
    prepared(
        delete
            .bind::<Array<Uid>, _>(ids)
            .bind::<Array<Integer>, _>(nths),
    )
    .execute(pg)
}

/// Adds links.
pub(crate) fn link(pg: &mut PgConnection, rows: Vec<LinkRow>) -> QueryResult<()> {
    let (mut chains, mut seqs, mut ids, mut nths) = (vec![], vec![], vec![], vec![]);
    let (mut previous, mut hashes) = (vec![], vec![]);
    for row in rows {
        chains.push(row.chain);
        seqs.push(row.seq);
        ids.push(row.entry_id);
        nths.push(row.nth);
        previous.push(row.previous);
        hashes.push(row.hash);
    }
    let insert = diesel::sql_query(
        "INSERT INTO audit_links (chain, seq, entry_id, nth, previous, hash) \
         SELECT * FROM unnest($1, $2, $3, $4, $5, $6)",
    );
    prepared(
        insert
            .bind::<Array<Text>, _>(chains)
            .bind::<Array<BigInt>, _>(seqs)
            .bind::<Array<Uid>, _>(ids)
            .bind::<Array<Integer>, _>(nths)
            .bind::<Array<Binary>, _>(previous)
            .bind::<Array<Binary>, _>(hashes),
    )
    .execute(pg)
}

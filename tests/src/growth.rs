//! Tickets by the ten thousand: copies of one that was filed, made by PostgreSQL.
//!
//! Invariant: a copy has an id, a number, a time and a requester of its own, and its desk, state and leg
//! are ones it could have come to; its sealed document is that of the original, so it does not open.

use diesel::connection::SimpleConnection;
use diesel::sql_types::Text;
use diesel::{PgConnection, QueryableByName, RunQueryDsl};

/// The tables that grow.
const TABLES: &str = "'tickets', 'legs'";

/// What is not as in the original, for the copy with the number `n`; `h` is a number that looks
/// drawn by lot, and always the same.
const OF_ITS_OWN: &[(&str, &str)] = &[
    (
        "id",
        // As the program's ids: the time first.
        "(lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || \
         substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid",
    ),
    ("number", "'2026-' || lpad(n::text, 12, '0')"),
    ("custodian", "desk"),
    ("at_region", "is_region"),
    ("state", "stands"),
    ("state_since", "at + interval '3 days'"),
    (
        "timer_at",
        "CASE WHEN stands IN ('resolved', 'awaiting-info') THEN at + interval '8 days' END",
    ),
    (
        "resolution_code",
        "CASE WHEN stands IN ('resolved', 'auto-closed') THEN 'duplicate' END",
    ),
    ("needs_attention", "h % 101 = 0"),
    ("priority", "1 + h % 4"),
    (
        "tags",
        "CASE WHEN h % 53 = 0 THEN '[\"laboratorio\"]' ELSE '[]' END",
    ),
    ("identity_print", "md5('identity' || person)"),
    ("tax_code_print", "md5('tax code' || person)"),
    ("family_name_print", "md5('name' || person % 3000)"),
    ("email_print", "md5('address' || person)"),
    ("phone_print", "md5('phone' || person)"),
    ("created_at", "at"),
    ("updated_at", "at + (h % 10) * interval '1 day'"),
    ("due_at", "at + interval '5 days'"),
];

/// Makes copies `from` to `to` of the ticket with this id: spread over a year before and a year after it and
/// over all desks, every fifth at `desk`, four of each requester; one in ten is still open, one in ten came
/// from another desk. Then brings the statistics up to date.
pub fn grow(conn: &mut PgConnection, original: &str, desk: &str, from: u32, to: u32) {
    let indexes = indexes(conn);
    let index_names: Vec<&str> = indexes.iter().map(|index| index.name.as_str()).collect();
    let definitions: Vec<&str> = indexes
        .iter()
        .map(|index| index.definition.as_str())
        .collect();
    let columns = names(
        conn,
        "SELECT attname::text AS name FROM pg_attribute
         WHERE attrelid = 'tickets'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
    );
    let foreign_keys = names(
        conn,
        &format!(
            "SELECT format('ALTER TABLE %s DROP CONSTRAINT %I;', conrelid::regclass, conname) AS name
             FROM pg_constraint WHERE contype = 'f' AND conrelid::regclass::text IN ({TABLES})"
        ),
    );
    let values: Vec<String> = columns
        .iter()
        .map(|column| {
            let own = OF_ITS_OWN.iter().find(|(name, _)| name == column);
            own.map_or(format!("t.{column}"), |(_, value)| (*value).to_owned())
        })
        .collect();
    // Far faster than to keep indexes and counters in step row by row, and to look for what rows refer to.
    let sql = format!(
        "BEGIN; SET LOCAL sportello.scope_kind = 'system';
         {unbind}
         ALTER TABLE tickets DISABLE TRIGGER USER; ALTER TABLE legs DISABLE TRIGGER USER;
         DROP INDEX {drop};
         WITH original AS MATERIALIZED (SELECT * FROM tickets WHERE id = '{original}'),
         drawn AS (
             SELECT n, h, h % 100003 / 4 AS person, region,
                 created_at + ((n - {from}) / ({to} - {from})::double precision - 0.5)
                     * interval '730 days' AS at,
                 CASE h % 5 WHEN 0 THEN '{desk}' ELSE desks[1 + h / 5 % cardinality(desks)] END AS desk
             FROM original, generate_series({from}, {to} - 1) AS n, abs(hashint4(n) / 2) AS h,
                 (SELECT array_agg(code ORDER BY code) AS desks,
                     min(code) FILTER (WHERE kind = 'region') AS region FROM authorities) AS a
         ),
         placed AS (
             SELECT *, desk = region AS is_region, CASE
                 WHEN h % 97 < 3 THEN CASE WHEN desk = region THEN 'not-competent' ELSE 'new' END
                 WHEN h % 97 < 7 THEN 'in-progress' WHEN h % 97 < 9 THEN 'awaiting-info'
                 WHEN h % 97 < 11 THEN 'resolved' WHEN h % 97 < 95 THEN 'auto-closed'
                 ELSE 'removed' END AS stands
             FROM drawn
         ),
         copies AS (
             INSERT INTO tickets ({columns}) SELECT {values} FROM placed, original AS t
             RETURNING id, number, custodian, created_at, updated_at
         ),
         lived AS (SELECT *, CASE WHEN hashtext(number) % 10 = 0 THEN 2 ELSE 1 END AS legs FROM copies)
         INSERT INTO legs (ticket_id, no, custodian, opened_at, closed_at, closed_seq, outcome)
         SELECT id, no, CASE WHEN no = legs THEN custodian ELSE '{desk}' END, created_at,
             CASE WHEN no < legs THEN updated_at END, CASE WHEN no < legs THEN 2 END,
             CASE WHEN no < legs THEN 'not-competent' END
         FROM lived, generate_series(1, legs) AS no;
         {create}; COMMIT",
        unbind = foreign_keys.join("\n"),
        drop = index_names.join(", "),
        columns = columns.join(", "),
        values = values.join(", "),
        create = definitions.join("; "),
    );
    conn.batch_execute(&sql).expect("the copies are made");
    conn.batch_execute("VACUUM (ANALYZE) tickets, legs")
        .expect("the statistics are made");
}

#[derive(QueryableByName)]
struct Index {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    definition: String,
}

/// The indexes that stand behind no key.
fn indexes(conn: &mut PgConnection) -> Vec<Index> {
    let sql = format!(
        "SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition
         FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
         WHERE c.relname IN ({TABLES}) AND NOT EXISTS
             (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid) ORDER BY 1"
    );
    diesel::sql_query(sql).load(conn).expect("the indexes")
}

fn names(conn: &mut PgConnection, sql: &str) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Name {
        #[diesel(sql_type = Text)]
        name: String,
    }
    let rows: Vec<Name> = diesel::sql_query(sql).load(conn).expect("the names");
    rows.into_iter().map(|row| row.name).collect()
}

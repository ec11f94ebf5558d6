//! What each database says about its own tables.

use diesel::prelude::*;
use diesel::sql_types::Text;
use storage::{DbConnection, StoreError};

use super::Facts;
use crate::support::Fresh;
use crate::town::read as query;

/// Everything but the table in which Diesel remembers its migrations.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Catalogue {
    pub(crate) columns: Facts,
    pub(crate) primary_keys: Facts,
    pub(crate) uniques: Facts,
    pub(crate) foreign_keys: Facts,
    pub(crate) triggers: Facts,
    /// In the database's own words: see `checks` for comparing them.
    pub(crate) checks: Facts,
    /// Likewise.
    pub(crate) indexes: Facts,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    fact: String,
}

/// The first column of a raw query.
pub(crate) fn lines(conn: &mut DbConnection, sql: &str) -> Result<Facts, StoreError> {
    let lines = diesel::sql_query(sql).load::<Line>(conn)?;
    Ok(lines.into_iter().map(|line| line.fact).collect())
}

/// How words are indexed differs (`docs/adr/0039`): SQLite has tables for it, and a number for each text to
/// name it in them, which triggers give; PostgreSQL has an index.
fn is_of_its_own(fact: &str) -> bool {
    const OWN: [&str; 7] = [
        "ticket_words",
        "CREATE TABLE 'ticket_words",
        "CREATE VIRTUAL TABLE ticket_words",
        "ticket_texts column 7 place",
        "ticket_texts trigger ",
        "CREATE UNIQUE INDEX ticket_texts_by_place",
        "CREATE INDEX ticket_texts_by_words",
    ];
    OWN.iter().any(|own| fact.starts_with(own))
}

pub(crate) fn read(fresh: &Fresh) -> Catalogue {
    let [
        columns,
        primary_keys,
        uniques,
        foreign_keys,
        triggers,
        checks,
        indexes,
    ] = match fresh.is_sqlite() {
        true => SQLITE,
        false => POSTGRES,
    }
    .map(|sql| query(fresh.db(), |conn| lines(conn, sql)))
    .map(|facts| {
        facts
            .into_iter()
            .filter(|fact| !is_of_its_own(fact))
            .collect()
    });
    Catalogue {
        columns,
        primary_keys,
        uniques,
        foreign_keys,
        triggers,
        checks,
        indexes,
    }
}

/// Whatever is there beside Diesel's own table.
pub(crate) fn leftovers(fresh: &Fresh) -> Facts {
    let sql = match fresh.is_sqlite() {
        true => {
            "SELECT type || ' ' || name AS fact FROM sqlite_master
             WHERE tbl_name <> '__diesel_schema_migrations'"
        }
        false => {
            "SELECT 'relation ' || relname AS fact FROM pg_class
             WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE '\\_\\_diesel%'
             UNION ALL SELECT 'function ' || proname FROM pg_proc
             WHERE pronamespace = 'public'::regnamespace
             UNION ALL SELECT 'type ' || typname FROM pg_type
             WHERE typnamespace = 'public'::regnamespace AND typname NOT LIKE '%\\_\\_diesel%'"
        }
    };
    query(fresh.db(), |conn| lines(conn, sql))
}

const SQLITE: [&str; 7] = [
    r#"SELECT t.name || ' column ' || (c.cid + 1) || ' ' || c.name || ': ' || c.type
          || CASE c."notnull" WHEN 1 THEN ' not null' ELSE '' END
          || coalesce(' default ' || c.dflt_value, '') AS fact
       FROM sqlite_master t, pragma_table_xinfo(t.name) c
       WHERE t.type = 'table' AND t.name NOT LIKE '\_\_diesel%' ESCAPE '\'"#,
    r"SELECT t.name || ' primary key (' || group_concat(c.name, ', ' ORDER BY c.pk) || ')' AS fact
      FROM sqlite_master t, pragma_table_xinfo(t.name) c
      WHERE t.type = 'table' AND t.name NOT LIKE '\_\_diesel%' ESCAPE '\' AND c.pk > 0
      GROUP BY t.name",
    "SELECT t.name || ' unique (' || group_concat(c.name, ', ' ORDER BY c.seqno) || ')' AS fact
     FROM sqlite_master t, pragma_index_list(t.name) i, pragma_index_info(i.name) c
     WHERE t.type = 'table' AND i.origin = 'u' GROUP BY t.name, i.name",
    r#"SELECT t.name || ' foreign key (' || group_concat(k."from", ', ' ORDER BY k.seq) || ') to '
          || k."table" || ' (' || group_concat(k."to", ', ' ORDER BY k.seq) || ') update '
          || k.on_update || ' delete ' || k.on_delete AS fact
       FROM sqlite_master t, pragma_foreign_key_list(t.name) k
       WHERE t.type = 'table' GROUP BY t.name, k.id"#,
    "SELECT tbl_name || ' trigger ' || name AS fact FROM sqlite_master WHERE type = 'trigger'",
    // The whole statement: the checks are read out of it afterwards.
    r"SELECT sql AS fact FROM sqlite_master
      WHERE type = 'table' AND name NOT LIKE '\_\_diesel%' ESCAPE '\'",
    "SELECT sql AS fact FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
];

const POSTGRES: [&str; 7] = [
    r"SELECT c.relname || ' column ' || a.attnum || ' ' || a.attname || ': '
         || replace(format_type(a.atttypid, a.atttypmod), 'timestamp with time zone', 'timestamptz')
         || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
         || coalesce(' default ' || replace(pg_get_expr(d.adbin, d.adrelid), '::text', ''), '') AS fact
      FROM pg_class c
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
      WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
        AND c.relname NOT LIKE '\_\_diesel%'",
    r"SELECT k.conrelid::regclass || ' primary key (' || string_agg(a.attname, ', ' ORDER BY n.place)
         || ')' AS fact
      FROM pg_constraint k, unnest(k.conkey) WITH ORDINALITY n (num, place), pg_attribute a
      WHERE k.contype = 'p' AND k.connamespace = 'public'::regnamespace
        AND a.attrelid = k.conrelid AND a.attnum = n.num
        AND k.conrelid::regclass::text NOT LIKE '\_\_diesel%'
      GROUP BY k.oid, k.conrelid",
    "SELECT k.conrelid::regclass || ' unique (' || string_agg(a.attname, ', ' ORDER BY n.place)
        || ')' AS fact
     FROM pg_constraint k, unnest(k.conkey) WITH ORDINALITY n (num, place), pg_attribute a
     WHERE k.contype = 'u' AND k.connamespace = 'public'::regnamespace
       AND a.attrelid = k.conrelid AND a.attnum = n.num
     GROUP BY k.oid, k.conrelid",
    "SELECT k.conrelid::regclass || ' foreign key (' || string_agg(a.attname, ', ' ORDER BY n.place)
        || ') to ' || k.confrelid::regclass || ' (' || string_agg(b.attname, ', ' ORDER BY n.place)
        || ') update ' || replace(k.confupdtype::text, 'a', 'NO ACTION')
        || ' delete ' || replace(k.confdeltype::text, 'a', 'NO ACTION') AS fact
     FROM pg_constraint k, unnest(k.conkey, k.confkey) WITH ORDINALITY n (num, other, place),
          pg_attribute a, pg_attribute b
     WHERE k.contype = 'f' AND k.connamespace = 'public'::regnamespace
       AND a.attrelid = k.conrelid AND a.attnum = n.num
       AND b.attrelid = k.confrelid AND b.attnum = n.other
     GROUP BY k.oid",
    // SQLite knows no TRUNCATE, and so needs no trigger against it.
    "SELECT t.tgrelid::regclass || ' trigger ' || t.tgname AS fact FROM pg_trigger t
     WHERE NOT t.tgisinternal AND t.tgname NOT LIKE '%no_truncate'",
    "SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) AS fact FROM pg_constraint
     WHERE contype = 'c' AND connamespace = 'public'::regnamespace",
    "SELECT pg_get_indexdef(i.indexrelid) AS fact FROM pg_index i
     JOIN pg_class c ON c.oid = i.indexrelid
     LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u')
     WHERE c.relnamespace = 'public'::regnamespace AND k.oid IS NULL",
];

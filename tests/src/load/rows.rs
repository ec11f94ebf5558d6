//! Rows of any table, read and written without knowing the table: so that the loader writes whatever
//! the program wrote, also in tables that are younger than the loader.

use diesel::QueryableByName;
use diesel::RunQueryDsl;
use diesel::sql_types::Text;
use storage::sql_types::Id;
use storage::{Backend, Db, DbConnection, StoreError};
use uuid::Uuid;

use super::templates::ALL;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Id,
    /// Microseconds since 1970.
    At,
    Number,
    Flag,
    /// Text, and documents as text.
    Text,
}

/// A value of a column.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Id(Id),
    At(i64),
    Number(i64),
    Flag(bool),
    Text(String),
}

/// A table with the columns that its writer fills.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<(String, Kind)>,
}

#[derive(QueryableByName)]
struct ColumnRow {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    column_name: String,
    #[diesel(sql_type = Text)]
    column_type: String,
}

#[derive(QueryableByName)]
struct JsonRow {
    #[diesel(sql_type = Text)]
    row: String,
}

/// Columns that the database fills are left out; so are the partitions of a table.
const POSTGRES_COLUMNS: &str = "SELECT c.relname::text AS table_name, a.attname::text AS column_name, \
     t.typname::text AS column_type FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
     JOIN pg_type t ON t.oid = a.atttypid WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition \
     AND c.relnamespace = current_schema()::regnamespace AND a.attnum > 0 AND NOT a.attisdropped \
     AND a.attidentity = '' AND a.attgenerated = '' ORDER BY c.relname, a.attnum";

/// An only key column that is an INTEGER is the row's number, which SQLite gives; the place of a text is
/// given by a trigger.
const SQLITE_COLUMNS: &str = "SELECT m.name AS table_name, p.name AS column_name, p.type AS column_type \
     FROM sqlite_master m, pragma_table_xinfo(m.name) p WHERE m.type = 'table' AND p.hidden = 0 \
     AND NOT (p.pk = 1 AND p.type = 'INTEGER' \
         AND (SELECT max(pk) FROM pragma_table_info(m.name)) = 1) \
     AND NOT (m.name = 'ticket_texts' AND p.name = 'place') ORDER BY m.name, p.cid";

impl Table {
    /// All tables.
    pub(super) fn list(db: &Db) -> Vec<Table> {
        let sql = match db.backend() {
            Backend::Postgres => POSTGRES_COLUMNS,
            Backend::Sqlite => SQLITE_COLUMNS,
        };
        let rows =
            db.read(|conn| Ok::<_, StoreError>(diesel::sql_query(sql).load::<ColumnRow>(conn)?));
        let mut tables: Vec<Table> = Vec::new();
        for row in rows.expect("the columns are read") {
            if tables
                .last()
                .is_none_or(|table| table.name != row.table_name)
            {
                tables.push(Table {
                    name: row.table_name,
                    columns: Vec::new(),
                });
            }
            let kind = kind_of(&row.column_name, &row.column_type);
            let table = tables.last_mut().expect("one was added");
            table.columns.push((row.column_name, kind));
        }
        tables
    }

    /// The place of a column.
    pub(super) fn place_of(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|(name, _)| name == column)
    }

    /// The rows for which `condition` holds; the last value of each is `extra`, an SQL expression.
    pub(super) fn read(&self, db: &Db, condition: &str, extra: &str) -> Vec<Vec<Value>> {
        let backend = db.backend();
        let mut shown: Vec<String> = self
            .columns
            .iter()
            .map(|(name, kind)| kind.shown(&format!("{}.{name}", self.name), backend))
            .collect();
        shown.push(extra.to_owned());
        let build = match backend {
            Backend::Postgres => "json_build_array",
            Backend::Sqlite => "json_array",
        };
        let sql = format!(
            "SELECT CAST({build}({}) AS TEXT) AS row FROM {} WHERE {condition}",
            shown.join(", "),
            self.name
        );
        let rows = db.read_in(&ALL, |conn: &mut DbConnection| {
            Ok::<_, StoreError>(diesel::sql_query(sql).load::<JsonRow>(conn)?)
        });
        let rows = rows.unwrap_or_else(|error| panic!("{}: {error:?}", self.name));
        rows.into_iter().map(|row| self.parse(&row.row)).collect()
    }

    fn parse(&self, row: &str) -> Vec<Value> {
        let values: Vec<Option<String>> = serde_json::from_str(row).expect("a list of texts");
        let kinds = self.columns.iter().map(|(_, kind)| *kind);
        kinds
            .chain([Kind::Text])
            .zip(values)
            .map(|(kind, text)| text.map_or(Value::Null, |text| kind.parse(&text)))
            .collect()
    }
}

/// A time has the same sort of name everywhere, and on SQLite is a number.
fn kind_of(name: &str, sql_type: &str) -> Kind {
    let is_time = name == "at"
        || ["_at", "_since", "_until"]
            .iter()
            .any(|end| name.ends_with(end));
    match sql_type {
        "uuid" | "BLOB" => Kind::Id,
        "timestamptz" => Kind::At,
        "BIGINT" if is_time => Kind::At,
        "int2" | "int4" | "int8" | "BIGINT" | "INTEGER" => Kind::Number,
        "bool" | "BOOLEAN" => Kind::Flag,
        _ => Kind::Text,
    }
}

impl Kind {
    fn shown(self, column: &str, backend: Backend) -> String {
        match (self, backend) {
            (Kind::At, Backend::Postgres) => {
                format!("(extract(epoch FROM {column}) * 1000000)::bigint::text")
            }
            (Kind::Flag, Backend::Postgres) => format!("{column}::int::text"),
            (_, Backend::Postgres) => format!("{column}::text"),
            (Kind::Id, Backend::Sqlite) => {
                format!("CASE WHEN {column} IS NULL THEN NULL ELSE hex({column}) END")
            }
            (_, Backend::Sqlite) => format!("CAST({column} AS TEXT)"),
        }
    }

    fn parse(self, text: &str) -> Value {
        let number = || text.parse().expect("a number");
        match self {
            Kind::Id => Value::Id(Id(text.parse().expect("an id"))),
            Kind::At => Value::At(number()),
            Kind::Number => Value::Number(number()),
            Kind::Flag => Value::Flag(text == "1"),
            Kind::Text => Value::Text(text.to_owned()),
        }
    }
}

/// An id in SQL.
pub(super) fn literal(id: Uuid, backend: Backend) -> String {
    match backend {
        Backend::Postgres => format!("'{id}'"),
        Backend::Sqlite => format!("x'{}'", id.simple()),
    }
}

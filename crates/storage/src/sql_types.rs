//! The column types that `MultiConnection` does not know by itself, and their values.
//!
//! | in `schema.rs` | value | PostgreSQL | SQLite |
//! | --- | --- | --- | --- |
//! | `Uid` | [`Id`] | `uuid` | `BLOB`, 16 bytes |
//! | `Instant` | [`Ts`] | `timestamptz` | `BIGINT`, microseconds since 1970 |
//! | `JsonDoc` | [`Json`] | `jsonb` | `TEXT` |
//! | `WordList` | `crate::words::Words` | `tsvector` | `TEXT` |
//!
//! Invariant: a value written on one database and read there comes back identical, and both
//! order `Id` and `Ts` alike. A time is kept to the microsecond, the finest PostgreSQL has.

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::query_builder::QueryId;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{self, HasSqlType, SqlOrd, SqlType};
use diesel::sqlite::{Sqlite, SqliteValue};

use crate::connection::MultiBackend;

/// Column of ids. The numbers are PostgreSQL's fixed ones: with a name instead, every new
/// connection would first ask for them.
#[derive(Debug, Clone, Copy, Default, SqlType, QueryId)]
#[diesel(
    postgres_type(oid = 2950, array_oid = 2951),
    sqlite_type(name = "Binary")
)]
pub struct Uid;

/// Column of points in time.
#[derive(Debug, Clone, Copy, Default, SqlType, QueryId)]
#[diesel(
    postgres_type(oid = 1184, array_oid = 1185),
    sqlite_type(name = "Long")
)]
pub struct Instant;

/// Column of JSON documents. Compare and search them in Rust only: the two databases differ.
#[derive(Debug, Clone, Copy, Default, SqlType, QueryId)]
#[diesel(
    postgres_type(oid = 3802, array_oid = 3807),
    sqlite_type(name = "Text")
)]
pub struct JsonDoc;

/// Column of the words of a text, as `crate::words` makes them: `tsvector` on PostgreSQL, on SQLite text
/// with a space between words. Written and matched, and never read.
#[derive(Debug, Clone, Copy, Default, SqlType, QueryId)]
#[diesel(
    postgres_type(oid = 3614, array_oid = 3643),
    sqlite_type(name = "Text")
)]
pub struct WordList;

impl HasSqlType<WordList> for MultiBackend {
    fn metadata(lookup: &mut Self::MetadataLookup) -> Self::TypeMetadata {
        MultiBackend::lookup_sql_type::<WordList>(lookup)
    }
}

impl SqlOrd for Instant {}

/// A UUID as a column keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = Uid)]
pub struct Id(pub uuid::Uuid);

/// A point in time as a column keeps it: finer parts than a microsecond are dropped on writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = Instant)]
pub struct Ts(pub jiff::Timestamp);

/// A JSON document as a column keeps it.
#[derive(Debug, Clone, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = JsonDoc)]
pub struct Json(pub serde_json::Value);

impl From<uuid::Uuid> for Id {
    fn from(id: uuid::Uuid) -> Self {
        Self(id)
    }
}

impl From<Id> for uuid::Uuid {
    fn from(id: Id) -> Self {
        id.0
    }
}

impl From<jiff::Timestamp> for Ts {
    fn from(at: jiff::Timestamp) -> Self {
        Self(at)
    }
}

impl From<Ts> for jiff::Timestamp {
    fn from(at: Ts) -> Self {
        at.0
    }
}

impl From<serde_json::Value> for Json {
    fn from(document: serde_json::Value) -> Self {
        Self(document)
    }
}

impl From<Json> for serde_json::Value {
    fn from(document: Json) -> Self {
        document.0
    }
}

impl ToSql<Uid, Pg> for Id {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<sql_types::Uuid, Pg>::to_sql(&self.0, out)
    }
}

impl FromSql<Uid, Pg> for Id {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        FromSql::<sql_types::Uuid, Pg>::from_sql(value).map(Self)
    }
}

impl ToSql<Uid, Sqlite> for Id {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_bytes().as_slice());
        Ok(IsNull::No)
    }
}

impl FromSql<Uid, Sqlite> for Id {
    fn from_sql(mut value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        Ok(Self(uuid::Uuid::from_slice(value.read_blob())?))
    }
}

/// 2000-01-01, from which PostgreSQL counts.
const POSTGRES_EPOCH_MICROS: i64 = 946_684_800_000_000;

/// The oldest time PostgreSQL takes, in 4714 BC; no time of ours is kept that is older.
const POSTGRES_OLDEST_MICROS: i64 = -211_813_488_000_000_000;

impl ToSql<Instant, Pg> for Ts {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let micros = self.0.as_microsecond() - POSTGRES_EPOCH_MICROS;
        // Somebody may ask for what was filed since the year -9999.
        let micros = micros.max(POSTGRES_OLDEST_MICROS);
        ToSql::<sql_types::BigInt, Pg>::to_sql(&micros, &mut out.reborrow())
    }
}

impl FromSql<Instant, Pg> for Ts {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let micros: i64 = FromSql::<sql_types::BigInt, Pg>::from_sql(value)?;
        // Infinity is the smallest and the largest number there, and no time for us.
        let micros = micros
            .checked_add(POSTGRES_EPOCH_MICROS)
            .ok_or("timestamp out of range")?;
        Ok(Self(jiff::Timestamp::from_microsecond(micros)?))
    }
}

impl ToSql<Instant, Sqlite> for Ts {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_microsecond());
        Ok(IsNull::No)
    }
}

impl FromSql<Instant, Sqlite> for Ts {
    fn from_sql(mut value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        Ok(Self(jiff::Timestamp::from_microsecond(value.read_long())?))
    }
}

impl ToSql<JsonDoc, Pg> for Json {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<sql_types::Jsonb, Pg>::to_sql(&self.0, out)
    }
}

impl FromSql<JsonDoc, Pg> for Json {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        FromSql::<sql_types::Jsonb, Pg>::from_sql(value).map(Self)
    }
}

impl ToSql<JsonDoc, Sqlite> for Json {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(serde_json::to_string(&self.0)?);
        Ok(IsNull::No)
    }
}

impl FromSql<JsonDoc, Sqlite> for Json {
    fn from_sql(mut value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        Ok(Self(serde_json::from_str(value.read_text())?))
    }
}

/// The enum's backend only forwards to the two above.
macro_rules! on_the_enum {
    ($column:ident, $value:ty) => {
        impl HasSqlType<$column> for MultiBackend {
            fn metadata(lookup: &mut Self::MetadataLookup) -> Self::TypeMetadata {
                MultiBackend::lookup_sql_type::<$column>(lookup)
            }
        }

        impl ToSql<$column, MultiBackend> for $value {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
                out.set_value(($column, self));
                Ok(IsNull::No)
            }
        }

        impl FromSql<$column, MultiBackend> for $value {
            fn from_sql(raw: <MultiBackend as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
                raw.from_sql::<Self, $column>()
            }
        }
    };
}

on_the_enum!(Uid, Id);
on_the_enum!(Instant, Ts);
on_the_enum!(JsonDoc, Json);

//! The one type every identifier and contact column passes through: tax codes, names, addresses,
//! numbers. Today the value is kept as it is; sealing it at rest is a change to this file alone.

use std::fmt;

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::Pg;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::Text;
use diesel::sqlite::Sqlite;

use crate::connection::MultiBackend;

/// A value that names or reaches a person. Its `Debug` text is a mask.
#[derive(Clone, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
pub struct Sealed(String);

impl Sealed {
    /// Seals a value for its column.
    pub fn new(value: impl Into<String>) -> Self {
        Sealed(value.into())
    }

    /// The value as its column holds it, for what PostgreSQL compares outside a query.
    pub(crate) fn as_stored(&self) -> &str {
        &self.0
    }

    /// Opens the value read from its column.
    pub fn open(self) -> String {
        self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(…)")
    }
}

impl ToSql<Text, Pg> for Sealed {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<Text, Pg>::to_sql(self.as_stored(), out)
    }
}

impl ToSql<Text, Sqlite> for Sealed {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        ToSql::<Text, Sqlite>::to_sql(self.as_stored(), out)
    }
}

impl ToSql<Text, MultiBackend> for Sealed {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
        out.set_value((Text, self));
        Ok(IsNull::No)
    }
}

impl<B: Backend> FromSql<Text, B> for Sealed
where
    String: FromSql<Text, B>,
{
    fn from_sql(raw: B::RawValue<'_>) -> deserialize::Result<Self> {
        String::from_sql(raw).map(Sealed)
    }
}

//! Seals and opens single values: the text a column holds is a mark, the number of a data key, and
//! nonce, ciphertext and tag in Base64 (RFC 4648 §5). It is bound to table, row and column: what was
//! copied elsewhere, put back from another row or touched does not open.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::Pg;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::Text;
use diesel::sqlite::Sqlite;
use uuid::Uuid;

use crate::StoreError;
use crate::connection::MultiBackend;
use crate::keyring::{self, MARK, decrypt, encrypt};

/// What is read where the key was destroyed: the value is gone for good (`domain.md` T25).
pub const GONE: &str = "—";

/// A row whose values are sealed.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    table: &'static str,
    row: &'a [u8],
}

impl<'a> Place<'a> {
    /// The row of `table` with this key; of a key of several columns, all of them in one.
    pub const fn new(table: &'static str, row: &'a [u8]) -> Self {
        Place { table, row }
    }

    /// Seals a value for `column` with the key in use of `desk`.
    pub fn seal(
        &self,
        desk: &str,
        column: &'static str,
        value: &str,
    ) -> Result<SealedText, StoreError> {
        let key = keyring::current()?.in_use(desk)?;
        let context = self.context(column);
        let sealed = key
            .cipher()
            .and_then(|cipher| encrypt(cipher, &context, value.as_bytes().to_vec()))
            .ok_or_else(|| self.corrupt(column))?;
        let encoded = BASE64URL_NOPAD.encode(&sealed);
        Ok(SealedText(format!("{MARK}{}.{encoded}", key.id)))
    }

    /// Opens the value of `column`; [`GONE`] if its key was destroyed.
    pub fn open(&self, column: &'static str, sealed: &SealedText) -> Result<String, StoreError> {
        // What was taken away by retention: there is nothing to open (`docs/adr/0037`).
        if sealed.0 == GONE {
            return Ok(GONE.to_owned());
        }
        let corrupt = || self.corrupt(column);
        let (id, text) = sealed.parts().ok_or_else(corrupt)?;
        let key = keyring::current()?.numbered(id)?;
        let Some(cipher) = key.cipher() else {
            return Ok(GONE.to_owned());
        };
        let bytes = BASE64URL_NOPAD
            .decode(text.as_bytes())
            .map_err(|_| corrupt())?;
        let plain = decrypt(cipher, &self.context(column), &bytes).ok_or_else(corrupt)?;
        String::from_utf8(plain).map_err(|_| corrupt())
    }

    /// Seals a value that may be missing.
    pub fn seal_some(
        &self,
        desk: &str,
        column: &'static str,
        value: Option<&str>,
    ) -> Result<Option<SealedText>, StoreError> {
        value
            .map(|value| self.seal(desk, column, value))
            .transpose()
    }

    /// Opens a value that may be missing.
    pub fn open_some(
        &self,
        column: &'static str,
        sealed: Option<&SealedText>,
    ) -> Result<Option<String>, StoreError> {
        sealed.map(|sealed| self.open(column, sealed)).transpose()
    }

    fn context(&self, column: &str) -> Vec<u8> {
        let mut context = format!("{}/{column}/", self.table).into_bytes();
        context.extend_from_slice(self.row);
        context
    }

    fn corrupt(&self, column: &'static str) -> StoreError {
        StoreError::Corrupt {
            table: self.table,
            id: data_encoding::HEXLOWER.encode(self.row),
            column,
        }
    }
}

/// The key of a row told by an id and a number.
pub fn numbered_row(id: Uuid, number: i64) -> Vec<u8> {
    [id.as_bytes().as_slice(), &number.to_be_bytes()].concat()
}

/// The key of a row told by an id and a text.
pub fn named_row(id: Uuid, name: &str) -> Vec<u8> {
    [id.as_bytes(), name.as_bytes()].concat()
}

/// A sealed value as its column holds it. Its `Debug` text is a mask.
#[derive(Clone, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
pub struct SealedText(String);

impl SealedText {
    /// What a column kept.
    pub const fn from_stored(stored: String) -> Self {
        SealedText(stored)
    }

    /// What a column keeps.
    pub fn into_stored(self) -> String {
        self.0
    }

    /// The number of the key that sealed it; none for what is not sealed.
    pub fn key(&self) -> Option<i64> {
        self.parts().map(|(id, _)| id)
    }

    /// What a column holds, if it is sealed.
    pub(crate) fn of_column(text: &str) -> Option<Self> {
        let sealed = SealedText(text.to_owned());
        sealed.key().map(|_| sealed)
    }

    /// What the column is to hold.
    pub(crate) fn as_stored(&self) -> &str {
        &self.0
    }

    fn parts(&self) -> Option<(i64, &str)> {
        let (id, text) = self.0.strip_prefix(MARK)?.split_once('.')?;
        Some((id.parse().ok()?, text))
    }
}

impl fmt::Debug for SealedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedText(…)")
    }
}

impl ToSql<Text, Pg> for SealedText {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<Text, Pg>::to_sql(self.0.as_str(), out)
    }
}

impl ToSql<Text, Sqlite> for SealedText {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        ToSql::<Text, Sqlite>::to_sql(self.0.as_str(), out)
    }
}

impl ToSql<Text, MultiBackend> for SealedText {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
        out.set_value((Text, self));
        Ok(IsNull::No)
    }
}

impl<B: Backend> FromSql<Text, B> for SealedText
where
    String: FromSql<Text, B>,
{
    fn from_sql(raw: B::RawValue<'_>) -> deserialize::Result<Self> {
        String::from_sql(raw).map(SealedText)
    }
}

//! Words of a desk's own for the mails about its requests (`docs/adr/0018`).
//!
//! Append-only: a change is a new row, and so is going back to the standard text. The versions of a
//! template count through both languages, because it is read and guarded as one thing; version 1 is
//! the standard text and has no row.

use diesel::prelude::*;
use domain::codes::AuthorityCode;
use domain::ids::AccountId;
use domain::invalid::Lang;
use jiff::Timestamp;

use crate::schema::message_wordings;
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, dialect};

/// The version of a template that nobody changed.
pub const STANDARD_VERSION: i64 = 1;

/// A desk's change of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wording {
    /// Whose words.
    pub authority: AuthorityCode,
    /// Of which template.
    pub template: String,
    /// The how-maniest change of the template this is; the first has 2.
    pub version: i64,
    /// In which language.
    pub lang: Lang,
    /// Subject and body; none to go back to the standard text.
    pub words: Option<(String, String)>,
    /// Who wrote it.
    pub author: AccountId,
    /// When.
    pub at: Timestamp,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = message_wordings, treat_none_as_default_value = false)]
struct WordingRow {
    authority_code: String,
    template: String,
    version: i64,
    lang: String,
    subject: Option<String>,
    body: Option<String>,
    account_id: Id,
    at: Ts,
}

impl TryFrom<WordingRow> for Wording {
    type Error = StoreError;

    fn try_from(row: WordingRow) -> Result<Self, StoreError> {
        let lang = Lang::from_code(&row.lang).ok_or_else(|| StoreError::Corrupt {
            table: "message_wordings",
            id: format!("{}/{}/{}", row.authority_code, row.template, row.version),
            column: "lang",
        })?;
        Ok(Wording {
            authority: row.authority_code.as_str().into(),
            template: row.template,
            version: row.version,
            lang,
            words: row.subject.zip(row.body),
            author: AccountId::new(row.account_id.0),
            at: row.at.0,
        })
    }
}

/// The newest change of a text in one language, if there is any.
pub fn find_newest(
    conn: &mut DbConnection,
    authority: &AuthorityCode,
    template: &str,
    lang: Lang,
) -> Result<Option<Wording>, StoreError> {
    let row = message_wordings::table
        .filter(message_wordings::authority_code.eq(authority.as_str()))
        .filter(message_wordings::template.eq(template))
        .filter(message_wordings::lang.eq(lang.code()))
        .order(message_wordings::version.desc())
        .select(WordingRow::as_select())
        .first(conn)
        .optional()?;
    row.map(Wording::try_from).transpose()
}

/// The changes of a template in both languages, newest first, at most so many.
pub fn list(
    conn: &mut DbConnection,
    authority: &AuthorityCode,
    template: &str,
    most: i64,
) -> Result<Vec<Wording>, StoreError> {
    let rows = message_wordings::table
        .filter(message_wordings::authority_code.eq(authority.as_str()))
        .filter(message_wordings::template.eq(template))
        .order(message_wordings::version.desc())
        .limit(most)
        .select(WordingRow::as_select())
        .load(conn)?;
    rows.into_iter().map(Wording::try_from).collect()
}

/// The version a template is at.
pub fn version(
    conn: &mut DbConnection,
    authority: &AuthorityCode,
    template: &str,
) -> Result<i64, StoreError> {
    let newest = message_wordings::table
        .filter(message_wordings::authority_code.eq(authority.as_str()))
        .filter(message_wordings::template.eq(template))
        .order(message_wordings::version.desc())
        .select(message_wordings::version)
        .first(conn)
        .optional()?;
    Ok(newest.unwrap_or(STANDARD_VERSION))
}

/// The same for who is about to change it: until the transaction ends nobody else gets an answer.
pub fn version_to_change(
    conn: &mut DbConnection,
    authority: &AuthorityCode,
    template: &str,
) -> Result<i64, StoreError> {
    dialect::follow_each_other(conn, &format!("wording {authority} {template}"))?;
    version(conn, authority, template)
}

/// Adds a change.
pub fn insert(conn: &mut DbConnection, wording: &Wording) -> Result<(), StoreError> {
    let (subject, body) = wording.words.clone().unzip();
    let row = WordingRow {
        authority_code: wording.authority.to_string(),
        template: wording.template.clone(),
        version: wording.version,
        lang: wording.lang.code().to_owned(),
        subject,
        body,
        account_id: Id(wording.author.uuid()),
        at: Ts(wording.at),
    };
    diesel::insert_into(message_wordings::table)
        .values(row)
        .execute(conn)?;
    Ok(())
}

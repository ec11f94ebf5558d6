//! What each authority has set about its people's data, and the texts on its requests: kept as they are,
//! where words in them are searched, or sealed, where they are not (`docs/adr/0032`).
//!
//! Whose switch it is follows from the desk where a ticket was filed, for all texts on it.
//! Invariant: a text reads the same whichever way it is kept; the switch changes no word.

use diesel::prelude::*;
use domain::codes::AuthorityCode;
use domain::ids::AccountId;
use jiff::Timestamp;

use crate::keyring::{self, MARK};
use crate::schema::privacy_settings;
use crate::sealed_columns::{Key, SealedColumns, TEXTS};
use crate::sealing::{Place, SealedText, numbered_row};
use crate::sql_types::{Id, Ts, Uid};
use crate::{DbConnection, StoreError, dialect, ticket_texts};

/// What an authority has set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Counts the changes; what clients send back.
    pub version: i64,
    /// Whether texts are sealed, and so not searched.
    pub seal_texts: bool,
}

/// Where an authority has set nothing.
pub const USUAL: Settings = Settings {
    version: 1,
    seal_texts: false,
};

/// What an authority has set, or the usual.
pub fn find(conn: &mut DbConnection, authority: &AuthorityCode) -> Result<Settings, StoreError> {
    let found = privacy_settings::table
        .find(authority.as_str().to_owned())
        .select((privacy_settings::version, privacy_settings::seal_texts))
        .first::<(i64, bool)>(conn)
        .optional()?;
    Ok(found.map_or(USUAL, |(version, seal_texts)| Settings {
        version,
        seal_texts,
    }))
}

/// Sets what holds at an authority, unless somebody did so since version `was`.
pub fn save(
    conn: &mut DbConnection,
    authority: &AuthorityCode,
    settings: Settings,
    was: i64,
    by: AccountId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let values = (
        privacy_settings::authority_code.eq(authority.as_str().to_owned()),
        privacy_settings::version.eq(settings.version),
        privacy_settings::seal_texts.eq(settings.seal_texts),
        privacy_settings::updated_at.eq(Ts(now)),
        privacy_settings::updated_by.eq(Id(by.uuid())),
    );
    let changed = if was == USUAL.version {
        let row = diesel::insert_into(privacy_settings::table).values(values);
        dialect::insert_if_absent(row, &["authority_code"]).execute(conn)?
    } else {
        diesel::update(privacy_settings::table.find(authority.as_str().to_owned()))
            .filter(privacy_settings::version.eq(was))
            .set(values)
            .execute(conn)?
    };
    match changed {
        0 => Err(StoreError::Stale),
        _ => Ok(()),
    }
}

/// The authorities whose texts are sealed.
pub fn list_sealing(conn: &mut DbConnection) -> Result<Vec<String>, StoreError> {
    Ok(privacy_settings::table
        .filter(privacy_settings::seal_texts.eq(true))
        .order(privacy_settings::authority_code.asc())
        .select(privacy_settings::authority_code)
        .load(conn)?)
}

/// What a column keeps of a text on a ticket that was filed at `desk`.
pub(crate) fn keep_text(
    at: Place<'_>,
    desk: &str,
    column: &'static str,
    text: &str,
) -> Result<String, StoreError> {
    match keyring::current()?.seals_texts(desk) {
        true => Ok(at.seal(desk, column, text)?.into_stored()),
        false => Ok(text.to_owned()),
    }
}

/// The text that a column keeps.
pub(crate) fn read_text(
    at: Place<'_>,
    column: &'static str,
    kept: String,
) -> Result<String, StoreError> {
    match kept.starts_with(MARK) {
        true => at.open(column, &SealedText::from_stored(kept)),
        false => Ok(kept),
    }
}

/// A column of texts; the id in its rows is the ticket's.
struct Texts {
    of: &'static SealedColumns,
    column: &'static str,
}

fn all_texts() -> impl Iterator<Item = Texts> {
    let columns =
        |of: &'static SealedColumns| of.sealed.iter().map(move |column| Texts { of, column });
    TEXTS.iter().flat_map(columns)
}

#[derive(QueryableByName)]
struct TextRow {
    #[diesel(sql_type = Uid)]
    ticket: Id,
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    seq: i64,
    #[diesel(sql_type = diesel::sql_types::Text)]
    desk: String,
    #[diesel(sql_type = diesel::sql_types::Text)]
    kept: String,
}

/// Brings at most `most` texts to the way that holds at their authority, and says how many there were;
/// nothing is left when it says none. A text that somebody changes meanwhile is left to the next page.
/// Only the system reaches all of them.
pub fn settle_texts(conn: &mut DbConnection, most: i64) -> Result<usize, StoreError> {
    let mut settled = 0;
    for texts in all_texts() {
        let rows = texts.unsettled(conn, most)?;
        for row in &rows {
            texts.settle(conn, row)?;
        }
        settled += rows.len();
    }
    Ok(settled)
}

impl Texts {
    /// The second column that tells rows apart, where one does not.
    const fn seq(&self) -> Option<&'static str> {
        match self.of.key {
            Key::Id(_) => None,
            Key::Seq(_, second) | Key::Named(_, second) => Some(second),
        }
    }

    fn unsettled(&self, conn: &mut DbConnection, most: i64) -> Result<Vec<TextRow>, StoreError> {
        let (table, column, ticket) = (self.of.table, self.column, self.of.key.id());
        let seq = self.seq().unwrap_or("CAST(0 AS BIGINT)");
        let rows = diesel::sql_query(format!(
            "SELECT t.{ticket} AS ticket, {seq} AS seq, l.custodian AS desk, t.{column} AS kept \
             FROM {table} t JOIN legs l ON l.ticket_id = t.{ticket} AND l.no = 1 \
             LEFT JOIN privacy_settings p ON p.authority_code = l.custodian AND p.seal_texts \
             WHERE t.{column} IS NOT NULL AND t.{column} <> $1 \
             AND (substr(t.{column}, 1, 1) = $2) <> (p.authority_code IS NOT NULL) LIMIT {most}"
        ))
        .bind::<diesel::sql_types::Text, _>(crate::sealing::GONE)
        .bind::<diesel::sql_types::Text, _>(MARK.to_string())
        .load(conn)?;
        Ok(rows)
    }

    fn settle(&self, conn: &mut DbConnection, row: &TextRow) -> Result<(), StoreError> {
        let (table, column, ticket) = (self.of.table, self.column, self.of.key.id());
        let key = match self.seq() {
            Some(_) => numbered_row(row.ticket.0, row.seq),
            None => row.ticket.0.as_bytes().to_vec(),
        };
        let at = Place::new(table, &key);
        let text = read_text(at, column, row.kept.clone())?;
        let anew = keep_text(at, &row.desk, column, &text)?;
        let and_seq = self
            .seq()
            .map_or_else(String::new, |seq| format!(" AND {seq} = {}", row.seq));
        diesel::sql_query(format!(
            "UPDATE {table} SET {column} = $1 WHERE {ticket} = $2{and_seq} AND {column} = $3"
        ))
        .bind::<diesel::sql_types::Text, _>(anew.clone())
        .bind::<Uid, _>(row.ticket)
        .bind::<diesel::sql_types::Text, _>(row.kept.clone())
        .execute(conn)?;
        // A sealed text has lost its words by now.
        match self.seq() {
            Some(_) => ticket_texts::renew_note(conn, row.ticket, row.seq, &anew),
            None => ticket_texts::renew_description(conn, row.ticket),
        }
    }
}

//! Seals rows anew: those that were plain before their column was sealed, those under a key that was
//! retired, and those of a desk whose keys will be destroyed that hang on a ticket of another.
//!
//! A [`Walk`] goes over every sealed column, a page in each transaction. What is to be done is seen from
//! the rows themselves, so a walk that was cut off is simply begun again. Invariant: a row is changed
//! only if it still holds what was opened, so that no write under way is lost; and no ticket gets
//! another version.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use domain::ids::TicketId;
use domain::visibility::Scope;
use jiff::Timestamp;
use uuid::Uuid;

use crate::connection::MultiBackend;
use crate::keyring::{self, INSTALLATION, KeyError, Keyring, MARK};
use crate::schema::sealed_up;
use crate::sealed_columns::{ALL, Key, Maker, Printed, SealedColumns, TEXTS};
use crate::sealing::{Place, SealedText};
use crate::sql_types::{Id, Ts, Uid};
use crate::tickets::{self, Walked};
use crate::{Db, DbConnection, StoreError, dialect, scrub};

/// Rows looked at in one transaction.
const PAGE: i64 = 200;

/// Which values a walk is after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Those that were written before their column was sealed.
    Plain,
    /// Those that one of these keys sealed, or made the print of.
    Leaving(Vec<i64>),
    /// Those that one of these keys of a desk sealed, and that hang on a ticket under another desk's.
    Moved {
        /// The keys.
        keys: Vec<i64>,
        /// Their desk.
        desk: String,
    },
}

/// The key of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowKey {
    id: Uuid,
    seq: Option<i64>,
    name: Option<String>,
}

impl RowKey {
    /// What the values of the row are bound to.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.id.as_bytes().to_vec();
        bytes.extend(self.seq.into_iter().flat_map(i64::to_be_bytes));
        bytes.extend(self.name.iter().flat_map(|name| name.bytes()));
        bytes
    }
}

/// What became of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Values that are sealed anew.
    pub written: usize,
    /// Values that do not open; the log names their rows.
    pub unreadable: usize,
    /// Where the next page begins; none at the end.
    pub next: Option<RowKey>,
}

/// One column of the list.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    columns: &'static SealedColumns,
    /// The column.
    name: &'static str,
}

/// Every column of a list, one after the other.
pub fn columns_of(list: &'static [SealedColumns]) -> Vec<Column> {
    let mut all = Vec::new();
    for columns in list {
        all.extend(columns.sealed.iter().map(|name| Column { columns, name }));
    }
    all
}

/// Tickets hold one sealed document each; `crate::dossiers` knows what is in it.
const DOSSIERS: &[SealedColumns] = &[SealedColumns {
    table: "tickets",
    key: Key::Id("id"),
    desk: "tickets.key_desk",
    sealed: &["dossier"],
    prints: &[],
}];

/// Where a walk is: a table or column, and the last row that is done.
#[derive(Clone)]
enum At {
    Tickets(Option<TicketId>),
    Column(usize, Option<RowKey>),
}

/// Goes over every sealed column.
pub struct Walk {
    wanted: Wanted,
    columns: Vec<Column>,
    at: At,
    /// Values sealed anew so far.
    pub written: usize,
    /// Values found so far that do not open.
    pub unreadable: usize,
}

impl Walk {
    /// Over all there is. Tickets go first: what hangs on them follows their desk.
    pub fn new(wanted: Wanted) -> Self {
        Walk {
            columns: match wanted {
                // A plain text may be meant to be so.
                Wanted::Plain => columns_of(ALL),
                Wanted::Leaving(_) | Wanted::Moved { .. } => {
                    [columns_of(ALL), columns_of(TEXTS)].concat()
                }
            },
            wanted,
            at: At::Tickets(None),
            written: 0,
            unreadable: 0,
        }
    }

    /// The table it is at; none at the end.
    pub fn table(&self) -> Option<&'static str> {
        match &self.at {
            At::Tickets(_) => Some("tickets"),
            At::Column(at, _) => self.columns.get(*at).map(|column| column.columns.table),
        }
    }

    /// Whether it came to the end and left nothing of what it was after.
    pub fn found_nothing(&self) -> bool {
        self.table().is_none() && self.written == 0 && self.unreadable == 0
    }

    /// Does one page, and says whether there is another.
    pub fn step(&mut self, db: &Db, now: Timestamp) -> Result<bool, StoreError> {
        let mut made = None;
        loop {
            match self.page(db, now) {
                // A desk that has left the reference data, or came with the rows.
                Err(StoreError::Keys(KeyError::NoKey(desk))) if made.as_ref() != Some(&desk) => {
                    db.keyring()?.ensure(std::slice::from_ref(&desk), now)?;
                    made = Some(desk);
                }
                done => {
                    done?;
                    return Ok(self.table().is_some());
                }
            }
        }
    }

    fn page(&mut self, db: &Db, now: Timestamp) -> Result<(), StoreError> {
        let wanted = self.wanted.clone();
        self.at = match self.at.clone() {
            At::Tickets(after) => {
                let done = db.write_in(&Scope::System, move |conn| match &wanted {
                    Wanted::Plain => {
                        let written = tickets::seal_plain_page(conn, PAGE)?;
                        if written > 0 {
                            scrub::note_remnants(conn, now)?;
                        }
                        Ok(whole_page(written))
                    }
                    Wanted::Leaving(keys) | Wanted::Moved { keys, .. } => {
                        tickets::reseal_page(conn, keys, after, PAGE)
                    }
                })?;
                self.count(done.written, done.unreadable);
                match (&self.wanted, done.next) {
                    (Wanted::Plain, _) if done.written > 0 => At::Tickets(None),
                    (_, Some(next)) => At::Tickets(Some(next)),
                    (_, None) => At::Column(0, None),
                }
            }
            At::Column(at, after) => match self.columns.get(at).copied() {
                None => return Ok(()),
                Some(column) => self.column_page(db, column, at, after, now)?,
            },
        };
        Ok(())
    }

    fn column_page(
        &mut self,
        db: &Db,
        column: Column,
        at: usize,
        after: Option<RowKey>,
        now: Timestamp,
    ) -> Result<At, StoreError> {
        let is_plain = self.wanted == Wanted::Plain;
        if is_plain && after.is_none() && db.read(|conn| is_sealed_up(conn, column))? {
            return Ok(At::Column(at + 1, None));
        }
        let wanted = self.wanted.clone();
        let done = db.write_in(&Scope::System, move |conn| {
            let done = column.page(conn, &wanted, after.as_ref(), PAGE)?;
            if is_plain && done.written > 0 {
                scrub::note_remnants(conn, now)?;
            }
            Ok::<_, StoreError>(done)
        })?;
        self.count(done.written, done.unreadable);
        Ok(match done.next {
            Some(next) => At::Column(at, Some(next)),
            None => {
                // What did not open in an earlier page would not be sealed: it is looked for again.
                if is_plain && self.unreadable == 0 {
                    db.write(move |conn| set_sealed_up(conn, column, now))?;
                }
                At::Column(at + 1, None)
            }
        })
    }

    fn count(&mut self, written: usize, unreadable: usize) {
        self.written += written;
        self.unreadable += unreadable;
    }
}

/// A page of rows that are looked for and not walked over.
fn whole_page<K>(written: usize) -> Walked<K> {
    Walked {
        written,
        unreadable: 0,
        next: None,
    }
}

/// Seals everything that is still plain from before its column was sealed; `tell` hears of each page with
/// the table and how many values there were so far. To be called after the migrations and before anything
/// reads, since what is plain does not open.
pub fn seal_plain(
    db: &Db,
    now: Timestamp,
    mut tell: impl FnMut(&'static str, usize),
) -> Result<usize, StoreError> {
    let mut walk = Walk::new(Wanted::Plain);
    while let Some(table) = walk.table() {
        let before = walk.written;
        walk.step(db, now)?;
        if walk.written > before {
            tell(table, walk.written);
        }
    }
    Ok(walk.written)
}

fn is_sealed_up(conn: &mut DbConnection, column: Column) -> Result<bool, StoreError> {
    let key = (column.columns.table.to_owned(), column.name.to_owned());
    let found: i64 = sealed_up::table.find(key).count().get_result(conn)?;
    Ok(found > 0)
}

fn set_sealed_up(
    conn: &mut DbConnection,
    column: Column,
    now: Timestamp,
) -> Result<(), StoreError> {
    let row = (
        sealed_up::table_name.eq(column.columns.table.to_owned()),
        sealed_up::column_name.eq(column.name.to_owned()),
        sealed_up::sealed_at.eq(Ts(now)),
    );
    let insert = diesel::insert_into(sealed_up::table).values(row);
    // Another node may have come to the end as well.
    dialect::insert_if_absent(insert, &["table_name", "column_name"]).execute(conn)?;
    Ok(())
}

/// How many tickets under the key of `desk` are in the custody of others.
pub fn count_elsewhere(conn: &mut DbConnection, desk: &str) -> Result<i64, StoreError> {
    let found: CountRow = diesel::sql_query(
        "SELECT '' AS key_number, count(*) AS total FROM tickets \
         WHERE key_desk = $1 AND custodian <> $1",
    )
    .bind::<Text, _>(desk.to_owned())
    .get_result(conn)?;
    Ok(found.total)
}

/// Puts the tickets under the key of `desk` that are in the custody of others under the others' keys; a
/// walk seals them with those.
pub fn move_tickets(conn: &mut DbConnection, desk: &str) -> Result<usize, StoreError> {
    Ok(diesel::sql_query(
        "UPDATE tickets SET key_desk = custodian WHERE key_desk = $1 AND custodian <> $1",
    )
    .bind::<Text, _>(desk.to_owned())
    .execute(conn)?)
}

/// How many values of all columns each key sealed; 0 stands for those that are not sealed.
pub fn count_by_key(conn: &mut DbConnection) -> Result<Vec<(i64, i64)>, StoreError> {
    let mut counts = std::collections::BTreeMap::new();
    for (list, may_be_plain) in [(DOSSIERS, false), (ALL, false), (TEXTS, true)] {
        for column in columns_of(list) {
            for (key, values) in column.count_by_key(conn)? {
                if key != 0 || !may_be_plain {
                    *counts.entry(key).or_insert(0) += values;
                }
            }
        }
    }
    Ok(counts.into_iter().collect())
}

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = Text)]
    key_number: String,
    #[diesel(sql_type = BigInt)]
    total: i64,
}

#[derive(QueryableByName)]
struct ValueRow {
    #[diesel(sql_type = Uid)]
    row_id: Id,
    #[diesel(sql_type = Nullable<BigInt>)]
    row_seq: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    row_name: Option<String>,
    #[diesel(sql_type = Text)]
    desk: String,
    #[diesel(sql_type = Text)]
    value: String,
    #[diesel(sql_type = Nullable<Text>)]
    print: Option<String>,
}

type BoxedSql =
    diesel::query_builder::BoxedSqlQuery<'static, MultiBackend, diesel::query_builder::SqlQuery>;

impl Column {
    /// Seals the values of a page anew that are wanted, and goes on after the row `after`.
    pub fn page(
        &self,
        conn: &mut DbConnection,
        wanted: &Wanted,
        after: Option<&RowKey>,
        limit: i64,
    ) -> Result<Page, StoreError> {
        let keys = keyring::current()?;
        let Some((sql, binds)) = self.select(conn, &keys, wanted, after, limit)? else {
            return Ok(Page::default());
        };
        let rows: Vec<ValueRow> = bound(sql, binds).load(conn)?;
        let is_last = i64::try_from(rows.len()).is_ok_and(|count| count < limit);
        let mut page = Page::default();
        for row in rows {
            let key = RowKey {
                id: row.row_id.0,
                seq: row.row_seq,
                name: row.row_name.clone(),
            };
            match self.renew(conn, &keys, wanted, &key, &row) {
                Ok(written) => page.written += written,
                Err(StoreError::Corrupt { table, id, column }) => {
                    tracing::error!(table, row.id = %id, column, "a sealed value does not open");
                    page.unreadable += 1;
                }
                Err(error) => return Err(error),
            }
            page.next = Some(key);
        }
        page.next = page.next.filter(|_| !is_last);
        Ok(page)
    }

    /// Writes the value of a row as it should be, if it is still what was read.
    fn renew(
        &self,
        conn: &mut DbConnection,
        keys: &Keyring,
        wanted: &Wanted,
        key: &RowKey,
        row: &ValueRow,
    ) -> Result<usize, StoreError> {
        let bytes = key.bytes();
        let place = Place::new(self.columns.table, &bytes);
        let sealed = SealedText::of_column(&row.value);
        let (plain, is_leaving) = match (wanted, &sealed) {
            (Wanted::Plain, None) => (row.value.clone(), true),
            (Wanted::Leaving(ids) | Wanted::Moved { keys: ids, .. }, Some(sealed)) => {
                let Some(number) = sealed.key() else {
                    return Ok(0);
                };
                if keys.numbered(number)?.cipher().is_none() {
                    return Ok(0);
                }
                (place.open(self.name, sealed)?, ids.contains(&number))
            }
            // A plain value where a sealed one belongs, or the other way round: another walk's.
            _ => return Ok(0),
        };
        let mut prints = Vec::new();
        for printed in self.prints() {
            let maker = match printed.maker {
                Maker::Desk => row.desk.as_str(),
                Maker::Installation => INSTALLATION,
            };
            prints.push((printed.column, keys.print(maker, printed.field, &plain)?));
        }
        let is_printed = prints
            .iter()
            .all(|(_, print)| row.print.as_ref() == Some(print));
        if !is_leaving && is_printed {
            return Ok(0);
        }
        let anew = place.seal(&row.desk, self.name, &plain)?;
        self.update(conn, key, &row.value, anew.as_stored(), &prints)
    }

    /// The statement that reads a page, and what it is asked with; none where the walk has no business.
    fn select(
        &self,
        conn: &DbConnection,
        keys: &Keyring,
        wanted: &Wanted,
        after: Option<&RowKey>,
        limit: i64,
    ) -> Result<Option<(String, Vec<Bind>)>, StoreError> {
        let (table, column) = (self.columns.table, self.name);
        let mut binds = Vec::new();
        let mut desk = self.columns.desk;
        let mut condition = match wanted {
            Wanted::Plain => {
                binds.push(Bind::Text(MARK.to_string()));
                format!("substr({column}, 1, 1) <> $1")
            }
            Wanted::Leaving(ids) if self.is_printed_with_one_of(keys, ids)? => {
                format!("{column} IS NOT NULL")
            }
            Wanted::Leaving(ids) => is_one_of(conn, column, ids),
            Wanted::Moved { keys, desk: from } => {
                let Some(home) = home_of(table) else {
                    return Ok(None);
                };
                desk = home;
                binds.push(Bind::Text(from.clone()));
                format!("{} AND {home} <> $1", is_one_of(conn, column, keys))
            }
        };
        let names = self.key_columns();
        if let Some(after) = after {
            let mut marks = Vec::new();
            for bind in key_binds(after) {
                binds.push(bind);
                marks.push(format!("${}", binds.len()));
            }
            let marks = marks.join(", ");
            condition.push_str(&format!(" AND ({}) > ({marks})", names.join(", ")));
        }
        let (seq, name) = match self.columns.key {
            Key::Id(_) => ("NULL", "NULL"),
            Key::Seq(_, seq) => (seq, "NULL"),
            Key::Named(_, name) => ("NULL", name),
        };
        let print = self.prints().next().map_or("NULL", |one| one.column);
        let id = self.columns.key.id();
        let order = names.join(", ");
        let sql = format!(
            "SELECT {table}.{id} AS row_id, CAST({seq} AS BIGINT) AS row_seq, \
             CAST({name} AS TEXT) AS row_name, coalesce({desk}, '') AS desk, {column} AS value, \
             CAST({print} AS TEXT) AS print \
             FROM {table} WHERE {condition} ORDER BY {order} LIMIT {limit}"
        );
        Ok(Some((sql, binds)))
    }

    /// Whether values are to be looked at that another key sealed: one of these made their print.
    fn is_printed_with_one_of(&self, keys: &Keyring, ids: &[i64]) -> Result<bool, StoreError> {
        let mut by_all = self.prints().filter(|one| one.maker == Maker::Installation);
        if by_all.next().is_none() {
            return Ok(false);
        }
        for id in ids {
            if keys.numbered(*id)?.desk == INSTALLATION {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn prints(&self) -> impl Iterator<Item = &'static Printed> {
        let name = self.name;
        self.columns.prints.iter().filter(move |one| one.of == name)
    }

    fn key_columns(&self) -> Vec<&'static str> {
        match self.columns.key {
            Key::Id(id) => vec![id],
            Key::Seq(id, seq) => vec![id, seq],
            Key::Named(id, name) => vec![id, name],
        }
    }

    fn count_by_key(&self, conn: &mut DbConnection) -> Result<Vec<(i64, i64)>, StoreError> {
        let (table, column) = (self.columns.table, self.name);
        let number = dialect::sealed_with(conn, column);
        let rows: Vec<CountRow> = diesel::sql_query(format!(
            "SELECT CASE WHEN substr({column}, 1, 1) = $1 THEN {number} ELSE '0' END AS key_number, \
             count(*) AS total FROM {table} WHERE {column} IS NOT NULL GROUP BY 1"
        ))
        .bind::<Text, _>(MARK.to_string())
        .load(conn)?;
        let rows = rows.into_iter();
        Ok(rows
            .map(|row| (row.key_number.parse().unwrap_or(0), row.total))
            .collect())
    }

    fn update(
        &self,
        conn: &mut DbConnection,
        key: &RowKey,
        was: &str,
        anew: &str,
        prints: &[(&'static str, String)],
    ) -> Result<usize, StoreError> {
        let (table, column) = (self.columns.table, self.name);
        let mut sql = format!("UPDATE {table} SET {column} = $1");
        let mut binds = vec![Bind::Text(anew.to_owned())];
        for (name, print) in prints {
            binds.push(Bind::Text(print.clone()));
            sql.push_str(&format!(", {name} = ${}", binds.len()));
        }
        binds.push(Bind::Text(was.to_owned()));
        sql.push_str(&format!(" WHERE {column} = ${}", binds.len()));
        for (name, bind) in self.key_columns().into_iter().zip(key_binds(key)) {
            binds.push(bind);
            sql.push_str(&format!(" AND {name} = ${}", binds.len()));
        }
        Ok(bound(sql, binds).execute(conn)?)
    }
}

/// A value in a statement.
enum Bind {
    Id(Uuid),
    Number(i64),
    Text(String),
}

fn bound(sql: String, binds: Vec<Bind>) -> BoxedSql {
    let mut query: BoxedSql = diesel::sql_query(sql).into_boxed();
    for bind in binds {
        query = match bind {
            Bind::Id(id) => query.bind::<Uid, _>(Id(id)),
            Bind::Number(number) => query.bind::<BigInt, _>(number),
            Bind::Text(text) => query.bind::<Text, _>(text),
        };
    }
    query
}

/// The condition that one of these keys sealed a value.
fn is_one_of(conn: &DbConnection, column: &str, keys: &[i64]) -> String {
    let numbers: Vec<String> = keys.iter().map(|key| format!("'{key}'")).collect();
    let number = dialect::sealed_with(conn, column);
    // No key has the number 0, and an empty list is no SQL.
    format!(
        "{number} IN ('0'{}{})",
        if numbers.is_empty() { "" } else { ", " },
        numbers.join(", ")
    )
}

/// The desk whose key seals the ticket that a row of this table hangs on.
fn home_of(table: &str) -> Option<&'static str> {
    Some(match table {
        "attachments" => {
            "(SELECT tickets.key_desk FROM tickets WHERE tickets.id = attachments.ticket_id)"
        }
        "callbacks" => {
            "(SELECT tickets.key_desk FROM tickets WHERE tickets.id = callbacks.ticket_id)"
        }
        "callback_attempts" => {
            "(SELECT tickets.key_desk FROM tickets JOIN callbacks \
             ON callbacks.ticket_id = tickets.id WHERE callbacks.id = callback_attempts.callback_id)"
        }
        "notes" => "(SELECT tickets.key_desk FROM tickets WHERE tickets.id = notes.ticket_id)",
        "tickets" => "tickets.key_desk",
        "outbox" => "(SELECT tickets.key_desk FROM tickets WHERE tickets.id = outbox.ticket_id)",
        "playbook_runs" => {
            "(SELECT tickets.key_desk FROM tickets WHERE tickets.id = playbook_runs.ticket_id)"
        }
        "playbook_answers" => {
            "(SELECT tickets.key_desk FROM tickets JOIN playbook_runs \
             ON playbook_runs.ticket_id = tickets.id WHERE playbook_runs.id = playbook_answers.run_id)"
        }
        "playbook_values" => {
            "(SELECT tickets.key_desk FROM tickets JOIN playbook_runs \
             ON playbook_runs.ticket_id = tickets.id WHERE playbook_runs.id = playbook_values.run_id)"
        }
        _ => return None,
    })
}

fn key_binds(key: &RowKey) -> Vec<Bind> {
    let mut binds = vec![Bind::Id(key.id)];
    binds.extend(key.seq.map(Bind::Number));
    binds.extend(key.name.clone().map(Bind::Text));
    binds
}

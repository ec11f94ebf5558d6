//! One request of those that were filed, and how it becomes another: other ids, another number, another
//! person, another time, sealed anew for its own rows.
//!
//! What is copied letter by letter is what the program wrote, so that nothing here knows what an event
//! or a clock looks like. Ids and the number are found wherever they stand, also inside documents;
//! times are moved wherever they stand, by the same amount.

use domain::ids::{TicketId, TicketNumber, TicketRef};
use jiff::Timestamp;
use serde_json::Value as Json;
use storage::sealed_columns::{self, Key, SealedColumns};
use storage::sealing::{Place, SealedText, named_row, numbered_row};
use storage::sql_types::Id;
use storage::tickets::{self, Dossier};
use storage::{Db, StoreError};
use uuid::Uuid;

use super::people::{Dice, Invented};
use super::rows::{Kind, Table, Value, literal};
use super::templates::{ALL, Filed, Life};

/// Tables that hang on a table that hangs on a ticket: table, column, and the table of that id.
const GRANDCHILDREN: &[(&str, &str, &str)] = &[
    ("playbook_answers", "run_id", "playbook_runs"),
    ("playbook_values", "run_id", "playbook_runs"),
];

/// What the program sweeps: rows that are older are not written (`service::feed::KEPT`, less a day).
const SWEPT: &[(&str, &str)] = &[("changes", "at"), ("outbox", "created_at")];
const SWEPT_AFTER_MICROS: i64 = 29 * 24 * 3_600_000_000;

/// Microseconds that no number of another sort reaches, from 2001 to 2096.
const LOOKS_LIKE_MICROS: std::ops::Range<i64> = 1_000_000_000_000_000..4_000_000_000_000_000;

/// A value of a row, and what becomes of it.
enum Cell {
    Same(Value),
    Own(usize),
    At(i64),
    /// Text that names ids, or the number.
    Words(String),
    Document(Json),
    Sealed(&'static str, String),
    /// A column that tells of the person.
    Person(&'static str),
    /// The place in the feed.
    Position,
}

struct Row {
    table: usize,
    cells: Vec<Cell>,
    /// How its sealed values are told from others, and whose key seals them.
    seal: Option<(&'static SealedColumns, String)>,
    /// When it was written, where it is swept some time after.
    swept_at: Option<i64>,
}

/// A request to be multiplied.
pub(super) struct Template {
    rows: Vec<Row>,
    ids: Vec<Uuid>,
    number: String,
    dossier: Dossier,
    /// In microseconds since 1970.
    pub(super) filed_at: i64,
    /// By how much it can be older without anything of it being due already.
    pub(super) room: i64,
    pub(super) life: Life,
    pub(super) is_rare: bool,
}

/// What the copies number on from.
pub(super) struct Counters {
    /// The next number.
    pub(super) number: i64,
    /// The next place in the feed.
    pub(super) position: i64,
}

/// A copy, as somebody may want to know it.
#[derive(Debug, Clone)]
pub struct Stamped {
    /// Its id.
    pub id: TicketId,
    /// Its number.
    pub number: String,
    /// Who filed it.
    pub person: u64,
    /// How it ended up.
    pub life: Life,
}

impl Template {
    /// Reads all rows of a request. Must run where its keys are.
    pub(super) fn read(db: &Db, tables: &[Table], filed: &Filed, now: Timestamp) -> Self {
        let wanted = TicketRef::Id(filed.id);
        let found = db.read_in(&ALL, |conn| tickets::find(conn, &ALL, &wanted));
        let (ticket, dossier) = found.expect("it is read").expect("it is there");
        let mut found = Vec::new();
        for (at, table) in tables.iter().enumerate() {
            let Some(condition) = hangs_on(table, filed.id.uuid(), db) else {
                continue;
            };
            let seal = sealed(&table.name);
            let desk = seal.map_or("''", |seal| seal.desk);
            for values in table.read(db, &condition, desk) {
                found.push((at, seal, values));
            }
        }
        let mut ids = vec![filed.id.uuid()];
        for (at, _, values) in &found {
            if let Some(Value::Id(id)) = tables[*at].place_of("id").map(|id| &values[id])
                && !ids.contains(&id.0)
            {
                ids.push(id.0);
            }
        }
        let number = ticket.number.as_str().to_owned();
        let mut rows = Vec::new();
        let mut room = i64::MAX;
        for (at, seal, mut values) in found {
            let table = &tables[at];
            let desk = match values.pop() {
                Some(Value::Text(desk)) => desk,
                _ => String::new(),
            };
            if table.name == "due_work"
                && let Some(Value::At(due)) = table.place_of("due_at").map(|at| &values[at])
            {
                room = room.min(due - now.as_microsecond());
            }
            let swept_at = SWEPT.iter().find(|(name, _)| *name == table.name);
            let swept_at =
                swept_at.and_then(|(_, column)| match &values[table.place_of(column)?] {
                    Value::At(at) => Some(*at),
                    _ => None,
                });
            let key = seal.map(|seal| key_of(table, seal, &values));
            let cells = table.columns.iter().zip(&values);
            let cells = cells.map(|((name, kind), value)| {
                let names = (table.name.as_str(), name.as_str());
                cell(
                    names,
                    *kind,
                    value,
                    (&ids, &number),
                    seal.zip(key.as_deref()),
                    db,
                )
            });
            rows.push(Row {
                table: at,
                cells: cells.collect(),
                seal: seal.map(|seal| (seal, desk)),
                swept_at,
            });
        }
        Template {
            rows,
            ids,
            number,
            dossier,
            filed_at: ticket.created_at.as_microsecond(),
            room,
            life: filed.life,
            is_rare: filed.is_rare,
        }
    }

    /// Writes a copy that is older by `older` microseconds and about the person with this number.
    pub(super) fn stamp(
        &self,
        tables: &[Table],
        dice: &mut Dice,
        counters: &mut Counters,
        (older, person, now): (i64, u64, Timestamp),
        mut put: impl FnMut(usize, Vec<Value>),
    ) -> Result<Stamped, StoreError> {
        let filed_at = Timestamp::from_microsecond(self.filed_at - older).expect("a time");
        let ids: Vec<Uuid> = self.ids.iter().map(|_| dice.id(filed_at)).collect();
        let year = filed_at.to_zoned(jiff::tz::TimeZone::UTC).year();
        let number = TicketNumber::new(year, counters.number);
        counters.number += 1;
        let invented = Invented::new(person);
        let mut dossier = self.dossier.clone();
        dossier.identity = Some(invented.issuer_and_subject());
        dossier.tax_code = invented.tax_code;
        dossier.given_name = invented.given_name;
        dossier.family_name = invented.family_name;
        dossier.email = invented.email;
        dossier.phone = Some(invented.phone);
        let id = TicketId::new(ids[0]);
        let of_person = tickets::columns_of(id, &dossier)?;
        let renamed = |text: &str| {
            let mut text = text.replace(&self.number, number.as_str());
            for (was, is) in self.ids.iter().zip(&ids) {
                text = text.replace(&was.to_string(), &is.to_string());
            }
            text
        };
        for row in &self.rows {
            let swept = now.as_microsecond() - SWEPT_AFTER_MICROS;
            if row.swept_at.is_some_and(|at| at - older < swept) {
                continue;
            }
            let mut values: Vec<Value> = row
                .cells
                .iter()
                .map(|cell| match cell {
                    Cell::Same(value) => value.clone(),
                    Cell::Own(at) => Value::Id(Id(ids[*at])),
                    Cell::At(at) => Value::At(at - older),
                    Cell::Words(text) => Value::Text(renamed(text)),
                    Cell::Document(document) => {
                        let mut document = document.clone();
                        move_times(&mut document, older);
                        Value::Text(renamed(&document.to_string()))
                    }
                    Cell::Sealed(..) => Value::Null,
                    Cell::Person(column) => of_person
                        .iter()
                        .find(|(name, _)| name == column)
                        .and_then(|(_, value)| value.clone())
                        .map_or(Value::Null, Value::Text),
                    Cell::Position => {
                        counters.position += 1;
                        Value::Number(counters.position - 1)
                    }
                })
                .collect();
            if let Some((seal, desk)) = &row.seal {
                let key = key_of(&tables[row.table], seal, &values);
                for (at, cell) in row.cells.iter().enumerate() {
                    if let Cell::Sealed(column, plain) = cell {
                        let place = Place::new(seal.table, &key);
                        let sealed = place.seal(desk, column, &renamed(plain))?;
                        values[at] = Value::Text(sealed.into_stored());
                    }
                }
            }
            put(row.table, values);
        }
        Ok(Stamped {
            id,
            number: number.as_str().to_owned(),
            person,
            life: self.life,
        })
    }
}

/// The condition that a row of this table belongs to the ticket; none if no row ever does. The trail and
/// its index are another matter.
fn hangs_on(table: &Table, ticket: Uuid, db: &Db) -> Option<String> {
    let id = literal(ticket, db.backend());
    let name = table.name.as_str();
    if name.starts_with("audit_") {
        return None;
    }
    if let Some((_, column, parent)) = GRANDCHILDREN.iter().find(|(one, ..)| *one == name) {
        let of = format!("SELECT {parent}.id FROM {parent} WHERE {parent}.ticket_id = {id}");
        return Some(format!("{name}.{column} IN ({of})"));
    }
    let column = match name {
        "tickets" => "id",
        "due_work" => "subject",
        _ => "ticket_id",
    };
    let at = table.place_of(column)?;
    (table.columns[at].1 == Kind::Id).then(|| format!("{name}.{column} = {id}"))
}

/// How a table's values are sealed, of `tickets` and `notes` those that may be.
fn sealed(table: &str) -> Option<&'static SealedColumns> {
    let mut lists = sealed_columns::ALL.iter().chain(sealed_columns::TEXTS);
    lists.find(|one| one.table == table)
}

/// The key of a row as its sealed values are bound to it.
fn key_of(table: &Table, seal: &SealedColumns, values: &[Value]) -> Vec<u8> {
    let value = |column: &str| &values[table.place_of(column).expect("a column of the key")];
    let id = |column: &str| match value(column) {
        Value::Id(id) => id.0,
        other => panic!("{}.{column} is {other:?}", table.name),
    };
    match seal.key {
        Key::Id(column) => id(column).as_bytes().to_vec(),
        Key::Seq(column, seq) => match value(seq) {
            Value::Number(number) => numbered_row(id(column), *number),
            other => panic!("{}.{seq} is {other:?}", table.name),
        },
        Key::Named(column, name) => match value(name) {
            Value::Text(text) => named_row(id(column), text),
            other => panic!("{}.{name} is {other:?}", table.name),
        },
    }
}

/// What becomes of a value in a copy.
fn cell(
    (table, column): (&str, &str),
    kind: Kind,
    value: &Value,
    (ids, number): (&[Uuid], &str),
    seal: Option<(&'static SealedColumns, &[u8])>,
    db: &Db,
) -> Cell {
    if table == "tickets" {
        let of_person = [
            "identity_print",
            "tax_code_print",
            "family_name_print",
            "email_print",
            "phone_print",
            "dossier",
        ];
        if let Some(name) = of_person.into_iter().find(|name| *name == column) {
            return Cell::Person(name);
        }
    }
    if (table, column) == ("changes", "position") {
        return Cell::Position;
    }
    match value {
        Value::Id(id) => match ids.iter().position(|own| *own == id.0) {
            Some(at) => Cell::Own(at),
            None => Cell::Same(value.clone()),
        },
        Value::At(at) => Cell::At(*at),
        Value::Text(text) => {
            if let Some((seal, key)) = seal
                && let Some(name) = seal.sealed.iter().find(|name| **name == column)
            {
                let sealed = SealedText::from_stored(text.clone());
                // A text of an authority that has them searched is not sealed.
                if sealed.key().is_some() {
                    let place = Place::new(seal.table, key);
                    let opened = db.read(|_| place.open(name, &sealed));
                    return Cell::Sealed(name, opened.expect("it opens"));
                }
            }
            if text.starts_with(['{', '['])
                && let Ok(document) = serde_json::from_str::<Json>(text)
            {
                return Cell::Document(document);
            }
            let names_ids = ids.iter().any(|id| text.contains(&id.to_string()));
            match names_ids || text.contains(number) {
                true => Cell::Words(text.clone()),
                false => Cell::Same(value.clone()),
            }
        }
        Value::Null | Value::Number(_) | Value::Flag(_) => {
            debug_assert!(kind != Kind::Id || *value == Value::Null);
            Cell::Same(value.clone())
        }
    }
}

/// Makes every time in a document older, as text or in microseconds.
fn move_times(document: &mut Json, older: i64) {
    match document {
        Json::Array(items) => items.iter_mut().for_each(|item| move_times(item, older)),
        Json::Object(members) => members
            .values_mut()
            .for_each(|member| move_times(member, older)),
        Json::Number(number) => {
            if let Some(micros) = number
                .as_i64()
                .filter(|one| LOOKS_LIKE_MICROS.contains(one))
            {
                *document = Json::from(micros - older);
            }
        }
        Json::String(text) => {
            if text.len() >= 20
                && let Ok(at) = text.parse::<Timestamp>()
            {
                let moved = Timestamp::from_microsecond(at.as_microsecond() - older);
                *document = Json::from(moved.expect("a time").to_string());
            }
        }
        Json::Null | Json::Bool(_) => {}
    }
}

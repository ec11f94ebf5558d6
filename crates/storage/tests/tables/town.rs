//! What rows may refer to: a small region's desks, services and people, and its requesters.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use diesel::connection::{Instrumentation, InstrumentationEvent};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use domain::account::AccountState;
use domain::actor::Actor;
use domain::event::{Change, Event};
use domain::ids::{AccountId, TicketId, TicketNumber, TicketRef};
use domain::invalid::Lang;
use domain::note::Attachment;
use domain::state::Channel;
use domain::tax_code::TaxCode;
use domain::ticket::Ticket;
use domain::visibility::Scope;
use jiff::{SignedDuration, Timestamp};
use storage::keyring::LocalMaster;
use storage::lives::{self, AccountEvent, Life};
use storage::reference::{AuthorityRow, ProblemTypeRow, ServiceRow};
use storage::tickets::{Details, Dossier, RequesterKind};
use storage::{Db, DbConnection, StoreError, reference, tickets};
use uuid::Uuid;

use crate::support::{self, Fresh};
use crate::words::{self, CN1, PEOPLE, REGION, TO4};

/// A desk that never has anything to do with a ticket.
pub(crate) const ELSEWHERE: &str = "AL9";

/// Runs the test on every database there is, with tables and with people in them.
pub(crate) fn everywhere(test: impl Fn(&Fresh)) {
    // Many threads wait for few connections here, and a slow machine is no failure.
    let patient = |config: &mut storage::DbConfig| {
        config.wait = Duration::from_secs(60);
        config.lock_timeout = Duration::from_secs(60);
        config.statement_timeout = Duration::from_secs(60);
    };
    support::everywhere(patient, |fresh| {
        fresh.db().migrate().unwrap();
        unlock(fresh.db(), &[TO4, CN1, REGION, ELSEWHERE]);
        // Twice, as at every start after the first.
        write(fresh.db(), found);
        write(fresh.db(), found);
        write(fresh.db(), people_move_in);
        test(fresh);
    });
}

/// Opens the keys, the same in every test, with one for each of these desks at least.
pub(crate) fn unlock(db: &Db, desks: &[&str]) {
    db.unlock(Arc::new(LocalMaster::new(&[1; 32]))).unwrap();
    let desks: Vec<String> = desks.iter().map(|desk| (*desk).to_owned()).collect();
    let keyring = db.keyring().unwrap();
    keyring.ensure(&desks, Timestamp::UNIX_EPOCH).unwrap();
}

/// A write that must succeed, with every row in reach.
pub(crate) fn write<T: Send + 'static>(
    db: &Db,
    f: impl FnOnce(&mut DbConnection) -> Result<T, StoreError> + Send + 'static,
) -> T {
    db.write_in(&Scope::System, f).unwrap()
}

/// A read that must succeed, with every row in reach.
pub(crate) fn read<T>(db: &Db, f: impl FnOnce(&mut DbConnection) -> Result<T, StoreError>) -> T {
    read_in(db, &Scope::System, f)
}

/// A read that must succeed, with the rows of `scope` in reach.
pub(crate) fn read_in<T>(
    db: &Db,
    scope: &Scope,
    f: impl FnOnce(&mut DbConnection) -> Result<T, StoreError>,
) -> T {
    db.read_in(scope, f).unwrap()
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// A number that SQL calls `count`.
#[derive(QueryableByName)]
pub(crate) struct Count {
    #[diesel(sql_type = BigInt)]
    pub(crate) count: i64,
}

/// How many rows `scope` reaches; a condition may follow the table.
pub(crate) fn count(db: &Db, scope: &Scope, rows: &str) -> i64 {
    let sql = format!("SELECT count(*) AS count FROM {rows}");
    read_in(db, scope, |conn| {
        Ok(diesel::sql_query(sql).get_result::<Count>(conn)?.count)
    })
}

/// Keeps the text of every statement.
struct Listener(Arc<Mutex<Vec<String>>>);

impl Instrumentation for Listener {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            let statement = text.split(" -- binds").next().unwrap();
            self.0.lock().unwrap().push(statement.to_owned());
        }
    }
}

/// The statements that `ask` has a connection of its own send, as the database gets them.
pub(crate) fn heard(fresh: &Fresh, ask: impl FnOnce(&mut DbConnection)) -> Vec<String> {
    let url = fresh.config.url.as_str();
    let mut conn = match url.strip_prefix("sqlite://") {
        Some(path) => DbConnection::Sqlite(SqliteConnection::establish(path).unwrap()),
        None => DbConnection::Pg(PgConnection::establish(url).unwrap()),
    };
    let heard = Arc::new(Mutex::new(Vec::new()));
    conn.set_instrumentation(Listener(Arc::clone(&heard)));
    ask(&mut conn);
    std::mem::take(&mut heard.lock().unwrap())
}

/// The column `line` of what a statement finds, every row in reach.
pub(crate) fn lines(db: &Db, sql: &str) -> Vec<String> {
    let found: Vec<Line> = read(db, |conn| Ok(diesel::sql_query(sql).load(conn)?));
    found.into_iter().map(|row| row.line).collect()
}

/// All that whoever steals the database gets: the bytes of the files, or every row as a dump has it.
pub(crate) fn stolen(fresh: &Fresh) -> Vec<u8> {
    if let Some(path) = fresh.config.url.strip_prefix("sqlite://") {
        let folder = std::path::Path::new(path).parent().unwrap();
        let files = std::fs::read_dir(folder).unwrap();
        return files
            .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .collect();
    }
    let tables = "SELECT relname::text AS line FROM pg_class WHERE relkind = 'r' \
                  AND relnamespace = 'public'::regnamespace";
    let dump = |table: &String| {
        let rows = format!("SELECT t::text AS line FROM {table} AS t");
        lines(fresh.db(), &rows).join("\n").into_bytes()
    };
    lines(fresh.db(), tables).iter().flat_map(dump).collect()
}

fn found(conn: &mut DbConnection) -> Result<(), StoreError> {
    let desks = [
        (TO4, "asl"),
        (CN1, "asl"),
        (REGION, "region"),
        (ELSEWHERE, "asl"),
    ];
    let authorities = desks.map(|(code, kind)| AuthorityRow {
        code: code.to_owned(),
        kind: kind.to_owned(),
        label: format!("Desk {code}"),
        valid_from: None,
        valid_to: None,
        successor: None,
    });
    let services = ["FSE", "CUP"].map(|code| ServiceRow {
        code: code.to_owned(),
        label_it: code.to_owned(),
        label_en: code.to_owned(),
        valid_from: None,
        valid_to: None,
    });
    let types = [
        ("FSE", "referto-non-trovato"),
        ("FSE", "altro"),
        ("CUP", "altro"),
    ];
    let types = types.map(|(service, code)| ProblemTypeRow {
        service_code: service.to_owned(),
        code: code.to_owned(),
        label_it: code.to_owned(),
        label_en: code.to_owned(),
        valid_from: None,
        valid_to: None,
    });
    reference::upsert(conn, authorities.into(), services.into(), types.into())
}

fn people_move_in(conn: &mut DbConnection) -> Result<(), StoreError> {
    for (place, (name, _, _)) in PEOPLE.iter().enumerate() {
        let id = words::account(place);
        person(conn, id, name)?;
    }
    Ok(())
}

/// A working account.
pub(crate) fn person(conn: &mut DbConnection, id: AccountId, name: &str) -> Result<(), StoreError> {
    let mut life = Life::new(id, name, &label(name), filed_at());
    life.state = AccountState::Active;
    lives::insert(conn, &life, &event("account.moved_in"))
}

/// Something that happened to an account.
pub(crate) fn event(kind: &str) -> AccountEvent {
    AccountEvent {
        kind: kind.to_owned(),
        actor: None,
        detail: serde_json::json!({}),
    }
}

/// The name colleagues read for a person.
pub(crate) fn label(name: &str) -> String {
    format!("Person {name}")
}

/// When tickets are filed, unless a test says otherwise.
pub(crate) fn filed_at() -> Timestamp {
    words::filed(TO4).created_at
}

/// A time some hours after [`filed_at`].
pub(crate) fn hours(later: i64) -> Timestamp {
    filed_at() + SignedDuration::from_hours(later)
}

/// A ticket just filed, not yet in the database.
pub(crate) fn ticket(number: u32, custodian: &str) -> Ticket {
    Ticket {
        id: TicketId::new(Uuid::from_u128(number.into())),
        number: TicketNumber::new(2026, number.into()),
        ..words::filed(custodian)
    }
}

/// The tax code of who the ticket with this number is about.
pub(crate) fn tax_code(number: u32) -> TaxCode {
    TaxCode::parse(&format!("8{number:010}"), false).unwrap()
}

/// What a citizen of this identity and tax code reaches, delegated by these others.
pub(crate) fn citizen(number: u32, own: u32, delegators: &[u32]) -> Scope {
    Scope::Citizen {
        identity: identity(number),
        tax_code: tax_code(own),
        delegators: delegators.iter().map(|one| tax_code(*one)).collect(),
    }
}

/// The identity of the citizen who files the ticket with this number.
pub(crate) fn identity(number: u32) -> String {
    format!("https://idp.example|{number}")
}

/// A requester with no more than what must be given.
pub(crate) fn dossier(number: u32, requester: RequesterKind) -> Dossier {
    Dossier {
        key_desk: TO4.into(),
        channel: Channel::Portal,
        requester,
        identity: (requester == RequesterKind::Citizen).then(|| identity(number)),
        tax_code: tax_code(number).as_str().to_owned(),
        given_name: "Ada".to_owned(),
        family_name: "Rossi".to_owned(),
        email: format!("ada{number}@example.org"),
        phone: None,
        description: None,
        details: Details {
            lang: Lang::En,
            ..Details::default()
        },
        follow_up_of: None,
        due_at: hours(72),
    }
}

/// Files a ticket.
pub(crate) fn file(db: &Db, ticket: &Ticket, dossier: &Dossier, attachment: Option<Attachment>) {
    let (ticket, dossier) = (ticket.clone(), dossier.clone());
    write(db, move |conn| {
        let filed = filing_of(&ticket);
        let file = attachment.as_ref();
        tickets::insert(
            conn,
            &ticket,
            &dossier,
            "FSE Altro",
            &filed,
            &Actor::Requester,
            file,
        )
    });
}

/// The first entry of a ticket's history.
pub(crate) fn filing_of(ticket: &Ticket) -> Event {
    Event {
        seq: 1,
        at: ticket.created_at,
        change: Change::Filed {
            custodian: ticket.custodian.code.clone(),
            route: None,
        },
        note: None,
    }
}

/// The ticket with this id, as `scope` finds it.
pub(crate) fn find(db: &Db, scope: &Scope, id: TicketId) -> Option<(Ticket, Dossier)> {
    read_in(db, scope, |conn| {
        tickets::find(conn, scope, &TicketRef::Id(id))
    })
}

//! The words of what is written on tickets, a row for each text: the number, the labels of service and
//! problem and the description are one, each note is another (`docs/adr/0039`).
//!
//! Rows are added with the texts, in their transaction. Invariant: a text that is sealed or gone has no
//! words here. Triggers see to that, so that no way of changing a text can forget it.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use domain::ids::TicketId;
use domain::note::{Audience, Note};
use domain::ticket::Ticket;
use domain::visibility::{Opened, Scope};

use crate::keyring::{self, MARK};
use crate::schema::{notes, problem_types, services, text_builds, ticket_texts, tickets};
use crate::sealing::GONE;
use crate::sql_types::{Id, Ts, Uid};
use crate::together::Row;
use crate::words::{Query, Words};
use crate::{DbConnection, StoreError, dialect};

#[derive(Insertable)]
#[diesel(table_name = ticket_texts, treat_none_as_default_value = false)]
struct TextRow {
    ticket_id: Id,
    seq: i64,
    audience: String,
    team: Option<String>,
    party: Option<String>,
    words: Option<Words>,
}

/// The description has no entry of its own in the history.
const DESCRIPTION: i64 = 0;

/// The words of a new ticket; `subject` is what it is about, as its requester was shown.
pub(crate) fn row_of_description(
    ticket: &Ticket,
    subject: &str,
    description: Option<&str>,
) -> Result<Box<dyn Row>, StoreError> {
    let is_sealed = keyring::current()?.seals_texts(ticket.filed_at().as_str());
    let plain = description.filter(|_| !is_sealed).unwrap_or_default();
    let words = Words::of(&[ticket.number.as_str(), subject, plain]);
    let row = description_row(Id(ticket.id.uuid()), words);
    Ok(Box::new(
        diesel::insert_into(ticket_texts::table).values(row),
    ))
}

/// The words of a new note.
pub(crate) fn row_of_note(
    ticket: &Ticket,
    seq: i64,
    note: &Note,
) -> Result<Box<dyn Row>, StoreError> {
    let is_sealed = keyring::current()?.seals_texts(ticket.filed_at().as_str());
    let row = TextRow {
        ticket_id: Id(ticket.id.uuid()),
        seq,
        audience: note.audience.as_str().to_owned(),
        team: note.team.as_ref().map(|code| code.as_str().to_owned()),
        party: note.party.as_ref().map(|code| code.as_str().to_owned()),
        words: (!is_sealed).then(|| Words::of(&[&note.body])),
    };
    Ok(Box::new(
        diesel::insert_into(ticket_texts::table).values(row),
    ))
}

fn description_row(ticket: Id, words: Words) -> TextRow {
    TextRow {
        ticket_id: ticket,
        seq: DESCRIPTION,
        audience: Audience::Citizen.as_str().to_owned(),
        team: None,
        party: None,
        words: Some(words),
    }
}

/// What a column keeps, if it is a text as it was written.
fn plain(kept: &str) -> Option<&str> {
    (!kept.starts_with(MARK) && kept != GONE).then_some(kept)
}

/// Makes the words of a ticket's number, labels and description anew from what its row holds.
pub(crate) fn renew_description(conn: &mut DbConnection, ticket: Id) -> Result<(), StoreError> {
    for (id, words) in described(conn, &[ticket])? {
        diesel::update(ticket_texts::table.find((id, DESCRIPTION)))
            .set(ticket_texts::words.eq(Some(words)))
            .execute(conn)?;
    }
    Ok(())
}

/// Makes the words of a note from what its row now keeps; those of a sealed one are gone by then.
pub(crate) fn renew_note(
    conn: &mut DbConnection,
    ticket: Id,
    seq: i64,
    kept: &str,
) -> Result<(), StoreError> {
    if let Some(text) = plain(kept) {
        diesel::update(ticket_texts::table.find((ticket, seq)))
            .set(ticket_texts::words.eq(Some(Words::of(&[text]))))
            .execute(conn)?;
    }
    Ok(())
}

type Described = (Id, String, Option<String>, String, Option<String>);

fn described(conn: &mut DbConnection, ids: &[Id]) -> Result<Vec<(Id, Words)>, StoreError> {
    let of_problem = problem_types::service_code
        .eq(tickets::service_code)
        .and(problem_types::code.eq(tickets::problem_type));
    let rows = tickets::table
        .inner_join(services::table.on(services::code.eq(tickets::service_code)))
        .left_join(problem_types::table.on(of_problem))
        .filter(tickets::id.eq_any(ids.to_vec()))
        .select((
            tickets::id,
            tickets::number,
            tickets::description,
            services::label_it,
            problem_types::label_it.nullable(),
        ))
        .load::<Described>(conn)?;
    let words = |(id, number, description, service, problem): Described| {
        let description = description.as_deref().and_then(plain).unwrap_or_default();
        let problem = problem.as_deref().unwrap_or_default();
        (id, Words::of(&[&number, &service, problem, description]))
    };
    Ok(rows.into_iter().map(words).collect())
}

/// Whether words of older tickets are still to be made, so that a search may miss some.
pub fn is_building(conn: &mut DbConnection) -> Result<bool, StoreError> {
    let unfinished = text_builds::table.filter(text_builds::id.eq(1));
    Ok(diesel::select(diesel::dsl::exists(unfinished)).get_result(conn)?)
}

/// Makes the words of at most `most` tickets from before there were any, the newest first, and says
/// whether any are left. Only the system reaches all of them.
pub fn build_page(conn: &mut DbConnection, most: i64) -> Result<bool, StoreError> {
    let Some((at, id)) = text_builds::table
        .select((text_builds::before_at, text_builds::before_id))
        .first::<(Option<Ts>, Option<Id>)>(conn)
        .optional()?
    else {
        return Ok(false);
    };
    let mut query = tickets::table
        .select((tickets::created_at, tickets::id))
        .order((tickets::created_at.desc(), tickets::id.desc()))
        .limit(most)
        .into_boxed();
    if let (Some(at), Some(id)) = (at, id) {
        query = query.filter(dialect::before((tickets::created_at, tickets::id), at, id));
    }
    let page: Vec<(Ts, Id)> = query.load(conn)?;
    let Some(last) = page.last().copied() else {
        diesel::delete(text_builds::table).execute(conn)?;
        return Ok(false);
    };
    let ids: Vec<Id> = page.iter().map(|(_, id)| *id).collect();
    let mut made = described(conn, &ids)?;
    // SQLite gives places in the order of rows.
    made.sort_by_key(|(id, _)| ids.iter().position(|one| one == id));
    for (id, words) in made {
        add_if_absent(conn, description_row(id, words))?;
    }
    add_notes(conn, &ids)?;
    diesel::update(text_builds::table)
        .set((
            text_builds::before_at.eq(Some(last.0)),
            text_builds::before_id.eq(Some(last.1)),
        ))
        .execute(conn)?;
    Ok(true)
}

type NoteColumns = (Id, i64, String, Option<String>, Option<String>, String);

fn add_notes(conn: &mut DbConnection, ids: &[Id]) -> Result<(), StoreError> {
    let rows = notes::table
        .filter(notes::ticket_id.eq_any(ids.to_vec()))
        .select((
            notes::ticket_id,
            notes::seq,
            notes::audience,
            notes::team,
            notes::party,
            notes::body,
        ))
        .load::<NoteColumns>(conn)?;
    for (ticket_id, seq, audience, team, party, kept) in rows {
        let words = plain(&kept).map(|text| Words::of(&[text]));
        let row = TextRow {
            ticket_id,
            seq,
            audience,
            team,
            party,
            words,
        };
        add_if_absent(conn, row)?;
    }
    Ok(())
}

/// A ticket filed meanwhile has its words already.
fn add_if_absent(conn: &mut DbConnection, row: TextRow) -> Result<(), StoreError> {
    let insert = diesel::insert_into(ticket_texts::table).values(row);
    dialect::insert_if_absent(insert, &["ticket_id", "seq"]).execute(conn)?;
    Ok(())
}

/// Which texts a scope may read, as SQL about `x`, and the desk that takes the place of `$own`: the rule is
/// `domain::visibility::may_read`, for tickets that its list holds.
fn readable(scope: &Scope) -> (&'static str, &str) {
    match scope {
        Scope::Authority(code) => (
            "(x.audience = 'citizen' OR x.team = $own \
              OR x.audience <> 'team' AND x.party = $own)",
            code.as_str(),
        ),
        Scope::Region(code) => ("(x.audience <> 'team' OR x.team = $own)", code.as_str()),
        Scope::Granted(Opened::Inspected(_)) => ("($own = '')", ""),
        Scope::System | Scope::Granted(Opened::Ticket(_) | Opened::Authority(_)) => {
            ("(x.audience <> 'team' OR x.team = $own)", "")
        }
        Scope::Citizen { .. } | Scope::Tracking(_) => {
            ("(x.audience = 'citizen' OR x.team = $own)", "")
        }
        Scope::Technical(_) | Scope::Nothing => ("($own <> '')", ""),
    }
}

/// What is asked of each text: that it may be read and holds the words.
#[derive(Clone)]
pub(crate) struct Wanted {
    words: String,
    readable: &'static str,
    own: String,
}

impl Wanted {
    /// For PostgreSQL, by `@@`.
    pub(crate) fn new(scope: &Scope, query: &Query) -> Self {
        let (readable, own) = readable(scope);
        Wanted {
            words: query.to_tsquery(),
            readable,
            own: own.to_owned(),
        }
    }

    /// The words, as a `tsquery`.
    pub(crate) const fn words(&self) -> &String {
        &self.words
    }

    /// The desk that asks, or nothing.
    pub(crate) const fn own(&self) -> &String {
        &self.own
    }

    /// The condition of a text `x` that may be read, with `$own` for the desk.
    pub(crate) const fn readable(&self) -> &'static str {
        self.readable
    }
}

#[derive(QueryableByName)]
struct Hit {
    #[diesel(sql_type = Uid)]
    id: Id,
}

/// Tickets with at most `most` texts that hold the words, in no order: along the index of words.
pub(crate) fn list_hits(
    conn: &mut DbConnection,
    wanted: &Wanted,
    most: i64,
) -> Result<Vec<Id>, StoreError> {
    let sql = format!(
        "SELECT x.ticket_id AS id FROM ticket_texts x \
         WHERE x.words @@ CAST($1 AS tsquery) AND {} LIMIT $3",
        wanted.readable.replace("$own", "$2")
    );
    let hits = diesel::sql_query(sql)
        .bind::<Text, _>(wanted.words.clone())
        .bind::<Text, _>(wanted.own.clone())
        .bind::<BigInt, _>(most)
        .load::<Hit>(conn)?;
    Ok(hits.into_iter().map(|hit| hit.id).collect())
}

/// Tickets with the `most` newest texts that hold the words, the newest first, of those filed until
/// `after`, if that is given: on SQLite, whose index goes by the time of filing.
pub(crate) fn list_newest_hits(
    conn: &mut DbConnection,
    scope: &Scope,
    query: &Query,
    after: Option<(Ts, TicketId)>,
    most: i64,
) -> Result<Vec<Id>, StoreError> {
    let (readable, own) = readable(scope);
    // The clock may have gone back a little between two filings.
    let below = match after {
        None => i64::MAX,
        Some((at, id)) => {
            let found: Below = diesel::sql_query(
                "SELECT coalesce(max(x.place), 0) + 1048575 AS place FROM (SELECT id FROM tickets \
                 WHERE (created_at, id) < ($1, $2) ORDER BY created_at DESC, id DESC LIMIT 50) AS near \
                 JOIN ticket_texts x ON x.ticket_id = near.id AND x.seq = 0",
            )
            .bind::<crate::sql_types::Instant, _>(at)
            .bind::<Uid, _>(Id(id.uuid()))
            .get_result(conn)?;
            found.place
        }
    };
    let sql = format!(
        "SELECT x.ticket_id AS id FROM ticket_words CROSS JOIN ticket_texts x \
         ON x.place = ticket_words.rowid WHERE ticket_words MATCH $1 AND {} \
         AND ticket_words.rowid <= $3 ORDER BY ticket_words.rowid DESC LIMIT $4",
        readable.replace("$own", "$2")
    );
    let hits = diesel::sql_query(sql)
        .bind::<Text, _>(query.to_match())
        .bind::<Text, _>(own.to_owned())
        .bind::<BigInt, _>(below)
        .bind::<BigInt, _>(most)
        .load::<Hit>(conn)?;
    Ok(hits.into_iter().map(|hit| hit.id).collect())
}

#[derive(QueryableByName)]
struct Below {
    #[diesel(sql_type = BigInt)]
    place: i64,
}

//! The register of what people ask about their own data (GDPR 15–21, `docs/adr/0038`). Who asks, where
//! they are written to and what they are told is sealed under the installation's key; prints find them.

use diesel::prelude::*;
use domain::ids::{AccountId, SubjectRequestId, TicketId};
use domain::invalid::Lang;
use domain::subject_request::{
    SubjectRequestChannel, SubjectRequestKind, SubjectRequestState, SubjectRequestStep,
};
use jiff::Timestamp;

use crate::keyring::{self, Field, INSTALLATION};
use crate::schema::{accounts, subject_request_steps, subject_requests};
use crate::sealing::{Place, SealedText};
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, dialect};

/// A request about one's own data. No `Debug`: it names a person.
#[derive(Clone)]
pub struct SubjectRequest {
    /// Its id.
    pub id: SubjectRequestId,
    /// Counts the changes; what clients send back.
    pub version: i64,
    /// What is asked.
    pub kind: SubjectRequestKind,
    /// Where it stands.
    pub state: SubjectRequestState,
    /// How it came in.
    pub channel: SubjectRequestChannel,
    /// The tax code of who it is about.
    pub tax_code: String,
    /// Issuer and subject of who asked with a national identity.
    pub identity: Option<String>,
    /// The ticket of who asked with a tracking link.
    pub ticket: Option<TicketId>,
    /// Where the person is written to: an address that was proved, or none.
    pub email: Option<String>,
    /// The language they are written to in.
    pub lang: Lang,
    /// When it came in.
    pub received_at: Timestamp,
    /// Until when it is to be answered.
    pub due_at: Timestamp,
    /// Whether the term was extended.
    pub was_extended: bool,
    /// When it was noticed that the term ran out.
    pub overdue_at: Option<Timestamp>,
    /// When it was done or refused.
    pub closed_at: Option<Timestamp>,
    /// Who entered it; none for what came from the person.
    pub author: Option<AccountId>,
    /// When it was entered.
    pub created_at: Timestamp,
}

/// A step that was taken.
#[derive(Clone)]
pub struct Taken {
    /// Its place: the version that it made.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// By whom; none for the person and the service itself.
    pub author: Option<AccountId>,
    /// Their name.
    pub author_label: Option<String>,
    /// Which.
    pub step: SubjectRequestStep,
    /// Where it led.
    pub state: SubjectRequestState,
    /// What the person is told.
    pub reason: Option<String>,
}

/// Which requests of the register.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// In which state.
    pub state: Option<SubjectRequestState>,
    /// Of which kind.
    pub kind: Option<SubjectRequestKind>,
    /// Still open though due before this time.
    pub overdue_at: Option<Timestamp>,
}

/// Whose requests: who asked.
#[derive(Clone, Copy)]
pub enum Asker<'a> {
    /// Somebody with this national identity.
    Identity(&'a str),
    /// The holder of the tracking link of this ticket.
    Tracking(TicketId),
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = subject_requests, treat_none_as_default_value = false, treat_none_as_null = true)]
struct Row {
    id: Id,
    version: i64,
    kind: String,
    state: String,
    channel: String,
    person: SealedText,
    person_print: String,
    identity: Option<SealedText>,
    identity_print: Option<String>,
    ticket_id: Option<Id>,
    email: Option<SealedText>,
    lang: String,
    received_at: Ts,
    due_at: Ts,
    was_extended: bool,
    overdue_at: Option<Ts>,
    closed_at: Option<Ts>,
    account_id: Option<Id>,
    created_at: Ts,
}

/// Enters a request.
pub fn insert(conn: &mut DbConnection, request: &SubjectRequest) -> Result<(), StoreError> {
    diesel::insert_into(subject_requests::table)
        .values(row_of(request)?)
        .execute(conn)?;
    Ok(())
}

/// Writes a request as it is now, unless somebody changed it since version `was`.
pub fn save(conn: &mut DbConnection, request: &SubjectRequest, was: i64) -> Result<(), StoreError> {
    let seen = subject_requests::table
        .find(Id(request.id.uuid()))
        .filter(subject_requests::version.eq(was));
    match diesel::update(seen).set(row_of(request)?).execute(conn)? {
        0 => Err(StoreError::Stale),
        _ => Ok(()),
    }
}

/// One request.
pub fn find(
    conn: &mut DbConnection,
    id: SubjectRequestId,
) -> Result<Option<SubjectRequest>, StoreError> {
    let found = subject_requests::table
        .find(Id(id.uuid()))
        .select(Row::as_select())
        .first::<Row>(conn)
        .optional()?;
    found.map(into_request).transpose()
}

/// A page of the register, those due first, after the one that the page before ended with.
pub fn list(
    conn: &mut DbConnection,
    filter: &Filter,
    after: Option<(Timestamp, SubjectRequestId)>,
    limit: i64,
) -> Result<Vec<SubjectRequest>, StoreError> {
    let mut query = subject_requests::table
        .select(Row::as_select())
        .into_boxed();
    if let Some(state) = filter.state {
        query = query.filter(subject_requests::state.eq(state.as_str()));
    }
    if let Some(kind) = filter.kind {
        query = query.filter(subject_requests::kind.eq(kind.as_str()));
    }
    if let Some(now) = filter.overdue_at {
        query = query
            .filter(subject_requests::closed_at.is_null())
            .filter(subject_requests::due_at.lt(Ts(now)));
    }
    if let Some((at, id)) = after {
        let keys = (subject_requests::due_at, subject_requests::id);
        query = query.filter(dialect::after(keys, Ts(at), Id(id.uuid())));
    }
    let rows = query
        .order((subject_requests::due_at.asc(), subject_requests::id.asc()))
        .limit(limit)
        .load::<Row>(conn)?;
    rows.into_iter().map(into_request).collect()
}

/// A page of the requests somebody made themselves, the newest first; `only` asks for one.
pub fn list_own(
    conn: &mut DbConnection,
    asker: Asker<'_>,
    only: Option<SubjectRequestId>,
    after: Option<(Timestamp, SubjectRequestId)>,
    limit: i64,
) -> Result<Vec<SubjectRequest>, StoreError> {
    let mut query = subject_requests::table
        .select(Row::as_select())
        .into_boxed();
    query = match asker {
        Asker::Identity(identity) => {
            let prints = keyring::current()?.prints(Field::Identity, identity);
            query.filter(subject_requests::identity_print.eq_any(prints))
        }
        Asker::Tracking(ticket) => {
            query.filter(subject_requests::ticket_id.eq(Some(Id(ticket.uuid()))))
        }
    };
    if let Some(id) = only {
        query = query.filter(subject_requests::id.eq(Id(id.uuid())));
    }
    if let Some((at, id)) = after {
        let keys = (subject_requests::created_at, subject_requests::id);
        query = query.filter(dialect::before(keys, Ts(at), Id(id.uuid())));
    }
    let rows = query
        .order((
            subject_requests::created_at.desc(),
            subject_requests::id.desc(),
        ))
        .limit(limit)
        .load::<Row>(conn)?;
    rows.into_iter().map(into_request).collect()
}

/// Adds a step that was taken.
pub fn add_step(
    conn: &mut DbConnection,
    request: SubjectRequestId,
    taken: &Taken,
) -> Result<(), StoreError> {
    let key = step_key(request, taken.seq);
    let place = Place::new("subject_request_steps", &key);
    let reason = taken.reason.as_deref();
    diesel::insert_into(subject_request_steps::table)
        .values((
            subject_request_steps::request_id.eq(Id(request.uuid())),
            subject_request_steps::seq.eq(taken.seq),
            subject_request_steps::at.eq(Ts(taken.at)),
            subject_request_steps::account_id.eq(taken.author.map(|id| Id(id.uuid()))),
            subject_request_steps::step.eq(taken.step.as_str()),
            subject_request_steps::state.eq(taken.state.as_str()),
            subject_request_steps::reason.eq(reason
                .map(|text| place.seal(INSTALLATION, "reason", text))
                .transpose()?),
        ))
        .execute(conn)?;
    Ok(())
}

type StepColumns = (
    i64,
    Ts,
    Option<Id>,
    Option<String>,
    String,
    String,
    Option<SealedText>,
);

/// The steps of a request, the first one first.
pub fn list_steps(
    conn: &mut DbConnection,
    request: SubjectRequestId,
) -> Result<Vec<Taken>, StoreError> {
    let rows = subject_request_steps::table
        .left_join(
            accounts::table.on(accounts::id
                .nullable()
                .eq(subject_request_steps::account_id)),
        )
        .filter(subject_request_steps::request_id.eq(Id(request.uuid())))
        .order(subject_request_steps::seq.asc())
        .select((
            subject_request_steps::seq,
            subject_request_steps::at,
            subject_request_steps::account_id,
            accounts::display_name.nullable(),
            subject_request_steps::step,
            subject_request_steps::state,
            subject_request_steps::reason,
        ))
        .load::<StepColumns>(conn)?;
    rows.into_iter()
        .map(|(seq, at, author, author_label, step, state, reason)| {
            let corrupt = |column| StoreError::Corrupt {
                table: "subject_request_steps",
                id: format!("{request}/{seq}"),
                column,
            };
            let key = step_key(request, seq);
            let place = Place::new("subject_request_steps", &key);
            Ok(Taken {
                seq,
                at: at.0,
                author: author.map(|id| AccountId::new(id.0)),
                author_label,
                step: SubjectRequestStep::from_code(&step).ok_or_else(|| corrupt("step"))?,
                state: SubjectRequestState::from_code(&state).ok_or_else(|| corrupt("state"))?,
                reason: reason
                    .map(|sealed| place.open("reason", &sealed))
                    .transpose()?,
            })
        })
        .collect()
}

/// The row key of a step: the request's sixteen bytes and its place.
fn step_key(request: SubjectRequestId, seq: i64) -> Vec<u8> {
    let mut key = request.uuid().as_bytes().to_vec();
    key.extend_from_slice(&seq.to_be_bytes());
    key
}

fn row_of(request: &SubjectRequest) -> Result<Row, StoreError> {
    let keys = keyring::current()?;
    let id = request.id.uuid();
    let place = Place::new("subject_requests", id.as_bytes());
    let seal = |column, value: &str| place.seal(INSTALLATION, column, value);
    let identity = request.identity.as_deref();
    Ok(Row {
        id: Id(request.id.uuid()),
        version: request.version,
        kind: request.kind.as_str().to_owned(),
        state: request.state.as_str().to_owned(),
        channel: request.channel.as_str().to_owned(),
        person: seal("person", &request.tax_code)?,
        person_print: keys.print(INSTALLATION, Field::Person, &request.tax_code)?,
        identity: identity.map(|value| seal("identity", value)).transpose()?,
        identity_print: identity
            .map(|value| keys.print(INSTALLATION, Field::Identity, value))
            .transpose()?,
        ticket_id: request.ticket.map(|id| Id(id.uuid())),
        email: request
            .email
            .as_deref()
            .map(|value| seal("email", value))
            .transpose()?,
        lang: request.lang.code().to_owned(),
        received_at: Ts(request.received_at),
        due_at: Ts(request.due_at),
        was_extended: request.was_extended,
        overdue_at: request.overdue_at.map(Ts),
        closed_at: request.closed_at.map(Ts),
        account_id: request.author.map(|id| Id(id.uuid())),
        created_at: Ts(request.created_at),
    })
}

fn into_request(row: Row) -> Result<SubjectRequest, StoreError> {
    let corrupt = |column| StoreError::Corrupt {
        table: "subject_requests",
        id: row.id.0.to_string(),
        column,
    };
    let place = Place::new("subject_requests", row.id.0.as_bytes());
    let open = |column, sealed: &Option<SealedText>| {
        sealed
            .as_ref()
            .map(|sealed| place.open(column, sealed))
            .transpose()
    };
    Ok(SubjectRequest {
        id: SubjectRequestId::new(row.id.0),
        version: row.version,
        kind: SubjectRequestKind::from_code(&row.kind).ok_or_else(|| corrupt("kind"))?,
        state: SubjectRequestState::from_code(&row.state).ok_or_else(|| corrupt("state"))?,
        channel: SubjectRequestChannel::from_code(&row.channel)
            .ok_or_else(|| corrupt("channel"))?,
        tax_code: place.open("person", &row.person)?,
        identity: open("identity", &row.identity)?,
        ticket: row.ticket_id.map(|id| TicketId::new(id.0)),
        email: open("email", &row.email)?,
        lang: Lang::from_code(&row.lang).ok_or_else(|| corrupt("lang"))?,
        received_at: row.received_at.0,
        due_at: row.due_at.0,
        was_extended: row.was_extended,
        overdue_at: row.overdue_at.map(|at| at.0),
        closed_at: row.closed_at.map(|at| at.0),
        author: row.account_id.map(|id| AccountId::new(id.0)),
        created_at: row.created_at.0,
    })
}

//! The register of complaints: what came in, what was done about it, and what was sent, word by word.
//! Who complains and how they are reached is sealed with the key of the desk; a print of the identity
//! that filed it finds a complaint again.

use diesel::prelude::*;
use domain::codes::AuthorityCode;
use domain::complaint::{
    ComplainantKind, ComplaintChannel, ComplaintState, ComplaintStep, DispatchKind, DispatchWay,
};
use domain::contact::Direction;
use domain::ids::{
    AccountId, ComplaintId, ComplaintNumber, DispatchId, MessageId, SchemeId, TicketId,
    TicketNumber, TicketRef,
};
use domain::invalid::Lang;
use domain::visibility::Scope;
use jiff::Timestamp;

use crate::deliveries::Keeper;
use crate::keyring::{self, Field, INSTALLATION};
use crate::schema::{
    accounts, complaint_dispatches, complaint_entries, complaint_protocols, complaint_tickets,
    complaints, tickets,
};
use crate::sealing::{Place, SealedText};
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, dialect};

/// A complaint. Has no `Debug`, because of who complains.
#[derive(Clone, PartialEq, Eq)]
pub struct Complaint {
    /// Its id.
    pub id: ComplaintId,
    /// Counts the changes; what clients send back.
    pub version: i64,
    /// For people.
    pub number: ComplaintNumber,
    /// The desk that answers.
    pub desk: AuthorityCode,
    /// Where it stands.
    pub state: ComplaintState,
    /// How it came in.
    pub channel: ComplaintChannel,
    /// Who complains.
    pub complainant: Complainant,
    /// The service it is about.
    pub service: Option<String>,
    /// What it is about, in a line.
    pub subject: String,
    /// The complaint itself.
    pub body: String,
    /// What sort of complaint it is, once somebody said so.
    pub classification: Option<String>,
    /// When it came in.
    pub received_at: Timestamp,
    /// When what it is about happened, if that is known.
    pub happened_at: Option<Timestamp>,
    /// Whether it came later after that than the rule has it.
    pub late_filed: bool,
    /// Until when it is to be answered.
    pub due_at: Timestamp,
    /// Whether that was extended.
    pub was_extended: bool,
    /// The reply that waits to be decided, or was sent.
    pub draft: Option<Draft>,
    /// When the last reply was sent.
    pub answered_at: Option<Timestamp>,
    /// Whether the desk was told that the term is over.
    pub overdue_told: bool,
    /// Who entered it, if staff did.
    pub author: Option<AccountId>,
    /// When.
    pub created_at: Timestamp,
}

/// Who complains, and how they are reached.
#[derive(Clone, PartialEq, Eq)]
pub struct Complainant {
    /// A person or an association.
    pub kind: ComplainantKind,
    /// Their name.
    pub label: String,
    /// Their mail address.
    pub email: Option<String>,
    /// Where letters reach them.
    pub postal_address: Option<String>,
    /// The national identity that filed it.
    pub identity: Option<String>,
    /// The ticket whose tracking link filed it.
    pub ticket: Option<TicketId>,
    /// The language they are written to in.
    pub lang: Lang,
}

/// A prepared reply.
#[derive(Clone, PartialEq, Eq)]
pub struct Draft {
    /// The version of the scheme it was made by.
    pub scheme: SchemeId,
    /// What was put into its gaps, as JSON.
    pub values: String,
    /// The reply.
    pub text: String,
}

/// What happened to a complaint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// Who did it, if staff did.
    pub author: Option<AccountId>,
    /// Their name, for colleagues; filled when read.
    pub author_label: Option<String>,
    /// What; the first entry has none.
    pub step: Option<ComplaintStep>,
    /// Where the complaint stood afterwards.
    pub state: ComplaintState,
    /// The desk's own words.
    pub note: Option<String>,
}

/// What was sent. Has no `Debug`, because of whom to.
#[derive(Clone, PartialEq, Eq)]
pub struct Dispatch {
    /// Its id.
    pub id: DispatchId,
    /// The complaint.
    pub complaint: ComplaintId,
    /// What.
    pub kind: DispatchKind,
    /// By which version of which scheme, for a reply.
    pub scheme: Option<SchemeId>,
    /// The text, as it was sent.
    pub body: String,
    /// How.
    pub way: DispatchWay,
    /// Whom to: an address, or a name.
    pub recipient: String,
    /// The message that carries it, by mail.
    pub message: Option<MessageId>,
    /// By whom.
    pub author: AccountId,
    /// When.
    pub at: Timestamp,
}

/// Where the protocol registered a complaint or its reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protocol {
    /// Which way it went.
    pub direction: Direction,
    /// The number.
    pub number: String,
    /// The day, such as `2026-03-02`.
    pub registered_on: String,
    /// The office that registered it.
    pub office: String,
}

/// Which complaints.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// In which state.
    pub state: Option<ComplaintState>,
    /// Of this desk.
    pub desk: Option<AuthorityCode>,
    /// Of this classification.
    pub classification: Option<String>,
    /// Still unanswered though due before this time.
    pub overdue_at: Option<Timestamp>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = complaints, treat_none_as_default_value = false)]
struct ComplaintRow {
    id: Id,
    version: i64,
    number: String,
    desk: String,
    state: String,
    channel: String,
    complainant_kind: String,
    complainant: SealedText,
    email: Option<SealedText>,
    postal_address: Option<SealedText>,
    /// The print of `identity`.
    filed_by_identity: Option<String>,
    filed_by_ticket: Option<Id>,
    lang: String,
    service_code: Option<String>,
    subject: String,
    body: String,
    classification: Option<String>,
    received_at: Ts,
    happened_at: Option<Ts>,
    late_filed: bool,
    due_at: Ts,
    was_extended: bool,
    scheme_id: Option<Id>,
    scheme_values: Option<String>,
    reply: Option<String>,
    answered_at: Option<Ts>,
    overdue_told: bool,
    account_id: Option<Id>,
    created_at: Ts,
    identity: Option<SealedText>,
}

/// The columns that steps change; who complains stays as it was sealed.
#[derive(AsChangeset)]
#[diesel(table_name = complaints, treat_none_as_null = true)]
struct Standing {
    version: i64,
    state: String,
    service_code: Option<String>,
    classification: Option<String>,
    due_at: Ts,
    was_extended: bool,
    scheme_id: Option<Id>,
    scheme_values: Option<String>,
    reply: Option<String>,
    answered_at: Option<Ts>,
    overdue_told: bool,
}

fn place(id: &[u8; 16]) -> Place<'_> {
    Place::new("complaints", id)
}

/// Enters a complaint.
pub fn insert(conn: &mut DbConnection, complaint: &Complaint) -> Result<(), StoreError> {
    diesel::insert_into(complaints::table)
        .values(row_of(complaint)?)
        .execute(conn)?;
    Ok(())
}

/// Writes a complaint as it is now, unless somebody changed it since version `was`.
pub fn save(conn: &mut DbConnection, complaint: &Complaint, was: i64) -> Result<(), StoreError> {
    let seen = complaints::table
        .find(Id(complaint.id.uuid()))
        .filter(complaints::version.eq(was));
    match diesel::update(seen)
        .set(standing(complaint))
        .execute(conn)?
    {
        0 => Err(StoreError::Stale),
        _ => Ok(()),
    }
}

/// One complaint, if its keeper may see it.
pub fn find(
    conn: &mut DbConnection,
    keeper: &Keeper,
    id: ComplaintId,
) -> Result<Option<Complaint>, StoreError> {
    let mut query = complaints::table
        .filter(complaints::id.eq(Id(id.uuid())))
        .select(ComplaintRow::as_select())
        .into_boxed();
    if let Keeper::Desk(code) = keeper {
        query = query.filter(complaints::desk.eq(code.as_str().to_owned()));
    }
    let found = query.first::<ComplaintRow>(conn).optional()?;
    found.map(into_complaint).transpose()
}

/// A page of the register, those due first, after the one that the page before ended with.
pub fn list(
    conn: &mut DbConnection,
    keeper: &Keeper,
    filter: &Filter,
    after: Option<(Timestamp, ComplaintId)>,
    limit: i64,
) -> Result<Vec<Complaint>, StoreError> {
    let mut query = complaints::table
        .select(ComplaintRow::as_select())
        .into_boxed();
    if let Keeper::Desk(code) = keeper {
        query = query.filter(complaints::desk.eq(code.as_str().to_owned()));
    }
    if let Some(code) = &filter.desk {
        query = query.filter(complaints::desk.eq(code.as_str().to_owned()));
    }
    if let Some(state) = filter.state {
        query = query.filter(complaints::state.eq(state.as_str()));
    }
    if let Some(code) = &filter.classification {
        query = query.filter(complaints::classification.eq(Some(code.clone())));
    }
    if let Some(now) = filter.overdue_at {
        let open = ComplaintState::ALL.iter().filter(|state| state.is_open());
        let open: Vec<String> = open.map(|state| state.as_str().to_owned()).collect();
        query = query
            .filter(complaints::state.eq_any(open))
            .filter(complaints::due_at.lt(Ts(now)));
    }
    if let Some((at, id)) = after {
        let keys = (complaints::due_at, complaints::id);
        query = query.filter(dialect::after(keys, Ts(at), Id(id.uuid())));
    }
    let rows = query
        .order((complaints::due_at.asc(), complaints::id.asc()))
        .limit(limit)
        .load::<ComplaintRow>(conn)?;
    rows.into_iter().map(into_complaint).collect()
}

/// A complaint of one's own.
pub fn find_own(
    conn: &mut DbConnection,
    scope: &Scope,
    id: ComplaintId,
) -> Result<Option<Complaint>, StoreError> {
    let found = list_own(conn, scope, Some(id), None, 1)?;
    Ok(found.into_iter().next())
}

/// A page of one's own complaints, the newest first; `only` asks for one.
pub fn list_own(
    conn: &mut DbConnection,
    scope: &Scope,
    only: Option<ComplaintId>,
    after: Option<(Timestamp, ComplaintId)>,
    limit: i64,
) -> Result<Vec<Complaint>, StoreError> {
    let mut query = complaints::table
        .select(ComplaintRow::as_select())
        .into_boxed();
    query = match scope {
        Scope::Citizen { identity, .. } => {
            query.filter(complaints::filed_by_identity.eq_any(prints(identity)?))
        }
        Scope::Tracking(ticket) => {
            query.filter(complaints::filed_by_ticket.eq(Some(Id(ticket.uuid()))))
        }
        _ => return Ok(Vec::new()),
    };
    if let Some(id) = only {
        query = query.filter(complaints::id.eq(Id(id.uuid())));
    }
    if let Some((at, id)) = after {
        let keys = (complaints::created_at, complaints::id);
        query = query.filter(dialect::before(keys, Ts(at), Id(id.uuid())));
    }
    let rows = query
        .order((complaints::created_at.desc(), complaints::id.desc()))
        .limit(limit)
        .load::<ComplaintRow>(conn)?;
    rows.into_iter().map(into_complaint).collect()
}

/// How many complaints of one's own came in since.
pub fn count_own_since(
    conn: &mut DbConnection,
    complainant: &Complainant,
    since: Timestamp,
) -> Result<i64, StoreError> {
    let mut query = complaints::table
        .filter(complaints::created_at.ge(Ts(since)))
        .into_boxed();
    query = match (&complainant.identity, complainant.ticket) {
        (Some(identity), _) => {
            query.filter(complaints::filed_by_identity.eq_any(prints(identity)?))
        }
        (None, Some(ticket)) => {
            query.filter(complaints::filed_by_ticket.eq(Some(Id(ticket.uuid()))))
        }
        (None, None) => return Ok(0),
    };
    Ok(query.count().get_result(conn)?)
}

/// Adds what happened, as the next entry.
pub fn add_entry(
    conn: &mut DbConnection,
    complaint: ComplaintId,
    entry: &Entry,
) -> Result<(), StoreError> {
    diesel::insert_into(complaint_entries::table)
        .values((
            complaint_entries::complaint_id.eq(Id(complaint.uuid())),
            complaint_entries::seq.eq(entry.seq),
            complaint_entries::at.eq(Ts(entry.at)),
            complaint_entries::account_id.eq(entry.author.map(|id| Id(id.uuid()))),
            complaint_entries::step.eq(entry.step.map_or("receive", ComplaintStep::as_str)),
            complaint_entries::state.eq(entry.state.as_str()),
            complaint_entries::note.eq(entry.note.clone()),
        ))
        .execute(conn)?;
    Ok(())
}

/// What happened to a complaint, oldest first.
pub fn list_entries(
    conn: &mut DbConnection,
    complaint: ComplaintId,
) -> Result<Vec<Entry>, StoreError> {
    let rows = complaint_entries::table
        .left_join(accounts::table.on(accounts::id.nullable().eq(complaint_entries::account_id)))
        .filter(complaint_entries::complaint_id.eq(Id(complaint.uuid())))
        .order(complaint_entries::seq.asc())
        .select((
            complaint_entries::seq,
            complaint_entries::at,
            complaint_entries::account_id,
            accounts::display_name.nullable(),
            complaint_entries::step,
            complaint_entries::state,
            complaint_entries::note,
        ))
        .load::<(
            i64,
            Ts,
            Option<Id>,
            Option<String>,
            String,
            String,
            Option<String>,
        )>(conn)?;
    rows.into_iter()
        .map(|(seq, at, author, author_label, step, state, note)| {
            let corrupt = |column| StoreError::Corrupt {
                table: "complaint_entries",
                id: format!("{complaint}/{seq}"),
                column,
            };
            Ok(Entry {
                seq,
                at: at.0,
                author: author.map(|id| AccountId::new(id.0)),
                author_label,
                step: match step.as_str() {
                    "receive" => None,
                    code => Some(ComplaintStep::from_code(code).ok_or_else(|| corrupt("step"))?),
                },
                state: ComplaintState::from_code(&state).ok_or_else(|| corrupt("state"))?,
                note,
            })
        })
        .collect()
}

/// Links a ticket; one that is linked already stays so.
pub fn link(
    conn: &mut DbConnection,
    complaint: ComplaintId,
    ticket: TicketId,
) -> Result<(), StoreError> {
    let insert = diesel::insert_into(complaint_tickets::table).values((
        complaint_tickets::complaint_id.eq(Id(complaint.uuid())),
        complaint_tickets::ticket_id.eq(Id(ticket.uuid())),
    ));
    dialect::insert_if_absent(insert, &["complaint_id", "ticket_id"]).execute(conn)?;
    Ok(())
}

/// The tickets a complaint is about, as far as the scope reaches them: each is found as the ticket
/// itself would be. They are few.
pub fn list_tickets(
    conn: &mut DbConnection,
    scope: &Scope,
    complaint: ComplaintId,
) -> Result<Vec<(TicketId, TicketNumber)>, StoreError> {
    let linked = complaint_tickets::table
        .inner_join(tickets::table.on(tickets::id.eq(complaint_tickets::ticket_id)))
        .filter(complaint_tickets::complaint_id.eq(Id(complaint.uuid())))
        .order(tickets::number.asc())
        .select(tickets::id)
        .load::<Id>(conn)?;
    let mut reached = Vec::new();
    for id in linked {
        let wanted = TicketRef::Id(TicketId::new(id.0));
        if let Some((ticket, _)) = crate::tickets::find(conn, scope, &wanted)? {
            reached.push((ticket.id, ticket.number));
        }
    }
    Ok(reached)
}

/// Keeps what was sent, for ever as it was; whom to is sealed with the key of `desk`, the complaint's.
pub fn add_dispatch(
    conn: &mut DbConnection,
    desk: &AuthorityCode,
    dispatch: &Dispatch,
) -> Result<(), StoreError> {
    let id = dispatch.id.uuid();
    let recipient = Place::new("complaint_dispatches", id.as_bytes()).seal(
        desk.as_str(),
        "recipient",
        &dispatch.recipient,
    )?;
    diesel::insert_into(complaint_dispatches::table)
        .values((
            complaint_dispatches::id.eq(Id(id)),
            complaint_dispatches::complaint_id.eq(Id(dispatch.complaint.uuid())),
            complaint_dispatches::kind.eq(dispatch.kind.as_str()),
            complaint_dispatches::scheme_id.eq(dispatch.scheme.map(|id| Id(id.uuid()))),
            complaint_dispatches::body.eq(dispatch.body.clone()),
            complaint_dispatches::way.eq(dispatch.way.as_str()),
            complaint_dispatches::recipient.eq(recipient),
            complaint_dispatches::message_id.eq(dispatch.message.map(|id| Id(id.uuid()))),
            complaint_dispatches::account_id.eq(Id(dispatch.author.uuid())),
            complaint_dispatches::at.eq(Ts(dispatch.at)),
        ))
        .execute(conn)?;
    Ok(())
}

type DispatchColumns = (
    (Id, Id, String, Option<Id>, String),
    (String, SealedText, Option<Id>, Id, Ts),
);

#[diesel::dsl::auto_type]
fn dispatch_columns() -> _ {
    (
        (
            complaint_dispatches::id,
            complaint_dispatches::complaint_id,
            complaint_dispatches::kind,
            complaint_dispatches::scheme_id,
            complaint_dispatches::body,
        ),
        (
            complaint_dispatches::way,
            complaint_dispatches::recipient,
            complaint_dispatches::message_id,
            complaint_dispatches::account_id,
            complaint_dispatches::at,
        ),
    )
}

/// What was sent about a complaint, oldest first.
pub fn list_dispatches(
    conn: &mut DbConnection,
    complaint: ComplaintId,
) -> Result<Vec<Dispatch>, StoreError> {
    let rows = complaint_dispatches::table
        .filter(complaint_dispatches::complaint_id.eq(Id(complaint.uuid())))
        .order((
            complaint_dispatches::at.asc(),
            complaint_dispatches::id.asc(),
        ))
        .select(dispatch_columns())
        .load::<DispatchColumns>(conn)?;
    rows.into_iter().map(into_dispatch).collect()
}

/// Something that was sent.
pub fn find_dispatch(
    conn: &mut DbConnection,
    id: DispatchId,
) -> Result<Option<Dispatch>, StoreError> {
    let found = complaint_dispatches::table
        .filter(complaint_dispatches::id.eq(Id(id.uuid())))
        .select(dispatch_columns())
        .first::<DispatchColumns>(conn)
        .optional()?;
    found.map(into_dispatch).transpose()
}

/// Keeps where the protocol registered it, for ever as it was.
pub fn add_protocol(
    conn: &mut DbConnection,
    complaint: ComplaintId,
    protocol: &Protocol,
    author: AccountId,
    now: Timestamp,
) -> Result<(), StoreError> {
    diesel::insert_into(complaint_protocols::table)
        .values((
            complaint_protocols::complaint_id.eq(Id(complaint.uuid())),
            complaint_protocols::direction.eq(protocol.direction.as_str()),
            complaint_protocols::number.eq(protocol.number.clone()),
            complaint_protocols::registered_on.eq(protocol.registered_on.clone()),
            complaint_protocols::office.eq(protocol.office.clone()),
            complaint_protocols::account_id.eq(Id(author.uuid())),
            complaint_protocols::at.eq(Ts(now)),
        ))
        .execute(conn)?;
    Ok(())
}

/// Where the protocol registered a complaint and its replies.
pub fn list_protocols(
    conn: &mut DbConnection,
    complaint: ComplaintId,
) -> Result<Vec<Protocol>, StoreError> {
    let rows = complaint_protocols::table
        .filter(complaint_protocols::complaint_id.eq(Id(complaint.uuid())))
        .order((
            complaint_protocols::at.asc(),
            complaint_protocols::number.asc(),
        ))
        .select((
            complaint_protocols::direction,
            complaint_protocols::number,
            complaint_protocols::registered_on,
            complaint_protocols::office,
        ))
        .load::<(String, String, String, String)>(conn)?;
    rows.into_iter()
        .map(|(direction, number, registered_on, office)| {
            let direction =
                Direction::from_code(&direction).ok_or_else(|| StoreError::Corrupt {
                    table: "complaint_protocols",
                    id: complaint.to_string(),
                    column: "direction",
                })?;
            Ok(Protocol {
                direction,
                number,
                registered_on,
                office,
            })
        })
        .collect()
}

/// The prints an identity may have.
fn prints(identity: &str) -> Result<Vec<String>, StoreError> {
    Ok(keyring::current()?.prints_of(INSTALLATION, Field::Identity, identity))
}

fn standing(complaint: &Complaint) -> Standing {
    let draft = complaint.draft.as_ref();
    Standing {
        version: complaint.version,
        state: complaint.state.as_str().to_owned(),
        service_code: complaint.service.clone(),
        classification: complaint.classification.clone(),
        due_at: Ts(complaint.due_at),
        was_extended: complaint.was_extended,
        scheme_id: draft.map(|draft| Id(draft.scheme.uuid())),
        scheme_values: draft.map(|draft| draft.values.clone()),
        reply: draft.map(|draft| draft.text.clone()),
        answered_at: complaint.answered_at.map(Ts),
        overdue_told: complaint.overdue_told,
    }
}

fn row_of(complaint: &Complaint) -> Result<ComplaintRow, StoreError> {
    let who = &complaint.complainant;
    let draft = complaint.draft.as_ref();
    let (id, desk) = (complaint.id.uuid(), complaint.desk.as_str());
    let place = place(id.as_bytes());
    let print = match &who.identity {
        Some(identity) => {
            Some(keyring::current()?.print(INSTALLATION, Field::Identity, identity)?)
        }
        None => None,
    };
    let seal = |column, value: &Option<String>| place.seal_some(desk, column, value.as_deref());
    Ok(ComplaintRow {
        id: Id(id),
        version: complaint.version,
        number: complaint.number.as_str().to_owned(),
        desk: complaint.desk.to_string(),
        state: complaint.state.as_str().to_owned(),
        channel: complaint.channel.as_str().to_owned(),
        complainant_kind: who.kind.as_str().to_owned(),
        complainant: place.seal(desk, "complainant", &who.label)?,
        email: seal("email", &who.email)?,
        postal_address: seal("postal_address", &who.postal_address)?,
        filed_by_identity: print,
        filed_by_ticket: who.ticket.map(|id| Id(id.uuid())),
        lang: who.lang.code().to_owned(),
        service_code: complaint.service.clone(),
        subject: complaint.subject.clone(),
        body: complaint.body.clone(),
        classification: complaint.classification.clone(),
        received_at: Ts(complaint.received_at),
        happened_at: complaint.happened_at.map(Ts),
        late_filed: complaint.late_filed,
        due_at: Ts(complaint.due_at),
        was_extended: complaint.was_extended,
        scheme_id: draft.map(|draft| Id(draft.scheme.uuid())),
        scheme_values: draft.map(|draft| draft.values.clone()),
        reply: draft.map(|draft| draft.text.clone()),
        answered_at: complaint.answered_at.map(Ts),
        overdue_told: complaint.overdue_told,
        account_id: complaint.author.map(|id| Id(id.uuid())),
        created_at: Ts(complaint.created_at),
        identity: seal("identity", &who.identity)?,
    })
}

fn into_complaint(row: ComplaintRow) -> Result<Complaint, StoreError> {
    let id = row.id.0;
    let corrupt = |column| StoreError::Corrupt {
        table: "complaints",
        id: id.to_string(),
        column,
    };
    let draft = row.scheme_id.zip(row.scheme_values).zip(row.reply);
    let place = place(id.as_bytes());
    let open = |column, sealed: &Option<SealedText>| place.open_some(column, sealed.as_ref());
    Ok(Complaint {
        id: ComplaintId::new(id),
        version: row.version,
        number: ComplaintNumber::from_stored(row.number),
        desk: row.desk.as_str().into(),
        state: ComplaintState::from_code(&row.state).ok_or_else(|| corrupt("state"))?,
        channel: ComplaintChannel::from_code(&row.channel).ok_or_else(|| corrupt("channel"))?,
        complainant: Complainant {
            kind: ComplainantKind::from_code(&row.complainant_kind)
                .ok_or_else(|| corrupt("complainant_kind"))?,
            label: place.open("complainant", &row.complainant)?,
            email: open("email", &row.email)?,
            postal_address: open("postal_address", &row.postal_address)?,
            identity: open("identity", &row.identity)?,
            ticket: row.filed_by_ticket.map(|id| TicketId::new(id.0)),
            lang: Lang::from_code(&row.lang).ok_or_else(|| corrupt("lang"))?,
        },
        service: row.service_code,
        subject: row.subject,
        body: row.body,
        classification: row.classification,
        received_at: row.received_at.0,
        happened_at: row.happened_at.map(|at| at.0),
        late_filed: row.late_filed,
        due_at: row.due_at.0,
        was_extended: row.was_extended,
        draft: draft.map(|((scheme, values), text)| Draft {
            scheme: SchemeId::new(scheme.0),
            values,
            text,
        }),
        answered_at: row.answered_at.map(|at| at.0),
        overdue_told: row.overdue_told,
        author: row.account_id.map(|id| AccountId::new(id.0)),
        created_at: row.created_at.0,
    })
}

fn into_dispatch(row: DispatchColumns) -> Result<Dispatch, StoreError> {
    let ((id, complaint, kind, scheme, body), (way, recipient, message, author, at)) = row;
    let corrupt = |column| StoreError::Corrupt {
        table: "complaint_dispatches",
        id: id.0.to_string(),
        column,
    };
    let recipient =
        Place::new("complaint_dispatches", id.0.as_bytes()).open("recipient", &recipient)?;
    Ok(Dispatch {
        id: DispatchId::new(id.0),
        complaint: ComplaintId::new(complaint.0),
        kind: DispatchKind::from_code(&kind).ok_or_else(|| corrupt("kind"))?,
        scheme: scheme.map(|id| SchemeId::new(id.0)),
        body,
        way: DispatchWay::from_code(&way).ok_or_else(|| corrupt("way"))?,
        recipient,
        message: message.map(|id| MessageId::new(id.0)),
        author: AccountId::new(author.0),
        at: at.0,
    })
}

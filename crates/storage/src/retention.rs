//! What is due to go, and how it goes: texts become dashes, files lose their rows, and a mark says what
//! went, of what, in which run (`docs/adr/0037`).
//!
//! Invariant: one list says where data of a class are ([`PLACES`]); what forgets and what looks whether
//! anything is left both read it. The row, its times and its codes stay.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use domain::codes::AuthorityCode;
use domain::ids::{ComplaintId, TicketId};
use domain::retention::{Class, Kept};
use jiff::Timestamp;
use uuid::Uuid;

use crate::schema::{attachments, outbox, retention_blobs, retention_marks, tickets};
use crate::sql_types::{Id, Instant, Ts, Uid};
use crate::{DbConnection, StoreError, dialect, dossiers, ticket_texts};

/// What may lose its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A request.
    Ticket,
    /// A complaint.
    Complaint,
    /// A logged contact that is about no request.
    Contact,
    /// A call back that is about no request.
    Callback,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 4] = [Kind::Ticket, Kind::Complaint, Kind::Contact, Kind::Callback];

    /// The code in rows and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Ticket => "ticket",
            Kind::Complaint => "complaint",
            Kind::Contact => "contact",
            Kind::Callback => "callback",
        }
    }

    fn from_code(code: &str) -> Option<Self> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == code)
    }
}

/// Columns that hold data of a class, of the rows that belong to a subject; `$1` is the subject.
struct Place {
    of: (Kind, Class),
    table: &'static str,
    rows: &'static str,
    columns: &'static [&'static str],
}

const fn place(
    kind: Kind,
    class: Class,
    table: &'static str,
    rows: &'static str,
    columns: &'static [&'static str],
) -> Place {
    Place {
        of: (kind, class),
        table,
        rows,
        columns,
    }
}

use Class::{Complaint as OfComplaint, Contact, HealthText};

const OF_ACTIVITY: &str = "activity_id IN (SELECT id FROM activities WHERE ticket_id = $1)";
const OF_RUN: &str = "run_id IN (SELECT id FROM playbook_runs WHERE ticket_id = $1)";
const OF_CALLBACK: &str = "callback_id IN (SELECT id FROM callbacks WHERE ticket_id = $1)";

/// Where data are, beside the sealed document of a ticket, which `dossiers` keeps.
const PLACES: &[Place] = &[
    place(
        Kind::Ticket,
        Contact,
        "callbacks",
        "ticket_id = $1",
        &["phone"],
    ),
    place(
        Kind::Ticket,
        HealthText,
        "tickets",
        "id = $1",
        &["description"],
    ),
    place(
        Kind::Ticket,
        HealthText,
        "notes",
        "ticket_id = $1",
        &["body"],
    ),
    place(
        Kind::Ticket,
        HealthText,
        "activities",
        "ticket_id = $1",
        &["summary", "detail"],
    ),
    place(
        Kind::Ticket,
        HealthText,
        "activity_comments",
        OF_ACTIVITY,
        &["body"],
    ),
    place(
        Kind::Ticket,
        HealthText,
        "playbook_runs",
        "ticket_id = $1",
        &["addition"],
    ),
    place(
        Kind::Ticket,
        HealthText,
        "playbook_answers",
        OF_RUN,
        &["evidence"],
    ),
    place(
        Kind::Ticket,
        HealthText,
        "playbook_values",
        OF_RUN,
        &["value"],
    ),
    place(
        Kind::Ticket,
        HealthText,
        "contacts",
        "ticket_id = $1",
        &["note"],
    ),
    place(
        Kind::Ticket,
        HealthText,
        "callbacks",
        "ticket_id = $1",
        &["reason"],
    ),
    place(
        Kind::Ticket,
        HealthText,
        "callback_attempts",
        OF_CALLBACK,
        &["note"],
    ),
    place(
        Kind::Complaint,
        OfComplaint,
        "complaints",
        "id = $1",
        &[
            "complainant",
            "email",
            "postal_address",
            "identity",
            "filed_by_identity",
            "subject",
            "body",
            "scheme_values",
            "reply",
        ],
    ),
    place(
        Kind::Complaint,
        OfComplaint,
        "complaint_entries",
        "complaint_id = $1",
        &["note"],
    ),
    place(
        Kind::Complaint,
        OfComplaint,
        "complaint_dispatches",
        "complaint_id = $1",
        &["body", "recipient"],
    ),
    place(Kind::Contact, HealthText, "contacts", "id = $1", &["note"]),
    place(
        Kind::Callback,
        Contact,
        "callbacks",
        "id = $1",
        &["phone", "reason"],
    ),
    place(
        Kind::Callback,
        Contact,
        "callback_attempts",
        "callback_id = $1",
        &["note"],
    ),
];

/// What went, of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// What sort of thing.
    pub kind: Kind,
    /// Which: the id of its row.
    pub subject: Uuid,
    /// What people call it: its number, or its id where it has none.
    pub named: String,
    /// Whose it was.
    pub authority: AuthorityCode,
    /// What went.
    pub class: Class,
}

/// Something whose time is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// What sort of thing.
    pub kind: Kind,
    /// Which.
    pub subject: Uuid,
    /// What people call it.
    pub named: String,
    /// When its time began.
    pub since: Timestamp,
}

/// Until when a class had to be over to be due.
pub type Limits = [(Class, Timestamp)];

#[derive(QueryableByName)]
struct DueRow {
    #[diesel(sql_type = Uid)]
    id: Id,
    #[diesel(sql_type = Text)]
    named: String,
    #[diesel(sql_type = Instant)]
    since: Ts,
}

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Rows that can become due: their id, what people call them, since when their time runs, and whose they are.
const fn source(kind: Kind) -> &'static str {
    match kind {
        Kind::Ticket => {
            "SELECT id, number AS named, state_since AS since, custodian AS authority FROM tickets \
             WHERE state IN ('auto-closed', 'removed')"
        }
        Kind::Complaint => {
            "SELECT id, number AS named, (SELECT max(at) FROM complaint_entries \
             WHERE complaint_id = complaints.id) AS since, desk AS authority FROM complaints \
             WHERE state IN ('closed', 'archived')"
        }
        Kind::Contact => {
            "SELECT id, 'contact' AS named, at AS since, desk AS authority FROM contacts \
             WHERE ticket_id IS NULL AND note IS NOT NULL"
        }
        Kind::Callback => {
            "SELECT id, 'callback' AS named, closed_at AS since, desk AS authority FROM callbacks \
             WHERE ticket_id IS NULL AND closed_at IS NOT NULL"
        }
    }
}

/// The classes that a kind has.
pub const fn classes_of(kind: Kind) -> &'static [Class] {
    match kind {
        Kind::Ticket => &Class::OF_TICKETS,
        Kind::Complaint => &[Class::Complaint],
        Kind::Contact => &[Class::HealthText],
        Kind::Callback => &[Class::Contact],
    }
}

/// Authorities that have anything which can become due.
pub fn list_authorities(conn: &mut DbConnection) -> Result<Vec<AuthorityCode>, StoreError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        authority: String,
    }
    let sources: Vec<String> = Kind::ALL
        .map(|kind| format!("SELECT authority FROM ({}) AS rows", source(kind)))
        .into();
    let sql = format!("{} ORDER BY 1", sources.join(" UNION "));
    let rows: Vec<Row> = diesel::sql_query(sql).load(conn)?;
    Ok(rows
        .into_iter()
        .map(|row| row.authority.as_str().into())
        .collect())
}

/// A page of what is due of an authority, after the one the page before ended with.
pub fn list_due(
    conn: &mut DbConnection,
    kind: Kind,
    authority: &AuthorityCode,
    limits: &Limits,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Due>, StoreError> {
    let mut found = Vec::new();
    for (class, over_by) in limits
        .iter()
        .filter(|(class, _)| classes_of(kind).contains(class))
    {
        let sql = format!(
            "SELECT id, named, since FROM ({}) AS rows WHERE {DUE} AND id > $4 ORDER BY id LIMIT $5",
            source(kind)
        );
        let rows: Vec<DueRow> = diesel::sql_query(sql)
            .bind::<Text, _>(authority.as_str().to_owned())
            .bind::<Instant, _>(Ts(*over_by))
            .bind::<Text, _>(class.as_str().to_owned())
            .bind::<Uid, _>(Id(after.unwrap_or(Uuid::nil())))
            .bind::<BigInt, _>(limit)
            .load(conn)?;
        found.extend(rows);
    }
    found.sort_by_key(|row| row.id.0);
    found.dedup_by_key(|row| row.id.0);
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let due = |row: DueRow| Due {
        kind,
        subject: row.id.0,
        named: row.named,
        since: row.since.0,
    };
    Ok(found.into_iter().map(due).collect())
}

/// `$1` is an authority, `$2` the limit of a class, `$3` the class.
const DUE: &str = "authority = $1 AND since <= $2 AND NOT EXISTS (SELECT 1 FROM retention_marks \
    WHERE retention_marks.subject = rows.id AND retention_marks.class = $3)";

/// How many of an authority are due to lose data of a class.
pub fn count_due(
    conn: &mut DbConnection,
    kind: Kind,
    authority: &AuthorityCode,
    class: Class,
    over_by: Timestamp,
) -> Result<i64, StoreError> {
    let sql = format!(
        "SELECT count(*) AS count FROM ({}) AS rows WHERE {DUE}",
        source(kind)
    );
    let row: CountRow = diesel::sql_query(sql)
        .bind::<Text, _>(authority.as_str().to_owned())
        .bind::<Instant, _>(Ts(over_by))
        .bind::<Text, _>(class.as_str().to_owned())
        .get_result(conn)?;
    Ok(row.count)
}

/// How many requests and complaints of an authority, or of all, still name somebody, open ones included.
pub fn count_in_stock(
    conn: &mut DbConnection,
    authority: Option<&AuthorityCode>,
) -> Result<i64, StoreError> {
    let sql = "SELECT (SELECT count(*) FROM tickets WHERE ($1 = '' OR custodian = $1) AND NOT EXISTS \
        (SELECT 1 FROM retention_marks WHERE subject = tickets.id AND class = 'identifier')) \
        + (SELECT count(*) FROM complaints WHERE ($1 = '' OR desk = $1) AND NOT EXISTS \
        (SELECT 1 FROM retention_marks WHERE subject = complaints.id)) AS count";
    let row: CountRow = diesel::sql_query(sql)
        .bind::<Text, _>(authority.map_or("", AuthorityCode::as_str).to_owned())
        .get_result(conn)?;
    Ok(row.count)
}

/// What still goes on about a ticket that is over, if anything does: then its data are needed.
pub fn find_going_on(
    conn: &mut DbConnection,
    ticket: TicketId,
) -> Result<Option<Kept>, StoreError> {
    const QUESTIONS: [(Kept, &str); 4] = [
        (
            Kept::Review,
            "SELECT count(*) AS count FROM reviews WHERE ticket_id = $1 AND decided_at IS NULL",
        ),
        (
            Kept::Complaint,
            "SELECT count(*) AS count FROM complaints WHERE state NOT IN ('closed', 'archived') \
             AND (filed_by_ticket = $1 OR id IN \
             (SELECT complaint_id FROM complaint_tickets WHERE ticket_id = $1))",
        ),
        (
            Kept::FollowUp,
            "SELECT count(*) AS count FROM tickets WHERE follow_up_of = $1 \
             AND state NOT IN ('auto-closed', 'removed')",
        ),
        (
            Kept::Work,
            "SELECT (SELECT count(*) FROM activities WHERE ticket_id = $1 AND closed_at IS NULL) \
             + (SELECT count(*) FROM callbacks WHERE ticket_id = $1 AND closed_at IS NULL) AS count",
        ),
    ];
    for (why, sql) in QUESTIONS {
        let row: CountRow = diesel::sql_query(sql)
            .bind::<Uid, _>(Id(ticket.uuid()))
            .get_result(conn)?;
        if row.count > 0 {
            return Ok(Some(why));
        }
    }
    Ok(None)
}

/// The tickets that a complaint is about, or was filed with.
pub fn list_tickets_of_complaint(
    conn: &mut DbConnection,
    complaint: Uuid,
) -> Result<Vec<TicketId>, StoreError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Uid)]
        id: Id,
    }
    let sql = "SELECT ticket_id AS id FROM complaint_tickets WHERE complaint_id = $1 \
        UNION SELECT filed_by_ticket FROM complaints WHERE id = $1 AND filed_by_ticket IS NOT NULL";
    let rows: Vec<Row> = diesel::sql_query(sql)
        .bind::<Uid, _>(Id(complaint))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|row| TicketId::new(row.id.0))
        .collect())
}

/// The classes that went of something already.
pub fn list_gone(conn: &mut DbConnection, subject: Uuid) -> Result<Vec<Class>, StoreError> {
    let codes: Vec<String> = retention_marks::table
        .filter(retention_marks::subject.eq(Id(subject)))
        .select(retention_marks::class)
        .load(conn)?;
    Ok(codes
        .iter()
        .filter_map(|code| Class::from_code(code))
        .collect())
}

/// Takes the data of a class away, and marks that. Only the system may. A mark that is there already
/// is a `UniqueViolation`: two runs met.
pub fn forget(
    conn: &mut DbConnection,
    mark: &Mark,
    run: Uuid,
    now: Timestamp,
) -> Result<(), StoreError> {
    diesel::insert_into(retention_marks::table)
        .values((
            retention_marks::subject.eq(Id(mark.subject)),
            retention_marks::class.eq(mark.class.as_str()),
            retention_marks::kind.eq(mark.kind.as_str()),
            retention_marks::run_id.eq(Id(run)),
            retention_marks::named.eq(mark.named.clone()),
            retention_marks::authority_code.eq(mark.authority.as_str().to_owned()),
            retention_marks::at.eq(Ts(now)),
        ))
        .execute(conn)?;
    for place in places(mark) {
        let set: Vec<String> = place
            .columns
            .iter()
            .map(|column| format!("{column} = CASE WHEN {column} IS NULL THEN NULL ELSE '—' END"))
            .collect();
        let sql = format!(
            "UPDATE {} SET {} WHERE {} AND ({})",
            place.table,
            set.join(", "),
            place.rows,
            is_there(place)
        );
        diesel::sql_query(sql)
            .bind::<Uid, _>(Id(mark.subject))
            .execute(conn)?;
    }
    if mark.kind == Kind::Ticket {
        let ticket = TicketId::new(mark.subject);
        dossiers::forget_class(conn, ticket, mark.class)?;
        match mark.class {
            Class::Attachment => forget_files(conn, ticket, run, now)?,
            Class::Contact => forget_messages(conn, ticket)?,
            // The words went with the text; what is left is the number and what it was about.
            Class::HealthText => ticket_texts::renew_description(conn, Id(mark.subject))?,
            _ => {}
        }
    }
    if mark.kind == Kind::Complaint {
        forget_dispatched(conn, ComplaintId::new(mark.subject))?;
    }
    Ok(())
}

fn places(mark: &Mark) -> impl Iterator<Item = &'static Place> {
    let of = (mark.kind, mark.class);
    PLACES.iter().filter(move |place| place.of == of)
}

/// The condition of a row that still holds something.
fn is_there(place: &Place) -> String {
    let held = place
        .columns
        .iter()
        .map(|column| format!("{column} <> '—'"));
    held.collect::<Vec<_>>().join(" OR ")
}

/// The rows of a ticket's files go; their bytes are noted, to be deleted after the commit.
fn forget_files(
    conn: &mut DbConnection,
    ticket: TicketId,
    run: Uuid,
    now: Timestamp,
) -> Result<(), StoreError> {
    let keys: Vec<String> = attachments::table
        .filter(attachments::ticket_id.eq(Id(ticket.uuid())))
        .select(attachments::blob_key)
        .load(conn)?;
    for key in keys {
        let insert = diesel::insert_into(retention_blobs::table).values((
            retention_blobs::blob_key.eq(key),
            retention_blobs::run_id.eq(Id(run)),
            retention_blobs::deleted_at.eq(None::<Ts>),
        ));
        dialect::insert_if_absent(insert, &["blob_key"]).execute(conn)?;
    }
    crate::attachments::purge(conn, ticket, now)?;
    Ok(())
}

/// Messages to people about a ticket; programs are told nothing personal.
fn forget_messages(conn: &mut DbConnection, ticket: TicketId) -> Result<(), StoreError> {
    let messages = outbox::table
        .filter(outbox::ticket_id.eq(Some(Id(ticket.uuid()))))
        .filter(outbox::channel.eq_any(["mail", "sms"]));
    diesel::delete(messages).execute(conn)?;
    Ok(())
}

/// Mails to a complainant are about no ticket; what was sent names them.
fn forget_dispatched(conn: &mut DbConnection, complaint: ComplaintId) -> Result<(), StoreError> {
    let sql = "DELETE FROM outbox WHERE channel IN ('mail', 'sms') AND id IN \
        (SELECT message_id FROM complaint_dispatches WHERE complaint_id = $1)";
    diesel::sql_query(sql)
        .bind::<Uid, _>(Id(complaint.uuid()))
        .execute(conn)?;
    Ok(())
}

/// The tables where something is left of what should have gone.
pub fn list_left(conn: &mut DbConnection, mark: &Mark) -> Result<Vec<&'static str>, StoreError> {
    let mut left = Vec::new();
    for place in places(mark) {
        let sql = format!(
            "SELECT count(*) AS count FROM {} WHERE {} AND ({})",
            place.table,
            place.rows,
            is_there(place)
        );
        let row: CountRow = diesel::sql_query(sql)
            .bind::<Uid, _>(Id(mark.subject))
            .get_result(conn)?;
        if row.count > 0 {
            left.push(place.table);
        }
    }
    if mark.kind == Kind::Ticket {
        let id = Id(mark.subject);
        let count = match mark.class {
            Class::Attachment => attachments::table
                .filter(attachments::ticket_id.eq(id))
                .count()
                .get_result::<i64>(conn)?,
            Class::Contact => outbox::table
                .filter(outbox::ticket_id.eq(Some(id)))
                .filter(outbox::channel.eq_any(["mail", "sms"]))
                .count()
                .get_result(conn)?,
            _ => 0,
        };
        if count > 0 {
            left.push(if mark.class == Class::Contact {
                "outbox"
            } else {
                "attachments"
            });
        }
        if !dossiers::has_forgotten(conn, TicketId::new(mark.subject), mark.class)? {
            left.push("tickets");
        }
    }
    Ok(left)
}

/// A page of what went in a run, by name, after the one the page before ended with.
pub fn list_marks(
    conn: &mut DbConnection,
    run: Uuid,
    after: Option<&Mark>,
    limit: i64,
) -> Result<Vec<Mark>, StoreError> {
    let mut query = retention_marks::table
        .filter(retention_marks::run_id.eq(Id(run)))
        .select((
            retention_marks::kind,
            retention_marks::subject,
            retention_marks::named,
            retention_marks::authority_code,
            retention_marks::class,
        ))
        .into_boxed();
    if let Some(last) = after {
        let same_name = retention_marks::named.eq(last.named.clone());
        let later_class = retention_marks::subject
            .eq(Id(last.subject))
            .and(retention_marks::class.gt(last.class.as_str()));
        let later = retention_marks::subject
            .gt(Id(last.subject))
            .or(later_class);
        query = query.filter(
            retention_marks::named
                .gt(last.named.clone())
                .or(same_name.and(later)),
        );
    }
    let rows = query
        .order((
            retention_marks::named.asc(),
            retention_marks::subject.asc(),
            retention_marks::class.asc(),
        ))
        .limit(limit)
        .load::<(String, Id, String, String, String)>(conn)?;
    rows.into_iter()
        .map(|(kind, subject, named, authority, class)| {
            let corrupt = |column| StoreError::Corrupt {
                table: "retention_marks",
                id: subject.0.to_string(),
                column,
            };
            Ok(Mark {
                kind: Kind::from_code(&kind).ok_or_else(|| corrupt("kind"))?,
                subject: subject.0,
                named,
                authority: authority.as_str().into(),
                class: Class::from_code(&class).ok_or_else(|| corrupt("class"))?,
            })
        })
        .collect()
}

/// The files that went in a run, by key.
pub fn list_blobs(conn: &mut DbConnection, run: Uuid) -> Result<Vec<String>, StoreError> {
    Ok(retention_blobs::table
        .filter(retention_blobs::run_id.eq(Id(run)))
        .order(retention_blobs::blob_key.asc())
        .select(retention_blobs::blob_key)
        .load(conn)?)
}

/// Files whose bytes are still to be deleted, and that no row names.
pub fn list_waiting_blobs(conn: &mut DbConnection, limit: i64) -> Result<Vec<String>, StoreError> {
    let named = attachments::table
        .filter(attachments::blob_key.eq(retention_blobs::blob_key))
        .select(attachments::blob_key);
    Ok(retention_blobs::table
        .filter(retention_blobs::deleted_at.is_null())
        .filter(diesel::dsl::not(diesel::dsl::exists(named)))
        .order(retention_blobs::blob_key.asc())
        .limit(limit)
        .select(retention_blobs::blob_key)
        .load(conn)?)
}

/// Notes that the bytes of a file are gone from the store.
pub fn set_deleted(conn: &mut DbConnection, key: &str, now: Timestamp) -> Result<(), StoreError> {
    diesel::update(retention_blobs::table.find(key.to_owned()))
        .set(retention_blobs::deleted_at.eq(Some(Ts(now))))
        .execute(conn)?;
    Ok(())
}

/// Whose a ticket is and since when it is over, under a lock until the end of the transaction; none if
/// it is not over.
pub fn hold_over(
    conn: &mut DbConnection,
    ticket: TicketId,
) -> Result<Option<(AuthorityCode, Timestamp)>, StoreError> {
    crate::tickets::hold(conn, ticket)?;
    let found = tickets::table
        .find(Id(ticket.uuid()))
        .filter(tickets::state.eq_any(["auto-closed", "removed"]))
        .select((tickets::custodian, tickets::state_since))
        .first::<(String, Option<Ts>)>(conn)
        .optional()?;
    Ok(found.and_then(|(desk, since)| Some((desk.as_str().into(), since?.0))))
}

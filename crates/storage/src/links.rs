//! Tickets that belong together: related ones, follow-ups, where merged ones go on, and what looks like
//! a duplicate.
//!
//! Invariant: a way of merges is written whole, so that where a number leads is one look and no walk;
//! what is shown beside a ticket is in the scope of who asks.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use domain::codes::AuthorityCode;
use domain::ids::{AccountId, TicketId, TicketNumber};
use domain::links::{LinkRole, NamedTicket};
use domain::state::StateCode;
use domain::tax_code::TaxCode;
use domain::ticket::Ticket;
use domain::visibility::Scope;
use jiff::Timestamp;

use crate::connection::MultiBackend;
use crate::dossiers::{Contents, Dossier};
use crate::keyring::Field;
use crate::prepared::prepared;
use crate::schema::{legs, ticket_links, ticket_merges, tickets};
use crate::sealing::{GONE, SealedText};
use crate::sql_types::{Id, Instant, Ts, Uid};
use crate::tickets::{RequesterKind, RowCondition};
use crate::{DbConnection, StoreError, dialect, dossiers, trail};

/// The field of a form that says when the examination was.
pub const EXAM_DATE: &str = "exam_date";
/// Most tickets that are looked at for a hint.
const MOST_ALIKE: i64 = 20;

#[derive(Insertable)]
#[diesel(table_name = ticket_links, treat_none_as_default_value = false)]
struct LinkRow {
    low_id: Id,
    high_id: Id,
    account_id: Id,
    created_at: Ts,
}

#[derive(Insertable)]
#[diesel(table_name = ticket_merges, treat_none_as_default_value = false)]
struct MergeRow {
    ticket_id: Id,
    into_id: Id,
    steps: i32,
}

/// Links two tickets; false if they are linked already.
pub fn link(
    conn: &mut DbConnection,
    one: TicketId,
    other: TicketId,
    by: AccountId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let (low_id, high_id) = pair(one, other);
    let row = LinkRow {
        low_id,
        high_id,
        account_id: Id(by.uuid()),
        created_at: Ts(now),
    };
    let insert = diesel::insert_into(ticket_links::table).values(row);
    let added = dialect::insert_if_absent(insert, &["low_id", "high_id"]).execute(conn)?;
    Ok(added > 0)
}

/// Takes a link away; false if there is none.
pub fn unlink(conn: &mut DbConnection, one: TicketId, other: TicketId) -> Result<bool, StoreError> {
    let gone = diesel::delete(ticket_links::table.find(pair(one, other))).execute(conn)?;
    Ok(gone > 0)
}

/// How many links of this sort a ticket has.
pub fn count(conn: &mut DbConnection, ticket: TicketId) -> Result<i64, StoreError> {
    let id = Id(ticket.uuid());
    Ok(ticket_links::table
        .filter(ticket_links::low_id.eq(id).or(ticket_links::high_id.eq(id)))
        .count()
        .get_result(conn)?)
}

fn pair(one: TicketId, other: TicketId) -> (Id, Id) {
    let (one, other) = (Id(one.uuid()), Id(other.uuid()));
    (one.min(other), one.max(other))
}

/// Lets the number of `merged`, and those that lead to it, lead to `into`.
pub fn merge(conn: &mut DbConnection, merged: TicketId, into: TicketId) -> Result<(), StoreError> {
    let (merged, into_id) = (Id(merged.uuid()), Id(into.uuid()));
    let mut ways = ticket_merges::table
        .filter(ticket_merges::into_id.eq(merged))
        .select((ticket_merges::ticket_id, ticket_merges::steps))
        .load::<(Id, i32)>(conn)?;
    ways.push((merged, 0));
    for (ticket_id, steps) in ways {
        let row = MergeRow {
            ticket_id,
            into_id,
            steps: steps + 1,
        };
        diesel::insert_into(ticket_merges::table)
            .values(row)
            .execute(conn)?;
    }
    Ok(())
}

/// Lets the number of `merged`, and those that lead to it, lead to `into` no more.
pub fn undo_merge(
    conn: &mut DbConnection,
    merged: TicketId,
    into: TicketId,
) -> Result<(), StoreError> {
    let (merged, into_id) = (Id(merged.uuid()), Id(into.uuid()));
    let mut ways = ticket_merges::table
        .filter(ticket_merges::into_id.eq(merged))
        .select(ticket_merges::ticket_id)
        .load::<Id>(conn)?;
    ways.push(merged);
    for ticket_id in ways {
        diesel::delete(ticket_merges::table.find((ticket_id, into_id))).execute(conn)?;
    }
    Ok(())
}

/// The ticket that a merged one was merged into.
pub fn find_survivor(
    conn: &mut DbConnection,
    merged: TicketId,
) -> Result<Option<NamedTicket>, StoreError> {
    let found = ticket_merges::table
        .inner_join(tickets::table.on(tickets::id.eq(ticket_merges::into_id)))
        .filter(ticket_merges::ticket_id.eq(Id(merged.uuid())))
        .filter(ticket_merges::steps.eq(1))
        .select((tickets::id, tickets::number))
        .first::<(Id, String)>(conn)
        .optional()?;
    Ok(found.map(|(id, number)| {
        trail::note_ticket(TicketId::new(id.0));
        NamedTicket {
            id: TicketId::new(id.0),
            number: TicketNumber::from_stored(number),
        }
    }))
}

/// Where a merged ticket's number leads in the end.
pub fn find_end(conn: &mut DbConnection, merged: TicketId) -> Result<Option<TicketId>, StoreError> {
    let end = ticket_merges::table
        .filter(ticket_merges::ticket_id.eq(Id(merged.uuid())))
        .order(ticket_merges::steps.desc())
        .select(ticket_merges::into_id)
        .first::<Id>(conn)
        .optional()?;
    Ok(end.map(|id| TicketId::new(id.0)))
}

/// A ticket that stands beside another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// Its names.
    pub named: NamedTicket,
    /// Its state.
    pub state: StateCode,
    /// Who has it.
    pub custodian: AuthorityCode,
    /// Its service.
    pub service: String,
    /// Its problem type.
    pub problem_type: String,
    /// The date of its examination, where the form asks for one.
    pub exam_date: Option<String>,
    /// When it was filed.
    pub created_at: Timestamp,
}

/// What a screen shows beside the ticket itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beside {
    /// Linked tickets in the reader's scope, the oldest first.
    pub links: Vec<(LinkRole, Neighbour)>,
    /// Other tickets of the same person and service in the reader's scope that last into now, the oldest
    /// first: a hint, never an access decision.
    pub alike: Vec<Neighbour>,
    /// The name of the colleague who owns the ticket.
    pub assignee_label: Option<String>,
    /// The versions of playbooks in force, by code.
    pub playbooks: BTreeMap<String, i32>,
}

#[derive(QueryableByName)]
struct BesideRow {
    #[diesel(sql_type = Text)]
    what: String,
    #[diesel(sql_type = Uid)]
    id: Id,
    #[diesel(sql_type = Text)]
    number: String,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Text)]
    custodian: String,
    #[diesel(sql_type = Text)]
    service_code: String,
    #[diesel(sql_type = Text)]
    problem_type: String,
    #[diesel(sql_type = Text)]
    dossier: SealedText,
    #[diesel(sql_type = Instant)]
    created_at: Ts,
    #[diesel(sql_type = Nullable<Text>)]
    assignee_label: Option<String>,
    /// `code=version`, with blanks between.
    #[diesel(sql_type = Nullable<Text>)]
    playbooks: Option<String>,
}

/// All of it in one statement, because every screen needs it. What was settled before `since` is no
/// duplicate. Of the ways of follow-ups both directions are walked to their ends.
///
/// The parameters are the ticket, the person's prints, as many as there are, the service, `since`, the
/// owner and the reader; in this order, because SQLite counts them as it meets them. The cast keeps SQLite
/// from reading all of the service for what is a person's, and CROSS JOIN from reading all tickets for the
/// few on its left.
fn beside_sql(prints: usize) -> String {
    let person: Vec<String> = (2..).take(prints).map(|at| format!("${at}")).collect();
    let person = person.join(", ");
    let (service, since) = (prints + 2, prints + 3);
    let (owner, reader) = (prints + 4, prints + 5);
    format!(
        "\
WITH RECURSIVE later (id) AS (
    SELECT id FROM tickets WHERE follow_up_of = $1
    UNION SELECT tickets.id FROM later CROSS JOIN tickets WHERE tickets.follow_up_of = later.id
), earlier (id) AS (
    SELECT follow_up_of FROM tickets WHERE id = $1 AND follow_up_of IS NOT NULL
    UNION SELECT tickets.follow_up_of FROM earlier CROSS JOIN tickets
        WHERE tickets.id = earlier.id AND tickets.follow_up_of IS NOT NULL
), beside (what, id) AS (
    SELECT 'itself', id FROM tickets WHERE id = $1
    UNION ALL SELECT 'later', id FROM later
    UNION ALL SELECT 'earlier', id FROM earlier
    UNION ALL SELECT 'survivor', into_id FROM ticket_merges WHERE ticket_id = $1 AND steps = 1
    UNION ALL SELECT 'merged', ticket_id FROM ticket_merges WHERE into_id = $1 AND steps = 1
    UNION ALL SELECT 'peer', high_id FROM ticket_links WHERE low_id = $1
    UNION ALL SELECT 'peer', low_id FROM ticket_links WHERE high_id = $1
    UNION ALL SELECT 'alike', id FROM (SELECT id FROM tickets
        WHERE tax_code_print IN ({person}) AND CAST(service_code AS TEXT) = ${service}
        AND id <> $1 AND state <> 'removed'
        AND (state NOT IN ('resolved', 'auto-closed') OR state_since >= ${since})
        ORDER BY created_at DESC, id DESC LIMIT 20) AS same_person
)
SELECT beside.what, t.id, t.number, t.state, t.custodian, t.service_code, t.problem_type, t.dossier,
    t.created_at, (SELECT display_name FROM accounts WHERE accounts.id = ${owner}) AS assignee_label,
    (SELECT string_agg(code || '=' || CAST(version AS TEXT), ' ') FROM playbook_versions
        WHERE state = 'active') AS playbooks
FROM beside CROSS JOIN tickets AS t
WHERE t.id = beside.id AND (${reader} = '' OR t.custodian = ${reader}
    OR EXISTS (SELECT 1 FROM legs WHERE legs.ticket_id = t.id AND legs.custodian = ${reader}))
ORDER BY t.created_at, t.id"
    )
}

/// Loads what stands beside a ticket that `scope` reaches.
pub fn load_beside(
    conn: &mut DbConnection,
    scope: &Scope,
    ticket: &Ticket,
    tax_code: &str,
    since: Timestamp,
) -> Result<Beside, StoreError> {
    let reader = match scope {
        Scope::Authority(code) => Some(code),
        Scope::Region(_) | Scope::System => None,
        Scope::Citizen { .. }
        | Scope::Tracking(_)
        | Scope::Technical(_)
        | Scope::Granted(_)
        | Scope::Nothing => {
            return Ok(Beside::default());
        }
    };
    let owner = match &ticket.assignee {
        Some(domain::actor::Assignee::Operator(account)) => account.uuid(),
        _ => uuid::Uuid::nil(),
    };
    let mut prints = dossiers::prints(Field::TaxCode, tax_code)?;
    if prints.is_empty() {
        // Nobody's: no print is a dash.
        prints.push(GONE.to_owned());
    }
    let mut query = diesel::sql_query(beside_sql(prints.len()))
        .into_boxed::<MultiBackend>()
        .bind::<Uid, _>(Id(ticket.id.uuid()));
    for print in prints {
        query = query.bind::<Text, _>(print);
    }
    let query = query
        .bind::<Text, _>(ticket.service.as_str().to_owned())
        .bind::<Instant, _>(Ts(since))
        .bind::<Uid, _>(Id(owner))
        .bind::<Text, _>(reader.map_or("", AuthorityCode::as_str).to_owned());
    let rows = prepared(query).load::<BesideRow>(conn)?;
    let mut beside = Beside::default();
    for row in rows {
        match row.what.as_str() {
            "itself" => {
                beside.assignee_label = row.assignee_label;
                beside.playbooks = versions_in(row.playbooks.as_deref().unwrap_or_default())?;
            }
            "alike" => beside.alike.push(row.into_neighbour()?),
            what => {
                let role = LinkRole::from_code(what);
                let role = role.ok_or_else(|| corrupt(row.id.0, "what"))?;
                beside.links.push((role, row.into_neighbour()?));
            }
        }
    }
    let linked = |one: &Neighbour| beside.links.iter().any(|(_, link)| link.named == one.named);
    beside.alike.retain(|one| !linked(one));
    Ok(beside)
}

impl BesideRow {
    fn into_neighbour(self) -> Result<Neighbour, StoreError> {
        let custodian = self.custodian.as_str().into();
        let contents = dossiers::open(self.id.0, &custodian, &self.dossier)?;
        trail::note_ticket(TicketId::new(self.id.0));
        Ok(Neighbour {
            state: StateCode::from_code(&self.state).ok_or_else(|| corrupt(self.id.0, "state"))?,
            exam_date: exam_date(&contents),
            named: NamedTicket {
                id: TicketId::new(self.id.0),
                number: TicketNumber::from_stored(self.number),
            },
            custodian,
            service: self.service_code,
            problem_type: self.problem_type,
            created_at: self.created_at.0,
        })
    }
}

fn versions_in(text: &str) -> Result<BTreeMap<String, i32>, StoreError> {
    let one = |word: &str| {
        let (code, version) = word.split_once('=')?;
        Some((code.to_owned(), version.parse().ok()?))
    };
    let all: Option<_> = text.split_whitespace().map(one).collect();
    all.ok_or_else(|| StoreError::Corrupt {
        table: "playbook_versions",
        id: text.to_owned(),
        column: "version",
    })
}

fn exam_date(contents: &Contents) -> Option<String> {
    let date = contents.details.extra.get(EXAM_DATE);
    date.and_then(serde_json::Value::as_str).map(str::to_owned)
}

fn corrupt(id: uuid::Uuid, column: &'static str) -> StoreError {
    StoreError::Corrupt {
        table: "tickets",
        id: id.to_string(),
        column,
    }
}

#[derive(QueryableByName)]
struct OwnRow {
    #[diesel(sql_type = Text)]
    what: String,
    #[diesel(sql_type = Uid)]
    id: Id,
    #[diesel(sql_type = Text)]
    number: String,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Instant)]
    created_at: Ts,
    #[diesel(sql_type = Text)]
    tax_code_print: String,
    #[diesel(sql_type = Text)]
    own_tax_code_print: String,
    #[diesel(sql_type = Nullable<Text>)]
    identity_print: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    own_identity_print: Option<String>,
}

/// A ticket beside the requester's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnNeighbour {
    /// What it is.
    pub role: LinkRole,
    /// Its names.
    pub named: NamedTicket,
    /// Its state, as desks see it.
    pub state: StateCode,
    /// When it was filed.
    pub created_at: Timestamp,
}

/// What goes on from a requester's ticket and what was merged into it, the oldest first.
const BESIDE_OWN: &str = "\
WITH RECURSIVE later (id) AS (
    SELECT id FROM tickets WHERE follow_up_of = $1
    UNION SELECT tickets.id FROM later CROSS JOIN tickets WHERE tickets.follow_up_of = later.id
), beside (what, id) AS (
    SELECT 'later', id FROM later
    UNION ALL SELECT 'merged', ticket_id FROM ticket_merges WHERE into_id = $1
)
SELECT beside.what, t.id, t.number, t.state, t.created_at, t.tax_code_print, t.identity_print,
    own.tax_code_print AS own_tax_code_print, own.identity_print AS own_identity_print
FROM beside CROSS JOIN tickets AS t CROSS JOIN tickets AS own
WHERE t.id = beside.id AND own.id = $1 AND t.requester_kind = own.requester_kind AND (t.state <> 'removed' OR beside.what = 'merged')
ORDER BY t.created_at, t.id";

/// The most that are shown beside a requester's ticket.
const MOST_BESIDE_OWN: usize = 100;

/// Loads what stands beside a requester's ticket that was found in their scope: all of it is the same
/// requester's, which prints make sure of. Two of one person differ where their desks do.
pub fn list_beside_own(
    conn: &mut DbConnection,
    ticket: TicketId,
    own: &Dossier,
) -> Result<Vec<OwnNeighbour>, StoreError> {
    let query = diesel::sql_query(BESIDE_OWN).bind::<Uid, _>(Id(ticket.uuid()));
    let rows = prepared(query).load::<OwnRow>(conn)?;
    let people = dossiers::prints(Field::TaxCode, &own.tax_code)?;
    let identity = own.identity.as_deref().unwrap_or_default();
    let identities = dossiers::prints(Field::Identity, identity)?;
    let is_same_person = |row: &OwnRow| {
        let (print, own) = (&row.tax_code_print, &row.own_tax_code_print);
        !print.is_empty() && (print == own || people.contains(print))
    };
    let is_same_filer = |row: &OwnRow| {
        let print = row.identity_print.as_ref();
        print == row.own_identity_print.as_ref()
            || print.is_some_and(|one| identities.contains(one))
    };
    rows.into_iter()
        .filter(|row| is_same_person(row) && is_same_filer(row))
        .take(MOST_BESIDE_OWN)
        .map(|row| {
            trail::note_ticket(TicketId::new(row.id.0));
            Ok(OwnNeighbour {
                role: LinkRole::from_code(&row.what).ok_or_else(|| corrupt(row.id.0, "what"))?,
                state: StateCode::from_code(&row.state)
                    .ok_or_else(|| corrupt(row.id.0, "state"))?,
                named: NamedTicket {
                    id: TicketId::new(row.id.0),
                    number: TicketNumber::from_stored(row.number),
                },
                created_at: row.created_at.0,
            })
        })
        .collect()
}

/// A ticket as the filing of another one looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filed {
    /// The ticket.
    pub neighbour: Neighbour,
    /// Whom it is about.
    pub tax_code: String,
    /// When it was resolved or closed, if it is.
    pub settled_at: Option<Timestamp>,
}

type FiledRow = (
    (Id, String, String, String, String, String),
    (SealedText, Ts, Option<Ts>),
);

/// The newest tickets that a national identity filed since `filed_since`, and those about this person and
/// service that last into now, in one look: the quota and the hint of a filing.
pub fn list_filed_by(
    conn: &mut DbConnection,
    identity: &str,
    (tax_code, service): (&str, &str),
    (filed_since, settled_since): (Timestamp, Timestamp),
    limit: i64,
) -> Result<Vec<Filed>, StoreError> {
    let is_recent = tickets::created_at.ge(Ts(filed_since));
    let is_alike: RowCondition = Box::new(
        tickets::tax_code_print
            .eq_any(dossiers::prints(Field::TaxCode, tax_code)?)
            .and(tickets::service_code.eq(service.to_owned()))
            .and(lasts(settled_since)),
    );
    let identities = dossiers::prints(Field::Identity, identity)?;
    let query = tickets::table
        .filter(tickets::identity_print.assume_not_null().eq_any(identities))
        .filter(tickets::requester_kind.eq(RequesterKind::Citizen.as_str()))
        .filter(is_recent.or(is_alike))
        .order((tickets::created_at.desc(), tickets::id.desc()))
        .limit(limit.saturating_add(MOST_ALIKE))
        .select((NAMES, FACTS));
    let rows = prepared(query).load::<FiledRow>(conn)?;
    rows.into_iter().map(filed).collect()
}

/// The newest tickets about this person and service that last into now and that a desk sees.
pub fn list_alike(
    conn: &mut DbConnection,
    scope: &Scope,
    tax_code: &TaxCode,
    service: &str,
    settled_since: Timestamp,
) -> Result<Vec<Filed>, StoreError> {
    let prints = dossiers::prints(Field::TaxCode, tax_code.as_str())?;
    let mut query = tickets::table
        .filter(tickets::tax_code_print.eq_any(prints))
        // As in `beside_sql`.
        .filter(dialect::fixed::<Text>("CAST(service_code AS TEXT)").eq(service.to_owned()))
        .filter(lasts(settled_since))
        .order((tickets::created_at.desc(), tickets::id.desc()))
        .limit(MOST_ALIKE)
        .select((NAMES, FACTS))
        .into_boxed();
    match scope {
        Scope::Region(_) | Scope::System => {}
        Scope::Authority(code) => {
            let had = legs::table.filter(
                legs::ticket_id
                    .eq(tickets::id)
                    .and(legs::custodian.eq(code.as_str().to_owned())),
            );
            query = query.filter(diesel::dsl::exists(had));
        }
        Scope::Citizen { .. }
        | Scope::Tracking(_)
        | Scope::Technical(_)
        | Scope::Granted(_)
        | Scope::Nothing => {
            return Ok(Vec::new());
        }
    }
    let rows = query.load::<FiledRow>(conn)?;
    rows.into_iter().map(filed).collect()
}

const NAMES: (
    tickets::id,
    tickets::number,
    tickets::state,
    tickets::custodian,
    tickets::service_code,
    tickets::problem_type,
) = (
    tickets::id,
    tickets::number,
    tickets::state,
    tickets::custodian,
    tickets::service_code,
    tickets::problem_type,
);

const FACTS: (tickets::dossier, tickets::created_at, tickets::state_since) =
    (tickets::dossier, tickets::created_at, tickets::state_since);

/// `domain::links::overlaps`, as SQL.
fn lasts(settled_since: Timestamp) -> RowCondition {
    let settled = [StateCode::Resolved.as_str(), StateCode::AutoClosed.as_str()];
    let is_settled_lately = tickets::state_since.assume_not_null().ge(Ts(settled_since));
    Box::new(
        tickets::state
            .ne(StateCode::Removed.as_str())
            .and(tickets::state.ne_all(settled).or(is_settled_lately)),
    )
}

fn filed(
    ((id, number, state, custodian, service, problem_type), (dossier, created_at, since)): FiledRow,
) -> Result<Filed, StoreError> {
    let custodian = custodian.as_str().into();
    let contents = dossiers::open(id.0, &custodian, &dossier)?;
    let state = StateCode::from_code(&state).ok_or_else(|| corrupt(id.0, "state"))?;
    let is_settled = matches!(state, StateCode::Resolved | StateCode::AutoClosed);
    Ok(Filed {
        settled_at: since.map(|at| at.0).filter(|_| is_settled),
        neighbour: Neighbour {
            named: NamedTicket {
                id: TicketId::new(id.0),
                number: TicketNumber::from_stored(number),
            },
            state,
            custodian,
            service,
            problem_type,
            exam_date: exam_date(&contents),
            created_at: created_at.0,
        },
        tax_code: contents.tax_code,
    })
}

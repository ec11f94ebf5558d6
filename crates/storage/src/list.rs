//! Lists of tickets: filters, orders and pages. Keyset only: a page costs the same at any depth.
//!
//! `state` never leads an index (`stack.md` §4): a queue is read along `(custodian, order, id)`
//! and states are filtered afterwards; the open states have a partial index of their own, and so has
//! whatever is rare. A partial index is found by its condition alone, so that stands here to the letter.

use diesel::prelude::*;
use diesel::sql_types::Bool;
use domain::actor::Assignee;
use domain::codes::AuthorityCode;
use domain::ids::TicketId;
use domain::sla::ClockState;
use domain::state::{Priority, StateCode};
use domain::tax_code::TaxCode;
use domain::visibility::{Opened, Scope};
use jiff::Timestamp;

use crate::connection::MultiBackend;
use crate::keyring::Field;
use crate::prepared::prepared;
use crate::schema::{accounts, legs, tickets};
use crate::sealing::SealedText;
use crate::sla::{self, Standing};
use crate::sql_types::{Id, Json, Ts};
use crate::tickets::{nudges_in, of_citizen, of_tracking, priority_of, priority_rank};
use crate::{DbConnection, StoreError, assignee, dialect, dossiers, words};

mod limits;
mod search;

use limits::{LONGEST_PAGE, first_rows};
use search::{Rows, search};

/// What a list is narrowed to; an empty filter takes all of the scope.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// Any of these states.
    pub states: Vec<StateCode>,
    /// This service.
    pub service_code: Option<String>,
    /// This problem type.
    pub problem_type: Option<String>,
    /// The authority the requester declared or that has custody now.
    pub authority_code: Option<String>,
    /// Its owner: `Some(None)` means nobody.
    pub assignee: Option<Option<Assignee>>,
    /// This priority.
    pub priority: Option<Priority>,
    /// This tag.
    pub tag: Option<String>,
    /// Whether somebody should look at it.
    pub needs_attention: Option<bool>,
    /// Whether nobody of its desk took charge yet.
    pub untouched: Option<bool>,
    /// Whether it came to its desk from another one.
    pub transferred: Option<bool>,
    /// Filed at or after.
    pub created_from: Option<Timestamp>,
    /// Filed before.
    pub created_to: Option<Timestamp>,
    /// Changed at or after.
    pub updated_from: Option<Timestamp>,
    /// Changed before.
    pub updated_to: Option<Timestamp>,
    /// To be resolved before.
    pub due_before: Option<Timestamp>,
    /// How the resolution of the present leg stands, and at which time.
    pub sla: Option<(ClockState, Timestamp)>,
    /// Words of the number, of what it is about, of the description or of a note, as somebody typed them.
    pub text: Option<String>,
    /// The requester's tax code.
    pub tax_code: Option<String>,
    /// The requester's e-mail address.
    pub email: Option<String>,
    /// The requester's telephone number.
    pub phone: Option<String>,
    /// The requester's family name.
    pub family_name: Option<String>,
}

impl Filter {
    /// Whether it names one requester.
    fn is_about_a_person(&self) -> bool {
        let named = [&self.tax_code, &self.email, &self.phone, &self.family_name];
        named.iter().any(|name| name.is_some())
    }
}

/// What a list is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Time of filing.
    CreatedAt,
    /// Time of the last change.
    UpdatedAt,
    /// Time it should be resolved by.
    DueAt,
    /// Priority, 1 to 4.
    Priority,
}

/// Where a page goes on: the key of the last item before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// For the three orders by time.
    At(Timestamp),
    /// For the order by priority.
    Rank(i32),
}

/// A page wanted.
#[derive(Debug, Clone)]
pub struct Page {
    /// The order.
    pub order: Order,
    /// Largest first.
    pub descending: bool,
    /// Goes on after this item.
    pub after: Option<(Key, TicketId)>,
    /// At most this many.
    pub limit: i64,
}

/// A ticket in a list: no contact, no free text but the requester's name, and no identifier but masked.
#[derive(Debug, Clone)]
pub struct Item {
    /// For machines.
    pub id: TicketId,
    /// For people.
    pub number: String,
    /// For changing it.
    pub version: i64,
    /// Where it stands.
    pub state: StateCode,
    /// The service.
    pub service_code: String,
    /// The problem type.
    pub problem_type: String,
    /// The authority named.
    pub declared_authority: Option<String>,
    /// Who holds it.
    pub custodian: String,
    /// Who works it.
    pub assignee: Option<Assignee>,
    /// That person's name.
    pub assignee_label: Option<String>,
    /// How soon it matters.
    pub priority: Priority,
    /// Words for finding it.
    pub tags: Vec<String>,
    /// Somebody should look.
    pub needs_attention: bool,
    /// How often the requester nudged.
    pub nudges: i32,
    /// The requester's name.
    pub given_name: String,
    /// The requester's name.
    pub family_name: String,
    /// A mask of the requester's tax code; the whole code never leaves with a list.
    pub tax_code_masked: String,
    /// Whether it is about somebody else than the citizen whose list it is.
    pub is_about_another: bool,
    /// When it was filed.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it should be resolved.
    pub due_at: Timestamp,
    /// How that stands; filled in for desks alone.
    pub sla: Option<Standing>,
}

impl Item {
    /// Where the next page goes on after this item.
    pub fn key(&self, order: Order) -> Key {
        match order {
            Order::CreatedAt => Key::At(self.created_at),
            Order::UpdatedAt => Key::At(self.updated_at),
            Order::DueAt => Key::At(self.due_at),
            Order::Priority => Key::Rank(priority_rank(self.priority)),
        }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = tickets)]
struct ItemRow {
    id: Id,
    number: String,
    version: i64,
    state: String,
    service_code: String,
    problem_type: String,
    declared_authority: Option<String>,
    custodian: String,
    assignee: Option<String>,
    priority: i32,
    tags: String,
    needs_attention: bool,
    tallies: Json,
    dossier: SealedText,
    created_at: Ts,
    updated_at: Ts,
    due_at: Ts,
}

type Query = tickets::BoxedQuery<'static, MultiBackend>;

/// A page that was found.
pub struct Found {
    /// The tickets.
    pub items: Vec<Item>,
    /// Words are looked for in as many tickets as can be done at once: whether that was the end of it, and
    /// not the end of the tickets.
    pub is_capped: bool,
    /// Where to go on then; after the last item otherwise.
    pub looked_to: Option<(Key, TicketId)>,
}

/// A page of the tickets in `scope`. An authority's list is what it has in custody.
pub fn list(
    conn: &mut DbConnection,
    scope: &Scope,
    filter: &Filter,
    page: &Page,
) -> Result<Found, StoreError> {
    let rows = match &filter.text {
        None => Rows::whole(match narrowed(scope, filter, page)? {
            Some(query) => {
                let query = ordered(query, page).select(ItemRow::as_select());
                let is_planned_once = dialect::plans_by_values(conn)
                    && is_of_one_way(scope, filter)
                    && page.limit <= LONGEST_PAGE;
                match is_planned_once {
                    true => prepared(first_rows(query, page.limit)).load::<ItemRow>(conn)?,
                    false => prepared(query.limit(page.limit)).load::<ItemRow>(conn)?,
                }
            }
            None => Vec::new(),
        }),
        Some(typed) => search(conn, scope, filter, page, &words::Query::of(typed))?,
    };
    let items = rows.rows.into_iter().map(|row| row.into_item(scope));
    let mut found = Found {
        items: items.collect::<Result<_, _>>()?,
        is_capped: rows.is_capped,
        looked_to: rows.looked_to,
    };
    label_assignees(conn, &mut found.items)?;
    Ok(found)
}

/// Whether the way to the rows is the same for all values, so that one plan serves: along the list of a
/// desk, or along what is open there.
fn is_of_one_way(scope: &Scope, filter: &Filter) -> bool {
    let no_more = Filter {
        text: filter.text.clone(),
        states: filter.states.clone(),
        ..Filter::default()
    };
    matches!(scope, Scope::Authority(_) | Scope::Region(_))
        && *filter == no_more
        && filter.states.iter().all(|state| state.is_open())
}

/// A query without its order, from where the page goes on; none where the scope has no tickets.
fn narrowed(scope: &Scope, filter: &Filter, page: &Page) -> Result<Option<Query>, StoreError> {
    Ok(match scoped(tickets::table.into_boxed(), scope, filter)? {
        Some(query) => Some(from(filtered(query, scope, filter)?, page)),
        None => None,
    })
}

/// The authorities that the tickets in `scope` were declared for.
pub fn list_declared(
    conn: &mut DbConnection,
    scope: &Scope,
) -> Result<Vec<AuthorityCode>, StoreError> {
    let everything = Filter::default();
    let Some(query) = scoped(tickets::table.into_boxed(), scope, &everything)? else {
        return Ok(Vec::new());
    };
    let found = query
        .filter(tickets::declared_authority.is_not_null())
        .select(tickets::declared_authority.assume_not_null())
        .distinct()
        .load::<String>(conn)?;
    Ok(found.iter().map(|code| code.as_str().into()).collect())
}

fn scoped(query: Query, scope: &Scope, filter: &Filter) -> Result<Option<Query>, StoreError> {
    Ok(match scope {
        // A cast hides the column from SQLite, which would walk through all of the desk's tickets in the order
        // of the list for the few of a person. To PostgreSQL a text that is made a text is the column.
        Scope::Authority(code) if filter.is_about_a_person() => {
            let custodian = dialect::fixed::<diesel::sql_types::Text>("CAST(custodian AS TEXT)");
            Some(query.filter(custodian.eq(code.as_str().to_owned())))
        }
        Scope::Authority(code) => {
            Some(query.filter(tickets::custodian.eq(code.as_str().to_owned())))
        }
        Scope::Region(_) | Scope::System => Some(query),
        Scope::Citizen {
            identity,
            tax_code,
            delegators,
        } => Some(
            query
                .filter(of_citizen(identity, tax_code, delegators)?)
                .filter(tickets::state.ne(StateCode::Removed.as_str())),
        ),
        Scope::Tracking(id) => Some(
            query
                .filter(of_tracking(*id))
                .filter(tickets::state.ne(StateCode::Removed.as_str())),
        ),
        Scope::Granted(Opened::Inspected(id) | Opened::Ticket(id)) => {
            Some(query.filter(tickets::id.eq(Id(id.uuid()))))
        }
        Scope::Granted(Opened::Authority(code)) => {
            Some(query.filter(tickets::custodian.eq(code.as_str().to_owned())))
        }
        Scope::Technical(_) | Scope::Nothing => None,
    })
}

/// The condition of the partial indexes, to the letter.
pub(crate) const IS_OPEN: &str = "state NOT IN ('resolved', 'auto-closed', 'removed')";

/// The condition of their partial index, to the letter: nobody of the desk took charge.
pub(crate) const IS_UNTOUCHED: &str = "state IN ('new', 'not-competent')";
const IS_TOUCHED: &str = "state NOT IN ('new', 'not-competent')";

/// What is rare, each with a partial index.
const IS_REMOVED: &str = "state = 'removed'";
const NEEDS_ATTENTION: &str = "needs_attention";
const IS_TAGGED: &str = "tags <> '[]'";
const IS_DECLARED_ELSEWHERE: &str = "declared_authority <> custodian";

fn filtered(mut query: Query, scope: &Scope, filter: &Filter) -> Result<Query, StoreError> {
    let literally = dialect::fixed::<Bool>;
    if !filter.states.is_empty() {
        if filter.states.iter().all(|state| state.is_open()) {
            query = query.filter(literally(IS_OPEN));
        }
        query = match filter.states.as_slice() {
            [StateCode::Removed] => query.filter(literally(IS_REMOVED)),
            [one] => query.filter(tickets::state.eq(one.as_str())),
            many => query.filter(
                tickets::state.eq_any(many.iter().map(|state| state.as_str()).collect::<Vec<_>>()),
            ),
        };
    }
    if let Some(code) = &filter.service_code {
        query = query.filter(tickets::service_code.eq(code.clone()));
    }
    if let Some(code) = &filter.problem_type {
        query = query.filter(tickets::problem_type.eq(code.clone()));
    }
    if let Some(code) = &filter.authority_code {
        let is_declared = tickets::declared_authority
            .assume_not_null()
            .eq(code.clone());
        query = match scope {
            // All of a desk's list is in its custody.
            Scope::Authority(desk) if desk.as_str() == code => query,
            Scope::Authority(_) => query
                .filter(literally(IS_DECLARED_ELSEWHERE))
                .filter(is_declared),
            _ => query.filter(tickets::custodian.eq(code.clone()).or(is_declared)),
        };
    }
    query = match &filter.assignee {
        None => query,
        Some(None) => query.filter(tickets::assignee.is_null()),
        Some(Some(owner)) => query.filter(tickets::assignee.eq(assignee::to_column(owner))),
    };
    if let Some(priority) = filter.priority {
        query = query.filter(tickets::priority.eq(priority_rank(priority)));
    }
    if let Some(tag) = &filter.tag {
        query = query
            .filter(literally(IS_TAGGED))
            .filter(dialect::contains(tickets::tags, &format!("\"{tag}\"")));
    }
    query = match filter.needs_attention {
        Some(true) => query.filter(literally(NEEDS_ATTENTION)),
        Some(false) => query.filter(tickets::needs_attention.eq(false)),
        None => query,
    };
    query = match filter.untouched {
        Some(true) => query.filter(literally(IS_UNTOUCHED)),
        Some(false) => query.filter(literally(IS_TOUCHED)),
        None => query,
    };
    let second_leg = legs::table.filter(legs::ticket_id.eq(tickets::id).and(legs::no.eq(2)));
    query = match filter.transferred {
        Some(true) => query.filter(diesel::dsl::exists(second_leg)),
        Some(false) => query.filter(diesel::dsl::not(diesel::dsl::exists(second_leg))),
        None => query,
    };
    if let Some(at) = filter.created_from {
        query = query.filter(tickets::created_at.ge(Ts(at)));
    }
    if let Some(at) = filter.created_to {
        query = query.filter(tickets::created_at.lt(Ts(at)));
    }
    if let Some(at) = filter.updated_from {
        query = query.filter(tickets::updated_at.ge(Ts(at)));
    }
    if let Some(at) = filter.updated_to {
        query = query.filter(tickets::updated_at.lt(Ts(at)));
    }
    if let Some(at) = filter.due_before {
        query = query
            .filter(literally(IS_OPEN))
            .filter(sla::is_due_before(at));
    }
    if let Some((state, now)) = filter.sla {
        // A clock that runs or pauses is that of an open request.
        if matches!(
            state,
            ClockState::OnTrack | ClockState::Warning | ClockState::Paused
        ) {
            query = query.filter(literally(IS_OPEN));
        }
        query = query.filter(sla::is_in(state, now));
    }
    if let Some(value) = &filter.tax_code {
        let prints = dossiers::prints(Field::TaxCode, value)?;
        query = query.filter(tickets::tax_code_print.eq_any(prints));
    }
    if let Some(value) = &filter.email {
        let prints = dossiers::prints(Field::Email, value)?;
        query = query.filter(tickets::email_print.eq_any(prints));
    }
    if let Some(value) = &filter.phone {
        let prints = dossiers::prints(Field::Phone, value)?;
        query = query.filter(tickets::phone_print.assume_not_null().eq_any(prints));
    }
    if let Some(value) = &filter.family_name {
        let prints = dossiers::prints(Field::FamilyName, value)?;
        query = query.filter(tickets::family_name_print.eq_any(prints));
    }
    Ok(query)
}

/// The rows that come after those of the page before.
fn from(query: Query, page: &Page) -> Query {
    macro_rules! along {
        ($column:expr, $after:expr) => {
            match ($after, page.descending) {
                (Some((key, id)), true) => {
                    query.filter(dialect::before(($column, tickets::id), key, Id(id)))
                }
                (Some((key, id)), false) => {
                    query.filter(dialect::after(($column, tickets::id), key, Id(id)))
                }
                (None, _) => query,
            }
        };
    }
    let at = page.after.and_then(|(key, id)| match key {
        Key::At(at) => Some((Ts(at), id.uuid())),
        Key::Rank(_) => None,
    });
    let rank = page.after.and_then(|(key, id)| match key {
        Key::Rank(rank) => Some((rank, id.uuid())),
        Key::At(_) => None,
    });
    match page.order {
        Order::CreatedAt => along!(tickets::created_at, at),
        Order::UpdatedAt => along!(tickets::updated_at, at),
        Order::DueAt => along!(tickets::due_at, at),
        Order::Priority => along!(tickets::priority, rank),
    }
}

fn ordered(query: Query, page: &Page) -> Query {
    macro_rules! by {
        ($column:expr) => {
            match page.descending {
                true => query.order(($column.desc(), tickets::id.desc())),
                false => query.order(($column.asc(), tickets::id.asc())),
            }
        };
    }
    match page.order {
        Order::CreatedAt => by!(tickets::created_at),
        Order::UpdatedAt => by!(tickets::updated_at),
        Order::DueAt => by!(tickets::due_at),
        Order::Priority => by!(tickets::priority),
    }
}

fn label_assignees(conn: &mut DbConnection, items: &mut [Item]) -> Result<(), StoreError> {
    let mut owners: Vec<Id> = items
        .iter()
        .filter_map(|item| match item.assignee {
            Some(Assignee::Operator(account)) => Some(Id(account.uuid())),
            _ => None,
        })
        .collect();
    if owners.is_empty() {
        return Ok(());
    }
    owners.sort_unstable();
    owners.dedup();
    let query = accounts::table
        .filter(accounts::id.eq_any(owners))
        .select((accounts::id, accounts::display_name));
    let labels: Vec<(Id, String)> = prepared(query).load(conn)?;
    for item in items {
        if let Some(Assignee::Operator(owner)) = item.assignee {
            item.assignee_label = labels
                .iter()
                .find(|(id, _)| id.0 == owner.uuid())
                .map(|(_, label)| label.clone());
        }
    }
    Ok(())
}

impl ItemRow {
    fn into_item(self, scope: &Scope) -> Result<Item, StoreError> {
        let corrupt = |column: &'static str| StoreError::Corrupt {
            table: "tickets",
            id: self.id.0.to_string(),
            column,
        };
        let id = TicketId::new(self.id.0);
        let custodian = self.custodian.as_str().into();
        let contents = dossiers::open(id.uuid(), &custodian, &self.dossier)?;
        Ok(Item {
            id,
            state: StateCode::from_code(&self.state).ok_or_else(|| corrupt("state"))?,
            assignee: self.assignee.as_deref().and_then(assignee::from_column),
            assignee_label: None,
            priority: priority_of(self.priority).ok_or_else(|| corrupt("priority"))?,
            tags: serde_json::from_str(&self.tags).map_err(|_| corrupt("tags"))?,
            number: self.number,
            version: self.version,
            service_code: self.service_code,
            problem_type: self.problem_type,
            declared_authority: self.declared_authority,
            custodian: self.custodian,
            needs_attention: self.needs_attention,
            nudges: nudges_in(&self.tallies).ok_or_else(|| corrupt("tallies"))?,
            is_about_another: scope.is_another(&contents.tax_code),
            tax_code_masked: TaxCode::from_stored(contents.tax_code).masked(),
            given_name: contents.given_name,
            family_name: contents.family_name,
            created_at: self.created_at.0,
            updated_at: self.updated_at.0,
            due_at: self.due_at.0,
            sla: None,
        })
    }
}

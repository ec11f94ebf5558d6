//! Lists and searches of a placement, its counters, its assignees.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use domain::actor::{Assignee, Pool, Staff};
use domain::email::EmailAddress;
use domain::ids::AccountId;
use domain::invalid::{Invalid, Lang};
use domain::person_name::PersonName;
use domain::phone::PhoneNumber;
use domain::state::{Priority, StateCode};
use domain::tax_code::TaxCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use service::Desk;
use service::queue::{Filter, Item, Order, Page};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::codes::{self, SortOrder, State, Tag, TicketNumber};
use super::email_proofs::replay_header;
use super::screen_body::{AssigneeBody, label};
use super::{CodeLabel, Links, links};
use crate::body::{Expects, read_object};
use crate::conditions::Repeatable;
use crate::language::Language;
use crate::members::{Members, invalid_format, not_in_list};
use crate::principal::Operator;
use crate::problem::Problem;
use crate::query::{Shape, page_size, read_query, refuse_query};
use crate::{block, cursor};

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_tickets)
        .service(find_tickets)
        .service(show_queues)
        .service(list_assignees);
}

/// What a list is narrowed to and ordered by. Lists of values are comma-separated.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters; they are read by name")]
pub(crate) struct ListQuery {
    /// One state or several, comma-separated.
    #[param(value_type = Option<Vec<State>>, style = Form, explode = false, max_items = 8)]
    state: Option<String>,
    /// A service's code.
    #[param(max_length = 64)]
    service_code: Option<String>,
    /// A problem type's code.
    #[param(max_length = 64)]
    problem_type: Option<String>,
    /// The authority that has custody, or that the requester named.
    #[param(max_length = 64)]
    authority_code: Option<String>,
    /// `me`, `none`, an operator's id or a pool's code.
    #[param(
        max_length = 36,
        pattern = "^(me|none|supervisors|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$"
    )]
    assignee: Option<String>,
    /// `critical`, `high`, `medium` or `low`.
    #[param(value_type = Option<codes::Priority>, inline)]
    priority: Option<String>,
    /// A tag.
    #[param(max_length = 30)]
    tag: Option<String>,
    /// Whether somebody should look.
    needs_attention: Option<bool>,
    /// Filed at or after.
    #[param(format = DateTime, value_type = Option<String>)]
    created_from: Option<Timestamp>,
    /// Filed before.
    #[param(format = DateTime, value_type = Option<String>)]
    created_to: Option<Timestamp>,
    /// Changed at or after.
    #[param(format = DateTime, value_type = Option<String>)]
    updated_from: Option<Timestamp>,
    /// Changed before.
    #[param(format = DateTime, value_type = Option<String>)]
    updated_to: Option<Timestamp>,
    /// Open, and to be resolved before.
    #[param(format = DateTime, value_type = Option<String>)]
    due_before: Option<Timestamp>,
    /// Words of the number or the description.
    #[param(max_length = 200)]
    q: Option<String>,
    /// `-created_at` if absent; `-` is for descending.
    #[param(value_type = Option<SortOrder>, inline)]
    sort: Option<String>,
    /// Items in a page: 1 to 100, 50 if absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before; the other parameters must be the same.
    #[param(max_length = 512, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
}

/// A search: what may not stand in an address stands here.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct SearchBody {
    /// The requester's tax code.
    #[schema(min_length = 11, max_length = 32, pattern = "^[A-Za-z0-9 ]+$")]
    tax_code: Option<String>,
    /// The requester's e-mail address.
    #[schema(format = "email", min_length = 6, max_length = 254)]
    email: Option<String>,
    /// The requester's telephone number.
    #[schema(min_length = 4, max_length = 32, pattern = r"^[0-9+ ().\-/]+$")]
    phone: Option<String>,
    /// The requester's family name.
    #[schema(min_length = 1, max_length = 30)]
    family_name: Option<String>,
    #[schema(value_type = Option<Vec<State>>, max_items = 8)]
    state: Option<Vec<String>>,
    #[schema(max_length = 64)]
    service_code: Option<String>,
    #[schema(max_length = 64)]
    problem_type: Option<String>,
    #[schema(max_length = 64)]
    authority_code: Option<String>,
    #[schema(
        max_length = 36,
        pattern = "^(me|none|supervisors|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$"
    )]
    assignee: Option<String>,
    #[schema(value_type = Option<codes::Priority>)]
    priority: Option<String>,
    #[schema(max_length = 30)]
    tag: Option<String>,
    needs_attention: Option<bool>,
    #[schema(format = DateTime, value_type = Option<String>)]
    created_from: Option<Timestamp>,
    #[schema(format = DateTime, value_type = Option<String>)]
    created_to: Option<Timestamp>,
    #[schema(format = DateTime, value_type = Option<String>)]
    updated_from: Option<Timestamp>,
    #[schema(format = DateTime, value_type = Option<String>)]
    updated_to: Option<Timestamp>,
    #[schema(format = DateTime, value_type = Option<String>)]
    due_before: Option<Timestamp>,
    #[schema(max_length = 200)]
    q: Option<String>,
    /// `-created_at` if absent.
    #[schema(value_type = Option<SortOrder>)]
    sort: Option<String>,
    /// Items in a page: 50 if absent.
    #[schema(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before; the rest of the search must be the same.
    #[schema(max_length = 512, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
}

/// A page of tickets.
#[derive(Serialize, Deserialize, ToSchema)]
struct TicketPage {
    #[schema(max_items = 100)]
    items: Vec<TicketItem>,
    /// Null on the last page.
    #[schema(required, max_length = 512)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// A ticket in a list: no identifier, no contact, no free text.
#[derive(Serialize, Deserialize, ToSchema)]
struct TicketItem {
    id: Uuid,
    #[schema(value_type = TicketNumber)]
    number: String,
    #[schema(minimum = 0)]
    version: i64,
    #[schema(value_type = State)]
    state: String,
    #[schema(max_length = 64)]
    state_label: String,
    service: CodeLabel,
    problem_type: CodeLabel,
    #[schema(required)]
    declared_authority: Option<CodeLabel>,
    custody: CodeLabel,
    #[schema(required)]
    assignee: Option<AssigneeBody>,
    #[schema(value_type = codes::Priority)]
    priority: String,
    #[schema(value_type = Vec<Tag>, max_items = 20)]
    tags: Vec<String>,
    needs_attention: bool,
    /// Given and family name.
    #[schema(max_length = 64)]
    requester_label: String,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
    #[schema(format = DateTime)]
    due_at: String,
}

fn item(desk: &Desk, item: Item, lang: Lang) -> TicketItem {
    TicketItem {
        id: item.id.uuid(),
        number: item.number,
        version: item.version,
        state: item.state.as_str().to_owned(),
        state_label: item.state.label().to(lang).to_owned(),
        problem_type: label(
            desk.problem_label(&item.service_code, &item.problem_type),
            lang,
        ),
        service: label(desk.service_label(&item.service_code), lang),
        declared_authority: item
            .declared_authority
            .map(|code| label(desk.authority_label(&code.as_str().into()), lang)),
        custody: label(desk.authority_label(&item.custodian.as_str().into()), lang),
        assignee: item.assignee.map(|owner| AssigneeBody {
            label: item.assignee_label,
            ..service::screen::assignee_view(&owner).into()
        }),
        priority: item.priority.as_str().to_owned(),
        tags: item.tags,
        needs_attention: item.needs_attention,
        requester_label: format!("{} {}", item.given_name, item.family_name),
        created_at: item.created_at.to_string(),
        updated_at: item.updated_at.to_string(),
        due_at: item.due_at.to_string(),
    }
}

/// Lists tickets.
///
/// Those within reach of the placement: for an authority what it has or had in custody, for the region
/// everything. Filters are joined by "and". Without `state` the final ones are listed as well.
#[utoipa::path(tag = "tickets", params(ListQuery),
    responses((status = 200, description = "A page of tickets", body = TicketPage)))]
#[get("/v1/tickets")]
pub(crate) async fn list_tickets(
    request: HttpRequest,
    operator: Operator,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let mut query = read_query(&request, &LIST)?;
    let wanted = wanted(&mut query, &operator.0);
    refuse_query(&query.finish())?;
    let page = page_of(desk, operator.0, wanted, lang.0, &request).await?;
    Ok(HttpResponse::Ok().json(page))
}

/// Searches tickets.
///
/// The same as the list, and by tax code, e-mail address, telephone number and family name: those may
/// not stand in an address, which ends in logs and histories.
#[utoipa::path(tag = "tickets", request_body(content = SearchBody, description = "What to look for"),
    responses((status = 200, description = "A page of tickets", body = TicketPage)))]
#[post("/v1/ticket-searches")]
pub(crate) async fn find_tickets(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    desk: web::Data<Desk>,
    lang: Language,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let object = read_object(&request, payload, Expects::Json).await?;
    let content = serde_json::to_vec(&object).unwrap_or_default();
    let mut body = Members::of(object);
    let wanted = wanted(&mut body, &operator.0);
    let wanted = Wanted {
        filter: identifiers(&mut body, wanted.filter),
        ..wanted
    };
    let errors = body.finish();
    if !errors.is_empty() {
        return Err(Problem::fields(errors));
    }
    let page = page_of(desk.clone(), operator.0, wanted, lang.0, &request).await?;
    let once = repeatable.with(content);
    let answer = block(move || desk.answer_once(&once, || Ok(page))).await?;
    Ok(replay_header(&mut HttpResponse::Ok(), answer.replayed).json(answer.value))
}

/// A filter, a page, and the name of its order.
struct Wanted {
    filter: Filter,
    page: Page,
    sort: String,
}

async fn page_of(
    desk: web::Data<Desk>,
    staff: Staff,
    wanted: Wanted,
    lang: Lang,
    request: &HttpRequest,
) -> Result<TicketPage, Problem> {
    let Wanted { filter, page, sort } = wanted;
    let asked = page.limit;
    // One more than asked for tells whether there is a next page.
    let page = Page {
        limit: asked + 1,
        ..page
    };
    let order = page.order;
    let lister = desk.clone();
    let mut items = block(move || lister.list_tickets(&staff, filter, &page)).await?;
    let asked = usize::try_from(asked).unwrap_or(usize::MAX);
    let more = items.len() > asked;
    items.truncate(asked);
    let last = items.last().filter(|_| more);
    let next_cursor = last.map(|last| cursor::write(&sort, last.key(order), last.id));
    Ok(TicketPage {
        links: links(request, next_cursor.as_deref()),
        items: items
            .into_iter()
            .map(|one| item(&desk, one, lang))
            .collect(),
        next_cursor,
    })
}

/// How the parameters of a list are to be read.
const LIST: Shape = Shape {
    numbers: &["limit"],
    flags: &["needs_attention"],
    lists: &["state"],
};

/// Reads what a list and a search have in common; what is wrong stays in `members`.
fn wanted(members: &mut Members, staff: &Staff) -> Wanted {
    let limit = page_size(members);
    let sort = members.text("sort", usize::MAX);
    let sort = sort.unwrap_or_else(|| "-created_at".to_owned());
    let (descending, order) = match sort.strip_prefix('-') {
        Some(order) => (true, order),
        None => (false, sort.as_str()),
    };
    let order = match order {
        "created_at" => Order::CreatedAt,
        "updated_at" => Order::UpdatedAt,
        "due_at" => Order::DueAt,
        "priority" => Order::Priority,
        _ => {
            members.refuse("sort", not_in_list());
            Order::CreatedAt
        }
    };
    let after = members.text("cursor", 512).and_then(|text| {
        let after = cursor::read(&sort, &text);
        if after.is_none() {
            members.refuse("cursor", invalid_format());
        }
        after
    });
    let filter = Filter {
        states: members
            .list("state", MOST_STATES, StateCode::from_code)
            .unwrap_or_default(),
        service_code: members.text("service_code", 64),
        problem_type: members.text("problem_type", 64),
        authority_code: members.text("authority_code", 64),
        assignee: members.code("assignee", |text| assignee(text, staff)),
        priority: members.code("priority", Priority::from_code),
        tag: members.text("tag", 30),
        needs_attention: members.flag("needs_attention"),
        created_from: members.moment("created_from"),
        created_to: members.moment("created_to"),
        updated_from: members.moment("updated_from"),
        updated_to: members.moment("updated_to"),
        due_before: members.moment("due_before"),
        text: members
            .text("q", 200)
            .filter(|text| !text.trim().is_empty()),
        ..Filter::default()
    };
    Wanted {
        filter,
        page: Page {
            order,
            descending,
            after,
            limit,
        },
        sort,
    }
}

/// Most states in a filter; there are no more to name.
const MOST_STATES: usize = 8;

fn assignee(text: &str, staff: &Staff) -> Option<Option<Assignee>> {
    match text {
        "none" => Some(None),
        "me" => Some(Some(Assignee::Operator(staff.account))),
        other => match (Pool::from_code(other), other.parse::<AccountId>()) {
            (Some(pool), _) => Some(Some(Assignee::Pool(pool))),
            (None, Ok(account)) => Some(Some(Assignee::Operator(account))),
            (None, Err(_)) => None,
        },
    }
}

/// The identifiers of a search, normalised as they are kept.
fn identifiers(members: &mut Members, filter: Filter) -> Filter {
    let mut read = |name: &str, parse: &dyn Fn(&str) -> Result<String, Invalid>| {
        let text = members.text(name, 254)?;
        let parsed = parse(&text);
        parsed.map_err(|invalid| members.refuse(name, invalid)).ok()
    };
    Filter {
        tax_code: read("tax_code", &|text| {
            TaxCode::parse(text, true).map(|code| code.as_str().to_owned())
        }),
        email: read("email", &|text| {
            EmailAddress::parse(text).map(|email| email.as_str().to_owned())
        }),
        phone: read("phone", &|text| {
            PhoneNumber::parse(text).map(|phone| phone.as_str().to_owned())
        }),
        family_name: read("family_name", &|text| {
            PersonName::parse(text).map(|name| name.as_str().to_owned())
        }),
        ..filter
    }
}

/// The counters of a queue.
#[derive(Serialize, ToSchema)]
struct QueueBody {
    /// How many stand in each state.
    #[schema(max_items = 8)]
    states: Vec<StateCount>,
    /// Open and mine.
    #[schema(minimum = 0)]
    mine: i64,
    /// Open and nobody's.
    #[schema(minimum = 0)]
    unassigned: i64,
    /// Somebody should look.
    #[schema(minimum = 0)]
    needs_attention: i64,
    /// Open and past the time they should be resolved by.
    #[schema(minimum = 0)]
    overdue: i64,
}

/// How many stand in a state.
#[derive(Serialize, ToSchema)]
struct StateCount {
    #[schema(value_type = State)]
    state: String,
    #[schema(max_length = 64)]
    label: String,
    #[schema(minimum = 0)]
    count: i64,
}

/// Shows the counters of my placement.
///
/// How many tickets stand in each state, and how many of the open ones are mine, nobody's, overdue, or
/// should be looked at.
#[utoipa::path(tag = "work", responses((status = 200, description = "The counters", body = QueueBody)))]
#[get("/v1/queues")]
pub(crate) async fn show_queues(
    operator: Operator,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let counters = block(move || desk.count_queue(&operator.0)).await?;
    let count = |state: StateCode| {
        counters
            .by_state
            .iter()
            .find(|(one, _)| *one == state)
            .map_or(0, |(_, n)| *n)
    };
    Ok(HttpResponse::Ok().json(QueueBody {
        states: StateCode::ALL
            .into_iter()
            .map(|state| StateCount {
                state: state.as_str().to_owned(),
                label: state.label().to(lang.0).to_owned(),
                count: count(state),
            })
            .collect(),
        mine: counters.mine,
        unassigned: counters.unassigned,
        needs_attention: counters.needs_attention,
        overdue: counters.overdue,
    }))
}

/// Whom tickets can be given to.
#[derive(Serialize, ToSchema)]
struct AssigneeList {
    #[schema(max_items = 1000)]
    items: Vec<AssigneeBody>,
    /// Always null: the list is one page.
    #[schema(required, max_length = 512)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// Lists whom my tickets can be given to.
///
/// Active colleagues of my authority, and its pools. The `id` is what `assignee` of an action takes.
#[utoipa::path(tag = "work", responses((status = 200, description = "The colleagues and pools", body = AssigneeList)))]
#[get("/v1/assignees")]
pub(crate) async fn list_assignees(
    request: HttpRequest,
    operator: Operator,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let found = block(move || desk.list_assignees(&operator.0)).await?;
    let colleagues = found.colleagues.into_iter().map(|colleague| AssigneeBody {
        id: colleague.account.to_string(),
        kind: "operator".to_owned(),
        label: Some(colleague.label),
    });
    let pools = found.pools.into_iter().map(|pool| AssigneeBody {
        id: pool.code().to_owned(),
        kind: "pool".to_owned(),
        label: None,
    });
    Ok(HttpResponse::Ok().json(AssigneeList {
        items: colleagues.chain(pools).collect(),
        next_cursor: None,
        links: links(&request, None),
    }))
}

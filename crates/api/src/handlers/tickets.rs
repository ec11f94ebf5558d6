//! Lists and searches of a placement.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use domain::actor::Staff;
use domain::invalid::Lang;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use service::queue::{Item, Page, SearchGap};
use service::{Desk, DeskError};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::codes::{self, SortOrder, State, Tag, TicketNumber};
use super::email_proofs::replay_header;
use super::screen_body::{AssigneeBody, label};
use super::ticket_filter::{LIST, Wanted, identifiers, wanted};
use super::{CodeLabel, Links, links};
use crate::body::{Expects, read_object};
use crate::conditions::Repeatable;
use crate::language::Language;
use crate::members::Members;
use crate::principal::Operator;
use crate::problem::Problem;
use crate::query::{read_query, refuse_query};
use crate::routes::Routes;
use crate::{block, cursor};

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config.service(list_tickets).service(find_tickets);
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
    /// Whether nobody of its desk took charge yet.
    untouched: Option<bool>,
    /// Whether it came to its desk from another one.
    transferred: Option<bool>,
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
    /// How the resolution of the present leg stands.
    #[param(value_type = Option<codes::ClockState>, inline)]
    sla: Option<String>,
    /// Words of the number, of service and problem, of the description or of a note that the caller may read:
    /// all of them in one of these texts, without regard to accents, capitals and Italian endings. `refer*`
    /// finds words that begin so, quotes hold a phrase together; all else stands for itself.
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
    /// The requester's whole family name; accents, apostrophes, hyphens and capitals do not matter.
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
    /// Whether nobody of its desk took charge yet.
    untouched: Option<bool>,
    /// Whether it came to its desk from another one.
    transferred: Option<bool>,
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
    #[schema(value_type = Option<codes::ClockState>)]
    sla: Option<String>,
    /// See the list.
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
    /// Where words were asked for: the authorities whose texts are sealed, so that words in them are not
    /// found; numbers are. Null where none was asked for.
    #[serde(default)]
    #[schema(required, max_items = 1000)]
    unsearched_authorities: Option<Vec<CodeLabel>>,
    /// Where words were asked for: why requests that hold them may be missing here. `capped`: the search
    /// looked into as many as one answer may, and there may be fewer items than asked for; it goes on with
    /// `next_cursor`, or, where that is null, has to be narrowed down. `indexing`: after an upgrade, the words
    /// of older requests are still being indexed. Null where none was asked for.
    #[serde(default)]
    #[schema(required, max_items = 2, value_type = Option<Vec<codes::SearchGap>>)]
    search_gaps: Option<Vec<String>>,
    #[serde(rename = "_links")]
    links: Links,
}

/// A ticket in a list: no contact, no free text, and the tax code as a mask.
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
    /// How often the requester nudged. Pages kept before there were nudges do not say.
    #[serde(default)]
    #[schema(required, minimum = 0)]
    nudge_count: i32,
    /// Given and family name.
    #[schema(max_length = 64)]
    requester_label: String,
    /// A mask that tells people of one name apart, such as `RSSMRA•••••••••U`. Pages kept before there were
    /// masks hold none.
    #[serde(default)]
    #[schema(required, max_length = 16)]
    tax_code: String,
    /// True: the tax code is a mask.
    #[serde(default = "always")]
    #[schema(required)]
    masked: bool,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
    /// When it should be resolved.
    #[schema(format = DateTime)]
    due_at: String,
    /// Null where no policy held when the present leg opened.
    #[schema(required)]
    sla: Option<StandingBody>,
}

const fn always() -> bool {
    true
}

/// How the resolution of a ticket's present leg stands.
#[derive(Serialize, Deserialize, ToSchema)]
struct StandingBody {
    #[schema(value_type = codes::ClockState)]
    state: String,
    /// When 75 % of the working time promised has passed. While the requester is asked: if the clock went on
    /// at once.
    #[schema(format = DateTime)]
    warn_at: String,
    /// When all of it has passed, likewise.
    #[schema(format = DateTime)]
    due_at: String,
}

fn item(desk: &Desk, item: Item, lang: Lang) -> TicketItem {
    TicketItem {
        sla: item.sla.map(|standing| StandingBody {
            state: standing.state(desk.now()).as_str().to_owned(),
            warn_at: standing.warn_at.to_string(),
            due_at: standing.due_at.to_string(),
        }),
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
        nudge_count: item.nudges,
        requester_label: format!("{} {}", item.given_name, item.family_name),
        tax_code: item.tax_code_masked,
        masked: true,
        created_at: item.created_at.to_string(),
        updated_at: item.updated_at.to_string(),
        due_at: item.due_at.to_string(),
    }
}

/// Lists tickets.
///
/// For an authority what it has in custody, for the region everything, for a system administrator what a
/// break-glass grant opens while it is in force. A request that an authority
/// handed over can still be opened by its number. Filters are joined by "and". Without `state` the final ones are listed as well.
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
    let wanted = wanted(&mut query, &operator.0, desk.now());
    refuse_query(&query.finish())?;
    let mut page = block(move || page_of(&desk, &operator.0, wanted, lang.0)).await?;
    page.links = links(&request, page.next_cursor.as_deref());
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
    let wanted = wanted(&mut body, &operator.0, desk.now());
    let wanted = Wanted {
        filter: identifiers(&mut body, wanted.filter),
        ..wanted
    };
    let errors = body.finish();
    if !errors.is_empty() {
        return Err(Problem::fields(errors));
    }
    let once = repeatable.with(content);
    // The next page is asked for with the cursor in the body: there is no address to link to.
    let own = links(&request, None);
    let answer = block(move || {
        desk.answer_once(&once, || {
            let page = page_of(&desk, &operator.0, wanted, lang.0)?;
            Ok(TicketPage { links: own, ..page })
        })
    })
    .await?;
    Ok(replay_header(&mut HttpResponse::Ok(), answer.replayed).json(answer.value))
}

/// A page, its links still to be written.
fn page_of(
    desk: &Desk,
    staff: &Staff,
    wanted: Wanted,
    lang: Lang,
) -> Result<TicketPage, DeskError> {
    let Wanted { filter, page, sort } = wanted;
    let asked = page.limit;
    // One more than asked for tells whether there is a next page.
    let page = Page {
        limit: asked + 1,
        ..page
    };
    let unsearched_authorities = match &filter.text {
        Some(_) => {
            let sealing = desk.list_unsearched()?;
            let named = |code| label(desk.authority_label(code), lang);
            Some(sealing.iter().map(named).collect())
        }
        None => None,
    };
    let found = desk.list_tickets(staff, filter, &page)?;
    let mut items = found.items;
    let asked = usize::try_from(asked).unwrap_or(usize::MAX);
    let more = items.len() > asked;
    items.truncate(asked);
    let last = items.last().filter(|_| more);
    let goes_on = match last {
        Some(last) => Some((last.key(page.order), last.id)),
        None => found.looked_to,
    };
    let next_cursor = goes_on.map(|(key, id)| cursor::write(&sort, key, id));
    let named = |gap: SearchGap| gap.as_str().to_owned();
    Ok(TicketPage {
        links: Links {
            own: String::new(),
            next: None,
        },
        items: items.into_iter().map(|one| item(desk, one, lang)).collect(),
        next_cursor,
        unsearched_authorities,
        search_gaps: found.gaps.map(|gaps| gaps.into_iter().map(named).collect()),
    })
}

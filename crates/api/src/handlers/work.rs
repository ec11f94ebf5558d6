//! The counters of a placement, and whom its tickets can be given to.

use actix_web::{HttpRequest, HttpResponse, get, web};
use domain::state::StateCode;
use serde::Serialize;
use service::Desk;
use utoipa::ToSchema;

use super::codes::State;
use super::screen_body::AssigneeBody;
use super::{Links, links};
use crate::block;
use crate::language::Language;
use crate::principal::Operator;
use crate::problem::Problem;
use crate::routes::Routes;

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config.service(show_queues).service(list_assignees);
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
    /// Nobody of the desk took charge yet.
    #[schema(minimum = 0)]
    untouched: i64,
    /// Those of them that were handed over, returned or re-routed to the desk.
    #[schema(minimum = 0)]
    transferred_untouched: i64,
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
/// How many tickets stand in each state, and how many of the open ones are mine, nobody's, overdue,
/// untouched, or should be looked at.
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
        untouched: counters.untouched,
        transferred_untouched: counters.transferred_untouched,
    }))
}

/// Somebody tickets can be given to.
#[derive(Serialize, ToSchema)]
struct AssigneeItem {
    #[serde(flatten)]
    assignee: AssigneeBody,
    /// Whether a colleague is there today. One who is away can be given a ticket by hand, and is given
    /// none by the system. Null for a pool.
    #[schema(required)]
    present: Option<bool>,
}

/// Whom tickets can be given to.
#[derive(Serialize, ToSchema)]
struct AssigneeList {
    #[schema(max_items = 1000)]
    items: Vec<AssigneeItem>,
    /// Always null: the list is one page.
    #[schema(required, max_length = 512)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// Lists whom my tickets can be given to.
///
/// Active colleagues of my authority, whether they are there today, and its pools. The `id` is what `assignee` of an action takes.
#[utoipa::path(tag = "work", responses((status = 200, description = "The colleagues and pools", body = AssigneeList)))]
#[get("/v1/assignees")]
pub(crate) async fn list_assignees(
    request: HttpRequest,
    operator: Operator,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let found = block(move || desk.list_assignees(&operator.0)).await?;
    let away = found.away;
    let colleagues = found.colleagues.into_iter().map(|colleague| AssigneeItem {
        present: Some(!away.contains(&colleague.account)),
        assignee: AssigneeBody {
            id: colleague.account.to_string(),
            kind: "operator".to_owned(),
            label: Some(colleague.label),
        },
    });
    let pools = found.pools.into_iter().map(|pool| AssigneeItem {
        present: None,
        assignee: AssigneeBody {
            id: pool.code().to_owned(),
            kind: "pool".to_owned(),
            label: None,
        },
    });
    Ok(HttpResponse::Ok().json(AssigneeList {
        items: colleagues.chain(pools).collect(),
        next_cursor: None,
        links: links(&request, None),
    }))
}

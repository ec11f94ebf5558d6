//! What became of messages, for those who answer for them.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use domain::ids::{MessageId, TicketRef};
use serde::{Deserialize, Serialize};
use service::Desk;
use service::deliveries::{Channel, Delivery, DeliveryFilter, DeliveryState, DeliveryStep};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use validator::Validate;

use super::codes::{
    DeliveryState as DeliveryStateCode, DeliveryStep as DeliveryStepCode,
    MessageChannel as MessageChannelCode,
};
use super::email_proofs::replay_header;
use super::{Links, links};
use crate::block;
use crate::body::read_repeatable;
use crate::conditions::Repeatable;
use crate::cursor;
use crate::members::not_in_list;
use crate::principal::Operator;
use crate::problem::Problem;
use crate::query::{PAGE, cut_page, page_size, read_query, refuse_query};
use crate::routes::Routes;

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config.service(list_deliveries).service(step_delivery);
}

/// A message on its way out. Never says to whom, nor what it says.
#[derive(Serialize, Deserialize, ToSchema)]
struct DeliveryBody {
    /// Stable over every attempt; the receiver sees it, too.
    id: Uuid,
    #[schema(value_type = MessageChannelCode)]
    channel: String,
    /// Which text, or which event.
    #[schema(max_length = 64)]
    template: String,
    /// The ticket it is about.
    #[schema(required)]
    ticket: Option<DeliveryTicketBody>,
    /// The program's endpoint it goes to.
    #[schema(required)]
    endpoint_id: Option<Uuid>,
    #[schema(value_type = DeliveryStateCode)]
    state: String,
    #[schema(minimum = 0)]
    attempts: i32,
    /// Why the last attempt failed.
    #[schema(required, max_length = 500)]
    last_error: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    /// When it is tried next; null where it is not.
    #[schema(required, format = DateTime)]
    due_at: Option<String>,
    #[schema(required, format = DateTime)]
    sent_at: Option<String>,
}

/// The ticket a message is about.
#[derive(Serialize, Deserialize, ToSchema)]
struct DeliveryTicketBody {
    id: Uuid,
    #[schema(max_length = 32)]
    number: String,
}

impl From<Delivery> for DeliveryBody {
    fn from(delivery: Delivery) -> Self {
        DeliveryBody {
            id: delivery.id.uuid(),
            channel: delivery.channel.as_str().to_owned(),
            template: delivery.template,
            ticket: delivery.ticket.map(|(id, number)| DeliveryTicketBody {
                id: id.uuid(),
                number: number.to_string(),
            }),
            endpoint_id: delivery.endpoint.map(|id| id.uuid()),
            state: delivery.state.as_str().to_owned(),
            attempts: delivery.attempts,
            last_error: delivery.last_error,
            created_at: delivery.created_at.to_string(),
            due_at: delivery.due_at.map(|at| at.to_string()),
            sent_at: delivery.sent_at.map(|at| at.to_string()),
        }
    }
}

/// Which messages to list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters; they are read by name")]
pub(crate) struct DeliveryQuery {
    /// Those in this state alone; `parked` are the ones to look at.
    #[param(inline)]
    state: Option<DeliveryStateCode>,
    /// Those of this channel alone.
    #[param(inline)]
    channel: Option<MessageChannelCode>,
    /// Those about this ticket alone, by id or number.
    #[param(max_length = 64, pattern = "^[A-Za-z0-9-]+$")]
    ticket: Option<String>,
    /// Messages in a page: 1 to 100, 50 if absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// Where to go on.
    #[param(max_length = 256, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
}

/// A page of messages, the newest first.
#[derive(Serialize, ToSchema)]
struct DeliveryPage {
    #[schema(max_items = 100)]
    items: Vec<DeliveryBody>,
    /// Null on the last page.
    #[schema(required, max_length = 256)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// The one order of the list.
const ORDER: &str = "-created_at";

/// Lists messages and what became of them.
///
/// Those that the caller's desk answers for. What was given up is `parked`, with the reason, until
/// somebody tries it again or leaves it.
#[utoipa::path(tag = "work", params(DeliveryQuery),
    responses((status = 200, description = "A page of messages", body = DeliveryPage)))]
#[get("/v1/deliveries")]
pub(crate) async fn list_deliveries(
    request: HttpRequest,
    operator: Operator,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let mut query = read_query(&request, &PAGE)?;
    let limit = page_size(&mut query);
    let filter = DeliveryFilter {
        state: query.code("state", DeliveryState::from_code),
        channel: query.code("channel", Channel::from_code),
        ticket: query.code("ticket", TicketRef::parse),
    };
    let after = query.code("cursor", |text| cursor::read_at(ORDER, text));
    let after = after.map(|(at, id)| (at, MessageId::new(id)));
    refuse_query(&query.finish())?;
    let page = limit.saturating_add(1);
    let found = block(move || desk.list_deliveries(&operator.0, filter, after, page)).await?;
    let (found, next_cursor) = cut_page(found, limit, |last| {
        cursor::write_at(ORDER, last.created_at, last.id.uuid())
    });
    Ok(HttpResponse::Ok().json(DeliveryPage {
        links: links(&request, next_cursor.as_deref()),
        items: found.into_iter().map(DeliveryBody::from).collect(),
        next_cursor,
    }))
}

/// What to do with a message that was given up.
#[derive(Deserialize, Validate, ToSchema)]
struct DeliveryStepBody {
    #[schema(value_type = DeliveryStepCode)]
    step: String,
}

/// Tries a message again that was given up, or leaves it.
///
/// `retry` sends it once more under the same id; `discard` takes it off the list of those to look at.
#[utoipa::path(tag = "work", params(("delivery" = Uuid, Path, description = "The message's id")),
    request_body(content = DeliveryStepBody, description = "The step"),
    responses((status = 200, description = "The message as it stands now", body = DeliveryBody)))]
#[post("/v1/deliveries/{delivery}/steps")]
pub(crate) async fn step_delivery(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    delivery: web::Path<Uuid>,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let (body, content) = read_repeatable::<DeliveryStepBody>(&request, payload).await?;
    let step = DeliveryStep::ALL
        .into_iter()
        .find(|step| step.as_str() == body.step)
        .ok_or_else(|| Problem::field(not_in_list().at("/step")))?;
    let id = MessageId::new(delivery.into_inner());
    let once = repeatable.with(content);
    let answer = block(move || desk.step_delivery(&operator.0, id, step, &once)).await?;
    Ok(replay_header(&mut HttpResponse::Ok(), answer.replayed)
        .json(DeliveryBody::from(answer.value)))
}

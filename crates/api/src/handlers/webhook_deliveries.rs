//! The log of deliveries to an endpoint, tests, and trying again.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use domain::ids::{EndpointId, MessageId};
use serde::Serialize;
use serde_json::Value;
use service::Desk;
use service::webhooks::{Attempt, DeliveryState, DeliveryView};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::codes::{AttemptFault, WebhookDeliveryState};
use super::email_proofs::replay_header;
use super::{Links, links};
use crate::block;
use crate::conditions::Repeatable;
use crate::cursor;
use crate::principal::Operator;
use crate::problem::Problem;
use crate::query::{PAGE, cut_page, page_size, read_query, refuse_query};
use crate::routes::Routes;

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(list_webhook_deliveries)
        .service(test_webhook_endpoint)
        .service(retry_webhook_delivery);
}

/// An event as an endpoint is sent it: CloudEvents 1.0.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what is kept as it was sent")]
struct WebhookEventBody {
    #[schema(max_length = 8)]
    specversion: String,
    /// The same for every endpoint that is told of it.
    id: Uuid,
    /// Who tells: this service.
    #[schema(format = "uri", max_length = 2048)]
    source: String,
    /// `it.sportello.` and the event type.
    #[schema(max_length = 128)]
    r#type: String,
    /// What it is about: the id of a request, or of what else.
    #[schema(max_length = 128)]
    subject: Option<String>,
    #[schema(format = DateTime)]
    time: String,
    #[schema(max_length = 64)]
    datacontenttype: String,
    #[schema(format = "uri", max_length = 2048)]
    dataschema: String,
    data: WebhookEventData,
}

/// What an event says: ids and codes. Whoever wants more asks for it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what is kept as it was sent")]
struct WebhookEventData {
    /// The request, if it is about one.
    #[schema(required)]
    ticket_id: Option<Uuid>,
    /// The entry of its history.
    #[schema(required, minimum = 1)]
    seq: Option<i64>,
    /// More ids and codes; may grow.
    #[schema(value_type = Object)]
    detail: Value,
}

/// A delivery with its tries.
#[derive(Serialize, ToSchema)]
struct WebhookDeliveryBody {
    /// The `webhook-id` it is sent with, each time.
    id: Uuid,
    /// What the endpoint asked for.
    #[schema(max_length = 64)]
    event_type: String,
    #[schema(value_type = WebhookDeliveryState)]
    state: String,
    /// Why it was given up, or what the last try met: a fault, `http-` and a status, `endpoint-disabled`.
    #[schema(required, max_length = 64)]
    reason: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    /// When it is tried next; null unless it waits.
    #[schema(required, format = DateTime)]
    next_attempt_at: Option<String>,
    #[schema(required, format = DateTime)]
    delivered_at: Option<String>,
    /// Each try, the first one first.
    #[schema(max_items = 1000)]
    attempts: Vec<WebhookAttemptBody>,
    /// The body, as it is sent.
    #[schema(value_type = WebhookEventBody)]
    event: Value,
}

/// A try.
#[derive(Serialize, ToSchema)]
struct WebhookAttemptBody {
    #[schema(minimum = 1)]
    number: i32,
    #[schema(format = DateTime)]
    at: String,
    /// What the receiver answered; null if it did not.
    #[schema(required, minimum = 100, maximum = 999)]
    status: Option<i32>,
    /// Why there was no answer; null if there was one.
    #[schema(required, value_type = Option<AttemptFault>)]
    fault: Option<String>,
    #[schema(minimum = 0)]
    duration_ms: i64,
}

impl From<Attempt> for WebhookAttemptBody {
    fn from(attempt: Attempt) -> Self {
        WebhookAttemptBody {
            number: attempt.number,
            at: attempt.at.to_string(),
            status: attempt.status,
            fault: attempt.fault,
            duration_ms: attempt.duration_ms,
        }
    }
}

impl From<DeliveryView> for WebhookDeliveryBody {
    fn from(view: DeliveryView) -> Self {
        let delivery = view.delivery;
        let waits = delivery.state == DeliveryState::Pending;
        WebhookDeliveryBody {
            id: delivery.id.uuid(),
            event_type: delivery.event_type,
            state: delivery.state.code().to_owned(),
            reason: delivery.reason,
            created_at: delivery.created_at.to_string(),
            next_attempt_at: waits.then(|| delivery.due_at.to_string()),
            delivered_at: delivery.delivered_at.map(|at| at.to_string()),
            attempts: view.attempts.into_iter().map(Into::into).collect(),
            event: view.event,
        }
    }
}

/// Which deliveries to list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters; they are read by name")]
pub(crate) struct WebhookDeliveryQuery {
    /// Those in this state alone.
    #[param(inline)]
    state: Option<WebhookDeliveryState>,
    /// Deliveries in a page: 1 to 100, 50 if absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// Where to go on.
    #[param(max_length = 128, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
}

/// The one order of the list.
const ORDER: &str = "-created_at";

/// A page of deliveries, the newest first.
#[derive(Serialize, ToSchema)]
struct WebhookDeliveryPage {
    #[schema(max_items = 100)]
    items: Vec<WebhookDeliveryBody>,
    /// Null on the last page.
    #[schema(required, max_length = 128)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// Lists the deliveries to an endpoint.
///
/// With each try: when, how long, what was answered or why nothing was. Kept for 30 days.
#[utoipa::path(tag = "webhooks", params(("endpoint" = Uuid, Path, description = "The endpoint"), WebhookDeliveryQuery),
    responses((status = 200, description = "A page of deliveries", body = WebhookDeliveryPage)))]
#[get("/v1/webhook-endpoints/{endpoint}/deliveries")]
pub(crate) async fn list_webhook_deliveries(
    request: HttpRequest,
    operator: Operator,
    endpoint: web::Path<Uuid>,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let mut query = read_query(&request, &PAGE)?;
    let limit = page_size(&mut query);
    let state = query.code("state", DeliveryState::from_code);
    let before = query.code("cursor", |text| cursor::read_at(ORDER, text));
    let before = before.map(|(at, id)| (at, MessageId::new(id)));
    refuse_query(&query.finish())?;
    let (id, one_more) = (EndpointId::new(*endpoint), limit.saturating_add(1));
    let found =
        block(move || desk.list_webhook_deliveries(&operator.0, id, state, before, one_more))
            .await?;
    let (found, next_cursor) = cut_page(found, limit, |last| {
        cursor::write_at(ORDER, last.delivery.created_at, last.delivery.id.uuid())
    });
    Ok(HttpResponse::Ok().json(WebhookDeliveryPage {
        links: links(&request, next_cursor.as_deref()),
        items: found.into_iter().map(Into::into).collect(),
        next_cursor,
    }))
}

/// A delivery that is on its way.
#[derive(Serialize, ToSchema)]
struct AcceptedDeliveryBody {
    /// The `webhook-id` it is sent with.
    id: Uuid,
}

/// Sends an endpoint a test.
///
/// An event of the type `webhook.ping`, whatever the endpoint asks for. The log of deliveries tells what
/// became of it.
#[utoipa::path(tag = "webhooks", params(("endpoint" = Uuid, Path, description = "The endpoint")),
    responses((status = 201, description = "The delivery", body = AcceptedDeliveryBody)))]
#[post("/v1/webhook-endpoints/{endpoint}/test-deliveries")]
pub(crate) async fn test_webhook_endpoint(
    operator: Operator,
    endpoint: web::Path<Uuid>,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let (id, once) = (EndpointId::new(*endpoint), repeatable.with(Vec::new()));
    let answer = block(move || desk.test_endpoint(&operator.0, id, &once)).await?;
    let id = answer.value.id.uuid();
    Ok(replay_header(&mut HttpResponse::Created(), answer.replayed)
        .json(AcceptedDeliveryBody { id }))
}

/// Delivers again.
///
/// Now, under the same `webhook-id`, and then by the whole schedule; also what was delivered before.
#[utoipa::path(tag = "webhooks",
    params(("endpoint" = Uuid, Path, description = "The endpoint"), ("delivery" = Uuid, Path, description = "The delivery")),
    responses((status = 201, description = "The delivery", body = AcceptedDeliveryBody)))]
#[post("/v1/webhook-endpoints/{endpoint}/deliveries/{delivery}/retries")]
pub(crate) async fn retry_webhook_delivery(
    operator: Operator,
    path: web::Path<(Uuid, Uuid)>,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let (endpoint, delivery) = path.into_inner();
    let (endpoint, delivery) = (EndpointId::new(endpoint), MessageId::new(delivery));
    let once = repeatable.with(Vec::new());
    let answer = block(move || desk.redeliver(&operator.0, endpoint, delivery, &once)).await?;
    let id = answer.value.id.uuid();
    Ok(replay_header(&mut HttpResponse::Created(), answer.replayed)
        .json(AcceptedDeliveryBody { id }))
}

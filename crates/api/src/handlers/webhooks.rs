//! Endpoints of authorities' own programs, for those who keep them.

use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};
use domain::ids::EndpointId;
use domain::invalid::Invalid;
use serde::Serialize;
use serde_json::{Map, Value};
use service::Desk;
use service::webhooks::{EndpointForm, EndpointPatch, EndpointView};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::codes::{EndpointDisabled, EndpointState};
use super::email_proofs::replay_header;
use super::{Links, links};
use crate::block;
use crate::body::{Expects, read_object};
use crate::conditions::{Repeatable, Seen, etag, tagged};
use crate::members::{Members, merge, not_in_list};
use crate::principal::Operator;
use crate::problem::Problem;
use crate::query::{PAGE, cut_page, page_size, read_query, refuse_query};
use crate::routes::Routes;

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(list_webhook_endpoints)
        .service(create_webhook_endpoint)
        .service(show_webhook_endpoint)
        .service(edit_webhook_endpoint)
        .service(end_webhook_endpoint)
        .service(rotate_webhook_secret);
}

/// An address that is told what happens.
#[derive(Serialize, ToSchema)]
struct WebhookEndpointBody {
    id: Uuid,
    #[schema(minimum = 1)]
    version: i64,
    /// Whose it is, and so which events it sees.
    #[schema(max_length = 64, pattern = "^[A-Za-z0-9_-]+$")]
    authority_code: String,
    #[schema(format = "uri", max_length = 2048)]
    url: String,
    #[schema(max_length = 100)]
    label: String,
    /// What it asks for: types, groups such as `request.*`, or `*`.
    #[schema(max_items = 50, min_items = 1)]
    event_types: Vec<String>,
    #[schema(value_type = EndpointState)]
    state: String,
    /// Why it is disabled: by hand, because it answered 410, or because it failed for days.
    #[schema(required, value_type = Option<EndpointDisabled>)]
    disabled_reason: Option<String>,
    #[schema(required, format = DateTime)]
    disabled_at: Option<String>,
    /// Since when no delivery succeeded; null while they do.
    #[schema(required, format = DateTime)]
    failing_since: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
}

impl From<EndpointView> for WebhookEndpointBody {
    fn from(endpoint: EndpointView) -> Self {
        let state = match endpoint.disabled_at {
            None => ENABLED,
            Some(_) => DISABLED,
        };
        WebhookEndpointBody {
            id: endpoint.id.uuid(),
            version: endpoint.version,
            authority_code: endpoint.authority.to_string(),
            url: endpoint.url,
            label: endpoint.label,
            event_types: endpoint.event_types,
            state: state.to_owned(),
            disabled_reason: endpoint.disabled_reason,
            disabled_at: endpoint.disabled_at.map(|at| at.to_string()),
            failing_since: endpoint.failing_since.map(|at| at.to_string()),
            created_at: endpoint.created_at.to_string(),
        }
    }
}

const ENABLED: &str = "enabled";
const DISABLED: &str = "disabled";

/// Which endpoints to list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters; they are read by name")]
pub(crate) struct WebhookEndpointQuery {
    /// Endpoints in a page: 1 to 100, 50 if absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// Where to go on.
    #[param(max_length = 36, pattern = "^[0-9a-f-]+$")]
    cursor: Option<String>,
}

/// A page of endpoints, the oldest first.
#[derive(Serialize, ToSchema)]
struct WebhookEndpointPage {
    #[schema(max_items = 100)]
    items: Vec<WebhookEndpointBody>,
    /// Null on the last page.
    #[schema(required, max_length = 36)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// Lists endpoints.
///
/// Those the caller keeps: an authority's administrator its own, the regional supervisor the regional
/// desk's, the system administrator all.
#[utoipa::path(tag = "webhooks", params(WebhookEndpointQuery),
    responses((status = 200, description = "A page of endpoints", body = WebhookEndpointPage)))]
#[get("/v1/webhook-endpoints")]
pub(crate) async fn list_webhook_endpoints(
    request: HttpRequest,
    operator: Operator,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let mut query = read_query(&request, &PAGE)?;
    let limit = page_size(&mut query);
    let after = query.code("cursor", |text| text.parse::<EndpointId>().ok());
    refuse_query(&query.finish())?;
    let found =
        block(move || desk.list_endpoints(&operator.0, after, limit.saturating_add(1))).await?;
    let (found, next_cursor) = cut_page(found, limit, |last| last.id.to_string());
    Ok(HttpResponse::Ok().json(WebhookEndpointPage {
        links: links(&request, next_cursor.as_deref()),
        items: found.into_iter().map(Into::into).collect(),
        next_cursor,
    }))
}

/// An endpoint to add.
#[derive(ToSchema)]
#[expect(dead_code, reason = "read member by member")]
struct NewWebhookEndpointBody {
    /// https, a host on the public internet, port 443 or 8443 unless the installation says otherwise,
    /// no credentials.
    #[schema(format = "uri", min_length = 1, max_length = 2048)]
    url: String,
    /// What people call it.
    #[schema(min_length = 1, max_length = 100)]
    label: String,
    /// What it asks for: types, groups such as `request.*`, or `*` for all.
    #[schema(min_items = 1, max_items = 50)]
    event_types: Vec<String>,
    /// Whose it is; the caller's own authority, if left out.
    #[schema(max_length = 64, pattern = "^[A-Za-z0-9_-]+$")]
    authority_code: Option<String>,
}

/// An endpoint and its first secret.
#[derive(Serialize, ToSchema)]
struct CreatedWebhookEndpointBody {
    endpoint: WebhookEndpointBody,
    /// What its deliveries are signed with. Shown once.
    #[schema(max_length = 128)]
    secret: String,
}

/// Adds an endpoint.
///
/// The secret that its deliveries are signed with is in this answer alone, and in that to the same
/// `Idempotency-Key`. The address is looked up now, and again at each delivery: one inside a network is
/// refused. An endpoint of an authority sees what concerns its requests, one of the region everything.
#[utoipa::path(tag = "webhooks", request_body(content = NewWebhookEndpointBody, description = "The endpoint"),
    responses((status = 201, description = "The endpoint and its secret", body = CreatedWebhookEndpointBody)))]
#[post("/v1/webhook-endpoints")]
pub(crate) async fn create_webhook_endpoint(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let object = read_object(&request, payload, Expects::Json).await?;
    let content = serde_json::to_vec(&object).unwrap_or_default();
    let mut body = Members::of(object);
    let form = EndpointForm {
        url: body.needed_text("url").unwrap_or_default(),
        label: body.needed_text("label").unwrap_or_default(),
        event_types: body.texts("event_types").unwrap_or_default(),
        authority_code: body.text("authority_code", 64),
    };
    let errors = body.finish();
    if !errors.is_empty() {
        // What is wrong with the rest is told with it.
        let found = block(move || Ok(desk.faults_of_endpoint(&operator.0, &form))).await?;
        return Err(Problem::fields(merge(errors, found)));
    }
    let once = repeatable.with(content);
    let answer = block(move || desk.create_endpoint(&operator.0, &form, &once)).await?;
    let created = CreatedWebhookEndpointBody {
        endpoint: answer.value.endpoint.into(),
        secret: answer.value.secret,
    };
    let location = format!("/v1/webhook-endpoints/{}", created.endpoint.id);
    Ok(replay_header(&mut HttpResponse::Created(), answer.replayed)
        .insert_header(("location", location))
        .insert_header(etag(created.endpoint.version))
        .json(created))
}

/// Shows an endpoint.
#[utoipa::path(tag = "webhooks", params(("endpoint" = Uuid, Path, description = "The endpoint")),
    responses((status = 200, description = "The endpoint", body = WebhookEndpointBody)))]
#[get("/v1/webhook-endpoints/{endpoint}")]
pub(crate) async fn show_webhook_endpoint(
    request: HttpRequest,
    operator: Operator,
    endpoint: web::Path<Uuid>,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let id = EndpointId::new(*endpoint);
    let endpoint = block(move || desk.show_endpoint(&operator.0, id)).await?;
    let version = endpoint.version;
    tagged(
        &request,
        Some(version),
        &WebhookEndpointBody::from(endpoint),
    )
}

/// Members to change (RFC 7396). None can be cleared.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct WebhookEndpointPatchBody {
    #[schema(nullable = false, format = "uri", min_length = 1, max_length = 2048)]
    url: Option<String>,
    #[schema(nullable = false, min_length = 1, max_length = 100)]
    label: Option<String>,
    /// All it asks for, instead of what it did.
    #[schema(nullable = false, min_items = 1, max_items = 50)]
    event_types: Option<Vec<String>>,
    /// `disabled` gives up what waits; `enabled` begins anew, also after it was disabled for failing.
    #[schema(nullable = false, value_type = Option<EndpointState>)]
    state: Option<String>,
}

fn read_patch(members: Map<String, Value>) -> Result<EndpointPatch, Problem> {
    let mut members = Members::of(members);
    let text = |members: &mut Members, name: &str| members.text(name, usize::MAX);
    let url = members.change("url", text);
    let label = members.change("label", text);
    let event_types = members.change("event_types", Members::texts);
    let enabled = members.change("state", |members, name| {
        members.code(name, |state| match state {
            ENABLED => Some(true),
            DISABLED => Some(false),
            _ => None,
        })
    });
    let cleared = [
        ("url", url == Some(None)),
        ("label", label == Some(None)),
        ("event_types", event_types == Some(None)),
    ];
    for (name, _) in cleared.iter().filter(|(_, is_cleared)| *is_cleared) {
        members.refuse(name, Invalid::required());
    }
    if enabled == Some(None) {
        members.refuse("state", not_in_list());
    }
    let errors = members.finish();
    if !errors.is_empty() {
        return Err(Problem::fields(errors));
    }
    Ok(EndpointPatch {
        url: url.flatten(),
        label: label.flatten(),
        event_types: event_types.flatten(),
        enabled: enabled.flatten(),
    })
}

/// Changes an endpoint.
///
/// A merge-patch (RFC 7396): members that are left out stay as they are. A disabled endpoint is sent
/// nothing, and what happens meanwhile is not sent later.
#[utoipa::path(tag = "webhooks", params(("endpoint" = Uuid, Path, description = "The endpoint")),
    request_body(content = WebhookEndpointPatchBody, content_type = "application/merge-patch+json", description = "Members to change"),
    responses((status = 200, description = "Changed", body = WebhookEndpointBody)))]
#[patch("/v1/webhook-endpoints/{endpoint}")]
pub(crate) async fn edit_webhook_endpoint(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    endpoint: web::Path<Uuid>,
    seen: Seen,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let patch = read_patch(read_object(&request, payload, Expects::MergePatch).await?)?;
    let id = EndpointId::new(*endpoint);
    let changed = block(move || desk.edit_endpoint(&operator.0, id, seen.0, &patch)).await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(changed.version))
        .json(WebhookEndpointBody::from(changed)))
}

/// Ends an endpoint.
///
/// What waits for it is given up, and its secrets are forgotten.
#[utoipa::path(tag = "webhooks", params(("endpoint" = Uuid, Path, description = "The endpoint")),
    responses((status = 204, description = "The endpoint has ended")))]
#[delete("/v1/webhook-endpoints/{endpoint}")]
pub(crate) async fn end_webhook_endpoint(
    operator: Operator,
    endpoint: web::Path<Uuid>,
    seen: Seen,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let id = EndpointId::new(*endpoint);
    block(move || desk.delete_endpoint(&operator.0, id, seen.0)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A new secret.
#[derive(Serialize, ToSchema)]
struct WebhookSecretBody {
    /// Shown once.
    #[schema(max_length = 128)]
    secret: String,
    /// Until then deliveries are signed with the one before, too.
    #[schema(format = DateTime)]
    previous_until: String,
}

/// Changes the secret of an endpoint.
///
/// Deliveries are signed with both secrets until `previous_until`, so that the receiver can change
/// without losing one; a secret that was even older ends now. Shown in this answer alone, and in that
/// to the same `Idempotency-Key`.
#[utoipa::path(tag = "webhooks", params(("endpoint" = Uuid, Path, description = "The endpoint")),
    responses((status = 201, description = "The new secret", body = WebhookSecretBody)))]
#[post("/v1/webhook-endpoints/{endpoint}/secret-rotations")]
pub(crate) async fn rotate_webhook_secret(
    operator: Operator,
    endpoint: web::Path<Uuid>,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let (id, once) = (EndpointId::new(*endpoint), repeatable.with(Vec::new()));
    let answer = block(move || desk.rotate_endpoint_secret(&operator.0, id, &once)).await?;
    Ok(
        replay_header(&mut HttpResponse::Created(), answer.replayed).json(WebhookSecretBody {
            secret: answer.value.secret,
            previous_until: answer.value.previous_until.to_string(),
        }),
    )
}

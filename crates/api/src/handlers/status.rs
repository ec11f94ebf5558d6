//! Whether the service is well, and what it is.

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::Serialize;
use service::Desk;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::app::{Description, Shared};
use crate::block;
use crate::conditions::is_known;
use crate::language::Language;
use crate::problem::{Problem, SLUGS};
use crate::routes::Routes;

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(show_status)
        .service(show_liveness)
        .service(show_readiness)
        .service(show_metrics)
        .service(show_description_yaml)
        .service(show_description_json)
        .service(show_problem);
}

/// The state of the service.
#[derive(Serialize, ToSchema)]
struct StatusBody {
    /// A fixed address of this kind of answer.
    #[serde(rename = "type")]
    #[schema(format = "uri-reference", max_length = 255)]
    kind: String,
    /// In a word.
    #[schema(max_length = 64)]
    title: String,
    /// The HTTP status.
    #[schema(minimum = 100, maximum = 599)]
    status: i32,
    /// In a sentence.
    #[schema(max_length = 255)]
    detail: String,
}

/// Shows whether the service is well.
///
/// In the form of a problem document, as the national interoperability model has it; 503 when the
/// database is out of reach.
#[utoipa::path(tag = "status", responses((status = 200, description = "The service is well", body = StatusBody, content_type = "application/problem+json")))]
#[get("/status")]
pub(crate) async fn show_status(
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    reach_database(&desk).await?;
    let detail = match lang.0 {
        domain::invalid::Lang::It => "Il servizio funziona.",
        domain::invalid::Lang::En => "The service is well.",
    };
    let body = StatusBody {
        kind: "about:blank".into(),
        title: "OK".into(),
        status: 200,
        detail: detail.into(),
    };
    let text = serde_json::to_string(&body).unwrap_or_default();
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/problem+json"))
        .body(text))
}

async fn reach_database(desk: &web::Data<Desk>) -> Result<(), Problem> {
    let desk = desk.clone();
    block(move || desk.ping())
        .await
        .map_err(|_| Problem::new("temporarily-unavailable").retry_after(10))
}

/// One word.
#[derive(Serialize, ToSchema)]
struct HealthBody {
    /// `ok`.
    #[schema(max_length = 16, pattern = "^ok$")]
    health: String,
}

/// Shows that the process lives.
///
/// Asks nothing of anybody else, so that a database away does not get the process restarted.
#[utoipa::path(tag = "status", responses((status = 200, description = "The process lives", body = HealthBody)))]
#[get("/health/live")]
pub(crate) async fn show_liveness() -> HttpResponse {
    HttpResponse::Ok().json(HealthBody {
        health: "ok".into(),
    })
}

/// Shows that the service can take requests.
///
/// Asks the database for a sign of life.
#[utoipa::path(tag = "status", responses((status = 200, description = "The service can take requests", body = HealthBody)))]
#[get("/health/ready")]
pub(crate) async fn show_readiness(desk: web::Data<Desk>) -> Result<HttpResponse, Problem> {
    reach_database(&desk).await?;
    Ok(HttpResponse::Ok().json(HealthBody {
        health: "ok".into(),
    }))
}

/// Shows the metrics.
///
/// In the text format of Prometheus; no label holds anything a person typed.
#[utoipa::path(tag = "status", responses((status = 200, description = "The metrics", body = String, content_type = "text/plain")))]
#[get("/metrics")]
pub(crate) async fn show_metrics(shared: web::Data<Shared>, desk: web::Data<Desk>) -> HttpResponse {
    // Without the database the process's own counters are told all the same.
    let state = block(move || Ok((desk.show_scheduler()?, desk.trail_state()?))).await;
    if let Ok((scheduler, trail)) = state {
        shared.metrics.show(&scheduler);
        shared.metrics.show_trail(&trail);
    }
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/plain; version=0.0.4"))
        .body(shared.metrics.text())
}

/// Shows this description as YAML.
///
/// The same document as `/openapi.json`, for people and for tools that prefer it.
#[utoipa::path(tag = "documents", responses((status = 200, description = "The description", content((Object = "application/yaml")))))]
#[get("/openapi.yaml")]
pub(crate) async fn show_description_yaml(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let yaml = described().await?.yaml.clone();
    Ok(document(&request, yaml, "application/yaml"))
}

/// Shows this description as JSON.
///
/// The same document as `/openapi.yaml`; `/docs/` shows it as a page.
#[utoipa::path(tag = "documents", responses((status = 200, description = "The description", body = Object, content_type = "application/json")))]
#[get("/openapi.json")]
pub(crate) async fn show_description_json(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let json = described().await?.json.clone();
    Ok(document(&request, json, "application/json"))
}

async fn described() -> Result<&'static Description, Problem> {
    match web::block(Description::get).await {
        Ok(Ok(description)) => Ok(description),
        Ok(Err(error)) => Err(Problem::internal(error)),
        Err(error) => Err(Problem::internal(&error)),
    }
}

/// Explains a problem type.
///
/// The address in the `type` of a problem leads here: what it means, and what to do about it.
#[utoipa::path(tag = "documents", params(("slug" = String, Path, description = "The last part of a problem's type", max_length = 64, pattern = "^[a-z-]+$", example = "note-required")),
    responses((status = 200, description = "The explanation", body = String, content_type = "text/markdown")))]
#[get("/problems/{slug}")]
pub(crate) async fn show_problem(
    request: HttpRequest,
    slug: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let slug = SLUGS
        .iter()
        .find(|known| **known == slug.as_str())
        .ok_or_else(|| Problem::new("not-found"))?;
    let page = include_str!("../../../../docs/problems.md");
    let section = page
        .split("\n## ")
        .find(|section| section.lines().next() == Some(slug));
    let text = section.ok_or_else(|| Problem::new("not-found"))?;
    Ok(document(
        &request,
        format!("# {text}"),
        "text/markdown; charset=utf-8",
    ))
}

/// A document of the program's own, cacheable by its content.
pub(crate) fn document(
    request: &HttpRequest,
    text: impl Into<web::Bytes>,
    media_type: &'static str,
) -> HttpResponse {
    let text = text.into();
    let tag = content_tag(&text);
    if is_known(request, &tag) {
        return HttpResponse::NotModified()
            .insert_header(("etag", tag))
            .insert_header(("cache-control", "public, max-age=300"))
            .finish();
    }
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, media_type))
        .insert_header(("etag", tag))
        .insert_header(("cache-control", "public, max-age=300"))
        .body(text)
}

/// The strong tag of a content.
pub(crate) fn content_tag(content: &[u8]) -> actix_web::http::header::HeaderValue {
    let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(content));
    let text = format!("\"{}\"", digest.get(..32).unwrap_or(&digest));
    actix_web::http::header::HeaderValue::from_str(&text)
        .unwrap_or(actix_web::http::header::HeaderValue::from_static("\"0\""))
}

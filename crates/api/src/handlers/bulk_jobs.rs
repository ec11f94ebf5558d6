//! Actions on many tickets that nobody waits for: how far they are, and what came of them.

use actix_web::http::header::{LOCATION, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse, delete, get, web};
use domain::ids::{BulkJobId, TicketId};
use serde::Serialize;
use service::Desk;
use service::bulk::{Job, JobState};
use service::queue::Key;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::bulk::BulkResultBody;
use super::codes::BulkJobState;
use super::{Links, links};
use crate::language::Language;
use crate::principal::Operator;
use crate::problem::Problem;
use crate::query::{PAGE, cut_page, page_size, read_query, refuse_query};
use crate::routes::Routes;
use crate::{block, cursor};

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(show_bulk_job)
        .service(list_bulk_results)
        .service(cancel_bulk_job);
}

/// When to look again, in seconds: due work is looked for every ten.
const LOOK_AGAIN: u32 = 10;

/// An action on many tickets, and how far it is.
#[derive(Serialize, ToSchema)]
pub(super) struct BulkJobBody {
    id: Uuid,
    /// `stopped`: whoever began it may not work at the desk any more.
    #[schema(value_type = BulkJobState)]
    state: &'static str,
    /// Tickets it reached.
    #[schema(minimum = 0, maximum = 10000)]
    done: i64,
    /// Tickets that refused.
    #[schema(minimum = 0, maximum = 10000)]
    failed: i64,
    /// Tickets that had no turn yet; for ever, if the job was cancelled or stopped.
    #[schema(minimum = 0, maximum = 10000)]
    remaining: i64,
    #[schema(format = DateTime)]
    created_at: String,
    /// Null while it runs.
    #[schema(format = DateTime, required)]
    ended_at: Option<String>,
}

impl From<Job> for BulkJobBody {
    fn from(job: Job) -> Self {
        BulkJobBody {
            id: job.id.uuid(),
            state: job.state.as_str(),
            done: job.done,
            failed: job.failed,
            remaining: job.total - job.position(),
            created_at: job.created_at.to_string(),
            ended_at: job.ended_at.map(|at| at.to_string()),
        }
    }
}

/// Shows how far a job is.
///
/// While it runs, 200 and when to look again; then 303 to its results. For who began it, and for who
/// leads their desk. A job is forgotten thirty days after its end.
#[utoipa::path(tag = "actions", params(("job" = Uuid, Path, description = "The job's id")),
    responses(
        (status = 200, description = "It runs", body = BulkJobBody,
            headers(("Retry-After" = u32, description = "Seconds to wait before the next look."))),
        (status = 303, description = "It has ended",
            headers(("Location" = String, description = "Where its results are.")))))]
#[get("/v1/bulk-jobs/{job}")]
pub(crate) async fn show_bulk_job(
    operator: Operator,
    job: web::Path<Uuid>,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let id = BulkJobId::new(job.into_inner());
    let job = block(move || desk.show_bulk_job(&operator.0, id)).await?;
    if job.state != JobState::Running {
        let results = format!("/v1/bulk-jobs/{id}/results");
        return Ok(HttpResponse::SeeOther()
            .insert_header((LOCATION, results))
            .finish());
    }
    Ok(HttpResponse::Ok()
        .insert_header((RETRY_AFTER, LOOK_AGAIN.to_string()))
        .json(BulkJobBody::from(job)))
}

/// A page of results.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters; they are read by name")]
pub(crate) struct BulkResultQuery {
    /// Results in a page: 1 to 100, 50 if absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// Where to go on.
    #[param(max_length = 256, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
}

/// A page of what became of the tickets, in the order they were named.
#[derive(Serialize, ToSchema)]
struct BulkResultPage {
    /// The job, as far as it is.
    bulk_job: BulkJobBody,
    #[schema(max_items = 100)]
    items: Vec<BulkResultBody>,
    /// Null on the last page.
    #[schema(required, max_length = 256)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// The one order of the list.
const ORDER: &str = "position";

/// Lists what became of the tickets of a job.
///
/// Of those that had their turn, also while it runs.
#[utoipa::path(tag = "actions", params(("job" = Uuid, Path, description = "The job's id"), BulkResultQuery),
    responses((status = 200, description = "A page of results", body = BulkResultPage)))]
#[get("/v1/bulk-jobs/{job}/results")]
pub(crate) async fn list_bulk_results(
    request: HttpRequest,
    operator: Operator,
    job: web::Path<Uuid>,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let mut query = read_query(&request, &PAGE)?;
    let limit = page_size(&mut query);
    let after = query.code("cursor", |text| match cursor::read(ORDER, text)? {
        (Key::Rank(position), _) => Some(i64::from(position)),
        (Key::At(_), _) => None,
    });
    refuse_query(&query.finish())?;
    let id = BulkJobId::new(job.into_inner());
    let page = limit.saturating_add(1);
    let (job, found) = block(move || desk.list_bulk_results(&operator.0, id, after, page)).await?;
    let (found, next_cursor) = cut_page(found, limit, |last| {
        let position = i32::try_from(last.position).unwrap_or(i32::MAX);
        cursor::write(ORDER, Key::Rank(position), TicketId::new(id.uuid()))
    });
    let items = found.into_iter();
    Ok(HttpResponse::Ok().json(BulkResultPage {
        bulk_job: job.into(),
        links: links(&request, next_cursor.as_deref()),
        items: items
            .map(|result| BulkResultBody::new(result, lang.0))
            .collect(),
        next_cursor,
    }))
}

/// Cancels what is left of a job.
///
/// What it has done stays done, and its results stay. A job that has ended stays as it is.
#[utoipa::path(tag = "actions", params(("job" = Uuid, Path, description = "The job's id")),
    responses((status = 204, description = "Nothing more is done")))]
#[delete("/v1/bulk-jobs/{job}")]
pub(crate) async fn cancel_bulk_job(
    operator: Operator,
    job: web::Path<Uuid>,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let id = BulkJobId::new(job.into_inner());
    block(move || desk.cancel_bulk_job(&operator.0, id)).await?;
    Ok(HttpResponse::NoContent().finish())
}

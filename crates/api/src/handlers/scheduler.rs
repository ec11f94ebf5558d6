//! How everything fares that happens without a request.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use service::Desk;
use service::scheduler::SchedulerState;
use utoipa::ToSchema;
use uuid::Uuid;

use super::codes::MessageChannel;
use super::email_proofs::replay_header;
use crate::block;
use crate::conditions::Repeatable;
use crate::principal::Operator;
use crate::problem::Problem;
use crate::routes::Routes;

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config.service(show_scheduler).service(resume_scheduler);
}

/// How due work and messages fare.
#[derive(Serialize, Deserialize, ToSchema)]
struct SchedulerBody {
    /// Why mass actions wait; null while they do not.
    #[schema(required)]
    pause: Option<PauseBody>,
    /// The jobs of all nodes that ever ran.
    #[schema(max_items = 50)]
    jobs: Vec<JobBody>,
    /// Due work, every kind.
    #[schema(max_items = 50)]
    work: Vec<BacklogBody>,
    /// Messages, every channel.
    #[schema(max_items = 10)]
    messages: Vec<WaitingBody>,
}

/// A clock leapt, and mass actions wait for a person.
#[derive(Serialize, Deserialize, ToSchema)]
struct PauseBody {
    id: Uuid,
    /// The node whose clock it was.
    #[schema(max_length = 64)]
    node: String,
    /// What its clock should have shown.
    #[schema(format = DateTime)]
    clock_before: String,
    /// What it showed.
    #[schema(format = DateTime)]
    clock_after: String,
}

/// How a job fares, on whichever node it ran last.
#[derive(Serialize, Deserialize, ToSchema)]
struct JobBody {
    #[schema(max_length = 64, pattern = "^[a-z-]+$")]
    job: String,
    #[schema(max_length = 64)]
    node: String,
    #[schema(format = DateTime)]
    started_at: String,
    #[schema(required, format = DateTime)]
    succeeded_at: Option<String>,
    #[schema(required, format = DateTime)]
    failed_at: Option<String>,
    /// Why, the last time.
    #[schema(required, max_length = 500)]
    last_error: Option<String>,
    /// Runs so far; runs that did nothing count once a minute.
    #[schema(minimum = 0)]
    runs: i64,
    #[schema(minimum = 0)]
    failures: i64,
}

/// Due work of a kind.
#[derive(Serialize, Deserialize, ToSchema)]
struct BacklogBody {
    #[schema(max_length = 64, pattern = "^[a-z-]+$")]
    kind: String,
    /// Pieces that are due now.
    #[schema(minimum = 0)]
    due: i64,
    #[schema(required, format = DateTime)]
    oldest_due_at: Option<String>,
    /// Pieces given up after too many tries.
    #[schema(minimum = 0)]
    parked: i64,
}

/// Messages of a channel.
#[derive(Serialize, Deserialize, ToSchema)]
struct WaitingBody {
    #[schema(value_type = MessageChannel)]
    channel: String,
    /// To be sent, now or later.
    #[schema(minimum = 0)]
    pending: i64,
    #[schema(required, format = DateTime)]
    oldest_due_at: Option<String>,
    /// Given up, and nobody has looked.
    #[schema(minimum = 0)]
    parked: i64,
}

impl From<SchedulerState> for SchedulerBody {
    fn from(state: SchedulerState) -> Self {
        let text = |at: Option<jiff::Timestamp>| at.map(|at| at.to_string());
        SchedulerBody {
            pause: state.pause.map(|pause| PauseBody {
                id: pause.id,
                node: pause.node,
                clock_before: pause.clock_before.to_string(),
                clock_after: pause.clock_after.to_string(),
            }),
            jobs: state
                .jobs
                .into_iter()
                .map(|job| JobBody {
                    job: job.job,
                    node: job.node,
                    started_at: job.started_at.to_string(),
                    succeeded_at: text(job.succeeded_at),
                    failed_at: text(job.failed_at),
                    last_error: job.last_error,
                    runs: job.runs,
                    failures: job.failures,
                })
                .collect(),
            work: state
                .work
                .into_iter()
                .map(|one| BacklogBody {
                    kind: one.kind,
                    due: one.due,
                    oldest_due_at: text(one.oldest_due_at),
                    parked: one.parked,
                })
                .collect(),
            messages: state
                .messages
                .into_iter()
                .map(|one| WaitingBody {
                    channel: one.channel.as_str().to_owned(),
                    pending: one.pending,
                    oldest_due_at: text(one.oldest_due_at),
                    parked: one.parked,
                })
                .collect(),
        }
    }
}

/// Shows how due work and messages fare.
///
/// When each job last ran and last succeeded on any node, what waits, and whether a clock that leapt
/// has stopped mass actions.
#[utoipa::path(tag = "administration",
    responses((status = 200, description = "How it fares", body = SchedulerBody)))]
#[get("/v1/scheduler")]
pub(crate) async fn show_scheduler(
    _: Operator,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let state = block(move || desk.show_scheduler()).await?;
    Ok(HttpResponse::Ok().json(SchedulerBody::from(state)))
}

/// Lets mass actions go on.
///
/// After somebody has looked at the clock that leapt. Due work that was given up is tried again.
#[utoipa::path(tag = "administration",
    responses((status = 200, description = "How it fares now", body = SchedulerBody)))]
#[post("/v1/scheduler/resumptions")]
pub(crate) async fn resume_scheduler(
    _: HttpRequest,
    operator: Operator,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let once = repeatable.with(Vec::new());
    let answer = block(move || {
        desk.answer_once(&once, || {
            let state = desk.resume_scheduler(Some(&operator.0))?;
            Ok(SchedulerBody::from(state))
        })
    })
    .await?;
    Ok(replay_header(&mut HttpResponse::Ok(), answer.replayed).json(answer.value))
}

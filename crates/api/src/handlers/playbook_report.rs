//! How playbooks fare, in numbers.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, get, web};
use domain::invalid::Lang;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use service::Desk;
use service::playbooks::{PlaybookReport, ReportItem};
use utoipa::{IntoParams, ToSchema};

use super::CodeLabel;
use super::codes::PlaybookDecision;
use super::screen_body::label;
use crate::block;
use crate::language::Language;
use crate::members::out_of_range;
use crate::principal::Operator;
use crate::problem::Problem;
use crate::query::{Shape, read_query, refuse_query};
use crate::routes::Routes;

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config.service(report_playbooks);
}

/// The time of a report.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters; they are read by name")]
pub(crate) struct ReportQuery {
    /// Runs that began then or later; 90 days before `to` if absent.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<String>,
    /// Runs that began before; now if absent.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<String>,
}

/// How playbooks fared.
#[derive(Serialize, ToSchema)]
struct PlaybookReportBody {
    #[schema(format = DateTime)]
    from: String,
    #[schema(format = DateTime)]
    to: String,
    /// By playbook and version, as the runs stand now.
    #[schema(max_items = 10000)]
    items: Vec<PlaybookReportItem>,
}

/// How a version fared.
#[derive(Serialize, ToSchema)]
struct PlaybookReportItem {
    #[schema(max_length = 40)]
    playbook: String,
    #[schema(minimum = 1)]
    version: i32,
    #[schema(minimum = 0)]
    runs: i64,
    /// Hand-overs against it.
    #[schema(minimum = 0)]
    overrides: i64,
    #[schema(minimum = 0)]
    handed_over: i64,
    /// Hand-overs that the region returned to the same authority.
    #[schema(minimum = 0)]
    came_back: i64,
    /// Runs by decision.
    #[schema(max_items = 8)]
    decisions: Vec<DecisionCountBody>,
    /// Answers that count, by check.
    #[schema(max_items = 200)]
    checks: Vec<CheckCountBody>,
    #[schema(max_items = 1000)]
    authorities: Vec<AuthorityCountBody>,
}

/// How often something was decided.
#[derive(Serialize, ToSchema)]
struct DecisionCountBody {
    #[schema(value_type = PlaybookDecision)]
    decision: String,
    #[schema(minimum = 0)]
    runs: i64,
}

/// How a check was answered.
#[derive(Serialize, ToSchema)]
struct CheckCountBody {
    #[schema(max_length = 40)]
    check: String,
    #[schema(max_items = 50)]
    answers: Vec<AnswerCountBody>,
}

/// How often an answer counts.
#[derive(Serialize, ToSchema)]
struct AnswerCountBody {
    #[schema(max_length = 40)]
    answer: String,
    #[schema(minimum = 0)]
    runs: i64,
}

/// How it fared at an authority.
#[derive(Serialize, ToSchema)]
struct AuthorityCountBody {
    authority: CodeLabel,
    #[schema(minimum = 0)]
    runs: i64,
    #[schema(minimum = 0)]
    overrides: i64,
    #[schema(minimum = 0)]
    handed_over: i64,
    #[schema(minimum = 0)]
    came_back: i64,
}

impl PlaybookReportItem {
    fn new(item: ReportItem, lang: Lang) -> Self {
        let answers = |answers: BTreeMap<String, i64>| {
            let pairs = answers.into_iter();
            pairs
                .map(|(answer, runs)| AnswerCountBody { answer, runs })
                .collect()
        };
        PlaybookReportItem {
            playbook: item.playbook,
            version: item.version,
            runs: item.runs,
            overrides: item.overrides,
            handed_over: item.handed_over,
            came_back: item.came_back,
            decisions: item
                .decisions
                .into_iter()
                .map(|(decision, runs)| DecisionCountBody { decision, runs })
                .collect(),
            checks: item
                .checks
                .into_iter()
                .map(|(check, given)| CheckCountBody {
                    check,
                    answers: answers(given),
                })
                .collect(),
            authorities: item
                .authorities
                .into_iter()
                .map(|one| AuthorityCountBody {
                    authority: label(one.authority, lang),
                    runs: one.runs,
                    overrides: one.overrides,
                    handed_over: one.handed_over,
                    came_back: one.came_back,
                })
                .collect(),
        }
    }
}

/// What a report covers if nothing else is said.
const USUAL_REPORT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Reports how playbooks fare.
///
/// Runs that began in the time, as they stand now: what they decided, how checks were answered, what
/// supervisors overrode, and which hand-overs came back. An authority sees its own, the region all.
#[utoipa::path(tag = "administration", params(ReportQuery),
    responses((status = 200, description = "The report", body = PlaybookReportBody)))]
#[get("/v1/reports/playbooks")]
pub(crate) async fn report_playbooks(
    request: HttpRequest,
    operator: Operator,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    const TIMES: Shape = Shape {
        numbers: &[],
        flags: &[],
        lists: &[],
    };
    let mut query = read_query(&request, &TIMES)?;
    let to = query.moment("to").unwrap_or(desk.now());
    let before = to.checked_sub(USUAL_REPORT).unwrap_or(Timestamp::MIN);
    let from = query.moment("from").unwrap_or(before);
    if from >= to {
        query.refuse("from", out_of_range());
    }
    refuse_query(&query.finish())?;
    let report = block(move || desk.report_playbooks(&operator.0, from, to)).await?;
    let PlaybookReport { from, to, items } = report;
    Ok(HttpResponse::Ok().json(PlaybookReportBody {
        from: from.to_string(),
        to: to.to_string(),
        items: items
            .into_iter()
            .map(|item| PlaybookReportItem::new(item, lang.0))
            .collect(),
    }))
}

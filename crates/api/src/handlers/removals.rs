//! The report of what was removed.

use actix_web::{HttpRequest, HttpResponse, get, web};
use domain::invalid::Lang;
use domain::state::RemovalReason;
use jiff::Span;
use jiff::civil::Date;
use serde::Serialize;
use service::Desk;
use service::removals::{Removal, RemovalReport};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::codes::{self, TicketNumber};
use super::screen_body::label;
use super::{CodeLabel, Links, links};
use crate::language::Language;
use crate::members::{Members, out_of_range, read_day};
use crate::principal::Operator;
use crate::problem::Problem;
use crate::query::{PAGE, cut_page, page_size, read_query, refuse_query};
use crate::routes::Routes;
use crate::{block, cursor};

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config.service(report_removals);
}

/// Which removals to report.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters; they are read by name")]
pub(crate) struct RemovalQuery {
    /// The first day; thirty days before the last one if absent.
    #[param(format = "date", max_length = 10)]
    from: Option<String>,
    /// The last day; today if absent. At most 366 days after the first.
    #[param(format = "date", max_length = 10)]
    to: Option<String>,
    /// Requests in a page: 1 to 100, 50 if absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// Where to go on.
    #[param(max_length = 256, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
}

/// What was removed in a period.
#[derive(Serialize, ToSchema)]
struct RemovalReportBody {
    #[schema(format = "date")]
    from: String,
    /// The last day.
    #[schema(format = "date")]
    to: String,
    #[schema(minimum = 0)]
    total: i64,
    /// The most frequent first, here and below.
    #[schema(max_items = 10)]
    by_reason: Vec<ReasonCount>,
    /// By the authority or desk that had them.
    #[schema(max_items = 1000)]
    by_authority: Vec<CodeCount>,
    #[schema(max_items = 1000)]
    by_service: Vec<CodeCount>,
    /// By who removed them.
    #[schema(max_items = 10000)]
    by_person: Vec<PersonCount>,
    /// The requests, the latest removal first.
    #[schema(max_items = 100)]
    items: Vec<RemovalBody>,
    /// Null on the last page.
    #[schema(required, max_length = 256)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// How many for a reason.
#[derive(Serialize, ToSchema)]
struct ReasonCount {
    #[schema(value_type = codes::RemovalReason)]
    reason: String,
    #[schema(minimum = 1)]
    count: i64,
}

/// How many of an authority or a service.
#[derive(Serialize, ToSchema)]
struct CodeCount {
    #[serde(flatten)]
    of: CodeLabel,
    #[schema(minimum = 1)]
    count: i64,
}

/// How many by a person.
#[derive(Serialize, ToSchema)]
struct PersonCount {
    account_id: Uuid,
    /// The person's name.
    #[schema(max_length = 128)]
    label: String,
    #[schema(minimum = 1)]
    count: i64,
}

/// A request that was removed.
#[derive(Serialize, ToSchema)]
struct RemovalBody {
    id: Uuid,
    #[schema(value_type = TicketNumber)]
    number: String,
    #[schema(format = DateTime)]
    removed_at: String,
    #[schema(value_type = codes::RemovalReason)]
    reason: &'static str,
    authority: CodeLabel,
    service: CodeLabel,
    /// The name of who removed it.
    #[schema(max_length = 128)]
    removed_by: String,
}

/// The one order of the list.
const ORDER: &str = "-removed_at";
/// Days from the first to the last day where nobody says, and at most.
const USUAL_DAYS: i32 = 30;
const MOST_DAYS: i32 = 366;

/// Reports what was removed.
///
/// Spam, duplicates, trials and mistakes: how many by reason, authority, service and person, and which. For
/// who leads an authority what it had; for the region all, so that it sees who removes what ought to be
/// worked.
#[utoipa::path(tag = "work", params(RemovalQuery),
    responses((status = 200, description = "The report", body = RemovalReportBody)))]
#[get("/v1/reports/removals")]
pub(crate) async fn report_removals(
    request: HttpRequest,
    operator: Operator,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let mut query = read_query(&request, &PAGE)?;
    let limit = page_size(&mut query);
    let days = read_days(&mut query, desk.today());
    let after = query.code("cursor", |text| cursor::read_at(ORDER, text));
    refuse_query(&query.finish())?;
    let after = after.map(|(at, id)| (at, domain::ids::TicketId::new(id)));
    let page = limit.saturating_add(1);
    let asked = desk.clone();
    let report = block(move || asked.report_removals(&operator.0, days, after, page)).await?;
    let RemovalReport { counts, items } = report;
    let (items, next_cursor) = cut_page(items, limit, |last| {
        cursor::write_at(ORDER, last.at, last.ticket.uuid())
    });
    let authority = |code: &str| label(desk.authority_label(&code.into()), lang.0);
    let service = |code: &str| label(desk.service_label(code), lang.0);
    Ok(HttpResponse::Ok().json(RemovalReportBody {
        from: days.0.to_string(),
        to: days.1.to_string(),
        total: counts.by_reason.iter().map(|(_, count)| count).sum(),
        by_reason: counts
            .by_reason
            .into_iter()
            .map(|(reason, count)| ReasonCount { reason, count })
            .collect(),
        by_authority: with_labels(counts.by_desk, authority),
        by_service: with_labels(counts.by_service, service),
        by_person: counts
            .by_person
            .into_iter()
            .map(|(account, label, count)| PersonCount {
                account_id: account.uuid(),
                label,
                count,
            })
            .collect(),
        links: links(&request, next_cursor.as_deref()),
        items: items
            .into_iter()
            .map(|one| RemovalBody::new(&desk, one, lang.0))
            .collect(),
        next_cursor,
    }))
}

/// The first and the last day.
fn read_days(query: &mut Members, today: Date) -> (Date, Date) {
    let to = query.words("to", read_day).unwrap_or(today);
    let before = |days: i32| to.saturating_sub(Span::new().days(days));
    let from = query
        .words("from", read_day)
        .unwrap_or_else(|| before(USUAL_DAYS));
    if from > to || from < before(MOST_DAYS) {
        query.refuse("from", out_of_range());
    }
    (from, to)
}

fn with_labels(counts: Vec<(String, i64)>, label: impl Fn(&str) -> CodeLabel) -> Vec<CodeCount> {
    let counts = counts.into_iter();
    counts
        .map(|(code, count)| CodeCount {
            of: label(&code),
            count,
        })
        .collect()
}

impl RemovalBody {
    fn new(desk: &Desk, removal: Removal, lang: Lang) -> Self {
        RemovalBody {
            id: removal.ticket.uuid(),
            number: removal.number,
            removed_at: removal.at.to_string(),
            reason: RemovalReason::as_str(removal.reason),
            authority: label(desk.authority_label(&removal.desk), lang),
            service: label(desk.service_label(removal.service.as_str()), lang),
            removed_by: removal.label,
        }
    }
}

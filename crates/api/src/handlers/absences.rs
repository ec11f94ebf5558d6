//! Who is away, and when. No reason is taken.

use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use domain::ids::{AbsenceId, AccountId};
use jiff::civil::Date;
use serde::Serialize;
use service::Desk;
use service::absences::{AbsenceView, NewAbsence};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::email_proofs::replay_header;
use super::{Links, links};
use crate::body::{Expects, read_object};
use crate::conditions::Repeatable;
use crate::members::{Members, read_day};
use crate::principal::Operator;
use crate::problem::Problem;
use crate::query::{PAGE, cut_page, page_size, read_query, refuse_query};
use crate::routes::Routes;
use crate::{block, cursor};

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(list_absences)
        .service(add_absence)
        .service(end_absence);
}

/// Days on which somebody is away.
#[derive(Serialize, ToSchema)]
struct AbsenceBody {
    id: Uuid,
    account_id: Uuid,
    /// The colleague's name.
    #[schema(max_length = 128)]
    account_label: String,
    #[schema(format = "date")]
    from: String,
    /// The last day.
    #[schema(format = "date")]
    to: String,
    /// When it was ended before that.
    #[schema(required, format = DateTime)]
    ended_at: Option<String>,
}

impl From<AbsenceView> for AbsenceBody {
    fn from(view: AbsenceView) -> Self {
        AbsenceBody {
            id: view.id.uuid(),
            account_id: view.account.uuid(),
            account_label: view.label,
            from: view.from.to_string(),
            to: view.to.to_string(),
            ended_at: view.ended_at.map(|at| at.to_string()),
        }
    }
}

/// Which absences to list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters; they are read by name")]
pub(crate) struct AbsenceQuery {
    /// Absences in a page: 1 to 100, 50 if absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// Where to go on.
    #[param(max_length = 256, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
}

/// A page of absences, the latest first.
#[derive(Serialize, ToSchema)]
struct AbsencePage {
    #[schema(max_items = 100)]
    items: Vec<AbsenceBody>,
    /// Null on the last page.
    #[schema(required, max_length = 256)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// The one order of the list.
const ORDER: &str = "-to";

/// Lists absences.
///
/// By their last day, the latest first: those of the desk for who leads it or keeps its accounts, one's
/// own for everybody else. They are forgotten some months after that day.
#[utoipa::path(tag = "work", params(AbsenceQuery),
    responses((status = 200, description = "A page of absences", body = AbsencePage)))]
#[get("/v1/absences")]
pub(crate) async fn list_absences(
    request: HttpRequest,
    operator: Operator,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let mut query = read_query(&request, &PAGE)?;
    let limit = page_size(&mut query);
    let after = query.code("cursor", |text| cursor::read_at(ORDER, text));
    refuse_query(&query.finish())?;
    let after = after.map(|(at, id)| (domain::calendar::day_of(at), AbsenceId::new(id)));
    let page = limit.saturating_add(1);
    let found = block(move || desk.list_absences(&operator.0, after, page)).await?;
    let (found, next_cursor) = cut_page(found, limit, |last| {
        cursor::write_at(ORDER, key_of(last.to), last.id.uuid())
    });
    Ok(HttpResponse::Ok().json(AbsencePage {
        links: links(&request, next_cursor.as_deref()),
        items: found.into_iter().map(AbsenceBody::from).collect(),
        next_cursor,
    }))
}

/// A day as cursors keep it: its first instant.
fn key_of(day: Date) -> jiff::Timestamp {
    domain::calendar::beginning_of(day)
}

/// Days on which somebody is to be away.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct AbsenceForm {
    /// A colleague; oneself if absent.
    account_id: Option<Uuid>,
    #[schema(format = "date")]
    from: String,
    /// The last day: today or later, and within a year.
    #[schema(format = "date")]
    to: String,
}

/// Enters an absence.
///
/// One's own; for who leads the desk or keeps its accounts, that of a colleague as well. Meanwhile nothing
/// is given to that person by the system. Say nothing about why.
#[utoipa::path(tag = "work", request_body(content = AbsenceForm, description = "The days"),
    responses((status = 201, description = "The absence", body = AbsenceBody)))]
#[post("/v1/absences")]
pub(crate) async fn add_absence(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let object = read_object(&request, payload, Expects::Json).await?;
    let once = repeatable.with(serde_json::to_vec(&object).unwrap_or_default());
    let mut body = Members::of(object);
    let account = body.code("account_id", |text| text.parse::<AccountId>().ok());
    let from = body.needed("from", |body, name| body.words(name, read_day));
    let to = body.needed("to", |body, name| body.words(name, read_day));
    let errors = body.finish();
    let (Some(from), Some(to), true) = (from, to, errors.is_empty()) else {
        return Err(Problem::fields(errors));
    };
    let new = NewAbsence { account, from, to };
    let answer = block(move || desk.add_absence(&operator.0, new, &once)).await?;
    Ok(replay_header(&mut HttpResponse::Created(), answer.replayed)
        .json(AbsenceBody::from(answer.value)))
}

/// Ends an absence.
///
/// From now on that person is there again; one that was to begin later never does.
#[utoipa::path(tag = "work", params(("absence" = Uuid, Path, description = "The absence's id")),
    responses((status = 204, description = "The absence has ended")))]
#[delete("/v1/absences/{absence}")]
pub(crate) async fn end_absence(
    operator: Operator,
    absence: web::Path<Uuid>,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let id = AbsenceId::new(absence.into_inner());
    block(move || desk.end_absence(&operator.0, id)).await?;
    Ok(HttpResponse::NoContent().finish())
}

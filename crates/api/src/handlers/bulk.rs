//! One action on many tickets.

use actix_web::{HttpRequest, HttpResponse, post, web};
use domain::invalid::{FieldError, Invalid, Lang};
use serde::Serialize;
use serde_json::{Map, Value};
use service::Desk;
use service::action_form::{ActionForm, CheckedAction};
use service::bulk::{Item, ItemResult, MOST_AT_ONCE, MOST_ITEMS};
use utoipa::ToSchema;

use super::actions::{ActionBody, read_form};
use super::bulk_jobs::BulkJobBody;
use super::codes::{TicketNumber, TicketRef};
use super::email_proofs::replay_header;
use crate::block;
use crate::body::{Expects, read_object_within, wrong_type};
use crate::conditions::Repeatable;
use crate::json::Bounds;
use crate::language::Language;
use crate::members::{Members, merge, out_of_range};
use crate::principal::Operator;
use crate::problem::{Problem, Told};
use crate::routes::Routes;

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config.service(act_on_tickets);
}

/// Two members for each ticket and those of the action, and some room, so that one ticket too many is
/// told as such.
const BOUNDS: Bounds = Bounds {
    members: 2 * MOST_ITEMS + 1_000,
    items: MOST_ITEMS + 500,
};

/// An action, and the tickets it is for.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct BulkActionForm {
    /// The tickets. Up to 100 are answered at once, more in a job.
    #[schema(min_items = 1, max_items = 10000)]
    items: Vec<BulkItem>,
    /// What to do with each, as for a single ticket; no file goes along.
    action: ActionBody,
}

/// A ticket, and the version of it that was seen.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct BulkItem {
    /// Its id or number.
    #[schema(value_type = TicketRef)]
    ticket: String,
    /// The version in its `ETag`, as for `If-Match`.
    #[schema(minimum = 1)]
    version: i64,
}

/// What became of one of many tickets.
#[derive(Serialize, ToSchema)]
pub(super) struct BulkResultBody {
    /// As it was named.
    #[schema(max_length = 64)]
    ticket: String,
    /// Null if there is none such in reach.
    #[schema(value_type = Option<TicketNumber>, required)]
    number: Option<String>,
    /// The status that the same call for this ticket alone would have.
    #[schema(minimum = 200, maximum = 599)]
    status: u16,
    /// The version now: after the action, or with 412 the one that was not seen.
    #[schema(required, minimum = 1)]
    version: Option<i64>,
    /// Why nothing was done; null if it was.
    #[schema(value_type = Option<BulkProblemBody>, required)]
    problem: Option<Value>,
}

/// Why nothing was done with a ticket: the problem that the same call for it alone would have been
/// answered with, without the members that name the call.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the problem; it is told as it was kept")]
struct BulkProblemBody {
    #[schema(rename = "type", format = "uri-reference")]
    kind: String,
    #[schema(max_length = 255)]
    title: String,
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    #[schema(max_length = 4096)]
    detail: String,
    #[schema(max_items = 100)]
    errors: Option<Vec<BulkFieldError>>,
    /// With 412: the version now.
    #[schema(minimum = 0)]
    current_version: Option<i64>,
    /// With 409: the state the ticket is in.
    #[schema(max_length = 64)]
    state: Option<String>,
    /// With 409: the actions that are allowed instead.
    #[schema(max_items = 100)]
    allowed: Option<Vec<String>>,
    /// With 409: who would read the note.
    #[schema(max_length = 64)]
    audience: Option<String>,
    /// With 409: the checks that are missing.
    #[schema(max_items = 100)]
    unmet: Option<Vec<String>>,
}

/// One bad field.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the problem; it is told as it was kept")]
struct BulkFieldError {
    /// JSON pointer into the action.
    #[schema(max_length = 128)]
    pointer: String,
    #[schema(max_length = 64, pattern = "^[a-z0-9-]+$")]
    code: String,
    #[schema(max_length = 1024)]
    message: String,
}

impl BulkResultBody {
    pub(super) fn new(result: ItemResult, lang: Lang) -> Self {
        let kept = result.problem.as_deref();
        let is_done = kept.is_none();
        let problem = kept.and_then(|kept| Told::read(kept, lang));
        let status = problem.as_ref().and_then(|problem| {
            let status = problem.get("status")?.as_u64()?;
            u16::try_from(status).ok()
        });
        BulkResultBody {
            ticket: result.named,
            number: result.number.map(|number| number.to_string()),
            // What was kept and cannot be read is a fault of ours, and no success.
            status: status.unwrap_or(if is_done { 201 } else { 500 }),
            version: result.version,
            problem,
        }
    }
}

/// What became of the tickets.
#[derive(Serialize, ToSchema)]
struct BulkResults {
    /// In the order they were named.
    #[schema(max_items = 100)]
    results: Vec<BulkResultBody>,
}

/// Acts on many tickets.
///
/// The same action on each, by the rules of a single one: rights, custody, version, note, audience. A
/// ticket that refuses holds up no other, and one out of reach is as if it had never existed. No file
/// can go along: a note with a file is written on one ticket.
///
/// Up to 100 tickets are answered at once, with a result each. More, up to 10,000, are a job: the answer
/// is 202, and `Location` says where to look how far it is. An action reaches a ticket once: a ticket
/// named twice is refused the second time as changed meanwhile, and a call repeated under its
/// `Idempotency-Key` after it was cut off goes on where it was. A result with 500 or 503 is no verdict:
/// send that ticket again, with another key.
#[utoipa::path(tag = "actions",
    request_body(content = BulkActionForm, description = "The tickets and the action"),
    responses(
        (status = 200, description = "What became of each", body = BulkResults),
        (status = 202, description = "A job that is worked from now on", body = BulkJobBody)))]
#[post("/v1/bulk-actions")]
pub(crate) async fn act_on_tickets(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    desk: web::Data<Desk>,
    lang: Language,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let object = read_object_within(&request, payload, Expects::Json, BOUNDS).await?;
    let once = repeatable.with(serde_json::to_vec(&object).unwrap_or_default());
    let (items, form, checked) = read_bulk(object).map_err(Problem::fields)?;
    if items.len() <= MOST_AT_ONCE {
        let answer = block(move || desk.act_on_many(&operator.0, &items, &checked, &once)).await?;
        let results = answer.value.into_iter();
        return Ok(
            replay_header(&mut HttpResponse::Ok(), answer.replayed).json(BulkResults {
                results: results
                    .map(|result| BulkResultBody::new(result, lang.0))
                    .collect(),
            }),
        );
    }
    let answer = block(move || desk.start_bulk_job(&operator.0, items, &form, &once)).await?;
    let mut response = HttpResponse::Accepted();
    response.insert_header(("location", format!("/v1/bulk-jobs/{}", answer.value.id)));
    Ok(replay_header(&mut response, answer.replayed).json(BulkJobBody::from(answer.value)))
}

type Bulk = (Vec<Item>, ActionForm, CheckedAction);

fn read_bulk(object: Map<String, Value>) -> Result<Bulk, Vec<FieldError>> {
    let mut body = Members::of(object);
    let items = body.needed("items", read_items);
    let form = body.needed("action", |body, name| body.object(name, read_form));
    let mut errors = body.finish();
    let checked = form.clone().map(ActionForm::check);
    if let Some(Err(found)) = &checked {
        let within = |error: &FieldError| FieldError {
            pointer: format!("/action{}", error.pointer),
            ..error.clone()
        };
        errors = merge(errors, found.iter().map(within).collect());
    }
    match (items, form, checked) {
        (Some(items), Some(form), Some(Ok(checked))) if errors.is_empty() => {
            Ok((items, form, checked))
        }
        _ => Err(errors),
    }
}

fn read_items(body: &mut Members, name: &str) -> Option<Vec<Item>> {
    let Some(Value::Array(items)) = body.take(name) else {
        body.refuse(name, wrong_type());
        return None;
    };
    if items.is_empty() {
        body.refuse(name, Invalid::required());
        return None;
    }
    if items.len() > MOST_ITEMS {
        let (it, en) = ("Al massimo 10.000 richieste", "at most 10,000 tickets");
        body.refuse(name, Invalid::new("too-many-items", it, en));
        return None;
    }
    let mut read = Vec::with_capacity(items.len());
    for (at, item) in items.into_iter().enumerate() {
        let place = format!("{name}/{at}");
        let Value::Object(item) = item else {
            body.refuse(&place, wrong_type());
            continue;
        };
        body.put(&place, Value::Object(item));
        let item = body.object(&place, |item| {
            let ticket = item.needed("ticket", |item, name| item.text(name, 64));
            let version = item.needed("version", Members::integer);
            if version.is_some_and(|version| version < 1) {
                item.refuse("version", out_of_range());
            }
            Some(Item {
                ticket: ticket?,
                version: version?,
            })
        });
        read.extend(item.flatten());
    }
    Some(read)
}

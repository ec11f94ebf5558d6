//! Schemes of replies to complaints: drafted by one person, approved by another.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use domain::ids::SchemeId;
use serde::Serialize;
use service::Desk;
use service::complaints::{SchemeForm, SchemeView};
use service::once::Answer;
use service::texts::letter::{Gap, GapKind, MOST_GAPS};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::codes::GapKind as GapCode;
use super::complaint_body::{line, objects};
use super::email_proofs::replay_header;
use super::{Links, links};
use crate::body::{Expects, media_type, read_object};
use crate::conditions::{Repeatable, Seen, etag, tagged};
use crate::members::{Members, invalid_format, out_of_range};
use crate::principal::Operator;
use crate::problem::Problem;
use crate::query::{Shape, cut_page, page_size, read_query, refuse_query};
use crate::routes::Routes;
use crate::{block, cursor};

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(list_reply_schemes)
        .service(draft_reply_scheme)
        .service(show_reply_scheme)
        .service(approve_reply_scheme);
}

/// A version of a scheme of replies.
#[derive(Serialize, ToSchema)]
struct ReplySchemeBody {
    id: Uuid,
    /// Whose it is; the region's are everybody's.
    #[schema(max_length = 64)]
    authority_code: String,
    #[schema(max_length = 64, pattern = "^[a-z0-9-]+$")]
    code: String,
    #[schema(minimum = 1)]
    version: i64,
    #[schema(max_length = 200)]
    label: String,
    body: SchemeWordsBody,
    #[schema(max_items = 20)]
    placeholders: Vec<SchemePlaceholderBody>,
    drafted_by: Uuid,
    #[schema(format = DateTime)]
    drafted_at: String,
    /// Null until somebody else approved it; from then on it never changes.
    #[schema(required)]
    approved_by: Option<Uuid>,
    #[schema(required, format = DateTime)]
    approved_at: Option<String>,
}

/// The words of a scheme in both languages.
#[derive(Serialize, ToSchema)]
struct SchemeWordsBody {
    #[schema(max_length = 8000)]
    it: String,
    #[schema(max_length = 8000)]
    en: String,
}

/// A placeholder of a scheme's own.
#[derive(Serialize, ToSchema)]
struct SchemePlaceholderBody {
    #[schema(max_length = 40, pattern = "^[a-z0-9_]+$")]
    code: String,
    #[schema(value_type = GapCode)]
    kind: &'static str,
    #[schema(max_length = 200)]
    label: String,
}

impl From<SchemeView> for ReplySchemeBody {
    fn from(view: SchemeView) -> Self {
        ReplySchemeBody {
            id: view.id.uuid(),
            authority_code: view.desk,
            code: view.code,
            version: view.version,
            label: view.label,
            body: SchemeWordsBody {
                it: view.body_it,
                en: view.body_en,
            },
            placeholders: view
                .gaps
                .into_iter()
                .map(|gap| SchemePlaceholderBody {
                    code: gap.code,
                    kind: gap.kind.as_str(),
                    label: gap.label,
                })
                .collect(),
            drafted_by: view.drafted_by.uuid(),
            drafted_at: view.drafted_at.to_string(),
            approved_by: view.approved.map(|(by, _)| by.uuid()),
            approved_at: view.approved.map(|(_, at)| at.to_string()),
        }
    }
}

/// Which schemes to list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters; they are read by name")]
pub(crate) struct ReplySchemeQuery {
    /// Only those that are approved, or only drafts.
    approved: Option<bool>,
    /// Schemes in a page: 1 to 100, 50 if absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// Where to go on.
    #[param(max_length = 256, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
}

/// A page of versions of schemes, the newest draft first.
#[derive(Serialize, ToSchema)]
struct ReplySchemePage {
    #[schema(max_items = 100)]
    items: Vec<ReplySchemeBody>,
    /// Null on the last page.
    #[schema(required, max_length = 256)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// The one order of the list.
const ORDER: &str = "-drafted_at";

/// Lists schemes of replies.
///
/// Those of the caller's desk and the region's, every version, the newest draft first.
#[utoipa::path(tag = "complaints", params(ReplySchemeQuery),
    responses((status = 200, description = "A page of schemes", body = ReplySchemePage)))]
#[get("/v1/complaint-reply-schemes")]
pub(crate) async fn list_reply_schemes(
    request: HttpRequest,
    operator: Operator,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let shape = Shape {
        numbers: &["limit"],
        flags: &["approved"],
        lists: &[],
    };
    let mut query = read_query(&request, &shape)?;
    let limit = page_size(&mut query);
    let approved = query.flag("approved");
    let after = query.code("cursor", |text| cursor::read_at(ORDER, text));
    let after = after.map(|(at, id)| (at, SchemeId::new(id)));
    refuse_query(&query.finish())?;
    let page = limit.saturating_add(1);
    let found = block(move || desk.list_schemes(&operator.0, approved, after, page)).await?;
    let (found, next_cursor) = cut_page(found, limit, |last| {
        cursor::write_at(ORDER, last.drafted_at, last.id.uuid())
    });
    Ok(HttpResponse::Ok().json(ReplySchemePage {
        links: links(&request, next_cursor.as_deref()),
        items: found.into_iter().map(ReplySchemeBody::from).collect(),
        next_cursor,
    }))
}

/// A scheme to draft.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct ReplySchemeForm {
    /// Which scheme; one that is there gets another version.
    #[schema(min_length = 1, max_length = 64, pattern = "^[a-z0-9-]+$")]
    code: String,
    #[schema(min_length = 1, max_length = 200)]
    label: String,
    body: WordsForm,
    /// The placeholders it has beside `number`, `received_on`, `subject`, `authority_label` and
    /// `complainant`, which every complaint fills.
    #[schema(max_items = 20)]
    placeholders: Option<Vec<PlaceholderForm>>,
}

/// The words in both languages, with gaps such as `{{ number }}`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct WordsForm {
    #[schema(min_length = 1, max_length = 8000)]
    it: String,
    #[schema(min_length = 1, max_length = 8000)]
    en: String,
}

/// A placeholder of the scheme's own; both languages place it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct PlaceholderForm {
    #[schema(min_length = 1, max_length = 40, pattern = "^[a-z0-9_]+$")]
    code: String,
    kind: GapCode,
    #[schema(min_length = 1, max_length = 200)]
    label: String,
}

/// Drafts a scheme of replies.
///
/// A version of the caller's desk; nothing is made by it before somebody else approved it.
#[utoipa::path(tag = "complaints", request_body(content = ReplySchemeForm, description = "The scheme"),
    responses((status = 201, description = "The draft", body = ReplySchemeBody)))]
#[post("/v1/complaint-reply-schemes")]
pub(crate) async fn draft_reply_scheme(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let object = read_object(&request, payload, Expects::Json).await?;
    let once = repeatable.with(serde_json::to_vec(&object).unwrap_or_default());
    let mut body = Members::of(object);
    let mut errors = Vec::new();
    let code = body.needed("code", |body, name| {
        let code = body.text(name, 64)?;
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if code.is_empty() || !code.chars().all(is_plain) {
            body.refuse(name, invalid_format());
        }
        Some(code)
    });
    let label = body.needed("label", line);
    let words = body.needed("body", |body, name| {
        body.object(name, |words| {
            let it = words.needed_text("it");
            let en = words.needed_text("en");
            it.zip(en)
        })
    });
    let gaps = objects(&mut body, "placeholders", &mut errors, |one| {
        let code = one.needed("code", |one, name| one.text(name, 40));
        let kind = one.needed("kind", |one, name| one.code(name, GapKind::from_code));
        let label = one.needed("label", line);
        Some(Gap {
            code: code?,
            kind: kind?,
            label: label?,
        })
    });
    if gaps.len() > MOST_GAPS {
        body.refuse("placeholders", out_of_range());
    }
    errors.extend(body.finish());
    let (Some(code), Some(label), Some(Some((body_it, body_en))), true) =
        (code, label, words, errors.is_empty())
    else {
        return Err(Problem::fields(errors));
    };
    let form = SchemeForm {
        code,
        label,
        body_it,
        body_en,
        gaps,
    };
    let answer = block(move || desk.draft_scheme(&operator.0, form, &once)).await?;
    let location = format!("/v1/complaint-reply-schemes/{}", answer.value.id);
    Ok(made(answer, Some(location)))
}

/// Shows a version of a scheme.
#[utoipa::path(tag = "complaints", params(("scheme" = Uuid, Path, description = "The id of the version")),
    responses((status = 200, description = "The scheme", body = ReplySchemeBody)))]
#[get("/v1/complaint-reply-schemes/{scheme}")]
pub(crate) async fn show_reply_scheme(
    request: HttpRequest,
    operator: Operator,
    scheme: web::Path<Uuid>,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let id = SchemeId::new(scheme.into_inner());
    let view = block(move || desk.show_scheme(&operator.0, id)).await?;
    let tag = view.tag();
    tagged(&request, Some(tag), &ReplySchemeBody::from(view))
}

/// Approves a scheme that somebody else drafted.
///
/// Nothing needs to be said in the body.
#[utoipa::path(tag = "complaints", params(("scheme" = Uuid, Path, description = "The id of the version")),
    responses((status = 201, description = "The scheme", body = ReplySchemeBody)))]
#[post("/v1/complaint-reply-schemes/{scheme}/approvals")]
pub(crate) async fn approve_reply_scheme(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    scheme: web::Path<Uuid>,
    seen: Seen,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    if !media_type(&request).is_empty() {
        let members = read_object(&request, payload, Expects::Json).await?;
        let errors = Members::of(members).finish();
        if !errors.is_empty() {
            return Err(Problem::fields(errors));
        }
    }
    let once = repeatable.with(Vec::new());
    let id = SchemeId::new(scheme.into_inner());
    let answer = block(move || desk.approve_scheme(&operator.0, id, seen.0, &once)).await?;
    Ok(made(answer, None))
}

fn made(answer: Answer<SchemeView>, location: Option<String>) -> HttpResponse {
    let mut response = HttpResponse::Created();
    if let Some(location) = location {
        response.insert_header(("location", location));
    }
    response.insert_header(etag(answer.value.tag()));
    replay_header(&mut response, answer.replayed).json(ReplySchemeBody::from(answer.value))
}

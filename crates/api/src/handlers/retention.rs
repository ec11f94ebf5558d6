//! How long personal data are kept, and what went when.

use actix_web::{HttpRequest, HttpResponse, get, put, web};
use domain::ids::RetentionRunId;
use domain::invalid::Invalid;
use domain::retention::{AUDIT_AT_LEAST, Schedule, Term};
use serde::Serialize;
use service::Desk;
use service::retention::proof::{KeptPiece, Run};
use service::retention::runs::Count;
use service::retention::schedules::{FixedTerm, ScheduleVersion, ScheduleView};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{Links, links};
use crate::body::{Expects, read_object};
use crate::conditions::{Seen, etag, tagged};
use crate::members::Members;
use crate::principal::Operator;
use crate::problem::Problem;
use crate::query::{PAGE, cut_page, page_size, read_query, refuse_query};
use crate::routes::Routes;
use crate::{block, cursor};

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(list_retention_schedules)
        .service(show_retention_schedule)
        .service(change_retention_schedule)
        .service(list_retention_runs)
        .service(show_retention_run);
}

/// The schedule of all authorities that have none of their own.
const OF_ALL: &str = "default";

/// A term for each class, counted from the day a request was closed or removed: ISO 8601, in whole years,
/// months or days.
#[derive(Serialize, ToSchema)]
struct TermsBody {
    /// Who somebody is. With it a request is anonymised, and nothing of it outlives that.
    #[schema(max_length = 16, pattern = "^P[0-9]+[YMD]$", example = "P24M")]
    identifier: String,
    /// Addresses, numbers, calls back.
    #[schema(max_length = 16, pattern = "^P[0-9]+[YMD]$", example = "P24M")]
    contact: String,
    /// What was written.
    #[schema(max_length = 16, pattern = "^P[0-9]+[YMD]$", example = "P24M")]
    health_text: String,
    /// Files.
    #[schema(max_length = 16, pattern = "^P[0-9]+[YMD]$", example = "P6M")]
    attachment: String,
    /// Complaints; counted from their own end.
    #[schema(max_length = 16, pattern = "^P[0-9]+[YMD]$", example = "P24M")]
    complaint: String,
}

impl From<Schedule> for TermsBody {
    fn from(schedule: Schedule) -> Self {
        TermsBody {
            identifier: schedule.identifier.to_string(),
            contact: schedule.contact.to_string(),
            health_text: schedule.health_text.to_string(),
            attachment: schedule.attachment.to_string(),
            complaint: schedule.complaint.to_string(),
        }
    }
}

/// A version of a schedule.
#[derive(Serialize, ToSchema)]
struct ScheduleVersionBody {
    #[schema(minimum = 1)]
    version: i64,
    terms: TermsBody,
    #[schema(format = DateTime)]
    created_at: String,
    /// The account that entered it.
    created_by: Uuid,
}

impl From<ScheduleVersion> for ScheduleVersionBody {
    fn from(version: ScheduleVersion) -> Self {
        ScheduleVersionBody {
            version: version.version,
            terms: version.schedule.into(),
            created_at: version.created_at.to_string(),
            created_by: version.created_by.uuid(),
        }
    }
}

/// What holds at an authority, or at all that have nothing of their own.
#[derive(Serialize, ToSchema)]
struct RetentionScheduleBody {
    /// Null for the one of all.
    #[schema(required, max_length = 64)]
    authority_code: Option<String>,
    /// The terms in force.
    terms: TermsBody,
    /// The version that put them in force; null where an authority goes by those of all, or nobody has set
    /// any.
    #[schema(required)]
    set: Option<ScheduleVersionBody>,
    /// What the region proposed since.
    #[schema(required)]
    proposal: Option<ScheduleVersionBody>,
}

impl From<ScheduleView> for RetentionScheduleBody {
    fn from(view: ScheduleView) -> Self {
        RetentionScheduleBody {
            authority_code: view.authority.map(|code| code.to_string()),
            terms: view.schedule.into(),
            set: view.set.map(Into::into),
            proposal: view.proposal.map(Into::into),
        }
    }
}

/// How long something is kept whose term follows from its use.
#[derive(Serialize, ToSchema)]
struct FixedTermBody {
    /// What it is.
    #[schema(max_length = 64, pattern = "^[a-z-]+$", example = "email-proof")]
    code: String,
    /// How long after its use: ISO 8601.
    #[schema(max_length = 32, example = "PT48H")]
    term: String,
}

impl From<FixedTerm> for FixedTermBody {
    fn from(fixed: FixedTerm) -> Self {
        FixedTermBody {
            code: fixed.code.to_owned(),
            term: fixed.kept.to_string(),
        }
    }
}

/// All schedules, in one page.
#[derive(Serialize, ToSchema)]
struct RetentionScheduleList {
    /// The one of all first, then those of authorities that have their own or a proposal.
    #[schema(max_items = 1000)]
    items: Vec<RetentionScheduleBody>,
    /// What has no schedule, because its term follows from its use.
    #[schema(max_items = 100)]
    fixed: Vec<FixedTermBody>,
    /// How long the audit trail is kept at least; nobody can set less.
    #[schema(max_length = 16, pattern = "^P[0-9]+[YMD]$", example = "P24M")]
    audit_at_least: String,
    /// Always null: the list is one page.
    #[schema(required, max_length = 512)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// Lists how long personal data are kept.
///
/// What holds at all authorities, what some have of their own, and what has a fixed term.
#[utoipa::path(tag = "administration",
    responses((status = 200, description = "The schedules", body = RetentionScheduleList)))]
#[get("/v1/retention-schedules")]
pub(crate) async fn list_retention_schedules(
    request: HttpRequest,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let asked = desk.clone();
    let found = block(move || asked.list_retention_schedules()).await?;
    Ok(HttpResponse::Ok().json(RetentionScheduleList {
        items: found.into_iter().map(Into::into).collect(),
        fixed: desk.fixed_terms().into_iter().map(Into::into).collect(),
        audit_at_least: AUDIT_AT_LEAST.to_string(),
        next_cursor: None,
        links: links(&request, None),
    }))
}

/// Shows how long an authority's data are kept.
///
/// `default` stands for all authorities that have no schedule of their own.
#[utoipa::path(tag = "administration",
    params(("authority" = String, Path, description = "The authority's code, or `default`", max_length = 64, pattern = "^[A-Za-z0-9_-]+$")),
    responses((status = 200, description = "The schedule", body = RetentionScheduleBody)))]
#[get("/v1/retention-schedules/{authority}")]
pub(crate) async fn show_retention_schedule(
    request: HttpRequest,
    authority: web::Path<String>,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let view = block(move || match authority.as_str() {
        OF_ALL => {
            let mut all = desk.list_retention_schedules()?;
            all.drain(..).next().ok_or(service::DeskError::NotFound)
        }
        code => desk.show_retention_schedule(code),
    })
    .await?;
    let version = view.version;
    tagged(&request, Some(version), &RetentionScheduleBody::from(view))
}

/// Sets how long an authority's data are kept.
///
/// All terms at once, from the next run on. From whoever keeps the machine it is in force at once; from the
/// region it is a proposal. Nothing may be kept longer than who the person is (`too-long`), nor shorter than
/// a request can be reopened or reviewed (`too-short`).
#[utoipa::path(tag = "administration",
    params(("authority" = String, Path, description = "The authority's code, or `default`", max_length = 64, pattern = "^[A-Za-z0-9_-]+$")),
    request_body(content = TermsBody, description = "The terms"),
    responses((status = 200, description = "The schedule", body = RetentionScheduleBody)))]
#[put("/v1/retention-schedules/{authority}")]
pub(crate) async fn change_retention_schedule(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    authority: web::Path<String>,
    seen: Seen,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let mut body = Members::of(read_object(&request, payload, Expects::Json).await?);
    let mut term = |name: &str| {
        let text = body.needed_text(name)?;
        let term = Term::parse(&text);
        if term.is_none() {
            body.refuse(name, no_term());
        }
        term
    };
    let [identifier, contact, health_text, attachment, complaint] = [
        "identifier",
        "contact",
        "health_text",
        "attachment",
        "complaint",
    ]
    .map(&mut term);
    let errors = body.finish();
    let (
        Some(identifier),
        Some(contact),
        Some(health_text),
        Some(attachment),
        Some(complaint),
        true,
    ) = (
        identifier,
        contact,
        health_text,
        attachment,
        complaint,
        errors.is_empty(),
    )
    else {
        return Err(Problem::fields(errors));
    };
    let schedule = Schedule {
        identifier,
        contact,
        health_text,
        attachment,
        complaint,
    };
    let view = block(move || {
        let authority = Some(authority.as_str()).filter(|code| *code != OF_ALL);
        desk.change_retention_schedule(&operator.0, authority, seen.0, schedule)
    })
    .await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(view.version))
        .json(RetentionScheduleBody::from(view)))
}

const fn no_term() -> Invalid {
    Invalid::new(
        "invalid-format",
        "Un termine come P24M, P2Y o P90D, fino a P50Y",
        "a term such as P24M, P2Y or P90D is expected, up to P50Y",
    )
}

/// How many lost a class of data.
#[derive(Serialize, ToSchema)]
struct RetentionCountBody {
    /// `ticket`, `complaint`, `contact` or `callback`.
    #[schema(max_length = 32, pattern = "^[a-z-]+$")]
    kind: String,
    /// `identifier`, `contact`, `health-text`, `attachment` or `complaint`.
    #[schema(max_length = 32, pattern = "^[a-z-]+$")]
    class: String,
    #[schema(max_length = 64)]
    authority_code: String,
    #[schema(minimum = 0)]
    count: i64,
}

/// Something that was due and stays.
#[derive(Serialize, ToSchema)]
struct KeptBody {
    #[schema(max_length = 32, pattern = "^[a-z-]+$")]
    kind: String,
    /// Its number, or its id.
    #[schema(max_length = 64)]
    number: String,
    /// `legal-hold`, `open-review`, `open-complaint`, `open-follow-up`, `open-work` or `failed`.
    #[schema(max_length = 32, pattern = "^[a-z-]+$")]
    reason: String,
}

/// A run, and the proof of it.
#[derive(Serialize, ToSchema)]
struct RetentionRunBody {
    id: Uuid,
    /// `waiting` for a person, because it would take more than usual; `running`; or `done`.
    #[schema(max_length = 16, pattern = "^[a-z]+$")]
    state: String,
    /// What was due by then went.
    #[schema(format = DateTime)]
    due_by: String,
    /// The one authority it is about; null for all.
    #[schema(required, max_length = 64)]
    authority_code: Option<String>,
    /// The node that began it.
    #[schema(max_length = 64)]
    node: String,
    #[schema(format = DateTime)]
    started_at: String,
    #[schema(required, format = DateTime)]
    confirmed_at: Option<String>,
    #[schema(required, format = DateTime)]
    ended_at: Option<String>,
    /// How many were due when it began.
    #[schema(minimum = 0)]
    due: i64,
    /// How many there were that named somebody.
    #[schema(minimum = 0)]
    in_stock: i64,
    /// The versions and terms it went by, by authority; the empty code stands for all others.
    #[schema(value_type = Object)]
    schedules: serde_json::Value,
    /// What went; empty before it is done.
    #[schema(max_items = 10000)]
    counts: Vec<RetentionCountBody>,
    /// What was kept, and why.
    #[schema(max_items = 100000)]
    kept: Vec<KeptBody>,
    /// A keyed digest over what went, which the audit trail holds as well.
    #[schema(required, max_length = 64, pattern = "^[0-9a-f]+$")]
    digest: Option<String>,
}

impl RetentionRunBody {
    fn new(run: Run) -> Self {
        let proof = run.proof;
        let counts: Vec<Count> = read(proof.as_ref().map(|proof| proof.counts.as_str()));
        let kept: Vec<KeptPiece> = read(proof.as_ref().map(|proof| proof.kept.as_str()));
        RetentionRunBody {
            id: run.id.uuid(),
            state: run.state.as_str().to_owned(),
            due_by: run.due_by.to_string(),
            authority_code: run.authority.map(|code| code.to_string()),
            node: run.node,
            started_at: run.started_at.to_string(),
            confirmed_at: run.confirmed_at.map(|at| at.to_string()),
            ended_at: proof.as_ref().map(|proof| proof.ended_at.to_string()),
            due: run.due,
            in_stock: run.in_stock,
            schedules: read(Some(&run.schedules)),
            counts: counts
                .into_iter()
                .map(|one| RetentionCountBody {
                    kind: one.kind,
                    class: one.class,
                    authority_code: one.authority,
                    count: one.count,
                })
                .collect(),
            kept: kept
                .into_iter()
                .map(|one| KeptBody {
                    kind: one.kind,
                    number: one.named,
                    reason: one.reason,
                })
                .collect(),
            digest: proof.map(|proof| proof.digest),
        }
    }
}

/// What a run keeps as JSON is our own.
fn read<T: serde::de::DeserializeOwned + Default>(text: Option<&str>) -> T {
    text.and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}

/// Which runs to list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters; they are read by name")]
pub(crate) struct RetentionRunQuery {
    /// Runs in a page: 1 to 100, 50 if absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// Where to go on.
    #[param(max_length = 256, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
}

/// A page of runs, the newest first.
#[derive(Serialize, ToSchema)]
struct RetentionRunPage {
    #[schema(max_items = 100)]
    items: Vec<RetentionRunBody>,
    /// Null on the last page.
    #[schema(required, max_length = 256)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// The one order of the list.
const ORDER: &str = "-started_at";

/// Lists runs of retention.
///
/// Those that had something to do. What went is told by counts; the list itself is proved by the digest.
#[utoipa::path(tag = "administration", params(RetentionRunQuery),
    responses((status = 200, description = "A page of runs", body = RetentionRunPage)))]
#[get("/v1/retention-runs")]
pub(crate) async fn list_retention_runs(
    request: HttpRequest,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let mut query = read_query(&request, &PAGE)?;
    let limit = page_size(&mut query);
    let after = query.code("cursor", |text| cursor::read_at(ORDER, text));
    let after = after.map(|(at, id)| (at, RetentionRunId::new(id)));
    refuse_query(&query.finish())?;
    let page = limit.saturating_add(1);
    let found = block(move || desk.list_retention_runs(after, page)).await?;
    let (found, next_cursor) = cut_page(found, limit, |last| {
        cursor::write_at(ORDER, last.started_at, last.id.uuid())
    });
    Ok(HttpResponse::Ok().json(RetentionRunPage {
        links: links(&request, next_cursor.as_deref()),
        items: found.into_iter().map(RetentionRunBody::new).collect(),
        next_cursor,
    }))
}

/// Shows a run of retention.
#[utoipa::path(tag = "administration", params(("run" = Uuid, Path, description = "The run's id")),
    responses((status = 200, description = "The run", body = RetentionRunBody)))]
#[get("/v1/retention-runs/{run}")]
pub(crate) async fn show_retention_run(
    run: web::Path<Uuid>,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let id = RetentionRunId::new(run.into_inner());
    let run = block(move || desk.show_retention_run(id)).await?;
    Ok(HttpResponse::Ok().json(RetentionRunBody::new(run)))
}

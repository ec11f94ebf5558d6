//! Accounts of staff, for those who keep them.

use actix_web::{HttpRequest, HttpResponse, get, post, put, web};
use domain::account::{AccountState, AccountStep};
use domain::ids::AccountId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::Desk;
use service::keeping::{AccountForm, AccountView, PlacementForm, PlacementView, StepForm, Stepped};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use validator::Validate;

use super::codes::{
    AccountReason, AccountState as AccountStateCode, AccountStep as AccountStepCode, Attestation,
    DocumentKind, Role,
};
use super::email_proofs::replay_header;
use super::{CodeLabel, Links, links};
use crate::block;
use crate::body::{Expects, read_as, read_object, read_repeatable};
use crate::conditions::{Repeatable, Seen, etag};
use crate::members::not_in_list;
use crate::principal::Operator;
use crate::problem::Problem;
use crate::query::{PAGE, cut_page, page_size, read_query, refuse_query};
use crate::routes::Routes;

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(list_accounts)
        .service(create_account)
        .service(show_account)
        .service(place_account)
        .service(step_account);
}

/// An account.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountBody {
    id: Uuid,
    #[schema(minimum = 1)]
    version: i64,
    #[schema(max_length = 64)]
    username: String,
    /// What colleagues read.
    #[schema(max_length = 250)]
    label: String,
    /// Null if there is none, or the caller does not steer the account.
    #[schema(required, format = "email", max_length = 254)]
    email: Option<String>,
    #[schema(value_type = AccountStateCode)]
    state: String,
    /// The authority that keeps the account.
    #[schema(required, max_length = 64)]
    home: Option<String>,
    #[schema(max_items = 100)]
    placements: Vec<AccountPlacementBody>,
    second_factor: bool,
    #[schema(required, format = DateTime)]
    password_changed_at: Option<String>,
    /// When the password must be another; null where the policy does not rotate.
    #[schema(required, format = DateTime)]
    must_change_by: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    /// The steps the caller may take now.
    #[schema(value_type = Vec<AccountStepCode>, max_items = 10)]
    allowed_steps: Vec<String>,
}

/// A role at an authority's location.
#[derive(Serialize, ToSchema)]
struct AccountPlacementBody {
    id: Uuid,
    #[schema(value_type = Role)]
    role: String,
    authority: CodeLabel,
    location: CodeLabel,
}

impl From<PlacementView> for AccountPlacementBody {
    fn from(placement: PlacementView) -> Self {
        AccountPlacementBody {
            id: placement.id.uuid(),
            role: placement.role.code().to_owned(),
            authority: CodeLabel {
                code: placement.authority.to_string(),
                label: placement.authority_label,
            },
            location: CodeLabel {
                code: placement.location_code,
                label: placement.location_label,
            },
        }
    }
}

impl From<AccountView> for AccountBody {
    fn from(account: AccountView) -> Self {
        AccountBody {
            id: account.id.uuid(),
            version: account.version,
            username: account.username,
            label: account.label,
            email: account.email,
            state: account.state.code().to_owned(),
            home: account.home.map(|home| home.to_string()),
            placements: account.placements.into_iter().map(Into::into).collect(),
            second_factor: account.has_second_factor,
            password_changed_at: account.password_set_at.map(|at| at.to_string()),
            must_change_by: account.must_change_by.map(|at| at.to_string()),
            created_at: account.created_at.to_string(),
            allowed_steps: account.allowed_steps,
        }
    }
}

/// Which accounts to list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters; they are read by name")]
pub(crate) struct AccountQuery {
    /// Those in this state alone.
    #[param(inline)]
    state: Option<AccountStateCode>,
    /// Accounts in a page: 1 to 100, 50 if absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// Where to go on.
    #[param(max_length = 128, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
}

/// A page of accounts, by user name.
#[derive(Serialize, ToSchema)]
struct AccountPage {
    #[schema(max_items = 100)]
    items: Vec<AccountBody>,
    /// Null on the last page.
    #[schema(required, max_length = 128)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// Lists accounts.
///
/// Those the caller keeps: an authority's administrator its own, the regional supervisor the regional
/// desk's and every administrator, the system administrator all.
#[utoipa::path(tag = "accounts", params(AccountQuery),
    responses((status = 200, description = "A page of accounts", body = AccountPage)))]
#[get("/v1/accounts")]
pub(crate) async fn list_accounts(
    request: HttpRequest,
    operator: Operator,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let mut query = read_query(&request, &PAGE)?;
    let limit = page_size(&mut query);
    let state = query.code("state", AccountState::from_code);
    let after = query.code("cursor", read_cursor);
    refuse_query(&query.finish())?;
    let found = block(move || {
        desk.list_accounts(
            &operator.0,
            state,
            after.as_deref(),
            limit.saturating_add(1),
        )
    })
    .await?;
    let (found, next_cursor) = cut_page(found, limit, |last| write_cursor(&last.username));
    Ok(HttpResponse::Ok().json(AccountPage {
        links: links(&request, next_cursor.as_deref()),
        items: found.into_iter().map(AccountBody::from).collect(),
        next_cursor,
    }))
}

fn write_cursor(username: &str) -> String {
    data_encoding::BASE64URL_NOPAD.encode(username.as_bytes())
}

fn read_cursor(text: &str) -> Option<String> {
    let bytes = data_encoding::BASE64URL_NOPAD
        .decode(text.as_bytes())
        .ok()?;
    String::from_utf8(bytes)
        .ok()
        .filter(|name| !name.contains('\0'))
}

/// An account to create.
#[derive(Deserialize, Validate, ToSchema)]
struct NewAccountBody {
    /// What the person will log in with: 3 to 64 of a-z, 0-9, `.`, `_`, `-` and `@`.
    #[validate(length(min = 1, max = 64))]
    #[schema(min_length = 3, max_length = 64)]
    username: String,
    #[validate(length(min = 1, max = 100))]
    #[schema(min_length = 1, max_length = 100)]
    given_name: String,
    #[validate(length(min = 1, max = 100))]
    #[schema(min_length = 1, max_length = 100)]
    family_name: String,
    /// Kept as a keyed fingerprint alone: one person, one account.
    #[validate(length(min = 1, max = 32))]
    #[schema(min_length = 11, max_length = 16)]
    tax_code: String,
    /// The person's own mailbox, which no other account has.
    #[validate(length(min = 1, max = 254))]
    #[schema(format = "email", max_length = 254)]
    email: String,
    #[validate(length(min = 1, max = 20))]
    #[schema(min_items = 1, max_items = 20)]
    placements: Vec<NewPlacementBody>,
}

/// A placement to give.
#[derive(Serialize, Deserialize, Validate, ToSchema)]
struct NewPlacementBody {
    #[schema(value_type = Role)]
    role: String,
    #[schema(max_length = 64, pattern = "^[A-Za-z0-9_-]+$")]
    authority_code: String,
    #[schema(min_length = 1, max_length = 100)]
    location_code: String,
    /// What people call the place; its code, if left out.
    #[schema(max_length = 100)]
    location_label: Option<String>,
}

impl From<NewPlacementBody> for PlacementForm {
    fn from(body: NewPlacementBody) -> Self {
        PlacementForm {
            role: body.role,
            authority_code: body.authority_code,
            location_code: body.location_code,
            location_label: body.location_label,
        }
    }
}

/// Creates an account.
///
/// It starts as `requested`: identify the person (step `identify`), then make the codes (step `issue`).
/// An authority has one administrator: creating a second answers 409 `admin-exists`. Accounts are
/// personal: a mailbox or person that has an account already is refused.
#[utoipa::path(tag = "accounts", request_body(content = NewAccountBody, description = "The account"),
    responses((status = 201, description = "The account", body = AccountBody)))]
#[post("/v1/accounts")]
pub(crate) async fn create_account(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let (body, content): (NewAccountBody, _) = read_repeatable(&request, payload).await?;
    let form = AccountForm {
        username: body.username,
        given_name: body.given_name,
        family_name: body.family_name,
        tax_code: body.tax_code,
        email: body.email,
        placements: body.placements.into_iter().map(Into::into).collect(),
    };
    let once = repeatable.with(content);
    let answer = block(move || desk.create_account(&operator.0, &form, &once)).await?;
    let account = AccountBody::from(answer.value);
    Ok(replay_header(&mut HttpResponse::Created(), answer.replayed)
        .insert_header(("location", format!("/v1/accounts/{}", account.id)))
        .insert_header(etag(account.version))
        .json(account))
}

/// An account with its history.
#[derive(Serialize, ToSchema)]
struct AccountScreenBody {
    account: AccountBody,
    /// What happened to it, the newest hundred first; empty for callers who do not steer the account.
    #[schema(max_items = 100)]
    history: Vec<AccountEventBody>,
}

/// Something that happened to an account.
#[derive(Serialize, ToSchema)]
struct AccountEventBody {
    #[schema(minimum = 1)]
    seq: i64,
    #[schema(format = DateTime)]
    at: String,
    /// What, such as `credential.issued`.
    #[schema(max_length = 64)]
    event: String,
    /// By whom; null for the system, and for what a person does before a log-in.
    #[schema(required)]
    actor_id: Option<Uuid>,
    /// More: codes and ids alone.
    #[schema(value_type = Object)]
    detail: Value,
}

/// Shows an account.
///
/// With its history: who asked for it, who attested the person and how, who made codes, what followed.
#[utoipa::path(tag = "accounts", params(("account" = Uuid, Path, description = "The account")),
    responses((status = 200, description = "The account", body = AccountScreenBody)))]
#[get("/v1/accounts/{account}")]
pub(crate) async fn show_account(
    operator: Operator,
    account: web::Path<Uuid>,
    request: HttpRequest,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let id = AccountId::new(*account);
    let (account, events) = block(move || desk.show_account(&operator.0, id)).await?;
    let history = events.into_iter().map(|past| AccountEventBody {
        seq: past.seq,
        at: past.at.to_string(),
        event: past.event.kind,
        actor_id: past.event.actor.map(AccountId::uuid),
        detail: past.event.detail,
    });
    let version = account.version;
    let body = AccountScreenBody {
        account: account.into(),
        history: history.collect(),
    };
    crate::conditions::tagged(&request, Some(version), &body)
}

/// The placements an account is to have.
#[derive(Deserialize, Validate, ToSchema)]
struct PlacementsBody {
    /// None takes away every placement in the caller's reach.
    #[validate(length(max = 20))]
    #[schema(max_items = 20)]
    placements: Vec<NewPlacementBody>,
}

/// Changes an account's placements.
///
/// All that are in the caller's reach become these; placements at other authorities stay. What is lost
/// is lost at once, also for open sessions, and the tickets owned there go back to the queue.
#[utoipa::path(tag = "accounts", params(("account" = Uuid, Path, description = "The account")),
    request_body(content = PlacementsBody, description = "The placements"),
    responses((status = 200, description = "The account", body = SteppedBody)))]
#[put("/v1/accounts/{account}/placements")]
pub(crate) async fn place_account(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    account: web::Path<Uuid>,
    seen: Seen,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let body: PlacementsBody = read_as(read_object(&request, payload, Expects::Json).await?)?;
    let forms: Vec<PlacementForm> = body.placements.into_iter().map(Into::into).collect();
    let id = AccountId::new(*account);
    let stepped = block(move || desk.place_account(&operator.0, id, seen.0, &forms)).await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(stepped.account.version))
        .json(SteppedBody::from(stepped)))
}

/// A step of an account's life.
#[derive(Deserialize, Validate, ToSchema)]
struct StepBody {
    #[schema(value_type = AccountStepCode)]
    step: String,
    /// How the person was identified; needed by `identify`.
    #[schema(value_type = Option<Attestation>)]
    attested: Option<String>,
    /// The document that was seen, which is never copied; needed by `identify`.
    #[schema(value_type = Option<DocumentKind>)]
    document_kind: Option<String>,
    /// Why; needed by `suspend` and `revoke`.
    #[schema(value_type = Option<AccountReason>)]
    reason: Option<String>,
}

/// What a step led to.
#[derive(Serialize, ToSchema)]
struct SteppedBody {
    account: AccountBody,
    /// What to hand over in person, if codes were made; shown again to the same `Idempotency-Key` alone.
    #[schema(required)]
    codes: Option<CodesBody>,
    /// Tickets that went back to the queue.
    #[schema(minimum = 0)]
    released_tickets: usize,
}

/// The code that goes hand to hand, and the sheet to print. The security code goes by mail.
#[derive(Serialize, ToSchema)]
struct CodesBody {
    #[schema(max_length = 32)]
    identification_code: String,
    #[schema(format = DateTime)]
    expires_at: String,
    #[schema(max_length = 4000)]
    sheet_text: String,
    #[schema(max_length = 8000)]
    sheet_html: String,
}

impl From<Stepped> for SteppedBody {
    fn from(stepped: Stepped) -> Self {
        SteppedBody {
            account: stepped.account.into(),
            codes: stepped.codes.map(|codes| CodesBody {
                identification_code: codes.identification_code,
                expires_at: codes.expires_at.to_string(),
                sheet_text: codes.sheet_text,
                sheet_html: codes.sheet_html,
            }),
            released_tickets: stepped.released,
        }
    }
}

/// Takes a step of an account's life.
///
/// `identify` attests who the person is; `issue` makes both codes, voids earlier ones and the password,
/// and answers the sheet to hand over; `unlock`, `suspend`, `reactivate`; `revoke` ends the account for
/// good. Suspending and revoking end all sessions at once and send the person's tickets to the queue.
#[utoipa::path(tag = "accounts", params(("account" = Uuid, Path, description = "The account")),
    request_body(content = StepBody, description = "The step"),
    responses((status = 201, description = "What the step led to", body = SteppedBody)))]
#[post("/v1/accounts/{account}/steps")]
pub(crate) async fn step_account(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    account: web::Path<Uuid>,
    seen: Seen,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let (body, content): (StepBody, _) = read_repeatable(&request, payload).await?;
    let step = AccountStep::by_hand(&body.step)
        .ok_or_else(|| Problem::field(not_in_list().at("/step")))?;
    let form = StepForm {
        step,
        attested: body.attested,
        document_kind: body.document_kind,
        reason: body.reason,
    };
    let (id, once) = (AccountId::new(*account), repeatable.with(content));
    let answer = block(move || desk.step_account(&operator.0, id, seen.0, &form, &once)).await?;
    let stepped = SteppedBody::from(answer.value);
    Ok(replay_header(&mut HttpResponse::Created(), answer.replayed)
        .insert_header(etag(stepped.account.version))
        .json(stepped))
}

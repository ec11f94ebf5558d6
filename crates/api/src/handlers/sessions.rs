//! Staff log-in, placements, and who I am.

use actix_web::{HttpRequest, HttpResponse, delete, get, post, put, web};
use domain::command::ActionCode;
use domain::ids::PlacementId;
use serde::{Deserialize, Serialize};
use service::sign_in::{Placement, SignedIn, staff_of};
use service::{Desk, DeskError};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use super::CodeLabel;
use super::announcements::OwnAnnouncementBody;
use super::codes::{self, Role, TokenType};
use super::credentials::network;
use super::email_proofs::replay_header;
use crate::app::Shared;
use crate::block;
use crate::body::{Expects, read_as, read_object, read_repeatable};
use crate::conditions::Repeatable;
use crate::language::Language;
use crate::principal::SignedInStaff;
use crate::problem::Problem;
use crate::routes::Routes;
use crate::tokens::RefreshToken;

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(open_session)
        .service(refresh_session)
        .service(choose_placement)
        .service(close_session)
        .service(show_me);
}

/// A user name and a password.
#[derive(Deserialize, Validate, ToSchema)]
struct CredentialsBody {
    #[validate(length(min = 1, max = 128))]
    #[schema(min_length = 1, max_length = 128)]
    username: String,
    #[validate(length(min = 1, max = 256))]
    #[schema(min_length = 1, max_length = 256)]
    password: String,
    /// A second factor's code, for accounts that have one.
    #[validate(length(max = 16))]
    #[schema(max_length = 16)]
    otp: Option<String>,
}

/// A session and its tokens.
#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct SessionBody {
    /// For the `Authorization` header.
    #[schema(max_length = 8192)]
    access_token: String,
    #[schema(value_type = TokenType)]
    token_type: String,
    /// Seconds the access token is good for.
    #[schema(minimum = 0, maximum = 86400)]
    expires_in: i64,
    /// Good once, for the next pair.
    #[schema(max_length = 256)]
    refresh_token: String,
    /// The placements to choose from.
    #[schema(max_items = 100)]
    placements: Vec<PlacementBody>,
    /// The placement chosen; null until one is.
    #[schema(required)]
    placement: Option<PlacementBody>,
    /// Whether the password must be changed before anything else.
    must_change_password: bool,
    /// Whether a second factor was shown.
    second_factor: bool,
}

/// A role at an authority's location.
#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct PlacementBody {
    id: Uuid,
    #[schema(value_type = Role)]
    role: String,
    authority: CodeLabel,
    location: CodeLabel,
}

impl From<&Placement> for PlacementBody {
    fn from(placement: &Placement) -> Self {
        PlacementBody {
            id: placement.id.uuid(),
            role: placement.role.code().to_owned(),
            authority: CodeLabel {
                code: placement.authority.to_string(),
                label: placement.authority_label.clone(),
            },
            location: CodeLabel {
                code: placement.location_code.clone(),
                label: placement.location_label.clone(),
            },
        }
    }
}

pub(crate) fn session_body(
    shared: &Shared,
    signed_in: &SignedIn,
) -> Result<SessionBody, DeskError> {
    let (now, jti) = (shared.desk.now(), shared.desk.ids().uuid());
    let token = shared
        .tokens
        .issue_staff(signed_in.account, signed_in.session, jti, now)
        .map_err(|error| DeskError::broken("a token cannot be signed", error))?;
    let refresh = RefreshToken::from_secret(signed_in.session, &signed_in.refresh_secret)
        .ok_or(DeskError::Broken("a refresh secret of another shape", None))?;
    Ok(SessionBody {
        access_token: token.token,
        token_type: "Bearer".to_owned(),
        expires_in: token.expires_in_seconds,
        refresh_token: refresh.expose(),
        placements: signed_in
            .placements
            .iter()
            .map(PlacementBody::from)
            .collect(),
        placement: signed_in.placement.as_ref().map(PlacementBody::from),
        must_change_password: signed_in.must_change_password,
        second_factor: signed_in.has_second_factor,
    })
}

/// Opens a session.
///
/// For staff. Send the access token as `Authorization: Bearer`, and renew it with the refresh token
/// before `expires_in` seconds are over. With one placement it is chosen at once; with several, every
/// other call answers 403 `role-selection-required` until one is chosen. Unknown user, wrong password
/// and blocked account get the same 401.
#[utoipa::path(tag = "sessions", request_body(content = CredentialsBody, description = "User name and password",
        examples(("operator" = (summary = "An operator of the demo", value = json!({"username": "to4.operator", "password": "as `sportello demo accounts` prints it"}))))),
    responses((status = 201, description = "The session", body = SessionBody)))]
#[post("/v1/sessions")]
pub(crate) async fn open_session(
    request: HttpRequest,
    payload: web::Payload,
    shared: web::Data<Shared>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let (body, content): (CredentialsBody, _) = read_repeatable(&request, payload).await?;
    let network = network(&request);
    let once = repeatable.told_by(body.username.trim()).with(content);
    let answer = block(move || {
        shared.desk.answer_once(&once, || {
            let (username, otp) = (body.username.trim(), body.otp.as_deref());
            let signed_in = shared
                .desk
                .sign_in(username, &body.password, otp, &network)?;
            session_body(&shared, &signed_in)
        })
    })
    .await?;
    Ok(replay_header(&mut HttpResponse::Created(), answer.replayed).json(answer.value))
}

/// A refresh token.
#[derive(Deserialize, Validate, ToSchema)]
struct RefreshBody {
    #[validate(length(min = 1, max = 256))]
    #[schema(min_length = 1, max_length = 256)]
    refresh_token: String,
}

/// Renews a session.
///
/// The refresh token is good once: the answer holds the next one. Using an old one again ends the
/// session, since somebody else may hold it.
#[utoipa::path(tag = "sessions", request_body(content = RefreshBody, description = "The refresh token"),
    responses((status = 200, description = "The session", body = SessionBody)))]
#[post("/v1/sessions/refresh")]
pub(crate) async fn refresh_session(
    request: HttpRequest,
    payload: web::Payload,
    shared: web::Data<Shared>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let (body, content): (RefreshBody, _) = read_repeatable(&request, payload).await?;
    let token = RefreshToken::parse(&body.refresh_token).ok_or(DeskError::Credentials)?;
    let network = network(&request);
    let once = repeatable
        .told_by(&token.session().to_string())
        .with(content);
    let answer = block(move || {
        shared.desk.answer_once(&once, || {
            let (session, secret) = (token.session(), token.secret());
            let signed_in = shared.desk.refresh(session, &secret, &network)?;
            session_body(&shared, &signed_in)
        })
    })
    .await?;
    Ok(replay_header(&mut HttpResponse::Ok(), answer.replayed).json(answer.value))
}

/// The placement to act in.
#[derive(Deserialize, Validate, ToSchema)]
struct ChoiceBody {
    /// One of the session's placements.
    placement_id: Uuid,
}

/// Chooses the placement to act in.
///
/// Needed once after a log-in with several placements, and possible again at any time. Go on with both
/// tokens of the answer: the refresh token is renewed as well.
#[utoipa::path(tag = "sessions", request_body(content = ChoiceBody, description = "The placement"),
    responses((status = 200, description = "The session", body = SessionBody)))]
#[put("/v1/sessions/current/placement")]
pub(crate) async fn choose_placement(
    request: HttpRequest,
    payload: web::Payload,
    staff: SignedInStaff,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, Problem> {
    let body: ChoiceBody = read_as(read_object(&request, payload, Expects::Json).await?)?;
    let session = staff.0;
    let wanted = PlacementId::new(body.placement_id);
    let network = network(&request);
    let body = block(move || {
        let chosen = shared.desk.choose_placement(&session, wanted, &network)?;
        session_body(&shared, &chosen)
    })
    .await?;
    Ok(HttpResponse::Ok().json(body))
}

/// Ends the session.
///
/// At once: neither its access tokens nor its refresh token are good any more.
#[utoipa::path(tag = "sessions", responses((status = 204, description = "The session has ended")))]
#[delete("/v1/sessions/current")]
pub(crate) async fn close_session(
    request: HttpRequest,
    staff: SignedInStaff,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let network = network(&request);
    block(move || desk.sign_out(&staff.0, &network)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Who I am.
#[derive(Serialize, ToSchema)]
struct MeBody {
    id: Uuid,
    #[schema(max_length = 128)]
    username: String,
    /// What colleagues read.
    #[schema(max_length = 128)]
    label: String,
    /// The placement chosen; null until one is.
    #[schema(required)]
    placement: Option<PlacementBody>,
    /// The placements to choose from.
    #[schema(max_items = 100)]
    placements: Vec<PlacementBody>,
    /// The actions my role may take on tickets in custody.
    #[schema(value_type = Vec<codes::ActionCode>, max_items = 50)]
    actions: Vec<String>,
    /// What I am to read now, the newest first; nothing before a placement is chosen.
    #[schema(max_items = 20)]
    announcements: Vec<OwnAnnouncementBody>,
}

/// Shows who I am.
///
/// With my placements, the one I act in, the actions my role may take, and what I am to read.
#[utoipa::path(tag = "sessions", responses((status = 200, description = "The caller", body = MeBody)))]
#[get("/v1/me")]
pub(crate) async fn show_me(
    staff: SignedInStaff,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let (session, account) = (staff.0.clone(), staff.0.account);
    let reader = staff_of(&staff.0);
    let (placements, announcements) = block(move || {
        let announcements = match reader {
            Some(reader) => desk.list_shown(&reader)?,
            None => Vec::new(),
        };
        Ok((desk.list_placements(account)?, announcements))
    })
    .await?;
    let role = session.placement.as_ref().map(|placement| placement.role);
    let may = |action: &ActionCode| role.is_some_and(|role| domain::lifecycle::may(role, *action));
    Ok(HttpResponse::Ok().json(MeBody {
        id: session.account.uuid(),
        username: session.username.clone(),
        label: session.display_name.clone(),
        placement: session.placement.as_ref().map(PlacementBody::from),
        placements: placements.iter().map(PlacementBody::from).collect(),
        actions: ActionCode::OFFERED
            .iter()
            .filter(|action| may(action))
            .map(|a| a.as_str().to_owned())
            .collect(),
        announcements: announcements
            .iter()
            .map(|one| OwnAnnouncementBody::new(one, lang.0))
            .collect(),
    }))
}

//! One's own credentials: the first password, another one, getting back in, the second factor.

use actix_web::{HttpMessage, HttpRequest, HttpResponse, get, post, put, web};
use serde::{Deserialize, Serialize};
use service::Desk;
use service::passwords::CredentialStatus;
use utoipa::ToSchema;
use validator::Validate;

use super::codes::AccountState;
use super::email_proofs::replay_header;
use super::{Links, links};
use crate::block;
use crate::body::{Expects, read_as, read_object, read_repeatable};
use crate::conditions::Repeatable;
use crate::gate::Network;
use crate::principal::{Operator, SignedInStaff};
use crate::problem::Problem;
use crate::routes::Routes;

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(activate_account)
        .service(change_password)
        .service(recover_password)
        .service(show_credential)
        .service(keep_security_answers)
        .service(start_second_factor)
        .service(confirm_second_factor)
        .service(list_password_policies);
}

/// The caller's network, for counting tries by where they come from.
pub(crate) fn network(request: &HttpRequest) -> String {
    request
        .extensions()
        .get::<Network>()
        .map_or_else(String::new, |network| network.0.clone())
}

/// Both codes, and the password to set.
#[derive(Deserialize, Validate, ToSchema)]
struct ActivationBody {
    /// From the sheet that was handed over.
    #[validate(length(min = 1, max = 32))]
    #[schema(min_length = 1, max_length = 32)]
    identification_code: String,
    /// From the mail.
    #[validate(length(min = 1, max = 32))]
    #[schema(min_length = 1, max_length = 32)]
    security_code: String,
    /// The password the person wants.
    #[validate(length(min = 1, max = 256))]
    #[schema(min_length = 1, max_length = 256)]
    password: String,
}

/// Who may log in now.
#[derive(Serialize, Deserialize, ToSchema)]
struct ActivatedBody {
    #[schema(max_length = 64)]
    username: String,
}

/// Activates an account.
///
/// With the code of the sheet and the code of the mail the person sets a password of their own. Codes are
/// good for seven days and once; five wrong ones void them. Only whoever shows both right codes hears
/// that they were used or have run out; to everybody else they are wrong.
#[utoipa::path(tag = "credentials", request_body(content = ActivationBody, description = "Codes and password"),
    responses((status = 201, description = "The account is active", body = ActivatedBody)))]
#[post("/v1/activations")]
pub(crate) async fn activate_account(
    request: HttpRequest,
    payload: web::Payload,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let (body, content): (ActivationBody, _) = read_repeatable(&request, payload).await?;
    let network = network(&request);
    let once = repeatable.told_by(&body.identification_code).with(content);
    let answer = block(move || {
        desk.answer_once(&once, || {
            let (first, second) = (&body.identification_code, &body.security_code);
            let username = desk.activate(first, second, &body.password, &network)?;
            Ok(ActivatedBody { username })
        })
    })
    .await?;
    Ok(replay_header(&mut HttpResponse::Created(), answer.replayed).json(answer.value))
}

/// The old password and the new one.
#[derive(Deserialize, Validate, ToSchema)]
struct PasswordChangeBody {
    #[validate(length(min = 1, max = 128))]
    #[schema(min_length = 1, max_length = 128)]
    username: String,
    #[validate(length(min = 1, max = 256))]
    #[schema(min_length = 1, max_length = 256)]
    password: String,
    /// The second factor's code, for accounts that have one.
    #[validate(length(max = 16))]
    #[schema(max_length = 16)]
    otp: Option<String>,
    #[validate(length(min = 1, max = 256))]
    #[schema(min_length = 1, max_length = 256)]
    new_password: String,
}

/// How credentials stand.
#[derive(Serialize, Deserialize, ToSchema)]
struct CredentialBody {
    #[schema(value_type = AccountState)]
    state: String,
    #[schema(required, format = DateTime)]
    changed_at: Option<String>,
    /// When the password must be another; null where the policy does not rotate.
    #[schema(required, format = DateTime)]
    must_change_by: Option<String>,
    second_factor: bool,
    #[schema(minimum = 0)]
    recovery_codes_left: i64,
}

impl From<CredentialStatus> for CredentialBody {
    fn from(status: CredentialStatus) -> Self {
        CredentialBody {
            state: status.state,
            changed_at: status.changed_at.map(|at| at.to_string()),
            must_change_by: status.must_change_by.map(|at| at.to_string()),
            second_factor: status.has_second_factor,
            recovery_codes_left: status.recovery_codes_left,
        }
    }
}

/// Changes one's own password.
///
/// For people and for their programs: the old password is the only authentication, and no session is
/// needed. All sessions end; log in again. Wrong old passwords count like wrong log-ins.
#[utoipa::path(tag = "credentials", request_body(content = PasswordChangeBody, description = "Old and new password"),
    responses((status = 201, description = "The password is changed", body = CredentialBody)))]
#[post("/v1/password-changes")]
pub(crate) async fn change_password(
    request: HttpRequest,
    payload: web::Payload,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let (body, content): (PasswordChangeBody, _) = read_repeatable(&request, payload).await?;
    let network = network(&request);
    let once = repeatable.told_by(body.username.trim()).with(content);
    let answer = block(move || {
        desk.answer_once(&once, || {
            let (username, otp) = (body.username.trim(), body.otp.as_deref());
            let new = &body.new_password;
            desk.change_password(username, &body.password, otp, new, &network)
        })
    })
    .await?;
    Ok(replay_header(&mut HttpResponse::Created(), answer.replayed)
        .json(CredentialBody::from(answer.value)))
}

/// An answer to one of the installation's questions.
#[derive(Serialize, Deserialize, Validate, ToSchema)]
struct AnswerBody {
    /// The question's code.
    #[schema(max_length = 64, pattern = "^[a-z0-9-]+$")]
    question: String,
    #[schema(min_length = 1, max_length = 200)]
    answer: String,
}

/// What lets somebody back in.
#[derive(Deserialize, Validate, ToSchema)]
struct RecoveryBody {
    #[validate(length(min = 1, max = 128))]
    #[schema(min_length = 1, max_length = 128)]
    username: String,
    #[validate(length(min = 1, max = 10))]
    #[schema(min_items = 3, max_items = 3)]
    answers: Vec<AnswerBody>,
    #[validate(length(min = 1, max = 256))]
    #[schema(min_length = 1, max_length = 256)]
    new_password: String,
}

/// Sets another password by answers to questions.
///
/// Only where the authority's password policy has questions switched on; elsewhere, and for unknown
/// users, it is the same 401 as a wrong answer. Otherwise ask your administrator for new codes.
#[utoipa::path(tag = "credentials", request_body(content = RecoveryBody, description = "Answers and password"),
    responses((status = 204, description = "The password is set")))]
#[post("/v1/password-recoveries")]
pub(crate) async fn recover_password(
    request: HttpRequest,
    payload: web::Payload,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let (body, content): (RecoveryBody, _) = read_repeatable(&request, payload).await?;
    let network = network(&request);
    let once = repeatable.told_by(body.username.trim()).with(content);
    let answer = block(move || {
        desk.answer_once(&once, || {
            let answers = pairs(body.answers);
            desk.recover(body.username.trim(), &answers, &body.new_password, &network)
        })
    })
    .await?;
    Ok(replay_header(&mut HttpResponse::NoContent(), answer.replayed).finish())
}

fn pairs(answers: Vec<AnswerBody>) -> Vec<(String, String)> {
    answers
        .into_iter()
        .map(|one| (one.question, one.answer))
        .collect()
}

/// Shows how my credentials stand.
///
/// When the password was set and must be changed, so that a program can warn its user; possible also
/// while another password is demanded.
#[utoipa::path(tag = "credentials", responses((status = 200, description = "My credentials", body = CredentialBody)))]
#[get("/v1/me/credential")]
pub(crate) async fn show_credential(
    staff: SignedInStaff,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let account = staff.0.account;
    let status = block(move || desk.credential_status(account)).await?;
    Ok(HttpResponse::Ok().json(CredentialBody::from(status)))
}

/// My answers.
#[derive(Deserialize, Validate, ToSchema)]
struct AnswersBody {
    #[validate(length(min = 1, max = 10))]
    #[schema(min_items = 3, max_items = 3)]
    answers: Vec<AnswerBody>,
}

/// Keeps my answers to three of the questions.
///
/// Only where the authority's password policy has questions switched on. Answers are kept like passwords.
#[utoipa::path(tag = "credentials", request_body(content = AnswersBody, description = "The answers"),
    responses((status = 204, description = "The answers are kept")))]
#[put("/v1/me/security-answers")]
pub(crate) async fn keep_security_answers(
    request: HttpRequest,
    payload: web::Payload,
    staff: SignedInStaff,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let body: AnswersBody = read_as(read_object(&request, payload, Expects::Json).await?)?;
    let (account, answers) = (staff.0.account, pairs(body.answers));
    block(move || desk.keep_answers(account, &answers)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What an authenticator needs.
#[derive(Serialize, Deserialize, ToSchema)]
struct EnrolmentBody {
    /// In Base32, for typing.
    #[schema(max_length = 64)]
    secret: String,
    /// For a QR code.
    #[schema(format = "uri", max_length = 512)]
    uri: String,
}

/// Starts a second factor.
///
/// The secret goes into an authenticator (RFC 6238, SHA-1, six digits, thirty seconds); it counts once a
/// code of it is confirmed. Only shortly after a log-in.
#[utoipa::path(tag = "credentials", responses((status = 201, description = "The secret, shown once", body = EnrolmentBody)))]
#[post("/v1/me/second-factor")]
pub(crate) async fn start_second_factor(
    staff: SignedInStaff,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let (account, once) = (staff.0.account, repeatable.with(Vec::new()));
    let answer =
        block(move || desk.answer_once(&once, || desk.start_second_factor(account))).await?;
    let enrolment = EnrolmentBody {
        secret: answer.value.secret,
        uri: answer.value.uri,
    };
    Ok(replay_header(&mut HttpResponse::Created(), answer.replayed).json(enrolment))
}

/// A code of the authenticator.
#[derive(Deserialize, Validate, ToSchema)]
struct OtpBody {
    #[validate(length(min = 1, max = 16))]
    #[schema(min_length = 6, max_length = 16)]
    otp: String,
}

/// Codes for when the device is lost.
#[derive(Serialize, ToSchema)]
struct RecoveryCodesBody {
    /// Each is good once, in place of `otp`.
    #[schema(max_items = 20)]
    recovery_codes: Vec<String>,
}

/// Confirms a second factor.
///
/// From now on logging in takes a code, or one of the recovery codes in the answer, which are shown once.
/// This session counts as one with a second factor.
#[utoipa::path(tag = "credentials", request_body(content = OtpBody, description = "A code"),
    responses((status = 201, description = "The recovery codes", body = RecoveryCodesBody)))]
#[post("/v1/me/second-factor/confirmation")]
pub(crate) async fn confirm_second_factor(
    request: HttpRequest,
    payload: web::Payload,
    staff: SignedInStaff,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let (body, content): (OtpBody, _) = read_repeatable(&request, payload).await?;
    let (account, session) = (staff.0.account, staff.0.id);
    let once = repeatable.with(content);
    let answer = block(move || {
        desk.answer_once(&once, || {
            desk.confirm_second_factor(account, session, &body.otp)
        })
    })
    .await?;
    let codes = RecoveryCodesBody {
        recovery_codes: answer.value,
    };
    Ok(replay_header(&mut HttpResponse::Created(), answer.replayed).json(codes))
}

/// The password policies of the installation.
#[derive(Serialize, ToSchema)]
struct PasswordPolicyList {
    #[schema(max_items = 200)]
    items: Vec<PasswordPolicyBody>,
    /// Always null: the list is one page.
    #[schema(required, max_length = 512)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// A password policy, and where it falls short of the modern one.
#[derive(Serialize, ToSchema)]
struct PasswordPolicyBody {
    #[schema(max_length = 64)]
    profile: String,
    /// Whether it holds where nothing else is said.
    usual: bool,
    /// The authorities it was chosen for.
    #[schema(max_items = 1000)]
    authorities: Vec<String>,
    #[schema(max_items = 20)]
    deviations: Vec<DeviationBody>,
}

/// A rule weaker than the modern one, or one that experience advises against.
#[derive(Serialize, ToSchema)]
struct DeviationBody {
    #[schema(max_length = 64)]
    parameter: String,
    #[schema(max_length = 64)]
    value: String,
    #[schema(max_length = 64)]
    modern: String,
}

/// Lists the password policies.
///
/// Which hold where, and every deviation from the modern baseline (NIST SP 800-63B-4).
#[utoipa::path(tag = "credentials", responses((status = 200, description = "The policies", body = PasswordPolicyList)))]
#[get("/v1/password-policies")]
pub(crate) async fn list_password_policies(
    request: HttpRequest,
    _operator: Operator,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let policies = &desk.settings().sign_in.policies;
    let items = policies.profiles.iter().map(|(name, policy)| {
        let chosen = policies
            .by_authority
            .iter()
            .filter(|(_, chosen)| *chosen == name);
        let mut authorities: Vec<String> = chosen.map(|(code, _)| code.to_string()).collect();
        authorities.sort();
        let deviations = policy.deviations().into_iter().map(|one| DeviationBody {
            parameter: one.parameter.to_owned(),
            value: one.value,
            modern: one.modern,
        });
        PasswordPolicyBody {
            profile: name.clone(),
            usual: *name == policies.usual,
            authorities,
            deviations: deviations.collect(),
        }
    });
    Ok(HttpResponse::Ok().json(PasswordPolicyList {
        items: items.collect(),
        next_cursor: None,
        links: links(&request, None),
    }))
}

//! Filing a request.

use actix_web::{HttpRequest, HttpResponse, post, web};
use domain::filing::FilingForm;
use domain::invalid::{FieldError, Lang};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use service::Desk;
use service::filing::{FiledBy, FiledTicket};
use utoipa::ToSchema;

use super::codes::{StepId, TickedBox};
use super::email_proofs::replay_header;
use super::links::AlikeTicketBody;
use super::own_body::RequesterTicketBody;
use crate::block;
use crate::body::wrong_type;
use crate::conditions::{Repeatable, etag};
use crate::language::Language;
use crate::members::{Members, merge};
use crate::principal::Filer;
use crate::problem::Problem;
use crate::routes::Routes;
use crate::submission::{Shape, Submission, read};

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config.service(file_ticket);
}

/// A form, filled in.
#[derive(Deserialize, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body; it is read member by member, to name every bad one at once"
)]
struct FilingBody {
    /// The service, from the catalogue.
    #[schema(min_length = 1, max_length = 64)]
    service_code: String,
    /// The problem type, from that service.
    #[schema(min_length = 1, max_length = 64)]
    problem_type: String,
    /// The authority, where the service's form asks for one.
    #[schema(max_length = 64)]
    authority_code: Option<String>,
    /// With a citizen's token: left out, or the same as in the token. With a delegation: the delegator's.
    #[schema(max_length = 30)]
    given_name: Option<String>,
    /// With a citizen's token: left out, or the same as in the token. With a delegation: the delegator's.
    #[schema(max_length = 30)]
    family_name: Option<String>,
    /// Italian tax code: 16 characters, 11 digits, or STP/ENI. With a citizen's token: left out, or the
    /// same as in the token. With a delegation: left out, or the delegator's.
    #[schema(max_length = 32)]
    tax_code: Option<String>,
    /// Where answers go. With a citizen's token that has an address it may be left out.
    #[schema(format = "email", max_length = 254)]
    email: Option<String>,
    /// Where to call; `+39` is added where no country is given.
    #[schema(max_length = 32)]
    phone: Option<String>,
    /// The problem in the requester's words: 500 characters, or as many as the form's `text_limits` say.
    #[schema(max_length = 4000)]
    description: Option<String>,
    /// The service's own fields, by their `key` in the form.
    #[schema(value_type = Option<Object>)]
    extra: Option<Value>,
    /// A file, if one helps.
    attachment: Option<InlineFile>,
    /// Must be true: the notice was read.
    privacy_ack: bool,
    /// Without a token: the proof of the address, from `/v1/email-proofs`.
    #[schema(max_length = 128)]
    email_proof: Option<String>,
    /// On the operators' form: the role of who asks, one of the choices of its field.
    #[schema(max_length = 64)]
    requester_role: Option<String>,
    /// With a citizen's token: the tax code of who delegated the citizen. The request is then about
    /// them, answers go to the citizen, and the delegation is checked now and at each later use.
    #[schema(max_length = 32)]
    on_behalf_of: Option<String>,
    /// A second address, for this request alone.
    #[schema(format = "email", max_length = 254)]
    notification_email: Option<String>,
    /// A second number, for this request alone.
    #[schema(max_length = 32)]
    recall_phone: Option<String>,
    /// The answers given in a self-help tree before filing, in order.
    #[schema(value_type = Option<Vec<StepId>>, max_items = 50)]
    self_help_path: Option<Vec<String>>,
}

/// A file inside JSON.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body")]
pub(crate) struct InlineFile {
    /// Its name; the extension says its kind.
    #[schema(min_length = 1, max_length = 120, pattern = r"^[^\x00-\x1f\x7f]+$")]
    file_name: String,
    /// Its bytes: at most 1,048,576 once decoded.
    #[schema(format = Byte, max_length = 1_400_000)]
    content_base64: String,
}

/// One of the service's own fields as a part; a list is sent as a part for each value.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes the body")]
enum ExtraPart {
    Text(ExtraText),
    List(Vec<ExtraText>),
}

/// A value of a list.
#[derive(ToSchema)]
#[schema(max_length = 4000)]
#[expect(dead_code, reason = "describes the body")]
struct ExtraText(String);

/// The form as parts; `extra.<key>` for the service's own fields, repeated for lists.
#[derive(ToSchema)]
#[schema(max_properties = 100)]
#[expect(dead_code, reason = "describes the body")]
struct FilingForms {
    /// The service, from the catalogue.
    #[schema(min_length = 1, max_length = 64)]
    service_code: String,
    /// The problem type, from that service.
    #[schema(min_length = 1, max_length = 64)]
    problem_type: String,
    /// The authority, where the service's form asks for one.
    #[schema(max_length = 64, nullable = false)]
    authority_code: Option<String>,
    /// With a citizen's token: left out, or the same as in the token. With a delegation: the delegator's.
    #[schema(max_length = 30, nullable = false)]
    given_name: Option<String>,
    /// With a citizen's token: left out, or the same as in the token. With a delegation: the delegator's.
    #[schema(max_length = 30, nullable = false)]
    family_name: Option<String>,
    /// Italian tax code: 16 characters, 11 digits, or STP/ENI. With a citizen's token: left out, or the
    /// same as in the token. With a delegation: left out, or the delegator's.
    #[schema(max_length = 32, nullable = false)]
    tax_code: Option<String>,
    /// Where answers go. With a citizen's token that has an address it may be left out.
    #[schema(format = "email", max_length = 254, nullable = false)]
    email: Option<String>,
    /// Where to call; `+39` is added where no country is given.
    #[schema(max_length = 32, nullable = false)]
    phone: Option<String>,
    /// The problem in the requester's words: 500 characters, or as many as the form's `text_limits` say.
    #[schema(max_length = 4000, nullable = false)]
    description: Option<String>,
    #[schema(value_type = TickedBox)]
    privacy_ack: String,
    /// Without a token: the proof of the address, from `/v1/email-proofs`.
    #[schema(max_length = 128, nullable = false)]
    email_proof: Option<String>,
    /// On the operators' form: the role of who asks, one of the choices of its field.
    #[schema(max_length = 64, nullable = false)]
    requester_role: Option<String>,
    /// With a citizen's token: the tax code of who delegated the citizen. The request is then about
    /// them, answers go to the citizen, and the delegation is checked now and at each later use.
    #[schema(max_length = 32, nullable = false)]
    on_behalf_of: Option<String>,
    /// A second address, for this request alone.
    #[schema(format = "email", max_length = 254, nullable = false)]
    notification_email: Option<String>,
    /// A second number, for this request alone.
    #[schema(max_length = 32, nullable = false)]
    recall_phone: Option<String>,
    /// The answers given in a self-help tree before filing, in order: a part each.
    #[schema(value_type = Vec<StepId>, required = false, max_items = 50)]
    self_help_path: Option<Vec<String>>,
    /// A file, if one helps: at most 1,048,576 bytes.
    #[schema(value_type = String, format = Binary, required = false)]
    attachment: Option<Vec<u8>>,
    #[serde(flatten)]
    #[schema(value_type = std::collections::BTreeMap<String, ExtraPart>)]
    extra: std::collections::BTreeMap<String, String>,
}

/// A request just filed.
#[derive(Serialize, ToSchema)]
struct FiledTicketBody {
    #[serde(flatten)]
    ticket: RequesterTicketBody,
    /// Requests of the same person and service that the caller may see anyway and that this one looks
    /// like, the likest first. Always empty for who has no identity.
    #[schema(max_items = 5)]
    possible_duplicates: Vec<AlikeTicketBody>,
}

impl FiledTicketBody {
    fn new(filed: FiledTicket, lang: Lang) -> Self {
        let alike = filed.possible_duplicates.into_iter();
        FiledTicketBody {
            ticket: RequesterTicketBody::new(filed.ticket, lang),
            possible_duplicates: alike.map(|one| AlikeTicketBody::new(one, lang)).collect(),
        }
    }
}

/// The version every ticket begins with.
const FIRST_VERSION: i64 = 1;

/// Files a request.
///
/// Three kinds of caller may file. A citizen sends their token and need not repeat who they are. An
/// operator sends theirs and files on a caller's behalf. Anybody else proves an e-mail address first
/// (`/v1/email-proofs`), files with `email_proof`, and gets the tracking link by mail only.
///
/// A citizen may file for who delegated them (`on_behalf_of`), as long as this installation's source of
/// delegations says so.
///
/// What is asked depends on the service: draw the form from `/v1/services/{service}/form`. Bad fields
/// are told all at once. With a file send base64 inside JSON, or a form as HTML does.
#[utoipa::path(tag = "filing",
    request_body(description = "The form", content(
        (FilingBody = "application/json", examples(
            ("citizen" = (summary = "A citizen with a token", value = json!({
                "service_code": "ritiroreferti",
                "problem_type": "referto-non-trovato",
                "authority_code": "010204",
                "email": "maria.rossi@example.org",
                "description": "Ho fatto l'esame il 2 novembre, ma il referto non compare.",
                "extra": {"exam_date": "2026-11-02", "team_number": "80380000100123456789"},
                "privacy_ack": true
            }))),
            ("anonymous" = (summary = "Somebody without a token", value = json!({
                "service_code": "FSE",
                "problem_type": "come-apro-consulto-il-fse",
                "given_name": "Mario",
                "family_name": "Rossi",
                "tax_code": "RSSMRA80A01H501U",
                "email": "mario.rossi@example.org",
                "phone": "011 4321111",
                "description": "Non riesco ad aprire il fascicolo.",
                "privacy_ack": true,
                "email_proof": "the-proof-from-the-verification"
            })))
        )),
        (FilingForms = "multipart/form-data"))),
    responses((status = 201, description = "Filed: the request as its requester sees it. `Location` is where the caller finds it", body = FiledTicketBody)))]
#[post("/v1/tickets")]
pub(crate) async fn file_ticket(
    request: HttpRequest,
    payload: web::Payload,
    filer: Filer,
    desk: web::Data<Desk>,
    lang: Language,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    // Where whoever files can read it again; anonymous people with the link from their mail.
    let location = match &filer.0 {
        FiledBy::Staff(_) => "/v1/tickets/",
        FiledBy::Anonymous { .. } | FiledBy::Citizen { .. } => "/v1/me/tickets/",
    };
    let submission = read(&request, payload, Shape::Fields).await?;
    let content = submission.content();
    let Submission {
        members,
        file,
        errors,
    } = submission;
    let (form, email_proof, form_errors) = read_form(members);
    let errors = merge(errors, form_errors);
    let mark = email_proof.as_deref().unwrap_or_default();
    let once = repeatable.told_by(mark).with(content);
    let by = match filer.0 {
        FiledBy::Anonymous { .. } => FiledBy::Anonymous { email_proof },
        other => other,
    };
    let checker = desk.clone();
    let checked = block(move || Ok(checker.check_filing(&form, by, file, lang.0))).await?;
    let mut checked = all_wrong(checked, errors)?;
    let attachment = match checked.file.take() {
        Some(file) => Some(desk.keep(file).await?),
        None => None,
    };
    let answer = block(move || desk.file(checked, attachment, &once)).await?;
    let filed = answer.value;
    let mut response = HttpResponse::Created();
    response
        .insert_header(("location", format!("{location}{}", filed.ticket.id)))
        .insert_header(etag(FIRST_VERSION));
    Ok(replay_header(&mut response, answer.replayed).json(FiledTicketBody::new(filed, lang.0)))
}

/// Errors of shape and errors of meaning, all in one answer.
fn all_wrong<T>(
    checked: Result<T, service::DeskError>,
    errors: Vec<FieldError>,
) -> Result<T, Problem> {
    match checked {
        Ok(value) if errors.is_empty() => Ok(value),
        Ok(_) => Err(Problem::fields(errors)),
        Err(service::DeskError::Invalid(found)) => Err(Problem::fields(merge(errors, found))),
        Err(other) => Err(other.into()),
    }
}

/// Takes the members of the contract out of the body; what is left is unknown.
fn read_form(members: Map<String, Value>) -> (FilingForm, Option<String>, Vec<FieldError>) {
    let mut form = FilingForm::default();
    let mut email_proof = None;
    let mut members = Members::of(members);
    for (name, slot) in [
        ("service_code", &mut form.service_code),
        ("problem_type", &mut form.problem_type),
        ("authority_code", &mut form.authority_code),
        ("given_name", &mut form.given_name),
        ("family_name", &mut form.family_name),
        ("tax_code", &mut form.tax_code),
        ("email", &mut form.email),
        ("phone", &mut form.phone),
        ("description", &mut form.description),
        ("requester_role", &mut form.requester_role),
        ("on_behalf_of", &mut form.on_behalf_of),
        ("notification_email", &mut form.notification_email),
        ("recall_phone", &mut form.recall_phone),
        ("email_proof", &mut email_proof),
    ] {
        // How long each may be is the domain's affair.
        *slot = members.text(name, usize::MAX);
    }
    form.privacy_ack = match members.take("privacy_ack") {
        None => None,
        Some(Value::Bool(accepted)) => Some(accepted),
        // What an HTML form's check box sends.
        Some(Value::String(text)) if matches!(text.as_str(), "true" | "on" | "1") => Some(true),
        Some(Value::String(text)) if matches!(text.as_str(), "false" | "off" | "0" | "") => {
            Some(false)
        }
        Some(_) => {
            members.refuse("privacy_ack", wrong_type());
            None
        }
    };
    match members.take("extra") {
        None => {}
        Some(Value::Object(extra)) => form.extra = extra,
        Some(_) => members.refuse("extra", wrong_type()),
    }
    form.self_help_path = match members.take("self_help_path") {
        None => None,
        // A form with one step.
        Some(Value::String(step)) => Some(vec![step]),
        Some(steps) => {
            members.put("self_help_path", steps);
            members.texts("self_help_path")
        }
    };
    (form, email_proof, members.finish())
}

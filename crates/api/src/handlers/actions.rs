//! An operator's one button: an action on a ticket.

use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use service::Desk;
use service::action_form::{ActionForm, ActivityForm, NoteForm};
use service::update::Updated;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::email_proofs::replay_header;
use super::screen_body::StaffTicketBody;
use super::ticket_ref;
use crate::block;
use crate::body::read_as;
use crate::conditions::{Repeatable, Seen, etag};
use crate::language::Language;
use crate::principal::Operator;
use crate::problem::Problem;
use crate::submission::{Shape, Submission, Uploads, read};

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(act_on_ticket);
}

/// An action, and what goes along with it.
#[derive(Deserialize, Serialize, Validate, ToSchema)]
struct ActionBody {
    /// `take`, `assign`, `note`, `ask-info`, `cancel-question`, `resolve`, `hand-over`, `return`,
    /// `reroute`, `open-activity`, `close-activity`, `reopen`, `remove` or `publish-note`.
    #[validate(length(min = 1, max = 32))]
    #[schema(min_length = 1, max_length = 32, pattern = "^[a-z-]+$")]
    action: String,
    #[validate(nested)]
    note: Option<NoteBody>,
    /// `me`, a colleague's id or a pool's code.
    #[validate(length(max = 64))]
    #[schema(max_length = 64)]
    assignee: Option<String>,
    /// Who you believe will read the note; another answer of the server is a 409.
    #[validate(length(max = 16))]
    #[schema(
        max_length = 16,
        pattern = "^(citizen|region|authority|technical|team)$"
    )]
    expected_audience: Option<String>,
    /// For `resolve`.
    #[validate(length(max = 32))]
    #[schema(max_length = 32)]
    resolution_code: Option<String>,
    /// For `hand-over`.
    #[validate(length(max = 32))]
    #[schema(max_length = 32)]
    reason_code: Option<String>,
    /// For `reroute`.
    #[validate(length(max = 64))]
    #[schema(max_length = 64)]
    authority_code: Option<String>,
    /// For `remove`.
    #[validate(length(max = 32))]
    #[schema(max_length = 32)]
    removal_reason: Option<String>,
    /// For `remove` as a duplicate: the number of the ticket that stays.
    #[validate(length(max = 64))]
    #[schema(max_length = 64)]
    duplicate_of: Option<String>,
    /// For `publish-note`: the entry.
    seq: Option<i64>,
    /// For `publish-note`: must be true.
    confirm: Option<bool>,
    #[validate(nested)]
    activity: Option<ActivityBody>,
}

/// A note. Who reads it follows from the action.
#[derive(Deserialize, Serialize, Validate, ToSchema)]
struct NoteBody {
    #[validate(length(max = 20000))]
    #[schema(max_length = 5000)]
    body: Option<String>,
    /// Whether it leaves the team.
    published: Option<bool>,
}

/// A technical activity, for `open-activity`.
#[derive(Deserialize, Serialize, Validate, ToSchema)]
struct ActivityBody {
    #[validate(length(max = 255))]
    #[schema(max_length = 255)]
    summary: Option<String>,
    #[validate(length(max = 4000))]
    #[schema(max_length = 4000)]
    detail: Option<String>,
    /// `minor`, `moderate`, `significant` or `extensive`.
    #[validate(length(max = 32))]
    #[schema(max_length = 32)]
    impact: Option<String>,
    /// `low`, `medium`, `high` or `critical`.
    #[validate(length(max = 32))]
    #[schema(max_length = 32)]
    urgency: Option<String>,
    /// `user-service-restoration` or `infrastructure-restoration`.
    #[validate(length(max = 64))]
    #[schema(max_length = 64)]
    kind: Option<String>,
    /// The application concerned.
    #[validate(length(max = 128))]
    #[schema(max_length = 128)]
    asset: Option<String>,
}

/// The action in a JSON part, with a file.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body")]
struct ActionForms {
    action: ActionBody,
    #[schema(value_type = Option<String>, format = Binary)]
    attachment: Option<Vec<u8>>,
}

/// What an action led to.
#[derive(Serialize, ToSchema)]
struct ActionDone {
    ticket: StaffTicketBody,
    entry: WrittenEntryBody,
    notified: Vec<NotifiedBody>,
}

/// The entry the action wrote.
#[derive(Serialize, ToSchema)]
struct WrittenEntryBody {
    seq: i64,
    #[schema(format = DateTime)]
    at: String,
    #[schema(max_length = 64)]
    event: String,
    #[schema(max_length = 16)]
    kind: Option<String>,
    /// Who reads what was written.
    #[schema(max_length = 16)]
    audience: Option<String>,
}

/// Somebody who is told.
#[derive(Serialize, ToSchema)]
struct NotifiedBody {
    #[schema(max_length = 16)]
    audience: String,
    /// `web`, `mail` or `queue`.
    #[schema(max_length = 16)]
    channel: String,
}

impl From<ActionBody> for ActionForm {
    fn from(body: ActionBody) -> Self {
        ActionForm {
            action: Some(body.action),
            note: body.note.map(|note| NoteForm {
                body: note.body,
                published: note.published,
            }),
            assignee: body.assignee,
            expected_audience: body.expected_audience,
            resolution_code: body.resolution_code,
            reason_code: body.reason_code,
            authority_code: body.authority_code,
            removal_reason: body.removal_reason,
            duplicate_of: body.duplicate_of,
            seq: body.seq,
            confirm: body.confirm,
            activity: body.activity.map(|activity| ActivityForm {
                summary: activity.summary,
                detail: activity.detail,
                impact: activity.impact,
                urgency: activity.urgency,
                kind: activity.kind,
                asset: activity.asset,
            }),
        }
    }
}

/// Acts on a ticket.
///
/// One call is one atomic change. The server decides who reads the note: the citizen, the region
/// *instead of* the citizen on a hand-over, the receiving authority, the technical desk, or the team.
#[utoipa::path(tag = "actions", params(("ticket" = String, Path, description = "Id or number")),
    request_body(description = "The action", content((ActionBody = "application/json"), (ActionForms = "multipart/form-data"))),
    responses((status = 201, description = "Done", body = ActionDone)))]
#[post("/v1/tickets/{ticket}/actions")]
#[expect(clippy::too_many_arguments, reason = "one typed input each")]
pub(crate) async fn act_on_ticket(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    ticket: web::Path<String>,
    seen: Seen,
    desk: web::Data<Desk>,
    uploads: web::Data<Uploads>,
    lang: Language,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let wanted = ticket_ref(&ticket)?;
    let submission = read(&request, payload, &uploads, Shape::Action).await?;
    let once = repeatable.with(submission.content());
    let Submission { members, file } = submission;
    let form: ActionBody = read_as(members)?;
    let checked = ActionForm::from(form).check().map_err(Problem::fields)?;
    let attachment = match file {
        Some(file) => {
            let file = block(move || Ok(file.check()))
                .await?
                .map_err(Problem::field)?;
            Some(desk.keep(file).await?)
        }
        None => None,
    };
    let answer =
        block(move || desk.record_update(&operator.0, wanted, seen.0, checked, attachment, &once))
            .await?;
    let Updated {
        ticket,
        entry,
        notified,
    } = answer.value;
    let mut response = HttpResponse::Created();
    response.insert_header(etag(ticket.version));
    Ok(
        replay_header(&mut response, answer.replayed).json(ActionDone {
            ticket: StaffTicketBody::new(ticket, lang.0),
            entry: WrittenEntryBody {
                seq: entry.seq,
                at: entry.at.to_string(),
                event: entry.event,
                kind: entry.kind,
                audience: entry.audience.map(|audience| audience.as_str().to_owned()),
            },
            notified: notified
                .into_iter()
                .map(|one| NotifiedBody {
                    audience: one.audience.as_str().to_owned(),
                    channel: one.channel,
                })
                .collect(),
        }),
    )
}

//! An operator's one button: an action on a ticket.

use actix_web::{HttpRequest, HttpResponse, post, web};
use domain::invalid::FieldError;
use serde::Serialize;
use serde_json::{Map, Value};
use service::action_form::{ActionForm, CheckedAction, NoteForm};
use service::activities::ActivityForm;
use service::attachments::CheckedFile;
use service::update::Updated;
use service::{Desk, DeskError};
use utoipa::ToSchema;

use super::codes::{
    ActionCode, ActivityKind, AssigneeCode, Audience, ChosenResolution, HandOverReason, Impact,
    NoteText, NotificationChannel, RemovalReason, TextKind, TicketRef, Urgency,
};
use super::email_proofs::replay_header;
use super::screen_body::StaffTicketBody;
use super::ticket_ref;
use crate::block;
use crate::conditions::{Repeatable, Seen, etag};
use crate::language::Language;
use crate::members::{Members, merge};
use crate::principal::Operator;
use crate::problem::Problem;
use crate::routes::Routes;
use crate::submission::{Shape, Submission, read};

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config.service(act_on_ticket);
}

/// An action, and what goes along with it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
pub(super) struct ActionBody {
    /// What to do. Each action needs members of its own; the others are not looked at.
    #[schema(value_type = ActionCode)]
    action: String,
    /// What to write. Needed by every action that tells somebody something.
    note: Option<NoteBody>,
    /// Whose it becomes: `me`, a colleague's id or a pool's code (see `/v1/assignees`). Needed by `assign`, allowed
    /// with every action where you may assign.
    #[schema(value_type = Option<AssigneeCode>)]
    assignee: Option<String>,
    /// Who you believe will read the note. If the server would show it to somebody else, it answers 409
    /// `audience-mismatch` and writes nothing.
    #[schema(value_type = Option<Audience>)]
    expected_audience: Option<String>,
    /// Needed by `resolve`.
    #[schema(value_type = Option<ChosenResolution>)]
    resolution_code: Option<String>,
    /// Needed by `hand-over`.
    #[schema(value_type = Option<HandOverReason>)]
    reason_code: Option<String>,
    /// Why a supervisor hands over although the playbook has not decided so. An internal note of the desk.
    #[schema(min_length = 20, max_length = 500)]
    override_reason: Option<String>,
    /// Needed by `reroute`: the code of the authority that is to have the ticket.
    #[schema(max_length = 64)]
    authority_code: Option<String>,
    /// Needed by `remove`.
    #[schema(value_type = Option<RemovalReason>)]
    removal_reason: Option<String>,
    /// Needed by `remove` as a `duplicate`: number or id of the ticket that stays.
    #[schema(max_length = 64)]
    duplicate_of: Option<String>,
    /// Needed by `publish-note`: the entry whose note the citizen may read from now on.
    #[schema(minimum = 1)]
    seq: Option<i64>,
    /// Needed by `publish-note`, and must be true: it cannot be undone.
    confirm: Option<bool>,
    /// Needed by `open-activity`.
    activity: Option<NewActivityBody>,
    /// The reply template the note was written with, to be counted. The note's reader must be the one it
    /// was written for, and what it leaves to be filled in by hand must be.
    #[schema(format = Uuid)]
    reply_template: Option<String>,
}

/// A note. Who reads it follows from the action.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct NoteBody {
    /// The text, plain.
    #[schema(value_type = NoteText, required)]
    body: Option<String>,
    /// True when it leaves the team; the server decides for whom. False for an internal note.
    #[schema(required, nullable = false)]
    published: Option<bool>,
}

/// A technical activity, for `open-activity`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct NewActivityBody {
    /// What is wrong, in a line.
    #[schema(required, nullable = false, min_length = 1, max_length = 255)]
    summary: Option<String>,
    /// What was seen, and what is asked for.
    #[schema(required, nullable = false, min_length = 1, max_length = 4000)]
    detail: Option<String>,
    /// `moderate` if absent.
    #[schema(value_type = Option<Impact>)]
    impact: Option<String>,
    /// `medium` if absent.
    #[schema(value_type = Option<Urgency>)]
    urgency: Option<String>,
    /// `user-service-restoration` if absent.
    #[schema(value_type = Option<ActivityKind>)]
    kind: Option<String>,
    /// The application concerned.
    #[schema(required, nullable = false, min_length = 1, max_length = 128)]
    asset: Option<String>,
    /// What it is about, of `/v1/technical-catalogue`.
    #[schema(max_length = 64)]
    catalogue_item: Option<String>,
    /// A sub-item of `catalogue_item`.
    #[schema(max_length = 64)]
    catalogue_sub_item: Option<String>,
}

/// The action in a JSON part, with a file.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body")]
struct ActionForms {
    /// The action, as JSON.
    action: ActionBody,
    /// The file; it goes along with the note.
    #[schema(value_type = String, format = Binary, required = false)]
    attachment: Option<Vec<u8>>,
}

/// What an action led to.
#[derive(Serialize, ToSchema)]
struct ActionDone {
    /// The ticket as it stands now.
    ticket: StaffTicketBody,
    /// The entry of the timeline that was written.
    entry: WrittenEntryBody,
    /// Who is told, and how.
    #[schema(max_items = 10)]
    notified: Vec<NotifiedBody>,
}

/// The entry the action wrote.
#[derive(Serialize, ToSchema)]
struct WrittenEntryBody {
    /// Its place in the timeline.
    #[schema(minimum = 1)]
    seq: i64,
    #[schema(format = DateTime)]
    at: String,
    /// What happened, such as `request.taken`.
    #[schema(max_length = 64, pattern = "^[a-z_.]+$")]
    event: String,
    /// What was written, if anything.
    #[schema(value_type = Option<TextKind>, required)]
    kind: Option<String>,
    /// Who reads what was written.
    #[schema(value_type = Option<Audience>, required)]
    audience: Option<String>,
}

/// Somebody who is told.
#[derive(Serialize, ToSchema)]
struct NotifiedBody {
    #[schema(value_type = Audience)]
    audience: String,
    #[schema(value_type = NotificationChannel)]
    channel: String,
}

/// Reads an action and its file, and tells all that is wrong with either.
fn check(submission: Submission) -> Result<(CheckedAction, Option<CheckedFile>), DeskError> {
    let (form, shape_errors) = read_action(submission.members);
    let mut errors = merge(submission.errors, shape_errors);
    let checked = match form.check() {
        Ok(checked) => Some(checked),
        Err(found) => {
            errors = merge(errors, found);
            None
        }
    };
    let file = submission.file.map(|file| file.check()).transpose();
    match (checked, file) {
        (Some(checked), Ok(file)) if errors.is_empty() => Ok((checked, file)),
        (_, file) => Err(DeskError::Invalid(merge(
            errors,
            file.err().into_iter().collect(),
        ))),
    }
}

fn read_action(members: Map<String, Value>) -> (ActionForm, Vec<FieldError>) {
    let mut members = Members::of(members);
    let form = read_form(&mut members);
    (form, members.finish())
}

/// Reads the members of an action, wherever it stands.
pub(super) fn read_form(members: &mut Members) -> ActionForm {
    ActionForm {
        action: members.text("action", 32),
        note: members.object("note", |note| NoteForm {
            body: note.text("body", 20_000),
            published: note.flag("published"),
        }),
        assignee: members.text("assignee", 64),
        expected_audience: members.text("expected_audience", 16),
        resolution_code: members.text("resolution_code", 32),
        reason_code: members.text("reason_code", 32),
        override_reason: members.text("override_reason", 2000),
        authority_code: members.text("authority_code", 64),
        removal_reason: members.text("removal_reason", 32),
        duplicate_of: members.text("duplicate_of", 64),
        seq: members.integer("seq"),
        confirm: members.flag("confirm"),
        activity: members.object("activity", |activity| ActivityForm {
            summary: activity.text("summary", 255),
            detail: activity.text("detail", 4000),
            impact: activity.text("impact", 32),
            urgency: activity.text("urgency", 32),
            kind: activity.text("kind", 64),
            asset: activity.text("asset", 128),
            catalogue_item: activity.text("catalogue_item", 64),
            catalogue_sub_item: activity.text("catalogue_sub_item", 64),
        }),
        reply_template: members.text("reply_template", 64),
    }
}

/// Acts on a ticket.
///
/// One call is one atomic change: the action, its note, its file and a new owner are written
/// together or not at all.
///
/// | action | possible in | needs | the note is read by |
/// |---|---|---|---|
/// | `take` | new, not-competent | | |
/// | `assign` | open states | `assignee` | |
/// | `note` | open states, resolved | `note` | the citizen, or the team if not published |
/// | `ask-info` | new, in-progress | published `note` | the citizen |
/// | `cancel-question` | awaiting-info | internal `note` | the team |
/// | `resolve` | new, in-progress, awaiting-info; not-competent at the region | `resolution_code`, published `note` | the citizen |
/// | `hand-over` | new, in-progress at an authority | `reason_code`, published `note`; its playbook's word, or a supervisor's `override_reason` | the region, *never the citizen* |
/// | `return` | not-competent, in-progress at the region | published `note` | the authority it came from |
/// | `reroute` | not-competent, in-progress at the region | `authority_code`, published `note` | the authority it goes to |
/// | `open-activity` | in-progress at the region | `activity` | the technical desk |
/// | `close-activity` | external-work | | |
/// | `reopen` | resolved; auto-closed for 30 days | internal `note` | the team |
/// | `remove` | any state that is not final | `removal_reason`, internal `note` | the team |
/// | `publish-note` | | `seq`, `confirm` | the citizen |
///
/// A ticket has one open technical activity at a time. When it is resolved, closed or cancelled the ticket
/// goes back to in-progress by itself; `close-activity` cancels it.
///
/// An action that the state does not allow is a 409 that lists the ones it does; nobody closes a
/// ticket by hand. Where a playbook governs the ticket, `hand-over` waits until it decides `escalate`, and
/// `resolve` while it says `hold`: 409 `playbook-not-satisfied` names the checks. `allowed_actions` of the ticket says beforehand what will be accepted.
#[utoipa::path(tag = "actions", params(("ticket" = inline(TicketRef), Path, description = "The ticket's id or number")),
    request_body(description = "The action", content(
        (ActionBody = "application/json", examples(
            ("note" = (summary = "Leave a note for colleagues", value = json!({
                "action": "note",
                "note": {"body": "Il cittadino ha richiamato: è reperibile dopo le 16.", "published": false}
            }))),
            ("ask-info" = (summary = "Ask the citizen a question", value = json!({
                "action": "ask-info",
                "note": {"body": "In quale data è stato eseguito l'esame?", "published": true},
                "expected_audience": "citizen"
            }))),
            ("hand-over" = (summary = "Hand over to the region", value = json!({
                "action": "hand-over",
                "reason_code": "regional-service",
                "note": {"body": "Il referto risulta inviato dai nostri sistemi il 2 novembre, ma non compare nel fascicolo.", "published": true},
                "expected_audience": "region"
            }))),
            ("resolve" = (summary = "Resolve, with an answer", value = json!({
                "action": "resolve",
                "resolution_code": "resolved-by-authority",
                "note": {"body": "Il referto è di nuovo disponibile: può scaricarlo dal fascicolo.", "published": true}
            })))
        )),
        (ActionForms = "multipart/form-data"))),
    responses((status = 201, description = "Done: the ticket as it stands now, the entry that was written, and who is told", body = ActionDone)))]
#[post("/v1/tickets/{ticket}/actions")]
#[expect(clippy::too_many_arguments, reason = "one typed input each")]
pub(crate) async fn act_on_ticket(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    ticket: web::Path<String>,
    seen: Seen,
    desk: web::Data<Desk>,
    lang: Language,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let wanted = ticket_ref(&ticket)?;
    let submission = read(&request, payload, Shape::Action).await?;
    let once = repeatable.with(submission.content());
    let (checked, file) = block(move || check(submission)).await?;
    let attachment = match file {
        Some(file) => Some(desk.keep(file).await?),
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

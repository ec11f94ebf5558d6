//! The playbook of a ticket: its checks, what was answered, and what follows.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, get, put, web};
use domain::invalid::{FieldError, Lang, Text};

use serde::Serialize;
use serde_json::{Map, Value};
use service::Desk;
use service::playbooks::{
    AnswersForm, CheckView, NoteView, PlaybookHead, PlaybookScreen, RunView, Unmet, ValueKind,
    ValueView,
};
use utoipa::ToSchema;
use uuid::Uuid;

use super::codes::{
    Audience, HandOverReason, PlaybookDecision, PlaybookValueKind, ResolutionCode, TicketNumber,
    TicketRef,
};
use super::screen_body::{AllowedActionBody, label};
use super::{CodeLabel, ticket_ref};
use crate::block;
use crate::body::{Expects, read_object};
use crate::conditions::{etag, tagged};
use crate::language::Language;
use crate::members::Members;
use crate::principal::Operator;
use crate::problem::Problem;
use crate::routes::Routes;

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config.service(show_playbook).service(answer_playbook);
}

/// A playbook by name.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlaybookHeadBody {
    #[schema(max_length = 40, pattern = "^[A-Za-z0-9-]+$")]
    code: String,
    /// The version that the ticket keeps, or would keep.
    #[schema(minimum = 1)]
    version: i32,
    #[schema(max_length = 250)]
    label: String,
    /// What it is for.
    #[schema(max_length = 1000)]
    purpose: String,
}

impl PlaybookHeadBody {
    fn new(head: PlaybookHead, lang: Lang) -> Self {
        PlaybookHeadBody {
            label: head.label.to(lang).to_owned(),
            purpose: head.purpose.to(lang).to_owned(),
            code: head.code,
            version: head.version,
        }
    }
}

/// The playbook of a ticket.
#[derive(Serialize, ToSchema)]
struct TicketPlaybookBody {
    ticket_id: Uuid,
    #[schema(value_type = TicketNumber)]
    number: String,
    /// Of the ticket, for `If-Match` of the next action.
    #[schema(minimum = 0)]
    version: i64,
    /// The one begun with, or before that the usual one; null where none governs the ticket or the caller
    /// has no custody.
    #[schema(required)]
    playbook: Option<PlaybookHeadBody>,
    /// Those that may be begun with instead.
    #[schema(max_items = 50)]
    others: Vec<PlaybookHeadBody>,
    /// Whether the caller may answer now.
    may_answer: bool,
    /// What the answers lead to; null where there is no run.
    #[schema(value_type = Option<PlaybookDecision>, required)]
    decision: Option<String>,
    /// Why, playbook by playbook.
    #[schema(max_items = 50)]
    why: Vec<String>,
    /// The note that goes with the decision, as far as it can be written; null where none does.
    #[schema(required)]
    note_draft: Option<NoteDraftBody>,
    /// The present run in full; null where there is none.
    #[schema(required)]
    run: Option<PlaybookRunBody>,
    /// Runs that are over, the newest first: the caller's own and, for the region, those before a
    /// hand-over.
    #[schema(max_items = 1000)]
    earlier_runs: Vec<PlaybookRunBody>,
    /// What the caller's role may do to the ticket, and whether it may do so now.
    #[schema(max_items = 50)]
    allowed_actions: Vec<AllowedActionBody>,
}

/// A desk's run through playbooks.
#[derive(Serialize, ToSchema)]
struct PlaybookRunBody {
    begun_with: PlaybookHeadBody,
    desk: CodeLabel,
    /// When the first answer was given; null before it.
    #[schema(required, format = DateTime)]
    started_at: Option<String>,
    #[schema(required, format = DateTime)]
    handed_over_at: Option<String>,
    /// When a supervisor handed over against it.
    #[schema(required, format = DateTime)]
    overridden_at: Option<String>,
    #[schema(value_type = PlaybookDecision)]
    decision: String,
    #[schema(max_items = 50)]
    why: Vec<String>,
    /// The reason of the hand-over, if one is decided.
    #[schema(value_type = Option<HandOverReason>, required)]
    reason_code: Option<String>,
    /// How to resolve the ticket, if that is decided.
    #[schema(value_type = Option<ResolutionCode>, required)]
    resolution_code: Option<String>,
    /// What to do besides, or afterwards.
    #[schema(required, max_length = 1000)]
    follow_up: Option<String>,
    /// The checks to answer next.
    #[schema(max_items = 100)]
    next_checks: Vec<String>,
    /// What keeps the nearest hand-over from being decided.
    #[schema(max_items = 100)]
    unmet: Vec<UnmetBody>,
    /// The checks of the playbooks gone through, in the order they are asked.
    #[schema(max_items = 500)]
    checks: Vec<CheckBody>,
    /// The values that those ask for.
    #[schema(max_items = 200)]
    values: Vec<PlaybookValueBody>,
    /// What the desk adds to the note.
    #[schema(required, max_length = 500)]
    addition: Option<String>,
    #[schema(required)]
    note_draft: Option<NoteDraftBody>,
}

/// A check, and its answer.
#[derive(Serialize, ToSchema)]
struct CheckBody {
    #[schema(max_length = 40)]
    code: String,
    /// The playbook that asks it.
    #[schema(max_length = 40)]
    playbook: String,
    #[schema(minimum = 1)]
    playbook_version: i32,
    #[schema(max_length = 1000)]
    question: String,
    /// Who finds out, and where.
    #[schema(max_length = 1000)]
    verified_by: String,
    /// What the citizen may be asked first.
    #[schema(required, max_length = 1000)]
    ask_citizen: Option<String>,
    /// What may be answered; empty for a check that asks values instead.
    #[schema(max_items = 50)]
    answers: Vec<PossibleAnswerBody>,
    /// The values it asks instead of an answer.
    #[schema(max_items = 50)]
    details: Vec<String>,
    /// The answer that counts; null while there is none.
    #[schema(required, max_length = 40)]
    answer: Option<String>,
    /// Whether it follows from an answer to another playbook.
    is_carried: bool,
    /// What the answer rests on, in the desk's words. The region reads it after a hand-over.
    #[schema(required, max_length = 500)]
    evidence: Option<String>,
    /// Who answered.
    #[schema(required, max_length = 128)]
    author: Option<String>,
    #[schema(required, format = DateTime)]
    answered_at: Option<String>,
}

/// An answer that a check takes.
#[derive(Serialize, ToSchema)]
struct PossibleAnswerBody {
    #[schema(max_length = 40)]
    code: String,
    #[schema(max_length = 250)]
    label: String,
    /// Values to give with it.
    #[schema(max_items = 50)]
    needs: Vec<String>,
}

/// A value for the note.
#[derive(Serialize, ToSchema)]
struct PlaybookValueBody {
    #[schema(max_length = 40)]
    code: String,
    #[schema(max_length = 250)]
    label: String,
    #[schema(value_type = PlaybookValueKind)]
    kind: &'static str,
    /// The most characters of a text, or the digits of a number.
    #[schema(required, minimum = 1)]
    length: Option<i64>,
    /// What was given; null while nothing was.
    #[schema(required, max_length = 4000)]
    value: Option<String>,
}

/// What keeps a hand-over from being decided.
#[derive(Serialize, ToSchema)]
struct UnmetBody {
    #[schema(max_length = 40)]
    playbook: String,
    #[schema(max_length = 40)]
    check: String,
    /// What was answered; null if nothing was.
    #[schema(required, max_length = 40)]
    answer: Option<String>,
    /// What would satisfy it.
    #[schema(max_items = 50)]
    needed: Vec<String>,
}

/// A note as far as it can be written.
#[derive(Serialize, ToSchema)]
struct NoteDraftBody {
    /// The whole text; null while something is missing or wrong.
    #[schema(required, max_length = 5000)]
    body: Option<String>,
    #[schema(value_type = Audience)]
    audience: &'static str,
    /// Values still missing.
    #[schema(max_items = 50)]
    missing: Vec<String>,
    /// Those of them of which one is enough.
    #[schema(max_items = 50)]
    one_of: Vec<String>,
    /// Values that are no good any more, such as those kept since another version.
    #[schema(max_items = 50)]
    invalid: Vec<WrongValueBody>,
}

/// A value that is no good.
#[derive(Serialize, ToSchema)]
struct WrongValueBody {
    #[schema(max_length = 128)]
    pointer: String,
    #[schema(max_length = 64)]
    code: String,
    #[schema(max_length = 500)]
    message: String,
}

fn words(codes: impl IntoIterator<Item = impl ToString>) -> Vec<String> {
    codes.into_iter().map(|code| code.to_string()).collect()
}

fn spoken(texts: &[Text], lang: Lang) -> Vec<String> {
    texts.iter().map(|text| text.to(lang).to_owned()).collect()
}

impl NoteDraftBody {
    fn new(note: &NoteView, lang: Lang) -> Self {
        let wrong = |error: &FieldError| WrongValueBody {
            pointer: error.pointer.clone(),
            code: error.code.to_owned(),
            message: error.message.to(lang).to_owned(),
        };
        NoteDraftBody {
            body: note.body.clone(),
            audience: note.audience.as_str(),
            missing: words(&note.missing),
            one_of: words(&note.one_of),
            invalid: note.invalid.iter().map(wrong).collect(),
        }
    }
}

impl CheckBody {
    fn new(view: CheckView, lang: Lang) -> Self {
        let check = view.check;
        let given = view.given.filter(|_| !view.is_carried);
        let answers = check.answers.iter().map(|answer| PossibleAnswerBody {
            code: answer.code.to_string(),
            label: answer.label.to(lang).to_owned(),
            needs: words(&answer.needs),
        });
        CheckBody {
            code: check.code.to_string(),
            playbook: view.playbook.code,
            playbook_version: view.playbook.version,
            question: check.question.to(lang).to_owned(),
            verified_by: check.verified_by.to(lang).to_owned(),
            ask_citizen: check.ask_citizen.map(|text| text.to(lang).to_owned()),
            answers: answers.collect(),
            details: words(&check.details),
            answer: view.answer.map(|answer| answer.to_string()),
            is_carried: view.is_carried,
            evidence: given.as_ref().and_then(|row| row.evidence.clone()),
            author: given.as_ref().and_then(|row| row.by_label.clone()),
            answered_at: given.map(|row| row.at.to_string()),
        }
    }
}

impl PlaybookValueBody {
    fn new(view: ValueView, lang: Lang) -> Self {
        let count = |number: usize| i64::try_from(number).ok();
        let (kind, length) = match view.rule.kind {
            ValueKind::Text { max } => ("text", count(max)),
            ValueKind::Digits { length } => ("digits", count(length)),
            ValueKind::Date => ("date", None),
            ValueKind::Amount => ("amount", None),
            ValueKind::Authority => ("authority", None),
        };
        PlaybookValueBody {
            code: view.rule.name.to_string(),
            label: view.rule.label.to(lang).to_owned(),
            kind,
            length,
            value: view.value,
        }
    }
}

impl UnmetBody {
    fn new(unmet: Unmet) -> Self {
        UnmetBody {
            playbook: unmet.playbook.to_string(),
            check: unmet.check.to_string(),
            answer: unmet.answer.map(|answer| answer.to_string()),
            needed: words(&unmet.needed),
        }
    }
}

impl PlaybookRunBody {
    fn new(run: RunView, lang: Lang) -> Self {
        PlaybookRunBody {
            begun_with: PlaybookHeadBody::new(run.begun_with, lang),
            desk: label(run.desk, lang),
            started_at: run.started_at.map(|at| at.to_string()),
            handed_over_at: run.handed_over_at.map(|at| at.to_string()),
            overridden_at: run.overridden_at.map(|at| at.to_string()),
            decision: run.decision.as_str().to_owned(),
            why: spoken(&run.why, lang),
            reason_code: run.reason.map(str::to_owned),
            resolution_code: run.resolution.map(str::to_owned),
            follow_up: run.follow_up.map(|text| text.to(lang).to_owned()),
            next_checks: run.next_checks,
            unmet: run.unmet.into_iter().map(UnmetBody::new).collect(),
            checks: run
                .checks
                .into_iter()
                .map(|check| CheckBody::new(check, lang))
                .collect(),
            values: run
                .values
                .into_iter()
                .map(|value| PlaybookValueBody::new(value, lang))
                .collect(),
            addition: run.addition,
            note_draft: run.note.map(|note| NoteDraftBody::new(&note, lang)),
        }
    }
}

impl TicketPlaybookBody {
    fn new(screen: PlaybookScreen, lang: Lang) -> Self {
        let run = screen.run.as_ref();
        let head = |head| PlaybookHeadBody::new(head, lang);
        TicketPlaybookBody {
            ticket_id: screen.ticket.uuid(),
            number: screen.number,
            version: screen.version,
            decision: run.map(|run| run.decision.as_str().to_owned()),
            why: run.map_or(Vec::new(), |run| spoken(&run.why, lang)),
            note_draft: run
                .and_then(|run| run.note.as_ref())
                .map(|note| NoteDraftBody::new(note, lang)),
            playbook: screen.playbook.map(head),
            others: screen.others.into_iter().map(head).collect(),
            may_answer: screen.may_answer,
            run: screen.run.map(|run| PlaybookRunBody::new(run, lang)),
            earlier_runs: screen
                .earlier
                .into_iter()
                .map(|run| PlaybookRunBody::new(run, lang))
                .collect(),
            allowed_actions: screen
                .allowed_actions
                .into_iter()
                .map(AllowedActionBody::from)
                .collect(),
        }
    }
}

/// Shows the playbook of a ticket.
///
/// Its checks with who finds out and where, the answers so far, what they lead to and why, what is still
/// against a hand-over, and the note that would go with it. Before the first answer it is the playbook
/// as it would be begun. Another desk's answers are not shown; the region reads those before a hand-over.
#[utoipa::path(tag = "tickets", params(("ticket" = inline(TicketRef), Path, description = "The ticket's id or number")),
    responses((status = 200, description = "The playbook", body = TicketPlaybookBody)))]
#[get("/v1/tickets/{ticket}/playbook")]
pub(crate) async fn show_playbook(
    request: HttpRequest,
    operator: Operator,
    ticket: web::Path<String>,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let wanted = ticket_ref(&ticket)?;
    let screen = block(move || desk.show_playbook(&operator.0, &wanted)).await?;
    let version = screen.version;
    let body = TicketPlaybookBody::new(screen, lang.0);
    tagged(&request, Some(version), &body)
}

/// Answers to merge into those there are.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct PlaybookAnswersForm {
    /// The playbook to begin with, if not the one begun or the usual one. Another one begins another run.
    #[schema(max_length = 40, example = "PB-2")]
    playbook: Option<String>,
    /// Answers by check, such as `{"c1": "yes"}`. A check not named keeps its answer; null takes it back.
    #[schema(value_type = Option<Object>, example = json!({"c1": "yes", "c2": "yes"}))]
    answers: Option<BTreeMap<String, String>>,
    /// Values for the note, such as `{"report_id": "…"}`; null takes one back.
    #[schema(value_type = Option<Object>, example = json!({"report_id": "TO4-2026-118273"}))]
    values: Option<BTreeMap<String, String>>,
    /// What an answer rests on, by check: up to 500 characters.
    #[schema(value_type = Option<Object>, example = json!({"c1": "Repository aziendale, 12 novembre"}))]
    evidence: Option<BTreeMap<String, String>>,
    /// What follows the drafted note, in the desk's words; null takes it back.
    #[schema(max_length = 500)]
    addition: Option<String>,
}

fn read_answers(members: Map<String, Value>) -> (AnswersForm, Vec<FieldError>) {
    let mut members = Members::of(members);
    let by_code = |members: &mut Members, name: &str| match members.take(name) {
        None => BTreeMap::new(),
        Some(Value::Object(map)) => map.into_iter().collect(),
        Some(_) => {
            members.refuse(name, crate::body::wrong_type());
            BTreeMap::new()
        }
    };
    let form = AnswersForm {
        playbook: members.text("playbook", 40),
        answers: by_code(&mut members, "answers"),
        values: by_code(&mut members, "values"),
        evidence: by_code(&mut members, "evidence"),
        addition: members.change("addition", |members, name| members.text(name, 20_000)),
    };
    (form, members.finish())
}

/// Answers the playbook of a ticket.
///
/// Answers are merged into those there are, one request after the other, so that two people who answer at
/// the same time lose nothing; that is why `If-Match` is not asked for. The first answers take charge of
/// a new ticket, and the ticket keeps the versions of the playbooks that are in force then. The ticket's
/// version moves on when the answers take charge or lead somewhere else than before: whoever hands over
/// by what they led to before is told so with 412.
///
/// While the playbook has not decided `escalate`, `hand-over` is refused with 409
/// `playbook-not-satisfied`, and while it says `hold`, so is `resolve`.
#[utoipa::path(tag = "tickets", params(("ticket" = inline(TicketRef), Path, description = "The ticket's id or number")),
    request_body(content = PlaybookAnswersForm, description = "Answers, values, evidence"),
    responses((status = 200, description = "What the answers lead to", body = TicketPlaybookBody)))]
#[put("/v1/tickets/{ticket}/playbook/answers")]
pub(crate) async fn answer_playbook(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    ticket: web::Path<String>,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let wanted = ticket_ref(&ticket)?;
    let object = read_object(&request, payload, Expects::Json).await?;
    let (form, errors) = read_answers(object);
    if !errors.is_empty() {
        return Err(Problem::fields(errors));
    }
    let screen = block(move || desk.answer_playbook(&operator.0, wanted, form)).await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(screen.version))
        .json(TicketPlaybookBody::new(screen, lang.0)))
}

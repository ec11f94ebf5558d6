//! A ticket as it is written to a desk, in the caller's language. Requesters have a shape of their own,
//! in `own_body`.

use domain::invalid::Lang;
use domain::playbook::PlaybookWord;
use domain::sla::Run;
use serde::Serialize;
use serde_json::{Map, Value};
use service::labels::{AttachmentView, Labelled};
use service::links::LinkedTicket;
use service::screen::{
    AllowedAction, AssigneeView, ClockView, Person, Screen, SlaView, StaffTicket, TimelineEntry,
};
use utoipa::ToSchema;
use uuid::Uuid;

use super::CodeLabel;
use super::activities::ActivityBody;
use super::codes::{
    ActionCode, AssigneeKind, Audience, AuthorKind, Channel, ClockKind, ClockState, HandOverReason,
    LegOutcome, PlaybookDecision, Priority, RequesterKind, ResolutionCode, State, Tag, TextKind,
    TicketKind, TicketNumber, WaitingReason,
};
use super::contacts::NamedTicketBody;
use super::links::{AlikeTicketBody, LinkedTicketBody};

pub(crate) fn label(labelled: Labelled, lang: Lang) -> CodeLabel {
    CodeLabel {
        label: labelled.label.to(lang).to_owned(),
        code: labelled.code,
    }
}

/// A ticket as a desk sees it.
#[derive(Serialize, ToSchema)]
pub(crate) struct StaffTicketBody {
    id: Uuid,
    /// For people.
    #[schema(value_type = TicketNumber)]
    number: String,
    /// For `If-Match`.
    #[schema(minimum = 0)]
    version: i64,
    #[schema(value_type = State)]
    state: String,
    #[schema(max_length = 64)]
    state_label: String,
    service: CodeLabel,
    problem_type: CodeLabel,
    /// The authority the requester named.
    #[schema(required)]
    declared_authority: Option<CodeLabel>,
    /// Who holds it now.
    custody: CodeLabel,
    /// Who works it; null when nobody does.
    #[schema(required)]
    assignee: Option<AssigneeBody>,
    /// How it was resolved; null while it is not.
    #[schema(value_type = Option<ResolutionCode>, required)]
    resolution_code: Option<String>,
    #[schema(value_type = Priority)]
    priority: String,
    #[schema(value_type = Option<TicketKind>, required)]
    kind: Option<String>,
    #[schema(value_type = Vec<Tag>, max_items = 20)]
    tags: Vec<String>,
    #[schema(value_type = Channel)]
    channel: String,
    /// Whether somebody should look.
    needs_attention: bool,
    /// Since when the processing of its data is restricted: it can be read and not changed. Null while
    /// it is not.
    #[schema(required, format = DateTime)]
    restricted_at: Option<String>,
    requester: PersonBody,
    /// The problem in the requester's words; null where the form does not ask for them.
    #[schema(required, max_length = 4000)]
    description: Option<String>,
    /// The service's own fields.
    #[schema(value_type = Object)]
    extra: Map<String, Value>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
    sla: SlaBody,
    #[schema(minimum = 0)]
    reopen_count: i32,
    /// How often the system reminded the requester of a question.
    #[schema(minimum = 0)]
    reminder_count: i32,
    /// How often the requester nudged ("sollecito").
    #[schema(minimum = 0)]
    nudge_count: i32,
    /// When they did so last.
    #[schema(required, format = DateTime)]
    last_nudged_at: Option<String>,
    /// When the person was taken out of it, because their time was over: texts read "—" since.
    #[schema(required, format = DateTime)]
    anonymised_at: Option<String>,
    #[schema(minimum = 0)]
    bounce_count: i32,
    /// The closed ticket this one goes on from.
    #[schema(required)]
    follow_up_of: Option<Uuid>,
    /// What the desk's playbook says; null before its first answer.
    #[schema(required)]
    playbook: Option<PlaybookWordBody>,
    /// What an open ticket waits for; null if for nothing.
    #[schema(value_type = Option<WaitingReason>, required)]
    waiting_reason: Option<String>,
    /// When somebody should look whether that came.
    #[schema(required, format = DateTime)]
    review_at: Option<String>,
    /// Where it goes on, while it is merged: its number leads there.
    #[schema(required)]
    merged_into: Option<NamedTicketBody>,
    /// Until when that can be undone.
    #[schema(required, format = DateTime)]
    merge_undo_until: Option<String>,
    /// Who had custody when.
    #[schema(max_items = 1000)]
    legs: Vec<LegBody>,
    /// What the caller's role may do, and whether it may do so now.
    #[schema(max_items = 50)]
    allowed_actions: Vec<AllowedActionBody>,
}

/// What a playbook says.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlaybookWordBody {
    #[schema(max_length = 40)]
    code: String,
    #[schema(minimum = 1)]
    version: i32,
    #[schema(value_type = PlaybookDecision)]
    decision: String,
    /// The reason of the hand-over, if one is decided.
    #[schema(value_type = Option<HandOverReason>, required)]
    reason_code: Option<String>,
}

impl From<PlaybookWord> for PlaybookWordBody {
    fn from(word: PlaybookWord) -> Self {
        PlaybookWordBody {
            code: word.playbook.to_string(),
            version: word.version,
            decision: word.decision.as_str().to_owned(),
            reason_code: word.reason.map(|reason| reason.as_str().to_owned()),
        }
    }
}

/// Times a ticket should or will meet.
#[derive(Serialize, ToSchema)]
pub(crate) struct SlaBody {
    /// How the resolution of the present leg stands; null where no policy held when the leg opened.
    #[schema(value_type = Option<ClockState>, required)]
    state: Option<String>,
    /// When it should be resolved. While the requester is asked: if the clock went on at once.
    #[schema(format = DateTime)]
    due_at: String,
    /// When 75 % of the working time promised has passed, likewise.
    #[schema(required, format = DateTime)]
    warn_at: Option<String>,
    /// When a resolved ticket closes by itself; null while it is not resolved.
    #[schema(required, format = DateTime)]
    closes_at: Option<String>,
    /// Every clock of the ticket, by leg.
    #[schema(max_items = 3000)]
    clocks: Vec<ClockBody>,
}

/// A promise and how it is kept, in working time.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClockBody {
    #[schema(value_type = ClockKind)]
    clock: String,
    /// The leg it began in.
    #[schema(minimum = 1)]
    leg: i32,
    #[schema(value_type = ClockState)]
    state: String,
    /// The version of the policy that held when that leg opened.
    policy_id: Uuid,
    #[schema(format = DateTime)]
    started_at: String,
    /// The working time promised, as an ISO 8601 duration.
    #[schema(max_length = 64, pattern = "^P[0-9DTHMS]+$", example = "PT45H")]
    target: String,
    /// When 75 % of it has passed; while it is paused or stopped: if it went on at once.
    #[schema(format = DateTime)]
    warn_at: String,
    /// When all of it has passed, likewise.
    #[schema(format = DateTime)]
    due_at: String,
    /// How long its pauses were, nights and holidays included, without the one that lasts.
    #[schema(minimum = 0)]
    paused_seconds: i64,
    /// Since when it is paused.
    #[schema(required, format = DateTime)]
    paused_since: Option<String>,
    /// When it was stopped in time.
    #[schema(required, format = DateTime)]
    met_at: Option<String>,
    /// When the time promised was over before it was stopped.
    #[schema(required, format = DateTime)]
    breached_at: Option<String>,
}

impl From<SlaView> for SlaBody {
    fn from(view: SlaView) -> Self {
        SlaBody {
            state: view.state.map(|state| state.as_str().to_owned()),
            due_at: view.due_at.to_string(),
            warn_at: view.warn_at.map(|at| at.to_string()),
            closes_at: None,
            clocks: view.clocks.into_iter().map(ClockBody::from).collect(),
        }
    }
}

impl From<ClockView> for ClockBody {
    fn from(view: ClockView) -> Self {
        let clock = view.clock;
        let paused_since = match clock.run {
            Run::Paused { since } => Some(since.to_string()),
            Run::Running | Run::Stopped { .. } => None,
        };
        ClockBody {
            clock: clock.kind.as_str().to_owned(),
            leg: clock.leg,
            state: view.state.as_str().to_owned(),
            policy_id: clock.policy.uuid(),
            started_at: clock.started_at.to_string(),
            target: format!("{}", clock.target),
            warn_at: clock.warn_at.to_string(),
            due_at: clock.due_at.to_string(),
            paused_seconds: clock.paused.as_secs(),
            paused_since,
            met_at: clock.met_at().map(|at| at.to_string()),
            breached_at: view.breached_at.map(|at| at.to_string()),
        }
    }
}

/// The requester. Whole for the desk that has the request in custody; elsewhere `masked` is true, and tax
/// code and contacts are masks.
#[derive(Serialize, ToSchema)]
pub(crate) struct PersonBody {
    /// As whom they filed.
    #[schema(value_type = RequesterKind)]
    kind: String,
    /// Whether a national identity says who they are.
    verified: bool,
    #[schema(max_length = 30)]
    given_name: String,
    #[schema(max_length = 30)]
    family_name: String,
    /// Whole, or as `RSSMRA•••••••••U`.
    #[schema(max_length = 16)]
    tax_code: String,
    /// Whole, or as `m•••@•••.it`.
    #[schema(max_length = 254)]
    email: String,
    /// Whole, or as `•••••67`.
    #[schema(required, max_length = 16, pattern = r"^(\+[0-9]{6,15}|[•0-9]{2,16})$")]
    phone: Option<String>,
    #[schema(required, max_length = 16, pattern = r"^(\+[0-9]{6,15}|[•0-9]{2,16})$")]
    recall_phone: Option<String>,
    #[schema(required, max_length = 254)]
    notification_email: Option<String>,
    /// The role chosen on the operators' form; `delegate` where a citizen filed for their delegator.
    #[schema(required, max_length = 64)]
    requester_role: Option<String>,
    /// True where tax code and contacts are masks: ask for a disclosure to see them.
    masked: bool,
}

impl From<Person> for PersonBody {
    fn from(person: Person) -> Self {
        PersonBody {
            kind: person.kind,
            verified: person.verified,
            given_name: person.given_name,
            family_name: person.family_name,
            tax_code: person.tax_code,
            email: person.email,
            phone: person.phone,
            recall_phone: person.recall_phone,
            notification_email: person.notification_email,
            requester_role: person.requester_role,
            masked: person.masked,
        }
    }
}

/// An owner.
#[derive(Serialize, serde::Deserialize, ToSchema)]
pub(crate) struct AssigneeBody {
    /// The account's id or the pool's code.
    #[schema(max_length = 64)]
    pub(crate) id: String,
    #[schema(value_type = AssigneeKind)]
    pub(crate) kind: String,
    /// What people read, where it is known.
    #[schema(required, max_length = 128)]
    pub(crate) label: Option<String>,
}

impl From<AssigneeView> for AssigneeBody {
    fn from(view: AssigneeView) -> Self {
        AssigneeBody {
            id: view.id,
            kind: view.kind,
            label: view.label,
        }
    }
}

/// A stretch of the ticket's life with one custodian.
#[derive(Serialize, ToSchema)]
pub(crate) struct LegBody {
    #[schema(minimum = 1)]
    no: i32,
    custody: CodeLabel,
    #[schema(format = DateTime)]
    opened_at: String,
    /// Null for the one that lasts.
    #[schema(required, format = DateTime)]
    closed_at: Option<String>,
    #[schema(value_type = Option<LegOutcome>, required)]
    outcome: Option<String>,
}

/// An action, and whether the caller may take it now.
#[derive(Serialize, ToSchema)]
pub(crate) struct AllowedActionBody {
    #[schema(value_type = ActionCode)]
    action: String,
    allowed: bool,
    /// The problem it would meet, as the last part of its type; null when it is allowed.
    #[schema(required, max_length = 64, pattern = "^[a-z-]+$")]
    reason: Option<String>,
}

/// The whole screen of a ticket.
#[derive(Serialize, ToSchema)]
pub(crate) struct ScreenBody {
    #[serde(flatten)]
    ticket: StaffTicketBody,
    /// The newest entries, newest first.
    #[schema(max_items = 100)]
    timeline: Vec<EntryBody>,
    /// The cursor of `/timeline` for the entries before these; null when these are all.
    #[schema(required, max_length = 18, pattern = "^[0-9]+$")]
    timeline_next_cursor: Option<String>,
    /// The files of those entries.
    #[schema(max_items = 1000)]
    attachments: Vec<AttachmentBody>,
    /// Other tickets of the same person and service that last into now, the likest first.
    #[schema(max_items = 5)]
    possible_duplicates: Vec<AlikeTicketBody>,
    /// Tickets it is linked with and that the caller may see, the oldest first.
    #[schema(max_items = 1000)]
    links: Vec<LinkedTicketBody>,
    /// What goes on from it once it was closed, in order.
    #[schema(max_items = 1000)]
    follow_ups: Vec<LinkedTicketBody>,
    /// Its technical activities, for the region; an authority knows of none.
    #[schema(max_items = 100)]
    activities: Vec<ActivityBody>,
}

/// A file.
#[derive(Serialize, ToSchema)]
pub(crate) struct AttachmentBody {
    id: Uuid,
    /// The entry it belongs to.
    #[schema(minimum = 1)]
    seq: i64,
    /// As it was sent; once it is purged, one that tells nothing.
    #[schema(max_length = 120)]
    file_name: String,
    #[schema(max_length = 128)]
    media_type: String,
    /// Bytes.
    #[schema(minimum = 0)]
    size: i64,
    /// Of its content, in hexadecimal; null once it is purged.
    #[schema(required, max_length = 64, pattern = "^[0-9a-f]{64}$")]
    sha256: Option<String>,
    /// When the content of a removed request's file was deleted; reading it is `attachment-purged` then.
    #[schema(required, format = DateTime)]
    purged_at: Option<String>,
}

/// An entry of the timeline.
#[derive(Serialize, ToSchema)]
pub(crate) struct EntryBody {
    /// Its place.
    #[schema(minimum = 1)]
    seq: i64,
    #[schema(format = DateTime)]
    at: String,
    /// What happened, such as `request.taken`. The list may grow.
    #[schema(max_length = 64, pattern = "^[a-z_.]+$")]
    event: String,
    /// Codes that go with the event.
    #[schema(value_type = Object)]
    details: Map<String, Value>,
    /// The state after it.
    #[schema(value_type = State)]
    state: String,
    #[schema(max_length = 64)]
    state_label: String,
    author: AuthorBody,
    /// What was written, if the caller may read it.
    #[schema(value_type = Option<TextKind>, required)]
    kind: Option<String>,
    /// For whom it was written.
    #[schema(value_type = Option<Audience>, required)]
    audience: Option<String>,
    /// What was written, if the caller may read it.
    #[schema(required, max_length = 10000)]
    body: Option<String>,
    #[schema(max_items = 10)]
    attachments: Vec<AttachmentBody>,
}

/// Who did something.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuthorBody {
    #[schema(value_type = AuthorKind)]
    kind: String,
    /// A colleague's name.
    #[schema(required, max_length = 128)]
    label: Option<String>,
    /// The code of their authority.
    #[schema(required, max_length = 64)]
    authority: Option<String>,
}

impl From<AllowedAction> for AllowedActionBody {
    fn from(one: AllowedAction) -> Self {
        AllowedActionBody {
            action: one.action,
            allowed: one.allowed,
            reason: one.reason,
        }
    }
}

impl StaffTicketBody {
    pub(crate) fn new(ticket: StaffTicket, lang: Lang) -> Self {
        let word = ticket.playbook;
        let waiting = word
            .as_ref()
            .and_then(|word| word.waiting)
            .filter(|_| ticket.state.is_open());
        StaffTicketBody {
            id: ticket.id.uuid(),
            number: ticket.number,
            version: ticket.version,
            state: ticket.state.as_str().to_owned(),
            state_label: ticket.state.label().to(lang).to_owned(),
            service: label(ticket.service, lang),
            problem_type: label(ticket.problem_type, lang),
            declared_authority: ticket.declared_authority.map(|one| label(one, lang)),
            custody: label(ticket.custody, lang),
            assignee: ticket.assignee.map(AssigneeBody::from),
            resolution_code: ticket.resolution_code,
            priority: ticket.priority,
            kind: ticket.kind,
            tags: ticket.tags,
            channel: ticket.channel,
            needs_attention: ticket.needs_attention,
            restricted_at: ticket.restricted_at.map(|at| at.to_string()),
            requester: PersonBody::from(ticket.requester),
            description: ticket.description,
            extra: ticket.extra,
            created_at: ticket.created_at.to_string(),
            updated_at: ticket.updated_at.to_string(),
            sla: SlaBody {
                closes_at: ticket.closes_at.map(|at| at.to_string()),
                ..ticket.sla.into()
            },
            reopen_count: ticket.reopen_count,
            reminder_count: ticket.reminder_count,
            nudge_count: ticket.nudge_count,
            last_nudged_at: ticket.last_nudged_at.map(|at| at.to_string()),
            anonymised_at: ticket.anonymised_at.map(|at| at.to_string()),
            bounce_count: ticket.bounce_count,
            follow_up_of: ticket.follow_up_of.map(|id| id.uuid()),
            waiting_reason: waiting.map(|waiting| waiting.reason.as_str().to_owned()),
            review_at: waiting.map(|waiting| waiting.review_at.to_string()),
            playbook: word.map(PlaybookWordBody::from),
            merged_into: ticket.merged_into.map(NamedTicketBody::from),
            merge_undo_until: ticket.merge_undo_until.map(|at| at.to_string()),
            legs: ticket
                .legs
                .into_iter()
                .map(|leg| LegBody {
                    no: leg.no,
                    custody: label(leg.custody, lang),
                    opened_at: leg.opened_at.to_string(),
                    closed_at: leg.closed_at.map(|at| at.to_string()),
                    outcome: leg.outcome,
                })
                .collect(),
            allowed_actions: ticket
                .allowed_actions
                .into_iter()
                .map(AllowedActionBody::from)
                .collect(),
        }
    }
}

fn linked(tickets: Vec<LinkedTicket>, lang: Lang) -> Vec<LinkedTicketBody> {
    let shown = tickets
        .into_iter()
        .map(|one| LinkedTicketBody::new(one, lang));
    shown.collect()
}

impl ScreenBody {
    pub(crate) fn new(screen: Screen, lang: Lang) -> Self {
        ScreenBody {
            activities: screen
                .activities
                .into_iter()
                .map(|one| ActivityBody::new(one, lang))
                .collect(),
            ticket: StaffTicketBody::new(screen.ticket, lang),
            timeline: screen
                .timeline
                .into_iter()
                .map(|entry| EntryBody::new(entry, lang))
                .collect(),
            timeline_next_cursor: screen.next_before.map(|seq| seq.to_string()),
            attachments: screen
                .attachments
                .into_iter()
                .map(AttachmentBody::from)
                .collect(),
            possible_duplicates: screen
                .possible_duplicates
                .into_iter()
                .map(|one| AlikeTicketBody::new(one, lang))
                .collect(),
            links: linked(screen.links, lang),
            follow_ups: linked(screen.follow_ups, lang),
        }
    }
}

impl From<AttachmentView> for AttachmentBody {
    fn from(view: AttachmentView) -> Self {
        AttachmentBody {
            id: view.id.uuid(),
            seq: view.seq,
            file_name: view.file_name,
            media_type: view.media_type,
            size: i64::try_from(view.size).unwrap_or(i64::MAX),
            sha256: view.purged_at.is_none().then_some(view.sha256),
            purged_at: view.purged_at.map(|at| at.to_string()),
        }
    }
}

impl EntryBody {
    pub(crate) fn new(entry: TimelineEntry, lang: Lang) -> Self {
        EntryBody {
            seq: entry.seq,
            at: entry.at.to_string(),
            event: entry.event,
            details: entry.details,
            state: entry.state.as_str().to_owned(),
            state_label: entry.state.label().to(lang).to_owned(),
            author: AuthorBody {
                kind: entry.author.kind,
                label: entry.author.label,
                authority: entry.author.authority,
            },
            kind: entry.kind,
            audience: entry.audience.map(|audience| audience.as_str().to_owned()),
            body: entry.body,
            attachments: entry
                .attachments
                .into_iter()
                .map(AttachmentBody::from)
                .collect(),
        }
    }
}

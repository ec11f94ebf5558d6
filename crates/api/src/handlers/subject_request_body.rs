//! What people ask about their own data, as it is answered to whoever keeps the register.

use domain::invalid::Lang;
use serde::Serialize;
use service::rights::{
    CorrectedTicket, ErasureReport, ErasureView, ExportView, SubjectRequestView,
};
use utoipa::ToSchema;
use uuid::Uuid;

use super::codes::{
    ErasureOutcome, ErasureState, ExportDelivery, ExportState, KeptReason, LanguageCode,
    MentionPlace, SubjectRequestChannel, SubjectRequestKind, SubjectRequestMove,
    SubjectRequestState, SubjectRequestStep, TicketNumber,
};

/// The most characters of what somebody asks, or is told.
pub(crate) const TEXT_MAX_CHARS: usize = 4000;

/// A request about one's own data.
#[derive(Serialize, ToSchema)]
pub(crate) struct SubjectRequestBody {
    id: Uuid,
    #[schema(minimum = 1)]
    version: i64,
    #[schema(value_type = SubjectRequestKind)]
    kind: &'static str,
    #[schema(max_length = 64)]
    kind_label: String,
    #[schema(value_type = SubjectRequestState)]
    state: &'static str,
    #[schema(max_length = 64)]
    state_label: String,
    #[schema(value_type = SubjectRequestChannel)]
    channel: &'static str,
    /// The tax code of who it is about, of which only the ends are shown.
    #[schema(max_length = 16)]
    person: String,
    /// The request whose tracking link they showed; null where they were identified otherwise.
    #[schema(required)]
    ticket_id: Option<Uuid>,
    /// Whether there is an address that was proved, to which they are written.
    has_address: bool,
    #[schema(value_type = LanguageCode)]
    language: &'static str,
    #[schema(format = DateTime)]
    received_at: String,
    /// Until when it is to be answered.
    #[schema(format = DateTime)]
    due_at: String,
    /// Whether the term was extended, which it is once.
    extended: bool,
    /// Whether the term is over, and nothing was answered.
    overdue: bool,
    #[schema(required, format = DateTime)]
    closed_at: Option<String>,
    /// The steps that can be taken now.
    #[schema(max_items = 4, value_type = Vec<SubjectRequestMove>)]
    allowed_steps: Vec<&'static str>,
    /// What was done, oldest first; empty in a list.
    #[schema(max_items = 1000)]
    steps: Vec<SubjectStepBody>,
    /// Copies of the data, oldest first; empty in a list.
    #[schema(max_items = 1000)]
    exports: Vec<ExportBody>,
    /// Erasures, oldest first; empty in a list.
    #[schema(max_items = 1000)]
    erasures: Vec<ErasureBody>,
}

/// A step.
#[derive(Serialize, ToSchema)]
pub(crate) struct SubjectStepBody {
    #[schema(format = DateTime)]
    at: String,
    /// Who took it; null for the person and the service itself.
    #[schema(required, max_length = 250)]
    by: Option<String>,
    #[schema(value_type = SubjectRequestStep)]
    step: &'static str,
    #[schema(value_type = SubjectRequestState)]
    state: &'static str,
    /// What the person asked or is told, or which document showed a name.
    #[schema(required, max_length = 4000)]
    text: Option<String>,
}

/// A copy of the data.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExportBody {
    id: Uuid,
    #[schema(value_type = ExportDelivery)]
    delivery: &'static str,
    #[schema(value_type = ExportState)]
    state: &'static str,
    #[schema(format = DateTime)]
    asked_at: String,
    #[schema(required, format = DateTime)]
    approved_at: Option<String>,
    #[schema(required, format = DateTime)]
    ready_at: Option<String>,
    /// Until when it can be fetched.
    #[schema(required, format = DateTime)]
    expires_at: Option<String>,
    /// When it was fetched, or its time ran out.
    #[schema(required, format = DateTime)]
    ended_at: Option<String>,
}

/// An erasure, in counts.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErasureBody {
    /// Null for a dry run, which is not kept.
    #[schema(required)]
    id: Option<Uuid>,
    #[schema(required, value_type = Option<ErasureState>)]
    state: Option<&'static str>,
    #[schema(format = DateTime)]
    asked_at: String,
    #[schema(required, format = DateTime)]
    approved_at: Option<String>,
    #[schema(required, format = DateTime)]
    ended_at: Option<String>,
    #[schema(minimum = 0)]
    erased_count: usize,
    #[schema(minimum = 0)]
    kept_count: usize,
    /// Texts of others that name the person.
    #[schema(minimum = 0)]
    mention_count: usize,
    /// Those that nobody has looked at yet.
    #[schema(minimum = 0)]
    mention_to_review_count: usize,
}

/// What an erasure did, or would do.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErasureReportBody {
    erasure: ErasureBody,
    /// Request by request.
    #[schema(max_items = 100000)]
    tickets: Vec<ErasedTicketBody>,
    /// Where texts of others name the person: places, and never the text.
    #[schema(max_items = 100000)]
    mentions: Vec<MentionBody>,
}

/// What became of a request.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErasedTicketBody {
    id: Uuid,
    #[schema(value_type = TicketNumber)]
    number: String,
    #[schema(value_type = ErasureOutcome)]
    outcome: &'static str,
    /// Why it was kept.
    #[schema(required, value_type = Option<KeptReason>)]
    reason: Option<&'static str>,
}

/// A place where a free text names the person.
#[derive(Serialize, ToSchema)]
pub(crate) struct MentionBody {
    id: Uuid,
    #[schema(value_type = MentionPlace)]
    place: &'static str,
    /// What the text belongs to: a request, activity, comment, contact, call back or complaint.
    subject_id: Uuid,
    /// The entry of the request's history, for a note.
    #[schema(required, minimum = 1)]
    seq: Option<i64>,
    #[schema(required)]
    ticket_id: Option<Uuid>,
    #[schema(format = DateTime)]
    found_at: String,
    #[schema(required, format = DateTime)]
    reviewed_at: Option<String>,
}

/// A request whose data were restricted, freed or put right.
#[derive(Serialize, ToSchema)]
pub(crate) struct CorrectedTicketBody {
    id: Uuid,
    #[schema(value_type = TicketNumber)]
    number: String,
    #[schema(required, format = DateTime)]
    restricted_at: Option<String>,
    /// The members that were put right, by name.
    #[schema(max_items = 4, max_length = 64)]
    rectified: Vec<String>,
}

impl SubjectRequestBody {
    pub(crate) fn new(view: SubjectRequestView, lang: Lang) -> Self {
        SubjectRequestBody {
            id: view.id.uuid(),
            version: view.version,
            kind: view.kind.as_str(),
            kind_label: view.kind.label().to(lang).to_owned(),
            state: view.state.as_str(),
            state_label: view.state.label().to(lang).to_owned(),
            channel: view.channel.as_str(),
            person: view.person,
            ticket_id: view.ticket.map(|id| id.uuid()),
            has_address: view.has_address,
            language: view.lang.code(),
            received_at: view.received_at.to_string(),
            due_at: view.due_at.to_string(),
            extended: view.was_extended,
            overdue: view.is_overdue,
            closed_at: view.closed_at.map(|at| at.to_string()),
            allowed_steps: view.allowed.iter().map(|step| step.as_str()).collect(),
            steps: view
                .steps
                .into_iter()
                .map(|one| SubjectStepBody {
                    at: one.at.to_string(),
                    by: one.by,
                    step: one.step.as_str(),
                    state: one.state.as_str(),
                    text: one.text,
                })
                .collect(),
            exports: view.exports.into_iter().map(ExportBody::from).collect(),
            erasures: view.erasures.into_iter().map(ErasureBody::from).collect(),
        }
    }
}

impl From<ExportView> for ExportBody {
    fn from(view: ExportView) -> Self {
        ExportBody {
            id: view.id.uuid(),
            delivery: view.delivery.as_str(),
            state: view.state.as_str(),
            asked_at: view.asked_at.to_string(),
            approved_at: view.approved_at.map(|at| at.to_string()),
            ready_at: view.ready_at.map(|at| at.to_string()),
            expires_at: view.expires_at.map(|at| at.to_string()),
            ended_at: view.ended_at.map(|at| at.to_string()),
        }
    }
}

impl From<ErasureView> for ErasureBody {
    fn from(view: ErasureView) -> Self {
        ErasureBody {
            id: view.id.map(|id| id.uuid()),
            state: view.state.map(|state| state.as_str()),
            asked_at: view.asked_at.to_string(),
            approved_at: view.approved_at.map(|at| at.to_string()),
            ended_at: view.ended_at.map(|at| at.to_string()),
            erased_count: view.erased,
            kept_count: view.kept,
            mention_count: view.mentions,
            mention_to_review_count: view.mentions_to_review,
        }
    }
}

impl From<ErasureReport> for ErasureReportBody {
    fn from(report: ErasureReport) -> Self {
        ErasureReportBody {
            erasure: ErasureBody::from(report.erasure),
            tickets: report
                .items
                .into_iter()
                .map(|item| ErasedTicketBody {
                    id: item.ticket.uuid(),
                    number: item.number.to_string(),
                    outcome: item.outcome.as_str(),
                    reason: item.reason.map(|reason| reason.as_str()),
                })
                .collect(),
            mentions: report
                .mentions
                .into_iter()
                .map(|one| MentionBody {
                    id: one.id.uuid(),
                    place: one.place.as_str(),
                    subject_id: one.subject,
                    seq: one.seq,
                    ticket_id: one.ticket.map(|id| id.uuid()),
                    found_at: one.found_at.to_string(),
                    reviewed_at: one.reviewed_at.map(|at| at.to_string()),
                })
                .collect(),
        }
    }
}

impl From<CorrectedTicket> for CorrectedTicketBody {
    fn from(one: CorrectedTicket) -> Self {
        CorrectedTicketBody {
            id: one.ticket.uuid(),
            number: one.number.to_string(),
            restricted_at: one.restricted_at.map(|at| at.to_string()),
            rectified: one.members,
        }
    }
}

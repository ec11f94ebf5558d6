//! A requester's ticket as it is written to them, in their language.

use domain::invalid::{Lang, Text};
use domain::state::StateCode;
use serde::Serialize;
use service::own_screen::{RequesterMessage, RequesterScreen, RequesterTicket};
use service::reviews::OwnReview;
use utoipa::ToSchema;
use uuid::Uuid;

use super::CodeLabel;
use super::codes::{AuthorKind, ReviewState, State, TicketNumber};
use super::contacts::NamedTicketBody;
use super::screen_body::{AttachmentBody, label};

/// A ticket as its requester sees it.
#[derive(Serialize, ToSchema)]
pub(crate) struct RequesterTicketBody {
    id: Uuid,
    /// For people.
    #[schema(value_type = TicketNumber)]
    number: String,
    /// Never says that desks passed the ticket on.
    #[schema(value_type = State)]
    state: String,
    #[schema(max_length = 64)]
    state_label: String,
    service: CodeLabel,
    problem_type: CodeLabel,
    /// The authority that answers, as far as the requester is told.
    #[schema(required)]
    authority: Option<CodeLabel>,
    #[schema(required, max_length = 4000)]
    description: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    /// Whether a question waits for an answer.
    needs_answer: bool,
    /// Until when a reply reopens a resolved request.
    #[schema(required, format = DateTime)]
    can_reply_until: Option<String>,
    #[schema(required, format = DateTime)]
    closed_at: Option<String>,
    /// The closed ticket this one goes on from.
    #[schema(required)]
    follow_up_of: Option<Uuid>,
    /// Where it goes on, while it is merged: what is written on this one is said there.
    #[schema(required)]
    merged_into: Option<NamedTicketBody>,
    /// Whether it is about somebody who delegated me, and not about myself.
    on_behalf_of: bool,
    /// How often I nudged.
    #[schema(minimum = 0)]
    nudge_count: i32,
    /// From when the next nudge is possible, which may be past; null while nobody can be nudged, and
    /// when all nudges are used up.
    #[schema(required, format = DateTime)]
    next_nudge_from: Option<String>,
}

impl RequesterTicketBody {
    pub(crate) fn new(ticket: RequesterTicket, lang: Lang) -> Self {
        RequesterTicketBody {
            id: ticket.id.uuid(),
            number: ticket.number,
            state: ticket.state.as_str().to_owned(),
            state_label: match ticket.merged_into {
                Some(_) => MERGED.to(lang).to_owned(),
                None => requester_label(ticket.state, lang),
            },
            service: label(ticket.service, lang),
            problem_type: label(ticket.problem_type, lang),
            authority: ticket.authority.map(|one| label(one, lang)),
            description: ticket.description,
            created_at: ticket.created_at.to_string(),
            needs_answer: ticket.needs_answer,
            can_reply_until: ticket.can_reply_until.map(|at| at.to_string()),
            closed_at: ticket.closed_at.map(|at| at.to_string()),
            follow_up_of: ticket.follow_up_of.map(|id| id.uuid()),
            merged_into: ticket.merged_into.map(NamedTicketBody::from),
            on_behalf_of: ticket.on_behalf_of,
            nudge_count: ticket.nudge_count,
            next_nudge_from: ticket.next_nudge_from.map(|at| at.to_string()),
        }
    }
}

/// What a requester reads instead of a state that is shown to nobody else.
const MERGED: Text = Text::new("Unita a un'altra richiesta", "Merged into another request");

pub(crate) fn requester_label(state: StateCode, lang: Lang) -> String {
    state.citizen_label().to(lang).to_owned()
}

/// A requester's ticket with what was said.
#[derive(Serialize, ToSchema)]
pub(crate) struct RequesterScreenBody {
    #[serde(flatten)]
    ticket: RequesterTicketBody,
    /// Oldest first.
    messages: Vec<RequesterMessageBody>,
    #[schema(max_items = 1000)]
    attachments: Vec<AttachmentBody>,
    /// What goes on from it once it was closed, in order.
    #[schema(max_items = 100)]
    follow_ups: Vec<OwnFollowUpBody>,
    /// What was merged into it.
    #[schema(max_items = 100)]
    merged: Vec<NamedTicketBody>,
    /// The review of what was decided; null if none was asked for.
    #[schema(required)]
    review: Option<OwnReviewBody>,
    /// Until when a review can be asked for; null where nothing was decided, one was asked for, or
    /// the time is over.
    #[schema(required, format = DateTime)]
    can_request_review_until: Option<String>,
}

/// A request that goes on from a closed one.
#[derive(Serialize, ToSchema)]
pub(crate) struct OwnFollowUpBody {
    id: Uuid,
    #[schema(value_type = TicketNumber)]
    number: String,
    /// Never says that desks passed the ticket on.
    #[schema(value_type = State)]
    state: String,
    #[schema(max_length = 64)]
    state_label: String,
    #[schema(format = DateTime)]
    created_at: String,
}

/// A review as its requester sees it.
#[derive(Serialize, ToSchema)]
pub(crate) struct OwnReviewBody {
    #[schema(value_type = ReviewState)]
    state: &'static str,
    #[schema(max_length = 64)]
    state_label: String,
    /// Which office decides.
    responsible_office: CodeLabel,
    #[schema(format = DateTime)]
    requested_at: String,
    /// Until when the office is to decide.
    #[schema(format = DateTime)]
    due_at: String,
    /// What was held against the decision.
    #[schema(max_length = 5000)]
    reason: String,
    #[schema(required, format = DateTime)]
    decided_at: Option<String>,
    /// Why it was decided so; null until it is.
    #[schema(required, max_length = 5000)]
    reasons: Option<String>,
    /// Whether the request is worked on again because of it.
    reopened: bool,
}

impl OwnReviewBody {
    pub(crate) fn new(review: OwnReview, lang: Lang) -> Self {
        OwnReviewBody {
            state: review.state.as_str(),
            state_label: review.state.label().to(lang).to_owned(),
            responsible_office: label(review.office, lang),
            requested_at: review.requested_at.to_string(),
            due_at: review.due_at.to_string(),
            reason: review.reason,
            decided_at: review.decided_at.map(|at| at.to_string()),
            reasons: review.reasons,
            reopened: review.reopened,
        }
    }
}

/// Something said or done, as the requester reads it.
#[derive(Serialize, ToSchema)]
pub(crate) struct RequesterMessageBody {
    #[schema(minimum = 1)]
    seq: i64,
    #[schema(format = DateTime)]
    at: String,
    /// What happened, such as `request.resolved`. The list may grow.
    #[schema(max_length = 64, pattern = "^[a-z_.]+$")]
    event: String,
    #[schema(value_type = AuthorKind)]
    author: String,
    /// "Operatore" and the authority; never a person's name.
    #[schema(max_length = 250)]
    author_label: String,
    /// What happened, where nothing was written.
    #[schema(required, max_length = 500)]
    text: Option<String>,
    /// What was written.
    #[schema(required, max_length = 10000)]
    body: Option<String>,
    #[schema(max_items = 10)]
    attachments: Vec<AttachmentBody>,
}

impl RequesterScreenBody {
    pub(crate) fn new(screen: RequesterScreen, lang: Lang) -> Self {
        RequesterScreenBody {
            ticket: RequesterTicketBody::new(screen.ticket, lang),
            messages: screen
                .messages
                .into_iter()
                .map(|message| RequesterMessageBody::new(message, lang))
                .collect(),
            attachments: screen
                .attachments
                .into_iter()
                .map(AttachmentBody::from)
                .collect(),
            follow_ups: screen
                .follow_ups
                .into_iter()
                .map(|one| OwnFollowUpBody {
                    id: one.named.id.uuid(),
                    number: one.named.number.to_string(),
                    state: one.state.citizen_code().as_str().to_owned(),
                    state_label: requester_label(one.state, lang),
                    created_at: one.created_at.to_string(),
                })
                .collect(),
            merged: screen
                .merged
                .into_iter()
                .map(NamedTicketBody::from)
                .collect(),
            review: screen.review.map(|review| OwnReviewBody::new(review, lang)),
            can_request_review_until: screen.can_request_review_until.map(|at| at.to_string()),
        }
    }
}

impl RequesterMessageBody {
    fn new(message: RequesterMessage, lang: Lang) -> Self {
        RequesterMessageBody {
            seq: message.seq,
            at: message.at.to_string(),
            event: message.event,
            author: message.author,
            author_label: message.author_label.to(lang).to_owned(),
            text: message.text.map(|text| text.to(lang).to_owned()),
            body: message.body,
            attachments: message
                .attachments
                .into_iter()
                .map(AttachmentBody::from)
                .collect(),
        }
    }
}

//! What can be asked of a ticket.

use jiff::Timestamp;

use crate::actor::Assignee;
use crate::codes::AuthorityCode;
use crate::ids::{AccountId, MessageId, TicketNumber};
use crate::note::{Attachment, Audience};
use crate::review::ReviewOutcome;
use crate::state::{HandOverReason, Priority, RemovalReason, ResolutionCode, TicketKind};
use crate::ticket::Target;

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A staff member's one button "Aggiorna": an action with what goes along.
    Update(Box<Update>),
    /// A staff member changes descriptive members.
    Describe(Description),
    /// The requester writes (T05, T10, T23).
    Reply {
        /// The text, already checked.
        body: String,
        /// At most one file.
        attachment: Option<Attachment>,
    },
    /// The requester withdraws (T20).
    Withdraw,
    /// The requester asks for a review of the decision (`domain.md` §9.8).
    RequestReview {
        /// What they hold against it, already checked.
        reason: String,
        /// Until when the desk is to decide.
        due_at: Timestamp,
    },
    /// A supervisor looks at the review.
    TakeReview,
    /// A supervisor decides the review.
    DecideReview {
        /// How.
        outcome: ReviewOutcome,
        /// Whether the ticket is worked on again.
        reopens: bool,
        /// What the requester is told, already checked.
        reasons: String,
    },
    /// The scheduler reminds the requester of an open question (T07).
    Remind,
    /// The scheduler gives up waiting for an answer (T08).
    GiveUp,
    /// The scheduler closes (T12).
    AutoClose,
    /// The system reports a message about the ticket that could not be delivered (D-7).
    ReportUndelivered {
        /// Which.
        message: MessageId,
    },
    /// The system takes the ticket from an owner who no longer works at its desk (I-15).
    Release,
}

/// An action, and what may go along with any of them (`api.md` §5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// What to do.
    pub action: Action,
    /// What to write.
    pub note: Option<NewNote>,
    /// Whom to give it to; already checked to be a colleague or pool of the custodian.
    pub assignee: Option<Assignee>,
    /// Whom the writer believes to write to.
    pub expected_audience: Option<Audience>,
}

/// A note as its author gives it: the audience is not theirs to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNote {
    /// The text, already checked.
    pub body: String,
    /// The grey border: leaves the team.
    pub published: bool,
    /// At most one file.
    pub attachment: Option<Attachment>,
}

/// Descriptive members to set; `None` leaves one as it is (`api.md` §5, PATCH).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Description {
    /// How soon it matters.
    pub priority: Option<Priority>,
    /// What sort of request it is; `Some(None)` clears it.
    pub kind: Option<Option<TicketKind>>,
    /// All its tags.
    pub tags: Option<Vec<String>>,
    /// The contact members that change, by name; their values never enter history.
    pub contacts: Vec<String>,
}

/// A staff member's action, with its own data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// T02, T14.
    Take,
    /// T03.
    Assign,
    /// A note alone.
    Note,
    /// T04.
    AskInfo,
    /// T06.
    CancelQuestion,
    /// T09, T15.
    Resolve {
        /// How.
        code: ResolutionCode,
    },
    /// T13.
    HandOver {
        /// Why.
        reason: HandOverReason,
        /// The regional desk that receives it.
        to: Target,
    },
    /// T16. The target is the authority that had it before.
    Return {
        /// Where to, as the service found it.
        to: Option<Target>,
    },
    /// T17.
    Reroute {
        /// Where to.
        to: Target,
    },
    /// T18. Its record and the desk behind it come with technical activities; until then the
    /// activity is its text, published to the technical desk.
    OpenActivity,
    /// T19, when the region withdraws the activity.
    CloseActivity,
    /// T11, T21.
    Reopen,
    /// T22.
    Remove {
        /// Why.
        reason: RemovalReason,
        /// The ticket that stays, for a duplicate.
        duplicate_of: Option<TicketNumber>,
    },
    /// Shows an internal note to the citizen (`domain.md` §5.1).
    PublishNote(PublishableNote),
    /// Refused always: see [`crate::rejection::Rejection::ManualCloseForbidden`].
    Close,
}

/// An internal note as it stands, for publishing it later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishableNote {
    /// The entry that holds it.
    pub seq: i64,
    /// Who wrote it; none for anything but a staff note.
    pub author: Option<AccountId>,
    /// The author's desk.
    pub team: Option<AuthorityCode>,
    /// Whom it is for now.
    pub audience: Audience,
    /// Its text.
    pub body: String,
    /// Its file, to be shown as well.
    pub attachment: Option<Attachment>,
}

impl Action {
    /// The action's name.
    pub const fn code(&self) -> ActionCode {
        match self {
            Action::Take => ActionCode::Take,
            Action::Assign => ActionCode::Assign,
            Action::Note => ActionCode::Note,
            Action::AskInfo => ActionCode::AskInfo,
            Action::CancelQuestion => ActionCode::CancelQuestion,
            Action::Resolve { .. } => ActionCode::Resolve,
            Action::HandOver { .. } => ActionCode::HandOver,
            Action::Return { .. } => ActionCode::Return,
            Action::Reroute { .. } => ActionCode::Reroute,
            Action::OpenActivity => ActionCode::OpenActivity,
            Action::CloseActivity => ActionCode::CloseActivity,
            Action::Reopen => ActionCode::Reopen,
            Action::Remove { .. } => ActionCode::Remove,
            Action::PublishNote(_) => ActionCode::PublishNote,
            Action::Close => ActionCode::Close,
        }
    }
}

/// The name of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ActionCode {
    /// See [`Action::Take`].
    Take,
    /// See [`Action::Assign`].
    Assign,
    /// See [`Action::Note`].
    Note,
    /// See [`Action::AskInfo`].
    AskInfo,
    /// See [`Action::CancelQuestion`].
    CancelQuestion,
    /// See [`Action::Resolve`].
    Resolve,
    /// See [`Action::HandOver`].
    HandOver,
    /// See [`Action::Return`].
    Return,
    /// See [`Action::Reroute`].
    Reroute,
    /// See [`Action::OpenActivity`].
    OpenActivity,
    /// See [`Action::CloseActivity`].
    CloseActivity,
    /// See [`Action::Reopen`].
    Reopen,
    /// See [`Action::Remove`].
    Remove,
    /// See [`Action::PublishNote`].
    PublishNote,
    /// See [`Action::Close`].
    Close,
}

impl ActionCode {
    /// Every action a client may ask for, refused `close` aside.
    pub const OFFERED: [ActionCode; 14] = [
        ActionCode::Take,
        ActionCode::Assign,
        ActionCode::Note,
        ActionCode::AskInfo,
        ActionCode::CancelQuestion,
        ActionCode::Resolve,
        ActionCode::HandOver,
        ActionCode::Return,
        ActionCode::Reroute,
        ActionCode::OpenActivity,
        ActionCode::CloseActivity,
        ActionCode::Reopen,
        ActionCode::Remove,
        ActionCode::PublishNote,
    ];

    /// The code used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            ActionCode::Take => "take",
            ActionCode::Assign => "assign",
            ActionCode::Note => "note",
            ActionCode::AskInfo => "ask-info",
            ActionCode::CancelQuestion => "cancel-question",
            ActionCode::Resolve => "resolve",
            ActionCode::HandOver => "hand-over",
            ActionCode::Return => "return",
            ActionCode::Reroute => "reroute",
            ActionCode::OpenActivity => "open-activity",
            ActionCode::CloseActivity => "close-activity",
            ActionCode::Reopen => "reopen",
            ActionCode::Remove => "remove",
            ActionCode::PublishNote => "publish-note",
            ActionCode::Close => "close",
        }
    }
}

impl std::fmt::Display for ActionCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

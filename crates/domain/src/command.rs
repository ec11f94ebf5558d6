//! What can be asked of a ticket.

use jiff::Timestamp;

use crate::activity::ActivityStep;
use crate::actor::Assignee;
use crate::codes::AuthorityCode;
use crate::ids::{AccountId, ActivityId, MessageId, TicketId, TicketNumber};
use crate::links::{LinkKind, MergeObstacle, NamedTicket};
use crate::note::{Attachment, Audience};
use crate::playbook::{PlaybookWord, Verdict};
use crate::review::ReviewOutcome;
use crate::state::{HandOverReason, Priority, RemovalReason, ResolutionCode, State, TicketKind};
use crate::ticket::{Target, Ticket};

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A staff member's one button "Aggiorna": an action with what goes along.
    Update(Box<Update>),
    /// A staff member changes descriptive members.
    Describe(Description),
    /// A staff member answered checks of a playbook; the first answers take charge (T02).
    AnswerPlaybook {
        /// What the answers lead to now.
        word: PlaybookWord,
    },
    /// The system finds that a review is due.
    ReviewHold,
    /// The requester writes (T05, T10, T23).
    Reply {
        /// The text, already checked.
        body: String,
        /// At most one file.
        attachment: Option<Attachment>,
    },
    /// The requester withdraws (T20).
    Withdraw,
    /// The requester nudges whoever has the ticket ("sollecito").
    Nudge {
        /// When the next one is possible, by the desk's calendar (see [`crate::nudge`]).
        possible_from: Timestamp,
        /// How many one ticket may have.
        most: i32,
    },
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
    /// Retention, or an erasure that somebody asked for, takes the person out of it (T25).
    Anonymise {
        /// What was over then or earlier may go.
        over_by: Timestamp,
    },
    /// The system reports a message about the ticket that could not be delivered (D-7).
    ReportUndelivered {
        /// Which.
        message: MessageId,
    },
    /// The system gives a ticket that nobody has to a pool of its desk, as the routing rules say, or to
    /// somebody who is present there (I-6; see [`crate::assignment`]).
    Place {
        /// To whom.
        to: Assignee,
    },
    /// The ticket hears of its technical activity: from who works it, or from the system (T19).
    FollowActivity(ActivityStep),
    /// Whoever answers for people's rights restricts the processing (GDPR 18), or lifts that.
    Restrict {
        /// Whether it is restricted from now on.
        holds: bool,
    },
    /// Whoever answers for people's rights puts data about the person right (GDPR 16).
    Rectify {
        /// Which members, by name.
        members: Vec<String>,
    },
    /// The system takes the ticket from an owner who no longer works at its desk (I-15).
    Release,
    /// A member of staff links the ticket with another.
    Link {
        /// Which.
        other: TicketId,
        /// How.
        kind: LinkKind,
    },
    /// A member of staff takes a link away.
    Unlink {
        /// Which.
        other: TicketId,
        /// How.
        kind: LinkKind,
    },
    /// A member of staff removes the ticket as a duplicate whose number leads on (T22).
    Merge {
        /// Where it goes on.
        into: Survivor,
        /// What to write for colleagues, already checked.
        note: Option<String>,
    },
    /// A member of staff undoes a merge.
    UndoMerge {
        /// The ticket it goes on in now.
        survivor: Survivor,
        /// The state before the merge, as the history kept it; in progress where the activity that it
        /// waited for has ended meanwhile.
        state: State,
        /// Whether a person should have looked at it then, or should since.
        needs_attention: bool,
    },
}

/// The ticket that another one is merged into, with what the rules need to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survivor {
    /// Its names.
    pub named: NamedTicket,
    /// Who has it.
    pub custodian: AuthorityCode,
    /// Whether it is closed, removed or merged.
    pub is_over: bool,
    /// What is against merging by who asked, if anything.
    pub obstacle: Option<MergeObstacle>,
}

impl Survivor {
    /// The ticket as it stands.
    pub fn new(ticket: &Ticket, obstacle: Option<MergeObstacle>) -> Self {
        Survivor {
            named: ticket.into(),
            custodian: ticket.custodian.code.clone(),
            is_over: ticket.state.code().is_final(),
            obstacle,
        }
    }
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
    /// Whether playbooks have a say.
    pub playbook: Verdict,
    /// Why a supervisor hands over against the playbook, already checked.
    pub override_reason: Option<String>,
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
    /// T18. Its text is the note, published to the technical desk.
    OpenActivity {
        /// A fresh id.
        activity: ActivityId,
    },
    /// T19, when the region withdraws the activity.
    CloseActivity {
        /// Which; none where a release that kept no activities opened it.
        activity: Option<ActivityId>,
    },
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
            Action::OpenActivity { .. } => ActionCode::OpenActivity,
            Action::CloseActivity { .. } => ActionCode::CloseActivity,
            Action::Reopen => ActionCode::Reopen,
            Action::Remove { .. } => ActionCode::Remove,
            Action::PublishNote(_) => ActionCode::PublishNote,
            Action::Close => ActionCode::Close,
        }
    }
}

/// The name of an action.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
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

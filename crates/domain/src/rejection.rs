//! Why the lifecycle refuses a command: one variant per reason a person can act on.

use crate::command::ActionCode;
use crate::invalid::FieldError;
use crate::links::MergeObstacle;
use crate::note::Audience;
use crate::state::StateCode;

/// A refusal. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The state does not allow the action.
    #[error("{action} is not allowed in state {}", state.as_str())]
    TransitionNotAllowed {
        /// What was asked.
        action: &'static str,
        /// Where the ticket stands.
        state: StateCode,
        /// What the same actor may do instead.
        allowed: Vec<ActionCode>,
    },
    /// Nobody closes by hand (`domain.md` I-2).
    #[error("a ticket is closed by the scheduler alone")]
    ManualCloseForbidden {
        /// Where the ticket stands.
        state: StateCode,
    },
    /// The action needs a note.
    #[error("{action} needs {} note", if *published { "a published" } else { "an internal" })]
    NoteRequired {
        /// What was asked.
        action: ActionCode,
        /// Whether the note must leave the team.
        published: bool,
    },
    /// The note is too short to explain the reason `other`.
    #[error("the note must have at least {min} characters")]
    NoteTooShort {
        /// The least number of characters.
        min: usize,
    },
    /// The writer believed somebody else would read it (`domain.md` §5.1).
    #[error("the note would be read by {}", computed.as_str())]
    AudienceMismatch {
        /// Who would really read it.
        computed: Audience,
    },
    /// The ticket is with another desk.
    #[error("the ticket is not in this desk's custody")]
    NotInCustody,
    /// The role may not do this.
    #[error("the role may not {action}")]
    Forbidden {
        /// What was asked.
        action: &'static str,
    },
    /// The playbook has not decided for a hand-over (T13), or waits for a fix (T09).
    #[error("the playbook does not allow {action}")]
    PlaybookNotSatisfied {
        /// What was asked.
        action: ActionCode,
        /// The checks still unmet, by pointer.
        unmet: Vec<FieldError>,
    },
    /// The desk to receive the ticket is closed, unknown or not enabled for the service.
    #[error("the authority cannot receive this ticket")]
    AuthorityInactive,
    /// A re-route to the authority it came from.
    #[error("the ticket came from this authority: return it instead")]
    SameAuthority,
    /// Nobody had the ticket before the region.
    #[error("no authority had this ticket before")]
    NoPreviousAuthority,
    /// The code is set by what happens, not by people.
    #[error("this resolution code is not for people to give")]
    CodeNotForPeople,
    /// A duplicate must name the ticket that stays.
    #[error("a duplicate must name the ticket that stays")]
    SurvivorRequired,
    /// An assignee makes no sense when the ticket leaves the desk or rests.
    #[error("no assignee can be given here")]
    AssigneeNotAllowed,
    /// An action that changes the owner came without one.
    #[error("an assignee is required")]
    AssigneeRequired,
    /// A text given along with a note that is only to be shown.
    #[error("no note can be given here")]
    NoteNotAllowed,
    /// A note that was published already, or is not a note of the desk.
    #[error("this entry cannot be published")]
    NotPublishable,
    /// Whoever has the ticket was given it, or nudged about it, only just now.
    #[error("no nudge before {possible_from}")]
    NudgeTooEarly {
        /// When the next one is possible.
        possible_from: jiff::Timestamp,
    },
    /// The requester has used up the nudges of this ticket.
    #[error("no more than {most} nudges")]
    NudgesUsedUp {
        /// How many there are.
        most: i32,
    },
    /// Too late to write on this ticket: what the requester says becomes a new one (I-12).
    #[error("the ticket is over")]
    Over,
    /// The ticket cannot go on in the other one, or not come back from it.
    #[error("the ticket cannot be merged: {}", .0.as_str())]
    MergeNotAllowed(MergeObstacle),
    /// The processing of the ticket's data is restricted (GDPR 18).
    #[error("the ticket is restricted since {since}")]
    Restricted {
        /// Since when.
        since: jiff::Timestamp,
    },
    /// It is restricted already, or is not.
    #[error("the restriction stands as asked already")]
    RestrictedAsAsked,
    /// A timer that is not due, or no longer (I-13).
    #[error("the timer is not due")]
    NotDue,
}

impl Rejection {
    /// The problem type that tells it (`docs/problems.md`).
    pub const fn slug(&self) -> &'static str {
        match self {
            Rejection::TransitionNotAllowed { .. } | Rejection::Over | Rejection::NotDue => {
                "transition-not-allowed"
            }
            Rejection::NudgeTooEarly { .. } => "nudge-too-early",
            Rejection::NudgesUsedUp { .. } => "nudges-used-up",
            Rejection::ManualCloseForbidden { .. } => "manual-close-forbidden",
            Rejection::NoteRequired { .. } | Rejection::NoteTooShort { .. } => "note-required",
            Rejection::AudienceMismatch { .. } => "audience-mismatch",
            Rejection::Restricted { .. } => "restricted",
            Rejection::RestrictedAsAsked => "transition-not-allowed",
            Rejection::NotInCustody => "not-in-custody",
            Rejection::Forbidden { .. } => "forbidden",
            Rejection::PlaybookNotSatisfied { .. } => "playbook-not-satisfied",
            Rejection::AuthorityInactive => "authority-inactive",
            Rejection::MergeNotAllowed(_) => "merge-not-allowed",
            Rejection::SameAuthority
            | Rejection::NoPreviousAuthority
            | Rejection::CodeNotForPeople
            | Rejection::SurvivorRequired
            | Rejection::AssigneeNotAllowed
            | Rejection::AssigneeRequired
            | Rejection::NoteNotAllowed
            | Rejection::NotPublishable => "validation-error",
        }
    }
}

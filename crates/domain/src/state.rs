//! The states of a ticket and the words people read for them (`domain.md` §4.1).

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::invalid::Text;

/// Where a ticket stands, with what is true only there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Filed, sent back or sent on; nobody has taken it yet.
    New,
    /// Being worked by its custodian.
    InProgress,
    /// Waiting for the requester's answer; the clock is paused.
    AwaitingInfo {
        /// When the question was asked.
        since: Timestamp,
        /// How many reminders went out for this question.
        reminders: u32,
    },
    /// Handed over to the regional desk, which has not taken it yet.
    NotCompetent,
    /// Waiting for the technical desk behind the region.
    ExternalWork,
    /// Answered; the requester can still reply until `closes_at`.
    Resolved {
        /// When it was resolved.
        since: Timestamp,
        /// End of the reply window, fixed on resolving, so that "may still answer" and "closes"
        /// never disagree (`domain.md` §4.3).
        closes_at: Timestamp,
        /// What the resolution was.
        code: ResolutionCode,
    },
    /// Closed by the scheduler; nobody else can.
    AutoClosed {
        /// When it was closed.
        at: Timestamp,
        /// What the resolution was.
        code: ResolutionCode,
    },
    /// Taken out: spam, duplicate, test or mistake.
    Removed {
        /// When it was removed.
        at: Timestamp,
    },
}

impl State {
    /// The same state with what it waits for put off by `pause`, in which nothing could happen.
    pub fn put_off(self, pause: SignedDuration) -> State {
        let later = |at: Timestamp| at.checked_add(pause).unwrap_or(Timestamp::MAX);
        match self {
            State::AwaitingInfo { since, reminders } => State::AwaitingInfo {
                since: later(since),
                reminders,
            },
            State::Resolved {
                since,
                closes_at,
                code,
            } => State::Resolved {
                since,
                closes_at: later(closes_at),
                code,
            },
            other => other,
        }
    }

    /// The state without its data.
    pub const fn code(&self) -> StateCode {
        match self {
            State::New => StateCode::New,
            State::InProgress => StateCode::InProgress,
            State::AwaitingInfo { .. } => StateCode::AwaitingInfo,
            State::NotCompetent => StateCode::NotCompetent,
            State::ExternalWork => StateCode::ExternalWork,
            State::Resolved { .. } => StateCode::Resolved,
            State::AutoClosed { .. } => StateCode::AutoClosed,
            State::Removed { .. } => StateCode::Removed,
        }
    }

    /// How the ticket was resolved, if it was.
    pub const fn resolution(&self) -> Option<ResolutionCode> {
        match self {
            State::Resolved { code, .. } | State::AutoClosed { code, .. } => Some(*code),
            _ => None,
        }
    }
}

/// The name of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StateCode {
    /// See [`State::New`].
    New,
    /// See [`State::InProgress`].
    InProgress,
    /// See [`State::AwaitingInfo`].
    AwaitingInfo,
    /// See [`State::NotCompetent`].
    NotCompetent,
    /// See [`State::ExternalWork`].
    ExternalWork,
    /// See [`State::Resolved`].
    Resolved,
    /// See [`State::AutoClosed`].
    AutoClosed,
    /// See [`State::Removed`].
    Removed,
}

impl StateCode {
    /// Every state.
    pub const ALL: [StateCode; 8] = [
        StateCode::New,
        StateCode::InProgress,
        StateCode::AwaitingInfo,
        StateCode::NotCompetent,
        StateCode::ExternalWork,
        StateCode::Resolved,
        StateCode::AutoClosed,
        StateCode::Removed,
    ];

    /// The code used in the API and in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            StateCode::New => "new",
            StateCode::InProgress => "in-progress",
            StateCode::AwaitingInfo => "awaiting-info",
            StateCode::NotCompetent => "not-competent",
            StateCode::ExternalWork => "external-work",
            StateCode::Resolved => "resolved",
            StateCode::AutoClosed => "auto-closed",
            StateCode::Removed => "removed",
        }
    }

    /// The state with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        StateCode::ALL
            .into_iter()
            .find(|state| state.as_str() == code)
    }

    /// The label operators read.
    pub const fn label(self) -> Text {
        match self {
            StateCode::New => Text::new("Nuovo", "New"),
            StateCode::InProgress => Text::new("Aperto", "Open"),
            StateCode::AwaitingInfo => Text::new(
                "In attesa di informazioni da utente",
                "Waiting for information from the user",
            ),
            StateCode::NotCompetent => Text::new("Non di competenza", "Not competent"),
            StateCode::ExternalWork => Text::new(
                "In attesa di lavorazione esterna",
                "Waiting for external work",
            ),
            StateCode::Resolved => Text::new("Risolto", "Resolved"),
            StateCode::AutoClosed => Text::new("Chiuso", "Closed"),
            StateCode::Removed => Text::new("Rimosso", "Removed"),
        }
    }

    /// The label the citizen reads: hand-overs between desks show as plain work in progress.
    pub const fn citizen_label(self) -> Text {
        match self {
            StateCode::AwaitingInfo => {
                Text::new("In attesa di risposta utente", "Waiting for your answer")
            }
            StateCode::NotCompetent | StateCode::ExternalWork => StateCode::InProgress.label(),
            other => other.label(),
        }
    }

    /// The state the citizen is told, as a code: never that desks passed the ticket on.
    pub const fn citizen_code(self) -> StateCode {
        match self {
            StateCode::NotCompetent | StateCode::ExternalWork => StateCode::InProgress,
            other => other,
        }
    }

    /// Somebody still has to work on it.
    pub const fn is_open(self) -> bool {
        matches!(
            self,
            StateCode::New
                | StateCode::InProgress
                | StateCode::AwaitingInfo
                | StateCode::NotCompetent
                | StateCode::ExternalWork
        )
    }

    /// Nobody of the desk has taken charge yet (T02, T14).
    pub const fn is_untouched(self) -> bool {
        matches!(self, StateCode::New | StateCode::NotCompetent)
    }

    /// Nothing but retention happens to it any more, save a supervisor's reopening.
    pub const fn is_final(self) -> bool {
        matches!(self, StateCode::AutoClosed | StateCode::Removed)
    }
}

macro_rules! codes {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $code:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_meta])* #[serde(rename = $code)] $variant),+
        }

        impl $name {
            /// Every code.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The code used in the API and in rows.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $code),+ }
            }

            /// The value with this code.
            pub fn from_code(code: &str) -> Option<Self> {
                match code { $($code => Some($name::$variant),)+ _ => None }
            }
        }
    };
}

pub(crate) use codes;

codes! {
    /// How a ticket was resolved (`domain.md` §4.5).
    ResolutionCode {
        /// The authority solved it.
        ResolvedByAuthority = "resolved-by-authority",
        /// The regional desk solved it.
        ResolvedByRegion = "resolved-by-region",
        /// The answer was information.
        InformationGiven = "information-given",
        /// A failed sending was repeated.
        SendingErrorFixed = "sending-error-fixed",
        /// A payment was recorded.
        PaymentRecorded = "payment-recorded",
        /// The fault did not show again.
        NotReproducible = "not-reproducible",
        /// Not a matter for this service.
        NotRelevant = "not-relevant",
        /// The requester withdrew it; only by withdrawal.
        Withdrawn = "withdrawn",
        /// The requester never answered; only by the scheduler.
        NoAnswer = "no-answer",
        /// The same as another ticket.
        Duplicate = "duplicate",
    }
}

impl ResolutionCode {
    /// Whether a person may give this code; the rest are set by what happened.
    pub const fn is_for_people(self) -> bool {
        !matches!(self, ResolutionCode::Withdrawn | ResolutionCode::NoAnswer)
    }
}

codes! {
    /// Why an authority hands a ticket over (`domain.md` §4.5).
    HandOverReason {
        /// The report belongs to another authority.
        IssuedByOtherAuthority = "issued-by-other-authority",
        /// The playbook's checks all passed.
        ChecksPassed = "checks-passed",
        /// The payment is not on the authority's system.
        PaymentNotFound = "payment-not-found",
        /// Easy access does not find the report.
        EasyAccessFailed = "easy-access-failed",
        /// A fault of the regional system.
        RegionalService = "regional-service",
        /// Filed under the wrong service.
        WrongService = "wrong-service",
        /// Something else; the note must say what in 20 characters or more.
        Other = "other",
    }
}

codes! {
    /// What a playbook tells its reader to do (`domain.md` §6).
    PlaybookDecision {
        /// Hand the ticket over to the region.
        Escalate = "escalate",
        /// Resolve it.
        Resolve = "resolve",
        /// Tell the citizen what they can do.
        AnswerCitizen = "answer-citizen",
        /// Ask the citizen first.
        AskCitizen = "ask-citizen",
        /// Wait until a fault is corrected; until then nothing is resolved.
        Hold = "hold",
        /// Do at the authority what is the authority's duty.
        AuthorityActs = "authority-acts",
        /// Open a technical activity.
        OpenActivity = "open-activity",
        /// Answer more checks.
        Continue = "continue",
    }
}

codes! {
    /// What an open ticket waits for without being paused (`domain.md` A-7).
    WaitingReason {
        /// The correction of a failed sending.
        SendingFix = "sending-fix",
    }
}

codes! {
    /// Why a ticket is removed (`domain.md` T22).
    RemovalReason {
        /// Unsolicited.
        Spam = "spam",
        /// The same as a ticket that stays.
        Duplicate = "duplicate",
        /// A trial.
        Test = "prova",
        /// Filed by mistake.
        Mistake = "errore",
    }
}

codes! {
    /// How soon a ticket matters (`domain.md` §4.6).
    Priority {
        /// 1.
        Critical = "critical",
        /// 2.
        High = "high",
        /// 3, the default.
        Medium = "medium",
        /// 4.
        Low = "low",
    }
}

codes! {
    /// What sort of request it is (`domain.md` §4.6).
    TicketKind {
        /// Richiesta informativa generica.
        GeneralInformation = "general-information",
        /// Domanda sul servizio applicativo.
        ServiceQuestion = "service-question",
        /// Segnalazione di malfunzionamento.
        Malfunction = "malfunction",
    }
}

codes! {
    /// The way a ticket came in (`domain.md` §4.6).
    Channel {
        /// The citizens' portal.
        Portal = "portal",
        /// The operators' form.
        OperatorForm = "operator-form",
        /// A telephone call.
        Phone = "phone",
        /// A chat.
        Chat = "chat",
        /// An e-mail.
        Email = "email",
        /// A counter.
        Counter = "counter",
        /// An import from another system.
        Import = "import",
        /// A program.
        Api = "api",
    }
}

codes! {
    /// Who filed a ticket, for the rules that differ by it.
    RequesterKind {
        /// Proved an e-mail address, nothing else.
        Anonymous = "anonymous",
        /// Came with a national identity.
        Citizen = "citizen",
        /// An operator, by the operators' form.
        Staff = "staff",
    }
}

/// How long things last (`domain.md` §4.3). Given to the rules by the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Windows {
    /// Auto-close after resolving; the requester's reply window, too.
    pub reply: SignedDuration,
    /// How long after auto-close a supervisor may reopen.
    pub reopen: SignedDuration,
    /// When reminders of an open question go out, counted from the question.
    pub reminders: Vec<SignedDuration>,
    /// When an unanswered question resolves the ticket, counted from the question.
    pub give_up: SignedDuration,
    /// How long a merge can be undone.
    pub undo_merge: SignedDuration,
}

impl Default for Windows {
    fn default() -> Self {
        let days = |days: i64| SignedDuration::from_hours(days * 24);
        Windows {
            reply: days(7),
            reopen: days(30),
            reminders: vec![days(5), days(10)],
            give_up: days(30),
            undo_merge: days(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_back() {
        for state in StateCode::ALL {
            assert_eq!(StateCode::from_code(state.as_str()), Some(state));
        }
        for code in ResolutionCode::ALL {
            assert_eq!(ResolutionCode::from_code(code.as_str()), Some(*code));
        }
    }

    #[test]
    fn the_citizen_never_reads_of_a_hand_over() {
        for state in [StateCode::NotCompetent, StateCode::ExternalWork] {
            assert_eq!(state.citizen_label().it, "Aperto");
            assert_eq!(state.citizen_code(), StateCode::InProgress);
        }
    }
}

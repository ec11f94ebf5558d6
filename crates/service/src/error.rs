//! Why a use case did not do what it was asked. Knows no HTTP: `api` turns it into a problem.

use domain::account::StepRefused;
use domain::invalid::FieldError;
use domain::rejection::Rejection;
use jiff::SignedDuration;
use storage::StoreError;

use crate::delegations::DelegationFailure;

/// The errors of use cases.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// There is no such thing, or the actor may not know of it: told the same way (P-2).
    #[error("not found")]
    NotFound,
    /// Somebody else changed it meanwhile.
    #[error("changed meanwhile, now at version {current}")]
    Stale {
        /// The version now.
        current: i64,
    },
    /// A rule refuses.
    #[error("refused")]
    Rejected(#[source] Rejection),
    /// Fields of the input are wrong: all of them.
    #[error("{} wrong fields", .0.len())]
    Invalid(Vec<FieldError>),
    /// The role may not do this, whatever the ticket.
    #[error("the role may not do this")]
    Forbidden,
    /// The idempotency key was used with another body.
    #[error("the idempotency key was used with another body")]
    KeyReused,
    /// The first request with this idempotency key is still running.
    #[error("the first request with this key is still running")]
    KeyRunning,
    /// Too many of something; try again later.
    #[error("quota exceeded")]
    Quota {
        /// How much later.
        retry_after: SignedDuration,
    },
    /// User name, password or token are not good; never says which.
    #[error("credentials refused")]
    Credentials,
    /// The password is right, and the second factor's code is missing.
    #[error("a second factor is needed")]
    OtpRequired,
    /// An account is not where this step begins.
    #[error(transparent)]
    Step(#[from] StepRefused),
    /// The authority has an administrator already.
    #[error("the authority has an administrator")]
    AdminExists,
    /// The first codes of an administrator would go to certified mail (`domain.md` §9.6).
    #[error("certified mail")]
    CertifiedMail,
    /// The account has no mail address to send a code to.
    #[error("the account has no address")]
    NoAddress,
    /// The account has a second factor already.
    #[error("the account has a second factor")]
    SecondFactorExists,
    /// The endpoint is sent nothing while it is disabled.
    #[error("the endpoint is disabled")]
    EndpointDisabled,
    /// A message that was not given up can neither be tried again nor left.
    #[error("not given up")]
    NotParked {
        /// How far it is.
        state: storage::deliveries::DeliveryState,
    },
    /// A version of a playbook is not where this step begins.
    #[error("the version is {}", state.as_str())]
    PlaybookStep {
        /// How far it is.
        state: storage::playbooks::VersionState,
    },
    /// Nobody approves what they proposed.
    #[error("one's own proposal")]
    OwnProposal,
    /// The version was not tried on what was decided before.
    #[error("not tried")]
    PlaybookNotTried,
    /// The other playbooks in force go on to this one.
    #[error("the playbook is in use")]
    PlaybookInUse,
    /// A call back takes no attempt now.
    #[error(transparent)]
    Callback(#[from] domain::callback::CallbackRefused),
    /// What was asked is possible later: whoever asks hears when.
    #[error("too early")]
    TooEarly {
        /// From when it is possible.
        next: jiff::Timestamp,
        /// How long that is from now.
        wait: SignedDuration,
    },
    /// The file was there, and its bytes were purged (T22).
    #[error("the file was purged")]
    Purged,
    /// The ticket has a technical activity that is not over: one at a time.
    #[error("an activity is open")]
    ActivityOpen,
    /// The technical activity may not go there.
    #[error("the activity may not go there")]
    ActivityState {
        /// Where it stands.
        state: domain::activity::ActivityState,
    },
    /// An external tool's id is another activity's or comment's, or this one has another.
    #[error("the external id is taken")]
    ExternalIdTaken,
    /// A review cannot be asked for, taken or decided.
    #[error(transparent)]
    Review(#[from] domain::review::ReviewRefused),
    /// A step with a complaint, or with a scheme of replies, is refused.
    #[error(transparent)]
    Complaint(#[from] domain::complaint::ComplaintRefused),
    /// Who audits reads a request only after saying why.
    #[error("a purpose is needed")]
    PurposeRequired,
    /// A step with a break-glass grant is refused.
    #[error(transparent)]
    Grant(#[from] domain::break_glass::GrantRefused),
    /// A legal hold was ended before.
    #[error("the hold was ended")]
    HoldEnded,
    /// A step with a request about one's own data, or a deed that answers one, is refused.
    #[error(transparent)]
    SubjectRequest(#[from] domain::subject_request::SubjectRequestRefused),
    /// Nobody steers their own account.
    #[error("one's own account")]
    OwnAccount,
    /// The one-time code is wrong, expired, used up or unknown.
    #[error("code refused")]
    Code {
        /// Why.
        refusal: CodeRefusal,
        /// The field it came in, as a JSON pointer.
        pointer: &'static str,
    },
    /// Too much to do; try again soon.
    #[error("busy")]
    Busy,
    /// A service outside that has to be asked first does not answer; try again later.
    #[error("not answered outside")]
    Outside(#[source] DelegationFailure),
    /// Something is broken, and somebody must look.
    #[error("broken: {0}")]
    Broken(
        &'static str,
        #[source] Option<Box<dyn std::error::Error + Send + Sync>>,
    ),
}

/// What is wrong with a one-time code (`domain.md` F7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeRefusal {
    /// Not the code, or no such proof.
    Wrong,
    /// Its time is over.
    Expired,
    /// Too many tries, or taken back.
    Exhausted,
    /// It was used before.
    Used,
}

impl CodeRefusal {
    /// The refusal of the code in this field.
    pub(crate) fn at(self, pointer: &'static str) -> DeskError {
        DeskError::Code {
            refusal: self,
            pointer,
        }
    }
}

impl From<Rejection> for DeskError {
    fn from(rejection: Rejection) -> Self {
        DeskError::Rejected(rejection)
    }
}

impl From<StoreError> for DeskError {
    fn from(error: StoreError) -> Self {
        match error {
            // What was read a moment ago was changed meanwhile: the same call, made again, reads anew.
            StoreError::Stale => DeskError::Busy,
            StoreError::Busy | StoreError::Conflict | StoreError::Stopped => DeskError::Busy,
            StoreError::NotFound { .. } => DeskError::NotFound,
            other => DeskError::Broken("storage", Some(Box::new(other))),
        }
    }
}

impl DeskError {
    /// One wrong field.
    pub fn field(error: FieldError) -> Self {
        DeskError::Invalid(vec![error])
    }

    /// Itself, for a log that prints the chain of causes.
    pub fn as_cause(&self) -> &(dyn std::error::Error + 'static) {
        self
    }

    /// A fault with a cause.
    pub fn broken(
        what: &'static str,
        cause: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        DeskError::Broken(what, Some(Box::new(cause)))
    }
}

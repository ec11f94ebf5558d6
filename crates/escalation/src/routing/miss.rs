//! Why a rule does not match.

use domain::codes::AuthorityCode;
use domain::invalid::Text;

/// A reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Miss {
    /// It is about other changes of custody.
    Change,
    /// It is about other services.
    Service,
    /// It is about services of another route.
    ServiceRoute,
    /// It is about other problem types.
    ProblemType,
    /// It is about other authorities.
    DeclaredAuthority,
    /// No authority was named by the requester.
    NoneDeclared,
    /// It is about other sorts of requester.
    Requester,
    /// It is about other channels.
    Channel,
    /// It is about other reasons.
    Reason,
    /// The desk is open and should be closed, or the other way round.
    Hours {
        /// The desk.
        desk: AuthorityCode,
        /// Whether it is open.
        is_open: bool,
    },
    /// Nobody had the ticket before, or nobody was named.
    NoTarget,
    /// The desk is not in the reference data.
    Unknown(AuthorityCode),
    /// The desk is not active, and nobody took over who is.
    Inactive(AuthorityCode),
    /// The desk does not take this service, or is none that requesters can name.
    NotEnabled(AuthorityCode),
    /// The desk has not begun to receive requests (`domain.md` §9.5).
    Pending(AuthorityCode),
}

impl Miss {
    /// A stable code for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Miss::Change => "other-change",
            Miss::Service => "other-service",
            Miss::ServiceRoute => "other-service-route",
            Miss::ProblemType => "other-problem-type",
            Miss::DeclaredAuthority => "other-declared-authority",
            Miss::NoneDeclared => "no-declared-authority",
            Miss::Requester => "other-requester",
            Miss::Channel => "other-channel",
            Miss::Reason => "other-reason",
            Miss::Hours { is_open: true, .. } => "desk-open",
            Miss::Hours { is_open: false, .. } => "desk-closed",
            Miss::NoTarget => "no-target",
            Miss::Unknown(_) => "target-unknown",
            Miss::Inactive(_) => "target-inactive",
            Miss::NotEnabled(_) => "target-not-enabled",
            Miss::Pending(_) => "target-pending",
        }
    }

    /// The same for people.
    pub fn text(&self) -> Text {
        let of = |code: &AuthorityCode, it: &str, en: &str| {
            Text::owned(format!("{code}: {it}"), format!("{code} {en}"))
        };
        match self {
            Miss::Change => Text::new(
                "riguarda altri passaggi di competenza",
                "it is about other changes of custody",
            ),
            Miss::Service => Text::new("riguarda altri servizi", "it is about other services"),
            Miss::ServiceRoute => Text::new(
                "riguarda servizi che cominciano altrove",
                "it is about services that begin elsewhere",
            ),
            Miss::ProblemType => Text::new(
                "riguarda altre tipologie",
                "it is about other problem types",
            ),
            Miss::DeclaredAuthority => Text::new(
                "riguarda altri enti indicati",
                "it is about other authorities",
            ),
            Miss::NoneDeclared => Text::new(
                "non è stato indicato alcun ente",
                "no authority was named by the requester",
            ),
            Miss::Requester => Text::new(
                "riguarda altri richiedenti",
                "it is about other sorts of requester",
            ),
            Miss::Channel => Text::new("riguarda altri canali", "it is about other channels"),
            Miss::Reason => Text::new("riguarda altri motivi", "it is about other reasons"),
            Miss::Hours {
                desk,
                is_open: true,
            } => of(desk, "in questo momento è aperto", "is open at this moment"),
            Miss::Hours {
                desk,
                is_open: false,
            } => of(
                desk,
                "in questo momento è chiuso",
                "is closed at this moment",
            ),
            Miss::NoTarget => Text::new(
                "non c'è un ente a cui mandarla",
                "there is no authority to send it to",
            ),
            Miss::Unknown(code) => of(code, "non esiste", "does not exist"),
            Miss::Inactive(code) => of(
                code,
                "non è attivo e nessuno gli è succeduto",
                "is not active, and nobody took over",
            ),
            Miss::NotEnabled(code) => of(
                code,
                "non tratta questo servizio",
                "does not take this service",
            ),
            Miss::Pending(code) => of(
                code,
                "non riceve ancora richieste",
                "does not receive requests yet",
            ),
        }
    }
}

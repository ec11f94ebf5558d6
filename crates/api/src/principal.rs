//! Who calls: what `gate` proved, and the extractors by which a handler asks for it. A handler's
//! signature is its permission.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use domain::actor::Staff;
use domain::filing::CitizenIdentity;
use domain::ids::TicketId;
use service::activities::Worker;
use service::clients::Client;
use service::delegations::Reader;
use service::filing::FiledBy;
use service::sign_in::{LiveSession, staff_of};

use crate::problem::Problem;
use crate::rate_limit::Payer;

/// Who calls, proved once for each request.
#[derive(Clone)]
pub(crate) enum Principal {
    /// Nobody we know.
    Nobody,
    /// A member of staff.
    Staff(Box<LiveSession>),
    /// A citizen with a national identity.
    Citizen {
        /// What the identity says of them.
        person: Box<CitizenIdentity>,
        /// Issuer and subject, joined.
        identity: String,
        /// The program that carries the citizen's token, if one does.
        via: Option<Box<Client>>,
    },
    /// A program that calls for nobody in particular.
    Client(Box<Client>),
    /// The holder of a tracking link.
    Tracking(TicketId),
}

impl Principal {
    /// What sort of caller it is, for the log.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Principal::Nobody => "nobody",
            Principal::Staff(_) => "staff",
            Principal::Citizen { .. } => "citizen",
            Principal::Client(_) => "client",
            Principal::Tracking(_) => "tracking",
        }
    }

    /// The program that calls, for itself or with a citizen's token.
    pub(crate) fn client(&self) -> Option<&Client> {
        match self {
            Principal::Client(client) => Some(client),
            Principal::Citizen { via, .. } => via.as_deref(),
            _ => None,
        }
    }

    /// Whose budget of calls this is.
    pub(crate) const fn payer(&self) -> Payer {
        match self {
            Principal::Nobody => Payer::Anonymous,
            Principal::Staff(_) => Payer::Staff,
            Principal::Citizen { .. } | Principal::Tracking(_) => Payer::Citizen,
            Principal::Client(_) => Payer::Client,
        }
    }

    /// A stable name of the caller for idempotency keys and rate limits; `network` names nobodies.
    pub(crate) fn key(&self, network: &str) -> String {
        match self {
            Principal::Nobody => format!("network:{network}"),
            Principal::Staff(session) => format!("staff:{}", session.account),
            Principal::Citizen {
                identity,
                via: None,
                ..
            } => format!("citizen:{identity}"),
            // Two programs that serve one person know nothing of each other's keys.
            Principal::Citizen {
                identity,
                via: Some(client),
                ..
            } => format!("citizen:{identity} by client:{}", client.id),
            Principal::Client(client) => format!("client:{}", client.id),
            Principal::Tracking(ticket) => format!("tracking:{ticket}"),
        }
    }
}

fn principal(request: &HttpRequest) -> Principal {
    request
        .extensions()
        .get::<Principal>()
        .cloned()
        .unwrap_or(Principal::Nobody)
}

/// A member of staff in a placement.
pub(crate) struct Operator(pub Staff);

impl FromRequest for Operator {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match principal(request) {
            Principal::Staff(session) => staff_of(&session)
                .map(Operator)
                .ok_or_else(|| Problem::new("role-selection-required")),
            Principal::Nobody => Err(Problem::new("unauthenticated")),
            _ => Err(Problem::new("forbidden")),
        })
    }
}

/// A member of staff, with or without a placement.
pub(crate) struct SignedInStaff(pub LiveSession);

impl FromRequest for SignedInStaff {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match principal(request) {
            Principal::Staff(session) => Ok(SignedInStaff(*session)),
            Principal::Nobody => Err(Problem::new("unauthenticated")),
            _ => Err(Problem::new("forbidden")),
        })
    }
}

/// Whoever works technical activities: a member of staff in a placement, or a program for itself.
pub(crate) struct ActivityWorker(pub Worker);

impl FromRequest for ActivityWorker {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match principal(request) {
            Principal::Staff(session) => staff_of(&session)
                .map(|staff| ActivityWorker(Worker::Staff(staff)))
                .ok_or_else(|| Problem::new("role-selection-required")),
            Principal::Client(client) => Ok(ActivityWorker(Worker::Program(client.id))),
            Principal::Nobody => Err(Problem::new("unauthenticated")),
            _ => Err(Problem::new("forbidden")),
        })
    }
}

/// A program that calls for itself.
pub(crate) struct Program(pub Client);

impl FromRequest for Program {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match principal(request) {
            Principal::Client(client) => Ok(Program(*client)),
            Principal::Nobody => Err(Problem::new("unauthenticated")),
            _ => Err(Problem::new("forbidden")),
        })
    }
}

/// A requester. What they may see is found out where waiting is allowed: `Desk::scope_of`.
pub(crate) struct Requester(pub Reader);

impl FromRequest for Requester {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match principal(request) {
            Principal::Citizen {
                person, identity, ..
            } => Ok(Requester(Reader::Citizen {
                identity,
                tax_code: person.tax_code,
            })),
            Principal::Tracking(ticket) => Ok(Requester(Reader::Tracking(ticket))),
            Principal::Nobody => Err(Problem::new("unauthenticated")),
            Principal::Staff(_) | Principal::Client(_) => Err(Problem::new("forbidden")),
        })
    }
}

/// Whoever may complain: a citizen with a national identity, or the holder of a tracking link.
pub(crate) struct Complainant(pub service::complaints::Filer);

impl FromRequest for Complainant {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        use service::complaints::Filer;
        ready(match principal(request) {
            Principal::Citizen {
                person, identity, ..
            } => Ok(Complainant(Filer::Citizen { person, identity })),
            Principal::Tracking(ticket) => Ok(Complainant(Filer::Tracking(ticket))),
            Principal::Nobody => Err(Problem::new("unauthenticated")),
            Principal::Staff(_) | Principal::Client(_) => Err(Problem::new("forbidden")),
        })
    }
}

/// Whoever may file: nobody in particular, a citizen, or staff in a placement.
pub(crate) struct Filer(pub FiledBy);

impl FromRequest for Filer {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match principal(request) {
            // A program without a citizen's token files for whoever proved a mail address.
            Principal::Nobody | Principal::Client(_) => {
                Ok(Filer(FiledBy::Anonymous { email_proof: None }))
            }
            Principal::Citizen {
                person, identity, ..
            } => Ok(Filer(FiledBy::Citizen {
                person: *person,
                identity,
            })),
            Principal::Staff(session) => staff_of(&session)
                .map(|staff| Filer(FiledBy::Staff(staff)))
                .ok_or_else(|| Problem::new("role-selection-required")),
            Principal::Tracking(_) => Err(Problem::new("forbidden")),
        })
    }
}

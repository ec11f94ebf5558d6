//! Who may call what: one line an operation, and no operation without a line.
//!
//! `gate` refuses what is not here, and the program does not start when a route has no line or a
//! line no route (D-7). The published description and the authorisation test are made from the
//! same table. What a role may do *to a ticket* is `domain::lifecycle`'s affair.

use domain::actor::Role;

use crate::openapi::{Access, OperationFacts as F};

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callers {
    /// Anybody; a token is not looked at.
    Public,
    /// Anybody; a token, if there is one, must be good.
    Anyone,
    /// Staff, before they chose a placement, too.
    SignedIn,
    /// Staff in a placement of one of these roles.
    Staff(&'static [Role]),
    /// The requester: a citizen with a national identity, or a tracking session.
    Requester,
}

/// A line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// The handler's name, which is the operation id.
    pub operation: &'static str,
    /// The method.
    pub method: &'static str,
    /// The path, as it is routed.
    pub path: &'static str,
    /// Who may call it.
    pub callers: Callers,
    /// What the published description says of it.
    pub facts: F,
}

/// Everybody who works or leads at a desk.
const DESKS: &[Role] = &[
    Role::Operator,
    Role::Supervisor,
    Role::Admin,
    Role::RegionalOperator,
    Role::RegionalSupervisor,
];

const fn rule(
    method: &'static str,
    path: &'static str,
    operation: &'static str,
    callers: Callers,
    facts: F,
) -> Rule {
    let access = match callers {
        Callers::Public => Access::Public,
        Callers::Anyone => Access::Optional,
        Callers::SignedIn | Callers::Staff(_) | Callers::Requester => Access::Bearer,
    };
    Rule {
        operation,
        method,
        path,
        callers,
        facts: F {
            operation_id: operation,
            access,
            ..facts
        },
    }
}

/// Answers hold nothing personal and may be kept by who asked, with an entity tag.
const CATALOGUE: F = F {
    etag: true,
    ..F::public("")
};
/// Answers change by the second, or hold a secret.
const FRESH: F = F {
    no_store: true,
    ..F::public("")
};
/// Answers hold personal data.
const PRIVATE: F = F::bearer("");
/// One ticket: carries its version.
const VERSIONED: F = F {
    etag: true,
    ..F::bearer("")
};

/// The table.
pub const RULES: &[Rule] = &[
    rule("GET", "/status", "show_status", Callers::Public, FRESH),
    rule(
        "GET",
        "/health/live",
        "show_liveness",
        Callers::Public,
        FRESH,
    ),
    rule(
        "GET",
        "/health/ready",
        "show_readiness",
        Callers::Public,
        FRESH,
    ),
    rule("GET", "/metrics", "show_metrics", Callers::Public, FRESH),
    rule(
        "GET",
        "/openapi.yaml",
        "show_description_yaml",
        Callers::Public,
        CATALOGUE,
    ),
    rule(
        "GET",
        "/openapi.json",
        "show_description_json",
        Callers::Public,
        CATALOGUE,
    ),
    rule(
        "GET",
        "/problems/{slug}",
        "show_problem",
        Callers::Public,
        CATALOGUE,
    ),
    rule(
        "GET",
        "/v1/services",
        "list_services",
        Callers::Public,
        CATALOGUE,
    ),
    rule(
        "GET",
        "/v1/services/{service}/form",
        "show_form",
        Callers::Public,
        CATALOGUE,
    ),
    rule(
        "GET",
        "/v1/authorities",
        "list_authorities",
        Callers::Public,
        CATALOGUE,
    ),
    rule(
        "POST",
        "/v1/email-proofs",
        "start_email_proof",
        Callers::Public,
        FRESH,
    ),
    rule(
        "POST",
        "/v1/email-proofs/{proof}/verifications",
        "verify_email_proof",
        Callers::Public,
        FRESH,
    ),
    rule(
        "POST",
        "/v1/tickets",
        "file_ticket",
        Callers::Anyone,
        F {
            etag: true,
            location: true,
            ..PRIVATE
        },
    ),
    rule(
        "POST",
        "/v1/sessions",
        "open_session",
        Callers::Public,
        F {
            problem_statuses: &[401],
            ..FRESH
        },
    ),
    rule(
        "POST",
        "/v1/sessions/refresh",
        "refresh_session",
        Callers::Public,
        F {
            problem_statuses: &[401],
            ..FRESH
        },
    ),
    rule(
        "PUT",
        "/v1/sessions/current/placement",
        "choose_placement",
        Callers::SignedIn,
        F {
            problem_statuses: &[404],
            ..PRIVATE
        },
    ),
    rule(
        "DELETE",
        "/v1/sessions/current",
        "close_session",
        Callers::SignedIn,
        PRIVATE,
    ),
    rule("GET", "/v1/me", "show_me", Callers::SignedIn, PRIVATE),
    rule(
        "GET",
        "/v1/tickets",
        "list_tickets",
        Callers::Staff(DESKS),
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/ticket-searches",
        "find_tickets",
        Callers::Staff(DESKS),
        PRIVATE,
    ),
    rule(
        "GET",
        "/v1/tickets/{ticket}",
        "show_ticket",
        Callers::Staff(DESKS),
        VERSIONED,
    ),
    rule(
        "PATCH",
        "/v1/tickets/{ticket}",
        "edit_ticket",
        Callers::Staff(DESKS),
        F {
            needs_if_match: true,
            problem_statuses: &[409],
            ..VERSIONED
        },
    ),
    rule(
        "GET",
        "/v1/tickets/{ticket}/timeline",
        "list_timeline",
        Callers::Staff(DESKS),
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/tickets/{ticket}/actions",
        "act_on_ticket",
        Callers::Staff(DESKS),
        F {
            needs_if_match: true,
            ..VERSIONED
        },
    ),
    rule(
        "GET",
        "/v1/tickets/{ticket}/attachments/{attachment}",
        "download_attachment",
        Callers::Staff(DESKS),
        PRIVATE,
    ),
    rule(
        "GET",
        "/v1/queues",
        "show_queues",
        Callers::Staff(DESKS),
        PRIVATE,
    ),
    rule(
        "GET",
        "/v1/assignees",
        "list_assignees",
        Callers::Staff(DESKS),
        PRIVATE,
    ),
    rule(
        "GET",
        "/v1/me/tickets",
        "list_own_tickets",
        Callers::Requester,
        PRIVATE,
    ),
    rule(
        "GET",
        "/v1/me/tickets/{ticket}",
        "show_own_ticket",
        Callers::Requester,
        VERSIONED,
    ),
    rule(
        "POST",
        "/v1/me/tickets/{ticket}/messages",
        "add_message",
        Callers::Requester,
        F {
            location: true,
            ..PRIVATE
        },
    ),
    rule(
        "POST",
        "/v1/me/tickets/{ticket}/withdrawal",
        "withdraw_ticket",
        Callers::Requester,
        // A body is not needed, but one that is sent is read.
        F {
            problem_statuses: &[408, 413, 415],
            ..PRIVATE
        },
    ),
    rule(
        "GET",
        "/v1/me/tickets/{ticket}/attachments/{attachment}",
        "download_own_attachment",
        Callers::Requester,
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/tracking-sessions",
        "open_tracking_session",
        Callers::Public,
        F {
            problem_statuses: &[401],
            ..FRESH
        },
    ),
];

/// The operations with query parameters, which read and refuse their own; all others take none.
pub const TAKES_QUERY: &[&str] = &["list_tickets", "list_timeline", "list_own_tickets"];

/// The lines of a routed path.
pub fn rules_of(path: &str) -> impl Iterator<Item = &'static Rule> {
    RULES.iter().filter(move |rule| rule.path == path)
}

/// The facts of all lines, for the published description.
pub fn facts() -> Vec<F> {
    RULES.iter().map(|rule| rule.facts).collect()
}

/// Pages of the program itself, outside the described API: public, and nothing personal.
pub const PAGES: &[&str] = &["/docs", "/docs/{file}", "/tracking"];

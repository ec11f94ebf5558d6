//! Who may call what: one line an operation, and no operation without a line.
//!
//! `gate` refuses what is not here, and the program does not start when a route has no line or a
//! line no route (D-7). Which roles have a right is `domain::permissions`' affair, what may be done
//! *to a ticket* that of `domain::lifecycle`; the published description and the authorisation test
//! are made from this table and those.

use domain::actor::Role;
use domain::audit::Purpose;
use domain::permissions::{Right, has};

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
    /// Staff in a placement whose role has this right.
    Staff(Right),
    /// Staff in a placement that reads requests, by its role or by a grant that the use case looks for.
    Readers,
    /// Programs alone, for themselves.
    Programs,
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
    /// What a program needs to call it, for nobody or for the citizen whose token it carries.
    pub scope: Option<&'static str>,
    /// Whether staff must have logged in just now: the gravest actions (D-6).
    pub is_grave: bool,
    /// What the published description says of it.
    pub facts: F,
}

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
        Callers::SignedIn
        | Callers::Staff(_)
        | Callers::Readers
        | Callers::Programs
        | Callers::Requester => Access::Bearer,
    };
    Rule {
        operation,
        method,
        path,
        callers,
        scope: None,
        is_grave: false,
        facts: F {
            operation_id: operation,
            access,
            ..facts
        },
    }
}

/// Operations whose purpose does not follow from who may call them.
const PURPOSES: &[(&str, Purpose)] = &[
    ("start_email_proof", Purpose::Assistance),
    ("verify_email_proof", Purpose::Assistance),
    ("open_tracking_session", Purpose::Assistance),
    ("list_own_accesses", Purpose::Rights),
];

impl Rule {
    /// Why somebody calls it, unless they say so themselves.
    pub fn purpose(&self) -> Purpose {
        let named = PURPOSES.iter().find(|(one, _)| *one == self.operation);
        match (named, self.callers) {
            (Some((_, purpose)), _) => *purpose,
            (None, Callers::Staff(right)) => Purpose::of(right),
            (None, Callers::Public | Callers::SignedIn) => Purpose::Security,
            (None, Callers::Readers | Callers::Anyone | Callers::Programs | Callers::Requester) => {
                Purpose::Assistance
            }
        }
    }

    /// Programs with this scope may call it, too.
    const fn scope(self, scope: &'static str) -> Rule {
        Rule {
            scope: Some(scope),
            ..self
        }
    }

    /// Staff must have logged in just now.
    const fn grave(self) -> Rule {
        Rule {
            is_grave: true,
            ..self
        }
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
        "GET",
        "/v1/calendars",
        "list_calendars",
        Callers::Public,
        CATALOGUE,
    ),
    rule(
        "GET",
        "/v1/calendars/{calendar}",
        "show_calendar",
        Callers::Public,
        CATALOGUE,
    ),
    rule(
        "GET",
        "/v1/calendars/{calendar}/openings",
        "export_calendar",
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
    )
    .scope("requests:create"),
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
        Callers::Readers,
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/ticket-searches",
        "find_tickets",
        Callers::Staff(Right::ReadTickets),
        PRIVATE,
    ),
    rule(
        "GET",
        "/v1/tickets/{ticket}",
        "show_ticket",
        Callers::Readers,
        VERSIONED,
    ),
    rule(
        "PATCH",
        "/v1/tickets/{ticket}",
        "edit_ticket",
        Callers::Staff(Right::ReadTickets),
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
        Callers::Readers,
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/tickets/{ticket}/disclosures",
        "disclose_identity",
        Callers::Staff(Right::Disclose),
        F {
            problem_statuses: &[429],
            ..PRIVATE
        },
    ),
    rule(
        "POST",
        "/v1/tickets/{ticket}/inspections",
        "inspect_ticket",
        Callers::Staff(Right::Inspect),
        F {
            problem_statuses: &[429],
            ..PRIVATE
        },
    ),
    rule(
        "GET",
        "/v1/disclosures",
        "list_disclosures",
        Callers::Staff(Right::ReadDisclosures),
        PRIVATE,
    ),
    rule(
        "GET",
        "/v1/break-glass-grants",
        "list_break_glass_grants",
        Callers::Staff(Right::ReadBreakGlass),
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/break-glass-grants",
        "ask_break_glass",
        Callers::Staff(Right::AskBreakGlass),
        F {
            problem_statuses: &[409],
            ..PRIVATE
        },
    )
    .grave(),
    rule(
        "POST",
        "/v1/break-glass-grants/{grant}/approvals",
        "approve_break_glass",
        Callers::Staff(Right::ApproveBreakGlass),
        F {
            problem_statuses: &[409],
            ..PRIVATE
        },
    )
    .grave(),
    rule(
        "POST",
        "/v1/break-glass-grants/{grant}/ends",
        "end_break_glass",
        Callers::Staff(Right::ApproveBreakGlass),
        F {
            problem_statuses: &[409],
            ..PRIVATE
        },
    ),
    rule(
        "POST",
        "/v1/tickets/{ticket}/actions",
        "act_on_ticket",
        Callers::Staff(Right::ReadTickets),
        F {
            needs_if_match: true,
            ..VERSIONED
        },
    ),
    rule(
        "POST",
        "/v1/tickets/{ticket}/links",
        "add_ticket_link",
        Callers::Staff(Right::ReadTickets),
        F {
            needs_if_match: true,
            ..VERSIONED
        },
    ),
    rule(
        "DELETE",
        "/v1/tickets/{ticket}/links/{other}",
        "remove_ticket_link",
        Callers::Staff(Right::ReadTickets),
        F {
            needs_if_match: true,
            problem_statuses: &[409],
            ..VERSIONED
        },
    ),
    rule(
        "POST",
        "/v1/tickets/{ticket}/merges",
        "merge_ticket",
        Callers::Staff(Right::Supervise),
        F {
            needs_if_match: true,
            ..VERSIONED
        },
    ),
    rule(
        "DELETE",
        "/v1/tickets/{ticket}/merges/current",
        "undo_merge",
        Callers::Staff(Right::Supervise),
        F {
            needs_if_match: true,
            problem_statuses: &[409],
            ..VERSIONED
        },
    ),
    rule(
        "GET",
        "/v1/tickets/{ticket}/attachments/{attachment}",
        "download_attachment",
        Callers::Staff(Right::ReadTickets),
        F {
            problem_statuses: &[410],
            ..PRIVATE
        },
    ),
    rule(
        "GET",
        "/v1/queues",
        "show_queues",
        Callers::Staff(Right::ReadQueues),
        PRIVATE,
    ),
    rule(
        "GET",
        "/v1/assignment-settings",
        "show_assignment_settings",
        Callers::Staff(Right::ReadQueues),
        VERSIONED,
    ),
    rule(
        "PUT",
        "/v1/assignment-settings",
        "change_assignment_settings",
        Callers::Staff(Right::KeepAssignment),
        F {
            needs_if_match: true,
            ..VERSIONED
        },
    ),
    rule(
        "GET",
        "/v1/absences",
        "list_absences",
        Callers::Staff(Right::ReadQueues),
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/absences",
        "add_absence",
        Callers::Staff(Right::ReadQueues),
        PRIVATE,
    ),
    rule(
        "DELETE",
        "/v1/absences/{absence}",
        "end_absence",
        Callers::Staff(Right::ReadQueues),
        PRIVATE,
    ),
    rule(
        "GET",
        "/v1/reports/removals",
        "report_removals",
        Callers::Staff(Right::ReadReports),
        PRIVATE,
    ),
    rule(
        "GET",
        "/v1/assignees",
        "list_assignees",
        Callers::Staff(Right::ReadTickets),
        PRIVATE,
    ),
    rule(
        "GET",
        "/v1/me/tickets",
        "list_own_tickets",
        Callers::Requester,
        PRIVATE,
    )
    .scope("requests:read"),
    rule(
        "GET",
        "/v1/me/tickets/{ticket}",
        "show_own_ticket",
        Callers::Requester,
        VERSIONED,
    )
    .scope("requests:read"),
    rule(
        "GET",
        "/v1/me/tickets/{ticket}/accesses",
        "list_own_accesses",
        Callers::Requester,
        PRIVATE,
    )
    .scope("requests:read"),
    rule(
        "POST",
        "/v1/audit-searches",
        "search_audit",
        Callers::Staff(Right::ReadAudit),
        F {
            problem_statuses: &[404],
            ..PRIVATE
        },
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
    )
    .scope("requests:reply"),
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
    )
    .scope("requests:reply"),
    rule(
        "POST",
        "/v1/me/tickets/{ticket}/nudges",
        "nudge_ticket",
        Callers::Requester,
        // As with a withdrawal.
        F {
            problem_statuses: &[408, 413, 415],
            ..PRIVATE
        },
    )
    .scope("requests:reply"),
    rule(
        "GET",
        "/v1/me/tickets/{ticket}/attachments/{attachment}",
        "download_own_attachment",
        Callers::Requester,
        PRIVATE,
    )
    .scope("requests:read"),
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
    rule(
        "POST",
        "/v1/activations",
        "activate_account",
        Callers::Public,
        FRESH,
    ),
    rule(
        "POST",
        "/v1/password-changes",
        "change_password",
        Callers::Public,
        F {
            problem_statuses: &[401],
            ..FRESH
        },
    ),
    rule(
        "POST",
        "/v1/password-recoveries",
        "recover_password",
        Callers::Public,
        F {
            problem_statuses: &[401],
            ..FRESH
        },
    ),
    rule(
        "POST",
        "/v1/oauth/token",
        "issue_client_token",
        Callers::Public,
        F {
            problem_statuses: &[401],
            ..FRESH
        },
    ),
    rule(
        "POST",
        "/v1/federated-sessions",
        "open_federated_session",
        Callers::Public,
        F {
            problem_statuses: &[401],
            ..FRESH
        },
    ),
    rule(
        "GET",
        "/v1/me/credential",
        "show_credential",
        Callers::SignedIn,
        PRIVATE,
    ),
    rule(
        "PUT",
        "/v1/me/security-answers",
        "keep_security_answers",
        Callers::SignedIn,
        PRIVATE,
    )
    .grave(),
    rule(
        "POST",
        "/v1/me/second-factor",
        "start_second_factor",
        Callers::SignedIn,
        F {
            problem_statuses: &[409],
            ..PRIVATE
        },
    )
    .grave(),
    rule(
        "POST",
        "/v1/me/second-factor/confirmation",
        "confirm_second_factor",
        Callers::SignedIn,
        F {
            problem_statuses: &[409],
            ..PRIVATE
        },
    ),
    rule(
        "GET",
        "/v1/accounts",
        "list_accounts",
        Callers::Staff(Right::KeepAccounts),
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/accounts",
        "create_account",
        Callers::Staff(Right::KeepAccounts),
        F {
            location: true,
            etag: true,
            problem_statuses: &[409],
            ..PRIVATE
        },
    ),
    rule(
        "GET",
        "/v1/accounts/{account}",
        "show_account",
        Callers::Staff(Right::KeepAccounts),
        VERSIONED,
    ),
    rule(
        "PUT",
        "/v1/accounts/{account}/placements",
        "place_account",
        Callers::Staff(Right::KeepAccounts),
        F {
            needs_if_match: true,
            problem_statuses: &[409],
            ..VERSIONED
        },
    )
    .grave(),
    rule(
        "POST",
        "/v1/accounts/{account}/steps",
        "step_account",
        Callers::Staff(Right::KeepAccounts),
        F {
            needs_if_match: true,
            ..VERSIONED
        },
    )
    .grave(),
    rule(
        "GET",
        "/v1/authority-setups",
        "list_authority_setups",
        Callers::Staff(Right::ReadSetups),
        PRIVATE,
    ),
    rule(
        "GET",
        "/v1/authority-setups/{authority}",
        "show_authority_setup",
        Callers::Staff(Right::ReadSetups),
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/authority-setups/{authority}/steps",
        "take_setup_step",
        Callers::Staff(Right::OpenAuthority),
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/authority-setups/{authority}/admin-handovers",
        "hand_over_admin",
        Callers::Staff(Right::AppointAdmin),
        F {
            problem_statuses: &[409],
            ..PRIVATE
        },
    )
    .grave(),
    rule(
        "GET",
        "/v1/password-policies",
        "list_password_policies",
        Callers::Staff(Right::ReadPolicies),
        PRIVATE,
    ),
    rule(
        "GET",
        "/v1/sla-policies",
        "list_sla_policies",
        Callers::Staff(Right::ReadSla),
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/sla-policies",
        "add_sla_policy",
        Callers::Staff(Right::KeepSla),
        PRIVATE,
    ),
    rule(
        "GET",
        "/v1/routing-versions",
        "list_routing_versions",
        Callers::Staff(Right::ReadRouting),
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/routing-versions",
        "add_routing_version",
        Callers::Staff(Right::KeepRouting),
        PRIVATE,
    ),
    rule(
        "GET",
        "/v1/routing-versions/{version}",
        "show_routing_version",
        Callers::Staff(Right::ReadRouting),
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/routing/preview",
        "preview_routing",
        Callers::Staff(Right::ReadRouting),
        PRIVATE,
    ),
    rule(
        "GET",
        "/v1/message-templates",
        "list_message_templates",
        Callers::Staff(Right::ReadMailTexts),
        PRIVATE,
    ),
    rule(
        "GET",
        "/v1/message-templates/{template}",
        "show_message_template",
        Callers::Staff(Right::ReadMailTexts),
        VERSIONED,
    ),
    rule(
        "PUT",
        "/v1/message-templates/{template}/overrides/{language}",
        "override_message_template",
        Callers::Staff(Right::EditMailTexts),
        F {
            needs_if_match: true,
            ..VERSIONED
        },
    ),
    rule(
        "DELETE",
        "/v1/message-templates/{template}/overrides/{language}",
        "restore_message_template",
        Callers::Staff(Right::EditMailTexts),
        F {
            needs_if_match: true,
            ..VERSIONED
        },
    ),
    rule(
        "POST",
        "/v1/message-templates/{template}/previews",
        "preview_message_template",
        Callers::Staff(Right::ReadMailTexts),
        PRIVATE,
    ),
    rule(
        "GET",
        "/v1/changes",
        "list_changes",
        Callers::Staff(Right::ReadTickets),
        F {
            problem_statuses: &[410],
            ..PRIVATE
        },
    ),
    rule(
        "GET",
        "/v1/events",
        "follow_events",
        Callers::Staff(Right::ReadTickets),
        PRIVATE,
    ),
    rule(
        "GET",
        "/v1/deliveries",
        "list_deliveries",
        Callers::Staff(Right::KeepDeliveries),
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/deliveries/{delivery}/steps",
        "step_delivery",
        Callers::Staff(Right::KeepDeliveries),
        F {
            problem_statuses: &[409],
            ..PRIVATE
        },
    ),
    rule(
        "GET",
        "/v1/notification-settings/{authority}",
        "show_notification_settings",
        Callers::Staff(Right::KeepNotifications),
        VERSIONED,
    ),
    rule(
        "PUT",
        "/v1/notification-settings/{authority}",
        "change_notification_settings",
        Callers::Staff(Right::KeepNotifications),
        F {
            needs_if_match: true,
            ..VERSIONED
        },
    ),
    rule(
        "GET",
        "/v1/privacy-settings/{authority}",
        "show_privacy_settings",
        Callers::Staff(Right::ReadPrivacy),
        VERSIONED,
    ),
    rule(
        "PUT",
        "/v1/privacy-settings/{authority}",
        "change_privacy_settings",
        Callers::Staff(Right::KeepPrivacy),
        F {
            needs_if_match: true,
            ..VERSIONED
        },
    ),
    rule(
        "GET",
        "/v1/me/notification-preferences",
        "show_notification_preferences",
        Callers::Staff(Right::ReadTickets),
        PRIVATE,
    ),
    rule(
        "PUT",
        "/v1/me/notification-preferences",
        "change_notification_preferences",
        Callers::Staff(Right::ReadTickets),
        PRIVATE,
    ),
    rule(
        "GET",
        "/v1/scheduler",
        "show_scheduler",
        Callers::Staff(Right::KeepScheduler),
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/scheduler/resumptions",
        "resume_scheduler",
        Callers::Staff(Right::KeepScheduler),
        PRIVATE,
    ),
    rule(
        "GET",
        "/v1/webhook-endpoints",
        "list_webhook_endpoints",
        Callers::Staff(Right::KeepWebhooks),
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/webhook-endpoints",
        "create_webhook_endpoint",
        Callers::Staff(Right::KeepWebhooks),
        F {
            location: true,
            etag: true,
            ..PRIVATE
        },
    )
    .grave(),
    rule(
        "GET",
        "/v1/webhook-endpoints/{endpoint}",
        "show_webhook_endpoint",
        Callers::Staff(Right::KeepWebhooks),
        VERSIONED,
    ),
    rule(
        "PATCH",
        "/v1/webhook-endpoints/{endpoint}",
        "edit_webhook_endpoint",
        Callers::Staff(Right::KeepWebhooks),
        F {
            needs_if_match: true,
            ..VERSIONED
        },
    )
    .grave(),
    rule(
        "DELETE",
        "/v1/webhook-endpoints/{endpoint}",
        "end_webhook_endpoint",
        Callers::Staff(Right::KeepWebhooks),
        F {
            needs_if_match: true,
            ..PRIVATE
        },
    ),
    rule(
        "POST",
        "/v1/webhook-endpoints/{endpoint}/secret-rotations",
        "rotate_webhook_secret",
        Callers::Staff(Right::KeepWebhooks),
        PRIVATE,
    )
    .grave(),
    rule(
        "POST",
        "/v1/webhook-endpoints/{endpoint}/test-deliveries",
        "test_webhook_endpoint",
        Callers::Staff(Right::KeepWebhooks),
        F {
            problem_statuses: &[409],
            ..PRIVATE
        },
    ),
    rule(
        "GET",
        "/v1/webhook-endpoints/{endpoint}/deliveries",
        "list_webhook_deliveries",
        Callers::Staff(Right::KeepWebhooks),
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/webhook-endpoints/{endpoint}/deliveries/{delivery}/retries",
        "retry_webhook_delivery",
        Callers::Staff(Right::KeepWebhooks),
        F {
            problem_statuses: &[409],
            ..PRIVATE
        },
    ),
    rule(
        "GET",
        "/v1/contacts",
        "list_contacts",
        Callers::Staff(Right::KeepContacts),
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/contacts",
        "log_contact",
        Callers::Staff(Right::KeepContacts),
        F {
            location: true,
            etag: true,
            ..PRIVATE
        },
    ),
    rule(
        "GET",
        "/v1/contacts/{contact}",
        "show_contact",
        Callers::Staff(Right::KeepContacts),
        VERSIONED,
    ),
    rule(
        "PATCH",
        "/v1/contacts/{contact}",
        "link_contact",
        Callers::Staff(Right::KeepContacts),
        F {
            needs_if_match: true,
            ..VERSIONED
        },
    ),
    rule(
        "GET",
        "/v1/callbacks",
        "list_callbacks",
        Callers::Staff(Right::KeepContacts),
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/callbacks",
        "plan_callback",
        Callers::Staff(Right::KeepContacts),
        F {
            location: true,
            etag: true,
            ..PRIVATE
        },
    ),
    rule(
        "GET",
        "/v1/callbacks/{callback}",
        "show_callback",
        Callers::Staff(Right::KeepContacts),
        VERSIONED,
    ),
    rule(
        "POST",
        "/v1/callbacks/{callback}/attempts",
        "attempt_callback",
        Callers::Staff(Right::KeepContacts),
        F {
            needs_if_match: true,
            problem_statuses: &[409],
            ..VERSIONED
        },
    ),
    rule(
        "POST",
        "/v1/callbacks/{callback}/cancellations",
        "cancel_callback",
        Callers::Staff(Right::KeepContacts),
        F {
            needs_if_match: true,
            problem_statuses: &[409],
            ..VERSIONED
        },
    ),
    rule(
        "POST",
        "/v1/me/tickets/{ticket}/reviews",
        "request_review",
        Callers::Requester,
        F {
            problem_statuses: &[409],
            location: true,
            ..PRIVATE
        },
    )
    .scope("requests:reply"),
    rule(
        "GET",
        "/v1/reviews",
        "list_reviews",
        Callers::Staff(Right::ReadReviews),
        PRIVATE,
    ),
    rule(
        "GET",
        "/v1/reviews/{review}",
        "show_review",
        Callers::Staff(Right::ReadReviews),
        VERSIONED,
    ),
    rule(
        "POST",
        "/v1/reviews/{review}/examinations",
        "take_review",
        Callers::Staff(Right::DecideReviews),
        F {
            needs_if_match: true,
            problem_statuses: &[409],
            ..VERSIONED
        },
    ),
    rule(
        "POST",
        "/v1/reviews/{review}/decisions",
        "decide_review",
        Callers::Staff(Right::DecideReviews),
        F {
            needs_if_match: true,
            problem_statuses: &[409],
            ..VERSIONED
        },
    ),
    rule(
        "GET",
        "/v1/me/complaints",
        "list_own_complaints",
        Callers::Requester,
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/me/complaints",
        "file_complaint",
        Callers::Requester,
        F {
            location: true,
            ..PRIVATE
        },
    ),
    rule(
        "GET",
        "/v1/me/complaints/{complaint}",
        "show_own_complaint",
        Callers::Requester,
        VERSIONED,
    ),
    rule(
        "GET",
        "/v1/me/subject-requests",
        "list_own_subject_requests",
        Callers::Requester,
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/me/subject-requests",
        "ask_about_own_data",
        Callers::Requester,
        PRIVATE,
    ),
    rule(
        "GET",
        "/v1/me/subject-requests/{request}/export",
        "fetch_own_export",
        Callers::Requester,
        PRIVATE,
    ),
    rule(
        "GET",
        "/v1/subject-requests",
        "list_subject_requests",
        Callers::Staff(Right::ApproveSubjectRequests),
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/subject-requests",
        "enter_subject_request",
        Callers::Staff(Right::KeepSubjectRequests),
        F {
            location: true,
            etag: true,
            ..PRIVATE
        },
    ),
    rule(
        "GET",
        "/v1/subject-requests/{request}",
        "show_subject_request",
        Callers::Staff(Right::ApproveSubjectRequests),
        VERSIONED,
    ),
    rule(
        "POST",
        "/v1/subject-requests/{request}/steps",
        "step_subject_request",
        Callers::Staff(Right::KeepSubjectRequests),
        F {
            needs_if_match: true,
            problem_statuses: &[409],
            ..VERSIONED
        },
    ),
    rule(
        "GET",
        "/v1/subject-requests/{request}/report",
        "show_rights_report",
        Callers::Staff(Right::ApproveSubjectRequests),
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/subject-requests/{request}/exports",
        "start_export",
        Callers::Staff(Right::KeepSubjectRequests),
        F {
            problem_statuses: &[409],
            ..PRIVATE
        },
    )
    .grave(),
    rule(
        "POST",
        "/v1/subject-requests/{request}/exports/{export}/approvals",
        "approve_export",
        Callers::Staff(Right::ApproveSubjectRequests),
        F {
            problem_statuses: &[409],
            ..PRIVATE
        },
    )
    .grave(),
    rule(
        "POST",
        "/v1/subject-requests/{request}/exports/{export}/links",
        "create_export_link",
        Callers::Staff(Right::KeepSubjectRequests),
        F {
            problem_statuses: &[409],
            ..PRIVATE
        },
    )
    .grave(),
    rule(
        "POST",
        "/v1/export-downloads",
        "fetch_export",
        Callers::Public,
        F {
            problem_statuses: &[404],
            ..FRESH
        },
    ),
    rule(
        "POST",
        "/v1/subject-requests/{request}/erasures",
        "start_erasure",
        Callers::Staff(Right::KeepSubjectRequests),
        F {
            problem_statuses: &[409],
            ..PRIVATE
        },
    )
    .grave(),
    rule(
        "POST",
        "/v1/subject-requests/{request}/erasures/{erasure}/approvals",
        "approve_erasure",
        Callers::Staff(Right::ApproveSubjectRequests),
        F {
            problem_statuses: &[409],
            ..PRIVATE
        },
    )
    .grave(),
    rule(
        "POST",
        "/v1/subject-requests/{request}/mentions/{mention}/reviews",
        "review_mention",
        Callers::Staff(Right::KeepSubjectRequests),
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/subject-requests/{request}/restrictions",
        "restrict_processing",
        Callers::Staff(Right::KeepSubjectRequests),
        F {
            needs_if_match: true,
            problem_statuses: &[409],
            ..VERSIONED
        },
    ),
    rule(
        "DELETE",
        "/v1/subject-requests/{request}/restrictions/current",
        "lift_restriction",
        Callers::Staff(Right::KeepSubjectRequests),
        F {
            needs_if_match: true,
            problem_statuses: &[409],
            ..VERSIONED
        },
    ),
    rule(
        "POST",
        "/v1/subject-requests/{request}/rectifications",
        "rectify_data",
        Callers::Staff(Right::KeepSubjectRequests),
        F {
            needs_if_match: true,
            problem_statuses: &[409],
            ..VERSIONED
        },
    ),
    rule(
        "GET",
        "/v1/complaints",
        "list_complaints",
        Callers::Staff(Right::ReadComplaints),
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/complaints",
        "enter_complaint",
        Callers::Staff(Right::PrepareComplaints),
        F {
            location: true,
            etag: true,
            ..PRIVATE
        },
    ),
    rule(
        "GET",
        "/v1/complaints/{complaint}",
        "show_complaint",
        Callers::Staff(Right::ReadComplaints),
        VERSIONED,
    ),
    rule(
        "PATCH",
        "/v1/complaints/{complaint}",
        "describe_complaint",
        Callers::Staff(Right::PrepareComplaints),
        F {
            needs_if_match: true,
            problem_statuses: &[409],
            ..VERSIONED
        },
    ),
    rule(
        "POST",
        "/v1/complaints/{complaint}/steps",
        "step_complaint",
        Callers::Staff(Right::PrepareComplaints),
        F {
            needs_if_match: true,
            problem_statuses: &[409],
            ..VERSIONED
        },
    ),
    rule(
        "POST",
        "/v1/complaints/{complaint}/protocols",
        "register_protocol",
        Callers::Staff(Right::PrepareComplaints),
        F {
            etag: true,
            ..PRIVATE
        },
    ),
    rule(
        "POST",
        "/v1/complaints/{complaint}/reply-previews",
        "preview_reply",
        Callers::Staff(Right::PrepareComplaints),
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/complaints/{complaint}/reply-drafts",
        "draft_reply",
        Callers::Staff(Right::PrepareComplaints),
        F {
            needs_if_match: true,
            problem_statuses: &[409],
            ..VERSIONED
        },
    ),
    rule(
        "POST",
        "/v1/complaints/{complaint}/replies",
        "send_reply",
        Callers::Staff(Right::DecideComplaints),
        F {
            needs_if_match: true,
            problem_statuses: &[409],
            ..VERSIONED
        },
    ),
    rule(
        "POST",
        "/v1/complaints/{complaint}/extensions",
        "extend_complaint",
        Callers::Staff(Right::DecideComplaints),
        F {
            needs_if_match: true,
            problem_statuses: &[409],
            ..VERSIONED
        },
    ),
    rule(
        "GET",
        "/v1/complaint-reply-schemes",
        "list_reply_schemes",
        Callers::Staff(Right::ReadComplaints),
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/complaint-reply-schemes",
        "draft_reply_scheme",
        Callers::Staff(Right::DecideComplaints),
        F {
            location: true,
            etag: true,
            ..PRIVATE
        },
    ),
    rule(
        "GET",
        "/v1/complaint-reply-schemes/{scheme}",
        "show_reply_scheme",
        Callers::Staff(Right::ReadComplaints),
        VERSIONED,
    ),
    rule(
        "POST",
        "/v1/complaint-reply-schemes/{scheme}/approvals",
        "approve_reply_scheme",
        Callers::Staff(Right::ApproveReplySchemes),
        F {
            needs_if_match: true,
            problem_statuses: &[409],
            ..VERSIONED
        },
    ),
    rule(
        "GET",
        "/v1/activities",
        "list_activities",
        Callers::Staff(Right::ReadActivities),
        PRIVATE,
    )
    .scope("activities:sync"),
    rule(
        "GET",
        "/v1/activities/{activity}",
        "show_activity",
        Callers::Staff(Right::ReadActivities),
        VERSIONED,
    )
    .scope("activities:sync"),
    rule(
        "PATCH",
        "/v1/activities/{activity}",
        "edit_activity",
        Callers::Staff(Right::WorkActivities),
        F {
            needs_if_match: true,
            problem_statuses: &[409],
            ..VERSIONED
        },
    ),
    rule(
        "POST",
        "/v1/activities/{activity}/comments",
        "comment_activity",
        Callers::Staff(Right::WorkActivities),
        F {
            problem_statuses: &[409],
            ..PRIVATE
        },
    )
    .scope("activities:sync"),
    rule(
        "PUT",
        "/v1/activities/{activity}/external-record",
        "report_activity",
        Callers::Programs,
        F {
            problem_statuses: &[409],
            ..PRIVATE
        },
    )
    .scope("activities:sync"),
    rule(
        "GET",
        "/v1/activity-changes",
        "list_activity_changes",
        Callers::Programs,
        F {
            problem_statuses: &[410],
            ..PRIVATE
        },
    )
    .scope("activities:sync"),
    rule(
        "GET",
        "/v1/technical-catalogue",
        "list_technical_catalogue",
        Callers::Staff(Right::ReadActivities),
        PRIVATE,
    )
    .scope("activities:sync"),
    rule(
        "GET",
        "/v1/announcements",
        "list_announcements",
        Callers::Staff(Right::KeepAnnouncements),
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/announcements",
        "create_announcement",
        Callers::Staff(Right::KeepAnnouncements),
        F {
            location: true,
            etag: true,
            ..PRIVATE
        },
    ),
    rule(
        "GET",
        "/v1/announcements/{announcement}",
        "show_announcement",
        Callers::Staff(Right::ReadAnnouncements),
        VERSIONED,
    ),
    rule(
        "PATCH",
        "/v1/announcements/{announcement}",
        "edit_announcement",
        Callers::Staff(Right::KeepAnnouncements),
        F {
            needs_if_match: true,
            ..VERSIONED
        },
    ),
    rule(
        "POST",
        "/v1/announcements/{announcement}/acknowledgements",
        "acknowledge_announcement",
        Callers::Staff(Right::ReadAnnouncements),
        PRIVATE,
    ),
    rule(
        "GET",
        "/v1/announcements/{announcement}/tickets",
        "list_linked_tickets",
        Callers::Staff(Right::ReadTickets),
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/announcements/{announcement}/tickets",
        "link_tickets",
        Callers::Staff(Right::Work),
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/announcements/{announcement}/answers",
        "answer_linked_tickets",
        Callers::Staff(Right::Answer),
        PRIVATE,
    ),
    rule(
        "GET",
        "/v1/tickets/{ticket}/playbook",
        "show_playbook",
        Callers::Staff(Right::ReadTickets),
        VERSIONED,
    ),
    rule(
        "PUT",
        "/v1/tickets/{ticket}/playbook/answers",
        "answer_playbook",
        Callers::Staff(Right::ReadTickets),
        F {
            problem_statuses: &[409],
            ..VERSIONED
        },
    ),
    rule(
        "GET",
        "/v1/playbooks",
        "list_playbooks",
        Callers::Staff(Right::ReadPlaybooks),
        PRIVATE,
    ),
    rule(
        "GET",
        "/v1/playbooks/{playbook}/versions",
        "list_playbook_versions",
        Callers::Staff(Right::ReadPlaybooks),
        PRIVATE,
    ),
    rule(
        "GET",
        "/v1/playbooks/{playbook}/versions/{version}",
        "show_playbook_version",
        Callers::Staff(Right::ReadPlaybooks),
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/playbooks/{playbook}/versions",
        "propose_playbook",
        Callers::Staff(Right::ProposePlaybooks),
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/playbooks/{playbook}/versions/{version}/approvals",
        "approve_playbook",
        Callers::Staff(Right::KeepPlaybooks),
        F {
            problem_statuses: &[409],
            ..PRIVATE
        },
    ),
    rule(
        "POST",
        "/v1/playbooks/{playbook}/versions/{version}/simulations",
        "simulate_playbook",
        Callers::Staff(Right::KeepPlaybooks),
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/playbooks/{playbook}/versions/{version}/activations",
        "activate_playbook",
        Callers::Staff(Right::KeepPlaybooks),
        F {
            problem_statuses: &[409],
            ..PRIVATE
        },
    ),
    rule(
        "POST",
        "/v1/playbooks/{playbook}/versions/{version}/retirements",
        "retire_playbook",
        Callers::Staff(Right::KeepPlaybooks),
        F {
            problem_statuses: &[409],
            ..PRIVATE
        },
    ),
    rule(
        "GET",
        "/v1/reports/playbooks",
        "report_playbooks",
        Callers::Staff(Right::ReadReports),
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/bulk-actions",
        "act_on_tickets",
        Callers::Staff(Right::ReadTickets),
        F {
            location: true,
            ..PRIVATE
        },
    ),
    rule(
        "GET",
        "/v1/bulk-jobs/{job}",
        "show_bulk_job",
        Callers::Staff(Right::ReadTickets),
        PRIVATE,
    ),
    rule(
        "GET",
        "/v1/bulk-jobs/{job}/results",
        "list_bulk_results",
        Callers::Staff(Right::ReadTickets),
        PRIVATE,
    ),
    rule(
        "DELETE",
        "/v1/bulk-jobs/{job}",
        "cancel_bulk_job",
        Callers::Staff(Right::ReadTickets),
        PRIVATE,
    ),
    rule(
        "GET",
        "/v1/reply-templates",
        "list_reply_templates",
        Callers::Staff(Right::Work),
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/reply-templates",
        "create_reply_template",
        Callers::Staff(Right::KeepReplyTemplates),
        F {
            location: true,
            etag: true,
            ..PRIVATE
        },
    ),
    rule(
        "GET",
        "/v1/reply-templates/{reply_template}",
        "show_reply_template",
        Callers::Staff(Right::Work),
        VERSIONED,
    ),
    rule(
        "PUT",
        "/v1/reply-templates/{reply_template}",
        "change_reply_template",
        Callers::Staff(Right::KeepReplyTemplates),
        F {
            needs_if_match: true,
            ..VERSIONED
        },
    ),
    rule(
        "DELETE",
        "/v1/reply-templates/{reply_template}",
        "retire_reply_template",
        Callers::Staff(Right::KeepReplyTemplates),
        F {
            needs_if_match: true,
            ..PRIVATE
        },
    ),
    rule(
        "GET",
        "/v1/tickets/{ticket}/reply-templates",
        "list_fitting_reply_templates",
        Callers::Staff(Right::ReadTickets),
        PRIVATE,
    ),
    rule(
        "GET",
        "/v1/retention-schedules",
        "list_retention_schedules",
        Callers::Staff(Right::ReadRetention),
        PRIVATE,
    ),
    rule(
        "GET",
        "/v1/retention-schedules/{authority}",
        "show_retention_schedule",
        Callers::Staff(Right::ReadRetention),
        VERSIONED,
    ),
    rule(
        "PUT",
        "/v1/retention-schedules/{authority}",
        "change_retention_schedule",
        Callers::Staff(Right::KeepRetention),
        F {
            needs_if_match: true,
            ..VERSIONED
        },
    ),
    rule(
        "GET",
        "/v1/retention-runs",
        "list_retention_runs",
        Callers::Staff(Right::ReadRetention),
        PRIVATE,
    ),
    rule(
        "GET",
        "/v1/retention-runs/{run}",
        "show_retention_run",
        Callers::Staff(Right::ReadRetention),
        PRIVATE,
    ),
    rule(
        "GET",
        "/v1/legal-holds",
        "list_legal_holds",
        Callers::Staff(Right::KeepHolds),
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/legal-holds",
        "set_legal_hold",
        Callers::Staff(Right::KeepHolds),
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/legal-holds/{hold}/endings",
        "end_legal_hold",
        Callers::Staff(Right::KeepHolds),
        F {
            problem_statuses: &[409],
            ..PRIVATE
        },
    ),
    rule(
        "GET",
        "/v1/tickets/{ticket}/legal-holds",
        "list_ticket_holds",
        Callers::Staff(Right::KeepHolds),
        PRIVATE,
    ),
    rule(
        "POST",
        "/v1/tickets/{ticket}/legal-holds",
        "hold_ticket",
        Callers::Staff(Right::KeepHolds),
        PRIVATE,
    ),
];

/// The operations with query parameters, which read and refuse their own; all others take none.
pub const TAKES_QUERY: &[&str] = &[
    "list_tickets",
    "list_timeline",
    "list_disclosures",
    "list_break_glass_grants",
    "list_own_tickets",
    "list_own_accesses",
    "list_accounts",
    "list_webhook_endpoints",
    "list_webhook_deliveries",
    "list_changes",
    "list_deliveries",
    "list_contacts",
    "list_callbacks",
    "list_activities",
    "list_activity_changes",
    "list_reviews",
    "list_own_complaints",
    "list_own_subject_requests",
    "list_subject_requests",
    "list_complaints",
    "list_reply_schemes",
    "list_announcements",
    "list_linked_tickets",
    "list_routing_versions",
    "list_absences",
    "report_removals",
    "report_playbooks",
    "list_bulk_results",
    "list_reply_templates",
    "list_retention_runs",
    "list_legal_holds",
    "list_ticket_holds",
];

/// Operations that may be answered from a replica, to staff and to citizens (`docs/adr/0041`): lists,
/// searches, screens, counters and reports. None of them writes, but for its entry in the audit trail and
/// an answer that is kept.
pub const READ_FROM_REPLICA: &[&str] = &[
    "list_tickets",
    "find_tickets",
    "show_ticket",
    "list_timeline",
    "show_queues",
    "list_own_tickets",
    "show_own_ticket",
    "list_own_complaints",
    "show_own_complaint",
    "list_contacts",
    "show_contact",
    "list_callbacks",
    "show_callback",
    "list_reviews",
    "show_review",
    "list_complaints",
    "show_complaint",
    "list_activities",
    "show_activity",
    "list_announcements",
    "list_linked_tickets",
    "report_removals",
    "report_playbooks",
];

/// The lines of a routed path.
pub fn rules_of(path: &str) -> impl Iterator<Item = &'static Rule> {
    RULES.iter().filter(move |rule| rule.path == path)
}

/// The facts of all lines, for the published description.
pub fn facts() -> Vec<F> {
    RULES.iter().map(|rule| rule.facts).collect()
}

/// Whether programs may call an operation.
pub fn takes_programs(operation: &str) -> bool {
    let rule = RULES.iter().find(|rule| rule.operation == operation);
    rule.is_some_and(|rule| rule.scope.is_some())
}

/// Who may call an operation, in words for the published description.
pub fn in_words(operation: &str) -> Option<String> {
    let rule = RULES.iter().find(|rule| rule.operation == operation)?;
    let mut who = match rule.callers {
        Callers::Public => return None,
        Callers::Anyone => "Anybody; a token, if there is one, must be good".to_owned(),
        Callers::Programs => String::new(),
        Callers::SignedIn => "Staff, also before a placement is chosen".to_owned(),
        Callers::Requester => "The citizen, or the holder of the tracking link".to_owned(),
        Callers::Staff(right) => format!("Staff as {}", roles_with(right)),
        Callers::Readers => format!(
            "Staff as {}; as {} what a grant of theirs opens",
            roles_with(Right::ReadTickets),
            roles_with(Right::ReadUnderGrant)
        ),
    };
    if let Some(scope) = rule.scope {
        match who.is_empty() {
            true => who = format!("Programs with the scope `{scope}`"),
            false => who.push_str(&format!("; programs with the scope `{scope}`")),
        }
    }
    if rule.is_grave {
        who.push_str("; only shortly after a log-in");
    }
    Some(format!("Callers: {who}."))
}

fn roles_with(right: Right) -> String {
    let roles = Role::ALL.into_iter().filter(|role| has(*role, right));
    let roles: Vec<&str> = roles.map(Role::code).collect();
    roles.join(", ")
}

/// Pages of the program itself, outside the described API: public, and nothing personal.
pub const PAGES: &[&str] = &["/docs", "/docs/{file}", "/tracking", "/activation"];

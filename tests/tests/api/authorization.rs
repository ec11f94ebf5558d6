//! Who may call what: every operation of the policy table against every sort of caller, at their own
//! desk and at others.
//!
//! The rows below are `domain.md` §2.2 written down once more, by hand and apart from the program's own
//! matrix. A new operation without a row fails, and so does a row without an operation.

use api::policy::{RULES, Rule};
use domain::actor::Role;
use domain::ids::AccountId;
use reqwest::Method;
use serde_json::{Value, json};
use tests::app::{Options, TestApp};
use tests::citizens::{ANNA, LAURA, MARIO};
use tests::client::{Client, Request};
use tests::people::{CN1, REGION, TO4};
use tests::requester::Filed;
use tests::{both, files, forms};

/// Everybody who calls, and what sets them apart.
const CALLERS: &[&str] = &[
    "nobody",
    "owner",
    "another citizen",
    "tracking",
    "to4.operator",
    "to4.supervisor",
    "to4.admin",
    "cn1.operator",
    "cn1.supervisor",
    "cn1.admin",
    "region.operator",
    "region.supervisor",
    "technician",
    "system-admin",
    "auditor",
    "two.hats",
    "suspended operator",
    "operator who must change the password",
    "program without scopes for this",
    "program",
    "program for the owner",
    "program for another citizen",
    "program of an external tool",
    "revoked program",
];

/// What a row says of an operation's door.
enum Door {
    /// Open to all; a token is not looked at.
    Public,
    /// Open to all but tracking sessions and staff without a placement; a bad token is refused.
    Filing,
    /// Staff, with or without a placement.
    SignedIn,
    /// The requester's own list, or own ticket.
    Own {
        about_ticket: bool,
        scope: &'static str,
    },
    /// The complainant's own list, or a complaint that the owner filed; no program.
    OwnComplaints { about_one: bool },
    /// Staff who read tickets; about one, or none.
    Desks { about_ticket: bool },
    /// Staff who work the ticket's desk.
    Workers,
    /// The region, the technical desk, and the program of an external tool.
    Technical,
    /// Staff of the region and the technical desk.
    TechnicalStaff,
    /// The program of an external tool.
    Tool,
    /// These roles at the authority the call is about; elsewhere it is as if nothing were there.
    Keepers(&'static [&'static str], About),
}

/// What a keeper's call is about.
enum About {
    Nothing,
    /// An operator's account of TO4.
    Account {
        may_change: &'static [&'static str],
    },
    /// TO4 itself.
    Authority,
    /// Something of TO4's desk, which the region sees, too.
    Desk,
    /// An endpoint of TO4.
    Endpoint,
    /// Days on which an operator of TO4 is away.
    Absence,
    /// A job of an operator of TO4, which who leads the desk sees, too.
    Job,
    /// Words that TO4 keeps for itself.
    ReplyTemplate,
}

/// Who reads tickets.
const DESKS: &[&str] = &[
    "operator",
    "supervisor",
    "admin",
    "regional-operator",
    "regional-supervisor",
];
/// Who keeps accounts.
const KEEPERS: &[&str] = &["admin", "regional-supervisor", "system-admin"];
/// Who sees how far authorities are, and which rules for passwords hold.
const WATCHERS: &[&str] = &["admin", "regional-supervisor", "system-admin", "auditor"];

/// Who answers for messages that did not arrive.
const ANSWERABLE: &[&str] = &[
    "operator",
    "supervisor",
    "admin",
    "regional-operator",
    "regional-supervisor",
    "system-admin",
];
/// Who answers playbooks, and who writes them.
const PLAYBOOK_READERS: &[&str] = &[
    "operator",
    "supervisor",
    "regional-operator",
    "regional-supervisor",
    "system-admin",
];
/// Who reads counts over many requests.
const REPORT_READERS: &[&str] = &[
    "supervisor",
    "admin",
    "regional-operator",
    "regional-supervisor",
    "auditor",
];
/// Who asks the audit trail.
const TRAIL_READERS: &[&str] = &["admin", "regional-supervisor", "auditor"];
/// Who sees to it that due work is done, and which playbooks are in force.
const RUNNERS: &[&str] = &["regional-supervisor", "system-admin"];

/// Who reads how long data are kept, and who keeps some from going.
const READERS_OF_TERMS: &[&str] = &["regional-supervisor", "system-admin", "auditor"];
const HOLDERS: &[&str] = &["regional-supervisor", "auditor"];

/// Who reads the routing rules.
const READERS_OF_ROUTING: &[&str] = &[
    "supervisor",
    "admin",
    "regional-operator",
    "regional-supervisor",
    "system-admin",
    "auditor",
];

/// Who reads the words of mails, and who writes them.
const READERS_OF_WORDS: &[&str] = &["supervisor", "admin", "regional-supervisor", "system-admin"];
const WRITERS_OF_WORDS: &[&str] = &["admin", "regional-supervisor", "system-admin"];

/// Who sees and works technical activities.
const TECHNICAL_STAFF: &[&str] = &["regional-operator", "regional-supervisor", "technician"];

/// Who asks for an identity that is masked to them: whoever reads requests, and auditors.
const DISCLOSERS: &[&str] = &[
    "operator",
    "supervisor",
    "admin",
    "regional-operator",
    "regional-supervisor",
    "auditor",
];

/// Who talks to people, and who writes to all of them.
const TALKERS: &[&str] = &[
    "operator",
    "supervisor",
    "regional-operator",
    "regional-supervisor",
];
const ANNOUNCERS: &[&str] = &["supervisor", "admin", "regional-supervisor", "system-admin"];
/// Who writes the words that desks keep ready for notes.
const WRITERS_OF_REPLIES: &[&str] = &["supervisor", "regional-supervisor"];
/// Who takes requests out.
const REMOVERS: &[&str] = &["supervisor", "regional-supervisor"];
/// Who decides what colleagues settled.
const REVIEWERS: &[&str] = &["supervisor", "regional-supervisor"];
/// Who reads the register of complaints, who prepares a reply at an authority, and who decides it.
const REGISTER_READERS: &[&str] = &[
    "operator",
    "supervisor",
    "admin",
    "regional-operator",
    "regional-supervisor",
    "auditor",
];
const PREPARERS_OF_TO4: &[&str] = &["operator", "supervisor", "admin", "regional-supervisor"];
const DECIDERS: &[&str] = &["supervisor", "admin", "regional-supervisor"];
/// Who keeps the register of people's rights, and who is the second person there.
const OFFICER: &[&str] = &["auditor"];
const APPROVERS: &[&str] = &["regional-supervisor", "auditor"];
/// Everybody in a placement.
const ALL_STAFF: &[&str] = &[
    "operator",
    "supervisor",
    "admin",
    "regional-operator",
    "regional-supervisor",
    "technician",
    "system-admin",
    "auditor",
];

const ROWS: &[(&str, Door)] = &[
    ("show_status", Door::Public),
    ("show_liveness", Door::Public),
    ("show_readiness", Door::Public),
    ("show_metrics", Door::Public),
    ("show_description_yaml", Door::Public),
    ("show_description_json", Door::Public),
    ("show_problem", Door::Public),
    ("list_services", Door::Public),
    ("show_form", Door::Public),
    ("list_authorities", Door::Public),
    ("list_calendars", Door::Public),
    ("show_calendar", Door::Public),
    ("export_calendar", Door::Public),
    ("start_email_proof", Door::Public),
    ("verify_email_proof", Door::Public),
    ("open_session", Door::Public),
    ("refresh_session", Door::Public),
    ("open_tracking_session", Door::Public),
    ("open_federated_session", Door::Public),
    ("activate_account", Door::Public),
    ("change_password", Door::Public),
    ("recover_password", Door::Public),
    ("issue_client_token", Door::Public),
    ("file_ticket", Door::Filing),
    ("choose_placement", Door::SignedIn),
    ("close_session", Door::SignedIn),
    ("show_me", Door::SignedIn),
    ("show_credential", Door::SignedIn),
    ("keep_security_answers", Door::SignedIn),
    ("start_second_factor", Door::SignedIn),
    ("confirm_second_factor", Door::SignedIn),
    (
        "list_own_tickets",
        Door::Own {
            about_ticket: false,
            scope: "requests:read",
        },
    ),
    (
        "show_own_ticket",
        Door::Own {
            about_ticket: true,
            scope: "requests:read",
        },
    ),
    (
        "list_own_accesses",
        Door::Own {
            about_ticket: true,
            scope: "requests:read",
        },
    ),
    ("search_audit", Door::Keepers(TRAIL_READERS, About::Nothing)),
    (
        "download_own_attachment",
        Door::Own {
            about_ticket: true,
            scope: "requests:read",
        },
    ),
    (
        "add_message",
        Door::Own {
            about_ticket: true,
            scope: "requests:reply",
        },
    ),
    (
        "withdraw_ticket",
        Door::Own {
            about_ticket: true,
            scope: "requests:reply",
        },
    ),
    (
        "nudge_ticket",
        Door::Own {
            about_ticket: true,
            scope: "requests:reply",
        },
    ),
    (
        "list_tickets",
        Door::Desks {
            about_ticket: false,
        },
    ),
    (
        "find_tickets",
        Door::Desks {
            about_ticket: false,
        },
    ),
    (
        "show_queues",
        Door::Desks {
            about_ticket: false,
        },
    ),
    (
        "list_assignees",
        Door::Desks {
            about_ticket: false,
        },
    ),
    (
        "show_assignment_settings",
        Door::Desks {
            about_ticket: false,
        },
    ),
    (
        "change_assignment_settings",
        Door::Keepers(
            &["supervisor", "admin", "regional-supervisor"],
            About::Nothing,
        ),
    ),
    (
        "list_absences",
        Door::Desks {
            about_ticket: false,
        },
    ),
    (
        "add_absence",
        Door::Desks {
            about_ticket: false,
        },
    ),
    // The one that is called for here is the operator's own: for their supervisor and administrator it is
    // there as well, and for nobody else.
    ("end_absence", Door::Keepers(DESKS, About::Absence)),
    (
        "report_removals",
        Door::Keepers(REPORT_READERS, About::Nothing),
    ),
    ("show_ticket", Door::Desks { about_ticket: true }),
    ("edit_ticket", Door::Workers),
    ("list_timeline", Door::Desks { about_ticket: true }),
    ("act_on_ticket", Door::Workers),
    ("add_ticket_link", Door::Workers),
    ("remove_ticket_link", Door::Workers),
    ("merge_ticket", Door::Keepers(REMOVERS, About::Desk)),
    ("undo_merge", Door::Keepers(REMOVERS, About::Desk)),
    ("download_attachment", Door::Desks { about_ticket: true }),
    ("disclose_identity", Door::Keepers(DISCLOSERS, About::Desk)),
    (
        "inspect_ticket",
        Door::Keepers(&["auditor"], About::Nothing),
    ),
    (
        "list_disclosures",
        Door::Keepers(&["auditor"], About::Nothing),
    ),
    (
        "list_break_glass_grants",
        Door::Keepers(
            &["regional-supervisor", "system-admin", "auditor"],
            About::Nothing,
        ),
    ),
    (
        "ask_break_glass",
        Door::Keepers(&["system-admin"], About::Nothing),
    ),
    // The one that is called for here was asked for by another system administrator.
    (
        "approve_break_glass",
        Door::Keepers(RUNNERS, About::Nothing),
    ),
    ("end_break_glass", Door::Keepers(RUNNERS, About::Nothing)),
    ("show_playbook", Door::Desks { about_ticket: true }),
    ("answer_playbook", Door::Workers),
    (
        "list_playbooks",
        Door::Keepers(PLAYBOOK_READERS, About::Nothing),
    ),
    (
        "list_playbook_versions",
        Door::Keepers(PLAYBOOK_READERS, About::Nothing),
    ),
    (
        "show_playbook_version",
        Door::Keepers(PLAYBOOK_READERS, About::Nothing),
    ),
    (
        "propose_playbook",
        Door::Keepers(
            &["supervisor", "regional-supervisor", "system-admin"],
            About::Nothing,
        ),
    ),
    ("approve_playbook", Door::Keepers(RUNNERS, About::Nothing)),
    ("simulate_playbook", Door::Keepers(RUNNERS, About::Nothing)),
    ("activate_playbook", Door::Keepers(RUNNERS, About::Nothing)),
    ("retire_playbook", Door::Keepers(RUNNERS, About::Nothing)),
    (
        "report_playbooks",
        Door::Keepers(REPORT_READERS, About::Nothing),
    ),
    ("list_accounts", Door::Keepers(KEEPERS, About::Nothing)),
    ("create_account", Door::Keepers(KEEPERS, About::Nothing)),
    (
        "show_account",
        Door::Keepers(
            KEEPERS,
            About::Account {
                may_change: KEEPERS,
            },
        ),
    ),
    (
        "place_account",
        Door::Keepers(
            KEEPERS,
            About::Account {
                may_change: &["admin"],
            },
        ),
    ),
    (
        "step_account",
        Door::Keepers(
            KEEPERS,
            About::Account {
                may_change: &["admin"],
            },
        ),
    ),
    (
        "list_authority_setups",
        Door::Keepers(WATCHERS, About::Nothing),
    ),
    (
        "show_authority_setup",
        Door::Keepers(WATCHERS, About::Authority),
    ),
    (
        "take_setup_step",
        Door::Keepers(&["admin"], About::Authority),
    ),
    ("hand_over_admin", Door::Keepers(KEEPERS, About::Authority)),
    (
        "list_changes",
        Door::Desks {
            about_ticket: false,
        },
    ),
    (
        "follow_events",
        Door::Desks {
            about_ticket: false,
        },
    ),
    ("list_deliveries", Door::Keepers(ANSWERABLE, About::Nothing)),
    ("step_delivery", Door::Keepers(ANSWERABLE, About::Nothing)),
    (
        "show_notification_settings",
        Door::Keepers(KEEPERS, About::Authority),
    ),
    (
        "change_notification_settings",
        Door::Keepers(KEEPERS, About::Authority),
    ),
    (
        "show_privacy_settings",
        Door::Keepers(WATCHERS, About::Authority),
    ),
    (
        "change_privacy_settings",
        Door::Keepers(&["admin", "system-admin"], About::Authority),
    ),
    (
        "show_notification_preferences",
        Door::Desks {
            about_ticket: false,
        },
    ),
    (
        "change_notification_preferences",
        Door::Desks {
            about_ticket: false,
        },
    ),
    (
        "list_retention_schedules",
        Door::Keepers(READERS_OF_TERMS, About::Nothing),
    ),
    (
        "show_retention_schedule",
        Door::Keepers(READERS_OF_TERMS, About::Nothing),
    ),
    (
        "change_retention_schedule",
        Door::Keepers(RUNNERS, About::Nothing),
    ),
    (
        "list_retention_runs",
        Door::Keepers(READERS_OF_TERMS, About::Nothing),
    ),
    (
        "show_retention_run",
        Door::Keepers(READERS_OF_TERMS, About::Nothing),
    ),
    ("list_legal_holds", Door::Keepers(HOLDERS, About::Nothing)),
    ("set_legal_hold", Door::Keepers(HOLDERS, About::Nothing)),
    ("end_legal_hold", Door::Keepers(HOLDERS, About::Nothing)),
    ("list_ticket_holds", Door::Keepers(HOLDERS, About::Nothing)),
    ("hold_ticket", Door::Keepers(HOLDERS, About::Nothing)),
    ("show_scheduler", Door::Keepers(RUNNERS, About::Nothing)),
    ("resume_scheduler", Door::Keepers(RUNNERS, About::Nothing)),
    (
        "list_password_policies",
        Door::Keepers(WATCHERS, About::Nothing),
    ),
    (
        "list_sla_policies",
        Door::Keepers(
            &[
                "supervisor",
                "admin",
                "regional-supervisor",
                "system-admin",
                "auditor",
            ],
            About::Nothing,
        ),
    ),
    (
        "add_sla_policy",
        Door::Keepers(&["regional-supervisor", "system-admin"], About::Nothing),
    ),
    (
        "list_routing_versions",
        Door::Keepers(READERS_OF_ROUTING, About::Nothing),
    ),
    (
        "show_routing_version",
        Door::Keepers(READERS_OF_ROUTING, About::Nothing),
    ),
    (
        "preview_routing",
        Door::Keepers(READERS_OF_ROUTING, About::Nothing),
    ),
    (
        "add_routing_version",
        Door::Keepers(RUNNERS, About::Nothing),
    ),
    (
        "list_message_templates",
        Door::Keepers(READERS_OF_WORDS, About::Nothing),
    ),
    (
        "show_message_template",
        Door::Keepers(READERS_OF_WORDS, About::Nothing),
    ),
    (
        "override_message_template",
        Door::Keepers(WRITERS_OF_WORDS, About::Nothing),
    ),
    (
        "restore_message_template",
        Door::Keepers(WRITERS_OF_WORDS, About::Nothing),
    ),
    (
        "preview_message_template",
        Door::Keepers(READERS_OF_WORDS, About::Nothing),
    ),
    ("list_contacts", Door::Keepers(TALKERS, About::Nothing)),
    ("log_contact", Door::Keepers(TALKERS, About::Nothing)),
    ("show_contact", Door::Keepers(TALKERS, About::Desk)),
    ("link_contact", Door::Keepers(TALKERS, About::Desk)),
    ("list_callbacks", Door::Keepers(TALKERS, About::Nothing)),
    ("plan_callback", Door::Keepers(TALKERS, About::Nothing)),
    ("show_callback", Door::Keepers(TALKERS, About::Desk)),
    ("attempt_callback", Door::Keepers(TALKERS, About::Desk)),
    ("cancel_callback", Door::Keepers(TALKERS, About::Desk)),
    ("list_activities", Door::Technical),
    ("show_activity", Door::Technical),
    ("edit_activity", Door::TechnicalStaff),
    ("comment_activity", Door::Technical),
    ("report_activity", Door::Tool),
    ("list_activity_changes", Door::Tool),
    ("list_technical_catalogue", Door::Technical),
    (
        "request_review",
        Door::Own {
            about_ticket: true,
            scope: "requests:reply",
        },
    ),
    (
        "list_reviews",
        Door::Desks {
            about_ticket: false,
        },
    ),
    ("show_review", Door::Keepers(DESKS, About::Desk)),
    ("take_review", Door::Keepers(REVIEWERS, About::Desk)),
    ("decide_review", Door::Keepers(REVIEWERS, About::Desk)),
    (
        "list_own_complaints",
        Door::OwnComplaints { about_one: false },
    ),
    ("file_complaint", Door::OwnComplaints { about_one: false }),
    (
        "show_own_complaint",
        Door::OwnComplaints { about_one: true },
    ),
    (
        "list_own_subject_requests",
        Door::OwnComplaints { about_one: false },
    ),
    (
        "ask_about_own_data",
        Door::OwnComplaints { about_one: false },
    ),
    // The one that is called for here is the owner's, who comes first.
    ("fetch_own_export", Door::OwnComplaints { about_one: true }),
    ("fetch_export", Door::Public),
    (
        "list_subject_requests",
        Door::Keepers(APPROVERS, About::Nothing),
    ),
    (
        "show_subject_request",
        Door::Keepers(APPROVERS, About::Nothing),
    ),
    (
        "show_rights_report",
        Door::Keepers(APPROVERS, About::Nothing),
    ),
    ("approve_export", Door::Keepers(APPROVERS, About::Nothing)),
    ("approve_erasure", Door::Keepers(APPROVERS, About::Nothing)),
    (
        "enter_subject_request",
        Door::Keepers(OFFICER, About::Nothing),
    ),
    (
        "step_subject_request",
        Door::Keepers(OFFICER, About::Nothing),
    ),
    ("start_export", Door::Keepers(OFFICER, About::Nothing)),
    ("create_export_link", Door::Keepers(OFFICER, About::Nothing)),
    ("start_erasure", Door::Keepers(OFFICER, About::Nothing)),
    ("review_mention", Door::Keepers(OFFICER, About::Nothing)),
    (
        "restrict_processing",
        Door::Keepers(OFFICER, About::Nothing),
    ),
    ("lift_restriction", Door::Keepers(OFFICER, About::Nothing)),
    ("rectify_data", Door::Keepers(OFFICER, About::Nothing)),
    (
        "list_complaints",
        Door::Keepers(REGISTER_READERS, About::Nothing),
    ),
    ("enter_complaint", Door::Keepers(DESKS, About::Nothing)),
    (
        "show_complaint",
        Door::Keepers(REGISTER_READERS, About::Desk),
    ),
    (
        "describe_complaint",
        Door::Keepers(PREPARERS_OF_TO4, About::Desk),
    ),
    (
        "step_complaint",
        Door::Keepers(PREPARERS_OF_TO4, About::Desk),
    ),
    (
        "register_protocol",
        Door::Keepers(PREPARERS_OF_TO4, About::Desk),
    ),
    ("preview_reply", Door::Keepers(DESKS, About::Desk)),
    ("draft_reply", Door::Keepers(PREPARERS_OF_TO4, About::Desk)),
    ("send_reply", Door::Keepers(DECIDERS, About::Desk)),
    ("extend_complaint", Door::Keepers(DECIDERS, About::Desk)),
    (
        "list_reply_schemes",
        Door::Keepers(REGISTER_READERS, About::Nothing),
    ),
    (
        "draft_reply_scheme",
        Door::Keepers(DECIDERS, About::Nothing),
    ),
    (
        "show_reply_scheme",
        Door::Keepers(REGISTER_READERS, About::Desk),
    ),
    (
        "approve_reply_scheme",
        Door::Keepers(&["admin", "regional-supervisor"], About::Desk),
    ),
    (
        "list_announcements",
        Door::Keepers(ANNOUNCERS, About::Nothing),
    ),
    (
        "create_announcement",
        Door::Keepers(ANNOUNCERS, About::Nothing),
    ),
    ("edit_announcement", Door::Keepers(ANNOUNCERS, About::Desk)),
    // The one that is called for here is for everybody.
    (
        "show_announcement",
        Door::Keepers(ALL_STAFF, About::Nothing),
    ),
    (
        "acknowledge_announcement",
        Door::Keepers(ALL_STAFF, About::Nothing),
    ),
    (
        "list_linked_tickets",
        Door::Desks {
            about_ticket: false,
        },
    ),
    ("link_tickets", Door::Keepers(TALKERS, About::Nothing)),
    (
        "answer_linked_tickets",
        Door::Keepers(TALKERS, About::Nothing),
    ),
    (
        "act_on_tickets",
        Door::Desks {
            about_ticket: false,
        },
    ),
    ("show_bulk_job", Door::Keepers(DESKS, About::Job)),
    ("list_bulk_results", Door::Keepers(DESKS, About::Job)),
    ("cancel_bulk_job", Door::Keepers(DESKS, About::Job)),
    (
        "list_reply_templates",
        Door::Keepers(TALKERS, About::Nothing),
    ),
    (
        "create_reply_template",
        Door::Keepers(WRITERS_OF_REPLIES, About::Nothing),
    ),
    (
        "show_reply_template",
        Door::Keepers(TALKERS, About::ReplyTemplate),
    ),
    (
        "change_reply_template",
        Door::Keepers(WRITERS_OF_REPLIES, About::ReplyTemplate),
    ),
    (
        "retire_reply_template",
        Door::Keepers(WRITERS_OF_REPLIES, About::ReplyTemplate),
    ),
    (
        "list_fitting_reply_templates",
        Door::Desks { about_ticket: true },
    ),
    (
        "list_webhook_endpoints",
        Door::Keepers(KEEPERS, About::Nothing),
    ),
    (
        "create_webhook_endpoint",
        Door::Keepers(KEEPERS, About::Nothing),
    ),
    (
        "show_webhook_endpoint",
        Door::Keepers(KEEPERS, About::Endpoint),
    ),
    (
        "edit_webhook_endpoint",
        Door::Keepers(KEEPERS, About::Endpoint),
    ),
    (
        "end_webhook_endpoint",
        Door::Keepers(KEEPERS, About::Endpoint),
    ),
    (
        "rotate_webhook_secret",
        Door::Keepers(KEEPERS, About::Endpoint),
    ),
    (
        "test_webhook_endpoint",
        Door::Keepers(KEEPERS, About::Endpoint),
    ),
    (
        "list_webhook_deliveries",
        Door::Keepers(KEEPERS, About::Endpoint),
    ),
    (
        "retry_webhook_delivery",
        Door::Keepers(KEEPERS, About::Endpoint),
    ),
];

/// How a call ends at the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Let in; what follows is the operation's affair.
    In,
    /// 401.
    Unauthenticated,
    /// 403.
    Forbidden,
    /// 404, as if it were not there.
    Hidden,
}

impl Outcome {
    fn of(status: u16) -> Self {
        match status {
            401 => Outcome::Unauthenticated,
            403 => Outcome::Forbidden,
            404 => Outcome::Hidden,
            _ => Outcome::In,
        }
    }
}

/// The role and desk a caller acts in, if they act in one.
fn placement(caller: &str) -> Option<(&'static str, &'static str)> {
    Some(match caller {
        "to4.operator" => ("operator", TO4),
        "to4.supervisor" => ("supervisor", TO4),
        "to4.admin" => ("admin", TO4),
        "cn1.operator" => ("operator", CN1),
        "cn1.supervisor" => ("supervisor", CN1),
        "cn1.admin" => ("admin", CN1),
        "region.operator" => ("regional-operator", REGION),
        "region.supervisor" => ("regional-supervisor", REGION),
        "technician" => ("technician", tests::people::TECHNICAL),
        "system-admin" => ("system-admin", REGION),
        "auditor" => ("auditor", REGION),
        _ => return None,
    })
}

fn expected(caller: &str, door: &Door) -> Outcome {
    use Outcome::{Forbidden, Hidden, In, Unauthenticated};
    if matches!(door, Door::Public) {
        return In;
    }
    if matches!(caller, "suspended operator" | "revoked program") {
        return Unauthenticated;
    }
    let is_restricted = matches!(caller, "two.hats" | "operator who must change the password");
    let is_staff = is_restricted || placement(caller).is_some();
    match door {
        Door::Public => In,
        Door::Filing => match caller {
            "technician" | "system-admin" | "auditor" => Forbidden,
            "tracking" | "program without scopes for this" => Forbidden,
            "program of an external tool" => Forbidden,
            _ if is_restricted => Forbidden,
            _ => In,
        },
        _ if caller == "nobody" => Unauthenticated,
        Door::SignedIn => match is_staff {
            true => In,
            false => Forbidden,
        },
        Door::Own {
            about_ticket,
            scope,
        } => match caller {
            "owner" | "program for the owner" | "tracking" => In,
            "another citizen" | "program for another citizen" if *about_ticket => Hidden,
            "another citizen" | "program for another citizen" => In,
            _ => {
                assert!(!scope.is_empty());
                Forbidden
            }
        },
        Door::OwnComplaints { about_one } => match caller {
            "owner" => In,
            "another citizen" | "tracking" if *about_one => Hidden,
            "another citizen" | "tracking" => In,
            _ => Forbidden,
        },
        Door::Desks { about_ticket } => match placement(caller) {
            Some((role, desk)) if DESKS.contains(&role) => match *about_ticket && desk == CN1 {
                true => Hidden,
                false => In,
            },
            _ => Forbidden,
        },
        // Whoever may read it and is not of its desk, or works no tickets, may not write.
        Door::Workers => match placement(caller) {
            Some(("operator" | "supervisor", TO4)) => In,
            Some((role, desk)) if DESKS.contains(&role) && desk == CN1 => Hidden,
            _ => Forbidden,
        },
        Door::Technical | Door::TechnicalStaff | Door::Tool => {
            let is_theirs = match placement(caller) {
                Some((role, _)) => TECHNICAL_STAFF.contains(&role) && !matches!(door, Door::Tool),
                None => {
                    caller == "program of an external tool" && !matches!(door, Door::TechnicalStaff)
                }
            };
            match is_theirs {
                true => In,
                false => Forbidden,
            }
        }
        Door::Keepers(roles, about) => match (placement(caller), about) {
            (Some((role, _)), _) if !roles.contains(&role) => Forbidden,
            (None, _) => Forbidden,
            (Some(_), About::Nothing) => In,
            (Some(("operator" | "supervisor", TO4)), About::Job | About::ReplyTemplate) => In,
            (Some(_), About::Job | About::ReplyTemplate) => Hidden,
            (Some((_, CN1)), About::Desk) => Hidden,
            (Some(_), About::Desk) => In,
            (Some(("admin", desk)), _) if desk != TO4 => Hidden,
            (Some(_), About::Authority) => In,
            // The region keeps its own endpoints alone.
            (Some(("regional-supervisor", _)), About::Endpoint) => Hidden,
            (Some(_), About::Endpoint) => In,
            (Some((_, TO4)), About::Absence) => In,
            (Some(_), About::Absence) => Hidden,
            // An operator of an authority is none of the region's accounts.
            (Some(("regional-supervisor", _)), About::Account { .. }) => Hidden,
            (Some((role, _)), About::Account { may_change }) => match may_change.contains(&role) {
                true => In,
                false => Forbidden,
            },
        },
    }
}

#[test]
fn every_operation_has_a_row_and_every_row_an_operation() {
    let rows: Vec<&str> = ROWS.iter().map(|(operation, _)| *operation).collect();
    let operations: Vec<&str> = RULES.iter().map(|rule| rule.operation).collect();
    let missing: Vec<_> = operations
        .iter()
        .filter(|one| !rows.contains(one))
        .collect();
    let stale: Vec<_> = rows
        .iter()
        .filter(|one| !operations.contains(one))
        .collect();
    assert!(
        missing.is_empty() && stale.is_empty(),
        "without a row: {missing:?}; stale: {stale:?}"
    );
}

/// Many proofs of one address and filings of one person, which the caps would refuse, and a second
/// factor for those who lead.
pub(super) fn without_caps() -> Options {
    let mut options = Options::default();
    options.settings.email_proof.per_hour = 10_000;
    options.settings.email_proof.per_day = 10_000;
    options.settings.quotas.filings_per_day = 10_000;
    // Without somebody to tell there is no break-glass.
    options.settings.privacy.officer_email =
        domain::email::EmailAddress::parse("dpo@example.org").ok();
    options
}

both!(
    every_operation_answers_every_caller_as_the_table_says,
    without_caps(),
    async |app| {
        let stage = Stage::set(app).await;
        let mut wrong = Vec::new();
        let mut cells = 0;
        for (operation, door) in ROWS {
            let rule = RULES
                .iter()
                .find(|rule| rule.operation == *operation)
                .expect("a rule");
            // Fresh tickets for each operation: some of them change what they meet.
            let owned = app
                .file_as(
                    &ANNA,
                    &forms::report_not_found_logged_in(TO4),
                    &[files::pdf(900)],
                )
                .await;
            let tracked = app
                .file_anonymous(&forms::report_not_found(&MARIO, TO4), &[files::pdf(900)])
                .await;
            for caller in CALLERS {
                let ticket = if *caller == "tracking" {
                    &tracked
                } else {
                    &owned
                };
                let request = stage.request(app, caller, rule, ticket, &tracked).await;
                let got = Outcome::of(request.send().await.status);
                let wanted = match (*operation, *caller) {
                    // Let in, and told that the policy of the place has no questions.
                    ("keep_security_answers", _) if expected(caller, door) == Outcome::In => {
                        Outcome::In
                    }
                    // Let in, and told that no run has this id: none has run.
                    ("show_retention_run", _) if expected(caller, door) == Outcome::In => {
                        Outcome::Hidden
                    }
                    _ => expected(caller, door),
                };
                cells += 1;
                if got != wanted {
                    wrong.push(format!("{operation} by {caller}: {got:?}, not {wanted:?}"));
                }
            }
        }
        assert!(
            wrong.is_empty(),
            "{} of {cells} cells:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
        println!(
            "{cells} cells, {} operations by {} callers",
            ROWS.len(),
            CALLERS.len()
        );
    }
);

/// What stays the same while the operations are called.
pub(super) struct Stage {
    account: AccountId,
    endpoint: String,
    delivery: String,
    program: String,
    program_without_scopes: String,
    tool: String,
    activity: String,
    revoked_program: String,
    contact: String,
    callback: String,
    review: String,
    complaint: String,
    scheme: String,
    announcement: String,
    own_announcement: String,
    absence: String,
    job: String,
    reply_template: String,
    grant: String,
    own_request: String,
    subject_request: String,
    export: String,
    erasure: String,
    mention: String,
}

impl Stage {
    pub(super) async fn set(app: &TestApp) -> Stage {
        let placement = |desk: &str| {
            let unit = format!("{desk}-01");
            [(Role::Operator, desk.into(), unit.clone(), unit)]
        };
        for username in ["to4.leaver", "to4.late"] {
            let label = tests::people::label_of(username);
            app.desk
                .add_account(username, &label, tests::people::PASSWORD, &placement(TO4))
                .expect("an account");
        }
        let unit = format!("{REGION}-01");
        let placement = [(Role::SystemAdmin, REGION.into(), unit.clone(), unit)];
        app.desk
            .add_account(
                "other.admin",
                "Altra persona",
                tests::people::PASSWORD,
                &placement,
            )
            .expect("an account");
        let colleague = app.as_("to4.colleague").await.get("/v1/me").await;
        let program = app
            .program(&["requests:create", "requests:read", "requests:reply"])
            .await;
        let without = app.program(&["requests:read"]).await;
        let tool = app.program(&["activities:sync"]).await;
        let activity = super::activities::open(app, &super::activities::activity()).await;
        let revoked = app.program(&["requests:create"]).await;
        app.desk.revoke_client(revoked.id).expect("it is revoked");
        let operator = app.as_("to4.operator").await;
        let contact = json!({"channel": "phone", "direction": "inbound", "outcome": "answered"});
        let callback = json!({
            "phone": "333 1234567", "reason": "Prova", "sms_allowed": false,
            "wished": {"from": "2026-03-02T09:00:00Z", "to": "2030-03-02T11:00:00Z"},
        });
        let announcement = |authorities: &[&str]| {
            json!({
                "title": {"it": "Avviso", "en": "Notice"}, "body": {"it": "Testo", "en": "Text"},
                "kind": "known-issue", "acknowledgement_required": false,
                "audience": {"authorities": authorities, "citizens": false},
                "valid_from": "2026-03-01T00:00:00Z", "valid_to": "2030-03-01T00:00:00Z",
            })
        };
        let post = async |client: &Client, path: &str, body: &Value| {
            let reply = client.post(path, body).await;
            reply.is(201).text_at("/id").to_owned()
        };
        let (region, supervisor) = (
            app.as_("region.supervisor").await,
            app.as_("to4.supervisor").await,
        );
        let admin = app.as_("to4.admin").await;
        let endpoint =
            json!({"url": "http://receiver.test:9/", "label": "Prova", "event_types": ["*"]});
        let endpoint = admin.post("/v1/webhook-endpoints", &endpoint).await;
        let endpoint = endpoint.is(201).text_at("/endpoint/id").to_owned();
        let tests = format!("/v1/webhook-endpoints/{endpoint}/test-deliveries");
        let delivery = admin.post(&tests, &json!({})).await;
        let items: Vec<Value> = (0..101)
            .map(|n| json!({"ticket": format!("nothing {n}"), "version": 1}))
            .collect();
        let job = json!({"items": items, "action": {"action": "take"}});
        let job = operator.post("/v1/bulk-actions", &job).await;
        let contested = forms::report_not_found_logged_in(TO4);
        let contested = app.file_as(&ANNA, &contested, &[]).await;
        let resolve = json!({"action": "resolve", "resolution_code": "information-given",
            "note": {"body": "Ecco come fare.", "published": true}});
        operator.act(&contested.id, &resolve).await.is(201);
        let reason = json!({"reason": "Non funziona."});
        let anna = app.citizen(&ANNA);
        let asked = anna.post(&contested.own_path("/reviews"), &reason).await;
        asked.is(201);
        let reviews = operator.get("/v1/reviews").await;
        let complaint = json!({"authority_code": TO4, "subject": "Attesa", "text": "Troppa."});
        let complaint = post(&anna, "/v1/me/complaints", &complaint).await;
        let words = json!({"it": "Ci scusiamo.", "en": "We are sorry."});
        let scheme = json!({"code": "scuse", "label": "Scuse", "body": words});
        let (own_request, export) = owned_export(app, &anna).await;
        let (subject_request, erasure, mention) = found_mention(app).await;
        Stage {
            own_request,
            subject_request,
            export,
            erasure,
            mention,
            absence: post(
                &operator,
                "/v1/absences",
                &json!({"from": "2026-03-02", "to": "2026-03-06"}),
            )
            .await,
            job: job.is(202).text_at("/id").to_owned(),
            grant: post(
                &app.as_("other.admin").await,
                "/v1/break-glass-grants",
                &break_glass(),
            )
            .await,
            reply_template: post(&supervisor, "/v1/reply-templates", &reply_template()).await,
            complaint,
            scheme: post(&supervisor, "/v1/complaint-reply-schemes", &scheme).await,
            review: reviews.text_at("/items/0/id").to_owned(),
            contact: post(&operator, "/v1/contacts", &contact).await,
            callback: post(&operator, "/v1/callbacks", &callback).await,
            announcement: post(&region, "/v1/announcements", &announcement(&[])).await,
            own_announcement: post(&supervisor, "/v1/announcements", &announcement(&[TO4])).await,
            endpoint,
            delivery: delivery.is(201).text_at("/id").to_owned(),
            account: colleague.text_at("/id").parse().expect("an id"),
            program: program.token,
            program_without_scopes: without.token,
            tool: tool.token,
            activity: activity.id,
            revoked_program: revoked.token,
        }
    }

    pub(super) async fn request(
        &self,
        app: &TestApp,
        caller: &str,
        rule: &Rule,
        ticket: &Filed,
        tracked: &Filed,
    ) -> Request {
        if rule.operation == "remove_ticket_link" {
            // What is to be taken away; the one before may have left it.
            let operator = app.as_("to4.operator").await;
            let seen = operator.screen(&ticket.id).await;
            let link = operator.request(Method::POST, &ticket.staff_path("/links"));
            let body = json!({"ticket": tracked.number});
            link.if_match(seen.etag()).json(&body).send().await;
        }
        let client = self.client(app, caller, rule, tracked).await;
        let request = self
            .addressed(app, &client, caller, rule, ticket, tracked)
            .await;
        match caller {
            "program for the owner" => request.header("citizen-token", app.citizen(&ANNA).token()),
            "program for another citizen" => {
                request.header("citizen-token", app.citizen(&MARIO).token())
            }
            _ => request,
        }
    }

    /// Somebody who logged in just now: some operations end the session.
    async fn client(&self, app: &TestApp, caller: &str, rule: &Rule, tracked: &Filed) -> Client {
        match caller {
            "nobody" => app.anonymous(),
            "owner" => app.citizen(&ANNA),
            "another citizen" => app.citizen(&MARIO),
            "tracking" => app.tracking(tracked).await,
            "suspended operator" => {
                app.set_state("to4.leaver", "active");
                let client = app.as_("to4.leaver").await;
                app.set_state("to4.leaver", "suspended");
                client
            }
            "operator who must change the password" => {
                app.set_state("to4.late", "active");
                let client = app.as_("to4.late").await;
                app.set_state("to4.late", "must-change");
                client
            }
            "program without scopes for this" if rule.scope == Some("requests:read") => {
                app.with_token(app.program(&["requests:create"]).await.token)
            }
            "program without scopes for this" => app.with_token(&self.program_without_scopes),
            "revoked program" => app.with_token(&self.revoked_program),
            "program of an external tool" => app.with_token(&self.tool),
            "program" | "program for the owner" | "program for another citizen" => {
                app.with_token(&self.program)
            }
            username => app.as_(username).await,
        }
    }

    async fn addressed(
        &self,
        app: &TestApp,
        client: &Client,
        caller: &str,
        rule: &Rule,
        ticket: &Filed,
        tracked: &Filed,
    ) -> Request {
        let screen = app.as_("to4.operator").await.screen(&ticket.id).await;
        let file = screen
            .json
            .pointer("/attachments/0/id")
            .and_then(Value::as_str)
            .expect("a file")
            .to_owned();
        let path = rule
            .path
            .replace("{ticket}", &ticket.id)
            .replace("{other}", &tracked.id)
            .replace("{attachment}", &file)
            .replace("{slug}", "not-found")
            .replace("{service}", "FSE")
            .replace("{calendar}", "desks")
            .replace("{playbook}", "PB-2")
            .replace("{version}", "1")
            .replace("{account}", &self.account.to_string())
            .replace("{authority}", TO4)
            .replace("{endpoint}", &self.endpoint)
            .replace("{delivery}", &self.delivery)
            .replace("{template}", "receipt")
            .replace("{language}", "it")
            .replace("{version}", "1")
            .replace("{absence}", &self.absence)
            .replace("{job}", &self.job)
            .replace("{reply_template}", &self.reply_template)
            .replace(
                "{request}",
                match rule.path.contains("export") {
                    true => &self.own_request,
                    false => &self.subject_request,
                },
            )
            .replace("{export}", &self.export)
            .replace("{erasure}", &self.erasure)
            .replace("{mention}", &self.mention)
            .replace("{contact}", &self.contact)
            .replace("{callback}", &self.callback)
            .replace("{activity}", &self.activity)
            .replace("{review}", &self.review)
            .replace("{grant}", &self.grant)
            .replace("{complaint}", &self.complaint)
            .replace("{scheme}", &self.scheme)
            .replace(
                "{announcement}",
                match rule.operation {
                    "edit_announcement" => &self.own_announcement,
                    _ => &self.announcement,
                },
            )
            .replace("{delivery}", "01990000-0000-7000-8000-000000000000")
            .replace("{hold}", "01990000-0000-7000-8000-000000000000")
            .replace("{run}", "01990000-0000-7000-8000-000000000000")
            .replace("{proof}", "01990000-0000-7000-8000-000000000000");
        let method = Method::from_bytes(rule.method.as_bytes()).expect("a method");
        let mut request = client.request(method, &path);
        if rule.facts.needs_if_match {
            // Nothing but a ticket changes while the table is read: nothing else has this version.
            let is_ticket = rule.path.contains("{ticket}");
            request = request.if_match(if is_ticket { screen.etag() } else { "\"999\"" });
        }
        if rule.operation == "follow_events" {
            // A stream would not end; where it is to go on is read behind the door.
            request = request.header("last-event-id", "somewhere");
        }
        match (rule.method, body(caller, rule)) {
            ("PATCH", _) => request.body("application/merge-patch+json", "{}"),
            (_, Some(body)) => request.json(&body),
            (_, None) => request,
        }
    }
}

/// A grant to ask for.
fn break_glass() -> Value {
    json!({
        "authority_code": TO4, "hours": 1, "purpose": "security-incident",
        "reason": "Per provare la porta.",
    })
}

/// A copy of the owner's data that waits to be fetched by the owner.
async fn owned_export(app: &TestApp, owner: &Client) -> (String, String) {
    let asked = owner
        .post("/v1/me/subject-requests", &json!({"kind": "access"}))
        .await;
    let id = asked.is(201).text_at("/id").to_owned();
    let auditor = started(app, &id).await;
    let exports = format!("/v1/subject-requests/{id}/exports");
    let export = auditor
        .post(&exports, &json!({"delivery": "citizen"}))
        .await;
    app.desk.make_exports().await.expect("the copy is made");
    (id, export.is(201).text_at("/id").to_owned())
}

/// An erasure that found a text which names somebody.
async fn found_mention(app: &TestApp) -> (String, String, String) {
    let contact = json!({"channel": "phone", "direction": "inbound", "outcome": "answered",
        "note": format!("Chiama {}.", LAURA.tax_code)});
    let operator = app.as_("to4.operator").await;
    operator.post("/v1/contacts", &contact).await.is(201);
    let body = json!({"kind": "erasure", "channel": "letter", "tax_code": LAURA.tax_code});
    let auditor = app.as_("auditor").await;
    let entered = auditor.post("/v1/subject-requests", &body).await;
    let id = entered.is(201).text_at("/id").to_owned();
    let auditor = started(app, &id).await;
    let erasures = format!("/v1/subject-requests/{id}/erasures");
    let asked = auditor.post(&erasures, &json!({"dry_run": false})).await;
    let erasure = asked.is(201).text_at("/erasure/id").to_owned();
    let supervisor = app.as_("region.supervisor").await;
    let approvals = format!("{erasures}/{erasure}/approvals");
    supervisor.post(&approvals, &json!({})).await.is(201);
    app.desk.run_due_work().expect("due work is done");
    let report = format!("/v1/subject-requests/{id}/report");
    let report = auditor.get(&report).await;
    let mention = report.text_at("/erasures/0/mentions/0/id").to_owned();
    (id, erasure, mention)
}

/// The officer, who began to work on a request.
async fn started(app: &TestApp, id: &str) -> Client {
    let auditor = app.as_("auditor").await;
    let steps = auditor.request(Method::POST, &format!("/v1/subject-requests/{id}/steps"));
    let body = json!({"step": "start"});
    steps.if_match("\"1\"").json(&body).send().await.is(201);
    auditor
}

/// Words for notes.
fn reply_template() -> Value {
    json!({
        "actions": ["note"], "audience": "citizen",
        "label": {"it": "Saluti", "en": "Greetings"}, "body": {"it": "Saluti.", "en": "Greetings."},
    })
}

/// A body that is good enough to reach the door inside.
fn body(caller: &str, rule: &Rule) -> Option<Value> {
    let (role, desk) = placement(caller).unwrap_or(("operator", TO4));
    let given = if role == "admin" {
        "operator"
    } else {
        "auditor"
    };
    Some(match rule.operation {
        "act_on_ticket" => json!({"action": "note", "note": {"body": "Nota.", "published": false}}),
        "add_ticket_link" => json!({"ticket": "nothing"}),
        "merge_ticket" => json!({"into": "nothing"}),
        "add_message" => json!({"body": "Un messaggio."}),
        "disclose_identity" | "inspect_ticket" => {
            json!({"purpose": "complaint", "reason": "Per provare la porta."})
        }
        "ask_break_glass" => break_glass(),
        "place_account" => {
            let role = if role == "regional-supervisor" {
                "regional-operator"
            } else {
                given
            };
            json!({"placements": [{"role": role, "authority_code": desk, "location_code": "01"}]})
        }
        "step_account" => json!({"step": "suspend", "reason": "other"}),
        "step_complaint" => json!({"step": "prepare"}),
        "register_protocol" => json!({
            "direction": "inbound", "number": caller, "registered_on": "2026-03-02", "office": "AOO",
        }),
        "draft_reply" => json!({"scheme_id": "01990000-0000-7000-8000-000000000000"}),
        "extend_complaint" => json!({"reason": "Serve più tempo."}),
        "decide_review" => json!({"outcome": "rejected", "reasons": "No."}),
        "attempt_callback" => json!({"outcome": "busy"}),
        "act_on_tickets" => json!({
            "items": [{"ticket": "nothing", "version": 1}], "action": {"action": "take"},
        }),
        "change_reply_template" => reply_template(),
        "link_tickets" => json!({"tickets": ["nothing"]}),
        "answer_linked_tickets" => {
            json!({"action": "note", "note": {"body": "Nota.", "published": false}})
        }
        "take_setup_step" => json!({"step": "confirm-data"}),
        "change_notification_settings" => json!({
            "pointer_only": true, "copy_to_citizens": false, "mail_on_close": false, "quiet_hours": null,
        }),
        "change_privacy_settings" => json!({"seal_texts": false}),
        "hand_over_admin" => json!({"account_id": "01990000-0000-7000-8000-000000000000"}),
        _ if rule.method == "POST" || rule.method == "PUT" => json!({}),
        _ => return None,
    })
}

/// Who leads must show a second factor, where the installation demands it.
fn with_second_factor() -> Options {
    let mut options = Options::default();
    options.settings.sign_in.require_second_factor = true;
    options
}

both!(
    who_leads_without_a_second_factor_may_only_set_one_up,
    with_second_factor(),
    async |app| {
        for username in [
            "to4.supervisor",
            "to4.admin",
            "region.operator",
            "system-admin",
        ] {
            let client = app.as_(username).await;
            for path in [
                "/v1/tickets",
                "/v1/queues",
                "/v1/accounts",
                "/v1/authority-setups",
            ] {
                client
                    .get(path)
                    .await
                    .is_problem(403, "second-factor-required");
            }
            client.get("/v1/me").await.is(200);
            client.get("/v1/me/credential").await.is(200);
            client
                .post("/v1/me/second-factor", &json!({}))
                .await
                .is(201);
        }
        app.as_("to4.operator")
            .await
            .get("/v1/tickets")
            .await
            .is(200);
    }
);

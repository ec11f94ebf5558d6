//! The handlers, a file a group, like the URL tree. Bodies stand beside their handler.

pub(crate) mod absences;
pub(crate) mod accesses;
pub(crate) mod accounts;
pub(crate) mod actions;
pub(crate) mod activities;
pub(crate) mod announcements;
pub(crate) mod assignment;
pub(crate) mod attachments;
pub(crate) mod audit;
pub(crate) mod break_glass;
pub(crate) mod broadcasts;
pub(crate) mod bulk;
pub(crate) mod bulk_jobs;
pub(crate) mod calendars;
pub(crate) mod callbacks;
pub(crate) mod catalogue;
pub(crate) mod clients;
pub(crate) mod codes;
pub(crate) mod complaint_body;
pub(crate) mod complaints;
pub(crate) mod contacts;
pub(crate) mod corrections;
pub(crate) mod credentials;
pub(crate) mod deliveries;
pub(crate) mod disclosures;
pub(crate) mod email_proofs;
pub(crate) mod erasures;
pub(crate) mod feed;
pub(crate) mod filing;
pub(crate) mod fitting_templates;
pub(crate) mod holds;
pub(crate) mod links;
pub(crate) mod message_templates;
pub(crate) mod notifications;
pub(crate) mod nudges;
pub(crate) mod own_body;
pub(crate) mod own_complaints;
pub(crate) mod own_subject_requests;
pub(crate) mod own_tickets;
pub(crate) mod playbook_report;
pub(crate) mod playbook_versions;
pub(crate) mod playbooks;
pub(crate) mod privacy;
pub(crate) mod removals;
pub(crate) mod reply_schemes;
pub(crate) mod reply_templates;
pub(crate) mod retention;
pub(crate) mod reviews;
pub(crate) mod routing;
pub(crate) mod scheduler;
pub(crate) mod screen_body;
pub(crate) mod sessions;
pub(crate) mod setups;
pub(crate) mod sla_policies;
pub(crate) mod status;
pub(crate) mod subject_exports;
pub(crate) mod subject_request_body;
pub(crate) mod subject_requests;
pub(crate) mod ticket;
mod ticket_filter;
pub(crate) mod tickets;
pub(crate) mod tracking;
pub(crate) mod webhook_deliveries;
pub(crate) mod webhooks;
pub(crate) mod work;

use actix_web::web;
use domain::ids::TicketRef;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::Shared;
use crate::problem::Problem;

/// A path part that cannot name anything names nothing.
pub(crate) fn path_config() -> web::PathConfig {
    web::PathConfig::default().error_handler(|_, _| Problem::new("not-found").into())
}

/// Reads the ticket in a path: its id or its number.
pub(crate) fn ticket_ref(text: &str) -> Result<TicketRef, Problem> {
    TicketRef::parse(text).ok_or_else(|| Problem::new("not-found"))
}

/// A code and its label in the caller's language.
#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct CodeLabel {
    /// The code; never changes.
    #[schema(max_length = 64, pattern = "^[A-Za-z0-9_-]+$")]
    pub(crate) code: String,
    /// Its label.
    #[schema(max_length = 250)]
    pub(crate) label: String,
}

/// Links of a list.
#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct Links {
    /// This page.
    #[serde(rename = "self")]
    #[schema(format = "uri", max_length = 8192)]
    pub(crate) own: String,
    /// The next page; null on the last one.
    #[schema(required, format = "uri", max_length = 8192)]
    pub(crate) next: Option<String>,
}

/// The links of a list page: this request's address, and the same with the next cursor. The host is
/// the configured one: whoever calls could name any other.
pub(crate) fn links(request: &actix_web::HttpRequest, next_cursor: Option<&str>) -> Links {
    let shared = request.app_data::<web::Data<Shared>>();
    let host = shared.map_or("", |shared| shared.public_url.trim_end_matches('/'));
    let base = format!("{host}{}", request.path());
    let query = request.query_string();
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="))
        .collect();
    let address = |cursor: Option<&str>| {
        let mut pairs: Vec<String> = kept.iter().map(|pair| (*pair).to_owned()).collect();
        pairs.extend(cursor.map(|cursor| format!("cursor={cursor}")));
        if pairs.is_empty() {
            base.clone()
        } else {
            format!("{base}?{}", pairs.join("&"))
        }
    };
    let own = if query.is_empty() {
        base.clone()
    } else {
        format!("{base}?{query}")
    };
    Links {
        own,
        next: next_cursor.map(|cursor| address(Some(cursor))),
    }
}

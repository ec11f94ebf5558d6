//! What authorities' own programs are told of, and where: event types, addresses, and when a
//! delivery is tried again (Standard Webhooks 1.0, `conventions.md` H-07 and H-08).
//!
//! Rules alone: nothing here resolves a name, signs or sends.

mod address;
mod network;
mod outcome;

pub use address::{AddressRules, EndpointUrl, MAX_URL_BYTES, not_public};
pub use network::is_public;
pub use outcome::{Fault, MOST_ATTEMPTS, Outcome, Verdict, read_retry_after, wait_after};

use crate::invalid::{FieldError, Invalid, Text};

/// Every event an endpoint can ask for (`domain.md`, annex), and what happened. The list is closed:
/// what is not here is never sent, but for [`PING`].
pub const EVENT_TYPES: &[(&str, &str)] = &[
    ("request.created", "a request was filed"),
    ("request.assigned", "a request has another owner"),
    ("request.released", "a request has no owner any more"),
    ("request.taken", "an operator took charge"),
    (
        "request.information_requested",
        "the citizen was asked something",
    ),
    (
        "request.question_withdrawn",
        "a question to the citizen was taken back",
    ),
    ("request.information_received", "the citizen answered"),
    ("request.message_received", "the citizen wrote unasked"),
    (
        "request.nudged",
        "the citizen asked that somebody get on with it",
    ),
    ("request.reminded", "the citizen was reminded of a question"),
    ("request.resolved", "a request was answered"),
    ("request.closed", "a resolved request closed by itself"),
    ("request.reopened", "a request is open again"),
    ("request.withdrawn", "the citizen withdrew"),
    (
        "request.handed_over",
        "an authority declared a request not its own",
    ),
    ("request.returned", "the region gave a request back"),
    (
        "request.rerouted",
        "the region gave a request to another authority",
    ),
    (
        "request.removed",
        "spam, a duplicate, a test or a mistake was taken away",
    ),
    ("request.restored", "a merge of two requests was undone"),
    ("link.added", "a request was linked with another"),
    ("link.removed", "a link between two requests is gone"),
    ("request.anonymised", "a request names nobody any more"),
    (
        "request.restricted",
        "the processing of a request's data is restricted",
    ),
    (
        "request.restriction_lifted",
        "a request's data may be processed again",
    ),
    (
        "request.rectified",
        "wrong data about the person were put right",
    ),
    (
        "request.described",
        "priority, kind, tags or contacts changed",
    ),
    ("note.added", "a note was written"),
    ("note.published", "a note became readable for the citizen"),
    ("activity.opened", "a technical activity began"),
    ("activity.changed", "a technical activity changed"),
    (
        "activity.commented",
        "somebody wrote on a technical activity",
    ),
    (
        "activity.overdue",
        "the time for a technical activity is over",
    ),
    ("activity.closed", "a technical activity ended"),
    ("attachment.quarantined", "a file was put aside"),
    ("attachment.released", "a file put aside may be read"),
    (
        "playbook.decided",
        "the checks of a playbook came to a decision",
    ),
    (
        "queue.untouched",
        "nobody took a request at the desk it was filed with",
    ),
    (
        "handover.untouched",
        "nobody took a request at the desk it was passed to",
    ),
    (
        "playbook.overridden",
        "a supervisor handed over against the playbook",
    ),
    (
        "playbook.review_due",
        "it is time to look whether a fix came",
    ),
    ("sla.warning", "the time for a request is nearly over"),
    ("sla.breached", "the time for a request is over"),
    ("complaint.received", "a complaint came in"),
    ("complaint.answered", "a complaint was answered"),
    (
        "complaint.overdue",
        "the time for a reply to a complaint is over",
    ),
    ("review.requested", "a review was asked for"),
    ("review.taken", "a supervisor looks at a review"),
    ("review.decided", "a review was decided"),
    (
        "review.overdue",
        "the time for the decision of a review is nearly over, or is over",
    ),
    ("credential.issued", "codes for an account were made"),
    ("credential.activated", "an account was started"),
    (
        "credential.expiring",
        "a password or a program ends in 14, 7 or 1 days",
    ),
    ("credential.locked", "an account is locked"),
    ("credential.revoked", "an account has ended"),
    ("authority.changed", "an authority's data changed"),
    ("cutover.phase_changed", "a cutover reached another phase"),
    ("import.completed", "an import is done"),
    ("announcement.published", "an announcement was published"),
    (
        "message.undelivered",
        "a message could not be delivered and was given up",
    ),
    ("webhook.disabled", "an endpoint is sent nothing any more"),
];

/// The event of a test delivery; nobody asks for it.
pub const PING: &str = "webhook.ping";
/// What an endpoint that was disabled is told of with, to its desk.
pub const DISABLED: &str = "webhook.disabled";
/// What event types begin with on the wire, where CloudEvents want a reversed domain name.
pub const TYPE_PREFIX: &str = "it.sportello.";
/// Most words a filter may have.
pub const MAX_FILTER_WORDS: usize = 50;
/// Longest body, in bytes (Standard Webhooks: under 20 kB).
pub const MAX_PAYLOAD_BYTES: usize = 20_000;
/// Most endpoints a desk may have: each event is written once for each of them.
pub const MAX_ENDPOINTS: i64 = 20;

/// Which events an endpoint asks for: whole types such as `request.created`, groups such as
/// `request.*`, or `*` for all. Never empty, and every word stands for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFilter(Vec<String>);

impl EventFilter {
    /// Reads the words of a filter; each bad one is named. Words given twice count once.
    pub fn parse(words: &[String], pointer: &str) -> Result<Self, Vec<FieldError>> {
        if words.is_empty() {
            return Err(vec![Invalid::required().at(pointer)]);
        }
        if words.len() > MAX_FILTER_WORDS {
            let most = Invalid::new("too-long", "Troppi tipi di evento", "too many event types");
            return Err(vec![most.at(pointer)]);
        }
        let unknown = |(at, word): (usize, &String)| {
            (!stands_for_something(word)).then(|| unknown_type(word).at(format!("{pointer}/{at}")))
        };
        let errors: Vec<FieldError> = words.iter().enumerate().filter_map(unknown).collect();
        if !errors.is_empty() {
            return Err(errors);
        }
        let mut once: Vec<String> = Vec::with_capacity(words.len());
        for word in words {
            if !once.contains(word) {
                once.push(word.clone());
            }
        }
        Ok(EventFilter(once))
    }

    /// Takes words from a row of ours, without checking them again: a type may have gone since.
    pub fn from_stored(text: &str) -> Self {
        EventFilter(text.split_whitespace().map(str::to_owned).collect())
    }

    /// The words.
    pub fn words(&self) -> &[String] {
        &self.0
    }

    /// Whether an event of this type is asked for.
    pub fn takes(&self, kind: &str) -> bool {
        self.0.iter().any(|word| match word.strip_suffix('*') {
            Some(start) => kind.starts_with(start),
            None => word == kind,
        })
    }
}

/// Whether an event type is of the list.
pub fn is_event_type(kind: &str) -> bool {
    EVENT_TYPES.iter().any(|(known, _)| *known == kind)
}

fn stands_for_something(word: &str) -> bool {
    match word.strip_suffix(".*") {
        Some(group) => EVENT_TYPES
            .iter()
            .any(|(known, _)| known.split('.').next() == Some(group)),
        None => word == "*" || is_event_type(word),
    }
}

fn unknown_type(word: &str) -> Invalid {
    // What somebody sent is shown back to them, but not all of it.
    let shown: String = word.chars().take(64).collect();
    Invalid {
        code: "not-in-list",
        message: Text::owned(
            format!("Tipo di evento sconosciuto: {shown}"),
            format!("unknown event type: {shown}"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(words: &[&str]) -> Result<EventFilter, Vec<FieldError>> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        EventFilter::parse(&words, "/event_types")
    }

    #[test]
    fn a_filter_takes_whole_types_groups_and_all() {
        let rows: [(&[&str], &str, bool); 9] = [
            (&["request.created"], "request.created", true),
            (&["request.created"], "request.closed", false),
            (&["request.*"], "request.closed", true),
            (&["request.*"], "note.published", false),
            (&["note.published", "sla.*"], "sla.breached", true),
            (&["review.*"], "request.removed", false),
            (&["*"], "announcement.published", true),
            (&["*"], "webhook.disabled", true),
            (&["*", "*"], "request.taken", true),
        ];
        for (words, kind, expected) in rows {
            assert_eq!(
                filter(words).unwrap().takes(kind),
                expected,
                "{words:?} {kind}"
            );
        }
        assert_eq!(filter(&["*", "*"]).unwrap().words(), ["*"]);
    }

    #[test]
    fn a_word_that_stands_for_nothing_is_named() {
        for word in [
            "",
            "request",
            "request.",
            ".*",
            "request*",
            "request.created.*",
            "request.creat",
            "REQUEST.CREATED",
            "webhook.ping",
            "it.sportello.request.created",
            "* ",
        ] {
            let errors = filter(&["request.*", word]).unwrap_err();
            assert_eq!(errors.len(), 1, "{word:?}");
            assert_eq!(errors[0].pointer, "/event_types/1");
            assert_eq!(errors[0].code, "not-in-list");
            assert!(errors[0].message.en.ends_with(word), "{word:?}");
        }
        assert_eq!(filter(&[]).unwrap_err()[0].code, "required");
        let many = vec!["*"; MAX_FILTER_WORDS + 1];
        assert_eq!(filter(&many).unwrap_err()[0].code, "too-long");
    }

    #[test]
    fn each_event_type_stands_in_the_list_once() {
        let mut types: Vec<&str> = EVENT_TYPES.iter().map(|(known, _)| *known).collect();
        types.sort_unstable();
        types.dedup();
        assert_eq!(types.len(), EVENT_TYPES.len());
        assert!(!is_event_type(PING));
        assert!(is_event_type(DISABLED));
    }
}

//! The page for receivers of webhooks and the program say the same.

use domain::webhook::{EVENT_TYPES, is_event_type, wait_after};

use crate::documents::section;
use crate::repository::read;

#[test]
fn the_page_lists_every_event_type_and_no_other() {
    let page = read("docs/webhooks.md");
    let table = section(&page, 2, "Event types").expect("docs/webhooks.md lists event types");
    let listed: Vec<(&str, &str)> = table
        .lines()
        .filter_map(|line| {
            line.strip_prefix("| `")?
                .strip_suffix(" |")?
                .split_once("` | ")
        })
        .collect();
    assert_eq!(listed, EVENT_TYPES);
}

#[test]
fn the_page_tells_the_schedule() {
    let page = read("docs/webhooks.md");
    let told = "after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h";
    assert!(page.contains(told));
    let waits: Vec<String> = (1..)
        .map_while(|attempt| wait_after(attempt, 0))
        .map(|wait| match wait.as_secs() {
            seconds @ ..60 => format!("{seconds} s"),
            seconds @ 60..3600 => format!("{} min", seconds / 60),
            seconds => format!("{} h", seconds / 3600),
        })
        .collect();
    let (last, others) = waits.split_last().expect("waits");
    assert_eq!(format!("after {} and {last}", others.join(", ")), told);
}

/// What the history of a ticket tells, an endpoint can ask for.
#[test]
fn every_event_of_a_ticket_is_an_event_type() {
    let source = read("crates/domain/src/event.rs");
    let kinds = source
        .split("pub const fn kind(")
        .nth(1)
        .expect("the kinds");
    let kinds = kinds.split("\n    }\n").next().expect("the end of them");
    let kinds: Vec<&str> = kinds
        .lines()
        .filter_map(|line| line.split("=> \"").nth(1)?.split('"').next())
        .collect();
    assert!(kinds.len() > 15, "{kinds:?}");
    let unknown: Vec<&&str> = kinds.iter().filter(|kind| !is_event_type(kind)).collect();
    assert!(unknown.is_empty(), "no event type: {unknown:?}");
}

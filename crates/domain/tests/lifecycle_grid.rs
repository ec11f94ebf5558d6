//! Every state × command × actor, in one snapshot to read against `domain.md` §2.2 and §4.2.
//! A new state, action or role shows up as a difference.

mod support;

use std::fmt::Write;

use domain::actor::Actor;
use domain::rejection::Rejection;
use domain::state::StateCode;
use domain::ticket::Ticket;
use jiff::SignedDuration;

/// Every command as it would be given rightly, and the hours since the ticket last changed.
const COMMANDS: [(&str, i64); 32] = [
    ("take", 1),
    ("assign + to colleague", 1),
    ("assign + to supervisors", 1),
    ("note + internal", 1),
    ("ask-info + published", 1),
    ("cancel-question + internal", 1),
    ("resolve + published", 1),
    ("hand-over + published", 1),
    ("return + published", 1),
    ("reroute CN1 + published", 1),
    ("open-activity + published", 1),
    ("close-activity", 1),
    ("reopen + internal", 1),
    ("remove + internal", 1),
    ("merge", 1),
    ("undo-merge", 1),
    ("link", 1),
    ("unlink", 1),
    ("link duplicate", 1),
    ("publish-note", 1),
    ("answer escalate", 1),
    ("close + published", 1),
    ("describe", 1),
    ("reply", 1),
    ("withdraw", 1),
    ("nudge", 48),
    ("remind", 5 * 24),
    ("give-up", 30 * 24),
    ("auto-close", 7 * 24 + 1),
    ("release", 1),
    ("allot", 1),
    ("review", 1),
];

/// Actors, with where the grid's ticket is in the first grid and in the second one.
const ACTORS: [(&str, [&str; 2]); 10] = [
    ("operator", ["", " at region"]),
    ("supervisor", ["", " at region"]),
    ("admin", ["", " at region"]),
    ("regional-operator", [" at region", ""]),
    ("regional-supervisor", [" at region", ""]),
    ("technician", [" at region", ""]),
    ("system-admin", [" at region", ""]),
    ("auditor", [" at region", ""]),
    ("requester", ["", " at region"]),
    ("system", ["", " at region"]),
];

const LEGEND: &str = "\
Cells: the state the command leads to, new@TO4 with the desk when that changes, = when it stays.
.             the actor may never do this; commands refused so everywhere are listed as never
custody       another desk has the ticket
state         not in this state
by hand       nobody closes by hand
over          too late for the requester
not due       no timer is due
-             there is no such ticket: these states are the region's alone
";

#[test]
fn the_grid_of_states_commands_and_actors_is_as_reviewed() {
    let titles = [
        "THE TICKET IS AT THE ACTOR'S DESK, OR AT TO4",
        "THE TICKET IS AT ANOTHER DESK",
    ];
    let mut grid = LEGEND.to_owned();
    for (title, which) in titles.into_iter().zip(0..) {
        let mut blocks: Vec<(Vec<&str>, String)> = Vec::new();
        for (name, places) in ACTORS {
            let block = block(name, places[which]);
            match blocks.iter_mut().find(|(_, same)| *same == block) {
                Some((names, _)) => names.push(name),
                None => blocks.push((vec![name], block)),
            }
        }
        for (names, block) in blocks {
            writeln!(grid, "\n{title}: {}\n{block}", names.join(", ")).unwrap();
        }
    }
    insta::assert_snapshot!(grid);
}

/// What one actor may do: a line for each command, a column for each state.
fn block(who: &str, place: &str) -> String {
    let states = StateCode::ALL
        .map(|state| format!("{:14}", state.as_str()))
        .concat();
    let mut lines = vec![format!("{:27}{}", "", states.trim_end())];
    let mut never = Vec::new();
    for (what, hours) in COMMANDS {
        let cells = StateCode::ALL.map(|state| match named(state, place) {
            Some(ticket) => cell(ticket, who, what, SignedDuration::from_hours(hours)),
            None => "-".to_owned(),
        });
        if cells.iter().all(|cell| cell == "." || cell == "-") {
            never.push(what);
        } else {
            let cells = cells.map(|cell| format!("{cell:14}")).concat();
            lines.push(format!("{what:27}{}", cells.trim_end()));
        }
    }
    if never.len() == COMMANDS.len() {
        return "never anything".to_owned();
    }
    lines.push(format!("never: {}", never.join(", ")));
    lines.join("\n")
}

/// The ticket in this state at TO4 or ` at region`; two states are the region's alone.
fn named(state: StateCode, place: &str) -> Option<Ticket> {
    let is_regions = matches!(state, StateCode::NotCompetent | StateCode::ExternalWork);
    match (is_regions, place) {
        (true, "") => None,
        (true, _) => Some(support::ticket(state.as_str())),
        (false, _) => Some(support::ticket(&format!("{}{place}", state.as_str()))),
    }
}

fn cell(mut ticket: Ticket, who: &str, what: &str, wait: SignedDuration) -> String {
    let (state, custodian) = (ticket.state.code(), ticket.custodian.code.clone());
    let now = ticket.updated_at + wait;
    let actor = support::actor(who);
    // A note to publish is the actor's own; who is no staff has none and borrows one.
    let what = match what {
        "publish-note" if !matches!(actor, Actor::Staff(_)) => "publish-note operator".to_owned(),
        "publish-note" => format!("publish-note {who}"),
        what => what.to_owned(),
    };
    match support::apply(&mut ticket, &actor, &what, now) {
        Ok(_) if ticket.custodian.code != custodian && !ticket.custodian.is_region => {
            format!("{}@{}", ticket.state.code().as_str(), ticket.custodian.code)
        }
        Ok(_) if ticket.state.code() == state => "=".to_owned(),
        Ok(_) => ticket.state.code().as_str().to_owned(),
        Err(Rejection::Forbidden { .. }) => ".".to_owned(),
        Err(Rejection::NotInCustody) => "custody".to_owned(),
        Err(Rejection::TransitionNotAllowed { .. }) => "state".to_owned(),
        Err(Rejection::ManualCloseForbidden { .. }) => "by hand".to_owned(),
        Err(Rejection::Over) => "over".to_owned(),
        Err(Rejection::NotDue) => "not due".to_owned(),
        Err(refusal) => format!("{refusal:?}"),
    }
}

//! Who is told of what, and how: N-1 to N-16 of `domain.md` §5.3 as one table.
//!
//! Pure: which mail, whose address and at what hour is decided with it, elsewhere. The note of a
//! hand-over, a return or a re-route is mailed to nobody (I-4): no row of those says so.

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;

use crate::event::Change;
use crate::state::{RemovalReason, ResolutionCode, StateCode};
use crate::ticket::Ticket;

/// How a requester is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Not at all.
    Nothing,
    /// On the web, where they look.
    OnScreen,
    /// On the web, and by a mail that says only that there is something, where the authority copies.
    OnScreenAndPointer,
    /// By mail.
    ByMail,
    /// By mail, where the authority mails closings.
    ByMailIfClosingsAre,
}

/// Who of the staff is told. All see it on the screen; who wants, gets a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    /// Everybody who works at the desk that has the ticket now.
    Queue,
    /// The ticket's owner.
    Owner,
    /// The owner; if there is none, the queue.
    OwnerElseQueue,
    /// Those who lead the desk.
    Supervisors,
}

/// What the ticket was like when something happened to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Before {
    /// Its state.
    pub state: StateCode,
    /// How often it had been reopened.
    pub reopens: i32,
}

/// What members of staff choose by: each topic by mail at once, once a day, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Something was given to me.
    Assigned,
    /// The requester of something of mine wrote.
    RequesterWrote,
    /// Something for everybody at the desk.
    Queue,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Topic; 3] = [Topic::Assigned, Topic::RequesterWrote, Topic::Queue];

    /// The code in rows and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Topic::Assigned => "assigned",
            Topic::RequesterWrote => "requester-wrote",
            Topic::Queue => "queue",
        }
    }

    /// The topic with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Topic::ALL.into_iter().find(|topic| topic.as_str() == code)
    }
}

/// When a member of staff gets mail about a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// At once.
    Instant,
    /// Together with the day's other news.
    Digest,
    /// Never: the screen tells.
    #[default]
    Off,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Mode; 3] = [Mode::Instant, Mode::Digest, Mode::Off];

    /// The code in rows and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Mode::Instant => "instant",
            Mode::Digest => "digest",
            Mode::Off => "off",
        }
    }

    /// The mode with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Mode::ALL.into_iter().find(|mode| mode.as_str() == code)
    }
}

impl Before {
    /// The ticket as it is; a new one is as it is filed.
    pub fn of(ticket: &Ticket) -> Self {
        Before {
            state: ticket.state.code(),
            reopens: ticket.reopens,
        }
    }
}

/// A row of the table.
pub struct Rule {
    /// Which of N-1 to N-16.
    pub id: &'static str,
    /// What happened, and to what sort of ticket.
    applies: fn(&Change, Before) -> bool,
    /// A requester with a national identity.
    pub logged_in: Told,
    /// A requester who proved an address, or for whom staff filed.
    pub anonymous: Told,
    /// The staff, and the topic they choose by.
    pub staff: Option<(Party, Topic)>,
}

use Told::{ByMail, ByMailIfClosingsAre, Nothing, OnScreen, OnScreenAndPointer};

const fn rule(
    id: &'static str,
    applies: fn(&Change, Before) -> bool,
    logged_in: Told,
    anonymous: Told,
    staff: Option<(Party, Topic)>,
) -> Rule {
    Rule {
        id,
        applies,
        logged_in,
        anonymous,
        staff,
    }
}

const QUEUE: Option<(Party, Topic)> = Some((Party::Queue, Topic::Queue));
const OWNER_ELSE_QUEUE: Option<(Party, Topic)> =
    Some((Party::OwnerElseQueue, Topic::RequesterWrote));
const OWNER_OF_WORK: Option<(Party, Topic)> = Some((Party::Owner, Topic::Assigned));

/// The table.
#[rustfmt::skip]
pub const RULES: [Rule; 24] = [
    rule("N-1", |change, _| matches!(change, Change::Filed { .. }), OnScreen, ByMail, None),
    // A review is received as a request is, and told to those who may decide it.
    rule("N-1", |change, _| matches!(change, Change::ReviewRequested { .. }), OnScreen, ByMail, Some((Party::Supervisors, Topic::Queue))),
    rule("N-2", |change, _| matches!(change, Change::Filed { .. } | Change::Released { .. }), Nothing, Nothing, QUEUE),
    rule("N-3", |change, _| matches!(change, Change::Assigned { .. }), Nothing, Nothing, OWNER_OF_WORK),
    rule("N-4", |change, _| matches!(change, Change::InfoRequested), OnScreenAndPointer, ByMail, None),
    rule("N-5", |change, _| matches!(change, Change::InfoReceived | Change::MessageReceived | Change::Nudged | Change::Reopened { by_reply: true, .. }), Nothing, Nothing, OWNER_ELSE_QUEUE),
    // T10: from the second time on the supervisors, too.
    rule("N-5", |change, before| matches!(change, Change::Reopened { by_reply: true, .. }) && before.reopens > 0, Nothing, Nothing, Some((Party::Supervisors, Topic::Queue))),
    rule("N-6", |change, _| matches!(change, Change::Reminded { .. }), OnScreenAndPointer, ByMail, None),
    rule("N-7", |change, _| is_resolved_as(change, ResolutionCode::NoAnswer), OnScreenAndPointer, ByMail, OWNER_OF_WORK),
    rule("N-8", |change, _| is_resolved_by_staff(change), OnScreenAndPointer, ByMail, None),
    rule("N-8", |change, _| matches!(change, Change::ReviewDecided { .. }), OnScreenAndPointer, ByMail, None),
    // T22 tells the requester of a duplicate as N-8 does; a removed request is on no screen, a merged one is.
    rule("N-8", |change, _| matches!(change, Change::Removed { reason: RemovalReason::Duplicate, merge: None, .. }), Nothing, ByMail, None),
    rule("N-8", |change, _| matches!(change, Change::Removed { merge: Some(_), .. }), OnScreenAndPointer, ByMail, None),
    rule("N-9", |change, _| matches!(change, Change::AutoClosed), OnScreen, ByMailIfClosingsAre, None),
    rule("N-10", |change, _| matches!(change, Change::HandedOver { .. }), Nothing, Nothing, QUEUE),
    // Supervisors are of the queue.
    rule("N-11", |change, _| matches!(change, Change::Returned { .. } | Change::Rerouted { .. }), Nothing, Nothing, QUEUE),
    rule("N-12", |change, _| matches!(change, Change::Rerouted { .. }), OnScreen, ByMail, None),
    // The technical desk has its own screens, and no mail.
    rule("N-13", |change, _| matches!(change, Change::ActivityOpened(_)), Nothing, Nothing, None),
    rule("N-14", |change, _| is_news_of_activity(change), Nothing, Nothing, OWNER_OF_WORK),
    rule("N-15", |change, _| is_resolved_as(change, ResolutionCode::Withdrawn), OnScreen, ByMail, OWNER_ELSE_QUEUE),
    rule("N-16", is_reopened_after_close, OnScreen, ByMail, QUEUE),
    // The reasons of the review were told with it (N-8).
    rule("N-16", |change, _| matches!(change, Change::Reopened { on_review: true, .. }), OnScreen, Nothing, QUEUE),
    // Not in the table of the rules: what could not be delivered is somebody's work now (D-7).
    rule("D-7", |change, _| matches!(change, Change::Undelivered { .. }), Nothing, Nothing, OWNER_ELSE_QUEUE),
    // Nor this one: the timers of §4.3 tell the desk that waits.
    rule("§4.3", |change, _| matches!(change, Change::ActivityOverdue { .. }), Nothing, Nothing, QUEUE),
];

fn is_news_of_activity(change: &Change) -> bool {
    matches!(
        change,
        Change::ActivityClosed(_)
            | Change::ActivityChanged(_)
            | Change::ActivityCommented {
                by_region: false,
                ..
            }
    )
}

fn is_resolved_as(change: &Change, how: ResolutionCode) -> bool {
    matches!(change, Change::Resolved { code, .. } if *code == how)
}

fn is_resolved_by_staff(change: &Change) -> bool {
    matches!(change, Change::Resolved { .. })
        && !is_resolved_as(change, ResolutionCode::NoAnswer)
        && !is_resolved_as(change, ResolutionCode::Withdrawn)
}

fn is_reopened_after_close(change: &Change, before: Before) -> bool {
    let is_by_hand = matches!(
        change,
        Change::Reopened {
            on_review: false,
            ..
        }
    );
    // A merge that is undone brings the request back just as well.
    matches!(change, Change::Restored { .. }) || is_by_hand && before.state == StateCode::AutoClosed
}

/// The rows that hold for what happened.
pub fn rules_for(change: &Change, before: Before) -> impl Iterator<Item = &'static Rule> {
    RULES
        .iter()
        .filter(move |rule| (rule.applies)(change, before))
}

/// How the requester is told of what happened.
pub fn told_to_requester(change: &Change, before: Before, is_logged_in: bool) -> Told {
    rules_for(change, before)
        .map(|rule| match is_logged_in {
            true => rule.logged_in,
            false => rule.anonymous,
        })
        .find(|told| *told != Nothing)
        .unwrap_or(Nothing)
}

/// Hours of the day in which nobody is disturbed, in civil time (`domain.md` §10.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuietHours {
    /// They begin.
    pub from: Time,
    /// They end; the next day's, if that is earlier.
    pub to: Time,
}

impl QuietHours {
    /// The first moment from `at` on that is not quiet. On the night when clocks go forward, a time
    /// that does not exist is the one just after.
    pub fn end(&self, at: Timestamp, zone: &TimeZone) -> Timestamp {
        let local = at.to_zoned(zone.clone());
        let (date, time) = (local.date(), local.time());
        let ends_today = match self.from <= self.to {
            true if self.from <= time && time < self.to => true,
            false if time < self.to => true,
            false if self.from <= time => false,
            _ => return at,
        };
        let date = match ends_today {
            true => Ok(date),
            false => date.tomorrow(),
        };
        let end = date.and_then(|date| date.to_datetime(self.to).to_zoned(zone.clone()));
        // At the end of time nothing is sent anyway.
        end.map_or(at, |end| end.timestamp())
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::time;

    use super::*;

    #[test]
    fn every_rule_of_the_domain_is_there_in_order() {
        let mut ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
        ids.dedup();
        let expected: Vec<String> = (1..=16).map(|n| format!("N-{n}")).collect();
        assert_eq!(ids.split_off(16), ["D-7", "§4.3"]);
        assert_eq!(ids, expected);
    }

    fn resolved(code: ResolutionCode) -> Change {
        Change::Resolved {
            code,
            closes_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn what_happened_tells_whom_the_table_says() {
        let desk = || "010204".into();
        #[rustfmt::skip]
        let rows: [(Change, StateCode, &[&str], Told, Told); 16] = [
            (Change::Filed { custodian: desk(), route: None }, StateCode::New, &["N-1", "N-2"], OnScreen, ByMail),
            (Change::InfoRequested, StateCode::New, &["N-4"], OnScreenAndPointer, ByMail),
            (Change::Reminded { nth: 1 }, StateCode::AwaitingInfo, &["N-6"], OnScreenAndPointer, ByMail),
            (resolved(ResolutionCode::NoAnswer), StateCode::AwaitingInfo, &["N-7"], OnScreenAndPointer, ByMail),
            (resolved(ResolutionCode::InformationGiven), StateCode::New, &["N-8"], OnScreenAndPointer, ByMail),
            (resolved(ResolutionCode::Withdrawn), StateCode::New, &["N-15"], OnScreen, ByMail),
            (Change::AutoClosed, StateCode::Resolved, &["N-9"], OnScreen, ByMailIfClosingsAre),
            (Change::Returned { to: desk(), route: None }, StateCode::NotCompetent, &["N-11"], Nothing, Nothing),
            (Change::Rerouted { to: desk(), route: None }, StateCode::NotCompetent, &["N-11", "N-12"], OnScreen, ByMail),
            (reopened(false, false), StateCode::AutoClosed, &["N-16"], OnScreen, ByMail),
            (reopened(false, false), StateCode::Resolved, &[], Nothing, Nothing),
            (reopened(true, false), StateCode::Resolved, &["N-5"], Nothing, Nothing),
            (reopened(false, true), StateCode::AutoClosed, &["N-16"], OnScreen, Nothing),
            (Change::ReviewRequested { desk: desk(), due_at: Timestamp::UNIX_EPOCH }, StateCode::Resolved, &["N-1"], OnScreen, ByMail),
            (Change::ReviewDecided { outcome: crate::review::ReviewOutcome::Rejected }, StateCode::Resolved, &["N-8"], OnScreenAndPointer, ByMail),
            (Change::NoteAdded, StateCode::New, &[], Nothing, Nothing),
        ];
        for (change, was, ids, logged_in, anonymous) in rows {
            let before = first_time(was);
            let found: Vec<&str> = rules_for(&change, before).map(|rule| rule.id).collect();
            assert_eq!(found, ids, "{change:?}");
            assert_eq!(told_to_requester(&change, before, true), logged_in);
            assert_eq!(told_to_requester(&change, before, false), anonymous);
        }
    }

    fn reopened(by_reply: bool, on_review: bool) -> Change {
        Change::Reopened {
            by_reply,
            on_review,
        }
    }

    fn first_time(state: StateCode) -> Before {
        Before { state, reopens: 0 }
    }

    #[test]
    fn supervisors_are_told_of_a_second_reopening() {
        let change = reopened(true, false);
        let parties = |reopens| {
            let before = Before {
                state: StateCode::Resolved,
                reopens,
            };
            let rules = rules_for(&change, before);
            rules
                .filter_map(|rule| Some(rule.staff?.0))
                .collect::<Vec<_>>()
        };
        assert_eq!(parties(0), [Party::OwnerElseQueue]);
        assert_eq!(parties(1), [Party::OwnerElseQueue, Party::Supervisors]);
    }

    #[test]
    fn a_hand_over_tells_the_requester_nothing() {
        let change = Change::HandedOver {
            reason: crate::state::HandOverReason::Other,
            to: "REG010".into(),
            route: None,
            playbook: None,
        };
        for was in [StateCode::New, StateCode::InProgress] {
            for is_logged_in in [true, false] {
                assert_eq!(
                    told_to_requester(&change, first_time(was), is_logged_in),
                    Nothing
                );
            }
        }
    }

    #[test]
    fn quiet_hours_end_in_the_morning_also_when_clocks_change() {
        let rome = TimeZone::get("Europe/Rome").unwrap();
        let night = QuietHours {
            from: time(21, 0, 0, 0),
            to: time(8, 0, 0, 0),
        };
        for (at, end) in [
            ("2026-11-22T19:59:59Z", "2026-11-22T19:59:59Z"),
            ("2026-11-22T20:00:00Z", "2026-11-23T07:00:00Z"),
            ("2026-11-23T06:59:59Z", "2026-11-23T07:00:00Z"),
            ("2026-11-23T07:00:00Z", "2026-11-23T07:00:00Z"),
            // Clocks go forward, and back.
            ("2026-03-28T22:00:00Z", "2026-03-29T06:00:00Z"),
            ("2026-10-24T22:00:00Z", "2026-10-25T07:00:00Z"),
        ] {
            let at: Timestamp = at.parse().unwrap();
            assert_eq!(night.end(at, &rome).to_string(), end, "{at}");
        }
        let siesta = QuietHours {
            from: time(13, 0, 0, 0),
            to: time(15, 0, 0, 0),
        };
        let noon: Timestamp = "2026-11-22T12:30:00Z".parse().unwrap();
        assert_eq!(siesta.end(noon, &rome).to_string(), "2026-11-22T14:00:00Z");
        let evening: Timestamp = "2026-11-22T20:30:00Z".parse().unwrap();
        assert_eq!(siesta.end(evening, &rome), evening);
    }
}

//! Calling people back (`domain.md` §10.2): at most three attempts, each on another half-day, and
//! then a text message to whoever allowed one.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

use crate::contact::codes;
use crate::notification::QuietHours;

/// Attempts before somebody counts as unreachable.
pub const MOST_ATTEMPTS: usize = 3;

/// When no text message goes out (`domain.md` §10.2).
pub const QUIET: QuietHours = QuietHours {
    from: Time::constant(21, 0, 0, 0),
    to: Time::constant(8, 0, 0, 0),
};

codes! {
    /// Where a call back stands.
    CallbackState {
        /// Somebody is to be called.
        Waiting = "waiting",
        /// They were reached.
        Done = "done",
        /// They were not, three times.
        Unreachable = "unreachable",
        /// It is not wanted any more.
        Cancelled = "cancelled",
    }
}

codes! {
    /// How an attempt ended.
    AttemptOutcome {
        /// They were reached.
        Reached = "reached",
        /// Nobody answered.
        NoAnswer = "no-answer",
        /// The line was busy.
        Busy = "busy",
        /// Somebody else answered, or there is no such number.
        WrongNumber = "wrong-number",
    }
}

/// The morning or the afternoon of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HalfDay {
    date: Date,
    is_afternoon: bool,
}

/// The afternoon begins at noon.
const NOON: Time = Time::constant(12, 0, 0, 0);

impl HalfDay {
    /// The half-day of an instant.
    pub fn of(at: Timestamp, zone: &TimeZone) -> Self {
        let local = at.to_zoned(zone.clone());
        HalfDay {
            date: local.date(),
            is_afternoon: local.time() >= NOON,
        }
    }

    /// When the one after it begins.
    pub fn end(self, zone: &TimeZone) -> Option<Timestamp> {
        let next = match self.is_afternoon {
            false => self.date.to_datetime(NOON),
            true => self.date.tomorrow().ok()?.to_datetime(Time::midnight()),
        };
        Some(next.to_zoned(zone.clone()).ok()?.timestamp())
    }

    /// As it is written in rows: `2026-03-02-am`.
    pub fn code(self) -> String {
        let half = if self.is_afternoon { "pm" } else { "am" };
        format!("{}-{half}", self.date)
    }
}

/// Why an attempt cannot be recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallbackRefused {
    /// It is over.
    #[error("nobody waits to be called")]
    NotWaiting {
        /// Where it stands.
        state: CallbackState,
    },
    /// There was an attempt in this half-day already.
    #[error("there was an attempt in this half-day already")]
    SameHalfDay {
        /// When the next one is possible.
        next_allowed_at: Timestamp,
    },
}

/// What an attempt leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempted {
    /// Where the call back stands then.
    pub state: CallbackState,
    /// Whether a text message goes out.
    pub sends_text: bool,
}

/// Decides on an attempt made `now`, after `earlier` ones: when, and how they ended.
///
/// A number that proved to be somebody else's gets no text message: it would tell a stranger.
pub fn attempt(
    state: CallbackState,
    earlier: &[(Timestamp, AttemptOutcome)],
    outcome: AttemptOutcome,
    sms_allowed: bool,
    now: Timestamp,
    zone: &TimeZone,
) -> Result<Attempted, CallbackRefused> {
    if state != CallbackState::Waiting {
        return Err(CallbackRefused::NotWaiting { state });
    }
    let half_day = HalfDay::of(now, zone);
    if earlier
        .iter()
        .any(|(at, _)| HalfDay::of(*at, zone) == half_day)
    {
        return Err(CallbackRefused::SameHalfDay {
            next_allowed_at: half_day.end(zone).unwrap_or(now),
        });
    }
    let state = match outcome {
        AttemptOutcome::Reached => CallbackState::Done,
        _ if earlier.len() + 1 >= MOST_ATTEMPTS => CallbackState::Unreachable,
        _ => CallbackState::Waiting,
    };
    let outcomes = earlier.iter().map(|(_, outcome)| *outcome);
    let is_somebody_elses = outcomes
        .chain([outcome])
        .any(|one| one == AttemptOutcome::WrongNumber);
    Ok(Attempted {
        state,
        sends_text: state == CallbackState::Unreachable && sms_allowed && !is_somebody_elses,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use AttemptOutcome::{Busy, NoAnswer, Reached, WrongNumber};
    use CallbackState::{Cancelled, Done, Unreachable, Waiting};

    fn rome() -> TimeZone {
        TimeZone::get("Europe/Rome").unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// Monday morning, Monday afternoon, Tuesday morning in Rome.
    const MON_AM: &str = "2026-03-02T08:00:00Z";
    const MON_PM: &str = "2026-03-02T13:00:00Z";
    const TUE_AM: &str = "2026-03-03T08:00:00Z";

    #[test]
    fn three_attempts_lead_where_the_table_says() {
        #[rustfmt::skip]
        let rows = [
            (vec![], Reached, true, Done, false),
            (vec![], NoAnswer, true, Waiting, false),
            (vec![NoAnswer], Busy, true, Waiting, false),
            (vec![NoAnswer, Busy], Reached, true, Done, false),
            (vec![NoAnswer, Busy], NoAnswer, true, Unreachable, true),
            (vec![NoAnswer, Busy], NoAnswer, false, Unreachable, false),
            (vec![NoAnswer, Busy], WrongNumber, true, Unreachable, false),
            (vec![WrongNumber, Busy], NoAnswer, true, Unreachable, false),
        ];
        for (outcomes, outcome, sms_allowed, state, sends_text) in rows {
            let earlier: Vec<_> = [MON_AM, MON_PM].map(at).into_iter().zip(outcomes).collect();
            let done = attempt(Waiting, &earlier, outcome, sms_allowed, at(TUE_AM), &rome());
            assert_eq!(
                done,
                Ok(Attempted { state, sends_text }),
                "{earlier:?} {outcome:?}"
            );
        }
    }

    #[test]
    fn an_attempt_belongs_to_a_half_day_where_the_desk_is() {
        let rows = [
            // Noon in Rome is 11 o'clock in UTC in winter, 10 in summer.
            (
                "2026-03-02T10:59:59Z",
                "2026-03-02-am",
                "2026-03-02T11:00:00Z",
            ),
            (
                "2026-03-02T11:00:00Z",
                "2026-03-02-pm",
                "2026-03-02T23:00:00Z",
            ),
            (
                "2026-07-01T09:59:59Z",
                "2026-07-01-am",
                "2026-07-01T10:00:00Z",
            ),
            // Late in the evening in UTC it is the next morning in Rome.
            (
                "2026-03-02T23:00:00Z",
                "2026-03-03-am",
                "2026-03-03T11:00:00Z",
            ),
            // Clocks go forward in the night, and back.
            (
                "2026-03-28T22:00:00Z",
                "2026-03-28-pm",
                "2026-03-28T23:00:00Z",
            ),
            (
                "2026-03-29T00:30:00Z",
                "2026-03-29-am",
                "2026-03-29T10:00:00Z",
            ),
            (
                "2026-10-25T00:30:00Z",
                "2026-10-25-am",
                "2026-10-25T11:00:00Z",
            ),
        ];
        for (instant, code, end) in rows {
            let half_day = HalfDay::of(at(instant), &rome());
            assert_eq!(half_day.code(), code, "{instant}");
            assert_eq!(half_day.end(&rome()), Some(at(end)), "{instant}");
        }
    }

    #[test]
    fn a_second_attempt_in_a_half_day_is_refused_and_says_when() {
        let earlier = [(at(MON_AM), NoAnswer)];
        let again = attempt(
            Waiting,
            &earlier,
            Busy,
            true,
            at("2026-03-02T10:30:00Z"),
            &rome(),
        );
        let next_allowed_at = at("2026-03-02T11:00:00Z");
        assert_eq!(again, Err(CallbackRefused::SameHalfDay { next_allowed_at }));
        assert!(attempt(Waiting, &earlier, Busy, true, next_allowed_at, &rome()).is_ok());
    }

    #[test]
    fn what_is_over_takes_no_attempt() {
        for state in [Done, Unreachable, Cancelled] {
            let refused = attempt(state, &[], Reached, true, at(MON_AM), &rome());
            assert_eq!(refused, Err(CallbackRefused::NotWaiting { state }));
        }
    }

    proptest! {
        #[test]
        fn half_days_follow_each_other_without_a_gap(second in 0_i64..4_000_000_000) {
            let (zone, instant) = (rome(), Timestamp::from_second(second).unwrap());
            let half_day = HalfDay::of(instant, &zone);
            let end = half_day.end(&zone).unwrap();
            prop_assert!(end > instant);
            prop_assert_ne!(HalfDay::of(end, &zone), half_day);
            let last = Timestamp::from_second(end.as_second() - 1).unwrap();
            prop_assert_eq!(HalfDay::of(last, &zone), half_day);
        }

        #[test]
        fn nobody_is_called_more_than_three_times(halves in 0_usize..8) {
            let outcome = NoAnswer;
            let (mut state, mut earlier) = (Waiting, Vec::new());
            for half in 0..halves {
                let now = Timestamp::from_second(1_772_438_400 + 43_200 * i64::try_from(half).unwrap()).unwrap();
                if let Ok(done) = attempt(state, &earlier, outcome, true, now, &rome()) {
                    state = done.state;
                    earlier.push((now, outcome));
                }
            }
            prop_assert_eq!(earlier.len(), halves.min(MOST_ATTEMPTS));
        }
    }
}

//! Whether a desk keeps what was promised: clocks made from a ticket's history, and from nothing else.
//!
//! The same history and policies always give the same clocks; to store them is to save work. Working
//! time comes from `calendar` alone. How the indicators of `domain.md` §10.6 are read:
//!
//! - taking charge, for each leg: from its opening until somebody takes, asks, resolves or passes it on;
//! - the first response, once for the ticket: from filing until the first note to the citizen, question or
//!   resolution, whoever had it meanwhile, by the policy of the first leg;
//! - resolution, for each leg: from its opening until it is resolved or leaves the desk. It is paused
//!   while the requester is asked, and stands still while it is resolved.
//!
//! A clock warns at 75 % of its target, breaches at 100 %, and is escalated some working time later.

mod policy;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::calendar::Calendar;
use crate::codes::AuthorityCode;
use crate::event::{Change, Event};
use crate::ids::SlaPolicyId;
use crate::note::{Audience, NoteKind};

pub use policy::{AppliesTo, DeskKind, Policy, Targets, WorkingTime, in_force};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClockKind {
    /// Until somebody takes charge.
    TakeCharge,
    /// Until the requester hears of a person.
    FirstResponse,
    /// Until the desk is done with it.
    Resolution,
}

impl ClockKind {
    /// The code used in the API and in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            ClockKind::TakeCharge => "take-charge",
            ClockKind::FirstResponse => "first-response",
            ClockKind::Resolution => "resolution",
        }
    }
}

/// How a clock stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClockState {
    /// Less than 75 % of the target has passed.
    OnTrack,
    /// 75 % has passed.
    Warning,
    /// The target has passed, whether or not the clock was stopped since.
    Breached,
    /// The requester is asked; the target has not passed.
    Paused,
    /// Stopped in time.
    Met,
}

impl ClockState {
    /// Every state.
    pub const ALL: [ClockState; 5] = [
        ClockState::OnTrack,
        ClockState::Warning,
        ClockState::Breached,
        ClockState::Paused,
        ClockState::Met,
    ];

    /// The code used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            ClockState::OnTrack => "on-track",
            ClockState::Warning => "warning",
            ClockState::Breached => "breached",
            ClockState::Paused => "paused",
            ClockState::Met => "met",
        }
    }

    /// The state with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        ClockState::ALL
            .into_iter()
            .find(|state| state.as_str() == code)
    }
}

/// Whether a clock runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Run {
    /// It runs.
    Running,
    /// It is paused.
    Paused {
        /// Since when.
        since: Timestamp,
    },
    /// It has been stopped.
    Stopped {
        /// When.
        at: Timestamp,
    },
}

/// A clock of a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// What it measures.
    pub kind: ClockKind,
    /// The leg it began in, from 1.
    pub leg: i32,
    /// The version of the policy that held when that leg opened.
    pub policy: SlaPolicyId,
    /// When it began.
    pub started_at: Timestamp,
    /// The working time promised.
    pub target: SignedDuration,
    /// When 75 % of it will have passed, or passed. While it does not run: if it went on at once.
    pub warn_at: Timestamp,
    /// When all of it will have passed, or passed, likewise.
    pub due_at: Timestamp,
    /// When the region is to hear of it, likewise.
    pub escalate_at: Timestamp,
    /// How long its pauses that are over were, nights and holidays included.
    pub paused: SignedDuration,
    /// Whether it runs.
    pub run: Run,
}

impl Clock {
    /// How it stands at `now`.
    pub fn state(&self, now: Timestamp) -> ClockState {
        match self.run {
            _ if self.breached_at(now).is_some() => ClockState::Breached,
            Run::Paused { .. } => ClockState::Paused,
            Run::Stopped { .. } => ClockState::Met,
            Run::Running if self.warn_at <= now => ClockState::Warning,
            Run::Running => ClockState::OnTrack,
        }
    }

    /// When it was breached, if it was.
    pub fn breached_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.has_reached(self.due_at, now).then_some(self.due_at)
    }

    /// When it was stopped in time, if it was.
    pub fn met_at(&self) -> Option<Timestamp> {
        match self.run {
            Run::Stopped { at } if at < self.due_at => Some(at),
            _ => None,
        }
    }

    /// The grave things that have happened to it by `now`, mildest first.
    pub fn alerts(&self, now: Timestamp) -> impl Iterator<Item = Alert> {
        Alert::ALL
            .into_iter()
            .filter(move |alert| self.has_reached(self.at(*alert), now))
    }

    /// When the next of them comes, if it still runs then.
    pub fn next_alert(&self, now: Timestamp) -> Option<Timestamp> {
        if self.run != Run::Running {
            return None;
        }
        let coming = Alert::ALL.into_iter().map(|alert| self.at(alert));
        coming.filter(|at| *at > now).min()
    }

    fn at(&self, alert: Alert) -> Timestamp {
        match alert {
            Alert::Warning => self.warn_at,
            Alert::Breach => self.due_at,
            Alert::Escalation => self.escalate_at,
        }
    }

    /// At 100 % a clock is breached: what is done at that very instant is late.
    fn has_reached(&self, at: Timestamp, now: Timestamp) -> bool {
        match self.run {
            Run::Running => at <= now,
            Run::Paused { since: until } | Run::Stopped { at: until } => at <= until,
        }
    }
}

/// What somebody is told of a clock, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Alert {
    /// 75 % has passed: the desk is told.
    Warning,
    /// The target has passed: the supervisor is told.
    Breach,
    /// It has passed long ago: the region is told.
    Escalation,
}

impl Alert {
    /// Every alert, mildest first.
    pub const ALL: [Alert; 3] = [Alert::Warning, Alert::Breach, Alert::Escalation];

    /// The code kept in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Alert::Warning => "warning",
            Alert::Breach => "breach",
            Alert::Escalation => "escalation",
        }
    }
}

/// What the clocks need to know of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub change: Change,
    /// Whether a person wrote to the citizen along with it.
    pub answers: bool,
}

impl From<&Event> for Step {
    fn from(event: &Event) -> Self {
        let is_answer = |note: &crate::note::Note| {
            note.kind == NoteKind::Note && note.audience == Audience::Citizen
        };
        Step {
            at: event.at,
            change: event.change.clone(),
            answers: event.note.as_ref().is_some_and(is_answer),
        }
    }
}

impl Step {
    /// Whether some clock may stand otherwise after it.
    pub fn moves_a_clock(&self) -> bool {
        self.answers
            || !matches!(
                self.change,
                Change::Assigned { .. }
                    | Change::Released { .. }
                    | Change::NoteAdded
                    | Change::MessageReceived
                    | Change::Nudged
                    | Change::Reminded { .. }
                    | Change::ActivityOpened(_)
                    | Change::ActivityChanged(_)
                    | Change::ActivityCommented { .. }
                    | Change::ActivityOverdue { .. }
                    | Change::ActivityClosed(_)
                    | Change::NotePublished { .. }
                    | Change::Described { .. }
                    | Change::Undelivered { .. }
                    | Change::PlaybookDecided(_)
                    | Change::PlaybookOverridden { .. }
                    | Change::ReviewDue
                    | Change::LinkAdded { .. }
                    | Change::LinkRemoved { .. }
                    | Change::ReviewRequested { .. }
                    | Change::ReviewTaken
                    | Change::ReviewDecided { .. }
                    | Change::Restricted
                    | Change::RestrictionLifted
                    | Change::Rectified { .. }
                    | Change::Anonymised
            )
    }
}

/// What holds for a leg.
pub struct Terms<'a> {
    /// The version of the policy.
    pub policy: SlaPolicyId,
    /// What it promises.
    pub targets: Targets,
    /// The calendar its working time is counted by.
    pub calendar: &'a Calendar,
}

/// How long a leg lasted, by what the time was spent on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegTime {
    /// 1 for the first.
    pub no: i32,
    /// Whose it was.
    pub custodian: AuthorityCode,
    /// Since when.
    pub opened_at: Timestamp,
    /// Until when, if it is over.
    pub closed_at: Option<Timestamp>,
    /// The time that counts for the desk.
    pub active: SignedDuration,
    /// The time the requester was asked.
    pub paused: SignedDuration,
}

/// The legs of a ticket up to `now`. All their times together are the life of the ticket (I-9): from
/// filing to closing, or to `now`.
pub fn legs(history: &[Step], now: Timestamp) -> Vec<LegTime> {
    let mut story = Story::of(history);
    story.lapse(now);
    story.legs.into_iter().map(|leg| leg.time).collect()
}

/// The clocks of a ticket with this history, by leg. `terms` says what held for a leg of a desk that
/// opened at an instant; a leg for which nothing held has no clocks.
pub fn clocks<'a>(
    history: &[Step],
    terms: impl Fn(&AuthorityCode, Timestamp) -> Option<Terms<'a>>,
) -> Vec<Clock> {
    let story = Story::of(history);
    let terms: Vec<Option<Terms<'a>>> = story
        .legs
        .iter()
        .map(|leg| terms(&leg.time.custodian, leg.time.opened_at))
        .collect();
    let mut clocks = Vec::new();
    for (leg, terms) in story.legs.iter().zip(&terms) {
        let Some(held) = terms else { continue };
        let opened = leg.time.opened_at;
        let taken = leg.taken.map_or(Run::Running, |at| Run::Stopped { at });
        clocks.push(held.clock(
            ClockKind::TakeCharge,
            held.targets.take_charge,
            leg,
            &[((opened, None), held.calendar)],
            taken,
        ));
        let runs: Vec<_> = leg.runs.iter().map(|run| (*run, held.calendar)).collect();
        clocks.push(held.resolution(leg, &runs));
    }
    if let Some(first) = story.response(&terms) {
        clocks.push(first);
    }
    clocks.sort_by_key(|clock| (clock.leg, clock.kind));
    clocks
}

/// A stretch in which a clock runs, and until when if it is over.
type Stretch = (Timestamp, Option<Timestamp>);

/// What a leg's time is spent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Working,
    Asking,
    Settled,
    Over,
}

/// A leg as its history tells it.
struct Leg {
    time: LegTime,
    /// When somebody first did something with it.
    taken: Option<Timestamp>,
    /// When it was worked.
    runs: Vec<Stretch>,
    doing: Doing,
}

/// What a merge ends.
struct Standing {
    taken: Option<Timestamp>,
    responded: Option<Timestamp>,
    doing: Doing,
}

/// A history read through.
struct Story {
    legs: Vec<Leg>,
    responded: Option<Timestamp>,
    /// How things stood when the ticket was merged, should that be undone.
    merged: Option<Standing>,
    /// Up to when times have been added.
    until: Timestamp,
}

impl Story {
    fn of(history: &[Step]) -> Self {
        let mut story = Story {
            legs: Vec::new(),
            responded: None,
            merged: None,
            until: history.first().map_or(Timestamp::MIN, |step| step.at),
        };
        for step in history {
            story.read(step);
        }
        story
    }

    fn read(&mut self, step: &Step) {
        let at = step.at;
        let reopens = matches!(
            step.change,
            Change::Reopened { .. } | Change::Restored { .. }
        );
        if reopens && let Some(leg) = self.legs.last_mut() {
            // T21: the leg goes on as if it had never been over.
            leg.time.closed_at = None;
            if leg.doing == Doing::Over {
                leg.doing = Doing::Settled;
            }
        }
        self.lapse(at);
        match &step.change {
            Change::Filed { custodian: to, .. }
            | Change::HandedOver { to, .. }
            | Change::Returned { to, .. }
            | Change::Rerouted { to, .. } => {
                self.close(at);
                self.open(to, at);
            }
            Change::Taken { .. } => self.take(at),
            Change::InfoRequested => {
                self.take(at);
                self.turn(Doing::Asking, at);
                self.responded.get_or_insert(at);
            }
            Change::QuestionWithdrawn | Change::InfoReceived | Change::Reopened { .. } => {
                self.turn(Doing::Working, at);
            }
            Change::Resolved { .. } => {
                self.take(at);
                self.turn(Doing::Settled, at);
                self.responded.get_or_insert(at);
            }
            Change::AutoClosed => self.close(at),
            Change::Removed { merge, .. } => {
                self.merged = merge.as_ref().and_then(|_| self.standing());
                self.close(at);
                self.responded.get_or_insert(at);
            }
            Change::Restored { .. } => self.come_back(at),
            Change::Assigned { .. }
            | Change::Released { .. }
            | Change::NoteAdded
            | Change::MessageReceived
            | Change::Nudged
            | Change::Reminded { .. }
            | Change::ActivityOpened(_)
            | Change::ActivityChanged(_)
            | Change::ActivityCommented { .. }
            | Change::ActivityOverdue { .. }
            | Change::ActivityClosed(_)
            | Change::NotePublished { .. }
            | Change::Described { .. }
            | Change::Undelivered { .. }
            | Change::PlaybookDecided(_)
            | Change::PlaybookOverridden { .. }
            | Change::ReviewDue
            | Change::LinkAdded { .. }
            | Change::LinkRemoved { .. }
            | Change::ReviewRequested { .. }
            | Change::ReviewTaken
            | Change::ReviewDecided { .. }
            | Change::Restricted
            | Change::RestrictionLifted
            | Change::Rectified { .. }
            | Change::Anonymised => {}
        }
        if step.answers {
            self.responded.get_or_insert(at);
        }
    }

    fn standing(&self) -> Option<Standing> {
        let leg = self.legs.last()?;
        Some(Standing {
            taken: leg.taken,
            responded: self.responded,
            doing: leg.doing,
        })
    }

    /// A merge was neither taking charge nor an answer once it is undone. Its time counts for nobody.
    fn come_back(&mut self, at: Timestamp) {
        let (Some(was), Some(leg)) = (self.merged.take(), self.legs.last_mut()) else {
            return;
        };
        leg.taken = was.taken;
        self.responded = was.responded;
        self.turn(was.doing, at);
    }

    /// Adds the time since the step before to the leg that lasted.
    fn lapse(&mut self, now: Timestamp) {
        let passed = now.duration_since(self.until);
        if let Some(leg) = self.legs.last_mut() {
            match leg.doing {
                Doing::Asking => leg.time.paused += passed,
                Doing::Working | Doing::Settled => leg.time.active += passed,
                // Kept for a reopening, which adds it.
                Doing::Over => return,
            }
        }
        self.until = now;
    }

    fn open(&mut self, custodian: &AuthorityCode, at: Timestamp) {
        let no = self.legs.last().map_or(1, |leg| leg.time.no + 1);
        self.legs.push(Leg {
            time: LegTime {
                no,
                custodian: custodian.clone(),
                opened_at: at,
                closed_at: None,
                active: SignedDuration::ZERO,
                paused: SignedDuration::ZERO,
            },
            taken: None,
            runs: vec![(at, None)],
            doing: Doing::Working,
        });
    }

    fn close(&mut self, at: Timestamp) {
        self.take(at);
        self.turn(Doing::Over, at);
        if let Some(leg) = self.legs.last_mut() {
            leg.time.closed_at = Some(at);
        }
    }

    fn take(&mut self, at: Timestamp) {
        if let Some(leg) = self.legs.last_mut() {
            leg.taken.get_or_insert(at);
        }
    }

    fn turn(&mut self, doing: Doing, at: Timestamp) {
        let Some(leg) = self.legs.last_mut() else {
            return;
        };
        if let Some((_, end)) = leg.runs.last_mut() {
            end.get_or_insert(at);
        }
        if doing == Doing::Working {
            leg.runs.push((at, None));
        }
        leg.doing = doing;
    }

    /// The clock of the first response, which runs on while desks pass the ticket on.
    fn response(&self, terms: &[Option<Terms<'_>>]) -> Option<Clock> {
        let (first, held) = (self.legs.first()?, terms.first()?.as_ref()?);
        let is_before = |at: Timestamp| self.responded.is_none_or(|end| at < end);
        let legs = self.legs.iter().zip(terms);
        let runs: Vec<_> = legs
            .filter(|(leg, _)| leg.time.no == 1 || is_before(leg.time.opened_at))
            .map(|(leg, terms)| {
                let calendar = terms.as_ref().map_or(held.calendar, |terms| terms.calendar);
                ((leg.time.opened_at, leg.time.closed_at), calendar)
            })
            .collect();
        let run = self
            .responded
            .map_or(Run::Running, |at| Run::Stopped { at });
        Some(held.clock(
            ClockKind::FirstResponse,
            held.targets.first_response,
            first,
            &runs,
            run,
        ))
    }
}

impl Terms<'_> {
    fn resolution(&self, leg: &Leg, runs: &[(Stretch, &Calendar)]) -> Clock {
        let last = leg.runs.last().and_then(|(_, end)| *end);
        let run = match (leg.doing, last) {
            (Doing::Working, _) | (_, None) => Run::Running,
            (Doing::Asking, Some(since)) => Run::Paused { since },
            (Doing::Settled | Doing::Over, Some(at)) => Run::Stopped { at },
        };
        let kind = ClockKind::Resolution;
        Clock {
            paused: leg.time.paused,
            ..self.clock(kind, self.targets.resolution, leg, runs, run)
        }
    }

    fn clock(
        &self,
        kind: ClockKind,
        target: WorkingTime,
        leg: &Leg,
        runs: &[(Stretch, &Calendar)],
        run: Run,
    ) -> Clock {
        let target = target.by(self.calendar);
        let later = target + self.targets.escalate_after.by(self.calendar);
        Clock {
            kind,
            leg: leg.time.no,
            policy: self.policy,
            started_at: leg.time.opened_at,
            target,
            warn_at: reach(runs, target * 3 / 4),
            due_at: reach(runs, target),
            escalate_at: reach(runs, later),
            paused: SignedDuration::ZERO,
            run,
        }
    }
}

/// When this much working time has passed in the stretches, the last of which is taken to go on.
fn reach(runs: &[(Stretch, &Calendar)], mut wanted: SignedDuration) -> Timestamp {
    let Some((((last, _), by), before)) = runs.split_last() else {
        return Timestamp::MAX;
    };
    for ((start, end), calendar) in before {
        let worked = calendar.working_time_between(*start, end.unwrap_or(*start));
        if wanted <= worked {
            return calendar
                .add_working_time(*start, wanted)
                .unwrap_or(Timestamp::MAX);
        }
        wanted -= worked;
    }
    by.add_working_time(*last, wanted).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;

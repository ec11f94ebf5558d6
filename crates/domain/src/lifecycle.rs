//! The whole life cycle of a ticket: who may do what, when, and what it leads to.
//!
//! `decide` reads and answers with events or a refusal; `absorb` brings the ticket to where the
//! events lead. Nothing else changes a ticket. The transitions are T01–T25 of `domain.md` §4.2;
//! T01 is `Ticket::file`, T24 is a refusal ([`Rejection::Over`]) that the use case answers with
//! a follow-up. No other file may decide on a state, which is why this one is long.

use jiff::Timestamp;

use crate::activity::{ActivityFact, ActivityState, ActivityStep};
use crate::actor::{Actor, Assignee, Role, Staff};
use crate::command::{Action, ActionCode, Command, NewNote, Survivor, Update};
use crate::event::{Change, Event, Merge};
use crate::links::{LinkKind, MergeObstacle, NamedTicket};
use crate::note::{Audience, Note, NoteKind};
use crate::permissions::{self, Right};
use crate::playbook::{PlaybookWord, RanPlaybook, Verdict};
use crate::rejection::Rejection;
use crate::state::{
    HandOverReason, PlaybookDecision, RemovalReason, ResolutionCode, State, StateCode, Windows,
};
use crate::ticket::{Desk, Leg, LegEnd, LegOutcome, Ticket};

/// The least a note must say when the hand-over reason is `other` (`domain.md` §4.5).
const OTHER_REASON_MIN_CHARS: usize = 20;

/// Whether a role may ask for an action at all (`domain.md` §2.2).
pub fn may(role: Role, action: ActionCode) -> bool {
    use ActionCode as A;
    let right = match action {
        // Nobody closes by hand; whoever works here hears why.
        A::Take | A::Assign | A::Note | A::Close => Right::Work,
        A::AskInfo | A::CancelQuestion | A::Resolve | A::Reopen | A::PublishNote => Right::Answer,
        A::HandOver => Right::HandOver,
        A::Return | A::Reroute | A::OpenActivity | A::CloseActivity => Right::Route,
        A::Remove => Right::Supervise,
    };
    permissions::has(role, right)
}

/// Whether the state lets an action happen.
const fn fits(action: ActionCode, state: StateCode, at_region: bool) -> bool {
    use ActionCode as A;
    use StateCode as S;
    match action {
        A::Take => matches!(state, S::New | S::NotCompetent),
        A::Assign => state.is_open(),
        A::Note | A::PublishNote => state.is_open() || matches!(state, S::Resolved),
        A::AskInfo => matches!(state, S::New | S::InProgress),
        A::CancelQuestion => matches!(state, S::AwaitingInfo),
        A::Resolve => matches!(
            state,
            S::New | S::InProgress | S::AwaitingInfo | S::NotCompetent
        ),
        A::HandOver => matches!(state, S::New | S::InProgress) && !at_region,
        A::Return | A::Reroute => matches!(state, S::NotCompetent | S::InProgress) && at_region,
        A::OpenActivity => matches!(state, S::InProgress) && at_region,
        A::CloseActivity => matches!(state, S::ExternalWork),
        A::Reopen => matches!(state, S::Resolved | S::AutoClosed),
        A::Remove => !state.is_final(),
        A::Close => false,
    }
}

/// Restricting and rectifying are the affair of whoever keeps the register of people's rights.
fn must_answer_for_rights(staff: &Staff, command: &Command) -> Result<(), Rejection> {
    match permissions::has(staff.role, Right::KeepSubjectRequests) {
        true => Ok(()),
        false => Err(Rejection::Forbidden {
            action: command.name(),
        }),
    }
}

/// The note an action cannot go without: `Some(true)` published, `Some(false)` internal.
const fn note_needed(action: ActionCode) -> Option<bool> {
    use ActionCode as A;
    match action {
        A::AskInfo | A::Resolve | A::HandOver | A::Return | A::Reroute | A::OpenActivity => {
            Some(true)
        }
        A::CancelQuestion | A::Reopen | A::Remove => Some(false),
        A::Take | A::Assign | A::Note | A::CloseActivity | A::PublishNote | A::Close => None,
    }
}

/// Who reads a published note, by the action it goes with (`domain.md` §5.1). The author never chooses.
const fn published_to(action: ActionCode) -> Audience {
    use ActionCode as A;
    match action {
        A::HandOver => Audience::Region,
        A::Return | A::Reroute => Audience::Authority,
        A::OpenActivity | A::CloseActivity => Audience::Technical,
        _ => Audience::Citizen,
    }
}

/// Who may come to read a note that goes with an action: two, where its author says whether it is
/// published, and nobody where there can be none.
pub fn readers_of(action: ActionCode) -> Vec<Audience> {
    match (action, note_needed(action)) {
        (ActionCode::PublishNote | ActionCode::Close, _) => Vec::new(),
        (_, Some(true)) => vec![published_to(action)],
        (_, Some(false)) => vec![Audience::Team],
        (_, None) => vec![published_to(action), Audience::Team],
    }
}

impl Ticket {
    /// Says what a command does to this ticket, or why it may not.
    pub fn decide(
        &self,
        command: &Command,
        actor: &Actor,
        now: Timestamp,
        windows: &Windows,
    ) -> Result<Vec<Event>, Rejection> {
        self.must_be_free_for(command, actor)?;
        let changes = match (command, actor) {
            (Command::Update(update), Actor::Staff(staff)) => {
                self.decide_update(update, staff, now, windows)?
            }
            (Command::Describe(wish), Actor::Staff(staff)) => {
                if !may(staff.role, ActionCode::Note) {
                    return Err(Rejection::Forbidden {
                        action: command.name(),
                    });
                }
                self.must_be_custodian(staff)?;
                if self.state.code().is_final() {
                    return Err(self.not_allowed("describe", staff, now, windows));
                }
                vec![(
                    Change::Described {
                        priority: wish.priority,
                        kind: wish.kind,
                        tags: wish.tags.clone(),
                        contacts: wish.contacts.clone(),
                    },
                    None,
                )]
            }
            (Command::AnswerPlaybook { word }, Actor::Staff(staff)) => {
                self.decide_answer(word, staff, now, windows)?
            }
            (Command::ReviewHold, Actor::System) => match self.next_review() {
                Some(at) if now >= at => vec![(Change::ReviewDue, None)],
                _ => return Err(Rejection::NotDue),
            },
            (Command::Link { other, kind }, Actor::Staff(staff)) => {
                self.must_allow_link(*kind, command, staff, now, windows)?;
                let (other, kind) = (*other, *kind);
                vec![(Change::LinkAdded { other, kind }, None)]
            }
            (Command::Unlink { other, kind }, Actor::Staff(staff)) => {
                self.must_allow_link(*kind, command, staff, now, windows)?;
                let (other, kind) = (*other, *kind);
                vec![(Change::LinkRemoved { other, kind }, None)]
            }
            (Command::Merge { into, note }, Actor::Staff(staff)) => {
                self.permits(ActionCode::Remove, staff, now, windows)?;
                self.must_merge_into(into)?;
                let note = note.as_ref().map(|body| internal(body, staff));
                let change = Change::Removed {
                    reason: RemovalReason::Duplicate,
                    duplicate_of: Some(into.named.number.clone()),
                    merge: Some(Merge {
                        into: into.named.id,
                        state: self.state,
                        needs_attention: self.needs_attention,
                    }),
                };
                vec![(change, note)]
            }
            (
                Command::UndoMerge {
                    survivor,
                    state,
                    needs_attention,
                },
                Actor::Staff(staff),
            ) => {
                let removed = self.must_come_back(survivor, staff, now, windows)?;
                let change = Change::Restored {
                    state: state.put_off(now.duration_since(removed)),
                    needs_attention: *needs_attention,
                };
                vec![(change, None)]
            }
            (Command::Reply { body, attachment }, Actor::Requester) => {
                let note = Note {
                    kind: NoteKind::Message,
                    audience: Audience::Citizen,
                    team: None,
                    party: None,
                    body: body.clone(),
                    attachment: attachment.clone(),
                };
                vec![(self.after_reply(now)?, Some(note))]
            }
            (Command::Withdraw, Actor::Requester) => {
                if !self.state.code().is_open() {
                    let state = self.state.code();
                    return Err(Rejection::TransitionNotAllowed {
                        action: "withdraw",
                        state,
                        allowed: Vec::new(),
                    });
                }
                vec![(resolved(ResolutionCode::Withdrawn, now, windows), None)]
            }
            (Command::RequestReview { reason, due_at }, Actor::Requester) => {
                self.must_be_settled("ask for a review")?;
                let note = Note {
                    kind: NoteKind::Message,
                    audience: Audience::Citizen,
                    team: None,
                    party: None,
                    body: reason.clone(),
                    attachment: None,
                };
                let change = Change::ReviewRequested {
                    desk: self.custodian.code.clone(),
                    due_at: *due_at,
                };
                vec![(change, Some(note))]
            }
            (Command::TakeReview, Actor::Staff(staff)) => {
                self.must_review(staff, command, now, windows)?;
                vec![(Change::ReviewTaken, None)]
            }
            (
                Command::DecideReview {
                    outcome,
                    reopens,
                    reasons,
                },
                Actor::Staff(staff),
            ) => {
                self.must_review(staff, command, now, windows)?;
                let note = Note {
                    kind: NoteKind::Note,
                    audience: Audience::Citizen,
                    team: Some(staff.authority.clone()),
                    party: None,
                    body: reasons.clone(),
                    attachment: None,
                };
                let decided = Change::ReviewDecided { outcome: *outcome };
                let mut changes = vec![(decided, Some(note))];
                // Whatever the requester wrote meanwhile may have opened it already.
                if *reopens && !self.state.code().is_open() {
                    self.must_be_settled(command.name())?;
                    let reopened = Change::Reopened {
                        by_reply: false,
                        on_review: true,
                    };
                    changes.push((reopened, None));
                }
                changes
            }
            (Command::Remind, Actor::System) => match self.due(now, windows) {
                Due::Reminder { nth } => vec![(Change::Reminded { nth }, None)],
                _ => return Err(Rejection::NotDue),
            },
            (Command::GiveUp, Actor::System) => match self.due(now, windows) {
                Due::GiveUp => vec![(resolved(ResolutionCode::NoAnswer, now, windows), None)],
                _ => return Err(Rejection::NotDue),
            },
            (Command::Place { to }, Actor::System) => {
                if !self.state.code().is_open() || self.assignee.is_some() {
                    return Err(Rejection::NotDue);
                }
                vec![(Change::Assigned { to: to.clone() }, None)]
            }
            (Command::Release, Actor::System) => match &self.assignee {
                Some(Assignee::Operator(owner)) if !self.state.code().is_final() => {
                    vec![(Change::Released { from: *owner }, None)]
                }
                _ => return Err(Rejection::NotDue),
            },
            (
                Command::Nudge {
                    possible_from,
                    most,
                },
                Actor::Requester,
            ) => {
                self.must_take_nudge(*possible_from, *most, now)?;
                vec![(Change::Nudged, None)]
            }
            (Command::FollowActivity(step), Actor::System | Actor::Staff(_)) => {
                if let Actor::Staff(staff) = actor
                    && !permissions::has(staff.role, Right::WorkActivities)
                {
                    return Err(Rejection::Forbidden {
                        action: command.name(),
                    });
                }
                vec![(self.after_activity(step)?, None)]
            }
            (Command::ReportUndelivered { message }, Actor::System) => {
                if self.state.code().is_final() {
                    return Err(Rejection::NotDue);
                }
                vec![(Change::Undelivered { message: *message }, None)]
            }
            (Command::Restrict { holds }, Actor::Staff(staff)) => {
                must_answer_for_rights(staff, command)?;
                match (*holds, self.restricted_at) {
                    (true, None) => vec![(Change::Restricted, None)],
                    (false, Some(_)) => vec![(Change::RestrictionLifted, None)],
                    _ => return Err(Rejection::RestrictedAsAsked),
                }
            }
            (Command::Rectify { members }, Actor::Staff(staff)) => {
                must_answer_for_rights(staff, command)?;
                let members = members.clone();
                vec![(Change::Rectified { members }, None)]
            }
            (Command::AutoClose, Actor::System) => match self.due(now, windows) {
                Due::Close => vec![(Change::AutoClosed, None)],
                _ => return Err(Rejection::NotDue),
            },
            (Command::Anonymise { over_by }, Actor::System) => match self.over_since() {
                // What is restricted is kept as if it were held (GDPR 18).
                Some(_) if self.restricted_at.is_some() => return Err(Rejection::NotDue),
                Some(at) if at <= *over_by && self.anonymised_at.is_none() => {
                    vec![(Change::Anonymised, None)]
                }
                _ => return Err(Rejection::NotDue),
            },
            (command, _) => {
                return Err(Rejection::Forbidden {
                    action: command.name(),
                });
            }
        };
        Ok(self.numbered(changes, now))
    }

    /// While the processing is restricted (GDPR 18) people take no action but those that the
    /// restriction is for; what the system has to record goes on.
    fn must_be_free_for(&self, command: &Command, actor: &Actor) -> Result<(), Rejection> {
        // An update hears of it behind custody, which is told first.
        let is_for_rights = matches!(
            command,
            Command::Restrict { .. } | Command::Rectify { .. } | Command::Update(_)
        );
        match self.restricted_at {
            Some(since) if *actor != Actor::System && !is_for_rights => {
                Err(Rejection::Restricted { since })
            }
            _ => Ok(()),
        }
    }

    /// Whether `staff` may ask for `action` here and now, whatever goes along with it.
    pub fn permits(
        &self,
        action: ActionCode,
        staff: &Staff,
        now: Timestamp,
        windows: &Windows,
    ) -> Result<(), Rejection> {
        match self.fits_now(action, staff, now, windows) {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.not_allowed(action.as_str(), staff, now, windows)),
            Err(rejection) => Err(rejection),
        }
    }

    /// The same, with `false` where only the state or the time is against it: what is allowed
    /// instead is found by asking this for every action.
    fn fits_now(
        &self,
        action: ActionCode,
        staff: &Staff,
        now: Timestamp,
        windows: &Windows,
    ) -> Result<bool, Rejection> {
        if !may(staff.role, action) {
            return Err(Rejection::Forbidden {
                action: action.as_str(),
            });
        }
        if action == ActionCode::Close {
            return Err(Rejection::ManualCloseForbidden {
                state: self.state.code(),
            });
        }
        self.must_hold_for(action, staff)?;
        if let Some(since) = self.restricted_at {
            return Err(Rejection::Restricted { since });
        }
        let is_forgotten = self.anonymised_at.is_some();
        if is_forgotten || !fits(action, self.state.code(), self.custodian.is_region) {
            return Ok(false);
        }
        if let (ActionCode::Reopen, State::AutoClosed { at, .. }) = (action, self.state) {
            if !permissions::has(staff.role, Right::Supervise) {
                return Err(Rejection::Forbidden {
                    action: "reopen a closed ticket",
                });
            }
            if now.duration_since(at) > windows.reopen {
                return Ok(false);
            }
        }
        if action == ActionCode::Return {
            if self.previous_custodian().is_none() {
                return Err(Rejection::NoPreviousAuthority);
            }
            if self.bounces >= 1 && staff.role != Role::RegionalSupervisor {
                return Err(Rejection::Forbidden {
                    action: "return a ticket a second time",
                });
            }
        }
        Ok(true)
    }

    /// The actions `staff` may ask for here and now.
    pub fn allowed_actions(
        &self,
        staff: &Staff,
        now: Timestamp,
        windows: &Windows,
    ) -> Vec<ActionCode> {
        ActionCode::OFFERED
            .into_iter()
            .filter(|action| matches!(self.fits_now(*action, staff, now, windows), Ok(true)))
            .collect()
    }

    /// Whether the playbook lets `action` happen: a hand-over needs its word (T13), and while it waits
    /// for a fix nothing is resolved (T09).
    pub fn heeds_playbook(&self, action: ActionCode, verdict: &Verdict) -> Result<(), Rejection> {
        let decision = self.playbook.as_ref().map(|word| word.decision);
        let is_against = match (action, verdict) {
            (ActionCode::HandOver, Verdict::Governed { .. }) => {
                decision != Some(PlaybookDecision::Escalate)
            }
            (ActionCode::Resolve, _) => decision == Some(PlaybookDecision::Hold),
            _ => false,
        };
        match (is_against, verdict) {
            (false, _) => Ok(()),
            (true, Verdict::Governed { unmet }) => Err(Rejection::PlaybookNotSatisfied {
                action,
                unmet: unmet.clone(),
            }),
            (true, Verdict::NotGoverned) => Err(Rejection::PlaybookNotSatisfied {
                action,
                unmet: Vec::new(),
            }),
        }
    }

    /// Whether `staff` may answer the checks of a playbook here and now.
    pub fn permits_answers(
        &self,
        staff: &Staff,
        now: Timestamp,
        windows: &Windows,
    ) -> Result<(), Rejection> {
        const ANSWER: &str = "answer the playbook";
        if !permissions::has(staff.role, Right::RunPlaybook) {
            return Err(Rejection::Forbidden { action: ANSWER });
        }
        self.must_be_custodian(staff)?;
        match self.state.code().is_open() {
            true => Ok(()),
            false => Err(self.not_allowed(ANSWER, staff, now, windows)),
        }
    }

    /// What answers to a playbook's checks do: take charge of what is new (T02), and leave the word
    /// they lead to, if it is another one.
    fn decide_answer(
        &self,
        word: &PlaybookWord,
        staff: &Staff,
        now: Timestamp,
        windows: &Windows,
    ) -> Result<Vec<(Change, Option<Note>)>, Rejection> {
        self.permits_answers(staff, now, windows)?;
        let mut changes = Vec::new();
        if self.state == State::New {
            changes.push((Change::Taken { by: staff.account }, None));
        }
        // A hold that was looked at and holds on is a new wait.
        let goes_on = |old: &PlaybookWord| old.waiting.is_some_and(|waiting| waiting.is_told);
        let is_known = self
            .playbook
            .as_ref()
            .is_some_and(|old| old.says_the_same_as(word) && !goes_on(old));
        if !is_known {
            changes.push((Change::PlaybookDecided(word.clone()), None));
        }
        Ok(changes)
    }

    /// The word against which a supervisor hands over, if they do (T13).
    fn override_of(
        &self,
        update: &Update,
        staff: &Staff,
    ) -> Result<Option<(Change, Option<Note>)>, Rejection> {
        let action = update.action.code();
        let reason = update
            .override_reason
            .as_ref()
            .filter(|_| action == ActionCode::HandOver);
        if reason.is_some() && !permissions::has(staff.role, Right::Supervise) {
            return Err(Rejection::Forbidden {
                action: "override a playbook",
            });
        }
        match (self.heeds_playbook(action, &update.playbook), reason) {
            (Ok(()), _) => Ok(None),
            (Err(refusal), None) => Err(refusal),
            (Err(_), Some(reason)) => {
                let change = Change::PlaybookOverridden {
                    playbook: self.playbook.as_ref().map(RanPlaybook::from),
                };
                let note = Note {
                    kind: NoteKind::Note,
                    audience: Audience::Team,
                    team: Some(staff.authority.clone()),
                    party: None,
                    body: reason.clone(),
                    attachment: None,
                };
                Ok(Some((change, Some(note))))
            }
        }
    }

    fn decide_update(
        &self,
        update: &Update,
        staff: &Staff,
        now: Timestamp,
        windows: &Windows,
    ) -> Result<Vec<(Change, Option<Note>)>, Rejection> {
        let action = update.action.code();
        self.permits(action, staff, now, windows)?;
        let overridden = self.override_of(update, staff)?;
        self.must_carry_note(&update.action, update.note.as_ref())?;
        self.must_assign_well(update, staff)?;
        let note = update
            .note
            .as_ref()
            .map(|new| self.note_for(&update.action, new, staff));
        let note = match &update.action {
            Action::PublishNote(_) => None,
            _ => note,
        };
        let audience = match &update.action {
            Action::PublishNote(_) => Some(Audience::Citizen),
            _ => note.as_ref().map(|note| note.audience),
        };
        match (update.expected_audience, audience) {
            (Some(expected), Some(computed)) if expected != computed => {
                return Err(Rejection::AudienceMismatch { computed });
            }
            _ => {}
        }

        let mut changes = Vec::from_iter(overridden);
        let takes_first = self.state == State::New
            && matches!(
                update.action,
                Action::Assign | Action::Note | Action::PublishNote(_)
            );
        if takes_first {
            changes.push((Change::Taken { by: staff.account }, None)); // T02: the first action takes charge
        }
        let change = match &update.action {
            Action::Take => Change::Taken { by: staff.account },
            Action::Assign => match update.assignee.clone() {
                Some(to) => Change::Assigned { to },
                None => return Err(Rejection::AssigneeRequired),
            },
            Action::Note => Change::NoteAdded,
            Action::AskInfo => Change::InfoRequested,
            Action::CancelQuestion => Change::QuestionWithdrawn,
            Action::Resolve { code } if !code.is_for_people() => {
                return Err(Rejection::CodeNotForPeople);
            }
            Action::Resolve { code } => resolved(*code, now, windows),
            Action::HandOver { to, .. } if !to.desk.is_region || !to.accepts => {
                return Err(Rejection::AuthorityInactive);
            }
            Action::HandOver { reason, to } => Change::HandedOver {
                reason: *reason,
                to: to.desk.code.clone(),
                route: to.route.clone(),
                playbook: self.playbook.as_ref().map(RanPlaybook::from),
            },
            Action::Return { to } => match to {
                Some(target)
                    if !self
                        .previous_custodian()
                        .is_some_and(|previous| target.stands_for(previous)) =>
                {
                    return Err(Rejection::NoPreviousAuthority);
                }
                Some(target) if target.accepts => Change::Returned {
                    to: target.desk.code.clone(),
                    route: target.route.clone(),
                },
                Some(_) => return Err(Rejection::AuthorityInactive),
                None => return Err(Rejection::NoPreviousAuthority),
            },
            Action::Reroute { to } => {
                let previous = self.previous_custodian();
                if previous.is_some_and(|previous| to.stands_for(previous)) {
                    return Err(Rejection::SameAuthority);
                }
                if !to.accepts || to.desk.is_region {
                    return Err(Rejection::AuthorityInactive);
                }
                Change::Rerouted {
                    to: to.desk.code.clone(),
                    route: to.route.clone(),
                }
            }
            Action::OpenActivity { activity } => Change::ActivityOpened(Some(ActivityFact {
                activity: *activity,
                state: ActivityState::New,
                origin: None,
            })),
            Action::CloseActivity { activity } => {
                Change::ActivityClosed(activity.map(|activity| ActivityFact {
                    activity,
                    state: ActivityState::Cancelled,
                    origin: None,
                }))
            }
            Action::Reopen => Change::Reopened {
                by_reply: false,
                on_review: false,
            },
            Action::Remove {
                reason: RemovalReason::Duplicate,
                duplicate_of: None,
            } => {
                return Err(Rejection::SurvivorRequired);
            }
            Action::Remove {
                reason,
                duplicate_of,
            } => Change::Removed {
                reason: *reason,
                duplicate_of: duplicate_of.clone(),
                merge: None,
            },
            Action::PublishNote(_) if update.note.is_some() => {
                return Err(Rejection::NoteNotAllowed);
            }
            Action::PublishNote(shown) => {
                let is_own = shown.author == Some(staff.account)
                    || permissions::has(staff.role, Right::Supervise);
                if shown.audience != Audience::Team || shown.team.as_ref() != Some(&staff.authority)
                {
                    return Err(Rejection::NotPublishable);
                }
                if !is_own {
                    return Err(Rejection::Forbidden {
                        action: "publish a colleague's note",
                    });
                }
                let copy = Note {
                    kind: NoteKind::Note,
                    audience: Audience::Citizen,
                    team: Some(staff.authority.clone()),
                    party: None,
                    body: shown.body.clone(),
                    attachment: shown.attachment.clone(),
                };
                changes.push((Change::NotePublished { of: shown.seq }, Some(copy)));
                return Ok(changes);
            }
            Action::Close => {
                return Err(Rejection::ManualCloseForbidden {
                    state: self.state.code(),
                });
            }
        };
        changes.push((change, note));
        let given = match (&update.action, &self.assignee) {
            (Action::Assign, _) => None,
            // Pulled: it was a colleague's, and taking charge alone changes no owner.
            (Action::Take, Some(Assignee::Operator(owner))) if *owner != staff.account => {
                let own = Assignee::Operator(staff.account);
                Some(update.assignee.clone().unwrap_or(own))
            }
            _ => update.assignee.clone(),
        };
        if let Some(to) = given {
            changes.push((Change::Assigned { to }, None));
        }
        Ok(changes)
    }

    /// A link is a word of the desk that works the ticket; that of a merge belongs to the merge.
    fn must_allow_link(
        &self,
        kind: LinkKind,
        command: &Command,
        staff: &Staff,
        now: Timestamp,
        windows: &Windows,
    ) -> Result<(), Rejection> {
        let like = match kind {
            LinkKind::Related | LinkKind::FollowUp => ActionCode::Note,
            LinkKind::Duplicate => ActionCode::Remove,
        };
        let action = command.name();
        if !may(staff.role, like) {
            return Err(Rejection::Forbidden { action });
        }
        self.must_hold_for(like, staff)?;
        match self.state.code().is_final() {
            true => Err(self.not_allowed(action, staff, now, windows)),
            false => Ok(()),
        }
    }

    /// What is written on a merged ticket goes on in the other one: it must be with the same desk, and
    /// the same people must read it.
    fn must_merge_into(&self, into: &Survivor) -> Result<(), Rejection> {
        let obstacle = if into.named.id == self.id {
            Some(MergeObstacle::Itself)
        } else if into.custodian != self.custodian.code {
            Some(MergeObstacle::OtherCustody)
        } else if into.is_over {
            Some(MergeObstacle::SurvivorOver)
        } else {
            into.obstacle
        };
        obstacle.map_or(Ok(()), |obstacle| Err(Rejection::MergeNotAllowed(obstacle)))
    }

    /// When the ticket was merged, if that may be undone now: T22 is final but for this.
    fn must_come_back(
        &self,
        survivor: &Survivor,
        staff: &Staff,
        now: Timestamp,
        windows: &Windows,
    ) -> Result<Timestamp, Rejection> {
        let action = "undo a merge";
        if !may(staff.role, ActionCode::Remove) {
            return Err(Rejection::Forbidden { action });
        }
        self.must_hold_for(ActionCode::Remove, staff)?;
        let (State::Removed { at }, Some(_)) = (self.state, &self.merged_into) else {
            return Err(self.not_allowed(action, staff, now, windows));
        };
        let obstacle =
            if now.duration_since(at) > windows.undo_merge || self.anonymised_at.is_some() {
                MergeObstacle::TooLate
            } else if survivor.custodian != self.custodian.code {
                MergeObstacle::OtherCustody
            } else if survivor.is_over {
                MergeObstacle::SurvivorOver
            } else {
                return Ok(at);
            };
        Err(Rejection::MergeNotAllowed(obstacle))
    }

    /// What a requester's message does, by state (T05, T10, T23), or that it comes too late (T24).
    fn after_reply(&self, now: Timestamp) -> Result<Change, Rejection> {
        match self.state {
            State::AwaitingInfo { .. } => Ok(Change::InfoReceived),
            State::New | State::InProgress | State::NotCompetent | State::ExternalWork => {
                Ok(Change::MessageReceived)
            }
            State::Resolved { closes_at, .. } if now <= closes_at => Ok(Change::Reopened {
                by_reply: true,
                on_review: false,
            }),
            State::Resolved { .. } | State::AutoClosed { .. } | State::Removed { .. } => {
                Err(Rejection::Over)
            }
        }
    }

    /// A nudge is for a ticket that lies with a desk, not with the requester, and not too often.
    fn must_take_nudge(
        &self,
        possible_from: Timestamp,
        most: i32,
        now: Timestamp,
    ) -> Result<(), Rejection> {
        if !self.takes_nudges() {
            return Err(Rejection::TransitionNotAllowed {
                action: "nudge",
                state: self.state.code(),
                allowed: Vec::new(),
            });
        }
        if self.nudges >= most {
            return Err(Rejection::NudgesUsedUp { most });
        }
        match now < possible_from {
            true => Err(Rejection::NudgeTooEarly { possible_from }),
            false => Ok(()),
        }
    }

    /// Whether it lies with a desk, so that its requester may nudge.
    pub fn takes_nudges(&self) -> bool {
        let state = self.state.code();
        state.is_open() && state != StateCode::AwaitingInfo
    }

    /// Whether what happens to the ticket's activities is told in its history: while the region has
    /// it and somebody works on it. Elsewhere nobody who reads it may know of them.
    pub const fn follows_activities(&self) -> bool {
        self.custodian.is_region && self.state.code().is_open()
    }

    /// What happened to the ticket's activity, as its history tells it (T19).
    fn after_activity(&self, step: &ActivityStep) -> Result<Change, Rejection> {
        if !self.follows_activities() {
            return Err(Rejection::NotDue);
        }
        Ok(match step {
            ActivityStep::Ended(fact) if self.state == State::ExternalWork => {
                Change::ActivityClosed(Some(*fact))
            }
            ActivityStep::Ended(fact) | ActivityStep::Changed(fact) => {
                Change::ActivityChanged(*fact)
            }
            ActivityStep::Commented {
                activity,
                comment,
                by_region,
                origin,
            } => Change::ActivityCommented {
                activity: *activity,
                comment: *comment,
                by_region: *by_region,
                origin: *origin,
            },
            ActivityStep::Overdue { activity } => Change::ActivityOverdue {
                activity: *activity,
            },
        })
    }

    fn must_be_settled(&self, action: &'static str) -> Result<(), Rejection> {
        match self.state {
            State::Resolved { .. } | State::AutoClosed { .. } if self.anonymised_at.is_none() => {
                Ok(())
            }
            _ => Err(Rejection::TransitionNotAllowed {
                action,
                state: self.state.code(),
                allowed: Vec::new(),
            }),
        }
    }

    /// A supervisor of the desk that has the ticket decides a review; the regional one does wherever
    /// nobody there may (`docs/adr/0028`). Nobody does on a ticket that was removed (T22).
    fn must_review(
        &self,
        staff: &Staff,
        command: &Command,
        now: Timestamp,
        windows: &Windows,
    ) -> Result<(), Rejection> {
        if !permissions::has(staff.role, Right::DecideReviews) {
            return Err(Rejection::Forbidden {
                action: command.name(),
            });
        }
        if staff.role != Role::RegionalSupervisor {
            self.must_be_custodian(staff)?;
        }
        match self.state {
            State::Removed { .. } => Err(self.not_allowed(command.name(), staff, now, windows)),
            _ => Ok(()),
        }
    }

    /// Whether a reply comes too late now, and becomes a follow-up (T24).
    pub fn takes_no_reply(&self, now: Timestamp) -> bool {
        self.after_reply(now).is_err()
    }

    /// Which timer is due (I-13: only the one of the present state).
    pub fn due(&self, now: Timestamp, windows: &Windows) -> Due {
        match (self.state, self.awaited_timer(windows)) {
            (_, None) => Due::Nothing,
            (State::Resolved { closes_at, .. }, _) if now > closes_at => Due::Close,
            (State::AwaitingInfo { since, .. }, Some(at)) if now >= at => {
                let waited = now.duration_since(since);
                if waited >= windows.give_up {
                    return Due::GiveUp;
                }
                let passed = windows
                    .reminders
                    .iter()
                    .filter(|after| **after <= waited)
                    .count();
                Due::Reminder {
                    nth: u32::try_from(passed).unwrap_or(u32::MAX),
                }
            }
            _ => Due::Nothing,
        }
    }

    /// Custody decides who may write (I-5). A regional supervisor may also remove and reopen elsewhere.
    fn must_hold_for(&self, action: ActionCode, staff: &Staff) -> Result<(), Rejection> {
        let reaches_everywhere = staff.role == Role::RegionalSupervisor
            && (action == ActionCode::Remove
                || (action == ActionCode::Reopen && self.state.code() == StateCode::AutoClosed));
        if reaches_everywhere {
            Ok(())
        } else {
            self.must_be_custodian(staff)
        }
    }

    fn must_be_custodian(&self, staff: &Staff) -> Result<(), Rejection> {
        if self.custodian.code == staff.authority {
            Ok(())
        } else {
            Err(Rejection::NotInCustody)
        }
    }

    fn must_carry_note(&self, action: &Action, note: Option<&NewNote>) -> Result<(), Rejection> {
        let code = action.code();
        let needed = if code == ActionCode::Note {
            note.map(|n| n.published).or(Some(false))
        } else {
            note_needed(code)
        };
        match (needed, note) {
            (Some(published), Some(note)) if note.published != published => {
                Err(Rejection::NoteRequired {
                    action: code,
                    published,
                })
            }
            (Some(published), None) => Err(Rejection::NoteRequired {
                action: code,
                published,
            }),
            (_, Some(note))
                if matches!(
                    action,
                    Action::HandOver {
                        reason: HandOverReason::Other,
                        ..
                    }
                ) && note.body.chars().count() < OTHER_REASON_MIN_CHARS =>
            {
                Err(Rejection::NoteTooShort {
                    min: OTHER_REASON_MIN_CHARS,
                })
            }
            _ => Ok(()),
        }
    }

    /// Only a supervisor takes a ticket from a colleague (`domain.md` §2.2), and nobody assigns a
    /// ticket that leaves the desk or rests.
    fn must_assign_well(&self, update: &Update, staff: &Staff) -> Result<(), Rejection> {
        let gives = update.assignee.is_some();
        let leaves = matches!(
            update.action,
            Action::HandOver { .. }
                | Action::Return { .. }
                | Action::Reroute { .. }
                | Action::Resolve { .. }
                | Action::Remove { .. }
                | Action::PublishNote(_)
        );
        let rests = !self.state.code().is_open() && !matches!(update.action, Action::Reopen);
        if gives && (leaves || rests) {
            return Err(Rejection::AssigneeNotAllowed);
        }
        match &self.assignee {
            Some(Assignee::Operator(owner))
                if (gives || matches!(update.action, Action::Take))
                    && *owner != staff.account
                    && !permissions::has(staff.role, Right::Pull) =>
            {
                Err(Rejection::Forbidden {
                    action: "take a ticket from a colleague",
                })
            }
            _ => Ok(()),
        }
    }

    fn note_for(&self, action: &Action, new: &NewNote, staff: &Staff) -> Note {
        let audience = if new.published {
            published_to(action.code())
        } else {
            Audience::Team
        };
        let party = match action {
            Action::Return { to: Some(target) } | Action::Reroute { to: target }
                if audience == Audience::Authority =>
            {
                Some(target.desk.code.clone())
            }
            _ => None,
        };
        Note {
            kind: NoteKind::Note,
            audience,
            team: Some(staff.authority.clone()),
            party,
            body: new.body.clone(),
            attachment: new.attachment.clone(),
        }
    }

    fn not_allowed(
        &self,
        action: &'static str,
        staff: &Staff,
        now: Timestamp,
        windows: &Windows,
    ) -> Rejection {
        Rejection::TransitionNotAllowed {
            action,
            state: self.state.code(),
            allowed: self.allowed_actions(staff, now, windows),
        }
    }

    fn numbered(&self, changes: Vec<(Change, Option<Note>)>, now: Timestamp) -> Vec<Event> {
        changes
            .into_iter()
            .zip(self.version + 1..)
            .map(|((change, note), seq)| Event {
                seq,
                at: now,
                change,
                note,
            })
            .collect()
    }

    /// Brings this ticket to where the events lead. Cannot fail.
    pub fn absorb(&mut self, events: &[Event]) {
        for event in events {
            self.absorb_one(event);
            self.version = event.seq;
            self.updated_at = event.at;
        }
    }

    fn absorb_one(&mut self, event: &Event) {
        match &event.change {
            Change::Filed { .. }
            | Change::NotePublished { .. }
            | Change::PlaybookOverridden { .. }
            | Change::LinkAdded { .. }
            | Change::LinkRemoved { .. }
            | Change::ReviewRequested { .. }
            | Change::ReviewTaken
            | Change::ReviewDecided { .. } => {}
            Change::PlaybookDecided(word) => self.playbook = Some(word.clone()),
            Change::Anonymised => {
                self.anonymised_at = Some(event.at);
                self.needs_attention = false;
            }
            Change::ReviewDue => {
                self.needs_attention = true;
                let word = self.playbook.as_mut();
                if let Some(waiting) = word.and_then(|word| word.waiting.as_mut()) {
                    waiting.is_told = true;
                }
            }
            Change::NoteAdded => {
                // Whoever writes to the requester has seen what the requester wrote.
                let answers = event
                    .note
                    .as_ref()
                    .is_some_and(|note| note.audience == Audience::Citizen);
                self.needs_attention &= !answers;
            }
            Change::Taken { by } => {
                self.state = State::InProgress;
                // T02: whoever takes charge owns it, unless it was given to somebody before.
                if !matches!(self.assignee, Some(Assignee::Operator(_))) {
                    self.assignee = Some(Assignee::Operator(*by));
                }
                self.needs_attention = false;
            }
            Change::Restricted => self.restricted_at = Some(event.at),
            Change::RestrictionLifted => self.restricted_at = None,
            Change::Rectified { .. } => {}
            Change::Assigned { to } => self.assignee = Some(to.clone()),
            Change::Released { .. } => self.assignee = None,
            Change::InfoRequested => {
                self.state = State::AwaitingInfo {
                    since: event.at,
                    reminders: 0,
                };
                self.needs_attention = false;
            }
            Change::QuestionWithdrawn => self.state = State::InProgress,
            Change::InfoReceived | Change::ActivityClosed(_) => {
                self.state = State::InProgress;
                self.needs_attention = true;
            }
            Change::MessageReceived
            | Change::Undelivered { .. }
            | Change::ActivityChanged(_)
            | Change::ActivityOverdue { .. } => self.needs_attention = true,
            Change::ActivityCommented { by_region, .. } => self.needs_attention |= !by_region,
            Change::Nudged => {
                self.nudges += 1;
                self.nudged_at = Some(event.at);
                self.needs_attention = true;
            }
            Change::Reminded { nth } => {
                if let State::AwaitingInfo { since, .. } = self.state {
                    self.state = State::AwaitingInfo {
                        since,
                        reminders: *nth,
                    };
                }
                self.reminders += 1;
            }
            Change::Resolved { code, closes_at } => {
                self.state = State::Resolved {
                    since: event.at,
                    closes_at: *closes_at,
                    code: *code,
                };
                self.needs_attention =
                    *code == ResolutionCode::Withdrawn && self.assignee.is_some();
            }
            Change::AutoClosed => {
                let code = self.state.resolution().unwrap_or(ResolutionCode::NoAnswer);
                self.state = State::AutoClosed { at: event.at, code };
                self.needs_attention = false;
                let outcome = match code {
                    ResolutionCode::Withdrawn => LegOutcome::Withdrawn,
                    _ => LegOutcome::Resolved,
                };
                self.close_leg(event, outcome);
            }
            Change::HandedOver { to, .. } => {
                self.move_to(event, to, true, LegOutcome::NotCompetent);
                self.state = State::NotCompetent;
            }
            Change::Returned { to, .. } => {
                self.move_to(event, to, false, LegOutcome::Returned);
                self.bounces += 1;
                self.state = State::New;
            }
            Change::Rerouted { to, .. } => {
                self.move_to(event, to, false, LegOutcome::Rerouted);
                self.state = State::New;
            }
            Change::ActivityOpened(_) => self.state = State::ExternalWork,
            Change::Reopened {
                by_reply,
                on_review,
            } => {
                self.state = State::InProgress;
                self.reopens += 1;
                self.needs_attention = *by_reply || *on_review;
                if let Some(leg) = self.legs.last_mut() {
                    leg.closed = None; // T21: the last custodian's leg goes on
                }
            }
            Change::Removed {
                duplicate_of,
                merge,
                ..
            } => {
                self.state = State::Removed { at: event.at };
                self.merged_into = match (merge, duplicate_of) {
                    (Some(merge), Some(number)) => Some(NamedTicket {
                        id: merge.into,
                        number: number.clone(),
                    }),
                    _ => None,
                };
                self.needs_attention = false;
                self.close_leg(event, LegOutcome::Removed);
            }
            Change::Restored {
                state,
                needs_attention,
            } => {
                self.state = *state;
                self.merged_into = None;
                self.needs_attention = *needs_attention;
                if let Some(leg) = self.legs.last_mut() {
                    leg.closed = None; // I-1: as if it had never been over
                }
            }
            Change::Described {
                priority,
                kind,
                tags,
                ..
            } => {
                self.priority = priority.unwrap_or(self.priority);
                self.kind = kind.unwrap_or(self.kind);
                if let Some(tags) = tags {
                    self.tags.clone_from(tags);
                }
            }
        }
    }

    fn close_leg(&mut self, event: &Event, outcome: LegOutcome) {
        if let Some(leg) = self.legs.last_mut() {
            leg.closed = Some(LegEnd {
                at: event.at,
                seq: event.seq,
                outcome,
            });
        }
    }

    fn move_to(
        &mut self,
        event: &Event,
        to: &crate::codes::AuthorityCode,
        is_region: bool,
        outcome: LegOutcome,
    ) {
        self.close_leg(event, outcome);
        let no = self.legs.last().map_or(1, |leg| leg.no + 1);
        self.legs.push(Leg {
            no,
            custodian: to.clone(),
            opened_at: event.at,
            closed: None,
        });
        self.custodian = Desk {
            code: to.clone(),
            is_region,
        };
        self.assignee = None;
        self.playbook = None; // the next desk answers for itself
        self.needs_attention = false;
    }
}

impl Command {
    /// The command's name, for a refusal.
    pub const fn name(&self) -> &'static str {
        match self {
            Command::Update(update) => update.action.code().as_str(),
            Command::Describe(_) => "describe",
            Command::AnswerPlaybook { .. } => "answer the playbook",
            Command::ReviewHold => "review",
            Command::Reply { .. } => "reply",
            Command::Withdraw => "withdraw",
            Command::RequestReview { .. } => "ask for a review",
            Command::TakeReview => "take a review",
            Command::DecideReview { .. } => "decide a review",
            Command::Remind => "remind",
            Command::GiveUp => "give up",
            Command::AutoClose => "close",
            Command::Anonymise { .. } => "anonymise",
            Command::Place { .. } => "place",
            Command::Release => "release",
            Command::Restrict { .. } => "restrict",
            Command::Rectify { .. } => "rectify",
            Command::Nudge { .. } => "nudge",
            Command::FollowActivity(_) => "follow an activity",
            Command::ReportUndelivered { .. } => "report undelivered",
            Command::Link { .. } => "link",
            Command::Unlink { .. } => "unlink",
            Command::Merge { .. } => "merge",
            Command::UndoMerge { .. } => "undo a merge",
        }
    }
}

/// What the scheduler has to do with a ticket now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// T07.
    Reminder {
        /// How many reminders are due by now.
        nth: u32,
    },
    /// T08.
    GiveUp,
    /// T12.
    Close,
    /// Nothing yet.
    Nothing,
}

fn internal(body: &str, staff: &Staff) -> Note {
    Note {
        kind: NoteKind::Note,
        audience: Audience::Team,
        team: Some(staff.authority.clone()),
        party: None,
        body: body.to_owned(),
        attachment: None,
    }
}

fn resolved(code: ResolutionCode, now: Timestamp, windows: &Windows) -> Change {
    let closes_at = now.checked_add(windows.reply).unwrap_or(Timestamp::MAX);
    Change::Resolved { code, closes_at }
}

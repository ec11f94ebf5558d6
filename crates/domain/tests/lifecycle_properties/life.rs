//! One ticket's life, checked after every step.

use domain::actor::{Actor, Assignee, Role};
use domain::command::{ActionCode, Command};
use domain::event::{Change, Event};
use domain::lifecycle::Due;
use domain::note::{Audience, NoteKind};
use domain::rejection::Rejection;
use domain::state::{State, StateCode, Windows};
use domain::ticket::Ticket;
use domain::visibility::{EntryFacts, View, may_read};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use crate::support::{self, CN1, MICROSECOND, PEOPLE, REGION, TO4};

/// How long until the next command.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wait {
    Hours(i64),
    UntilTheTimer,
    UntilJustAfterTheTimer,
}

pub(crate) type Step = (&'static str, &'static str, Wait);

/// A ticket, and all that happened to it since it was filed.
pub(crate) struct Life {
    filed: Ticket,
    ticket: Ticket,
    pub(crate) history: Vec<Event>,
    now: Timestamp,
}

impl Life {
    pub(crate) fn of(filed: Ticket) -> Self {
        let (ticket, now) = (filed.clone(), filed.created_at);
        Life {
            filed,
            ticket,
            history: Vec::new(),
            now,
        }
    }

    /// Whom a step is done by: `custodian` and `leader` are of the desk that has the ticket.
    fn actor(&self, who: &str) -> Actor {
        let names = match self.ticket.custodian.code.as_str() {
            TO4 => ["operator", "supervisor"],
            CN1 => ["cn1-operator", "cn1-supervisor"],
            _ => ["regional-operator", "regional-supervisor"],
        };
        support::actor(match who {
            "custodian" => names[0],
            "leader" => names[1],
            who => who,
        })
    }

    pub(crate) fn step(&mut self, (who, what, wait): Step) -> Result<(), TestCaseError> {
        let windows = Windows::default();
        let timer = self.ticket.next_timer(&windows).unwrap_or(self.now);
        self.now = self.now.max(match wait {
            Wait::Hours(hours) => self.now + SignedDuration::from_hours(hours),
            Wait::UntilTheTimer => timer,
            Wait::UntilJustAfterTheTimer => timer + MICROSECOND,
        });
        let before = self.ticket.clone();
        let actor = self.actor(who);
        match support::apply(&mut self.ticket, &actor, what, self.now) {
            Ok(events) => {
                self.check_history(&before, &events)?;
                self.check_right(&before, &actor, what)?;
                for event in &events {
                    self.check_event(&before, &actor, event)?;
                }
                self.history.extend(events);
            }
            Err(_) => prop_assert_eq!(&self.ticket, &before, "a refused command changes nothing"),
        }
        self.check_ticket()?;
        let mut folded = self.filed.clone();
        folded.absorb(&self.history);
        prop_assert_eq!(
            &folded,
            &self.ticket,
            "folding the history gives the ticket"
        );
        Ok(())
    }

    /// I-10: the history goes on where it stopped, without holes, at one time.
    fn check_history(&self, before: &Ticket, events: &[Event]) -> Result<(), TestCaseError> {
        prop_assert!(!events.is_empty());
        for (event, seq) in events.iter().zip(before.version + 1..) {
            prop_assert_eq!((event.seq, event.at), (seq, self.now));
        }
        prop_assert_eq!(
            Some(self.ticket.version),
            events.last().map(|event| event.seq)
        );
        prop_assert_eq!(self.ticket.updated_at, self.now);
        Ok(())
    }

    /// I-5 and §2.2: only the custodian's people write, and only what they were offered.
    fn check_right(&self, before: &Ticket, actor: &Actor, what: &str) -> Result<(), TestCaseError> {
        let Actor::Staff(staff) = actor else {
            return Ok(());
        };
        if let Command::Update(update) = support::command(what, before) {
            let offered = before.allowed_actions(staff, self.now, &Windows::default());
            prop_assert!(
                offered.contains(&update.action.code()),
                "done but not offered"
            );
        }
        let reaches = staff.role == Role::RegionalSupervisor
            && (what.starts_with("remove")
                || what.contains("merge")
                || before.state.code() == StateCode::AutoClosed);
        prop_assert!(
            reaches || before.custodian.code == staff.authority,
            "wrote elsewhere"
        );
        prop_assert!(
            domain::lifecycle::may(staff.role, ActionCode::Note),
            "works no tickets"
        );
        Ok(())
    }

    /// I-2, I-3, I-4: who may cause a change, and the note it cannot go without.
    fn check_event(
        &self,
        before: &Ticket,
        actor: &Actor,
        event: &Event,
    ) -> Result<(), TestCaseError> {
        let is_staff = matches!(actor, Actor::Staff(_));
        let audience = event.note.as_ref().map(|note| note.audience);
        match &event.change {
            Change::AutoClosed => {
                prop_assert_eq!(actor, &Actor::System);
                let State::Resolved { closes_at, .. } = before.state else {
                    return Err(TestCaseError::fail("closed from elsewhere than resolved"));
                };
                prop_assert!(self.now > closes_at);
            }
            Change::InfoRequested => prop_assert_eq!(audience, Some(Audience::Citizen)),
            Change::Resolved { .. } if is_staff => {
                prop_assert_eq!(audience, Some(Audience::Citizen));
            }
            Change::HandedOver { .. } => prop_assert_eq!(audience, Some(Audience::Region)),
            Change::Returned { to, .. } | Change::Rerouted { to, .. } => {
                prop_assert_eq!(audience, Some(Audience::Authority));
                let party = event.note.as_ref().and_then(|note| note.party.as_ref());
                prop_assert_eq!(party, Some(to));
            }
            Change::ActivityOpened(_) => prop_assert_eq!(audience, Some(Audience::Technical)),
            Change::QuestionWithdrawn | Change::Removed { merge: None, .. } => {
                prop_assert_eq!(audience, Some(Audience::Team));
            }
            Change::Reopened {
                by_reply: false, ..
            } => prop_assert_eq!(audience, Some(Audience::Team)),
            _ => {}
        }
        if let Change::Restored { state, .. } = event.change {
            prop_assert!(before.merged_into.is_some() && !state.code().is_final());
        }
        if let Change::Removed { .. } | Change::Restored { .. } = event.change {
            let Actor::Staff(staff) = actor else {
                return Err(TestCaseError::fail("removed"));
            };
            prop_assert!(matches!(
                staff.role,
                Role::Supervisor | Role::RegionalSupervisor
            ));
        }
        let Some(note) = &event.note else {
            return Ok(());
        };
        prop_assert!(!note.body.is_empty());
        prop_assert_eq!(note.team.as_ref(), actor.team());
        prop_assert_eq!(note.kind == NoteKind::Message, *actor == Actor::Requester);
        let facts = EntryFacts {
            seq: event.seq,
            audience: note.audience,
            team: note.team.as_ref(),
            party: note.party.as_ref(),
        };
        let desks_affair = matches!(
            event.change,
            Change::HandedOver { .. }
                | Change::Returned { .. }
                | Change::Rerouted { .. }
                | Change::ActivityOpened(_)
        );
        let is_read = may_read(facts, View::Requester, None);
        prop_assert!(
            !(desks_affair && is_read),
            "the requester reads of a hand-over (I-4)"
        );
        prop_assert!(!(note.audience == Audience::Team && is_read));
        Ok(())
    }

    fn check_ticket(&self) -> Result<(), TestCaseError> {
        let (ticket, windows) = (&self.ticket, Windows::default());
        // I-1 and I-9: the legs tile the life, and the last one is the custodian's.
        let mut since = ticket.created_at;
        for (leg, no) in ticket.legs.iter().zip(1..) {
            prop_assert_eq!((leg.no, leg.opened_at), (no, since));
            let is_last = ticket.legs.last() == Some(leg);
            prop_assert_eq!(
                leg.closed.is_none(),
                is_last && !ticket.state.code().is_final()
            );
            since = leg
                .closed
                .as_ref()
                .map_or(ticket.updated_at, |closed| closed.at);
            prop_assert!(since >= leg.opened_at);
        }
        prop_assert_eq!(since, ticket.updated_at);
        let last = ticket.legs.last().map(|leg| &leg.custodian);
        prop_assert_eq!(last, Some(&ticket.custodian.code));
        prop_assert_eq!(
            ticket.custodian.is_region,
            ticket.custodian.code.as_str() == REGION
        );
        let is_regions = matches!(ticket.state, State::NotCompetent | State::ExternalWork);
        prop_assert!(ticket.custodian.is_region || !is_regions);
        // I-6: the owner is of the custodian's desk.
        if let Some(Assignee::Operator(owner)) = &ticket.assignee {
            let owner = PEOPLE
                .iter()
                .zip(0..)
                .find(|(_, place)| support::account(*place) == *owner);
            let desk = owner.map(|((_, _, desk), _)| *desk);
            prop_assert_eq!(desk, Some(ticket.custodian.code.as_str()));
        }
        // I-7.
        prop_assert_eq!(&ticket.declared_authority, &self.filed.declared_authority);
        // Only what is removed goes on elsewhere.
        let is_removed = matches!(ticket.state, State::Removed { .. });
        prop_assert!(ticket.merged_into.is_none() || is_removed);
        // I-13: only a question and a resolution have a timer.
        let has_timer = matches!(
            ticket.state,
            State::AwaitingInfo { .. } | State::Resolved { .. }
        );
        prop_assert_eq!(ticket.next_timer(&windows).is_some(), has_timer);
        if !has_timer {
            let much_later = self.now + SignedDuration::from_hours(10_000);
            prop_assert_eq!(ticket.due(much_later, &windows), Due::Nothing);
        }
        if let State::AwaitingInfo { reminders, .. } = ticket.state {
            prop_assert!(
                usize::try_from(reminders).is_ok_and(|sent| sent <= windows.reminders.len())
            );
        }
        // I-12: a reply lands on the ticket or becomes a follow-up; nothing else answers it.
        let reply = support::command("reply", ticket);
        match ticket.decide(&reply, &Actor::Requester, self.now, &windows) {
            Ok(_) => prop_assert!(!ticket.state.code().is_final()),
            Err(refusal) => {
                prop_assert_eq!(refusal, Rejection::Over);
                prop_assert!(!ticket.state.code().is_open());
            }
        }
        Ok(())
    }
}

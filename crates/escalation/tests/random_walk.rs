//! What holds for a ticket that wanders between two authorities and the region, sent by the rules of
//! routing, whatever people, requesters and timers do: I-1, I-4, I-5 and I-6 of `domain.md` §4.7.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "helpers of tests, outside `#[test]`"
)]

mod shipped;

use domain::actor::{Actor, Assignee, Pool, Role, Staff};
use domain::catalogue::Reference;
use domain::codes::AuthorityCode;
use domain::command::{Action, Command, NewNote, Update};
use domain::event::{Change, Event};
use domain::ids::{AccountId, ActivityId, PlacementId, TicketId, TicketNumber};
use domain::note::Audience;
use domain::playbook::Verdict;
use domain::rejection::Rejection;
use domain::state::{
    Channel, HandOverReason, RemovalReason, RequesterKind, ResolutionCode, State, StateCode,
    Windows,
};
use domain::ticket::{NewTicket, Target, Ticket};
use domain::visibility::{EntryFacts, View, may_read};
use escalation::routing::{Case, CustodyChange, Rules};
use escalation::{Decision, Router};
use jiff::{SignedDuration, Timestamp};
use shipped::{MONDAY, SHIPPED, parse, reference, rules};
use uuid::Uuid;

const TO4: &str = "010204";
const CN1: &str = "010210";
const REGION: &str = "REG010";
const HISTORIES: u64 = 10_000;

const PEOPLE: [(Role, &str); 9] = [
    (Role::Operator, TO4),
    (Role::Operator, TO4),
    (Role::Supervisor, TO4),
    (Role::Operator, CN1),
    (Role::Operator, CN1),
    (Role::Supervisor, CN1),
    (Role::RegionalOperator, REGION),
    (Role::RegionalOperator, REGION),
    (Role::RegionalSupervisor, REGION),
];

/// The person at this place of [`PEOPLE`].
fn person(place: usize) -> Staff {
    let (role, desk) = PEOPLE[place];
    let id = Uuid::from_u128(u128::try_from(place).unwrap());
    Staff {
        account: AccountId::new(id),
        placement: PlacementId::new(id),
        role,
        authority: desk.into(),
    }
}

/// Numbers that look like chance and are the same in every run (xorshift64*).
struct Chance(u64);

impl Chance {
    fn of(seed: u64) -> Self {
        Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(drawn).unwrap() % limit
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

/// A ticket, its history and the desks that gave it away in this leg.
struct Walk<'a> {
    reference: &'a Reference,
    rules: &'a Rules,
    chance: Chance,
    now: Timestamp,
    ticket: Ticket,
    history: Vec<Event>,
}

impl<'a> Walk<'a> {
    fn begin(reference: &'a Reference, rules: &'a Rules, seed: u64) -> Self {
        let mut chance = Chance::of(seed);
        let now =
            MONDAY + SignedDuration::from_mins(i64::try_from(chance.below(60 * 24 * 300)).unwrap());
        let declared = chance
            .one_of(&[Some(TO4), Some(CN1), None])
            .map(AuthorityCode::from);
        let service = chance.one_of(&["FSE", "SIRVA", "deleghe"]).into();
        let problem_type = "errore-tecnico".into();
        let case = Case {
            change: CustodyChange::Filing,
            service: &service,
            problem_type: &problem_type,
            declared: declared.as_ref(),
            requester: RequesterKind::Citizen,
            channel: Channel::Portal,
            reason: None,
            previous: None,
            named: None,
        };
        let router = Router::new(reference, rules, now, domain::calendar::day_of(now));
        let decision = router.decide(&case);
        let target = decision.target.expect("nobody is without a desk");
        let new = NewTicket {
            id: TicketId::new(Uuid::from_u128(417)),
            number: TicketNumber::new(2026, 417),
            service: service.clone(),
            problem_type: problem_type.clone(),
            declared_authority: declared.clone(),
            custodian: target.desk,
            route: target.route,
        };
        let (ticket, filed) = Ticket::file(new, now);
        let mut walk = Walk {
            reference,
            rules,
            chance,
            now,
            ticket,
            history: vec![filed],
        };
        walk.arrive(decision.pool);
        walk
    }

    fn route(&self, change: CustodyChange, named: Option<&AuthorityCode>) -> Decision {
        let ticket = &self.ticket;
        let case = Case {
            change,
            service: &ticket.service,
            problem_type: &ticket.problem_type,
            declared: ticket.declared_authority.as_ref(),
            requester: RequesterKind::Citizen,
            channel: Channel::Portal,
            reason: Some(HandOverReason::ChecksPassed),
            previous: ticket.previous_custodian(),
            named,
        };
        let today = domain::calendar::day_of(self.now);
        Router::new(self.reference, self.rules, self.now, today).decide(&case)
    }

    /// What the system does with a ticket that came to a desk whose rule names a pool.
    fn arrive(&mut self, pool: Option<Pool>) {
        let Some(pool) = pool else { return };
        let to = Assignee::Pool(pool);
        let done = self.attempt(&Command::Place { to }, &Actor::System);
        assert!(done.is_ok(), "a ticket that arrives is nobody's: {done:?}");
    }

    fn attempt(&mut self, command: &Command, actor: &Actor) -> Result<(), Rejection> {
        let before = self.ticket.clone();
        let events = self
            .ticket
            .decide(command, actor, self.now, &Windows::default());
        let events = events.inspect_err(|_| assert_eq!(self.ticket, before))?;
        self.ticket.absorb(&events);
        self.check_writer(&before, actor, command);
        for event in &events {
            self.check_event(event);
        }
        self.history.extend(events);
        self.check_custody();
        self.check_owner();
        Ok(())
    }

    /// One try of somebody at something; most are refused, as in life.
    fn step(&mut self) {
        let wait = self.chance.below(200);
        self.now += SignedDuration::from_hours(i64::try_from(wait).unwrap());
        match self.chance.below(10) {
            0 => {
                let command = self.chance.one_of(&[0, 1, 2]);
                let command = match command {
                    0 => Command::Remind,
                    1 => Command::GiveUp,
                    _ => Command::AutoClose,
                };
                let _ = self.attempt(&command, &Actor::System);
            }
            1 => {
                let command = match self.chance.below(6) {
                    0 => Command::Withdraw,
                    _ => Command::Reply {
                        body: "Eccolo.".to_owned(),
                        attachment: None,
                    },
                };
                let _ = self.attempt(&command, &Actor::Requester);
            }
            // Whoever has it comes up more often than the rest: most others are refused.
            2..=7 => {
                let desk = self.ticket.custodian.code.to_string();
                let own: Vec<usize> = (0..PEOPLE.len())
                    .filter(|at| PEOPLE[*at].1 == desk)
                    .collect();
                let who = self.chance.one_of(&own);
                self.act(who);
            }
            _ => {
                let who = self.chance.below(PEOPLE.len());
                self.act(who);
            }
        }
    }

    fn act(&mut self, who: usize) {
        let staff = person(who);
        let mut pool = None;
        let mut target = |decision: Decision| {
            pool = decision.pool;
            decision.target
        };
        let note = |published| {
            Some(NewNote {
                body: "Il referto non risulta nei sistemi aziendali.".to_owned(),
                published,
                attachment: None,
            })
        };
        let (action, note, assignee) = match self.chance.below(14) {
            0 | 1 => (Action::Take, None, None),
            2 => {
                let desk = PEOPLE[who].1;
                let own: Vec<usize> = (0..PEOPLE.len())
                    .filter(|at| PEOPLE[*at].1 == desk)
                    .collect();
                let colleague = person(self.chance.one_of(&own)).account;
                (Action::Assign, None, Some(Assignee::Operator(colleague)))
            }
            3 => {
                let published = self.chance.below(2) == 0;
                (Action::Note, note(published), None)
            }
            4 => (Action::AskInfo, note(true), None),
            5 => (Action::CancelQuestion, note(false), None),
            6 => {
                let code = ResolutionCode::InformationGiven;
                (Action::Resolve { code }, note(true), None)
            }
            7 | 8 => {
                let reason = HandOverReason::ChecksPassed;
                let to = target(self.route(CustodyChange::HandOver, None));
                let to = to.expect("the region is always there");
                (Action::HandOver { reason, to }, note(true), None)
            }
            9 | 10 => {
                let to = target(self.route(CustodyChange::Return, None));
                (Action::Return { to }, note(true), None)
            }
            11 => {
                let named = AuthorityCode::from(self.chance.one_of(&[TO4, CN1]));
                let to = target(self.route(CustodyChange::Reroute, Some(&named)));
                let to: Target = to.expect("it was named");
                (Action::Reroute { to }, note(true), None)
            }
            12 => (Action::Reopen, note(false), None),
            _ => {
                let action = Action::Remove {
                    reason: RemovalReason::Mistake,
                    duplicate_of: None,
                };
                // Seldom, or every walk would be short.
                let activity = ActivityId::new(Uuid::from_u128(18));
                match self.chance.below(8) {
                    0 => (action, note(false), None),
                    _ => (Action::OpenActivity { activity }, note(true), None),
                }
            }
        };
        let update = Update {
            action,
            note,
            assignee,
            expected_audience: None,
            playbook: Verdict::NotGoverned,
            override_reason: None,
        };
        let moves = matches!(
            update.action,
            Action::HandOver { .. } | Action::Return { .. } | Action::Reroute { .. }
        );
        let command = Command::Update(Box::new(update));
        if self.attempt(&command, &Actor::Staff(staff)).is_ok() && moves {
            assert_eq!(self.ticket.assignee, None, "whoever had it has it no more");
            self.arrive(pool);
        }
    }

    /// I-5: nobody writes to what their desk does not have; a regional supervisor alone may remove, and
    /// reopen what is closed, elsewhere.
    fn check_writer(&self, before: &Ticket, actor: &Actor, command: &Command) {
        let Actor::Staff(staff) = actor else { return };
        let Command::Update(update) = command else {
            return;
        };
        let may_everywhere = staff.role == Role::RegionalSupervisor
            && matches!(update.action, Action::Remove { .. } | Action::Reopen);
        assert!(
            before.custodian.code == staff.authority || may_everywhere,
            "{staff:?} wrote to a ticket of {}: {update:?}",
            before.custodian.code
        );
        if let Action::HandOver { .. } = update.action {
            let write = Command::Update(Box::new(Update {
                action: Action::Note,
                ..(**update).clone()
            }));
            let refused = self
                .ticket
                .decide(&write, actor, self.now, &Windows::default());
            assert_eq!(refused, Err(Rejection::NotInCustody));
        }
    }

    /// I-4: what desks write to each other is never the requester's to read.
    fn check_event(&self, event: &Event) {
        let is_between_desks = matches!(
            event.change,
            Change::HandedOver { .. }
                | Change::Returned { .. }
                | Change::Rerouted { .. }
                | Change::ActivityOpened(_)
        );
        let Some(note) = &event.note else {
            assert!(!is_between_desks, "without a note (I-3)");
            return;
        };
        let facts = EntryFacts {
            seq: event.seq,
            audience: note.audience,
            team: note.team.as_ref(),
            party: note.party.as_ref(),
        };
        let is_read = may_read(facts, View::Requester, None);
        assert!(!(is_between_desks && is_read), "{event:?}");
        assert!(!(note.audience == Audience::Team && is_read), "{event:?}");
    }

    /// I-1: one custodian, that of the last leg, which is open while the ticket is not final; the region's
    /// states are the region's; and the rule that found each desk is in the history.
    fn check_custody(&self) {
        let ticket = &self.ticket;
        let open: Vec<_> = ticket
            .legs
            .iter()
            .filter(|leg| leg.closed.is_none())
            .collect();
        let is_final = ticket.state.code().is_final();
        assert_eq!(open.len(), usize::from(!is_final));
        let last = ticket.legs.last().expect("a leg");
        assert_eq!(last.custodian, ticket.custodian.code);
        assert_eq!(
            ticket.custodian.is_region,
            ticket.custodian.code.as_str() == REGION
        );
        let known = self.reference.authority_any(last.custodian.as_str());
        assert!(known.is_some_and(|desk| desk.code.as_str() != "TEC010"));
        let is_regions = matches!(ticket.state, State::NotCompetent | State::ExternalWork);
        assert!(ticket.custodian.is_region || !is_regions);
        let custody: Vec<_> = self
            .history
            .iter()
            .filter_map(|event| event.change.custody())
            .collect();
        assert_eq!(custody.len(), ticket.legs.len());
        for ((desk, route), leg) in custody.iter().zip(&ticket.legs) {
            assert_eq!(**desk, leg.custodian);
            assert_eq!(route.map(|route| route.version), Some(7));
        }
        for pair in ticket.legs.windows(2) {
            let regional = pair.iter().filter(|leg| leg.custodian.as_str() == REGION);
            assert_eq!(
                regional.count(),
                1,
                "from authority to authority by the region alone"
            );
        }
    }

    /// I-6: an owner is of the custodian's desk.
    fn check_owner(&self) {
        if let Some(Assignee::Operator(owner)) = &self.ticket.assignee {
            let place = (0..PEOPLE.len()).find(|at| person(*at).account == *owner);
            assert_eq!(
                PEOPLE[place.unwrap()].1,
                self.ticket.custodian.code.as_str()
            );
        }
    }
}

#[test]
fn the_invariants_hold_in_ten_thousand_histories() {
    let reference = reference(&[]);
    // By the authorities first, and by the region first with pools and hours.
    let region_first: String = SHIPPED
        .split("\n\n")
        .filter(|block| !block.contains("code = \"declared-authority\""))
        .map(|block| format!("{block}\n\n"))
        .collect();
    let pooled = region_first
        .replace(
            "\"previous-authority\"\n",
            "\"previous-authority\"\npool = \"supervisors\"\n",
        )
        .replace(
            "target = \"region\"",
            "target = \"region\"\npool = \"supervisors\"",
        )
        .replace(
            "code = \"regional-services\"",
            "code = \"regional-services\"\nregion_open = true",
        );
    let sets = [rules("", &reference), parse(&pooled, &reference).unwrap()];
    let mut seen = std::collections::BTreeMap::new();
    for seed in 1..=HISTORIES {
        let rules = &sets[usize::from(seed % 2 == 0)];
        let mut walk = Walk::begin(&reference, rules, seed);
        for _ in 0..30 {
            walk.step();
        }
        if walk.ticket.state.code() == StateCode::Removed {
            *seen.entry("removed for good").or_insert(0) += 1;
        }
        for event in &walk.history {
            *seen.entry(event.change.kind()).or_insert(0) += 1;
        }
    }
    // A walk that reaches little proves little.
    for kind in [
        "request.created",
        "request.taken",
        "request.assigned",
        "request.information_requested",
        "request.information_received",
        "request.reminded",
        "request.resolved",
        "request.closed",
        "request.reopened",
        "request.handed_over",
        "request.returned",
        "request.rerouted",
        "request.removed",
        "activity.opened",
        "removed for good",
    ] {
        let times = seen.get(kind).copied().unwrap_or(0);
        assert!(times >= 200, "{kind} happened {times} times: {seen:#?}");
    }
}

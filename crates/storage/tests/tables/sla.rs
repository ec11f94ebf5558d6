//! The clocks of tickets and the policies they are made by.

use domain::ids::{SlaPolicyId, TicketId};
use domain::sla::{
    AppliesTo, Clock, ClockKind, ClockState, DeskKind, Policy, Run, Targets, WorkingTime,
};
use domain::visibility::Scope;
use jiff::SignedDuration;
use jiff::civil::date;
use storage::list::{self, Filter, Order, Page};
use storage::sla::{self, Kept};
use storage::tickets::RequesterKind;
use storage::{Db, StoreError, sla_policies};
use uuid::Uuid;

use crate::append_only::refusal;
use crate::town::{self, everywhere, hours, read, write};
use crate::words::TO4;

fn clock(run: Run) -> Clock {
    Clock {
        kind: ClockKind::Resolution,
        leg: 1,
        policy: SlaPolicyId::new(Uuid::nil()),
        started_at: hours(0),
        target: SignedDuration::from_hours(4),
        warn_at: hours(3),
        due_at: hours(4),
        escalate_at: hours(5),
        paused: SignedDuration::ZERO,
        run,
    }
}

fn id(number: u32) -> TicketId {
    TicketId::new(Uuid::from_u128(number.into()))
}

fn keep(db: &Db, number: u32, run: Run) {
    let ticket = town::ticket(number, TO4);
    let dossier = town::dossier(number, RequesterKind::Citizen);
    town::file(db, &ticket, &dossier, None);
    let kept = Kept {
        clocks: vec![clock(run)],
        told: vec!["1/resolution/warning".to_owned()],
    };
    let present = clock(run);
    let copy = kept.clone();
    write(db, move |conn| {
        sla::write(conn, id(number), &copy, &present)
    });
    assert_eq!(read(db, |conn| sla::find(conn, id(number))), Some(kept));
}

#[test]
fn a_list_filters_by_the_state_that_the_clock_itself_tells() {
    everywhere(|fresh| {
        let db = fresh.db();
        let runs = [
            (1, Run::Running),
            (2, Run::Paused { since: hours(2) }),
            (3, Run::Paused { since: hours(4) }),
            (4, Run::Stopped { at: hours(3) }),
            (5, Run::Stopped { at: hours(6) }),
        ];
        for (number, run) in runs {
            keep(db, number, run);
        }
        for hour in [6, 7] {
            let now = hours(hour);
            for state in ClockState::ALL {
                let filter = Filter {
                    sla: Some((state, now)),
                    ..Filter::default()
                };
                let page = Page {
                    order: Order::CreatedAt,
                    descending: false,
                    after: None,
                    limit: 100,
                };
                let scope = Scope::Authority(TO4.into());
                let found = read(db, |conn| list::list(conn, &scope, &filter, &page)).items;
                let mut found: Vec<_> = found.iter().map(|item| item.id).collect();
                found.sort();
                let told = runs
                    .iter()
                    .filter(|(_, run)| clock(*run).state(now) == state);
                let told: Vec<_> = told.map(|(number, _)| id(*number)).collect();
                assert_eq!(found, told, "{state:?} at {hour}");
            }
        }
        let ids: Vec<_> = runs.iter().map(|(number, _)| id(*number)).collect();
        let standings = read(db, |conn| sla::list_standings(conn, &ids));
        for (number, run) in runs {
            let now = hours(7);
            assert_eq!(standings[&id(number)].state(now), clock(run).state(now));
        }
    });
}

fn policy(number: u128, version: i32, service: Option<&str>) -> Policy {
    let time = |text| WorkingTime::parse(text).unwrap();
    Policy {
        id: SlaPolicyId::new(Uuid::from_u128(number)),
        version,
        applies_to: AppliesTo {
            desk_kind: DeskKind::Authority,
            authority: None,
            service: service.map(Into::into),
        },
        label: "Sportelli".to_owned(),
        owner_body: "Comitato".to_owned(),
        approved_on: Some(date(2026, 2, 1)),
        valid_from: date(2026, 3, 1),
        valid_to: Some(date(2026, 12, 31)),
        in_force_from: hours(1),
        calendar: Some(domain::codes::CalendarCode::new("desks")),
        formula: "p90".to_owned(),
        targets: Targets {
            take_charge: time("PT4H"),
            first_response: time("P1D"),
            resolution: time("P2DT4H30M"),
            escalate_after: time("P1D"),
        },
        created_at: hours(0),
        created_by: None,
    }
}

#[test]
fn a_policy_is_read_as_it_was_written_and_each_version_is_one() {
    everywhere(|fresh| {
        let db = fresh.db();
        let all = [
            policy(1, 1, None),
            policy(2, 2, None),
            policy(3, 1, Some("FSE")),
        ];
        let copy = all.clone();
        write(db, move |conn| {
            copy.iter()
                .try_for_each(|one| sla_policies::insert(conn, one))
        });
        let [first, second, of_fse] = all;
        let read_back = read(db, sla_policies::list);
        assert_eq!(read_back, [second.clone(), first.clone(), of_fse.clone()]);
        let last = |policy: &Policy| {
            let to = policy.applies_to.clone();
            read(db, move |conn| sla_policies::last_version(conn, &to))
        };
        assert_eq!((last(&first), last(&of_fse)), (2, 1));
        let again = db.write(move |conn| sla_policies::insert(conn, &policy(9, 2, None)));
        assert!(
            matches!(again, Err(StoreError::UniqueViolation { .. })),
            "{again:?}"
        );
        write(db, |conn| {
            sla_policies::insert_if_absent(conn, &policy(9, 2, None))
        });
        assert_eq!(read(db, sla_policies::list).len(), 3);
    });
}

#[test]
fn no_sql_changes_a_version() {
    everywhere(|fresh| {
        let db = fresh.db();
        write(db, |conn| sla_policies::insert(conn, &policy(1, 1, None)));
        for sql in [
            "UPDATE sla_policies SET resolution = 'P9D'",
            "DELETE FROM sla_policies",
        ] {
            let refused = refusal(db, sql);
            assert!(refused.contains("append-only"), "{refused}");
        }
        assert_eq!(read(db, sla_policies::list), [policy(1, 1, None)]);
    });
}

//! Lists of tickets: pages, filters, counters and what they cost.

mod cost;
mod filters;

use std::cell::Cell;
use std::collections::BTreeMap;

use domain::actor::Assignee;
use domain::codes::AuthorityCode;
use domain::ids::TicketId;
use domain::state::{Priority, State};
use domain::ticket::Ticket;
use domain::visibility::Scope;
use storage::list::{self, Filter, Item, Order, Page};
use storage::queue_counts::{self, Counters};
use storage::tickets::RequesterKind;
use storage::{Db, tickets};

use crate::life::{self, Life};
use crate::town::{self, ELSEWHERE, everywhere, hours, read, read_in, write};
use crate::words::{self, CN1, REGION, TO4};

const ORDERS: [Order; 4] = [
    Order::CreatedAt,
    Order::UpdatedAt,
    Order::DueAt,
    Order::Priority,
];

fn first_page(order: Order, descending: bool, limit: i64) -> Page {
    Page {
        order,
        descending,
        after: None,
        limit,
    }
}

fn page(db: &Db, scope: &Scope, filter: &Filter, page: &Page) -> Vec<Item> {
    read_in(db, scope, |conn| list::list(conn, scope, filter, page)).items
}

/// Files plain tickets with these numbers at TO4, all at the same time and due at the same time.
fn file_many(db: &Db, numbers: std::ops::Range<u32>) {
    write(db, move |conn| {
        for number in numbers {
            let ticket = Ticket {
                priority: match number % 5 {
                    0 => Priority::Low,
                    _ => Priority::Medium,
                },
                ..town::ticket(number, TO4)
            };
            let dossier = town::dossier(number, RequesterKind::Citizen);
            let filed = town::filing_of(&ticket);
            let actor = domain::actor::Actor::Requester;
            tickets::insert(conn, &ticket, &dossier, "FSE Altro", &filed, &actor, None)?;
        }
        Ok(())
    });
}

/// The ids of all pages, one after the other; `between` runs before each.
fn walk(db: &Db, scope: &Scope, mut next: Page, between: impl Fn()) -> Vec<TicketId> {
    let mut seen = Vec::new();
    loop {
        between();
        let items = page(db, scope, &Filter::default(), &next);
        let Some(last) = items.last() else {
            return seen;
        };
        next.after = Some((last.key(next.order), last.id));
        seen.extend(items.iter().map(|item| item.id));
    }
}

/// The ids of 57 tickets in the order wanted: all alike but for the priority and the id.
fn expected(order: Order, descending: bool) -> Vec<TicketId> {
    let mut numbers: Vec<u32> = (0..57).collect();
    if order == Order::Priority {
        numbers.sort_by_key(|number| (number % 5 == 0, *number));
    }
    if descending {
        numbers.reverse();
    }
    numbers
        .into_iter()
        .map(|number| town::ticket(number, TO4).id)
        .collect()
}

#[test]
fn pages_of_one_lose_and_repeat_nothing_in_any_order() {
    everywhere(|fresh| {
        let db = fresh.db();
        file_many(db, 0..57);
        for order in ORDERS {
            for descending in [false, true] {
                for (scope, limit) in [(Scope::Authority(TO4.into()), 1), (Scope::System, 10)] {
                    let seen = walk(db, &scope, first_page(order, descending, limit), || {});
                    assert_eq!(
                        seen,
                        expected(order, descending),
                        "{order:?} {descending} {limit}"
                    );
                }
            }
        }
    });
}

#[test]
fn pages_lose_and_repeat_nothing_while_tickets_come_in() {
    everywhere(|fresh| {
        let db = fresh.db();
        file_many(db, 0..57);
        // New ids before, among and after the old ones.
        let newcomer = Cell::new(1_000);
        for (round, order) in (1..).zip(ORDERS) {
            for descending in [false, true] {
                let scope = Scope::Authority(TO4.into());
                let start = newcomer.get();
                let seen = walk(db, &scope, first_page(order, descending, 1), || {
                    if newcomer.get() < start + 20 * round {
                        let number = newcomer.replace(newcomer.get() + 1);
                        file_many(db, number..number + 1);
                    }
                });
                let limit = uuid::Uuid::from_u128(57);
                let old: Vec<_> = seen
                    .iter()
                    .copied()
                    .filter(|id| id.uuid() < limit)
                    .collect();
                assert_eq!(old, expected(order, descending), "{order:?} {descending}");
                let mut once = seen.clone();
                once.sort();
                once.dedup();
                assert_eq!(once.len(), seen.len(), "{order:?} {descending}");
            }
        }
    });
}

#[test]
fn a_scope_lists_what_is_its_own() {
    everywhere(|fresh| {
        let db = fresh.db();
        let stories = [
            (1, RequesterKind::Citizen, ""),
            (
                2,
                RequesterKind::Anonymous,
                "operator hand-over + published",
            ),
            (3, RequesterKind::Staff, "supervisor remove + internal"),
            (4, RequesterKind::Citizen, "supervisor remove + internal"),
            (5, RequesterKind::Anonymous, "supervisor remove + internal"),
            (6, RequesterKind::Staff, "operator take"),
            (7, RequesterKind::Citizen, "operator take"),
        ];
        for (number, requester, story) in stories {
            Life::file(db, number, TO4, requester).play(story);
        }
        let id = |number| town::ticket(number, TO4).id;
        let citizen = |number, delegators: &[u32]| town::citizen(number, number, delegators);
        let rows: [(Scope, &[u32]); 16] = [
            (Scope::Authority(TO4.into()), &[1, 3, 4, 5, 6, 7]),
            (Scope::Authority(REGION.into()), &[2]),
            (Scope::Authority(ELSEWHERE.into()), &[]),
            (Scope::Region(REGION.into()), &[1, 2, 3, 4, 5, 6, 7]),
            (Scope::System, &[1, 2, 3, 4, 5, 6, 7]),
            (Scope::Nothing, &[]),
            (citizen(1, &[]), &[1]),
            (citizen(1, &[2]), &[1]),
            (citizen(1, &[7]), &[1, 7]),
            (citizen(7, &[1, 4]), &[1, 7]),
            (citizen(4, &[]), &[]),
            (citizen(4, &[7, 1]), &[1, 7]),
            (Scope::Tracking(id(2)), &[2]),
            (Scope::Tracking(id(1)), &[]),
            (Scope::Tracking(id(5)), &[]),
            (Scope::Tracking(id(6)), &[6]),
        ];
        for (scope, numbers) in rows {
            let first = first_page(Order::CreatedAt, false, 10);
            let found = page(db, &scope, &Filter::default(), &first);
            let found: Vec<_> = found
                .into_iter()
                .map(|item| (item.id, item.is_about_another))
                .collect();
            let expected: Vec<_> = numbers
                .iter()
                .map(|number| {
                    let about = town::tax_code(*number);
                    (id(*number), scope.is_another(about.as_str()))
                })
                .collect();
            assert_eq!(found, expected, "{scope:?}");
        }
    });
}

/// What the counters of a desk must say of these tickets.
fn counted(tickets: &[(Ticket, i64)], desk: &AuthorityCode, me: &Assignee, now: i64) -> Counters {
    let mut counters = Counters::default();
    let mut by_state = BTreeMap::new();
    for (ticket, due) in tickets
        .iter()
        .filter(|(ticket, _)| ticket.custodian.code == *desk)
    {
        *by_state.entry(ticket.state.code()).or_insert(0) += 1;
        counters.needs_attention += i64::from(ticket.needs_attention);
        let is_open = ticket.state.code().is_open();
        counters.mine += i64::from(is_open && ticket.assignee.as_ref() == Some(me));
        counters.unassigned += i64::from(is_open && ticket.assignee.is_none());
        let is_untouched = ticket.is_untouched();
        counters.untouched += i64::from(is_untouched);
        counters.transferred_untouched += i64::from(is_untouched && ticket.is_transferred());
        // A question that was asked in time pauses the clock.
        let waits =
            matches!(ticket.state, State::AwaitingInfo { since, .. } if hours(*due) > since);
        counters.overdue += i64::from(is_open && !waits && *due < now);
    }
    counters.by_state = by_state.into_iter().collect();
    counters
}

#[test]
fn counters_count_what_is_there_after_any_histories() {
    everywhere(|fresh| {
        let (db, number) = (fresh.db(), Cell::new(0));
        let tickets = std::cell::RefCell::new(Vec::new());
        life::check(
            if fresh.is_sqlite() { 40 } else { 20 },
            25,
            |(custodian, steps)| {
                number.set(number.get() + 1);
                let mut life = Life::file(db, number.get(), custodian, RequesterKind::Citizen);
                for step in steps {
                    let _ = life.step(step);
                }
                tickets.borrow_mut().push((life.ticket, 72));
                Ok(())
            },
        );
        let mut tickets = tickets.into_inner();
        // One that is due earlier than the others.
        let (early, due) = (town::ticket(5_000, TO4), hours(5));
        let dossier = storage::tickets::Dossier {
            due_at: due,
            ..town::dossier(5_000, RequesterKind::Citizen)
        };
        town::file(db, &early, &dossier, None);
        tickets.push((early, 5));

        for desk in [TO4, CN1, REGION, ELSEWHERE].map(AuthorityCode::from) {
            for place in [0, 1, 7] {
                let me = Assignee::Operator(words::account(place));
                for now in [5, 6, 72, 73] {
                    let found = read(db, |conn| queue_counts::count(conn, &desk, &me, hours(now)));
                    assert_eq!(
                        found,
                        counted(&tickets, &desk, &me, now),
                        "{desk} {place} {now}"
                    );
                }
            }
        }
    });
}

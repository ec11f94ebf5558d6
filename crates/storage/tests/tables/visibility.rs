//! Scopes and views as SQL mean what `domain::visibility` says.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use domain::actor::Actor;
use domain::codes::AuthorityCode;
use domain::event::{Change, Event};
use domain::note::Audience;
use domain::state::StateCode;
use domain::ticket::Ticket;
use domain::visibility::{EntryFacts, FiledFacts, Opened, Scope, View, may_read, view_of};
use proptest::prelude::*;
use storage::history::{self, Entry};
use storage::tickets::RequesterKind;
use storage::{Db, tickets};

use crate::life::{self, Life};
use crate::town::{self, ELSEWHERE, everywhere, find, read, read_in};
use crate::words::{self, CN1, REGION, TO4};

/// What a reader learns of an entry.
type Told = (i64, Change, Option<(String, Audience)>);

/// What the domain lets `view` from desk `own` know of a history, newest first.
fn allowed(history: &[Event], view: View, own: Option<&AuthorityCode>) -> Vec<Told> {
    let told = |event: &Event| {
        let readable = event.note.as_ref().filter(|note| {
            let facts = EntryFacts {
                seq: event.seq,
                audience: note.audience,
                team: note.team.as_ref(),
                party: note.party.as_ref(),
            };
            may_read(facts, view, own)
        });
        let is_past = matches!(view, View::Until(last) if event.seq > last);
        if event.change.is_technical() && !view.knows_of_activities() {
            return None;
        }
        let is_silent = match view {
            View::Requester => !event.change.is_told_to_requester(),
            // Of a note alone nothing remains without its text.
            _ => event.change == Change::NoteAdded,
        };
        (!is_past && (readable.is_some() || !is_silent)).then(|| {
            let text = readable.map(|note| (note.body.clone(), note.audience));
            (event.seq, event.change.clone(), text)
        })
    };
    history.iter().rev().filter_map(told).collect()
}

/// What `list_entries` answers, read in pages of `limit`.
fn listed(
    db: &Db,
    ticket: &Ticket,
    view: View,
    own: Option<&AuthorityCode>,
    limit: i64,
) -> Vec<Told> {
    let mut all: Vec<Entry> = Vec::new();
    loop {
        let before = all.last().map(|entry| entry.seq);
        let page = read(db, |conn| {
            history::list_entries(conn, ticket.id, view, own, before, limit)
        });
        if page.is_empty() {
            break;
        }
        all.extend(page);
    }
    let tell = |entry: Entry| {
        let text = entry.note.map(|note| (note.body, note.audience));
        (entry.seq, entry.change, text)
    };
    all.into_iter().map(tell).collect()
}

/// Every view there could be of a ticket, deserved or not.
fn views(ticket: &Ticket) -> Vec<(View, Option<AuthorityCode>)> {
    let mut views = vec![
        (View::Requester, None),
        (View::Region, None),
        (View::Inspector, None),
        (View::Granted, None),
    ];
    for desk in [TO4, CN1, REGION, ELSEWHERE].map(AuthorityCode::from) {
        let lasts = [1, ticket.version / 2, ticket.version].map(View::Until);
        let kinds = [
            View::Custodian,
            View::Region,
            View::Granted,
            View::Inspector,
        ];
        let kinds = kinds.into_iter().chain(lasts);
        views.extend(kinds.map(|view| (view, Some(desk.clone()))));
        let deserved = view_of(ticket, &Scope::Authority(desk.clone()));
        views.extend(deserved.map(|view| (view, Some(desk))));
    }
    views
}

/// Whether each scope finds the ticket.
fn check_scopes(db: &Db, ticket: &Ticket, requester: RequesterKind, number: u32) {
    let mut scopes = vec![Scope::Region(REGION.into()), Scope::System, Scope::Nothing];
    scopes.extend([TO4, CN1, REGION, ELSEWHERE].map(|desk| Scope::Authority(desk.into())));
    scopes.push(Scope::Technical(ticket.custodian.code.clone()));
    let opened = [TO4, CN1, REGION, ELSEWHERE].map(|desk| Opened::Authority(desk.into()));
    scopes.extend(opened.map(Scope::Granted));
    for id in [
        ticket.id,
        domain::ids::TicketId::new(uuid::Uuid::from_u128(9_998)),
    ] {
        scopes.push(Scope::Granted(Opened::Ticket(id)));
        scopes.push(Scope::Granted(Opened::Inspected(id)));
    }
    for scope in scopes {
        let found = find(db, &scope, ticket.id).is_some();
        assert_eq!(
            found,
            view_of(ticket, &scope).is_some(),
            "{scope:?} {ticket:?}"
        );
    }
    let is_there = ticket.state.code() != StateCode::Removed;
    let other = domain::ids::TicketId::new(uuid::Uuid::from_u128(9_999));
    let mut proved = vec![
        (
            Scope::Tracking(ticket.id),
            is_there && requester != RequesterKind::Citizen,
        ),
        (Scope::Tracking(other), false),
    ];
    // Who they are at their provider, their tax code, and who delegated them.
    let citizens: [(u32, u32, &[u32]); 8] = [
        (number, number, &[]),
        (number, number, &[9_998]),
        (number, 9_999, &[]),
        (number, 9_999, &[number]),
        (9_999, number, &[]),
        (9_999, 9_999, &[]),
        (9_999, 9_999, &[number]),
        (9_999, 9_999, &[9_998, number]),
    ];
    let (identity, tax_code) = (town::identity(number), town::tax_code(number));
    let filed = FiledFacts {
        identity: &identity,
        tax_code: tax_code.as_str(),
    };
    proved.extend(citizens.map(|(identity, own, delegators)| {
        let scope = town::citizen(identity, own, delegators);
        let is_reached = requester == RequesterKind::Citizen && scope.reaches_citizens(filed);
        (scope, is_there && is_reached)
    }));
    for (scope, expected) in proved {
        assert_eq!(
            find(db, &scope, ticket.id).is_some(),
            expected,
            "{scope:?} {ticket:?}"
        );
        let by_number = read_in(db, &scope, |conn| {
            let number = domain::ids::TicketRef::Number(ticket.number.clone());
            tickets::find(conn, &scope, &number)
        });
        assert_eq!(by_number.is_some(), expected, "{scope:?} by number");
    }
}

/// Everything this file says about one ticket.
fn check(db: &Db, life: &Life) -> Result<(), TestCaseError> {
    for (view, own) in views(&life.ticket) {
        let expected = allowed(&life.history, view, own.as_ref());
        for limit in [100, 3] {
            let listed = listed(db, &life.ticket, view, own.as_ref(), limit);
            prop_assert_eq!(&listed, &expected, "{:?} from {:?}", view, &own);
        }
    }
    let newest = life
        .history
        .iter()
        .rev()
        .filter_map(|event| event.note.as_ref());
    let newest = newest.filter(|note| note.audience == Audience::Citizen);
    let expected = newest.map(|note| note.body.clone()).next();
    let last = read(db, |conn| {
        history::list_last_messages(conn, &[life.ticket.id])
    });
    prop_assert_eq!(last.get(&life.ticket.id), expected.as_ref());
    Ok(())
}

#[test]
fn any_history_shows_each_view_what_the_domain_allows() {
    everywhere(|fresh| {
        let (db, number) = (fresh.db(), Cell::new(0));
        life::check(
            if fresh.is_sqlite() { 40 } else { 15 },
            40,
            |(custodian, steps)| {
                number.set(number.get() + 1);
                let requesters = [
                    RequesterKind::Citizen,
                    RequesterKind::Anonymous,
                    RequesterKind::Staff,
                ];
                let requester = requesters[usize::try_from(number.get() % 3).unwrap()];
                let mut life = Life::file(db, number.get(), custodian, requester);
                for step in steps {
                    let _ = life.step(step);
                }
                check_scopes(db, &life.ticket, requester, number.get());
                check(db, &life)
            },
        );
    });
}

/// Every audience, and writers of both authorities, of the region and the requester.
const STORY: &str = "operator take; operator note + internal; operator ask-info + published; \
    requester reply; operator hand-over + published; regional-operator take; \
    regional-operator note + internal; regional-operator open-activity + published; \
    requester reply; regional-operator close-activity; regional-operator reroute CN1 + published; \
    cn1-operator take; cn1-operator note + internal; cn1-operator publish-note cn1-operator; \
    cn1-operator resolve + published; requester reply; cn1-operator hand-over + published; \
    regional-operator return + published; cn1-operator resolve + published; system auto-close";

#[test]
fn a_story_with_every_audience_shows_each_view_what_the_domain_allows() {
    everywhere(|fresh| {
        let mut life = Life::file(fresh.db(), 1, TO4, RequesterKind::Citizen);
        let seen = RefCell::new(BTreeSet::new());
        for step in STORY.split("; ") {
            life.play(step.trim());
            check_scopes(fresh.db(), &life.ticket, RequesterKind::Citizen, 1);
            check(fresh.db(), &life).unwrap();
            let notes = life.history.iter().filter_map(|event| event.note.as_ref());
            seen.borrow_mut().extend(notes.map(|note| note.audience));
        }
        assert_eq!(seen.take(), Audience::ALL.into_iter().collect());
    });
}

#[test]
fn the_requester_reads_nothing_of_the_desks_and_a_desk_that_is_done_nothing_new() {
    everywhere(|fresh| {
        let db = fresh.db();
        let mut life = Life::file(db, 1, TO4, RequesterKind::Citizen);
        life.play(STORY);
        let texts = |view, own: Option<&str>| -> Vec<String> {
            let own = own.map(AuthorityCode::from);
            let told = listed(db, &life.ticket, view, own.as_ref(), 100).into_iter();
            told.filter_map(|(_, _, text)| text)
                .map(|(body, _)| body)
                .collect()
        };
        let requester = texts(View::Requester, None);
        assert_eq!(requester.len(), 7, "{requester:?}");
        assert!(
            requester.iter().all(|body| body.ends_with("citizen")),
            "{requester:?}"
        );

        let to4 = view_of(&life.ticket, &Scope::Authority(TO4.into())).unwrap();
        assert_eq!(to4, View::Until(6));
        let first =
            |seq: i64, audience: &str| format!("MARKED {} {seq} {audience}", life.ticket.number);
        let own = [(6, "region"), (5, "citizen"), (4, "citizen"), (3, "team")];
        assert_eq!(
            texts(to4, Some(TO4)),
            own.map(|(seq, audience)| first(seq, audience))
        );
    });
}

#[test]
fn the_actor_of_an_event_is_kept_by_id() {
    everywhere(|fresh| {
        let mut life = Life::file(fresh.db(), 1, TO4, RequesterKind::Citizen);
        life.play("operator resolve + published; system auto-close");
        let view = View::Custodian;
        let entries = read(fresh.db(), |conn| {
            history::list_entries(conn, life.ticket.id, view, Some(&TO4.into()), None, 10)
        });
        let Actor::Staff(operator) = words::actor("operator") else {
            panic!("an operator is staff")
        };
        let actors: Vec<_> = entries
            .into_iter()
            .map(|entry| (entry.actor_kind, entry.actor_account, entry.actor_label))
            .collect();
        let nobody = |kind: &str| (kind.to_owned(), None, None);
        let staff = (
            "staff".to_owned(),
            Some(operator.account),
            Some(town::label("operator")),
        );
        assert_eq!(actors, [nobody("system"), staff, nobody("requester")]);
    });
}

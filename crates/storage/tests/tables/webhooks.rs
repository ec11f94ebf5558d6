//! Endpoints and what is due at them: each delivery claimed by one at a time, two secrets at most.

use domain::codes::AuthorityCode;
use domain::ids::{EndpointId, MessageId, WebhookSecretId};
use domain::invalid::Lang;
use domain::webhook::{EventFilter, Fault, Outcome};
use storage::outbox::{self, Channel, Outgoing};
use storage::webhook_deliveries::{self, DeliveryState};
use storage::webhooks::{self, DisabledReason, Endpoint, EndpointScope, Secret};
use storage::{Db, StoreError};
use uuid::Uuid;

use crate::concurrency::at_once;
use crate::town::{everywhere, hours, read, write};
use crate::words::{CN1, TO4, account};

fn endpoint(number: u32, desk: &str) -> Endpoint {
    Endpoint {
        id: EndpointId::new(Uuid::from_u128(number.into())),
        version: 1,
        desk: AuthorityCode::from(desk),
        url: format!("https://hooks.example.org/{number}"),
        label: format!("endpoint {number}"),
        filter: EventFilter::from_stored("request.* note.published"),
        disabled: None,
        failing_since: None,
        created_at: hours(0),
        created_by: account(1),
    }
}

fn add(db: &Db, number: u32, desk: &str) -> EndpointId {
    let endpoint = endpoint(number, desk);
    let id = endpoint.id;
    write(db, move |conn| webhooks::insert(conn, &endpoint));
    id
}

fn find(db: &Db, id: EndpointId) -> Endpoint {
    read(db, |conn| webhooks::find(conn, &EndpointScope::All, id)).unwrap()
}

/// Puts a delivery out at an hour.
fn put(db: &Db, number: u32, endpoint: EndpointId, hour: i64) -> MessageId {
    let id = MessageId::new(Uuid::from_u128(u128::from(number)));
    let message = Outgoing {
        id,
        channel: Channel::Webhook,
        desk: None,
        ticket: None,
        seq: None,
        proof: None,
        account: None,
        issue: None,
        client: None,
        endpoint: Some(endpoint),
        payload: Some("{}".to_owned()),
        template: "request.created".to_owned(),
        recipient: String::new(),
        lang: Lang::It,
        attempts: 0,
        fence: 0,
    };
    write(db, move |conn| outbox::put(conn, &message, hours(hour)));
    id
}

fn claim(db: &Db, endpoint: EndpointId, hour: i64) -> Option<Outgoing> {
    write(db, move |conn| {
        outbox::claim_for(conn, endpoint, hours(hour), hours(hour + 1))
    })
}

fn due(db: &Db, hour: i64) -> Vec<EndpointId> {
    read(db, |conn| {
        webhook_deliveries::list_due_endpoints(conn, hours(hour))
    })
}

#[test]
fn an_endpoint_is_read_back_by_those_who_may_know_of_it() {
    everywhere(|fresh| {
        let db = fresh.db();
        let (to4, cn1) = (add(db, 1, TO4), add(db, 2, CN1));
        assert_eq!(
            format!("{:?}", find(db, to4)),
            format!("{:?}", endpoint(1, TO4))
        );
        let desk = |code: &str| EndpointScope::Desk(AuthorityCode::from(code));
        let list = |scope: &EndpointScope, after| -> Vec<EndpointId> {
            let found = read(db, |conn| webhooks::list(conn, scope, after, 10));
            found.iter().map(|endpoint| endpoint.id).collect()
        };
        assert_eq!(list(&EndpointScope::All, None), [to4, cn1]);
        assert_eq!(list(&EndpointScope::All, Some(to4)), [cn1]);
        assert_eq!(list(&desk(TO4), None), [to4]);
        assert!(list(&EndpointScope::Nothing, None).is_empty());
        let reaches =
            |scope: &EndpointScope, id| read(db, |conn| webhooks::find(conn, scope, id)).is_some();
        assert!(reaches(&desk(CN1), cn1) && !reaches(&desk(CN1), to4));
        assert!(!reaches(&EndpointScope::Nothing, to4));
    });
}

#[test]
fn a_stale_version_writes_nothing() {
    everywhere(|fresh| {
        let db = fresh.db();
        let id = add(db, 1, TO4);
        let (mut one, mut other) = (find(db, id), find(db, id));
        one.disabled = Some((DisabledReason::Gone, hours(3)));
        other.label = "too late".to_owned();
        write(db, move |conn| webhooks::save(conn, &mut one));
        let late = db.write(move |conn| webhooks::save(conn, &mut other));
        assert!(matches!(late, Err(StoreError::Stale)));
        let now = find(db, id);
        assert_eq!((now.version, now.label.as_str()), (2, "endpoint 1"));
        assert_eq!(now.disabled, Some((DisabledReason::Gone, hours(3))));
        let listed = read(db, webhooks::list_enabled);
        assert!(listed.is_empty());
    });
}

#[test]
fn two_secrets_are_good_at_most() {
    everywhere(|fresh| {
        let db = fresh.db();
        let id = add(db, 1, TO4);
        let rotate = |number: u128, hour: i64| {
            let secret = Secret {
                id: WebhookSecretId::new(Uuid::from_u128(number)),
                sealed: vec![u8::try_from(number).unwrap(); 3],
            };
            write(db, move |conn| {
                webhooks::insert_secret(conn, id, &secret, hours(hour), hours(hour + 24))
            });
        };
        let good = |hour: i64| -> Vec<u8> {
            let found = read(db, |conn| webhooks::list_secrets(conn, id, hours(hour)));
            found.iter().map(|secret| secret.sealed[0]).collect()
        };
        rotate(1, 0);
        assert_eq!(good(1000), [1]);
        rotate(2, 10);
        assert_eq!(good(10), [2, 1]);
        assert_eq!(good(33), [2, 1]);
        assert_eq!(good(34), [2]);
        rotate(3, 12);
        assert_eq!(good(12), [3, 2]);
    });
}

#[test]
fn what_is_due_is_claimed_once_and_for_its_endpoint_alone() {
    everywhere(|fresh| {
        let db = fresh.db();
        let (one, two) = (add(db, 1, TO4), add(db, 2, TO4));
        let first = put(db, 11, one, 1);
        let second = put(db, 12, one, 2);
        let other = put(db, 21, two, 3);
        assert!(due(db, 0).is_empty());
        assert_eq!(due(db, 2), [one]);
        assert_eq!(due(db, 3), [one, two]);
        assert_eq!(claim(db, one, 3).unwrap().id, first);
        assert_eq!(claim(db, one, 3).unwrap().id, second);
        assert!(claim(db, one, 3).is_none());
        assert_eq!(due(db, 3), [two]);
        assert_eq!(claim(db, two, 3).unwrap().id, other);
        // Mail is another's work.
        let mail = write(db, |conn| {
            outbox::claim(conn, Channel::Mail, hours(9), hours(10), 10)
        });
        assert!(mail.is_empty());
        // A lease that ended lets the next one in.
        assert_eq!(claim(db, one, 4).unwrap().attempts, 2);
    });
}

#[test]
fn many_who_claim_at_once_get_each_delivery_once() {
    everywhere(|fresh| {
        let db = fresh.db();
        let id = add(db, 1, TO4);
        for number in 0..4 {
            put(db, 10 + number, id, 0);
        }
        let claimed: Vec<Option<Outgoing>> = at_once(8, |_| {
            loop {
                // The loser of a race for one row may find the next one.
                match (claim(db, id, 1), due(db, 1).is_empty()) {
                    (Some(message), _) => return Some(message),
                    (None, true) => return None,
                    (None, false) => {}
                }
            }
        });
        let mut ids: Vec<MessageId> = claimed.into_iter().flatten().map(|one| one.id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 4);
    });
}

#[test]
fn giving_up_and_beginning_anew_end_every_claim() {
    everywhere(|fresh| {
        let db = fresh.db();
        let id = add(db, 1, TO4);
        let first = put(db, 11, id, 0);
        put(db, 12, id, 0);
        let held = claim(db, id, 1).unwrap();
        assert_eq!(
            write(db, move |conn| webhook_deliveries::park_all(
                conn, id, "over"
            )),
            2
        );
        let late = held.clone();
        assert!(!write(db, move |conn| outbox::mark_sent(
            conn,
            &late,
            hours(1)
        )));
        let found = read(db, |conn| webhook_deliveries::find(conn, id, first)).unwrap();
        assert_eq!(found.state, DeliveryState::Failed);
        assert_eq!(found.reason.as_deref(), Some("over"));
        write(db, move |conn| {
            webhook_deliveries::renew(conn, first, hours(2))
        });
        let again = claim(db, id, 2).unwrap();
        assert_eq!((again.id, again.attempts), (first, 1));
        assert!(!write(db, move |conn| outbox::mark_sent(
            conn,
            &held,
            hours(2)
        )));
        assert!(write(db, move |conn| outbox::mark_sent(
            conn,
            &again,
            hours(2)
        )));
        // What was sent can be sent again.
        write(db, move |conn| {
            webhook_deliveries::renew(conn, first, hours(3))
        });
        assert_eq!(claim(db, id, 3).unwrap().id, first);
    });
}

#[test]
fn the_log_goes_on_where_it_stopped_and_counts_the_tries() {
    everywhere(|fresh| {
        let db = fresh.db();
        let (id, other) = (add(db, 1, TO4), add(db, 2, TO4));
        // Some at the same moment.
        let all: Vec<MessageId> = [(1, 0), (2, 1), (3, 1), (4, 1), (5, 2)]
            .map(|(number, hour)| put(db, number, id, hour))
            .into();
        put(db, 9, other, 1);
        let mut found = Vec::new();
        let mut before = None;
        loop {
            let page = read(db, |conn| {
                webhook_deliveries::list(conn, id, None, before, 2)
            });
            let Some(last) = page.last() else { break };
            before = Some((last.created_at, last.id));
            found.extend(page.iter().map(|delivery| delivery.id));
        }
        found.reverse();
        assert_eq!(found, all);
        let (first, second) = (all[0], all[1]);
        let answered = Outcome::Answered {
            status: 503,
            retry_after: None,
        };
        for (delivery, outcome) in [
            (first, answered),
            (second, answered),
            (first, Outcome::Failed(Fault::TimedOut)),
        ] {
            write(db, move |conn| {
                webhooks::insert_attempt(conn, delivery, hours(3), outcome, 7)
            });
        }
        let tries = read(db, |conn| webhooks::list_attempts(conn, &[first]));
        let told: Vec<_> = tries
            .iter()
            .map(|one| (one.number, one.status, one.fault.as_deref()))
            .collect();
        assert_eq!(told, [(1, Some(503), None), (2, None, Some("timed-out"))]);
        // The old ones go, with their tries.
        let gone = write(db, |conn| {
            webhook_deliveries::delete_old(conn, hours(1), 10)
        });
        assert_eq!(gone, 1);
        let left = read(db, |conn| webhooks::list_attempts(conn, &[first, second]));
        assert_eq!(left.len(), 1);
    });
}

#[test]
fn a_deleted_endpoint_is_nobodys_and_keeps_no_secret() {
    everywhere(|fresh| {
        let db = fresh.db();
        let id = add(db, 1, TO4);
        put(db, 11, id, 0);
        let endpoint = find(db, id);
        write(db, move |conn| webhooks::delete(conn, &endpoint, hours(1)));
        assert!(read(db, |conn| webhooks::find(conn, &EndpointScope::All, id)).is_none());
        assert!(due(db, 2).is_empty());
        let desk = AuthorityCode::from(TO4);
        assert_eq!(read(db, |conn| webhooks::count(conn, &desk)), 0);
    });
}

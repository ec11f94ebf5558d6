//! `tickets::insert` and `tickets::save`: what goes in comes out, all of it or nothing.

use std::cell::Cell;
use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use domain::actor::{Assignee, Pool};
use domain::command::{Command, Description};
use domain::event::{Change, Event};
use domain::ids::TicketId;
use domain::note::{Audience, Note, NoteKind};
use domain::state::{Channel, Priority, StateCode, TicketKind, Windows};
use domain::ticket::Ticket;
use domain::visibility::Scope;
use proptest::prelude::*;
use storage::sql_types::{Id, Instant, Json, JsonDoc, Ts, Uid};
use storage::tickets::{Details, Dossier, RequesterKind};
use storage::{Db, StoreError, attachments, tickets};

use crate::append_only::attachment;
use crate::life::{self, Life};
use crate::town::{self, everywhere, find, read, write};
use crate::words::{self, REGION, TO4};

/// A requester who filled in everything.
fn full_dossier() -> Dossier {
    let mut extra = serde_json::Map::new();
    extra.insert("team_number".to_owned(), "équipe 7".into());
    extra.insert(
        "nested".to_owned(),
        serde_json::json!({"a": [1, null, true]}),
    );
    Dossier {
        channel: Channel::Counter,
        identity: Some(town::identity(1)),
        phone: Some("+390112345678".to_owned()),
        given_name: "Zoë 'D\\".to_owned(),
        description: Some("Referto \"non\" trovato: 100%\n👩‍⚕️".to_owned()),
        details: Details {
            extra,
            requester_role: Some("delegate".to_owned()),
            recall_phone: Some("+393331234567".to_owned()),
            notification_email: Some("altra@example.org".to_owned()),
            lang: domain::invalid::Lang::En,
            privacy_notice: "2026-01".to_owned(),
            self_help_path: vec!["a".to_owned(), "b".to_owned()],
            is_delegated: true,
        },
        follow_up_of: Some(TicketId::new(uuid::Uuid::from_u128(1))),
        ..town::dossier(2, RequesterKind::Citizen)
    }
}

#[test]
fn a_filing_comes_back_whole() {
    everywhere(|fresh| {
        let db = fresh.db();
        let (first, plain) = (
            town::ticket(1, REGION),
            town::dossier(1, RequesterKind::Anonymous),
        );
        town::file(db, &first, &plain, None);
        let second = Ticket {
            assignee: Some(Assignee::Pool(Pool::Supervisors)),
            priority: Priority::Critical,
            kind: Some(TicketKind::ServiceQuestion),
            tags: vec!["laboratorio".to_owned(), "urgente-2".to_owned()],
            bounces: 2,
            reopens: 3,
            reminders: 4,
            needs_attention: true,
            declared_authority: None,
            ..town::ticket(2, TO4)
        };
        town::file(db, &second, &full_dossier(), Some(attachment(1)));

        for (ticket, dossier) in [(first, plain), (second, full_dossier())] {
            let (found, found_dossier) = find(db, &Scope::System, ticket.id).unwrap();
            assert_eq!(found, ticket);
            assert!(
                found_dossier == dossier,
                "the dossier of {} differs",
                ticket.number
            );
        }
        let second = TicketId::new(uuid::Uuid::from_u128(2));
        let files = read(db, |conn| attachments::list(conn, second));
        let files: Vec<_> = files.into_iter().map(|one| (one.seq, one.file)).collect();
        assert_eq!(files, [(1, attachment(1))]);
    });
}

#[test]
fn a_ticket_in_any_state_comes_back_whole() {
    let stories = [
        "",
        "operator take + to colleague; operator note + internal",
        "operator take; operator ask-info + published; system remind",
        "operator take; operator hand-over + published",
        "operator hand-over + published; regional-operator take; \
         regional-operator open-activity + published",
        "operator resolve duplicate + published",
        "requester withdraw; system auto-close",
        "operator resolve + published; system auto-close; supervisor reopen + internal",
        "supervisor remove duplicate of 416 + internal",
    ];
    everywhere(|fresh| {
        let mut seen = BTreeSet::new();
        for (story, number) in stories.iter().zip(1..) {
            let mut life = Life::file(fresh.db(), number, TO4, RequesterKind::Citizen);
            life.play(story);
            let (found, _) = find(fresh.db(), &Scope::System, life.ticket.id).unwrap();
            assert_eq!(found, life.ticket, "{story}");
            seen.insert(found.state.code());
        }
        assert_eq!(seen, StateCode::ALL.into_iter().collect());
    });
}

#[test]
fn contacts_change_only_with_the_event_that_says_so() {
    everywhere(|fresh| {
        let db = fresh.db();
        let mut ticket = town::ticket(1, TO4);
        town::file(db, &ticket, &town::dossier(1, RequesterKind::Staff), None);
        let command = Command::Describe(Description {
            contacts: vec!["notification_email".to_owned()],
            ..Description::default()
        });
        let (operator, windows) = (words::actor("operator"), Windows::default());
        let events = ticket
            .decide(&command, &operator, town::hours(1), &windows)
            .unwrap();
        let was = ticket.clone();
        ticket.absorb(&events);
        let now = ticket.clone();
        let changed = Dossier {
            details: full_dossier().details,
            ..town::dossier(1, RequesterKind::Staff)
        };
        write(db, move |conn| {
            tickets::save(conn, &now, &was, &events, &operator, None, Some(&changed))
        });
        let (found, dossier) = find(db, &Scope::System, ticket.id).unwrap();
        assert_eq!(found, ticket);
        assert!(dossier.details == full_dossier().details);
        assert!(dossier.email == town::dossier(1, RequesterKind::Staff).email);
    });
}

/// How many rows there are of whatever a change may write.
fn rows(db: &Db) -> Vec<i64> {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }
    let tables = ["ticket_events", "notes", "attachments", "legs", "outbox"];
    let count = |table| {
        let sql = format!("SELECT count(*) AS count FROM {table}");
        read(db, |conn| {
            Ok(diesel::sql_query(sql).get_result::<Count>(conn)?)
        })
        .count
    };
    tables.into_iter().map(count).collect()
}

#[test]
fn a_stale_save_writes_nothing() {
    everywhere(|fresh| {
        let db = fresh.db();
        let mut life = Life::file(db, 1, TO4, RequesterKind::Citizen);
        let (mut late, operator) = (life.ticket.clone(), words::actor("operator"));
        let filed = life.ticket.clone();
        life.play("operator take");
        let before = (
            rows(db),
            find(db, &Scope::System, life.ticket.id).map(|found| found.0),
        );

        let hand_over = "hand-over + published";
        let mut events = words::apply(&mut late, &operator, hand_over, town::hours(2)).unwrap();
        events[0].note.as_mut().unwrap().attachment = Some(attachment(1));
        let scope = Scope::Authority(TO4.into());
        for version in [1, 0, 3, -1] {
            let was = Ticket {
                version,
                ..filed.clone()
            };
            let outcome = life::save(db, &scope, &late, &was, &events, &operator);
            assert!(
                matches!(outcome, Err(StoreError::Stale)),
                "{version}: {outcome:?}"
            );
        }
        // Nor when the caller goes on as if nothing had happened.
        write(db, {
            let (late, events, operator) = (late.clone(), events.clone(), operator.clone());
            move |conn| {
                let outcome = tickets::save(conn, &late, &filed, &events, &operator, None, None);
                assert!(matches!(outcome, Err(StoreError::Stale)), "{outcome:?}");
                Ok(())
            }
        });
        let after = (
            rows(db),
            find(db, &Scope::System, life.ticket.id).map(|found| found.0),
        );
        assert_eq!(after, before);
    });
}

#[derive(QueryableByName)]
struct StoredEvent {
    #[diesel(sql_type = BigInt)]
    seq: i64,
    #[diesel(sql_type = Instant)]
    at: Ts,
    #[diesel(sql_type = JsonDoc)]
    change: Json,
    #[diesel(sql_type = Nullable<Text>)]
    audience: Option<String>,
}

/// The history of a ticket as it is stored, with what the fold asks of its notes.
fn stored_events(db: &Db, id: TicketId) -> Vec<Event> {
    let rows: Vec<StoredEvent> = read(db, |conn| {
        let query = "SELECT e.seq, e.at, e.change, n.audience FROM ticket_events e
             LEFT JOIN notes n ON n.ticket_id = e.ticket_id AND n.seq = e.seq
             WHERE e.ticket_id = $1 ORDER BY e.seq";
        Ok(diesel::sql_query(query)
            .bind::<Uid, _>(Id(id.uuid()))
            .load(conn)?)
    });
    let event = |row: StoredEvent| {
        let text = row.change.0.to_string();
        assert!(
            !text.contains("MARKED"),
            "a text is in the event itself: {text}"
        );
        let note = row.audience.map(|audience| Note {
            kind: NoteKind::Note,
            audience: Audience::from_code(&audience).unwrap(),
            team: None,
            party: None,
            body: String::new(),
            attachment: None,
        });
        Event {
            seq: row.seq,
            at: row.at.0,
            change: serde_json::from_value::<Change>(row.change.0).unwrap(),
            note,
        }
    };
    rows.into_iter().map(event).collect()
}

#[test]
fn any_history_saved_step_by_step_is_the_ticket_and_folds_to_it() {
    everywhere(|fresh| {
        let (db, number) = (fresh.db(), Cell::new(0));
        life::check(
            if fresh.is_sqlite() { 40 } else { 15 },
            40,
            |(custodian, steps)| {
                number.set(number.get() + 1);
                let mut life = Life::file(db, number.get(), custodian, RequesterKind::Citizen);
                let filed = life.ticket.clone();
                for step in steps {
                    let was = life.ticket.version;
                    let _ = life.step(step);
                    if life.ticket.version > was {
                        let (found, _) = find(db, &Scope::System, filed.id).unwrap();
                        prop_assert_eq!(&found, &life.ticket, "after {:?}", step);
                    }
                }
                let stored = stored_events(db, filed.id);
                let places: Vec<_> = stored.iter().map(|event| event.seq).collect();
                prop_assert_eq!(places, (1..=life.ticket.version).collect::<Vec<_>>());
                let mut folded = filed;
                folded.absorb(&stored[1..]);
                prop_assert_eq!(&folded, &life.ticket);
                Ok(())
            },
        );
    });
}

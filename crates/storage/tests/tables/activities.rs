//! Technical activities: who reaches them, that one of a ticket is open, and that what a tool brings
//! is there once.

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use domain::activity::{ActivityKind, ActivityState, Impact, Urgency};
use domain::ids::{ActivityCommentId, ActivityId, ClientId};
use domain::visibility::Scope;
use jiff::SignedDuration;
use storage::activities::{self, Activity, Comment, CommentAuthor, Filter, Quoted, Terms};
use storage::clients::{self, Client};
use storage::tickets::RequesterKind;
use storage::{Db, DbConnection, StoreError};
use uuid::Uuid;

use crate::append_only::refusal;
use crate::town::{self, ELSEWHERE, everywhere, hours, read, read_in, write};
use crate::words::{REGION, TO4, account};

fn activity(number: u128, ticket: u32) -> Activity {
    let about = town::ticket(ticket, REGION);
    Activity {
        id: ActivityId::new(Uuid::from_u128(number)),
        version: 1,
        ticket: about.id,
        quoted: Quoted {
            number: about.number,
            service: about.service,
            problem_type: about.problem_type,
        },
        desk: ELSEWHERE.into(),
        state: ActivityState::New,
        terms: Terms {
            summary: "Non si apre".to_owned(),
            detail: "Errore 500".to_owned(),
            impact: Impact::Moderate,
            urgency: Urgency::Medium,
            kind: ActivityKind::UserServiceRestoration,
            asset: "FSE".to_owned(),
            item: None,
            sub_item: None,
        },
        assignee: None,
        external: None,
        reported: None,
        cancel_requested_at: None,
        opened_by: account(3),
        opened_at: hours(1),
        updated_at: hours(1),
        due_at: hours(10 + i64::try_from(number).unwrap()),
        closed_at: None,
    }
}

fn client(number: u128) -> ClientId {
    ClientId::new(Uuid::from_u128(number))
}

fn comment(number: u128, author: CommentAuthor) -> Comment {
    Comment {
        id: ActivityCommentId::new(Uuid::from_u128(number)),
        activity: activity(1, 1).id,
        at: hours(2),
        author,
        body: "Visto.".to_owned(),
    }
}

/// Two tickets at the region with an activity each, and two programs.
fn settle(db: &Db) {
    for number in [1, 2] {
        let ticket = town::ticket(number, REGION);
        town::file(
            db,
            &ticket,
            &town::dossier(number, RequesterKind::Citizen),
            None,
        );
    }
    write(db, |conn| {
        for number in [1, 2] {
            let tool = Client {
                id: client(number),
                label: "Prova".to_owned(),
                contact: "prova@example.org".to_owned(),
                scopes: vec!["activities:sync".to_owned()],
                voucher: None,
                purposes: Vec::new(),
                created_at: hours(1),
                expires_at: hours(1000),
                revoked_at: None,
            };
            clients::insert(conn, &tool)?;
        }
        activities::insert(conn, &activity(1, 1))?;
        activities::insert(conn, &activity(2, 2))
    });
}

fn outcome(
    db: &Db,
    f: impl FnOnce(&mut DbConnection) -> Result<(), StoreError> + Send + 'static,
) -> Result<(), StoreError> {
    db.write_in(&Scope::System, f)
}

fn is_taken(outcome: Result<(), StoreError>) -> bool {
    matches!(outcome, Err(StoreError::UniqueViolation { .. }))
}

#[test]
fn an_activity_is_read_back_as_it_was_written_and_saved_once_a_version() {
    everywhere(|fresh| {
        let db = fresh.db();
        settle(db);
        let written = activity(1, 1);
        let found = read(db, |conn| {
            activities::find(conn, &Scope::System, written.id)
        });
        assert_eq!(found, Some(written.clone()));
        let ended = Activity {
            version: 2,
            state: ActivityState::Resolved,
            external: Some((client(1), "INC1".to_owned())),
            reported: Some(7),
            cancel_requested_at: Some(hours(3)),
            assignee: Some(account(3)),
            closed_at: Some(hours(4)),
            updated_at: hours(4),
            ..written
        };
        let save = ended.clone();
        assert!(outcome(db, move |conn| activities::save(conn, &save, 1)).is_ok());
        let found = read(db, |conn| activities::find(conn, &Scope::System, ended.id));
        assert_eq!(found.as_ref(), Some(&ended));
        let late = outcome(db, move |conn| activities::save(conn, &ended, 1));
        assert!(matches!(late, Err(StoreError::Stale)));
    });
}

#[test]
fn the_region_and_its_own_technical_desk_reach_activities_and_nobody_else() {
    everywhere(|fresh| {
        let db = fresh.db();
        settle(db);
        let seen = |scope: &Scope| {
            let filter = Filter::default();
            let list = read_in(db, scope, |conn| {
                activities::list(conn, scope, &filter, None, 10)
            });
            let found = read_in(db, scope, |conn| {
                activities::find(conn, scope, activity(1, 1).id)
            });
            assert_eq!(found.is_some(), !list.is_empty(), "{scope:?}");
            list.len()
        };
        for (scope, expected) in [
            (Scope::System, 2),
            (Scope::Region(REGION.into()), 2),
            (Scope::Technical(ELSEWHERE.into()), 2),
            (Scope::Technical(TO4.into()), 0),
            (Scope::Authority(ELSEWHERE.into()), 0),
            (Scope::Authority(TO4.into()), 0),
            (town::citizen(1, 1, &[]), 0),
            (Scope::Tracking(town::ticket(1, REGION).id), 0),
            (Scope::Nothing, 0),
        ] {
            assert_eq!(seen(&scope), expected, "{scope:?}");
        }
    });
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[test]
fn the_fence_hides_activities_from_sql_that_forgot_its_scope() {
    everywhere(|fresh| {
        if fresh.is_sqlite() {
            return;
        }
        let db = fresh.db();
        settle(db);
        write(db, |conn| {
            let staff = CommentAuthor::Staff(account(3), REGION.into(), None);
            activities::insert_comment(conn, &comment(1, staff))
        });
        let count = |scope: &Scope, table: &str| {
            let sql = format!("SELECT count(*) AS count FROM {table}");
            read_in(db, scope, |conn| {
                Ok(diesel::sql_query(sql).get_result::<Count>(conn)?.count)
            })
        };
        for (scope, activities, comments) in [
            (Scope::Region(REGION.into()), 2, 1),
            (Scope::Technical(ELSEWHERE.into()), 2, 1),
            (Scope::Technical(TO4.into()), 0, 0),
            // Whoever sees the ticket sees nothing of its activity.
            (Scope::Authority(REGION.into()), 0, 0),
            (town::citizen(1, 1, &[]), 0, 0),
            (Scope::Nothing, 0, 0),
        ] {
            assert_eq!(count(&scope, "activities"), activities, "{scope:?}");
            assert_eq!(count(&scope, "activity_comments"), comments, "{scope:?}");
            assert_eq!(
                count(&scope, "tickets") > 0,
                !matches!(scope, Scope::Technical(_) | Scope::Nothing),
                "{scope:?}"
            );
        }
        // The technical desk reads: what it does is written with its ticket, by the system.
        let technical = Scope::Technical(ELSEWHERE.into());
        let written = db.write_in(&technical, |conn| {
            let sql = "UPDATE activities SET state = 'pending'";
            Ok::<_, StoreError>(diesel::sql_query(sql).execute(conn)?)
        });
        assert!(written.is_err());
    });
}

#[test]
fn one_activity_of_a_ticket_is_open_and_an_external_id_is_one_activitys() {
    everywhere(|fresh| {
        let db = fresh.db();
        settle(db);
        let second = outcome(db, |conn| activities::insert(conn, &activity(3, 1)));
        assert!(is_taken(second));
        let tied = |number: u128, by: u128| Activity {
            version: 2,
            external: Some((client(by), "INC1".to_owned())),
            ..activity(number, u32::try_from(number).unwrap())
        };
        let save =
            |activity: Activity| outcome(db, move |conn| activities::save(conn, &activity, 1));
        assert!(save(tied(1, 1)).is_ok());
        assert!(is_taken(save(tied(2, 1))));
        assert!(save(tied(2, 2)).is_ok());
        let found = read(db, |conn| {
            activities::find_external(conn, client(1), "INC1")
        });
        assert_eq!(found, Some(activity(1, 1).id));
        let open = read(db, |conn| {
            activities::find_open(conn, activity(1, 1).ticket)
        });
        assert_eq!(open.map(|one| one.id), Some(activity(1, 1).id));
        write(db, |conn| {
            let ended = Activity {
                version: 3,
                state: ActivityState::Closed,
                closed_at: Some(hours(5)),
                ..activity(1, 1)
            };
            activities::save(conn, &ended, 2)
        });
        assert!(outcome(db, |conn| activities::insert(conn, &activity(3, 1))).is_ok());
    });
}

#[test]
fn a_comment_stays_and_a_tools_comment_is_there_once() {
    everywhere(|fresh| {
        let db = fresh.db();
        settle(db);
        let by_tool = |number, by| comment(number, CommentAuthor::Program(client(by), "W1".into()));
        let put =
            |comment: Comment| outcome(db, move |conn| activities::insert_comment(conn, &comment));
        let staff = CommentAuthor::Staff(account(3), REGION.into(), None);
        assert!(put(comment(1, staff)).is_ok());
        assert!(put(by_tool(2, 1)).is_ok());
        assert!(is_taken(put(by_tool(3, 1))));
        assert!(put(by_tool(4, 2)).is_ok());
        let found = read(db, |conn| {
            activities::list_comments(conn, activity(1, 1).id)
        });
        assert_eq!(found.len(), 3);
        let count = read(db, |conn| {
            activities::count_comments(conn, activity(1, 1).id)
        });
        assert_eq!(count, 3);
        let known = read(db, |conn| {
            activities::find_external_comment(conn, client(2), "W1")
        });
        assert_eq!(known, Some(by_tool(4, 2)));
        for sql in [
            "UPDATE activity_comments SET body = 'x'",
            "DELETE FROM activity_comments",
        ] {
            assert!(refusal(db, sql).contains("append-only"), "{sql}");
        }
    });
}

#[test]
fn a_list_is_narrowed_and_goes_by_the_time_they_are_due() {
    everywhere(|fresh| {
        let db = fresh.db();
        settle(db);
        write(db, |conn| {
            let other = Activity {
                version: 2,
                state: ActivityState::Pending,
                assignee: Some(account(3)),
                external: Some((client(1), "INC1".to_owned())),
                due_at: hours(5),
                ..activity(2, 2)
            };
            activities::save(conn, &other, 1)
        });
        let list = |filter: Filter, after: Option<&Activity>| {
            let after = after.map(|one| (one.due_at, one.id));
            let found = read(db, |conn| {
                activities::list(conn, &Scope::System, &filter, after, 10)
            });
            found
                .into_iter()
                .map(|one| (one.id.uuid().as_u128(), one))
                .unzip::<u128, Activity, Vec<_>, Vec<_>>()
        };
        let (ids, all) = list(Filter::default(), None);
        assert_eq!(ids, [2, 1]);
        assert_eq!(list(Filter::default(), all.first()).0, [1]);
        let narrowed = |change: fn(&mut Filter)| {
            let mut filter = Filter::default();
            change(&mut filter);
            list(filter, None).0
        };
        assert_eq!(narrowed(|f| f.states = vec![ActivityState::Pending]), [2]);
        assert_eq!(narrowed(|f| f.urgency = Some(Urgency::High)), [0; 0]);
        assert_eq!(narrowed(|f| f.assignee = Some(account(3))), [2]);
        assert_eq!(narrowed(|f| f.linked = Some(false)), [1]);
        assert_eq!(narrowed(|f| f.linked = Some(true)), [2]);
        assert_eq!(narrowed(|f| f.ticket = Some(activity(1, 1).ticket)), [1]);
        let second = SignedDuration::from_secs(1);
        for (now, overdue) in [
            (hours(5) - second, vec![]),
            (hours(5), vec![2]),
            (hours(11), vec![2, 1]),
        ] {
            let asked = |is_overdue| Filter {
                overdue: Some((is_overdue, now)),
                ..Filter::default()
            };
            assert_eq!(list(asked(true), None).0, overdue, "{now}");
            assert_eq!(list(asked(false), None).0.len(), 2 - overdue.len());
        }
    });
}

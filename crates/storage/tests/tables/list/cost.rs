//! What a list costs: statements, and the way the database takes to the first page.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};
use domain::state::StateCode;
use domain::visibility::Scope;
use storage::keyring::{Field, INSTALLATION};
use storage::list::{self, Filter, Order};
use storage::tickets::RequesterKind;
use storage::{Db, DbConnection, StoreError};

use super::{file_many, first_page, page};
use crate::life::{Life, save};
use crate::plans;
use crate::support::Fresh;
use crate::town::{self, everywhere, hours, write};
use crate::words::{self, TO4};

#[test]
fn a_list_takes_two_statements_at_most_whatever_its_size() {
    everywhere(|fresh| {
        let db = fresh.db();
        let scope = Scope::Authority(TO4.into());
        let cost = || {
            let before = db.statements();
            let items = page(
                db,
                &scope,
                &Filter::default(),
                &first_page(Order::DueAt, true, 100),
            );
            (items, db.statements() - before)
        };
        assert_eq!((cost().0.len(), cost().1), (0, 1));
        file_many(db, 0..57);
        assert_eq!((cost().0.len(), cost().1), (57, 1));
        let owners = ["operator", "colleague", "supervisor"].into_iter().cycle();
        for (number, owner) in (100..110).zip(owners) {
            let mut ticket = Life::file(db, number, TO4, RequesterKind::Citizen).ticket;
            let owner = words::actor(owner);
            let was = ticket.clone();
            let events = words::apply(&mut ticket, &owner, "take", hours(1)).unwrap();
            save(db, &scope, &ticket, &was, &events, &owner).unwrap();
        }
        let (items, statements) = cost();
        assert_eq!((items.len(), statements), (67, 2));
        let labelled = items.iter().filter(|item| item.assignee_label.is_some());
        assert_eq!(labelled.count(), 10);
    });
}

/// The statement of a first page of 50, as the database gets it.
fn statement(fresh: &Fresh, scope: &Scope, filter: &Filter, descending: bool) -> String {
    let wanted = first_page(Order::CreatedAt, descending, 50);
    let mut heard = town::heard(fresh, |conn| {
        // The prints in it are made with the keys of the database; copies of a row do not open.
        let asked = fresh
            .db()
            .read(|_| list::list(conn, scope, filter, &wanted));
        assert!(matches!(
            asked,
            Ok(_)
                | Err(StoreError::Corrupt {
                    column: "dossier",
                    ..
                })
        ));
    });
    heard.remove(0)
}

/// How the database means to run the statement, in its own words.
fn plan(fresh: &Fresh, statement: &str, values: &[&str]) -> String {
    let lines = if fresh.is_sqlite() {
        plans::sqlite(fresh, statement)
    } else {
        let mut conn = PgConnection::establish(&fresh.config.url).unwrap();
        conn.batch_execute(&format!("PREPARE probe AS {statement}"))
            .unwrap();
        let explain = format!("EXPLAIN EXECUTE probe ({})", values.join(", "));
        plans::postgres(&mut conn, &explain)
    };
    lines.join("\n")
}

/// 5,000 tickets more, made from the one there is: one in ten is of TO4, half are still open, one in
/// fifty is of the same citizen.
fn five_thousand(db: &Db) {
    write(db, |conn| {
        let (id, later) = match conn {
            DbConnection::Pg(_) => ("gen_random_uuid()", "created_at + n * interval '1 minute'"),
            DbConnection::Sqlite(_) => ("randomblob(16)", "created_at + n * 60000000"),
        };
        conn.batch_execute(&format!(
            "INSERT INTO tickets (id, number, created_at, custodian, state, resolution_code,
                 timer_at, version, service_code, problem_type, at_region, tallies,
                 needs_attention, priority, tags, channel, requester_kind, identity_print,
                 tax_code_print, key_desk, family_name_print, email_print, dossier, updated_at,
                 due_at)
             WITH RECURSIVE numbers (n) AS
                 (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 5000)
             SELECT {id}, 'N' || n, {later},
                 CASE n % 10 WHEN 0 THEN custodian ELSE 'CN1' END,
                 CASE WHEN n % 20 < 10 THEN 'new' ELSE 'resolved' END, 'duplicate', due_at,
                 version, service_code, problem_type, at_region, tallies,
                 needs_attention, priority, tags, channel, requester_kind,
                 CASE n % 50 WHEN 0 THEN identity_print ELSE identity_print || n END,
                 CASE n % 50 WHEN 0 THEN tax_code_print ELSE tax_code_print || n END,
                 key_desk, family_name_print, email_print, dossier, updated_at, due_at
             FROM tickets, numbers; ANALYZE"
        ))?;
        Ok::<_, StoreError>(())
    });
}

#[test]
fn the_first_page_of_a_queue_is_read_along_its_index() {
    everywhere(|fresh| {
        Life::file(fresh.db(), 1, TO4, RequesterKind::Citizen);
        five_thousand(fresh.db());
        let scope = Scope::Authority(TO4.into());
        let open = Filter {
            states: vec![StateCode::New],
            ..Filter::default()
        };
        let untouched = Filter {
            untouched: Some(true),
            ..Filter::default()
        };
        let rows = [
            (untouched, &["tickets_untouched"][..], vec!["'TO4'", "50"]),
            (
                Filter::default(),
                &["tickets_by_custodian"],
                vec!["'TO4'", "50"],
            ),
            // What is new is untouched, which PostgreSQL sees from the value.
            (
                open,
                &["tickets_open", "tickets_untouched"],
                vec!["'TO4'", "'new'", "50"],
            ),
        ];
        for (filter, indexes, values) in rows {
            for descending in [false, true] {
                let statement = statement(fresh, &scope, &filter, descending);
                let plan = plan(fresh, &statement, &values);
                let is_along = indexes.iter().any(|index| plan.contains(index));
                assert!(is_along, "{statement}\n{plan}");
                assert!(
                    !plan.contains("Sort") && !plan.contains("B-TREE"),
                    "{statement}\n{plan}"
                );
            }
        }
    });
}

#[test]
fn pages_of_a_queue_are_planned_once_whatever_their_length() {
    #[derive(QueryableByName, Debug, PartialEq)]
    struct Plans {
        #[diesel(sql_type = BigInt)]
        statements: i64,
        #[diesel(sql_type = BigInt)]
        for_all: i64,
    }
    everywhere(|fresh| {
        if fresh.is_sqlite() {
            return;
        }
        Life::file(fresh.db(), 1, TO4, RequesterKind::Citizen);
        five_thousand(fresh.db());
        let scope = Scope::Authority(TO4.into());
        let open = Filter {
            states: vec![StateCode::InProgress],
            ..Filter::default()
        };
        for (filter, has_state) in [(Filter::default(), false), (open, true)] {
            // PostgreSQL looks at five values before it takes a plan for all of them, if that is no dearer.
            let plans = town::read_in(fresh.db(), &scope, |conn| {
                for limit in [51, 11, 51, 26, 51, 101, 2, 51] {
                    // Copies of a row do not open.
                    let _ = list::list(
                        conn,
                        &scope,
                        &filter,
                        &first_page(Order::CreatedAt, true, limit),
                    );
                }
                Ok(diesel::sql_query(
                    "SELECT count(*) AS statements, CAST(sum(generic_plans) AS BIGINT) AS for_all \
                     FROM pg_prepared_statements WHERE statement LIKE '%ORDER BY \"tickets\".\"created_at\"%' \
                     AND (statement LIKE '%\"state\" =%') = $1",
                )
                .bind::<Bool, _>(has_state)
                .get_result::<Plans>(conn)?)
            });
            let once = Plans {
                statements: 1,
                for_all: 3,
            };
            assert_eq!(plans, once, "{filter:?}");
        }
    });
}

#[test]
fn a_citizens_list_is_read_along_indexes_with_delegators_and_without() {
    everywhere(|fresh| {
        Life::file(fresh.db(), 1, TO4, RequesterKind::Citizen);
        five_thousand(fresh.db());
        let keyring = fresh.db().keyring().unwrap();
        let array = |prints: Vec<String>| format!("ARRAY['{}']", prints.join("', '"));
        let identities = keyring.prints_of(INSTALLATION, Field::Identity, &town::identity(1));
        let identity = format!("'{}'", identities[0]);
        let person = |number| keyring.prints(Field::TaxCode, town::tax_code(number).as_str());
        let tax_code = array(person(1));
        let rest = ["'citizen'", "'removed'", "50"];

        let filter = Filter::default();
        let alone = statement(fresh, &town::citizen(1, 1, &[]), &filter, true);
        let values = [&[identity.as_str(), tax_code.as_str()], rest.as_slice()].concat();
        let plan_alone = plan(fresh, &alone, &values);
        assert!(
            plan_alone.contains("tickets_by_requester"),
            "{alone}\n{plan_alone}"
        );

        let delegated = statement(fresh, &town::citizen(1, 1, &[2, 3]), &filter, true);
        let others = array([person(2), person(3)].concat());
        let own = [identity.as_str(), tax_code.as_str(), others.as_str()];
        let values = [own.as_slice(), rest.as_slice()].concat();
        let plan_delegated = plan(fresh, &delegated, &values);
        let is_whole = ["SCAN", "Seq Scan on tickets"]
            .iter()
            .any(|whole| plan_delegated.contains(whole));
        assert!(
            plan_delegated.contains("tickets_by_tax_code") && !is_whole,
            "{delegated}\n{plan_delegated}"
        );
    });
}

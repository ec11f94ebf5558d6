//! What the loader of the measurements writes is what the program reads as its own.

use diesel::RunQueryDsl;
use domain::visibility::Scope;
use serde_json::json;
use service::evidence::AuditKey;
use service::work::WorkRun;
use storage::{Backend, StoreError};
use tests::load::{self, Invented, Life, Loaded, Plan};
use tests::people::TO4;
use tests::{Client, Options, Place, TestApp, both, running};

const COPIES: u64 = 300;
/// Each life twice.
const TEMPLATES: usize = 24;

fn load(app: &TestApp, seed: u64) -> Loaded {
    let filed = load::file_templates(&app.desk, &app.db, app.clock(), TEMPLATES);
    let plan = Plan {
        tickets: COPIES,
        seed,
        way: app.way(),
        indexes_anew: false,
    };
    load::load(&app.desk, &app.db, &filed, &plan)
}

/// An operator of the desk that has this request.
async fn operator_of(app: &TestApp, copy: &load::Stamped) -> Client {
    let region = app.as_("region.operator").await;
    let screen = region.screen(&copy.id.to_string()).await;
    match screen.text_at("/custody/code") {
        TO4 => app.as_("to4.operator").await,
        _ => app.as_("cn1.operator").await,
    }
}

/// The first that ended up so.
fn one(loaded: &Loaded, is: impl Fn(Life) -> bool) -> &load::Stamped {
    let found = loaded.some.iter().find(|copy| is(copy.life));
    found.expect("among so many")
}

both!(
    a_loaded_request_is_read_as_one_that_was_filed,
    async |app| {
        let loaded = load(app, 1);
        assert_eq!(app.count("tickets"), 300 + 24);
        let copy = one(&loaded, |life| life == Life::Closed(18));
        let operator = operator_of(app, copy).await;
        let screen = operator.get(&format!("/v1/tickets/{}", copy.id)).await;
        screen.is(200);
        let person = Invented::new(copy.person);
        assert_eq!(screen.text_at("/number"), copy.number);
        assert_eq!(screen.text_at("/state"), "auto-closed");
        assert!(screen.text().contains(&person.family_name), "{screen}");
        assert_eq!(screen.list_at("/timeline").len(), 22, "{screen}");
    }
);

/// Keys are not looked at while rows are loaded.
#[test]
fn what_is_loaded_hangs_together() {
    #[derive(diesel::QueryableByName)]
    struct Dangling {
        #[diesel(sql_type = diesel::sql_types::Text)]
        table: String,
    }
    running::run(Place::Sqlite, Options::default(), async |app| {
        load(app, 4);
        let dangling = app.db.read(|conn| {
            let check = diesel::sql_query("PRAGMA foreign_key_check");
            Ok::<_, StoreError>(check.load::<Dangling>(conn)?)
        });
        let tables: Vec<String> = dangling.unwrap().into_iter().map(|one| one.table).collect();
        assert!(tables.is_empty(), "{tables:?}");
    });
}

both!(a_loaded_request_is_found_by_its_person, async |app| {
    let loaded = load(app, 2);
    let operator = app.as_("region.operator").await;
    for copy in loaded.some.iter().take(20) {
        let person = Invented::new(copy.person);
        for wanted in [
            json!({"tax_code": person.tax_code}),
            json!({"email": person.email}),
            json!({"phone": person.phone}),
        ] {
            let found = operator.post("/v1/ticket-searches", &wanted).await;
            found.is(200);
            assert!(found.text().contains(&copy.number), "{wanted}: {found}");
        }
    }
    let none = json!({"tax_code": Invented::new(1 << 40).tax_code});
    let none = operator.post("/v1/ticket-searches", &none).await;
    assert!(none.is(200).list_at("/items").is_empty());
});

both!(
    loaded_requests_are_in_the_queue_and_in_its_counters,
    async |app| {
        let loaded = load(app, 3);
        let operator = app.as_("to4.operator").await;
        let counters = operator.get("/v1/queues").await;
        let of = |state: &str| {
            let states = counters.is(200).list_at("/states").iter();
            let mut counts = states.filter(|one| one["state"] == state);
            counts.next().and_then(|one| one["count"].as_i64())
        };
        for state in ["new", "in-progress", "auto-closed", "resolved"] {
            let sql = format!(
                "(SELECT count(*) FROM tickets WHERE custodian = '010204' AND state = '{state}')"
            );
            let counted = app.db.read_in(&Scope::System, |conn| {
                let count = diesel::dsl::sql::<diesel::sql_types::BigInt>(&sql);
                Ok::<_, StoreError>(diesel::select(count).get_result::<i64>(conn)?)
            });
            assert_eq!(of(state), counted.ok(), "{state}");
        }
        let (mut next, mut seen) = (String::new(), 0);
        loop {
            let page = operator.get(&format!("/v1/tickets?limit=100{next}")).await;
            seen += page.is(200).list_at("/items").len();
            match page.json["next_cursor"].as_str() {
                Some(cursor) => next = format!("&cursor={cursor}"),
                None => break,
            }
        }
        let everywhere = COPIES + u64::try_from(TEMPLATES).expect("a count");
        assert!(seen > 100 && u64::try_from(seen).expect("a count") < everywhere);
        assert!(!loaded.rows.is_empty());
    }
);

both!(
    a_loaded_request_can_be_worked_and_its_citizen_sees_it,
    async |app| {
        let loaded = load(app, 4);
        let copy = one(&loaded, |life| life == Life::New);
        let person = Invented::new(copy.person);
        let token = app.citizen_token(
            &person.tax_code,
            &person.given_name,
            &person.family_name,
            &person.email,
        );
        let citizen = app.with_token(token);
        let own = citizen.get("/v1/me/tickets").await;
        assert!(own.is(200).text().contains(&copy.number), "{own}");
        let operator = operator_of(app, copy).await;
        let taken = operator
            .act(&copy.id.to_string(), &json!({"action": "take"}))
            .await;
        taken.is(201);
    }
);

both!(a_loaded_file_is_downloaded_as_it_was_kept, async |app| {
    let loaded = load(app, 5);
    let operator = app.as_("region.operator").await;
    let mut downloads = 0;
    for copy in &loaded.some {
        let screen = operator.get(&format!("/v1/tickets/{}", copy.id)).await;
        screen.is(200);
        for file in screen.json["attachments"].as_array().into_iter().flatten() {
            let path = format!(
                "/v1/tickets/{}/attachments/{}",
                copy.id,
                file["id"].as_str().expect("an id")
            );
            let download = operator.get(&path).await;
            assert!(download.is(200).body.starts_with(b"%PDF-"));
            downloads += 1;
        }
        if downloads >= 3 {
            return;
        }
    }
    panic!("no copy has a file");
});

both!(
    the_same_seed_loads_the_same_requests_and_nothing_is_due,
    async |app| {
        let made = |loaded: &Loaded| -> Vec<(u64, Life)> {
            let some = loaded.some.iter();
            some.map(|copy| (copy.person, copy.life)).collect()
        };
        let first = load(app, 6);
        let run = app.desk.run_due_work().expect("due work is done");
        assert_eq!(run, WorkRun::default(), "what was loaded is due");
        let has_unplaced = app.desk.place_changes().expect("the feed is read");
        assert!(!has_unplaced, "a row of the feed has no place");
        let elsewhere = TestApp::spawn(match app.db.backend() {
            Backend::Sqlite => Place::Sqlite,
            Backend::Postgres => Place::Postgres,
        });
        let again = load(&elsewhere, 6);
        assert_eq!(made(&first), made(&again));
        assert_eq!(first.rows, again.rows);
        let other = load(app, 7);
        assert_ne!(made(&first), made(&other));
    }
);

both!(the_trail_holds_after_a_load, async |app| {
    let loaded = load(app, 8);
    let operator = app.as_("region.operator").await;
    let copy = one(&loaded, Life::is_over);
    operator
        .get(&format!("/v1/tickets/{}", copy.id))
        .await
        .is(200);
    app.desk.link_audit().expect("the trail is linked");
    let none: [AuditKey; 0] = [];
    let keys: Vec<_> = none.iter().map(|key| key.public().clone()).collect();
    let proof = app.desk.prove_audit(&keys, None, std::iter::empty());
    assert!(proof.expect("the trail is read").is_clean());
});

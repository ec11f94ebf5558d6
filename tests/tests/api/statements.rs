//! SQL statements a request costs, whatever the size of the data (`issue` C.10). Counted at the
//! connection, BEGIN and COMMIT aside.

use serde_json::json;
use storage::Backend;
use tests::app::{Options, TestApp};
use tests::citizens::{ANNA, MARIO};
use tests::{both, files, forms, people::TO4};

/// Runs what `ask` asks, and tells how many statements it took.
async fn cost<T>(app: &TestApp, ask: impl Future<Output = T>) -> (u64, T) {
    let before = app.db.statements();
    let answer = ask.await;
    (app.db.statements() - before, answer)
}

async fn grow(app: &TestApp, tickets: usize) {
    for _ in 0..tickets {
        app.file_as(&ANNA, &forms::report_not_found_logged_in(TO4), &[])
            .await;
    }
}

// Who asks, the tickets, the names of those who work them, how they stand, and that they were looked at.
both!(
    a_list_costs_five_statements_at_most_however_long,
    async |app| {
        let operator = app.as_("to4.operator").await;
        let mut costs = Vec::new();
        for growth in [1, 30] {
            grow(app, growth).await;
            let filed = app
                .file_as(&ANNA, &forms::report_not_found_logged_in(TO4), &[])
                .await;
            operator
                .act(&filed.id, &json!({"action": "take"}))
                .await
                .is(201);
            let (statements, page) = cost(
                app,
                operator.get("/v1/tickets?state=new,in-progress&limit=100"),
            )
            .await;
            page.is(200);
            costs.push(statements);
        }
        assert!(costs.iter().all(|cost| *cost <= 5), "{costs:?}");
        assert_eq!(
            costs.first(),
            costs.last(),
            "the same for 2 tickets as for 33"
        );
    }
);

// One of them for the clocks, which a past custodian gets without the rest, and one for the audit trail.
both!(
    a_ticket_screen_costs_eight_statements_at_most_however_long_its_history,
    async |app| {
        let filed = app
            .file_as(
                &ANNA,
                &forms::report_not_found_logged_in(TO4),
                &[files::pdf(500)],
            )
            .await;
        let operator = app.as_("to4.operator").await;
        let (short, screen) = cost(app, operator.get(&filed.staff_path(""))).await;
        screen.is(200);
        for n in 0..25 {
            let note = json!({"body": format!("Nota {n}."), "published": n % 2 == 0});
            operator
                .act(&filed.id, &json!({"action": "note", "note": note}))
                .await
                .is(201);
        }
        let (long, screen) = cost(app, operator.get(&filed.staff_path(""))).await;
        assert_eq!(screen.list_at("/timeline").len(), 27);
        assert!(short <= 8 && long <= 8, "{short}, {long}");
        assert_eq!(short, long);
    }
);

// A list's, whether the words of old tickets are still being made, and how far the list goes.
both!(
    a_search_by_words_costs_seven_statements_at_most_however_many_it_finds,
    async |app| {
        let operator = app.as_("to4.operator").await;
        let mut costs = Vec::new();
        for growth in [2, 30] {
            grow(app, growth).await;
            let (statements, page) = cost(app, operator.get("/v1/tickets?q=referto")).await;
            assert!(page.is(200).list_at("/items").len() >= growth);
            costs.push(statements);
        }
        assert!(costs.iter().all(|cost| *cost <= 7), "{costs:?}");
        assert_eq!(costs.first(), costs.last());
    }
);

// What was answered before, what looks like it, the version of all that is set; the request with its history,
// leg, clocks, work and feed, which PostgreSQL gets as one statement and SQLite as a row each; the answer and
// the entry of the audit trail. Without an identity the proof and the receipt in place of what looks like it.
both!(filing_costs_few_statements, async |app| {
    let form = forms::report_not_found_logged_in(TO4);
    grow(app, 1).await; // takes a block of numbers, which the next twenty filings share
    let citizen = app.citizen(&ANNA);
    let filing = citizen
        .request(reqwest::Method::POST, "/v1/tickets")
        .key("one")
        .json(&form)
        .send();
    let (logged_in, filed) = cost(app, filing).await;
    filed.is(201);

    let mut form = forms::report_not_found(&MARIO, TO4);
    form["email_proof"] = app
        .prove_email(form["email"].as_str().expect("an address"))
        .await
        .into();
    form["attachment"] = files::pdf(500).inline();
    let client = app.anonymous();
    let filing = client
        .request(reqwest::Method::POST, "/v1/tickets")
        .key("two")
        .json(&form)
        .send();
    let (anonymous, filed) = cost(app, filing).await;
    filed.is(201);
    let (rows, with_a_file) = match app.db.backend() {
        Backend::Postgres => (1, 1),
        Backend::Sqlite => (8, 9),
    };
    assert_eq!((logged_in, anonymous), (5 + rows, 6 + with_a_file));
});

/// What Anna's list and one of her tickets cost: the list is tickets, previews and announcements.
async fn own_costs(app: &TestApp) -> (u64, u64) {
    grow(app, 3).await;
    let filed = app
        .file_as(&ANNA, &forms::report_not_found_logged_in(TO4), &[])
        .await;
    let anna = app.citizen(&ANNA);
    let (list, page) = cost(app, anna.get("/v1/me/tickets")).await;
    page.is(200);
    let (screen, shown) = cost(app, anna.get(&filed.own_path(""))).await;
    shown.is(200);
    (list, screen)
}

both!(
    a_requester_without_a_source_of_delegations_pays_nothing_for_it,
    async |app| assert_eq!(own_costs(app).await, (4, 6))
);

both!(
    a_requester_pays_one_statement_for_the_table_of_delegations,
    Options::with_table(),
    async |app| assert_eq!(own_costs(app).await, (5, 7))
);

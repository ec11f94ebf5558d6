//! SQL statements a request costs, whatever the size of the data (`issue` C.10). Counted at the
//! connection, BEGIN and COMMIT aside.

use storage::Backend;
use tests::app::{Options, TestApp};
use tests::citizens::ANNA;
use tests::heard::{Heard, Statement};
use tests::hot::{Hot, Operation};
use tests::{Place, both, forms, people::TO4, running};

/// What each operation costs on SQLite and on PostgreSQL, which takes several rows in one statement, to the
/// statement: whoever saves one writes it down here, and whoever needs one more says why.
const COSTS: &[(Operation, u64, u64)] = &[
    (Operation::Queue, 5, 5),
    (Operation::QueueNext, 4, 4),
    (Operation::QueueByDue, 4, 4),
    (Operation::SearchByTaxCode, 5, 5),
    // SQLite: the page among the hits, and then its rows.
    (Operation::SearchByWord, 8, 7),
    (Operation::Counters, 3, 3),
    (Operation::Screen, 8, 8),
    (Operation::Note, 15, 13),
    (Operation::Take, 14, 14),
    (Operation::File, 11, 4),
    (Operation::FileAnonymously, 13, 5),
    (Operation::LogIn, 16, 16),
    (Operation::Refresh, 4, 4),
    (Operation::OwnList, 5, 5),
    (Operation::OwnScreen, 6, 6),
    (Operation::OwnMessage, 16, 14),
];

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

/// What each operation costs now: the cheaper of two, because every twentieth filing takes a block of numbers.
async fn costs(app: &TestApp, hot: &Hot<'_>) -> Vec<(Operation, u64)> {
    let mut found = Vec::new();
    for (operation, _, _) in COSTS {
        let mut cheapest = u64::MAX;
        for _ in 0..2 {
            let request = hot.ready(*operation).await;
            let (statements, answer) = cost(app, request.send()).await;
            answer.is(operation.status());
            cheapest = cheapest.min(statements);
        }
        found.push((*operation, cheapest));
    }
    found
}

both!(
    an_operation_costs_the_same_statements_however_much_there_is,
    async |app| {
        let hot = Hot::new(app).await;
        let expected: Vec<_> = COSTS
            .iter()
            .map(|(operation, sqlite, postgres)| match app.db.backend() {
                Backend::Sqlite => (*operation, *sqlite),
                Backend::Postgres => (*operation, *postgres),
            })
            .collect();
        let few = costs(app, &hot).await;
        hot.grow(30).await;
        hot.write(25).await;
        let many = costs(app, &hot).await;
        assert_eq!(few, expected);
        assert_eq!(many, few);
    }
);

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

/// What a stream of events costs before it has sent its first line, but for the reading of the feed, which one
/// reader does for all who listen, whenever it likes.
#[test]
fn to_listen_costs_a_look_at_the_session_and_an_entry_of_the_trail() {
    running::run(Place::Postgres, Options::on_one_connection(), async |app| {
        let operator = app.as_("to4.operator").await;
        let heard = Heard::at(app);
        for _ in 0..3 {
            heard.take();
            let http = reqwest::Client::builder().no_proxy().build();
            let mut stream = http
                .expect("a client")
                .get(format!("http://{}/v1/events", app.address))
                .bearer_auth(operator.token())
                .send()
                .await
                .expect("an answer");
            assert_eq!(stream.status(), 200);
            let first = stream.chunk().await.expect("a first line");
            assert!(first.expect("some bytes").starts_with(b"retry: "));
            let said = heard.take();
            let own = said.iter().filter(|statement| {
                let of_the_reader = ["changes", "counters", "pg_advisory"];
                !statement.is_control()
                    && !of_the_reader
                        .iter()
                        .any(|word| statement.text.contains(word))
            });
            let labels: Vec<String> = own.map(Statement::label).collect();
            assert_eq!(labels, ["SELECT sessions", "INSERT audit_entries"]);
        }
    });
}

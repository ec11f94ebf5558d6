//! What PostgreSQL has to parse again for a request that it has seen before. A statement that Diesel keeps
//! prepared is parsed once for each connection; an UPDATE that gives nothing back is never kept, so each is
//! listed here until it is.

use tests::heard::Heard;
use tests::hot::{Hot, Operation};
use tests::{Options, Place, running};

/// What is parsed anew each time. This list may only become shorter.
const PARSED: &[(Operation, &[&str])] = &[
    (Operation::Queue, &[]),
    (Operation::QueueNext, &[]),
    (Operation::QueueByDue, &[]),
    (Operation::SearchByTaxCode, &[]),
    (Operation::SearchByWord, &[]),
    (Operation::Counters, &[]),
    (Operation::Screen, &[]),
    (Operation::Note, &[]),
    (Operation::Take, &[]),
    (Operation::File, &[]),
    (Operation::FileAnonymously, &["UPDATE email_proofs"]),
    (
        Operation::LogIn,
        &[
            "UPDATE accounts",
            "UPDATE accounts",
            "UPDATE login_sources",
            "UPDATE login_sources",
        ],
    ),
    (Operation::Refresh, &["UPDATE sessions"]),
    (Operation::OwnList, &[]),
    (Operation::OwnScreen, &[]),
    (Operation::OwnMessage, &[]),
];

/// How often each runs before it is looked at: statements of rare branches come once.
const WARM_UP: usize = 2;

#[test]
fn what_ran_before_is_not_parsed_again() {
    running::run(Place::Postgres, Options::on_one_connection(), async |app| {
        let heard = Heard::at(app);
        let hot = Hot::new(app).await;
        let mut found = Vec::new();
        for (operation, _) in PARSED {
            for _ in 0..WARM_UP {
                let request = hot.ready(*operation).await;
                request.send().await.is(operation.status());
            }
            let request = hot.ready(*operation).await;
            let (parsed, answer) = heard.parsed(app, request.send()).await;
            answer.is(operation.status());
            found.push((*operation, parsed));
        }
        let budget = PARSED.iter().map(|(operation, labels)| {
            let labels: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
            (*operation, labels)
        });
        assert_eq!(found, budget.collect::<Vec<_>>());
    });
}

//! A repeated request is done once (`api.md` §1, retries).

use reqwest::Method;
use serde_json::json;
use tests::citizens::{ANNA, MARIO};
use tests::people::TO4;
use tests::{Client, Reply, TestApp, both, files, forms, multipart};

async fn file_once(client: &Client, key: &str, description: &str) -> Reply {
    let mut form = forms::report_not_found_logged_in(TO4);
    form["description"] = json!(description);
    let request = client.request(Method::POST, "/v1/tickets");
    request.key(key).json(&form).send().await
}

fn is_replay(reply: &Reply) -> bool {
    reply.header("idempotency-replayed") == Some("true")
}

both!(a_repeated_filing_gets_the_first_answer, async |app| {
    let mario = app.citizen(&MARIO);
    let first = file_once(&mario, "k-1", "Uno").await;
    assert!(!is_replay(first.is(201)));
    let again = file_once(&mario, "k-1", "Uno").await;
    assert!(is_replay(again.is(201)), "{again}");
    assert_eq!(again.json, first.json);
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(again.etag(), first.etag());
    // The quotes of a structured header are not part of the key.
    assert!(is_replay(&file_once(&mario, "\"k-1\"", "Uno").await));
    assert_eq!(app.count("tickets"), 1);

    let other = file_once(&mario, "k-1", "Due").await;
    other.is_problem(422, "idempotency-key-reused");
    assert_eq!(app.count("tickets"), 1);

    // Somebody else's key of the same name is another one.
    let stranger = file_once(&app.citizen(&ANNA), "k-1", "Uno").await;
    assert!(!is_replay(stranger.is(201)));
    // And after a day the key is free again.
    app.advance("P1DT1S");
    let later = file_once(&app.citizen(&MARIO), "k-1", "Due").await;
    assert!(!is_replay(later.is(201)));
    assert_eq!(app.count("tickets"), 3);
});

both!(a_refused_request_does_not_use_up_its_key, async |app| {
    let mario = app.citizen(&MARIO);
    file_once(&mario, "k-2", "").await.is(422);
    let good = file_once(&mario, "k-2", "Ora va bene").await;
    assert!(!is_replay(good.is(201)));
});

both!(keys_that_are_none_are_bad_requests, async |app| {
    let mario = app.citizen(&MARIO);
    for key in ["", "\"\"", "two words", "accenti-é", &"k".repeat(256)] {
        let reply = file_once(&mario, key, "Uno").await;
        reply.is_problem(400, "malformed-request");
    }
    assert_eq!(app.count("tickets"), 0);
});

both!(twenty_repeats_at_once_file_one_request, async |app| {
    let mario = app.citizen(&MARIO);
    let form = forms::report_not_found_logged_in(TO4);
    let attempt = || {
        let (mario, form) = (mario.clone(), form.clone());
        async move {
            let form = multipart::form(&form, &[files::pdf(100_000)]);
            let request = mario.request(Method::POST, "/v1/tickets");
            request.key("k-20").form(form).send().await
        }
    };
    let replies = all((0..20).map(|_| attempt())).await;
    let mut ids = Vec::new();
    for reply in &replies {
        match reply.status {
            201 => ids.push(reply.text_at("/id")),
            _ => {
                reply.is_problem(409, "idempotency-in-progress");
                assert!(reply.header("retry-after").is_some());
            }
        }
    }
    assert!(!ids.is_empty());
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(app.count("tickets"), 1);
    assert_eq!(app.count("attachments"), 1);
    assert!(is_replay(&attempt().await));
});

/// Runs them all at once.
async fn all<F: Future<Output = Reply> + 'static>(futures: impl Iterator<Item = F>) -> Vec<Reply> {
    let tasks = tokio::task::LocalSet::new();
    let handles: Vec<_> = futures.map(|one| tasks.spawn_local(one)).collect();
    tasks
        .run_until(async {
            let mut replies = Vec::new();
            for handle in handles {
                replies.push(handle.await.expect("a reply"));
            }
            replies
        })
        .await
}

both!(a_request_still_running_is_not_started_again, async |app| {
    // The only key in hand is held by a use case that waits until the second call was answered.
    let mario = app.citizen(&MARIO);
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let key = service::once::RequestKey {
        principal: principal_of(app),
        route: "POST /v1/tickets".to_owned(),
        key: "k-slow".to_owned(),
    };
    let once = service::once::Once {
        key: Some(key),
        content: Vec::new(),
    };
    let desk = app.desk.clone();
    let (started, has_started) = std::sync::mpsc::channel();
    let slow = std::thread::spawn(move || {
        let _ = desk.answer_once(&once, || {
            started.send(()).expect("the test waits");
            let _ = held.recv();
            Ok(())
        });
    });
    has_started.recv().expect("it starts");
    let reply = file_once(&mario, "k-slow", "Uno").await;
    reply.is_problem(409, "idempotency-in-progress");
    assert!(reply.header("retry-after").is_some(), "{reply}");
    drop(hold);
    slow.join().expect("it ends");
    assert_eq!(app.count("tickets"), 0);
});

/// Mario, as the program names him for his keys.
fn principal_of(_: &TestApp) -> String {
    let issuer = tests::citizens::ISSUER;
    format!("citizen:{issuer}|subject-of-{}", MARIO.tax_code)
}

both!(every_post_can_be_repeated, async |app| {
    let filed = app
        .file_as(&MARIO, &forms::report_not_found_logged_in(TO4), &[])
        .await;
    let operator = app.as_("to4.operator").await;
    let etag = operator.screen(&filed.id).await.etag().to_owned();
    let mario = app.citizen(&MARIO);
    let anonymous = app.anonymous();
    let credentials = json!({"username": "to4.operator", "password": tests::people::PASSWORD});
    for (client, target, body) in [
        (
            &operator,
            filed.staff_path("/actions"),
            json!({"action": "take"}),
        ),
        (
            &operator,
            "/v1/ticket-searches".to_owned(),
            json!({"family_name": "Rossi"}),
        ),
        (&mario, filed.own_path("/messages"), json!({"body": "Ecco"})),
        (&mario, filed.own_path("/withdrawal"), json!({})),
        (
            &anonymous,
            "/v1/email-proofs".to_owned(),
            json!({"email": ANNA.email}),
        ),
        (&anonymous, "/v1/sessions".to_owned(), credentials),
    ] {
        let attempt = || {
            let request = client.request(Method::POST, &target).key("k-every");
            request.if_match(&etag).json(&body).send()
        };
        let first = attempt().await;
        assert!(first.status < 300 && !is_replay(&first), "{first}");
        let before = app.footprint();
        let again = attempt().await;
        assert!(is_replay(again.is(first.status)), "{again}");
        assert_eq!(again.json, first.json);
        assert_eq!(app.footprint(), before);
    }
});

//! How much a requester may send, and that trying at once gains nothing.

use reqwest::Method;
use serde_json::json;
use tests::app::Options;
use tests::citizens::{ANNA, MARIO};
use tests::{
    both, files, forms,
    people::{PASSWORD, TO4},
};

fn tight() -> Options {
    let mut options = Options::default();
    options.settings.quotas.filings_per_day = 2;
    options.settings.quotas.messages_per_ticket = 3;
    options.settings.quotas.files_per_ticket = 1;
    options
}

both!(
    filings_messages_and_files_have_a_quota,
    tight(),
    async |app| {
        let form = forms::report_not_found_logged_in(TO4);
        let citizen = app.citizen(&ANNA);
        let filed = app.file_as(&ANNA, &form, &[]).await;
        app.file_as(&ANNA, &form, &[]).await;
        let third = citizen.post("/v1/tickets", &form).await;
        third.is_problem(429, "quota-exceeded");
        assert!(third.header("retry-after").is_some());
        app.file_as(&MARIO, &form, &[]).await;
        app.advance("P1DT1S");
        app.file_as(&ANNA, &form, &[]).await;

        let citizen = app.citizen(&ANNA);
        let with_file = json!({"body": "Con un file.", "attachment": files::pdf(500).inline()});
        citizen
            .post(&filed.own_path("/messages"), &with_file)
            .await
            .is(201);
        citizen
            .post(&filed.own_path("/messages"), &with_file)
            .await
            .is_problem(429, "quota-exceeded");
        for _ in 0..2 {
            citizen
                .post(&filed.own_path("/messages"), &json!({"body": "Ancora."}))
                .await
                .is(201);
        }
        let fourth = citizen
            .post(&filed.own_path("/messages"), &json!({"body": "Ancora."}))
            .await;
        fourth.is_problem(429, "quota-exceeded");
    }
);

both!(passwords_tried_at_once_all_count, async |app| {
    let wrong = json!({"username": "to4.operator", "password": "not the password of anybody"});
    let client = app.anonymous();
    let guesses = (0..20).map(|_| client.post("/v1/sessions", &wrong));
    for reply in futures_util::future::join_all(guesses).await {
        reply.is_problem(401, "unauthenticated");
    }
    let right = json!({"username": "to4.operator", "password": PASSWORD});
    client
        .post("/v1/sessions", &right)
        .await
        .is_problem(401, "unauthenticated");
    app.advance("PT16M");
    client.post("/v1/sessions", &right).await.is(201);
});

both!(
    replies_to_a_closed_request_share_one_follow_up,
    async |app| {
        let filed = app
            .file_as(&MARIO, &forms::report_not_found_logged_in(TO4), &[])
            .await;
        let note = json!({"body": "Fatto.", "published": true});
        let resolve =
            json!({"action": "resolve", "resolution_code": "information-given", "note": note});
        app.as_("to4.operator")
            .await
            .act(&filed.id, &resolve)
            .await
            .is(201);
        app.advance("P8D");
        app.run_jobs();
        let citizen = app.citizen(&MARIO);
        let path = filed.own_path("/messages");
        let bodies: Vec<_> = (0..6)
            .map(|n| json!({"body": format!("Ancora, {n}.")}))
            .collect();
        let replies = bodies.iter().map(|body| citizen.post(&path, body));
        let mut numbers: Vec<String> = futures_util::future::join_all(replies)
            .await
            .iter()
            .map(|reply| reply.is(201).text_at("/ticket/number").to_owned())
            .collect();
        numbers.sort();
        numbers.dedup();
        assert_eq!(numbers.len(), 1, "{numbers:?}");
        assert_eq!(app.count("tickets"), 2);
    }
);

both!(
    files_stay_on_the_screen_however_long_the_history,
    async |app| {
        let filed = app
            .file_as(
                &MARIO,
                &forms::report_not_found_logged_in(TO4),
                &[files::pdf(500)],
            )
            .await;
        let citizen = app.citizen(&MARIO);
        let message = json!({"body": "Con un file.", "attachment": files::pdf(600).inline()});
        citizen
            .post(&filed.own_path("/messages"), &message)
            .await
            .is(201);
        for n in 0..110 {
            let message = json!({"body": format!("Messaggio {n}.")});
            citizen
                .request(Method::POST, &filed.own_path("/messages"))
                .json(&message)
                .send()
                .await
                .is(201);
        }
        let screen = app.as_("to4.operator").await.screen(&filed.id).await;
        assert_eq!(screen.list_at("/timeline").len(), 100);
        assert_eq!(screen.list_at("/attachments").len(), 2);
        let own = citizen.get(&filed.own_path("")).await;
        assert_eq!(own.list_at("/messages").len(), 112);
        assert_eq!(own.list_at("/attachments").len(), 2);
    }
);

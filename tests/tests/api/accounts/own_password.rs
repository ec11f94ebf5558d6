//! One's own password, for people and their programs: changed with the old one, and told before it ends.

use reqwest::Method;
use serde_json::{Value, json};
use tests::people::{PASSWORD, TO4};
use tests::{TestApp, both};

use super::{
    Newcomer, PHRASE, WRONG, activated, change, event_names, history, log_in, refresh, sistema_ts,
    words,
};

both!(changing_the_password_ends_every_session, async |app| {
    let first = log_in(app, "to4.operator", PASSWORD).await;
    let second = log_in(app, "to4.operator", PASSWORD).await;
    let others = log_in(app, "to4.colleague", PASSWORD).await;
    let changed = change(app, "TO4.Operator", PASSWORD, PHRASE).await;
    assert_eq!(changed.is(201).text_at("/state"), "active");
    assert!(!changed.everything().contains(PHRASE));
    for session in [&first, &second] {
        let client = app.with_token(session.text_at("/access_token"));
        client.get("/v1/me").await.is(401);
        refresh(app, session).await.is(401);
    }
    let other = app.with_token(others.text_at("/access_token"));
    other.get("/v1/me").await.is(200);
    log_in(app, "to4.operator", PASSWORD).await.is(401);
    log_in(app, "to4.operator", PHRASE).await.is(201);
    change(app, "to4.operator", PASSWORD, PHRASE).await.is(401);
});

both!(
    a_wrong_old_password_counts_like_a_wrong_log_in,
    async |app| {
        let unknown = change(app, "nobody.at.all", WRONG, PHRASE).await;
        unknown.is_problem(401, "unauthenticated");
        for _ in 0..8 {
            let wrong = change(app, "to4.operator", WRONG, PHRASE).await;
            assert_eq!(words(&wrong), words(&unknown));
        }
        log_in(app, "to4.operator", PASSWORD).await.is(401);
        let right = change(app, "to4.operator", PASSWORD, PHRASE).await;
        assert_eq!(words(&right), words(&unknown));
        app.advance("PT1S");
        change(app, "to4.operator", PASSWORD, PHRASE).await.is(201);
        log_in(app, "to4.operator", PHRASE).await.is(201);
    }
);

both!(a_change_is_made_once_under_its_key, async |app| {
    let body = json!({"username": "to4.operator", "password": PASSWORD, "new_password": PHRASE});
    let send = async || {
        let request = app
            .anonymous()
            .request(Method::POST, "/v1/password-changes");
        request.key("one").json(&body).send().await
    };
    let first = send().await;
    let session = log_in(app, "to4.operator", PHRASE).await;
    let again = send().await;
    assert_eq!(first.is(201).json, again.is(201).json);
    let client = app.with_token(session.is(201).text_at("/access_token"));
    client.get("/v1/me").await.is(200);
});

both!(of_several_changes_at_once_one_is_made, async |app| {
    let phrases = ["una rana", "due rane", "tre rane", "quattro rane"];
    let phrases = phrases.map(|start| format!("{start} gialle nello stagno"));
    let all = phrases
        .iter()
        .map(|new| change(app, "to4.operator", PASSWORD, new));
    let replies = futures_util::future::join_all(all).await;
    let mut made = 0;
    for (reply, phrase) in replies.iter().zip(&phrases) {
        assert!(matches!(reply.status, 201 | 401), "{reply}");
        let session = log_in(app, "to4.operator", phrase).await;
        assert_eq!(session.status == 201, reply.status == 201, "{session}");
        made += usize::from(reply.status == 201);
    }
    assert_eq!(made, 1);
});

both!(
    a_program_reads_how_its_users_credential_stands,
    sistema_ts(),
    async |app| {
        let admin = app.as_("to4.admin").await;
        let newcomer = Newcomer::new(1, "operator", TO4);
        activated(app, &admin, &newcomer).await;
        let session = log_in(app, &newcomer.username, PHRASE).await;
        let client = app.with_token(session.is(201).text_at("/access_token"));
        let credential = client.get("/v1/me/credential").await;
        assert_eq!(
            credential.is(200).json,
            json!({
                "state": "active",
                "changed_at": "2026-03-02T08:00:00Z",
                "must_change_by": "2026-10-28T08:00:00Z",
                "second_factor": false,
                "recovery_codes_left": 0,
            })
        );
        app.anonymous().get("/v1/me/credential").await.is(401);
    }
);

/// Runs the job twice; the second run must tell nobody.
async fn told(app: &TestApp, email: &str) -> (usize, usize) {
    let told = app.desk.warn_of_ends().expect("the job runs");
    assert_eq!(app.desk.warn_of_ends().expect("the job runs"), 0);
    (told, app.mails_to(email).await.len())
}

both!(
    whose_password_ends_is_told_at_14_7_and_1_days,
    sistema_ts(),
    async |app| {
        let admin = app.as_("to4.admin").await;
        let newcomer = Newcomer::new(1, "operator", TO4);
        let id = activated(app, &admin, &newcomer).await;
        let email = newcomer.email();
        let at_first = app.mails_to(email).await.len();
        // Days before the end, and whether somebody is told then.
        let mut left = 240;
        let mut expected = 0;
        for (days, is_told) in [
            (15, false),
            (14, true),
            (13, false),
            (8, false),
            (7, true),
            (6, false),
            (2, false),
            (1, true),
            (0, false),
            (-1, false),
        ] {
            app.advance(&format!("P{}D", left - days));
            left = days;
            expected += usize::from(is_told);
            let found = told(app, email).await;
            assert_eq!(found, (usize::from(is_told), at_first + expected), "{days}");
        }
        for mail in &app.mails_to(email).await[at_first..] {
            assert_eq!(mail.subject, "La tua password sta per scadere");
            assert!(mail.body.contains("28"), "{mail:?}");
        }
        let admin = app.as_("to4.admin").await;
        let events = history(&admin, &id).await;
        let warnings = events
            .iter()
            .filter(|event| event["event"] == "credential.expiring");
        let days: Vec<Value> = warnings
            .map(|event| event["detail"]["days"].clone())
            .collect();
        assert_eq!(days, [14, 7, 1]);
    }
);

both!(
    a_changed_password_is_not_warned_of_and_the_next_one_is,
    sistema_ts(),
    async |app| {
        let admin = app.as_("to4.admin").await;
        let newcomer = Newcomer::new(1, "operator", TO4);
        let id = activated(app, &admin, &newcomer).await;
        app.advance("P230D");
        assert_eq!(told(app, newcomer.email()).await.0, 1);
        change(app, &newcomer.username, PHRASE, "sette gatti gialli")
            .await
            .is(201);
        app.advance("P5D");
        assert_eq!(told(app, newcomer.email()).await.0, 0);
        app.advance("P80D");
        assert_eq!(told(app, newcomer.email()).await.0, 1);
        // Missed days are not told late: of 7 and 1 only the last.
        app.advance("P4DT1H");
        assert_eq!(told(app, newcomer.email()).await.0, 1);
        let names = event_names(&app.as_("to4.admin").await, &id).await;
        let warnings = names.iter().filter(|name| *name == "credential.expiring");
        assert_eq!(warnings.count(), 3);
    }
);

both!(
    nobody_is_told_whose_password_never_ends_or_who_may_not_log_in,
    sistema_ts(),
    async |app| {
        let admin = app.as_("to4.admin").await;
        let newcomer = Newcomer::new(1, "operator", TO4);
        activated(app, &admin, &newcomer).await;
        app.set_state(&newcomer.username, "suspended");
        app.advance("P230D");
        assert_eq!(app.desk.warn_of_ends().expect("the job runs"), 0);
    }
);

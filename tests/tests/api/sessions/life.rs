//! Sessions are renewed, and end: by log-out, by time, by a refresh token used twice.

use serde_json::json;
use tests::people::PASSWORD;
use tests::{Reply, TestApp, both};

use super::{log_in, words};

async fn refresh(app: &TestApp, token: &str) -> Reply {
    let body = json!({"refresh_token": token});
    app.anonymous().post("/v1/sessions/refresh", &body).await
}

async fn lives(app: &TestApp, session: &Reply) -> bool {
    let client = app.with_token(session.text_at("/access_token"));
    let reply = client.get("/v1/me").await;
    match reply.status {
        200 => true,
        _ => {
            reply.is_problem(401, "unauthenticated");
            false
        }
    }
}

both!(a_refresh_token_is_good_once, async |app| {
    let first = log_in(app, "to4.operator", PASSWORD).await;
    let second = refresh(app, first.text_at("/refresh_token")).await;
    assert_eq!(second.is(200).text_at("/placement/role"), "operator");
    assert_ne!(second.json["refresh_token"], first.json["refresh_token"]);
    assert_ne!(second.json["access_token"], first.json["access_token"]);
    assert!(lives(app, &second).await);

    // Used again, it ends the whole family.
    let stolen = refresh(app, first.text_at("/refresh_token")).await;
    stolen.is_problem(401, "unauthenticated");
    let third = refresh(app, second.text_at("/refresh_token")).await;
    third.is_problem(401, "unauthenticated");
    assert!(!lives(app, &first).await);
    assert!(!lives(app, &second).await);
    // Another log-in of the same person is another family.
    assert!(lives(app, &log_in(app, "to4.operator", PASSWORD).await).await);
});

both!(a_refresh_token_nobody_issued_is_refused, async |app| {
    let session = log_in(app, "to4.operator", PASSWORD).await;
    let good = session.text_at("/refresh_token");
    let (id, secret) = good.split_once('.').expect("two parts");
    let answers = [
        refresh(app, "nonsense").await,
        refresh(app, &format!("{id}.")).await,
        refresh(app, &format!("{id}.{}", "A".repeat(43))).await,
        refresh(app, &format!("019a000000007000800000000000000.{secret}")).await,
        refresh(app, session.text_at("/access_token").get(..200).unwrap()).await,
    ];
    for answer in &answers {
        answer.is_problem(401, "unauthenticated");
        assert_eq!(words(answer), words(&answers[0]));
    }
});

both!(log_out_works_at_once, async |app| {
    let session = log_in(app, "to4.operator", PASSWORD).await;
    let other = log_in(app, "to4.operator", PASSWORD).await;
    let client = app.with_token(session.text_at("/access_token"));
    client.delete("/v1/sessions/current").await.is(204);
    assert!(!lives(app, &session).await);
    let renewed = refresh(app, session.text_at("/refresh_token")).await;
    renewed.is_problem(401, "unauthenticated");
    client.delete("/v1/sessions/current").await.is(401);
    assert!(lives(app, &other).await);
});

both!(access_tokens_end_after_a_quarter_of_an_hour, async |app| {
    let session = log_in(app, "to4.operator", PASSWORD).await;
    app.advance("PT14M59S");
    assert!(lives(app, &session).await);
    app.advance("PT32S");
    assert!(!lives(app, &session).await);
    let renewed = refresh(app, session.text_at("/refresh_token")).await;
    assert!(lives(app, renewed.is(200)).await);
});

both!(an_idle_session_ends_after_an_hour, async |app| {
    let session = log_in(app, "to4.operator", PASSWORD).await;
    app.advance("PT59M");
    let renewed = refresh(app, session.text_at("/refresh_token")).await;
    renewed.is(200);
    app.advance("PT61M");
    let late = refresh(app, renewed.text_at("/refresh_token")).await;
    late.is_problem(401, "unauthenticated");
});

both!(no_session_outlives_a_working_day, async |app| {
    let mut session = log_in(app, "to4.operator", PASSWORD).await;
    for _ in 0..9 {
        app.advance("PT50M");
        session = refresh(app, session.text_at("/refresh_token")).await;
        session.is(200);
    }
    app.advance("PT31M");
    let late = refresh(app, session.text_at("/refresh_token")).await;
    late.is_problem(401, "unauthenticated");
});

both!(a_blocked_account_loses_its_sessions, async |app| {
    let session = log_in(app, "to4.operator", PASSWORD).await;
    app.execute("UPDATE accounts SET active = false WHERE username = 'to4.operator'");
    assert!(!lives(app, &session).await);
    let late = refresh(app, session.text_at("/refresh_token")).await;
    late.is_problem(401, "unauthenticated");
});

both!(a_placement_taken_away_is_gone_at_once, async |app| {
    let session = log_in(app, "to4.operator", PASSWORD).await;
    app.execute(
        "UPDATE placements SET active = false WHERE account_id = \
         (SELECT id FROM accounts WHERE username = 'to4.operator')",
    );
    let client = app.with_token(session.text_at("/access_token"));
    let reply = client.get("/v1/tickets").await;
    reply.is_problem(403, "role-selection-required");
});

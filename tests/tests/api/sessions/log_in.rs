//! Log-in tells nothing to whoever has not got the password.

use serde_json::json;
use tests::both;
use tests::people::PASSWORD;

use super::{log_in, words};

const WRONG: &str = "un'altra frase, ma sbagliata";

both!(unknown_wrong_and_blocked_hear_the_same, async |app| {
    let unknown = log_in(app, "nobody.at.all", WRONG).await;
    unknown.is_problem(401, "unauthenticated");
    let wrong = log_in(app, "to4.operator", WRONG).await;
    assert_eq!(words(&wrong), words(&unknown));
    for _ in 0..10 {
        log_in(app, "to4.operator", WRONG).await.is(401);
    }
    // Blocked for a while: the right password is refused in the same words.
    let blocked = log_in(app, "to4.operator", PASSWORD).await;
    assert_eq!(words(&blocked), words(&unknown));
    app.execute(
        "UPDATE account_lives SET state = 'suspended' WHERE account_id = \
         (SELECT id FROM accounts WHERE username = 'to4.colleague')",
    );
    let inactive = log_in(app, "to4.colleague", PASSWORD).await;
    assert_eq!(words(&inactive), words(&unknown));
    for reply in [&unknown, &wrong, &blocked, &inactive] {
        assert_eq!(reply.status, 401);
        assert_eq!(reply.header("retry-after"), None);
    }
    // Others are not blocked, and the block passes.
    log_in(app, "to4.supervisor", PASSWORD).await.is(201);
    app.advance("PT16M");
    log_in(app, "to4.operator", PASSWORD).await.is(201);
});

both!(
    the_delay_grows_with_wrong_passwords_and_ends_with_the_right_one,
    async |app| {
        for _ in 0..7 {
            log_in(app, "to4.operator", WRONG).await.is(401);
        }
        log_in(app, "to4.operator", PASSWORD).await.is(201);
        for _ in 0..7 {
            log_in(app, "to4.operator", WRONG).await.is(401);
        }
        log_in(app, "to4.operator", PASSWORD).await.is(201);
    }
);

both!(a_password_is_not_trimmed_nor_cut, async |app| {
    let longer = format!("{PASSWORD} ");
    log_in(app, "to4.operator", &longer).await.is(401);
    log_in(app, "to4.operator", &PASSWORD.to_uppercase())
        .await
        .is(401);
    log_in(app, "TO4.Operator", PASSWORD).await.is(201);
});

both!(what_is_no_credential_is_named, async |app| {
    let long = "x".repeat(257);
    for (body, pointer, code) in [
        (json!({"username": "a"}), "/password", "required"),
        (json!({"password": "a"}), "/username", "required"),
        (
            json!({"username": "a", "password": ""}),
            "/password",
            "required",
        ),
        (
            json!({"username": 5, "password": "a"}),
            "/username",
            "invalid-type",
        ),
        (
            json!({"username": "a", "password": long}),
            "/password",
            "too-long",
        ),
        (
            json!({"username": "a", "password": "b", "role": "admin"}),
            "/role",
            "unknown-field",
        ),
    ] {
        let reply = app.anonymous().post("/v1/sessions", &body).await;
        reply.is_problem(422, "validation-error");
        assert!(reply.errors().contains(&(pointer, code)), "{reply}");
    }
});

both!(a_session_tells_who_and_what, async |app| {
    let session = log_in(app, "to4.operator", PASSWORD).await;
    assert_eq!(session.is(201).text_at("/token_type"), "Bearer");
    assert_eq!(session.json["expires_in"], 900);
    assert_eq!(session.text_at("/placement/role"), "operator");
    assert_eq!(session.text_at("/placement/authority/code"), "010204");
    assert_eq!(session.list_at("/placements").len(), 1);
    let me = app.with_token(session.text_at("/access_token"));
    let me = me.get("/v1/me").await;
    assert_eq!(me.is(200).text_at("/username"), "to4.operator");
    let actions = me.list_at("/actions");
    assert!(actions.contains(&json!("take")), "{me}");
    assert!(!actions.contains(&json!("return")), "{me}");
});

//! A program may do what its scopes say, and less if it asked for less.

use reqwest::Method;
use serde_json::json;
use tests::citizens::MARIO;
use tests::people::TO4;
use tests::{Client, TestApp, both, forms};

use super::{carrying, filing_for};

const ALL: [&str; 3] = ["requests:create", "requests:read", "requests:reply"];

/// Which of the three a program with this token may do for Mario.
async fn may(app: &TestApp, program: &Client) -> Vec<&'static str> {
    let mario = app.citizen(&MARIO);
    let form = forms::report_not_found_logged_in(TO4);
    let filed = app.file_as(&MARIO, &form, &[]).await;
    let reply = json!({"body": "Ancora niente."});
    let asked = [
        filing_for(program, &mario, &form),
        carrying(program.request(Method::GET, &filed.own_path("")), &mario),
        carrying(
            program.request(Method::POST, &filed.own_path("/messages")),
            &mario,
        )
        .json(&reply),
    ];
    let mut may = Vec::new();
    for (scope, request) in ALL.into_iter().zip(asked) {
        let before = app.footprint();
        let reply = request.send().await;
        if (200..300).contains(&reply.status) {
            may.push(scope);
        } else {
            reply.is_problem(403, "forbidden");
            assert_eq!(app.footprint(), before);
        }
    }
    may
}

both!(a_scope_opens_its_own_operations_alone, async |app| {
    for scope in ALL {
        let program = app.program(&[scope]).await;
        let program = app.with_token(&program.token);
        assert_eq!(may(app, &program).await, [scope]);
        for target in ["/v1/tickets", "/v1/me", "/v1/queues", "/v1/accounts"] {
            let reply = program.get(target).await;
            reply.is_problem(403, "forbidden");
        }
    }
    let program = app.program(&ALL).await;
    assert_eq!(may(app, &app.with_token(&program.token)).await, ALL);
});

both!(a_token_for_fewer_scopes_has_no_more, async |app| {
    let program = app.program(&ALL).await;
    let id = program.id.to_string();
    for (asked, got) in [
        ("requests:read", "requests:read"),
        (
            "requests:read requests:create",
            "requests:create requests:read",
        ),
        ("requests:read requests:read", "requests:read"),
    ] {
        let reply = app
            .grant(&[
                ("client_id", &id),
                ("client_secret", &program.secret),
                ("scope", asked),
            ])
            .await;
        assert_eq!(reply.is(200).text_at("/scope"), got);
        let token = app.with_token(reply.text_at("/access_token"));
        assert_eq!(may(app, &token).await.join(" "), got);
    }
    // What the program loses meanwhile, its tokens lose, whatever they name.
    let reply = app
        .grant(&[
            ("client_id", &id),
            ("client_secret", &program.secret),
            ("scope", "requests:read requests:reply"),
        ])
        .await;
    let token = app.with_token(reply.text_at("/access_token"));
    app.execute("UPDATE clients SET scopes = 'requests:create requests:read'");
    assert_eq!(may(app, &token).await, ["requests:read"]);
});

//! The gravest actions need a log-in of just now; renewing a session is none.

use reqwest::Method;
use serde_json::json;
use tests::people::{PASSWORD, TO4};
use tests::{Client, both};

use super::{Newcomer, body_of, create, id_of, log_in, refresh, screen};

/// Every graver action on this account: its status.
async fn graver(client: &Client, id: &str, authority: &str) -> Vec<(u16, String)> {
    let etag = screen(client, id).await.etag().to_owned();
    let account = format!("/v1/accounts/{id}");
    let placements = json!({"placements": [
        {"role": "operator", "authority_code": authority, "location_code": "01"}]});
    let mut answers = Vec::new();
    for (method, target, body) in [
        (Method::POST, format!("{account}/steps"), body_of("unlock")),
        (Method::PUT, format!("{account}/placements"), placements),
        (
            Method::POST,
            format!("/v1/authority-setups/{authority}/admin-handovers"),
            json!({"account_id": "019a0000-0000-7000-8000-000000000000"}),
        ),
        (Method::POST, "/v1/me/second-factor".to_owned(), json!({})),
        (
            Method::PUT,
            "/v1/me/security-answers".to_owned(),
            json!({"answers": []}),
        ),
    ] {
        let request = client.request(method, &target).if_match(&etag).json(&body);
        let reply = request.send().await;
        let slug = reply.json["type"].as_str().unwrap_or_default().to_owned();
        answers.push((reply.status, slug));
    }
    answers
}

both!(the_gravest_actions_need_a_fresh_log_in, async |app| {
    let session = log_in(app, "to4.admin", PASSWORD).await;
    let admin = app.with_token(session.is(201).text_at("/access_token"));
    let id = id_of(&admin, "to4.operator").await;
    let not_fresh = (403, "/problems/fresh-login-required".to_owned());
    assert!(!graver(&admin, &id, TO4).await.contains(&not_fresh));
    app.advance("PT15M");
    let session = refresh(app, &session).await;
    let admin = app.with_token(session.is(200).text_at("/access_token"));
    assert!(!graver(&admin, &id, TO4).await.contains(&not_fresh));
    app.advance("PT1S");
    let before = screen(&admin, &id).await.json;
    for answer in graver(&admin, &id, TO4).await {
        assert_eq!(answer, not_fresh);
    }
    assert_eq!(screen(&admin, &id).await.json, before);

    // What is less grave goes on, and a new log-in may everything.
    create(&admin, &Newcomer::new(1, "operator", TO4)).await;
    admin.get("/v1/authority-setups").await.is(200);
    let admin = app.as_("to4.admin").await;
    assert!(!graver(&admin, &id, TO4).await.contains(&not_fresh));
});

both!(choosing_a_placement_makes_no_log_in_fresh, async |app| {
    let session = log_in(app, "to4.admin", PASSWORD).await;
    app.advance("PT14M");
    let session = refresh(app, &session).await;
    let admin = app.with_token(session.is(200).text_at("/access_token"));
    app.advance("PT2M");
    let choice = json!({"placement_id": session.text_at("/placement/id")});
    let chosen = admin.put("/v1/sessions/current/placement", &choice).await;
    let admin = app.with_token(chosen.is(200).text_at("/access_token"));
    let started = admin.post("/v1/me/second-factor", &json!({})).await;
    started.is_problem(403, "fresh-login-required");
});

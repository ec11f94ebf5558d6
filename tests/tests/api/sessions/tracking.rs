//! The link in a mail opens one request, for its requester, for a while.

use serde_json::json;
use tests::citizens::{ANNA, MARIO};
use tests::people::TO4;
use tests::{both, forms};

use super::words;

both!(a_link_that_does_not_fit_opens_nothing, async |app| {
    let anna = app
        .file_anonymous(&forms::report_not_found(&ANNA, TO4), &[])
        .await;
    let mario = app
        .file_as(&MARIO, &forms::report_not_found_logged_in(TO4), &[])
        .await;
    let mut refused = Vec::new();
    for (number, secret) in [
        (anna.number.as_str(), "nonsense"),
        (anna.number.as_str(), ""),
        ("2026-9999999-X", anna.secret.as_str()),
        ("nonsense", anna.secret.as_str()),
        (anna.id.as_str(), anna.secret.as_str()),
        (mario.number.as_str(), anna.secret.as_str()),
    ] {
        let link = json!({"number": number, "secret": secret});
        let reply = app.anonymous().post("/v1/tracking-sessions", &link).await;
        if secret.is_empty() {
            reply.is(422);
        } else {
            reply.is_problem(401, "unauthenticated");
            refused.push(words(&reply));
        }
    }
    assert!(refused.windows(2).all(|pair| pair[0] == pair[1]));
});

both!(a_tracking_token_opens_its_request_alone, async |app| {
    let anna = app
        .file_anonymous(&forms::report_not_found(&ANNA, TO4), &[])
        .await;
    let other = forms::report_not_found(&MARIO, TO4);
    let other = app.file_anonymous(&other, &[]).await;
    let tracking = app.tracking(&anna).await;
    tracking.get(&anna.own_path("")).await.is(200);
    let list = tracking.get("/v1/me/tickets").await;
    assert_eq!(list.list_at("/items").len(), 1);
    tracking
        .get(&other.own_path(""))
        .await
        .is_problem(404, "not-found");
    for target in [anna.staff_path(""), "/v1/tickets".into(), "/v1/me".into()] {
        tracking.get(&target).await.is_problem(403, "forbidden");
    }
    let form = forms::report_not_found_logged_in(TO4);
    tracking
        .post("/v1/tickets", &form)
        .await
        .is_problem(403, "forbidden");
    let staff = app.as_("to4.operator").await;
    staff
        .get("/v1/me/tickets")
        .await
        .is_problem(403, "forbidden");

    app.advance("PT31M");
    tracking
        .get(&anna.own_path(""))
        .await
        .is_problem(401, "unauthenticated");
    app.tracking(&anna)
        .await
        .get(&anna.own_path(""))
        .await
        .is(200);
});

both!(a_link_dies_with_the_last_term_of_its_request, async |app| {
    let anna = app
        .file_anonymous(&forms::report_not_found(&ANNA, TO4), &[])
        .await;
    let resolve = json!({"action": "resolve", "resolution_code": "information-given",
        "note": {"body": "Ecco come fare.", "published": true}});
    let operator = app.as_("to4.operator").await;
    operator.act(&anna.id, &resolve).await.is(201);
    app.advance("P8D");
    assert_eq!(app.run_jobs().closed, 1);
    app.advance("P59D");
    let tracking = app.tracking(&anna).await;
    tracking.get(&anna.own_path("")).await.is(200);
    app.advance("P2D");
    let link = json!({"number": anna.number, "secret": anna.secret});
    let reply = app.anonymous().post("/v1/tracking-sessions", &link).await;
    reply.is_problem(401, "unauthenticated");
});

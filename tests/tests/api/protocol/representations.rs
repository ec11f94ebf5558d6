//! What is sent and what is not: HEAD, `Accept`, entity tags, names of calls, pages of problems.

use reqwest::Method;
use serde_json::Value;
use tests::both;
use tests::citizens::MARIO;

use super::file;

both!(head_is_get_without_its_body, async |app| {
    for target in ["/v1/services", "/status", "/openapi.json"] {
        let got = app.anonymous().get(target).await;
        let headed = app.anonymous().request(Method::HEAD, target).send().await;
        assert_eq!(headed.is(got.status).body.len(), 0);
        assert_eq!(headed.header("etag"), got.header("etag"));
        assert_eq!(headed.header("content-type"), got.header("content-type"));
    }
});

both!(what_the_client_cannot_take_is_not_acceptable, async |app| {
    for (accept, status) in [
        ("application/json", 200),
        ("*/*", 200),
        ("text/html;q=0.2, application/*", 200),
        ("audio/mpeg", 406),
        ("application/xml, image/svg+xml", 406),
    ] {
        let request = app.anonymous().request(Method::GET, "/v1/services");
        let reply = request.header("accept", accept).send().await;
        assert_eq!(reply.status, status, "{accept}: {reply}");
    }
});

both!(what_the_client_has_is_not_sent_again, async |app| {
    let filed = file(app).await;
    for (client, target) in [
        (app.anonymous(), "/v1/services".to_owned()),
        (app.anonymous(), "/v1/services/FSE/form".to_owned()),
        (app.anonymous(), "/v1/authorities".to_owned()),
        (app.anonymous(), "/openapi.json".to_owned()),
        (app.anonymous(), "/openapi.yaml".to_owned()),
        (app.as_("to4.operator").await, filed.staff_path("")),
        (app.citizen(&MARIO), filed.own_path("")),
    ] {
        let first = client.get(&target).await;
        let tag = first.is(200).etag().to_owned();
        for known in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
            let request = client.request(Method::GET, &target);
            let reply = request.header("if-none-match", &known).send().await;
            reply.is(304);
            assert_eq!(reply.etag(), tag);
        }
        let request = client.request(Method::GET, &target);
        request
            .header("if-none-match", "\"another\"")
            .send()
            .await
            .is(200);
    }
    // The words are part of what is tagged.
    let in_english = app.anonymous().request(Method::GET, "/v1/services");
    let in_english = in_english.header("accept-language", "en").send().await;
    let in_italian = app.anonymous().get("/v1/services").await;
    assert_ne!(in_english.etag(), in_italian.etag());
});

both!(
    a_call_is_named_by_its_caller_if_the_name_is_good,
    async |app| {
        let id = "0199d3f0-5a6b-7c8d-9e0f-112233445566";
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let request = app.anonymous().request(Method::GET, "/v1/nothing");
        let request = request
            .header("x-correlation-id", id)
            .header("traceparent", trace);
        let reply = request.send().await;
        assert_eq!(reply.text_at("/correlation_id"), id);
        assert_eq!(reply.header("traceparent"), Some(trace));
        for bad in ["", "x", "<script>", "0199d3f0-5a6b-7c8d-9e0f-11223344556"] {
            let request = app.anonymous().request(Method::GET, "/v1/services");
            let reply = request
                .header("x-correlation-id", bad)
                .header("traceparent", bad)
                .send()
                .await;
            assert_ne!(reply.is(200).header("x-correlation-id"), Some(bad));
            assert_eq!(reply.header("traceparent"), None);
        }
        let one = app.anonymous().get("/status").await;
        let two = app.anonymous().get("/status").await;
        assert_ne!(
            one.header("x-correlation-id"),
            two.header("x-correlation-id")
        );
    }
);

both!(addresses_of_problems_lead_to_their_pages, async |app| {
    for slug in api::problem::SLUGS {
        let page = app.anonymous().get(&format!("/problems/{slug}")).await;
        assert!(
            page.is(200).text().starts_with(&format!("# {slug}\n")),
            "{page}"
        );
    }
    let description = app.anonymous().get("/openapi.json").await;
    assert_eq!(&description.json, tests::contract::description());
    assert_ne!(description.json, Value::Null);
});

both!(a_header_too_long_is_a_bad_request, async |app| {
    for name in [
        "authorization",
        "if-none-match",
        "cookie",
        "x-correlation-id",
    ] {
        let request = app.anonymous().request(Method::GET, "/v1/services");
        let reply = request.header(name, "a".repeat(8200)).send().await;
        reply.is_problem(400, "malformed-request");
    }
});

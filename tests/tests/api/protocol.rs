//! The protocol: media types, bodies that cannot be read, unknown routes, methods, representations.

use reqwest::Method;
use serde_json::{Value, json};
use tests::citizens::MARIO;
use tests::people::TO4;
use tests::{Client, TestApp, both, forms};

fn posting(client: &Client) -> tests::Request {
    client.request(Method::POST, "/v1/tickets")
}

both!(other_media_types_are_refused, async |app| {
    let (mario, before) = (app.citizen(&MARIO), app.footprint());
    let body = forms::report_not_found_logged_in(TO4).to_string();
    for media_type in [
        "text/plain",
        "application/xml",
        "application/merge-patch+json",
        "application/x-www-form-urlencoded",
        "application/jsonx",
        "",
    ] {
        let reply = posting(&mario).body(media_type, body.clone()).send().await;
        reply.is_problem(415, "unsupported-media-type");
    }
    let request = app.anonymous().request(Method::POST, "/v1/sessions");
    let reply = request
        .body("multipart/form-data; boundary=x", "--x--")
        .send()
        .await;
    reply.is_problem(415, "unsupported-media-type");
    let good = posting(&mario).body("Application/JSON; charset=utf-8", body);
    good.send().await.is(201);
    assert_eq!(app.count("tickets"), 1);
    assert_ne!(app.footprint(), before);
});

both!(bodies_that_cannot_be_read_are_bad_requests, async |app| {
    let (mario, before) = (app.citizen(&MARIO), app.footprint());
    let deep = |n: usize| format!("{{\"extra\": {}{}}}", "[".repeat(n), "]".repeat(n));
    let bodies: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"{".to_vec(),
        b"[]".to_vec(),
        b"null".to_vec(),
        b"\"text\"".to_vec(),
        b"{'a': 1}".to_vec(),
        b"{\"a\": 1,}".to_vec(),
        b"{\"a\": NaN}".to_vec(),
        b"{\"a\": 1} {}".to_vec(),
        b"{\"a\": \"\x01\"}".to_vec(),
        b"\xff\xfe{\x00}\x00".to_vec(),
        b"{\"a\": 1e999}".to_vec(),
        deep(200).into_bytes(),
        deep(100_000).into_bytes(),
        "{\"a\":".repeat(50_000).into_bytes(),
    ];
    for body in bodies {
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        let reply = posting(&mario).body("application/json", body).send().await;
        assert_eq!(reply.status, 400, "{shown}: {reply}");
        reply.is_problem(400, "malformed-request");
    }
    assert_eq!(app.footprint(), before);
    app.anonymous().get("/health/ready").await.is(200);
});

both!(forms_that_cannot_be_read_are_bad_requests, async |app| {
    let (mario, before) = (app.citizen(&MARIO), app.footprint());
    for (media_type, body) in [
        ("multipart/form-data", "--x--"),
        ("multipart/form-data; boundary=", "--x--"),
        ("multipart/form-data; boundary=x", "no boundary at all"),
        (
            "multipart/form-data; boundary=x",
            "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\ncut",
        ),
        ("multipart/form-data; boundary=x", "--x\r\n\r\n\r\n--x\r\n"),
    ] {
        let reply = posting(&mario).body(media_type, body).send().await;
        assert!(
            matches!(reply.status, 400 | 422),
            "{media_type} {body:?}: {reply}"
        );
    }
    let mut many = tests::multipart::Form::new();
    for at in 0..101 {
        many = many.field(&format!("f{at}"), "x");
    }
    posting(&mario)
        .form(many)
        .send()
        .await
        .is_problem(400, "malformed-request");
    assert_eq!(app.footprint(), before);
});

both!(packed_bodies_are_never_unpacked, async |app| {
    let (mario, before) = (app.citizen(&MARIO), app.footprint());
    // What gzip makes of a gigabyte of zeros begins like this; nobody looks further.
    let mut bomb = b"\x1f\x8b\x08\0\0\0\0\0\0\xff".to_vec();
    bomb.resize(100_000, 0);
    for encoding in ["gzip", "br", "deflate", "zstd", "gzip, gzip", "GZIP"] {
        for media_type in ["application/json", "multipart/form-data; boundary=x"] {
            let request = posting(&mario).header("content-encoding", encoding);
            let reply = request.body(media_type, bomb.clone()).send().await;
            reply.is_problem(415, "unsupported-media-type");
        }
    }
    assert_eq!(app.footprint(), before);
});

both!(unknown_query_parameters_are_bad_requests, async |app| {
    let filed = file(app).await;
    let operator = app.as_("to4.operator").await;
    let mario = app.citizen(&MARIO);
    let screen = filed.staff_path("");
    for (client, target) in [
        (&operator, "/v1/tickets?colour=red".to_owned()),
        (&operator, "/v1/tickets?limit=0".to_owned()),
        (&operator, "/v1/tickets?limit=101".to_owned()),
        (&operator, "/v1/tickets?limit=ten".to_owned()),
        (&operator, "/v1/tickets?limit=1&limit=2".to_owned()),
        (&operator, "/v1/tickets?sort=colour".to_owned()),
        (&operator, "/v1/tickets?state=closed".to_owned()),
        (&operator, "/v1/tickets?cursor=nonsense".to_owned()),
        (&operator, "/v1/tickets?assignee=%00".to_owned()),
        (&operator, "/v1/tickets?q=%00".to_owned()),
        (&operator, "/v1/tickets?created_from=yesterday".to_owned()),
        (&operator, format!("{screen}/timeline?colour=red")),
        (&operator, format!("{screen}/timeline?cursor=x")),
        (&operator, format!("{screen}?colour=red")),
        (&operator, "/v1/queues?colour=red".to_owned()),
        (&operator, "/v1/assignees?colour=red".to_owned()),
        (&operator, "/v1/me?colour=red".to_owned()),
        (&mario, "/v1/me/tickets?colour=red".to_owned()),
        (&mario, format!("{}?colour=red", filed.own_path(""))),
        (&app.anonymous(), "/v1/services?colour=red".to_owned()),
        (
            &app.anonymous(),
            "/v1/services/FSE/form?colour=red".to_owned(),
        ),
        (&app.anonymous(), "/v1/authorities?colour=red".to_owned()),
    ] {
        let reply = client.get(&target).await;
        assert_eq!(reply.status, 400, "{target}: {reply}");
        reply.is_problem(400, "malformed-request");
    }
});

both!(unknown_routes_are_not_found, async |app| {
    for target in [
        "/",
        "/v1",
        "/v1/",
        "/v2/tickets",
        "/v1/tickets/",
        "/v1//tickets",
        "/v1/services/FSE",
        "/V1/services",
        "/v1/services/",
        "/problems/nonsense",
        "/v1/services/NOPE/form",
        "/v1/%00",
        "/v1/..%2f..%2fetc%2fpasswd",
        "/.env",
        "/admin",
    ] {
        let reply = app.anonymous().get(target).await;
        assert_eq!(reply.status, 404, "{target}: {reply}");
        reply.is_problem(404, "not-found");
    }
    let reply = app.anonymous().post("/v1/nothing", &json!({})).await;
    reply.is_problem(404, "not-found");
});

both!(wrong_methods_hear_which_are_right, async |app| {
    let anonymous = app.anonymous();
    for (method, target, allow) in [
        (Method::DELETE, "/v1/tickets", vec!["GET", "POST"]),
        (Method::GET, "/v1/sessions", vec!["POST"]),
        (Method::POST, "/v1/services", vec!["GET"]),
        (
            Method::PUT,
            "/v1/me/tickets/2026-0000001-J/messages",
            vec!["POST"],
        ),
        (Method::PATCH, "/v1/sessions/current/placement", vec!["PUT"]),
        (Method::TRACE, "/v1/services", vec!["GET"]),
        (Method::OPTIONS, "/v1/services", vec!["GET"]),
        (Method::POST, "/status", vec!["GET"]),
        (Method::POST, "/docs", vec!["GET"]),
        (
            Method::from_bytes(b"BREW").unwrap(),
            "/v1/services",
            vec!["GET"],
        ),
    ] {
        let reply = anonymous.request(method.clone(), target).send().await;
        reply.is_problem(405, "method-not-allowed");
        let allowed: Vec<&str> = reply
            .header("allow")
            .unwrap_or_default()
            .split(", ")
            .collect();
        for wanted in allow {
            assert!(allowed.contains(&wanted), "{method} {target}: {allowed:?}");
        }
    }
});

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

async fn file(app: &TestApp) -> tests::Filed {
    app.file_as(&MARIO, &forms::report_not_found_logged_in(TO4), &[])
        .await
}

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

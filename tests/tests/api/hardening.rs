//! What strangers send to wear the program out, to mislead it, or by mistake: each finding of a
//! hostile tester has its test here.

use reqwest::Method;
use serde_json::{Value, json};
use tests::citizens::{ANNA, MARIO};
use tests::people::{self, TO4};
use tests::{Client, Filed, Reply, TestApp, both, files, forms, multipart};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

async fn file(app: &TestApp) -> Filed {
    app.file_as(&MARIO, &forms::report_not_found_logged_in(TO4), &[])
        .await
}

async fn keyed(client: &Client, target: &str, body: &Value) -> Reply {
    let request = client.request(Method::POST, target);
    request.key("k-shared").json(body).send().await
}

both!(a_key_is_good_for_one_caller_in_one_placement, async |app| {
    // Two nobodies who chose the same key do not meet.
    for email in [ANNA.email, MARIO.email] {
        let (nobody, body) = (app.anonymous(), json!({"email": email}));
        let reply = keyed(&nobody, "/v1/email-proofs", &body).await;
        assert_eq!(reply.is(202).header("idempotency-replayed"), None);
    }
    for username in ["to4.operator", "two.hats"] {
        let credentials = json!({"username": username, "password": people::PASSWORD});
        let reply = keyed(&app.anonymous(), "/v1/sessions", &credentials).await;
        assert_eq!(reply.is(201).header("idempotency-replayed"), None);
    }
    // The same person in another placement is told what that placement may see.
    let mut client = app.as_("two.hats").await;
    let me = client.get("/v1/me").await;
    for placement in me.list_at("/placements") {
        let choice = json!({"placement_id": placement["id"]});
        let chosen = client.put("/v1/sessions/current/placement", &choice).await;
        client = app.with_token(chosen.is(200).text_at("/access_token"));
        let search = json!({"family_name": "Rossi"});
        let reply = keyed(&client, "/v1/ticket-searches", &search).await;
        assert_eq!(reply.is(200).header("idempotency-replayed"), None);
    }
});

/// A connection with the beginning of a large form on it, and no more.
async fn idle_upload(app: &TestApp, token: &str, sent: usize) -> TcpStream {
    let mut stream = TcpStream::connect(app.address).await.expect("a connection");
    let form = multipart::form(&json!({}), &[files::pdf(500_000)]);
    let head = format!(
        "POST /v1/tickets HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: {}\r\nContent-Length: 600000\r\n\r\n",
        form.media_type()
    );
    let body = form.finish();
    stream.write_all(head.as_bytes()).await.expect("a head");
    stream.write_all(&body[..sent]).await.expect("a beginning");
    stream
}

both!(idle_uploads_keep_nobody_else_out, async |app| {
    let (mario, anna) = (app.citizen(&MARIO), app.citizen(&ANNA));
    let mut idle = Vec::new();
    for _ in 0..40 {
        idle.push(idle_upload(app, mario.token(), 1_000).await);
    }
    for _ in 0..4 {
        idle.push(idle_upload(app, mario.token(), 200_000).await);
    }
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let form = forms::report_not_found_logged_in(TO4);
    // Small forms need no place, and others have theirs; the one who holds four waits.
    mario.post_form("/v1/tickets", &form, &[]).await.is(201);
    let large = [files::pdf(300_000)];
    anna.post_form("/v1/tickets", &form, &large).await.is(201);
    let reply = mario.post_form("/v1/tickets", &form, &large).await;
    reply.is_problem(503, "temporarily-unavailable");
    drop(idle);
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    mario.post_form("/v1/tickets", &form, &large).await.is(201);
});

both!(a_body_that_never_begins_is_given_up, async |app| {
    let head = b"POST /v1/sessions HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n\
        Content-Length: 10\r\n\r\n";
    let reply = app.raw(head).await;
    reply.is_problem(408, "request-timeout");
});

both!(answers_are_not_larger_than_what_they_answer, async |app| {
    let mario = app.citizen(&MARIO);
    let object = |n: usize| -> Value {
        let member = |at| (format!("{at}{}", "x".repeat(300)), json!(0));
        Value::Object((0..n).map(member).collect())
    };
    let reply = mario.post("/v1/tickets", &object(201)).await;
    reply.is_problem(400, "malformed-request");
    let reply = mario.post("/v1/tickets", &object(150)).await;
    reply.is_problem(422, "validation-error");
    assert_eq!(reply.errors().len(), 100);
    for (pointer, _) in reply.errors() {
        assert!(pointer.len() <= 128, "{pointer}");
    }
    let target = "/v1/tickets";
    let posting = || mario.request(Method::POST, target);
    for about in [
        format!("name=\"{}\"", "n".repeat(129)),
        "filename=\"x.pdf\"".to_owned(),
        "name=\"\"".to_owned(),
        format!("name=\"phone\"; x=\"{}\"", "x".repeat(5_000)),
    ] {
        let form = multipart::Form::new().part(&about, None, b"x");
        let reply = posting().form(form).send().await;
        reply.is_problem(400, "malformed-request");
    }
    let form = multipart::Form::new().field("a/b~c", "x");
    let reply = posting().form(form).send().await;
    assert!(
        reply
            .is(422)
            .errors()
            .contains(&("/a~1b~0c", "unknown-field")),
        "{reply}"
    );
});

both!(links_lead_where_the_installation_is, async |app| {
    let operator = app.as_("to4.operator").await;
    for (name, value) in [
        ("host", "evil.example.org"),
        ("x-forwarded-host", "evil.example.org"),
        ("forwarded", "host=evil.example.org"),
    ] {
        let request = operator.request(Method::GET, "/v1/tickets?limit=3");
        let reply = request.header(name, value).send().await;
        assert_eq!(
            reply.is(200).text_at("/_links/self"),
            "https://sportello.example.org/v1/tickets?limit=3"
        );
    }
});

both!(a_screen_in_another_language_is_another, async |app| {
    let filed = file(app).await;
    let operator = app.as_("to4.operator").await;
    let italian = operator.screen(&filed.id).await.etag().to_owned();
    let english = || {
        let request = operator.request(Method::GET, &filed.staff_path(""));
        request.header("accept-language", "en")
    };
    let reply = english().header("if-none-match", &italian).send().await;
    assert_ne!(reply.is(200).etag(), italian);
    let again = english().header("if-none-match", reply.etag()).send().await;
    again.is(304);
    for stale in ["\"+1\"", "\"01\"", "\"1-\"", "\"1-zz\"", "\"-1\""] {
        let request = operator.request(Method::POST, &filed.staff_path("/actions"));
        let request = request.if_match(stale).json(&json!({"action": "take"}));
        let refused = request.send().await;
        refused.is_problem(412, "precondition-failed");
    }
    // Whichever language it was read in, the version is the same.
    let request = operator.request(Method::POST, &filed.staff_path("/actions"));
    let request = request.if_match(reply.etag());
    request
        .json(&json!({"action": "take"}))
        .send()
        .await
        .is(201);
});

both!(all_the_bad_members_are_told_at_once, async |app| {
    let filed = file(app).await;
    let operator = app.as_("to4.operator").await;
    let etag = operator.screen(&filed.id).await.etag().to_owned();
    let before = app.footprint();

    let patch = json!({"priority": 1, "tags": ["good", 2, 3], "recall_phone": [], "colour": "red"});
    let reply = operator.patch(&filed.staff_path(""), &etag, &patch).await;
    reply.is_problem(422, "validation-error").has_errors(&[
        ("/priority", "invalid-type"),
        ("/tags/1", "invalid-type"),
        ("/tags/2", "invalid-type"),
        ("/recall_phone", "invalid-type"),
        ("/colour", "unknown-field"),
    ]);

    let action = json!({"action": 1, "seq": "x", "note": {"body": 1, "published": 2, "x": 3}, "assignee": {}});
    let reply = operator.act(&filed.id, &action).await;
    reply.is_problem(422, "validation-error").has_errors(&[
        ("/action", "invalid-type"),
        ("/seq", "invalid-type"),
        ("/note/body", "invalid-type"),
        ("/note/published", "invalid-type"),
        ("/note/x", "unknown-field"),
        ("/assignee", "invalid-type"),
    ]);

    let mario = app.citizen(&MARIO);
    let message = json!({"body": 1, "attachment": 2});
    let reply = mario.post(&filed.own_path("/messages"), &message).await;
    reply.is(422);
    assert!(
        reply.errors().contains(&("/body", "invalid-type")),
        "{reply}"
    );
    assert!(
        reply.errors().contains(&("/attachment", "invalid-type")),
        "{reply}"
    );

    let mut form = forms::report_not_found_logged_in(TO4);
    form["description"] = json!("");
    let two = [files::pdf(1000), files::pdf(1000)];
    let reply = mario.post_form("/v1/tickets", &form, &two).await;
    reply.is(422).has_errors(&[
        ("/attachment", "too-many-files"),
        ("/description", "required"),
    ]);
    form["attachment"] = files::pdf(1_048_577).inline();
    let reply = mario.post("/v1/tickets", &form).await;
    reply.is(422).has_errors(&[
        ("/attachment", "file-too-large"),
        ("/description", "required"),
    ]);
    assert_eq!(app.footprint(), before);

    // Lines of base64 are still base64.
    let mut form = forms::report_not_found_logged_in(TO4);
    form["attachment"] = files::pdf(1000).inline();
    let content = form["attachment"]["content_base64"].as_str().unwrap();
    let (start, rest) = content.split_at(76);
    form["attachment"]["content_base64"] = json!(format!(" {start}\r\n{rest}\n"));
    mario.post("/v1/tickets", &form).await.is(201);
});

both!(
    bad_parameters_are_named_in_the_callers_language,
    async |app| {
        let filed = file(app).await;
        let operator = app.as_("to4.operator").await;
        let mario = app.citizen(&MARIO);
        let timeline = filed.staff_path("/timeline");
        let list = "/v1/tickets".to_owned();
        for (client, path, query, name) in [
            (&operator, &list, "limit=ten", "limit"),
            (&operator, &list, "limit=1&limit=2", "limit"),
            (
                &operator,
                &list,
                "needs_attention=perhaps",
                "needs_attention",
            ),
            (&operator, &list, "created_from=yesterday", "created_from"),
            (
                &operator,
                &list,
                "due_before=2026-02-30T00:00:00Z",
                "due_before",
            ),
            (&operator, &list, "state=new,closed", "state"),
            (&operator, &list, "sort=colour", "sort"),
            (&operator, &list, "cursor=nonsense", "cursor"),
            (&operator, &list, "assignee=nobody", "assignee"),
            (&operator, &list, "priority=7", "priority"),
            (&operator, &list, "tax_code=RSSMRA80A01H501U", "tax_code"),
            (&operator, &list, "colour=red", "colour"),
            (&operator, &timeline, "limit=x", "limit"),
            (&operator, &timeline, "cursor=-1", "cursor"),
            (&mario, &"/v1/me/tickets".to_owned(), "limit=1.5", "limit"),
            (&mario, &"/v1/me/tickets".to_owned(), "cursor=x", "cursor"),
        ] {
            let reply = client.get(&format!("{path}?{query}")).await;
            reply.is_problem(400, "malformed-request");
            let wanted = format!("Parametro non valido: {name}.");
            assert_eq!(reply.text_at("/detail"), wanted);
        }
        let reply = operator.get("/v1/tickets?limit=0&sort=x").await;
        assert_eq!(
            reply.text_at("/detail"),
            "Parametri non validi: limit, sort."
        );
        for (query, found) in [
            ("created_to=9999-12-31T23:59:59Z", 1),
            ("created_from=9999-12-31T23:59:59Z", 0),
            ("created_from=-009999-06-01T00:00:00Z", 1),
            ("due_before=9999-12-31T23:59:59.999999999Z", 1),
        ] {
            let reply = operator.get(&format!("/v1/tickets?{query}")).await;
            assert_eq!(reply.is(200).list_at("/items").len(), found, "{query}");
        }
    }
);

both!(bad_members_of_a_search_are_named, async |app| {
    let operator = app.as_("to4.operator").await;
    let search = json!({
        "state": ["closed", "new", 3], "sort": "colour", "cursor": "nonsense",
        "assignee": "nobody", "limit": 0, "needs_attention": "yes", "created_from": "yesterday",
        "priority": "x", "tax_code": "x", "email": 1, "colour": "red",
    });
    let reply = operator.post("/v1/ticket-searches", &search).await;
    reply.is_problem(422, "validation-error");
    let mut pointers: Vec<&str> = reply.errors().iter().map(|(pointer, _)| *pointer).collect();
    pointers.sort_unstable();
    assert_eq!(
        pointers,
        [
            "/assignee",
            "/colour",
            "/created_from",
            "/cursor",
            "/email",
            "/limit",
            "/needs_attention",
            "/priority",
            "/sort",
            "/state/0",
            "/state/2",
            "/tax_code",
        ]
    );
    let joined = json!({"state": ["new,resolved", "closed"]});
    let reply = operator.post("/v1/ticket-searches", &joined).await;
    reply
        .is(422)
        .has_errors(&[("/state/0", "not-in-list"), ("/state/1", "not-in-list")]);
});

both!(headers_are_read_as_their_standards_say, async |app| {
    let services = || app.anonymous().request(Method::GET, "/v1/services");
    for (accept, status) in [
        ("application/json;q=0", 406),
        ("*/*;q=0.0", 406),
        ("application/json;q=0, text/html;q=0.1", 200),
    ] {
        let reply = services().header("accept", accept).send().await;
        assert_eq!(reply.status, status, "{accept}: {reply}");
    }
    let zeros = [
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ];
    for zero in zeros {
        let reply = services().header("traceparent", zero).send().await;
        assert_eq!(reply.is(200).header("traceparent"), None);
    }
    let mario = app.citizen(&MARIO);
    let request = mario.request(Method::POST, "/v1/tickets");
    let request = request.header("content-encoding", "Identity");
    let form = forms::report_not_found_logged_in(TO4);
    request.json(&form).send().await.is(201);
    let long = format!("/v1/tickets?q={}", "a".repeat(8_200));
    let reply = app.as_("to4.operator").await.get(&long).await;
    reply.is_problem(400, "malformed-request");
});

//! Bodies of another kind, and bodies that cannot be read.

use reqwest::Method;
use tests::citizens::MARIO;
use tests::people::TO4;
use tests::{Client, both, forms};

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
        b"{\"service_code\": \"PTW\", \"service_code\": \"FSE\"}".to_vec(),
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

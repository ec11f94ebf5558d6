//! Limits that hold while bytes arrive, not after.

use serde_json::json;
use tests::citizens::MARIO;
use tests::{Client, both, files, multipart};

use super::MAX;

/// The head of a request whose body is sent by hand.
fn head(client: &Client, media_type: &str, framing: &str) -> String {
    format!(
        "POST /v1/tickets HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\n\
         Content-Type: {media_type}\r\n{framing}\r\n\r\n",
        client.token()
    )
}

both!(a_file_too_large_is_refused_while_it_streams, async |app| {
    let before = app.footprint();
    let mario = app.citizen(&MARIO);
    let form = multipart::form(&json!({}), &[files::pdf(MAX + 4096)]);
    let media_type = form.media_type();
    let body = form.finish();
    // The rest is announced and never sent: only who counts while reading can answer.
    let framing = format!("Content-Length: {}", 2_000_000);
    let mut request = head(&mario, &media_type, &framing).into_bytes();
    request.extend_from_slice(&body[..body.len() - 1024]);
    let reply = app.raw(&request).await;
    reply.is_problem(413, "payload-too-large");
    reply.has_errors(&[("/attachment", "file-too-large")]);
    assert_eq!(app.footprint(), before);
});

both!(
    a_body_too_large_is_refused_by_its_length_and_by_counting,
    async |app| {
        let before = app.footprint();
        let mario = app.citizen(&MARIO);
        let announced = head(&mario, "application/json", "Content-Length: 2097153");
        let reply = app.raw(announced.as_bytes()).await;
        reply.is_problem(413, "payload-too-large");
        let announced = head(
            &mario,
            "multipart/form-data; boundary=x",
            "Content-Length: 999999999999",
        );
        let reply = app.raw(announced.as_bytes()).await;
        reply.is_problem(413, "payload-too-large");

        let mut endless =
            head(&mario, "application/json", "Transfer-Encoding: chunked").into_bytes();
        for _ in 0..33 {
            endless.extend_from_slice(b"10000\r\n");
            endless.resize(endless.len() + 0x10000, b' ');
            endless.extend_from_slice(b"\r\n");
        }
        let reply = app.raw(&endless).await;
        reply.is_problem(413, "payload-too-large");
        assert_eq!(app.footprint(), before);
    }
);

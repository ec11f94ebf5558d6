//! Bytes that are no request of ours: refused or cut off, and the process stays up.

use tests::both;

both!(what_is_no_http_is_refused_or_cut_off, async |app| {
    let long = "a".repeat(200_000);
    let many = "X: y\r\n".repeat(500);
    let requests: Vec<Vec<u8>> = vec![
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n".to_vec(),
        b"NONSENSE\r\n\r\n".to_vec(),
        b"GET /v1/services HTTP/9.9\r\nHost: t\r\n\r\n".to_vec(),
        b"GET /v1/ser vices HTTP/1.1\r\nHost: t\r\n\r\n".to_vec(),
        b"GET /v1/\0services HTTP/1.1\r\nHost: t\r\n\r\n".to_vec(),
        b"GET /v1/services HTTP/1.1\r\nHost : t\r\n\r\n".to_vec(),
        b"GET /v1/services HTTP/1.1\r\nX: a\0b\r\n\r\n".to_vec(),
        format!("GET /{long} HTTP/1.1\r\nHost: t\r\n\r\n").into_bytes(),
        format!("GET /v1/services HTTP/1.1\r\nX: {long}\r\n\r\n").into_bytes(),
        format!("GET /v1/services HTTP/1.1\r\n{many}\r\n").into_bytes(),
        b"POST /v1/sessions HTTP/1.1\r\nHost: t\r\nContent-Length: -1\r\n\r\n".to_vec(),
        b"POST /v1/sessions HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\
          Content-Length: 3\r\n\r\n{}}"
            .to_vec(),
        b"POST /v1/sessions HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: nonsense\r\n\r\n{}".to_vec(),
        b"POST /v1/sessions HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n\
          Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"
            .to_vec(),
    ];
    for request in requests {
        let shown = String::from_utf8_lossy(&request[..request.len().min(80)]).into_owned();
        if let Some(answer) = app.exchange(&request).await {
            let status = String::from_utf8_lossy(&answer[..answer.len().min(12)]).into_owned();
            assert!(status.starts_with("HTTP/1.1 4"), "{shown:?}: {status}");
        }
        app.anonymous().get("/health/live").await.is(200);
    }
});

both!(length_and_chunks_together_smuggle_nothing, async |app| {
    let smuggled = b"POST /v1/sessions HTTP/1.1\r\nHost: t\r\nContent-Length: 6\r\n\
        Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /v1/services HTTP/1.1\r\nHost: t\r\n\r\n";
    let answer = app.exchange(smuggled).await.unwrap_or_default();
    let answer = String::from_utf8_lossy(&answer);
    assert!(!answer.contains("HTTP/1.1 200"), "{answer}");
});

both!(odd_addresses_are_answered_like_any_other, async |app| {
    for path in [
        "/v1/%73ervices",
        "/v1%2fservices",
        "/v1/services%00",
        "/v1/%ff",
        "/v1/../v1/services",
        "/v1/%2e%2e/v1/services",
        "/./v1/services",
        "//v1/services",
        "/v1/tickets/..%2fme",
        "/v1/tickets/%zz",
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
        let answer = app.exchange(request.as_bytes()).await.expect("an answer");
        let status = String::from_utf8_lossy(&answer[..12]).into_owned();
        let expected = [
            "HTTP/1.1 200",
            "HTTP/1.1 400",
            "HTTP/1.1 401",
            "HTTP/1.1 404",
        ];
        assert!(expected.contains(&status.as_str()), "{path}: {status}");
    }
});

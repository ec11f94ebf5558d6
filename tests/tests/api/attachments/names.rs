//! Names and shapes of files that no honest client sends.

use serde_json::json;
use tests::citizens::MARIO;
use tests::people::TO4;
use tests::{both, files, forms};

both!(control_characters_in_a_name_are_refused, async |app| {
    let mario = app.citizen(&MARIO);
    let before = app.footprint();
    for name in [
        "a\n.pdf",
        "a\u{1}.pdf",
        "a\r\nX-Evil: 1\r\n.pdf",
        "a\u{7f}.pdf",
        "a\0.pdf",
    ] {
        let mut form = forms::report_not_found_logged_in(TO4);
        form["attachment"] = files::pdf(100).named(name).inline();
        let reply = mario.post("/v1/tickets", &form).await;
        reply.is(422);
        let [(pointer, code)] = reply.errors()[..] else {
            panic!("one error for {name:?}: {reply}")
        };
        assert!(pointer.starts_with("/attachment"), "{name:?}: {reply}");
        assert!(
            ["invalid-file-name", "forbidden-chars"].contains(&code),
            "{name:?}: {reply}"
        );
    }
    // In the header of a part: unreadable or refused, never taken.
    for name in ["a\u{1}.pdf", "a\0.pdf", "a\n.pdf"] {
        let form = forms::report_not_found_logged_in(TO4);
        let file = files::pdf(100).named(name);
        let reply = mario.post_form("/v1/tickets", &form, &[file]).await;
        assert!(matches!(reply.status, 400 | 422), "{name:?}: {reply}");
    }
    assert_eq!(app.footprint(), before);
});

both!(base64_that_is_none_is_named, async |app| {
    let mario = app.citizen(&MARIO);
    let before = app.footprint();
    for (attachment, pointer, code) in [
        (
            json!({"file_name": "a.pdf", "content_base64": "@@@"}),
            "/attachment/content_base64",
            "invalid-format",
        ),
        (
            json!({"file_name": "a.pdf"}),
            "/attachment/content_base64",
            "required",
        ),
        (
            json!({"content_base64": "JVBERi0="}),
            "/attachment/file_name",
            "required",
        ),
        (
            json!({"file_name": 5, "content_base64": "JVBERi0="}),
            "/attachment/file_name",
            "invalid-type",
        ),
        (
            json!({"file_name": "a.pdf", "content_base64": "JVBERi0=", "x": 1}),
            "/attachment/x",
            "unknown-field",
        ),
    ] {
        let mut form = forms::report_not_found_logged_in(TO4);
        form["attachment"] = attachment;
        let reply = mario.post("/v1/tickets", &form).await;
        reply.is(422).has_errors(&[(pointer, code)]);
    }
    assert_eq!(app.footprint(), before);
});

//! Where endpoints may not be, at save and at each connection (A11, D-20).

use serde_json::json;
use tests::both;
use tests::receiver::Receiver;

use super::{ENDPOINTS, Told, form};

const PUBLIC: &str = "93.184.216.34";

both!(no_spelling_of_a_private_address_is_saved, async |app| {
    let admin = app.as_("to4.admin").await;
    for (url, code) in [
        ("http://hooks.example.org/", "url-not-https"),
        (
            "https://user:word@hooks.example.org/",
            "url-with-credentials",
        ),
        ("https://hooks.example.org:22/", "url-port-not-allowed"),
        ("https://127.0.0.1/", "url-not-public"),
        ("https://127.1/", "url-not-public"),
        ("https://0x7f.0.0.1/", "url-not-public"),
        ("https://2130706433/", "url-not-public"),
        ("https://017700000001/", "url-not-public"),
        ("https://localhost./", "url-not-public"),
        ("https://169.254.169.254/latest/meta-data", "url-not-public"),
        ("https://[::ffff:192.168.0.1]/", "url-not-public"),
        ("https://[fc00::1]/", "url-not-public"),
        ("https://[fe80::1]/", "url-not-public"),
        ("https://100.64.0.1/", "url-not-public"),
        ("https://0.0.0.0/", "url-not-public"),
        ("https://224.0.0.1/", "url-not-public"),
        ("https://192.0.2.1/", "url-not-public"),
        ("https://[2001:db8::1]/", "url-not-public"),
        ("javascript:alert(1)", "invalid-format"),
    ] {
        let refused = admin.post(ENDPOINTS, &form(url, &["*"])).await;
        refused.has_errors(&[("/url", code)]);
    }
    assert_eq!(app.count("webhook_endpoints"), 0);
});

both!(a_name_is_judged_by_where_it_leads, async |app| {
    let admin = app.as_("to4.admin").await;
    let body = form("https://hooks.example.org/in", &["*"]);
    for addresses in [
        vec![],
        vec!["10.0.0.1"],
        vec![PUBLIC, "127.0.0.1"],
        vec!["::1"],
        vec!["::ffff:10.0.0.1"],
        vec!["64:ff9b::7f00:1"],
    ] {
        app.names().lead("hooks.example.org", &addresses);
        let refused = admin.post(ENDPOINTS, &body).await;
        refused.has_errors(&[("/url", "url-not-public")]);
    }
    app.names().lead("hooks.example.org", &[PUBLIC]);
    admin.post(ENDPOINTS, &body).await.is(201);
});

both!(
    a_name_that_leads_elsewhere_later_is_not_followed,
    async |app| {
        let admin = app.as_("to4.admin").await;
        app.names().lead("hooks.example.org", &[PUBLIC]);
        let added = admin
            .post(ENDPOINTS, &form("https://hooks.example.org/in", &["*"]))
            .await;
        let id = added.is(201).text_at("/endpoint/id").to_owned();
        let path = format!("{ENDPOINTS}/{id}");
        for (addresses, fault) in [
            (vec!["127.0.0.1"], "address-refused"),
            (vec!["169.254.169.254", PUBLIC], "address-refused"),
            (vec![], "not-resolved"),
        ] {
            app.names().lead("hooks.example.org", &addresses);
            admin
                .post(&format!("{path}/test-deliveries"), &json!({}))
                .await
                .is(201);
            app.send_webhooks().await;
            let log = admin.get(&format!("{path}/deliveries?limit=1")).await;
            let attempt = &log.list_at("/items")[0]["attempts"][0];
            assert_eq!(attempt["fault"], fault, "{addresses:?}");
        }
    }
);

// The setting may have changed since the endpoint was saved.
both!(
    an_address_that_is_no_longer_allowed_is_not_reached,
    async |app| {
        let receiver = Receiver::start();
        let told = Told::add(app, "to4.admin", &receiver, "/in", &["*"]).await;
        let admin = app.as_("to4.admin").await;
        told.ping(&admin).await;
        let inside = format!("http://127.0.0.1:{}/in", receiver.port());
        app.execute(&format!("UPDATE webhook_endpoints SET url = '{inside}'"));
        assert_eq!(app.send_webhooks().await.failed, 1);
        let log = told.log(&admin).await;
        assert_eq!(log[0]["state"], "failed");
        assert_eq!(log[0]["reason"], "url-refused");
        assert!(receiver.got().is_empty());
    }
);

both!(an_encrypted_connection_must_be_one, async |app| {
    let receiver = Receiver::start();
    let admin = app.as_("to4.admin").await;
    let url = receiver.url("/in").replace("http://", "https://");
    let added = admin.post(ENDPOINTS, &form(&url, &["*"])).await;
    let path = format!("{ENDPOINTS}/{}", added.is(201).text_at("/endpoint/id"));
    admin
        .post(&format!("{path}/test-deliveries"), &json!({}))
        .await
        .is(201);
    app.send_webhooks().await;
    let log = admin.get(&format!("{path}/deliveries")).await;
    let attempt = &log.list_at("/items")[0]["attempts"][0];
    assert_eq!(attempt["fault"], "not-connected");
    assert!(
        receiver.got().iter().all(|got| got.body.is_empty()),
        "nothing was told in the clear"
    );
});

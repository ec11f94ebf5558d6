//! What becomes of messages that do not arrive.

use serde_json::json;
use service::mailer::{MailMessage, Mailer};
use service::outbox::DeliveryFailure;
use service::outbox::DeliveryRun;
use tests::citizens::{ANNA, MARIO};
use tests::people::TO4;
use tests::requester::Filed;
use tests::{TestApp, both, forms};

/// A mail server that has something against one address.
struct Against(&'static str, DeliveryFailure);

impl Mailer for Against {
    fn send(&self, message: &MailMessage) -> Result<(), DeliveryFailure> {
        match message.to == self.0 {
            true => Err(self.1.clone()),
            false => Ok(()),
        }
    }
}

fn refuses(address: &'static str) -> Against {
    Against(
        address,
        DeliveryFailure::Permanent("550 no such user".to_owned()),
    )
}

fn is_away(address: &'static str) -> Against {
    Against(
        address,
        DeliveryFailure::Transient("421 try later".to_owned()),
    )
}

fn deliver(app: &TestApp, mailer: &dyn Mailer) -> DeliveryRun {
    app.desk.deliver(mailer).expect("mail is delivered")
}

/// A request whose requester is written to, and not reached.
async fn unreached(app: &TestApp) -> Filed {
    let form = forms::report_not_found(&ANNA, TO4);
    let filed = app.file_anonymous(&form, &[]).await;
    app.mails().await;
    let note = json!({"body": "Quale referto cerca?", "published": true});
    let operator = app.as_("to4.operator").await;
    operator
        .act(&filed.id, &json!({"action": "ask-info", "note": note}))
        .await
        .is(201);
    let run = deliver(app, &refuses(ANNA.email));
    assert_eq!((run.sent, run.retried, run.parked), (0, 0, 1));
    filed
}

both!(
    what_the_mail_server_refuses_shows_on_the_ticket_and_in_the_list,
    async |app| {
        let filed = unreached(app).await;
        let operator = app.as_("to4.operator").await;
        let screen = operator.screen(&filed.id).await;
        assert_eq!(screen.json["needs_attention"], true);
        assert_eq!(screen.text_at("/timeline/0/event"), "message.undelivered");
        assert_eq!(screen.json["state"], "awaiting-info");

        let list = operator.get("/v1/deliveries?state=parked").await;
        list.is(200);
        assert_eq!(list.list_at("/items").len(), 1);
        assert_eq!(list.text_at("/items/0/ticket/number"), filed.number);
        assert_eq!(list.text_at("/items/0/channel"), "mail");
        assert_eq!(list.text_at("/items/0/template"), "info-requested");
        assert!(list.text_at("/items/0/last_error").contains("550"));
        assert!(
            !list.everything().contains(ANNA.email),
            "the list says to whom"
        );
        let own = app.tracking(&filed).await.get(&filed.own_path("")).await;
        assert!(!own.everything().contains("undelivered"));
    }
);

both!(what_was_given_up_can_be_tried_again_or_left, async |app| {
    let filed = unreached(app).await;
    let operator = app.as_("to4.operator").await;
    let list = operator
        .get(&format!("/v1/deliveries?ticket={}", filed.number))
        .await;
    let parked = list
        .list_at("/items")
        .iter()
        .find(|one| one["state"] == "parked")
        .expect("a parked message");
    let path = format!(
        "/v1/deliveries/{}/steps",
        parked["id"].as_str().expect("an id")
    );
    let retried = operator.post(&path, &json!({"step": "retry"})).await;
    retried.is(200);
    assert_eq!(
        (retried.text_at("/state"), retried.json["attempts"].as_i64()),
        ("pending", Some(0))
    );
    operator
        .post(&path, &json!({"step": "discard"}))
        .await
        .is_problem(409, "delivery-not-parked");
    assert_eq!(deliver(app, &refuses(ANNA.email)).parked, 1);

    let left = operator.post(&path, &json!({"step": "discard"})).await;
    assert_eq!(left.text_at("/state"), "discarded");
    let to_look_at = operator.get("/v1/deliveries?state=parked").await;
    assert!(to_look_at.list_at("/items").is_empty());
    // Who changes their mind tries it after all, and it arrives.
    operator
        .post(&path, &json!({"step": "retry"}))
        .await
        .is(200);
    assert_eq!(deliver(app, &is_away("nobody@example.org")).sent, 1);
    let sent = operator.get("/v1/deliveries?state=sent&limit=1").await;
    assert_eq!(sent.text_at("/items/0/template"), "info-requested");
});

both!(
    other_desks_see_nothing_of_it_and_those_who_run_it_see_all,
    async |app| {
        unreached(app).await;
        let parked = "/v1/deliveries?state=parked";
        let mine = app.as_("to4.supervisor").await.get(parked).await;
        let id = mine.text_at("/items/0/id").to_owned();
        let path = format!("/v1/deliveries/{id}/steps");
        for username in ["cn1.operator", "region.operator"] {
            let client = app.as_(username).await;
            assert!(client.get(parked).await.list_at("/items").is_empty());
            client
                .post(&path, &json!({"step": "retry"}))
                .await
                .is_problem(404, "not-found");
        }
        for username in ["region.supervisor", "system-admin"] {
            let list = app.as_(username).await.get(parked).await;
            assert_eq!(list.text_at("/items/0/id"), id);
        }
        let operator = app.as_("to4.operator").await;
        operator
            .post(&path, &json!({"step": "burn", "why": 1}))
            .await
            .is(422);
        operator
            .get("/v1/deliveries?state=lost&sort=id")
            .await
            .is_problem(400, "malformed-request");
    }
);

both!(one_bad_recipient_holds_nobody_up, async |app| {
    for person in [&ANNA, &MARIO, &ANNA, &MARIO] {
        let form = forms::report_not_found(person, TO4);
        app.file_anonymous(&form, &[]).await;
    }
    app.mails().await;
    let operator = app.as_("to4.operator").await;
    for ticket in operator.get("/v1/tickets").await.list_at("/items") {
        let note = json!({"body": "Quale referto cerca?", "published": true});
        let ask = json!({"action": "ask-info", "note": note});
        let id = ticket["id"].as_str().expect("an id");
        operator.act(id, &ask).await.is(201);
    }
    let run = deliver(app, &is_away(ANNA.email));
    assert_eq!((run.sent, run.retried, run.parked), (2, 2, 0));
    // The first wait is a minute, and then they arrive.
    assert_eq!(deliver(app, &refuses("nobody@example.org")).sent, 0);
    app.advance("PT1M");
    assert_eq!(deliver(app, &refuses("nobody@example.org")).sent, 2);
});

both!(
    a_page_of_messages_goes_on_where_the_one_before_ended,
    async |app| {
        for _ in 0..3 {
            let form = forms::report_not_found(&ANNA, TO4);
            app.file_anonymous(&form, &[]).await;
        }
        let operator = app.as_("to4.operator").await;
        let mut seen = Vec::new();
        let mut path = "/v1/deliveries?limit=2".to_owned();
        loop {
            let page = operator.get(&path).await;
            page.is(200);
            for item in page.list_at("/items") {
                seen.push(item["id"].as_str().expect("an id").to_owned());
            }
            match page.json["next_cursor"].as_str() {
                Some(cursor) => path = format!("/v1/deliveries?limit=2&cursor={cursor}"),
                None => break,
            }
        }
        assert_eq!(seen.len(), 3, "three receipts");
        let mut once = seen.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), 3);
    }
);

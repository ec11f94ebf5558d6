//! Who is told of what, and when: the requester by the authority's settings, staff by their own.

use reqwest::Method;
use serde_json::{Value, json};
use tests::citizens::{ANNA, MARIO};
use tests::mail::Mail;
use tests::people::{CN1, REGION, TO4};
use tests::requester::Filed;
use tests::{Options, TestApp, both, forms};

const QUESTION: &str = "Quale referto cerca?";

async fn ask(app: &TestApp, filed: &Filed) {
    let note = json!({"body": QUESTION, "published": true});
    app.as_("to4.operator")
        .await
        .act(&filed.id, &json!({"action": "ask-info", "note": note}))
        .await
        .is(201);
}

async fn take_back(app: &TestApp, filed: &Filed) {
    let note = json!({"body": "Era già scritto.", "published": false});
    let action = json!({"action": "cancel-question", "note": note});
    app.as_("to4.operator")
        .await
        .act(&filed.id, &action)
        .await
        .is(201);
}

async fn filed_by_anna(app: &TestApp) -> Filed {
    app.file_anonymous(&forms::report_not_found(&ANNA, TO4), &[])
        .await
}

/// Changes some of TO4's settings.
async fn set(app: &TestApp, change: &Value) {
    let admin = app.as_("to4.admin").await;
    let path = format!("/v1/notification-settings/{TO4}");
    let now = admin.get(&path).await;
    let mut wanted = now.json.clone();
    for (name, value) in change.as_object().expect("members") {
        wanted[name] = value.clone();
    }
    let request = admin.request(Method::PUT, &path).if_match(now.etag());
    request.json(&wanted).send().await.is(200);
}

async fn prefer(app: &TestApp, username: &str, preferences: &Value) {
    app.set_email(username, &format!("{username}@example.org"));
    let client = app.as_(username).await;
    let path = "/v1/me/notification-preferences";
    client.put(path, preferences).await.is(200);
}

fn last(mails: &[Mail]) -> &Mail {
    mails.last().expect("a mail")
}

both!(
    where_mails_only_point_nothing_of_a_note_is_in_them,
    async |app| {
        set(app, &json!({"pointer_only": true})).await;
        let filed = filed_by_anna(app).await;
        ask(app, &filed).await;
        let mails = app.mails_to(ANNA.email).await;
        let mail = last(&mails);
        assert_eq!(
            mail.subject,
            format!("Richiesta {}: ci sono novità", filed.number)
        );
        assert!(!mail.body.contains(QUESTION) && !mail.html.contains(QUESTION));
        assert!(mail.link().is_some(), "and it says where to read on");
        // A reminder repeats the question, elsewhere.
        app.advance("P5D");
        app.run_jobs();
        let mails = app.mails_to(ANNA.email).await;
        assert!(!last(&mails).body.contains(QUESTION));
    }
);

both!(
    a_citizen_gets_a_pointer_without_a_secret_where_the_authority_copies,
    async |app| {
        let form = forms::report_not_found_logged_in(TO4);
        let silent = app.file_as(&MARIO, &form, &[]).await;
        ask(app, &silent).await;
        assert!(app.mails_to(MARIO.email).await.is_empty());

        set(app, &json!({"copy_to_citizens": true})).await;
        let filed = app.file_as(&MARIO, &form, &[]).await;
        ask(app, &filed).await;
        let mails = app.mails_to(MARIO.email).await;
        assert_eq!(mails.len(), 1, "the question, not the receipt");
        let mail = last(&mails);
        assert!(mail.subject.contains(&filed.number));
        assert!(!mail.body.contains(QUESTION) && mail.link().is_none());
    }
);

both!(
    closings_are_mailed_where_the_authority_says_so,
    async |app| {
        set(app, &json!({"mail_on_close": true})).await;
        let filed = filed_by_anna(app).await;
        let note = json!({"body": "Fatto.", "published": true});
        let resolve =
            json!({"action": "resolve", "resolution_code": "information-given", "note": note});
        app.as_("to4.operator")
            .await
            .act(&filed.id, &resolve)
            .await
            .is(201);
        app.advance("P8D");
        app.run_jobs();
        let mails = app.mails_to(ANNA.email).await;
        assert_eq!(
            last(&mails).subject,
            format!("Richiesta {}: chiusa", filed.number)
        );
    }
);

both!(
    at_night_only_what_somebody_waits_for_goes_out,
    async |app| {
        set(
            app,
            &json!({"quiet_hours": {"from": "21:00", "to": "08:00"}}),
        )
        .await;
        // Every test begins at eight in the morning.
        app.advance("PT14H");
        let filed = filed_by_anna(app).await;
        let receipt = app.mails_to(ANNA.email).await.len();
        assert_eq!(receipt, 2, "the code and the receipt");
        ask(app, &filed).await;
        assert_eq!(app.mails_to(ANNA.email).await.len(), receipt);
        app.advance("PT9H59M59S");
        assert_eq!(app.mails_to(ANNA.email).await.len(), receipt);
        app.advance("PT1S");
        let mails = app.mails_to(ANNA.email).await;
        assert_eq!(mails.len(), receipt + 1);
        assert!(last(&mails).body.contains(QUESTION));
    }
);

fn two_mails_an_hour() -> Options {
    let mut options = Options::default();
    options.settings.delivery.mails_per_ticket_and_hour = 2;
    options
}

both!(
    a_storm_of_mails_about_one_request_is_spread_and_none_is_lost,
    two_mails_an_hour(),
    async |app| {
        let filed = filed_by_anna(app).await;
        let before = app.mails_to(ANNA.email).await.len();
        for _ in 0..3 {
            ask(app, &filed).await;
            take_back(app, &filed).await;
        }
        let so_far = async || app.mails_to(ANNA.email).await.len() - before;
        assert_eq!(so_far().await, 1, "the receipt and one more in this hour");
        // Another request does not wait for this one.
        let other = filed_by_anna(app).await;
        ask(app, &other).await;
        assert_eq!(so_far().await, 1 + 3, "its code, receipt and question");
        app.advance("PT1H");
        assert_eq!(so_far().await, 4 + 2);
    }
);

both!(
    staff_get_the_mail_they_asked_for_and_no_other,
    async |app| {
        let address = |username: &str| format!("{username}@example.org");
        let assigned = json!({"assigned": "instant", "requester_wrote": "instant"});
        prefer(app, "to4.colleague", &assigned).await;
        prefer(app, "to4.supervisor", &json!({"queue": "instant"})).await;
        prefer(app, "cn1.operator", &json!({"queue": "instant"})).await;

        let filed = app
            .file_as(&MARIO, &forms::report_not_found_logged_in(TO4), &[])
            .await;
        assert_eq!(app.mails_to(&address("to4.supervisor")).await.len(), 1);
        assert!(app.mails_to(&address("cn1.operator")).await.is_empty());
        assert!(app.mails_to(&address("to4.colleague")).await.is_empty());

        let colleague = app.as_("to4.colleague").await;
        let me = colleague.get("/v1/me").await.text_at("/id").to_owned();
        let operator = app.as_("to4.operator").await;
        operator
            .act(&filed.id, &json!({"action": "take"}))
            .await
            .is(201);
        let assign = json!({"action": "assign", "assignee": me});
        operator.act(&filed.id, &assign).await.is(201);
        let mails = app.mails_to(&address("to4.colleague")).await;
        assert_eq!(
            last(&mails).subject,
            format!("Richiesta {}: affidata a te", filed.number)
        );

        let written = json!({"body": "Una cosa privata del cittadino."});
        app.citizen(&MARIO)
            .post(&filed.own_path("/messages"), &written)
            .await
            .is(201);
        let mails = app.mails_to(&address("to4.colleague")).await;
        assert_eq!(mails.len(), 2);
        assert!(!last(&mails).body.contains("privata"));
        assert_eq!(
            app.mails_to(&address("to4.supervisor")).await.len(),
            1,
            "it has an owner, so it is not the queue's"
        );
    }
);

both!(a_digest_tells_once_a_day_what_changed, async |app| {
    prefer(app, "to4.supervisor", &json!({"queue": "digest"})).await;
    let mut numbers = Vec::new();
    for _ in 0..2 {
        let form = forms::report_not_found_logged_in(TO4);
        numbers.push(app.file_as(&MARIO, &form, &[]).await.number);
    }
    let digests = async || {
        app.run_jobs();
        app.mails_to("to4.supervisor@example.org").await
    };
    app.advance("PT23H59M");
    assert!(digests().await.is_empty());
    app.advance("PT1M");
    let mails = digests().await;
    assert_eq!(mails.len(), 1);
    for number in &numbers {
        let line = format!("{number}: novità nella coda");
        assert!(mails[0].body.contains(&line), "{}", mails[0].body);
    }
    app.advance("P2D");
    assert_eq!(digests().await.len(), 1, "nothing new, no mail");
});

both!(who_left_the_desk_gets_none_of_its_mail, async |app| {
    prefer(app, "to4.supervisor", &json!({"queue": "instant"})).await;
    prefer(app, "to4.colleague", &json!({"queue": "digest"})).await;
    let form = forms::report_not_found_logged_in(TO4);
    app.file_as(&MARIO, &form, &[]).await;
    let before = app.mails_to("to4.supervisor@example.org").await.len();
    app.set_state("to4.supervisor", "suspended");
    app.set_state("to4.colleague", "suspended");
    app.file_as(&MARIO, &form, &[]).await;
    app.advance("P1D");
    app.run_jobs();
    assert_eq!(
        app.mails_to("to4.supervisor@example.org").await.len(),
        before
    );
    assert!(app.mails_to("to4.colleague@example.org").await.is_empty());
});

both!(
    settings_are_changed_by_whoever_saw_the_last_ones_at_their_own_authority,
    async |app| {
        let admin = app.as_("to4.admin").await;
        let path = format!("/v1/notification-settings/{TO4}");
        let first = admin.get(&path).await;
        first.is(200);
        let wanted = json!({
            "pointer_only": true, "copy_to_citizens": true, "mail_on_close": false,
            "quiet_hours": {"from": "22:30", "to": "07:00"},
        });
        let put = |path: &str, etag: &str, body: &Value| {
            admin
                .request(Method::PUT, path)
                .if_match(etag)
                .json(body)
                .send()
        };
        put(&path, first.etag(), &wanted).await.is(200);
        assert_eq!(admin.get(&path).await.json, wanted);
        put(&path, first.etag(), &wanted)
            .await
            .is_problem(412, "precondition-failed");
        for other in [CN1, REGION, "999999"] {
            let path = format!("/v1/notification-settings/{other}");
            admin.get(&path).await.is_problem(404, "not-found");
            put(&path, "\"1\"", &wanted)
                .await
                .is_problem(404, "not-found");
        }
        let region = app.as_("region.supervisor").await;
        assert_eq!(region.get(&path).await.json, wanted);

        let bad = json!({
            "pointer_only": "no", "mail_on_close": null, "more": 1,
            "quiet_hours": {"from": "25:00", "to": "7"},
        });
        put(&path, "\"2\"", &bad).await.is(422).has_errors(&[
            ("/pointer_only", "invalid-type"),
            ("/copy_to_citizens", "required"),
            ("/mail_on_close", "required"),
            ("/quiet_hours/from", "invalid-format"),
            ("/quiet_hours/to", "invalid-format"),
            ("/more", "unknown-field"),
        ]);
        let empty = json!({
            "pointer_only": true, "copy_to_citizens": true, "mail_on_close": false,
            "quiet_hours": {"from": "08:00", "to": "08:00"},
        });
        put(&path, "\"2\"", &empty)
            .await
            .has_errors(&[("/quiet_hours/to", "empty-interval")]);
    }
);

both!(preferences_are_ones_own, async |app| {
    let operator = app.as_("to4.operator").await;
    let path = "/v1/me/notification-preferences";
    let usual = json!({"assigned": "off", "requester_wrote": "off", "queue": "off"});
    assert_eq!(operator.get(path).await.json, usual);
    operator
        .put(path, &json!({"queue": "digest"}))
        .await
        .is(200);
    let now = json!({"assigned": "off", "requester_wrote": "off", "queue": "digest"});
    assert_eq!(operator.get(path).await.json, now);
    let colleague = app.as_("to4.colleague").await;
    assert_eq!(colleague.get(path).await.json, usual);
    let bad = json!({"queue": "often", "assigned": 1, "sms": "off"});
    operator.put(path, &bad).await.has_errors(&[
        ("/assigned", "invalid-type"),
        ("/queue", "not-in-list"),
        ("/sms", "unknown-field"),
    ]);
});

both!(
    supervisors_are_told_when_the_same_request_is_reopened_again,
    async |app| {
        prefer(app, "to4.supervisor", &json!({"queue": "instant"})).await;
        let form = forms::report_not_found_logged_in(TO4);
        let filed = app.file_as(&MARIO, &form, &[]).await;
        let mut told = Vec::new();
        for _ in 0..2 {
            let note = json!({"body": "Fatto.", "published": true});
            let resolve =
                json!({"action": "resolve", "resolution_code": "information-given", "note": note});
            let operator = app.as_("to4.operator").await;
            operator.act(&filed.id, &json!({"action": "take"})).await;
            operator.act(&filed.id, &resolve).await.is(201);
            let reply = json!({"body": "Non funziona ancora."});
            app.citizen(&MARIO)
                .post(&filed.own_path("/messages"), &reply)
                .await
                .is(201);
            told.push(app.mails_to("to4.supervisor@example.org").await.len());
        }
        assert_eq!(told, [1, 2], "of the filing, and of the second reopening");
    }
);

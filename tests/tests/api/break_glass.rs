//! Break-glass: a system administrator reads with a second person's consent, for hours, and the data
//! protection officer is told of each step.

use diesel::RunQueryDsl;
use domain::visibility::Scope;
use reqwest::Method;
use serde_json::{Value, json};
use storage::StoreError;
use tests::app::{Options, TestApp};
use tests::citizens::{ANNA, MARIO};
use tests::client::{Client, Reply};
use tests::people::{CN1, TO4};
use tests::requester::Filed;
use tests::{both, files, forms};

const OFFICER: &str = "dpo@example.org";

fn with_officer() -> Options {
    let mut options = Options::default();
    let address = domain::email::EmailAddress::parse(OFFICER).expect("an address");
    options.settings.privacy.officer_email = Some(address);
    options
}

fn wish() -> Value {
    json!({
        "authority_code": TO4, "purpose": "security-incident", "hours": 2,
        "reason": "La signora Bianchi non riesce ad aprire la richiesta.",
    })
}

/// The latest entry of the audit trail.
pub(crate) fn last_entry(app: &TestApp) -> Value {
    #[derive(diesel::QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Text)]
        body: String,
    }
    let sql = "SELECT body FROM audit_entries ORDER BY at DESC, nth DESC LIMIT 1";
    let found = app.db.read_in(&Scope::System, |conn| {
        Ok::<_, StoreError>(diesel::sql_query(sql).get_result::<Row>(conn)?)
    });
    serde_json::from_str(&found.expect("an entry").body).expect("JSON")
}

async fn filed_at(app: &TestApp, authority: &str) -> Filed {
    let form = forms::report_not_found_logged_in(authority);
    app.file_as(&ANNA, &form, &[files::pdf(900)]).await
}

async fn ask(app: &TestApp, wish: &Value) -> String {
    let asker = app.as_("system-admin").await;
    let asked = asker.post("/v1/break-glass-grants", wish).await;
    assert_eq!(asked.is(201).text_at("/state"), "pending");
    asked.text_at("/id").to_owned()
}

async fn step(client: &Client, grant: &str, step: &str) -> Reply {
    let path = format!("/v1/break-glass-grants/{grant}/{step}");
    client.request(Method::POST, &path).send().await
}

/// A grant in force.
async fn open(app: &TestApp, wish: &Value) -> String {
    let grant = ask(app, wish).await;
    let second = app.as_("region.supervisor").await;
    let approved = step(&second, &grant, "approvals").await;
    assert_eq!(approved.is(201).text_at("/state"), "in-force");
    grant
}

both!(
    a_grant_opens_an_authoritys_requests_to_read_and_no_more,
    with_officer(),
    async |app| {
        let here = filed_at(app, TO4).await;
        let elsewhere = filed_at(app, CN1).await;
        let note = json!({"action": "note", "note": {"body": "Solo per noi.", "published": false}});
        app.as_("to4.operator")
            .await
            .act(&here.id, &note)
            .await
            .is(201);
        let admin = app.as_("system-admin").await;
        admin
            .get(&here.staff_path(""))
            .await
            .is_problem(403, "forbidden");
        admin.get("/v1/tickets").await.is_problem(403, "forbidden");

        let grant = ask(app, &wish()).await;
        admin
            .get(&here.staff_path(""))
            .await
            .is_problem(403, "forbidden");
        let second = app.as_("region.supervisor").await;
        step(&second, &grant, "approvals").await.is(201);

        let screen = admin.get(&here.staff_path("")).await;
        let requester = &screen.is(200).json["requester"];
        assert_eq!(requester["masked"], true);
        assert_eq!(requester["tax_code"], "BNCNNA•••••••••A");
        for secret in [ANNA.tax_code, ANNA.email, "Solo per noi."] {
            assert!(!screen.text().contains(secret), "{secret} in {screen}");
        }
        assert_eq!(screen.list_at("/allowed_actions"), [] as [Value; 0]);
        admin.get(&here.staff_path("/timeline")).await.is(200);
        let list = admin.get("/v1/tickets").await;
        let numbers: Vec<&Value> = list
            .is(200)
            .list_at("/items")
            .iter()
            .map(|one| &one["number"])
            .collect();
        assert_eq!(numbers, [&json!(here.number)]);
        // Another authority's is as if it had never been.
        admin
            .get(&elsewhere.staff_path(""))
            .await
            .is_problem(404, "not-found");
        admin
            .get(&elsewhere.staff_path("/timeline"))
            .await
            .is_problem(404, "not-found");

        let before = app.footprint();
        let act = admin.request(Method::POST, &here.staff_path("/actions"));
        let acted = act.if_match(screen.etag()).json(&note).send().await;
        acted.is_problem(403, "forbidden");
        let patch = json!({"tags": ["visto"]});
        let patched = admin
            .patch(&here.staff_path(""), screen.etag(), &patch)
            .await;
        patched.is_problem(403, "forbidden");
        let file = here.staff_path(&format!(
            "/attachments/{}",
            screen.text_at("/attachments/0/id")
        ));
        admin.get(&file).await.is_problem(403, "forbidden");
        let search = json!({"tax_code": ANNA.tax_code});
        let searched = admin.post("/v1/ticket-searches", &search).await;
        searched.is_problem(403, "forbidden");
        let stated = json!({"purpose": "complaint", "reason": "Vorrei vedere tutto."});
        for path in ["/disclosures", "/inspections"] {
            let refused = admin.post(&here.staff_path(path), &stated).await;
            refused.is_problem(403, "forbidden");
        }
        assert_eq!(app.footprint(), before, "something was written");
    }
);

both!(
    a_grant_for_one_request_opens_that_one,
    with_officer(),
    async |app| {
        let named = filed_at(app, TO4).await;
        let other = filed_at(app, TO4).await;
        let mut wish = wish();
        wish["authority_code"].take();
        wish["ticket"] = json!(named.number);
        let grant = open(app, &wish).await;
        let admin = app.as_("system-admin").await;
        admin.get(&named.staff_path("")).await.is(200);
        admin
            .get(&other.staff_path(""))
            .await
            .is_problem(404, "not-found");
        assert_eq!(admin.get("/v1/tickets").await.list_at("/items").len(), 1);
        // It goes on with the request, whoever has it.
        let listed = app.as_("auditor").await.get("/v1/break-glass-grants").await;
        assert_eq!(listed.text_at("/items/0/id"), grant);
        assert_eq!(listed.text_at("/items/0/ticket_id"), named.id);
        assert_eq!(listed.json["items"][0]["authority"], Value::Null);
    }
);

both!(whoever_asked_cannot_agree, with_officer(), async |app| {
    let filed = filed_at(app, TO4).await;
    let grant = ask(app, &wish()).await;
    let asker = app.as_("system-admin").await;
    let refused = step(&asker, &grant, "approvals").await;
    refused.is_problem(403, "second-person-required");
    asker
        .get(&filed.staff_path(""))
        .await
        .is_problem(403, "forbidden");
    for who in ["region.operator", "to4.admin", "auditor"] {
        let refused = step(&app.as_(who).await, &grant, "approvals").await;
        refused.is_problem(403, "forbidden");
    }
    let second = app.as_("region.supervisor").await;
    let never = "01990000-0000-7000-8000-000000000000";
    step(&second, never, "approvals")
        .await
        .is_problem(404, "not-found");
    step(&second, &grant, "approvals").await.is(201);
    let again = step(&second, &grant, "approvals").await;
    again.is_problem(409, "grant-step-not-allowed");
    assert_eq!(again.text_at("/state"), "in-force");
    // Another system administrator would have done as well, and does not read with it.
    let placement = [(
        domain::actor::Role::SystemAdmin,
        tests::people::REGION.into(),
        "REG010-01".to_owned(),
        "Sede".to_owned(),
    )];
    let label = "Persona seconda";
    app.desk
        .add_account("second.admin", label, tests::people::PASSWORD, &placement)
        .expect("an account");
    let other = app.as_("second.admin").await;
    other
        .get(&filed.staff_path(""))
        .await
        .is_problem(403, "forbidden");
});

both!(
    a_grant_ends_with_its_hours_on_every_node,
    with_officer(),
    async |app| {
        let filed = filed_at(app, TO4).await;
        let node = app.another_node();
        open(app, &wish()).await;
        app.advance("PT1H59M");
        let admin = app.as_("system-admin").await;
        let there = node.with_token(admin.token());
        admin.get(&filed.staff_path("")).await.is(200);
        there.get(&filed.staff_path("")).await.is(200);
        app.advance("PT1M");
        for client in [&admin, &there] {
            let over = client.get(&filed.staff_path("")).await;
            over.is_problem(403, "forbidden");
            client.get("/v1/tickets").await.is_problem(403, "forbidden");
        }
        let listed = app.as_("auditor").await.get("/v1/break-glass-grants").await;
        assert_eq!(listed.text_at("/items/0/state"), "expired");
        // The next one has to be asked for, and can be.
        ask(app, &wish()).await;
    }
);

both!(
    either_ends_a_grant_at_once_on_every_node,
    with_officer(),
    async |app| {
        let filed = filed_at(app, TO4).await;
        let node = app.another_node();
        for who in ["region.supervisor", "system-admin"] {
            app.advance("PT1M");
            let grant = open(app, &wish()).await;
            let admin = app.as_("system-admin").await;
            let there = node.with_token(admin.token());
            there.get(&filed.staff_path("")).await.is(200);
            let ended = step(&app.as_(who).await, &grant, "ends").await;
            assert_eq!(ended.is(201).text_at("/state"), "ended");
            there
                .get(&filed.staff_path(""))
                .await
                .is_problem(403, "forbidden");
            let again = step(&app.as_(who).await, &grant, "ends").await;
            again.is_problem(409, "grant-step-not-allowed");
            assert_eq!(again.text_at("/state"), "ended");
        }
        let listed = app.as_("auditor").await.get("/v1/break-glass-grants").await;
        let ended = listed
            .list_at("/items")
            .iter()
            .map(|one| &one["ended_by"]["label"]);
        let ended: Vec<_> = ended.collect();
        assert_eq!(ended, ["Persona system admin", "Persona region supervisor"]);
    }
);

both!(
    a_grant_that_nobody_agreed_to_is_void_after_a_day,
    with_officer(),
    async |app| {
        let grant = ask(app, &wish()).await;
        app.advance("PT24H");
        let second = app.as_("region.supervisor").await;
        let refused = step(&second, &grant, "approvals").await;
        refused.is_problem(409, "grant-step-not-allowed");
        assert_eq!(refused.text_at("/state"), "void");
        // Agreed to in time, it ends a day after it was asked for at the latest.
        let grant = ask(app, &wish()).await;
        app.advance("PT23H");
        let second = app.as_("region.supervisor").await;
        let approved = step(&second, &grant, "approvals").await;
        let ends_at: jiff::Timestamp = approved
            .is(201)
            .text_at("/ends_at")
            .parse()
            .expect("a time");
        assert_eq!(
            ends_at.duration_since(app.now()),
            jiff::SignedDuration::from_hours(1)
        );
    }
);

both!(
    the_officer_is_told_of_each_step_and_of_nobody,
    with_officer(),
    async |app| {
        let filed = filed_at(app, TO4).await;
        // Quiet hours, in which nothing else leaves.
        app.advance("PT14H");
        let subjects = async || -> Vec<String> {
            let mails = app.mails_to(OFFICER).await;
            let line = |body: &str| {
                body.lines()
                    .find_map(|line| line.split_once(": "))
                    .map(|(step, _)| step.to_owned())
            };
            mails.iter().filter_map(|mail| line(&mail.body)).collect()
        };
        let grant = ask(app, &wish()).await;
        assert_eq!(subjects().await, ["Accesso chiesto"]);
        let second = app.as_("region.supervisor").await;
        step(&second, &grant, "approvals").await.is(201);
        assert_eq!(
            subjects().await.last().map(String::as_str),
            Some("Accesso approvato")
        );
        let admin = app.as_("system-admin").await;
        // What was not reached was not read.
        let none = "/v1/tickets/2026-0099999-X";
        admin.get(none).await.is(404);
        assert_eq!(subjects().await.len(), 2);
        for _ in 0..2 {
            admin.get(&filed.staff_path("")).await.is(200);
        }
        assert_eq!(subjects().await[2..], ["Primo utilizzo"]);
        app.advance("PT1H59M");
        assert_eq!(subjects().await.len(), 3);
        app.advance("PT1M");
        assert_eq!(subjects().await[3..], ["Accesso terminato"]);

        // Ended before its time: told of at once, and once.
        let grant = open(app, &wish()).await;
        step(&app.as_("system-admin").await, &grant, "ends")
            .await
            .is(201);
        let mut told = subjects().await.split_off(4);
        told.sort();
        assert_eq!(
            told,
            ["Accesso approvato", "Accesso chiesto", "Accesso terminato"]
        );
        // Never agreed to: its end is told of, too.
        ask(app, &wish()).await;
        app.advance("PT24H");
        assert_eq!(
            subjects().await[7..],
            ["Accesso chiesto", "Accesso terminato"]
        );

        for mail in app.mails_to(OFFICER).await {
            let whole = format!("{} {} {}", mail.subject, mail.body, mail.html);
            assert!(
                whole.contains("ASL TO4") || whole.contains("TO4"),
                "{}",
                mail.body
            );
            for secret in [
                ANNA.tax_code,
                ANNA.email,
                ANNA.given_name,
                ANNA.family_name,
                MARIO.family_name,
                "signora",
                "Persona",
                "system-admin",
                filed.number.as_str(),
                filed.id.as_str(),
            ] {
                assert!(!whole.contains(secret), "{secret} in {}", mail.body);
            }
        }
    }
);

both!(
    without_an_officer_to_tell_there_is_no_break_glass,
    async |app| {
        let asker = app.as_("system-admin").await;
        let refused = asker.post("/v1/break-glass-grants", &wish()).await;
        refused.is_problem(409, "privacy-officer-missing");
        assert_eq!(app.count("break_glass_grants"), 0);
    }
);

both!(
    what_is_asked_for_is_checked_and_one_at_a_time,
    with_officer(),
    async |app| {
        let asker = app.as_("system-admin").await;
        let path = "/v1/break-glass-grants";
        let refused = asker.post(path, &json!({})).await;
        refused.is_problem(422, "validation-error").has_errors(&[
            ("/authority_code", "required"),
            ("/hours", "required"),
            ("/purpose", "required"),
            ("/reason", "required"),
        ]);
        for (member, value, pointer, code) in [
            (
                "authority_code",
                json!("nowhere"),
                "/authority_code",
                "not-in-list",
            ),
            ("ticket", json!("2026-0000001-A"), "/ticket", "not-allowed"),
            ("hours", json!(9), "/hours", "out-of-range"),
            ("hours", json!(0), "/hours", "out-of-range"),
            ("reason", json!("Perché"), "/reason", "too-short"),
            ("purpose", json!("debugging"), "/purpose", "not-in-list"),
            ("who", json!("me"), "/who", "unknown-field"),
        ] {
            let mut wish = wish();
            wish[member] = value;
            let refused = asker.post(path, &wish).await;
            refused
                .is_problem(422, "validation-error")
                .has_errors(&[(pointer, code)]);
        }
        let mut unknown = wish();
        unknown["authority_code"].take();
        unknown["ticket"] = json!("2026-0099999-X");
        let refused = asker.post(path, &unknown).await;
        refused
            .is_problem(422, "validation-error")
            .has_errors(&[("/ticket", "not-in-list")]);
        assert_eq!(app.count("break_glass_grants"), 0);
        assert!(app.mails_to(OFFICER).await.is_empty());

        let grant = ask(app, &wish()).await;
        let second = asker.post(path, &wish()).await;
        second.is_problem(409, "grant-open");
        step(&asker, &grant, "ends").await.is(201);
        ask(app, &wish()).await;
    }
);

both!(
    asking_again_under_one_key_asks_once,
    with_officer(),
    async |app| {
        let asker = app.as_("system-admin").await;
        let ask = async || {
            let request = asker.request(Method::POST, "/v1/break-glass-grants");
            request.key("emergenza").json(&wish()).send().await
        };
        let first = ask().await;
        assert_eq!(ask().await.is(201).json, first.is(201).json);
        assert_eq!(app.count("break_glass_grants"), 1);
        assert_eq!(app.mails_to(OFFICER).await.len(), 1);
    }
);

both!(
    auditors_see_who_asked_who_agreed_and_why,
    with_officer(),
    async |app| {
        let filed = filed_at(app, TO4).await;
        open(app, &wish()).await;
        let reading = app.as_("system-admin").await;
        reading.get(&filed.staff_path("")).await.is(200);
        let listed = app.as_("auditor").await.get("/v1/break-glass-grants").await;
        let item = &listed.is(200).list_at("/items")[0];
        assert_eq!(item["state"], "in-force");
        assert_eq!(item["authority"]["code"], TO4);
        assert_eq!(item["purpose"], "security-incident");
        assert_eq!(item["reason"], wish()["reason"]);
        assert_eq!(item["asked_by"]["label"], "Persona system admin");
        assert_eq!(item["approved_by"]["label"], "Persona region supervisor");
        assert_eq!(item["first_used_at"], json!(app.now().to_string()));
        assert_eq!(item["ended_by"], Value::Null);
    }
);

both!(
    the_trail_names_the_grant_that_was_used,
    with_officer(),
    async |app| {
        let filed = filed_at(app, TO4).await;
        let grant = open(app, &wish()).await;
        let keeper = app.as_("system-admin").await;
        let shown = keeper.screen(&filed.id).await;
        let wanted = format!("break-glass:{grant}");
        let entries = app.trail_of(&shown);
        assert!(entries.iter().any(|one| {
            one.purpose.as_ref() == Some(&wanted)
                && one.tickets.iter().any(|id| id.to_string() == filed.id)
        }));
    }
);

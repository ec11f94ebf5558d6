//! Acting for somebody else (ID-6): the source is asked at each use, and what is revoked closes at
//! once.

use std::time::Duration;

use domain::tax_code::TaxCode;
use reqwest::Method;
use serde_json::json;
use tests::app::{Delegations, Options};
use tests::citizens::{ANNA, LAURA, MARIO};
use tests::delegation_service::{Answer, DelegationService};
use tests::opening::DELEGATIONS_TOKEN;
use tests::people::TO4;
use tests::{Client, Filed, Person, Place, Reply, TestApp, both, files, forms, running};

fn code(person: &Person) -> TaxCode {
    TaxCode::parse(person.tax_code, false).unwrap()
}

/// Lets Mario act for Anna, by the table.
fn delegate(app: &TestApp) {
    let added = app
        .desk
        .add_delegation(code(&MARIO), code(&ANNA), None, None);
    assert!(added.unwrap());
}

fn revoke(app: &TestApp) {
    let revoked = app.desk.revoke_delegation(code(&MARIO), code(&ANNA));
    assert_eq!(revoked.unwrap(), 1);
}

/// The numbers in somebody's list, and whether each is about somebody else.
async fn list(client: &Client) -> Vec<(String, bool)> {
    let page = client.get("/v1/me/tickets").await;
    let items = page.is(200).list_at("/items");
    let row = |item: &serde_json::Value| {
        let number = item["number"].as_str().unwrap().to_owned();
        (number, item["on_behalf_of"].as_bool().unwrap())
    };
    items.iter().map(row).collect()
}

/// Every way to a ticket, in a way that changes nothing unless it is open.
async fn is_out_of_reach(client: &Client, filed: &Filed, file: &str) {
    let message = json!({"body": "C'è nessuno?"});
    let download = filed.own_path(&format!("/attachments/{file}"));
    for reply in [
        client.get(&filed.own_path("")).await,
        client
            .get(&format!("/v1/me/tickets/{}", filed.number))
            .await,
        client.get(&download).await,
        client.post(&filed.own_path("/messages"), &message).await,
        client
            .post(&filed.own_path("/withdrawal"), &json!({}))
            .await,
    ] {
        reply.is_problem(404, "not-found");
    }
}

async fn refused(app: &TestApp, client: &Client) {
    let before = app.footprint();
    let form = forms::report_not_found_for(&ANNA, TO4);
    for reply in [
        client.post("/v1/tickets", &form).await,
        client
            .post_form("/v1/tickets", &form, &[files::pdf(500)])
            .await,
    ] {
        reply.is_problem(422, "validation-error");
        reply.has_errors(&[("/on_behalf_of", "delegation-missing")]);
    }
    assert_eq!(app.footprint(), before, "something was written");
}

both!(
    a_delegate_files_and_reads_until_the_delegation_is_revoked,
    Options::with_table(),
    async |app| {
        let mario = app.citizen(&MARIO);
        refused(app, &mario).await;
        delegate(app);
        let form = forms::report_not_found_for(&ANNA, TO4);
        let filed = app.file_as(&MARIO, &form, &[files::pdf(500)]).await;

        let screen = mario.get(&filed.own_path("")).await;
        assert_eq!(screen.is(200).json["on_behalf_of"], true);
        assert!(!screen.text().contains(ANNA.tax_code), "a yes is enough");
        assert_eq!(list(&mario).await, [(filed.number.clone(), true)]);
        let file = screen.text_at("/attachments/0/id").to_owned();
        let download = filed.own_path(&format!("/attachments/{file}"));
        mario.get(&download).await.is(200);
        let message = json!({"body": "Scrivo per Anna."});
        let said = mario.post(&filed.own_path("/messages"), &message).await;
        assert_eq!(said.is(201).json["ticket"]["on_behalf_of"], true);

        let staff = app.as_("to4.operator").await.screen(&filed.id).await;
        assert_eq!(staff.text_at("/requester/tax_code"), ANNA.tax_code);
        assert_eq!(staff.text_at("/requester/given_name"), ANNA.given_name);
        assert_eq!(staff.text_at("/requester/email"), MARIO.email);
        assert_eq!(staff.text_at("/requester/requester_role"), "delegate");
        is_out_of_reach(&app.citizen(&LAURA), &filed, &file).await;

        revoke(app);
        let before = app.footprint();
        is_out_of_reach(&mario, &filed, &file).await;
        assert_eq!(list(&mario).await, []);
        assert_eq!(app.footprint(), before, "something was written");
        refused(app, &mario).await;
    }
);

both!(
    a_delegate_reads_the_delegators_own_tickets_while_it_lasts,
    Options::with_table(),
    async |app| {
        let form = forms::report_not_found_logged_in(TO4);
        let annas = app.file_as(&ANNA, &form, &[files::pdf(500)]).await;
        let marios = app.file_as(&MARIO, &form, &[]).await;
        let (anna, mario) = (app.citizen(&ANNA), app.citizen(&MARIO));
        let screen = anna.get(&annas.own_path("")).await;
        let file = screen.text_at("/attachments/0/id").to_owned();
        is_out_of_reach(&mario, &annas, &file).await;

        let end = app.now() + jiff::SignedDuration::from_mins(10);
        let added = app
            .desk
            .add_delegation(code(&MARIO), code(&ANNA), None, Some(end));
        assert!(added.unwrap());
        let both = [(marios.number.clone(), false), (annas.number.clone(), true)];
        assert_eq!(list(&mario).await, both);
        let screen = mario.get(&annas.own_path("")).await;
        assert_eq!(
            screen.is(200).text_at("/messages/0/author_label"),
            "Richiedente"
        );
        assert_eq!(list(&anna).await, [(annas.number.clone(), false)]);
        is_out_of_reach(&anna, &marios, &file).await;
        is_out_of_reach(&app.citizen(&LAURA), &annas, &file).await;

        app.advance("PT10M");
        is_out_of_reach(&mario, &annas, &file).await;
        assert_eq!(list(&mario).await, [(marios.number, false)]);
    }
);

both!(
    a_kept_answer_does_not_outlive_the_delegation,
    Options::with_table(),
    async |app| {
        delegate(app);
        let mario = app.citizen(&MARIO);
        let send = async |target: String, body, key| -> Reply {
            let request = mario.request(Method::POST, &target).key(key);
            request.json(&body).send().await
        };
        let form = forms::report_not_found_for(&ANNA, TO4);
        let file = || send("/v1/tickets".to_owned(), form.clone(), "file");
        let filed = file().await;
        let own = format!("/v1/me/tickets/{}", filed.is(201).text_at("/id"));
        let write = || {
            send(
                format!("{own}/messages"),
                json!({"body": "Allora?"}),
                "write",
            )
        };
        let withdraw = || send(format!("{own}/withdrawal"), json!({}), "withdraw");
        write().await.is(201);
        withdraw().await.is(201);
        for again in [file().await, write().await, withdraw().await] {
            assert_eq!(again.is(201).header("idempotency-replayed"), Some("true"));
        }

        revoke(app);
        file().await.is_problem(422, "validation-error");
        write().await.is_problem(404, "not-found");
        withdraw().await.is_problem(404, "not-found");
    }
);

both!(without_a_source_nobody_acts_for_anybody, async |app| {
    delegate(app); // into a table that nobody asks
    let mario = app.citizen(&MARIO);
    refused(app, &mario).await;
    let mut form = forms::report_not_found_logged_in(TO4);
    form["on_behalf_of"] = json!(MARIO.tax_code);
    let filed = mario.post("/v1/tickets", &form).await;
    assert_eq!(filed.is(201).json["on_behalf_of"], false);
});

both!(
    a_person_acts_for_so_many_others_at_most,
    Options::with_table(),
    async |app| {
        for number in 0..20 {
            let other = TaxCode::parse(&format!("8{number:010}"), false).unwrap();
            let added = app.desk.add_delegation(code(&MARIO), other, None, None);
            assert!(added.unwrap(), "{number}");
        }
        let one_more = app
            .desk
            .add_delegation(code(&MARIO), code(&ANNA), None, None);
        assert!(!one_more.unwrap());
        assert_eq!(list(&app.citizen(&MARIO)).await, []);
    }
);

/// Runs a test on each database against a service that answers like this.
fn with_service(
    answer: Answer,
    timeout: Duration,
    test: impl AsyncFn(&TestApp, &DelegationService),
) {
    for place in [Place::Sqlite, Place::Postgres] {
        let service = DelegationService::start(answer.clone());
        let options = Options {
            delegations: Delegations::Http(service.url.clone(), timeout),
            ..Options::default()
        };
        running::run(place, options, async |app| test(app, &service).await);
    }
}

const PATIENT: Duration = Duration::from_secs(20);

#[test]
fn a_service_is_asked_at_each_use() {
    let answer = Answer::Delegators(vec![ANNA.tax_code]);
    with_service(answer, PATIENT, async |app, service| {
        let mario = app.citizen(&MARIO);
        let form = forms::report_not_found_for(&ANNA, TO4);
        let filed = app.file_as(&MARIO, &form, &[files::pdf(500)]).await;
        let screen = mario.get(&filed.own_path("")).await;
        let file = screen.is(200).text_at("/attachments/0/id").to_owned();
        let message = json!({"body": "Scrivo per Anna."});
        let said = mario.post(&filed.own_path("/messages"), &message).await;
        said.is(201);
        assert_eq!(list(&mario).await.len(), 1);

        let questions = service.questions();
        assert_eq!(questions.len(), 4, "filing, screen, message, list");
        for question in questions {
            assert_eq!(question.path, "/active");
            assert_eq!(
                question.body,
                json!({"delegate": MARIO.tax_code}).to_string()
            );
            assert_eq!(
                question.authorization,
                format!("Bearer {DELEGATIONS_TOKEN}")
            );
        }

        service.answers(Answer::Delegators(vec![]));
        is_out_of_reach(&mario, &filed, &file).await;
        assert_eq!(list(&mario).await, []);
        refused(app, &mario).await;
        service.questions();
        // Nobody is asked about who files for themselves, without a token, or as staff.
        app.file_as(&MARIO, &forms::report_not_found_logged_in(TO4), &[])
            .await;
        let anonymous = forms::report_not_found(&LAURA, TO4);
        let tracked = app.file_anonymous(&anonymous, &[]).await;
        let tracking = app.tracking(&tracked).await;
        assert_eq!(list(&tracking).await, [(tracked.number, false)]);
        assert!(service.questions().is_empty());
    });
}

#[test]
fn nobody_is_their_own_delegate() {
    let answer = Answer::Delegators(vec![MARIO.tax_code]);
    with_service(answer, PATIENT, async |app, _| {
        let (given, family) = (MARIO.given_name, MARIO.family_name);
        let mut claims = app
            .issuer
            .claims(MARIO.tax_code, given, family, MARIO.email, app.now());
        claims["sub"] = json!("another-subject");
        let elsewhere = app.with_token(app.issuer.key.sign(&claims).unwrap());
        let form = forms::report_not_found_logged_in(TO4);
        elsewhere.post("/v1/tickets", &form).await.is(201);
        assert_eq!(list(&elsewhere).await.len(), 1);
        assert_eq!(list(&app.citizen(&MARIO)).await, []);
    });
}

/// What holds while the service says nothing that can be used.
async fn stays_closed(app: &TestApp, annas: &Filed) {
    let (mario, form) = (app.citizen(&MARIO), forms::report_not_found_logged_in(TO4));
    let own = app.file_as(&MARIO, &form, &[]).await;
    let before = app.footprint();
    let form = forms::report_not_found_for(&ANNA, TO4);
    let reply = mario.post("/v1/tickets", &form).await;
    reply.is_problem(503, "temporarily-unavailable");
    assert!(reply.header("retry-after").is_some(), "{reply}");
    assert_eq!(app.footprint(), before, "something was written");

    mario
        .get(&annas.own_path(""))
        .await
        .is_problem(404, "not-found");
    mario.get(&own.own_path("")).await.is(200);
    let shown = list(&mario).await;
    assert!(shown.contains(&(own.number, false)));
    assert!(shown.iter().all(|(number, _)| *number != annas.number));
}

#[test]
fn a_service_that_fails_closes_what_is_delegated_and_nothing_else() {
    let answer = Answer::Delegators(vec![ANNA.tax_code]);
    with_service(answer, PATIENT, async |app, service| {
        let form = forms::report_not_found_for(&ANNA, TO4);
        let annas = app.file_as(&MARIO, &form, &[]).await;
        for bad in [
            Answer::Status(500),
            Answer::Status(404),
            Answer::Redirect(vec![ANNA.tax_code]),
            Answer::Huge,
            Answer::Text("no"),
            Answer::Text(r#"{"delegators": ["ANNA"]}"#),
        ] {
            service.answers(bad);
            service.questions();
            stays_closed(app, &annas).await;
            let paths = service.questions().into_iter().map(|one| one.path);
            assert!(paths.into_iter().all(|path| path == "/active"), "followed");
        }
        service.answers(Answer::Delegators(vec![ANNA.tax_code]));
        app.citizen(&MARIO).get(&annas.own_path("")).await.is(200);
    });
}

#[test]
fn a_service_that_hangs_is_not_waited_for() {
    with_service(
        Answer::Hang,
        Duration::from_millis(200),
        async |app, service| {
            let form = forms::report_not_found_logged_in(TO4);
            let annas = app.file_as(&ANNA, &form, &[]).await;
            stays_closed(app, &annas).await;
            assert!(!service.questions().is_empty());
        },
    );
}

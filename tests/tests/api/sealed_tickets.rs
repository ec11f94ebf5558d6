//! Sealed requesters, as people meet them: found as they were typed, never shown from a row that was
//! touched, and a dash where the keys are gone.

use serde_json::{Value, json};
use storage::{StoreError, data_keys};
use tests::citizens::{ANNA, MARIO, Person};
use tests::people::{CN1, TO4};
use tests::{Client, Filed, TestApp, both, forms};

/// Somebody whose name is written in many ways.
const ALI: Person = Person {
    family_name: "D'Alì",
    email: "Ada.Dali@example.org",
    ..ANNA
};

async fn file(app: &TestApp, person: &Person, authority: &str) -> Filed {
    let form = forms::report_not_found(person, authority);
    app.file_anonymous(&form, &[]).await
}

/// The numbers a search finds, oldest first.
async fn found(client: &Client, search: &Value) -> Vec<String> {
    let mut search = search.clone();
    search["sort"] = json!("created_at");
    let reply = client.post("/v1/ticket-searches", &search).await;
    let items = reply.is(200).list_at("/items").iter();
    items
        .map(|item| item["number"].as_str().unwrap().to_owned())
        .collect()
}

both!(
    a_search_finds_a_person_however_their_data_are_typed,
    async |app| {
        let here = file(app, &ALI, TO4).await;
        app.advance("PT1M");
        let there = file(app, &ALI, CN1).await;
        app.advance("PT1M");
        let mut with_phone = forms::report_not_found(&MARIO, TO4);
        with_phone["requester_role"] = json!("altro");
        with_phone["phone"] = json!("011 4321111");
        let operator = app.as_("to4.operator").await;
        let called = operator.post("/v1/tickets", &with_phone).await;
        let called = called.is(201).text_at("/number").to_owned();

        let region = app.as_("region.operator").await;
        let stranger = app.as_("cn1.operator").await;
        for search in [
            json!({"tax_code": ALI.tax_code}),
            json!({"tax_code": ALI.tax_code.to_lowercase()}),
            json!({"email": ALI.email}),
            json!({"email": "ada.dali@EXAMPLE.org"}),
            json!({"family_name": "D'Alì"}),
            json!({"family_name": "D’ALI'"}),
            json!({"family_name": "dali"}),
            json!({"family_name": "D Ali\u{300}"}),
        ] {
            let both = [here.number.clone(), there.number.clone()];
            assert_eq!(found(&region, &search).await, both, "{search}");
            assert_eq!(found(&operator, &search).await, both[..1], "{search}");
            assert_eq!(found(&stranger, &search).await, both[1..], "{search}");
        }
        for phone in ["0114321111", "+39 011 432 1111"] {
            let search = json!({"phone": phone});
            assert_eq!(found(&region, &search).await, [called.as_str()], "{phone}");
            assert!(found(&stranger, &search).await.is_empty(), "{phone}");
        }
        for other in ["Dal", "Bianchi", "Dalia"] {
            assert!(
                found(&region, &json!({"family_name": other}))
                    .await
                    .is_empty()
            );
        }
    }
);

both!(
    a_row_that_was_touched_is_an_error_without_content,
    async |app| {
        let (touched, other) = (file(app, &ALI, TO4).await, file(app, &MARIO, TO4).await);
        app.execute(&format!(
            "UPDATE tickets SET dossier = (SELECT theirs.dossier FROM tickets AS theirs \
             WHERE theirs.number = '{}') WHERE number = '{}'",
            other.number, touched.number
        ));
        let operator = app.as_("to4.operator").await;
        operator.screen(&other.id).await;
        let before = app.footprint();
        let action = json!({"action": "take"}).to_string();
        let act = format!(
            "If-Match: \"1\"\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{action}",
            action.len()
        );
        let target = format!("/v1/tickets/{}", touched.id);
        for (method, target, rest) in [
            ("GET", target.clone(), "\r\n"),
            ("GET", "/v1/tickets".to_owned(), "\r\n"),
            ("POST", format!("{target}/actions"), act.as_str()),
        ] {
            let token = operator.token();
            let head = format!("Host: localhost\r\nAuthorization: Bearer {token}\r\n");
            let request = format!("{method} {target} HTTP/1.1\r\n{head}{rest}");
            // Asked below the level where each answer of ours must be faultless.
            let answer = app.exchange(request.as_bytes()).await.unwrap();
            let answer = String::from_utf8(answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
            assert!(answer.contains("/problems/internal-error"), "{answer}");
            for person in [ALI, MARIO] {
                for text in [person.tax_code, person.family_name, person.email] {
                    assert!(!answer.contains(text), "{text}: {answer}");
                }
            }
            assert!(!answer.contains("dossier"), "{answer}");
        }
        assert_eq!(app.footprint(), before);
    }
);

/// Destroys the keys of a desk, which goes on with another.
fn destroy_keys(app: &TestApp, desk: &'static str) {
    app.execute(&format!(
        "UPDATE data_keys SET wrapped = NULL, retired_at = created_at, destroyed_at = created_at \
         WHERE desk = '{desk}'"
    ));
    let (keyring, now) = (app.db.keyring().unwrap(), app.now());
    let made = app.db.write(move |conn| {
        data_keys::add(conn, keyring.master(), desk, now)?;
        Ok::<_, StoreError>(())
    });
    made.unwrap();
    app.db.keyring().unwrap().reload().unwrap();
}

both!(
    where_the_keys_are_gone_everything_of_a_requester_is_a_dash,
    async |app| {
        let gone = file(app, &ALI, TO4).await;
        app.advance("PT1M");
        let elsewhere = file(app, &ALI, CN1).await;
        let mails = app.mails().await.len();
        destroy_keys(app, TO4);

        let operator = app.as_("to4.operator").await;
        let screen = operator.screen(&gone.id).await;
        for member in ["given_name", "family_name", "tax_code", "email", "phone"] {
            assert_eq!(screen.json["requester"][member], "—", "{member}: {screen}");
        }
        let list = operator.get("/v1/tickets").await;
        assert_eq!(list.is(200).list_at("/items").len(), 1);
        operator
            .act(&gone.id, &json!({"action": "take"}))
            .await
            .is(201);
        let question = json!({"body": "Manca la data.", "published": true});
        let ask = json!({"action": "ask-info", "note": question});
        operator.act(&gone.id, &ask).await.is(201);
        let told = app.mails().await;
        let told: Vec<&str> = told
            .iter()
            .skip(mails)
            .map(|mail| mail.to.as_str())
            .collect();
        assert!(
            !told.contains(&"—") && !told.contains(&ALI.email),
            "{told:?}"
        );

        let region = app.as_("region.operator").await;
        let search = json!({"tax_code": ALI.tax_code});
        assert_eq!(found(&region, &search).await, [elsewhere.number.as_str()]);
        region.screen(&elsewhere.id).await;
        // The desk works on, for the same person as well.
        let again = file(app, &ALI, TO4).await;
        assert_eq!(found(&operator, &search).await, [again.number.as_str()]);
    }
);

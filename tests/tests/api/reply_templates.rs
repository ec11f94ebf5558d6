//! Words kept ready for notes: who writes them, where they fit, and that they are counted.

use reqwest::Method;
use serde_json::{Value, json};
use tests::citizens::{ANNA, MARIO};
use tests::client::Reply;
use tests::people::{CN1, TO4};
use tests::requester::Filed;
use tests::{Client, TestApp, both, forms};

const BODY: &str = "Buongiorno, la richiesta {{ number }} per {{ service_label }} è di {{ authority_label }}. \
    Oggi è il {{ today }}: se non scrive si chiude il {{ closes_on }}. Codice: [[ codice ]].";

async fn file(app: &TestApp, authority: &str, problem_type: &str) -> Filed {
    let mut form = forms::report_not_found_logged_in(authority);
    form["problem_type"] = json!(problem_type);
    app.file_as(&MARIO, &form, &[]).await
}

fn question() -> Value {
    json!({
        "actions": ["ask-info"], "audience": "citizen",
        "label": {"it": "Chiedi il codice", "en": "Ask for the code"},
        "body": {"it": BODY, "en": "Request {{ number }}: please send [[ what ]]."},
    })
}

fn with(mut body: Value, member: &str, value: impl Into<Value>) -> Value {
    body[member] = value.into();
    body
}

async fn add(client: &Client, body: &Value) -> String {
    let reply = client.post("/v1/reply-templates", body).await;
    reply.is(201).text_at("/id").to_owned()
}

async fn fitting(client: &Client, ticket: &Filed) -> Reply {
    let reply = client.get(&ticket.staff_path("/reply-templates")).await;
    reply.is(200);
    reply
}

fn ids(reply: &Reply) -> Vec<String> {
    let items = reply.is(200).list_at("/items").iter();
    let id = |item: &Value| item["id"].as_str().expect("an id").to_owned();
    items.map(id).collect()
}

async fn change(client: &Client, method: Method, id: &str, etag: &str, body: &Value) -> Reply {
    let request = client.request(method, &format!("/v1/reply-templates/{id}"));
    request.if_match(etag).json(body).send().await
}

both!(
    a_template_is_written_read_changed_and_retired,
    async |app| {
        let supervisor = app.as_("to4.supervisor").await;
        let added = supervisor.post("/v1/reply-templates", &question()).await;
        let path = added.is(201).header("location").expect("where it is");
        let id = added.text_at("/id").to_owned();
        assert_eq!(path, format!("/v1/reply-templates/{id}"));
        assert_eq!(added.text_at("/authority_code"), TO4);
        assert_eq!(added.json["used_count"], 0);

        let operator = app.as_("to4.operator").await;
        let seen = operator.get(path).await;
        assert_eq!(seen.is(200).json, added.json);
        let new = with(question(), "states", json!(["new"]));
        supervisor
            .put(path, &new)
            .await
            .is_problem(428, "precondition-required");
        change(&supervisor, Method::PUT, &id, "\"9\"", &new)
            .await
            .is_problem(412, "precondition-failed");
        let changed = change(&supervisor, Method::PUT, &id, seen.etag(), &new).await;
        assert_eq!(changed.is(200).json["states"], json!(["new"]));
        assert_eq!(changed.json["version"], 2);

        let nothing = json!({});
        change(&supervisor, Method::DELETE, &id, seen.etag(), &nothing)
            .await
            .is(412);
        change(&supervisor, Method::DELETE, &id, changed.etag(), &nothing)
            .await
            .is(204);
        operator.get(path).await.is_problem(404, "not-found");
        change(&supervisor, Method::PUT, &id, "\"3\"", &new)
            .await
            .is(404);
        assert!(ids(&operator.get("/v1/reply-templates").await).is_empty());
        let retired = operator.get("/v1/reply-templates?retired=true").await;
        assert_eq!(ids(&retired), [id]);
        assert!(retired.json["items"][0]["retired_at"].is_string());
    }
);

both!(
    a_desk_uses_its_own_templates_and_those_the_region_shares,
    async |app| {
        let own = add(&app.as_("to4.supervisor").await, &question()).await;
        let region = app.as_("region.supervisor").await;
        let regional = add(&region, &question()).await;
        let shared = add(&region, &with(question(), "is_shared", true)).await;
        for (username, expected) in [
            ("to4.operator", vec![&shared, &own]),
            ("cn1.operator", vec![&shared]),
            ("region.operator", vec![&shared, &regional]),
        ] {
            let list = app.as_(username).await.get("/v1/reply-templates").await;
            let found = ids(&list);
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{username}");
        }
        // What is shared can be read by all and changed by the region; the rest is as if it were not.
        let cn1 = app.as_("cn1.supervisor").await;
        for (id, status) in [(&own, 404), (&regional, 404), (&shared, 403)] {
            let reply = change(&cn1, Method::PUT, id, "\"1\"", &question()).await;
            reply.is(status);
            let reply = change(&cn1, Method::DELETE, id, "\"1\"", &json!({})).await;
            reply.is(status);
        }
        cn1.get(&format!("/v1/reply-templates/{own}")).await.is(404);
        cn1.get(&format!("/v1/reply-templates/{shared}"))
            .await
            .is(200);
        cn1.post("/v1/reply-templates", &with(question(), "is_shared", true))
            .await
            .is(422)
            .has_errors(&[("/is_shared", "own-authority-only")]);
        let operator = app.as_("to4.operator").await;
        operator
            .post("/v1/reply-templates", &question())
            .await
            .is_problem(403, "forbidden");
    }
);

both!(every_bad_field_of_a_template_is_told_at_once, async |app| {
    let supervisor = app.as_("to4.supervisor").await;
    let shape = json!({
        "actions": ["fly"], "states": ["open", 7], "label": {"it": "a\nb"}, "body": "x", "colour": 1,
    });
    supervisor
        .post("/v1/reply-templates", &shape)
        .await
        .is(422)
        .has_errors(&[
            ("/actions/0", "not-in-list"),
            ("/states/0", "not-in-list"),
            ("/states/1", "invalid-type"),
            ("/audience", "required"),
            ("/label/it", "forbidden-chars"),
            ("/label/en", "required"),
            ("/body", "invalid-type"),
            ("/colour", "unknown-field"),
        ]);
    let meaning = json!({
        "service_code": "NIENTE", "problem_type": "altro", "actions": ["hand-over", "note"],
        "audience": "citizen", "label": {"it": "A", "en": "A"},
        "body": {"it": "Gentile {{ given_name }}, {{ tax_code }}", "en": "{% if %} [[ a"},
    });
    let refused = supervisor.post("/v1/reply-templates", &meaning).await;
    refused.is(422).has_errors(&[
        ("/service_code", "not-in-list"),
        ("/actions/0", "audience-mismatch"),
        ("/body/it", "unknown-placeholder"),
        ("/body/it", "unknown-placeholder"),
        ("/body/en", "template-syntax"),
        ("/body/en", "template-syntax"),
    ]);
    for name in ["given_name", "tax_code"] {
        assert!(refused.text().contains(name), "the gap is named");
    }
    for (body, pointer, code) in [
        (
            with(question(), "problem_type", "errore-tecnico"),
            "/service_code",
            "required",
        ),
        (
            with(
                with(question(), "service_code", "FSE"),
                "problem_type",
                "niente",
            ),
            "/problem_type",
            "not-in-list",
        ),
        (
            with(question(), "actions", json!([])),
            "/actions",
            "required",
        ),
        (
            with(question(), "actions", json!(["publish-note"])),
            "/actions/0",
            "audience-mismatch",
        ),
    ] {
        let reply = supervisor.post("/v1/reply-templates", &body).await;
        reply.is(422).has_errors(&[(pointer, code)]);
    }
    assert_eq!(app.count("reply_templates"), 0);
});

both!(
    what_fits_a_ticket_is_offered_with_its_values_and_gaps,
    async |app| {
        let supervisor = app.as_("to4.supervisor").await;
        let fits = add(&supervisor, &question()).await;
        let of_type = with(
            with(question(), "service_code", "FSE"),
            "problem_type",
            "errore-tecnico",
        );
        let fits_type = add(&supervisor, &of_type).await;
        let other_service = with(question(), "service_code", "SIRVA");
        let other_type = with(of_type.clone(), "problem_type", "green-pass");
        let other_state = with(question(), "states", json!(["resolved"]));
        let mut other_action = with(question(), "actions", json!(["return"]));
        other_action["audience"] = json!("authority");
        for body in [other_service, other_type, other_state, other_action] {
            add(&supervisor, &body).await;
        }
        let ticket = file(app, TO4, "errore-tecnico").await;
        let operator = app.as_("to4.operator").await;
        let found = fitting(&operator, &ticket).await;
        assert_eq!(ids(&found), [fits_type, fits]);
        let one = &found.json["items"][0];
        let text = one["body"].as_str().expect("words");
        assert_eq!(
            text,
            format!(
                "Buongiorno, la richiesta {} per Ritiro e Consultazione documenti è di ASL TO4 \
                 (Ciriè, Chivasso-San Mauro, Settimo, Ivrea, Cuorgnè). Oggi è il \
                 02/03/2026: se non scrive si chiude il 09/03/2026. Codice: [[ codice ]].",
                ticket.number
            )
        );
        assert_eq!(one["missing"], json!(["codice"]));
        assert_eq!(one["length"], text.chars().count());
        assert_eq!(
            (&one["is_too_long"], &one["lang"], &one["actions"]),
            (&json!(false), &json!("it"), &json!(["ask-info"]))
        );

        let elsewhere = app.as_("cn1.operator").await;
        elsewhere
            .get(&ticket.staff_path("/reply-templates"))
            .await
            .is_problem(404, "not-found");
        assert!(ids(&fitting(&app.as_("to4.admin").await, &ticket).await).is_empty());
        let foreign = file(app, CN1, "errore-tecnico").await;
        assert!(ids(&fitting(&elsewhere, &foreign).await).is_empty());
    }
);

both!(
    the_requester_is_answered_in_their_language_and_colleagues_in_the_callers,
    async |app| {
        let supervisor = app.as_("to4.supervisor").await;
        add(&supervisor, &question()).await;
        let mut inside = with(question(), "actions", json!(["note"]));
        inside["audience"] = json!("team");
        add(&supervisor, &inside).await;
        let mut form = forms::report_not_found_logged_in(TO4);
        form["problem_type"] = json!("errore-tecnico");
        let request = app.citizen(&ANNA).request(Method::POST, "/v1/tickets");
        let filed = request
            .header("accept-language", "en")
            .json(&form)
            .send()
            .await;
        let path = format!(
            "/v1/tickets/{}/reply-templates",
            filed.is(201).text_at("/id")
        );
        let operator = app.as_("to4.operator").await;
        let found = operator.get(&path).await;
        let langs: Vec<_> = found
            .list_at("/items")
            .iter()
            .map(|one| {
                (
                    one["audience"].clone(),
                    one["lang"].clone(),
                    one["label"].clone(),
                )
            })
            .collect();
        let label = json!("Chiedi il codice");
        assert_eq!(
            langs,
            [
                (json!("team"), json!("it"), label.clone()),
                (json!("citizen"), json!("en"), label),
            ]
        );
        assert!(found.text().contains("please send [[ what ]]"));
    }
);

both!(words_that_become_too_long_say_so, async |app| {
    let supervisor = app.as_("to4.supervisor").await;
    let mut long = question();
    let body = "x".repeat(4_980) + "{{service_label}}";
    long["body"] = json!({"it": body, "en": "Short."});
    add(&supervisor, &long).await;
    let ticket = file(app, TO4, "errore-tecnico").await;
    let found = fitting(&supervisor, &ticket).await;
    assert_eq!(found.json["items"][0]["is_too_long"], true);
    assert_eq!(found.json["items"][0]["length"], 5_012);
});

fn ask(template: &str, body: &str) -> Value {
    json!({
        "action": "ask-info", "note": {"body": body, "published": true}, "reply_template": template,
    })
}

both!(
    a_note_written_with_a_template_is_counted_in_the_same_step,
    async |app| {
        let supervisor = app.as_("to4.supervisor").await;
        let (used, unused) = (
            add(&supervisor, &question()).await,
            add(&supervisor, &question()).await,
        );
        let operator = app.as_("to4.operator").await;
        let ticket = file(app, TO4, "errore-tecnico").await;
        let done = operator.act(&ticket.id, &ask(&used, "Quale codice?")).await;
        assert_eq!(done.is(201).text_at("/entry/audience"), "citizen");
        // Refused: the state does not allow it, so nothing is counted.
        operator
            .act(&ticket.id, &ask(&unused, "Quale codice?"))
            .await
            .is(409);
        let list = operator.get("/v1/reply-templates?sort=-used_count").await;
        assert_eq!(ids(&list), [used.clone(), unused.clone()]);
        assert_eq!(list.json["items"][0]["used_count"], 1);
        assert_eq!(
            list.json["items"][0]["last_used_at"],
            app.now().to_string().as_str()
        );
        assert_eq!(list.json["items"][0]["version"], 1, "as it was");
        assert_eq!(list.json["items"][1]["last_used_at"], Value::Null);

        let (mut found, mut next) = (Vec::new(), "limit=1".to_owned());
        for _ in 0..2 {
            let path = format!("/v1/reply-templates?sort=-used_count&{next}");
            let page = operator.get(&path).await;
            found.extend(ids(&page));
            next = format!(
                "limit=1&cursor={}",
                page.json["next_cursor"].as_str().unwrap_or("end")
            );
        }
        assert_eq!(found, [used, unused]);
        assert!(next.ends_with("=end"));
        operator
            .get("/v1/reply-templates?sort=label&retired=yes&colour=red")
            .await
            .is(400);
    }
);

both!(
    a_template_that_is_not_for_this_note_is_refused_and_nothing_is_written,
    async |app| {
        let supervisor = app.as_("to4.supervisor").await;
        let template = add(&supervisor, &question()).await;
        let foreign = add(&app.as_("cn1.supervisor").await, &question()).await;
        let both_ways = with(question(), "actions", json!(["ask-info", "note"]));
        let for_citizens = add(&supervisor, &both_ways).await;
        let operator = app.as_("to4.operator").await;
        let ticket = file(app, TO4, "errore-tecnico").await;
        let before = app.footprint();

        let mut for_region = ask(&template, "Quale codice?");
        for_region["expected_audience"] = json!("region");
        let mut wordless = ask(&template, "x");
        wordless.as_object_mut().expect("an action").remove("note");
        let mut other_action = ask(&template, "Quale codice?");
        other_action["action"] = json!("note");
        for (action, pointer, code) in [
            (ask(&foreign, "Quale?"), "/reply_template", "not-in-list"),
            (ask("nothing", "Quale?"), "/reply_template", "not-in-list"),
            (for_region, "/reply_template", "not-allowed"),
            (other_action, "/reply_template", "not-allowed"),
            (wordless, "/note", "required"),
            (
                ask(&template, "Il codice [[ codice ]]?"),
                "/note/body",
                "unfilled-gap",
            ),
        ] {
            let reply = operator.act(&ticket.id, &action).await;
            reply.is(422).has_errors(&[(pointer, code)]);
        }
        // Words for citizens do not go into an internal note.
        let inside = json!({
            "action": "note", "note": {"body": "Testo.", "published": false},
            "reply_template": for_citizens,
        });
        operator
            .act(&ticket.id, &inside)
            .await
            .is_problem(409, "audience-mismatch");
        assert_eq!(app.footprint(), before);
        assert_eq!(app.count("reply_templates WHERE used_count > 0"), 0);

        change(&supervisor, Method::DELETE, &template, "\"1\"", &json!({}))
            .await
            .is(204);
        operator
            .act(&ticket.id, &ask(&template, "Quale?"))
            .await
            .is(422)
            .has_errors(&[("/reply_template", "not-in-list")]);
    }
);

both!(
    many_tickets_answered_with_one_template_count_one_use_each,
    async |app| {
        let template = add(&app.as_("to4.supervisor").await, &question()).await;
        let operator = app.as_("to4.operator").await;
        let mut items = Vec::new();
        for _ in 0..2 {
            let ticket = file(app, TO4, "errore-tecnico").await;
            items.push(json!({"ticket": ticket.id, "version": 1}));
        }
        items.push(json!({"ticket": "nothing", "version": 1}));
        let body = json!({"items": items, "action": ask(&template, "Quale codice?")});
        let reply = operator.post("/v1/bulk-actions", &body).await;
        assert_eq!(reply.is(200).json["results"][1]["status"], 201);
        let seen = operator
            .get(&format!("/v1/reply-templates/{template}"))
            .await;
        assert_eq!(seen.json["used_count"], 2);
    }
);

both!(a_desk_keeps_at_most_two_hundred_templates, async |app| {
    let supervisor = app.as_("to4.supervisor").await;
    let first = add(&supervisor, &question()).await;
    for _ in 1..200 {
        add(&supervisor, &question()).await;
    }
    supervisor
        .post("/v1/reply-templates", &question())
        .await
        .is(422)
        .has_errors(&[("", "too-many-items")]);
    change(&supervisor, Method::DELETE, &first, "\"1\"", &json!({}))
        .await
        .is(204);
    add(&supervisor, &question()).await;
    let ticket = file(app, TO4, "errore-tecnico").await;
    assert_eq!(ids(&fitting(&supervisor, &ticket).await).len(), 200);
});

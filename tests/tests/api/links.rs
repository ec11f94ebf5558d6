//! Tickets that belong together: hints at duplicates, links, follow-ups, and merges that keep both
//! numbers, move what is written and copy nothing.

use domain::tax_code::TaxCode;
use reqwest::Method;
use serde_json::{Value, json};
use tests::app::Options;
use tests::citizens::{ANNA, MARIO, Person};
use tests::people::{CN1, TO4};
use tests::requester::Filed;
use tests::{Client, Reply, TestApp, both, forms};

use crate::activities::{activity, at_region, open, patch};

/// A technical error of the health record, with or without a day.
fn trouble(authority: &str) -> Value {
    json!({
        "service_code": "FSE",
        "problem_type": "errore-tecnico",
        "authority_code": authority,
        "description": "La pagina non si apre.",
        "privacy_ack": true,
    })
}

async fn file(app: &TestApp, person: &Person, authority: &str) -> Filed {
    app.file_as(person, &trouble(authority), &[]).await
}

async fn two(app: &TestApp, person: &Person) -> (Filed, Filed) {
    let one = file(app, person, TO4).await;
    app.advance("PT1M");
    (one, file(app, person, TO4).await)
}

/// Does something to a ticket as it stands now.
async fn change(client: &Client, method: Method, ticket: &Filed, rest: &str, body: Value) -> Reply {
    let seen = client.get(&ticket.staff_path("")).await;
    let etag = seen.header("etag").unwrap_or("\"1\"").to_owned();
    let request = client.request(method.clone(), &ticket.staff_path(rest));
    let request = request.if_match(&etag);
    match method {
        Method::DELETE => request.send().await,
        _ => request.json(&body).send().await,
    }
}

async fn merge(client: &Client, ticket: &Filed, into: &str) -> Reply {
    change(
        client,
        Method::POST,
        ticket,
        "/merges",
        json!({"into": into}),
    )
    .await
}

async fn undo(client: &Client, ticket: &Filed) -> Reply {
    change(
        client,
        Method::DELETE,
        ticket,
        "/merges/current",
        Value::Null,
    )
    .await
}

async fn relate(client: &Client, ticket: &Filed, other: &str) -> Reply {
    let body = json!({"ticket": other, "kind": "related"});
    change(client, Method::POST, ticket, "/links", body).await
}

/// Refused for this reason, with nothing written.
async fn refused(app: &TestApp, asked: impl Future<Output = Reply>, reason: &str) {
    let before = app.footprint();
    let reply = asked.await;
    reply.is_problem(409, "merge-not-allowed");
    assert_eq!(reply.text_at("/reason"), reason);
    assert_eq!(app.footprint(), before, "something was written");
}

/// The numbers and roles of a ticket's links.
fn links(screen: &Reply) -> Vec<(String, String)> {
    let text = |one: &Value, member: &str| one[member].as_str().unwrap().to_owned();
    let row = |one: &Value| (text(one, "number"), text(one, "role"));
    screen.list_at("/links").iter().map(row).collect()
}

fn one_link(filed: &Filed, role: &str) -> Vec<(String, String)> {
    vec![(filed.number.clone(), role.to_owned())]
}

fn events(screen: &Reply) -> Vec<String> {
    let kind = |entry: &Value| entry["event"].as_str().unwrap().to_owned();
    screen.list_at("/timeline").iter().map(kind).collect()
}

// ---- hints at duplicates

both!(
    a_citizen_who_files_again_is_told_of_their_own_requests_alone,
    async |app| {
        let mine = app
            .file_as(&ANNA, &forms::report_not_found_logged_in(TO4), &[])
            .await;
        file(app, &MARIO, TO4).await;
        let anna = app.citizen(&ANNA);
        let again = anna
            .post("/v1/tickets", &forms::report_not_found_logged_in(CN1))
            .await;
        let hints = again.is(201).list_at("/possible_duplicates");
        assert_eq!(hints.len(), 1, "{again}");
        assert_eq!(hints[0]["number"], mine.number.as_str());
        assert_eq!(hints[0]["state_label"], "Nuovo");
        assert_eq!(hints[0]["custody"], Value::Null);
        assert_eq!(
            hints[0]["reasons"],
            json!(["same-exam-date", "same-problem-type", "same-service"])
        );
    }
);

both!(
    who_has_no_identity_is_told_of_nothing_when_filing,
    async |app| {
        app.file_as(&MARIO, &forms::report_not_found_logged_in(TO4), &[])
            .await;
        app.file_anonymous(&forms::report_not_found(&MARIO, TO4), &[])
            .await;
        let mut form = forms::report_not_found(&MARIO, TO4);
        form["email_proof"] = app.prove_email(MARIO.email).await.into();
        let filed = app.anonymous().post("/v1/tickets", &form).await;
        assert_eq!(filed.is(201).json["possible_duplicates"], json!([]));
    }
);

both!(
    an_operator_who_files_for_somebody_is_told_of_what_their_desk_sees,
    async |app| {
        let here = file(app, &MARIO, TO4).await;
        let elsewhere = file(app, &MARIO, CN1).await;
        let mut form = forms::report_not_found(&MARIO, TO4);
        form["requester_role"] = json!("altro");
        form["phone"] = json!("011 4321111");
        for (who, expected) in [
            ("to4.operator", vec![&here]),
            ("region.operator", vec![&elsewhere, &here]),
        ] {
            app.advance("PT1M");
            let filed = app.as_(who).await.post("/v1/tickets", &form).await;
            let hints = filed.is(201).list_at("/possible_duplicates");
            let numbers: Vec<&str> = hints
                .iter()
                .filter(|one| one["reasons"] == json!(["same-service"]))
                .map(|one| one["number"].as_str().unwrap())
                .collect();
            let expected: Vec<&str> = expected.iter().map(|one| one.number.as_str()).collect();
            assert_eq!(numbers, expected, "{who}");
        }
    }
);

both!(
    the_screen_names_the_likest_first_with_its_reasons_and_nothing_old,
    async |app| {
        let old = file(app, &ANNA, TO4).await;
        let operator = app.as_("to4.operator").await;
        let note = json!({"body": "Fatto.", "published": true});
        let resolve =
            json!({"action": "resolve", "resolution_code": "information-given", "note": note});
        operator.act(&old.id, &resolve).await.is(201);
        app.advance("P8D");
        app.run_jobs();
        app.advance("P31D");
        let form = forms::report_not_found_logged_in(TO4);
        let same = app.file_as(&ANNA, &form, &[]).await;
        app.advance("PT1M");
        let other = file(app, &ANNA, TO4).await;
        file(app, &ANNA, CN1).await;
        app.advance("PT1M");
        let ticket = app.file_as(&ANNA, &form, &[]).await;

        let screen = app.as_("to4.operator").await.screen(&ticket.id).await;
        let hints = screen.list_at("/possible_duplicates");
        let seen: Vec<_> = hints
            .iter()
            .map(|one| (one["number"].as_str().unwrap(), one["reasons"].clone()))
            .collect();
        assert_eq!(
            seen,
            [
                (
                    same.number.as_str(),
                    json!(["same-exam-date", "same-problem-type", "same-service"])
                ),
                (other.number.as_str(), json!(["same-service"])),
            ]
        );
        assert_eq!(hints[0]["custody"]["code"], TO4);
        assert_eq!(hints[0]["state"], "new");
        let region = app.as_("region.operator").await.screen(&ticket.id).await;
        assert_eq!(region.list_at("/possible_duplicates").len(), 3);
    }
);

// ---- links

both!(
    a_link_is_seen_from_both_sides_until_it_is_taken_away,
    async |app| {
        let (one, other) = two(app, &ANNA).await;
        let operator = app.as_("to4.operator").await;
        let linked = relate(&operator, &one, &other.number).await;
        linked.is(201);
        assert_eq!(linked.text_at("/id"), other.id);
        let screen = operator.screen(&one.id).await;
        assert_eq!(links(&screen), one_link(&other, "peer"));
        assert_eq!(linked.etag(), format!("\"{}\"", screen.json["version"]));
        assert_eq!(screen.json["timeline"][0]["event"], "link.added");
        assert_eq!(
            screen.json["timeline"][0]["details"],
            json!({"other": other.id, "kind": "related"})
        );
        assert_eq!(screen.json["possible_duplicates"], json!([]), "known");
        let back = operator.screen(&other.id).await;
        assert_eq!(links(&back), one_link(&one, "peer"));

        let again = relate(&operator, &other, &one.id).await;
        again.is(422).has_errors(&[("/ticket", "already-linked")]);
        let rest = format!("/links/{}", one.number);
        change(&operator, Method::DELETE, &other, &rest, Value::Null)
            .await
            .is(200);
        assert_eq!(links(&operator.screen(&one.id).await), []);
        assert_eq!(events(&operator.screen(&other.id).await)[0], "link.removed");
        change(&operator, Method::DELETE, &other, &rest, Value::Null)
            .await
            .is_problem(404, "not-found");
    }
);

both!(
    a_link_needs_the_version_seen_and_a_ticket_in_reach,
    async |app| {
        let (one, other) = two(app, &ANNA).await;
        let elsewhere = file(app, &ANNA, CN1).await;
        let operator = app.as_("to4.operator").await;
        let before = app.footprint();
        let target = one.staff_path("/links");
        let body = json!({"ticket": other.id});
        operator
            .post(&target, &body)
            .await
            .is_problem(428, "precondition-required");
        let stale = operator.request(Method::POST, &target).if_match("\"9\"");
        stale
            .json(&body)
            .send()
            .await
            .is_problem(412, "precondition-failed");
        for unknown in [&elsewhere.id, &elsewhere.number, &one.id] {
            relate(&operator, &one, unknown)
                .await
                .is(422)
                .has_errors(&[("/ticket", "not-in-list")]);
        }
        let region = app.as_("region.operator").await;
        relate(&region, &one, &other.id)
            .await
            .is_problem(403, "not-in-custody");
        let admin = app.as_("to4.admin").await;
        relate(&admin, &one, &other.id)
            .await
            .is_problem(403, "forbidden");
        let bad = json!({"kind": "duplicate", "colour": "red"});
        change(&operator, Method::POST, &one, "/links", bad)
            .await
            .is(422)
            .has_errors(&[
                ("/ticket", "required"),
                ("/kind", "not-in-list"),
                ("/colour", "unknown-field"),
            ]);
        assert_eq!(app.footprint(), before, "something was written");
    }
);

both!(
    a_link_to_a_ticket_out_of_reach_is_shown_as_nothing,
    async |app| {
        // Both at the region, which gives one of them to each authority.
        let to4 = app.as_("to4.operator").await;
        let one = file(app, &ANNA, TO4).await;
        let note = json!({"body": "Guasto del servizio regionale.", "published": true});
        let over = json!({"action": "hand-over", "reason_code": "regional-service", "note": note});
        to4.act(&one.id, &over).await.is(201);
        let other = file(app, &MARIO, CN1).await;
        let region = app.as_("region.operator").await;
        relate(&region, &one, &other.id).await.is(201);
        assert_eq!(
            links(&region.screen(&one.id).await),
            one_link(&other, "peer")
        );
        let note = json!({"body": "È vostra.", "published": true});
        let back = json!({"action": "return", "note": note});
        region.act(&one.id, &back).await.is(201);
        assert_eq!(links(&to4.screen(&one.id).await), []);
        assert_eq!(
            links(&app.as_("cn1.operator").await.screen(&other.id).await),
            []
        );
    }
);

// ---- follow-ups

both!(
    a_chain_of_follow_ups_is_shown_in_order_from_both_sides,
    async |app| {
        let first = file(app, &ANNA, TO4).await;
        let mut chain = vec![first.id.clone()];
        for n in 0..2 {
            let operator = app.as_("to4.operator").await;
            let last = chain.last().unwrap().clone();
            let note = json!({"body": "Fatto.", "published": true});
            let resolve =
                json!({"action": "resolve", "resolution_code": "information-given", "note": note});
            operator.act(&last, &resolve).await.is(201);
            app.advance("P8D");
            app.run_jobs();
            let anna = app.citizen(&ANNA);
            let target = format!("/v1/me/tickets/{last}/messages");
            let said = anna
                .post(&target, &json!({"body": format!("Ancora {n}.")}))
                .await;
            assert_eq!(said.is(201).json["is_follow_up"], true);
            chain.push(said.text_at("/ticket/id").to_owned());
        }
        let ids = |reply: &Reply| -> Vec<String> {
            let id = |one: &Value| one["id"].as_str().unwrap().to_owned();
            reply.list_at("/follow_ups").iter().map(id).collect()
        };
        let operator = app.as_("to4.operator").await;
        let anna = app.citizen(&ANNA);
        for (at, id) in chain.iter().enumerate() {
            let screen = operator.screen(id).await;
            assert_eq!(ids(&screen), chain[at + 1..]);
            let roles: Vec<String> = links(&screen).into_iter().map(|(_, role)| role).collect();
            let expected = [
                ["later"; 2].as_slice(),
                &["earlier", "later"],
                &["earlier"; 2],
            ];
            assert_eq!(roles, expected[at]);
            let own = anna.get(&format!("/v1/me/tickets/{id}")).await;
            assert_eq!(ids(&own), chain[at + 1..]);
        }
    }
);

// ---- merges

both!(
    a_merged_ticket_keeps_its_number_and_leads_to_the_survivor,
    async |app| {
        let (goes, stays) = two(app, &ANNA).await;
        let supervisor = app.as_("to4.supervisor").await;
        let merged = merge(&supervisor, &goes, &stays.number).await;
        merged.is(201);
        assert_eq!(merged.text_at("/state"), "removed");
        assert_eq!(merged.text_at("/merged_into/number"), stays.number);
        assert_eq!(merged.json["resolution_code"], Value::Null, "not resolved");
        assert_eq!(merged.json["legs"][0]["outcome"], "removed");

        let screen = supervisor.screen(&goes.id).await;
        assert_eq!(screen.text_at("/merged_into/id"), stays.id);
        assert_eq!(links(&screen), one_link(&stays, "survivor"));
        assert_eq!(screen.json["timeline"][0]["event"], "request.removed");
        assert_eq!(
            screen.json["timeline"][0]["details"]["duplicate_of"],
            stays.number.as_str()
        );
        let survivor = supervisor.screen(&stays.id).await;
        assert_eq!(links(&survivor), one_link(&goes, "merged"));
        assert_eq!(events(&survivor), ["link.added", "request.created"]);

        let anna = app.citizen(&ANNA);
        let own = anna.get(&format!("/v1/me/tickets/{}", goes.number)).await;
        assert_eq!(own.is(200).text_at("/merged_into/number"), stays.number);
        assert_eq!(own.text_at("/state_label"), "Unita a un'altra richiesta");
        let told = own.list_at("/messages").last().unwrap();
        assert_eq!(
            told["text"],
            format!("La richiesta continua nella {}", stays.number)
        );
        let list = anna.get("/v1/me/tickets").await;
        assert_eq!(list.list_at("/items").len(), 1, "{list}");
        let own = anna.get(&stays.own_path("")).await;
        assert_eq!(own.json["merged"][0]["number"], goes.number.as_str());
    }
);

both!(
    what_the_requester_writes_on_a_merged_request_is_said_on_the_survivor,
    async |app| {
        let (goes, stays) = two(app, &ANNA).await;
        let supervisor = app.as_("to4.supervisor").await;
        merge(&supervisor, &goes, &stays.id).await.is(201);
        let anna = app.citizen(&ANNA);
        let said = anna
            .post(
                &format!("/v1/me/tickets/{}/messages", goes.number),
                &json!({"body": "Non funziona ancora."}),
            )
            .await;
        said.is(201);
        assert_eq!(said.text_at("/ticket/id"), stays.id);
        assert_eq!(said.json["is_follow_up"], false);
        assert_eq!(said.header("location"), Some(stays.own_path("").as_str()));
        let screen = supervisor.screen(&stays.id).await;
        assert_eq!(screen.json["timeline"][0]["body"], "Non funziona ancora.");
        assert_eq!(screen.json["needs_attention"], true);

        let withdrawn = anna.post(&goes.own_path("/withdrawal"), &json!({})).await;
        assert_eq!(withdrawn.is(201).text_at("/id"), stays.id);
        // Closed by then: what is said becomes a follow-up of the survivor (I-12).
        app.advance("P8D");
        app.run_jobs();
        let anna = app.citizen(&ANNA);
        let late = anna
            .post(&goes.own_path("/messages"), &json!({"body": "Di nuovo."}))
            .await;
        assert_eq!(late.is(201).json["is_follow_up"], true);
        assert_eq!(late.text_at("/ticket/follow_up_of"), stays.id);
    }
);

both!(
    a_merge_shows_no_party_a_word_that_was_not_for_them,
    async |app| {
        let (goes, stays) = two(app, &ANNA).await;
        let operator = app.as_("to4.operator").await;
        for (ticket, body) in [(&goes, "Nota del primo."), (&stays, "Nota del secondo.")] {
            let note = json!({"body": body, "published": false});
            let act = json!({"action": "note", "note": note});
            operator.act(&ticket.id, &act).await.is(201);
            let note = json!({"body": format!("{body} Per la regione."), "published": true});
            let over =
                json!({"action": "hand-over", "reason_code": "regional-service", "note": note});
            operator.act(&ticket.id, &over).await.is(201);
        }
        let region = app.as_("region.supervisor").await;
        let body = json!({"into": stays.id, "note": "La stessa persona, lo stesso guasto."});
        let merged = change(&region, Method::POST, &goes, "/merges", body).await;
        merged.is(201);

        let anna = app.citizen(&ANNA);
        for path in [
            goes.own_path(""),
            stays.own_path(""),
            "/v1/me/tickets".to_owned(),
        ] {
            let own = anna.get(&path).await;
            own.is(200);
            for secret in [
                "Nota del",
                "Per la regione",
                "lo stesso guasto",
                "not-competent",
            ] {
                assert!(!own.everything().contains(secret), "{secret} in {own}");
            }
        }
        // The region reads the notes of the survivor meant for it, and no copy of the other's.
        let screen = region.screen(&stays.id).await;
        assert!(screen.text().contains("Nota del secondo. Per la regione."));
        assert!(!screen.text().contains("Nota del primo"));
        // The authority that handed them over is told nothing of what the region did.
        let left = operator.screen(&goes.id).await;
        assert_eq!(left.text_at("/state"), "not-competent");
        assert_eq!(left.json["merged_into"], Value::Null);
        assert_eq!(links(&left), []);
        for mail in app.mails().await {
            assert!(!mail.body.contains("Nota del"), "{}", mail.body);
        }
    }
);

both!(
    a_ticket_is_merged_by_those_who_may_remove_it_as_they_saw_it,
    async |app| {
        let (goes, stays) = two(app, &ANNA).await;
        let before = app.footprint();
        for (who, slug) in [
            ("to4.operator", "forbidden"),
            ("to4.admin", "forbidden"),
            ("region.operator", "forbidden"),
        ] {
            let client = app.as_(who).await;
            merge(&client, &goes, &stays.id).await.is_problem(403, slug);
        }
        let cn1 = app.as_("cn1.supervisor").await;
        merge(&cn1, &goes, &stays.id)
            .await
            .is_problem(404, "not-found");
        let supervisor = app.as_("to4.supervisor").await;
        let target = goes.staff_path("/merges");
        let body = json!({"into": stays.id});
        supervisor
            .post(&target, &body)
            .await
            .is_problem(428, "precondition-required");
        let stale = supervisor.request(Method::POST, &target).if_match("\"9\"");
        stale
            .json(&body)
            .send()
            .await
            .is_problem(412, "precondition-failed");
        for unknown in ["nothing", "01990000-0000-7000-8000-000000000000"] {
            merge(&supervisor, &goes, unknown)
                .await
                .is(422)
                .has_errors(&[("/into", "not-in-list")]);
        }
        assert_eq!(app.footprint(), before, "something was written");
        // Twice with one key is once; without it the second finds nothing to merge.
        let seen = supervisor.screen(&goes.id).await;
        let ask = || {
            let request = supervisor.request(Method::POST, &target).key("one");
            request.if_match(seen.etag()).json(&body).send()
        };
        let first = ask().await;
        assert_eq!(first.is(201).json, ask().await.is(201).json);
        let again = merge(&supervisor, &goes, &stays.id).await;
        again.is_problem(409, "transition-not-allowed");
    }
);

both!(
    nothing_is_merged_across_desks_or_requesters,
    Options::with_table(),
    async |app| {
        let (goes, stays) = two(app, &ANNA).await;
        let elsewhere = file(app, &ANNA, CN1).await;
        let strangers = file(app, &MARIO, TO4).await;
        let form = forms::report_not_found(&ANNA, TO4);
        let anonymous = app.file_anonymous(&form, &[]).await;
        let to4 = app.as_("to4.supervisor").await;
        let region = app.as_("region.supervisor").await;
        // Another desk's ticket is out of an authority's sight, and out of question for the region.
        merge(&to4, &goes, &elsewhere.id)
            .await
            .is(422)
            .has_errors(&[("/into", "not-in-list")]);
        refused(app, merge(&region, &goes, &elsewhere.id), "other-custody").await;
        refused(app, merge(&to4, &goes, &strangers.id), "other-requester").await;
        refused(app, merge(&to4, &goes, &anonymous.id), "other-requester").await;
        refused(app, merge(&to4, &anonymous, &goes.id), "other-requester").await;
        refused(app, merge(&to4, &goes, &goes.number), "itself").await;

        let code = |person: &Person| TaxCode::parse(person.tax_code, false).unwrap();
        let added = app
            .desk
            .add_delegation(code(&MARIO), code(&ANNA), None, None);
        assert!(added.unwrap());
        let form = forms::report_not_found_for(&ANNA, TO4);
        let delegated = app.file_as(&MARIO, &form, &[]).await;
        let another = app.file_as(&MARIO, &form, &[]).await;
        refused(app, merge(&to4, &goes, &delegated.id), "delegated").await;
        refused(app, merge(&to4, &another, &delegated.id), "delegated").await;

        let note = json!({"body": "Spam.", "published": false});
        let remove = json!({"action": "remove", "removal_reason": "spam", "note": note});
        to4.act(&stays.id, &remove).await.is(201);
        refused(app, merge(&to4, &goes, &stays.id), "survivor-over").await;
    }
);

both!(
    people_without_an_identity_are_the_same_by_their_mailboxes,
    async |app| {
        let form = forms::report_not_found(&MARIO, TO4);
        let goes = app.file_anonymous(&form, &[]).await;
        let stays = app.file_anonymous(&form, &[]).await;
        let mut other = form.clone();
        other["email"] = json!("un.altro@example.org");
        let others = app.file_anonymous(&other, &[]).await;
        let supervisor = app.as_("to4.supervisor").await;
        refused(
            app,
            merge(&supervisor, &goes, &others.id),
            "other-requester",
        )
        .await;
        let opened_before = app.tracking(&goes).await;
        merge(&supervisor, &goes, &stays.id).await.is(201);

        let mails = app.mails_to(MARIO.email).await;
        let told = &mails.last().unwrap().body;
        assert!(told.contains(&stays.number), "{told}");
        for tracking in [opened_before, app.tracking(&goes).await] {
            let own = tracking.get(&goes.own_path("")).await;
            assert_eq!(own.is(200).text_at("/merged_into/id"), stays.id);
            tracking.get(&stays.own_path("")).await.is(200);
            tracking
                .get(&others.own_path(""))
                .await
                .is_problem(404, "not-found");
            let said = tracking
                .post(&goes.own_path("/messages"), &json!({"body": "Ci siete?"}))
                .await;
            assert_eq!(said.is(201).text_at("/ticket/id"), stays.id);
        }
        // The survivor's link opens the survivor, and not what was merged into it.
        let tracking = app.tracking(&stays).await;
        tracking
            .get(&goes.own_path(""))
            .await
            .is_problem(404, "not-found");
    }
);

both!(
    a_merge_is_undone_within_a_day_and_the_ticket_stands_where_it_stood,
    async |app| {
        let (goes, stays) = two(app, &ANNA).await;
        let operator = app.as_("to4.operator").await;
        let note = json!({"body": "Quale pagina?", "published": true});
        let ask = json!({"action": "ask-info", "assignee": "me", "note": note});
        operator.act(&goes.id, &ask).await.is(201);
        let before = operator.screen(&goes.id).await;
        let supervisor = app.as_("to4.supervisor").await;
        merge(&supervisor, &goes, &stays.id).await.is(201);
        app.citizen(&ANNA)
            .post(&goes.own_path("/messages"), &json!({"body": "La prima."}))
            .await
            .is(201);

        app.advance("P1D");
        let supervisor = app.as_("to4.supervisor").await;
        let cn1 = app.as_("cn1.supervisor").await;
        undo(&cn1, &goes).await.is_problem(404, "not-found");
        let back = undo(&supervisor, &goes).await;
        back.is(200);
        let now = supervisor.screen(&goes.id).await;
        assert_eq!(back.json["version"], now.json["version"]);
        for member in ["/state", "/assignee/id", "/custody/code"] {
            assert_eq!(now.text_at(member), before.text_at(member), "{member}");
        }
        assert_eq!(now.json["merged_into"], Value::Null);
        assert_eq!(now.json["legs"], before.json["legs"], "I-1");
        assert_eq!(links(&now), []);
        assert_eq!(events(&now)[0], "request.restored");
        let survivor = supervisor.screen(&stays.id).await;
        assert_eq!(events(&survivor)[0], "link.removed");
        assert!(survivor.text().contains("La prima."), "said is said");

        // The reminder comes five days after the question, and the day it was merged is none of them.
        app.advance("P4D");
        assert_eq!(app.run_jobs().reminded, 0);
        app.advance("P1D");
        assert_eq!(app.run_jobs().reminded, 1);
        let said = app
            .citizen(&ANNA)
            .post(&goes.own_path("/messages"), &json!({"body": "La seconda."}))
            .await;
        assert_eq!(said.is(201).text_at("/ticket/id"), goes.id);
    }
);

both!(
    a_merge_is_not_undone_late_nor_when_the_survivor_has_moved_on,
    async |app| {
        let supervisor = app.as_("to4.supervisor").await;
        // Merged itself, by a chain that leads to its end.
        let (first, second) = two(app, &ANNA).await;
        let third = file(app, &ANNA, TO4).await;
        merge(&supervisor, &first, &second.id).await.is(201);
        merge(&supervisor, &second, &third.id).await.is(201);
        refused(app, undo(&supervisor, &first), "survivor-over").await;
        let said = app
            .citizen(&ANNA)
            .post(&first.own_path("/messages"), &json!({"body": "Fin qui."}))
            .await;
        assert_eq!(said.is(201).text_at("/ticket/id"), third.id);
        // The middle one comes back with what was merged into it.
        undo(&supervisor, &second).await.is(200);
        let said = app
            .citizen(&ANNA)
            .post(&first.own_path("/messages"), &json!({"body": "Fin lì."}))
            .await;
        assert_eq!(said.is(201).text_at("/ticket/id"), second.id);
        // No ring: what leads to it is over.
        refused(app, merge(&supervisor, &second, &first.id), "survivor-over").await;

        // Handed over.
        let operator = app.as_("to4.operator").await;
        let note = json!({"body": "Guasto del servizio regionale.", "published": true});
        let over = json!({"action": "hand-over", "reason_code": "regional-service", "note": note});
        operator.act(&second.id, &over).await.is(201);
        refused(app, undo(&supervisor, &first), "other-custody").await;

        // Late; and never, for what was only removed.
        let (goes, stays) = two(app, &MARIO).await;
        merge(&supervisor, &goes, &stays.id).await.is(201);
        app.advance("P1DT1S");
        let supervisor = app.as_("to4.supervisor").await;
        refused(app, undo(&supervisor, &goes), "too-late").await;
        let note = json!({"body": "Uguale.", "published": false});
        let remove = json!({
            "action": "remove", "removal_reason": "duplicate", "duplicate_of": goes.id, "note": note,
        });
        let reply = supervisor.act(&stays.id, &remove).await;
        reply
            .is(422)
            .has_errors(&[("/duplicate_of", "not-in-list")]);
        undo(&supervisor, &stays)
            .await
            .is_problem(409, "transition-not-allowed");
    }
);

both!(
    a_ticket_that_comes_back_waits_for_its_activity_again,
    async |app| {
        let opened = open(app, &activity()).await;
        let stays = at_region(app).await;
        let region = app.as_("region.supervisor").await;
        merge(&region, &opened.filed, &stays.id).await.is(201);
        app.run_jobs();
        let technician = app.as_("technician").await;
        let asked = technician.get(&opened.path()).await;
        assert_ne!(
            asked.json["activity"]["cancel_requested_at"],
            Value::Null,
            "to leave it be"
        );

        let back = undo(&region, &opened.filed).await;
        assert_eq!(back.is(200).text_at("/state"), "external-work");
        app.run_jobs();
        let asked = technician.get(&opened.path()).await;
        assert_eq!(asked.json["activity"]["cancel_requested_at"], Value::Null);
        patch(&technician, &opened, &json!({"state": "cancelled"}))
            .await
            .is(200);
        let screen = region.screen(&opened.filed.id).await;
        assert_eq!(screen.text_at("/state"), "in-progress", "T19");
    }
);

both!(
    a_ticket_whose_activity_ended_while_it_was_merged_comes_back_to_be_worked,
    async |app| {
        let opened = open(app, &activity()).await;
        let stays = at_region(app).await;
        let region = app.as_("region.supervisor").await;
        merge(&region, &opened.filed, &stays.id).await.is(201);
        app.run_jobs();
        let technician = app.as_("technician").await;
        patch(&technician, &opened, &json!({"state": "cancelled"}))
            .await
            .is(200);
        undo(&region, &opened.filed).await.is(200);
        let screen = region.screen(&opened.filed.id).await;
        assert_eq!(screen.text_at("/state"), "in-progress");
        assert_eq!(screen.json["needs_attention"], true);
    }
);

both!(
    what_was_resolved_can_be_reviewed_after_an_undone_merge,
    async |app| {
        let (goes, stays) = two(app, &ANNA).await;
        let note = json!({"body": "Fatto.", "published": true});
        let resolve =
            json!({"action": "resolve", "resolution_code": "information-given", "note": note});
        let operator = app.as_("to4.operator").await;
        operator.act(&goes.id, &resolve).await.is(201);
        let anna = app.citizen(&ANNA);
        let before = anna.get(&goes.own_path("")).await;
        let until = before.text_at("/can_request_review_until");
        let supervisor = app.as_("to4.supervisor").await;
        merge(&supervisor, &goes, &stays.id).await.is(201);
        let merged = anna.get(&goes.own_path("")).await;
        assert_eq!(merged.json["can_request_review_until"], Value::Null);
        undo(&supervisor, &goes).await.is(200);
        let back = anna.get(&goes.own_path("")).await;
        assert_eq!(back.text_at("/can_request_review_until"), until);
        let reason = json!({"reason": "La spiegazione non risolve il problema."});
        anna.post(&goes.own_path("/reviews"), &reason).await.is(201);
    }
);

both!(
    what_nobody_took_is_told_of_after_a_merge_in_which_its_time_came,
    async |app| {
        let (goes, stays) = two(app, &ANNA).await;
        app.advance("PT2H");
        let supervisor = app.as_("to4.supervisor").await;
        merge(&supervisor, &goes, &stays.id).await.is(201);
        app.advance("PT23H");
        app.run_jobs();
        let told = async || {
            let page = app.as_("to4.supervisor").await;
            let page = page.get("/v1/changes?limit=100").await;
            let rows = page.is(200).list_at("/items").iter();
            let alerts = rows.filter(|row| row["type"] == "queue.untouched");
            let ids = alerts.map(|row| row["ticket_id"].as_str().unwrap().to_owned());
            ids.collect::<Vec<String>>()
        };
        assert_eq!(told().await, std::slice::from_ref(&stays.id));
        let supervisor = app.as_("to4.supervisor").await;
        undo(&supervisor, &goes).await.is(200);
        app.run_jobs();
        app.run_jobs();
        assert_eq!(told().await, [stays.id.clone(), goes.id.clone()]);
        // What was told before a merge is not told again.
        merge(&supervisor, &goes, &stays.id).await.is(201);
        undo(&supervisor, &goes).await.is(200);
        app.run_jobs();
        assert_eq!(told().await.len(), 2);
    }
);

both!(two_merges_that_cross_never_both_succeed, async |app| {
    let supervisor = app.as_("to4.supervisor").await;
    for _ in 0..4 {
        let (one, other) = two(app, &ANNA).await;
        let (there, back) = tokio::join!(
            merge(&supervisor, &one, &other.id),
            merge(&supervisor, &other, &one.id)
        );
        let statuses = [there.status, back.status];
        let done = statuses.iter().filter(|status| **status == 201).count();
        assert_eq!(done, 1, "{there} {back}");
        let states = [
            supervisor
                .screen(&one.id)
                .await
                .text_at("/state")
                .to_owned(),
            supervisor
                .screen(&other.id)
                .await
                .text_at("/state")
                .to_owned(),
        ];
        assert!(states.contains(&"new".to_owned()), "{states:?}");
        assert!(states.contains(&"removed".to_owned()), "{states:?}");
    }
});

//! What people ask about their own data: the register and its term, copies, erasures, restrictions, and
//! putting wrong data right.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use reqwest::Method;
use serde_json::{Value, json};
use tests::app::Options;
use tests::citizens::{ANNA, MARIO};
use tests::client::Reply;
use tests::people::{CN1, TO4};
use tests::requester::Filed;
use tests::{Client, TestApp, both, files, forms};

/// Written by the desks for themselves.
const PLANTED: &str = "SOLO PER NOI";
/// Written by a requester who tries it.
const SCRIPT: &str = "<script>alert(1)</script>";

async fn asked(app: &TestApp, client: &Client, kind: &str) -> String {
    let reply = client
        .post("/v1/me/subject-requests", &json!({"kind": kind}))
        .await;
    let path = format!("/v1/subject-requests/{}", reply.is(201).text_at("/id"));
    step(&app.as_("auditor").await, &path, "start")
        .await
        .is(201);
    path
}

async fn entered(app: &TestApp, kind: &str, tax_code: &str) -> String {
    let auditor = app.as_("auditor").await;
    let body = json!({"kind": kind, "channel": "letter", "tax_code": tax_code});
    let reply = auditor.post("/v1/subject-requests", &body).await;
    let path = reply.is(201).header("location").expect("where").to_owned();
    step(&auditor, &path, "start").await.is(201);
    path
}

/// Calls a change with the version the caller sees now.
async fn change(client: &Client, method: Method, path: &str, more: &str, body: &Value) -> Reply {
    let seen = client.get(path).await;
    let request = client.request(method, &format!("{path}/{more}"));
    request.if_match(seen.etag()).json(body).send().await
}

async fn step(client: &Client, path: &str, step: &str) -> Reply {
    let body = json!({"step": step, "text": "Ecco perché."});
    change(client, Method::POST, path, "steps", &body).await
}

/// Asks for a copy, and has the job make it.
async fn exported(app: &TestApp, path: &str, delivery: &str) -> String {
    let auditor = app.as_("auditor").await;
    let body = json!({"delivery": delivery});
    let reply = auditor.post(&format!("{path}/exports"), &body).await;
    let id = reply.is(201).text_at("/id").to_owned();
    app.desk.make_exports().await.expect("copies are made");
    id
}

fn unpack(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(archive)).expect("an archive");
    let mut members = BTreeMap::new();
    for at in 0..archive.len() {
        let mut member = archive.by_index(at).expect("a member");
        let mut content = Vec::new();
        member.read_to_end(&mut content).expect("its content");
        let name = member.name().expect("a name").into_owned();
        members.insert(name, content);
    }
    members
}

fn contains(content: &[u8], text: &str) -> bool {
    content
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

/// Closes a ticket and lets its windows run out.
async fn close(app: &TestApp, ticket: &Filed) {
    let resolve = json!({"action": "resolve", "resolution_code": "information-given",
        "note": {"body": "Ecco come fare.", "published": true}});
    let operator = app.as_("to4.operator").await;
    operator.act(&ticket.id, &resolve).await.is(201);
}

/// Long enough for auto-close, and then for every window to be over.
async fn let_windows_run_out(app: &TestApp) {
    for _ in 0..2 {
        app.advance("P120D");
        app.run_jobs();
    }
}

fn note(body: &str, published: bool) -> Value {
    json!({"action": "note", "note": {"body": body, "published": published}})
}

/// A ticket with hand-overs, notes inside and outside, a file and markup.
async fn rich_ticket(app: &TestApp) -> Filed {
    let mut form = forms::report_not_found_logged_in(TO4);
    form["description"] = json!(format!("Non trovo il referto {SCRIPT}"));
    let ticket = app.file_as(&ANNA, &form, &[files::pdf(900)]).await;
    let operator = app.as_("to4.operator").await;
    operator
        .act(&ticket.id, &note(PLANTED, false))
        .await
        .is(201);
    let published = "Stiamo guardando.";
    operator
        .act(&ticket.id, &note(published, true))
        .await
        .is(201);
    operator.pass_playbook(&ticket.id).await;
    let hand_over = json!({"action": "hand-over", "reason_code": "issued-by-other-authority",
        "note": {"body": format!("{PLANTED}: non è nostro, è di un'altra azienda."), "published": true}});
    operator.act(&ticket.id, &hand_over).await.is(201);
    let region = app.as_("region.supervisor").await;
    let reroute = json!({"action": "reroute", "authority_code": CN1,
        "note": {"body": format!("{PLANTED}: ve lo passiamo."), "published": true}});
    region.act(&ticket.id, &reroute).await.is(201);
    let cn1 = app.as_("cn1.operator").await;
    cn1.act(&ticket.id, &note(PLANTED, false)).await.is(201);
    let question =
        json!({"action": "ask-info", "note": {"body": "Quando è stato fatto?", "published": true}});
    cn1.act(&ticket.id, &question).await.is(201);
    let anna = app.citizen(&ANNA);
    let message = json!({"body": format!("A marzo {SCRIPT}")});
    anna.post(&ticket.own_path("/messages"), &message)
        .await
        .is(201);
    ticket
}

both!(
    a_copy_holds_what_the_persons_own_screens_show_and_nothing_else,
    async |app| {
        let ticket = rich_ticket(app).await;
        let anna = app.citizen(&ANNA);
        let complaint = json!({"authority_code": TO4, "subject": "Attesa", "text": SCRIPT});
        let filed = anna.post("/v1/me/complaints", &complaint).await;
        filed.is(201);
        // Somebody else's are not hers.
        app.file_as(&MARIO, &forms::report_not_found_logged_in(TO4), &[])
            .await;
        let path = asked(app, &anna, "access").await;
        exported(app, &path, "citizen").await;
        let mine = path.replace("/v1/", "/v1/me/");
        let archive = anna.get(&format!("{mine}/export")).await;
        assert_eq!(
            archive.is(200).header("content-type"),
            Some("application/zip")
        );
        let members = unpack(&archive.body);
        for (name, content) in &members {
            assert!(!contains(content, PLANTED), "{name} tells what is internal");
            for secret in ["Persona", MARIO.tax_code, MARIO.email] {
                assert!(!contains(content, secret), "{name} holds {secret}");
            }
        }
        let data: Value = serde_json::from_slice(&members["data.json"]).expect("JSON");
        let screen = anna.get(&ticket.own_path("")).await;
        assert_eq!(data["tickets"].as_array().map(Vec::len), Some(1));
        assert_eq!(data["tickets"][0]["screen"], screen.is(200).json);
        let own = format!("/v1/me/complaints/{}", filed.text_at("/id"));
        assert_eq!(data["complaints"], json!([anna.get(&own).await.json]));
        assert_eq!(data["tickets"][0]["filing"]["email"], ANNA.email);
        let file = data["tickets"][0]["files"][0]["path"]
            .as_str()
            .expect("a file");
        assert_eq!(members[file], files::pdf(900).bytes);
        assert_eq!(members.len(), 3);
        let page = String::from_utf8(members["data.html"].clone()).expect("text");
        assert!(
            page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"),
            "{page}"
        );
        assert!(!page.contains("<script") && !page.contains("http:") && !page.contains("https:"));
        // Once, and its bytes are gone.
        anna.get(&format!("{mine}/export"))
            .await
            .is_problem(404, "not-found");
        assert_eq!(app.count_blobs(), 1, "the file of the request alone");
    }
);

both!(
    a_link_is_good_once_and_a_day_and_a_wrong_secret_is_unknown,
    async |app| {
        app.file_as(&ANNA, &forms::report_not_found_logged_in(TO4), &[])
            .await;
        let anna = app.citizen(&ANNA);
        let path = asked(app, &anna, "access").await;
        let id = exported(app, &path, "mail").await;
        let mails = app.mails_to(ANNA.email).await;
        let mail = mails.last().expect("a mail");
        let (_, link) = mail.body.split_once("#id=").expect("a link");
        let link = link.split_whitespace().next().expect("a link");
        let (of, secret) = link.split_once("&secret=").expect("a secret");
        assert_eq!(of, id);
        // The secret is in no row: it is made anew from the installation's.
        let anonymous = app.anonymous();
        let fetch = async |id: &str, secret: &str| {
            let body = json!({"id": id, "secret": secret});
            anonymous.post("/v1/export-downloads", &body).await
        };
        let nothing = fetch("01990000-0000-7000-8000-000000000000", secret).await;
        let wrong = fetch(&id, "not-the-secret").await;
        let told = |reply: &Reply| {
            let mut json = reply.is_problem(404, "not-found").json.clone();
            for member in ["correlation_id", "instance"] {
                json.as_object_mut().expect("a document").remove(member);
            }
            json
        };
        assert_eq!(told(&nothing), told(&wrong));
        // What is kept is sealed.
        assert_eq!(app.count_blobs(), 1);
        let archive = fetch(&id, secret).await;
        assert!(unpack(&archive.is(200).body).contains_key("data.json"));
        assert_eq!(app.count_blobs(), 0);
        assert_eq!(told(&fetch(&id, secret).await), told(&wrong));

        let late = exported(app, &path, "mail").await;
        let mails = app.mails_to(ANNA.email).await;
        let (_, link) = mails
            .last()
            .expect("a mail")
            .body
            .split_once("&secret=")
            .expect("a link");
        let secret = link.split_whitespace().next().expect("a secret").to_owned();
        app.advance("PT24H");
        assert_eq!(told(&fetch(&late, &secret).await), told(&wrong));
        app.desk.sweep_rows().expect("rows are swept");
        let shown = app.as_("auditor").await.get(&path).await;
        assert_eq!(shown.text_at("/exports/0/state"), "fetched");
        assert_eq!(shown.text_at("/exports/1/state"), "expired");
    }
);

/// A log-in is fresh for five minutes, and a token good for longer.
fn soon_stale() -> Options {
    let mut options = Options::default();
    options.settings.sign_in.fresh = jiff::SignedDuration::from_mins(5);
    options
}

both!(
    what_the_officer_fetches_needs_a_second_person,
    soon_stale(),
    async |app| {
        let ticket = app
            .file_anonymous(&forms::report_not_found(&MARIO, TO4), &[])
            .await;
        let path = entered(app, "access", MARIO.tax_code).await;
        let auditor = app.as_("auditor").await;
        let exports = format!("{path}/exports");
        for delivery in ["mail", "citizen"] {
            auditor
                .post(&exports, &json!({"delivery": delivery}))
                .await
                .is_problem(409, "export-delivery-not-possible");
        }
        let export = exported(app, &path, "staff").await;
        let (approvals, links) = (
            format!("{exports}/{export}/approvals"),
            format!("{exports}/{export}/links"),
        );
        auditor
            .post(&links, &json!({}))
            .await
            .is_problem(409, "approval-not-waiting");
        auditor
            .post(&approvals, &json!({}))
            .await
            .is_problem(409, "second-person-needed");
        let supervisor = app.as_("region.supervisor").await;
        supervisor
            .post(&exports, &json!({"delivery": "staff"}))
            .await
            .is(403);
        supervisor.post(&approvals, &json!({})).await.is(201);
        supervisor
            .post(&approvals, &json!({}))
            .await
            .is_problem(409, "approval-not-waiting");
        app.desk.make_exports().await.expect("copies are made");
        let link = auditor.post(&links, &json!({})).await;
        let (_, secret) = link
            .is(201)
            .text_at("/url")
            .split_once("&secret=")
            .expect("a secret");
        let body = json!({"id": export, "secret": secret});
        let archive = app.anonymous().post("/v1/export-downloads", &body).await;
        let members = unpack(&archive.is(200).body);
        let data: Value = serde_json::from_slice(&members["data.json"]).expect("JSON");
        let tracked = app.tracking(&ticket).await;
        let screen = tracked.get(&ticket.own_path("")).await;
        assert_eq!(data["tickets"][0]["screen"], screen.is(200).json);
        // Whoever filed without an identity need not be who was identified.
        assert_eq!(data["tickets"][0]["filing"]["email"], "•••");
        assert!(
            members
                .values()
                .all(|content| !contains(content, MARIO.email))
        );

        // A token that somebody left open is not enough.
        app.advance("PT6M");
        auditor
            .post(&exports, &json!({"delivery": "staff"}))
            .await
            .is_problem(403, "fresh-login-required");
    }
);

both!(
    a_request_is_due_in_thirty_days_and_overdue_after_them,
    async |app| {
        let anna = app.citizen(&ANNA);
        let reply = anna
            .post(
                "/v1/me/subject-requests",
                &json!({"kind": "objection", "text": "Non voglio."}),
            )
            .await;
        assert_eq!(reply.is(201).text_at("/due_at"), "2026-04-01T08:00:00Z");
        let path = format!("/v1/subject-requests/{}", reply.text_at("/id"));
        app.advance("P29D");
        app.run_jobs();
        let overdue = "/v1/subject-requests?overdue=true";
        let auditor = app.as_("auditor").await;
        assert_eq!(auditor.get(overdue).await.json["items"], json!([]));
        app.advance("P1DT1M");
        app.run_jobs();
        let auditor = app.as_("auditor").await;
        let list = auditor.get(overdue).await;
        assert_eq!(list.is(200).json["items"][0]["overdue"], true);
        assert_eq!(list.text_at("/items/0/person"), "BNC••••••••••••A");
        let shown = auditor.get(&path).await;
        assert_eq!(shown.text_at("/steps/1/step"), "overdue");
        assert_eq!(shown.text_at("/steps/0/text"), "Non voglio.");

        let stale = auditor.request(Method::POST, &format!("{path}/steps"));
        let body = json!({"step": "extend", "text": "È complicato."});
        stale
            .if_match("\"1\"")
            .json(&body)
            .send()
            .await
            .is_problem(412, "precondition-failed");
        let silent = json!({"step": "extend"});
        change(&auditor, Method::POST, &path, "steps", &silent)
            .await
            .is(422);
        let extended = change(&auditor, Method::POST, &path, "steps", &body).await;
        assert_eq!(extended.is(201).text_at("/due_at"), "2026-05-31T08:00:00Z");
        assert_eq!(extended.json["overdue"], false);
        let mails = app.mails_to(ANNA.email).await;
        assert!(mails.last().expect("a mail").body.contains("È complicato."));
        change(&auditor, Method::POST, &path, "steps", &body)
            .await
            .is_problem(409, "subject-request-extended-before");
        change(
            &auditor,
            Method::POST,
            &path,
            "steps",
            &json!({"step": "finish"}),
        )
        .await
        .is_problem(409, "subject-request-step-not-allowed");
        step(&auditor, &path, "refuse").await.is(201);
        let own = app.citizen(&ANNA).get("/v1/me/subject-requests").await;
        assert_eq!(own.text_at("/items/0/state"), "refused");
        assert_eq!(own.text_at("/items/0/answer"), "Ecco perché.");
        let others = app.citizen(&MARIO).get("/v1/me/subject-requests").await;
        assert_eq!(others.json["items"], json!([]));
    }
);

both!(
    an_erasure_that_was_interrupted_is_completed_and_says_what_it_kept,
    async |app| {
        let form = forms::report_not_found_logged_in(TO4);
        let first = app.file_as(&ANNA, &form, &[files::pdf(900)]).await;
        let second = app.file_as(&ANNA, &form, &[]).await;
        close(app, &first).await;
        close(app, &second).await;
        let_windows_run_out(app).await;
        let open = app.file_as(&ANNA, &form, &[]).await;
        let others = app.file_as(&MARIO, &form, &[]).await;
        let operator = app.as_("to4.operator").await;
        let said = format!(
            "Anche {} {} ne parla.",
            ANNA.given_name,
            ANNA.family_name.to_uppercase()
        );
        operator.act(&others.id, &note(&said, true)).await.is(201);

        let path = asked(app, &app.citizen(&ANNA), "erasure").await;
        let auditor = app.as_("auditor").await;
        let erasures = format!("{path}/erasures");
        let before = (
            app.footprint(),
            app.count("erasures"),
            app.count("subject_request_steps"),
        );
        let dry = auditor.post(&erasures, &json!({"dry_run": true})).await;
        assert_eq!(dry.is(200).json["erasure"]["erased_count"], 2);
        assert_eq!(dry.json["erasure"]["kept_count"], 1);
        let after = (
            app.footprint(),
            app.count("erasures"),
            app.count("subject_request_steps"),
        );
        assert_eq!(after, before, "a dry run writes nothing");

        let asked = auditor.post(&erasures, &json!({"dry_run": false})).await;
        let id = asked.is(201).text_at("/erasure/id").to_owned();
        let approvals = format!("{erasures}/{id}/approvals");
        app.run_jobs();
        assert_eq!(
            app.count("erasure_items"),
            0,
            "nothing is done by one person"
        );
        auditor
            .post(&approvals, &json!({}))
            .await
            .is_problem(409, "second-person-needed");
        let supervisor = app.as_("region.supervisor").await;
        supervisor.post(&approvals, &json!({})).await.is(201);

        // The desk stops after the first request, and another one goes on.
        let asked = std::cell::Cell::new(0);
        let is_stopping = || {
            asked.set(asked.get() + 1);
            asked.get() > 2
        };
        app.desk.run_due_work_until(&is_stopping).expect("it stops");
        assert_eq!(app.count("erasure_items"), 1);
        app.another_desk().run_due_work().expect("it goes on");

        let report = auditor.get(&format!("{path}/report")).await;
        let erasure = &report.is(200).json["erasures"][0];
        assert_eq!(erasure["erasure"]["state"], "done");
        assert_eq!(erasure["erasure"]["erased_count"], 2);
        let kept: Vec<_> = erasure["tickets"]
            .as_array()
            .expect("a list")
            .iter()
            .filter(|ticket| ticket["outcome"] == "kept")
            .map(|ticket| (ticket["id"].clone(), ticket["reason"].clone()))
            .collect();
        assert_eq!(kept, [(json!(open.id), json!("open"))]);
        for gone in [&first, &second] {
            let screen = operator.screen(&gone.id).await;
            let all = screen.everything();
            assert!(
                !all.contains(ANNA.tax_code) && !all.contains(ANNA.email),
                "{all}"
            );
            assert!(!all.contains(ANNA.family_name), "{all}");
        }
        let screen = operator.screen(&open.id).await;
        assert!(screen.everything().contains(ANNA.family_name));
        let own = app.citizen(&ANNA).get("/v1/me/tickets").await;
        assert_eq!(own.json["items"].as_array().map(Vec::len), Some(1));

        let mention = &erasure["mentions"][0];
        assert_eq!(erasure["mentions"].as_array().map(Vec::len), Some(1));
        assert_eq!(
            (&mention["place"], &mention["ticket_id"]),
            (&json!("note"), &json!(others.id))
        );
        assert!(!report.everything().contains(ANNA.family_name));
        let mention = mention["id"].as_str().expect("an id");
        let review = format!("{path}/mentions/{mention}/reviews");
        auditor.post(&review, &json!({})).await.is(204);
        let report = auditor.get(&format!("{path}/report")).await;
        assert_eq!(
            report.json["erasures"][0]["erasure"]["mention_to_review_count"],
            0
        );
    }
);

both!(
    a_restricted_request_takes_no_action_until_that_is_lifted,
    async |app| {
        let ticket = app
            .file_as(&ANNA, &forms::report_not_found_logged_in(TO4), &[])
            .await;
        close(app, &ticket).await;
        let anna = app.citizen(&ANNA);
        let path = asked(app, &anna, "restriction").await;
        let auditor = app.as_("auditor").await;
        auditor
            .post(&format!("{path}/exports"), &json!({"delivery": "citizen"}))
            .await
            .is_problem(409, "subject-request-other-kind");
        let restricted = change(&auditor, Method::POST, &path, "restrictions", &json!({})).await;
        assert_eq!(restricted.is(201).text_at("/tickets/0/id"), ticket.id);

        let operator = app.as_("to4.operator").await;
        let screen = operator.screen(&ticket.id).await;
        assert_eq!(screen.text_at("/restricted_at"), "2026-03-02T08:00:00Z");
        let before = app.footprint();
        operator
            .act(&ticket.id, &note("Una nota.", false))
            .await
            .is_problem(409, "restricted");
        anna.post(
            &ticket.own_path("/messages"),
            &json!({"body": "Ancora io."}),
        )
        .await
        .is_problem(409, "restricted");
        assert_eq!(app.footprint(), before, "nothing is written on refusal");
        // Time stands still for it as well.
        let_windows_run_out(app).await;
        let operator = app.as_("to4.operator").await;
        assert_eq!(
            operator.screen(&ticket.id).await.text_at("/state"),
            "resolved"
        );

        let auditor = app.as_("auditor").await;
        step(&auditor, &path, "finish").await.is(201);
        let lifted = change(
            &auditor,
            Method::DELETE,
            &path,
            "restrictions/current",
            &json!({}),
        )
        .await;
        assert_eq!(
            lifted.is(200).json["tickets"][0]["restricted_at"],
            Value::Null
        );
        app.run_jobs();
        assert_eq!(
            operator.screen(&ticket.id).await.text_at("/state"),
            "auto-closed"
        );
    }
);

both!(a_rectified_address_gets_the_next_mail, async |app| {
    let ticket = app
        .file_anonymous(&forms::report_not_found(&MARIO, TO4), &[])
        .await;
    let path = asked(app, &app.tracking(&ticket).await, "rectification").await;
    let auditor = app.as_("auditor").await;
    let (new, name) = ("mario.nuovo@example.org", "Rossini");
    let unproved = json!({"family_name": name});
    change(&auditor, Method::POST, &path, "rectifications", &unproved)
        .await
        .is(422);
    let right = json!({"email": new, "family_name": name, "evidence": "Carta d'identità"});
    let done = change(&auditor, Method::POST, &path, "rectifications", &right).await;
    assert_eq!(
        done.is(201).json["tickets"][0]["rectified"],
        json!(["email", "family_name"])
    );
    let operator = app.as_("to4.operator").await;
    let screen = operator.screen(&ticket.id).await;
    assert!(
        screen.everything().contains(name),
        "{}",
        screen.everything()
    );
    assert!(!screen.everything().contains(MARIO.email));
    let old = app.mails_to(MARIO.email).await.len();
    let question = json!({"action": "ask-info", "note": {"body": "Quando?", "published": true}});
    operator.act(&ticket.id, &question).await.is(201);
    assert_eq!(app.mails_to(new).await.len(), 1);
    assert_eq!(app.mails_to(MARIO.email).await.len(), old);
    let timeline = operator.get(&ticket.staff_path("/timeline")).await;
    assert!(timeline.everything().contains("request.rectified"));
    assert!(!timeline.everything().contains(new));
    let found = operator
        .post("/v1/ticket-searches", &json!({"email": new}))
        .await;
    assert_eq!(found.text_at("/items/0/id"), ticket.id);
});

//! Who learns of an activity: the region and the technical desk; neither the citizen nor an authority,
//! and the technical desk nothing of the citizen.

use reqwest::Method;
use serde_json::json;
use tests::citizens::{ANNA, MARIO};
use tests::people::{CN1, TO4};
use tests::{Client, Filed, TestApp, both, forms};

use super::{activity, form, open, open_action, patch, tool};

/// What every planted text begins with.
const MARK: &str = "SEGNO";

struct Planted {
    filed: Filed,
    path: String,
}

/// An activity with marks in each of its texts, worked to its end, and its ticket back at TO4.
async fn plant(app: &TestApp, filed: Filed, requester: &Client) -> Planted {
    let operator = app.as_("to4.operator").await;
    let hand_over = json!({
        "action": "hand-over", "reason_code": "regional-service",
        "note": {"body": "Non è di nostra competenza.", "published": true},
    });
    operator.act(&filed.id, &hand_over).await.is(201);
    let region = app.as_("region.operator").await;
    region
        .act(&filed.id, &json!({"action": "take"}))
        .await
        .is(201);
    let note = json!({"body": "Nota interna della regione: PRIVATO.", "published": false});
    region
        .act(&filed.id, &json!({"action": "note", "note": note}))
        .await
        .is(201);
    let texts = json!({
        "summary": format!("{MARK}-summary"), "detail": format!("{MARK}-detail"),
        "asset": format!("{MARK}-asset"),
    });
    let mut action = open_action(&texts);
    action["note"] = json!({"body": format!("{MARK}-note"), "published": true});
    region.act(&filed.id, &action).await.is(201);
    let screen = region.screen(&filed.id).await;
    let path = format!("/v1/activities/{}", screen.text_at("/activities/0/id"));
    look(app, &filed, requester).await;

    let technician = app.as_("technician").await;
    let comments = format!("{path}/comments");
    for (client, name) in [(&technician, "technician"), (&region, "region")] {
        let body = json!({"body": format!("{MARK}-comment-{name}")});
        client.post(&comments, &body).await.is(201);
    }
    let (_, tool) = tool(app).await;
    let body = json!({"body": format!("{MARK}-comment-tool"), "external_id": format!("{MARK}-w1")});
    tool.post(&comments, &body).await.is(201);
    let body = json!({"external_id": format!("{MARK}-i1"), "state": "In corso", "sequence": 1});
    tool.put(&format!("{path}/external-record"), &body)
        .await
        .is(200);
    look(app, &filed, requester).await;
    let seen = technician.get(&path).await;
    technician
        .patch(&path, seen.etag(), &json!({"state": "resolved"}))
        .await
        .is(200);
    look(app, &filed, requester).await;
    let back = json!({"action": "return", "note": {"body": "Fatto da noi.", "published": true}});
    region.act(&filed.id, &back).await.is(201);
    look(app, &filed, requester).await;
    // What comes afterwards finds the ticket at an authority.
    let seen = technician.get(&path).await;
    technician
        .patch(&path, seen.etag(), &json!({"state": "closed"}))
        .await
        .is(200);
    look(app, &filed, requester).await;
    Planted { filed, path }
}

/// Looks for marks wherever the requester can look.
async fn look(app: &TestApp, filed: &Filed, requester: &Client) {
    let mut seen = String::new();
    for target in ["/v1/me/tickets".to_owned(), filed.own_path("")] {
        for lang in ["it", "en"] {
            let request = requester.request(Method::GET, &target);
            let reply = request.header("accept-language", lang).send().await;
            seen.push_str(&reply.is(200).everything());
        }
    }
    assert!(!seen.contains(MARK), "the requester reads: {seen}");
    for word in [
        "activity",
        "external-work",
        "attività",
        "lavorazione",
        "TEC010",
    ] {
        assert!(!seen.contains(word), "the requester reads {word}: {seen}");
    }
    for mail in app.mails().await {
        let text = format!("{mail:?}");
        assert!(!text.contains(MARK), "mailed: {text}");
    }
    let deliveries = app.count("changes WHERE CAST(detail AS TEXT) LIKE '%SEGNO%'");
    assert_eq!(deliveries, 0, "the feed holds texts");
    let outbox = app.count("outbox WHERE payload LIKE '%SEGNO%'");
    assert_eq!(outbox, 0, "webhooks hold texts");
    let history = app.count("ticket_events WHERE CAST(change AS TEXT) LIKE '%SEGNO%'");
    assert_eq!(history, 0, "events hold texts");
}

/// Everything a member of a desk can read of the ticket.
async fn views(member: &Client, filed: &Filed) -> String {
    let mut seen = member.screen(&filed.id).await.everything();
    for target in [
        filed.staff_path("/timeline?limit=100"),
        "/v1/tickets".to_owned(),
        "/v1/queues".to_owned(),
        "/v1/changes?limit=100".to_owned(),
    ] {
        seen.push_str(&member.get(&target).await.is(200).everything());
    }
    seen
}

async fn look_at_the_desks(app: &TestApp, planted: &Planted) {
    for who in ["to4.operator", "to4.supervisor", "to4.admin"] {
        let member = app.as_(who).await;
        let seen = views(&member, &planted.filed).await;
        assert!(!seen.contains(MARK), "{who} reads: {seen}");
        assert!(!seen.contains("\"activity."), "{who} reads: {seen}");
        let screen = member.screen(&planted.filed.id).await;
        assert_eq!(screen.list_at("/activities").len(), 0, "{who}");
        member.get(&planted.path).await.is_problem(403, "forbidden");
    }
    let region = app.as_("region.supervisor").await;
    let seen = region.screen(&planted.filed.id).await.everything();
    for name in ["summary", "detail", "asset", "note"] {
        assert!(seen.contains(&format!("{MARK}-{name}")), "{name}");
    }
    let shown = region.get(&planted.path).await.everything();
    for name in ["technician", "region", "tool"] {
        assert!(shown.contains(&format!("{MARK}-comment-{name}")), "{name}");
    }
}

both!(
    a_citizen_and_an_authority_learn_nothing_of_an_activity,
    async |app| {
        let filed = app.file_as(&MARIO, &form(), &[]).await;
        let mario = app.citizen(&MARIO);
        let planted = plant(app, filed, &mario).await;
        look_at_the_desks(app, &planted).await;
        mario.get(&planted.path).await.is_problem(403, "forbidden");
        // What the requester does meanwhile is answered without it, too.
        let told = mario
            .post(
                &planted.filed.own_path("/messages"),
                &json!({"body": "Ci sono novità?"}),
            )
            .await;
        assert!(!told.is(201).everything().contains(MARK), "{told}");
    }
);

both!(
    an_anonymous_requester_is_mailed_nothing_of_an_activity,
    async |app| {
        let mut filing = forms::report_not_found(&ANNA, TO4);
        filing["problem_type"] = json!("errore-tecnico");
        let filed = app.file_anonymous(&filing, &[]).await;
        let anna = app.tracking(&filed).await;
        let planted = plant(app, filed, &anna).await;
        look_at_the_desks(app, &planted).await;
    }
);

both!(
    the_technical_desk_learns_nothing_of_the_citizen_and_no_note,
    async |app| {
        let filed = app.file_as(&MARIO, &form(), &[]).await;
        let planted = plant(app, filed, &app.citizen(&MARIO)).await;
        let technician = app.as_("technician").await;
        let (_, tool) = tool(app).await;
        let mut seen = String::new();
        for client in [&technician, &tool] {
            for target in ["/v1/activities", planted.path.as_str()] {
                seen.push_str(&client.get(target).await.is(200).everything());
            }
        }
        let news = tool.get("/v1/activity-changes?limit=100").await;
        seen.push_str(&news.is(200).everything());
        assert!(seen.contains(&planted.filed.number));
        assert!(seen.contains(&format!("{MARK}-detail")));
        for hidden in [
            MARIO.tax_code,
            MARIO.family_name,
            MARIO.email,
            "Non trovo il referto",
            "PRIVATO",
            "non è di nostra competenza",
            "Fatto da noi",
        ] {
            assert!(!seen.contains(hidden), "{hidden} in {seen}");
        }
        // Tickets are not theirs at all.
        for target in ["/v1/tickets", &planted.filed.staff_path("")] {
            technician.get(target).await.is_problem(403, "forbidden");
        }
    }
);

both!(
    webhooks_of_the_technical_desk_name_who_brought_a_change,
    async |app| {
        let system = app.as_("system-admin").await;
        let endpoint = json!({
            "url": "http://receiver.test:9/", "label": "Prova", "event_types": ["activity.*"],
            "authority_code": "TEC010",
        });
        system
            .post("/v1/webhook-endpoints", &endpoint)
            .await
            .is(201);
        let opened = open(app, &activity()).await;
        let (program, tool) = tool(app).await;
        let body = json!({"external_id": "INC1", "state": "In corso", "sequence": 1});
        tool.put(&opened.record(), &body).await.is(200);
        let technician = app.as_("technician").await;
        patch(&technician, &opened, &json!({"state": "resolved"}))
            .await
            .is(200);
        let of = |kind: &str, more: &str| {
            app.count(&format!(
                "outbox WHERE channel = 'webhook' AND payload LIKE '%{kind}%' AND payload LIKE '%{more}%'"
            ))
        };
        assert_eq!(of("activity.opened", ""), 1);
        assert_eq!(of("activity.changed", ""), 1);
        let own = program.id.to_string();
        assert_eq!(of("activity.changed", &own), 1, "it names the program");
        assert_eq!(of("", &own), 1);
        assert_eq!(of("activity.closed", "resolved"), 1);
    }
);

both!(
    an_authority_reads_no_rule_and_no_playbook_of_another_desk,
    async |app| {
        let form = forms::report_not_found_logged_in(TO4);
        let filed = app.file_as(&MARIO, &form, &[]).await;
        let to4 = app.as_("to4.operator").await;
        to4.pass_playbook(&filed.id).await;
        let hand_over = json!({
            "action": "hand-over", "reason_code": "checks-passed",
            "note": {"body": "Il referto risulta inviato.", "published": true},
        });
        to4.act(&filed.id, &hand_over).await.is(201);
        let region = app.as_("region.operator").await;
        let note = json!({"body": "È di CN1.", "published": true});
        let reroute = json!({"action": "reroute", "authority_code": CN1, "note": note});
        region.act(&filed.id, &reroute).await.is(201);

        let has = |screen: &tests::Reply, member: &str| {
            let entries = screen.list_at("/timeline").iter();
            entries
                .filter(|one| !one["details"][member].is_null())
                .count()
        };
        let screen = to4.screen(&filed.id).await;
        assert_eq!((has(&screen, "route"), has(&screen, "playbook")), (0, 2));
        let cn1 = app.as_("cn1.supervisor").await;
        let screen = cn1.screen(&filed.id).await;
        assert_eq!(has(&screen, "playbook"), 0, "{screen}");
        assert_ne!(has(&screen, "route"), 0, "who leads reads the rules");
        let operator = app.as_("cn1.operator").await;
        let page = operator.get(&filed.staff_path("/timeline?limit=100")).await;
        assert!(!page.is(200).text().contains("\"route\""), "{page}");
        let screen = region.screen(&filed.id).await;
        assert_eq!(has(&screen, "playbook"), 2);
    }
);

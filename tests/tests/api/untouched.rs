//! What nobody took: the lists and counters of it, and the alert.

use serde_json::{Value, json};
use tests::citizens::MARIO;
use tests::people::{CN1, REGION, TO4};
use tests::requester::Filed;
use tests::{Client, TestApp, both};

/// A request that no playbook governs.
fn form(authority: &str) -> Value {
    json!({
        "service_code": "FSE", "problem_type": "errore-tecnico", "authority_code": authority,
        "description": "La pagina mostra un errore.", "privacy_ack": true,
    })
}

async fn file(app: &TestApp, authority: &str) -> Filed {
    app.file_as(&MARIO, &form(authority), &[]).await
}

async fn act(app: &TestApp, username: &str, filed: &Filed, action: Value) {
    let client = app.as_(username).await;
    client.act(&filed.id, &action).await.is(201);
}

fn hand_over() -> Value {
    let note = json!({"body": "Guasto del sistema regionale.", "published": true});
    json!({"action": "hand-over", "reason_code": "regional-service", "note": note})
}

fn send_back() -> Value {
    let note = json!({"body": "Mancano i dati.", "published": true});
    json!({"action": "return", "note": note})
}

fn reroute() -> Value {
    let note = json!({"body": "È di CN1.", "published": true});
    json!({"action": "reroute", "authority_code": CN1, "note": note})
}

/// The alerts a caller is told of, in order: kind, desk and level.
async fn alerts(client: &Client) -> Vec<(String, String, String)> {
    let page = client.get("/v1/changes?limit=100").await;
    page.is(200);
    let rows = page.list_at("/items").iter();
    rows.filter(|row| {
        row["type"]
            .as_str()
            .is_some_and(|kind| kind.ends_with(".untouched"))
    })
    .map(|row| {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        (
            text(&row["type"]),
            text(&row["desk"]),
            text(&row["data"]["level"]),
        )
    })
    .collect()
}

fn alert(kind: &str, desk: &str, level: &str) -> (String, String, String) {
    (kind.to_owned(), desk.to_owned(), level.to_owned())
}

async fn numbers(client: &Client, filter: &str) -> Vec<String> {
    let page = client
        .get(&format!("/v1/tickets?{filter}&sort=created_at"))
        .await;
    let items = page.is(200).list_at("/items").iter();
    items
        .map(|item| item["number"].as_str().expect("a number").to_owned())
        .collect()
}

both!(
    a_desk_finds_what_nobody_took_and_what_came_from_elsewhere,
    async |app| {
        let [fresh, taken, back, worked] = [
            file(app, TO4).await,
            file(app, TO4).await,
            file(app, TO4).await,
            file(app, TO4).await,
        ];
        act(app, "to4.operator", &taken, json!({"action": "take"})).await;
        for filed in [&back, &worked] {
            act(app, "to4.operator", filed, hand_over()).await;
            act(app, "region.operator", filed, send_back()).await;
        }
        act(app, "to4.operator", &worked, json!({"action": "take"})).await;
        let operator = app.as_("to4.operator").await;
        let of = |all: &[&Filed]| -> Vec<String> {
            all.iter().map(|filed| filed.number.clone()).collect()
        };
        assert_eq!(
            numbers(&operator, "untouched=true").await,
            of(&[&fresh, &back])
        );
        assert_eq!(
            numbers(&operator, "untouched=false").await,
            of(&[&taken, &worked])
        );
        assert_eq!(
            numbers(&operator, "transferred=true").await,
            of(&[&back, &worked])
        );
        assert_eq!(
            numbers(&operator, "untouched=true&transferred=true").await,
            of(&[&back])
        );
        assert_eq!(
            numbers(&operator, "untouched=true&transferred=false").await,
            of(&[&fresh])
        );
        let search = json!({"untouched": true, "transferred": true, "tax_code": MARIO.tax_code});
        let found = operator.post("/v1/ticket-searches", &search).await;
        assert_eq!(found.is(200).text_at("/items/0/number"), back.number);
        assert_eq!(found.list_at("/items").len(), 1);
        let queue = operator.get("/v1/queues").await;
        assert_eq!(queue.json["untouched"], 2);
        assert_eq!(queue.json["transferred_untouched"], 1);
        operator
            .get("/v1/tickets?untouched=perhaps")
            .await
            .is_problem(400, "malformed-request");
        // At the region it is what was handed over and lies there.
        act(app, "to4.operator", &fresh, hand_over()).await;
        let queue = app.as_("region.operator").await.get("/v1/queues").await;
        assert_eq!(queue.json["untouched"], 1);
        assert_eq!(queue.json["transferred_untouched"], 1);
    }
);

both!(
    after_a_working_day_those_who_lead_hear_of_what_nobody_took_and_once,
    async |app| {
        let filed = file(app, TO4).await;
        let taken = file(app, TO4).await;
        app.advance("P1DT23H");
        act(app, "to4.operator", &taken, json!({"action": "take"})).await;
        // Monday at nine in Rome, and by now it is Wednesday at eight: a working day was over on Tuesday.
        app.run_jobs();
        app.run_jobs();
        let expected = [alert("queue.untouched", TO4, "supervisor")];
        assert_eq!(alerts(&app.as_("to4.supervisor").await).await, expected);
        assert_eq!(alerts(&app.as_("cn1.supervisor").await).await, []);
        let page = app
            .as_("to4.supervisor")
            .await
            .get("/v1/changes?limit=100")
            .await;
        let told = page.list_at("/items").iter();
        let told: Vec<_> = told
            .filter(|row| row["type"] == "queue.untouched")
            .collect();
        assert_eq!(told[0]["ticket_id"], filed.id.as_str());
        assert_eq!(told[0]["data"]["number"], filed.number.as_str());
        app.advance("P9D");
        app.run_jobs();
        assert_eq!(alerts(&app.as_("to4.supervisor").await).await, expected);
        // It is nobody's attention that is asked for: the flag is the requester's.
        let screen = app.as_("to4.operator").await.screen(&filed.id).await;
        assert_eq!(screen.json["needs_attention"], false);
    }
);

both!(
    nothing_is_told_before_the_working_day_is_over,
    async |app| {
        // Friday at nine in the morning in Rome.
        app.advance("P4D");
        file(app, TO4).await;
        app.advance("P2DT20H");
        app.run_jobs();
        let supervisor = app.as_("to4.supervisor").await;
        assert_eq!(
            alerts(&supervisor).await,
            [],
            "a week-end is no working time"
        );
        app.advance("PT5H");
        app.run_jobs();
        let supervisor = app.as_("to4.supervisor").await;
        assert_eq!(alerts(&supervisor).await.len(), 1);
    }
);

both!(
    what_was_handed_over_and_lies_at_the_region_is_told_there,
    async |app| {
        let filed = file(app, TO4).await;
        act(app, "to4.operator", &filed, hand_over()).await;
        app.advance("P2D");
        app.run_jobs();
        let expected = [alert("handover.untouched", REGION, "supervisor")];
        assert_eq!(alerts(&app.as_("region.supervisor").await).await, expected);
        assert_eq!(alerts(&app.as_("to4.supervisor").await).await, []);
        // The next leg has its own time, and the region hears where it lies as well.
        act(app, "region.operator", &filed, reroute()).await;
        app.run_jobs();
        assert_eq!(alerts(&app.as_("cn1.supervisor").await).await, []);
        app.advance("P2D");
        app.run_jobs();
        assert_eq!(
            alerts(&app.as_("cn1.supervisor").await).await,
            [alert("handover.untouched", CN1, "supervisor")]
        );
        assert_eq!(
            alerts(&app.as_("region.supervisor").await).await[1..],
            [
                alert("handover.untouched", CN1, "supervisor"),
                alert("handover.untouched", REGION, "region")
            ]
        );
    }
);

both!(
    an_earlier_legs_time_says_nothing_of_the_present_one,
    async |app| {
        let filed = file(app, TO4).await;
        app.advance("PT20H");
        act(app, "to4.operator", &filed, hand_over()).await;
        app.advance("PT6H");
        app.run_jobs();
        assert_eq!(alerts(&app.as_("region.supervisor").await).await, []);
    }
);

both!(nothing_is_told_of_what_is_over, async |app| {
    let [removed, withdrawn] = [file(app, TO4).await, file(app, TO4).await];
    let note = json!({"body": "Prova.", "published": false});
    let remove = json!({"action": "remove", "removal_reason": "prova", "note": note});
    act(app, "to4.supervisor", &removed, remove).await;
    app.citizen(&MARIO)
        .post(&withdrawn.own_path("/withdrawal"), &json!({}))
        .await
        .is(201);
    app.advance("P3D");
    app.run_jobs();
    assert_eq!(alerts(&app.as_("region.supervisor").await).await, []);
});

both!(
    what_was_given_to_a_colleague_who_does_nothing_is_told_all_the_same,
    async |app| {
        let supervisor = app.as_("to4.supervisor").await;
        let path = "/v1/assignment-settings";
        let seen = supervisor.get(path).await;
        let request = supervisor.request(reqwest::Method::PUT, path);
        let request = request.if_match(seen.etag());
        request
            .json(&json!({"mode": "least-loaded"}))
            .send()
            .await
            .is(200);
        let filed = file(app, TO4).await;
        let screen = supervisor.screen(&filed.id).await;
        assert_ne!(screen.json["assignee"], Value::Null);
        app.advance("P2D");
        app.run_jobs();
        assert_eq!(
            alerts(&app.as_("to4.supervisor").await).await,
            [alert("queue.untouched", TO4, "supervisor")]
        );
    }
);

//! Versions: proposed, seen by a second person, tried out, put into force, retired.

use serde_json::{Value, json};
use tests::{Client, Reply, TestApp, both};

use super::{answer, file, hand_over, playbook};

const SHIPPED: &str = include_str!("../../../../config/reference/playbooks/pb-2.toml");
const VERSIONS: &str = "/v1/playbooks/PB-2/versions";

/// PB-2 with another word for what nobody asked on line: the authority has something to do itself.
fn changed() -> String {
    let changed = SHIPPED.replacen(
        "decision = \"answer-citizen\"\nwhy",
        "decision = \"ask-citizen\"\nwhy",
        1,
    );
    changed.replacen("resolution = \"information-given\"\n", "", 1)
}

async fn propose(client: &Client, definition: &str) -> Reply {
    let body = json!({"definition": definition, "comment": "Prima si chiede."});
    client.post(VERSIONS, &body).await
}

async fn step(client: &Client, version: i64, step: &str) -> Reply {
    let target = format!("{VERSIONS}/{version}/{step}");
    client.post(&target, &json!({})).await
}

async fn simulate(client: &Client, version: i64) -> Reply {
    let target = format!("{VERSIONS}/{version}/simulations");
    client.post(&target, &json!({"last": 100})).await
}

fn states(list: &Reply) -> Vec<(i64, &str)> {
    let items = list.list_at("/items").iter();
    items
        .map(|one| {
            let state = one["state"].as_str().expect("a state");
            (one["version"].as_i64().expect("a version"), state)
        })
        .collect()
}

/// A ticket that was told how to collect its report, resolved and closed.
async fn closed(app: &TestApp) -> Value {
    let filed = file(app).await;
    let operator = app.as_("to4.operator").await;
    let told = answer(&operator, &filed, json!({"c1": "yes", "c2": "no"})).await;
    assert_eq!(told.is(200).text_at("/decision"), "answer-citizen");
    operator.act(&filed.id, &super::resolve()).await.is(201);
    app.advance("P8D");
    app.run_jobs();
    let operator = app.as_("to4.operator").await;
    let screen = operator.screen(&filed.id).await;
    assert_eq!(screen.text_at("/state"), "auto-closed");
    json!(filed.number)
}

both!(what_is_shipped_is_in_force_from_the_start, async |app| {
    let operator = app.as_("to4.operator").await;
    let all = operator.get("/v1/playbooks").await;
    let codes: Vec<_> = all.is(200).list_at("/items").iter().collect();
    assert_eq!(codes.len(), 7, "{all}");
    assert!(
        codes
            .iter()
            .all(|one| one["version"] == 1 && one["open_versions"] == 0)
    );
    let list = operator.get(VERSIONS).await;
    assert_eq!(states(list.is(200)), [(1, "active")]);
    let one = operator.get(&format!("{VERSIONS}/1")).await;
    assert_eq!(one.is(200).text_at("/definition"), SHIPPED);
    assert!(one.json["activated"]["by"].is_null(), "{one}");
    for nowhere in [
        "/v1/playbooks/PB-99/versions",
        "/v1/playbooks/PB-2/versions/9",
    ] {
        operator.get(nowhere).await.is_problem(404, "not-found");
    }
});

both!(
    a_version_is_approved_by_another_and_takes_the_place_of_the_one_before,
    async |app| {
        let supervisor = app.as_("to4.supervisor").await;
        let region = app.as_("region.supervisor").await;
        let system = app.as_("system-admin").await;
        let draft = propose(&region, &changed()).await;
        assert_eq!(draft.is(201).json["version"], 2);
        assert_eq!(draft.text_at("/state"), "draft");
        step(&region, 2, "approvals")
            .await
            .is_problem(409, "own-proposal");
        step(&supervisor, 2, "approvals")
            .await
            .is_problem(403, "forbidden");
        let early = step(&region, 2, "activations").await;
        early.is_problem(409, "playbook-step-not-allowed");
        assert_eq!(early.json["allowed"], json!(["approve", "retire"]));
        let approved = step(&system, 2, "approvals").await;
        assert_eq!(approved.is(201).text_at("/state"), "approved");
        let active = step(&region, 2, "activations").await;
        assert_eq!(active.is(201).text_at("/state"), "active");
        assert!(!active.json["activated"]["by"].is_null(), "{active}");
        let list = region.get(VERSIONS).await;
        assert_eq!(states(&list), [(2, "active"), (1, "retired")]);
        step(&region, 1, "activations")
            .await
            .is_problem(409, "playbook-step-not-allowed");
        // Others go on to it: it may be replaced, not taken away.
        step(&region, 2, "retirements")
            .await
            .is_problem(409, "playbook-in-use");
        assert_eq!(
            propose(&supervisor, SHIPPED).await.is(201).json["version"],
            3
        );
        assert_eq!(
            step(&region, 3, "retirements")
                .await
                .is(201)
                .text_at("/state"),
            "retired"
        );
    }
);

both!(
    a_definition_that_does_not_hold_is_refused_with_its_mistakes,
    async |app| {
        let supervisor = app.as_("to4.supervisor").await;
        let before = app.count("playbook_versions");
        let unsound = SHIPPED.replacen("decision = \"escalate\"", "decision = \"upwards\"", 1);
        let refused = propose(&supervisor, &unsound).await;
        refused.is_problem(422, "validation-error");
        assert_eq!(refused.errors()[0], ("/definition", "invalid-playbook"));
        let message = refused.text_at("/errors/0/message");
        let line = message.strip_prefix("definition:").expect("a line");
        assert!(line.starts_with(|c: char| c.is_ascii_digit()), "{message}");
        let other = include_str!("../../../../config/reference/playbooks/pb-3.toml");
        let refused = propose(&supervisor, other).await;
        refused.has_errors(&[("/definition", "another-code")]);
        let empty = json!({"definition": " ", "comment": ""});
        let refused = supervisor.post(VERSIONS, &empty).await;
        refused.has_errors(&[("/definition", "required"), ("/comment", "required")]);
        assert_eq!(app.count("playbook_versions"), before);
    }
);

both!(
    a_version_is_tried_on_closed_tickets_before_it_is_in_force,
    async |app| {
        let number = closed(app).await;
        let region = app.as_("region.supervisor").await;
        let system = app.as_("system-admin").await;
        propose(&region, &changed()).await.is(201);
        step(&system, 2, "approvals").await.is(201);
        step(&region, 2, "activations")
            .await
            .is_problem(409, "playbook-not-tried");
        let tried = simulate(&region, 2).await;
        assert_eq!(tried.is(201).json["tried"], 1);
        assert_eq!(tried.json["changed"], 1);
        let turned = json!([{"was": "answer-citizen", "would_be": "ask-citizen", "tickets": 1}]);
        assert_eq!(tried.json["turned"], turned);
        assert_eq!(tried.json["tickets"], json!([number]));
        // Who keeps the machine sees no case.
        let tried = simulate(&system, 2).await;
        assert_eq!(tried.is(201).json["changed"], 1);
        assert_eq!(tried.json["tickets"], json!([]));
        step(&region, 2, "activations").await.is(201);
        let too_many = json!({"last": 501});
        let target = format!("{VERSIONS}/2/simulations");
        region.post(&target, &too_many).await.is(422);
    }
);

both!(a_ticket_keeps_the_versions_it_was_begun_with, async |app| {
    let old = file(app).await;
    let operator = app.as_("to4.operator").await;
    answer(&operator, &old, json!({"c1": "yes"})).await.is(200);
    let region = app.as_("region.supervisor").await;
    propose(&region, &changed()).await.is(201);
    step(&app.as_("system-admin").await, 2, "approvals")
        .await
        .is(201);
    simulate(&region, 2).await.is(201);
    step(&region, 2, "activations").await.is(201);
    let new = file(app).await;
    let answers = json!({"c1": "yes", "c2": "no"});
    let by_old = answer(&operator, &old, answers.clone()).await;
    assert_eq!(by_old.is(200).text_at("/decision"), "answer-citizen");
    assert_eq!(by_old.json["playbook"]["version"], 1);
    let by_new = answer(&operator, &new, answers).await;
    assert_eq!(by_new.is(200).text_at("/decision"), "ask-citizen");
    assert_eq!(by_new.json["playbook"]["version"], 2);
    // Also on a node that reads everything anew, and in what the hand-over keeps.
    let again = app.another_desk();
    again.list_playbooks().expect("the playbooks");
    answer(&operator, &old, json!({"c2": "yes", "c3": "yes"}))
        .await
        .is(200);
    operator.act(&old.id, &hand_over()).await.is(201);
    let at_region = app.as_("region.operator").await;
    let seen = playbook(&at_region, &old).await;
    assert_eq!(seen.list_at("/earlier_runs")[0]["begun_with"]["version"], 1);
});

both!(
    a_text_that_comes_with_an_update_is_proposed_and_not_in_force,
    async |app| {
        for _ in 0..2 {
            app.update_playbooks("Capire di chi è il referto", "Scoprire di chi è il referto");
        }
        let region = app.as_("region.supervisor").await;
        let list = region.get(VERSIONS).await;
        assert_eq!(states(list.is(200)), [(2, "draft"), (1, "active")]);
        assert!(list.json["items"][0]["created"]["by"].is_null(), "{list}");
        // The text of before is known, and comes back as no proposal.
        app.another_desk();
        assert_eq!(states(&region.get(VERSIONS).await).len(), 2);
        step(&region, 2, "approvals").await.is(201);
    }
);

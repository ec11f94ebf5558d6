//! What the rules would do, explained.

use serde_json::{Value, json};
use tests::both;
use tests::people::{CN1, TO4};

use super::{after, region_first};

fn case() -> Value {
    json!({
        "change": "filing",
        "service_code": "FSE",
        "problem_type": "errore-tecnico",
        "authority_code": TO4,
    })
}

fn with(members: &[(&str, Value)]) -> Value {
    let mut case = case();
    for (name, value) in members {
        case[*name] = value.clone();
    }
    case
}

both!(
    a_decision_is_explained_with_every_rule_that_was_tried,
    async |app| {
        let supervisor = app.as_("to4.supervisor").await;
        let before = (app.footprint(), app.count("routing_versions"));
        let told = supervisor.post("/v1/routing/preview", &case()).await;
        told.is(200);
        assert_eq!(told.json["desk"]["code"], TO4);
        assert_eq!(told.json["rule"], "declared-authority");
        assert_eq!(told.json["version"], 1);
        assert_eq!(told.json["moves"], true);
        assert!(told.json["pool"].is_null());
        let tried = told.list_at("/tried");
        assert_eq!(tried.len(), 2);
        assert_eq!(tried[0]["rule"], "regional-services");
        assert_eq!(tried[0]["matches"], false);
        assert_eq!(
            tried[0]["reasons"],
            json!([{"code": "other-service-route", "message": "riguarda servizi che cominciano altrove"}])
        );
        assert_eq!(
            (&tried[1]["matches"], &tried[1]["reasons"]),
            (&json!(true), &json!([]))
        );

        // A return leads nowhere when nobody may take it; then the request stays with the region.
        let back = with(&[
            ("change", json!("return")),
            ("previous_authority_code", json!("010996")),
        ]);
        let told = supervisor.post("/v1/routing/preview", &back).await;
        assert_eq!(told.is(200).json["desk"]["code"], "REG010");
        assert_eq!(told.json["moves"], false);
        assert!(told.json["rule"].is_null());
        let last = told
            .list_at("/tried")
            .iter()
            .find(|one| one["rule"] == "return-to-previous");
        assert_eq!(last.unwrap()["reasons"][0]["code"], "target-not-enabled");
        assert_eq!((app.footprint(), app.count("routing_versions")), before);
    }
);

both!(rules_can_be_tried_before_they_are_entered, async |app| {
    let region = app.as_("region.supervisor").await;
    let trial = with(&[("definition", json!(region_first()))]);
    let told = region.post("/v1/routing/preview", &trial).await;
    assert_eq!(told.is(200).json["desk"]["code"], "REG010");
    assert!(told.json["version"].is_null());
    assert_eq!(app.count("routing_versions"), 1);

    let hours = "[[rule]]\n\
         code = \"closed\"\n\
         changes = [\"filing\"]\n\
         declared_authority_open = false\n\
         target = \"region\"\n\
         pool = \"supervisors\"\n";
    // Monday at noon, and the night before.
    for (at, desk, pool) in [
        ("2026-03-02T11:00:00Z", TO4, Value::Null),
        ("2026-03-02T02:00:00Z", "REG010", json!("supervisors")),
    ] {
        let trial = with(&[("definition", json!(after(hours))), ("at", json!(at))]);
        let told = region.post("/v1/routing/preview", &trial).await;
        assert_eq!(told.is(200).json["desk"]["code"], desk, "{at}");
        assert_eq!(told.json["pool"], pool, "{at}");
    }
    let wrong = with(&[("definition", json!("[[rule]]\n"))]);
    let told = region.post("/v1/routing/preview", &wrong).await;
    told.is_problem(422, "validation-error")
        .has_errors(&[("/definition", "malformed")]);
});

both!(all_that_is_wrong_with_a_case_is_told_at_once, async |app| {
    let region = app.as_("region.supervisor").await;
    let wrong = json!({
        "change": "birth",
        "service_code": "NOPE",
        "authority_code": "999999",
        "requester": "doctor",
        "channel": "fax",
        "reason_code": "because",
        "named_authority_code": CN1,
        "at": "yesterday",
    });
    let told = region.post("/v1/routing/preview", &wrong).await;
    told.is_problem(422, "validation-error")
        .has_errors(&[("/at", "invalid-format")]);
    let mut wrong = wrong;
    wrong.as_object_mut().unwrap().remove("at");
    let told = region.post("/v1/routing/preview", &wrong).await;
    told.is_problem(422, "validation-error").has_errors(&[
        ("/change", "not-in-list"),
        ("/service_code", "not-in-list"),
        ("/problem_type", "required"),
        ("/authority_code", "not-in-list"),
        ("/requester", "not-in-list"),
        ("/channel", "not-in-list"),
        ("/reason_code", "not-in-list"),
    ]);
    for (change, needed) in [
        ("hand-over", "/reason_code"),
        ("return", "/previous_authority_code"),
        ("reroute", "/named_authority_code"),
    ] {
        let told = region
            .post("/v1/routing/preview", &with(&[("change", json!(change))]))
            .await;
        told.has_errors(&[(needed, "required")]);
    }
    let personal = with(&[("tax_code", json!("RSSMRA80A01H501U"))]);
    let told = region.post("/v1/routing/preview", &personal).await;
    told.has_errors(&[("/tax_code", "unknown-field")]);
});

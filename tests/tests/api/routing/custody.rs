//! Custody as legs: where requests go by the rules, and what each party learns of it.

use serde_json::json;
use tests::citizens::ANNA;
use tests::people::{CN1, TO4};
use tests::{Options, both};

use super::{
    SHIPPED, after, enter, entry, file, hand_over, note, region_first, reroute, send_back,
    technical_error,
};

both!(
    each_change_of_custody_keeps_its_rule_and_version_and_no_citizen_reads_them,
    async |app| {
        let filed = file(app, TO4).await;
        enter(app, SHIPPED).await.is(201);
        let to4 = app.as_("to4.operator").await;
        to4.act(&filed.id, &hand_over()).await.is(201);
        let region = app.as_("region.operator").await;
        region.act(&filed.id, &send_back()).await.is(201);
        to4.act(&filed.id, &hand_over()).await.is(201);
        region.act(&filed.id, &reroute(CN1)).await.is(201);

        let screen = app.as_("region.supervisor").await.screen(&filed.id).await;
        for (event, rule, version) in [
            ("request.created", "declared-authority", 1),
            ("request.handed_over", "hand-over-to-region", 2),
            ("request.returned", "return-to-previous", 2),
            ("request.rerouted", "reroute-to-named", 2),
        ] {
            let route = &entry(&screen, event)["details"]["route"];
            assert_eq!(*route, json!({"rule": rule, "version": version}), "{event}");
        }
        let legs: Vec<_> = screen
            .list_at("/legs")
            .iter()
            .map(|leg| {
                (
                    leg["custody"]["code"].as_str().unwrap(),
                    leg["outcome"].as_str(),
                )
            })
            .collect();
        assert_eq!(
            legs,
            [
                (TO4, Some("not-competent")),
                ("REG010", Some("returned")),
                (TO4, Some("not-competent")),
                ("REG010", Some("rerouted")),
                (CN1, None),
            ]
        );

        // The requester reads where the request went when it was re-routed, and nothing of the rest.
        let anna = app.citizen(&ANNA);
        let own = anna.get(&filed.own_path("")).await;
        let told: Vec<_> = own
            .is(200)
            .list_at("/messages")
            .iter()
            .map(|message| (message["event"].clone(), message["text"].clone()))
            .collect();
        let assigned = "Assegnato a ASL CN1 (Cuneo, Mondovì, Savigliano, Saluzzo)";
        assert_eq!(
            told,
            [
                (json!("request.created"), json!("Richiesta ricevuta")),
                (json!("request.rerouted"), json!(assigned)),
            ]
        );
        for secret in [
            "\"route\"",
            "declared-authority",
            "reroute-to-named",
            "handed",
            "returned",
            "REG010",
        ] {
            assert!(!own.text().contains(secret), "{secret} in {own}");
        }
    }
);

both!(
    who_is_out_of_custody_changes_nothing_and_is_told_so,
    async |app| {
        let filed = file(app, TO4).await;
        // The region reads everything, and moves nothing that is not its own.
        let region = app.as_("region.supervisor").await;
        let before = app.footprint();
        for action in [send_back(), reroute(CN1)] {
            let refused = region.act(&filed.id, &action).await;
            refused.is_problem(403, "not-in-custody");
        }
        let cn1 = app.as_("cn1.operator").await;
        let path = filed.staff_path("/actions");
        for action in [hand_over(), send_back()] {
            let blind = cn1.request(reqwest::Method::POST, &path).if_match("\"1\"");
            blind
                .json(&action)
                .send()
                .await
                .is_problem(404, "not-found");
        }
        assert_eq!(app.footprint(), before);

        let to4 = app.as_("to4.operator").await;
        to4.act(&filed.id, &hand_over()).await.is(201);
        let before = app.footprint();
        let refused = to4.act(&filed.id, &hand_over()).await;
        refused.is_problem(403, "not-in-custody");
        for action in [send_back(), reroute(CN1)] {
            to4.act(&filed.id, &action)
                .await
                .is_problem(403, "forbidden");
        }
        assert_eq!(app.footprint(), before);
        let screen = region.screen(&filed.id).await;
        assert_eq!(screen.text_at("/state"), "not-competent");
        assert_eq!(screen.list_at("/legs").len(), 2);
    }
);

both!(
    a_request_may_begin_at_the_region_and_go_down_to_any_authority,
    async |app| {
        enter(app, &region_first()).await.is(201);
        let filed = file(app, TO4).await;
        let region = app.as_("region.operator").await;
        let screen = region.screen(&filed.id).await;
        assert_eq!(screen.text_at("/custody/code"), "REG010");
        assert_eq!(screen.text_at("/state"), "new");
        assert_eq!(screen.text_at("/declared_authority/code"), TO4, "I-7");
        region
            .act(&filed.id, &json!({"action": "take"}))
            .await
            .is(201);
        // Nobody had it before: there is nobody to return it to, and the first may be anybody.
        let refused = region.act(&filed.id, &send_back()).await;
        refused.has_errors(&[("/action", "no-previous-authority")]);
        region.act(&filed.id, &reroute(TO4)).await.is(201);
        app.as_("to4.operator")
            .await
            .act(&filed.id, &hand_over())
            .await
            .is(201);
        // Now it came from there: that is a return, not a re-route (T17).
        let refused = region.act(&filed.id, &reroute(TO4)).await;
        refused.has_errors(&[("/authority_code", "same-authority")]);
        region.act(&filed.id, &send_back()).await.is(201);
    }
);

both!(the_second_return_is_a_regional_supervisors, async |app| {
    let filed = file(app, TO4).await;
    let to4 = app.as_("to4.operator").await;
    let region = app.as_("region.operator").await;
    to4.act(&filed.id, &hand_over()).await.is(201);
    region.act(&filed.id, &send_back()).await.is(201);
    to4.act(&filed.id, &hand_over()).await.is(201);
    let before = app.footprint();
    region
        .act(&filed.id, &send_back())
        .await
        .is_problem(403, "forbidden");
    assert_eq!(app.footprint(), before);
    let supervisor = app.as_("region.supervisor").await;
    let back = supervisor.act(&filed.id, &send_back()).await;
    assert_eq!(back.is(201).json["ticket"]["bounce_count"], 2);
});

const POOLED: &str = r#"
[[rule]]
code = "errors-to-supervisors"
changes = ["filing", "follow-up"]
services = ["FSE"]
problem_types = ["errore-tecnico"]
declared_authorities = ["010204"]
target = "declared-authority"
pool = "supervisors"

[[rule]]
code = "checked-to-supervisors"
changes = ["hand-over"]
reasons = ["checks-passed"]
target = "region"
pool = "supervisors"
"#;

both!(
    a_rule_may_give_a_request_to_a_pool_as_it_arrives,
    async |app| {
        enter(app, &after(POOLED)).await.is(201);
        let filed = file(app, TO4).await;
        let to4 = app.as_("to4.operator").await;
        let screen = to4.screen(&filed.id).await;
        assert_eq!(
            screen.text_at("/state"),
            "new",
            "to be given is not to be taken"
        );
        assert_eq!(screen.text_at("/assignee/id"), "supervisors");
        assert_eq!(screen.json["version"], 2);
        let assigned = entry(&screen, "request.assigned");
        assert_eq!(assigned["author"]["kind"], "system");
        let supervisor = app.as_("to4.supervisor").await.screen(&filed.id).await;
        let route = &entry(&supervisor, "request.created")["details"]["route"];
        assert_eq!(route["rule"], "errors-to-supervisors");

        let left = to4.act(&filed.id, &hand_over()).await;
        left.is(201);
        let region = app.as_("region.operator").await;
        let screen = region.screen(&filed.id).await;
        assert_eq!(screen.text_at("/custody/code"), "REG010");
        assert_eq!(screen.text_at("/assignee/id"), "supervisors");
        assert_eq!(screen.text_at("/state"), "not-competent");
        // Whoever handed it over is told nothing of the desk that has it now.
        let past = to4.screen(&filed.id).await;
        assert_eq!(
            entry(&past, "request.handed_over"),
            &past.list_at("/timeline")[0]
        );
        // Another reason has no pool.
        let other = file(app, TO4).await;
        let wrong = json!({"action": "hand-over", "reason_code": "wrong-service", "note": note()});
        to4.act(&other.id, &wrong).await.is(201);
        let screen = region.screen(&other.id).await;
        assert!(screen.json["assignee"].is_null(), "{screen}");
    }
);

fn merged() -> Options {
    Options {
        successions: vec![
            (TO4, "2026-03-10", Some(CN1)),
            ("010205", "2026-03-10", None),
        ],
        ..Options::default()
    }
}

both!(
    what_went_to_an_authority_that_was_merged_goes_to_its_successor,
    merged(),
    async |app| {
        let before = [file(app, TO4).await, file(app, TO4).await];
        for filed in &before {
            let to4 = app.as_("to4.operator").await;
            to4.act(&filed.id, &hand_over()).await.is(201);
        }
        app.advance("P10D");
        // The authority that had it is no more: its successor gets it back.
        let region = app.as_("region.operator").await;
        // To name the old code or the new one is to name whoever would get it back anyway (T17).
        for named in [TO4, CN1] {
            let refused = region.act(&before[0].id, &reroute(named)).await;
            refused.has_errors(&[("/authority_code", "same-authority")]);
        }
        region.act(&before[0].id, &send_back()).await.is(201);
        let cn1 = app.as_("cn1.operator").await;
        let screen = cn1.screen(&before[0].id).await;
        assert_eq!(screen.text_at("/custody/code"), CN1);
        assert_eq!(screen.text_at("/declared_authority/code"), TO4, "I-7");
        assert_eq!(entry(&screen, "request.returned")["audience"], "authority");
        assert_eq!(entry(&screen, "request.returned")["body"], note()["body"]);
        // A new request that still names the old code is the successor's.
        let filed = file(app, TO4).await;
        let screen = cn1.screen(&filed.id).await;
        assert_eq!(screen.text_at("/custody/code"), CN1);
        assert_eq!(screen.text_at("/declared_authority/code"), CN1);
        // A re-route that names the old code is, too.
        enter(app, &region_first()).await.is(201);
        let begun = file(app, "010301").await;
        let region = app.as_("region.operator").await;
        region
            .act(&begun.id, &json!({"action": "take"}))
            .await
            .is(201);
        region.act(&begun.id, &reroute(TO4)).await.is(201);
        assert_eq!(cn1.screen(&begun.id).await.text_at("/custody/code"), CN1);
    }
);

fn dissolved() -> Options {
    Options {
        successions: vec![(CN1, "2026-03-10", None)],
        ..Options::default()
    }
}

both!(
    what_no_authority_can_take_is_the_regions,
    dissolved(),
    async |app| {
        let (handed, resolved) = (file(app, CN1).await, file(app, CN1).await);
        let cn1 = app.as_("cn1.operator").await;
        cn1.act(&handed.id, &hand_over()).await.is(201);
        let resolve =
            json!({"action": "resolve", "resolution_code": "information-given", "note": note()});
        cn1.act(&resolved.id, &resolve).await.is(201);
        app.advance("P10D");
        app.run_jobs();
        let region = app.as_("region.operator").await;
        let before = app.footprint();
        for action in [send_back(), reroute("010204")] {
            let moves = action["action"] == "reroute";
            let reply = region.act(&handed.id, &action).await;
            match moves {
                true => reply.is(201),
                false => reply.is_problem(409, "authority-inactive"),
            };
            if !moves {
                assert_eq!(app.footprint(), before);
                let screen = region.screen(&handed.id).await;
                assert_eq!(screen.text_at("/custody/code"), "REG010");
            }
        }
        // A new request cannot name it; what follows a closed one begins at the region.
        let form = technical_error(CN1);
        let refused = app.citizen(&ANNA).post("/v1/tickets", &form).await;
        refused.has_errors(&[("/authority_code", "not-in-list")]);
        let reply = json!({"body": "Succede ancora."});
        let messages = resolved.own_path("/messages");
        let follow_up = app.citizen(&ANNA).post(&messages, &reply).await;
        let id = follow_up.is(201).text_at("/ticket/id").to_owned();
        let screen = region.screen(&id).await;
        assert_eq!(screen.text_at("/custody/code"), "REG010");
        let route = &entry(&screen, "request.created")["details"]["route"];
        assert_eq!(route["rule"], "otherwise-region");
    }
);

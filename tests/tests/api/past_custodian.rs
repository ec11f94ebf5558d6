//! What an authority sees of a request it handed over: its own leg, as it left it, and nothing since.

use serde_json::json;
use tests::citizens::ANNA;
use tests::{
    both, forms,
    people::{CN1, TO4},
};

both!(
    a_past_custodian_sees_the_request_as_it_left_it,
    async |app| {
        let filed = app
            .file_as(&ANNA, &forms::report_not_found_logged_in(TO4), &[])
            .await;
        let to4 = app.as_("to4.operator").await;
        to4.act(&filed.id, &json!({"action": "take"})).await.is(201);
        let note = json!({"body": "Emesso da un'altra azienda.", "published": true});
        let over = json!({"action": "hand-over", "reason_code": "issued-by-other-authority", "note": note});
        to4.pass_playbook(&filed.id).await;
        let left = to4.act(&filed.id, &over).await;
        left.is(201);

        let region = app.as_("region.operator").await;
        let note = json!({"body": "Verificate voi.", "published": true});
        let on = json!({"action": "reroute", "authority_code": CN1, "note": note});
        region.act(&filed.id, &on).await.is(201);
        let cn1 = app.as_("cn1.operator").await;
        cn1.act(&filed.id, &json!({"action": "take"})).await.is(201);
        let seen = cn1.screen(&filed.id).await;
        let patch =
            json!({"tags": ["di-cn1"], "priority": "critical", "recall_phone": "0171 123456"});
        cn1.patch(&filed.staff_path(""), seen.etag(), &patch)
            .await
            .is(200);
        // A second request of the same person, which TO4 never had.
        app.file_as(&ANNA, &forms::report_not_found_logged_in(CN1), &[])
            .await;

        let now = app.as_("to4.operator").await.screen(&filed.id).await;
        assert_eq!(now.json["version"], left.json["ticket"]["version"]);
        assert_eq!(now.json["state"], "not-competent");
        assert_eq!(now.json["updated_at"], left.json["ticket"]["updated_at"]);
        assert_eq!(now.json["tags"], json!([]));
        assert_eq!(now.json["possible_duplicates"], json!([]));
        assert_eq!(now.list_at("/legs").len(), 1);
        for secret in [
            "di-cn1",
            "critical",
            "+390171123456",
            "rerouted",
            "Verificate voi",
        ] {
            assert!(!now.text().contains(secret), "{secret} in {now}");
        }
        // Whatever version it names, it is told that it may not write, and no newer version.
        let note = json!({"action": "note", "note": {"body": "Ancora noi.", "published": false}});
        let refused = to4.request(reqwest::Method::POST, &filed.staff_path("/actions"));
        let refused = refused.if_match("\"1\"").json(&note).send().await;
        refused.is_problem(403, "not-in-custody");
        assert!(refused.json.get("current_version").is_none(), "{refused}");
    }
);

both!(
    another_desks_internal_note_cannot_be_probed_by_publishing_it,
    async |app| {
        let filed = app
            .file_as(&ANNA, &forms::report_not_found_logged_in(TO4), &[])
            .await;
        let to4 = app.as_("to4.operator").await;
        let note = json!({"body": "Solo per noi.", "published": false});
        let written = to4
            .act(&filed.id, &json!({"action": "note", "note": note}))
            .await;
        let seq = written.json["entry"]["seq"].clone();
        let note = json!({"body": "Emesso da un'altra azienda.", "published": true});
        let over = json!({"action": "hand-over", "reason_code": "wrong-service", "note": note});
        to4.pass_playbook(&filed.id).await;
        to4.act(&filed.id, &over).await.is(201);
        let region = app.as_("region.supervisor").await;
        for seq in [seq, json!(999)] {
            let publish = json!({"action": "publish-note", "seq": seq, "confirm": true});
            let refused = region.act(&filed.id, &publish).await;
            refused
                .is_problem(422, "validation-error")
                .has_errors(&[("/seq", "not-in-list")]);
        }
    }
);

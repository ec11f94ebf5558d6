//! How playbooks fare, counted.

use serde_json::json;
use tests::both;
use tests::citizens::ANNA;
use tests::forms;
use tests::people::{CN1, TO4};

use super::{answer, file, hand_over};

const REPORT: &str = "/v1/reports/playbooks";

both!(
    runs_overrides_and_hand_overs_that_came_back_are_counted,
    async |app| {
        let operator = app.as_("to4.operator").await;
        let region = app.as_("region.operator").await;
        // One comes back, one stays, one is overridden, one is still being checked.
        for comes_back in [true, false] {
            let filed = file(app).await;
            operator.pass_playbook(&filed.id).await;
            operator.act(&filed.id, &hand_over()).await.is(201);
            if comes_back {
                let note = json!({"body": "Riverificate.", "published": true});
                let back = json!({"action": "return", "note": note});
                region.act(&filed.id, &back).await.is(201);
            }
        }
        let filed = file(app).await;
        answer(&operator, &filed, json!({"c1": "unknown"}))
            .await
            .is(200);
        let mut over = hand_over();
        over["override_reason"] = json!("Il sistema aziendale è fermo da ieri.");
        let supervisor = app.as_("to4.supervisor").await;
        supervisor.act(&filed.id, &over).await.is(201);
        let form = forms::report_not_found_logged_in(CN1);
        let elsewhere = app.file_as(&ANNA, &form, &[]).await;
        let cn1 = app.as_("cn1.operator").await;
        answer(&cn1, &elsewhere, json!({"c1": "yes"})).await.is(200);
        app.advance("PT1H");
        let (operator, supervisor) = (
            app.as_("to4.operator").await,
            app.as_("to4.supervisor").await,
        );

        let own = supervisor.get(REPORT).await;
        let items = own.is(200).list_at("/items");
        assert_eq!(items.len(), 1, "{own}");
        let item = &items[0];
        assert_eq!(
            (&item["playbook"], &item["version"]),
            (&json!("PB-2"), &json!(1))
        );
        let counts = |item: &serde_json::Value| {
            ["runs", "overrides", "handed_over", "came_back"].map(|name| item[name].as_i64())
        };
        assert_eq!(counts(item), [3, 1, 3, 1].map(Some));
        assert_eq!(item["authorities"].as_array().map(Vec::len), Some(1));
        assert_eq!(item["authorities"][0]["authority"]["code"], TO4);
        assert_eq!(
            item["decisions"],
            json!([{"decision": "continue", "runs": 1}, {"decision": "escalate", "runs": 2}])
        );
        assert_eq!(item["checks"][0]["check"], "c1");
        assert_eq!(
            item["checks"][0]["answers"],
            json!([{"answer": "unknown", "runs": 1}, {"answer": "yes", "runs": 2}])
        );

        let all = app.as_("region.supervisor").await.get(REPORT).await;
        let item = &all.is(200).list_at("/items")[0];
        assert_eq!(counts(item), [4, 1, 3, 1].map(Some));
        assert_eq!(item["authorities"].as_array().map(Vec::len), Some(2));

        let before = format!("{REPORT}?from=2026-02-01T00:00:00Z&to=2026-03-01T00:00:00Z");
        assert!(
            supervisor
                .get(&before)
                .await
                .is(200)
                .list_at("/items")
                .is_empty()
        );
        let backwards = format!("{REPORT}?from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z");
        supervisor
            .get(&backwards)
            .await
            .is_problem(400, "malformed-request");
        operator.get(REPORT).await.is_problem(403, "forbidden");
    }
);

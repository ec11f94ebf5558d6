//! What was removed: the report, and the purge of the files.

use reqwest::Method;
use serde_json::{Value, json};
use tests::citizens::{ANNA, MARIO};
use tests::people::{CN1, TO4, label_of};
use tests::requester::Filed;
use tests::{Reply, TestApp, both, files};

fn form(service: &str, authority: &str) -> Value {
    json!({
        "service_code": service, "problem_type": "errore-tecnico", "authority_code": authority,
        "description": "La pagina mostra un errore.", "privacy_ack": true,
    })
}

async fn file(app: &TestApp, service: &str, authority: &str) -> Filed {
    app.file_as(&MARIO, &form(service, authority), &[files::pdf(700)])
        .await
}

async fn remove(app: &TestApp, username: &str, filed: &Filed, reason: &str) {
    let note = json!({"body": "Non è una richiesta.", "published": false});
    let action = json!({"action": "remove", "removal_reason": reason, "note": note});
    let client = app.as_(username).await;
    client.act(&filed.id, &action).await.is(201);
}

async fn merge(app: &TestApp, goes: &Filed, stays: &Filed) -> Reply {
    let supervisor = app.as_("to4.supervisor").await;
    let seen = supervisor.screen(&goes.id).await;
    let body = json!({"into": stays.id});
    let request = supervisor.request(Method::POST, &goes.staff_path("/merges"));
    request.if_match(seen.etag()).json(&body).send().await
}

async fn undo_merge(app: &TestApp, back: &Filed) -> Reply {
    let supervisor = app.as_("to4.supervisor").await;
    let seen = supervisor.screen(&back.id).await;
    let request = supervisor.request(Method::DELETE, &back.staff_path("/merges/current"));
    request.if_match(seen.etag()).send().await
}

const REPORT: &str = "/v1/reports/removals";

/// Counts as `what: how many`, in the report's order.
fn counts(report: &Value, list: &str, name: &str) -> Vec<(String, i64)> {
    let rows = report[list].as_array().expect("a list").iter();
    rows.map(|row| {
        let what = row[name].as_str().expect("a name").to_owned();
        (what, row["count"].as_i64().expect("a number"))
    })
    .collect()
}

fn pairs(wanted: &[(&str, i64)]) -> Vec<(String, i64)> {
    wanted
        .iter()
        .map(|(what, count)| ((*what).to_owned(), *count))
        .collect()
}

both!(
    the_report_counts_by_reason_desk_service_and_person,
    async |app| {
        let filed = [
            file(app, "FSE", TO4).await,
            file(app, "FSE", TO4).await,
            file(app, "SCEREV", TO4).await,
            file(app, "FSE", CN1).await,
        ];
        remove(app, "to4.supervisor", &filed[0], "spam").await;
        remove(app, "to4.supervisor", &filed[1], "prova").await;
        remove(app, "region.supervisor", &filed[2], "spam").await;
        remove(app, "cn1.supervisor", &filed[3], "spam").await;
        let own = app.as_("to4.supervisor").await.get(REPORT).await;
        own.is(200);
        assert_eq!(own.json["total"], 3);
        assert_eq!(
            counts(&own.json, "by_reason", "reason"),
            pairs(&[("spam", 2), ("prova", 1)])
        );
        assert_eq!(
            counts(&own.json, "by_authority", "code"),
            pairs(&[(TO4, 3)])
        );
        assert_eq!(
            counts(&own.json, "by_service", "code"),
            pairs(&[("FSE", 2), ("SCEREV", 1)])
        );
        assert_eq!(
            counts(&own.json, "by_person", "label"),
            pairs(&[
                (&label_of("to4.supervisor"), 2),
                (&label_of("region.supervisor"), 1)
            ])
        );
        for username in ["region.supervisor", "region.operator", "auditor"] {
            let all = app.as_(username).await.get(REPORT).await;
            assert_eq!(all.json["total"], 4);
            assert_eq!(
                counts(&all.json, "by_authority", "code"),
                pairs(&[(TO4, 3), (CN1, 1)])
            );
        }
        let other = app.as_("cn1.admin").await.get(REPORT).await;
        assert_eq!(other.json["total"], 1);
        assert_eq!(other.text_at("/items/0/number"), filed[3].number);
        assert_eq!(
            other.text_at("/items/0/removed_by"),
            label_of("cn1.supervisor")
        );
        assert_eq!(other.text_at("/items/0/reason"), "spam");
        for username in ["to4.operator", "system-admin", "technician"] {
            app.as_(username)
                .await
                .get(REPORT)
                .await
                .is_problem(403, "forbidden");
        }
        // Counts, numbers and staff; nothing of a requester.
        assert!(!own.everything().contains(MARIO.family_name));
        assert!(!own.everything().contains(MARIO.tax_code));
    }
);

both!(the_list_of_the_report_goes_on_page_by_page, async |app| {
    let mut removed = Vec::new();
    for _ in 0..3 {
        let filed = file(app, "FSE", TO4).await;
        remove(app, "to4.supervisor", &filed, "errore").await;
        app.advance("PT1M");
        removed.push(filed.number);
    }
    let supervisor = app.as_("to4.supervisor").await;
    let (mut seen, mut path) = (Vec::new(), format!("{REPORT}?limit=2"));
    loop {
        let page = supervisor.get(&path).await;
        assert_eq!(page.is(200).json["total"], 3, "the counts are of all pages");
        let items = page.list_at("/items").iter();
        seen.extend(items.map(|item| item["number"].as_str().expect("a number").to_owned()));
        match page.json["next_cursor"].as_str() {
            Some(cursor) => path = format!("{REPORT}?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    removed.reverse();
    assert_eq!(seen, removed);
});

both!(the_period_of_the_report_is_whole_days, async |app| {
    let first = file(app, "FSE", TO4).await;
    remove(app, "to4.supervisor", &first, "spam").await;
    app.advance("P40D");
    let supervisor = app.as_("to4.supervisor").await;
    let total = async |query: &str| {
        let report = supervisor.get(&format!("{REPORT}{query}")).await;
        report.is(200).json["total"].as_i64().expect("a number")
    };
    assert_eq!(total("").await, 0, "thirty days, if nobody says");
    assert_eq!(total("?from=2026-03-02&to=2026-03-02").await, 1);
    assert_eq!(total("?from=2026-03-03").await, 0);
    assert_eq!(total("?from=2026-02-01&to=2026-03-01").await, 0);
    for bad in [
        "?from=yesterday",
        "?to=2026-03-02T08:00",
        "?from=2026-03-03&to=2026-03-02",
        "?from=2025-03-01&to=2026-03-03",
        "?since=2026-03-01",
        "?cursor=x",
    ] {
        supervisor
            .get(&format!("{REPORT}{bad}"))
            .await
            .is_problem(400, "malformed-request");
    }
});

both!(
    the_files_of_a_removed_request_go_after_thirty_days_and_leave_that_they_were_there,
    async |app| {
        let filed = file(app, "FSE", TO4).await;
        let kept = app
            .file_as(&ANNA, &form("FSE", TO4), &[files::pdf(800)])
            .await;
        remove(app, "to4.supervisor", &filed, "spam").await;
        let screen = app.as_("to4.supervisor").await.screen(&filed.id).await;
        let file = screen.json["attachments"][0].clone();
        assert_eq!(file["purged_at"], Value::Null);
        let id = file["id"].as_str().expect("an id");
        let path = filed.staff_path(&format!("/attachments/{id}"));
        app.advance("P29D");
        app.desk.sweep_rows().expect("a sweep");
        let supervisor = app.as_("to4.supervisor").await;
        supervisor.get(&path).await.is(200);

        app.advance("P1DT1S");
        app.desk.sweep_rows().expect("a sweep");
        app.desk.sweep_rows().expect("a second sweep");
        let supervisor = app.as_("to4.supervisor").await;
        supervisor
            .get(&path)
            .await
            .is_problem(410, "attachment-purged");
        let screen = supervisor.screen(&filed.id).await;
        let left = &screen.json["attachments"][0];
        assert_eq!(left["id"], file["id"]);
        assert_eq!(left["size"], file["size"]);
        assert_eq!(left["media_type"], "application/pdf");
        assert_eq!(left["file_name"], "allegato.pdf", "its name is gone");
        assert_eq!(left["sha256"], Value::Null);
        assert_ne!(left["purged_at"], Value::Null);
        let entries = screen.list_at("/timeline");
        let filing = entries.last().expect("the filing");
        assert_eq!(filing["attachments"][0]["id"], file["id"]);
        // Whoever sees nothing of it is told nothing of it.
        app.as_("cn1.supervisor")
            .await
            .get(&path)
            .await
            .is_problem(404, "not-found");
        let other = supervisor.screen(&kept.id).await;
        let id = other.json["attachments"][0]["id"].as_str().expect("an id");
        supervisor
            .get(&kept.staff_path(&format!("/attachments/{id}")))
            .await
            .is(200);
        // The store dates blobs by the system's clock; a century on, every blob is old.
        app.advance("P36500D");
        assert_eq!(app.desk.sweep_blobs().await.expect("a sweep"), 1);
        assert_eq!(app.count_blobs(), 1, "that of the request that stays");
    }
);

both!(
    what_came_back_from_a_merge_was_not_removed_and_keeps_its_files,
    async |app| {
        let goes = file(app, "FSE", TO4).await;
        let stays = file(app, "FSE", TO4).await;
        let total = async || {
            let supervisor = app.as_("to4.supervisor").await;
            let report = supervisor.get(REPORT).await;
            report.is(200).json["total"].as_i64().expect("a number")
        };
        merge(app, &goes, &stays).await.is(201);
        assert_eq!(total().await, 1);
        undo_merge(app, &goes).await.is(200);
        assert_eq!(total().await, 0, "it is not removed");

        app.advance("P31D");
        app.desk.sweep_rows().expect("a sweep");
        let supervisor = app.as_("to4.supervisor").await;
        let screen = supervisor.screen(&goes.id).await;
        let file = &screen.json["attachments"][0];
        assert_eq!(file["purged_at"], Value::Null);
        let id = file["id"].as_str().expect("an id");
        let path = goes.staff_path(&format!("/attachments/{id}"));
        supervisor.get(&path).await.is(200);

        // It can be merged once more, and then its time begins anew.
        merge(app, &goes, &stays).await.is(201);
        assert_eq!(total().await, 1);
        app.desk.sweep_rows().expect("a sweep");
        supervisor.get(&path).await.is(200);
        app.advance("P31D");
        app.desk.sweep_rows().expect("a sweep");
        let supervisor = app.as_("to4.supervisor").await;
        supervisor
            .get(&path)
            .await
            .is_problem(410, "attachment-purged");
    }
);

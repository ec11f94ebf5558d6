//! An authority receives nothing before its administrator has opened it.

use serde_json::json;
use tests::citizens::{ANNA, MARIO};
use tests::people::{CN1, TO4};
use tests::{Client, Reply, TestApp, both, files, forms};

use super::{Newcomer, body_of, create, step};

/// The authority is as new as on its first day.
fn close(app: &TestApp, authority: &str) {
    app.execute(&format!(
        "UPDATE authority_setups SET opened_at = NULL WHERE authority_code = '{authority}'"
    ));
    app.execute(&format!(
        "UPDATE placements SET active = FALSE \
         WHERE authority_code = '{authority}' AND role IN ('operator', 'supervisor')"
    ));
}

async fn take(admin: &Client, authority: &str, body: &serde_json::Value) -> Reply {
    let target = format!("/v1/authority-setups/{authority}/steps");
    admin.post(&target, body).await
}

/// What the public catalogue says.
async fn receives(app: &TestApp, authority: &str) -> bool {
    let list = app.anonymous().get("/v1/authorities").await;
    let authorities = list.is(200).list_at("/items");
    let found = authorities.iter().find(|one| one["code"] == authority);
    found.expect("the authority")["receives"] == true
}

both!(a_pending_authority_receives_nothing, async |app| {
    close(app, CN1);
    assert!(!receives(app, CN1).await);
    assert!(receives(app, TO4).await);
    let form = forms::report_not_found_logged_in(CN1);
    let mut anonymous = forms::report_not_found(&ANNA, CN1);
    anonymous["email_proof"] = json!(app.prove_email(ANNA.email).await);
    let before = app.footprint();
    let citizen = app.citizen(&MARIO);
    let reply = citizen
        .post_form("/v1/tickets", &form, &[files::pdf(900)])
        .await;
    reply.is_problem(409, "authority-inactive");
    let reply = app.anonymous().post("/v1/tickets", &anonymous).await;
    reply.is_problem(409, "authority-inactive");
    let region = app.as_("region.supervisor").await;
    let mut by_staff = forms::report_not_found(&MARIO, CN1);
    by_staff["requester_role"] = json!("citizen");
    let reply = region.post("/v1/tickets", &by_staff).await;
    assert!(matches!(reply.status, 409 | 422), "{reply}");
    assert_eq!(app.footprint()[..5], before[..5]);
    // The proof was not used up: the same person may file elsewhere.
    anonymous["authority_code"] = json!(TO4);
    app.anonymous()
        .post("/v1/tickets", &anonymous)
        .await
        .is(201);
});

both!(nothing_is_rerouted_to_a_pending_authority, async |app| {
    close(app, CN1);
    let form = forms::report_not_found_logged_in(TO4);
    let filed = app.file_as(&MARIO, &form, &[]).await;
    let operator = app.as_("to4.operator").await;
    operator
        .act(&filed.id, &json!({"action": "take"}))
        .await
        .is(201);
    let hand_over = json!({"action": "hand-over", "reason_code": "issued-by-other-authority",
        "note": {"body": "Di competenza di un altro ente, per residenza.", "published": true}});
    operator.pass_playbook(&filed.id).await;
    let reply = operator.act(&filed.id, &hand_over).await;
    assert_eq!(
        reply.is(201).text_at("/ticket/custody/code"),
        tests::people::REGION
    );
    let region = app.as_("region.operator").await;
    let reroute = json!({"action": "reroute", "authority_code": CN1,
        "note": {"body": "Per competenza.", "published": true}});
    let before = app.footprint();
    let reply = region.act(&filed.id, &reroute).await;
    reply.is_problem(409, "authority-inactive");
    assert_eq!(app.footprint(), before);
});

both!(the_administrator_opens_it_step_by_step, async |app| {
    close(app, CN1);
    let admin = app.as_("cn1.admin").await;
    let target = format!("/v1/authority-setups/{CN1}");
    let setup = admin.get(&target).await;
    assert_eq!(setup.is(200).json["receives"], false);
    assert_eq!(setup.json["has_operators"], false);
    assert!(setup.json["data_confirmed_at"].is_null());
    let version = setup.text_at("/terms_in_force").to_owned();

    let confirm = json!({"step": "confirm-data"});
    for _ in 0..2 {
        let done = take(&admin, CN1, &confirm).await;
        assert_eq!(done.is(201).json["receives"], false);
        assert!(done.json["data_confirmed_at"].is_string());
    }
    for wrong in [json!("2025-9"), json!(""), serde_json::Value::Null] {
        let terms = json!({"step": "accept-terms", "terms_version": wrong});
        let reply = take(&admin, CN1, &terms).await;
        reply
            .is(422)
            .has_errors(&[("/terms_version", "terms-not-in-force")]);
    }
    let reply = take(&admin, CN1, &json!({"step": "open"})).await;
    reply.is(422).has_errors(&[("/step", "not-in-list")]);
    let terms = json!({"step": "accept-terms", "terms_version": version});
    for _ in 0..2 {
        let done = take(&admin, CN1, &terms).await;
        assert_eq!(done.is(201).json["receives"], false);
        assert_eq!(done.text_at("/terms_version"), version);
    }
    assert!(!receives(app, CN1).await);
    create(&admin, &Newcomer::new(1, "operator", CN1)).await;
    assert!(receives(app, CN1).await);
    let form = forms::report_not_found_logged_in(CN1);
    app.file_as(&MARIO, &form, &[]).await;
    // Again, now that all is done: no harm.
    for step in [&confirm, &terms] {
        let done = take(&admin, CN1, step).await;
        assert_eq!(done.is(201).json["receives"], true);
    }
    app.file_as(&MARIO, &form, &[]).await;
});

both!(the_order_of_the_steps_does_not_matter, async |app| {
    close(app, CN1);
    let admin = app.as_("cn1.admin").await;
    create(&admin, &Newcomer::new(1, "supervisor", CN1)).await;
    let setup = admin.get("/v1/authority-setups").await;
    assert_eq!(setup.is(200).list_at("/items").len(), 1);
    let version = setup.text_at("/items/0/terms_in_force");
    let terms = json!({"step": "accept-terms", "terms_version": version});
    assert_eq!(
        take(&admin, CN1, &terms).await.is(201).json["receives"],
        false
    );
    let confirm = json!({"step": "confirm-data"});
    assert_eq!(
        take(&admin, CN1, &confirm).await.is(201).json["receives"],
        true
    );
    assert!(receives(app, CN1).await);
});

both!(
    whoever_comes_back_may_be_the_one_it_waits_for,
    async |app| {
        close(app, CN1);
        let admin = app.as_("cn1.admin").await;
        let newcomer = Newcomer::new(1, "operator", CN1);
        let id = create(&admin, &newcomer).await;
        app.set_state(&newcomer.username, "suspended");
        let setup = admin.get("/v1/authority-setups").await;
        let version = setup.is(200).text_at("/items/0/terms_in_force");
        for body in [
            json!({"step": "accept-terms", "terms_version": version}),
            json!({"step": "confirm-data"}),
        ] {
            let taken = take(&admin, CN1, &body).await;
            assert_eq!(taken.is(201).json["receives"], false);
        }
        step(&admin, &id, &body_of("reactivate")).await.is(201);
        assert!(receives(app, CN1).await);
    }
);

both!(
    only_the_administrator_of_the_authority_opens_it,
    async |app| {
        close(app, CN1);
        let confirm = json!({"step": "confirm-data"});
        let other = app.as_("to4.admin").await;
        take(&other, CN1, &confirm)
            .await
            .is_problem(404, "not-found");
        let target = format!("/v1/authority-setups/{CN1}");
        other.get(&target).await.is_problem(404, "not-found");
        for username in ["region.supervisor", "system-admin", "auditor"] {
            let client = app.as_(username).await;
            take(&client, CN1, &confirm)
                .await
                .is_problem(403, "forbidden");
            client.get(&target).await.is(200);
        }
    }
);

both!(
    the_catalogue_has_another_tag_once_an_authority_opens,
    async |app| {
        close(app, CN1);
        let before = app
            .anonymous()
            .get("/v1/authorities")
            .await
            .etag()
            .to_owned();
        app.execute(&format!(
            "UPDATE authority_setups SET opened_at = \
         (SELECT max(opened_at) FROM authority_setups) WHERE authority_code = '{CN1}'"
        ));
        let request = app
            .anonymous()
            .request(reqwest::Method::GET, "/v1/authorities");
        let after = request.header("if-none-match", &before).send().await;
        after.is(200);
        assert_ne!(after.etag(), before);
    }
);

//! Who came in, tried to, and went, as the audit trail tells it (`conventions.md` PR-6).

use domain::audit::{AuditActor, AuditEntry, AuditOutcome};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::json;
use tests::people::{CN1, PASSWORD, TO4};
use tests::{Options, TestApp, both};

/// The entries about log-ins, in the order they were linked, and the chain of each.
fn told(app: &TestApp) -> Vec<(String, AuditEntry)> {
    app.desk.link_audit().expect("the trail is linked");
    let mut found = Vec::new();
    let all = (Timestamp::MIN, Timestamp::MAX);
    app.desk
        .export_audit(all, None, |entry| {
            let body: AuditEntry = serde_json::from_str(&entry.body).expect("an entry");
            found.push((entry.chain, entry.seq, body));
            Ok::<_, service::DeskError>(())
        })
        .expect("the trail is read");
    found.sort_by_key(|(_, seq, body)| (body.at, *seq));
    found
        .into_iter()
        .filter(|(_, _, body)| body.sign_in.is_some())
        .map(|(chain, _, body)| (chain, body))
        .collect()
}

/// What the one entry of this operation says.
fn one(app: &TestApp, operation: &str) -> (String, AuditEntry) {
    let mut all = told(app);
    all.retain(|(_, entry)| entry.operation == operation);
    assert_eq!(all.len(), 1, "{operation}: {all:?}");
    all.remove(0)
}

fn all_bodies(app: &TestApp) -> String {
    let told = told(app);
    let bodies = told.iter().map(|(_, entry)| serde_json::to_string(entry));
    bodies.map(Result::unwrap).collect()
}

both!(
    a_log_in_and_a_log_out_are_entries_of_the_desks_chain,
    async |app: &TestApp| {
        let operator = app.as_("to4.operator").await;
        let (chain, entry) = one(app, "log_in");
        assert_eq!((chain.as_str(), entry.outcome), (TO4, AuditOutcome::Done));
        let AuditActor::Staff {
            account,
            role,
            authority,
            location,
            ..
        } = &entry.actor
        else {
            panic!("{entry:?}")
        };
        assert_eq!(role.map(|role| role.code()), Some("operator"));
        assert_eq!(authority.as_ref().map(|code| code.as_str()), Some(TO4));
        assert!(location.is_some());
        let trace = entry.sign_in.as_ref().unwrap();
        assert_eq!(
            (trace.account, trace.typed.as_ref()),
            (Some(*account), None)
        );
        assert_eq!(trace.source.len(), 64, "a print of the network");

        operator.delete("/v1/sessions/current").await.is(204);
        let (chain, entry) = one(app, "log_out");
        assert_eq!((chain.as_str(), entry.outcome), (TO4, AuditOutcome::Done));
        assert_eq!(entry.sign_in.as_ref().unwrap().account, trace.account);
    }
);

both!(
    a_failed_log_in_names_the_account_or_a_print_of_the_name,
    Options::behind_a_proxy(),
    async |app: &TestApp| {
        let try_as = async |name: &str, from: &str| {
            let body = json!({"username": name, "password": "sbagliata di certo"});
            let request = app.anonymous().request(Method::POST, "/v1/sessions");
            let request = request.header("x-forwarded-for", from).json(&body);
            request.send().await.is(401);
        };
        try_as("to4.operator", "198.51.100.7").await;
        try_as("nessuno.qui", "198.51.100.7").await;
        try_as("nessuno.qui", "203.0.113.9").await;
        let told = told(app);
        let [(chain, known), (none, unknown), (_, elsewhere)] = told.as_slice() else {
            panic!("{told:?}")
        };
        assert_eq!((chain.as_str(), none.as_str()), (TO4, ""));
        for entry in [known, unknown, elsewhere] {
            assert_eq!(entry.operation, "log_in");
            assert_eq!(entry.outcome, AuditOutcome::Refused);
            assert_eq!(entry.actor, AuditActor::Nobody);
        }
        let trace = |entry: &AuditEntry| entry.sign_in.clone().unwrap();
        assert!(trace(known).account.is_some() && trace(known).typed.is_none());
        assert!(trace(unknown).account.is_none());
        assert_eq!(trace(unknown).typed, trace(elsewhere).typed);
        assert_eq!(trace(unknown).source, trace(known).source);
        assert_ne!(trace(unknown).source, trace(elsewhere).source);
        let all = all_bodies(app);
        for canary in ["nessuno", "to4.operator", "sbagliata", "198.51", "203.0"] {
            assert!(!all.contains(canary), "{canary} is in {all}");
        }
    }
);

both!(
    choosing_a_placement_is_an_entry_of_the_desk_chosen,
    async |app: &TestApp| {
        let client = app.as_("two.hats").await;
        let (_, entry) = one(app, "log_in");
        let AuditActor::Staff { placement, .. } = entry.actor else {
            panic!("{entry:?}")
        };
        assert_eq!(placement, None, "none is chosen yet");
        let me = client.get("/v1/me").await;
        let placements = me.list_at("/placements");
        let at_cn1 = placements
            .iter()
            .find(|one| one["authority"]["code"] == CN1);
        let wanted = json!({"placement_id": at_cn1.unwrap()["id"]});
        client
            .put("/v1/sessions/current/placement", &wanted)
            .await
            .is(200);
        let (chain, entry) = one(app, "choose_placement");
        assert_eq!((chain.as_str(), entry.outcome), (CN1, AuditOutcome::Done));
    }
);

both!(
    a_choice_that_is_rolled_back_leaves_its_entry,
    async |app: &TestApp| {
        let client = app.as_("two.hats").await;
        let foreign = json!({"placement_id": uuid::Uuid::from_u128(5)});
        client
            .put("/v1/sessions/current/placement", &foreign)
            .await
            .is(404);
        let (_, entry) = one(app, "choose_placement");
        assert_eq!(entry.outcome, AuditOutcome::Refused);
        assert!(entry.sign_in.unwrap().account.is_some());
    }
);

both!(
    a_log_in_that_fails_for_a_reason_of_ours_leaves_its_entry,
    async |app: &TestApp| {
        app.rename_table("sessions", "sessions_gone");
        // Not through the port, where the tests take no 500 for an answer.
        let failed = app
            .desk
            .sign_in("to4.operator", PASSWORD, None, "a network");
        assert!(failed.is_err(), "there is no table of sessions");
        let (chain, entry) = one(app, "log_in");
        assert_eq!((chain.as_str(), entry.outcome), (TO4, AuditOutcome::Failed));
    }
);

both!(
    a_changed_password_is_an_entry_and_so_is_one_that_was_refused,
    async |app: &TestApp| {
        let change = async |old: &str, status: u16| {
            let body = json!({
                "username": "to4.operator", "password": old,
                "new_password": "quattro parole lunghe e nuove",
            });
            let client = app.anonymous();
            client.post("/v1/password-changes", &body).await.is(status);
        };
        change("sbagliata di certo", 401).await;
        let (_, refused) = one(app, "change_password");
        assert_eq!(refused.outcome, AuditOutcome::Refused);
        change(PASSWORD, 201).await;
        let told = told(app);
        let changed: Vec<_> = told
            .iter()
            .filter(|(_, entry)| entry.operation == "change_password")
            .collect();
        assert_eq!(changed.len(), 2);
        let done = changed
            .iter()
            .filter(|(_, entry)| entry.outcome == AuditOutcome::Done);
        assert_eq!(done.count(), 1);
        assert!(!all_bodies(app).contains("quattro"));
    }
);

both!(
    a_refresh_token_that_comes_twice_is_an_entry,
    async |app: &TestApp| {
        let body = json!({"username": "to4.operator", "password": PASSWORD});
        let opened = app.anonymous().post("/v1/sessions", &body).await;
        let token = json!({"refresh_token": opened.text_at("/refresh_token")});
        let client = app.anonymous();
        client.post("/v1/sessions/refresh", &token).await.is(200);
        assert!(
            told(app)
                .iter()
                .all(|(_, entry)| entry.operation == "log_in")
        );
        client.post("/v1/sessions/refresh", &token).await.is(401);
        let (_, entry) = one(app, "reuse_refresh_token");
        assert_eq!(entry.outcome, AuditOutcome::Refused);
        assert!(entry.sign_in.unwrap().account.is_some());
    }
);

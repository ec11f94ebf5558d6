//! One administrator an authority: never two, never none by accident, never by certified mail.

use reqwest::Method;
use serde_json::{Value, json};
use tests::people::{CN1, REGION, TO4};
use tests::{Client, Reply, both};

use super::{
    Newcomer, PHRASE, activated, body_of, create, event_names, id_of, log_in, place, screen, step,
    tax_code, words,
};

/// An authority nobody works at yet.
const TORINO: &str = "010301";

async fn hand_over(client: &Client, authority: &str, to: &str) -> Reply {
    let target = format!("/v1/authority-setups/{authority}/admin-handovers");
    client.post(&target, &json!({"account_id": to})).await
}

/// The id of the administrator of an authority.
async fn admin_of(client: &Client, authority: &str) -> Value {
    let setup = client
        .get(&format!("/v1/authority-setups/{authority}"))
        .await;
    setup.is(200).json["admin"]["id"].clone()
}

both!(a_second_administrator_is_refused, async |app| {
    let region = app.as_("region.supervisor").await;
    let second = Newcomer::new(1, "admin", TO4);
    let reply = region.post("/v1/accounts", &second.form).await;
    reply.is_problem(409, "admin-exists");
    assert_eq!(app.count("account_lives WHERE email IS NOT NULL"), 0);
    // The refused person is free to be the first elsewhere.
    let first = Newcomer::new(1, "admin", TORINO);
    let id = create(&region, &first).await;
    assert_eq!(admin_of(&region, TORINO).await, id.as_str());
    let second = Newcomer::new(2, "admin", TORINO);
    let reply = region.post("/v1/accounts", &second.form).await;
    reply.is_problem(409, "admin-exists");
});

both!(of_several_administrators_at_once_one_is_made, async |app| {
    let region = app.as_("region.supervisor").await;
    let system = app.as_("system-admin").await;
    let forms: Vec<Newcomer> = (1..=6).map(|n| Newcomer::new(n, "admin", TORINO)).collect();
    let all = forms.iter().zip([&region, &system].into_iter().cycle());
    let all = all.map(|(newcomer, keeper)| keeper.post("/v1/accounts", &newcomer.form));
    let replies = futures_util::future::join_all(all).await;
    let won: Vec<&Reply> = replies.iter().filter(|reply| reply.status == 201).collect();
    assert_eq!(won.len(), 1);
    for reply in replies.iter().filter(|reply| reply.status != 201) {
        reply.is_problem(409, "admin-exists");
    }
    assert_eq!(admin_of(&region, TORINO).await, won[0].json["id"]);
    assert_eq!(app.count("account_lives WHERE email IS NOT NULL"), 1);
});

both!(
    administrators_get_no_certified_mail_and_operators_may,
    async |app| {
        let region = app.as_("region.supervisor").await;
        let admin = app.as_("to4.admin").await;
        for (number, domain) in (1..).zip([
            "pec.example.org",
            "PEC.Example.ORG",
            "legalmail.example.org",
            "ospedale.postacert.example.org",
            "pecmail.example.org",
            "mail.arubapec.example.org",
            "cert.example.org",
            "postecert.example.org",
            "registerpec.example.org",
            "sicurezzapostale.example.org",
        ]) {
            let email = json!(format!("nuova.persona{number}@{domain}"));
            let newcomer = Newcomer::new(number, "admin", TORINO).with("email", email.clone());
            let reply = region.post("/v1/accounts", &newcomer.form).await;
            reply.is_problem(422, "certified-mail-not-allowed");
            reply.has_errors(&[("/email", "certified-mail-not-allowed")]);
            let newcomer = Newcomer::new(number, "operator", TO4).with("email", email);
            create(&admin, &newcomer).await;
        }
        // An honest mailbox that only looks a little like one.
        let newcomer = Newcomer::new(20, "admin", TORINO);
        create(
            &region,
            &newcomer.with("email", json!("cert@aspec.example.org")),
        )
        .await;
    }
);

both!(
    the_role_is_not_handed_over_to_a_certified_mailbox,
    async |app| {
        let admin = app.as_("to4.admin").await;
        let newcomer = Newcomer::new(1, "operator", TO4);
        let newcomer = newcomer.with("email", json!("nuova@pec.example.org"));
        let heir = activated(app, &admin, &newcomer).await;
        let reply = hand_over(&admin, TO4, &heir).await;
        reply
            .is(422)
            .has_errors(&[("/account_id", "certified-mail-not-allowed")]);
        admin.get("/v1/accounts").await.is(200);
        // Nor is it given by placing, where no administrator stands in the way.
        let system = app.as_("system-admin").await;
        let auditor = Newcomer::new(2, "auditor", REGION);
        let auditor = auditor.with("email", json!("revisora@pec.example.org"));
        let auditor = create(&system, &auditor).await;
        let placements = json!([
            {"role": "admin", "authority_code": TORINO, "location_code": "1"}]);
        let reply = place(&system, &auditor, &placements).await;
        reply.is_problem(422, "certified-mail-not-allowed");
    }
);

both!(
    shared_mailboxes_and_second_accounts_are_refused,
    async |app| {
        let admin = app.as_("to4.admin").await;
        for mailbox in ["info", "URP", "segreteria", "sportello", "operatori"] {
            let email = json!(format!("{mailbox}@example.org"));
            let newcomer = Newcomer::new(1, "operator", TO4).with("email", email);
            let reply = admin.post("/v1/accounts", &newcomer.form).await;
            reply.is(422);
            reply.has_errors(&[("/email", "shared-account-not-allowed")]);
        }
        let first = Newcomer::new(1, "operator", TO4);
        create(&admin, &first).await;
        let same_person =
            Newcomer::new(2, "operator", TO4).with("tax_code", first.form["tax_code"].clone());
        let lower = json!(tax_code(1).to_lowercase());
        let lower = Newcomer::new(2, "operator", TO4).with("tax_code", lower);
        let upper = json!("NUOVA.Persona1@Example.org");
        let same_mailbox = Newcomer::new(2, "operator", TO4).with("email", upper);
        let name = json!("Nuova.PERSONA1");
        let same_name = Newcomer::new(2, "operator", TO4).with("username", name);
        for (newcomer, pointer, code) in [
            (same_person, "/tax_code", "shared-account-not-allowed"),
            (lower, "/tax_code", "shared-account-not-allowed"),
            (same_mailbox, "/email", "shared-account-not-allowed"),
            (same_name, "/username", "taken"),
        ] {
            let reply = admin.post("/v1/accounts", &newcomer.form).await;
            reply.is(422).has_errors(&[(pointer, code)]);
        }
        // Not at another authority either.
        let elsewhere =
            Newcomer::new(2, "operator", CN1).with("tax_code", first.form["tax_code"].clone());
        let reply = app
            .as_("cn1.admin")
            .await
            .post("/v1/accounts", &elsewhere.form)
            .await;
        reply
            .is(422)
            .has_errors(&[("/tax_code", "shared-account-not-allowed")]);
    }
);

both!(a_placement_elsewhere_is_refused_by_its_field, async |app| {
    let admin = app.as_("to4.admin").await;
    for (role, authority, pointer, code) in [
        (
            "operator",
            CN1,
            "/placements/0/authority_code",
            "not-allowed",
        ),
        (
            "supervisor",
            CN1,
            "/placements/0/authority_code",
            "not-allowed",
        ),
        (
            "operator",
            REGION,
            "/placements/0/authority_code",
            "not-allowed",
        ),
        ("admin", TO4, "/placements/0/role", "not-allowed"),
        ("system-admin", TO4, "/placements/0/role", "not-allowed"),
        (
            "regional-supervisor",
            REGION,
            "/placements/0/role",
            "not-allowed",
        ),
        (
            "operator",
            "999999",
            "/placements/0/authority_code",
            "not-in-list",
        ),
        ("king", TO4, "/placements/0/role", "not-in-list"),
    ] {
        let newcomer = Newcomer::new(1, role, authority);
        let reply = admin.post("/v1/accounts", &newcomer.form).await;
        reply.is(422).has_errors(&[(pointer, code)]);
    }
    // Nor can it be smuggled in beside a good one, now or later.
    let mut newcomer = Newcomer::new(1, "operator", TO4);
    let good = newcomer.form["placements"][0].clone();
    let bad = json!({"role": "operator", "authority_code": CN1, "location_code": "01"});
    newcomer.form["placements"] = json!([good, bad]);
    let reply = admin.post("/v1/accounts", &newcomer.form).await;
    reply
        .is(422)
        .has_errors(&[("/placements/1/authority_code", "not-allowed")]);
    newcomer.form["placements"] = json!([good]);
    let id = create(&admin, &newcomer).await;
    let reply = place(&admin, &id, &json!([good, bad])).await;
    reply
        .is(422)
        .has_errors(&[("/placements/1/authority_code", "not-allowed")]);
    let seen = screen(&admin, &id).await;
    assert_eq!(seen.list_at("/account/placements").len(), 1);
});

both!(handing_over_moves_the_role_in_one_step, async |app| {
    let admin = app.as_("to4.admin").await;
    let own = id_of(&admin, "to4.admin").await;
    let heir = id_of(&admin, "to4.supervisor").await;
    assert_eq!(admin_of(&admin, TO4).await, own.as_str());
    let reply = hand_over(&admin, TO4, &heir).await;
    assert_eq!(reply.is(201).text_at("/id"), heir);
    // The former one has lost the right at once.
    admin
        .get("/v1/accounts")
        .await
        .is_problem(403, "role-selection-required");
    hand_over(&admin, TO4, &own).await.is(403);

    let session = log_in(app, "to4.supervisor", tests::people::PASSWORD).await;
    let placements = session.is(201).list_at("/placements");
    let found = placements.iter().find(|one| one["role"] == "admin");
    let choice = json!({"placement_id": found.expect("the placement")["id"]});
    let chosen = app.with_token(session.text_at("/access_token"));
    let chosen = chosen.put("/v1/sessions/current/placement", &choice).await;
    let new = app.with_token(chosen.is(200).text_at("/access_token"));
    assert_eq!(admin_of(&new, TO4).await, heir.as_str());
    let names = event_names(&new, &heir).await;
    assert_eq!(names.last().map(String::as_str), Some("admin.appointed"));
    let names = event_names(&new, &own).await;
    assert_eq!(names.last().map(String::as_str), Some("admin.handed_over"));
    hand_over(&new, TO4, &heir)
        .await
        .is_problem(409, "own-account");
    // And back again, to a placement that was held before.
    hand_over(&new, TO4, &own).await.is(201);
    app.as_("to4.admin").await.get("/v1/accounts").await.is(200);
});

both!(
    the_role_goes_to_working_accounts_of_the_authority_alone,
    async |app| {
        let admin = app.as_("to4.admin").await;
        let region = app.as_("region.supervisor").await;
        let heir = id_of(&admin, "to4.operator").await;
        let stranger = id_of(&app.as_("cn1.admin").await, "cn1.operator").await;
        let never = "019a0000-0000-7000-8000-000000000000";
        for client in [&admin, &region] {
            for state in [
                "suspended",
                "requested",
                "issued",
                "locked",
                "revoked",
                "expired",
            ] {
                app.set_state("to4.operator", state);
                let reply = hand_over(client, TO4, &heir).await;
                reply.is(422).has_errors(&[("/account_id", "not-active")]);
            }
            for other in [stranger.as_str(), never] {
                let reply = hand_over(client, TO4, other).await;
                reply.is(422).has_errors(&[("/account_id", "not-in-list")]);
            }
        }
        let reply = hand_over(&admin, CN1, &stranger).await;
        reply.is_problem(404, "not-found");
        app.as_("to4.admin").await.get("/v1/accounts").await.is(200);
        app.as_("cn1.admin").await.get("/v1/accounts").await.is(200);
    }
);

both!(the_region_replaces_a_suspended_administrator, async |app| {
    let region = app.as_("region.supervisor").await;
    let former = id_of(&region, "to4.admin").await;
    step(&region, &former, &body_of("suspend")).await.is(201);
    let newcomer = Newcomer::new(1, "admin", TO4);
    let id = activated(app, &region, &newcomer).await;
    assert_eq!(admin_of(&region, TO4).await, id.as_str());
    log_in(app, &newcomer.username, PHRASE).await.is(201);
    let second = Newcomer::new(2, "admin", TO4);
    let reply = region.post("/v1/accounts", &second.form).await;
    reply.is_problem(409, "admin-exists");
    // Whoever comes back has lost the role.
    app.set_state("to4.admin", "active");
    app.as_("to4.admin").await.get("/v1/accounts").await.is(403);
});

both!(nobody_steers_their_own_account, async |app| {
    for username in ["to4.admin", "region.supervisor", "system-admin"] {
        let keeper = app.as_(username).await;
        let id = id_of(&keeper, username).await;
        let seen = screen(&keeper, &id).await;
        assert_eq!(seen.json["account"]["allowed_steps"], json!([]));
        for one in ["suspend", "revoke", "issue"] {
            let reply = step(&keeper, &id, &body_of(one)).await;
            reply.is_problem(409, "own-account");
        }
    }
    let admin = app.as_("to4.admin").await;
    let id = id_of(&admin, "to4.admin").await;
    let more = json!([{"role": "operator", "authority_code": TO4, "location_code": "01"}]);
    place(&admin, &id, &more)
        .await
        .is_problem(409, "own-account");
});

both!(others_accounts_are_as_if_they_were_not_there, async |app| {
    let admin = app.as_("to4.admin").await;
    let cn1 = app.as_("cn1.admin").await;
    let stranger = id_of(&cn1, "cn1.operator").await;
    let target = format!("/v1/accounts/{stranger}");
    let never = admin
        .get("/v1/accounts/019a0000-0000-7000-8000-000000000000")
        .await;
    let there = admin.get(&target).await;
    there.is_problem(404, "not-found");
    assert_eq!(
        words(&there).replace(&target, ""),
        words(&never).replace("/v1/accounts/019a0000-0000-7000-8000-000000000000", "")
    );
    step(&admin, &stranger, &body_of("suspend"))
        .await
        .is_problem(404, "not-found");
    let body =
        json!({"placements": [{"role": "operator", "authority_code": TO4, "location_code": "01"}]});
    let request = admin.request(Method::PUT, &format!("{target}/placements"));
    let reply = request.if_match("\"1\"").json(&body).send().await;
    reply.is_problem(404, "not-found");
    let listed = admin.get("/v1/accounts?limit=100").await;
    assert!(!listed.text().contains("cn1."), "{listed}");
});

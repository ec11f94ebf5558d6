//! Staff whom a regional identity service vouches for: a real provider, good and bad.

use api::oidc::{HttpOptions, LEVEL_2_OR_MORE, ProfileRule, StaffIssuer};
use domain::actor::Role;
use serde_json::{Value, json};
use service::clients::OnceToken;
use tests::citizens::{ANNA, LAURA, MARIO, Person};
use tests::identity_provider::impatient;
use tests::people::{CN1, REGION, TO4};
use tests::{Client, IdentityProvider, Options, Place, Reply, TestApp, forms, running};

const TARGET: &str = "/v1/federated-sessions";

/// What the provider's profiles mean here.
const PROFILES: &[(&str, Role, &str)] = &[
    ("SPORTELLO-TO4", Role::Operator, TO4),
    ("CAPO-TO4", Role::Supervisor, TO4),
    ("SPORTELLO-CN1", Role::Operator, CN1),
    ("REGIONE", Role::RegionalSupervisor, REGION),
];

fn options(provider: &IdentityProvider) -> Options {
    let rule = |(profile, role, authority): &(&str, Role, &str)| ProfileRule {
        profile: (*profile).to_owned(),
        role: *role,
        authority: (*authority).to_owned(),
        location: format!("{authority}-fed"),
        location_label: "Sede federata".to_owned(),
    };
    Options {
        staff_issuers: vec![StaffIssuer {
            issuer: provider.issuer(),
            placements_claim: "profiles".to_owned(),
            second_factor_levels: LEVEL_2_OR_MORE.map(str::to_owned).to_vec(),
            profiles: PROFILES.iter().map(rule).collect(),
        }],
        issuer_http: impatient(),
        ..Options::default()
    }
}

/// Runs a test on each database that is there, with a provider of its own.
fn with_provider(test: impl AsyncFn(&TestApp, &IdentityProvider)) {
    with_options(|_| {}, test);
}

fn with_options(change: impl Fn(&mut Options), test: impl AsyncFn(&TestApp, &IdentityProvider)) {
    for place in [Place::Sqlite, Place::Postgres] {
        let provider = IdentityProvider::start(env!("CARGO_BIN_EXE_identity-provider"));
        let mut options = options(&provider);
        change(&mut options);
        running::run(place, options, async |app| test(app, &provider).await);
    }
}

/// What the provider says of somebody; the subject is told by the tax code.
fn claims(app: &TestApp, person: &Person, profiles: &[&str]) -> Value {
    json!({
        "iat": app.now().as_second(),
        "sub": format!("staff-{}", person.tax_code),
        "fiscal_number": format!("TINIT-{}", person.tax_code),
        "given_name": person.given_name,
        "family_name": person.family_name,
        "email": person.email,
        "profiles": profiles,
    })
}

async fn show(app: &TestApp, token: &str) -> Reply {
    app.anonymous().post(TARGET, &json!({"token": token})).await
}

async fn enter(app: &TestApp, provider: &IdentityProvider, claims: &Value) -> Reply {
    show(app, &provider.token(claims).await).await
}

fn client(app: &TestApp, session: &Reply) -> Client {
    app.with_token(session.is(201).text_at("/access_token"))
}

/// The account of a session.
async fn account(app: &TestApp, session: &Reply) -> String {
    let me = client(app, session).get("/v1/me").await;
    me.is(200).text_at("/id").to_owned()
}

/// The roles and desks a session may choose from.
fn placements(session: &Reply) -> Vec<(String, String)> {
    let all = session.list_at("/placements").iter();
    let mut all: Vec<_> = all
        .map(|one| {
            let text = |pointer: &str| {
                let text = one.pointer(pointer).and_then(Value::as_str);
                text.expect("text").to_owned()
            };
            (text("/role"), text("/authority/code"))
        })
        .collect();
    all.sort();
    all
}

fn owned(all: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = all.iter();
    owned
        .map(|(role, desk)| ((*role).to_owned(), (*desk).to_owned()))
        .collect()
}

#[test]
fn the_first_log_in_makes_an_account_with_its_places() {
    with_provider(async |app, provider| {
        let filed = app
            .file_as(&ANNA, &forms::report_not_found_logged_in(TO4), &[])
            .await;
        let before = app.count("accounts");
        let session = enter(app, provider, &claims(app, &MARIO, &["SPORTELLO-TO4"])).await;
        assert_eq!(placements(session.is(201)), owned(&[("operator", TO4)]));
        assert_eq!(session.json["must_change_password"], false);
        let mario = client(app, &session);
        let me = mario.get("/v1/me").await;
        assert_eq!(me.is(200).text_at("/label"), "Mario Rossi");
        mario.screen(&filed.id).await;
        assert_eq!(app.count("accounts"), before + 1);
        // The next time it is the same account.
        let again = enter(app, provider, &claims(app, &MARIO, &["SPORTELLO-TO4"])).await;
        assert_eq!(account(app, &again).await, account(app, &session).await);
        assert_eq!(placements(&again), placements(&session));
        assert_eq!(app.count("accounts"), before + 1);
        // It has no password, and no password opens it.
        let username = me.text_at("/username");
        for password in ["", " ", username, tests::people::PASSWORD] {
            let body = json!({"username": username, "password": password});
            let reply = app.anonymous().post("/v1/sessions", &body).await;
            assert!(matches!(reply.status, 401 | 422), "{reply}");
        }
    });
}

#[test]
fn a_profile_nobody_knows_gives_no_right() {
    with_provider(async |app, provider| {
        let filed = app
            .file_as(&ANNA, &forms::report_not_found_logged_in(TO4), &[])
            .await;
        for profiles in [
            json!([]),
            json!(["UNKNOWN", "sportello-to4", "SPORTELLO-TO4 ", ""]),
            json!(["admin", "system-admin", "Role::Admin", "ADMIN-TO4"]),
            json!(null),
        ] {
            let mut claims = claims(app, &MARIO, &[]);
            claims["profiles"] = profiles.clone();
            let session = enter(app, provider, &claims).await;
            assert_eq!(placements(session.is(201)), [], "{profiles}");
            assert_eq!(session.json["placement"], Value::Null);
            let client = client(app, &session);
            client.get("/v1/me").await.is(200);
            for target in [
                "/v1/tickets",
                "/v1/queues",
                "/v1/accounts",
                "/v1/authority-setups",
                "/v1/password-policies",
                &filed.staff_path(""),
            ] {
                let reply = client.get(target).await;
                reply.is_problem(403, "role-selection-required");
            }
            let form = forms::report_not_found(&ANNA, TO4);
            let reply = client.post("/v1/tickets", &form).await;
            reply.is_problem(403, "role-selection-required");
        }
        for profiles in [
            json!("SPORTELLO-TO4"),
            json!({"SPORTELLO-TO4": true}),
            json!([1]),
        ] {
            let mut claims = claims(app, &MARIO, &[]);
            claims["profiles"] = profiles;
            let reply = enter(app, provider, &claims).await;
            reply.is_problem(401, "unauthenticated");
        }
    });
}

#[test]
fn nobody_becomes_an_administrator_that_way() {
    let provider = IdentityProvider::start(env!("CARGO_BIN_EXE_identity-provider"));
    for role in [Role::Admin, Role::SystemAdmin, Role::Auditor] {
        let mut issuer = options(&provider).staff_issuers.remove(0);
        issuer.profiles[0].role = role;
        let made = api::oidc::StaffVerifier::new(vec![issuer], HttpOptions::default());
        assert!(made.is_err(), "{role:?}");
    }
    // And if a verifier should ever let it pass, the use case does not.
    running::run(Place::Sqlite, Options::default(), async |app| {
        let place = |role| service::federation::FederatedPlacement {
            role,
            authority: TO4.into(),
            location_code: "1".to_owned(),
            location_label: "Sede".to_owned(),
        };
        let person = service::federation::FederatedPerson {
            issuer: "https://fed.example.org".to_owned(),
            subject: "x".to_owned(),
            tax_code: MARIO.tax_code.to_owned(),
            display_name: "Mario Rossi".to_owned(),
            has_second_factor: true,
            placements: vec![
                place(Role::Admin),
                place(Role::SystemAdmin),
                place(Role::Operator),
            ],
            token: OnceToken {
                maker: "https://fed.example.org".to_owned(),
                id: "once".to_owned(),
                expires_at: jiff::Timestamp::MAX,
            },
        };
        let session = app.desk.sign_in_federated(&person, "").expect("a session");
        let roles: Vec<Role> = session.placements.iter().map(|one| one.role).collect();
        assert_eq!(roles, [Role::Operator]);
    });
}

#[test]
fn a_profile_that_is_gone_takes_its_place_along() {
    with_provider(async |app, provider| {
        let filed = app
            .file_as(&ANNA, &forms::report_not_found_logged_in(TO4), &[])
            .await;
        let both = ["SPORTELLO-TO4", "SPORTELLO-CN1"];
        let session = enter(app, provider, &claims(app, &MARIO, &both)).await;
        assert_eq!(
            placements(session.is(201)),
            owned(&[("operator", TO4), ("operator", CN1)])
        );
        // With two places none is chosen yet.
        let mario = client(app, &session);
        let reply = mario.get("/v1/tickets").await;
        reply.is_problem(403, "role-selection-required");
        let at_to4 = session.list_at("/placements").iter();
        let mut at_to4 = at_to4.filter(|one| one["authority"]["code"] == TO4);
        let place = at_to4.next().expect("a place")["id"].clone();
        let choice = json!({"placement_id": place});
        let target = "/v1/sessions/current/placement";
        let chosen = mario.put(target, &choice).await;
        let mario = app.with_token(chosen.is(200).text_at("/access_token"));
        let take = json!({"action": "take"});
        mario.act(&filed.id, &take).await.is(201);
        let screen = app.as_("to4.operator").await.screen(&filed.id).await;
        assert!(!screen.json["assignee"].is_null(), "{screen}");

        let next = enter(app, provider, &claims(app, &MARIO, &["SPORTELLO-CN1"])).await;
        assert_eq!(placements(next.is(201)), owned(&[("operator", CN1)]));
        let elsewhere = client(app, &next).get(&filed.staff_path("")).await;
        elsewhere.is_problem(404, "not-found");
        // The session from before has lost its place as well, and the request is anybody's again.
        let reply = mario.get(&filed.staff_path("")).await;
        assert!(matches!(reply.status, 401 | 403), "{reply}");
        let screen = app.as_("to4.operator").await.screen(&filed.id).await;
        assert!(screen.json["assignee"].is_null(), "{screen}");
        // Given again, it is back.
        let back = enter(app, provider, &claims(app, &MARIO, &["SPORTELLO-TO4"])).await;
        client(app, &back).screen(&filed.id).await;
    });
}

#[test]
fn a_person_is_issuer_and_subject_and_never_an_address() {
    with_provider(async |app, provider| {
        let mario = enter(app, provider, &claims(app, &MARIO, &["SPORTELLO-TO4"])).await;
        let mut same_address = claims(app, &LAURA, &["SPORTELLO-CN1"]);
        same_address["email"] = json!(MARIO.email);
        let laura = enter(app, provider, &same_address).await;
        assert_ne!(account(app, &mario).await, account(app, &laura).await);
        assert_eq!(placements(&laura), owned(&[("operator", CN1)]));
        // The same subject with another tax code is nobody, and loses nothing by it.
        let mut stolen = claims(app, &MARIO, &["REGIONE"]);
        stolen["fiscal_number"] = json!(format!("TINIT-{}", LAURA.tax_code));
        let reply = enter(app, provider, &stolen).await;
        reply.is_problem(401, "unauthenticated");
        let after = client(app, &mario).get("/v1/me").await;
        assert_eq!(after.is(200).text_at("/placement/role"), "operator");
        // A person has one account: the same tax code under another subject waits for somebody
        // who finds out why, and ends the first.
        let before = app.count("accounts");
        let mut twin = claims(app, &MARIO, &["SPORTELLO-TO4"]);
        twin["sub"] = json!("another");
        let reply = enter(app, provider, &twin).await;
        reply.is_problem(401, "unauthenticated");
        assert_eq!(app.count("accounts"), before);
        let me = client(app, &mario).get("/v1/me").await;
        app.set_state(me.is(200).text_at("/username"), "revoked");
        enter(app, provider, &twin).await.is(201);
    });
}

#[test]
fn of_many_first_log_ins_at_once_comes_one_account() {
    with_provider(async |app, provider| {
        let before = app.count("accounts");
        let mut tokens = Vec::new();
        for _ in 0..8 {
            let claims = claims(app, &MARIO, &["SPORTELLO-TO4"]);
            tokens.push(provider.token(&claims).await);
        }
        let shows = tokens.iter().map(|token| show(app, token));
        for reply in futures_util::future::join_all(shows).await {
            reply.is(201);
        }
        assert_eq!(app.count("accounts"), before + 1);
    });
}

#[test]
fn a_suspended_account_stays_out_whatever_the_service_says() {
    with_provider(async |app, provider| {
        let claims = claims(app, &MARIO, &["SPORTELLO-TO4"]);
        let session = enter(app, provider, &claims).await;
        let mario = client(app, &session);
        let me = mario.get("/v1/me").await;
        let username = me.is(200).text_at("/username").to_owned();
        for state in ["suspended", "revoked", "locked", "expired"] {
            app.set_state(&username, state);
            let reply = enter(app, provider, &claims).await;
            assert_eq!(reply.status, 401, "{state}: {reply}");
            let reply = mario.get("/v1/me").await;
            reply.is_problem(401, "unauthenticated");
        }
        app.set_state(&username, "active");
        enter(app, provider, &claims).await.is(201);
    });
}

#[test]
fn a_second_factor_of_the_service_counts_and_its_absence_too() {
    let demand = |options: &mut Options| options.settings.sign_in.require_second_factor = true;
    with_options(demand, async |app, provider| {
        for (acr, amr, has) in [
            (json!(LEVEL_2_OR_MORE[0]), json!(null), true),
            (json!(LEVEL_2_OR_MORE[1]), json!(["pwd"]), true),
            (json!(null), json!(["pwd", "mfa"]), true),
            (json!(null), json!(null), false),
            (
                json!("https://www.spid.gov.it/SpidL1"),
                json!(["pwd"]),
                false,
            ),
            (json!(null), json!(["MFA", "mfa "]), false),
        ] {
            let mut claims = claims(app, &MARIO, &["CAPO-TO4"]);
            claims["acr"] = acr.clone();
            claims["amr"] = amr.clone();
            let session = enter(app, provider, &claims).await;
            assert_eq!(session.is(201).json["second_factor"], has, "{acr} {amr}");
            let reply = client(app, &session).get("/v1/tickets").await;
            match has {
                true => reply.is(200),
                false => reply.is_problem(403, "second-factor-required"),
            };
        }
        // Whoever leads nobody needs none.
        let mut claims = claims(app, &ANNA, &["SPORTELLO-TO4"]);
        claims["acr"] = json!(null);
        let session = enter(app, provider, &claims).await;
        client(app, &session).get("/v1/tickets").await.is(200);
    });
}

#[test]
fn a_token_opens_one_session() {
    with_provider(async |app, provider| {
        let token = provider
            .token(&claims(app, &MARIO, &["SPORTELLO-TO4"]))
            .await;
        show(app, &token).await.is(201);
        let before = app.count("sessions");
        let node = app.another_node();
        let replies = [
            show(app, &token).await,
            node.anonymous()
                .post(TARGET, &json!({"token": token}))
                .await,
        ];
        for reply in replies {
            reply.is_problem(401, "unauthenticated");
        }
        assert_eq!(app.count("sessions"), before);
        let fresh = provider
            .token(&claims(app, &MARIO, &["SPORTELLO-TO4"]))
            .await;
        let shows = (0..10).map(|_| show(app, &fresh));
        let replies = futures_util::future::join_all(shows).await;
        let good = replies.iter().filter(|reply| reply.status == 201).count();
        assert_eq!(good, 1);
    });
}

#[test]
fn a_token_is_good_at_its_own_door_alone() {
    with_provider(async |app, provider| {
        let token = provider
            .token(&claims(app, &MARIO, &["SPORTELLO-TO4"]))
            .await;
        let staff = app.with_token(&token);
        for target in ["/v1/me/tickets", "/v1/me", "/v1/tickets"] {
            let reply = staff.get(target).await;
            reply.is_problem(401, "unauthenticated");
        }
        let program = app.program(&["requests:read"]).await;
        let program = app.with_token(&program.token);
        let list = program.request(reqwest::Method::GET, "/v1/me/tickets");
        let reply = list.header("citizen-token", &token).send().await;
        reply.is_problem(401, "unauthenticated");
        let before = app.count("accounts");
        let operator = app.as_("to4.operator").await;
        let voucher = provider
            .voucher(&json!({"iat": app.now().as_second(), "client_id": "x"}))
            .await;
        for token in [
            app.citizen(&MARIO).token(),
            operator.token(),
            program.token(),
            &voucher,
            "nonsense",
        ] {
            show(app, token).await.is_problem(401, "unauthenticated");
        }
        assert_eq!(app.count("accounts"), before);
        show(app, &token).await.is(201);
    });
}

#[test]
fn what_the_service_signs_is_still_checked() {
    with_provider(async |app, provider| {
        let now = app.now().as_second();
        let before = (app.count("accounts"), app.count("sessions"));
        for (name, value) in [
            ("fiscal_number", json!(MARIO.tax_code)),
            ("fiscal_number", json!("TINIT-RSSMRA80A01H501V")),
            ("fiscal_number", json!(null)),
            ("given_name", json!(null)),
            ("family_name", json!("")),
            ("sub", json!(null)),
            ("sub", json!("")),
            ("aud", json!("another")),
            ("iss", json!("https://idp.example.org")),
            ("exp", json!(null)),
            ("exp", json!("2031-01-01")),
            ("exp", json!(now + 24 * 3600)),
            ("iat", json!(now + 300)),
            ("iat", json!(now - 3600)),
            ("nbf", json!(now + 300)),
            ("jti", json!("")),
            ("amr", json!("mfa")),
        ] {
            let mut claims = claims(app, &MARIO, &["SPORTELLO-TO4"]);
            claims[name] = value.clone();
            let reply = enter(app, provider, &claims).await;
            assert_eq!(reply.status, 401, "{name} {value}: {reply}");
            reply.is_problem(401, "unauthenticated");
        }
        assert_eq!((app.count("accounts"), app.count("sessions")), before);
    });
}

#[test]
fn a_service_that_hangs_is_told_as_503() {
    with_provider(async |app, provider| {
        let token = provider
            .token(&claims(app, &MARIO, &["SPORTELLO-TO4"]))
            .await;
        for mode in ["hang", "huge", "error"] {
            provider.behave(mode).await;
            let reply = show(app, &token).await;
            reply.is_problem(503, "temporarily-unavailable");
            assert!(reply.header("retry-after").is_some(), "{mode}");
            app.advance("PT60S");
        }
        // Whoever has a password works on, and the token was not used up.
        app.as_("to4.operator").await;
        provider.behave("ok").await;
        show(app, &token).await.is(201);
    });
}

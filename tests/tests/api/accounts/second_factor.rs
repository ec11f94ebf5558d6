//! The second factor: enrolled with a code, asked for ever after, and each code good once.

use serde_json::json;
use tests::people::{PASSWORD, TO4};
use tests::{Client, Options, Reply, TestApp, both};
use totp_rs::Totp;

use super::{Newcomer, OTHER_PHRASE, PHRASE, activate, activated, issue, log_in, screen, words};

/// Who leads must have a second factor.
fn required() -> Options {
    let mut options = Options::default();
    options.settings.sign_in.require_second_factor = true;
    options
}

/// An authenticator, and what it was given beside.
struct Device {
    totp: Totp,
    recovery_codes: Vec<String>,
}

impl Device {
    /// The code that the device shows when its clock is so many steps off.
    fn code(&self, app: &TestApp, steps: i64) -> String {
        let seconds = app.now().as_second() + steps * 30;
        let seconds = u64::try_from(seconds).expect("after 1970");
        self.totp.generate(seconds).to_string()
    }
}

async fn confirm(client: &Client, otp: &str) -> Reply {
    let body = json!({"otp": otp});
    client
        .post("/v1/me/second-factor/confirmation", &body)
        .await
}

/// Enrols the caller's device.
async fn enrol(app: &TestApp, client: &Client) -> Device {
    let started = client.post("/v1/me/second-factor", &json!({})).await;
    let totp = Totp::from_url(started.is(201).text_at("/uri")).expect("an otpauth address");
    let mut device = Device {
        totp,
        recovery_codes: Vec::new(),
    };
    assert_eq!(started.text_at("/secret"), device.totp.secret().to_base32());
    let confirmed = confirm(client, &device.code(app, 0)).await;
    let codes = confirmed.is(201).list_at("/recovery_codes").iter();
    device.recovery_codes = codes
        .map(|code| code.as_str().expect("a code").to_owned())
        .collect();
    device
}

async fn log_in_with(app: &TestApp, username: &str, password: &str, otp: &str) -> Reply {
    let credentials = json!({"username": username, "password": password, "otp": otp});
    app.anonymous().post("/v1/sessions", &credentials).await
}

/// What a wrong password hears.
async fn refusal(app: &TestApp) -> String {
    let wrong = log_in(app, "to4.operator", "un'altra frase, ma sbagliata").await;
    words(wrong.is_problem(401, "unauthenticated"))
}

both!(whoever_enrols_shows_a_code_from_then_on, async |app| {
    let client = app.as_("to4.operator").await;
    let device = enrol(app, &client).await;
    assert_eq!(device.recovery_codes.len(), 10);
    let credential = client.get("/v1/me/credential").await;
    assert_eq!(credential.is(200).json["second_factor"], true);
    assert_eq!(credential.json["recovery_codes_left"], 10);
    let again = client.post("/v1/me/second-factor", &json!({})).await;
    again.is_problem(409, "second-factor-exists");

    app.advance("PT30S");
    let without = log_in(app, "to4.operator", PASSWORD).await;
    without.is_problem(401, "otp-required");
    let refusal = refusal(app).await;
    // A wrong password hears nothing of it, with a code or without.
    let code = device.code(app, 0);
    let wrong = log_in_with(app, "to4.operator", "una frase sbagliata", &code).await;
    assert_eq!(words(&wrong), refusal);
    let other = if code == "000000" { "000001" } else { "000000" };
    for otp in [other, "", "nonsense", "AAAAA-BBBBB"] {
        let reply = log_in_with(app, "to4.operator", PASSWORD, otp).await;
        assert_eq!(words(&reply), refusal, "{otp}");
    }
    app.advance("PT2M");
    let good = log_in_with(app, "to4.operator", PASSWORD, &device.code(app, 0)).await;
    assert_eq!(good.is(201).json["second_factor"], true);
});

both!(a_secret_counts_once_a_code_of_it_was_shown, async |app| {
    let client = app.as_("to4.operator").await;
    confirm(&client, "123456")
        .await
        .is(422)
        .has_errors(&[("/otp", "otp-wrong")]);
    let started = client.post("/v1/me/second-factor", &json!({})).await;
    let first = Totp::from_url(started.is(201).text_at("/uri")).expect("an otpauth address");
    // Lost before it was confirmed: another one takes its place.
    let device = enrol_after(app, &client, &first).await;
    log_in(app, "to4.operator", PASSWORD)
        .await
        .is_problem(401, "otp-required");
    app.advance("PT30S");
    let good = log_in_with(app, "to4.operator", PASSWORD, &device.code(app, 0)).await;
    good.is(201);
});

/// Enrols another device than the one that was started with.
async fn enrol_after(app: &TestApp, client: &Client, first: &Totp) -> Device {
    log_in(app, "to4.operator", PASSWORD).await.is(201);
    let started = client.post("/v1/me/second-factor", &json!({})).await;
    let totp = Totp::from_url(started.is(201).text_at("/uri")).expect("an otpauth address");
    let device = Device {
        totp,
        recovery_codes: Vec::new(),
    };
    let lost = Device {
        totp: first.clone(),
        recovery_codes: Vec::new(),
    };
    let refused = confirm(client, &lost.code(app, 0)).await;
    refused.is(422).has_errors(&[("/otp", "otp-wrong")]);
    confirm(client, &device.code(app, 0)).await.is(201);
    device
}

both!(a_code_is_good_once, async |app| {
    let device = enrol(app, &app.as_("to4.operator").await).await;
    let refusal = refusal(app).await;
    // The one that confirmed the device was used.
    let used = log_in_with(app, "to4.operator", PASSWORD, &device.code(app, 0)).await;
    assert_eq!(words(&used), refusal);
    app.advance("PT60S");
    let code = device.code(app, 0);
    log_in_with(app, "to4.operator", PASSWORD, &code)
        .await
        .is(201);
    let again = log_in_with(app, "to4.operator", PASSWORD, &code).await;
    assert_eq!(words(&again), refusal);
    // Nor one from before the last one.
    let earlier = log_in_with(app, "to4.operator", PASSWORD, &device.code(app, -1)).await;
    assert_eq!(words(&earlier), refusal);
    log_in_with(app, "to4.operator", PASSWORD, &device.code(app, 1))
        .await
        .is(201);
});

both!(of_two_who_show_one_code_at_once_one_comes_in, async |app| {
    let device = enrol(app, &app.as_("to4.operator").await).await;
    app.advance("PT30S");
    let code = device.code(app, 0);
    let all = (0..4).map(|_| log_in_with(app, "to4.operator", PASSWORD, &code));
    let replies = futures_util::future::join_all(all).await;
    let good = replies.iter().filter(|reply| reply.status == 201).count();
    let refused = replies.iter().filter(|reply| reply.status == 401).count();
    assert_eq!((good, refused), (1, 3));
});

both!(
    a_code_that_changed_the_password_opens_no_session,
    async |app| {
        let device = enrol(app, &app.as_("to4.operator").await).await;
        app.advance("PT30S");
        let code = device.code(app, 0);
        let body = json!({"username": "to4.operator", "password": PASSWORD,
        "otp": code, "new_password": PHRASE});
        let changed = app.anonymous().post("/v1/password-changes", &body).await;
        assert_eq!(changed.is(201).json["second_factor"], true);
        let replay = log_in_with(app, "to4.operator", PHRASE, &code).await;
        replay.is_problem(401, "unauthenticated");
        app.advance("PT30S");
        log_in_with(app, "to4.operator", PHRASE, &device.code(app, 0))
            .await
            .is(201);
    }
);

both!(a_clock_may_be_one_step_off_and_no_more, async |app| {
    let device = enrol(app, &app.as_("to4.operator").await).await;
    let refusal = refusal(app).await;
    for (steps, is_good) in [(-2, false), (2, false), (-1, true), (0, true), (1, true)] {
        app.advance("PT5M");
        let code = device.code(app, steps);
        let reply = log_in_with(app, "to4.operator", PASSWORD, &code).await;
        match is_good {
            true => {
                reply.is(201);
            }
            false => assert_eq!(words(&reply), refusal, "{steps}"),
        }
    }
});

both!(a_recovery_code_stands_in_once, async |app| {
    let device = enrol(app, &app.as_("to4.operator").await).await;
    let code = &device.recovery_codes[3];
    let typed = code.to_lowercase().replace('-', " ");
    let session = log_in_with(app, "to4.operator", PASSWORD, &typed).await;
    assert_eq!(session.is(201).json["second_factor"], true);
    let client = app.with_token(session.text_at("/access_token"));
    let left = client.get("/v1/me/credential").await;
    assert_eq!(left.json["recovery_codes_left"], 9);
    let again = log_in_with(app, "to4.operator", PASSWORD, code).await;
    again.is_problem(401, "unauthenticated");
    let other = &device.recovery_codes[4];
    log_in_with(app, "to4.operator", PASSWORD, other)
        .await
        .is(201);
    // It is nobody else's.
    let third = &device.recovery_codes[5];
    enrol(app, &app.as_("to4.colleague").await).await;
    log_in_with(app, "to4.colleague", PASSWORD, third)
        .await
        .is(401);
});

both!(new_codes_take_the_second_factor_away, async |app| {
    let admin = app.as_("to4.admin").await;
    let newcomer = Newcomer::new(1, "operator", TO4);
    let id = activated(app, &admin, &newcomer).await;
    let session = log_in(app, &newcomer.username, PHRASE).await;
    let client = app.with_token(session.is(201).text_at("/access_token"));
    let device = enrol(app, &client).await;
    assert_eq!(
        screen(&admin, &id).await.json["account"]["second_factor"],
        true
    );
    let codes = issue(app, &admin, &id, newcomer.email()).await;
    assert_eq!(
        screen(&admin, &id).await.json["account"]["second_factor"],
        false
    );
    activate(app, &codes, OTHER_PHRASE).await.is(201);
    let session = log_in(app, &newcomer.username, OTHER_PHRASE).await;
    assert_eq!(session.is(201).json["second_factor"], false);
    let client = app.with_token(session.text_at("/access_token"));
    let credential = client.get("/v1/me/credential").await;
    assert_eq!(credential.json["recovery_codes_left"], 0);
    // Another device, also within the same half minute; the old one is worth nothing.
    let new = enrol(app, &client).await;
    app.advance("PT30S");
    let old = log_in_with(app, &newcomer.username, OTHER_PHRASE, &device.code(app, 0)).await;
    old.is(401);
    let old = &device.recovery_codes[0];
    log_in_with(app, &newcomer.username, OTHER_PHRASE, old)
        .await
        .is(401);
    let good = log_in_with(app, &newcomer.username, OTHER_PHRASE, &new.code(app, 0)).await;
    good.is(201);
});

both!(
    who_leads_does_nothing_without_a_second_factor,
    required(),
    async |app| {
        for username in [
            "to4.supervisor",
            "to4.admin",
            "region.supervisor",
            "system-admin",
        ] {
            let client = app.as_(username).await;
            let target = match username {
                "to4.supervisor" => "/v1/tickets",
                _ => "/v1/accounts",
            };
            client
                .get(target)
                .await
                .is_problem(403, "second-factor-required");
            enrol(app, &client).await;
            // The session in which it was confirmed counts as one with a second factor.
            client.get(target).await.is(200);
        }
        app.as_("to4.operator")
            .await
            .get("/v1/tickets")
            .await
            .is(200);
    }
);

both!(no_secret_is_kept_readable, async |app| {
    let client = app.as_("to4.operator").await;
    let device = enrol(app, &client).await;
    for code in &device.recovery_codes {
        let plain = code.replace('-', "");
        for print in [code, &plain] {
            let rows = format!("recovery_codes WHERE code_print LIKE '%{print}%'");
            assert_eq!(app.count(&rows), 0);
        }
    }
    let secret = device.totp.secret().to_base32();
    let history = screen(
        &app.as_("to4.admin").await,
        client.get("/v1/me").await.text_at("/id"),
    )
    .await;
    assert!(!history.everything().contains(&secret), "{history}");
});

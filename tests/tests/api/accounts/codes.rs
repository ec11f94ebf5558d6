//! The two codes: typed by people, good once and for a week, and silent to whoever lacks one.

use reqwest::Method;
use serde_json::json;
use tests::people::TO4;
use tests::{Client, Reply, TestApp, both};

use super::{
    Codes, Newcomer, OTHER_PHRASE, PHRASE, activate, body_of, create, event_names, issue, issued,
    log_in, refresh, screen, security_code, show, step, words,
};

/// No 0 and O, no 1 and I.
const ALPHABET: &str = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const NONSENSE: &str = "AAAABBBBCCCC";

/// The answer to codes that nobody ever had.
async fn to_nonsense(app: &TestApp) -> String {
    let reply = show(app, "AAAABBBBCC", NONSENSE, PHRASE).await;
    reply.is_problem(422, "otp-invalid");
    words(&reply)
}

/// Fails unless both codes together hear `code`, and each of them alone what nonsense hears.
async fn only_both_hear(app: &TestApp, codes: &Codes, code: &str) {
    let reply = activate(app, codes, PHRASE).await;
    reply.is_problem(422, "otp-invalid");
    assert_eq!(reply.errors().first().map(|(_, code)| *code), Some(code));
    let nonsense = to_nonsense(app).await;
    let one = show(app, &codes.identification, NONSENSE, PHRASE).await;
    assert_eq!(words(&one), nonsense);
    let other = show(app, "AAAABBBBCC", &codes.security, PHRASE).await;
    assert_eq!(words(&other), nonsense);
}

both!(codes_are_read_as_people_type_them, async |app| {
    let admin = app.as_("to4.admin").await;
    let newcomer = Newcomer::new(1, "operator", TO4);
    let (_, codes) = issued(app, &admin, &newcomer).await;
    assert_eq!(codes.security.len(), 12);
    for code in [&codes.identification, &codes.security] {
        assert!(code.chars().all(|c| ALPHABET.contains(c)), "{code}");
    }
    let typed = |code: &str| {
        let (start, end) = code.split_at(4);
        format!(" {start}-{end} ").to_lowercase()
    };
    let (first, second) = (typed(&codes.identification), typed(&codes.security));
    show(app, &first, &second, PHRASE).await.is(201);
    log_in(app, &newcomer.username, PHRASE).await.is(201);
});

both!(
    only_whoever_has_both_codes_hears_that_they_ran_out,
    async |app| {
        let admin = app.as_("to4.admin").await;
        let newcomer = Newcomer::new(1, "operator", TO4);
        let (id, codes) = issued(app, &admin, &newcomer).await;
        app.advance("P7D");
        only_both_hear(app, &codes, "otp-expired").await;
        // The same after the job has ended them.
        assert_eq!(app.desk.expire_issues().expect("the job runs"), 1);
        assert_eq!(app.desk.expire_issues().expect("the job runs"), 0);
        only_both_hear(app, &codes, "otp-expired").await;
        let admin = app.as_("to4.admin").await;
        let seen = screen(&admin, &id).await;
        assert_eq!(seen.text_at("/account/state"), "expired");
        let names = event_names(&admin, &id).await;
        assert_eq!(names.last().map(String::as_str), Some("account.expired"));
        let codes = issue(app, &admin, &id, newcomer.email()).await;
        activate(app, &codes, PHRASE).await.is(201);
    }
);

both!(
    codes_are_good_until_the_last_second_of_the_week,
    async |app| {
        let admin = app.as_("to4.admin").await;
        let (_, codes) = issued(app, &admin, &Newcomer::new(1, "operator", TO4)).await;
        app.advance("P6DT23H59M59S");
        assert_eq!(app.desk.expire_issues().expect("the job runs"), 0);
        activate(app, &codes, PHRASE).await.is(201);
        app.advance("P1D");
        assert_eq!(app.desk.expire_issues().expect("the job runs"), 0);
    }
);

both!(codes_are_good_once, async |app| {
    let admin = app.as_("to4.admin").await;
    let newcomer = Newcomer::new(1, "operator", TO4);
    let (_, codes) = issued(app, &admin, &newcomer).await;
    activate(app, &codes, PHRASE).await.is(201);
    let again = activate(app, &codes, OTHER_PHRASE).await;
    again.is_problem(422, "otp-invalid");
    only_both_hear(app, &codes, "otp-used").await;
    log_in(app, &newcomer.username, OTHER_PHRASE).await.is(401);
    log_in(app, &newcomer.username, PHRASE).await.is(201);
});

both!(of_two_who_show_the_codes_at_once_one_wins, async |app| {
    let admin = app.as_("to4.admin").await;
    let newcomer = Newcomer::new(1, "operator", TO4);
    let (_, codes) = issued(app, &admin, &newcomer).await;
    let phrases = [PHRASE, OTHER_PHRASE, "otto nuvole sopra il fienile"];
    let all = phrases.map(|phrase| activate(app, &codes, phrase));
    let replies = futures_util::future::join_all(all).await;
    let mut winners = 0;
    for (reply, phrase) in replies.iter().zip(phrases) {
        let session = log_in(app, &newcomer.username, phrase).await;
        match reply.status {
            201 => {
                winners += 1;
                session.is(201);
            }
            _ => {
                reply.is_problem(422, "otp-invalid");
                session.is(401);
            }
        }
    }
    assert_eq!(winners, 1);
});

both!(new_codes_void_the_old_ones, async |app| {
    let admin = app.as_("to4.admin").await;
    let newcomer = Newcomer::new(1, "operator", TO4);
    let (id, old) = issued(app, &admin, &newcomer).await;
    let new = issue(app, &admin, &id, newcomer.email()).await;
    assert_ne!(old.identification, new.identification);
    assert_ne!(old.security, new.security);
    only_both_hear(app, &old, "otp-exhausted").await;
    // Halves of two pairs are no pair.
    let nonsense = to_nonsense(app).await;
    let mixed = show(app, &new.identification, &old.security, PHRASE).await;
    assert_eq!(words(&mixed), nonsense);
    activate(app, &new, PHRASE).await.is(201);
});

both!(new_codes_end_the_password_and_the_sessions, async |app| {
    let admin = app.as_("to4.admin").await;
    let newcomer = Newcomer::new(1, "operator", TO4);
    let (id, codes) = issued(app, &admin, &newcomer).await;
    activate(app, &codes, PHRASE).await.is(201);
    let session = log_in(app, &newcomer.username, PHRASE).await;
    let client = app.with_token(session.is(201).text_at("/access_token"));
    client.get("/v1/me").await.is(200);
    let codes = issue(app, &admin, &id, newcomer.email()).await;
    client.get("/v1/me").await.is(401);
    refresh(app, &session).await.is(401);
    log_in(app, &newcomer.username, PHRASE).await.is(401);
    activate(app, &codes, OTHER_PHRASE).await.is(201);
    log_in(app, &newcomer.username, OTHER_PHRASE).await.is(201);
});

both!(five_wrong_security_codes_void_the_pair, async |app| {
    let admin = app.as_("to4.admin").await;
    let newcomer = Newcomer::new(1, "operator", TO4);
    let (id, codes) = issued(app, &admin, &newcomer).await;
    let nonsense = to_nonsense(app).await;
    for _ in 0..5 {
        let reply = show(app, &codes.identification, NONSENSE, PHRASE).await;
        assert_eq!(words(&reply), nonsense);
    }
    only_both_hear(app, &codes, "otp-exhausted").await;
    let codes = issue(app, &admin, &id, newcomer.email()).await;
    for _ in 0..4 {
        show(app, &codes.identification, NONSENSE, PHRASE)
            .await
            .is(422);
    }
    activate(app, &codes, PHRASE).await.is(201);
});

both!(
    codes_that_were_guessed_at_end_in_time_as_well,
    async |app| {
        let admin = app.as_("to4.admin").await;
        let newcomer = Newcomer::new(1, "operator", TO4);
        let (id, codes) = issued(app, &admin, &newcomer).await;
        for _ in 0..5 {
            show(app, &codes.identification, NONSENSE, PHRASE)
                .await
                .is(422);
        }
        app.advance("P7D");
        assert_eq!(app.desk.expire_issues().expect("the job runs"), 1);
        let admin = app.as_("to4.admin").await;
        let seen = screen(&admin, &id).await;
        assert_eq!(seen.text_at("/account/state"), "expired");
    }
);

both!(the_job_spares_new_codes_of_the_same_account, async |app| {
    let admin = app.as_("to4.admin").await;
    let newcomer = Newcomer::new(1, "operator", TO4);
    let (id, _) = issued(app, &admin, &newcomer).await;
    app.advance("P6D");
    let admin = app.as_("to4.admin").await;
    let codes = issue(app, &admin, &id, newcomer.email()).await;
    app.advance("P2D");
    assert_eq!(app.desk.expire_issues().expect("the job runs"), 0);
    activate(app, &codes, PHRASE).await.is(201);
});

async fn issue_once(admin: &Client, id: &str, etag: &str, key: &str) -> Reply {
    let target = format!("/v1/accounts/{id}/steps");
    let request = admin.request(Method::POST, &target).if_match(etag).key(key);
    request.json(&body_of("issue")).send().await
}

both!(the_same_key_repeats_the_same_codes, async |app| {
    let admin = app.as_("to4.admin").await;
    let newcomer = Newcomer::new(1, "operator", TO4);
    let id = create(&admin, &newcomer).await;
    step(&admin, &id, &body_of("identify")).await.is(201);
    let etag = screen(&admin, &id).await.etag().to_owned();
    let first = issue_once(&admin, &id, &etag, "one").await;
    let again = issue_once(&admin, &id, &etag, "one").await;
    assert_eq!(first.is(201).json, again.is(201).json);
    assert_eq!(app.mails_to(newcomer.email()).await.len(), 1);
    let other = issue_once(&admin, &id, &etag, "two").await;
    other.is_problem(412, "precondition-failed");

    let body = json!({
        "identification_code": first.text_at("/codes/identification_code"),
        "security_code": security_code(app, newcomer.email()).await,
        "password": PHRASE,
    });
    for _ in 0..2 {
        let request = app.anonymous().request(Method::POST, "/v1/activations");
        request.key("three").json(&body).send().await.is(201);
    }
});

//! Which passwords are good, how long, and what too many wrong ones do: by the policy of the place.

use domain::password::PasswordPolicy;
use serde_json::{Value, json};
use tests::people::{CN1, PASSWORD, TO4};
use tests::{Client, Options, Reply, TestApp, both};

use super::{
    Newcomer, OTHER_PHRASE, PHRASE, WRONG, activate, activated, body_of, change, event_names,
    id_of, issued, log_in, refresh, screen, sistema_ts, step, words,
};

/// The same, with questions and answers.
fn with_questions() -> Options {
    let mut options = sistema_ts();
    let policies = &mut options.settings.sign_in.policies;
    let policy = PasswordPolicy {
        questions: true,
        ..PasswordPolicy::SISTEMA_TS
    };
    policies.profiles.push(("domande".to_owned(), policy));
    let chosen = (TO4.into(), "domande".to_owned());
    policies.by_authority.extend([chosen]);
    options
}

/// So many wrong log-ins, each after its delay is over.
async fn fail(app: &TestApp, username: &str, times: usize) {
    for _ in 0..times {
        log_in(app, username, WRONG).await.is(401);
        app.advance("PT16M");
    }
}

both!(
    a_modern_password_is_long_and_nobodys_first_guess,
    async |app| {
        let admin = app.as_("to4.admin").await;
        let newcomer = Newcomer::new(1, "operator", TO4);
        let (_, codes) = issued(app, &admin, &newcomer).await;
        let refused = [
            ("tre rane blu e", "too-short"),
            ("passwordpassword", "password-too-common"),
            ("P4ssw0rdAmministr4tore", "password-too-common"),
            ("aaaaaaaaaaaaaaaaaaaa", "password-too-common"),
            ("nuova.persona1 nuova", "password-too-common"),
            ("PersonaNuova2026!!", "password-too-common"),
            ("tre rane blu\u{7} e un treno", "forbidden-chars"),
        ];
        for (password, code) in refused {
            let reply = activate(app, &codes, password).await;
            reply.is_problem(422, "validation-error");
            reply.has_errors(&[("/password", code)]);
            assert!(!reply.text().contains(password), "{reply}");
        }
        // The codes are still good, and so are fifteen characters.
        activate(app, &codes, "tre rane blu e!").await.is(201);
        for (password, code) in refused {
            let reply = change(app, &newcomer.username, "tre rane blu e!", password).await;
            reply.is(422).has_errors(&[("/new_password", code)]);
            app.advance("PT1M");
        }
        let same = change(
            app,
            &newcomer.username,
            "tre rane blu e!",
            "tre rane blu e!",
        )
        .await;
        same.is(422)
            .has_errors(&[("/new_password", "password-used-before")]);
        let long = change(
            app,
            &newcomer.username,
            "tre rane blu e!",
            &"così lunga ".repeat(23),
        )
        .await;
        long.is(422).has_errors(&[("/new_password", "too-long")]);
        change(app, &newcomer.username, "tre rane blu e!", PHRASE)
            .await
            .is(201);
    }
);

both!(a_modern_password_never_ends, async |app| {
    let admin = app.as_("cn1.admin").await;
    let newcomer = Newcomer::new(1, "operator", CN1);
    let id = activated(app, &admin, &newcomer).await;
    assert!(screen(&admin, &id).await.json["account"]["must_change_by"].is_null());
    app.advance("P3650D");
    let session = log_in(app, &newcomer.username, PHRASE).await;
    assert_eq!(session.is(201).json["must_change_password"], false);
});

/// Fails unless this session may do nothing but change the password.
async fn may_only_change(app: &TestApp, session: &Reply) -> Client {
    assert_eq!(session.is(201).json["must_change_password"], true);
    let client = app.with_token(session.text_at("/access_token"));
    for target in ["/v1/tickets", "/v1/queues", "/v1/assignees"] {
        let reply = client.get(target).await;
        reply.is_problem(403, "password-change-required");
    }
    let filing = client.post("/v1/tickets", &json!({})).await;
    filing.is_problem(403, "password-change-required");
    let credential = client.get("/v1/me/credential").await;
    assert_eq!(credential.is(200).text_at("/state"), "must-change");
    client
}

both!(
    a_health_card_password_lasts_240_days_and_then_90,
    sistema_ts(),
    async |app| {
        let admin = app.as_("to4.admin").await;
        let newcomer = Newcomer::new(1, "operator", TO4);
        let (id, codes) = issued(app, &admin, &newcomer).await;
        let short = activate(app, &codes, "rane bl").await;
        short.is(422).has_errors(&[("/password", "too-short")]);
        activate(app, &codes, "rane blu").await.is(201);
        let seen = screen(&admin, &id).await;
        assert_eq!(
            seen.text_at("/account/must_change_by"),
            "2026-10-28T08:00:00Z"
        );
        app.advance("P239DT23H59M");
        let session = log_in(app, &newcomer.username, "rane blu").await;
        assert_eq!(session.is(201).json["must_change_password"], false);
        app.advance("PT1M");
        let session = log_in(app, &newcomer.username, "rane blu").await;
        let client = may_only_change(app, &session).await;
        let renewed = refresh(app, &session).await;
        assert_eq!(renewed.is(200).json["must_change_password"], true);

        let changed = change(app, &newcomer.username, "rane blu", "gatti gialli").await;
        assert_eq!(changed.is(201).text_at("/state"), "active");
        assert_eq!(changed.text_at("/must_change_by"), "2027-01-26T08:00:00Z");
        client.get("/v1/me/credential").await.is(401);
        log_in(app, &newcomer.username, "rane blu").await.is(401);
        let session = log_in(app, &newcomer.username, "gatti gialli").await;
        assert_eq!(session.is(201).json["must_change_password"], false);
        app.with_token(session.text_at("/access_token"))
            .get("/v1/tickets")
            .await
            .is(200);
        app.advance("P90D");
        let session = log_in(app, &newcomer.username, "gatti gialli").await;
        may_only_change(app, &session).await;
        let names = event_names(&app.as_("to4.admin").await, &id).await;
        let musts = names.iter().filter(|name| *name == "account.must_change");
        assert_eq!(musts.count(), 2);
    }
);

both!(
    five_passwords_must_pass_before_one_comes_back,
    sistema_ts(),
    async |app| {
        let admin = app.as_("to4.admin").await;
        let newcomer = Newcomer::new(1, "operator", TO4);
        let (_, codes) = issued(app, &admin, &newcomer).await;
        let phrases = [
            "rane blu",
            "gatti gialli",
            "nuvole rosa",
            "treni lenti",
            "barche vuote",
        ];
        activate(app, &codes, phrases[0]).await.is(201);
        for pair in phrases.windows(2) {
            app.advance("PT1M");
            change(app, &newcomer.username, pair[0], pair[1])
                .await
                .is(201);
        }
        for used in phrases {
            app.advance("PT1M");
            let reply = change(app, &newcomer.username, phrases[4], used).await;
            reply
                .is(422)
                .has_errors(&[("/new_password", "password-used-before")]);
        }
        app.advance("PT1M");
        change(app, &newcomer.username, phrases[4], "sesta frase")
            .await
            .is(201);
        app.advance("PT1M");
        change(app, &newcomer.username, "sesta frase", phrases[0])
            .await
            .is(201);
    }
);

both!(
    eight_wrong_passwords_lock_and_the_administrator_unlocks,
    sistema_ts(),
    async |app| {
        fail(app, "to4.operator", 7).await;
        log_in(app, "to4.operator", PASSWORD).await.is(201);
        fail(app, "to4.operator", 8).await;
        let wrong = log_in(app, "to4.colleague", WRONG).await;
        let right = log_in(app, "to4.operator", PASSWORD).await;
        assert_eq!(words(&right.is(401).clone()), words(&wrong));
        app.advance("P1D");
        log_in(app, "to4.operator", PASSWORD).await.is(401);
        change(app, "to4.operator", PASSWORD, PHRASE).await.is(401);
        let admin = app.as_("to4.admin").await;
        let id = id_of(&admin, "to4.operator").await;
        let seen = screen(&admin, &id).await;
        assert_eq!(seen.text_at("/account/state"), "locked");
        let names = event_names(&admin, &id).await;
        let locks = names.iter().filter(|name| *name == "credential.locked");
        assert_eq!(locks.count(), 1);
        let unlocked = step(&admin, &id, &body_of("unlock")).await;
        assert_eq!(unlocked.is(201).text_at("/account/state"), "active");
        log_in(app, "to4.operator", PASSWORD).await.is(201);
        let again = step(&admin, &id, &body_of("unlock")).await;
        again.is_problem(409, "account-step-not-allowed");
        // Under the modern policy nothing locks.
        fail(app, "cn1.operator", 30).await;
        log_in(app, "cn1.operator", PASSWORD).await.is(201);
    }
);

both!(
    whoever_is_let_in_again_is_not_locked_by_the_past,
    sistema_ts(),
    async |app| {
        fail(app, "to4.operator", 9).await;
        let admin = app.as_("to4.admin").await;
        let id = id_of(&admin, "to4.operator").await;
        step(&admin, &id, &body_of("suspend")).await.is(201);
        fail(app, "to4.operator", 9).await;
        let admin = app.as_("to4.admin").await;
        step(&admin, &id, &body_of("reactivate")).await.is(201);
        log_in(app, "to4.operator", PASSWORD).await.is(201);

        let newcomer = Newcomer::new(1, "operator", TO4);
        let (_, codes) = issued(app, &admin, &newcomer).await;
        fail(app, &newcomer.username, 9).await;
        activate(app, &codes, PHRASE).await.is(201);
        log_in(app, &newcomer.username, PHRASE).await.is(201);
    }
);

both!(
    whoever_works_at_two_places_obeys_the_stricter,
    sistema_ts(),
    async |app| {
        let short = change(app, "two.hats", PASSWORD, "rane blu").await;
        short.is(422).has_errors(&[("/new_password", "too-short")]);
        let changed = change(app, "two.hats", PASSWORD, PHRASE).await;
        assert_eq!(
            changed.is(201).text_at("/must_change_by"),
            "2026-05-31T08:00:00Z"
        );
    }
);

fn answers(list: &[(&str, &str)]) -> Value {
    let answer =
        |(question, answer): &(&str, &str)| json!({"question": question, "answer": answer});
    list.iter().map(answer).collect()
}

const RIGHT: [(&str, &str); 3] = [
    ("first-school", "Scuola Manzoni"),
    ("first-pet", "Fido il cane"),
    ("mothers-town", "Cuneo"),
];

async fn recover(app: &TestApp, username: &str, answers: Value, new: &str) -> Reply {
    let body = json!({"username": username, "answers": answers, "new_password": new});
    app.anonymous().post("/v1/password-recoveries", &body).await
}

async fn keep_answers(app: &TestApp, username: &str, answers: Value) -> Reply {
    let client = app.as_(username).await;
    let body = json!({"answers": answers});
    client.put("/v1/me/security-answers", &body).await
}

both!(
    questions_let_back_in_where_a_contract_asks_for_them,
    with_questions(),
    async |app| {
        let kept = keep_answers(app, "to4.operator", answers(&RIGHT)).await;
        kept.is(204);
        let session = log_in(app, "to4.operator", PASSWORD).await;
        let unknown = recover(app, "nobody.at.all", answers(&RIGHT), PHRASE).await;
        unknown.is_problem(401, "unauthenticated");
        let [first, second, third] = RIGHT;
        for wrong in [
            vec![first, second, ("mothers-town", "Torino")],
            vec![first, second, ("first-job", "Cuneo")],
            vec![first, first, first],
            vec![first, second, second],
        ] {
            let reply = recover(app, "to4.operator", answers(&wrong), PHRASE).await;
            assert_eq!(words(&reply.is(401).clone()), words(&unknown), "{wrong:?}");
        }
        log_in(app, "to4.operator", PASSWORD).await.is(201);
        let common = recover(app, "to4.operator", answers(&RIGHT), "password").await;
        common
            .is(422)
            .has_errors(&[("/new_password", "password-too-common")]);
        let typed = [
            third,
            ("first-pet", " fido IL cane! "),
            ("first-school", "scuola manzoni"),
        ];
        recover(app, "to4.operator", answers(&typed), PHRASE)
            .await
            .is(204);
        log_in(app, "to4.operator", PASSWORD).await.is(401);
        log_in(app, "to4.operator", PHRASE).await.is(201);
        let client = app.with_token(session.text_at("/access_token"));
        client.get("/v1/me").await.is(401);
    }
);

both!(
    wrong_answers_count_and_no_answer_opens_what_is_locked,
    with_questions(),
    async |app| {
        keep_answers(app, "to4.operator", answers(&RIGHT))
            .await
            .is(204);
        let wrong = [RIGHT[0], RIGHT[1], ("mothers-town", "Torino")];
        for _ in 0..8 {
            recover(app, "to4.operator", answers(&wrong), PHRASE)
                .await
                .is(401);
            app.advance("PT16M");
        }
        recover(app, "to4.operator", answers(&RIGHT), PHRASE)
            .await
            .is(401);
        app.advance("P1D");
        recover(app, "to4.operator", answers(&RIGHT), PHRASE)
            .await
            .is(401);
        log_in(app, "to4.operator", PASSWORD).await.is(401);
        let admin = app.as_("to4.admin").await;
        let id = id_of(&admin, "to4.operator").await;
        step(&admin, &id, &body_of("unlock")).await.is(201);
        recover(app, "to4.operator", answers(&RIGHT), PHRASE)
            .await
            .is(204);
        log_in(app, "to4.operator", PHRASE).await.is(201);
    }
);

both!(
    answers_are_three_to_known_questions,
    with_questions(),
    async |app| {
        let [first, second, third] = RIGHT;
        for (list, error) in [
            (vec![first, second], ("/answers", "too-many-items")),
            (vec![first, first, third], ("/answers", "too-many-items")),
            (
                vec![first, second, ("favourite-king", "Umberto")],
                ("/answers/2/question", "not-in-list"),
            ),
            (
                vec![first, ("first-pet", "a-b.c"), third],
                ("/answers/1/answer", "too-short"),
            ),
        ] {
            let reply = keep_answers(app, "to4.operator", answers(&list)).await;
            reply.is(422).has_errors(&[error]);
        }
        assert_eq!(app.count("security_answers"), 0);
    }
);

both!(
    without_questions_there_is_no_such_way_back,
    sistema_ts(),
    async |app| {
        for username in ["to4.operator", "cn1.operator"] {
            let kept = keep_answers(app, username, answers(&RIGHT)).await;
            kept.is_problem(403, "forbidden");
            let reply = recover(app, username, answers(&RIGHT), OTHER_PHRASE).await;
            reply.is_problem(401, "unauthenticated");
            log_in(app, username, PASSWORD).await.is(201);
        }
    }
);

both!(
    every_deviation_from_the_modern_policy_is_listed,
    with_questions(),
    async |app| {
        let list = app.as_("auditor").await.get("/v1/password-policies").await;
        let find = |name: &str| {
            let profiles = list.is(200).list_at("/items").iter();
            let mut found = profiles.filter(|one| one["profile"] == name);
            found.next().expect("the profile").clone()
        };
        let modern = find("modern");
        assert_eq!(modern["usual"], true);
        assert_eq!(modern["deviations"], json!([]));
        assert_eq!(find("sistema-ts")["authorities"], json!([]));
        let chosen = find("domande");
        assert_eq!(chosen["usual"], false);
        assert_eq!(chosen["authorities"], json!([TO4]));
        assert_eq!(
            chosen["deviations"],
            json!([
                {"parameter": "min_chars", "value": "8", "modern": "15"},
                {"parameter": "first_max_age", "value": "P240D", "modern": "none"},
                {"parameter": "max_age", "value": "P90D", "modern": "none"},
                {"parameter": "lock_after", "value": "8", "modern": "none"},
                {"parameter": "questions", "value": "true", "modern": "false"},
            ])
        );
    }
);

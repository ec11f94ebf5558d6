//! Who may call how often, whose calls count as whose, and what guessing gains.

use std::num::NonZeroU32;

use api::rate_limit::Budgets;
use reqwest::Method;
use serde_json::json;
use tests::citizens::{ANNA, LAURA, MARIO};
use tests::people::PASSWORD;
use tests::{Client, Options, Reply, TestApp, both};

const OWN: &str = "/v1/me/tickets";
const WRONG: &str = "un'altra frase, ma sbagliata";

const fn calls(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).expect("more than none")
}

/// A few calls for each, the fewest for citizens.
fn tight() -> Options {
    Options {
        budgets: Some(Budgets {
            anonymous: calls(6),
            citizen: calls(2),
            staff: calls(3),
            client: calls(4),
        }),
        ..Options::default()
    }
}

/// Calls as many times as there are answers, and once more.
async fn use_up(client: &Client, target: &str, budget: u32) {
    let limit = budget.to_string();
    for _ in 0..budget {
        let reply = client.get(target).await;
        assert_ne!(reply.status, 429, "{reply}");
        assert_eq!(reply.header("x-ratelimit-limit"), Some(limit.as_str()));
        assert!(reply.header("x-ratelimit-reset").is_some());
    }
    is_over(&client.get(target).await, &limit);
}

#[track_caller]
fn is_over(reply: &Reply, limit: &str) {
    reply.is_problem(429, "quota-exceeded");
    assert_eq!(reply.header("x-ratelimit-limit"), Some(limit));
    assert_eq!(reply.header("x-ratelimit-remaining"), Some("0"));
    let wait = reply.header("retry-after").expect("how long");
    let wait: u64 = wait.parse().expect("seconds");
    assert!((1..=60).contains(&wait), "{wait}");
}

both!(nobody_uses_up_the_budget_of_another, tight(), async |app| {
    // Two calls of nobody in particular.
    let operator = app.as_("to4.operator").await;
    let program = app.program(&["requests:read"]).await;
    let program = app.with_token(&program.token);
    use_up(&app.citizen(&ANNA), OWN, 2).await;
    use_up(&operator, "/v1/me", 3).await;
    use_up(&program, OWN, 4).await;
    let anonymous = app.anonymous();
    for _ in 0..4 {
        anonymous.get("/v1/services").await.is(200);
    }
    is_over(&anonymous.get("/v1/services").await, "6");
    // Everybody else has theirs still.
    app.citizen(&MARIO).get(OWN).await.is(200);
    is_over(&app.citizen(&ANNA).get(OWN).await, "2");
});

both!(
    a_program_does_not_use_up_its_citizens_budget,
    tight(),
    async |app| {
        let program = app.program(&["requests:read"]).await;
        let program = app.with_token(&program.token);
        let laura = app.citizen(&LAURA);
        let carried = async || {
            let list = program.request(Method::GET, OWN);
            list.header("citizen-token", laura.token()).send().await
        };
        for _ in 0..2 {
            carried().await.is(200);
        }
        is_over(&carried().await, "2");
        laura.get(OWN).await.is(200);
        program.get(OWN).await.is_problem(403, "forbidden");
    }
);

both!(
    forged_tokens_count_against_their_network,
    tight(),
    async |app| {
        for _ in 0..6 {
            let reply = app.with_token("nonsense").get(OWN).await;
            reply.is_problem(401, "unauthenticated");
        }
        let reply = app.with_token("nonsense").get(OWN).await;
        reply.is_problem(429, "quota-exceeded");
        assert!(reply.header("retry-after").is_some());
        // Whoever has a good one calls on from there.
        app.citizen(&MARIO).get(OWN).await.is(200);
    }
);

async fn from(client: &Client, network: &str) -> Reply {
    let request = client.request(Method::GET, "/v1/services");
    request.header("x-forwarded-for", network).send().await
}

fn left(reply: &Reply) -> u32 {
    let left = reply.header("x-ratelimit-remaining").expect("a number");
    left.parse().expect("a number")
}

both!(
    an_address_is_believed_from_listed_proxies_alone,
    tight(),
    async |app| {
        let anonymous = app.anonymous();
        for n in 0..6 {
            from(&anonymous, &format!("198.51.100.{n}")).await.is(200);
        }
        let reply = from(&anonymous, "198.51.100.99").await;
        is_over(&reply, "6");
    }
);

both!(
    behind_a_listed_proxy_each_network_has_its_own,
    Options {
        budgets: tight().budgets,
        ..Options::behind_a_proxy()
    },
    async |app| {
        let anonymous = app.anonymous();
        // One line of IPv6 is one network, however many addresses it has.
        for n in 0..6 {
            let reply = from(&anonymous, &format!("2001:db8:1:2::{n:x}:1")).await;
            assert_eq!(left(reply.is(200)), 5 - n);
        }
        is_over(&from(&anonymous, "2001:db8:1:2:ffff::1").await, "6");
        assert_eq!(left(&from(&anonymous, "2001:db8:1:3::1").await), 5);
        assert_eq!(left(&from(&anonymous, "198.51.100.1").await), 5);
        assert_eq!(left(&from(&anonymous, "198.51.100.2").await), 5);
        // An IPv4 address in the clothes of IPv6 is the same.
        assert_eq!(left(&from(&anonymous, "::ffff:198.51.100.1").await), 4);
        // What the caller wrote before the proxy did counts for nothing.
        let forged = "203.0.113.7, 198.51.100.1";
        assert_eq!(left(&from(&anonymous, forged).await), 3);
        let forged = "2001:db8:1:3::1, nonsense, 198.51.100.1, 127.0.0.1";
        assert_eq!(left(&from(&anonymous, forged).await), 2);
    }
);

async fn log_in(app: &TestApp, username: &str, password: &str, network: &str) -> Reply {
    let credentials = json!({"username": username, "password": password});
    let request = app.anonymous().request(Method::POST, "/v1/sessions");
    let request = request.header("x-forwarded-for", network);
    request.json(&credentials).send().await
}

both!(
    a_guesser_waits_alone,
    Options::behind_a_proxy(),
    async |app| {
        let (here, there) = ("198.51.100.1", "203.0.113.9");
        for _ in 0..20 {
            let reply = log_in(app, "to4.operator", WRONG, there).await;
            reply.is_problem(401, "unauthenticated");
        }
        // Not even the right password opens it from there.
        log_in(app, "to4.operator", PASSWORD, there).await.is(401);
        // From anywhere else it does, and others log in from there.
        log_in(app, "to4.operator", PASSWORD, here).await.is(201);
        log_in(app, "to4.colleague", PASSWORD, there).await.is(201);
        // The person's log-in does not set the guesser free.
        log_in(app, "to4.operator", PASSWORD, there).await.is(401);
        app.advance("PT16M");
        log_in(app, "to4.operator", PASSWORD, there).await.is(201);
    }
);

both!(
    guesses_from_everywhere_never_lock_the_person_out,
    Options::behind_a_proxy(),
    async |app| {
        let home = "198.51.100.1";
        log_in(app, "to4.operator", PASSWORD, home).await.is(201);
        for n in 0..120 {
            let network = format!("2001:db8:{n:x}::1");
            log_in(app, "to4.operator", WRONG, &network).await.is(401);
        }
        // One that guessed waits, one that did not has its try, and home is as ever.
        let guessed = "2001:db8:77::1";
        log_in(app, "to4.operator", PASSWORD, guessed).await.is(401);
        let strange = "2001:db8:ffff::1";
        log_in(app, "to4.operator", PASSWORD, strange).await.is(201);
        log_in(app, "to4.operator", PASSWORD, home).await.is(201);
        app.as_("to4.colleague").await;
    }
);

both!(an_address_gets_ten_codes_a_day, async |app| {
    let start = async |email: &str| {
        let body = json!({"email": email});
        app.anonymous().post("/v1/email-proofs", &body).await
    };
    let mut sent = 0;
    for _ in 0..4 {
        for _ in 0..3 {
            let reply = start(ANNA.email).await;
            match sent {
                10.. => {
                    reply.is_problem(429, "quota-exceeded");
                    assert!(reply.header("retry-after").is_some());
                }
                _ => {
                    reply.is(202);
                    sent += 1;
                }
            }
        }
        app.advance("PT1H1S");
    }
    assert_eq!(app.mails_to(ANNA.email).await.len(), 10);
    // In other letters it is the same box, and another box is another.
    let shouted = ANNA.email.to_uppercase();
    start(&shouted).await.is_problem(429, "quota-exceeded");
    start(MARIO.email).await.is(202);
    app.advance("P1D");
    start(ANNA.email).await.is(202);
});

//! Whoever guesses waits; the person at a network of their own does not.

use reqwest::Method;
use serde_json::json;
use tests::people::PASSWORD;
use tests::{Options, Reply, TestApp, both};

use super::WRONG;

/// Where the person usually is.
const HOME: &str = "198.51.100.7";
/// Where somebody else is.
const ELSEWHERE: &str = "203.0.113.9";
/// Where nobody was yet.
const ABROAD: &str = "192.0.2.33";

async fn log_in_from(app: &TestApp, network: &str, password: &str) -> Reply {
    let credentials = json!({"username": "to4.operator", "password": password});
    let request = app.anonymous().request(Method::POST, "/v1/sessions");
    let request = request.header("x-forwarded-for", network);
    request.json(&credentials).send().await
}

both!(
    the_delay_grows_with_each_wrong_password_of_a_network,
    Options::behind_a_proxy(),
    async |app| {
        for _ in 0..8 {
            log_in_from(app, HOME, WRONG).await.is(401);
        }
        for seconds in [1, 2, 4, 8, 16] {
            app.advance(&format!("PT{}S", seconds - 1));
            if seconds > 1 {
                // Not yet: the right one is not even looked at.
                log_in_from(app, HOME, PASSWORD).await.is(401);
            }
            app.advance("PT1S");
            log_in_from(app, HOME, WRONG).await.is(401);
        }
        app.advance("PT32S");
        log_in_from(app, HOME, PASSWORD).await.is(201);
        log_in_from(app, HOME, PASSWORD).await.is(201);
    }
);

both!(
    one_network_waits_and_another_does_not,
    Options::behind_a_proxy(),
    async |app| {
        for _ in 0..12 {
            log_in_from(app, ELSEWHERE, WRONG).await.is(401);
        }
        log_in_from(app, ELSEWHERE, PASSWORD).await.is(401);
        log_in_from(app, HOME, PASSWORD).await.is(201);
        // The right password from home is no pardon for elsewhere.
        log_in_from(app, ELSEWHERE, PASSWORD).await.is(401);
        app.advance("PT16M");
        log_in_from(app, ELSEWHERE, PASSWORD).await.is(201);
    }
);

both!(
    sixty_four_bits_are_one_network,
    Options::behind_a_proxy(),
    async |app| {
        for host in 1..=9 {
            let network = format!("2001:db8:1:2::{host}");
            log_in_from(app, &network, WRONG).await.is(401);
        }
        log_in_from(app, "2001:db8:1:2:ffff::1", PASSWORD)
            .await
            .is(401);
        log_in_from(app, "2001:db8:1:3::1", PASSWORD).await.is(201);
    }
);

both!(a_caller_does_not_choose_their_network, async |app| {
    for host in 1..=9 {
        log_in_from(app, &format!("203.0.113.{host}"), WRONG)
            .await
            .is(401);
    }
    log_in_from(app, HOME, PASSWORD).await.is(401);
});

both!(
    a_thousand_wrong_passwords_from_everywhere_do_not_lock_out_the_person,
    Options::behind_a_proxy(),
    async |app| {
        log_in_from(app, HOME, PASSWORD).await.is(201);
        for number in 0..1000 {
            let source = format!("10.0.{}.{}", number / 250, number % 250);
            let tried = app.desk.sign_in("to4.operator", WRONG, None, &source);
            assert!(tried.is_err());
        }
        // One that was never seen has a try of its own, then waits, and not for ever.
        log_in_from(app, ELSEWHERE, WRONG).await.is(401);
        log_in_from(app, ELSEWHERE, PASSWORD).await.is(401);
        log_in_from(app, HOME, PASSWORD).await.is(201);
        app.with_token(
            log_in_from(app, HOME, PASSWORD)
                .await
                .text_at("/access_token"),
        )
        .get("/v1/tickets")
        .await
        .is(200);
        log_in_from(app, ABROAD, PASSWORD).await.is(201);
        log_in_from(app, ELSEWHERE, PASSWORD).await.is(401);
        app.advance("PT16M");
        log_in_from(app, ELSEWHERE, PASSWORD).await.is(201);
    }
);

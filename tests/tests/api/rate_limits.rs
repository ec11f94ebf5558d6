//! How often a caller may call, and how the answers say so.

use tests::citizens::MARIO;
use tests::{Options, both};

both!(
    the_next_call_over_the_quota_is_refused,
    Options {
        calls_per_minute: 3,
        ..Options::default()
    },
    async |app| {
        let anonymous = app.anonymous();
        for left in ["2", "1", "0"] {
            let reply = anonymous.get("/v1/services").await;
            assert_eq!(reply.is(200).header("x-ratelimit-remaining"), Some(left));
            assert_eq!(reply.header("x-ratelimit-limit"), Some("3"));
        }
        let reply = anonymous.get("/v1/services").await;
        reply.is_problem(429, "quota-exceeded");
        let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
        // Each caller has a quota of their own.
        app.citizen(&MARIO).get("/v1/me/tickets").await.is(200);
    }
);

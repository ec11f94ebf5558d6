//! The feed of what happened, in pages and as a stream.

use std::time::Duration;

use reqwest::Response;
use serde_json::{Value, json};
use tests::citizens::MARIO;
use tests::people::{CN1, REGION, TO4};
use tests::requester::Filed;
use tests::{Client, TestApp, both, forms};

async fn file(app: &TestApp, authority: &str) -> Filed {
    let form = forms::report_not_found_logged_in(authority);
    app.file_as(&MARIO, &form, &[]).await
}

async fn hand_over(app: &TestApp, filed: &Filed) {
    let note = json!({"body": "Non è di nostra competenza.", "published": true});
    let action = json!({"action": "hand-over", "reason_code": "regional-service", "note": note});
    let operator = app.as_("to4.operator").await;
    operator.pass_playbook(&filed.id).await;
    operator.act(&filed.id, &action).await.is(201);
}

/// Everything a caller is told after a place.
async fn told(client: &Client, after: i64) -> Vec<Value> {
    let (mut rows, mut after) = (Vec::new(), after);
    loop {
        let page = client
            .get(&format!("/v1/changes?after={after}&limit=2"))
            .await;
        page.is(200);
        rows.extend(page.list_at("/items").to_vec());
        after = page.json["next_after"].as_i64().expect("a place");
        if page.json["end_of_stream"] == true {
            return rows;
        }
    }
}

fn kinds(rows: &[Value]) -> Vec<&str> {
    rows.iter().filter_map(|row| row["type"].as_str()).collect()
}

both!(
    each_desk_is_told_what_concerns_it_and_what_it_lost,
    async |app| {
        let filed = file(app, TO4).await;
        file(app, CN1).await;
        hand_over(app, &filed).await;
        let of = async |username: &str| {
            let client = app.as_(username).await;
            told(&client, 0).await
        };
        let at_to4 = of("to4.operator").await;
        assert_eq!(
            kinds(&at_to4),
            [
                "request.created",
                "request.taken",
                "playbook.decided",
                "request.handed_over"
            ]
        );
        assert_eq!(at_to4[3]["desk"], REGION);
        assert_eq!(at_to4[3]["former_desk"], TO4);
        assert_eq!(at_to4[3]["data"]["reason_code"], "regional-service");
        assert_eq!(at_to4[3]["data"]["number"], filed.number.as_str());
        assert_eq!(kinds(&of("cn1.operator").await), ["request.created"]);
        assert_eq!(of("region.operator").await.len(), 5);
        let everything = serde_json::to_string(&at_to4).expect("JSON");
        for personal in [MARIO.tax_code, MARIO.email, MARIO.family_name, "competenza"] {
            assert!(!everything.contains(personal), "{personal}");
        }
        // What comes after the hand-over is not the authority's affair.
        let region = app.as_("region.operator").await;
        region
            .act(&filed.id, &json!({"action": "take"}))
            .await
            .is(201);
        assert_eq!(of("to4.operator").await.len(), 4);
    }
);

both!(whoever_reads_on_gets_each_row_once_in_order, async |app| {
    let operator = app.as_("to4.operator").await;
    let filed = file(app, TO4).await;
    let first = told(&operator, 0).await;
    let last = first.last().expect("a row")["position"]
        .as_i64()
        .expect("a place");
    let end = operator.get(&format!("/v1/changes?after={last}")).await;
    assert_eq!(
        end.json,
        json!({"items": [], "next_after": last, "end_of_stream": true})
    );
    operator
        .act(&filed.id, &json!({"action": "take"}))
        .await
        .is(201);
    let next = told(&operator, last).await;
    assert_eq!(kinds(&next), ["request.taken"]);
    assert_eq!(next[0]["position"], last + 1);
    assert_eq!(next[0]["seq"], 2);
});

both!(
    a_place_that_is_no_longer_kept_is_told_as_such,
    async |app| {
        file(app, TO4).await;
        let operator = app.as_("to4.operator").await;
        assert_eq!(told(&operator, 0).await.len(), 1);
        file(app, TO4).await;
        told(&operator, 0).await;
        app.advance("P31D");
        app.desk.sweep_rows().expect("a sweep");
        file(app, TO4).await;
        let operator = app.as_("to4.operator").await;
        let gone = operator.get("/v1/changes?after=1").await;
        gone.is_problem(410, "feed-gone");
        assert_eq!(gone.json["first"], 3);
        assert_eq!(told(&operator, 2).await.len(), 1);
        assert_eq!(
            told(&operator, 0).await.len(),
            1,
            "0 is the beginning of what there is"
        );
        for bad in [
            "after=-1",
            "after=x",
            "after=1&after=2",
            "since=1",
            "limit=0",
        ] {
            operator
                .get(&format!("/v1/changes?{bad}"))
                .await
                .is_problem(400, "malformed-request");
        }
    }
);

/// An open stream, and what came through it and was not looked at yet.
struct Stream {
    response: Response,
    text: String,
}

/// An event of a stream.
struct Event {
    id: String,
    name: String,
    data: Value,
}

/// Longer than anything takes: a stream that says nothing fails the test.
const PATIENCE: Duration = Duration::from_secs(60);

impl Stream {
    async fn open(app: &TestApp, client: &Client, last: Option<&str>) -> Stream {
        let url = format!("http://{}/v1/events", app.address);
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");
        let mut request = http.get(url).bearer_auth(client.token());
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        let mut stream = Stream {
            response,
            text: String::new(),
        };
        // The first lines say when to come back: from here on nothing is missed.
        assert!(stream.block().await.starts_with("retry: "));
        stream
    }

    /// The next lines up to a blank one.
    async fn block(&mut self) -> String {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return block;
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk());
            let chunk = chunk.await.expect("in time").expect("a chunk");
            let chunk = chunk.expect("the stream goes on");
            self.text.push_str(&String::from_utf8_lossy(&chunk));
        }
    }

    async fn event(&mut self) -> Event {
        loop {
            let block = self.block().await;
            let field = |name: &str| {
                let line = block.lines().find_map(|line| line.strip_prefix(name));
                line.map(|value| value.trim_start().to_owned())
            };
            if let (Some(id), Some(name), Some(data)) =
                (field("id:"), field("event:"), field("data:"))
            {
                let data = serde_json::from_str(&data).expect("JSON");
                return Event { id, name, data };
            }
        }
    }
}

both!(
    a_screen_that_stays_open_is_told_what_concerns_its_desk,
    async |app| {
        let operator = app.as_("to4.operator").await;
        let mut stream = Stream::open(app, &operator, None).await;
        file(app, CN1).await;
        let filed = file(app, TO4).await;
        let event = stream.event().await;
        assert_eq!(event.name, "queue.new");
        assert_eq!(event.data["ticket_id"], filed.id.as_str());
        assert_eq!(event.data["type"], "request.created");

        let me = operator.get("/v1/me").await.text_at("/id").to_owned();
        let supervisor = app.as_("to4.supervisor").await;
        let assign = json!({"action": "assign", "assignee": me});
        supervisor.act(&filed.id, &assign).await.is(201);
        assert_eq!(stream.event().await.name, "ticket.assigned");
        app.citizen(&MARIO)
            .post(&filed.own_path("/messages"), &json!({"body": "Ecco."}))
            .await
            .is(201);
        let event = stream.event().await;
        assert_eq!(event.name, "requester.wrote");
        assert!(!event.data.to_string().contains("Ecco"));
    }
);

both!(a_stream_goes_on_where_it_was_cut_off, async |app| {
    let operator = app.as_("to4.operator").await;
    let mut stream = Stream::open(app, &operator, None).await;
    file(app, TO4).await;
    let last = stream.event().await.id;
    drop(stream);
    let missed = [file(app, TO4).await, file(app, TO4).await];
    let mut stream = Stream::open(app, &operator, Some(&last)).await;
    for filed in &missed {
        assert_eq!(stream.event().await.data["ticket_id"], filed.id.as_str());
    }
    let live = file(app, TO4).await;
    assert_eq!(stream.event().await.data["ticket_id"], live.id.as_str());
});

both!(a_stream_outlives_a_feed_that_cannot_be_read, async |app| {
    let operator = app.as_("to4.operator").await;
    let colleague = app.as_("to4.colleague").await;
    let mut other = Stream::open(app, &colleague, None).await;
    let mut filed = Vec::new();
    let mut ids = Vec::new();
    for _ in 0..3 {
        filed.push(file(app, TO4).await);
        // The reader is past it: who opens a stream now has to look for it in the feed.
        ids.push(other.event().await.id);
    }
    app.rename_table("changes", "changes_away");
    let mut stream = Stream::open(app, &operator, Some(&ids[0])).await;
    // Long enough for the stream to have tried in vain.
    for _ in 0..50 {
        assert!(app.desk.read_feed_of_all(0, 1).is_err());
    }
    app.rename_table("changes_away", "changes");
    filed.push(file(app, TO4).await);
    for missed in &filed[1..] {
        assert_eq!(stream.event().await.data["ticket_id"], missed.id.as_str());
    }
});

both!(
    a_stream_on_one_node_tells_what_happens_on_another,
    async |app| {
        let operator = app.as_("to4.operator").await;
        let mut stream = Stream::open(app, &operator, None).await;
        let node = app.another_node();
        let citizen = node.with_token(app.citizen(&MARIO).token());
        let filed = citizen
            .post("/v1/tickets", &forms::report_not_found_logged_in(TO4))
            .await;
        filed.is(201);
        let event = stream.event().await;
        assert_eq!(event.data["ticket_id"], filed.json["id"]);
    }
);

both!(a_stream_needs_a_place_and_a_seat, async |app| {
    let two_hats = app.as_("two.hats").await;
    two_hats
        .get("/v1/events")
        .await
        .is_problem(403, "role-selection-required");
    let operator = app.as_("to4.operator").await;
    let mut seats = Vec::new();
    for _ in 0..5 {
        seats.push(Stream::open(app, &operator, None).await);
    }
    operator
        .get("/v1/events")
        .await
        .is_problem(429, "quota-exceeded");
    let colleague = app.as_("to4.colleague").await;
    seats.push(Stream::open(app, &colleague, None).await);
});

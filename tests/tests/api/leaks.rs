//! Who reads what (`domain.md` §5.2): marked texts and file names are planted wherever a desk can
//! write, then looked for in every answer and every mail.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tests::citizens::{ANNA, MARIO, Person};
use tests::people::{CN1, TO4};
use tests::{Client, Filed, TestApp, both, files, forms};

/// What every mark begins with, so that one look finds them all.
const MARK: &str = "SEGNO";

/// Who reads the marks of which text; the requester and all mails: none.
const READERS: &[(&str, &[&str])] = &[
    ("to4-internal", &["to4"]),
    ("to4-cancelled-question", &["to4"]),
    ("to4-hand-over", &["to4", "region"]),
    ("region-internal", &["region"]),
    ("region-activity", &["region"]),
    ("region-return", &["to4", "region"]),
    ("to4-second-hand-over", &["to4", "region"]),
    ("region-reroute", &["cn1", "region"]),
    ("cn1-internal", &["cn1"]),
];

both!(
    nothing_internal_reaches_an_anonymous_requester,
    async |app| {
        let form = forms::report_not_found(&ANNA, TO4);
        let filed = app.file_anonymous(&form, &[]).await;
        Planter::new(app, ANNA, true, filed).plant_and_look().await;
    }
);

both!(
    nothing_internal_reaches_a_citizen_with_an_identity,
    async |app| {
        let form = forms::report_not_found_logged_in(TO4);
        let filed = app.file_as(&MARIO, &form, &[]).await;
        Planter::new(app, MARIO, false, filed)
            .plant_and_look()
            .await;
    }
);

struct Planter<'a> {
    app: &'a TestApp,
    person: Person,
    is_anonymous: bool,
    filed: Filed,
    /// Files by the name of their text: paths of their downloads.
    files: BTreeMap<&'static str, String>,
}

impl<'a> Planter<'a> {
    fn new(app: &'a TestApp, person: Person, is_anonymous: bool, filed: Filed) -> Self {
        Planter {
            app,
            person,
            is_anonymous,
            filed,
            files: BTreeMap::new(),
        }
    }

    async fn plant_and_look(mut self) {
        let internal = |name| json!({"action": "note", "note": note(name, false)});
        self.plant("to4.operator", "to4-internal", internal("to4-internal"))
            .await;
        let ask =
            json!({"action": "ask-info", "note": {"body": "Quale referto?", "published": true}});
        self.act("to4.operator", ask).await;
        let name = "to4-cancelled-question";
        let cancel = json!({"action": "cancel-question", "note": note(name, false)});
        self.plant("to4.operator", name, cancel).await;
        self.hand_over("to4-hand-over").await;

        self.act("region.operator", json!({"action": "take"})).await;
        let name = "region-internal";
        self.plant("region.operator", name, internal(name)).await;
        let name = "region-activity";
        let activity = json!({"action": "open-activity", "note": note(name, true), "activity": {
            "summary": mark(name), "detail": mark(name), "asset": mark(name),
            "impact": "minor", "urgency": "low", "kind": "user-service-restoration"}});
        self.plant("region.operator", name, activity).await;
        let close = json!({"action": "close-activity"});
        self.act("region.operator", close).await;
        let name = "region-return";
        let back = json!({"action": "return", "note": note(name, true)});
        self.plant("region.operator", name, back).await;

        self.act("to4.operator", json!({"action": "take"})).await;
        self.hand_over("to4-second-hand-over").await;
        let name = "region-reroute";
        let reroute = json!({"action": "reroute", "authority_code": CN1, "note": note(name, true)});
        self.plant("region.operator", name, reroute).await;
        let name = "cn1-internal";
        self.plant("cn1.operator", name, internal(name)).await;
        self.look_at_the_desks().await;

        let resolve = json!({"action": "resolve", "resolution_code": "information-given",
            "note": {"body": "Tutto a posto", "published": true}});
        self.act("cn1.operator", resolve).await;
        self.look_at_the_requesters_side().await;
        let past = views(&self.app.as_("to4.operator").await, &self.filed).await;
        assert!(!past.contains("Tutto a posto"), "after TO4's leg: {past}");
        self.withdraw_and_close().await;
    }

    async fn hand_over(&mut self, name: &'static str) {
        let to4 = self.app.as_("to4.operator").await;
        to4.pass_playbook(&self.filed.id).await;
        let hand_over = json!({"action": "hand-over", "reason_code": "checks-passed", "note": note(name, true)});
        self.plant("to4.operator", name, hand_over).await;
    }

    async fn act(&self, who: &str, action: Value) {
        let done = self.app.as_(who).await.act(&self.filed.id, &action).await;
        done.is(201);
        self.look_at_the_requesters_side().await;
    }

    /// Takes the action with a file whose name and content carry the mark, too.
    async fn plant(&mut self, who: &str, name: &'static str, action: Value) {
        let member = self.app.as_(who).await;
        let mut file = files::pdf(500).named(format!("{}.pdf", mark(name)));
        file.bytes.extend_from_slice(mark(name).as_bytes());
        let done = member.act_with(&self.filed.id, &action, &file).await;
        done.is(201);
        let screen = member.screen(&self.filed.id).await;
        let id = screen
            .list_at("/attachments")
            .iter()
            .find(|one| one["file_name"] == file.name.as_str())
            .and_then(|one| one["id"].as_str())
            .unwrap_or_else(|| panic!("its author does not see {name} in {screen}"));
        self.files.insert(name, id.to_owned());
        self.look_at_the_requesters_side().await;
    }

    async fn requester(&self) -> Client {
        if !self.is_anonymous {
            return self.app.citizen(&self.person);
        }
        self.app.tracking(&self.filed).await
    }

    async fn look_at_the_requesters_side(&self) {
        let requester = self.requester().await;
        let mut seen = String::new();
        for target in ["/v1/me/tickets", &self.filed.own_path("")] {
            for lang in ["it", "en"] {
                let request = requester.request(reqwest::Method::GET, target);
                let reply = request.header("accept-language", lang).send().await;
                seen.push_str(&reply.is(200).everything());
            }
        }
        let screen = requester.get(&self.filed.own_path("")).await;
        for file in screen.list_at("/attachments") {
            let id = file["id"].as_str().expect("an id");
            let target = self.filed.own_path(&format!("/attachments/{id}"));
            seen.push_str(&requester.get(&target).await.is(200).everything());
        }
        for (name, id) in &self.files {
            let target = self.filed.own_path(&format!("/attachments/{id}"));
            let reply = requester.get(&target).await;
            assert_eq!(reply.status, 404, "the file of {name} is in reach: {reply}");
            seen.push_str(&reply.everything());
            let staff_side = self.filed.staff_path(&format!("/attachments/{id}"));
            requester.get(&staff_side).await.is(403);
        }
        assert!(!seen.contains(MARK), "the requester reads: {seen}");
        for mail in self.app.mails().await {
            let text = format!("{mail:?}");
            assert!(!text.contains(MARK), "mailed: {text}");
        }
    }

    async fn look_at_the_desks(&self) {
        for (desk, who) in [
            ("to4", ["to4.operator", "to4.supervisor"]),
            ("cn1", ["cn1.operator", "cn1.supervisor"]),
            ("region", ["region.operator", "region.supervisor"]),
        ] {
            for who in who {
                let member = self.app.as_(who).await;
                let seen = views(&member, &self.filed).await;
                for (name, readers) in READERS {
                    let should = readers.contains(&desk);
                    assert_eq!(
                        seen.contains(&mark(name)),
                        should,
                        "{who} reads {name}, should: {should}\n{seen}"
                    );
                    let is_found = found_by(&member, &mark(name)).await == 1;
                    assert_eq!(
                        is_found,
                        // It is not among TO4's any more.
                        should && desk != "to4",
                        "{who} finds {name}"
                    );
                    let id = &self.files[name];
                    let target = self.filed.staff_path(&format!("/attachments/{id}"));
                    let download = member.get(&target).await;
                    let expected = if should { 200 } else { 404 };
                    assert_eq!(download.status, expected, "{who} downloads {name}");
                }
            }
        }
    }

    /// The answers to what a requester does, and the screen of a closed ticket.
    async fn withdraw_and_close(&self) {
        let requester = self.requester().await;
        let target = self.filed.own_path("/messages");
        let message = requester.post(&target, &json!({"body": "Ancora io"})).await;
        assert!(!message.is(201).everything().contains(MARK), "{message}");
        let target = self.filed.own_path("/withdrawal");
        let withdrawn = requester.post(&target, &json!({})).await;
        assert!(
            !withdrawn.is(201).everything().contains(MARK),
            "{withdrawn}"
        );
        self.app.advance("P8D");
        assert_eq!(self.app.run_jobs().closed, 1);
        self.look_at_the_requesters_side().await;
        // What follows up a closed ticket brings nothing along.
        let requester = self.requester().await;
        let target = self.filed.own_path("/messages");
        let follow_up = requester.post(&target, &json!({"body": "E adesso?"})).await;
        assert_eq!(follow_up.is(201).json["is_follow_up"], true);
        assert!(!follow_up.everything().contains(MARK), "{follow_up}");
    }
}

fn mark(name: &str) -> String {
    format!("{MARK}-{name}-fine")
}

fn note(name: &str, published: bool) -> Value {
    json!({"body": format!("Testo con {} dentro.", mark(name)), "published": published})
}

/// Everything a member of a desk can read of the ticket.
async fn views(member: &Client, filed: &Filed) -> String {
    let mut seen = member.screen(&filed.id).await.everything();
    let mut target = filed.staff_path("/timeline?limit=3");
    loop {
        let page = member.get(&target).await;
        seen.push_str(&page.is(200).everything());
        let Some(cursor) = page.json["next_cursor"].as_str() else {
            break;
        };
        target = filed.staff_path(&format!("/timeline?limit=3&cursor={cursor}"));
    }
    for target in ["/v1/tickets", "/v1/queues", "/v1/assignees"] {
        seen.push_str(&member.get(target).await.is(200).everything());
    }
    seen
}

/// How many requests somebody finds by these words, which follow each other.
async fn found_by(member: &Client, words: &str) -> usize {
    let search = json!({"q": format!("\"{words}\"")});
    let found = member.post("/v1/ticket-searches", &search).await;
    found.is(200).list_at("/items").len()
}

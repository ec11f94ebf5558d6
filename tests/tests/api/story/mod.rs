//! The main job, from the citizen's form to the automatic close, told once by an anonymous
//! requester and once by a citizen with a national identity.

mod closing;

use serde_json::{Value, json};
use tests::citizens::{ANNA, MARIO, Person};
use tests::people::{CN1, TO4, label_of};
use tests::{Client, Filed, Reply, TestApp, both, files, forms};

const QUESTION: &str = "Quale referto manca? Indichi data e reparto della visita.";
const ANSWER: &str = "La radiografia del dieci febbraio, allego la foto del foglio.";
const HAND_OVER: &str = "Il referto risulta emesso da un'altra azienda: da passare a CN1.";
const REROUTE: &str = "Referto emesso dalla vostra radiologia: verificate l'invio al fascicolo.";
const SOLUTION: &str = "Il referto ora si vede: l'invio era rimasto fermo.";
const THANKS: &str = "grazie";
const GOODBYE: &str = "Prego, la richiesta resta risolta.";

/// Who tells the story.
struct Teller<'a> {
    app: &'a TestApp,
    person: Person,
    is_anonymous: bool,
    filed: Filed,
}

both!(an_anonymous_requester_is_served, async |app| {
    let pdf = files::pdf(300 * 1024);
    let form = forms::report_not_found(&ANNA, TO4);
    let filed = app.file_anonymous(&form, &[pdf]).await;
    let receipts = app.mails_to(ANNA.email).await;
    let receipt = receipts.last().expect("a receipt");
    assert!(receipt.body.contains(&filed.number), "{}", receipt.body);
    let description = form["description"].as_str().unwrap();
    assert!(!receipt.body.contains(description), "{}", receipt.body);
    tell(Teller {
        app,
        person: ANNA,
        is_anonymous: true,
        filed,
    })
    .await;
});

both!(a_citizen_with_an_identity_is_served, async |app| {
    let form = forms::report_not_found_logged_in(TO4);
    let filed = app.file_as(&MARIO, &form, &[files::pdf(300 * 1024)]).await;
    let teller = Teller {
        app,
        person: MARIO,
        is_anonymous: false,
        filed,
    };
    let mine = teller.requester().await.get("/v1/me/tickets").await;
    assert_eq!(mine.text_at("/items/0/number"), teller.filed.number);
    tell(teller).await;
    assert_eq!(
        app.mails().await,
        [],
        "a citizen with an identity reads on the web"
    );
});

async fn tell(teller: Teller<'_>) {
    teller.nobody_closes_by_hand().await;
    teller.to4_takes_and_asks().await;
    teller.nobody_closes_by_hand().await;
    teller.the_requester_answers().await;
    teller.to4_hands_over().await;
    teller.nobody_closes_by_hand().await;
    teller.the_region_reroutes().await;
    teller.nobody_closes_by_hand().await;
    teller.cn1_resolves(SOLUTION).await;
    teller.nobody_closes_by_hand().await;
    teller.thanks_reopen().await;
    teller.cn1_resolves(GOODBYE).await;
    teller.time_closes().await;
    teller.metrics_and_a_dump_hold_nobody().await;
    teller.nobody_closes_by_hand().await;
}

impl Teller<'_> {
    async fn requester(&self) -> Client {
        if self.is_anonymous {
            self.app.tracking(&self.filed).await
        } else {
            self.app.citizen(&self.person)
        }
    }

    async fn own_screen(&self) -> Reply {
        let screen = self.requester().await.get(&self.filed.own_path("")).await;
        screen.is(200);
        screen
    }

    async fn act(&self, who: &str, action: Value) -> Reply {
        let reply = self.app.as_(who).await.act(&self.filed.id, &action).await;
        reply.is(201);
        reply
    }

    /// Fails unless the newest mail to an anonymous requester holds the text.
    async fn the_mail_says(&self, text: &str) {
        let mails = self.app.mails_to(self.person.email).await;
        if self.is_anonymous {
            let newest = mails.last().expect("a mail");
            assert!(newest.body.contains(text), "no {text:?} in {newest:?}");
            assert!(newest.link().is_some(), "no link in {newest:?}");
        } else {
            assert_eq!(mails, []);
        }
    }

    async fn to4_takes_and_asks(&self) {
        let operator = self.app.as_("to4.operator").await;
        let queue = operator.get("/v1/tickets?state=new").await;
        assert_eq!(queue.is(200).text_at("/items/0/id"), self.filed.id);
        let screen = operator.screen(&self.filed.id).await;
        assert_eq!(screen.text_at("/custody/code"), TO4);
        let file = screen.text_at("/attachments/0/id");
        let target = self.filed.staff_path(&format!("/attachments/{file}"));
        let download = operator.get(&target).await;
        assert_eq!(download.is(200).body, files::pdf(300 * 1024).bytes);

        let taken = operator
            .act(&self.filed.id, &json!({"action": "take"}))
            .await;
        assert_eq!(taken.is(201).text_at("/ticket/state"), "in-progress");
        let people = operator.get("/v1/assignees").await;
        let colleague = people
            .list_at("/items")
            .iter()
            .find(|one| one["label"] == label_of("to4.colleague").as_str())
            .expect("the colleague");
        let assign = json!({"action": "assign", "assignee": colleague["id"]});
        let assigned = operator.act(&self.filed.id, &assign).await;
        assert_eq!(
            assigned.is(201).json["ticket"]["assignee"]["id"],
            colleague["id"]
        );

        let ask = json!({"action": "ask-info", "expected_audience": "citizen",
            "note": {"body": QUESTION, "published": true}});
        let asked = self.act("to4.colleague", ask).await;
        assert_eq!(asked.text_at("/ticket/state"), "awaiting-info");
        assert_eq!(asked.text_at("/entry/audience"), "citizen");
        self.the_mail_says(QUESTION).await;
    }

    async fn the_requester_answers(&self) {
        let screen = self.own_screen().await;
        assert_eq!(
            screen.text_at("/state_label"),
            "In attesa di risposta utente"
        );
        assert_eq!(screen.json["needs_answer"], true);
        assert!(screen.text().contains(QUESTION), "{screen}");
        assert!(
            !screen.text().contains("Persona"),
            "a name of staff: {screen}"
        );

        let requester = self.requester().await;
        let target = self.filed.own_path("/messages");
        let answered = requester
            .post_form(&target, &json!({"body": ANSWER}), &[files::jpeg()])
            .await;
        assert_eq!(answered.is(201).text_at("/ticket/state"), "in-progress");

        let screen = self.app.as_("to4.operator").await;
        let screen = screen.screen(&self.filed.id).await;
        assert_eq!(screen.json["needs_attention"], true);
        assert!(screen.text().contains(ANSWER), "{screen}");
        assert_eq!(screen.list_at("/attachments").len(), 2);
    }

    /// Without its playbook nothing is handed over; whose report it is decides, and drafts the note.
    async fn the_playbook_says_so(&self, hand_over: &Value) {
        let operator = self.app.as_("to4.operator").await;
        let refused = operator.act(&self.filed.id, hand_over).await;
        refused
            .is_problem(409, "playbook-not-satisfied")
            .has_errors(&[
                ("/playbook/answers/c1", "unanswered"),
                ("/playbook/answers/c2", "unanswered"),
                ("/playbook/answers/c3", "unanswered"),
            ]);
        let target = self.filed.staff_path("/playbook");
        let shown = operator.get(&target).await;
        assert_eq!(shown.is(200).text_at("/playbook/code"), "PB-2");
        let answers = json!({"answers": {"c1": "no"}, "values": {"suggested_authority": CN1},
            "evidence": {"c1": "Sistema referti, 2 marzo"}});
        let answered = operator.answer(&self.filed.id, &answers).await;
        assert_eq!(answered.is(200).text_at("/decision"), "escalate");
        assert_eq!(answered.text_at("/note_draft/audience"), "region");
        let draft = answered.text_at("/note_draft/body");
        assert!(draft.contains("Probabilmente si tratta di"), "{answered}");
    }

    async fn to4_hands_over(&self) {
        let before = self.own_screen().await;
        let mails_before = self.app.mails().await;
        let hand_over = json!({"action": "hand-over", "reason_code": "issued-by-other-authority",
            "expected_audience": "region", "note": {"body": HAND_OVER, "published": true}});
        self.the_playbook_says_so(&hand_over).await;
        let done = self.act("to4.operator", hand_over).await;
        assert_eq!(done.text_at("/ticket/state"), "not-competent");
        assert_eq!(done.text_at("/ticket/custody/code"), "REG010");
        assert_eq!(done.text_at("/entry/audience"), "region");
        assert_eq!(
            done.json["notified"],
            json!([{"audience": "region", "channel": "queue"}])
        );

        // The citizen sees nothing of it.
        let after = self.own_screen().await;
        assert_eq!(what_is_told(&after), what_is_told(&before));
        assert_eq!(self.app.mails().await, mails_before);

        // TO4 can no longer write, and still reads its own leg.
        for who in ["to4.operator", "to4.colleague", "to4.supervisor"] {
            let member = self.app.as_(who).await;
            let note = json!({"action": "note", "note": {"body": "Ancora io", "published": false}});
            let refused = member.act(&self.filed.id, &note).await;
            refused.is_problem(403, "not-in-custody");
            let screen = member.screen(&self.filed.id).await;
            let patch = json!({"priority": "high"});
            let target = self.filed.staff_path("");
            let refused = member.patch(&target, screen.etag(), &patch).await;
            refused.is_problem(403, "not-in-custody");
        }

        // The region sees note and history.
        let region = self.app.as_("region.operator").await;
        let screen = region.screen(&self.filed.id).await;
        for text in [HAND_OVER, QUESTION, ANSWER] {
            assert!(screen.text().contains(text), "no {text:?} in {screen}");
        }
        assert_eq!(screen.list_at("/legs").len(), 2);
        assert_eq!(screen.text_at("/legs/0/custody/code"), TO4);
    }

    async fn the_region_reroutes(&self) {
        let reroute = json!({"action": "reroute", "authority_code": CN1,
            "expected_audience": "authority", "note": {"body": REROUTE, "published": true}});
        let done = self.act("region.operator", reroute).await;
        assert_eq!(done.text_at("/ticket/custody/code"), CN1);
        assert_eq!(done.text_at("/ticket/state"), "new");
        self.the_mail_says("CN1").await;
        for mail in self.app.mails().await {
            for text in [HAND_OVER, REROUTE] {
                assert!(!mail.body.contains(text), "{text:?} in {mail:?}");
            }
        }
        let own = self.own_screen().await;
        assert!(own.text().contains("CN1"), "{own}");
        for text in [HAND_OVER, REROUTE] {
            assert!(!own.text().contains(text), "{text:?} in {own}");
        }
        let screen = self.app.as_("cn1.operator").await;
        let screen = screen.screen(&self.filed.id).await;
        assert!(screen.text().contains(REROUTE), "{screen}");
    }

    async fn cn1_resolves(&self, text: &str) {
        let resolve = json!({"action": "resolve", "resolution_code": "sending-error-fixed",
            "note": {"body": text, "published": true}});
        let done = self.act("cn1.operator", resolve).await;
        assert_eq!(done.text_at("/ticket/state"), "resolved");
        self.the_mail_says(text).await;
        assert!(self.own_screen().await.text().contains(text));
    }

    async fn thanks_reopen(&self) {
        self.app.advance("P3D");
        assert_eq!(self.app.run_jobs().closed, 0);
        let requester = self.requester().await;
        let target = self.filed.own_path("/messages");
        let written = requester.post(&target, &json!({"body": THANKS})).await;
        assert_eq!(written.is(201).text_at("/ticket/state"), "in-progress");
        assert_eq!(written.json["is_follow_up"], false);
        let screen = self.app.as_("cn1.operator").await;
        let screen = screen.screen(&self.filed.id).await;
        assert_eq!(screen.json["reopen_count"], 1);
        // The old window is over, and nothing happens.
        self.app.advance("P5D");
        assert_eq!(self.app.run_jobs().closed, 0);
    }

    async fn time_closes(&self) {
        let mails = self.app.mails().await;
        self.app.advance("P7D");
        assert_eq!(
            self.app.run_jobs().closed,
            0,
            "a reply still counts in this moment"
        );
        self.app.advance("PT1S");
        assert_eq!(self.app.run_jobs().closed, 1);
        assert_eq!(self.app.run_jobs().closed, 0, "nothing happens twice");
        assert_eq!(self.app.mails().await, mails, "a close is not mailed");
        let own = self.own_screen().await;
        assert_eq!(own.text_at("/state"), "auto-closed");
        assert_eq!(own.text_at("/state_label"), "Chiuso");
        assert!(own.json["closed_at"].is_string(), "{own}");
        let screen = self.app.as_("cn1.operator").await;
        let screen = screen.screen(&self.filed.id).await;
        assert_eq!(screen.text_at("/state"), "auto-closed");
    }
}

/// All that the requester's screen says, its tag included.
fn what_is_told(screen: &Reply) -> (Value, String) {
    (screen.json.clone(), screen.etag().to_owned())
}

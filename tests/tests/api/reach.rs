//! What moves into reach, and what looks as if it never existed.

use serde_json::{Value, json};
use tests::citizens::{ANNA, MARIO};
use tests::people::TO4;
use tests::{File, both, files, forms};

const MARK: &str = "SEGNO-tardi-fine";

both!(
    an_internal_note_is_the_citizens_from_its_publication_on,
    async |app| {
        let filed = app
            .file_as(&MARIO, &forms::report_not_found_logged_in(TO4), &[])
            .await;
        let operator = app.as_("to4.operator").await;
        let file: File = files::pdf(300).named(format!("{}.pdf", MARK));
        let action = json!({"action": "note", "note": {"body": MARK, "published": false}});
        let written = operator.act_with(&filed.id, &action, &file).await;
        assert_eq!(written.is(201).text_at("/entry/audience"), "team");
        let before = app.citizen(&MARIO).get(&filed.own_path("")).await;
        assert!(!before.everything().contains(MARK), "{before}");

        let seq = &written.json["entry"]["seq"];
        let unsure = json!({"action": "publish-note", "seq": seq});
        let refused = operator.act(&filed.id, &unsure).await;
        refused.is(422).has_errors(&[("/confirm", "not-accepted")]);
        let publish = json!({"action": "publish-note", "seq": seq, "confirm": true});
        operator.act(&filed.id, &publish).await.is(201);
        let after = app.citizen(&MARIO).get(&filed.own_path("")).await;
        assert!(after.text().contains(MARK), "{after}");
    }
);

both!(out_of_reach_is_as_if_it_never_existed, async |app| {
    let form = forms::report_not_found(&ANNA, TO4);
    let filed = app.file_anonymous(&form, &[files::jpeg()]).await;
    let never = "019a0000-0000-7000-8000-000000000000";
    let stranger = app.as_("cn1.operator").await;
    let citizen = app.citizen(&MARIO);
    for (caller, base) in [(&stranger, "/v1/tickets"), (&citizen, "/v1/me/tickets")] {
        for name in [&filed.id, &filed.number] {
            let there = caller.get(&format!("{base}/{name}")).await;
            let not_there = caller.get(&format!("{base}/{never}")).await;
            there.is_problem(404, "not-found");
            let words = |reply: &tests::Reply| {
                let mut words = reply.json.clone();
                words["instance"] = Value::Null;
                words["correlation_id"] = Value::Null;
                words
            };
            assert_eq!(words(&there), words(&not_there));
        }
    }
});

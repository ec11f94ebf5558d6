//! The life of the data keys, as whoever uses the service notices it: not at all, until an authority's
//! are destroyed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::RunQueryDsl;
use diesel::sql_types::Text;
use domain::visibility::Scope;
use serde_json::json;
use service::Desk;
use storage::StoreError;
use storage::data_keys::KeyRow;
use tests::citizens::{ANNA, MARIO};
use tests::files;
use tests::people::{CN1, TO4};
use tests::requester::Filed;
use tests::{TestApp, both, forms};

/// Values under keys that seal no more.
fn under_older_keys(desk: &Desk) -> i64 {
    let status = desk.show_keys().expect("the keys are shown");
    assert_eq!(status.plain, 0, "nothing is plain");
    let older = status.keys.iter().filter(|(row, _)| !row.is_in_use());
    older.map(|(_, values)| values).sum()
}

fn reseal(desk: &Desk) -> usize {
    desk.reseal_until_done(&|_| {})
        .expect("everything is sealed anew")
}

/// Everything of these requests is there for the desk, for the citizen and for a search.
async fn all_are_whole(app: &TestApp, filed: &[Filed]) {
    let operator = app.as_("to4.operator").await;
    let citizen = app.citizen(&MARIO);
    for one in filed {
        let screen = operator.get(&format!("/v1/tickets/{}", one.id)).await;
        screen.is(200);
        assert_eq!(screen.text_at("/requester/tax_code"), MARIO.tax_code);
        let own = citizen.get(&format!("/v1/me/tickets/{}", one.id)).await;
        let file = own.is(200).text_at("/attachments/0/id").to_owned();
        let path = format!("/v1/me/tickets/{}/attachments/{file}", one.id);
        citizen.get(&path).await.is(200);
    }
    let search = json!({"tax_code": MARIO.tax_code, "limit": 100});
    let found = operator.post("/v1/ticket-searches", &search).await;
    assert_eq!(found.is(200).list_at("/items").len(), filed.len());
    let own = citizen.get("/v1/me/tickets?limit=100").await;
    assert_eq!(own.is(200).list_at("/items").len(), filed.len());
}

both!(
    requests_are_filed_and_read_while_all_keys_rotate_twice,
    async |app| {
        let form = forms::report_not_found_logged_in(TO4);
        // A node that does not look for new keys.
        let stale = app.another_node();
        let begun = Arc::new(AtomicBool::new(false));
        let rotating = std::thread::spawn({
            let (desk, begun) = (app.desk.clone(), begun.clone());
            move || {
                for _ in 0..2 {
                    desk.rotate_data_keys(None).expect("the keys rotate");
                    begun.store(true, Ordering::SeqCst);
                    reseal(&desk);
                }
            }
        });
        let mut filed = Vec::new();
        // Some before, some while, some after.
        while filed.len() < 6 || (!rotating.is_finished() && filed.len() < 30) {
            filed.push(app.file_as(&MARIO, &form, &[files::pdf(300)]).await);
            let last = &filed[filed.len() / 2];
            let operator = app.as_("to4.operator").await;
            operator
                .get(&format!("/v1/tickets/{}", last.id))
                .await
                .is(200);
        }
        rotating.join().expect("the rotation ends");
        assert!(begun.load(Ordering::SeqCst));
        all_are_whole(app, &filed).await;
        reseal(&app.desk);
        assert_eq!(under_older_keys(&app.desk), 0);
        all_are_whole(app, &filed).await;

        let late = stale.with_token(app.citizen_token(
            MARIO.tax_code,
            MARIO.given_name,
            MARIO.family_name,
            MARIO.email,
        ));
        let reply = late
            .post_form("/v1/tickets", &form, &[files::pdf(300)])
            .await;
        filed.push(Filed {
            id: reply.is(201).text_at("/id").to_owned(),
            number: reply.text_at("/number").to_owned(),
            secret: String::new(),
        });
        reseal(&app.desk);
        assert_eq!(under_older_keys(&app.desk), 0);
        all_are_whole(app, &filed).await;
    }
);

both!(
    a_key_that_is_empty_for_good_is_not_looked_for_again,
    async |app| {
        let form = forms::report_not_found_logged_in(TO4);
        app.file_as(&MARIO, &form, &[]).await;
        app.desk
            .rotate_data_keys(Some(TO4))
            .expect("the key rotates");
        let of_to4 = || -> Vec<KeyRow> {
            let status = app.desk.show_keys().expect("the keys are shown");
            let rows = status.keys.into_iter().map(|(row, _)| row);
            rows.filter(|row| row.desk == TO4).collect()
        };
        let work = || app.desk.work_keys(&|| false).expect("it works");
        assert_eq!(work(), 0, "another node may not know the next one yet");
        app.advance("PT1M");
        assert!(work() > 0);
        assert!(of_to4()[0].is_leaving(), "this time there was something");
        assert_eq!(work(), 0);
        let keys = of_to4();
        assert!(
            !keys[0].is_leaving() && keys[0].wrapped.is_some(),
            "it is kept"
        );
        assert!(keys[1].is_in_use());
    }
);

#[derive(diesel::QueryableByName)]
struct Kept {
    #[diesel(sql_type = Text)]
    dossier: String,
}

fn dossier_of(app: &TestApp, filed: &Filed) -> String {
    let sql = format!(
        "SELECT dossier FROM tickets WHERE number = '{}'",
        filed.number
    );
    let kept = app.db.read_in(&Scope::System, |conn| {
        Ok::<_, StoreError>(diesel::sql_query(sql).get_result::<Kept>(conn)?)
    });
    kept.expect("the row").dossier
}

both!(
    the_data_of_an_authority_whose_keys_are_destroyed_are_gone_for_everybody,
    async |app| {
        let form = forms::report_not_found_logged_in(TO4);
        let lost = app.file_as(&MARIO, &form, &[files::pdf(300)]).await;
        let moved = app.file_as(&ANNA, &form, &[files::pdf(300)]).await;
        let elsewhere = forms::report_not_found_logged_in(CN1);
        let others = app.file_as(&MARIO, &elsewhere, &[]).await;
        let operator = app.as_("to4.operator").await;
        let note = json!({"body": "Emesso da un'altra azienda.", "published": true});
        let over = json!({"action": "hand-over", "reason_code": "wrong-service", "note": note});
        operator
            .act(&moved.id, &json!({"action": "take"}))
            .await
            .is(201);
        operator.pass_playbook(&moved.id).await;
        operator.act(&moved.id, &over).await.is(201);

        let dump = dossier_of(app, &lost);
        let foreseen = app.desk.foresee_destruction(TO4).expect("it is foreseen");
        assert_eq!(foreseen.elsewhere, 1);
        app.desk.destroy_keys(TO4).expect("the keys are destroyed");

        let path = format!("/v1/tickets/{}", lost.id);
        let screen = operator.get(&path).await;
        screen.is(200);
        assert_eq!(screen.text_at("/number"), lost.number);
        assert_eq!(screen.text_at("/state"), "new");
        assert_eq!(screen.text_at("/requester/tax_code"), "—");
        assert_eq!(screen.text_at("/requester/family_name"), "—");
        assert!(!screen.everything().contains(MARIO.family_name));
        let search = json!({"tax_code": MARIO.tax_code});
        let found = operator.post("/v1/ticket-searches", &search).await;
        assert_eq!(found.is(200).list_at("/items").len(), 0, "nor found by it");
        operator
            .post("/v1/ticket-searches", &json!({}))
            .await
            .is(200);

        let region = app.as_("region.operator").await;
        let screen = region.get(&format!("/v1/tickets/{}", moved.id)).await;
        assert_eq!(screen.is(200).text_at("/requester/tax_code"), ANNA.tax_code);
        let cn1 = app.as_("cn1.operator").await;
        let screen = cn1.get(&format!("/v1/tickets/{}", others.id)).await;
        assert_eq!(
            screen.is(200).text_at("/requester/tax_code"),
            MARIO.tax_code
        );

        // Rows of a backup, put back, open no more than those that stayed.
        app.execute(&format!(
            "UPDATE tickets SET dossier = '{dump}' WHERE number = '{}'",
            lost.number
        ));
        let screen = operator.get(&path).await;
        assert_eq!(screen.is(200).text_at("/requester/tax_code"), "—");

        // The desk can go on, with a new key.
        let anew = app.file_as(&ANNA, &form, &[]).await;
        let screen = operator.get(&format!("/v1/tickets/{}", anew.id)).await;
        assert_eq!(screen.is(200).text_at("/requester/tax_code"), ANNA.tax_code);
    }
);

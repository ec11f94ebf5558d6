//! Files and askers as they are kept: sealed, refused once touched, and sealed anew without anybody
//! noticing.

use std::path::PathBuf;

use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use diesel::sql_types::Text;
use domain::visibility::Scope;
use reqwest::Method;
use serde_json::{Value, json};
use storage::{Backend, DbConnection, StoreError, data_keys};
use tests::citizens::{ANNA, ISSUER, MARIO, Person};
use tests::people::{CN1, TO4};
use tests::{Filed, Reply, TestApp, both, files, forms};

/// Several chunks, and a last one that is short.
const SIZE: usize = 3 * 65_536 + 123;

async fn file(app: &TestApp, authority: &str, size: usize) -> Filed {
    let form = forms::report_not_found_logged_in(authority);
    app.file_as(&MARIO, &form, &[files::pdf(size)]).await
}

async fn download(app: &TestApp, filed: &Filed) -> Reply {
    let path = download_path(app, filed).await;
    app.citizen(&MARIO).get(&path).await
}

/// Where its requester downloads the file of a request.
async fn download_path(app: &TestApp, filed: &Filed) -> String {
    let screen = app.citizen(&MARIO).get(&filed.own_path("")).await;
    let id = screen.text_at("/attachments/0/id");
    filed.own_path(&format!("/attachments/{id}"))
}

/// The download fails as nobody's fault but ours, and tells nothing of the file.
async fn is_broken(app: &TestApp, filed: &Filed) {
    let path = download_path(app, filed).await;
    let token = app.citizen(&MARIO).token().to_owned();
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n");
    let answer = app.exchange(request.as_bytes()).await.expect("an answer");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    assert!(answer.contains("application/problem+json"), "{answer}");
    for told in ["0123456789", "%PDF", "referto"] {
        assert!(!answer.contains(told), "{answer}");
    }
}

#[derive(diesel::QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

fn lines(app: &TestApp, sql: &str) -> Vec<String> {
    let found = app.db.read_in(&Scope::System, |conn| {
        Ok::<_, StoreError>(diesel::sql_query(sql).load::<Line>(conn)?)
    });
    let found = found.expect("rows");
    found.into_iter().map(|row| row.line).collect()
}

/// Runs SQL as nobody should.
fn tamper(app: &TestApp, sql: &str) {
    let sql = sql.to_owned();
    let done = app
        .db
        .write_in(&Scope::System, move |conn: &mut DbConnection| {
            Ok::<_, StoreError>(conn.batch_execute(&sql)?)
        });
    done.expect("the rows are changed");
}

/// The keys of the stored files, the file of the first ticket first.
fn blob_keys(app: &TestApp) -> Vec<String> {
    lines(
        app,
        "SELECT blob_key AS line FROM attachments JOIN tickets ON tickets.id = ticket_id ORDER BY number",
    )
}

fn stored(app: &TestApp) -> Vec<PathBuf> {
    let keys = blob_keys(app);
    keys.iter().map(|key| app.blob_file(key)).collect()
}

/// Makes the first file one from before files were sealed.
fn make_plain(app: &TestApp, plain: &[u8]) {
    let on = match app.db.backend() {
        Backend::Sqlite => "",
        Backend::Postgres => " ON attachments",
    };
    let keys = blob_keys(app);
    let key = keys.first().expect("a file");
    tamper(
        app,
        &format!(
            "DROP TRIGGER attachments_sealed_alone{on}; \
             UPDATE attachments SET blob_secret = NULL WHERE blob_key = '{key}'"
        ),
    );
    std::fs::write(app.blob_file(key), plain).expect("a plain blob");
}

both!(nothing_of_a_file_is_in_the_store, async |app| {
    let filed = file(app, TO4, SIZE).await;
    let sent = files::pdf(SIZE).bytes;
    let kept = std::fs::read(&stored(app)[0]).expect("the blob");
    assert!(kept.len() > sent.len());
    for told in [&sent[..16], &sent[100..116], &b"0123456789abcdef"[..]] {
        assert!(!kept.windows(told.len()).any(|window| window == told));
    }
    let download = download(app, &filed).await;
    assert!(download.is(200).body == sent);
});

both!(
    a_file_that_was_touched_is_not_delivered_even_in_part,
    async |app| {
        let filed = file(app, TO4, SIZE).await;
        let path = &stored(app)[0];
        let whole = std::fs::read(path).expect("the blob");
        let mut touched = whole.clone();
        // In the last chunk: those before it are as they were.
        *touched.last_mut().expect("a byte") ^= 1;
        let cut = whole[..whole.len() - 1].to_vec();
        let longer = [&whole[..], b"x"].concat();
        for bytes in [touched, cut, longer, Vec::new()] {
            std::fs::write(path, bytes).expect("a touched blob");
            is_broken(app, &filed).await;
        }
        std::fs::write(path, whole).expect("the blob");
        download(app, &filed).await.is(200);
    }
);

both!(files_that_were_swapped_are_not_delivered, async |app| {
    let filed = [file(app, TO4, 700).await, file(app, CN1, 700).await];
    let paths = stored(app);
    let bytes: Vec<Vec<u8>> = paths
        .iter()
        .map(|path| std::fs::read(path).expect("a blob"))
        .collect();
    std::fs::write(&paths[0], &bytes[1]).expect("a blob");
    std::fs::write(&paths[1], &bytes[0]).expect("a blob");
    for one in &filed {
        is_broken(app, one).await;
    }
});

both!(
    a_file_from_before_is_refused_until_it_is_sealed,
    async |app| {
        let filed = file(app, TO4, SIZE).await;
        let sent = files::pdf(SIZE).bytes;
        make_plain(app, &sent);
        let before = stored(app).remove(0);
        is_broken(app, &filed).await;

        let run = app.desk.seal_plain_files().await.expect("a run");
        assert_eq!((run.done, run.failed), (1, 0));
        assert!(download(app, &filed).await.is(200).body == sent);
        assert!(!before.exists(), "what was plain is gone");
        assert_eq!(app.count_blobs(), 1);
        let kept = std::fs::read(&stored(app)[0]).expect("the blob");
        assert!(!kept.windows(16).any(|window| window == &sent[100..116]));

        let again = app.desk.seal_plain_files().await.expect("a run");
        assert_eq!((again.done, again.failed), (0, 0));
    }
);

both!(
    a_plain_file_that_is_not_what_its_row_says_stops_no_other,
    async |app| {
        app.hold_plain();
        let touched = file(app, TO4, 700).await;
        let good = file(app, CN1, 800).await;
        make_plain(app, &files::pdf(701).bytes);
        let key = &blob_keys(app)[1];
        tamper(
            app,
            &format!("UPDATE attachments SET blob_secret = NULL WHERE blob_key = '{key}'"),
        );
        std::fs::write(app.blob_file(key), files::pdf(800).bytes).expect("a plain blob");
        let run = app.desk.seal_plain_files().await.expect("a run");
        assert_eq!((run.done, run.failed), (1, 1));
        assert!(download(app, &good).await.is(200).body == files::pdf(800).bytes);
        is_broken(app, &touched).await;
        assert_eq!(app.count_blobs(), 2, "what failed is left as it was");
    }
);

/// The number of a desk's data key.
fn key_of(app: &TestApp, desk: &str) -> i64 {
    let keys = app.db.read(data_keys::list).expect("the keys");
    let found = keys.into_iter().find(|key| key.desk == desk);
    found.expect("a key").id
}

both!(
    renewed_files_are_the_same_under_another_secret,
    async |app| {
        let filed = file(app, TO4, SIZE).await;
        let other = file(app, CN1, 700).await;
        let before = stored(app);
        let old = std::fs::read(&before[0]).expect("the blob");
        let run = app.desk.renew_files(key_of(app, TO4)).await.expect("a run");
        assert_eq!((run.done, run.failed), (1, 0));
        let after = stored(app);
        assert!(after[0] != before[0] && after[1] == before[1]);
        assert!(download(app, &filed).await.is(200).body == files::pdf(SIZE).bytes);
        assert!(download(app, &other).await.is(200).body == files::pdf(700).bytes);

        // What was stored before is named by no row, and does not open in the place of the new one.
        assert_eq!(app.count_blobs(), 3);
        app.advance("P36500D");
        assert_eq!(app.desk.sweep_blobs().await.expect("a sweep"), 1);
        assert!(!before[0].exists());
        std::fs::write(&after[0], old).expect("the blob of before");
        is_broken(app, &filed).await;
    }
);

both!(
    a_file_whose_key_was_destroyed_is_gone_and_others_are_not,
    async |app| {
        let gone = file(app, TO4, 700).await;
        let stays = file(app, CN1, 800).await;
        let operator = app.as_("to4.operator").await;
        let screen = operator.screen(&gone.id).await;
        let id = screen.text_at("/attachments/0/id").to_owned();
        app.execute(&format!(
            "UPDATE data_keys SET wrapped = NULL, retired_at = created_at, destroyed_at = created_at \
             WHERE desk = '{TO4}'"
        ));
        let keys = app.db.keyring().expect("the keys");
        keys.reload().expect("the keys are read again");
        let path = gone.staff_path(&format!("/attachments/{id}"));
        operator
            .get(&path)
            .await
            .is_problem(410, "attachment-purged");
        let screen = operator.screen(&gone.id).await;
        assert_eq!(screen.text_at("/attachments/0/file_name"), "—");
        assert!(download(app, &stays).await.is(200).body == files::pdf(800).bytes);
    }
);

/// Stands in a row of this file's own making, so is nobody whom the tests look for.
const LUIGI: Person = Person {
    tax_code: "RSSLGU85T10A562S",
    given_name: "Luigi",
    family_name: "Rossi",
    email: "luigi.rossi@example.org",
};

async fn file_once(app: &TestApp, key: &str) -> Reply {
    let form: Value = forms::report_not_found_logged_in(TO4);
    let citizen = app.citizen(&LUIGI);
    let request = citizen.request(Method::POST, "/v1/tickets");
    request.key(key).json(&form).send().await
}

both!(who_asked_is_kept_as_a_print_alone, async |app| {
    let first = file_once(app, "k-1").await;
    let kept = lines(app, "SELECT principal AS line FROM idempotency_keys");
    assert_eq!(kept.len(), 1);
    assert!(kept[0].len() == 64 && !kept[0].contains(':'), "{kept:?}");
    let again = file_once(app, "k-1").await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.json, first.json);
});

both!(
    an_answer_kept_under_a_name_is_found_after_the_upgrade,
    async |app| {
        let first = file_once(app, "k-1").await;
        let named = format!("citizen:{ISSUER}|subject-of-{}", LUIGI.tax_code);
        app.execute(&format!(
            "UPDATE idempotency_keys SET principal = '{named}'"
        ));
        app.another_desk();
        let kept = lines(app, "SELECT principal AS line FROM idempotency_keys");
        assert!(!kept[0].contains(':'), "{kept:?}");
        let again = file_once(app, "k-1").await;
        assert_eq!(again.is(201).json, first.json);
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        assert_eq!(app.count("tickets"), 1);
    }
);

both!(
    a_message_whose_address_is_gone_is_given_up_and_not_sent,
    async |app| {
        let form = forms::report_not_found(&ANNA, TO4);
        let filed = app.file_anonymous(&form, &[]).await;
        let before = app.mails().await.len();
        let note = json!({"body": "Ci pensiamo noi.", "published": true});
        let action = json!({"action": "ask-info", "note": note});
        let operator = app.as_("to4.operator").await;
        operator.act(&filed.id, &action).await.is(201);
        // As if the row had been touched: it does not open any more.
        app.execute("UPDATE outbox SET recipient = template WHERE state = 'pending'");
        let run = app.desk.deliver(&NoMail).expect("a run");
        assert_eq!((run.sent, run.parked), (0, 1));
        assert_eq!(app.mails().await.len(), before);
    }
);

struct NoMail;

impl service::mailer::Mailer for NoMail {
    fn send(
        &self,
        _: &service::mailer::MailMessage,
    ) -> Result<(), service::outbox::DeliveryFailure> {
        panic!("a mail left")
    }
}

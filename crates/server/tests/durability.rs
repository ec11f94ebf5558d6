//! An acknowledged write survives `kill -9` (D-34): the real program is killed again and again in
//! the middle of filings, and every request it answered 201 for must be there, whole.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test: what is missing fails it, and the test's own settings are in the environment"
)]

mod program;
mod psql;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use data_encoding::BASE64;
use psql::psql;
use serde_json::{Value, json};

const KILLS: usize = 20;
const CLIENTS: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_every_acknowledged_request_survives_twenty_kills() {
    survives(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_every_acknowledged_request_survives_twenty_kills() {
    let Ok(admin) = std::env::var("TEST_DATABASE_URL") else {
        return;
    };
    let database = format!("sportello_kill_{}", std::process::id());
    psql(&admin, &format!("CREATE DATABASE {database}"));
    let (server, _) = admin
        .rsplit_once('/')
        .expect("a database in TEST_DATABASE_URL");
    survives(Some(format!("{server}/{database}"))).await;
    psql(&admin, &format!("DROP DATABASE {database} WITH (FORCE)"));
}

/// What the program was told and acknowledged.
#[derive(Clone)]
struct Acknowledged {
    id: String,
    description: String,
    file: Vec<u8>,
}

async fn survives(database: Option<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut all: Vec<Acknowledged> = Vec::new();
    for round in 0..KILLS {
        let (mut server, base) = start(folder.path(), database.as_deref()).await;
        let token = citizen_token(folder.path(), database.as_deref());
        check_whole(&base, &token, all.last()).await;
        // Each round is killed after another number of answers, in the middle of the others.
        let acknowledged = file_until(&base, &token, round, 3 + round % 7, &mut server).await;
        assert!(
            !acknowledged.is_empty(),
            "round {round} acknowledged nothing"
        );
        all.extend(acknowledged);
    }
    let (mut server, base) = start(folder.path(), database.as_deref()).await;
    let token = citizen_token(folder.path(), database.as_deref());
    for one in &all {
        check_whole(&base, &token, Some(one)).await;
    }
    stop(&mut server);
}

fn program(folder: &Path, database: Option<&str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sportello"));
    command
        .current_dir(folder)
        .env("SPORTELLO__DATA__FOLDER", folder.join("data"))
        .env("SPORTELLO__HTTP__BIND", "127.0.0.1:0")
        .env("SPORTELLO__HTTP__REQUESTS_PER_MINUTE", "1000000")
        .env("SPORTELLO__QUOTA__FILINGS_PER_DAY", "10000")
        .env("SPORTELLO__LOG__FILTER", "error")
        .stdin(Stdio::null());
    let sqlite = format!("sqlite://{}", folder.join("data/sportello.db").display());
    command.env("SPORTELLO__DATABASE__URL", database.unwrap_or(&sqlite));
    command
}

async fn start(folder: &Path, database: Option<&str>) -> (Child, String) {
    let mut command = program(folder, database);
    command.stdout(Stdio::null()).stderr(Stdio::inherit());
    program::listening(command, &folder.join("port")).await
}

fn citizen_token(folder: &Path, database: Option<&str>) -> String {
    let names = [
        "--tax-code",
        "RSSMRA80A01H501U",
        "--given-name",
        "Mario",
        "--family-name",
        "Rossi",
    ];
    let output = program(folder, database)
        .args(["demo", "citizen-token"])
        .args(names)
        .args(["--email", "mario.rossi@example.org"])
        .output()
        .expect("the program runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout)
        .expect("text")
        .trim()
        .to_owned()
}

/// Files from several clients at once, and kills the program when `enough` were acknowledged.
async fn file_until(
    base: &str,
    token: &str,
    round: usize,
    enough: usize,
    server: &mut Child,
) -> Vec<Acknowledged> {
    let answered = Arc::new(AtomicUsize::new(0));
    let (tell, mut told) = tokio::sync::mpsc::channel::<()>(1024);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (base, token) = (base.to_owned(), token.to_owned());
            let (answered, tell) = (answered.clone(), tell.clone());
            tokio::spawn(async move {
                let http = reqwest::Client::builder()
                    .no_proxy()
                    .build()
                    .expect("a client");
                let mut mine = Vec::new();
                for n in 0..200 {
                    let description = format!("giro {round}, cliente {client}, richiesta {n}");
                    match file(&http, &base, &token, &description).await {
                        Some(one) => mine.push(one),
                        None => break, // killed meanwhile
                    }
                    answered.fetch_add(1, Ordering::SeqCst);
                    let _ = tell.try_send(());
                }
                mine
            })
        })
        .collect();
    while answered.load(Ordering::SeqCst) < enough {
        told.recv().await;
    }
    stop(server);
    let mut acknowledged = Vec::new();
    for client in clients {
        acknowledged.extend(client.await.expect("a client ends"));
    }
    acknowledged
}

async fn file(
    http: &reqwest::Client,
    base: &str,
    token: &str,
    description: &str,
) -> Option<Acknowledged> {
    let file = format!("%PDF-1.4\n% {description}\n%%EOF\n").into_bytes();
    let body = json!({
        "service_code": "FSE", "problem_type": "errore-tecnico", "authority_code": "010204",
        "description": description, "privacy_ack": true,
        "attachment": {"file_name": "prova.pdf", "content_base64": BASE64.encode(&file)},
    });
    let answer = http
        .post(format!("{base}/v1/tickets"))
        .bearer_auth(token)
        .header("content-type", "application/json")
        .body(body.to_string())
        .send()
        .await
        .ok()?;
    let status = answer.status();
    // A whole answer is an acknowledgement; one cut off by the kill is not.
    let text = answer.text().await.ok()?;
    assert_eq!(status, 201, "{text}");
    let filed: Value = serde_json::from_str(&text).ok()?;
    let id = filed.get("id")?.as_str()?.to_owned();
    Some(Acknowledged {
        id,
        description: description.to_owned(),
        file,
    })
}

async fn check_whole(base: &str, token: &str, one: Option<&Acknowledged>) {
    let Some(one) = one else { return };
    let http = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let get = |path: String| http.get(format!("{base}{path}")).bearer_auth(token).send();
    let shown = get(format!("/v1/me/tickets/{}", one.id))
        .await
        .expect("an answer");
    assert_eq!(
        shown.status(),
        200,
        "{} was acknowledged and is lost",
        one.description
    );
    let shown: Value = serde_json::from_str(&shown.text().await.expect("a body")).expect("JSON");
    assert_eq!(shown["description"], one.description.as_str());
    assert_eq!(shown["messages"][0]["event"], "request.created");
    let file = shown["attachments"][0]["id"].as_str().expect("its file");
    let bytes = get(format!("/v1/me/tickets/{}/attachments/{file}", one.id))
        .await
        .expect("an answer");
    assert_eq!(
        bytes.bytes().await.expect("bytes"),
        one.file,
        "{}",
        one.description
    );
}

/// `kill -9` on Unix: no destructor, no flush, no good-bye.
fn stop(server: &mut Child) {
    server.kill().expect("killed");
    server.wait().expect("reaped");
}

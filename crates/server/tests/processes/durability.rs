//! An acknowledged write survives `kill -9` (D-34): the real program is killed again and again in
//! the middle of filings, and every request it answered 201 for must be there, whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::installation::form_with;
use crate::town::{Node, Town};

const KILLS: usize = 20;
const CLIENTS: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_every_acknowledged_request_survives_twenty_kills() {
    survives(Town::on_sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_every_acknowledged_request_survives_twenty_kills() {
    if let Some(town) = Town::on_postgres("kill") {
        survives(town).await;
    }
}

/// What the program was told and acknowledged.
struct Acknowledged {
    id: String,
    description: String,
    file: Vec<u8>,
}

async fn survives(town: Town) {
    let mut all: Vec<Acknowledged> = Vec::new();
    for round in 0..KILLS {
        let server = town.start().await;
        let token = town.citizen();
        if let Some(last) = all.last() {
            check_whole(&server, &token, last).await;
        }
        // Each round is killed after another number of answers, in the middle of the others.
        let acknowledged = file_until(server, &token, round, 3 + round % 7).await;
        assert!(
            !acknowledged.is_empty(),
            "round {round} acknowledged nothing"
        );
        all.extend(acknowledged);
    }
    let server = town.start().await;
    let token = town.citizen();
    for one in &all {
        check_whole(&server, &token, one).await;
    }
}

/// Files from several clients at once, and kills the program when `enough` were acknowledged.
async fn file_until(server: Node, token: &str, round: usize, enough: usize) -> Vec<Acknowledged> {
    let answered = Arc::new(AtomicUsize::new(0));
    let (tell, mut told) = tokio::sync::mpsc::channel::<()>(1024);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let request = server
                .request(Method::POST, "/v1/tickets")
                .bearer_auth(token)
                .header("content-type", "application/json");
            let (answered, tell) = (answered.clone(), tell.clone());
            tokio::spawn(async move {
                let mut mine = Vec::new();
                for n in 0..200 {
                    let description = format!("giro {round}, cliente {client}, richiesta {n}");
                    let request = request.try_clone().expect("without a body");
                    match file(request, description).await {
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
    // No destructor, no flush, no good-bye.
    drop(server);
    let mut acknowledged = Vec::new();
    for client in clients {
        acknowledged.extend(client.await.expect("a client ends"));
    }
    acknowledged
}

async fn file(request: RequestBuilder, description: String) -> Option<Acknowledged> {
    let file = format!("%PDF-1.4\n% {description}\n%%EOF\n").into_bytes();
    let form = form_with(&description, &file);
    let answer = request.body(form.to_string()).send().await.ok()?;
    let status = answer.status();
    // A whole answer is an acknowledgement; one cut off by the kill is not.
    let text = answer.text().await.ok()?;
    assert_eq!(status, 201, "{text}");
    let filed: Value = serde_json::from_str(&text).ok()?;
    let id = filed.get("id")?.as_str()?.to_owned();
    Some(Acknowledged {
        id,
        description,
        file,
    })
}

async fn check_whole(server: &Node, token: &str, one: &Acknowledged) {
    let path = format!("/v1/me/tickets/{}", one.id);
    let shown = server.get(&path, token).await;
    assert_eq!(shown["description"], one.description.as_str());
    assert_eq!(shown["messages"][0]["event"], "request.created");
    let file = shown["attachments"][0]["id"].as_str().expect("its file");
    let file = server.request(Method::GET, &format!("{path}/attachments/{file}"));
    let file = file.bearer_auth(token).send().await.expect("an answer");
    let bytes = file.bytes().await.expect("bytes");
    assert_eq!(bytes, one.file, "{}", one.description);
}

//! A thousand listeners of the stream of events, and how soon all of them hear of a request.

use std::time::{Duration, Instant};

use tests::load::{LISTENERS, listener};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::office::{Caller, Measured};
use crate::process::Server;
use crate::wrk::{Driven, filing};

/// Streams of each account.
const EACH: usize = 5;

/// Opens all streams, files some requests, and waits until every listener heard of each.
pub(crate) fn measure(measured: &Measured, server: &Server, filings: usize) -> Driven {
    let caller = Caller::new(&server.address);
    let tokens: Vec<String> = (0..LISTENERS)
        .map(|one| caller.sign_in(&listener(one)))
        .collect();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (heard, mut hearing) = mpsc::unbounded_channel();
    let (open, mut opening) = mpsc::unbounded_channel();
    for token in tokens {
        for _ in 0..EACH {
            let (heard, open) = (heard.clone(), open.clone());
            runtime.spawn(follow(server.address.clone(), token.clone(), open, heard));
        }
    }
    let all = LISTENERS * EACH;
    let mut times = Vec::new();
    let mut lost = 0;
    let began = Instant::now();
    runtime.block_on(async {
        for _ in 0..all {
            let opened = tokio::time::timeout(Duration::from_secs(60), opening.recv()).await;
            opened.expect("the streams open");
        }
    });
    for number in 0..filings {
        let request = filing(
            &measured.citizen(u64::try_from(number).unwrap_or(0)),
            tests::people::TO4,
        );
        let body = request.body.expect("a body");
        let filed = Instant::now();
        caller.post(&request.path, request.token.as_deref(), &body);
        runtime.block_on(async {
            for _ in 0..all {
                match tokio::time::timeout(Duration::from_secs(20), hearing.recv()).await {
                    Ok(_) => times.push(filed.elapsed().as_secs_f64() * 1e3),
                    Err(_) => lost += 1,
                }
            }
        });
    }
    times.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    Driven {
        requests: times.len() as f64,
        seconds: began.elapsed().as_secs_f64(),
        p50_ms: at(0.5),
        p99_ms: at(0.99),
        errors: f64::from(lost),
    }
}

/// Tells when the stream is open, and of each new request.
async fn follow(
    address: String,
    token: String,
    open: mpsc::UnboundedSender<()>,
    heard: mpsc::UnboundedSender<()>,
) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(&address).await?;
    let head = format!(
        "GET /v1/events HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let mut lines = BufReader::new(stream).lines();
    while let Some(line) = lines.next_line().await? {
        if line.starts_with("retry:") {
            // The measurement waits for all of them.
            let _ = open.send(());
        }
        if line.starts_with("event: queue.new") || line.starts_with("event:queue.new") {
            let _ = heard.send(());
        }
    }
    Ok(())
}

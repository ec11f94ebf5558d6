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
/// After how long a stream that was refused is asked for again.
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// Opens all streams, files some requests, and waits until every listener heard of each.
pub(crate) fn measure(measured: &Measured, server: &Server, filings: usize) -> Driven {
    let caller = Caller::new(&server.address);
    let tokens: Vec<String> = (0..LISTENERS)
        .map(|one| caller.sign_in(&listener(one)))
        .collect();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (heard, mut hearing) = mpsc::unbounded_channel();
    let (open, mut opening) = mpsc::unbounded_channel();
    let (refused, mut refusals) = mpsc::unbounded_channel();
    for token in tokens {
        for _ in 0..EACH {
            let (heard, open, refused) = (heard.clone(), open.clone(), refused.clone());
            let (address, token) = (server.address.clone(), token.clone());
            runtime.spawn(async move {
                // As a screen does: a node may refuse some of so many that come in one instant.
                while !matches!(follow(&address, &token, &open, &heard).await, Ok(true)) {
                    let _ = refused.send(());
                    tokio::time::sleep(TRY_AGAIN).await;
                }
            });
        }
    }
    let all = LISTENERS * EACH;
    let mut times = Vec::new();
    let mut errors = 0_u32;
    let began = Instant::now();
    runtime.block_on(async {
        for _ in 0..all {
            let opened = tokio::time::timeout(Duration::from_secs(60), opening.recv()).await;
            opened.expect("the streams open");
        }
    });
    while refusals.try_recv().is_ok() {
        errors += 1;
    }
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
                    Err(_) => errors += 1,
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
        errors: f64::from(errors),
    }
}

/// Tells when the stream is open, and of each new request; when the stream ends, whether it was open.
async fn follow(
    address: &str,
    token: &str,
    open: &mpsc::UnboundedSender<()>,
    heard: &mpsc::UnboundedSender<()>,
) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(address).await?;
    let mut is_open = false;
    let head = format!(
        "GET /v1/events HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let mut lines = BufReader::new(stream).lines();
    while let Some(line) = lines.next_line().await? {
        if line.starts_with("retry:") {
            // The measurement waits for all of them.
            is_open = true;
            let _ = open.send(());
        }
        if line.starts_with("event: queue.new") || line.starts_with("event:queue.new") {
            let _ = heard.send(());
        }
    }
    Ok(is_open)
}

//! Bytes on a wire, for what no honest client sends.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::app::TestApp;
use crate::client::Reply;
use crate::contract::Asked;

/// No answer takes longer, unless the server hangs.
const PATIENCE: Duration = Duration::from_secs(20);

impl TestApp {
    /// Sends these bytes and reads one answer to its end, whatever becomes of the connection.
    /// None if the server hung up without one. Nothing is checked.
    pub async fn exchange(&self, request: &[u8]) -> Option<Vec<u8>> {
        let mut stream = TcpStream::connect(self.address)
            .await
            .expect("a connection");
        // The server may hang up before it read everything.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let read = async {
            let mut chunk = [0; 16 * 1024];
            loop {
                match stream.read(&mut chunk).await {
                    Ok(0) | Err(_) => return,
                    Ok(read) => answer.extend_from_slice(&chunk[..read]),
                }
                if is_whole(&answer) {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, read)
            .await
            .expect("the server hangs");
        (!answer.is_empty()).then_some(answer)
    }

    /// Sends a request byte by byte as given and checks the answer like any other.
    pub async fn raw(&self, request: &[u8]) -> Reply {
        let first = request.split(|byte| *byte == b'\r').next();
        let first = String::from_utf8_lossy(first.unwrap_or_default()).into_owned();
        let mut words = first.split(' ');
        let method = words.next().unwrap_or_default();
        let asked = Asked::new(method, words.next().unwrap_or_default());
        let answer = self.exchange(request).await.expect("an answer");
        let (status, headers, body) = parse(&answer);
        Reply::checked(&asked, status, headers, body)
    }
}

fn split(answer: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some((&answer[..at], &answer[at + 4..]))
}

fn is_whole(answer: &[u8]) -> bool {
    let Some((_, rest)) = split(answer) else {
        return false;
    };
    let (_, headers, _) = parse(answer);
    match length(&headers) {
        Some(length) => rest.len() >= length,
        None => rest.ends_with(b"0\r\n\r\n"),
    }
}

fn length(headers: &HeaderMap) -> Option<usize> {
    headers.get("content-length")?.to_str().ok()?.parse().ok()
}

fn parse(answer: &[u8]) -> (u16, HeaderMap, Bytes) {
    let (head, body) = split(answer).expect("a whole head");
    let head = String::from_utf8_lossy(head).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let status = status.and_then(|code| code.parse().ok()).expect("a status");
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').expect("a header");
        headers.append(
            name.parse::<HeaderName>().expect("a header's name"),
            HeaderValue::from_str(value.trim()).expect("a header's value"),
        );
    }
    let end = length(&headers).unwrap_or(body.len()).min(body.len());
    (status, headers, Bytes::copy_from_slice(&body[..end]))
}

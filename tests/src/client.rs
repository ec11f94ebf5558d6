//! A caller, its requests, and the replies it gets.

use std::net::SocketAddr;

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use crate::contract::{self, Asked};
use crate::files::File;
use crate::multipart;

/// Characters of a body that a failure prints.
const MOST_SHOWN: usize = 4000;

/// Somebody who calls the server.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    address: SocketAddr,
    token: Option<String>,
}

impl Client {
    pub(crate) fn new(http: reqwest::Client, address: SocketAddr, token: Option<String>) -> Self {
        Client {
            http,
            address,
            token,
        }
    }

    /// The access token, for tests that take it apart.
    pub fn token(&self) -> &str {
        self.token.as_deref().expect("a client with a token")
    }

    /// A request to be completed and sent.
    pub fn request(&self, method: Method, target: &str) -> Request {
        let url = format!("http://{}{target}", self.address);
        let mut builder = self.http.request(method.clone(), url);
        if let Some(token) = &self.token {
            builder = builder.bearer_auth(token);
        }
        Request {
            builder,
            asked: Asked::new(method.as_str(), target),
        }
    }

    /// Reads.
    pub async fn get(&self, target: &str) -> Reply {
        self.request(Method::GET, target).send().await
    }

    /// Posts JSON.
    pub async fn post(&self, target: &str, body: &Value) -> Reply {
        self.request(Method::POST, target).json(body).send().await
    }

    /// Posts the members of `fields` and the files as a form.
    pub async fn post_form(&self, target: &str, fields: &Value, files: &[File]) -> Reply {
        let form = multipart::form(fields, files);
        self.request(Method::POST, target).form(form).send().await
    }

    /// Puts JSON.
    pub async fn put(&self, target: &str, body: &Value) -> Reply {
        self.request(Method::PUT, target).json(body).send().await
    }

    /// Patches by RFC 7396, having seen `etag`.
    pub async fn patch(&self, target: &str, etag: &str, body: &Value) -> Reply {
        let request = self.request(Method::PATCH, target).if_match(etag);
        let body = body.to_string().into_bytes();
        request
            .body("application/merge-patch+json", body)
            .send()
            .await
    }

    /// Deletes.
    pub async fn delete(&self, target: &str) -> Reply {
        self.request(Method::DELETE, target).send().await
    }

    /// The ticket's screen, which must be in reach.
    pub async fn screen(&self, ticket: &str) -> Reply {
        let reply = self.get(&format!("/v1/tickets/{ticket}")).await;
        reply.is(200);
        reply
    }

    /// Acts on a ticket whose version it reads first; out of reach, it guesses one.
    pub async fn act(&self, ticket: &str, action: &Value) -> Reply {
        let target = format!("/v1/tickets/{ticket}");
        let seen = self.get(&target).await;
        let etag = seen.header("etag").unwrap_or("\"1\"").to_owned();
        let request = self.request(Method::POST, &format!("{target}/actions"));
        request.if_match(&etag).json(action).send().await
    }

    /// Answers the checks of a ticket's playbook.
    pub async fn answer(&self, ticket: &str, body: &Value) -> Reply {
        let target = format!("/v1/tickets/{ticket}/playbook/answers");
        self.put(&target, body).await
    }

    /// Answers the usual checks of a report that is not found so that it may be handed over.
    pub async fn pass_playbook(&self, ticket: &str) {
        let answers = json!({"answers": {"c1": "yes", "c2": "yes", "c3": "yes"}});
        let reply = self.answer(ticket, &answers).await;
        assert_eq!(reply.is(200).json["decision"], "escalate");
    }

    /// Acts with a file.
    pub async fn act_with(&self, ticket: &str, action: &Value, file: &File) -> Reply {
        let seen = self.screen(ticket).await;
        let form = multipart::form(
            &json!({"action": action.to_string()}),
            std::slice::from_ref(file),
        );
        let target = format!("/v1/tickets/{ticket}/actions");
        let request = self.request(Method::POST, &target);
        request.if_match(seen.etag()).form(form).send().await
    }
}

/// A request in the making.
#[must_use]
pub struct Request {
    builder: reqwest::RequestBuilder,
    asked: Asked,
}

impl Request {
    /// With a header.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name: HeaderName = name.parse().expect("a header's name");
        let value = HeaderValue::from_bytes(value.as_ref()).expect("a header's value");
        self.builder = self.builder.header(name, value);
        self
    }

    /// Having seen this version.
    pub fn if_match(self, etag: &str) -> Self {
        self.header("if-match", etag)
    }

    /// To be done once under this key.
    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// With a body of this media type.
    pub fn body(mut self, media_type: &str, body: impl Into<reqwest::Body>) -> Self {
        self.builder = self.builder.header(CONTENT_TYPE, media_type).body(body);
        self
    }

    /// With JSON.
    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    /// With a form.
    pub fn form(self, form: multipart::Form) -> Self {
        let media_type = form.media_type();
        self.body(&media_type, form.finish())
    }

    /// Sends it and checks that the answer keeps the promises every answer makes.
    pub async fn send(self) -> Reply {
        let response = self.builder.send().await.expect("the server answers");
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = response.bytes().await.expect("the whole answer");
        Reply::checked(&self.asked, status, headers, body)
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as JSON; null if it is none.
    pub json: Value,
    /// The body.
    pub body: Bytes,
    asked: Asked,
}

impl Reply {
    /// An answer that was checked.
    pub fn checked(asked: &Asked, status: u16, headers: HeaderMap, body: Bytes) -> Self {
        contract::check(asked, status, &headers, &body);
        Reply {
            status,
            headers,
            json: serde_json::from_slice(&body).unwrap_or_default(),
            body,
            asked: asked.clone(),
        }
    }

    /// Fails unless the status is this one.
    #[track_caller]
    pub fn is(&self, status: u16) -> &Self {
        assert!(self.status == status, "expected {status}, got {self}",);
        self
    }

    /// Fails unless it is this problem.
    #[track_caller]
    pub fn is_problem(&self, status: u16, slug: &str) -> &Self {
        self.is(status);
        let wanted = format!("/problems/{slug}");
        assert!(
            self.json["type"] == wanted.as_str(),
            "expected {wanted}, got {self}",
        );
        self
    }

    /// Fails unless exactly these fields are wrong, in any order: pointer and code.
    #[track_caller]
    pub fn has_errors(&self, wanted: &[(&str, &str)]) -> &Self {
        let mut found: Vec<(&str, &str)> = self.errors();
        let mut wanted = wanted.to_vec();
        found.sort_unstable();
        wanted.sort_unstable();
        assert!(found == wanted, "expected {wanted:?}, got {self}");
        self
    }

    /// The wrong fields: pointer and code.
    pub fn errors(&self) -> Vec<(&str, &str)> {
        let errors = self.json["errors"].as_array().into_iter().flatten();
        errors
            .map(|error| {
                let member = |name: &str| error[name].as_str().unwrap_or_default();
                (member("pointer"), member("code"))
            })
            .collect()
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The entity tag.
    #[track_caller]
    pub fn etag(&self) -> &str {
        match self.header("etag") {
            Some(etag) => etag,
            None => panic!("expected an ETag, got {self}"),
        }
    }

    /// The text at a JSON pointer.
    #[track_caller]
    pub fn text_at(&self, pointer: &str) -> &str {
        match self.json.pointer(pointer).and_then(Value::as_str) {
            Some(text) => text,
            None => panic!("expected text at {pointer}, got {self}"),
        }
    }

    /// The list at a JSON pointer.
    #[track_caller]
    pub fn list_at(&self, pointer: &str) -> &[Value] {
        match self.json.pointer(pointer).and_then(Value::as_array) {
            Some(list) => list,
            None => panic!("expected a list at {pointer}, got {self}"),
        }
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Headers and body as text, to look for what must not be there.
    pub fn everything(&self) -> String {
        format!("{:?}\n{}", self.headers, self.text())
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Asked { method, path } = &self.asked;
        let body = match &self.json {
            Value::Null => self.text(),
            json => format!("{json:#}"),
        };
        let shown: String = body.chars().take(MOST_SHOWN).collect();
        write!(f, "{} to {method} {path}: {shown}", self.status)
    }
}

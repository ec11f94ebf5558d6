//! What every answer must be like, whatever was asked (`api.md` §1): checked for each reply of the
//! whole suite.

use std::sync::OnceLock;

use api::problem::SLUGS;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::canaries;

/// What was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
}

impl Asked {
    /// A method and a target with or without a query.
    pub fn new(method: &str, target: &str) -> Self {
        let path = target.split(['?', '#']).next().unwrap_or_default();
        Asked {
            method: method.to_owned(),
            path: path.to_owned(),
        }
    }
}

/// The published description.
pub fn description() -> &'static Value {
    static DESCRIPTION: OnceLock<Value> = OnceLock::new();
    DESCRIPTION.get_or_init(|| api::app::description().expect("a description"))
}

/// Fails unless the answer keeps every promise.
pub fn check(asked: &Asked, status: u16, headers: &HeaderMap, body: &[u8]) {
    let broken = promises_broken(asked, status, headers, body);
    assert!(
        broken.is_empty(),
        "{} {} answered {status}, but {}\nheaders: {headers:#?}\nbody: {}",
        asked.method,
        asked.path,
        broken.join("; "),
        String::from_utf8_lossy(body),
    );
}

fn promises_broken(asked: &Asked, status: u16, headers: &HeaderMap, body: &[u8]) -> Vec<String> {
    let mut broken = Vec::new();
    for name in [
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
    ] {
        if text(headers, name).parse::<u64>().is_err() {
            broken.push(format!("{name} is not a number"));
        }
    }
    let correlation = text(headers, "x-correlation-id");
    if correlation.parse::<uuid::Uuid>().is_err() {
        broken.push("x-correlation-id is not a UUID".to_owned());
    }
    for name in ["cache-control", "x-content-type-options"] {
        if text(headers, name).is_empty() {
            broken.push(format!("{name} is missing"));
        }
    }
    if headers.contains_key("server") {
        broken.push("the server names itself".to_owned());
    }
    if status == 500 {
        broken.push("that is our fault".to_owned());
    }
    for (of, name) in [
        (401, "www-authenticate"),
        (405, "allow"),
        (429, "retry-after"),
        (503, "retry-after"),
    ] {
        if status == of && text(headers, name).is_empty() {
            broken.push(format!("{name} is missing"));
        }
    }
    let is_good = (200..300).contains(&status) || matches!(status, 303 | 304);
    if is_good {
        check_good(asked, status, headers, body, &mut broken);
    } else if asked.method != "HEAD" {
        check_problem(asked, status, headers, body, &mut broken);
    }
    check_declared(asked, status, headers, &mut broken);
    broken
}

fn check_good(
    asked: &Asked,
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
    broken: &mut Vec<String>,
) {
    if matches!(status, 204 | 303 | 304) && !body.is_empty() {
        broken.push("it has a body".to_owned());
    }
    let is_json = text(headers, "content-type").starts_with("application/json");
    if is_json && asked.method != "HEAD" && serde_json::from_slice::<Value>(body).is_err() {
        broken.push("its JSON is broken".to_owned());
    }
    if status == 201 && asked.path == "/v1/tickets" && text(headers, "location").is_empty() {
        broken.push("it tells no location".to_owned());
    }
}

fn check_problem(
    asked: &Asked,
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
    broken: &mut Vec<String>,
) {
    if text(headers, "content-type") != "application/problem+json" {
        broken.push("it is no application/problem+json".to_owned());
    }
    if let Some(value) = canaries::find(body) {
        broken.push(format!("it repeats {value}"));
    }
    let Ok(problem) = serde_json::from_slice::<Value>(body) else {
        broken.push("its body is not JSON".to_owned());
        return;
    };
    let member = |name: &str| problem[name].as_str().unwrap_or_default();
    for name in ["type", "title", "detail", "instance", "correlation_id"] {
        if member(name).is_empty() {
            broken.push(format!("{name} is missing"));
        }
    }
    match member("type").strip_prefix("/problems/") {
        Some(slug) if SLUGS.contains(&slug) => {}
        _ => broken.push("its type is unknown".to_owned()),
    }
    if problem["status"] != status {
        broken.push("its status is another".to_owned());
    }
    if member("instance") != asked.path {
        broken.push("its instance is another".to_owned());
    }
    if member("correlation_id") != text(headers, "x-correlation-id") {
        broken.push("its correlation id is another".to_owned());
    }
    for error in problem["errors"].as_array().into_iter().flatten() {
        let pointer = error["pointer"].as_str();
        if pointer.is_none_or(|pointer| !pointer.is_empty() && !pointer.starts_with('/')) {
            broken.push(format!("{error} has no pointer"));
        }
        for name in ["code", "message"] {
            if error[name].as_str().is_none_or(str::is_empty) {
                broken.push(format!("{error} has no {name}"));
            }
        }
    }
}

/// The published description must name this answer of this operation.
fn check_declared(asked: &Asked, status: u16, headers: &HeaderMap, broken: &mut Vec<String>) {
    let Some(item) = path_item(&asked.path) else {
        let is_page = asked.path.starts_with("/docs") || asked.path == "/tracking";
        if !is_page && status != 404 {
            broken.push("the description does not know this path".to_owned());
        }
        return;
    };
    let method = match asked.method.as_str() {
        // Wherever there is GET there is HEAD (RFC 9110 §9.3.2).
        "HEAD" => "get".to_owned(),
        other => other.to_ascii_lowercase(),
    };
    let Some(operation) = item.get(&method) else {
        if status != 405 {
            broken.push("the description does not know this method here".to_owned());
        }
        return;
    };
    let Some(answer) = operation["responses"].get(status.to_string()) else {
        broken.push("the description does not declare this status".to_owned());
        return;
    };
    let answer = resolved(answer);
    let media = text(headers, "content-type");
    let media = media.split(';').next().unwrap_or_default().trim();
    let declared = answer["content"].as_object();
    if !media.is_empty() && !declared.is_some_and(|content| content.contains_key(media)) {
        broken.push(format!("the description does not declare {media} there"));
    }
    for (name, _) in answer["headers"].as_object().into_iter().flatten() {
        let optional = ["traceparent", "idempotency-replayed", "retry-after"];
        let name = name.to_ascii_lowercase();
        if !optional.contains(&name.as_str()) && !headers.contains_key(&name) {
            broken.push(format!("the description promises {name}"));
        }
    }
}

fn resolved(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(reference) => {
            let pointer = reference.trim_start_matches('#');
            description().pointer(pointer).expect("a good reference")
        }
        None => value,
    }
}

/// What the description says of the path: a literal path before one with parameters.
fn path_item(path: &str) -> Option<&'static Value> {
    let paths = description()["paths"].as_object()?;
    if let Some(item) = paths.get(path) {
        return Some(item);
    }
    let found = paths.iter().find(|(template, _)| fits(template, path));
    found.map(|(_, item)| item)
}

fn fits(template: &str, path: &str) -> bool {
    let (wanted, given) = (template.split('/'), path.split('/'));
    wanted.clone().count() == given.clone().count()
        && wanted.zip(given).all(|(wanted, given)| {
            wanted == given || (wanted.starts_with('{') && !given.is_empty())
        })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let value = headers.get(name);
    value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

//! Drives the API with `wrk`: requests that were prepared, each connection on a thread of its own, so
//! that it can answer a version with the next one.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

/// A request to be sent over and over.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) token: Option<String>,
    pub(crate) body: Option<Value>,
    /// The body of every second time.
    pub(crate) other: Option<Value>,
    /// The version it begins with, where it names one; the answer tells the next.
    pub(crate) version: Option<i64>,
}

impl Request {
    pub(crate) fn get(path: impl Into<String>, token: &str) -> Self {
        Request {
            method: "GET",
            path: path.into(),
            token: Some(token.to_owned()),
            body: None,
            other: None,
            version: None,
        }
    }

    pub(crate) fn post(path: impl Into<String>, token: &str, body: Value) -> Self {
        Request {
            method: "POST",
            body: Some(body),
            ..Request::get(path, token)
        }
    }
}

/// What `wrk` counted.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Driven {
    pub(crate) requests: f64,
    pub(crate) seconds: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// Answers that were no success, and requests without an answer.
    pub(crate) errors: f64,
}

/// Threads share the requests out. One with a version takes the next version from each answer, and its
/// two bodies in turn.
const SCRIPT: &str = r#"
local threads = 0
function setup(thread)
  thread:set("id", threads)
  threads = threads + 1
end

local requests, at, current, has_told = {}, 0, nil, false
function init(args)
  local file, step, count, has_versions = args[1], tonumber(args[2]), 0, false
  for _ in io.lines(file) do count = count + 1 end
  local nth = 0
  for line in io.lines(file) do
    if nth % step == id or (id >= count and nth == id % count) then
      local one = {}
      one.method, one.path, one.token, one.version, one.body, one.other =
        line:match("^([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)$")
      table.insert(requests, one)
    end
    has_versions = has_versions or not line:find("^[^\t]*\t[^\t]*\t[^\t]*\t\t")
    nth = nth + 1
  end
  if not has_versions then response = nil end
end

local function text_of(one)
  local body = one.is_turned and one.other or one.body
  local headers = {}
  if one.token ~= "" then headers["Authorization"] = "Bearer " .. one.token end
  if body ~= "" then headers["Content-Type"] = "application/json" end
  if one.version ~= "" then headers["If-Match"] = '"' .. one.version .. '"' end
  return wrk.format(one.method, one.path, headers, body ~= "" and body or nil)
end

function request()
  current = requests[at % #requests + 1]
  at = at + 1
  if current.version ~= "" then return text_of(current) end
  if not current.text then current.text = text_of(current) end
  return current.text
end

function response(status, headers, body)
  if status >= 300 and not has_told then
    io.stderr:write(string.format("%s %s: %d %s\n", current.method, current.path, status, body))
    has_told = true
  end
  if current.version == "" or status >= 300 then return end
  for name, value in pairs(headers) do
    if name:lower() == "etag" then current.version = value:match("%d+") or current.version end
  end
  if current.other ~= "" then current.is_turned = not current.is_turned end
end

function done(summary, latency, requests)
  local errors = summary.errors
  local total = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format("RESULT %d %d %f %f %d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), total))
  if total > 0 then
    io.stderr:write(string.format("connect %d, read %d, write %d, status %d, timeout %d\n",
      errors.connect, errors.read, errors.write, errors.status, errors.timeout))
  end
end
"#;

/// Sends the requests for so many seconds over so many connections.
pub(crate) fn drive(
    folder: &Path,
    address: &str,
    requests: &[Request],
    connections: usize,
    seconds: u64,
) -> Driven {
    let script = folder.join("wrk.lua");
    fs::write(&script, SCRIPT).expect("the script is written");
    let lines: Vec<String> = requests
        .iter()
        .map(|one| {
            let token = one.token.as_deref().unwrap_or_default();
            let version = one
                .version
                .map(|version| version.to_string())
                .unwrap_or_default();
            let text = |body: &Option<Value>| body.as_ref().map(Value::to_string);
            let body = text(&one.body).unwrap_or_default();
            let other = text(&one.other).unwrap_or_default();
            format!(
                "{}\t{}\t{token}\t{version}\t{body}\t{other}",
                one.method, one.path
            )
        })
        .collect();
    let file = folder.join("requests.tsv");
    fs::write(&file, lines.join("\n")).expect("the requests are written");
    // Two connections must not change one thing from the same version.
    let changed = requests.iter().filter(|one| one.version.is_some()).count();
    let connections = match changed == requests.len() {
        true => connections.min(changed),
        false => connections,
    };
    let connections = connections.to_string();
    let output = Command::new("wrk")
        .args(["--threads", &connections, "--connections", &connections])
        .args(["--duration", &format!("{seconds}s"), "--timeout", "30s"])
        .arg("--script")
        .arg(&script)
        .arg(format!("http://{address}"))
        .arg("--")
        .arg(&file)
        .arg(&connections)
        .output()
        .expect("wrk runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("RESULT "));
    let line = line.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    // What a thread heard first that was no success.
    let refused = String::from_utf8_lossy(&output.stderr);
    for line in refused.lines().take(5) {
        eprintln!("bench: {line}");
    }
    let numbers: Vec<f64> = line
        .split_whitespace()
        .map(|number| number.parse().unwrap_or_default())
        .collect();
    Driven {
        requests: numbers[0],
        seconds: numbers[1] / 1e6,
        p50_ms: numbers[2] / 1e3,
        p99_ms: numbers[3] / 1e3,
        errors: numbers[4],
    }
}

/// A request in which a citizen files.
pub(crate) fn filing(token: &str, authority: &str) -> Request {
    let body = json!({
        "service_code": "FSE",
        "problem_type": "referto-non-trovato",
        "authority_code": authority,
        "description": "Non trovo il referto della visita di controllo fatta il mese scorso.",
        "extra": {"exam_date": "2026-02-10", "team_number": "80380000109876543210"},
        "privacy_ack": true,
    });
    Request::post("/v1/tickets", token, body)
}

//! How every answer leaves: one shape of error, in the caller's language, and one set of headers.
//!
//! Nothing is decided here. What is said of the request is noted before the handler runs, because
//! the framework wants the request for itself alone while it routes.

use actix_web::body::BoxBody;
use actix_web::dev::ServiceRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use domain::invalid::Lang;
use service::Desk;
use uuid::Uuid;

use crate::language::language_of;
use crate::policy::{self, Rule};
use crate::problem::Problem;
use crate::rate_limit::Verdict;

/// What stands for the pattern of a path that leads nowhere.
const NO_ROUTE: &str = "none";

/// What an answer needs to know of its request.
pub(crate) struct Asked {
    /// The method.
    pub(crate) method: String,
    /// The routed pattern, or `none`. To look it up takes a walk along all paths.
    pub(crate) route: String,
    /// Its line in the policy.
    pub(crate) rule: Option<&'static Rule>,
    /// Names the request in answers and logs.
    pub(crate) correlation: String,
    path: String,
    lang: Lang,
    trace_parent: Option<String>,
}

impl Asked {
    /// Notes what is needed.
    pub(crate) fn of(request: &ServiceRequest, desk: &Desk) -> Self {
        let given = request.headers().get("x-correlation-id");
        let given = given.and_then(|value| value.to_str().ok()?.parse::<Uuid>().ok());
        let method = request.method().as_str();
        let pattern = request.match_pattern();
        let rules = pattern.as_deref().map(policy::rules_of);
        Asked {
            method: method.to_owned(),
            rule: rules.and_then(|mut rules| rules.find(|rule| rule.method == method)),
            route: pattern.unwrap_or_else(|| NO_ROUTE.to_owned()),
            correlation: given.unwrap_or_else(|| desk.ids().uuid()).to_string(),
            // The query may hold what a person typed: the path alone names the instance.
            path: request.path().to_owned(),
            lang: language_of(request.headers()),
            trace_parent: trace_parent(request.headers()),
        }
    }

    /// The answer as it leaves.
    pub(crate) fn dress(
        &self,
        response: HttpResponse<BoxBody>,
        verdict: &Verdict,
    ) -> HttpResponse<BoxBody> {
        let mut response = self.speak(response);
        self.write_headers(response.headers_mut(), verdict);
        response
    }

    /// The answer to a request that was lost in a panic: the framework writes it by itself.
    pub(crate) fn undo(&self, response: HttpResponse<BoxBody>, verdict: &Verdict) -> Lost {
        let problem = response.extensions().get::<Problem>().cloned();
        let problem = problem.unwrap_or_else(|| Problem::of_status(response.status()));
        let response = self.dress(response, verdict);
        Lost {
            status: response.status(),
            headers: response.headers().clone(),
            body: problem
                .document(self.lang, &self.path, &self.correlation)
                .to_string(),
        }
    }

    /// Turns an error into a problem document.
    fn speak(&self, response: HttpResponse<BoxBody>) -> HttpResponse<BoxBody> {
        let status = response.status();
        if !(status.is_client_error() || status.is_server_error()) {
            return response;
        }
        let problem = response.extensions().get::<Problem>().cloned();
        let problem = problem.unwrap_or_else(|| Problem::of_status(status));
        let document = problem.document(self.lang, &self.path, &self.correlation);
        let mut spoken = problem.error_response();
        let lang = match self.lang {
            Lang::It => "it",
            Lang::En => "en",
        };
        let headers = spoken.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(lang));
        if status == StatusCode::UNAUTHORIZED {
            // A program that failed to prove itself is told how it might (RFC 6749 §5.2).
            let is_program = document
                .get("error")
                .is_some_and(|error| error == "invalid_client");
            let scheme = match is_program {
                true => "Basic realm=\"sportello\"",
                false => "Bearer",
            };
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
        }
        spoken.set_body(BoxBody::new(document.to_string()))
    }

    fn write_headers(&self, headers: &mut HeaderMap, verdict: &Verdict) {
        let mut set = |name: &'static str, value: String| {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        let numbers = verdict.numbers();
        set("x-correlation-id", self.correlation.clone());
        set("x-ratelimit-limit", numbers.limit.to_string());
        set("x-ratelimit-remaining", numbers.remaining.to_string());
        set("x-ratelimit-reset", numbers.reset.to_string());
        if let Some(parent) = &self.trace_parent {
            set("traceparent", parent.clone());
        }
        for (name, value) in [
            (
                header::LINK,
                "</openapi.yaml>; rel=\"service-desc\", </docs/>; rel=\"service-doc\"",
            ),
            (
                header::STRICT_TRANSPORT_SECURITY,
                "max-age=31536000; includeSubDomains",
            ),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; frame-ancestors 'none'; sandbox",
            ),
            (header::CACHE_CONTROL, "no-store"),
            (header::VARY, "Accept-Language, Authorization"),
        ] {
            if !headers.contains_key(&name) {
                headers.insert(name, HeaderValue::from_static(value));
            }
        }
    }
}

/// The caller's trace, if it is well-formed (W3C Trace Context): echoed, so that a client finds it.
fn trace_parent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get("traceparent")?.to_str().ok()?;
    let parts: Vec<&str> = text.split('-').collect();
    let is_hex = |part: &str, len: usize| {
        part.len() == len && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    // Zeros alone name nothing.
    let is_zero = |part: &str| part.bytes().all(|b| b == b'0');
    match parts.as_slice() {
        [version, trace, parent, flags]
            if is_hex(version, 2)
                && *version != "ff"
                && is_hex(trace, 32)
                && !is_zero(trace)
                && is_hex(parent, 16)
                && !is_zero(parent)
                && is_hex(flags, 2) =>
        {
            Some(text.to_owned())
        }
        _ => None,
    }
}

/// A whole answer as an error, for a request that no longer exists.
#[derive(Debug)]
pub(crate) struct Lost {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a request was lost in a panic")
    }
}

impl ResponseError for Lost {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::new(self.status).set_body(BoxBody::new(self.body.clone()));
        *response.headers_mut() = self.headers.clone();
        response
    }
}

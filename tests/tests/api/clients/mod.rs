//! Programs that call on their own: how they prove themselves, and what they may do.

mod assertions;
mod certificates;
mod for_citizens;
mod scopes;
mod secrets;
mod vouchers;

use reqwest::Method;
use serde_json::{Value, json};
use tests::citizens::ANNA;
use tests::people::TO4;
use tests::{Client, Reply, Request, TestApp, forms};

/// Fails unless the token was refused with this problem and this code of RFC 6749.
#[track_caller]
fn is_refused(reply: &Reply, status: u16, error: &str) {
    let slug = match status {
        400 => "malformed-request",
        _ => "unauthenticated",
    };
    reply.is_problem(status, slug);
    assert_eq!(reply.text_at("/error"), error, "{reply}");
}

/// Anna's request with her proved address, as somebody without a token files it.
async fn with_proof(app: &TestApp) -> Value {
    let mut form = forms::report_not_found(&ANNA, TO4);
    form["email_proof"] = json!(app.prove_email(ANNA.email).await);
    form
}

/// A filing of a citizen whose token the program carries.
fn filing_for(program: &Client, citizen: &Client, form: &Value) -> Request {
    carrying(program.request(Method::POST, "/v1/tickets"), citizen).json(form)
}

fn carrying(request: Request, citizen: &Client) -> Request {
    request.header("citizen-token", citizen.token())
}

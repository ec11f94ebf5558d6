//! Requests to file.

use serde_json::{Value, json};

use crate::citizens::Person;

/// "Referto non trovato" for "Ritiro e Consultazione documenti" at this authority, by somebody
/// without a token; the proof of the address is still missing.
pub fn report_not_found(person: &Person, authority: &str) -> Value {
    let mut form = report_not_found_logged_in(authority);
    form["given_name"] = json!(person.given_name);
    form["family_name"] = json!(person.family_name);
    form["tax_code"] = json!(person.tax_code);
    form["email"] = json!(person.email);
    form
}

/// The same by a citizen whose identity the token tells.
pub fn report_not_found_logged_in(authority: &str) -> Value {
    json!({
        "service_code": "FSE",
        "problem_type": "referto-non-trovato",
        "authority_code": authority,
        "description": "Non trovo il referto della visita di febbraio.",
        "extra": {"exam_date": "2026-02-10", "team_number": "80380000100123456789"},
        "privacy_ack": true,
    })
}

/// The same by a citizen who acts for this person.
pub fn report_not_found_for(delegator: &Person, authority: &str) -> Value {
    let mut form = report_not_found_logged_in(authority);
    form["given_name"] = json!(delegator.given_name);
    form["family_name"] = json!(delegator.family_name);
    form["on_behalf_of"] = json!(delegator.tax_code);
    form
}

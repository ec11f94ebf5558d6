//! Assertions of programs, good and forged.

use jiff::ToSpan;
use serde_json::json;

use super::*;
use crate::forge::*;

const CLIENT: &str = "0198c0de-0000-7000-8000-000000000001";
const ENDPOINT: &str = "https://sportello.example.org/v1/machine-tokens";
const OURS: &str = "https://sportello.example.org";

fn assertion_claims() -> Value {
    let now = now().as_second();
    json!({
        "iss": CLIENT, "sub": CLIENT, "aud": ENDPOINT, "jti": "a-1",
        "iat": now, "nbf": now, "exp": now + 120,
    })
}

fn verdict(keys: &[Value], assertion: &str) -> Result<AssertionClaims, TokenError> {
    verify_assertion(assertion, keys, CLIENT, &[ENDPOINT, OURS], now())
}

#[test]
fn a_good_assertion_is_taken_with_each_kind_of_key() {
    let expected = AssertionClaims {
        jti: "a-1".to_owned(),
        expires_at: now() + 180.seconds(),
    };
    let keys = [p256("ec"), rsa("rsa"), ed25519("ed")];
    let registered: Vec<Value> = keys.iter().map(ProviderKey::jwk).collect();
    assert!(are_public_keys(&registered));
    for (key, alg) in [
        (&keys[0], "ES256"),
        (&keys[1], "RS256"),
        (&keys[1], "PS256"),
        (&keys[2], "EdDSA"),
    ] {
        for header in [
            json!({"alg": alg, "kid": key.kid, "typ": "JWT"}),
            json!({"alg": alg}),
            json!({"alg": alg, "typ": "client-authentication+jwt"}),
        ] {
            let assertion = key.sign(&header, &assertion_claims());
            assert_eq!(unverified_client(&assertion).as_deref(), Some(CLIENT));
            let verdict = verdict(&registered, &assertion);
            assert_eq!(verdict, Ok(expected.clone()), "{header}");
        }
    }
    // A key registered without an id serves for any.
    let nameless = without(keys[0].jwk(), "kid");
    let token = keys[0].token(&assertion_claims());
    assert_eq!(
        verdict(&[p256("x").jwk(), nameless], &token),
        Ok(expected.clone())
    );
    for changed in [
        with(assertion_claims(), "aud", json!(OURS)),
        with(assertion_claims(), "aud", json!([ENDPOINT])),
        without(assertion_claims(), "iat"),
        without(without(assertion_claims(), "iat"), "nbf"),
    ] {
        let token = keys[0].token(&changed);
        assert_eq!(verdict(&registered, &token), Ok(expected.clone()));
    }
}

#[test]
fn every_claim_of_an_assertion_is_checked() {
    let key = p256("k1");
    let keys = [key.jwk()];
    let second = now().as_second();
    for (name, value, error) in [
        ("iss", json!("other"), TokenError::Issuer),
        ("iss", json!(""), TokenError::Issuer),
        ("iss", json!([CLIENT]), TokenError::Claim("payload")),
        ("sub", json!("other"), TokenError::Claim("sub")),
        ("sub", json!(null), TokenError::Claim("payload")),
        (
            "aud",
            json!("https://other.example.org"),
            TokenError::Audience,
        ),
        ("aud", json!(format!("{ENDPOINT}/")), TokenError::Audience),
        ("aud", json!([]), TokenError::Audience),
        (
            "aud",
            json!([ENDPOINT, "https://other.example.org"]),
            TokenError::Audience,
        ),
        ("aud", json!(null), TokenError::Claim("payload")),
        ("jti", json!(null), TokenError::Claim("jti")),
        ("jti", json!(""), TokenError::Claim("jti")),
        ("jti", json!("x".repeat(256)), TokenError::Claim("jti")),
        ("jti", json!("\u{0}"), TokenError::Claim("jti")),
        ("exp", json!(second + 361), TokenError::Claim("exp")),
        ("exp", json!(4_000_000_000_i64), TokenError::Claim("exp")),
        ("exp", json!(i64::MAX), TokenError::Claim("exp")),
        ("exp", json!(second - 60), TokenError::Claim("exp")),
        ("exp", json!(null), TokenError::Claim("payload")),
        ("iat", json!(second + 61), TokenError::NotYetValid),
        ("nbf", json!(second + 61), TokenError::NotYetValid),
        ("nbf", json!("now"), TokenError::Claim("payload")),
    ] {
        let token = key.token(&with(assertion_claims(), name, value.clone()));
        assert_eq!(verdict(&keys, &token), Err(error), "{name} {value}");
    }
    for name in ["iss", "sub", "aud", "exp", "jti"] {
        let token = key.token(&without(assertion_claims(), name));
        assert!(verdict(&keys, &token).is_err(), "{name}");
    }
    for (skew, error) in [(-300, TokenError::NotYetValid), (300, TokenError::Expired)] {
        let token = key.token(&assertion_claims());
        let at = now() + skew.seconds();
        let verdict = verify_assertion(&token, &keys, CLIENT, &[ENDPOINT], at);
        assert_eq!(verdict, Err(error), "{skew}");
    }
}

#[test]
fn forged_assertions_are_refused_and_cause_no_call() {
    let silence = Silence::new();
    let key = p256("k1");
    let keys = [key.jwk()];
    let good = key.token(&assertion_claims());
    assert!(verdict(&keys, &good).is_ok());
    for (what, token) in forgeries(&good, &key, &silence.url()) {
        assert!(verdict(&keys, &token).is_err(), "{what}");
    }
    assert!(silence.was_kept());
}

#[test]
fn only_registered_keys_that_fit_are_used() {
    let (ours, theirs) = (p256("k1"), p256("k1"));
    let good = ours.token(&assertion_claims());
    assert_eq!(verdict(&[], &good), Err(TokenError::UnknownKey));
    assert_eq!(verdict(&[theirs.jwk()], &good), Err(TokenError::Signature));
    assert_eq!(
        verdict(&[p256("k2").jwk()], &good),
        Err(TokenError::UnknownKey)
    );
    assert_eq!(
        verdict(&[rsa("k1").jwk()], &good),
        Err(TokenError::Algorithm)
    );
    let odd = [json!(7), json!({}), with(ours.jwk(), "use", json!("enc"))];
    assert_eq!(verdict(&odd, &good), Err(TokenError::UnknownKey));
    let bound = with(ours.jwk(), "alg", json!("PS256"));
    assert_eq!(verdict(&[bound], &good), Err(TokenError::Algorithm));
    // Two keys under one name: each is tried.
    assert!(verdict(&[theirs.jwk(), ours.jwk()], &good).is_ok());
    // Past the limit, no key is looked at.
    let mut many = vec![theirs.jwk(); MAX_CLIENT_KEYS];
    many.push(ours.jwk());
    assert_eq!(verdict(&many, &good), Err(TokenError::Signature));
}

#[test]
fn secrets_and_odd_keys_are_not_registered() {
    let good = p256("k1").jwk();
    assert!(are_public_keys(std::slice::from_ref(&good)));
    assert!(!are_public_keys(&[]));
    assert!(!are_public_keys(&vec![good.clone(); MAX_CLIENT_KEYS + 1]));
    for bad in [
        with(good.clone(), "d", json!("AAAA")),
        with(good.clone(), "use", json!("enc")),
        with(good.clone(), "x", json!("AAAA")),
        json!({"kty": "oct", "k": "AAAA"}),
        json!("key"),
        json!(null),
    ] {
        assert!(!are_public_keys(&[good.clone(), bad.clone()]), "{bad}");
    }
}

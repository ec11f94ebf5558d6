//! Vouchers, good and forged.

use super::*;

fn voucher_verifier(key: &ProviderKey) -> VoucherVerifier {
    let mut issuer = plain_issuer(JwksSource::Inline(key_set(&[key])));
    // The configuration cannot do without `nbf` here.
    issuer.require_not_before = false;
    VoucherVerifier::new(vec![issuer], HttpOptions::default()).unwrap()
}

fn voucher_claims() -> Value {
    let now = now().as_second();
    json!({
        "iss": ISSUER, "aud": "sportello", "sub": "client-1", "client_id": "client-1",
        "purposeId": "purpose-1", "jti": "voucher-1", "iat": now, "nbf": now, "exp": now + 600,
        "producerId": "p", "consumerId": "c", "eserviceId": "e", "descriptorId": "d",
    })
}

fn signed(key: &ProviderKey, claims: &Value) -> String {
    key.sign(
        &json!({"alg": "ES256", "kid": key.kid, "typ": "at+jwt"}),
        claims,
    )
}

#[tokio::test]
async fn a_good_voucher_tells_which_program_for_which_purpose() {
    let key = p256("k1");
    let verifier = voucher_verifier(&key);
    let expected = VoucherClaims {
        issuer: ISSUER.to_owned(),
        client_id: "client-1".to_owned(),
        purpose_id: "purpose-1".to_owned(),
        jti: "voucher-1".to_owned(),
        expires_at: now() + 660.seconds(),
    };
    for claims in [
        voucher_claims(),
        without(voucher_claims(), "client_id"),
        without(voucher_claims(), "sub"),
        with(voucher_claims(), "aud", json!(["other", "sportello"])),
    ] {
        let token = signed(&key, &claims);
        assert!(verifier.is_named_by(&token));
        assert_eq!(verifier.verify(&token, now()).await, Ok(expected.clone()));
    }
    let header = json!({"alg": "ES256", "kid": "k1", "typ": "application/at+jwt"});
    let token = key.sign(&header, &voucher_claims());
    assert_eq!(verifier.verify(&token, now()).await, Ok(expected));
}

#[tokio::test]
async fn every_claim_of_a_voucher_is_required_and_checked() {
    let key = p256("k1");
    let verifier = voucher_verifier(&key);
    let second = now().as_second();
    for name in ["iss", "aud", "purposeId", "jti", "iat", "nbf", "exp"] {
        let token = signed(&key, &without(voucher_claims(), name));
        assert!(verifier.verify(&token, now()).await.is_err(), "{name}");
    }
    let nobody = without(without(voucher_claims(), "sub"), "client_id");
    for (name, value, error) in [
        ("iss", json!("https://evil.example.org"), TokenError::Issuer),
        ("aud", json!("other"), TokenError::Audience),
        (
            "client_id",
            json!("client-2"),
            TokenError::Claim("client_id"),
        ),
        ("client_id", json!(""), TokenError::Claim("client_id")),
        ("sub", json!("a\nb"), TokenError::Claim("sub")),
        ("purposeId", json!(" "), TokenError::Claim("purposeId")),
        (
            "purposeId",
            json!(["purpose-1"]),
            TokenError::Claim("payload"),
        ),
        ("jti", json!(null), TokenError::Claim("jti")),
        ("jti", json!(7), TokenError::Claim("payload")),
        ("exp", json!(second - 60), TokenError::Claim("exp")),
        (
            "exp",
            json!(second + 24 * 3600 + 1),
            TokenError::Claim("exp"),
        ),
        ("iat", json!(second + 300), TokenError::NotYetValid),
        ("nbf", json!(second + 300), TokenError::NotYetValid),
        ("nbf", json!(null), TokenError::Claim("nbf")),
        ("cnf", json!({"jkt": "x"}), TokenError::Claim("cnf")),
    ] {
        let token = signed(&key, &with(voucher_claims(), name, value.clone()));
        let verdict = verifier.verify(&token, now()).await;
        assert_eq!(verdict, Err(error), "{name} {value}");
    }
    assert_eq!(
        verifier.verify(&signed(&key, &nobody), now()).await,
        Err(TokenError::Claim("client_id"))
    );
    let token = signed(&key, &voucher_claims());
    for (skew, error) in [
        (-300, TokenError::NotYetValid),
        (660, TokenError::Expired),
        (900, TokenError::Expired),
    ] {
        let verdict = verifier.verify(&token, now() + skew.seconds()).await;
        assert_eq!(verdict, Err(error), "{skew}");
    }
}

#[tokio::test]
async fn forged_vouchers_are_refused_and_cause_no_call() {
    let silence = Silence::new();
    let key = p256("k1");
    let verifier = voucher_verifier(&key);
    let good = signed(&key, &voucher_claims());
    assert!(verifier.verify(&good, now()).await.is_ok());
    for (what, token) in forgeries(&good, &key, &silence.url()) {
        assert!(verifier.verify(&token, now()).await.is_err(), "{what}");
    }
    // Other tokens of the same issuer are no vouchers.
    for typ in [json!("JWT"), json!(null), json!("at"), json!("jwt+at")] {
        let header = json!({"alg": "ES256", "kid": "k1", "typ": typ});
        let verdict = verifier
            .verify(&key.sign(&header, &voucher_claims()), now())
            .await;
        assert_eq!(verdict, Err(TokenError::Header), "{typ}");
    }
    assert!(silence.was_kept());
}

//! Our own tokens, good and forged.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use jiff::ToSpan;
use serde_json::{Value, json};

use super::*;

const ISSUER: &str = "https://sportello.example.org";

fn der() -> Vec<u8> {
    let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
        .unwrap();
    der.as_ref().to_vec()
}

fn key() -> SigningKey {
    SigningKey::from_pkcs8_der(&der()).unwrap()
}

fn tokens(key: &SigningKey) -> Tokens {
    Tokens::new(key.clone(), Vec::new(), ISSUER.to_owned())
}

fn now() -> Timestamp {
    "2031-03-14T09:26:53Z".parse().unwrap()
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn staff_claims() -> Value {
    let now = now().as_second();
    json!({
        "iss": ISSUER, "aud": "sportello", "sub": id(1), "kind": "staff", "sid": id(2), "jti": id(3),
        "iat": now, "nbf": now, "exp": now + 900,
    })
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

fn without(mut claims: Value, name: &str) -> Value {
    claims.as_object_mut().unwrap().remove(name).unwrap();
    claims
}

fn part(value: &Value) -> String {
    BASE64URL_NOPAD.encode(value.to_string().as_bytes())
}

/// Any header and claims, signed by the key as ES256 whatever the header says.
fn signed(der: &[u8], header: &Value, claims: &Value) -> String {
    let message = format!("{}.{}", part(header), part(claims));
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).unwrap();
    let signature = pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
    format!("{message}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
}

fn header(key: &SigningKey) -> Value {
    json!({"typ": "JWT", "alg": "ES256", "kid": key.id()})
}

#[test]
fn a_staff_token_is_read_back_during_its_15_minutes() {
    let tokens = tokens(&key());
    let (account, session) = (AccountId::new(id(1)), SessionId::new(id(2)));
    let issued = tokens.issue_staff(account, session, id(3), now()).unwrap();
    assert_eq!(issued.expires_in_seconds, 900);
    assert!(tokens.claims_to_be_ours(&issued.token));
    for second in [-30, 0, 899, 929] {
        let read = tokens.verify(&issued.token, now() + second.seconds());
        assert_eq!(read, Ok(OwnToken::Staff { account, session }), "{second}");
    }
    assert_eq!(
        tokens.verify(&issued.token, now() + 930.seconds()),
        Err(TokenError::Expired)
    );
    assert_eq!(
        tokens.verify(&issued.token, now() - 31.seconds()),
        Err(TokenError::NotYetValid)
    );
}

#[test]
fn a_tracking_token_is_read_back_during_its_30_minutes() {
    let tokens = tokens(&key());
    let ticket = TicketId::new(id(7));
    let issued = tokens.issue_tracking(ticket, id(3), now()).unwrap();
    assert_eq!(issued.expires_in_seconds, 1800);
    assert_eq!(
        tokens.verify(&issued.token, now() + 1800.seconds()),
        Ok(OwnToken::Tracking { ticket })
    );
    assert_eq!(
        tokens.verify(&issued.token, now() + 1830.seconds()),
        Err(TokenError::Expired)
    );
    let payload: Value = json_part(parts(&issued.token).unwrap().1).unwrap();
    assert!(payload.get("sid").is_none());
}

#[test]
fn every_claim_is_required_and_typed() {
    let der = der();
    let key = SigningKey::from_pkcs8_der(&der).unwrap();
    let tokens = tokens(&key);
    let verdict = |claims: &Value| tokens.verify(&signed(&der, &header(&key), claims), now());
    assert!(verdict(&staff_claims()).is_ok());

    for name in ["iss", "aud", "sub", "kind", "jti", "iat", "nbf", "exp"] {
        assert_eq!(
            verdict(&without(staff_claims(), name)),
            Err(TokenError::Claim("payload")),
            "{name}"
        );
        assert_eq!(
            verdict(&with(staff_claims(), name, json!(null))),
            Err(TokenError::Claim("payload")),
            "{name}"
        );
    }
    let second = now().as_second();
    for (name, value, error) in [
        (
            "iss",
            json!("https://elsewhere.example.org"),
            TokenError::Issuer,
        ),
        ("iss", json!([ISSUER]), TokenError::Claim("payload")),
        ("aud", json!("another"), TokenError::Audience),
        ("aud", json!(["sportello"]), TokenError::Claim("payload")),
        ("sub", json!("marco"), TokenError::Claim("payload")),
        ("kind", json!("citizen"), TokenError::Claim("payload")),
        ("kind", json!("Staff"), TokenError::Claim("payload")),
        ("kind", json!("tracking"), TokenError::Claim("sid")),
        (
            "exp",
            json!(format!("{}", second + 900)),
            TokenError::Claim("payload"),
        ),
        (
            "exp",
            json!("2031-03-14T10:00:00Z"),
            TokenError::Claim("payload"),
        ),
        (
            "nbf",
            json!(format!("{second}")),
            TokenError::Claim("payload"),
        ),
        (
            "iat",
            json!("2031-03-14T09:26:53Z"),
            TokenError::Claim("payload"),
        ),
        ("iat", json!(1e3), TokenError::Claim("payload")),
        ("exp", json!(u64::MAX), TokenError::Claim("payload")),
        ("exp", json!(i64::MAX), TokenError::Claim("exp")),
        ("exp", json!(second + 901), TokenError::Claim("exp")),
        ("exp", json!(second), TokenError::Claim("exp")),
        ("nbf", json!(second + 31), TokenError::NotYetValid),
        ("iat", json!(second + 31), TokenError::NotYetValid),
    ] {
        assert_eq!(
            verdict(&with(staff_claims(), name, value.clone())),
            Err(error),
            "{name} {value}"
        );
    }
    assert_eq!(
        verdict(&without(staff_claims(), "sid")),
        Err(TokenError::Claim("sid"))
    );
    let old = with(
        with(staff_claims(), "iat", json!(second - 930)),
        "exp",
        json!(second - 30),
    );
    assert_eq!(
        verdict(&with(old, "nbf", json!(second - 930))),
        Err(TokenError::Expired)
    );
}

#[test]
fn no_other_algorithm_is_accepted_in_any_spelling() {
    let der = der();
    let key = SigningKey::from_pkcs8_der(&der).unwrap();
    let tokens = tokens(&key);
    let others = [
        "none", "None", "NONE", "nOnE", "", "es256", "ES256 ", "ES384", "HS256", "RS256", "EdDSA",
    ];
    for alg in others {
        let header = with(header(&key), "alg", json!(alg));
        let token = signed(&der, &header, &staff_claims());
        assert_eq!(
            tokens.verify(&token, now()),
            Err(TokenError::Algorithm),
            "{alg}"
        );
        let (message, _) = token.rsplit_once('.').unwrap();
        assert_eq!(
            tokens.verify(&format!("{message}."), now()),
            Err(TokenError::Algorithm),
            "{alg}"
        );
    }
    let twice = format!(
        r#"{{"typ":"JWT","alg":"none","alg":"ES256","kid":"{}"}}"#,
        key.id()
    );
    let token = format!(
        "{}.{}.",
        BASE64URL_NOPAD.encode(twice.as_bytes()),
        part(&staff_claims())
    );
    assert_eq!(tokens.verify(&token, now()), Err(TokenError::Malformed));
}

#[test]
fn the_public_key_is_no_hmac_secret() {
    let key = key();
    let tokens = tokens(&key);
    let jwk = key.public_jwk();
    let decode = |name: &str| {
        BASE64URL_NOPAD
            .decode(jwk[name].as_str().unwrap().as_bytes())
            .unwrap()
    };
    let point: Vec<u8> = [vec![0x04], decode("x"), decode("y")].concat();
    let message = format!(
        "{}.{}",
        part(&with(header(&key), "alg", json!("HS256"))),
        part(&staff_claims())
    );
    for secret in [
        point,
        jwk.to_string().into_bytes(),
        key.id().as_bytes().to_vec(),
    ] {
        let tag = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA256, &secret),
            message.as_bytes(),
        );
        let token = format!("{message}.{}", BASE64URL_NOPAD.encode(tag.as_ref()));
        assert_eq!(tokens.verify(&token, now()), Err(TokenError::Algorithm));
    }
}

#[test]
fn a_stripped_or_changed_signature_or_payload_is_refused() {
    let tokens = tokens(&key());
    let issued = tokens
        .issue_tracking(TicketId::new(id(1)), id(2), now())
        .unwrap();
    let (message, signature) = issued.token.rsplit_once('.').unwrap();
    let (header, _) = message.split_once('.').unwrap();
    let mut flipped = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
    flipped[10] ^= 1;
    let flipped = BASE64URL_NOPAD.encode(&flipped);
    for (token, error) in [
        (format!("{message}."), TokenError::Signature),
        (format!("{message}.{flipped}"), TokenError::Signature),
        (
            format!("{message}.{}", "A".repeat(86)),
            TokenError::Signature,
        ),
        (
            format!("{header}.{}.{signature}", part(&staff_claims())),
            TokenError::Signature,
        ),
        (message.to_owned(), TokenError::Malformed),
        (format!("{}.", issued.token), TokenError::Malformed),
        (format!("{}=", issued.token), TokenError::Malformed),
        (format!(" {}", issued.token), TokenError::Malformed),
        (String::new(), TokenError::Malformed),
        ("..".to_owned(), TokenError::Malformed),
        ("a.".repeat(MAX_TOKEN_BYTES), TokenError::Malformed),
    ] {
        assert_eq!(tokens.verify(&token, now()), Err(error), "{token}");
        // Nor after the token it was made of counted.
        assert!(tokens.verify(&issued.token, now()).is_ok());
        assert_eq!(tokens.verify(&token, now()), Err(error), "{token}");
    }
}

#[test]
fn a_token_that_counted_before_is_over_in_time() {
    let tokens = tokens(&key());
    let ticket = TicketId::new(id(1));
    let issued = tokens.issue_tracking(ticket, id(2), now()).unwrap();
    let read = Ok(OwnToken::Tracking { ticket });
    let after = |seconds| now() + jiff::SignedDuration::from_secs(seconds);
    let last = TRACKING_TOKEN_SECONDS + OWN_LEEWAY_SECONDS - 1;
    assert_eq!(tokens.verify(&issued.token, now()), read);
    assert_eq!(tokens.verify(&issued.token, after(last)), read);
    assert_eq!(
        tokens.verify(&issued.token, after(last + 1)),
        Err(TokenError::Expired)
    );
}

#[test]
fn a_token_over_8_kib_is_not_looked_at() {
    let der = der();
    let key = SigningKey::from_pkcs8_der(&der).unwrap();
    let long = with(staff_claims(), "filler", json!("x".repeat(MAX_TOKEN_BYTES)));
    let token = signed(&der, &header(&key), &long);
    assert_eq!(
        tokens(&key).verify(&token, now()),
        Err(TokenError::Malformed)
    );
}

#[test]
fn only_our_keys_count_and_older_ones_still_verify() {
    let (first, second, stranger) = (key(), key(), key());
    let ticket = TicketId::new(id(1));
    let old = tokens(&first).issue_tracking(ticket, id(2), now()).unwrap();
    let rotated = Tokens::new(second.clone(), vec![first.clone()], ISSUER.to_owned());
    assert_eq!(
        rotated.verify(&old.token, now()),
        Ok(OwnToken::Tracking { ticket })
    );
    assert_eq!(
        tokens(&second).verify(&old.token, now()),
        Err(TokenError::UnknownKey)
    );
    let foreign = tokens(&stranger)
        .issue_tracking(ticket, id(2), now())
        .unwrap();
    assert_eq!(
        rotated.verify(&foreign.token, now()),
        Err(TokenError::UnknownKey)
    );
}

#[test]
fn a_strange_key_id_or_another_key_under_our_id_is_refused() {
    let (ours, der) = (key(), der());
    let tokens = tokens(&ours);
    assert_eq!(
        tokens.verify(&signed(&der, &header(&ours), &staff_claims()), now()),
        Err(TokenError::Signature)
    );
    for kid in [
        "",
        "../../../dev/null",
        "/etc/passwd",
        "' OR 1=1 --",
        "https://evil.example.org/k",
    ] {
        let header = with(header(&ours), "kid", json!(kid));
        let verdict = tokens.verify(&signed(&der, &header, &staff_claims()), now());
        assert_eq!(verdict, Err(TokenError::UnknownKey), "{kid}");
    }
    let nameless = signed(&der, &without(header(&ours), "kid"), &staff_claims());
    assert_eq!(tokens.verify(&nameless, now()), Err(TokenError::UnknownKey));
}

#[test]
fn a_header_that_brings_or_points_to_a_key_is_refused_without_a_call() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
    let der = der();
    let key = SigningKey::from_pkcs8_der(&der).unwrap();
    let tokens = tokens(&key);
    for (name, value) in [
        ("jwk", key.public_jwk()),
        ("jwk", json!(null)),
        ("jku", json!(url)),
        ("x5u", json!(url)),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("typ", json!("logout+jwt")),
    ] {
        let token = signed(&der, &with(header(&key), name, value), &staff_claims());
        assert_eq!(
            tokens.verify(&token, now()),
            Err(TokenError::Header),
            "{name}"
        );
    }
    assert_eq!(
        listener.accept().unwrap_err().kind(),
        std::io::ErrorKind::WouldBlock
    );
}

#[test]
fn a_refresh_token_has_one_spelling_and_is_no_access_token() {
    let token = RefreshToken::new(SessionId::new(id(0xabc)), [0x5a; 32]);
    let text = token.expose();
    assert_eq!(text.len(), 32 + 1 + 43);
    assert_eq!(RefreshToken::parse(&text), Some(token.clone()));
    assert_eq!(RefreshToken::parse(&text).unwrap().hash(), token.hash());
    let plain = HEXLOWER.encode(&Sha256::digest(token.secret().as_bytes()));
    assert_eq!(token.hash(), plain);
    let again = RefreshToken::from_secret(token.session(), &token.secret());
    assert_eq!(again, Some(token.clone()));
    assert!(!format!("{token:?}").contains("Wlpa"));
    assert_eq!(
        tokens(&key()).verify(&text, now()),
        Err(TokenError::Malformed)
    );

    let dashed = format!("{}.{}", id(0xabc), text.split_once('.').unwrap().1);
    let last_bits = format!("{}b", &text[..text.len() - 1]);
    for wrong in [
        text.to_uppercase(),
        dashed,
        format!("{text}="),
        last_bits,
        text[..70].to_owned(),
        "é.".into(),
    ] {
        assert_eq!(RefreshToken::parse(&wrong), None, "{wrong}");
    }
    let access = tokens(&key())
        .issue_tracking(TicketId::new(id(1)), id(2), now())
        .unwrap();
    assert_eq!(RefreshToken::parse(&access.token), None);
}

#[test]
fn the_key_id_is_the_thumbprint_of_rfc_7638() {
    // The example of RFC 9449, 6.1: `jkt` of the proof's key.
    let (x, y) = (
        "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
        "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
    );
    assert_eq!(
        thumbprint(x, y),
        "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
    );
}

#[test]
fn other_keys_are_no_signing_keys_and_none_prints_itself() {
    let pem = |der: &[u8]| {
        let body = data_encoding::BASE64.encode(der);
        format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")
    };
    let der = der();
    let key = SigningKey::from_pkcs8_pem(&pem(&der)).unwrap();
    assert_eq!(key.id(), SigningKey::from_pkcs8_der(&der).unwrap().id());
    let printed = format!("{:?} {:?}", key, tokens(&key));
    assert!(!printed.contains("private"), "{printed}");

    let ed = aws_lc_rs::signature::Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    assert!(SigningKey::from_pkcs8_pem(&pem(ed.as_ref())).is_err());
    assert!(SigningKey::from_pkcs8_pem("").is_err());
    assert!(SigningKey::from_pkcs8_der(&der[..der.len() / 2]).is_err());
}

#[test]
fn a_programs_token_says_what_it_is_limited_to() {
    let tokens = tokens(&key());
    let client = ClientId::new(id(7));
    let read = |scopes: Option<&[String]>| {
        let issued = tokens.issue_client(client, scopes, id(3), now()).unwrap();
        tokens.verify(&issued.token, now())
    };
    assert_eq!(
        read(None),
        Ok(OwnToken::Client {
            client,
            scopes: None
        })
    );
    let two = ["requests:create".to_owned(), "requests:read".to_owned()];
    assert_eq!(
        read(Some(&two)),
        Ok(OwnToken::Client {
            client,
            scopes: Some(two.to_vec())
        })
    );
}

#[test]
fn only_a_programs_token_has_scopes() {
    let key = key();
    let issued = tokens(&key).issue_tracking(TicketId::new(id(7)), id(3), now());
    let (_, mut claims) = crate::forge::opened(&issued.unwrap().token);
    claims["scope"] = json!("requests:read");
    let token = key.sign(&claims).unwrap();
    assert_eq!(
        tokens(&key).verify(&token, now()),
        Err(TokenError::Claim("scope"))
    );
}

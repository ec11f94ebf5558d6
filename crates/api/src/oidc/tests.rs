//! Tokens good and forged, key sets good and broken.

mod discovery;
mod staff;
mod vouchers;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair};
use data_encoding::BASE64URL_NOPAD;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::keys::*;
use super::*;
use crate::forge::*;
use crate::tokens::TokenError;

const ISSUER: &str = "https://id.example.org";

fn key_set(keys: &[&ProviderKey]) -> String {
    json!({"keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>()}).to_string()
}

fn claims() -> Value {
    claims_at(now())
}

fn claims_at(now: Timestamp) -> Value {
    let now = now.as_second();
    json!({
        "iss": ISSUER, "aud": "sportello", "sub": "pairwise-1", "acr": "https://www.spid.gov.it/SpidL2",
        "iat": now, "nbf": now, "exp": now + 600, "jti": "x",
        "fiscal_number": "TINIT-RSSMRA80A01H501U", "given_name": "Mària", "family_name": "D'Àngelo",
        "email": "maria@example.org",
    })
}

fn plain_issuer(jwks: JwksSource) -> Issuer {
    Issuer {
        name: ISSUER.to_owned(),
        audience: "sportello".to_owned(),
        algorithms: vec![TokenAlgorithm::Es256],
        require_not_before: true,
        jwks,
    }
}

fn issuer(jwks: JwksSource) -> CitizenIssuer {
    CitizenIssuer {
        issuer: plain_issuer(jwks),
        accepted_levels: LEVEL_2_OR_MORE.map(str::to_owned).to_vec(),
    }
}

fn verifier(jwks: JwksSource) -> CitizenVerifier {
    CitizenVerifier::new(vec![issuer(jwks)], HttpOptions::default()).unwrap()
}

fn inline(key: &ProviderKey) -> CitizenVerifier {
    verifier(JwksSource::Inline(key_set(&[key])))
}

/// A server of key sets that counts its visitors.
struct KeyServer {
    url: String,
    visits: Arc<AtomicUsize>,
    answer: Arc<std::sync::Mutex<Vec<u8>>>,
    /// What it answers at single paths.
    pages: Arc<std::sync::Mutex<HashMap<String, Vec<u8>>>>,
}

impl KeyServer {
    async fn start(answer: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = KeyServer {
            url: format!("http://{}/jwks.json", listener.local_addr().unwrap()),
            visits: Arc::default(),
            answer: Arc::new(std::sync::Mutex::new(answer)),
            pages: Arc::default(),
        };
        let (visits, answer) = (Arc::clone(&server.visits), Arc::clone(&server.answer));
        let pages = Arc::clone(&server.pages);
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                visits.fetch_add(1, Ordering::SeqCst);
                let (answer, pages) = (answer.lock().unwrap().clone(), Arc::clone(&pages));
                tokio::spawn(async move {
                    let mut request = [0; 2048];
                    let length = socket.read(&mut request).await.unwrap_or_default();
                    let asked = String::from_utf8_lossy(&request[..length]).into_owned();
                    let path = asked.split(' ').nth(1).unwrap_or_default();
                    let page = pages.lock().unwrap().get(path).cloned();
                    let answer = page.unwrap_or(answer);
                    if answer.is_empty() {
                        // Hangs until the client gives up.
                        let _ = socket.read(&mut request).await;
                    }
                    let _ = socket.write_all(&answer).await;
                });
            }
        });
        server
    }

    fn answers(&self, answer: Vec<u8>) {
        *self.answer.lock().unwrap() = answer;
    }

    fn answers_at(&self, path: &str, answer: Vec<u8>) {
        self.pages.lock().unwrap().insert(path.to_owned(), answer);
    }

    fn visits(&self) -> usize {
        self.visits.load(Ordering::SeqCst)
    }

    fn verifier(&self) -> CitizenVerifier {
        verifier(JwksSource::Url(self.url.clone()))
    }
}

fn http_200(body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Waits for a load in the background.
async fn loaded(verifier: &CitizenVerifier) {
    let loading = Arc::clone(&verifier.issuers.trusted[0].keys.loading);
    drop(loading.lock_owned().await);
}

#[tokio::test]
async fn a_good_token_tells_who_the_citizen_is() {
    let key = p256("k1");
    let expected = CitizenClaims {
        issuer: ISSUER.to_owned(),
        subject: "pairwise-1".to_owned(),
        tax_code: "RSSMRA80A01H501U".to_owned(),
        given_name: "Mària".to_owned(),
        family_name: "D'Àngelo".to_owned(),
        email: Some("maria@example.org".to_owned()),
    };
    let verifier = inline(&key);
    assert_eq!(
        verifier.verify(&key.token(&claims()), now()).await,
        Ok(expected.clone())
    );

    let name = "https://attributes.eid.gov.it/fiscal_number";
    let long = with(
        without(claims(), "fiscal_number"),
        name,
        json!("TINIT-RSSMRA80A01H501U"),
    );
    let several = with(
        with(long, "aud", json!(["other", "sportello"])),
        "acr",
        json!(LEVEL_2_OR_MORE[1]),
    );
    let fractions = with(several, "exp", json!(f64::from(i32::MAX) - 0.5));
    let read = verifier
        .verify(&key.token(&without(fractions, "email")), now())
        .await;
    assert_eq!(
        read,
        Ok(CitizenClaims {
            email: None,
            ..expected.clone()
        })
    );
    assert!(!format!("{expected:?}").contains("RSSMRA"));
}

#[tokio::test]
async fn every_claim_is_required_and_checked() {
    let key = p256("k1");
    let verifier = inline(&key);
    let second = now().as_second();
    let long_name = "https://attributes.eid.gov.it/fiscal_number";
    for (name, value, error) in [
        ("iss", json!("https://evil.example.org"), TokenError::Issuer),
        ("iss", json!([ISSUER]), TokenError::Claim("iss")),
        ("aud", json!("another"), TokenError::Audience),
        ("aud", json!([]), TokenError::Audience),
        (
            "aud",
            json!({"sportello": true}),
            TokenError::Claim("payload"),
        ),
        ("sub", json!(" "), TokenError::Claim("sub")),
        ("sub", json!(7), TokenError::Claim("payload")),
        ("exp", json!(second - 60), TokenError::Claim("exp")),
        (
            "exp",
            json!("2031-03-14T10:00:00Z"),
            TokenError::Claim("payload"),
        ),
        (
            "exp",
            json!((second + 600).to_string()),
            TokenError::Claim("payload"),
        ),
        ("exp", json!(1e30), TokenError::Claim("payload")),
        (
            "iat",
            json!(second.to_string()),
            TokenError::Claim("payload"),
        ),
        (
            "nbf",
            json!(second.to_string()),
            TokenError::Claim("payload"),
        ),
        ("nbf", json!(null), TokenError::Claim("nbf")),
        ("nbf", json!(second + 61), TokenError::NotYetValid),
        ("iat", json!(second + 61), TokenError::NotYetValid),
        (
            "acr",
            json!("https://www.spid.gov.it/SpidL1"),
            TokenError::LevelTooLow,
        ),
        (
            "acr",
            json!("https://www.spid.gov.it/SpidL22"),
            TokenError::LevelTooLow,
        ),
        ("acr", json!(null), TokenError::LevelTooLow),
        ("acr", json!(2), TokenError::Claim("payload")),
        (
            "fiscal_number",
            json!("RSSMRA80A01H501U"),
            TokenError::Claim("fiscal_number"),
        ),
        (
            "fiscal_number",
            json!("tinit-RSSMRA80A01H501U"),
            TokenError::Claim("fiscal_number"),
        ),
        (
            "fiscal_number",
            json!("TINDE-RSSMRA80A01H501U"),
            TokenError::Claim("fiscal_number"),
        ),
        (
            "fiscal_number",
            json!("TINIT-"),
            TokenError::Claim("fiscal_number"),
        ),
        (
            long_name,
            json!("TINIT-VRDGPP80A01H501X"),
            TokenError::Claim("fiscal_number"),
        ),
        ("given_name", json!(""), TokenError::Claim("given_name")),
        ("family_name", json!(null), TokenError::Claim("family_name")),
        (
            "email",
            json!(["a@example.org"]),
            TokenError::Claim("payload"),
        ),
    ] {
        let token = key.token(&with(claims(), name, value.clone()));
        assert_eq!(
            verifier.verify(&token, now()).await,
            Err(error),
            "{name} {value}"
        );
    }
    for (name, error) in [
        ("iss", TokenError::Claim("iss")),
        ("aud", TokenError::Claim("payload")),
        ("sub", TokenError::Claim("payload")),
        ("exp", TokenError::Claim("payload")),
        ("iat", TokenError::Claim("payload")),
        ("nbf", TokenError::Claim("nbf")),
        ("acr", TokenError::LevelTooLow),
        ("fiscal_number", TokenError::Claim("fiscal_number")),
        ("given_name", TokenError::Claim("given_name")),
        ("family_name", TokenError::Claim("family_name")),
    ] {
        let token = key.token(&without(claims(), name));
        assert_eq!(verifier.verify(&token, now()).await, Err(error), "{name}");
    }
}

#[tokio::test]
async fn times_are_judged_by_the_given_clock_with_a_minute_of_leeway() {
    let key = p256("k1");
    let verifier = inline(&key);
    let token = key.token(&claims());
    for (second, error) in [
        (-61, Some(TokenError::NotYetValid)),
        (-60, None),
        (659, None),
        (660, Some(TokenError::Expired)),
    ] {
        let verdict = verifier.verify(&token, now() + second.seconds()).await;
        assert_eq!(verdict.err(), error, "{second}");
    }
}

#[tokio::test]
async fn a_missing_nbf_is_forgiven_only_where_configured() {
    let key = p256("k1");
    let mut lenient = issuer(JwksSource::Inline(key_set(&[&key])));
    lenient.issuer.require_not_before = false;
    let verifier = CitizenVerifier::new(vec![lenient], HttpOptions::default()).unwrap();
    assert!(
        verifier
            .verify(&key.token(&without(claims(), "nbf")), now())
            .await
            .is_ok()
    );
    let early = with(claims(), "nbf", json!(now().as_second() + 61));
    assert_eq!(
        verifier.verify(&key.token(&early), now()).await,
        Err(TokenError::NotYetValid)
    );
    let text = with(claims(), "nbf", json!("now"));
    assert_eq!(
        verifier.verify(&key.token(&text), now()).await,
        Err(TokenError::Claim("payload"))
    );
}

#[tokio::test]
async fn each_algorithm_works_with_its_own_kind_of_key_only() {
    let keys = [rsa("rsa"), p256("ec"), ed25519("ed")];
    let set = key_set(&[&keys[0], &keys[1], &keys[2]]);
    let mut all = issuer(JwksSource::Inline(set));
    all.issuer.algorithms = TokenAlgorithm::ALL.to_vec();
    let verifier = CitizenVerifier::new(vec![all], HttpOptions::default()).unwrap();
    let good = [
        ("rsa", "RS256"),
        ("rsa", "PS256"),
        ("ec", "ES256"),
        ("ed", "EdDSA"),
    ];
    for key in &keys {
        for alg in [
            "RS256", "PS256", "ES256", "EdDSA", "HS256", "RS384", "ES384", "none", "None", "NONE",
            "nOnE",
        ] {
            let token = key.sign(&json!({"alg": alg, "kid": key.kid}), &claims());
            let verdict = verifier.verify(&token, now()).await.map(|_| ());
            let expected = if good.contains(&(key.kid, alg)) {
                Ok(())
            } else {
                Err(TokenError::Algorithm)
            };
            assert_eq!(verdict, expected, "{} {alg}", key.kid);
            let stripped = format!("{}.", token.rsplit_once('.').unwrap().0);
            assert!(
                verifier.verify(&stripped, now()).await.is_err(),
                "{} {alg}",
                key.kid
            );
        }
    }
    // RS256 signature presented as PS256.
    let token = keys[0].sign(&json!({"alg": "RS256", "kid": "rsa"}), &claims());
    let (_, rest) = token.split_once('.').unwrap();
    let header =
        BASE64URL_NOPAD.encode(json!({"alg": "PS256", "kid": "rsa"}).to_string().as_bytes());
    assert_eq!(
        verifier.verify(&format!("{header}.{rest}"), now()).await,
        Err(TokenError::Signature)
    );
    // Not in this issuer's list, though the key exists.
    let narrow = inline(&keys[1]);
    let token = keys[0].sign(&json!({"alg": "RS256", "kid": "rsa"}), &claims());
    assert_eq!(
        narrow.verify(&token, now()).await,
        Err(TokenError::Algorithm)
    );
}

#[test]
fn keys_that_are_not_for_signatures_or_too_weak_are_left_out() {
    let good = p256("k1");
    let p384 = ProviderKey {
        kid: "p384",
        signer: Signer::P384(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap()),
    };
    let weak_rsa = json!({"kty": "RSA", "kid": "weak", "e": "AQAB", "n": BASE64URL_NOPAD.encode(&[0xff; 128])});
    let padded = [vec![0; 200], vec![0xff; 128]].concat();
    let padded_rsa =
        json!({"kty": "RSA", "kid": "padded", "e": "AQAB", "n": BASE64URL_NOPAD.encode(&padded)});
    let odd = json!({"keys": [
        p384.jwk(), weak_rsa, padded_rsa,
        {"kty": "oct", "kid": "secret", "k": "AAAA"},
        {"kty": "EC", "crv": "P-256", "kid": "short", "x": "AAAA", "y": "AAAA"},
        with(good.jwk(), "use", json!("enc")), with(good.jwk(), "key_ops", json!(["sign"])),
        without(good.jwk(), "kid"), 7, null, [], {},
    ]});
    assert!(matches!(
        read_key_set(odd.to_string().as_bytes()),
        Err(KeySetError::NoKeys)
    ));
    let mut keys = odd["keys"].as_array().unwrap().clone();
    keys.push(with(good.jwk(), "key_ops", json!(["verify"])));
    let read = read_key_set(json!({"keys": keys}).to_string().as_bytes()).unwrap();
    assert_eq!(
        read.iter().map(|key| key.id.as_deref()).collect::<Vec<_>>(),
        [Some("k1")]
    );
    for text in [
        "",
        "[]",
        "{}",
        r#"{"keys":{}}"#,
        "<html>",
        &"[".repeat(100_000),
    ] {
        assert!(
            matches!(read_key_set(text.as_bytes()), Err(KeySetError::Json(_))),
            "{text:.20}"
        );
    }
}

#[tokio::test]
async fn a_key_bound_to_another_algorithm_is_refused() {
    let key = p256("k1");
    let set = json!({"keys": [with(key.jwk(), "alg", json!("ES384"))]}).to_string();
    let verdict = verifier(JwksSource::Inline(set))
        .verify(&key.token(&claims()), now())
        .await;
    assert_eq!(verdict, Err(TokenError::Algorithm));
}

#[tokio::test]
async fn the_issuer_chooses_among_the_configured_and_only_with_its_own_keys() {
    let (ours, theirs) = (p256("k1"), p256("k1"));
    let mut other = issuer(JwksSource::Inline(key_set(&[&theirs])));
    other.issuer.name = "https://other.example.org".to_owned();
    let first = issuer(JwksSource::Inline(key_set(&[&ours])));
    let verifier = CitizenVerifier::new(vec![first, other], HttpOptions::default()).unwrap();
    let as_other = with(claims(), "iss", json!("https://other.example.org"));
    assert!(verifier.verify(&ours.token(&claims()), now()).await.is_ok());
    assert!(
        verifier
            .verify(&theirs.token(&as_other), now())
            .await
            .is_ok()
    );
    assert_eq!(
        verifier.verify(&theirs.token(&claims()), now()).await,
        Err(TokenError::Signature)
    );
    assert_eq!(
        verifier.verify(&ours.token(&as_other), now()).await,
        Err(TokenError::Signature)
    );
    for wrong in ["https://id.example.org/", "https://ID.example.org", ""] {
        let token = ours.token(&with(claims(), "iss", json!(wrong)));
        assert_eq!(
            verifier.verify(&token, now()).await,
            Err(TokenError::Issuer)
        );
    }
}

#[tokio::test]
async fn a_header_that_brings_or_points_to_a_key_causes_no_call() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
    let (ours, attacker) = (p256("k1"), p256("k1"));
    let server = KeyServer::start(http_200(&key_set(&[&ours]))).await;
    let verifier = server.verifier();
    for (name, value) in [
        ("jwk", attacker.jwk()),
        ("jku", json!(url)),
        ("x5u", json!(url)),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
        ("zip", json!("DEF")),
        ("typ", json!("logout+jwt")),
    ] {
        let header = with(json!({"alg": "ES256", "kid": "k1"}), name, value);
        for signer in [&attacker, &ours] {
            let verdict = verifier
                .verify(&signer.sign(&header, &claims()), now())
                .await;
            assert_eq!(verdict, Err(TokenError::Header), "{name}");
        }
    }
    // An issuer that is an address is no address to call.
    let token = attacker.token(&with(claims(), "iss", json!(url)));
    assert_eq!(
        verifier.verify(&token, now()).await,
        Err(TokenError::Issuer)
    );
    assert_eq!(
        listener.accept().unwrap_err().kind(),
        std::io::ErrorKind::WouldBlock
    );
    assert_eq!(server.visits(), 0);
}

#[tokio::test]
async fn a_new_key_is_found_and_unknown_ones_cause_one_visit_a_minute() {
    let (old, new) = (p256("old"), p256("new"));
    let server = KeyServer::start(http_200(&key_set(&[&old]))).await;
    let verifier = server.verifier();
    assert!(verifier.verify(&old.token(&claims()), now()).await.is_ok());
    assert_eq!(server.visits(), 1);

    for kid in ["new", "../../jwks.json", "", "https://evil.example.org"] {
        let token = new.sign(&json!({"alg": "ES256", "kid": kid}), &claims());
        assert_eq!(
            verifier.verify(&token, now() + 59.seconds()).await,
            Err(TokenError::UnknownKey),
            "{kid}"
        );
    }
    assert_eq!(server.visits(), 1);

    server.answers(http_200(&key_set(&[&new])));
    let later = now() + 60.seconds();
    let token = new.token(&claims());
    let all = futures_of(20, || verifier.verify(&token, later)).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(server.visits(), 2);
    // The old key was taken out of the set.
    assert_eq!(
        verifier.verify(&old.token(&claims()), later).await,
        Err(TokenError::UnknownKey)
    );
    let unknown = new.sign(&json!({"alg": "ES256", "kid": "k".repeat(257)}), &claims());
    assert_eq!(
        verifier.verify(&unknown, later + 60.seconds()).await,
        Err(TokenError::UnknownKey)
    );
    assert_eq!(server.visits(), 2);
}

async fn futures_of<F: Future>(count: usize, start: impl Fn() -> F) -> Vec<F::Output> {
    let mut running: Vec<_> = (0..count).map(|_| Box::pin(start())).collect();
    let mut done = Vec::new();
    std::future::poll_fn(|context| {
        running.retain_mut(|future| match future.as_mut().poll(context) {
            std::task::Poll::Ready(output) => {
                done.push(output);
                false
            }
            std::task::Poll::Pending => true,
        });
        if running.is_empty() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    done
}

#[tokio::test]
async fn keys_are_refreshed_hourly_and_live_a_day_without_their_server() {
    let key = p256("k1");
    let server = KeyServer::start(http_200(&key_set(&[&key]))).await;
    let verifier = server.verifier();
    let verify = async |hours: i64, seconds: i64| {
        let at = now() + hours.hours() + seconds.seconds();
        let verdict = verifier
            .verify(&key.token(&claims_at(at)), at)
            .await
            .map(|_| ());
        loaded(&verifier).await;
        verdict
    };
    assert_eq!(verify(0, 0).await, Ok(()));
    assert_eq!(verify(0, 3599).await, Ok(()));
    assert_eq!(server.visits(), 1);
    assert_eq!(verify(1, 0).await, Ok(()));
    assert_eq!(server.visits(), 2);

    server.answers(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n".to_vec());
    assert_eq!(verify(2, 0).await, Ok(()));
    assert_eq!(verify(2, 59).await, Ok(()));
    assert_eq!(server.visits(), 3);
    assert_eq!(verify(24, 3599).await, Ok(()));
    assert_eq!(verify(25, 59).await, Err(TokenError::KeysUnavailable));
    assert_eq!(verify(26, 0).await, Err(TokenError::KeysUnavailable));

    server.answers(http_200(&key_set(&[&key])));
    assert_eq!(verify(27, 0).await, Ok(()));
    // The clock was far ahead for a moment; the cache does not wait for that day to come.
    assert_eq!(verify(27 + 24 * 365, 0).await, Ok(()));
    assert_eq!(verify(28, 0).await, Ok(()));
}

#[tokio::test]
async fn a_hanging_server_costs_one_time_out_and_known_keys_go_on() {
    let key = p256("k1");
    let server = KeyServer::start(http_200(&key_set(&[&key]))).await;
    let options = HttpOptions {
        total_timeout: Duration::from_millis(300),
        ..HttpOptions::default()
    };
    let source = JwksSource::Url(server.url.clone());
    let verifier = CitizenVerifier::new(vec![issuer(source.clone())], options.clone()).unwrap();
    assert!(verifier.verify(&key.token(&claims()), now()).await.is_ok());

    server.answers(Vec::new());
    let later = now() + 2.hours();
    let token = key.token(&claims_at(later));
    let wait =
        tokio::time::timeout(Duration::from_millis(250), verifier.verify(&token, later)).await;
    assert!(wait.expect("a known key waits for no server").is_ok());
    loaded(&verifier).await;
    assert_eq!(server.visits(), 2);

    let cold = CitizenVerifier::new(vec![issuer(source)], options).unwrap();
    let all = futures_of(5, || cold.verify(&token, later)).await;
    assert!(
        all.iter()
            .all(|verdict| *verdict == Err(TokenError::KeysUnavailable))
    );
    assert_eq!(server.visits(), 3);
}

#[tokio::test]
async fn a_caller_who_hangs_up_does_not_break_off_the_load() {
    let key = p256("k1");
    let server = KeyServer::start(http_200(&key_set(&[&key]))).await;
    let verifier = server.verifier();
    let token = key.token(&claims());
    {
        let mut first = Box::pin(verifier.verify(&token, now()));
        let started = std::future::poll_fn(|context| {
            std::task::Poll::Ready(first.as_mut().poll(context).is_pending())
        });
        assert!(started.await);
    }
    assert!(verifier.verify(&token, now()).await.is_ok());
    assert_eq!(server.visits(), 1);
}

#[tokio::test]
async fn too_long_redirected_or_broken_answers_are_no_key_sets() {
    let key = p256("k1");
    let set = key_set(&[&key]);
    let ten_megabytes = " ".repeat(10 * 1024 * 1024);
    let elsewhere = KeyServer::start(http_200(&set)).await;
    let redirect = format!(
        "HTTP/1.1 302 Found\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n",
        elsewhere.url
    );
    let chunked = format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{set}\r\n{:x}\r\n{ten_megabytes}\r\n0\r\n\r\n",
        set.len(),
        ten_megabytes.len()
    );
    for (name, answer) in [
        ("announced", http_200(&format!("{set}{ten_megabytes}"))),
        ("chunked", chunked.into_bytes()),
        (
            "until closed",
            format!("HTTP/1.1 200 OK\r\n\r\n{set}{ten_megabytes}").into_bytes(),
        ),
        ("redirect", redirect.into_bytes()),
        ("html", http_200("<html></html>")),
        ("no keys", http_200(r#"{"keys":[]}"#)),
        ("not http", b"hello\r\n\r\n".to_vec()),
    ] {
        let server = KeyServer::start(answer).await;
        let verdict = server.verifier().verify(&key.token(&claims()), now()).await;
        assert_eq!(verdict, Err(TokenError::KeysUnavailable), "{name}");
        assert_eq!(server.visits(), 1, "{name}");
    }
    assert_eq!(elsewhere.visits(), 0);
}

#[tokio::test]
async fn a_file_is_read_again_for_an_unknown_key() {
    let (old, new) = (p256("old"), p256("new"));
    let path = std::env::temp_dir().join(format!("sportello-jwks-{}.json", std::process::id()));
    std::fs::write(&path, key_set(&[&old])).unwrap();
    let verifier = verifier(JwksSource::File(path.clone()));
    assert!(verifier.verify(&old.token(&claims()), now()).await.is_ok());
    std::fs::write(&path, key_set(&[&old, &new])).unwrap();
    assert_eq!(
        verifier.verify(&new.token(&claims()), now()).await,
        Err(TokenError::UnknownKey)
    );
    let later = now() + 60.seconds();
    assert!(verifier.verify(&new.token(&claims()), later).await.is_ok());
    // Half a file is not taken over.
    std::fs::write(&path, "{").unwrap();
    let token = p256("third").token(&claims());
    assert_eq!(
        verifier.verify(&token, later + 60.seconds()).await,
        Err(TokenError::UnknownKey)
    );
    assert!(
        verifier
            .verify(&new.token(&claims()), later + 60.seconds())
            .await
            .is_ok()
    );
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn impossible_settings_stop_the_start() {
    let url = |url: &str| issuer(JwksSource::Url(url.to_owned()));
    let refused =
        |issuer: CitizenIssuer| CitizenVerifier::new(vec![issuer], HttpOptions::default()).is_err();
    for address in [
        "http://id.example.org/jwks",
        "http://127.0.0.1.example.org/jwks",
        "http://10.0.0.1/jwks",
        "http://localhost@id.example.org/jwks",
        "file:///etc/passwd",
        "jwks.json",
        "",
    ] {
        assert!(refused(url(address)), "{address}");
    }
    for address in [
        "http://127.0.0.1:9/jwks",
        "http://[::1]:9/jwks",
        "http://localhost:9/jwks",
    ] {
        assert!(!refused(url(address)), "{address}");
    }
    let inline = || issuer(JwksSource::Inline(key_set(&[&p256("k1")])));
    assert!(!refused(inline()));
    let mut without_algorithm = inline();
    without_algorithm.issuer.algorithms.clear();
    assert!(refused(without_algorithm));
    assert!(refused(CitizenIssuer {
        accepted_levels: Vec::new(),
        ..inline()
    }));
    let mut without_audience = inline();
    without_audience.issuer.audience.clear();
    assert!(refused(without_audience));
    assert!(refused(issuer(JwksSource::Inline("{}".to_owned()))));
    assert!(refused(issuer(JwksSource::File(
        "/nowhere/jwks.json".into()
    ))));
    assert!(CitizenVerifier::new(vec![inline(), inline()], HttpOptions::default()).is_err());
}

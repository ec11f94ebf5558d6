//! Keys and forged tokens for the tests of everything that verifies.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaKeyPair,
};
use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use serde_json::{Value, json};

pub(crate) enum Signer {
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

/// A key of somebody who signs, in a test.
pub(crate) struct ProviderKey {
    pub(crate) kid: &'static str,
    pub(crate) signer: Signer,
}

pub(crate) fn p256(kid: &'static str) -> ProviderKey {
    ProviderKey {
        kid,
        signer: Signer::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()),
    }
}

/// A key of the smallest RSA size that counts.
pub(crate) fn rsa(kid: &'static str) -> ProviderKey {
    let pair = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
    let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der().unwrap();
    ProviderKey {
        kid,
        signer: Signer::Rsa(RsaKeyPair::from_pkcs8(der.as_ref()).unwrap()),
    }
}

pub(crate) fn ed25519(kid: &'static str) -> ProviderKey {
    ProviderKey {
        kid,
        signer: Signer::Ed(Ed25519KeyPair::generate().unwrap()),
    }
}

impl ProviderKey {
    pub(crate) fn jwk(&self) -> Value {
        let b64 = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        let ec = |curve: &str, pair: &EcdsaKeyPair| {
            let point = &pair.public_key().as_ref()[1..];
            let (x, y) = point.split_at(point.len() / 2);
            json!({"kty": "EC", "crv": curve, "x": b64(x), "y": b64(y), "kid": self.kid, "use": "sig"})
        };
        match &self.signer {
            Signer::P256(pair) => ec("P-256", pair),
            Signer::P384(pair) => ec("P-384", pair),
            Signer::Ed(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": b64(pair.public_key().as_ref()), "kid": self.kid})
            }
            Signer::Rsa(pair) => {
                let public = pair.public_key();
                let n = public.modulus().big_endian_without_leading_zero().to_vec();
                let e = public.exponent().big_endian_without_leading_zero().to_vec();
                json!({"kty": "RSA", "n": b64(&n), "e": b64(&e), "kid": self.kid})
            }
        }
    }

    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let message = format!("{}.{}", part(header), part(claims));
        let (random, bytes) = (SystemRandom::new(), message.as_bytes());
        let signature = match &self.signer {
            Signer::P256(pair) | Signer::P384(pair) => {
                pair.sign(&random, bytes).unwrap().as_ref().to_vec()
            }
            Signer::Ed(pair) => pair.sign(bytes).as_ref().to_vec(),
            Signer::Rsa(pair) => {
                let mut out = vec![0; pair.public_modulus_len()];
                if header["alg"] == "PS256" {
                    pair.sign(&RSA_PSS_SHA256, &random, bytes, &mut out)
                        .unwrap();
                } else {
                    pair.sign(&RSA_PKCS1_SHA256, &random, bytes, &mut out)
                        .unwrap();
                }
                out
            }
        };
        format!("{message}.{}", BASE64URL_NOPAD.encode(&signature))
    }

    /// A good token for `claims`.
    pub(crate) fn token(&self, claims: &Value) -> String {
        self.sign(
            &json!({"alg": "ES256", "kid": self.kid, "typ": "JWT"}),
            claims,
        )
    }
}

pub(crate) fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

pub(crate) fn without(mut claims: Value, name: &str) -> Value {
    claims.as_object_mut().unwrap().remove(name).unwrap();
    claims
}

pub(crate) fn now() -> Timestamp {
    "2031-03-14T09:26:53Z".parse().unwrap()
}

/// One part of a token, as JSON.
fn part(token: &str, at: usize) -> Value {
    let part = token.split('.').nth(at).unwrap();
    serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
}

fn encoded(value: &Value) -> String {
    BASE64URL_NOPAD.encode(value.to_string().as_bytes())
}

/// The header and the claims of a token.
pub(crate) fn opened(token: &str) -> (Value, Value) {
    (part(token, 0), part(token, 1))
}

/// What nobody may take for the good token that `key` signed. `url` is where the forger would
/// like us to call.
pub(crate) fn forgeries(good: &str, key: &ProviderKey, url: &str) -> Vec<(String, String)> {
    let (header, claims) = opened(good);
    let mut all = Vec::new();
    let mut add = |what: &str, token: String| all.push((what.to_owned(), token));
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (head, body) = signed.split_once('.').unwrap();

    // Signatures that are none, or another's.
    let mut bytes = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
    add("no signature", format!("{signed}."));
    add("no third part", signed.to_owned());
    add(
        "zeros",
        format!("{signed}.{}", BASE64URL_NOPAD.encode(&vec![0; bytes.len()])),
    );
    add("a cut signature", good[..good.len() - 4].to_owned());
    add("a longer signature", format!("{good}AAAA"));
    add("padding", format!("{good}=="));
    bytes[9] ^= 1;
    add(
        "a flipped bit",
        format!("{signed}.{}", BASE64URL_NOPAD.encode(&bytes)),
    );
    let stranger = p256("stranger");
    add("another key", stranger.sign(&header, &claims));
    let raised = with(claims.clone(), "sub", json!("somebody-else"));
    add(
        "other claims",
        format!("{head}.{}.{signature}", encoded(&raised)),
    );
    add("a fourth part", format!("{good}.x"));
    add("spaces", format!("{head}. {body}.{signature}"));
    add("nothing", String::new());
    add("dots", "..".to_owned());
    add(
        "a part of a gigabyte",
        "A".repeat(crate::tokens::MAX_TOKEN_BYTES + 1),
    );

    // Algorithms of the forger's choice, with and without a signature.
    let algorithms = [
        "none", "None", "NONE", "nOnE", "", "HS256", "HS384", "HS512", "ES384", "RS512", "es256",
    ];
    for alg in algorithms {
        let header = with(header.clone(), "alg", json!(alg));
        add(&format!("alg {alg:?}"), key.sign(&header, &claims));
        let bare = format!("{}.{body}.", encoded(&header));
        add(&format!("alg {alg:?}, unsigned"), bare);
    }
    for alg in [json!(null), json!(["ES256"]), json!(1)] {
        let header = with(header.clone(), "alg", alg.clone());
        add(&format!("alg {alg}"), key.sign(&header, &claims));
    }
    let jwk = key.jwk();
    let secrets = [
        jwk.to_string(),
        json!({"keys": [jwk]}).to_string(),
        jwk["kid"].to_string(),
    ];
    for secret in secrets {
        let message = format!(
            "{}.{body}",
            encoded(&with(header.clone(), "alg", json!("HS256")))
        );
        let secret = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&secret, message.as_bytes());
        let token = format!("{message}.{}", BASE64URL_NOPAD.encode(tag.as_ref()));
        add("the public key as a secret", token);
    }

    // Members of the header that would have us use, or fetch, another key.
    for (name, value) in [
        ("typ", json!("logout+jwt")),
        ("typ", json!(["JWT"])),
        ("jwk", jwk.clone()),
        ("jwk", stranger.jwk()),
        ("jku", json!(format!("{url}/jwks"))),
        ("x5u", json!(format!("{url}/chain.pem"))),
        ("x5c", json!(["MIIB"])),
        ("x5c", json!("MIIB")),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
    ] {
        let header = with(header.clone(), name, value.clone());
        add(&format!("{name} {value}"), key.sign(&header, &claims));
        add(
            &format!("{name} {value}, a stranger's"),
            stranger.sign(&header, &claims),
        );
    }

    // Times that are no numbers.
    for name in ["exp", "iat"] {
        let second = claims["exp"].as_i64().unwrap();
        for value in [
            json!(second.to_string()),
            json!("2031-03-14T10:00:00Z"),
            json!([second]),
            json!(true),
            json!(1e30),
        ] {
            let claims = with(claims.clone(), name, value.clone());
            add(&format!("{name} {value}"), key.sign(&header, &claims));
        }
    }
    all
}

/// A listener that must not be called.
pub(crate) struct Silence(std::net::TcpListener);

impl Silence {
    pub(crate) fn new() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Silence(listener)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.0.local_addr().unwrap())
    }

    pub(crate) fn was_kept(&self) -> bool {
        let error = self.0.accept().err().map(|error| error.kind());
        error == Some(std::io::ErrorKind::WouldBlock)
    }
}

//! Keys and tokens put together by hand, for what no honest issuer signs, and a listener that
//! nobody may call because of one.

use std::net::TcpListener;

use api::tokens::SigningKey;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use aws_lc_rs::{hmac, signature::KeyPair as _};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

/// An ES256 key that signs whatever it is told to.
#[derive(Clone)]
pub struct TestKey {
    /// As the program uses it.
    pub key: SigningKey,
    pkcs8: Vec<u8>,
}

impl TestKey {
    /// A fresh one.
    pub fn new() -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
        TestKey::from_pkcs8(document.expect("a key").as_ref())
    }

    /// From the bytes of a PKCS#8 document.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Self {
        TestKey {
            key: SigningKey::from_pkcs8_der(pkcs8).expect("the key is read"),
            pkcs8: pkcs8.to_vec(),
        }
    }

    /// The header of its good tokens.
    pub fn header(&self) -> Value {
        json!({"alg": "ES256", "typ": "JWT", "kid": self.key.id()})
    }

    /// A token with this header and these claims, whose signature is good.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = unsigned(header, claims);
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &self.pkcs8);
        let pair = pair.expect("the key is read");
        let signature = pair.sign(&SystemRandom::new(), message.as_bytes());
        let signature = BASE64URL_NOPAD.encode(signature.expect("a signature").as_ref());
        format!("{message}.{signature}")
    }

    /// The public point, uncompressed.
    pub fn public_bytes(&self) -> Vec<u8> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &self.pkcs8);
        pair.expect("the key is read")
            .public_key()
            .as_ref()
            .to_vec()
    }
}

impl Default for TestKey {
    fn default() -> Self {
        TestKey::new()
    }
}

/// Header and claims of a token, without a signature and without its dot.
pub fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    format!("{}.{}", part(header), part(claims))
}

/// A token whose tag was made with this secret.
pub fn with_secret(
    algorithm: hmac::Algorithm,
    secret: &[u8],
    header: &Value,
    claims: &Value,
) -> String {
    let message = unsigned(header, claims);
    let tag = hmac::sign(&hmac::Key::new(algorithm, secret), message.as_bytes());
    format!("{message}.{}", BASE64URL_NOPAD.encode(tag.as_ref()))
}

/// The claims of a token.
pub fn claims_in(token: &str) -> Value {
    let part = token.split('.').nth(1).expect("claims");
    let bytes = BASE64URL_NOPAD.decode(part.as_bytes()).expect("base64");
    serde_json::from_slice(&bytes).expect("JSON")
}

/// A JSON object with one member changed.
pub fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}

/// A listener that must not be called.
pub struct Silence(TcpListener);

impl Silence {
    /// On a port of its own.
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a listener");
        Silence(listener)
    }

    /// Where a forger would like us to call.
    pub fn url(&self) -> String {
        format!("http://{}", self.0.local_addr().expect("an address"))
    }

    /// Whether nobody called.
    pub fn was_kept(&self) -> bool {
        let called = self.0.accept();
        called.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
    }
}

impl Default for Silence {
    fn default() -> Self {
        Silence::new()
    }
}

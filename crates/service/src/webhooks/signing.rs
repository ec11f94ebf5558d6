//! Signatures of deliveries (Standard Webhooks 1.0, symmetric: `v1`).

use aws_lc_rs::hmac;
use data_encoding::BASE64;

/// A secret as its receiver writes it.
pub(super) fn in_words(secret: &[u8]) -> String {
    format!("whsec_{}", BASE64.encode(secret))
}

/// The value of `webhook-signature`: one signature for each secret, with a space between.
pub(super) fn sign(secrets: &[Vec<u8>], id: &str, seconds: i64, body: &str) -> String {
    let content = format!("{id}.{seconds}.{body}");
    let signatures: Vec<String> = secrets
        .iter()
        .map(|secret| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
            let tag = hmac::sign(&key, content.as_bytes());
            format!("v1,{}", BASE64.encode(tag.as_ref()))
        })
        .collect();
    signatures.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector that Standard Webhooks publishes.
    #[test]
    fn the_published_vector_verifies() {
        let words = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let encoded = words.strip_prefix("whsec_").unwrap();
        let secret = BASE64.decode(encoded.as_bytes()).unwrap();
        assert_eq!(in_words(&secret), words);
        let sign = |secrets: &[Vec<u8>]| {
            let (id, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", r#"{"test": 2432232314}"#);
            sign(secrets, id, 1_614_265_330, body)
        };
        let wanted = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(sign(std::slice::from_ref(&secret)), wanted);
        let both = sign(&[vec![1; 32], secret]);
        let (other, same) = both.split_once(' ').unwrap();
        assert_eq!(same, wanted);
        assert!(other.starts_with("v1,") && other != wanted);
    }
}

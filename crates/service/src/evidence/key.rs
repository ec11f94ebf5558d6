//! The key that signs anchors, and its public half. An anchor is a line: a signed text in JSON (RFC 7515
//! §7.2.2, ES256), so that tools of others can check it as well.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
    UnparsedPublicKey,
};
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use serde::{Deserialize, Serialize};

/// The key that signs anchors. Prints nothing.
pub struct AuditKey {
    pair: EcdsaKeyPair,
    public: PublicKey,
}

/// What everybody may know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// SubjectPublicKeyInfo (RFC 5280 §4.1), DER.
    der: Vec<u8>,
}

/// Why a line is no anchor of this key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineFault {
    /// It is no signed text at all, as after a write that was cut off.
    Unreadable,
    /// It was signed with another key, or touched.
    BadSignature,
}

#[derive(Serialize, Deserialize)]
struct Line {
    payload: String,
    protected: String,
    signature: String,
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    kid: &'a str,
}

impl AuditKey {
    /// From a PKCS#8 document; none if it holds no key of P-256.
    pub fn from_pkcs8(der: &[u8]) -> Option<Self> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).ok()?;
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().ok()?;
        let public = PublicKey {
            der: public.as_ref().to_vec(),
        };
        Some(AuditKey { pair, public })
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs a text: one line, without its end.
    pub(crate) fn sign(&self, text: &[u8]) -> Option<String> {
        let id = self.public.id();
        let header = Header {
            alg: "ES256",
            kid: &id,
        };
        let protected = BASE64URL_NOPAD.encode(&serde_json::to_vec(&header).ok()?);
        let payload = BASE64URL_NOPAD.encode(text);
        let signed = format!("{protected}.{payload}");
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes());
        let line = Line {
            payload,
            protected,
            signature: BASE64URL_NOPAD.encode(signature.ok()?.as_ref()),
        };
        serde_json::to_string(&line).ok()
    }
}

impl PublicKey {
    /// From a `PUBLIC KEY` block (RFC 7468 §13).
    pub fn from_pem(pem: &str) -> Option<Self> {
        let text = pem.trim().strip_prefix("-----BEGIN PUBLIC KEY-----")?;
        let text = text.strip_suffix("-----END PUBLIC KEY-----")?;
        let plain: String = text.split_whitespace().collect();
        let der = BASE64.decode(plain.as_bytes()).ok()?;
        Some(PublicKey { der })
    }

    /// As a `PUBLIC KEY` block.
    pub fn to_pem(&self) -> String {
        let mut pem = String::from("-----BEGIN PUBLIC KEY-----\n");
        for (at, letter) in BASE64.encode(&self.der).chars().enumerate() {
            if at > 0 && at % 64 == 0 {
                pem.push('\n');
            }
            pem.push(letter);
        }
        pem + "\n-----END PUBLIC KEY-----\n"
    }

    /// Tells it from other keys.
    pub fn id(&self) -> String {
        let hash = digest(&SHA256, &self.der);
        HEXLOWER.encode(hash.as_ref().get(..16).unwrap_or_default())
    }

    /// The text of a line that this key signed.
    pub(crate) fn read(&self, line: &str) -> Result<Vec<u8>, LineFault> {
        let line: Line = serde_json::from_str(line).map_err(|_| LineFault::Unreadable)?;
        let decode = |text: &str| {
            let decoded = BASE64URL_NOPAD.decode(text.as_bytes());
            decoded.map_err(|_| LineFault::BadSignature)
        };
        let signed = format!("{}.{}", line.protected, line.payload);
        // The algorithm is ours, whatever the header says.
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.der)
            .verify(signed.as_bytes(), &decode(&line.signature)?)
            .map_err(|_| LineFault::BadSignature)?;
        decode(&line.payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> AuditKey {
        let der =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        AuditKey::from_pkcs8(der.unwrap().as_ref()).unwrap()
    }

    #[test]
    fn a_line_is_read_with_the_public_key_that_was_printed() {
        let key = key();
        let line = key.sign(b"heads").unwrap();
        let printed = PublicKey::from_pem(&key.public().to_pem()).unwrap();
        assert_eq!(printed, *key.public());
        assert_eq!(printed.read(&line).unwrap(), b"heads");
    }

    #[test]
    fn a_line_that_was_touched_or_is_anothers_is_told_from_one_that_was_cut_off() {
        let (key, other) = (key(), key());
        let line = key.sign(b"heads").unwrap();
        let forged = line.replace(
            &BASE64URL_NOPAD.encode(b"heads"),
            &BASE64URL_NOPAD.encode(b"tails"),
        );
        assert_ne!(forged, line);
        let faults = [
            (key.public().read(&forged), LineFault::BadSignature),
            (other.public().read(&line), LineFault::BadSignature),
            (key.public().read(&line[..40]), LineFault::Unreadable),
            (key.public().read(""), LineFault::Unreadable),
        ];
        for (read, fault) in faults {
            assert_eq!(read, Err(fault));
        }
    }
}

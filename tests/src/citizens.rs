//! Invented citizens, and the identity provider that vouches for them.

use api::oidc::{
    CitizenIssuer, CitizenVerifier, HttpOptions, Issuer as TrustedIssuer, JwksSource,
    LEVEL_2_OR_MORE, TokenAlgorithm,
};
use api::tokens::{OWN_AUDIENCE, SigningKey};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::forge::TestKey;

/// Nobody: the tax codes have the right check character and the addresses lead nowhere.
#[derive(Debug, Clone, Copy)]
pub struct Person {
    /// Tax code.
    pub tax_code: &'static str,
    /// Given name.
    pub given_name: &'static str,
    /// Family name.
    pub family_name: &'static str,
    /// E-mail address.
    pub email: &'static str,
}

/// A woman who files requests.
pub const ANNA: Person = Person {
    tax_code: "BNCNNA85D52L219A",
    given_name: "Anna",
    family_name: "Bianchi",
    email: "anna.bianchi@example.org",
};

/// A man who files requests.
pub const MARIO: Person = Person {
    tax_code: "RSSMRA80A01H501U",
    given_name: "Mario",
    family_name: "Rossi",
    email: "mario.rossi@example.org",
};

/// A woman who has nothing to do with the two.
pub const LAURA: Person = Person {
    tax_code: "BNCLRA92C41L219D",
    given_name: "Laura",
    family_name: "Bianchi",
    email: "laura.bianchi@example.org",
};

/// The `iss` of the test's identity provider.
pub const ISSUER: &str = "https://idp.example.org";

/// An identity provider.
#[derive(Clone)]
pub struct Issuer {
    /// Its key.
    pub key: SigningKey,
    /// The same, for what it would never sign.
    pub forger: TestKey,
}

/// A fresh ES256 key.
pub fn new_key() -> SigningKey {
    TestKey::new().key
}

impl Issuer {
    /// With a fresh key.
    pub fn new() -> Self {
        let forger = TestKey::new();
        Issuer {
            key: forger.key.clone(),
            forger,
        }
    }

    /// A verifier that trusts this issuer and these.
    pub fn verifier_with(
        &self,
        mut issuers: Vec<CitizenIssuer>,
        http: HttpOptions,
    ) -> CitizenVerifier {
        issuers.push(self.settings());
        CitizenVerifier::new(issuers, http).expect("a verifier")
    }

    fn settings(&self) -> CitizenIssuer {
        CitizenIssuer {
            issuer: TrustedIssuer {
                name: ISSUER.to_owned(),
                audience: OWN_AUDIENCE.to_owned(),
                algorithms: vec![TokenAlgorithm::Es256],
                require_not_before: true,
                jwks: JwksSource::Inline(json!({"keys": [self.key.public_jwk()]}).to_string()),
            },
            accepted_levels: LEVEL_2_OR_MORE.map(str::to_owned).to_vec(),
        }
    }

    /// The claims of a good token, to be signed as they are or after a change.
    pub fn claims(
        &self,
        tax_code: &str,
        given_name: &str,
        family_name: &str,
        email: &str,
        now: Timestamp,
    ) -> Value {
        let iat = now.as_second();
        json!({
            "iss": ISSUER,
            "aud": OWN_AUDIENCE,
            "sub": format!("subject-of-{tax_code}"),
            "acr": LEVEL_2_OR_MORE[0],
            "fiscal_number": format!("TINIT-{tax_code}"),
            "given_name": given_name,
            "family_name": family_name,
            "email": email,
            "iat": iat,
            "nbf": iat,
            "exp": iat + 1800,
            "jti": format!("{tax_code}-{iat}"),
        })
    }
}

impl Default for Issuer {
    fn default() -> Self {
        Issuer::new()
    }
}

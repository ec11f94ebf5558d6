//! A stand-in for the national identity provider, for demonstrations only.
//!
//! For signing citizens' tokens with SPID-like claims on the machine of whoever tries the
//! product. Whoever can read its files can be any citizen: only `serve --demo` may trust it.
//! Invariant: its key is never the one that signs our own tokens.

use std::path::Path;

use anyhow::Context;
use api::oidc::{CitizenIssuer, Issuer, JwksSource, LEVEL_2_OR_MORE, TokenAlgorithm};
use api::tokens::{OWN_AUDIENCE, SigningKey};
use aws_lc_rs::hmac;
use data_encoding::BASE64URL_NOPAD;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use uuid::Uuid;

use crate::keys::{load_or_create_key, load_or_create_secret, random_bytes};

/// The `iss` of its tokens; the name resolves nowhere (RFC 2606).
pub(crate) const DEMO_ISSUER: &str = "https://demo-issuer.example.org";

/// What its tokens say of the log-in.
const LEVEL: &str = "https://www.spid.gov.it/SpidL2";

/// Its folder in the data folder.
const FOLDER: &str = "demo";

/// The demo identity provider of one data folder.
pub(crate) struct DemoIssuer {
    key: SigningKey,
    pairwise: hmac::Key,
}

#[derive(Serialize)]
struct DemoClaims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: String,
    acr: &'a str,
    fiscal_number: String,
    given_name: &'a str,
    family_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: Uuid,
}

impl DemoIssuer {
    /// Its key (`demo/issuer.pem`) and secret (`demo/pairwise.secret`), made at the first start.
    pub(crate) fn load_or_create(data_dir: &Path) -> anyhow::Result<Self> {
        let dir = data_dir.join(FOLDER);
        let key = load_or_create_key(&dir, "issuer.pem")?;
        let secret = load_or_create_secret(&dir, "pairwise.secret")?;
        Ok(DemoIssuer {
            key,
            pairwise: hmac::Key::new(hmac::HMAC_SHA256, &secret),
        })
    }

    /// Its public key set.
    pub(crate) fn jwks_json(&self) -> String {
        serde_json::json!({ "keys": [self.key.public_jwk()] }).to_string()
    }

    /// How a demo instance trusts it.
    pub(crate) fn settings(&self) -> CitizenIssuer {
        CitizenIssuer {
            issuer: Issuer {
                name: DEMO_ISSUER.to_owned(),
                audience: OWN_AUDIENCE.to_owned(),
                algorithms: vec![TokenAlgorithm::Es256],
                require_not_before: true,
                jwks: JwksSource::Inline(self.jwks_json()),
            },
            accepted_levels: LEVEL_2_OR_MORE.map(str::to_owned).to_vec(),
        }
    }

    /// A citizen's token, as after a log-in with SPID level 2. The tax code is not checked.
    pub(crate) fn citizen_token(
        &self,
        tax_code: &str,
        given_name: &str,
        family_name: &str,
        email: Option<&str>,
        now: Timestamp,
        lifetime: SignedDuration,
    ) -> anyhow::Result<String> {
        let tax_code = tax_code.trim().to_ascii_uppercase();
        let iat = now.as_second();
        let claims = DemoClaims {
            iss: DEMO_ISSUER,
            aud: OWN_AUDIENCE,
            sub: self.subject(&tax_code),
            acr: LEVEL,
            fiscal_number: format!("TINIT-{tax_code}"),
            given_name,
            family_name,
            email,
            iat,
            nbf: iat,
            exp: iat.saturating_add(lifetime.as_secs()),
            jti: uuid::Builder::from_random_bytes(random_bytes()?).into_uuid(),
        };
        self.key
            .sign(&claims)
            .context("cannot sign the citizen's token")
    }

    /// The same person has the same subject here, and nobody can tell the tax code from it.
    fn subject(&self, tax_code: &str) -> String {
        BASE64URL_NOPAD.encode(hmac::sign(&self.pairwise, tax_code.as_bytes()).as_ref())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use api::oidc::{CitizenVerifier, HttpOptions};
    use api::tokens::{TokenError, Tokens};
    use data_encoding::HEXLOWER;

    use super::*;

    const TAX_CODE: &str = "RSSMRA80A01H501U";

    /// Two starts on one data folder, which goes away with the test.
    fn twice() -> (DemoIssuer, DemoIssuer) {
        let dir = std::env::temp_dir().join(format!(
            "sportello-demo-{}",
            HEXLOWER.encode(&random_bytes::<8>().unwrap())
        ));
        let issuers = (
            DemoIssuer::load_or_create(&dir).unwrap(),
            DemoIssuer::load_or_create(&dir).unwrap(),
        );
        let mode = std::fs::metadata(dir.join("demo/issuer.pem"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::remove_dir_all(&dir).unwrap();
        issuers
    }

    fn now() -> Timestamp {
        "2031-03-14T09:26:53Z".parse().unwrap()
    }

    fn token(issuer: &DemoIssuer, tax_code: &str, email: Option<&str>) -> String {
        issuer
            .citizen_token(
                tax_code,
                "Maria",
                "Rossi",
                email,
                now(),
                SignedDuration::from_mins(30),
            )
            .unwrap()
    }

    #[tokio::test]
    async fn its_token_is_accepted_after_a_restart_and_expires() {
        let (before, after) = twice();
        let verifier =
            CitizenVerifier::new(vec![after.settings()], HttpOptions::default()).unwrap();
        let token = token(&before, " rssmra80a01h501u ", Some("maria@example.org"));
        let citizen = verifier.verify(&token, now()).await.unwrap();
        assert_eq!(citizen.issuer, DEMO_ISSUER);
        assert_eq!(citizen.tax_code, TAX_CODE);
        assert_eq!(
            (citizen.given_name.as_str(), citizen.family_name.as_str()),
            ("Maria", "Rossi")
        );
        assert_eq!(citizen.email.as_deref(), Some("maria@example.org"));
        let later = now() + SignedDuration::from_mins(31);
        assert_eq!(
            verifier.verify(&token, later).await,
            Err(TokenError::Expired)
        );
    }

    #[tokio::test]
    async fn the_subject_names_the_person_without_the_tax_code() {
        let (issuer, _) = twice();
        let (elsewhere, _) = twice();
        let subject = async |issuer: &DemoIssuer, tax_code: &str| {
            let verifier =
                CitizenVerifier::new(vec![issuer.settings()], HttpOptions::default()).unwrap();
            verifier
                .verify(&token(issuer, tax_code, None), now())
                .await
                .unwrap()
                .subject
        };
        let first = subject(&issuer, TAX_CODE).await;
        assert_eq!(subject(&issuer, TAX_CODE).await, first);
        assert_ne!(subject(&issuer, "VRDGPP80A01H501X").await, first);
        assert_ne!(subject(&elsewhere, TAX_CODE).await, first);
        assert!(!first.contains(TAX_CODE));
    }

    #[tokio::test]
    async fn other_installations_and_our_own_verifier_refuse_its_tokens() {
        let (issuer, _) = twice();
        let (elsewhere, _) = twice();
        let token = token(&issuer, TAX_CODE, None);
        let verifier =
            CitizenVerifier::new(vec![elsewhere.settings()], HttpOptions::default()).unwrap();
        assert_eq!(
            verifier.verify(&token, now()).await,
            Err(TokenError::UnknownKey)
        );
        let own = Tokens::new(
            elsewhere.key.clone(),
            Vec::new(),
            "https://sportello.example.org".to_owned(),
        );
        assert_eq!(own.verify(&token, now()), Err(TokenError::UnknownKey));
        // Even with its key among ours, a citizen's token is no access token of staff.
        let own = Tokens::new(issuer.key.clone(), Vec::new(), DEMO_ISSUER.to_owned());
        assert_eq!(own.verify(&token, now()), Err(TokenError::Claim("payload")));
    }

    #[test]
    fn the_key_set_holds_no_private_part() {
        let (issuer, _) = twice();
        let set: serde_json::Value = serde_json::from_str(&issuer.jwks_json()).unwrap();
        let key = set["keys"][0].as_object().unwrap();
        assert_eq!(key["kty"], "EC");
        assert!(!key.contains_key("d"));
    }
}

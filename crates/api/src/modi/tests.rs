//! Tokens with certificates, good and forged.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, RsaKeyPair,
};
use jiff::ToSpan;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa,
    PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, SignatureAlgorithm,
    date_time_ymd,
};
use serde_json::{Value, json};

use super::*;
use crate::forge::*;

const AUDIENCE: &str = "https://sportello.example.org";

type Authority = CertifiedIssuer<'static, rcgen::KeyPair>;

/// What a certificate says, good for the year of the test.
fn about(name: &str) -> CertificateParams {
    let mut about = CertificateParams::new(Vec::new()).unwrap();
    about
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    about.not_before = date_time_ymd(2031, 1, 1);
    about.not_after = date_time_ymd(2032, 1, 1);
    about
}

fn about_authority(name: &str) -> CertificateParams {
    let mut about = about(name);
    about.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    about
}

fn new_key() -> rcgen::KeyPair {
    rcgen::KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()
}

fn root(name: &str) -> Authority {
    CertifiedIssuer::self_signed(about_authority(name), new_key()).unwrap()
}

fn below(authority: &Authority, about: CertificateParams) -> Authority {
    CertifiedIssuer::signed_by(about, new_key(), authority).unwrap()
}

/// A program: its key and its certificate.
struct Program {
    key: ProviderKey,
    certificate: rcgen::Certificate,
}

fn program_with(
    authority: &Authority,
    about: CertificateParams,
    algorithm: &'static SignatureAlgorithm,
) -> Program {
    let pair = rcgen::KeyPair::generate_for(algorithm).unwrap();
    let certificate = about.signed_by(&pair, authority).unwrap();
    let der = pair.serialize_der();
    let ec = |kind| EcdsaKeyPair::from_pkcs8(kind, &der).unwrap();
    let signer = if algorithm == &PKCS_RSA_SHA256 {
        Signer::Rsa(RsaKeyPair::from_pkcs8(&der).unwrap())
    } else if algorithm == &PKCS_ECDSA_P384_SHA384 {
        Signer::P384(ec(&ECDSA_P384_SHA384_FIXED_SIGNING))
    } else {
        Signer::P256(ec(&ECDSA_P256_SHA256_FIXED_SIGNING))
    };
    Program {
        key: ProviderKey { kid: "k1", signer },
        certificate,
    }
}

fn program(authority: &Authority) -> Program {
    program_with(
        authority,
        about("Programma di prova"),
        &PKCS_ECDSA_P256_SHA256,
    )
}

fn x5c(chain: &[&[u8]]) -> Value {
    json!(
        chain
            .iter()
            .map(|der| BASE64.encode(der))
            .collect::<Vec<_>>()
    )
}

fn modi_claims() -> Value {
    let now = now().as_second();
    json!({
        "iss": "programma", "sub": "ufficio", "aud": AUDIENCE, "jti": "m-1",
        "iat": now, "nbf": now, "exp": now + 300,
    })
}

impl Program {
    fn der(&self) -> &[u8] {
        self.certificate.der()
    }

    fn header(&self) -> Value {
        json!({"alg": "ES256", "typ": "JWT", "x5c": x5c(&[self.der()])})
    }

    fn token(&self, claims: &Value) -> String {
        self.key.sign(&self.header(), claims)
    }
}

fn trusting(authority: &Authority) -> ModiVerifier {
    ModiVerifier::new(authority.pem().as_bytes(), AUDIENCE.to_owned()).unwrap()
}

#[test]
fn a_good_token_tells_which_certificate_signed_it() {
    let root = root("Radice");
    let verifier = trusting(&root);
    let program = program(&root);
    let digest = Sha256::digest(program.der());
    let expected = ModiClaims {
        certificate_sha256: HEXLOWER.encode(&digest),
        issuer: Some("programma".to_owned()),
        subject: Some("ufficio".to_owned()),
        jti: "m-1".to_owned(),
        expires_at: now() + 360.seconds(),
    };
    let token = program.token(&modi_claims());
    assert!(brings_certificate(&token));
    assert_eq!(verifier.verify(&token, now()), Ok(expected.clone()));
    assert_eq!(
        certificate_sha256(&program.certificate.pem()).as_ref(),
        Some(&expected.certificate_sha256)
    );

    let named = BASE64URL_NOPAD.encode(&digest);
    let header = with(program.header(), "x5t#S256", json!(named));
    let token = program.key.sign(&header, &modi_claims());
    assert_eq!(verifier.verify(&token, now()), Ok(expected.clone()));

    let bare = without(without(without(modi_claims(), "iss"), "sub"), "nbf");
    let several = with(bare, "aud", json!(["other", AUDIENCE]));
    let verdict = verifier.verify(&program.token(&several), now());
    assert_eq!(
        verdict,
        Ok(ModiClaims {
            issuer: None,
            subject: None,
            ..expected
        })
    );
}

#[test]
fn a_chain_through_authorities_in_between_is_followed() {
    let root = root("Radice");
    let between = below(&root, about_authority("Intermedia"));
    let program = program(&between);
    let verifier = trusting(&root);
    let signed = |chain: Value| {
        let header = with(program.header(), "x5c", chain);
        verifier
            .verify(&program.key.sign(&header, &modi_claims()), now())
            .map(|_| ())
    };
    assert_eq!(signed(x5c(&[program.der(), between.der()])), Ok(()));
    assert_eq!(
        signed(x5c(&[program.der(), between.der(), root.der()])),
        Ok(())
    );
    // The authority in between is missing, or the first is not the signer's.
    assert_eq!(signed(x5c(&[program.der()])), Err(TokenError::Certificate));
    assert_eq!(
        signed(x5c(&[program.der(), root.der()])),
        Err(TokenError::Certificate)
    );
    assert!(signed(x5c(&[between.der(), program.der()])).is_err());
    assert!(signed(x5c(&[between.der(), root.der()])).is_err());
    assert!(signed(x5c(&[root.der()])).is_err());
    let long = [program.der(), between.der(), root.der()].repeat(2);
    assert_eq!(signed(x5c(&long)), Err(TokenError::Header));
    // Any of several trusted authorities will do.
    let other = self::root("Altra");
    let pem = format!("{}{}", other.pem(), root.pem());
    let verifier = ModiVerifier::new(pem.as_bytes(), AUDIENCE.to_owned()).unwrap();
    let header = with(
        program.header(),
        "x5c",
        x5c(&[program.der(), between.der()]),
    );
    let token = program.key.sign(&header, &modi_claims());
    assert!(verifier.verify(&token, now()).is_ok());
}

#[test]
fn each_algorithm_works_with_its_own_kind_of_key_only() {
    let root = root("Radice");
    let verifier = trusting(&root);
    let rsa = program_with(&root, about("RSA"), &PKCS_RSA_SHA256);
    let p384 = program_with(&root, about("P-384"), &PKCS_ECDSA_P384_SHA384);
    let p256 = program(&root);
    for (program, alg, is_good) in [
        (&rsa, "RS256", true),
        (&rsa, "PS256", true),
        (&rsa, "ES256", false),
        (&p256, "ES256", true),
        (&p256, "RS256", false),
        (&p256, "EdDSA", false),
        (&p384, "ES256", false),
        (&p384, "ES384", false),
    ] {
        let header = with(program.header(), "alg", json!(alg));
        let token = program.key.sign(&header, &modi_claims());
        assert_eq!(verifier.verify(&token, now()).is_ok(), is_good, "{alg}");
    }
    let header = with(rsa.header(), "alg", json!("RS256"));
    let token = rsa.key.sign(&header, &modi_claims());
    let (_, rest) = token.split_once('.').unwrap();
    let header = with(rsa.header(), "alg", json!("PS256")).to_string();
    let header = BASE64URL_NOPAD.encode(header.as_bytes());
    let verdict = verifier.verify(&format!("{header}.{rest}"), now());
    assert_eq!(verdict, Err(TokenError::Signature));
}

#[test]
fn certificates_that_lead_nowhere_are_refused() {
    let (ours, theirs) = (root("Radice"), root("Radice"));
    let verifier = trusting(&ours);
    let mut expired = about("Scaduto");
    expired.not_after = date_time_ymd(2031, 3, 1);
    let mut early = about("Futuro");
    early.not_before = date_time_ymd(2031, 4, 1);
    let mut for_servers = about("Server");
    for_servers.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let mut old_authority = about_authority("Vecchia");
    old_authority.not_after = date_time_ymd(2031, 3, 1);
    let old_authority = below(&ours, old_authority);
    let no_authority = below(&ours, about("Nessuna autorità"));
    let mut no_further = about_authority("Ultima");
    no_further.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let no_further = below(&ours, no_further);
    let too_deep = below(&no_further, about_authority("Di troppo"));

    let plain = |authority, about| program_with(authority, about, &PKCS_ECDSA_P256_SHA256);
    for (what, program, between) in [
        ("another root of the same name", program(&theirs), vec![]),
        ("expired", plain(&ours, expired), vec![]),
        ("not yet valid", plain(&ours, early), vec![]),
        ("for servers only", plain(&ours, for_servers), vec![]),
        ("an authority", plain(&ours, about_authority("CA")), vec![]),
        (
            "an expired authority",
            program(&old_authority),
            vec![&old_authority],
        ),
        (
            "signed by no authority",
            program(&no_authority),
            vec![&no_authority],
        ),
        ("too deep", program(&too_deep), vec![&too_deep, &no_further]),
        ("a foreign root along", program(&theirs), vec![&theirs]),
    ] {
        let mut chain = vec![program.der()];
        chain.extend(between.iter().map(|authority| -> &[u8] { authority.der() }));
        let header = with(program.header(), "x5c", x5c(&chain));
        let verdict = verifier.verify(&program.key.sign(&header, &modi_claims()), now());
        assert_eq!(verdict, Err(TokenError::Certificate), "{what}");
    }
    // A program's own root, and its certificate for itself.
    let pair = new_key();
    let own = about("Da solo").self_signed(&pair).unwrap();
    let signer = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pair.serialize_der());
    let own = Program {
        key: ProviderKey {
            kid: "k1",
            signer: Signer::P256(signer.unwrap()),
        },
        certificate: own,
    };
    let verdict = verifier.verify(&own.token(&modi_claims()), now());
    assert_eq!(verdict, Err(TokenError::Certificate));
}

#[test]
fn a_certificate_expires_by_the_given_clock() {
    let root = root("Radice");
    let verifier = trusting(&root);
    let program = program(&root);
    let verdict = |at: &str| {
        let at: Timestamp = at.parse().unwrap();
        let second = at.as_second();
        let claims = json!({"aud": AUDIENCE, "jti": "m-1", "iat": second, "exp": second + 60});
        verifier.verify(&program.token(&claims), at).map(|_| ())
    };
    assert_eq!(verdict("2031-12-31T23:59:59Z"), Ok(()));
    assert_eq!(
        verdict("2032-01-01T00:00:01Z"),
        Err(TokenError::Certificate)
    );
    assert_eq!(
        verdict("2030-12-31T23:59:59Z"),
        Err(TokenError::Certificate)
    );
    assert_eq!(
        verdict("1969-12-31T23:59:59Z"),
        Err(TokenError::Certificate)
    );
}

#[test]
fn a_header_without_a_usable_certificate_is_refused() {
    let root = root("Radice");
    let verifier = trusting(&root);
    let (program, other) = (program(&root), program(&root));
    let leaf = BASE64.encode(program.der());
    for (what, chain) in [
        ("another program's", x5c(&[other.der()])),
        ("no certificate", json!([])),
        ("nothing", json!(null)),
        ("text", json!(leaf)),
        ("numbers", json!([7])),
        (
            "base64 without padding",
            json!([leaf.trim_end_matches('=').to_owned() + "!"]),
        ),
        ("a line break", json!([format!("{leaf}\n")])),
        ("PEM", json!([program.certificate.pem()])),
        ("garbage", json!([BASE64.encode(b"certificate")])),
        ("half", json!([BASE64.encode(&program.der()[..100])])),
        (
            "more at the end",
            json!([BASE64.encode(&[program.der(), b"x"].concat())]),
        ),
    ] {
        let header = with(program.header(), "x5c", chain);
        let verdict = verifier.verify(&program.key.sign(&header, &modi_claims()), now());
        assert!(verdict.is_err(), "{what}");
    }
    let without_chain = without(program.header(), "x5c");
    let token = program.key.sign(&without_chain, &modi_claims());
    assert!(!brings_certificate(&token));
    assert_eq!(verifier.verify(&token, now()), Err(TokenError::Header));
    for named in [
        json!("x"),
        json!(HEXLOWER.encode(&Sha256::digest(program.der()))),
        json!(7),
    ] {
        let header = with(program.header(), "x5t#S256", named.clone());
        let verdict = verifier.verify(&program.key.sign(&header, &modi_claims()), now());
        assert_eq!(verdict, Err(TokenError::Header), "{named}");
    }
    for typ in [json!("at+jwt"), json!(null), json!("JOSE"), json!("")] {
        let header = with(program.header(), "typ", typ.clone());
        let verdict = verifier.verify(&program.key.sign(&header, &modi_claims()), now());
        assert_eq!(verdict, Err(TokenError::Header), "{typ}");
    }
    // A gigabyte of certificates ends at the length of a token.
    let header = with(program.header(), "x5c", json!(["A".repeat(1024 * 1024)]));
    let verdict = verifier.verify(&program.key.sign(&header, &modi_claims()), now());
    assert_eq!(verdict, Err(TokenError::Malformed));
}

#[test]
fn every_claim_is_required_and_checked() {
    let root = root("Radice");
    let verifier = trusting(&root);
    let program = program(&root);
    let second = now().as_second();
    for (name, value, error) in [
        (
            "aud",
            json!("https://other.example.org"),
            TokenError::Audience,
        ),
        ("aud", json!(format!("{AUDIENCE}/")), TokenError::Audience),
        ("aud", json!([]), TokenError::Audience),
        ("aud", json!({AUDIENCE: 1}), TokenError::Claim("payload")),
        ("jti", json!(null), TokenError::Claim("jti")),
        ("jti", json!(" "), TokenError::Claim("jti")),
        ("jti", json!("x".repeat(256)), TokenError::Claim("jti")),
        ("jti", json!("a\u{0}"), TokenError::Claim("jti")),
        ("jti", json!(7), TokenError::Claim("payload")),
        ("iss", json!("\u{1b}[31m"), TokenError::Claim("iss")),
        ("sub", json!(""), TokenError::Claim("sub")),
        ("exp", json!(second + 3601), TokenError::Claim("exp")),
        ("exp", json!(i64::MAX), TokenError::Claim("exp")),
        ("exp", json!(second - 60), TokenError::Claim("exp")),
        ("iat", json!(second + 61), TokenError::NotYetValid),
        ("nbf", json!(second + 61), TokenError::NotYetValid),
        ("nbf", json!("now"), TokenError::Claim("payload")),
    ] {
        let token = program.token(&with(modi_claims(), name, value.clone()));
        assert_eq!(verifier.verify(&token, now()), Err(error), "{name} {value}");
    }
    for name in ["aud", "iat", "exp", "jti"] {
        let token = program.token(&without(modi_claims(), name));
        assert!(verifier.verify(&token, now()).is_err(), "{name}");
    }
    let token = program.token(&modi_claims());
    for (skew, error) in [
        (-300, TokenError::NotYetValid),
        (360, TokenError::Expired),
        (600, TokenError::Expired),
    ] {
        let verdict = verifier.verify(&token, now() + skew.seconds());
        assert_eq!(verdict, Err(error), "{skew}");
    }
}

#[test]
fn forged_tokens_are_refused_and_cause_no_call() {
    let silence = Silence::new();
    let root = root("Radice");
    let verifier = trusting(&root);
    let program = program(&root);
    let good = program.token(&modi_claims());
    assert!(verifier.verify(&good, now()).is_ok());
    for (what, token) in forgeries(&good, &program.key, &silence.url()) {
        assert!(verifier.verify(&token, now()).is_err(), "{what}");
    }
    // Names that look like places are names.
    for kid in ["../../etc/passwd", "http://127.0.0.1/"] {
        let header = with(program.header(), "kid", json!(kid));
        let token = program.key.sign(&header, &modi_claims());
        assert!(verifier.verify(&token, now()).is_ok(), "{kid}");
    }
    assert!(silence.was_kept());
}

#[test]
fn impossible_trust_stops_the_start() {
    let root = root("Radice");
    let made = |pem: &str, audience: &str| ModiVerifier::new(pem.as_bytes(), audience.to_owned());
    assert!(made(&root.pem(), AUDIENCE).is_ok());
    assert!(matches!(made("", AUDIENCE), Err(TrustError::Empty)));
    assert!(matches!(made("text", AUDIENCE), Err(TrustError::Empty)));
    assert!(matches!(made(&root.pem(), ""), Err(TrustError::NoAudience)));
    let key = new_key().serialize_pem();
    assert!(matches!(made(&key, AUDIENCE), Err(TrustError::Empty)));
    let cut = &root.pem()[..200];
    assert!(made(cut, AUDIENCE).is_err());
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let after = format!("{}{broken}", root.pem());
    assert!(matches!(
        made(&after, AUDIENCE),
        Err(TrustError::Certificate { at: 2, .. })
    ));
}

#[test]
fn one_certificate_is_registered_at_a_time() {
    let root = root("Radice");
    let (one, other) = (program(&root), program(&root));
    let (one, other) = (one.certificate.pem(), other.certificate.pem());
    assert_ne!(certificate_sha256(&one), certificate_sha256(&other));
    for text in ["", "text", &format!("{one}{other}"), &one[..100]] {
        assert_eq!(certificate_sha256(text), None);
    }
}

//! Tokens of staff, good and forged, and what their profiles stand for.

use domain::actor::Role;

use super::*;

fn rule(profile: &str, role: Role, authority: &str) -> ProfileRule {
    ProfileRule {
        profile: profile.to_owned(),
        role,
        authority: authority.to_owned(),
        location: format!("{authority}-01"),
        location_label: "Sportello di prova".to_owned(),
    }
}

fn staff_issuer(key: &ProviderKey) -> StaffIssuer {
    StaffIssuer {
        issuer: plain_issuer(JwksSource::Inline(key_set(&[key]))),
        placements_claim: "profili".to_owned(),
        second_factor_levels: vec!["https://www.spid.gov.it/SpidL2".to_owned()],
        profiles: vec![
            rule("ASL_OPERATORE@010204", Role::Operator, "010204"),
            rule("REGIONE_SUPERVISORE", Role::RegionalSupervisor, "REG010"),
        ],
    }
}

fn staff_verifier(key: &ProviderKey) -> StaffVerifier {
    StaffVerifier::new(vec![staff_issuer(key)], HttpOptions::default()).unwrap()
}

fn staff_claims() -> Value {
    with(
        claims(),
        "profili",
        json!(["ASL_OPERATORE@010204", "ALTRO@999"]),
    )
}

#[tokio::test]
async fn a_good_token_tells_who_it_is_and_which_profiles() {
    let key = p256("k1");
    let verifier = staff_verifier(&key);
    let token = key.token(&staff_claims());
    assert!(verifier.is_named_by(&token));
    let read = verifier.verify(&token, now()).await.unwrap();
    assert_eq!(read.subject, "pairwise-1");
    assert_eq!(read.tax_code, "RSSMRA80A01H501U");
    assert_eq!(
        (read.given_name.as_str(), read.family_name.as_str()),
        ("Mària", "D'Àngelo")
    );
    assert_eq!(read.jti, "x");
    assert_eq!(
        read.expires_at,
        now() + 660.seconds() - now().subsec_nanosecond().nanoseconds()
    );
    assert!(read.second_factor);
    assert_eq!(read.profiles, ["ASL_OPERATORE@010204", "ALTRO@999"]);
    assert_eq!(
        verifier.placements(&read),
        [rule("ASL_OPERATORE@010204", Role::Operator, "010204")]
    );
    let printed = format!("{read:?}");
    assert!(!printed.contains("RSSMRA") && !printed.contains("Mària"));

    let bare = without(without(staff_claims(), "profili"), "email");
    let read = verifier.verify(&key.token(&bare), now()).await.unwrap();
    assert_eq!(read.email, None);
    assert!(verifier.placements(&read).is_empty());

    // Without an id nobody could tell that it came before.
    let nameless = key.token(&without(staff_claims(), "jti"));
    assert!(verifier.verify(&nameless, now()).await.is_err());
}

#[tokio::test]
async fn an_unknown_profile_gives_no_right() {
    let key = p256("k1");
    let verifier = staff_verifier(&key);
    for profile in [
        "ASL_OPERATORE@010210",
        "asl_operatore@010204",
        "ASL_OPERATORE@010204 ",
        "ASL_OPERATORE",
        "admin",
        "system-admin",
        "*",
        "",
    ] {
        let token = key.token(&with(staff_claims(), "profili", json!([profile])));
        let read = verifier.verify(&token, now()).await.unwrap();
        assert!(verifier.placements(&read).is_empty(), "{profile}");
    }
}

#[tokio::test]
async fn a_second_factor_is_proved_by_level_or_method() {
    let key = p256("k1");
    let verifier = staff_verifier(&key);
    for (acr, amr, expected) in [
        (json!("https://www.spid.gov.it/SpidL2"), json!(null), true),
        (json!("https://www.spid.gov.it/SpidL1"), json!(null), false),
        (json!("1"), json!(["pwd", "mfa"]), true),
        (json!(null), json!(["mfa"]), true),
        (json!(null), json!(["pwd", "MFA", "otp"]), false),
        (json!(null), json!([]), false),
    ] {
        let claims = with(with(staff_claims(), "acr", acr), "amr", amr.clone());
        let read = verifier.verify(&key.token(&claims), now()).await.unwrap();
        assert_eq!(read.second_factor, expected, "{amr}");
    }
}

#[tokio::test]
async fn every_claim_of_staff_is_checked() {
    let key = p256("k1");
    let verifier = staff_verifier(&key);
    let second = now().as_second();
    for (name, value, error) in [
        ("iss", json!("https://evil.example.org"), TokenError::Issuer),
        ("aud", json!("another"), TokenError::Audience),
        ("aud", json!(["another"]), TokenError::Audience),
        ("sub", json!(""), TokenError::Claim("sub")),
        ("sub", json!("a\u{0}b"), TokenError::Claim("sub")),
        ("sub", json!("s".repeat(256)), TokenError::Claim("sub")),
        ("sub", json!({}), TokenError::Claim("payload")),
        ("jti", json!(""), TokenError::Claim("jti")),
        ("jti", json!("j".repeat(256)), TokenError::Claim("jti")),
        ("jti", json!(1), TokenError::Claim("payload")),
        ("exp", json!(second - 60), TokenError::Claim("exp")),
        (
            "exp",
            json!(second + 12 * 3600 + 1),
            TokenError::Claim("exp"),
        ),
        ("exp", json!(i64::MAX), TokenError::Claim("exp")),
        ("exp", json!("2031-03-14"), TokenError::Claim("payload")),
        ("iat", json!(second + 300), TokenError::NotYetValid),
        ("nbf", json!(second + 300), TokenError::NotYetValid),
        ("nbf", json!(null), TokenError::Claim("nbf")),
        (
            "acr",
            json!(["https://www.spid.gov.it/SpidL2"]),
            TokenError::Claim("payload"),
        ),
        ("amr", json!("mfa"), TokenError::Claim("payload")),
        (
            "fiscal_number",
            json!("RSSMRA80A01H501U"),
            TokenError::Claim("fiscal_number"),
        ),
        (
            "fiscal_number",
            json!("TINDE-1"),
            TokenError::Claim("fiscal_number"),
        ),
        (
            "fiscal_number",
            json!(null),
            TokenError::Claim("fiscal_number"),
        ),
        ("given_name", json!(" "), TokenError::Claim("given_name")),
        ("family_name", json!(null), TokenError::Claim("family_name")),
        (
            "profili",
            json!("ASL_OPERATORE@010204"),
            TokenError::Claim("profiles"),
        ),
        (
            "profili",
            json!({"ASL_OPERATORE@010204": true}),
            TokenError::Claim("profiles"),
        ),
        (
            "profili",
            json!(["ASL_OPERATORE@010204", 7]),
            TokenError::Claim("profiles"),
        ),
        ("profili", json!(null), TokenError::Claim("profiles")),
    ] {
        let token = key.token(&with(staff_claims(), name, value.clone()));
        let verdict = verifier.verify(&token, now()).await;
        assert_eq!(verdict, Err(error), "{name} {value}");
    }
}

#[tokio::test]
async fn forged_tokens_of_staff_are_refused_and_cause_no_call() {
    let silence = Silence::new();
    let key = p256("k1");
    let verifier = staff_verifier(&key);
    let good = key.token(&staff_claims());
    assert!(verifier.verify(&good, now()).await.is_ok());
    for (what, token) in forgeries(&good, &key, &silence.url()) {
        assert!(verifier.verify(&token, now()).await.is_err(), "{what}");
    }
    for kid in ["../../../../etc/passwd", "' OR 1=1 --", "", "k1\u{0}"] {
        let header = json!({"alg": "ES256", "kid": kid, "typ": "JWT"});
        let verdict = verifier
            .verify(&key.sign(&header, &staff_claims()), now())
            .await;
        assert_eq!(verdict, Err(TokenError::UnknownKey), "{kid:?}");
    }
    assert!(silence.was_kept());
}

#[test]
fn rules_that_govern_or_contradict_stop_the_start() {
    let key = p256("k1");
    let refused = |change: &dyn Fn(&mut StaffIssuer)| {
        let mut issuer = staff_issuer(&key);
        change(&mut issuer);
        StaffVerifier::new(vec![issuer], HttpOptions::default()).is_err()
    };
    assert!(!refused(&|_| ()));
    for role in [Role::Admin, Role::SystemAdmin, Role::Auditor] {
        assert!(
            refused(&|issuer| issuer.profiles[0].role = role),
            "{role:?}"
        );
    }
    for role in FEDERATED_ROLES {
        assert!(!refused(&|issuer| issuer.profiles[0].role = role));
    }
    assert!(refused(&|issuer| {
        issuer.profiles[1].profile = issuer.profiles[0].profile.clone();
    }));
    assert!(refused(&|issuer| issuer.profiles[0].profile.clear()));
    assert!(refused(&|issuer| issuer.placements_claim.clear()));
    for claim in ["aud", "sub", "acr", "fiscal_number"] {
        assert!(refused(&|issuer| issuer.placements_claim = claim.to_owned()));
    }
    assert!(refused(&|issuer| issuer.issuer.audience.clear()));
}

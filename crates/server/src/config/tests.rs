//! What settings are accepted, and how a wrong one is named.

use std::path::Path;

use super::*;

/// The settings with these variables, or what was said against them.
pub(crate) fn with(variables: &[(&str, &str)]) -> Result<Config, String> {
    load_with(None, variables)
}

fn load_with(file: Option<&Path>, variables: &[(&str, &str)]) -> Result<Config, String> {
    let variables = variables
        .iter()
        .map(|(key, text)| ((*key).to_owned(), (*text).to_owned()));
    let written = load::written(file, variables.collect()).map_err(|error| error.to_string())?;
    written.check().map_err(|error| error.to_string())
}

fn refusal(key: &str, text: &str) -> String {
    match with(&[(key, text)]) {
        Ok(_) => panic!("{key} = {text} was accepted"),
        Err(message) => message,
    }
}

/// No key has a default in the code, so reading the file alone shows that it names every key;
/// unknown keys are refused, so the struct has every key of the file.
#[test]
fn the_default_file_is_complete_and_sane() {
    let config = with(&[]).unwrap();
    assert_eq!(config.database.url, "sqlite://data/sportello.db");
    assert_eq!(config.blobs.url, "data/blobs");
    assert_eq!(config.http.bind.to_string(), "127.0.0.1:8080");
    assert_eq!(
        config.mail.base_url(config.http.bind),
        "http://127.0.0.1:8080"
    );
    assert_eq!(config.mail.kind, MailKind::Folder);
    let ours = service::Settings::default();
    assert_eq!(config.lifecycle.windows, ours.windows);
    assert_eq!(config.lifecycle.resolution_target, ours.resolution_target);
    assert_eq!(
        config.lifecycle.purge_removed_after,
        ours.purge_removed_after
    );
    assert_eq!(
        format!("{:?}", config.untouched),
        format!("{:?}", ours.untouched)
    );
    assert_eq!(config.nudges, ours.nudges);
    assert_eq!(
        config.activities_overdue_after,
        ours.activities_overdue_after
    );
    assert_eq!(config.lifecycle.duplicate_hint, ours.duplicate_hint);
    assert_eq!(config.text_limits, ours.text_limits);
    assert_eq!(
        format!("{:?}", config.email_proof),
        format!("{:?}", ours.email_proof)
    );
    assert_eq!(
        format!("{:?}", config.sign_in),
        format!("{:?}", ours.sign_in)
    );
    assert_eq!(config.idempotency, ours.idempotency);
    assert_eq!(config.parallel_hashings, ours.parallel_hashings);
}

#[test]
fn an_unknown_key_is_named() {
    for key in [
        "http.bnd",
        "htp",
        "mail.smtp.pasword",
        "colour",
        "lifecycle.authorities.010204.auto_close",
    ] {
        let message = refusal(key, "x");
        assert!(
            message.contains(&format!("  {key}: there is no such setting")),
            "{message}"
        );
    }
}

#[test]
fn a_value_of_another_kind_is_named_and_not_repeated() {
    for (key, text) in [
        ("http.workers", "many"),
        ("http.workers", "-1"),
        ("http.trusted_proxies", "127.0.0.1"),
        ("database.allow_plaintext_postgres", "perhaps"),
        ("mail.smtp.port", "70000"),
        ("mail.transport", "pigeon"),
        ("log.format", "xml"),
        ("delegations.source", "oracle"),
    ] {
        let message = refusal(key, text);
        assert!(message.contains(&format!("  {key}: ")), "{message}");
        assert!(!message.contains(text), "{message}");
    }
}

#[test]
fn a_replica_stands_beside_postgresql() {
    let (url, replica) = ("postgres://localhost/one", "postgres://localhost/two");
    let config = with(&[("database.url", url), ("database.replica_url", replica)]).unwrap();
    assert_eq!(config.database.replica_url.as_deref(), Some(replica));
    assert_eq!(with(&[]).unwrap().database.replica_url, None);
}

#[test]
fn floors_and_ceilings_hold() {
    for (key, text) in [
        ("lifecycle.auto_close_after", "PT59M"),
        ("activities.overdue_after.critical", "4 hours"),
        ("lifecycle.auto_close_after", "P61D"),
        ("lifecycle.auto_close_after", "7 days"),
        ("lifecycle.reopen_within", "P91D"),
        ("lifecycle.give_up_after", "P9D"),
        ("lifecycle.give_up_after", "P10D"),
        ("lifecycle.reminders_after", "[\"P5D\", \"P5D\"]"),
        (
            "lifecycle.reminders_after",
            "[\"P1D\", \"P2D\", \"P3D\", \"P4D\", \"P5D\", \"P6D\"]",
        ),
        ("lifecycle.authorities.010204.auto_close_after", "PT1M"),
        ("lifecycle.authorities.010204.give_up_after", "P10D"),
        ("sign_in.hash_memory_kib", "19455"),
        ("sign_in.hash_passes", "1"),
        ("sign_in.session_idle", "PT9H"),
        ("form.description_max_chars", "4001"),
        ("database.replica_max_lag_ms", "99"),
        ("database.replica_max_lag_ms", "30001"),
        // Without another url it would stand beside a file.
        ("database.replica_url", "postgres://localhost/sportello"),
        ("http.bind", "localhost:8080"),
        ("http.requests_per_minute", "0"),
        ("mail.base_url", "sportello.example.org"),
        ("mail.tracking_url", "https://sportello.example.org/"),
        ("time_zone", "Europe/Atlantis"),
        ("log.filter", "sportello=loud"),
        ("data.folder", ""),
    ] {
        let (section, name) = key.rsplit_once('.').unwrap_or(("", key));
        let message = refusal(key, text);
        let prefix = if section.is_empty() {
            format!("  {name}: ")
        } else {
            format!("  {section}.{name}: ")
        };
        assert!(message.contains(&prefix), "{key} = {text}: {message}");
    }
}

#[test]
fn a_source_of_delegations_is_checked_when_it_is_chosen() {
    let url = ("delegations.http.url", "https://deleghe.example.org/active");
    let http = ("delegations.source", "http");
    for (source, expected) in [
        ("none", "no source: nobody can act for anybody else"),
        ("table", "from the table"),
    ] {
        let config = with(&[("delegations.source", source)]).unwrap();
        assert_eq!(config.delegations.summary().unwrap(), expected);
    }
    assert!(with(&[http, url]).is_ok());
    for (key, text) in [
        ("delegations.http.url", ""),
        ("delegations.http.timeout_ms", "99"),
        ("delegations.http.connect_timeout_ms", "30001"),
        ("delegations.http.token_file", "no/such/file"),
    ] {
        let message = with(&[http, url, (key, text)]).err().unwrap();
        assert!(message.contains(&format!("  {key}: ")), "{message}");
    }
    let elsewhere = ("delegations.http.url", "http://deleghe.example.org/");
    let config = with(&[http, elsewhere]).unwrap();
    assert!(config.delegations.summary().is_err(), "not https");
}

#[test]
fn all_mistakes_are_told_at_once() {
    let wrong = [
        ("lifecycle.auto_close_after", "PT1S"),
        ("sign_in.hash_passes", "1"),
    ];
    let message = with(&wrong).err().unwrap();
    assert_eq!(message.lines().count(), 3, "{message}");
}

#[test]
fn a_variable_wins_over_the_file_and_the_file_over_the_default() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sportello.toml");
    std::fs::write(
        &file,
        "[http]\nbind = \"127.0.0.1:1\"\nworkers = 3\n[data]\nfolder = \"elsewhere\"\n",
    )
    .unwrap();
    let config = load_with(Some(&file), &[("http.bind", "127.0.0.1:2")]).unwrap();
    assert_eq!(config.http.bind.port(), 2);
    assert_eq!(config.http.options.workers, 3);
    assert_eq!(config.database.url, "sqlite://elsewhere/sportello.db");

    let missing = folder.path().join("nowhere.toml");
    assert!(
        load_with(Some(&missing), &[])
            .err()
            .unwrap()
            .contains("nowhere.toml")
    );

    std::fs::write(&file, "[mail.smtp]\n\npassword = \"hunter2\" oops\n").unwrap();
    let message = load_with(Some(&file), &[]).err().unwrap();
    assert!(message.contains("sportello.toml:3: "), "{message}");
    assert!(!message.contains("hunter2"), "{message}");
}

#[test]
fn secrets_come_by_value_or_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("url");
    std::fs::write(&file, "postgres://me:pa%20ss@db/sportello\n").unwrap();
    let path = file.to_str().unwrap();
    let config = with(&[("database.url_file", path)]).unwrap();
    assert_eq!(config.database.url, "postgres://me:pa%20ss@db/sportello");
    let both = with(&[
        ("database.url_file", path),
        ("database.url", "sqlite://secret.db"),
    ]);
    let message = both.err().unwrap();
    assert!(
        message.contains("database.url: ") && !message.contains("secret.db"),
        "{message}"
    );

    // Digits stay text: as a number this password would lose its zeros.
    let written = load::written(
        None,
        vec![
            ("mail.smtp.password".to_owned(), "007".to_owned()),
            (
                "blobs.options.aws_secret_access_key".to_owned(),
                "1e3".to_owned(),
            ),
            (
                "blobs.options.aws_access_key_id_file".to_owned(),
                path.to_owned(),
            ),
        ],
    )
    .unwrap();
    let printed = format!("{written:?}");
    assert!(
        !printed.contains("007") && !printed.contains("1e3"),
        "{printed}"
    );
    let config = written.check().unwrap();
    assert_eq!(config.blobs.options["aws_secret_access_key"], "1e3");
    assert!(config.blobs.options["aws_access_key_id"].starts_with("postgres://"));
}

#[test]
fn mail_by_smtp_needs_a_server_and_a_whole_login() {
    let smtp = [("mail.transport", "smtp"), ("mail.smtp.username", "me")];
    let message = with(&smtp).err().unwrap();
    assert!(
        message.contains("mail.smtp.host: ") && message.contains("mail.smtp.username: "),
        "{message}"
    );
}

#[test]
fn an_issuer_needs_one_source_of_keys() {
    let entry = r#"[{issuer="https://login.example.org", audience="a", algorithms=["RS256"], jwks_url="https://login.example.org/jwks"}]"#;
    assert_eq!(
        with(&[("citizens.issuers", entry)])
            .unwrap()
            .citizens
            .issuers
            .len(),
        1
    );
    let without = r#"[{issuer="https://login.example.org", audience="a", algorithms=["RS256"]}]"#;
    assert!(refusal("citizens.issuers", without).contains("citizens.issuers[0].jwks_url: "));
}

#[test]
fn an_issuer_may_be_found_by_discovery() {
    let entry = |source: &str| {
        format!(
            r#"[{{issuer="https://login.example.org", audience="a", algorithms=["RS256"], {source}}}]"#
        )
    };
    let config = with(&[("citizens.issuers", &entry("discovery=true"))]).unwrap();
    let issuer = &config.citizens.issuers[0].issuer;
    assert_eq!(issuer.jwks, api::oidc::JwksSource::Discovery);
    for source in [
        "discovery=false",
        r#"discovery=true, jwks_url="https://login.example.org/jwks""#,
        r#"discovery=true, jwks_file="/etc/jwks.json""#,
        r#"jwks_url="https://login.example.org/jwks", jwks_file="/etc/jwks.json""#,
    ] {
        let message = refusal("citizens.issuers", &entry(source));
        assert!(
            message.contains("citizens.issuers[0].jwks_url: "),
            "{message}"
        );
    }
}

/// A staff issuer with one profile of this role.
pub(crate) fn staff_entry(role: &str, authority: &str) -> String {
    format!(
        r#"[{{issuer="https://login.example.org", audience="staff", algorithms=["RS256"], discovery=true,
        placements_claim="profiles", profiles=[{{profile="P", role="{role}", authority="{authority}",
        location="1", location_label="Ivrea"}}]}}]"#
    )
}

#[test]
fn a_federation_gives_no_role_that_governs() {
    for role in [
        "operator",
        "supervisor",
        "regional-operator",
        "regional-supervisor",
        "technician",
    ] {
        let config = with(&[("staff.issuers", &staff_entry(role, "010204"))]).unwrap();
        assert_eq!(config.staff.issuers[0].profiles[0].role.code(), role);
    }
    for role in ["admin", "system-admin", "auditor", "Operator", "root", ""] {
        let message = refusal("staff.issuers", &staff_entry(role, "010204"));
        assert!(
            message.contains("staff.issuers[0].profiles[0].role: "),
            "{message}"
        );
    }
    let nowhere = staff_entry("operator", "010204").replace("\"Ivrea\"", "\"\"");
    let message = refusal("staff.issuers", &nowhere);
    assert!(
        message.contains("profiles[0].location_label: "),
        "{message}"
    );
}

#[test]
fn citizens_and_staff_share_no_issuer_with_one_audience() {
    let citizens = |audience: &str| {
        format!(
            r#"[{{issuer="https://login.example.org", audience="{audience}", algorithms=["RS256"], discovery=true}}]"#
        )
    };
    let staff = staff_entry("operator", "010204");
    let both = |audience: &str| {
        with(&[
            ("citizens.issuers", &citizens(audience)),
            ("staff.issuers", &staff),
        ])
    };
    assert!(both("citizens").is_ok());
    let message = both("staff").err().unwrap();
    assert!(message.contains("  staff.issuers: "), "{message}");
}

#[test]
fn a_profile_names_a_desk_that_has_its_role() {
    let reference = crate::reference::load(None).unwrap();
    let verifier = |role: &str, authority: &str| {
        let config = with(&[("staff.issuers", &staff_entry(role, authority))]).unwrap();
        crate::federation::staff(&config, &reference).map(|_| ())
    };
    for (role, authority) in [
        ("operator", "010204"),
        ("regional-operator", "reg010"),
        ("technician", "TEC010"),
    ] {
        verifier(role, authority).unwrap();
    }
    for (role, authority) in [
        ("operator", "999999"),
        ("operator", "REG010"),
        ("regional-supervisor", "010204"),
        ("technician", "010204"),
    ] {
        let message = verifier(role, authority).unwrap_err().to_string();
        assert!(
            message.starts_with("staff.issuers: profile \"P\": "),
            "{message}"
        );
    }
}

#[test]
fn vouchers_share_no_issuer_and_audience_with_people() {
    let voucher = |audience: &str| {
        format!(
            r#"[{{issuer="https://login.example.org", audience="{audience}", algorithms=["RS256"], discovery=true}}]"#
        )
    };
    let staff = staff_entry("operator", "010204");
    let both = |audience: &str| {
        with(&[
            ("clients.voucher_issuers", &voucher(audience)),
            ("staff.issuers", &staff),
        ])
    };
    assert!(both("programs").is_ok());
    let message = both("staff").err().unwrap();
    assert!(message.contains("  clients.voucher_issuers: "), "{message}");
}

#[test]
fn trusted_authorities_are_read_before_anything_is_opened() {
    let certificates = |file: &str| {
        let config = with(&[("clients.trust_file", file)]).unwrap();
        crate::federation::certificates(&config, "https://sportello.example.org")
    };
    assert!(certificates("").unwrap().is_none());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trust.pem");
    let path = file.to_str().unwrap();
    assert!(certificates(path).is_err());
    std::fs::write(&file, "no certificate").unwrap();
    let error = format!("{:#}", certificates(path).unwrap_err());
    assert_eq!(error, "clients.trust_file: there is no trusted certificate");
}

#[test]
fn nobody_else_signs_as_us() {
    let config = with(&[("staff.issuers", &staff_entry("operator", "010204"))]).unwrap();
    let ours = |issuer: &str| crate::federation::must_not_be_ours(&config, issuer);
    assert!(ours("https://sportello.example.org").is_ok());
    assert!(ours("https://login.example.org").is_err());
}

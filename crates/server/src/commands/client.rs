//! `sportello client`: programs that call on their own.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use api::assertion::are_public_keys;
use api::modi::certificate_sha256;
use domain::email::EmailAddress;
use domain::ids::ClientId;
use domain::permissions::SCOPES;
use jiff::SignedDuration;
use service::Desk;
use service::clients::{CredentialKind, LONGEST_LIFE, NewClient};

use crate::cli::{ClientAdd, ClientCommand, ClientCredential};
use crate::config::{Config, parse_period};
use crate::{commands, out};

/// Keeps the programs.
pub(crate) fn run(config: &Config, command: ClientCommand) -> anyhow::Result<ExitCode> {
    let desk = commands::open(config)?.desk;
    match command {
        ClientCommand::Add(args) => add(config, &desk, &args)?,
        ClientCommand::Rotate { id, credential } => {
            give(&desk, read_id(&id)?, read_credential(&credential)?)?;
            out::say("the one before stays good until: sportello client retire-old")?;
        }
        ClientCommand::RetireOld { id, kind } => {
            let kind = CredentialKind::from_code(&kind)
                .context("--kind: one of secret, key, certificate")?;
            let ended = desk.end_older_credentials(read_id(&id)?, kind)?;
            out::say(&format!("{ended} ended"))?;
        }
        ClientCommand::Revoke { id } => {
            desk.revoke_client(read_id(&id)?)?;
            out::say("revoked; its tokens are good no more")?;
        }
        ClientCommand::List => list(&desk)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn add(config: &Config, desk: &Desk, args: &ClientAdd) -> anyhow::Result<()> {
    let life = match &args.life {
        Some(text) => parse_period(text).map_err(|error| anyhow::anyhow!("--life: {error}"))?,
        None => SignedDuration::from_hours(365 * 24),
    };
    ensure!(
        SignedDuration::ZERO < life && life <= LONGEST_LIFE,
        "--life: a year at most"
    );
    let voucher = voucher(config, args)?;
    let contact = EmailAddress::parse(&args.contact)
        .map_err(|invalid| anyhow::anyhow!("--contact: {}", invalid.message.en))?;
    // Before anything is added: what is wrong with a file leaves no client behind.
    let given = read_credential(&args.credential)?;
    let id = desk.add_client(NewClient {
        label: args.label.clone(),
        contact: contact.as_str().to_owned(),
        scopes: scopes(&args.scopes)?,
        voucher,
        purposes: args.purposes.clone(),
        life,
    })?;
    out::say(&format!("client_id: {id}"))?;
    if args.voucher_client.is_none() {
        give(desk, id, given)?;
    }
    Ok(())
}

/// The platform that vouches for a program, and the program's name there.
fn voucher(config: &Config, args: &ClientAdd) -> anyhow::Result<Option<(String, String)>> {
    let Some(name) = &args.voucher_client else {
        return Ok(None);
    };
    let mut known = config
        .clients
        .voucher_issuers
        .iter()
        .map(|one| one.name.clone());
    let issuer = match &args.voucher_issuer {
        Some(issuer) => known.find(|one| one == issuer),
        None => known.next().filter(|_| known.next().is_none()),
    };
    let issuer = issuer.context("--voucher-issuer: name one of clients.voucher_issuers")?;
    Ok(Some((issuer, name.clone())))
}

/// The scopes of a command line: each is one there is.
pub(crate) fn scopes(asked: &[String]) -> anyhow::Result<Vec<String>> {
    let known = SCOPES.map(|(code, _)| code);
    for scope in asked {
        ensure!(
            known.contains(&scope.as_str()),
            "--scopes: {scope:?} is not one of {}",
            known.join(", ")
        );
    }
    ensure!(!asked.is_empty(), "--scopes: at least one");
    Ok(asked.to_vec())
}

/// What a program will prove itself with.
enum Given {
    Secret,
    Key(String),
    Certificate(String),
}

/// A secret, unless a key or a certificate is given.
fn read_credential(credential: &ClientCredential) -> anyhow::Result<Given> {
    match (&credential.key_file, &credential.certificate_file) {
        (None, None) => Ok(Given::Secret),
        (Some(path), None) => {
            let key: serde_json::Value = serde_json::from_str(&read(path)?)
                .with_context(|| format!("{} is not a JSON Web Key", path.display()))?;
            ensure!(
                are_public_keys(std::slice::from_ref(&key)),
                "{}: one public key (JWK: P-256, RSA of 2048 bits or more, Ed25519) is expected",
                path.display()
            );
            Ok(Given::Key(key.to_string()))
        }
        (None, Some(path)) => {
            let thumbprint = certificate_sha256(&read(path)?)
                .with_context(|| format!("{} is not a certificate in PEM", path.display()))?;
            Ok(Given::Certificate(thumbprint))
        }
        (Some(_), Some(_)) => bail!("--key-file and --certificate-file: one of them"),
    }
}

fn give(desk: &Desk, id: ClientId, given: Given) -> anyhow::Result<()> {
    match given {
        Given::Secret => {
            let secret = desk.add_client_secret(id)?;
            out::say(&format!("client_secret: {secret}\nshown this once"))
        }
        Given::Key(key) => {
            desk.add_client_credential(id, CredentialKind::Key, key)?;
            out::say("the key is registered")
        }
        Given::Certificate(thumbprint) => {
            out::say(&format!("certificate: {thumbprint}"))?;
            Ok(desk.add_client_credential(id, CredentialKind::Certificate, thumbprint)?)
        }
    }
}

fn list(desk: &Desk) -> anyhow::Result<()> {
    let now = desk.now();
    for status in desk.list_clients()? {
        let client = &status.client;
        let state = match client.revoked_at {
            Some(at) => format!("revoked {at}"),
            None if client.lives(now) => format!("until {}", client.expires_at),
            None => format!("ended {}", client.expires_at),
        };
        let kinds: Vec<&str> = status
            .credentials
            .iter()
            .map(|(kind, _)| kind.code())
            .collect();
        out::say(&format!(
            "{} {:?} {} [{}] {state}; credentials: {}",
            client.id,
            client.label,
            client.contact,
            client.scopes.join(" "),
            if kinds.is_empty() {
                "none".to_owned()
            } else {
                kinds.join(", ")
            }
        ))?;
    }
    Ok(())
}

fn read_id(text: &str) -> anyhow::Result<ClientId> {
    text.parse()
        .map_err(|_| anyhow::anyhow!("{text:?} is no client's id"))
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

//! How mail leaves, and the addresses in it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jobs::mail::{MailConfig, MailTransport, SmtpConfig, SmtpLogin, SmtpTls};
use serde::Deserialize;

use super::check::Check;
use super::secret::Secret;
use super::set;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MailSection {
    transport: MailKind,
    folder: String,
    from: String,
    reply_to: String,
    base_url: String,
    tracking_url: String,
    export_url: String,
    portal_url: String,
    smtp: SmtpSection,
}

/// The ways mail can leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum MailKind {
    /// To nowhere: files in a folder.
    Folder,
    /// To a mail server.
    Smtp,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SmtpSection {
    host: String,
    port: u16,
    tls: Tls,
    allow_unencrypted: bool,
    username: String,
    password: Secret,
    password_file: String,
    timeout_ms: u64,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Tls {
    Starttls,
    Implicit,
    None,
}

/// How mail leaves, and the addresses in it. Has no `Debug`.
pub(crate) struct Mail {
    /// Which way.
    pub(crate) kind: MailKind,
    transport: MailTransport,
    from: String,
    reply_to: Option<String>,
    /// Where people reach the service, if it is said.
    pub(crate) base_url: Option<String>,
    tracking_url: Option<String>,
    export_url: Option<String>,
    portal_url: Option<String>,
}

impl MailSection {
    pub(super) fn check(&self, check: &mut Check, data: &Path) -> Mail {
        let transport = match self.transport {
            MailKind::Folder => MailTransport::Folder(
                set(&self.folder).map_or_else(|| data.join("mail"), PathBuf::from),
            ),
            MailKind::Smtp => MailTransport::Smtp(self.smtp.check(check)),
        };
        if self.from.is_empty() {
            check.say("mail.from", "must not be empty");
        }
        Mail {
            kind: self.transport,
            transport,
            from: self.from.clone(),
            reply_to: set(&self.reply_to).map(str::to_owned),
            base_url: check.address("mail.base_url", &self.base_url),
            tracking_url: check.address("mail.tracking_url", &self.tracking_url),
            export_url: check.address("mail.export_url", &self.export_url),
            portal_url: check.address("mail.portal_url", &self.portal_url),
        }
    }
}

impl SmtpSection {
    fn check(&self, check: &mut Check) -> SmtpConfig {
        if self.host.is_empty() {
            check.say("mail.smtp.host", "must be set for mail.transport \"smtp\"");
        }
        let password = check.secret("mail.smtp.password", &self.password, &self.password_file);
        let login = match (set(&self.username), password) {
            (Some(username), Some(password)) => Some(SmtpLogin {
                username: username.to_owned(),
                password,
            }),
            (None, None) => None,
            _ => {
                check.say(
                    "mail.smtp.username",
                    "needs a password, and a password needs it",
                );
                None
            }
        };
        let timeout = check.number("mail.smtp.timeout_ms", self.timeout_ms, 100..=120_000);
        SmtpConfig {
            host: self.host.clone(),
            port: check.number("mail.smtp.port", self.port, 1..=u16::MAX),
            tls: match self.tls {
                Tls::Starttls => SmtpTls::StartTls,
                Tls::Implicit => SmtpTls::Implicit,
                Tls::None => SmtpTls::None,
            },
            allow_unencrypted: self.allow_unencrypted,
            login,
            timeout: Duration::from_millis(timeout),
        }
    }
}

impl Mail {
    /// The folder that the first start would make.
    pub(crate) fn missing_folder(&self) -> Option<&Path> {
        match &self.transport {
            MailTransport::Folder(folder) if !folder.exists() => Some(folder),
            _ => None,
        }
    }

    /// Where people reach a service that listens at `bound`.
    pub(crate) fn base_url(&self, bound: SocketAddr) -> String {
        let address = match bound.ip().is_unspecified() {
            true => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), bound.port()),
            false => bound,
        };
        self.base_url
            .clone()
            .unwrap_or_else(|| format!("http://{address}"))
    }

    /// Where people with a national identity read their requests.
    pub(crate) fn portal_url(&self, base_url: &str) -> String {
        self.portal_url
            .clone()
            .unwrap_or_else(|| base_url.to_owned())
    }

    /// What tracking links start with.
    pub(crate) fn tracking_url(&self, base_url: &str) -> String {
        self.tracking_url
            .clone()
            .unwrap_or_else(|| format!("{base_url}/tracking"))
    }

    /// Where links to copies of somebody's data lead.
    pub(crate) fn export_url(&self, base_url: &str) -> String {
        self.export_url
            .clone()
            .unwrap_or_else(|| format!("{base_url}/export"))
    }

    /// What the mailer is opened with.
    pub(crate) fn config(&self, base_url: &str) -> MailConfig {
        MailConfig {
            from: self.from.clone(),
            reply_to: self.reply_to.clone(),
            base_address: base_url.to_owned(),
            transport: self.transport.clone(),
        }
    }
}

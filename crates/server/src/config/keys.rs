//! `[keys]`: who keeps the master key.

use std::time::Duration;

use serde::Deserialize;

use super::check::Check;
use super::load;
use super::secret::Secret;
use crate::keys::secret_of;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeysSection {
    master: Kind,
    master_key: Secret,
    master_key_file: String,
    command: Vec<String>,
    command_label: String,
    command_timeout: String,
    next: NextSection,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NextSection {
    master: Kind,
    master_key: Secret,
    master_key_file: String,
    command: Vec<String>,
    command_label: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    #[serde(rename = "")]
    None,
    File,
    Variable,
    Command,
}

/// Who keeps the master key, and the next one while it changes.
#[derive(Clone)]
pub(crate) struct MasterKeys {
    /// Now.
    pub(crate) now: Keeper,
    /// After the change; none: a new file, where it is a file now.
    pub(crate) next: Option<Keeper>,
}

/// A keeper of a master key. Has no `Debug`, because a value is a secret.
#[derive(Clone)]
pub(crate) enum Keeper {
    /// A file in the keys folder.
    File,
    /// These bytes.
    Value([u8; 32]),
    /// A program.
    Command {
        /// Names its master key.
        label: String,
        /// The program and its arguments.
        argv: Vec<String>,
        /// How long it may take.
        timeout: Duration,
        /// The variables it does not get: our own, which hold secrets.
        hidden: Vec<String>,
    },
}

/// One of the two as written, and where.
struct Source<'a> {
    section: &'static str,
    kind: Kind,
    master_key: &'a Secret,
    master_key_file: &'a str,
    command: &'a [String],
    command_label: &'a str,
}

impl KeysSection {
    /// Whoever keeps the master key now and next.
    pub(super) fn check(&self, check: &mut Check) -> MasterKeys {
        let period = check.period(
            "keys.command_timeout",
            &self.command_timeout,
            ("PT1S", "PT30S"),
        );
        let timeout = period.try_into().unwrap_or(Duration::from_secs(1));
        let now = Source {
            section: "keys",
            kind: self.master,
            master_key: &self.master_key,
            master_key_file: &self.master_key_file,
            command: &self.command,
            command_label: &self.command_label,
        };
        let next = Source {
            section: "keys.next",
            kind: self.next.master,
            master_key: &self.next.master_key,
            master_key_file: &self.next.master_key_file,
            command: &self.next.command,
            command_label: &self.next.command_label,
        };
        let now = now.check(check, timeout).unwrap_or_else(|| {
            if self.master == Kind::None {
                check.say("keys.master", "one of file, variable, command");
            }
            Keeper::File
        });
        let next = next.check(check, timeout);
        if let (Keeper::Command { label, .. }, Some(Keeper::Command { label: other, .. })) =
            (&now, &next)
            && label == other
        {
            check.say("keys.next.command_label", "the same as keys.command_label");
        }
        MasterKeys { now, next }
    }
}

impl Source<'_> {
    fn check(&self, check: &mut Check, timeout: Duration) -> Option<Keeper> {
        let key = |name: &str| format!("{}.{name}", self.section);
        match self.kind {
            Kind::None => None,
            Kind::File => Some(Keeper::File),
            Kind::Variable => {
                let setting = key("master_key");
                let value = check.secret(&setting, self.master_key, self.master_key_file);
                let bytes = value.and_then(|hex| secret_of(&hex.to_ascii_lowercase()).ok());
                if bytes.is_none() {
                    check.say(&setting, "must be 64 hexadecimal digits for \"variable\"");
                }
                bytes.map(Keeper::Value)
            }
            Kind::Command => {
                if self.command.first().is_none_or(String::is_empty) {
                    check.say(&key("command"), "must name a program for \"command\"");
                }
                let label = self.command_label;
                let is_fit =
                    |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
                if label.is_empty() || !label.chars().all(is_fit) {
                    check.say(&key("command_label"), "letters, digits, '-', '_' and '.'");
                }
                Some(Keeper::Command {
                    label: label.to_owned(),
                    argv: self.command.to_vec(),
                    timeout,
                    hidden: load::variable_names(),
                })
            }
        }
    }
}

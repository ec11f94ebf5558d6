//! What an installation can set.
//!
//! `config/default.toml` is complete and compiled in; a file and `SPORTELLO__SECTION__KEY`
//! variables override it. Read once at the start, checked as a whole, handed down by value.
//! Invariant: no message and no `Debug` text of this module holds a secret.

mod accounts;
mod activities;
mod audit;
mod check;
mod citizens;
mod clients;
mod complaints;
mod data;
mod database;
mod delegations;
mod form;
mod http;
mod issuers;
mod jobs;
mod keys;
mod lifecycle;
mod load;
mod log;
mod mail;
mod notifications;
mod period;
mod privacy;
mod queues;
mod retention;
mod reviews;
mod secret;
mod sign_in;
mod staff;
mod text_messages;
mod webhooks;

use std::path::{Path, PathBuf};

use api::oidc::Issuer;
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use serde::Deserialize;
use storage::DbConfig;

pub(crate) use accounts::Passwords;
pub(crate) use audit::Audit;
pub(crate) use check::Check;
pub(crate) use citizens::Citizens;
pub(crate) use clients::Clients;
pub(crate) use data::Blobs;
pub(crate) use delegations::Delegations;
pub(crate) use http::Http;
pub(crate) use keys::{Keeper, MasterKeys};
pub(crate) use lifecycle::Lifecycle;
pub(crate) use log::{Log, LogFormat};
pub(crate) use mail::{Mail, MailKind};
pub(crate) use period::parse_period;
pub(crate) use staff::Staff;

/// The settings as written: one struct for each section, all keys there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    time_zone: String,
    data: data::DataSection,
    keys: keys::KeysSection,
    database: database::DatabaseSection,
    http: http::HttpSection,
    blobs: data::BlobsSection,
    reference: data::ReferenceSection,
    lifecycle: lifecycle::LifecycleSection,
    activities: activities::ActivitiesSection,
    form: form::FormSection,
    quota: form::QuotaSection,
    email_proof: form::EmailProofSection,
    sign_in: sign_in::SignInSection,
    passwords: accounts::PasswordsSection,
    accounts: accounts::AccountsSection,
    jobs: jobs::JobsSection,
    notifications: notifications::NotificationsSection,
    queues: queues::QueuesSection,
    nudges: queues::NudgesSection,
    mail: mail::MailSection,
    text_messages: text_messages::TextMessagesSection,
    citizens: citizens::CitizensSection,
    delegations: delegations::DelegationsSection,
    staff: staff::StaffSection,
    clients: clients::ClientsSection,
    webhooks: webhooks::WebhooksSection,
    audit: audit::AuditSection,
    reviews: reviews::ReviewsSection,
    privacy: privacy::PrivacySection,
    complaints: complaints::ComplaintsSection,
    retention: retention::RetentionSection,
    log: log::LogSection,
}

/// The settings as they hold: read, checked, with their types.
pub(crate) struct Config {
    /// The folder of everything that is kept in files.
    pub(crate) data: PathBuf,
    /// Who keeps the master key.
    pub(crate) master: MasterKeys,
    /// How to reach the database.
    pub(crate) database: DbConfig,
    /// How to reach it as the owner of the tables, if that is another role.
    pub(crate) database_owner: Option<DbConfig>,
    /// Whether a start brings the tables up to date.
    pub(crate) migrate_on_start: bool,
    /// How to be reached.
    pub(crate) http: Http,
    /// Where attachments are kept.
    pub(crate) blobs: Blobs,
    /// The folder of the reference data, if not the ones compiled in.
    pub(crate) reference: Option<PathBuf>,
    /// Times of the life cycle.
    pub(crate) lifecycle: Lifecycle,
    /// How long technical activities may take.
    pub(crate) activities_overdue_after: domain::activity::OverdueAfter,
    /// Lengths of texts.
    pub(crate) text_limits: domain::catalogue::TextLimits,
    /// How much a requester may send.
    pub(crate) quotas: service::settings::Quotas,
    /// E-mail proofs.
    pub(crate) email_proof: service::settings::EmailProofSettings,
    /// Log-in.
    pub(crate) sign_in: service::settings::SignInSettings,
    /// Rules for passwords.
    pub(crate) passwords: Passwords,
    /// Accounts' life.
    pub(crate) accounts: service::settings::AccountSettings,
    /// How many passwords are hashed at once.
    pub(crate) parallel_hashings: usize,
    /// What our tokens name as their issuer, if not the base URL.
    pub(crate) token_issuer: Option<String>,
    /// How mail leaves, and the addresses in it.
    pub(crate) mail: Mail,
    /// How text messages leave.
    pub(crate) text_messages: ::jobs::text::TextTransport,
    /// Who vouches for citizens.
    pub(crate) citizens: Citizens,
    /// Who says who may act for whom.
    pub(crate) delegations: Delegations,
    /// Who vouches for staff.
    pub(crate) staff: Staff,
    /// Which programs' tokens count.
    pub(crate) clients: Clients,
    /// How authorities' own programs are told.
    pub(crate) webhooks: service::settings::WebhookSettings,
    /// Where the ends of the audit trail's chains are put.
    pub(crate) audit: Audit,
    /// Reviews of decided requests.
    pub(crate) reviews: domain::review::ReviewRules,
    /// Looks at personal data that have to be stated.
    pub(crate) privacy: service::settings::PrivacySettings,
    /// Terms of complaints.
    pub(crate) complaints: domain::complaint::ComplaintRules,
    /// How much retention may take away by itself.
    pub(crate) retention: service::settings::RetentionSettings,
    /// What is logged, and how.
    pub(crate) log: Log,
    /// Where dates are reckoned.
    pub(crate) time_zone: TimeZone,
    /// How long an answer to an idempotency key is kept.
    pub(crate) idempotency: SignedDuration,
    /// How long due work is one node's alone.
    pub(crate) lease: SignedDuration,
    /// How people are told.
    pub(crate) delivery: service::settings::DeliverySettings,
    /// When somebody hears of what nobody took.
    pub(crate) untouched: service::settings::UntouchedSettings,
    /// How often requesters nudge.
    pub(crate) nudges: domain::nudge::NudgeRules,
}

impl Config {
    /// Reads the file, if one is named, and the variables of this process, and checks it all.
    pub(crate) fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        load::written(file, load::variables())?.check()
    }

    /// Everybody whose tokens count, and the setting that says so.
    pub(crate) fn issuers(&self) -> impl Iterator<Item = (&'static str, &Issuer)> {
        let citizens = self.citizens.issuers.iter();
        let staff = self.staff.issuers.iter();
        let vouchers = self.clients.voucher_issuers.iter();
        citizens
            .map(|one| ("citizens.issuers", &one.issuer))
            .chain(staff.map(|one| ("staff.issuers", &one.issuer)))
            .chain(vouchers.map(|one| ("clients.voucher_issuers", one)))
    }

    /// The folder of keys and secrets.
    pub(crate) fn keys(&self) -> PathBuf {
        self.data.join("keys")
    }
}

impl Written {
    /// Everything that is wrong at once.
    fn check(self) -> anyhow::Result<Config> {
        let mut check = Check::default();
        let data = self.data.check(&mut check);
        let (database, database_owner, migrate_on_start) = self.database.check(&mut check, &data);
        let webhooks = self.webhooks.check(&mut check);
        let (http, idempotency) = self.http.check(&mut check);
        let (sign_in, parallel_hashings, token_issuer) = self.sign_in.check(&mut check);
        let time_zone = TimeZone::get(&self.time_zone).unwrap_or_else(|_| {
            check.say("time_zone", format!("no time zone {:?}", self.time_zone));
            TimeZone::UTC
        });
        let config = Config {
            master: self.keys.check(&mut check),
            blobs: self.blobs.check(&mut check, &data),
            reference: self.reference.check(),
            lifecycle: self.lifecycle.check(&mut check),
            activities_overdue_after: self.activities.check(&mut check),
            text_limits: self.form.check(&mut check),
            quotas: self.quota.check(&mut check),
            email_proof: self.email_proof.check(&mut check),
            passwords: self.passwords.check(&mut check),
            accounts: self.accounts.check(&mut check),
            lease: self.jobs.check(&mut check),
            delivery: self.notifications.check(&mut check),
            untouched: self.queues.check(&mut check),
            nudges: self.nudges.check(&mut check),
            mail: self.mail.check(&mut check, &data),
            text_messages: self.text_messages.check(&mut check, &data),
            citizens: self.citizens.check(&mut check),
            delegations: self.delegations.check(&mut check),
            staff: self.staff.check(&mut check),
            clients: self.clients.check(&mut check),
            audit: self.audit.check(&mut check, &data, &webhooks.rules),
            webhooks,
            reviews: self.reviews.check(&mut check),
            privacy: self.privacy.check(&mut check),
            complaints: self.complaints.check(&mut check),
            retention: self.retention.check(&mut check),
            log: self.log.check(&mut check),
            data,
            database,
            database_owner,
            migrate_on_start,
            http,
            sign_in,
            parallel_hashings,
            token_issuer,
            time_zone,
            idempotency,
        };
        issuers::check_pairs(&mut check, config.issuers());
        check.finish()?;
        Ok(config)
    }
}

/// `""` is how a file says "not set".
fn set(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
pub(crate) mod tests;

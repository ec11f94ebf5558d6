//! An installation, opened: the one place where all crates meet.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, bail};
use api::app::Shared;
use api::metrics::Metrics;
use api::oidc::CitizenVerifier;
use api::problem::Told;
use api::proxies::Proxies;
use api::rate_limit::RateLimits;
use api::tokens::Tokens;
use domain::catalogue::Reference;
use jiff::Timestamp;
use jobs::mail::open as open_mailer;
use jobs::{Anchors, Jobs, Webhooks};
use service::clock::{Clock, SystemClock, SystemIds};
use service::playbooks::PlaybookFile;
use service::reading::ReplicaReads;
use service::webhooks::SystemNames;
use service::{Desk, Parts, Secrets, Settings};
use storage::{Backend, Db};

use crate::config::Config;
use crate::demo::Demo;
use crate::{federation, keys, logging, master, reference};

/// The file of the secret that codes and links are derived from.
pub(crate) const ROOT_SECRET: &str = "root.secret";

/// An installation, opened.
pub(crate) struct Instance {
    /// The database.
    pub(crate) db: Db,
    /// The use cases.
    pub(crate) desk: Desk,
    /// What happens without a request.
    pub(crate) jobs: Jobs,
    /// Where people reach it.
    pub(crate) base_url: String,
}

/// The secret that codes and links are derived from, made at the first start.
pub(crate) fn secrets(config: &Config) -> anyhow::Result<Secrets> {
    Ok(Secrets::new(&keys::load_or_create_secret(
        &config.keys(),
        ROOT_SECRET,
    )?))
}

/// Who signs the ends of the audit trail's chains, with a key made at the first start.
fn anchors(config: &Config) -> anyhow::Result<Anchors> {
    let key = keys::load_or_create_audit_key(&config.keys())?;
    let audit = &config.audit;
    Ok(Anchors::new(key, audit.every)
        .to_file(Some(audit.file.clone()))
        .to_url(audit.url.clone())
        .to_mailbox(audit.mailbox.clone()))
}

impl Instance {
    /// Opens everything, and brings in what this version ships; `bound` is where it listens, or would.
    pub(crate) fn open(
        config: &Config,
        demo: Option<&Demo>,
        bound: SocketAddr,
    ) -> anyhow::Result<Self> {
        Self::open_with(config, demo, bound, |parts| {
            seal_plain(&parts.db, parts.clock.now())?;
            let desk = Desk::open(parts)?;
            seal_plain_files(&desk)?;
            Ok(desk)
        })
    }

    /// Opens an installation that has been started before, and writes nothing.
    pub(crate) fn look(
        config: &Config,
        demo: Option<&Demo>,
        bound: SocketAddr,
    ) -> anyhow::Result<Self> {
        Self::open_with(config, demo, bound, |parts| Ok(Desk::as_it_is(parts)))
    }

    fn open_with(
        config: &Config,
        demo: Option<&Demo>,
        bound: SocketAddr,
        open_desk: impl FnOnce(Parts) -> anyhow::Result<Desk>,
    ) -> anyhow::Result<Self> {
        let reference = reference::load(config.reference.as_deref())?;
        let (texts, _) = reference::playbooks(config.reference.as_deref(), &reference)?;
        let playbooks = texts
            .into_iter()
            .map(|(name, text)| PlaybookFile { name, text })
            .collect();
        // Mistakes in what others may sign are found before anything is written.
        let base_url = config.mail.base_url(bound);
        federation::staff(config, &reference)?;
        federation::certificates(config, &base_url)?;
        federation::vouchers(config)?;
        // Before the database, so that the data folder is made with the keys' strict rights.
        let secrets = secrets(config)?;
        let first_rules = reference::load_rules(config.reference.as_deref(), &reference)?;
        let db = Db::open(&config.database).context("database.url")?;
        bring_up_to_date(&db, config.migrate_on_start || demo.is_some())?;
        db.unlock(master::open(config, &db, demo.is_some())?)
            .map_err(master::explain)?;
        let mut settings = settings(config, &reference, config.mail.tracking_url(&base_url))?;
        settings.export_url = config.mail.export_url(&base_url);
        if settings.accounts.activation_url.is_empty() {
            settings.accounts.activation_url = format!("{base_url}/activation");
        }
        settings.webhooks.source.clone_from(&base_url);
        settings.delivery.portal_url = config.mail.portal_url(&base_url);
        // Whoever looks at a demonstration has no authenticator at hand, and waits for no morning.
        if demo.is_some() {
            settings.sign_in.require_second_factor = false;
            settings.delivery.usual.quiet = None;
            settings.delivery.text_quiet = None;
        }
        let clock = clock(demo);
        let blobs = storage::blobs::open(&config.blobs.url, config.blobs.options.clone());
        let desk = open_desk(Parts {
            db: db.clone(),
            blobs: blobs.context("blobs.url")?,
            reference: Arc::new(reference),
            first_rules,
            playbooks,
            clock,
            ids: Arc::new(SystemIds),
            secrets,
            delegations: config.delegations.open(&db)?,
            names: Arc::new(SystemNames),
            telling: Arc::new(Told),
            settings,
        })?;
        let mailer = open_mailer(&config.mail.config(&base_url)).context("mail")?;
        let texts = jobs::text::open(&config.text_messages).context("text_messages")?;
        let jobs = Jobs::new(
            desk.clone(),
            mailer,
            texts,
            Webhooks::new(desk.clone()).context("webhooks")?,
        )
        .with_anchors(anchors(config)?);
        Ok(Instance {
            db,
            desk,
            jobs,
            base_url,
        })
    }

    /// What the HTTP server works with.
    pub(crate) fn shared(&self, config: &Config, demo: Option<&Demo>) -> anyhow::Result<Shared> {
        let key = keys::load_or_create_signing_key(&config.keys())?;
        let previous = keys::load_previous_signing_key(&config.keys())?;
        let issuer = config
            .token_issuer
            .clone()
            .unwrap_or_else(|| self.base_url.clone());
        let mut issuers = config.citizens.issuers.clone();
        if let Some(demo) = demo {
            issuers.push(demo.issuer()?.settings());
        }
        federation::must_not_be_ours(config, &issuer)?;
        Ok(Shared {
            desk: self.desk.clone(),
            tokens: Tokens::new(key, previous.into_iter().collect(), issuer),
            citizens: CitizenVerifier::new(issuers, config.citizens.http.clone())
                .context("citizens.issuers")?,
            staff: federation::staff(config, self.desk.reference())?,
            certificates: federation::certificates(config, &self.base_url)?,
            vouchers: federation::vouchers(config)?,
            limits: RateLimits::per_minute(config.http.budgets),
            metrics: metrics(&self.desk)?,
            proxies: Proxies(config.http.trusted_proxies.clone()),
            public_url: self.base_url.clone(),
        })
    }
}

fn metrics(desk: &Desk) -> anyhow::Result<Metrics> {
    let metrics = Metrics::new()?;
    let lost = || f64::from(u32::try_from(logging::lost()).unwrap_or(u32::MAX));
    let help = "Lines of the log that were lost because it could not keep up";
    metrics.watch("sportello_log_lines_lost", help, lost)?;
    watch_replica(&metrics, desk)?;
    Ok(metrics)
}

type NumberOf = fn(ReplicaReads) -> u64;

/// How reads fare that the replica might take, if there is one.
fn watch_replica(metrics: &Metrics, desk: &Desk) -> anyhow::Result<()> {
    if !desk.has_replica() {
        return Ok(());
    }
    let numbers: [(&str, &str, NumberOf); 4] = [
        (
            "sportello_replica_near",
            "1 while the replica may be read from",
            |reads| u64::from(reads.is_near),
        ),
        (
            "sportello_replica_reads",
            "Reads taken by the replica",
            |reads| reads.taken,
        ),
        (
            "sportello_replica_reads_behind",
            "Reads the primary took because the replica was away or too far behind",
            |reads| reads.behind,
        ),
        (
            "sportello_replica_reads_own",
            "Reads the primary took because the replica did not show the reader's own writes yet",
            |reads| reads.own_writes,
        ),
    ];
    for (name, help, number) in numbers {
        let desk = desk.clone();
        metrics.watch(name, help, move || {
            let reads = desk.replica_reads().unwrap_or_default();
            f64::from(u32::try_from(number(reads)).unwrap_or(u32::MAX))
        })?;
    }
    Ok(())
}

/// The time here, which a demonstration may move.
pub(crate) fn clock(demo: Option<&Demo>) -> Arc<dyn Clock> {
    match demo {
        Some(demo) => Arc::new(demo.clock()),
        None => Arc::new(SystemClock),
    }
}

/// Seals what columns hold that are sealed from this version on; the answer is how many values. May be cut
/// off and begun again.
pub(crate) fn seal_plain(db: &Db, now: Timestamp) -> anyhow::Result<usize> {
    let told = |table: &'static str, values: usize| {
        tracing::info!(table, values, "plain values are being sealed");
    };
    let sealed = storage::reseal::seal_plain(db, now, told).context("sealing what is plain")?;
    scrub(db);
    Ok(sealed)
}

/// SQLite belongs to this program alone, and is written anew at once, also if that was cut off before; on
/// PostgreSQL others may work with the tables, and somebody has to choose the moment.
fn scrub(db: &Db) {
    let is_wanted = || -> Result<bool, storage::StoreError> {
        Ok(db.backend() == Backend::Sqlite && db.read(storage::scrub::has_remnants)?)
    };
    // There may be no room for a copy: that must not keep anybody from working.
    match is_wanted().and_then(|is_wanted| Ok(is_wanted && db.scrub()?)) {
        Ok(true) => tracing::info!("the database was written anew, without what was plain"),
        Ok(false) => {}
        Err(error) => tracing::error!(
            %error,
            "what was plain may still be in the database's files: run `sportello keys scrub`"
        ),
    }
}

/// The same for files, whose rows are sealed already.
fn seal_plain_files(desk: &Desk) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let files = runtime.block_on(desk.seal_plain_files())?;
    if files.done + files.failed > 0 {
        let (done, failed) = (files.done, files.failed);
        tracing::info!(done, failed, "files that were plain are sealed");
    }
    Ok(())
}

/// SQLite belongs to this program alone; on PostgreSQL somebody may want to be asked.
fn bring_up_to_date(db: &Db, may_migrate: bool) -> anyhow::Result<()> {
    // Asked first: a role that serves may not even make the table of migrations that is there.
    let pending = db.pending()?;
    if pending.is_empty() {
        return Ok(());
    }
    if !may_migrate && db.backend() == Backend::Postgres {
        bail!(
            "the database is behind this program: run `sportello migrate`, or set \
             database.migrate_on_start where database.owner_url is not set (not run yet: {})",
            pending.join(", ")
        );
    }
    for version in db.migrate()? {
        tracing::info!(migration.version = version, "the tables were changed");
    }
    Ok(())
}

fn settings(
    config: &Config,
    reference: &Reference,
    tracking_url: String,
) -> anyhow::Result<Settings> {
    let mut windows_by_authority = HashMap::new();
    for (code, windows) in &config.lifecycle.windows_by_authority {
        // Variables come in lower case, codes do not.
        let authority = reference
            .authority_any(code)
            .with_context(|| format!("lifecycle.authorities.{code}: there is no such authority"))?;
        windows_by_authority.insert(authority.code.clone(), windows.clone());
    }
    let mut sign_in = config.sign_in.clone();
    sign_in.policies = config.passwords.policies.clone();
    for (code, profile) in &config.passwords.by_authority {
        let authority = reference
            .authority_any(code)
            .with_context(|| format!("passwords.authorities.{code}: there is no such authority"))?;
        let chosen = &mut sign_in.policies.by_authority;
        chosen.insert(authority.code.clone(), profile.clone());
    }
    Ok(Settings {
        windows: config.lifecycle.windows.clone(),
        windows_by_authority,
        resolution_target: config.lifecycle.resolution_target,
        activities_overdue_after: config.activities_overdue_after,
        duplicate_hint: config.lifecycle.duplicate_hint,
        text_limits: config.text_limits,
        time_zone: config.time_zone.clone(),
        tracking_url,
        export_url: String::new(),
        quotas: config.quotas.clone(),
        email_proof: config.email_proof.clone(),
        sign_in,
        accounts: config.accounts.clone(),
        parallel_hashings: config.parallel_hashings,
        idempotency: config.idempotency,
        lease: config.lease,
        webhooks: config.webhooks.clone(),
        reviews: config.reviews,
        complaints: config.complaints,
        privacy: config.privacy.clone(),
        retention: config.retention,
        delivery: config.delivery.clone(),
        untouched: config.untouched,
        nudges: config.nudges,
        purge_removed_after: config.lifecycle.purge_removed_after,
    })
}

//! The use cases: "first this, then that, together or not at all".
//!
//! One method of [`Desk`] per use case: load, decide, save, in one transaction and with one
//! `now`. Use cases do not call use cases, know no HTTP and hold no rule: rules are in `domain`.
//! Nothing outside the database happens inside a transaction; mail goes through the outbox.
#![warn(missing_docs)]

pub mod absences;
pub mod action_form;
pub mod activation;
pub mod activities;
pub mod announcements;
mod arrival;
pub mod assignment;
mod at_hand;
pub mod attachments;
pub mod break_glass;
pub mod broadcasts;
pub mod bulk;
pub mod bulk_jobs;
pub mod callbacks;
pub mod citizen;
pub mod clients;
pub mod clock;
pub mod complaints;
pub mod contacts;
pub mod delegations;
pub mod deliveries;
mod digest;
pub mod disclosures;
pub mod email_proof;
pub mod error;
pub mod evidence;
pub mod expiring;
pub mod federation;
pub mod feed;
pub mod filing;
pub mod fitting_templates;
mod granted;
pub mod keeping;
pub mod keys;
pub mod labels;
pub mod links;
pub mod looks;
pub mod mailer;
pub mod message_templates;
pub mod notification_settings;
pub mod notify;
mod nudges;
pub mod once;
pub mod outbox;
pub mod own_screen;
pub mod passwords;
pub mod playbooks;
pub mod privacy;
pub mod queue;
mod queue_counts;
pub mod reading;
mod record;
pub mod recovery;
pub mod reference;
mod release;
pub mod removals;
pub mod reply_templates;
pub mod resealing;
pub mod retention;
pub mod reviews;
pub mod rights;
pub mod routing;
pub mod scheduler;
pub mod screen;
pub mod second_factor;
pub mod secrets;
pub mod settings;
pub mod setup;
pub mod sign_in;
pub mod sla;
pub mod sla_policies;
pub mod sweep;
pub mod text_gateway;
pub mod texts;
mod timers;
pub mod trail;
mod untouched;
pub mod update;
pub mod webhooks;
pub mod work;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};

use domain::catalogue::Reference;
use domain::codes::AuthorityCode;
use escalation::playbook::Set;
use storage::Db;
use storage::blobs::BlobStore;
use storage::idempotency::RequestKey;
use storage::playbook_runs::Pins;

pub use bulk::Telling;
pub use clock::{Clock, Ids};
pub use delegations::DelegationSource;
pub use error::DeskError;
pub use secrets::Secrets;
pub use settings::Settings;
pub use webhooks::HostNames;

/// Everything the use cases need. A clone is the same desk.
#[derive(Clone)]
pub struct Desk {
    pub(crate) db: Db,
    pub(crate) blobs: Arc<dyn BlobStore>,
    pub(crate) reference: Arc<Reference>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) secrets: Arc<Secrets>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) delegations: Arc<dyn DelegationSource>,
    pub(crate) names: Arc<dyn HostNames>,
    pub(crate) telling: Arc<dyn Telling>,
    pub(crate) numbers: Arc<Mutex<filing::NumberBlock>>,
    pub(crate) running: Arc<Mutex<HashSet<RequestKey>>>,
    /// The version of the routing rules used last.
    pub(crate) rules_at_hand: Arc<Mutex<Option<Arc<escalation::routing::Rules>>>>,
    /// What is set seldom, of the version in force.
    pub(crate) at_hand: Arc<Mutex<at_hand::AtHand>>,
    /// Authorities known to receive requests.
    pub(crate) receiving: Arc<Mutex<HashSet<AuthorityCode>>>,
    pub(crate) hashing: Arc<passwords::Gate>,
    /// This process, among those that share a database.
    pub(crate) node: String,
    /// Sets of playbooks by the versions in them.
    pub(crate) playbook_sets: Arc<Mutex<BTreeMap<Pins, Arc<Set>>>>,
    pub(crate) clock_seen: Arc<Mutex<Option<scheduler::Seen>>>,
}

/// The world outside and the settings a desk is opened with.
pub struct Parts {
    /// The database, migrated.
    pub db: Db,
    /// Where attachments are kept.
    pub blobs: Arc<dyn BlobStore>,
    /// The reference data, already checked.
    pub reference: Arc<Reference>,
    /// The routing rules an installation begins with (`routing.toml`), already checked.
    pub first_rules: String,
    /// The playbooks that are shipped.
    pub playbooks: Vec<playbooks::PlaybookFile>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Fresh ids and random bytes.
    pub ids: Arc<dyn Ids>,
    /// The installation's secret.
    pub secrets: Secrets,
    /// Who says who may act for whom.
    pub delegations: Arc<dyn DelegationSource>,
    /// Who knows the addresses of names.
    pub names: Arc<dyn HostNames>,
    /// Who says what people are told of an error, where that is kept.
    pub telling: Arc<dyn Telling>,
    /// Everything else that is configured.
    pub settings: Settings,
}

impl Desk {
    /// Opens the desk and brings the reference tables up to date.
    pub fn open(mut parts: Parts) -> Result<Self, DeskError> {
        let first_rules = std::mem::take(&mut parts.first_rules);
        let playbooks = std::mem::take(&mut parts.playbooks);
        let desk = Desk::as_it_is(parts);
        desk.write_reference()?;
        desk.ensure_keys()?;
        desk.print_askers()?;
        desk.write_first_policies()?;
        desk.write_first_rules(&first_rules)?;
        desk.write_shipped_playbooks(&playbooks)?;
        Ok(desk)
    }

    /// The desk of an installation that is only looked at: nothing of what this version ships is written.
    pub fn as_it_is(parts: Parts) -> Self {
        Desk {
            node: parts.ids.uuid().to_string(),
            clock_seen: Arc::default(),
            hashing: Arc::new(passwords::Gate::new(parts.settings.parallel_hashings)),
            db: parts.db,
            blobs: parts.blobs,
            reference: parts.reference,
            clock: parts.clock,
            ids: parts.ids,
            secrets: Arc::new(parts.secrets),
            settings: Arc::new(parts.settings),
            delegations: parts.delegations,
            names: parts.names,
            telling: parts.telling,
            numbers: Arc::default(),
            running: Arc::default(),
            rules_at_hand: Arc::default(),
            at_hand: Arc::default(),
            receiving: Arc::default(),
            playbook_sets: Arc::default(),
        }
    }

    /// Makes the first data key of each authority that has none.
    fn ensure_keys(&self) -> Result<(), DeskError> {
        let authorities = self.reference.authorities().iter();
        let desks: Vec<String> = authorities
            .map(|authority| authority.code.as_str().to_owned())
            .collect();
        Ok(self.db.keyring()?.ensure(&desks, self.clock.now())?)
    }

    /// The settings in force.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The reference data.
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// The time now.
    pub fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    /// Fresh ids and random bytes.
    pub fn ids(&self) -> &dyn Ids {
        self.ids.as_ref()
    }

    /// Today, for dates people write.
    pub fn today(&self) -> jiff::civil::Date {
        self.day_of(self.clock.now())
    }

    /// The day of an instant where the installation is.
    pub(crate) fn day_of(&self, now: jiff::Timestamp) -> jiff::civil::Date {
        now.to_zoned(self.settings.time_zone.clone()).date()
    }

    /// Asks the database for a sign of life.
    pub fn ping(&self) -> Result<(), DeskError> {
        Ok(self.db.ping()?)
    }

    /// SQL statements executed so far, for tests and metrics.
    pub fn statements(&self) -> u64 {
        self.db.statements()
    }
}

//! What an installation can set, checked by `server` and handed down by value.

use std::collections::HashMap;

use domain::activity::OverdueAfter;
use domain::catalogue::TextLimits;
use domain::codes::AuthorityCode;
use domain::complaint::ComplaintRules;
use domain::email::{CERTIFIED_MAIL_LABELS, EmailAddress};
use domain::notification::QuietHours;
use domain::nudge::NudgeRules;
use domain::password::PasswordPolicy;
use domain::review::ReviewRules;
use domain::sla::WorkingTime;
use domain::state::Windows;
use domain::ticket::Ticket;
use domain::webhook::AddressRules;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use storage::notifications::Settings as NotificationSettings;

/// Settings of the use cases.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Times of the life cycle.
    pub windows: Windows,
    /// Times of single authorities, instead.
    pub windows_by_authority: HashMap<AuthorityCode, Windows>,
    /// How long a ticket should take at most; shown, never enforced.
    pub resolution_target: SignedDuration,
    /// How long technical activities may take before the region is told.
    pub activities_overdue_after: OverdueAfter,
    /// How long ago a ticket may have been settled that another one still looks like.
    pub duplicate_hint: SignedDuration,
    /// Lengths of texts.
    pub text_limits: TextLimits,
    /// Where civil dates are reckoned.
    pub time_zone: TimeZone,
    /// The address that tracking links start with.
    pub tracking_url: String,
    /// The address that links to copies of somebody's data start with.
    pub export_url: String,
    /// How much a requester may send.
    pub quotas: Quotas,
    /// E-mail proofs.
    pub email_proof: EmailProofSettings,
    /// Log-in.
    pub sign_in: SignInSettings,
    /// Accounts' life.
    pub accounts: AccountSettings,
    /// How many passwords are hashed at once.
    pub parallel_hashings: usize,
    /// How long an answer to an idempotency key is kept.
    pub idempotency: SignedDuration,
    /// How long due work is one node's alone.
    pub lease: SignedDuration,
    /// How people are told.
    pub delivery: DeliverySettings,
    /// Telling authorities' own programs.
    pub webhooks: WebhookSettings,
    /// When somebody hears of what nobody took.
    pub untouched: UntouchedSettings,
    /// How often requesters nudge.
    pub nudges: NudgeRules,
    /// How long the files of a removed ticket are kept (T22).
    pub purge_removed_after: SignedDuration,
    /// Reviews of decided requests.
    pub reviews: ReviewRules,
    /// Terms of complaints.
    pub complaints: ComplaintRules,
    /// Looks at personal data that have to be stated.
    pub privacy: PrivacySettings,
    /// How much retention may take away by itself.
    pub retention: RetentionSettings,
}

/// Looks at personal data that have to be stated (`domain.md` §2.2).
#[derive(Debug, Clone)]
pub struct PrivacySettings {
    /// The data protection officer's address, who is told of break-glass; without one there is none.
    pub officer_email: Option<EmailAddress>,
    /// How long a ticket is open to an auditor who stated why.
    pub inspection: SignedDuration,
    /// How many disclosures and inspections an account may ask for within an hour.
    pub looks_per_hour: i64,
}

impl Default for PrivacySettings {
    fn default() -> Self {
        PrivacySettings {
            officer_email: None,
            inspection: SignedDuration::from_hours(8),
            looks_per_hour: 30,
        }
    }
}

/// How much a run of retention may take away before a person has looked (`docs/adr/0037`).
#[derive(Debug, Clone, Copy)]
pub struct RetentionSettings {
    /// Percent of all that names somebody.
    pub most_percent: i64,
    /// So many in any case.
    pub always_up_to: i64,
}

impl Default for RetentionSettings {
    fn default() -> Self {
        RetentionSettings {
            most_percent: 20,
            always_up_to: 50,
        }
    }
}

/// When somebody hears of a ticket that nobody took (`domain.md` §4.3): working time since it came to
/// the desk, by the desk's calendar.
#[derive(Debug, Clone, Copy)]
pub struct UntouchedSettings {
    /// At the desk it was filed with.
    pub filed: WorkingTime,
    /// At a desk it was handed over, returned or re-routed to.
    pub transferred: WorkingTime,
}

impl Default for UntouchedSettings {
    fn default() -> Self {
        UntouchedSettings {
            filed: WorkingTime::ONE_DAY,
            transferred: WorkingTime::ONE_DAY,
        }
    }
}

/// Settings of webhooks (`docs/webhooks.md`).
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// Where endpoints may be.
    pub rules: AddressRules,
    /// Whom events come from: the address people reach us at, without a slash at its end.
    pub source: String,
    /// How long the secret before is good after a rotation.
    pub secret_overlap: SignedDuration,
    /// How long an endpoint may fail without a break before it is disabled.
    pub disable_after: SignedDuration,
    /// How long one try may take, from the first look for the name to the answer's status.
    pub timeout: SignedDuration,
}

impl Default for WebhookSettings {
    fn default() -> Self {
        WebhookSettings {
            rules: AddressRules::default(),
            source: "http://127.0.0.1:8080".to_owned(),
            secret_overlap: SignedDuration::from_hours(24),
            disable_after: SignedDuration::from_hours(5 * 24),
            timeout: SignedDuration::from_secs(15),
        }
    }
}

/// How people are told (`domain.md` §5.3, §10.2).
#[derive(Debug, Clone)]
pub struct DeliverySettings {
    /// What holds at authorities that have set nothing.
    pub usual: NotificationSettings,
    /// Mails about one ticket that leave within an hour; more wait.
    pub mails_per_ticket_and_hour: usize,
    /// When the digests of staff go out, every day.
    pub digest_at: Time,
    /// Where people with a national identity read their requests.
    pub portal_url: String,
    /// When no text message goes out.
    pub text_quiet: Option<QuietHours>,
}

impl DeliverySettings {
    /// The next hour for digests, after `now`.
    pub(crate) fn digest_after(&self, now: Timestamp, zone: &TimeZone) -> Timestamp {
        let local = now.to_zoned(zone.clone());
        let on = |date: Date| date.to_datetime(self.digest_at).to_zoned(zone.clone());
        let today = on(local.date()).ok().filter(|at| at.timestamp() > now);
        let next = today.or_else(|| local.date().tomorrow().and_then(on).ok());
        next.map_or(now, |at| at.timestamp())
    }
}

impl Default for DeliverySettings {
    fn default() -> Self {
        DeliverySettings {
            usual: NotificationSettings {
                version: storage::notifications::UNSET,
                pointer_only: false,
                copy_to_citizens: false,
                mail_on_close: false,
                quiet: None,
            },
            mails_per_ticket_and_hour: 20,
            digest_at: Time::constant(8, 0, 0, 0),
            portal_url: "http://127.0.0.1:8080/".to_owned(),
            text_quiet: Some(domain::callback::QUIET),
        }
    }
}

/// How much a requester may send (D-19); beyond it is 429.
#[derive(Debug, Clone)]
pub struct Quotas {
    /// Tickets a national identity may file in 24 hours; anonymous filings are bounded by the
    /// e-mail proofs they need.
    pub filings_per_day: i64,
    /// Messages a requester may write on one ticket.
    pub messages_per_ticket: i64,
    /// Files one ticket may hold, of all sides.
    pub files_per_ticket: i64,
}

/// Settings of e-mail proofs (`domain.md` §3.6).
#[derive(Debug, Clone)]
pub struct EmailProofSettings {
    /// Digits of a code.
    pub digits: u32,
    /// How long a code and its proof are good.
    pub life: SignedDuration,
    /// Codes that may be tried.
    pub tries: i32,
    /// Codes sent to an address, or asked for by a source, in an hour.
    pub per_hour: i64,
    /// The same in a day.
    pub per_day: i64,
    /// Times the caps for one network source, which many people may share.
    pub source_factor: i64,
}

/// Settings of log-in.
#[derive(Debug, Clone)]
pub struct SignInSettings {
    /// A session ends at the latest.
    pub absolute: SignedDuration,
    /// A session ends when not refreshed for so long.
    pub idle: SignedDuration,
    /// The longest delay.
    pub longest_delay: SignedDuration,
    /// Memory of the hash in KiB.
    pub hash_memory_kib: u32,
    /// Passes of the hash.
    pub hash_passes: u32,
    /// Which passwords are good where.
    pub policies: PasswordPolicies,
    /// Whether those who lead or administer must show a second factor (D-6).
    pub require_second_factor: bool,
    /// How long after a log-in the gravest actions are possible.
    pub fresh: SignedDuration,
}

/// The password policies of an installation, by name, and where each holds.
#[derive(Debug, Clone)]
pub struct PasswordPolicies {
    /// The name of the one that holds where nothing else is said.
    pub usual: String,
    /// All of them.
    pub profiles: Vec<(String, PasswordPolicy)>,
    /// The names of those that hold at single authorities.
    pub by_authority: HashMap<AuthorityCode, String>,
}

impl PasswordPolicies {
    /// The name of the policy that holds at an authority.
    pub fn name_at(&self, authority: &AuthorityCode) -> &str {
        self.by_authority.get(authority).unwrap_or(&self.usual)
    }

    /// The policy that holds at an authority.
    pub fn of(&self, authority: &AuthorityCode) -> &PasswordPolicy {
        self.named(self.name_at(authority))
    }

    /// The policy that holds where nothing else is said.
    pub fn usual(&self) -> &PasswordPolicy {
        self.named(&self.usual)
    }

    /// The policy of this name; the modern one, if there is none such.
    pub fn named(&self, name: &str) -> &PasswordPolicy {
        let found = self.profiles.iter().find(|(known, _)| known == name);
        found.map_or(&PasswordPolicy::MODERN, |(_, policy)| policy)
    }
}

impl Default for PasswordPolicies {
    fn default() -> Self {
        PasswordPolicies {
            usual: "modern".to_owned(),
            profiles: vec![
                ("modern".to_owned(), PasswordPolicy::MODERN),
                ("sistema-ts".to_owned(), PasswordPolicy::SISTEMA_TS),
            ],
            by_authority: HashMap::new(),
        }
    }
}

/// Settings of accounts' life (`domain.md` §9.4–9.6, §11.2).
#[derive(Debug, Clone)]
pub struct AccountSettings {
    /// How long the two codes are good.
    pub code_life: SignedDuration,
    /// Wrong security codes that void a pair.
    pub code_tries: i32,
    /// Where people show both codes, without a slash at its end.
    pub activation_url: String,
    /// First words of domain labels that certified mail uses; administrators' first codes never go there.
    pub certified_mail: Vec<String>,
    /// Mailboxes that more than one person reads, by what stands before the at sign.
    pub shared_mailboxes: Vec<String>,
    /// The terms in force that administrators accept.
    pub terms_version: String,
    /// The questions that recovery may ask, by code, where a policy has it switched on.
    pub questions: Vec<String>,
}

impl Default for AccountSettings {
    fn default() -> Self {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        AccountSettings {
            code_life: SignedDuration::from_hours(7 * 24),
            code_tries: 5,
            activation_url: "http://127.0.0.1:8080/activation".to_owned(),
            certified_mail: owned(&CERTIFIED_MAIL_LABELS),
            shared_mailboxes: owned(&[
                "info",
                "urp",
                "segreteria",
                "protocollo",
                "ufficio",
                "sportello",
                "helpdesk",
                "assistenza",
                "operatori",
                "noreply",
            ]),
            terms_version: "2026-1".to_owned(),
            questions: owned(&["first-school", "first-pet", "mothers-town", "first-job"]),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        let hours = SignedDuration::from_hours;
        Settings {
            windows: Windows::default(),
            windows_by_authority: HashMap::new(),
            resolution_target: hours(5 * 24),
            activities_overdue_after: OverdueAfter::default(),
            duplicate_hint: hours(30 * 24),
            text_limits: TextLimits::default(),
            time_zone: TimeZone::UTC,
            tracking_url: "http://127.0.0.1:8080/tracking".to_owned(),
            export_url: "http://127.0.0.1:8080/export".to_owned(),
            quotas: Quotas {
                filings_per_day: 50,
                messages_per_ticket: 300,
                files_per_ticket: 50,
            },
            email_proof: EmailProofSettings {
                digits: 6,
                life: SignedDuration::from_mins(30),
                tries: 5,
                per_hour: 3,
                per_day: 10,
                source_factor: 10,
            },
            sign_in: SignInSettings {
                absolute: hours(8),
                idle: SignedDuration::from_mins(60),
                longest_delay: SignedDuration::from_mins(15),
                hash_memory_kib: 19 * 1024,
                hash_passes: 2,
                policies: PasswordPolicies::default(),
                require_second_factor: true,
                fresh: SignedDuration::from_mins(15),
            },
            accounts: AccountSettings::default(),
            parallel_hashings: 2,
            idempotency: hours(24),
            lease: SignedDuration::from_mins(5),
            delivery: DeliverySettings::default(),
            webhooks: WebhookSettings::default(),
            untouched: UntouchedSettings::default(),
            nudges: NudgeRules::default(),
            purge_removed_after: hours(30 * 24),
            reviews: ReviewRules::default(),
            complaints: ComplaintRules::default(),
            privacy: PrivacySettings::default(),
            retention: RetentionSettings::default(),
        }
    }
}

impl Settings {
    /// The times that hold for a ticket: those of its custodian.
    pub fn windows_for(&self, ticket: &Ticket) -> &Windows {
        self.windows_by_authority
            .get(&ticket.custodian.code)
            .unwrap_or(&self.windows)
    }
}

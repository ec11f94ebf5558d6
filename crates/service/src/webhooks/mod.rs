//! Endpoints of authorities' own programs: adding, changing and ending them, and their secrets.
//!
//! `events` writes what they are told, `sending` hands it to whoever sends and notes how it went,
//! `log` shows it. Invariant: a secret leaves once, when it is made, and an endpoint whose address
//! leads into a network is never saved.

mod events;
mod log;
mod sending;
mod signing;

use std::net::{IpAddr, ToSocketAddrs};
use std::sync::mpsc;
use std::time::Duration;

use domain::actor::Staff;
use domain::codes::AuthorityCode;
use domain::ids::{EndpointId, WebhookSecretId};
use domain::invalid::{FieldError, Invalid, Text};
use domain::permissions::{Reach, Right, reach};
use domain::visibility::Scope;
use domain::webhook::{EndpointUrl, EventFilter, MAX_ENDPOINTS, not_public};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use storage::webhooks::{self, Endpoint, EndpointScope, Secret};
use storage::{DbConnection, webhook_deliveries};

pub use log::{DeliveryView, TestDelivery};
pub use sending::{Delivery, Reported, Signed};
pub use storage::webhook_deliveries::DeliveryState;
pub use storage::webhooks::{Attempt, DisabledReason};

use crate::once::{Answer, Once};
use crate::{Desk, DeskError};

/// Most characters of a label.
pub const MAX_LABEL: usize = 100;
/// Bytes of a secret; Standard Webhooks want 24 to 64.
const SECRET_BYTES: usize = 32;
/// Why what waited for a disabled endpoint was given up.
const DISABLED: &str = "endpoint-disabled";
/// Why what waited for a deleted endpoint was given up.
const DELETED: &str = "endpoint-deleted";

/// Finds the addresses of a name. The world outside: never asked inside a transaction.
pub trait HostNames: Send + Sync {
    /// The addresses of a host; none if it has none, or nobody says in time.
    fn addresses(&self, host: &str) -> Vec<IpAddr>;
}

/// The system's own resolver.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemNames;

/// How long a name is looked for.
const PATIENCE: Duration = Duration::from_secs(5);

impl HostNames for SystemNames {
    fn addresses(&self, host: &str) -> Vec<IpAddr> {
        let (tell, told) = mpsc::channel();
        let host = host.to_owned();
        // The system's call cannot be cut short; a thread of its own can be left behind.
        std::thread::spawn(move || {
            let found = (host.as_str(), 0).to_socket_addrs();
            let found = found.map(|all| all.map(|address| address.ip()).collect());
            let _ = tell.send(found.unwrap_or_default());
        });
        told.recv_timeout(PATIENCE).unwrap_or_default()
    }
}

/// An endpoint to add.
#[derive(Debug, Clone)]
pub struct EndpointForm {
    /// Where.
    pub url: String,
    /// What people call it.
    pub label: String,
    /// What it asks for.
    pub event_types: Vec<String>,
    /// Whose; the keeper's own, if left out.
    pub authority_code: Option<String>,
}

/// What to change of an endpoint; what is left out stays.
#[derive(Debug, Clone, Default)]
pub struct EndpointPatch {
    /// Where.
    pub url: Option<String>,
    /// What people call it.
    pub label: Option<String>,
    /// What it asks for.
    pub event_types: Option<Vec<String>>,
    /// Whether it is sent anything.
    pub enabled: Option<bool>,
}

/// An endpoint, as its keepers see it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EndpointView {
    /// Its id.
    pub id: EndpointId,
    /// For `If-Match`.
    pub version: i64,
    /// Whose it is.
    pub authority: AuthorityCode,
    /// Where.
    pub url: String,
    /// What people call it.
    pub label: String,
    /// What it asks for.
    pub event_types: Vec<String>,
    /// Why it is sent nothing; none while it is enabled.
    pub disabled_reason: Option<String>,
    /// Since when.
    pub disabled_at: Option<Timestamp>,
    /// Since when every delivery failed.
    pub failing_since: Option<Timestamp>,
    /// When it was added.
    pub created_at: Timestamp,
}

impl From<Endpoint> for EndpointView {
    fn from(endpoint: Endpoint) -> Self {
        let (reason, disabled_at) = endpoint.disabled.unzip();
        EndpointView {
            id: endpoint.id,
            version: endpoint.version,
            authority: endpoint.desk,
            url: endpoint.url,
            label: endpoint.label,
            event_types: endpoint.filter.words().to_vec(),
            disabled_reason: reason.map(|reason| reason.code().to_owned()),
            disabled_at,
            failing_since: endpoint.failing_since,
            created_at: endpoint.created_at,
        }
    }
}

/// An endpoint and its first secret.
#[derive(Clone, Serialize, Deserialize)]
pub struct NewEndpoint {
    /// The endpoint.
    pub endpoint: EndpointView,
    /// The secret, shown once.
    pub secret: String,
}

/// A new secret of an endpoint.
#[derive(Clone, Serialize, Deserialize)]
pub struct NewSecret {
    /// The secret, shown once.
    pub secret: String,
    /// Until when the one before is good, too.
    pub previous_until: Timestamp,
}

impl Desk {
    /// Adds an endpoint, with its first secret.
    pub fn create_endpoint(
        &self,
        keeper: &Staff,
        form: &EndpointForm,
        once: &Once,
    ) -> Result<Answer<NewEndpoint>, DeskError> {
        let checked = self.check_endpoint(keeper, form);
        let (label, url, filter, owner) = checked.map_err(DeskError::Invalid)?;
        let (desk, keeper) = (self.clone(), keeper.clone());
        self.write_once(&Scope::Nothing, once, move |conn| {
            let now = desk.clock.now();
            must_have_room(conn, &owner)?;
            let endpoint = Endpoint {
                id: EndpointId::new(desk.ids.uuid()),
                version: 1,
                desk: owner,
                url: url.as_str().to_owned(),
                label,
                filter,
                disabled: None,
                failing_since: None,
                created_at: now,
                created_by: keeper.account,
            };
            webhooks::insert(conn, &endpoint)?;
            let secret = desk.add_secret(conn, endpoint.id, now, now)?;
            tracing::info!(endpoint.id = %endpoint.id, actor.id = %keeper.account, "an endpoint was added");
            Ok(NewEndpoint {
                endpoint: endpoint.into(),
                secret,
            })
        })
    }

    /// What is wrong with an endpoint, for an answer that tells other faults as well.
    pub fn faults_of_endpoint(&self, keeper: &Staff, form: &EndpointForm) -> Vec<FieldError> {
        self.check_endpoint(keeper, form).err().unwrap_or_default()
    }

    fn check_endpoint(
        &self,
        keeper: &Staff,
        form: &EndpointForm,
    ) -> Result<(String, EndpointUrl, EventFilter, AuthorityCode), Vec<FieldError>> {
        let mut errors = Vec::new();
        let label = taken(&mut errors, check_label(&form.label).map_err(one));
        let url = taken(&mut errors, self.check_url(&form.url).map_err(one));
        let filter = EventFilter::parse(&form.event_types, "/event_types");
        let filter = taken(&mut errors, filter);
        let owner = self.check_owner(keeper, form.authority_code.as_deref());
        let owner = taken(&mut errors, owner.map_err(one));
        match (label, url, filter, owner) {
            (Some(label), Some(url), Some(filter), Some(owner)) => Ok((label, url, filter, owner)),
            _ => Err(errors),
        }
    }

    /// The endpoints somebody keeps, the oldest first, after `after`.
    pub fn list_endpoints(
        &self,
        keeper: &Staff,
        after: Option<EndpointId>,
        limit: i64,
    ) -> Result<Vec<EndpointView>, DeskError> {
        let found = self
            .db
            .read(|conn| webhooks::list(conn, &endpoint_scope(keeper), after, limit))?;
        Ok(found.into_iter().map(EndpointView::from).collect())
    }

    /// One endpoint.
    pub fn show_endpoint(&self, keeper: &Staff, id: EndpointId) -> Result<EndpointView, DeskError> {
        let found = self
            .db
            .read(|conn| webhooks::find(conn, &endpoint_scope(keeper), id))?;
        found.map(EndpointView::from).ok_or(DeskError::NotFound)
    }

    /// Changes an endpoint. Disabling it gives up what waits; enabling it forgets that it failed.
    pub fn edit_endpoint(
        &self,
        keeper: &Staff,
        id: EndpointId,
        seen: i64,
        patch: &EndpointPatch,
    ) -> Result<EndpointView, DeskError> {
        // Out of reach is told before anything else.
        self.show_endpoint(keeper, id)?;
        let mut errors = Vec::new();
        let label = patch.label.as_deref().map(check_label).transpose();
        let label = taken(&mut errors, label.map_err(one)).flatten();
        let url = patch.url.as_deref().map(|url| self.check_url(url));
        let url = taken(&mut errors, url.transpose().map_err(one)).flatten();
        let filter = patch.event_types.as_deref();
        let filter = filter.map(|words| EventFilter::parse(words, "/event_types"));
        let filter = taken(&mut errors, filter.transpose()).flatten();
        if !errors.is_empty() {
            return Err(DeskError::Invalid(errors));
        }
        let (desk, keeper, enabled) = (self.clone(), keeper.clone(), patch.enabled);
        self.db.write(move |conn| {
            let now = desk.clock.now();
            let mut endpoint = endpoint_at(conn, &keeper, id, seen)?;
            if let Some(url) = url {
                endpoint.url = url.as_str().to_owned();
            }
            endpoint.label = label.unwrap_or(endpoint.label);
            endpoint.filter = filter.unwrap_or(endpoint.filter);
            match (enabled, endpoint.disabled) {
                (Some(true), Some(_)) => {
                    endpoint.disabled = None;
                    endpoint.failing_since = None;
                }
                (Some(false), None) => {
                    endpoint.disabled = Some((DisabledReason::ByHand, now));
                    webhook_deliveries::park_all(conn, id, DISABLED)?;
                }
                _ => {}
            }
            webhooks::save(conn, &mut endpoint)?;
            tracing::info!(endpoint.id = %id, actor.id = %keeper.account, "an endpoint was changed");
            Ok(endpoint.into())
        })
    }

    /// Ends an endpoint, gives up what waits for it, and forgets its secrets.
    pub fn delete_endpoint(
        &self,
        keeper: &Staff,
        id: EndpointId,
        seen: i64,
    ) -> Result<(), DeskError> {
        let (desk, keeper) = (self.clone(), keeper.clone());
        self.db.write(move |conn| {
            let endpoint = endpoint_at(conn, &keeper, id, seen)?;
            webhooks::delete(conn, &endpoint, desk.clock.now())?;
            webhook_deliveries::park_all(conn, id, DELETED)?;
            tracing::info!(endpoint.id = %id, actor.id = %keeper.account, "an endpoint was deleted");
            Ok(())
        })
    }

    /// Makes another secret. The one before is good for a while longer, so that the receiver can
    /// change without losing a delivery; an even older one ends now.
    pub fn rotate_endpoint_secret(
        &self,
        keeper: &Staff,
        id: EndpointId,
        once: &Once,
    ) -> Result<Answer<NewSecret>, DeskError> {
        let (desk, keeper) = (self.clone(), keeper.clone());
        self.write_once(&Scope::Nothing, once, move |conn| {
            let now = desk.clock.now();
            let found = webhooks::find(conn, &endpoint_scope(&keeper), id)?;
            found.ok_or(DeskError::NotFound)?;
            let overlap = desk.settings.webhooks.secret_overlap;
            let previous_until = now.checked_add(overlap).unwrap_or(now);
            let secret = desk.add_secret(conn, id, now, previous_until)?;
            tracing::info!(endpoint.id = %id, actor.id = %keeper.account, "an endpoint's secret was changed");
            Ok(NewSecret {
                secret,
                previous_until,
            })
        })
    }

    /// Makes a secret and keeps it sealed; the answer is how its receiver writes it.
    fn add_secret(
        &self,
        conn: &mut DbConnection,
        endpoint: EndpointId,
        now: Timestamp,
        others_end: Timestamp,
    ) -> Result<String, DeskError> {
        let mut bytes = [0; SECRET_BYTES];
        self.ids.fill(&mut bytes);
        let id = WebhookSecretId::new(self.ids.uuid());
        let sealed = self.secrets.seal(&context(id), bytes.to_vec());
        let secret = Secret {
            id,
            sealed: sealed.ok_or(DeskError::Broken("a secret cannot be sealed", None))?,
        };
        webhooks::insert_secret(conn, endpoint, &secret, now, others_end)?;
        Ok(signing::in_words(&bytes))
    }

    /// The address, if it leads to the public internet. Asks for its name: not inside a transaction.
    fn check_url(&self, text: &str) -> Result<EndpointUrl, FieldError> {
        let rules = &self.settings.webhooks.rules;
        let at = |invalid: Invalid| invalid.at("/url");
        let url = EndpointUrl::parse(text, rules).map_err(at)?;
        if url.literal().is_some() || rules.trusts(url.host()) {
            return Ok(url);
        }
        let found = self.names.addresses(url.host());
        match !found.is_empty() && rules.may_reach(url.host(), &found) {
            true => Ok(url),
            false => Err(at(not_public())),
        }
    }

    /// Whose a new endpoint is: the keeper's own desk's, or any for those who keep all.
    fn check_owner(&self, keeper: &Staff, code: Option<&str>) -> Result<AuthorityCode, FieldError> {
        let Some(code) = code else {
            return Ok(keeper.authority.clone());
        };
        let known = self.reference.authority_any(code);
        let known = known.map(|authority| authority.code.clone());
        let is_kept = |code: &AuthorityCode| match endpoint_scope(keeper) {
            EndpointScope::All => true,
            EndpointScope::Desk(own) => own == *code,
            EndpointScope::Nothing => false,
        };
        known.filter(is_kept).ok_or_else(|| {
            Invalid::new(
                "not-in-list",
                "Valore non disponibile",
                "this value is not in the list",
            )
            .at("/authority_code")
        })
    }
}

/// Which endpoints somebody may know of.
fn endpoint_scope(keeper: &Staff) -> EndpointScope {
    match reach(keeper.role, Right::KeepWebhooks) {
        // The region keeps its own: an authority's programs are the authority's affair.
        Reach::Desk | Reach::Region => EndpointScope::Desk(keeper.authority.clone()),
        Reach::All => EndpointScope::All,
        Reach::No | Reach::Activities => EndpointScope::Nothing,
    }
}

/// The endpoint to be changed, in reach and as it was seen.
fn endpoint_at(
    conn: &mut DbConnection,
    keeper: &Staff,
    id: EndpointId,
    seen: i64,
) -> Result<Endpoint, DeskError> {
    let found = webhooks::find(conn, &endpoint_scope(keeper), id)?;
    let endpoint = found.ok_or(DeskError::NotFound)?;
    if endpoint.version != seen {
        return Err(DeskError::Stale {
            current: endpoint.version,
        });
    }
    Ok(endpoint)
}

fn must_have_room(conn: &mut DbConnection, owner: &AuthorityCode) -> Result<(), DeskError> {
    storage::dialect::follow_each_other(conn, &format!("webhook-endpoints {owner}"))
        .map_err(storage::StoreError::from)?;
    if webhooks::count(conn, owner)? < MAX_ENDPOINTS {
        return Ok(());
    }
    let full = Invalid {
        code: "too-many",
        message: Text::owned(
            format!("Un ente ha al massimo {MAX_ENDPOINTS} indirizzi"),
            format!("an authority has {MAX_ENDPOINTS} endpoints at most"),
        ),
    };
    Err(DeskError::field(full.at("/url")))
}

fn check_label(text: &str) -> Result<String, FieldError> {
    let text = text.trim();
    let invalid = match text.chars().count() {
        0 => Invalid::required(),
        1..=MAX_LABEL if !text.contains(char::is_control) => return Ok(text.to_owned()),
        1..=MAX_LABEL => Invalid::new(
            "forbidden-chars",
            "Contiene un carattere non ammesso",
            "holds a character that is not allowed",
        ),
        _ => Invalid::new(
            "too-long",
            "Lunghezza non ammessa",
            "the length is not allowed",
        ),
    };
    Err(invalid.at("/label"))
}

/// What a secret is sealed for.
fn context(id: WebhookSecretId) -> String {
    format!("webhook-secret\n{id}")
}

fn one(error: FieldError) -> Vec<FieldError> {
    vec![error]
}

/// The value, or its errors to the others.
fn taken<T>(errors: &mut Vec<FieldError>, checked: Result<T, Vec<FieldError>>) -> Option<T> {
    checked.map_err(|found| errors.extend(found)).ok()
}

//! Deliveries for whoever sends them, one endpoint at a time, and what follows from how it went.

use std::net::IpAddr;
use std::time::Duration;

use domain::ids::{EndpointId, MessageId};
use domain::visibility::Scope;
use domain::webhook::{self, EndpointUrl, Fault, Outcome, Verdict, wait_after};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use storage::changes::News;
use storage::outbox::{self, Outgoing};
use storage::webhooks::{self, DisabledReason, Endpoint, EndpointScope};
use storage::{DbConnection, webhook_deliveries};

use super::{DISABLED, context, signing};
use crate::{Desk, DeskError};

/// A delivery that is ours to try, until its lease ends.
pub struct Delivery {
    message: Outgoing,
    endpoint: EndpointId,
    at: Timestamp,
    /// Where and with what; or why it cannot even be tried.
    pub signed: Result<Signed, Fault>,
}

/// A delivery that is ready to leave.
pub struct Signed {
    /// Where.
    pub url: EndpointUrl,
    /// `webhook-id`: stable over every try.
    pub id: MessageId,
    /// `webhook-timestamp`: seconds since 1970, of this try.
    pub seconds: i64,
    /// `webhook-signature`: one for each secret that is good.
    pub signatures: String,
    /// The body, byte for byte as it was signed.
    pub body: String,
}

/// What followed from a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reported {
    /// Delivered.
    Delivered,
    /// To be tried again.
    Retried,
    /// Given up.
    Failed,
}

impl Desk {
    /// The enabled endpoints to which something is due.
    pub fn endpoints_with_deliveries(&self) -> Result<Vec<EndpointId>, DeskError> {
        let now = self.clock.now();
        Ok(self
            .db
            .read(|conn| webhook_deliveries::list_due_endpoints(conn, now))?)
    }

    /// Claims what is due longest at an endpoint, signed with every secret that is good. At least
    /// once: a crash between sending and reporting sends again, under the same id.
    pub fn claim_delivery(&self, id: EndpointId) -> Result<Option<Delivery>, DeskError> {
        let desk = self.clone();
        self.db.write(move |conn| {
            let now = desk.clock.now();
            let found = webhooks::find(conn, &EndpointScope::All, id)?;
            let Some(endpoint) = found.filter(|endpoint| endpoint.disabled.is_none()) else {
                return Ok(None);
            };
            let settings = &desk.settings;
            let lease = settings.lease.max(settings.webhooks.timeout * 2);
            let lease_end = now.checked_add(lease).unwrap_or(now);
            let Some(message) = outbox::claim_for(conn, id, now, lease_end)? else {
                return Ok(None);
            };
            let signed = desk.signed(conn, &endpoint, &message, now)?;
            Ok(Some(Delivery {
                message,
                endpoint: id,
                at: now,
                signed,
            }))
        })
    }

    fn signed(
        &self,
        conn: &mut DbConnection,
        endpoint: &Endpoint,
        message: &Outgoing,
        now: Timestamp,
    ) -> Result<Result<Signed, Fault>, DeskError> {
        // Settings may have changed since it was saved.
        let Ok(url) = EndpointUrl::parse(&endpoint.url, &self.settings.webhooks.rules) else {
            return Ok(Err(Fault::UrlRefused));
        };
        let kept = webhooks::list_secrets(conn, endpoint.id, now)?;
        let opened: Option<Vec<Vec<u8>>> = kept
            .iter()
            .map(|secret| self.secrets.open(&context(secret.id), &secret.sealed))
            .collect();
        let Some(secrets) = opened.filter(|secrets| !secrets.is_empty()) else {
            tracing::error!(endpoint.id = %endpoint.id, "a kept secret cannot be opened");
            return Ok(Err(Fault::NotSigned));
        };
        let body = message.payload.clone().unwrap_or_default();
        let seconds = now.as_second();
        let signatures = signing::sign(&secrets, &message.id.to_string(), seconds, &body);
        Ok(Ok(Signed {
            url,
            id: message.id,
            seconds,
            signatures,
            body,
        }))
    }

    /// The addresses of a host to connect to, if every one may be reached: asked anew at each
    /// connection, since a name can lead elsewhere by then (A11).
    pub fn addresses_to_reach(&self, host: &str) -> Result<Vec<IpAddr>, Fault> {
        let found = self.names.addresses(host);
        if found.is_empty() {
            return Err(Fault::NotResolved);
        }
        match self.settings.webhooks.rules.may_reach(host, &found) {
            true => Ok(found),
            false => Err(Fault::AddressRefused),
        }
    }

    /// Notes how a try went, and what follows for the delivery and for its endpoint.
    pub fn report_delivery(
        &self,
        delivery: Delivery,
        outcome: Outcome,
        took: Duration,
    ) -> Result<Reported, DeskError> {
        let desk = self.clone();
        // An endpoint that is disabled is news, and those are written in a scope.
        self.db.write_in(&Scope::System, move |conn| {
            let now = desk.clock.now();
            let Delivery {
                message,
                endpoint,
                at,
                ..
            } = delivery;
            let took = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
            webhooks::insert_attempt(conn, message.id, at, outcome, took)?;
            let endpoint = webhooks::find(conn, &EndpointScope::All, endpoint)?;
            let verdict = outcome.verdict();
            let reported = note(conn, &message, outcome, now)?;
            // Somebody may have disabled or deleted it while it was tried.
            if let Some(endpoint) = endpoint.filter(|endpoint| endpoint.disabled.is_none()) {
                desk.judge(conn, endpoint, verdict, now)?;
            }
            Ok(reported)
        })
    }

    /// What a try says of the endpoint: it works, it fails, or it has for too long.
    fn judge(
        &self,
        conn: &mut DbConnection,
        endpoint: Endpoint,
        verdict: Verdict,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        let since = endpoint.failing_since.unwrap_or(now);
        let is_hopeless = now.duration_since(since) >= self.settings.webhooks.disable_after;
        match verdict {
            Verdict::Delivered if endpoint.failing_since.is_none() => Ok(()),
            Verdict::Delivered => Ok(webhooks::set_failing(conn, endpoint.id, None)?),
            Verdict::Gone => self.disable(conn, endpoint, DisabledReason::Gone, now),
            Verdict::Again(_) | Verdict::Hopeless if is_hopeless => {
                self.disable(conn, endpoint, DisabledReason::Failing, now)
            }
            Verdict::Again(_) | Verdict::Hopeless if endpoint.failing_since.is_none() => {
                Ok(webhooks::set_failing(conn, endpoint.id, Some(now))?)
            }
            Verdict::Again(_) | Verdict::Hopeless => Ok(()),
        }
    }

    fn disable(
        &self,
        conn: &mut DbConnection,
        mut endpoint: Endpoint,
        reason: DisabledReason,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        tracing::warn!(endpoint.id = %endpoint.id, reason = reason.code(), "an endpoint is disabled");
        endpoint.disabled = Some((reason, now));
        webhooks::save(conn, &mut endpoint)?;
        webhook_deliveries::park_all(conn, endpoint.id, DISABLED)?;
        let news = News {
            kind: webhook::DISABLED.to_owned(),
            desk: Some(endpoint.desk),
            former_desk: None,
            ticket: None,
            seq: None,
            subject: Some(endpoint.id.to_string()),
            data: json!({"reason": reason.code()}),
        };
        self.publish(conn, &news, now)
    }
}

/// Where the delivery stands after this try. Nothing changes if the claim was lost meanwhile.
fn note(
    conn: &mut DbConnection,
    message: &Outgoing,
    outcome: Outcome,
    now: Timestamp,
) -> Result<Reported, DeskError> {
    let tried = usize::try_from(message.attempts).unwrap_or(usize::MAX);
    let next = match outcome.verdict() {
        Verdict::Delivered => {
            outbox::mark_sent(conn, message, now)?;
            return Ok(Reported::Delivered);
        }
        Verdict::Gone | Verdict::Hopeless => None,
        Verdict::Again(put_off) => {
            wait_after(tried, spread(message.id)).map(|wait| wait.max(put_off.unwrap_or_default()))
        }
    };
    let reason = outcome.reason();
    match next {
        Some(wait) => {
            let at = later(now, wait);
            outbox::mark_retry(conn, message, &reason, at)?;
            Ok(Reported::Retried)
        }
        None => {
            outbox::park(conn, message, &reason)?;
            Ok(Reported::Failed)
        }
    }
}

fn later(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.checked_add(wait).unwrap_or(now)
}

/// Chance enough to tell deliveries apart, and the same for every try of one.
fn spread(id: MessageId) -> u8 {
    id.uuid().as_bytes().last().copied().unwrap_or_default()
}

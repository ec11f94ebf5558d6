//! Acting for somebody else (ID-6): the source of delegations, and the one place that asks it.
//!
//! Invariant: the source is asked at each use, never inside a transaction, and nothing of its
//! answer outlives the request. What cannot be asked is not delegated.

use domain::ids::{DelegationId, TicketId};
use domain::tax_code::TaxCode;
use domain::visibility::Scope;
use jiff::Timestamp;
use storage::Db;
use storage::delegations::{self, Delegation, NewDelegation};

use crate::{Desk, DeskError};

/// For how many people one person may act. What a source says beyond is not heard.
pub const MAX_DELEGATORS: usize = 20;

/// Why the source did not say. Holds fixed words and codes, never what the source sent: this is
/// logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the source of delegations: {0}")]
pub struct DelegationFailure(pub String);

/// Something that knows who may act for whom. Blocking: call it from a thread that may wait.
pub trait DelegationSource: Send + Sync {
    /// Those for whom `delegate` may act now, at most [`MAX_DELEGATORS`].
    fn active_delegators(
        &self,
        delegate: &TaxCode,
        now: Timestamp,
    ) -> Result<Vec<TaxCode>, DelegationFailure>;
}

/// Nobody can act for anybody.
pub struct NoDelegations;

impl DelegationSource for NoDelegations {
    fn active_delegators(
        &self,
        _: &TaxCode,
        _: Timestamp,
    ) -> Result<Vec<TaxCode>, DelegationFailure> {
        Ok(Vec::new())
    }
}

/// The table that `sportello delegation` keeps.
pub struct DelegationTable(pub Db);

impl DelegationSource for DelegationTable {
    fn active_delegators(
        &self,
        delegate: &TaxCode,
        now: Timestamp,
    ) -> Result<Vec<TaxCode>, DelegationFailure> {
        self.0
            .read(|conn| delegations::list_active(conn, delegate, now, MAX_DELEGATORS))
            .map_err(|error| DelegationFailure(format!("the table cannot be read: {error}")))
    }
}

/// A requester who was identified, before it is known what they may see.
#[derive(Clone)]
pub enum Reader {
    /// A citizen with a national identity.
    Citizen {
        /// Issuer and subject, joined.
        identity: String,
        /// Their tax code.
        tax_code: TaxCode,
    },
    /// The holder of a tracking link.
    Tracking(TicketId),
}

impl Desk {
    /// What a requester may see now. If the source does not answer, that is what is their own.
    pub fn scope_of(&self, reader: &Reader) -> Scope {
        match reader {
            Reader::Citizen { identity, tax_code } => Scope::Citizen {
                identity: identity.clone(),
                tax_code: tax_code.clone(),
                delegators: self.delegators_of(tax_code).unwrap_or_else(|failure| {
                    tracing::warn!(%failure, "delegated tickets stay closed");
                    Vec::new()
                }),
            },
            Reader::Tracking(ticket) => Scope::Tracking(*ticket),
        }
    }

    /// Those for whom this person may act now.
    pub(crate) fn delegators_of(&self, own: &TaxCode) -> Result<Vec<TaxCode>, DelegationFailure> {
        let now = self.clock.now();
        let mut delegators = self.delegations.active_delegators(own, now)?;
        // Nobody is their own delegate: it would open what the same tax code filed elsewhere.
        delegators.retain(|delegator| delegator != own);
        delegators.truncate(MAX_DELEGATORS);
        Ok(delegators)
    }

    /// Adds a delegation to the table, from now on unless said otherwise. False if the delegate has
    /// as many as there may be.
    pub fn add_delegation(
        &self,
        delegate: TaxCode,
        delegator: TaxCode,
        valid_from: Option<Timestamp>,
        valid_to: Option<Timestamp>,
    ) -> Result<bool, DeskError> {
        let now = self.clock.now();
        let new = NewDelegation {
            id: DelegationId::new(self.ids.uuid()),
            delegate,
            delegator,
            valid_from: valid_from.unwrap_or(now),
            valid_to,
        };
        self.db.write(move |conn| {
            let held = delegations::list_all(conn, &new.delegate)?;
            let goes_on = |one: &&Delegation| {
                one.revoked_at.is_none() && one.valid_to.is_none_or(|end| end > now)
            };
            if held.iter().filter(goes_on).count() >= MAX_DELEGATORS {
                return Ok(false);
            }
            delegations::insert(conn, &new, now)?;
            Ok(true)
        })
    }

    /// Revokes what the table says of this pair; how many delegations that were.
    pub fn revoke_delegation(
        &self,
        delegate: TaxCode,
        delegator: TaxCode,
    ) -> Result<usize, DeskError> {
        let now = self.clock.now();
        self.db
            .write(move |conn| Ok(delegations::revoke(conn, &delegate, &delegator, now)?))
    }

    /// What the table says of a delegate, oldest first.
    pub fn list_delegations(&self, delegate: &TaxCode) -> Result<Vec<Delegation>, DeskError> {
        self.db
            .read(|conn| Ok(delegations::list_all(conn, delegate)?))
    }
}

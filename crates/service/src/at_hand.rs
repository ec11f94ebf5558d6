//! What is set seldom and asked with every change of a ticket, kept in memory as long as the version of
//! all that is set stays the same (`storage::settled`, `docs/adr/0043`).
//!
//! Invariant: what is believed here is at least as new as the version the transaction saw.

use std::collections::HashMap;
use std::sync::Arc;

use domain::assignment::AssignmentMode;
use domain::codes::AuthorityCode;
use domain::notification::Topic;
use domain::sla::Policy;
use storage::notifications::{Settings, Wanted, Wanting};
use storage::webhooks::Endpoint;
use storage::{DbConnection, StoreError, assignment, notifications, routing, settled};
use storage::{sla_policies, webhooks};

use crate::clock::lock;
use crate::{Desk, DeskError};

/// Whose wishes are kept.
type Audience = (Topic, AuthorityCode, Wanted);

/// What was asked for since the version came into force.
#[derive(Default)]
pub(crate) struct AtHand {
    version: i64,
    rules: Option<i32>,
    policies: Option<Arc<Vec<Policy>>>,
    endpoints: Option<Arc<Vec<Endpoint>>>,
    modes: HashMap<AuthorityCode, Option<AssignmentMode>>,
    settings: HashMap<AuthorityCode, Option<Option<Settings>>>,
    wanting: HashMap<Audience, Option<Arc<Vec<Wanting>>>>,
}

impl Desk {
    /// What `place` keeps, loaded if it was not asked for yet.
    fn at_hand<T: Clone>(
        &self,
        conn: &mut DbConnection,
        place: impl Fn(&mut AtHand) -> &mut Option<T>,
        load: impl FnOnce(&mut DbConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let version = settled::version(conn)?;
        {
            let mut kept = lock(&self.at_hand);
            if kept.version != version {
                *kept = AtHand {
                    version,
                    ..AtHand::default()
                };
            }
            if let Some(found) = place(&mut kept) {
                return Ok(found.clone());
            }
        }
        // Whatever is set meanwhile is loaded under a version that is older: that is asked for anew.
        let loaded = load(conn)?;
        let mut kept = lock(&self.at_hand);
        if kept.version == version {
            *place(&mut kept) = Some(loaded.clone());
        }
        Ok(loaded)
    }

    /// The version of the routing rules in force.
    pub(crate) fn rules_version(&self, conn: &mut DbConnection) -> Result<i32, DeskError> {
        Ok(self.at_hand(conn, |kept| &mut kept.rules, routing::last_version)?)
    }

    /// Every version of every SLA policy.
    pub(crate) fn policies(&self, conn: &mut DbConnection) -> Result<Arc<Vec<Policy>>, DeskError> {
        let load = |conn: &mut DbConnection| sla_policies::list(conn).map(Arc::new);
        Ok(self.at_hand(conn, |kept| &mut kept.policies, load)?)
    }

    /// The endpoints of all desks that are not disabled.
    pub(crate) fn endpoints(
        &self,
        conn: &mut DbConnection,
    ) -> Result<Arc<Vec<Endpoint>>, StoreError> {
        let load = |conn: &mut DbConnection| webhooks::list_enabled(conn).map(Arc::new);
        self.at_hand(conn, |kept| &mut kept.endpoints, load)
    }

    /// How a desk gives out what comes to it.
    pub(crate) fn assignment_mode(
        &self,
        conn: &mut DbConnection,
        desk: &AuthorityCode,
    ) -> Result<AssignmentMode, DeskError> {
        let load = |conn: &mut DbConnection| Ok(assignment::find_settings(conn, desk)?.mode);
        Ok(self.at_hand(
            conn,
            |kept| kept.modes.entry(desk.clone()).or_default(),
            load,
        )?)
    }

    /// What an authority has set of how it tells its requesters, if anything.
    pub(crate) fn own_notification_settings(
        &self,
        conn: &mut DbConnection,
        authority: &AuthorityCode,
    ) -> Result<Option<Settings>, DeskError> {
        let load = |conn: &mut DbConnection| notifications::find_settings(conn, authority);
        Ok(self.at_hand(
            conn,
            |kept| kept.settings.entry(authority.clone()).or_default(),
            load,
        )?)
    }

    /// Who wants mail about a topic and works at a desk.
    pub(crate) fn wanting(
        &self,
        conn: &mut DbConnection,
        topic: Topic,
        desk: &AuthorityCode,
        wanted: Wanted,
    ) -> Result<Arc<Vec<Wanting>>, DeskError> {
        let audience = || (topic, desk.clone(), wanted);
        let load = |conn: &mut DbConnection| {
            notifications::list_wanting(conn, topic, desk, wanted).map(Arc::new)
        };
        Ok(self.at_hand(
            conn,
            |kept| kept.wanting.entry(audience()).or_default(),
            load,
        )?)
    }
}

//! What an authority sets about its people's data: whether the texts on its requests are sealed.

use domain::actor::Staff;
use domain::codes::AuthorityCode;
use domain::permissions::Right;
use jiff::Timestamp;
use storage::{DbConnection, privacy};
use uuid::Uuid;

pub use storage::privacy::Settings as PrivacySettings;

use crate::work::{Kind, Next};
use crate::{Desk, DeskError};

/// Texts brought to the way that holds in one transaction.
const SETTLED_AT_ONCE: i64 = 500;

/// There is one such piece of work, for all authorities.
const SETTLING: Uuid = Uuid::nil();

impl Desk {
    /// What holds at an authority the member of staff may know of.
    pub fn show_privacy_settings(
        &self,
        staff: &Staff,
        authority: &str,
    ) -> Result<PrivacySettings, DeskError> {
        let authority = self.authority_in_reach(staff, authority, Right::ReadPrivacy)?;
        Ok(self.db.read(|conn| privacy::find(conn, &authority))?)
    }

    /// Sets what holds at an authority, as it was seen at version `seen`. New texts are kept so from now
    /// on; those that are there follow page by page.
    pub fn change_privacy_settings(
        &self,
        staff: &Staff,
        authority: &str,
        seen: i64,
        seal_texts: bool,
    ) -> Result<PrivacySettings, DeskError> {
        let authority = self.authority_in_reach(staff, authority, Right::KeepPrivacy)?;
        let (desk, account) = (self.clone(), staff.account);
        let settings = self.db.write(move |conn| {
            let now = desk.clock.now();
            let current = privacy::find(conn, &authority)?.version;
            if current != seen {
                return Err(DeskError::Stale { current });
            }
            let wanted = PrivacySettings {
                version: seen + 1,
                seal_texts,
            };
            privacy::save(conn, &authority, wanted, seen, account, now)?;
            desk.schedule(conn, Kind::Texts, SETTLING, Some(now))?;
            Ok(wanted)
        })?;
        self.db.keyring()?.reload()?;
        Ok(settings)
    }

    /// The authorities whose texts are sealed, so that words in them are not found.
    pub fn list_unsearched(&self) -> Result<Vec<AuthorityCode>, DeskError> {
        let desks = self.db.keyring()?.desks_sealing_texts();
        Ok(desks.iter().map(|code| code.as_str().into()).collect())
    }

    /// Brings a page of texts to the way that holds at their authority.
    pub(crate) fn settle_texts(
        &self,
        conn: &mut DbConnection,
        now: Timestamp,
    ) -> Result<Next, DeskError> {
        // What another node set may have reached this one by the work alone.
        self.db.keyring()?.reload()?;
        match privacy::settle_texts(conn, SETTLED_AT_ONCE)? {
            0 => Ok(Next::Done),
            _ => Ok(Next::At(now)),
        }
    }
}

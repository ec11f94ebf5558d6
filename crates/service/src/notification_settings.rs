//! How an authority tells its requesters, and what members of staff want by mail.

use domain::actor::Staff;
use domain::codes::AuthorityCode;
use domain::notification::{Mode, Topic};
use domain::permissions::Right;
use storage::DbConnection;
use storage::notifications;

pub use storage::notifications::Settings as NotificationSettings;

use crate::{Desk, DeskError};

impl Desk {
    /// What holds at an authority: its own settings, or the installation's.
    pub(crate) fn notification_settings(
        &self,
        conn: &mut DbConnection,
        authority: &AuthorityCode,
    ) -> Result<NotificationSettings, DeskError> {
        let own = self.own_notification_settings(conn, authority)?;
        Ok(own.unwrap_or_else(|| self.settings.delivery.usual.clone()))
    }

    /// What holds at an authority the member of staff may know of.
    pub fn show_notification_settings(
        &self,
        staff: &Staff,
        authority: &str,
    ) -> Result<NotificationSettings, DeskError> {
        let authority = self.authority_in_reach(staff, authority, Right::KeepNotifications)?;
        self.db
            .read(|conn| self.notification_settings(conn, &authority))
    }

    /// Sets what holds at an authority, as it was seen at version `seen`.
    pub fn change_notification_settings(
        &self,
        staff: &Staff,
        authority: &str,
        seen: i64,
        wanted: NotificationSettings,
    ) -> Result<NotificationSettings, DeskError> {
        let authority = self.authority_in_reach(staff, authority, Right::KeepNotifications)?;
        let (desk, account) = (self.clone(), staff.account);
        self.db.write(move |conn| {
            let now = desk.clock.now();
            let current = desk.notification_settings(conn, &authority)?.version;
            if current != seen {
                return Err(DeskError::Stale { current });
            }
            notifications::save_settings(conn, &authority, &wanted, seen, account, now)?;
            Ok(NotificationSettings {
                version: seen + 1,
                ..wanted
            })
        })
    }

    /// What a member of staff wants by mail, topic by topic.
    pub fn show_preferences(&self, staff: &Staff) -> Result<Vec<(Topic, Mode)>, DeskError> {
        let account = staff.account;
        let set = self
            .db
            .read(|conn| notifications::list_preferences(conn, account))?;
        let of = |topic: Topic| {
            let found = set.iter().find(|(one, _)| *one == topic);
            (topic, found.map_or(Mode::default(), |(_, mode)| *mode))
        };
        Ok(Topic::ALL.map(of).into())
    }

    /// Sets what a member of staff wants of some topics; the others stay as they are.
    pub fn change_preferences(
        &self,
        staff: &Staff,
        wanted: Vec<(Topic, Mode)>,
    ) -> Result<Vec<(Topic, Mode)>, DeskError> {
        let account = staff.account;
        self.db.write(move |conn| {
            for (topic, mode) in wanted {
                notifications::set_preference(conn, account, topic, mode)?;
            }
            Ok::<_, DeskError>(())
        })?;
        self.show_preferences(staff)
    }
}

//! `[notifications]`: how people are told where an authority or a person has set nothing else.

use domain::notification::QuietHours;
use jiff::civil::Time;
use serde::Deserialize;
use service::notification_settings::NotificationSettings;
use service::settings::DeliverySettings;

use super::check::Check;
use super::set;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NotificationsSection {
    pointer_only: bool,
    copy_to_citizens: bool,
    mail_on_close: bool,
    quiet_from: String,
    quiet_to: String,
    mails_per_request_and_hour: usize,
    digest_at: String,
}

impl NotificationsSection {
    /// Where people read their requests follows from the base address, which is known later.
    pub(super) fn check(&self, check: &mut Check) -> DeliverySettings {
        let quiet = match (set(&self.quiet_from), set(&self.quiet_to)) {
            (None, None) => None,
            _ => Some(QuietHours {
                from: clock(check, "notifications.quiet_from", &self.quiet_from),
                to: clock(check, "notifications.quiet_to", &self.quiet_to),
            }),
        };
        if quiet.is_some_and(|hours| hours.from == hours.to) {
            check.say("notifications.quiet_to", "is the same as quiet_from");
        }
        DeliverySettings {
            usual: NotificationSettings {
                pointer_only: self.pointer_only,
                copy_to_citizens: self.copy_to_citizens,
                mail_on_close: self.mail_on_close,
                quiet,
                ..DeliverySettings::default().usual
            },
            mails_per_ticket_and_hour: check.number(
                "notifications.mails_per_request_and_hour",
                self.mails_per_request_and_hour,
                1..=1_000,
            ),
            digest_at: clock(check, "notifications.digest_at", &self.digest_at),
            ..DeliverySettings::default()
        }
    }
}

fn clock(check: &mut Check, key: &str, text: &str) -> Time {
    let time = Time::strptime("%H:%M", text).ok();
    time.filter(|_| text.len() == 5).unwrap_or_else(|| {
        check.say(key, format!("{text:?} is no time of day such as \"08:00\""));
        Time::midnight()
    })
}

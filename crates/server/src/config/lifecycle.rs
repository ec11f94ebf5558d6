//! Times of the life cycle, with the bounds of `domain.md` §4.3.

use std::collections::BTreeMap;

use domain::state::Windows;
use jiff::SignedDuration;
use serde::Deserialize;

use super::check::Check;

/// More reminders would be nagging.
const MOST_REMINDERS: usize = 5;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LifecycleSection {
    auto_close_after: String,
    reopen_within: String,
    reminders_after: Vec<String>,
    give_up_after: String,
    resolution_target: String,
    purge_removed_after: String,
    merge_undo_within: String,
    duplicate_hint_within: String,
    authorities: BTreeMap<String, OneAuthority>,
}

/// Other times for one authority; what is left out is as for all.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OneAuthority {
    auto_close_after: Option<String>,
    reopen_within: Option<String>,
    reminders_after: Option<Vec<String>>,
    give_up_after: Option<String>,
}

/// Times of the life cycle.
pub(crate) struct Lifecycle {
    /// For all.
    pub(crate) windows: Windows,
    /// For single authorities, by code as written.
    pub(crate) windows_by_authority: BTreeMap<String, Windows>,
    /// How long a ticket should take.
    pub(crate) resolution_target: SignedDuration,
    /// How long the files of a removed ticket are kept.
    pub(crate) purge_removed_after: SignedDuration,
    /// How long ago a ticket may have been settled that another one still looks like.
    pub(crate) duplicate_hint: SignedDuration,
}

impl LifecycleSection {
    pub(super) fn check(&self, check: &mut Check) -> Lifecycle {
        let section = "lifecycle";
        let windows = Windows {
            reply: auto_close(check, section, &self.auto_close_after),
            reopen: reopen(check, section, &self.reopen_within),
            reminders: reminders(check, section, &self.reminders_after),
            give_up: give_up(check, section, &self.give_up_after),
            undo_merge: check.period(
                "lifecycle.merge_undo_within",
                &self.merge_undo_within,
                ("PT0S", "P7D"),
            ),
        };
        must_agree(check, section, &windows);
        let mut windows_by_authority = BTreeMap::new();
        for (code, own) in &self.authorities {
            let section = format!("lifecycle.authorities.{code}");
            windows_by_authority.insert(code.clone(), own.check(check, &section, &windows));
        }
        let target = &self.resolution_target;
        let purge_removed_after = check.period(
            "lifecycle.purge_removed_after",
            &self.purge_removed_after,
            ("P1D", "P365D"),
        );
        must_outlast(check, purge_removed_after, windows.undo_merge);
        Lifecycle {
            windows,
            windows_by_authority,
            resolution_target: check.period(
                "lifecycle.resolution_target",
                target,
                ("PT1H", "P365D"),
            ),
            purge_removed_after,
            duplicate_hint: check.period(
                "lifecycle.duplicate_hint_within",
                &self.duplicate_hint_within,
                ("PT0S", "P365D"),
            ),
        }
    }
}

impl OneAuthority {
    fn check(&self, check: &mut Check, section: &str, all: &Windows) -> Windows {
        let mut own = all.clone();
        if let Some(text) = &self.auto_close_after {
            own.reply = auto_close(check, section, text);
        }
        if let Some(text) = &self.reopen_within {
            own.reopen = reopen(check, section, text);
        }
        if let Some(texts) = &self.reminders_after {
            own.reminders = reminders(check, section, texts);
        }
        if let Some(text) = &self.give_up_after {
            own.give_up = give_up(check, section, text);
        }
        must_agree(check, section, &own);
        own
    }
}

fn auto_close(check: &mut Check, section: &str, text: &str) -> SignedDuration {
    check.period(
        &format!("{section}.auto_close_after"),
        text,
        ("PT1H", "P60D"),
    )
}

fn reopen(check: &mut Check, section: &str, text: &str) -> SignedDuration {
    check.period(&format!("{section}.reopen_within"), text, ("PT0S", "P90D"))
}

fn give_up(check: &mut Check, section: &str, text: &str) -> SignedDuration {
    check.period(&format!("{section}.give_up_after"), text, ("P10D", "P180D"))
}

fn reminders(check: &mut Check, section: &str, texts: &[String]) -> Vec<SignedDuration> {
    let key = format!("{section}.reminders_after");
    if texts.len() > MOST_REMINDERS {
        check.say(
            &key,
            format!("{} are more than {MOST_REMINDERS}", texts.len()),
        );
    }
    let after: Vec<SignedDuration> = texts
        .iter()
        .map(|text| check.period(&key, text, ("PT1H", "P180D")))
        .collect();
    if !after.is_sorted_by(|earlier, later| earlier < later) {
        check.say(&key, "each must be later than the one before");
    }
    after
}

/// What comes back from a merge has its files still.
fn must_outlast(check: &mut Check, purge: SignedDuration, undo: SignedDuration) {
    if purge <= undo {
        check.say(
            "lifecycle.purge_removed_after",
            "must be longer than lifecycle.merge_undo_within: \
             a ticket that comes back from a merge needs its files",
        );
    }
}

fn must_agree(check: &mut Check, section: &str, windows: &Windows) {
    if windows
        .reminders
        .iter()
        .any(|after| *after >= windows.give_up)
    {
        check.say(
            &format!("{section}.give_up_after"),
            "must be later than the last of reminders_after",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_kept_for_longer_than_a_merge_can_be_undone() {
        let day = SignedDuration::from_hours(24);
        let rows = [
            (day * 2, day, true),
            (day, day, false),
            (day, day * 7, false),
        ];
        for (purge, undo, is_fine) in rows {
            let mut check = Check::default();
            must_outlast(&mut check, purge, undo);
            assert_eq!(check.finish().is_ok(), is_fine, "{purge} {undo}");
        }
    }
}

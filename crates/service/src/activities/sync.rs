//! What the program of an external tool does: ties an activity to the tool's own, reports where it
//! stands there, and reads what happened here.
//!
//! Free of loops: what a program reported carries its id in history, feed and webhooks, and is left
//! out of what that program reads. A report counts once, and only if it is newer than the last.

use domain::activity::ActivityState;
use domain::ids::{ActivityId, ClientId};
use domain::visibility::Scope;
use serde_json::Value;
use storage::activities::{self, Activity};

use super::working::hold;
use super::{ActivityView, Worker};
use crate::feed::{FeedGone, FeedPage};
use crate::{Desk, DeskError};

/// What a tool says of an activity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What the tool calls it.
    pub external_id: String,
    /// Where it stands there, and the report's number, which grows with each report.
    pub state: Option<(ActivityState, i64)>,
}

/// What a report led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportOutcome {
    /// Something changed here.
    Applied,
    /// It stood so already.
    Unchanged,
    /// A later report was here before it.
    Outdated,
    /// The work is over, and does not begin anew.
    Over,
}

impl ReportOutcome {
    /// The code used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            ReportOutcome::Applied => "applied",
            ReportOutcome::Unchanged => "unchanged",
            ReportOutcome::Outdated => "outdated",
            ReportOutcome::Over => "over",
        }
    }
}

/// An activity after a report.
#[derive(Debug, Clone)]
pub struct Reported {
    /// The activity.
    pub activity: ActivityView,
    /// What the report led to.
    pub outcome: ReportOutcome,
}

impl Desk {
    /// Takes a report: ties the activity to the tool's own once, and brings it to where it stands
    /// there.
    pub fn report_activity(
        &self,
        client: ClientId,
        id: ActivityId,
        report: Report,
    ) -> Result<Reported, DeskError> {
        let worker = Worker::Program(client);
        let (desk, scope) = (self.clone(), self.scope_of_worker(&worker));
        self.db.write_in(&Scope::System, move |conn| {
            let now = desk.clock.now();
            let found = hold(conn, &scope, id)?;
            let other = activities::find_external(conn, client, &report.external_id)?;
            let ours = Some((client, report.external_id.clone()));
            if other.is_some_and(|other| other != id)
                || (found.external.is_some() && found.external != ours)
            {
                return Err(DeskError::ExternalIdTaken);
            }
            let mut wanted = Activity {
                external: ours,
                ..found.clone()
            };
            let refusal = report.state.and_then(|state| follow(&mut wanted, state));
            let moves = Activity {
                reported: found.reported,
                ..wanted.clone()
            } != found;
            let saved = match moves {
                true => desk.move_activity(conn, found, wanted, &worker, now)?,
                // The number counts all the same: an older report may still come. Nobody who saw the
                // activity saw anything else.
                false => {
                    if wanted != found {
                        activities::save(conn, &wanted, found.version)?;
                    }
                    wanted
                }
            };
            Ok(Reported {
                outcome: refusal.unwrap_or(match moves {
                    true => ReportOutcome::Applied,
                    false => ReportOutcome::Unchanged,
                }),
                activity: desk.activity_view_of(conn, &worker, saved)?,
            })
        })
    }

    /// What happened to activities after a place of the feed, but for what this program brought.
    pub fn read_activity_changes(
        &self,
        client: ClientId,
        after: i64,
        limit: i64,
    ) -> Result<Result<FeedPage, FeedGone>, DeskError> {
        let scope = self.scope_of_worker(&Worker::Program(client));
        let own = client.to_string();
        let page = self.read_feed_in(&scope, after, limit)?;
        Ok(page.map(|mut page| {
            let origin = |data: &Value| data.get("origin").and_then(Value::as_str) == Some(&own);
            page.items.retain(|item| !origin(&item.news.data));
            page
        }))
    }
}

/// Brings an activity to a state that was reported, or says why it stays.
fn follow(activity: &mut Activity, (state, number): (ActivityState, i64)) -> Option<ReportOutcome> {
    if activity.reported.is_some_and(|last| last >= number) {
        let is_same = activity.reported == Some(number) && activity.state == state;
        return (!is_same).then_some(ReportOutcome::Outdated);
    }
    if state != activity.state && !activity.state.may_become(state) {
        return Some(ReportOutcome::Over);
    }
    activity.state = state;
    activity.reported = Some(number);
    None
}

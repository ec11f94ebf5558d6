//! What the technical desk and the region do with an activity: change it, write on it.

use std::collections::HashSet;

use domain::activity::{ActivityFact, ActivityState, ActivityStep, Impact, Urgency};
use domain::actor::Actor;
use domain::codes::AuthorityCode;
use domain::command::Command;
use domain::event::Change;
use domain::ids::{AccountId, ActivityCommentId, ActivityId, ClientId, TicketId, TicketRef};
use domain::ticket::Ticket;
use domain::visibility::Scope;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use storage::activities::{self, Activity, Comment, CommentAuthor};
use storage::{DbConnection, StoreError, tickets};

use super::{ActivityView, CommentView, Worker, comment_view};
use crate::action_form::not_in_list;
use crate::once::{Answer, Once};
use crate::work::Kind;
use crate::{Desk, DeskError};

/// Most comments an activity takes.
pub const MOST_COMMENTS: i64 = 500;

/// What to change of an activity; what is left out stays.
#[derive(Debug, Clone, Copy, Default)]
pub struct ActivityPatch {
    /// Where it is to stand.
    pub state: Option<ActivityState>,
    /// How soon it is needed.
    pub urgency: Option<Urgency>,
    /// How much is concerned.
    pub impact: Option<Impact>,
    /// Whether the caller works it from now on; `Some(false)`: nobody does.
    pub mine: Option<bool>,
}

/// A comment that was written, now or when its program first brought it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Commented {
    /// The comment.
    pub comment: CommentView,
    /// Whether it was not there before.
    pub is_new: bool,
}

impl Desk {
    /// Changes an activity as the caller saw it at version `seen`.
    pub fn change_activity(
        &self,
        worker: &Worker,
        id: ActivityId,
        seen: i64,
        patch: ActivityPatch,
    ) -> Result<ActivityView, DeskError> {
        let scope = self.scope_of_worker(worker);
        let (desk, worker) = (self.clone(), worker.clone());
        // The ticket hears of it, which is out of the technical desk's reach.
        self.db.write_in(&Scope::System, move |conn| {
            let now = desk.clock.now();
            let found = hold(conn, &scope, id)?;
            if found.version != seen {
                return Err(DeskError::Stale {
                    current: found.version,
                });
            }
            let wanted = desk.patched(&found, patch, &worker)?;
            let saved = desk.move_activity(conn, found, wanted, &worker, now)?;
            desk.activity_view_of(conn, &worker, saved)
        })
    }

    /// The activity as the patch would have it, if it may be so.
    fn patched(
        &self,
        found: &Activity,
        patch: ActivityPatch,
        worker: &Worker,
    ) -> Result<Activity, DeskError> {
        let mut wanted = found.clone();
        wanted.terms.impact = patch.impact.unwrap_or(found.terms.impact);
        wanted.terms.urgency = patch.urgency.unwrap_or(found.terms.urgency);
        if wanted.terms.urgency != found.terms.urgency {
            wanted.due_at =
                self.activity_due_at(&found.desk, wanted.terms.urgency, found.opened_at);
        }
        match (patch.mine, worker) {
            (None, _) => {}
            (Some(false), _) => wanted.assignee = None,
            // Only who belongs to the desk works it.
            (Some(true), Worker::Staff(staff)) if staff.authority == found.desk => {
                wanted.assignee = Some(staff.account);
                if found.state == ActivityState::New {
                    wanted.state = ActivityState::Assigned;
                }
            }
            (Some(true), _) => return Err(DeskError::field(not_in_list().at("/assignee"))),
        }
        wanted.state = patch.state.unwrap_or(wanted.state);
        // What is over goes on to its end, and nothing else of it changes.
        let is_touched = Activity {
            state: found.state,
            ..wanted.clone()
        } != *found;
        let moves = wanted.state != found.state;
        if (found.state.is_over() && is_touched) || (moves && !found.state.may_become(wanted.state))
        {
            return Err(DeskError::ActivityState { state: found.state });
        }
        Ok(wanted)
    }

    /// Writes a comment; one that a program brought before stays as it was.
    pub fn comment_activity(
        &self,
        worker: &Worker,
        id: ActivityId,
        body: String,
        external_id: Option<String>,
        once: &Once,
    ) -> Result<Answer<Commented>, DeskError> {
        let scope = self.scope_of_worker(worker);
        let (desk, worker) = (self.clone(), worker.clone());
        self.write_once(&Scope::System, once, move |conn| {
            let now = desk.clock.now();
            let activity = hold(conn, &scope, id)?;
            let author = match (&worker, external_id) {
                (Worker::Staff(staff), _) => {
                    CommentAuthor::Staff(staff.account, staff.authority.clone(), None)
                }
                (Worker::Program(client), external_id) => {
                    let external_id = external_id.unwrap_or_default();
                    let known = activities::find_external_comment(conn, *client, &external_id)?;
                    match known {
                        Some(known) if known.activity == id => {
                            return Ok(Commented {
                                comment: comment_view(known, &worker),
                                is_new: false,
                            });
                        }
                        Some(_) => return Err(DeskError::ExternalIdTaken),
                        None => CommentAuthor::Program(*client, external_id),
                    }
                }
            };
            if activities::count_comments(conn, id)? >= MOST_COMMENTS {
                return Err(DeskError::Quota {
                    retry_after: SignedDuration::from_hours(24),
                });
            }
            let comment = Comment {
                id: ActivityCommentId::new(desk.ids.uuid()),
                activity: id,
                at: now,
                author,
                body,
            };
            activities::insert_comment(conn, &comment)?;
            desk.tell_of_comment(conn, &activity, comment.id, &worker, now)?;
            Ok(Commented {
                comment: comment_view(comment, &worker),
                is_new: true,
            })
        })
    }

    fn tell_of_comment(
        &self,
        conn: &mut DbConnection,
        activity: &Activity,
        comment: ActivityCommentId,
        worker: &Worker,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        let by_region =
            matches!(worker, Worker::Staff(staff) if staff.authority == *self.reference.region());
        let origin = worker.origin();
        let step = ActivityStep::Commented {
            activity: activity.id,
            comment,
            by_region,
            origin,
        };
        if let Some(ticket) = self.tell_ticket(conn, activity.ticket, step, &worker.actor(), now)? {
            let change = Change::ActivityCommented {
                activity: activity.id,
                comment,
                by_region,
                origin,
            };
            let news = self.news_of(&ticket, &change, None, &ticket.custodian.code);
            self.publish(conn, &news, now)?;
        }
        Ok(())
    }

    /// Brings an activity to where it is wanted, and tells its ticket; nothing is written where
    /// nothing changed.
    pub(super) fn move_activity(
        &self,
        conn: &mut DbConnection,
        found: Activity,
        wanted: Activity,
        worker: &Worker,
        now: Timestamp,
    ) -> Result<Activity, DeskError> {
        if wanted == found {
            return Ok(found);
        }
        let saved = self.save_activity(conn, &found, wanted, now)?;
        let fact = fact_of(&saved, worker.origin());
        let untold = match (found.state.is_over(), saved.state.is_over()) {
            _ if saved.state == found.state => self.find_ticket(conn, saved.ticket)?,
            (false, true) => {
                let step = ActivityStep::Ended(fact);
                self.tell_ticket(conn, saved.ticket, step, &worker.actor(), now)?
            }
            _ => {
                let step = ActivityStep::Changed(fact);
                self.tell_ticket(conn, saved.ticket, step, &worker.actor(), now)?
            }
        };
        if let Some(ticket) = untold {
            self.publish_activity(conn, &ticket, &saved, worker.origin(), now)?;
        }
        Ok(saved)
    }

    /// Writes an activity in its next version, and when it is to be looked at.
    pub(super) fn save_activity(
        &self,
        conn: &mut DbConnection,
        found: &Activity,
        mut wanted: Activity,
        now: Timestamp,
    ) -> Result<Activity, DeskError> {
        wanted.version = found.version + 1;
        wanted.updated_at = now;
        if wanted.state.is_over() && found.closed_at.is_none() {
            wanted.closed_at = Some(now);
        }
        match activities::save(conn, &wanted, found.version) {
            Err(StoreError::Stale) => {
                let now = activities::find(conn, &Scope::System, found.id)?;
                return Err(DeskError::Stale {
                    current: now.map_or(found.version, |now| now.version),
                });
            }
            other => other?,
        }
        if wanted.closed_at.is_some() {
            self.schedule(conn, Kind::ActivityOverdue, wanted.id.uuid(), None)?;
        } else if wanted.due_at != found.due_at {
            let due = Some(wanted.due_at);
            self.schedule(conn, Kind::ActivityOverdue, wanted.id.uuid(), due)?;
        }
        Ok(wanted)
    }

    /// Takes what somebody works and is not over from them, where it is not of one of these desks.
    pub(crate) fn release_activities(
        &self,
        conn: &mut DbConnection,
        account: AccountId,
        desks: &HashSet<AuthorityCode>,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        for one in activities::list_assigned(conn, account)? {
            if desks.contains(&one.desk) {
                continue;
            }
            let found = hold(conn, &Scope::System, one.id)?;
            if found.assignee != Some(account) || found.closed_at.is_some() {
                continue;
            }
            let released = Activity {
                assignee: None,
                ..found.clone()
            };
            let released = self.save_activity(conn, &found, released, now)?;
            if let Some(ticket) = self.find_ticket(conn, released.ticket)? {
                self.publish_activity(conn, &ticket, &released, None, now)?;
            }
        }
        Ok(())
    }

    /// Lets the history of a ticket tell what happened to its activity, where it may; otherwise the
    /// answer is the ticket, and the feed alone is to tell it.
    pub(super) fn tell_ticket(
        &self,
        conn: &mut DbConnection,
        id: TicketId,
        step: ActivityStep,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<Option<Ticket>, DeskError> {
        let found = tickets::find(conn, &Scope::System, &TicketRef::Id(id))?;
        let Some((mut ticket, dossier)) = found else {
            return Ok(None);
        };
        if !ticket.follows_activities() {
            return Ok(Some(ticket));
        }
        let command = Command::FollowActivity(step);
        self.apply(conn, &mut ticket, &dossier, &command, actor, now)?;
        Ok(None)
    }

    fn find_ticket(
        &self,
        conn: &mut DbConnection,
        id: TicketId,
    ) -> Result<Option<Ticket>, DeskError> {
        let found = tickets::find(conn, &Scope::System, &TicketRef::Id(id))?;
        Ok(found.map(|(ticket, _)| ticket))
    }

    /// Tells programs that an activity changed, where its ticket's history does not.
    pub(super) fn publish_activity(
        &self,
        conn: &mut DbConnection,
        ticket: &Ticket,
        activity: &Activity,
        origin: Option<ClientId>,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        let change = Change::ActivityChanged(fact_of(activity, origin));
        let mut news = self.news_of(ticket, &change, None, &ticket.custodian.code);
        if let Some(facts) = news.data.as_object_mut()
            && activity.cancel_requested_at.is_some()
        {
            facts.insert("cancel_requested".to_owned(), true.into());
        }
        self.publish(conn, &news, now)
    }
}

fn fact_of(activity: &Activity, origin: Option<ClientId>) -> ActivityFact {
    ActivityFact {
        activity: activity.id,
        state: activity.state,
        origin,
    }
}

/// The activity in reach, its ticket held: whoever changes either meanwhile waits.
pub(super) fn hold(
    conn: &mut DbConnection,
    scope: &Scope,
    id: ActivityId,
) -> Result<Activity, DeskError> {
    let found = activities::find(conn, scope, id)?.ok_or(DeskError::NotFound)?;
    tickets::hold(conn, found.ticket)?;
    activities::find(conn, scope, id)?.ok_or(DeskError::NotFound)
}

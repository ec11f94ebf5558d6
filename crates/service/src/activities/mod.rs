//! Technical activities: what the region asks of the technical desk behind it (`domain.md` §4.4).
//!
//! Here is who sees what of them; `opening` begins them with their ticket's action, `working` is what
//! the technical desk and the region do with them, `sync` what an external tool's program does.
//! Invariant: whoever works an activity sees what it quotes of its ticket and nothing else of it, and
//! whatever a program brought is marked with that program, so that it is not sent back to it.

mod opening;
mod sync;
mod working;

use std::collections::HashMap;

use domain::activity::{ActivityKind, ActivityState, Impact, Urgency};
use domain::actor::{Actor, Staff};
use domain::catalogue::CatalogueItem;
use domain::ids::{AccountId, ActivityCommentId, ActivityId, ClientId, TicketId, TicketRef};
use domain::visibility::Scope;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use storage::activities::{self, Activity, Comment, CommentAuthor, Filter};
use storage::{DbConnection, StoreError, accounts, tickets};

pub(crate) use opening::text_of;
pub use opening::{ActivityForm, Opening};
pub use sync::{Report, ReportOutcome, Reported};
pub use working::{ActivityPatch, Commented, MOST_COMMENTS};

use crate::labels::{Labelled, labelled};
use crate::screen::AssigneeView;
use crate::{Desk, DeskError};

/// Who works activities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Worker {
    /// A member of the technical or the regional desk.
    Staff(Staff),
    /// A program that speaks for an external tool; never a human role (P-4).
    Program(ClientId),
}

impl Worker {
    /// As whom history knows them: what a program brings happens by itself, and names the program.
    fn actor(&self) -> Actor {
        match self {
            Worker::Staff(staff) => Actor::Staff(staff.clone()),
            Worker::Program(_) => Actor::System,
        }
    }

    const fn origin(&self) -> Option<ClientId> {
        match self {
            Worker::Staff(_) => None,
            Worker::Program(client) => Some(*client),
        }
    }
}

/// Which activities somebody wants to see.
#[derive(Debug, Clone, Default)]
pub struct ActivityFilter {
    /// Any of these states.
    pub states: Vec<ActivityState>,
    /// This urgency.
    pub urgency: Option<Urgency>,
    /// Those that are overdue, or all others.
    pub overdue: Option<bool>,
    /// The caller's own.
    pub mine: bool,
    /// Whether an external tool has them.
    pub linked: Option<bool>,
    /// The ticket they were opened for.
    pub ticket: Option<TicketRef>,
}

/// An activity.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct ActivityView {
    pub id: ActivityId,
    pub version: i64,
    pub number: String,
    pub service: Labelled,
    pub problem_type: Labelled,
    pub desk: Labelled,
    pub state: ActivityState,
    pub summary: String,
    pub detail: String,
    pub impact: Impact,
    pub urgency: Urgency,
    pub kind: ActivityKind,
    pub asset: String,
    pub item: Option<Labelled>,
    pub sub_item: Option<Labelled>,
    pub assignee: Option<AssigneeView>,
    pub external_id: Option<String>,
    pub is_overdue: bool,
    pub cancel_requested_at: Option<Timestamp>,
    pub opened_at: Timestamp,
    pub updated_at: Timestamp,
    pub due_at: Timestamp,
    pub closed_at: Option<Timestamp>,
}

/// An activity and what was written on it.
#[derive(Debug, Clone)]
pub struct ActivityScreen {
    /// The activity.
    pub activity: ActivityView,
    /// Its comments, the first one first.
    pub comments: Vec<CommentView>,
}

/// A comment.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct CommentView {
    pub id: ActivityCommentId,
    pub at: Timestamp,
    /// The author's desk; none for a program.
    pub authority: Option<String>,
    /// The author's name, for colleagues.
    pub label: Option<String>,
    /// What the external tool calls it.
    pub external_id: Option<String>,
    pub body: String,
}

impl Desk {
    /// A page of the activities that the worker reaches, by the time they are due.
    pub fn list_activities(
        &self,
        worker: &Worker,
        wanted: ActivityFilter,
        after: Option<(Timestamp, ActivityId)>,
        limit: i64,
    ) -> Result<Vec<ActivityView>, DeskError> {
        let (scope, now) = (self.scope_of_worker(worker), self.clock.now());
        let assignee = match worker {
            Worker::Staff(staff) if wanted.mine => Some(staff.account),
            // A program has none.
            Worker::Program(_) if wanted.mine => return Ok(Vec::new()),
            _ => None,
        };
        self.db.read_snapshot_in(&scope, |conn| {
            let ticket = match &wanted.ticket {
                None => None,
                Some(ticket) => match tickets::find(conn, &scope, ticket)? {
                    Some((ticket, _)) => Some(ticket.id),
                    // Out of reach is as if there were none.
                    None => return Ok(Vec::new()),
                },
            };
            let filter = Filter {
                states: wanted.states,
                urgency: wanted.urgency,
                overdue: wanted.overdue.map(|is_overdue| (is_overdue, now)),
                assignee,
                linked: wanted.linked,
                ticket,
            };
            let found = activities::list(conn, &scope, &filter, after, limit)?;
            Ok(self.activity_views(conn, worker, found)?)
        })
    }

    /// An activity and its comments.
    pub fn show_activity(
        &self,
        worker: &Worker,
        id: ActivityId,
    ) -> Result<ActivityScreen, DeskError> {
        let scope = self.scope_of_worker(worker);
        self.db.read_snapshot_in(&scope, |conn| {
            let found = activities::find(conn, &scope, id)?.ok_or(DeskError::NotFound)?;
            let comments = activities::list_comments(conn, id)?;
            let activity = self.activity_view_of(conn, worker, found)?;
            let comments = comments.into_iter();
            Ok(ActivityScreen {
                activity,
                comments: comments.map(|one| comment_view(one, worker)).collect(),
            })
        })
    }

    /// What activities can be about.
    pub fn technical_catalogue(&self) -> &[CatalogueItem] {
        self.reference.technical.items()
    }

    /// The activities of a ticket, for the region's screen of it.
    pub(crate) fn activities_of_ticket(
        &self,
        conn: &mut DbConnection,
        staff: &Staff,
        ticket: TicketId,
    ) -> Result<Vec<ActivityView>, DeskError> {
        let filter = Filter {
            ticket: Some(ticket),
            ..Filter::default()
        };
        let found = activities::list(conn, &Scope::of(staff), &filter, None, MOST_ON_SCREEN)?;
        Ok(self.activity_views(conn, &Worker::Staff(staff.clone()), found)?)
    }

    /// What a worker reaches: the region all activities, the others those of the technical desk.
    fn scope_of_worker(&self, worker: &Worker) -> Scope {
        match worker {
            Worker::Staff(staff) => Scope::of(staff),
            Worker::Program(_) => match self.reference.technical_desk(self.today()) {
                Some(desk) => Scope::Technical(desk.code.clone()),
                None => Scope::Nothing,
            },
        }
    }

    fn activity_view_of(
        &self,
        conn: &mut DbConnection,
        worker: &Worker,
        activity: Activity,
    ) -> Result<ActivityView, DeskError> {
        let views = self.activity_views(conn, worker, vec![activity])?;
        let view = views.into_iter().next();
        view.ok_or(DeskError::Broken("an activity without a view", None))
    }

    /// A program is told who has an activity by an id: names are for colleagues.
    fn activity_views(
        &self,
        conn: &mut DbConnection,
        worker: &Worker,
        found: Vec<Activity>,
    ) -> Result<Vec<ActivityView>, StoreError> {
        let owners: Vec<AccountId> = found.iter().filter_map(|one| one.assignee).collect();
        let labels = match worker {
            Worker::Staff(_) if !owners.is_empty() => accounts::list_labels(conn, &owners)?,
            _ => HashMap::new(),
        };
        let views = found.into_iter();
        Ok(views.map(|one| self.activity_view(one, &labels)).collect())
    }

    fn activity_view(
        &self,
        activity: Activity,
        labels: &HashMap<AccountId, String>,
    ) -> ActivityView {
        let catalogue = &self.reference.technical;
        let (quoted, terms) = (activity.quoted, activity.terms);
        let item = terms.item.as_deref();
        let known_item = item.and_then(|code| catalogue.item(code));
        let sub_item = terms.sub_item.as_deref();
        let known_sub = sub_item.and_then(|code| known_item?.sub_item(code));
        let named = |code: &str, known: Option<&CatalogueItem>| {
            labelled(code, known.map(|one| one.label.clone()))
        };
        ActivityView {
            id: activity.id,
            version: activity.version,
            number: quoted.number.to_string(),
            service: self.service_label(quoted.service.as_str()),
            problem_type: self.problem_label(quoted.service.as_str(), quoted.problem_type.as_str()),
            desk: self.authority_label(&activity.desk),
            is_overdue: activity.closed_at.is_none() && activity.due_at <= self.clock.now(),
            state: activity.state,
            item: item.map(|code| named(code, known_item)),
            sub_item: sub_item.map(|code| named(code, known_sub)),
            summary: terms.summary,
            detail: terms.detail,
            impact: terms.impact,
            urgency: terms.urgency,
            kind: terms.kind,
            asset: terms.asset,
            assignee: activity.assignee.map(|account| AssigneeView {
                id: account.to_string(),
                kind: "operator".to_owned(),
                label: labels.get(&account).cloned(),
            }),
            external_id: activity.external.map(|(_, id)| id),
            cancel_requested_at: activity.cancel_requested_at,
            opened_at: activity.opened_at,
            updated_at: activity.updated_at,
            due_at: activity.due_at,
            closed_at: activity.closed_at,
        }
    }
}

/// Most activities on a ticket's screen; one at a time is open, and few tickets need a second.
const MOST_ON_SCREEN: i64 = 100;

fn comment_view(comment: Comment, worker: &Worker) -> CommentView {
    let (authority, label, external_id) = match comment.author {
        CommentAuthor::Staff(_, desk, label) => (Some(desk.to_string()), label, None),
        CommentAuthor::Program(_, id) => (None, None, Some(id)),
    };
    CommentView {
        id: comment.id,
        at: comment.at,
        authority,
        label: label.filter(|_| matches!(worker, Worker::Staff(_))),
        external_id,
        body: comment.body,
    }
}

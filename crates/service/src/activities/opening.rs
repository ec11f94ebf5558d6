//! Beginning an activity with the action on its ticket (T18), and ending it with one (T19, T20).

use domain::activity::{ActivityKind, ActivityState, ActivityStep, Impact, Urgency};
use domain::actor::Staff;
use domain::codes::AuthorityCode;
use domain::event::{Change, Event};
use domain::ids::{ActivityCommentId, ActivityId, TicketId, TicketRef};
use domain::invalid::FieldError;
use domain::note::Audience;
use domain::rejection::Rejection;
use domain::state::StateCode;
use domain::text::NoteBody;
use domain::ticket::Ticket;
use domain::visibility::Scope;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use storage::activities::{self, Activity, Comment, CommentAuthor, Quoted, Terms};
use storage::{DbConnection, tickets};

use crate::action_form::{listed, not_in_list};
use crate::work::Kind;
use crate::{Desk, DeskError};

/// A technical activity as it was sent (`domain.md` §4.4).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct ActivityForm {
    pub summary: Option<String>,
    pub detail: Option<String>,
    pub impact: Option<String>,
    pub urgency: Option<String>,
    pub kind: Option<String>,
    pub asset: Option<String>,
    pub catalogue_item: Option<String>,
    pub catalogue_sub_item: Option<String>,
}

/// An activity to open: its terms, checked, and the desk that is to have it.
#[derive(Debug, Clone)]
pub struct Opening {
    terms: Terms,
    desk: AuthorityCode,
}

impl ActivityForm {
    /// Reads what can be read without the catalogue, and names every bad field.
    pub(crate) fn check(self, errors: &mut Vec<FieldError>) -> Option<Terms> {
        let mut text = |pointer: &str, value: Option<String>| match NoteBody::parse(
            value.as_deref().unwrap_or_default(),
        ) {
            Ok(body) => Some(body.into_string()),
            Err(invalid) => {
                errors.push(invalid.at(pointer));
                None
            }
        };
        let summary = text("/activity/summary", self.summary);
        let detail = text("/activity/detail", self.detail);
        let asset = text("/activity/asset", self.asset);
        let before = errors.len();
        let code = self.impact.as_deref();
        let impact = listed(errors, "/activity/impact", code, Impact::from_code);
        let code = self.urgency.as_deref();
        let urgency = listed(errors, "/activity/urgency", code, Urgency::from_code);
        let code = self.kind.as_deref();
        let kind = listed(errors, "/activity/kind", code, ActivityKind::from_code);
        if self.catalogue_sub_item.is_some() && self.catalogue_item.is_none() {
            errors.push(not_in_list().at("/activity/catalogue_sub_item"));
        }
        if errors.len() > before {
            return None;
        }
        Some(Terms {
            summary: summary?,
            detail: detail?,
            impact: impact.unwrap_or(Impact::Moderate),
            urgency: urgency.unwrap_or(Urgency::Medium),
            kind: kind.unwrap_or(ActivityKind::UserServiceRestoration),
            asset: asset?,
            item: self.catalogue_item,
            sub_item: self.catalogue_sub_item,
        })
    }
}

/// The note that T18 demands: what the technical desk is asked.
pub(crate) fn text_of(terms: &Terms) -> String {
    format!(
        "{}\n[{}; {}; {}; {}]\n\n{}",
        terms.summary,
        terms.asset,
        terms.impact.as_str(),
        terms.urgency.as_str(),
        terms.kind.as_str(),
        terms.detail
    )
}

/// The note beside an event, if it is meant for the technical desk.
fn told_to_technicians(event: &Event) -> Option<&str> {
    let note = event.note.as_ref();
    let note = note.filter(|note| note.audience == Audience::Technical);
    note.map(|note| note.body.as_str())
}

impl Desk {
    /// An activity as it can be opened now: what it is about is in the catalogue, the technical desk
    /// is there, and the ticket has none that is not over.
    pub(crate) fn opening(
        &self,
        conn: &mut DbConnection,
        ticket: &Ticket,
        mut terms: Terms,
    ) -> Result<Opening, DeskError> {
        let catalogue = &self.reference.technical;
        let unknown = |pointer| DeskError::field(not_in_list().at(pointer));
        if let Some(code) = terms.item {
            let item = catalogue.item(&code);
            let item = item.ok_or_else(|| unknown("/activity/catalogue_item"))?;
            if let Some(code) = terms.sub_item {
                let sub_item = item.sub_item(&code);
                let sub_item = sub_item.ok_or_else(|| unknown("/activity/catalogue_sub_item"))?;
                terms.sub_item = Some(sub_item.code.clone());
            }
            terms.item = Some(item.code.clone());
        }
        let desk = self.reference.technical_desk(self.today());
        let desk = desk.ok_or(Rejection::AuthorityInactive)?.code.clone();
        match activities::find_open(conn, ticket.id)? {
            Some(_) => Err(DeskError::ActivityOpen),
            None => Ok(Opening { terms, desk }),
        }
    }

    /// Writes what an action on a ticket did to its activities, beside its history.
    pub(crate) fn keep_activities(
        &self,
        conn: &mut DbConnection,
        ticket: &Ticket,
        events: &[Event],
        opening: Option<Opening>,
        staff: &Staff,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        for event in events {
            match (&event.change, &opening) {
                (Change::ActivityOpened(Some(fact)), Some(opening)) => {
                    self.open_activity(conn, fact.activity, ticket, opening, staff, now)?;
                    // The note begins with the terms, which the activity holds by itself.
                    let text = told_to_technicians(event);
                    let added = text.and_then(|text| text.strip_prefix(&text_of(&opening.terms)));
                    self.pass_on(conn, fact.activity, added, staff, now)?;
                }
                (Change::ActivityClosed(Some(fact)), _) => {
                    let text = told_to_technicians(event);
                    self.pass_on(conn, fact.activity, text, staff, now)?;
                    self.withdraw_activity(conn, fact.activity, now)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn open_activity(
        &self,
        conn: &mut DbConnection,
        id: ActivityId,
        ticket: &Ticket,
        opening: &Opening,
        staff: &Staff,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        let activity = Activity {
            id,
            version: 1,
            ticket: ticket.id,
            quoted: Quoted {
                number: ticket.number.clone(),
                service: ticket.service.clone(),
                problem_type: ticket.problem_type.clone(),
            },
            desk: opening.desk.clone(),
            state: ActivityState::New,
            terms: opening.terms.clone(),
            assignee: None,
            external: None,
            reported: None,
            cancel_requested_at: None,
            opened_by: staff.account,
            opened_at: now,
            updated_at: now,
            due_at: self.activity_due_at(&opening.desk, opening.terms.urgency, now),
            closed_at: None,
        };
        activities::insert(conn, &activity)?;
        self.schedule(
            conn,
            Kind::ActivityOverdue,
            id.uuid(),
            Some(activity.due_at),
        )
    }

    /// What the region wrote along with its action, where the technical desk reads it: a note of the
    /// ticket is out of that desk's reach.
    fn pass_on(
        &self,
        conn: &mut DbConnection,
        activity: ActivityId,
        text: Option<&str>,
        staff: &Staff,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        let Some(body) = text.map(str::trim).filter(|text| !text.is_empty()) else {
            return Ok(());
        };
        let comment = Comment {
            id: ActivityCommentId::new(self.ids.uuid()),
            activity,
            at: now,
            author: CommentAuthor::Staff(staff.account, staff.authority.clone(), None),
            body: body.to_owned(),
        };
        Ok(activities::insert_comment(conn, &comment)?)
    }

    /// The region takes back what it asked; the ticket has heard of it.
    fn withdraw_activity(
        &self,
        conn: &mut DbConnection,
        id: ActivityId,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        let Some(found) = activities::find(conn, &Scope::System, id)? else {
            return Ok(());
        };
        let withdrawn = Activity {
            state: ActivityState::Cancelled,
            ..found.clone()
        };
        self.save_activity(conn, &found, withdrawn, now)?;
        Ok(())
    }

    /// When an activity is overdue, by the hours of its desk.
    pub(super) fn activity_due_at(
        &self,
        desk: &AuthorityCode,
        urgency: Urgency,
        opened_at: Timestamp,
    ) -> Timestamp {
        let after = &self.settings.activities_overdue_after;
        match self.reference.calendar_of(desk) {
            Some(entry) => after.due_at(urgency, opened_at, &entry.calendar),
            // No such desk: the reference data agree with themselves.
            None => Timestamp::MAX,
        }
    }

    /// Has the activity of a ticket asked to be left be, if the ticket went on without it: withdrawn by
    /// its requester (T20), or removed. The requester's own transaction cannot do so, because nothing of
    /// an activity is in a requester's reach; it plans this work, which is due at once.
    pub(crate) fn plan_cancelling(
        &self,
        conn: &mut DbConnection,
        before: &Ticket,
        ticket: &Ticket,
        events: &[Event],
        now: Timestamp,
    ) -> Result<(), DeskError> {
        let was_outside = before.state.code() == StateCode::ExternalWork;
        let is_ended = |event: &Event| matches!(event.change, Change::ActivityClosed(_));
        if was_outside
            && ticket.state.code() != StateCode::ExternalWork
            && !events.iter().any(is_ended)
        {
            self.schedule(conn, Kind::ActivityCancel, ticket.id.uuid(), Some(now))?;
        }
        Ok(())
    }

    /// Asks the technical desk to leave a ticket's activity be.
    pub(crate) fn ask_to_cancel(
        &self,
        conn: &mut DbConnection,
        id: TicketId,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        tickets::hold(conn, id)?;
        let found = tickets::find(conn, &Scope::System, &TicketRef::Id(id))?;
        let (Some((ticket, _)), Some(activity)) = (found, activities::find_open(conn, id)?) else {
            return Ok(());
        };
        let is_waited_for = ticket.state.code() == StateCode::ExternalWork;
        if is_waited_for || activity.cancel_requested_at.is_some() {
            return Ok(());
        }
        let asked = Activity {
            cancel_requested_at: Some(now),
            ..activity.clone()
        };
        let asked = self.save_activity(conn, &activity, asked, now)?;
        self.publish_activity(conn, &ticket, &asked, None, now)
    }

    /// Tells the region that an activity should be over by now.
    pub(crate) fn look_at_activity(
        &self,
        conn: &mut DbConnection,
        id: ActivityId,
        now: Timestamp,
    ) -> Result<crate::work::Next, DeskError> {
        use crate::work::Next;
        let Some(found) = activities::find(conn, &Scope::System, id)? else {
            return Ok(Next::Done);
        };
        tickets::hold(conn, found.ticket)?;
        let found = activities::find(conn, &Scope::System, id)?.unwrap_or(found);
        if found.closed_at.is_some() {
            return Ok(Next::Done);
        }
        if now < found.due_at {
            return Ok(Next::At(found.due_at));
        }
        let step = ActivityStep::Overdue { activity: id };
        self.tell_ticket(conn, found.ticket, step, &domain::actor::Actor::System, now)?;
        Ok(Next::Done)
    }
}

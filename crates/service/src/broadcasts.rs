//! A known problem and the tickets about it: linked to its announcement, and answered in one action.
//!
//! Each ticket is answered in a transaction of its own, by the rules of a single action. Invariant:
//! an answer reaches a ticket once. That it did is a row written together with the ticket, so that a
//! crash in between, or two nodes at it, repeat nothing.

use domain::actor::Staff;
use domain::ids::{AnnouncementId, AnswerId, TicketId, TicketNumber, TicketRef};
use domain::state::StateCode;
use domain::visibility::{Scope, View, view_of};
use serde::{Deserialize, Serialize};
use storage::{announcements, tickets};
use uuid::Uuid;

use crate::action_form::{CheckedAction, not_in_list};
use crate::announcements::reachable;
use crate::once::{Answer, Once};
use crate::{Desk, DeskError};

/// Tickets that one call answers.
pub const MOST_ANSWERED: usize = 100;

/// What became of one of several tickets.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TicketResult {
    /// The ticket as it was named.
    pub named: String,
    /// The ticket, if it is in reach.
    pub ticket: Option<(TicketId, TicketNumber)>,
    /// Why nothing was done, as the slug of a problem.
    pub problem: Option<String>,
}

/// What an answer to all linked tickets led to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BroadcastDone {
    /// The answer; to go on with it.
    pub answer: AnswerId,
    /// The tickets it reached, now or in an earlier try, and those it could not.
    pub results: Vec<TicketResult>,
    /// Linked tickets that were left for another call.
    pub remaining: usize,
}

impl Desk {
    /// Links tickets to an announcement; those out of reach are as if they had never existed.
    pub fn link_tickets(
        &self,
        staff: &Staff,
        id: AnnouncementId,
        named: Vec<String>,
        once: &Once,
    ) -> Result<Answer<Vec<TicketResult>>, DeskError> {
        let (desk, staff) = (self.clone(), staff.clone());
        let scope = Scope::of(&staff);
        self.write_once(&scope.clone(), once, move |conn| {
            let now = desk.clock.now();
            reachable(conn, &staff, id, now)?;
            let mut results = Vec::with_capacity(named.len());
            for named in named {
                let found = match TicketRef::parse(&named) {
                    Some(wanted) => tickets::find(conn, &scope, &wanted)?,
                    None => None,
                };
                let Some((ticket, _)) = found else {
                    results.push(TicketResult {
                        named,
                        ticket: None,
                        problem: Some("not-found".to_owned()),
                    });
                    continue;
                };
                // Whoever only remembers a ticket changes nothing about it.
                let is_past = matches!(view_of(&ticket, &scope), Some(View::Until(_)));
                if !is_past {
                    announcements::link(conn, id, ticket.id, staff.account, now)?;
                }
                results.push(TicketResult {
                    named,
                    ticket: Some((ticket.id, ticket.number)),
                    problem: is_past.then(|| "not-in-custody".to_owned()),
                });
            }
            Ok(results)
        })
    }

    /// A page of the linked tickets that the placement has in custody, or all for the region; those
    /// filed first come first.
    pub fn list_linked(
        &self,
        staff: &Staff,
        id: AnnouncementId,
        after: Option<TicketId>,
        limit: i64,
    ) -> Result<Vec<(TicketId, TicketNumber, StateCode)>, DeskError> {
        let (now, scope) = (self.clock.now(), Scope::of(staff));
        self.db.read_snapshot_in(&scope, |conn| {
            reachable(conn, staff, id, now)?;
            let custodian = match &scope {
                Scope::Region(_) => None,
                _ => Some(&staff.authority),
            };
            let mut found = Vec::new();
            for id in announcements::list_linked(conn, id, custodian, after, limit)? {
                if let Some((ticket, _)) = tickets::find(conn, &scope, &TicketRef::Id(id))? {
                    found.push((ticket.id, ticket.number, ticket.state.code()));
                }
            }
            Ok(found)
        })
    }

    /// Answers the linked tickets that are open and in the placement's custody, up to
    /// [`MOST_ANSWERED`] of them. `resumed` is an earlier answer to go on with. `told` names the
    /// problem that an error is.
    pub fn answer_linked(
        &self,
        staff: &Staff,
        id: AnnouncementId,
        form: &CheckedAction,
        resumed: Option<AnswerId>,
        once: &Once,
        told: impl Fn(DeskError) -> String,
    ) -> Result<Answer<BroadcastDone>, DeskError> {
        self.answer_once(once, || {
            let answer = self.begin_answer(staff, id, resumed, once)?;
            let desk = staff.authority.clone();
            let (reached, waiting) = self.db.read_snapshot_in(&Scope::of(staff), |conn| {
                let reached = announcements::list_answered(conn, answer)?;
                let waiting = announcements::list_unanswered(conn, id, answer, &desk)?;
                Ok::<_, DeskError>((reached, waiting))
            })?;
            let mut results = Vec::new();
            // What an earlier try of the same call did is its result, too.
            if resumed.is_none() {
                for ticket in reached {
                    results.push(self.result_of(staff, ticket, None)?);
                }
            }
            let remaining = waiting.len().saturating_sub(MOST_ANSWERED);
            for ticket in waiting.into_iter().take(MOST_ANSWERED) {
                let problem = self.answer_one(staff, answer, ticket, form.clone());
                results.push(self.result_of(staff, ticket, problem.err().map(&told))?);
            }
            Ok(BroadcastDone {
                answer,
                results,
                remaining,
            })
        })
    }

    /// The same request begins the same answer, also after a crash.
    fn begin_answer(
        &self,
        staff: &Staff,
        id: AnnouncementId,
        resumed: Option<AnswerId>,
        once: &Once,
    ) -> Result<AnswerId, DeskError> {
        let answer = resumed
            .or_else(|| self.answer_of(once))
            .unwrap_or_else(|| AnswerId::new(self.ids.uuid()));
        let (desk, staff) = (self.clone(), staff.clone());
        self.db.write_in(&Scope::of(&staff), move |conn| {
            let now = desk.clock.now();
            reachable(conn, &staff, id, now)?;
            match resumed {
                None => announcements::begin_answer(
                    conn,
                    answer,
                    id,
                    &staff.authority,
                    staff.account,
                    now,
                )?,
                Some(_) if !announcements::has_answer(conn, answer, id, &staff.authority)? => {
                    return Err(DeskError::field(not_in_list().at("/answer_id")));
                }
                Some(_) => {}
            }
            Ok(answer)
        })
    }

    fn answer_of(&self, once: &Once) -> Option<AnswerId> {
        let key = once.key.as_ref()?;
        let mut request = format!("{}\n{}\n{}\n", key.principal, key.route, key.key).into_bytes();
        request.extend_from_slice(&once.content);
        let print = self.secrets.fingerprint("announcement-answer", &request);
        Some(AnswerId::new(Uuid::parse_str(print.get(..32)?).ok()?))
    }

    fn answer_one(
        &self,
        staff: &Staff,
        answer: AnswerId,
        id: TicketId,
        form: CheckedAction,
    ) -> Result<(), DeskError> {
        let (desk, staff) = (self.clone(), staff.clone());
        let scope = Scope::of(&staff);
        self.db.write_in(&scope.clone(), move |conn| {
            let now = desk.clock.now();
            if !announcements::reach_ticket(conn, answer, id, now)? {
                return Ok(());
            }
            let found = tickets::find(conn, &scope, &TicketRef::Id(id))?;
            let (mut ticket, dossier) = found.ok_or(DeskError::NotFound)?;
            desk.act(conn, &staff, &mut ticket, &dossier, form, None, now)?;
            Ok(())
        })
    }

    fn result_of(
        &self,
        staff: &Staff,
        id: TicketId,
        problem: Option<String>,
    ) -> Result<TicketResult, DeskError> {
        let scope = Scope::of(staff);
        let found = self.db.read_in(&scope, |conn| {
            tickets::find(conn, &scope, &TicketRef::Id(id))
        })?;
        Ok(TicketResult {
            named: id.to_string(),
            ticket: found.map(|(ticket, _)| (ticket.id, ticket.number)),
            problem,
        })
    }
}

//! Erasures (GDPR 17): asked for by one person and approved by another (D-6), then done ticket by ticket
//! by a job, each in a transaction of its own, so that one that is interrupted goes on.
//!
//! Invariant: what is kept has its reason on record, and a dry run writes nothing.

use domain::actor::{Actor, Staff};
use domain::command::Command;
use domain::ids::{ErasureId, MentionId, SubjectRequestId, TicketId, TicketNumber, TicketRef};
use domain::retention::{Class, Kept};
use domain::state::State;
use domain::subject_request::{
    ErasureOutcome, ErasureState, KeptReason, MentionPlace, SubjectRequestRefused,
    SubjectRequestStep,
};
use domain::ticket::Ticket;
use domain::visibility::Scope;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use storage::due_work::{self, Claimed};
use storage::erasures::{self, Erasure, Mention};
use storage::retention::{self, Mark};
use storage::subject_requests::SubjectRequest;
use storage::tickets::Dossier;
use storage::{DbConnection, holds, sealing, tickets};

use super::{Deed, found, must_be_another};
use crate::once::{Answer, Once};
use crate::work::Kind;
use crate::{Desk, DeskError};

/// An erasure as whoever keeps the register sees it: counts alone.
#[derive(Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct ErasureView {
    /// None for a dry run, which is not kept.
    pub id: Option<ErasureId>,
    pub state: Option<ErasureState>,
    pub asked_at: Timestamp,
    pub approved_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub erased: usize,
    pub kept: usize,
    pub mentions: usize,
    pub mentions_to_review: usize,
}

/// What an erasure did, or would do, ticket by ticket, and which texts are left to look at.
#[derive(Clone, Serialize, Deserialize)]
pub struct ErasureReport {
    /// The counts.
    pub erasure: ErasureView,
    /// The tickets.
    pub items: Vec<ItemView>,
    /// Where texts name the person.
    pub mentions: Vec<MentionView>,
}

/// What became of a ticket.
#[derive(Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct ItemView {
    pub ticket: TicketId,
    pub number: TicketNumber,
    pub outcome: ErasureOutcome,
    pub reason: Option<KeptReason>,
}

/// Where a text names the person.
#[derive(Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct MentionView {
    pub id: MentionId,
    pub place: MentionPlace,
    pub subject: uuid::Uuid,
    pub seq: Option<i64>,
    pub ticket: Option<TicketId>,
    pub found_at: Timestamp,
    pub reviewed_at: Option<Timestamp>,
}

/// How a turn went.
enum Turn {
    Ticket,
    Texts,
    Over,
}

impl Desk {
    /// Says what an erasure would do, and writes nothing.
    pub fn try_erasure(&self, id: SubjectRequestId) -> Result<ErasureReport, DeskError> {
        let now = self.clock.now();
        self.db.read_snapshot_in(&Scope::System, |conn| {
            let request = found(conn, id)?;
            must_be_possible(&request)?;
            let mut items = Vec::new();
            for ticket in self.tickets_of_subject(conn, &request)? {
                let Some((ticket, dossier)) = load(conn, ticket)? else {
                    continue;
                };
                let reason = self.kept_because(conn, &ticket, &dossier, now)?;
                items.push(ItemView {
                    ticket: ticket.id,
                    number: ticket.number,
                    outcome: match reason {
                        Some(_) => ErasureOutcome::Kept,
                        None => ErasureOutcome::Erased,
                    },
                    reason,
                });
            }
            Ok(report(None, now, items, Vec::new()))
        })
    }

    /// Asks for an erasure; a second person approves it.
    pub fn start_erasure(
        &self,
        staff: &Staff,
        id: SubjectRequestId,
        once: &Once,
    ) -> Result<Answer<ErasureReport>, DeskError> {
        let (desk, staff) = (self.clone(), staff.clone());
        self.write_once(&Scope::System, once, move |conn| {
            let now = desk.clock.now();
            let deed = Deed {
                step: SubjectRequestStep::Erase,
                staff: &staff,
                seen: None,
                text: None,
                now,
            };
            desk.take_rights_step(conn, id, deed)?;
            let erasure = Erasure {
                id: ErasureId::new(desk.ids.uuid()),
                request: id,
                state: ErasureState::AwaitingApproval,
                asked: (staff.account, now),
                approved: None,
                words: None,
                scanned: None,
                ended_at: None,
            };
            erasures::insert(conn, &erasure)?;
            Ok(report(Some(&erasure), now, Vec::new(), Vec::new()))
        })
    }

    /// Approves an erasure as the second person. From then on it is done, by due work.
    pub fn approve_erasure(
        &self,
        staff: &Staff,
        request: SubjectRequestId,
        id: ErasureId,
        once: &Once,
    ) -> Result<Answer<ErasureReport>, DeskError> {
        let (desk, staff) = (self.clone(), staff.clone());
        self.write_once(&Scope::System, once, move |conn| {
            let now = desk.clock.now();
            let subject = found(conn, request)?;
            let erasure = erasures::find(conn, id)?;
            let mut erasure = erasure
                .filter(|erasure| erasure.request == request)
                .ok_or(DeskError::NotFound)?;
            must_be_another(conn, erasure.asked.0, &staff)?;
            if erasure.state != ErasureState::AwaitingApproval {
                return Err(SubjectRequestRefused::NotWaiting.into());
            }
            erasure.state = ErasureState::Running;
            erasure.approved = Some((staff.account, now));
            // Now, while they can still be read.
            erasure.words = Some(desk.words_of(conn, &subject)?);
            erasures::save(conn, &erasure, ErasureState::AwaitingApproval)?;
            desk.schedule(conn, Kind::Erasure, id.uuid(), Some(now))?;
            Ok(report(Some(&erasure), now, Vec::new(), Vec::new()))
        })
    }

    /// What was erased, what was kept and why, and which texts name the person still: of each erasure
    /// that answers a request.
    pub fn show_rights_report(
        &self,
        id: SubjectRequestId,
    ) -> Result<Vec<ErasureReport>, DeskError> {
        let now = self.clock.now();
        self.db.read_snapshot_in(&Scope::System, |conn| {
            found(conn, id)?;
            let mut reports = Vec::new();
            for erasure in erasures::list_of(conn, id)? {
                let items = erasures::list_items(conn, erasure.id)?;
                let items = items
                    .into_iter()
                    .map(|item| ItemView {
                        ticket: item.ticket,
                        number: item.number,
                        outcome: item.outcome,
                        reason: item.reason,
                    })
                    .collect();
                let mentions = erasures::list_mentions(conn, erasure.id)?;
                reports.push(report(Some(&erasure), now, items, mentions));
            }
            Ok(reports)
        })
    }

    /// Notes that somebody looked at a text that names the person.
    pub fn review_mention(
        &self,
        staff: &Staff,
        request: SubjectRequestId,
        id: MentionId,
        once: &Once,
    ) -> Result<Answer<()>, DeskError> {
        let (desk, account) = (self.clone(), staff.account);
        self.write_once(&Scope::System, once, move |conn| {
            let now = desk.clock.now();
            let own = erasures::list_of(conn, request)?;
            let own: Vec<ErasureId> = own.iter().map(|erasure| erasure.id).collect();
            match erasures::set_reviewed(conn, &own, id, account, now)? {
                true => Ok(()),
                false => Err(DeskError::NotFound),
            }
        })
    }

    /// Does a claimed erasure, turn by turn, and says how many there were. What `is_stopping` leaves is
    /// due again at once.
    pub(crate) fn work_erasure(
        &self,
        work: &Claimed,
        is_stopping: &dyn Fn() -> bool,
    ) -> Result<usize, DeskError> {
        let mut turns = 0;
        while !is_stopping() {
            match self.take_erasure_turn(work)? {
                Turn::Ticket | Turn::Texts => turns += 1,
                Turn::Over => break,
            }
        }
        // Finished work is no longer there to be postponed.
        let (work, now) = (work.clone(), self.clock.now());
        self.db
            .write(move |conn| due_work::postpone(conn, &work, now))?;
        Ok(turns)
    }

    /// One ticket, or one page of texts, in one transaction with what is kept of it.
    fn take_erasure_turn(&self, work: &Claimed) -> Result<Turn, DeskError> {
        let id = ErasureId::new(work.subject);
        let (desk, work) = (self.clone(), work.clone());
        self.db.write_in(&Scope::System, move |conn| {
            if !due_work::hold(conn, &work)? {
                return Ok(Turn::Over);
            }
            let now = desk.clock.now();
            let erasure = erasures::find(conn, id)?;
            let Some(mut erasure) = erasure.filter(|one| one.state == ErasureState::Running) else {
                due_work::finish(conn, &work)?;
                return Ok(Turn::Over);
            };
            let request = found(conn, erasure.request)?;
            let done = erasures::list_items(conn, id)?;
            let left = desk.tickets_of_subject(conn, &request)?;
            let next = left
                .into_iter()
                .find(|ticket| !done.iter().any(|item| item.ticket == *ticket));
            if let Some(ticket) = next {
                desk.erase_ticket(conn, &erasure, &request, ticket, now)?;
                return Ok(Turn::Ticket);
            }
            let own: Vec<TicketId> = done.iter().map(|item| item.ticket).collect();
            if desk.look_for_mentions(conn, &mut erasure, &own, now)? {
                erasures::save(conn, &erasure, ErasureState::Running)?;
                return Ok(Turn::Texts);
            }
            erasure.state = ErasureState::Done;
            erasure.words = None;
            erasure.ended_at = Some(now);
            erasures::save(conn, &erasure, ErasureState::Running)?;
            due_work::finish(conn, &work)?;
            Ok(Turn::Over)
        })
    }

    fn erase_ticket(
        &self,
        conn: &mut DbConnection,
        erasure: &Erasure,
        request: &SubjectRequest,
        id: TicketId,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        let Some((mut ticket, dossier)) = load(conn, id)? else {
            return Err(DeskError::NotFound);
        };
        // Whoever sets a hold meanwhile comes before or after, and never in between.
        holds::follow(conn)?;
        let kept = self.kept_because(conn, &ticket, &dossier, now)?;
        if kept.is_none() {
            self.forget_requester(conn, (&mut ticket, &dossier), erasure.id, now)?;
            let tickets = vec![id];
            self.note_deed(conn, "erase_ticket", tickets, &request.tax_code, now)?;
        }
        Ok(erasures::add_item(conn, erasure.id, id, kept, now)?)
    }

    /// Takes what names the requester out of a ticket that is over (T25), class by class as retention
    /// does; what went before stays gone. What is counted stays.
    fn forget_requester(
        &self,
        conn: &mut DbConnection,
        (ticket, dossier): (&mut Ticket, &Dossier),
        erasure: ErasureId,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        let gone = retention::list_gone(conn, ticket.id.uuid())?;
        for class in Class::OF_TICKETS {
            if gone.contains(&class) {
                continue;
            }
            let mark = Mark {
                kind: retention::Kind::Ticket,
                subject: ticket.id.uuid(),
                named: ticket.number.to_string(),
                authority: ticket.custodian.code.clone(),
                class,
            };
            retention::forget(conn, &mark, erasure.uuid(), now)?;
        }
        if ticket.anonymised_at.is_none() {
            let command = Command::Anonymise { over_by: now };
            self.apply(conn, ticket, dossier, &command, &Actor::System, now)?;
        }
        Ok(())
    }

    /// Why a ticket is not erased now, if there is a reason (GDPR 17(3), 18).
    fn kept_because(
        &self,
        conn: &mut DbConnection,
        ticket: &Ticket,
        dossier: &Dossier,
        now: Timestamp,
    ) -> Result<Option<KeptReason>, DeskError> {
        let (custodian, person) = (&ticket.custodian.code, &dossier.tax_code);
        if holds::exists_for_ticket(conn, ticket.id, custodian, person, now)? {
            return Ok(Some(KeptReason::LegalHold));
        }
        if ticket.restricted_at.is_some() {
            return Ok(Some(KeptReason::Restricted));
        }
        let over_since = match ticket.state {
            State::AutoClosed { at, .. } => at,
            State::Removed { at } if ticket.merged_into.is_none() => at,
            // A merged ticket can come back as long as the one it goes on in is open.
            State::Removed { .. } => return self.kept_with_survivor(conn, ticket),
            _ => return Ok(Some(KeptReason::Open)),
        };
        let reopen = self.settings.windows_for(ticket).reopen;
        let window = match self.settings.reviews.enabled {
            true => reopen.max(self.settings.reviews.request_within),
            false => reopen,
        };
        let is_closed = matches!(ticket.state, State::AutoClosed { .. });
        if is_closed && now.duration_since(over_since) <= window {
            return Ok(Some(KeptReason::ReopeningWindow));
        }
        Ok(match retention::find_going_on(conn, ticket.id)? {
            // Its complaint or review is a claim that the data are needed for (GDPR 17(3)(e)).
            Some(Kept::Complaint | Kept::Review) => Some(KeptReason::Claim),
            Some(Kept::Hold) => Some(KeptReason::LegalHold),
            Some(Kept::FollowUp | Kept::Work) => Some(KeptReason::Open),
            None => None,
        })
    }

    fn kept_with_survivor(
        &self,
        conn: &mut DbConnection,
        ticket: &Ticket,
    ) -> Result<Option<KeptReason>, DeskError> {
        let Some(into) = &ticket.merged_into else {
            return Ok(None);
        };
        let survivor = load(conn, into.id)?;
        let is_open = survivor.is_some_and(|(survivor, _)| !survivor.state.code().is_final());
        Ok(is_open.then_some(KeptReason::Open))
    }

    /// What names the person: what their tickets hold of them, as it stands now.
    fn words_of(
        &self,
        conn: &mut DbConnection,
        request: &SubjectRequest,
    ) -> Result<Vec<String>, DeskError> {
        let mut words = vec![request.tax_code.clone()];
        words.extend(request.email.clone());
        for ticket in self.tickets_of_subject(conn, request)? {
            let Some((_, dossier)) = load(conn, ticket)? else {
                continue;
            };
            let (given, family) = (&dossier.given_name, &dossier.family_name);
            words.push(format!("{given} {family}"));
            words.push(format!("{family} {given}"));
            words.push(dossier.email.clone());
            let phone = dossier.phone.iter().chain(&dossier.details.recall_phone);
            // People write numbers without the prefix, too.
            words.extend(phone.flat_map(|phone| {
                let local = phone.strip_prefix("+39").map(str::to_owned);
                [Some(phone.clone()), local].into_iter().flatten()
            }));
            words.extend(dossier.details.notification_email.clone());
        }
        words.retain(|word| !word.trim().is_empty() && !word.contains(sealing::GONE));
        words.sort();
        words.dedup();
        Ok(words)
    }

    pub(super) fn erasure_views(
        &self,
        conn: &mut DbConnection,
        request: SubjectRequestId,
    ) -> Result<Vec<ErasureView>, DeskError> {
        let now = self.clock.now();
        let mut views = Vec::new();
        for erasure in erasures::list_of(conn, request)? {
            let items = erasures::list_items(conn, erasure.id)?;
            let mentions = erasures::list_mentions(conn, erasure.id)?;
            let outcomes = items.iter().map(|item| item.outcome).collect::<Vec<_>>();
            views.push(view(Some(&erasure), now, &outcomes, &mentions));
        }
        Ok(views)
    }
}

/// A dry run is possible where the run itself is.
fn must_be_possible(request: &SubjectRequest) -> Result<(), DeskError> {
    if !SubjectRequestStep::Erase.fits(request.kind) {
        let kind = request.kind;
        return Err(SubjectRequestRefused::OtherKind { kind }.into());
    }
    request.state.step(SubjectRequestStep::Erase)?;
    Ok(())
}

fn load(conn: &mut DbConnection, id: TicketId) -> Result<Option<(Ticket, Dossier)>, DeskError> {
    Ok(tickets::find(conn, &Scope::System, &TicketRef::Id(id))?)
}

fn report(
    erasure: Option<&Erasure>,
    now: Timestamp,
    items: Vec<ItemView>,
    mentions: Vec<Mention>,
) -> ErasureReport {
    let outcomes = items.iter().map(|item| item.outcome).collect::<Vec<_>>();
    ErasureReport {
        erasure: view(erasure, now, &outcomes, &mentions),
        items,
        mentions: mentions
            .into_iter()
            .map(|one| MentionView {
                id: one.id,
                place: one.place,
                subject: one.subject,
                seq: (one.place == MentionPlace::Note).then_some(one.seq),
                ticket: one.ticket,
                found_at: one.found_at,
                reviewed_at: one.reviewed.map(|(_, at)| at),
            })
            .collect(),
    }
}

fn view(
    erasure: Option<&Erasure>,
    now: Timestamp,
    outcomes: &[ErasureOutcome],
    mentions: &[Mention],
) -> ErasureView {
    let count = |wanted| outcomes.iter().filter(|one| **one == wanted).count();
    ErasureView {
        id: erasure.map(|one| one.id),
        state: erasure.map(|one| one.state),
        asked_at: erasure.map_or(now, |one| one.asked.1),
        approved_at: erasure.and_then(|one| one.approved.map(|(_, at)| at)),
        ended_at: erasure.and_then(|one| one.ended_at),
        erased: count(ErasureOutcome::Erased),
        kept: count(ErasureOutcome::Kept),
        mentions: mentions.len(),
        mentions_to_review: mentions.iter().filter(|one| one.reviewed.is_none()).count(),
    }
}

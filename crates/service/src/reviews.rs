//! Reviews of decided requests (`domain.md` §9.8): the requester asks, a supervisor of the desk who had
//! no hand in the request decides, and the ticket's history tells of it.
//!
//! When and by whom is `domain::review`'s affair. Invariant: a review and the entry of the ticket that
//! tells of it are one transaction.

use domain::actor::{Actor, Staff};
use domain::command::Command;
use domain::event::Change;
use domain::ids::{AccountId, ReviewId, TicketId, TicketNumber, TicketRef};
use domain::invalid::Lang;
use domain::notification::{Mode, Topic};
use domain::permissions::Right;
use domain::review::{Remedy, ReviewOutcome, ReviewRefused, ReviewState, Settled, is_involved};
use domain::state::State;
use domain::text::NoteBody;
use domain::ticket::Ticket;
use domain::visibility::{Scope, View, view_of};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use storage::changes::News;
use storage::deliveries::Keeper;
use storage::history::Entry;
use storage::notifications::{self, Wanted};
use storage::outbox::{self, Outgoing};
use storage::reviews::{self, Filter, Review};
use storage::{DbConnection, StoreError, accounts, history, tickets};

use crate::contacts::keeper_of;
use crate::labels::Labelled;
use crate::links::end_of;
use crate::once::{Answer, Once};
use crate::texts::MailTemplate;
use crate::work::{Kind, Next};
use crate::{Desk, DeskError};

/// A review as its requester sees it: the office, the term and the reasons, and no names.
#[derive(Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct OwnReview {
    pub state: ReviewState,
    pub office: Labelled,
    pub requested_at: Timestamp,
    pub due_at: Timestamp,
    pub reason: String,
    pub decided_at: Option<Timestamp>,
    pub reasons: Option<String>,
    pub reopened: bool,
}

/// A review as the desk sees it.
#[derive(Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct ReviewView {
    pub id: ReviewId,
    pub version: i64,
    pub ticket: (TicketId, TicketNumber),
    pub desk: String,
    pub state: ReviewState,
    pub requested_at: Timestamp,
    pub due_at: Timestamp,
    pub is_overdue: bool,
    pub taken: Option<(AccountId, Timestamp)>,
    pub decided: Option<(AccountId, Timestamp)>,
    pub remedy: Option<Remedy>,
}

/// A review with what was written, for one reader.
#[derive(Clone, Serialize, Deserialize)]
pub struct ReviewScreen {
    /// The review.
    pub review: ReviewView,
    /// What the requester holds against the decision.
    pub reason: String,
    /// What they were told.
    pub reasons: Option<String>,
    /// The names of who looks at it and who decided, for colleagues.
    pub names: (Option<String>, Option<String>),
    /// Whether the reader had a hand in the request, and so may not decide.
    pub reader_was_involved: bool,
}

/// A decision, as it is written down.
#[derive(Debug, Clone)]
pub struct Decision {
    /// How.
    pub outcome: ReviewOutcome,
    /// What follows, where the requester was right.
    pub remedy: Option<Remedy>,
    /// What the requester is told.
    pub reasons: NoteBody,
}

impl Desk {
    /// Asks for a review of the requester's own decided ticket, or of the one it goes on in.
    pub fn request_review(
        &self,
        scope: &Scope,
        wanted: TicketRef,
        reason: NoteBody,
        once: &Once,
    ) -> Result<Answer<OwnReview>, DeskError> {
        let (desk, reach) = (self.clone(), scope.clone());
        self.write_once(scope, once, move |conn| {
            let now = desk.clock.now();
            let (mut ticket, dossier) = end_of(conn, &reach, &wanted)?;
            let deeds = history::list_deeds(conn, ticket.id)?;
            let settled = Settled::last(deeds.iter().map(|(at, _, change)| (*at, change)));
            let before = reviews::find_of(conn, ticket.id)?.map(|review| review.requested_at);
            let rules = &desk.settings.reviews;
            let due_at = rules.request(ticket.state.code(), settled, before, now)?;
            let command = Command::RequestReview {
                reason: reason.as_str().to_owned(),
                due_at,
            };
            desk.apply(
                conn,
                &mut ticket,
                &dossier,
                &command,
                &Actor::Requester,
                now,
            )?;
            let review = Review {
                id: ReviewId::new(desk.ids.uuid()),
                version: 1,
                ticket: ticket.id,
                desk: ticket.custodian.code.clone(),
                state: ReviewState::Requested,
                requested_seq: ticket.version,
                requested_at: now,
                due_at,
                taken: None,
                decided: None,
                remedy: None,
            };
            reviews::insert(conn, &review)?;
            let warn_at = rules.warn_at(due_at);
            desk.schedule(conn, Kind::Review, review.id.uuid(), Some(warn_at))?;
            Ok(OwnReview {
                state: review.state,
                office: desk.authority_label(&review.desk),
                requested_at: now,
                due_at,
                reason: reason.into_string(),
                decided_at: None,
                reasons: None,
                reopened: false,
            })
        })
    }

    /// A page of the reviews of the placement's desk, those due first.
    pub fn list_reviews(
        &self,
        staff: &Staff,
        state: Option<ReviewState>,
        overdue: bool,
        after: Option<(Timestamp, ReviewId)>,
        limit: i64,
    ) -> Result<Vec<ReviewView>, DeskError> {
        let now = self.clock.now();
        let keeper = keeper_of(staff, Right::ReadReviews);
        let filter = Filter {
            state,
            overdue_at: overdue.then_some(now),
        };
        self.db.read_snapshot_in(&Scope::of(staff), |conn| {
            let found = reviews::list(conn, &keeper, &filter, after, limit)?;
            let views = found.into_iter();
            Ok(views
                .map(|(review, number)| view(review, number, now))
                .collect())
        })
    }

    /// One review, with what was written.
    pub fn show_review(&self, staff: &Staff, id: ReviewId) -> Result<ReviewScreen, DeskError> {
        let now = self.clock.now();
        let keeper = keeper_of(staff, Right::ReadReviews);
        self.db.read_snapshot_in(&Scope::of(staff), |conn| {
            let (review, number) = reviews::find(conn, &keeper, id)?.ok_or(DeskError::NotFound)?;
            screen(conn, staff, review, number, now)
        })
    }

    /// Takes a review to look at, for somebody who was not involved before.
    pub fn take_review(
        &self,
        staff: &Staff,
        id: ReviewId,
        seen: i64,
        once: &Once,
    ) -> Result<Answer<ReviewScreen>, DeskError> {
        let (desk, staff) = (self.clone(), staff.clone());
        self.write_once(&Scope::of(&staff), once, move |conn| {
            let now = desk.clock.now();
            desk.step_review(
                conn,
                &staff,
                id,
                seen,
                now,
                &Command::TakeReview,
                |review, _| {
                    review.state = review.state.taken()?;
                    review.taken = Some((staff.account, now));
                    Ok(())
                },
            )
        })
    }

    /// Decides a review that somebody took, and tells the requester why.
    pub fn decide_review(
        &self,
        staff: &Staff,
        id: ReviewId,
        seen: i64,
        decision: Decision,
        once: &Once,
    ) -> Result<Answer<ReviewScreen>, DeskError> {
        let (desk, staff) = (self.clone(), staff.clone());
        self.write_once(&Scope::of(&staff), once, move |conn| {
            let now = desk.clock.now();
            let remedy = match decision.outcome {
                ReviewOutcome::Upheld => Some(decision.remedy.unwrap_or(Remedy::Reopen)),
                ReviewOutcome::Rejected => None,
            };
            let command = Command::DecideReview {
                outcome: decision.outcome,
                reopens: remedy == Some(Remedy::Reopen),
                reasons: decision.reasons.into_string(),
            };
            let decided =
                desk.step_review(conn, &staff, id, seen, now, &command, |review, seq| {
                    review.state = review.state.decided(decision.outcome)?;
                    review.decided = Some((seq, staff.account, now));
                    review.remedy = remedy;
                    Ok(())
                })?;
            desk.schedule(conn, Kind::Review, id.uuid(), None)?;
            Ok(decided)
        })
    }

    /// One step of a review and of its ticket. `change` gets the place of the entry that tells of it.
    #[expect(
        clippy::too_many_arguments,
        reason = "who does what to which review as they saw it, and when: each is needed"
    )]
    fn step_review(
        &self,
        conn: &mut DbConnection,
        staff: &Staff,
        id: ReviewId,
        seen: i64,
        now: Timestamp,
        command: &Command,
        change: impl FnOnce(&mut Review, i64) -> Result<(), ReviewRefused>,
    ) -> Result<ReviewScreen, DeskError> {
        let keeper = keeper_of(staff, Right::DecideReviews);
        let (mut review, number) = reviews::find(conn, &keeper, id)?.ok_or(DeskError::NotFound)?;
        if review.version != seen {
            return Err(DeskError::Stale {
                current: review.version,
            });
        }
        let wanted = TicketRef::Id(review.ticket);
        let (mut ticket, dossier) =
            tickets::find(conn, &Scope::of(staff), &wanted)?.ok_or(DeskError::NotFound)?;
        if was_involved(conn, staff.account, review.ticket)? {
            return Err(ReviewRefused::Involved.into());
        }
        // Where the review stands is told before where the ticket does.
        change(&mut review, ticket.version + 1)?;
        let actor = Actor::Staff(staff.clone());
        self.apply(conn, &mut ticket, &dossier, command, &actor, now)?;
        review.version += 1;
        match reviews::save(conn, &review, seen) {
            Err(StoreError::Stale) => {
                let found = reviews::find(conn, &keeper, id)?;
                return Err(DeskError::Stale {
                    current: found.map_or(seen, |(review, _)| review.version),
                });
            }
            other => other?,
        }
        screen(conn, staff, review, number, now)
    }

    /// Alerts the desk that the term of a review is nearly over, and that it is: once each.
    pub(crate) fn alert_review(
        &self,
        conn: &mut DbConnection,
        id: ReviewId,
        now: Timestamp,
    ) -> Result<Next, DeskError> {
        let Some((review, number)) = reviews::find(conn, &Keeper::Everything, id)? else {
            return Ok(Next::Done);
        };
        if !review.state.is_open() {
            return Ok(Next::Done);
        }
        let wanted = TicketRef::Id(review.ticket);
        let Some((ticket, _)) = tickets::find(conn, &Scope::System, &wanted)? else {
            return Ok(Next::Done);
        };
        if let Some(next) = self.look_again_at_removed(&ticket, now) {
            return Ok(next);
        }
        let warn_at = self.settings.reviews.warn_at(review.due_at);
        if now < warn_at {
            return Ok(Next::At(warn_at));
        }
        let is_over = now > review.due_at;
        let news = News {
            kind: "review.overdue".to_owned(),
            desk: Some(review.desk.clone()),
            former_desk: None,
            ticket: Some(review.ticket),
            seq: None,
            subject: Some(id.to_string()),
            data: json!({
                "number": number.as_str(),
                "level": if is_over { "over" } else { "warning" },
                "at": review.due_at.to_string(),
            }),
        };
        self.publish(conn, &news, now)?;
        self.tell_supervisors(conn, &review, now)?;
        Ok(match is_over {
            true => Next::Done,
            false => Next::At(just_after(review.due_at)),
        })
    }

    /// Nobody decides the review of a ticket that was removed, so nobody is alerted. A merge may be
    /// undone for a while, and then the term counts again.
    fn look_again_at_removed(&self, ticket: &Ticket, now: Timestamp) -> Option<Next> {
        let State::Removed { at } = ticket.state else {
            return None;
        };
        let windows = self.settings.windows_for(ticket);
        let until = at.checked_add(windows.undo_merge).unwrap_or(at);
        Some(match now > until {
            true => Next::Done,
            false => Next::At(just_after(until)),
        })
    }

    fn tell_supervisors(
        &self,
        conn: &mut DbConnection,
        review: &Review,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        let (desk, topic) = (&review.desk, Topic::Queue);
        for one in notifications::list_wanting(conn, topic, desk, Wanted::Supervisors)? {
            match one.mode {
                Mode::Off => {}
                Mode::Digest => {
                    self.tell_later(conn, one.account, review.ticket, topic, now)?;
                }
                Mode::Instant => {
                    let message = Outgoing {
                        desk: Some(desk.clone()),
                        ticket: Some(review.ticket),
                        account: Some(one.account),
                        ..self.message(MailTemplate::StaffQueue, one.email, Lang::It)
                    };
                    outbox::put(conn, &message, now)?;
                }
            }
        }
        Ok(())
    }

    /// The review that a requester's entries tell of, oldest first.
    pub(crate) fn own_review(&self, entries: &[Entry]) -> Option<OwnReview> {
        let mut own: Option<OwnReview> = None;
        let text = |entry: &Entry| entry.note.as_ref().map(|note| note.body.clone());
        for entry in entries {
            match (&entry.change, &mut own) {
                (Change::ReviewRequested { desk, due_at }, own) => {
                    *own = Some(OwnReview {
                        state: ReviewState::Requested,
                        office: self.authority_label(desk),
                        requested_at: entry.at,
                        due_at: *due_at,
                        reason: text(entry).unwrap_or_default(),
                        decided_at: None,
                        reasons: None,
                        reopened: false,
                    });
                }
                (Change::ReviewTaken, Some(own)) => own.state = ReviewState::InReview,
                (Change::ReviewDecided { outcome }, Some(own)) => {
                    own.state = match outcome {
                        ReviewOutcome::Upheld => ReviewState::Upheld,
                        ReviewOutcome::Rejected => ReviewState::Rejected,
                    };
                    own.decided_at = Some(entry.at);
                    own.reasons = text(entry);
                }
                (Change::Reopened { on_review, .. }, Some(own)) => own.reopened |= *on_review,
                _ => {}
            }
        }
        own
    }

    /// Until when the requester may ask for a review, by their entries.
    pub(crate) fn review_end(&self, entries: &[Entry], was_asked_for: bool) -> Option<Timestamp> {
        let settled = Settled::last(entries.iter().map(|entry| (entry.at, &entry.change)));
        let until = self.settings.reviews.possible_until(settled);
        until.filter(|_| !was_asked_for)
    }
}

/// Whether somebody had a hand in a request: in what its history tells, or in its playbook's answers,
/// of which the history tells the first alone.
fn was_involved(
    conn: &mut DbConnection,
    account: AccountId,
    ticket: TicketId,
) -> Result<bool, StoreError> {
    let deeds = history::list_deeds(conn, ticket)?;
    let deeds = deeds.iter().map(|(_, author, change)| (*author, change));
    Ok(is_involved(account, deeds) || reviews::has_answered_playbook(conn, ticket, account)?)
}

/// What a review tells a reader who lost sight of its ticket: the entries up to the last of their own
/// leg, and who did what until then (P-1).
struct Sight {
    last: i64,
    until: Timestamp,
}

impl Sight {
    /// Where a reader's sight ends; nowhere, for whoever has the ticket or reads it whole.
    fn of(ticket: &Ticket, scope: &Scope) -> Result<Option<Sight>, DeskError> {
        let last = match view_of(ticket, scope).ok_or(DeskError::NotFound)? {
            View::Until(last) => last,
            View::Custodian | View::Region | View::Inspector | View::Granted | View::Requester => {
                return Ok(None);
            }
        };
        let mut ends = ticket.legs.iter().filter_map(|leg| leg.closed.as_ref());
        let end = ends.find(|end| end.seq == last);
        let until = end.map_or(ticket.created_at, |end| end.at);
        Ok(Some(Sight { last, until }))
    }

    /// Leaves out who took and who decided it after that.
    fn narrow(&self, review: &mut Review) {
        review.taken = review.taken.filter(|(_, at)| *at <= self.until);
        review.decided = review.decided.filter(|(seq, ..)| *seq <= self.last);
    }
}

fn screen(
    conn: &mut DbConnection,
    staff: &Staff,
    mut review: Review,
    number: TicketNumber,
    now: Timestamp,
) -> Result<ReviewScreen, DeskError> {
    let scope = Scope::of(staff);
    let wanted = TicketRef::Id(review.ticket);
    let (ticket, _) = tickets::find(conn, &scope, &wanted)?.ok_or(DeskError::NotFound)?;
    if let Some(sight) = Sight::of(&ticket, &scope)? {
        sight.narrow(&mut review);
    }
    let mut written = |seq: i64| {
        let found = history::find_note(conn, review.ticket, seq)?;
        Ok::<_, DeskError>(found.map(|(note, _)| note.body))
    };
    let reason = written(review.requested_seq)?.unwrap_or_default();
    let reasons = match review.decided {
        Some((seq, ..)) => written(seq)?,
        None => None,
    };
    let mut name = |account: Option<AccountId>| match account {
        Some(account) => accounts::find_label(conn, account),
        None => Ok(None),
    };
    let names = (
        name(review.taken.map(|(by, _)| by))?,
        name(review.decided.map(|(_, by, _)| by))?,
    );
    Ok(ReviewScreen {
        reader_was_involved: was_involved(conn, staff.account, review.ticket)?,
        review: view(review, number, now),
        reason,
        reasons,
        names,
    })
}

fn view(review: Review, number: TicketNumber, now: Timestamp) -> ReviewView {
    ReviewView {
        id: review.id,
        version: review.version,
        ticket: (review.ticket, number),
        desk: review.desk.to_string(),
        state: review.state,
        requested_at: review.requested_at,
        is_overdue: review.state.is_open() && review.due_at < now,
        due_at: review.due_at,
        taken: review.taken,
        decided: review.decided.map(|(_, by, at)| (by, at)),
        remedy: review.remedy,
    }
}

/// The first moment at which a term is over that ends at `due_at`.
fn just_after(due_at: Timestamp) -> Timestamp {
    due_at
        .checked_add(jiff::SignedDuration::from_micros(1))
        .unwrap_or(due_at)
}

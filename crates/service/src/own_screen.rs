//! What a requester sees of their own ticket: a shape of its own, with nothing in it that they must
//! not see. Entries are counted anew and nothing tells of what the desks did among themselves.

use domain::codes::AuthorityCode;
use domain::event::Change;
use domain::ids::{TicketId, TicketRef};
use domain::invalid::Text;
use domain::links::{LinkRole, NamedTicket};
use domain::review::ReviewOutcome;
use domain::state::{ResolutionCode, State, StateCode};
use domain::ticket::Ticket;
use domain::visibility::{Scope, View};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use storage::DbConnection;
use storage::attachments::{self, StoredAttachment};
use storage::history::{self, Entry};
use storage::links::{self, OwnNeighbour};
use storage::tickets::{self, Dossier};

use crate::labels::{AttachmentView, Labelled, files_of, reply_end};
use crate::reviews::OwnReview;
use crate::{Desk, DeskError};

/// A ticket as its requester sees it.
#[derive(Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct RequesterTicket {
    pub id: TicketId,
    pub number: String,
    pub state: StateCode,
    pub service: Labelled,
    pub problem_type: Labelled,
    pub authority: Option<Labelled>,
    pub description: Option<String>,
    pub created_at: Timestamp,
    pub needs_answer: bool,
    pub can_reply_until: Option<Timestamp>,
    pub closed_at: Option<Timestamp>,
    pub follow_up_of: Option<TicketId>,
    /// Where it goes on, while it is merged. Answers kept before there were merges do not say.
    #[serde(default)]
    pub merged_into: Option<NamedTicket>,
    /// About a delegator. Answers kept before there were delegations do not say.
    #[serde(default)]
    pub on_behalf_of: bool,
    /// Answers kept before there were nudges do not say.
    #[serde(default)]
    pub nudge_count: i32,
    #[serde(default)]
    pub next_nudge_from: Option<Timestamp>,
}

/// A requester's ticket with what was said.
pub struct RequesterScreen {
    /// The ticket.
    pub ticket: RequesterTicket,
    /// What was said and what happened, oldest first.
    pub messages: Vec<RequesterMessage>,
    /// The files.
    pub attachments: Vec<AttachmentView>,
    /// What goes on from it, in order.
    pub follow_ups: Vec<OwnNeighbour>,
    /// What was merged into it.
    pub merged: Vec<NamedTicket>,
    /// The review of what was decided, if one was asked for.
    pub review: Option<OwnReview>,
    /// Until when one can be asked for; none if that makes no sense, or no more.
    pub can_request_review_until: Option<Timestamp>,
}

/// A message or event, as the requester reads it: no names of operators.
#[derive(Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct RequesterMessage {
    pub seq: i64,
    pub at: Timestamp,
    pub event: String,
    pub author: String,
    pub author_label: Text,
    pub text: Option<Text>,
    pub body: Option<String>,
    pub attachments: Vec<AttachmentView>,
}

/// More entries than a requester's ticket can come to: their messages have a quota, and each answer
/// to one is somebody's work.
const WHOLE_STORY: i64 = 10_000;

impl Desk {
    /// Answers `NotFound` unless `scope` reaches the ticket.
    pub fn must_reach(&self, scope: &Scope, wanted: &TicketRef) -> Result<(), DeskError> {
        self.db
            .read_keyed_in(scope, |conn| match tickets::find(conn, scope, wanted)? {
                Some(_) => Ok(()),
                None => Err(DeskError::NotFound),
            })
    }

    /// A requester's own ticket.
    pub fn show_own_ticket(
        &self,
        scope: &Scope,
        wanted: &TicketRef,
    ) -> Result<RequesterScreen, DeskError> {
        self.db
            .read_keyed_in(scope, |conn| self.own_screen(conn, scope, wanted))
    }

    /// What a requester's own screen shows, and a copy of their data repeats (I-4).
    pub(crate) fn own_screen(
        &self,
        conn: &mut DbConnection,
        scope: &Scope,
        wanted: &TicketRef,
    ) -> Result<RequesterScreen, DeskError> {
        let (ticket, dossier) = tickets::find(conn, scope, wanted)?.ok_or(DeskError::NotFound)?;
        let mut entries =
            history::list_entries(conn, ticket.id, View::Requester, None, None, WHOLE_STORY)?;
        let files = attachments::list(conn, ticket.id)?;
        let (follow_ups, merged) = links::list_beside_own(conn, ticket.id, &dossier)?
            .into_iter()
            .partition::<Vec<_>, _>(|one| one.role == LinkRole::Later);
        let on_behalf_of = scope.is_another(&dossier.tax_code);
        entries.reverse();
        let review = self.own_review(&entries);
        let until = self.review_end(&entries, review.is_some());
        let now = self.clock.now();
        // Counted anew: a gap would tell of what the desks did among themselves.
        let messages: Vec<_> = entries
            .into_iter()
            .zip(1..)
            .map(|(entry, seq)| self.requester_message(entry, &files, seq, on_behalf_of))
            .collect();
        let attachments = messages
            .iter()
            .flat_map(|message| message.attachments.clone())
            .collect();
        Ok(RequesterScreen {
            ticket: self.requester_ticket(&ticket, &dossier, on_behalf_of),
            messages,
            attachments,
            follow_ups,
            merged: merged.into_iter().map(|one| one.named).collect(),
            review,
            can_request_review_until: until.filter(|until| *until >= now),
        })
    }

    pub(crate) fn requester_ticket(
        &self,
        ticket: &Ticket,
        dossier: &Dossier,
        on_behalf_of: bool,
    ) -> RequesterTicket {
        RequesterTicket {
            id: ticket.id,
            number: ticket.number.to_string(),
            state: ticket.state.code().citizen_code(),
            service: self.service_label(ticket.service.as_str()),
            problem_type: self.problem_label(ticket.service.as_str(), ticket.problem_type.as_str()),
            authority: self
                .told_authority(ticket)
                .map(|code| self.authority_label(code)),
            description: dossier.description.clone(),
            created_at: ticket.created_at,
            needs_answer: ticket.state.code() == StateCode::AwaitingInfo,
            can_reply_until: reply_end(ticket),
            closed_at: match ticket.state {
                State::AutoClosed { at, .. } => Some(at),
                _ => None,
            },
            follow_up_of: dossier.follow_up_of,
            merged_into: ticket.merged_into.clone(),
            on_behalf_of,
            nudge_count: ticket.nudges,
            next_nudge_from: self.next_nudge_from(ticket),
        }
    }

    /// The authority that has the ticket, as far as its requester is told: a re-route is ("Assegnato a
    /// …"), custody of the region is not, and the last authority stays.
    pub(crate) fn told_authority<'a>(&self, ticket: &'a Ticket) -> Option<&'a AuthorityCode> {
        let region = self.reference.region();
        let mut custodians = ticket.legs.iter().rev().map(|leg| &leg.custodian);
        let shown = custodians.find(|code| *code != region);
        shown.or(ticket.declared_authority.as_ref())
    }

    fn requester_message(
        &self,
        entry: Entry,
        files: &[StoredAttachment],
        seq: i64,
        on_behalf_of: bool,
    ) -> RequesterMessage {
        let desk = entry
            .actor_desk
            .as_ref()
            .map(|code| self.authority_label(code).label);
        let author_label = match (entry.actor_kind.as_str(), desk) {
            // Told as it concerns the requester; which desk decided it does not (`domain.md` §4.1).
            _ if matches!(entry.change, Change::Rerouted { .. }) => {
                Text::new("automatico", "automatic")
            }
            ("staff", Some(desk)) => Text::owned(
                format!("Operatore, {}", desk.it),
                format!("Operator, {}", desk.en),
            ),
            // The history does not keep whether delegate or delegator wrote.
            ("requester", _) if on_behalf_of => Text::new("Richiedente", "Requester"),
            ("requester", _) => Text::new("Tu", "You"),
            _ => Text::new("automatico", "automatic"),
        };
        let attachments = files_of(files, entry.seq, entry.seq == 1 || entry.note.is_some());
        RequesterMessage {
            seq,
            at: entry.at,
            event: entry.change.kind().to_owned(),
            author: entry.actor_kind.clone(),
            author_label,
            text: self.told_to_requester(&entry.change),
            attachments: attachments
                .into_iter()
                .map(|file| AttachmentView { seq, ..file })
                .collect(),
            body: entry.note.map(|note| note.body),
        }
    }

    /// The words for what happened that need no note.
    fn told_to_requester(&self, change: &Change) -> Option<Text> {
        Some(match change {
            Change::Filed { .. } => Text::new("Richiesta ricevuta", "Request received"),
            Change::Nudged => Text::new("Sollecito inviato", "Nudge sent"),
            Change::Reminded { .. } => Text::new(
                "Ti abbiamo ricordato di rispondere",
                "We reminded you to answer",
            ),
            Change::Resolved {
                code: ResolutionCode::Withdrawn,
                ..
            } => Text::new(
                "Richiesta chiusa dall'utente",
                "Request withdrawn by the user",
            ),
            Change::Resolved {
                code: ResolutionCode::NoAnswer,
                ..
            } => Text::new(
                "Richiesta risolta per mancata risposta",
                "Request resolved for want of an answer",
            ),
            Change::Rerouted { to, .. } => {
                let to = self.authority_label(to).label;
                Text::owned(
                    format!("Assegnato a {}", to.it),
                    format!("Assigned to {}", to.en),
                )
            }
            Change::Reopened { .. } => Text::new("Richiesta riaperta", "Request reopened"),
            Change::AutoClosed => Text::new("Richiesta chiusa", "Request closed"),
            Change::Removed {
                merge: Some(_),
                duplicate_of: Some(survivor),
                ..
            } => Text::owned(
                format!("La richiesta continua nella {survivor}"),
                format!("The request goes on in {survivor}"),
            ),
            Change::Restored { .. } => Text::new(
                "La richiesta continua di nuovo qui",
                "The request goes on here again",
            ),
            Change::Restricted => Text::new(
                "Il trattamento dei dati è limitato, come richiesto",
                "Processing of the data is restricted, as asked",
            ),
            Change::RestrictionLifted => Text::new(
                "La limitazione del trattamento è finita",
                "The restriction of processing is over",
            ),
            Change::Rectified { .. } => Text::new(
                "Dati rettificati, come richiesto",
                "Data put right, as asked",
            ),
            Change::ReviewRequested { .. } => Text::new("Revisione richiesta", "Review asked for"),
            Change::ReviewTaken => {
                Text::new("La revisione è in esame", "The review is being examined")
            }
            Change::ReviewDecided {
                outcome: ReviewOutcome::Upheld,
            } => Text::new("Revisione accolta", "Review upheld"),
            Change::ReviewDecided {
                outcome: ReviewOutcome::Rejected,
            } => Text::new("Revisione respinta", "Review rejected"),
            _ => return None,
        })
    }
}

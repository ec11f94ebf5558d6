//! Sending what waits in the outbox. Texts are made here, from the ticket as it is, so that
//! nothing personal waits in a queue; a note goes into a mail only if its audience is the citizen.

use domain::actor::Actor;
use domain::command::Command;
use domain::event::Change;
use domain::ids::{AccountId, IssueId, MessageId, TicketRef};
use domain::invalid::Lang;
use domain::note::Audience;
use domain::state::State;
use domain::visibility::{Scope, View};
use jiff::{SignedDuration, Timestamp};
use storage::outbox::{self, Channel, Outgoing};
use storage::sealing::GONE;
use storage::{DbConnection, clients, credentials, history, lives, tickets};

use crate::mailer::{MailMessage, Mailer};
use crate::notify::is_mailed;
use crate::text_gateway::{self, TextGateway, TextMessage};
use crate::texts::{self, MailContext, MailTemplate, Placeholder};
use crate::{Desk, DeskError};

/// What a delivery run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeliveryRun {
    /// Messages that left.
    pub sent: usize,
    /// Messages to be tried again.
    pub retried: usize,
    /// Messages given up, with their reason.
    pub parked: usize,
    /// Messages that may not leave yet: nobody is disturbed at night, or by a storm of mails.
    pub postponed: usize,
}

/// Composes a message and sends it: how that went, unless it cannot be composed.
type Sending<'a> = dyn Fn(&Outgoing) -> Result<Result<(), DeliveryFailure>, DeskError> + 'a;

/// Why a message did not go out. Reasons are kept and shown to staff: they hold codes and fixed
/// words, never an address, a number, a text or what the other server said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryFailure {
    /// A later attempt may work.
    #[error("the message could not be sent for now: {0}")]
    Transient(String),
    /// No later attempt of this message will work.
    #[error("the message cannot be sent: {0}")]
    Permanent(String),
}

/// Messages claimed at once: few, so that a hanging mail server does not outlast their lease.
const PAGE: i64 = 5;
/// The stretch of time in which only so many mails about one ticket leave.
const BUDGET_SPAN: SignedDuration = SignedDuration::from_hours(1);
/// Minutes before each further try; after the last one a message is parked.
const RETRY_MINUTES: [i64; 10] = [1, 5, 15, 30, 60, 120, 240, 480, 720, 1440];

impl Desk {
    /// Sends everything that is due. At least once: a crash between sending and noting it sends
    /// again, under the same Message-ID.
    pub fn deliver(&self, mailer: &dyn Mailer) -> Result<DeliveryRun, DeskError> {
        self.deliver_on(Channel::Mail, &|message| {
            let mail = self.compose(message)?;
            Ok(mailer.send(&mail))
        })
    }

    /// Sends every text message that is due, likewise.
    pub fn deliver_texts(&self, gateway: &dyn TextGateway) -> Result<DeliveryRun, DeskError> {
        self.deliver_on(Channel::Sms, &|message| {
            let text = self.compose_text(message)?;
            Ok(gateway.send(&text))
        })
    }

    fn deliver_on(&self, channel: Channel, send: &Sending<'_>) -> Result<DeliveryRun, DeskError> {
        let mut run = DeliveryRun::default();
        loop {
            let now = self.clock.now();
            let lease_end = now.checked_add(self.settings.lease).unwrap_or(now);
            let claimed = self
                .db
                .write(move |conn| outbox::claim(conn, channel, now, lease_end, PAGE))?;
            if claimed.is_empty() {
                return Ok(run);
            }
            for message in claimed {
                self.deliver_one(send, message, &mut run)?;
            }
        }
    }

    /// A message that names whom it goes to, and nothing it is about yet.
    pub(crate) fn message(
        &self,
        template: MailTemplate,
        recipient: String,
        lang: Lang,
    ) -> Outgoing {
        let id = MessageId::new(self.ids.uuid());
        Outgoing::new(id, Channel::Mail, template.as_str(), recipient, lang)
    }

    fn deliver_one(
        &self,
        send: &Sending<'_>,
        message: Outgoing,
        run: &mut DeliveryRun,
    ) -> Result<(), DeskError> {
        let template = MailTemplate::from_code(&message.template);
        if let Some(later) = self.not_before(&message, template)? {
            run.postponed += 1;
            self.db
                .write(move |conn| outbox::postpone(conn, &message, later))?;
            return Ok(());
        }
        let sent = match message.recipient.as_str() {
            // Its key was destroyed, or its row was touched.
            GONE => Ok(Err(DeliveryFailure::Permanent(
                "the address is not known any more".to_owned(),
            ))),
            _ => send(&message),
        };
        let outcome = match sent {
            Ok(outcome) => outcome,
            Err(DeskError::Busy) => Err(DeliveryFailure::Transient(
                "the database was busy".to_owned(),
            )),
            Err(error) => {
                tracing::error!(
                    message.id = %message.id,
                    error = error.as_cause(),
                    "a message cannot be composed"
                );
                Err(DeliveryFailure::Permanent(
                    "the text cannot be made".to_owned(),
                ))
            }
        };
        let now = self.clock.now();
        let tried = usize::try_from(message.attempts).unwrap_or(usize::MAX);
        let wait = RETRY_MINUTES.get(tried.saturating_sub(1));
        match (outcome, wait) {
            (Ok(()), _) => {
                run.sent += 1;
                self.db
                    .write(move |conn| outbox::mark_sent(conn, &message, now))?;
            }
            (Err(DeliveryFailure::Transient(reason)), Some(minutes)) => {
                run.retried += 1;
                let next = now
                    .checked_add(SignedDuration::from_mins(*minutes))
                    .unwrap_or(now);
                self.db
                    .write(move |conn| outbox::mark_retry(conn, &message, &reason, next))?;
            }
            (Err(DeliveryFailure::Transient(reason) | DeliveryFailure::Permanent(reason)), _) => {
                run.parked += 1;
                self.give_up(message, reason)?;
            }
        }
        Ok(())
    }

    /// When a mail may leave that may not leave now: after the quiet hours of the desk that answers
    /// for it, unless somebody waits for it, and within the budget of its ticket.
    fn not_before(
        &self,
        message: &Outgoing,
        template: Option<MailTemplate>,
    ) -> Result<Option<Timestamp>, DeskError> {
        let now = self.clock.now();
        if message.channel == Channel::Sms {
            return Ok(Some(self.text_due_at(now)).filter(|later| *later > now));
        }
        if template.is_some_and(MailTemplate::is_awaited) {
            return Ok(None);
        }
        let (quiet, sent) = self.db.read_in(&Scope::System, |conn| {
            let usual = || Ok(self.settings.delivery.usual.clone());
            let settings = match &message.desk {
                Some(desk) => self.notification_settings(conn, desk),
                None => usual(),
            }?;
            let since = now.checked_sub(BUDGET_SPAN).unwrap_or(now);
            let sent = match message.ticket {
                Some(ticket) => outbox::list_sent_since(conn, ticket, since)?,
                None => Vec::new(),
            };
            Ok::<_, DeskError>((settings.quiet, sent))
        })?;
        let end_of_quiet = quiet.map(|hours| hours.end(now, &self.settings.time_zone));
        let budget = self.settings.delivery.mails_per_ticket_and_hour;
        // When enough of those that left are an hour old.
        let end_of_storm = sent
            .len()
            .checked_sub(budget)
            .and_then(|over| sent.get(over))
            .and_then(|at| at.checked_add(BUDGET_SPAN).ok());
        let later = end_of_quiet.into_iter().chain(end_of_storm).max();
        Ok(later.filter(|later| *later > now))
    }

    /// When a text message may leave that is ready at `now` (`domain.md` §10.2).
    pub(crate) fn text_due_at(&self, now: Timestamp) -> Timestamp {
        let quiet = self.settings.delivery.text_quiet;
        quiet.map_or(now, |hours| hours.end(now, &self.settings.time_zone))
    }

    fn compose_text(&self, message: &Outgoing) -> Result<TextMessage, DeskError> {
        if message.template != text_gateway::UNREACHABLE {
            return Err(DeskError::Broken(
                "a message names an unknown template",
                None,
            ));
        }
        let number = match message.ticket {
            None => None,
            Some(id) => {
                let found = self.db.read_in(&Scope::System, |conn| {
                    tickets::find(conn, &Scope::System, &TicketRef::Id(id))
                })?;
                Some(found.ok_or(DeskError::NotFound)?.0.number)
            }
        };
        let number = number.as_ref().map(|number| number.as_str());
        Ok(TextMessage {
            id: message.id.uuid(),
            to: message.recipient.clone(),
            text: text_gateway::unreachable_text(number, message.lang),
        })
    }

    /// Keeps a message that will never leave, with the reason, and says so on the ticket whose
    /// requester was not reached (`domain.md` D-7).
    pub fn give_up(&self, message: Outgoing, reason: String) -> Result<(), DeskError> {
        tracing::warn!(message.id = %message.id, reason, "a message is given up");
        let desk = self.clone();
        let park = move |conn: &mut DbConnection| {
            if !outbox::park(conn, &message, &reason)? {
                return Ok(());
            }
            let is_for_requester = message.account.is_none() && message.channel != Channel::Webhook;
            let Some(id) = message.ticket.filter(|_| is_for_requester) else {
                return Ok(());
            };
            let found = tickets::find(conn, &Scope::System, &TicketRef::Id(id))?;
            let (mut ticket, dossier) = found.ok_or(DeskError::NotFound)?;
            // On a closed ticket nobody works any more: there the list alone shows it.
            if ticket.state.code().is_final() {
                return Ok(());
            }
            let command = Command::ReportUndelivered {
                message: message.id,
            };
            let now = desk.clock.now();
            desk.apply(conn, &mut ticket, &dossier, &command, &Actor::System, now)?;
            Ok(())
        };
        self.by_itself("message", || self.db.write_in(&Scope::System, park))
    }

    fn compose(&self, message: &Outgoing) -> Result<MailMessage, DeskError> {
        let named = MailTemplate::from_code(&message.template).ok_or(DeskError::Broken(
            "a message names an unknown template",
            None,
        ))?;
        let (template, context, own) = self.db.read_snapshot_in(&Scope::System, |conn| {
            let template = self.as_settings_say(conn, message, named)?;
            let context = self.mail_context(conn, message, template)?;
            let own = self.own_words(conn, template, message.lang, context.desk.as_ref())?;
            Ok::<_, DeskError>((template, context, own))
        })?;
        let mail = texts::render_own_or_standard(template, message.lang, own, &context)
            .map_err(|error| DeskError::broken("a mail text", error))?;
        Ok(MailMessage {
            id: message.id.uuid(),
            to: message.recipient.clone(),
            subject: mail.subject,
            body: mail.body,
            html: mail.html,
            lang: message.lang,
            at: self.clock.now(),
        })
    }

    /// Where an authority wants nothing of a note in mails, they only point to it.
    fn as_settings_say(
        &self,
        conn: &mut DbConnection,
        message: &Outgoing,
        template: MailTemplate,
    ) -> Result<MailTemplate, DeskError> {
        let is_of_request = !template.is_about_complaint() && !template.is_about_rights();
        let tells_a_note = is_of_request && template.needs().contains(&Placeholder::Note);
        let Some(desk) = message.desk.as_ref().filter(|_| tells_a_note) else {
            return Ok(template);
        };
        Ok(match self.notification_settings(conn, desk)?.pointer_only {
            true => MailTemplate::Pointer,
            false => template,
        })
    }

    fn mail_context(
        &self,
        conn: &mut DbConnection,
        message: &Outgoing,
        template: MailTemplate,
    ) -> Result<MailContext, DeskError> {
        if template.is_about_complaint() {
            return self.complaint_mail_context(conn, message, template);
        }
        if template.is_about_rights() {
            return self.rights_mail_context(conn, message, template);
        }
        let mut context = MailContext::default();
        if let Some(proof) = message.proof {
            let rules = &self.settings.email_proof;
            context.code = Some(self.secrets.one_time_code(proof, rules.digits));
            context.minutes = u32::try_from(rules.life.as_mins()).ok();
            return Ok(context);
        }
        if let Some(client) = message.client {
            let client = clients::find(conn, client)?.ok_or(DeskError::NotFound)?;
            context.service_label = Some(client.label);
            context.closes_on = Some(self.day_for_people(client.expires_at));
            return Ok(context);
        }
        if let (Some(payload), MailTemplate::BreakGlass) = (&message.payload, template) {
            context.items = Some(self.grant_lines(conn, payload, message.lang)?);
            return Ok(context);
        }
        if let Some(payload) = &message.payload {
            context.items = Some(self.digest_lines(conn, payload, message.lang)?);
            return Ok(context);
        }
        if let Some(account) = message.account.filter(|_| message.ticket.is_none()) {
            return self.account_mail_context(conn, account, message.issue);
        }
        let id = message
            .ticket
            .ok_or(DeskError::Broken("a message is about nothing", None))?;
        let (ticket, dossier) =
            tickets::find(conn, &Scope::System, &TicketRef::Id(id))?.ok_or(DeskError::NotFound)?;
        let lang = message.lang;
        context.desk = Some(ticket.custodian.code.clone());
        context.number = Some(ticket.number.to_string());
        context.service_label = Some(
            self.service_label(ticket.service.as_str())
                .label
                .to(lang)
                .to_owned(),
        );
        // A member of staff is told where to look by their own program, and nothing of what was said.
        if message.account.is_some() {
            return Ok(context);
        }
        context.tracking_link = Some(match is_mailed(dossier.requester) {
            true => self.tracking_link(&ticket),
            // Whoever has a national identity shows it there, and needs no secret.
            false => self.settings.delivery.portal_url.clone(),
        });
        if let State::Resolved { closes_at, .. } = ticket.state {
            context.closes_on = Some(self.day_for_people(closes_at));
        }
        if let Some(seq) = message.seq {
            let page = history::list_entries(conn, id, View::Region, None, Some(seq + 1), 1)?;
            let entry = page.into_iter().next();
            context.note = entry
                .as_ref()
                .filter(|entry| entry.seq == seq)
                .and_then(|entry| entry.note.as_ref())
                .filter(|note| note.audience == Audience::Citizen)
                .map(|note| note.body.clone());
            match entry.map(|entry| entry.change) {
                Some(Change::Rerouted { to, .. }) => {
                    context.authority_label =
                        Some(self.authority_label(&to).label.to(lang).to_owned());
                }
                Some(Change::Removed {
                    duplicate_of: Some(survivor),
                    ..
                }) => {
                    context.survivor_number = Some(survivor.to_string());
                }
                Some(Change::ReviewRequested { desk, due_at }) => {
                    let label = self.authority_label(&desk).label;
                    context.authority_label = Some(label.to(lang).to_owned());
                    context.closes_on = Some(self.day_for_people(due_at));
                }
                Some(Change::Resolved { closes_at, .. }) => {
                    context.closes_on = Some(self.day_for_people(closes_at))
                }
                _ => {}
            }
            // A reminder repeats the question it reminds of.
            if template == MailTemplate::InfoReminder && context.note.is_none() {
                context.note = self.open_question(conn, id)?;
            }
        }
        Ok(context)
    }

    /// A message about an account names no person and no place: a code, a day.
    fn account_mail_context(
        &self,
        conn: &mut DbConnection,
        account: AccountId,
        issue: Option<IssueId>,
    ) -> Result<MailContext, DeskError> {
        let life = lives::find(conn, account)?.ok_or(DeskError::NotFound)?;
        let issue = match issue {
            Some(id) => credentials::find_issue_by_id(conn, id)?,
            None => None,
        };
        let end = issue
            .as_ref()
            .map(|issue| issue.expires_at)
            .or(life.must_change_by);
        Ok(MailContext {
            code: issue.map(|issue| self.secrets.security_code(issue.id)),
            link: Some(self.settings.accounts.activation_url.clone()),
            closes_on: end.map(|end| self.day_for_people(end)),
            ..MailContext::default()
        })
    }

    fn open_question(
        &self,
        conn: &mut DbConnection,
        id: domain::ids::TicketId,
    ) -> Result<Option<String>, DeskError> {
        let entries = history::list_entries(conn, id, View::Requester, None, None, 100)?;
        let question = entries
            .into_iter()
            .find(|entry| matches!(entry.change, Change::InfoRequested));
        Ok(question.and_then(|entry| entry.note).map(|note| note.body))
    }

    /// The link that opens the ticket: number and secret in the fragment, which no server sees.
    fn tracking_link(&self, ticket: &domain::ticket::Ticket) -> String {
        let secret = self.secrets.tracking_secret(ticket.id);
        format!(
            "{}#number={}&secret={secret}",
            self.settings.tracking_url, ticket.number
        )
    }

    pub(crate) fn day_for_people(&self, at: Timestamp) -> String {
        at.to_zoned(self.settings.time_zone.clone())
            .strftime("%d/%m/%Y")
            .to_string()
    }
}

//! Words kept ready for notes, offered where they fit a ticket and counted when they are used.
//!
//! Invariant: a template is a help for whoever writes and no way around a rule; the note is checked
//! like any other, and its reader must be the one that the words were written for.

use domain::actor::Staff;
use domain::command::ActionCode;
use domain::ids::{ReplyTemplateId, TicketRef};
use domain::invalid::{Invalid, Lang};
use domain::note::Audience;
use domain::text::NOTE_MAX_CHARS;
use domain::ticket::Ticket;
use domain::visibility::Scope;
use jiff::Timestamp;
use storage::DbConnection;
use storage::reply_templates::{self, Content, Order, ReplyTemplate};
use storage::tickets::{self, Dossier};

use crate::action_form::{CheckedAction, not_in_list};
use crate::labels::reply_end;
use crate::reply_templates::MOST_KEPT;
use crate::texts::{MailContext, replies};
use crate::{Desk, DeskError};

/// A template that fits a ticket now, with the ticket's values in it.
#[derive(Debug, Clone)]
pub struct FittingTemplate {
    /// The template.
    pub template: ReplyTemplate,
    /// The actions it goes with that are allowed now.
    pub actions: Vec<ActionCode>,
    /// In which language it is.
    pub lang: Lang,
    /// Its words.
    pub text: String,
    /// What is to be filled in by hand.
    pub blanks: Vec<String>,
}

impl FittingTemplate {
    /// Characters of its words.
    pub fn length(&self) -> usize {
        self.text.chars().count()
    }

    /// Whether a note could not be so long.
    pub fn is_too_long(&self) -> bool {
        self.length() > NOTE_MAX_CHARS
    }
}

impl Desk {
    /// The templates that fit a ticket as it stands, the most used first.
    pub fn list_fitting_templates(
        &self,
        staff: &Staff,
        wanted: &TicketRef,
        lang: Lang,
    ) -> Result<Vec<FittingTemplate>, DeskError> {
        let (now, scope) = (self.clock.now(), Scope::of(staff));
        let (ticket, dossier, templates) = self.db.read_snapshot_in(&scope, |conn| {
            let found = tickets::find(conn, &scope, wanted)?;
            let (ticket, dossier) = found.ok_or(DeskError::NotFound)?;
            let (desk, most) = (&staff.authority, 2 * MOST_KEPT);
            let all = reply_templates::list(conn, desk, false, Order::MostUsed(None), most)?;
            Ok::<_, DeskError>((ticket, dossier, all))
        })?;
        let windows = self.settings.windows_for(&ticket);
        let allowed = ticket.allowed_actions(staff, now, windows);
        let mut fitting = Vec::new();
        for template in templates {
            let actions = actions_now(&template.content, &ticket, &allowed);
            if !actions.is_empty() {
                fitting.push(self.fill_template(template, actions, &ticket, &dossier, lang, now)?);
            }
        }
        Ok(fitting)
    }

    fn fill_template(
        &self,
        template: ReplyTemplate,
        actions: Vec<ActionCode>,
        ticket: &Ticket,
        dossier: &Dossier,
        lang: Lang,
        now: Timestamp,
    ) -> Result<FittingTemplate, DeskError> {
        // Colleagues read the language of whoever asks, the requester their own.
        let lang = match template.content.audience {
            Audience::Citizen => dossier.details.lang,
            _ => lang,
        };
        let windows = self.settings.windows_for(ticket);
        let as_if_resolved = now.checked_add(windows.reply).unwrap_or(now);
        let closes_at = reply_end(ticket).unwrap_or(as_if_resolved);
        let service = self.service_label(ticket.service.as_str()).label;
        let authority = self.authority_label(&ticket.custodian.code).label;
        let values = MailContext {
            number: Some(ticket.number.to_string()),
            service_label: Some(service.to(lang).to_owned()),
            authority_label: Some(authority.to(lang).to_owned()),
            today: Some(self.day_for_people(now)),
            closes_on: Some(self.day_for_people(closes_at)),
            ..MailContext::default()
        };
        let body = template.content.body.to(lang);
        let text = replies::fill(body, &values);
        let text = text.ok_or(DeskError::Broken("a reply template cannot be filled", None))?;
        Ok(FittingTemplate {
            blanks: replies::blanks(body),
            template,
            actions,
            lang,
            text,
        })
    }
}

/// The actions a template goes with on this ticket now; none if it does not fit.
fn actions_now(content: &Content, ticket: &Ticket, allowed: &[ActionCode]) -> Vec<ActionCode> {
    let service = content.service.as_ref();
    let problem_type = content.problem_type.as_ref();
    let fits = service.is_none_or(|code| *code == ticket.service)
        && problem_type.is_none_or(|code| *code == ticket.problem_type)
        && (content.states.is_empty() || content.states.contains(&ticket.state.code()));
    let actions = content.actions.iter().copied();
    match fits {
        true => actions.filter(|one| allowed.contains(one)).collect(),
        false => Vec::new(),
    }
}

impl CheckedAction {
    /// Counts a use of the template that the action names, in the transaction of the action; its
    /// audience is then the one that the note must have.
    pub(crate) fn use_template(
        &mut self,
        conn: &mut DbConnection,
        staff: &Staff,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        let Some(named) = &self.template else {
            return Ok(());
        };
        let unknown = || DeskError::field(not_in_list().at("/reply_template"));
        let id = named.parse::<ReplyTemplateId>().map_err(|_| unknown())?;
        let template = reply_templates::find(conn, &staff.authority, id)?.ok_or_else(unknown)?;
        let mut errors = Vec::new();
        let audience = template.content.audience;
        let is_for_others = self.expected.is_some_and(|expected| expected != audience);
        if !template.content.actions.contains(&self.action()) || is_for_others {
            let invalid = Invalid::new(
                "not-allowed",
                "Questo testo non è per questa azione o per questi destinatari",
                "these words are not for this action, or not for this audience",
            );
            errors.push(invalid.at("/reply_template"));
        }
        match &self.note {
            None => errors.push(Invalid::required().at("/note")),
            Some((body, _)) if !replies::blanks(body).is_empty() => {
                let invalid = Invalid::new(
                    "unfilled-gap",
                    "Completa ciò che è tra doppie parentesi quadre",
                    "fill in what stands between double square brackets",
                );
                errors.push(invalid.at("/note/body"));
            }
            Some(_) => {}
        }
        if !errors.is_empty() {
            return Err(DeskError::Invalid(errors));
        }
        self.expected = Some(audience);
        Ok(reply_templates::count_use(conn, id, now)?)
    }
}

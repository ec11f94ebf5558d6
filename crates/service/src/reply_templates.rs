//! Words that desks keep ready for notes: written by who leads a desk, offered where they fit, and
//! counted when a note is written with them.
//!
//! An authority uses its own and those that the region shares. Invariant: a template is a help for
//! whoever writes and no way around a rule; the note is checked like any other, and its reader must be
//! the one that the words were written for.

use domain::actor::Staff;
use domain::codes::{ProblemTypeCode, ServiceCode};
use domain::command::ActionCode;
use domain::ids::{ReplyTemplateId, TicketRef};
use domain::invalid::{FieldError, Invalid, Lang, Text};
use domain::lifecycle::readers_of;
use domain::note::Audience;
use domain::permissions::{Reach, Right, reach};
use domain::state::StateCode;
use domain::text::NOTE_MAX_CHARS;
use domain::ticket::Ticket;
use domain::visibility::Scope;
use jiff::Timestamp;
use storage::reply_templates::{self, Content};
use storage::tickets::{self, Dossier};
use storage::{DbConnection, StoreError};

pub use storage::reply_templates::{Order, ReplyTemplate};

use crate::action_form::{CheckedAction, not_in_list};
use crate::labels::reply_end;
use crate::once::{Answer, Once};
use crate::texts::{MailContext, replies};
use crate::{Desk, DeskError};

/// Templates that a desk keeps: no list of those that fit a ticket is longer than twice that.
pub const MOST_KEPT: i64 = 200;

/// A template as it was sent: codes read, their meaning not yet checked.
#[derive(Debug, Clone)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct ReplyTemplateForm {
    pub is_shared: bool,
    pub service_code: Option<String>,
    pub problem_type: Option<String>,
    pub states: Vec<StateCode>,
    pub actions: Vec<ActionCode>,
    pub audience: Audience,
    pub label: Text,
    pub body: Text,
}

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
    /// Adds a template to those of the caller's desk.
    pub fn add_reply_template(
        &self,
        staff: &Staff,
        form: ReplyTemplateForm,
        once: &Once,
    ) -> Result<Answer<ReplyTemplate>, DeskError> {
        let content = self.check_template(staff, form)?;
        let (desk, staff) = (self.clone(), staff.clone());
        self.write_once(&Scope::Nothing, once, move |conn| {
            if reply_templates::count_to_add(conn, &staff.authority)? >= MOST_KEPT {
                let full = Invalid::new(
                    "too-many-items",
                    "L'ente ha già 200 testi pronti: ritirane uno",
                    "the desk has 200 reply templates already: retire one",
                );
                return Err(DeskError::field(full.at("")));
            }
            let now = desk.clock.now();
            let template = ReplyTemplate {
                id: ReplyTemplateId::new(desk.ids.uuid()),
                version: 1,
                desk: staff.authority,
                content,
                used_count: 0,
                last_used_at: None,
                author: staff.account,
                created_at: now,
                updated_at: now,
                retired_at: None,
            };
            reply_templates::insert(conn, &template)?;
            Ok(template)
        })
    }

    /// A page of the templates that the caller's desk uses, or of those it used.
    pub fn list_reply_templates(
        &self,
        staff: &Staff,
        retired: bool,
        order: Order,
        limit: i64,
    ) -> Result<Vec<ReplyTemplate>, DeskError> {
        Ok(self
            .db
            .read(|conn| reply_templates::list(conn, &staff.authority, retired, order, limit))?)
    }

    /// A template that the caller's desk uses.
    pub fn show_reply_template(
        &self,
        staff: &Staff,
        id: ReplyTemplateId,
    ) -> Result<ReplyTemplate, DeskError> {
        self.db
            .read(|conn| reply_templates::find(conn, &staff.authority, id))?
            .ok_or(DeskError::NotFound)
    }

    /// Writes what a template of the caller's desk says from now on, seen at a version.
    pub fn change_reply_template(
        &self,
        staff: &Staff,
        id: ReplyTemplateId,
        seen: i64,
        form: ReplyTemplateForm,
    ) -> Result<ReplyTemplate, DeskError> {
        let content = self.check_template(staff, form)?;
        self.save_template(staff, id, seen, move |template, _| {
            template.content = content;
        })
    }

    /// Retires a template of the caller's desk, seen at a version: nobody uses it any more.
    pub fn retire_reply_template(
        &self,
        staff: &Staff,
        id: ReplyTemplateId,
        seen: i64,
    ) -> Result<(), DeskError> {
        self.save_template(staff, id, seen, |template, now| {
            template.retired_at = Some(now);
        })
        .map(|_| ())
    }

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

    fn save_template(
        &self,
        staff: &Staff,
        id: ReplyTemplateId,
        seen: i64,
        change: impl FnOnce(&mut ReplyTemplate, Timestamp) + Send + 'static,
    ) -> Result<ReplyTemplate, DeskError> {
        let (desk, staff) = (self.clone(), staff.clone());
        self.db.write(move |conn| {
            let now = desk.clock.now();
            let found = reply_templates::find(conn, &staff.authority, id)?;
            let mut template = found.ok_or(DeskError::NotFound)?;
            // What the region shares is the region's to change.
            if template.desk != staff.authority {
                return Err(DeskError::Forbidden);
            }
            let stale = |current| DeskError::Stale { current };
            if template.version != seen {
                return Err(stale(template.version));
            }
            change(&mut template, now);
            template.version = seen + 1;
            template.author = staff.account;
            template.updated_at = now;
            match reply_templates::save(conn, &template, seen) {
                Err(StoreError::Stale) => Err(stale(
                    reply_templates::find(conn, &staff.authority, id)?
                        .ok_or(DeskError::NotFound)?
                        .version,
                )),
                other => Ok(other.map(|()| template)?),
            }
        })
    }

    fn check_template(&self, staff: &Staff, form: ReplyTemplateForm) -> Result<Content, DeskError> {
        let mut errors: Vec<FieldError> = Vec::new();
        let is_of_region = reach(staff.role, Right::KeepReplyTemplates) == Reach::Region;
        if form.is_shared && !is_of_region {
            let invalid = Invalid::new(
                "own-authority-only",
                "Solo la regione condivide testi con tutti gli enti",
                "the region alone shares words with every authority",
            );
            errors.push(invalid.at("/is_shared"));
        }
        let (service, problem_type) = self.check_subject(&form, &mut errors);
        if form.actions.is_empty() {
            errors.push(Invalid::required().at("/actions"));
        }
        for (at, action) in form.actions.iter().enumerate() {
            if !readers_of(*action).contains(&form.audience) {
                let invalid = Invalid::new(
                    "audience-mismatch",
                    "La nota di questa azione non è letta da questi destinatari",
                    "the note of this action is not read by this audience",
                );
                errors.push(invalid.at(format!("/actions/{at}")));
            }
        }
        let mut words = |lang: Lang| {
            let checked = replies::check(form.body.to(lang));
            let pointer = format!("/body/{}", lang.code());
            checked.unwrap_or_else(|found| {
                errors.extend(found.into_iter().map(|error| error.at(pointer.clone())));
                String::new()
            })
        };
        let body = Text::owned(words(Lang::It), words(Lang::En));
        if !errors.is_empty() {
            return Err(DeskError::Invalid(errors));
        }
        Ok(Content {
            is_shared: form.is_shared,
            service,
            problem_type,
            states: form.states,
            actions: form.actions,
            audience: form.audience,
            label: form.label,
            body,
        })
    }

    /// The service and the problem type that a template is for.
    fn check_subject(
        &self,
        form: &ReplyTemplateForm,
        errors: &mut Vec<FieldError>,
    ) -> (Option<ServiceCode>, Option<ProblemTypeCode>) {
        let known = form.service_code.as_deref();
        let known = known.map(|code| self.reference.service_any(code));
        if known.is_some_and(|found| found.is_none()) {
            errors.push(not_in_list().at("/service_code"));
        }
        let service = known.flatten();
        let problem_type = form.problem_type.as_deref().and_then(|code| {
            let found = service.and_then(|service| service.problem_type_any(code));
            match (form.service_code.is_some(), found) {
                (false, _) => errors.push(Invalid::required().at("/service_code")),
                // Nothing is known of the types of a service that does not exist.
                (true, None) if service.is_some() => {
                    errors.push(not_in_list().at("/problem_type"));
                }
                _ => {}
            }
            found.map(|found| found.code.clone())
        });
        (service.map(|service| service.code.clone()), problem_type)
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

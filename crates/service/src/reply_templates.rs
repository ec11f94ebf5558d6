//! Words that desks keep ready for notes: written by who leads a desk, used by all who work there.
//!
//! An authority uses its own and those that the region shares. Invariant: what is kept has gaps that
//! are known, and goes with actions whose notes are read by whom it was written for.

use domain::actor::Staff;
use domain::codes::{ProblemTypeCode, ServiceCode};
use domain::command::ActionCode;
use domain::ids::ReplyTemplateId;
use domain::invalid::{FieldError, Invalid, Lang, Text};
use domain::lifecycle::readers_of;
use domain::note::Audience;
use domain::permissions::{Reach, Right, reach};
use domain::state::StateCode;
use domain::visibility::Scope;
use jiff::Timestamp;
use storage::StoreError;
use storage::reply_templates::{self, Content};

pub use storage::reply_templates::{Order, ReplyTemplate};

use crate::action_form::not_in_list;
use crate::once::{Answer, Once};
use crate::texts::replies;
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

//! Entering and reading what is promised. A version is never changed: another takes over, for the legs
//! that open from then on (`domain.md` §10.6).

use domain::actor::Staff;
use domain::codes::{AuthorityCode, CalendarCode, ServiceCode};
use domain::ids::SlaPolicyId;
use domain::invalid::{FieldError, Invalid};
use domain::sla::{AppliesTo, DeskKind, Policy, Targets, WorkingTime};
use domain::visibility::Scope;
use jiff::Timestamp;
use jiff::civil::Date;
use storage::{DbConnection, dialect, sla_policies};

use crate::action_form::not_in_list;
use crate::labels::Labelled;
use crate::once::{Answer, Once};
use crate::{Desk, DeskError};

/// A version as it was sent.
#[derive(Debug, Clone, Default)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct PolicyForm {
    pub desk_kind: String,
    pub authority_code: Option<String>,
    pub service_code: Option<String>,
    pub label: String,
    pub owner_body: String,
    pub approved_on: String,
    pub valid_from: String,
    pub valid_to: Option<String>,
    pub calendar: Option<String>,
    pub formula: String,
    pub take_charge: String,
    pub first_response: String,
    pub resolution: String,
    pub escalate_after: String,
}

/// A form that passed every check but the one of time.
struct CheckedPolicy {
    applies_to: AppliesTo,
    approved_on: Date,
    valid_from: Date,
    valid_to: Option<Date>,
    calendar: Option<CalendarCode>,
    targets: Targets,
}

impl Desk {
    /// Every version of every policy, the newest first within each.
    pub fn list_sla_policies(&self) -> Result<Vec<Policy>, DeskError> {
        Ok(self.db.read(sla_policies::list)?)
    }

    /// Enters the next version of a policy. It may hold from today, for the legs that open from now on,
    /// but from no earlier day: that would change the past.
    pub fn add_sla_policy(
        &self,
        staff: &Staff,
        form: PolicyForm,
        once: &Once,
    ) -> Result<Answer<SlaPolicyId>, DeskError> {
        let (desk, account) = (self.clone(), staff.account);
        self.write_once(&Scope::Nothing, once, move |conn| {
            let now = desk.clock.now();
            let checked = desk.check_policy(&form, desk.day_of(now))?;
            dialect::follow_each_other(conn, "sla-policies").map_err(storage::StoreError::from)?;
            let policy = Policy {
                id: SlaPolicyId::new(desk.ids.uuid()),
                version: sla_policies::last_version(conn, &checked.applies_to)? + 1,
                in_force_from: desk.beginning_of(checked.valid_from).max(now),
                applies_to: checked.applies_to,
                label: form.label,
                owner_body: form.owner_body,
                approved_on: Some(checked.approved_on),
                valid_from: checked.valid_from,
                valid_to: checked.valid_to,
                calendar: checked.calendar,
                formula: form.formula,
                targets: checked.targets,
                created_at: now,
                created_by: Some(account),
            };
            sla_policies::insert(conn, &policy)?;
            Ok(policy.id)
        })
    }

    /// The version with this id.
    pub fn show_sla_policy(&self, id: SlaPolicyId) -> Result<Policy, DeskError> {
        let all = self.list_sla_policies()?;
        let found = all.into_iter().find(|policy| policy.id == id);
        found.ok_or(DeskError::NotFound)
    }

    /// What a policy is for, for people.
    pub fn policy_labels(&self, applies_to: &AppliesTo) -> (Option<Labelled>, Option<Labelled>) {
        let authority = applies_to.authority.as_ref();
        let service = applies_to.service.as_ref();
        (
            authority.map(|code| self.authority_label(code)),
            service.map(|code| self.service_label(code.as_str())),
        )
    }

    /// Brings the policies an installation begins with into the database, once.
    pub(crate) fn write_first_policies(&self) -> Result<(), DeskError> {
        let now = self.clock.now();
        let beginning = Timestamp::UNIX_EPOCH;
        let policies: Vec<Policy> = self
            .reference
            .first_policies()
            .iter()
            .map(|first| Policy {
                id: SlaPolicyId::new(self.ids.uuid()),
                version: 1,
                applies_to: AppliesTo {
                    desk_kind: first.desk_kind,
                    authority: None,
                    service: None,
                },
                label: first.label.clone(),
                owner_body: first.owner_body.clone(),
                approved_on: None,
                valid_from: self.day_of(beginning),
                valid_to: None,
                in_force_from: beginning,
                calendar: None,
                formula: first.formula.clone(),
                targets: first.targets,
                created_at: now,
                created_by: None,
            })
            .collect();
        self.db.write(move |conn: &mut DbConnection| {
            for policy in &policies {
                sla_policies::insert_if_absent(conn, policy)?;
            }
            Ok(())
        })
    }

    /// The first instant of a day where the installation is.
    pub(crate) fn beginning_of(&self, day: Date) -> Timestamp {
        let midnight = day.to_zoned(self.settings.time_zone.clone());
        midnight.map_or(Timestamp::MAX, |midnight| midnight.timestamp())
    }

    fn check_policy(&self, form: &PolicyForm, today: Date) -> Result<CheckedPolicy, DeskError> {
        let mut errors = Vec::new();
        let applies_to = self.check_applies_to(form, &mut errors);
        let approved_on = day(&form.approved_on, "/approved_on", &mut errors);
        if approved_on.is_some_and(|day| day > today) {
            errors.push(not_approved_yet().at("/approved_on"));
        }
        let valid_from = day(&form.valid_from, "/valid_from", &mut errors);
        if valid_from.is_some_and(|day| day < today) {
            errors.push(changes_the_past().at("/valid_from"));
        }
        let valid_to = form
            .valid_to
            .as_deref()
            .and_then(|text| day(text, "/valid_to", &mut errors));
        if valid_to.zip(valid_from).is_some_and(|(to, from)| to < from) {
            errors.push(ends_too_early().at("/valid_to"));
        }
        let calendar = form.calendar.as_deref().and_then(|code| {
            let known = self
                .reference
                .calendar(code)
                .map(|entry| entry.code.clone());
            if known.is_none() {
                errors.push(not_in_list().at("/calendar"));
            }
            known
        });
        for (text, pointer) in [
            (&form.label, "/label"),
            (&form.owner_body, "/owner_body"),
            (&form.formula, "/formula"),
        ] {
            if text.trim().is_empty() {
                errors.push(Invalid::required().at(pointer));
            }
        }
        let mut time = |text: &str, pointer: &str| {
            let time = WorkingTime::parse(text);
            if time.is_none() {
                errors.push(no_working_time().at(pointer));
            }
            time
        };
        let take_charge = time(&form.take_charge, "/targets/take_charge");
        let first_response = time(&form.first_response, "/targets/first_response");
        let resolution = time(&form.resolution, "/targets/resolution");
        let escalate_after = time(&form.escalate_after, "/targets/escalate_after");
        let checked = || {
            Some(CheckedPolicy {
                applies_to: applies_to?,
                approved_on: approved_on?,
                valid_from: valid_from?,
                valid_to,
                calendar,
                targets: Targets {
                    take_charge: take_charge?,
                    first_response: first_response?,
                    resolution: resolution?,
                    escalate_after: escalate_after?,
                },
            })
        };
        match (errors.is_empty(), checked()) {
            (true, Some(checked)) => Ok(checked),
            _ => Err(DeskError::Invalid(errors)),
        }
    }

    fn check_applies_to(
        &self,
        form: &PolicyForm,
        errors: &mut Vec<FieldError>,
    ) -> Option<AppliesTo> {
        let desk_kind = DeskKind::from_code(&form.desk_kind);
        if desk_kind.is_none() {
            errors.push(not_in_list().at("/desk_kind"));
        }
        let region = self.reference.region();
        let is_of_kind = |code: &AuthorityCode| match desk_kind {
            Some(DeskKind::Region) => code == region,
            Some(DeskKind::Authority) | None => code != region,
        };
        let authority = form.authority_code.as_deref().and_then(|code| {
            let known = self
                .reference
                .authority_any(code)
                .map(|one| one.code.clone());
            let known = known.filter(is_of_kind);
            if known.is_none() {
                errors.push(not_in_list().at("/authority_code"));
            }
            known
        });
        let service = form.service_code.as_deref().and_then(|code| {
            let known: Option<ServiceCode> =
                self.reference.service_any(code).map(|one| one.code.clone());
            if known.is_none() {
                errors.push(not_in_list().at("/service_code"));
            }
            known
        });
        Some(AppliesTo {
            desk_kind: desk_kind?,
            authority,
            service,
        })
    }
}

fn day(text: &str, pointer: &str, errors: &mut Vec<FieldError>) -> Option<Date> {
    // The parser takes a time after the day, too.
    let day = (text.len() == 10).then(|| text.parse().ok()).flatten();
    if day.is_none() {
        errors.push(
            Invalid::new(
                "invalid-format",
                "Una data come 2026-12-01",
                "a date such as 2026-12-01 is expected",
            )
            .at(pointer),
        );
    }
    day
}

const fn changes_the_past() -> Invalid {
    Invalid::new(
        "changes-the-past",
        "Una politica vale da oggi in poi: le versioni non cambiano il passato",
        "a policy holds from today on: versions never change the past",
    )
}

const fn not_approved_yet() -> Invalid {
    Invalid::new(
        "in-the-future",
        "La data di approvazione è nel futuro",
        "the day of the approval is in the future",
    )
}

const fn ends_too_early() -> Invalid {
    Invalid::new(
        "out-of-range",
        "Finisce prima di iniziare",
        "it ends before it begins",
    )
}

const fn no_working_time() -> Invalid {
    Invalid::new(
        "invalid-format",
        "Un tempo di lavoro come P2D o PT4H, fino a P366D",
        "a working time such as P2D or PT4H is expected, up to P366D",
    )
}

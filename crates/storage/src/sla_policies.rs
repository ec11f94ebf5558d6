//! SLA policies, version by version. Append-only: there is no function here that updates or deletes
//! one, and triggers on both databases refuse it.

use diesel::prelude::*;
use domain::codes::{AuthorityCode, CalendarCode, ServiceCode};
use domain::ids::{AccountId, SlaPolicyId};
use domain::sla::{AppliesTo, DeskKind, Policy, Targets, WorkingTime};
use jiff::civil::Date;

use crate::schema::sla_policies;
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, dialect, settled};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = sla_policies, treat_none_as_default_value = false)]
struct PolicyRow {
    id: Id,
    desk_kind: String,
    authority_code: String,
    service_code: String,
    version: i32,
    label: String,
    owner_body: String,
    approved_on: Option<String>,
    valid_from: String,
    valid_to: Option<String>,
    in_force_from: Ts,
    calendar: Option<String>,
    formula: String,
    take_charge: String,
    first_response: String,
    resolution: String,
    escalate_after: String,
    created_at: Ts,
    created_by: Option<Id>,
}

impl From<&Policy> for PolicyRow {
    fn from(policy: &Policy) -> Self {
        let (authority_code, service_code) = key(&policy.applies_to);
        PolicyRow {
            id: Id(policy.id.uuid()),
            desk_kind: policy.applies_to.desk_kind.as_str().to_owned(),
            authority_code,
            service_code,
            version: policy.version,
            label: policy.label.clone(),
            owner_body: policy.owner_body.clone(),
            approved_on: policy.approved_on.map(|day| day.to_string()),
            valid_from: policy.valid_from.to_string(),
            valid_to: policy.valid_to.map(|day| day.to_string()),
            in_force_from: Ts(policy.in_force_from),
            calendar: policy.calendar.as_ref().map(ToString::to_string),
            formula: policy.formula.clone(),
            take_charge: policy.targets.take_charge.to_string(),
            first_response: policy.targets.first_response.to_string(),
            resolution: policy.targets.resolution.to_string(),
            escalate_after: policy.targets.escalate_after.to_string(),
            created_at: Ts(policy.created_at),
            created_by: policy.created_by.map(|account| Id(account.uuid())),
        }
    }
}

/// Authority and service as columns keep them: empty for all.
fn key(applies_to: &AppliesTo) -> (String, String) {
    let authority = applies_to.authority.as_ref().map(ToString::to_string);
    let service = applies_to.service.as_ref().map(ToString::to_string);
    (authority.unwrap_or_default(), service.unwrap_or_default())
}

/// Adds a version. `UniqueViolation` if it has been added meanwhile.
pub fn insert(conn: &mut DbConnection, policy: &Policy) -> Result<(), StoreError> {
    settled::forget();
    diesel::insert_into(sla_policies::table)
        .values(PolicyRow::from(policy))
        .execute(conn)?;
    Ok(())
}

/// Adds a version unless there is one with its number for the same desks and service.
pub fn insert_if_absent(conn: &mut DbConnection, policy: &Policy) -> Result<(), StoreError> {
    settled::forget();
    let insert = diesel::insert_into(sla_policies::table).values(PolicyRow::from(policy));
    dialect::insert_if_absent(
        insert,
        &["desk_kind", "authority_code", "service_code", "version"],
    )
    .execute(conn)?;
    Ok(())
}

/// The highest version for these desks and this service; 0 if there is none.
pub fn last_version(conn: &mut DbConnection, applies_to: &AppliesTo) -> Result<i32, StoreError> {
    let (authority, service) = key(applies_to);
    let last: Option<i32> = sla_policies::table
        .filter(sla_policies::desk_kind.eq(applies_to.desk_kind.as_str()))
        .filter(sla_policies::authority_code.eq(authority))
        .filter(sla_policies::service_code.eq(service))
        .select(diesel::dsl::max(sla_policies::version))
        .first(conn)?;
    Ok(last.unwrap_or_default())
}

/// Every version of every policy, the newest first within each.
pub fn list(conn: &mut DbConnection) -> Result<Vec<Policy>, StoreError> {
    let rows: Vec<PolicyRow> = sla_policies::table
        .order((
            sla_policies::desk_kind.asc(),
            sla_policies::authority_code.asc(),
            sla_policies::service_code.asc(),
            sla_policies::version.desc(),
        ))
        .select(PolicyRow::as_select())
        .load(conn)?;
    rows.into_iter().map(PolicyRow::into_domain).collect()
}

impl PolicyRow {
    fn into_domain(self) -> Result<Policy, StoreError> {
        let id = self.id.0;
        let corrupt = |column: &'static str| StoreError::Corrupt {
            table: "sla_policies",
            id: id.to_string(),
            column,
        };
        let day = |text: &str, column| text.parse::<Date>().map_err(|_| corrupt(column));
        let maybe_day = |text: &Option<String>, column| match text {
            Some(text) => day(text, column).map(Some),
            None => Ok(None),
        };
        let time = |text: &str, column| WorkingTime::parse(text).ok_or_else(|| corrupt(column));
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Ok(Policy {
            id: SlaPolicyId::new(id),
            version: self.version,
            applies_to: AppliesTo {
                desk_kind: DeskKind::from_code(&self.desk_kind)
                    .ok_or_else(|| corrupt("desk_kind"))?,
                authority: some(&self.authority_code).map(AuthorityCode::new),
                service: some(&self.service_code).map(ServiceCode::new),
            },
            approved_on: maybe_day(&self.approved_on, "approved_on")?,
            valid_from: day(&self.valid_from, "valid_from")?,
            valid_to: maybe_day(&self.valid_to, "valid_to")?,
            targets: Targets {
                take_charge: time(&self.take_charge, "take_charge")?,
                first_response: time(&self.first_response, "first_response")?,
                resolution: time(&self.resolution, "resolution")?,
                escalate_after: time(&self.escalate_after, "escalate_after")?,
            },
            label: self.label,
            owner_body: self.owner_body,
            in_force_from: self.in_force_from.0,
            calendar: self.calendar.map(CalendarCode::new),
            formula: self.formula,
            created_at: self.created_at.0,
            created_by: self.created_by.map(|account| AccountId::new(account.0)),
        })
    }
}

//! Who is away, and when: nothing is given to them meanwhile. Why is not asked, and cannot be told.

use domain::actor::Staff;
use domain::ids::{AbsenceId, AccountId};
use domain::invalid::Invalid;
use domain::permissions::{Right, has};
use domain::visibility::Scope;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use storage::absences::{self, Absence, Whose};
use storage::{DbConnection, accounts};

use crate::action_form::not_in_list;
use crate::once::{Answer, Once};
use crate::{Desk, DeskError};

/// Days on which somebody is to be away, checked but for what they have to do with each other.
#[derive(Debug, Clone)]
pub struct NewAbsence {
    /// Who; oneself, if nobody is named.
    pub account: Option<AccountId>,
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
}

/// Days on which somebody is away.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct AbsenceView {
    pub id: AbsenceId,
    pub account: AccountId,
    pub label: String,
    pub from: Date,
    pub to: Date,
    pub ended_at: Option<jiff::Timestamp>,
}

/// The most days from today that can be entered: longer is a placement that should end.
const MOST_DAYS: i32 = 366;

impl Desk {
    /// A page of absences, the latest first: those of the desk for who leads it, else one's own.
    pub fn list_absences(
        &self,
        staff: &Staff,
        after: Option<(Date, AbsenceId)>,
        limit: i64,
    ) -> Result<Vec<AbsenceView>, DeskError> {
        let whose = seen_by(staff);
        let found = self
            .db
            .read(|conn| absences::list(conn, &whose, after, limit))?;
        Ok(found.into_iter().map(view).collect())
    }

    /// Enters days on which oneself, or a colleague of the desk one leads, is away.
    pub fn add_absence(
        &self,
        staff: &Staff,
        new: NewAbsence,
        once: &Once,
    ) -> Result<Answer<AbsenceView>, DeskError> {
        let account = new.account.unwrap_or(staff.account);
        if account != staff.account && !has(staff.role, Right::KeepAssignment) {
            return Err(DeskError::Forbidden);
        }
        let (desk, staff) = (self.clone(), staff.clone());
        self.write_once(&Scope::Nothing, once, move |conn| {
            let now = desk.clock.now();
            let label = label_at_desk(conn, &staff, account)?;
            let today = desk.day_of(now);
            let latest = today.saturating_add(jiff::Span::new().days(MOST_DAYS));
            let mut errors = Vec::new();
            if label.is_none() {
                errors.push(not_in_list().at("/account_id"));
            }
            if new.to < new.from {
                errors.push(ends_before_it_begins().at("/to"));
            } else if new.to < today || new.to > latest {
                errors.push(not_within_a_year().at("/to"));
            }
            let Some(label) = label.filter(|_| errors.is_empty()) else {
                return Err(DeskError::Invalid(errors));
            };
            let absence = Absence {
                id: AbsenceId::new(desk.ids.uuid()),
                account,
                label,
                from: new.from,
                to: new.to,
                ended_at: None,
            };
            absences::insert(conn, &absence, staff.account, now)?;
            Ok(view(absence))
        })
    }

    /// Ends an absence now; one that was ended stays as it is.
    pub fn end_absence(&self, staff: &Staff, id: AbsenceId) -> Result<(), DeskError> {
        let (desk, whose, account) = (self.clone(), seen_by(staff), staff.account);
        self.db.write(move |conn| {
            let now = desk.clock.now();
            absences::find(conn, &whose, id)?.ok_or(DeskError::NotFound)?;
            Ok(absences::end(conn, id, account, now)?)
        })
    }
}

fn seen_by(staff: &Staff) -> Whose {
    match has(staff.role, Right::KeepAssignment) {
        true => Whose::Desk(staff.authority.clone()),
        false => Whose::Own(staff.account),
    }
}

/// The name of somebody whose absence can be entered: oneself, and who works tickets at the desk.
fn label_at_desk(
    conn: &mut DbConnection,
    staff: &Staff,
    account: AccountId,
) -> Result<Option<String>, DeskError> {
    if account == staff.account {
        return Ok(accounts::find_label(conn, account)?);
    }
    let colleagues = accounts::list_colleagues(conn, &staff.authority)?;
    let found = colleagues.into_iter().find(|one| one.account == account);
    Ok(found.map(|colleague| colleague.label))
}

fn view(absence: Absence) -> AbsenceView {
    AbsenceView {
        id: absence.id,
        account: absence.account,
        label: absence.label,
        from: absence.from,
        to: absence.to,
        ended_at: absence.ended_at,
    }
}

const fn ends_before_it_begins() -> Invalid {
    Invalid::new(
        "out-of-range",
        "Finisce prima di iniziare",
        "it ends before it begins",
    )
}

const fn not_within_a_year() -> Invalid {
    Invalid::new(
        "out-of-range",
        "L'ultimo giorno va da oggi a un anno da oggi",
        "the last day is from today on, and within a year",
    )
}

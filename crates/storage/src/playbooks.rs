//! Versions of playbooks: their texts, how far each is, and that it was tried out. A text is never
//! changed once it is here, which triggers on both databases refuse: tickets keep the versions they ran.

use diesel::prelude::*;
use domain::codes::PlaybookCode;
use domain::ids::AccountId;
use jiff::Timestamp;
use uuid::Uuid;

use crate::schema::{accounts, playbook_simulations, playbook_versions};
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, dialect};

/// How far a version is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VersionState {
    /// Proposed.
    Draft,
    /// Seen by a second person.
    Approved,
    /// In force; one version of a playbook at most.
    Active,
    /// In force no more, or never to be.
    Retired,
}

impl VersionState {
    /// Every state, in order.
    pub const ALL: [VersionState; 4] = [
        VersionState::Draft,
        VersionState::Approved,
        VersionState::Active,
        VersionState::Retired,
    ];

    /// The code in rows and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            VersionState::Draft => "draft",
            VersionState::Approved => "approved",
            VersionState::Active => "active",
            VersionState::Retired => "retired",
        }
    }

    /// The state with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        VersionState::ALL
            .into_iter()
            .find(|state| state.as_str() == code)
    }
}

/// Who took a step, and when; nobody for what the program itself brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: Option<AccountId>,
}

/// A version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaybookVersion {
    /// The playbook.
    pub code: PlaybookCode,
    /// From 1.
    pub version: i32,
    /// How far it is.
    pub state: VersionState,
    /// Its text, as it was written.
    pub definition: String,
    /// What its author says of it.
    pub comment: String,
    /// Proposed.
    pub created: Step,
    /// Approved.
    pub approved: Option<Step>,
    /// Put into force.
    pub activated: Option<Step>,
    /// Retired.
    pub retired: Option<Step>,
}

/// That a version was tried on what was decided before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulation {
    /// Its id.
    pub id: Uuid,
    /// The playbook.
    pub code: PlaybookCode,
    /// The version.
    pub version: i32,
    /// Tickets it was tried on.
    pub tried: i32,
    /// Those it would have decided differently.
    pub changed: i32,
    /// Who tried.
    pub by: AccountId,
    /// When.
    pub at: Timestamp,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = playbook_versions, treat_none_as_default_value = false)]
struct VersionRow {
    code: String,
    version: i32,
    state: String,
    definition: String,
    comment: String,
    created_at: Ts,
    created_by: Option<Id>,
    approved_at: Option<Ts>,
    approved_by: Option<Id>,
    activated_at: Option<Ts>,
    activated_by: Option<Id>,
    retired_at: Option<Ts>,
    retired_by: Option<Id>,
}

impl TryFrom<VersionRow> for PlaybookVersion {
    type Error = StoreError;

    fn try_from(row: VersionRow) -> Result<Self, StoreError> {
        let state = VersionState::from_code(&row.state).ok_or_else(|| StoreError::Corrupt {
            table: "playbook_versions",
            id: format!("{}/{}", row.code, row.version),
            column: "state",
        })?;
        let by = |id: Option<Id>| id.map(|id| AccountId::new(id.0));
        let step = |at: Option<Ts>, id| {
            at.map(|at| Step {
                at: at.0,
                by: by(id),
            })
        };
        Ok(PlaybookVersion {
            code: row.code.as_str().into(),
            version: row.version,
            state,
            definition: row.definition,
            comment: row.comment,
            created: Step {
                at: row.created_at.0,
                by: by(row.created_by),
            },
            approved: step(row.approved_at, row.approved_by),
            activated: step(row.activated_at, row.activated_by),
            retired: step(row.retired_at, row.retired_by),
        })
    }
}

impl From<&PlaybookVersion> for VersionRow {
    fn from(version: &PlaybookVersion) -> Self {
        let by = |step: &Step| step.by.map(|account| Id(account.uuid()));
        let (approved, activated, retired) =
            (&version.approved, &version.activated, &version.retired);
        VersionRow {
            code: version.code.to_string(),
            version: version.version,
            state: version.state.as_str().to_owned(),
            definition: version.definition.clone(),
            comment: version.comment.clone(),
            created_at: Ts(version.created.at),
            created_by: by(&version.created),
            approved_at: approved.map(|step| Ts(step.at)),
            approved_by: approved.as_ref().and_then(by),
            activated_at: activated.map(|step| Ts(step.at)),
            activated_by: activated.as_ref().and_then(by),
            retired_at: retired.map(|step| Ts(step.at)),
            retired_by: retired.as_ref().and_then(by),
        }
    }
}

/// Adds a version unless it is there; the answer is whether it was added.
pub fn insert(conn: &mut DbConnection, version: &PlaybookVersion) -> Result<bool, StoreError> {
    let insert = diesel::insert_into(playbook_versions::table).values(VersionRow::from(version));
    Ok(dialect::insert_if_absent(insert, &["code", "version"]).execute(conn)? == 1)
}

/// Every version of a playbook, or of all of them, the newest first within each.
pub fn list(
    conn: &mut DbConnection,
    code: Option<&PlaybookCode>,
) -> Result<Vec<PlaybookVersion>, StoreError> {
    let mut query = playbook_versions::table
        .select(VersionRow::as_select())
        .order((
            playbook_versions::code.asc(),
            playbook_versions::version.desc(),
        ))
        .into_boxed();
    if let Some(code) = code {
        query = query.filter(playbook_versions::code.eq(code.to_string()));
    }
    let rows: Vec<VersionRow> = query.load(conn)?;
    rows.into_iter().map(PlaybookVersion::try_from).collect()
}

/// The versions in force, by code.
pub fn list_active(conn: &mut DbConnection) -> Result<Vec<(PlaybookCode, i32)>, StoreError> {
    let rows: Vec<(String, i32)> = playbook_versions::table
        .filter(playbook_versions::state.eq(VersionState::Active.as_str()))
        .order(playbook_versions::code.asc())
        .select((playbook_versions::code, playbook_versions::version))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(code, version)| (code.as_str().into(), version))
        .collect())
}

/// A version.
pub fn find(
    conn: &mut DbConnection,
    code: &PlaybookCode,
    version: i32,
) -> Result<Option<PlaybookVersion>, StoreError> {
    let row: Option<VersionRow> = playbook_versions::table
        .find((code.to_string(), version))
        .select(VersionRow::as_select())
        .first(conn)
        .optional()?;
    row.map(PlaybookVersion::try_from).transpose()
}

/// Brings a version from state `from` to state `to`. `Stale` if it is not there any more.
pub fn step(
    conn: &mut DbConnection,
    code: &PlaybookCode,
    version: i32,
    from: VersionState,
    to: VersionState,
    step: Step,
) -> Result<(), StoreError> {
    use playbook_versions as v;
    let row = v::table
        .find((code.to_string(), version))
        .filter(v::state.eq(from.as_str()));
    let (at, by) = (Some(Ts(step.at)), step.by.map(|account| Id(account.uuid())));
    let state = v::state.eq(to.as_str());
    let changed = match to {
        VersionState::Draft => 0,
        VersionState::Approved => diesel::update(row)
            .set((state, v::approved_at.eq(at), v::approved_by.eq(by)))
            .execute(conn)?,
        VersionState::Active => diesel::update(row)
            .set((state, v::activated_at.eq(at), v::activated_by.eq(by)))
            .execute(conn)?,
        VersionState::Retired => diesel::update(row)
            .set((state, v::retired_at.eq(at), v::retired_by.eq(by)))
            .execute(conn)?,
    };
    match changed {
        0 => Err(StoreError::Stale),
        _ => Ok(()),
    }
}

/// The names of those who took steps, by account.
pub fn list_names(
    conn: &mut DbConnection,
    accounts: &[AccountId],
) -> Result<Vec<(AccountId, String)>, StoreError> {
    let ids: Vec<Id> = accounts.iter().map(|account| Id(account.uuid())).collect();
    let rows: Vec<(Id, String)> = accounts::table
        .filter(accounts::id.eq_any(ids))
        .select((accounts::id, accounts::display_name))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(id, name)| (AccountId::new(id.0), name))
        .collect())
}

/// Notes that a version was tried.
pub fn note_simulation(conn: &mut DbConnection, simulation: &Simulation) -> Result<(), StoreError> {
    use playbook_simulations as s;
    diesel::insert_into(s::table)
        .values((
            s::id.eq(Id(simulation.id)),
            s::code.eq(simulation.code.to_string()),
            s::version.eq(simulation.version),
            s::tried.eq(simulation.tried),
            s::changed.eq(simulation.changed),
            s::account_id.eq(Id(simulation.by.uuid())),
            s::at.eq(Ts(simulation.at)),
        ))
        .execute(conn)?;
    Ok(())
}

/// Whether a version was ever tried.
pub fn was_tried(
    conn: &mut DbConnection,
    code: &PlaybookCode,
    version: i32,
) -> Result<bool, StoreError> {
    use playbook_simulations as s;
    let tries: i64 = s::table
        .filter(s::code.eq(code.to_string()))
        .filter(s::version.eq(version))
        .count()
        .get_result(conn)?;
    Ok(tries > 0)
}

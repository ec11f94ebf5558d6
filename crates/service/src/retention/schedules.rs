//! Which terms hold where: a schedule for all, and those of single authorities. Whoever keeps the machine
//! puts one in force; the region proposes.

use domain::actor::Staff;
use domain::codes::AuthorityCode;
use domain::permissions::{Reach, Right, reach};
use domain::retention::Schedule;
use jiff::SignedDuration;
use storage::DbConnection;
use storage::retention_schedules;

pub use storage::retention_schedules::ScheduleVersion;

use crate::{Desk, DeskError};

/// The version of an authority that has none of its own, and of an installation that set nothing.
const UNSET: i64 = 1;

/// What holds at an authority, or at all others, and what is proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleView {
    /// Whose; none for all that have none of their own.
    pub authority: Option<AuthorityCode>,
    /// Counts its versions, proposals too; what clients send back.
    pub version: i64,
    /// The terms in force.
    pub schedule: Schedule,
    /// The version that put them in force; none while an authority goes by those of all, or nobody
    /// has set any.
    pub set: Option<ScheduleVersion>,
    /// A newer version that is only proposed.
    pub proposal: Option<ScheduleVersion>,
}

/// How long something is kept that has no schedule, because its term follows from what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedTerm {
    /// Its code.
    pub code: &'static str,
    /// How long after its use.
    pub kept: SignedDuration,
}

impl Desk {
    /// The schedule of all, and those of the authorities that have their own or a proposal.
    pub fn list_retention_schedules(&self) -> Result<Vec<ScheduleView>, DeskError> {
        let all = self.db.read(retention_schedules::list)?;
        let mut authorities: Vec<&AuthorityCode> = all
            .iter()
            .filter_map(|version| version.authority.as_ref())
            .collect();
        authorities.dedup();
        let of_all = std::iter::once(view_of(&all, None));
        let own = authorities
            .into_iter()
            .map(|code| view_of(&all, Some(code)));
        Ok(of_all.chain(own).collect())
    }

    /// What holds at an authority.
    pub fn show_retention_schedule(&self, authority: &str) -> Result<ScheduleView, DeskError> {
        let code = self.known_authority(authority)?;
        let all = self.db.read(retention_schedules::list)?;
        Ok(view_of(&all, Some(&code)))
    }

    /// Enters the next version for an authority, or for all: in force from now on, or as a proposal where
    /// the role may only propose.
    pub fn change_retention_schedule(
        &self,
        staff: &Staff,
        authority: Option<&str>,
        seen: i64,
        schedule: Schedule,
    ) -> Result<ScheduleView, DeskError> {
        let is_proposal = match reach(staff.role, Right::KeepRetention) {
            Reach::All => false,
            Reach::Region => true,
            _ => return Err(DeskError::Forbidden),
        };
        let authority = authority
            .map(|text| self.known_authority(text))
            .transpose()?;
        let errors = schedule.check(self.longest_way_back(authority.as_ref()));
        if !errors.is_empty() {
            return Err(DeskError::Invalid(errors));
        }
        let (desk, account) = (self.clone(), staff.account);
        self.db.write(move |conn| {
            let all = retention_schedules::list(conn)?;
            let current = view_of(&all, authority.as_ref()).version;
            if current != seen {
                return Err(DeskError::Stale { current });
            }
            let next = ScheduleVersion {
                authority: authority.clone(),
                version: seen + 1,
                is_proposal,
                schedule,
                created_at: desk.clock.now(),
                created_by: account,
            };
            retention_schedules::insert(conn, &next)?;
            let all = retention_schedules::list(conn)?;
            Ok(view_of(&all, authority.as_ref()))
        })
    }

    /// What is kept by terms that follow from its use, for the same answer.
    pub fn fixed_terms(&self) -> Vec<FixedTerm> {
        let mut terms: Vec<FixedTerm> = crate::sweep::FIXED_TERMS
            .iter()
            .map(|(code, kept)| FixedTerm { code, kept: *kept })
            .collect();
        terms.push(FixedTerm {
            code: "idempotency-answer",
            kept: self.settings.idempotency,
        });
        terms.push(FixedTerm {
            code: "removed-attachment",
            kept: self.settings.purge_removed_after,
        });
        terms
    }

    /// What holds at each authority now, by the versions at hand.
    pub(super) fn schedules_now(
        &self,
        conn: &mut DbConnection,
    ) -> Result<Vec<ScheduleView>, DeskError> {
        let all = retention_schedules::list(conn)?;
        let of_all = std::iter::once(view_of(&all, None));
        let authorities = self.reference.authorities().iter();
        let own = authorities.map(|authority| view_of(&all, Some(&authority.code)));
        Ok(of_all.chain(own).collect())
    }

    /// How long after its end a request can still be taken up again.
    fn longest_way_back(&self, authority: Option<&AuthorityCode>) -> SignedDuration {
        let usual = std::iter::once(&self.settings.windows);
        let windows: Vec<_> =
            match authority.and_then(|code| self.settings.windows_by_authority.get(code)) {
                Some(own) => vec![own],
                None if authority.is_some() => usual.collect(),
                None => usual
                    .chain(self.settings.windows_by_authority.values())
                    .collect(),
            };
        let reviews = &self.settings.reviews;
        let review = reviews.enabled.then_some(reviews.request_within);
        windows
            .into_iter()
            .flat_map(|windows| [windows.reopen, windows.undo_merge])
            .chain(review)
            .max()
            .unwrap_or_default()
    }
}

/// What holds by these versions, the newest first within each authority.
fn view_of(all: &[ScheduleVersion], authority: Option<&AuthorityCode>) -> ScheduleView {
    let of = |wanted: Option<&AuthorityCode>| {
        let wanted = wanted.cloned();
        all.iter().filter(move |one| one.authority == wanted)
    };
    let newest = of(authority).next();
    let set = of(authority).find(|one| !one.is_proposal).cloned();
    let in_force = set
        .as_ref()
        .or_else(|| of(None).find(|one| !one.is_proposal));
    ScheduleView {
        authority: authority.cloned(),
        version: newest.map_or(UNSET, |one| one.version),
        schedule: in_force.map_or_else(Schedule::default, |one| one.schedule),
        proposal: newest.filter(|one| one.is_proposal).cloned(),
        set,
    }
}

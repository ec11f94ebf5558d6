//! How playbooks fare: runs and what they decided, which checks stop them, what supervisors overrode,
//! and which hand-overs came back. Counts alone, of an authority for itself and of all for the region.

use std::collections::BTreeMap;

use domain::actor::Staff;
use domain::permissions::{Reach, Right, reach};
use domain::visibility::Scope;
use jiff::Timestamp;
use storage::playbook_runs::{self, RunCount};

use crate::labels::Labelled;
use crate::{Desk, DeskError};

/// How playbooks fared in a time.
pub struct PlaybookReport {
    /// From when.
    pub from: Timestamp,
    /// Until when, exclusive.
    pub to: Timestamp,
    /// By playbook and version.
    pub items: Vec<ReportItem>,
}

/// How a version fared.
#[derive(Debug, Clone, Default)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct ReportItem {
    pub playbook: String,
    pub version: i32,
    pub runs: i64,
    pub overrides: i64,
    pub handed_over: i64,
    pub came_back: i64,
    pub decisions: BTreeMap<String, i64>,
    pub checks: BTreeMap<String, BTreeMap<String, i64>>,
    pub authorities: Vec<AuthorityCount>,
}

/// How it fared at one desk.
#[derive(Debug, Clone)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct AuthorityCount {
    pub authority: Labelled,
    pub runs: i64,
    pub overrides: i64,
    pub handed_over: i64,
    pub came_back: i64,
}

impl Desk {
    /// Counts the runs that began in a time, where each stands now.
    pub fn report_playbooks(
        &self,
        staff: &Staff,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<PlaybookReport, DeskError> {
        let own = match reach(staff.role, Right::ReadReports) {
            Reach::Desk => Some(&staff.authority),
            Reach::Region | Reach::All => None,
            Reach::Activities | Reach::No => return Err(DeskError::Forbidden),
        };
        // An auditor reads counts and sees no ticket, so the desk is the filter and not the scope.
        let (runs, answers) = self.db.read_snapshot_in(&Scope::System, |conn| {
            let runs = playbook_runs::count_runs(conn, from, to, own)?;
            let answers = playbook_runs::count_answers(conn, from, to, own)?;
            Ok::<_, DeskError>((runs, answers))
        })?;
        let mut items: BTreeMap<(String, i32), ReportItem> = BTreeMap::new();
        for count in &runs {
            let label = self.authority_label(&count.desk.as_str().into());
            item(&mut items, &count.playbook, count.version).add(count, label);
        }
        for count in answers {
            let item = item(&mut items, &count.playbook, count.version);
            item.answers_of(count.check_code)
                .insert(count.answer, count.runs);
        }
        Ok(PlaybookReport {
            from,
            to,
            items: items.into_values().collect(),
        })
    }
}

/// The counts of a version, which are begun if they are not there.
fn item<'a>(
    items: &'a mut BTreeMap<(String, i32), ReportItem>,
    playbook: &str,
    version: i32,
) -> &'a mut ReportItem {
    let key = (playbook.to_owned(), version);
    items.entry(key).or_insert_with(|| ReportItem {
        playbook: playbook.to_owned(),
        version,
        ..ReportItem::default()
    })
}

impl ReportItem {
    /// How a check was answered.
    fn answers_of(&mut self, check: String) -> &mut BTreeMap<String, i64> {
        self.checks.entry(check).or_default()
    }

    fn add(&mut self, count: &RunCount, authority: Labelled) {
        let when = |is: bool| if is { count.runs } else { 0 };
        let (overrides, handed_over, came_back) = (
            when(count.is_overridden),
            when(count.is_handed_over),
            when(count.came_back),
        );
        self.runs += count.runs;
        self.overrides += overrides;
        self.handed_over += handed_over;
        self.came_back += came_back;
        *self.decisions.entry(count.decision.clone()).or_default() += count.runs;
        match self
            .authorities
            .iter_mut()
            .find(|one| one.authority == authority)
        {
            Some(known) => {
                known.runs += count.runs;
                known.overrides += overrides;
                known.handed_over += handed_over;
                known.came_back += came_back;
            }
            None => self.authorities.push(AuthorityCount {
                authority,
                runs: count.runs,
                overrides,
                handed_over,
                came_back,
            }),
        }
    }
}

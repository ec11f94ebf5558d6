//! Trying a version on what was decided before: over closed tickets that ran the playbook, what it
//! would have decided instead. Nothing of the tickets is shown but which they are.

use std::collections::BTreeMap;

use domain::actor::Staff;
use domain::codes::PlaybookCode;
use domain::visibility::Scope;
use escalation::playbook::{AnswerCode, Answers, CheckCode};
use serde::{Deserialize, Serialize};
use storage::playbook_runs;
use storage::playbooks::{self, Simulation};

use super::kept;
use crate::once::{Answer, Once};
use crate::{Desk, DeskError};

/// What a version would have decided.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Simulated {
    /// Tickets it was tried on.
    pub tried: usize,
    /// Those it would have decided differently.
    pub changed: usize,
    /// How: from which decision to which, and how often; equal ones included.
    pub turned: Vec<Turned>,
    /// The numbers of those it would have decided differently, as far as the caller reaches them.
    pub tickets: Vec<String>,
}

/// From one decision to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turned {
    /// What was decided.
    pub was: String,
    /// What would be.
    pub would_be: String,
    /// How often.
    pub tickets: usize,
}

impl Desk {
    /// Tries a version on the `last` tickets closed most recently that ran its playbook, and notes
    /// that it was tried.
    pub fn simulate_playbook(
        &self,
        staff: &Staff,
        code: PlaybookCode,
        version: i32,
        last: i64,
        once: &Once,
    ) -> Result<Answer<Simulated>, DeskError> {
        let (desk, staff) = (self.clone(), staff.clone());
        // Over everybody's tickets: it is the region's playbook that is tried.
        self.write_once(&Scope::System, once, move |conn| {
            let now = desk.clock.now();
            let found = playbooks::find(conn, &code, version)?.ok_or(DeskError::NotFound)?;
            let set = desk.set_with(conn, &code, &found.definition)?;
            let reaches_all = matches!(Scope::of(&staff), Scope::Region(_));
            let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
            let mut simulated = Simulated {
                tried: 0,
                changed: 0,
                turned: Vec::new(),
                tickets: Vec::new(),
            };
            for closed in playbook_runs::list_closed(conn, &code, last)? {
                let Some(start) = set.get(&closed.run.begun_with.as_str().into()) else {
                    continue;
                };
                let answers: Answers = closed
                    .answers
                    .iter()
                    .map(|(check, answer)| {
                        (
                            CheckCode::from(check.as_str()),
                            AnswerCode::from(answer.as_str()),
                        )
                    })
                    .collect();
                let was = closed.run.decision;
                let would_be = kept(set.run(start, &answers).outcome.decision);
                let pair = (was.as_str().to_owned(), would_be.as_str().to_owned());
                *counts.entry(pair).or_default() += 1;
                simulated.tried += 1;
                if was != would_be {
                    simulated.changed += 1;
                    if reaches_all {
                        simulated.tickets.push(closed.number.to_string());
                    }
                }
            }
            simulated.turned = counts
                .into_iter()
                .map(|((was, would_be), tickets)| Turned {
                    was,
                    would_be,
                    tickets,
                })
                .collect();
            let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
            let simulation = Simulation {
                id: desk.ids.uuid(),
                code,
                version,
                tried: count(simulated.tried),
                changed: count(simulated.changed),
                by: staff.account,
                at: now,
            };
            playbooks::note_simulation(conn, &simulation)?;
            Ok(simulated)
        })
    }
}

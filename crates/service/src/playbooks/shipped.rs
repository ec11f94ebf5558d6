//! Playbooks as they are shipped, brought into the database at the start.

use domain::catalogue::ReferenceFile;
use domain::codes::PlaybookCode;
use domain::visibility::Scope;
use escalation::playbook::Set;
use jiff::Timestamp;
use storage::dialect;
use storage::playbook_runs::Pins;
use storage::playbooks::{self, PlaybookVersion, Step, VersionState};

use super::broken;
use crate::{Desk, DeskError};

/// A playbook as it is shipped: a file's name and text.
#[derive(Debug, Clone)]
pub struct PlaybookFile {
    /// How the file is called in messages.
    pub name: String,
    /// What it says.
    pub text: String,
}

impl Desk {
    /// Brings what is shipped into the database: version 1 is in force at once, and a text that is
    /// known in no version is proposed as the next one.
    pub(crate) fn write_shipped_playbooks(
        &self,
        shipped: &[PlaybookFile],
    ) -> Result<(), DeskError> {
        let files: Vec<ReferenceFile<'_>> = shipped
            .iter()
            .map(|file| ReferenceFile {
                name: &file.name,
                text: &file.text,
            })
            .collect();
        let set = Set::parse(&files, &self.reference).map_err(|errors| {
            let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
            tracing::error!(errors = lines.join("; "), "the playbooks are wrong");
            broken("the playbooks are wrong")
        })?;
        let texts: Vec<(PlaybookCode, String)> = set
            .texts()
            .map(|(code, text)| (code.as_str().into(), text.to_owned()))
            .collect();
        let desk = self.clone();
        self.db.write_in(&Scope::Nothing, move |conn| {
            dialect::follow_each_other(conn, "playbooks").map_err(storage::StoreError::from)?;
            let now = desk.clock.now();
            for (code, text) in texts {
                let known = playbooks::list(conn, Some(&code))?;
                if known.iter().any(|version| version.definition == text) {
                    continue;
                }
                let newest = known.iter().map(|version| version.version).max();
                playbooks::insert(conn, &shipped_version(code, text, newest, now))?;
            }
            // Every node reads them now, and not while somebody waits.
            let pins: Pins = desk.pins_in_force(conn)?;
            desk.set_of(conn, &pins).map(|_| ())
        })
    }
}

/// What the program brings: in force if nothing was there before, else a proposal.
fn shipped_version(
    code: PlaybookCode,
    definition: String,
    newest: Option<i32>,
    now: Timestamp,
) -> PlaybookVersion {
    let step = Step { at: now, by: None };
    let first = newest.is_none().then_some(step);
    PlaybookVersion {
        code,
        version: newest.unwrap_or(0) + 1,
        state: match first {
            Some(_) => VersionState::Active,
            None => VersionState::Draft,
        },
        definition,
        comment: match first {
            Some(_) => "Fornita con il programma".to_owned(),
            None => "Fornita con un aggiornamento del programma".to_owned(),
        },
        created: step,
        approved: first,
        activated: first,
        retired: None,
    }
}

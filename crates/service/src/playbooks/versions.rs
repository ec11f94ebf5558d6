//! Versions of playbooks: proposed, seen by a second person, tried out, put into force, retired.
//!
//! Invariant: the versions in force are a sound set at every moment, whatever anybody answers.

use std::collections::BTreeMap;

use domain::actor::Staff;
use domain::catalogue::{ReferenceError, ReferenceFile};
use domain::codes::PlaybookCode;
use domain::ids::AccountId;
use domain::invalid::{FieldError, Invalid, Text};
use domain::text::Description;
use domain::visibility::Scope;
use escalation::playbook::Set;
use serde::{Deserialize, Serialize};
use storage::playbook_runs;
use storage::playbooks::{self, PlaybookVersion, Step, VersionState};
use storage::{DbConnection, dialect};

use crate::once::{Answer, Once};
use crate::{Desk, DeskError};

/// The longest definition, in characters.
const DEFINITION_MAX_CHARS: usize = 64 * 1024;
/// The longest comment, in characters.
const COMMENT_MAX_CHARS: usize = 500;
/// Mistakes of a definition that are told at once.
const MOST_MISTAKES: usize = 50;

/// A version as it was proposed.
#[derive(Debug, Clone, Default)]
pub struct NewVersion {
    /// Its text, TOML.
    pub definition: String,
    /// What its author says of it.
    pub comment: String,
}

/// A version, with the names of those who took its steps.
pub struct VersionView {
    /// The version.
    pub version: PlaybookVersion,
    /// Names by account.
    pub names: BTreeMap<AccountId, String>,
}

/// A playbook with the version in force, and how many there are.
pub struct PlaybookInForce {
    /// Its code.
    pub code: String,
    /// What it is called and for; none while no version is in force.
    pub in_force: Option<(i32, Text, Text)>,
    /// The highest version.
    pub newest: i32,
    /// Versions that wait for a step.
    pub open: usize,
}

/// A step of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum VersionStep {
    /// A second person found it right.
    Approve,
    /// It is in force from now on, in the place of the one before.
    Activate,
    /// It is in force no more.
    Retire,
}

/// The steps a version may take from here.
pub fn steps_from(state: VersionState) -> &'static [&'static str] {
    match state {
        VersionState::Draft => &["approve", "retire"],
        VersionState::Approved => &["activate", "retire"],
        VersionState::Active => &["retire"],
        VersionState::Retired => &[],
    }
}

impl Desk {
    /// The playbooks and what of them is in force.
    pub fn list_playbooks(&self) -> Result<Vec<PlaybookInForce>, DeskError> {
        self.db.read_in(&Scope::Nothing, |conn| {
            let versions = playbooks::list(conn, None)?;
            let pins = self.pins_in_force(conn)?;
            let set = self.set_of(conn, &pins)?;
            let mut found: Vec<PlaybookInForce> = Vec::new();
            for one in versions {
                let code = one.code.to_string();
                let is_open = matches!(one.state, VersionState::Draft | VersionState::Approved);
                if let Some(known) = found.iter_mut().find(|known| known.code == code) {
                    known.open += usize::from(is_open);
                    continue;
                }
                let playbook = set.get(&code.as_str().into());
                let version = pins.get(&code).copied();
                found.push(PlaybookInForce {
                    in_force: playbook.zip(version).map(|(playbook, version)| {
                        (version, playbook.label.clone(), playbook.purpose.clone())
                    }),
                    newest: one.version,
                    open: usize::from(is_open),
                    code,
                });
            }
            Ok(found)
        })
    }

    /// Every version of a playbook, the newest first.
    pub fn list_playbook_versions(
        &self,
        code: &PlaybookCode,
    ) -> Result<Vec<VersionView>, DeskError> {
        self.db.read_in(&Scope::Nothing, |conn| {
            let versions = playbooks::list(conn, Some(code))?;
            if versions.is_empty() {
                return Err(DeskError::NotFound);
            }
            let versions = versions.into_iter();
            versions.map(|version| named(conn, version)).collect()
        })
    }

    /// A version.
    pub fn show_playbook_version(
        &self,
        code: &PlaybookCode,
        version: i32,
    ) -> Result<VersionView, DeskError> {
        self.db.read_in(&Scope::Nothing, |conn| {
            let found = playbooks::find(conn, code, version)?;
            named(conn, found.ok_or(DeskError::NotFound)?)
        })
    }

    /// Proposes the next version of a playbook, or the first of a new one. It is checked as if it were
    /// in force: with every combination of answers, together with the others.
    pub fn propose_playbook(
        &self,
        staff: &Staff,
        code: PlaybookCode,
        form: NewVersion,
        once: &Once,
    ) -> Result<Answer<i32>, DeskError> {
        let form = form.check().map_err(DeskError::Invalid)?;
        let (desk, account) = (self.clone(), staff.account);
        self.write_once(&Scope::Nothing, once, move |conn| {
            let now = desk.clock.now();
            desk.set_with(conn, &code, &form.definition)?;
            dialect::follow_each_other(conn, "playbooks").map_err(storage::StoreError::from)?;
            let version = PlaybookVersion {
                version: newest(conn, &code)? + 1,
                code,
                state: VersionState::Draft,
                definition: form.definition,
                comment: form.comment,
                created: Step {
                    at: now,
                    by: Some(account),
                },
                approved: None,
                activated: None,
                retired: None,
            };
            match playbooks::insert(conn, &version)? {
                true => Ok(version.version),
                false => Err(DeskError::Busy),
            }
        })
    }

    /// Brings a version a step further.
    pub fn step_playbook(
        &self,
        staff: &Staff,
        code: PlaybookCode,
        version: i32,
        wanted: VersionStep,
        once: &Once,
    ) -> Result<Answer<()>, DeskError> {
        let (desk, account) = (self.clone(), staff.account);
        // Whether a version must be tried first depends on all tickets, whoever asks.
        self.write_once(&Scope::System, once, move |conn| {
            let now = desk.clock.now();
            dialect::follow_each_other(conn, "playbooks").map_err(storage::StoreError::from)?;
            let found = playbooks::find(conn, &code, version)?.ok_or(DeskError::NotFound)?;
            let by = Step {
                at: now,
                by: Some(account),
            };
            let (from, to) = match (wanted, found.state) {
                (VersionStep::Approve, from @ VersionState::Draft) => {
                    // Four eyes: what the program brought has no author.
                    if found.created.by == Some(account) {
                        return Err(DeskError::OwnProposal);
                    }
                    (from, VersionState::Approved)
                }
                (VersionStep::Activate, from @ VersionState::Approved) => {
                    desk.make_way_for(conn, &found, by)?;
                    (from, VersionState::Active)
                }
                (VersionStep::Retire, from @ VersionState::Active) => {
                    desk.must_be_dispensable(conn, &code)?;
                    (from, VersionState::Retired)
                }
                (VersionStep::Retire, from @ (VersionState::Draft | VersionState::Approved)) => {
                    (from, VersionState::Retired)
                }
                (_, state) => return Err(DeskError::PlaybookStep { state }),
            };
            Ok(playbooks::step(conn, &code, version, from, to, by)?)
        })
    }

    /// Checks a version that is to be in force against what is in force now, and retires the one whose
    /// place it takes.
    fn make_way_for(
        &self,
        conn: &mut DbConnection,
        version: &PlaybookVersion,
        by: Step,
    ) -> Result<(), DeskError> {
        self.set_with(conn, &version.code, &version.definition)?;
        let was_run = playbook_runs::was_run(conn, &version.code)?;
        if was_run && !playbooks::was_tried(conn, &version.code, version.version)? {
            return Err(DeskError::PlaybookNotTried);
        }
        let pins = self.pins_in_force(conn)?;
        if let Some(before) = pins.get(version.code.as_str()) {
            let (from, to) = (VersionState::Active, VersionState::Retired);
            playbooks::step(conn, &version.code, *before, from, to, by)?;
        }
        Ok(())
    }

    /// A playbook may go while the others are sound without it.
    fn must_be_dispensable(
        &self,
        conn: &mut DbConnection,
        code: &PlaybookCode,
    ) -> Result<(), DeskError> {
        let mut rest = self.pins_in_force(conn)?;
        rest.remove(code.as_str());
        let mut texts = Vec::new();
        for (code, version) in &rest {
            let found = playbooks::find(conn, &code.as_str().into(), *version)?;
            texts.push((code.clone(), found.ok_or(DeskError::NotFound)?.definition));
        }
        let files: Vec<ReferenceFile<'_>> = texts
            .iter()
            .map(|(name, text)| ReferenceFile { name, text })
            .collect();
        match Set::parse(&files, &self.reference) {
            Ok(_) => Ok(()),
            Err(_) => Err(DeskError::PlaybookInUse),
        }
    }

    /// The set in force with this text in it, or everything that is wrong with the text.
    pub(super) fn set_with(
        &self,
        conn: &mut DbConnection,
        code: &PlaybookCode,
        definition: &str,
    ) -> Result<Set, DeskError> {
        let pins = self.pins_in_force(conn)?;
        let file = ReferenceFile {
            name: "definition",
            text: definition,
        };
        let in_force = self.set_of(conn, &pins)?;
        let set = in_force
            .with(&file, &self.reference)
            .map_err(wrong_definition)?;
        let is_of_code = set
            .texts()
            .any(|(known, text)| known.as_str() == code.as_str() && text == definition);
        match is_of_code {
            true => Ok(set),
            false => Err(DeskError::field(another_code().at("/definition"))),
        }
    }
}

fn newest(conn: &mut DbConnection, code: &PlaybookCode) -> Result<i32, DeskError> {
    let versions = playbooks::list(conn, Some(code))?;
    Ok(versions.first().map_or(0, |version| version.version))
}

fn named(conn: &mut DbConnection, version: PlaybookVersion) -> Result<VersionView, DeskError> {
    let steps = [
        Some(version.created),
        version.approved,
        version.activated,
        version.retired,
    ];
    let accounts: Vec<AccountId> = steps
        .into_iter()
        .flatten()
        .filter_map(|step| step.by)
        .collect();
    let names = match accounts.is_empty() {
        true => BTreeMap::new(),
        false => playbooks::list_names(conn, &accounts)?
            .into_iter()
            .collect(),
    };
    Ok(VersionView { version, names })
}

impl NewVersion {
    fn check(self) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        if self.definition.trim().is_empty() {
            errors.push(Invalid::required().at("/definition"));
        } else if self.definition.chars().count() > DEFINITION_MAX_CHARS {
            errors.push(too_long().at("/definition"));
        }
        let comment = match Description::parse(&self.comment, COMMENT_MAX_CHARS) {
            Ok(comment) => comment.into_string(),
            Err(invalid) => {
                errors.push(invalid.at("/comment"));
                String::new()
            }
        };
        match errors.is_empty() {
            true => Ok(NewVersion { comment, ..self }),
            false => Err(errors),
        }
    }
}

/// The mistakes of a definition, each with its line and, where it takes certain answers, with them.
fn wrong_definition(errors: Vec<ReferenceError>) -> DeskError {
    let mistakes = errors.into_iter().take(MOST_MISTAKES).map(|error| {
        let words = error.to_string();
        FieldError {
            pointer: "/definition".to_owned(),
            code: "invalid-playbook",
            message: Text::owned(words.clone(), words),
        }
    });
    DeskError::Invalid(mistakes.collect())
}

const fn another_code() -> Invalid {
    Invalid::new(
        "another-code",
        "Il testo è di un altro percorso guidato",
        "the text is of another playbook",
    )
}

const fn too_long() -> Invalid {
    Invalid::new(
        "too-long",
        "Lunghezza non ammessa",
        "the length is not allowed",
    )
}

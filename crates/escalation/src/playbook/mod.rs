//! Guided playbooks: from answers to checks to a decision, with the note that goes with it
//! (`domain.md` §6).
//!
//! A playbook is data that a regional supervisor can read and change: checks with a list of answers,
//! rules of which the first that holds decides, drafts with gaps. There is no language in it to run.
//! The caller brings the files' texts and the answers; nothing here knows a ticket, the day, or who
//! asks. Invariant: in a [`Set`] every combination of answers reaches exactly one decision, and
//! every run ends.

mod check;
mod code;
mod draft;
mod file;
mod load;
mod model;
mod reading;
mod run;
mod values;

use domain::catalogue::{Reference, ReferenceError, ReferenceFile};
use domain::codes::{ProblemTypeCode, ServiceCode};

pub use check::MOST_COMBINATIONS;
pub use code::{
    AnswerCode, CheckCode, Code, DraftCode, LONGEST_CODE, PlaybookCode, ValueName, kind,
};
pub use draft::{ADDITION_MAX_CHARS, Draft, DraftedNote, Part, Sentence};
pub use model::{
    Answer, Answers, Check, Condition, Decision, Governed, Next, Outcome, Playbook, Rule, RunBy,
};
pub use reading::Sent;
pub use run::{LONGEST_RUN, Run, Step, Unmet};
pub use values::{USUAL_TEXT_CHARS, ValueKind, ValueRule, Values};

use values::Authorities;

/// The playbooks in force together, checked as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    playbooks: Vec<Playbook>,
    authorities: Authorities,
    /// The files it was read from, for the check of one that is to take another's place.
    sources: Vec<Source>,
}

/// The file of a playbook.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Source {
    playbook: PlaybookCode,
    name: String,
    text: String,
}

impl Set {
    /// Reads one playbook from each file, or says everything that is wrong with them: with file
    /// and line and, where it shows with certain answers alone, with those answers.
    pub fn parse(
        files: &[ReferenceFile<'_>],
        reference: &Reference,
    ) -> Result<Self, Vec<ReferenceError>> {
        let mut errors = Vec::new();
        let mut all = Vec::new();
        for file in files {
            match load::load(*file, reference) {
                Ok(loaded) => {
                    errors.extend(check::within(&loaded));
                    all.push(loaded);
                }
                Err(wrong) => errors.extend(wrong),
            }
        }
        // A file that could not be read leaves ways that lead nowhere; only the first cause is told.
        if all.len() == files.len() {
            errors.extend(check::between(&all));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        all.sort_by(|one, other| one.playbook.code.cmp(&other.playbook.code));
        let sources = all.iter().map(|loaded| Source {
            playbook: loaded.playbook.code.clone(),
            name: loaded.file.name.to_owned(),
            text: loaded.file.text.to_owned(),
        });
        Ok(Set {
            sources: sources.collect(),
            playbooks: all.into_iter().map(|loaded| loaded.playbook).collect(),
            authorities: values::authorities(reference),
        })
    }

    /// The set with the playbook of this file in the place of the one with the same code, or added
    /// to it; checked like any other.
    pub fn with(
        &self,
        file: &ReferenceFile<'_>,
        reference: &Reference,
    ) -> Result<Self, Vec<ReferenceError>> {
        self.with_all(std::slice::from_ref(file), reference)
    }

    /// The same with several files, which may need each other.
    pub fn with_all(
        &self,
        new: &[ReferenceFile<'_>],
        reference: &Reference,
    ) -> Result<Self, Vec<ReferenceError>> {
        let mut replaced = Vec::new();
        let mut errors = Vec::new();
        for file in new {
            match load::load(*file, reference) {
                Ok(loaded) => replaced.push(loaded.playbook.code),
                Err(wrong) => errors.extend(wrong),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let others = self
            .sources
            .iter()
            .filter(|one| !replaced.contains(&one.playbook));
        let mut files: Vec<ReferenceFile<'_>> = others
            .map(|one| ReferenceFile {
                name: &one.name,
                text: &one.text,
            })
            .collect();
        files.extend(new);
        Set::parse(&files, reference)
    }

    /// The text that each playbook was read from.
    pub fn texts(&self) -> impl Iterator<Item = (&PlaybookCode, &str)> {
        let sources = self.sources.iter();
        sources.map(|source| (&source.playbook, source.text.as_str()))
    }

    /// Every playbook, by code.
    pub fn playbooks(&self) -> &[Playbook] {
        &self.playbooks
    }

    /// The playbook with that code.
    pub fn get(&self, code: &PlaybookCode) -> Option<&Playbook> {
        self.playbooks.iter().find(|one| one.code == *code)
    }

    /// The playbooks that a request with this problem may be begun with; the first is the usual
    /// one.
    pub fn starting(&self, service: &ServiceCode, problem: &ProblemTypeCode) -> Vec<&Playbook> {
        let mut found: Vec<(u8, &Playbook)> = Vec::new();
        for playbook in &self.playbooks {
            let place = playbook.applies_to.iter().find(|governed| {
                governed.service == *service && governed.problem_types.contains(problem)
            });
            found.extend(place.map(|governed| (governed.place, playbook)));
        }
        found.sort_by_key(|(place, _)| *place);
        found.into_iter().map(|(_, playbook)| playbook).collect()
    }

    /// The check with that code, whichever playbook asks it.
    pub fn check(&self, code: &CheckCode) -> Option<&Check> {
        self.playbooks
            .iter()
            .find_map(|playbook| playbook.check(code))
    }

    /// The value with that name; it is the same in every playbook that asks it.
    pub fn value(&self, name: &ValueName) -> Option<&ValueRule> {
        self.playbooks
            .iter()
            .find_map(|playbook| playbook.value(name))
    }
}

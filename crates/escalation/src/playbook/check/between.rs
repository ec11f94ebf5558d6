//! What only shows between playbooks: codes used twice, places taken twice, ways that lead nowhere or
//! back to where they came from.

use std::collections::BTreeMap;

use domain::catalogue::ReferenceError;

use super::{answer_of, each, told};
use crate::playbook::code::PlaybookCode;
use crate::playbook::load::Loaded;
use crate::playbook::model::{Answers, Next};
use crate::playbook::run::{Found, LONGEST_RUN, find};

/// Everything that is wrong between playbooks that are right by themselves.
pub(in crate::playbook) fn between(all: &[Loaded<'_>]) -> Vec<ReferenceError> {
    let mut errors = Vec::new();
    for (number, loaded) in all.iter().enumerate() {
        let before = all.get(..number).unwrap_or_default();
        errors.extend(used_twice(loaded, before));
        errors.extend(leads_nowhere(loaded, all));
    }
    if errors.is_empty() {
        let mut walk = Walk {
            all,
            done: BTreeMap::new(),
            errors: Vec::new(),
        };
        for loaded in all {
            let longest = walk.from(loaded, Answers::new(), &mut Vec::new());
            if longest > LONGEST_RUN {
                let message = format!(
                    "{longest} playbooks can follow each other from here, and at most {LONGEST_RUN} may"
                );
                errors.push(loaded.error(loaded.places.code, "rule.next", message));
            }
        }
        errors.extend(walk.errors);
    }
    errors
}

fn used_twice(loaded: &Loaded<'_>, before: &[Loaded<'_>]) -> Vec<ReferenceError> {
    let (playbook, places) = (&loaded.playbook, &loaded.places);
    let mut errors = Vec::new();
    for other in before {
        let name = other.file.name;
        let theirs = &other.playbook;
        if theirs.code == playbook.code {
            let message = format!("`{}` is the playbook of {name}", playbook.code);
            errors.push(loaded.error(places.code, "code", message));
            continue;
        }
        for (check, place) in playbook.checks.iter().zip(&places.checks) {
            if theirs.check(&check.code).is_some() {
                let message = format!("`{}` is a check of {} already", check.code, theirs.code);
                errors.push(loaded.error(*place, "check.code", message));
            }
        }
        for (rule, place) in playbook.values.iter().zip(&places.values) {
            if theirs
                .value(&rule.name)
                .is_some_and(|one| one.kind != rule.kind)
            {
                let message = format!(
                    "`{}` is another kind of value in {}",
                    rule.name, theirs.code
                );
                errors.push(loaded.error(*place, "value.kind", message));
            }
        }
        for (governed, place) in playbook.applies_to.iter().zip(&places.applies_to) {
            let same_place = theirs
                .applies_to
                .iter()
                .filter(|one| one.service == governed.service && one.place == governed.place);
            for taken in same_place.flat_map(|one| &one.problem_types) {
                if governed.problem_types.contains(taken) {
                    let message = format!(
                        "for `{taken}` the place {} is {}'s",
                        governed.place, theirs.code
                    );
                    errors.push(loaded.error(*place, "applies_to.place", message));
                }
            }
        }
    }
    errors
}

/// Ways to playbooks or with answers that do not exist.
fn leads_nowhere(loaded: &Loaded<'_>, all: &[Loaded<'_>]) -> Vec<ReferenceError> {
    let rules = loaded.playbook.rules.iter().zip(&loaded.places.rules);
    let nexts = rules.filter_map(|(rule, place)| Some((rule.outcome.next.as_ref()?, *place)));
    let mut errors = Vec::new();
    for (next, place) in nexts {
        let Some(there) = find_loaded(all, &next.playbook) else {
            let message = format!("there is no playbook `{}`", next.playbook);
            errors.push(loaded.error(place, "rule.next.playbook", message));
            continue;
        };
        for (code, answer) in &next.carry {
            let message = match there.playbook.check(code) {
                None => format!("{} has no check `{code}`", next.playbook),
                Some(_) if answer.is_unknown() => {
                    format!("{code}={answer} is nothing to carry along")
                }
                Some(check) if check.answer(answer).is_none() => {
                    format!("`{code}` has no answer `{answer}`")
                }
                Some(_) => continue,
            };
            errors.push(loaded.error(place, "rule.next.carry", message));
        }
    }
    errors
}

fn find_loaded<'l, 'a>(all: &'l [Loaded<'a>], code: &PlaybookCode) -> Option<&'l Loaded<'a>> {
    all.iter().find(|loaded| loaded.playbook.code == *code)
}

/// Goes every way from playbook to playbook, with what is carried along.
struct Walk<'l, 'a> {
    all: &'l [Loaded<'a>],
    /// From where every way has been gone already, and how many playbooks the longest has.
    done: BTreeMap<(PlaybookCode, Answers), usize>,
    errors: Vec<ReferenceError>,
}

/// A playbook on the way, what was known there, and with which answers it was left.
struct Stage {
    playbook: PlaybookCode,
    carried: Answers,
    answers: String,
}

impl Walk<'_, '_> {
    /// How many playbooks the longest way from here goes through.
    fn from(&mut self, here: &Loaded<'_>, carried: Answers, way: &mut Vec<Stage>) -> usize {
        let node = (here.playbook.code.clone(), carried);
        if let Some(longest) = self.done.get(&node) {
            return *longest;
        }
        let mut longest = 0;
        for (next, place, answers) in ways_on(here, &node.1) {
            let mut known = node.1.clone();
            known.extend(next.carry.iter().cloned());
            way.push(Stage {
                playbook: node.0.clone(),
                carried: node.1.clone(),
                answers,
            });
            let back_to = way
                .iter()
                .position(|stage| stage.playbook == next.playbook && stage.carried == known);
            if let Some(first) = back_to {
                let message = format!(
                    "leads back to {} with nothing new known: {}",
                    next.playbook,
                    written(way.get(first..).unwrap_or_default(), &next.playbook)
                );
                let error = here.error(place, "rule.next", message);
                // The same loop again, on a way on which more is known that does not matter to it.
                if !self.errors.contains(&error) {
                    self.errors.push(error);
                }
            } else if let Some(there) = find_loaded(self.all, &next.playbook) {
                longest = longest.max(self.from(there, known, way));
            }
            way.pop();
        }
        self.done.insert(node, longest + 1);
        longest + 1
    }
}

/// The ways on from a playbook, each with the first combination that takes it.
fn ways_on<'l>(here: &'l Loaded<'_>, carried: &Answers) -> Vec<(&'l Next, usize, String)> {
    let playbook = &here.playbook;
    let mut taken: Vec<Option<String>> = vec![None; playbook.rules.len()];
    each(playbook, carried, |combination| {
        if let Found::Holds(number, rule) =
            find(&playbook.rules, |check| answer_of(combination, check))
            && rule.outcome.next.is_some()
            && let Some(first) = taken.get_mut(number)
        {
            first.get_or_insert_with(|| told(combination));
        }
    });
    let rules = playbook.rules.iter().zip(&here.places.rules).zip(taken);
    rules
        .filter_map(|((rule, place), taken)| Some((rule.outcome.next.as_ref()?, *place, taken?)))
        .collect()
}

fn written(way: &[Stage], end: &PlaybookCode) -> String {
    let mut told = String::new();
    for stage in way {
        told.push_str(&format!("{} ({}) → ", stage.playbook, stage.answers));
    }
    told + end.as_str()
}

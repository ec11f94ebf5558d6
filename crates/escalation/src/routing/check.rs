//! What is wrong with rules that can be read: codes that nobody knows, rules that are never reached,
//! changes of custody for which there may be no rule.

use std::collections::BTreeSet;

use domain::catalogue::{AuthorityKind, Reference, ReferenceFile};
use domain::codes::{AuthorityCode, ProblemTypeCode, ServiceCode};
use domain::invalid::Text;
use domain::state::{Channel, HandOverReason, RequesterKind};

use super::read::{Flaw, Placed, flaw};
use super::{Conditions, CustodyChange, Destination};

/// Why the technical desk is no target.
pub(super) const fn no_custody() -> Text {
    Text::new(
        "il secondo livello non ha mai in carico una richiesta: lavora le attività che apre la regione",
        "the technical desk never has custody: it works the activities that the region opens",
    )
}

/// What is wrong beside `flaws`. How rules follow each other is judged once each of them is right.
pub(super) fn complete(
    file: &ReferenceFile<'_>,
    rules: &[Placed],
    reference: &Reference,
    flaws: Vec<Flaw>,
) -> Vec<Flaw> {
    let mut check = Check {
        file,
        reference,
        flaws,
    };
    for placed in rules {
        check.codes(placed);
        check.desk(placed);
    }
    if !check.flaws.is_empty() {
        return check.flaws;
    }
    let reaches: Vec<Reach<'_>> = rules
        .iter()
        .map(|placed| Reach::of(&placed.rule.conditions, reference))
        .collect();
    check.order(rules, &reaches);
    check.defaults(rules, &reaches);
    check.flaws
}

struct Check<'a> {
    file: &'a ReferenceFile<'a>,
    reference: &'a Reference,
    flaws: Vec<Flaw>,
}

impl Check<'_> {
    /// Every code is one of the reference data.
    fn codes(&mut self, placed: &Placed) {
        let conditions = &placed.rule.conditions;
        for (code, place) in each(&conditions.services, &placed.services) {
            if self.reference.service_any(code.as_str()).is_none() {
                self.unknown(place, "rule.services", code.as_str());
            }
        }
        for (code, place) in each(&conditions.problem_types, &placed.problem_types) {
            let is_one = self
                .reference
                .services()
                .iter()
                .filter(|service| lists(&conditions.services, &service.code))
                .any(|service| service.problem_type_any(code.as_str()).is_some());
            if !is_one {
                self.unknown(place, "rule.problem_types", code.as_str());
            }
        }
        let named = each(
            &conditions.declared_authorities,
            &placed.declared_authorities,
        );
        for (code, place) in named {
            let found = self.reference.authority_any(code.as_str());
            if !found.is_some_and(|authority| authority.kind.is_health()) {
                self.unknown(place, "rule.declared_authorities", code.as_str());
            }
        }
    }

    /// An authority that is a target has custody of requests.
    fn desk(&mut self, placed: &Placed) {
        let Destination::Authority(code) = &placed.rule.destination else {
            return;
        };
        match self.reference.authority_any(code.as_str()).map(|a| a.kind) {
            None => self.unknown(placed.target, "rule.target", code.as_str()),
            Some(AuthorityKind::Technical) => {
                self.say(placed.target, "rule.target", "not-possible", no_custody());
            }
            Some(AuthorityKind::Region) => {
                let (it, en) = ("la regione si scrive `region`", "write `region`");
                let message = Text::new(it, en);
                self.say(placed.target, "rule.target", "not-possible", message);
            }
            Some(_) => {}
        }
    }

    /// A rule can be reached: it matches something, and no rule before takes all that it matches.
    fn order(&mut self, rules: &[Placed], reaches: &[Reach<'_>]) {
        let mut before: Vec<(&Placed, &Reach<'_>)> = Vec::new();
        for (placed, reach) in rules.iter().zip(reaches) {
            if reach.cases.is_empty() {
                let (it, en) = (
                    "non corrisponde mai: nessun servizio ha insieme ciò che chiede",
                    "it never matches: no service has all that it asks for",
                );
                let message = Text::new(it, en);
                self.say(placed.code, "rule.code", "unreachable-rule", message);
            }
            for change in &placed.rule.changes {
                let earlier = before.iter().find(|(other, their)| {
                    other.rule.changes.contains(change)
                        && their.covers(reach)
                        && takes_all(&other.rule.destination, &placed.rule.destination)
                });
                let Some((other, _)) = earlier.filter(|_| !reach.cases.is_empty()) else {
                    continue;
                };
                let line = flaw(self.file, other.code, "", "", Text::new("", "")).line;
                let (change, code) = (change.as_str(), &other.rule.code);
                let (it, en) = (
                    format!("per `{change}` viene sempre prima `{code}` (riga {line})"),
                    format!("for `{change}`, `{code}` (line {line}) always comes first"),
                );
                let message = Text::owned(it, en);
                self.say(placed.code, "rule.code", "unreachable-rule", message);
            }
            before.push((placed, reach));
        }
    }

    /// Each change has a rule for whatever the others leave.
    fn defaults(&mut self, rules: &[Placed], reaches: &[Reach<'_>]) {
        let all = Conditions::default();
        let everything = Reach::of(&all, self.reference);
        for change in CustodyChange::ALL {
            let target = match change {
                CustodyChange::Filing | CustodyChange::FollowUp | CustodyChange::HandOver => {
                    Destination::Region
                }
                CustodyChange::Return => Destination::Previous,
                CustodyChange::Reroute => Destination::Named,
            };
            let has_default = rules.iter().zip(reaches).any(|(placed, reach)| {
                placed.rule.changes.contains(&change)
                    && placed.rule.destination == target
                    && reach.covers(&everything)
            });
            if !has_default {
                let (change, target) = (change.as_str(), word(&target));
                let (it, en) = (
                    format!("manca per `{change}` una regola senza condizioni con `{target}`"),
                    format!("there is no rule for `{change}` without conditions and to `{target}`"),
                );
                let end = self.file.text.trim_end().len();
                self.say(end, "rule", "missing-default", Text::owned(it, en));
            }
        }
    }

    fn unknown(&mut self, start: usize, field: &str, code: &str) {
        let (it, en) = (
            format!("`{code}` non è nei dati di riferimento"),
            format!("`{code}` is not in the reference data"),
        );
        self.say(start, field, "not-in-list", Text::owned(it, en));
    }

    fn say(&mut self, start: usize, field: &str, code: &'static str, message: Text) {
        self.flaws
            .push(flaw(self.file, start, field, code, message));
    }
}

fn each<'a, T>(
    codes: &'a Option<Vec<T>>,
    places: &'a [usize],
) -> impl Iterator<Item = (&'a T, usize)> {
    codes.iter().flatten().zip(places.iter().copied())
}

fn lists<T: PartialEq>(list: &Option<Vec<T>>, value: &T) -> bool {
    list.as_ref().is_none_or(|list| list.contains(value))
}

const fn word(destination: &Destination) -> &'static str {
    match destination {
        Destination::Previous => "previous-authority",
        Destination::Named => "named-authority",
        _ => "region",
    }
}

/// Whether nothing that comes to the first is left for the second: the region takes everything, and
/// where one desk does not, it does not take it twice.
fn takes_all(first: &Destination, second: &Destination) -> bool {
    *first == Destination::Region || first == second
}

/// All that conditions let pass, dimension by dimension, as the reference data are now.
struct Reach<'a> {
    cases: BTreeSet<(&'a ServiceCode, &'a ProblemTypeCode)>,
    declared: Option<BTreeSet<&'a AuthorityCode>>,
    requesters: Vec<RequesterKind>,
    channels: Vec<Channel>,
    reasons: Vec<HandOverReason>,
    declared_authority_open: Option<bool>,
    region_open: Option<bool>,
}

impl<'a> Reach<'a> {
    fn of(conditions: &'a Conditions, reference: &'a Reference) -> Self {
        Reach {
            cases: reference
                .services()
                .iter()
                .filter(|service| lists(&conditions.services, &service.code))
                .filter(|service| {
                    conditions
                        .service_route
                        .is_none_or(|one| one == service.route)
                })
                .flat_map(|service| {
                    service
                        .problem_types
                        .iter()
                        .map(|one| (&service.code, &one.code))
                })
                .filter(|(_, problem)| lists(&conditions.problem_types, problem))
                .collect(),
            declared: conditions
                .declared_authorities
                .as_ref()
                .map(|list| list.iter().collect()),
            requesters: conditions
                .requesters
                .clone()
                .unwrap_or(RequesterKind::ALL.to_vec()),
            channels: conditions.channels.clone().unwrap_or(Channel::ALL.to_vec()),
            reasons: conditions
                .reasons
                .clone()
                .unwrap_or(HandOverReason::ALL.to_vec()),
            declared_authority_open: conditions.declared_authority_open,
            region_open: conditions.region_open,
        }
    }

    /// Whether whatever passes the other passes this one.
    fn covers(&self, other: &Reach<'_>) -> bool {
        let declared = match (&self.declared, &other.declared) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(others)) => others.iter().all(|code| own.contains(code)),
        };
        declared
            && other.cases.iter().all(|case| self.cases.contains(case))
            && other
                .requesters
                .iter()
                .all(|one| self.requesters.contains(one))
            && other.channels.iter().all(|one| self.channels.contains(one))
            && other.reasons.iter().all(|one| self.reasons.contains(one))
            && hours(self.declared_authority_open, other.declared_authority_open)
            && hours(self.region_open, other.region_open)
    }
}

fn hours(own: Option<bool>, other: Option<bool>) -> bool {
    own.is_none() || own == other
}

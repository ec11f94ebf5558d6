//! Which desk gets a ticket: on a filing, a follow-up, a hand-over, a return and a re-route.
//!
//! Pure: the reference data and the rules come in as values, a [`Decision`] goes out. Whether the
//! ticket may move at all is the life cycle's affair (`domain::lifecycle`). Invariant: every answer
//! names a desk that exists in the reference data, and the same data, rules and instant always give
//! the same answer.
//!
//! What has to be found out before is said by [`playbook`].
#![warn(missing_docs)]

pub mod playbook;
pub mod routing;

use domain::actor::Pool;
use domain::catalogue::{Authority, Reference};
use domain::codes::{AuthorityCode, RuleCode};
use domain::event::ByRule;
use domain::ticket::{Desk, Target};
use jiff::Timestamp;
use jiff::civil::Date;

use routing::{Case, CustodyChange, Destination, Miss, Rule, Rules};

/// Finds desks by rules, in the reference data as they are at one instant.
#[derive(Clone, Copy)]
pub struct Router<'a> {
    reference: &'a Reference,
    rules: &'a Rules,
    now: Timestamp,
    today: Date,
    pending: &'a [AuthorityCode],
}

/// The desk that was found, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The desk. One that does not accept is who would be asked to by a return or a re-route that leads
    /// nowhere; none, where there is not even that. In both cases the ticket stays with the region.
    pub target: Option<Target>,
    /// The pool of that desk which is given the ticket.
    pub pool: Option<Pool>,
    /// The rules that were tried, in order; the last is the one that matched, if one did.
    pub tried: Vec<Tried>,
}

impl Decision {
    /// Whether a rule was passed over because this desk does not receive requests yet.
    pub fn passed_over(&self, pending: &AuthorityCode) -> bool {
        let misses = self.tried.iter().flat_map(|tried| &tried.misses);
        let mut codes = misses.filter_map(|miss| match miss {
            Miss::Pending(code) => Some(code),
            _ => None,
        });
        codes.any(|code| code == pending)
    }
}

/// A rule that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Its code.
    pub rule: RuleCode,
    /// What people call it.
    pub label: Option<String>,
    /// Why it does not match; empty for the one that does.
    pub misses: Vec<Miss>,
}

impl<'a> Router<'a> {
    /// A router by these rules over these data, at this instant and on this day.
    pub const fn new(
        reference: &'a Reference,
        rules: &'a Rules,
        now: Timestamp,
        today: Date,
    ) -> Self {
        Router {
            reference,
            rules,
            now,
            today,
            pending: &[],
        }
    }

    /// The same, with desks that do not receive requests yet (`domain.md` §9.5).
    pub const fn without(self, pending: &'a [AuthorityCode]) -> Self {
        Router { pending, ..self }
    }

    /// The desk for a ticket: that of the first rule that matches.
    pub fn decide(&self, case: &Case<'_>) -> Decision {
        let mut tried = Vec::new();
        for rule in self.rules.rules() {
            let (misses, target) = match self.misses(rule, case) {
                misses if misses.is_empty() => match self.target(&rule.destination, case) {
                    Ok(target) => (misses, Some(target)),
                    Err(miss) => (vec![miss], None),
                },
                misses => (misses, None),
            };
            tried.push(Tried {
                rule: rule.code.clone(),
                label: rule.label.clone(),
                misses,
            });
            if let Some(target) = target {
                let route = Some(ByRule {
                    rule: rule.code.clone(),
                    version: self.rules.version,
                });
                return Decision {
                    target: Some(Target { route, ..target }),
                    pool: rule.pool,
                    tried,
                };
            }
        }
        Decision {
            target: self.last_resort(case),
            pool: None,
            tried,
        }
    }

    /// Why a rule's conditions do not hold; all of them, unless it is about other changes altogether.
    fn misses(&self, rule: &Rule, case: &Case<'_>) -> Vec<Miss> {
        if !rule.changes.contains(&case.change) {
            return vec![Miss::Change];
        }
        let asks = &rule.conditions;
        let service = self.reference.service_any(case.service.as_str());
        let declared = case.declared.map(|code| (code, self.in_force(code)));
        let mut misses = Vec::new();
        let mut must = |holds: bool, miss: Miss| {
            if !holds {
                misses.push(miss);
            }
        };
        must(lists(&asks.services, case.service), Miss::Service);
        must(
            asks.service_route
                .is_none_or(|route| service.is_some_and(|service| service.route == route)),
            Miss::ServiceRoute,
        );
        must(
            lists(&asks.problem_types, case.problem_type),
            Miss::ProblemType,
        );
        match (&asks.declared_authorities, declared) {
            (Some(_), None) => must(false, Miss::NoneDeclared),
            (list, Some((code, now))) => must(
                lists(list, code) || now.is_some_and(|now| lists(list, &now.code)),
                Miss::DeclaredAuthority,
            ),
            (None, None) => {}
        }
        must(lists(&asks.requesters, &case.requester), Miss::Requester);
        must(lists(&asks.channels, &case.channel), Miss::Channel);
        must(
            asks.reasons
                .as_ref()
                .is_none_or(|list| case.reason.is_some_and(|reason| list.contains(&reason))),
            Miss::Reason,
        );
        match (asks.declared_authority_open, declared) {
            (Some(_), None) => must(false, Miss::NoneDeclared),
            (Some(wanted), Some((code, now))) => {
                let desk = now.map_or(code, |now| &now.code);
                must(self.is_open(desk) == wanted, hours(desk, !wanted));
            }
            (None, _) => {}
        }
        if let Some(wanted) = asks.region_open {
            let region = self.reference.region();
            must(self.is_open(region) == wanted, hours(region, !wanted));
        }
        misses
    }

    /// The desk a destination means for this ticket, if it can take it.
    fn target(&self, destination: &Destination, case: &Case<'_>) -> Result<Target, Miss> {
        let code = match destination {
            Destination::Region => return Ok(self.region()),
            Destination::Authority(code) => Some(code),
            Destination::Declared => case.declared,
            Destination::Previous => case.previous,
            Destination::Named => case.named,
        };
        let code = code.ok_or(match destination {
            Destination::Declared => Miss::NoneDeclared,
            _ => Miss::NoTarget,
        })?;
        if self.reference.authority_any(code.as_str()).is_none() {
            return Err(Miss::Unknown(code.clone()));
        }
        let authority = self
            .in_force(code)
            .ok_or_else(|| Miss::Inactive(code.clone()))?;
        if !authority.serves(case.service, self.today) {
            return Err(Miss::NotEnabled(authority.code.clone()));
        }
        if self.pending.contains(&authority.code) {
            return Err(Miss::Pending(authority.code.clone()));
        }
        Ok(self.as_target(&authority.code, true))
    }

    /// What is left when no rule matches: the region, or whoever was meant and cannot take it.
    fn last_resort(&self, case: &Case<'_>) -> Option<Target> {
        let meant = match case.change {
            CustodyChange::Filing | CustodyChange::FollowUp | CustodyChange::HandOver => {
                return Some(self.region());
            }
            CustodyChange::Return => case.previous,
            CustodyChange::Reroute => case.named,
        };
        let meant = &self.reference.authority_any(meant?.as_str())?.code;
        let now = self.in_force(meant).map_or(meant, |now| &now.code);
        Some(self.as_target(now, false))
    }

    fn region(&self) -> Target {
        self.as_target(self.reference.region(), true)
    }

    fn as_target(&self, code: &AuthorityCode, accepts: bool) -> Target {
        let follows = |one: &&Authority| {
            one.code != *code
                && self
                    .in_force(&one.code)
                    .is_some_and(|now| now.code == *code)
        };
        Target {
            desk: Desk {
                code: code.clone(),
                is_region: code == self.reference.region(),
            },
            accepts,
            predecessors: self
                .reference
                .authorities()
                .iter()
                .filter(follows)
                .map(|one| one.code.clone())
                .collect(),
            route: None,
        }
    }

    fn in_force(&self, code: &AuthorityCode) -> Option<&'a Authority> {
        self.reference.in_force(code.as_str(), self.today)
    }

    fn is_open(&self, code: &AuthorityCode) -> bool {
        self.reference
            .calendar_of(code)
            .is_some_and(|entry| entry.calendar.is_open(self.now))
    }
}

fn lists<T: PartialEq>(list: &Option<Vec<T>>, value: &T) -> bool {
    list.as_ref().is_none_or(|list| list.contains(value))
}

fn hours(desk: &AuthorityCode, is_open: bool) -> Miss {
    Miss::Hours {
        desk: desk.clone(),
        is_open,
    }
}

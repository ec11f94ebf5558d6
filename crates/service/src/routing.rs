//! Which desk gets a ticket, by the rules in force: asking them, entering versions of them, and
//! explaining what they would do.
//!
//! What is in force is read with each decision, so that every node follows a new version at once: its
//! number, and its text where this process has not read that version yet.

use std::sync::Arc;

use domain::actor::{Pool, Staff};
use domain::catalogue::ReferenceFile;
use domain::codes::{AuthorityCode, ProblemTypeCode, RuleCode, ServiceCode};
use domain::event::ByRule;
use domain::invalid::{FieldError, Invalid, Text};
use domain::state::{Channel, HandOverReason, RequesterKind};
use domain::ticket::Ticket;
use domain::visibility::Scope;
use escalation::routing::{Case, Flaw, Rules};
use escalation::{Decision, Router, Tried};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use storage::routing;
use storage::tickets::Dossier;
use storage::{DbConnection, dialect, setups};

use crate::action_form::not_in_list;
use crate::clock::lock;
use crate::labels::Labelled;
use crate::once::{Answer, Once};
use crate::{Desk, DeskError};

pub use escalation::routing::{CustodyChange, MAX_BYTES};
pub use storage::routing::RoutingVersion;

/// The longest comment on a version, in characters.
pub const MAX_COMMENT_CHARS: usize = 500;

/// The text of a version, as its flaws call it.
const DEFINITION: &str = "routing.toml";

/// A case to explain, as it was sent; nothing in it is personal.
#[derive(Debug, Clone, Default)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct CaseForm {
    pub change: Option<String>,
    pub service_code: Option<String>,
    pub problem_type: Option<String>,
    pub authority_code: Option<String>,
    pub requester: Option<String>,
    pub channel: Option<String>,
    pub reason_code: Option<String>,
    pub previous_authority_code: Option<String>,
    pub named_authority_code: Option<String>,
    /// The instant to decide at; now, if left out.
    pub at: Option<Timestamp>,
    /// Rules to try; those in force, if left out.
    pub definition: Option<String>,
}

/// A case that can be decided.
struct CheckedCase {
    change: CustodyChange,
    service: ServiceCode,
    problem_type: ProblemTypeCode,
    declared: Option<AuthorityCode>,
    requester: RequesterKind,
    channel: Channel,
    reason: Option<HandOverReason>,
    previous: Option<AuthorityCode>,
    named: Option<AuthorityCode>,
}

impl CheckedCase {
    const fn case(&self) -> Case<'_> {
        Case {
            change: self.change,
            service: &self.service,
            problem_type: &self.problem_type,
            declared: self.declared.as_ref(),
            requester: self.requester,
            channel: self.channel,
            reason: self.reason,
            previous: self.previous.as_ref(),
            named: self.named.as_ref(),
        }
    }
}

/// What rules do with a case, and why.
pub struct RoutingView {
    /// The version of the rules; 0 for rules that are not kept.
    pub version: i32,
    /// The desk that has the request then.
    pub desk: Labelled,
    /// Whether it comes there by this change. Where nobody can take a return or a re-route, the request
    /// stays with the region and the action is refused.
    pub moves: bool,
    /// The pool of that desk which is given it.
    pub pool: Option<Pool>,
    /// The rule that matched.
    pub rule: Option<RuleCode>,
    /// The rules that were tried, in order.
    pub tried: Vec<TriedRule>,
}

/// A rule that was tried.
pub struct TriedRule {
    /// Its code.
    pub rule: RuleCode,
    /// What people call it.
    pub label: Option<String>,
    /// Why it does not match, a code and words for each reason; empty for the one that does.
    pub reasons: Vec<(&'static str, Text)>,
}

impl From<Tried> for TriedRule {
    fn from(tried: Tried) -> Self {
        let reasons = tried.misses.iter().map(|miss| (miss.code(), miss.text()));
        TriedRule {
            reasons: reasons.collect(),
            rule: tried.rule,
            label: tried.label,
        }
    }
}

/// A version as it is entered.
#[derive(Debug, Clone)]
pub struct NewRouting {
    /// Its text.
    pub definition: String,
    /// Why.
    pub comment: Option<String>,
}

/// The number of a version that was entered.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Entered(pub i32);

impl Desk {
    /// A page of the versions of the rules, the newest first; the first of all is the one in force.
    pub fn list_routing_versions(
        &self,
        before: Option<i32>,
        limit: i64,
    ) -> Result<Vec<RoutingVersion>, DeskError> {
        Ok(self.db.read(|conn| routing::list(conn, before, limit))?)
    }

    /// A version of the rules with its text.
    pub fn show_routing_version(
        &self,
        version: i32,
    ) -> Result<(RoutingVersion, String), DeskError> {
        let found = self.db.read(|conn| routing::find(conn, version))?;
        found.ok_or(DeskError::NotFound)
    }

    /// Enters the next version of the rules, which holds from the next decision on. All that is wrong
    /// with it is told with line and reason, and then nothing is written.
    pub fn add_routing_version(
        &self,
        staff: &Staff,
        new: NewRouting,
        once: &Once,
    ) -> Result<Answer<Entered>, DeskError> {
        let (desk, account) = (self.clone(), staff.account);
        self.write_once(&Scope::Nothing, once, move |conn| {
            desk.parse_rules(0, &new.definition)?;
            dialect::follow_each_other(conn, "routing-versions")
                .map_err(storage::StoreError::from)?;
            let version = routing::last_version(conn)? + 1;
            let kept = RoutingVersion {
                version,
                comment: new.comment.clone(),
                in_force_from: desk.clock.now(),
                created_by: Some(account),
            };
            routing::insert(conn, &kept, &new.definition)?;
            Ok(Entered(version))
        })
    }

    /// Says what the rules do with a case, and why.
    pub fn explain_routing(&self, form: CaseForm) -> Result<RoutingView, DeskError> {
        let mut errors = Vec::new();
        let checked = self.check_case(&form, &mut errors);
        let trial = form.definition.as_deref().map(|text| {
            let rules = self.parse_rules(0, text);
            rules.map_err(|error| match error {
                DeskError::Invalid(flaws) => errors.extend(flaws),
                _ => errors.push(not_in_list().at("/definition")),
            })
        });
        let (Some(checked), true) = (checked, errors.is_empty()) else {
            return Err(DeskError::Invalid(errors));
        };
        let now = form.at.unwrap_or_else(|| self.clock.now());
        let case = checked.case();
        self.db.read(|conn| {
            let rules = match trial {
                Some(Ok(rules)) => Arc::new(rules),
                _ => self.rules(conn)?,
            };
            let decision = self.decide_by(conn, &rules, &case, now)?;
            let target = decision.target.filter(|target| target.accepts);
            let desk = target.as_ref().map(|target| &target.desk.code);
            Ok(RoutingView {
                version: rules.version,
                desk: self.authority_label(desk.unwrap_or(self.reference.region())),
                moves: target.is_some(),
                pool: decision.pool,
                rule: target.and_then(|target| target.route).map(|by| by.rule),
                tried: decision.tried.into_iter().map(TriedRule::from).collect(),
            })
        })
    }

    /// Finds the desk for a ticket by the rules in force.
    pub(crate) fn route(
        &self,
        conn: &mut DbConnection,
        case: &Case<'_>,
        now: Timestamp,
    ) -> Result<Decision, DeskError> {
        let rules = self.rules(conn)?;
        self.decide_by(conn, &rules, case, now)
    }

    /// The same for a ticket that is there already.
    pub(crate) fn route_onwards(
        &self,
        conn: &mut DbConnection,
        (ticket, dossier): (&Ticket, &Dossier),
        change: CustodyChange,
        (reason, named): (Option<HandOverReason>, Option<&AuthorityCode>),
        now: Timestamp,
    ) -> Result<Decision, DeskError> {
        let case = Case {
            change,
            service: &ticket.service,
            problem_type: &ticket.problem_type,
            declared: ticket.declared_authority.as_ref(),
            requester: dossier.requester,
            channel: dossier.channel,
            reason,
            previous: ticket.previous_custodian(),
            named,
        };
        self.route(conn, &case, now)
    }

    /// Decides, and goes on past desks that do not receive requests yet (`domain.md` §9.5).
    fn decide_by(
        &self,
        conn: &mut DbConnection,
        rules: &Rules,
        case: &Case<'_>,
        now: Timestamp,
    ) -> Result<Decision, DeskError> {
        let mut pending = Vec::new();
        loop {
            let router = Router::new(&self.reference, rules, now, self.day_of(now));
            let decision = router.without(&pending).decide(case);
            let chosen = decision.target.as_ref().filter(|target| target.accepts);
            match chosen.map(|target| &target.desk) {
                Some(desk) if !self.receives(conn, desk)? => pending.push(desk.code.clone()),
                _ => return Ok(decision),
            }
        }
    }

    /// Whether a desk receives requests; once it does, it always does, and need not be asked again.
    fn receives(
        &self,
        conn: &mut DbConnection,
        desk: &domain::ticket::Desk,
    ) -> Result<bool, DeskError> {
        if desk.is_region || lock(&self.receiving).contains(&desk.code) {
            return Ok(true);
        }
        let is_open = setups::is_open(conn, &desk.code)?;
        if is_open {
            lock(&self.receiving).insert(desk.code.clone());
        }
        Ok(is_open)
    }

    /// The pool that a rule gives tickets to.
    pub(crate) fn pool_of(
        &self,
        conn: &mut DbConnection,
        route: &ByRule,
    ) -> Result<Option<Pool>, DeskError> {
        let rules = self.rules_of(conn, route.version)?;
        Ok(rules.rule(&route.rule).and_then(|rule| rule.pool))
    }

    /// The rules in force.
    fn rules(&self, conn: &mut DbConnection) -> Result<Arc<Rules>, DeskError> {
        let version = self.rules_version(conn)?;
        self.rules_of(conn, version)
    }

    /// A version of the rules: the one used last is at hand.
    fn rules_of(&self, conn: &mut DbConnection, version: i32) -> Result<Arc<Rules>, DeskError> {
        let at_hand = lock(&self.rules_at_hand).clone();
        if let Some(rules) = at_hand.filter(|rules| rules.version == version) {
            return Ok(rules);
        }
        let (_, text) = routing::find(conn, version)?.ok_or(DeskError::Broken(
            "a version of the routing rules is gone",
            None,
        ))?;
        let rules = Rules::reread(version, &file(&text)).map_err(|flaws| {
            let flaws = FlawsFound(flaws);
            DeskError::broken("a kept version of the routing rules cannot be read", flaws)
        })?;
        let rules = Arc::new(rules);
        *lock(&self.rules_at_hand) = Some(rules.clone());
        Ok(rules)
    }

    fn parse_rules(&self, version: i32, text: &str) -> Result<Rules, DeskError> {
        Rules::parse(version, &file(text), &self.reference).map_err(|flaws| {
            let at = |flaw: Flaw| flaw.at("/definition");
            DeskError::Invalid(flaws.into_iter().map(at).collect())
        })
    }

    /// The version in force, and what of it no longer fits the reference data.
    pub fn check_routing(&self) -> Result<(i32, Vec<Flaw>), DeskError> {
        let found = self.db.read(|conn| {
            let version = routing::last_version(conn)?;
            Ok::<_, DeskError>((version, routing::find(conn, version)?))
        })?;
        let (version, text) = match found {
            (version, Some((_, text))) => (version, text),
            (version, None) => (version, String::new()),
        };
        let flaws = Rules::parse(version, &file(&text), &self.reference).err();
        Ok((version, flaws.unwrap_or_default()))
    }

    /// Brings the rules an installation begins with into the database, once, and says what no longer
    /// fits the reference data in those in force.
    pub(crate) fn write_first_rules(&self, text: &str) -> Result<(), DeskError> {
        let first = RoutingVersion {
            version: 1,
            comment: None,
            in_force_from: self.clock.now(),
            created_by: None,
        };
        let kept = text.to_owned();
        self.db
            .write(move |conn| match routing::last_version(conn)? {
                0 => routing::insert_if_absent(conn, &first, &kept),
                _ => Ok(()),
            })?;
        let (version, flaws) = self.check_routing()?;
        for flaw in flaws {
            tracing::warn!(
                version,
                %flaw,
                "the routing rules in force do not fit the reference data"
            );
        }
        Ok(())
    }

    fn check_case(&self, form: &CaseForm, errors: &mut Vec<FieldError>) -> Option<CheckedCase> {
        let change = needed(errors, "/change", &form.change, CustodyChange::from_code);
        let service = needed(errors, "/service_code", &form.service_code, |code| {
            self.reference.service_any(code)
        });
        let problem_type = needed(errors, "/problem_type", &form.problem_type, |code| {
            match service {
                Some(service) => service
                    .problem_type_any(code)
                    .map(|problem| problem.code.clone()),
                None => Some(ProblemTypeCode::from(code)), // without a service there is no list to miss
            }
        });
        let mut authority = |pointer: &str, code: &Option<String>| {
            optional(errors, pointer, code, |code| {
                let found = self.reference.authority_any(code);
                found.map(|authority| authority.code.clone())
            })
        };
        let declared = authority("/authority_code", &form.authority_code);
        let previous = authority("/previous_authority_code", &form.previous_authority_code);
        let named = authority("/named_authority_code", &form.named_authority_code);
        let requester = optional(errors, "/requester", &form.requester, |code| {
            RequesterKind::from_code(code)
        });
        let channel = optional(errors, "/channel", &form.channel, Channel::from_code);
        let reason = optional(
            errors,
            "/reason_code",
            &form.reason_code,
            HandOverReason::from_code,
        );
        for (wanted, pointer, is_there) in [
            (CustodyChange::HandOver, "/reason_code", reason.is_some()),
            (
                CustodyChange::Return,
                "/previous_authority_code",
                previous.is_some(),
            ),
            (
                CustodyChange::Reroute,
                "/named_authority_code",
                named.is_some(),
            ),
        ] {
            let is_told = errors.iter().any(|error| error.pointer == pointer);
            if change == Some(wanted) && !is_there && !is_told {
                errors.push(Invalid::required().at(pointer));
            }
        }
        Some(CheckedCase {
            change: change?,
            service: service?.code.clone(),
            problem_type: problem_type?,
            declared,
            requester: requester.unwrap_or(RequesterKind::Citizen),
            channel: channel.unwrap_or(Channel::Portal),
            reason,
            previous,
            named,
        })
    }
}

/// What was wrong with rules, as the cause of a fault of ours.
#[derive(Debug)]
struct FlawsFound(Vec<Flaw>);

impl std::fmt::Display for FlawsFound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("; "))
    }
}

impl std::error::Error for FlawsFound {}

const fn file(text: &str) -> ReferenceFile<'_> {
    ReferenceFile {
        name: DEFINITION,
        text,
    }
}

fn needed<T>(
    errors: &mut Vec<FieldError>,
    pointer: &str,
    text: &Option<String>,
    read: impl FnOnce(&str) -> Option<T>,
) -> Option<T> {
    if text.as_deref().is_none_or(str::is_empty) {
        errors.push(Invalid::required().at(pointer));
        return None;
    }
    optional(errors, pointer, text, read)
}

fn optional<T>(
    errors: &mut Vec<FieldError>,
    pointer: &str,
    text: &Option<String>,
    read: impl FnOnce(&str) -> Option<T>,
) -> Option<T> {
    let found = read(text.as_deref()?);
    if found.is_none() {
        errors.push(not_in_list().at(pointer));
    }
    found
}

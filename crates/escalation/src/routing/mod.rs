//! Routing rules: data that say which desk gets a ticket whenever custody changes (ADR 0021).
//!
//! A list of rules, tried in order; the first whose conditions hold and whose desk can take the
//! ticket wins. Here is what a rule is and when it holds; [`read`] makes rules from a text and says
//! what is wrong with them, [`crate::Router`] asks them. Invariant: [`Rules::parse`] lets no list
//! pass that leaves a change of custody without a rule, or has a rule that is never reached.

mod check;
mod miss;
mod read;

use domain::actor::Pool;
use domain::catalogue::{Reference, ReferenceFile, Route};
use domain::codes::{AuthorityCode, ProblemTypeCode, RuleCode, ServiceCode};
use domain::state::{Channel, HandOverReason, RequesterKind};

pub use miss::Miss;
pub use read::Flaw;

/// The longest text of rules, in bytes.
pub const MAX_BYTES: usize = 65_536;
/// Most rules in one text.
pub const MAX_RULES: usize = 200;

/// A change of custody that asks for a desk (`domain.md` §4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CustodyChange {
    /// T01.
    Filing,
    /// T24.
    FollowUp,
    /// T13.
    HandOver,
    /// T16.
    Return,
    /// T17.
    Reroute,
}

impl CustodyChange {
    /// Every change.
    pub const ALL: [CustodyChange; 5] = [
        CustodyChange::Filing,
        CustodyChange::FollowUp,
        CustodyChange::HandOver,
        CustodyChange::Return,
        CustodyChange::Reroute,
    ];

    /// The code used in rules and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            CustodyChange::Filing => "filing",
            CustodyChange::FollowUp => "follow-up",
            CustodyChange::HandOver => "hand-over",
            CustodyChange::Return => "return",
            CustodyChange::Reroute => "reroute",
        }
    }

    /// The change with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        CustodyChange::ALL
            .into_iter()
            .find(|change| change.as_str() == code)
    }
}

/// Where a rule sends a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// The authority the requester named.
    Declared,
    /// The regional desk.
    Region,
    /// The authority that had it before the region.
    Previous,
    /// The authority the region names.
    Named,
    /// One authority, whatever was named.
    Authority(AuthorityCode),
}

impl Destination {
    /// Whether a ticket can go there at that change: only a health authority or the region has custody
    /// (I-1), and a hand-over, a return and a re-route are what their names say.
    pub const fn fits(&self, change: CustodyChange) -> bool {
        use CustodyChange as C;
        match self {
            Destination::Declared => matches!(change, C::Filing | C::FollowUp),
            Destination::Region => matches!(change, C::Filing | C::FollowUp | C::HandOver),
            Destination::Previous => matches!(change, C::Return),
            Destination::Named => matches!(change, C::Reroute),
            Destination::Authority(_) => matches!(change, C::Filing | C::FollowUp | C::Reroute),
        }
    }
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its code.
    pub code: RuleCode,
    /// What people call it.
    pub label: Option<String>,
    /// What it is asked about.
    pub changes: Vec<CustodyChange>,
    /// What must hold.
    pub conditions: Conditions,
    /// Where it sends a ticket.
    pub destination: Destination,
    /// The pool of that desk which is given the ticket.
    pub pool: Option<Pool>,
}

/// What must hold for a rule to match; `None` holds always.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions {
    /// One of these services.
    pub services: Option<Vec<ServiceCode>>,
    /// What the catalogue says of the service.
    pub service_route: Option<Route>,
    /// One of these problem types.
    pub problem_types: Option<Vec<ProblemTypeCode>>,
    /// One of these was named by the requester, or took over from who was.
    pub declared_authorities: Option<Vec<AuthorityCode>>,
    /// One of these sorts of requester.
    pub requesters: Option<Vec<RequesterKind>>,
    /// One of these channels.
    pub channels: Option<Vec<Channel>>,
    /// One of these reasons of a hand-over.
    pub reasons: Option<Vec<HandOverReason>>,
    /// Whether the authority named by the requester is open.
    pub declared_authority_open: Option<bool>,
    /// Whether the regional desk is open.
    pub region_open: Option<bool>,
}

/// A ticket that needs a desk, with all that rules may ask about it. Nothing personal.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// Why it needs one.
    pub change: CustodyChange,
    /// The service.
    pub service: &'a ServiceCode,
    /// The problem type.
    pub problem_type: &'a ProblemTypeCode,
    /// The authority the requester named.
    pub declared: Option<&'a AuthorityCode>,
    /// Who filed it.
    pub requester: RequesterKind,
    /// How it came in.
    pub channel: Channel,
    /// Why it is handed over.
    pub reason: Option<HandOverReason>,
    /// Who had it before the region.
    pub previous: Option<&'a AuthorityCode>,
    /// Whom the region names.
    pub named: Option<&'a AuthorityCode>,
}

/// Rules, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Which version of the installation's rules; 0 for rules that are not kept.
    pub version: i32,
    rules: Vec<Rule>,
}

impl Rules {
    /// Reads rules and checks them against the reference data, or says all that is wrong with them.
    pub fn parse(
        version: i32,
        file: &ReferenceFile<'_>,
        reference: &Reference,
    ) -> Result<Self, Vec<Flaw>> {
        let (rules, flaws) = read::rules(file)?;
        let mut flaws = check::complete(file, &rules, reference, flaws);
        flaws.sort_by_key(|flaw| flaw.line);
        match flaws.is_empty() {
            true => Ok(Rules {
                version,
                rules: rules.into_iter().map(|placed| placed.rule).collect(),
            }),
            false => Err(flaws),
        }
    }

    /// Reads rules that were checked when they were entered. Reference data may have changed since: a
    /// code that is gone matches nothing, and a desk that is gone is passed over.
    pub fn reread(version: i32, file: &ReferenceFile<'_>) -> Result<Self, Vec<Flaw>> {
        let (rules, flaws) = read::rules(file)?;
        match flaws.is_empty() {
            true => Ok(Rules {
                version,
                rules: rules.into_iter().map(|placed| placed.rule).collect(),
            }),
            false => Err(flaws),
        }
    }

    /// The rules, in their order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule with this code.
    pub fn rule(&self, code: &RuleCode) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.code == *code)
    }
}

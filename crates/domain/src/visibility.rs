//! Who may see which ticket, and which of its entries (`domain.md` §2.2, §5.2, P-1).
//!
//! Storage turns a [`Scope`] into SQL; these functions say what that SQL must mean, and the
//! storage tests compare the two.

use crate::actor::{Actor, Staff};
use crate::codes::AuthorityCode;
use crate::ids::TicketId;
use crate::note::Audience;
use crate::permissions::{Reach, Right, reach};
use crate::state::{Priority, State};
use crate::tax_code::TaxCode;
use crate::ticket::{Desk, Leg, LegOutcome, Ticket};

/// What an actor may see. Every read takes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// An authority: what it has in custody, and its own closed legs, read only.
    Authority(AuthorityCode),
    /// The regional desk, whose code it carries: every ticket.
    Region(AuthorityCode),
    /// A citizen: what they filed for themselves, and what is about those who delegated them
    /// (ID-6). What they filed for a delegator is the delegator's, so it goes with the delegation.
    Citizen {
        /// Issuer and subject of the identity, joined; never an e-mail address.
        identity: String,
        /// Their own tax code.
        tax_code: TaxCode,
        /// Those whose delegation was active when the source was asked, just now.
        delegators: Vec<TaxCode>,
    },
    /// A tracking session: the ticket it was opened for, and what follows up on it.
    Tracking(TicketId),
    /// The technical desk with this code: its activities, and no ticket.
    Technical(AuthorityCode),
    /// The scheduler.
    System,
    /// Nothing at all.
    Nothing,
}

impl Scope {
    /// The scope of a placement. Who works no cases sees none (P-3).
    pub fn of(staff: &Staff) -> Self {
        match reach(staff.role, Right::ReadTickets) {
            Reach::Desk => Scope::Authority(staff.authority.clone()),
            Reach::Region | Reach::All => Scope::Region(staff.authority.clone()),
            Reach::Activities => Scope::Technical(staff.authority.clone()),
            Reach::No => Scope::Nothing,
        }
    }

    /// Whether a citizen reaches a ticket that a citizen filed. Storage asks the same in SQL.
    pub fn reaches_citizens(&self, filed: FiledFacts<'_>) -> bool {
        match self {
            Scope::Citizen {
                identity,
                tax_code,
                delegators,
            } => {
                let is_own = filed.identity == identity && filed.tax_code == tax_code.as_str();
                is_own || delegators.iter().any(|one| one.as_str() == filed.tax_code)
            }
            _ => false,
        }
    }

    /// Whether a ticket about the person with this tax code is about somebody else than its reader,
    /// who then reads it as a delegate.
    pub fn is_another(&self, person: &str) -> bool {
        matches!(self, Scope::Citizen { tax_code, .. } if tax_code.as_str() != person)
    }
}

/// The facts about a citizen's ticket that decide which citizens reach it.
#[derive(Clone, Copy)]
pub struct FiledFacts<'a> {
    /// Issuer and subject of who filed it.
    pub identity: &'a str,
    /// The tax code of who it is about.
    pub tax_code: &'a str,
}

/// How much of a ticket a desk sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// All that its custodian sees.
    Custodian,
    /// Everything up to and with this entry: the desk's last closed leg.
    Until(i64),
    /// The regional desk's view.
    Region,
    /// The requester's own view.
    Requester,
}

impl View {
    /// Whether it knows of technical activities: the region's alone, also once an authority has the
    /// ticket back (`domain.md` §5.2).
    pub const fn knows_of_activities(self) -> bool {
        matches!(self, View::Region)
    }
}

/// The view `scope` has of `ticket`, or none. Requester scopes are proved by the query that found it.
pub fn view_of(ticket: &Ticket, scope: &Scope) -> Option<View> {
    match scope {
        Scope::Region(_) | Scope::System => Some(View::Region),
        Scope::Citizen { .. } | Scope::Tracking(_) => Some(View::Requester),
        Scope::Authority(code) if ticket.custodian.code == *code => Some(View::Custodian),
        Scope::Authority(code) => ticket
            .legs
            .iter()
            .filter(|leg| leg.custodian == *code)
            .filter_map(|leg| leg.closed.as_ref().map(|closed| closed.seq))
            .max()
            .map(View::Until),
        Scope::Technical(_) | Scope::Nothing => None,
    }
}

/// The ticket as `desk` left it at the end of its last closed leg: what happened since is not its
/// affair any more (P-1). Descriptive members are not kept by leg, so they are left out.
pub fn as_left_by(ticket: &Ticket, desk: &AuthorityCode) -> Option<Ticket> {
    let is_own = |leg: &Leg| leg.custodian == *desk && leg.closed.is_some();
    let last = ticket.legs.iter().rposition(is_own)?;
    let end = ticket.legs.get(last)?.closed.as_ref()?;
    let next = ticket.legs.get(last + 1)?;
    let legs: Vec<Leg> = ticket.legs.iter().take(last + 1).cloned().collect();
    let returns = legs.iter().filter_map(|leg| leg.closed.as_ref());
    let bounces = returns
        .filter(|end| end.outcome == LegOutcome::Returned)
        .count();
    Some(Ticket {
        version: end.seq,
        // An authority loses custody by handing over alone (T13).
        state: State::NotCompetent,
        merged_into: None,
        custodian: Desk {
            code: next.custodian.clone(),
            is_region: true,
        },
        assignee: None,
        bounces: i32::try_from(bounces).unwrap_or(i32::MAX),
        reopens: 0,
        reminders: 0,
        nudges: 0,
        nudged_at: None,
        anonymised_at: None,
        needs_attention: false,
        priority: Priority::Medium,
        kind: None,
        tags: Vec::new(),
        playbook: None,
        updated_at: end.at,
        legs,
        ..ticket.clone()
    })
}

/// The facts about an entry's text that decide who reads it.
#[derive(Debug, Clone, Copy)]
pub struct EntryFacts<'a> {
    /// Position in the ticket's history.
    pub seq: i64,
    /// For whom.
    pub audience: Audience,
    /// The author's desk.
    pub team: Option<&'a AuthorityCode>,
    /// The desk addressed.
    pub party: Option<&'a AuthorityCode>,
}

/// Whether somebody with `view` from desk `own` (none for the requester) may read the text.
pub fn may_read(entry: EntryFacts<'_>, view: View, own: Option<&AuthorityCode>) -> bool {
    let is_own_team = entry.team.is_some() && entry.team == own;
    let is_addressed = entry.party.is_some() && entry.party == own;
    match (view, entry.audience) {
        (View::Requester, audience) => audience == Audience::Citizen,
        (_, Audience::Team) => is_own_team,
        (View::Region, _) => true,
        (View::Custodian, Audience::Citizen) => true,
        (View::Until(last), Audience::Citizen) => entry.seq <= last,
        (
            View::Custodian | View::Until(_),
            Audience::Region | Audience::Authority | Audience::Technical,
        ) => is_own_team || is_addressed,
    }
}

impl Actor {
    /// The desk the actor writes for.
    pub fn team(&self) -> Option<&AuthorityCode> {
        match self {
            Actor::Staff(staff) => Some(&staff.authority),
            Actor::System | Actor::Requester => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of (delegators, who filed, about whom) → whether Mario reaches it, and as a delegate.
    #[test]
    fn a_citizen_reaches_their_own_and_their_delegators_tickets() {
        const MARIO: &str = "RSSMRA80A01H501U";
        const ANNA: &str = "BNCNNA85D52L219A";
        let code = |text| TaxCode::parse(text, true).unwrap();
        let rows: [(&[&str], &str, &str, bool); 8] = [
            (&[], "mario", MARIO, true),
            (&[], "mario", ANNA, false),
            (&[], "anna", ANNA, false),
            (&[], "anna", MARIO, false),
            (&[ANNA], "mario", MARIO, true),
            (&[ANNA], "mario", ANNA, true),
            (&[ANNA], "anna", ANNA, true),
            (&[ANNA], "anna", MARIO, false),
        ];
        for (delegators, identity, tax_code, reached) in rows {
            let scope = Scope::Citizen {
                identity: "mario".to_owned(),
                tax_code: code(MARIO),
                delegators: delegators.iter().copied().map(code).collect(),
            };
            let filed = FiledFacts { identity, tax_code };
            let row = format!("{delegators:?} {identity} {tax_code}");
            assert_eq!(scope.reaches_citizens(filed), reached, "{row}");
            assert_eq!(scope.is_another(tax_code), tax_code != MARIO, "{row}");
        }
        let filed = FiledFacts {
            identity: "mario",
            tax_code: MARIO,
        };
        assert!(!Scope::System.reaches_citizens(filed) && !Scope::System.is_another(ANNA));
    }

    /// The table of `domain.md` §5.2, a row each: audience, author, party → who reads.
    #[test]
    fn each_party_reads_what_the_table_says() {
        let (to4, cn1, region) = (
            AuthorityCode::from("010204"),
            AuthorityCode::from("010210"),
            AuthorityCode::from("REG010"),
        );
        let readers = |audience, team: Option<&AuthorityCode>, party: Option<&AuthorityCode>| {
            let entry = EntryFacts {
                seq: 5,
                audience,
                team,
                party,
            };
            [
                ("requester", may_read(entry, View::Requester, None)),
                ("cn1", may_read(entry, View::Custodian, Some(&cn1))),
                ("to4-past", may_read(entry, View::Until(9), Some(&to4))),
                ("to4-gone", may_read(entry, View::Until(4), Some(&to4))),
                ("region", may_read(entry, View::Region, Some(&region))),
            ]
            .into_iter()
            .filter_map(|(who, reads)| reads.then_some(who))
            .collect::<Vec<_>>()
            .join(" ")
        };
        assert_eq!(
            readers(Audience::Citizen, Some(&cn1), None),
            "requester cn1 to4-past region"
        );
        assert_eq!(readers(Audience::Team, Some(&cn1), None), "cn1");
        assert_eq!(
            readers(Audience::Team, Some(&to4), None),
            "to4-past to4-gone"
        );
        assert_eq!(readers(Audience::Team, Some(&region), None), "region");
        assert_eq!(
            readers(Audience::Region, Some(&to4), None),
            "to4-past to4-gone region"
        );
        assert_eq!(
            readers(Audience::Authority, Some(&region), Some(&cn1)),
            "cn1 region"
        );
        assert_eq!(readers(Audience::Technical, Some(&region), None), "region");
    }
}

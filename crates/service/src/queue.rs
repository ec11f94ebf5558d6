//! Lists, searches and counters of a placement.

use domain::actor::{Assignee, Pool, Staff};
use domain::ids::{AccountId, TicketId};
use domain::visibility::Scope;
use storage::list;
use storage::queue_counts::{self, Counters};
use storage::{sla, ticket_texts};

pub use storage::accounts::Colleague;
pub use storage::list::{Filter, Item, Key, Order, Page};
pub use storage::sla::Standing;

use crate::{Desk, DeskError};

/// Whom tickets of a desk can be given to.
pub struct Assignees {
    /// Active people of the desk.
    pub colleagues: Vec<Colleague>,
    /// Who of them is away today.
    pub away: Vec<AccountId>,
    /// Its pools.
    pub pools: Vec<Pool>,
}

/// A page of a list.
pub struct TicketsFound {
    /// The tickets.
    pub items: Vec<Item>,
    /// Where words were asked for: why some that hold them may not be here.
    pub gaps: Option<Vec<SearchGap>>,
    /// Where the list goes on if it was cut short.
    pub looked_to: Option<(Key, TicketId)>,
}

/// Why a search by words did not look everywhere it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchGap {
    /// It looked into as many tickets as one answer may cost.
    Capped,
    /// The words of older tickets are still being made.
    Indexing,
}

impl SearchGap {
    /// Every reason.
    pub const ALL: [SearchGap; 2] = [SearchGap::Capped, SearchGap::Indexing];

    /// The code in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            SearchGap::Capped => "capped",
            SearchGap::Indexing => "indexing",
        }
    }
}

impl Desk {
    /// A page of the tickets in the placement's scope.
    pub fn list_tickets(
        &self,
        staff: &Staff,
        filter: Filter,
        page: &Page,
    ) -> Result<TicketsFound, DeskError> {
        let filter = self.spelled_as_in_the_catalogue(filter);
        let reading = self.reading_of(staff, None)?;
        let scope = &reading.scope;
        let found = self.db.read_in(scope, |conn| {
            let list::Found {
                mut items,
                is_capped,
                looked_to,
            } = list::list(conn, scope, &filter, page)?;
            let gaps = match filter.text {
                Some(_) => {
                    let is_building = ticket_texts::is_building(conn)?;
                    let capped = is_capped.then_some(SearchGap::Capped);
                    let indexing = is_building.then_some(SearchGap::Indexing);
                    Some(capped.into_iter().chain(indexing).collect())
                }
                None => None,
            };
            let ids: Vec<TicketId> = items.iter().map(|item| item.id).collect();
            let standings = sla::list_standings(conn, &ids)?;
            for item in &mut items {
                item.sla = standings.get(&item.id).copied();
            }
            Ok::<_, DeskError>(TicketsFound {
                items,
                gaps,
                looked_to,
            })
        })?;
        self.note_use(&reading)?;
        Ok(found)
    }

    /// Codes compare without letter case (`domain.md` §7.3); rows keep the catalogue's spelling.
    fn spelled_as_in_the_catalogue(&self, filter: Filter) -> Filter {
        let service = filter
            .service_code
            .as_deref()
            .and_then(|code| self.reference.service_any(code));
        let authority = filter
            .authority_code
            .as_deref()
            .and_then(|code| self.reference.authority_any(code));
        Filter {
            service_code: service
                .map(|one| one.code.to_string())
                .or(filter.service_code),
            authority_code: authority
                .map(|one| one.code.to_string())
                .or(filter.authority_code),
            problem_type: filter.problem_type.map(|code| code.to_ascii_lowercase()),
            ..filter
        }
    }

    /// The counters of the placement's queue.
    pub fn count_queue(&self, staff: &Staff) -> Result<Counters, DeskError> {
        let scope = Scope::of(staff);
        if matches!(scope, Scope::Technical(_) | Scope::Nothing) {
            return Ok(Counters::default());
        }
        let me = Assignee::Operator(staff.account);
        Ok(self.db.read_keyed_in(&scope, |conn| {
            queue_counts::count(conn, &staff.authority, &me, self.clock.now())
        })?)
    }

    /// Whom the placement's tickets can be given to.
    pub fn list_assignees(&self, staff: &Staff) -> Result<Assignees, DeskError> {
        let today = self.today();
        let (mut colleagues, away) = self.db.read_snapshot(|conn| {
            let colleagues = storage::accounts::list_colleagues(conn, &staff.authority)?;
            let away = storage::absences::list_away(conn, &staff.authority, today)?;
            Ok::<_, DeskError>((colleagues, away))
        })?;
        colleagues.dedup_by_key(|colleague| colleague.account);
        Ok(Assignees {
            colleagues,
            away,
            pools: vec![Pool::Supervisors],
        })
    }
}

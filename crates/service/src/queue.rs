//! Lists, searches and counters of a placement.

use domain::actor::{Assignee, Pool, Staff};
use domain::visibility::Scope;
use storage::list::{self, Counters};

pub use storage::accounts::Colleague;
pub use storage::list::{Filter, Item, Key, Order, Page};

use crate::{Desk, DeskError};

/// Whom tickets of a desk can be given to.
pub struct Assignees {
    /// Active people of the desk.
    pub colleagues: Vec<Colleague>,
    /// Its pools.
    pub pools: Vec<Pool>,
}

impl Desk {
    /// A page of the tickets in the placement's scope.
    pub fn list_tickets(
        &self,
        staff: &Staff,
        filter: &Filter,
        page: &Page,
    ) -> Result<Vec<Item>, DeskError> {
        Ok(self
            .db
            .read(|conn| list::list(conn, &Scope::of(staff), filter, page))?)
    }

    /// The counters of the placement's queue.
    pub fn count_queue(&self, staff: &Staff) -> Result<Counters, DeskError> {
        if Scope::of(staff) == Scope::Nothing {
            return Ok(Counters::default());
        }
        let me = Assignee::Operator(staff.account);
        Ok(self
            .db
            .read(|conn| list::count(conn, &staff.authority, &me, self.clock.now()))?)
    }

    /// Whom the placement's tickets can be given to.
    pub fn list_assignees(&self, staff: &Staff) -> Result<Assignees, DeskError> {
        let mut colleagues = self
            .db
            .read(|conn| storage::accounts::list_colleagues(conn, &staff.authority))?;
        colleagues.dedup_by_key(|colleague| colleague.account);
        Ok(Assignees {
            colleagues,
            pools: vec![Pool::Supervisors],
        })
    }
}

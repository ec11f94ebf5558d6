//! The life of the data keys: the next one for a desk, sealing anew what older ones sealed, and their
//! destruction (`docs/adr/0033`).

use domain::audit::AuditActor;
use domain::visibility::Scope;
use jiff::SignedDuration;
use storage::data_keys::{self, KeyRow};
use storage::holds;
use storage::keyring::{self, INSTALLATION};
use storage::privacy;
use storage::reseal::{self, Walk, Wanted};
use storage::scrub;
use storage::trail::{Beginning, Trail};

use storage::{DbConnection, StoreError};

use crate::resealing::FilesResealed;
use crate::{Desk, DeskError};

/// Every node has looked for new keys by then, and seals with a retired one and searches without the next
/// one's prints no more.
const NODES_KNOW_AFTER: SignedDuration = SignedDuration::from_mins(1);

/// How the data keys stand.
#[derive(Clone)]
pub struct KeysStatus {
    /// The id of the master key that wraps them.
    pub master: String,
    /// Every key, the oldest first, with how many values it sealed.
    pub keys: Vec<(KeyRow, i64)>,
    /// Values that are not sealed, in columns that are.
    pub plain: i64,
    /// Whether the files of the database may still hold values from before they were sealed.
    pub has_remnants: bool,
}

/// What the destruction of a desk's keys leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destruction {
    /// Values that become unreadable.
    pub values: i64,
    /// Tickets in the custody of others, whose data are kept under the others' keys.
    pub elsewhere: i64,
}

/// The keys, and the desks whose texts are sealed.
fn read_keys(conn: &mut DbConnection) -> Result<(Vec<KeyRow>, Vec<String>), StoreError> {
    Ok((data_keys::list(conn)?, privacy::list_sealing(conn)?))
}

impl Desk {
    /// How the data keys stand.
    pub fn show_keys(&self) -> Result<KeysStatus, DeskError> {
        let keyring = self.db.keyring()?;
        let (rows, counts, has_remnants) = self.db.read_in(&Scope::System, |conn| {
            let rows = data_keys::list(conn)?;
            let counts = reseal::count_by_key(conn)?;
            Ok::<_, DeskError>((rows, counts, scrub::has_remnants(conn)?))
        })?;
        let count = |id: i64| {
            counts
                .iter()
                .find(|(key, _)| *key == id)
                .map_or(0, |one| one.1)
        };
        Ok(KeysStatus {
            master: keyring.master().id().to_owned(),
            plain: count(0),
            has_remnants,
            keys: rows
                .into_iter()
                .map(|row| (row.clone(), count(row.id)))
                .collect(),
        })
    }

    /// Retires the key in use of this desk, or of every desk and of what belongs to none, and adds the
    /// next. What older keys sealed opens as before; [`Desk::work_keys`] seals it anew.
    pub fn rotate_data_keys(&self, desk: Option<&str>) -> Result<usize, DeskError> {
        let now = self.clock.now();
        let wanted = desk.map(str::to_owned);
        let rotated = self.by_operator("rotate_data_keys").within(|| {
            self.db.write(move |conn| {
                let keys = keyring::current()?;
                let rows = data_keys::list(conn)?;
                let in_use = rows.into_iter().filter(KeyRow::is_in_use);
                let mut rotated = 0;
                for row in in_use.filter(|row| wanted.as_ref().is_none_or(|desk| *desk == row.desk))
                {
                    keys.rotate(conn, &row.desk, now)?;
                    rotated += 1;
                }
                Ok::<_, DeskError>(rotated)
            })
        })?;
        self.db.keyring()?.reload()?;
        Ok(rotated)
    }

    /// Learns of keys that other nodes made, and seals anew what older keys sealed, until nothing is under
    /// one of them or `is_stopping` says so; a key that was retired just now is left until every node knows
    /// the next. The answer is how many values were sealed.
    pub fn work_keys(&self, is_stopping: &dyn Fn() -> bool) -> Result<usize, DeskError> {
        let (rows, sealing) = self.db.read(read_keys)?;
        let now = self.clock.now();
        let is_due = |row: &KeyRow| {
            let since = row.retired_at().map(|at| now.duration_since(at));
            row.is_leaving() && since.is_some_and(|since| since >= NODES_KNOW_AFTER)
        };
        let leaving: Vec<i64> = rows
            .iter()
            .filter(|row| is_due(row))
            .map(|row| row.id)
            .collect();
        self.db.keyring()?.take(rows, sealing)?;
        let walk = self.reseal(leaving.clone(), is_stopping)?;
        if !leaving.is_empty() && walk.found_nothing() {
            self.db
                .write(move |conn| data_keys::set_vacated(conn, &leaving, now))?;
        }
        Ok(walk.written)
    }

    fn reseal(&self, keys: Vec<i64>, is_stopping: &dyn Fn() -> bool) -> Result<Walk, DeskError> {
        let has_work = !keys.is_empty();
        let mut walk = Walk::new(Wanted::Leaving(keys));
        while has_work && !is_stopping() && walk.step(&self.db, self.clock.now())? {}
        Ok(walk)
    }

    /// Gives each file whose secret a retired key sealed another secret, and stores it anew: after a key
    /// leaked (`docs/adr/0031`). Before the rows are sealed anew, which then tell of no older key.
    pub async fn renew_all_files(&self) -> Result<FilesResealed, DeskError> {
        let mut all = FilesResealed::default();
        for row in self.db.read(data_keys::list)? {
            if row.is_in_use() || row.wrapped.is_none() {
                continue;
            }
            let run = self.renew_files(row.id).await?;
            all.done += run.done;
            all.failed += run.failed;
        }
        Ok(all)
    }

    /// Seals anew at once until nothing more is found under an older key; the answer is how many values
    /// were.
    pub fn reseal_until_done(&self, tell: &dyn Fn(usize)) -> Result<usize, DeskError> {
        let mut all = 0;
        loop {
            let (rows, sealing) = self.db.read(read_keys)?;
            let leaving = rows.iter().filter(|row| row.is_leaving());
            let leaving = leaving.map(|row| row.id).collect();
            self.db.keyring()?.take(rows, sealing)?;
            let written = self.reseal(leaving, &|| false)?.written;
            all += written;
            tell(all);
            if written == 0 {
                return Ok(all);
            }
        }
    }

    /// What the destruction of a desk's keys would lead to; changes nothing.
    pub fn foresee_destruction(&self, desk: &str) -> Result<Destruction, DeskError> {
        let status = self.show_keys()?;
        let elsewhere = self
            .db
            .read_in(&Scope::System, |conn| reseal::count_elsewhere(conn, desk))?;
        let of_desk = status.keys.iter().filter(|(row, _)| row.desk == desk);
        Ok(Destruction {
            values: of_desk.map(|(_, values)| values).sum(),
            elsewhere,
        })
    }

    /// Destroys the keys of a desk, once what hangs on tickets in others' custody is sealed with the
    /// others' keys; refused (`DeskError::Busy`) while that is not all done. What is written for the
    /// desk from then on has a new key.
    pub fn destroy_keys(&self, desk: &str) -> Result<Destruction, DeskError> {
        if desk == INSTALLATION {
            return Err(DeskError::NotFound);
        }
        let now = self.clock.now();
        let keys = self.keys_of(desk)?;
        self.db.write_in(&Scope::System, {
            let desk = desk.to_owned();
            move |conn| reseal::move_tickets(conn, &desk)
        })?;
        let wanted = Wanted::Moved {
            keys,
            desk: desk.to_owned(),
        };
        let mut walk = Walk::new(wanted);
        while walk.step(&self.db, now)? {}
        if walk.unreadable > 0 {
            return Err(DeskError::Busy);
        }
        let foreseen = self.foresee_destruction(desk)?;
        self.by_operator("destroy_data_keys").within(|| {
            let desk = desk.to_owned();
            self.db.write_in(&Scope::System, move |conn| {
                // What is under a hold stays; and somebody may have handed one over meanwhile.
                let code = desk.as_str().into();
                if holds::exists_for_desk(conn, &code, now)?
                    || reseal::count_elsewhere(conn, &desk)? > 0
                {
                    return Err(DeskError::Busy);
                }
                keyring::current()?.destroy(conn, &desk, now)?;
                Ok(())
            })
        })?;
        if !self.db.scrub_keys()? {
            tracing::warn!(
                "dead rows of data_keys still hold the destroyed keys, wrapped: the table is another \
                 role's, who has to run `sportello keys scrub`"
            );
        }
        self.db.keyring()?.reload()?;
        Ok(foreseen)
    }

    fn keys_of(&self, desk: &str) -> Result<Vec<i64>, DeskError> {
        let rows = self.db.read(data_keys::list)?;
        let own = rows.into_iter().filter(|row| row.desk == desk);
        Ok(own.map(|row| row.id).collect())
    }

    /// The trail of a command at the machine.
    fn by_operator(&self, operation: &str) -> Trail {
        Trail::begin(Beginning {
            id: self.ids.uuid(),
            at: self.clock.now(),
            actor: AuditActor::Operator,
            operation: operation.to_owned(),
            purpose: None,
            correlation: None,
        })
    }
}

//! `sportello keys`: the key that signs tokens, the master key, and the keys of the data.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use domain::audit::AuditActor;
use service::Ids;
use service::clock::SystemIds;
use service::keys::{Destruction, KeysStatus};
use storage::data_keys::{self, KeyRow};
use storage::keyring::INSTALLATION;
use storage::trail::{Beginning, Trail};
use storage::{Db, StoreError};

use crate::cli::{KeysCommand, RotateData};
use crate::config::Config;
use crate::demo::Demo;
use crate::master::{self, Masters};
use crate::{commands, instance, keys, out};

/// How often a change of the master key begins anew because a key was added meanwhile.
const TRIES: usize = 5;

/// Keeps the keys.
pub(crate) fn run(config: &Config, command: &KeysCommand) -> anyhow::Result<ExitCode> {
    let folder = config.keys();
    match command {
        KeysCommand::Rotate => {
            let key = keys::rotate_signing_key(&folder)?;
            let id = key.id();
            out::say(&format!(
                "tokens are signed with {id} from the next start on"
            ))?;
        }
        KeysCommand::ForgetOld => {
            let was_there = keys::forget_previous_signing_key(&folder)?;
            tell_forgotten(was_there)?;
        }
        KeysCommand::Init => init(config)?,
        KeysCommand::Status => show(config)?,
        KeysCommand::RotateMaster => rotate_master(config)?,
        KeysCommand::ForgetMaster => {
            let was_there = Masters::of(config).forget_previous(master::needed(&open(config)?)?)?;
            tell_forgotten(was_there)?;
        }
        KeysCommand::RotateData(args) => rotate_data(config, args)?,
        KeysCommand::Reseal { until_done: _ } => reseal(config)?,
        KeysCommand::Scrub => scrub(config)?,
        KeysCommand::Destroy { desk, yes_destroy } => {
            destroy(config, desk, yes_destroy.as_deref())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn tell_forgotten(was_there: bool) -> anyhow::Result<()> {
    out::say(if was_there {
        "forgotten"
    } else {
        "there is no older key"
    })
}

/// Refused where data keys are: another master key would open none of them.
fn init(config: &Config) -> anyhow::Result<()> {
    if !is_new(config) {
        let db = Db::open(&config.database).context("database.url")?;
        if db.pending()?.iter().all(|version| version != DATA_KEYS) {
            ensure!(
                !db.read(data_keys::has_any)?,
                "the database has data keys already, wrapped by another master key: restore that one \
                 from its backup"
            );
        }
    }
    let masters = Masters::of(config);
    out::say(&masters.begin()?)?;
    if masters.is_file() {
        out::say(&format!(
            "keep a copy of {} apart from the backups of the database: without it nobody can read them",
            masters.file().display()
        ))?;
    }
    Ok(())
}

/// The migration that brought the table of data keys.
const DATA_KEYS: &str = "00000000000021";

fn is_new(config: &Config) -> bool {
    let path = config.database.url.strip_prefix("sqlite://");
    path.is_some_and(|path| !Path::new(path).exists())
}

/// The database alone, up to date: the master key may be in between two.
fn open(config: &Config) -> anyhow::Result<Db> {
    ensure!(!is_new(config), "there is no database yet");
    let db = Db::open(&config.database).context("database.url")?;
    ensure!(
        db.pending()?.is_empty(),
        "the database is behind this program: run `sportello migrate`"
    );
    Ok(db)
}

/// The data keys are wrapped anew outside and put in place in one transaction; only then the files get
/// their names. Cut off anywhere, the installation starts: each start takes the master key that the data
/// keys name, and running this again goes on.
fn rotate_master(config: &Config) -> anyhow::Result<()> {
    let db = open(config)?;
    let masters = Masters::of(config);
    let needed = master::needed(&db)?
        .context("there are no data keys yet; they are made at the first start")?;
    if !masters.is_unsettled(&needed)? {
        let next = masters.next(&needed)?;
        let from = masters.open(Some(&needed))?;
        // The trail's entry of this very change is sealed, too.
        db.unlock(from.clone()).map_err(master::explain)?;
        // Its id is known only to whoever rewraps.
        let id = next.id().to_owned();
        let mut tries = 0;
        loop {
            let rows = db.read(data_keys::list)?;
            let keys = data_keys::rewrap(&rows, from.as_ref(), next.as_ref())
                .map_err(|error| master::explain(error.into()))?;
            let id = id.clone();
            let now = instance::clock(Demo::find(config)?.as_ref()).now();
            let trail = Trail::begin(Beginning {
                id: SystemIds.uuid(),
                at: now,
                actor: AuditActor::Operator,
                operation: String::from("rotate_master_key"),
                purpose: None,
                correlation: None,
            });
            let written =
                trail.within(|| db.write(move |conn| data_keys::put_rewrapped(conn, &keys, &id)));
            tries += 1;
            match written {
                Err(StoreError::Stale) if tries < TRIES => {}
                other => break other.context("the data keys stay as they are")?,
            }
        }
    }
    let now = master::needed(&db)?.unwrap_or_default();
    masters.settle(&now)?;
    out::say(&format!(
        "the data keys are wrapped by the master key {now}"
    ))?;
    out::say(masters.after_change())
}

fn show(config: &Config) -> anyhow::Result<()> {
    open(config)?;
    let status = commands::look(config)?.desk.show_keys()?;
    let masters = Masters::of(config);
    out::say(&format!(
        "master key {} ({})",
        status.master,
        masters.shown()
    ))?;
    for (row, values) in &status.keys {
        out::say(&line(row, *values))?;
    }
    out::say(&summary(&status))
}

fn line(row: &KeyRow, values: i64) -> String {
    let desk = match row.desk.as_str() {
        INSTALLATION => "(no desk)",
        code => code,
    };
    let state = match (row.retired_at(), row.destroyed_at()) {
        (None, _) => format!("in use, {values} values"),
        (_, Some(at)) => format!("destroyed {at}, {values} values nobody can read"),
        (Some(at), None) if values == 0 => format!("retired {at}, nothing under it"),
        (Some(at), None) => format!("retired {at}, {values} values still under it"),
    };
    format!(
        "{desk:<10} generation {:<3} key {:<4} {state}",
        row.generation, row.id
    )
}

/// How the keys stand in one line, also for `doctor`.
pub(super) fn summary(status: &KeysStatus) -> String {
    let leaving = status
        .keys
        .iter()
        .filter(|(row, _)| !row.is_in_use() && row.destroyed_at().is_none());
    let under_older: i64 = leaving.map(|(_, values)| values).sum();
    let mut text = match under_older {
        0 => String::from("nothing is sealed with an older key"),
        values => format!("{values} values are still sealed with older keys"),
    };
    if status.plain > 0 {
        text.push_str(&format!("; {} values are NOT sealed", status.plain));
    }
    if status.has_remnants {
        text.push_str(
            "; what was plain may still be in the database's files: `sportello keys scrub`",
        );
    }
    text
}

fn rotate_data(config: &Config, args: &RotateData) -> anyhow::Result<()> {
    let desk = commands::open(config)?.desk;
    let rotated = desk.rotate_data_keys(args.desk.as_deref())?;
    ensure!(
        rotated > 0,
        "--desk: there is no such authority, or it has no key"
    );
    if args.renew_files {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let files = runtime.block_on(desk.renew_all_files())?;
        out::say(&format!(
            "{} files stored anew with another secret, {} could not be",
            files.done, files.failed
        ))?;
    }
    out::say(&format!(
        "{rotated} new keys; what older ones sealed is sealed anew in the background by a running server, \
         or at once by: sportello keys reseal --until-done"
    ))
}

fn reseal(config: &Config) -> anyhow::Result<()> {
    let desk = commands::open(config)?.desk;
    let values = desk.reseal_until_done(&|values| {
        tracing::info!(values, "values were sealed anew");
    })?;
    out::say(&format!(
        "{values} values sealed anew; {}",
        summary(&desk.show_keys()?)
    ))
}

/// By whoever owns the tables, where that is another role.
fn scrub(config: &Config) -> anyhow::Result<()> {
    let db = open(config)?;
    let owner = config.database_owner.as_ref().map(Db::open).transpose();
    let owner = owner.context("database.owner_url")?;
    let is_done = owner.as_ref().unwrap_or(&db).scrub();
    ensure!(
        is_done.context("the database was not written anew")?,
        "the tables are another role's: name it with database.owner_url"
    );
    out::say("the tables are written anew, and their files hold nothing of what was there before")
}

fn destroy(config: &Config, code: &str, confirmed: Option<&str>) -> anyhow::Result<()> {
    let desk = commands::open(config)?.desk;
    let has_keys = |status: &KeysStatus| status.keys.iter().any(|(row, _)| row.desk == code);
    ensure!(
        code != INSTALLATION && has_keys(&desk.show_keys()?),
        "--desk: there is no such authority, or it has no key"
    );
    match confirmed {
        None => {
            let Destruction { values, elsewhere } = desk.foresee_destruction(code)?;
            out::say(&format!(
                "nothing was done. To destroy the keys of {code}: sportello keys destroy --desk {code} \
                 --yes-destroy {code}\n{values} values are sealed with them and will be unreadable for \
                 everybody and for good; numbers, dates and states stay. {elsewhere} requests that others \
                 have in custody are sealed with the others' keys first."
            ))
        }
        Some(again) if again != code => {
            bail!("--yes-destroy: {again:?} is not {code:?}; nothing was done")
        }
        Some(_) => {
            let Destruction { values, .. } = desk
                .destroy_keys(code)
                .context(
                    "nothing was destroyed: a legal hold is in force there, or a request came back meanwhile",
                )?;
            out::say(&format!(
                "the keys of {code} are destroyed, and {values} values with them. Other nodes forget them \
                 within seconds.\nBackups stay readable to whoever has an old copy of the table data_keys \
                 and the master key of then: change that with `sportello keys rotate-master`, and delete \
                 the old one everywhere."
            ))
        }
    }
}

//! How an authority's requesters are told, what members of staff want by mail, and what their next
//! digest tells.

use diesel::prelude::*;
use domain::actor::Role;
use domain::codes::AuthorityCode;
use domain::ids::{AccountId, TicketId};
use domain::notification::{Mode, QuietHours, Topic};
use domain::permissions::{Right, has};
use jiff::Timestamp;
use jiff::civil::Time;

use crate::prepared::prepared;
use crate::schema::{
    account_lives, accounts, digest_items, notification_preferences, notification_settings,
    placements,
};
use crate::sealing::SealedText;
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, dialect, lives, settled};

/// How an authority's requesters are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Counts the changes; what clients send back.
    pub version: i64,
    /// Mails say that there is something, and nothing of it.
    pub pointer_only: bool,
    /// Requesters with a national identity get pointers by mail, too.
    pub copy_to_citizens: bool,
    /// Requesters without one are told by mail that their request was closed.
    pub mail_on_close: bool,
    /// When no mail goes out that can wait.
    pub quiet: Option<QuietHours>,
}

/// Somebody of the staff who wants mail about something.
#[derive(Clone)]
pub struct Wanting {
    /// Who.
    pub account: AccountId,
    /// At once, or with the digest.
    pub mode: Mode,
    /// Where to.
    pub email: String,
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = notification_settings, treat_none_as_default_value = false, treat_none_as_null = true)]
struct SettingsRow {
    authority_code: String,
    version: i64,
    pointer_only: bool,
    copy_to_citizens: bool,
    mail_on_close: bool,
    quiet_from: Option<String>,
    quiet_to: Option<String>,
    updated_at: Ts,
    updated_by: Id,
}

/// What an authority has set, if anything.
pub fn find_settings(
    conn: &mut DbConnection,
    authority: &AuthorityCode,
) -> Result<Option<Settings>, StoreError> {
    let found = notification_settings::table
        .find(authority.as_str().to_owned())
        .select(SettingsRow::as_select())
        .first(conn)
        .optional()?;
    found.map(SettingsRow::into_settings).transpose()
}

/// The version where an authority has set nothing.
pub const UNSET: i64 = 1;

/// Sets what holds at an authority, unless somebody did so since version `was`.
pub fn save_settings(
    conn: &mut DbConnection,
    authority: &AuthorityCode,
    settings: &Settings,
    was: i64,
    by: AccountId,
    now: Timestamp,
) -> Result<(), StoreError> {
    settled::forget();
    let row = SettingsRow {
        authority_code: authority.as_str().to_owned(),
        version: was + 1,
        pointer_only: settings.pointer_only,
        copy_to_citizens: settings.copy_to_citizens,
        mail_on_close: settings.mail_on_close,
        quiet_from: settings.quiet.map(|hours| hours.from.to_string()),
        quiet_to: settings.quiet.map(|hours| hours.to.to_string()),
        updated_at: Ts(now),
        updated_by: Id(by.uuid()),
    };
    let key = row.authority_code.clone();
    let changed = if was == UNSET {
        let row = diesel::insert_into(notification_settings::table).values(row);
        dialect::insert_if_absent(row, &["authority_code"]).execute(conn)?
    } else {
        diesel::update(notification_settings::table.find(key))
            .filter(notification_settings::version.eq(was))
            .set(row)
            .execute(conn)?
    };
    match changed {
        0 => Err(StoreError::Stale),
        _ => Ok(()),
    }
}

/// What somebody wants by mail, topic by topic; what is absent is off.
pub fn list_preferences(
    conn: &mut DbConnection,
    account: AccountId,
) -> Result<Vec<(Topic, Mode)>, StoreError> {
    let rows = notification_preferences::table
        .filter(notification_preferences::account_id.eq(Id(account.uuid())))
        .select((
            notification_preferences::topic,
            notification_preferences::mode,
        ))
        .load::<(String, String)>(conn)?;
    let known = rows
        .iter()
        .filter_map(|(topic, mode)| Some((Topic::from_code(topic)?, Mode::from_code(mode)?)));
    Ok(known.collect())
}

/// Sets what somebody wants of one topic.
pub fn set_preference(
    conn: &mut DbConnection,
    account: AccountId,
    topic: Topic,
    mode: Mode,
) -> Result<(), StoreError> {
    settled::forget();
    let row = diesel::insert_into(notification_preferences::table).values((
        notification_preferences::account_id.eq(Id(account.uuid())),
        notification_preferences::topic.eq(topic.as_str()),
        notification_preferences::mode.eq(mode.as_str()),
    ));
    dialect::upsert(row, &["account_id", "topic"], &["mode"]).execute(conn)?;
    Ok(())
}

/// Whose wishes are looked at, of those who work at a desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// Everybody's.
    All,
    /// Those of who leads it.
    Supervisors,
    /// One person's.
    One(AccountId),
}

/// Who wants mail about a topic and works at a desk.
pub fn list_wanting(
    conn: &mut DbConnection,
    topic: Topic,
    desk: &AuthorityCode,
    wanted: Wanted,
) -> Result<Vec<Wanting>, StoreError> {
    let working = placements::table
        .inner_join(accounts::table.on(accounts::id.eq(placements::account_id)))
        .inner_join(account_lives::table.on(account_lives::account_id.eq(placements::account_id)))
        .inner_join(
            notification_preferences::table
                .on(notification_preferences::account_id.eq(placements::account_id)),
        );
    let right = match wanted {
        Wanted::Supervisors => Right::Supervise,
        Wanted::All | Wanted::One(_) => Right::Work,
    };
    let roles: Vec<&str> = Role::ALL
        .into_iter()
        .filter(|role| has(*role, right))
        .map(Role::code)
        .collect();
    let mut query = working
        .filter(notification_preferences::topic.eq(topic.as_str()))
        .filter(notification_preferences::mode.ne(Mode::Off.as_str()))
        .filter(placements::authority_code.eq(desk.as_str().to_owned()))
        .filter(placements::active.eq(true))
        .filter(placements::role.eq_any(roles))
        .filter(accounts::active.eq(true))
        .filter(account_lives::email.is_not_null())
        .select((
            placements::account_id,
            notification_preferences::mode,
            account_lives::email.assume_not_null(),
        ))
        .distinct()
        .into_boxed();
    if let Wanted::One(account) = wanted {
        query = query.filter(placements::account_id.eq(Id(account.uuid())));
    }
    let rows = prepared(query).load::<(Id, String, SealedText)>(conn)?;
    rows.into_iter()
        .map(|(account, mode, email)| {
            Ok(Wanting {
                account: AccountId::new(account.0),
                mode: Mode::from_code(&mode).unwrap_or_default(),
                email: lives::open_email(account, &email)?,
            })
        })
        .collect()
}

/// Adds a ticket to somebody's next digest, unless it is there.
pub fn add_to_digest(
    conn: &mut DbConnection,
    account: AccountId,
    ticket: TicketId,
    topic: Topic,
    now: Timestamp,
) -> Result<(), StoreError> {
    let row = diesel::insert_into(digest_items::table).values((
        digest_items::account_id.eq(Id(account.uuid())),
        digest_items::ticket_id.eq(Id(ticket.uuid())),
        digest_items::topic.eq(topic.as_str()),
        digest_items::at.eq(Ts(now)),
    ));
    dialect::insert_if_absent(row, &["account_id", "ticket_id", "topic"]).execute(conn)?;
    Ok(())
}

/// What somebody's digest tells, the oldest first.
pub fn list_digest(
    conn: &mut DbConnection,
    account: AccountId,
) -> Result<Vec<(TicketId, Topic)>, StoreError> {
    let rows = digest_items::table
        .filter(digest_items::account_id.eq(Id(account.uuid())))
        .order((digest_items::at.asc(), digest_items::ticket_id.asc()))
        .select((digest_items::ticket_id, digest_items::topic))
        .load::<(Id, String)>(conn)?;
    Ok(rows
        .into_iter()
        .filter_map(|(id, topic)| Some((TicketId::new(id.0), Topic::from_code(&topic)?)))
        .collect())
}

/// Empties somebody's digest, once it is on its way.
pub fn clear_digest(conn: &mut DbConnection, account: AccountId) -> Result<(), StoreError> {
    let items = digest_items::table.filter(digest_items::account_id.eq(Id(account.uuid())));
    diesel::delete(items).execute(conn)?;
    Ok(())
}

impl SettingsRow {
    fn into_settings(self) -> Result<Settings, StoreError> {
        let time = |text: &str, column| {
            text.parse::<Time>().map_err(|_| StoreError::Corrupt {
                table: "notification_settings",
                id: self.authority_code.clone(),
                column,
            })
        };
        let quiet = match (&self.quiet_from, &self.quiet_to) {
            (Some(from), Some(to)) => Some(QuietHours {
                from: time(from, "quiet_from")?,
                to: time(to, "quiet_to")?,
            }),
            _ => None,
        };
        Ok(Settings {
            version: self.version,
            pointer_only: self.pointer_only,
            copy_to_citizens: self.copy_to_citizens,
            mail_on_close: self.mail_on_close,
            quiet,
        })
    }
}

//! What proves who somebody is, beside the password: the two codes of an issue, recovery codes,
//! answers to questions, and the passwords of before. Kept as keyed prints or hashes, never as text.

use diesel::prelude::*;
use domain::account::AccountState;
use domain::ids::{AccountId, IssueId};
use jiff::Timestamp;

use crate::schema::{
    account_lives, credential_issues, password_history, recovery_codes, security_answers,
};
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, dialect};

/// A pair of codes on its way.
#[derive(Clone)]
pub struct Issue {
    /// Its id.
    pub id: IssueId,
    /// Whose.
    pub account: AccountId,
    /// Keyed print of the code that goes hand to hand.
    pub identification_print: String,
    /// Keyed print of the code that goes by mail.
    pub security_print: String,
    /// When the codes were made.
    pub created_at: Timestamp,
    /// When they end.
    pub expires_at: Timestamp,
    /// Wrong codes so far.
    pub tries: i32,
    /// When they were used.
    pub used_at: Option<Timestamp>,
    /// When they were taken back, or guessed at too often.
    pub voided_at: Option<Timestamp>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = credential_issues, treat_none_as_default_value = false)]
struct IssueRow {
    id: Id,
    account_id: Id,
    identification_print: String,
    security_print: String,
    created_at: Ts,
    expires_at: Ts,
    tries: i32,
    used_at: Option<Ts>,
    voided_at: Option<Ts>,
}

impl From<IssueRow> for Issue {
    fn from(row: IssueRow) -> Self {
        Issue {
            id: IssueId::new(row.id.0),
            account: AccountId::new(row.account_id.0),
            identification_print: row.identification_print,
            security_print: row.security_print,
            created_at: row.created_at.0,
            expires_at: row.expires_at.0,
            tries: row.tries,
            used_at: row.used_at.map(|at| at.0),
            voided_at: row.voided_at.map(|at| at.0),
        }
    }
}

/// Adds an issue, and voids every earlier one of the account.
pub fn insert_issue(conn: &mut DbConnection, issue: &Issue) -> Result<(), StoreError> {
    void_issues(conn, issue.account, issue.created_at)?;
    let row = IssueRow {
        id: Id(issue.id.uuid()),
        account_id: Id(issue.account.uuid()),
        identification_print: issue.identification_print.clone(),
        security_print: issue.security_print.clone(),
        created_at: Ts(issue.created_at),
        expires_at: Ts(issue.expires_at),
        tries: 0,
        used_at: None,
        voided_at: None,
    };
    diesel::insert_into(credential_issues::table)
        .values(row)
        .execute(conn)?;
    Ok(())
}

/// Takes back every open issue of an account.
pub fn void_issues(
    conn: &mut DbConnection,
    account: AccountId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let open = credential_issues::table
        .filter(credential_issues::account_id.eq(Id(account.uuid())))
        .filter(
            credential_issues::used_at
                .is_null()
                .and(credential_issues::voided_at.is_null()),
        );
    diesel::update(open)
        .set(credential_issues::voided_at.eq(Some(Ts(now))))
        .execute(conn)?;
    Ok(())
}

/// The issue with this print of its identification code.
pub fn find_issue(conn: &mut DbConnection, print: &str) -> Result<Option<Issue>, StoreError> {
    let row = credential_issues::table
        .filter(credential_issues::identification_print.eq(print.to_owned()))
        .select(IssueRow::as_select())
        .first(conn)
        .optional()?;
    Ok(row.map(Issue::from))
}

/// The issue with this id.
pub fn find_issue_by_id(conn: &mut DbConnection, id: IssueId) -> Result<Option<Issue>, StoreError> {
    let row = credential_issues::table
        .find(Id(id.uuid()))
        .select(IssueRow::as_select())
        .first(conn)
        .optional()?;
    Ok(row.map(Issue::from))
}

/// Counts a try before its code is looked at, so that guessing in parallel gains nothing. False once
/// `most` tries were wrong; the pair is void from then on.
pub fn count_try(
    conn: &mut DbConnection,
    id: IssueId,
    most: i32,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let open = credential_issues::table
        .find(Id(id.uuid()))
        .filter(credential_issues::tries.lt(most));
    let counted = diesel::update(open)
        .set(credential_issues::tries.eq(credential_issues::tries + 1))
        .execute(conn)?;
    let spent = credential_issues::table
        .find(Id(id.uuid()))
        .filter(credential_issues::tries.ge(most))
        .filter(
            credential_issues::used_at
                .is_null()
                .and(credential_issues::voided_at.is_null()),
        );
    diesel::update(spent)
        .set(credential_issues::voided_at.eq(Some(Ts(now))))
        .execute(conn)?;
    Ok(counted == 1)
}

/// The code was right: its try counts for nothing.
pub fn forgive_try(conn: &mut DbConnection, issue: &Issue) -> Result<(), StoreError> {
    diesel::update(credential_issues::table.find(Id(issue.id.uuid())))
        .set((
            credential_issues::tries.eq(credential_issues::tries - 1),
            credential_issues::voided_at.eq(issue.voided_at.map(Ts)),
        ))
        .execute(conn)?;
    Ok(())
}

/// How many pairs an account got since `since`.
pub fn count_issues_since(
    conn: &mut DbConnection,
    account: AccountId,
    since: Timestamp,
) -> Result<i64, StoreError> {
    Ok(credential_issues::table
        .filter(credential_issues::account_id.eq(Id(account.uuid())))
        .filter(credential_issues::created_at.ge(Ts(since)))
        .count()
        .get_result(conn)?)
}

/// Whether a pair of this account, of whatever kind, ends after `now`.
pub fn has_time_left(
    conn: &mut DbConnection,
    account: AccountId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let newer = credential_issues::table
        .filter(credential_issues::account_id.eq(Id(account.uuid())))
        .filter(credential_issues::expires_at.gt(Ts(now)));
    Ok(newer.count().get_result::<i64>(conn)? > 0)
}

/// Uses an issue. False if it was used, taken back or guessed at too often meanwhile.
pub fn use_issue(conn: &mut DbConnection, id: IssueId, now: Timestamp) -> Result<bool, StoreError> {
    let open = credential_issues::table.find(Id(id.uuid())).filter(
        credential_issues::used_at
            .is_null()
            .and(credential_issues::voided_at.is_null())
            .and(credential_issues::expires_at.gt(Ts(now))),
    );
    let used = diesel::update(open)
        .set(credential_issues::used_at.eq(Some(Ts(now))))
        .execute(conn)?;
    Ok(used == 1)
}

/// Accounts that wait for a pair of codes of which the last ran out before `now`, also one that was
/// guessed at too often.
pub fn list_run_out(
    conn: &mut DbConnection,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<AccountId>, StoreError> {
    let newer = diesel::alias!(credential_issues as newer);
    let has_time_left = newer.filter(
        newer
            .field(credential_issues::account_id)
            .eq(account_lives::account_id)
            .and(newer.field(credential_issues::expires_at).gt(Ts(now))),
    );
    let rows = account_lives::table
        .filter(account_lives::state.eq(AccountState::Issued.code()))
        .filter(diesel::dsl::not(diesel::dsl::exists(has_time_left)))
        .order(account_lives::account_id.asc())
        .select(account_lives::account_id)
        .limit(limit)
        .load::<Id>(conn)?;
    Ok(rows.into_iter().map(|id| AccountId::new(id.0)).collect())
}

/// Remembers a password hash.
pub fn remember_password(
    conn: &mut DbConnection,
    account: AccountId,
    hash: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let insert = diesel::insert_into(password_history::table).values((
        password_history::account_id.eq(Id(account.uuid())),
        password_history::set_at.eq(Ts(now)),
        password_history::password_hash.eq(hash.to_owned()),
    ));
    dialect::upsert(insert, &["account_id", "set_at"], &["password_hash"]).execute(conn)?;
    Ok(())
}

/// The hashes of the last `most` passwords, the newest first.
pub fn list_passwords(
    conn: &mut DbConnection,
    account: AccountId,
    most: i64,
) -> Result<Vec<String>, StoreError> {
    Ok(password_history::table
        .filter(password_history::account_id.eq(Id(account.uuid())))
        .order(password_history::set_at.desc())
        .select(password_history::password_hash)
        .limit(most)
        .load(conn)?)
}

/// Replaces all recovery codes of an account.
pub fn replace_recovery_codes(
    conn: &mut DbConnection,
    account: AccountId,
    prints: &[String],
) -> Result<(), StoreError> {
    let old = recovery_codes::table.filter(recovery_codes::account_id.eq(Id(account.uuid())));
    diesel::delete(old).execute(conn)?;
    for print in prints {
        diesel::insert_into(recovery_codes::table)
            .values((
                recovery_codes::account_id.eq(Id(account.uuid())),
                recovery_codes::code_print.eq(print.clone()),
            ))
            .execute(conn)?;
    }
    Ok(())
}

/// Uses a recovery code. False if there is none such, or it was used.
pub fn use_recovery_code(
    conn: &mut DbConnection,
    account: AccountId,
    print: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let open = recovery_codes::table
        .find((Id(account.uuid()), print.to_owned()))
        .filter(recovery_codes::used_at.is_null());
    let used = diesel::update(open)
        .set(recovery_codes::used_at.eq(Some(Ts(now))))
        .execute(conn)?;
    Ok(used == 1)
}

/// How many recovery codes are left.
pub fn count_recovery_codes(
    conn: &mut DbConnection,
    account: AccountId,
) -> Result<i64, StoreError> {
    Ok(recovery_codes::table
        .filter(recovery_codes::account_id.eq(Id(account.uuid())))
        .filter(recovery_codes::used_at.is_null())
        .count()
        .get_result(conn)?)
}

/// Replaces all answers of an account: question and hash.
pub fn replace_answers(
    conn: &mut DbConnection,
    account: AccountId,
    answers: &[(String, String)],
) -> Result<(), StoreError> {
    let old = security_answers::table.filter(security_answers::account_id.eq(Id(account.uuid())));
    diesel::delete(old).execute(conn)?;
    for (question, hash) in answers {
        diesel::insert_into(security_answers::table)
            .values((
                security_answers::account_id.eq(Id(account.uuid())),
                security_answers::question.eq(question.clone()),
                security_answers::answer_hash.eq(hash.clone()),
            ))
            .execute(conn)?;
    }
    Ok(())
}

/// The questions an account answered, with the hashes.
pub fn list_answers(
    conn: &mut DbConnection,
    account: AccountId,
) -> Result<Vec<(String, String)>, StoreError> {
    Ok(security_answers::table
        .filter(security_answers::account_id.eq(Id(account.uuid())))
        .order(security_answers::question.asc())
        .select((security_answers::question, security_answers::answer_hash))
        .load(conn)?)
}

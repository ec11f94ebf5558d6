//! The requester's own data of a ticket: one sealed document in its row, and prints beside it for what
//! is searched (`docs/adr/0029`).
//!
//! Invariant: the document opens in its own row alone, with the keys of the desk where the ticket was
//! filed, and whatever opens it for somebody's eyes is noted on the trail; prints are made anew whenever
//! the document is written.

use diesel::prelude::*;
use diesel::sql_types::Bool;
use domain::codes::AuthorityCode;
use domain::email::EmailAddress;
use domain::ids::TicketId;
use domain::person_name::folded;
use domain::retention::Class;
use domain::state::{Channel, RequesterKind};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::keyring::{self, Field, INSTALLATION, Keyring};
use crate::schema::tickets;
use crate::sealing::{GONE, Place, SealedText};
use crate::sql_types::Id;
use crate::{DbConnection, StoreError, trail};

/// The requester's own data: who they are and what they wrote. The lifecycle never reads it.
#[derive(Clone, PartialEq, Eq)]
pub struct Dossier {
    /// The desk where the ticket was filed, whose keys seal all of it, also after a hand-over.
    pub key_desk: AuthorityCode,
    /// The way it came in.
    pub channel: Channel,
    /// What sort of requester.
    pub requester: RequesterKind,
    /// The national identity (issuer and subject), or the account of the operator who filed.
    pub identity: Option<String>,
    /// Tax code.
    pub tax_code: String,
    /// Given name.
    pub given_name: String,
    /// Family name.
    pub family_name: String,
    /// E-mail address.
    pub email: String,
    /// Telephone number, E.164.
    pub phone: Option<String>,
    /// What the requester wrote.
    pub description: Option<String>,
    /// Everything else of the form.
    pub details: Details,
    /// The closed ticket this one goes on from (T24).
    pub follow_up_of: Option<TicketId>,
    /// When it should be resolved.
    pub due_at: Timestamp,
}

impl Dossier {
    /// Whether nobody can say any more whom the ticket is about: the person was taken out (T25), or the
    /// keys of the desk were destroyed. Each member reads [`GONE`] then, and nobody can be reached.
    pub fn is_gone(&self) -> bool {
        self.tax_code == GONE
    }
}

/// The less used members of the form.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// The service's own fields.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub extra: serde_json::Map<String, serde_json::Value>,
    /// Role on the operators' form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester_role: Option<String>,
    /// Number to call back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recall_phone: Option<String>,
    /// Another address for notifications.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification_email: Option<String>,
    /// Language of messages to the requester: `it` or `en`.
    #[serde(default)]
    pub lang: domain::invalid::Lang,
    /// Version of the privacy notice that was acknowledged, at filing.
    #[serde(default)]
    pub privacy_notice: String,
    /// Answers given in the self-help tree.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub self_help_path: Vec<String>,
    /// Whether a delegate filed it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_delegated: bool,
}

/// The document.
#[derive(Serialize, Deserialize)]
pub(crate) struct Contents {
    pub(crate) identity: Option<String>,
    pub(crate) tax_code: String,
    pub(crate) given_name: String,
    pub(crate) family_name: String,
    pub(crate) email: String,
    pub(crate) phone: Option<String>,
    pub(crate) details: Details,
}

impl Contents {
    pub(crate) fn of(dossier: &Dossier) -> Self {
        Contents {
            identity: dossier.identity.clone(),
            tax_code: dossier.tax_code.clone(),
            given_name: dossier.given_name.clone(),
            family_name: dossier.family_name.clone(),
            email: dossier.email.clone(),
            phone: dossier.phone.clone(),
            details: dossier.details.clone(),
        }
    }

    /// About nobody. Of the details stays what the law of the case asks and names no person.
    fn of_nobody(details: Details) -> Self {
        let gone = || GONE.to_owned();
        Contents {
            identity: Some(gone()),
            tax_code: gone(),
            given_name: gone(),
            family_name: gone(),
            email: gone(),
            phone: Some(gone()),
            details: Details {
                lang: details.lang,
                privacy_notice: details.privacy_notice,
                requester_role: details.requester_role,
                ..Details::default()
            },
        }
    }

    fn parse(id: Uuid, text: &str) -> Result<Self, StoreError> {
        serde_json::from_str(text).map_err(|_| corrupt(id))
    }
}

fn corrupt(id: Uuid) -> StoreError {
    StoreError::Corrupt {
        table: "tickets",
        id: id.to_string(),
        column: "dossier",
    }
}

/// Opens the document of a ticket in the custody of `desk`, and notes that.
pub(crate) fn open(
    id: Uuid,
    desk: &AuthorityCode,
    sealed: &SealedText,
) -> Result<Contents, StoreError> {
    let contents = unseal(id, sealed)?.unwrap_or_else(|| Contents::of_nobody(Details::default()));
    trail::note(TicketId::new(id), desk, &contents.tax_code)?;
    Ok(contents)
}

/// Whom a document is about, for the index of looks: no look itself.
pub(crate) fn person_of(id: Uuid, sealed: &SealedText) -> Result<String, StoreError> {
    let contents = unseal(id, sealed)?;
    Ok(contents.map_or_else(|| GONE.to_owned(), |contents| contents.tax_code))
}

/// Opens a document for no eyes; none if its key was destroyed.
fn unseal(id: Uuid, sealed: &SealedText) -> Result<Option<Contents>, StoreError> {
    let text = Place::new("tickets", id.as_bytes()).open("dossier", sealed)?;
    // No document is a dash.
    match text.as_str() {
        GONE => Ok(None),
        text => Contents::parse(id, text).map(Some),
    }
}

/// The columns that hold the document and what is searched of it.
#[derive(AsChangeset, Clone)]
#[diesel(table_name = tickets, treat_none_as_null = true)]
pub(crate) struct DossierColumns {
    pub(crate) identity_print: Option<String>,
    pub(crate) tax_code_print: String,
    pub(crate) family_name_print: String,
    pub(crate) email_print: String,
    pub(crate) phone_print: Option<String>,
    pub(crate) dossier: SealedText,
}

impl DossierColumns {
    /// Seals the document of a ticket with the key in use of `key_desk`, and makes its prints.
    pub(crate) fn new(id: Uuid, key_desk: &str, contents: &Contents) -> Result<Self, StoreError> {
        let keys = keyring::current()?;
        let text = serde_json::to_string(contents).map_err(|_| corrupt(id))?;
        // Sealed first: a key that comes into use meanwhile makes newer prints, never older ones, so
        // that the key of the document tells which prints need making anew.
        let dossier = Place::new("tickets", id.as_bytes()).seal(key_desk, "dossier", &text)?;
        let print = |field, value: &str| row_print(&keys, key_desk, field, value);
        let phone = contents.phone.as_deref().filter(|text| *text != GONE);
        Ok(DossierColumns {
            identity_print: identity_print(&keys, contents)?,
            tax_code_print: print(Field::TaxCode, &contents.tax_code)?,
            family_name_print: print(Field::FamilyName, &contents.family_name)?,
            email_print: print(Field::Email, &contents.email)?,
            phone_print: phone.map(|text| print(Field::Phone, text)).transpose()?,
            dossier,
        })
    }
}

/// What the columns of a ticket hold that is sealed or printed of `dossier`, by their names: for whoever
/// writes rows of many tickets at once, and not through [`crate::tickets::insert`].
pub fn columns_of(
    id: TicketId,
    dossier: &Dossier,
) -> Result<[(&'static str, Option<String>); 6], StoreError> {
    let key_desk = dossier.key_desk.as_str();
    let columns = DossierColumns::new(id.uuid(), key_desk, &Contents::of(dossier))?;
    Ok([
        ("identity_print", columns.identity_print),
        ("tax_code_print", Some(columns.tax_code_print)),
        ("family_name_print", Some(columns.family_name_print)),
        ("email_print", Some(columns.email_print)),
        ("phone_print", columns.phone_print),
        ("dossier", Some(columns.dossier.into_stored())),
    ])
}

/// One print for the whole service, so that a citizen's own list is one look into an index.
fn identity_print(keys: &Keyring, contents: &Contents) -> Result<Option<String>, StoreError> {
    let identity = contents.identity.as_deref();
    let print = |text: &str| row_print(keys, INSTALLATION, Field::Identity, text);
    identity.map(print).transpose()
}

/// Nobody's values have no print: nobody is found by them, and two nobodies are not one person.
fn row_print(keys: &Keyring, desk: &str, field: Field, value: &str) -> Result<String, StoreError> {
    match value {
        "" | GONE => Ok(String::new()),
        value => keys.print(desk, field, &comparable(field, value)),
    }
}

/// What two ways of writing a value have in common.
fn comparable(field: Field, value: &str) -> String {
    match field {
        Field::FamilyName => folded(value),
        Field::Email => EmailAddress::from_stored(value.to_owned()).mailbox(),
        Field::TaxCode | Field::Phone | Field::Identity | Field::Person | Field::AuditEntry => {
            value.to_owned()
        }
    }
}

/// The prints that a ticket about this value may have, whatever its desk: one for each key that lives.
pub(crate) fn prints(field: Field, value: &str) -> Result<Vec<String>, StoreError> {
    if matches!(value, "" | GONE) {
        return Ok(Vec::new());
    }
    let keys = keyring::current()?;
    let value = comparable(field, value);
    Ok(match field {
        Field::Identity => keys.prints_of(INSTALLATION, field, &value),
        _ => keys.prints(field, &value),
    })
}

/// Puts another document in the place of a ticket's, with the prints that belong to it. The caller writes
/// in the same transaction what happened to the ticket, so that whoever read it before is refused.
pub fn rewrite(conn: &mut DbConnection, id: TicketId, dossier: &Dossier) -> Result<(), StoreError> {
    let key_desk = dossier.key_desk.as_str();
    let columns = DossierColumns::new(id.uuid(), key_desk, &Contents::of(dossier))?;
    diesel::update(tickets::table.find(Id(id.uuid())))
        .set(columns)
        .execute(conn)?;
    Ok(())
}

/// Takes the person out of a ticket (T25): its document is about nobody from then on, and no search finds
/// it by who it was about. Done twice, it changes nothing more. The caller writes in the same transaction
/// what happened to the ticket, so that whoever read it before is refused.
pub fn forget_person(conn: &mut DbConnection, id: TicketId) -> Result<(), StoreError> {
    let row = || tickets::table.find(Id(id.uuid()));
    let found = row()
        .select((tickets::key_desk, tickets::dossier))
        .first::<(String, SealedText)>(conn)
        .optional()?;
    let Some((key_desk, sealed)) = found else {
        return Err(StoreError::NotFound { what: "ticket" });
    };
    match unseal(id.uuid(), &sealed)? {
        Some(contents) => {
            let nobody = Contents::of_nobody(contents.details);
            let columns = DossierColumns::new(id.uuid(), &key_desk, &nobody)?;
            diesel::update(row()).set(columns).execute(conn)?;
        }
        // Its key is gone, and the desk may have no other: nothing is left to open, only to find.
        None => {
            let columns = (
                tickets::identity_print.eq(Some(String::new())),
                tickets::tax_code_print.eq(String::new()),
                tickets::family_name_print.eq(String::new()),
                tickets::email_print.eq(String::new()),
                tickets::phone_print.eq(None::<String>),
            );
            diesel::update(row()).set(columns).execute(conn)?;
        }
    }
    Ok(())
}

/// Takes what a class holds out of a ticket's document, as its time is over: the whole person with
/// [`Class::Identifier`].
pub(crate) fn forget_class(
    conn: &mut DbConnection,
    id: TicketId,
    class: Class,
) -> Result<(), StoreError> {
    let Some((key_desk, mut contents)) = load(conn, id)? else {
        return match class {
            Class::Identifier => forget_person(conn, id),
            _ => Ok(()),
        };
    };
    match class {
        Class::Identifier => return forget_person(conn, id),
        Class::Contact => {
            contents.email = GONE.to_owned();
            contents.phone = contents.phone.map(|_| GONE.to_owned());
            contents.details.recall_phone = None;
            contents.details.notification_email = None;
        }
        // The service's own fields: what was examined, and other people as well.
        Class::HealthText => {
            contents.details.extra.clear();
            contents.details.self_help_path.clear();
        }
        Class::Attachment | Class::Complaint => return Ok(()),
    }
    let columns = DossierColumns::new(id.uuid(), &key_desk, &contents)?;
    diesel::update(tickets::table.find(Id(id.uuid())))
        .set(columns)
        .execute(conn)?;
    Ok(())
}

/// Whether nothing that a class holds is left in a ticket's document.
pub(crate) fn has_forgotten(
    conn: &mut DbConnection,
    id: TicketId,
    class: Class,
) -> Result<bool, StoreError> {
    let Some((_, contents)) = load(conn, id)? else {
        return Ok(true);
    };
    let is_gone = |text: &str| text == GONE;
    let details = &contents.details;
    Ok(match class {
        Class::Identifier => [
            &contents.tax_code,
            &contents.given_name,
            &contents.family_name,
        ]
        .into_iter()
        .chain(&contents.identity)
        .all(|text| is_gone(text)),
        Class::Contact => {
            is_gone(&contents.email)
                && contents.phone.as_deref().is_none_or(is_gone)
                && details.recall_phone.is_none()
                && details.notification_email.is_none()
        }
        Class::HealthText => details.extra.is_empty() && details.self_help_path.is_empty(),
        Class::Attachment | Class::Complaint => true,
    })
}

/// The document of a ticket with the desk whose keys seal it; none if they were destroyed.
fn load(conn: &mut DbConnection, id: TicketId) -> Result<Option<(String, Contents)>, StoreError> {
    let found = tickets::table
        .find(Id(id.uuid()))
        .select((tickets::key_desk, tickets::dossier))
        .first::<(String, SealedText)>(conn)
        .optional()?;
    let (key_desk, sealed) = found.ok_or(StoreError::NotFound { what: "ticket" })?;
    Ok(unseal(id.uuid(), &sealed)?.map(|contents| (key_desk, contents)))
}

/// The desks whose keys tickets need, also those that have left the reference data: each must have a key
/// before [`seal_plain_page`] runs.
pub fn list_key_desks(conn: &mut DbConnection) -> Result<Vec<String>, StoreError> {
    let desks = tickets::table.select(tickets::key_desk).distinct();
    Ok(desks.order(tickets::key_desk.asc()).load(conn)?)
}

/// The condition of the index `tickets_plain`, to the letter.
const IS_PLAIN: &str = "substr(dossier, 1, 1) = '{'";

/// Seals a page of the tickets that were there before there were keys. The answer is how many were plain:
/// none means that all are sealed. Each page is a transaction of its own, which may be cut off.
pub fn seal_plain_page(conn: &mut DbConnection, limit: i64) -> Result<usize, StoreError> {
    let rows = tickets::table
        .filter(diesel::dsl::sql::<Bool>(IS_PLAIN))
        .order(tickets::id.asc())
        .limit(limit)
        .select((tickets::id, tickets::key_desk, tickets::dossier))
        .load::<(Id, String, String)>(conn)?;
    for (id, key_desk, plain) in &rows {
        let columns = DossierColumns::new(id.0, key_desk, &Contents::parse(id.0, plain)?)?;
        // As it was read, or somebody was here first.
        let unchanged = tickets::table.find(id).filter(tickets::dossier.eq(plain));
        diesel::update(unchanged).set(columns).execute(conn)?;
    }
    Ok(rows.len())
}

/// A page of a walk over all rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Walked<K> {
    /// How many rows were written.
    pub written: usize,
    /// How many do not open; the log names them.
    pub unreadable: usize,
    /// Where the next page goes on; none at the end.
    pub next: Option<K>,
}

/// Seals with the key in use whatever of a page of tickets was sealed, or made a print, with one of the
/// keys that are `leaving`, and goes on after the ticket `after`. No ticket gets a new version, and what
/// somebody else writes meanwhile is left as it is: it is sealed with the key in use already.
pub fn reseal_page(
    conn: &mut DbConnection,
    leaving: &[i64],
    after: Option<TicketId>,
    limit: i64,
) -> Result<Walked<TicketId>, StoreError> {
    let keys = keyring::current()?;
    let mut is_for_all = false;
    for id in leaving {
        is_for_all |= keys.numbered(*id)?.desk == INSTALLATION;
    }
    let mut query = tickets::table
        .order(tickets::id.asc())
        .limit(limit)
        .select((
            tickets::id,
            tickets::key_desk,
            tickets::identity_print,
            tickets::dossier,
        ))
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(tickets::id.gt(Id(after.uuid())));
    }
    let rows = query.load::<(Id, String, Option<String>, SealedText)>(conn)?;
    let is_last = i64::try_from(rows.len()).is_ok_and(|count| count < limit);
    let next = rows.last().map(|row| TicketId::new(row.0.0));
    let (mut written, mut unreadable) = (0, 0);
    for (id, key_desk, identity, sealed) in rows {
        let is_leaving = sealed.key().is_some_and(|key| leaving.contains(&key));
        if !is_leaving && !is_for_all {
            continue;
        }
        let contents = match unseal(id.0, &sealed) {
            Ok(Some(contents)) => contents,
            Ok(None) => continue,
            Err(StoreError::Corrupt { table, id, column }) => {
                tracing::error!(table, row.id = %id, column, "a sealed value does not open");
                unreadable += 1;
                continue;
            }
            Err(error) => return Err(error),
        };
        if !is_leaving && identity == identity_print(&keys, &contents)? {
            continue;
        }
        let columns = DossierColumns::new(id.0, &key_desk, &contents)?;
        let unchanged = tickets::table.find(id).filter(tickets::dossier.eq(sealed));
        written += diesel::update(unchanged).set(columns).execute(conn)?;
    }
    Ok(Walked {
        written,
        unreadable,
        next: next.filter(|_| !is_last),
    })
}

//! Programs that call on their own, and what they prove themselves with. Whom to tell of them is sealed.

use diesel::prelude::*;
use domain::ids::{ClientId, CredentialId};
use jiff::Timestamp;

use crate::keyring::INSTALLATION;
use crate::schema::{client_credentials, clients};
use crate::sealing::{Place, SealedText};
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError};

/// A program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its id.
    pub id: ClientId,
    /// What people call it.
    pub label: String,
    /// Whom to tell when its credentials run out.
    pub contact: String,
    /// What it may do; codes of `domain::permissions::SCOPES`.
    pub scopes: Vec<String>,
    /// A platform that issues vouchers, and its name there.
    pub voucher: Option<(String, String)>,
    /// The purposes its vouchers may name.
    pub purposes: Vec<String>,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was ended.
    pub revoked_at: Option<Timestamp>,
}

impl Client {
    /// Whether it may call at `now`.
    pub fn lives(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at > now
    }
}

/// What a client proves itself with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialKind {
    /// A secret; its keyed print is kept.
    Secret,
    /// A public key, as a JSON Web Key.
    Key,
    /// A certificate; its SHA-256 is kept.
    Certificate,
}

impl CredentialKind {
    /// The code in rows.
    pub const fn code(self) -> &'static str {
        match self {
            CredentialKind::Secret => "secret",
            CredentialKind::Key => "key",
            CredentialKind::Certificate => "certificate",
        }
    }

    /// The kind with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Secret, Self::Key, Self::Certificate]
            .into_iter()
            .find(|kind| kind.code() == code)
    }
}

/// A credential of a client.
#[derive(Clone)]
pub struct Credential {
    /// Its id.
    pub id: CredentialId,
    /// Whose.
    pub client: ClientId,
    /// What it is.
    pub kind: CredentialKind,
    /// Print, key or thumbprint.
    pub value: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = clients, treat_none_as_default_value = false)]
struct ClientRow {
    id: Id,
    label: String,
    contact: SealedText,
    scopes: String,
    voucher_issuer: Option<String>,
    voucher_client: Option<String>,
    purposes: String,
    created_at: Ts,
    expires_at: Ts,
    revoked_at: Option<Ts>,
}

fn place(id: &[u8; 16]) -> Place<'_> {
    Place::new("clients", id)
}

impl TryFrom<ClientRow> for Client {
    type Error = StoreError;

    fn try_from(row: ClientRow) -> Result<Self, StoreError> {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        let contact = place(row.id.0.as_bytes()).open("contact", &row.contact)?;
        Ok(Client {
            id: ClientId::new(row.id.0),
            label: row.label,
            contact,
            scopes: words(&row.scopes),
            voucher: row.voucher_issuer.zip(row.voucher_client),
            purposes: words(&row.purposes),
            created_at: row.created_at.0,
            expires_at: row.expires_at.0,
            revoked_at: row.revoked_at.map(|at| at.0),
        })
    }
}

/// Adds a client.
pub fn insert(conn: &mut DbConnection, client: &Client) -> Result<(), StoreError> {
    let id = client.id.uuid();
    let row = ClientRow {
        id: Id(id),
        label: client.label.clone(),
        contact: place(id.as_bytes()).seal(INSTALLATION, "contact", &client.contact)?,
        scopes: client.scopes.join(" "),
        voucher_issuer: client.voucher.as_ref().map(|(issuer, _)| issuer.clone()),
        voucher_client: client.voucher.as_ref().map(|(_, name)| name.clone()),
        purposes: client.purposes.join(" "),
        created_at: Ts(client.created_at),
        expires_at: Ts(client.expires_at),
        revoked_at: None,
    };
    diesel::insert_into(clients::table)
        .values(row)
        .execute(conn)?;
    Ok(())
}

/// The client with this id.
pub fn find(conn: &mut DbConnection, id: ClientId) -> Result<Option<Client>, StoreError> {
    let row: Option<ClientRow> = clients::table
        .find(Id(id.uuid()))
        .select(ClientRow::as_select())
        .first(conn)
        .optional()?;
    row.map(Client::try_from).transpose()
}

/// The living client with this name at this platform.
pub fn find_by_voucher(
    conn: &mut DbConnection,
    issuer: &str,
    name: &str,
) -> Result<Option<Client>, StoreError> {
    let row: Option<ClientRow> = clients::table
        .filter(clients::voucher_issuer.eq(Some(issuer.to_owned())))
        .filter(clients::voucher_client.eq(Some(name.to_owned())))
        .filter(clients::revoked_at.is_null())
        .select(ClientRow::as_select())
        .first(conn)
        .optional()?;
    row.map(Client::try_from).transpose()
}

/// The client that registered this certificate, while it lives and the registration is good.
pub fn find_by_certificate(
    conn: &mut DbConnection,
    sha256: &str,
    now: Timestamp,
) -> Result<Option<Client>, StoreError> {
    let row: Option<ClientRow> = clients::table
        .inner_join(client_credentials::table)
        .filter(client_credentials::kind.eq(CredentialKind::Certificate.code()))
        .filter(client_credentials::value.eq(sha256.to_owned()))
        .filter(
            client_credentials::revoked_at
                .is_null()
                .and(client_credentials::expires_at.gt(Ts(now))),
        )
        // The same certificate may have been another program's before.
        .filter(
            clients::revoked_at
                .is_null()
                .and(clients::expires_at.gt(Ts(now))),
        )
        .order(client_credentials::created_at.desc())
        .select(ClientRow::as_select())
        .first(conn)
        .optional()?;
    row.map(Client::try_from).transpose()
}

/// All clients, those that ended too, by label.
pub fn list(conn: &mut DbConnection) -> Result<Vec<Client>, StoreError> {
    let rows = clients::table
        .order((clients::label.asc(), clients::id.asc()))
        .select(ClientRow::as_select())
        .load(conn)?;
    rows.into_iter().map(Client::try_from).collect()
}

/// Ends a client at once, with its credentials. False if there is none such, or it was ended before.
pub fn revoke(conn: &mut DbConnection, id: ClientId, now: Timestamp) -> Result<bool, StoreError> {
    let live = clients::table
        .find(Id(id.uuid()))
        .filter(clients::revoked_at.is_null());
    let changed = diesel::update(live)
        .set(clients::revoked_at.eq(Some(Ts(now))))
        .execute(conn)?;
    let own = client_credentials::table
        .filter(client_credentials::client_id.eq(Id(id.uuid())))
        .filter(client_credentials::revoked_at.is_null());
    diesel::update(own)
        .set(client_credentials::revoked_at.eq(Some(Ts(now))))
        .execute(conn)?;
    Ok(changed == 1)
}

/// Adds a credential; of its kind, all but the newest of the earlier ones end now, so that two are
/// good while the client changes from one to the other.
pub fn insert_credential(
    conn: &mut DbConnection,
    credential: &Credential,
) -> Result<(), StoreError> {
    let earlier = list_credentials(
        conn,
        credential.client,
        credential.kind,
        credential.created_at,
    )?;
    for old in earlier.iter().skip(1) {
        diesel::update(client_credentials::table.find(Id(old.id.uuid())))
            .set(client_credentials::revoked_at.eq(Some(Ts(credential.created_at))))
            .execute(conn)?;
    }
    // What ran out is nobody's any more.
    let over = client_credentials::table
        .filter(client_credentials::value.eq(credential.value.clone()))
        .filter(client_credentials::expires_at.le(Ts(credential.created_at)))
        .filter(client_credentials::revoked_at.is_null());
    diesel::update(over)
        .set(client_credentials::revoked_at.eq(Some(Ts(credential.created_at))))
        .execute(conn)?;
    diesel::insert_into(client_credentials::table)
        .values((
            client_credentials::id.eq(Id(credential.id.uuid())),
            client_credentials::client_id.eq(Id(credential.client.uuid())),
            client_credentials::kind.eq(credential.kind.code()),
            client_credentials::value.eq(credential.value.clone()),
            client_credentials::created_at.eq(Ts(credential.created_at)),
            client_credentials::expires_at.eq(Ts(credential.expires_at)),
        ))
        .execute(conn)?;
    Ok(())
}

/// The credentials of a kind that are good now, the newest first.
pub fn list_credentials(
    conn: &mut DbConnection,
    client: ClientId,
    kind: CredentialKind,
    now: Timestamp,
) -> Result<Vec<Credential>, StoreError> {
    let rows = client_credentials::table
        .filter(client_credentials::client_id.eq(Id(client.uuid())))
        .filter(client_credentials::kind.eq(kind.code()))
        .filter(
            client_credentials::revoked_at
                .is_null()
                .and(client_credentials::expires_at.gt(Ts(now))),
        )
        .order((
            client_credentials::created_at.desc(),
            client_credentials::id.desc(),
        ))
        .select((
            client_credentials::id,
            client_credentials::value,
            client_credentials::created_at,
            client_credentials::expires_at,
        ))
        .load::<(Id, String, Ts, Ts)>(conn)?;
    Ok(rows
        .into_iter()
        .map(|(id, value, created_at, expires_at)| Credential {
            id: CredentialId::new(id.0),
            client,
            kind,
            value,
            created_at: created_at.0,
            expires_at: expires_at.0,
        })
        .collect())
}

/// Ends every credential of a kind but the newest. Answers how many.
pub fn revoke_older(
    conn: &mut DbConnection,
    client: ClientId,
    kind: CredentialKind,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let good = list_credentials(conn, client, kind, now)?;
    for old in good.iter().skip(1) {
        diesel::update(client_credentials::table.find(Id(old.id.uuid())))
            .set(client_credentials::revoked_at.eq(Some(Ts(now))))
            .execute(conn)?;
    }
    Ok(good.len().saturating_sub(1))
}

diesel::joinable!(client_credentials -> clients (client_id));

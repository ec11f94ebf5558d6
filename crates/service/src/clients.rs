//! Programs that call on their own: adding them, what they prove themselves with, and which of their
//! tokens count. A client has scopes of least right and never a role (P-4).

use domain::ids::{ClientId, CredentialId};
use domain::permissions::scope;
use jiff::{SignedDuration, Timestamp};
use storage::clients::{self, Credential};
use storage::{StoreError, used_tokens};

pub use storage::clients::{Client, CredentialKind};

use crate::secrets::same;
use crate::{Desk, DeskError};

/// A client to add.
#[derive(Debug, Clone)]
pub struct NewClient {
    /// What people call it.
    pub label: String,
    /// Whom to tell when its credentials run out.
    pub contact: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// A platform that issues vouchers, and its name there.
    pub voucher: Option<(String, String)>,
    /// The purposes its vouchers may name.
    pub purposes: Vec<String>,
    /// How long it lives.
    pub life: SignedDuration,
}

/// A client and its credentials, for who keeps them.
pub struct ClientStatus {
    /// The client.
    pub client: Client,
    /// Those that are good now: what they are and when they end.
    pub credentials: Vec<(CredentialKind, Timestamp)>,
}

/// The longest life of a client or one of its credentials (`domain.md` §11.4).
pub const LONGEST_LIFE: SignedDuration = SignedDuration::from_hours(366 * 24);

/// A token of a client that is good once: told apart by who made it and its id.
#[derive(Debug, Clone)]
pub struct OnceToken {
    /// Who made it: a thumbprint, an issuer, a client.
    pub maker: String,
    /// Its `jti`.
    pub id: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Desk {
    /// Adds a client, without credentials yet.
    pub fn add_client(&self, new: NewClient) -> Result<ClientId, DeskError> {
        let known = |code: &String| scope(code).is_some();
        if new.scopes.is_empty() || !new.scopes.iter().all(known) || new.life > LONGEST_LIFE {
            return Err(DeskError::Forbidden);
        }
        let now = self.clock.now();
        let client = Client {
            id: ClientId::new(self.ids.uuid()),
            label: new.label,
            contact: new.contact,
            scopes: new.scopes,
            voucher: new.voucher,
            purposes: new.purposes,
            created_at: now,
            expires_at: now.checked_add(new.life).unwrap_or(now),
            revoked_at: None,
        };
        let id = client.id;
        self.db
            .write(move |conn| clients::insert(conn, &client).map_err(registered))?;
        Ok(id)
    }

    /// Gives a client a new secret, shown once. The one before stays good until it is taken back or
    /// ends; older ones end now.
    pub fn add_client_secret(&self, id: ClientId) -> Result<String, DeskError> {
        let mut bytes = [0; 32];
        self.ids.fill(&mut bytes);
        let secret = data_encoding::BASE64URL_NOPAD.encode(&bytes);
        let print = self.client_print(&secret);
        self.add_client_credential(id, CredentialKind::Secret, print)?;
        Ok(secret)
    }

    /// Gives a client a public key (JSON Web Key) or the SHA-256 of a certificate.
    pub fn add_client_credential(
        &self,
        id: ClientId,
        kind: CredentialKind,
        value: String,
    ) -> Result<(), DeskError> {
        let desk = self.clone();
        self.db.write(move |conn| {
            let now = desk.clock.now();
            let client = clients::find(conn, id)?.filter(|client| client.lives(now));
            let client = client.ok_or(DeskError::NotFound)?;
            let credential = Credential {
                id: CredentialId::new(desk.ids.uuid()),
                client: id,
                kind,
                value,
                created_at: now,
                expires_at: client.expires_at,
            };
            clients::insert_credential(conn, &credential).map_err(registered)
        })
    }

    /// Ends every credential of a kind but the newest: the change to it is done.
    pub fn end_older_credentials(
        &self,
        id: ClientId,
        kind: CredentialKind,
    ) -> Result<usize, DeskError> {
        let now = self.clock.now();
        Ok(self
            .db
            .write(move |conn| clients::revoke_older(conn, id, kind, now))?)
    }

    /// Ends a client at once, and with it all its tokens.
    pub fn revoke_client(&self, id: ClientId) -> Result<(), DeskError> {
        let now = self.clock.now();
        match self.db.write(move |conn| clients::revoke(conn, id, now))? {
            true => Ok(()),
            false => Err(DeskError::NotFound),
        }
    }

    /// All clients with their credentials.
    pub fn list_clients(&self) -> Result<Vec<ClientStatus>, DeskError> {
        let now = self.clock.now();
        self.db.read_snapshot(|conn| {
            let mut all = Vec::new();
            for client in clients::list(conn)? {
                let mut good = Vec::new();
                for kind in [
                    CredentialKind::Secret,
                    CredentialKind::Key,
                    CredentialKind::Certificate,
                ] {
                    let found = clients::list_credentials(conn, client.id, kind, now)?;
                    good.extend(found.iter().map(|one| (kind, one.expires_at)));
                }
                all.push(ClientStatus {
                    client,
                    credentials: good,
                });
            }
            Ok(all)
        })
    }

    /// The client, if it may call now. Asked at each of its calls, so that ending it ends them.
    pub fn find_client(&self, id: ClientId) -> Result<Option<Client>, DeskError> {
        let now = self.clock.now();
        let found = self.db.read(|conn| clients::find(conn, id))?;
        Ok(found.filter(|client| client.lives(now)))
    }

    /// The client that shows this secret.
    pub fn client_by_secret(&self, id: &str, secret: &str) -> Result<Client, DeskError> {
        let now = self.clock.now();
        let print = self.client_print(secret);
        let id = ClientId::new(id.parse().map_err(|_| DeskError::Credentials)?);
        let found = self.db.read_snapshot(|conn| {
            let client = clients::find(conn, id)?;
            let good = clients::list_credentials(conn, id, CredentialKind::Secret, now)?;
            Ok::<_, DeskError>((client, good))
        })?;
        match found {
            (Some(client), good)
                if client.lives(now) && good.iter().any(|one| same(&one.value, &print)) =>
            {
                Ok(client)
            }
            _ => Err(DeskError::Credentials),
        }
    }

    /// The scopes a token is limited to that was asked for with these: a client may ask for fewer
    /// than it has, never for another.
    pub fn fewer_scopes(client: &Client, asked: &[&str]) -> Result<Vec<String>, DeskError> {
        let is_had = |one: &&str| client.scopes.iter().any(|scope| scope == one);
        if asked.is_empty() || !asked.iter().all(is_had) {
            return Err(DeskError::Forbidden);
        }
        let mut fewer = client.scopes.clone();
        fewer.retain(|scope| asked.contains(&scope.as_str()));
        Ok(fewer)
    }

    /// The client with this id and its public keys, for verifying what it signed.
    pub fn client_keys(&self, id: &str) -> Result<(Client, Vec<String>), DeskError> {
        let now = self.clock.now();
        let id = ClientId::new(id.parse().map_err(|_| DeskError::Credentials)?);
        let (client, keys) = self.db.read_snapshot(|conn| {
            let client = clients::find(conn, id)?.ok_or(DeskError::Credentials)?;
            let keys = clients::list_credentials(conn, id, CredentialKind::Key, now)?;
            Ok::<_, DeskError>((client, keys))
        })?;
        match client.lives(now) {
            true => Ok((client, keys.into_iter().map(|key| key.value).collect())),
            false => Err(DeskError::Credentials),
        }
    }

    /// The client that registered this certificate, when its token comes for the first time.
    pub fn client_by_certificate(
        &self,
        sha256: &str,
        token: OnceToken,
    ) -> Result<Client, DeskError> {
        let now = self.clock.now();
        let found = self
            .db
            .read(|conn| clients::find_by_certificate(conn, sha256, now))?;
        // Nothing is kept of the tokens of strangers.
        let client = found.ok_or(DeskError::Credentials)?;
        self.use_token(&token)?;
        Ok(client)
    }

    /// The client that this voucher speaks for, if it may name the purpose.
    pub fn client_by_voucher(
        &self,
        issuer: &str,
        name: &str,
        purpose: &str,
    ) -> Result<Client, DeskError> {
        let now = self.clock.now();
        let found = self
            .db
            .read(|conn| clients::find_by_voucher(conn, issuer, name))?;
        found
            .filter(|client| client.lives(now) && client.purposes.iter().any(|one| one == purpose))
            .ok_or(DeskError::Credentials)
    }

    /// Uses a token that is good once; a second time it is refused, on every node and after a restart.
    pub fn use_token(&self, token: &OnceToken) -> Result<(), DeskError> {
        let text = format!("{}\n{}", token.maker, token.id);
        let print = self.secrets.fingerprint("used-token", text.as_bytes());
        let expires_at = token.expires_at;
        match self
            .db
            .write(move |conn| used_tokens::take(conn, &print, expires_at))?
        {
            true => Ok(()),
            false => Err(DeskError::Credentials),
        }
    }

    fn client_print(&self, secret: &str) -> String {
        self.secrets.fingerprint("client-secret", secret.as_bytes())
    }
}

/// A certificate, or a name at a platform, is one living program's.
fn registered(error: StoreError) -> DeskError {
    match &error {
        StoreError::UniqueViolation { .. } => {
            DeskError::Broken("another living program has registered this already", None)
        }
        _ => error.into(),
    }
}

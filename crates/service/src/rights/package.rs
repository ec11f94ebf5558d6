//! What is in a copy of somebody's data: what their own screens show, what they filed, the calls they
//! were promised, their complaints and their files; nothing of what the desks write among themselves (I-4).

use std::io::{Cursor, Write};

use domain::ids::{TicketId, TicketRef};
use domain::invalid::Lang;
use domain::note::Attachment;
use domain::tax_code::TaxCode;
use domain::visibility::{Scope, View};
use serde_json::{Map, Value, json};
use storage::complaints;
use storage::subject_requests::SubjectRequest;
use storage::tickets::{self, Dossier, RequesterKind};
use storage::{DbConnection, attachments, callbacks, subjects};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::document::document;
use super::list_reached;
use crate::labels::Labelled;
use crate::{Desk, DeskError};

/// The version of `data.json`; a member that is added does not change it.
const FORMAT_VERSION: u32 = 1;
/// Complaints of one person that a copy holds; more than the quotas let anybody file.
const MOST_COMPLAINTS: i64 = 10_000;

/// Looks read at once.
const ACCESSES_AT_ONCE: usize = 100;

/// What a copy says of a ticket, and the files that go with it.
struct Packed {
    id: TicketId,
    body: Value,
    files: Vec<(String, Attachment)>,
}

impl Desk {
    /// Makes the archive that answers a request, and says which tickets are in it.
    pub(super) async fn pack(
        &self,
        request: &SubjectRequest,
    ) -> Result<(Vec<u8>, Vec<TicketId>), DeskError> {
        let mut packed = Vec::new();
        let mut scopes: Vec<Scope> = Vec::new();
        for (ticket, scope, is_own) in self.reached_by_subject(request)? {
            let found = self.db.read_snapshot_in(&scope, |conn| {
                self.pack_ticket(conn, &scope, ticket, request)
            });
            match found {
                Ok(mut one) => {
                    let accesses = self.pack_accesses(&scope, ticket, request.lang)?;
                    if let Some(body) = one.body.as_object_mut() {
                        body.insert("accesses".to_owned(), accesses);
                    }
                    packed.push(one);
                }
                // Removed meanwhile, or shown to no requester.
                Err(DeskError::NotFound) => continue,
                Err(other) => return Err(other),
            }
            if is_own && !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        if let Some(own) = own_scope(request)
            && !scopes.contains(&own)
        {
            scopes.push(own);
        }
        let complaints = self.pack_complaints(&scopes, request.lang)?;
        let data = json!({
            "format": "sportello-personal-data",
            "format_version": FORMAT_VERSION,
            "made_at": self.clock.now().to_string(),
            "language": request.lang.code(),
            "person": {"tax_code": request.tax_code},
            "tickets": packed.iter().map(|one| one.body.clone()).collect::<Vec<_>>(),
            "complaints": complaints,
        });
        let mut archive = Archive::new();
        let text = serde_json::to_string_pretty(&data)
            .map_err(|error| DeskError::broken("a copy of somebody's data", error))?;
        archive.add("data.json", text.as_bytes())?;
        archive.add("data.html", document(&data, request.lang).as_bytes())?;
        let ids = packed.iter().map(|one| one.id).collect();
        for (path, file) in packed.into_iter().flat_map(|one| one.files) {
            let download = self.read_attachment(file).await?;
            archive.add(&path, &download.bytes)?;
        }
        Ok((archive.finish()?, ids))
    }

    /// The tickets a copy tells of, each with a scope of its requester. Who asked with an identity or a
    /// link gets what that shows them. Who was identified by the officer gets all that is about them, but
    /// not what else a delegate who filed for them sees: the last word says whether the scope is theirs.
    fn reached_by_subject(
        &self,
        request: &SubjectRequest,
    ) -> Result<Vec<(TicketId, Scope, bool)>, DeskError> {
        if let Some(scope) = own_scope(request) {
            let mut reached = self
                .db
                .read_snapshot_in(&scope, |conn| list_reached(conn, &scope))?;
            reached.reverse();
            return Ok(reached
                .into_iter()
                .map(|ticket| (ticket, scope.clone(), true))
                .collect());
        }
        self.db.read_snapshot_in(&Scope::System, |conn| {
            let mut reached = Vec::new();
            for ticket in subjects::list_tickets(conn, &request.tax_code)? {
                let found = tickets::find(conn, &Scope::System, &TicketRef::Id(ticket))?;
                let Some((_, dossier)) = found else { continue };
                let is_own = !dossier.details.is_delegated;
                let scope = match (dossier.requester, dossier.identity) {
                    (RequesterKind::Citizen, Some(identity)) => Scope::Citizen {
                        identity,
                        tax_code: TaxCode::from_stored(dossier.tax_code),
                        delegators: Vec::new(),
                    },
                    _ => Scope::Tracking(ticket),
                };
                reached.push((ticket, scope, is_own));
            }
            Ok(reached)
        })
    }

    fn pack_ticket(
        &self,
        conn: &mut DbConnection,
        scope: &Scope,
        id: TicketId,
        request: &SubjectRequest,
    ) -> Result<Packed, DeskError> {
        let wanted = TicketRef::Id(id);
        let (ticket, dossier) = tickets::find(conn, scope, &wanted)?.ok_or(DeskError::NotFound)?;
        let screen = self.own_screen(conn, scope, &wanted)?;
        let own = attachments::list(conn, id)?
            .into_iter()
            .filter(|stored| stored.is_for(View::Requester, None) && stored.purged_at.is_none());
        let files: Vec<(String, Attachment)> = own
            .zip(1..)
            .map(|(stored, nth)| {
                (
                    path_of(ticket.number.as_str(), nth, &stored.file),
                    stored.file,
                )
            })
            .collect();
        let listed: Vec<Value> = files
            .iter()
            .map(|(path, file)| json!({"id": file.id.uuid(), "path": path}))
            .collect();
        Ok(Packed {
            id,
            body: json!({
                "screen": self.telling.show_ticket(screen, request.lang),
                "filing": filing(&dossier, request),
                "callbacks": pack_callbacks(conn, id)?,
                "files": listed,
            }),
            files,
        })
    }

    /// Who looked, as the requester's own list says it.
    fn pack_accesses(
        &self,
        scope: &Scope,
        ticket: TicketId,
        lang: Lang,
    ) -> Result<Value, DeskError> {
        let named = |one: Labelled| json!({"code": one.code, "label": one.label.to(lang)});
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let wanted = TicketRef::Id(ticket);
            let (page, next) = self.list_accesses(scope, &wanted, after, ACCESSES_AT_ONCE)?;
            all.extend(page.iter().map(|one| {
                let authority = one.authority.as_ref();
                json!({
                    "at": one.place.at.to_string(),
                    "authority": authority.map(|code| named(self.authority_label(code))),
                    "role": named(self.looker_label(one.role)),
                    "what": one.look.as_str(),
                })
            }));
            match next {
                Some(next) => after = Some(next),
                None => return Ok(Value::Array(all)),
            }
        }
    }

    fn pack_complaints(&self, scopes: &[Scope], lang: Lang) -> Result<Vec<Value>, DeskError> {
        let mut packed: Vec<(uuid::Uuid, Value)> = Vec::new();
        for scope in scopes {
            let found = self.db.read_snapshot_in(scope, |conn| {
                complaints::list_own(conn, scope, None, None, MOST_COMPLAINTS)?
                    .into_iter()
                    .map(|one| self.own_complaint(conn, scope, one, true))
                    .collect::<Result<Vec<_>, DeskError>>()
            })?;
            for one in found {
                let id = one.id.uuid();
                if !packed.iter().any(|(known, _)| *known == id) {
                    packed.push((id, self.telling.show_complaint(one, lang)));
                }
            }
        }
        Ok(packed.into_iter().map(|(_, body)| body).collect())
    }
}

/// What the person sees by themselves; none for who was identified by the officer. Those who delegated
/// them have rights of their own.
fn own_scope(request: &SubjectRequest) -> Option<Scope> {
    match (&request.identity, request.ticket) {
        (Some(identity), _) => Some(Scope::Citizen {
            identity: identity.clone(),
            tax_code: TaxCode::from_stored(request.tax_code.clone()),
            delegators: Vec::new(),
        }),
        (None, Some(ticket)) => Some(Scope::Tracking(ticket)),
        (None, None) => None,
    }
}

/// What the person filed. Contacts that somebody gave without an identity are theirs for certain only
/// where the link to that very ticket was shown; other people's tax codes are masked.
fn filing(dossier: &Dossier, request: &SubjectRequest) -> Value {
    let is_theirs = dossier.requester == RequesterKind::Citizen && !dossier.details.is_delegated
        || request.ticket.is_some();
    let contact = |value: Option<&str>| match value {
        Some(value) if is_theirs => Value::from(value),
        Some(_) => Value::from("•••"),
        None => Value::Null,
    };
    let details = &dossier.details;
    json!({
        "given_name": dossier.given_name,
        "family_name": dossier.family_name,
        "tax_code": dossier.tax_code,
        "channel": dossier.channel.as_str(),
        "email": contact(Some(&dossier.email)),
        "phone": contact(dossier.phone.as_deref()),
        "recall_phone": contact(details.recall_phone.as_deref()),
        "notification_email": contact(details.notification_email.as_deref()),
        "language": details.lang.code(),
        "privacy_notice": details.privacy_notice,
        "fields": masked(Value::Object(details.extra.clone()), &request.tax_code),
    })
}

/// The same with every tax code but the person's own masked.
fn masked(value: Value, own: &str) -> Value {
    match value {
        Value::String(text) if text != own && TaxCode::parse(&text, true).is_ok() => {
            Value::String(TaxCode::from_stored(text).masked_alone())
        }
        Value::Array(items) => items.into_iter().map(|item| masked(item, own)).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| (name, masked(value, own)))
            .collect::<Map<_, _>>()
            .into(),
        other => other,
    }
}

/// The calls the person was promised; what the desk noted of them is its own affair.
fn pack_callbacks(conn: &mut DbConnection, ticket: TicketId) -> Result<Vec<Value>, DeskError> {
    let promised = callbacks::list_about(conn, ticket)?;
    let ids: Vec<_> = promised.iter().map(|one| one.id).collect();
    let attempts = callbacks::list_attempts(conn, &ids)?;
    let tries = |id| {
        let own = attempts.iter().filter(move |(of, _)| *of == id);
        own.map(|(_, one)| json!({"at": one.at.to_string(), "outcome": one.outcome.as_str()}))
            .collect::<Vec<_>>()
    };
    let body = |one: &callbacks::Callback| {
        json!({
            "phone": one.phone.as_str(),
            "state": one.state.as_str(),
            "wished_from": one.wished_from.to_string(),
            "wished_to": one.wished_to.to_string(),
            "created_at": one.created_at.to_string(),
            "attempts": tries(one.id),
        })
    };
    Ok(promised.iter().map(body).collect())
}

/// Where a file is in the archive: below a folder of ours, under a name that leads nowhere else.
fn path_of(number: &str, nth: usize, file: &Attachment) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ');
    let name: String = file
        .name
        .as_str()
        .chars()
        .map(|c| if is_plain(c) { c } else { '_' })
        .collect();
    format!("files/{number}/{nth:02}-{name}")
}

/// An archive being written, in memory.
struct Archive(ZipWriter<Cursor<Vec<u8>>>);

impl Archive {
    fn new() -> Self {
        Archive(ZipWriter::new(Cursor::new(Vec::new())))
    }

    fn add(&mut self, path: &str, content: &[u8]) -> Result<(), DeskError> {
        let options = SimpleFileOptions::default();
        self.0.start_file(path, options).map_err(broken)?;
        let written = self.0.write_all(content);
        written.map_err(|error| DeskError::broken("an archive", error))
    }

    fn finish(self) -> Result<Vec<u8>, DeskError> {
        Ok(self.0.finish().map_err(broken)?.into_inner())
    }
}

fn broken(error: zip::result::ZipError) -> DeskError {
    DeskError::broken("an archive", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_peoples_tax_codes_are_masked_wherever_they_stand() {
        let (own, other) = ("RSSMRA80A01H501U", "BNCNNA85D52L219A");
        let form = json!({"minor": {"code": other}, "codes": [own, other, "testo"], "n": 1});
        let shown = masked(form, own);
        assert_eq!(
            shown,
            json!({"minor": {"code": "BNC••••••••••••A"}, "codes": [own, "BNC••••••••••••A", "testo"], "n": 1})
        );
    }
}

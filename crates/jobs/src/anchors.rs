//! Puts the heads of the audit trail outside the database (`docs/adr/0034`): into a file, to an address,
//! into a mailbox. Each place is tried for itself until it took the anchor.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use domain::invalid::Lang;
use domain::webhook::EndpointUrl;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::CONTENT_TYPE;
use service::evidence::{AnchorRun, AuditKey, Send};
use service::mailer::{MailMessage, Mailer};
use service::{Desk, DeskError};
use tokio::runtime::Handle;

use crate::files::append_line;
use crate::webhooks::client;

const FILE: &str = "file";
const WEBHOOK: &str = "webhook";
const MAIL: &str = "mail";

/// Who signs the heads, how often, and where they go.
pub struct Anchors {
    key: Arc<AuditKey>,
    every: SignedDuration,
    file: Option<PathBuf>,
    url: Option<EndpointUrl>,
    mailbox: Option<String>,
    /// When this process last looked whether there is something to sign.
    looked_at: Mutex<Option<Timestamp>>,
}

impl Anchors {
    /// Signs with `key`, and sends nowhere yet.
    pub fn new(key: AuditKey, every: SignedDuration) -> Self {
        Anchors {
            key: Arc::new(key),
            every,
            file: None,
            url: None,
            mailbox: None,
            looked_at: Mutex::default(),
        }
    }

    /// Adds a line to this file for each.
    #[must_use]
    pub fn to_file(mut self, file: Option<PathBuf>) -> Self {
        self.file = file;
        self
    }

    /// Posts each to this address.
    #[must_use]
    pub fn to_url(mut self, url: Option<EndpointUrl>) -> Self {
        self.url = url;
        self
    }

    /// Mails each to this mailbox.
    #[must_use]
    pub fn to_mailbox(mut self, mailbox: Option<String>) -> Self {
        self.mailbox = mailbox;
        self
    }

    fn places(&self) -> Vec<&'static str> {
        let all = [
            (FILE, self.file.is_some()),
            (WEBHOOK, self.url.is_some()),
            (MAIL, self.mailbox.is_some()),
        ];
        all.into_iter()
            .filter_map(|(place, is_set)| is_set.then_some(place))
            .collect()
    }

    /// Signs the heads if it is time, and sends what is due.
    pub(crate) fn keep(
        &self,
        desk: &Desk,
        mailer: &dyn Mailer,
        runtime: &Handle,
    ) -> Result<AnchorRun, DeskError> {
        if self.is_time(desk.now()) {
            desk.anchor_audit(&self.key, &self.places(), self.every)?;
        }
        desk.send_anchors(&|send| match send.place.as_str() {
            FILE => self.write(send),
            WEBHOOK => runtime.block_on(self.post(desk, send)),
            MAIL => self.mail(desk, mailer, send),
            _ => Err(String::from("nobody knows this place")),
        })
    }

    fn is_time(&self, now: Timestamp) -> bool {
        let mut last = self
            .looked_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Also when the clock was set back.
        let is_time = last.is_none_or(|last| now.duration_since(last).abs() >= self.every);
        if is_time {
            *last = Some(now);
        }
        is_time
    }

    fn write(&self, send: &Send) -> Result<(), String> {
        let file = self.file.as_deref().ok_or_else(not_set)?;
        append_line(file, &send.anchor.body).map_err(|error| error.to_string())
    }

    async fn post(&self, desk: &Desk, send: &Send) -> Result<(), String> {
        let url = self.url.as_ref().ok_or_else(not_set)?;
        let builder = client(desk);
        let client = match url.is_encrypted() {
            true => builder.https_only(true).build(),
            // No root certificates: this one never speaks TLS.
            false => builder.tls_certs_only([]).build(),
        };
        let client = client.map_err(|_| String::from("no client can be made"))?;
        // A signed text in JSON (RFC 7515 §9.2.1).
        let answer = client
            .post(url.as_str())
            .header(CONTENT_TYPE, "application/jose+json")
            .body(send.anchor.body.clone())
            .send()
            .await;
        match answer {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(format!("answered with {}", answer.status().as_u16())),
            Err(error) if error.is_timeout() => Err(String::from("no answer in time")),
            Err(_) => Err(String::from("no connection")),
        }
    }

    fn mail(&self, desk: &Desk, mailer: &dyn Mailer, send: &Send) -> Result<(), String> {
        let to = self.mailbox.clone().ok_or_else(not_set)?;
        let number = send.anchor.number;
        let line = &send.anchor.body;
        let message = MailMessage {
            id: send.anchor.mail_id(),
            at: desk.now(),
            lang: Lang::It,
            to,
            subject: format!("Sportello: ancora {number} del registro degli accessi"),
            body: format!(
                "Ancora {number} del registro degli accessi, firmata. Conservare questa riga fuori \
                 dal sistema:\n\n{line}\n"
            ),
            // Base64 and JSON: nothing in it means something to HTML.
            html: format!(
                "<!DOCTYPE html><html lang=\"it\"><head><meta charset=\"utf-8\">\
                 <title>Ancora {number}</title></head><body><p>Ancora {number} del registro degli \
                 accessi, firmata. Conservare questa riga fuori dal sistema:</p><pre>{line}</pre>\
                 </body></html>"
            ),
        };
        mailer.send(&message).map_err(|failure| failure.to_string())
    }
}

/// What was set when the anchor was made is not any more; it goes there when it is set again.
fn not_set() -> String {
    String::from("the place is not configured any more")
}

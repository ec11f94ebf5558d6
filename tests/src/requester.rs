//! What a requester does: prove an address, file, follow the link.

use serde_json::{Value, json};

use crate::app::TestApp;
use crate::citizens::Person;
use crate::client::Client;
use crate::files::File;

/// A request that was filed.
#[derive(Debug, Clone)]
pub struct Filed {
    /// Its id.
    pub id: String,
    /// Its number.
    pub number: String,
    /// The secret of the tracking link; empty for a citizen with a national identity.
    pub secret: String,
}

impl Filed {
    /// A path below `/v1/tickets/{ticket}`.
    pub fn staff_path(&self, rest: &str) -> String {
        format!("/v1/tickets/{}{rest}", self.id)
    }

    /// A path below `/v1/me/tickets/{ticket}`.
    pub fn own_path(&self, rest: &str) -> String {
        format!("/v1/me/tickets/{}{rest}", self.id)
    }
}

impl TestApp {
    /// Proves an address by the code in the mail.
    pub async fn prove_email(&self, email: &str) -> String {
        let anonymous = self.anonymous();
        let started = anonymous
            .post("/v1/email-proofs", &json!({"email": email}))
            .await;
        started.is(202);
        let mails = self.mails_to(email).await;
        let code = mails.last().and_then(|mail| mail.code());
        let code = code.expect("a mail with a code");
        let target = format!("/v1/email-proofs/{}/verifications", started.text_at("/id"));
        let proof = anonymous.post(&target, &json!({"code": code})).await;
        proof.is(201).text_at("/email_proof").to_owned()
    }

    /// Files without a token, with the whole dance of the e-mail proof; reads the tracking link in
    /// the receipt.
    pub async fn file_anonymous(&self, form: &Value, files: &[File]) -> Filed {
        let email = form["email"].as_str().expect("an address");
        let mut form = form.clone();
        form["email_proof"] = json!(self.prove_email(email).await);
        let reply = self
            .anonymous()
            .post_form("/v1/tickets", &form, files)
            .await;
        reply.is(201);
        let number = reply.text_at("/number").to_owned();
        let mails = self.mails_to(email).await;
        let link = mails
            .iter()
            .find_map(|mail| mail.link().filter(|(of, _)| *of == number));
        let (_, secret) = link.expect("a receipt with a link");
        Filed {
            id: reply.text_at("/id").to_owned(),
            number,
            secret,
        }
    }

    /// Files as a citizen with a national identity.
    pub async fn file_as(&self, person: &Person, form: &Value, files: &[File]) -> Filed {
        let reply = self
            .citizen(person)
            .post_form("/v1/tickets", form, files)
            .await;
        reply.is(201);
        Filed {
            id: reply.text_at("/id").to_owned(),
            number: reply.text_at("/number").to_owned(),
            secret: String::new(),
        }
    }

    /// Whoever follows the tracking link just now.
    pub async fn tracking(&self, filed: &Filed) -> Client {
        let link = json!({"number": filed.number, "secret": filed.secret});
        let reply = self.anonymous().post("/v1/tracking-sessions", &link).await;
        reply.is(201);
        self.with_token(reply.text_at("/access_token"))
    }
}

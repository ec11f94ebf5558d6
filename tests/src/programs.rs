//! Programs that call on their own.

use api::tokens::OWN_AUDIENCE;
use domain::ids::ClientId;
use jiff::SignedDuration;
use reqwest::Method;
use service::clients::NewClient;

use crate::app::TestApp;
use crate::client::{Client, Reply};

/// A program with a secret and a token.
#[derive(Debug, Clone)]
pub struct Program {
    /// Its id.
    pub id: ClientId,
    /// Its secret.
    pub secret: String,
    /// A token, good for a quarter of an hour.
    pub token: String,
}

impl TestApp {
    /// A program with these scopes, without credentials yet.
    pub fn new_program(&self, scopes: &[&str]) -> NewClient {
        NewClient {
            label: format!("Programma di prova per {OWN_AUDIENCE}"),
            contact: "programma@example.org".to_owned(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            voucher: None,
            purposes: Vec::new(),
            life: SignedDuration::from_hours(365 * 24),
        }
    }

    /// A program with these scopes, a secret and a token.
    pub async fn program(&self, scopes: &[&str]) -> Program {
        let id = self
            .desk
            .add_client(self.new_program(scopes))
            .expect("a program");
        let secret = self.desk.add_client_secret(id).expect("a secret");
        let reply = self
            .grant(&[("client_id", &id.to_string()), ("client_secret", &secret)])
            .await;
        reply.is(200);
        Program {
            id,
            token: reply.text_at("/access_token").to_owned(),
            secret,
        }
    }

    /// Asks for a program's token with these fields.
    pub async fn grant(&self, fields: &[(&str, &str)]) -> Reply {
        grant_by(&self.anonymous(), fields).await
    }
}

/// Asks for a program's token as this caller.
pub async fn grant_by(client: &Client, fields: &[(&str, &str)]) -> Reply {
    let mut form = reqwest::Url::parse("http://form.example.org").expect("an address");
    form.query_pairs_mut()
        .append_pair("grant_type", "client_credentials")
        .extend_pairs(fields);
    let form = form.query().unwrap_or_default().to_owned();
    client
        .request(Method::POST, "/v1/oauth/token")
        .body("application/x-www-form-urlencoded", form)
        .send()
        .await
}

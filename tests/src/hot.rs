//! The operations somebody waits for all day long, each ready to be sent, so that what it costs can be
//! measured around it.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use reqwest::Method;
use serde_json::json;

use crate::citizens::{ANNA, MARIO};
use crate::people::{PASSWORD, TO4};
use crate::requester::Filed;
use crate::{Client, Request, TestApp, files, forms};

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// An operator's queue from its beginning.
    Queue,
    /// The page of it after the first.
    QueueNext,
    /// What is open and not taken, soonest due first.
    QueueByDue,
    /// A search for a person by tax code.
    SearchByTaxCode,
    /// A search for a word.
    SearchByWord,
    /// How many there are of what.
    Counters,
    /// A ticket's screen.
    Screen,
    /// A note of an operator for the requester.
    Note,
    /// An operator takes a ticket.
    Take,
    /// A citizen with a national identity files.
    File,
    /// Somebody with a proved e-mail address files, with a file.
    FileAnonymously,
    /// An operator logs in.
    LogIn,
    /// A session is renewed.
    Refresh,
    /// A citizen's own requests.
    OwnList,
    /// One of them.
    OwnScreen,
    /// A citizen's message.
    OwnMessage,
}

impl Operation {
    /// The status of its answer.
    pub fn status(self) -> u16 {
        match self {
            Operation::Note
            | Operation::Take
            | Operation::File
            | Operation::FileAnonymously
            | Operation::LogIn
            | Operation::OwnMessage => 201,
            _ => 200,
        }
    }
}

/// Who does it, and on which ticket.
pub struct Hot<'a> {
    app: &'a TestApp,
    operator: Client,
    anna: Client,
    proofs: AtomicU32,
    /// The ticket of the screens, of Anna at TO4.
    pub filed: Filed,
}

impl<'a> Hot<'a> {
    /// Files two tickets and logs an operator in, who takes the first, so that a list has a name to show.
    pub async fn new(app: &'a TestApp) -> Self {
        let form = forms::report_not_found_logged_in(TO4);
        let operator = app.as_("to4.operator").await;
        let taken = app.file_as(&ANNA, &form, &[]).await;
        let take = json!({"action": "take"});
        operator.act(&taken.id, &take).await.is(201);
        Hot {
            app,
            operator,
            anna: app.citizen(&ANNA),
            proofs: AtomicU32::new(0),
            filed: app.file_as(&ANNA, &form, &[files::pdf(500)]).await,
        }
    }

    /// More tickets of Anna's at TO4.
    pub async fn grow(&self, tickets: usize) {
        for _ in 0..tickets {
            self.file().await;
        }
    }

    /// More entries in the history of the ticket of the screens, half of them for its requester.
    pub async fn write(&self, notes: usize) {
        for n in 0..notes {
            let note = json!({"body": format!("Nota {n}."), "published": n % 2 == 0});
            let action = json!({"action": "note", "note": note});
            self.operator.act(&self.filed.id, &action).await.is(201);
        }
    }

    async fn file(&self) -> Filed {
        let form = forms::report_not_found_logged_in(TO4);
        self.app.file_as(&ANNA, &form, &[]).await
    }

    /// The request, with all done that has to come before it.
    pub async fn ready(&self, operation: Operation) -> Request {
        let (operator, anna, anonymous) = (&self.operator, &self.anna, self.app.anonymous());
        let get = |client: &Client, target: &str| client.request(Method::GET, target);
        let post = |client: &Client, target: &str| client.request(Method::POST, target);
        match operation {
            Operation::Queue => get(operator, "/v1/tickets?limit=50"),
            Operation::QueueNext => {
                self.file().await;
                let first = operator.get("/v1/tickets?limit=1").await;
                let cursor = first.text_at("/next_cursor");
                get(operator, &format!("/v1/tickets?limit=1&cursor={cursor}"))
            }
            Operation::QueueByDue => {
                get(operator, "/v1/tickets?state=new&assignee=none&sort=due_at")
            }
            Operation::SearchByTaxCode => {
                let search = json!({"tax_code": ANNA.tax_code});
                post(operator, "/v1/ticket-searches").json(&search)
            }
            Operation::SearchByWord => get(operator, "/v1/tickets?q=referto"),
            Operation::Counters => get(operator, "/v1/queues"),
            Operation::Screen => get(operator, &self.filed.staff_path("")),
            Operation::Note => {
                let note = json!({"body": "Ci stiamo lavorando.", "published": true});
                self.act(&self.filed, &json!({"action": "note", "note": note}))
                    .await
            }
            Operation::Take => {
                self.act(&self.file().await, &json!({"action": "take"}))
                    .await
            }
            Operation::File => {
                post(anna, "/v1/tickets").json(&forms::report_not_found_logged_in(TO4))
            }
            Operation::FileAnonymously => {
                let mut form = forms::report_not_found(&MARIO, TO4);
                // An address gets three codes an hour.
                let email = format!("mario.{}@example.org", self.proofs.fetch_add(1, Relaxed));
                form["email_proof"] = self.app.prove_email(&email).await.into();
                form["email"] = email.into();
                form["attachment"] = files::pdf(500).inline();
                post(&anonymous, "/v1/tickets").json(&form)
            }
            Operation::LogIn => self.ready_to_log_in(),
            Operation::Refresh => {
                let session = self.ready_to_log_in().send().await;
                let token = json!({"refresh_token": session.text_at("/refresh_token")});
                post(&anonymous, "/v1/sessions/refresh").json(&token)
            }
            Operation::OwnList => get(anna, "/v1/me/tickets"),
            Operation::OwnScreen => get(anna, &self.filed.own_path("")),
            Operation::OwnMessage => post(anna, &self.filed.own_path("/messages"))
                .json(&json!({"body": "Aggiungo un dettaglio."})),
        }
    }

    fn ready_to_log_in(&self) -> Request {
        let credentials = json!({"username": "to4.operator", "password": PASSWORD});
        let anonymous = self.app.anonymous();
        anonymous
            .request(Method::POST, "/v1/sessions")
            .json(&credentials)
    }

    /// An operator's action on a ticket whose version was read.
    async fn act(&self, filed: &Filed, action: &serde_json::Value) -> Request {
        let seen = self.operator.screen(&filed.id).await;
        let target = filed.staff_path("/actions");
        let request = self.operator.request(Method::POST, &target);
        request.if_match(seen.etag()).json(action)
    }
}

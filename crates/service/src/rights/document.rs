//! The readable part of a copy of somebody's data: one page of HTML made of `data.json` alone, without
//! script and without anything from elsewhere. Invariant: every value is escaped where it is written.

use std::fmt::Write;

use domain::invalid::{Lang, Text};
use serde_json::Value;

const TITLE: Text = Text::new("I tuoi dati", "Your data");
const MADE: Text = Text::new("Copia fatta il", "Copy made at");
const TICKETS: Text = Text::new("Richieste di assistenza", "Assistance requests");
const COMPLAINTS: Text = Text::new("Reclami", "Complaints");
const NONE: Text = Text::new("Nessuno", "None");
const FILED: Text = Text::new("Presentata il", "Filed at");
const SERVICE: Text = Text::new("Servizio", "Service");
const PROBLEM: Text = Text::new("Problema", "Problem");
const AUTHORITY: Text = Text::new("Azienda", "Authority");
const STATE: Text = Text::new("Stato", "State");
const DESCRIPTION: Text = Text::new("Descrizione", "Description");
const MESSAGES: Text = Text::new("Messaggi", "Messages");
const DATA: Text = Text::new("Dati indicati", "Data given");
const REVIEW: Text = Text::new("Revisione", "Review");
const FILES: Text = Text::new("File", "Files");
const CALLS: Text = Text::new("Richiamate", "Calls back");
const LETTERS: Text = Text::new("Comunicazioni", "Letters");
const OFFICE: Text = Text::new("Ufficio", "Office");

/// Members of what was filed, and what people call them.
const GIVEN: [(&str, Text); 8] = [
    ("given_name", Text::new("Nome", "Given name")),
    ("family_name", Text::new("Cognome", "Family name")),
    ("tax_code", Text::new("Codice fiscale", "Tax code")),
    ("email", Text::new("E-mail", "E-mail")),
    ("phone", Text::new("Telefono", "Telephone")),
    (
        "recall_phone",
        Text::new("Telefono per essere richiamati", "Number to call back"),
    ),
    (
        "notification_email",
        Text::new("E-mail per gli avvisi", "E-mail for notices"),
    ),
    ("language", Text::new("Lingua", "Language")),
];

const STYLE: &str = "body{font:1rem/1.5 sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}\
section{border-top:1px solid #767676;margin-top:2rem}dt{font-weight:bold}dd{margin:0 0 .5rem}\
.text{white-space:pre-wrap;margin:.25rem 0 1rem}";

/// The page.
pub(super) fn document(data: &Value, lang: Lang) -> String {
    let mut page = Page {
        html: String::new(),
        lang,
    };
    page.raw(&format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        lang.code()
    ));
    page.element("title", TITLE.to(lang));
    page.raw(&format!("<style>{STYLE}</style></head>\n<body>\n"));
    page.element("h1", TITLE.to(lang));
    let made = format!("{} {}", MADE.to(lang), said(data, "/made_at"));
    page.element("p", &made);
    page.element("h2", TICKETS.to(lang));
    page.each(data, "/tickets", Page::ticket);
    page.element("h2", COMPLAINTS.to(lang));
    page.each(data, "/complaints", Page::complaint);
    page.raw("</body>\n</html>\n");
    page.html
}

struct Page {
    html: String,
    lang: Lang,
}

impl Page {
    /// Markup of ours.
    fn raw(&mut self, markup: &str) {
        self.html.push_str(markup);
    }

    /// An element around a text of anybody.
    fn element(&mut self, name: &str, text: &str) {
        // Writing to a `String` cannot fail.
        let _ = writeln!(self.html, "<{name}>{}</{name}>", escaped(text));
    }

    fn text(&mut self, text: &str) {
        let _ = writeln!(self.html, "<p class=\"text\">{}</p>", escaped(text));
    }

    /// A term and its value; nothing where there is none.
    fn fact(&mut self, label: Text, value: &str) {
        if !value.is_empty() {
            let label = label.to(self.lang).to_owned();
            self.raw("<dl>");
            self.element("dt", &label);
            self.element("dd", value);
            self.raw("</dl>");
        }
    }

    fn each(&mut self, data: &Value, at: &str, write: impl Fn(&mut Page, &Value)) {
        let items = listed(data, at);
        if items.is_empty() {
            let none = NONE.to(self.lang).to_owned();
            self.element("p", &none);
        }
        for item in items {
            self.raw("<section>\n");
            write(self, item);
            self.raw("</section>\n");
        }
    }

    fn ticket(&mut self, ticket: &Value) {
        let (lang, screen) = (self.lang, |at: &str| said(ticket, &format!("/screen{at}")));
        self.element("h3", &screen("/number"));
        self.fact(FILED, &screen("/created_at"));
        self.fact(SERVICE, &screen("/service/label"));
        self.fact(PROBLEM, &screen("/problem_type/label"));
        self.fact(AUTHORITY, &screen("/authority/label"));
        self.fact(STATE, &screen("/state_label"));
        self.fact(DESCRIPTION, &screen("/description"));
        self.element("h4", DATA.to(lang));
        for (member, label) in GIVEN {
            self.fact(label, &said(ticket, &format!("/filing/{member}")));
        }
        if let Some(Value::Object(fields)) = ticket.pointer("/filing/fields") {
            for (name, value) in fields {
                let shown = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                self.fact(Text::owned(name.clone(), name.clone()), &shown);
            }
        }
        self.element("h4", MESSAGES.to(lang));
        for message in listed(ticket, "/screen/messages") {
            let head = format!(
                "{} · {}",
                said(message, "/at"),
                said(message, "/author_label")
            );
            self.element("h5", &head);
            for member in ["/text", "/body"] {
                let text = said(message, member);
                if !text.is_empty() {
                    self.text(&text);
                }
            }
        }
        self.fact(REVIEW, &screen("/review/state_label"));
        self.fact(REVIEW, &screen("/review/reason"));
        self.fact(REVIEW, &screen("/review/reasons"));
        for call in listed(ticket, "/callbacks") {
            let line = ["/created_at", "/phone", "/state"].map(|at| said(call, at));
            self.fact(CALLS, &line.join(" · "));
        }
        for file in listed(ticket, "/files") {
            self.fact(FILES, &said(file, "/path"));
        }
    }

    fn complaint(&mut self, complaint: &Value) {
        let lang = self.lang;
        self.element("h3", &said(complaint, "/number"));
        self.fact(FILED, &said(complaint, "/received_at"));
        self.fact(OFFICE, &said(complaint, "/responsible_office/label"));
        self.fact(STATE, &said(complaint, "/state_label"));
        self.element("h4", &said(complaint, "/subject"));
        self.text(&said(complaint, "/text"));
        let letters = listed(complaint, "/letters");
        if !letters.is_empty() {
            self.element("h4", LETTERS.to(lang));
        }
        for letter in letters {
            self.element("h5", &said(letter, "/sent_at"));
            self.text(&said(letter, "/text"));
        }
    }
}

/// The text at a pointer; empty where there is none.
fn said(value: &Value, at: &str) -> String {
    let found = value.pointer(at).and_then(Value::as_str);
    found.unwrap_or_default().to_owned()
}

fn listed<'a>(value: &'a Value, at: &str) -> &'a [Value] {
    let found = value.pointer(at).and_then(Value::as_array);
    found.map(Vec::as_slice).unwrap_or_default()
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn markup_in_any_value_is_text_on_the_page() {
        let nasty = "<script>alert('x')</script><img src=\"https://elsewhere.example/\">";
        let data = json!({
            "made_at": nasty,
            "tickets": [{
                "screen": {"number": nasty, "service": {"label": nasty}, "description": nasty,
                    "messages": [{"at": nasty, "author_label": nasty, "text": nasty, "body": nasty}],
                    "review": {"state_label": nasty, "reason": nasty, "reasons": nasty}},
                "filing": {"given_name": nasty, "fields": {nasty: [nasty]}},
                "callbacks": [{"phone": nasty}], "files": [{"path": nasty}],
            }],
            "complaints": [{"number": nasty, "subject": nasty, "text": nasty, "letters": [{"text": nasty}]}],
        });
        for lang in Lang::ALL {
            let page = document(&data, lang);
            assert!(
                !page.contains("<script") && !page.contains("<img"),
                "{page}"
            );
            assert!(
                !page.contains("href") && !page.contains(" src=\""),
                "{page}"
            );
            assert!(page.contains("&lt;script&gt;alert(&#39;x&#39;)"), "{page}");
        }
    }
}

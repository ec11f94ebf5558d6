//! Mail on its way out: how a message becomes a letter, and the two ways it can leave.
//!
//! A letter has two parts that say the same, plain text and HTML (RFC 2046 §5.1.4). Invariants (A9,
//! D-17): one recipient; the headers are always the same ones; nothing with a control character gets
//! into a header; the same message makes the same letter.

mod folder;
mod smtp;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, ensure};
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};
use service::mailer::{MailMessage, Mailer};
use service::outbox::DeliveryFailure;

/// How mail is sent.
#[derive(Debug, Clone)]
pub struct MailConfig {
    /// The sender: `Name <address>` or an address alone.
    pub from: String,
    /// Where answers go, if anywhere.
    pub reply_to: Option<String>,
    /// The service's own address, `https://…`; its host names the service in `Message-ID`.
    pub base_address: String,
    /// Which way mail leaves.
    pub transport: MailTransport,
}

/// The ways mail can leave.
#[derive(Debug, Clone)]
pub enum MailTransport {
    /// To a mail server.
    Smtp(SmtpConfig),
    /// To a folder of `.eml` files, for trying things out.
    Folder(PathBuf),
}

/// The mail server to hand messages to.
#[derive(Debug, Clone)]
pub struct SmtpConfig {
    /// Name, as in its certificate, or address.
    pub host: String,
    /// Usually 587 with STARTTLS, 465 with implicit TLS, 25 without.
    pub port: u16,
    /// How the connection is encrypted.
    pub tls: SmtpTls,
    /// Lets [`SmtpTls::None`] leave this machine.
    pub allow_unencrypted: bool,
    /// What to sign in with.
    pub login: Option<SmtpLogin>,
    /// The longest wait for any single step; [`SMTP_STEP_TIMEOUT`] unless there is a reason.
    pub timeout: Duration,
}

/// The usual [`SmtpConfig::timeout`].
pub const SMTP_STEP_TIMEOUT: Duration = Duration::from_secs(10);

/// How a connection to the mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpTls {
    /// Starts in the clear, and says nothing before it is encrypted.
    StartTls,
    /// Encrypted from the first byte.
    Implicit,
    /// Not encrypted: for a mail server on this machine.
    None,
}

/// Name and password at the mail server.
#[derive(Clone)]
pub struct SmtpLogin {
    /// The name.
    pub username: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for SmtpLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SmtpLogin(…)")
    }
}

/// Makes the mailer a configuration asks for. Connects to nothing yet: a mail server that is
/// down at start is a reason to try later, not to stay down as well.
pub fn open(config: &MailConfig) -> anyhow::Result<Arc<dyn Mailer>> {
    let letterhead = Letterhead::read(config)?;
    match &config.transport {
        MailTransport::Smtp(server) => Ok(Arc::new(smtp::SmtpMailer::open(server, letterhead)?)),
        MailTransport::Folder(path) => Ok(Arc::new(folder::FolderMailer::open(path, letterhead)?)),
    }
}

/// What every letter has in common.
struct Letterhead {
    from: Mailbox,
    reply_to: Option<Mailbox>,
    host: String,
}

impl Letterhead {
    fn read(config: &MailConfig) -> anyhow::Result<Self> {
        let host = host_of(&config.base_address)
            .with_context(|| format!("no host name in the address {:?}", config.base_address))?;
        Ok(Letterhead {
            from: mailbox(&config.from).context("the sender of mail")?,
            reply_to: config
                .reply_to
                .as_deref()
                .map(|text| mailbox(text).context("the address for answers to mail"))
                .transpose()?,
            host: host.to_owned(),
        })
    }

    /// The message as it goes over the wire; refused for good if it is not one clean letter.
    fn letter(&self, message: &MailMessage) -> Result<Message, DeliveryFailure> {
        let to = recipient(&message.to).ok_or_else(|| refused("recipient refused"))?;
        if message.subject.contains(char::is_control) {
            return Err(refused("subject refused"));
        }
        let date = date(message).ok_or_else(|| refused("date refused"))?;
        // Readers show the last part they can: the plain one comes first.
        let parts = MultiPart::alternative()
            .boundary(boundary(message))
            .singlepart(part(ContentType::TEXT_PLAIN, &message.body)?)
            .singlepart(part(ContentType::TEXT_HTML, &message.html)?);
        let mut letter = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(&message.subject)
            .date(date)
            .message_id(Some(format!("<{}@{}>", message.id, self.host)));
        if let Some(reply_to) = &self.reply_to {
            letter = letter.reply_to(reply_to.clone());
        }
        letter
            // Keeps out-of-office programs from answering (RFC 3834).
            .raw_header(fixed("Auto-Submitted", "auto-generated"))
            .raw_header(fixed("Content-Language", message.lang.code()))
            .multipart(parts)
            .map_err(|_| refused("letter refused"))
    }
}

/// One part of a letter. Quoted-printable keeps every line short and ASCII.
fn part(kind: ContentType, text: &str) -> Result<SinglePart, DeliveryFailure> {
    let encoding = ContentTransferEncoding::QuotedPrintable;
    let body =
        Body::new_with_encoding(text.to_owned(), encoding).map_err(|_| refused("text refused"))?;
    Ok(SinglePart::builder().header(kind).body(body))
}

/// What stands between the parts. `=_` never occurs in quoted-printable text, so no text can hold it
/// (RFC 2045 §6.7); the id makes it the same at every attempt.
fn boundary(message: &MailMessage) -> String {
    format!("=_{}", message.id)
}

fn refused(reason: &str) -> DeliveryFailure {
    DeliveryFailure::Permanent(reason.to_owned())
}

fn fixed(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// One bare ASCII address. Narrower than the mail library, which takes quoted local parts that
/// may hold spaces, commas and further at signs.
fn recipient(text: &str) -> Option<Address> {
    let plain = |c: char| c.is_ascii_graphic() && !"\"(),:;<>[]\\".contains(c);
    if text.len() > 254 || !text.chars().all(plain) || text.matches('@').count() != 1 {
        return None;
    }
    text.parse().ok()
}

/// The time of the message, if a mail header can hold it: the library panics on other years.
fn date(message: &MailMessage) -> Option<SystemTime> {
    let since_epoch = u64::try_from(message.at.as_second()).ok()?;
    (since_epoch < 253_402_300_800).then(|| SystemTime::from(message.at))
}

fn mailbox(text: &str) -> anyhow::Result<Mailbox> {
    let mailbox: Mailbox = text.parse().with_context(|| format!("{text:?}"))?;
    ensure!(
        !text.contains(char::is_control),
        "{text:?} has control characters"
    );
    ensure!(
        recipient(mailbox.email.as_ref()).is_some(),
        "{text:?} is no plain ASCII address"
    );
    Ok(mailbox)
}

/// The host of an `http` or `https` address, an IPv6 one with its brackets.
fn host_of(address: &str) -> Option<&str> {
    let rest = address
        .strip_prefix("https://")
        .or_else(|| address.strip_prefix("http://"))?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    };
    let name = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .filter(|host| host.parse::<std::net::Ipv6Addr>().is_ok());
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'-';
    (name.is_some() || (!host.is_empty() && host.bytes().all(plain))).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::invalid::Lang;
    use jiff::Timestamp;

    pub(super) const ID: &str = "019a0000-0000-7000-8000-000000000001";

    /// A message with everything that is easy to get wrong.
    pub(super) fn message() -> MailMessage {
        MailMessage {
            id: ID.parse().unwrap(),
            at: "2026-11-21T22:30:00.123456Z".parse().unwrap(),
            lang: Lang::It,
            to: "Anna.Rossi+1@example.org".to_owned(),
            subject: "Richiesta 2026-0000417-S: c'è una novità — leggila quando puoi".to_owned(),
            body: BODY.to_owned(),
            html: HTML.to_owned(),
        }
    }

    pub(super) const BODY: &str = "Così — 日本 🙂\n.\n..due punti\nspazio in fondo \n=3D resta\n\
        una riga molto lunga che non sta in settantasei caratteri e perciò va spezzata da chi spedisce\n\
        https://assistenza.example.org/segui#k=AbC-1_2\n\nFirma\n";

    pub(super) const HTML: &str = "<!DOCTYPE html>\n<p>Così — 日本 🙂<br>\n.\n=_019a--\n\
        <a href=\"https://assistenza.example.org/segui#k=AbC-1_2\">qui, in una riga che non sta in settantasei</a>\n";

    pub(super) fn config(transport: MailTransport) -> MailConfig {
        MailConfig {
            from: "Assistenza però breve <noreply@assistenza.example.org>".to_owned(),
            reply_to: None,
            base_address: "https://assistenza.example.org:8443/app".to_owned(),
            transport,
        }
    }

    fn letterhead() -> Letterhead {
        Letterhead::read(&config(MailTransport::Folder(PathBuf::new()))).unwrap()
    }

    /// A header or the headers of a part: name and value, unfolded.
    pub(super) type Fields = Vec<(String, String)>;

    /// Header fields and the decoded texts of the two parts of a letter in CRLF lines: plain, then
    /// HTML.
    pub(super) fn read_letter(raw: &str) -> (Fields, [String; 2]) {
        assert!(raw.is_ascii(), "{raw}");
        assert_eq!(raw.matches('\n').count(), raw.matches("\r\n").count());
        let (head, body) = raw.split_once("\r\n\r\n").unwrap();
        let fields = read_fields(head);
        let kind = &fields
            .iter()
            .find(|(name, _)| name == "Content-Type")
            .unwrap()
            .1;
        let boundary = kind
            .strip_prefix("multipart/alternative; boundary=\"")
            .and_then(|rest| rest.strip_suffix('"'))
            .unwrap();
        let pieces: Vec<&str> = body.split(&format!("--{boundary}")).collect();
        let [before, plain, html, end] = pieces[..] else {
            panic!("not two parts: {body}");
        };
        assert_eq!((before.trim(), end.trim()), ("", "--"));
        let texts = [("text/plain", plain), ("text/html", html)].map(|(kind, part)| {
            let (head, text) = part.trim_start().split_once("\r\n\r\n").unwrap();
            let expected = [
                ("Content-Type", format!("{kind}; charset=utf-8")),
                ("Content-Transfer-Encoding", "quoted-printable".to_owned()),
            ];
            let expected = expected.map(|(name, value)| (name.to_owned(), value));
            assert_eq!(read_fields(head), expected);
            decoded(text.strip_suffix("\r\n").unwrap())
        });
        (fields, texts)
    }

    fn read_fields(head: &str) -> Fields {
        head.replace("\r\n ", " ")
            .lines()
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    fn decoded(body: &str) -> String {
        assert!(body.lines().all(|line| line.len() <= 76), "{body}");
        let mut text = Vec::new();
        let body = body.replace("=\r\n", "");
        let mut rest = body.as_bytes();
        while let Some((byte, after)) = rest.split_first() {
            if *byte == b'=' {
                let digits = std::str::from_utf8(&after[..2]).unwrap();
                text.push(u8::from_str_radix(digits, 16).unwrap());
                rest = &after[2..];
            } else {
                text.push(*byte);
                rest = after;
            }
        }
        String::from_utf8(text).unwrap().replace("\r\n", "\n")
    }

    fn formatted(letterhead: &Letterhead, message: &MailMessage) -> String {
        String::from_utf8(letterhead.letter(message).unwrap().formatted()).unwrap()
    }

    #[test]
    fn a_letter_has_the_fixed_headers_and_the_whole_text() {
        let (fields, texts) = read_letter(&formatted(&letterhead(), &message()));
        assert_eq!(texts, [BODY, HTML]);
        let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
        let expected = [
            "From",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "Auto-Submitted",
            "Content-Language",
            "MIME-Version",
            "Content-Type",
        ];
        assert_eq!(names, expected);
        let value = |name: &str| fields.iter().find(|(n, _)| n == name).unwrap().1.as_str();
        assert!(value("From").ends_with(" <noreply@assistenza.example.org>"));
        assert_eq!(value("To"), "Anna.Rossi+1@example.org");
        assert_eq!(value("Date"), "Sat, 21 Nov 2026 22:30:00 +0000");
        assert_eq!(
            value("Message-ID"),
            format!("<{ID}@assistenza.example.org>")
        );
        assert_eq!(value("Auto-Submitted"), "auto-generated");
        assert_eq!(value("Content-Language"), "it");
        let kind = format!("multipart/alternative; boundary=\"=_{ID}\"");
        assert_eq!(value("Content-Type"), kind);
        assert!(value("Subject").starts_with("Richiesta 2026-0000417-S:"));
    }

    #[test]
    fn no_text_can_end_its_part() {
        let ends = format!("--=_{ID}--\n--=_{ID}\nContent-Type: text/html\n\n<script>\n");
        let message = MailMessage {
            body: ends.clone(),
            html: ends.clone(),
            ..message()
        };
        let (_, texts) = read_letter(&formatted(&letterhead(), &message));
        assert_eq!(texts, [ends.clone(), ends]);
    }

    #[test]
    fn the_same_message_makes_the_same_letter() {
        assert_eq!(
            formatted(&letterhead(), &message()),
            formatted(&letterhead(), &message())
        );
    }

    #[test]
    fn answers_go_where_the_configuration_says() {
        let mut config = config(MailTransport::Folder(PathBuf::new()));
        config.reply_to = Some("aiuto@example.org".to_owned());
        let letter = formatted(&Letterhead::read(&config).unwrap(), &message());
        assert!(
            letter.contains("\r\nReply-To: aiuto@example.org\r\n"),
            "{letter}"
        );
    }

    #[test]
    fn a_recipient_that_is_not_one_plain_address_is_refused() {
        for to in [
            "",
            "anna",
            "@example.org",
            "anna@",
            "a@b@example.org",
            "anna@example.org\r\nBcc: x@y.it",
            "anna@example.org\n",
            "\tanna@example.org",
            "anna@example.org, x@example.org",
            "anna@example.org,x@example.org",
            "anna@example.org;x@example.org",
            "anna @example.org",
            "Anna <anna@example.org>",
            "\"a,b\"@example.org",
            "anna@[127.0.0.1]",
            "anna@example.org\0",
            "ànna@example.org",
            "anna@èxample.org",
        ] {
            let answer = letterhead().letter(&MailMessage {
                to: to.to_owned(),
                ..message()
            });
            assert_eq!(answer.err(), Some(refused("recipient refused")), "{to:?}");
        }
    }

    #[test]
    fn a_subject_with_control_characters_is_refused() {
        for subject in [
            "a\r\nBcc: x@example.org",
            "a\nb",
            "a\rb",
            "a\tb",
            "a\0b",
            "a\u{85}b",
            "\u{7f}",
        ] {
            let answer = letterhead().letter(&MailMessage {
                subject: subject.to_owned(),
                ..message()
            });
            assert_eq!(
                answer.err(),
                Some(refused("subject refused")),
                "{subject:?}"
            );
        }
    }

    #[test]
    fn a_time_that_no_mail_can_have_is_refused() {
        for at in [Timestamp::MIN, "1969-12-31T23:59:59Z".parse().unwrap()] {
            let answer = letterhead().letter(&MailMessage { at, ..message() });
            assert_eq!(answer.err(), Some(refused("date refused")), "{at}");
        }
        assert!(
            letterhead()
                .letter(&MailMessage {
                    at: Timestamp::MAX,
                    ..message()
                })
                .is_ok()
        );
    }

    #[test]
    fn the_configuration_is_checked_when_it_is_opened() {
        let folder = || config(MailTransport::Folder(PathBuf::new()));
        for from in [
            "",
            "nobody",
            "a@example.org, b@example.org",
            "A\r\nBcc: b@example.org <a@example.org>",
        ] {
            let config = MailConfig {
                from: from.to_owned(),
                ..folder()
            };
            assert!(Letterhead::read(&config).is_err(), "{from:?}");
        }
        for base_address in [
            "",
            "example.org",
            "ftp://example.org",
            "https://",
            "https://a@b",
            "https://a b/",
        ] {
            let config = MailConfig {
                base_address: base_address.to_owned(),
                ..folder()
            };
            assert!(Letterhead::read(&config).is_err(), "{base_address:?}");
        }
    }

    #[test]
    fn the_host_is_found_in_an_address() {
        for (address, host) in [
            ("https://example.org", "example.org"),
            ("http://127.0.0.1:8080/x", "127.0.0.1"),
            ("http://[::1]:8080", "[::1]"),
            ("http://[::1]", "[::1]"),
            ("https://example.org#a:1", "example.org"),
        ] {
            assert_eq!(host_of(address), Some(host), "{address}");
        }
    }

    #[test]
    fn what_is_printed_for_debugging_tells_no_secret_and_no_person() {
        let login = SmtpLogin {
            username: "sportello".to_owned(),
            password: "segreta".to_owned(),
        };
        let said = format!("{:?} {:?}", login, message());
        assert!(
            !said.contains("sportello") && !said.contains("segreta"),
            "{said}"
        );
        assert!(
            !said.contains("example.org") && !said.contains("417"),
            "{said}"
        );
        assert!(said.contains(ID), "{said}");
    }
}

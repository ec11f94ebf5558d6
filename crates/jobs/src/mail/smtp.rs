//! Mail by SMTP, over a few kept connections.
//!
//! The reasons it gives hold codes and fixed words: what a mail server says often repeats the
//! address. Not bounded: a server that answers byte by byte keeps a step going past its timeout.

use std::error::Error as _;
use std::io::ErrorKind;
use std::net::IpAddr;

use anyhow::{Context, ensure};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{Error, PoolConfig};
use lettre::{SmtpTransport, Transport};
use service::mailer::{MailMessage, Mailer};
use service::outbox::DeliveryFailure;

use super::{Letterhead, SmtpConfig, SmtpTls};

/// Mail servers count the connections of a client; the outbox needs no more.
const MOST_CONNECTIONS: u32 = 2;

pub(super) struct SmtpMailer {
    transport: SmtpTransport,
    letterhead: Letterhead,
}

impl SmtpMailer {
    pub(super) fn open(config: &SmtpConfig, letterhead: Letterhead) -> anyhow::Result<Self> {
        ensure!(!config.timeout.is_zero(), "mail: a timeout of zero is none");
        let on_this_machine = is_loopback(&config.host);
        let tls = match config.tls {
            SmtpTls::None => {
                ensure!(
                    on_this_machine || config.allow_unencrypted,
                    "mail would leave this machine unencrypted"
                );
                ensure!(
                    on_this_machine || config.login.is_none(),
                    "the password for mail would leave this machine unencrypted"
                );
                Tls::None
            }
            SmtpTls::StartTls => Tls::Required(parameters(&config.host)?),
            SmtpTls::Implicit => Tls::Wrapper(parameters(&config.host)?),
        };
        let mut builder = SmtpTransport::builder_dangerous(&config.host)
            .port(config.port)
            .tls(tls)
            .timeout(Some(config.timeout))
            // Not this machine's own name, which in a container means nothing to anybody.
            .hello_name(hello_name(&letterhead.host))
            .pool_config(PoolConfig::new().max_size(MOST_CONNECTIONS));
        if let Some(login) = &config.login {
            let (username, password) = (login.username.clone(), login.password.clone());
            builder = builder.credentials(Credentials::new(username, password));
        }
        Ok(SmtpMailer {
            transport: builder.build(),
            letterhead,
        })
    }

    /// What a failed attempt says about the message.
    fn failure(&self, error: &Error) -> DeliveryFailure {
        let reason = reason(error);
        if error.is_permanent() && !is_about_us(error) && self.would_be_let_in() {
            DeliveryFailure::Permanent(reason)
        } else {
            DeliveryFailure::Transient(reason)
        }
    }

    /// Whether the server still greets us and lets us sign in. The library does not say which
    /// step was refused, and a server that shuts its door for an hour (554 to the greeting) must
    /// not cost every message of that hour.
    fn would_be_let_in(&self) -> bool {
        matches!(self.transport.test_connection(), Ok(true))
    }
}

impl Mailer for SmtpMailer {
    fn send(&self, message: &MailMessage) -> Result<(), DeliveryFailure> {
        let letter = self.letterhead.letter(message)?;
        match self.transport.send(&letter) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.failure(&error)),
        }
    }
}

/// Refusals of our name, password or encryption (RFC 4954): whoever runs the service can mend
/// them, so the message waits.
fn is_about_us(error: &Error) -> bool {
    let code = error.status().map(|code| code.to_string());
    matches!(code.as_deref(), Some("530" | "534" | "535" | "538"))
}

fn reason(error: &Error) -> String {
    if let Some(code) = error.status() {
        return format!("smtp {code}");
    }
    let words = match io_kind(error) {
        // A read that waited too long ends as the one or the other, by platform.
        Some(ErrorKind::TimedOut | ErrorKind::WouldBlock) => "timeout",
        Some(ErrorKind::ConnectionRefused) => "connection refused",
        _ if error.is_tls() => "tls",
        _ if error.is_client() => "the server offers no usable encryption or sign-in",
        _ if error.is_response() => "unreadable answer",
        _ => "connection",
    };
    format!("smtp: {words}")
}

fn io_kind(error: &Error) -> Option<ErrorKind> {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(cause) = cause.downcast_ref::<std::io::Error>() {
            return Some(cause.kind());
        }
        source = cause.source();
    }
    None
}

fn parameters(host: &str) -> anyhow::Result<TlsParameters> {
    TlsParameters::new(host.to_owned()).with_context(|| format!("TLS for mail to {host:?}"))
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}

fn hello_name(host: &str) -> ClientId {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse() {
        Ok(IpAddr::V4(address)) => ClientId::Ipv4(address),
        Ok(IpAddr::V6(address)) => ClientId::Ipv6(address),
        Err(_) => ClientId::Domain(host.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::super::tests::{BODY, HTML, config, message, read_letter};
    use super::super::{MailTransport, SMTP_STEP_TIMEOUT, SmtpLogin, open};
    use super::*;

    /// How a sink differs from one that takes everything.
    #[derive(Clone, Default)]
    struct Manners {
        greeting: Option<&'static str>,
        offers: Option<&'static str>,
        auth: Option<&'static str>,
        rcpt: Option<&'static str>,
        data_end: Option<&'static str>,
        silent: bool,
        one_mail_each: bool,
        hangs_up_after_data: bool,
    }

    /// A mail server on a thread of its own, until the test ends.
    struct Sink {
        port: u16,
        /// Every line clients said, text included, as it came over the wire.
        heard: Arc<Mutex<Vec<String>>>,
    }

    impl Sink {
        fn start(manners: Manners) -> Sink {
            let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
            let port = listener.local_addr().unwrap().port();
            let heard = Arc::new(Mutex::new(Vec::new()));
            let log = Arc::clone(&heard);
            std::thread::spawn(move || {
                for stream in listener.incoming().map_while(Result::ok) {
                    let (manners, log) = (manners.clone(), Arc::clone(&log));
                    std::thread::spawn(move || talk(stream, &manners, &log));
                }
            });
            Sink { port, heard }
        }

        fn heard(&self) -> Vec<String> {
            self.heard.lock().unwrap().clone()
        }

        fn count(&self, verb: &str) -> usize {
            let heard = self.heard();
            heard.iter().filter(|line| line.starts_with(verb)).count()
        }
    }

    /// Ends when the client hangs up.
    fn talk(mut stream: TcpStream, manners: &Manners, heard: &Mutex<Vec<String>>) -> Option<()> {
        let mut lines = BufReader::new(stream.try_clone().ok()?);
        let mut next = move || {
            let mut line = String::new();
            let read = lines.read_line(&mut line).ok()?;
            heard.lock().ok()?.push(line.clone());
            (read > 0).then(|| line.trim_end_matches("\r\n").to_owned())
        };
        let mut say = |words: &str| stream.write_all(format!("{words}\r\n").as_bytes()).ok();
        if manners.silent {
            while next().is_some() {}
            return None;
        }
        say(manners.greeting.unwrap_or("220 sink"))?;
        loop {
            let line = next()?;
            let answer = match line.split([' ', ':']).next()? {
                "EHLO" => match manners.offers {
                    Some(offer) => {
                        say("250-sink")?;
                        offer
                    }
                    None => "250 sink",
                },
                "AUTH" => manners.auth.unwrap_or("235 welcome"),
                "RCPT" => manners.rcpt.unwrap_or("250 fine"),
                "DATA" => {
                    say("354 go on")?;
                    while next()? != "." {}
                    if manners.hangs_up_after_data {
                        return None;
                    }
                    say(manners.data_end.unwrap_or("250 taken"))?;
                    if manners.one_mail_each {
                        return None;
                    }
                    continue;
                }
                "QUIT" => {
                    say("221 bye")?;
                    return None;
                }
                _ => "250 fine",
            };
            say(answer)?;
        }
    }

    fn server(port: u16) -> SmtpConfig {
        SmtpConfig {
            host: "127.0.0.1".to_owned(),
            port,
            tls: SmtpTls::None,
            allow_unencrypted: false,
            login: None,
            timeout: SMTP_STEP_TIMEOUT,
        }
    }

    fn mailer(server: SmtpConfig) -> Arc<dyn Mailer> {
        open(&config(MailTransport::Smtp(server))).unwrap()
    }

    fn answer_of(manners: Manners) -> Result<(), DeliveryFailure> {
        mailer(server(Sink::start(manners).port)).send(&message())
    }

    fn transient(reason: &str) -> Result<(), DeliveryFailure> {
        Err(DeliveryFailure::Transient(reason.to_owned()))
    }

    fn permanent(reason: &str) -> Result<(), DeliveryFailure> {
        Err(DeliveryFailure::Permanent(reason.to_owned()))
    }

    fn login() -> Option<SmtpLogin> {
        let (username, password) = ("sportello".to_owned(), "segreta".to_owned());
        Some(SmtpLogin { username, password })
    }

    #[test]
    fn a_message_arrives_whole_to_its_one_recipient() {
        let sink = Sink::start(Manners::default());
        mailer(server(sink.port)).send(&message()).unwrap();

        let heard = sink.heard().concat();
        let (said, rest) = heard.split_once("DATA\r\n").unwrap();
        assert_eq!(
            said,
            "EHLO assistenza.example.org\r\nMAIL FROM:<noreply@assistenza.example.org>\r\n\
             RCPT TO:<Anna.Rossi+1@example.org>\r\n"
        );
        let (letter, _) = rest.split_once("\r\n.\r\n").unwrap();
        // The lines `.` and `..due punti` of the text, with the dot that marks them as text.
        assert!(letter.contains("\r\n..\r\n...due punti\r\n"), "{letter}");
        let (fields, texts) = read_letter(&format!("{}\r\n", letter.replace("\r\n..", "\r\n.")));
        assert_eq!(texts, [BODY, HTML]);
        assert!(fields.contains(&("To".to_owned(), message().to)));
    }

    #[test]
    fn connections_are_kept_and_replaced_when_the_server_closed_them() {
        let sink = Sink::start(Manners::default());
        let kept = mailer(server(sink.port));
        (0..3).for_each(|_| kept.send(&message()).unwrap());
        assert_eq!((sink.count("EHLO"), sink.count("RCPT")), (1, 3));

        let sink = Sink::start(Manners {
            one_mail_each: true,
            ..Manners::default()
        });
        let replaced = mailer(server(sink.port));
        (0..3).for_each(|_| replaced.send(&message()).unwrap());
        assert_eq!((sink.count("EHLO"), sink.count("RCPT")), (3, 3));
    }

    #[test]
    fn a_refusal_for_good_is_told_from_one_for_now() {
        let rcpt = |words| Manners {
            rcpt: Some(words),
            ..Manners::default()
        };
        let data_end = |words| Manners {
            data_end: Some(words),
            ..Manners::default()
        };
        let no_such_user = "550 5.1.1 <Anna.Rossi+1@example.org> unknown";
        assert_eq!(answer_of(rcpt(no_such_user)), permanent("smtp 550"));
        assert_eq!(
            answer_of(rcpt("451 4.7.1 greylisted")),
            transient("smtp 451")
        );
        assert_eq!(answer_of(data_end("554 5.6.0 no")), permanent("smtp 554"));
        assert_eq!(answer_of(data_end("452 4.3.1 full")), transient("smtp 452"));
        assert_eq!(
            answer_of(data_end("gibberish")),
            transient("smtp: unreadable answer")
        );
    }

    #[test]
    fn a_server_that_hangs_up_after_the_text_gets_the_same_letter_again() {
        let sink = Sink::start(Manners {
            hangs_up_after_data: true,
            ..Manners::default()
        });
        let mailer = mailer(server(sink.port));
        for _ in 0..2 {
            let failure = mailer.send(&message()).unwrap_err();
            // Whether it was taken nobody can tell, so it is tried again.
            assert!(
                matches!(failure, DeliveryFailure::Transient(_)),
                "{failure:?}"
            );
        }
        let ids: Vec<String> = sink
            .heard()
            .into_iter()
            .filter(|line| line.starts_with("Message-ID:"))
            .collect();
        assert!(ids.len() >= 2, "{ids:?}");
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    }

    #[test]
    fn a_refused_message_does_not_spoil_the_next() {
        let sink = Sink::start(Manners {
            rcpt: Some("550 no"),
            ..Manners::default()
        });
        let mailer = mailer(server(sink.port));
        assert_eq!(mailer.send(&message()), permanent("smtp 550"));
        assert_eq!(mailer.send(&message()), permanent("smtp 550"));
    }

    #[test]
    fn a_server_that_lets_nobody_in_costs_no_message() {
        let shut = Manners {
            greeting: Some("554 no service"),
            ..Manners::default()
        };
        assert_eq!(answer_of(shut), transient("smtp 554"));
    }

    #[test]
    fn a_server_that_is_silent_or_absent_is_tried_later() {
        let silent = Manners {
            silent: true,
            ..Manners::default()
        };
        let impatient = SmtpConfig {
            timeout: Duration::from_millis(200),
            ..server(Sink::start(silent).port)
        };
        assert_eq!(
            mailer(impatient).send(&message()),
            transient("smtp: timeout")
        );

        let unused = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = unused.local_addr().unwrap().port();
        drop(unused);
        let answer = mailer(server(port)).send(&message());
        assert_eq!(answer, transient("smtp: connection refused"));
    }

    #[test]
    fn a_wrong_password_costs_no_message() {
        let asks = Manners {
            offers: Some("250 AUTH PLAIN"),
            ..Manners::default()
        };
        let sink = Sink::start(asks.clone());
        mailer(SmtpConfig {
            login: login(),
            ..server(sink.port)
        })
        .send(&message())
        .unwrap();
        assert_eq!((sink.count("AUTH PLAIN"), sink.count("RCPT")), (1, 1));

        let sink = Sink::start(Manners {
            auth: Some("535 5.7.8 no"),
            ..asks
        });
        let mailer = mailer(SmtpConfig {
            login: login(),
            ..server(sink.port)
        });
        assert_eq!(mailer.send(&message()), transient("smtp 535"));
        assert_eq!((sink.count("AUTH PLAIN"), sink.count("MAIL")), (1, 0));
    }

    #[test]
    fn nothing_is_said_in_the_clear_when_encryption_is_asked_for() {
        let sink = Sink::start(Manners {
            offers: Some("250 AUTH PLAIN"),
            ..Manners::default()
        });
        for tls in [SmtpTls::StartTls, SmtpTls::Implicit] {
            let server = SmtpConfig {
                tls,
                login: login(),
                ..server(sink.port)
            };
            let answer = mailer(server).send(&message());
            assert!(
                matches!(answer, Err(DeliveryFailure::Transient(_))),
                "{answer:?}"
            );
        }
        assert_eq!((sink.count("AUTH"), sink.count("MAIL")), (0, 0));
    }

    #[test]
    fn unencrypted_mail_stays_on_this_machine_unless_allowed() {
        let opened = |host: &str, allow_unencrypted, login| {
            let host = host.to_owned();
            let server = SmtpConfig {
                host,
                allow_unencrypted,
                login,
                ..server(25)
            };
            open(&config(MailTransport::Smtp(server))).is_ok()
        };
        for host in ["localhost", "127.0.0.1", "::1"] {
            assert!(opened(host, false, login()), "{host}");
        }
        assert!(!opened("mail.example.org", false, None));
        assert!(!opened("192.0.2.1", false, None));
        assert!(opened("mail.example.org", true, None));
        assert!(!opened("mail.example.org", true, login()));
    }

    #[test]
    fn injected_headers_never_reach_the_server() {
        let sink = Sink::start(Manners::default());
        let mailer = mailer(server(sink.port));
        let to = "anna@example.org>\r\nRCPT TO:<x@example.org".to_owned();
        assert_eq!(
            mailer.send(&MailMessage { to, ..message() }),
            permanent("recipient refused")
        );
        let subject = "novità\r\nBcc: x@example.org".to_owned();
        assert_eq!(
            mailer.send(&MailMessage {
                subject,
                ..message()
            }),
            permanent("subject refused")
        );
        assert!(sink.heard().is_empty());
    }
}

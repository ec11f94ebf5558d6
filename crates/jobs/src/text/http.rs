//! Text messages to a gateway: `{id, to, text}` by POST, with a bearer token.
//!
//! The gateway has taken charge when it answers 2xx. What it says besides is not read: it may repeat
//! the number, and reasons are shown.

use anyhow::{Context, bail};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Client, StatusCode, Url};
use serde_json::json;
use service::outbox::DeliveryFailure;
use service::text_gateway::{TextGateway, TextMessage};

use super::HttpGatewayConfig;

pub(super) struct HttpGateway {
    url: Url,
    client: Client,
}

impl HttpGateway {
    pub(super) fn open(config: &HttpGatewayConfig) -> anyhow::Result<Self> {
        let url = Url::parse(&config.url).context("the address of the gateway")?;
        let mut headers = HeaderMap::new();
        if let Some(token) = &config.token {
            let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
                .context("the token of the gateway")?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let mut builder = Client::builder()
            .connect_timeout(config.connect_timeout)
            .timeout(config.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy()
            // Kept connections would belong to the runtime that opened them.
            .pool_max_idle_per_host(0)
            .default_headers(headers)
            .user_agent("sportello");
        match url.scheme() {
            "https" => builder = builder.https_only(true),
            // Without TLS the machine's root certificates are not needed, and may be missing.
            "http" if is_loopback(&url) => builder = builder.tls_certs_only([]),
            _ => bail!("the address of the gateway is neither https nor on this machine"),
        }
        let client = builder.build().context("the client of the gateway")?;
        Ok(HttpGateway { url, client })
    }

    /// Asks on a runtime of its own: this thread may wait.
    fn ask(&self, message: &TextMessage) -> Result<StatusCode, DeliveryFailure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|_| DeliveryFailure::Transient("no runtime".to_owned()))?;
        let body = json!({"id": message.id, "to": message.to, "text": message.text});
        let request = self.client.post(self.url.clone()).json(&body);
        let answer = runtime.block_on(async { request.send().await });
        // Dropping it would wait for a name server that does not answer.
        runtime.shutdown_background();
        let answer = answer.map_err(|error| {
            let words = match (error.is_timeout(), error.is_connect()) {
                (true, _) => "gateway: no answer in time",
                (_, true) => "gateway: cannot be reached",
                _ => "gateway: the connection broke",
            };
            DeliveryFailure::Transient(words.to_owned())
        })?;
        Ok(answer.status())
    }
}

impl TextGateway for HttpGateway {
    fn send(&self, message: &TextMessage) -> Result<(), DeliveryFailure> {
        let status = self.ask(message)?;
        let words = || format!("gateway: status {}", status.as_u16());
        match status {
            status if status.is_success() => Ok(()),
            // "Later" is no refusal.
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
                Err(DeliveryFailure::Transient(words()))
            }
            status if status.is_server_error() => Err(DeliveryFailure::Transient(words())),
            _ => Err(DeliveryFailure::Permanent(words())),
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::{SocketAddr, TcpListener};
    use std::thread::JoinHandle;
    use std::time::Duration;

    use super::*;

    fn config(url: String) -> HttpGatewayConfig {
        HttpGatewayConfig {
            url,
            token: Some("invented-token".to_owned()),
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(5),
        }
    }

    fn message() -> TextMessage {
        TextMessage {
            id: "01990000-0000-7000-8000-000000000000".parse().unwrap(),
            to: "+393331234567".to_owned(),
            text: "Assistenza".to_owned(),
        }
    }

    /// A gateway that hears one request and answers with this status.
    fn gateway(status: &'static str) -> (SocketAddr, JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream);
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if line.trim().is_empty() {
                    break;
                }
                if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = text.trim().parse().unwrap();
                }
                head.push_str(&line);
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-length: 0\r\nlocation: http://127.0.0.1:1/\r\nconnection: close\r\n\r\n"
            );
            reader.get_mut().write_all(answer.as_bytes()).unwrap();
            format!("{head}\n{}", String::from_utf8(body).unwrap())
        });
        (address, heard)
    }

    #[test]
    fn an_answer_decides_whether_it_is_tried_again() {
        let transient = |words: &str| Err(DeliveryFailure::Transient(words.to_owned()));
        let permanent = |words: &str| Err(DeliveryFailure::Permanent(words.to_owned()));
        let rows = [
            ("200 OK", Ok(())),
            ("202 Accepted", Ok(())),
            ("302 Found", permanent("gateway: status 302")),
            ("400 Bad Request", permanent("gateway: status 400")),
            ("401 Unauthorized", permanent("gateway: status 401")),
            ("429 Too Many Requests", transient("gateway: status 429")),
            (
                "500 Internal Server Error",
                transient("gateway: status 500"),
            ),
            ("503 Service Unavailable", transient("gateway: status 503")),
        ];
        for (status, expected) in rows {
            let (address, heard) = gateway(status);
            let made = HttpGateway::open(&config(format!("http://{address}/messages"))).unwrap();
            assert_eq!(made.send(&message()), expected, "{status}");
            let heard = heard.join().unwrap();
            assert!(heard.starts_with("POST /messages HTTP/1.1"), "{heard}");
            assert!(
                heard
                    .to_ascii_lowercase()
                    .contains("authorization: bearer invented-token")
            );
            let body = heard.lines().last().unwrap();
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            assert_eq!(
                body,
                json!({"id": message().id, "to": message().to, "text": message().text})
            );
        }
    }

    #[test]
    fn a_gateway_that_is_away_is_a_reason_to_try_again() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let made = HttpGateway::open(&config(format!("http://{address}/"))).unwrap();
        let away = DeliveryFailure::Transient("gateway: cannot be reached".to_owned());
        assert_eq!(made.send(&message()), Err(away));
    }

    #[test]
    fn an_address_is_https_or_on_this_machine() {
        for (url, expected) in [
            ("http://127.0.0.1:1/sms", true),
            ("http://[::1]:1/sms", true),
            ("http://localhost/sms", true),
            ("http://gateway.example.org/", false),
            ("ftp://127.0.0.1/", false),
            ("gateway", false),
        ] {
            assert_eq!(
                HttpGateway::open(&config(url.to_owned())).is_ok(),
                expected,
                "{url}"
            );
        }
        let printed = format!("{:?}", config("http://127.0.0.1/".to_owned()));
        assert!(!printed.contains("invented-token"), "{printed}");
    }
}

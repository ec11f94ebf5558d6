//! A receiver of webhooks on this machine, good or bad as a test wants it, and names that lead
//! where a test says.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::hmac;
use data_encoding::BASE64;
use serde_json::Value;
use service::HostNames;

/// The host of every receiver, which tests let be private.
pub const HOST: &str = "receiver.test";

/// How a path answers.
#[derive(Debug, Clone)]
pub enum Answer {
    /// With this status.
    Status(u16),
    /// With this status and a header.
    With(u16, &'static str, String),
    /// With 200, and a body that never ends.
    EndlessBody,
    /// With headers that never end.
    EndlessHead,
    /// With words that are no HTTP.
    Nonsense,
    /// Not before [`Receiver::release`].
    Hang,
}

/// A delivery as it arrived.
#[derive(Debug, Clone)]
pub struct Got {
    /// The path it came to.
    pub path: String,
    /// Its headers, in small letters.
    pub headers: HashMap<String, String>,
    /// Its body, byte for byte.
    pub body: String,
}

impl Got {
    /// A header that must be there.
    pub fn header(&self, name: &str) -> &str {
        match self.headers.get(name) {
            Some(value) => value,
            None => panic!("no {name} among {:?}", self.headers.keys()),
        }
    }

    /// The event.
    pub fn event(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    /// Which of the signatures this secret verifies, counted from 0: as a receiver finds out, apart
    /// from the program's own code.
    pub fn verified_by(&self, secret: &str) -> Option<usize> {
        let encoded = secret.strip_prefix("whsec_").expect("a secret");
        let secret = BASE64.decode(encoded.as_bytes()).expect("Base64");
        assert!((24..=64).contains(&secret.len()), "the length of a secret");
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        let (id, at) = (self.header("webhook-id"), self.header("webhook-timestamp"));
        let content = format!("{id}.{at}.{}", self.body);
        self.signatures().iter().position(|signature| {
            let tag = signature.strip_prefix("v1,").expect("version 1");
            let tag = BASE64.decode(tag.as_bytes()).expect("Base64");
            hmac::verify(&key, content.as_bytes(), &tag).is_ok()
        })
    }

    /// The signatures.
    pub fn signatures(&self) -> Vec<&str> {
        self.header("webhook-signature").split(' ').collect()
    }
}

/// The receiver, which runs until the end of the test's process.
#[derive(Clone)]
pub struct Receiver {
    port: u16,
    told: Arc<(Mutex<Told>, Condvar)>,
}

#[derive(Default)]
struct Told {
    answers: HashMap<String, Answer>,
    got: Vec<Got>,
    released: bool,
}

impl Receiver {
    /// Starts; every path answers 204 until it is told otherwise.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let receiver = Receiver {
            port: listener.local_addr().expect("its address").port(),
            told: Arc::default(),
        };
        let serving = receiver.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = serving.clone();
                // Whoever hangs up early has heard enough.
                std::thread::spawn(move || serving.serve(stream));
            }
        });
        receiver
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{HOST}:{}{path}", self.port)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Lets a path answer like this from now on.
    pub fn answers(&self, path: &str, answer: Answer) {
        self.lock().answers.insert(path.to_owned(), answer);
    }

    /// Lets whoever hangs go on, now and later.
    pub fn release(&self) {
        self.lock().released = true;
        self.told.1.notify_all();
    }

    /// What arrived since this was last looked at.
    pub fn got(&self) -> Vec<Got> {
        std::mem::take(&mut self.lock().got)
    }

    /// Waits until so much arrived at a path.
    pub async fn wait_for(&self, path: &'static str, count: usize) {
        let told = Arc::clone(&self.told);
        let waiting = move || {
            let (lock, changed) = &*told;
            let told = lock.lock().unwrap_or_else(PoisonError::into_inner);
            let is_less =
                |told: &mut Told| told.got.iter().filter(|got| got.path == path).count() < count;
            drop(changed.wait_while(told, is_less));
        };
        let waited = tokio::task::spawn_blocking(waiting).await;
        waited.expect("nothing panics while waiting");
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.told.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let got = read_request(&stream)?;
        let mut told = self.lock();
        let answer = told.answers.get(&got.path).cloned();
        told.got.push(got);
        self.told.1.notify_all();
        if matches!(answer, Some(Answer::Hang)) {
            let is_held = |told: &mut Told| !told.released;
            drop(self.told.1.wait_while(told, is_held));
        } else {
            drop(told);
        }
        match answer.unwrap_or(Answer::Status(204)) {
            Answer::Status(status) => head(&mut stream, status, ""),
            Answer::With(status, name, value) => {
                head(&mut stream, status, &format!("{name}: {value}\r\n"))
            }
            Answer::Hang => head(&mut stream, 204, ""),
            Answer::Nonsense => stream.write_all(b"220 mail.example.org ESMTP\r\n"),
            Answer::EndlessHead => {
                stream.write_all(b"HTTP/1.1 200 Said\r\n")?;
                for_ever(&mut stream, b"x-more: and more\r\n")
            }
            Answer::EndlessBody => {
                stream.write_all(b"HTTP/1.1 200 Said\r\nconnection: close\r\n\r\n")?;
                for_ever(&mut stream, b"and so on, ")
            }
        }
    }
}

fn head(stream: &mut TcpStream, status: u16, more: &str) -> std::io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status} Said\r\n{more}content-length: 0\r\nconnection: close\r\n\r\n"
    )
}

/// Until the other side hangs up.
fn for_ever(stream: &mut TcpStream, words: &[u8]) -> std::io::Result<()> {
    let many = words.repeat(1024);
    loop {
        stream.write_all(&many)?;
    }
}

fn read_request(stream: &TcpStream) -> std::io::Result<Got> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length");
    let length = length.and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = String::new();
    reader.take(length).read_to_string(&mut body)?;
    Ok(Got {
        path: first.split(' ').nth(1).unwrap_or_default().to_owned(),
        headers,
        body,
    })
}

/// Names and where they lead; a test may lead them elsewhere.
#[derive(Clone)]
pub struct Names(Arc<Mutex<HashMap<String, Vec<IpAddr>>>>);

impl Default for Names {
    /// Receivers are on this machine, and nobody else is anywhere.
    fn default() -> Self {
        let names = Names(Arc::default());
        names.lead(HOST, &["127.0.0.1"]);
        names
    }
}

impl Names {
    /// Lets a name lead to these addresses from now on.
    pub fn lead(&self, host: &str, addresses: &[&str]) {
        let addresses = addresses.iter().map(|one| one.parse().expect("an address"));
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.insert(host.to_owned(), addresses.collect());
    }
}

impl HostNames for Names {
    fn addresses(&self, host: &str) -> Vec<IpAddr> {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.get(host).cloned().unwrap_or_default()
    }
}

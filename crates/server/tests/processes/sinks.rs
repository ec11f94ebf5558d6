//! Whoever takes anchors outside: an address and a mail server, on this machine, that keep what arrives.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

/// One message as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    /// All lines before the empty one, in small letters.
    pub(crate) head: String,
    pub(crate) body: String,
}

/// A receiver of one kind, until the end of the test's process.
#[derive(Clone)]
pub(crate) struct Sink {
    port: u16,
    /// What it answers; the address a status of HTTP, the mail server a reply to the text.
    answer: Arc<AtomicU16>,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Sink {
    pub(crate) fn of_posts() -> Sink {
        Sink::start(204, take_post)
    }

    pub(crate) fn of_mail() -> Sink {
        Sink::start(250, take_mail)
    }

    fn start(answer: u16, take: fn(&Sink, TcpStream) -> std::io::Result<()>) -> Sink {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let sink = Sink {
            port: listener.local_addr().expect("its address").port(),
            answer: Arc::new(AtomicU16::new(answer)),
            got: Arc::default(),
        };
        let taking = sink.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let taking = taking.clone();
                // Whoever hangs up has said enough.
                std::thread::spawn(move || take(&taking, stream));
            }
        });
        sink
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Answers so from now on.
    pub(crate) fn answers(&self, code: u16) {
        self.answer.store(code, Ordering::SeqCst);
    }

    /// What arrived since this was last looked at.
    pub(crate) fn got(&self) -> Vec<Got> {
        std::mem::take(&mut self.got.lock().expect("nobody panicked"))
    }

    fn keep(&self, head: String, body: String) -> u16 {
        let got = Got { head, body };
        self.got.lock().expect("nobody panicked").push(got);
        self.answer.load(Ordering::SeqCst)
    }
}

fn take_post(sink: &Sink, mut stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let head = lines_until(&mut reader, "")?.to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length = length.and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = String::new();
    reader.take(length).read_to_string(&mut body)?;
    let status = sink.keep(head, body);
    write!(
        stream,
        "HTTP/1.1 {status} Said\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    )
}

/// Enough of RFC 5321 for a client that is well.
fn take_mail(sink: &Sink, mut stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    stream.write_all(b"220 sink\r\n")?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let verb: String = line.chars().take(4).collect();
        match verb.to_ascii_uppercase().as_str() {
            "DATA" => {
                stream.write_all(b"354 go on\r\n")?;
                let head = lines_until(&mut reader, "")?.to_ascii_lowercase();
                let body = lines_until(&mut reader, ".")?;
                let code = sink.keep(head, body);
                write!(stream, "{code} said\r\n")?;
            }
            "QUIT" => return stream.write_all(b"221 bye\r\n"),
            _ => stream.write_all(b"250 sink\r\n")?,
        }
    }
}

/// Lines without their ends, up to this one.
fn lines_until(reader: &mut impl BufRead, end: &str) -> std::io::Result<String> {
    let mut all = String::new();
    loop {
        let mut line = String::new();
        let read = reader.read_line(&mut line)?;
        let line = line.trim_end_matches(['\r', '\n']);
        if read == 0 || line == end {
            return Ok(all);
        }
        all.push_str(line);
        all.push('\n');
    }
}

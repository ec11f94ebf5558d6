//! A service of delegations on this machine, good or bad as a test wants it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How it answers.
#[derive(Debug, Clone)]
pub enum Answer {
    /// These tax codes.
    Delegators(Vec<&'static str>),
    /// This status with an empty object.
    Status(u16),
    /// Elsewhere on the same service, where these would be told.
    Redirect(Vec<&'static str>),
    /// Good words, far too many.
    Huge,
    /// Words that are not as agreed.
    Text(&'static str),
    /// Never.
    Hang,
}

/// What it was asked.
#[derive(Debug, Clone)]
pub struct Question {
    /// The path.
    pub path: String,
    /// The header of the credential.
    pub authorization: String,
    /// The body.
    pub body: String,
}

/// The service, which runs until the end of the test's process.
#[derive(Clone)]
pub struct DelegationService {
    /// Where it is asked.
    pub url: String,
    told: Arc<Mutex<Told>>,
}

struct Told {
    answer: Answer,
    questions: Vec<Question>,
    hanging: Vec<TcpStream>,
}

impl DelegationService {
    /// Starts with this answer.
    pub fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let address = listener.local_addr().expect("its address");
        let service = DelegationService {
            url: format!("http://{address}/active"),
            told: Arc::new(Mutex::new(Told {
                answer,
                questions: Vec::new(),
                hanging: Vec::new(),
            })),
        };
        let serving = service.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Whoever hangs up early has heard enough.
                let _ = serving.serve(stream);
            }
        });
        service
    }

    /// Answers like this from now on.
    pub fn answers(&self, answer: Answer) {
        self.lock().answer = answer;
    }

    /// What it was asked since this was last looked at.
    pub fn questions(&self) -> Vec<Question> {
        std::mem::take(&mut self.lock().questions)
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let question = read_question(&stream)?;
        let mut told = self.lock();
        let (status, more, body) = match &told.answer {
            Answer::Redirect(codes) if question.path == "/elsewhere" => (200, "", list(codes)),
            Answer::Redirect(_) => (307, "location: /elsewhere\r\n", String::new()),
            Answer::Delegators(codes) => (200, "", list(codes)),
            Answer::Status(status) => (*status, "", "{}".to_owned()),
            Answer::Huge => (200, "", format!("{}{}", list(&[]), " ".repeat(100_000))),
            Answer::Text(text) => (200, "", (*text).to_owned()),
            Answer::Hang => {
                told.questions.push(question);
                told.hanging.push(stream);
                return Ok(());
            }
        };
        told.questions.push(question);
        drop(told);
        write!(
            stream,
            "HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\n{more}\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
    }
}

fn list(codes: &[&str]) -> String {
    serde_json::json!({"delegators": codes}).to_string()
}

fn read_question(stream: &TcpStream) -> std::io::Result<Question> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let (mut length, mut authorization) = (0, String::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap_or(0),
            "authorization" => authorization = value.to_owned(),
            _ => {}
        }
    }
    let mut body = String::new();
    reader.take(length).read_to_string(&mut body)?;
    Ok(Question {
        path: first.split(' ').nth(1).unwrap_or_default().to_owned(),
        authorization,
        body,
    })
}

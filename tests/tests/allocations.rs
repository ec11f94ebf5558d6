//! Bytes that one warmed request takes from the allocator, all threads of the server together: what grows
//! unseen when a copy is made where a look would do. The database's own library is not counted.
//!
//! A program of its own, because the allocator is that of the whole process: nothing else may run.

use std::io::{Read, Write};
use std::net::TcpStream;

use tests::citizens::{ANNA, MARIO};
use tests::people::TO4;
use tests::{Options, Place, TestApp, forms, running};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Operations and the most bytes of each: half as much again as was measured.
const MOST: &[(&str, u64)] = &[
    ("file a request", 450_000),
    ("a page of fifty", 830_000),
    ("a screen", 340_000),
];

/// Requests of which the leanest counts: a buffer may happen to grow, or a thread to be new.
const TRIES: usize = 3;

/// A connection to the server that takes nothing from the allocator while it asks.
struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Wire {
    fn new(app: &TestApp) -> Self {
        Wire {
            stream: TcpStream::connect(app.address).expect("a connection"),
            buffer: vec![0; 1 << 20],
        }
    }

    /// Sends a request and reads its answer to the end; the answer is how long it is.
    fn ask(&mut self, request: &[u8], status: &[u8]) -> usize {
        self.stream.write_all(request).expect("it is sent");
        let mut read = 0;
        loop {
            let more = self
                .stream
                .read(&mut self.buffer[read..])
                .expect("an answer");
            assert_ne!(more, 0, "the server hung up");
            read += more;
            let answer = &self.buffer[..read];
            if is_whole(answer) {
                assert!(
                    answer.starts_with(status),
                    "{}",
                    String::from_utf8_lossy(answer)
                );
                return read;
            }
        }
    }
}

fn is_whole(answer: &[u8]) -> bool {
    let find = |what: &[u8]| answer.windows(what.len()).position(|at| at == what);
    let Some(head) = find(b"\r\n\r\n") else {
        return false;
    };
    match find(b"content-length: ") {
        Some(at) => {
            let digits = answer[at + 16..]
                .iter()
                .take_while(|byte| byte.is_ascii_digit());
            let length = digits.fold(0, |all, digit| all * 10 + usize::from(digit - b'0'));
            answer.len() >= head + 4 + length
        }
        None => answer.ends_with(b"\r\n0\r\n\r\n"),
    }
}

fn request(line: &str, token: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "{line} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// The bytes each operation takes.
async fn taken(app: &TestApp) -> Vec<u64> {
    let form = forms::report_not_found_logged_in(TO4);
    let mut filed = app.file_as(&ANNA, &form, &[]).await;
    // Nobody files more than fifty a day.
    for n in 0..60 {
        let person = if n % 2 == 0 { &ANNA } else { &MARIO };
        filed = app.file_as(person, &form, &[]).await;
    }
    let (operator, anna) = (app.as_("to4.operator").await, app.citizen(&ANNA));
    let requests = [
        (
            request("POST /v1/tickets", anna.token(), &form.to_string()),
            &b"HTTP/1.1 201"[..],
        ),
        (
            request("GET /v1/tickets?limit=50", operator.token(), ""),
            &b"HTTP/1.1 200"[..],
        ),
        (
            request(
                &format!("GET {}", filed.staff_path("")),
                operator.token(),
                "",
            ),
            &b"HTTP/1.1 200"[..],
        ),
    ];
    let mut wire = Wire::new(app);
    let counting = dhat::Profiler::builder().testing().build();
    let mut taken = Vec::new();
    for (request, status) in &requests {
        for _ in 0..TRIES {
            wire.ask(request, status);
        }
        let counted = (0..TRIES).map(|_| {
            let before = dhat::HeapStats::get().total_bytes;
            wire.ask(request, status);
            dhat::HeapStats::get().total_bytes - before
        });
        taken.push(counted.min().expect("some tries"));
    }
    drop(counting);
    taken
}

#[test]
fn a_request_takes_no_more_memory_than_its_budget() {
    for place in [Place::Sqlite, Place::Postgres] {
        running::run(place, Options::default(), async |app| {
            let taken = taken(app).await;
            println!("{place:?}: {taken:?}");
            for ((name, most), taken) in MOST.iter().zip(taken) {
                assert!(taken <= *most, "{place:?}: {name} takes {taken} bytes");
                // A budget that everything fits into guards nothing.
                let is_tight = taken * 3 >= *most;
                assert!(is_tight, "{place:?}: {name} takes {taken} bytes alone");
            }
        });
    }
}

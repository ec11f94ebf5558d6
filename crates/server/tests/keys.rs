//! The master key from each of its keepers, missing, wrong, damaged, changed, and changed halfway: the
//! real program says what is wrong in one sentence, or starts.
#![expect(clippy::expect_used, reason = "a test: what is missing fails it")]

mod program;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// An installation of its own, no demonstration, on SQLite.
struct Place {
    folder: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Place {
    fn new() -> Self {
        Place {
            folder: tempfile::tempdir().expect("a folder"),
            variables: Vec::new(),
        }
    }

    /// One that has been started with a master key of its own.
    fn settled() -> Self {
        let place = Place::new();
        place.says(&["keys", "init"]);
        place.says(&["seed"]);
        place
    }

    fn with(mut self, variables: &[(&'static str, &str)]) -> Self {
        for (name, value) in variables {
            self.variables.retain(|(known, _)| known != name);
            self.variables.push((name, (*value).to_owned()));
        }
        self
    }

    fn key(&self, name: &str) -> PathBuf {
        self.folder.path().join("data/keys").join(name)
    }

    fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sportello"));
        command
            .current_dir(self.folder.path())
            .env("SPORTELLO__DATA__FOLDER", self.folder.path().join("data"))
            .env("SPORTELLO__HTTP__BIND", "127.0.0.1:0")
            .env("SPORTELLO__LOG__FILTER", "error")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    /// What it says on standard output when it succeeds.
    fn says(&self, arguments: &[&str]) -> String {
        let output = self.program(arguments).output().expect("it runs");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {error}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// What it complains of when it fails.
    fn refuses(&self, arguments: &[&str]) -> String {
        let output = self.program(arguments).output().expect("it runs");
        assert!(!output.status.success(), "{arguments:?} succeeded");
        String::from_utf8(output.stderr).expect("text")
    }

    /// What the doctor says, good or bad.
    fn doctor(&self) -> String {
        let output = self.program(&["doctor"]).output().expect("it runs");
        String::from_utf8(output.stdout).expect("text")
    }

    /// The id of the master key in use.
    fn master(&self) -> String {
        let status = self.says(&["keys", "status"]);
        let id = status.split_whitespace().nth(2).expect("an id");
        id.to_owned()
    }
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("a file");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("its rights");
}

/// A program that wraps by writing context and key down, for all to see: a test's.
fn script(place: &Place, name: &str, first: &str) -> String {
    let path = place.folder.path().join(name);
    let text = format!(
        "#!/bin/sh\n{first}\nread -r context; read -r bytes\ncase \"$2\" in\n\
         wrap) printf '%s.%s' \"$context\" \"$bytes\" | base64 -w 0 ;;\n\
         unwrap) text=$(printf '%s' \"$bytes\" | base64 -d)\n\
         [ \"${{text%%.*}}\" = \"$context\" ] || {{ echo 'parola segreta' >&2; exit 3; }}\n\
         printf '%s\\n' \"${{text#*.}}\" ;;\nesac\n"
    );
    write(&path, &text);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("its rights");
    format!("[{:?}, \"--key\"]", path.display().to_string())
}

#[test]
fn a_first_start_asks_for_a_master_key_and_makes_none() {
    let place = Place::new();
    let told = place.refuses(&["serve"]);
    assert!(
        told.contains(
            "there is no master key yet: make one with `sportello keys init`, keep a copy of"
        ),
        "{told}"
    );
    assert!(!place.key("master.key").exists());
    assert!(place.says(&["migrate"]).contains("keys init"));
    place.says(&["keys", "init"]);
    let mode = fs::metadata(place.key("master.key"))
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = fs::read(place.key("master.key")).expect("it is there");
    assert!(
        place
            .refuses(&["keys", "init"])
            .contains("is there already")
    );
    assert_eq!(
        fs::read(place.key("master.key")).expect("it is there"),
        before
    );
    place.says(&["seed"]);
    assert!(place.doctor().contains("ok    data keys: "));
}

#[test]
fn a_missing_wrong_or_damaged_master_key_stops_the_start_and_stays_as_it_is() {
    let place = Place::settled();
    let (id, path) = (place.master(), place.key("master.key"));
    let right = fs::read_to_string(&path).expect("it is there");

    fs::remove_file(&path).expect("it goes");
    for command in ["serve", "seed"] {
        let told = place.refuses(&[command]);
        assert!(
            told.contains(&format!(
                "the data keys need the master key {id}, and {} is not there: restore it from its \
                 backup (a new one would open nothing)",
                path.display()
            )),
            "{told}"
        );
    }
    let told = place.refuses(&["keys", "init"]);
    assert!(
        told.contains("the database has data keys already"),
        "{told}"
    );
    assert!(!path.exists(), "none is made");
    let doctor = place.doctor();
    assert!(
        doctor.contains("FAIL  data keys: the data keys need"),
        "{doctor}"
    );

    write(&path, &"ab".repeat(32));
    let told = place.refuses(&["serve"]);
    assert!(
        told.contains(&format!(
            "the data keys need the master key {id}, and {} is ",
            path.display()
        )),
        "{told}"
    );
    assert!(!told.contains("abab"), "{told}");

    write(&path, &right[..40]);
    let told = place.refuses(&["serve"]);
    assert!(
        told.contains("master.key is damaged or something else; restore it from its backup"),
        "{told}"
    );
    assert!(!told.contains(&right[..16]), "{told}");

    write(&path, &right);
    place.says(&["seed"]);
}

#[test]
fn a_change_of_the_master_key_that_stops_anywhere_starts_and_goes_on() {
    let place = Place::settled();
    let (now, next, previous) = (
        place.key("master.key"),
        place.key("master.next.key"),
        place.key("master.previous.key"),
    );
    let first = place.master();

    // It stopped before the data keys were wrapped anew: the old one holds.
    write(&next, &"cd".repeat(32));
    place.says(&["seed"]);
    assert_eq!(place.master(), first);
    place.says(&["keys", "rotate-master"]);
    let second = place.master();
    assert_ne!(second, first);
    assert_eq!(
        fs::read_to_string(&now).expect("a key").trim(),
        "cd".repeat(32)
    );
    assert!(previous.exists() && !next.exists());

    // It stopped after that, before the files had their names: the new one holds.
    fs::rename(&now, &next).expect("renamed");
    fs::rename(&previous, &now).expect("renamed");
    place.says(&["seed"]);
    assert_eq!(place.master(), second);
    // And between the two names.
    fs::rename(&now, &previous).expect("renamed");
    place.says(&["seed"]);
    assert_eq!(place.master(), second);
    place.says(&["keys", "rotate-master"]);
    assert_eq!(
        place.master(),
        second,
        "the rest was done, and nothing begun"
    );
    assert!(now.exists() && previous.exists() && !next.exists());

    assert!(place.says(&["keys", "forget-master"]).contains("forgotten"));
    assert!(!previous.exists());
    place.says(&["seed"]);
}

#[test]
fn a_change_of_the_master_key_survives_kills_at_any_moment() {
    let place = Place::settled();
    let mut masters = vec![place.master()];
    for round in 0..12 {
        let mut changing = place
            .program(&["keys", "rotate-master"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it runs");
        // Bounded: each round looks a little longer than the one before.
        for _ in 0..round * 40 {
            let _ = fs::read_dir(place.key("")).expect("the folder").count();
        }
        changing.kill().expect("killed");
        changing.wait().expect("reaped");
        place.says(&["seed"]);
        masters.push(place.master());
    }
    place.says(&["keys", "rotate-master"]);
    place.says(&["seed"]);
    assert_ne!(Some(&place.master()), masters.first());
}

#[test]
fn a_variable_keeps_the_master_key_and_no_message_shows_it() {
    let place = Place::new().with(&[("SPORTELLO__KEYS__MASTER", "variable")]);
    assert!(
        place
            .refuses(&["seed"])
            .contains("keys.master_key: must be 64 hexadecimal digits")
    );
    let key = "1f".repeat(32);
    let place = place.with(&[("SPORTELLO__KEYS__MASTER_KEY", &key)]);
    place.says(&["seed"]);
    assert!(!place.key("master.key").exists());
    assert!(!place.says(&["keys", "status"]).contains(&key));
    let other = "2e".repeat(32);
    let place = place.with(&[("SPORTELLO__KEYS__MASTER_KEY", &other)]);
    let told = place.refuses(&["serve"]);
    assert!(
        told.contains("and the one in keys.master_key is "),
        "{told}"
    );
    assert!(!told.contains(&key) && !told.contains(&other), "{told}");
}

#[test]
fn a_program_keeps_the_master_key_and_gets_none_of_our_secrets() {
    let place = Place::settled();
    let seen = place.folder.path().join("seen");
    let command = script(&place, "keeper", &format!("env > {}", seen.display()));
    let first = place.master();
    let place = place.with(&[
        ("SPORTELLO__KEYS__NEXT__MASTER", "command"),
        ("SPORTELLO__KEYS__NEXT__COMMAND", &command),
    ]);
    place.says(&["keys", "rotate-master"]);
    // Under either setting, until keys.next is cleared.
    place.says(&["seed"]);
    assert_eq!(place.master(), "command:next-command");
    let place = place.with(&[
        ("SPORTELLO__KEYS__MASTER", "command"),
        ("SPORTELLO__KEYS__COMMAND", &command),
        ("SPORTELLO__KEYS__COMMAND_LABEL", "next-command"),
        ("SPORTELLO__KEYS__NEXT__MASTER", ""),
    ]);
    place.says(&["seed"]);
    assert_ne!(place.master(), first);
    let seen = fs::read_to_string(seen).expect("what it saw");
    assert!(
        seen.contains("PATH=") && !seen.contains("SPORTELLO"),
        "{seen}"
    );
}

#[test]
fn a_program_that_fails_hangs_or_babbles_is_named_and_not_quoted() {
    let place = Place::new().with(&[
        ("SPORTELLO__KEYS__MASTER", "command"),
        ("SPORTELLO__KEYS__COMMAND_TIMEOUT", "PT1S"),
    ]);
    for (first, expected) in [
        (
            "echo 'parola segreta' >&2; exit 3",
            "keys.command wrap: it ended with exit status: 3",
        ),
        (
            "exec tail -f /dev/null",
            "keys.command wrap: no answer in time",
        ),
        (
            "echo 'parola segreta'; exit 0",
            "keys.command wrap: the answer is not one line of Base64",
        ),
        (
            "yes parola; exit 0",
            "keys.command wrap: the answer is too long",
        ),
    ] {
        let command = script(&place, "keeper", first);
        let mut program = place.program(&["keys", "init"]);
        let output = program
            .env("SPORTELLO__KEYS__COMMAND", command)
            .output()
            .expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && told.contains(expected),
            "{told}"
        );
        assert!(!told.contains("parola"), "{told}");
    }
}

#[test]
fn a_change_of_the_master_key_killed_while_its_keeper_works_leaves_the_old_one() {
    let place = Place::settled();
    let first = place.master();
    let reached = place.folder.path().join("reached");
    let wait = format!(
        "touch {}; exec timeout 30 tail -f /dev/null",
        reached.display()
    );
    let command = script(&place, "keeper", &wait);
    let place = place.with(&[("SPORTELLO__KEYS__COMMAND_TIMEOUT", "PT30S")]);
    let mut changing = place
        .program(&["keys", "rotate-master"])
        .env("SPORTELLO__KEYS__NEXT__MASTER", "command")
        .env("SPORTELLO__KEYS__NEXT__COMMAND", &command)
        .stdout(Stdio::null())
        .spawn()
        .expect("it runs");
    // Polled, bounded by the keeper's own time.
    while !reached.exists() {
        assert!(
            changing.try_wait().expect("asked").is_none(),
            "it ended early"
        );
        std::thread::yield_now();
    }
    changing.kill().expect("killed");
    changing.wait().expect("reaped");
    place.says(&["seed"]);
    assert_eq!(place.master(), first);
}

#[test]
fn data_keys_rotate_and_go_by_command() {
    let place = Place::settled();
    assert!(
        place
            .says(&["keys", "rotate-data", "--desk", "010204"])
            .starts_with("1 new keys")
    );
    assert!(
        place
            .refuses(&["keys", "rotate-data", "--desk", "nowhere"])
            .contains("--desk")
    );
    place.refuses(&["keys", "rotate-data"]);
    let told = place.says(&["keys", "reseal", "--until-done"]);
    assert!(
        told.contains("nothing is sealed with an older key"),
        "{told}"
    );
    let told = place.says(&["keys", "destroy", "--desk", "010204"]);
    assert!(told.starts_with("nothing was done."), "{told}");
    let told = place.refuses(&[
        "keys",
        "destroy",
        "--desk",
        "010204",
        "--yes-destroy",
        "010210",
    ]);
    assert!(told.contains("nothing was done"), "{told}");
    assert!(!place.says(&["keys", "status"]).contains("destroyed"));
    place.says(&[
        "keys",
        "destroy",
        "--desk",
        "010204",
        "--yes-destroy",
        "010204",
    ]);
    let status = place.says(&["keys", "status"]);
    let mine: Vec<&str> = status
        .lines()
        .filter(|line| line.starts_with("010204"))
        .collect();
    assert_eq!(mine.len(), 3, "{status}");
    assert!(
        mine[0].contains("destroyed") && mine[1].contains("destroyed"),
        "{status}"
    );
    assert!(mine[2].contains("in use"), "{status}");
    place.says(&["seed"]);
}

/// Requests on file when the keys change.
const REQUESTS: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sealing_anew_survives_kills_and_ends_with_every_request_whole() {
    let place = Place::new();
    let port_file = place.folder.path().join("port");
    let mut command = place.program(&[]);
    command.stdout(Stdio::null());
    let (mut server, base) = program::listening(command, &port_file).await;
    let token = place.says(&[
        "demo",
        "citizen-token",
        "--tax-code",
        "RSSMRA80A01H501U",
        "--given-name",
        "Mario",
        "--family-name",
        "Rossi",
    ]);
    let http = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let mut filed = Vec::new();
    for n in 0..REQUESTS {
        let form = serde_json::json!({
            "service_code": "FSE", "problem_type": "errore-tecnico", "authority_code": "010204",
            "description": format!("richiesta {n}"), "privacy_ack": true,
            "email": "mario.rossi@example.org",
        });
        let answer = http
            .post(format!("{base}/v1/tickets"))
            .bearer_auth(token.trim())
            .header("content-type", "application/json")
            .body(form.to_string())
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 201, "{n}");
        let text = answer.text().await.expect("a body");
        let ticket: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        filed.push(ticket["id"].as_str().expect("an id").to_owned());
        if n % 4 == 3 {
            // While the server runs, and answers on.
            place.says(&["keys", "rotate-data", "--all"]);
        }
    }
    server.kill().expect("killed");
    server.wait().expect("reaped");
    for round in 0..8 {
        let mut resealing = place
            .program(&["keys", "reseal", "--until-done"])
            .stdout(Stdio::null())
            .spawn()
            .expect("it runs");
        for _ in 0..round * 60 {
            let _ = fs::read_dir(place.key("")).expect("the folder").count();
        }
        resealing.kill().expect("killed");
        resealing.wait().expect("reaped");
    }
    let told = place.says(&["keys", "reseal", "--until-done"]);
    assert!(
        told.contains("nothing is sealed with an older key"),
        "{told}"
    );
    let mut command = place.program(&[]);
    command.stdout(Stdio::null());
    let (mut server, base) = program::listening(command, &port_file).await;
    for id in &filed {
        let shown = http
            .get(format!("{base}/v1/me/tickets/{id}"))
            .bearer_auth(token.trim())
            .send()
            .await
            .expect("an answer");
        assert_eq!(shown.status(), 200, "{id}");
        assert!(shown.text().await.expect("a body").contains("richiesta"));
    }
    server.kill().expect("killed");
    server.wait().expect("reaped");
}

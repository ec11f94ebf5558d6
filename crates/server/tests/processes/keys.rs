//! The master key from each of its keepers, missing, wrong, damaged, changed, and changed halfway: the
//! real program says what is wrong in one sentence, or starts.
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::town::{Town, form};

impl Town {
    fn key(&self, name: &str) -> PathBuf {
        self.data("keys").join(name)
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
fn script(town: &Town, name: &str, first: &str) -> String {
    let path = town.folder.path().join(name);
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
    let town = Town::on_sqlite();
    let told = town.refuses(&["serve"]);
    assert!(
        told.contains(
            "there is no master key yet: make one with `sportello keys init`, keep a copy of"
        ),
        "{told}"
    );
    assert!(!town.key("master.key").exists());
    assert!(town.says(&["migrate"]).contains("keys init"));
    town.says(&["keys", "init"]);
    let mode = fs::metadata(town.key("master.key"))
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = fs::read(town.key("master.key")).expect("it is there");
    assert!(town.refuses(&["keys", "init"]).contains("is there already"));
    assert_eq!(
        fs::read(town.key("master.key")).expect("it is there"),
        before
    );
    town.says(&["seed"]);
    assert!(town.doctor().contains("ok    data keys: "));
}

#[test]
fn a_missing_wrong_or_damaged_master_key_stops_the_start_and_stays_as_it_is() {
    let town = Town::settled();
    let (id, path) = (town.master(), town.key("master.key"));
    let right = fs::read_to_string(&path).expect("it is there");

    fs::remove_file(&path).expect("it goes");
    for command in ["serve", "seed"] {
        let told = town.refuses(&[command]);
        assert!(
            told.contains(&format!(
                "the data keys need the master key {id}, and {} is not there: restore it from its \
                 backup (a new one would open nothing)",
                path.display()
            )),
            "{told}"
        );
    }
    let told = town.refuses(&["keys", "init"]);
    assert!(
        told.contains("the database has data keys already"),
        "{told}"
    );
    assert!(!path.exists(), "none is made");
    let doctor = town.doctor();
    assert!(
        doctor.contains("FAIL  data keys: the data keys need"),
        "{doctor}"
    );

    write(&path, &"ab".repeat(32));
    let told = town.refuses(&["serve"]);
    assert!(
        told.contains(&format!(
            "the data keys need the master key {id}, and {} is ",
            path.display()
        )),
        "{told}"
    );
    assert!(!told.contains("abab"), "{told}");

    write(&path, &right[..40]);
    let told = town.refuses(&["serve"]);
    assert!(
        told.contains("master.key is damaged or something else; restore it from its backup"),
        "{told}"
    );
    assert!(!told.contains(&right[..16]), "{told}");

    write(&path, &right);
    town.says(&["seed"]);
}

#[test]
fn a_change_of_the_master_key_that_stops_anywhere_starts_and_goes_on() {
    let town = Town::settled();
    let (now, next, previous) = (
        town.key("master.key"),
        town.key("master.next.key"),
        town.key("master.previous.key"),
    );
    let first = town.master();

    // It stopped before the data keys were wrapped anew: the old one holds.
    write(&next, &"cd".repeat(32));
    town.says(&["seed"]);
    assert_eq!(town.master(), first);
    town.says(&["keys", "rotate-master"]);
    let second = town.master();
    assert_ne!(second, first);
    assert_eq!(
        fs::read_to_string(&now).expect("a key").trim(),
        "cd".repeat(32)
    );
    assert!(previous.exists() && !next.exists());

    // It stopped after that, before the files had their names: the new one holds.
    fs::rename(&now, &next).expect("renamed");
    fs::rename(&previous, &now).expect("renamed");
    town.says(&["seed"]);
    assert_eq!(town.master(), second);
    // And between the two names.
    fs::rename(&now, &previous).expect("renamed");
    town.says(&["seed"]);
    assert_eq!(town.master(), second);
    town.says(&["keys", "rotate-master"]);
    assert_eq!(
        town.master(),
        second,
        "the rest was done, and nothing begun"
    );
    assert!(now.exists() && previous.exists() && !next.exists());

    assert!(town.says(&["keys", "forget-master"]).contains("forgotten"));
    assert!(!previous.exists());
    town.says(&["seed"]);
}

#[test]
fn a_change_of_the_master_key_survives_kills_at_any_moment() {
    let town = Town::settled();
    let mut masters = vec![town.master()];
    for round in 0..12 {
        let mut changing = town.begin(&["keys", "rotate-master"]);
        // Bounded: each round looks a little longer than the one before.
        for _ in 0..round * 40 {
            let _ = fs::read_dir(town.key("")).expect("the folder").count();
        }
        changing.kill().expect("killed");
        changing.wait().expect("reaped");
        town.says(&["seed"]);
        masters.push(town.master());
    }
    town.says(&["keys", "rotate-master"]);
    town.says(&["seed"]);
    assert_ne!(Some(&town.master()), masters.first());
}

#[test]
fn a_variable_keeps_the_master_key_and_no_message_shows_it() {
    let mut town = Town::on_sqlite();
    town.set("SPORTELLO__KEYS__MASTER", "variable");
    assert!(
        town.refuses(&["seed"])
            .contains("keys.master_key: must be 64 hexadecimal digits")
    );
    let key = "1f".repeat(32);
    town.set("SPORTELLO__KEYS__MASTER_KEY", &key);
    town.says(&["seed"]);
    assert!(!town.key("master.key").exists());
    assert!(!town.says(&["keys", "status"]).contains(&key));
    let other = "2e".repeat(32);
    town.set("SPORTELLO__KEYS__MASTER_KEY", &other);
    let told = town.refuses(&["serve"]);
    assert!(
        told.contains("and the one in keys.master_key is "),
        "{told}"
    );
    assert!(!told.contains(&key) && !told.contains(&other), "{told}");
}

#[test]
fn a_program_keeps_the_master_key_and_gets_none_of_our_secrets() {
    let mut town = Town::settled();
    let seen = town.folder.path().join("seen");
    let command = script(&town, "keeper", &format!("env > {}", seen.display()));
    let first = town.master();
    town.set("SPORTELLO__KEYS__NEXT__MASTER", "command");
    town.set("SPORTELLO__KEYS__NEXT__COMMAND", &command);
    town.says(&["keys", "rotate-master"]);
    // Under either setting, until keys.next is cleared.
    town.says(&["seed"]);
    assert_eq!(town.master(), "command:next-command");
    town.set("SPORTELLO__KEYS__MASTER", "command");
    town.set("SPORTELLO__KEYS__COMMAND", &command);
    town.set("SPORTELLO__KEYS__COMMAND_LABEL", "next-command");
    town.set("SPORTELLO__KEYS__NEXT__MASTER", "");
    town.says(&["seed"]);
    assert_ne!(town.master(), first);
    let seen = fs::read_to_string(seen).expect("what it saw");
    assert!(
        seen.contains("PATH=") && !seen.contains("SPORTELLO"),
        "{seen}"
    );
}

#[test]
fn a_program_that_fails_hangs_or_babbles_is_named_and_not_quoted() {
    let mut town = Town::on_sqlite();
    town.set("SPORTELLO__KEYS__MASTER", "command");
    town.set("SPORTELLO__KEYS__COMMAND_TIMEOUT", "PT1S");
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
        let command = script(&town, "keeper", first);
        town.set("SPORTELLO__KEYS__COMMAND", command);
        let told = town.refuses(&["keys", "init"]);
        assert!(told.contains(expected), "{told}");
        assert!(!told.contains("parola"), "{told}");
    }
}

#[test]
fn a_change_of_the_master_key_killed_while_its_keeper_works_leaves_the_old_one() {
    let mut town = Town::settled();
    let first = town.master();
    let reached = town.folder.path().join("reached");
    let wait = format!(
        "touch {}; exec timeout 30 tail -f /dev/null",
        reached.display()
    );
    let command = script(&town, "keeper", &wait);
    town.set("SPORTELLO__KEYS__COMMAND_TIMEOUT", "PT30S");
    let mut changing = town
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
    town.says(&["seed"]);
    assert_eq!(town.master(), first);
}

#[test]
fn data_keys_rotate_and_go_by_command() {
    let town = Town::settled();
    assert!(
        town.says(&["keys", "rotate-data", "--desk", "010204"])
            .starts_with("1 new keys")
    );
    assert!(
        town.refuses(&["keys", "rotate-data", "--desk", "nowhere"])
            .contains("--desk")
    );
    town.refuses(&["keys", "rotate-data"]);
    let told = town.says(&["keys", "reseal", "--until-done"]);
    assert!(
        told.contains("nothing is sealed with an older key"),
        "{told}"
    );
    let told = town.says(&["keys", "destroy", "--desk", "010204"]);
    assert!(told.starts_with("nothing was done."), "{told}");
    let told = town.refuses(&[
        "keys",
        "destroy",
        "--desk",
        "010204",
        "--yes-destroy",
        "010210",
    ]);
    assert!(told.contains("nothing was done"), "{told}");
    assert!(!town.says(&["keys", "status"]).contains("destroyed"));
    town.says(&[
        "keys",
        "destroy",
        "--desk",
        "010204",
        "--yes-destroy",
        "010204",
    ]);
    let status = town.says(&["keys", "status"]);
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
    town.says(&["seed"]);
}

/// Requests on file when the keys change.
const REQUESTS: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sealing_anew_survives_kills_and_ends_with_every_request_whole() {
    let town = Town::on_sqlite();
    let server = town.start().await;
    let citizen = town.citizen();
    let mut filed = Vec::new();
    for n in 0..REQUESTS {
        let form = form(&format!("richiesta {n}"));
        filed.push(server.file(&citizen, &form).await);
        if n % 4 == 3 {
            // While the server runs, and answers on.
            town.says(&["keys", "rotate-data", "--all"]);
        }
    }
    drop(server);
    for round in 0..8 {
        let mut resealing = town.begin(&["keys", "reseal", "--until-done"]);
        for _ in 0..round * 60 {
            let _ = fs::read_dir(town.key("")).expect("the folder").count();
        }
        resealing.kill().expect("killed");
        resealing.wait().expect("reaped");
    }
    let told = town.says(&["keys", "reseal", "--until-done"]);
    assert!(
        told.contains("nothing is sealed with an older key"),
        "{told}"
    );
    let server = town.start().await;
    for (n, id) in filed.iter().enumerate() {
        let shown = server.get(&format!("/v1/me/tickets/{id}"), &citizen).await;
        assert_eq!(shown["description"], format!("richiesta {n}"));
    }
}

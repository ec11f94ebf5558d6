//! Where a demo may be, and where its commands refuse.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;
use crate::config::tests::with;

fn config(data: &Path, database: Option<&str>) -> Config {
    let data = data.to_str().unwrap();
    let mut variables = vec![("data.folder", data)];
    variables.extend(database.map(|url| ("database.url", url)));
    with(&variables).unwrap()
}

fn start(config: &Config) -> anyhow::Result<()> {
    let demo = Demo::begin(config)?;
    let instance = Instance::open(config, Some(&demo), config.http.bind)?;
    demo.set_up(config, &instance)
}

fn refusal<T>(result: anyhow::Result<T>) -> String {
    match result {
        Ok(_) => panic!("it was not refused"),
        Err(error) => format!("{error:#}"),
    }
}

#[test]
fn the_commands_refuse_where_no_demo_was_started() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), None);
    assert!(refusal(Demo::must_be(&config)).contains("is no demo"));
    Demo::must_not_be(&config).unwrap();
    assert!(!folder.path().join("demo").exists());
}

#[test]
fn a_demo_is_found_again_and_is_no_real_instance() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), None);
    start(&config).unwrap();
    let accounts = Demo::must_be(&config).unwrap().accounts().unwrap();
    assert_eq!(accounts.len(), 14);
    assert!(refusal(Demo::must_not_be(&config)).contains("--demo"));

    start(&config).unwrap();
    let again = Demo::must_be(&config).unwrap().accounts().unwrap();
    assert_eq!(
        serde_json::to_value(again).unwrap(),
        serde_json::to_value(accounts).unwrap()
    );
    for (name, mode) in [
        ("demo", 0o700),
        ("demo/marker.json", 0o600),
        ("demo/accounts.json", 0o600),
    ] {
        let metadata = std::fs::metadata(folder.path().join(name)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, mode, "{name}");
    }
}

#[test]
fn another_database_is_another_instance() {
    let folder = tempfile::tempdir().unwrap();
    start(&config(folder.path(), None)).unwrap();
    let other = format!("sqlite://{}", folder.path().join("other.db").display());
    let other = config(folder.path(), Some(&other));
    assert!(refusal(Demo::must_be(&other)).contains("another database"));
    assert!(refusal(Demo::begin(&other)).contains("another database"));
}

#[test]
fn a_database_in_use_gets_no_demo_accounts() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), None);
    crate::keys::load_or_create_secret(&config.keys(), "master.key").unwrap();
    let instance = Instance::open(&config, None, config.http.bind).unwrap();
    let placement = (
        domain::actor::Role::Operator,
        domain::codes::AuthorityCode::new("010301"),
        "1".to_owned(),
        "Sede".to_owned(),
    );
    instance
        .desk
        .add_account("anna", "Anna", "una frase lunga e mia", &[placement])
        .unwrap();
    drop(instance);
    assert!(refusal(start(&config)).contains("a demo needs a database of its own"));
    assert!(refusal(Demo::must_be(&config)).contains("is no demo"));
}

#[test]
fn lost_passwords_are_not_replaced_in_silence() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), None);
    start(&config).unwrap();
    std::fs::remove_file(folder.path().join("demo/accounts.json")).unwrap();
    assert!(refusal(start(&config)).contains("its password is gone"));
}

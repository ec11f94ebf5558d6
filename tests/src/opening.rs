//! Opening a desk and starting the server around it.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, OnceLock, mpsc};
use std::thread::JoinHandle;

use actix_web::dev::ServerHandle;
use api::app::{ServeOptions, Shared, serve};
use api::delegations::{HttpDelegations, HttpOptions, MAX_BODY_BYTES};
use api::tokens::SigningKey;
use domain::catalogue::{Reference, ReferenceFile};
use jiff::Timestamp;
use service::clock::{ManualClock, SystemIds};
use service::delegations::{DelegationTable, NoDelegations};
use service::playbooks::PlaybookFile;
use service::{DelegationSource, Desk, Parts, Secrets};
use storage::Db;
use storage::keyring::LocalMaster;

use crate::app::{Delegations, Options};
use crate::forge::TestKey;
use crate::people;

/// When every test begins: a Monday morning.
pub(crate) fn start() -> Timestamp {
    Timestamp::constant(1_772_438_400, 0)
}

/// The master key of every test.
pub(crate) const MASTER: [u8; 32] = [9; 32];
/// What codes and links are derived from in every test.
pub(crate) const ROOT: [u8; 32] = [7; 32];

/// Adds what every test finds: reference data and staff.
pub(crate) fn furnish(db: Db, folder: &Path) {
    let clock = Arc::new(ManualClock::at(start()));
    let desk = open_desk(db, &folder.join("blobs"), clock, &Options::default());
    people::add_all(&desk);
    let reference = desk.reference();
    let all: Vec<_> = reference
        .authorities()
        .iter()
        .map(|authority| authority.code.clone())
        .collect();
    desk.open_authorities(&all).expect("the authorities open");
}

pub(crate) fn open_desk(db: Db, blobs: &Path, clock: Arc<ManualClock>, options: &Options) -> Desk {
    open_desk_with(db, blobs, clock, options, playbooks())
}

/// The same, as if other playbooks had come with the program.
pub(crate) fn open_desk_with(
    db: Db,
    blobs: &Path,
    clock: Arc<ManualClock>,
    options: &Options,
    playbooks: Vec<PlaybookFile>,
) -> Desk {
    let master = Arc::new(LocalMaster::new(&MASTER));
    db.unlock(master).expect("the keys open");
    let blobs = blobs.to_str().expect("a readable path");
    let delegations = source_of_delegations(&options.delegations, &db);
    Desk::open(Parts {
        db,
        blobs: storage::blobs::open(blobs, []).expect("a folder for attachments"),
        reference: match options.successions.is_empty() {
            true => reference(),
            false => Arc::new(reference_after(&options.successions)),
        },
        first_rules: include_str!("../../config/reference/routing.toml").to_owned(),
        playbooks,
        clock,
        ids: Arc::new(SystemIds),
        secrets: Secrets::new(&ROOT),
        delegations,
        names: Arc::new(options.names.clone()),
        telling: Arc::new(api::problem::Told),
        settings: options.settings.clone(),
    })
    .expect("the desk opens")
}

fn source_of_delegations(from: &Delegations, db: &Db) -> Arc<dyn DelegationSource> {
    match from {
        Delegations::Nowhere => Arc::new(NoDelegations),
        Delegations::Table => Arc::new(DelegationTable(db.clone())),
        Delegations::Http(url, timeout) => {
            let options = HttpOptions {
                connect_timeout: *timeout,
                total_timeout: *timeout,
                max_body_bytes: MAX_BODY_BYTES,
                proxy: None,
            };
            let source = HttpDelegations::new(url, Some(DELEGATIONS_TOKEN), &options);
            Arc::new(source.expect("an address on this machine"))
        }
    }
}

/// What the service of delegations is asked with.
pub const DELEGATIONS_TOKEN: &str = "invented-token";

/// The playbooks of the repository.
pub(crate) fn playbooks() -> Vec<PlaybookFile> {
    macro_rules! files {
        ($($name:literal),+) => {
            [$(($name, include_str!(concat!("../../config/reference/playbooks/", $name)))),+]
        };
    }
    let files = files!(
        "pb-0.toml",
        "pb-1.toml",
        "pb-2.toml",
        "pb-3.toml",
        "pb-4.toml",
        "pb-5.toml",
        "pb-6.toml"
    );
    let file = |(name, text): (&str, &str)| PlaybookFile {
        name: name.to_owned(),
        text: text.to_owned(),
    };
    files.into_iter().map(file).collect()
}

/// The reference data of the repository, read once.
fn reference() -> Arc<Reference> {
    static REFERENCE: OnceLock<Arc<Reference>> = OnceLock::new();
    REFERENCE
        .get_or_init(|| Arc::new(reference_after(&[])))
        .clone()
}

/// The same with authorities that end: their code, their last day, and who takes over.
fn reference_after(successions: &[(&str, &str, Option<&str>)]) -> Reference {
    let mut authorities = include_str!("../../config/reference/authorities.toml").to_owned();
    for (code, last, successor) in successions {
        let head = format!("code = \"{code}\"\n");
        let next = successor.map(|next| format!("successor = \"{next}\"\n"));
        let end = format!("{head}valid_to = \"{last}\"\n{}", next.unwrap_or_default());
        authorities = authorities.replace(&head, &end);
    }
    let file = |name, text| ReferenceFile { name, text };
    let files = [
        file(
            "services.toml",
            include_str!("../../config/reference/services.toml"),
        ),
        file("authorities.toml", authorities.as_str()),
        file(
            "codes.toml",
            include_str!("../../config/reference/codes.toml"),
        ),
        file(
            "calendars.toml",
            include_str!("../../config/reference/calendars.toml"),
        ),
        file(
            "sla-policies.toml",
            include_str!("../../config/reference/sla-policies.toml"),
        ),
        file(
            "technical-catalogue.toml",
            include_str!("../../config/reference/technical-catalogue.toml"),
        ),
    ];
    Reference::parse(&files).expect("good reference data")
}

/// The key that signs the program's own tokens, the same for every test of a process.
pub fn own_key() -> SigningKey {
    own_forger().key
}

/// The same key, for what the program would never sign.
pub fn own_forger() -> TestKey {
    static KEY: OnceLock<TestKey> = OnceLock::new();
    KEY.get_or_init(TestKey::new).clone()
}

pub(crate) fn start_server(shared: Shared) -> (SocketAddr, (ServerHandle, JoinHandle<()>)) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = listener.local_addr().expect("its address");
    let options = ServeOptions {
        workers: 1,
        max_connections: 1024,
        shutdown_seconds: 1,
    };
    let (tell, told) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let server = serve(shared, listener, &options).expect("the server starts");
            tell.send(server.handle()).expect("the test waits");
            server.await.expect("the server runs");
        });
    });
    let handle = told.recv().expect("the server starts");
    (address, (handle, thread))
}

pub(crate) fn count_files(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    let count = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.expect("an entry").path();
        if path.is_dir() { count_files(&path) } else { 1 }
    };
    entries.map(count).sum()
}

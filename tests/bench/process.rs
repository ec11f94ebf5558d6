//! What processes cost: time on the cores and memory, as `/proc` tells it.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The kernel counts time on the cores in hundredths of a second.
const TICKS_A_SECOND: f64 = 100.0;

/// A running `sportello serve`; gone when it is dropped.
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: String,
    /// From its start until it answered that it is ready.
    pub(crate) ready_after: Duration,
}

impl Server {
    pub(crate) fn start(program: &Path, folder: &Path) -> Self {
        let port = folder.join("port");
        let _ = fs::remove_file(&port);
        let began = Instant::now();
        let mut child = Command::new(program)
            .args(["serve", "--config", "sportello.toml", "--port-file", "port"])
            .current_dir(folder)
            .stdout(Stdio::null())
            .spawn()
            .expect("the server starts");
        let address = loop {
            if let Ok(text) = fs::read_to_string(&port)
                && !text.trim().is_empty()
            {
                break text.trim().to_owned();
            }
            assert!(
                child.try_wait().expect("its state").is_none(),
                "the server ended"
            );
            assert!(
                began.elapsed() < Duration::from_secs(120),
                "the server does not listen"
            );
            std::thread::sleep(Duration::from_millis(2));
        };
        let ready = listening(&address, began);
        Server {
            child,
            address,
            ready_after: ready,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory in MB: now, and the most so far.
    pub(crate) fn memory(&self) -> (f64, f64) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
            kib.unwrap_or_default() / 1024.0
        };
        (of("VmRSS:"), of("VmHWM:"))
    }

    /// The most memory counts from now on.
    pub(crate) fn forget_peak(&self) {
        // Where the kernel does not let us, the peak is that of the whole run.
        let _ = fs::write(format!("/proc/{}/clear_refs", self.pid()), "5");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = self.pid().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let _ = self.child.wait();
    }
}

fn listening(address: &str, began: Instant) -> Duration {
    while std::net::TcpStream::connect(address).is_err() {
        assert!(began.elapsed() < Duration::from_secs(120), "nobody listens");
        std::thread::sleep(Duration::from_millis(1));
    }
    began.elapsed()
}

/// The fields of `/proc/PID/stat` after the name, which may hold anything.
fn stat(pid: u32) -> Option<Vec<f64>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(") ")?;
    let fields = rest.split_whitespace().skip(1);
    Some(
        fields
            .map(|field| field.parse().unwrap_or_default())
            .collect(),
    )
}

/// Seconds on the cores so far, user and system.
pub(crate) fn cpu_of(pid: u32) -> f64 {
    stat(pid).map_or(0.0, |fields| (fields[10] + fields[11]) / TICKS_A_SECOND)
}

/// The process that this one's parent is.
pub(crate) fn parent_of(pid: u32) -> Option<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(") ")?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

/// The same of a process and all its children, also those that have ended.
pub(crate) fn cpu_of_family(parent: u32) -> f64 {
    let own = stat(parent).map_or(0.0, |fields| {
        fields[10..14].iter().sum::<f64>() / TICKS_A_SECOND
    });
    let Ok(entries) = fs::read_dir("/proc") else {
        return own;
    };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let children = pids.filter(|pid| parent_of(*pid) == Some(parent));
    own + children.map(cpu_of).sum::<f64>()
}

/// The machine in one line each: cores, memory, kernel. No names and no paths.
pub(crate) fn machine() -> Vec<(String, String)> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("unknown", |rest| rest.trim_start_matches([' ', '\t', ':']));
    let cores = cpus
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let memory = read("/proc/meminfo");
    let memory = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"));
    let kib: f64 = memory
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or_default();
    let load = read("/proc/loadavg");
    let load = load.split_whitespace().next().unwrap_or("unknown");
    vec![
        ("cores".to_owned(), format!("{cores} ({model})")),
        (
            "memory".to_owned(),
            format!("{:.0} GiB", kib / 1024.0 / 1024.0),
        ),
        (
            "kernel".to_owned(),
            format!("Linux {}", read("/proc/sys/kernel/osrelease").trim()),
        ),
        ("load at the beginning".to_owned(), load.to_owned()),
    ]
}

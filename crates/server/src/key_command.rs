//! A program in front of a key service, asked to wrap and unwrap (`[keys]` in `config/default.toml`).
//!
//! Invariant: whatever it does, it is left within its time, no more of its answer is read than a wrapped
//! key can be long, and nothing it says reaches a message.

use std::process::Stdio;
use std::time::Duration;

use data_encoding::BASE64;
use storage::keyring::{KeyError, MasterKey};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

/// No wrapped key is longer, in Base64.
const LONGEST_ANSWER: u64 = 16 * 1024;

/// The master key behind a program.
pub(crate) struct CommandMaster {
    id: String,
    argv: Vec<String>,
    timeout: Duration,
    hidden: Vec<String>,
}

impl CommandMaster {
    pub(crate) fn new(label: &str, argv: &[String], timeout: Duration, hidden: &[String]) -> Self {
        CommandMaster {
            id: format!("command:{label}"),
            argv: argv.to_vec(),
            timeout,
            hidden: hidden.to_vec(),
        }
    }

    /// Asks on a thread of its own: whoever asks may be on a thread that already waits for something.
    fn ask(&self, verb: &str, context: &[u8], bytes: &[u8]) -> Result<Vec<u8>, KeyError> {
        let question = format!("{}\n{}\n", BASE64.encode(context), BASE64.encode(bytes));
        let answer = std::thread::scope(|scope| {
            let asking = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .map_err(|_| failed(verb, "no thread for it"))?;
                runtime.block_on(async {
                    tokio::time::timeout(self.timeout, self.run(verb, question.as_bytes()))
                        .await
                        .unwrap_or_else(|_| Err(failed(verb, "no answer in time")))
                })
            });
            asking
                .join()
                .unwrap_or_else(|_| Err(failed(verb, "it could not be asked")))
        })?;
        let text = String::from_utf8(answer).unwrap_or_default();
        match BASE64.decode(text.trim().as_bytes()) {
            Ok(bytes) if !bytes.is_empty() => Ok(bytes),
            _ => Err(failed(verb, "the answer is not one line of Base64")),
        }
    }

    /// Dropped when its time is over, and the program is killed with it.
    async fn run(&self, verb: &str, question: &[u8]) -> Result<Vec<u8>, KeyError> {
        let (program, arguments) = self
            .argv
            .split_first()
            .ok_or_else(|| failed(verb, "no program is named"))?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .arg(verb)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        for name in &self.hidden {
            command.env_remove(name);
        }
        let mut child = command
            .spawn()
            .map_err(|error| failed(verb, &format!("it cannot be started: {}", error.kind())))?;
        if let Some(mut input) = child.stdin.take() {
            // A program that does not read says what it has to say in its answer.
            let _ = input.write_all(question).await;
        }
        let mut answer = Vec::new();
        if let Some(output) = child.stdout.take() {
            let mut output = output.take(LONGEST_ANSWER + 1);
            let read = output.read_to_end(&mut answer).await;
            read.map_err(|_| failed(verb, "its answer cannot be read"))?;
        }
        if u64::try_from(answer.len()).is_ok_and(|length| length > LONGEST_ANSWER) {
            return Err(failed(verb, "the answer is too long"));
        }
        let ended = child.wait().await;
        match ended {
            Ok(status) if status.success() => Ok(answer),
            Ok(status) => Err(failed(verb, &format!("it ended with {status}"))),
            Err(_) => Err(failed(verb, "nobody knows how it ended")),
        }
    }
}

fn failed(verb: &str, why: &str) -> KeyError {
    KeyError::Keeper(format!("keys.command {verb}: {why}"))
}

impl MasterKey for CommandMaster {
    fn id(&self) -> &str {
        &self.id
    }

    fn wrap(&self, context: &[u8], key: &[u8; 32]) -> Result<Vec<u8>, KeyError> {
        self.ask("wrap", context, key)
    }

    fn unwrap(&self, context: &[u8], wrapped: &[u8]) -> Result<[u8; 32], KeyError> {
        let bytes = self.ask("unwrap", context, wrapped)?;
        bytes
            .try_into()
            .map_err(|_| failed("unwrap", "the answer is no key of 32 bytes"))
    }
}

//! `sportello serve`.

use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::watch;

use crate::cli::ServeArgs;
use crate::config::{Config, MailKind};
use crate::demo::Demo;
use crate::instance::Instance;
use crate::{out, private_file};

/// Runs the service until it is told to stop.
pub(crate) fn run(config: &Config, args: &ServeArgs) -> anyhow::Result<ExitCode> {
    let demo = match args.demo {
        true => Some(Demo::begin(config)?),
        false => {
            Demo::must_not_be(config)?;
            None
        }
    };
    let listener = TcpListener::bind(config.http.bind)
        .with_context(|| format!("http.bind: cannot listen on {}", config.http.bind))?;
    let bound = listener.local_addr()?;
    let instance = Instance::open(config, demo.as_ref(), bound)?;
    if let Some(demo) = &demo {
        demo.set_up(config, &instance)?;
    }
    warn(config, demo.is_some());
    if instance.db.bypasses_row_security()? {
        tracing::warn!("{}", super::UNFENCED);
    }
    // Threads for the jobs and the signals; those that answer requests are the server's own.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    // The server starts tasks of its own on the thread it is called from.
    let here = tokio::task::LocalSet::new();
    let serving = serve(config, args, &instance, demo.as_ref(), listener, bound);
    let outcome = here.block_on(&runtime, serving);
    // A mail server may keep a delivery waiting; the message stays claimed and is sent again.
    runtime.shutdown_timeout(Duration::from_secs(config.http.options.shutdown_seconds));
    outcome?;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

async fn serve(
    config: &Config,
    args: &ServeArgs,
    instance: &Instance,
    demo: Option<&Demo>,
    listener: TcpListener,
    bound: SocketAddr,
) -> anyhow::Result<()> {
    let shared = instance.shared(config, demo)?;
    let server = api::app::serve(shared, listener, &config.http.options)?;
    let (stop, stopped) = watch::channel(false);
    let jobs = instance.jobs.clone();
    let working = tokio::spawn(async move { jobs.run_until(stopped).await });
    tracing::info!(address = %bound, "listening");
    if let Some(path) = &args.port_file {
        private_file::replace(path, &format!("{bound}\n"))?;
    }
    welcome(&instance.base_url, demo)?;
    // Ends after SIGTERM, SIGINT or SIGQUIT, when what was accepted is answered (D-41).
    let outcome = server.await;
    tracing::info!("stopping");
    stop.send_replace(true);
    let patience = Duration::from_secs(config.http.options.shutdown_seconds);
    if tokio::time::timeout(patience, working).await.is_err() {
        tracing::warn!("a job is still running; it is taken up again at the next start");
    }
    Ok(outcome?)
}

/// What a person should know before real people use this.
fn warn(config: &Config, is_demo: bool) {
    if is_demo {
        tracing::warn!("this is a demonstration: whoever can read its data folder can be anybody");
        return;
    }
    if config.mail.kind == MailKind::Folder {
        tracing::warn!("mail.transport is \"folder\": no mail leaves");
    }
    if config.mail.base_url.is_none() {
        tracing::warn!("mail.base_url is not set: links in mail lead to this machine only");
    }
}

fn welcome(base_url: &str, demo: Option<&Demo>) -> anyhow::Result<()> {
    let mut text = format!("Sportello serves {base_url}\n  docs    {base_url}/docs\n");
    match demo {
        Some(demo) => text.push_str(&format!(
            "  log in  POST {base_url}/v1/sessions as {}, for example;\n          \
             passwords: sportello demo accounts\n  mail    {}\n  stop    Ctrl-C\n",
            demo.example_user(),
            demo.mail_hint(),
        )),
        None => text.push_str(&format!(
            "  log in  POST {base_url}/v1/sessions; accounts: sportello user add --help\n"
        )),
    }
    out::say(&text)
}

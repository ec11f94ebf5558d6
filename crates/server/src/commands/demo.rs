//! `sportello demo`: works on an instance that was started with `serve --demo`, and nowhere else.

use std::process::ExitCode;

use jiff::SignedDuration;
use service::Clock;
use service::clients::NewClient;

use crate::cli::DemoCommand;
use crate::commands::client;
use crate::config::{Config, parse_period};
use crate::demo::Demo;
use crate::{commands, out};

/// Long enough for an afternoon of trying things out.
const CITIZEN_TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(8);

/// Long enough for a demonstration.
const CLIENT_LIFE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Does what the command says.
pub(crate) fn run(config: &Config, command: DemoCommand) -> anyhow::Result<ExitCode> {
    let demo = Demo::must_be(config)?;
    match command {
        DemoCommand::Accounts { json: true } => out::say_json(&demo.accounts()?)?,
        DemoCommand::Accounts { json: false } => out::say(&demo.accounts_table()?)?,
        DemoCommand::CitizenToken(citizen) => {
            let token = demo.issuer()?.citizen_token(
                &citizen.tax_code,
                &citizen.given_name,
                &citizen.family_name,
                citizen.email.as_deref(),
                demo.clock().now(),
                CITIZEN_TOKEN_LIFE,
            )?;
            out::say(&token)?;
        }
        DemoCommand::Client { scopes } => {
            let desk = commands::open(config)?.desk;
            let id = desk.add_client(NewClient {
                label: "Demo".to_owned(),
                contact: "demo@example.org".to_owned(),
                scopes: client::scopes(&scopes)?,
                voucher: None,
                purposes: Vec::new(),
                life: CLIENT_LIFE,
            })?;
            let secret = desk.add_client_secret(id)?;
            out::say_json(&serde_json::json!({"client_id": id, "client_secret": secret}))?;
        }
        DemoCommand::Clock { forward } => {
            if let Some(text) = forward {
                demo.forward(parse_period(&text)?)?;
            }
            let now = demo.clock().now().to_zoned(config.time_zone.clone());
            out::say(&now.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

//! The commands, as `--help` explains them.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use jiff::Timestamp;

/// The back office of assistance requests: server, jobs and set-up in one program.
#[derive(Debug, Parser)]
#[command(name = "sportello", version)]
pub(crate) struct Cli {
    /// A file of settings; SPORTELLO__SECTION__KEY variables override it.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the service.
    Serve(ServeArgs),
    /// Bring the database's tables up to date.
    Migrate {
        /// Only say what has not run yet.
        #[arg(long)]
        status: bool,
    },
    /// Load services, authorities and code lists into the database.
    Seed,
    /// Print the description of the API.
    Openapi {
        /// As JSON instead of YAML.
        #[arg(long)]
        json: bool,
    },
    /// Keep the accounts of staff.
    #[command(subcommand)]
    User(UserCommand),
    /// Keep the table of delegations (`delegations.source = "table"`).
    #[command(subcommand)]
    Delegation(DelegationCommand),
    /// Keep the programs that call on their own.
    #[command(subcommand)]
    Client(ClientCommand),
    /// Keep the keys: the one that signs tokens, and those that seal personal data.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Prove the audit trail, and read it.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Do what happens without a request.
    #[command(subcommand)]
    Jobs(JobsCommand),
    /// Keep what is promised.
    #[command(subcommand)]
    Sla(SlaCommand),
    /// Keep the counters of queues.
    #[command(subcommand)]
    Queues(QueuesCommand),
    /// See to it that personal data go when their time is over.
    #[command(subcommand)]
    Retention(RetentionCommand),
    /// See what the routing rules do.
    #[command(subcommand)]
    Route(RouteCommand),
    /// Look at the playbooks before they are put in force.
    #[command(subcommand)]
    Playbook(PlaybookCommand),
    /// Check an installation, changing nothing.
    Doctor,
    /// Help with a demonstration (`serve --demo`).
    #[command(subcommand)]
    Demo(DemoCommand),
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// A demonstration: needs nothing, brings demo accounts and citizens; never for real data.
    #[arg(long)]
    pub(crate) demo: bool,
    /// Write the address and port listened on to this file, once ready.
    #[arg(long, value_name = "FILE")]
    pub(crate) port_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Add the account of somebody identified here; the tax code is read from standard input.
    Add(UserAdd),
}

#[derive(Debug, Args)]
pub(crate) struct UserAdd {
    /// The name to log in with.
    #[arg(long)]
    pub(crate) username: String,
    #[arg(long)]
    pub(crate) given_name: String,
    #[arg(long)]
    pub(crate) family_name: String,
    /// The person's own mailbox, where the security code goes.
    #[arg(long)]
    pub(crate) email: String,
    /// operator, supervisor, admin, regional-operator, regional-supervisor, technician,
    /// system-admin or auditor.
    #[arg(long)]
    pub(crate) role: String,
    /// The code of the authority or desk.
    #[arg(long, value_name = "CODE")]
    pub(crate) authority: String,
    /// The code of the place of work.
    #[arg(long, value_name = "CODE")]
    pub(crate) location: String,
    /// What people call that place; its code, if left out.
    #[arg(long, value_name = "LABEL")]
    pub(crate) location_label: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DelegationCommand {
    /// Let one person act for another; two lines of standard input: tax code of delegate, of delegator.
    Add {
        /// When it begins: an instant such as 2026-12-01T00:00:00Z; now, if left out.
        #[arg(long, value_name = "INSTANT")]
        valid_from: Option<Timestamp>,
        /// When it ends; it stays until it is revoked, if left out.
        #[arg(long, value_name = "INSTANT")]
        valid_to: Option<Timestamp>,
    },
    /// End that at once; the same two lines of standard input.
    Revoke,
    /// Show for whom a person may and might act; one line of standard input: tax code of delegate.
    List,
}

#[derive(Debug, Subcommand)]
pub(crate) enum JobsCommand {
    /// Run the jobs: timers, mail, text messages, sweeps. A running server does so by itself.
    Run {
        /// Once; there is no other way yet.
        #[arg(long, required = true)]
        once: bool,
    },
    /// Let mass actions go on that wait because the clock leapt, and try again what was given up.
    Resume,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SlaCommand {
    /// Make the clocks of all requests anew from their histories; tells nobody of what it finds first.
    Recompute,
}

#[derive(Debug, Subcommand)]
pub(crate) enum QueuesCommand {
    /// Count every queue and correct its kept counters; the service may run meanwhile.
    Recount,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RetentionCommand {
    /// Take away what is due, or go on where a run was cut off. A running server does so every night.
    Run(RetentionRun),
    /// Show a run and its proof.
    Report {
        /// The run.
        run: uuid::Uuid,
    },
    /// Look whether anything of what went in a run is still there, and whether its proof holds.
    Verify {
        /// The run.
        run: uuid::Uuid,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RetentionRun {
    /// Only count what is due, and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Of one authority alone.
    #[arg(long, value_name = "CODE")]
    pub(crate) authority: Option<String>,
    /// What is due by then: an instant such as 2026-12-01T00:00:00Z; now, if left out.
    #[arg(long, value_name = "INSTANT")]
    pub(crate) at: Option<Timestamp>,
    /// Take more than is usual: somebody has looked at what is due.
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) confirm: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RouteCommand {
    /// Say which desk a request would get, and every rule that was tried.
    Explain(RouteExplain),
}

#[derive(Debug, Args)]
pub(crate) struct RouteExplain {
    /// filing, follow-up, hand-over, return or reroute.
    #[arg(long, default_value = "filing")]
    pub(crate) change: String,
    /// The code of the service.
    #[arg(long, value_name = "CODE")]
    pub(crate) service: String,
    /// The code of the problem type.
    #[arg(long, value_name = "CODE")]
    pub(crate) problem_type: String,
    /// The authority the requester named.
    #[arg(long, value_name = "CODE")]
    pub(crate) authority: Option<String>,
    /// anonymous, citizen or staff.
    #[arg(long, default_value = "citizen")]
    pub(crate) requester: String,
    /// The way it came in.
    #[arg(long, default_value = "portal")]
    pub(crate) channel: String,
    /// The reason of a hand-over.
    #[arg(long, value_name = "CODE")]
    pub(crate) reason: Option<String>,
    /// The authority that had it before, for a return or a reroute.
    #[arg(long, value_name = "CODE")]
    pub(crate) previous: Option<String>,
    /// The authority that the region names, for a reroute.
    #[arg(long, value_name = "CODE")]
    pub(crate) named: Option<String>,
    /// When: an instant such as 2026-12-01T00:00:00Z; now, if left out.
    #[arg(long, value_name = "INSTANT")]
    pub(crate) at: Option<Timestamp>,
    /// Rules to try out, instead of those in force.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PlaybookCommand {
    /// Try every combination of answers and tell every mistake; those of the reference data, if no file is given.
    Check {
        /// Files that take the place of those with the same codes, or a folder with all.
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Show what answers lead to: the way, the decision, the note and what is missing from it.
    Try(PlaybookTry),
}

#[derive(Debug, Args)]
pub(crate) struct PlaybookTry {
    /// The playbook to begin with, such as PB-2.
    pub(crate) playbook: String,
    /// What is answered, such as c1=yes; answers to the playbooks it leads on to as well.
    #[arg(value_name = "CHECK=ANSWER")]
    pub(crate) answers: Vec<String>,
    /// A value of the note, such as report_id=R-1.
    #[arg(long = "value", value_name = "NAME=VALUE")]
    pub(crate) values: Vec<String>,
    /// The language of the words: it or en.
    #[arg(long, default_value = "it")]
    pub(crate) lang: String,
    /// A file that takes the place of the one with the same code.
    #[arg(long = "with", value_name = "FILE")]
    pub(crate) with: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct AuditTouched {
    /// The user name of an account.
    #[arg(long, value_name = "USER")]
    pub(crate) account: Option<String>,
    /// Instead of an account: the code of an authority, for all its staff.
    #[arg(long, value_name = "CODE", conflicts_with = "account")]
    pub(crate) authority: Option<String>,
    /// From when: an instant such as 2026-12-01T00:00:00Z.
    #[arg(long, value_name = "INSTANT")]
    pub(crate) from: Timestamp,
    /// Until before when.
    #[arg(long, value_name = "INSTANT")]
    pub(crate) to: Timestamp,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Sign with another key; tokens of the one before stay good. Takes hold at the next start.
    Rotate,
    /// Forget the key before, and with it every token it signed. Takes hold at the next start.
    ForgetOld,
    /// Make the master key, which wraps the keys of the data; never in the place of another.
    Init,
    /// Show the keys of the data, and how much is still sealed with older ones.
    Status,
    /// Wrap the keys of the data with another master key; a running server goes on.
    RotateMaster,
    /// Delete the file of the master key before; backups from before then need the copy kept elsewhere.
    ForgetMaster,
    /// Seal with new keys from now on, and what is there little by little in the background.
    RotateData(RotateData),
    /// Seal anew what is still sealed with older keys.
    Reseal {
        /// Until nothing is left; there is no other way yet.
        #[arg(long, required = true)]
        until_done: bool,
    },
    /// Write the database anew, so that its files hold nothing of what was there before it was sealed.
    Scrub,
    /// Destroy the keys of an authority: its data are unreadable from then on, for everybody.
    Destroy {
        /// The code of the authority.
        #[arg(long, value_name = "CODE")]
        desk: String,
        /// The code again; without it nothing is done, and what would be is told.
        #[arg(long, value_name = "CODE")]
        yes_destroy: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RotateData {
    /// The key of this authority.
    #[arg(long, value_name = "CODE", required_unless_present = "all")]
    pub(crate) desk: Option<String>,
    /// The keys of all, and of what belongs to none.
    #[arg(long, conflicts_with = "desk")]
    pub(crate) all: bool,
    /// After a key leaked: store each file anew with another secret. Stop all servers before.
    #[arg(long)]
    pub(crate) renew_files: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Check that nothing was changed, taken out, put in or cut off; names the first entry where something was.
    Verify(AuditVerify),
    /// Print entries with their hashes, a line of JSON each.
    Export {
        /// From when on: an instant such as 2026-12-01T00:00:00Z.
        #[arg(long, value_name = "INSTANT")]
        from: Timestamp,
        /// Until before when.
        #[arg(long, value_name = "INSTANT")]
        to: Timestamp,
        /// One chain only: the code of an authority, or "" for what belongs to none.
        #[arg(long, value_name = "CODE")]
        chain: Option<String>,
    },
    /// Print who logged in, tried to and logged out, and what was done at the machine.
    Logins(AuditLogins),
    /// Print the public key that proves anchors.
    PublicKey,
    /// Say which requests, and how many people, somebody had before their eyes: after a breach.
    Touched(AuditTouched),
    /// Make the index of the audit trail again; it is no evidence, the entries are.
    Reindex,
}

#[derive(Debug, Args)]
pub(crate) struct AuditVerify {
    /// Anchors that were kept outside, a line each; may be given several times. If left out, those in
    /// audit.anchor_file.
    #[arg(long, value_name = "FILE")]
    pub(crate) anchors: Vec<PathBuf>,
    /// One chain only: the code of an authority, or "" for what belongs to none.
    #[arg(long, value_name = "CODE")]
    pub(crate) chain: Option<String>,
    /// A public key, as it was printed when all was well; several, if the key was replaced. That of this
    /// installation, if left out.
    #[arg(long, value_name = "FILE")]
    pub(crate) public_key: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct AuditLogins {
    /// From when on: an instant such as 2026-12-01T00:00:00Z.
    #[arg(long, value_name = "INSTANT")]
    pub(crate) from: Timestamp,
    /// Until before when.
    #[arg(long, value_name = "INSTANT")]
    pub(crate) to: Timestamp,
    /// As JSON, a line each.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    /// Add a program; prints its id and, unless a key or certificate is given, its secret.
    Add(ClientAdd),
    /// Give a program another credential; the one before stays good meanwhile.
    Rotate {
        /// The program.
        id: String,
        #[command(flatten)]
        credential: ClientCredential,
    },
    /// End every credential of a kind but the newest.
    RetireOld {
        /// The program.
        id: String,
        /// secret, key or certificate.
        #[arg(long, default_value = "secret")]
        kind: String,
    },
    /// End a program at once, and its tokens.
    Revoke {
        /// The program.
        id: String,
    },
    /// Show the programs.
    List,
}

#[derive(Debug, Args)]
pub(crate) struct ClientAdd {
    /// What people call it.
    #[arg(long)]
    pub(crate) label: String,
    /// Whom to tell when its credentials run out: a mail address.
    #[arg(long)]
    pub(crate) contact: String,
    /// What it may do, with commas between.
    #[arg(long, value_delimiter = ',', required = true)]
    pub(crate) scopes: Vec<String>,
    /// Its name at the platform that issues vouchers (PDND).
    #[arg(long, value_name = "NAME")]
    pub(crate) voucher_client: Option<String>,
    /// Which of the platforms in `clients.voucher_issuers`, if there are several.
    #[arg(long, value_name = "ISSUER", requires = "voucher_client")]
    pub(crate) voucher_issuer: Option<String>,
    /// The purposes its vouchers may name, with commas between.
    #[arg(long, value_delimiter = ',')]
    pub(crate) purposes: Vec<String>,
    /// How long it lives, such as P180D; a year at most, and if left out.
    #[arg(long, value_name = "DURATION")]
    pub(crate) life: Option<String>,
    #[command(flatten)]
    pub(crate) credential: ClientCredential,
}

#[derive(Debug, Args)]
pub(crate) struct ClientCredential {
    /// A file with its public key as a JSON Web Key, instead of a secret.
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// A file with its certificate in PEM, instead of a secret.
    #[arg(long, value_name = "FILE")]
    pub(crate) certificate_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DemoCommand {
    /// Show the demo accounts and their passwords.
    Accounts {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print a citizen's bearer token.
    CitizenToken(CitizenToken),
    /// Print a program's id and secret.
    Client {
        /// What it may do, with commas between.
        #[arg(long, value_delimiter = ',', required = true)]
        scopes: Vec<String>,
    },
    /// Move the demo's clock, to see what time does.
    Clock {
        /// How far: an ISO 8601 duration such as P8D.
        #[arg(long, value_name = "DURATION")]
        forward: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CitizenToken {
    #[arg(long)]
    pub(crate) tax_code: String,
    #[arg(long)]
    pub(crate) given_name: String,
    #[arg(long)]
    pub(crate) family_name: String,
    #[arg(long)]
    pub(crate) email: Option<String>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_commands_are_well_formed() {
        Cli::command().debug_assert();
    }

    /// The rows of `docs/commands.md`: every command that does something, and its one line.
    fn rows(prefix: &str, command: &clap::Command) -> Vec<String> {
        let below = command
            .get_subcommands()
            .filter(|one| one.get_name() != "help");
        let mut found = Vec::new();
        for one in below {
            let name = format!("{prefix} {}", one.get_name());
            if one.has_subcommands() {
                found.extend(rows(&name, one));
            } else {
                let about = one.get_about().map(ToString::to_string).unwrap_or_default();
                found.push(format!("| `{name}` | {about} |"));
            }
        }
        found
    }

    #[test]
    fn the_page_of_commands_lists_them_as_help_does() {
        let page = include_str!("../../../docs/commands.md");
        let listed: Vec<&str> = page
            .lines()
            .filter(|line| line.starts_with("| `sportello"))
            .collect();
        assert_eq!(listed, rows("sportello", &Cli::command()));
    }
}

//! Writes a terraform plan of 100 MB as JSON, or summarises one. Started by `cargo xtask bench terraform`, which judges what is
//! printed: seconds and, on Linux, the most memory that this process ever had, as JSON.

use std::{
    env,
    error::Error,
    fs::{self, File},
    io::{BufReader, BufWriter, Write},
    time::Instant,
};

use deploy_action::terraform::{AddressPattern, Changes, Reading};
use serde_json::{Value, json};

/// How large the document becomes at least, in bytes, by the size of its larger resources; 100 MB come of it.
const N_BYTES: usize = 104_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["write", file] => write(file),
        ["summarise", file] => summarise(file),
        _ => Err("write FILE, or summarise FILE".into()),
    }
}

fn summarise(file: &str) -> Result<(), Box<dyn Error>> {
    let began = Instant::now();
    let sensitive = [AddressPattern::new("data.spot_kubeconfig.*.raw")];
    let kept = [AddressPattern::new(
        "module.unit_7.google_sql_database_instance.*",
    )];
    let reading = Reading {
        sensitive: &sensitive,
        kept: &kept,
    };
    let reader = BufReader::with_capacity(1 << 16, File::open(file)?);
    let changes = Changes::read(reader, &reading)?;
    let summary = changes.summary();
    let n_lines = summary.to_string().lines().count();
    let seconds = began.elapsed().as_secs_f64();
    let counts = summary.counts;
    let changed = counts.add + counts.change + counts.destroy + counts.replace;
    let measured = json!({
        "seconds": seconds,
        "peak": peak(),
        "bytes": fs::metadata(file)?.len(),
        "changed": changed,
        "unchanged": changes.unchanged,
        "lines": n_lines,
        "secrets": changes.secrets().count(),
    });
    writeln!(std::io::stdout(), "{measured}")?;
    Ok(())
}

/// The most memory that this process ever had, in bytes, where the system says it.
fn peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1_024)
}

/// Writes a plan of a large system: of 20 resources 12 stay, 3 are changed, 2 made, 1 destroyed, 1 replaced, 1 is read.
///
/// As in a real one, each stands there three times: as it was, as it will be, and as a change.
fn write(file: &str) -> Result<(), Box<dyn Error>> {
    let one = resource(0).to_string().len() + state(0, 1).to_string().len() * 2;
    let n_resources = N_BYTES / one + 1;
    let mut out = BufWriter::new(File::create(file)?);
    write!(
        out,
        r#"{{"format_version":"1.2","terraform_version":"1.11.4","planned_values":{{"root_module":{{"resources":"#
    )?;
    list(&mut out, n_resources, |number| state(number, 2))?;
    write!(out, r#"}}}},"resource_changes":"#)?;
    list(&mut out, n_resources, resource)?;
    write!(
        out,
        r#","output_changes":{{}},"prior_state":{{"format_version":"1.0","values":{{"root_module":{{"resources":"#
    )?;
    list(&mut out, n_resources, |number| state(number, 1))?;
    write!(
        out,
        r#"}}}}}},"configuration":{{"root_module":{{}}}},"timestamp":"2026-01-01T00:00:00Z","applyable":true,"complete":true,"errored":false}}"#
    )?;
    out.flush()?;
    Ok(())
}

fn list(
    out: &mut impl Write,
    n_elements: usize,
    element: impl Fn(usize) -> Value,
) -> Result<(), Box<dyn Error>> {
    for number in 0..n_elements {
        let before = if number == 0 { '[' } else { ',' };
        write!(out, "{before}{}", element(number))?;
    }
    write!(out, "]")?;
    Ok(())
}

fn address(number: usize) -> String {
    format!(
        "module.unit_{}.google_sql_database_instance.main[{number}]",
        number % 50
    )
}

/// The attributes of a resource, in one of its generations.
fn attributes(number: usize, generation: usize) -> Value {
    json!({
        "id": format!("projects/prod/instances/db-{number}"),
        "name": format!("db-{number}"),
        "database_version": "POSTGRES_15",
        "region": "us-central1",
        "deletion_protection": true,
        "root_password": format!("secret-{:04}", number % 100),
        "labels": { "team": "storage", "generation": generation.to_string(), "unit": format!("unit-{}", number % 50) },
        "settings": [{
            "tier": format!("db-custom-{generation}-7680"),
            "disk_size": 10 * generation,
            "availability_type": "REGIONAL",
            "ip_configuration": [{ "ipv4_enabled": false, "private_network": "projects/prod/global/networks/main", "require_ssl": null }],
            "backup_configuration": [{ "enabled": true, "start_time": "03:00", "location": "us" }],
            "database_flags": [{ "name": "max_connections", "value": "200" }, { "name": "log_min_duration_statement", "value": "500" }],
        }],
        "connection_name": format!("prod:us-central1:db-{number}"),
        "self_link": format!("https://sqladmin.googleapis.com/sql/v1beta4/projects/prod/instances/db-{number}"),
    })
}

fn state(number: usize, generation: usize) -> Value {
    json!({
        "address": address(number),
        "mode": "managed",
        "type": "google_sql_database_instance",
        "name": "main",
        "index": number,
        "provider_name": "registry.terraform.io/hashicorp/google",
        "schema_version": 0,
        "values": attributes(number, generation),
        "sensitive_values": { "root_password": true, "settings": [{ "ip_configuration": [{}] }] },
    })
}

fn resource(number: usize) -> Value {
    let (actions, before, after) = match number % 20 {
        0..=2 => (json!(["update"]), Some(1), Some(2)),
        3 | 4 => (json!(["create"]), None, Some(2)),
        5 => (json!(["delete"]), Some(1), None),
        6 => (json!(["delete", "create"]), Some(1), Some(2)),
        7 => (json!(["read"]), None, Some(1)),
        _ => (json!(["no-op"]), Some(1), Some(1)),
    };
    let side = |generation: Option<usize>| generation.map(|it| attributes(number, it));
    json!({
        "address": address(number),
        "module_address": format!("module.unit_{}", number % 50),
        "mode": "managed",
        "type": "google_sql_database_instance",
        "name": "main",
        "index": number,
        "provider_name": "registry.terraform.io/hashicorp/google",
        "change": {
            "actions": actions,
            "before": side(before),
            "after": side(after),
            "after_unknown": { "settings": [{ "ip_configuration": [{}] }], "connection_name": number % 20 == 6 },
            "before_sensitive": { "root_password": true },
            "after_sensitive": { "root_password": true },
            "replace_paths": [["settings", 0, "tier"]],
        },
        "action_reason": "replace_because_cannot_update",
    })
}

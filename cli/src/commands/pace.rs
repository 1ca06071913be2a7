//! `campaigns pace`: how fast the live runs of a campaign go on.
//!
//! Deliberately absent: starting anything, and what the caps of organisations are.

use super::steer::heard;
use crate::{
    Verdict,
    arguments::{Connection, Output, Pace},
    connection, output,
};
use anyhow::{Result, anyhow, bail};
use campaigns_wire::{CapSetting, CapWord, CommandState, Priority, SetPace};

/// Sets it, and waits until every owner has heard of it.
pub(crate) async fn run(arguments: Pace, connection: &Connection, form: Output) -> Result<Verdict> {
    if [&arguments.only, &arguments.state, &arguments.label].iter().any(|words| !words.is_empty()) {
        bail!(
            "a pace belongs to a run as a whole and cannot be set for a selection: `campaigns pause {} --only GLOB` holds \
             the pull requests back that are to wait, and `resume` lets them go on",
            arguments.campaign
        );
    }
    let pace = read(&arguments.settings)?;
    let client = connection::client(connection)?;
    let name = arguments.campaign.as_str();
    let mut command = client.pace(name, &pace).await?;
    if !arguments.no_wait {
        command = heard(&client, command).await?;
    }
    match form {
        Output::Json => output::json(&command)?,
        Output::Table if command.state == CommandState::Done => {
            output::note(&format!("{name} goes on at this pace; `campaigns status {name}` shows it"));
        }
        Output::Table => {
            output::note(&format!(
                "recorded: {} of {} runs have not heard of it yet",
                command.left, command.covers
            ));
        }
    }
    Ok(Verdict::Well)
}

fn read(settings: &[String]) -> Result<SetPace> {
    let mut pace = SetPace::default();
    for setting in settings {
        let known = "perMinute, perHour, perDay, maxOpen, maxPendingChecks and priority";
        let (name, value) = setting
            .split_once('=')
            .ok_or_else(|| anyhow!("`{setting}` is no setting: write NAME=VALUE, with {known}"))?;
        let place = match name {
            "priority" => {
                pace.priority = Some(match value {
                    "urgent" => Priority::Urgent,
                    "normal" => Priority::Normal,
                    _ => return Err(anyhow!("`{setting}`: priority is urgent or normal")),
                });
                continue;
            }
            "perMinute" => &mut pace.per_minute,
            "perHour" => &mut pace.per_hour,
            "perDay" => &mut pace.per_day,
            "maxOpen" => &mut pace.max_open,
            "maxPendingChecks" => &mut pace.max_pending_checks,
            _ => return Err(anyhow!("`{name}` cannot be set; there are {known}")),
        };
        *place = Some(match value {
            "spec" => CapSetting::Word(CapWord::Spec),
            number => CapSetting::To(number.parse().ok().filter(|number| *number > 0).ok_or_else(|| {
                anyhow!("`{setting}`: write a whole number from 1, or `spec` for what the spec says")
            })?),
        });
    }
    Ok(pace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read() {
        let read = |words: &[&str]| read(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        let pace = read(&["perDay=30", "maxOpen=spec", "priority=urgent"]).unwrap();
        assert_eq!(pace.per_day, Some(CapSetting::To(30)));
        assert_eq!(pace.max_open, Some(CapSetting::Word(CapWord::Spec)));
        assert_eq!((pace.priority, pace.per_hour), (Some(Priority::Urgent), None));
        for wrong in ["perDay", "perDay=0", "perDay=x", "perWeek=1", "priority=high"] {
            assert!(read(&[wrong]).is_err(), "{wrong}");
        }
    }
}

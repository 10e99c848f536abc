//! The law for schedules.

use croner::errors::CronError;
use croner::parser::{CronParser, Seconds};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{NAMES, is_name};
use crate::kanban::{ItemError, ItemSpec};
use crate::runtime::config::fault::Fault;
use crate::runtime::config::path::{Path, one_line, quoted};
use crate::runtime::config::setting::Setting;
use crate::runtime::config::{Config, ScheduleConfig};
use crate::time;

/// The ids of a schedule's items are made of its name and of the tick.
const LONGEST_NAME: usize = 50;

/// Longer ones are refused unread.
const LONGEST_CRON: usize = 256;

pub(super) fn schedules(config: &Config) -> Result<(), Fault> {
    for (name, schedule) in &config.schedules {
        let path = Path::new(["schedules", name]);
        if !is_name(name) || name.len() > LONGEST_NAME {
            let cure = format!("the name of a schedule is 1 to {LONGEST_NAME} letters, digits, '-' or '_'");
            return Err(Fault::new(path, "is not a name", cure).about_key());
        }
        timing(&path, schedule)?;
        self::schedule(&path, schedule, config.kanban.payload)?;
    }
    Ok(())
}

/// Exactly one of `cron` and `every`, and what it says.
fn timing(path: &Path, schedule: &ScheduleConfig) -> Result<(), Fault> {
    if zone(schedule).is_none() {
        let cure = "set it to the IANA name of a time zone, such as \"UTC\" or \"Europe/Berlin\"";
        let fault = format!("is {}, which is not known here", quoted(&schedule.zone));
        return Err(Fault::new(path.clone().key("zone"), fault, cure));
    }
    match (&schedule.cron, schedule.every) {
        (None, None) => Err(Fault::new(path.clone(), "has neither cron nor every", "set one of the two")),
        (Some(_), Some(_)) => {
            let (cron, every) = (path.clone().key("cron"), path.clone().key("every"));
            Err(Fault::new(every, format!("and {cron} are both set"), "remove one of the two").against(cron))
        }
        (None, Some(every)) => Setting::new(path, "every", every).in_bounds(),
        (Some(cron), None) => check_schedule(schedule).map_err(|wrong| {
            let cure = "write [second] minute hour day month weekday, such as \"0 0 3 * * *\"";
            Fault::new(path.clone().key("cron"), format!("is {}: {wrong}", quoted(cron)), cure)
        }),
    }
}

/// Whether the cron expression, if there is one, can be read and comes true, told in a few words if not.
///
/// Whenever it is asked, the answer is the same: an expression whose last year has passed is no fault of a configuration.
fn check_schedule(schedule: &ScheduleConfig) -> Result<(), String> {
    let Some(cron) = schedule.cron.as_deref() else { return Ok(()) };
    if cron.len() > LONGEST_CRON {
        return Err(format!("it has more than {LONGEST_CRON} characters"));
    }
    let parser = CronParser::builder().seconds(Seconds::Optional).build();
    let cron = parser.parse(cron).map_err(|error| match error {
        CronError::EmptyPattern => "it is empty".to_owned(),
        CronError::InvalidPattern(wrong)
        | CronError::IllegalCharacters(wrong)
        | CronError::ComponentError(wrong) => one_line(wrong.trim_end_matches('.')),
        other => one_line(&other.to_string()),
    })?;
    let zone = zone(schedule).ok_or("its time zone is not known here")?;
    let start = Timestamp::UNIX_EPOCH.to_zoned(zone);
    match cron.find_next_occurrence(&start, true) {
        Ok(_) => Ok(()),
        Err(_) => Err("it never fires".to_owned()),
    }
}

/// UTC is known everywhere, with or without the system's files.
fn zone(schedule: &ScheduleConfig) -> Option<TimeZone> {
    if schedule.zone == "UTC" { Some(TimeZone::UTC) } else { TimeZone::get(&schedule.zone).ok() }
}

fn schedule(path: &Path, schedule: &ScheduleConfig, largest: u64) -> Result<(), Fault> {
    Setting::new(path, "batch", schedule.batch).in_bounds()?;
    if let Some(deadline) = schedule.deadline {
        Setting::new(path, "deadline", deadline).in_bounds()?;
    }
    let domain = path.clone().key("domain");
    if schedule.domain.is_empty() {
        return Err(Fault::new(domain, "is missing", "name the domain that its items are for"));
    }
    if !is_name(&schedule.domain) {
        return Err(Fault::new(domain, format!("is {}", quoted(&schedule.domain)), NAMES));
    }
    item(path, schedule, largest)
}

/// What every item of it would be refused for had better be said now.
fn item(path: &Path, schedule: &ScheduleConfig, largest: u64) -> Result<(), Fault> {
    let spec = ItemSpec::new(&schedule.domain).payload(schedule.payload.clone());
    let spec = match &schedule.key {
        Some(key) => spec.key(key),
        None => spec,
    };
    let most = usize::try_from(largest).unwrap_or(usize::MAX);
    match spec.build(time::Timestamp::from(std::time::UNIX_EPOCH), most) {
        Ok(_) => Ok(()),
        Err(ItemError::TooLarge { bytes, .. }) => {
            let limit = Path::new(["kanban", "payload"]);
            let fault = format!("has {bytes} bytes, above {limit} ({largest})");
            let cure = format!("keep it to at most {largest}");
            Err(Fault::new(path.clone().key("payload"), fault, cure).against(limit))
        }
        Err(error) => {
            let key = schedule.key.as_deref().unwrap_or_default();
            Err(Fault::new(path.clone().key("key"), format!("is {}", quoted(key)), error.to_string()))
        }
    }
}

//! `heijunka publish`: one item.

use std::process::ExitCode;

use heijunka::ops::wire::{NewItem, Receipt, Stored};

use super::args::Publish;
use super::client::{Service, encode, read, with_query};
use super::error::ControlError;
use super::{batch, contents, print_json};
use crate::error::Error;
use crate::output;

/// Bytes of a request's first line that the service certainly takes; what needs more travels in a body.
const LINE: usize = 8 << 10;

/// Publishes it, and prints its receipt.
pub(super) fn publish(args: &Publish) -> Result<ExitCode, Error> {
    if let Some(file) = &args.batch {
        return batch::publish(file, args);
    }
    let payload = match (&args.file, &args.payload) {
        (Some(file), _) => contents(file)?,
        (None, payload) => payload.clone().unwrap_or_default().into_bytes(),
    };
    let receipt = send(args, &payload)?;
    if args.json {
        print_json(&receipt, false)?;
    }
    let id = receipt.id.as_deref().unwrap_or_default();
    let told = match receipt.outcome {
        Stored::Stored => format!("stored {id}\n"),
        Stored::Duplicate => format!("stored already {id}\n"),
        _ => {
            // The sentence of the service begins with the outcome.
            let error = receipt.error.unwrap_or_else(|| "not stored".to_owned());
            return Err(ControlError::Invalid(error).into());
        }
    };
    if !args.json {
        output::print(&told)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn send(args: &Publish, payload: &[u8]) -> Result<Receipt, ControlError> {
    let service = Service::new(&args.at)?;
    let domain = args.domain.as_deref().unwrap_or_default();
    let path = format!("/publish/{}/{}", args.priority.unwrap_or_default(), encode(domain));
    let headers: Vec<_> =
        args.header.iter().map(|(name, value)| (format!("header-{name}"), Some(value.clone()))).collect();
    let told = [("id", args.id.clone()), ("key", args.key.clone()), ("deadline", args.deadline.clone())];
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.clone()));
    let target = with_query(&path, told.into_iter().chain(headers));
    if target.len() <= LINE {
        let mut answer = service.ask("POST", &target, payload)?;
        // A receipt says more than the status.
        if let 422 | 503 | 504 = answer.status() {
            let body = answer.whole()?;
            return match serde_json::from_slice(&body) {
                Ok(receipt) => Ok(receipt),
                Err(_) => Err(ControlError::Refused(read(&body)?)),
            };
        }
        return read(&answer.accepted()?.whole()?);
    }
    let item = NewItem {
        priority: Some(args.priority.unwrap_or_default().to_string()),
        id: args.id.clone(),
        key: args.key.clone(),
        deadline: args.deadline.clone(),
        headers: args.header.iter().cloned().collect(),
        ..NewItem::new(domain, payload)
    };
    let line = serde_json::to_vec(&item).map_err(|error| ControlError::Answer(error.to_string()))?;
    let mut answer = service.ask("POST", "/publish", &line)?.accepted()?;
    answer.line()?.ok_or_else(|| ControlError::Answer("it has no receipt".to_owned()))
}

//! The shape of the source: what may import what, where the atomics live, and how long a file may be.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The components and their layers. Imports point down, or stay within a component.
const LAYERS: [&[&str]; 7] = [
    &["error", "priority", "time", "sync"],
    &["metrics", "thread", "lanes", "law", "calm", "share", "spans"],
    &["admission", "routing", "pool", "balance", "burst"],
    &["domain"],
    &["kanban"],
    &["runtime"],
    &["ops"],
];

/// Arrows that the layers do not give, each with its reason.
const ALLOWED: [(&str, &str); 1] = [
    // A job carries its permit from the submitter to its end, so a pool must know what a permit is.
    ("pool", "admission"),
];

/// Files that may import `Ordering` in a component that has more than one such file, each with its reason.
const ORDERING: [(&str, &[&str]); 1] = [
    // Counts, histograms and sampled keys: three structures, the first two with one writer, each with its own few orderings.
    ("metrics", &["metrics/cells.rs", "metrics/histogram.rs", "metrics/keys.rs"]),
];

struct Source {
    /// Below `src`, with forward slashes.
    path: String,
    component: String,
    /// Without comments, documentation included, and without unit tests.
    code: String,
    lines: usize,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut files) = (vec![root.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                files.push(source(&root, &entry));
            }
        }
    }
    assert!(files.len() > 30, "the source was found");
    files
}

fn source(root: &Path, file: &Path) -> Source {
    let text = fs::read_to_string(file).unwrap();
    let path = file.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
    let component = path.split(['/', '.']).next().unwrap().to_owned();
    let is_test = path.ends_with("/tests.rs") || path.contains("/tests/");
    let is_code =
        |line: &&str| !is_test && !line.starts_with("#[cfg(test)]") && !line.starts_with("#[cfg(all(test");
    let code = text.lines().take_while(is_code).map(|line| line.split("//").next().unwrap_or_default());
    let code = code.collect::<Vec<_>>().join("\n");
    Source { path, component, code, lines: text.lines().count() }
}

fn layer_of(component: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&component))
}

/// The first names of all paths that start with `crate::`, those in braces included.
fn imports(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, start) in code.match_indices("crate::") {
        // `heijunka_crate::` and the like are other paths, and `$crate::` is for whoever uses a macro.
        if code[..at].ends_with(|before: char| before.is_alphanumeric() || "_$".contains(before)) {
            continue;
        }
        let rest = &code[at + start.len()..];
        if let Some(group) = rest.strip_prefix('{') {
            found.extend(first_names(group));
        } else {
            found.insert(identifier(rest));
        }
    }
    found
}

/// The first name of each part of a group, up to its closing brace.
fn first_names(group: &str) -> Vec<String> {
    let (mut names, mut depth, mut part) = (Vec::new(), 0_usize, String::new());
    for character in group.chars() {
        match character {
            '}' if depth == 0 => break,
            ',' if depth == 0 => names.push(std::mem::take(&mut part)),
            _ => {
                depth = depth + usize::from(character == '{') - usize::from(character == '}');
                part.push(character);
            }
        }
    }
    names.push(part);
    names.iter().map(|part| identifier(part.trim())).filter(|name| !name.is_empty()).collect()
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect()
}

#[test]
fn every_file_belongs_to_a_component_with_a_layer() {
    for Source { path, component, .. } in sources() {
        assert!(
            component == "lib" || layer_of(&component).is_some(),
            "{path}: in which layer is {component}?"
        );
    }
}

#[test]
fn imports_point_down_the_layers() {
    let mut used = BTreeSet::new();
    for Source { path, component, code, .. } in sources() {
        let Some(from) = layer_of(&component) else { continue };
        for import in imports(&code).iter().filter(|import| **import != component) {
            let to = layer_of(import);
            let allowed = (component.as_str(), import.as_str());
            if ALLOWED.contains(&allowed) {
                used.insert((component.clone(), import.clone()));
                continue;
            }
            // The vocabulary may use its own words; siblings further up do not know each other.
            let down = to.is_some_and(|to| to < from || to == 0 && from == 0);
            assert!(down, "{path} imports crate::{import}, which is not below {component}");
        }
    }
    assert_eq!(used.len(), ALLOWED.len(), "an exception that nobody needs: remove it");
}

#[test]
fn the_atomics_of_a_component_are_in_one_file() {
    let mut files = BTreeMap::<String, BTreeSet<String>>::new();
    for Source { path, component, code, .. } in sources() {
        // The shims are what the atomics come from.
        if component != "sync" && code.contains("Ordering") {
            files.entry(component).or_default().insert(path);
        }
    }
    for (component, files) in files {
        let several = ORDERING.iter().find(|(several, _)| *several == component);
        match several {
            Some((_, expected)) => assert!(files.iter().eq(*expected), "{component}: {files:?}"),
            None => assert_eq!(files.len(), 1, "{component} orders memory in several files: {files:?}"),
        }
    }
}

#[test]
fn atomics_threads_and_channels_come_from_the_shim_alone() {
    let direct = ["std::sync::atomic", "crossbeam_channel", "crossbeam_epoch", "crossbeam_utils", "loom::"];
    for Source { path, component, code, .. } in sources() {
        for name in direct {
            assert!(
                component == "sync" || !code.contains(name),
                "{path} uses {name}; take it from crate::sync"
            );
        }
    }
}

#[test]
fn no_file_is_longer_than_400_lines() {
    let mut long = Vec::new();
    for Source { path, lines, .. } in sources() {
        if lines > 400 {
            long.push(format!("{path}: {lines}"));
        }
    }
    assert!(long.is_empty(), "split them: {long:?}");
}

#[test]
fn every_black_box_test_file_is_part_of_the_suite() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/blackbox");
    let main = fs::read_to_string(folder.join("main.rs")).unwrap();
    for file in fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        let name = file.file_stem().unwrap().to_str().unwrap();
        assert!(name == "main" || main.contains(&format!("mod {name};")), "{name}.rs is not in main.rs");
    }
}

#[test]
fn the_reader_of_imports_understands_groups() {
    let code =
        "use crate::{error::{A, B}, time::C,\n  pool};\nfn f() { crate::sync::pin(); other_crate::x(); }";
    assert!(imports(code).iter().eq(["error", "pool", "sync", "time"]));
}

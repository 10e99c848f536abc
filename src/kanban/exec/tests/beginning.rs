//! What is checked before a program ever runs.

use super::super::error::ProgramError;
use super::*;

fn error(settings: ProgramSettings) -> ProgramError {
    Program::new(settings).expect_err("it is wrong")
}

#[test]
fn a_program_must_be_named() {
    assert_eq!(error(settings(&[])), ProgramError::Empty);
    assert_eq!(error(settings(&["", "x"])), ProgramError::Empty);
}

#[test]
fn a_program_must_exist() {
    let wrong = error(settings(&["no-such-program"]));
    assert!(
        matches!(&wrong, ProgramError::NotFound { program, path: Some(_) } if program == "no-such-program")
    );
    assert!(wrong.to_string().contains("PATH") && wrong.to_string().contains("install it"), "{wrong}");
    let wrong = error(settings(&["/no/such/program"]));
    assert_eq!(
        wrong.to_string(),
        r#"there is no program "/no/such/program": install it, or correct its path"#
    );
}

#[test]
fn a_program_must_be_executable() {
    let folder = Folder::new();
    fs::write(folder.path("text"), "").unwrap();
    let path = folder.path("text");
    assert_eq!(error(settings(&[path.to_str().unwrap()])), ProgramError::NotExecutable(path));
    assert_eq!(error(settings(&[folder.0.to_str().unwrap()])), ProgramError::NotAFile(folder.0.clone()));
}

#[test]
fn a_name_is_searched_in_the_path_that_the_program_will_have() {
    let (first, second) = (Folder::new(), Folder::new());
    let path = format!("{}::{}", first.0.display(), second.0.display());
    let named =
        || ProgramSettings { environment: [("PATH".to_owned(), path.clone())].into(), ..settings(&["work"]) };
    assert!(matches!(error(named()), ProgramError::NotFound { .. }));
    // What may not be executed hides nothing, and is told of if there is nothing else.
    fs::write(first.path("work"), "").unwrap();
    assert_eq!(error(named()), ProgramError::NotExecutable(first.path("work")));
    second.executable("work", "#!/bin/sh\necho second $0\n");
    let text = format!("second {}\n", second.path("work").display());
    assert_eq!(written(&ran(named(), &item(""), &never)), text);
}

#[test]
fn a_relative_path_begins_at_the_directory() {
    let folder = Folder::new();
    folder.executable("work", "#!/bin/sh\npwd -P\n");
    let settings = ProgramSettings { directory: Some(folder.0.clone()), ..settings(&["./work"]) };
    let whole = folder.0.canonicalize().unwrap();
    assert_eq!(written(&ran(settings, &item(""), &never)).trim_end(), whole.to_str().unwrap());
}

#[test]
fn the_directory_must_be_one() {
    let folder = Folder::new();
    fs::write(folder.path("file"), "").unwrap();
    for name in ["missing", "file"] {
        let wrong = error(script_in(&folder.path(name), "exit 0"));
        let ProgramError::Directory { directory, .. } = &wrong else { panic!("{wrong:?}") };
        assert_eq!(*directory, folder.path(name));
        assert!(wrong.to_string().contains("cannot be entered"), "{wrong}");
    }
}

#[test]
fn arguments_and_variables_must_be_speakable() {
    assert_eq!(error(settings(&["sh", "a\0"])), ProgramError::Nul { place: "argv[1]".into() });
    let with = |name: &str, value: &str| {
        let environment = [(name.to_owned(), value.to_owned())].into();
        error(ProgramSettings { environment, ..script("exit 0") })
    };
    assert_eq!(with("", "x"), ProgramError::Variable(String::new()));
    assert_eq!(with("A=B", "x"), ProgramError::Variable("A=B".into()));
    assert_eq!(with("A", "\0"), ProgramError::Nul { place: "the variable A".into() });
    assert_eq!(with("HEIJUNKA_ID", "x"), ProgramError::Reserved("HEIJUNKA_ID".into()));
    assert_eq!(with("HEIJUNKA_HEADER_A", "x"), ProgramError::Reserved("HEIJUNKA_HEADER_A".into()));
}

#[test]
fn secrets_are_not_shown() {
    let environment: BTreeMap<_, _> = [("TOKEN".to_owned(), "hidden".to_owned())].into();
    let settings = ProgramSettings { environment, ..script("exit 0") };
    let shown = format!("{settings:?} {:?}", Program::new(settings.clone()).unwrap());
    assert!(shown.contains("TOKEN") && !shown.contains("hidden"), "{shown}");
}

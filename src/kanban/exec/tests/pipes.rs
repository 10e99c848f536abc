//! What goes in and what comes out.

use super::super::ending::Ending;
use super::*;

#[test]
fn a_binary_payload_comes_back_through_cat() {
    // More than any pipe holds, both ways at once: whoever wrote it all before reading would hang.
    let payload: Vec<u8> =
        (0_u32..3 << 20).map(|at| (at.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0]).collect();
    let settings = ProgramSettings { output: 4 << 20, ..settings(&["cat"]) };
    let ran = ran(settings, &item(payload.clone()), &never);
    assert_eq!((ran.ending, ran.output.cut()), (Ending::Code(0), 0));
    assert!(ran.output.bytes() == payload);
}

#[test]
fn an_empty_payload_ends_at_once() {
    let ran = ran_script("cat; echo end", "");
    assert_eq!((&ran.ending, written(&ran)), (&Ending::Code(0), "end\n".into()));
}

#[test]
fn a_gigabyte_is_read_and_thrown_away() {
    let ran = ran_script("yes | head -c 1073741824; echo last; exit 3", "");
    assert_eq!(ran.ending, Ending::Code(3));
    assert_eq!(ran.output.total(), (1 << 30) + 5);
    assert_eq!(ran.output.bytes().len(), 64 * 1024);
    assert!(ran.output.bytes().ends_with(b"y\nlast\n"));
}

#[test]
fn output_is_cut_at_the_bound_of_the_settings() {
    let settings = ProgramSettings { output: 10, ..script("echo 0123456789abcdef; exit 1") };
    let Outcome::Retry { error, .. } = program(settings).outcome(&job(&item(""), &never)) else { panic!() };
    assert_eq!(error, "sh exited with 1; it wrote (7 bytes before this are cut): 789abcdef");
}

#[test]
fn a_payload_that_is_not_read() {
    let payload = vec![b'x'; 1 << 20];
    assert_eq!(ran_script("exit 0", payload.clone()).ending, Ending::Code(0));
    assert_eq!(ran_script("sleep 0.1; echo done", payload).ending, Ending::Code(0));
}

#[test]
fn a_payload_that_is_read_in_part() {
    let ran = ran_script("head -c 1000 | wc -c; exit 7", vec![b'x'; 1 << 20]);
    assert_eq!((&ran.ending, written(&ran).trim()), (&Ending::Code(7), "1000"));
}

#[test]
fn an_input_closed_early() {
    let ran = ran_script("exec <&-; sleep 0.1; echo closed", vec![b'x'; 1 << 20]);
    assert_eq!((&ran.ending, written(&ran)), (&Ending::Code(0), "closed\n".into()));
}

#[test]
fn an_output_closed_early() {
    let ran = ran_script("echo first; exec >&- 2>&-; cat > /dev/null; exit 7", vec![b'x'; 1 << 20]);
    assert_eq!((&ran.ending, written(&ran)), (&Ending::Code(7), "first\n".into()));
}

#[test]
fn everything_written_before_the_end_is_read() {
    for _ in 0..20 {
        let ran = ran_script("head -c 60000 /dev/zero; printf end", "");
        assert_eq!(ran.output.total(), 60_003);
    }
}

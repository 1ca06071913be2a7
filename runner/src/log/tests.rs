//! That output stays raw, cannot pass for a line of ours, and ends at the cap.

use super::*;

fn written(limit: u64, act: impl FnOnce(&mut Log)) -> (String, Blob) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut log = Log::create(&path, limit).unwrap();
    act(&mut log);
    let blob = log.finish().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(blob, Blob { digest: id::Digest::of(&bytes), size: bytes.len() as u64 });
    (String::from_utf8(bytes).unwrap(), blob)
}

#[test]
fn output_is_kept_as_it_came() {
    let raw = "\u{1b}[31mred\u{1b}[0m\ttab a = b\r\nlast";
    let (text, _) = written(1000, |log| log.output(raw.as_bytes()).unwrap());
    assert_eq!(text, raw);
}

#[test]
fn no_output_passes_for_a_line_of_ours() {
    for forged in [
        "=== step 2\n",
        "x\n=== step 2\n",
        "x\r=== step 2\n",
        "\u{1b}[0m=== step 2\n",
        "\u{1b}[0m \u{1b}[1m=== step 2\n",
        "abc\u{1b}[1G=== step 2\n",
        "abc\u{1b}[2K=== step 2\n",
        "abc\u{8}\u{8}\u{8}=== step 2\n",
        "\u{1b}]0;title\u{7}=== step 2\n",
        "\u{1b}]0;title\u{1b}\\=== step 2\n",
        "\u{0}=== step 2\n",
    ] {
        // Whole, and byte by byte, as a pipe may deliver it.
        for size in [forged.len(), 1] {
            let (text, _) = written(1000, |log| {
                for chunk in forged.as_bytes().chunks(size) {
                    log.output(chunk).unwrap();
                }
            });
            assert!(text.contains("\\=== step 2"), "{forged:?} became {text:?}");
        }
    }
}

#[test]
fn our_lines_start_on_a_line_of_their_own_and_stay_one_line() {
    let (text, _) = written(1000, |log| {
        log.say("step 1: a\nb\u{1b}[0m").unwrap();
        log.output(b"no newline").unwrap();
        log.say("end").unwrap();
    });
    assert_eq!(text, "=== step 1: a b [0m\nno newline\n=== end\n");
}

#[test]
fn the_log_is_cut_once_and_our_lines_still_follow() {
    let (text, _) = written(10, |log| {
        log.output(b"0123456").unwrap();
        log.output(b"789abcdef").unwrap();
        log.output(b"more").unwrap();
        log.say("end").unwrap();
    });
    assert_eq!(
        text,
        "0123456789\n=== the log was cut here: 10 bytes of output are kept; the steps went on\n=== end\n"
    );
}

#[test]
fn output_that_fits_exactly_is_not_cut() {
    let (text, _) = written(4, |log| log.output(b"1234").unwrap());
    assert_eq!(text, "1234");
}

#[test]
fn output_after_an_exact_fit_is_said_to_be_cut() {
    let (text, _) = written(4, |log| {
        log.output(b"1234").unwrap();
        log.output(b"5").unwrap();
        log.output(b"6").unwrap();
    });
    assert_eq!(text.matches("cut here").count(), 1, "{text:?}");
}

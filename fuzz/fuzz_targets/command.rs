//! Any text is read without panic, its normal form reads as itself, and the same text again commands nothing new.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wiz::event::command;

fuzz_target!(|text: &str| {
    assert!(command::parse(text, Some(text)).is_empty());
    for found in command::parse(text, None).into_iter().flatten() {
        let normal = found.to_string();
        let again = command::parse(&normal, None);
        assert!(matches!(again.as_slice(), [Ok(again)] if again.to_string() == normal), "{normal:?}");
    }
});

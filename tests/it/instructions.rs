//! How many instructions the commands take that people wait for, counted by callgrind where it is there: the count is the
//! same however busy the machine is, so a change that doubles one is seen. Of the program as the tests build it, which
//! takes several times as many as a release build; what that takes is measured by `cargo bench`.

use std::process::{Command, Stdio};

use crate::common::canned::{Canned, completion};
use crate::common::{Place, finish, skipped};

/// A count may be this many times the recorded one: compilers and libraries differ from machine to machine.
const MOST: f64 = 2.0;

/// Keys of fifteen providers.
const FIFTEEN: &str = "OPENAI_API_KEY=k\nANTHROPIC_API_KEY=k\nDEEPSEEK_API_KEY=k\nMISTRAL_API_KEY=k\nGEMINI_API_KEY=k\n\
    XAI_API_KEY=k\nOPENROUTER_API_KEY=k\nGROQ_API_KEY=k\nTOGETHER_API_KEY=k\nPERPLEXITY_API_KEY=k\nCOHERE_API_KEY=k\n\
    AI21_API_KEY=k\nCEREBRAS_API_KEY=k\nFIREWORKS_API_KEY=k\nBLACKBOX_API_KEY=k\nBLACKBOX_MODEL=m\n";

#[test]
fn nothing_takes_twice_the_instructions_that_it_did() {
    if !Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success()) {
        return skipped("no valgrind: instructions were not counted");
    }
    let provider = Canned::start(&completion("A short answer.", "stop", 12, 4));
    let asks = Place::new().var("OPENAI_API_KEY", "test-key").var("OPENAI_BASE_URL", &provider.base_url);
    let fifteen = Place::new();
    fifteen.home_file(".env", FIFTEEN);
    fifteen.run(&["budget", "set", "5"]).expect(0);
    asks.run(&["ask", "hello"]).expect(0);
    // In millions.
    for (place, args, recorded) in [
        (&asks, &["--version"][..], 0.4),
        (&asks, &["--help"], 15.0),
        (&asks, &["ask", "hello"], 11.0),
        (&asks, &["ask", "--no-cache", "--no-stream", "hello"], 17.0),
        (&asks, &["budget", "check"], 7.0),
        (&fifteen, &["dry-run", "hello"], 13.0),
    ] {
        let counted = counted(place, args);
        println!("{counted:8.2} million instructions, {recorded:.2} recorded: llmr {}", args.join(" "));
        assert!(counted <= recorded * MOST, "llmr {}: {counted:.2} million instructions", args.join(" "));
    }
}

/// Runs a command under callgrind; its instructions, in millions.
fn counted(place: &Place, args: &[&str]) -> f64 {
    let plain = place.command(args);
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(plain.get_program()).args(args);
    command.env_clear().envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(place.work()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let ran = finish(command.spawn().unwrap());
    let line = ran.stderr.lines().find(|line| line.contains("refs:"));
    let digits = line.unwrap_or_else(|| panic!("{ran:?}")).rsplit(':').next().unwrap().replace(',', "");
    digits.trim().parse::<f64>().unwrap() / 1e6
}

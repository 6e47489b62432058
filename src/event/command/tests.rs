use proptest::prelude::*;

use super::*;

/// Each command as its normal form, each mistake as its message.
fn read(text: &str) -> Vec<String> {
    shown(parse(text, None))
}

fn shown(commands: Vec<Result<Command, CommandError>>) -> Vec<String> {
    commands.into_iter().map(|command| command.map_or_else(|error| format!("✗ {error}"), |c| c.to_string())).collect()
}

#[test]
fn lines_that_are_commands() {
    for (text, expected) in [
        ("/wiz fix", "/wiz fix"),
        ("/WIZ Fix", "/wiz fix"),
        ("   /wiz fix", "/wiz fix"),
        ("/wiz", "/wiz help"),
        ("/wiz   \r\n", "/wiz help"),
        ("/wiz help me please", "/wiz help"),
        ("Hello,\n/wiz status\nThanks", "/wiz status"),
        ("/wiz\tfix\tit", "/wiz fix it"),
        ("/wiz fix --max $2 only the parser", "/wiz fix --max $2 only the parser"),
        ("/wiz fix only --MAX=2.50 the parser", "/wiz fix --max $2.5 only the parser"),
        ("/wiz fix --model claude-opus-4.1 --max=2", "/wiz fix --max $2 --model claude-opus-4.1"),
        ("/wiz fix -- drop the --fast flag", "/wiz fix -- drop the --fast flag"),
        ("/wiz approve", "/wiz approve"),
        ("/wiz approve 1A2B3C4D", "/wiz approve 1a2b3c4d"),
        ("/wiz approve Scope", "/wiz approve scope"),
        ("/wiz budget", "/wiz budget"),
        ("/wiz budget +2.50", "/wiz budget +$2.5"),
        ("/wiz ci OFF", "/wiz ci off"),
        ("/wiz allow Example.com", "/wiz allow example.com"),
        ("/wiz remember that the tests need make", "/wiz remember that the tests need make"),
        ("/wiz feature --draft --plan=ASK --base next a flag", "/wiz feature --base next --draft --plan ask a flag"),
        ("/wiz test --draft more", "/wiz test --draft more"),
        ("/wiz reject not like this", "/wiz reject not like this"),
        ("/wiz fix <!-- or not -->", "/wiz fix"),
        ("> quoted\n\n/wiz retry", "/wiz retry"),
        ("- a list\n\n/wiz cancel", "/wiz cancel"),
        ("<details>\n\n</details>\n\n/wiz cancel", "/wiz cancel"),
    ] {
        assert_eq!(read(text), [expected], "{text:?}");
    }
}

#[test]
fn text_that_commands_nothing() {
    for text in [
        "",
        "please /wiz fix",
        "/wizard fix",
        "/wiz-fix",
        "/wiz/fix",
        "/wiz.yml",
        "/wiz\u{200b}fix",
        "@wiz-bot fix",
        "wiz fix",
        "//wiz fix",
        "# /wiz fix",
        "- /wiz fix",
        "    /wiz fix",
        "\t/wiz fix",
        "> /wiz fix",
        "> said\n/wiz fix",
        "`/wiz fix`",
        "`a\n/wiz fix\nb`",
        "```\n/wiz fix\n```",
        "```\n/wiz fix",
        "~~~sh\n/wiz fix\n~~~",
        "- item\n\n      /wiz fix",
        "<!--\n/wiz fix\n-->",
        "<!--\n\n/wiz fix\n\n-->",
        "text <!--\n/wiz fix\n--> text",
        "<div>\n/wiz fix\n</div>",
        "<a href=\"\n/wiz fix\n\">x</a>",
        "[text\n/wiz fix\n](https://example.com)",
        "![text\n/wiz fix\n](https://example.com)",
        "[name]:\n/wiz",
        "[^1]: note\n/wiz fix\n\nSee[^1]",
        "| a | b |\n| - | - |\n| /wiz fix | x |",
    ] {
        assert_eq!(read(text), Vec::<String>::new(), "{text:?}");
    }
}

#[test]
fn mistakes_are_explained() {
    let refused = [
        "/wiz fxi",
        "/wiz please fix it",
        "/wiz <script>@everyone",
        "/wiz fix --mx $2",
        "/wiz fix --dry-run",
        "/wiz fix --max",
        "/wiz fix --max lots",
        "/wiz fix --max -1",
        "/wiz fix --model ../../etc",
        "/wiz fix --max 1 --max 2",
        "/wiz cancel --max 1",
        "/wiz cancel step 2",
        "/wiz approve 1a2b",
        "/wiz approve but only the first step",
        "/wiz approve 1a2b3c4d please",
        "/wiz fix --draft=yes",
        "/wiz fix --draft --draft",
        "/wiz fix --base ../x..y",
        "/wiz fix --plan maybe",
        "/wiz budget $2",
        "/wiz budget +0",
        "/wiz ci maybe",
        "/wiz ci on off",
        "/wiz allow ../etc",
        "/wiz ask",
        "/wiz remember --max $2",
        "/wiz fature",
    ];
    insta::assert_snapshot!(explained(&refused), @r"
    /wiz fxi  →  `fxi` is not a command; did you mean `fix`?. /wiz fix|feature|test|docs|refactor|review|plan|ask|approve|revise|answer|reject|retry|cancel|pause|resume|status|budget|config|ci|remember|forget|undo|selftest|help
    /wiz please fix it  →  `please` is not a command. /wiz fix|feature|test|docs|refactor|review|plan|ask|approve|revise|answer|reject|retry|cancel|pause|resume|status|budget|config|ci|remember|forget|undo|selftest|help
    /wiz <script>@everyone  →  `?script??everyone` is not a command. /wiz fix|feature|test|docs|refactor|review|plan|ask|approve|revise|answer|reject|retry|cancel|pause|resume|status|budget|config|ci|remember|forget|undo|selftest|help
    /wiz fix --mx $2  →  `--mx` is not a flag; did you mean `--max`?. /wiz COMMAND [--max $2] [--model NAME] [--base BRANCH] [--draft] [--plan auto|ask] words
    /wiz fix --dry-run  →  `--dry-run` is not a flag. /wiz COMMAND [--max $2] [--model NAME] [--base BRANCH] [--draft] [--plan auto|ask] words
    /wiz fix --max  →  `--max` needs a value: an amount such as `$2` or `$0.50`. /wiz COMMAND [--max $2] [--model NAME] [--base BRANCH] [--draft] [--plan auto|ask] words
    /wiz fix --max lots  →  `--max` needs a value: an amount such as `$2` or `$0.50`. /wiz COMMAND [--max $2] [--model NAME] [--base BRANCH] [--draft] [--plan auto|ask] words
    /wiz fix --max -1  →  `--max` needs a value: an amount such as `$2` or `$0.50`. /wiz COMMAND [--max $2] [--model NAME] [--base BRANCH] [--draft] [--plan auto|ask] words
    /wiz fix --model ../../etc  →  `--model` needs a value: the name of a model. /wiz COMMAND [--max $2] [--model NAME] [--base BRANCH] [--draft] [--plan auto|ask] words
    /wiz fix --max 1 --max 2  →  `--max` is given twice. /wiz COMMAND [--max $2] [--model NAME] [--base BRANCH] [--draft] [--plan auto|ask] words
    /wiz cancel --max 1  →  `cancel` takes no flags. /wiz cancel
    /wiz cancel step 2  →  `cancel` takes no further words, so it was not run. /wiz cancel
    /wiz approve 1a2b  →  `approve` takes at least the first 8 digits of the plan's hash and no further words, so it was not run. /wiz approve [HASH|scope]
    /wiz approve but only the first step  →  `approve` takes at least the first 8 digits of the plan's hash and no further words, so it was not run. /wiz approve [HASH|scope]
    /wiz approve 1a2b3c4d please  →  `approve` takes at least the first 8 digits of the plan's hash and no further words, so it was not run. /wiz approve [HASH|scope]
    /wiz fix --draft=yes  →  `--draft` takes no value. /wiz COMMAND [--max $2] [--model NAME] [--base BRANCH] [--draft] [--plan auto|ask] words
    /wiz fix --draft --draft  →  `--draft` is given twice. /wiz COMMAND [--max $2] [--model NAME] [--base BRANCH] [--draft] [--plan auto|ask] words
    /wiz fix --base ../x..y  →  `--base` needs a value: the name of a branch. /wiz COMMAND [--max $2] [--model NAME] [--base BRANCH] [--draft] [--plan auto|ask] words
    /wiz fix --plan maybe  →  `--plan` needs a value: `auto` or `ask`. /wiz COMMAND [--max $2] [--model NAME] [--base BRANCH] [--draft] [--plan auto|ask] words
    /wiz budget $2  →  `budget` takes an amount such as `+$2` and no further words, so it was not run. /wiz budget [+$2]
    /wiz budget +0  →  `budget` takes an amount such as `+$2` and no further words, so it was not run. /wiz budget [+$2]
    /wiz ci maybe  →  `ci` takes `on` or `off` and no further words, so it was not run. /wiz ci [on|off]
    /wiz ci on off  →  `ci` takes `on` or `off` and no further words, so it was not run. /wiz ci [on|off]
    /wiz allow ../etc  →  `allow` takes the name of a host and no further words, so it was not run. /wiz allow HOST
    /wiz ask  →  `ask` needs a question. /wiz ask [flags] question
    /wiz remember --max $2  →  `remember` takes no flags. /wiz remember [words]
    /wiz fature  →  `fature` is not a command; did you mean `feature`?. /wiz fix|feature|test|docs|refactor|review|plan|ask|approve|revise|answer|reject|retry|cancel|pause|resume|status|budget|config|ci|remember|forget|undo|selftest|help
    ");
}

/// Why each of these is not understood, and what would be.
fn explained(refused: &[&str]) -> String {
    let explain = |text: &&str| match parse(text, None).as_slice() {
        [Err(error)] => format!("{text}  →  {error}. {}", error.usage()),
        other => panic!("{text}: {other:?}"),
    };
    refused.iter().map(explain).collect::<Vec<_>>().join("\n")
}

#[test]
fn flags_that_mean_nothing_to_a_command_are_refused() {
    let refused = [
        "/wiz ask --draft why?",
        "/wiz review --max $1 --plan ask",
        "/wiz review --base next",
        "/wiz plan --plan auto",
    ];
    insta::assert_snapshot!(explained(&refused), @r"
    /wiz ask --draft why?  →  `ask` takes no `--draft`. /wiz ask [--max $2] [--model NAME] [--base BRANCH] question
    /wiz review --max $1 --plan ask  →  `review` takes no `--plan`. /wiz review [--max $2] [--model NAME] [instructions]
    /wiz review --base next  →  `review` takes no `--base`. /wiz review [--max $2] [--model NAME] [instructions]
    /wiz plan --plan auto  →  `plan` takes no `--plan`. /wiz plan [--max $2] [--model NAME] [--base BRANCH] [--draft] [instructions]
    ");
}

#[test]
fn the_last_command_takes_the_text_below_it() {
    let text = "/wiz reject too big\nIgnored words.\n/wiz fix\r\nOnly the parser.\r\n\r\n- not the tests\n\n<!-- hidden -->\nEnd\n";
    let commands: Vec<Command> = parse(text, None).into_iter().map(Result::unwrap).collect();
    assert_eq!(commands[0].instructions, "too big");
    assert_eq!(commands[1].instructions, "Only the parser.\n\n- not the tests\n\nEnd");
    let long = format!("/wiz fix {}", "é".repeat(2 * INSTRUCTION_CHARS));
    let command = parse(&long, None).remove(0).unwrap();
    assert_eq!(command.instructions.chars().count(), INSTRUCTION_CHARS);
    assert_eq!(parse("/wiz cancel\nPlease.", None)[0].as_ref().unwrap().instructions, "");
}

#[test]
fn several_commands_are_read_in_order_up_to_a_cap() {
    assert_eq!(
        read("/wiz retry\n/wiz nonsense\n/wiz status"),
        ["/wiz retry", "✗ `nonsense` is not a command", "/wiz status"]
    );
    assert_eq!(read(&"/wiz status\n".repeat(50)).len(), COMMANDS_PER_TEXT);
}

#[test]
fn an_edit_runs_only_what_is_new() {
    for (before, after, expected) in [
        ("/wiz fix", "/wiz fix", vec![]),
        ("/wiz fix", "/WIZ  FIX", vec![]),
        ("/wiz fix\nthe parsr", "/wiz fix\nthe parser", vec![]),
        ("/wiz fix the parsr", "/wiz fix the parser", vec!["/wiz fix the parser"]),
        ("hello", "hello\n/wiz fix", vec!["/wiz fix"]),
        ("/wiz retry", "/wiz retry\n\n/wiz retry", vec!["/wiz retry"]),
        ("/wiz retry\n/wiz status", "/wiz status\n/wiz retry", vec![]),
        ("> /wiz fix", "/wiz fix", vec!["/wiz fix"]),
        ("/wiz fxi", "/wiz fxi", vec![]),
        ("/wiz fxi", "/wiz fix", vec!["/wiz fix"]),
        ("/wiz fix --max $2", "/wiz fix --max $3", vec!["/wiz fix --max $3"]),
    ] {
        assert_eq!(shown(parse(after, Some(before))), expected, "{before:?} → {after:?}");
    }
}

#[test]
fn help_names_every_command_and_flag() {
    let help = help();
    for (place, verb) in Verb::ALL.into_iter().enumerate() {
        assert_eq!((verb as usize, Verb::named(verb.name())), (place, Some(verb)));
        assert!(verb.usage().starts_with(&format!("/wiz {}", verb.name())));
        let listed = Verb::listed().any(|listed| listed == verb);
        assert_eq!(help.contains(&format!("| `/wiz {}", verb.name())), listed, "{help}");
    }
    // The help text is posted as a comment; it must not command anything.
    assert_eq!(read(&help), Vec::<String>::new());
    insta::assert_snapshot!(help, @r"
    | command | what it does |
    | --- | --- |
    | `/wiz fix [flags] [instructions]` | Plan the change, and after approval make it and open a pull request. |
    | `/wiz feature [flags] [instructions]` | Add something new: its tests fail before and pass after. |
    | `/wiz test [flags] [instructions]` | Add tests only: no other file changes. |
    | `/wiz docs [flags] [instructions]` | Change documentation only. |
    | `/wiz refactor [flags] [instructions]` | Change the form of the code: what passes before must pass after. |
    | `/wiz review [flags] [instructions]` | Read a pull request, forks included, and say what is wrong with it; nothing is changed. |
    | `/wiz plan [flags] [instructions]` | Plan the change, and wait for approval whatever the repository's gate is. |
    | `/wiz ask [flags] question` | Answer a question about the code, where it was asked. |
    | `/wiz approve [HASH\|scope]` | Approve the plan with this hash, or the one shown now; `scope`: files beyond it. |
    | `/wiz revise instructions` | Say what to change about the plan. |
    | `/wiz answer NUMBER\|words` | Answer wiz's question, by an option's number or in your own words. |
    | `/wiz reject [reason]` | Turn the plan down and end the run. |
    | `/wiz retry` | Try again from where the run failed. |
    | `/wiz cancel` | Stop the run. |
    | `/wiz pause` | Let the run rest: no work, no box, no money. |
    | `/wiz resume` | Go on with a run that rests, where it stopped. |
    | `/wiz status` | Say what the run is doing. |
    | `/wiz budget [+$2]` | Say what the run has spent, or let it spend more. |
    | `/wiz config` | Show the rules that hold here, and where they come from. |
    | `/wiz ci [on\|off]` | Say whether failing checks of this pull request are answered, or switch that. |
    | `/wiz remember [words]` | Tell every later run of this repository; without words, list what was told. |
    | `/wiz forget NUMBER` | Take one of these notes back. |
    | `/wiz undo` | Take back what the run did on GitHub, as far as that goes. |
    | `/wiz selftest` | Try every part of wiz on this repository, and say what is missing. |
    | `/wiz help` | Show this list. |
    | `--max $2` | The most this run may spend; never above the repository's own cap. |
    | `--model NAME` | The model to use, if the server offers it. |
    | `--base BRANCH` | The branch to start from and to open the pull request against; the rules still come from the default branch. |
    | `--draft` | Open the pull request as a draft. |
    | `--plan auto\|ask` | `ask` waits for approval of the plan; `auto` does not, where the repository's gate allows it. |

    A command starts a line of its own, outside quotes and code. Instructions may go on in the paragraphs below it. Put `--` before instructions that contain words starting with `--`.
    ");
}

fn markdown() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("/wiz fix"),
        Just("/wiz plan --max $1"),
        Just("/wiz approve 1a2b3c4d"),
        Just("/wiz budget +$2"),
        Just("/wiz ci on"),
        Just("/wiz allow a.b"),
        Just("/wiz feature --draft --plan ask"),
        Just("--base x"),
        Just("/WIZ "),
        Just("/wiz"),
        Just("--max"),
        Just("--"),
        Just("--model=x"),
        Just("\n"),
        Just("\n\n"),
        Just("\r"),
        Just("    "),
        Just(" "),
        Just("> "),
        Just("- "),
        Just("`"),
        Just("```"),
        Just("<!--"),
        Just("-->"),
        Just("<div>"),
        Just("["),
        Just("](x)"),
        Just("]: "),
        Just("| a |\n| - |\n"),
        Just("word"),
        Just("é\u{200b}"),
        Just("\u{0}"),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(text: String, previous: Option<String>) {
        drop(parse(&text, previous.as_deref()));
    }

    #[test]
    fn the_normal_form_reads_as_itself(text in markdown()) {
        for command in parse(&text, None).into_iter().flatten() {
            let normal = command.to_string();
            let again = parse(&normal, None);
            prop_assert_eq!(again.len(), 1, "{:?}", normal);
            let again = again.into_iter().next().and_then(Result::ok);
            let again = again.map(|command| command.to_string());
            prop_assert_eq!(again.as_deref(), Some(normal.as_str()));
        }
    }

    #[test]
    fn nothing_is_new_in_the_same_text(text in markdown()) {
        prop_assert_eq!(parse(&text, Some(&text)), vec![]);
    }

    #[test]
    fn quotes_and_code_command_nothing(text in markdown()) {
        let quoted: String = text.split(['\n', '\r']).map(|line| format!("> {line}\n")).collect();
        prop_assert_eq!(parse(&quoted, None), vec![]);
        let indented: String = text.split(['\n', '\r']).map(|line| format!("    {line}\n")).collect();
        prop_assert_eq!(parse(&indented, None), vec![]);
        let fenced = format!("~~~\n{text}\n~~~");
        prop_assert_eq!(parse(&fenced, None), vec![]);
        let hidden = format!("<!--\n{}\n-->", text.replace("-->", "-- >"));
        prop_assert_eq!(parse(&hidden, None), vec![]);
    }
}

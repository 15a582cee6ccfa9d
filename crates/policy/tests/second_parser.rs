//! Commands beside a second parser of the shell's language: what we call understood in full, it must read the same,
//! word by word. The other one is only given what our own bounds accepted.
#![allow(clippy::print_stdout, reason = "the counts are what the test is run for")]

use std::collections::BTreeSet;

use brush_parser::ast::{
    AndOr, Command, CommandPrefixOrSuffixItem as Item, CompoundCommand, CompoundList, IoFileRedirectKind as Kind,
    IoFileRedirectTarget, IoRedirect, Pipeline, SimpleCommand,
};
use brush_parser::word::{WordPiece, WordPieceWithSource};
use brush_parser::{Parser, ParserOptions};
use stockade_policy::command::{Analysis, Role, Simple, analyze};

#[derive(serde::Deserialize)]
struct Row {
    cmd: String,
}

#[test]
fn a_second_parser_sees_the_same_commands() {
    let corpus = include_str!("corpus/commands.jsonl");
    let corpus = corpus.lines().map(|line| serde_json::from_str::<Row>(line).expect("a row").cmd);
    let mut counts = [("corpus", corpus.collect::<BTreeSet<_>>()), ("generated", generated())];
    let mut wrong = Vec::new();
    for (name, commands) in &mut counts {
        let (mut same, mut opaque, mut known) = (0, 0, 0);
        for command in commands.iter() {
            let analysis = analyze(command);
            if analysis.opaque.is_some() {
                opaque += 1;
                continue;
            }
            match compare(command, &analysis) {
                Ok(()) => same += 1,
                Err(_) if KNOWN.iter().any(|(piece, _)| squeezed(command).contains(piece)) => known += 1,
                Err(why) => wrong.push(format!("{command:?}: {why}\n    ours: {:?}", words(&analysis.commands))),
            }
        }
        println!("{name}: {same} read alike, {known} known to differ, {opaque} not understood by us");
        assert!(same > 400, "{name}: only {same} were compared");
    }
    assert!(wrong.is_empty(), "{} read differently:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_negation_stands_once_at_the_start_of_a_pipeline() {
    for refused in ["ls;&>/dev/null", "ls | ! wc", "ls |& ! wc", "! ! ls", "ls | ! ! wc"] {
        assert!(analyze(refused).opaque.is_some(), "{refused}");
    }
    for fine in ["! ls | wc", "ls && ! wc", "ls; ! wc", "ls\n! wc", "ls ! wc"] {
        assert_eq!(compare(fine, &analyze(fine)), Ok(()), "{fine}");
        assert_eq!(analyze(fine).opaque, None, "{fine}");
    }
}

/// What the shells themselves read differently, with the reason.
const KNOWN: &[(&str, &str)] =
    &[("time |", "a program to dash and to us, and a keyword without a command, which is an error, to bash")];

/// Runs of blanks as one.
fn squeezed(command: &str) -> String {
    command.split(' ').filter(|piece| !piece.is_empty()).collect::<Vec<_>>().join(" ")
}

/// One simple command, as the other parser sees it.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    words: Vec<String>,
    writes: Vec<String>,
    reads: Vec<String>,
    variables: Vec<(String, String)>,
}

fn compare(command: &str, analysis: &Analysis) -> Result<(), String> {
    let mut ours = analysis.commands.iter();
    consume(command, &mut ours)?;
    match ours.next() {
        None => Ok(()),
        Some(more) => Err(format!("we see more: {more:?}")),
    }
}

/// Holds the commands of a text to ours, in order.
fn consume<'a>(text: &str, ours: &mut impl Iterator<Item = &'a Simple>) -> Result<(), String> {
    for seen in parse(text)? {
        let mut rest = seen.words.as_slice();
        let mut first = true;
        let mut script = None;
        // We split a wrapper from what it runs.
        while first || !rest.is_empty() {
            let Some(simple) = ours.next() else { return Err(format!("it sees more: {seen:?}")) };
            let own: Vec<&str> = simple.words.iter().map(|word| word.text.as_str()).collect();
            if !rest.iter().map(String::as_str).take(own.len()).eq(own.iter().copied()) {
                return Err(format!("it sees {rest:?} where we see {own:?}"));
            }
            rest = rest.get(own.len()..).unwrap_or_default();
            if std::mem::take(&mut first) {
                compare_rest(&seen, simple)?;
            }
            script = match own.as_slice() {
                // Where we do not see through a shell, it stands for itself, and is not allowed.
                [shell, "-c", text] if simple.role == Role::Wrapper && is_shell(shell) => Some(*text),
                _ => None,
            };
        }
        if let Some(script) = script {
            consume(script, ours)?;
        }
    }
    Ok(())
}

fn is_shell(word: &str) -> bool {
    ["sh", "bash", "dash"].contains(&word.rsplit('/').next().unwrap_or(word))
}

fn compare_rest(seen: &Seen, simple: &Simple) -> Result<(), String> {
    let text =
        |words: &[stockade_policy::command::Word]| words.iter().map(|word| word.text.clone()).collect::<Vec<_>>();
    let variables: Vec<_> = simple.variables.iter().map(|(name, value)| (name.clone(), value.text.clone())).collect();
    if seen.writes != text(&simple.writes) || seen.reads != text(&simple.reads) {
        return Err(format!("it redirects {seen:?}, we {simple:?}"));
    }
    if seen.variables == variables { Ok(()) } else { Err(format!("it sets {:?}, we {variables:?}", seen.variables)) }
}

fn words(commands: &[Simple]) -> Vec<Vec<&str>> {
    commands.iter().map(|simple| simple.words.iter().map(|word| word.text.as_str()).collect()).collect()
}

fn parse(text: &str) -> Result<Vec<Seen>, String> {
    let program = Parser::new(text.as_bytes(), &ParserOptions::default()).parse_program();
    let program = program.map_err(|error| format!("it does not parse: {error}"))?;
    let mut seen = Vec::new();
    for list in &program.complete_commands {
        of_list(list, &mut seen)?;
    }
    Ok(seen)
}

fn of_list(list: &CompoundList, seen: &mut Vec<Seen>) -> Result<(), String> {
    for item in &list.0 {
        of_pipeline(&item.0.first, seen)?;
        for next in &item.0.additional {
            let (AndOr::And(pipeline) | AndOr::Or(pipeline)) = next;
            of_pipeline(pipeline, seen)?;
        }
    }
    Ok(())
}

fn of_pipeline(pipeline: &Pipeline, seen: &mut Vec<Seen>) -> Result<(), String> {
    let mut time = pipeline.timed.as_ref().map(|timed| match timed {
        brush_parser::ast::PipelineTimed::Timed(_) => vec!["time".to_owned()],
        brush_parser::ast::PipelineTimed::TimedWithPosixOutput(_) => vec!["time".to_owned(), "-p".to_owned()],
    });
    if pipeline.seq.is_empty() {
        seen.extend(time.take().map(|words| Seen { words, ..Seen::default() }));
    }
    for command in &pipeline.seq {
        let simple = match command {
            Command::Simple(simple) => simple,
            Command::Compound(compound, None) => {
                of_compound(compound, seen)?;
                continue;
            }
            other => return Err(format!("it sees a construct: {other}")),
        };
        let mut one = of_simple(simple)?;
        if let Some(mut time) = time.take() {
            time.append(&mut one.words);
            one.words = time;
        }
        seen.push(one);
    }
    Ok(())
}

/// The commands of a construct, those of a loop once for each of its words.
fn of_compound(compound: &CompoundCommand, seen: &mut Vec<Seen>) -> Result<(), String> {
    match compound {
        CompoundCommand::IfClause(clause) => {
            of_list(&clause.condition, seen)?;
            of_list(&clause.then, seen)?;
            clause.elses.iter().flatten().try_for_each(|other| {
                other.condition.iter().try_for_each(|condition| of_list(condition, seen))?;
                of_list(&other.body, seen)
            })
        }
        CompoundCommand::ForClause(clause) => {
            let mut turn = Vec::new();
            of_list(&clause.body.list, &mut turn)?;
            let variable = format!("${}", clause.variable_name);
            for value in clause.values.iter().flatten() {
                let value = plain(&value.value)?;
                let bound = |words: &[String]| words.iter().map(|word| word.replace(&variable, &value)).collect();
                seen.extend(turn.iter().map(|one| Seen {
                    words: bound(&one.words),
                    writes: one.writes.clone(),
                    reads: one.reads.clone(),
                    variables: one.variables.clone(),
                }));
            }
            Ok(())
        }
        other => Err(format!("it sees a construct: {other}")),
    }
}

fn of_simple(simple: &SimpleCommand) -> Result<Seen, String> {
    let mut seen = Seen::default();
    let prefix = simple.prefix.iter().flat_map(|prefix| &prefix.0);
    let suffix = simple.suffix.iter().flat_map(|suffix| &suffix.0);
    prefix.clone().try_for_each(|item| of_item(item, true, &mut seen))?;
    if let Some(name) = &simple.word_or_name {
        seen.words.push(plain(&name.value)?);
    }
    suffix.clone().try_for_each(|item| of_item(item, false, &mut seen))?;
    Ok(seen)
}

fn of_item(item: &Item, before: bool, seen: &mut Seen) -> Result<(), String> {
    match item {
        Item::Word(word) => seen.words.push(plain(&word.value)?),
        Item::AssignmentWord(_, word) => {
            let text = plain(&word.value)?;
            match text.split_once('=') {
                Some((name, value)) if before => seen.variables.push((name.to_owned(), value.to_owned())),
                _ => seen.words.push(text),
            }
        }
        Item::IoRedirect(IoRedirect::File(_, kind, IoFileRedirectTarget::Filename(name))) => match kind {
            Kind::Read => seen.reads.push(plain(&name.value)?),
            Kind::Write | Kind::Append | Kind::Clobber => seen.writes.push(plain(&name.value)?),
            _ => return Err(format!("it sees a redirection: {item}")),
        },
        // Ours count for what they cannot do: they name no file but the null device.
        Item::IoRedirect(
            IoRedirect::File(_, Kind::DuplicateOutput, _) | IoRedirect::HereDocument(..) | IoRedirect::HereString(..),
        ) => {}
        Item::IoRedirect(IoRedirect::OutputAndError(word, _)) if word.value == "/dev/null" => {}
        Item::IoRedirect(_) | Item::ProcessSubstitution(..) => return Err(format!("it sees a redirection: {item}")),
    }
    Ok(())
}

/// A word without its quotes, variables as `$NAME`.
fn plain(word: &str) -> Result<String, String> {
    let pieces = brush_parser::word::parse(word, &ParserOptions::default())
        .map_err(|error| format!("it cannot read the word {word:?}: {error}"))?;
    let mut text = String::new();
    pieces.iter().try_for_each(|piece| of_piece(word, piece, &mut text))?;
    Ok(text)
}

fn of_piece(word: &str, piece: &WordPieceWithSource, text: &mut String) -> Result<(), String> {
    let written = || word.get(piece.start_index..piece.end_index).unwrap_or_default();
    match &piece.piece {
        WordPiece::Text(plain) | WordPiece::SingleQuotedText(plain) => text.push_str(plain),
        WordPiece::EscapeSequence(escaped) => text.push_str(escaped.strip_prefix('\\').unwrap_or(escaped)),
        WordPiece::DoubleQuotedSequence(pieces) => {
            return pieces.iter().try_for_each(|piece| of_piece(word, piece, text));
        }
        WordPiece::TildeExpansion(_) | WordPiece::ParameterExpansion(_) => {
            text.push_str(&written().replace(['{', '}'], ""));
        }
        other => return Err(format!("it sees an expansion: {other:?}")),
    }
    Ok(())
}

/// Pieces of syntax in random order, of which we understand some.
fn generated() -> BTreeSet<String> {
    let pieces = [
        "ls", "wc -l", "grep -e", "git log", "x", "a=b", "A=1 ", "é", " ", " ", " ", " ", "\t", ";", "|", "&&", "||",
        "|&", "\n", "\\ ", "\\$", "\\\"", "\\\\", "'", "'a b'", "'\"'", "\"", "\"a 'b'\"", "\"\\$x\"", "\"\\a\"", "$",
        "$HOME", "\"$PWD/x\"", "\"${USER}\"", "$?", "~", "~/x", "*", "?.c", "[ab]", "#", " # c", "!", " ! ", "{", "}",
        "{a}", ">", ">>", "<", "2>&1", ">/dev/null", "2>/dev/null", "&>/dev/null", "<<'E'\nt\nE\n", "<<E\nt\nE\n",
        "<<<x", "env ", "env -i B=2 ", "nice -n 5 ", "time ", "timeout 5 ", "xargs -0 ", "sh -c 'ls; wc'",
        "bash -c \"x y\"", "command ", "cd src", "true", "set -e", "test -f x", "[ a ]", "if ls; then ", "; fi",
        "; else ", "for f in a 'b c'; do ", "\"$f\"", "; done", "=", "-", "--", ",", "..", ":", "%", "@", "+", "^",
        "1", "12", "2",
    ];
    let mut random = 0xb0b_u64;
    let mut next = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(random >> 33).expect("small") % below
    };
    let soup = |_| (0..2 + next(9)).map(|_| pieces[next(pieces.len())]).collect();
    (0..60_000).map(soup).collect()
}

//! The order of the layers, as a test: reads `src/` and fails on what a module must not name or do.

#[path = "layering/rules.rs"]
mod rules;
#[path = "layering/source.rs"]
mod source;

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    path::Path as FilePath,
};

use rules::{
    CLOCK, CRATES, LONG_FILES, MAX_INLINE_TEST_LINES, MAX_LINES, ROOT, SANS_IO, UNITS, Unit,
};
use source::{Path, Source};

/// The modules of a crate by their paths, `http2::frame` for one.
struct Modules(BTreeMap<String, Source>);

impl Modules {
    /// Reads every file below `src/`.
    fn of_this_crate() -> Self {
        let files = files();
        let texts = files.iter().map(|(file, text)| (&**file, &**text));
        Self::of(texts)
    }

    /// `texts`: files relative to `src/`, and what they say.
    fn of<'a>(texts: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut modules: BTreeMap<_, _> = texts
            .into_iter()
            .map(|(file, text)| (module_of(file), Source::read(text)))
            .collect();
        let tests: Vec<String> = modules
            .iter()
            .flat_map(|(path, source)| {
                let names = source.test_modules.iter();
                names.map(move |name| join(path, name))
            })
            .collect();
        modules.retain(|path, _| !tests.iter().any(|test| is_within(path, test)));
        Self(modules)
    }

    /// Everything that is wrong, a line each.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (path, source) in &self.0 {
            match unit_of(path) {
                Some(unit) => {
                    self.name_faults(path, source, unit, &mut faults);
                    crate_faults(path, source, unit, &mut faults);
                }
                None if path == ROOT => {}
                None => faults.push(format!("{path}: stands in no row of the table")),
            }
            purity_faults(path, source, &mut faults);
        }
        faults.dedup();
        faults
    }

    fn name_faults(&self, path: &str, source: &Source, unit: &Unit, faults: &mut Vec<String>) {
        let uses = source.uses.iter().map(|(_, used)| used);
        for named in uses.chain(&source.mentions) {
            let Some(target) = self.resolve(path, &named.segments, 0) else {
                continue;
            };
            let Some(other) = unit_of(&target) else {
                continue;
            };
            if !may_name(unit, other) {
                let line = named.line;
                let (unit, other) = (unit.path, other.path);
                faults.push(format!("{path}:{line}: {unit} must not name {other}"));
            }
        }
    }

    /// The module that defines what a path names, seen from `module`; `None` if not of this crate.
    fn resolve(&self, module: &str, segments: &[String], depth: u8) -> Option<String> {
        let mut at = match segments.first()?.as_str() {
            "crate" => String::new(),
            "self" => module.to_owned(),
            "super" => parent(module)?.to_owned(),
            first => {
                let local = join(module, first);
                if !self.0.contains_key(&local) {
                    return None;
                }
                local
            }
        };
        for (index, segment) in segments.iter().enumerate().skip(1) {
            if segment == "super" {
                at = parent(&at)?.to_owned();
                continue;
            }
            let below = join(&at, segment);
            if self.0.contains_key(&below) {
                at = below;
                continue;
            }
            // A name that the module has from elsewhere.
            let uses = self.0.get(&at).map_or(&[][..], |source| &source.uses);
            let origin = uses.iter().find(|(name, _)| name == segment);
            if let Some((_, origin)) = origin
                && depth < 8
            {
                let mut onwards = origin.segments.clone();
                onwards.extend_from_slice(&segments[index + 1..]);
                return self.resolve(&at, &onwards, depth + 1).or(Some(at));
            }
            break;
        }
        Some(at)
    }
}

fn may_name(unit: &Unit, other: &Unit) -> bool {
    if unit.path == other.path {
        return true;
    }
    if unit.layer == other.layer {
        return unit.equals.contains(&other.path);
    }
    let is_blind = unit
        .blind_to
        .iter()
        .any(|hidden| is_within(other.path, hidden));
    unit.layer > other.layer && !is_blind
}

fn crate_faults(path: &str, source: &Source, unit: &Unit, faults: &mut Vec<String>) {
    let uses = source.uses.iter().map(|(_, used)| used);
    for Path { segments, line } in uses.chain(&source.mentions) {
        let first = segments[0].as_str();
        if CRATES.contains(&first) && !unit.crates.contains(&first) {
            faults.push(format!("{path}:{line}: {} must not use {first}", unit.path));
        }
    }
}

fn purity_faults(path: &str, source: &Source, faults: &mut Vec<String>) {
    let mut forbid = |wanted: &[&str]| {
        if let Some(line) = source.find(wanted) {
            let what = wanted.concat();
            faults.push(format!("{path}:{line}: {what} is not for this module"));
        }
    };
    if path != CLOCK {
        forbid(&["Instant", "::", "now"]);
        forbid(&["SystemTime"]);
        forbid(&[".", "elapsed", "("]);
    }
    if SANS_IO.iter().any(|pure| is_within(path, pure)) {
        for wanted in ["tokio", "async", "await", "println", "eprintln", "dbg"] {
            forbid(&[wanted]);
        }
    }
    let uses = source.uses.iter().map(|(_, used)| used);
    for Path { segments, line } in uses.chain(&source.mentions) {
        let names_environment = segments.len() > 1 && segments[..2] == ["std", "env"];
        // STYLE §3: no environment variable is read in the library.
        if names_environment {
            faults.push(format!("{path}:{line}: std::env is not for a library"));
        }
    }
}

/// The row of a module: the one whose path is the longest that it lies within.
fn unit_of(module: &str) -> Option<&'static Unit> {
    UNITS
        .iter()
        .filter(|unit| is_within(module, unit.path))
        .max_by_key(|unit| unit.path.len())
}

fn is_within(module: &str, outer: &str) -> bool {
    module
        .strip_prefix(outer)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn join(module: &str, name: &str) -> String {
    match module {
        "" => name.to_owned(),
        module => format!("{module}::{name}"),
    }
}

fn parent(module: &str) -> Option<&str> {
    match module {
        "" => None,
        module => Some(module.rsplit_once("::").map_or("", |(parent, _)| parent)),
    }
}

fn module_of(file: &str) -> String {
    let path = file.trim_end_matches(".rs").replace('/', "::");
    match path.as_str() {
        "lib" => String::new(),
        path => path.trim_end_matches("::mod").to_owned(),
    }
}

/// Every file below `src/`, by its path there, and its text.
fn files() -> Vec<(String, String)> {
    fn walk(folder: &FilePath, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).expect("src is readable") {
            let path = entry.expect("src is readable").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("source is UTF-8");
                found.push((path.to_string_lossy().into_owned(), text));
            }
        }
    }
    let root = FilePath::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &mut found);
    let prefix = format!("{}/", root.to_string_lossy());
    for (file, _) in &mut found {
        *file = file.trim_start_matches(&prefix).to_owned();
    }
    found
}

fn faults_of(file: &str, text: &str) -> Vec<String> {
    // Modules that the snippets name.
    let others = ["http2/mod.rs", "http2/engine/mod.rs", "pool/mod.rs"];
    let stubs = others.iter().filter(|other| **other != file).map(|other| {
        let stub = match *other {
            "http2/mod.rs" => "pub mod engine; pub use self::{engine::Engine};",
            _ => "",
        };
        (*other, stub)
    });
    Modules::of(stubs.chain([(file, text)])).faults()
}

#[test]
fn no_module_names_one_above_it() {
    let faults = Modules::of_this_crate().faults();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn no_file_is_long_without_a_reason() {
    let mut faults = Vec::new();
    let mut excused: HashSet<_> = LONG_FILES.iter().map(|(file, _)| *file).collect();
    for (file, text) in files() {
        let lines = text.lines().count();
        let is_excused = excused.remove(&*file);
        if lines > MAX_LINES && !is_excused {
            faults.push(format!("{file}: {lines} lines: what is it really two of?"));
        }
        if lines <= MAX_LINES && is_excused {
            faults.push(format!("{file}: needs its exception no more"));
        }
        let test_lines = Source::read(&text).inline_test_lines;
        if test_lines > MAX_INLINE_TEST_LINES {
            faults.push(format!(
                "{file}: {test_lines} lines of tests: give them a file"
            ));
        }
    }
    faults.extend(excused.iter().map(|file| format!("{file}: is not there")));
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_long_file_says_why() {
    for (file, reason) in LONG_FILES {
        assert!(reason.len() > 20, "{file}");
    }
}

#[test]
fn a_name_from_above_is_found_however_it_is_written() {
    for text in [
        "use crate::pool::Pool;",
        "use crate::{error::Error, pool::{Pool, self}};",
        "use super::super::pool;",
        "fn f() { crate::pool::f() }",
        "struct S(super::super::pool::Pool);",
        "pub(crate) use crate::pool::Pool as P;",
    ] {
        let faults = faults_of("http2/engine/mod.rs", text);
        assert_eq!(faults.len(), 1, "{text}: {faults:?}");
        assert!(faults[0].contains("must not name pool"), "{faults:?}");
    }
}

#[test]
fn a_name_that_a_facade_passes_on_counts_as_where_it_comes_from() {
    let faults = faults_of("http2/frame.rs", "use crate::http2::Engine;");
    assert_eq!(
        faults,
        ["http2::frame:1: http2::frame must not name http2::engine"]
    );
}

#[test]
fn layers_that_are_blind_to_lower_ones_are_held_to_it() {
    let faults = faults_of("pool/mod.rs", "use crate::http2::engine::Event;");
    assert_eq!(faults, ["pool:1: pool must not name http2::engine"]);
}

#[test]
fn what_the_engine_must_not_do_is_found() {
    for text in [
        "async fn f() {}",
        "fn f() { let now = std::time::Instant::now(); }",
        "use std::time::SystemTime;",
        "fn f() { println!(\"x\") }",
        "use tokio::sync::Mutex;",
        "fn f() { std::env::var(\"X\"); }",
        "use std::{env, fmt};",
        "fn f(t: std::time::Instant) { t.elapsed(); }",
    ] {
        let faults = faults_of("http2/engine/mod.rs", text);
        assert!(!faults.is_empty(), "{text}");
    }
}

#[test]
fn the_clock_is_read_in_one_place() {
    let text = "fn now() { tokio::time::Instant::now(); }";
    assert_eq!(faults_of("pool/mod.rs", text).len(), 1);
    assert!(faults_of("clock.rs", text).is_empty());
}

#[test]
fn a_crate_that_is_not_for_a_module_is_found() {
    let faults = faults_of("error.rs", "use tokio::time::Sleep;");
    assert_eq!(faults, ["error:1: error must not use tokio"]);
}

#[test]
fn a_module_without_a_row_is_found() {
    assert_eq!(
        faults_of("novelty.rs", ""),
        ["novelty: stands in no row of the table"]
    );
}

#[test]
fn comments_literals_and_tests_are_not_source() {
    let text = r##"
        // use crate::pool::Pool;
        /* Instant::now /* nested */ println!() */
        const A: &str = "crate::pool \" tokio";
        const B: &str = r#"println!("async")"#;
        const C: [char; 2] = ['"', '\''];
        fn f<'a>(x: &'a str) -> &'a str { x }
        #[cfg(test)]
        mod tests {
            fn f() { println!("{:?}", std::time::Instant::now()); }
        }
        #[test]
        fn g() { tokio::test(); }
    "##;
    assert!(faults_of("http2/engine/mod.rs", text).is_empty());
    // What follows a test is source again.
    let text = "#[cfg(test)] mod tests; fn f() { println!() }";
    assert_eq!(faults_of("http2/engine/mod.rs", text).len(), 1);
    // And what only a test leaves out is source.
    let text = "#[cfg(not(test))] fn f() { println!() }";
    assert_eq!(faults_of("http2/engine/mod.rs", text).len(), 1);
}

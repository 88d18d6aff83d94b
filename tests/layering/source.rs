//! Rust source as far as the layers need it: identifiers, paths, and what only tests compile.
//!
//! A lexer and a reader of `use` trees, not a parser: enough to say which paths a file names.

/// A word or a sign of the source, with its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// A path that the source names, with its line: `crate::error::Error` as four words less three.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
}

/// What one file says, without comments, literals and what only tests compile.
#[derive(Debug, Default)]
pub(crate) struct Source {
    pub(crate) tokens: Vec<Token>,
    /// Paths of `use` items, and the name under which each is known here.
    pub(crate) uses: Vec<(String, Path)>,
    /// Paths that stand anywhere else.
    pub(crate) mentions: Vec<Path>,
    /// Modules that are declared for tests alone.
    pub(crate) test_modules: Vec<String>,
    /// The longest test module that stands in the file itself, in lines.
    pub(crate) inline_test_lines: usize,
}

impl Source {
    pub(crate) fn read(text: &str) -> Self {
        let mut source = Self::default();
        let all = tokens(text);
        source.tokens = source.without_tests(&all);
        source.find_paths();
        source
    }

    /// Whether these tokens stand somewhere in this order; the line of the first.
    pub(crate) fn find(&self, wanted: &[&str]) -> Option<usize> {
        self.tokens
            .windows(wanted.len())
            .find(|tokens| {
                tokens
                    .iter()
                    .zip(wanted)
                    .all(|(token, text)| token.text == *text)
            })
            .map(|tokens| tokens[0].line)
    }

    /// Leaves out items under `#[cfg(test)]` and `#[test]`, and notes what they were.
    fn without_tests(&mut self, all: &[Token]) -> Vec<Token> {
        let mut kept = Vec::new();
        let mut index = 0;
        while index < all.len() {
            let Some(end) = attribute_end(all, index) else {
                kept.push(all[index].clone());
                index += 1;
                continue;
            };
            if !is_test_attribute(&all[index..end]) {
                kept.extend_from_slice(&all[index..end]);
                index = end;
                continue;
            }
            let end_of_item = item_end(all, end);
            self.note_test_item(&all[end..end_of_item]);
            index = end_of_item;
        }
        kept
    }

    fn note_test_item(&mut self, item: &[Token]) {
        let Some(at) = item.iter().position(|token| token.text == "mod") else {
            return;
        };
        let (Some(name), Some(next)) = (item.get(at + 1), item.get(at + 2)) else {
            return;
        };
        if next.text == ";" {
            self.test_modules.push(name.text.clone());
        } else {
            let last = item.last().map_or(name.line, |token| token.line);
            self.inline_test_lines = self.inline_test_lines.max(last - name.line + 1);
        }
    }

    fn find_paths(&mut self) {
        let mut index = 0;
        while index < self.tokens.len() {
            if self.tokens[index].text == "use" {
                let mut reader = UseReader {
                    tokens: &self.tokens,
                    index: index + 1,
                    found: Vec::new(),
                };
                reader.tree(&mut Vec::new());
                index = reader.index;
                self.uses.append(&mut reader.found);
                continue;
            }
            let path = path_at(&self.tokens, index);
            // `pub(in crate::http2)` says who may name this, not what it names.
            let is_visibility = index > 1
                && self.tokens[index - 1].text == "in"
                && self.tokens[index - 2].text == "(";
            index += path.len().max(1) * 2 - 1;
            if path.len() > 1 && !is_visibility {
                let line = self.tokens[index - 1].line;
                self.mentions.push(Path {
                    segments: path,
                    line,
                });
            }
        }
    }
}

/// Reads the tree of one `use` item.
struct UseReader<'a> {
    tokens: &'a [Token],
    index: usize,
    found: Vec<(String, Path)>,
}

impl UseReader<'_> {
    fn text(&self) -> &str {
        self.tokens.get(self.index).map_or(";", |token| &token.text)
    }

    fn line(&self) -> usize {
        self.tokens.get(self.index).map_or(0, |token| token.line)
    }

    /// One branch, up to the `,`, `}` or `;` that ends it.
    fn tree(&mut self, prefix: &mut Vec<String>) {
        let depth = prefix.len();
        loop {
            match self.text() {
                "::" => self.index += 1,
                "{" => {
                    self.group(prefix);
                    break;
                }
                "," | "}" | ";" => {
                    self.leaf(prefix, None);
                    break;
                }
                "as" => {
                    self.index += 1;
                    let name = self.text().to_owned();
                    self.leaf(prefix, Some(name));
                    self.index += 1;
                    break;
                }
                _ => {
                    let word = self.text().to_owned();
                    self.index += 1;
                    // `self` within braces is the prefix itself.
                    if word != "self" || prefix.is_empty() {
                        prefix.push(word);
                    }
                }
            }
        }
        prefix.truncate(depth);
    }

    fn group(&mut self, prefix: &mut Vec<String>) {
        self.index += 1;
        while self.text() != "}" && self.text() != ";" {
            if self.text() == "," {
                self.index += 1;
            } else {
                self.tree(prefix);
            }
        }
        self.index += 1;
    }

    fn leaf(&mut self, prefix: &[String], alias: Option<String>) {
        let Some(last) = prefix.last() else {
            return;
        };
        let path = Path {
            segments: prefix.to_vec(),
            line: self.line(),
        };
        self.found
            .push((alias.unwrap_or_else(|| last.clone()), path));
    }
}

/// The words of a path that begins at `index`; empty if none does.
fn path_at(tokens: &[Token], index: usize) -> Vec<String> {
    let mut segments = Vec::new();
    let mut next = index;
    while let Some(word) = tokens.get(next).filter(|token| is_word(&token.text)) {
        segments.push(word.text.clone());
        let goes_on = tokens.get(next + 1).is_some_and(|token| token.text == "::")
            && tokens
                .get(next + 2)
                .is_some_and(|token| is_word(&token.text));
        if !goes_on {
            break;
        }
        next += 2;
    }
    segments
}

fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Where the attribute that begins at `index` ends, if one does.
fn attribute_end(tokens: &[Token], index: usize) -> Option<usize> {
    if tokens[index].text != "#" {
        return None;
    }
    let open = match tokens.get(index + 1)?.text.as_str() {
        "[" => index + 1,
        "!" => index + 2,
        _ => return None,
    };
    Some(closing(tokens, open) + 1)
}

/// `#[test]`, `#[tokio::test]`, `#[cfg(test)]` and `#[cfg(all(test, …))]`, but not `cfg(not(test))`.
fn is_test_attribute(attribute: &[Token]) -> bool {
    let has = |wanted: &str| attribute.iter().any(|token| token.text == wanted);
    has("test") && !has("not") && !has("cfg_attr")
}

/// Where the item ends that begins at `index`: after its `;` or its closing brace.
fn item_end(tokens: &[Token], index: usize) -> usize {
    let mut index = index;
    while index < tokens.len() {
        match tokens[index].text.as_str() {
            ";" => return index + 1,
            "{" => return closing(tokens, index) + 1,
            "(" | "[" => index = closing(tokens, index) + 1,
            _ => index += 1,
        }
    }
    index
}

/// The bracket that closes the one at `open`.
fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return index;
        }
    }
    tokens.len() - 1
}

/// Words and signs, without comments and literals.
fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut lexer = Lexer {
        chars: &chars,
        index: 0,
        line: 1,
        tokens: Vec::new(),
    };
    while lexer.index < chars.len() {
        lexer.step();
    }
    lexer.tokens
}

struct Lexer<'a> {
    chars: &'a [char],
    index: usize,
    line: usize,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn at(&self, ahead: usize) -> char {
        self.chars.get(self.index + ahead).copied().unwrap_or('\0')
    }

    fn step(&mut self) {
        match (self.at(0), self.at(1)) {
            ('/', '/') => self.skip_while(|lexer| lexer.at(0) != '\n'),
            ('/', '*') => self.block_comment(),
            ('"', _) => self.string(),
            ('\'', _) => self.quote(),
            (':', ':') => self.push(2),
            (first, _) if first.is_whitespace() => self.advance(),
            (first, _) if first.is_alphanumeric() || first == '_' => self.word(),
            _ => self.push(1),
        }
    }

    fn advance(&mut self) {
        if self.at(0) == '\n' {
            self.line += 1;
        }
        self.index += 1;
    }

    fn skip_while(&mut self, goes_on: impl Fn(&Self) -> bool) {
        while self.index < self.chars.len() && goes_on(self) {
            self.advance();
        }
    }

    fn push(&mut self, length: usize) {
        let text = self.chars[self.index..self.index + length].iter().collect();
        self.tokens.push(Token {
            text,
            line: self.line,
        });
        self.index += length;
    }

    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        loop {
            match (self.at(0), self.at(1)) {
                ('/', '*') => (depth, self.index) = (depth + 1, self.index + 2),
                ('*', '/') => (depth, self.index) = (depth - 1, self.index + 2),
                ('\0', _) => return,
                _ => self.advance(),
            }
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        self.advance();
        while self.index < self.chars.len() && self.at(0) != '"' {
            if self.at(0) == '\\' {
                self.advance();
            }
            self.advance();
        }
        self.advance();
    }

    /// A character, or a lifetime.
    fn quote(&mut self) {
        if self.at(1) == '\\' {
            self.index += 3;
            self.skip_while(|lexer| lexer.at(0) != '\'');
            self.advance();
        } else if self.at(2) == '\'' {
            self.index += 3;
        } else {
            self.index += 1;
            self.skip_while(|lexer| lexer.at(0).is_alphanumeric() || lexer.at(0) == '_');
        }
    }

    /// A word, a number, or what stands before a raw or octet string.
    fn word(&mut self) {
        let start = self.index;
        self.skip_while(|lexer| lexer.at(0).is_alphanumeric() || lexer.at(0) == '_');
        let text: String = self.chars[start..self.index].iter().collect();
        match (text.as_str(), self.at(0)) {
            ("r" | "br" | "cr", '"' | '#') => self.raw_string(),
            ("b" | "c", '"') => self.string(),
            ("b", '\'') => self.quote(),
            _ => {
                let line = self.line;
                self.tokens.push(Token { text, line });
            }
        }
    }

    fn raw_string(&mut self) {
        let start = self.index;
        self.skip_while(|lexer| lexer.at(0) == '#');
        let hashes = self.index - start;
        self.advance();
        self.skip_while(|lexer| {
            let ends = lexer.at(0) == '"' && (1..=hashes).all(|ahead| lexer.at(ahead) == '#');
            !ends
        });
        self.index += hashes + 1;
    }
}

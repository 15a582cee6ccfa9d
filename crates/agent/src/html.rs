//! A web page as plain text. Owns no tree: the page is read token by token, so that neither its
//! nesting nor its unclosed elements can cost a stack or a quadratic search. What a page hides from
//! a person (by style or script) is not hidden here; the text is untrusted either way.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};
use url::Url;

/// The text of a page: blocks on their own lines, list items and headings marked, links followed by
/// their absolute address. At most `max_chars` characters; the flag says that something was cut.
pub(crate) fn text(html: &str, base: &Url, max_chars: usize) -> (String, bool) {
    let page = RefCell::new(Page::new(base.clone(), max_chars.saturating_mul(4)));
    let tokenizer = Tokenizer::new(Sink(page), TokenizerOpts::default());
    let input = BufferQueue::default();
    let started = Instant::now();
    let mut rest = html;
    let mut cut = false;
    while !rest.is_empty() {
        let (piece, tail) = rest.split_at(rest.floor_char_boundary(PIECE));
        input.push_back(StrTendril::from(piece));
        // The sink never asks for a script to run, so the answer carries nothing.
        let _ = tokenizer.feed(&input);
        rest = tail;
        if started.elapsed() > PATIENCE || tokenizer.sink.0.borrow().full {
            cut = !rest.is_empty();
            break;
        }
    }
    tokenizer.end();
    let page = tokenizer.sink.0.into_inner();
    let text = page.text.trim();
    let clipped = text.char_indices().nth(max_chars).map(|(end, _)| end);
    (text.get(..clipped.unwrap_or(text.len())).unwrap_or_default().to_owned(), cut || page.full || clipped.is_some())
}

struct Sink(RefCell<Page>);

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        match token {
            Token::CharacterTokens(text) => self.0.borrow_mut().characters(&text),
            Token::TagToken(tag) => return self.0.borrow_mut().tag(&tag),
            Token::DoctypeToken(_)
            | Token::CommentToken(_)
            | Token::NullCharacterToken
            | Token::EOFToken
            | Token::ParseError(_) => {}
        }
        TokenSinkResult::Continue
    }
}

/// The text so far, and the little of the page's state that shapes it.
struct Page {
    base: Url,
    text: String,
    max_bytes: usize,
    full: bool,
    /// Inside an element whose text is not for reading.
    skipping: bool,
    /// Depth of `pre`, where white space counts.
    verbatim: usize,
    /// Address of the open link.
    link: Option<Url>,
}

impl Page {
    const fn new(base: Url, max_bytes: usize) -> Self {
        Self { base, text: String::new(), max_bytes, full: false, skipping: false, verbatim: 0, link: None }
    }

    fn tag(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let (name, open) = (tag.name.as_ref(), tag.kind == TagKind::StartTag);
        match name {
            "script" | "style" | "noscript" | "iframe" | "noembed" | "noframes" | "xmp" => {
                self.skipping = open;
                let kind = if name == "script" { RawKind::ScriptData } else { RawKind::Rawtext };
                if open {
                    return TokenSinkResult::RawData(kind);
                }
            }
            "title" | "textarea" => {
                self.line();
                if open {
                    return TokenSinkResult::RawData(RawKind::Rcdata);
                }
            }
            "a" => self.link(tag, open),
            "pre" => {
                self.line();
                self.verbatim = if open { self.verbatim + 1 } else { self.verbatim.saturating_sub(1) };
            }
            "li" if open => {
                self.line();
                self.push("- ");
            }
            "td" | "th" if !open => self.push(" | "),
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.line();
                if open {
                    self.push("# ");
                }
            }
            _ if BLOCKS.contains(&name) => self.line(),
            _ => {}
        }
        TokenSinkResult::Continue
    }

    fn link(&mut self, tag: &Tag, open: bool) {
        if let Some(address) = self.link.take() {
            self.push(&format!(" ({address})"));
        }
        if open {
            let href = tag.attrs.iter().find(|attribute| *attribute.name.local == *"href");
            let href = href.map(|attribute| attribute.value.trim()).filter(|href| !href.starts_with('#'));
            self.link = href
                .filter(|href| href.len() <= MAX_LINK)
                .and_then(|href| self.base.join(href).ok())
                .filter(|address| matches!(address.scheme(), "http" | "https") && address.as_str().len() <= MAX_LINK);
        }
    }

    fn characters(&mut self, text: &str) {
        if self.skipping {
            return;
        }
        if self.verbatim > 0 {
            self.push(text);
            return;
        }
        for (at, word) in text.split(|c: char| c.is_ascii_whitespace()).enumerate() {
            if at > 0 && !self.text.is_empty() && !self.text.ends_with([' ', '\n']) {
                self.push(" ");
            }
            self.push(word);
        }
    }

    /// Starts a new line, unless one has just begun.
    fn line(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.truncate(self.text.trim_end_matches(' ').len());
            self.push("\n");
        }
    }

    /// Short links with a long base address would otherwise multiply the input.
    fn push(&mut self, text: &str) {
        self.full |= self.text.len() + text.len() > self.max_bytes;
        if !self.full {
            self.text.push_str(text);
        }
    }
}

/// Bytes handed to the tokenizer between two looks at the clock.
const PIECE: usize = 4096;

/// A tag with very many attributes costs quadratic time in the tokenizer; this bounds it.
const PATIENCE: Duration = Duration::from_secs(2);

const MAX_LINK: usize = 2048;

/// table: elements that begin and end on their own line.
const BLOCKS: &[&str] = &[
    "address", "article", "aside", "blockquote", "body", "br", "button", "caption", "dd", "details", "dialog", "div",
    "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "header", "hr", "li", "main", "nav", "ol",
    "option", "p", "section", "select", "summary", "table", "tr", "ul",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn read(html: &str) -> String {
        text(html, &Url::parse("https://example.org/a/b").expect("a URL"), 10_000).0
    }

    #[test]
    fn a_page_reads_like_text() {
        let html = "<!doctype html><title>T &amp; U</title><style>p{}</style><script>if(a<b){'<p>no</p>'}</script>\
            <h1>Head</h1><p>One  two\n<b>three</b>.<p>Four<ul><li>x<li>y</ul><pre>a\n  b</pre>\
            See <a href=../c>this</a>, <a href='javascript:x()'>that</a> &eacute;&#x41;";
        let expected =
            "T & U\n# Head\nOne two three.\nFour\n- x\n- y\na\n  b\nSee this (https://example.org/c), that éA";
        assert_eq!(read(html), expected);
    }

    #[test]
    fn nesting_and_unclosed_elements_cost_no_stack() {
        for tag in ["<div>", "<b>", "<table>", "<a href=x>", "<svg>", "<select>", "<template>"] {
            let started = Instant::now();
            let (text, _) = text(&(tag.repeat((2 << 20) / tag.len()) + "end"), &base(), 1000);
            assert!(text.len() <= 4000, "{tag}");
            assert!(started.elapsed() < Duration::from_secs(5), "{tag} took {:?}", started.elapsed());
        }
    }

    #[test]
    fn a_tag_of_attributes_cannot_take_for_ever() {
        use std::fmt::Write as _;
        let mut html = String::from("before<a");
        for n in 0..250_000 {
            write!(html, " a{n}").expect("a string");
        }
        let started = Instant::now();
        let (text, _) = text(&(html + ">after"), &base(), 1000);
        assert!(text.starts_with("before"));
        assert!(started.elapsed() < Duration::from_secs(8), "took {:?}", started.elapsed());
    }

    #[test]
    fn output_is_bounded_whatever_the_input_multiplies() {
        let far = Url::parse(&format!("https://example.org/{}/", "d".repeat(1900))).expect("a URL");
        let (text, cut) = text(&"<a href=x>".repeat(100_000), &far, 500);
        assert!(cut && text.chars().count() <= 500);
    }

    fn base() -> Url {
        Url::parse("https://example.org/").expect("a URL")
    }
}

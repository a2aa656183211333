//! Words to commands.
//!
//! The grammar is GRUB 2.06's: no `&&`, no `||`, no pipes, no redirection, no `case`; a function only at the top; `{` only
//! behind a command's words; no construct may be empty.

use alloc::format;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

use crate::ast::{Block, Command, Kind, List, Part, Word};
use crate::lexer::{Keyword, Lexer, Token};
use crate::limits::MAX_DEPTH;
use crate::text::Lines;

/// What a command takes, besides its words.
const COMMAND: usize = 96;

/// Why a script can't be parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// Line number, from 1.
    pub line: u32,
    /// What was expected, and what was there.
    pub text: String,
}

/// What stands on a line, and on those behind it as far as a construct goes on in them. GRUB runs each such unit before it
/// looks at the next, and a syntax error spoils one unit.
pub(crate) struct Unit {
    /// The commands; an error spoils all of them.
    pub list: Result<List, SyntaxError>,
    /// The functions. They are defined even if there is an error behind them.
    pub functions: Vec<(String, Rc<List>)>,
    /// Memory that the commands take; that of a function stands beside it.
    pub cost: usize,
}

pub(crate) struct Parser<'a> {
    lexer: Lexer<'a>,
    peeked: Option<Token>,
    /// Line of the token that was read last.
    line: u32,
    depth: u32,
    functions: Vec<(String, Rc<List>)>,
}

type Parsed<T> = Result<T, SyntaxError>;

impl<'a> Parser<'a> {
    /// `most` is the memory that a unit may take.
    pub fn new(lines: Lines<'a>, most: usize) -> Self {
        Self { lexer: Lexer::new(lines, most), peeked: None, line: 0, depth: 0, functions: Vec::new() }
    }

    /// The next unit; `None` at the end.
    pub fn unit(&mut self) -> Option<Unit> {
        (self.peeked, self.depth) = (None, 0);
        if !self.lexer.begin() {
            return None;
        }
        let list = self.script();
        Some(Unit { list, functions: core::mem::take(&mut self.functions), cost: self.lexer.cost })
    }

    /// A unit took more memory than it may.
    pub fn is_exhausted(&self) -> bool {
        self.lexer.is_exhausted()
    }

    fn peek(&mut self) -> &Token {
        if self.peeked.is_none() {
            self.peeked = Some(self.lexer.next());
            self.line = self.lexer.line();
        }
        self.peeked.as_ref().unwrap_or(&Token::End)
    }

    fn take(&mut self) -> Token {
        self.peek();
        self.peeked.take().unwrap_or(Token::End)
    }

    #[cold]
    fn wrong<T>(&mut self, expected: &str) -> Parsed<T> {
        let (line, found) = (self.line, self.take());
        let found = match &found {
            Token::Bad(why) => return Err(SyntaxError { line, text: String::from(*why) }),
            Token::Newline | Token::End => "the end of the line",
            Token::Semicolon => "`;`",
            Token::Open => "`{`",
            Token::Close => "`}`",
            Token::Symbol(symbol) => return Err(error(line, expected, &format!("`{symbol}`"))),
            Token::Keyword(keyword, _) => {
                return Err(error(line, expected, &format!("`{}`", keyword.name())));
            }
            Token::Name(..) | Token::Word(_) => "a word",
        };
        Err(error(line, expected, found))
    }

    fn script(&mut self) -> Parsed<List> {
        let mut list = List::new();
        self.newlines();
        loop {
            match self.peek() {
                Token::End => return Ok(list),
                Token::Keyword(Keyword::Function, _) => self.function()?,
                _ => list.push(self.command()?),
            }
            if !self.delimiter() {
                return self.wrong("`;` or the end of the line");
            }
        }
    }

    fn newlines(&mut self) {
        while matches!(self.peek(), Token::Newline) {
            self.peeked = None;
        }
    }

    /// A `;` or a line end, and more line ends; whether there is any.
    fn delimiter(&mut self) -> bool {
        if !matches!(self.peek(), Token::Newline | Token::Semicolon) {
            return false;
        }
        self.peeked = None;
        self.newlines();
        true
    }

    fn keyword(&mut self, keyword: Keyword) -> Parsed<()> {
        match self.peek() {
            Token::Keyword(found, _) if *found == keyword => {
                self.peeked = None;
                Ok(())
            }
            _ => self.wrong(&format!("`{}`", keyword.name())),
        }
    }

    fn name(&mut self, of: &str) -> Parsed<String> {
        match self.peek() {
            Token::Name(..) => match self.take() {
                Token::Name(name, _) => Ok(name),
                _ => self.wrong(of),
            },
            _ => self.wrong(of),
        }
    }

    /// One construct more is open.
    fn enter(&mut self) -> Parsed<()> {
        self.lexer.open += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let text = format!("more than {MAX_DEPTH} constructs within one another");
            return Err(SyntaxError { line: self.line, text });
        }
        Ok(())
    }

    fn leave(&mut self) {
        self.lexer.open -= 1;
        self.depth -= 1;
    }

    /// Commands, at least one; whether something parts the last one from what follows.
    fn list(&mut self) -> Parsed<(List, bool)> {
        let mut list = List::new();
        self.newlines();
        loop {
            list.push(self.command()?);
            if !self.delimiter() {
                return Ok((list, false));
            }
            match self.peek() {
                Token::Name(..) | Token::Word(_) => {}
                Token::Keyword(Keyword::If | Keyword::For | Keyword::While | Keyword::Until, _) => {}
                _ => return Ok((list, true)),
            }
        }
    }

    /// Commands before a keyword, which needs a `;` or a line end before it.
    fn list_before(&mut self, keyword: Keyword) -> Parsed<List> {
        let (list, parted) = self.list()?;
        if !parted {
            return self.wrong("`;` or the end of the line");
        }
        self.keyword(keyword)?;
        Ok(list)
    }

    fn function(&mut self) -> Parsed<()> {
        self.peeked = None;
        let name = self.name("a function's name")?;
        self.enter()?;
        self.newlines();
        if !matches!(self.peek(), Token::Open) {
            return self.wrong("`{`");
        }
        self.peeked = None;
        let (list, parted) = self.list()?;
        if !parted || !matches!(self.peek(), Token::Close) {
            return self.wrong(if parted { "a command or `}`" } else { "`;` or the end of the line" });
        }
        self.peeked = None;
        self.leave();
        self.functions.push((name, Rc::new(list)));
        Ok(())
    }

    fn command(&mut self) -> Parsed<Command> {
        self.peek();
        let line = self.line;
        self.lexer.cost += COMMAND;
        let kind = match self.peek() {
            Token::Name(..) | Token::Word(_) => self.simple()?,
            Token::Keyword(Keyword::If, _) => self.conditional()?,
            Token::Keyword(Keyword::For, _) => self.each()?,
            Token::Keyword(Keyword::While, _) => self.repeat(false)?,
            Token::Keyword(Keyword::Until, _) => self.repeat(true)?,
            _ => return self.wrong("a command"),
        };
        Ok(Command { line, kind })
    }

    fn simple(&mut self) -> Parsed<Kind> {
        let mut words = self.words();
        if matches!(self.peek(), Token::Open) {
            words.push(self.block()?);
        }
        Ok(Kind::Simple(words))
    }

    fn words(&mut self) -> Vec<Word> {
        let mut words = Vec::new();
        while matches!(self.peek(), Token::Name(..) | Token::Word(_) | Token::Keyword(..)) {
            match self.take() {
                Token::Name(_, word) | Token::Word(word) | Token::Keyword(_, word) => words.push(word),
                _ => break,
            }
        }
        words
    }

    fn block(&mut self) -> Parsed<Word> {
        let line = self.line;
        self.peeked = None;
        self.enter()?;
        let start = self.lexer.start_record();
        self.list()?;
        if !matches!(self.peek(), Token::Close) {
            return self.wrong("a command or `}`");
        }
        self.peeked = None;
        let source = self.lexer.stop_record(start).into_boxed_str();
        self.leave();
        Ok(Vec::from([Part::Block(Rc::new(Block { line, source }))]))
    }

    fn conditional(&mut self) -> Parsed<Kind> {
        self.peeked = None;
        self.enter()?;
        let mut arms = Vec::new();
        let mut or_else = List::new();
        loop {
            let condition = self.list_before(Keyword::Then)?;
            let (list, parted) = self.list()?;
            arms.push((condition, list));
            if !parted {
                return self.wrong("`;` or the end of the line");
            }
            match self.peek() {
                Token::Keyword(Keyword::Elif, _) => self.peeked = None,
                Token::Keyword(Keyword::Else, _) => {
                    self.peeked = None;
                    or_else = self.list_before(Keyword::Fi)?;
                    break;
                }
                Token::Keyword(Keyword::Fi, _) => {
                    self.peeked = None;
                    break;
                }
                _ => return self.wrong("a command, `elif`, `else` or `fi`"),
            }
        }
        self.leave();
        Ok(Kind::If { arms, or_else })
    }

    fn each(&mut self) -> Parsed<Kind> {
        self.peeked = None;
        let name = self.name("a variable's name")?;
        self.enter()?;
        self.keyword(Keyword::In)?;
        let words = self.words();
        if !self.delimiter() {
            return self.wrong("`;` or the end of the line");
        }
        self.keyword(Keyword::Do)?;
        let body = self.list_before(Keyword::Done)?;
        self.leave();
        Ok(Kind::For { name, words, body })
    }

    fn repeat(&mut self, until: bool) -> Parsed<Kind> {
        self.peeked = None;
        self.enter()?;
        let condition = self.list_before(Keyword::Do)?;
        let body = self.list_before(Keyword::Done)?;
        self.leave();
        Ok(Kind::Loop { until, condition, body })
    }
}

fn error(line: u32, expected: &str, found: &str) -> SyntaxError {
    SyntaxError { line, text: format!("expected {expected}, found {found}") }
}

/// Whether the text of a file has no syntax error; the first one, if there is any. `grub-script-check` says the same, but that
/// it sees lines that begin with `#` within quotation marks, which GRUB does not.
pub fn check(text: &str) -> Result<(), SyntaxError> {
    let mut parser = Parser::new(Lines::new(text, true, 1), usize::MAX);
    while let Some(unit) = parser.unit() {
        unit.list?;
    }
    Ok(())
}

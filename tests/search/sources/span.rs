//! Positions in a source text.

use std::fmt;

/// A half-open range of bytes.
#[derive(Debug, Clone)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

impl Span {
    /// The smallest span that holds both.
    pub fn join(self, other: Span) -> Span {
        Span { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

pub const MAX_LEN: usize = 1 << 16;

/// Something that goes on step by step.
pub trait Walk {
    fn step(&mut self) -> bool;
}

pub enum Token {
    Word(String),
    End,
}

macro_rules! square {
    ($x:expr) => { $x * $x };
}

mod lexer {
    pub fn run(text: &str) -> usize {
        text.len()
    }
}
type Pair = (usize, usize);

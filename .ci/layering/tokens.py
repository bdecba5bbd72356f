"""Rust source as a list of tokens: comments, lifetimes and numbers are left out."""

import re

# A raw string ends with as many `#` as it began with. A character literal is tried before a
# lifetime, since both begin with a quote.
PATTERN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<comment>//[^\n]*)
    | (?P<block>/\*)
    | (?P<raw>[bc]?r(?P<hashes>\#*)".*?"(?P=hashes))
    | (?P<string>[bc]?"(?:\\.|[^"\\])*")
    | (?P<char>b?'(?:\\x[0-9a-fA-F]{2}|\\u\{[^}]*\}|\\.|[^\\'\n])')
    | (?P<lifetime>'[A-Za-z_]\w*)
    | (?P<ident>(?:r\#)?[A-Za-z_]\w*)
    | (?P<number>[0-9][\w]*(?:\.[0-9][\w]*)?)
    | (?P<punct>::|=>|->|.)
    """,
    re.VERBOSE | re.DOTALL,
)

BLOCK_COMMENT = re.compile(r"/\*|\*/")
LEFT_OUT = {"space", "comment", "lifetime", "number", "char"}


class Token:
    """`kind` is ident, string or punct."""

    __slots__ = ("kind", "text", "line")

    def __init__(self, kind, text, line):
        self.kind, self.text, self.line = kind, text, line


def end_of_block_comment(text, start):
    """Block comments of Rust nest."""
    depth = 0
    for mark in BLOCK_COMMENT.finditer(text, start):
        depth += 1 if mark.group() == "/*" else -1
        if depth == 0:
            return mark.end()
    return len(text)


def tokens(text):
    found, place, line = [], 0, 1
    while place < len(text):
        match = PATTERN.match(text, place)
        kind, end = match.lastgroup, match.end()
        if kind == "hashes":
            kind = "raw"
        if kind == "block":
            end = end_of_block_comment(text, place)
        elif kind not in LEFT_OUT:
            word = match.group()
            kind = "string" if kind == "raw" else kind
            found.append(Token(kind, word.removeprefix("r#") if kind == "ident" else word, line))
        line += text.count("\n", place, end)
        place = end
    return found

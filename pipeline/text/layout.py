"""An article's text → its paragraphs, headings, list items and table rows, with exact character offsets.

>>> text = "# Trade\\n\\n- Talks with the U.S. have begun."
>>> [(line.kind, text[line.start : line.end]) for line in paragraphs(text)]
[('heading', 'Trade'), ('item', 'Talks with the U.S. have begun.')]
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from pipeline.text.abbreviations import DOTTED, is_abbreviation, word_before, word_set

# --- lines

PROSE, ITEM, HEADING, BOLD, ROW, DATELINE = "prose", "item", "heading", "bold", "row", "dateline"
_LINE = re.compile(r"[^\n]+")
_MARK = re.compile(r"[-–—−*•·▪●◦‣∙\uf0b7_=~#+\s]+|\(?\d{1,3}[.)]|\|[\s:|-]+\|")
_ITEM_MARK = re.compile(r"(?:[-–—−*]\s+|[•·▪●◦‣∙\uf0b7]\s*)+")
_HASHES = re.compile(r"#{1,6}\s+(.+)")
_BOLD = re.compile(r"(\*\*|__)([^\s*_](?:[^*_]*[^\s*_])?)\1")
_DATELINE = re.compile(
    r"[A-Z][\w.,’' /-]{1,50}?(?:,\s*[A-Z][a-z]{2,8}\.?\s+\d{1,2}(?:,?\s+\d{4})?|\s*\([\w .&/-]{2,30}\))\s*[:—–-]{1,2}"
)
_COLUMNS = re.compile(r"\t|\|.*\||[^\s.:?!”\"] {3,}\S.*\S {3,}\S")
_DIGIT = re.compile(r"\d")
_WRAPPED = range(55, 101)  # characters of a line that was broken to fit a width


class Line(NamedTuple):
    """A stretch of the text without the marks around it; `apart`: a blank line or a mark stands before it."""

    start: int
    end: int
    kind: str
    apart: bool


def paragraphs(text: str) -> list[Line]:
    """The paragraphs, headings, list items and table rows of a text, in order; hard-wrapped lines are joined again.

    Blank lines, the marks of items and headings and lines of nothing but marks lie outside of them. Lines that
    look like headings are headings only where something stands under them.
    """
    return _with_headings(text, _joined(text))


def _lines(text: str) -> Iterator[Line]:
    end, apart, mark = -1, True, ""
    for found in _LINE.finditer(text):
        body = found.group().strip()
        if found.start() > end + 1 or not body:
            apart, mark = True, ""
        end = found.end()
        if not body:
            continue
        if _MARK.fullmatch(body):
            apart, mark = True, body
            continue
        start = found.start() + found.group().index(body[0])
        line = _line(text, start, start + len(body), apart)
        # A bullet alone on its line makes an item of the line below; a rule (---) or a number does not.
        yield line._replace(kind=ITEM) if mark and len(mark) == 1 and line.kind == PROSE else line
        apart, mark = False, ""


def _line(text: str, start: int, end: int, apart: bool) -> Line:
    body = text[start:end]
    if item := _ITEM_MARK.match(body):
        return Line(start + item.end(), end, ITEM, True)
    if hashes := _HASHES.fullmatch(body):
        return Line(start + hashes.start(1), start + hashes.start(1) + len(_unclosed(hashes[1])), HEADING, True)
    if bold := _BOLD.fullmatch(body):
        return Line(start + bold.start(2), start + bold.end(2), BOLD, True)
    if len(body) < 300 and _is_row(body):
        return Line(start, end, ROW, True)
    dateline = len(body) < 100 and _DATELINE.fullmatch(body)
    return Line(start, end, DATELINE if dateline else PROSE, apart)


def _unclosed(title: str) -> str:
    """A Markdown heading's title without the hashes that may close it.

    >>> _unclosed("Oil ##"), _unclosed("C#"), _unclosed("#")
    ('Oil', 'C#', '#')
    """
    bare = title.rstrip("#")
    return bare.rstrip() if bare != title and bare[-1:].isspace() else title


def _is_row(body: str) -> bool:
    words = body.split()
    numbers = sum(1 for word in words if _DIGIT.search(word))
    return bool(_COLUMNS.search(body)) or (len(words) > 2 and numbers * 2 >= len(words) and body[-1] not in ".!?:")


# --- paragraphs


def _joined(text: str) -> list[Line]:
    """The lines of a text, with those joined again that were hard-wrapped."""
    lines = list(_lines(text))
    joined: list[Line] = lines[:1]
    for above, line, width in zip(lines, lines[1:], _widths(text, lines)[1:], strict=False):
        if _continues(text, above, line, width):
            kind = PROSE if joined[-1].kind == DATELINE else joined[-1].kind
            joined[-1] = joined[-1]._replace(end=line.end, kind=kind)
        else:
            joined.append(line)
    return joined


def _widths(text: str, lines: list[Line]) -> list[int]:
    """For each line, the width in characters that its paragraph was wrapped to, 0 where it was not."""
    runs: list[list[Line]] = []
    for line in lines:
        if line.apart or not runs:
            runs.append([])
        runs[-1].append(line)
    widths = [max(line.end - line.start for line in run) for run in runs]
    # Wrapped prose goes on in small letters somewhere; a list of headlines does not.
    wrapped = [any(text[line.start].islower() for line in run[1:]) for run in runs]
    return [
        width if small and width in _WRAPPED else 0
        for run, width, small in zip(runs, widths, wrapped, strict=True)
        for _ in run
    ]


def _continues(text: str, above: Line, line: Line, width: int) -> bool:
    if above.kind == DATELINE and line.kind == PROSE:
        return True
    if line.apart or line.kind != PROSE or above.kind not in (PROSE, ITEM):
        return False
    length = above.end - above.start
    first = text[line.start : line.start + 40].split(None, 1)[0]
    ended = text[above.end - 1] in ".!?:;”\"’'" and not is_abbreviation(word_before(text, above.end - 1))
    # A wrapped line is broken where its next word would not have fitted.
    full = length + 1 + len(first) > width > 0
    return (full or length >= 40) and not ended if first[0].islower() else full and not ended


# --- headings

_NUMBER = re.compile(r"(?:\d{1,2}(?:\.\d{1,2})*[.)]?|[IVX]{1,4}[.)]|[A-Z][.)])\s+(?=\S)")
_SMALL = word_set("a an and as at but by for from in into nor of on onto or over per so the to up via vs with")
_ASKS = re.compile(r"(?:What|Why|How|Who|Where|When|Which|Will|Does|Do|Did|Is|Are|Can|Could|Should|Has|Have)\b")
_NO_HEADING = re.compile(
    r"(?i:by|photo|photograph|image|slideshow|source|see also|also read|read more|related|advertisement|share|updated"
    r"|published|posted|reporting by|editing by|from our|file photo|q|a|graph|figure|chart|table|subscribe|sign up"
    r"|click here|listen to)(?:[:.\s]|$)"
    r"|[“\"‘(\[].*[”\"’)\]]$|.*(?:\b(?:AP|AFP|Reuters|REUTERS|Getty Images|Getty|Photo)\)?|[Rr]ead [Mm]ore)$"
    r"|.* \| |.*[a-z\d]{2}\. [(A-Z]"  # a line of several parts, a caption of several sentences
    r"|(?:\d{1,2} )?[A-Z][A-Za-z]{2,8}\.? (?:\d{1,2},? )?\d{4}\b"  # a date
)
_GLUED_HEADING = re.compile(
    r"(?=[A-Z])((?:[\w’'&-]+\s+){0,8}?[A-Z][\w’'&-]*[a-z])"
    r"(?=(?:The|In|On|At|As|For|Today|We|It|This|These|India|President|Prime|Following)(?:,?\s))"
)
_NOT_GLUED = word_set("LinkedIn PlugIn CheckIn OptIn LogIn SignIn BuiltIn DriveIn MakeIn AddOn PlugOn AirIndia")


def _with_headings(text: str, lines: list[Line]) -> list[Line]:
    """The same lines, with those that look like headings and have something under them marked so."""
    resolved = list(lines)
    hopeful = [line.kind in (PROSE, BOLD) and _looks_like_heading(text[line.start : line.end]) for line in lines]
    for likely, group in groupby(range(len(lines)), hopeful.__getitem__):
        run = list(group)
        bold = [at for at in run if lines[at].kind == BOLD]
        followed = run[-1] + 1 < len(lines) and _has_substance(text, lines[run[-1] + 1])
        if likely:
            plain = run if followed and not _is_list(text, [lines[at] for at in run]) else []
            for at in {*bold, *plain}:
                resolved[at] = lines[at]._replace(kind=HEADING)
    return resolved


def _is_list(text: str, run: list[Line]) -> bool:
    # Section over subsection is two; more short lines in a row are a list without bullets.
    return len(run) > 2 or (len(run) == 2 and all(_NUMBER.match(text[line.start : line.end]) for line in run))


def _has_substance(text: str, line: Line) -> bool:
    body = text[line.start : line.end]
    return line.kind in (ITEM, HEADING, BOLD) or body[-1] in '.!?:”")…' or len(body.split()) > 25


def _looks_like_heading(body: str) -> bool:
    if len(body) > 150 or "\n" in body or _NO_HEADING.match(body):
        return False
    words = _NUMBER.sub("", body, count=1).split()
    if not 0 < len(words) <= 12 or not words[0].lstrip("“\"‘'(")[:1].isupper():
        return False
    counted = [bare for word in words if (bare := word.lstrip("“\"‘'("))[:1].isalnum() and bare.lower() not in _SMALL]
    capitals = sum(not word[0].islower() for word in counted) / max(1, len(counted))
    return _ends_like_heading(body, words, capitals)


def _ends_like_heading(body: str, words: list[str], capitals: float) -> bool:
    match body[-1]:
        case ".":  # "Gains for the U.S."
            return capitals == 1 and len(words) > 1 and bool(DOTTED.fullmatch(word_before(body, len(body) - 1)))
        case ":":  # "Main points include:" is prose, "Trade and Investment:" is not
            return capitals == 1 and len(words) > 1
        case "?":
            return capitals >= 0.6 or bool(_ASKS.match(body))
        case "!" | ";" | "," | "…" | "-" | "–" | "—":
            return False
    return capitals >= 0.6 or len(words) <= 8


def glued_heading(body: str) -> int:
    """Length of a heading that runs into the first sentence ("Fact SheetToday, ..."), or 0."""
    glued = _GLUED_HEADING.match(body)
    if glued is None:
        return 0
    words = glued.group().split()
    whole = words[-1] + re.split(r"\W", body[glued.end() :], maxsplit=1)[0]
    titled = all(word[0].isupper() or word in _SMALL or not word[0].isalpha() for word in words)
    return glued.end() if titled and len(words[-1]) > 2 and whole not in _NOT_GLUED else 0

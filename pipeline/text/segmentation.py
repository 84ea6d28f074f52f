"""Article → sentences with exact character offsets, cut the way news and policy texts are written.

Lines are read first (headings, list items, hard-wrapped paragraphs), then each paragraph is cut into
sentences: rules decide the places that news needs right and general segmenters get wrong (datelines,
ranks, "U.S.", quotations, missing spaces), `sentencex` decides the rest.

>>> article = Article("a1", "Trade\\nTalks with the U.S. have begun. “Will they last?” he asked.")
>>> [(sentence.text, sentence.heading) for sentence in segment(article)]
[('Trade', ''), ('Talks with the U.S. have begun.', 'Trade'), ('“Will they last?” he asked.', 'Trade')]
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate, groupby
from typing import NamedTuple

import sentencex

from pipeline.schemas import Article, Sentence

MAX_LENGTH = 1_500  # characters; a longer sentence is cut
_PIECE = 1_000  # characters; near which it is cut


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


# --- lines

PROSE, ITEM, HEADING, BOLD, ROW, DATELINE = "prose", "item", "heading", "bold", "row", "dateline"
_LINE = re.compile(r"[^\n]+")
_MARK = re.compile(r"[-–—−*•·▪●◦‣∙\uf0b7_=~#+\s]+|\(?\d{1,3}[.)]|\|[\s:|-]+\|")
_ITEM_MARK = re.compile(r"(?:[-–—−*]\s+|[•·▪●◦‣∙\uf0b7]\s*)+")
_HASHES = re.compile(r"#{1,6}\s+(.+?)(?:\s+#+)?")
_BOLD = re.compile(r"(\*\*|__)([^\s*_](?:[^*_]*[^\s*_])?)\1")
_DATELINE = re.compile(
    r"[A-Z][\w.,’' /-]{1,50}?(?:,\s*[A-Z][a-z]{2,8}\.?\s+\d{1,2}(?:,?\s+\d{4})?|\s*\([\w .&/-]{2,30}\))\s*[:—–-]{1,2}"
)
_COLUMNS = re.compile(r"\t|\|.*\||[^\s.:?!”\"] {3,}\S.*\S {3,}\S")
_DIGIT = re.compile(r"\d")
_WRAPPED = range(55, 101)  # characters of a line that was broken to fit a width


class _Line(NamedTuple):
    """A stretch of the text without the marks around it; `apart`: a blank line or a mark stands before it."""

    start: int
    end: int
    kind: str
    apart: bool


def _lines(text: str) -> Iterator[_Line]:
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


def _line(text: str, start: int, end: int, apart: bool) -> _Line:
    body = text[start:end]
    if item := _ITEM_MARK.match(body):
        return _Line(start + item.end(), end, ITEM, True)
    if hashes := _HASHES.fullmatch(body):
        return _Line(start + hashes.start(1), start + hashes.end(1), HEADING, True)
    if bold := _BOLD.fullmatch(body):
        return _Line(start + bold.start(2), start + bold.end(2), BOLD, True)
    if len(body) < 300 and _is_row(body):
        return _Line(start, end, ROW, True)
    dateline = len(body) < 100 and _DATELINE.fullmatch(body)
    return _Line(start, end, DATELINE if dateline else PROSE, apart)


def _is_row(body: str) -> bool:
    words = body.split()
    numbers = sum(1 for word in words if _DIGIT.search(word))
    return bool(_COLUMNS.search(body)) or (len(words) > 2 and numbers * 2 >= len(words) and body[-1] not in ".!?:")


# --- paragraphs


def _paragraphs(text: str) -> list[_Line]:
    """The lines of a text, with those joined again that were hard-wrapped."""
    lines = list(_lines(text))
    joined: list[_Line] = lines[:1]
    for above, line, width in zip(lines, lines[1:], _widths(text, lines)[1:], strict=False):
        if _continues(text, above, line, width):
            kind = PROSE if joined[-1].kind == DATELINE else joined[-1].kind
            joined[-1] = joined[-1]._replace(end=line.end, kind=kind)
        else:
            joined.append(line)
    return joined


def _widths(text: str, lines: list[_Line]) -> list[int]:
    """For each line, the width in characters that its paragraph was wrapped to, 0 where it was not."""
    runs: list[list[_Line]] = []
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


def _continues(text: str, above: _Line, line: _Line, width: int) -> bool:
    if above.kind == DATELINE and line.kind == PROSE:
        return True
    if line.apart or line.kind != PROSE or above.kind not in (PROSE, ITEM):
        return False
    length = above.end - above.start
    first = text[line.start : line.start + 40].split(None, 1)[0]
    ended = text[above.end - 1] in ".!?:;”\"’'" and not _is_abbreviation(_word_before(text, above.end - 1))
    # A wrapped line is broken where its next word would not have fitted.
    full = length + 1 + len(first) > width > 0
    return (full or length >= 40) and not ended if first[0].islower() else full and not ended


# --- headings

_NUMBER = re.compile(r"(?:\d{1,2}(?:\.\d{1,2})*[.)]?|[IVX]{1,4}[.)]|[A-Z][.)])\s+(?=\S)")
_SMALL = _words("a an and as at but by for from in into nor of on onto or over per so the to up via vs with")
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
_NOT_GLUED = _words("LinkedIn PlugIn CheckIn OptIn LogIn SignIn BuiltIn DriveIn MakeIn AddOn PlugOn AirIndia")


def _with_headings(text: str, lines: list[_Line]) -> list[_Line]:
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


def _is_list(text: str, run: list[_Line]) -> bool:
    # Section over subsection is two; more short lines in a row are a list without bullets.
    return len(run) > 2 or (len(run) == 2 and all(_NUMBER.match(text[line.start : line.end]) for line in run))


def _has_substance(text: str, line: _Line) -> bool:
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
            return capitals == 1 and len(words) > 1 and bool(_DOTTED.fullmatch(_word_before(body, len(body) - 1)))
        case ":":  # "Main points include:" is prose, "Trade and Investment:" is not
            return capitals == 1 and len(words) > 1
        case "?":
            return capitals >= 0.6 or bool(_ASKS.match(body))
        case "!" | ";" | "," | "…" | "-" | "–" | "—":
            return False
    return capitals >= 0.6 or len(words) <= 8


def _glued_heading(body: str) -> int:
    """Length of a heading that runs into the first sentence ("Fact SheetToday, ..."), or 0."""
    glued = _GLUED_HEADING.match(body)
    if glued is None:
        return 0
    words = glued.group().split()
    whole = words[-1] + re.split(r"\W", body[glued.end() :], maxsplit=1)[0]
    titled = all(word[0].isupper() or word in _SMALL or not word[0].isalpha() for word in words)
    return glued.end() if titled and len(words[-1]) > 2 and whole not in _NOT_GLUED else 0


# --- sentences

_STOP = re.compile(
    r"(?P<dots>\.(?:\s?\.){2,}|…)(?P<dots_close>[\"”’'»)\]]*)\s+"
    r"|(?P<stop>[.!?]+)(?P<close>(?:[\"”’'»)\]]|\[\d{1,3}\])*(?:\s[”»])?)"
    r"(?:(?P<gap>\s+(?P<mark>[-*•▪●]\s+(?=[A-Z]))?)|(?=[“‘]?[A-Z]))"
    r"|(?P<wide>[。！？।؟])[”’」』]*\s*"
)
_OPENING = "“\"‘'([«¿"
_DOTTED = re.compile(r"(?:[^\W\d_]{1,2}\.)+[^\W\d_]{1,2}")
_LABEL = re.compile(r"[(\[]?(?:\d{1,3}(?:\.\d{1,3})*|[A-Za-z]|[ivxIVX]{1,5})")
# Before a name or figure, never at the end of a sentence.
_TITLES = _words(
    "Mr Mrs Ms Messrs Dr Drs Prof Gen Lt Col Maj Capt Cmdr Cdr Adm Brig Sgt Cpl Pvt Sen Sens Rep Reps Gov Govs Amb Pres"
    " Rev Hon Supt Asst St Ste Mt Ft Smt Shri Fr Rs rs vs v viz cf approx e.g i.e E.g I.e Vs"
)
# Before a figure ("No. 14"), elsewhere an ordinary word ("He said no.").
_REFERENCES = _words("no nos art arts sec secs ch chap p pp para paras vol cl reg fig figs eq ref stat pub")
# In the middle of a sentence or at its end.
_EITHER = _words(
    "Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Jr Sr Inc Ltd Co Cos Corp Plc Bros Govt govt Dept dept Natl Intl"
    " Assn Ave Blvd Mfg al Ala Ariz Ark Calif Colo Conn Del Fla Ga Ill Ind Kan Ky La Md Mass Mich Minn Miss Mo Mont"
    " Neb Nev Okla Ore Pa Tenn Tex Va Vt Wash Wis Wyo"
)
_OPENERS = (
    "The It He She They We You I A An In On At As By For From To With Without Within Under Over During Through"
    " Between Among Across Against Beyond But And Or So Yet Nor If When While Where Whether Once Until Unless"
    " After Before Since Because Although Though Despite Besides This That These Those There Here His Her Its"
    " Their Our My Your Both Some Many Most Several Such All Any Each Every Another Other Others Not Only Even"
    " Still Just Now Then Thus Therefore Hence However Moreover Furthermore Meanwhile Instead Indeed Also Again"
    " Perhaps Additionally Similarly Separately Finally Recently Currently Earlier Later Last Next Today Yesterday"
    " Tomorrow According Asked Speaking What Who Why How Which Officials Analysts Experts Critics Sources"
    " Negotiators Diplomats Lawmakers Economists Observers"
)
_SUBJECTS = "India China Japan Russia Canada Mexico Brazil Britain Iran Iraq Israel Pakistan Ukraine Europe Washington"
_SUBJECTS += " Beijing Moscow Tokyo London Brussels Modi Trump Biden Obama Xi Putin"
_VERBS = "has had have is are was were will would also said says can could may might must should did does wants needs"
_OPENER = re.compile(
    rf"[“\"‘'(\[«]*(?:(?:{_OPENERS.replace(' ', '|')})(?=,?\s+\S|[’'][a-z])"
    rf"|(?:{_SUBJECTS.replace(' ', '|')})(?=[’']s\s|\s+(?:{_VERBS.replace(' ', '|')})\b))"
)
_GLUED = re.compile(r"[“‘]?(?!(?:Com|Net|Org|Gov)\b)(?:[A-Z][a-z]+(?:[’'][a-z]+)?|A|I),?\s")
_INNER_CAPITAL = re.compile(r"[a-z]+-?[A-Z]")  # "al-Shabab", "iPhone"
_SPEAKER = re.compile(
    r"(?:[A-Z][\w.’'-]*\s+){1,4}(?:said|says|asked|asks|added|told|wondered|tweeted|wrote|shouted|replied|demanded)\b"
    r"(?P<more>[^.,])?"
)
_HYPHEN = re.compile(r"[-–—/]")
_VISIBLE = re.compile(r"\S")
_SPACE = re.compile(r"\s")
_UNPLAIN = re.compile(r"[^A-Za-z0-9.,' -]")


def segment(article: Article) -> list[Sentence]:
    """Cut an article into sentences, in order.

    Offsets are characters of `article.text`; sentences do not overlap and have no white space around
    them. What stands outside is white space, the marks of list items and headings, and lines of nothing
    but marks. Never raises, whatever the text.
    """
    sentences: list[Sentence] = []
    seen: Counter[str] = Counter()
    heading = previous = ""
    for position, (start, end, is_heading) in enumerate(_spans(article.text)):
        text = article.text[start:end]
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass")).hexdigest()[:10]
        seen[digest] += 1
        name = f"{article.id}:{digest}" + (f"-{seen[digest]}" if seen[digest] > 1 else "")
        above = "" if is_heading else heading
        sentences.append(Sentence(name, article.id, position, start, end, text, above, previous, is_heading))
        heading, previous = (text if is_heading else heading), text
    return sentences


def _spans(text: str) -> Iterator[tuple[int, int, bool]]:
    """Start, end and whether it is a heading, for each sentence."""
    for line in _with_headings(text, _paragraphs(text)):
        start, is_heading = line.start, line.kind == HEADING
        body = text[line.start : line.end]
        glued = _glued_heading(body) if line.kind == PROSE else 0
        if glued:
            yield start, start + glued, True
        cuts = [] if line.kind in (HEADING, ROW) else [(end, begin) for end, begin in _cuts(body) if begin > glued]
        begins, ends = [glued, *(begin for _, begin in cuts)], [*(end for end, _ in cuts), len(body)]
        for low, high in zip(begins, ends, strict=True):
            for first, last in _pieces(body, low, high):
                yield start + first, start + last, is_heading


def _pieces(body: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The stretch without white space around it, in pieces where it is too long."""
    end = start + len(body[start:end].rstrip())
    while visible := _VISIBLE.search(body, start, end):
        start = visible.start()
        cut = end if end - start <= MAX_LENGTH else _cut_near(body, start)
        yield start, start + len(body[start:cut].rstrip())
        start = cut


def _cut_near(body: str, start: int) -> int:
    half, near = start + _PIECE // 2, start + _PIECE
    semicolon = body.rfind("; ", half, start + MAX_LENGTH) + 1
    return semicolon or max((found.end() for found in _SPACE.finditer(body, half, near)), default=near)


def _cuts(body: str) -> list[tuple[int, int]]:
    """Places in a paragraph where a sentence ends and the next begins."""
    cuts: list[tuple[int, int]] = []
    last = next((at for at in range(len(body) - 1, -1, -1) if body[at].isalnum()), -1)
    for found in _STOP.finditer(body):
        ends = _ends_sentence(body, found)
        if ends is None:
            ends = _segmenter_agrees(body, found)
        if ends and found.end() <= last:
            cuts.append((found.start("mark") if found["mark"] else found.end(), found.end()))
    return cuts


def _segmenter_agrees(body: str, found: re.Match[str]) -> bool:
    # It sees the words around the stop only, for it never cuts inside quotes and brackets; and only ASCII,
    # for it slices by bytes and panics inside longer characters.
    before = _UNPLAIN.sub(" ", body[max(0, found.start() - 40) : found.start()])
    after = _UNPLAIN.sub(" ", body[found.end() : found.end() + 40]).strip()
    pieces = accumulate(len(piece) for piece in sentencex.segment("en", f"{before}. {after}"))
    return len(before) + 2 in pieces


def _ends_sentence(body: str, found: re.Match[str]) -> bool | None:
    """Whether a sentence ends at this stop; None where no rule speaks."""
    if found["wide"]:
        return True
    at = found.end()
    opener = _OPENER.match(body, at) is not None
    if found["dots"]:
        return opener
    word = _word_before(body, found.start())
    if found["gap"] is None:
        return _is_glued(body, found, word, opener)
    first = at + len(body[at : at + 9]) - len(body[at : at + 9].lstrip(_OPENING))
    after = body[first : first + 1]
    if after in "-–—.,;:)" or (after.islower() and not _INNER_CAPITAL.match(body, first)):
        return False
    quoted = any(mark in found["close"] for mark in "\"”’'")
    full_stop = "." in found["stop"]
    tag = _SPEAKER.match(body, at) if quoted and not opener else None
    if tag and not (full_stop and tag["more"]):
        return False  # “Will they sign?” Singh asked reporters.
    if not full_stop:
        return True
    if found["mark"]:
        return found.start() > 40 and not _is_abbreviation(word)  # at the start the dash is a dateline's
    ends = _full_stop_ends(body, found.start(), after, word, opener or quoted)
    return True if ends is None and found["close"] else ends


def _full_stop_ends(body: str, at: int, after: str, word: str, opener: bool) -> bool | None:
    if word in _TITLES or _LABEL.fullmatch(body, 0, at):
        return False
    if word.lower() in _REFERENCES:
        return not after.isdigit() and after not in "IVX" and (opener or word.islower())
    if word in _EITHER or _DOTTED.fullmatch(word) or (len(word) == 1 and word.isupper()):
        return opener
    if after.isdigit():
        return not word.isdigit() or len(word) > 2
    if word.isalpha() and word[0].isupper() and len(word) <= 5 and not opener:
        return None
    return True


def _is_glued(body: str, found: re.Match[str], word: str, opener: bool) -> bool:
    """Whether a space is missing after a stop ("the larger accord.The text ...")."""
    if len(found["stop"]) > 1 or not _GLUED.match(body, found.end()) or _is_abbreviation(word):
        return False
    # A word with a stop or an @ inside is an address.
    return word.rstrip("%").isalnum() and ((word.isalpha() and word.islower()) or opener)


def _word_before(body: str, at: int) -> str:
    """The word, without quotes and brackets, that ends at `at`; of a compound its last part."""
    words = body[max(0, at - 30) : at].split()
    if not words or body[at - 1].isspace():
        return ""
    return _HYPHEN.split(words[-1])[-1].strip("“”\"‘’'()[]«»")


def _is_abbreviation(word: str) -> bool:
    return (
        len(word) == 1
        or word in _TITLES
        or word in _EITHER
        or word.lower() in _REFERENCES
        or _DOTTED.fullmatch(word) is not None
    )

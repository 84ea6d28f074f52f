"""Article → sentences with exact character offsets, cut the way news and policy texts are written.

Each paragraph of the layout is cut into sentences: rules decide the places that news needs right and
general segmenters get wrong (datelines, ranks, "U.S.", quotations, missing spaces), `sentencex` decides
the rest.

>>> article = Article("a1", "Trade\\nTalks with the U.S. have begun. “Will they last?” he asked.")
>>> [(sentence.text, sentence.heading) for sentence in segment(article)]
[('Trade', ''), ('Talks with the U.S. have begun.', 'Trade'), ('“Will they last?” he asked.', 'Trade')]
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate

import sentencex

from pipeline.schemas import Article, Sentence
from pipeline.text.abbreviations import DOTTED, EITHER, REFERENCES, TITLES, is_abbreviation, word_before
from pipeline.text.layout import HEADING, PROSE, ROW, glued_heading, paragraphs

MAX_LENGTH = 1_500  # characters; a longer sentence is cut
_PIECE = 1_000  # characters; near which it is cut
_STOP = re.compile(
    r"(?P<dots>(?<!\.)\.(?:\s?\.){2,}|…)(?P<dots_close>[\"”’'»)\]]*)\s+"
    r"|(?P<stop>(?<![.!?])[.!?]++)(?P<close>(?:[\"”’'»)\]]|\[\d{1,3}\])*(?:\s[”»])?)"
    r"(?:(?P<gap>\s+(?P<mark>[-*•▪●]\s+(?=[A-Z]))?)|(?=[“‘]?[A-Z]))"
    r"|(?P<wide>[。！？।؟])[”’」』]*\s*"
)
_OPENING = "“\"‘'([«¿"
_LABEL = re.compile(r"[(\[]?(?:\d{1,3}(?:\.\d{1,3})*|[A-Za-z]|[ivxIVX]{1,5})")
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
    for line in paragraphs(text):
        start, is_heading = line.start, line.kind == HEADING
        body = text[line.start : line.end]
        glued = glued_heading(body) if line.kind == PROSE else 0
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
    word = word_before(body, found.start())
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
        return found.start() > 40 and not is_abbreviation(word)  # at the start the dash is a dateline's
    ends = _full_stop_ends(body, found.start(), after, word, opener or quoted)
    return True if ends is None and found["close"] else ends


def _full_stop_ends(body: str, at: int, after: str, word: str, opener: bool) -> bool | None:
    if word in TITLES or _LABEL.fullmatch(body, 0, at):
        return False
    if word.lower() in REFERENCES:
        return not after.isdigit() and after not in "IVX" and (opener or word.islower())
    if word in EITHER or DOTTED.fullmatch(word) or (len(word) == 1 and word.isupper()):
        return opener
    if after.isdigit():
        return not word.isdigit() or len(word) > 2
    if word.isalpha() and word[0].isupper() and len(word) <= 5 and not opener:
        return None
    return True


def _is_glued(body: str, found: re.Match[str], word: str, opener: bool) -> bool:
    """Whether a space is missing after a stop ("the larger accord.The text ...")."""
    if len(found["stop"]) > 1 or not _GLUED.match(body, found.end()) or is_abbreviation(word):
        return False
    # A word with a stop or an @ inside is an address.
    return word.rstrip("%").isalnum() and ((word.isalpha() and word.islower()) or opener)

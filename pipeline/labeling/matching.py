"""Finding all cues of all classes in a text by one Aho-Corasick automaton."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import ahocorasick

from pipeline.labeling.cues import CueSet
from pipeline.labeling.literals import literals

_NEGATION = re.compile(
    r"\b(?:no|not|never|neither|nor|without|cannot|hardly|yet to|n[o']t (?:yet )?(?:been )?|"
    r"(?:refus|fail|declin|unabl|unwilling)\w*(?: to)?|\w+n['’]t)\W+(?:\w+\W+){0,3}$",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(r"[.;:,]|\bbut\b")
_REACH = 60  # characters before a match in which a negation is looked for
_PATTERN = "pattern"
_SPACES = str.maketrans(dict.fromkeys("\t\n\r\xa0", " "))  # lines may be wrapped within a cue


@dataclass(frozen=True, slots=True)
class Match:
    """A cue found in a text: whose it is, of which kind ("not" for an excluding phrase), and where."""

    class_id: str
    kind: str
    cue: str
    start: int
    end: int
    negated: bool


class CueMatcher:
    """All cues of all classes, matched together.

    The automaton holds the phrases, and for each pattern the texts of which one stands in every match of it;
    a pattern is tried only where one of them was found.

    >>> matcher = CueMatcher([CueSet("energy", phrases=("crude oil",), excluded=("snake oil",))])
    >>> [m.cue for m in matcher.matches("Crude oil fell.")]
    ['crude oil']
    """

    def __init__(self, sets: Iterable[CueSet]):
        self._automaton = ahocorasick.Automaton()
        self._patterns: list[tuple[str, str, re.Pattern[str]]] = []
        self._always: list[int] = []
        entries: dict[str, list[tuple[str, str, str | int]]] = {}
        for cues in sets:
            for kind, phrases in (("phrases", cues.phrases), ("headings", cues.headings), ("not", cues.excluded)):
                for phrase in phrases:
                    entries.setdefault(phrase.lower().rstrip("*"), []).append((cues.class_id, kind, phrase))
            for pattern in cues.patterns:
                needed = literals(pattern)
                for literal in needed:
                    entries.setdefault(literal, []).append((cues.class_id, _PATTERN, len(self._patterns)))
                if not needed:
                    self._always.append(len(self._patterns))
                self._patterns.append((cues.class_id, pattern, re.compile(pattern, re.IGNORECASE)))
        for text, owners in entries.items():
            self._automaton.add_word(text, (len(text), tuple(owners)))
        if entries:
            self._automaton.make_automaton()

    def matches(self, text: str) -> list[Match]:
        """Every cue in `text` that no excluding phrase of its class covers, in order of place."""
        kept, _ = self.sorted_out(text)
        return kept

    def sorted_out(self, text: str) -> tuple[list[Match], list[tuple[Match, Match]]]:
        """The matches that count, and those that do not, each with the excluding phrase that covers it."""
        found = self._found(text)
        excluding = [m for m in found if m.kind == "not"]
        kept: list[Match] = []
        dropped: list[tuple[Match, Match]] = []
        for match in sorted(found, key=lambda m: (m.start, m.end, m.class_id, m.cue)):
            if match.kind != "not":
                cover = next((e for e in excluding if _covers(e, match)), None)
                if cover is None:
                    kept.append(match)
                else:
                    dropped.append((match, cover))
        return kept, dropped

    def _found(self, text: str) -> list[Match]:
        text = text.translate(_SPACES)
        lowered = text.lower()
        if len(lowered) != len(text):  # a few letters grow when lowered; offsets must hold
            lowered = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
        found: list[Match] = []
        likely = set(self._always)
        for last, (length, owners) in self._automaton.iter(lowered) if len(self._automaton) else ():
            start, end = last - length + 1, last + 1
            for class_id, kind, cue in owners:
                if kind == _PATTERN:
                    likely.add(cue)
                elif _whole(lowered, start, end, cue.endswith("*")):
                    found.append(Match(class_id, kind, cue, start, end, is_negated(text, start)))
        for index in sorted(likely):
            found += self._hits(index, text)
        return found

    def _hits(self, index: int, text: str) -> Iterator[Match]:
        class_id, cue, pattern = self._patterns[index]
        for hit in pattern.finditer(text):
            yield Match(class_id, "patterns", cue, hit.start(), hit.end(), is_negated(text, hit.start()))


def _whole(text: str, start: int, end: int, open_ended: bool) -> bool:
    """Whether words begin at `start` and, unless any ending will do, end at `end`."""
    if start and text[start - 1].isalnum():
        return False
    return open_ended or end == len(text) or not text[end].isalnum()


def _covers(outer: Match, inner: Match) -> bool:
    return outer.class_id == inner.class_id and outer.start <= inner.start and inner.end <= outer.end


def is_negated(text: str, start: int) -> bool:
    """Whether a negation stands within the three words before, in the same clause (after NegEx, Chapman 2001)."""
    clause = _CLAUSE_END.split(text[max(0, start - _REACH) : start])[-1]
    return _NEGATION.search(clause) is not None

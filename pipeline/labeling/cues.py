"""Cues: phrases and patterns of a class, read from seeds/cues and matched in one pass over a text.

A file `<class>.yaml` holds lists: `phrases` (whole words, any case; a final * matches any ending),
`patterns` (regular expressions), `headings` (phrases that count in headings only) and `not` (phrases
inside which no match counts). `negated` names the class that a negated match speaks for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ahocorasick
import yaml

from pipeline.errors import Problem, raise_if_any
from pipeline.taxonomy import Taxonomy

KINDS = ("phrases", "patterns", "headings")
_KEYS = {*KINDS, "not", "negated"}
_NEGATION = re.compile(
    r"\b(?:no|not|never|neither|nor|without|cannot|hardly|yet to|n[o']t (?:yet )?(?:been )?|"
    r"(?:refus|fail|declin|unabl|unwilling)\w*(?: to)?|\w+n['’]t)\W+(?:\w+\W+){0,3}$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class CueSet:
    """The cues of one class (a topic or a stance)."""

    class_id: str
    phrases: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    headings: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    negated: str | None = None


@dataclass(frozen=True)
class Match:
    """A cue found in a text: whose it is, of which kind, and where."""

    class_id: str
    kind: str
    cue: str
    start: int
    end: int
    negated: bool


def load_cues(folder: Path, taxonomy: Taxonomy) -> tuple[CueSet, ...]:
    """Read the cues of every class; only the default stance may have none.

    Raises:
        UserError: naming every mistake in every file, and every class without cues.
    """
    classes = (*taxonomy.topic_ids, *taxonomy.stance_ids)
    problems: list[Problem] = []
    sets: list[CueSet] = []
    for path in sorted(folder.glob("*.yaml")):
        if path.stem not in classes:
            problems.append(Problem(f"no class {path.stem!r} in the taxonomy", str(path), "add the class or remove it"))
            continue
        raw, found = _read(path)
        found += _mistakes(raw, path, classes) if not found else ()
        problems += found
        if not found:
            sets.append(_cue_set(path.stem, raw))
    have = {s.class_id for s in sets if s.phrases or s.patterns or s.headings}
    problems += [
        Problem(f"class {c!r} has no cues", str(folder), f"write {folder / c}.yaml with phrases or patterns")
        for c in classes
        if c not in have and c != taxonomy.default_stance and not (folder / f"{c}.yaml").is_file()
    ]
    raise_if_any(problems)
    return tuple(sets)


def _read(path: Path) -> tuple[dict[str, Any], list[Problem]]:
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        return {}, [Problem(f"not YAML ({' '.join(str(error).split())})", str(path), "mend the file")]
    if not isinstance(raw, dict):
        return {}, [Problem("not a mapping", str(path), f"use the keys {', '.join(sorted(_KEYS))}")]
    return raw, []


def _mistakes(raw: dict[str, Any], path: Path, classes: tuple[str, ...]) -> Iterator[Problem]:
    for key in raw.keys() - _KEYS:
        yield Problem(f"unknown key {key!r}", str(path), f"use the keys {', '.join(sorted(_KEYS))}")
    for key in (*KINDS, "not"):
        cues = raw.get(key) or []
        if not isinstance(cues, list) or not all(isinstance(cue, str) and cue.strip() for cue in cues):
            yield Problem("not a list of texts", f"{path}: {key}", "write one cue a line, quoted where YAML needs it")
        elif key == "patterns":
            yield from (
                Problem(f"not a regular expression: {cue}", f"{path}: {key}", "mend the pattern")
                for cue in cues
                if not _compiles(cue)
            )
    if raw.get("negated") not in (None, *classes):
        yield Problem(f"no class {raw['negated']!r}", f"{path}: negated", "name a class of the taxonomy")


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def _cue_set(class_id: str, raw: dict[str, Any]) -> CueSet:
    lists = {key: tuple(raw.get(key) or ()) for key in (*KINDS, "not")}
    excluded = lists.pop("not")
    return CueSet(class_id, **lists, excluded=excluded, negated=raw.get("negated"))


class CueMatcher:
    """All cues of all classes, matched together: phrases by one Aho-Corasick automaton.

    >>> matcher = CueMatcher([CueSet("energy", phrases=("crude oil",), excluded=("snake oil",))])
    >>> [m.cue for m in matcher.matches("Crude oil fell.")]
    ['crude oil']
    """

    def __init__(self, sets: Iterable[CueSet]):
        self._automaton = ahocorasick.Automaton()
        self._patterns: list[tuple[str, str, re.Pattern[str]]] = []
        entries: dict[str, list[tuple[str, str, str]]] = {}
        for cues in sets:
            for kind, phrases in (("phrases", cues.phrases), ("headings", cues.headings), ("not", cues.excluded)):
                for phrase in phrases:
                    entries.setdefault(phrase.lower().rstrip("*"), []).append((cues.class_id, kind, phrase))
            self._patterns += [(cues.class_id, p, re.compile(p, re.IGNORECASE)) for p in cues.patterns]
        for phrase, owners in entries.items():
            self._automaton.add_word(phrase, (len(phrase), tuple(owners)))
        if entries:
            self._automaton.make_automaton()

    def matches(self, text: str) -> list[Match]:
        """Every cue in `text` that no excluding phrase of its class covers, in order of place."""
        found = [*self._phrases(text), *self._regular(text)]
        excluded = [m for m in found if m.kind == "not"]
        kept = [m for m in found if m.kind != "not" and not any(_covers(e, m) for e in excluded)]
        return sorted(kept, key=lambda m: (m.start, m.end, m.class_id, m.cue))

    def _phrases(self, text: str) -> Iterator[Match]:
        lowered = text.lower()
        if len(lowered) != len(text):  # a few letters grow when lowered; offsets must hold
            lowered = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
        if not len(self._automaton):
            return
        for last, (length, owners) in self._automaton.iter(lowered):
            start, end = last - length + 1, last + 1
            if start and lowered[start - 1].isalnum():
                continue
            for class_id, kind, cue in owners:
                if cue.endswith("*") or end == len(lowered) or not lowered[end].isalnum():
                    yield Match(class_id, kind, cue, start, end, _is_negated(text, start))

    def _regular(self, text: str) -> Iterator[Match]:
        for class_id, cue, pattern in self._patterns:
            for hit in pattern.finditer(text):
                yield Match(class_id, "patterns", cue, hit.start(), hit.end(), _is_negated(text, hit.start()))


def _covers(outer: Match, inner: Match) -> bool:
    return outer.class_id == inner.class_id and outer.start <= inner.start and inner.end <= outer.end


def _is_negated(text: str, start: int) -> bool:
    """Whether a negation stands within the three words before, in the same clause (after NegEx, Chapman 2001)."""
    clause = re.split(r"[.;:,]|\bbut\b", text[max(0, start - 60) : start])[-1]
    return _NEGATION.search(clause) is not None

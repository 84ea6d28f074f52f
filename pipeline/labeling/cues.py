"""Cues: what speaks for a class, read from seeds/cues.

A file `<class>.yaml` holds lists: `phrases` (whole words, any case; a final * matches any ending),
`patterns` (regular expressions, any case but inside `(?-i:…)`), `headings` (phrases that count in headings
only), `prototypes` (sentences typical of the class) and `not` (phrases inside which no match counts). `negated`
names the class that a negated match speaks for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import Problem, raise_if_any
from pipeline.taxonomy import Taxonomy

KINDS = ("phrases", "patterns", "headings")
_LISTS = (*KINDS, "prototypes", "not")
_KEYS = {*_LISTS, "negated"}


@dataclass(frozen=True)
class CueSet:
    """The cues of one class (a topic or a stance)."""

    class_id: str
    phrases: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    headings: tuple[str, ...] = ()
    prototypes: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    negated: str | None = None


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
        found += _mistakes(raw, path, taxonomy.stance_ids) if not found else ()
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


def _mistakes(raw: dict[str, Any], path: Path, stances: tuple[str, ...]) -> Iterator[Problem]:
    for key in raw.keys() - _KEYS:
        yield Problem(f"unknown key {key!r}", str(path), f"use the keys {', '.join(sorted(_KEYS))}")
    for key in _LISTS:
        cues = raw.get(key) or []
        if not isinstance(cues, list) or not all(isinstance(cue, str) and cue.strip() for cue in cues):
            yield Problem("not a list of texts", f"{path}: {key}", "write one cue a line, quoted where YAML needs it")
        elif key == "patterns":
            yield from (
                Problem(f"not a regular expression: {cue}", f"{path}: {key}", "mend the pattern")
                for cue in cues
                if not _compiles(cue)
            )
    if raw.get("negated") is not None and not (raw["negated"] in stances and path.stem in stances):
        told = f"no stance {raw['negated']!r} of a stance"
        yield Problem(told, f"{path}: negated", "name a stance, in a stance's file")


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def _cue_set(class_id: str, raw: dict[str, Any]) -> CueSet:
    lists = {key: tuple(raw.get(key) or ()) for key in _LISTS}
    excluded = lists.pop("not")
    return CueSet(class_id, **lists, excluded=excluded, negated=raw.get("negated"))

"""Behavioural tests of a classifier, by capability (after CheckList, Ribeiro et al. 2020, ACL).

Each kind has a file of cases: `minimum.yaml` (a label that must be right), `invariance.yaml` (a change that must
leave the labels as they are) and `direction.yaml` (a change after which a class must be likelier).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.classifiers.decision import Classifier
from pipeline.errors import Problem, UserError, raise_if_any
from pipeline.schemas import Prediction, Text
from pipeline.taxonomy import Taxonomy

KEYS = {
    "minimum": {"text", "topics", "stance"},
    "invariance": {"text", "change"},
    "direction": {"text", "change", "toward"},
}
KINDS = tuple(KEYS)
MOVE = 0.1  # how much likelier the class must be for a direction case to pass
_REMEDY = "see the cases beside it for the form"


@dataclass(frozen=True)
class Case:
    """One behavioural test: a sentence and, but for `minimum`, its changed form.

    `topics` or `stance` are None where the case asks nothing of them; `toward` is the class (a stance or a topic)
    that the change must make likelier.
    """

    kind: str
    capability: str
    text: str
    variant: str = ""
    topics: tuple[str, ...] | None = None
    stance: str | None = None
    toward: str = ""


@dataclass(frozen=True)
class Outcome:
    """Whether a classifier passed a case, and what it said of the sentence and of its changed form."""

    case: Case
    passed: bool
    said: Prediction
    of_variant: Prediction | None = None


def load_cases(folder: Path, taxonomy: Taxonomy) -> tuple[Case, ...]:
    """Read the cases of all kinds.

    Raises:
        UserError: naming every mistake: unknown keys or classes, a change that finds nothing to change, repetitions.
    """
    problems: list[Problem] = []
    cases: dict[tuple[str, str, str], Case] = {}
    for kind in KINDS:
        for capability, entries in _read(folder / f"{kind}.yaml").items():
            for number, entry in enumerate(entries, start=1):
                where = f"{folder / kind}.yaml: {capability} {number}"
                found = _mistakes(kind, entry, taxonomy)
                if not found:
                    case = _case(kind, capability, entry)
                    found = ["stands twice"] if (kind, case.text, case.variant) in cases else []
                    cases[kind, case.text, case.variant] = case
                problems += [Problem(what, where, _REMEDY) for what in found]
    raise_if_any(problems)
    return tuple(cases.values())


def _read(path: Path) -> dict[str, list[Any]]:
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError.one("no such file", path, "name a folder with a file for each kind of case") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError.one(f"not YAML ({' '.join(str(error).split())})", path, "mend the file") from None
    if not isinstance(raw, dict) or not all(isinstance(entries, list) for entries in raw.values()):
        raise UserError.one("not a mapping of capabilities to lists of cases", path, _REMEDY)
    return raw


def _mistakes(kind: str, entry: Any, taxonomy: Taxonomy) -> list[str]:
    if not isinstance(entry, dict) or not {"text"} <= set(entry) <= KEYS[kind]:
        return [f"needs text, and takes the keys {', '.join(sorted(KEYS[kind]))}"]
    if not isinstance(entry["text"], str):
        return [f"text is not a text: {entry['text']!r}"]
    if not isinstance(topics := entry.get("topics", []), list):
        return [f"topics are no list: {topics!r}"]
    found = [f"no topic {t!r}" for t in topics if t not in taxonomy.topic_ids]
    if "stance" in entry and entry["stance"] not in taxonomy.stance_ids:
        found.append(f"no stance {entry['stance']!r}")
    if kind == "minimum":
        return found if {"topics", "stance"} & set(entry) else ["asks for nothing"]
    if kind == "direction" and entry.get("toward") not in (*taxonomy.topic_ids, *taxonomy.stance_ids):
        found.append(f"no class {entry.get('toward')!r} to move toward")
    return found + _idle(entry["text"], entry.get("change"))


def _idle(text: str, change: Any) -> list[str]:
    """Replacements that change nothing, where a case would pass whatever a model does, or that undo each other."""
    if not isinstance(change, dict) or not change:
        return ["no change"]
    if not all(isinstance(part, str) for pair in change.items() for part in pair):
        return [f"a change is no text: {change!r}"]
    olds = list(change)
    found = [
        f"{new!r} is changed again" for n, new in enumerate(change.values()) if any(o in new for o in olds[n + 1 :])
    ]
    return found + [f"changes nothing by {old!r}" for old, new in change.items() if old not in text or old == new]


def _case(kind: str, capability: str, entry: Mapping[str, Any]) -> Case:
    variant = entry["text"]
    for old, new in entry.get("change", {}).items():
        variant = variant.replace(old, new)
    return Case(
        kind,
        capability,
        entry["text"],
        variant if "change" in entry else "",
        tuple(entry["topics"]) if "topics" in entry else None,
        entry.get("stance"),
        entry.get("toward", ""),
    )


def try_cases(classifier: Classifier, cases: Sequence[Case]) -> list[Outcome]:
    """Put every case to a classifier; sentences stand alone, without heading or previous sentence."""
    said = classifier.decision.predict(*classifier.predict_proba([Text(c.text) for c in cases]))
    changed = classifier.decision.predict(*classifier.predict_proba([Text(c.variant or c.text) for c in cases]))
    return [
        Outcome(case, _passes(case, one, other), one, other if case.variant else None)
        for case, one, other in zip(cases, said, changed, strict=True)
    ]


def _passes(case: Case, said: Prediction, of_variant: Prediction) -> bool:
    if case.kind == "minimum":
        return (case.topics is None or set(said.topics) == set(case.topics)) and case.stance in (None, said.stance)
    if case.kind == "invariance":
        return (set(said.topics), said.stance) == (set(of_variant.topics), of_variant.stance)
    return _probability(of_variant, case.toward) - _probability(said, case.toward) >= MOVE


def _probability(said: Prediction, class_id: str) -> float:
    return {**said.topic_scores, **said.stance_scores}[class_id]


def pass_rates(outcomes: Sequence[Outcome]) -> dict[str, dict[str, float]]:
    """Share of cases passed, by kind and by capability (and over "all" of a kind)."""
    hits: dict[str, dict[str, list[bool]]] = {}
    for outcome in outcomes:
        own = hits.setdefault(outcome.case.kind, {})
        own.setdefault("all", []).append(outcome.passed)
        own.setdefault(outcome.case.capability, []).append(outcome.passed)
    return {kind: {c: round(sum(h) / len(h), 4) for c, h in own.items()} for kind, own in hits.items()}


def load_floors(path: Path) -> dict[str, dict[str, dict[str, float]]]:
    """The least pass rates: by model, kind and capability."""
    floors: dict[str, dict[str, dict[str, float]]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return floors


def shortfalls(rates: Mapping[str, Mapping[str, float]], floors: Mapping[str, Mapping[str, float]]) -> list[str]:
    """A line for each capability whose pass rate is below its floor, or that has no floor."""
    return [
        f"{kind} {capability}: {rate:.2f} " + (f"< {floor:.2f}" if floor is not None else "has no floor")
        for kind, own in rates.items()
        for capability, rate in own.items()
        for floor in (floors.get(kind, {}).get(capability),)
        if floor is None or rate < floor
    ]

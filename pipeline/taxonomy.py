"""The classes: which topics and stances there are. Retargeting the pipeline starts in this file's input."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import Problem, UserError, raise_if_any

_ID = re.compile(r"[a-z][a-z0-9_]*")
_REMEDY = "see docs/retarget.md for the form"


@dataclass(frozen=True)
class LabelClass:
    """One topic or stance: `id` in data and params, `label` for people, `definition` for annotators."""

    id: str
    label: str
    definition: str


@dataclass(frozen=True)
class Taxonomy:
    """Topics (multi-label) and stances (single-label) toward the `target`; order is the order of columns."""

    topics: tuple[LabelClass, ...]
    stances: tuple[LabelClass, ...]
    target: str
    default_stance: str

    @property
    def topic_ids(self) -> tuple[str, ...]:
        return tuple(topic.id for topic in self.topics)

    @property
    def stance_ids(self) -> tuple[str, ...]:
        return tuple(stance.id for stance in self.stances)


def _classes(raw: Any, key: str, path: Path) -> tuple[list[LabelClass], list[Problem]]:
    problems: list[Problem] = []
    classes: list[LabelClass] = []
    if not isinstance(raw, list) or not raw:
        return [], [Problem("missing or not a list", f"{path}: {key}", _REMEDY)]
    for index, entry in enumerate(raw):
        where = f"{path}: {key}[{index}]"
        if not isinstance(entry, dict) or set(entry) != {"id", "label", "definition"}:
            problems.append(Problem("needs exactly id, label and definition", where, _REMEDY))
        elif not isinstance(entry["id"], str) or not _ID.fullmatch(entry["id"]):
            problems.append(Problem(f"bad id {entry['id']!r}", where, "use lower-case letters, digits and _"))
        else:
            classes.append(LabelClass(entry["id"], str(entry["label"]), str(entry["definition"]).strip()))
    for id_ in sorted({c.id for c in classes if [d.id for d in classes].count(c.id) > 1}):
        problems.append(Problem(f"id {id_!r} stands twice", f"{path}: {key}", "give every class its own id"))
    return classes, problems


def load_taxonomy(path: Path) -> Taxonomy:
    """Read and check a taxonomy file.

    Raises:
        UserError: naming every mistake in the file.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError.one("no such file", path, "restore seeds/taxonomy.yaml or name another") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError.one(f"not YAML ({' '.join(str(error).split())})", path, _REMEDY) from None
    if not isinstance(raw, dict):
        raise UserError.one("not a mapping", path, _REMEDY)
    problems = [
        Problem(f"unknown key {key!r}", str(path), "remove it")
        for key in set(raw) - {"target", "default_stance", "topics", "stances"}
    ]
    topics, topic_problems = _classes(raw.get("topics"), "topics", path)
    stances, stance_problems = _classes(raw.get("stances"), "stances", path)
    problems += topic_problems + stance_problems
    taken = {"stance", "none", *(stance.id for stance in stances)}  # tables have them beside topics
    problems += [
        Problem(f"a topic has the id {topic.id!r}", f"{path}: topics", f"take one beside {', '.join(sorted(taken))}")
        for topic in topics
        if topic.id in taken
    ]
    if len(stances) == 1 and not stance_problems:
        problems.append(Problem("one stance alone", f"{path}: stances", "give at least two"))
    default = raw.get("default_stance")
    if not stance_problems and default not in [stance.id for stance in stances]:
        problems.append(Problem(f"default_stance {default!r} is no stance", str(path), "name one of the stances"))
    if not isinstance(raw.get("target"), str):
        problems.append(Problem("target is missing", str(path), "say in a phrase what the stance is toward"))
    raise_if_any(problems)
    return Taxonomy(tuple(topics), tuple(stances), raw["target"].strip(), str(default))

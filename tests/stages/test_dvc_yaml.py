"""dvc.yaml tells the whole story: modules, params and files of every stage."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import grimp
import pytest
import yaml

ROOT = Path(__file__).parents[2]


@cache
def story() -> dict[str, Any]:
    raw: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
    return raw


def stages() -> list[str]:
    return list(story()["stages"])


def filled(text: str, item: str = "") -> str:
    """`text` with its variables in place."""
    values = {key: value for entry in story()["vars"] for key, value in entry.items()} | {"item.model": item}
    return re.sub(r"\$\{([\w.]+)\}", lambda match: values[match[1]], text)


def expanded() -> Iterator[tuple[str, dict[str, Any], str]]:
    """Every stage, those of a matrix once for each of its models."""
    for name, stage in story()["stages"].items():
        for item in stage.get("matrix", {}).get("model", [""]):
            yield name, stage, item


def files(stage: dict[str, Any], key: str, item: str) -> set[str]:
    entries = [next(iter(e)) if isinstance(e, dict) else e for e in stage.get(key, [])]
    return {filled(entry, item) for entry in entries}


@pytest.mark.parametrize("name", stages())
def test_deps_are_exactly_the_modules_that_a_stage_imports(name: str) -> None:
    graph = grimp.build_graph("pipeline", cache_dir=None)
    module = f"pipeline.stages.{name}"
    used = {m.replace(".", "/") + ".py" for m in {module, *graph.find_upstream_modules(module)}}
    used = {path for path in used if (ROOT / path).is_file()}  # packages' __init__ hold nothing but a docstring
    named = {dep for dep in files(story()["stages"][name], "deps", "") if dep.startswith("pipeline/")}
    assert {"missing": used - named, "superfluous": named - used} == {"missing": set(), "superfluous": set()}


def test_packages_themselves_hold_no_code() -> None:
    for path in (ROOT / "pipeline").rglob("__init__.py"):
        body = re.sub(r'""".*?"""', "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert not body.strip(), path


def test_each_stage_has_its_module_and_its_params() -> None:
    modules = {path.stem for path in (ROOT / "pipeline" / "stages").glob("*.py")} - {"__init__"}
    sections = set(yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8")))
    assert modules == set(stages()) == sections
    for name, stage in story()["stages"].items():
        assert stage["params"] == [name]
        assert f"python -m pipeline.stages.{name} " in stage["cmd"]


def test_a_command_names_no_file_that_is_neither_read_nor_made() -> None:
    for name, stage, item in expanded():
        known = set().union(*(files(stage, key, item) for key in ("deps", "outs", "metrics")))
        words = [w for w in filled(stage["cmd"], item).split() if "/" in w]
        for word in words:
            assert word in known or any(k.startswith(f"{word}/") for k in known), (name, word)


def touches(one: str, other: str) -> bool:
    """Whether two paths are the same or one is a folder that holds the other."""
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


def downstream(path: str) -> set[str]:
    """Stages that rerun when `path` changes."""
    found: set[str] = set()
    changed = {path}
    while True:
        new = {
            (name, item)
            for name, stage, item in expanded()
            if any(touches(dep, c) for dep in files(stage, "deps", item) for c in changed)
        }
        names = {name for name, _ in new}
        if names == found:
            return found
        found = names
        for name, stage, item in expanded():
            if (name, item) in new:
                changed |= files(stage, "outs", item) | files(stage, "metrics", item)


AFTER_LABEL = {"label", "train_baseline", "train_finetuned", "export", "combine", "evaluate", "compare"}


@pytest.mark.parametrize(
    ("path", "stages"),
    [
        ("seeds/cues/energy.yaml", AFTER_LABEL),
        ("seeds/annotations/first.jsonl", AFTER_LABEL | {"split", "validate"}),
        ("data/raw/articles/x.md", AFTER_LABEL | {"ingest", "split", "validate"}),
        ("models/finetuned/model", {"export", "combine", "evaluate", "compare"}),
        ("pipeline/classifiers/baseline.py", {"train_baseline", "combine", "evaluate", "compare"}),
    ],
)
def test_a_change_reruns_what_hangs_on_it_and_nothing_before(path: str, stages: set[str]) -> None:
    assert downstream(path) == stages


def test_every_model_may_be_a_candidate() -> None:
    models = story()["stages"]["evaluate"]["matrix"]["model"]
    folder = filled("${models}")
    wanted = {f"{folder}/{model}/{part}" for model in models for part in ("model", "evaluation")}
    assert wanted <= files(story()["stages"]["compare"], "deps", "")


def test_test_labels_are_read_by_evaluate_alone() -> None:
    test = "data/labels/test.jsonl"
    reads = [(name, files(stage, "deps", item)) for name, stage, item in expanded()]
    readers = {name for name, deps in reads if any(touches(dep, test) for dep in deps)}
    assert readers == {"evaluate"}


def test_plots_are_of_files_that_stages_make() -> None:
    made = set().union(*(files(stage, "outs", item) for _, stage, item in expanded()))
    for entry in story()["plots"]:
        ((name, options),) = entry.items() if isinstance(entry, dict) else [(entry, {})]
        sources = options["y"] if isinstance(options.get("y"), dict) else [name]
        assert all(source in made or any(source.startswith(f"{one}/") for one in made) for source in sources), name

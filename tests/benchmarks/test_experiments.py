"""The benchmark of changes to fine-tuning takes what params take, and compares seed by seed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from pipeline.errors import UserError
from pipeline.params import Params
from pipeline.schemas import LabelledSentence
from pipeline.storage import to_json, write_jsonl
from pipeline.tracking.runs import as_text


@pytest.fixture(scope="module")
def experiments(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("experiments")


def test_a_change_is_checked_like_params(experiments: ModuleType, params: Params) -> None:
    given = params.train_finetuned
    chosen = experiments.changed(given, "context=none,dropout=0.2", 7)
    assert chosen == given.model_copy(update={"context": "none", "dropout": 0.2, "seed": 7})
    assert experiments.changed(given, "default", given.seed) == given
    with pytest.raises(UserError, match="context"):
        experiments.changed(given, "context=everything", 0)


def test_other_data_share_or_defaults_are_another_basis(
    experiments: ModuleType, params: Params, tmp_path: Path
) -> None:
    given, one, other = params.train_finetuned, tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        (folder / "train.jsonl").write_text(folder.name)
    same = experiments.basis(given, one, 0.25)
    assert same == experiments.basis(given.model_copy(update={"seed": 7}), one, 0.25)
    assert same != experiments.basis(given.model_copy(update={"epochs": 7}), one, 0.25)
    assert same != experiments.basis(given, other, 0.25)
    assert same != experiments.basis(given, one, 0.5)


def stored(change: str, seed: str, stance: float, basis: str = "abc", day: int = 1, **params: Any) -> Any:
    metrics = {"validation.topics.macro_f1": 0.5, "validation.stance.macro_f1": stance, "train.cpu_seconds": 60.0}
    values = {f"train_finetuned.{name}": as_text(value) for name, value in params.items()}
    values |= {"train_finetuned.seed": seed, "share": "0.5"}
    data = SimpleNamespace(metrics=metrics, tags={"change": change, "basis": basis}, params=values)
    return SimpleNamespace(data=data, info=SimpleNamespace(start_time=(day * 86_400 + 43_200) * 1000))


def test_gains_are_of_equal_seeds_and_the_best_stands_first(
    experiments: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [stored("default", "0", 0.6), stored("default", "1", 0.8), stored("better", "1", 0.9)]
    monkeypatch.setattr(experiments, "search", lambda query: [*runs, stored("default", "1", 0.1, "other")])
    _, _, better, default = experiments.table(experiments.trials()["abc"]).splitlines()
    assert "`better`" in better
    assert "+0.100" in better
    assert "0.700 ± 0.141" in default


def test_a_table_tells_of_other_bases_and_when_it_is_empty(
    experiments: ModuleType,
    params: Params,
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given, runs = params.train_finetuned, []
    monkeypatch.setattr(experiments, "search", lambda query: runs)
    files = {"labels": tmp_path, "taxonomy": root / "seeds" / "taxonomy.yaml", "params": root / "params.yaml"}

    def printed(**options: bool) -> str:
        experiments.main(None, share=0.25, **options, **files)
        return capsys.readouterr().out

    assert printed(every=True) == "no trials yet\n"
    assert printed(show=True).startswith("no trials with share 0.25") and printed(show=True).count("\n") == 1
    runs += [
        stored("default", "3", 0.6, experiments.basis(given, tmp_path, 0.25), 2, **given.model_dump(exclude={"seed"})),
        stored("context=none,epochs=9", "3", 0.7, "x", context="none", epochs=9, dropout=0.7, gone=1),
        stored("epochs=9", "3", 0.7, "x", context="heading", epochs=9, dropout=0.7),
    ]
    own, other = printed(every=True).split("\n\n| change")[0], printed(every=True).splitlines()
    assert own == "1970-01-03, share 0.5, default params as today"
    assert "1970-01-02, share 0.5, context=heading, dropout=0.7, gone=1" in other
    assert "`default`" in printed(show=True) and "epochs" not in printed(show=True)


def test_what_is_not_taught_is_there_unlabelled(
    experiments: ModuleType,
    labelled: list[LabelledSentence],
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bare = {"topics": {}, "stance": {}, "origin": "none", "weight": 0.0}
    files = {"train": labelled[1:], "validation": labelled, "unlabelled": [{**as_json(labelled[0]), **bare}]}
    for name, rows in files.items():
        write_jsonl(tmp_path / f"{name}.jsonl", rows)
    asked: list[tuple[Sequence[LabelledSentence], Sequence[LabelledSentence]]] = []

    def train(rows, held, params, classes, *, unlabelled):  # type: ignore[no-untyped-def]
        assert params.masked_epochs == 1
        asked.append((rows, unlabelled))
        return SimpleNamespace(curve=[dict.fromkeys((experiments.SCORE, *experiments.FIGURES), 0.5)])

    monkeypatch.setattr(experiments.finetuning, "train", train)
    monkeypatch.setattr(experiments, "search", lambda query: [])
    monkeypatch.setattr(experiments, "part", lambda rows, share: [row for row in rows if row.article_id == "a1"])
    monkeypatch.setenv("DETENTE_TRACKING", "off")
    taxonomy, params = root / "seeds" / "taxonomy.yaml", root / "params.yaml"
    experiments.main(["masked_epochs=1"], "0", 0.5, False, False, tmp_path, taxonomy, params)
    ((rows, unlabelled),) = asked
    assert {row.article_id for row in rows} == {"a1"} and {row.origin for row in rows} == {"annotation"}
    assert {row.sentence_id for row in [*rows, *unlabelled]} == {row.sentence_id for row in labelled}
    assert len(rows) + len(unlabelled) == len(labelled)
    assert all({name: as_json(row)[name] for name in bare} == bare for row in unlabelled)


def as_json(row: LabelledSentence) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(to_json(row))
    return told

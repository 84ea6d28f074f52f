"""The benchmark of adaptation copies the project and an archive as they are, or a part of them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def adaptation(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("adaptation")


def test_some_articles_stay_with_their_annotations(adaptation: ModuleType, tmp_path: Path) -> None:
    raw, annotations = tmp_path / "raw", tmp_path / "annotations"
    for folder in (raw, annotations):
        folder.mkdir()
    for name in ("c", "a", "b"):
        (raw / f"{name}.md").write_text("text")
    lines = [json.dumps({"sentence_id": f"{name}:1", "text": "a\u2028b"}, ensure_ascii=False) for name in "abc"]
    (annotations / "all.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    adaptation.keep_some(raw, annotations, 2)
    assert sorted(path.name for path in raw.iterdir()) == ["a.md", "b.md"]
    assert (annotations / "all.jsonl").read_text(encoding="utf-8") == "\n".join(lines[:2]) + "\n"


def test_changes_replace_single_values(adaptation: ModuleType) -> None:
    params = {"label": {"supervision": "annotations", "weight": 0.3}, "split": {"salt": "x"}}
    changed = adaptation.with_changes(params, adaptation.CUES, {"split": {"salt": "y"}})
    assert changed == {"label": {"supervision": "both", "weight": 0.3}, "split": {"salt": "y"}}
    assert params["label"]["supervision"] == "annotations"


@pytest.mark.parametrize(
    ("name", "limit", "kept"),
    [("a.parquet", 1, b"\xff\n\xfe\n"), ("a.jsonl", 0, b"\xff\n\xfe\n"), ("a.jsonl", 1, b"\xff\n")],
)
def test_an_archive_is_copied_byte_by_byte(
    adaptation: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, limit: int, kept: bytes
) -> None:
    project, scratch, archive = tmp_path / "project", tmp_path / "scratch", tmp_path / name
    for part in ("pipeline", "seeds/annotations", "data/raw/articles", ".dvc/plots"):
        (project / part).mkdir(parents=True)
    for file in ("dvc.yaml", "params.yaml"):
        (project / file).touch()
    scratch.mkdir()
    archive.write_bytes(b"\xff\n\xfe\n")
    monkeypatch.setattr(adaptation, "ROOT", project)
    told: list[dict[str, str]] = []
    monkeypatch.setattr(subprocess, "run", lambda words, cwd, env, check: told.append(env))
    adaptation.copy_project(scratch, archive, limit)
    adaptation.train(scratch)
    assert (scratch / "data" / "raw" / "articles" / name).read_bytes() == kept
    assert [env["PATH"].split(":")[0] for env in told] == [str(Path(sys.executable).parent)] * 2

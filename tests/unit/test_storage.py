"""Atomic files, JSON Lines, and sealed folders that notice a changed byte."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import UserError
from pipeline.schemas import Annotation, Reject
from pipeline.storage import (
    MANIFEST,
    atomic_folder,
    atomic_write,
    left_by_killed,
    read_json,
    read_jsonl,
    seal,
    sha256_of,
    verify,
    write_json,
    write_jsonl,
)


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError), atomic_write(path) as file:
        file.write(b"new")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_on_the_disk_before_it_takes_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[tuple[str, int]] = []
    monkeypatch.setattr(os, "fsync", lambda handle: steps.append(("fsync", os.fstat(handle).st_size)))
    monkeypatch.setattr(os, "replace", lambda source, target: steps.append(("replace", Path(source).stat().st_size)))
    with atomic_write(tmp_path / "a.txt") as file:
        file.write(b"all of it")
    assert steps == [("fsync", 9), ("replace", 9)]


def test_a_failed_folder_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.mkdir()
    (path / "old").touch()
    with pytest.raises(RuntimeError), atomic_folder(path) as folder:
        (folder / "new").touch()
        raise RuntimeError
    assert [p.name for p in path.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_finished_folder_replaces_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "old").touch()
    with atomic_folder(tmp_path / "model") as folder:
        (folder / "new").touch()
    assert [p.name for p in (tmp_path / "model").iterdir()] == ["new"]


texts = st.text(st.characters(codec="utf-8"))


@given(st.lists(st.builds(Annotation, texts, texts, st.lists(texts).map(tuple), texts)))
def test_records_come_back_as_they_were(tmp_path_factory: pytest.TempPathFactory, rows: list[Annotation]) -> None:
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    write_jsonl(path, rows)
    assert read_jsonl(path, Annotation) == rows


def test_each_broken_line_is_told(tmp_path: Path) -> None:
    path = tmp_path / "rejects.jsonl"
    path.write_text('{"file": "a", "row": 1, "reason": "r"}\n{"file": 1}\nnot json\n[1]\n', encoding="utf-8")
    with pytest.raises(UserError) as caught:
        read_jsonl(path, Reject)
    assert [p.where[-1] for p in caught.value.problems] == ["2", "3", "4"]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    (folder / "weights").write_bytes(b"\0" * 100)
    (folder / "sub" / "words").write_text("a b")
    seal(folder, "baseline")
    return folder


def test_a_sealed_folder_verifies_and_its_hash_is_of_its_files(model: Path, tmp_path: Path) -> None:
    manifest = verify(model)
    assert manifest["kind"] == "baseline"
    assert set(manifest["files"]) == {"weights", "sub/words"}
    assert seal(model, "baseline") == manifest["sha256"]


def test_one_flipped_byte_is_noticed(model: Path) -> None:
    data = bytearray((model / "weights").read_bytes())
    data[50] ^= 1
    (model / "weights").write_bytes(data)
    with pytest.raises(UserError, match="weights: bytes differ") as caught:
        verify(model)
    assert len(caught.value.problems) == 1


def test_a_changed_hash_of_the_model_is_noticed(model: Path) -> None:
    manifest = read_json(model / MANIFEST)
    write_json(model / MANIFEST, manifest | {"sha256": "0" * 64})
    with pytest.raises(UserError, match=r"manifest\.json: the model's hash is not that of its files"):
        verify(model)


def test_missing_and_added_files_are_noticed_together(model: Path) -> None:
    (model / "weights").unlink()
    (model / "extra").touch()
    with pytest.raises(UserError) as caught:
        verify(model)
    assert len(caught.value.problems) == 2


def test_a_folder_without_manifest_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no model here"):
        verify(tmp_path)


def test_the_hash_of_a_folder_sees_names_and_contents(tmp_path: Path) -> None:
    for name, file, text in (("a", "x", "1"), ("b", "x", "1"), ("c", "y", "1"), ("d", "x", "2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text(text)
    hashes = [sha256_of(tmp_path / name) for name in "abcd"]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_killed_writer_left_is_cleared_by_the_next(kind: str, tmp_path: Path, root: Path) -> None:
    write = "atomic_write" if kind == "file" else "atomic_folder"
    code = f"""
import os, signal
from pathlib import Path
from pipeline.storage import {write}
with {write}(Path("out")) as it:
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(root)}, check=False)
    (left,) = tmp_path.iterdir()
    assert left_by_killed(tmp_path) == [left]
    with atomic_write(tmp_path / "out"), atomic_write(tmp_path / "out"):  # a living writer is left alone
        assert not left.exists()
        assert len(list(tmp_path.glob(".out.*.part"))) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["out"]

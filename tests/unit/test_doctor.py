"""Each kind of damage is found, and a healthy checkout has none."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from pipeline import doctor
from pipeline.cli import app
from pipeline.storage import seal
from pipeline.tracking.journal import begin
from pipeline.tracking.origin import dvc_md5

MODEL = "models/baseline/model"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout, the current folder, with one model in place and in the cache, as DVC lays it out."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / MODEL
    folder.mkdir(parents=True)
    (folder / "weights").write_bytes(b"1234")
    seal(folder, "baseline")
    md5 = dvc_md5(folder)
    listing = [{"md5": dvc_md5(p), "relpath": p.name} for p in sorted(folder.iterdir())]
    objects = {md5: json.dumps(listing).encode()} | {dvc_md5(p): p.read_bytes() for p in folder.iterdir()}
    for name, content in objects.items():
        path = tmp_path / ".dvc" / "cache" / "files" / "md5" / name[:2] / name[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    lock = {"schema": "2.0", "stages": {"train_baseline": {"cmd": "x", "outs": [{"path": MODEL, "md5": md5}]}}}
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump(lock))
    (tmp_path / ".dvc" / "tmp").mkdir()
    (tmp_path / "requirements.lock").write_text(f"pytest=={importlib.metadata.version('pytest')}\n")
    return tmp_path


def only(checkout: Path) -> tuple[str, str, str]:
    (found,) = doctor.findings(checkout)
    return found.what, found.where, found.remedy


def gone() -> int:
    """The id of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def store_of(path: Path, version: str) -> None:
    """A database that says it has this migration."""
    path.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("create table alembic_version (version_num text)")
        database.execute("insert into alembic_version values (?)", (version,))


def test_a_healthy_checkout(checkout: Path) -> None:
    (checkout / ".dvc" / "tmp" / "rwlock").write_text("{}")
    assert list(doctor.findings(checkout)) == []


def test_a_dvc_lock_with_marks_of_a_merge(checkout: Path) -> None:
    path = checkout / "dvc.lock"
    path.write_text(f"<<<<<<< HEAD\n{path.read_text()}=======\n>>>>>>> other\n")
    assert only(checkout) == ("cannot be read", str(path), f"git checkout HEAD -- {path}")


def test_outside_a_project(tmp_path: Path) -> None:
    (found,) = doctor.checkout(tmp_path)
    assert "no project" in found.what


def test_a_lock_left_behind(checkout: Path) -> None:
    path = checkout / ".dvc" / "tmp" / "rwlock"
    owner = {"pid": gone(), "cmd": "dvc repro"}
    path.write_text(json.dumps({"write": {"/x": owner}, "read": {}}))
    what, where, remedy = only(checkout)
    assert str(owner["pid"]) in what
    assert (where, remedy) == (str(path), f"rm -f {path}")
    path.write_text(json.dumps({"write": {"/x": owner}, "read": {"/y": [{"pid": os.getpid(), "cmd": "dvc"}]}}))
    assert only(checkout)[2] == "dvc repro"


def test_dead_readers_matter_only_where_a_stage_writes(checkout: Path) -> None:
    path, owner = checkout / ".dvc" / "tmp" / "rwlock", {"pid": gone(), "cmd": "dvc repro"}
    path.write_text(json.dumps({"read": {str(checkout / "params.yaml"): [owner]}}))
    assert list(doctor.findings(checkout)) == []
    for read in (MODEL, "models", f"{MODEL}/weights"):
        path.write_text(json.dumps({"read": {str(checkout / read): [owner]}}))
        assert only(checkout)[2] == f"rm -f {path}"


def test_a_zombie_is_gone_and_dvc_cannot_let_go_of_its_lock(checkout: Path) -> None:
    path = checkout / ".dvc" / "tmp" / "rwlock"
    zombie = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    owner = {"pid": zombie.pid, "cmd": "dvc repro"}
    path.write_text(json.dumps({"write": {"/x": owner}}))
    assert only(checkout)[2] == f"rm -f {path}"
    path.write_text(json.dumps({"write": {"/x": owner, "/y": {"pid": os.getpid(), "cmd": "dvc"}}}))
    assert only(checkout)[2] == f"wait for {os.getpid()} to end, then rm -f {path}"
    zombie.wait()
    assert only(checkout)[2] == "dvc repro"


def test_a_lock_whose_owners_id_has_passed_to_another_process(checkout: Path) -> None:
    path = checkout / ".dvc" / "tmp" / "rwlock"
    path.write_text(json.dumps({"write": {"/x": {"pid": os.getpid(), "cmd": "dvc repro"}}, "read": {}}))
    assert list(doctor.findings(checkout)) == []
    os.utime(path, (0, 0))  # written long before this process began
    assert only(checkout)[2] == f"rm -f {path}"


def test_a_broken_lock(checkout: Path) -> None:
    (checkout / ".dvc" / "tmp" / "rwlock").write_text("")
    assert only(checkout)[0] == "lock file is broken"


def test_what_a_killed_stage_left(checkout: Path) -> None:
    left = checkout / "models" / "baseline" / f".model.{gone()}.abc.part"
    left.mkdir()
    assert only(checkout)[1:] == (str(left), f"rm -r {left}")
    left.rmdir()
    (checkout / "models" / "baseline" / f".model.{os.getpid()}.abc.part").mkdir()  # its writer is alive
    assert list(doctor.findings(checkout)) == []


@pytest.mark.parametrize("which", ["list", "file"])
def test_a_flipped_byte_in_the_cache(checkout: Path, which: str) -> None:
    md5 = dvc_md5(checkout / MODEL) if which == "list" else hashlib.md5(b"1234").hexdigest()
    path = checkout / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(data)
    what, where, remedy = only(checkout)
    assert "damaged" in what
    assert where == str(path)
    assert remedy == f"rm -f {path} && dvc repro train_baseline"


def test_a_cache_elsewhere_with_an_object_missing(checkout: Path) -> None:
    (checkout / ".dvc" / "cache").rename(checkout / "shared")
    (checkout / ".dvc" / "config.local").write_text("[cache]\n    dir = ../shared\n")
    assert list(doctor.findings(checkout)) == []
    md5 = hashlib.md5(b"1234").hexdigest()
    (checkout / "shared" / "files" / "md5" / md5[:2] / md5[2:]).unlink()
    assert "missing" in only(checkout)[0]


def test_a_model_whose_bytes_differ(checkout: Path) -> None:
    (checkout / MODEL / "weights").write_bytes(b"4321")
    assert only(checkout)[2] == f"dvc checkout --force {MODEL}"
    seal(checkout / MODEL, "baseline")  # whole in itself, but not the one of dvc.lock
    assert only(checkout)[0] == "another model than dvc.lock names"


def test_a_folder_of_tables_is_no_model(checkout: Path) -> None:
    (checkout / "data" / "labels").mkdir(parents=True)
    (checkout / "data" / "labels" / "train.jsonl").write_text("{}")
    lock = yaml.safe_load((checkout / "dvc.lock").read_text())
    md5 = dvc_md5(checkout / "data" / "labels")
    lock["stages"]["label"] = {"cmd": "x", "outs": [{"path": "data/labels", "md5": md5}]}
    (checkout / "dvc.lock").write_text(yaml.safe_dump(lock))
    assert list(doctor.findings(checkout)) == []


def test_a_model_without_a_manifest_and_one_that_is_not_made_yet(checkout: Path) -> None:
    (checkout / MODEL / "manifest.json").unlink()
    assert only(checkout) == ("no model here", str(checkout / MODEL), f"dvc checkout --force {MODEL}")
    shutil.rmtree(checkout / MODEL)
    assert list(doctor.findings(checkout)) == []


def test_from_a_subfolder_the_same_is_found_and_the_commands_fit_that_folder(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout / MODEL / "weights").write_bytes(b"4321")
    (checkout / "docs").mkdir()
    for folder, where, mend in (
        (".", f"{MODEL}/weights", f"dvc checkout --force {MODEL}"),
        ("docs", f"../{MODEL}/weights", f"dvc --cd .. checkout --force {MODEL}"),
    ):
        monkeypatch.chdir(checkout / folder)
        (problem,) = CliRunner().invoke(app, ["doctor"]).exception.problems  # type: ignore[union-attr]
        assert (problem.where, problem.remedy) == (where, mend)


def test_a_store_that_is_not_migrated(checkout: Path) -> None:
    path = checkout / "mlflow.db"
    known, last = doctor.migrations()
    store_of(path, *last)
    assert list(doctor.findings(checkout)) == []
    store_of(path, min(known - last))
    assert only(checkout)[2] == f"mlflow db upgrade sqlite:///{path}"
    store_of(path, "0123abc")
    what, _, remedy = only(checkout)
    assert "newer MLflow" in what
    assert remedy == f"python -m pip install -r {checkout / 'requirements.lock'}"
    path.write_text("no database")
    assert "not a tracking database" in only(checkout)[0]


def test_runs_that_wait_and_packages_that_differ(checkout: Path) -> None:
    journal = begin(checkout / "mlspool", {"name": "x"})
    with journal.lock("writing"):
        assert list(doctor.findings(checkout)) == []
    assert only(checkout)[2] == "detente track"
    journal.remove()
    path = checkout / "requirements.lock"
    path.write_text("pytest==0.1\nno-such-package==1\n")
    what, _, remedy = only(checkout)
    assert "pytest" in what and "no-such-package absent" in what
    assert remedy == f"python -m pip install -r {path}"

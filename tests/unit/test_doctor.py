"""Each kind of damage is found, and a healthy checkout has none."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipeline import doctor
from pipeline.storage import seal
from pipeline.tracking.journal import begin
from pipeline.tracking.origin import dvc_md5

MODEL = "models/baseline/model"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with one model in place and in the cache, as DVC lays it out."""
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


def test_a_healthy_checkout(checkout: Path) -> None:
    (checkout / ".dvc" / "tmp" / "rwlock").write_text("{}")
    assert list(doctor.findings(checkout)) == []


def test_a_lock_left_behind(checkout: Path) -> None:
    path = checkout / ".dvc" / "tmp" / "rwlock"
    owner = {"pid": gone(), "cmd": "dvc repro"}
    path.write_text(json.dumps({"write": {"/x": owner}, "read": {}}))
    what, where, remedy = only(checkout)
    assert str(owner["pid"]) in what
    assert (where, remedy) == (str(path), f"rm -f {path}")
    path.write_text(json.dumps({"write": {"/x": owner}, "read": {"/y": [{"pid": os.getpid(), "cmd": "dvc"}]}}))
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


def test_a_store_that_is_not_migrated(checkout: Path) -> None:
    path = checkout / "mlflow.db"
    for version, count in ((next(iter(doctor.heads())), 0), ("0123abc", 1)):
        path.unlink(missing_ok=True)
        with sqlite3.connect(path) as database:
            database.execute("create table alembic_version (version_num text)")
            database.execute("insert into alembic_version values (?)", (version,))
        database.close()
        assert len(list(doctor.findings(checkout))) == count
    assert only(checkout)[2] == f"mlflow db upgrade sqlite:///{path}"
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

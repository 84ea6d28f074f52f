"""What `detente doctor` names as the mend does mend: each command is run, and then nothing is wrong any more."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from pipeline import doctor
from pipeline.storage import seal
from pipeline.tracking.origin import dvc_md5
from tests.miniature import Run

MODEL = Path("models/small/model")
STAGE = {"cmd": f"mkdir -p {MODEL.parent} && cp -r made {MODEL}", "deps": ["made"], "outs": [str(MODEL)]}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Path:
    """A project of DVC's whose one stage makes a model, after its first `dvc repro`."""
    folder = tmp_path_factory.mktemp("made")
    for part in ("made", ".dvc"):
        (folder / part).mkdir()
    (folder / "made" / "weights").write_text("1234")
    (folder / "made" / "words").write_text("abcd")
    seal(folder / "made", "small")
    (folder / ".dvc" / "config").write_text("[core]\n    no_scm = true\n    analytics = false\n")
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"train": STAGE}}))
    run(folder, "dvc", "repro")
    assert list(doctor.findings(folder)) == []
    return folder


@pytest.fixture
def own(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy that may be broken: the current folder."""
    shutil.copytree(made, tmp_path / "own", symlinks=True)
    monkeypatch.chdir(tmp_path / "own")
    return Path()


def cached(name: str) -> Path:
    md5 = dvc_md5(MODEL / name)
    path = Path(".dvc/cache/files/md5", md5[:2], md5[2:])
    path.chmod(0o644)
    return path


def gone() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def lock(*living: int) -> None:
    """DVC's list after a stage was killed together with DVC, while others read something else."""
    dead = {"pid": gone(), "cmd": "dvc repro"}
    read = {"/elsewhere": [{"pid": pid, "cmd": "dvc repro"} for pid in living]} if living else {}
    held = {"write": {str(MODEL.absolute()): dead}, "read": {str(Path("made").absolute()): [dead], **read}}
    Path(".dvc/tmp/rwlock").write_text(json.dumps(held))


def other_model() -> None:
    (MODEL / "weights").write_text("4321")
    seal(MODEL, "small")


BREAKS: dict[str, tuple[Callable[[], object], list[str]]] = {
    "lock": (lock, ["rm -f "]),
    "lock beside others": (lambda: lock(os.getpid()), ["dvc repro"]),
    "half-written": (lambda: MODEL.with_name(f".model.{gone()}.x.part").mkdir(), ["rm -r "]),
    "cache": (
        lambda: (cached("weights").write_text("124"), cached("words").unlink()),
        [f"rm -f .dvc/cache/files/md5/{start}" for start in ("81/", "e2/")],
    ),
    "another model": (other_model, ["dvc checkout --force "]),
}


@pytest.mark.parametrize("broken", BREAKS)
def test_the_command_that_is_named_mends_it(broken: str, own: Path, run: Run) -> None:
    damage, mends = BREAKS[broken]
    damage()
    found = sorted(problem.remedy for problem in doctor.findings(own))
    assert [remedy[: len(mend)] for remedy, mend in zip(found, mends, strict=True)] == mends
    for remedy in found:
        run(own, "bash", "-c", remedy)
    assert list(doctor.findings(own)) == []
    assert [path.name for path in sorted(MODEL.iterdir())] == ["manifest.json", "weights", "words"]
    if broken == "lock beside others":  # dropped where a stage writes; who is alive, and who only read, stays
        held = json.loads(Path(".dvc/tmp/rwlock").read_text())
        assert list(held) == ["read"] and sorted(held["read"]) == ["/elsewhere", str(Path("made").absolute())]

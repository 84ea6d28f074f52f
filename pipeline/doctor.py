"""What may be wrong with a checkout, and the one command that mends it. Nothing is changed by looking."""

from __future__ import annotations

import configparser
import contextlib
import hashlib
import importlib.metadata
import importlib.util
import json
import re
import shlex
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import yaml

from pipeline.errors import Problem, UserError
from pipeline.storage import left_by_killed, verify
from pipeline.tracking.journal import journals
from pipeline.tracking.origin import dvc_md5

_SHOWN = 5  # packages named in a finding


def findings(root: Path) -> Iterator[Problem]:
    """Everything that is wrong with the checkout at `root`."""
    yield from checkout(root)
    yield from locks(root)
    yield from leftovers(root)
    yield from cache(root)
    yield from models(root)
    yield from store(root)
    yield from unsent(root)
    yield from packages(root)


def checkout(root: Path) -> Iterator[Problem]:
    """Whether there is a project, and a dvc.lock that can be read."""
    path = root / "dvc.lock"
    if not (root / ".dvc").is_dir():
        yield Problem("no project of DVC's", str(root.absolute()), "go to the project's folder")
        return
    try:
        yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return  # nothing was made yet
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        yield Problem("cannot be read", str(path), f"git checkout HEAD -- {_quoted(path)}")


def locks(root: Path) -> Iterator[Problem]:
    """DVC's list of who reads and writes what: broken, or naming processes that are gone."""
    path = root / ".dvc" / "tmp" / "rwlock"
    if not path.is_file():
        return
    mend = f"rm -f {_quoted(path)}"
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        writers = {int(owner["pid"]) for owner in held.get("write", {}).values()}
        readers = {name: {int(owner["pid"]) for owner in owners} for name, owners in held.get("read", {}).items()}
    except (ValueError, AttributeError, KeyError, TypeError):
        yield Problem("lock file is broken", str(path), mend)
        return
    everyone = writers.union(*readers.values())
    gone = {pid for pid in everyone if _is_gone(pid, path.stat().st_mtime)}
    outs = [root.resolve() / out["path"] for _, out in _outs(root)]
    # What no stage writes may stay on the list for ever: nobody waits for its readers.
    waited_for = writers.union(*(pids for name, pids in readers.items() if _overlaps(Path(name), outs)))
    if left := sorted(gone & waited_for):
        what = f"lock left behind by a process that is gone ({_listed(left)})"
        yield Problem(what, str(path), _unlock(root, left, sorted(everyone - gone), mend))


def _unlock(root: Path, left: list[int], living: list[int], mend: str) -> str:
    """What lets go of the lock and keeps what the living hold."""
    if not living:
        return mend
    if any(map(psutil.pid_exists, left)):  # a zombie, or another process of the same id, is alive to DVC
        return f"wait for {_listed(living)} to end, then {mend}"
    return _dvc(root, "repro")


def _overlaps(path: Path, outs: list[Path]) -> bool:
    return any(path.is_relative_to(out) or out.is_relative_to(path) for out in outs)


def _is_gone(pid: int, written: float) -> bool:
    """Whether no process has this id, a mere entry that nobody has waited for, or one that began after the lock was
    written, as in a restarted container."""
    try:
        process = psutil.Process(pid)
        return bool(process.status() == psutil.STATUS_ZOMBIE or process.create_time() > written + 1)
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False


def leftovers(root: Path) -> Iterator[Problem]:
    """Half-written outputs of killed stages."""
    folders = {(root / out["path"]).parent for _, out in _outs(root)}
    for left in sorted(path for folder in folders for path in left_by_killed(folder)):
        yield Problem("half-written by a process that is gone", str(left), f"rm -r {_quoted(left)}")


def cache(root: Path) -> Iterator[Problem]:
    """Objects of the outputs in dvc.lock whose bytes are not those of their name."""
    store = _cache_folder(root) / "files" / "md5"
    for stage, out in _outs(root):
        md5 = str(out.get("md5", ""))
        whole = _object(store, md5)
        if not md5 or not whole.is_file():
            continue  # never cached, or not pulled yet: `dvc status` tells
        parts = [md5]
        if md5.endswith(".dir"):
            with contextlib.suppress(ValueError, KeyError, TypeError):  # a broken list is found by its own hash
                parts += [entry["md5"] for entry in json.loads(whole.read_bytes())]
        for part in dict.fromkeys(parts):
            path = _object(store, part)
            mend = f"rm -f {_quoted(path)} && {_dvc(root, 'repro', stage)}"
            if not path.is_file():
                yield Problem(f"object of {out['path']} is missing from the cache", str(path), mend)
            elif hashlib.md5(path.read_bytes()).hexdigest() != part.removesuffix(".dir"):
                yield Problem(f"object of {out['path']} is damaged in the cache", str(path), mend)


def models(root: Path) -> Iterator[Problem]:
    """Model folders in place that are not what their manifest, or dvc.lock, says; other folders hold tables."""
    for _, out in _outs(root):
        folder = root / out["path"]
        if folder.name != "model" or not folder.exists():
            continue
        mend = _dvc(root, "checkout", "--force", out["path"])
        try:
            verify(folder)
        except UserError as error:
            yield from (Problem(problem.what, problem.where, mend) for problem in error.problems)
        else:
            if dvc_md5(folder) != out.get("md5"):
                yield Problem("another model than dvc.lock names", str(folder), mend)


def store(root: Path) -> Iterator[Problem]:
    """A tracking database of another version of MLflow, or none at all."""
    path = root / "mlflow.db"
    if not path.is_file():
        return
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            found = {row[0] for row in database.execute("select version_num from alembic_version")}
    except sqlite3.Error as error:
        yield Problem(f"not a tracking database ({error})", str(path), f"mv {_quoted(path)} {_quoted(path)}.broken")
        return
    known, last = migrations()
    if found - known:
        yield Problem("store of a newer MLflow", str(path), _install(root))
    elif found != last:
        mend = f"mlflow db upgrade {_quoted(f'sqlite:///{path}')}"
        yield Problem("store is not migrated to this MLflow", str(path), mend)


def migrations() -> tuple[set[str], set[str]]:
    """All migrations of the installed MLflow and the last ones, read from files: importing it would take seconds."""
    spec = importlib.util.find_spec("mlflow")
    (place,) = (spec and spec.submodule_search_locations) or ("",)
    texts = [p.read_text(encoding="utf-8") for p in Path(place).glob("store/db_migrations/versions/*.py")]
    known = {name for text in texts for name in re.findall(r'^revision\b.*?= *["\'](\w+)', text, re.MULTILINE)}
    earlier = {name for text in texts for name in re.findall(r'^down_revision\b.*?= *["\'](\w+)', text, re.MULTILINE)}
    return known, known - earlier


def unsent(root: Path) -> Iterator[Problem]:
    """Runs that no store has taken yet."""
    waiting = [one for one in journals(root / "mlspool") if not (one.is_held("writing") or one.is_held("sending"))]
    if waiting:
        yield Problem(f"{len(waiting)} runs are not in MLflow yet", str(root / "mlspool"), "detente track")


def packages(root: Path) -> Iterator[Problem]:
    """Installed versions that are not those of requirements.lock."""
    path = root / "requirements.lock"
    if not path.is_file():
        return
    other = []
    for name, wanted in re.findall(r"^([\w.-]+)==([^\s;]+)", path.read_text(encoding="utf-8"), re.MULTILINE):
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found = "absent"
        if wanted not in (found, found.partition("+")[0]):  # torch bears its build behind a plus
            other.append(f"{name} {found} instead of {wanted}")
    if other:
        more = f" and {len(other) - _SHOWN} more" if len(other) > _SHOWN else ""
        told = ", ".join(other[:_SHOWN]) + more
        yield Problem(f"other packages than the lock's: {told}", str(path), _install(root))


def _install(root: Path) -> str:
    return f"python -m pip install -r {_quoted(root / 'requirements.lock')}"


def _dvc(root: Path, *words: str) -> str:
    """A command of DVC's that does in any folder what it does in the project's own."""
    place = () if root.absolute() == Path.cwd() else ("--cd", str(root))
    return shlex.join(("dvc", *place, *words))


def _quoted(text: object) -> str:
    return shlex.quote(str(text))


def _listed(pids: list[int]) -> str:
    return ", ".join(map(str, pids))


def _outs(root: Path) -> list[tuple[str, dict[str, Any]]]:
    """Each output in dvc.lock with the stage that makes it."""
    try:
        stages = yaml.safe_load((root / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError):
        return []
    return [(name, out) for name, stage in stages.items() for out in stage.get("outs", [])]


def _cache_folder(root: Path) -> Path:
    """Where DVC's configuration puts the cache."""
    folder = root / ".dvc"
    config = configparser.ConfigParser(interpolation=None)
    config.read([folder / "config", folder / "config.local"], encoding="utf-8")
    return folder / config.get("cache", "dir", fallback="cache")


def _object(store: Path, md5: str) -> Path:
    return store / md5[:2] / md5[2:]

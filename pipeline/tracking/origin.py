"""What a run is made from: commit, DVC stage and experiment, hashes of inputs, this machine."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import resource
import subprocess
import sys
from pathlib import Path

import yaml

from pipeline.storage import sha256_of

LOCK = Path("dvc.lock")


def origin(stage: str) -> dict[str, str]:
    """Tags that say where a run comes from. Outputs of the pipeline never count as changed files."""
    changed = _git("status", "--porcelain", "--", ".", f":!{LOCK}", *(f":!{path}" for path in _outs()))
    files = [line[3:] for line in changed.splitlines()]
    return {
        "mlflow.source.name": f"dvc stage {stage}",
        "git.commit": _git("rev-parse", "HEAD").strip() or "none",
        "git.dirty": str(bool(files)).lower(),
        "git.changed": ", ".join(files)[:500],
        "dvc.stage": os.environ.get("DVC_STAGE", stage),
        "dvc.experiment": os.environ.get("DVC_EXP_NAME", ""),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
    }


def experiment(params: Path) -> dict[str, str] | None:
    """Name, baseline and hash of params of the DVC experiment that this process is part of."""
    name = os.environ.get("DVC_EXP_NAME")
    if not name:
        return None
    baseline = os.environ.get("DVC_EXP_BASELINE_REV", "")
    digest = sha256_of(params) if params.is_file() else ""
    return {"name": name, "baseline": baseline, "params": digest}


def peak_memory() -> float:
    """The most memory this process has held, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1)


def dvc_md5(path: Path) -> str:
    """The hash by which dvc.lock names a file or folder: of a folder, that of its sorted list of files."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "md5").hexdigest()
    files = sorted((p.relative_to(path).as_posix(), p) for p in path.rglob("*") if p.is_file())
    listing = json.dumps([{"md5": dvc_md5(file), "relpath": name} for name, file in files])
    return hashlib.md5(listing.encode()).hexdigest() + ".dir"


def _outs() -> list[str]:
    """Paths of all outputs that dvc.lock knows."""
    try:
        stages = yaml.load(LOCK.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))["stages"]
        return [out["path"] for stage in stages.values() for out in stage.get("outs", [])]
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError):
        return []


def git_author() -> str:
    """Name and address that commits made here would bear, "" where git has none."""
    return " ".join(filter(None, (_git("config", f"user.{part}").strip() for part in ("name", "email"))))


def _git(*words: str) -> str:
    try:
        done = subprocess.run(["git", *words], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""

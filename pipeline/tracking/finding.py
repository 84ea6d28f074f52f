"""From a model, a scored file or a name to its run, and from a run to what it was made from."""

from __future__ import annotations

import csv
import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tabulate import tabulate

from pipeline.errors import UserError
from pipeline.storage import MANIFEST, read_json
from pipeline.tracking.experiments import HEADLINE
from pipeline.tracking.origin import LOCK
from pipeline.tracking.runs import VALIDATION
from pipeline.tracking.store import made, search

if TYPE_CHECKING:
    from mlflow.entities import Run as StoredRun

_SOURCES = ("data.sha256", "seeds.sha256", "source.sha256", "git.commit")
_HASH = 12  # characters of a hash that people see


def runs_table(limit: int, models: Path) -> str:
    """The latest runs that made a model: figures on validation and test, params and inputs in which they differ.

    Runs are compared with those of the same stage. A star marks a model that is in place under `models`.
    """
    making = made(limit=limit)
    if not making:
        return "no runs yet; `dvc repro` makes some"
    in_place = {read_json(path)["sha256"] for path in models.glob(f"*/model/{MANIFEST}")}
    return tabulate([_row(run, making, in_place) for run in making], headers="keys", floatfmt=".3f")


def _row(run: StoredRun, making: Sequence[StoredRun], in_place: set[str]) -> dict[str, Any]:
    sha256 = run.data.tags.get("model.sha256", "")
    evaluated = search(f"tags.kind = 'evaluation' and tags.`model.sha256` = '{sha256}'", 1) if sha256 else []
    figures: dict[str, float] = evaluated[0].data.metrics if evaluated else {}
    row: dict[str, Any] = {
        "run": run.info.run_id[:8],
        "name": run.info.run_name,
        "experiment": run.data.tags.get("dvc.experiment", ""),
        "begun": f"{datetime.fromtimestamp(run.info.start_time / 1000):%Y-%m-%d %H:%M}",
        "model": sha256[:_HASH] + (" *" if sha256 in in_place else ""),
    }
    row |= {name.removesuffix(".macro_f1"): run.data.metrics[name] for name in VALIDATION if name in run.data.metrics}
    row |= {name.removesuffix(".macro_f1"): figures[name] for name in HEADLINE if name in figures}
    same = [one for one in making if one.data.tags.get("dvc.stage") == run.data.tags.get("dvc.stage")]
    row["differs in"] = ", ".join(f"{name}={value}" for name, value in differences(run, same).items())
    return row


def differences(run: StoredRun, others: Sequence[StoredRun]) -> dict[str, str]:
    """The params and inputs of a run that are not the same in all of `others`; hashes in short.

    A param is called without its section where no other param has the rest of its name.
    """
    result = {}
    params = sorted({key for one in others for key in one.data.params})
    shared = Counter(name.partition(".")[2] for name in params)
    for name in (*params, *_SOURCES):
        values = {one.data.params.get(name, one.data.tags.get(name, "")) for one in others}
        own = run.data.params.get(name, run.data.tags.get(name, ""))
        if len(values) > 1:
            section, _, rest = name.partition(".")
            if name in _SOURCES:
                result[section] = own[:8]
            else:
                result[rest if shared[rest] == 1 else name] = own
    return result


def runs_of(target: str) -> list[StoredRun]:
    """The runs behind a model folder, a scored file, the name of a run or the beginning of its id.

    Of a model or scored file: the latest run that made each model.

    Raises:
        UserError: when there is no such thing, or the store has no run of it.
    """
    path = Path(target)
    if not path.exists():
        runs = [run for run in search() if run.info.run_name == target or run.info.run_id.startswith(target)]
    else:
        hashes = dict.fromkeys(_hashes(path))
        runs = [run for sha256 in hashes for run in made(f"tags.`model.sha256` LIKE '{sha256}%'", 1)]
    if not runs:
        raise UserError.one("no run of it in the store", target, "see all with `detente runs`, or `detente track`")
    return runs


def _hashes(path: Path) -> Iterator[str]:
    """Hashes, or beginnings of them, of a model folder's model or of the models in scored sentences."""
    folder = next((f for f in (path, path / "model") if (f / MANIFEST).is_file()), None)
    if folder is not None:
        yield str(read_json(folder / MANIFEST)["sha256"])
        return
    parts = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    if not parts:
        raise UserError.one("no model here", path, "name a model's folder, a scored file or a folder of its parts")
    try:
        for model in dict.fromkeys(model for part in parts for model in _model_column(part)):
            name, _, sha256 = str(model).partition("@")
            if not re.fullmatch(rf"[0-9a-f]{{{_HASH},}}", sha256):
                raise ValueError(f"model {name!r} bears no hash")
            yield sha256
    except (KeyError, ValueError, TypeError, OSError) as error:
        told = " ".join(str(error).split())
        raise UserError.one(f"not scored sentences ({told})", path, "name a file that `detente score` wrote") from None


def _model_column(path: Path) -> Iterator[Any]:
    if path.suffix == ".parquet":
        import pyarrow.parquet

        yield from pyarrow.parquet.read_table(path, columns=["model"]).column("model").unique().to_pylist()
    elif path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            yield from (row["model"] for row in csv.DictReader(file))
    else:
        with path.open(encoding="utf-8") as file:
            yield from (json.loads(line)["model"] for line in file if line.strip())


def story(run: StoredRun) -> str:
    """A run in lines: its name, what it made, and from what."""
    tags = run.data.tags
    begun = datetime.fromtimestamp(run.info.start_time / 1000)
    dirty = f", and changed files: {tags['git.changed']}" if tags.get("git.changed") else ""
    lines = {
        "run": f"{run.info.run_name}  {run.info.run_id}  {run.info.status.lower()} {begun:%Y-%m-%d %H:%M}",
        "experiment": tags.get("dvc.experiment", ""),
        "model": f"{tags.get('dvc.out.path', tags.get('model', ''))} {tags.get('model.sha256', '')[:_HASH]}".strip(),
        "commit": f"{tags.get('git.commit', '')[:_HASH]}{dirty}",
        "data": tags.get("data.sha256", "")[:_HASH],
        "seeds": tags.get("seeds.sha256", "")[:_HASH],
        "params": tags.get("params.sha256", "")[:_HASH],
        "dvc.lock": lock_state(run) if "dvc.stage" in tags else "",
    }
    return "\n".join(f"{name:<11} {value}" for name, value in lines.items() if value)


def lock_state(run: StoredRun) -> str:
    """Where the dvc.lock is that names what a run made, and how to go back to it; else the one before it."""
    md5 = run.data.tags.get("dvc.out", "")
    if md5 and LOCK.is_file() and md5 in LOCK.read_text(encoding="utf-8"):
        return "the one in place names this model"
    words = ["git", "log", "--all", "--reverse", "--format=%h", f"-S{md5}", "--", str(LOCK)]
    done = subprocess.run(words, capture_output=True, text=True, check=False) if md5 else None
    commits = done.stdout.split() if done and done.returncode == 0 else []
    if commits:
        return f"of commit {commits[0]}: git checkout {commits[0]} && dvc checkout"
    fetch = f"mlflow artifacts download --run-id {run.info.run_id} --artifact-path dvc"
    return f"began with the dvc.lock in the run: {fetch}"

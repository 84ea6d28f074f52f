"""What tracking costs: `python benchmarks/tracking.py` runs each stage with and without it, in a scratch copy.

The copy starts with no store, like a fresh clone. `--recorded STAGE` saves the time of a long stage: it counts as long
as MLflow says that it took, and with as much for tracking as the stage for which that is most. Then the project's `dvc
repro` with nothing to do is timed beside `dvc status`. Run it after `dvc repro`, on a machine that does nothing else.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Annotated

import typer
import yaml
from tabulate import tabulate

from pipeline.command import guarded
from pipeline.errors import UserError
from pipeline.tracking.place import SWITCH
from pipeline.tracking.store import search

Row = dict[str, float | str]
MOST_OVERHEAD = 0.05  # of the pipeline's own time
MOST_IDLE = 1.5  # times `dvc status`
_LEFT_OUT = (".git", ".venv", "cache", "tmp", "mlflow.db", "mlartifacts", "mlspool", "__pycache__")


def seconds(command: str, folder: Path, **environment: str) -> float:
    """How long a shell command takes."""
    began = time.perf_counter()
    own = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    done = subprocess.run(command, shell=True, cwd=folder, env=own | environment, capture_output=True)
    if done.returncode:
        raise UserError.one(f"ended with {done.returncode}", command, "run `dvc repro` first")
    return time.perf_counter() - began


def scratch_copy(project: Path, folder: Path) -> None:
    """The project with its data and models, as a git repository, without store and caches."""
    seconds(f"git clone --quiet --no-hardlinks {project} {folder}", project)
    shutil.copytree(project, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*_LEFT_OUT))


def stages(project: Path, but: list[str], repeats: int) -> list[Row]:
    """Seconds of each stage without and with tracking, the best of `repeats`."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "project"
        scratch_copy(project, folder)
        environment = {"PYTHONPATH": str(folder)}
        for name, stage in yaml.safe_load((project / "dvc.lock").read_text(encoding="utf-8"))["stages"].items():
            if name in but:
                continue
            taken: dict[str, list[float]] = {"on": [], "off": []}  # whoever comes first also warms the disk's cache
            for _ in range(repeats):
                for switch, times in taken.items():
                    times.append(seconds(stage["cmd"], folder, **environment, **{SWITCH: switch}))
            rows.append({"stage": name, "without": min(taken["off"]), "with": min(taken["on"])})
            print(tabulate(rows[-1:], tablefmt="plain", floatfmt=".2f"), flush=True)
    return rows


def main(
    project: Annotated[Path, typer.Argument(help="The project, after `dvc repro`")] = Path(),
    recorded: Annotated[list[str] | None, typer.Option(help="Stages to take from MLflow instead")] = None,
    repeats: Annotated[int, typer.Option(help="Runs of each; the best counts")] = 1,
    idle: Annotated[int, typer.Option(help="Runs of `dvc repro` with nothing to do; their median counts")] = 11,
) -> None:
    root = project.absolute()
    rows = stages(root, recorded or [], repeats)
    most = max(float(row["with"]) - float(row["without"]) for row in rows)
    for name in recorded or []:
        own = search(f"tags.`dvc.stage` = '{name}' and attributes.status = 'FINISHED'", limit=1)[0]
        took = own.data.metrics["run.seconds"]
        rows.append({"stage": f"{name} (recorded)", "without": took, "with": took + most})
    without, tracked = (sum(float(row[key]) for row in rows) for key in ("without", "with"))
    rows.append({"stage": "all", "without": without, "with": tracked})
    table = [{**row, "more": f"{float(row['with']) / float(row['without']) - 1:+.1%}"} for row in rows]
    print("\nSeconds of each stage\n")
    print(tabulate(table, headers="keys", floatfmt=".2f"))
    print(f"\ntracking adds {tracked / without - 1:.1%}; at most {MOST_OVERHEAD:.0%} is allowed")
    times = [(seconds("dvc repro", root), seconds("dvc status", root)) for _ in range(idle)]
    repro, status = (median(column) for column in zip(*times, strict=True))
    print(f"dvc repro with nothing to do: {repro:.2f} s, {repro / status:.2f} times dvc status ({status:.2f} s)")
    if tracked > without * (1 + MOST_OVERHEAD) or repro > status * MOST_IDLE:
        raise typer.Exit(1)


if __name__ == "__main__":
    guarded(lambda: typer.run(main))

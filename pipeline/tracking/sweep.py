"""A small grid of experiments: queued and run by DVC, one run of MLflow above those of its experiments."""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime

from tabulate import tabulate

from pipeline.errors import UserError
from pipeline.tracking.experiments import complete, of_model
from pipeline.tracking.place import SWITCH
from pipeline.tracking.runs import VALIDATION, flat
from pipeline.tracking.store import failing_clearly

_COMMA = re.compile(r",(?![^\[\]]*\])")  # none within a list
_WAITING = re.compile(r"^.*\bQueued\s*$", re.MULTILINE)
_FIGURES = (*VALIDATION, "test.topics.macro_f1", "test.stance.macro_f1")


def combinations(grid: Sequence[str]) -> list[list[str]]:
    """All settings of a grid.

    >>> combinations(["train_baseline.topic_c=1,10", "train_baseline.seed=0"])
    [['train_baseline.topic_c=1', 'train_baseline.seed=0'], ['train_baseline.topic_c=10', 'train_baseline.seed=0']]
    >>> combinations(["train_baseline.word_ngrams=[1,1],[1,2]"])
    [['train_baseline.word_ngrams=[1,1]'], ['train_baseline.word_ngrams=[1,2]']]
    """
    axes = []
    for entry in grid:
        name, equals, values = entry.partition("=")
        apart = _COMMA.split(values)
        if not equals or not name or not all(apart):
            raise UserError.one(f"no values in {entry!r}", "sweep", "write train_baseline.topic_c=1,3,10")
        axes.append([f"{name}={value}" for value in apart])
    return [list(setting) for setting in itertools.product(*axes)]


def sweep(target: str, grid: Sequence[str]) -> str:
    """Run `target` once for each setting of the grid, each from the current workspace; returns the comparison.

    Raises:
        UserError: when the grid is no grid, DVC does not take it, or other experiments wait in its queue.
    """
    settings, name = combinations(grid), f"sweep-{datetime.now():%Y%m%d-%H%M%S}"
    if _WAITING.search(_told("dvc", "queue", "status")):
        remedy = "run them with `dvc queue start`, or drop them with `dvc queue remove --queued`"
        raise UserError.one("other experiments wait in the queue", "sweep", remedy)
    queued: list[str] = []
    try:
        for number, setting in enumerate(settings, start=1):
            options = itertools.chain.from_iterable(("--set-param", one) for one in setting)
            _run("dvc", "exp", "run", "--queue", "--name", f"{name}-{number}", *options, target)
            queued.append(f"{name}-{number}")
    except UserError:
        if queued:
            _run("dvc", "queue", "remove", *queued)
        raise
    _run("dvc", "exp", "run", "--run-all", "--jobs", "1")
    if os.environ.get(SWITCH) != "off":
        _record(name, target)
    return comparison(_told("dvc", "exp", "show", "--csv", "--no-pager"), name, [e.split("=")[0] for e in grid])


def _record(sweep: str, target: str) -> None:
    """Give every finished experiment of a sweep its run, also where DVC had the results and ran no stage."""
    try:
        models = re.findall(r'^"evaluate@(.+)";$', _told("dvc", "dag", "--dot", target), re.MULTILINE)
        with failing_clearly():
            for ref in _told("git", "for-each-ref", "--format=%(refname)", f"refs/exps/*/*/{sweep}-*").split():
                *_, start, rest, name = ref.split("/")
                complete(name, start + rest, _told("git", "show", f"{ref}:./params.yaml"), _figures(ref, models))
    except UserError as error:
        print(f"tracking: {error}; results that DVC had already have no run", file=sys.stderr, flush=True)


def _figures(ref: str, models: Sequence[str]) -> dict[str, float]:
    """The figures in an experiment's commit that stand for some models."""
    figures: dict[str, float] = {}
    for model in models:
        stored = json.loads(_told("git", "show", f"{ref}:./models/{model}/metrics.json"))
        figures |= of_model(model, flat(stored))
    return figures


def comparison(shown: str, name: str, params: Sequence[str]) -> str:
    """The experiments of a sweep side by side, from what `dvc exp show --csv` prints."""
    wanted = (*params, *_FIGURES)
    rows: list[dict[str, str]] = []
    for row in csv.DictReader(io.StringIO(shown)):
        if row["Experiment"].startswith(f"{name}-"):
            # a column is the name, or file:name where several files have the name
            cells = {k: v for k, v in row.items() if k.split(":")[-1] in wanted and v}
            rows.append({"experiment": row["Experiment"], "state": row["State"] or "Success", **cells})
    varying = {k for row in rows for k in row if len({one.get(k) for one in rows}) > 1} | {"experiment", "state"}
    table = [{k.removeprefix("models/"): v for k, v in row.items() if k in varying} for row in rows]
    table.sort(key=lambda row: row["experiment"])
    return tabulate(table, headers="keys")


def _told(*words: str) -> str:
    """What a command prints, to the letter."""
    return _run(*words, stdout=subprocess.PIPE).decode()


def _run(*words: str, stdout: int | None = None) -> bytes:
    done = subprocess.run(words, stdout=stdout, check=False)
    if done.returncode:
        raise UserError.one(f"`{' '.join(words)}` failed", "sweep", "mend what is named above")
    return done.stdout or b""

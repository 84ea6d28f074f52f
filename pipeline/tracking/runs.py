"""What a stage tells of its run.

A `Run` writes to a journal on disk; a second process, `pipeline.tracking.sending`, reads along and sends. So a stage
never imports MLflow and never waits for a server while it works. At its end it waits a little for the second process;
what was not taken by then stays in the journal for `detente track`.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.storage import sha256_of
from pipeline.tracking.journal import Journal, begin
from pipeline.tracking.origin import LOCK, dvc_md5, experiment, origin, peak_memory
from pipeline.tracking.place import SWITCH, is_own, shown_uri, spool, tracking_uri

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MODEL_TAG = "model.sha256"
VALIDATION = ("validation.topics.macro_f1", "validation.stance.macro_f1")  # a training's figures, to choose params by
PATIENCE = "DETENTE_TRACKING_PATIENCE"  # seconds that a run may wait for the store at its end
_PATIENCE_OWN, _PATIENCE_SERVER = 120.0, 20.0


@dataclass
class Run:
    """One run as it grows. Each method appends to the journal; a journal that cannot be written costs nothing else."""

    name: str
    journal: Journal | None
    lost: str | None = None

    def params(self, values: Mapping[str, Any]) -> None:
        """Parameters by section, as in params.yaml; nested ones are flattened with dots."""
        self._add("params", values={key: as_text(value) for key, value in flat(values).items()})

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """Numbers at a step (an epoch, or 0). Few: tables are for the rest."""
        self._add("metrics", values={key: float(value) for key, value in values.items()}, step=step)

    def tags(self, values: Mapping[str, str]) -> None:
        """Texts by which runs are found."""
        self._add("tags", values={key: str(value) for key, value in values.items()})

    def sources(self, **paths: Path) -> None:
        """Files or folders that the run is made from; each becomes a tag `<name>.sha256`."""
        self._guarded(lambda: self.tags({f"{name}.sha256": sha256_of(path) for name, path in paths.items()}))

    def dataset(self, path: Path, name: str, context: str, **sizes: int) -> None:
        """A table that the run reads, with its digest and sizes; `context` is "training", "validation" or the like."""

        def add() -> None:
            self._add("dataset", path=str(path), name=name, context=context, sha256=sha256_of(path), sizes=sizes)
            self.metrics({f"data.{name}.{what}": number for what, number in sizes.items()})

        self._guarded(add)

    def made(self, model: Path, sha256: str) -> None:
        """The model folder that the run wrote: its own hash, and the one by which dvc.lock names it."""
        self._guarded(lambda: self.tags({MODEL_TAG: sha256, "dvc.out.path": str(model), "dvc.out": dvc_md5(model)}))

    def text(self, text: str, name: str) -> None:
        """A text file."""
        self._file(name, lambda path: path.write_text(text, encoding="utf-8"))

    def file(self, source: Path, name: str) -> None:
        """A file as it is now."""
        self._file(name, lambda path: shutil.copyfile(source, path))

    def table(self, rows: Sequence[Mapping[str, Any]], name: str) -> None:
        """Rows as a table that the UI shows: `name` ends in .json. Columns are those of all rows.

        Written in the format of `mlflow.log_table`, which itself would append when it is sent a second time.
        """
        columns = list(dict.fromkeys(key for row in rows for key in row))
        data = [[_cell(row.get(column)) for column in columns] for row in rows]
        text = json.dumps({"columns": columns, "data": data}, ensure_ascii=False)
        self._file(name, lambda path: path.write_text(text, encoding="utf-8"))
        self._add("table", name=name)

    def figure(self, figure: Figure, name: str) -> None:
        """A figure: `name` ends in .png."""
        self._file(name, lambda path: figure.savefig(path, dpi=110))

    def _file(self, name: str, write: Callable[[Path], Any]) -> None:
        def add() -> None:
            assert self.journal is not None
            path = self.journal.files / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path)

        if self.journal is not None:
            self._guarded(add)

    def _add(self, kind: str, **values: Any) -> None:
        journal = self.journal
        if journal is not None:
            self._guarded(lambda: journal.add(kind, **values))

    def _guarded(self, action: Callable[[], Any]) -> None:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - whatever keeps a run from being told must not cost the model
            self.lost = self.lost or _short(error)


@contextlib.contextmanager
def run(stage: str, name: str) -> Iterator[Run]:
    """A run of a stage; it ends FINISHED, or FAILED when the block raises. Tracking's failures are not the block's.

    DETENTE_TRACKING=off records nothing.
    """
    current = Run(name, None)
    if os.environ.get(SWITCH) == "off":
        yield current
        return
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        sender = _begin(current, stage, stack)
        status = "FAILED"
        try:
            yield current
            status = "FINISHED"
        finally:
            current.metrics({"run.seconds": round(time.monotonic() - began, 2), "run.peak_memory_mib": peak_memory()})
            current._add("end", status=status)
            _wait(current, sender)


def _begin(current: Run, stage: str, stack: contextlib.ExitStack) -> subprocess.Popen[bytes] | None:
    sender: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        first = {"name": current.name, "stage": stage, "experiment": experiment(Path("params.yaml"))}
        current.journal = journal = begin(spool(), first, stack)
        current.tags(origin(stage))
        for path in (LOCK, Path("params.yaml")):
            if path.is_file():
                current.file(path, f"dvc/{path.name}")
                current.tags({f"{path.name}.sha256": sha256_of(path)})
        command = [sys.executable, "-m", "pipeline.tracking.sending", str(journal.folder)]
        with (journal.folder / "sending.log").open("wb") as log:  # a session of its own: Ctrl-C is not for it
            sender.append(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True)
            )

    current._guarded(start)
    return sender[0] if sender else None


def _wait(current: Run, sender: subprocess.Popen[bytes] | None) -> None:
    """Give the second process its time; tell the user in one line when the store did not take the run."""
    journal = current.journal
    if sender is not None and journal is not None:
        assert sender.stdin is not None
        sender.stdin.close()  # the sign that no more will come
        patience = _patience()
        try:
            code = sender.wait(patience)
        except subprocess.TimeoutExpired:
            sender.kill()
            sender.wait()
            current.lost = current.lost or f"no answer within {patience:g} s"
        else:
            if code:
                told = journal.trouble.read_text(encoding="utf-8") if journal.trouble.is_file() else ""
                current.lost = current.lost or told or f"the sending process ended with {code}"
    if current.lost:
        print(
            f"tracking: {shown_uri()} did not take run {current.name!r} ({current.lost}); "
            "nothing else is lost, `detente track` sends it later",
            file=sys.stderr,
            flush=True,
        )


def _patience() -> float:
    usual = _PATIENCE_OWN if is_own(tracking_uri()) else _PATIENCE_SERVER
    given = os.environ.get(PATIENCE)
    try:
        return float(given or usual)
    except ValueError:
        print(f"tracking: {PATIENCE}={given} is no number of seconds; it is {usual:g}", file=sys.stderr, flush=True)
        return usual


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__


def _cell(value: Any) -> Any:
    """A value of a table as JSON has it: no NaN, and lists in short."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, str | int | float | bool) else as_text(value)


def as_text(value: Any) -> str:
    """A value of params.yaml as text, as JSON writes it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, keys joined by dots.

    >>> flat({"a": {"b": 1}, "c": 2})
    {'a.b': 1, 'c': 2}
    """
    result: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            result |= flat(value, f"{prefix}{key}.")
        else:
            result[f"{prefix}{key}"] = value
    return result

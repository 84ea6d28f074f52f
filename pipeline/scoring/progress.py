"""How far scoring is: a bar on a terminal, plain lines in a log; both on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from pipeline.scoring.parts import Count
from pipeline.scoring.windows import Place

_EVERY = 10.0  # seconds between lines of a log
Told = Callable[[Count, Place, Sequence[Path]], None]


@contextmanager
def progress_over(quiet: bool) -> Iterator[Told]:
    """A function that is told what is done, and how far in the files that is."""
    if quiet:
        yield lambda count, place, files: None
    elif sys.stderr.isatty():
        with _bar() as told:
            yield told
    else:
        yield _lines()


@contextmanager
def counts_over(quiet: bool) -> Iterator[Callable[[Count], None]]:
    """A function that is told what is done, where it is not known how far in the files that is."""
    if quiet or not sys.stderr.isatty():
        lines = _lines()
        yield lambda count: None if quiet else lines(count, None, ())
        return
    with Console(stderr=True).status("Scoring") as status:
        yield lambda count: status.update(f"{count.scored:,} articles, {count.sentences:,} sentences")


@contextmanager
def _bar() -> Iterator[Told]:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    # Without a thread of its own: workers are forked while the bar stands.
    progress = Progress(*columns, console=Console(stderr=True), auto_refresh=False, transient=True)
    task = progress.add_task("Scoring", total=1.0)
    start = time.monotonic()
    sizes: list[int] = []

    def told(count: Count, place: Place, files: Sequence[Path]) -> None:
        if not sizes:
            sizes.extend(accumulate((_size(file) for file in files), initial=0))
        rate = count.sentences / max(0.001, time.monotonic() - start)
        share = sizes[place.file] / max(1, sizes[-1])
        progress.update(
            task, completed=share, description=f"{count.sentences:,} sentences, {rate:,.0f}/s", refresh=True
        )

    with progress:
        yield told


def _size(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0


def _lines() -> Callable[[Count, Place | None, Sequence[Path]], None]:
    last = time.monotonic()

    def told(count: Count, place: Place | None, files: Sequence[Path]) -> None:
        nonlocal last
        if time.monotonic() - last >= _EVERY:
            last = time.monotonic()
            where = f", file {min(place.file + 1, len(files))} of {len(files)}" if place else ""
            print(f"{count.sentences} sentences{where}", file=sys.stderr, flush=True)

    return told

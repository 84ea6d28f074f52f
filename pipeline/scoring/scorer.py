"""Articles in, labelled sentences out: streamed, nothing lost, taken up again where a run was stopped."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from pipeline.classifiers.decision import Classifier
from pipeline.errors import UserError
from pipeline.scoring.parts import Count, Parts, Record, rejects_path
from pipeline.scoring.rows import schema_of
from pipeline.scoring.sinks import check_ending, check_name
from pipeline.scoring.windows import Place, Sources, Window
from pipeline.scoring.workers import Piece, Scorer, Submit, workers
from pipeline.storage import to_json
from pipeline.text.readers import expand

__all__ = ["Options", "Tally", "rejects_path", "score", "score_stream"]

_PART = 16  # windows in a part at most; the first has one, each has twice as many as the last


@dataclass(frozen=True)
class Options:
    """How to score: `workers` beside each other, as processes or `in_threads`; `parts`: a folder of Parquet files."""

    max_bytes: int = 5_000_000
    workers: int = 1
    in_threads: bool = False
    parts: bool = False
    excel_safe: bool = False
    restart: bool = False

    @property
    def again(self) -> str:
        """What takes this run up when it was stopped."""
        return "the same command without --restart" if self.restart else "the same command"


DEFAULT = Options()


@dataclass(frozen=True)
class Tally:
    """What a finished run came to; `read == scored + rejected` counts articles."""

    read: int
    scored: int
    rejected: int
    sentences: int
    rows: int
    seconds: float
    resumed: int = 0  # sentences that an earlier run had scored

    def __str__(self) -> str:
        before = f" ({self.resumed} by an earlier run)" if self.resumed else ""
        return (
            f"read {self.read} articles = {self.scored} scored + {self.rejected} rejected; "
            f"{self.sentences} sentences = {self.rows} rows{before} in {self.seconds:.1f} s"
        )


Progress = Callable[[Count, Place, Sequence[Path]], None]
NO_NAMES: dict[Path, str] = {}


def score(
    paths: Iterable[Path],
    out: Path,
    classifier: Classifier,
    options: Options = DEFAULT,
    progress: Progress = lambda count, place, files: None,
    names: Mapping[Path, str] = NO_NAMES,
) -> Tally:
    """Score every sentence of every article into `out`; rejects go to `out`.rejects.jsonl when there are any.

    A run that was stopped at any moment is taken up again by the same call and ends with the same bytes.

    Raises:
        UserError: when a path does not exist, the output's name or ending will not do, nothing could be read, the disk
            is full, another run is at it, or input, model or options differ from those of the run to take up.
    """
    ending = ".parquet" if options.parts else out.suffix
    check_name(out)
    if not options.parts:
        check_ending(out)
    start = time.perf_counter()
    parts = Parts(out, ending, options.parts)
    found = expand(paths)
    files = _without(found, out, parts)
    if out.is_file() and os.path.realpath(out) in map(os.path.realpath, found):
        _check_scored(out)
    if not files:
        raise UserError.one("no article found", ", ".join(map(str, paths)), "name files or folders with articles")
    remedy = f"make room, and {options.again} goes on where it was"
    with disk_told(out, remedy), parts.opened(_key(files, names, classifier, options), options.restart):
        resumed = parts.count.sentences
        sources = Sources(files, options.max_bytes, parts.work, names)
        try:
            _write_parts(parts, sources, Scorer(classifier, ending, options.excel_safe), options, progress)
        finally:
            sources.close()
        count = checked(parts.count)
        parts.finish(schema_of(classifier.decision))
    return Tally(**asdict(count), seconds=time.perf_counter() - start, resumed=resumed)


def score_stream(
    paths: Iterable[Path],
    out: IO[bytes],
    rejects: IO[bytes],
    classifier: Classifier,
    options: Options = DEFAULT,
    names: Mapping[Path, str] = NO_NAMES,
) -> Tally:
    """Score into an open stream of JSON Lines, rejects into another; nothing is kept to take up again.

    Raises:
        UserError: when a path does not exist, nothing could be read, or a disk is full.
    """
    start, count = time.perf_counter(), Count()
    files = expand(paths)
    with disk_told("standard output", "make room there and for temporary files, and begin anew"):
        sources = Sources(files, options.max_bytes, names=names)
        with workers(Scorer(classifier, ".jsonl", False), options.workers, options.in_threads) as submit:
            for window, piece in _results(sources.windows(0, Place()), submit, options.workers):
                out.write(piece.data)
                out.flush()
                rejects.writelines(to_json(reject).encode() + b"\n" for reject in window.rejects)
                count += _count(window, piece)
        sources.close()
    return Tally(**asdict(checked(count)), seconds=time.perf_counter() - start)


def _write_parts(parts: Parts, sources: Sources, scorer: Scorer, options: Options, progress: Progress) -> None:
    schema = schema_of(scorer.classifier.decision)
    last = parts.records[-1] if parts.records else Record()
    sources.rewind(last.window)
    progress(parts.count, last.place, sources.files)
    with workers(scorer, options.workers, options.in_threads) as submit:
        results = _results(sources.windows(last.window, last.place), submit, options.workers)
        for group in _grouped(results, len(parts.records)):
            count = sum((_count(*result) for result in group), Count())
            end = group[-1][0]
            sources.save()
            rejects = [reject for window, _ in group for reject in window.rejects]
            pieces = [piece.data for _, piece in group]
            parts.commit(pieces, schema, rejects, Record(count, end.number + 1, end.end))
            progress(parts.count, end.end, sources.files)


def _results(windows: Iterator[Window], submit: Submit, beside: int) -> Iterator[tuple[Window, Piece]]:
    """Each window, less its articles' text, with its result, in order; a few windows are read ahead of the workers."""
    waiting: deque[tuple[Window, Any]] = deque()
    for window in windows:
        waiting.append((window, submit(window.articles)))
        while len(waiting) > 2 * beside or (waiting and waiting[0][1].done()):
            done, future = waiting.popleft()
            yield done, future.result()
    while waiting:
        done, future = waiting.popleft()
        yield done, future.result()


def _grouped(results: Iterator[tuple[Window, Piece]], number: int) -> Iterator[list[tuple[Window, Piece]]]:
    group: list[tuple[Window, Piece]] = []
    for result in results:
        group.append(result)
        if len(group) >= min(_PART, 1 << min(number, 10)):
            yield group
            group, number = [], number + 1
    if group:
        yield group


def _count(window: Window, piece: Piece) -> Count:
    return Count(window.read, piece.articles, len(window.rejects), piece.sentences, piece.rows)


def checked(count: Count) -> Count:
    """The same count, once nothing is found missing from it.

    Raises:
        UserError: when there was nothing to read.
        RuntimeError: when an article or a sentence was lost.
    """
    if not count.read:
        raise UserError.one("no article found", "the input", "name files or folders with articles")
    if count.read != count.scored + count.rejected or count.sentences != count.rows:
        raise RuntimeError(f"articles or sentences were lost: {count}")
    return count


def forms_of(classifier: Classifier) -> list[Classifier]:
    """A model and, where it combines others, these: each may run in another form than on another host."""
    parts = (getattr(classifier, name, None) for name in ("quick", "careful"))
    return [classifier, *(part for part in parts if part is not None)]


def _key(files: Sequence[Path], names: Mapping[Path, str], classifier: Classifier, options: Options) -> dict[str, Any]:
    """What must be the same for a run to be taken up; the files' contents are checked one by one as they were read."""
    listing = hashlib.sha256(
        "\n".join(names.get(file) or os.path.abspath(file) for file in files).encode("utf-8", "surrogateescape")
    )
    forms = forms_of(classifier)
    return {
        "list of files": listing.hexdigest(),
        "model": [f"{form.name}@{form.sha256}" for form in forms],
        "options": {
            "max_bytes": options.max_bytes,
            "excel_safe": options.excel_safe,
            "batch_tokens": [getattr(form, "batch_tokens", 0) for form in forms],
        },
    }


def _without(files: Sequence[Path], out: Path, parts: Parts) -> list[Path]:
    """The files less what this or an earlier run wrote among them."""
    own = [os.path.realpath(path) for path in (out, parts.work, parts.rejects)]
    return [file for file in files if not _within(os.path.realpath(file), own)]


def _check_scored(out: Path) -> None:
    """What is among the articles and would be replaced must be what an earlier run made of them."""
    from pipeline.scoring.summary.scored import open_scored

    try:
        open_scored(out)
    except UserError:
        raise UserError.one("articles are there", out, "write to another file") from None


def _within(path: str, places: Sequence[str]) -> bool:
    return any(path == place or path.startswith(place + os.sep) for place in places)


@contextlib.contextmanager
def disk_told(place: object, remedy: str) -> Iterator[None]:
    """Faults of the disk as errors of a user, who can mend them."""
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise UserError.one(f"cannot be written ({getattr(error, 'strerror', None) or error})", place, remedy) from None

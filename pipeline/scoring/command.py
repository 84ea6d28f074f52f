"""`detente score`: what it reads, how it runs on this machine, and what it says."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from pipeline.classifiers.decision import Classifier
from pipeline.classifiers.registry import load_for_scoring
from pipeline.errors import UserError
from pipeline.scoring.machine import cores, default_workers
from pipeline.scoring.progress import counts_over, progress_over
from pipeline.scoring.scorer import Options, Tally, disk_told, forms_of, score, score_stream
from pipeline.scoring.sinks import ENDINGS, check_ending, check_name
from pipeline.storage import MANIFEST

STREAM = "-"
ENGINES = ("local", "ray")
_MAPPED = 2_000_000  # rows; of more, `detente aggregate` makes the map when it is wanted


@dataclass(frozen=True)
class Request:
    """What was typed; 0 workers, threads or tokens mean: as the machine has."""

    paths: list[str]
    out: str
    model: str
    models: Path
    workers: int
    threads: int
    batch_tokens: int
    quiet: bool
    as_json: bool
    engine: str = "local"


def run(request: Request, *, max_bytes: int, parts: bool, excel_safe: bool, restart: bool) -> None:
    """Score as requested and print the tally: to standard error where rows go to standard output.

    Raises:
        UserError: for whatever the user can mend.
        SystemExit: 130 after Ctrl-C, having said how to go on.
    """
    if request.engine not in ENGINES:
        raise UserError.one(f"no engine {request.engine!r}", "--engine", f"choose one of {', '.join(ENGINES)}")
    check_name(Path(request.out))
    if request.engine == "ray":
        _run_on_ray(request, max_bytes)
        return
    if "://" in request.out:
        raise UserError.one("one machine writes to its own disks", request.out, "add --engine ray, or name a path")
    out = Path(request.out)
    parts = parts or (request.out != STREAM and (request.out.endswith("/") or out.is_dir()))
    if not parts and request.out != STREAM:
        check_ending(out)
    workers = request.workers or default_workers()
    if workers > 1:  # every worker has a core of its own; threads before forking would be lost in the workers
        os.environ["TOKENIZERS_PARALLELISM"] = "false"
    classifier = _load(request, workers)
    in_torch = hasattr(classifier, "network")  # PyTorch has threads of its own, which forked workers would miss
    workers = (2 if classifier.name.endswith("bf16") else 1) if in_torch else workers
    options = Options(max_bytes, workers, in_torch, parts, excel_safe, restart)
    with _spooled(request.paths) as (paths, names):
        if request.out == STREAM:
            tally = _to_stream(paths, names, classifier, options)
        else:
            tally = _to_file(paths, names, out, classifier, options, request.quiet)
    _tell(request, tally, classifier)


def _run_on_ray(request: Request, max_bytes: int) -> None:
    if request.out == STREAM or STREAM in request.paths or Path(request.out).suffix in ENDINGS:
        remedy = "read from files, and write to a folder: -o FOLDER/"
        raise UserError.one("a cluster writes a folder of Parquet parts", request.out, remedy)
    from pipeline.scoring.ray_engine import Job, score_on_ray

    model = _absolute(request.model) if (Path(request.model) / MANIFEST).is_file() else request.model
    request = replace(request, model=model, models=request.models.absolute(), threads=request.threads or 1)
    load = partial(_load, request, 1)
    classifier = load()
    job = Job([_absolute(path) for path in request.paths], _absolute(request.out), max_bytes, request.workers)
    with counts_over(request.quiet) as told:
        tally = score_on_ray(job, load, classifier, told)
    _tell(request, tally, classifier)


def _absolute(place: str) -> str:
    """A path or URL as workers find it, which have another current folder."""
    return place if "://" in place else os.path.abspath(place)


def _load(request: Request, workers: int) -> Classifier:
    threads = request.threads or max(1, cores() // workers)
    classifier = load_for_scoring(request.model, request.models, threads)
    if request.batch_tokens:
        for form in forms_of(classifier):
            if hasattr(form, "batch_tokens"):
                form.batch_tokens = request.batch_tokens
    return classifier


def _to_stream(paths: list[Path], names: dict[Path, str], classifier: Classifier, options: Options) -> Tally:
    try:
        return score_stream(paths, sys.stdout.buffer, sys.stderr.buffer, classifier, options, names)
    except UserError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - what could not be written would fail again at Python's end
        raise


def _to_file(
    paths: list[Path], names: dict[Path, str], out: Path, classifier: Classifier, options: Options, quiet: bool
) -> Tally:
    with progress_over(quiet) as progress:
        try:
            return score(paths, out, classifier, options, progress, names)
        except KeyboardInterrupt:
            done = f"what is done is kept in {out.name}.partial; {options.again} goes on from there"
            print(f"detente: interrupted; {done}", file=sys.stderr)  # typer would swallow a message of the exception
            sys.exit(130)


@contextmanager
def _spooled(words: list[str]) -> Iterator[tuple[list[Path], dict[Path, str]]]:
    """The paths to read, standard input among them as a file of JSON Lines, and the names that rejects give them."""
    if STREAM not in words:
        yield [Path(word) for word in words], {}
        return
    with ExitStack() as stack:
        with disk_told("standard input in a temporary file", "make room, or name another folder in TMPDIR"):
            spool = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="detente-"))) / "stdin.jsonl"
            with spool.open("wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file, 1 << 20)
        yield [spool if word == STREAM else Path(word) for word in words], {spool: STREAM}


def _tell(request: Request, tally: Tally, classifier: Classifier) -> None:
    stream = sys.stderr if request.out == STREAM else sys.stdout
    if request.as_json:
        print(json.dumps(asdict(tally) | {"model": classifier.name, "out": request.out}), file=stream)
    elif not request.quiet:
        print(f"{tally} by {classifier.name} → {request.out}", file=stream)
        if request.out != STREAM:
            if tally.rejected:
                print(f"rejected articles and why: {request.out.rstrip('/')}.rejects.jsonl")
            if 0 < tally.rows <= _MAPPED and "://" not in request.out and len(classifier.decision.stances) > 1:
                _print_map(Path(request.out))


def _print_map(out: Path) -> None:
    """Topics by stance of what was written."""
    from rich import print as rich_print
    from rich.markup import escape

    from pipeline.scoring.summary.scheme import scheme_of
    from pipeline.scoring.summary.scored import open_scored
    from pipeline.scoring.summary.stance_map import StanceMap
    from pipeline.scoring.summary.terminal import terminal_map

    source = open_scored(out)
    found = StanceMap(scheme_of(source.topics, source.stances))
    for batch in source.batches(found.columns):
        found.add(batch)
    rich_print("", terminal_map(found), f"a page to read: detente report {escape(str(out))} -o report.html", sep="\n")

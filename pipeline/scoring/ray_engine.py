"""`detente score --engine ray`: the rows of the local engine, made by the workers of a cluster.

Ray Data streams groups of files through tasks that read them into chunks and through actors that hold the model; an
actor writes a chunk's rows as a Parquet part whose name follows from the input alone. A task or an actor that dies is
run again by Ray and writes the same part again. Before, one pass over the input finds the ids that come more than
once, for a worker that sees one file cannot know what stands in the others.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.classifiers.decision import Classifier
from pipeline.errors import UserError
from pipeline.schemas import Article
from pipeline.scoring.chunks import Known, Noted, chunks, grouped
from pipeline.scoring.ledger import Ledger, as_json
from pipeline.scoring.parts import Count
from pipeline.scoring.places import DONE, File, emptied, is_remote, listed, write_lines, write_whole
from pipeline.scoring.rows import label_of, schema_of, score_sentences
from pipeline.scoring.scorer import Tally, checked
from pipeline.scoring.windows import FULL, Window
from pipeline.storage import to_json
from pipeline.text.segmentation import segment

_ARTICLE = pa.struct([(field.name, pa.string()) for field in fields(Article)])
_CHUNK = pa.schema([("group", pa.int64()), ("chunk", pa.int64()), ("articles", pa.list_(_ARTICLE))])
_CHUNK = _CHUNK.append(pa.field("read", pa.int64())).append(pa.field("rejects", pa.string()))
_IDS = pa.schema([("id", pa.binary()), ("text", pa.binary()), ("file", pa.int64()), ("nth", pa.int64())])
_READING, _SCORING = 0.1, 0.9  # cores of a task that reads and of an actor: a core has one of each
Load = Callable[[], Classifier]


@dataclass(frozen=True)
class Job:
    """What a cluster is asked for; 0 workers: one for each of its cores."""

    words: Sequence[str]
    out: str
    max_bytes: int = 5_000_000
    workers: int = 0


def score_on_ray(
    job: Job, load: Load, classifier: Classifier, told: Callable[[Count], None] = lambda count: None
) -> Tally:
    """Score into a folder of Parquet parts; rejects go to `out`.rejects.jsonl.

    Every worker calls `load`, and must get what `classifier` is here.

    Ray runs on this machine unless `RAY_ADDRESS` names a cluster.

    Raises:
        UserError: when Ray is not installed, a place is wrong, nothing could be read, or the input changed meanwhile.
    """
    start = time.perf_counter()
    ray = _ray()
    out = job.out.rstrip("/")
    files = [file for file in listed(job.words) if not _own(file.url, out)]
    if not files:
        raise UserError.one("no article found outside the output", ", ".join(job.words), "write to another folder")
    groups = grouped(files)
    with _connected(ray), Ledger() as ledger:
        emptied(out)
        workers = job.workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        read = _note_ids(ray, groups, job.max_bytes, ledger)
        first = ray.put(ledger.repeated())
        for group, chunk, counts, rejects in _results(ray, groups, job, first, (load, label_of(classifier)), workers):
            ledger.add(group, chunk, counts, rejects)
            told(ledger.count)
        count = checked(ledger.count)
        if count.read != read:
            raise UserError.one("the input changed while it was read", ", ".join(job.words), "begin anew")
        _finish(out, ledger, count, schema_of(classifier.decision))
    return Tally(**asdict(count), seconds=time.perf_counter() - start)


def _ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # what goes wrong is raised, the rest is for Ray's own logs
    try:
        import ray
        import ray.data
    except ImportError:
        raise UserError.one("Ray is not installed", "--engine ray", "pip install 'PATH_TO_CHECKOUT[ray]'") from None
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"ray\.data\.")
    return ray


@contextlib.contextmanager
def _connected(ray: Any) -> Iterator[None]:
    """Ray running, with settings that keep a chunk a block; a Ray that ran before goes on running.

    Raises:
        UserError: when the cluster of RAY_ADDRESS does not answer.
    """
    began = not ray.is_initialized()
    if began:
        address = os.environ.get("RAY_ADDRESS")
        try:
            ray.init(log_to_driver=False, logging_level="ERROR", **({} if address else {"include_dashboard": False}))
        except (Exception, SystemExit) as error:  # SystemExit is how Ray gives a silent cluster up
            if not address:
                raise
            told = " ".join(str(error).split())
            raise UserError.one(
                f"no Ray cluster answers there ({told})", address, "start it, or unset RAY_ADDRESS to use this machine"
            ) from None
    context = ray.data.DataContext.get_current()
    before = context.target_max_block_size, context.enable_progress_bars
    context.target_max_block_size, context.enable_progress_bars = 1, False
    try:
        yield
    finally:
        context.target_max_block_size, context.enable_progress_bars = before
        if began:
            ray.shutdown()


def _source(ray: Any, groups: Sequence[Sequence[File]]) -> Any:
    rows = [{"group": number, "files": json.dumps(group)} for number, group in enumerate(groups)]
    return ray.data.from_items(rows, override_num_blocks=len(rows))


def _group_of(batch: Mapping[str, Any]) -> tuple[int, list[File]]:
    """The one group of a batch."""
    return int(batch["group"][0]), [File(*values) for values in json.loads(str(batch["files"][0]))]


# --- the first pass: ids


def _note_ids(ray: Any, groups: Sequence[Sequence[File]], max_bytes: int, ledger: Ledger) -> int:
    """Tell the ledger all ids; returns how many rows were read."""

    def ids(batch: Mapping[str, Any]) -> Iterator[pa.Table]:
        _, files = _group_of(batch)
        noted = {file.number: Noted() for file in files}
        had = dict.fromkeys(noted, 0)
        for chunk in chunks(files, max_bytes, lambda file: noted[file.number]):
            yield _ids(noted, had, chunk.read)

    read = 0
    tables = _source(ray, groups).map_batches(ids, batch_size=1, num_cpus=1)
    for table in tables.iter_batches(batch_size=None, batch_format="pyarrow"):
        read += sum(row["nth"] for row in table.filter(pa.compute.equal(table["file"], -1)).to_pylist())
        kept = table.filter(pa.compute.not_equal(table["file"], -1))
        ledger.note(zip(*(kept[name].to_pylist() for name in _IDS.names), strict=True))
    return read


def _ids(noted: Mapping[int, Noted], had: dict[int, int], read: int) -> pa.Table:
    """The ids of a chunk, and a row of file -1 with the number of rows read."""
    rows = [{"id": b"", "text": b"", "file": -1, "nth": read}]
    for file, note in noted.items():
        for nth, (id_, text) in enumerate(note.ids, start=had[file]):
            rows.append({"id": id_, "text": text, "file": file, "nth": nth})
        had[file] += len(note.ids)
        note.ids.clear()
    return pa.Table.from_pylist(rows, _IDS)


# --- the second pass: rows


def _results(
    ray: Any, groups: Sequence[Sequence[File]], job: Job, first: Any, model: tuple[Load, str], workers: int
) -> Iterator[tuple[int, int, str, str]]:
    """Group, chunk, counts and rejects of each chunk as it is done."""
    max_bytes = job.max_bytes

    def read(batch: Mapping[str, Any]) -> Iterator[pa.Table]:
        group, files = _group_of(batch)
        known = ray.get(first)
        for chunk in chunks(files, max_bytes, lambda file: Known(file.number, known)):
            yield _as_row(group, chunk)

    read_ = _source(ray, groups).map_batches(
        read, batch_size=1, num_cpus=_READING, compute=ray.data.TaskPoolStrategy(size=workers)
    )
    scored = read_.map_batches(
        ChunkScorer,
        fn_constructor_args=(*model, job.out.rstrip("/")),
        batch_size=1,
        batch_format="pyarrow",
        num_cpus=_SCORING,
        compute=ray.data.ActorPoolStrategy(size=workers),
    )
    for row in scored.iter_rows():
        yield row["group"], row["chunk"], row["counts"], row["rejects"]


def _as_row(group: int, chunk: Window) -> pa.Table:
    _, rejects = as_json(Count(), chunk.rejects)
    row = {"group": group, "chunk": chunk.number, "read": chunk.read, "rejects": rejects}
    row["articles"] = [
        {field.name: getattr(article, field.name) for field in fields(Article)} for article in chunk.articles
    ]
    return pa.Table.from_pylist([row], _CHUNK)


class ChunkScorer:
    """An actor: it holds the model, and writes the rows of each chunk it is given.

    Raises:
        UserError: when the model here is another than the driver's.
    """

    def __init__(self, load: Load, label: str, out: str):
        self.classifier, self.out = load(), out
        if label_of(self.classifier) != label:
            raise UserError.one(
                f"the model here is {label_of(self.classifier)}", label, "give all nodes the same models"
            )

    def __call__(self, batch: pa.Table) -> pa.Table:
        return pa.Table.from_pylist([self._score(row) for row in batch.to_pylist()])

    def _score(self, row: Mapping[str, Any]) -> dict[str, object]:
        articles = [Article(**values) for values in row["articles"]]
        tables, sentences = [schema_of(self.classifier.decision).empty_table()], 0
        for window in _windows(articles):
            cut = [segment(article) for article in window]
            tables.append(score_sentences(window, cut, self.classifier))
            sentences += sum(map(len, cut))
        table = pa.concat_tables(tables)
        if table.num_rows:
            write_whole(f"{self.out}/{part_name(row['group'], row['chunk'])}", _parquet(table))
        rejects = json.loads(row["rejects"])
        count = Count(row["read"], len(articles), len(rejects), sentences, table.num_rows)
        counts, _ = as_json(count, ())
        return {"group": row["group"], "chunk": row["chunk"], "counts": counts, "rejects": row["rejects"]}


def _windows(articles: Sequence[Article]) -> Iterator[list[Article]]:
    window: list[Article] = []
    characters = 0
    for article in articles:
        window.append(article)
        characters += len(article.text)
        if characters >= FULL:
            yield window
            window, characters = [], 0
    if window:
        yield window


def part_name(group: int, chunk: int) -> str:
    """Parts in the order of their names have rows in the order of the input."""
    return f"part-{group:06}-{chunk:06}.parquet"


def _parquet(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd")
    return file.getvalue()


def _finish(out: str, ledger: Ledger, count: Count, schema: pa.Schema) -> None:
    """Rejects beside the parts, and the mark that they are whole."""
    if not count.rows:
        write_whole(f"{out}/{part_name(0, 0)}", _parquet(schema.empty_table()))
    write_lines(f"{out}.rejects.jsonl", (to_json(reject) for reject in ledger.rejects()))
    write_whole(f"{out}/{DONE}", to_json(asdict(count)).encode())


def _own(url: str, out: str) -> bool:
    """Whether this or an earlier run wrote the file."""
    place, end = (url, out) if is_remote(url) else (os.path.realpath(url), os.path.realpath(out))
    return place.startswith((f"{end}/", f"{end}.rejects.jsonl"))

"""`--engine ray` on a local cluster whose object store is small: the rows of the local engine, whatever happens."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pyarrow.parquet as pq
import pytest

from pipeline.errors import UserError
from pipeline.schemas import Article
from pipeline.scoring import ray_engine
from pipeline.scoring.command import Request, run
from pipeline.scoring.places import write_whole
from pipeline.scoring.ray_engine import ChunkScorer, Job, score_on_ray
from pipeline.scoring.scorer import Options, score
from tests.unit.scoring.scorers import ByWord

STORE = 80 << 20  # bytes of the object store, about the least that Ray takes


@pytest.fixture(scope="module")
def ray(root: Path) -> Iterator[Any]:
    """A cluster of two cores; its workers find the tests' own modules."""
    os.environ["PYTHONPATH"] = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}  # niced workers starve on a busy machine
    module = pytest.importorskip("ray", reason="Ray is not installed: pip install 'PATH_TO_CHECKOUT[ray]'")
    module.init(
        num_cpus=2, object_store_memory=STORE, include_dashboard=False, log_to_driver=False, logging_level="ERROR"
    )
    yield module
    module.shutdown()


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """Files with enough text for several chunks, bad rows, ids that come again, and files that are no articles."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("one", "two"):
        rows = [
            {"id": f"{name}{n}", "title": "T", "text": f"Match {n}. {'A song was sung. ' * 60}"} for n in range(300)
        ]
        lines = [json.dumps(row) for row in rows] + ['{"text": 5}', "{broken", '{"id": "one7", "text": "Other."}']
        (folder / f"{name}.jsonl").write_text("\n".join([*lines, '{"text": " "}']))
    (folder / "bad.parquet").write_bytes(b"PAR1 and nothing more")
    (folder / "good.csv").write_text('id,text\nx,"A match, played."\ny\n')
    (folder / "none.bin").write_bytes(b"\0")
    return folder


def rejects(out: Path) -> list[str]:
    return sorted(out.with_name(f"{out.name}.rejects.jsonl").read_text().splitlines())


def test_rows_and_rejects_are_those_of_the_local_engine(ray: Any, inbox: Path, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    there.mkdir()
    (there / "part-999999-000000.parquet").write_bytes(b"left over")
    local = score([inbox], here, ByWord(), Options(parts=True))
    tally = score_on_ray(Job([str(inbox)], f"{there}/", workers=2), ByWord, ByWord())
    assert (tally.read, tally.scored, tally.rejected) == (local.read, local.scored, local.rejected)
    assert tally.sentences == tally.rows == local.rows > 30_000
    assert len(list(there.glob("part-*.parquet"))) > 2
    assert pq.read_table(there).equals(pq.read_table(here))
    assert rejects(there) == rejects(here)
    assert json.loads((there / "_SUCCESS").read_text())["rows"] == tally.rows


class DiesOnce(ByWord):
    """Kills its process the first time that it sees a certain sentence."""

    def __init__(self, mark: str):
        super().__init__()
        self.mark = Path(mark)

    def predict_proba(self, sentences: Any) -> Any:
        if any(sentence.text == "Match 140." for sentence in sentences) and not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().predict_proba(sentences)


def test_a_worker_that_is_killed_loses_and_doubles_nothing(ray: Any, inbox: Path, tmp_path: Path) -> None:
    here, there, mark = tmp_path / "here.parquet", tmp_path / "there", tmp_path / "died"
    score([inbox], here, ByWord())
    tally = score_on_ray(Job([str(inbox)], str(there), workers=2), partial(DiesOnce, str(mark)), ByWord())
    assert mark.exists()
    assert tally.sentences == tally.rows
    assert pq.read_table(there).equals(pq.read_table(here))


def peak_while(work: Any) -> int:
    """Bytes that the largest process came to, this one and the cluster's workers, while `work` ran."""
    peak, done = 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.is_set():
            for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
                try:
                    if (
                        "ray::" in process.name()
                        or process.pid == os.getpid()
                        or "ray::" in " ".join(process.cmdline())
                    ):
                        memory = process.memory_info()
                        peak = max(peak, memory.rss - memory.shared)
                except psutil.Error:
                    continue
            time.sleep(0.05)

    watcher = threading.Thread(target=watch)
    watcher.start()
    work()
    done.set()
    watcher.join()
    return peak


def test_memory_does_not_grow_with_the_input(ray: Any, tmp_path: Path) -> None:
    row = f'{{"id": broken {"x" * 60_000}\n'  # a reject travels whole, and takes no time to score

    def run_on(size: int) -> int:
        source = tmp_path / f"{size}.jsonl"
        with source.open("w") as file:
            file.writelines(row for _ in range(size // len(row)))
            file.write('{"text": "A match."}')
        job = Job([str(source)], str(tmp_path / f"out{size}"), workers=1)
        return peak_while(lambda: score_on_ray(job, ByWord, ByWord()))

    full, twice = run_on(64 << 20), run_on(128 << 20)  # the first fills every buffer, the second outgrows the store
    assert twice < full + (32 << 20)


def test_another_model_on_a_worker_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="give all nodes the same models"):
        ChunkScorer(ByWord, "another@0123", str(tmp_path))


def test_an_input_that_changes_meanwhile_is_noticed(
    ray: Any, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (inbox / "one.jsonl").unlink()
    (inbox / "two.jsonl").unlink()
    note = ray_engine._note_ids

    def then_grow(*arguments: Any) -> int:
        read = note(*arguments)
        (inbox / "good.csv").write_text("id,text\nx,A match.\ny,A song.\nz,Another.\n")
        return read

    monkeypatch.setattr(ray_engine, "_note_ids", then_grow)
    with pytest.raises(UserError, match="changed while it was read"):
        score_on_ray(Job([str(inbox)], str(tmp_path / "out"), workers=1), ByWord, ByWord())
    assert not (tmp_path / "out" / "_SUCCESS").exists()


@pytest.mark.parametrize("silence", [ConnectionError("nobody"), SystemExit(15)])
def test_a_cluster_that_is_not_there_is_told_and_costs_no_output(
    silence: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreached(**_: object) -> None:
        raise silence

    monkeypatch.setenv("RAY_ADDRESS", "head:6379")

    (tmp_path / "a.txt").write_text("A match.")
    write_whole(f"{tmp_path}/out/part-000000-000000.parquet", b"rows")
    monkeypatch.setattr(ray_engine, "_ray", lambda: SimpleNamespace(is_initialized=lambda: False, init=unreached))
    with pytest.raises(UserError, match=r"head:6379.*no Ray cluster answers"):
        score_on_ray(Job([str(tmp_path / "a.txt")], str(tmp_path / "out")), ByWord, ByWord())
    assert (tmp_path / "out" / "part-000000-000000.parquet").read_bytes() == b"rows"


def test_an_output_that_holds_all_of_the_input_is_refused_with_nothing_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_engine, "_ray", SimpleNamespace)
    (tmp_path / "part-00000.parquet").write_bytes(b"articles")
    with pytest.raises(UserError, match="write to another folder"):
        score_on_ray(Job([str(tmp_path)], str(tmp_path)), ByWord, ByWord())
    assert (tmp_path / "part-00000.parquet").read_bytes() == b"articles"


def request(tmp_path: Path, engine: str, out: str = "out/") -> Request:
    return Request(["in"], str(tmp_path) + f"/{out}", "baseline", tmp_path, 1, 1, 0, True, False, engine)


def test_what_a_cluster_cannot_do_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"max_bytes": 1000, "parts": False, "excel_safe": False, "restart": False}
    with pytest.raises(UserError, match="no engine 'slurm'"):
        run(request(tmp_path, "slurm"), **options)
    with pytest.raises(UserError, match="write to a folder"):
        run(request(tmp_path, "ray", "out.csv"), **options)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"pip install 'PATH_TO_CHECKOUT\[ray\]'"):
        score_on_ray(Job([str(tmp_path)], str(tmp_path / "out")), ByWord, ByWord())


def test_articles_go_through_a_block_as_they_are() -> None:
    article = Article("a", "Text.", "Title", "2020-01-02", "Source", "news", "A-B")
    window = ray_engine.Window(3, 1, [article])
    (row,) = ray_engine._as_row(2, window).to_pylist()
    assert [Article(**values) for values in row["articles"]] == [article]
    assert (row["group"], row["chunk"], row["read"], row["rejects"]) == (2, 3, 1, "[]")

"""What a worker of a cluster takes at a time, without a cluster."""

from __future__ import annotations

import json
import random
from pathlib import Path

import fsspec
import pytest

from pipeline.errors import UserError
from pipeline.schemas import Article, Reject
from pipeline.scoring import chunks as module
from pipeline.scoring.chunks import Known, Noted, chunks, grouped
from pipeline.scoring.ledger import Ledger, as_json
from pipeline.scoring.parts import Count
from pipeline.scoring.places import DONE, File, emptied, listed, write_lines, write_whole
from pipeline.text.readers import read_articles


def lines(*rows: object) -> bytes:
    return "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows).encode()


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """Two files with ids that come again in the same file and in the other, and one that is no text."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.jsonl").write_bytes(
        lines({"id": "1", "text": "One."}, {"id": "2", "text": "Two."}, {"id": "1", "text": "One."}, "{broken")
    )
    (folder / "b.jsonl").write_bytes(
        lines({"id": "3", "text": "Three."}, {"id": "2", "text": "Other."}, {"text": 5}, {"id": "3", "text": "More."})
    )
    (folder / "c.csv").write_bytes(b"\x00\x01")
    return folder


def items(files: list[File]) -> list[Article | Reject]:
    """As a cluster reads: ids are noted in any order, then each file is read knowing those that come again."""
    with Ledger() as ledger:
        rows = []
        for file in files:
            noted = Noted()
            list(chunks([file], 1000, lambda _, noted=noted: noted))  # type: ignore[misc]
            rows += [(*pair, file.number, nth) for nth, pair in enumerate(noted.ids)]
        random.Random(1).shuffle(rows)
        ledger.note(rows)
        first = ledger.repeated()
    found: list[Article | Reject] = []
    for file in files:
        for chunk in chunks([file], 1000, lambda file: Known(file.number, first)):
            found += [*chunk.articles, *chunk.rejects]
    return found


def test_files_read_apart_give_what_they_give_read_together(inbox: Path) -> None:
    together = list(read_articles([inbox], 1000))
    apart = items(listed([str(inbox)]))
    assert sorted(map(repr, apart)) == sorted(map(repr, together))
    assert {item.reason.split(" (")[0] for item in apart if isinstance(item, Reject)} >= {
        "duplicate of 1",
        "id 2 seen before with another text",
        "id 3 seen before with another text",
        "broken JSON",
        "binary, not text",
    }


def test_a_store_elsewhere_is_read_like_a_folder(inbox: Path) -> None:
    store = fsspec.filesystem("memory")
    store.put(str(inbox), "/news", recursive=True)
    store.pipe_file("/news/_SUCCESS", b"{}")
    files = listed(["memory://news/*.jsonl", "memory://news"])
    assert [file.url for file in files] == [f"memory:///news/{name}" for name in ("a.jsonl", "b.jsonl", "c.csv")]
    assert files[0].size == (inbox / "a.jsonl").stat().st_size
    there = [repr(item).replace("memory:///news", str(inbox)) for item in items(files)]
    assert there == [repr(item) for item in items(listed([str(inbox)]))]
    store.rm("/news", recursive=True)
    gone = next(iter(chunks(files[:1], 1000, lambda _: Noted())))
    assert gone.read == 1 and gone.rejects[0].file == files[0].url and gone.rejects[0].row == 0
    assert gone.rejects[0].reason.startswith("cannot be read")


@pytest.mark.parametrize("url", ["memory://nowhere", "nosuch://bucket/file.csv"])
def test_a_place_that_is_not_there_is_told(url: str) -> None:
    with pytest.raises(UserError, match=url):
        listed([url])


def test_chunks_are_bounded_and_cut_alike_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_CHUNK", 1000)
    monkeypatch.setattr(module, "FULL_CHUNK", 4000)
    rows = [{"id": str(n), "text": f"Number {n}. {'word ' * 40}"} for n in range(200)]
    (tmp_path / "a.jsonl").write_bytes(lines(*rows))
    found = [list(chunks(listed([str(tmp_path)]), 10_000, lambda _: Noted())) for _ in range(2)]
    assert found[0] == found[1]
    assert [chunk.number for chunk in found[0]] == list(range(len(found[0])))
    assert [article.id for chunk in found[0] for article in chunk.articles] == [str(n) for n in range(200)]
    assert found[0][0].characters < 1500 < found[0][3].characters < 4500


def test_groups_keep_order_and_have_a_size() -> None:
    files = [File(n, f"{n}.csv", 30 << 20) for n in range(7)]
    found = grouped(files)
    assert [file for group in found for file in group] == files
    assert [len(group) for group in found] == [3, 3, 1]


def test_rejects_come_in_order_and_a_chunk_counts_once() -> None:
    with Ledger() as ledger:
        for group, chunk in [(1, 0), (0, 1), (0, 0)]:
            ledger.add(group, chunk, *as_json(Count(1, 0, 1), [Reject("f", 10 * group + chunk, "why")]))
        assert [reject.row for reject in ledger.rejects()] == [0, 1, 10]
        assert ledger.count == Count(3, 0, 3)
        with pytest.raises(Exception, match="UNIQUE"):
            ledger.add(0, 1, *as_json(Count(), []))


@pytest.mark.parametrize("place", ["memory://out", "{tmp}/out"])
def test_an_output_holds_only_what_its_run_wrote(place: str, tmp_path: Path) -> None:
    out = place.format(tmp=tmp_path)
    spark = "part-00000-0b1c.snappy.parquet"
    for name in ("part-000000-000000.parquet", DONE, "mine.txt", spark):
        write_whole(f"{out}/{name}", b"x")
    emptied(out)
    files, path = fsspec.core.url_to_fs(out)
    assert [name.rsplit("/", 1)[1] for name in sorted(files.ls(path, detail=False))] == ["mine.txt", spark]
    write_lines(f"{out}.rejects.jsonl", iter(["a", "b"]))
    assert files.cat_file(f"{path}.rejects.jsonl") == b"a\nb\n"
    write_lines(f"{out}.rejects.jsonl", iter([]))
    assert not files.exists(f"{path}.rejects.jsonl")

"""Scored files come back the same from every format, and a broken one is told in a line."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import UserError
from pipeline.scoring.places import DONE
from pipeline.scoring.sinks import COLUMNS
from pipeline.scoring.summary.scored import open_scored
from tests.scored_rows import STANCES, TOPICS, row, write

ROWS = [
    row("a", "farms ships", "no", title='=SUM(1) "quoted", </script>', heading="Top", end=11, abstain=True),
    row("a", "", "maybe", text="Line\nbreak; semicolon", position=1, start=12),
    row("b", "ships", "yes", date="", source=""),
]


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_every_format_gives_back_the_rows(ending: str, tmp_path: Path) -> None:
    source = open_scored(write(tmp_path / f"s.{ending}", ROWS))
    assert (source.topics, source.stances) == (TOPICS, STANCES)
    read = pa.concat_tables(source.batches(COLUMNS)).to_pylist()
    for got, wrote in zip(read, ROWS, strict=True):
        assert json.loads(got.pop("topic_scores")) == wrote["topic_scores"]
        assert json.loads(got.pop("stance_scores")) == wrote["stance_scores"]
        assert got.pop("confidence") == pytest.approx(0.8)
        assert {k: tuple(v) if k == "topics" else v for k, v in got.items()} == {k: wrote[k] for k in got}


def test_a_folder_of_parts_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    for number in (1, 0, 2):
        write(tmp_path / f"part-{number}.parquet", [row(f"a{number}")])
    names = [b["article_id"].to_pylist() for b in open_scored(tmp_path).batches(("article_id",))]
    assert names == [["a0"], ["a1"], ["a2"]]


def test_scores_kept_as_maps_are_read_as_well(tmp_path: Path) -> None:
    table = pq.read_table(write(tmp_path / "s.parquet", ROWS))
    kind = pa.map_(pa.string(), pa.float32())
    for name in ("topic_scores", "stance_scores"):
        maps = pa.array([list(value.items()) for value in table[name].to_pylist()], kind)
        table = table.set_column(table.column_names.index(name), name, maps)
    pq.write_table(table, tmp_path / "maps.parquet")
    assert open_scored(tmp_path / "maps.parquet").topics == TOPICS


def test_a_file_longer_than_a_batch_comes_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.scoring.summary.scored.BATCH", 10)
    for ending in ("jsonl", "csv", "parquet"):
        source = open_scored(write(tmp_path / f"s.{ending}", [row("a", position=n) for n in range(25)]))
        batches = [batch["position"].to_pylist() for batch in source.batches(("position",))]
        assert [len(batch) for batch in batches] == [10, 10, 5]
        assert [position for batch in batches for position in batch] == list(range(25))


def broken(name: str, path: Path) -> Path:
    if name == "cut.jsonl":
        return _text(path / name, write(path / "s.jsonl", ROWS).read_text()[:-20])
    if name == "other.jsonl":
        return _text(path / name, '{"text": "x"}\n')
    if name == "number.csv":
        return _text(path / name, write(path / "s.csv", ROWS[1:]).read_text().replace(",12,", ",twelve,"))
    if name == "columns.csv":
        return _text(path / name, "article_id,text\na,b\n")
    if name == "empty.parquet":
        return write(path / name, [])
    if name == "folder":
        (path / name).mkdir()
        return path / name
    return _text(path / name, "text")


def _text(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("cut.jsonl", "cut.jsonl:3: not JSON"),
        ("other.jsonl", "other.jsonl:1: not a scored sentence"),
        ("number.csv", "broken row .*twelve"),
        ("columns.csv", "no column abstain"),
        ("empty.parquet", "no scored sentence"),
        ("text.parquet", "not a Parquet file"),
        ("folder", "no .parquet file"),
        ("rows.xml", "unknown ending"),
    ],
)
def test_what_is_no_scored_file_is_told(name: str, told: str, tmp_path: Path) -> None:
    path = broken(name, tmp_path)
    with pytest.raises(UserError, match=told):
        list(open_scored(path).batches(COLUMNS))


@pytest.mark.parametrize("ending", ["", ".parquet"])
def test_what_is_scored_in_part_is_refused_until_it_is_whole(ending: str, tmp_path: Path) -> None:
    out = tmp_path / f"out{ending}"
    (tmp_path / f"{out.name}.partial").mkdir()
    if not ending:
        out.mkdir()
        write(out / "part-00000.parquet", ROWS)
    with pytest.raises(UserError, match="not scored to the end"):
        open_scored(out)
    if ending:
        write(out, ROWS)  # of an earlier run: whole, whatever is beside it
    else:
        (tmp_path / f"{out.name}.partial").rmdir()
    assert open_scored(out).topics == TOPICS


def test_parts_of_a_cluster_are_refused_without_the_mark_that_they_are_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "part-000000-000001.parquet", ROWS)
    with pytest.raises(UserError, match="not scored to the end"):
        open_scored(Path())
    (tmp_path / DONE).touch()
    assert open_scored(Path()).topics == TOPICS
    tmp_path.with_name(f"{tmp_path.name}.partial").mkdir()  # of a local run that was stopped before
    assert open_scored(Path()).topics == TOPICS


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="score articles into it"):
        open_scored(tmp_path / "none.parquet")

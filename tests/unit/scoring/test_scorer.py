"""Scoring: every sentence comes out, rejects are told, counts are checked, nothing is written elsewhere."""

import csv
import errno
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.classifiers.decision import Matrix, Readable
from pipeline.errors import UserError
from pipeline.schemas import Article
from pipeline.scoring import workers
from pipeline.scoring.rows import score_articles
from pipeline.scoring.scorer import Options, rejects_path, score, score_stream
from pipeline.scoring.show import read_scored, show
from pipeline.scoring.sinks import COLUMNS
from tests.unit.scoring.scorers import ByWord


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "one.txt").write_text('The match was long. A song, with "quotes", was sung.', encoding="utf-8")
    rows = [{"id": "mine", "text": "A match.\nNothing."}, {"text": 5}, {"text": ""}]
    lines = [json.dumps(row) for row in rows] + ["{broken"]
    (folder / "two.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (folder / "three.bin").write_bytes(b"\x00\x01\x02")
    return folder


def read(path: Path) -> list[dict[str, object]]:
    if path.suffix == ".parquet":
        return list(pq.read_table(path).to_pylist())
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            return [
                {**row, "topics": [t for t in row["topics"].split(";") if t], "start": int(row["start"])}
                for row in csv.DictReader(file)
            ]
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_every_sentence_comes_out_in_every_format(ending: str, articles: Path, tmp_path: Path) -> None:
    out = tmp_path / f"out.{ending}"
    tally = score([articles], out, ByWord())
    assert (tally.read, tally.scored, tally.rejected, tally.sentences, tally.rows) == (6, 2, 4, 4, 4)
    rows = read(out)
    assert list(rows[0]) == list(COLUMNS)
    assert [row["text"] for row in rows] == [
        "The match was long.",
        'A song, with "quotes", was sung.',
        "A match.",
        "Nothing.",
    ]
    assert [list(row["topics"]) for row in rows] == [["sport"], ["music"], ["sport"], []]  # type: ignore[call-overload]
    assert [row["start"] for row in rows] == [0, 20, 0, 9]
    assert rows[2]["article_id"] == "mine"
    assert {row["stance"] for row in rows} == {"plain"}
    assert {row["model"] for row in rows} == {"by-word@0123456789ab"}


def test_parts_of_a_folder_hold_the_rows_of_one_file(tmp_path: Path) -> None:
    many = tmp_path / "many.jsonl"
    many.write_text(
        "".join(f'{{"text": "The match number {i} was played. {"Then more. " * 50}"}}\n' for i in range(200))
    )
    score([many], tmp_path / "one.parquet", ByWord())
    score([many], tmp_path / "folder", ByWord(), Options(parts=True))
    names = sorted(path.name for path in (tmp_path / "folder").iterdir())
    assert len(names) > 2
    assert names == [f"part-{n:05}.parquet" for n in range(len(names))]
    assert pq.read_table(tmp_path / "folder").equals(pq.read_table(tmp_path / "one.parquet"))


def test_a_shorter_second_run_leaves_no_part_of_the_first(tmp_path: Path) -> None:
    many, few = tmp_path / "many.jsonl", tmp_path / "few.jsonl"
    line = f'{{"text": "{"The match was played. " * 30}"}}\n'
    many.write_text("".join(line.replace("The", str(i)) for i in range(200)))
    few.write_text('{"text": "A song."}\n')
    score([many], tmp_path / "folder", ByWord(), Options(parts=True))
    (tmp_path / "folder" / "mine.txt").write_text("keep")
    score([few], tmp_path / "folder", ByWord(), Options(parts=True))
    assert sorted(path.name for path in (tmp_path / "folder").iterdir()) == ["mine.txt", "part-00000.parquet"]


def test_articles_are_never_replaced_by_rows_but_earlier_rows_are(tmp_path: Path) -> None:
    inbox = tmp_path / "in"
    inbox.mkdir()
    for name in ("a", "b"):
        (inbox / f"{name}.jsonl").write_text('{"text": "A song."}\n')
    with pytest.raises(UserError, match="articles are there"):
        score([inbox], inbox / "b.jsonl", ByWord())
    assert (inbox / "b.jsonl").read_text() == '{"text": "A song."}\n'
    tallies = [score([inbox], inbox / "rows.jsonl", ByWord()) for _ in range(2)]
    assert [tally.read for tally in tallies] == [2, 2]


def test_what_a_cluster_wrote_into_the_folder_does_not_stay(tmp_path: Path) -> None:
    (tmp_path / "few.jsonl").write_text('{"text": "A song."}\n')
    (tmp_path / "folder").mkdir()
    others = ["part-mine.parquet", "part-1-2.parquet", "part-000000-000000.parquet.bak", "_SUCCESS.txt"]
    for name in ("part-000000-000000.parquet", "part-1000000-000012.parquet", "_SUCCESS", *others):
        (tmp_path / "folder" / name).touch()
    score([tmp_path / "few.jsonl"], tmp_path / "folder", ByWord(), Options(parts=True))
    assert {path.name for path in (tmp_path / "folder").iterdir()} == {"part-00000.parquet", *others}


def test_scores_in_jsonl_are_objects_by_label(articles: Path, tmp_path: Path) -> None:
    score([articles], tmp_path / "out.jsonl", ByWord())
    row = read(tmp_path / "out.jsonl")[0]
    assert row["topic_scores"] == {"sport": 1.0, "music": 0.0}
    assert row["stance_scores"] == {"good": 0.2, "plain": 0.5, "bad": 0.3}
    assert row["confidence"] == 0.5
    assert row["abstain"] is False


def test_columns_of_articles_stand_beside_each_of_their_sentences() -> None:
    table = score_articles(
        [Article("a", "A match. A song.", "One", "2020-01-01", "Paper"), Article("b", "", "Two"), Article("c", "End.")],
        ByWord(),
    )
    assert table.select(["article_id", "title", "date", "source", "position"]).to_pylist() == [
        {"article_id": "a", "title": "One", "date": "2020-01-01", "source": "Paper", "position": 0},
        {"article_id": "a", "title": "One", "date": "2020-01-01", "source": "Paper", "position": 1},
        {"article_id": "c", "title": "", "date": "", "source": "", "position": 0},
    ]
    assert score_articles([], ByWord()).schema == table.schema


def test_rejects_say_file_row_reason_and_what_stood_there(articles: Path, tmp_path: Path) -> None:
    (articles / "cells.csv").write_bytes(
        "id,text\n1,déjà vu à côté\n2\n3,bad ".encode() + b'\xff byte\n4,"' + b"x" * 200_000 + b"\n"
    )
    (articles / "same.jsonl").write_text('{"id": "mine", "text": "Another."}\n')
    (articles / "large.txt").write_text("The match. " * 20_000)
    out = tmp_path / "out.jsonl"
    tally = score([articles], out, ByWord(), Options(max_bytes=100_000))
    rejects = {(Path(str(r["file"])).name, r["row"]): r for r in read(rejects_path(out))}
    assert set(rejects) == {
        ("three.bin", 0),
        ("two.jsonl", 2),
        ("two.jsonl", 3),
        ("two.jsonl", 4),
        ("cells.csv", 2),
        ("cells.csv", 3),
        ("cells.csv", 4),
        ("two.jsonl", 1),
        ("large.txt", 0),
    }
    assert rejects["two.jsonl", 2]["raw"] == '{"text": 5}'
    assert rejects["two.jsonl", 4]["raw"] == "{broken"
    assert rejects["cells.csv", 2]["raw"] == "2"
    assert rejects["cells.csv", 3]["raw"] == "3,bad \\xff byte"
    assert "larger than 100000 bytes" in str(rejects["large.txt", 0]["reason"])
    assert "seen before with another text" in str(rejects["two.jsonl", 1]["reason"])
    assert all(r["reason"] for r in rejects.values())
    assert tally.read == tally.scored + tally.rejected == tally.scored + 9


def test_an_article_of_five_megabytes_is_taken(tmp_path: Path) -> None:
    (tmp_path / "large.txt").write_text(("The match was long. " * 40 + "\n\n") * 6000)
    assert score([tmp_path / "large.txt"], tmp_path / "out.parquet", ByWord()).sentences == 240_000


def test_old_rejects_do_not_stay(articles: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    score([articles], out, ByWord())
    score([articles / "one.txt"], out, ByWord())
    assert not rejects_path(out).exists()


def test_the_same_input_gives_the_same_bytes_with_any_number_of_workers(articles: Path, tmp_path: Path) -> None:
    for ending in ("jsonl", "csv", "parquet"):
        for name, count in (("a", 1), ("b", 2)):
            score([articles], tmp_path / f"{name}.{ending}", ByWord(), Options(workers=count))
        assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()


class Failing(ByWord):
    def predict_proba(self, sentences: Sequence[Readable]) -> tuple[Matrix, Matrix]:
        raise RuntimeError("out of memory")


def test_a_failure_leaves_no_output(articles: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    with pytest.raises(RuntimeError, match="out of memory"):
        score([articles], out, Failing())
    assert {p.name for p in tmp_path.iterdir()} == {"articles", "out.jsonl.partial"}


@pytest.mark.parametrize("change", [{"articles": 1}, {"rows": 3}])
def test_a_lost_article_or_row_is_noticed(
    change: dict[str, int], articles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = workers.Scorer.__call__
    monkeypatch.setattr(workers.Scorer, "__call__", lambda self, given: replace(whole(self, given), **change))
    with pytest.raises(RuntimeError, match="were lost"):
        score([articles], tmp_path / "out.jsonl", ByWord())
    assert not (tmp_path / "out.jsonl").exists()


def test_an_id_never_becomes_a_path(tmp_path: Path) -> None:
    inbox, home = tmp_path / "in" / "deep", tmp_path / "home"
    inbox.mkdir(parents=True)
    home.mkdir()
    ids = ["../../evil", "/tmp/evil", "..\\evil", "a/../../evil", "C:\\evil"]
    rows = [{"id": id_, "title": id_, "source": id_, "text": f"The match of {id_}."} for id_ in ids]
    rows += [{"id": id_, "text": 1} for id_ in ids]
    (inbox / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    score([inbox], home / "out.jsonl", ByWord())
    score([inbox], home / "folder", ByWord(), Options(parts=True))
    made = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert made == {
        "in/deep/a.jsonl",
        "home/out.jsonl",
        "home/out.jsonl.rejects.jsonl",
        "home/folder/part-00000.parquet",
        "home/folder.rejects.jsonl",
    }
    assert read(home / "out.jsonl")[0]["article_id"] == "../../evil"


def test_excel_safe_guards_cells_that_begin_like_formulas(tmp_path: Path) -> None:
    texts = ["=HYPERLINK(1)", "+1 match", "-2 songs", "@all of them", "Plain = here"]
    rows = [{"id": f"{n}", "title": text, "source": f"\t{text}", "text": f"{text}."} for n, text in enumerate(texts)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name, safe in (("safe", True), ("plain", False)):
        score([tmp_path / "a.jsonl"], tmp_path / f"{name}.csv", ByWord(), Options(excel_safe=safe))
    safe, plain = read(tmp_path / "safe.csv"), read(tmp_path / "plain.csv")
    cells = [str(value) for row in safe for value in row.values() if isinstance(value, str)]
    assert cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert [row["title"] for row in safe] == [
        "'=HYPERLINK(1)",
        "'+1 match",
        "'-2 songs",
        "'@all of them",
        "Plain = here",
    ]
    assert [row["title"] for row in plain] == texts


def test_a_stream_is_scored_into_a_stream(articles: Path) -> None:
    out, rejects = io.BytesIO(), io.BytesIO()
    names = {articles / "two.jsonl": "-"}
    tally = score_stream([articles / "two.jsonl"], out, rejects, ByWord(), names=names)
    assert (tally.read, tally.scored, tally.rejected) == (4, 1, 3)
    assert [json.loads(line)["text"] for line in out.getvalue().splitlines()] == ["A match.", "Nothing."]
    assert {json.loads(line)["file"] for line in rejects.getvalue().splitlines()} == {"-"}


def test_a_full_disk_under_a_stream_is_told(articles: Path) -> None:
    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(UserError, match=r"standard output: cannot be written \(No space left on device\); make room"):
        score_stream([articles], Full(), io.BytesIO(), ByWord())


@pytest.mark.parametrize("folder", ["articles", "elsewhere"])
def test_what_runs_wrote_among_the_input_is_not_read(folder: str, articles: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (articles / "link").symlink_to(tmp_path / "elsewhere")
    out = tmp_path / folder / "out.jsonl"
    first = score([articles], out, ByWord())
    again = score([articles], out, ByWord())
    assert (first.read, first.rows) == (again.read, again.rows)


def test_an_unknown_ending_is_told_before_any_work(articles: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"\.jsonl, \.csv, \.parquet"):
        score([articles], tmp_path / "out.xlsx", ByWord())


def test_a_folder_without_articles_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no article found"):
        score([tmp_path / "empty"], tmp_path / "out.jsonl", ByWord())
    assert not (tmp_path / "out.jsonl").exists()


def test_columns_are_the_documented_ones() -> None:
    assert " ".join(COLUMNS) == (
        "article_id title date source sentence_id position heading start end text topics topic_scores "
        "stance stance_scores confidence abstain model"
    )


def test_scored_sentences_are_shown_and_other_files_are_told(
    articles: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    score([articles], tmp_path / "out.jsonl", ByWord())
    show(read_scored(tmp_path / "out.jsonl"), "out", tmp_path / "out.svg")
    told = capsys.readouterr().out
    assert all(part in told for part in ("sport", "plain", "0.50", "The match was long."))
    assert "The&#160;match&#160;was&#160;long." in (tmp_path / "out.svg").read_text(encoding="utf-8")
    (tmp_path / "other.jsonl").write_text('{"a": 1}\n')
    for name, said in (("other.jsonl", "not scored sentences"), ("none.jsonl", "no such file")):
        with pytest.raises(UserError, match=said):
            read_scored(tmp_path / name)

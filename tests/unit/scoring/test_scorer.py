"""Scoring: every sentence comes out, rejects are told, an output is complete or absent."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.classifiers.decision import Decision, Matrix, Readable
from pipeline.errors import UserError
from pipeline.scoring.rows import ScoredSentence
from pipeline.scoring.scorer import rejects_path, score
from pipeline.scoring.show import read_scored, show
from pipeline.scoring.sinks import COLUMNS

DECISION = Decision(("sport", "music"), ("good", "plain", "bad"), {"sport": 0.5, "music": 0.5})


class ByWord:
    """Says sport where "match" stands, music where "song" stands."""

    name = "by-word"
    sha256 = "0123456789abcdef"
    decision = DECISION

    def predict_proba(self, sentences: Sequence[Readable]) -> tuple[Matrix, Matrix]:
        topics = np.array([["match" in s.text, "song" in s.text] for s in sentences], dtype=float)
        return topics, np.tile([0.2, 0.5, 0.3], (len(sentences), 1))


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
    assert (tally.read, tally.scored, tally.rejected, tally.sentences) == (6, 2, 4, 4)
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


def test_scores_in_jsonl_are_objects_by_label(articles: Path, tmp_path: Path) -> None:
    score([articles], tmp_path / "out.jsonl", ByWord())
    row = read(tmp_path / "out.jsonl")[0]
    assert row["topic_scores"] == {"sport": 1.0, "music": 0.0}
    assert row["stance_scores"] == {"good": 0.2, "plain": 0.5, "bad": 0.3}


def test_rejects_say_file_row_and_reason(articles: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    score([articles], out, ByWord())
    rejects = read(rejects_path(out))
    assert sorted((Path(str(r["file"])).name, r["row"]) for r in rejects) == [
        ("three.bin", 0),
        ("two.jsonl", 2),
        ("two.jsonl", 3),
        ("two.jsonl", 4),
    ]
    assert all(r["reason"] for r in rejects)


def test_old_rejects_do_not_stay(articles: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    score([articles], out, ByWord())
    score([articles / "one.txt"], out, ByWord())
    assert not rejects_path(out).exists()


def test_the_same_input_gives_the_same_bytes(articles: Path, tmp_path: Path) -> None:
    for ending in ("jsonl", "csv", "parquet"):
        for name in ("a", "b"):
            score([articles], tmp_path / f"{name}.{ending}", ByWord())
        assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()


def test_a_failure_leaves_no_output(articles: Path, tmp_path: Path) -> None:
    class Failing(ByWord):
        def predict_proba(self, sentences: Sequence[Readable]) -> tuple[Matrix, Matrix]:
            raise RuntimeError("out of memory")

    out = tmp_path / "out.jsonl"
    with pytest.raises(RuntimeError):
        score([articles], out, Failing())
    assert {p.name for p in tmp_path.iterdir()} == {"articles"}


def test_many_sentences_are_scored_in_chunks(tmp_path: Path) -> None:
    path = tmp_path / "many.txt"
    path.write_text("\n\n".join(f"Number {i} of the match was played." for i in range(5000)), encoding="utf-8")
    tally = score([path], tmp_path / "out.jsonl", ByWord())
    assert tally.sentences == 5000
    assert [row["position"] for row in read(tmp_path / "out.jsonl")] == list(range(5000))


@pytest.mark.parametrize(
    ("name", "out", "told"),
    [
        ("no.txt", "out.jsonl", "no.txt"),
        ("empty", "out.jsonl", "no article found"),
        ("empty", "out.xml", "unknown ending"),
    ],
)
def test_bad_arguments_are_one_line(name: str, out: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=told) as caught:
        score([tmp_path / name], tmp_path / out, ByWord())
    assert len(caught.value.problems) == 1
    assert not (tmp_path / out).exists()


def test_columns_are_those_promised() -> None:
    assert tuple(ScoredSentence.__dataclass_fields__) == COLUMNS
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

"""Reading: good rows beside bad ones, in every format; nothing is lost and nothing raises."""

from __future__ import annotations

import csv
import json
import os
import tempfile
import tracemalloc
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import UserError
from pipeline.schemas import Article, Reject
from pipeline.text import formats
from pipeline.text.readers import RAW_LIMIT, expand, read_articles

TEXT = "Two ministers signed the accord “in good faith” at the café, for €5."
ABOUT = {"id": "n1", "title": "Accord", "date": "2024-05-06", "source": "Wire", "genre": "report", "pair": "A-B"}
FULL = Article(text=TEXT, **ABOUT)


def read(path: Path, max_bytes: int = 5_000_000) -> list[Article | Reject]:
    return list(read_articles([path], max_bytes))


def articles(path: Path) -> list[Article]:
    return [row for row in read(path) if isinstance(row, Article)]


def reasons(path: Path, max_bytes: int = 5_000_000) -> dict[int, str]:
    return {row.row: row.reason for row in read(path, max_bytes) if isinstance(row, Reject)}


def write_csv(path: Path, rows: Sequence[Sequence[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return path


def write_jsonl(path: Path, rows: Sequence[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_parquet(path: Path, columns: Mapping[str, Any]) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


class TestEveryFormat:
    def test_text(self, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
        (found,) = articles(tmp_path / "a.txt")
        assert (found.text, found.title) == (TEXT, "")
        assert len(found.id) == 17 and found.id[0] == "a"

    def test_markdown(self, tmp_path: Path) -> None:
        front = "\n".join(f"{name}: {value}" for name, value in ABOUT.items())
        (tmp_path / "a.md").write_text(f"---\n{front}\nextra: [1]\n---\n\n{TEXT}\n", encoding="utf-8")
        assert articles(tmp_path / "a.md") == [FULL]

    def test_markdown_without_front_matter(self, tmp_path: Path) -> None:
        (tmp_path / "a.md").write_text(TEXT, encoding="utf-8")
        assert [(a.text, a.title) for a in articles(tmp_path / "a.md")] == [(TEXT, "")]

    def test_front_matter_keeps_what_was_written(self, tmp_path: Path) -> None:
        (tmp_path / "a.md").write_text(f"---\nid: 0404\ndate: 2024-02-30\ntitle: null\n---\n{TEXT}", encoding="utf-8")
        assert [(a.id, a.date, a.title) for a in articles(tmp_path / "a.md")] == [("0404", "2024-02-30", "")]

    @pytest.mark.parametrize("front", ["id: [", "just words", "title: [a, b]", "x: !!python/name:os.system 1\nid: {"])
    def test_broken_front_matter_is_rejected(self, tmp_path: Path, front: str) -> None:
        (tmp_path / "a.md").write_text(f"---\n{front}\n---\n{TEXT}", encoding="utf-8")
        (reason,) = reasons(tmp_path / "a.md").values()
        assert "front matter" in reason or "'title' is list" in reason

    def test_front_matter_without_an_end_is_rejected(self, tmp_path: Path) -> None:
        (tmp_path / "a.md").write_text(f"---\n{TEXT}", encoding="utf-8")
        assert reasons(tmp_path / "a.md") == {0: "broken front matter (no second --- to end it)"}

    @pytest.mark.parametrize("name", ["a.html", "a.htm", "a.HTML"])
    def test_html(self, tmp_path: Path, name: str) -> None:
        body = "".join(
            f"<p>In point {number} of the text both sides agree on trade &amp; ports.</p>" for number in range(9)
        )
        head = (
            "<title>Accord</title><meta property='og:site_name' content='Wire'>"
            "<meta property='article:published_time' content='2024-05-06T10:00:00Z'>"
        )
        page = f"<html><head>{head}</head><body><nav>Home</nav><article><h1>Accord</h1>{body}</article></body></html>"
        (tmp_path / name).write_text(page, encoding="utf-8")
        (found,) = articles(tmp_path / name)
        assert (found.title, found.date, found.source) == ("Accord", "2024-05-06", "Wire")
        assert "In point 8 of the text both sides agree on trade & ports." in found.text
        assert "Home" not in found.text and "<p>" not in found.text

    def test_html_without_text_is_rejected(self, tmp_path: Path) -> None:
        (tmp_path / "a.html").write_text("<html><body></body></html>", encoding="utf-8")
        assert reasons(tmp_path / "a.html") == {0: "no main text found in the page"}

    def test_jsonl(self, tmp_path: Path) -> None:
        path = write_jsonl(tmp_path / "a.jsonl", [{**ABOUT, "text": TEXT, "extra": {"x": 1}}])
        assert articles(path) == [FULL]

    def test_csv(self, tmp_path: Path) -> None:
        long = TEXT + "\nA second line, “quoted” and " + "long " * 40_000
        rows = [["extra", *ABOUT, " text "], ["x", *ABOUT.values(), TEXT], ["x", "n2", "", "", "", "", "", long]]
        found = articles(write_csv(tmp_path / "a.csv", rows))
        assert found == [FULL, Article("n2", long)]

    @pytest.mark.parametrize("day", [date(2024, 5, 6), datetime(2024, 5, 6, 7, 8)])
    def test_parquet(self, tmp_path: Path, day: date) -> None:
        columns = {name: [value, None] for name, value in ABOUT.items()}
        path = write_parquet(tmp_path / "a.parquet", columns | {"date": [day, None], "text": [TEXT, "B"], "x": [1, 2]})
        first, second = articles(path)
        assert (first.id, first.pair, first.date) == ("n1", "A-B", day.isoformat())
        assert (second.text, second.title, second.date) == ("B", "", "")

    def test_parquet_nan_is_nothing(self, tmp_path: Path) -> None:
        path = write_parquet(tmp_path / "a.parquet", {"text": [TEXT], "id": [float("nan")], "date": [float("nan")]})
        assert [(a.id[0], a.date) for a in articles(path)] == [("a", "")]

    def test_parquet_batches_keep_the_order(self, tmp_path: Path) -> None:
        path = write_parquet(tmp_path / "a.parquet", {"text": [f"Text {n}." if n != 300 else "" for n in range(500)]})
        assert [a.text for a in articles(path)] == [f"Text {n}." for n in range(500) if n != 300]
        assert reasons(path) == {301: "empty"}


class TestBadRows:
    def test_jsonl(self, tmp_path: Path) -> None:
        rows = [
            b'{"text": "Good one."}',
            b"{broken",
            b"[1]",
            b'{"title": "x"}',
            b'{"text": 5}',
            b'{"text": " \\n"}',
            b"",
        ]
        rows += [
            b'{"text": "caf\xe9"}',
            '{"text": "Caf\u00e9."}'.encode(),
            b'{"text": "a", "title": {}}',
            b"[" * 100_000,
        ]
        rows += [b'{"text": "' + b"9" * 20 + b'", "id": ' + b"9" * 9000 + b"}"]
        path = tmp_path / "a.jsonl"
        path.write_bytes(b"\n".join(rows) + '\n{"text": "‘Last’ one"}'.encode())
        assert [a.text for a in articles(path)] == ["Good one.", "Café.", "‘Last’ one"]
        found = reasons(path)
        assert list(found) == [2, 3, 4, 5, 6, 8, 10, 11, 12]
        assert found[2].startswith("broken JSON (") and found[11].startswith("broken JSON (")
        assert found[3] == "JSON list, not an object"
        assert found[4] == "no 'text'" and found[5] == "'text' is int, not a string" and found[6] == "empty"
        assert found[8] == "not valid UTF-8, unlike the rest of the file"
        assert found[10] == "'title' is dict, not a string"

    def test_csv(self, tmp_path: Path) -> None:
        path = write_csv(tmp_path / "a.csv", [["id", "text"], ["1", "Good."], ["2"], ["3", " "], ["4", "Ça va, déjà."]])
        with path.open("ab") as stream:
            stream.write(b"5,caf\xe9\n\n6,Last.\n")
        assert [a.text for a in articles(path)] == ["Good.", "Ça va, déjà.", "Last."]
        assert reasons(path) == {
            2: "1 columns where the header has 2",
            3: "empty",
            5: "not valid UTF-8, unlike the rest of the file",
        }

    def test_parquet(self, tmp_path: Path) -> None:
        bad = pa.array([b"Good.", b"caf\xe9", b" ", b"Last."], pa.binary()).cast(pa.string(), safe=False)
        path = tmp_path / "a.parquet"
        pq.write_table(pa.table({"text": bad}), path)
        assert [a.text for a in articles(path)] == ["Good.", "Last."]
        assert "cannot be read" in reasons(path)[2] and reasons(path)[3] == "empty"

    @pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
    def test_a_missing_text_column_is_told_once(self, tmp_path: Path, name: str) -> None:
        path = tmp_path / name
        if name == "a.csv":
            write_csv(path, [["id", "body"], ["1", TEXT], ["2", TEXT]])
        else:
            write_parquet(path, {"id": [1, 2], "body": [TEXT, TEXT]})
        (only,) = read(path)
        assert isinstance(only, Reject) and only.row == 0
        assert only.reason == "no 'text' column (columns: id, body); name the articles' column 'text'"

    @pytest.mark.parametrize(
        "dates",
        [pa.array([10**7, 1], pa.int32()).cast(pa.date32()), pa.array([0, None], pa.timestamp("us", tz="Nowhere/Foo"))],
    )
    def test_a_cell_that_python_cannot_hold_costs_its_row_alone(self, tmp_path: Path, dates: pa.Array) -> None:
        path = tmp_path / "a.parquet"
        pq.write_table(pa.table({"text": [TEXT, TEXT + " More."], "date": dates}), path)
        bad, good = read(path)
        assert isinstance(bad, Reject) and "'date' cannot be read" in bad.reason
        assert isinstance(good, Article)

    def test_no_column_commands_the_terminal(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("\x1b]0;owned\x07head,b\n1,2\n")
        (only,) = read(tmp_path / "a.csv")
        assert isinstance(only, Reject) and only.reason.isprintable()

    @pytest.mark.parametrize("cut", [0, 3, 40, -9])
    def test_a_broken_parquet_file_is_rejected(self, tmp_path: Path, cut: int) -> None:
        path = write_parquet(tmp_path / "a.parquet", {"text": [TEXT] * 50})
        path.write_bytes(path.read_bytes()[:cut])
        (only,) = read(path)
        assert isinstance(only, Reject) and only.reason.startswith("broken Parquet")

    def test_the_raw_row_is_kept_short_and_writable(self, tmp_path: Path) -> None:
        path = tmp_path / "a.jsonl"
        path.write_bytes('{"text": "déjà vu"}\n'.encode() + b"\xff" + b"x" * RAW_LIMIT)
        (reject,) = [row for row in read(path) if isinstance(row, Reject)]
        assert (reject.file, reject.row) == (str(path), 2)
        assert reject.raw == f"\\xff{'x' * (RAW_LIMIT - 1)} … ({RAW_LIMIT + 1} characters in all)"
        assert reject.raw.encode("utf-8")

    @pytest.mark.parametrize("name", ["a.txt", "a.md", "a.html", "a.jsonl", "a.csv"])
    def test_binary_is_no_text(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 4)
        assert reasons(tmp_path / name) == {0: "binary, not text"}

    @pytest.mark.parametrize("name", ["a.txt", "a.md", "a.jsonl", "a.csv"])
    @pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf"])
    def test_an_empty_file_is_rejected(self, tmp_path: Path, name: str, content: bytes) -> None:
        (tmp_path / name).write_bytes(content)
        assert reasons(tmp_path / name) == {0: "empty"}

    @pytest.mark.parametrize("text", [" \n\t ", "\x01\x02", "\u00a0\u2003"])
    def test_blank_is_empty(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "a.txt").write_text(text, encoding="utf-8")
        assert reasons(tmp_path / "a.txt") == {0: "empty"}

    def test_what_is_too_large(self, tmp_path: Path) -> None:
        small, large = "Fine.", "é" * 60
        (tmp_path / "a.txt").write_text(large, encoding="utf-8")
        write_jsonl(tmp_path / "b.jsonl", [{"text": small}, {"text": large}, {"text": small + "2"}])
        write_csv(tmp_path / "c.csv", [["text"], ["One."], [large], ["Two."]])
        write_parquet(tmp_path / "d.parquet", {"text": ["Three.", large, "Four."]})
        found = list(read_articles([tmp_path], max_bytes=100))
        rejects = [(Path(row.file).name, row.row) for row in found if isinstance(row, Reject)]
        assert rejects == [("a.txt", 0), ("b.jsonl", 2), ("c.csv", 2), ("d.parquet", 2)]
        assert {row.reason for row in found if isinstance(row, Reject)} == {"larger than 100 bytes"}
        assert [row.text for row in found if isinstance(row, Article)] == [
            "Fine.",
            "Fine.2",
            "One.",
            "Two.",
            "Three.",
            "Four.",
        ]

    def test_a_csv_field_beyond_the_limit_of_the_csv_module(self, tmp_path: Path) -> None:
        path = write_csv(tmp_path / "c.csv", [["text"], ["One."], ["x" * 6_000_000], ["Two."]])
        assert [a.text for a in articles(path)] == ["One.", "Two."]
        assert list(reasons(path)) == [2]

    @pytest.mark.parametrize("last", ["4,Also.\n", '4,"Also."\n', '4,"Also."'])
    @pytest.mark.parametrize("open_", ['"Open', '"Open, ""as said""', '"Open" and shut', '"'])
    def test_a_quote_that_is_not_closed_costs_its_own_row_alone(self, tmp_path: Path, open_: str, last: str) -> None:
        path = tmp_path / "a.csv"
        path.write_text(f'id,text\n1,"Good,\n""well"" said."\n2,{open_}\n3,Fine.\n{last}')
        assert [(a.id, a.text) for a in articles(path)] == [
            ("1", 'Good,\n"well" said.'),
            ("3", "Fine."),
            ("4", "Also."),
        ]
        ((number, reason),) = reasons(path).items()
        assert (number, reason[:12]) == (2, "broken CSV (")
        assert [row.raw for row in read(path) if isinstance(row, Reject)] == [f"2,{open_}"]

    @pytest.mark.parametrize(
        ("name", "row", "often", "after"),
        [
            ("a.jsonl", '{"text": "' + "x" * (24 << 20) + '"}\n', 1, '{"text": "Last."}'),
            ("a.csv", "x" * (24 << 20) + "\n", 1, "Last."),
            ("a.csv", '"' + "x" * (24 << 20) + '"\r\n', 1, "Last."),
            ("a.csv", '"' + "x" * (300 << 10) + "\n", 80, "Last."),
        ],
    )
    def test_no_more_than_a_row_of_the_limit_is_held(
        self, tmp_path: Path, name: str, row: str, often: int, after: str
    ) -> None:
        path = tmp_path / name
        with path.open("w", newline="") as file:
            file.write("text\n" if name == "a.csv" else "")
            file.writelines(row if not n else row.lstrip('"') for n in range(often))
            file.write(after)
        tracemalloc.start()
        *_, last = (row.text for row in read_articles([path], 1000) if isinstance(row, Article))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert last == "Last."
        assert peak < 10 << 20

    def test_escapes_do_not_count_against_the_limit(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(formats, "_AROUND", 20)
        lines = [json.dumps({"text": "Речь. " * 90}), '{"text": "%s"}' % (r"\u0041" * 1000)]
        lines += [json.dumps({"text": "Речь. " * 101}), '{"text": "%s"}' % (r"\u0041" * 1001), '{"text": "Last."}']
        (tmp_path / "a.jsonl").write_text("\n".join(lines))
        found = read(tmp_path / "a.jsonl", 1000)
        assert [row.text for row in found if isinstance(row, Article)] == ["Речь. " * 90, "A" * 1000, "Last."]
        assert reasons(tmp_path / "a.jsonl", 1000) == {3: "larger than 1000 bytes", 4: "larger than 1000 bytes"}

    def test_a_file_of_blank_lines_is_empty(self, tmp_path: Path) -> None:
        (tmp_path / "a.jsonl").write_text("\n \n\n")
        assert reasons(tmp_path / "a.jsonl") == {0: "empty"}


class TestDecoding:
    @pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
    @pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8-sig"])
    def test_files_of_rows(self, tmp_path: Path, name: str, encoding: str) -> None:
        row = json.dumps({"text": TEXT, "title": "Été"}, ensure_ascii=False)
        content = row if name == "a.jsonl" else f'text,title\r\n"{TEXT}",Été\r\n'
        (tmp_path / name).write_bytes(content.encode(encoding))
        assert [(a.text, a.title) for a in articles(tmp_path / name)] == [(TEXT, "Été")]

    def test_a_character_across_the_end_of_the_sample(self, tmp_path: Path) -> None:
        lines = [
            b'{"text": "' + b"a" * ((1 << 19) - 13) + b'"}',
            b'{"text": "' + b"b" * ((1 << 19) - 12) + '”"}'.encode(),
        ]
        (tmp_path / "a.jsonl").write_bytes(b"\n".join(lines))
        assert [a.text[-1] for a in articles(tmp_path / "a.jsonl")] == ["a", "”"]

    def test_repair_reaches_rows(self, tmp_path: Path) -> None:
        broken = "Itâ€™s done"
        write_jsonl(tmp_path / "a.jsonl", [{"text": broken + "1", "title": broken + "\n2"}])
        write_csv(tmp_path / "b.csv", [["text", "title"], [broken + "2", broken]])
        write_parquet(tmp_path / "c.parquet", {"text": [broken + "3"], "title": [broken]})
        assert [(a.text[:9], a.title[:9]) for a in articles(tmp_path)] == [("It’s done", "It’s done")] * 3


class TestIds:
    def test_content_ids_are_of_title_and_text(self, tmp_path: Path) -> None:
        rows = [{"text": "Itâ€™s"}, {"text": "Other"}, {"text": "Other", "title": "T"}]
        first, second, third = articles(write_jsonl(tmp_path / "a.jsonl", rows))
        (tmp_path / "b.txt").write_text("It’s", encoding="utf-8")
        assert articles(tmp_path / "b.txt")[0].id == first.id == "a1f45e4d9d1566ee7"
        assert len({first.id, second.id, third.id}) == 3

    @pytest.mark.parametrize(("given_id", "kept"), [("x y", "x y"), (7, "7"), ("0404", "0404")])
    def test_given_ids_are_kept(self, tmp_path: Path, given_id: object, kept: str) -> None:
        assert articles(write_jsonl(tmp_path / "a.jsonl", [{"id": given_id, "text": "T"}]))[0].id == kept

    @pytest.mark.parametrize("nothing", ["", None, "  "])
    def test_no_id_is_a_missing_one(self, tmp_path: Path, nothing: object) -> None:
        assert articles(write_jsonl(tmp_path / "a.jsonl", [{"id": nothing, "text": "T"}]))[0].id.startswith("a")

    @pytest.mark.parametrize("bad", ["a\nb", "a\x00", "\ud800", "a\u2028", ["a"], True])
    def test_bad_ids_are_rejected(self, tmp_path: Path, bad: object) -> None:
        (reason,) = reasons(write_jsonl(tmp_path / "a.jsonl", [{"id": bad, "text": "T"}])).values()
        assert reason.startswith("'id' ")

    def test_repeats_are_rejected_across_files(self, tmp_path: Path) -> None:
        write_jsonl(
            tmp_path / "a.jsonl", [{"id": 1, "text": "One"}, {"id": 1, "text": "One"}, {"id": 1, "text": "Two"}]
        )
        (tmp_path / "b.txt").write_text("Same", encoding="utf-8")
        (tmp_path / "c.txt").write_text("Same", encoding="utf-8")
        found = list(read_articles([tmp_path]))
        (same,) = [row.id for row in found if isinstance(row, Article) and row.text == "Same"]
        assert [(Path(row.file).name, row.row, row.reason) for row in found if isinstance(row, Reject)] == [
            ("a.jsonl", 2, "duplicate of 1"),
            ("a.jsonl", 3, "id 1 seen before with another text"),
            ("c.txt", 0, f"duplicate of {same}"),
        ]


class TestPaths:
    def test_folders_are_read_in_order_at_any_depth(self, tmp_path: Path) -> None:
        for name in ("b.txt", "a/z.txt", "a/b/c.md", ".git/x.txt", "a/.hidden.txt", "notes.pdf", "README"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(name, encoding="utf-8")
        names = [path.relative_to(tmp_path).as_posix() for path in expand([tmp_path, tmp_path / "b.txt"])]
        assert names == ["README", "a/b/c.md", "a/z.txt", "b.txt", "notes.pdf"]
        rejects = {Path(row.file).name: row.reason for row in read(tmp_path) if isinstance(row, Reject)}
        assert set(rejects) == {"README", "notes.pdf"}
        assert rejects["notes.pdf"].startswith("cannot read .pdf; save as one of .txt, .md,")

    def test_linked_folders_are_read_once(self, tmp_path: Path) -> None:
        inbox, away = tmp_path / "in", tmp_path / "away"
        for name in ("in/own/a.txt", "away/deep/b.txt", "away/.hidden/c.txt"):
            (tmp_path / name).parent.mkdir(parents=True)
            (tmp_path / name).write_text(name)
        (inbox / "again").symlink_to("own")
        (inbox / "far").symlink_to(away)
        (inbox / "further").symlink_to(away / "deep")
        (away / "deep" / "round").symlink_to(inbox)
        (inbox / "gone").symlink_to("nowhere")
        names = [path.relative_to(inbox).as_posix() for path in expand([inbox])]
        assert names == ["far/deep/b.txt", "gone", "own/a.txt"]

    def test_every_missing_path_is_named_before_anything_is_read(self, tmp_path: Path) -> None:
        with pytest.raises(UserError) as error:
            read_articles([tmp_path / "x.txt", tmp_path, tmp_path / "y"])
        assert [problem.where for problem in error.value.problems] == [str(tmp_path / "x.txt"), str(tmp_path / "y")]
        assert str(error.value).count("\n") == 1

    def test_named_files_without_rights_are_an_error(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
        monkeypatch.setattr(os, "access", lambda path, mode: False)
        with pytest.raises(UserError, match="may not be read"):
            expand([tmp_path / "a.txt"])

    def test_files_in_folders_without_rights_are_rejected(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
        (tmp_path / "b.txt").write_text(TEXT, encoding="utf-8")
        (tmp_path / "gone.txt").symlink_to(tmp_path / "nowhere")
        whole = Path.read_bytes

        def forbid(path: Path) -> bytes:
            if path.name == "a.txt":
                raise PermissionError(13, "Permission denied")
            return whole(path)

        monkeypatch.setattr(Path, "read_bytes", forbid)
        found = {Path(row.file).name: row.reason for row in read(tmp_path) if isinstance(row, Reject)}
        assert found == {"a.txt": "cannot be read (Permission denied)", "gone.txt": "not a file"}
        assert len(articles(tmp_path)) == 1

    def test_reading_is_lazy(self, tmp_path: Path) -> None:
        write_jsonl(tmp_path / "a.jsonl", [{"text": f"Text {number}"} for number in range(3)])
        (tmp_path / "b.txt").write_text(TEXT, encoding="utf-8")
        rows = read_articles([tmp_path])
        next(rows)
        (tmp_path / "b.txt").write_text("Changed.", encoding="utf-8")
        assert [row.text for row in rows if isinstance(row, Article)][-1] == "Changed."


@given(st.binary(max_size=300), st.sampled_from([".txt", ".md", ".html", ".jsonl", ".csv", ".parquet"]))
def test_any_bytes_come_out_as_articles_or_rejects(data: bytes, suffix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"a{suffix}")
        path.write_bytes(data)
        for row in read_articles([path]):
            assert isinstance(row, Article | Reject)
            assert "\r" not in (row.text if isinstance(row, Article) else "")


@given(
    st.lists(
        st.one_of(st.text(max_size=30), st.integers(), st.none(), st.dictionaries(st.text(), st.text())), max_size=20
    )
)
def test_every_row_of_jsonl_is_counted_once(values: list[object]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write_jsonl(Path(folder, "a.jsonl"), [{"text": value} for value in values])
        rows = read(path)
        assert len(rows) == (len(values) or 1)

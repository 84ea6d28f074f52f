"""`detente show`, `report` and `aggregate` as they are typed, and what the terminal shows of articles' own brackets."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.errors import UserError
from pipeline.scoring.command import _print_map
from tests.scored_rows import STANCES, TOPICS, row, write

ROWS = [
    row("a", "farms", "yes", title="=1+1"),
    row("a", "ships", "no", title="=1+1", position=1),
    row("b", "farms", "yes", source="Gazette", text="They said [sic] so, [/b] and \x1b]0;owned\x07 left."),
]


@pytest.fixture(autouse=True)
def scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    write(Path("scored[final].jsonl"), ROWS)


def typed(*words: str) -> str:
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_show_leaves_brackets_as_they_stand_and_sends_the_terminal_nothing() -> None:
    told = typed("show", "scored[final].jsonl")
    assert "They said [sic] so, [/b] and ]0;owned left." in told
    assert "scored[final].jsonl" in told
    assert not {"\x1b", "\x07"} & set(told)


def test_show_of_a_folder_says_what_it_wants() -> None:
    Path("parts").mkdir()
    with pytest.raises(UserError, match=r"score into a \.jsonl file"):
        typed("show", "parts")


def test_the_map_after_scoring_names_the_file_as_it_is_called(capsys: pytest.CaptureFixture[str]) -> None:
    _print_map(Path("scored[final].jsonl"))
    assert "detente report scored[final].jsonl -o" in capsys.readouterr().out


def test_report_takes_title_sentences_and_taxonomy() -> None:
    entry = lambda name, label: {"id": name, "label": label, "definition": name}  # noqa: E731
    taxonomy = {"target": "the harvest", "default_stance": "maybe"}
    taxonomy["topics"] = [entry(name, f"On {name}") for name in TOPICS]  # type: ignore[assignment]
    taxonomy["stances"] = [entry(name, name.title()) for name in STANCES]  # type: ignore[assignment]
    Path("other.yaml").write_text(yaml.safe_dump(taxonomy))
    words = ["-o", "r.html", "--title", "My <own> title", "--sentences", "1", "--taxonomy", "other.yaml"]
    told = typed("report", "scored[final].jsonl", *words)
    assert told == "3 sentences in 2 articles, the 1 most telling shown; 0 divided → r.html\n"
    page = Path("r.html").read_text(encoding="utf-8")
    assert "<h1>My &lt;own&gt; title</h1>" in page and "On farms" in page and "toward the harvest" in page


def test_aggregate_takes_keys_with_spaces_and_guards_cells() -> None:
    words = ["--by", "source, topic , title", "-o", "t.csv", "--excel-safe"]
    assert typed("aggregate", "scored[final].jsonl", *words) == "3 rows by source, topic , title → t.csv\n"
    with Path("t.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert {(line["source"], line["topic"], line["title"]) for line in lines} == {
        ("Wire", "farms", "'=1+1"),
        ("Wire", "ships", "'=1+1"),
        ("Gazette", "farms", "Title of b"),
    }

"""The page: what it counts, what it shows, and that text in it stays text."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.errors import UserError
from pipeline.scoring.report.page import embedded, headline, policy, write_report
from pipeline.scoring.summary.scheme import Scheme
from pipeline.scoring.summary.stance_map import StanceMap
from pipeline.scoring.summary.tally import Net
from tests.scored_rows import STANCES, TOPICS, Row, row, write

SCHEME = Scheme(TOPICS, STANCES, "yes", "no")


def made(tmp_path: Path, rows: list[Row], **options: Any) -> str:
    write_report(write(tmp_path / "s.parquet", rows), tmp_path / "r.html", **options)
    return (tmp_path / "r.html").read_text(encoding="utf-8")


def data(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert found
    return dict(json.loads(found[1]))


def told(rows: list[Row]) -> str:
    found = StanceMap(SCHEME)
    found.add(rows)
    return headline(found.by_topic(), SCHEME)


def test_text_can_neither_end_nor_open_an_element() -> None:
    text = "</script><script>alert(1)</script><!-- & \u2028"
    assert not set("<>&\u2028") & set(embedded({"text": text}))
    assert json.loads(embedded({"text": text})) == {"text": text}


def test_the_page_runs_its_own_script_alone_and_names_no_other_place(tmp_path: Path) -> None:
    page = made(tmp_path, [row("a", text='<img src="https://example.org/x.png" onerror="alert(1)">')])
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    styles = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert policy(scripts[0], styles[0]).replace("'", "&#39;") in page
    assert (len(scripts), len(styles), page.count("<script")) == (1, 1, 2)
    markup = re.sub(r"(<script[^>]*>).*?(</script>)", r"\1\2", page, flags=re.DOTALL)  # articles are data in a script
    assert not re.search(r"(src|href)=(?![\"']#)|url\(|@import|<link|<img", markup)
    assert not re.search(r"\s(on\w+|style)=", markup)


def test_titles_of_files_and_of_the_page_are_escaped(tmp_path: Path) -> None:
    page = made(tmp_path, [row("a", model="<b>m</b>")], title="<i>Where & when</i>")
    assert "<h1>&lt;i&gt;Where &amp; when&lt;/i&gt;</h1>" in page and "<b>m</b>" not in page


def test_every_article_is_there_with_its_sentences_in_order(tmp_path: Path) -> None:
    rows = [
        row("a", position=1, start=20, end=29, text="Second."),
        row("a", "ships", "no", position=0, heading="", text="First.", abstain=True),
        row("b", heading="Part", text="Part"),
    ]
    shown = {article["id"]: article for article in data(made(tmp_path, rows))["articles"]}
    assert shown["a"]["sentences"] == [
        ["First.", 1, [["ships", 0.9]], "no", 0.8, 0.8, 1],
        ["Second.", 1, [], "maybe", 0.8, 0.8, 0],
    ]
    assert shown["b"]["sentences"][0][1] == 2
    assert shown["a"]["nets"] == []


def test_an_article_without_title_goes_by_its_first_words(tmp_path: Path) -> None:
    (article,) = data(made(tmp_path, [row("a", title="", text="word " * 40)]))["articles"]
    assert article["title"].startswith("word word") and len(article["title"]) <= 80


def test_larger_input_is_counted_whole_and_shown_in_part(tmp_path: Path) -> None:
    rows = [row(f"dull{i}", "farms", "maybe") for i in range(50) for _ in range(4)]
    rows += [row("torn", "farms", "no"), row("torn", "ships", "yes")] * 2
    rows += [row("glad", "farms", "yes")] * 4
    page = made(tmp_path, rows, budget=8)
    assert [article["id"] for article in data(page)["articles"]] == ["torn", "glad"]
    assert "counts all 52 articles and 208 sentences" in page
    assert "the 2 most telling articles" in page
    assert "most telling" not in made(tmp_path, rows)


def test_the_longest_article_is_cut_and_says_so(tmp_path: Path) -> None:
    (article,) = data(made(tmp_path, [row("a", position=n) for n in range(450)]))["articles"]
    assert (len(article["sentences"]), article["more"]) == (400, 50)


def test_the_headline_passes_over_a_topic_whose_interval_says_nothing() -> None:
    def cell(topic: str, value: float, low: float, high: float) -> Any:
        return SimpleNamespace(key=(topic,), net=Net(value, low, high))

    stuck = [cell("farms", -0.9, -1, 0.2), cell("ships", -0.5, -0.6, -0.4)]
    ahead = [cell("farms", 0.9, -0.2, 1), cell("ships", 0.5, 0.4, 0.6)]
    assert [headline(cells, SCHEME) for cells in (stuck, ahead)] == ["Stuck on Ships", "Ahead on Ships"]


def test_a_report_does_not_take_the_place_of_what_it_is_made_of(tmp_path: Path) -> None:
    scored = write(tmp_path / "s.parquet", [row("a")])
    with pytest.raises(UserError, match="write to another file"):
        write_report(scored, scored)


@pytest.mark.parametrize(
    ("farms", "ships", "line"),
    [
        ("no", "yes", "Ahead on Ships, stuck on Farms"),
        ("yes", "maybe", "Ahead on Farms"),
        ("maybe", "maybe", "No topic clearly ahead or stuck"),
    ],
)
def test_the_headline_says_what_the_intervals_bear_out(farms: str, ships: str, line: str) -> None:
    rows = [row(f"a{i}", topic, stance) for i in range(30) for topic, stance in (("farms", farms), ("ships", ships))]
    assert told(rows) == line
    assert told(rows[:2]) == "Too few articles to tell topics apart"


def test_many_topics_and_two_stances_make_a_page(tmp_path: Path) -> None:
    topics = [f"topic_{n}" for n in range(14)]
    score = lambda names, said: {n: 0.9 if n == said else 0.1 for n in names}  # noqa: E731
    path = tmp_path / "s.jsonl"
    rows = [
        row(f"a{i}", t, s, topic_scores=score(topics, t), stance_scores=score(("up", "down"), s), date=f"202{i}-01-01")
        for i in range(5)
        for t, s in zip(topics, ["up", "down"] * 7, strict=True)
    ]
    write(path, rows)
    assert write_report(path, tmp_path / "r.html").divided == 0
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert all(f'class="swatch t{n}"' in page and f".t{n}{{" in page for n in range(14))
    assert page.count("<figure") == 15


def test_dates_give_the_course_its_panels(tmp_path: Path) -> None:
    rows = [row(f"a{m}{i}", "farms", "yes", date=f"2026-{m:02d}-0{i}") for m in range(1, 9) for i in range(1, 7)]
    page = made(tmp_path, rows)
    assert "Net stance by month" in page and "2026-01 +100" in page
    assert "How it moved" not in made(tmp_path, [row("a")])


def test_the_same_rows_make_the_same_bytes(tmp_path: Path) -> None:
    rows = [row(f"a{i}", "farms", STANCES[i % 3], date=f"2026-01-{i + 1:02d}") for i in range(20)]
    assert made(tmp_path, rows) == made(tmp_path, rows)


def test_ten_thousand_sentences_make_a_page_in_seconds(tmp_path: Path) -> None:
    said = [("farms", "yes"), ("ships", "no"), ("farms ships", "maybe"), ("", "maybe")]
    rows = [row(f"a{i // 20}", *said[i % 4], position=i % 20, text="Words. " * 15) for i in range(10_000)]
    scored = write(tmp_path / "s.parquet", rows)
    began = time.process_time()
    assert write_report(scored, tmp_path / "r.html").sentences == 10_000
    assert time.process_time() - began < 20


def test_a_report_of_no_scored_file_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        write_report(tmp_path / "none.parquet", tmp_path / "r.html")
    assert not list(tmp_path.iterdir())

"""The map: order of topics, course in time, divided articles, and its table for a terminal."""

from __future__ import annotations

import io

from rich.console import Console

from pipeline.scoring.summary.scheme import Scheme
from pipeline.scoring.summary.stance_map import StanceMap, pairs
from pipeline.scoring.summary.tally import ALL
from pipeline.scoring.summary.terminal import terminal_map
from tests.scored_rows import STANCES, TOPICS, Row, row

SCHEME = Scheme(TOPICS, STANCES, "yes", "no", labels={"farms": "Farming"})


def mapped(rows: list[Row]) -> StanceMap:
    found = StanceMap(SCHEME)
    found.add(rows)
    return found


def split_article(name: str, ups: int, downs: int) -> list[Row]:
    return [row(name, "ships", "yes")] * ups + [row(name, "farms", "no")] * downs


def test_topics_stand_in_the_schemes_order_between_all_and_none() -> None:
    rows = [row("a"), row("a", "ships"), row("a", "zebra"), row("a", "farms")]
    assert [c.key[0] for c in mapped(rows).by_topic()] == [ALL, "farms", "ships", "zebra", ""]


def test_an_article_is_divided_when_it_is_ahead_on_one_topic_and_stuck_on_another() -> None:
    rows = split_article("wide", 5, 5) + split_article("narrow", 2, 2) + split_article("thin", 5, 1)
    rows += [row("agreed", t, "yes") for t in ("farms", "ships", "farms", "ships")]
    rows += [row("unsure", t, s, abstain=True) for t, s in (("farms", "yes"), ("ships", "no")) for _ in range(3)]
    divided = mapped(rows).divided()
    assert [(d.article_id, d.ahead, d.stuck) for d in divided] == [
        ("wide", ("ships",), ("farms",)),
        ("narrow", ("ships",), ("farms",)),
    ]
    assert pairs(divided) == {("ships", "farms"): 2}


def test_the_course_has_a_cell_a_period_and_topic_and_leaves_undated_articles_out() -> None:
    rows = [row("a", "farms", date="2026-01-02"), row("b", "farms", date="2026-01-03"), row("c", "farms", date="?")]
    period, cells = mapped(rows).over_time()
    assert period == "day"
    assert [c.key for c in cells if c.key[0] == "farms"] == [("farms", "2026-01-02"), ("farms", "2026-01-03")]
    assert mapped(rows[:1]).over_time() == ("", [])


def test_articles_that_pull_one_way_come_first() -> None:
    rows = [row("mild", "", s) for s in ("yes", "no", "yes")] + [row("strong", "", "no")] * 6
    assert mapped(rows).directional() == ["strong", "mild"]


def test_sizes_count_every_sentence_of_an_article() -> None:
    rows = [row("a", "farms ships"), row("a", abstain=True), row("b")]
    assert mapped(rows).sizes() == {"a": 2, "b": 1}


def test_the_terminal_shows_the_whole_map_in_80_columns() -> None:
    rows = [row(f"a{i}", "farms", "no" if i % 5 else "yes") for i in range(20_000)] + [row("b", "", abstain=True)]
    found = StanceMap(SCHEME)
    for start in range(0, len(rows), 2048):
        found.add(rows[start : start + 2048])
    console = Console(file=io.StringIO(), width=80)
    console.print(terminal_map(found))
    told = console.file.getvalue()  # type: ignore[attr-defined]
    assert "…" not in told
    lines = {line.split("  ")[0].strip(): " ".join(line.split()) for line in told.splitlines()}
    assert lines["Farming"].startswith("Farming 20,000 4,000 0 16,000 0 −60 (−61 to −59) ")
    assert "●" in lines["Farming"]
    assert lines["All sentences"].startswith("All sentences 20,001 4,000 0 16,000 1 −60 ")


def test_an_empty_map_is_an_empty_table() -> None:
    assert terminal_map(mapped([])).row_count == 0

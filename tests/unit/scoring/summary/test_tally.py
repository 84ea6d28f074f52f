"""Counting: every sentence counts once a topic, unsure ones in no stance, and batches do not matter."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest

from pipeline.errors import UserError
from pipeline.scoring.summary.net import Sums, net_stance
from pipeline.scoring.summary.scheme import Scheme
from pipeline.scoring.summary.scored import as_table
from pipeline.scoring.summary.tally import ALL, Cell, Tally
from tests.scored_rows import STANCES, TOPICS, Row, row

SCHEME = Scheme(TOPICS, STANCES, "yes", "no")


def counted(rows: list[Row], keys: tuple[str, ...], size: int = 1000, whole: bool = False) -> list[Cell]:
    tally = Tally(SCHEME, keys, whole)
    for start in range(0, len(rows), size):
        tally.add(as_table(rows[start : start + size], tally.columns))
    return tally.cells()


def random_rows(n: int) -> list[Row]:
    dice = random.Random(0)
    return [
        row(
            f"a{dice.randrange(20)}",
            dice.choice(["", "farms", "ships", "farms ships"]),
            dice.choice(STANCES),
            source=dice.choice(["x", "y"]),
            abstain=dice.random() < 0.2,
        )
        for _ in range(n)
    ]


def test_a_sentence_counts_in_each_of_its_topics_and_unsure_ones_in_no_stance() -> None:
    rows = [row("a", "farms ships", "yes"), row("a", "farms", "no", abstain=True), row("b", "", "maybe")]
    cells = {cell.key: cell for cell in counted(rows, ("topic",), whole=True)}
    assert {key: (c.articles, c.stances, c.unsure) for key, c in cells.items()} == {
        ("farms",): (1, (1, 0, 0), 1),
        ("ships",): (1, (1, 0, 0), 0),
        ("",): (1, (0, 1, 0), 0),
        (ALL,): (2, (1, 1, 0), 1),
    }
    assert cells[("farms",)].abstain_share == 0.5


def test_counts_are_those_of_counting_by_hand() -> None:
    rows = random_rows(500)
    by_hand = Counter((r["source"], t) for r in rows for t in (r["topics"] or ("",)))
    assert {c.key: c.sentences for c in counted(rows, ("source", "topic"))} == dict(by_hand)


def test_batches_and_compacting_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = random_rows(300)
    at_once = counted(rows, ("source", "topic"), whole=True)
    monkeypatch.setattr("pipeline.scoring.summary.tally._COMPACT", 10)
    assert counted(rows, ("source", "topic"), size=7, whole=True) == at_once


def test_a_stance_of_another_model_is_refused() -> None:
    with pytest.raises(UserError, match="stance 'favor' beside yes, maybe, no"):
        counted([row("a"), row("a", "", "favor")], ("topic",))


def test_periods_are_keys() -> None:
    rows = [row("a", date="2026-01-14"), row("b", date="January 20, 2026"), row("c", date="soon")]
    assert [(c.key, c.articles) for c in counted(rows, ("month",))] == [(("",), 1), (("2026-01",), 2)]


def test_net_stance_is_the_difference_of_shares() -> None:
    rows = [row("a", "farms", s) for s in ("yes", "yes", "yes", "maybe")] + [row("b", "farms", "no")]
    (cell,) = counted(rows, ("topic",))
    assert cell.net.value == pytest.approx((3 - 1) / 5)
    assert -1 <= cell.net.low < cell.net.value < cell.net.high <= 1


def test_sentences_that_come_in_agreeing_articles_tell_less_than_independent_ones() -> None:
    alike = [row(f"a{i}", "farms", "yes" if i % 2 else "no") for i in range(20) for _ in range(10)]
    mixed = [row(f"a{i}", "farms", "yes" if j % 2 else "no") for i in range(20) for j in range(10)]
    widths = [c.net.high - c.net.low for rows in (alike, mixed) for c in counted(rows, ("topic",))]
    assert widths[0] > 2 * widths[1] > 0


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    dice, truth, held = random.Random(1), 0.2, 0
    for _ in range(400):
        d, n = [], []
        for _ in range(30):
            lean = dice.choice([-0.4, 0.8])  # articles lean one way: mean 0.2
            signs = [1 if dice.random() < (1 + lean) / 2 else -1 for _ in range(8)]
            d.append(sum(signs))
            n.append(8)
        pairs = list(zip(d, n, strict=True))
        sums = Sums(
            sum(d), sum(n), sum(n), sum(x * x for x in d), sum(x * y for x, y in pairs), sum(y * y for y in n), 30
        )
        net = net_stance(sums)
        held += net.low <= truth <= net.high
    assert 0.92 <= held / 400 <= 0.98


def test_one_article_has_no_interval_and_agreement_is_not_certainty() -> None:
    (alone,) = counted([row("a", "farms", "yes")] * 9, ("topic",))
    assert alone.net.value == 1 and math.isnan(alone.net.low)
    (agreed,) = counted([row(f"a{i}", "farms", "yes") for i in range(9)], ("topic",))
    assert agreed.net.low < 0.9


def test_only_unsure_sentences_have_no_net_stance() -> None:
    (cell,) = counted([row("a", "farms", "yes", abstain=True)], ("topic",))
    assert math.isnan(cell.net.value) and cell.sentences == 1

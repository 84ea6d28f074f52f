"""Figures show the numbers of their tables."""

from __future__ import annotations

import pytest

from pipeline.evaluation import plots, report
from pipeline.evaluation.metrics import Judged
from pipeline.taxonomy import Taxonomy


def judged(topics: tuple[str, ...], sport: float, stance: str, good: float) -> Judged:
    scores = {"good": good, "plain": 0.0, "bad": 1 - good}
    said = max(scores, key=scores.__getitem__)
    return Judged("s", "a", "text", topics, stance, (), said, {"sport": sport, "music": 0.05}, scores)


def test_the_reliability_plot_shows_what_share_of_each_scores_sentences_is_true(two_topics: Taxonomy) -> None:
    rows = [
        judged(("sport",), 0.93, "good", 0.72),
        judged(("sport",), 0.95, "bad", 0.78),
        judged((), 0.91, "bad", 0.15),
        judged((), 0.21, "bad", 0.75),
    ]
    points = report.reliability_table(rows, two_topics)
    assert points == [
        {"topic": "sport", "score": 0.21, "share": 0.0, "sentences": 1},
        {"topic": "sport", "score": 0.93, "share": 0.6667, "sentences": 3},
        {"topic": "music", "score": 0.05, "share": 0.0, "sentences": 4},
        {"topic": "stance", "score": 0.75, "share": 0.3333, "sentences": 3},
        {"topic": "stance", "score": 0.85, "share": 1.0, "sentences": 1},
    ]
    (axes,) = plots.reliability_figure(points, "a model").axes
    diagonal, *lines = axes.lines
    assert diagonal.get_xydata().tolist() == [[0, 0], [1, 1]]  # type: ignore[union-attr]
    assert {line.get_label(): line.get_xydata().tolist() for line in lines} == {  # type: ignore[union-attr]
        "sport": [[0.21, 0.0], [0.93, 0.6667]],
        "music": [[0.05, 0.0]],
        "stance": [[0.75, 0.3333], [0.85, 1.0]],
    }


@pytest.mark.parametrize("classes", [1, 5])
def test_the_heaviest_words_have_a_panel_a_class_and_bars_as_wide_as_their_weights(classes: int) -> None:
    weights = {f"class {i}": {"first": 3.0 + i, "second": 1.5, "third": 0.25} for i in range(classes)}
    rows = [
        {"class": name, "feature": word, "weight": weight}
        for name, own in weights.items()
        for word, weight in own.items()
    ]
    figure = plots.heaviest_figure(rows, "Heaviest words")
    drawn = {}
    for axes in figure.axes:
        places = dict(zip(axes.get_yticks(), (label.get_text() for label in axes.get_yticklabels()), strict=True))
        boxes = [bar.get_path().get_extents(bar.get_patch_transform()) for bar in axes.patches]
        bars = {places[round((box.y0 + box.y1) / 2)]: round(box.x1 - box.x0, 6) for box in boxes}
        drawn[axes.get_title()] = bars
        assert list(bars) == ["third", "second", "first"]  # from below: the heaviest stands on top
    assert drawn == weights

"""Metrics agree with scikit-learn; intervals and comparisons behave as statistics should."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support

from pipeline.errors import UserError
from pipeline.evaluation import plots
from pipeline.evaluation.comparison import choose_champion, compare
from pipeline.evaluation.metrics import Judged, Resampling, evaluate, headline
from pipeline.stages import evaluate as stage
from pipeline.storage import as_csv
from pipeline.taxonomy import LabelClass, Taxonomy

TOPICS, STANCES = ("sport", "music"), ("good", "plain", "bad")
TAXONOMY = Taxonomy(
    tuple(LabelClass(t, t, "") for t in TOPICS), tuple(LabelClass(s, s, "") for s in STANCES), "x", "plain"
)
RESAMPLING = Resampling(samples=200, confidence=0.95, seed=0)
topic_sets = st.sets(st.sampled_from(TOPICS)).map(lambda chosen: tuple(sorted(chosen)))
stances = st.sampled_from(STANCES)


def judged(i: int, topics: tuple[str, ...], stance: str, said: tuple[str, ...], said_stance: str) -> Judged:
    scores = {t: 0.9 if t in said else 0.1 for t in TOPICS}
    sure = {s: 0.8 if s == said_stance else 0.1 for s in STANCES}
    return Judged(f"s{i}", f"a{i // 3}", "text", topics, stance, said, said_stance, scores, sure, 0.6)


rows = st.lists(st.tuples(topic_sets, stances, topic_sets, stances), min_size=1, max_size=40).map(
    lambda tuples: [judged(i, *one) for i, one in enumerate(tuples)]
)


@settings(max_examples=60, deadline=None)
@given(rows)
def test_figures_are_those_of_scikit_learn(sentences: list[Judged]) -> None:
    figures = evaluate(sentences, TAXONOMY, RESAMPLING)
    truth = np.array([[t in s.topics for t in TOPICS] for s in sentences])
    said = np.array([[t in s.predicted_topics for t in TOPICS] for s in sentences])
    precision, recall, f1, support = precision_recall_fscore_support(truth, said, zero_division=0)
    for i, topic in enumerate(TOPICS):
        own = figures["topics"]["classes"][topic]
        assert [own["precision"], own["recall"], own["f1"]] == pytest.approx([precision[i], recall[i], f1[i]], abs=1e-4)
        assert own["support"] == support[i]
        assert all(own[f"{name}_low"] <= own[f"{name}_high"] for name in ("precision", "recall", "f1", "ece"))
    pair = [s.stance for s in sentences], [s.predicted_stance for s in sentences]
    assert figures["stance"]["macro_f1"] == pytest.approx(f1_score(*pair, average="macro", zero_division=0), abs=1e-4)
    assert figures["stance"]["accuracy"] == pytest.approx(accuracy_score(*pair), abs=1e-4)
    assert figures["topics"]["exact_match"] == pytest.approx(accuracy_score(truth, said), abs=1e-4)
    assert figures["topics"]["micro_f1"] == pytest.approx(
        f1_score(truth, said, average="micro", zero_division=0), abs=1e-4
    )
    right = [s.right for s in sentences]
    assert figures["joint_accuracy"] == pytest.approx(np.mean(right), abs=1e-4)
    assert figures["coverage"]["error_at_100"] == pytest.approx(1 - np.mean(right), abs=1e-4)
    assert figures["stance"]["ece"] == pytest.approx(abs(0.8 - accuracy_score(*pair)), abs=1e-4)


def test_macro_and_micro_f1_are_those_reckoned_by_hand() -> None:
    sentences = [
        judged(0, ("sport",), "good", ("sport", "music"), "good"),
        judged(1, ("sport",), "good", ("sport",), "good"),
        judged(2, ("sport",), "bad", (), "good"),
        judged(3, ("music",), "bad", ("music",), "bad"),
        judged(4, ("music",), "bad", ("sport",), "good"),
    ]
    figures = evaluate(sentences, TAXONOMY, RESAMPLING)
    topics, stance = figures["topics"], figures["stance"]
    sport, music = 2 * 2 / (2 * 2 + 1 + 1), 2 * 1 / (2 * 1 + 1 + 1)  # hits twice, then inventions and misses
    assert topics["macro_f1"] == pytest.approx((sport + music) / 2, abs=1e-4)
    assert topics["micro_f1"] == pytest.approx(2 * 3 / (2 * 3 + 2 + 2), abs=1e-4)
    good, bad = 2 * 2 / (2 * 2 + 2), 2 * 1 / (2 * 1 + 2)  # "plain" does not occur
    assert stance["macro_f1"] == pytest.approx((good + bad) / 2, abs=1e-4)
    assert stance["micro_f1"] == stance["accuracy"] == pytest.approx(3 / 5, abs=1e-4)


def test_a_test_split_without_annotated_sentences_is_told(tmp_path: Path, root: Path) -> None:
    test = tmp_path / "test.jsonl"
    test.touch()
    seeds, none = root / "seeds", tmp_path / "none"
    with pytest.raises(UserError) as error:
        stage.main(
            none, test, none, none, none, seeds / "taxonomy.yaml", seeds / "corpus.md", none, root / "params.yaml"
        )
    assert str(error.value) == (
        f"{test}: no annotated sentence; annotate sentences of test articles, or raise split.test"
    )
    assert not none.exists()


def width(sentences: list[Judged]) -> float:
    """Of the interval of a topic's F1."""
    own = evaluate(sentences, TAXONOMY, RESAMPLING)["topics"]["classes"]["sport"]
    return float(own["f1_high"] - own["f1_low"])


def test_intervals_narrow_with_more_articles() -> None:
    many = [judged(i, ("sport",), "good", ("sport",) if i % 7 else (), "good") for i in range(300)]
    assert 0 < width(many) < width(many[:30])


def test_sentences_of_one_article_are_drawn_together() -> None:
    """Articles that are wholly right or wholly wrong tell less than as many independent sentences."""
    alone = [judged(3 * i, ("sport",), "good", ("sport",) if i % 20 < 10 else (), "good") for i in range(200)]
    together = [replace(row, article_id=f"a{i // 10}") for i, row in enumerate(alone)]
    assert width(together) > 1.5 * width(alone)


def test_headline_names_are_few_and_dotted() -> None:
    names = headline(evaluate([judged(0, ("sport",), "good", (), "bad")], TAXONOMY, RESAMPLING))
    assert {"test.topics.macro_f1", "test.stance.macro_f1", "test.topics.sport.f1"} <= set(names)
    assert len(names) <= 40


def model(errors: int, count: int = 240) -> list[Judged]:
    """Sentences of which the first `errors` are judged wrong."""
    right = [("sport",), "good"], [(), "bad"], [("music",), "plain"]
    wrong = [("music",), "bad"]
    return [judged(i, *right[i % 3], *(wrong if i < errors else right[i % 3])) for i in range(count)]


def test_a_better_model_is_told_from_a_like_one() -> None:
    worse, like, better = model(60), model(58), model(5)
    clear = compare(("better", better), ("worse", worse), TAXONOMY, RESAMPLING)
    assert clear.is_better
    assert clear.probability > 0.99
    assert 0 < clear.low <= clear.gain <= clear.high
    assert clear.gain == pytest.approx((clear.topics.gain + clear.stance.gain) / 2, abs=1e-4)
    assert clear.verdict.startswith("better is better than worse: +")
    assert not compare(("like", like), ("worse", worse), TAXONOMY, RESAMPLING).is_better
    back = compare(("worse", worse), ("better", better), TAXONOMY, RESAMPLING)
    assert not back.is_better
    assert (back.gain, back.low, back.high) == (-clear.gain, -clear.high, -clear.low)  # the same articles are drawn
    assert back.verdict.startswith("worse is worse than better: -")


def test_a_gain_in_one_task_shows_there() -> None:
    right = model(0)
    stance_wrong = [replace(row, predicted_stance="bad") for row in right]
    told = compare(("right", right), ("stance wrong", stance_wrong), TAXONOMY, RESAMPLING).as_json()
    assert told["topics"] == {"gain": 0.0, "low": 0.0, "high": 0.0, "probability": 0.0}
    assert told["stance"]["low"] > 0.5
    assert told["verdict"].startswith("right is better")


def test_ties_go_to_the_preferred_and_clear_gains_to_the_better() -> None:
    assert choose_champion({"fast": model(58), "slow": model(57)}, TAXONOMY, RESAMPLING)[0] == "fast"
    champion, differences = choose_champion({"fast": model(80), "slow": model(5), "b": model(90)}, TAXONOMY, RESAMPLING)
    assert champion == "slow"
    assert [d.incumbent for d in differences] == ["fast", "slow"]


def test_other_sentences_cannot_be_compared() -> None:
    with pytest.raises(UserError, match="other sentences"):
        compare(("a", model(1)), ("b", model(1)[1:]), TAXONOMY, RESAMPLING)


def test_models_judged_by_other_annotations_cannot_be_compared() -> None:
    changed = [replace(model(1)[0], stance="plain"), *model(1)[1:]]
    with pytest.raises(UserError, match="other annotations"):
        compare(("a", model(1)), ("b", changed), TAXONOMY, RESAMPLING)


def test_topic_pairs_name_misses_and_inventions() -> None:
    rows = [
        judged(0, ("sport",), "good", ("sport",), "good"),
        judged(1, ("sport",), "good", ("music",), "good"),
        judged(2, ("sport",), "good", (), "good"),
        judged(3, (), "good", ("music",), "good"),
        judged(4, (), "good", (), "good"),
    ]
    assert [(p["actual"], p["predicted"]) for p in plots.topic_pairs(rows)] == [
        ("sport", "sport"),
        ("sport", "music"),
        ("sport", "none"),
        ("none", "music"),
        ("none", "none"),
    ]


def test_curves_and_figures_are_drawn() -> None:
    points = plots.precision_recall(model(20), TAXONOMY)
    assert {p["topic"] for p in points} == set(TOPICS)
    assert all(0 <= p["precision"] <= 1 and 0 <= p["recall"] <= 1 for p in points)
    figure = plots.confusion_figure(plots.stance_pairs(model(20)), STANCES, "stance")
    assert sum(int(text.get_text()) for text in figure.axes[0].texts) == 240
    assert len(plots.precision_recall_figure(points, "curves").axes[0].lines) == 2


def test_csv_is_quoted_where_it_must_be() -> None:
    assert as_csv([{"a": 'x,"y"', "b": 1}]) == 'a,b\n"x,""y""",1\n'

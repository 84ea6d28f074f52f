"""Each slice tells its sentences apart; tables and the page of errors say what they should."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.evaluation import plots, report, slices
from pipeline.evaluation.metrics import Judged, Resampling, evaluate
from pipeline.evaluation.slices import Place, places
from pipeline.schemas import Article, Assignment, Sentence
from pipeline.taxonomy import Taxonomy

RESAMPLING = Resampling(samples=50, confidence=0.95, seed=0)
ARTICLES = [
    Article("a", "", genre="report", pair="India-US"),
    Article("b", "", genre="letter", pair="India-Japan"),
    Article("c", "", genre="letter", pair="multilateral"),
    Article("d", "", genre="note", pair="US-China"),
    Article("e", "", genre="note", pair="US-North Korea"),
    Article("f", "", genre="note", pair="US-Korea"),
    Article("g", "", genre="note", pair="US-Africa"),
    Article("h", "", genre="note", pair="India-South Africa"),
    Article("i", "", genre="note", pair="Uruguay-Paraguay"),
    Article("j", "", genre="note", pair="United States-South Korea"),
]
SPLITS = [Assignment(a.id, "train" if a.id in "ad" else "test", a.id) for a in ARTICLES]


def place(article: str = "a", heading: bool = False) -> Place:
    sentence = Sentence("s", article, 0, 0, 1, "x", "", "What came before.", heading)
    return places([sentence], ARTICLES, SPLITS)["s"]


def judged(text: str = "text", topics: tuple[str, ...] = (), said: str = "good", sure: float = 0.5) -> Judged:
    scores = {"sport": 0.9 if "sport" in topics else 0.2, "music": 0.2}
    stance = {"good": 0.1, "plain": 0.1, "bad": 0.1} | {said: 0.8}
    return Judged("s", "a", text, topics, "good", topics, said, scores, stance, sure)


@pytest.mark.parametrize(
    ("slice_", "row", "where", "group"),
    [
        (slices.genre, judged(), place("b"), "letter"),
        (slices.pair, judged(), place("a"), "seen in train"),
        (slices.pair, judged(), place("b"), "unseen in train"),
        (slices.pair, judged(), place("c"), ""),
        (slices.length, judged("one two"), place(), "up to 10 words"),
        (slices.length, judged("word " * 11), place(), "11 to 25 words"),
        (slices.length, judged("word " * 26), place(), "over 25 words"),
        (slices.form, judged(), place(heading=True), "heading"),
        (slices.form, judged(), place(), "prose"),
        (slices.contrast, judged("They met, but nothing came of it."), place(), "but"),
        (slices.contrast, judged("They put butter on it."), place(), "no but"),
        (slices.contrast, judged("They met, yet nothing came of it."), place(), "but"),
        (slices.contrast, judged("Yet tomorrow may be late."), place(), "but"),
        (slices.contrast, judged("They have yet to meet, and are not yet done."), place(), "no but"),
        (slices.quotation, judged("“We met,” he said."), place(), "quotation"),
        (slices.quotation, judged("‘We don’t meet,’ he said."), place(), "quotation"),
        (slices.quotation, judged("In the ‘90s India’s team met."), place(), "no quotation"),
        (slices.quotation, judged("India's team met."), place(), "no quotation"),
        (slices.topic_count, judged(), place(), "no topic"),
        (slices.topic_count, judged(topics=("sport",)), place(), "one topic"),
        (slices.topic_count, judged(topics=("sport", "music")), place(), "several topics"),
        (slices.third_party, judged("Chinese buyers waited."), place("a"), "third party named"),
        (slices.third_party, judged("Chinese buyers waited."), place("d"), "no third party"),
        (slices.third_party, judged("The US waited."), place("b"), "third party named"),
        (slices.third_party, judged("Let us wait, Indian friends."), place("b"), "no third party"),
        (slices.third_party, judged("Chinese buyers waited."), place("c"), ""),
        (slices.third_party, judged("North Korea waited, as North Koreans do."), place("e"), "no third party"),
        (slices.third_party, judged("South Korea waited."), place("e"), "third party named"),
        (slices.third_party, judged("North Korea waited."), place("f"), "third party named"),
        (slices.third_party, judged("South Korean buyers waited."), place("f"), "no third party"),
        (slices.third_party, judged("South Africa waited."), place("h"), "no third party"),
        (slices.third_party, judged("African buyers waited."), place("h"), "third party named"),
        (slices.third_party, judged("Children in San Francisco flew a Chinook."), place("a"), "no third party"),
        (slices.third_party, judged("Individual buyers in Indiana waited."), place("d"), "no third party"),
        *(
            (slices.third_party, judged(f"{name} officials objected."), place("a"), "third party named")
            for name in ("German", "Swiss", "Turkish", "Dutch", "European", "Uruguay")
        ),
        *(
            (slices.third_party, judged(f"{name} officials objected."), place("b"), "third party named")
            for name in ("American", "The United States", "U.S.")
        ),
        (slices.third_party, judged("American and Indian officials and Americans met."), place("a"), "no third party"),
        (slices.third_party, judged("American and Korean officials met."), place("j"), "no third party"),
        (slices.third_party, judged("AUKUS waited."), place("b"), "no third party"),
        (slices.third_party, judged("It cost US$5 in the Indian Ocean."), place("i"), "no third party"),
    ],
)
def test_a_sentence_falls_in_its_group(slice_: object, row: Judged, where: Place, group: str) -> None:
    assert slice_(row, where) == group  # type: ignore[operator]


def test_a_subject_without_pairs_and_genres_has_the_other_slices(two_topics: Taxonomy) -> None:
    sentence = Sentence("s", "a", 0, 0, 1, "x")
    placed = places([sentence], [Article("a", "x")], [Assignment("a", "test", "a")])
    table = slices.slice_table([judged()], placed, two_topics, RESAMPLING)
    assert [row["slice"] for row in table] == ["length", "form", "contrast", "quotation", "topic_count"]


def rows_and_places() -> tuple[list[Judged], dict[str, Place]]:
    rows = [
        replace(judged("Right.", ("sport",), sure=0.9), sentence_id="s0"),
        replace(judged("Surely wrong.", ("sport",), said="bad", sure=0.8), sentence_id="s1"),
        replace(judged("Wrong.", said="bad", sure=0.3), sentence_id="s2", predicted_topics=("music",)),
    ]
    sentences = [replace(place().sentence, id=row.sentence_id) for row in rows]
    return rows, places(sentences, ARTICLES, SPLITS)


def test_groups_of_a_slice_hold_each_sentence_once(two_topics: Taxonomy) -> None:
    table = slices.slice_table(*rows_and_places(), two_topics, RESAMPLING)
    counts = {row["group"]: row["sentences"] for row in table if row["slice"] == "topic_count"}
    assert counts == {"no topic": 1, "one topic": 2}
    f1 = {row["group"]: row["topics_macro_f1"] for row in table if row["slice"] == "topic_count"}
    assert f1 == {"no topic": "", "one topic": 1.0}
    accuracy = {row["group"]: row["joint_accuracy"] for row in table if row["slice"] == "topic_count"}
    assert accuracy == {"no topic": 0.0, "one topic": 0.5}


def test_the_surest_mistakes_come_first_and_say_what_is_wrong() -> None:
    errors = report.hardest(*rows_and_places())
    assert [row["text"] for row in errors] == ["Surely wrong.", "Wrong."]
    page = report.as_markdown(errors, "baseline")
    assert "0.80: topics sport; stance **bad**, annotated **good**" in page
    assert "0.30: topics **music**, annotated **none**; stance **bad**, annotated **good**" in page
    assert "> What came before. **Surely wrong.**" in page
    assert "Right." not in page


def test_every_table_is_there_and_what_is_stored_is_short(two_topics: Taxonomy) -> None:
    rows, placed = rows_and_places()
    figures = evaluate(rows, two_topics, RESAMPLING)
    tables = report.tables(rows, figures, placed, two_topics, RESAMPLING)
    assert set(report.LOGGED) <= set(tables)
    by_class = {row["class"]: row for row in tables["by_class"]}
    assert list(by_class) == ["sport", "music", "good", "plain", "bad"]
    assert by_class["music"]["precision"] == 0
    assert len({tuple(row) for row in tables["by_class"]}) == 1  # one set of columns, or the CSV would not hold them
    stance = {row["topic"]: row["accuracy"] for row in tables["stance_by_topic"]}
    assert stance == {"sport": 0.5, "none": 0.0}
    assert {row["topic"] for row in tables["reliability"]} == {"sport", "music", "stance"}
    assert tables["coverage"][-1] == {"coverage": 1.0, "label": 0.6667, "topics": 0.3333, "stance": 0.6667}
    assert set(report.readable(figures)["topics"]["classes"]["sport"]) == {"f1", "f1_low", "f1_high", "support"}
    drawn = plots.figures(tables, two_topics, "baseline")
    assert set(drawn) == {"topic_confusion", "stance_confusion", "precision_recall", "reliability", "coverage"}
    assert [line.get_label() for line in drawn["coverage"].axes[0].lines[:3]] == ["label", "topics", "stance"]

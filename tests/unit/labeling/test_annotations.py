"""Annotations: passes, settling, agreement, and the rules of a valid corpus."""

import json
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.labeling.agreement import agreement
from pipeline.labeling.annotations import Annotations, load_annotations, orphans
from pipeline.labeling.supervision import fit_for_train, unlabelled
from pipeline.labeling.validation import violations
from pipeline.params import Params, ValidateParams
from pipeline.schemas import Annotation, Article, Assignment, LabelledSentence, Sentence
from pipeline.taxonomy import Taxonomy
from tests.conftest import sentence


def note(id_: str, topics: tuple[str, ...] = (), stance: str = "plain") -> Annotation:
    return Annotation(id_, "text", topics, stance)


def write(path: Path, *rows: object) -> None:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def row(id_: str, **changes: object) -> dict[str, object]:
    return {"sentence_id": id_, "text": "t", "topics": ["sport"], "stance": "good", **changes}


def test_the_settled_label_counts_and_passes_are_kept(tmp_path: Path, two_topics: Taxonomy) -> None:
    write(tmp_path / "first.jsonl", row("s1"), row("s2"))
    write(tmp_path / "second.jsonl", row("s1"), row("s2", stance="bad"))
    write(tmp_path / "settled.jsonl", row("s2", topics=[], reason="nobody played"))
    loaded = load_annotations(tmp_path, two_topics)
    assert loaded.disagreements() == ["s2"]
    assert loaded.final()["s2"].topics == ()
    assert loaded.final()["s1"].topics == ("sport",)
    assert loaded.second["s2"].stance == "bad"


def test_every_broken_row_is_told_with_its_line(tmp_path: Path, two_topics: Taxonomy) -> None:
    write(
        tmp_path / "first.jsonl",
        row("s1"),
        "{broken",
        row("s2", topics=["chess"]),
        row("s3", stance="meh"),
        row("s1"),
        {"sentence_id": "s4"},
        row("s5", topics="sport"),
    )
    with pytest.raises(UserError) as caught:
        load_annotations(tmp_path, two_topics)
    assert [problem.where.rpartition(":")[2] for problem in caught.value.problems] == ["2", "3", "4", "5", "6", "7"]


def test_missing_annotations_are_one_line(tmp_path: Path, two_topics: Taxonomy) -> None:
    with pytest.raises(UserError, match=r"first\.jsonl: no annotations"):
        load_annotations(tmp_path, two_topics)


def test_an_annotation_of_a_sentence_that_is_gone_is_told() -> None:
    problems = list(orphans(Annotations({"a1:9": note("a1:9")}, {}, {}), [sentence("Hello.")]))
    assert "a1:9 is gone" in str(problems[0])


def test_agreement_is_one_for_equal_passes_and_known_for_unequal_ones(two_topics: Taxonomy) -> None:
    first = {f"s{i}": note(f"s{i}", ("sport",) if i < 2 else (), "good" if i < 2 else "bad") for i in range(4)}
    assert agreement(first, first, two_topics)["alpha"] == {"sport": 1.0, "music": 1.0, "stance": 1.0}
    second = {**first, "s2": note("s2", ("sport",), "bad")}
    figures = agreement(first, second, two_topics)
    assert figures["identical"] == 0.75
    # Krippendorff's alpha by hand: 5 of 8 labels are "present", observed 2/8, expected 2*5*3/(8*7)
    assert figures["alpha"]["sport"] == pytest.approx(1 - 0.25 / (30 / 56))


LENIENT = {
    "min_articles": 1,
    "min_sentences": 1,
    "min_topic_support": 1,
    "min_stance_support": 1,
    "min_multi_topic": 0,
    "min_stance_in_topic": 0,
    "min_double_annotated": 0,
    "min_test_share": 0.0,
    "max_test_share": 1.0,
}
LONG = "This sentence is long enough that it must not stand in two splits."


def corpus() -> tuple[list[Article], list[Sentence], list[Assignment], Annotations]:
    articles = [Article("a1", "One two."), Article("a2", "Three four."), Article("a3", "Five.")]
    sentences = [sentence(a.text, article=a.id) for a in articles]
    splits = [Assignment("a1", "train", "a1"), Assignment("a2", "validation", "a2"), Assignment("a3", "test", "a3")]
    labels = {
        "a1:0": note("a1:0", ("sport", "music"), "good"),
        "a2:0": note("a2:0", (), "bad"),
        "a3:0": note("a3:0", (), "plain"),
    }
    return articles, sentences, splits, Annotations(labels, {}, {})


def check(two_topics: Taxonomy, changes: dict[str, object], *parts: object) -> list[str]:
    return [str(p) for p in violations(*parts, ValidateParams(**{**LENIENT, **changes}), two_topics)]  # type: ignore[arg-type]


def test_a_sound_corpus_breaks_no_rule(two_topics: Taxonomy) -> None:
    assert check(two_topics, {}, *corpus()) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"min_articles": 4}, "3 articles"),
        ({"min_sentences": 4}, "3 sentences,"),
        ({"min_topic_support": 2}, "1 sentences of topic sport"),
        ({"min_stance_support": 2}, "1 sentences of stance plain"),
        ({"min_multi_topic": 2}, "1 sentences with two topics"),
        ({"min_stance_in_topic": 1}, "0 sentences of topic sport with stance bad"),
        ({"min_double_annotated": 1}, "sentence a3:0 of test lacks a pass"),
        ({"max_test_share": 0.2}, "test is 0.333"),
    ],
)
def test_each_floor_is_enforced(changes: dict[str, object], told: str, two_topics: Taxonomy) -> None:
    assert any(told in line for line in check(two_topics, changes, *corpus()))


def test_leaks_and_doubles_are_told_together(two_topics: Taxonomy) -> None:
    articles, sentences, splits, labels = corpus()
    sentences += [
        sentence(LONG, 7, "a2"),
        sentence(LONG.upper(), 7, "a3"),  # the same words in another split, and offsets that do not hold
        sentences[0],
    ]
    splits += [Assignment("a1", "test", "a2")]
    labels = Annotations(labels.first, {"a2:0": note("a2:0", ("sport",), "bad")}, {})
    told = "\n".join(check(two_topics, {}, articles, sentences, splits, labels))
    for part in (
        "sentence id a1:0 stands 2 times",
        "offsets do not give the text",
        "article a1 is in test and train",
        "near-duplicate group of a2 is in test and validation",
        "the same sentence as",
        "disagree on sentence a2:0",
    ):
        assert part in told


def test_the_projects_floors_are_set(params: Params) -> None:
    assert params.validate_.min_articles >= 40
    assert params.validate_.min_sentences >= 500


def test_articles_without_an_annotation_are_asked_for_none(two_topics: Taxonomy) -> None:
    articles, sentences, splits, labels = corpus()
    spare = [Article(f"b{i}", LONG) for i in range(7)]
    texts = [*sentences, *(sentence(LONG, article=a.id) for a in spare)]
    where = [*splits, *(Assignment(a.id, "test" if a.id == "b0" else "train", a.id) for a in spare)]
    both = Annotations(labels.first, labels.first, {})
    floors = {"min_double_annotated": 1, "min_test_share": 0.3, "max_test_share": 0.4}
    assert check(two_topics, floors, [*articles, *spare], texts, where, both) == []


def test_spare_sentences_are_handed_on_less_those_that_are_held_out() -> None:
    train = [sentence("One two."), sentence(LONG, 1), sentence("Three.", 2), sentence(LONG, 3)]
    annotated = {id_: note(id_) for id_ in ("a1:0", "a1:3")}
    fit = fit_for_train(train, [sentence(LONG.upper(), article="a2")], annotated)
    assert [s.id for s in fit] == ["a1:0", "a1:2", "a1:3"]  # an annotated one is the rules' affair
    taught = [LabelledSentence("a1:0", "a1", "One two.", "", "", {}, {})]
    spare = unlabelled(fit, taught)
    assert [(row.sentence_id, row.origin, row.weight) for row in spare] == [
        ("a1:2", "none", 0.0),
        ("a1:3", "none", 0.0),
    ]

"""Rules that the corpus and its annotations must keep, all checked at once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.errors import Problem
from pipeline.labeling.annotations import Annotations, orphans
from pipeline.params import ValidateParams
from pipeline.schemas import SPLITS, Annotation, Article, Assignment, Sentence
from pipeline.taxonomy import Taxonomy
from pipeline.text.deduplication import normalise

LEAST_WORDS = 8  # a shorter sentence ("Views are personal.") may stand in two splits


def violations(
    articles: Sequence[Article],
    sentences: Sequence[Sentence],
    splits: Sequence[Assignment],
    annotations: Annotations,
    params: ValidateParams,
    taxonomy: Taxonomy,
) -> list[Problem]:
    """Every rule that is broken, with its place and remedy; an empty list is a valid corpus."""
    split_of = {assignment.article_id: assignment.split for assignment in splits}
    final = annotations.final()
    annotated = {s.article_id for s in sentences if s.id in final} or set(split_of)
    measured = [
        s for s in sentences if s.article_id in annotated
    ]  # the rest is text to adapt to, of no split's figures
    return [
        *_repeated("article", [article.id for article in articles]),
        *_repeated("sentence", [sentence.id for sentence in sentences]),
        *_offsets(articles, sentences),
        *_split_leaks(articles, splits),
        *_shared_sentences(measured, split_of),
        *orphans(annotations, sentences),
        *_passes(measured, split_of, annotations, params),
        *_supports(support(sentences, split_of, final, taxonomy), params, taxonomy),
    ]


def support(
    sentences: Sequence[Sentence],
    split_of: Mapping[str, str],
    final: Mapping[str, Annotation],
    taxonomy: Taxonomy,
) -> dict[str, Any]:
    """Counts of the annotated corpus: articles and sentences by split, sentences by class."""
    used = [final[sentence.id] for sentence in sentences if sentence.id in final]
    return {
        "articles": {split: sum(s == split for s in split_of.values()) for split in SPLITS},
        "annotated_articles": {
            split: len({s.article_id for s in sentences if split_of.get(s.article_id) == split and s.id in final})
            for split in SPLITS
        },
        "sentences": {split: sum(split_of.get(s.article_id) == split for s in sentences) for split in SPLITS},
        "annotated": {
            split: sum(split_of.get(s.article_id) == split and s.id in final for s in sentences) for split in SPLITS
        },
        "topics": {topic: sum(topic in a.topics for a in used) for topic in taxonomy.topic_ids},
        "stances": {stance: sum(a.stance == stance for a in used) for stance in taxonomy.stance_ids},
        "no_topic": sum(not a.topics for a in used),
        "multi_topic": sum(len(a.topics) > 1 for a in used),
        "stance_in_topic": {
            topic: {s: sum(topic in a.topics and a.stance == s for a in used) for s in taxonomy.stance_ids}
            for topic in taxonomy.topic_ids
        },
    }


def _repeated(what: str, ids: Sequence[str]) -> Iterator[Problem]:
    for id_, count in Counter(ids).items():
        if count > 1:
            yield Problem(f"{what} id {id_} stands {count} times", "corpus", "give each its own id")


def _offsets(articles: Sequence[Article], sentences: Sequence[Sentence]) -> Iterator[Problem]:
    texts = {article.id: article.text for article in articles}
    for sentence in sentences:
        if texts.get(sentence.article_id, "")[sentence.start : sentence.end] != sentence.text:
            yield Problem("offsets do not give the text", f"sentence {sentence.id}", "rerun `dvc repro --force ingest`")


def _split_leaks(articles: Sequence[Article], splits: Sequence[Assignment]) -> Iterator[Problem]:
    by_group: dict[str, set[str]] = defaultdict(set)
    by_article: dict[str, set[str]] = defaultdict(set)
    for assignment in splits:
        by_group[assignment.group].add(assignment.split)
        by_article[assignment.article_id].add(assignment.split)
    remedy = "rerun `dvc repro --force split`"
    for kind, found in (("near-duplicate group of", by_group), ("article", by_article)):
        for id_, names in found.items():
            if len(names) > 1:
                yield Problem(f"{kind} {id_} is in {' and '.join(sorted(names))}", "splits", remedy)
    for article in articles:
        if article.id not in by_article:
            yield Problem(f"article {article.id} has no split", "splits", remedy)


def _shared_sentences(sentences: Sequence[Sentence], split_of: Mapping[str, str]) -> Iterator[Problem]:
    seen: dict[str, tuple[str, str]] = {}
    for sentence in sentences:
        key, split = normalise(sentence.text), split_of.get(sentence.article_id, "")
        other, other_split = seen.setdefault(key, (sentence.id, split))
        if other_split != split and key.count(" ") + 1 >= LEAST_WORDS:
            yield Problem(
                f"the same sentence as {other}, which is in {other_split}",
                f"sentence {sentence.id} ({split})",
                "reword it",
            )


def _passes(
    sentences: Sequence[Sentence], split_of: Mapping[str, str], annotations: Annotations, params: ValidateParams
) -> Iterator[Problem]:
    for id_ in annotations.disagreements():
        if id_ not in annotations.settled:
            yield Problem(f"the passes disagree on sentence {id_}", "settled.jsonl", "settle it there with a reason")
    double = set(annotations.first) & set(annotations.second)
    if params.min_double_annotated == 0:
        return
    if len(double) < params.min_double_annotated:
        yield Problem(
            f"{len(double)} sentences have two passes, {params.min_double_annotated} are wanted",
            "second.jsonl",
            "annotate more, or lower validate.min_double_annotated",
        )
    for sentence in sentences:
        split = split_of.get(sentence.article_id)
        if split in ("validation", "test") and sentence.id not in double:
            yield Problem(f"sentence {sentence.id} of {split} lacks a pass", "second.jsonl", "annotate it in both")


def _supports(counts: Mapping[str, Any], params: ValidateParams, taxonomy: Taxonomy) -> Iterator[Problem]:
    articles = sum(counts["articles"].values())
    floors = [
        ("articles", articles, params.min_articles),
        ("sentences", sum(counts["sentences"].values()), params.min_sentences),
        ("sentences with two topics or more", counts["multi_topic"], params.min_multi_topic),
        *((f"sentences of topic {t}", counts["topics"][t], params.min_topic_support) for t in taxonomy.topic_ids),
        *((f"sentences of stance {s}", counts["stances"][s], params.min_stance_support) for s in taxonomy.stance_ids),
        *(
            (f"sentences of topic {t} with stance {s}", counts["stance_in_topic"][t][s], params.min_stance_in_topic)
            for t in taxonomy.topic_ids
            for s in taxonomy.stance_ids
            if s != taxonomy.default_stance
        ),
    ]
    for what, have, least in floors:
        if have < least:
            yield Problem(
                f"{have} {what}, at least {least} are wanted", "corpus", "add some, or lower it in params.yaml"
            )
    drawn = counts["annotated_articles"] if sum(counts["annotated_articles"].values()) else counts["articles"]
    for split in ("train", "validation"):
        if not drawn[split]:
            yield Problem(f"no annotated article in {split}", "splits", "annotate more articles, or change the shares")
    share = drawn["test"] / max(1, sum(drawn.values()))
    if not params.min_test_share <= share <= params.max_test_share:
        wanted = f"{params.min_test_share} to {params.max_test_share}"
        yield Problem(f"test is {share:.3f} of the articles, wanted is {wanted}", "splits", "change split.test")

"""The project's own corpus and seeds, as they are in git."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.labeling.annotations import Annotations, load_annotations, orphans
from pipeline.labeling.validation import violations
from pipeline.params import Params
from pipeline.schemas import Article, Sentence
from pipeline.taxonomy import Taxonomy
from pipeline.text.readers import read_articles
from pipeline.text.segmentation import segment
from pipeline.text.splits import assign


@pytest.fixture(scope="module")
def articles(root: Path) -> list[Article]:
    found = list(read_articles([root / "data" / "raw" / "articles"]))
    assert [item for item in found if not isinstance(item, Article)] == []
    return [item for item in found if isinstance(item, Article)]


@pytest.fixture(scope="module")
def sentences(articles: list[Article]) -> list[Sentence]:
    return [sentence for article in articles for sentence in segment(article)]


@pytest.fixture(scope="module")
def annotations(root: Path, taxonomy: Taxonomy) -> Annotations:
    return load_annotations(root / "seeds" / "annotations", taxonomy)


def test_the_corpus_keeps_its_rules(
    articles: list[Article],
    sentences: list[Sentence],
    annotations: Annotations,
    params: Params,
    taxonomy: Taxonomy,
) -> None:
    splits = assign(articles, params.split)
    found = violations(articles, sentences, splits, annotations, params.validate_, taxonomy)
    assert [str(problem) for problem in found] == []


def test_every_sentence_is_annotated_with_its_own_text(sentences: list[Sentence], annotations: Annotations) -> None:
    final = annotations.final()
    assert [s.id for s in sentences if s.id not in final] == []
    assert [s.id for s in sentences if final[s.id].text != s.text] == []
    assert list(orphans(annotations, sentences)) == []


def test_offsets_give_the_text_of_every_sentence(articles: list[Article], sentences: list[Sentence]) -> None:
    texts = {article.id: article.text for article in articles}
    assert all(texts[s.article_id][s.start : s.end] == s.text for s in sentences)


def test_every_article_says_what_it_is(articles: list[Article], root: Path) -> None:
    for article in articles:
        assert article.title, article.id
        assert article.date, article.id
        assert article.source, article.id
        assert article.genre, article.id
        assert article.pair, article.id
        assert (root / "data" / "raw" / "articles" / f"{article.id}.md").is_file()

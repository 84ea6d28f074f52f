"""Checks corpus, splits and annotations against every rule; its report is the leave to go on."""

from pathlib import Path

import typer

from pipeline.command import guarded
from pipeline.errors import raise_if_any
from pipeline.labeling.agreement import agreement
from pipeline.labeling.annotations import load_annotations
from pipeline.labeling.validation import support, violations
from pipeline.params import load_params
from pipeline.schemas import Article, Assignment, Sentence
from pipeline.storage import read_jsonl, write_json
from pipeline.taxonomy import load_taxonomy


def main(
    articles: Path,
    sentences: Path,
    splits: Path,
    annotations: Path,
    taxonomy: Path,
    report: Path,
    params: Path = Path("params.yaml"),
) -> None:
    classes = load_taxonomy(taxonomy)
    labels = load_annotations(annotations, classes)
    texts, assigned = read_jsonl(sentences, Sentence), read_jsonl(splits, Assignment)
    rules = load_params(params).validate_
    raise_if_any(violations(read_jsonl(articles, Article), texts, assigned, labels, rules, classes))
    split_of = {assignment.article_id: assignment.split for assignment in assigned}
    write_json(
        report,
        {
            **support(texts, split_of, labels.final(), classes),
            "agreement": agreement(labels.first, labels.second, classes),
        },
    )


if __name__ == "__main__":
    guarded(lambda: typer.run(main))

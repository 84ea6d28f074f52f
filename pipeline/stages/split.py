"""Articles, and which of them are annotated → their splits."""

from collections import Counter
from pathlib import Path

import typer

from pipeline.command import guarded
from pipeline.labeling.annotations import load_annotations
from pipeline.params import load_params
from pipeline.schemas import Article, Sentence
from pipeline.storage import read_jsonl, write_jsonl
from pipeline.taxonomy import load_taxonomy
from pipeline.text.splits import assign


def main(
    articles: Path,
    sentences: Path,
    annotations: Path,
    taxonomy: Path,
    splits: Path,
    params: Path = Path("params.yaml"),
) -> None:
    final = load_annotations(annotations, load_taxonomy(taxonomy)).final()
    annotated = {s.article_id for s in read_jsonl(sentences, Sentence) if s.id in final}
    assignments = assign(read_jsonl(articles, Article), load_params(params).split, annotated)
    write_jsonl(splits, assignments)
    print("articles by split:", dict(Counter(assignment.split for assignment in assignments)))


if __name__ == "__main__":
    guarded(lambda: typer.run(main))

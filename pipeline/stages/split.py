"""Articles → their splits."""

from collections import Counter
from pathlib import Path

import typer

from pipeline.command import guarded
from pipeline.params import load_params
from pipeline.schemas import Article
from pipeline.storage import read_jsonl, write_jsonl
from pipeline.text.splits import assign


def main(articles: Path, splits: Path, params: Path = Path("params.yaml")) -> None:
    assignments = assign(read_jsonl(articles, Article), load_params(params).split)
    write_jsonl(splits, assignments)
    print("articles by split:", dict(Counter(assignment.split for assignment in assignments)))


if __name__ == "__main__":
    guarded(lambda: typer.run(main))

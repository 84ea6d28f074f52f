"""Raw files → articles and their sentences; what cannot be read goes to the rejects."""

from pathlib import Path

import typer

from pipeline.command import guarded
from pipeline.errors import UserError
from pipeline.params import load_params
from pipeline.schemas import Article, Reject
from pipeline.storage import write_jsonl
from pipeline.text.readers import read_articles
from pipeline.text.segmentation import segment


def main(raw: Path, articles: Path, sentences: Path, rejects: Path, params: Path = Path("params.yaml")) -> None:
    limits = load_params(params).ingest
    found = list(read_articles([raw], limits.max_bytes))
    good = sorted((item for item in found if isinstance(item, Article)), key=lambda article: article.id)
    bad = [item for item in found if isinstance(item, Reject)]
    for reject in bad:
        print(f"rejected {reject.file}:{reject.row}: {reject.reason}")
    if not good:
        raise UserError.one("no readable article", raw, "put .txt, .md, .html, .jsonl, .csv or .parquet files there")
    write_jsonl(articles, good)
    write_jsonl(sentences, (sentence for article in good for sentence in segment(article)))
    write_jsonl(rejects, bad)
    print(f"read {len(found)} = {len(good)} articles + {len(bad)} rejected")


if __name__ == "__main__":
    guarded(lambda: typer.run(main))

"""Scoring beside what one would use instead: `python benchmarks/scoring.py [FOLDER] [--quick]`.

All rows are of one run, on the same sentences and the same cores: those of the articles in FOLDER, or of the project's
own corpus without the articles that models have learned from, where the cascade would find everything easy; over and
over until they are so many that the start counts for little. All run on the CPU; scikit-learn's predict knows one
thread only, so that ours with one worker is set beside it as well. Ours are measured end to end, by the `detente score`
command, from article files to a finished Parquet file; what it takes to start is a row of its own. The others get
sentences that are already cut, and write nothing.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import psutil
import typer
from speeds import elsewhere, pipeline_rate, sentence_transformers_rate, sklearn_rate
from tabulate import tabulate

from pipeline.classifiers.onnx import OnnxClassifier
from pipeline.classifiers.registry import find_model, load_classifier
from pipeline.classifiers.tokens import context_of, load_reading
from pipeline.command import guarded
from pipeline.encoding.encoder import resolve_encoder
from pipeline.errors import UserError
from pipeline.schemas import Article, Assignment, Sentence
from pipeline.scoring.machine import cores
from pipeline.storage import read_jsonl
from pipeline.text.readers import read_articles
from pipeline.text.segmentation import segment

SMALL, LARGE = 10_000, 1_000_000  # sentences of the two measures of memory
MIB = 1 << 20
Row = tuple[str, float, str]


def sample(folder: Path, splits: Path) -> list[Article]:
    """Articles that are not in train, in random order.

    Raises:
        UserError: when there are none.
    """
    learned = {row.article_id for row in read_jsonl(splits, Assignment) if row.split == "train"}
    articles = [item for item in read_articles([folder]) if isinstance(item, Article) and item.id not in learned]
    if not articles:
        raise UserError.one("no article that models have not learned from", folder, "name a folder of others")
    random.Random(0).shuffle(articles)
    return articles


def repeated(articles: list[Article], sentences: int) -> Iterator[Article]:
    """The articles over and over until they have so many sentences; each begins with a number, lest it be rejected."""
    counts = [len(segment(article)) for article in articles]
    number = 0
    while sentences > 0:
        article = articles[number % len(articles)]
        sentences -= counts[number % len(articles)] + 1
        yield replace(article, id=f"{number}", text=f"Number {number}.\n\n{article.text}")
        number += 1


def write(articles: Iterable[Article], folder: Path) -> Path:
    """The articles as text files."""
    folder.mkdir(parents=True)
    for article in articles:
        (folder / f"{article.id:>05}.txt").write_text(article.text, encoding="utf-8")
    return folder


def write_rows(articles: Iterable[Article], folder: Path) -> Path:
    """The articles as one file of JSON Lines."""
    folder.mkdir(parents=True)
    with (folder / "many.jsonl").open("w", encoding="utf-8") as file:
        for article in articles:
            file.write(json.dumps({"id": article.id, "title": article.title, "text": article.text}) + "\n")
    return folder


def command(source: Path, out: Path, model: str, models: Path, *more: str) -> list[str]:
    """The `detente score` command."""
    words = [sys.executable, "-m", "pipeline.cli", "score", str(source), "-o", str(out)]
    return [*words, "--model", model, "--models", str(models), "--json", "--restart", *more]


def ours(source: Path, out: Path, model: str, models: Path, *more: str) -> float:
    """Sentences a second from article files to a finished Parquet file."""
    done = subprocess.run(command(source, out, model, models, *more), capture_output=True, text=True, check=True)
    tally = json.loads(done.stdout.splitlines()[-1])
    return float(tally["sentences"] / tally["seconds"])


def bound(model: OnnxClassifier, sentences: list[Sentence]) -> float:
    """Sentences a second of `session.run` alone, over the batches that scoring makes, on all cores."""
    batches: list[Any] = []
    run = model._run

    def noted(arrays: Any) -> Any:
        batches.append(arrays)
        return run(arrays)

    model._run = noted  # type: ignore[method-assign]
    for start in range(0, len(sentences), 1024):
        model.predict_proba(sentences[start : start + 1024])
    with ThreadPoolExecutor(cores()) as executor:
        start_ = time.perf_counter()
        list(executor.map(run, batches))
        return len(sentences) / (time.perf_counter() - start_)


def peak(source: Path, out: Path, model: str, models: Path) -> float:
    """The most memory in MiB that a run and its workers have together, shared pages once."""
    process = psutil.Popen(command(source, out, model, models), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    most = 0
    while process.poll() is None:
        try:
            family = [process, *process.children(recursive=True)]
            most = max(most, sum(member.memory_full_info().pss for member in family))
        except psutil.NoSuchProcess:
            continue
        time.sleep(0.1)
    if process.returncode:
        raise RuntimeError(f"the run ended with {process.returncode}")
    return most / MIB


def first_row(source: Path, model: str, models: Path) -> float:
    """Seconds from the start of the command to its first row on standard output."""
    text = "".join(json.dumps({"text": file.read_text(encoding="utf-8")}) + "\n" for file in sorted(source.iterdir()))
    words = [sys.executable, "-m", "pipeline.cli", "score", "-", "-o", "-", "--model", model, "--models", str(models)]
    with tempfile.TemporaryFile() as given:
        given.write(text.encode())
        given.seek(0)
        start = time.perf_counter()
        with subprocess.Popen(words, stdin=given, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            process.stdout.readline()
            taken = time.perf_counter() - start
            process.kill()
    return taken


def speed_rows(
    articles: list[Article], sentences: list[Sentence], models: Path, work: Path, quick: bool, python: Path | None
) -> Iterator[Row]:
    """Sentences a second of all ways, with the aims beside ours."""
    full = find_model("finetuned", models)
    some = random.Random(1).sample(sentences, min(len(sentences), 128 if quick else 512))
    single = yield_row("transformers pipeline, batch 1", lambda: pipeline_rate(full, some, 1))
    yield single
    best = max(pipeline_rate(full, some, size) for size in ((32,) if quick else (8, 32, 64)))
    yield "transformers pipeline, best batch", best, ""
    context = load_reading(full).context
    texts = [f"{s.text} {context_of(s, context)}".strip() for s in sentences]
    rate = partial(elsewhere, python) if python else sentence_transformers_rate
    encoder = resolve_encoder("minilm", None)
    yield yield_row("sentence-transformers ONNX int8, linear head", lambda: rate(encoder, texts))
    bare = sklearn_rate(load_classifier(find_model("baseline", models)), sentences)
    yield "scikit-learn predict", bare, ""
    quickest = load_classifier(find_model("finetuned-int8", models), 1)
    limit = bound(quickest, sentences) if isinstance(quickest, OnnxClassifier) else float("nan")
    yield "session.run alone, same batches", limit, ""
    source = write(articles, work / "articles")
    rates = {name: ours(source, work / "out.parquet", name, models) for name in ("finetuned", "cascade", "baseline")}
    int8 = rates["finetuned"]
    yield (
        "ours, finetuned",
        int8,
        (
            f"{int8 / single[1]:.1f} x batch 1 (aim 12), {int8 / best:.1f} x best (aim 8), "
            f"{int8 / limit:.2f} of session.run (aim 0.85)"
        ),
    )
    yield "ours, cascade", rates["cascade"], f"{rates['cascade'] / int8:.1f} x finetuned (aim 5)"
    yield "ours, baseline", rates["baseline"], f"{rates['baseline'] / bare:.2f} of scikit-learn (aim 0.8)"
    for name in ("finetuned", "baseline"):
        one, two = (ours(source, work / "out.parquet", name, models, "--workers", n) for n in ("1", "2"))
        yield f"ours, {name}, 1 worker", one, f"{one / bare:.2f} of scikit-learn" if name == "baseline" else ""
        yield f"ours, {name}, 2 workers", two, f"{two / one:.2f} x 1 worker"


def yield_row(name: str, measure: Callable[[], float]) -> Row:
    """A row of what may not be installed here."""
    try:
        return name, measure(), ""
    except Exception as error:  # noqa: BLE001 - it raises what it likes where a package is missing
        return name, float("nan"), f"not measured: {' '.join(str(error).split())[:100]}"


def memory_rows(articles: list[Article], models: Path, work: Path, large: int) -> Iterator[Row]:
    """Peak memory at two sizes, and the time to the first row."""
    small = write_rows(repeated(articles, SMALL), work / "small")
    for name, size in (("baseline", large), ("finetuned", large // 10)):  # a tenth: the encoder takes an hour for all
        few = peak(small, work / "out.parquet", name, models)
        yield f"peak MiB at {SMALL:,} sentences, {name}", few, ""
        many = write_rows(repeated(articles, size), work / f"many-{name}")
        most = peak(many, work / "out.parquet", name, models)
        yield f"peak MiB at {size:,} sentences, {name}", most, f"{most - few:+.0f} MiB (aim: at most +200)"
    for name in ("finetuned", "baseline"):
        taken = np.median([first_row(work / "articles", name, models) for _ in range(3)])
        yield f"seconds to the first row, {name}", float(taken), "aim: under 3"


def main(
    folder: Annotated[Path, typer.Argument(help="Articles to measure with.")] = Path("data/raw/articles"),
    models: Annotated[Path, typer.Option(help="Folder of the trained models.")] = Path("models"),
    splits: Annotated[Path, typer.Option(help="Which articles models have learned from.")] = Path(
        "data/interim/splits.jsonl"
    ),
    sentences: Annotated[int, typer.Option(help="So many sentences.")] = 10_000,
    sentence_transformers: Annotated[
        Path | None, typer.Option(help="Python that has sentence-transformers[onnx], if this one has not.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A fifth of everything: tells whether all runs.")] = False,
) -> None:
    """Measure and print one table."""
    os.environ |= {"TOKENIZERS_PARALLELISM": "false", "CUDA_VISIBLE_DEVICES": ""}
    articles = sample(folder, splits)
    chosen = list(repeated(articles, sentences // 5 if quick else sentences))
    cut = [sentence for article in chosen for sentence in segment(article)]
    print(f"{len(cut)} sentences of {len(articles)} articles, {cores()} cores", flush=True)
    with tempfile.TemporaryDirectory() as work:
        rows = []
        for row in speed_rows(chosen, cut, models, Path(work), quick, sentence_transformers):
            print(f"  {row[0]}: {row[1]:,.1f} a second  {row[2]}", file=sys.stderr, flush=True)
            rows.append(row)
        measured = list(memory_rows(articles, models, Path(work), LARGE // 20 if quick else LARGE))
    print(tabulate(rows, headers=("way", "sentences a second", ""), floatfmt=",.1f"))
    print()
    print(tabulate(measured, headers=("measure", "", ""), floatfmt=",.1f"))


if __name__ == "__main__":
    guarded(lambda: typer.run(main))

"""Growth with workers on a cluster, and what 100 million articles a day take: `python benchmarks/scale.py [FOLDER]`.

The articles of FOLDER, or of the project's corpus, are scored over and over by `detente score --engine ray` with 1, 2,
4 ... workers. A run of few articles is taken off from each run of many, so that what it takes to start counts apart.
Where `RAY_ADDRESS` names a cluster it is measured there; FOLDER must then be a place that all its nodes see.
"""

from __future__ import annotations

import os
import tempfile
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from tabulate import tabulate

from pipeline.classifiers.registry import load_for_scoring
from pipeline.command import guarded
from pipeline.schemas import Article
from pipeline.scoring.machine import default_workers
from pipeline.scoring.ray_engine import Job, score_on_ray
from pipeline.scoring.scorer import Tally
from pipeline.storage import to_json
from pipeline.text.readers import read_articles

DAY = 86_400  # seconds
AIM = 100_000_000  # articles a day
REPEATED = 16  # files, so that there is something to share between workers
Row = tuple[object, ...]


def write(folder: Path, source: Path, articles: int) -> Path:
    """So many articles of `source` in JSON Lines, over and over, each under a number of its own."""
    found = [item for item in read_articles([source]) if isinstance(item, Article)]
    folder.mkdir(parents=True)
    for file in range(REPEATED):
        numbers = range(file, articles, REPEATED)
        lines = (to_json({"id": str(n), "text": f"{found[n % len(found)].text}\n\nNumber {n}."}) for n in numbers)
        (folder / f"{file:02}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


def counts(most: int) -> list[int]:
    """1, 2, 4 ... workers, and as many as there may be."""
    return sorted({2**power for power in range(most.bit_length()) if 2**power <= most} | {most})


def rates(model: str, models: Path, folders: tuple[Path, Path], workers: int) -> tuple[float, float, float]:
    """Articles a second, sentences an article, and seconds to start."""
    load = partial(load_for_scoring, model, models, 1)
    few, many = (_run(folder, folder.parent / f"{folder.name}-{workers}", workers, load) for folder in folders)
    rate = (many.scored - few.scored) / (many.seconds - few.seconds)
    return rate, many.sentences / many.scored, few.seconds - few.scored / rate


def _run(folder: Path, out: Path, workers: int, load: partial) -> Tally:  # type: ignore[type-arg]
    return score_on_ray(Job([str(folder)], str(out), workers=workers), load, load())


def arithmetic(measured: list[tuple[int, float]], aim: int = AIM) -> str:
    """What so many articles a day take, by the rates measured: workers = aim / (day x rate of a worker)."""
    workers, rate = measured[-1]
    each = rate / workers
    needed = -(-aim // int(each * DAY))
    rows: list[Row] = [
        ("articles a day", f"{aim:,}"),
        ("articles a second, all day", f"{aim / DAY:,.0f}"),
        (f"articles a second of a worker, with {workers} of them", f"{each:,.1f}"),
        ("workers = articles a second / those of a worker", f"{needed:,}"),
        ("with a quarter to spare", f"{-(-needed * 5 // 4):,}"),
        ("machines of 64 cores, a worker a core", f"{-(-needed * 5 // 256):,}"),
    ]
    return tabulate(rows, disable_numparse=True, colalign=("left", "right"))


def main(
    folder: Annotated[Path, typer.Argument(help="Articles to take.")] = Path("data/raw/articles"),
    model: Annotated[list[str] | None, typer.Option(help="Which models.")] = None,
    models: Annotated[Path, typer.Option(help="Folder of the trained models.")] = Path("models"),
    articles: Annotated[
        int, typer.Option(help="Articles of a run for each worker; 10000 where there are 8 and more.")
    ] = 2000,
    most: Annotated[int, typer.Option(help="Workers at most; 0: as the machine has.")] = 0,
    shared: Annotated[Path | None, typer.Option(help="Where to write what is scored; all nodes must see it.")] = None,
) -> None:
    """Measure each model and print both tables."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    for name in model or ["baseline", "finetuned"]:
        table: list[Row] = []
        measured: list[tuple[int, float]] = []
        with tempfile.TemporaryDirectory(dir=shared) as scratch:
            for workers in counts(most or default_workers()):
                base = Path(scratch) / str(workers)
                folders = (write(base / "few", folder, 200), write(base / "many", folder, 200 + articles * workers))
                rate, length, start = rates(name, models.absolute(), folders, workers)
                measured.append((workers, rate))
                growth = f"{rate / measured[0][1]:.2f}"
                table.append((workers, f"{rate:,.1f}", f"{rate * length:,.0f}", growth, f"{start:.1f}"))
        print(f"\n{name}")
        print(tabulate(table, ["workers", "articles/s", "sentences/s", "growth", "start, s"], disable_numparse=True))
        print(f"\n{arithmetic(measured)}", flush=True)


if __name__ == "__main__":
    app = typer.Typer(add_completion=False)
    app.command()(main)
    guarded(app)

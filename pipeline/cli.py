"""The `detente` command: parses, calls, sets the exit code."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from pipeline.command import guarded

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Topic and stance of sentences in news on dealings between states."
)
Models = Annotated[Path, typer.Option("--models", help="Folder of the trained models.")]


@app.command()
def score(
    paths: Annotated[
        list[str], typer.Argument(help="Articles: files or folders of .txt .md .html .jsonl .csv .parquet; - for JSONL")
    ],
    out: Annotated[str, typer.Option("-o", "--out", help="Output: .jsonl .csv .parquet, FOLDER/ of parts, or -")],
    model: Annotated[
        str, typer.Option(help="champion, finetuned, baseline, cascade, or a model's folder")
    ] = "champion",
    models: Models = Path("models"),
    max_bytes: Annotated[int, typer.Option(min=1, help="Reject an article larger than this.")] = 5_000_000,
    workers: Annotated[int, typer.Option(min=0, help="Windows scored beside each other; 0: as the machine has.")] = 0,
    threads: Annotated[int, typer.Option(min=0, help="Threads a worker; 0: the cores shared by the workers.")] = 0,
    batch_tokens: Annotated[int, typer.Option(min=0, help="Tokens in an encoder's batch; 0: as the model has.")] = 0,
    parts: Annotated[bool, typer.Option("--parts", help="Write a folder of Parquet parts.")] = False,
    excel_safe: Annotated[bool, typer.Option("--excel-safe", help="Guard CSV cells that look like formulas.")] = False,
    restart: Annotated[bool, typer.Option("--restart", help="Forget what a stopped run had done.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print errors only.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the tally as JSON.")] = False,
) -> None:
    """Label every sentence of every article. A stopped run is taken up by the same command."""
    from pipeline.scoring.command import Request, run

    run(
        Request(paths, out, model, models, workers, threads, batch_tokens, quiet, as_json),
        max_bytes=max_bytes,
        parts=parts,
        excel_safe=excel_safe,
        restart=restart,
    )


@app.command()
def show(
    scored: Annotated[Path, typer.Argument(help="A .jsonl file that `detente score` wrote.")],
    rows: Annotated[int, typer.Option(help="How many sentences.")] = 20,
    svg: Annotated[Path | None, typer.Option(help="Also write the picture here.")] = None,
) -> None:
    """Print scored sentences as a coloured table."""
    from pipeline.scoring.show import read_scored
    from pipeline.scoring.show import show as show_rows

    show_rows(read_scored(scored)[:rows], scored.name, svg)


@app.command()
def results(models: Models = Path("models")) -> None:
    """Print the figures of all models on test, and what to try next."""
    from pipeline.evaluation.summary import results_table

    print(results_table(models))


@app.command()
def corpus(
    interim: Annotated[Path, typer.Option(help="Where `ingest` and `split` wrote.")] = Path("data/interim"),
    report: Annotated[Path, typer.Option(help="What `validate` wrote.")] = Path("data/validation.json"),
    beside: Annotated[Path | None, typer.Option(help="JSON Lines with `text`, measured for comparison.")] = None,
    against: Annotated[
        list[Path] | None, typer.Option(help="Texts of others to look for shared runs of words.")
    ] = None,
) -> None:
    """Measure the corpus: size, support, agreement, repetition, variety, overlap with others."""
    from pipeline.evaluation.corpus_report import corpus_report

    print(corpus_report(interim, report, beside, against or []))


@app.command()
def track() -> None:
    """Send runs to MLflow that could not be sent when they were made."""
    from pipeline.tracking import runs as tracking

    sent = tracking.send_spooled()
    print(f"sent {len(sent)} runs" + "".join(f"\n  {name}" for name in sent))


@app.command()
def ui(port: Annotated[int, typer.Option(help="Port on 127.0.0.1")] = 5000) -> None:
    """Open the project's MLflow store in its UI, on this machine only."""
    from pipeline.tracking import runs as tracking

    tracking.set_environment()
    print(f"MLflow on http://127.0.0.1:{port}/#/experiments (stop with Ctrl-C)", flush=True)
    command = ["mlflow", "server", "--backend-store-uri", tracking.tracking_uri(), "--host", "127.0.0.1"]
    command += ["--default-artifact-root", tracking.ARTIFACTS.absolute().as_uri(), "--port", str(port)]
    os.execv(sys.executable, [sys.executable, "-m", *command])


def main() -> None:
    """Entry point of the console script."""
    guarded(app)


if __name__ == "__main__":
    main()

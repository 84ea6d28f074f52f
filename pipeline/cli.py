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
Taxonomies = Annotated[
    Path | None, typer.Option(help="Labels, target and roles of stances; else seeds/taxonomy.yaml where it fits.")
]
ExcelSafe = Annotated[bool, typer.Option("--excel-safe", help="Guard CSV cells that look like formulas.")]


@app.command()
def score(
    paths: Annotated[
        list[str], typer.Argument(help="Articles: files or folders of .txt .md .html .jsonl .csv .parquet; - for JSONL")
    ],
    out: Annotated[str, typer.Option("-o", "--out", help="Output: .jsonl .csv .parquet, FOLDER/ of parts, or -")],
    model: Annotated[
        str, typer.Option(help="champion, finetuned, ensemble, cascade, baseline, or a model's folder")
    ] = "champion",
    models: Models = Path("models"),
    max_bytes: Annotated[int, typer.Option(min=1, help="Reject an article larger than this.")] = 5_000_000,
    workers: Annotated[int, typer.Option(min=0, help="Windows scored beside each other; 0: as the machine has.")] = 0,
    threads: Annotated[int, typer.Option(min=0, help="Threads a worker; 0: the cores shared by the workers.")] = 0,
    batch_tokens: Annotated[int, typer.Option(min=0, help="Tokens in an encoder's batch; 0: as the model has.")] = 0,
    parts: Annotated[bool, typer.Option("--parts", help="Write a folder of Parquet parts.")] = False,
    excel_safe: ExcelSafe = False,
    restart: Annotated[bool, typer.Option("--restart", help="Forget what a stopped run had done.")] = False,
    engine: Annotated[str, typer.Option(help="local, or ray: a cluster, paths may be URLs (docs/scale.md).")] = "local",
    quiet: Annotated[bool, typer.Option("--quiet", help="Print errors only.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the tally as JSON.")] = False,
) -> None:
    """Label every sentence of every article. A stopped run is taken up by the same command."""
    from pipeline.scoring.command import Request, run

    run(
        Request(paths, out, model, models, workers, threads, batch_tokens, quiet, as_json, engine),
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
def report(
    scored: Annotated[Path, typer.Argument(help="What `detente score` wrote: .jsonl, .csv, .parquet or a folder.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The page to write.")] = Path("report.html"),
    title: Annotated[str, typer.Option(help="Its title, instead of what the map says in a line.")] = "",
    sentences: Annotated[int, typer.Option(min=1, help="Show at most so many; the map counts all.")] = 12_000,
    taxonomy: Taxonomies = None,
) -> None:
    """Write the map of topics by stance, its course in time, and the articles as one HTML file."""
    from pipeline.scoring.report.page import write_report

    written = write_report(scored, out, title, taxonomy, sentences)
    print(f"{written} → {out}")


@app.command()
def aggregate(
    scored: Annotated[Path, typer.Argument(help="What `detente score` wrote: .jsonl, .csv, .parquet or a folder.")],
    by: Annotated[
        str,
        typer.Option(help="Comma-separated: source date day month quarter year topic article title heading model"),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="Output: .csv, .parquet or .jsonl")],
    taxonomy: Taxonomies = None,
    excel_safe: ExcelSafe = False,
) -> None:
    """Write counts, net stance and the share of unsure sentences as a table."""
    from pipeline.scoring.summary.aggregate import aggregate as write_table

    rows = write_table(scored, [key.strip() for key in by.split(",")], out, taxonomy, excel_safe)
    print(f"{rows} rows by {by} → {out}")


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
def cues(
    seeds: Annotated[Path, typer.Option(help="Folder of taxonomy, cues and annotations.")] = Path("seeds"),
    interim: Annotated[Path, typer.Option(help="Where `ingest` and `split` wrote.")] = Path("data/interim"),
    least: Annotated[int, typer.Option(help="Annotated sentences from which a cue is judged.")] = 5,
    precision: Annotated[float, typer.Option(help="Share of them that must bear it out.")] = 0.5,
    errors_only: Annotated[bool, typer.Option("--errors-only", help="Leave warnings out.")] = False,
) -> None:
    """Find dead, over-broad, contradicting and duplicate cues, each with sentences that show it; exit 2 on an error."""
    from pipeline.errors import UserError
    from pipeline.labeling.lint import Strictness
    from pipeline.labeling.lint_report import as_text, lint_seeds

    findings = lint_seeds(seeds, interim, Strictness(least, precision))
    errors = [finding for finding in findings if finding.is_error]
    print(as_text(errors if errors_only else findings))
    if errors:
        raise UserError.one(f"{len(errors)} errors in the cues", seeds / "cues", "mend or remove the cues named above")


@app.command()
def track() -> None:
    """Send runs to MLflow that could not be sent when they were made."""
    from pipeline.tracking.sending import send_spooled

    sent = send_spooled()
    print(f"sent {len(sent)} runs" + "".join(f"\n  {name}" for name in sent))


@app.command()
def runs(
    target: Annotated[
        str | None, typer.Argument(help="A model's folder, a scored file, or a run's name or id: tells its story.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many of the latest runs.")] = 20,
    models: Models = Path("models"),
) -> None:
    """List the runs that made models and what differs between them, or name the run behind something."""
    from pipeline.tracking.finding import runs_of, runs_table, story

    print("\n\n".join(map(story, runs_of(target))) if target else runs_table(limit, models))


@app.command()
def sweep(
    target: Annotated[str, typer.Argument(help="The stage to run up to, for example evaluate@baseline.")],
    grid: Annotated[list[str], typer.Option("-S", help="A param and its values: train_baseline.topic_c=1,3,10")],
) -> None:
    """Try all combinations of some values of params as DVC experiments and print their figures."""
    from pipeline.tracking.sweep import sweep as run_sweep

    print(run_sweep(target, grid))


@app.command()
def doctor() -> None:
    """Say what is wrong with this checkout and the command that mends it; exit code 2 when something is."""
    from pipeline.doctor import findings
    from pipeline.errors import raise_if_any
    from pipeline.tracking.place import project_root

    raise_if_any(findings(Path(os.path.relpath(project_root()))))
    print("nothing is wrong")


@app.command()
def promote(
    model: Annotated[str, typer.Argument(help="champion, a model's name, or a model's folder")] = "champion",
    force: Annotated[bool, typer.Option("--force", help="Whatever the comparison says; needs --reason.")] = False,
    reason: Annotated[str | None, typer.Option(help="Why, in a sentence: it stays with the model.")] = None,
    test: Annotated[Path, typer.Option(help="Labelled test sentences.")] = Path("data/labels/test.jsonl"),
    models: Models = Path("models"),
) -> None:
    """Register a model in MLflow; it becomes `models:/detente@champion` if it is better than the one that is."""
    from pipeline.classifiers.registry import find_model
    from pipeline.errors import UserError
    from pipeline.evaluation.metrics import Resampling
    from pipeline.evaluation.promotion import Force, Rules, candidate
    from pipeline.evaluation.promotion import promote as promote_model
    from pipeline.evaluation.rejudging import rejudge
    from pipeline.params import load_params
    from pipeline.taxonomy import load_taxonomy

    if reason and not force:
        raise UserError.one("a reason without --force", "--reason", "add --force, or leave it to the comparison")
    classes, chosen = load_taxonomy(Path("seeds/taxonomy.yaml")), load_params(Path("params.yaml")).compare
    resampling = Resampling(chosen.bootstrap, chosen.confidence, chosen.seed)
    rules = Rules(classes, resampling, lambda folder: rejudge(folder, test, classes))
    decision = Force.by_user(reason) if force else None
    print(promote_model(candidate(find_model(model, models)), rules, decision))


@app.command()
def ui(
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 5000,
    host: Annotated[str, typer.Option(help="Address to listen on; another than this machine's needs --auth.")] = (
        "127.0.0.1"
    ),
    auth: Annotated[bool, typer.Option("--auth", help="Ask for a user's name and password.")] = False,
    name: Annotated[list[str] | None, typer.Option(help="Host name by which others call this machine.")] = None,
    browse: Annotated[bool, typer.Option(help="Open the browser.")] = True,
) -> None:
    """Open the project's experiment in MLflow's UI."""
    from pipeline.tracking.ui import Address, serve

    sys.exit(serve(Address(host, port, tuple(name or ())), auth, browse))


def main() -> None:
    """Entry point of the console script."""
    guarded(app)


if __name__ == "__main__":
    main()

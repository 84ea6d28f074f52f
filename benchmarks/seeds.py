"""How far the figures move with the seed of training alone: `python benchmarks/seeds.py --seeds 0 --seeds 1 --seeds 2`.

Each classifier is trained anew with each seed and the params as they are, and measured on test. Bootstrap intervals
tell what other test articles would change; this tells what another run of training would. Every training is
written to `--out` as it ends and not repeated with the same params, labels and code.
"""

from __future__ import annotations

import hashlib
import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from tabulate import tabulate

from pipeline.classifiers import baseline, finetuning
from pipeline.classifiers.decision import Classifier
from pipeline.command import guarded
from pipeline.errors import UserError
from pipeline.evaluation.judging import judge
from pipeline.evaluation.metrics import Resampling, evaluate, headline
from pipeline.params import Params, load_params
from pipeline.schemas import LabelledSentence
from pipeline.storage import read_jsonl, sha256_of
from pipeline.taxonomy import load_taxonomy

RESAMPLING = Resampling(samples=1, confidence=0.95, seed=0)  # intervals are those of `evaluate`
MODELS, BOTH = ("baseline", "finetuned"), "both"


def trainers(params: Params, labels: Path, taxonomy: Any) -> dict[str, Callable[[int], Classifier]]:
    """By name, what trains a classifier with a seed."""
    train, held = (read_jsonl(labels / f"{split}.jsonl", LabelledSentence) for split in ("train", "validation"))
    linear, tuned = params.train_baseline, params.train_finetuned
    return {
        "baseline": lambda seed: baseline.train(train, held, linear.model_copy(update={"seed": seed}), taxonomy),
        "finetuned": lambda seed: (
            finetuning.train(train, held, tuned.model_copy(update={"seed": seed}), taxonomy).model
        ),
    }


def key(model: str, params: Params, labels: Path) -> str:
    """The same for trainings of a model that differ in seed alone: those with these params, labels and code."""
    chosen = params.train_baseline if model == "baseline" else params.train_finetuned
    code = [sha256_of(path) for path in sorted(Path(finetuning.__file__).parent.glob("*.py"))]
    told = f"{model} {chosen.model_dump_json(exclude={'seed'})} {sha256_of(labels)} {code}"
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def named(models: list[str] | None) -> tuple[str, ...]:
    """The models that are asked for.

    Raises:
        UserError: when there is none of that name.
    """
    unknown = sorted(set(models or ()) - {*MODELS, BOTH})
    if unknown:
        raise UserError.one(f"no model {unknown[0]!r}", "--model", f"choose of {', '.join((*MODELS, BOTH))}")
    return MODELS if not models or BOTH in models else tuple(dict.fromkeys(models))


def spread(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mean, standard deviation and range of each figure of each model."""
    table = []
    for model in dict.fromkeys(run["model"] for run in runs):
        own = [run["figures"] for run in runs if run["model"] == model]
        for name in own[0]:
            values = [figures[name] for figures in own]
            deviation = statistics.stdev(values) if len(values) > 1 else 0.0
            table.append(
                {"model": model, "figure": name, "seeds": len(values), "mean": statistics.fmean(values)}
                | {"deviation": deviation, "least": min(values), "most": max(values)}
            )
    return table


def main(
    seeds: Annotated[list[int] | None, typer.Option(help="A seed to train with; repeat for more")] = None,
    model: Annotated[list[str] | None, typer.Option(help="baseline, finetuned, or both")] = None,
    out: Annotated[Path, typer.Option(help="JSON Lines of the runs done")] = Path("seeds.jsonl"),
    labels: Path = Path("data/labels"),
    taxonomy: Path = Path("seeds/taxonomy.yaml"),
    params: Path = Path("params.yaml"),
) -> None:
    names, chosen = named(model), load_params(params)
    classes, test = load_taxonomy(taxonomy), read_jsonl(labels / "test.jsonl", LabelledSentence)
    train = trainers(chosen, labels, classes)
    runs = [json.loads(line) for line in out.read_text().splitlines()] if out.is_file() else []
    keys = {name: key(name, chosen, labels) for name in names}
    wanted = {(keys[name], seed): name for name in names for seed in seeds or [0, 1, 2]}
    for (own, seed), name in wanted.items():
        if (own, seed) in [(run.get("key"), run["seed"]) for run in runs]:
            continue
        figures = headline(evaluate(judge(train[name](seed), test), classes, RESAMPLING))
        runs.append({"model": name, "seed": seed, "key": own, "figures": figures})
        with out.open("a") as file:
            file.write(json.dumps(runs[-1]) + "\n")
        print(name, "seed", seed, "done", flush=True)
    shown = [run for run in runs if (run.get("key"), run["seed"]) in wanted]
    print(tabulate(spread(shown), headers="keys", floatfmt=".4f"))


if __name__ == "__main__":
    guarded(lambda: typer.run(main))

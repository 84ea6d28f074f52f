"""How often each model passes the behavioural tests, by capability: `python benchmarks/behaviour.py`.

With `--failures NAME` also the cases that a model fails, to be read. New floors: `python benchmarks/behaviour.py
--floors > floors.yaml && mv floors.yaml tests/behaviour/`. They lie two cases or a twentieth of them below what each
model reaches, since models of other hardware (those trained in bfloat16, say) fail a few other cases.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
import yaml
from tabulate import tabulate

from pipeline.classifiers.registry import load_classifier
from pipeline.command import guarded
from pipeline.errors import UserError
from pipeline.evaluation.behaviour import Outcome, load_cases, pass_rates, try_cases
from pipeline.schemas import Prediction
from pipeline.storage import MANIFEST
from pipeline.taxonomy import load_taxonomy

FLOORS_HEAD = """\
# The least pass rates that a model in place must reach, by kind and capability: a twentieth of the cases (two at least)
# below what it reached when they were set, but one case where it passed any; by `benchmarks/behaviour.py --floors`.\
"""


def main(
    cases: Path = Path("tests/behaviour/cases"),
    models: Path = Path("models"),
    taxonomy: Path = Path("seeds/taxonomy.yaml"),
    failures: Annotated[str, typer.Option(help="Show the failed cases of this model")] = "",
    floors: Annotated[bool, typer.Option(help="Print floors for the models in place")] = False,
) -> None:
    tried = load_cases(cases, load_taxonomy(taxonomy))
    outcomes = {
        path.parent.parent.name: try_cases(load_classifier(path.parent), tried)
        for path in sorted(models.glob(f"*/model/{MANIFEST}"))
    }
    if not outcomes:
        raise UserError.one("no models", models, "run `dvc repro` to make them")
    if floors:
        print(FLOORS_HEAD)
        print(yaml.safe_dump({name: lowered(own) for name, own in outcomes.items()}, sort_keys=False), end="")
        return
    print(table(outcomes))
    if failures:
        if failures not in outcomes:
            raise UserError.one(f"no model {failures!r}", models, f"choose one of {', '.join(outcomes)}")
        print(f"\nFailed by {failures}\n\n" + "\n\n".join(told(o) for o in outcomes[failures] if not o.passed))


def table(outcomes: dict[str, list[Outcome]]) -> str:
    """Pass rates of all models, a row for each capability."""
    rates = {name: pass_rates(own) for name, own in outcomes.items()}
    number = sizes(next(iter(outcomes.values())))
    rows = [
        {"kind": kind, "capability": capability, "cases": cases}
        | {name: f"{own[kind][capability]:.0%}" for name, own in rates.items()}
        for (kind, capability), cases in number.items()
    ]
    return tabulate(rows, headers="keys", colalign=("left", "left", *["right"] * (1 + len(rates))))


def sizes(outcomes: list[Outcome]) -> Counter[tuple[str, str]]:
    """How many cases each kind and capability has."""
    return Counter((o.case.kind, capability) for o in outcomes for capability in ("all", o.case.capability))


def lowered(outcomes: list[Outcome]) -> dict[str, dict[str, float]]:
    """Floors: each pass rate less a twentieth of its cases or two, but of those that pass any not less than one."""
    number = sizes(outcomes)
    return {
        kind: {c: _lowered(rate, number[kind, c]) for c, rate in own.items()}
        for kind, own in pass_rates(outcomes).items()
    }


def _lowered(rate: float, cases: int) -> float:
    return int(100 * max(rate - max(2 / cases, 0.05), min(rate, 1 / cases)) + 1e-9) / 100


def told(outcome: Outcome) -> str:
    """A case with what was said of it."""
    case = outcome.case
    wanted = case.toward or " ".join([*(case.topics or ()), case.stance or ""])
    lines = [f"{case.kind} {case.capability} {wanted}".rstrip(), f"  {label(outcome.said)} | {case.text}"]
    return "\n".join(lines + ([f"  {label(outcome.of_variant)} | {case.variant}"] if outcome.of_variant else []))


def label(said: Prediction) -> str:
    """A prediction in short."""
    return f"{','.join(said.topics) or '-'} {said.stance} {said.stance_scores[said.stance]:.2f}"


if __name__ == "__main__":
    guarded(lambda: typer.run(main))

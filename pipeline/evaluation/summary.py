"""The figures of all models side by side, for a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tabulate import tabulate

from pipeline.errors import UserError
from pipeline.storage import read_json

NEXT = (
    ("score your own articles", "detente score PATH... -o scored.jsonl"),
    ("see what a change does", "dvc exp run -S train_finetuned.learning_rate=5e-5"),
    ("compare runs in MLflow", "detente ui"),
)


def results_table(models: Path) -> str:
    """A table of every evaluated model's headline figures on test, the champion marked, and next commands.

    Raises:
        UserError: when no model was evaluated yet.
    """
    found = sorted(models.glob("*/metrics.json"))
    if not found:
        raise UserError.one("no figures yet", models, "run `dvc repro` to train and evaluate")
    champion = read_json(models / "champion.json")["model"] if (models / "champion.json").is_file() else ""
    rows = [_row(path.parent.name, read_json(path)["test"], champion) for path in found]
    table = tabulate(rows, headers="keys", floatfmt=".3f")
    commands = "\n".join(f"  {what + ':':<26}{command}" for what, command in NEXT)
    return f"{table}\n\n* champion; F1 are macro averages on test, with bootstrap intervals\n\nNext:\n{commands}"


def _row(name: str, figures: dict[str, Any], champion: str) -> dict[str, Any]:
    topics, stance = figures["topics"], figures["stance"]
    row: dict[str, Any] = {"model": f"{name} *" if name == champion else name}
    row["topics F1"] = f"{topics['macro_f1']:.3f} [{topics['macro_f1_low']:.3f}, {topics['macro_f1_high']:.3f}]"
    row |= {label: values["f1"] for label, values in topics["classes"].items()}
    row["stance F1"] = f"{stance['macro_f1']:.3f} [{stance['macro_f1_low']:.3f}, {stance['macro_f1_high']:.3f}]"
    row |= {label: values["f1"] for label, values in stance["classes"].items()}
    return row

"""Finding and loading models: by name under a models folder, by path, or the champion."""

from __future__ import annotations

from pathlib import Path

from pipeline.classifiers.decision import Classifier
from pipeline.errors import UserError
from pipeline.storage import MANIFEST, read_json, verify

CHAMPION = "champion"


def find_model(name: str, models: Path) -> Path:
    """The folder of a model: a path to one, a name under `models`, or "champion".

    Raises:
        UserError: when there is none, naming those that are there.
    """
    if name == CHAMPION:
        if not (models / "champion.json").is_file():
            raise UserError.one("no champion yet", models / "champion.json", "run `dvc repro`, or choose with --model")
        name = str(read_json(models / "champion.json")["model"])
    for folder in (Path(name), models / name / "model"):
        if (folder / MANIFEST).is_file():
            return folder
    present = sorted(path.parent.parent.name for path in models.glob(f"*/model/{MANIFEST}"))
    remedy = f"choose one of {', '.join(present)}" if present else "run `dvc repro` to make the models"
    raise UserError.one(f"no model {name!r}", models, remedy)


def load_classifier(folder: Path) -> Classifier:
    """Load the model of a folder after checking its hashes.

    Raises:
        UserError: when the folder is no model, was changed, or is of a kind this version does not know.
    """
    kind = verify(folder)["kind"]
    if kind == "baseline":
        from pipeline.classifiers import baseline

        return baseline.load(folder)
    if kind == "finetuned":  # imports PyTorch, which the other models do without
        from pipeline.classifiers import finetuned

        return finetuned.load(folder)
    if kind == "finetuned-int8":
        from pipeline.classifiers import onnx

        return onnx.load(folder)
    raise UserError.one(f"unknown kind of model {kind!r}", folder / MANIFEST, "use a model made by this version")

"""Finding and loading models: by name under a models folder, by path, or the champion."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from pipeline.classifiers.decision import Classifier, Decision
from pipeline.errors import UserError
from pipeline.storage import MANIFEST, read_json, verify

CHAMPION = "champion"
GPU_TOKENS = 65536  # in a batch on a graphics card


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


def load_classifier(folder: Path, threads: int = 0) -> Classifier:
    """Load the model of a folder after checking its hashes; `threads` 0 means one a core.

    Raises:
        UserError: when the folder is no model, was changed, or is of a kind this version does not know.
    """
    kind = _manifest(folder)["kind"]
    if kind == "baseline":
        from pipeline.classifiers import baseline

        return baseline.load(folder)
    if kind == "finetuned":  # imports PyTorch, which the other models do without
        from pipeline.classifiers import finetuned

        return finetuned.load(folder)
    if kind == "finetuned-int8":
        from pipeline.classifiers import onnx

        return onnx.load_checked(folder, threads)
    if kind in ("ensemble", "cascade"):
        return _load_combined(folder, threads)
    raise UserError.one(f"unknown kind of model {kind!r}", folder / MANIFEST, "use a model made by this version")


def _manifest(folder: Path) -> dict[str, Any]:
    """What a folder says it holds; whoever loads it checks the hashes."""
    found = read_json(folder / MANIFEST) if (folder / MANIFEST).is_file() else None
    return found if isinstance(found, dict) and {"kind", "sha256"} <= set(found) else verify(folder)


def _load_combined(folder: Path, threads: int) -> Classifier:
    from pipeline.classifiers import combination

    manifest, raw = verify(folder), read_json(folder / combination.FILE)
    parts = tuple(_part(folder / combination.PARTS / part["name"], part["sha256"], threads) for part in raw["parts"])
    decision = Decision.from_json(read_json(folder / "decision.json"))
    mix = combination.Mix(**raw["mix"])
    return combination.Combined(parts, mix, decision, manifest["sha256"])  # type: ignore[arg-type]


def _part(folder: Path, sha256: str, threads: int) -> Classifier:
    part = load_classifier(folder, threads)
    if part.sha256 != sha256:
        raise UserError.one("not the model that was fitted as a part", folder, "run `dvc repro --force combine`")
    return part


def load_for_scoring(name: str, models: Path, threads: int = 0) -> Classifier:
    """The model to score with: as `find_model` has it, in the form that is quickest on this host.

    The fine-tuned model runs on a graphics card in bfloat16 where there is one, else as its 8-bit form where
    that is in `models` and was made from it.

    Raises:
        UserError: when there is no such model, or it was changed.
    """
    folder = find_model(name, models)
    if _manifest(folder)["kind"] != "finetuned":
        return load_classifier(folder, threads)
    if has_gpu():
        return _on_gpu(folder)
    quick = folder.parent.parent / "finetuned-int8" / "model"
    check = quick / "check.json"
    made_from = read_json(check).get("source") if check.is_file() else None
    return load_classifier(quick if made_from == _manifest(folder)["sha256"] else folder, threads)


def has_gpu() -> bool:
    """Whether PyTorch can use a graphics card here; PyTorch is not even imported where the driver is missing."""
    if not (shutil.which("nvidia-smi") or Path("/dev/nvidiactl").exists() or Path("/dev/kfd").exists()):
        return False
    import torch

    return torch.cuda.is_available()


def _on_gpu(folder: Path) -> Classifier:
    from pipeline.classifiers import finetuned

    model = finetuned.load(folder)
    model.network.to("cuda")
    model.name, model.batch_tokens = "finetuned-bf16", GPU_TOKENS
    return model

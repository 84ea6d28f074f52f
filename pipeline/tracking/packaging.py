"""A model folder in MLflow's form: signature, example, pinned requirements and the code, with nothing pickled.

MLflow stores the name of a module with `_load_pyfunc` beside our own folder (skops, safetensors or ONNX, with
its manifest), so that loading a model runs no code of the model's but the package that came with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pipeline
from pipeline.storage import read_json, verify

if TYPE_CHECKING:
    from mlflow.models import Model, ModelSignature

LOADER = "pipeline.classifiers.pyfunc"
# What scoring imports, by kind of model; training needs more. A test compares this with what loading imports.
_COMMON = ("mlflow", "numpy", "pandas", "psutil", "pyyaml", "scipy")
_LINEAR, _ONNX = ("pydantic", "scikit-learn", "skops"), ("onnxruntime", "tokenizers")
REQUIREMENTS = {
    "baseline": (*_COMMON, *_LINEAR),
    "finetuned": (*_COMMON, "safetensors", "tokenizers", "torch", "transformers"),
    "finetuned-int8": (*_COMMON, *_ONNX),
    "ensemble": (*_COMMON, *_LINEAR, *_ONNX),
    "cascade": (*_COMMON, *_LINEAR, *_ONNX),
}
EXAMPLE = {"text": "The two sides signed the deal.", "heading": "", "previous": "Talks ended late on Friday."}


def requirements(kind: str) -> list[str]:
    """Packages that a model of this kind needs for scoring, pinned to the versions in use.

    >>> requirements("finetuned-int8")[0].startswith("mlflow==")
    True
    """
    return [f"{name}=={version(name).split('+')[0]}" for name in REQUIREMENTS[kind]]  # "+cpu" is a build, no version


def package(folder: Path, target: Path, model: Model) -> None:
    """Write the model of `folder` as an MLflow model into the new folder `target`; `model` bears its ids.

    Raises:
        UserError: when `folder` is no model, or was changed.
    """
    import mlflow.pyfunc
    import pandas as pd

    manifest = verify(folder)
    decision = read_json(folder / "decision.json")
    mlflow.pyfunc.save_model(
        str(target),
        mlflow_model=model,
        loader_module=LOADER,
        data_path=str(folder),
        code_paths=[str(Path(pipeline.__file__).parent)],
        signature=signature(decision["topics"], decision["stances"]),
        input_example=pd.DataFrame([EXAMPLE]),
        pip_requirements=requirements(manifest["kind"]),
        metadata={"kind": manifest["kind"], "sha256": manifest["sha256"]},
    )


def signature(topics: Sequence[str], stances: Sequence[str]) -> ModelSignature:
    """Texts in, labels with their scores out."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import Array, Object, Property

    def scores(names: Sequence[str]) -> Any:
        return Object([Property(name, DataType.double) for name in names])

    inputs: list[Any] = [ColSpec(DataType.string, "text")]
    inputs += [ColSpec(DataType.string, name, required=False) for name in ("heading", "previous")]
    outputs: list[Any] = [
        ColSpec(Array(DataType.string), "topics"),
        ColSpec(scores(topics), "topic_scores"),
        ColSpec(DataType.string, "stance"),
        ColSpec(scores(stances), "stance_scores"),
        ColSpec(DataType.double, "confidence"),
        ColSpec(DataType.boolean, "abstain"),
    ]
    return ModelSignature(Schema(inputs), Schema(outputs))

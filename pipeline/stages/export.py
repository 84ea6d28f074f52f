"""The fine-tuned classifier → 8-bit ONNX."""

from pathlib import Path

import typer

from pipeline.classifiers import onnx
from pipeline.command import guarded
from pipeline.params import load_params
from pipeline.storage import atomic_folder


def main(source: Path, target: Path, params: Path = Path("params.yaml")) -> None:
    with atomic_folder(target) as folder:
        onnx.export(source, folder, load_params(params).export)


if __name__ == "__main__":
    guarded(lambda: typer.run(main))

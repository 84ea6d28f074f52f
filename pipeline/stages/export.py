"""The fine-tuned classifier → ONNX in 8 bits, and in 32 for hosts on which 8 go wrong."""

from pathlib import Path

import typer

from pipeline.classifiers.exporting import export
from pipeline.command import guarded
from pipeline.params import load_params
from pipeline.storage import atomic_folder


def main(source: Path, target: Path, params: Path = Path("params.yaml")) -> None:
    with atomic_folder(target) as folder:
        export(source, folder, load_params(params).export)


if __name__ == "__main__":
    guarded(lambda: typer.run(main))

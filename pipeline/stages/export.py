"""The fine-tuned classifier → ONNX in 8 bits, and in 32 for hosts on which 8 go wrong."""

from pathlib import Path

import typer

from pipeline.classifiers.exporting import export
from pipeline.command import guarded
from pipeline.params import load_params
from pipeline.storage import MANIFEST, atomic_folder, read_json
from pipeline.tracking import runs as tracking


def main(source: Path, target: Path, params: Path = Path("params.yaml")) -> None:
    everything = load_params(params)
    with tracking.run("export", "export finetuned-int8") as run:
        run.params(everything.sections("export"))
        run.tags({"kind": "export", "model": "finetuned-int8", "source.sha256": read_json(source / MANIFEST)["sha256"]})
        run.sources(params=params)
        with atomic_folder(target) as folder:
            digest = export(source, folder, everything.export)
        run.made(target, digest)


if __name__ == "__main__":
    guarded(lambda: typer.run(main))

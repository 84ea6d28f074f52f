"""All models' predictions on test → the champion, and how sure the choice is."""

from pathlib import Path

import typer

from pipeline.command import guarded
from pipeline.evaluation.comparison import choose_champion
from pipeline.evaluation.metrics import Judged, Resampling
from pipeline.params import load_params
from pipeline.storage import read_json, read_jsonl, write_json
from pipeline.taxonomy import load_taxonomy


def main(models: Path, taxonomy: Path, champion: Path, report: Path, params: Path = Path("params.yaml")) -> None:
    chosen = load_params(params).compare
    judged = {
        name: read_jsonl(models / name / "evaluation" / "predictions.jsonl", Judged) for name in chosen.candidates
    }
    resampling = Resampling(chosen.bootstrap, chosen.confidence, chosen.seed)
    name, differences = choose_champion(judged, load_taxonomy(taxonomy), resampling)
    manifest = read_json(models / name / "model" / "manifest.json")
    write_json(champion, {"model": name, "sha256": manifest["sha256"]})
    write_json(report, {f"{d.challenger} against {d.incumbent}": d.as_json() for d in differences})
    for difference in differences:
        print(difference.verdict)
    print(f"champion: {name}")


if __name__ == "__main__":
    guarded(lambda: typer.run(main))

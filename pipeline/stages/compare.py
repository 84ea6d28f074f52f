"""All models' predictions on test → the champion, how sure the choice is, and its place in MLflow's registry."""

from pathlib import Path

import typer

from pipeline.command import guarded
from pipeline.evaluation.comparison import choose_champion
from pipeline.evaluation.metrics import Judged, Resampling
from pipeline.evaluation.promotion import Rules, promote_if_possible
from pipeline.params import load_params
from pipeline.storage import read_json, read_jsonl, write_json
from pipeline.taxonomy import load_taxonomy
from pipeline.tracking import runs as tracking


def main(models: Path, taxonomy: Path, champion: Path, report: Path, params: Path = Path("params.yaml")) -> None:
    everything, classes = load_params(params), load_taxonomy(taxonomy)
    chosen = everything.compare
    judged = {
        name: read_jsonl(models / name / "evaluation" / "predictions.jsonl", Judged) for name in chosen.candidates
    }
    resampling = Resampling(chosen.bootstrap, chosen.confidence, chosen.seed)
    with tracking.run("compare", "compare models") as run:
        run.params(everything.sections("compare"))
        name, differences = choose_champion(judged, classes, resampling)
        manifest = read_json(models / name / "model" / "manifest.json")
        write_json(champion, {"model": name, "sha256": manifest["sha256"]})
        told = [difference.as_json() for difference in differences]
        write_json(report, {f"{d.challenger} against {d.incumbent}": d.as_json() for d in differences})
        run.tags({"kind": "comparison", "model": name, tracking.MODEL_TAG: manifest["sha256"]})
        run.sources(seeds=taxonomy.parent, params=params)
        run.table(told, "comparison.json")
        for difference in differences:
            print(difference.verdict)
        print(f"champion: {name}", flush=True)
        promote_if_possible(models / name / "model", Rules(classes, resampling))


if __name__ == "__main__":
    guarded(lambda: typer.run(main))

"""Labels → the fine-tuned classifier."""

from pathlib import Path

import typer

from pipeline.classifiers import finetuned, finetuning
from pipeline.classifiers.checkpoint import Checkpoints
from pipeline.classifiers.loop import SCORE
from pipeline.command import guarded
from pipeline.encoding.encoder import resolve_encoder
from pipeline.params import load_params
from pipeline.schemas import LabelledSentence, sizes
from pipeline.storage import as_csv, atomic_folder, read_jsonl, write_json, write_text
from pipeline.taxonomy import load_taxonomy
from pipeline.tracking import runs as tracking


def main(
    train: Path,
    validation: Path,
    unlabelled: Path,
    taxonomy: Path,
    model: Path,
    curve: Path,
    figures: Path,
    params: Path = Path("params.yaml"),
) -> None:
    everything, classes = load_params(params), load_taxonomy(taxonomy)
    chosen = everything.train_finetuned
    resolve_encoder(chosen.encoder, chosen.revision)  # before any work, and any run, is begun
    rows, held = read_jsonl(train, LabelledSentence), read_jsonl(validation, LabelledSentence)
    with tracking.run("train_finetuned", f"train finetuned {Path(chosen.encoder).name}") as run:
        run.params(everything.sections("split", "label", "train_finetuned"))
        run.tags({"kind": "training", "model": "finetuned"})
        run.sources(data=train, seeds=taxonomy.parent, params=params)
        run.dataset(train, "train", "training", **sizes(rows))
        run.dataset(validation, "validation", "validation", **sizes(held))

        def tell(point: dict[str, float], epoch: int) -> None:
            run.metrics({name: value for name, value in point.items() if name != "epoch"}, epoch)
            told = (f"{name} {value:.3f}" for name, value in point.items() if name != "epoch")
            print(f"epoch {epoch} of {chosen.epochs + chosen.self_training_rounds}:", *told)

        checkpoints = Checkpoints(curve.parent / ".checkpoint")
        spare = read_jsonl(unlabelled, LabelledSentence)
        result = finetuning.train(rows, held, chosen, classes, tell, unlabelled=spare, checkpoints=checkpoints)
        with atomic_folder(model) as folder:
            digest = finetuned.save(result.model, result.tokenizer, folder)
        write_text(curve, as_csv(result.curve))
        best = max(result.curve, key=lambda point: point[SCORE])
        write_json(figures, {name: round(best[name], 4) for name in tracking.VALIDATION})
        run.table(result.curve, "training.json")
        run.made(model, digest)
        checkpoints.clear()


if __name__ == "__main__":
    guarded(lambda: typer.run(main))

"""Labels → the fine-tuned classifier."""

from pathlib import Path

import typer

from pipeline.classifiers import encoder, finetuned, finetuning
from pipeline.classifiers.checkpoint import Checkpoints
from pipeline.command import guarded
from pipeline.params import load_params
from pipeline.schemas import LabelledSentence
from pipeline.storage import as_csv, atomic_folder, read_jsonl, sha256_of, write_text
from pipeline.taxonomy import load_taxonomy
from pipeline.tracking import runs as tracking


def main(
    train: Path,
    validation: Path,
    unlabelled: Path,
    taxonomy: Path,
    model: Path,
    curve: Path,
    params: Path = Path("params.yaml"),
) -> None:
    chosen, classes = load_params(params).train_finetuned, load_taxonomy(taxonomy)
    encoder.resolve_encoder(chosen.encoder, chosen.revision)  # before any work, and any run, is begun
    rows, held = read_jsonl(train, LabelledSentence), read_jsonl(validation, LabelledSentence)
    with tracking.run("train_finetuned", f"train finetuned {Path(chosen.encoder).name}") as run:
        run.params({"train_finetuned": chosen.model_dump()})
        run.tags({"kind": "training", "model": "finetuned", "data.sha256": sha256_of(train)})

        def tell(point: dict[str, float], epoch: int) -> None:
            run.metrics(point, epoch)
            figures = (f"{name} {value:.3f}" for name, value in point.items() if name != "epoch")
            print(f"epoch {epoch} of {chosen.epochs + chosen.self_training_rounds}:", *figures)

        checkpoints = Checkpoints(curve.parent / ".checkpoint")
        spare = read_jsonl(unlabelled, LabelledSentence)
        result = finetuning.train(rows, held, chosen, classes, tell, unlabelled=spare, checkpoints=checkpoints)
        with atomic_folder(model) as folder:
            digest = finetuned.save(result.model, result.tokenizer, folder)
        write_text(curve, as_csv(result.curve))
        run.tags({tracking.MODEL_TAG: digest})
        checkpoints.clear()


if __name__ == "__main__":
    guarded(lambda: typer.run(main))

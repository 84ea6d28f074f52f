"""How fast fine-tuning is beside transformers' Trainer as it comes: `python benchmarks/training.py`.

Both train the same encoder with the same heads on the same sentences. The plain one has the Trainer's defaults:
float32, batches of 8 in random order, 3 epochs. Ours is trained for 1, 2, 3 ... epochs, each from the start with
its own schedule, until it reaches the validation score that the plain one ends with. Ours is what the pipeline stores,
the weights of its best epoch; the plain one is what the Trainer leaves, those of its last. Seconds are those of a whole
call, from sentences to a validated model; tries that fell short are rows of their own. `--limit N` takes N train
sentences: to see that it runs.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from tabulate import tabulate
from transformers import AutoModel, Trainer, TrainingArguments, set_seed

from pipeline.classifiers.finetuning import Examples, figures, tokenizers_of, train
from pipeline.classifiers.loop import SCORE, has_bfloat16
from pipeline.classifiers.network import LossWeights, MultiTaskNetwork
from pipeline.command import guarded
from pipeline.encoding.encoder import resolve_encoder
from pipeline.params import TrainFinetunedParams, load_params
from pipeline.schemas import LabelledSentence
from pipeline.storage import read_jsonl
from pipeline.taxonomy import Taxonomy, load_taxonomy

Rows = Sequence[LabelledSentence]
PLAIN_EPOCHS = 3  # the Trainer's default


def plain(rows: Rows, held: Rows, params: TrainFinetunedParams, taxonomy: Taxonomy) -> dict[str, Any]:
    """Train as a script on the Trainer's defaults would; returns its seconds and validation score."""
    begun = time.perf_counter()
    set_seed(params.seed)
    source = resolve_encoder(params.encoder, params.revision)
    _, tokenizer = tokenizers_of(source, params)
    network = MultiTaskNetwork(
        AutoModel.from_pretrained(source),
        len(taxonomy.topic_ids),
        len(taxonomy.stance_ids),
        params.dropout,
        LossWeights(params.stance_weight, params.label_smoothing),
        params.pooling,
    )
    examples = Examples.of(rows, tokenizer, taxonomy)
    with tempfile.TemporaryDirectory() as scratch:
        arguments = TrainingArguments(scratch, report_to="none", save_strategy="no", remove_unused_columns=False)
        dataset: Any = list(range(len(rows)))  # indices: the collator looks the sentences up
        Trainer(network, arguments, train_dataset=dataset, data_collator=examples.batch).train()
    score = figures(network, Examples.of(held, tokenizer, taxonomy))[SCORE]
    return _row("plain Trainer", PLAIN_EPOCHS, len(rows), time.perf_counter() - begun, score)


def ours(rows: Rows, held: Rows, params: TrainFinetunedParams, taxonomy: Taxonomy) -> dict[str, Any]:
    """Train as the pipeline does; returns its seconds and validation score."""
    begun = time.perf_counter()
    curve = train(rows, held, params, taxonomy).curve
    score = max(point[SCORE] for point in curve)
    return _row("Detente", len(curve), len(rows), time.perf_counter() - begun, score)


def tokenising(rows: Rows, params: TrainFinetunedParams, taxonomy: Taxonomy) -> float:
    """Seconds that a cache of tokenised sentences could save."""
    _, tokenizer = tokenizers_of(resolve_encoder(params.encoder, params.revision), params)
    begun = time.perf_counter()
    Examples.of(rows, tokenizer, taxonomy)
    return time.perf_counter() - begun


def _row(name: str, epochs: int, rows: int, seconds: float, score: float) -> dict[str, Any]:
    return {
        "training": name,
        "epochs": epochs,
        "seconds": round(seconds, 1),
        "sentences a second": round(rows * epochs / seconds, 1),
        "validation score": round(score, 4),
    }


def main(
    limit: Annotated[int, typer.Option(help="Take so many train sentences; 0 takes all")] = 0,
    epochs: Annotated[int, typer.Option(help="The most epochs ours may take")] = 3,
    labels: Path = Path("data/labels"),
    params: Path = Path("params.yaml"),
    taxonomy: Path = Path("seeds/taxonomy.yaml"),
) -> None:
    classes, chosen = load_taxonomy(taxonomy), load_params(params).train_finetuned
    rows = read_jsonl(labels / "train.jsonl", LabelledSentence)[: limit or None]
    held = read_jsonl(labels / "validation.jsonl", LabelledSentence)[: limit or None]
    table = [plain(rows, held, chosen, classes)]
    for count in range(1, epochs + 1):
        table.append(ours(rows, held, chosen.model_copy(update={"epochs": count}), classes))
        if table[-1]["validation score"] >= table[0]["validation score"]:
            break
    print(f"\n{len(rows)} train sentences, {torch.get_num_threads()} threads, bfloat16: {has_bfloat16()}\n")
    print(tabulate(table, headers="keys"))
    print(f"\nof ours, tokenising took {tokenising(rows, chosen, classes):.1f} seconds (what a cache would save)")
    first, last = table[0], table[-1]
    print(f"\nsentences a second: {last['sentences a second'] / first['sentences a second']:.1f} times as many")
    if last["validation score"] >= first["validation score"]:
        print(f"seconds to the plain one's score: {first['seconds'] / last['seconds']:.1f} times as fast")
    else:
        print(f"the plain one's score was not reached in {epochs} epochs")


if __name__ == "__main__":
    guarded(lambda: typer.run(main))

"""Fine-tuning: transformers' Trainer on `datasets`, length-grouped, bf16 where the hardware has it, seeded."""

from __future__ import annotations

import copy
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from sklearn.metrics import f1_score
from transformers import (
    AutoModel,
    AutoTokenizer,
    EvalPrediction,
    PreTrainedTokenizerBase,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
    set_seed,
)

from pipeline.classifiers.decision import Decision, fit_decision, targets
from pipeline.classifiers.finetuned import Finetuned
from pipeline.classifiers.network import LossWeights, MultiTaskNetwork
from pipeline.classifiers.tokens import Reading, SentenceTokenizer, Tokens
from pipeline.encoding.encoder import resolve_encoder
from pipeline.errors import UserError
from pipeline.params import TrainFinetunedParams
from pipeline.schemas import LabelledSentence
from pipeline.taxonomy import Taxonomy

Curve = list[dict[str, float]]
OnPoint = Callable[[dict[str, float], int], None]


@dataclass(frozen=True)
class Result:
    """A trained model, its tokenizer to be saved with it, and its figures by epoch."""

    model: Finetuned
    tokenizer: PreTrainedTokenizerBase
    curve: Curve


def train(
    train_rows: Sequence[LabelledSentence],
    validation_rows: Sequence[LabelledSentence],
    params: TrainFinetunedParams,
    taxonomy: Taxonomy,
    on_point: OnPoint = lambda point, step: None,
) -> Result:
    """Fine-tune on train sentences, stop early and fit thresholds on validation sentences.

    `on_point` is told each epoch's figures as they come.

    Raises:
        UserError: when the encoder cannot be had, before any work is done.
    """
    source = resolve_encoder(params.encoder, params.revision)
    set_seed(params.seed)
    tokenizer = AutoTokenizer.from_pretrained(source)
    if not (source / "tokenizer.json").is_file():
        raise UserError.one("the encoder has no tokenizer.json", source, "save its fast tokenizer there first")
    names = tuple(n for n in ("input_ids", "token_type_ids", "attention_mask") if n in tokenizer.model_input_names)
    reading = Reading(params.context, params.max_length, names, int(tokenizer.pad_token_id))
    sentence_tokenizer = SentenceTokenizer(source / "tokenizer.json", reading)
    network = MultiTaskNetwork(
        AutoModel.from_pretrained(source),
        len(taxonomy.topic_ids),
        len(taxonomy.stance_ids),
        params.dropout,
        LossWeights(params.stance_weight, params.label_smoothing),
    )
    recorder = _Recorder(network, params.patience, on_point)
    with tempfile.TemporaryDirectory() as scratch:
        trainer = Trainer(
            model=network,
            args=_arguments(params, Path(scratch), len(train_rows)),
            train_dataset=_dataset(train_rows, sentence_tokenizer, taxonomy),
            eval_dataset=_dataset(validation_rows, sentence_tokenizer, taxonomy),
            data_collator=_Collator(sentence_tokenizer),
            compute_metrics=_score,
            optimizers=(_optimizer(network, params), None),
            callbacks=[recorder],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    network.load_state_dict(recorder.best_state)
    model = Finetuned(network, sentence_tokenizer, Decision(taxonomy.topic_ids, taxonomy.stance_ids, {}))
    scores, _ = model.predict_proba(validation_rows)
    model.decision = fit_decision(scores, validation_rows, taxonomy)
    return Result(model, tokenizer, recorder.curve)


def _arguments(params: TrainFinetunedParams, scratch: Path, rows: int) -> TrainingArguments:
    steps = -(-rows // params.batch_size) * params.epochs
    return TrainingArguments(
        output_dir=str(scratch),
        num_train_epochs=params.epochs,
        per_device_train_batch_size=params.batch_size,
        per_device_eval_batch_size=params.batch_size * 2,
        warmup_steps=round(params.warmup * steps),
        lr_scheduler_type="linear",
        max_grad_norm=1.0,
        train_sampling_strategy="group_by_length",
        use_cpu=not torch.cuda.is_available(),
        bf16=has_bfloat16(),
        seed=params.seed,
        eval_strategy="epoch",
        logging_strategy="epoch",
        save_strategy="no",  # the Trainer's checkpoints hold pickles; the best weights are kept in memory
        label_names=["topics", "stance", "weight"],
        remove_unused_columns=False,
        report_to="none",
        disable_tqdm=not sys.stderr.isatty(),
        dataloader_pin_memory=torch.cuda.is_available(),
    )


def has_bfloat16() -> bool:
    """Whether this machine multiplies bfloat16 in hardware; emulated, it would be slower than float32."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _optimizer(network: MultiTaskNetwork, params: TrainFinetunedParams) -> torch.optim.Optimizer:
    """AdamW with a rate of its own for the heads, and no decay of biases and norms."""

    def group(encoder: bool, decay: bool) -> dict[str, Any]:
        chosen = [
            p
            for name, p in network.named_parameters()
            if name.startswith("encoder.") == encoder and (p.ndim > 1) == decay
        ]
        rate = params.learning_rate if encoder else params.head_learning_rate
        return {"params": chosen, "lr": rate, "weight_decay": params.weight_decay if decay else 0.0}

    return torch.optim.AdamW([group(encoder, decay) for encoder in (True, False) for decay in (True, False)])


def _dataset(rows: Sequence[LabelledSentence], tokenizer: SentenceTokenizer, taxonomy: Taxonomy) -> Dataset:
    topics, stances = targets(rows, taxonomy)
    encoded = tokenizer.encode(rows)
    return Dataset.from_dict(
        {
            "input_ids": [tokens.ids for tokens in encoded],
            "type_ids": [tokens.type_ids for tokens in encoded],
            "length": [len(tokens.ids) for tokens in encoded],
            "topics": topics.tolist(),
            "stance": stances.tolist(),
            "weight": [row.weight for row in rows],
        }
    )


class _Collator:
    """Rows of the dataset to one padded batch of tensors."""

    def __init__(self, tokenizer: SentenceTokenizer):
        self.tokenizer = tokenizer

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        arrays = self.tokenizer.pad([Tokens(row["input_ids"], row["type_ids"]) for row in rows])
        batch = {name: torch.from_numpy(array) for name, array in arrays.items()}
        for name in ("topics", "stance", "weight"):
            batch[name] = torch.tensor([row[name] for row in rows], dtype=torch.float32)
        return batch


def _score(prediction: EvalPrediction) -> dict[str, float]:
    """Macro-F1 of topics (at 0.5) and of stance, and their mean, by which the best epoch is chosen."""
    topic_logits, stance_logits = prediction.predictions  # type: ignore[misc]
    topics, stance, _ = prediction.label_ids  # type: ignore[misc]
    topic_f1 = f1_score(np.asarray(topics) >= 0.5, np.asarray(topic_logits) > 0, average="macro", zero_division=0)
    stance_f1 = f1_score(np.argmax(stance, 1), np.argmax(stance_logits, 1), average="macro", zero_division=0)
    return {"topics.macro_f1": topic_f1, "stance.macro_f1": stance_f1, "score": (topic_f1 + stance_f1) / 2}


class _Recorder(TrainerCallback):
    """Keeps the curve and the best epoch's weights; stops after `patience` epochs without a better score."""

    def __init__(self, network: MultiTaskNetwork, patience: int, on_point: OnPoint):
        self.network = network
        self.patience = patience
        self.on_point = on_point
        self.curve: Curve = []
        self.best_state: Mapping[str, torch.Tensor] = {}

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, metrics: Any = None, **_: Any
    ) -> None:
        train_loss = next(row["loss"] for row in reversed(state.log_history) if "loss" in row)
        point = {
            "epoch": round(state.epoch or 0),
            "train.loss": float(train_loss),
            "validation.loss": float(metrics["eval_loss"]),
            **{f"validation.{k}": float(metrics[f"eval_{k}"]) for k in ("topics.macro_f1", "stance.macro_f1", "score")},
        }
        scores = [earlier["validation.score"] for earlier in self.curve]
        if not scores or point["validation.score"] > max(scores):
            self.best_state = copy.deepcopy(self.network.state_dict())
        self.curve.append(point)
        self.on_point(point, round(state.epoch or 0))
        best = max(range(len(self.curve)), key=lambda i: self.curve[i]["validation.score"])
        control.should_training_stop = len(self.curve) - 1 - best >= self.patience

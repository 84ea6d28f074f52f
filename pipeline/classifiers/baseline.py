"""The baseline: TF-IDF of words and characters with logistic regression, stored with skops.

One-vs-rest for topics, multinomial for stance. Soft targets are learned as weighted copies of a row.
"""

from __future__ import annotations

import functools
import io
import json
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion

from pipeline.classifiers.decision import Decision, Matrix, Readable, fit_decision, needed, targets
from pipeline.classifiers.distinct import distinct
from pipeline.classifiers.ngrams import WordNgrams
from pipeline.errors import UserError
from pipeline.params import TrainBaselineParams
from pipeline.schemas import LabelledSentence
from pipeline.storage import read_json, seal, verify, write_json
from pipeline.taxonomy import Taxonomy

KIND = "baseline"
_FILE = "baseline.skops"
_TERMS = "terms.json"  # each vectorizer's terms in the order of its columns
# Beyond skops' own safe list nothing may be in the file; the list stands here, not in the model.
_TRUSTED: list[str] = ["scipy.sparse._csr.csr_matrix", "sklearn.feature_extraction.text.TfidfTransformer"]


class Baseline:
    """A trained baseline."""

    name = "baseline"

    def __init__(self, parts: dict[str, Any], decision: Decision, sha256: str = ""):
        self.features: FeatureUnion = parts["features"]
        self.topic_models: dict[str, LogisticRegression] = parts["topics"]
        self.stance_model: LogisticRegression = parts["stance"]
        self.decision = decision
        self.sha256 = sha256
        self._ngrams: WordNgrams | None = None

    def predict_proba(self, sentences: Sequence[Readable]) -> tuple[Matrix, Matrix]:
        """Topic probabilities (n, topics) and stance probabilities (n, stances)."""
        if not sentences:
            return np.zeros((0, len(self.decision.topics))), np.zeros((0, len(self.decision.stances)))
        first, inverse = distinct([s.text for s in sentences])
        x = self._read([sentences[row].text for row in first])
        topics = np.stack([_positive(self.topic_models[t], x) for t in self.decision.topics], axis=1)
        known = self.stance_model.predict_proba(x)
        stances = np.zeros((len(first), len(self.decision.stances)))
        stances[:, self.stance_model.classes_] = known
        return topics[inverse], stances[inverse]

    def _read(self, texts: Sequence[str]) -> Any:
        """What `features.transform` makes of the texts."""
        if self._ngrams is None:
            self._ngrams = WordNgrams(self.features["characters"])
        return hstack([self.features["words"].transform(texts), self._ngrams.transform(texts)], format="csr")


def _positive(model: LogisticRegression, x: Any) -> NDArray[np.float64]:
    scores: NDArray[np.float64] = model.predict_proba(x)[:, list(model.classes_).index(1)]
    return scores


def train(
    train_rows: Sequence[LabelledSentence],
    validation_rows: Sequence[LabelledSentence],
    params: TrainBaselineParams,
    taxonomy: Taxonomy,
) -> Baseline:
    """Fit the baseline on train sentences and its decision on validation sentences.

    Raises:
        UserError: when a topic has no positive or no negative sentence to learn from, there is one stance only, or no
            term is in as many sentences as `min_df` says.
    """
    needed(train_rows, "train")
    needed(validation_rows, "validation")
    features = _features(params)
    try:
        x = features.fit_transform([row.text for row in train_rows])
    except ValueError as error:
        raise UserError.one(f"no terms ({error})", "params.yaml: train_baseline.min_df", "lower it") from None
    topics, stances = targets(train_rows, taxonomy)
    weights = np.array([row.weight for row in train_rows])
    parts = {
        "features": features,
        "topics": {
            topic: _fit(x, np.stack([1 - topics[:, i], topics[:, i]], axis=1), weights, params.topic_c, params, topic)
            for i, topic in enumerate(taxonomy.topic_ids)
        },
        "stance": _fit(x, stances, weights, params.stance_c, params, "stance"),
    }
    model = Baseline(parts, Decision(taxonomy.topic_ids, taxonomy.stance_ids, {}))
    model.decision = fit_decision(*model.predict_proba(validation_rows), validation_rows, taxonomy)
    return model


def _features(params: TrainBaselineParams) -> FeatureUnion:
    common = {"min_df": params.min_df, "max_features": params.max_features, "sublinear_tf": True, "dtype": np.float32}
    return FeatureUnion(
        [
            ("words", TfidfVectorizer(ngram_range=params.word_ngrams, strip_accents="unicode", **common)),
            ("characters", TfidfVectorizer(ngram_range=params.char_ngrams, analyzer="char_wb", **common)),
        ]
    )


def _fit(x: Any, wanted: Matrix, weights: Any, c: float, params: TrainBaselineParams, task: str) -> LogisticRegression:
    """Logistic regression on soft targets (n, classes): each row counts once for every class, by its probability."""
    rows, classes = np.nonzero(wanted * weights[:, None])
    if len(set(classes)) < 2:
        raise UserError.one(f"only one class of {task!r} in train", "data/labels", "annotate or cue sentences of both")
    model = LogisticRegression(
        C=c,
        class_weight=params.class_weight,
        solver="sag",  # without BLAS, so that its build and threads do not change the last digits
        tol=1e-3,
        max_iter=300,
        random_state=params.seed,
    )
    model.fit(x[rows], classes, sample_weight=weights[rows] * wanted[rows, classes])
    return model


def heaviest(model: Baseline, count: int = 12) -> list[dict[str, Any]]:
    """The words and runs of words that speak most for each class: class, feature and weight, heaviest first.

    Of the character features, fragments of the same words, none is named.
    """
    names = model.features.get_feature_names_out()
    words = np.flatnonzero(np.char.startswith(names.astype(str), "words__"))
    weights = {topic: one.coef_[0] for topic, one in model.topic_models.items()}
    stance = model.stance_model.coef_
    stance = np.concatenate([-stance, stance]) if len(stance) == 1 else stance
    for index, own in zip(model.stance_model.classes_, stance, strict=True):
        weights[model.decision.stances[index]] = own
    return [
        {"class": name, "feature": names[i].removeprefix("words__"), "weight": round(float(own[i]), 3)}
        for name, own in weights.items()
        for i in words[np.argsort(-own[words], kind="stable")[:count]]
    ]


def save(model: Baseline, folder: Path) -> str:
    """Write the model into an empty folder; returns its hash."""
    vectorizers = dict(model.features.transformer_list)
    terms = {name: vectorizer.vocabulary_ for name, vectorizer in vectorizers.items()}
    for vectorizer in vectorizers.values():
        del vectorizer.vocabulary_
        vectorizer.__dict__.pop("_stop_words_id", None)  # a memory address: it would differ in every stored model
    parts = {"features": model.features, "topics": model.topic_models, "stance": model.stance_model}
    (folder / _FILE).write_bytes(_canonical(_skops().dumps(parts)))
    for name, vectorizer in vectorizers.items():  # kept apart: skops takes minutes over a large dictionary
        vectorizer.vocabulary_ = terms[name]
    write_json(folder / _TERMS, {name: sorted(own, key=own.__getitem__) for name, own in terms.items()})
    write_json(folder / "decision.json", model.decision.as_json())
    return seal(folder, KIND)


def load(folder: Path) -> Baseline:
    """Read a model folder whose hashes hold.

    Raises:
        UserError: when a file was changed, or holds a type that is not on the list.
    """
    manifest = verify(folder)
    skops = _skops()
    unknown = sorted(set(skops.get_untrusted_types(file=folder / _FILE)) - set(_TRUSTED))
    if unknown:
        raise UserError.one(f"holds untrusted types {unknown}", folder / _FILE, "train it again with this version")
    parts = skops.load(folder / _FILE, trusted=_TRUSTED)
    terms = read_json(folder / _TERMS)
    for name, vectorizer in parts["features"].transformer_list:
        vectorizer.vocabulary_ = {term: index for index, term in enumerate(terms[name])}
    return Baseline(parts, Decision.from_json(read_json(folder / "decision.json")), manifest["sha256"])


@functools.cache
def _skops() -> Any:
    """`skops.io`, which at its import walks through scikit-learn and would load torch too: seconds for nothing."""
    loaded = "torch" in sys.modules
    if not loaded:
        sys.modules["torch"] = None  # type: ignore[assignment]  # how Python marks what must not be imported
    try:
        import skops.io

        return skops.io
    finally:
        if not loaded:
            del sys.modules["torch"]


def _canonical(archive: bytes) -> bytes:
    """The same skops file with counted ids and no times, so that equal models are equal bytes.

    skops names objects and files by memory address and stamps the hour of writing.
    """
    source = zipfile.ZipFile(io.BytesIO(archive))
    schema = json.loads(source.read("schema.json"))
    ids: dict[int, int] = {}
    files: dict[str, str] = {}

    def renumber(node: Any) -> None:
        if isinstance(node, dict):
            if "__id__" in node:
                node["__id__"] = ids.setdefault(node["__id__"], len(ids))
            if isinstance(node.get("file"), str):
                node["file"] = files.setdefault(node["file"], f"{len(files)}{Path(node['file']).suffix}")
        for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            renumber(child)

    renumber(schema)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
        for old, new in files.items():
            out.writestr(zipfile.ZipInfo(new), source.read(old), zipfile.ZIP_DEFLATED)
        out.writestr(zipfile.ZipInfo("schema.json"), json.dumps(schema), zipfile.ZIP_DEFLATED)
    return target.getvalue()

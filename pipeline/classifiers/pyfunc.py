"""A classifier as MLflow calls it: `_load_pyfunc` reads a model folder, `predict` takes and gives a DataFrame.

`pipeline.tracking.packaging` stores this module's name with the model, and no pickled object.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from pipeline.classifiers.decision import Classifier
from pipeline.classifiers.registry import load_classifier
from pipeline.errors import UserError
from pipeline.schemas import Text

COLUMNS = ("topics", "topic_scores", "stance", "stance_scores", "confidence", "abstain")


class TextClassifier:
    """What `mlflow.pyfunc.load_model` wraps."""

    def __init__(self, classifier: Classifier):
        self.classifier = classifier

    def predict(self, model_input: pd.DataFrame | Sequence[str]) -> pd.DataFrame:
        """One row a text, in the order given, with the columns of `COLUMNS`.

        `model_input` has a column `text` and may have `heading` and `previous`; plain texts will do as well.

        Raises:
            UserError: when there is no column `text`.
        """
        texts = _texts(model_input)
        said = self.classifier.decision.predict(*self.classifier.predict_proba(texts)) if texts else []
        rows = [{name: getattr(prediction, name) for name in COLUMNS} for prediction in said]
        return pd.DataFrame(
            [{**row, "topics": list(row["topics"]), "topic_scores": dict(row["topic_scores"])} for row in rows],
            columns=list(COLUMNS),
        )


def _texts(given: pd.DataFrame | Sequence[str]) -> list[Text]:
    if isinstance(given, str):
        given = [given]
    if not isinstance(given, pd.DataFrame):
        return [Text(str(text)) for text in given]
    if "text" not in given:
        raise UserError.one("no column 'text'", "the model's input", "name the column of sentences 'text'")
    columns = [name for name in ("text", "heading", "previous") if name in given]
    filled = given[columns].astype(object).where(given[columns].notna(), "")
    return [Text(**{name: str(cell) for name, cell in row.items()}) for row in filled.to_dict(orient="records")]


def _load_pyfunc(path: str) -> TextClassifier:
    """The classifier of a model folder whose hashes hold; MLflow calls it by this name."""
    return TextClassifier(load_classifier(Path(path)))

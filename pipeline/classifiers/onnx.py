"""The fine-tuned classifier run by ONNX Runtime without PyTorch: in 8 bits, or in 32 where 8 go wrong on this host."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from pipeline.classifiers.batching import score_batches
from pipeline.classifiers.decision import Decision, Matrix, Readable
from pipeline.classifiers.tokens import Arrays, SentenceTokenizer, load_reading
from pipeline.schemas import Text
from pipeline.storage import read_json, verify

KIND = "finetuned-int8"
INT8, FLOAT = "model.onnx", "model.fp32.onnx"
CPU_TOKENS = 256  # in a batch: what goes through the layers stays in the cache of a core
CHECK = "check.json"  # example sentences, and what the float network says of them
TOLERANCE = 0.05  # mean distance of scores in [0, 1] up to which 8 bits agree with 32


class OnnxClassifier:
    """A classifier run by ONNX Runtime on the CPU."""

    name = KIND

    def __init__(
        self, session: onnxruntime.InferenceSession, tokenizer: SentenceTokenizer, decision: Decision, sha256: str = ""
    ):
        self.session = session
        self.tokenizer = tokenizer
        self.decision = decision
        self.sha256 = sha256
        self.batch_tokens = CPU_TOKENS

    def predict_proba(self, sentences: Sequence[Readable]) -> tuple[Matrix, Matrix]:
        """Raw topic scores (n, topics) and stance scores (n, stances)."""
        return score_batches(sentences, self.tokenizer, self.decision, self._run, self.batch_tokens)

    def _run(self, arrays: Arrays) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        topics, stances = self.session.run(None, arrays)
        return topics, stances


def load(folder: Path, threads: int = 0, file: str = INT8) -> OnnxClassifier:
    """Read a model folder whose hashes hold; `threads` 0 means one a core, `file` the form: `INT8` or `FLOAT`.

    Raises:
        UserError: when a file is missing or was changed.
    """
    manifest = verify(folder)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(folder / file, options, providers=["CPUExecutionProvider"])
    tokenizer = SentenceTokenizer(folder / "tokenizer.json", load_reading(folder))
    decision = Decision.from_json(read_json(folder / "decision.json"))
    return OnnxClassifier(session, tokenizer, decision, manifest["sha256"])


def load_checked(folder: Path, threads: int = 0) -> OnnxClassifier:
    """The model in 8 bits, or in 32 (named so) where 8 bits on this host disagree with what the network says.

    Some processors saturate in 8-bit products; which they are cannot be told from their names.

    Raises:
        UserError: when a file is missing or was changed.
    """
    model = load(folder, threads)
    if disagreement(model, read_json(folder / CHECK)) <= TOLERANCE:
        return model
    model = load(folder, threads, FLOAT)
    model.name = "finetuned-fp32"
    return model


def disagreement(model: OnnxClassifier, check: Any) -> float:
    """Mean absolute distance of the model's scores from the stored ones, in [0, 1]."""
    said = np.concatenate(model.predict_proba([Text(*row) for row in check["sentences"]]), axis=1)
    return float(np.abs(said - np.array(check["scores"])).mean())

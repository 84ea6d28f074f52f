"""The fine-tuned classifier in ONNX: exported, quantised to 8 bits, and run by ONNX Runtime without PyTorch."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

from pipeline.classifiers.decision import Decision, Matrix, Readable
from pipeline.classifiers.tokens import SentenceTokenizer, load_reading
from pipeline.encoding.batches import batches_by_length
from pipeline.params import ExportParams
from pipeline.storage import read_json, seal, verify

if TYPE_CHECKING:
    import onnx

KIND = "finetuned-int8"
_FILE = "model.onnx"
_COPIED = ("tokenizer.json", "reading.json", "decision.json")


class OnnxClassifier:
    """A classifier run by ONNX Runtime on the CPU."""

    name = "finetuned-int8"

    def __init__(
        self, session: onnxruntime.InferenceSession, tokenizer: SentenceTokenizer, decision: Decision, sha256: str = ""
    ):
        self.session = session
        self.tokenizer = tokenizer
        self.decision = decision
        self.sha256 = sha256

    def predict_proba(self, sentences: Sequence[Readable]) -> tuple[Matrix, Matrix]:
        """Topic probabilities (n, topics) and stance probabilities (n, stances)."""
        topics = np.zeros((len(sentences), len(self.decision.topics)))
        stances = np.zeros((len(sentences), len(self.decision.stances)))
        tokens = self.tokenizer.encode(sentences)
        for rows in batches_by_length([len(t.ids) for t in tokens]):
            topics[rows], stances[rows] = self.session.run(None, self.tokenizer.pad([tokens[row] for row in rows]))
        return topics, stances


def load(folder: Path, threads: int = 0) -> OnnxClassifier:
    """Read a model folder whose hashes hold; `threads` 0 means one a core.

    Raises:
        UserError: when a file is missing or was changed.
    """
    manifest = verify(folder)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(folder / _FILE, options, providers=["CPUExecutionProvider"])
    tokenizer = SentenceTokenizer(folder / "tokenizer.json", load_reading(folder))
    return OnnxClassifier(
        session, tokenizer, Decision.from_json(read_json(folder / "decision.json")), manifest["sha256"]
    )


def export(source: Path, target: Path, params: ExportParams) -> str:
    """Write the quantised ONNX form of the fine-tuned model in `source` to the empty folder `target`; returns its hash.

    Thresholds and tokenizer are those of the source.

    Raises:
        UserError: when the source is no model or was changed.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    verify(source)
    logging.disable(logging.WARNING)  # both libraries warn of what does not concern this network
    for name in _COPIED:
        shutil.copyfile(source / name, target / name)
    with tempfile.TemporaryDirectory() as scratch:
        full = Path(scratch) / "full.onnx"
        _export_float(source, full, params.opset)
        quantize_dynamic(
            _bare(full),
            target / _FILE,
            weight_type=QuantType.QInt8,
            per_channel=params.per_channel,
            op_types_to_quantize=["MatMul", "Gemm"],  # embeddings stay float: cheap, and rounding them costs accuracy
        )
    return seal(target, KIND)


def _export_float(source: Path, target: Path, opset: int) -> None:
    import torch

    from pipeline.classifiers import finetuned

    model = finetuned.load(source)
    example = model.tokenizer.pad(model.tokenizer.encode([_Example("An example sentence."), _Example("Another.")]))
    names = list(example)

    class Probabilities(torch.nn.Module):
        """The network as a function of its inputs in order, ending in probabilities."""

        def __init__(self, network: torch.nn.Module):
            super().__init__()
            self.network = network

        def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            topics, stance = self.network.logits(**dict(zip(names, inputs, strict=True)))  # type: ignore[operator]
            return torch.sigmoid(topics), torch.softmax(stance, dim=1)

    dynamic: Any = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    torch.onnx.export(
        Probabilities(model.network).eval(),
        tuple(torch.from_numpy(example[name]) for name in names),
        target,
        input_names=names,
        output_names=["topics", "stance"],
        dynamic_shapes={"inputs": tuple(dynamic for _ in names)},
        opset_version=opset,
        external_data=False,
        verbose=False,
    )


def _bare(file: Path) -> onnx.ModelProto:
    """The exported model less what it need not carry.

    Its shape notes contradict the quantiser's own inference in places; its notes on the source hold this
    machine's paths, so that equal models would not be equal bytes.
    """
    import onnx  # which scoring does without

    model = onnx.load(file)
    graph = model.graph
    del graph.value_info[:]
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    return model


class _Example:
    heading = ""
    previous = ""

    def __init__(self, text: str):
        self.text = text

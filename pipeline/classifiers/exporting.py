"""The fine-tuned network → ONNX: exported, its parts fused where ONNX Runtime knows them, quantised to 8 bits."""

from __future__ import annotations

import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers import optimizer
from onnxruntime.transformers.fusion_options import FusionOptions

from pipeline.classifiers import finetuned
from pipeline.classifiers.finetuned import Finetuned
from pipeline.classifiers.onnx import CHECK, FLOAT, INT8, KIND, OnnxClassifier, disagreement
from pipeline.errors import UserError
from pipeline.params import ExportParams
from pipeline.schemas import Text
from pipeline.storage import seal, write_json

_COPIED = ("tokenizer.json", "reading.json", "decision.json")
_FUSED = ("bert", "roberta", "xlm-roberta")  # families whose attention the optimizer knows
_CLOSE = 1e-3  # mean distance of scores that rounding of 32-bit floats explains
_TEXTS = (
    "The two sides signed an agreement on Monday.",
    "Talks broke down over tariffs on steel, and neither delegation would say when they might resume.",
    "He declined to comment.",
    "Exports rose 12.5% to $4.3 billion in 2024.",
    "The ministry said the new rules, which take effect in March, would protect farmers from cheap imports of wheat.",
    "“We will not accept this,” the minister told parliament after a debate that lasted until two in the morning.",
    "A joint venture will build reactors, train engineers and share the licence for their fuel.",
    "Chips.",
    "The navy took delivery of four ships, although the contract had been suspended twice since it was signed.",
    "What remains is a list of things that both would rather not talk about: visas, data, fish and a very old border.",
    "Both governments welcomed the roadmap.",
    "Analysts called the embargo a mistake; the central bank called it a fact; the markets, as usual, called it noise.",
)


def export(source: Path, target: Path, params: ExportParams) -> str:
    """Write the ONNX forms of the fine-tuned model in `source` to the empty folder `target`; returns its hash.

    Thresholds and tokenizer are those of the source. `check.json` keeps what the network itself says of a few
    examples, by which `load_checked` tells whether 8 bits hold on its host.

    Raises:
        UserError: when the source is no model or was changed.
    """
    model = finetuned.load(source)
    check = _check(model)
    with _quiet(), tempfile.TemporaryDirectory() as scratch:
        full = Path(scratch) / "full.onnx"
        for name in _COPIED:
            shutil.copyfile(source / name, target / name)
        write_json(target / CHECK, check | {"source": model.sha256})
        _export_float(model, full, params, check)
        shutil.copyfile(full, target / FLOAT)
        quantize_dynamic(
            full,
            target / INT8,
            weight_type=QuantType.QInt8,
            per_channel=params.per_channel,
            reduce_range=params.reduce_range,
            # Embeddings stay float: they are cheap, and rounding them costs accuracy.
            op_types_to_quantize=["MatMul", "Gemm", "Attention"],
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
        )
    return seal(target, KIND)


def _check(model: Finetuned) -> dict[str, Any]:
    pairs = zip(_TEXTS, ("", *_TEXTS), strict=False)
    examples = [Text(text, previous, previous) for text, previous in pairs]
    scores = np.concatenate(model.predict_proba(examples), axis=1).round(6)
    return {"sentences": [[e.text, e.heading, e.previous] for e in examples], "scores": scores.tolist()}


def _export_float(model: Finetuned, target: Path, params: ExportParams, check: dict[str, Any]) -> None:
    """The network in 32 bits: with fused attention where its family allows and the fused form says the same."""
    config: Any = model.network.encoder.config
    if params.fuse and config.model_type in _FUSED:
        _trace(model, target, params.opset)
        fused = optimizer.optimize_model(
            str(target),
            "bert",
            num_heads=config.num_attention_heads,
            hidden_size=config.hidden_size,
            opt_level=0,
            optimization_options=_fusions(),
        )
        fused.save_model_to_file(str(target))
        onnx.save(_bare(_with_quick_norms(onnx.load(target))), target)
        if _distance(model, target, check) <= _CLOSE:
            return
    _export_graph(model, target, params.opset)
    onnx.save(_bare(onnx.load(target)), target)
    if _distance(model, target, check) > _CLOSE:
        raise UserError.one("ONNX says otherwise than PyTorch", target.name, "use the model without export")


def _fusions() -> FusionOptions:
    """Attention and GELU; norms are left alone, for `_with_quick_norms`."""
    options = FusionOptions("bert")
    options.enable_embed_layer_norm = options.enable_skip_layer_norm = options.enable_bias_skip_layer_norm = False
    return options


def _with_quick_norms(model: onnx.ModelProto) -> onnx.ModelProto:
    """Each LayerNormalization as a MeanVarianceNormalization, scaled and shifted.

    ONNX Runtime adds up the former number by number on a CPU, and spends a fifth of an 8-bit run in it; the latter
    uses vector instructions. It knows no epsilon, which is too small to tell in the families that are fused.
    """
    graph = model.graph
    nodes = list(graph.node)
    del graph.node[:]
    for node in nodes:
        if node.op_type != "LayerNormalization":
            graph.node.append(node)
            continue
        values, scale, shift = node.input
        normal, scaled = f"{node.output[0]}_normal", f"{node.output[0]}_scaled"
        graph.node.append(helper.make_node("MeanVarianceNormalization", [values], [normal], axes=[-1]))
        graph.node.append(helper.make_node("Mul", [normal, scale], [scaled]))
        graph.node.append(helper.make_node("Add", [scaled, shift], node.output))
    return model


def _distance(model: Finetuned, file: Path, check: dict[str, Any]) -> float:
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    return disagreement(OnnxClassifier(session, model.tokenizer, model.decision), check)


class _Probabilities(torch.nn.Module):
    """The network as a function of its inputs in order, ending in probabilities."""

    def __init__(self, network: torch.nn.Module, names: Sequence[str]):
        super().__init__()
        self.network = network
        self.names = names

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        topics, stance = self.network.logits(**dict(zip(self.names, inputs, strict=True)))  # type: ignore[operator]
        return torch.sigmoid(topics), torch.softmax(stance, dim=1)


def _example(model: Finetuned) -> tuple[list[str], tuple[torch.Tensor, ...]]:
    arrays = model.tokenizer.pad(model.tokenizer.encode([Text(text) for text in _TEXTS[:2]]))
    return list(arrays), tuple(torch.from_numpy(array) for array in arrays.values())


def _trace(model: Finetuned, target: Path, opset: int) -> None:
    """By the tracing exporter, whose attention, written out, is what the optimizer recognises."""
    names, inputs = _example(model)
    model.network.encoder.set_attn_implementation("eager")  # type: ignore[operator]
    torch.onnx.export(
        _Probabilities(model.network, names).eval(),
        inputs,
        str(target),
        input_names=names,
        output_names=["topics", "stance"],
        dynamic_axes={name: {0: "sentences", 1: "tokens"} for name in names},
        opset_version=min(opset, 17),
        dynamo=False,
    )


def _export_graph(model: Finetuned, target: Path, opset: int) -> None:
    """By the exporter that captures the graph: knows every family, fuses nothing."""
    names, inputs = _example(model)
    dynamic: Any = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    torch.onnx.export(
        _Probabilities(model.network, names).eval(),
        inputs,
        target,
        input_names=names,
        output_names=["topics", "stance"],
        dynamic_shapes={"inputs": tuple(dynamic for _ in names)},
        opset_version=opset,
        external_data=False,
        verbose=False,
    )


def _bare(model: onnx.ModelProto) -> onnx.ModelProto:
    """The exported model less what it need not carry.

    Its shape notes contradict the quantiser's own inference in places; its notes on the source hold this
    machine's paths, so that equal models would not be equal bytes.
    """
    graph = model.graph
    del graph.value_info[:]
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    return model


@contextmanager
def _quiet() -> Iterator[None]:
    """The libraries warn of what does not concern this network."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)

"""What one would use instead of Detente to classify sentences, each as its own documentation has it.

`python benchmarks/speeds.py MODEL TEXTS` prints the rate of sentence-transformers on a JSON list of texts: for an
environment of its own, where its ONNX backend needs older packages than this project has.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pipeline.schemas import Sentence


def pipeline_rate(model: Path, sentences: Sequence[Sentence], batch: int) -> float:
    """Sentences a second of transformers' `pipeline` with the encoder of `model`, reading what the model reads."""
    import torch
    from safetensors.torch import load_file
    from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer, pipeline

    from pipeline.classifiers.tokens import load_reading
    from pipeline.scoring.machine import cores

    torch.set_num_threads(cores())
    reading = load_reading(model)
    with tempfile.TemporaryDirectory() as folder:
        config = AutoConfig.from_pretrained(model, num_labels=7)
        network = AutoModelForSequenceClassification.from_config(config)  # type: ignore[no-untyped-call]
        state = load_file(model / "model.safetensors")
        encoder = {name.removeprefix("encoder."): value for name, value in state.items() if name.startswith("encoder.")}
        network.base_model.load_state_dict(encoder, strict=False)
        network.save_pretrained(folder)
        AutoTokenizer.from_pretrained(model).save_pretrained(folder)
        classify: Any = pipeline("text-classification", folder, device=-1, top_k=None, function_to_apply="sigmoid")
        pairs = [_pair(sentence, reading.context) for sentence in sentences]
        settings = {"batch_size": batch, "truncation": True, "max_length": reading.max_length}
        classify(pairs[:2], **settings)
        start = time.perf_counter()
        classify(pairs, **settings)
        return len(pairs) / (time.perf_counter() - start)


def _pair(sentence: Sentence, context: str) -> dict[str, str]:
    from pipeline.classifiers.tokens import context_of

    beside = context_of(sentence, context)
    return {"text": sentence.text, "text_pair": beside} if beside else {"text": sentence.text}


def sentence_transformers_rate(encoder: Path, texts: Sequence[str]) -> float:
    """Sentences a second of sentence-transformers' ONNX backend in 8 bits with a linear head.

    Raises:
        Exception: when it, or what its ONNX backend needs, is not installed.
    """
    from sentence_transformers import SentenceTransformer, export_dynamic_quantized_onnx_model

    with tempfile.TemporaryDirectory() as folder:
        plain = SentenceTransformer(str(encoder), backend="onnx")
        plain.save(folder)
        export_dynamic_quantized_onnx_model(plain, "avx2", folder)
        quantised = {"file_name": "onnx/model_quint8_avx2.onnx"}
        embedder = SentenceTransformer(folder, backend="onnx", model_kwargs=quantised)
        embedder.max_seq_length = 128
        head = np.random.default_rng(0).normal(size=(384, 7))
        embedder.encode(texts[:2])
        start = time.perf_counter()
        _ = embedder.encode(list(texts), batch_size=32) @ head
        return len(texts) / (time.perf_counter() - start)


def elsewhere(python: Path, encoder: Path, texts: Sequence[str]) -> float:
    """`sentence_transformers_rate` by another environment's interpreter.

    Raises:
        RuntimeError: with the last line of what it said, when it failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder) / "texts.json"
        given.write_text(json.dumps(list(texts)), encoding="utf-8")
        words = [str(python), __file__, str(encoder), str(given)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return float(done.stdout.splitlines()[-1])


def sklearn_rate(baseline: Any, sentences: Sequence[Sentence]) -> float:
    """Sentences a second of scikit-learn's own `transform` and `predict` with the baseline's parts."""
    texts = [sentence.text for sentence in sentences]
    start = time.perf_counter()
    x = baseline.features.transform(texts)
    for model in (*baseline.topic_models.values(), baseline.stance_model):
        model.predict(x)
    return len(texts) / (time.perf_counter() - start)


if __name__ == "__main__":
    print(sentence_transformers_rate(Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))))

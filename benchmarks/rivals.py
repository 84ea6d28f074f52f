"""What one would use instead of Detente to classify sentences, each as its own documentation has it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.classifiers.tokens import context_of, load_reading
from pipeline.schemas import Sentence
from pipeline.scoring.machine import cores


def pipeline_rate(model: Path, sentences: Sequence[Sentence], batch: int) -> float:
    """Sentences a second of transformers' `pipeline` with the encoder of `model`, reading what the model reads."""
    import torch
    from safetensors.torch import load_file
    from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer, pipeline

    torch.set_num_threads(cores())
    reading = load_reading(model)
    with tempfile.TemporaryDirectory() as folder:
        config = AutoConfig.from_pretrained(model, num_labels=7)
        network = AutoModelForSequenceClassification.from_config(config)
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
    beside = context_of(sentence, context)
    return {"text": sentence.text, "text_pair": beside} if beside else {"text": sentence.text}


def sentence_transformers_rate(model: Path, sentences: Sequence[Sentence]) -> float:
    """Sentences a second of sentence-transformers' ONNX backend in 8 bits with a linear head.

    Raises:
        Exception: when it, or what its ONNX backend needs, is not installed.
    """
    from sentence_transformers import SentenceTransformer, export_dynamic_quantized_onnx_model
    from sentence_transformers.models import Pooling, Transformer

    from pipeline.classifiers.encoder import resolve_encoder

    reading = load_reading(model)
    with tempfile.TemporaryDirectory() as folder:
        parts = Transformer(str(resolve_encoder("minilm", None)), max_seq_length=reading.max_length)
        SentenceTransformer(modules=[parts, Pooling(parts.get_embedding_dimension())]).save(folder)
        plain = SentenceTransformer(folder, backend="onnx")
        export_dynamic_quantized_onnx_model(plain, "avx2", folder)
        settings = {"file_name": "onnx/model_qint8_avx2.onnx"}
        encoder = SentenceTransformer(folder, backend="onnx", model_kwargs=settings)
        texts = [" ".join(_pair(sentence, reading.context).values()) for sentence in sentences]
        head = np.random.default_rng(0).normal(size=(384, 7))
        encoder.encode(texts[:2])
        start = time.perf_counter()
        _ = encoder.encode(texts, batch_size=32) @ head
        return len(texts) / (time.perf_counter() - start)


def sklearn_rate(baseline: Any, sentences: Sequence[Sentence]) -> float:
    """Sentences a second of scikit-learn's own `transform` and `predict` with the baseline's parts."""
    texts = [sentence.text for sentence in sentences]
    start = time.perf_counter()
    x = baseline.features.transform(texts)
    for model in (*baseline.topic_models.values(), baseline.stance_model):
        model.predict(x)
    return len(texts) / (time.perf_counter() - start)

"""The benchmark of training reads sentences as the encoder's own tokenizer wants them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from pipeline.classifiers.finetuning import Examples
from pipeline.params import Params
from pipeline.schemas import LabelledSentence
from pipeline.taxonomy import Taxonomy


def test_names_and_padding_are_the_tokenizers(
    load: Callable[[str], ModuleType],
    small_encoder: Path,
    labelled: list[LabelledSentence],
    two_topics: Taxonomy,
    params: Params,
    tmp_path: Path,
) -> None:
    from transformers import AutoTokenizer

    encoder = shutil.copytree(small_encoder, tmp_path / "encoder")
    names = ["input_ids", "attention_mask"]
    AutoTokenizer.from_pretrained(encoder, model_input_names=names, pad_token="[MASK]").save_pretrained(encoder)
    tokenizer = load("training").tokenizer_of(encoder, params.train_finetuned)
    assert list(tokenizer.reading.names) == names
    rows = [labelled[0], max(labelled, key=lambda row: len(row.text))]
    batch = Examples.of(rows, tokenizer, two_topics).batch([0, 1])
    assert batch["input_ids"][0, -1] == 4
    assert "token_type_ids" not in batch

"""Sentences to token ids: one tokenizer for training, the torch model and ONNX."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from pipeline.classifiers.decision import Readable
from pipeline.errors import UserError
from pipeline.storage import read_json

Arrays = dict[str, NDArray[np.int64]]
_LEAST_CONTEXT = 4  # tokens; less context than this tells nothing


@dataclass(frozen=True)
class Reading:
    """How a sentence becomes model input, and which tokens its vector is the mean of.

    `context` says what is given beside the sentence as a second segment (none, heading, previous,
    heading_and_previous), `max_length` how many tokens both have, `names` which inputs the encoder takes, `pooling`
    what the network averages (sentence, all).
    """

    context: str
    max_length: int
    names: tuple[str, ...]
    pad_id: int
    pooling: str = "all"


class Tokens(NamedTuple):
    """Token ids of a sentence with its context, and which segment each belongs to."""

    ids: list[int]
    type_ids: list[int]


def _tokens(encoding: Encoding) -> Tokens:
    return Tokens(encoding.ids, encoding.type_ids)


class SentenceTokenizer:
    """Tokenises sentences with their context by a tokenizer.json."""

    def __init__(self, file: Path, reading: Reading):
        try:
            self._tokenizer = Tokenizer.from_file(str(file))
        except Exception as error:  # noqa: BLE001 - the tokenizers library raises bare Exception
            raise UserError.one(
                f"no usable tokenizer ({error})", file, "use an encoder with a tokenizer.json"
            ) from None
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self.reading = reading

    def encode(self, sentences: Sequence[Readable]) -> list[Tokens]:
        """The tokens of each sentence, at most `max_length`; of a longer sentence its first window."""
        return [windows[0] for windows in self.windows(sentences)]

    def windows(self, sentences: Sequence[Readable]) -> list[list[Tokens]]:
        """The tokens of each sentence, whole: one window of at most `max_length`, more of them where it is longer.

        A context that does not fit beside its sentence is cut. A sentence that does not fit alone is read in
        windows that overlap by a quarter, without context.
        """
        contexts = [context_of(s, self.reading.context) for s in sentences]
        pairs = [(s.text, c) if c else s.text for s, c in zip(sentences, contexts, strict=True)]
        return [
            [_tokens(encoding)] if len(encoding.ids) <= self.reading.max_length else self._fitted(s.text, c)
            for s, c, encoding in zip(sentences, contexts, self._tokenizer.encode_batch(pairs), strict=True)
        ]

    def _fitted(self, text: str, context: str) -> list[Tokens]:
        bare = self._tokenizer.encode(text, add_special_tokens=False)
        room = self.reading.max_length - self._tokenizer.num_special_tokens_to_add(True) - len(bare.ids)
        if context and room >= _LEAST_CONTEXT:
            beside = self._tokenizer.encode(context, add_special_tokens=False)
            beside.truncate(room)
            return [_tokens(self._tokenizer.post_process(bare, beside))]
        whole = self.reading.max_length - self._tokenizer.num_special_tokens_to_add(False)
        bare.truncate(whole, stride=whole // 4)
        return [_tokens(self._tokenizer.post_process(piece)) for piece in (bare, *bare.overflowing)]

    def pad(self, batch: Sequence[Tokens]) -> Arrays:
        """Arrays of shape (n, longest) for each input that the encoder takes."""
        width = max(len(tokens.ids) for tokens in batch)
        arrays = {name: np.zeros((len(batch), width), dtype=np.int64) for name in self.reading.names}
        arrays["input_ids"][:] = self.reading.pad_id
        for row, tokens in enumerate(batch):
            length = len(tokens.ids)
            arrays["input_ids"][row, :length] = tokens.ids
            arrays["attention_mask"][row, :length] = 1
            if "token_type_ids" in arrays:
                arrays["token_type_ids"][row, :length] = tokens.type_ids
        return arrays


def context_of(sentence: Readable, context: str) -> str:
    """The second segment: what stands around the sentence, "" where there is nothing."""
    parts = {
        "none": (),
        "heading": (sentence.heading,),
        "previous": (sentence.previous,),
        "heading_and_previous": (sentence.heading, sentence.previous),
    }[context]
    return " ".join(part for part in parts if part)


def load_reading(folder: Path) -> Reading:
    """How the model of a folder reads sentences."""
    raw = read_json(folder / "reading.json")
    return Reading(raw["context"], raw["max_length"], tuple(raw["names"]), raw["pad_id"], raw.get("pooling", "all"))

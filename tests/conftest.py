"""What many tests need: a small taxonomy, sentences, a labelled set and a small encoder made on the spot."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

from pipeline.params import Params, load_params
from pipeline.schemas import LabelledSentence, Sentence
from pipeline.taxonomy import LabelClass, Taxonomy, load_taxonomy

pytest_plugins = ["tests.browser", "tests.miniature"]

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["DO_NOT_TRACK"] = "1"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

hypothesis.settings.register_profile("detente", deadline=None)  # the first of many examples may load a library
hypothesis.settings.load_profile("detente")

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def taxonomy() -> Taxonomy:
    return load_taxonomy(ROOT / "seeds" / "taxonomy.yaml")


@pytest.fixture(scope="session")
def params() -> Params:
    return load_params(ROOT / "params.yaml")


@pytest.fixture(scope="session")
def two_topics() -> Taxonomy:
    """Another subject than the project's own: nothing in the code may lean on its four topics."""
    return Taxonomy(
        (LabelClass("sport", "Sport", "games"), LabelClass("music", "Music", "songs")),
        (LabelClass("good", "Good", ""), LabelClass("plain", "Plain", ""), LabelClass("bad", "Bad", "")),
        "the event",
        "plain",
    )


def sentence(text: str, position: int = 0, article: str = "a1", **other: object) -> Sentence:
    return Sentence(f"{article}:{position}", article, position, 0, len(text), text, **other)  # type: ignore[arg-type]


_WORDS = {
    ("sport",): "The team played a match and the goal",
    ("music",): "The singer gave a concert and the song",
    ("sport", "music"): "The match ended with a concert where the team sang a song",
    (): "The committee met in a hall on Monday",
}
_ENDS = {"good": "was praised with joy.", "plain": "was on the list.", "bad": "was booed with anger."}


@pytest.fixture(scope="session")
def labelled() -> list[LabelledSentence]:
    """36 sentences over two topics and three stances that a linear model can tell apart."""
    rows = []
    for i, place in enumerate(("in town", "at home", "again")):
        for topics, start in _WORDS.items():
            for stance, end in _ENDS.items():
                text = f"{start} {place} {end}"
                rows.append(
                    LabelledSentence(
                        f"a{i}:{len(rows)}",
                        f"a{i}",
                        text,
                        "",
                        "",
                        {t: float(t in topics) for t in ("sport", "music")},
                        {s: float(s == stance) for s in _ENDS},
                    )
                )
    return rows


@pytest.fixture(scope="session")
def small_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two narrow layers with random weights and a vocabulary of the test's own words."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("encoder")
    texts = [*_WORDS.values(), *_ENDS.values(), "in town at home again"]
    words = sorted({word.strip(".").lower() for text in texts for word in text.split()} | {"."})
    vocabulary = {token: i for i, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder)
    return folder

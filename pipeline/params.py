"""params.yaml, typed: one section a stage, unknown keys refused, every mistake named at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from pipeline.errors import Problem, UserError

Share = Annotated[float, Field(ge=0.0, le=1.0)]
OpenShare = Annotated[float, Field(gt=0.0, lt=1.0)]
Positive = Annotated[int, Field(ge=1)]
PositiveFloat = Annotated[float, Field(gt=0.0)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]


def _rising(ends: tuple[int, int]) -> tuple[int, int]:
    if ends[0] > ends[1]:
        raise ValueError("the first is above the second")
    return ends


Ngrams = Annotated[tuple[Positive, Positive], AfterValidator(_rising)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class IngestParams(_Section):
    """What one article may be."""

    max_bytes: Positive


class SplitParams(_Section):
    """Shares of articles by split; articles whose genre or pair is held out all go to test.

    `unannotated` says where an article without an annotation goes: to train, or drawn like the others.
    """

    salt: str
    validation: OpenShare
    test: OpenShare
    near_duplicate: OpenShare
    held_out_genres: tuple[str, ...]
    held_out_pairs: tuple[str, ...]
    unannotated: Literal["train", "draw"] = "train"

    @model_validator(mode="after")
    def _leave_some_for_train(self) -> SplitParams:
        if self.validation + self.test >= 1:
            raise ValueError("validation and test together leave nothing for train")
        return self


class ValidateParams(_Section):
    """Least numbers that the annotated corpus must reach."""

    min_articles: Positive
    min_sentences: Positive
    min_topic_support: int = Field(ge=0)
    min_stance_support: int = Field(ge=0)
    min_multi_topic: int = Field(ge=0)
    min_stance_in_topic: int = Field(ge=0)
    min_double_annotated: int = Field(ge=0)
    min_test_share: Share
    max_test_share: Share


class LabelParams(_Section):
    """What the classifiers learn from, and how votes of labeling functions become labels."""

    supervision: Literal["annotations", "cues", "both"]
    label_model: Literal["auto", "majority", "dawid_skene", "binary"]
    cue_weight: Share
    encoder: str | None
    revision: str | None
    similarity: Share
    learned_cues: int = Field(ge=0)
    learned_precision: tuple[Share, Share]


class TrainBaselineParams(_Section):
    """TF-IDF and logistic regression."""

    word_ngrams: Ngrams
    char_ngrams: Ngrams
    min_df: Positive
    max_features: Positive
    topic_c: PositiveFloat
    stance_c: PositiveFloat
    class_weight: Literal["balanced"] | None
    seed: Seed


class TrainFinetunedParams(_Section):
    """The encoder and how it is fine-tuned. `learning_rate` is for the encoder, `head_learning_rate` for the heads."""

    encoder: str
    revision: str | None
    context: Literal["none", "heading", "previous", "heading_and_previous"]
    pooling: Literal["all", "sentence"]
    max_length: Annotated[int, Field(ge=8)]
    epochs: Positive
    batch_size: Positive
    learning_rate: PositiveFloat
    head_learning_rate: PositiveFloat
    weight_decay: Annotated[float, Field(ge=0.0)]
    warmup: Share
    dropout: Share
    encoder_dropout: Share
    stance_weight: PositiveFloat
    label_smoothing: Share
    patience: Positive
    masked_epochs: Annotated[int, Field(ge=0)] = 0
    self_training_rounds: Annotated[int, Field(ge=0)] = 0
    self_training_confidence: Share = 0.6
    seed: Seed


class ExportParams(_Section):
    """ONNX and its 8-bit quantisation."""

    opset: Annotated[int, Field(ge=17)]
    fuse: bool
    per_channel: bool
    reduce_range: bool


class CombineParams(_Section):
    """How much macro-F1 on validation, of topics or of stance, the cascade may lose against the encoder alone."""

    max_drop: Share


class EvaluateParams(_Section):
    """Bootstrap intervals of the figures; `real`, a folder of real annotated text to measure on as well."""

    bootstrap: Positive
    confidence: OpenShare
    seed: Seed
    real: str | None


class CompareParams(_Section):
    """When a challenger replaces the champion: `candidates` in order of preference."""

    candidates: Annotated[tuple[str, ...], Field(min_length=1)]
    bootstrap: Positive
    confidence: OpenShare
    seed: Seed


class Params(_Section):
    """The whole of params.yaml."""

    ingest: IngestParams
    split: SplitParams
    validate_: ValidateParams = Field(alias="validate")
    label: LabelParams
    train_baseline: TrainBaselineParams
    train_finetuned: TrainFinetunedParams
    export: ExportParams
    combine: CombineParams
    evaluate: EvaluateParams
    compare: CompareParams

    def sections(self, *names: str) -> dict[str, Any]:
        """Some sections as they stand in params.yaml."""
        everything = self.model_dump(mode="json", by_alias=True)
        return {name: everything[name] for name in names}


def load_params(path: Path) -> Params:
    """Read and check a params file.

    Raises:
        UserError: naming every unknown key, missing key and bad value with its place.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError.one("no such file", path, "run from the project's folder") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError.one(f"not YAML ({' '.join(str(error).split())})", path, "mend the file") from None
    try:
        return Params.model_validate(raw)
    except ValidationError as error:
        raise UserError(_problem(detail, path) for detail in error.errors()) from None


def _problem(detail: ErrorDetails, path: Path) -> Problem:
    place = ".".join(str(part) for part in detail["loc"])
    where = f"{path}: {place}" if place else str(path)
    if detail["type"] == "extra_forbidden":
        return Problem("unknown key", where, "remove it or mend its spelling")
    if detail["type"] == "missing":
        return Problem("missing key", where, "add it")
    return Problem(f"bad value {detail['input']!r} ({detail['msg']})", where, "mend the value")

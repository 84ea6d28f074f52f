"""Fine-tuning, storing and exporting, on an encoder small enough for a test."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import load as load_graph

from pipeline.classifiers import exporting, finetuned, finetuning, onnx
from pipeline.classifiers.network import LossWeights, MultiTaskNetwork
from pipeline.classifiers.registry import load_classifier, load_for_scoring
from pipeline.classifiers.tokens import context_of
from pipeline.encoding.batches import batches_by_length
from pipeline.encoding.embedding import embed
from pipeline.encoding.encoder import resolve_encoder
from pipeline.errors import UserError
from pipeline.params import Params, TrainFinetunedParams
from pipeline.schemas import LabelledSentence
from pipeline.storage import seal
from pipeline.taxonomy import Taxonomy
from tests.conftest import sentence

Tuned = Callable[..., finetuning.Result]


@pytest.fixture(scope="module")
def small(params: Params, small_encoder: Path) -> TrainFinetunedParams:
    changes = {
        "encoder": str(small_encoder),
        "context": "previous",
        "epochs": 8,
        "batch_size": 8,
        "learning_rate": 5e-3,
        "head_learning_rate": 2e-2,
        "patience": 8,
        "max_length": 32,
    }
    return params.train_finetuned.model_copy(update=changes)


@pytest.fixture(scope="module")
def result(labelled: list[LabelledSentence], small: TrainFinetunedParams, two_topics: Taxonomy) -> finetuning.Result:
    return finetuning.train(labelled, labelled, small, two_topics)


@pytest.fixture(scope="module")
def tuned(labelled: list[LabelledSentence], small: TrainFinetunedParams, two_topics: Taxonomy) -> Tuned:
    """Fine-tunes an encoder for an epoch, with params changed."""

    def tuned_(encoder: Path, **changes: int) -> finetuning.Result:
        chosen = small.model_copy(update={"encoder": str(encoder), "epochs": 1, **changes})
        return finetuning.train(labelled, labelled, chosen, two_topics)

    return tuned_


@pytest.fixture(scope="module")
def folder(result: finetuning.Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("finetuned")
    finetuned.save(result.model, result.tokenizer, path)
    return path


def test_it_learns_what_is_plain(result: finetuning.Result, labelled: list[LabelledSentence]) -> None:
    said = result.model.decision.predict(*result.model.predict_proba(labelled))
    right = [set(s.topics) == {t for t in r.topics if r.topics[t]} for s, r in zip(said, labelled, strict=True)]
    assert np.mean(right) > 0.9
    assert np.mean([r.stance[s.stance] for s, r in zip(said, labelled, strict=True)]) > 0.9


def test_the_curve_has_a_point_an_epoch_as_it_was_told(
    labelled: list[LabelledSentence], small: TrainFinetunedParams, two_topics: Taxonomy
) -> None:
    told: list[int] = []
    short = small.model_copy(update={"epochs": 2})
    curve = finetuning.train(labelled, labelled, short, two_topics, lambda point, step: told.append(step)).curve
    assert told == [1, 2] == [point["epoch"] for point in curve]
    assert curve[1]["train.loss"] < curve[0]["train.loss"]


def test_no_units_are_dropped_within_the_encoder_unless_asked(
    labelled: list[LabelledSentence], small: TrainFinetunedParams, two_topics: Taxonomy
) -> None:
    for share in (0.0, 0.3):
        given = small.model_copy(update={"epochs": 1, "encoder_dropout": share})
        network = finetuning.train(labelled, labelled, given, two_topics).model.network
        assert {m.p for m in network.encoder.modules() if isinstance(m, torch.nn.Dropout)} == {share}


@pytest.mark.parametrize("offline", ["0", "1"])
def test_what_is_stored_of_the_tokenizer_does_not_depend_on_the_environment(
    offline: str, small_encoder: Path, small: TrainFinetunedParams, tmp_path: Path, root: Path
) -> None:
    code = (
        "import sys; from pathlib import Path; from pipeline.classifiers import finetuning; "
        "from pipeline.params import TrainFinetunedParams; "
        "params = TrainFinetunedParams.model_validate_json(sys.argv[3]); "
        "finetuning.tokenizers_of(Path(sys.argv[1]), params)[0].save_pretrained(sys.argv[2])"
    )
    command = [sys.executable, "-c", code, str(small_encoder), str(tmp_path), small.model_dump_json()]
    subprocess.run(
        command, cwd=root, env={**os.environ, "PYTHONPATH": str(root), "HF_HUB_OFFLINE": offline}, check=True
    )
    assert json.loads((tmp_path / "tokenizer_config.json").read_text())["local_files_only"] is True


def test_training_stops_when_validation_gets_no_better(
    labelled: list[LabelledSentence], small: TrainFinetunedParams, two_topics: Taxonomy
) -> None:
    frozen = small.model_copy(update={"learning_rate": 1e-12, "head_learning_rate": 1e-12, "patience": 2})
    assert len(finetuning.train(labelled, labelled, frozen, two_topics).curve) == 3


def test_the_same_seed_gives_the_same_weights(
    result: finetuning.Result, labelled: list[LabelledSentence], small: TrainFinetunedParams, two_topics: Taxonomy
) -> None:
    again = finetuning.train(labelled, labelled, small, two_topics)
    for name, tensor in result.model.network.state_dict().items():
        assert torch.equal(tensor, again.model.network.state_dict()[name]), name


def test_it_comes_back_as_it_was_and_holds_no_pickle(
    result: finetuning.Result, folder: Path, labelled: list[LabelledSentence]
) -> None:
    loaded = load_classifier(folder)
    for one, other in zip(loaded.predict_proba(labelled), result.model.predict_proba(labelled), strict=True):
        assert np.allclose(one, other, atol=1e-6)
    assert {p.suffix for p in folder.iterdir()} == {".json", ".safetensors"}


def test_the_order_of_sentences_does_not_matter(folder: Path, labelled: list[LabelledSentence]) -> None:
    loaded = load_classifier(folder)
    forward, backward = loaded.predict_proba(labelled), loaded.predict_proba(labelled[::-1])
    for one, other in zip(forward, backward, strict=True):
        assert np.allclose(one, other[::-1], atol=1e-5)


def test_int8_says_nearly_the_same_and_exports_to_the_same_bytes(
    folder: Path, labelled: list[LabelledSentence], params: Params, tmp_path: Path
) -> None:
    hashes = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        hashes.append(exporting.export(folder, tmp_path / name, params.export))
    assert hashes[0] == hashes[1]
    assert str(Path(finetuned.__file__).parents[2]).encode() not in (tmp_path / "one" / "model.onnx").read_bytes()
    operators = {node.op_type for node in load_graph(tmp_path / "one" / onnx.FLOAT).graph.node}
    assert {"Attention", "MeanVarianceNormalization"} <= operators
    assert not {"LayerNormalization", "SkipLayerNormalization"} & operators
    quantised, full = load_classifier(tmp_path / "one"), load_classifier(folder)
    for one, other in zip(quantised.predict_proba(labelled), full.predict_proba(labelled), strict=True):
        assert np.abs(one - other).max() < 0.2
    assert quantised.decision == full.decision


def test_soft_targets_and_weights_count_in_the_loss(small_encoder: Path) -> None:
    from transformers import AutoModel

    network = MultiTaskNetwork(AutoModel.from_pretrained(small_encoder), 2, 3, 0.0, LossWeights(stance=1.0)).eval()
    inputs = {"input_ids": torch.tensor([[2, 7, 3], [2, 8, 3]]), "attention_mask": torch.ones(2, 3, dtype=torch.long)}
    topics, stance = torch.zeros(2, 2), torch.tensor([[1.0, 0, 0], [0, 0.5, 0.5]])

    def loss(*weights: float) -> float:
        return float(network(topics=topics, stance=stance, weight=torch.tensor(weights), **inputs)["loss"])

    assert loss(1.0, 1.0) == pytest.approx((loss(1.0, 0.0) + loss(0.0, 1.0)) / 2, rel=1e-5)
    assert loss(1.0, 0.0) != pytest.approx(loss(0.0, 1.0), rel=1e-3)


@pytest.mark.parametrize(
    ("context", "told"),
    [("none", ""), ("heading", "H"), ("previous", "P"), ("heading_and_previous", "H P")],
)
def test_context_is_what_params_say(context: str, told: str) -> None:
    assert context_of(sentence("S", heading="H", previous="P"), context) == told


def test_batches_hold_every_index_once_within_the_limit() -> None:
    lengths = [5, 100, 7, 3, 3, 90, 200]
    batches = batches_by_length(lengths, tokens=100)
    assert sorted(i for batch in batches for i in batch) == list(range(7))
    assert all(len(b) == 1 or len(b) * max(lengths[i] for i in b) <= 100 for b in batches)


def config(folder: Path, text: str) -> str:
    (folder / "config.json").write_text(text)
    return str(folder)


@pytest.mark.parametrize(
    ("encoder", "revision", "told"),
    [
        ("nobody/nothing", None, "needs train_finetuned.revision"),
        ("nobody/nothing", "main", "not a commit hash"),
        ("nobody/nothing", "0" * 40, "cannot be had"),
        ("../no such folder", None, "no folder"),
    ],
)
def test_an_encoder_that_cannot_be_had_is_one_line(encoder: str, revision: str | None, told: str) -> None:
    with pytest.raises(UserError, match=told) as caught:
        resolve_encoder(encoder, revision)
    assert len(caught.value.problems) == 1


def test_a_folder_must_hold_a_known_family_and_safetensors(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no config\.json"):
        resolve_encoder(str(tmp_path), None)
    with pytest.raises(UserError, match="family 'gpt2'"):
        resolve_encoder(config(tmp_path, '{"model_type": "gpt2"}'), None)
    with pytest.raises(UserError, match="no safetensors"):
        resolve_encoder(config(tmp_path, '{"model_type": "bert"}'), None)


def test_the_packaged_encoder_is_there() -> None:
    assert (resolve_encoder("minilm", None) / "model.safetensors").is_file()


@pytest.mark.parametrize("family", ["distilbert", "roberta", "deberta-v2", "modernbert"])
def test_other_families_are_trained_stored_and_exported(
    family: str, small_encoder: Path, tuned: Tuned, labelled: list[LabelledSentence], params: Params, tmp_path: Path
) -> None:
    encoder = tmp_path / family
    make_encoder(family, small_encoder, encoder)
    result = tuned(encoder)
    for name in ("full", "int8"):
        (tmp_path / name).mkdir()
    finetuned.save(result.model, result.tokenizer, tmp_path / "full")
    exporting.export(tmp_path / "full", tmp_path / "int8", params.export)
    full, quantised = load_classifier(tmp_path / "full"), load_classifier(tmp_path / "int8")
    assert np.abs(full.predict_proba(labelled)[1] - quantised.predict_proba(labelled)[1]).max() < 0.2


def test_an_encoder_stored_in_half_precision_is_read_in_full(small_encoder: Path, tuned: Tuned, tmp_path: Path) -> None:
    from transformers import AutoModel

    half = shutil.copytree(small_encoder, tmp_path / "half")
    AutoModel.from_pretrained(small_encoder).bfloat16().save_pretrained(half)
    assert {parameter.dtype for parameter in tuned(half).model.network.parameters()} == {torch.float32}
    assert embed(["match", "song"], half).shape[0] == 2  # NumPy has no bfloat16: it would fail


@pytest.mark.parametrize(("family", "most"), [("distilbert", 66), ("roberta", 65)])
def test_an_encoder_reads_no_more_tokens_than_it_has_positions(
    family: str, most: int, small_encoder: Path, tuned: Tuned, labelled: list[LabelledSentence], tmp_path: Path
) -> None:
    make_encoder(family, small_encoder, tmp_path)
    tuned(tmp_path, max_length=most).model.predict_proba([replace(labelled[0], text="match " * 200)])
    with pytest.raises(UserError, match=f"reads {most} tokens at most"):
        tuned(tmp_path, max_length=most + 1)


def test_sentences_are_needed(
    labelled: list[LabelledSentence], small: TrainFinetunedParams, two_topics: Taxonomy
) -> None:
    for rows, held, split in (([], labelled, "train"), (labelled, [], "validation")):
        with pytest.raises(UserError, match=f"{split}: no labelled sentence"):
            finetuning.train(rows, held, small, two_topics)


def make_encoder(family: str, small_encoder: Path, folder: Path) -> None:
    """A narrow encoder of a family with random weights, and the small encoder's tokenizer."""
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(small_encoder)
    names = ["input_ids", "attention_mask"]
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    if family == "distilbert":
        shape = {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64}
    if family == "modernbert":
        shape |= {"bos_token_id": 2, "eos_token_id": 3, "cls_token_id": 2, "sep_token_id": 3}
    torch.manual_seed(0)
    common = {"vocab_size": len(tokenizer), "pad_token_id": 0, "max_position_embeddings": 66}
    AutoModel.from_config(AutoConfig.for_model(family, **common, **shape)).save_pretrained(folder)
    tokenizer.model_input_names = names
    tokenizer.save_pretrained(folder)


def test_a_host_on_which_8_bits_go_wrong_scores_in_32(
    folder: Path, params: Params, tmp_path: Path, labelled: list[LabelledSentence], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "finetuned-int8" / "model"
    target.mkdir(parents=True)
    exporting.export(folder, target, params.export)
    assert onnx.load_checked(target).name == "finetuned-int8"
    whole = onnx.OnnxClassifier._run

    def saturating(self: onnx.OnnxClassifier, arrays: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
        topics, stances = whole(self, arrays)
        in_8_bits = str(self.session._model_path).endswith(f"/{onnx.INT8}")
        return (1 - topics if in_8_bits else topics), stances

    monkeypatch.setattr(onnx.OnnxClassifier, "_run", saturating)
    fallback = onnx.load_checked(target)
    assert fallback.name == "finetuned-fp32"
    exact, _ = finetuned.load(folder).predict_proba(labelled)
    assert np.abs(fallback.predict_proba(labelled)[0] - exact).max() < 1e-4


def test_scoring_takes_the_8_bit_form_only_where_it_was_made_from_the_model(
    folder: Path, params: Params, tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path / "finetuned" / "model")
    assert load_for_scoring("finetuned", tmp_path).name == "finetuned"
    target = tmp_path / "finetuned-int8" / "model"
    target.mkdir(parents=True)
    exporting.export(folder, target, params.export)
    assert load_for_scoring("finetuned", tmp_path).name == "finetuned-int8"
    manifest = json.loads((tmp_path / "finetuned" / "model" / "manifest.json").read_text())
    (tmp_path / "finetuned" / "model" / "decision.json").write_text("{}")
    (tmp_path / "finetuned" / "model" / "manifest.json").unlink()
    seal(tmp_path / "finetuned" / "model", manifest["kind"])
    with pytest.raises((UserError, KeyError)):  # no longer the one: it is loaded itself, and is broken
        load_for_scoring("finetuned", tmp_path)

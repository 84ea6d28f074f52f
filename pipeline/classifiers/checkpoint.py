"""Checkpoints of a training: one safetensors file a phase, its progress as JSON in the header; no pickle."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from pipeline.storage import to_json

Groups = dict[str, dict[str, Tensor]]


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of one training, in a folder of its own; without one nothing is kept.

    `every` is the least number of seconds between two of them.
    """

    folder: Path | None = None
    every: float = 60.0

    def file(self, phase: str) -> Path | None:
        """Where a phase keeps its state."""
        return self.folder / f"{phase}.safetensors" if self.folder else None

    def bound_to(self, *what: Any) -> Checkpoints:
        """Those of a training on exactly `what` by exactly this code; what another one left is removed."""
        if self.folder is None:
            return self
        digest = hashlib.sha256()
        for package in ("torch", "transformers", "tokenizers"):
            digest.update(f"{package} {version(package)}\n".encode())
        for folder in ("classifiers", "encoding"):
            for module in sorted((Path(__file__).parents[1] / folder).glob("*.py")):
                digest.update(module.read_bytes())
        for one in what:
            digest.update(to_json(one).encode() + b"\0")
        chosen = self.folder / digest.hexdigest()[:16]
        for other in self.folder.glob("*"):
            if other.is_file():
                other.unlink()
            elif other != chosen:
                shutil.rmtree(other)
        chosen.mkdir(parents=True, exist_ok=True)
        return Checkpoints(chosen, self.every)

    def clear(self) -> None:
        """Remove them all: the model is stored."""
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)


def store(path: Path, groups: Mapping[str, Mapping[str, Tensor]], progress: Mapping[str, Any]) -> None:
    """Write groups of named tensors and the progress as one file, which takes its name when it is whole."""
    tensors = {
        f"{group}/{name}": tensor.detach().cpu().contiguous()
        for group, named in groups.items()
        for name, tensor in named.items()
    }
    temporary = path.with_suffix(".partial")
    save_file(tensors, temporary, metadata={"progress": json.dumps(progress)})
    os.replace(temporary, path)


def restore(path: Path | None) -> tuple[Groups, dict[str, Any]] | None:
    """What `store` wrote, or None where there is nothing that can be read."""
    if path is None or not path.is_file():
        return None
    groups: Groups = {}
    try:
        with safe_open(path, "pt") as file:
            progress: dict[str, Any] = json.loads(file.metadata()["progress"])
            for key in file.keys():  # noqa: SIM118 - not a mapping
                group, name = key.split("/", 1)
                groups.setdefault(group, {})[name] = file.get_tensor(key)
    except (SafetensorError, OSError):
        print(f"{path} cannot be read: its phase begins anew", flush=True)
        return None
    return groups, progress


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimizer's state as named tensors."""
    state = optimizer.state_dict()["state"]
    return {f"{index}/{name}": tensor for index, own in state.items() for name, tensor in own.items()}


def load_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """The inverse of `optimizer_tensors`."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        index, name = key.split("/", 1)
        state.setdefault(int(index), {})[name] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})

"""The training loop: length-grouped batches, a linear schedule, bfloat16 where the hardware has it, checkpoints.

Random numbers follow from the seed and the epoch (order of rows) or the step (dropout, masks), so there is no
generator's state to keep: a training that goes on from a checkpoint ends with the bytes of one never disturbed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor, nn

from pipeline.classifiers.checkpoint import load_optimizer, optimizer_tensors, restore, store

Point = dict[str, float]
Curve = list[Point]
SCORE = "validation.score"
_GROUPED = 50  # batches whose rows are sorted by length together: little padding, and still a random order


@dataclass(frozen=True)
class Plan:
    """How long to train and in what portions.

    `patience` is how many epochs without a better score end it, `floor` the score that an epoch must beat for
    its weights to be kept, `name` what the phase is called in its checkpoint and on the terminal.
    """

    name: str
    epochs: int
    batch_size: int
    warmup: float
    patience: int
    seed: int
    floor: float = float("-inf")


@dataclass(frozen=True)
class Material:
    """What is learned from: tokens of each row, and the tensors of some rows as the network takes them.

    `validate` gives figures of the network as it is, among them `SCORE`; without it the last epoch counts.
    `on_point` is told the figures of each epoch.
    """

    lengths: Sequence[int]
    batch: Callable[[Sequence[int]], dict[str, Tensor]]
    validate: Callable[[], Point] = dict
    on_point: Callable[[Point], None] = lambda point: None


@dataclass
class _Progress:
    epoch: int = 0  # whole ones
    batch: int = 0  # of the epoch begun
    loss: float = 0.0  # sum over those batches
    curve: Curve = field(default_factory=list)
    finished: bool = False


def fit(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    material: Material,
    plan: Plan,
    checkpoint: tuple[Path | None, float] = (None, 60.0),
) -> Curve:
    """Train `network` in place and return its figures by epoch; it ends with the weights of the best one.

    `network` returns a mapping with "loss". `checkpoint` is the file that keeps the state and the seconds
    between two writings; when it is there already, training goes on from it.
    """
    run = _Run(network, optimizer, material, plan, *checkpoint)
    run.resume()
    while not run.progress.finished:
        run.epoch()
        run.judge()
    network.load_state_dict(run.best)
    return run.progress.curve


class _Run:
    """One phase of training as it stands."""

    def __init__(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        material: Material,
        plan: Plan,
        path: Path | None,
        every: float,
    ):
        self.network, self.optimizer, self.material, self.plan = network, optimizer, material, plan
        self.path, self.every, self.written = path, every, time.monotonic()
        self.rates = [group["lr"] for group in optimizer.param_groups]
        self.progress = _Progress()
        self.best = _copied(network)

    def resume(self) -> None:
        """Take up what a checkpoint holds, and tell its epochs again."""
        if not (found := restore(self.path)):
            return
        groups, stored = found
        self.progress, self.best = _Progress(**stored), groups["best"]
        if not self.progress.finished:
            self.network.load_state_dict(groups["network"])
            load_optimizer(self.optimizer, groups["optimizer"])
        print(
            f"{self.plan.name}: goes on after {self.progress.epoch} epochs and {self.progress.batch} batches",
            flush=True,
        )
        for point in self.progress.curve:
            self.material.on_point(point)

    def keep(self) -> None:
        """Write a checkpoint; of a finished phase only its result."""
        if self.path is None:
            return
        groups = {"best": self.best}
        if not self.progress.finished:
            groups |= {"network": self.network.state_dict(), "optimizer": optimizer_tensors(self.optimizer)}
        store(self.path, groups, asdict(self.progress))
        self.written = time.monotonic()

    def epoch(self) -> None:
        """Train on the batches of this epoch that are left."""
        progress, plan = self.progress, self.plan
        batches = grouped(self.material.lengths, plan.batch_size, plan.seed + progress.epoch)
        self.network.train()
        for rows in _shown(batches[progress.batch :], f"{plan.name}, epoch {progress.epoch + 1}"):
            step = progress.epoch * len(batches) + progress.batch
            share = _schedule(step, len(batches) * plan.epochs, plan.warmup)
            for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
                group["lr"] = rate * share
            torch.manual_seed(plan.seed * 1_000_003 + step)
            progress.loss += _step(self.network, self.optimizer, self.material.batch(rows))
            progress.batch += 1
            if time.monotonic() - self.written >= self.every and progress.batch < len(batches):
                self.keep()

    def judge(self) -> None:
        """Close the epoch: its figures, whether its weights are the best so far, and whether it was the last."""
        done = self.progress
        point = {"epoch": done.epoch + 1, "train.loss": done.loss / max(1, done.batch), **self.material.validate()}
        scores = [_score(earlier) for earlier in done.curve]
        if _score(point) > max(scores, default=self.plan.floor):
            self.best = _copied(self.network)
        scores.append(_score(point))
        stale = len(scores) - 1 - scores.index(max(scores))
        self.progress = _Progress(done.epoch + 1, curve=[*done.curve, point])
        self.progress.finished = len(scores) == self.plan.epochs or stale >= self.plan.patience
        self.keep()
        self.material.on_point(point)


def _score(point: Point) -> float:
    return point.get(SCORE, point["epoch"])


def _copied(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def _step(network: nn.Module, optimizer: torch.optim.Optimizer, batch: dict[str, Tensor]) -> float:
    device = next(network.parameters()).device
    moved = {name: tensor.to(device) for name, tensor in batch.items()}
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=has_bfloat16()):
        loss = network(**moved)["loss"]
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
    return float(loss.detach())


def _schedule(step: int, steps: int, warmup: float) -> float:
    """The share of the full rate at a step: up over `warmup` of the steps, then down to 0, both in a line."""
    rising = round(warmup * steps)
    return (step + 1) / rising if step < rising else (steps - step) / max(1, steps - rising)


def grouped(lengths: Sequence[int], size: int, seed: int) -> list[list[int]]:
    """Indices in random batches of `size`, each of rows of like length."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(lengths), generator=generator).tolist()
    block = size * _GROUPED
    ordered = [
        i for at in range(0, len(order), block) for i in sorted(order[at : at + block], key=lambda i: -lengths[i])
    ]
    batches = [ordered[at : at + size] for at in range(0, len(ordered), size)]
    return [batches[i] for i in torch.randperm(len(batches), generator=generator).tolist()]


def has_bfloat16() -> bool:
    """Whether this machine multiplies bfloat16 in hardware; emulated, it would be slower than float32."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return any(torch.cpu.get_capabilities().get(name) for name in ("amx_bf16", "avx512_bf16", "bf16"))


def _shown(batches: list[list[int]], what: str) -> Iterable[list[int]]:
    console = Console(stderr=True)
    return track(batches, what, console=console, transient=True, disable=not console.is_terminal)

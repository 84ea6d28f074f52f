"""Topics and the two sides of stance stay apart for every kind of colour vision, on light, dark and paper."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.scoring.report import page
from pipeline.scoring.report.page import TOPIC_COLOURS

Colour = NDArray[np.float64]
STYLE = (Path(page.__file__).parent / "page" / "page.css").read_text(encoding="utf-8")
APART = 10  # CIE76; one can just tell 2.3 side by side
# Machado, Oliveira and Fernandes 2009, severity 1.0, for linear RGB.
VISIONS = {
    "all cones": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)


def linear(colour: str) -> Colour:
    values = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(rgb: Colour) -> Colour:
    share = TO_XYZ @ rgb.clip(0, 1) / TO_XYZ.sum(axis=1)
    x, y, z = np.where(share > (6 / 29) ** 3, np.cbrt(share), share / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_lab_is_what_others_compute() -> None:
    assert lab(linear("#FF0000")) == pytest.approx([53.24, 80.09, 67.2], abs=0.05)


@pytest.mark.parametrize("mode", [0, 1, 2], ids=["light", "dark", "paper"])
@pytest.mark.parametrize("vision", VISIONS)
def test_no_two_colours_are_taken_for_each_other(vision: str, mode: int) -> None:
    sides = [re.findall(rf"--{side}:(#\w{{6}})", STYLE)[mode] for side in ("plus", "minus")]
    seen = {colour: lab(np.array(VISIONS[vision]) @ linear(colour)) for colour in (*TOPIC_COLOURS, *sides)}
    assert len(seen) == len(TOPIC_COLOURS) + 2
    close = [(a, b) for a, b in combinations(seen, 2) if np.linalg.norm(seen[a] - seen[b]) < APART]
    assert close == []

"""Net stance of a set of sentences, with an interval that respects that sentences come in articles."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import stdtrit

CONFIDENCE = 0.95
METHOD = (
    "Intervals (95%) take articles as what was sampled: a linearised ratio estimate with Student's t, never narrower "
    "than for independent sentences. They do not cover mistakes of the model"
)


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over the articles of a cell: per article, `difference` is favor minus against and `sure` counts sentences.

    `articles` counts those with any sure sentence.
    """

    difference: int
    sure: int
    magnitude: int  # favor plus against
    difference_squared: int
    difference_sure: int
    sure_squared: int
    articles: int


@dataclass(frozen=True, slots=True)
class Net:
    """Share in favor minus share against, in [-1, 1], and its interval; NaN where nothing says."""

    value: float
    low: float
    high: float


def net_stance(sums: Sums) -> Net:
    """Net stance as a ratio of sums over articles, with a 95% interval.

    Articles are the clusters of a ratio estimate (Cochran, Sampling Techniques, 1977, section 6.3). Where all
    sentences agree that variance is nil; the floor is the variance of independent sentences with one made-up
    sentence added for each direction and one for none (after Agresti and Coull, 1998). The interval is open (NaN)
    for fewer than two articles.

    >>> net_stance(Sums(difference=2, sure=4, magnitude=2, difference_squared=2, difference_sure=4, sure_squared=8,
    ...     articles=2)).value
    0.5
    """
    if not sums.sure:
        return Net(math.nan, math.nan, math.nan)
    value = sums.difference / sums.sure
    if sums.articles < 2:
        return Net(value, math.nan, math.nan)
    squares = sums.difference_squared - 2 * value * sums.difference_sure + value**2 * sums.sure_squared
    clustered = max(squares, 0.0) / sums.sure**2 * sums.articles / (sums.articles - 1)
    padded = sums.sure + 3
    floor = ((sums.magnitude + 2) / padded - (sums.difference / padded) ** 2) / padded
    reach = float(stdtrit(sums.articles - 1, 0.5 + CONFIDENCE / 2)) * math.sqrt(max(clustered, floor))
    return Net(value, max(value - reach, -1.0), min(value + reach, 1.0))

"""What a text must contain for a regular expression to match: lets one automaton rule out most patterns at once.

The idea is RE2's FilteredRE2 (Cox 2012): a pattern is only tried where one of its literals stands.
"""

from __future__ import annotations

from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any

_LEAST = 2  # a shorter literal stands in nearly every sentence and rules nothing out


def literals(pattern: str) -> frozenset[str]:
    """Lower-case texts of which one stands in every (lower-cased) match; empty where there is none to be had.

    >>> sorted(literals(r"\\b(?:will|would) not (?:sign|accept)"))
    [' not ']
    >>> sorted(literals(r"wind|solar"))
    ['solar', 'wind']
    """
    return _best(_parser.parse(pattern))


def _best(nodes: Any) -> frozenset[str]:
    """The most telling set among what the nodes of a sequence each demand."""
    choices: list[frozenset[str]] = []
    run = ""
    for operation, value in [*nodes, (None, None)]:
        if operation is _constants.LITERAL and len(chr(value).lower()) == 1:
            run += chr(value).lower()
            continue
        choices.append(frozenset({run}) if run else frozenset())
        run = ""
        choices.append(_demanded(operation, value))
    return max(choices, key=_worth)


def _demanded(operation: Any, value: Any) -> frozenset[str]:
    if operation is _constants.SUBPATTERN:
        return _best(value[3])
    if operation in (_constants.MAX_REPEAT, _constants.MIN_REPEAT) and value[0] >= 1:
        return _best(value[2])
    if operation is _constants.BRANCH:
        branches = [_best(branch) for branch in value[1]]
        return frozenset().union(*branches) if all(branches) else frozenset()
    return frozenset()


def _worth(choice: frozenset[str]) -> tuple[int, int]:
    shortest = min((len(text) for text in choice), default=0)
    return (shortest if shortest >= _LEAST else 0, -len(choice))

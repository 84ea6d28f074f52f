"""The errors a user can cause, each told in lines of one shape: what, where, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One mistake in the user's input.

    >>> print(Problem("unknown topic 'farming'", "seeds/cues/farming.yaml", "add it to seeds/taxonomy.yaml"))
    seeds/cues/farming.yaml: unknown topic 'farming'; add it to seeds/taxonomy.yaml
    """

    what: str
    where: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; {self.remedy}"


class UserError(Exception):
    """Input that a person can mend: carries every problem found, not only the first. Exit code 2."""

    def __init__(self, problems: Iterable[Problem]):
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))

    @classmethod
    def one(cls, what: str, where: object, remedy: str) -> UserError:
        """An error with a single problem."""
        return cls([Problem(what, str(where), remedy)])


def raise_if_any(problems: Iterable[Problem]) -> None:
    """Raise one `UserError` with all problems, or do nothing when there are none."""
    found = tuple(problems)
    if found:
        raise UserError(found)

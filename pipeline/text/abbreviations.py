"""Abbreviations: what the word before a full stop says about that stop.

>>> is_abbreviation(word_before("They met Lt. Gen. Rao", 16)), is_abbreviation(word_before("He left.", 7))
(True, False)
"""

from __future__ import annotations

import re


def word_set(listed: str) -> frozenset[str]:
    """The words of a list written with spaces."""
    return frozenset(listed.split())


DOTTED = re.compile(r"(?:[^\W\d_]{1,2}\.)+[^\W\d_]{1,2}")
# Before a name or figure, never at the end of a sentence.
TITLES = word_set(
    "Mr Mrs Ms Messrs Dr Drs Prof Gen Lt Col Maj Capt Cmdr Cdr Adm Brig Sgt Cpl Pvt Sen Sens Rep Reps Gov Govs Amb Pres"
    " Rev Hon Supt Asst St Ste Mt Ft Smt Shri Fr Rs rs vs v viz cf approx e.g i.e E.g I.e Vs"
)
# Before a figure ("No. 14"), elsewhere an ordinary word ("He said no.").
REFERENCES = word_set("no nos art arts sec secs ch chap p pp para paras vol cl reg fig figs eq ref stat pub")
# In the middle of a sentence or at its end.
EITHER = word_set(
    "Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Jr Sr Inc Ltd Co Cos Corp Plc Bros Govt govt Dept dept Natl Intl"
    " Assn Ave Blvd Mfg al Ala Ariz Ark Calif Colo Conn Del Fla Ga Ill Ind Kan Ky La Md Mass Mich Minn Miss Mo Mont"
    " Neb Nev Okla Ore Pa Tenn Tex Va Vt Wash Wis Wyo"
)
_HYPHEN = re.compile(r"[-–—/]")


def word_before(body: str, at: int) -> str:
    """The word, without quotes and brackets, that ends at `at`; of a compound its last part."""
    words = body[max(0, at - 30) : at].split()
    if not words or body[at - 1].isspace():
        return ""
    return _HYPHEN.split(words[-1])[-1].strip("“”\"‘’'()[]«»")


def is_abbreviation(word: str) -> bool:
    """Whether a full stop after the word may belong to the word."""
    return (
        len(word) == 1
        or word in TITLES
        or word in EITHER
        or word.lower() in REFERENCES
        or DOTTED.fullmatch(word) is not None
    )

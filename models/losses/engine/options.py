"""The words that the losses understand, and the refusal of every other word."""

import difflib
import math
from collections.abc import Iterable

from facegate.errors import InputError

METRICS = ("euclidean", "squared")
SELECTS = ("nearest", "random", "all")
FALLBACKS = ("skip", "easiest", "hardest")
REDUCES = ("active", "pairs", "sum", "anchor")


def check_choice(option: str, value: str, allowed: Iterable[str]) -> str:
    """Return the value, or refuse it and name the nearest allowed one.

    A silent default would train with another loss than the one asked for, as happened to
    users of libraries where a misspelt kind of triplet meant "all".

    Raises:
        InputError: the value is not one of those allowed.
    """
    choices = tuple(allowed)
    if value in choices:
        return value
    near = difflib.get_close_matches(str(value), choices, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}? " if near else ""
    raise InputError(
        f"{option} {value!r} is not known", hint=f"{hint}known are {', '.join(choices)}"
    )


def check_margin(value: float, *, option: str = "margin") -> float:
    """Return a margin, or refuse one that is not a positive finite number.

    Raises:
        InputError: the margin is not above 0 and finite.
    """
    if not (math.isfinite(value) and value > 0):
        raise InputError(
            f"{option} must be above 0 and finite, got {value}",
            hint="0.2 is usual for unit embeddings",
        )
    return float(value)

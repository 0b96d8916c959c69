"""Which texts may name a person, and which names count as one."""

import difflib
import unicodedata
from collections.abc import Iterable

from facegate.errors import InvalidNameError

MAX_CHARACTERS = 128
"""So a name has 512 bytes at most."""

_MAX_RAW = 2048
"""Longer texts are refused before they are normalised, whose cost grows with their length."""

_REFUSED_CATEGORIES = {"Cc", "Cs", "Co", "Cn"}
_BIDI_CONTROLS = {0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}
_BYTE_ORDER_MARK = 0xFEFF


def clean_name(text: str) -> str:
    """Return a name as it is stored: NFC, stripped, white space folded to single spaces.

    A name is never a path or an option, so ``../x``, ``CON`` and ``-x`` are names like others.

    Raises:
        InvalidNameError: nothing visible, more than 128 characters, a control or bidi character,
            a byte order mark, or a code point that is private or unassigned.
    """
    if len(text) > _MAX_RAW:
        raise _refusal(text, f"it has {len(text)} characters", f"at most {MAX_CHARACTERS} are kept")
    name = unicodedata.normalize("NFC", text).strip()
    for character in name:
        point, category = ord(character), unicodedata.category(character)
        if category in _REFUSED_CATEGORIES or point in _BIDI_CONTROLS or point == _BYTE_ORDER_MARK:
            raise _refusal(text, f"it holds the character U+{point:04X}", "leave that out")
    name = " ".join(name.split())
    if not name_key(name):
        raise _refusal(text, "nothing in it can be seen", "give at least one letter")
    if len(name) > MAX_CHARACTERS:
        raise _refusal(text, f"it has {len(name)} characters", f"at most {MAX_CHARACTERS} are kept")
    return name


def name_key(name: str) -> str:
    """Return what two names share that must not stand side by side: "Ada" and "ADA", in any width.

    Characters without a shape of their own, such as joiners, do not tell names apart.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return "".join(c for c in folded if unicodedata.category(c) != "Cf").strip()


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the name that is most like this one, or None where none is like it."""
    by_key = {name_key(other): other for other in names}
    close = difflib.get_close_matches(name_key(name), by_key, n=1)
    return by_key[close[0]] if close else None


def _refusal(text: str, why: str, hint: str) -> InvalidNameError:
    shown = text if len(text) <= 40 else text[:40] + "…"
    return InvalidNameError(f"{shown!a} cannot be a name, {why}", hint=hint)

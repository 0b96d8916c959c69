"""Show text that is not ours, such as a file's name, on a terminal without harm."""

import unicodedata

# Bidi controls are of category Cf, as are joiners that real names need: so they are listed.
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
_HIDDEN = frozenset(("Cc", "Cs", "Co", "Cn", "Zl", "Zp"))


def printable(text: str, *, limit: int = 300) -> str:
    r"""Return text with control, bidi and undefined characters and lone surrogates escaped.

    Args:
        text: anything, such as a path from ``os.listdir``.
        limit: the most characters returned; of a longer text the middle is left out.

    >>> from facegate.data.text import printable
    >>> print(printable("a\x1b[31mb"))
    a\x1b[31mb
    >>> printable("x" * 500, limit=9)
    'xxx…xxxxx'
    """
    if len(text) > limit:
        head = (limit - 1) * 3 // 8
        text = f"{text[:head]}…{text[len(text) - (limit - 1 - head) :]}"
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(letter) for letter in text)


def counted(n: int, one: str, many: str = "") -> str:
    """Return a number with its word: 1 person, 2 people.

    >>> from facegate.data.text import counted
    >>> counted(1, "person", "people"), counted(0, "sample")
    ('1 person', '0 samples')
    """
    return f"{n} {one if n == 1 else many or one + 's'}"


def _escape(letter: str) -> str:
    if letter in _BIDI or unicodedata.category(letter) in _HIDDEN:
        return letter.encode("unicode_escape").decode("ascii")
    return letter

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegate.data.text import printable

anything = st.text(st.characters())  # lone surrogates included


@given(anything)
@settings(deadline=None, derandomize=True)
def test_nothing_that_moves_a_cursor_or_cannot_be_encoded_comes_out(text: str) -> None:
    shown = printable(text)
    shown.encode("utf-8")
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]


@given(anything, st.integers(10, 60))
@settings(deadline=None, derandomize=True)
def test_a_limit_keeps_both_ends(text: str, limit: int) -> None:
    if text.isprintable() and text.isascii():
        shown = printable(text, limit=limit)
        assert len(shown) <= limit
        assert text.startswith(shown.partition("…")[0])
        assert text.endswith(shown.partition("…")[2])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ada Lovelace", "Ada Lovelace"),
        ("Žofie 李 عمر", "Žofie 李 عمر"),
        ("क्‍ष", "क्‍ष"),  # a zero-width joiner that spelling needs
        ("a\nb", r"a\nb"),
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("a\x00b", r"a\x00b"),
        ("photo\u202egpj.exe", r"photo\u202egpj.exe"),
        ("\udcff", r"\udcff"),
        ("\u2028", r"\u2028"),
        ("", ""),
    ],
)
def test_examples(text: str, shown: str) -> None:
    assert printable(text) == shown

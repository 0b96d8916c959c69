"""Names: what is refused, what is the same name, and that the rest survives."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegate.errors import InvalidNameError
from facegate.gallery.names import MAX_CHARACTERS, clean_name, name_key, nearest

quick = settings(deadline=None, derandomize=True)


@pytest.mark.parametrize(
    "name",
    [
        *("../x", "CON", "-x", "--help", "/etc/passwd", "..", "a'; DROP TABLE op; --", "=cmd()"),
        *("Ada Lovelace", "Żółć", "李小龙", "محمد", "नरेंद्र", "O'Neil, Jr."),
        *("نیم‌فاصله", "👩‍🔬", "%", "_", "*"),
    ],
)
def test_legal_names_stay_as_they_are(name: str) -> None:
    assert clean_name(name) == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "nothing in it can be seen"),
        (" \t\n ", "nothing in it can be seen"),
        ("\u200d\u200c", "nothing in it can be seen"),
        ("a\0b", r"U\+0000"),
        ("a\nb", r"U\+000A"),
        ("\x1b[31mred", r"U\+001B"),
        ("a\u202eb", r"U\+202E"),
        ("a\u2066b", r"U\+2066"),
        ("\u061ca", r"U\+061C"),
        ("\ufeffAda", r"U\+FEFF"),
        ("a\ud800b", r"U\+D800"),
        ("a\ue000b", r"U\+E000"),
        ("a\uffffb", r"U\+FFFF"),
        ("x" * 129, "129 characters"),
        ("x" * 10_000, "10000 characters"),
        ("x" * 10_000_000, "10000000 characters"),
        ("👩" * 128 + "x", "129 characters"),
    ],
)
def test_other_texts_are_refused_with_the_reason(name: str, why: str) -> None:
    with pytest.raises(InvalidNameError, match=why) as caught:
        clean_name(name)
    assert caught.value.exit_status == 2
    assert caught.value.message.isascii()
    assert caught.value.message.isprintable()


def test_white_space_is_folded() -> None:
    assert clean_name("  Ada \u00a0 Lovelace ") == "Ada Lovelace"


def test_case_width_and_joiners_do_not_tell_people_apart() -> None:
    assert len({name_key(n) for n in ("Ada", "ADA", "ada", "\uff21\uff44\uff41", "A\u200dda")}) == 1
    assert name_key("Straße") == name_key("STRASSE")
    assert name_key("Ada") != name_key("\u0410da")  # Cyrillic


@quick
@given(st.text(max_size=200))
def test_a_cleaned_name_is_clean(text: str) -> None:
    try:
        name = clean_name(text)
    except InvalidNameError:
        return
    assert clean_name(name) == name
    assert 1 <= len(name) <= MAX_CHARACTERS
    assert len(name.encode()) <= 4 * MAX_CHARACTERS
    assert not {unicodedata.category(c) for c in name} & {"Cc", "Cs", "Co", "Cn"}
    assert name == " ".join(name.split())
    assert name_key(name)


@quick
@given(st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=40))
def test_letters_digits_and_signs_are_always_legal(text: str) -> None:
    assert clean_name(text) == unicodedata.normalize("NFC", text)


def test_the_nearest_name_is_found() -> None:
    assert nearest("ada lovelase", ["Bob", "Ada Lovelace"]) == "Ada Lovelace"
    assert nearest("zzz", ["Bob", "Ada Lovelace"]) is None

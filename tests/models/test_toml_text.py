import doctest
import tomllib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegate.models import toml_text
from facegate.models.toml_text import toml_key, toml_value

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
plain = words | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.booleans()
values = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


def test_doctests() -> None:
    assert doctest.testmod(toml_text).failed == 0


@settings(deadline=None, derandomize=True)
@given(words, values)
def test_keys_and_values_come_back_as_they_were_written(key: str, value: object) -> None:
    assert tomllib.loads(f"{toml_key(key)} = {toml_value(value)}") == {key: value}


def test_numbers_of_numpy_are_written_as_numbers() -> None:
    assert toml_value((np.float32(0.5), np.int64(3))) == "[0.5, 3.0]"


def test_what_toml_has_no_word_for_is_refused() -> None:
    with pytest.raises(ValueError, match="TOML cannot hold a NoneType; use numbers and text"):
        toml_value(None)

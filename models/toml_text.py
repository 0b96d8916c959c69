"""Values as TOML text, which Python can read but not write: of cards and of a run's settings."""

import json
from collections.abc import Mapping
from typing import Any, SupportsFloat


def toml_value(value: Any) -> str:
    """Return a value as TOML that ``tomllib`` reads back equal.

    Args:
        value: a truth value, text, a number (numpy's too), a list or tuple of values, or a
            mapping, which becomes an inline table.

    Raises:
        ValueError: TOML has no such value.

    >>> toml_value({"draw": ["one", 2, 0.5, True]})
    '{"draw" = ["one", 2, 0.5, true]}'
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, SupportsFloat):
        # TOML wants a point or an exponent, and writes inf and nan as Python does.
        return repr(float(value))
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    if isinstance(value, Mapping):
        inner = (f"{_text(str(key))} = {toml_value(item)}" for key, item in value.items())
        return "{" + ", ".join(inner) + "}"
    raise ValueError(f"TOML cannot hold a {type(value).__name__}; use numbers and text")


def toml_key(key: str) -> str:
    """Return a key as TOML, bare where it may be.

    >>> toml_key("tar-at"), toml_key("a b")
    ('tar-at', '"a b"')
    """
    bare = key.isascii() and key.replace("-", "").replace("_", "").isalnum()
    return key if bare and key else _text(key)


def _text(value: str) -> str:
    # JSON's escapes are those of TOML's basic strings, but for DEL, which JSON leaves bare, and
    # for pairs of surrogates, which TOML does not know.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")

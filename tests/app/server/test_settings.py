"""By which names a server answers."""

from pathlib import Path

import pytest

from facegate.errors import InputError
from facegate.server.settings import Settings


def test_the_usual_port_may_be_left_out_as_browsers_do() -> None:
    plain = Settings(Path(), port=80)
    assert {"localhost", "localhost:80", "[::1]"} <= plain.hosts
    assert "http://127.0.0.1" in plain.origins
    secure = Settings(Path(), port=443, is_secure=True)
    assert "https://localhost" in secure.origins
    other = Settings(Path(), port=8321)
    assert "localhost" not in other.hosts


def test_a_public_address_is_known_with_its_port_and_without() -> None:
    for address in ("https://Faces.example", "https://faces.example:443", "https://faces.example/"):
        settings = Settings(Path(), public_url=address)
        assert {"faces.example", "faces.example:443"} <= settings.hosts
        assert "https://faces.example" in settings.origins
    odd = Settings(Path(), public_url="http://faces.example:8080")
    assert "faces.example:8080" in odd.hosts
    assert "faces.example" not in odd.hosts


@pytest.mark.parametrize(
    "address",
    [
        *("faces.example", "ftp://faces.example", "https://", "http://[::1", "https://a:99999"),
        *("https://a:0", "https://a/b", "https://a?b", "https://a#b", "https://me@faces.example"),
    ],
)
def test_what_is_no_public_address_is_refused(address: str) -> None:
    with pytest.raises(InputError, match="cannot be the public address"):
        Settings(Path(), public_url=address)

"""``facegate keys``: who may ask the server, and what."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from facegate.cli.common import Output, output_options

if TYPE_CHECKING:
    from facegate.server.access.keys import Key, Keys

SCOPES = ("detect", "verify", "identify", "enroll", "admin")


@click.group(name="keys", short_help="Make, list and revoke keys of the server's API.")
def command() -> None:
    """Make, list and revoke keys of the server's API.

    A key is shown once, when it is made: only its SHA-256 is kept. A running server knows of
    every change at once.
    """


@command.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice(SCOPES),
    help="What it may do; give it several times. admin may do everything.",
)
@click.option("--collection", help="The only collection that it may use.")
@click.option("--days", type=click.IntRange(1, 3650), help="Days until it expires.")
@output_options
def create(
    name: str, scopes: tuple[str, ...], collection: str | None, days: int | None, output: Output
) -> int:
    """Make a key called NAME and print it."""
    with _keys() as keys:
        text, key = keys.create(name, scopes, collection=collection, days=days)
    output.result(text, {**key.as_json(), "key": text})
    output.note("keep it now: it is not shown again")
    return 0


@command.command(name="list")
@output_options
def list_keys(output: Output) -> int:
    """List the keys, without their secrets."""
    with _keys() as keys:
        found = keys.all()
    lines = [_line(key) for key in found] or ["no keys"]
    output.result("\n".join(lines), {"keys": [key.as_json() for key in found]})
    return 0


@command.command()
@click.argument("key_id", metavar="ID")
@output_options
def revoke(key_id: str, output: Output) -> int:
    """Delete the key with this ID; it opens nothing from now on."""
    with _keys() as keys:
        keys.revoke(key_id)
    output.result(f"revoked {key_id}", {"revoked": key_id})
    return 0


@contextmanager
def _keys() -> "Iterator[Keys]":
    from facegate.models.home import home
    from facegate.server.access.database import Database
    from facegate.server.access.keys import Keys

    database = Database(home())
    try:
        yield Keys(database)
    finally:
        database.close()


def _line(key: "Key") -> str:
    until = f"until {key.expires:%Y-%m-%d}" if key.expires else "no end"
    used = f"used {key.used:%Y-%m-%d %H:%M}" if key.used else "never used"
    where = key.collection or "all collections"
    return f"{key.id}  {key.name}  {', '.join(key.scopes)}  {where}  {until}  {used}"

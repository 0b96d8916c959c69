"""``facegate gallery expire``: erase who has not been seen to for a stated time."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from facegate.cli.common import Output, gallery_option, output_options


def add_to(group: click.Group) -> None:
    """Add the command to ``facegate gallery``."""
    group.add_command(expire)


@click.command(short_help="Erase whose newest sample is old.")
@click.option("--days", type=click.IntRange(1, 36_500), required=True, help="How old, in days.")
@click.option("--yes", is_flag=True, help="Erase them; without it they are only listed.")
@gallery_option
@output_options
def expire(days: int, yes: bool, gallery: Path | None, output: Output) -> int:
    """Erase everybody whose newest sample is older than so many DAYS. It cannot be undone.

    Without --yes nothing is changed: who would be erased is listed.
    """
    from facegate.cli.gallery import opened
    from facegate.cli.interrupt import Operation
    from facegate.data.text import counted
    from facegate.retention import expire as erase_expired
    from facegate.retention import expired

    before = datetime.now(UTC) - timedelta(days=days)
    with opened(gallery, read_only=not yes) as people, Operation(people) as operation:
        if yes:
            names = erase_expired(people, before=before, op_uid=operation.uid)
        else:
            names = [person.name for person in expired(people, before=before)]
    lines = [f"{'erased' if yes else 'would erase'} {name}" for name in names]
    output.result(
        "\n".join(lines) or f"nobody is older than {counted(days, 'day')}",
        {"expired": names, "erased": yes},
    )
    return 0

"""docs/gallery.md names every command and option, and what an export holds."""

import re
from pathlib import Path

from facegate.cli.gallery import command
from facegate.gallery.moves import portable

PAGE = (Path(__file__).parents[2] / "docs" / "gallery.md").read_text(encoding="utf-8")


def test_every_command_is_in_the_table() -> None:
    named = re.findall(r"^\| `facegate gallery (\w+)", PAGE, re.MULTILINE)
    assert sorted(named) == sorted(command.commands)


def test_every_option_of_its_own_is_named() -> None:
    shared = {"gallery", "as_json", "plain", "quiet", "verbosity", "device"}
    for one in command.commands.values():
        for option in one.params:
            if option.param_type_name == "option" and option.name not in shared:
                assert max(option.opts, key=len) in PAGE, (one.name, option.opts)


def test_the_members_of_an_export_are_named() -> None:
    for member in (portable.MANIFEST, portable.IDENTITIES, portable.TEMPLATES):
        assert f"| `{member}` |" in PAGE
    assert f"`format` ({portable.FORMAT})" in PAGE

"""``facegate gallery``: who is enrolled; mend it and take changes back."""

import glob
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facegate.cli.common import Output, default_gallery, gallery_option, output_options
from facegate.data.text import counted

if TYPE_CHECKING:
    from facegate.gallery import Gallery, Operation


@click.group(name="gallery")
def command() -> None:
    """List, mend, undo, back up and move the people who are enrolled.

    Every change is one operation: `history` lists them, `undo` takes the newest back.
    """


@command.command(name="list", short_help="List who is enrolled.")
@click.argument("text", required=False, default="")
@gallery_option
@output_options
def list_people(text: str, gallery: Path | None, output: Output) -> None:
    """List who is enrolled, or only those whose name holds TEXT."""
    with opened(gallery, read_only=True) as people:
        found = people.identities(search=text)
        model = people.model_id
    rows = [
        {
            "id": person.id,
            "name": person.name,
            "samples": person.n_samples,
            "created": person.created.isoformat(),
        }
        for person in found
    ]
    if output.json:
        output.result("", {"identities": rows, "model": model})
        return
    for person in found:
        output.result(f"{person.name}: {counted(person.n_samples, 'sample')}", None)
    output.note(f"{counted(len(rows), 'person', 'people')}, model {model}")


@command.command(short_help="Show all that is kept of a person.")
@click.argument("name")
@gallery_option
@output_options
def show(name: str, gallery: Path | None, output: Output) -> None:
    """Show all that is kept of NAME: samples, where they come from, and what was done."""
    with opened(gallery, read_only=True) as people:
        person, samples = people.identity(name), people.samples(name)
        done, model = people.history(1000, name), people.model_id
    value = {
        "identity": {"id": person.id, "name": person.name, "uid": person.uid},
        "created": person.created.isoformat(),
        "samples": [
            {
                "id": sample.id,
                "quality": sample.quality,
                "source_hash": sample.source_hash,
                "face_no": sample.face_no,
                "kind": sample.kind,
                "created": sample.created.isoformat(),
                "crop": sample.has_crop,
            }
            for sample in samples
        ],
        "operations": [operation_json(operation) for operation in done],
        "model": model,
    }
    lines = [
        f"{person.name}: identity {person.id}, {counted(person.n_samples, 'sample')}, model {model}"
    ]
    for sample in samples:
        quality = "" if sample.quality is None else f", quality {sample.quality:.2f}"
        crop = ", crop kept" if sample.has_crop else ""
        source = sample.source_hash[:12]
        lines.append(
            f"  sample {sample.id}: face {sample.face_no} of {sample.kind} {source}, "
            f"{sample.created:%Y-%m-%d %H:%M} UTC{quality}{crop}"
        )
    output.result("\n".join([*lines, *(f"  {line_of(operation)}" for operation in done)]), value)


@command.command(short_help="Give a person another name.")
@click.argument("old")
@click.argument("new")
@gallery_option
@output_options
def rename(old: str, new: str, gallery: Path | None, output: Output) -> None:
    """Give OLD the name NEW. A name that somebody else has is refused."""
    with changing(gallery) as (people, uid):
        _say(output, people.rename(old, new, op_uid=uid))


@command.command(short_help="Make two people one.")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="INTO")
@gallery_option
@output_options
def merge(source: str, target: str, gallery: Path | None, output: Output) -> None:
    """Give all samples of FROM to INTO, for two people who are one. It can be undone."""
    with changing(gallery) as (people, uid):
        _say(output, people.merge(source, target, op_uid=uid))


@command.command(short_help="Take out a person or a sample; undo brings back.")
@click.argument("name")
@click.option("--sample", type=int, metavar="ID", help="Take out only this sample of NAME.")
@gallery_option
@output_options
def remove(name: str, sample: int | None, gallery: Path | None, output: Output) -> None:
    """Take NAME out of the gallery. `undo` brings back for 30 days; then it is deleted."""
    from facegate.errors import ConflictError

    with changing(gallery) as (people, uid):
        if sample is None:
            _say(output, people.remove(name, op_uid=uid))
            return
        if sample not in {one.id for one in people.samples(name)}:
            raise ConflictError(
                f"{name!r} has no sample {sample}",
                hint=f"'facegate gallery show {name}' lists them",
            )
        _say(output, people.remove_sample(sample, op_uid=uid))


@command.command(short_help="Delete a person for good.")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@gallery_option
@output_options
def erase(name: str, yes: bool, gallery: Path | None, output: Output) -> None:
    """Delete all that is kept of NAME, in the history too. It cannot be undone.

    Nothing is left in the gallery file, and a later `restore` erases NAME again. Other copies of
    the file are out of its reach.
    """
    with changing(gallery) as (people, uid):
        if not yes:
            _ask(name)
        done = people.erase(name, op_uid=uid)
        output.result(f"erased {name!r}", {"operation": operation_json(done)})
        copies = sorted(
            path.name
            for pattern in ("{}.replaced-*", "{}.v*-before-v*.db", ".{}.*")
            for path in people.path.parent.glob(pattern.format(glob.escape(people.path.name)))
        )
    if copies:
        output.note(f"copies made before may still hold them, delete them: {', '.join(copies)}")
    output.note("backups and exports made before are yours to delete")


@command.command(short_help="Take the newest change back.")
@click.argument("number", type=int, required=False)
@gallery_option
@output_options
def undo(number: int | None, gallery: Path | None, output: Output) -> None:
    """Take back the newest change, or the one of this NUMBER in the history."""
    with changing(gallery) as (people, uid):
        _say(output, people.undo(number, op_uid=uid))


@command.command(short_help="List what was done, newest first.")
@click.argument("name", required=False)
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True)
@gallery_option
@output_options
def history(name: str | None, limit: int, gallery: Path | None, output: Output) -> None:
    """List what was done to the gallery, or to NAME, newest first."""
    with opened(gallery, read_only=True) as people:
        done = people.history(limit, name)
    if output.json:
        output.result("", {"operations": [operation_json(operation) for operation in done]})
        return
    for operation in done:
        output.result(line_of(operation), None)


def opened(path: Path | None, *, read_only: bool = False) -> "Gallery":
    """Open the gallery that was named, or the default one."""
    from facegate.gallery import Gallery

    return Gallery.open(default_gallery(path), read_only=read_only)


@contextmanager
def changing(path: Path | None) -> "Iterator[tuple[Gallery, str]]":
    """Give an open gallery and an id for one change, and say after Ctrl-C what was saved."""
    from facegate.cli.interrupt import Operation

    with opened(path) as gallery, Operation(gallery) as operation:
        yield gallery, operation.uid()


def operation_json(operation: "Operation") -> dict[str, Any]:
    """Return one operation as JSON shows it."""
    return {
        "seq": operation.seq,
        "uid": operation.uid,
        "kind": operation.kind,
        "at": operation.at.isoformat(),
        "actor": operation.actor,
        "identity_id": operation.identity_id,
        "text": operation.text,
        "undone_by": operation.undone_by,
    }


def line_of(operation: "Operation") -> str:
    """Return one operation as a line for people."""
    back = f" (taken back by {operation.undone_by})" if operation.undone_by is not None else ""
    when = f"{operation.at:%Y-%m-%d %H:%M} UTC"
    return f"{operation.seq:>4}  {when}  {operation.actor}: {operation.text}{back}"


def _say(output: Output, operation: "Operation") -> None:
    output.result(operation.text, {"operation": operation_json(operation)})


def _ask(name: str) -> None:
    from facegate.errors import InputError

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise InputError(
            f"{name!r} is not erased without a yes", hint="it cannot be undone; add --yes"
        )
    click.confirm(f"Erase {name!r} for good? It cannot be undone", abort=True, err=True)


# The commands on the whole file are in a file of their own.
from facegate.cli import gallery_expire, gallery_files  # noqa: E402

gallery_files.add_to(command)
gallery_expire.add_to(command)

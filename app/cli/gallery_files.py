"""``facegate gallery`` on the whole file: check, copies, exports, another model."""

from pathlib import Path

import click

from facegate.cli.common import (
    DEVICES,
    Output,
    Place,
    default_gallery,
    gallery_option,
    output_options,
)
from facegate.data.text import counted

FILE = Place()


@click.command(short_help="Look for damage, and for people who are too close.")
@gallery_option
@output_options
def check(gallery: Path | None, output: Output) -> int:
    """Look for damage: the file's structure, every vector, and what belongs together.

    In a sound gallery, also for people whom a search would take for each other.

    Exit status: 0 nothing was found, 1 something was.
    """
    from facegate.calibration.closeness import close_findings
    from facegate.gallery import Gallery
    from facegate.gallery.check import check_file

    path = default_gallery(gallery)
    found = check_file(path)
    if not found:
        with Gallery.open(path, read_only=True) as people:
            found = close_findings(people)
    value = {"findings": [{"code": one.code, "message": one.message} for one in found]}
    text = "\n".join(one.message for one in found) if found else f"{path} is sound"
    output.result(text, value)
    return 1 if found else 0


@click.command(short_help="Write a verified copy to a new file.")
@click.argument("target", type=FILE)
@gallery_option
@output_options
def backup(target: Path, gallery: Path | None, output: Output) -> None:
    """Write a verified copy to the new file TARGET; others may use the gallery meanwhile."""
    from facegate.gallery import Gallery

    with Gallery.open(default_gallery(gallery), read_only=True) as people:
        people.backup(target)
        n_people, n_samples = people.count()
    output.result(
        f"{target}: {counted(n_people, 'person', 'people')}, {counted(n_samples, 'sample')}",
        {"backup": str(target), "identities": n_people, "samples": n_samples},
    )


@click.command(short_help="Put a backup in the gallery's place.")
@click.argument("source", metavar="BACKUP", type=FILE)
@gallery_option
@output_options
def restore(source: Path, gallery: Path | None, output: Output) -> None:
    """Put BACKUP in the gallery's place; what is there now is kept beside it.

    People who were erased since the backup are erased from it again.
    """
    from facegate.cli.interrupt import Operation
    from facegate.gallery import Gallery

    path = default_gallery(gallery)
    with Operation(_At(path)) as operation:
        done = Gallery.restore(source, path, op_uid=operation.uid())
    output.result(
        f"{path}: {counted(done.n_identities, 'person', 'people')}, restored from {source}",
        {
            "gallery": str(path),
            "identities": done.n_identities,
            "erased_again": done.n_erased,
            "replaced": done.replaced,
        },
    )
    if done.replaced is not None:
        output.note(f"what was there before is kept as {done.replaced}")
    if done.n_erased:
        again = counted(done.n_erased, "person", "people")
        output.note(f"erased again: {again} who had been erased since the backup")
    if not done.knows_erased:
        output.note("the damaged gallery does not say who was erased since: erase them again")


@click.command(short_help="Write everybody to one portable file.")
@click.argument("target", type=FILE)
@gallery_option
@output_options
def export(target: Path, gallery: Path | None, output: Output) -> None:
    """Write everybody, with the crops that were kept, to the new file TARGET (a zip).

    It holds templates: treat it like the photographs.
    """
    from facegate.gallery import Gallery

    with Gallery.open(default_gallery(gallery), read_only=True) as people:
        n_people, n_samples = people.export(target)
    output.result(
        f"{target}: {counted(n_people, 'person', 'people')}, {counted(n_samples, 'sample')}",
        {"export": str(target), "identities": n_people, "samples": n_samples},
    )


@click.command(name="import", short_help="Add everybody in an exported file.")
@click.argument("source", metavar="FILE", type=FILE)
@gallery_option
@output_options
def import_people(source: Path, gallery: Path | None, output: Output) -> None:
    """Add everybody in an exported FILE. One operation: `undo` takes it back.

    Who is known by name gets the samples that are new. A gallery that is not there is made.
    """
    from facegate.cli.interrupt import Operation
    from facegate.gallery import Gallery
    from facegate.gallery.moves.parcel import Parcel

    path = default_gallery(gallery)
    with (
        Operation(_At(path)) as operation,
        Parcel(source) as parcel,
        Gallery.open(path, model_id=parcel.model_id, create=True) as people,
    ):
        done = people.import_(parcel, op_uid=operation.uid())
    new = counted(done.n_identities, "person", "people")
    output.result(
        f"imported {counted(done.n_samples, 'sample')}, {new} new",
        {
            "identities": done.n_identities,
            "joined": done.n_joined,
            "samples": done.n_samples,
            "known": done.n_known,
            "erased": done.n_erased,
        },
    )
    if done.n_joined:
        output.note(
            f"known by name, so got the samples: {counted(done.n_joined, 'person', 'people')}"
        )
    if done.n_known:
        output.note(f"there before: {counted(done.n_known, 'sample')}")
    if done.n_erased:
        output.note(
            f"left out, as erased from this gallery: {counted(done.n_erased, 'person', 'people')}"
        )


@click.command(short_help="Move the gallery to another model.")
@click.option("--model", required=True, metavar="NAME", help="The face embedder to move to.")
@click.option("--device", type=click.Choice(DEVICES), default="auto")
@gallery_option
@output_options
def reembed(model: str, device: str, gallery: Path | None, output: Output) -> None:
    """Embed every kept crop with another model: all samples or none.

    It needs the crops of all samples (`enroll --keep-crops`).
    """
    from facegate.calibration.stored import SETTING, read_calibration
    from facegate.cli.gallery import changing, operation_json
    from facegate.models.zoo import load_embedder

    with changing(gallery) as (people, uid):
        embedder = load_embedder(model, device=device)
        with output.progress("embed", people.count()[1]) as advance:
            done = people.reembed(embedder, done=advance, op_uid=uid)
        model_id = people.model_id
        is_stale = people.setting(SETTING) is not None and read_calibration(people) is None
    output.result(done.text, {"operation": operation_json(done), "model": model_id})
    if is_stale:
        output.note(
            "its calibration was made for another model and rests: the model's own figures decide "
            "until 'facegate calibrate' makes a new one"
        )


class _At:
    """A gallery file by its path, whether or not it is there yet."""

    def __init__(self, path: Path) -> None:
        self.path = path


def add_to(group: click.Group) -> None:
    """Add these commands to ``facegate gallery``."""
    for one in (check, backup, restore, export, import_people, reembed):
        group.add_command(one)

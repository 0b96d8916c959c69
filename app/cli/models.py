"""``facegate models``: see, install, check, add and export face embedders."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facegate.cli.common import Output, Place, output_options
from facegate.cli.model_card import describe, megabytes, terms

if TYPE_CHECKING:
    from facegate.models.card import Card

LICENCE_WIDTH = 60
"""Of a row of the list; `models info` has the whole licence."""

FOLDER = Place()


@click.group(name="models")
def command() -> None:
    """See, install, check, add and export face embedders.

    Weights that do not come with facegate are fetched by `models install` only, after their
    licence was shown; nothing is fetched on first use.
    """


@command.command(name="list", short_help="List all known models.")
@output_options
def list_models(output: Output) -> None:
    """List all known models: installed or not, licence, length of an embedding, size."""
    from facegate.models.zoo import cards

    rows = [_summary(card) for card in cards().values()]
    if output.json:
        output.result("", {"models": rows})
        return
    width = max(len(row["name"]) for row in rows)
    lines = [f"{'model':<{width}}  installed   dim  input    size  faces/s  licence"]
    for row in rows:
        lines.append(
            f"{row['name']:<{width}}  {_state(row):<9} {row['dim']:>5} {row['input_size']:>4} px "
            f"{megabytes(row['size_bytes']):>7}  {_speed(row):>7}  {_shortened(row['licence'])}"
        )
    output.result("\n".join(lines), None)


@command.command(short_help="Show all that a model's card says.")
@click.argument("name")
@output_options
def info(name: str, output: Output) -> None:
    """Show all that the card of model NAME says, its thresholds with their counts included."""
    from dataclasses import asdict

    from facegate.models.presentation.card import MINIFASNET
    from facegate.models.presentation.install import is_installed as has_check
    from facegate.models.shelf.weights import find_weights
    from facegate.models.zoo import card as card_of
    from facegate.models.zoo import installed

    if name == MINIFASNET.name:
        facts = {
            "name": MINIFASNET.name,
            "title": MINIFASNET.title,
            "licence": MINIFASNET.licence,
            "training_data": MINIFASNET.training_data,
            "source": MINIFASNET.source,
            "installed": has_check(MINIFASNET),
        }
        output.result("\n".join(f"{word}: {value}" for word, value in facts.items()), facts)
        return
    card = card_of(name)
    folder = str(find_weights(card).folder) if installed(card) else None
    summary = _summary(card)
    output.result(describe(card, summary, folder), {**asdict(card), **summary, "folder": folder})


@command.command(short_help="Install a model, by download or from a folder.")
@click.argument("name")
@click.option("--from", "source", type=FOLDER, help="Take the files from this folder.")
@click.option("--yes", is_flag=True, help="Download without asking.")
@output_options
def install(name: str, source: Path | None, yes: bool, output: Output) -> None:
    """Install model NAME, by download or from a folder.

    The files are compared with the sums on the card; a wrong one is refused and not kept.

    'minifasnet' is no embedder but a check for presentation attacks, for 'facegate serve --pad'.
    """
    from facegate.models.presentation.card import MINIFASNET
    from facegate.models.shelf.install import install as install_model
    from facegate.models.shelf.install import verify
    from facegate.models.zoo import card as card_of
    from facegate.models.zoo import installed

    if name == MINIFASNET.name:
        _install_check(source, output)
        return
    card = card_of(name)
    if installed(card) and not verify(name):
        output.note(f"{card.name} is installed already, and sound")
    else:
        _show_terms(card, output)
        if source is None and not yes:
            _ask(card)
    unknown = [part.file for part in card.parts if part.sha256 is None]
    card = install_model(name, source=source, progress=_bar(output))
    for part in card.parts:
        if part.file in unknown:
            output.note(
                f"the card names no sum for {part.file}: sha256 {part.sha256} was recorded; "
                "compare it with a copy that you trust"
            )
    summary = _summary(card)
    output.result(f"installed {summary['model_id']}", summary)


@command.command(short_help="Add a model of your own.")
@click.argument("file", type=FOLDER)
@click.option("--card", "card_file", type=FOLDER, required=True, help="Its card, a TOML file.")
@output_options
def add(file: Path, card_file: Path, output: Output) -> None:
    """Add a model of your own: FILE is ONNX, an OpenVINO .xml, or weights of a known net.

    It is tried on two faces and copied. docs/models.md explains the card.
    """
    from facegate.models.shelf.install import add as add_model

    card = add_model(file, card_file)
    _show_terms(card, output)
    if not card.thresholds:
        output.note("no threshold was measured for it yet: `facegate calibrate` measures one")
    summary = _summary(card)
    output.result(f"added {summary['model_id']}", summary)


@command.command(short_help="Compare installed weights with their sums.")
@click.argument("name", required=False)
@output_options
def verify(name: str | None, output: Output) -> int:
    """Read the weights again and compare them with their sums: of model NAME, or of all."""
    from dataclasses import asdict

    from facegate.models.shelf.install import verify as verify_models
    from facegate.models.zoo import card as card_of
    from facegate.models.zoo import cards, installed

    findings = verify_models(name)
    chosen = [card_of(name)] if name is not None else list(cards().values())
    names = [card.name for card in chosen if installed(card)]
    bad = {finding.model for finding in findings}
    lines = [f"{name}: sound" for name in names if name not in bad]
    lines += [f"{finding.model}: {finding.message}: {finding.hint}" for finding in findings]
    output.result(
        "\n".join(lines) or "no model is installed",
        {"models": names, "findings": [asdict(finding) for finding in findings]},
    )
    return 1 if findings else 0


@command.command(short_help="Write a model as one ONNX file.")
@click.argument("name")
@click.option("--onnx", "target", type=FOLDER, required=True, help="The new file.")
@output_options
def export(name: str, target: Path, output: Output) -> None:
    """Write model NAME as one ONNX file, with a card of the same name beside it.

    Needs the packages of facegate[onnx].
    """
    from facegate.models.shelf.export import export_onnx

    card = export_onnx(name, target)
    beside = target.with_suffix(".toml")
    _show_terms(card, output)
    value = {"file": str(target), "card": str(beside), **_summary(card), "sha256": card.sha256}
    output.result(f"wrote {target} and {beside}", value)


def _state(row: dict[str, Any]) -> str:
    if row["installed"] and row["model_id"] is None:
        return "damaged"
    return "default" if row["default"] else "yes" if row["installed"] else "no"


def _summary(card: "Card") -> dict[str, Any]:
    from facegate.errors import WeightsError
    from facegate.models.zoo import DEFAULT_MODEL, installed, installed_id

    try:
        full_id = installed_id(card)
    except WeightsError:
        full_id = None  # one damaged model must not hide the others; loading it says what it has
    sizes = [part.size_bytes for part in card.parts]
    return {
        "name": card.name,
        "title": card.title,
        "installed": installed(card),
        "default": card.name == DEFAULT_MODEL,
        "model_id": full_id,
        "dim": card.dim,
        "input_size": card.input_size,
        "size_bytes": None if None in sizes else sum(size or 0 for size in sizes),
        "faces_per_second": card.measured.get("faces_per_second"),
        "licence": card.licence,
        "training_data": card.training_data,
    }


def _install_check(source: Path | None, output: Output) -> None:
    from facegate.models.presentation.card import MINIFASNET
    from facegate.models.presentation.install import install_check

    output.note(f"licence: {MINIFASNET.licence}; training data: {MINIFASNET.training_data}")
    install_check(MINIFASNET, source)
    output.result(f"installed {MINIFASNET.name}", {"name": MINIFASNET.name, "installed": True})
    output.note("use it with 'facegate serve --pad minifasnet'; a hint, never a proof")


def _show_terms(card: "Card", output: Output) -> None:
    for line in terms(card):
        output.note(line)


def _ask(card: "Card") -> None:
    """Ask before a download; where nobody can answer, say how to agree beforehand."""
    from facegate.errors import InputError

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise InputError(
            f"{card.name} is not downloaded without a yes",
            hint="read its licence and run this again with --yes",
        )
    size = megabytes(sum(part.size_bytes or 0 for part in card.parts) or None)
    click.confirm(f"Download {card.file} ({size})?", abort=True, err=True)


def _bar(output: Output) -> Callable[[str, int | None], Any] | None:
    """Return what draws a bar of bytes, or None where none may be drawn."""
    if not output.shows_progress:
        return None

    @contextmanager
    def draw(label: str, total: int | None) -> Iterator[Callable[[int], None]]:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        with Progress(
            "{task.description}", *columns, console=Console(stderr=True), transient=True
        ) as bar:
            task = bar.add_task(label, total=total)
            yield lambda count: bar.advance(task, count)

    return draw


def _speed(row: dict[str, Any]) -> str:
    speed = row["faces_per_second"]
    return "unknown" if speed is None else f"{speed:.0f}"


def _shortened(text: str) -> str:
    return text if len(text) <= LICENCE_WIDTH else text[: LICENCE_WIDTH - 1] + "…"

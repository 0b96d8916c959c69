"""``facegate evaluate``: measure error rates, with their intervals."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from facegate.cli.common import Output, Place, model_options, output_options

if TYPE_CHECKING:
    from facegate.evaluation.run import Protocol

FOLDER = Place()


@click.command(name="evaluate")
@click.option("--protocol", type=click.Choice(("lfw",)), help="LFW View 2, with --data.")
@click.option("--data", type=FOLDER, help="The folder that the pairs' photographs lie in.")
@click.option("--pairs", type=FOLDER, help="A CSV file of pairs; with --protocol lfw pairs.txt.")
@click.option("--people", type=FOLDER, help="A folder of one folder a person: everybody's pairs.")
@click.option("--split", help="With --people: only this split of people.csv.", default="")
@click.option("--enrolled", type=FOLDER, help="Who is enrolled: one folder a person.")
@click.option("--probes", type=FOLDER, help="Who is looked for: one folder a person.")
@click.option("--aligned", is_flag=True, help="The photographs are aligned crops of 128 x 128.")
@click.option("--against", metavar="MODEL", help="Compare with this model on the same people.")
@click.option("--controls", is_flag=True, help="Measure an untrained net and shuffled labels too.")
@click.option("--report", type=FOLDER, metavar="FILE", help="Write a report, one HTML file.")
@click.option("--write-card", is_flag=True, help="With --people: keep the thresholds on the card.")
@model_options
@output_options
def command(
    protocol: str | None,
    data: Path | None,
    pairs: Path | None,
    people: Path | None,
    split: str,
    enrolled: Path | None,
    probes: Path | None,
    aligned: bool,
    against: str | None,
    controls: bool,
    report: Path | None,
    write_card: bool,
    model: str | None,
    device: str,
    output: Output,
) -> None:
    """Measure how often a model errs, with 95 % intervals over resampled people.

    \b
    facegate evaluate --protocol lfw --data lfw/
    facegate evaluate --pairs pairs.csv --data photographs/
    facegate evaluate --people people/ --aligned --split cal
    facegate evaluate --enrolled staff/ --probes visitors/

    Pairs are columns image_a,image_b,same[,fold][,group]. Embeddings are kept, so that a second
    run, or one after a stop, goes on where it was.
    """
    from facegate.evaluation.cards import check_people
    from facegate.evaluation.run import Evaluation
    from facegate.evaluation.tables import difference_lines, differences_json, result_lines
    from facegate.models.zoo import DEFAULT_MODEL

    if write_card and people is None:
        raise click.UsageError("thresholds come from people who choose nothing else: --people")
    if report is not None and (report.suffix.lower() == ".json" or report.is_dir()):
        raise click.UsageError("--report names an HTML file; the figures go beside it as .json")
    asked = _protocol(protocol, data, pairs, people, split, enrolled, probes)
    if write_card:
        check_people(asked)
    name = DEFAULT_MODEL if model is None else model
    evaluation = Evaluation(asked, aligned=aligned, device=device, bar=output.progress)
    result = evaluation.measure(name)
    lines, value = result_lines(result), result.as_json()
    compared = None if against is None else (against, evaluation.compare(name, against))
    if compared is not None:
        other, found = compared
        lines += ["", *difference_lines(found, name, other)]
        value["against"] = differences_json(found, name, other)
    measured = evaluation.controls(name) if controls else {}
    if measured:
        for control, outcome in measured.items():
            lines += ["", f"control, {control}:", *result_lines(outcome)[1:]]
        value["controls"] = {control: outcome.as_json() for control, outcome in measured.items()}
    if report is not None:
        from facegate.evaluation.report import write_report

        written = write_report(
            report, evaluation, name, result, value, against=compared, controls=measured
        )
        for path in written:
            output.note(f"wrote {path}")
    if write_card:
        for path in evaluation.keep_measured(name):
            output.note(f"kept {path}")
    output.result("\n".join(lines), value)


def _protocol(
    protocol: str | None,
    data: Path | None,
    pairs: Path | None,
    people: Path | None,
    split: str,
    enrolled: Path | None,
    probes: Path | None,
) -> "Protocol":
    from facegate.data.protocols.lfw import read_lfw
    from facegate.data.protocols.openset import read_open_set
    from facegate.data.protocols.pairs import read_pairs
    from facegate.data.protocols.people import read_people

    chosen = [protocol or pairs, people, enrolled or probes]
    if sum(one is not None for one in chosen) != 1:
        raise click.UsageError(
            "name one protocol: --protocol lfw or --pairs with --data, --people, "
            "or --enrolled with --probes"
        )
    if split and people is None:
        raise click.UsageError("--split belongs to --people")
    if data is not None and chosen[0] is None:
        raise click.UsageError("--data belongs to --pairs and --protocol")
    if people is not None:
        return read_people(people, split=split)
    if enrolled is not None or probes is not None:
        if enrolled is None or probes is None:
            raise click.UsageError("--enrolled and --probes belong together")
        return read_open_set(enrolled, probes)
    if data is None:
        raise click.UsageError("--data names the folder of the photographs")
    if protocol == "lfw":
        return read_lfw(pairs or data / "pairs.txt", data)
    assert pairs is not None  # one of the three was chosen
    return read_pairs(pairs, data)

"""``facegate train``: an embedder of one's own, by semi-hard triplet loss."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facegate.cli.common import DEVICES, Output, Place, output_options
from facegate.cli.interrupt import Interrupted

if TYPE_CHECKING:
    from facegate.data.audit import Audit
    from facegate.models.training.config import Config
    from facegate.models.training.session import Outcome
    from facegate.models.training.sweep import Row

PRESETS = ("tiny", "small", "finetune", "paper")
FOLDER = Place(file_okay=False)
FILE = Place(dir_okay=False)
PLACE = Place()
SHOWN = 10
"""Of each kind of finding of an audit, on a terminal."""


@click.command(short_help="Train an embedder with semi-hard triplet loss.")
@click.option(
    "--out", type=FOLDER, help="The run's folder: new or empty, or with --resume a run's."
)
@click.option("--data", type=PLACE, help="A folder with one folder of images a person.")
@click.option(
    "--manifest", type=PLACE, help="A CSV file: identity, and as wanted path, split, source."
)
@click.option("--aligned", is_flag=True, default=None, help="The images come ready, faces or not.")
@click.option(
    "--unlabelled", type=PLACE, multiple=True, help="A folder or zip file; for --teacher."
)
@click.option("--preset", type=click.Choice(PRESETS), help="Settings to start from.")
@click.option("--config", "file", type=FILE, help="Settings as TOML; above the preset.")
@click.option(
    "--set", "pairs", multiple=True, metavar="KEY=VALUE", help="Any setting; above the file."
)
@click.option("--net", help="plain-t, plain-s, … or package:Class.")
@click.option("--loss", help="semi-hard, batch-hard, cosface, … or pml:NAME; for every stage.")
@click.option("--margin", type=float, help="For every stage.")
@click.option("--steps", type=int, help="For every stage.")
@click.option("--lr", type=float, help="For every stage.")
@click.option(
    "--teacher", multiple=True, help="A model to learn from too, or its .npy; may be repeated."
)
@click.option("--finetune", metavar="NAME", help="Make this model better on the people in --data.")
@click.option(
    "--weights", type=PLACE, help="A file to start from: .safetensors, or the .pt of a state dict."
)
@click.option("--seed", type=int)
@click.option("--device", type=click.Choice(DEVICES))
@click.option("--resume", is_flag=True, help="Go on with the run in --out.")
@click.option("--audit", is_flag=True, help="Only look at the data, and say what is wrong with it.")
@click.option("--against", type=FOLDER, help="With --audit: people nobody may be shared with.")
@click.option("--model", metavar="NAME", help="With --audit: look at faces with this model.")
@click.option(
    "--sweep", "sweeps", multiple=True, metavar="KEY=A,B,…", help="One run for each value, a table."
)
@output_options
def command(
    *,
    out: Path | None,
    file: Path | None,
    preset: str | None,
    pairs: tuple[str, ...],
    resume: bool,
    audit: bool,
    against: Path | None,
    model: str | None,
    sweeps: tuple[str, ...],
    output: Output,
    **flags: Any,
) -> int:
    """Train an embedder on a folder of people, and end with a model that `models add` takes.

    Settings come from the preset, then the file, then the flags. The run's folder keeps them,
    the metrics, checkpoints and plots. A run that was stopped goes on with --resume.

    Exit status: 0 trained, 1 --audit found something or --finetune made nothing better, 2 bad
    input, 3 stopped by the watchdog.
    """
    from facegate.models.training.config import load_config
    from facegate.models.training.finetune import tuned_config
    from facegate.models.training.run_folder import RunFolder

    _check_together(resume=resume, audit=audit, sweeps=sweeps, against=against, model=model)
    given = {key: _plain(value) for key, value in flags.items() if value not in (None, ())}
    given |= dict(_pair(text) for text in pairs)
    if resume:
        if out is None:
            raise click.UsageError("--resume needs --out, the folder of the run")
        own = RunFolder.resume(out).config
        if file or preset or given:  # settings may be given again, but not others
            base = None if file or preset else out / "config.toml"
            asked = load_config(preset=preset, file=file or base, flags=given)
            RunFolder.resume(out, asked if base else tuned_config(asked))
        return _run(own, out, output, resume=True)
    config = load_config(preset=preset, file=file, flags=given)
    if audit:
        return _audit(config, against, model, output)
    if out is None:
        raise click.UsageError("--out is needed, a folder for the run")
    if sweeps:
        return _sweep(config, sweeps[0], out, output)
    return _run(tuned_config(config), out, output)


def _check_together(
    *, resume: bool, audit: bool, sweeps: tuple[str, ...], against: Path | None, model: str | None
) -> None:
    """Refuse options that would be passed over in silence beside others."""
    if len(sweeps) > 1:
        raise click.UsageError("--sweep takes one setting; give it once")
    for name, value in (("--against", against), ("--model", model)):
        if value is not None and not audit:
            raise click.UsageError(f"{name} goes with --audit")
    doing = [
        name
        for name, is_asked in (("--resume", resume), ("--audit", audit), ("--sweep", bool(sweeps)))
        if is_asked
    ]
    if len(doing) > 1:
        raise click.UsageError(f"{doing[0]} does not go with {doing[1]}")


def _run(config: "Config", out: Path, output: Output, *, resume: bool = False) -> int:
    from facegate.cli.train_screen import Screen
    from facegate.models.training.ranks import Ranks
    from facegate.models.training.run_folder import CONFIG
    from facegate.models.training.session import train
    from facegate.models.training.watchdog import TrainingStopped

    output = _of_this_process(output)
    try:
        with Screen(config, output) as screen:
            outcome = train(config, out, resume=resume, screen=screen, progress=screen.decoding)
    except TrainingStopped as stop:
        if Ranks.speaks():
            raise
        return stop.exit_status  # all processes stop together, and the first says why
    except KeyboardInterrupt as stop:
        begun = (out / CONFIG).is_file()
        go_on = f"the run goes on with: facegate train --out {out} --resume"
        raise Interrupted(go_on if begun else "nothing was changed") from stop
    if Ranks.speaks():
        output.result(_describe(outcome), _as_json(outcome))
    return 0 if outcome.verdict is None or outcome.verdict.is_better else 1


def _of_this_process(output: Output) -> Output:
    """Return an output that says nothing where another process of the run speaks for all."""
    from facegate.models.training.ranks import Ranks

    return output if Ranks.speaks() else replace(output, quiet=True)


def _audit(config: "Config", against: Path | None, model: str | None, output: Output) -> int:
    from facegate.data.audit import audit
    from facegate.data.dataset import read_dataset
    from facegate.models.pipeline import Pipeline
    from facegate.models.training.eyes import OVERLAP_FMR, make_eye, meetings

    if not config.data:
        raise click.UsageError("--audit needs --data, a folder with one folder a person")
    manifest = Path(config.manifest) if config.manifest else None
    dataset = read_dataset(Path(config.data), manifest)
    other = None if against is None else read_dataset(against)
    eye = None
    pipeline = Pipeline(model)
    if model is not None or other is not None:
        eye = make_eye(pipeline, aligned=config.aligned, crop=config.crop, size=config.size)
    else:
        output.note("wrong labels are looked for with --model, such as --model facegate-1")
    with output.progress("images", len(dataset.files)) as advance:
        found = audit(dataset, embed=eye, progress=advance)
    if other is not None and eye is not None:
        eyes = (eye, make_eye(pipeline, aligned=False, crop=config.crop, size=config.size))
        threshold = pipeline.embedder.card.threshold_at(OVERLAP_FMR).score
        with output.progress("shared people", len(dataset.files) + len(other.files)) as advance:
            found.add_meetings(
                meetings(dataset, other, eyes, threshold=threshold, progress=advance)
            )
    output.result(_describe_audit(found), found.as_json())
    return 1 if found.findings else 0


def _sweep(config: "Config", text: str, out: Path, output: Output) -> int:
    from facegate.cli.train_screen import Screen
    from facegate.models.training.ranks import Ranks
    from facegate.models.training.sweep import parse_sweep, sweep

    output = _of_this_process(output)
    key, values = parse_sweep(text)
    rows = []
    for row in sweep(config, key, values, out, screen=lambda c: Screen(c, output)):
        rows.append(row)
        output.note(f"{key} = {row.value}: {_of_row(row)}")
    width = max(len(str(row.value)) for row in rows)
    lines = [f"{row.value!s:>{width}}  {_of_row(row)}" for row in rows]
    table = [
        {key: row.value, **(_as_json(row.outcome) if row.outcome else {"stopped": row.stopped})}
        for row in rows
    ]
    if Ranks.speaks():
        output.result("\n".join([key, *lines]), {"sweep": table})
    return 0 if any(row.outcome for row in rows) else 3


def _of_row(row: "Row") -> str:
    if row.outcome is None:
        return row.stopped
    verdict = row.outcome.verdict
    kept = "" if verdict is None else ", kept" if verdict.is_better else ", not kept"
    return _measured(row.outcome) + kept


def _describe(outcome: "Outcome") -> str:
    lines = [f"trained {outcome.images} images in {outcome.seconds / 60:.1f} minutes"]
    lines.append(_measured(outcome))
    verdict = outcome.verdict
    if verdict is not None:
        for name, before, after in (
            ("your people", verdict.own_before, verdict.own_after),
            ("strangers", verdict.strangers_before, verdict.strangers_after),
        ):
            lines.append(
                f"{name}: TAR at FMR {before.fmr:g} {before.tar:.1%} before, {after.tar:.1%} "
                f"after; EER {before.eer:.1%} before, {after.eer:.1%} after"
            )
        if not verdict.is_better:
            lines.append("the tuned model is not kept: it is no better, or strangers pay for it")
    if outcome.card is not None:
        model = outcome.folder / outcome.card.file
        card = outcome.folder / "card.toml"
        lines.append(f"model {model}; add it with: facegate models add {model} --card {card}")
        lines.append(
            f"its card has thresholds from FMR {outcome.card.thresholds[-1].fmr:g} up: "
            f"facegate verify A B --model {outcome.card.name} --fmr RATE"
        )
    return "\n".join(lines)


def _measured(outcome: "Outcome") -> str:
    best = outcome.best
    return f"validation TAR {best.tar:.1%} at FMR {best.fmr:g}, EER {best.eer:.1%}"


def _as_json(outcome: "Outcome") -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "folder": str(outcome.folder),
        "model": None if outcome.card is None else outcome.card.name,
        "val": outcome.best.facts(),
        "images": outcome.images,
        "seconds": {"training": round(outcome.seconds, 3)},
        "finetuned": None if outcome.verdict is None else asdict(outcome.verdict),
    }


def _describe_audit(found: "Audit") -> str:
    lines = [f"{key.replace('_', ' '):<24} {_figure(v)}" for key, v in found.figures.items()]
    lines += [f"! {finding}" for finding in found.findings]
    for kind, entries in found.lists.items():
        if entries:
            lines.append(f"{kind.replace('_', ' ')}:")
            lines += [f"  {_entry(entry)}" for entry in entries[:SHOWN]]
        if len(entries) > SHOWN:
            lines.append(f"  … and more: --json names {len(entries)}")
    return "\n".join(lines)


def _figure(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_figure(part)}" for name, part in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)


def _entry(entry: Any) -> str:
    if isinstance(entry, dict):
        return ", ".join(f"{key} {value}" for key, value in entry.items() if value is not None)
    return entry if isinstance(entry, str) else " = ".join(entry)


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        return tuple(str(item) for item in value)
    return value


def _pair(text: str) -> tuple[str, Any]:
    """Read KEY=VALUE, the value as TOML or else as text."""
    import tomllib

    key, sign, value = text.partition("=")
    if not sign or not key.strip():
        raise click.UsageError(f"--set takes KEY=VALUE, got {text!r}")
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value

"""``facegate doctor``: look for what is missing or mismatched on this machine."""

from typing import TYPE_CHECKING

import click

from facegate.cli.common import Output, output_options

if TYPE_CHECKING:
    from facegate.doctor.examination import Report


@click.command(short_help="Look for what is missing or mismatched on this machine.")
@output_options
def command(output: Output) -> int:
    """Look for what is missing or mismatched on this machine, and say how to mend it.

    Shows versions, devices, models and where everything lies. Takes some seconds, because the
    large packages are imported to see if they can be.

    Exit status: 0 all is well, 1 something was found.
    """
    from facegate.doctor.examination import examine

    report = examine()
    output.result(describe(report), report.as_json())
    return 1 if report.findings else 0


def describe(report: "Report") -> str:
    """Return the report as lines for people: facts first, what is wrong last."""
    facts = report.as_json()
    cpu = report.cpu
    devices = ", ".join(report.openvino_devices) or "none"
    lines = [
        f"facegate   {facts['facegate']} on Python {facts['python']}, {facts['platform']}",
        "packages   " + ", ".join(f"{n} {v or 'missing'}" for n, v in report.versions.items()),
        f"cpu        {cpu.name or 'unknown'}, {cpu.n_cores} cores; {' '.join(cpu.instructions)}",
        f"nets       OpenVINO on {devices}, in {facts['devices']['precision']}{_instead(report)}",
        f"cuda       {report.cuda or 'none that torch can use'}",
        f"sqlite     {facts['sqlite']['version']}, journal {facts['sqlite']['journal_mode']}",
        "models     " + ", ".join(f"{m.name} ({_state(m.sound)})" for m in report.models),
        f"gallery    {_gallery(report)}",
        *(f"{name:<10} {place}" for name, place in report.places.items() if name != "gallery"),
    ]
    if not report.findings:
        return "\n".join([*lines, "", "nothing is wrong"])
    wrong = [f"{f.topic}: {f.message}: {f.hint}" for f in report.findings]
    return "\n".join([*lines, "", f"{len(wrong)} found:", *wrong])


def _instead(report: "Report") -> str:
    """Say what the precision would be without our setting, where that is another."""
    return " (left alone it would take bf16 here)" if report.cpu.has_bf16 else ""


def _state(sound: bool | None) -> str:
    return {True: "installed", False: "damaged", None: "not installed"}[sound]


def _gallery(report: "Report") -> str:
    gallery = report.gallery
    if gallery is None:
        return f"{report.places['gallery']}: none yet"
    return (
        f"{gallery.path}: {gallery.n_identities} people, {gallery.n_templates} templates, "
        f"model {gallery.model}"
    )

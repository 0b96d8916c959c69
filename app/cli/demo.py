"""``facegate demo``: the main job on two portraits."""

import click

from facegate.cli.common import Output, model_options, output_options


@click.command(short_help="Enrol one of two people and find her again.")
@model_options
@output_options
def command(model: str | None, device: str, output: Output) -> int:
    """Enrol one of two people from a film, recognise her in another, refuse the other person.

    Needs no camera and no network: the films are made of two public-domain portraits that come
    with the libraries. Your own gallery is not touched.

    Exit status: 0 it went as it should, 1 it did not.
    """
    import tempfile
    from pathlib import Path

    from facegate.demo import run_demo
    from facegate.recognizer import Recognizer

    folder = Path(tempfile.mkdtemp(prefix="facegate-demo-"))
    with Recognizer(folder / "gallery.db", model=model, device=device) as recognizer:
        answer = run_demo(recognizer, folder, output.note)
    took = ", ".join(f"{stage} {spent:.1f}" for stage, spent in answer.seconds.items())
    output.result(
        "\n".join(
            (
                f"seconds: {took}",
                f"picture: {answer.picture} (films and gallery of the demo lie beside it)",
                "as it should be" if answer.ok else "not as it should be",
            )
        ),
        answer.as_json(),
    )
    return 0 if answer.ok else 1

"""``facegate serve``: the web page and the API."""

import sys
from typing import TYPE_CHECKING

import click

from facegate.cli.common import Output, output_options

if TYPE_CHECKING:
    from facegate.server.settings import Settings


@click.command(short_help="A web page and an API for this machine.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8321,
    show_default=True,
    help="The port; 0 takes one that is free.",
)
@click.option("--open", "open_page", is_flag=True, help="Open the page in the browser.")
@click.option(
    "--public-url",
    default="",
    metavar="URL",
    help="The address that browsers use, where a proxy stands before the server.",
)
@click.option(
    "--tls-self-signed", is_flag=True, help="Speak TLS with a certificate of our own making."
)
@click.option(
    "--pad",
    type=click.Choice(["minifasnet"]),
    default=None,
    help="Also say which faces look like a photograph or a screen, as a field of its own.",
)
@output_options
def command(
    host: str,
    port: int,
    open_page: bool,
    public_url: str,
    tls_self_signed: bool,
    pad: str | None,
    output: Output,
) -> int:
    """Serve a web page that enrols, verifies and identifies, and the API under /api/v1.

    Only this machine can reach it, unless there are API keys ('facegate keys create'). The
    link that it prints signs in once, within ten minutes.

    A matching score is not presence: facegate does not tell a live face from a photograph or
    a screen. --pad adds a hint, no proof (docs/serve.md says what it catches).

    Ctrl-C stops it; requests that run are finished first.
    """
    from facegate.models.home import home
    from facegate.server.running import serve
    from facegate.server.settings import Settings

    def started(bound: "Settings", link: str) -> None:
        output.result(
            f"facegate is at {link}",
            {"address": bound.address, "port": bound.port, "login": link},
        )
        output.note("the link signs in once, within ten minutes; Ctrl-C stops the server")
        sys.stdout.flush()
        if open_page:
            click.launch(link)

    output.note("loading the model, which takes longer the first time")
    settings = Settings(home(), host=host, port=port, public_url=public_url, pad=pad or "")
    try:
        serve(settings, tls=tls_self_signed, started=started)
    except KeyboardInterrupt:
        # How uvicorn passes a signal on, after everything has ended well.
        output.note("stopped")
    return 0

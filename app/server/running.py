"""Run the server: bind, print the link, serve, stop without losing what was acknowledged."""

import shutil
import socket
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import uvicorn

from facegate.errors import InputError, MachineError
from facegate.server.access.database import Database
from facegate.server.access.keys import Keys
from facegate.server.app import create_app
from facegate.server.guard.connections import protocol
from facegate.server.services import Services
from facegate.server.session import MAX_FRAME
from facegate.server.settings import Settings

GRACE_S = 10
"""How long requests that run may take when the server is told to stop."""


def serve(
    settings: Settings, *, tls: bool, started: Callable[[Settings, str], None] = lambda *_: None
) -> None:
    """Serve until told to stop.

    Args:
        tls: speak TLS with a certificate of our own making.
        started: is told the settings with the true port, and the login link, once the server
            listens.

    Raises:
        InputError: the address may not be used, see ``check_address``; the port is taken.
    """
    check_address(settings)
    with listen(settings) as listening:
        settings = replace(settings, port=listening.getsockname()[1], is_secure=tls)
        certificate = self_signed(settings.folder) if tls else None
        services = Services(settings)
        try:
            services.warm_up()
        except BaseException:
            services.close()
            raise
        link = f"{settings.address}/#login={services.logins.new_link()}"
        server = _Telling(
            configured(settings, services, certificate), lambda: started(settings, link)
        )
        server.run(sockets=[listening])


def configured(
    settings: Settings, services: Services, certificate: tuple[str, str] | None = None
) -> uvicorn.Config:
    """Return how uvicorn runs a server: its limits, and silence but for warnings."""
    return uvicorn.Config(
        create_app(settings, services),
        http=protocol(settings.limits, shared=settings.proxies if settings.public_url else ()),
        ws="websockets-sansio",
        ws_max_size=MAX_FRAME,
        ws_per_message_deflate=False,
        lifespan="on",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=int(settings.limits.idle_s),
        timeout_graceful_shutdown=GRACE_S,
        ssl_certfile=certificate[0] if certificate else None,
        ssl_keyfile=certificate[1] if certificate else None,
    )


def check_address(settings: Settings) -> None:
    """Refuse to listen where others can reach an open server.

    Raises:
        InputError: the host is not this machine's own and there are no keys, or no public
            address says by which name the server is called.
    """
    if settings.is_loopback:
        return
    database = Database(settings.folder)
    try:
        has_keys = Keys(database).exist()
    finally:
        database.close()
    if not has_keys:
        raise InputError(
            f"{settings.host} can be reached by others and there are no API keys",
            hint="make one first with 'facegate keys create', or leave --host out",
        )
    if not settings.public_url:
        raise InputError(
            f"{settings.host} can be reached by others and nobody said by which name",
            hint="give --public-url https://NAME, the address that browsers use",
        )


def listen(settings: Settings) -> socket.socket:
    """Return a bound socket.

    Raises:
        InputError: the port is taken or the host is not ours.
    """
    host = "127.0.0.1" if settings.host == "localhost" else settings.host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, settings.port))
    except OSError as error:
        found.close()
        raise InputError(
            f"cannot listen on {settings.host} port {settings.port}, {error.strerror or error}",
            hint="choose another with --port, or 0 for any that is free",
        ) from error
    return found


def self_signed(folder: Path) -> tuple[str, str]:
    """Return the files of a certificate and its key, made at first use by the tool openssl.

    Raises:
        MachineError: openssl is not there or failed.
    """
    certificate, key = folder / "serve-cert.pem", folder / "serve-key.pem"
    if not (certificate.exists() and key.exists()):
        tool = shutil.which("openssl")
        if tool is None:
            raise MachineError(
                "openssl is not installed and makes the certificate",
                hint="install it, or put a proxy with TLS before the server",
            )
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key.touch(mode=0o600)
        command = (
            *(tool, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "825", "-subj", "/CN=facegate"),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(certificate)),
        )
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            certificate.unlink(missing_ok=True)
            key.unlink(missing_ok=True)
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise MachineError(f"openssl made no certificate, {last}", hint="see its manual")
    return str(certificate), str(key)


class _Telling(uvicorn.Server):
    """uvicorn's server, which tells when it listens."""

    def __init__(self, config: uvicorn.Config, told: Callable[[], None]) -> None:
        super().__init__(config)
        self._told = told

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self._told()

"""`gridwatch ca`: a small private certificate authority for the broker and its devices."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gridwatch.cli.credentials import actor
from gridwatch.cli.work import with_store
from gridwatch.errors import SettingsError
from gridwatch.settings import Settings, read_settings
from gridwatch.store.credentials import (
    issue_certificate,
    list_credentials,
    revoke_credentials,
    revoked_serials,
)

ca_app = typer.Typer(no_args_is_help=True, help="A private certificate authority for broker and devices.")

if TYPE_CHECKING:
    from gridwatch.private_ca import Issued, PrivateCa

FOLDER = "ca"
DEVICE_DAYS = 825


def private_ca(settings: Settings) -> "PrivateCa":
    """Return the authority of an installation, made or not."""
    from gridwatch.private_ca import PrivateCa

    return PrivateCa(settings.data_dir / FOLDER)


@ca_app.command("init")
def init_command(
    name: Annotated[str, typer.Option(help="what its certificate calls it")] = "Gridwatch",
) -> None:
    """Make the authority. Its key never leaves the data directory: keep that directory to yourself."""
    ca = private_ca(read_settings())
    ca.make(name)
    typer.echo(f"made: devices trust the broker by {ca.certificate}")


@ca_app.command("issue")
def issue_command(
    device: Annotated[str, typer.Argument(metavar="ID")],
    csr: Annotated[
        Path | None, typer.Option(metavar="FILE", help="its request (PEM): its key stays where it is")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=7300, help="how long it is good")] = DEVICE_DAYS,
    out: Annotated[Path, typer.Option(metavar="DIR", help="where certificate and key go")] = Path(),
) -> None:
    """Give a device a certificate; those that it has stay good."""
    from gridwatch.private_ca import write_private

    settings = read_settings()
    ca = private_ca(settings)
    request = None if csr is None else _read(csr)
    issued: list[Issued] = []

    def sign(username: str) -> tuple[str, datetime]:
        issued.append(ca.issue_client(username, csr=request, days=days))
        return issued[0].serial, issued[0].ends_at

    with_store(settings, lambda store: issue_certificate(store, device, sign, actor=actor()))
    try:
        write_private(out / f"{device}.pem", issued[0].certificate)
        if issued[0].key is not None:
            write_private(out / f"{device}.key", issued[0].key)
    except OSError as error:
        raise SettingsError(f"{out}: {error.strerror}; the certificate was issued and is lost") from error
    typer.echo(f"{out / device}.pem is good until {issued[0].ends_at:%Y-%m-%d}")


@ca_app.command("revoke")
def revoke_command(
    device: Annotated[str, typer.Argument(metavar="ID")],
    serial: Annotated[str | None, typer.Option(help="only the one with this serial number")] = None,
) -> None:
    """Take certificates of a device back; whoever is connected with them is out within 5 seconds."""
    settings = read_settings()
    found = with_store(settings, lambda store: list_credentials(store, device))
    chosen = [one for one in found if one.certificate and serial in (None, one.serial)]
    if not chosen:
        raise SettingsError(f"{device!r} has no such certificate: gridwatch devices credential list {device}")
    for one in chosen:
        name = one.username
        with_store(
            settings,
            lambda store, name=name: revoke_credentials(store, device, actor=actor(), username=name),  # type: ignore[misc]
        )
    ca = private_ca(settings)
    if ca.exists:
        ca.revoke(with_store(settings, revoked_serials))
    typer.echo(f"revoked {', '.join(one.serial or '' for one in chosen)}")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from error

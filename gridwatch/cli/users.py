"""`gridwatch users`: who may sign in, and the tokens of programs, from the command line."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from gridwatch.account_files import SHORTEST_PASSWORD, UserLine, read_users, write_users
from gridwatch.cli.tables import wide_table
from gridwatch.cli.work import at_the_command_line, with_store
from gridwatch.cli.workers import write_private
from gridwatch.errors import SettingsError
from gridwatch.settings import read_settings
from gridwatch.store import Store
from gridwatch.store.accounts import (
    Account,
    delete_account,
    issue_token,
    list_accounts,
    list_tokens,
    put_accounts,
    revoke_token,
    set_password,
)

users_app = typer.Typer(no_args_is_help=True, help="Who may sign in: accounts, roles, areas, tokens.")

Username = Annotated[str, typer.Argument(metavar="USERNAME")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON list, for programs")]

SHOWN = ("username", "role", "area", "disabled", "password")


@users_app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(help="a CSV: username,role,area,disabled,password")],
) -> None:
    """Add and change accounts, all or none; every line that is wrong is told. Others stay as they are.

    Roles: administrator, operator, grid_worker, integration. Without a password the old one stays.
    """
    try:
        lines = read_users(file.read_bytes())
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from error

    async def put(store: Store) -> None:
        await put_accounts(store, await asyncio.gather(*map(_with_hash, lines)), by=at_the_command_line())

    with_store(read_settings(), put)
    typer.echo(f"imported: {len(lines)} accounts")


async def _with_hash(line: UserLine) -> Account:
    if line.password is None:
        return line.account
    return replace(line.account, password_hash=await _hash(line.password))


async def _hash(password: str) -> str:
    from api.sign_in import Passwords

    return await Passwords().hash(password)


@users_app.command("list")
def list_command(as_json: AsJson = False) -> None:
    """List accounts."""
    accounts = with_store(read_settings(), list_accounts)
    rows = [
        {
            "username": one.username,
            "role": one.role,
            "area": one.area,
            "disabled": one.disabled,
            "password": one.password_hash is not None,
        }
        for one in accounts
    ]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    table = wide_table(*SHOWN)
    for row in rows:
        table.add_row(*("" if row[name] in (None, False) else str(row[name]) for name in SHOWN))
    Console().print(table)


@users_app.command("export")
def export_command(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="none: here")] = None,
) -> None:
    """Write accounts as a file that can be imported again; passwords are not in it."""
    accounts = with_store(read_settings(), list_accounts)
    if file is None:
        typer.echo(write_users(accounts), nl=False)
        return
    write_private(file, write_users(accounts))
    typer.echo(f"wrote {len(accounts)} accounts to {file}")


@users_app.command("password")
def password_command(username: Username) -> None:
    """Give an account another password, typed here; whoever is signed in with the old one is out."""
    password = typer.prompt("new password", hide_input=True, confirmation_prompt=True)
    if len(password) < SHORTEST_PASSWORD:
        raise SettingsError(f"a password has at least {SHORTEST_PASSWORD} letters")

    async def change(store: Store) -> None:
        await set_password(store, username, await _hash(password), by=at_the_command_line())

    with_store(read_settings(), change)
    typer.echo(f"{username} has a new password")


@users_app.command("delete")
def delete_command(username: Username) -> None:
    """Delete an account with its tokens."""

    async def delete(store: Store) -> None:
        await delete_account(store, username, by=at_the_command_line())

    with_store(read_settings(), delete)
    typer.echo(f"deleted: {username}")


@users_app.command("token")
def token_command(
    username: Username,
    name: Annotated[str, typer.Option(help="what it is called where it is taken back")],
    days: Annotated[int | None, typer.Option(min=1, help="none: until it is taken back")] = None,
) -> None:
    """Issue a bearer token for an account of role integration; it is shown now and never again."""
    ends_at = None if days is None else datetime.now(UTC) + timedelta(days=days)

    async def issue(store: Store) -> str:
        return await issue_token(store, name, username, by=at_the_command_line(), ends_at=ends_at)

    typer.echo(with_store(read_settings(), issue))


@users_app.command("tokens")
def tokens_command() -> None:
    """List the tokens that were issued, without what is secret of them."""
    columns = ("name", "username", "created_at", "created_by", "ends_at")
    table = wide_table(*columns)
    for one in with_store(read_settings(), list_tokens):
        table.add_row(*(str(getattr(one, name) or "") for name in columns))
    Console().print(table)


@users_app.command("revoke")
def revoke_command(name: Annotated[str, typer.Argument(metavar="NAME", help="of the token")]) -> None:
    """Take a token back; who brings it is refused within a second."""

    async def revoke(store: Store) -> None:
        await revoke_token(store, name, by=at_the_command_line())

    with_store(read_settings(), revoke)
    typer.echo(f"revoked: {name}")

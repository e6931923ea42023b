"""`gridwatch asyncapi`: the contract over MQTT for programs."""

import json

import typer


def asyncapi_command() -> None:
    """Write the contract over MQTT as an AsyncAPI 3 document."""
    from gridwatch.asyncapi import document

    typer.echo(json.dumps(document(), ensure_ascii=False, indent=2))

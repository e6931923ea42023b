"""Every command.

A command imports what it starts only when it runs, so that every other one starts fast.
"""

import typer

from gridwatch.cli.api import api_command
from gridwatch.cli.areas import areas_app
from gridwatch.cli.asyncapi import asyncapi_command
from gridwatch.cli.backup import backup_command, restore_command
from gridwatch.cli.books import books_command, gaps_command
from gridwatch.cli.bridge import bridge_app
from gridwatch.cli.broker_config import broker_config_command
from gridwatch.cli.ca import ca_app
from gridwatch.cli.calibrate import calibrate_command
from gridwatch.cli.channels import channels_app
from gridwatch.cli.collector import ingest_command
from gridwatch.cli.command import command_command
from gridwatch.cli.database import migrate_command
from gridwatch.cli.detect import detect_command
from gridwatch.cli.devices import devices_app
from gridwatch.cli.dispatch import dispatch_command
from gridwatch.cli.doctor import doctor_command
from gridwatch.cli.edge import edge_command
from gridwatch.cli.evidence import evidence_app
from gridwatch.cli.fwi import fwi_command
from gridwatch.cli.learn import learn_command
from gridwatch.cli.lift import lift_app
from gridwatch.cli.quarantine import quarantine_app
from gridwatch.cli.replay import replay_command
from gridwatch.cli.simulate import simulate_command
from gridwatch.cli.up import up_command
from gridwatch.cli.users import users_app
from gridwatch.cli.whom import whom_command
from gridwatch.cli.workers import workers_app

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Sensors and cameras in, alerts to the grid worker who can act.",
)
app.command("up")(up_command)
app.command("ingest")(ingest_command)
app.command("api")(api_command)
app.command("dispatch")(dispatch_command)
app.command("simulate")(simulate_command)
app.command("replay")(replay_command)
app.command("detect")(detect_command)
app.command("edge")(edge_command)
app.command("calibrate")(calibrate_command)
app.command("fwi")(fwi_command)
app.command("learn")(learn_command)
app.command("migrate")(migrate_command)
app.command("books")(books_command)
app.command("gaps")(gaps_command)
app.command("command")(command_command)
app.command("broker-config")(broker_config_command)
app.command("doctor")(doctor_command)
app.command("asyncapi")(asyncapi_command)
app.command("whom")(whom_command)
app.command("backup")(backup_command)
app.command("restore")(restore_command)
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(evidence_app, name="evidence")
app.add_typer(devices_app, name="devices")
app.add_typer(lift_app, name="lift")
app.add_typer(bridge_app, name="bridge")
app.add_typer(areas_app, name="areas")
app.add_typer(channels_app, name="channels")
app.add_typer(workers_app, name="workers")
app.add_typer(users_app, name="users")
app.add_typer(ca_app, name="ca")

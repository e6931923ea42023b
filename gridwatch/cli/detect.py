"""`gridwatch detect`: run a scene's detector on files, without a server."""

import json
from pathlib import Path
from typing import Annotated

import typer

from gridwatch.learnt import model_in_use
from gridwatch.settings import read_settings

WITH_ONNX = ("fire", "elevator")
"""Scenes in which a detector that the user brings takes the place of ours."""


def detect_command(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH…", help="pictures, videos or folders of pictures")
    ],
    scene: Annotated[str, typer.Option(help="fire, elevator or throwing")],
    interval: Annotated[
        float | None,
        typer.Option(help="seconds between the pictures of a folder; unset: as their names tell, else 1"),
    ] = None,
    onnx: Annotated[Path | None, typer.Option(help="ONNX detector for the scene fire or elevator")] = None,
    classes: Annotated[
        str | None, typer.Option(help="its classes and our labels: motorcycle=ebike,…")
    ] = None,
    view: Annotated[Path | None, typer.Option(help="the façade, as `calibrate --export` writes it")] = None,
) -> None:
    """Print one JSON line per PATH: what would raise an alert, and what is only worth a note."""
    from detectors import DetectorOptions
    from gridwatch.cli.judging import detect
    from ingest.edge.cameras import read_view

    given = {f"{scene}_onnx": onnx, f"{scene}_classes": classes} if scene in WITH_ONNX else {}
    settings = read_settings(**given)
    options = DetectorOptions(
        fire_onnx=settings.fire_onnx,
        fire_classes=settings.fire_classes,
        elevator_onnx=settings.elevator_onnx,
        elevator_classes=settings.elevator_classes,
        elevator_model=model_in_use(settings.data_dir, "elevator"),
    )
    facade = None if view is None else read_view("--", view)
    failed = False
    for line in detect(scene, paths, interval_s=interval, options=options, view=facade):
        failed |= "error" in line
        print(json.dumps(line, ensure_ascii=False), flush=True)
    if failed:
        raise typer.Exit(1)

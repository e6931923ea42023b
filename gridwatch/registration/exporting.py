"""Devices as files that can be imported again, and make no change then."""

import json
from collections.abc import Iterable

from gridwatch.model import Device
from gridwatch.registration.body import DeviceBody
from gridwatch.registration.cells import row_of_body
from gridwatch.registration.importing import FileForm
from gridwatch.registration.tables import write_csv, write_xlsx


def write_devices(devices: Iterable[Device], form: FileForm) -> bytes:
    """Return a file of devices, with their addresses and telephones."""
    bodies = [DeviceBody.model_construct(**DeviceBody.fields_of(device)) for device in devices]
    match form:
        case FileForm.CSV:
            return write_csv(map(row_of_body, bodies))
        case FileForm.XLSX:
            return write_xlsx(map(row_of_body, bodies))
        case FileForm.JSON:
            lines = (json.dumps(body.model_dump(mode="json"), ensure_ascii=False) for body in bodies)
            return ("[\n" + ",\n".join(lines) + "\n]\n").encode()

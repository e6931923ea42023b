"""The AsyncAPI document is what the code says, and is valid.

`asyncapi-3.0.0-subset.json` is a JSON Schema of our own, written after the specification: the parts of
AsyncAPI 3.0.0 that the document uses, and no others. It works offline; the payloads are checked against the
draft 7 of JSON Schema that the jsonschema library carries.
"""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from typer.testing import CliRunner

from gridwatch.cli.every import app
from gridwatch.wire import decode
from ingest.collector import MEDIA, READINGS
from ingest.shares import MARKER

ROOT = Path(__file__).resolve().parents[2]
WRITTEN = (ROOT / "docs" / "asyncapi.json").read_text(encoding="utf-8")
DOCUMENT: dict[str, Any] = json.loads(WRITTEN)
SUBSET = json.loads((Path(__file__).parent / "asyncapi-3.0.0-subset.json").read_text())


def references(node: Any) -> list[str]:
    """Return every `$ref` below a part of the document."""
    if isinstance(node, list):
        return [found for value in node for found in references(value)]
    if not isinstance(node, dict):
        return []
    own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
    return own + [found for value in node.values() for found in references(value)]


def test_the_document_in_docs_is_what_the_command_writes() -> None:
    said = CliRunner().invoke(app, ["asyncapi"])
    assert said.stdout == WRITTEN, "write it anew: gridwatch asyncapi > docs/asyncapi.json"


def test_it_is_valid_and_every_reference_leads_somewhere() -> None:
    Draft7Validator.check_schema(SUBSET)
    assert [error.message for error in Draft7Validator(SUBSET).iter_errors(DOCUMENT)] == []
    found = references(DOCUMENT)
    assert len(found) > 20
    for reference in found:
        part: Any = DOCUMENT
        for name in reference.removeprefix("#/").split("/"):
            part = part[name]


@pytest.mark.parametrize("missing", ["asyncapi", "channels", "operations"])
def test_the_check_would_find_a_mistake(missing: str) -> None:
    broken = {name: part for name, part in DOCUMENT.items() if name != missing}
    assert not Draft7Validator(SUBSET).is_valid(broken)
    assert not Draft7Validator(SUBSET).is_valid(DOCUMENT | {"topics": {}})


def test_its_topics_are_those_that_collectors_subscribe_to() -> None:
    received = {
        re.sub(r"\{\w+\}", "+", DOCUMENT["channels"][name]["address"])
        for name, operation in DOCUMENT["operations"].items()
        if operation["action"] == "receive"
    }
    assert received == {*READINGS, *MEDIA} - {MARKER}


def test_every_example_fits_its_schema_and_is_read() -> None:
    read = 0
    for channel in DOCUMENT["channels"].values():
        topic = channel["address"].replace("{device}", "d1").replace("{t_ms}", "1760000000123")
        for form in channel["messages"]:
            message = DOCUMENT["components"]["messages"][form]
            for example in message.get("examples", []):
                payload = example["payload"]
                schema = {"components": DOCUMENT["components"], **message["payload"]}
                assert [error.message for error in Draft7Validator(schema).iter_errors(payload)] == []
                if not topic.endswith(("/command", "/alerts")):
                    body = payload if isinstance(payload, str) else json.dumps(payload)
                    decode(topic, body.encode(), received_at=datetime.now(UTC))
                    read += 1
    assert read == 6


def test_the_page_for_people_names_every_topic() -> None:
    page = (ROOT / "docs" / "mqtt.md").read_text(encoding="utf-8")
    for channel in DOCUMENT["channels"].values():
        assert f"`{channel['address']}`" in page

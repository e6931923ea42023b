"""Schemathesis asks every route of the OpenAPI document for what nobody thought of."""

import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from api.sign_in import Person, Tokens
from gridwatch.areas.area import Area, AreaLevel
from gridwatch.model import Role
from gridwatch.store import Store
from gridwatch.store.accounts import Account, put_accounts, token_secret
from gridwatch.store.areas import put_areas
from tests.api.incidents import happen, register, sensor
from tests.api.serving import Api, at_store, serving, settings_for

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
EXAMPLES = 12
MOST_S = 80
"""For one role; what was not asked by then is not asked."""


async def _settle(store: Store) -> dict[str, str]:
    """Let there be something to find; return a token for each role."""
    await put_areas(store, [Area(code="own", level=AreaLevel.COMMUNITY, name="own")])
    await register(store, sensor("own-1", area="own"))
    await happen(store, "own-1")
    people = {
        "whole": Account(username="whole", password_hash=None, role=Role.ADMINISTRATOR),
        "worker": Account(username="worker", password_hash=None, role=Role.GRID_WORKER, area="own"),
    }
    await put_accounts(store, list(people.values()), by="a test")
    tokens = Tokens(await token_secret(store))
    return {
        name: tokens.issue(Person(username=name, role=one.role, area=one.area))
        for name, one in people.items()
    }


def test_what_no_text_can_be_is_refused_with_its_field(api: Api) -> None:
    body = api.client.post("/api/v1/devices", content=b"\xff", headers={"Content-Type": "application/json"})
    query = api.client.get("/api/v1/lifts", params={"after": "\0"})
    for answer, field in ((body, "body"), (query, "query.after")):
        assert answer.status_code == 422
        assert [wrong["field"] for wrong in answer.json()["errors"]] == [field]


@pytest.mark.slow
@pytest.mark.parametrize("role", ["whole", "worker"])
def test_whatever_is_asked_the_answer_is_a_documented_one(
    database_url: str, tmp_path: Path, role: str
) -> None:
    with serving(settings_for(database_url, tmp_path)) as url:
        token = at_store(database_url, _settle)[role]
        # Written once: the first answer takes longer than its reader waits.
        document = tmp_path / "openapi.json"
        document.write_text(httpx.get(f"{url}/openapi.json", timeout=60).text)
        command = [sys.executable, "-m", "schemathesis.cli", "run", str(document), "--url", url]
        options = {
            "--header": f"Authorization:Bearer {token}",
            "--checks": CHECKS,
            "--phases": "examples,coverage,fuzzing",
            "--max-examples": str(EXAMPLES),
            "--max-time": str(MOST_S),
            "--seed": "20261124",
            # The one never ends by itself, the other says 503 as long as there is no broker.
            "--exclude-path-regex": "^(/api/v1/alerts/stream|/readyz)$",
            "--generation-database": "none",
            "--request-timeout": "20",
        }
        given = [word for pair in options.items() for word in pair]
        command += [*given, "--no-shrink", "--continue-on-failure", "--no-color", "--output-sanitize", "true"]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=MOST_S + 90, check=False, cwd=tmp_path
        )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
    asked = re.search(r"Selected: (\d+)/\d+\s+Tested: (\d+)", done.stdout)
    assert asked is not None, done.stdout
    assert asked[1] == asked[2]

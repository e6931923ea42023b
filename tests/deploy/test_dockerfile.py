"""The Dockerfile copies what exists and starts what exists."""

import json
import re
import tomllib

from tests.deploy.compose import DEPLOY, ours

ROOT = DEPLOY.parent
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
IGNORE = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()


def _copied() -> set[str]:
    lines = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
    return {source for line in lines for source in line.split()[:-1]}


def test_everything_that_is_copied_exists_and_reaches_the_builder() -> None:
    for name in _copied():
        assert (ROOT / name).exists()
        assert any(rule == f"!{name}" or rule.startswith(f"!{name}/") for rule in IGNORE), name


def test_every_package_is_copied_with_what_its_build_reads() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    files = [project["project"]["readme"], *project["project"]["license-files"], "pyproject.toml"]
    assert {*packages, *files} == _copied()


def test_nothing_reaches_the_builder_that_is_not_named() -> None:
    rules = [rule for rule in IGNORE if rule and not rule.startswith("#")]
    assert rules[0] == "*"
    assert not any(".env" in rule or ".venv" in rule for rule in rules)


def test_image_runs_as_a_user_of_its_own_who_owns_the_data() -> None:
    final = DOCKERFILE.split("\nFROM ")[-1]
    assert "\nUSER gridwatch\n" in final
    assert "--owner gridwatch --group gridwatch --mode 0700 /data /backups /broker" in final
    volumes = {volume for service in ours().values() for volume in service.get("volumes", [])}
    assert volumes == {"data:/data", "backups:/backups", "broker:/broker"}


def test_health_is_asked_of_the_api() -> None:
    found = re.search(r"^ +CMD (\[.+\])$", DOCKERFILE, re.MULTILINE)
    assert found is not None
    program, flag, script = json.loads(found[1])
    assert (program, flag) == ("python", "-c")
    compile(script, "HEALTHCHECK", "exec")
    assert "/healthz" in script
    for name, service in ours().items():
        assert service.get("healthcheck") == (None if name == "api" else {"disable": True})

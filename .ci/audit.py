"""Look the installed packages up among known vulnerabilities; fail for those found, not for no network."""

import json
import subprocess
import sys

TIMEOUT_S = 180.0
COMMAND = [sys.executable, "-m", "pip_audit", "--skip-editable", "--progress-spinner=off", "--format=json"]


def main() -> int:
    """Say what was found; return 1 only for a vulnerability."""
    try:
        done = subprocess.run(COMMAND, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        packages = json.loads(done.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        return _not_reached(f"no answer within {TIMEOUT_S:g} s")
    except (ValueError, KeyError):
        return _not_reached((done.stderr.strip().splitlines() or ["no answer"])[-1])
    found = [(package, flaw) for package in packages for flaw in package.get("vulns", [])]
    for package, flaw in found:
        fixed = ", ".join(flaw["fix_versions"]) or "no version yet"
        print(f"{package['name']} {package['version']}: {flaw['id']}, fixed in {fixed}")
    looked_up = [package for package in packages if "vulns" in package]
    if not looked_up:
        return _not_reached("it knows none of the installed packages")
    print(f"pip-audit: {len(found)} known vulnerabilities in {len(looked_up)} of {len(packages)} packages")
    return 1 if found else 0


def _not_reached(why: str) -> int:
    print(f"pip-audit: the list of vulnerabilities can't be reached from here, nothing was checked ({why})")
    return 0


if __name__ == "__main__":
    sys.exit(main())

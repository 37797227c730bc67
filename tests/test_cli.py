"""The commands as a user types them: help with examples, one clear line for what is wrong, no traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = [
    "up",
    "chat",
    "speedrun",
    "plan",
    "launch",
    "data",
    "pretrain",
    "sft",
    "eval",
    "report",
    "export hf",
    "export gguf",
    "export onnx",
    "export site",
    "publish",
    "profile",
    "feedback",
    "bench",
]


def fischgpt(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fischgpt", *arguments],
        capture_output=True, text=True, cwd=cwd, timeout=120,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent / "src")},
    )  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    done = fischgpt(*command.split(), "--help")
    assert done.returncode == 0
    assert "Example: fischgpt" in done.stdout or command in ("profile", "feedback", "bench")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pretrain", "nanoo"], "no recipe 'nanoo'"),
        (["pretrain", "nano", "train.stps=3"], "did you mean train.steps?"),
        (["up", "--model", "no-such-model"], "no-such-model"),
        (["up", "--profile", "missing.pdf"], "missing.pdf"),
        (["chat", "Who?", "--profile", "missing.json"], "missing.json"),
        (["chat", "Who?", "--model", "no-such-model"], "no-such-model"),
        (["chat", "Who?", "--bits", "5"], "--bits is 8 or 4, not 5"),
        (["up", "--bits", "4", "--model", "openai+http://127.0.0.1:9/v1"], "another server"),
        (["eval", "no-such-model", "--task", "loss"], "no-such-model"),
        (["report", "no-such-run"], "no-such-run"),
        (["profile", "check", "missing.docx"], "missing.docx"),
        (["plan", "nano", "--gpu", "V100"], "no GPU 'V100'"),
    ],
)
def test_what_the_user_got_wrong_is_one_line_and_status_2(arguments: list[str], said: str, tmp_path: Path) -> None:
    done = fischgpt(*arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert not list(tmp_path.iterdir()), "a refused command left something behind"

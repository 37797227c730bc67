"""The launch templates: as they were approved, well-formed, and Slurm's really run on two ranks."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import pytest
import yaml

from fischgpt.errors import UserError
from fischgpt.plan.launch import Job, Place, launch, render
from fischgpt.train.checkpoint import latest_path
from fischgpt.train.track import read_metrics
from ports import free_port

GOLDEN = Path(__file__).parent / "golden"
SHELL: list[Place] = ["bare", "torchrun", "slurm"]
PLACES: list[Place] = [*SHELL, "skypilot", "kubeflow"]
ONE_NODE: list[Place] = ["bare", "slurm", "skypilot"]


def job(nodes: int) -> Job:
    return Job(
        recipe="gpt2-124m",
        overrides=["run=runs/a b", "train.steps=100"],
        sft=True,
        hellaswag=True,
        run="runs/a b",
        data="runs/a b/data",
        nodes=nodes,
        gpus=8,
        gpu="H100",
        hours=3.2,
        usd=76.8,
        usd_per_hour=24.0,
        disk_gb=100,
        image="fischgpt:1",
    )


CASES = [(place, 1) for place in ONE_NODE] + [(place, 2) for place in PLACES if place != "bare"]


@pytest.mark.parametrize(("place", "nodes"), CASES)
def test_the_template_is_as_approved(place: Place, nodes: int) -> None:
    """FISCHGPT_APPROVE=1 writes what it gives now; read the difference before committing it."""
    file = GOLDEN / f"{place}-{nodes}.txt"
    text = render(job(nodes), place)
    if os.environ.get("FISCHGPT_APPROVE"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


@pytest.mark.parametrize(("place", "nodes"), CASES)
def test_the_shell_in_it_is_well_formed(place: Place, nodes: int) -> None:
    text = render(job(nodes), place)
    assert "@@" not in text
    if place == "skypilot":
        read = yaml.safe_load(text)
        assert read["num_nodes"] == nodes and read["resources"]["accelerators"] == "H100:8"
        text = read["run"]
    elif place == "kubeflow":
        trainer = yaml.safe_load(text)["spec"]["trainer"]
        assert (trainer["numNodes"], trainer["numProcPerNode"]) == (nodes, 8)
        text = trainer["command"][2]
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for command in ("data gpt2-124m 'run=runs/a b' train.steps=100", "train pretrain", "report 'runs/a b'"):
        assert command in text
    assert "sft gpt2-124m 'run=runs/a b'\n" in text, (
        "what belongs to the run goes to both phases, the rest to the first"
    )


def test_a_recipe_goes_in_with_its_own_plan() -> None:
    text = launch("gpt2-124m", "skypilot", gpu="4090", gpus=2, price=0.5)
    assert "RTX4090:2" in text and "at $1.00 an hour" in text


def test_bare_is_one_machine() -> None:
    with pytest.raises(UserError, match="one machine"):
        launch("gpt2-124m", "bare", nodes=2)


RECIPE = """
run = "{folder}/run"
[model]
n_layer = 1
n_head = 2
n_embd = 16
block_size = 32
vocab_size = 320
[tokenizer]
kind = "bpe"
vocab_size = 300
[data]
sources = ["{folder}/corpus.jsonl"]
val_fraction = 0.2
[train]
steps = {steps}
tokens_per_step = 128
micro_batch = 2
eval_every = 1000000
sample_every = 1000000
checkpoint_every = 1000000
dtype = "float32"
[eval]
val_tokens = 64
"""
SRUN = """#!/bin/bash
"$@" & a=$!
"$@" & b=$!
trap 'kill -USR1 $a $b' USR1
wait $a; x=$?; while kill -0 $a 2>/dev/null; do wait $a; x=$?; done
wait $b; y=$?; while kill -0 $b 2>/dev/null; do wait $b; y=$?; done
exit $((x > y ? x : y))
"""
SCONTROL = """#!/bin/bash
echo "$@" >>"$FAKE_LOG"
[ "$1" = show ] && printf 'localhost\\nlocalhost\\n'
exit 0
"""
FISCHGPT = """#!/bin/bash
echo "fischgpt $@" >>"$FAKE_LOG"
case "$1" in eval|report) exit 0;; esac
exec {python} -m fischgpt "$@"
"""


def submit_again(script: Path, cluster: dict[str, str], said: IO[str]) -> int:
    """The job once more, on a port of its own. Both nodes are this machine and race for the rendezvous' port, which
    other tests may be given too: one run of the whole suite in three hung there. A hung job is queued again."""
    for _ in range(3):
        environment = cluster | {"RDZV_PORT": str(free_port())}
        job = subprocess.Popen(
            ["bash", script], env=environment, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            return job.wait(70)
        except subprocess.TimeoutExpired:
            os.killpg(job.pid, signal.SIGKILL)
            job.wait()
    return -1


@pytest.fixture
def cluster(tmp_path: Path) -> dict[str, str]:
    """The environment of a Slurm job on two nodes, which are both this machine."""
    tools = tmp_path / "bin"
    tools.mkdir()
    texts = {"srun": SRUN, "scontrol": SCONTROL, "fischgpt": FISCHGPT.format(python=sys.executable)}
    for name, text in texts.items():
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    torchrun = Path(sys.executable).with_name("torchrun")
    path = os.pathsep.join([str(tools), str(torchrun.parent), os.environ["PATH"]])
    return os.environ | {
        "PATH": path,
        "PYTHONPATH": str(Path(__file__).parent.parent.parent / "src"),
        "FAKE_LOG": str(tmp_path / "log"),
        "SLURM_JOB_ID": "7",
        "SLURM_NNODES": "2",
        "SLURM_JOB_NODELIST": "localhost",
        "RDZV_PORT": str(free_port()),
        "OMP_NUM_THREADS": "1",
    }


@pytest.mark.skipif(not shutil.which("bash"), reason="the script is bash")
def test_slurms_script_trains_on_two_ranks_saves_on_usr1_queues_again_and_goes_on(
    tmp_path: Path, cluster: dict[str, str]
) -> None:
    documents = [json.dumps({"text": f"The {n} owls sat here and {n} cats ran."}) for n in range(400)]
    (tmp_path / "corpus.jsonl").write_text("\n".join(documents))
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(RECIPE.format(folder=tmp_path, steps=1_000_000))
    script = tmp_path / "job.sh"
    script.write_text(launch(str(recipe), "slurm", nodes=2, gpus=1))
    log, run = tmp_path / "log", tmp_path / "run/pretrain"
    said = (tmp_path / "output").open("w+")

    first = subprocess.Popen(["bash", script], env=cluster, stdout=said, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + 200
    while len(read_metrics(run, "step")) < 3:
        assert first.poll() is None and time.monotonic() < deadline, (tmp_path / "output").read_text()[-3000:]
        time.sleep(0.2)
    first.send_signal(signal.SIGUSR1)
    assert first.wait(120) == 0, (tmp_path / "output").read_text()[-3000:]
    assert "requeue 7" in log.read_text()
    saved = latest_path(run / "checkpoints")
    assert saved, "USR1 saves before the time is up"
    reached = int(saved.name[-8:])
    assert reached == read_metrics(run, "step")[-1]["step"]

    recipe.write_text(RECIPE.format(folder=tmp_path, steps=reached + 5))
    assert submit_again(script, cluster, said) == 0, (tmp_path / "output").read_text()[-3000:]
    assert [event["step"] for event in read_metrics(run, "step")] == list(range(1, reached + 6))
    assert f"report {tmp_path}/run" in log.read_text().splitlines()[-1]

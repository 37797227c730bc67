"""A recipe as a script for the place it runs in: one machine, torchrun by hand, Slurm, SkyPilot, Kubeflow.

The templates are the files of assets/launch, as they are read by the shell or the cluster but for `@@{...}`. All are
filled from one Job. Each prepares the data once, trains both phases on every node, then evaluates and reports on the
first; started again, each goes on.
"""

import math
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from fischgpt import __version__
from fischgpt.data.prepare import data_folder
from fischgpt.errors import UserError
from fischgpt.plan.cost import make_plan
from fischgpt.plan.kinds import read_phases, shared
from fischgpt.resources import fill

Place = Literal["bare", "torchrun", "slurm", "skypilot", "kubeflow"]
RESTARTS = "--max-restarts 5 --shutdown-timeout 90"
"""A worker that dies is started again, and all go on from the last checkpoint; 90 s to save when told to stop."""
CPUS_PER_GPU = 8
_SKY = {"A100-80": "A100-80GB", "RTX-4090": "RTX4090"}


@dataclass(frozen=True)
class Job:
    """Everything a template may need."""

    recipe: str
    """As it is given to the commands: a shipped recipe's name or a file."""
    overrides: list[str]
    sft: bool
    """Whether the recipe fine-tunes; then it is asked about profiles, too."""
    hellaswag: bool
    run: str
    data: str
    """The folder of the shards."""
    nodes: int
    gpus: int
    """On each node."""
    gpu: str
    hours: float
    """Foreseen by `fischgpt plan`."""
    usd: float | None
    usd_per_hour: float | None
    disk_gb: int
    image: str


def launch(
    recipe: str,
    place: Place,
    overrides: Sequence[str] = (),
    nodes: int = 1,
    gpus: int = 8,
    gpu: str = "H100",
    price: float | None = None,
    image: str = f"fischgpt:{__version__}",
) -> str:
    """The script or YAML. Raises UserError for an unknown GPU, and for several nodes where there is one."""
    phases = read_phases(recipe, overrides)
    if place == "bare" and nodes > 1:
        raise UserError("--on bare is one machine; take torchrun, slurm, skypilot or kubeflow for several nodes")
    plan = make_plan(recipe, overrides, gpu, nodes * gpus, price, measure=False)
    option = plan.options[0]
    job = Job(
        recipe=recipe,
        overrides=list(overrides),
        sft=phases.sft is not None,
        hellaswag=phases.pretrain.eval.hellaswag_items > 0,
        run=phases.pretrain.run,
        data=data_folder(phases.pretrain).as_posix(),
        nodes=nodes,
        gpus=gpus,
        gpu=option.device,
        hours=option.hours,
        usd=option.usd,
        usd_per_hour=option.usd_per_hour,
        disk_gb=max(100, math.ceil(1.5 * sum(plan.disk.values()) / 1e9 / 50) * 50),
        image=image,
    )
    return render(job, place)


def render(job: Job, place: Place) -> str:
    """The template of a place, filled."""
    assert place in get_args(Place)
    name = f"{place}.{'yaml' if place in ('skypilot', 'kubeflow') else 'sh'}"
    return fill(f"launch/{name}", _values(job, place, f"{_id(job)}-{name}"))


def _values(job: Job, place: Place, file: str) -> dict[str, str]:
    run = shlex.quote(job.run)
    tasks = ["loss", *(["hellaswag"] if job.hellaswag else []), *(["profile"] if job.sft else [])]
    finish = [*(f"fischgpt eval {run} --task {task}" for task in tasks), f"fischgpt report {run}"]
    prefix = {"slurm": "run ", "torchrun": "    ", "skypilot": "      ", "kubeflow": " " * 12}.get(place, "")
    train = {"slurm": "train ", "skypilot": "  train ", "kubeflow": "        train "}.get(place, "train ")
    sft = shlex.join(["sft", job.recipe, *shared(job.overrides)]) if job.sft else None
    cost = "" if job.usd is None else f", ${job.usd:,.0f} at ${job.usd_per_hour:,.2f} an hour"
    values = {
        "name": job.recipe,
        "id": _id(job),
        "file": file,
        "run": run,
        "manifest": shlex.quote(f"{job.data}/manifest.json"),
        "nodes": str(job.nodes),
        "last_node": str(job.nodes - 1),
        "gpus": str(job.gpus),
        "cpus": str(CPUS_PER_GPU * job.gpus),
        "restarts": RESTARTS,
        "foreseen": f"{job.hours:.1f} hours on {job.nodes * job.gpus} x {job.gpu}{cost}; `fischgpt plan` says how.",
        "data": shlex.join(["fischgpt", "data", job.recipe, *job.overrides]),
        "pretrain": shlex.join(["pretrain", job.recipe, *job.overrides]),
        "train_sft": f"{train}{sft}" if sft else f"{train.replace('train ', '')}# the recipe does not fine-tune",
        "finish": "\n".join(prefix + line for line in finish),
        "bill": _bill(job),
        "time": _wall_time(job.hours),
        "sky_gpu": _SKY.get(job.gpu, job.gpu),
        "disk": str(job.disk_gb),
        "image": job.image,
    }
    return values | (_skypilot(job, values) if place == "skypilot" else {})


def _id(job: Job) -> str:
    """Lower case, digits and dashes, as Kubernetes wants names."""
    return re.sub(r"[^a-z0-9]+", "-", Path(job.recipe).stem.lower()).strip("-")


def _bill(job: Job) -> str:
    if job.usd_per_hour is None:
        return ""
    return f', \\$$(awk "BEGIN {{printf \\"%.2f\\", $seconds / 3600 * {job.usd_per_hour}}}") of GPU time'


def _wall_time(hours: float) -> str:
    """A quarter more than foreseen, at most a day: requeueing takes a long run over the limit of a queue."""
    whole = max(1, min(24, math.ceil(1.25 * hours)))
    return f"{whole}:00:00"


def _skypilot(job: Job, values: dict[str, str]) -> dict[str, str]:
    """Where the run lives: one machine copies it to a bucket as it goes, several need a disk that they share."""
    run = values["run"]
    if job.nodes > 1:
        note = ["The machines share a SkyPilot volume, `fischgpt` (`sky volumes apply`), which outlives them."]
        storage = ["volumes:", "  /fischgpt: fischgpt"]
        before = ["cp -r recipes /fischgpt/ 2>/dev/null || true", "cd /fischgpt"]
    else:
        note = [
            "Every five minutes the run is copied to a bucket, and taken from there when the job starts on another",
            "machine; a copy cut short is noticed by its checksums. Name a bucket of your own.",
        ]
        storage = ["file_mounts:", "  /kept:", f"    name: fischgpt-{values['id']}", "    mode: MOUNT_CACHED"]
        before = [
            f"mkdir -p {run} /kept/run && rsync -a --size-only /kept/run/ {run}/",
            f"keep() {{ rsync -a --size-only --inplace --delete --exclude '.*' --exclude /data {run}/ /kept/run/; }}",
            "(while sleep 300; do keep; done) &",
            "trap 'kill $!; keep' EXIT",
        ]
    return {
        "storage_note": "\n".join(f"# {line}" for line in note),
        "storage": "\n".join(storage),
        "before": "\n".join(f"  {line}" for line in before),
    }

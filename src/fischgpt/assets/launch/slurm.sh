#!/usr/bin/env bash
#SBATCH --job-name=@@{id}
#SBATCH --nodes=@@{nodes}
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=@@{gpus}
#SBATCH --cpus-per-task=@@{cpus}
#SBATCH --time=@@{time}
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
#
# @@{name} on @@{nodes} node(s) with @@{gpus} GPU(s) each:   sbatch @@{file}
#
# Two minutes before the time is up Slurm sends USR1: the run saves, and the job queues again and goes on from there. The
# run's folder, @@{run}, must be on a disk that all nodes share. Add your --partition and --account.
# Foreseen: @@{foreseen}
set -euo pipefail

head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | sed -n 1p) # not head, which ends the pipe too early
step=

again() {
    trap '' USR1
    echo "the time is nearly up: saving, then queueing again"
    [ -z "$step" ] || kill -USR1 "$step" 2>/dev/null || true
    [ -z "$step" ] || wait "$step" || true
    scontrol requeue "$SLURM_JOB_ID"
    exit 0
}
trap again USR1

run() { # in the background, so that the trap above acts at once
    "$@" &
    step=$!
    wait "$step"
    step=
}

train() { # train PHASE RECIPE [a.b=value ...]; srun hands USR1 on to torchrun, and torchrun to its workers
    run srun torchrun --nnodes "$SLURM_NNODES" --nproc-per-node @@{gpus} @@{restarts} \
        --signals-to-handle SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1 \
        --rdzv-backend c10d --rdzv-endpoint "$head:${RDZV_PORT:-29500}" --rdzv-id "$SLURM_JOB_ID-$1" \
        -m fischgpt "$@"
}

run @@{data}
train @@{pretrain}
@@{train_sft}
@@{finish}

#!/usr/bin/env bash
# @@{name} on one machine with @@{gpus} GPU(s): data, pretraining, fine-tuning, evaluation, report.
#
#   bash @@{file}          start it, or go on after it was stopped: what is done is not done again
#   Ctrl-C, or kill -TERM of torchrun, saves first.
#
# Foreseen: @@{foreseen}
set -euo pipefail

started=$(date +%s)
train() { # train PHASE RECIPE [a.b=value ...]
    torchrun --standalone --nproc-per-node @@{gpus} @@{restarts} -m fischgpt "$@"
}

@@{data}
train @@{pretrain}
@@{train_sft}
@@{finish}

seconds=$(($(date +%s) - started))
echo "this start took $((seconds / 60)) minutes@@{bill}"

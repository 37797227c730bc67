#!/usr/bin/env bash
# @@{name} on @@{nodes} machines with @@{gpus} GPU(s) each, by torchrun alone.
#
# The run's folder, @@{run}, must be on a disk that all of them share. Start this on every machine at about the same time,
# with the address of the first one and a number from 0 to @@{last_node}:
#
#   HEAD=10.0.0.1 NODE=0 bash @@{file}          on the first
#   HEAD=10.0.0.1 NODE=1 bash @@{file}          on the second, and so on
#
# Started again on all of them it goes on. SIGTERM to torchrun saves first.
# Foreseen: @@{foreseen}
set -euo pipefail
: "${HEAD:?the address of the machine with NODE=0}" "${NODE:?this machine, 0 to @@{last_node}}"

train() { # train PHASE RECIPE [a.b=value ...]
    torchrun --nnodes @@{nodes} --nproc-per-node @@{gpus} @@{restarts} \
        --rdzv-backend c10d --rdzv-endpoint "$HEAD:29500" --rdzv-id "@@{id}-$1" \
        --rdzv-conf "is_host=$([ "$NODE" = 0 ] && echo 1 || echo 0),join_timeout=1800" \
        -m fischgpt "$@"
}

if [ "$NODE" = 0 ]; then
    @@{data}
else
    until [ -f @@{manifest} ]; do sleep 10; done # the first machine prepares the data for all
fi
train @@{pretrain}
@@{train_sft}
if [ "$NODE" = 0 ]; then
@@{finish}
fi

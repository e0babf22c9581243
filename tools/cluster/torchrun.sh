#!/usr/bin/env bash
# pal-train on machines without a scheduler. The same on each of them:
#   NODES=2 NODE=0 HEAD=node01 tools/cluster/torchrun.sh configs/paper/llama-3.2-3b/pal-clap-full.yaml /shared/runs/pal [further options of pal-train]
#   NODES  how many machines (default: 1)      NODE  this one's number, from 0 (default: 0)
#   HEAD   host name of machine 0              PORT  a free port of it (default: 29500)
#   GPUS   processes a machine (default: its GPUs, or 1)
#   TORCHRUN  what starts them (default: torchrun), also "python3 -m torch.distributed.run"
set -euo pipefail

if (($# < 2)); then
  sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
config=$1 output=$2
shift 2
gpus=${GPUS:-$(nvidia-smi --list-gpus 2>/dev/null | wc -l)}
((gpus > 0)) || gpus=1

# torchrun ends all processes with SIGTERM, and pal-train then saves; a process that failed is started again, from the last checkpoint.
read -r -a launcher <<<"${TORCHRUN:-torchrun}"
exec "${launcher[@]}" --no-python --nnodes "${NODES:-1}" --node-rank "${NODE:-0}" --nproc-per-node "$gpus" \
  --master-addr "${HEAD:-127.0.0.1}" --master-port "${PORT:-29500}" --max-restarts "${RESTARTS:-3}" \
  "${PAL_BIN:-build/release/bin}/pal-train" --config "$config" --output "$output" --resume auto "$@"

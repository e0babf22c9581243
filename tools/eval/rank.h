// Which of several processes this one is.
#pragma once

#include "pal/eval/answering.h"

namespace pal {

// From --rank and --ranks where both are given, else from RANK and WORLD_SIZE as torchrun sets them, else 0 of 1. Throws UserError.
Rank rank_of_process(long rank, long ranks);

// Which of this machine's GPUs is this process's own: LOCAL_RANK of the environment, as torchrun sets it, else 0. Where there are fewer GPUs than
// ranks, they share them. Throws UserError.
int64_t gpu_of_process();

}  // namespace pal

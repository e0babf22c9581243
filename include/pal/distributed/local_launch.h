// Several processes of a run on this machine, without a launcher.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace pal {

// Starts `command` (a program's path and its arguments) `processes` times with the variables that torchrun sets, and waits for all. SIGTERM,
// SIGINT and SIGUSR1 are handed on to them. Where one fails, the others may end by themselves for `patience`, since they notice and have
// messages to write; then they are ended. They never outlive this process. Returns 0 where all did, else the exit code of the first that
// failed (128 and the number of the signal that ended it). Throws UserError where the program cannot be started.
int launch_locally(int64_t processes, const std::vector<std::string>& command, std::chrono::seconds patience = std::chrono::seconds(30));

}  // namespace pal

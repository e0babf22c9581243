// What every command-line tool shares: logging on stderr and the meaning of its exit codes.
#pragma once

#include <functional>

namespace pal {

// What a program ends with.
enum ExitCode : int {
  kDone = 0,          // everything was done
  kFailed = 1,        // our mistake, or the machine's
  kUserError = 2,     // the user's input is wrong: one clear message, nothing written
  kTerminated = 143,  // stopped by SIGTERM with a checkpoint saved
};

// Sets up logging, at the level that the environment's PAL_LOG_LEVEL names (see set_up_logging(); info where it is not set). Then
// runs `body` and turns what it throws into one message on stderr ("NAME: error: ...") and an exit code.
// Command lines are parsed by tools/command_line.h.
int run_tool(const char* name, const std::function<int()>& body);

}  // namespace pal

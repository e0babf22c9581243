// What the command lines of all tools share.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace pal {

// Parses, then runs `body`: --help gives 0, a wrong flag 2 with CLI11's message.
int parse_and_run(CLI::App& app, int argc, char** argv, const std::function<int()>& body);

// The same, with the exit codes of core/tool.h for what `body` throws.
int run_command(CLI::App& app, int argc, char** argv, const char* name, const std::function<int()>& body);

// CPU threads of LibTorch; 0: as many as there are cores. Throws UserError for a negative number.
void set_threads(int threads);

}  // namespace pal

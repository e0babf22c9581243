// pal-bench data: what it costs to get samples ready.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace pal {

void add_data_command(CLI::App& app, std::function<int()>& run);  // `run` becomes what the subcommand does

}  // namespace pal

// pal-eval compare: two result files by one metric, with a p-value.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace pal {

// Adds the subcommand; when it is chosen, `run` becomes what it does.
void add_compare_command(CLI::App& app, std::function<int()>& run);

}  // namespace pal

// pal-eval probe: what a checkpoint listens to.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace pal {

// Adds the subcommand; when it is chosen, `run` becomes what it does.
void add_probe_command(CLI::App& app, std::function<int()>& run);

}  // namespace pal

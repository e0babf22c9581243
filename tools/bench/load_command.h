// pal-bench load: what loading a decoder costs.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace pal {

void add_load_command(CLI::App& app, std::function<int()>& run);  // when it is chosen, `run` becomes what it does

}  // namespace pal

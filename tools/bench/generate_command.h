// pal-bench generate: what answers cost.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace pal {

void add_generate_command(CLI::App& app, std::function<int()>& run);  // when it is chosen, `run` becomes what it does

}  // namespace pal

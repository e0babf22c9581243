// pal-bench lengths: what training steps cost as the audio gets longer.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace pal {

void add_lengths_command(CLI::App& app, std::function<int()>& run);  // when it is chosen, `run` becomes what it does

}  // namespace pal

// The subcommands of pal-convert that write for other programs.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace pal {

void add_export_commands(CLI::App& app, std::function<int()>& run);  // checkpoint, llm, adapter

}  // namespace pal

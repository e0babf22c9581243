// pal-eval report: results as one page.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace pal {

// Adds the subcommand; when it is chosen, `run` becomes what it does.
void add_report_command(CLI::App& app, std::function<int()>& run);

}  // namespace pal

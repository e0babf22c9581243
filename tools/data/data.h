// The subcommands of pal-data. Each function adds one; when it is chosen, `run` becomes what it does.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace pal {

void add_import_command(CLI::App& app, std::function<int()>& run);  // from a data set's published folder to a manifest
void add_shard_command(CLI::App& app, std::function<int()>& run);   // into tar files
void add_index_command(CLI::App& app, std::function<int()>& run);   // of tar files that others wrote
void add_check_command(CLI::App& app, std::function<int()>& run);   // what is wrong with the recordings of a manifest
void add_cache_command(CLI::App& app, std::function<int()>& run);   // what frozen encoders make of a config's clips, to disk

}  // namespace pal

#include "tools/command_line.h"

#include <ATen/Parallel.h>
#include <torch/version.h>

#include <iostream>

#include "pal/core/check.h"
#include "pal/core/host_allocator.h"
#include "pal/core/tool.h"

namespace pal {

int parse_and_run(CLI::App& app, int argc, char** argv, const std::function<int()>& body) {
  app.set_version_flag("--version", "pal " PAL_VERSION ", LibTorch " TORCH_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    app.exit(error, std::cout, std::cerr);
    return error.get_exit_code() == 0 ? kDone : kUserError;
  }
  return body();
}

int run_command(CLI::App& app, int argc, char** argv, const char* name, const std::function<int()>& body) {
#ifdef PAL_KEEP_HOST_BLOCKS
  keep_host_blocks();
#endif
  return run_tool(name, [&] { return parse_and_run(app, argc, argv, body); });
}

void set_threads(int threads) {
  PAL_CHECK(threads >= 0 && threads <= 1024, "--threads: expected 1 to 1024, or 0 for all cores, got {}", threads);
  if (threads > 0) at::set_num_threads(threads);
}

}  // namespace pal

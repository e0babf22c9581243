#include "pal/core/tool.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>

#include "pal/core/check.h"
#include "pal/core/logging.h"
#include "pal/core/printable.h"

namespace pal {

int run_tool(const char* name, const std::function<int()>& body) {
  try {
    const char* level = std::getenv("PAL_LOG_LEVEL");
    set_up_logging(level == nullptr || *level == '\0' ? "info" : level);
    return body();
  } catch (const UserError& error) {
    fmt::print(stderr, "{}: error: {}\n", name, printable(error.what(), /*keep_newlines=*/true));
    return kUserError;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}: internal error: {}\n", name, printable(error.what(), /*keep_newlines=*/true));
    return kFailed;
  }
}

}  // namespace pal

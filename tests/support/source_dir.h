// Where the project's files are that tests read: PAL_SOURCE_DIR of the environment where a program runs on another machine than it was built on, else where it was built.
#pragma once

#include <cstdlib>
#include <string>

namespace pal {

inline std::string source_dir() {
  const char* given = std::getenv("PAL_SOURCE_DIR");
  return given != nullptr ? given : PAL_SOURCE_DIR;
}

}  // namespace pal

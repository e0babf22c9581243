#include "pal/core/temporary_folder.h"

#include <stdlib.h>

#include <cerrno>
#include <cstring>

#include "pal/core/check.h"

namespace pal {

TemporaryFolder::TemporaryFolder() {
  const auto parent = std::filesystem::temp_directory_path();
  std::string name = (parent / "pal-XXXXXX").string();
  PAL_CHECK(::mkdtemp(name.data()) != nullptr, "{}: no folder can be made there: {}; TMPDIR names another place", parent.string(), std::strerror(errno));
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace pal

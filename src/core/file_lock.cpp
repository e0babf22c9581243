#include "pal/core/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "pal/core/check.h"

namespace pal {

FileLock::FileLock(const std::filesystem::path& file) : descriptor_(::open(file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644)) {
  PAL_CHECK(descriptor_ >= 0, "{}: cannot be written: {}", file.string(), std::strerror(errno));
  is_held_ = ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0;
}

FileLock::~FileLock() {
  if (!is_kept_) ::close(descriptor_);
}

}  // namespace pal

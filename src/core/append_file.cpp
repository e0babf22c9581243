#include "pal/core/append_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "pal/core/check.h"
#include "pal/core/logging.h"

namespace pal {

namespace {

// Returns 0 or the error; then the file may hold a part of it.
int write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes.remove_prefix(std::size_t(written));
  }
  return 0;
}

}  // namespace

AppendFile::AppendFile(std::filesystem::path path) : path_(std::move(path)), descriptor_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)) {
  PAL_CHECK(descriptor_ >= 0, "{}: cannot be written: {}", path_.string(), std::strerror(errno));
}

AppendFile::~AppendFile() { ::close(descriptor_); }

bool AppendFile::write_waiting() {
  struct stat before{};
  ::fstat(descriptor_, &before);
  const int error = write_all(descriptor_, waiting_);
  if (error == 0) {
    waiting_.clear();
    failed_ = false;
    return true;
  }
  // What was written of a piece goes again; a device has no length, and nothing to cut.
  if (S_ISREG(before.st_mode) && ::ftruncate(descriptor_, before.st_size) != 0) spdlog::error("{}: ends in the middle of what was written: {}", path_.string(), std::strerror(errno));
  if (!std::exchange(failed_, true)) spdlog::error("{}: cannot be written: {}; what is to be written there waits in memory", path_.string(), std::strerror(error));
  errno = error;
  return false;
}

void AppendFile::append(std::string_view piece) {
  waiting_ += piece;
  write_waiting();
}

void AppendFile::finish() {
  if (!waiting_.empty()) PAL_CHECK(write_waiting(), "{}: cannot be written: {}", path_.string(), std::strerror(errno));
}

}  // namespace pal

#include "pal/data/recording.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "pal/core/check.h"
#include "pal/core/files.h"

namespace pal {

std::string recording_name(const Clip& clip) { return std::filesystem::absolute(clip.path).lexically_normal().string(); }

RecordingStamp stamp_of(const Clip& clip) {
  struct stat status {};
  PAL_CHECK(::stat(clip.path.c_str(), &status) == 0, "{}: cannot be read: {}", clip.path, std::strerror(errno));
  return {std::int64_t(status.st_size), std::int64_t(status.st_mtim.tv_sec) * 1'000'000'000 + status.st_mtim.tv_nsec};
}

std::string sha256_of_recording(const Clip& clip) { return sha256_of_file(clip.path); }

}  // namespace pal

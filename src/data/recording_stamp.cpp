#include "pal/data/recording_stamp.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <span>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/mapped_file.h"

namespace pal {

std::string recording_name(const Clip& clip) {
  return Recording(std::filesystem::absolute(clip.path).lexically_normal(), clip.offset, clip.bytes).name();
}

RecordingStamp stamp_of(const Clip& clip) {
  struct stat status {};
  PAL_CHECK(::stat(clip.path.c_str(), &status) == 0, "{}: cannot be read: {}", clip.path, std::strerror(errno));
  return {clip.bytes > 0 ? clip.bytes : std::int64_t(status.st_size), std::int64_t(status.st_mtim.tv_sec) * 1'000'000'000 + status.st_mtim.tv_nsec};
}

std::string sha256_of_recording(const Clip& clip) {
  if (clip.bytes == 0) return sha256_of_file(clip.path);
  const MappedFile file(clip.path);
  PAL_CHECK(clip.offset + clip.bytes <= std::int64_t(file.bytes().size()), "{}: reaches past the file's end", clip.recording().name());
  std::string bytes(std::size_t(clip.bytes), '\0');
  file.read(std::uint64_t(clip.offset), std::as_writable_bytes(std::span(bytes)));
  return sha256(bytes);
}

}  // namespace pal

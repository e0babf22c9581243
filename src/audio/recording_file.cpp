#include "recording_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "pal/core/check.h"
#include "tar_header.h"

namespace pal {

namespace {

// An index of another tar, or of what this one was, would give some stretch of it, and mp3 decoders find frames in any.
void check_header(const Recording& recording, int file) {
  std::array<char, kTarHeader> header{};  // zeros, where the file has no such bytes, are none
  const off_t begin = recording.offset - off_t(header.size());
  const ssize_t got = begin < 0 ? 0 : ::pread(file, header.data(), header.size(), begin);
  PAL_CHECK(got >= 0, "{}: cannot be read: {}", recording.name(), std::strerror(errno));
  PAL_CHECK(is_tar_header(header, recording.bytes),
            "{}: a tar's member of {} bytes was expected there; is the index another file's? `pal-data index` makes it anew", recording.name(),
            recording.bytes);
}

// The kernel copies; the bytes never pass through this program.
void copy_part(const Recording& recording, int file, int memory) {
  off_t offset = recording.offset;
  std::int64_t left = recording.bytes;
  while (left > 0) {
    const ssize_t got = ::sendfile(memory, file, &offset, std::size_t(left));
    if (got < 0 && errno == EINTR) continue;
    PAL_CHECK(got >= 0, "{}: cannot be read: {}", recording.name(), std::strerror(errno));
    PAL_CHECK(got > 0, "{}: {} bytes were expected there, but the file ends {} before; is the index another file's, or the shard cut short?",
              recording.name(), recording.bytes, left);
    left -= got;
  }
}

}  // namespace

RecordingFile::RecordingFile(const Recording& recording) : path_(recording.path) {
  if (!recording.is_part()) return;
  const int file = ::open(recording.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // opening a pipe must not wait for a writer
  PAL_CHECK(file >= 0, "{}: cannot be read: {}", recording.name(), std::strerror(errno));
  memory_ = ::memfd_create("recording", MFD_CLOEXEC);
  const int problem = errno;
  try {
    PAL_CHECK(memory_ >= 0, "{}: there is no memory for a copy: {}", recording.name(), std::strerror(problem));
    check_header(recording, file);
    copy_part(recording, file, memory_);
  } catch (...) {
    ::close(file);
    if (memory_ >= 0) ::close(memory_);
    throw;
  }
  ::close(file);
  path_ = fmt::format("/proc/self/fd/{}", memory_);
}

RecordingFile::~RecordingFile() {
  if (memory_ >= 0) ::close(memory_);
}

RecordingFile::RecordingFile(RecordingFile&& other) noexcept : path_(std::move(other.path_)), memory_(std::exchange(other.memory_, -1)) {}

}  // namespace pal

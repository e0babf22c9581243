#include "pal/core/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "pal/core/check.h"

namespace pal {

// O_NONBLOCK: opening a pipe must not wait for a writer.
MappedFile::Descriptor::Descriptor(const std::filesystem::path& path)
    : value_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  PAL_CHECK(value_ >= 0, "{}: cannot be read: {}", path.string(), std::strerror(errno));
}

MappedFile::Descriptor::~Descriptor() { ::close(value_); }

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path), file_(path) {
  struct stat status {};
  PAL_CHECK(::fstat(file_.get(), &status) == 0, "{}: cannot be read: {}", name(), std::strerror(errno));
  PAL_CHECK(!S_ISDIR(status.st_mode), "{}: is a folder, but a file was expected", name());
  PAL_CHECK(S_ISREG(status.st_mode), "{}: is no ordinary file", name());
  PAL_CHECK(status.st_size > 0, "{}: is empty", name());
  const std::size_t size = std::size_t(status.st_size);
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file_.get(), 0);
  PAL_CHECK(data != MAP_FAILED, "{}: cannot be mapped into memory: {}", name(), std::strerror(errno));
  bytes_ = {static_cast<const std::byte*>(data), size};
}

MappedFile::~MappedFile() { ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size()); }

void MappedFile::read(std::uint64_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const ssize_t got = ::pread(file_.get(), out.data(), out.size(), off_t(offset));
    if (got < 0 && errno == EINTR) continue;
    PAL_CHECK(got >= 0, "{}: cannot be read: {}", name(), std::strerror(errno));
    PAL_CHECK(got > 0, "{}: ended at byte {} while it was read; it has become shorter", name(), offset);
    offset += std::uint64_t(got);
    out = out.subspan(std::size_t(got));
  }
}

}  // namespace pal

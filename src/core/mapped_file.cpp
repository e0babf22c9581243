#include "pal/core/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "pal/core/check.h"

namespace pal {
namespace {

class Descriptor {
 public:
  // O_NONBLOCK: opening a pipe must not wait for a writer.
  explicit Descriptor(const std::filesystem::path& path)
      : value_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    PAL_CHECK(value_ >= 0, "{}: cannot be read: {}", path.string(), std::strerror(errno));
  }
  ~Descriptor() { ::close(value_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return value_; }

 private:
  int value_;
};

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
  const Descriptor file(path);
  struct stat status {};
  PAL_CHECK(::fstat(file.get(), &status) == 0, "{}: cannot be read: {}", name(), std::strerror(errno));
  PAL_CHECK(!S_ISDIR(status.st_mode), "{}: is a folder, but a file was expected", name());
  PAL_CHECK(S_ISREG(status.st_mode), "{}: is no ordinary file", name());
  PAL_CHECK(status.st_size > 0, "{}: is empty", name());
  const std::size_t size = std::size_t(status.st_size);
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  PAL_CHECK(data != MAP_FAILED, "{}: cannot be mapped into memory: {}", name(), std::strerror(errno));
  bytes_ = {static_cast<const std::byte*>(data), size};
}

MappedFile::~MappedFile() { ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size()); }

}  // namespace pal

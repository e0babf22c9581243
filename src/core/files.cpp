#include "pal/core/files.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>

#include "pal/core/check.h"

namespace pal {
namespace fs = std::filesystem;

namespace {

void sync_to_disk(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY);
  PAL_CHECK(descriptor >= 0, "{}: cannot be opened: {}", path.string(), std::strerror(errno));
  const int result = ::fsync(descriptor);
  const int error = errno;
  ::close(descriptor);
  // Some file systems cannot sync a folder; that is no reason to fail the write.
  PAL_CHECK(result == 0 || error == EINVAL, "{}: cannot be written to disk: {}", path.string(), std::strerror(error));
}

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
  }
  void update(const void* data, std::size_t size) { EVP_DigestUpdate(context_.get(), data, size); }
  std::string hex() {
    std::array<unsigned char, 32> digest{};
    EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr);
    std::string text;
    for (unsigned char byte : digest) text += fmt::format("{:02x}", byte);
    return text;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

std::string read_file(const fs::path& path, std::size_t limit) {
  std::error_code error;
  PAL_CHECK(!fs::is_directory(path, error), "{}: is a folder, but a file was expected", path.string());
  std::ifstream file(path, std::ios::binary);
  PAL_CHECK(file, "{}: cannot be read: {}", path.string(), std::strerror(errno));
  const auto size = fs::file_size(path, error);
  PAL_CHECK(error || size <= limit, "{}: has {} bytes, more than the {} that such a file may have", path.string(), size, limit);
  std::ostringstream content;
  content << file.rdbuf();
  PAL_CHECK(!file.bad(), "{}: reading failed: {}", path.string(), std::strerror(errno));
  return std::move(content).str();
}

void write_file_atomically(const fs::path& path, const std::function<void(std::ostream&)>& write) {
  const fs::path temporary = path.string() + fmt::format(".{}.tmp", ::getpid());
  try {
    std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
    PAL_CHECK(file, "{}: cannot be written: {}", path.string(), std::strerror(errno));
    write(file);
    file.close();
    PAL_CHECK(file, "{}: writing failed: {}", path.string(), std::strerror(errno));
    sync_to_disk(temporary);
    fs::rename(temporary, path);
  } catch (...) {
    std::error_code ignored;
    fs::remove(temporary, ignored);
    throw;
  }
  sync_to_disk(path.has_parent_path() ? path.parent_path() : fs::path("."));
}

void write_file_atomically(const fs::path& path, std::string_view content) {
  write_file_atomically(path, [&](std::ostream& out) { out.write(content.data(), std::streamsize(content.size())); });
}

std::string sha256(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes.data(), bytes.size());
  return hash.hex();
}

std::string sha256_of_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  PAL_CHECK(file, "{}: cannot be read: {}", path.string(), std::strerror(errno));
  Sha256 hash;
  std::array<char, 1 << 16> block{};
  while (file.read(block.data(), block.size()) || file.gcount() > 0) hash.update(block.data(), std::size_t(file.gcount()));
  PAL_CHECK(!file.bad(), "{}: reading failed: {}", path.string(), std::strerror(errno));
  return hash.hex();
}

}  // namespace pal

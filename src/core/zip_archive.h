// A zip file's entries, through libzip. Only what is stored as it is can be read: PyTorch never compresses, and an entry is then
// never longer than the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

struct zip;

namespace pal {

class ZipArchive {
 public:
  // Throws UserError that names the file where it is missing or no zip file.
  explicit ZipArchive(const std::filesystem::path& path);

  struct Entry {
    std::string name;
    std::uint64_t index = 0, bytes = 0;
  };
  std::vector<std::string> names() const;
  // Nothing where there is no such entry. Throws UserError where it is compressed, encrypted or longer than the file.
  std::optional<Entry> find(const std::string& name) const;
  // out: of entry.bytes. Throws UserError where the file ends too early or the checksum is another. Safe to use from
  // several threads.
  void read(const Entry& entry, std::span<std::byte> out) const;
  std::string name() const { return path_; }

 private:
  struct Close {
    void operator()(zip* archive) const;
  };
  std::string path_;
  std::uint64_t file_bytes_ = 0;
  std::unique_ptr<zip, Close> archive_;
  mutable std::mutex mutex_;  // libzip's archives are not safe to share
};

}  // namespace pal

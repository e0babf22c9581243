// A file as read-only memory: opened in no time, read from disk where it is touched.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

namespace pal {

// A mapping of one file, undone by the destructor.
class MappedFile {
 public:
  // Throws UserError that names the file where it is missing, unreadable, empty or no ordinary file.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  // Valid as long as this object. A file that is cut short while it is mapped ends the program (SIGBUS), so replace
  // weights files by renaming (write_file_atomically), never by writing over them.
  std::span<const std::byte> bytes() const { return bytes_; }
  std::string name() const { return path_.string(); }  // the path, for messages

 private:
  std::filesystem::path path_;
  std::span<const std::byte> bytes_;
};

}  // namespace pal

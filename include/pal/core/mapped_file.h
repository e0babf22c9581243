// A file as read-only memory: opened in no time, read from disk where it is touched. And as a file, for what is long.
#pragma once

#include <cstddef>
#include <cstdint>
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
  // Reads the bytes from `offset` on into `out`. Unlike those touched through bytes(), they do not become part of this process's
  // memory, and a disk is asked for all of them at once. Throws UserError where the file has become shorter or cannot be read.
  // Safe to use from several threads.
  void read(std::uint64_t offset, std::span<std::byte> out) const;
  std::string name() const { return path_.string(); }  // the path, for messages

 private:
  // An open file, closed by the destructor.
  class Descriptor {
   public:
    explicit Descriptor(const std::filesystem::path& path);
    ~Descriptor();
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return value_; }

   private:
    int value_;
  };

  std::filesystem::path path_;
  Descriptor file_;
  std::span<const std::byte> bytes_;
};

}  // namespace pal

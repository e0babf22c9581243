// Where a recording's bytes are.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace pal {

// A file, or a stretch of one: recordings lie whole and unchanged in the tar files of a data set's shards.
struct Recording {
  // A file.
  Recording(std::filesystem::path path) : path(std::move(path)) {}
  Recording(const std::string& path) : path(path) {}  // a file
  Recording(const char* path) : path(path) {}         // a file
  // `bytes` of it, at least 1, from byte `offset` on.
  Recording(std::filesystem::path path, std::int64_t offset, std::int64_t bytes) : path(std::move(path)), offset(offset), bytes(bytes) {}

  bool is_part() const { return bytes > 0; }  // not the whole file
  std::string name() const;                   // for messages: the path, and where in it

  std::filesystem::path path;  // of the file
  std::int64_t offset = 0;     // of the first byte
  std::int64_t bytes = 0;      // 0: the whole file
};

}  // namespace pal

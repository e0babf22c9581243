// Files that are whole or absent: atomic writes, reads that name what is wrong, and checksums.
#pragma once

#include <filesystem>
#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>

namespace pal {

// The whole file as bytes. Throws UserError that names the file where it cannot be read or is larger than `limit` bytes.
std::string read_file(const std::filesystem::path& path, std::size_t limit = std::size_t{1} << 30);

// Writes through a temporary file beside `path`, syncs it to disk and renames it: after a crash at any moment `path`
// holds the old content or the new, never a part. Throws UserError where the folder is missing or not writable.
void write_file_atomically(const std::filesystem::path& path, std::string_view content);
// The same with content that `write` puts into a stream.
void write_file_atomically(const std::filesystem::path& path, const std::function<void(std::ostream&)>& write);

// SHA-256 as 64 lower-case hex digits.
std::string sha256(std::string_view bytes);
// The same of a file, read piece by piece. Throws UserError where it cannot be read.
std::string sha256_of_file(const std::filesystem::path& path);

}  // namespace pal

#include "tar_header.h"

#include <archive.h>
#include <archive_entry.h>

#include <memory>

namespace pal {

namespace {

struct CloseReader {
  void operator()(archive* a) const { archive_read_free(a); }
};

}  // namespace

bool is_tar_header(std::span<const char, kTarHeader> header, std::int64_t bytes) {
  const std::unique_ptr<archive, CloseReader> tar(archive_read_new());
  archive_read_support_format_tar(tar.get());  // its sum over the header is checked, too
  archive_entry* entry = nullptr;
  if (archive_read_open_memory(tar.get(), header.data(), header.size()) != ARCHIVE_OK) return false;
  const int result = archive_read_next_header(tar.get(), &entry);
  // A warning is about the name, which nothing here needs. Links, folders and devices have a size of 0.
  return (result == ARCHIVE_OK || result == ARCHIVE_WARN) && archive_entry_size(entry) == bytes;
}

}  // namespace pal

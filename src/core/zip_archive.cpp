#include "zip_archive.h"

#include <zip.h>

#include "pal/core/check.h"

namespace pal {

namespace {

std::string error_text(int code) {
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  std::string text = zip_error_strerror(&error);
  zip_error_fini(&error);
  return text;
}

}  // namespace

void ZipArchive::Close::operator()(zip* archive) const { zip_discard(archive); }

ZipArchive::ZipArchive(const std::filesystem::path& path) : path_(path.string()) {
  std::error_code failed;
  file_bytes_ = std::filesystem::file_size(path, failed);
  PAL_CHECK(!failed, "{}: {}", path_, failed.message());
  int code = 0;
  archive_.reset(zip_open(path_.c_str(), ZIP_RDONLY, &code));
  PAL_CHECK(archive_, "{}: is no zip file that can be read ({}); was it cut short?", path_, error_text(code));
}

std::vector<std::string> ZipArchive::names() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (zip_int64_t i = 0; i < zip_get_num_entries(archive_.get(), 0); ++i) {
    const char* name = zip_get_name(archive_.get(), zip_uint64_t(i), ZIP_FL_ENC_RAW);
    if (name != nullptr) names.emplace_back(name);
  }
  return names;
}

std::optional<ZipArchive::Entry> ZipArchive::find(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  zip_stat_t facts;
  if (zip_stat(archive_.get(), name.c_str(), ZIP_FL_ENC_RAW, &facts) != 0) return std::nullopt;
  constexpr zip_uint64_t kNeeded =
      ZIP_STAT_INDEX | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
  const bool plain = (facts.valid & kNeeded) == kNeeded && facts.comp_method == ZIP_CM_STORE &&
                     facts.encryption_method == ZIP_EM_NONE;
  PAL_CHECK(plain, "{}: entry '{}' is compressed or encrypted, which PyTorch never writes", path_, name);
  PAL_CHECK(facts.size == facts.comp_size && facts.size <= file_bytes_,
            "{}: entry '{}' claims {} bytes, but the file has {}", path_, name, facts.size, file_bytes_);
  return Entry{name, facts.index, facts.size};
}

void ZipArchive::read(const Entry& entry, std::span<std::byte> out) const {
  PAL_ASSERT(out.size() == entry.bytes, "{} bytes for an entry of {}", out.size(), entry.bytes);
  const std::lock_guard lock(mutex_);
  const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> file(
      zip_fopen_index(archive_.get(), entry.index, 0), zip_fclose);
  PAL_CHECK(file, "{}: entry '{}': {}", path_, entry.name, zip_strerror(archive_.get()));
  std::byte beyond;
  for (std::size_t done = 0;;) {  // until nothing comes: libzip compares the checksum at the end
    const bool full = done == out.size();
    const zip_int64_t got = full ? zip_fread(file.get(), &beyond, 1)
                                 : zip_fread(file.get(), out.data() + done, out.size() - done);
    PAL_CHECK(got >= 0, "{}: entry '{}' is damaged: {}", path_, entry.name, zip_file_strerror(file.get()));
    if (got == 0 && full) return;
    PAL_CHECK(got > 0 && !full, "{}: entry '{}' has another length than the {} bytes that the file states",
              path_, entry.name, out.size());
    done += std::size_t(got);
  }
}

}  // namespace pal

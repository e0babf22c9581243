#include "tar.h"

#include <archive.h>
#include <archive_entry.h>

#include <fstream>
#include <vector>

#include "pal/core/check.h"
#include "pal/core/printable.h"
#include "pal/core/record_limits.h"

namespace pal {

namespace {

constexpr std::size_t kBlock = 1 << 20;
constexpr std::int64_t kUnit = 512;  // members begin at its multiples. Source: POSIX.1-2017, pax, "ustar Interchange Format"

struct CloseReader {
  void operator()(archive* a) const { archive_read_free(a); }
};
struct FreeEntry {
  void operator()(archive_entry* e) const { archive_entry_free(e); }
};

std::string reason(archive* a) {
  const char* text = archive_error_string(a);
  return text ? text : "libarchive gives no reason";
}

// A member of that name would be unpacked outside of the folder that one unpacks in, or in none.
bool leads_out(std::string_view name) {
  if (name.empty() || name.front() == '/' || name.find('\0') != name.npos) return true;
  for (const auto& part : std::filesystem::path(name))
    if (part == "..") return true;
  return false;
}

// A tar that is being listed.
class TarReader {
 public:
  explicit TarReader(const std::filesystem::path& path) : name_(path.string()), archive_(archive_read_new()) {
    std::error_code error;
    PAL_CHECK(std::filesystem::is_regular_file(path, error), "{}: a tar file was expected, but {}", name_,
              std::filesystem::exists(path, error) ? "it is no ordinary file" : "it is not there");
    size_ = std::int64_t(std::filesystem::file_size(path));
    archive_read_support_format_tar(archive_.get());  // and no filters: what is compressed has no place to read it at
    PAL_CHECK(archive_read_open_filename(archive_.get(), path.c_str(), kBlock) == ARCHIVE_OK,
              "{}: is no tar file, or a compressed one: {}; unpack it with gzip -d or the like, members are read where they lie", name_,
              reason(archive_.get()));
  }

  // Goes to the next ordinary file; false at the end. Its place is known only when the one after it was found: see place().
  bool next() {
    for (;;) {
      const int result = archive_read_next_header(archive_.get(), &entry_);
      begin_ = archive_read_header_position(archive_.get());
      if (result == ARCHIVE_EOF) return false;
      PAL_CHECK(result == ARCHIVE_OK, "{}: at byte {}: {}", name_, begin_, reason(archive_.get()));
      const auto type = archive_entry_filetype(entry_);
      if (type == AE_IFDIR) continue;
      const char* text = archive_entry_pathname(entry_);
      const std::string name = text ? text : "";
      PAL_CHECK(!leads_out(name), "{}: member '{}': the name leads out of the archive's folder", name_, printable(name));
      PAL_CHECK(type == AE_IFREG && !archive_entry_hardlink(entry_) && archive_entry_sparse_count(entry_) == 0,
                "{}: member '{}': is no ordinary file, but a link, a device or one with holes", name_, printable(name));
      return true;
    }
  }

  std::string member_name() const { return archive_entry_pathname(entry_); }
  std::int64_t member_bytes() const { return archive_entry_size(entry_); }
  std::int64_t header_begin() const { return begin_; }  // of the current member, or of the archive's end
  std::int64_t file_bytes() const { return size_; }

  std::string text() {
    PAL_CHECK(member_bytes() <= std::int64_t(kLongestRecord), "{}: member '{}': a text of at most {} bytes was expected, got {}", name_,
              printable(member_name()), kLongestRecord, member_bytes());
    std::string text(std::size_t(member_bytes()), '\0');
    const auto got = archive_read_data(archive_.get(), text.data(), text.size());
    PAL_CHECK(got == la_ssize_t(text.size()), "{}: member '{}': {}", name_, printable(member_name()),
              got < 0 ? reason(archive_.get()) : "is cut short");
    return text;
  }

 private:
  std::string name_;
  std::unique_ptr<archive, CloseReader> archive_;
  archive_entry* entry_ = nullptr;
  std::int64_t begin_ = 0, size_ = 0;
};

std::int64_t padded(std::int64_t bytes) { return (bytes + kUnit - 1) / kUnit * kUnit; }

}  // namespace

void read_tar(const std::filesystem::path& path, const std::function<bool(std::string_view)>& reads_text,
              const std::function<void(const TarMember& member, std::string text)>& take) {
  TarReader tar(path);
  // How long a member's headers are is not told, but it ends where the next one's begin.
  TarMember member;
  std::string text;
  const auto take_member = [&] {
    member.offset = tar.header_begin() - padded(member.bytes);
    PAL_CHECK(member.offset >= kUnit && member.offset + member.bytes <= tar.file_bytes(), "{}: member '{}': is cut short", path.string(),
              printable(member.name));
    take(member, std::move(text));
  };
  bool any = false;
  while (tar.next()) {
    if (any) take_member();
    any = true;
    member = {tar.member_name(), 0, tar.member_bytes()};
    text = reads_text(member.name) ? tar.text() : std::string();
  }
  if (any) take_member();
}

void TarWriter::Close::operator()(archive* a) const { archive_write_free(a); }

TarWriter::TarWriter(std::filesystem::path path) : path_(std::move(path)), archive_(archive_write_new()) {
  archive_write_set_format_ustar(archive_.get());
  archive_write_set_bytes_per_block(archive_.get(), int(kBlock));
  archive_write_set_bytes_in_last_block(archive_.get(), int(kUnit));
  PAL_CHECK(archive_write_open_filename(archive_.get(), path_.c_str()) == ARCHIVE_OK, "{}: cannot be written: {}", path_.string(),
            reason(archive_.get()));
}

TarWriter::~TarWriter() = default;

void TarWriter::begin(const std::string& name, std::int64_t bytes) {
  const std::unique_ptr<archive_entry, FreeEntry> entry(archive_entry_new());
  archive_entry_set_pathname(entry.get(), name.c_str());
  archive_entry_set_size(entry.get(), bytes);
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0644);
  PAL_CHECK(archive_write_header(archive_.get(), entry.get()) == ARCHIVE_OK, "{}: member '{}': {}", path_.string(), printable(name),
            reason(archive_.get()));
}

void TarWriter::write(const void* data, std::size_t bytes) {
  PAL_CHECK(archive_write_data(archive_.get(), data, bytes) == la_ssize_t(bytes), "{}: cannot be written: {}", path_.string(),
            reason(archive_.get()));
}

void TarWriter::add(const std::string& name, std::string_view content) {
  begin(name, std::int64_t(content.size()));
  write(content.data(), content.size());
}

void TarWriter::add_file(const std::string& name, const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  PAL_CHECK(in, "{}: cannot be read", file.string());
  std::int64_t left = in.tellg();
  in.seekg(0);
  begin(name, left);
  std::vector<char> block(kBlock);
  while (left > 0) {
    in.read(block.data(), std::streamsize(std::min<std::int64_t>(left, std::int64_t(block.size()))));
    PAL_CHECK(in.gcount() > 0, "{}: has become shorter while it was read", file.string());
    write(block.data(), std::size_t(in.gcount()));
    left -= in.gcount();
  }
}

std::int64_t TarWriter::bytes() const { return archive_filter_bytes(archive_.get(), 0); }

void TarWriter::finish() {
  PAL_CHECK(archive_write_close(archive_.get()) == ARCHIVE_OK, "{}: cannot be written: {}", path_.string(), reason(archive_.get()));
}

}  // namespace pal

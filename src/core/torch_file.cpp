#include "pal/core/torch_file.h"

#include <fstream>

#include "pal/core/check.h"
#include "torch_pickle.h"
#include "zip_archive.h"

namespace pal {

namespace {

// Files from before 1.6 are pickles, one after the other; any pickle of protocol 2 or later begins so.
void check_not_legacy(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const int first = file.get(), second = file.get();
  PAL_CHECK(first != 0x80 || second > 5,
            "{}: is a bare pickle, such as PyTorch wrote before 1.6, not the zip file of torch.save(); load "
            "it with PyTorch and save it again",
            path.string());
}

// The folder inside of the zip file, with a slash at its end: PyTorch names it after the file.
std::string find_folder(const ZipArchive& archive) {
  constexpr std::string_view kPickle = "data.pkl";
  for (const auto& name : archive.names()) {
    const auto slash = name.find('/');
    if (slash != std::string::npos && name.substr(slash + 1) == kPickle) return name.substr(0, slash + 1);
  }
  user_error("{}: is a zip file without the data.pkl of torch.save()", archive.name());
}

std::vector<std::byte> read_entry(const ZipArchive& archive, const std::string& name, std::uint64_t most) {
  const auto entry = archive.find(name);
  PAL_CHECK(entry, "{}: has no entry '{}'", archive.name(), name);
  PAL_CHECK(entry->bytes <= most, "{}: entry '{}' has {} bytes, more than {}", archive.name(), name,
            entry->bytes, most);
  std::vector<std::byte> bytes(entry->bytes);
  archive.read(*entry, bytes);
  return bytes;
}

void check_byte_order(const ZipArchive& archive, const std::string& folder) {
  if (!archive.find(folder + "byteorder")) return;  // since PyTorch 2.1
  const auto bytes = read_entry(archive, folder + "byteorder", 16);
  const std::string_view order(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  PAL_CHECK(order == "little", "{}: its byte order is '{:.16}', only 'little' can be read", archive.name(),
            order);
}

}  // namespace

TorchFile::TorchFile(const std::filesystem::path& path) {
  constexpr std::uint64_t kLongestPickle = 64 << 20;  // of real checkpoints: some 100 KB
  std::error_code ignored;
  PAL_CHECK(std::filesystem::is_regular_file(path, ignored), "{}: is missing, or no ordinary file",
            path.string());
  check_not_legacy(path);
  archive_ = std::make_unique<ZipArchive>(path);
  const std::string folder = find_folder(*archive_);
  check_byte_order(*archive_, folder);
  const auto bytes = read_entry(*archive_, folder + "data.pkl", kLongestPickle);
  auto found = read_torch_pickle(bytes, name() + ": data.pkl");
  for (auto& [tensor, entry] : found.tensors) {
    entry.storage = folder + "data/" + entry.storage;
    const auto stored = archive_->find(entry.storage);
    PAL_CHECK(stored, "{}: tensor '{}': has no entry '{}'", name(), tensor, entry.storage);
    const std::uint64_t expected = std::uint64_t(entry.storage_elements) * dtype_size(entry.dtype);
    PAL_CHECK(stored->bytes == expected,
              "{}: tensor '{}': entry '{}' has {} bytes, but {} elements of {} take {}", name(), tensor,
              entry.storage, stored->bytes, entry.storage_elements, dtype_name(entry.dtype), expected);
  }
  tensors_ = std::move(found.tensors);
  unreadable_ = std::move(found.unreadable);
}

TorchFile::~TorchFile() = default;

std::string TorchFile::name() const { return archive_->name(); }

const TorchEntry& TorchFile::entry(const std::string& name) const {
  const auto unreadable = unreadable_.find(name);
  PAL_CHECK(unreadable == unreadable_.end(), "{}: tensor '{}': elements of {} cannot be read", this->name(),
            name, unreadable->second);
  const auto found = tensors_.find(name);
  PAL_CHECK(found != tensors_.end(), "{}: has no tensor '{}'", this->name(), name);
  return found->second;
}

void TorchFile::read_storage(const TorchEntry& entry, std::span<std::byte> out) const {
  const auto stored = archive_->find(entry.storage);
  PAL_ASSERT(stored, "'{}' was there", entry.storage);
  archive_->read(*stored, out);
}

}  // namespace pal

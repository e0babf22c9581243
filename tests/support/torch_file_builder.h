// Small files of torch.save() for tests, well formed or not: every part is written as the test says.
#pragma once

#include <gtest/gtest.h>
#include <zip.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace pal {

// Instructions of a pickle, each leaving one value on the stack.
namespace pickled {

template <typename Number>
std::string raw(Number value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

inline std::string text(const std::string& value) { return std::string("X") + raw(std::uint32_t(value.size())) + value; }
inline std::string integer(std::int64_t value) { return std::string("\x8a\x08") + raw(value); }
inline std::string global(const std::string& module, const std::string& name) {
  return std::string("c") + module + "\n" + name + "\n";
}
inline std::string call(const std::string& what, const std::string& arguments) {
  return what + arguments + "R";
}

inline std::string tuple(const std::vector<std::string>& parts) {
  std::string bytes = "(";
  for (const auto& part : parts) bytes += part;
  return bytes + "t";
}

inline std::string integers(const std::vector<std::int64_t>& values) {
  std::vector<std::string> parts;
  for (const auto value : values) parts.push_back(integer(value));
  return tuple(parts);
}

using Items = std::vector<std::pair<std::string, std::string>>;  // keys are texts

inline std::string dict(const Items& items, const std::string& empty = "}") {
  std::string bytes = empty + "(";
  for (const auto& [key, value] : items) bytes += text(key) + value;
  return bytes + "u";
}

inline std::string ordered_dict(const Items& items) {
  return dict(items, call(global("collections", "OrderedDict"), ")"));
}

inline std::string storage(const std::string& type, const std::string& key, std::int64_t elements) {
  return tuple({text("storage"), global("torch", type), text(key), text("cpu"), integer(elements)}) + "Q";
}

inline std::string tensor(const std::string& storage, std::int64_t offset,
                          const std::vector<std::int64_t>& shape, const std::vector<std::int64_t>& strides) {
  const std::string hooks = call(global("collections", "OrderedDict"), ")");
  return call(global("torch._utils", "_rebuild_tensor_v2"),
              tuple({storage, integer(offset), integers(shape), integers(strides), "\x89", hooks}));
}

inline std::string whole(const std::string& value) { return std::string("\x80\x02") + value + "."; }

}  // namespace pickled

using ZipEntries = std::vector<std::pair<std::string, std::string>>;  // names and contents

inline void write_zip(const std::filesystem::path& path, const ZipEntries& entries,
                      int method = ZIP_CM_STORE) {
  std::filesystem::remove(path);
  int error = 0;
  zip_t* archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_EXCL, &error);
  ASSERT_NE(archive, nullptr) << error;
  for (const auto& [name, bytes] : entries) {
    zip_source_t* source = zip_source_buffer(archive, bytes.data(), bytes.size(), 0);
    const auto index = zip_file_add(archive, name.c_str(), source, 0);
    ASSERT_GE(index, 0) << name;
    ASSERT_EQ(zip_set_file_compression(archive, zip_uint64_t(index), method, 0), 0);
  }
  ASSERT_EQ(zip_close(archive), 0) << zip_strerror(archive);
}

// A file as torch.save() lays it out. storages: by key.
inline void write_torch_file(const std::filesystem::path& path, const std::string& pickle,
                             const std::map<std::string, std::string>& storages) {
  ZipEntries entries = {{"archive/data.pkl", pickle}, {"archive/byteorder", "little"}};
  for (const auto& [key, bytes] : storages) entries.emplace_back("archive/data/" + key, bytes);
  entries.emplace_back("archive/version", "3\n");
  write_zip(path, entries);
}

}  // namespace pal

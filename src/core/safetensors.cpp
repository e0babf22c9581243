#include "pal/core/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <tuple>

#include "pal/core/check.h"
#include "pal/core/strict_json.h"

namespace pal {
namespace {

using nlohmann::json;
static_assert(std::endian::native == std::endian::little,
              "weights files are read in place, and they are little-endian");

constexpr char kMetadataKey[] = "__metadata__";
constexpr std::uint64_t kLengthBytes = 8;
constexpr std::uint64_t kLongestHeader = 100'000'000;  // as the reference implementation has it
constexpr int kDeepest = 3;                            // file, tensor, shape

std::string_view header_of(const MappedFile& file) {
  const auto bytes = file.bytes();
  PAL_CHECK(bytes.size() >= kLengthBytes, "{}: has {} bytes, too few for a safetensors file", file.name(),
            bytes.size());
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  PAL_CHECK(length <= kLongestHeader && length <= bytes.size() - kLengthBytes,
            "{}: its header claims {} bytes, but the file has {}; is it a whole safetensors file?",
            file.name(), length, bytes.size());
  return {reinterpret_cast<const char*>(bytes.data()) + kLengthBytes, length};
}

std::vector<std::uint64_t> unsigned_list(const json& object, const char* key, const std::string& where) {
  const auto found = object.find(key);
  const bool valid = found != object.end() && found->is_array() &&
                     std::ranges::all_of(*found, [](const json& item) { return item.is_number_unsigned(); });
  PAL_CHECK(valid, "{}: '{}' must be a list of whole numbers", where, key);
  return found->get<std::vector<std::uint64_t>>();
}

DType dtype_of(const json& object, const std::string& where) {
  const auto found = object.find("dtype");
  PAL_CHECK(found != object.end() && found->is_string(), "{}: 'dtype' must be a text such as F32", where);
  const auto& name = found->get_ref<const std::string&>();
  const auto dtype = parse_dtype(name);
  PAL_CHECK(dtype.has_value(),
            "{}: element type {:.40} is not supported; supported are F64, F32, F16, BF16, I64, I32, I16, "
            "I8, U8 and BOOL",
            where, found->dump());
  return *dtype;
}

SafetensorsEntry entry_of(const std::string& file, const std::string& name, const json& object,
                          std::uint64_t data_bytes) {
  const std::string where = fmt::format("{}: tensor '{}'", file, name);
  PAL_CHECK(object.is_object() && object.size() == 3,
            "{}: expected an object of dtype, shape and data_offsets", where);
  SafetensorsEntry entry;
  entry.name = name;
  entry.dtype = dtype_of(object, where);
  const auto shape = unsigned_list(object, "shape", where);
  const auto expected = element_count(file, name, shape) * dtype_size(entry.dtype);
  entry.shape.assign(shape.begin(), shape.end());

  const auto offsets = unsigned_list(object, "data_offsets", where);
  PAL_CHECK(offsets.size() == 2 && offsets[0] <= offsets[1], "{}: data_offsets must be a begin and an end",
            where);
  entry.begin = offsets[0];
  entry.end = offsets[1];
  PAL_CHECK(entry.end <= data_bytes,
            "{}: lies at bytes {} to {}, but the file holds only {} bytes of data; was it cut short?", where,
            entry.begin, entry.end, data_bytes);
  PAL_CHECK(entry.end - entry.begin == expected,
            "{}: shape [{}] of {} takes {} bytes, but data_offsets give it {}", where, fmt::join(shape, ", "),
            dtype_name(entry.dtype), expected, entry.end - entry.begin);
  return entry;
}

SafetensorsMetadata metadata_of(const std::string& file, const json& object) {
  SafetensorsMetadata metadata;
  PAL_CHECK(object.is_object(), "{}: {} must be an object of texts", file, kMetadataKey);
  for (const auto& [key, value] : object.items()) {
    PAL_CHECK(value.is_string(), "{}: {} '{}' must be a text", file, kMetadataKey, key);
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : file_(path) {
  const std::string_view text = header_of(file_);
  data_ = file_.bytes().subspan(kLengthBytes + text.size());
  const json header = parse_strict_json(text, name() + ": header", kDeepest);
  PAL_CHECK(header.is_object(), "{}: its header must be a JSON object", name());
  std::vector<const TensorEntry*> entries;
  std::uint64_t used = 0;
  for (const auto& [key, value] : header.items()) {
    if (key == kMetadataKey) {
      metadata_ = metadata_of(name(), value);
      continue;
    }
    PAL_CHECK(is_valid_name(key),
              "{}: a tensor's name is empty, over 1000 bytes long or holds control characters: {:.100}",
              name(), json(key).dump());
    const auto& entry = tensors_.emplace(key, entry_of(name(), key, value, data_.size())).first->second;
    entries.push_back(&entry);
    used += entry.end - entry.begin;
  }
  check_no_overlap(name(), std::move(entries));
  PAL_CHECK(used == data_.size(), "{}: its tensors take {} bytes, but the file holds {} bytes of data",
            name(), used, data_.size());
}

const SafetensorsEntry& SafetensorsFile::entry(const std::string& name) const {
  const auto found = tensors_.find(name);
  PAL_CHECK(found != tensors_.end(), "{}: has no tensor '{}'", this->name(), name);
  return found->second;
}

std::span<const std::byte> SafetensorsFile::bytes(const SafetensorsEntry& entry) const {
  return data_.subspan(entry.begin, entry.end - entry.begin);
}

void SafetensorsFile::read(const SafetensorsEntry& entry, std::uint64_t begin, std::span<std::byte> out) const {
  PAL_ASSERT(begin <= entry.end - entry.begin && out.size() <= entry.end - entry.begin - begin,
             "{} bytes from {} on of '{}', which has {}", out.size(), begin, entry.name, entry.end - entry.begin);
  file_.read(std::uint64_t(data_.data() - file_.bytes().data()) + entry.begin + begin, out);
}

std::string lay_out_safetensors(std::vector<SafetensorsEntry>& entries, const SafetensorsMetadata& metadata) {
  std::ranges::sort(entries, {}, [](const SafetensorsEntry& entry) {
    return std::make_tuple(-std::int64_t(dtype_size(entry.dtype)), std::string_view(entry.name));
  });
  json header = json::object();
  if (!metadata.empty()) header[kMetadataKey] = metadata;
  std::uint64_t position = 0;
  for (SafetensorsEntry& entry : entries) {
    PAL_CHECK(is_valid_name(entry.name) && entry.name != kMetadataKey,
              "safetensors: a tensor cannot be named '{}'", entry.name);
    const std::vector<std::uint64_t> shape(entry.shape.begin(), entry.shape.end());
    entry.begin = position;
    entry.end = position += element_count("safetensors", entry.name, shape) * dtype_size(entry.dtype);
    header[entry.name] = {
        {"dtype", dtype_name(entry.dtype)}, {"shape", shape}, {"data_offsets", {entry.begin, entry.end}}};
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const json::type_error&) {
    user_error("safetensors: its metadata must be UTF-8");
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = text.size();
  std::string start(kLengthBytes, '\0');
  std::memcpy(start.data(), &length, sizeof length);
  return start + text;
}

}  // namespace pal

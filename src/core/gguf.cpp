#include "pal/core/gguf.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "gguf_header_reader.h"
#include "pal/core/check.h"

namespace pal {
namespace {

static_assert(std::endian::native == std::endian::little,
              "weights files are read in place, and they are little-endian");

constexpr std::uint32_t kMostDimensions = 4;  // GGML_MAX_DIMS
constexpr std::uint64_t kLargestAlignment = 1 << 20;

std::string valid_name(GgufHeaderReader& in) {
  std::string name = in.text();
  if (!is_valid_name(name))
    in.fail("a name is empty, over 1000 bytes long, not UTF-8 or holds control characters");
  return name;
}

void check_start(GgufHeaderReader& in) {
  const auto magic = in.number<std::uint32_t>();
  if (magic != 0x46554747) in.fail("expected the letters GGUF at the start, got the bytes {:08x}", magic);
  const auto version = in.number<std::uint32_t>();
  if (version == 0x02000000 || version == 0x03000000)
    in.fail("the file is big-endian, which is not supported");
  if (version != 2 && version != 3) in.fail("version {} is not supported; supported are 2 and 3", version);
}

std::map<std::string, GgufValue> read_metadata(GgufHeaderReader& in, std::uint64_t count) {
  std::map<std::string, GgufValue> metadata;
  for (std::uint64_t i = 0; i < count; ++i) {
    in.now_at(fmt::format("metadata {} of {}", i + 1, count));
    const std::string key = valid_name(in);
    in.now_at(fmt::format("metadata '{}'", key));
    if (metadata.contains(key)) in.fail("stands there twice");
    const auto type = in.number<std::uint32_t>();
    metadata.emplace(key, in.value(type));
  }
  return metadata;
}

GgufEntry read_tensor_info(GgufHeaderReader& in, const std::string& file) {
  GgufEntry entry;
  entry.name = valid_name(in);
  in.now_at(fmt::format("tensor '{}'", entry.name));
  const auto rank = in.number<std::uint32_t>();
  if (rank > kMostDimensions) in.fail("{} dimensions, more than {}", rank, kMostDimensions);
  std::vector<std::uint64_t> dimensions;  // the contiguous one first
  for (std::uint32_t i = 0; i < rank; ++i) dimensions.push_back(in.number<std::uint64_t>());
  const auto count = element_count(file, entry.name, dimensions);
  entry.shape.assign(dimensions.rbegin(), dimensions.rend());

  const auto number = in.number<std::uint32_t>();
  const auto facts = ggml_type_facts(number);
  if (!facts) {
    in.fail(
        "element type {} is not supported; supported are F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, "
        "Q5_K "
        "and Q6_K",
        ggml_type_name(number));
  }
  const std::uint64_t row = dimensions.empty() ? 1 : dimensions.front();
  if (row % facts->values != 0)
    in.fail("rows of {} values are no multiple of the {} in a block of {}", row, facts->values, facts->name);
  entry.type = facts->type;
  entry.begin = in.number<std::uint64_t>();
  const auto end = checked_sum(entry.begin, count / facts->values * facts->bytes);
  if (!end) in.fail("its offset {} is past the end of any file", entry.begin);
  entry.end = *end;
  return entry;
}

std::uint64_t alignment_of(const GgufFile& file) {
  const std::uint64_t alignment = file.optional_uint("general.alignment").value_or(32);
  PAL_CHECK(std::has_single_bit(alignment) && alignment <= kLargestAlignment,
            "{}: metadata 'general.alignment': expected a power of two up to {}, got {}", file.name(),
            kLargestAlignment, alignment);
  return alignment;
}

template <typename T>
constexpr const char* kKind = "an array of arrays";
template <>
constexpr const char* kKind<std::uint64_t> = "a whole number from 0 up";
template <>
constexpr const char* kKind<std::int64_t> = "a signed whole number";
template <>
constexpr const char* kKind<double> = "a real number";
template <>
constexpr const char* kKind<bool> = "a truth value";
template <>
constexpr const char* kKind<std::string> = "a text";
template <>
constexpr const char* kKind<std::vector<std::uint64_t>> = "an array of whole numbers";
template <>
constexpr const char* kKind<std::vector<std::int64_t>> = "an array of whole numbers";
template <>
constexpr const char* kKind<std::vector<double>> = "an array of real numbers";
template <>
constexpr const char* kKind<std::vector<bool>> = "an array of truth values";
template <>
constexpr const char* kKind<std::vector<std::string>> = "an array of texts";

[[noreturn]] void wrong_kind(const GgufFile& file, const std::string& key, const char* expected,
                             const GgufValue& value) {
  const char* found = std::visit([]<typename T>(const T&) { return kKind<T>; }, value.value);
  user_error("{}: metadata '{}': expected {}, got {}", file.name(), key, expected, found);
}

template <typename T>
const T& value_as(const GgufFile& file, const std::string& key, const GgufValue& value) {
  if (const T* found = std::get_if<T>(&value.value)) return *found;
  wrong_kind(file, key, kKind<T>, value);
}

std::uint64_t as_uint(const GgufFile& file, const std::string& key, const GgufValue& value) {
  const auto* found = std::get_if<std::int64_t>(&value.value);
  return found && *found >= 0 ? std::uint64_t(*found) : value_as<std::uint64_t>(file, key, value);
}

double as_real(const GgufFile& file, const std::string& key, const GgufValue& value) {
  if (const auto* found = std::get_if<std::uint64_t>(&value.value)) return double(*found);
  if (const auto* found = std::get_if<std::int64_t>(&value.value)) return double(*found);
  return value_as<double>(file, key, value);
}

}  // namespace

GgufFile::GgufFile(const std::filesystem::path& path) : file_(path) {
  GgufHeaderReader in(file_);
  check_start(in);
  const auto tensor_count = in.number<std::uint64_t>();
  const auto metadata_count = in.number<std::uint64_t>();
  metadata_ = read_metadata(in, metadata_count);

  std::vector<const TensorEntry*> entries;
  for (std::uint64_t i = 0; i < tensor_count; ++i) {
    in.now_at(fmt::format("tensor {} of {}", i + 1, tensor_count));
    GgufEntry entry = read_tensor_info(in, name());
    const auto [place, is_new] = tensors_.emplace(entry.name, entry);
    if (!is_new) in.fail("stands there twice");
    entries.push_back(&place->second);
  }

  const std::uint64_t alignment = alignment_of(*this);
  const std::uint64_t start = (in.position() + alignment - 1) / alignment * alignment;
  data_ = file_.bytes().subspan(std::min<std::uint64_t>(start, file_.bytes().size()));
  for (const auto& [key, entry] : tensors_) {
    PAL_CHECK(entry.begin % alignment == 0,
              "{}: tensor '{}': its offset {} is no multiple of the alignment {}", name(), key, entry.begin,
              alignment);
    PAL_CHECK(entry.end <= data_.size(),
              "{}: tensor '{}': lies at bytes {} to {}, but the file holds only {} bytes of data; was it cut "
              "short?",
              name(), key, entry.begin, entry.end, data_.size());
  }
  check_no_overlap(name(), std::move(entries));
}

const GgufValue& GgufFile::value(const std::string& key) const {
  const auto found = metadata_.find(key);
  PAL_CHECK(found != metadata_.end(), "{}: has no metadata '{}'", name(), key);
  return found->second;
}

std::string GgufFile::string(const std::string& key) const {
  return value_as<std::string>(*this, key, value(key));
}
std::uint64_t GgufFile::uint(const std::string& key) const { return as_uint(*this, key, value(key)); }
double GgufFile::real(const std::string& key) const { return as_real(*this, key, value(key)); }
bool GgufFile::boolean(const std::string& key) const { return value_as<bool>(*this, key, value(key)); }

const std::vector<std::string>& GgufFile::strings(const std::string& key) const {
  return value_as<std::vector<std::string>>(*this, key, value(key));
}

const std::vector<double>& GgufFile::reals(const std::string& key) const {
  return value_as<std::vector<double>>(*this, key, value(key));
}

std::vector<std::int64_t> GgufFile::ints(const std::string& key) const {
  const GgufValue& found = value(key);
  if (const auto* values = std::get_if<std::vector<std::int64_t>>(&found.value)) return *values;
  const auto& values = value_as<std::vector<std::uint64_t>>(*this, key, found);
  for (const std::uint64_t item : values) {
    PAL_CHECK(std::in_range<std::int64_t>(item), "{}: metadata '{}': {} is too large", name(), key, item);
  }
  return {values.begin(), values.end()};
}

std::optional<std::string> GgufFile::optional_string(const std::string& key) const {
  return has(key) ? std::optional(string(key)) : std::nullopt;
}

std::optional<std::uint64_t> GgufFile::optional_uint(const std::string& key) const {
  return has(key) ? std::optional(uint(key)) : std::nullopt;
}

std::optional<double> GgufFile::optional_real(const std::string& key) const {
  return has(key) ? std::optional(real(key)) : std::nullopt;
}

std::optional<bool> GgufFile::optional_boolean(const std::string& key) const {
  return has(key) ? std::optional(boolean(key)) : std::nullopt;
}

const GgufEntry& GgufFile::entry(const std::string& name) const {
  const auto found = tensors_.find(name);
  PAL_CHECK(found != tensors_.end(), "{}: has no tensor '{}'", this->name(), name);
  return found->second;
}

std::span<const std::byte> GgufFile::bytes(const GgufEntry& entry) const {
  return data_.subspan(entry.begin, entry.end - entry.begin);
}

void GgufFile::read(const GgufEntry& entry, std::uint64_t begin, std::span<std::byte> out) const {
  PAL_ASSERT(begin <= entry.end - entry.begin && out.size() <= entry.end - entry.begin - begin,
             "{} bytes from {} on of '{}', which has {}", out.size(), begin, entry.name, entry.end - entry.begin);
  file_.read(std::uint64_t(data_.data() - file_.bytes().data()) + entry.begin + begin, out);
}

}  // namespace pal

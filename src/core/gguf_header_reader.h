// Reads a GGUF header from front to back and never past the end of the file.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "pal/core/check.h"
#include "pal/core/gguf.h"
#include "pal/core/mapped_file.h"

namespace pal {

// What the reader is at (now_at) is named in every message.
class GgufHeaderReader {
 public:
  explicit GgufHeaderReader(const MappedFile& file)
      : file_(file.name()),
        bytes_(file.bytes().first(std::min<std::size_t>(file.bytes().size(), kLongestHeader))) {}

  void now_at(std::string what) { what_ = std::move(what); }
  std::uint64_t position() const { return position_; }
  std::uint64_t left() const { return bytes_.size() - position_; }

  template <typename... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) const {
    user_error("{}: {}: {}", file_, what_, fmt::format(format, std::forward<Args>(args)...));
  }

  template <typename T>
  T number() {
    if (left() < sizeof(T)) fail_at_end();
    T value;
    std::memcpy(&value, bytes_.data() + position_, sizeof value);
    position_ += sizeof value;
    return value;
  }

  std::string text() {
    const auto length = number<std::uint64_t>();
    if (length > left()) fail("a text of {} bytes, but only {} are left in the header", length, left());
    std::string result(reinterpret_cast<const char*>(bytes_.data() + position_), length);
    position_ += length;
    return result;
  }

  bool boolean() {
    const auto value = number<std::uint8_t>();
    if (value > 1) fail("a truth value must be 0 or 1, got {}", value);
    return value == 1;
  }

  GgufValue value(std::uint32_t type, int depth = 0) {
    switch (type) {
      case kU8:
        return {std::uint64_t(number<std::uint8_t>())};
      case kU16:
        return {std::uint64_t(number<std::uint16_t>())};
      case kU32:
        return {std::uint64_t(number<std::uint32_t>())};
      case kU64:
        return {number<std::uint64_t>()};
      case kI8:
        return {std::int64_t(number<std::int8_t>())};
      case kI16:
        return {std::int64_t(number<std::int16_t>())};
      case kI32:
        return {std::int64_t(number<std::int32_t>())};
      case kI64:
        return {number<std::int64_t>()};
      case kF32:
        return {double(number<float>())};
      case kF64:
        return {number<double>()};
      case kBool:
        return {boolean()};
      case kString:
        return {text()};
      case kArray:
        return array(depth + 1);
      default:
        fail("unknown value type {}", type);
    }
  }

 private:
  // Metadata and tensor infos of real files take a few MB; values take up to some 8 times their bytes in memory.
  static constexpr std::size_t kLongestHeader = std::size_t{256} << 20;
  static constexpr int kDeepestArrays = 8;

  enum ValueType : std::uint32_t {
    kU8,
    kI8,
    kU16,
    kI16,
    kU32,
    kI32,
    kF32,
    kBool,
    kString,
    kArray,
    kU64,
    kI64,
    kF64
  };

  // The fewest bytes that a value of each type takes in a file: an array that claims more values is corrupt.
  static constexpr std::uint64_t kFewestBytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8};

  [[noreturn]] void fail_at_end() const {
    if (bytes_.size() == kLongestHeader) fail("the header takes more than {} bytes", kLongestHeader);
    fail("the file ends at byte {}; was it cut short?", bytes_.size());
  }

  GgufValue array(int depth) {
    if (depth > kDeepestArrays) fail("arrays nested more than {} deep", kDeepestArrays);
    const auto type = number<std::uint32_t>();
    if (type >= std::size(kFewestBytes)) fail("an array of unknown value type {}", type);
    const auto count = number<std::uint64_t>();
    if (count > left() / kFewestBytes[type])
      fail("an array of {} values, but only {} bytes are left in the header", count, left());
    switch (type) {
      case kU8:
        return list<std::uint64_t>(count, [&] { return number<std::uint8_t>(); });
      case kU16:
        return list<std::uint64_t>(count, [&] { return number<std::uint16_t>(); });
      case kU32:
        return list<std::uint64_t>(count, [&] { return number<std::uint32_t>(); });
      case kU64:
        return list<std::uint64_t>(count, [&] { return number<std::uint64_t>(); });
      case kI8:
        return list<std::int64_t>(count, [&] { return number<std::int8_t>(); });
      case kI16:
        return list<std::int64_t>(count, [&] { return number<std::int16_t>(); });
      case kI32:
        return list<std::int64_t>(count, [&] { return number<std::int32_t>(); });
      case kI64:
        return list<std::int64_t>(count, [&] { return number<std::int64_t>(); });
      case kF32:
        return list<double>(count, [&] { return number<float>(); });
      case kF64:
        return list<double>(count, [&] { return number<double>(); });
      case kBool:
        return list<bool>(count, [&] { return boolean(); });
      case kString:
        return list<std::string>(count, [&] { return text(); });
      default:
        return list<GgufValue>(count, [&] { return array(depth + 1); });
    }
  }

  template <typename T, typename Next>
  GgufValue list(std::uint64_t count, Next next) {
    std::vector<T> values;
    values.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) values.push_back(next());
    return {std::move(values)};
  }

  std::string file_;
  std::span<const std::byte> bytes_;
  std::uint64_t position_ = 0;
  std::string what_ = "header";
};

}  // namespace pal

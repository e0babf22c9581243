// Reads little-endian values from the bytes of a file that may be damaged: nothing outside the bytes is ever
// touched.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "pal/core/check.h"

namespace pal {

static_assert(std::endian::native == std::endian::little, "values are copied as they lie in the file");

// A place in the bytes that moves on with every value taken.
class ByteCursor {
 public:
  // name: for messages, e.g. the path. Every function throws UserError where the bytes end too early.
  ByteCursor(std::span<const std::byte> bytes, std::string name) : bytes_(bytes), name_(std::move(name)) {}

  // A number of any size, little-endian.
  template <typename Number>
  Number take() {
    Number value;
    std::memcpy(&value, take_bytes(sizeof(Number)).data(), sizeof(Number));
    return value;
  }

  // So many bytes as they are; valid as long as the bytes of the file.
  std::span<const std::byte> take_bytes(std::uint64_t count) {
    PAL_CHECK(count <= left(),
              "{}: damaged or cut short: {} bytes were expected at offset {}, but {} are left", name_, count,
              position_, left());
    const auto taken = bytes_.subspan(position_, std::size_t(count));
    position_ += std::size_t(count);
    return taken;
  }

  // The same as text.
  std::string_view take_text(std::uint64_t count) {
    const auto taken = take_bytes(count);
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }

  // Text up to the next newline, which is taken too.
  std::string_view take_line() {
    const auto rest = bytes_.subspan(position_);
    const auto end = std::ranges::find(rest, std::byte{'\n'});
    PAL_CHECK(end != rest.end(), "{}: damaged or cut short: a line at offset {} does not end", name_,
              position_);
    const auto line = take_text(std::uint64_t(end - rest.begin()));
    ++position_;
    return line;
  }

  // Protocol buffers' variable-length integer: 7 bits a byte, lowest first.
  std::uint64_t take_varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = take<std::uint8_t>();
      value |= std::uint64_t(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    user_error("{}: damaged: an integer at offset {} does not end", name_, position_);
  }

  std::size_t left() const { return bytes_.size() - position_; }  // bytes behind the place
  std::size_t position() const { return position_; }              // bytes before it
  const std::string& name() const { return name_; }               // as given

 private:
  std::span<const std::byte> bytes_;
  std::string name_;
  std::size_t position_ = 0;
};

// Elements of `shape`. Throws UserError where a dimension is negative, or the product times `element_size` is
// not `bytes`.
inline void check_extent(std::span<const std::int64_t> shape, std::size_t element_size, std::uint64_t bytes,
                         const std::string& where) {
  std::uint64_t total = element_size;
  for (const std::int64_t size : shape) {
    const bool fits = size >= 0 && !__builtin_mul_overflow(total, std::uint64_t(size), &total);
    PAL_CHECK(fits, "{}: damaged: an impossible dimension {}", where, size);
  }
  PAL_CHECK(total == bytes, "{}: damaged: its shape takes {} bytes, but it has {}", where, total, bytes);
}

}  // namespace pal

#include "protobuf.h"

#include <bit>
#include <cstring>

#include "pal/core/check.h"

namespace pal {

static_assert(std::endian::native == std::endian::little, "numbers are copied as the format writes them");

std::uint64_t ProtobufReader::take_varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const auto byte = static_cast<std::uint8_t>(take(1).front());
    value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
  user_error("{}: damaged: a number has more than 10 bytes", where_);
}

std::string_view ProtobufReader::take(std::uint64_t size) {
  PAL_CHECK(size <= bytes_.size(), "{}: damaged: a field of {} bytes, but {} are left", where_, size,
            bytes_.size());
  const auto taken = bytes_.substr(0, size);
  bytes_.remove_prefix(size);
  return taken;
}

bool ProtobufReader::next() {
  if (bytes_.empty()) return false;
  const std::uint64_t key = take_varint();
  field_ = key >> 3;
  wire_ = key & 7;
  PAL_CHECK(field_ > 0, "{}: damaged: a field has the number 0", where_);
  switch (wire_) {
    case kVarint: number_ = take_varint(); break;
    case kFixed64: value_ = take(8); break;
    case kBytes: value_ = take(take_varint()); break;
    case kFixed32: value_ = take(4); break;
    default: user_error("{}: damaged: field {} has the wire type {}", where_, field_, wire_);
  }
  return true;
}

void ProtobufReader::expect(Wire wire) const {
  PAL_CHECK(wire_ == wire, "{}: damaged: field {} has the wire type {}, expected {}", where_, field_, wire_,
            static_cast<std::uint64_t>(wire));
}

std::uint64_t ProtobufReader::varint() const {
  expect(kVarint);
  return number_;
}

float ProtobufReader::float32() const {
  expect(kFixed32);
  float value;
  std::memcpy(&value, value_.data(), sizeof value);
  return value;
}

std::string_view ProtobufReader::bytes() const {
  expect(kBytes);
  return value_;
}

void ProtobufWriter::put_varint(std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) message_.push_back(static_cast<char>(value | 0x80));
  message_.push_back(static_cast<char>(value));
}

ProtobufWriter& ProtobufWriter::varint(std::uint64_t field, std::uint64_t value) {
  put_varint(field << 3);
  put_varint(value);
  return *this;
}

ProtobufWriter& ProtobufWriter::float32(std::uint64_t field, float value) {
  put_varint(field << 3 | 5);
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  message_.append(bytes, sizeof value);
  return *this;
}

ProtobufWriter& ProtobufWriter::bytes(std::uint64_t field, std::string_view value) {
  put_varint(field << 3 | 2);
  put_varint(value.size());
  message_ += value;
  return *this;
}

}  // namespace pal

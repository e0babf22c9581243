// The wire format of protocol buffers (https://protobuf.dev/programming-guides/encoding), as far as SentencePiece models use it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pal {

// Reads the fields of one message in their order. Throws UserError where the bytes are not a message.
class ProtobufReader {
 public:
  // where: names the file and the message in errors.
  ProtobufReader(std::string_view bytes, std::string where) : bytes_(bytes), where_(std::move(where)) {}

  // Goes to the next field and says whether there is one. A field that is not read is passed over.
  bool next();
  std::uint64_t field() const { return field_; }  // its number

  // The field's value; throws where the wire type is another one.
  std::uint64_t varint() const;
  bool flag() const { return varint() != 0; }
  float float32() const;
  std::string_view bytes() const;  // of a text or of an inner message

 private:
  enum Wire : std::uint64_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

  std::uint64_t take_varint();
  std::string_view take(std::uint64_t size);
  void expect(Wire wire) const;

  std::string_view bytes_;  // what is left behind this field
  std::string where_;
  std::uint64_t field_ = 0;
  std::uint64_t wire_ = kVarint;
  std::uint64_t number_ = 0;
  std::string_view value_;
};

// The same format, written.
class ProtobufWriter {
 public:
  ProtobufWriter& varint(std::uint64_t field, std::uint64_t value);
  ProtobufWriter& float32(std::uint64_t field, float value);
  ProtobufWriter& bytes(std::uint64_t field, std::string_view value);
  const std::string& message() const { return message_; }

 private:
  void put_varint(std::uint64_t value);

  std::string message_;
};

}  // namespace pal

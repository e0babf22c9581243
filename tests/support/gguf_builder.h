// Small GGUF files for tests, well formed or not: every field is written as the test says.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace pal {

// The bytes of numbers and texts as GGUF writes them.
class GgufBytes {
 public:
  template <typename T>
  GgufBytes& number(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  GgufBytes& u32(std::uint32_t value) { return number(value); }
  GgufBytes& u64(std::uint64_t value) { return number(value); }
  GgufBytes& text(std::string_view value) { return u64(value.size()).raw(value); }
  GgufBytes& raw(std::string_view value) {
    bytes_ += value;
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

struct GgufBuilder {
  struct Tensor {
    std::string name;
    std::vector<std::uint64_t> dimensions;  // the contiguous one first
    std::uint32_t type = 0;                 // F32
    std::uint64_t offset = 0;
  };

  std::string magic = "GGUF";
  std::uint32_t version = 3;
  std::uint64_t alignment = 32;  // of the data's start
  std::vector<std::string> metadata;
  std::vector<Tensor> tensors;
  std::string data;

  // Adds `key` with a value of the type number `type`; `value` is its bytes.
  GgufBuilder& add(std::string_view key, std::uint32_t type, const std::string& value) {
    metadata.push_back(GgufBytes().text(key).u32(type).raw(value).bytes());
    return *this;
  }
  template <typename T>
  GgufBuilder& add_number(std::string_view key, std::uint32_t type, T value) {
    return add(key, type, GgufBytes().number(value).bytes());
  }
  GgufBuilder& add_text(std::string_view key, std::string_view value) {
    return add(key, 8, GgufBytes().text(value).bytes());
  }

  std::string bytes() const {
    GgufBytes out;
    out.raw(magic).u32(version).u64(tensors.size()).u64(metadata.size());
    for (const std::string& item : metadata) out.raw(item);
    for (const Tensor& tensor : tensors) {
      out.text(tensor.name).u32(std::uint32_t(tensor.dimensions.size()));
      for (const std::uint64_t dimension : tensor.dimensions) out.u64(dimension);
      out.u32(tensor.type).u64(tensor.offset);
    }
    std::string result = out.bytes();
    result.resize((result.size() + alignment - 1) / alignment * alignment, '\0');
    return result + data;
  }
};

}  // namespace pal

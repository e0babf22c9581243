// The GGUF format of llama.cpp, versions 2 and 3: typed metadata, tensor infos, then the tensors' bytes.
// Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Torch-free; core/tensor_source.h makes tensors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "pal/core/ggml_type.h"
#include "pal/core/mapped_file.h"
#include "pal/core/tensor_entry.h"

namespace pal {

// A metadata value. Integers of 8 to 64 bits are widened to 64, float32 to double (both exactly); arrays hold one
// type, and arrays of arrays nest.
struct GgufValue {
  using Nested = std::vector<GgufValue>;  // arrays of arrays
  std::variant<std::uint64_t, std::int64_t, double, bool, std::string, std::vector<std::uint64_t>,
               std::vector<std::int64_t>, std::vector<double>, std::vector<bool>, std::vector<std::string>,
               Nested>
      value;  // the value, in its widened type
};

// A tensor of the file.
struct GgufEntry : TensorEntry {
  GgmlType type = GgmlType::kF32;  // of its elements
};

// A GGUF file whose metadata and tensor infos have been read and checked: every tensor lies inside the file, aligned,
// has a known type, and shares no byte with another.
class GgufFile {
 public:
  // Throws UserError that names the file and, where it is about one, the key or the tensor.
  explicit GgufFile(const std::filesystem::path& path);

  std::string name() const { return file_.name(); }  // the path, for messages

  // Metadata by key. The plain getters throw UserError naming file and key where the key is missing or holds another
  // type; the optional ones only where it holds another type. Whole numbers are accepted whatever their width and
  // signedness as long as they fit; real() also takes whole numbers:
  const std::map<std::string, GgufValue>& metadata() const { return metadata_; }
  bool has(const std::string& key) const { return metadata_.contains(key); }  // never throws
  std::string string(const std::string& key) const;
  std::uint64_t uint(const std::string& key) const;
  double real(const std::string& key) const;
  bool boolean(const std::string& key) const;
  const std::vector<std::string>& strings(const std::string& key) const;
  const std::vector<double>& reals(const std::string& key) const;
  std::vector<std::int64_t> ints(const std::string& key) const;
  std::optional<std::string> optional_string(const std::string& key) const;
  std::optional<std::uint64_t> optional_uint(const std::string& key) const;
  std::optional<double> optional_real(const std::string& key) const;
  std::optional<bool> optional_boolean(const std::string& key) const;

  const std::map<std::string, GgufEntry>& tensors() const { return tensors_; }  // by name
  const GgufEntry& entry(const std::string& name) const;                        // throws UserError where there is none
  std::span<const std::byte> bytes(const GgufEntry&) const;                     // still quantised; valid as long as this object
  // The same bytes from `begin` on into `out`, without mapping them; see MappedFile::read().
  void read(const GgufEntry& entry, std::uint64_t begin, std::span<std::byte> out) const;

 private:
  const GgufValue& value(const std::string& key) const;

  MappedFile file_;
  std::span<const std::byte> data_;
  std::map<std::string, GgufValue> metadata_;
  std::map<std::string, GgufEntry> tensors_;
};

}  // namespace pal

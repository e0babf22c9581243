// The safetensors format: a length (u64, little-endian), a JSON header of that length, then the tensors' bytes.
// Source: https://github.com/huggingface/safetensors, README. Torch-free; core/tensor_source.h makes tensors of it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "pal/core/dtype.h"
#include "pal/core/mapped_file.h"
#include "pal/core/tensor_entry.h"

namespace pal {

// A tensor of the file.
struct SafetensorsEntry : TensorEntry {
  DType dtype = DType::kF32;  // of its elements
};

// The texts of the header's `__metadata__`, by key.
using SafetensorsMetadata = std::map<std::string, std::string>;

// A safetensors file whose header has been read and checked: every tensor lies inside the file, is as long as its
// shape and element type say, and shares no byte with another, and together they fill the file.
class SafetensorsFile {
 public:
  // Throws UserError that names the file and, where it is about one, the tensor.
  explicit SafetensorsFile(const std::filesystem::path& path);

  const std::map<std::string, SafetensorsEntry>& tensors() const { return tensors_; }  // by name
  const SafetensorsMetadata& metadata() const { return metadata_; }                    // empty where the header has none
  std::string name() const { return file_.name(); }                                    // the path, for messages

  const SafetensorsEntry& entry(const std::string& name) const;     // throws UserError where there is none
  std::span<const std::byte> bytes(const SafetensorsEntry&) const;  // valid as long as this object
  // The same bytes from `begin` on into `out`, without mapping them; see MappedFile::read().
  void read(const SafetensorsEntry& entry, std::uint64_t begin, std::span<std::byte> out) const;

 private:
  MappedFile file_;
  std::span<const std::byte> data_;
  std::map<std::string, SafetensorsEntry> tensors_;
  SafetensorsMetadata metadata_;
};

// How a file with these tensors is laid out: sets begin and end of each, and returns the length and the header that the
// file starts with. The data follows in the order in which the entries are left: wider elements first, then by name.
std::string lay_out_safetensors(std::vector<SafetensorsEntry>& entries, const SafetensorsMetadata& metadata);

}  // namespace pal

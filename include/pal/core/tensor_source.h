// Named tensors from files, whatever the format: safetensors (single or sharded), GGUF and torch.save(). The torch
// side of core/safetensors.h, core/gguf.h and core/torch_file.h, which read the files.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pal/core/dtype.h"

namespace pal {

// Tensors by name.
using TensorMap = std::map<std::string, torch::Tensor>;

// All tensors of one *.safetensors file, on the CPU, in memory of their own. Throws UserError that names file and tensor.
TensorMap load_safetensors(const std::filesystem::path& path);

// The same without reading them: the tensors lie in the mapped file, which is read where they are, and must not be changed. For what is longer than the
// memory, or wanted in parts.
TensorMap map_safetensors(const std::filesystem::path& path);

// Writes a safetensors file atomically. Equal tensors and metadata give equal bytes. Tensors may be anywhere and of any
// strides; they are written contiguously, the wider element types first and then by name, so that every
// tensor lies at a multiple of its element size (readers that map the file rely on it).
// Throws UserError where a tensor has an element type that safetensors does not know or the file cannot be written.
void save_safetensors(const std::filesystem::path& path, const TensorMap& tensors,
                      const std::map<std::string, std::string>& metadata = {});

// What load() will return.
struct TensorInfo {
  std::vector<std::int64_t> shape;  // outermost dimension first
  DType dtype;                      // of the elements
};

// Where a tensor's data lie, for reading many in the order of the file.
struct TensorPlace {
  std::size_t file = 0;       // of several: shards, in any order
  std::uint64_t begin = 0;    // bytes, only to be compared within a file
  bool is_divisible = false;  // whether a part can be read without reading all
};

// A tensor of the file that the source does not show, and why.
struct LeftOutTensor {
  std::string name;  // in the file
  std::string note;  // why
};

// A file or folder of named tensors, opened without reading their data. Every function that takes a
// name throws UserError, naming file and tensor, where there is no such tensor. Safe to use from several threads.
class TensorSource {
 public:
  virtual ~TensorSource() = default;
  virtual std::vector<std::string> names() const = 0;          // sorted
  virtual bool has(const std::string& name) const = 0;         // whether there is such a tensor
  virtual TensorInfo info(const std::string& name) const = 0;  // without reading its data
  // On the CPU, in memory of its own. GGUF's quantised types come dequantised to float32; F32, F16 and BF16 as they are.
  virtual torch::Tensor load(const std::string& name) const = 0;
  // Fills `out` [n], of any device and type, with the tensor's elements from `begin` on in row-major order, converted to its type.
  // begin: a multiple of 256, or 0. What is read into a contiguous tensor of the file's own type on the CPU takes no other memory.
  virtual void read(const std::string& name, std::int64_t begin, const torch::Tensor& out) const;
  virtual TensorPlace place(const std::string& name) const { return (void)name, TensorPlace{}; }  // for read()
  virtual std::vector<LeftOutTensor> left_out() const { return {}; }  // tensors of the file that names() leaves out
  virtual std::string describe() const = 0;                           // the path, for messages
};

// Opens a *.safetensors file, a *.index.json of shards, a folder with model.safetensors or model.safetensors.index.json,
// a *.gguf file, whose tensors keep GGUF's own names, row orders (see unpermute_rope_rows) and torch's order of
// dimensions, or a *.pt, *.pth or *.ckpt file of torch.save(), of which no code is run (see core/torch_file.h). Throws
// UserError.
std::unique_ptr<TensorSource> open_tensors(const std::filesystem::path& path);

// GGUF files of architectures with interleaved rotary embeddings (llama, mistral3, smollm3, ...) hold the rows of each
// head of q_proj and k_proj as (0, d/2, 1, d/2 + 1, ...); this puts them back as Hugging Face's half-split form
// (0, 1, 2, ...) has them. weight: [heads * d, ...], also a bias [heads * d]; heads: query heads for q, key heads for k.
// Source: llama.cpp's convert_hf_to_gguf.py, LlamaModel.permute, inverted.
torch::Tensor unpermute_rope_rows(const torch::Tensor& weight, std::int64_t heads);

}  // namespace pal

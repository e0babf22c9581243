#include "pal/core/tensor_source.h"

#include <torch/types.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <ostream>
#include <ranges>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/gguf.h"
#include "pal/core/gguf_dequantize.h"
#include "pal/core/safetensors.h"
#include "pal/core/strict_json.h"
#include "scalar_types.h"
#include "torch_source.h"

namespace pal {
namespace fs = std::filesystem;

namespace {

// The bytes of a contiguous tensor on the CPU.
std::span<std::byte> bytes_of(const torch::Tensor& tensor) {
  return {static_cast<std::byte*>(tensor.mutable_data_ptr()), tensor.nbytes()};
}

// Has `fill` put elements of the type `stored` into `out`: directly where that is its type, through a buffer otherwise.
void fill_as(DType stored, const torch::Tensor& out, const std::function<void(const torch::Tensor&)>& fill) {
  const auto type = scalar_type(stored);
  if (out.is_cpu() && out.is_contiguous() && out.scalar_type() == type) return fill(out);
  const auto buffer = torch::empty({out.numel()}, type);
  fill(buffer);
  if (!out.is_cpu() || !out.is_contiguous()) return (void)out.copy_(buffer);
  // Parts so short that torch converts them in this thread: several of ours are reading.
  constexpr std::int64_t kPart = 1 << 14;
  for (std::int64_t begin = 0; begin < out.numel(); begin += kPart) {
    const std::int64_t end = std::min(begin + kPart, out.numel());
    out.view(-1).slice(0, begin, end).copy_(buffer.slice(0, begin, end));
  }
}

DType stored_dtype(const SafetensorsEntry& entry) { return entry.dtype; }

// What a quantised type is unpacked to.
DType stored_dtype(const GgufEntry& entry) {
  return entry.type == GgmlType::kF16    ? DType::kF16
         : entry.type == GgmlType::kBF16 ? DType::kBF16
                                         : DType::kF32;
}

// Elements from `begin` on of a tensor whose file holds them as they are.
template <typename File, typename Entry>
void read_plain(const File& file, const Entry& entry, std::int64_t begin, const torch::Tensor& out) {
  const DType dtype = stored_dtype(entry);
  fill_as(dtype, out, [&](const torch::Tensor& elements) {
    const auto bytes = bytes_of(elements);
    file.read(entry, std::uint64_t(begin) * dtype_size(dtype), bytes);
    if (dtype == DType::kBool) check_truth_values(bytes, file.name(), entry.name);
  });
}

void read_elements(const SafetensorsFile& file, const SafetensorsEntry& entry, std::int64_t begin,
                   const torch::Tensor& out) {
  read_plain(file, entry, begin, out);
}

void read_elements(const GgufFile& file, const GgufEntry& entry, std::int64_t begin, const torch::Tensor& out) {
  if (!is_quantized(entry.type)) return read_plain(file, entry, begin, out);
  const GgmlTypeFacts facts = ggml_type_facts(entry.type);
  const std::size_t first_block = std::size_t(begin) / facts.values, blocks = std::size_t(out.numel()) / facts.values;
  PAL_ASSERT(first_block * facts.values == std::size_t(begin) && blocks * facts.values == std::size_t(out.numel()),
             "elements {} to {} of '{}' are no whole blocks", begin, begin + out.numel(), entry.name);
  const auto packed = torch::empty({std::int64_t(blocks * facts.bytes)}, torch::kUInt8);
  file.read(entry, first_block * facts.bytes, bytes_of(packed));
  fill_as(DType::kF32, out, [&](const torch::Tensor& elements) {
    dequantize(entry.type, bytes_of(packed), {elements.mutable_data_ptr<float>(), std::size_t(elements.numel())});
  });
}

template <typename File, typename Entry>
torch::Tensor load_entry(const File& file, const Entry& entry) {
  const auto tensor = torch::empty(entry.shape, scalar_type(stored_dtype(entry)));
  read_elements(file, entry, 0, tensor.view(-1));
  return tensor;
}

// Also false where the path cannot be looked at.
bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

std::vector<std::string> keys_of(const auto& map) {
  const auto keys = std::views::keys(map);
  return {keys.begin(), keys.end()};
}

// A single file of tensors that can be read in pieces.
template <typename File>
class FileSource : public TensorSource {
 public:
  explicit FileSource(const fs::path& path) : file_(path) {}
  std::vector<std::string> names() const override { return keys_of(file_.tensors()); }
  bool has(const std::string& name) const override { return file_.tensors().contains(name); }
  TensorInfo info(const std::string& name) const override {
    return {file_.entry(name).shape, stored_dtype(file_.entry(name))};
  }
  torch::Tensor load(const std::string& name) const override { return load_entry(file_, file_.entry(name)); }
  void read(const std::string& name, std::int64_t begin, const torch::Tensor& out) const override {
    read_elements(file_, file_.entry(name), begin, out);
  }
  TensorPlace place(const std::string& name) const override { return {0, file_.entry(name).begin, true}; }
  std::string describe() const override { return file_.name(); }

 private:
  File file_;
};

// Reads {"weight_map": {tensor: shard}}: the shard of every tensor.
std::map<std::string, std::string> read_weight_map(const fs::path& path) {
  constexpr std::size_t kLongestIndex = 64 << 20;
  constexpr int kDeepest = 16;
  const std::string file = path.string();
  const auto index = parse_strict_json(read_file(path, kLongestIndex), file, kDeepest);
  const bool has_map = index.is_object() && index.contains("weight_map") && index["weight_map"].is_object();
  PAL_CHECK(has_map, "{}: expected an object with 'weight_map', from tensor to file", file);
  std::map<std::string, std::string> shards;
  for (const auto& [name, shard] : index["weight_map"].items()) {
    PAL_CHECK(shard.is_string(), "{}: tensor '{}': expected the name of a file", file, name);
    const auto& shard_name = shard.get_ref<const std::string&>();
    const bool is_plain = !shard_name.empty() && shard_name.find('\0') == std::string::npos &&
                          shard_name != ".." && fs::path(shard_name).filename() == shard_name;
    PAL_CHECK(is_plain, "{}: tensor '{}': expected a file in the same folder, got {:.200}", file, name,
              shard.dump());
    shards[name] = shard_name;
  }
  PAL_CHECK(!shards.empty(), "{}: 'weight_map' is empty", file);
  return shards;
}

class ShardedSource : public TensorSource {
 public:
  explicit ShardedSource(const fs::path& index) : index_(index) {
    const auto weight_map = read_weight_map(index);
    for (const auto& [name, shard] : weight_map) open_shard(name, shard);
    for (const auto& [name, shard] : weight_map) {
      const auto& file = *shards_.at(shard);
      PAL_CHECK(file.tensors().contains(name), "{}: has no tensor '{}', which {} places there", file.name(), name, describe());
    }
  }
  std::vector<std::string> names() const override { return keys_of(shard_of_); }
  bool has(const std::string& name) const override { return shard_of_.contains(name); }
  TensorInfo info(const std::string& name) const override {
    const auto& entry = shard(name).file->entry(name);
    return {entry.shape, entry.dtype};
  }
  torch::Tensor load(const std::string& name) const override {
    return load_entry(*shard(name).file, shard(name).file->entry(name));
  }
  void read(const std::string& name, std::int64_t begin, const torch::Tensor& out) const override {
    read_elements(*shard(name).file, shard(name).file->entry(name), begin, out);
  }
  TensorPlace place(const std::string& name) const override {
    return {shard(name).number, shard(name).file->entry(name).begin, true};
  }
  std::string describe() const override { return index_.string(); }

 private:
  void open_shard(const std::string& name, const std::string& shard) {
    if (shards_.contains(shard)) return;
    const fs::path path = index_.parent_path() / shard;
    PAL_CHECK(is_there(path), "{}: is missing, but {} places tensor '{}' there", path.string(), describe(),
              name);
    const auto& file = shards_[shard] = std::make_unique<SafetensorsFile>(path);
    for (const auto& [tensor, entry] :
         file->tensors()) {  // also those that the index leaves out, as Hugging Face does
      const auto [place, is_new] = shard_of_.emplace(tensor, Shard{file.get(), shards_.size()});
      PAL_CHECK(is_new, "{}: tensor '{}' is also in {}", file->name(), tensor, place->second.file->name());
    }
  }

  struct Shard {
    const SafetensorsFile* file;
    std::size_t number;  // in the order in which they were opened
  };

  const Shard& shard(const std::string& name) const {
    const auto found = shard_of_.find(name);
    PAL_CHECK(found != shard_of_.end(), "{}: has no tensor '{}'", describe(), name);
    return found->second;
  }

  fs::path index_;
  std::map<std::string, std::unique_ptr<SafetensorsFile>> shards_;
  std::map<std::string, Shard> shard_of_;
};

}  // namespace

void TensorSource::read(const std::string& name, std::int64_t begin, const torch::Tensor& out) const {
  out.copy_(load(name).view(-1).slice(0, begin, begin + out.numel()));
}

TensorMap map_safetensors(const fs::path& path) {
  const auto file = std::make_shared<SafetensorsFile>(path);
  TensorMap tensors;
  for (const auto& [name, entry] : file->tensors())
    tensors[name] = torch::from_blob(const_cast<std::byte*>(file->bytes(entry).data()), entry.shape, [file](void*) {}, scalar_type(entry.dtype));
  return tensors;
}

TensorMap load_safetensors(const fs::path& path) {
  const SafetensorsFile file(path);
  TensorMap tensors;
  for (const auto& [name, entry] : file.tensors()) tensors[name] = load_entry(file, entry);
  return tensors;
}

void save_safetensors(const fs::path& path, const TensorMap& tensors,
                      const std::map<std::string, std::string>& metadata) {
  std::vector<SafetensorsEntry> entries;
  for (const auto& [name, tensor] : tensors) {
    PAL_ASSERT(tensor.defined(), "tensor '{}' is to be saved to {} but is undefined", name, path.string());
    SafetensorsEntry& entry = entries.emplace_back();
    entry.name = name;
    entry.shape = tensor.sizes().vec();
    const auto dtype = dtype_of(tensor.scalar_type());
    PAL_CHECK(dtype, "{}: tensor '{}': safetensors cannot hold elements of type {}", path.string(), name,
              torch::toString(tensor.scalar_type()));
    entry.dtype = *dtype;
  }
  const std::string header = lay_out_safetensors(entries, metadata);
  write_file_atomically(path, [&](std::ostream& out) {
    out.write(header.data(), std::streamsize(header.size()));
    for (const SafetensorsEntry& entry : entries) {
      const torch::Tensor tensor = tensors.at(entry.name).detach().to(torch::kCPU).contiguous();
      out.write(static_cast<const char*>(tensor.const_data_ptr()), std::streamsize(tensor.nbytes()));
    }
  });
}

std::unique_ptr<TensorSource> open_tensors(const fs::path& path) {
  const std::string name = path.filename().string();
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    if (is_there(path / "model.safetensors")) return open_tensors(path / "model.safetensors");
    const fs::path index = path / "model.safetensors.index.json";
    PAL_CHECK(is_there(index), "{}: holds neither model.safetensors nor model.safetensors.index.json",
              path.string());
    return open_tensors(index);
  }
  if (name.ends_with(".safetensors")) return std::make_unique<FileSource<SafetensorsFile>>(path);
  if (name.ends_with(".index.json")) return std::make_unique<ShardedSource>(path);
  if (name.ends_with(".gguf")) return std::make_unique<FileSource<GgufFile>>(path);
  if (name.ends_with(".pt") || name.ends_with(".pth") || name.ends_with(".ckpt"))
    return open_torch_file(path);
  PAL_CHECK(is_there(path), "{}: is missing", path.string());
  user_error(
      "{}: expected a *.safetensors, *.index.json, *.gguf, *.pt, *.pth or *.ckpt file, or a folder with "
      "model.safetensors",
      path.string());
}

torch::Tensor unpermute_rope_rows(const torch::Tensor& weight, std::int64_t heads) {
  PAL_CHECK(weight.dim() >= 1 && heads > 0 && weight.size(0) % (2 * heads) == 0,
            "rotary rows: {} heads do not divide a weight of shape [{}] into heads of an even width", heads,
            fmt::join(weight.sizes(), ", "));
  const std::int64_t half = weight.size(0) / heads / 2;
  const auto width = weight.numel() / std::max<std::int64_t>(weight.size(0), 1);
  return weight.reshape({heads, half, 2, width}).transpose(1, 2).reshape(weight.sizes()).contiguous();
}

}  // namespace pal

// What torch.save() writes since PyTorch 1.6 (*.pt, *.pth, *.ckpt): a zip file with a pickle of the object, data.pkl, and the
// elements of its tensors, data/0, data/1, ... The pickle is read as inert data (core/pickle.h): no code of a file is ever run.
// Torch-free; core/tensor_source.h makes tensors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "pal/core/dtype.h"

namespace pal {

// A tensor of the file: a view of a storage, which others may share.
struct TorchEntry {
  std::string name;                   // in the nested dicts, e.g. model.blocks.0.attn.qkv.weight
  DType dtype = DType::kF32;          // of its elements
  std::vector<std::int64_t> shape;    // outermost dimension first
  std::vector<std::int64_t> strides;  // elements, one a dimension
  std::int64_t offset = 0;            // of the first element in the storage
  std::string storage;                // the storage's name
  std::int64_t storage_elements = 0;  // that the storage holds
};

class ZipArchive;

// A file whose pickle has been read and whose tensors lie inside their storages. Tensors are those that are reached from the
// outermost object through dicts, also ordered and derived ones, by keys that are texts or integers; all else, objects of other
// classes with whatever they hold included, is passed over.
class TorchFile {
 public:
  // Throws UserError that names the file and, where it is about one, the tensor: a file that is missing, damaged, of another
  // format (the one from before 1.6 too), without tensors, or on a machine of another byte order.
  explicit TorchFile(const std::filesystem::path& path);
  ~TorchFile();

  const std::map<std::string, TorchEntry>& tensors() const { return tensors_; }  // by name
  std::string name() const;                                                      // the path, for messages

  // Throws UserError where there is no such tensor, or one with elements that cannot be read (complex, quantised, ...).
  const TorchEntry& entry(const std::string& name) const;
  // All elements of the tensor's storage. out: of storage_elements. Throws UserError where the file is damaged there. Safe to use
  // from several threads.
  void read_storage(const TorchEntry& entry, std::span<std::byte> out) const;

 private:
  std::unique_ptr<ZipArchive> archive_;
  std::map<std::string, TorchEntry> tensors_;
  std::map<std::string, std::string> unreadable_;  // tensors' names; their storages' types
};

}  // namespace pal

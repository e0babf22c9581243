#include "torch_source.h"

#include <ranges>

#include "pal/core/check.h"
#include "pal/core/torch_file.h"
#include "scalar_types.h"

namespace pal {

namespace {

class TorchSource : public TensorSource {
 public:
  explicit TorchSource(const std::filesystem::path& path) : file_(path) {}

  std::vector<std::string> names() const override {
    const auto keys = std::views::keys(file_.tensors());
    return {keys.begin(), keys.end()};
  }
  bool has(const std::string& name) const override { return file_.tensors().contains(name); }
  TensorInfo info(const std::string& name) const override {
    return {file_.entry(name).shape, file_.entry(name).dtype};
  }
  std::string describe() const override { return file_.name(); }

  torch::Tensor load(const std::string& name) const override {
    const TorchEntry& entry = file_.entry(name);
    const auto type = scalar_type(entry.dtype);
    std::int64_t elements = 1;  // fits: the entry was checked
    for (const auto size : entry.shape) elements *= size;
    if (elements == 0) return torch::empty(entry.shape, type);
    PAL_CHECK(
        elements <= entry.storage_elements,
        "{}: tensor '{}': its {} elements repeat those of a storage of {}; save it as a contiguous tensor",
        describe(), name, elements, entry.storage_elements);
    const auto storage = torch::empty({entry.storage_elements}, type);
    const std::span bytes(static_cast<std::byte*>(storage.mutable_data_ptr()), storage.nbytes());
    file_.read_storage(entry, bytes);
    if (entry.dtype == DType::kBool) check_truth_values(bytes, describe(), name);
    const auto view = storage.as_strided(entry.shape, entry.strides, entry.offset);
    const bool whole = elements == entry.storage_elements && view.is_contiguous();
    return whole ? view : view.clone(torch::MemoryFormat::Contiguous);
  }

 private:
  TorchFile file_;
};

}  // namespace

std::unique_ptr<TensorSource> open_torch_file(const std::filesystem::path& path) {
  return std::make_unique<TorchSource>(path);
}

}  // namespace pal

// The zip file of torch.save(): its directory, the pickle in it, and the elements of every tensor.
#include <vector>

#include "fuzz_input.h"
#include "pal/core/torch_file.h"

namespace pal::fuzz {
namespace {

// As pickle_fuzz.cpp, and 2 MiB that libzip makes ready where a directory claims 65535 entries (more only where they fit into the file).
constexpr Allowance kAllowance{3 << 20, 512};

void read(const std::filesystem::path& path) {
  const TorchFile file(path);
  for (const auto& tensor : file.tensors()) {
    accepts([&] {
      const TorchEntry& entry = file.entry(tensor.first);
      std::vector<std::byte> elements(std::size_t(entry.storage_elements) * dtype_size(entry.dtype));
      file.read_storage(entry, elements);
    });
  }
}

}  // namespace
}  // namespace pal::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pal::fuzz;
  const auto input = text_of(data, size);
  return try_reader(input, kAllowance, [&] { read(put("model.pt", input)); });
}

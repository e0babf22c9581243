// safetensors: the header, and every tensor's bytes, mapped and read.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "fuzz_input.h"
#include "pal/core/safetensors.h"

namespace pal::fuzz {
namespace {

// A JSON value takes at least 2 bytes of the header and, in a list that grows, some 50 of memory; a key some 300.
constexpr Allowance kAllowance{1 << 20, 128};

void read(const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  for (const auto& [name, entry] : file.tensors()) {
    const auto mapped = file.bytes(file.entry(name));
    std::vector<std::byte> read(mapped.size() - mapped.size() / 2);
    file.read(entry, mapped.size() / 2, read);
    if (!std::ranges::equal(read, mapped.subspan(mapped.size() / 2))) std::abort();
  }
}

}  // namespace
}  // namespace pal::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pal::fuzz;
  const auto input = text_of(data, size);
  return try_reader(input, kAllowance, [&] { read(put("model.safetensors", input)); });
}

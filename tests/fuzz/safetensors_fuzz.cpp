// safetensors: the header, and every tensor's bytes.
#include "fuzz_input.h"
#include "pal/core/safetensors.h"

namespace pal::fuzz {
namespace {

// A JSON value takes at least 2 bytes of the header and, in a list that grows, some 50 of memory; a key some 300.
constexpr Allowance kAllowance{1 << 20, 128};

void read(const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  volatile unsigned touched = 0;
  for (const auto& [name, entry] : file.tensors()) {
    for (const std::byte byte : file.bytes(file.entry(name))) touched = touched + std::to_integer<unsigned>(byte);
  }
}

}  // namespace
}  // namespace pal::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pal::fuzz;
  const auto input = text_of(data, size);
  return try_reader(input, kAllowance, [&] { read(put("model.safetensors", input)); });
}

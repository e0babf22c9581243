// GGUF: header, metadata, every tensor's bytes, unpacked where they are quantised, and the tokenizer in it.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "fuzz_input.h"
#include "pal/core/gguf.h"
#include "pal/core/gguf_dequantize.h"
#include "use_tokenizer.h"

namespace pal::fuzz {
namespace {

// A metadata key and value take at least 14 bytes of a file and some 200 of memory, a token of a tokenizer 9 and some 400.
constexpr Allowance kAllowance{1 << 20, 128};

void ask_for_everything(const GgufFile& file) {
  for (const auto& metadata : file.metadata()) {
    const std::string& key = metadata.first;  // clang 14 lets no lambda capture a structured binding
    accepts([&] { file.string(key); });
    accepts([&] { file.uint(key); });
    accepts([&] { file.real(key); });
    accepts([&] { file.boolean(key); });
    accepts([&] { file.strings(key); });
    accepts([&] { file.reals(key); });
    accepts([&] { file.ints(key); });
  }
}

void read_tensor(const GgufFile& file, const GgufEntry& entry) {
  const auto bytes = file.bytes(entry);
  std::vector<std::byte> read(bytes.size());
  file.read(entry, 0, read);
  if (!std::ranges::equal(read, bytes)) std::abort();
  if (!is_quantized(entry.type)) return;
  const auto facts = ggml_type_facts(entry.type);
  std::vector<float> values(bytes.size() / facts.bytes * facts.values);
  dequantize(entry.type, bytes, values);
}

void read(const std::filesystem::path& path) {
  const GgufFile file(path);
  ask_for_everything(file);
  for (const auto& [name, entry] : file.tensors()) read_tensor(file, entry);
  if (!file.has("tokenizer.ggml.model")) return;
  use_tokenizer(path);
}

}  // namespace
}  // namespace pal::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pal::fuzz;
  const auto input = text_of(data, size);
  return try_reader(input, kAllowance, [&] { read(put("model.gguf", input)); });
}

// tokenizer.json and the files beside it, and a short text through what they make.
#include "fuzz_input.h"
#include "use_tokenizer.h"

namespace pal::fuzz {
namespace {

// A byte of an added token becomes a node of the finder, some 150 bytes of memory. The regexes of ICU have a stack of their own.
constexpr Allowance kAllowance{4 << 20, 512};

}  // namespace
}  // namespace pal::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pal::fuzz;
  const auto input = text_of(data, size);
  return try_reader(input, kAllowance, [&] {
    use_tokenizer(put_files(input, "tokenizer.json", {"tokenizer_config.json", "generation_config.json"}));
  });
}

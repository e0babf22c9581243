// tokenizer.json and the files beside it, and a short text through what they make.
#include "fuzz_input.h"
#include "pal/text/tokenizer.h"

namespace pal::fuzz {
namespace {

// A byte of an added token becomes a node of the finder, some 150 bytes of memory. The regexes of ICU have a stack of their own.
constexpr Allowance kAllowance{4 << 20, 512};

void read(const std::filesystem::path& path) {
  const auto tokenizer = load_tokenizer(path);
  const auto ids = tokenizer->encode("Two dogs  bark, 3 m away.\n<|im_end|> \xc3\xa9\xe2\x96\x81<s>", true);
  tokenizer->decode(ids, false);
  tokenizer->decode(ids, true);
}

}  // namespace
}  // namespace pal::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pal::fuzz;
  const auto input = text_of(data, size);
  return try_reader(input, kAllowance, [&] {
    read(put_files(input, "tokenizer.json", {"tokenizer_config.json", "generation_config.json"}));
  });
}

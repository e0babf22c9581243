// A SentencePiece model and the files beside it, and a short text through what they make.
#include "fuzz_input.h"
#include "use_tokenizer.h"

namespace pal::fuzz {
namespace {

// A piece takes at least 7 bytes of a file. It is held by the vocabulary, the tables of ids and, several times, the library.
constexpr Allowance kAllowance{4 << 20, 512};

}  // namespace
}  // namespace pal::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pal::fuzz;
  const auto input = text_of(data, size);
  return try_reader(input, kAllowance, [&] {
    use_tokenizer(put_files(input, "tokenizer.model", {"tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"}));
  });
}

// Chat templates, which a model's files bring along: parsed, and rendered for two conversations.
#include "fuzz_input.h"
#include "pal/text/chat_template.h"

namespace pal::fuzz {
namespace {

// Rendering has a budget of its own, whatever the template's size.
constexpr Allowance kAllowance{64 << 20, 1024};

void read(std::string_view source) {
  const ChatTemplate chat_template(std::string(source), "<s>", "</s>");
  accepts([&] { chat_template.render({{"system", "Be brief."}, {"user", "What is <this>?"}, {"assistant", " A dog. "}}, false); });
  accepts([&] { chat_template.render({{"user", "Hi"}}, true); });
}

}  // namespace
}  // namespace pal::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pal::fuzz;
  const auto input = text_of(data, size);
  return try_reader(input, kAllowance, [&] { read(input); });
}

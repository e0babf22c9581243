// Files of one JSON object a line: manifests and predictions; and config.json.
#include "fuzz_input.h"
#include "pal/core/config_json.h"
#include "pal/core/json_lines.h"

namespace pal::fuzz {
namespace {

constexpr Allowance kAllowance{2 << 20, 128};  // as safetensors_fuzz.cpp, and a buffer of 1 MiB for the longest line

}  // namespace
}  // namespace pal::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pal::fuzz;
  const auto input = text_of(data, size);
  return try_reader(input, kAllowance, [&] {
    const auto path = put("samples.jsonl", input);
    accepts([&] { pal::ConfigJson::read(path); });
    pal::read_json_lines(path, [](const nlohmann::json& json) { pal::required_id(json); });
  });
}

// Files of JSON objects, one a line or in one array: manifests, and what reads predictions; and config.json.
#include "fuzz_input.h"
#include "pal/core/config_json.h"
#include "pal/core/json_lines.h"
#include "pal/data/manifest.h"

namespace pal::fuzz {
namespace {

constexpr Allowance kAllowance{2 << 20, 256};  // as safetensors_fuzz.cpp, and a buffer of 1 MiB for the longest line

}  // namespace
}  // namespace pal::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pal::fuzz;
  const auto input = text_of(data, size);
  return try_reader(input, kAllowance, [&] {
    const auto path = put("samples.jsonl", input);
    accepts([&] { pal::ConfigJson::read(path); });
    accepts([&] { pal::read_json_lines(path, [](const nlohmann::json& json) { pal::required_id(json); }); });
    accepts([&] { pal::read_manifest(pal::ManifestPart(path, "test"), {}); });
    pal::read_manifest(pal::ManifestPart(path), {});
  });
}

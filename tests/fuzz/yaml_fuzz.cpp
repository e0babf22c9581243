// Configs: YAML with a base beside it and an override, the table that checks it, and the text that is written of it.
#include <cstdio>
#include <cstdlib>

#include "config/example_config.h"
#include "fuzz_input.h"
#include "pal/config/document.h"
#include "pal/config/dump.h"

namespace pal::fuzz {
namespace {

// Aliases may expand a document to 4 MB of values counted at 128 bytes, which take some 300 (YamlLimits::kExpandedBytes).
constexpr Allowance kAllowance{48 << 20, 512};

void read(const std::filesystem::path& path) {
  ConfigReader reader(load_document(path, {"optimizer.clip=0.5", "stages.0.steps=3"}));
  example::RunConfig config;
  reader.read(config);
  reader.finish();
  if (example::read_run(to_yaml(config)) == config) return;
  std::fprintf(stderr, "pal: a config is another one after it was written and read\n");
  std::abort();
}

}  // namespace
}  // namespace pal::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pal::fuzz;
  const auto input = text_of(data, size);
  return try_reader(input, kAllowance, [&] { read(put_files(input, "pal.yaml", {"base.yaml"})); });
}

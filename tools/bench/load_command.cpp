#include "tools/bench/load_command.h"

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>

#include "pal/core/host_memory.h"
#include "pal/core/tool.h"
#include "pal/decoder/load_decoder.h"
#include "pal/integration/pal_model.h"
#include "pal/train/session.h"
#include "tools/command_line.h"

namespace pal {

namespace {

using Json = nlohmann::json;

struct LoadArguments {
  std::filesystem::path llm;
  std::string dtype = "bfloat16", device = "cpu";
  int threads = 0;
  bool json = false;
};

// The process has loaded nothing before: what it holds at the end, it holds for these weights.
Json measure(const LoadArguments& a) {
  const auto dtype = parse_float_type(a.dtype);
  const auto device = parse_device(a.device);
  set_threads(a.threads);
  reset_peak_memory();
  const auto before = host_memory();
  const auto start = std::chrono::steady_clock::now();
  const auto llm = load_decoder(a.llm, dtype, device);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  const auto after = host_memory();
  int64_t weights = 0, tensors = 0;
  for (const auto& parameter : llm->parameters()) weights += int64_t(parameter.nbytes()), ++tensors;
  return {{"llm", a.llm.string()},
          {"dtype", a.dtype},
          {"device", device.str()},
          {"seconds", seconds.count()},
          {"tensors", tensors},
          {"weight_bytes", weights},
          {"peak_bytes", after.peak - before.resident()},
          {"anonymous_bytes", after.anonymous - before.anonymous},
          {"file_bytes", after.files - before.files}};
}

int run_load(const LoadArguments& a) {
  const Json r = measure(a);
  if (a.json) {
    fmt::print("{}\n", r.dump());
    return kDone;
  }
  const auto mib = [&](const char* key) { return r[key].get<double>() / (1 << 20); };
  fmt::print("{}: {} tensors, {:.1f} MiB in {} on {}: {:.3f} s, {:.0f} MiB/s\n", a.llm.string(), r["tensors"].get<int64_t>(),
             mib("weight_bytes"), a.dtype, a.device, r["seconds"].get<double>(), mib("weight_bytes") / r["seconds"].get<double>());
  fmt::print("host memory beyond the start's: peak {:.1f} MiB; at the end {:.1f} MiB of its own and {:.1f} MiB of mapped files\n",
             mib("peak_bytes"), mib("anonymous_bytes"), mib("file_bytes"));
  return kDone;
}

}  // namespace

void add_load_command(CLI::App& app, std::function<int()>& run) {
  auto a = std::make_shared<LoadArguments>();
  auto* command = app.add_subcommand("load", "Seconds and host memory of loading an LLM, once, in this process");
  command->add_option("--llm", a->llm, "Hugging Face folder or *.gguf")->required();
  command->add_option("--dtype", a->dtype, "float32, float64, bfloat16 or float16")->capture_default_str();
  command->add_option("--device", a->device, "auto, cpu or cuda")->capture_default_str();
  command->add_option("--threads", a->threads, "CPU threads (default: all cores)");
  command->add_flag("--json", a->json, "print one JSON object");
  command->footer(
      "Peak: the most that was resident at any moment (VmHWM), mapped files included. The page cache is left as it is found:\n"
      "tools/bench_loading.py empties it, and compares with cat.\n"
      "Example: pal-bench load --llm assets/smollm2-135m-instruct.gguf");
  command->callback([a, &run] { run = [a] { return run_load(*a); }; });
}

}  // namespace pal

// pal-inspect checkpoint: what a checkpoint holds, and whether it is whole.
#include <memory>

#include "pal/core/check.h"
#include "pal/core/tool.h"
#include "pal/train/checkpoint.h"
#include "tools/inspect/inspect.h"

namespace pal {

namespace {

using Json = nlohmann::json;

struct CheckpointArguments {
  std::filesystem::path folder;
  bool json = false, config = false;
};

// Shape, type, Euclidean norm (in float64) and numbers that are not finite.
Json describe(const torch::Tensor& tensor) {
  return {{"shape", tensor.sizes().vec()},
          {"dtype", c10::toString(tensor.scalar_type())},
          {"norm", tensor.to(torch::kFloat64).norm().item<double>()},
          {"not_finite", torch::isfinite(tensor).logical_not().sum().item<int64_t>()}};
}

void print(const Checkpoint& checkpoint, const Json& tensors, std::size_t optimizer_tensors) {
  fmt::print("{}: whole, after step {}\nsha256 {}\noptimizer: {} tensors\n\n", checkpoint.folder.string(), checkpoint.step,
             checkpoint.hash, optimizer_tensors);
  for (const auto& [name, t] : tensors.items()) {
    const int64_t bad = t["not_finite"];
    fmt::print("{:<60} {:>16} {:<9} norm {:.6g}{}\n", name, fmt::format("[{}]", fmt::join(t["shape"].get<std::vector<int64_t>>(), ", ")),
               t["dtype"].get<std::string>(), t["norm"].get<double>(), bad > 0 ? fmt::format("  {} NOT FINITE", bad) : "");
  }
}

int run_checkpoint(const CheckpointArguments& a) {
  const auto checkpoint = open_checkpoint(a.folder);  // checks sizes and hashes
  const auto state = checkpoint.load_state();
  if (a.config) {
    PAL_CHECK(state.contains("config") && state["config"].is_string(), "{}: holds no config", a.folder.string());
    fmt::print("{}", state["config"].get<std::string>());
    return kDone;
  }
  const auto optimizer_tensors = checkpoint.load_optimizer().size();
  Json tensors = Json::object();
  for (const auto& [name, tensor] : checkpoint.load_model()) tensors[name] = describe(tensor);
  if (a.json)
    fmt::print("{}\n", Json{{"step", checkpoint.step}, {"hash", checkpoint.hash}, {"state", state}, {"optimizer_tensors", optimizer_tensors},
                            {"tensors", tensors}}.dump());
  else
    print(checkpoint, tensors, optimizer_tensors);
  return kDone;
}

}  // namespace

void add_checkpoint_command(CLI::App& app, std::function<int()>& run) {
  auto a = std::make_shared<CheckpointArguments>();
  auto* command = app.add_subcommand("checkpoint", "Whether a checkpoint is whole, and its tensors by name");
  command->add_option("--checkpoint", a->folder, "its folder, for example runs/NAME/final")->required();
  command->add_flag("--config", a->config, "print only the config that it was trained with, YAML");
  command->add_flag("--json", a->json, "print one JSON object");
  command->footer("Example: pal-inspect checkpoint --checkpoint runs/smoke/final");
  command->callback([a, &run] { run = [a] { return run_checkpoint(*a); }; });
}

}  // namespace pal

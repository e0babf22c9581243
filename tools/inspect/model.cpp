// pal-inspect model: what a config builds, and what it costs, before anything starts.
#include <memory>

#include "pal/core/check.h"
#include "pal/core/tool.h"
#include "pal/train/session.h"
#include "pal/train/step_memory.h"
#include "tools/inspect/inspect.h"

namespace pal {

namespace {

using Json = nlohmann::json;

struct ModelArguments {
  std::filesystem::path config;
  std::vector<std::string> sets;
  BatchShape batch;
  std::string device = "auto";
  int64_t processes = 1;
  bool json = false;
};

Json to_json(const StageMemory& memory, const StepMemory& step) {
  Json groups = Json::object();
  for (const auto& g : memory.groups)
    groups[g.group] = {{"trainable", {{"parameters", g.trainable_parameters}, {"tensors", g.trainable_tensors}}},
                       {"frozen", {{"parameters", g.frozen_parameters}, {"tensors", g.frozen_tensors}}}};
  return {{"stage", memory.stage},
          {"groups", groups},
          {"weight_bytes", memory.weight_bytes},
          {"gradient_bytes", memory.gradient_bytes},
          {"optimizer_bytes", memory.optimizer_bytes},
          {"bytes_per_process", memory.bytes()},
          {"sent_bytes_per_step", memory.sent_bytes},
          {"kept_bytes", step.kept_bytes},
          {"activation_bytes", step.forward_bytes},
          {"beyond_weights_and_optimizer_bytes", step.beyond_bytes},
          {"peak_bytes", step.peak_bytes},
          {"peak_phase", step.phase}};
}

std::string mib(int64_t bytes) { return fmt::format("{:.1f} MiB", double(bytes) / (1 << 20)); }

void print(const StageMemory& memory, const StepMemory& step, const Sharding& sharding) {
  const auto who = sharding.processes > 1 ? fmt::format("each of {} processes (shard: {}): ", sharding.processes, sharding.shard) : "";
  const auto sent = sharding.processes > 1 ? fmt::format("; sends {} a step", mib(memory.sent_bytes)) : "";
  fmt::print("stage '{}'\n{}\n  {}weights {}, gradients {}, optimizer {}, together {}{}\n", memory.stage, format_group_counts(memory.groups), who,
             mib(memory.weight_bytes), mib(memory.gradient_bytes), mib(memory.optimizer_bytes), mib(memory.bytes()), sent);
  fmt::print("  a step holds at most {}, in its {}: {} beside weights and optimizer; its forward keeps {} of activations\n\n", mib(step.peak_bytes), step.phase, mib(step.beyond_bytes), mib(step.kept_bytes));
}

// Only whose formulas are meant: cuda needs no GPU here.
c10::DeviceType device_type(const std::string& name) { return name == "cuda" ? c10::kCUDA : parse_device(name).type(); }

int run_model(const ModelArguments& a) {
  const auto config = load_run_config(a.config, a.sets);
  const auto model = std::make_shared<PalModel>(config.model, uint64_t(config.train.seed), torch::kMeta);  // shapes only
  const auto parameters = named_parameters(*model);
  auto batch = a.batch;
  if (batch.streams.empty()) batch.streams.assign(config.model.streams.size(), 64);
  const auto device = device_type(a.device);

  Json stages = Json::array();
  for (const auto& stage : config.stages) {
    const Sharding sharding{a.processes, config.train.shard};
    const auto memory = stage_memory(parameters, stage, sharding);
    const auto step = step_memory(config.model, model->llm()->options, parameters, stage, batch, device, sharding);
    stages.push_back(to_json(memory, step));
    if (!a.json) print(memory, step, sharding);
  }
  Json tensors = Json::object();
  for (const auto& p : parameters) tensors[p.name] = p.value.sizes().vec();
  const Json shape = {{"samples", batch.samples}, {"text_tokens", batch.text_tokens}, {"stream_tokens", batch.streams}, {"device", c10::DeviceTypeName(device, /*lower_case=*/true)}};
  if (a.json)
    fmt::print("{}\n", Json{{"stages", stages}, {"batch", shape}, {"parameters", tensors}}.dump());
  else
    fmt::print("a step: {} samples at once with {} text tokens and {} tokens of the streams, on {}; encoders, which run before it, are not counted\n", batch.samples, batch.text_tokens,
               fmt::join(batch.streams, " + "), c10::DeviceTypeName(device, /*lower_case=*/true));
  return kDone;
}

}  // namespace

void add_model_command(CLI::App& app, std::function<int()>& run) {
  auto a = std::make_shared<ModelArguments>();
  auto* command = app.add_subcommand("model", "Parameters by group, trained and frozen in each stage, and the memory that a step takes");
  command->add_option("--config", a->config, "the run, YAML")->required();
  command->add_option("--set", a->sets, "override an option: a.b=c")->take_all()->allow_extra_args(false);
  command->add_option("--samples", a->batch.samples, "batch of a step: samples run at once")->capture_default_str()->check(CLI::PositiveNumber);
  command->add_option("--processes", a->processes, "of how many the bytes are each one's, as train.shard says")->capture_default_str()->check(CLI::Range(int64_t{1}, int64_t{1} << 20));
  command->add_option("--text-tokens", a->batch.text_tokens, "text tokens a sample")->capture_default_str()->check(CLI::PositiveNumber);
  command->add_option("--stream-tokens", a->batch.streams, "tokens a sample of each stream, in their order (default: 64 each)")->delimiter(',');
  command->add_option("--target-tokens", a->batch.targets, "text tokens a sample that are learned (default: all but the first)")->check(CLI::NonNegativeNumber);
  command->add_option("--device", a->device, "auto, cpu or cuda: where the step would run; no GPU is needed")->capture_default_str();
  command->add_flag("--json", a->json, "print one JSON object");
  command->footer("Example: pal-inspect model --config configs/quickstart/pal.yaml --samples 16 --stream-tokens 36,6");
  command->callback([a, &run] { run = [a] { return run_model(*a); }; });
}

}  // namespace pal

#include "pal/train/session.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>

#include "pal/core/check.h"
#include "pal/train/stage_policy.h"

namespace pal {

std::vector<NamedParameter> Session::parameters() const { return named_parameters(*model); }

std::vector<std::string> implied_answers(const DataOptions& data) {
  constexpr std::size_t kMost = 1000;  // more are captions, not labels to choose from
  auto answers = answers_of(read_training_set(data.train, data.prompt).samples);
  if (answers.size() > kMost) answers.clear();
  return answers;
}

const ManifestPart& manifest_of(const DataOptions& data, const std::string& split) {
  PAL_CHECK(split == "train" || split == "validation" || split == "test", "--split: expected train, validation or test, got '{}'", split);
  const auto count = split == "train" ? data.train.list.size() : std::size_t(split == "validation" ? !data.validation.empty() : !data.test.empty());
  PAL_CHECK(count > 0, "the config names no manifest data.{}; set it, or give --manifest", split);
  PAL_CHECK(count == 1, "data.{} names {} manifests; give the one that is meant with --manifest", split, count);
  return split == "train" ? data.train.list.front().manifest : split == "validation" ? data.validation : data.test;
}

Sample Session::question(const std::vector<std::filesystem::path>& recordings, const std::string& text, const std::string& system) const {
  Sample sample;
  sample.id = "question";
  for (const auto& path : recordings) sample.clips.push_back({path.string(), {}});
  const auto& said = system.empty() ? config.data.prompt.system : system;
  if (!said.empty()) sample.messages.push_back({"system", said});
  sample.messages.push_back({"user", text});
  sample.messages.push_back({"assistant", ""});  // what is asked for
  return sample;
}

torch::Device parse_device(const std::string& name, int64_t local_rank) {
  at::globalContext().setAllowTF32CuDNN(false);  // float32 convolutions of encoders stay float32
  at::globalContext().setSDPUseCuDNN(false);     // it plans anew for every shape, and segments have many
  PAL_CHECK(name == "auto" || name == "cpu" || name == "cuda", "device '{}' is not known; use auto, cpu or cuda", name);
  const auto devices = name == "cpu" ? 0 : int64_t(torch::cuda::device_count());
  if (name == "cpu" || (name == "auto" && devices == 0)) return torch::kCPU;
  PAL_CHECK(devices > 0, "device cuda: there is no usable CUDA device on this machine; use cpu or auto");
  PAL_CHECK(local_rank < devices, "device {}: this is process {} of this machine, which has {} CUDA device(s); start as many processes, or use cpu", name, local_rank, devices);
  return {torch::kCUDA, c10::DeviceIndex(local_rank)};
}

namespace {

// A template that the user gave is rendered once before weights are read: what it uses is looked at only then.
void try_template(const Tokenizer& tokenizer, const ChatTemplate& chat_template) {
  try {
    build_prompt(tokenizer, chat_template, {{"user", "question"}, {"assistant", "answer"}}, 0, PromptUse::kTraining);
  } catch (const UserError& error) {
    user_error("data.prompt.template: {}", error.what());
  }
}

}  // namespace

std::vector<std::string> frozen_encoders(const PalModel& model, const std::vector<StageOptions>& stages) {
  std::set<std::string> trained;
  const auto parameters = named_parameters(model);
  for (const auto& stage : stages) {
    const auto flags = trained_by(parameters, stage.trainable);
    for (std::size_t i = 0; i < parameters.size(); ++i)
      if (flags[i]) trained.insert(parameter_group(parameters[i].name));
  }
  std::vector<std::string> frozen;
  for (const auto& [name, encoder] : model.encoders())
    if (!trained.contains("encoders." + name)) frozen.push_back(name);
  return frozen;
}

void read_from_cache(Session& session) {
  const auto& config = session.config;
  if (config.data.cache.empty()) return;
  FeatureCaches caches;
  const auto frozen = frozen_encoders(*session.model, config.stages);
  for (const auto& [name, encoder] : session.model->encoders()) {
    if (std::ranges::count(frozen, name) == 0) {
      spdlog::info("encoder '{}': a stage trains it, so it is run, and data.cache is not for it", name);
      continue;
    }
    const auto folder = feature_cache_folder(config.data.cache, name);
    caches[name] = std::make_shared<FeatureCache>(folder, config.model.encoders.at(name), *encoder);
    spdlog::info("encoder '{}': {} clips are read from {}", name, caches[name]->clips(), folder.string());
  }
  session.collator->read_from(std::move(caches));
}

Session open_session(const RunConfig& given, torch::Device device) {
  Session session;
  session.config = given;
  auto& config = session.config;
  const bool wants_answers = config.eval.protocol == "likelihood" && config.eval.answers.empty() && !config.data.train.empty();
  if (wants_answers) config.eval.answers = implied_answers(config.data);
  std::shared_ptr<const Tokenizer> tokenizer = load_tokenizer(config.model.llm.path);
  auto chat_template = chat_template_of(*tokenizer, config.data.prompt.chat_template);
  if (!config.data.prompt.chat_template.empty()) try_template(*tokenizer, chat_template);
  session.model = std::make_shared<PalModel>(config.model, uint64_t(config.train.seed), device);
  session.collator = std::make_unique<Collator>(*session.model, std::move(tokenizer), std::move(chat_template),
                                                config.data.encoded_clips_mib << 20);
  return session;
}

RunConfig config_of(const Checkpoint& checkpoint, const std::vector<std::string>& sets) {
  const auto state = checkpoint.load_state();
  const auto where = (checkpoint.folder / "state.json").string();
  PAL_CHECK(state.contains("config") && state["config"].is_string(), "{}: holds no config; is it a checkpoint of pal-train?", where);
  return parse_run_config(state["config"], where + " (config)", sets);
}

Session open_session(const Checkpoint& checkpoint, const std::vector<std::string>& sets, torch::Device device) {
  auto session = open_session(config_of(checkpoint, sets), device);
  load_trained(session, checkpoint);
  return session;
}

LoadPlan trained_tensors(const std::vector<NamedParameter>& parameters, const TensorSource& source) {
  LoadPlan plan{"the model that the checkpoint's config describes", {}, {}};
  for (const auto& [name, value] : parameters)
    if (source.has(name) || is_drawn(name)) plan.wanted.push_back({name, value});
  return plan;
}

LoadReport load_trained(Session& session, const Checkpoint& checkpoint) {
  const auto source = checkpoint.open_model();
  return load_tensors(trained_tensors(session.parameters(), *source), *source);
}

bool is_drawn(const std::string& name) {
  return name.starts_with("connectors.") || name.ends_with(".lora_A") || name.ends_with(".lora_B");
}

}  // namespace pal

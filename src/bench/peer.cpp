#include "pal/bench/peer.h"

#include <spdlog/spdlog.h>

#include "bench_scripts.h"
#include "pal/core/check.h"
#include "pal/core/child_process.h"
#include "pal/core/files.h"
#include "pal/core/temporary_folder.h"
#include "pal/decoder/save_decoder.h"
#include "pal/train/stage_policy.h"

namespace pal {

namespace {

using Json = nlohmann::json;

constexpr double kSeconds = 1800;  // compiling a large model takes minutes

std::vector<std::string> trained_names(const PalModel& model, const StageOptions& stage) {
  std::vector<std::string> names;
  const auto parameters = named_parameters(model);
  const auto trained = trained_by(parameters, stage.trainable);
  for (std::size_t i = 0; i < parameters.size(); ++i)
    if (trained[i] && parameters[i].name.starts_with("llm.")) names.push_back(hugging_face_name(parameters[i].name.substr(4)));
  return names;
}

// Of all LAL streams; empty where there are none.
std::vector<int64_t> lal_layers(const std::vector<StreamPlace>& places) {
  std::optional<std::vector<bool>> flags;
  for (const auto& place : places) {
    if (place.integration != Integration::kLal) continue;
    PAL_CHECK(!flags || *flags == place.layers, "--peer: the LAL streams are read by different layers, which the peer does not do");
    flags = place.layers;
  }
  std::vector<int64_t> layers;
  for (std::size_t i = 0; flags && i < flags->size(); ++i)
    if ((*flags)[i]) layers.push_back(int64_t(i));
  return layers;
}

// The LLM and the batch. integration: whether streams by PLITS are the audio or summaries of it.
Json shapes(PalModel& model, const BenchBatch& batch, const std::string& integration, torch::Device device) {
  const auto llm = hugging_face_config(model.llm()->options, parse_float_type(model.options().dtype));
  PAL_CHECK(llm.at("model_type") == "llama", "--peer: the peer's LLM is a Llama, not {}", llm.at("model_type").get<std::string>());
  const auto tokens = model.stream_tokens(std::vector<int64_t>(model.encoders().size(), batch.audio_tokens));
  int64_t audio = 0, summary = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const bool is_summary = integration == "pal" && model.places()[i].integration == Integration::kPlits;
    (is_summary ? summary : audio) += tokens[i];
  }
  return {{"llm", llm},
          {"integration", integration},
          {"samples", batch.samples},
          {"text_tokens", batch.text_tokens},
          {"audio_tokens", audio},
          {"summary_tokens", summary},
          {"audio_width", model.encoders().begin()->second->width()},
          {"dtype", model.options().dtype},
          {"device", device.str()},
          {"threads", at::get_num_threads()}};
}

}  // namespace

Json peer_work(const ModelOptions& options, const StageOptions& stage, const BenchBatch& batch, const std::string& integration, int64_t steps, torch::Device device,
               bool compile) {
  PalModel model(options, /*seed=*/0, torch::kMeta);
  Json work = shapes(model, batch, integration, device);
  work["lal_layers"] = lal_layers(model.places());
  work["trained"] = trained_names(model, stage);
  work["weight_decay"] = stage.weight_decay;
  work["checkpoint"] = options.checkpoint_activations != "none";
  work["compile"] = compile;
  work["steps"] = steps;
  return work;
}

Json generating_peer_work(const ModelOptions& plits, const BenchBatch& batch, int64_t new_tokens, int64_t runs, torch::Device device) {
  PalModel model(plits, /*seed=*/0, torch::kMeta);
  Json work = shapes(model, batch, "plits", device);
  work["new_tokens"] = new_tokens;
  work["runs"] = runs;
  return work;
}

PeerCost peer_cost(const std::string& python, const Json& work) {
  const TemporaryFolder folder;
  const auto script = folder / "pytorch_peer.py";
  write_file_atomically(script, std::string(kPytorchPeer));
  ChildProcess peer({python, "-B", script.string()}, kSeconds, "the peer (" + python + ")");
  peer.write_line(work.dump());
  const auto line = peer.read_line();
  peer.wait();
  try {
    const auto result = Json::parse(line);
    PeerCost cost{.seconds = result.at("seconds"), .peak_bytes = std::nullopt};
    spdlog::info("the peer: torch {}, transformers {}", result.at("torch").get<std::string>(), result.at("transformers").get<std::string>());
    if (result.contains("peak_bytes")) cost.peak_bytes = result.at("peak_bytes").get<int64_t>();
    PAL_CHECK(!cost.seconds.empty(), "the peer ({}) timed nothing", python);
    return cost;
  } catch (const Json::exception&) {
    user_error("the peer ({}): expected a JSON object with its times, got '{}'", python, line.substr(0, 200));
  }
}

}  // namespace pal

#include "progress.h"

namespace pal {

using Json = nlohmann::json;

namespace {

Json to_json(const BatchPosition& position) {
  Json sources = Json::array();
  for (const auto& source : position.sampler.sources) sources.push_back({{"epoch", source.epoch}, {"taken", source.taken}});
  return {{"drawn", position.sampler.drawn}, {"sources", sources}, {"parts", position.parts}};
}

// Checkpoints that are older than batches by tokens have no "parts".
BatchPosition batch_position_from(const Json& json) {
  BatchPosition position{{json.at("drawn"), {}}, json.value("parts", int64_t{0})};
  for (const auto& source : json.at("sources")) position.sampler.sources.push_back({source.at("epoch"), source.at("taken")});
  return position;
}

}  // namespace

Json to_json(const RunState& state) {
  const auto& p = state.progress;
  return {{"step", p.step},
          {"stage", p.stage},
          {"stage_step", p.stage_step},
          {"sampler", to_json(p.data)},
          {"trained", p.trained},
          {"unreadable", p.unreadable},
          {"skipped", p.skipped},
          {"data", {{"sha256", state.data.sha256}, {"samples", state.data.samples}}},
          {"threads", state.threads},
          {"config", state.config}};
}

RunState run_state_from(const Json& json) {
  RunState state;
  state.progress = {json.at("step"), json.at("stage"), json.at("stage_step"),
                    batch_position_from(json.at("sampler")),
                    json.at("trained").get<std::set<std::string>>(), json.at("unreadable").get<std::set<std::string>>(),
                    json.value("skipped", int64_t{0})};
  state.data = {json.at("data").at("sha256"), json.at("data").at("samples")};
  state.config = json.at("config");
  state.threads = json.at("threads");
  return state;
}

}  // namespace pal

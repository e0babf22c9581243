#include "progress.h"

namespace pal {

using Json = nlohmann::json;

Json to_json(const RunState& state) {
  const auto& p = state.progress;
  return {{"step", p.step},
          {"stage", p.stage},
          {"stage_step", p.stage_step},
          {"sampler", {{"epoch", p.sampler.epoch}, {"taken", p.sampler.taken}}},
          {"trained", p.trained},
          {"unreadable", p.unreadable},
          {"data", {{"sha256", state.data.sha256}, {"samples", state.data.samples}}},
          {"threads", state.threads},
          {"config", state.config}};
}

RunState run_state_from(const Json& json) {
  RunState state;
  state.progress = {json.at("step"), json.at("stage"), json.at("stage_step"),
                    {json.at("sampler").at("epoch"), json.at("sampler").at("taken")},
                    json.at("trained").get<std::set<std::string>>(), json.at("unreadable").get<std::set<std::string>>()};
  state.data = {json.at("data").at("sha256"), json.at("data").at("samples")};
  state.config = json.at("config");
  state.threads = json.at("threads");
  return state;
}

}  // namespace pal

#include "pal/decoder/peft_adapter.h"

#include <cmath>
#include <set>

#include "pal/core/check.h"
#include "pal/core/config_json.h"
#include "pal/core/files.h"
#include "pal/core/tensor_source.h"

namespace pal {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* kPrefix = "base_model.model.";

// "base_model.model.model.layers.0.self_attn.q_proj": peft's name of a linear layer, by pal's.
std::string peft_name(const std::string& layer) { return kPrefix + (layer.starts_with("lm_head") ? layer : "model." + layer); }

std::map<std::string, LinearImpl*> linears_of(const Decoder& decoder) {
  std::map<std::string, LinearImpl*> linears;
  for (const auto& item : decoder->named_modules("", /*include_self=*/false))
    if (auto* linear = item.value()->as<LinearImpl>()) linears[item.key()] = linear;
  return linears;
}

// alpha / rank by what adapter_config.json says, as a function of a layer's rank.
struct Scaling {
  double alpha;
  bool by_root;  // rsLoRA: alpha / sqrt(rank)
  double alpha_for(int64_t rank) const { return by_root ? alpha * std::sqrt(double(rank)) : alpha; }
};

Scaling read_scaling(const ConfigJson& config) {
  const auto type = config.get<std::string>("peft_type");
  PAL_CHECK(type == "LORA", "{}: 'peft_type' {} is not supported; only LORA is", config.where(), type);
  config.refuse_unless("use_dora", false);
  config.refuse_unless("fan_in_fan_out", false);
  config.refuse_unless<std::string>("bias", "none");
  config.refuse_unless_any("alpha_pattern", {Json::object()});
  config.refuse_unless_any("modules_to_save", {Json::array()});
  config.refuse_unless_any("layer_replication", {Json::array()});
  return {config.get<double>("lora_alpha"), config.get<bool>("use_rslora", false)};
}

}  // namespace

void load_peft_adapter(Decoder& decoder, const fs::path& folder) {
  torch::NoGradGuard no_grad;
  const auto config = ConfigJson::read(folder / "adapter_config.json");
  const auto scaling = read_scaling(config);
  const double dropout = config.get<double>("lora_dropout", 0.0);
  const auto source = open_tensors(folder / "adapter_model.safetensors");
  std::set<std::string> unexpected;
  for (const auto& name : source->names()) unexpected.insert(name);
  std::vector<std::string> problems;
  for (const auto& [layer, linear] : linears_of(decoder)) {
    const auto a_name = peft_name(layer) + ".lora_A.weight", b_name = peft_name(layer) + ".lora_B.weight";
    if (!source->has(a_name) && !source->has(b_name)) continue;
    unexpected.erase(a_name), unexpected.erase(b_name);
    if (!source->has(a_name) || !source->has(b_name)) {
      problems.push_back(fmt::format("{}: has one of lora_A and lora_B, but not the other", peft_name(layer)));
      continue;
    }
    const auto a = source->load(a_name), b = source->load(b_name);
    const bool fits = a.dim() == 2 && b.dim() == 2 && a.size(0) == b.size(1) && a.size(1) == linear->weight.size(1) &&
                      b.size(0) == linear->weight.size(0) && a.size(0) > 0;
    if (!fits) {
      problems.push_back(fmt::format("{}: lora_A [{}] and lora_B [{}] do not fit a weight of [{}]", peft_name(layer),
                                     fmt::join(a.sizes(), ", "), fmt::join(b.sizes(), ", "), fmt::join(linear->weight.sizes(), ", ")));
      continue;
    }
    linear->add_lora({layer, a.size(0), scaling.alpha_for(a.size(0)), dropout}, 0);
    linear->lora->A.copy_(a);
    linear->lora->B.copy_(b);
  }
  for (const auto& name : unexpected) problems.push_back(fmt::format("{}: the decoder has no such layer", name));
  PAL_CHECK(problems.empty(), "{}: the adapter does not fit the decoder:\n  {}", source->describe(), fmt::join(problems, "\n  "));
}

void save_peft_adapter(const Decoder& decoder, const fs::path& folder, const std::string& base_model) {
  TensorMap tensors;
  std::set<std::string> targets;
  Json ranks = Json::object();
  std::optional<double> scale;
  double dropout = 0;
  for (const auto& [layer, linear] : linears_of(decoder)) {
    if (!linear->lora) continue;
    const auto& lora = *linear->lora;
    PAL_CHECK(!scale || *scale == lora.scale, "{}: its adapter has alpha / rank {}, others have {}; peft's form of it is not written",
              layer, lora.scale, *scale);
    scale = lora.scale;
    dropout = lora.dropout;
    tensors[peft_name(layer) + ".lora_A.weight"] = lora.A.detach();
    tensors[peft_name(layer) + ".lora_B.weight"] = lora.B.detach();
    targets.insert(peft_name(layer).substr(std::string(kPrefix).size()));
    ranks[peft_name(layer).substr(std::string(kPrefix).size())] = lora.A.size(0);
  }
  PAL_CHECK(scale.has_value(), "the model has no adapters to write");
  // With alpha_pattern, every layer's alpha / rank comes out the same whatever its rank.
  Json alphas = Json::object();
  for (const auto& [layer, rank] : ranks.items()) alphas[layer] = *scale * rank.get<double>();
  const int64_t rank = ranks.begin()->get<int64_t>();
  const bool uniform = std::all_of(ranks.begin(), ranks.end(), [&](const Json& r) { return r == rank; });
  const Json config = {{"peft_type", "LORA"},
                       {"task_type", "CAUSAL_LM"},
                       {"base_model_name_or_path", base_model},
                       {"r", rank},
                       {"lora_alpha", *scale * double(rank)},
                       {"lora_dropout", dropout},
                       {"bias", "none"},
                       {"fan_in_fan_out", false},
                       {"inference_mode", true},
                       {"target_modules", targets},
                       {"rank_pattern", uniform ? Json::object() : ranks},
                       {"alpha_pattern", uniform ? Json::object() : alphas}};
  fs::create_directories(folder);
  save_safetensors(folder / "adapter_model.safetensors", tensors, {{"format", "pt"}});
  write_file_atomically(folder / "adapter_config.json", config.dump(2) + "\n");
}

}  // namespace pal

#include "pal/decoder/peft_adapter.h"

#include <cmath>
#include <optional>
#include <set>

#include "pal/core/check.h"
#include "pal/core/config_json.h"
#include "pal/core/files.h"
#include "pal/core/load_tensors.h"

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

// The adapter of a layer in the file; its rank is that of whichever half is there.
struct Adapter {
  std::string a, b;  // names
  int64_t rank;
};

std::optional<Adapter> find_adapter(const TensorSource& source, const std::string& layer) {
  Adapter found{peft_name(layer) + ".lora_A.weight", peft_name(layer) + ".lora_B.weight", 0};
  const auto size = [&](const std::string& name, std::size_t dimension) {
    const auto shape = source.info(name).shape;
    return shape.size() == 2 ? shape[dimension] : 0;
  };
  if (source.has(found.a))
    found.rank = size(found.a, 0);
  else if (source.has(found.b))
    found.rank = size(found.b, 1);
  else
    return std::nullopt;
  found.rank = std::max<int64_t>(found.rank, 1);  // another number of dimensions, or none of a size: it will not fit
  return found;
}

}  // namespace

void load_peft_adapter(Decoder& decoder, const fs::path& folder) {
  torch::NoGradGuard no_grad;
  const auto config = ConfigJson::read(folder / "adapter_config.json");
  const auto scaling = read_scaling(config);
  const double dropout = config.get<double>("lora_dropout", 0.0);
  const auto source = open_tensors(folder / "adapter_model.safetensors");
  LoadPlan plan{"the decoder's layers", {}, {}};
  std::map<std::string, Adapter> adapters;
  for (const auto& [layer, linear] : linears_of(decoder)) {
    const auto found = find_adapter(*source, layer);
    if (!found) continue;
    const auto shape_only = linear->weight.options().device(torch::kMeta);
    plan.wanted.push_back({found->a, torch::empty({found->rank, linear->weight.size(1)}, shape_only)});
    plan.wanted.push_back({found->b, torch::empty({linear->weight.size(0), found->rank}, shape_only)});
    adapters[layer] = *found;
  }
  compare_tensors(plan, *source).check();
  plan.wanted.clear();
  for (const auto& [layer, linear] : linears_of(decoder)) {
    if (!adapters.contains(layer)) continue;
    const auto& found = adapters.at(layer);
    linear->add_lora({layer, found.rank, scaling.alpha_for(found.rank), dropout}, 0);
    plan.wanted.push_back({found.a, linear->lora->A});
    plan.wanted.push_back({found.b, linear->lora->B});
  }
  load_tensors(plan, *source);
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

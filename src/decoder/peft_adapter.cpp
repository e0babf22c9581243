#include "pal/decoder/peft_adapter.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "pal/core/check.h"
#include "pal/core/config_json.h"
#include "pal/core/files.h"
#include "pal/core/load_tensors.h"
#include "pal/core/logging.h"

namespace pal {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* kPrefix = "base_model.model.";

// "model.layers.0.self_attn.q_proj": transformers' name of a linear layer, by pal's.
std::string module_name(const std::string& layer) { return layer.starts_with("lm_head") ? layer : "model." + layer; }

// "base_model.model.model.layers.0.self_attn.q_proj": the same in peft's files.
std::string peft_name(const std::string& layer) { return kPrefix + module_name(layer); }

std::map<std::string, LinearImpl*> linears_of(const Decoder& decoder) {
  std::map<std::string, LinearImpl*> linears;
  for (const auto& item : decoder->named_modules("", /*include_self=*/false))
    if (auto* linear = item.value()->as<LinearImpl>()) linears[item.key()] = linear;
  return linears;
}

// Whether a key of peft's rank_pattern or alpha_pattern is meant for a layer: all of its name, or the last of its parts.
bool is_meant(const std::string& key, const std::string& layer) { return layer == key || layer.ends_with("." + key); }

// alpha by what adapter_config.json says.
class Scaling {
 public:
  explicit Scaling(const ConfigJson& config)
      : where_(config.where()), alpha_(config.get<double>("lora_alpha")), by_root_(config.get<bool>("use_rslora", false)) {
    alphas_ = config.get("alpha_pattern", alphas_);
    // They are regexes in peft; a name alone is what peft and people write.
    for (const auto& [key, alpha] : alphas_)
      PAL_CHECK(is_name(key), "{}: 'alpha_pattern': '{}' is not supported; only names of layers are", where_, key);
  }

  // What makes alpha / rank of LoraOptions the scale of a layer (peft's name of it) with an adapter of this rank.
  double alpha_for(const std::string& layer, int64_t rank) const {
    const double alpha = stated(layer);
    return by_root_ ? alpha * std::sqrt(double(rank)) : alpha;  // rsLoRA: alpha / sqrt(rank)
  }

 private:
  static bool is_name(const std::string& key) {
    return !key.empty() && std::ranges::all_of(key, [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '.'; });
  }

  double stated(const std::string& layer) const {
    std::optional<std::pair<std::string, double>> found;
    for (const auto& [key, alpha] : alphas_) {
      if (!is_meant(key, layer)) continue;
      PAL_CHECK(!found || found->second == alpha, "{}: 'alpha_pattern' has {} for '{}' and {} for '{}', which are both {}", where_,
                found->second, found->first, alpha, key, layer);
      found.emplace(key, alpha);
    }
    return found ? found->second : alpha_;
  }

  std::string where_;
  double alpha_;
  bool by_root_;
  std::map<std::string, double> alphas_;
};

Scaling read_scaling(const ConfigJson& config) {
  const auto type = config.get<std::string>("peft_type");
  PAL_CHECK(type == "LORA", "{}: 'peft_type' {} is not supported; only LORA is", config.where(), type);
  config.refuse_unless("use_dora", false);
  config.refuse_unless("fan_in_fan_out", false);
  config.refuse_unless<std::string>("bias", "none");
  config.refuse_unless_any("modules_to_save", {Json::array()});
  config.refuse_unless_any("layer_replication", {Json::array()});
  return Scaling(config);
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
    linear->add_lora({layer, found.rank, scaling.alpha_for(module_name(layer), found.rank), dropout}, 0);
    plan.wanted.push_back({found.a, linear->lora->A});
    plan.wanted.push_back({found.b, linear->lora->B});
  }
  load_tensors(plan, *source);
}

namespace {

// What most of the layers have, so that adapter_config.json lists few exceptions.
double most_common(const std::map<std::string, double>& of_layers) {
  std::map<double, int> counts;
  for (const auto& [layer, value] : of_layers) ++counts[value];
  return std::ranges::max_element(counts, {}, [](const auto& count) { return count.second; })->first;
}

Json others_than(double common, const std::map<std::string, double>& of_layers, bool is_whole) {
  Json others = Json::object();
  for (const auto& [layer, value] : of_layers)
    if (value != common) others[layer] = is_whole ? Json(int64_t(value)) : Json(value);
  return others;
}

}  // namespace

void save_peft_adapter(const Decoder& decoder, const fs::path& folder, const std::string& base_model) {
  TensorMap tensors;
  std::set<std::string> targets;
  std::set<double> dropouts;
  std::map<std::string, double> ranks, alphas;
  for (const auto& [layer, linear] : linears_of(decoder)) {
    if (!linear->lora) continue;
    const auto& lora = *linear->lora;
    const auto name = module_name(layer);
    tensors[peft_name(layer) + ".lora_A.weight"] = lora.A.detach();
    tensors[peft_name(layer) + ".lora_B.weight"] = lora.B.detach();
    targets.insert(name);
    dropouts.insert(lora.dropout);
    ranks[name] = double(lora.A.size(0));
    alphas[name] = lora.scale * double(lora.A.size(0));
  }
  PAL_CHECK(!targets.empty(), "the model has no adapters to write");
  if (dropouts.size() > 1)
    spdlog::warn("{}: peft has one lora_dropout, the layers have {} to {}; {} is written", folder.string(), *dropouts.begin(),
                 *dropouts.rbegin(), *dropouts.rbegin());
  const double rank = most_common(ranks), alpha = most_common(alphas);
  const Json config = {{"peft_type", "LORA"},
                       {"task_type", "CAUSAL_LM"},
                       {"base_model_name_or_path", base_model},
                       {"r", int64_t(rank)},
                       {"lora_alpha", alpha},
                       {"lora_dropout", *dropouts.rbegin()},
                       {"bias", "none"},
                       {"fan_in_fan_out", false},
                       {"inference_mode", true},
                       {"target_modules", targets},
                       {"rank_pattern", others_than(rank, ranks, true)},
                       {"alpha_pattern", others_than(alpha, alphas, false)}};
  fs::create_directories(folder);
  save_safetensors(folder / "adapter_model.safetensors", tensors, {{"format", "pt"}});
  write_file_atomically(folder / "adapter_config.json", config.dump(2) + "\n");
}

}  // namespace pal

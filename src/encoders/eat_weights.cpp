#include "eat_weights.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "pal/core/check.h"
#include "renamed_source.h"

namespace pal {

namespace {

// Source: cwx-worst-one/EAT, models/images.py and base.py.
constexpr std::string_view kModality = "modality_encoders.IMAGE.";
constexpr std::pair<std::string_view, std::string_view> kRenamed[] = {
    {"modality_encoders.IMAGE.context_encoder.norm.", "model.pre_norm."},
    {"modality_encoders.IMAGE.local_encoder.", "model.local_encoder."},
    {"modality_encoders.IMAGE.fixed_positional_encoder.", "model.fixed_positional_encoder."},
    {"modality_encoders.IMAGE.extra_tokens", "model.extra_tokens"},
    {"blocks.", "model.blocks."}};
constexpr std::pair<std::string_view, const char*> kLeftOut[] = {
    {"_ema.", "the teacher of the pretraining"}, {"modality_encoders.IMAGE.decoder.", "the decoder of the pretraining"}};

// Where the model's tensors are: of a pretrained model, or inside a classifier.
std::optional<std::string> find_model(const TensorSource& source) {
  for (const std::string prefix : {"model.", "model.model."}) {
    if (source.has(fmt::format("{}{}local_encoder.proj.weight", prefix, kModality))) return prefix;
  }
  return std::nullopt;
}

// Why a tensor is left out; null for one that is not.
const char* why_left_out(const std::string& name, const std::string& model) {
  if (!name.starts_with("model.")) return "the state of the training";
  if (!name.starts_with(model)) return nullptr;
  const auto found = std::ranges::find_if(kLeftOut, [&](const auto& part) {
    return std::string_view(name).substr(model.size()).starts_with(part.first);
  });
  return found == std::end(kLeftOut) ? nullptr : found->second;
}

// Hugging Face's name of a tensor that is not left out.
std::string new_name(const std::string& name, const std::string& model) {
  if (!name.starts_with(model)) return name;  // beside the model in a classifier: fc_norm and head
  const std::string_view inner = std::string_view(name).substr(model.size());
  for (const auto& [old, replacement] : kRenamed) {
    if (inner.starts_with(old)) return fmt::format("{}{}", replacement, inner.substr(old.size()));
  }
  return name;
}

std::unique_ptr<TensorSource> rename(std::unique_ptr<TensorSource> source, const std::string& model) {
  std::map<std::string, TensorOrigin> origins;
  std::vector<LeftOutTensor> left_out;
  for (const auto& old : source->names()) {
    if (const char* why = why_left_out(old, model)) {
      left_out.push_back({old, why});
      continue;
    }
    const auto name = new_name(old, model);
    const auto [place, is_new] = origins.emplace(name, TensorOrigin{old});
    PAL_CHECK(is_new, "{}: tensors '{}' and '{}' are both {}", source->describe(), place->second.name, old, name);
  }
  return std::make_unique<RenamedSource>(std::move(source), std::move(origins), std::move(left_out));
}

}  // namespace

std::unique_ptr<TensorSource> open_eat_weights(const std::filesystem::path& path) {
  auto source = open_tensors(path);
  const auto model = find_model(*source);
  if (!model) return source;
  return rename(std::move(source), *model);
}

}  // namespace pal

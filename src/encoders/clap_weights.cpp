#include "clap_weights.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "pal/core/check.h"
#include "renamed_source.h"

namespace pal {

namespace {

constexpr std::string_view kHuggingFace = "audio_model.audio_encoder.";

// Source: LAION-AI/CLAP, laion_clap/clap_module/htsat.py and model.py.
constexpr std::pair<std::string_view, const char*> kLeftOut[] = {
    {"audio_branch.spectrogram_extractor.", "the front-end, computed here"},
    {"audio_branch.logmel_extractor.", "the front-end, computed here"},
    {"audio_branch.tscam_conv.", "AudioSet's classes"},
    {"audio_branch.head.", "AudioSet's classes"},
    {"text_branch.", "the text encoder"},
    {"text_transform.", "the text encoder"},
    {"text_projection.", "the text encoder"},
    {"audio_transform.", "into the space shared with texts"},
    {"audio_projection.", "into the space shared with texts"},
    {"logit_scale_", "for contrastive training"}};
constexpr std::pair<std::string_view, std::string_view> kInBlock[] = {{"norm1.", "layernorm_before."},
                                                                       {"norm2.", "layernorm_after."},
                                                                       {"attn.proj.", "attention.output.dense."},
                                                                       {"attn.relative_position_", "attention.self.relative_position_"},
                                                                       {"mlp.fc1.", "intermediate.dense."},
                                                                       {"mlp.fc2.", "output.dense."}};

// What stands before "audio_branch." in every name: "module." where several GPUs trained it.
std::optional<std::string> find_laion_prefix(const TensorSource& source) {
  for (const std::string prefix : {"", "module.", "state_dict.", "state_dict.module."})
    if (source.has(prefix + "audio_branch.patch_embed.proj.weight")) return prefix;
  return std::nullopt;
}

// Why a tensor is left out; null for one that is not. name: without the prefix.
const char* why_left_out(std::string_view name) {
  if (name.ends_with(".attn_mask")) return "computed from the shape";
  const auto found = std::ranges::find_if(kLeftOut, [&](const auto& part) { return name.starts_with(part.first); });
  return found == std::end(kLeftOut) ? nullptr : found->second;
}

// "layers.0.blocks.1." of a name behind "audio_branch."; empty where it is of no block.
std::string_view block_of(std::string_view name) {
  constexpr std::string_view kBlocks = ".blocks.";
  const auto at = name.find(kBlocks);
  if (!name.starts_with("layers.") || at == name.npos) return {};
  const auto end = name.find('.', at + kBlocks.size());
  return end == name.npos ? std::string_view() : name.substr(0, end + 1);
}

// Hugging Face's name of a tensor behind "audio_branch.", but for the fused ones.
std::string new_name(std::string_view name) {
  constexpr std::string_view kNorm = "bn0.";
  if (name.starts_with(kNorm)) return fmt::format("batch_norm.{}", name.substr(kNorm.size()));
  const auto block = block_of(name);
  const auto inner = name.substr(block.size());
  for (const auto& [old, replacement] : kInBlock)
    if (!block.empty() && inner.starts_with(old)) return fmt::format("{}{}{}", block, replacement, inner.substr(old.size()));
  return std::string(name);
}

void add_origins(const std::string& file_name, std::string_view name, std::map<std::string, TensorOrigin>& origins) {
  constexpr std::string_view kFused = "attn.qkv.";
  const auto block = block_of(name);
  const auto inner = name.substr(block.size());
  if (block.empty() || !inner.starts_with(kFused)) {
    origins[fmt::format("{}{}", kHuggingFace, new_name(name))] = {file_name};
    return;
  }
  int part = 0;
  for (const char* one : {"query", "key", "value"})
    origins[fmt::format("{}{}attention.self.{}.{}", kHuggingFace, block, one, inner.substr(kFused.size()))] = {file_name, part++, 3};
}

}  // namespace

std::unique_ptr<TensorSource> open_clap_weights(const std::filesystem::path& path) {
  constexpr std::string_view kBranch = "audio_branch.";
  auto source = open_tensors(path);
  const auto prefix = find_laion_prefix(*source);
  if (!prefix) return source;
  std::map<std::string, TensorOrigin> origins;
  std::vector<LeftOutTensor> left_out;
  for (const auto& file_name : source->names()) {
    if (!file_name.starts_with(*prefix)) {
      left_out.push_back({file_name, "the state of the training"});
      continue;
    }
    const auto name = std::string_view(file_name).substr(prefix->size());
    if (const char* why = why_left_out(name))
      left_out.push_back({file_name, why});
    else if (name.starts_with(kBranch))
      add_origins(file_name, name.substr(kBranch.size()), origins);
    else
      origins[file_name] = {file_name};
  }
  return std::make_unique<RenamedSource>(std::move(source), std::move(origins), std::move(left_out));
}

}  // namespace pal

#include "pal/decoder/save_decoder.h"

#include <nlohmann/json.hpp>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/tensor_source.h"

namespace pal {

namespace {

using Json = nlohmann::json;

// The architecture of transformers that computes this decoder. Mistral without a sliding window is Llama.
std::pair<std::string, std::string> architecture(const DecoderOptions& o) {
  PAL_CHECK(!(o.qkv_bias && o.qk_norm), "no architecture of transformers that pal knows has both biases and norms of queries and keys");
  if (o.qk_norm) return {"qwen3", "Qwen3ForCausalLM"};
  if (!o.qkv_bias) return {"llama", "LlamaForCausalLM"};
  PAL_CHECK(o.head_dim * o.heads == o.width, "qwen2: heads of {} in {} heads do not make the width {}", o.head_dim, o.heads, o.width);
  return {"qwen2", "Qwen2ForCausalLM"};
}

std::string dtype_name(torch::ScalarType type) {
  if (type == torch::kFloat32) return "float32";
  if (type == torch::kBFloat16) return "bfloat16";
  if (type == torch::kFloat16) return "float16";
  return "float64";
}

}  // namespace

// In the older spelling of RoPE, which every version of transformers reads.
Json hugging_face_config(const DecoderOptions& o, torch::ScalarType dtype) {
  PAL_CHECK(o.rope.divisors.empty(), "the decoder divides its RoPE frequencies by a table of its own (rope_freqs), which config.json cannot say");
  const auto [model_type, class_name] = architecture(o);
  Json config = {{"architectures", {class_name}},
                 {"model_type", model_type},
                 {"vocab_size", o.vocab_size},
                 {"hidden_size", o.width},
                 {"intermediate_size", o.ffn_width},
                 {"num_hidden_layers", o.layers},
                 {"num_attention_heads", o.heads},
                 {"num_key_value_heads", o.kv_heads},
                 {"head_dim", o.head_dim},
                 {"rms_norm_eps", o.norm_eps},
                 {"tie_word_embeddings", o.tied_head},
                 {"max_position_embeddings", o.max_positions},
                 {"rope_theta", o.rope.theta},
                 {"hidden_act", "silu"},
                 {"torch_dtype", dtype_name(dtype)}};
  if (model_type != "qwen2") config["attention_bias"] = false;
  if (model_type != "llama") config["use_sliding_window"] = false;
  if (o.rope.llama3)
    config["rope_scaling"] = {{"rope_type", "llama3"},
                              {"factor", o.rope.llama3->factor},
                              {"low_freq_factor", o.rope.llama3->low_freq_factor},
                              {"high_freq_factor", o.rope.llama3->high_freq_factor},
                              {"original_max_position_embeddings", int64_t(o.rope.llama3->original_max_position)}};
  return config;
}

std::string hugging_face_name(const std::string& parameter) {
  return parameter.starts_with("lm_head.") ? parameter : "model." + parameter;
}

void save_decoder(const Decoder& decoder, const std::filesystem::path& folder) {
  torch::NoGradGuard no_grad;
  const auto config = hugging_face_config(decoder->options, decoder->dtype());  // what cannot be said is found out before anything is written
  TensorMap tensors;
  for (const auto& item : decoder->named_parameters())
    if (!item.key().ends_with(".lora_A") && !item.key().ends_with(".lora_B")) tensors[hugging_face_name(item.key())] = item.value();
  for (const auto& item : decoder->named_modules("", /*include_self=*/false))
    if (auto* linear = item.value()->as<LinearImpl>(); linear != nullptr && linear->lora)
      tensors[hugging_face_name(item.key() + ".weight")] = linear->merged_weight();
  std::filesystem::create_directories(folder);
  save_safetensors(folder / "model.safetensors", tensors, {{"format", "pt"}});
  write_file_atomically(folder / "config.json", config.dump(2) + "\n");
}

}  // namespace pal

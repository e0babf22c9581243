#include <algorithm>

#include "pal/core/check.h"
#include "pal/core/config_json.h"
#include "pal/decoder/decoder_options.h"

namespace pal {

namespace {

// Both spellings: rope_parameters {rope_theta, rope_type, ...}, and rope_theta beside rope_scaling {rope_type | type, ...}.
void read_rope(const ConfigJson& config, DecoderOptions& o) {
  o.rope.head_dim = o.head_dim;
  o.rope.theta = config.get<double>("rope_theta", 10000.0);
  config.refuse_unless("partial_rotary_factor", 1.0);
  const char* key = config.has("rope_parameters") ? "rope_parameters" : "rope_scaling";
  if (!config.has(key)) return;
  const auto rope = config.object(key);
  o.rope.theta = rope.get<double>("rope_theta", o.rope.theta);
  rope.refuse_unless("partial_rotary_factor", 1.0);
  const auto type = rope.get<std::string>("rope_type", rope.get<std::string>("type", "default"));
  if (type == "default") return;
  PAL_CHECK(type == "llama3", "{}: rope type '{}' is not supported; default and llama3 are", config.where(), type);
  o.rope.llama3 = Llama3RopeScaling{rope.get<double>("factor"), rope.get<double>("low_freq_factor"),
                                    rope.get<double>("high_freq_factor"),
                                    rope.get<double>("original_max_position_embeddings")};
}

// A sliding window changes nothing for samples that are not longer than it: it bounds them instead.
void read_sliding_window(const ConfigJson& config, const std::string& type, DecoderOptions& o) {
  const bool used = type == "mistral" ? config.has("sliding_window")
                                      : config.get<bool>("use_sliding_window", false) && config.has("sliding_window");
  if (used) o.max_positions = std::min(o.max_positions, config.get<int64_t>("sliding_window"));
}

}  // namespace

DecoderOptions decoder_options_from_json(const std::filesystem::path& file) {
  const ConfigJson config = ConfigJson::read(file);
  const std::string& where = config.where();
  const auto type = config.get<std::string>("model_type");
  PAL_CHECK(type == "llama" || type == "mistral" || type == "qwen2" || type == "qwen3",
            "{}: model_type '{}' is not supported; llama, mistral, qwen2 and qwen3 are", where, type);
  PAL_CHECK(!config.has("quantization_config"), "{}: 'quantization_config': weights that are quantised in a Hugging Face folder are not "
            "supported; the model as it was before, or a *.gguf file, is", where);
  config.refuse_unless<std::string>("hidden_act", "silu");
  config.refuse_unless("attention_bias", false);
  config.refuse_unless("mlp_bias", false);

  DecoderOptions o;
  o.vocab_size = config.get<int64_t>("vocab_size");
  o.width = config.get<int64_t>("hidden_size");
  o.ffn_width = config.get<int64_t>("intermediate_size");
  o.layers = config.get<int64_t>("num_hidden_layers");
  o.heads = config.get<int64_t>("num_attention_heads");
  o.kv_heads = config.get<int64_t>("num_key_value_heads", o.heads);
  PAL_CHECK(o.heads > 0, "{}: num_attention_heads must be above 0, got {}", where, o.heads);
  o.head_dim = config.get<int64_t>("head_dim", o.width / o.heads);
  o.norm_eps = config.get<double>("rms_norm_eps", 1e-6);
  o.tied_head = config.get<bool>("tie_word_embeddings", false);
  o.max_positions = config.get<int64_t>("max_position_embeddings", 2048);
  o.qkv_bias = type == "qwen2";
  o.qk_norm = type == "qwen3";
  read_rope(config, o);
  read_sliding_window(config, type, o);
  check_decoder_options(o, where);
  return o;
}

}  // namespace pal

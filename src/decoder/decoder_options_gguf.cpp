#include "pal/core/check.h"
#include "pal/core/gguf.h"
#include "pal/core/tensor_source.h"
#include "pal/decoder/decoder_options.h"

namespace pal {

DecoderOptions decoder_options_from_gguf(const std::filesystem::path& path) {
  const GgufFile file(path);
  const auto arch = file.string("general.architecture");
  PAL_CHECK(arch == "llama" || arch == "qwen2" || arch == "qwen3",
            "{}: architecture '{}' is not supported; llama, qwen2 and qwen3 are", path.string(), arch);
  const auto key = [&](const char* name) { return arch + "." + name; };
  PAL_CHECK(!file.has(key("expert_count")) || file.uint(key("expert_count")) == 0,
            "{}: mixtures of experts are not supported ({} is {})", path.string(), key("expert_count"),
            file.uint(key("expert_count")));
  PAL_CHECK(file.optional_string(key("rope.scaling.type")).value_or("none") == "none",
            "{}: rope scaling '{}' is not supported", path.string(), *file.optional_string(key("rope.scaling.type")));

  DecoderOptions o;
  const auto& embedding = file.entry("token_embd.weight");
  PAL_CHECK(embedding.shape.size() == 2, "{}: token_embd.weight must have 2 dimensions", path.string());
  o.vocab_size = int64_t(embedding.shape[0]);
  o.width = int64_t(file.uint(key("embedding_length")));
  o.ffn_width = int64_t(file.uint(key("feed_forward_length")));
  o.layers = int64_t(file.uint(key("block_count")));
  o.heads = int64_t(file.uint(key("attention.head_count")));
  o.kv_heads = int64_t(file.optional_uint(key("attention.head_count_kv")).value_or(uint64_t(o.heads)));
  PAL_CHECK(o.heads > 0, "{}: {} must be above 0", path.string(), key("attention.head_count"));
  o.head_dim = int64_t(file.optional_uint(key("attention.key_length")).value_or(uint64_t(o.width / o.heads)));
  o.norm_eps = file.real(key("attention.layer_norm_rms_epsilon"));
  o.max_positions = int64_t(file.uint(key("context_length")));
  o.tied_head = !file.tensors().contains("output.weight");
  o.qkv_bias = arch == "qwen2";
  o.qk_norm = arch == "qwen3";
  o.rope.head_dim = int64_t(file.optional_uint(key("rope.dimension_count")).value_or(uint64_t(o.head_dim)));
  o.rope.theta = file.optional_real(key("rope.freq_base")).value_or(10000.0);
  if (file.tensors().contains("rope_freqs.weight")) {  // Llama 3.1's scaling, as divisors of the frequencies
    const auto divisors = open_tensors(path)->load("rope_freqs.weight").to(torch::kFloat64).contiguous();
    o.rope.divisors.assign(divisors.data_ptr<double>(), divisors.data_ptr<double>() + divisors.numel());
  }
  check_decoder_options(o, path.string());
  return o;
}

}  // namespace pal

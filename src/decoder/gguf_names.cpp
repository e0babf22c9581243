#include "gguf_names.h"

#include <map>

#include "pal/core/check.h"

namespace pal {

std::string gguf_name(const std::string& parameter) {
  static const std::map<std::string, std::string> whole = {
      {"embed_tokens.weight", "token_embd.weight"}, {"norm.weight", "output_norm.weight"}, {"lm_head.weight", "output.weight"}};
  static const std::map<std::string, std::string> in_layer = {
      {"input_layernorm", "attn_norm"},         {"self_attn.q_proj", "attn_q"},      {"self_attn.k_proj", "attn_k"},
      {"self_attn.v_proj", "attn_v"},           {"self_attn.o_proj", "attn_output"}, {"self_attn.q_norm", "attn_q_norm"},
      {"self_attn.k_norm", "attn_k_norm"},      {"post_attention_layernorm", "ffn_norm"},
      {"mlp.gate_proj", "ffn_gate"},            {"mlp.up_proj", "ffn_up"},           {"mlp.down_proj", "ffn_down"}};
  if (const auto found = whole.find(parameter); found != whole.end()) return found->second;
  const std::size_t number = parameter.find('.') + 1, rest = parameter.find('.', number) + 1;  // layers.N.module.weight
  const std::size_t last = parameter.rfind('.');
  const auto module = in_layer.find(parameter.substr(rest, last - rest));
  PAL_ASSERT(parameter.starts_with("layers.") && module != in_layer.end(), "no GGUF name for '{}'", parameter);
  return "blk." + parameter.substr(number, rest - number) + module->second + parameter.substr(last);
}

int64_t gguf_permuted_heads(const std::string& architecture, const std::string& parameter, const DecoderOptions& options) {
  if (architecture != "llama") return 0;
  if (parameter.find("self_attn.q_proj") != std::string::npos) return options.heads;
  if (parameter.find("self_attn.k_proj") != std::string::npos) return options.kv_heads;
  return 0;
}

}  // namespace pal

#include "pal/decoder/decoder_options.h"

#include <algorithm>
#include <set>

#include "pal/core/check.h"

namespace pal {

void check_decoder_options(const DecoderOptions& o, const std::string& where) {
  const std::pair<const char*, int64_t> sizes[] = {
      {"vocab_size", o.vocab_size}, {"hidden_size", o.width},    {"intermediate_size", o.ffn_width},
      {"num_hidden_layers", o.layers}, {"num_attention_heads", o.heads}, {"num_key_value_heads", o.kv_heads},
      {"head_dim", o.head_dim},     {"max_position_embeddings", o.max_positions}};
  for (const auto& [name, value] : sizes)
    PAL_CHECK(value > 0 && value <= 100'000'000, "{}: {} must be above 0 and sensible, got {}", where, name, value);
  PAL_CHECK(o.heads % o.kv_heads == 0, "{}: {} query heads do not share {} key/value heads evenly", where, o.heads, o.kv_heads);
  PAL_CHECK(o.head_dim % 2 == 0, "{}: head_dim {} is odd; rotary positions need pairs", where, o.head_dim);
  PAL_CHECK(o.norm_eps > 0 && o.norm_eps < 1, "{}: rms_norm_eps {} is not between 0 and 1", where, o.norm_eps);
  PAL_CHECK(o.rope.theta > 1, "{}: rope_theta {} must be above 1", where, o.rope.theta);
  PAL_CHECK(o.rope.head_dim == o.head_dim, "{}: rope over {} of {} dimensions of a head is not supported", where,
            o.rope.head_dim, o.head_dim);
}

}  // namespace pal

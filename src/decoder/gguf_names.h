// GGUF's names for the tensors of a decoder (gguf-py's TensorNameMap), and which of them it permutes.
#pragma once

#include <string>

#include "pal/decoder/decoder_options.h"

namespace pal {

// "layers.3.self_attn.q_proj.weight" -> "blk.3.attn_q.weight"
std::string gguf_name(const std::string& parameter);

// Heads whose rows are permuted in a file of this architecture (llama's q and k); 0: none.
int64_t gguf_permuted_heads(const std::string& architecture, const std::string& parameter, const DecoderOptions& options);

}  // namespace pal

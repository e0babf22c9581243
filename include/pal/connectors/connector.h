// Connectors: what maps an encoder's tokens [N, E] to the decoder's width, [N', D].
#pragma once

#include <torch/torch.h>

#include <memory>
#include <string>
#include <vector>

#include "pal/nn/attention.h"

namespace pal {

// A connector as a config describes it.
struct ConnectorOptions {
  std::string type = "mlp";  // mlp | linear | qformer | attention_pool | mean_pool | conv
  int64_t hidden = 0;        // mlp: hidden width; 0: the decoder's
  int64_t queries = 16;      // qformer, attention_pool: summary tokens per clip
  int64_t layers = 2;        // qformer: blocks of self-attention, cross-attention and feed-forward
  int64_t heads = 8;         // qformer, attention_pool: attention heads
  int64_t factor = 2;        // mean_pool, conv: tokens that become one
  int64_t kernel = 3;        // conv: tokens that a window holds
};

// A module between one encoder and the decoder. Clips do not see each other.
class Connector : public torch::nn::Module {
 public:
  // Tokens that a clip of `tokens` encoder tokens becomes: the one place that says so. 0 stays 0.
  virtual int64_t output_length(int64_t tokens) const = 0;

  // Maps the tokens of clips. tokens: [sum of lengths, E], the clips' encoder tokens back to back -> [sum of output_length(lengths), D].
  virtual torch::Tensor forward(const torch::Tensor& tokens, const std::vector<int64_t>& lengths) = 0;
};

// A connector with weights drawn from `seed`. encoder_width: E, decoder_width: D. Throws UserError for an unknown type, naming
// the known ones, and for options that do not fit.
std::shared_ptr<Connector> make_connector(const ConnectorOptions& options, int64_t encoder_width, int64_t decoder_width,
                                          uint64_t seed, torch::TensorOptions tensor_options = {});

}  // namespace pal

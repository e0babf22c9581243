#include "pal/connectors/connector.h"

#include "kinds.h"
#include "pal/core/check.h"

namespace pal {

std::shared_ptr<Connector> make_connector(const ConnectorOptions& options, int64_t encoder_width, int64_t decoder_width,
                                          uint64_t seed, torch::TensorOptions tensor_options) {
  if (options.type == "linear") return make_linear_connector(encoder_width, decoder_width, seed, tensor_options);
  if (options.type == "mlp") return make_mlp_connector(options, encoder_width, decoder_width, seed, tensor_options);
  if (options.type == "qformer") return make_qformer_connector(options, encoder_width, decoder_width, seed, tensor_options);
  if (options.type == "mean_pool") return make_mean_pool_connector(options, encoder_width, decoder_width, seed, tensor_options);
  if (options.type == "attention_pool") return make_attention_pool_connector(options, encoder_width, decoder_width, seed, tensor_options);
  if (options.type == "conv") return make_conv_connector(options, encoder_width, decoder_width, seed, tensor_options);
  user_error("connector type '{}' is not known; use linear, mlp, qformer, attention_pool, mean_pool or conv", options.type);
}

}  // namespace pal

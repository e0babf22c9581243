// The connectors behind make_connector(), one file each.
#pragma once

#include "pal/connectors/connector.h"

namespace pal {

std::shared_ptr<Connector> make_linear_connector(int64_t in, int64_t out, uint64_t seed, torch::TensorOptions tensor_options);
std::shared_ptr<Connector> make_mlp_connector(const ConnectorOptions& options, int64_t in, int64_t out, uint64_t seed,
                                              torch::TensorOptions tensor_options);
std::shared_ptr<Connector> make_qformer_connector(const ConnectorOptions& options, int64_t in, int64_t out, uint64_t seed,
                                                  torch::TensorOptions tensor_options);
std::shared_ptr<Connector> make_mean_pool_connector(const ConnectorOptions& options, int64_t in, int64_t out, uint64_t seed,
                                                    torch::TensorOptions tensor_options);

std::shared_ptr<Connector> make_attention_pool_connector(const ConnectorOptions& options, int64_t in, int64_t out, uint64_t seed,
                                                         torch::TensorOptions tensor_options);
std::shared_ptr<Connector> make_conv_connector(const ConnectorOptions& options, int64_t in, int64_t out, uint64_t seed,
                                               torch::TensorOptions tensor_options);

}  // namespace pal

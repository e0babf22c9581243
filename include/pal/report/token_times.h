// Where the tokens that a stream gives the decoder lie in time.
#pragma once

#include <optional>
#include <vector>

#include "pal/encoders/encoder.h"
#include "pal/integration/pal_model.h"

namespace pal {

// Of one clip with `encoded` encoder tokens: the stretch of the clip that each of the connector's tokens is made of. nullopt where tokens
// have no place of their own: `tokens: mean`, and connectors whose queries read the whole clip (qformer, attention_pool).
std::optional<std::vector<TokenSpan>> token_times(const StreamOptions& stream, const Encoder& encoder, int64_t encoded);

// Weights over time, from 0 to `seconds`. weights, times: of each token, which lasts some time -> [bins]: the mean weight of the tokens that lie in the bin, each
// counted by the part of it that does; 0 where none lies. So even weights are even over time, also where an encoder's tokens overlap.
std::vector<double> weights_over_time(const std::vector<double>& weights, const std::vector<TokenSpan>& times, double seconds, int64_t bins);

}  // namespace pal

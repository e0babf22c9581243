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

// A word's weights over time. weights: of each token; times: of each token -> [bins] weight a second, from 0 to `seconds`: every token's
// weight lies evenly over its stretch; what lies beyond `seconds` is cut off.
std::vector<double> weights_over_time(const std::vector<double>& weights, const std::vector<TokenSpan>& times, double seconds, int64_t bins);

}  // namespace pal

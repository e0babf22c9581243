// One sample through the decoder, from a file to a file: how pal is held against other implementations (pal-inspect logits).
#pragma once

#include "pal/core/tensor_source.h"
#include "pal/integration/audio_decoder.h"

namespace pal {

// Runs a case. It holds
//   tokens int64 [T]; kinds int64 [n]: per stream 0 = lal, 1 = plits; at int64 [n]: text tokens before each stream, not decreasing;
//   stream.<i> float [N_i, D]: connector outputs; layers.<i> int64: the layers that read it (lal only);
//   loss_from int64 [1]: first text token counted in the loss
// and the result
//   row_ids int64 [R], ids.stream.<i> int64 [N_i], logits [R, V], loss [1],
//   grad.stream.<i> [N_i, D]: gradients of the loss with respect to the connector outputs.
// Throws UserError for a case that does not fit the decoder. `where` names the case in messages.
TensorMap run_logits_case(Decoder& llm, const TensorMap& the_case, std::shared_ptr<const AttentionBackend> backend, const std::string& where);

}  // namespace pal

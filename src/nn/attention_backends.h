// The three backends behind pal/nn/attention.h, one file each.
#pragma once

#include "pal/nn/attention.h"

namespace pal {

std::shared_ptr<const AttentionBackend> make_naive_attention();  // float64, dense mask from slot ids: the reference
std::shared_ptr<const AttentionBackend> make_sdpa_attention();   // torch's scaled_dot_product_attention, segment by segment
std::shared_ptr<const AttentionBackend> make_flash_attention();  // CUDA flash kernel, all segments in one call

}  // namespace pal

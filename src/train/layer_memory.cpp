#include "layer_memory.h"

#include <algorithm>

namespace pal {

ComputeKind compute_kind(const ModelOptions& model, const DecoderOptions& decoder, c10::DeviceType device) {
  const auto type = parse_float_type(model.dtype);
  const bool half = c10::elementSize(type) == 2;
  ComputeKind kind;
  kind.element = int64_t(c10::elementSize(type));
  kind.wide = std::max<int64_t>(4, kind.element);
  kind.is_cuda = device == c10::kCUDA;
  kind.has_kernels = kind.is_cuda ? type == c10::kFloat || type == c10::kBFloat16 : !half;
  kind.fused_norm = kind.is_cuda || !half;
  kind.flash = kind.is_cuda && half && decoder.head_dim <= 256 && decoder.head_dim % 8 == 0 && (model.backend == "auto" || model.backend == "flash");
  kind.joint = model.backend != "naive" && !decoder.qk_norm;
  return kind;
}

namespace {

int64_t going_on(const LayerShape& shape) { return shape.onward < 0 ? shape.rows : shape.onward; }

// Bytes of a layer's tensors.
struct Sizes {
  int64_t rows, heard, onward;     // [R, D], [A, D], [N, D]
  int64_t product, audio_product;  // [R, (H + 2 G) d], [A, 2 G d]
  int64_t queries, keys, mixed;    // [R, H d]; [K, G d]: of keys, and of values; [N, H d]
  int64_t hidden;                  // [N, F]

  Sizes(const DecoderOptions& d, const LayerShape& s, int64_t element)
      : rows(s.rows * d.width * element),
        heard(s.audio * d.width * element),
        onward(going_on(s) * d.width * element),
        product(s.rows * (d.query_width() + 2 * d.kv_width()) * element),
        audio_product(s.audio * 2 * d.kv_width() * element),
        queries(s.rows * d.query_width() * element),
        keys(s.keys * d.kv_width() * element),
        mixed(going_on(s) * d.query_width() * element),
        hidden(going_on(s) * d.ffn_width * element) {}
};

class Planner {
 public:
  Planner(const DecoderOptions& d, const ComputeKind& kind, const LayerShape& s, const LayerLearning& learns)
      : d_(d), kind_(kind), s_(s), learns_(learns), z_(d, s, kind.element) {
    normed_learns_ = learns.rows || learns.input_norm > 0;
    heard_learns_ = s.audio > 0 && (learns.audio || (!learns.k_v_alike && learns.input_norm > 0));
    rows_recorded_ = normed_learns_ || learns.q > 0 || learns.k_v > 0;
    audio_recorded_ = s.audio > 0 && (learns.audio || learns.input_norm > 0 || learns.k_v > 0);
    attended_learns_ = rows_recorded_ || audio_recorded_ || learns.qk_norm > 0;
    sum_learns_ = learns.rows || attended_learns_ || learns.o > 0;
  }

  LayerMemory plan() const {
    LayerMemory layer{.attention = attention(), .feed_forward = feed_forward(), .rows = z_.rows, .onward = z_.onward, .heard = z_.heard, .gathers = gathers()};
    layer.keeps_rows = normed_learns_ && kind_.fused_norm;
    layer.keeps_audio = s_.audio > 0 && (learns_.input_norm > 0 || (learns_.k_v_alike && learns_.k_v > 0));
    layer.audio_norm = learns_.audio ? norm_keeps(s_.audio, d_.width, true, false) : 0;
    layer.audio_norm_buffers = norm_buffers(s_.audio);
    layer.learns = sum_learns_ || learns_.post_norm > 0 || learns_.gate_up > 0 || learns_.down > 0;
    return layer;
  }

 private:
  bool gathers() const { return s_.onward >= 0; }

  // What a norm of `n` vectors of `width` keeps beside its input: roots, or, of torch's operators, float32 copies before and after the division.
  int64_t norm_keeps(int64_t n, int64_t width, bool input_learns, bool weight_learns) const {
    if (kind_.fused_norm) return input_learns || weight_learns ? n * kind_.wide : 0;
    return 4 * (input_learns ? n * width + n : 0) + 4 * (weight_learns ? n * width : 0);
  }
  // Of torch's operators the backward of x^2 holds four more float32 tensors beside the gradient so far.
  int64_t norm_buffers(int64_t n) const { return kind_.fused_norm ? 0 : 18 * n * d_.width; }
  // A norm's input itself.
  int64_t norm_input(bool recorded, int64_t bytes) const { return recorded && kind_.fused_norm ? bytes : 0; }

  // Norms of queries and keys (Qwen3), which are computed apart from values.
  int64_t head_norms_keep() const {
    if (!d_.qk_norm || !attended_learns_) return 0;
    const int64_t numbers = s_.rows * d_.query_width() + (s_.rows + s_.audio) * d_.kv_width();
    return norm_input(true, numbers * kind_.element) + norm_keeps(numbers / d_.head_dim, d_.head_dim, true, learns_.qk_norm > 0);
  }

  // Queries, keys, values, the result and the logarithms of sums; and of sdpa a mask in numbers.
  int64_t heads_keep() const {
    if (!attended_learns_) return 0;
    const bool values_are_views = kind_.joint && !kind_.has_kernels && s_.audio == 0;  // of the whole product
    const int64_t mask = kind_.flash ? 0 : s_.masked * kind_.element;
    return z_.queries + z_.keys + (values_are_views ? z_.product : z_.keys) + z_.queries + s_.rows * d_.heads * kind_.wide + mask + head_norms_keep();
  }

  // The result as the output projection reads it is a copy where heads that share keys, or segments, were apart.
  bool mixed_is_copy() const { return gathers() || (!kind_.flash && (s_.segments > 1 || d_.heads != d_.kv_heads)); }

  // Beside the gradients of queries, keys and values as wholes.
  int64_t attention_buffers() const {
    const int64_t query_width = d_.query_width() * kind_.element;
    if (kind_.flash) return s_.rows * d_.query_width() * 4 + (d_.heads != d_.kv_heads ? 2 * s_.keys * query_width : 0);
    const int64_t whole = s_.segments > 1 ? std::max(z_.queries, z_.keys) : 0;  // the segments' gradients are put together
    return s_.segment_rows * query_width + std::max(2 * s_.segment_keys * query_width, whole);
  }

  LayerPart attention() const {
    const int64_t norm = norm_keeps(s_.rows, d_.width, learns_.rows, learns_.input_norm > 0) + norm_input(normed_learns_, z_.rows);
    const int64_t normed = learns_.q + learns_.k_v > 0 ? z_.rows : 0;  // frozen weights need no input
    const int64_t heard = learns_.k_v_alike || learns_.k_v == 0 ? 0 : z_.heard;  // audio times the norm's weight
    const int64_t weights = learns_.k_v_alike && s_.audio > 0 ? 2 * d_.kv_width() * d_.width * kind_.element : 0;  // those of k and v times the norm's
    const int64_t mixed = learns_.o > 0 && mixed_is_copy() ? z_.mixed : 0, heads = heads_keep();
    LayerPart part;
    part.makes = 2 * z_.rows + (learns_.k_v_alike ? weights : z_.heard) + z_.product + z_.audio_product + 2 * z_.keys + (mixed_is_copy() ? 4 : 2) * z_.queries;
    part.keeps = norm + normed + heard + heads + mixed;

    auto& back = part.backward;
    if (!sum_learns_) return part;
    back.push_back({.makes = attended_learns_ ? z_.mixed : 0, .frees = mixed + (learns_.rows ? 0 : z_.onward), .gradients = learns_.o});
    if (!attended_learns_) return part;  // nor do rows learn
    if (gathers()) back.push_back({.makes = z_.queries, .frees = z_.mixed});
    const int64_t buffers = attention_buffers(), head_gradients = z_.queries + 2 * z_.keys;
    back.push_back({.makes = head_gradients + buffers, .frees = z_.queries + heads + buffers, .gradients = learns_.qk_norm});
    // Torch's operators put each of queries, keys and values into zeros of the whole product.
    const int64_t copies = kind_.has_kernels ? 0 : z_.product + z_.audio_product + z_.queries;
    back.push_back({.makes = z_.product + z_.audio_product + copies, .frees = head_gradients + copies + (rows_recorded_ ? 0 : z_.product) + (audio_recorded_ ? 0 : z_.audio_product)});
    if (audio_recorded_) back.push_back({.makes = (heard_learns_ ? z_.heard : 0) + learns_.k_v + weights, .frees = z_.audio_product + heard + weights});
    // Gradients of k and v come from rows and from audio: their sum is made anew where the first is a part of a joint one, which q's keeps alive.
    const int64_t joint_rest = audio_recorded_ && learns_.joint_gradient ? learns_.k_v : 0;
    if (rows_recorded_)
      back.push_back({.makes = normed_learns_ ? z_.rows : 0, .frees = z_.product + normed + (audio_recorded_ ? learns_.k_v : 0), .gradients = learns_.q + learns_.k_v + joint_rest});
    // Added to that of the layers that come later; first multiplied by the norm's weight, where it was not multiplied into k and v.
    const int64_t scaled = learns_.k_v_alike ? 0 : z_.heard;
    if (heard_learns_) back.push_back({.makes = scaled, .frees = z_.heard + scaled});
    if (normed_learns_) back.push_back({.makes = z_.rows + norm_buffers(s_.rows), .frees = 2 * z_.rows + norm_buffers(s_.rows) + norm, .gradients = learns_.input_norm});
    if (gathers() && learns_.rows) back.push_back({.makes = 2 * z_.rows, .frees = z_.rows + z_.onward});  // the residual's, spread to all rows and added to attention's
    return part;
  }

  LayerPart feed_forward() const {
    const bool normed_learns = sum_learns_ || learns_.post_norm > 0, recorded = normed_learns || learns_.gate_up > 0;
    const int64_t norm = norm_keeps(going_on(s_), d_.width, sum_learns_, learns_.post_norm > 0) + norm_input(normed_learns, z_.onward);
    const int64_t normed = learns_.gate_up > 0 ? z_.onward : 0, gate_up = recorded ? 2 * z_.hidden : 0, again = recorded && !learns_.down_adapted && learns_.down > 0 ? z_.hidden : 0;
    const int64_t hidden = learns_.down > 0 && again == 0 ? z_.hidden : 0;  // what down reads: kept, or made again
    LayerPart part;
    part.makes = 4 * z_.onward + 3 * z_.hidden;
    part.keeps = norm + normed + gate_up + hidden;

    auto& back = part.backward;
    if (!recorded && learns_.down == 0) return part;
    const int64_t passing = sum_learns_ ? 0 : z_.onward;
    back.push_back({.makes = recorded ? z_.hidden : 0, .frees = hidden + (again > 0 ? 0 : passing), .gradients = again > 0 ? 0 : learns_.down});
    if (!recorded) return part;
    const int64_t buffers = kind_.has_kernels ? 0 : z_.hidden;
    back.push_back({.makes = 2 * z_.hidden + again + buffers, .frees = z_.hidden + buffers + (again > 0 ? 0 : gate_up)});
    if (again > 0) back.push_back({.frees = again + gate_up + passing, .gradients = learns_.down});
    back.push_back({.makes = normed_learns ? z_.onward : 0, .frees = 2 * z_.hidden + normed, .gradients = learns_.gate_up});
    if (normed_learns) back.push_back({.makes = z_.onward + norm_buffers(going_on(s_)), .frees = 2 * z_.onward + norm_buffers(going_on(s_)) + norm, .gradients = learns_.post_norm});
    return part;
  }

  const DecoderOptions& d_;
  const ComputeKind& kind_;
  const LayerShape& s_;
  const LayerLearning& learns_;
  Sizes z_;
  bool normed_learns_, heard_learns_;      // what the input norm makes of rows and of audio
  bool rows_recorded_, audio_recorded_;    // their products
  bool attended_learns_, sum_learns_;      // attention's result; rows with it added
};

}  // namespace

LayerMemory layer_memory(const DecoderOptions& decoder, const ComputeKind& kind, const LayerShape& shape, const LayerLearning& learning) { return Planner(decoder, kind, shape, learning).plan(); }

}  // namespace pal

#include "pal/integration/audio_decoder.h"

#include <functional>
#include <map>

#include "pal/core/check.h"
#include "pal/nn/activation_checkpoint.h"
#include "pal/nn/cross_entropy.h"

namespace pal {

namespace {

// The LAL streams that a layer reads. Shared by layers alike: all norms have the same eps.
HeardAudio heard_by(Decoder& llm, const LayerInputs& inputs, const std::vector<torch::Tensor>& streams) {
  if (inputs.read.empty()) return {};
  std::vector<torch::Tensor> tokens;
  for (int64_t stream : inputs.read) tokens.push_back(streams[std::size_t(stream)]);
  return {unit_rms(tokens.size() == 1 ? tokens[0] : torch::cat(tokens), llm->options.norm_eps), llm->rope(inputs.audio_ids)};
}

using Block = std::function<torch::Tensor(const std::vector<torch::Tensor>&)>;

std::vector<torch::Tensor> feed_forward_parameters(DecoderLayerImpl& layer) {
  auto parameters = layer.mlp->parameters();
  parameters.push_back(layer.post_attention_layernorm->weight);
  return parameters;
}

// One layer's way from the stream to its attention's result.
struct LayerAttention {
  std::function<torch::Tensor(const torch::Tensor& normed, const torch::Tensor& unit)> attend;  // unit: HeardAudio's; not defined where nothing is read
  torch::Tensor onward;                                                                         // the rows that it gives; not defined: all
};

torch::Tensor summed(const Residual& stream) { return stream.rows + stream.update; }

Residual run_layer(DecoderLayerImpl& layer, const LayerAttention& attention, Residual stream, const torch::Tensor& unit) {
  return layer.forward(std::move(stream), [&](const torch::Tensor& normed) { return attention.attend(normed, unit); }, attention.onward);
}

// The same, but the feed-forward or all of it is computed again in the backward; what goes in and out is whole.
torch::Tensor run_checkpointed(DecoderLayerImpl& layer, const LayerAttention& attention, const torch::Tensor& rows, const torch::Tensor& unit, CheckpointPolicy policy) {
  if (policy == CheckpointPolicy::kFeedForward) {
    const Block feed_forward = [&layer](const std::vector<torch::Tensor>& both) { return summed(layer.feed_forward(both[0], both[1])); };
    return checkpointed(feed_forward, {rows_at(rows, attention.onward), attention.attend(layer.input_layernorm(rows), unit)}, feed_forward_parameters(layer));
  }
  const Block whole = [&layer, attention](const std::vector<torch::Tensor>& all) {
    return summed(run_layer(layer, attention, {all[0], {}}, all.size() > 1 ? all[1] : torch::Tensor()));
  };
  std::vector<torch::Tensor> inputs{rows};
  if (unit.defined()) inputs.push_back(unit);  // explicit: it may need a gradient where rows do not
  return checkpointed(whole, inputs, layer.parameters());
}

// expected: how many tokens each has.
void check_streams(const std::vector<torch::Tensor>& streams, const std::vector<int64_t>& expected, int64_t width) {
  PAL_ASSERT(streams.size() == expected.size(), "the layout has {} streams, but {} were given", expected.size(), streams.size());
  for (std::size_t i = 0; i < streams.size(); ++i) {
    const auto& tokens = streams[i];
    PAL_CHECK(tokens.dim() == 2 && tokens.size(1) == width,
              "stream {}: tokens of width {}, but the decoder is {} wide; does the stream have a connector?", i,
              tokens.size(-1), width);
    PAL_ASSERT(tokens.size(0) == expected[i], "stream {}: {} tokens, but {} slots", i, tokens.size(0), expected[i]);
  }
}

}  // namespace

CheckpointPolicy parse_checkpoint_policy(const std::string& name) {
  if (name == "none") return CheckpointPolicy::kNone;
  if (name == "ffn") return CheckpointPolicy::kFeedForward;
  if (name == "all") return CheckpointPolicy::kAll;
  user_error("activation checkpointing '{}' is not known; use none, ffn or all", name);
}

torch::Tensor assemble_rows(Decoder& llm, const torch::Tensor& tokens, const std::vector<torch::Tensor>& streams,
                            const SequenceLayout& layout) {
  return assemble_rows(llm, make_row_inputs(layout, tokens, llm->device()), streams);
}

torch::Tensor assemble_rows(Decoder& llm, const RowInputs& inputs, const std::vector<torch::Tensor>& streams) { return assemble_rows(llm->embed_tokens(inputs.tokens), inputs, streams); }

torch::Tensor assemble_rows(const torch::Tensor& text, const RowInputs& inputs, const std::vector<torch::Tensor>& streams) {
  check_streams(streams, inputs.stream_tokens, text.size(1));
  std::vector<torch::Tensor> parts{text};
  if (inputs.streams.empty()) return parts[0];
  for (int64_t stream : inputs.streams) parts.push_back(streams[std::size_t(stream)]);
  return torch::cat(parts).index_select(0, inputs.source);
}

torch::Tensor run_layers(Decoder& llm, torch::Tensor rows, const std::vector<torch::Tensor>& streams,
                         const SequenceLayout& layout, std::shared_ptr<const AttentionBackend> backend, CheckpointPolicy checkpointing,
                         std::vector<KeyValues>* kept, const torch::Tensor& onward) {
  std::vector<int64_t> tokens;
  for (const auto& ids : layout.stream_ids) tokens.push_back(ids.numel());
  check_streams(streams, tokens, llm->options.width);
  return run_layers(llm, std::move(rows), streams, make_layers_inputs(layout, int64_t(llm->layers.size()), llm->device()), std::move(backend), checkpointing, kept, onward);
}

torch::Tensor run_layers(Decoder& llm, torch::Tensor rows, const std::vector<torch::Tensor>& streams, const LayersInputs& inputs,
                         std::shared_ptr<const AttentionBackend> backend, CheckpointPolicy checkpointing, std::vector<KeyValues>* kept,
                         const torch::Tensor& onward) {
  PAL_ASSERT(kept == nullptr || checkpointing == CheckpointPolicy::kNone, "kept keys would dangle in a recomputed layer");
  if (kept != nullptr) kept->reserve(llm->layers.size());
  const auto rope = llm->rope(inputs.row_ids);
  std::map<std::vector<int64_t>, HeardAudio> read_by;  // layers that read the same streams share what they read
  Residual stream{std::move(rows), {}};

  for (std::size_t i = 0; i < llm->layers.size(); ++i) {
    auto& layer = *llm->layers[i];
    const auto& own = inputs.layers[i];
    auto found = read_by.find(own.read);
    if (found == read_by.end()) found = read_by.emplace(own.read, heard_by(llm, own, streams)).first;
    const HeardAudio& audio = found->second;
    const auto going_on = i + 1 == llm->layers.size() ? onward : torch::Tensor();

    KeyValues* const keep = kept == nullptr ? nullptr : &kept->emplace_back();
    const auto attend = [&layer, backend, rope, audio_rope = audio.rope, plan = own.plan, keep, deaf = own.deaf, going_on](const torch::Tensor& normed, const torch::Tensor& unit) {
      return lal_attention(layer, normed, rope, {unit, audio_rope}, *plan, *backend, keep, deaf, going_on);
    };
    const LayerAttention attention{attend, going_on};
    stream = checkpointing == CheckpointPolicy::kNone ? run_layer(layer, attention, std::move(stream), audio.unit) : Residual{run_checkpointed(layer, attention, stream.rows, audio.unit, checkpointing), {}};
  }
  return llm->norm->forward_sum(stream.rows, stream.update).normed;
}

torch::Tensor target_loss(Decoder& llm, const torch::Tensor& hidden, const torch::Tensor& tokens, const torch::Tensor& target,
                          const SequenceLayout& layout) {
  const auto inputs = make_target_inputs(layout, tokens, target, hidden.device());
  return target_loss(hidden.index_select(0, inputs.rows), llm->head_weight(), inputs);
}

torch::Tensor target_loss(const torch::Tensor& hidden, const torch::Tensor& head, const TargetInputs& inputs) { return linear_cross_entropy(hidden, head, inputs.wanted); }

}  // namespace pal

#include "pal/integration/audio_decoder.h"

#include <functional>

#include "pal/core/check.h"
#include "pal/nn/activation_checkpoint.h"
#include "pal/nn/cross_entropy.h"
#include "pal/nn/to_device.h"

namespace pal {

namespace {

// What a layer reads beside its rows: the tokens of its LAL streams, their rotations and the plan. Shared by layers alike.
struct LayerAudio {
  torch::Tensor tokens;  // [A, D], not defined where nothing is read
  RopeTable rope;
  std::shared_ptr<const AttentionPlan> plan;  // a recomputed layer keeps it alive
};

LayerAudio layer_audio(Decoder& llm, const std::vector<int64_t>& read, const std::vector<torch::Tensor>& streams,
                       const SequenceLayout& layout) {
  LayerAudio audio;
  audio.plan = layout.plan(read);
  if (read.empty()) return audio;
  std::vector<torch::Tensor> tokens, ids;
  for (int64_t stream : read) {
    tokens.push_back(streams[std::size_t(stream)]);
    ids.push_back(layout.stream_ids[std::size_t(stream)]);
  }
  audio.tokens = torch::cat(tokens);
  audio.rope = llm->rope(to_device(torch::cat(ids), llm->device()));
  return audio;
}

using Block = std::function<torch::Tensor(const std::vector<torch::Tensor>&)>;

std::vector<torch::Tensor> feed_forward_parameters(DecoderLayerImpl& layer) {
  auto parameters = layer.mlp->parameters();
  parameters.push_back(layer.post_attention_layernorm->weight);
  return parameters;
}

// inputs: the layer's rows, and its audio, if it reads any: attend()'s.
torch::Tensor run_layer(DecoderLayerImpl& layer, const Block& attend, const std::vector<torch::Tensor>& inputs, CheckpointPolicy checkpointing) {
  const Block feed_forward = [&layer](const std::vector<torch::Tensor>& both) { return layer.feed_forward(both[0], both[1]); };
  if (checkpointing == CheckpointPolicy::kFeedForward) return checkpointed(feed_forward, {inputs[0], attend(inputs)}, feed_forward_parameters(layer));
  const Block whole = [&layer, attend](const std::vector<torch::Tensor>& all) { return layer.feed_forward(all[0], attend(all)); };
  return checkpointing == CheckpointPolicy::kAll ? checkpointed(whole, inputs, layer.parameters()) : whole(inputs);
}

void check_streams(const std::vector<torch::Tensor>& streams, const SequenceLayout& layout, int64_t width) {
  PAL_ASSERT(streams.size() == layout.stream_ids.size(), "the layout has {} streams, but {} were given",
             layout.stream_ids.size(), streams.size());
  for (std::size_t i = 0; i < streams.size(); ++i) {
    const auto& tokens = streams[i];
    PAL_CHECK(tokens.dim() == 2 && tokens.size(1) == width,
              "stream {}: tokens of width {}, but the decoder is {} wide; does the stream have a connector?", i,
              tokens.size(-1), width);
    PAL_ASSERT(tokens.size(0) == layout.stream_ids[i].numel(), "stream {}: {} tokens, but {} slots", i, tokens.size(0),
               layout.stream_ids[i].numel());
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
  check_streams(streams, layout, llm->options.width);
  std::vector<torch::Tensor> parts{llm->embed_tokens(tokens)}, places{layout.text_rows};
  for (std::size_t i = 0; i < streams.size(); ++i) {
    if (!layout.stream_rows[i].defined() || streams[i].size(0) == 0) continue;
    parts.push_back(streams[i]);
    places.push_back(layout.stream_rows[i]);
  }
  if (parts.size() == 1) return parts[0];
  // Row r is entry source[r] of the parts put together.
  const auto source = torch::empty({layout.rows()}, torch::kInt64);
  const auto place = torch::cat(places);
  source.index_put_({place}, torch::arange(place.numel()));
  return torch::cat(parts).index_select(0, to_device(source, llm->device()));
}

torch::Tensor run_layers(Decoder& llm, torch::Tensor rows, const std::vector<torch::Tensor>& streams,
                         const SequenceLayout& layout, std::shared_ptr<const AttentionBackend> backend, CheckpointPolicy checkpointing,
                         std::vector<KeyValues>* kept) {
  check_streams(streams, layout, llm->options.width);
  PAL_ASSERT(kept == nullptr || checkpointing == CheckpointPolicy::kNone, "kept keys would dangle in a recomputed layer");
  if (kept != nullptr) kept->reserve(llm->layers.size());
  const auto rope = llm->rope(to_device(layout.row_ids, llm->device()));
  std::map<std::vector<int64_t>, LayerAudio> read_by;  // layers that read the same streams share what they read

  for (std::size_t i = 0; i < llm->layers.size(); ++i) {
    auto& layer = *llm->layers[i];
    const auto read = layout.streams_read(int64_t(i));
    auto found = read_by.find(read);
    if (found == read_by.end()) found = read_by.emplace(read, layer_audio(llm, read, streams, layout)).first;
    const LayerAudio& audio = found->second;

    KeyValues* const keep = kept == nullptr ? nullptr : &kept->emplace_back();
    DeafHeads deaf{layout.deaf_groups(int64_t(i)), nullptr};
    if (!deaf.groups.empty()) deaf.plan = layout.plan({});
    const auto attend = [&layer, backend, rope, audio_rope = audio.rope, plan = audio.plan, keep, deaf](const std::vector<torch::Tensor>& inputs) {
      const auto heard = inputs.size() > 1 ? inputs[1] : torch::Tensor();
      return lal_attention(layer, inputs[0], rope, heard, audio_rope, *plan, *backend, keep, deaf);
    };
    std::vector<torch::Tensor> inputs{rows};
    if (audio.tokens.defined()) inputs.push_back(audio.tokens);  // explicit: it may need a gradient where rows do not
    rows = run_layer(layer, attend, inputs, checkpointing);
  }
  return llm->norm(rows);
}

torch::Tensor target_loss(Decoder& llm, const torch::Tensor& hidden, const torch::Tensor& tokens, const torch::Tensor& target,
                          const SequenceLayout& layout) {
  const auto places = target.nonzero().squeeze(1);  // text tokens that are targets
  PAL_ASSERT(places.numel() == 0 || places[0].item<int64_t>() > 0, "the first token of a batch cannot be a target");
  const auto sample_of = [&](const torch::Tensor& text) {
    return layout.row_samples.index_select(0, layout.text_rows.index_select(0, text));
  };
  PAL_ASSERT(torch::equal(sample_of(places), sample_of(places - 1)), "the first token of a sample cannot be a target");
  const auto rows = to_device(layout.text_rows.index_select(0, places - 1), hidden.device());
  const auto wanted = tokens.index_select(0, to_device(places, tokens.device()));
  return linear_cross_entropy(hidden.index_select(0, rows), llm->head_weight(), wanted);
}

}  // namespace pal

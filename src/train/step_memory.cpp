#include "pal/train/step_memory.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "layer_memory.h"
#include "pal/core/check.h"
#include "pal/core/name_pattern.h"
#include "pal/distributed/gradient_reducer.h"
#include "pal/integration/sequence_layout.h"
#include "pal/nn/cross_entropy.h"

namespace pal {

namespace {

// Bytes that stay of the gradients of parameters whose names begin so; 0: they are frozen.
using GradientBytes = std::function<int64_t(const std::string& prefix)>;

// share: of them that this process keeps.
GradientBytes gradient_bytes_of(const std::vector<NamedParameter>& parameters, double share) {
  std::map<std::string, int64_t> bytes;
  for (const auto& [name, value] : parameters)
    if (value.requires_grad()) bytes[name] = std::max<int64_t>(1, std::llround(share * double(value.nbytes())));
  return [bytes](const std::string& prefix) {
    int64_t sum = 0;
    for (auto found = bytes.lower_bound(prefix); found != bytes.end() && found->first.starts_with(prefix); ++found) sum += found->second;
    return sum;
  };
}

// Whether the layer's linear has an adapter, trained or not. name: "self_attn.k_proj", say.
bool is_adapted(const ModelOptions& model, int64_t layer, const char* name) {
  return std::ranges::any_of(model.lora, [&](const LoraOptions& lora) { return matches_pattern(lora.layers, fmt::format("llm.layers.{}.{}", layer, name)); });
}

LayerLearning layer_learning(const ModelOptions& model, const GradientBytes& gradients, int64_t layer, bool rows, bool audio) {
  const auto of = [&](const char* name) { return gradients(fmt::format("llm.layers.{}.{}.", layer, name)); };
  const auto weight = [&](const char* name) { return gradients(fmt::format("llm.layers.{}.self_attn.{}.weight", layer, name)) > 0; };
  return {.rows = rows,
          .audio = audio,
          .input_norm = of("input_layernorm"),
          .q = of("self_attn.q_proj"),
          .k_v = of("self_attn.k_proj") + of("self_attn.v_proj"),
          .qk_norm = of("self_attn.q_norm") + of("self_attn.k_norm"),
          .o = of("self_attn.o_proj"),
          .post_norm = of("post_attention_layernorm"),
          .gate_up = of("mlp.gate_proj") + of("mlp.up_proj"),
          .down = of("mlp.down_proj"),
          .joint_gradient = weight("q_proj") && weight("k_proj") && weight("v_proj"),
          .down_adapted = is_adapted(model, layer, "mlp.down_proj"),
          .k_v_alike = !is_adapted(model, layer, "self_attn.k_proj") && !is_adapted(model, layer, "self_attn.v_proj") && weight("k_proj") == weight("v_proj")};
}

// The layout of one sample: all are alike.
SequenceLayout layout_of_sample(const ModelOptions& model, const DecoderOptions& decoder, const BatchShape& batch) {
  PAL_CHECK(batch.streams.size() == model.streams.size(), "tokens of {} streams were given, but the model has {}", batch.streams.size(), model.streams.size());
  std::vector<StreamPlace> places;
  SampleShape sample{.text_tokens = batch.text_tokens, .audio = {}};
  for (std::size_t i = 0; i < model.streams.size(); ++i) {
    const auto& stream = model.streams[i];
    auto& place = places.emplace_back();
    place.integration = stream.integration;
    if (stream.integration == Integration::kLal) place.layers = stream.layers.flags(decoder.layers, fmt::format("stream '{}'", stream.name));
    sample.audio.push_back({int64_t(i), std::min(batch.audio_at, batch.text_tokens), batch.streams[i]});
  }
  return SequenceLayout(places, {sample}, torch::kCPU);
}

LayerShape layer_shape(const SequenceLayout& layout, const std::vector<int64_t>& read, int64_t samples) {
  const auto plan = layout.plan(read);
  LayerShape shape{.rows = samples * plan->rows, .audio = samples * (plan->keys - plan->rows)};
  for (const auto& segment : plan->segments) {
    const int64_t rows = segment.rows.size(), keys = segment.key_count();
    shape.keys += samples * keys;
    shape.segments += samples;
    shape.segment_rows = std::max(shape.segment_rows, rows);
    shape.segment_keys = std::max(shape.segment_keys, keys);
    if (rows > 1 && rows != keys) shape.masked += rows * keys;  // one mask for all samples, which are alike
  }
  return shape;
}

// The decoder's part of a step, operation by operation.
class DecoderStep {
 public:
  DecoderStep(const ModelOptions& model, const DecoderOptions& decoder, const BatchShape& batch, c10::DeviceType device, const GradientBytes& gradients)
      : d_(decoder), kind_(compute_kind(model, decoder, device)), gradients_(gradients), policy_(parse_checkpoint_policy(model.checkpoint_activations)) {
    const auto layout = layout_of_sample(model, decoder, batch);
    const auto stream_learns = [&](int64_t i) { return batch.streams[std::size_t(i)] > 0 && gradients(fmt::format("connectors.{}.", model.streams[std::size_t(i)].name)) > 0; };
    bool rows_learn = gradients("llm.embed_tokens.") > 0;
    targets_ = batch.samples * (batch.targets < 0 ? std::max<int64_t>(0, batch.text_tokens - 1) : batch.targets);
    for (std::size_t i = 0; i < batch.streams.size(); ++i) rows_learn = rows_learn || (layout.stream_rows[i].defined() && stream_learns(int64_t(i)));
    embedding_learns_ = rows_learn;
    for (int64_t l = 0; l < decoder.layers; ++l) {
      const auto read = layout.streams_read(l);
      const bool audio_learns = std::ranges::any_of(read, stream_learns);
      auto shape = layer_shape(layout, read, batch.samples);
      if (l + 1 == decoder.layers) shape.onward = targets_;  // the others are not read
      layers_.push_back(layer_memory(decoder, kind_, shape, layer_learning(model, gradients, l, rows_learn, audio_learns)));
      reads_.push_back({read, audio_learns});
      rows_learn = layers_.back().learns;
    }
    output_learns_ = rows_learn;
    rows_ = samples_bytes(layout.rows() * batch.samples);
    onward_ = samples_bytes(targets_);
    tables_ = layout.rows() * batch.samples * decoder.head_dim * kind_.element;
  }

  // Ends with what is kept and the head's gradients; the result is the former.
  int64_t forward(Ledger& ledger) const {
    const int64_t before = ledger.now;
    ledger.hold(tables_ + rows_);  // rotations; the residual stream
    const auto audio = audio_kept();
    int64_t passing = 0;  // audio that layers share and the backward does not read
    for (const auto& [streams, kept] : audio) {
      ledger.hold(kept.bytes());
      passing += kept.unit_stays ? 0 : kept.unit;
    }
    ledger.hold(passing);
    for (const auto& layer : layers_) layer_forward(ledger, layer);
    ledger.release(passing);
    ledger.hold(final_norm_keeps() + onward_);  // what the head reads
    ledger.release(rows_);
    const int64_t all = ledger.now - before - onward_;
    head(ledger);
    ledger.release(onward_);
    return all;
  }

  // Begins as forward() ended; ends with gradients alone.
  void backward(Ledger& ledger) const {
    head_backward(ledger);
    if (final_norm_learns()) {
      ledger.hold(onward_ + gradients_("llm.norm."));
      ledger.release(head_hidden() + (output_learns_ ? 0 : onward_) + final_norm_keeps());
    }
    std::map<std::vector<int64_t>, int64_t> gradients;  // of the tokens that layers read: sums over those that read the same
    for (std::size_t l = layers_.size(); l-- > 0 && layers_[l].learns;) {
      if (!gradients.contains(reads_[l].streams)) ledger.hold(gradients[reads_[l].streams] = reads_[l].learn ? layers_[l].heard : 0);
      layer_backward(ledger, layers_[l]);
    }
    const auto audio = audio_kept();
    for (const auto& [streams, bytes] : gradients) {
      if (bytes > 0) ledger.use(bytes + audio.at(streams).buffers);  // unit_rms() makes its input's
      ledger.release(bytes);
    }
    for (const auto& [streams, kept] : audio) ledger.release(kept.bytes());
    embedding_backward(ledger);
    ledger.release(tables_);
  }

 private:
  // The streams that a layer reads, and whether their tokens need a gradient.
  struct Read {
    std::vector<int64_t> streams;
    bool learn = false;
  };

  int64_t samples_bytes(int64_t rows) const { return rows * d_.width * kind_.element; }
  int64_t head_bytes() const { return d_.vocab_size * d_.width * kind_.element; }
  const char* head_name() const { return d_.tied_head ? "llm.embed_tokens." : "llm.lm_head."; }
  bool head_learns() const { return gradients_(head_name()) > 0; }
  bool final_norm_learns() const { return output_learns_ || gradients_("llm.norm.") > 0; }
  int64_t head_chunk() const { return cross_entropy_chunk(kind_.is_cuda, d_.vocab_size, kind_.element); }
  bool head_is_wide() const { return targets_ > head_chunk() && kind_.wide != kind_.element; }                         // sums of several chunks
  bool head_waits() const { return d_.tied_head && head_learns(); }  // its gradient, for that of the rows
  int64_t head_sum() const { return head_learns() ? head_bytes() / kind_.element * (head_is_wide() ? kind_.wide : kind_.element) : 0; }  // the weight's gradient, as the forward leaves it
  int64_t head_hidden() const { return final_norm_learns() ? samples_bytes(targets_) : 0; }                        // gradient of what the head reads

  int64_t final_norm_keeps() const {
    if (!final_norm_learns()) return 0;
    if (kind_.fused_norm) return onward_;
    return onward_ / kind_.element * 4 * ((output_learns_ ? 1 : 0) + (gradients_("llm.norm.") > 0 ? 1 : 0));
  }

  // Audio as layers share it: what unit_rms() makes, what it keeps of its input, and what its backward takes for a moment.
  struct SharedAudio {
    int64_t unit = 0, norm = 0, buffers = 0;
    bool unit_stays = false;  // until the backward
    int64_t bytes() const { return norm + (unit_stays ? unit : 0); }
  };
  // By the streams that it is of: layers that read the same share it.
  std::map<std::vector<int64_t>, SharedAudio> audio_kept() const {
    std::map<std::vector<int64_t>, SharedAudio> audio;
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      const auto& layer = layers_[l];
      const auto& [streams, learn] = reads_[l];
      if (streams.empty()) continue;
      auto& shared = audio[streams];
      shared.unit = layer.heard;
      const bool joined = learn && kind_.fused_norm && streams.size() > 1;  // the norm's input; of one stream it is the connector's result
      shared.norm = layer.audio_norm + (joined ? layer.heard : 0);
      shared.buffers = layer.audio_norm_buffers;
      shared.unit_stays = shared.unit_stays || (policy_ == CheckpointPolicy::kAll ? layer.learns : layer.keeps_audio);
    }
    return audio;
  }
  // A recomputed block keeps its inputs; rows may be kept anyway.
  int64_t block_keeps(const LayerMemory& layer) const {
    if (policy_ == CheckpointPolicy::kNone || !layer.learns) return 0;
    return policy_ == CheckpointPolicy::kAll ? layer.rows : layer.onward + (layer.keeps_rows && !layer.gathers ? 0 : layer.onward);
  }

  void layer_forward(Ledger& ledger, const LayerMemory& layer) const {
    const bool attention_kept = policy_ != CheckpointPolicy::kAll;
    ledger.use(std::max(layer.attention.makes, (attention_kept ? layer.attention.keeps : layer.rows) + layer.feed_forward.makes));
    ledger.hold(block_keeps(layer) + (attention_kept ? layer.attention.keeps : 0) + (policy_ == CheckpointPolicy::kNone ? layer.feed_forward.keeps : 0));
  }

  static void run(Ledger& ledger, const LayerPart& part) {
    for (const auto& step : part.backward) {
      ledger.hold(step.makes + step.gradients);
      ledger.release(step.frees);
    }
  }

  void layer_backward(Ledger& ledger, const LayerMemory& layer) const {
    const bool all = policy_ == CheckpointPolicy::kAll, some = policy_ != CheckpointPolicy::kNone;
    // Computed again; its output and the gradient of that stay until the block's backward ends.
    const int64_t inputs = block_keeps(layer) - (all && layer.keeps_rows ? layer.rows : 0), held = some ? 2 * layer.onward : 0;
    if (all) ledger.hold(layer.attention.keeps - (layer.keeps_rows ? layer.rows : 0));
    if (some) ledger.use(layer.feed_forward.makes), ledger.hold(layer.feed_forward.keeps + held);
    run(ledger, layer.feed_forward);
    if (!all) ledger.release(inputs + held);
    run(ledger, layer.attention);
    if (all) ledger.release(inputs + held);
  }

  // Most that a chunk of logits and what makes them a gradient take.
  int64_t softmax(int64_t rows) const {
    const int64_t numbers = rows * d_.vocab_size;
    if (kind_.has_kernels) return numbers * kind_.element;
    return numbers * (kind_.wide == kind_.element ? 2 * kind_.element : kind_.element + 2 * kind_.wide);
  }

  // Logits, chunk by chunk, and the gradients of what the head reads and of its weight.
  void head(Ledger& ledger) const {
    const int64_t first = std::min(targets_, head_chunk()), second = std::min(targets_ - first, head_chunk()), row = d_.vocab_size * kind_.element;
    const int64_t sum = head_sum(), product = head_is_wide() && sum > 0 ? head_bytes() : 0;
    ledger.hold(head_hidden());
    ledger.use(softmax(first));
    ledger.use(first * row + product + sum);
    ledger.hold(sum);
    if (second > 0) {
      ledger.use(softmax(second));
      ledger.use(second * row + product + (product > 0 && !kind_.is_cuda ? sum : 0));  // the CPU adds a narrow product to a wide sum by way of a copy
    }
  }

  // The gradient takes the weight's type.
  void head_backward(Ledger& ledger) const {
    ledger.use(head_learns() && head_is_wide() ? head_bytes() : 0);
    ledger.release(head_sum());
    ledger.hold(head_waits() ? head_bytes() : gradients_(head_name()));
  }

  // Of the table: added to the head's where they are tied.
  void embedding_backward(Ledger& ledger) const {
    if (!embedding_learns_) return;
    ledger.hold(rows_);  // out of the order of rows
    const int64_t table = gradients_("llm.embed_tokens.");
    if (head_waits()) ledger.release(head_bytes());
    if (!d_.tied_head && table > 0) ledger.use(head_bytes());
    if (!d_.tied_head || head_waits()) ledger.hold(table);
    ledger.release(2 * rows_);
  }

  const DecoderOptions& d_;
  ComputeKind kind_;
  GradientBytes gradients_;
  CheckpointPolicy policy_;
  std::vector<LayerMemory> layers_;
  std::vector<Read> reads_;  // as many
  bool embedding_learns_ = false, output_learns_ = false;  // the rows of the first layer; those after the last
  int64_t rows_ = 0, onward_ = 0, tables_ = 0, targets_ = 0;  // bytes of all rows, of those that the head reads, and of rotations; how many the head reads
};

// What connectors keep: each matrix its input and its output, which is about what the operations between them do.
int64_t connectors_keep(const ModelOptions& model, const std::vector<NamedParameter>& parameters, const BatchShape& batch, int64_t width) {
  int64_t bytes = 0;
  for (std::size_t i = 0; i < model.streams.size(); ++i) {
    const auto& stream = model.streams[i];
    int64_t heard = 0;  // tokens of its encoder: at least as many as any stream makes of them
    for (std::size_t j = 0; j < model.streams.size(); ++j)
      if (model.streams[j].encoder == stream.encoder) heard = std::max(heard, batch.streams[j]);
    bool learns = false;
    for (const auto& [name, value] : parameters) {
      if (!name.starts_with(fmt::format("connectors.{}.", stream.name)) || !value.requires_grad() || value.dim() != 2 || !name.ends_with(".weight")) continue;
      learns = true;
      const bool reads_encoder = name.ends_with("cross_attn.k_proj.weight") || name.ends_with("cross_attn.v_proj.weight");
      const bool shares_input = reads_encoder && name.find(".layers.") != std::string::npos && name.find(".layers.0.") == std::string::npos;  // the first layer's
      bytes += batch.samples * (reads_encoder ? heard : batch.streams[i]) * (value.size(0) + (shares_input ? 0 : value.size(1))) * value.element_size();
    }
    if (!learns) bytes += batch.samples * batch.streams[i] * width * int64_t(c10::elementSize(parse_float_type(model.dtype)));
  }
  return bytes;
}

// Numbers in the trained parameters, by what the optimizer does with their gradients.
struct TrainedNumbers {
  int64_t half = 0, largest_half = 0, doubles = 0;
};

TrainedNumbers trained_numbers(const std::vector<NamedParameter>& parameters) {
  TrainedNumbers numbers;
  for (const auto& [name, value] : parameters) {
    if (!value.requires_grad()) continue;
    if (value.element_size() == 8) numbers.doubles += value.numel();
    if (value.element_size() != 2) continue;
    numbers.half += value.numel();
    numbers.largest_half = std::max(numbers.largest_half, value.numel());
  }
  return numbers;
}

// Copies that AdamW makes of gradients, a bucket at a time, or that norms of narrow ones are taken of on the CPU.
int64_t optimizer_buffers(const TrainedNumbers& trained, const StageOptions& stage, bool is_cuda, int64_t parts) {
  const auto bucket = adamw_options(stage).bucket_elements;
  if (trained.doubles > 0) return 8 * std::min(trained.doubles, bucket);
  if (parts > 1) return 0;  // their sums are float32 already
  const int64_t norms = is_cuda ? 0 : 4 * trained.largest_half;
  return std::max(norms, stage.master_weights ? 4 * std::min(trained.half, std::max(bucket, trained.largest_half)) : 0);
}

}  // namespace

StepMemory step_memory(const ModelOptions& model, const DecoderOptions& decoder, const std::vector<NamedParameter>& parameters, const StageOptions& stage, const BatchShape& batch,
                       c10::DeviceType device, const Sharding& sharding) {
  const auto held = stage_memory(parameters, stage, sharding);
  const bool several = sharding.processes > 1, sharded_gradients = several && sharding.shard == "gradients";
  const auto gradients = gradient_bytes_of(parameters, sharded_gradients ? double(held.gradient_bytes) / double(stage_memory(parameters, stage).gradient_bytes) : 1.0);
  const auto trained = trained_numbers(parameters);
  const auto parts = parts_of(batch_rule(stage), {0, sharding.processes});
  const int64_t connectors = connectors_keep(model, parameters, batch, decoder.width);

  Ledger ledger;
  if (parts > 1 && !sharded_gradients) ledger.hold(gradients("") + 2 * trained.half);     // sums of the parts before, as wide as float32 at least
  if (several && !sharded_gradients) ledger.hold(2 * ReducerOptions().bucket_bytes);  // on their way
  ledger.hold(connectors);
  const DecoderStep step(model, decoder, batch, device, gradients);
  StepMemory memory;
  memory.kept_bytes = connectors + step.forward(ledger);
  memory.forward_bytes = ledger.peak;
  memory.phase = "forward";
  step.backward(ledger);
  ledger.hold(gradients("connectors."));
  ledger.release(connectors);
  if (ledger.peak > memory.forward_bytes) memory.phase = "backward";
  const int64_t backward = ledger.peak;
  // By now gradients are sums over processes, of which each has its part.
  const int64_t own = several && sharding.shard != "none" ? sharding.processes : 1;
  ledger.use(optimizer_buffers({trained.half / own, trained.largest_half / own, trained.doubles / own}, stage, device == c10::kCUDA, parts));
  if (ledger.peak > backward) memory.phase = "optimizer";
  memory.beyond_bytes = ledger.peak;
  memory.peak_bytes = held.weight_bytes + held.optimizer_bytes + memory.beyond_bytes;
  return memory;
}

int64_t activation_bytes(const ModelOptions& model, const DecoderOptions& decoder, const BatchShape& batch, c10::DeviceType device) {
  Ledger ledger;
  return DecoderStep(model, decoder, batch, device, [](const std::string&) { return int64_t(1); }).forward(ledger);
}

}  // namespace pal

#include "pal/integration/pal_model.h"

#include <algorithm>

#include "pal/core/check.h"
#include "pal/core/random.h"
#include "pal/nn/side_stream.h"
#include "pal/nn/to_device.h"

namespace pal {

torch::ScalarType parse_float_type(const std::string& name) {
  if (name == "float32") return torch::kFloat32;
  if (name == "bfloat16") return torch::kBFloat16;
  if (name == "float16") return torch::kFloat16;
  if (name == "float64") return torch::kFloat64;
  user_error("type '{}' is not known; use float32, bfloat16, float16 or float64", name);
}

PalModel::PalModel(const ModelOptions& options, uint64_t seed, torch::Device device) : options_(options), checkpointing_(parse_checkpoint_policy(options.checkpoint_activations)) {
  const auto dtype = parse_float_type(options.dtype);
  if (device.is_meta())  // shapes only
    llm_ = Decoder(options.llm.random ? *options.llm.random : read_decoder_options(options.llm.path),
                   torch::TensorOptions(dtype).device(device));
  else
    llm_ = options.llm.random ? random_decoder(*options.llm.random, stream_seed(seed, "llm"), dtype, device)
                            : load_decoder(options.llm.path, dtype, device);
  backend_ = make_attention_backend(options.backend, dtype, device, llm_->options.head_dim);
  register_module("llm", llm_);

  auto encoders = register_module("encoders", std::make_shared<torch::nn::Module>());
  std::vector<std::string> names;
  for (const auto& [name, encoder_options] : options.encoders) {
    auto& encoder = encoders_[name] = make_encoder(encoder_options);
    if (!device.is_meta()) encoder->to(device);
    encoders->register_module(name, encoder);
    names.push_back(name);
  }

  auto connectors = register_module("connectors", std::make_shared<torch::nn::Module>());
  for (const auto& stream : options.streams) {
    const auto found = std::find(names.begin(), names.end(), stream.encoder);
    PAL_CHECK(found != names.end(), "stream '{}': encoder '{}' is not declared; declared are: {}", stream.name, stream.encoder,
              fmt::join(names, ", "));
    stream_encoder_.push_back(std::size_t(found - names.begin()));
    chosen_.emplace_back(stream.tokens, *encoders_.at(stream.encoder), fmt::format("stream '{}'", stream.name));
    connectors_.push_back(make_connector(stream.connector, encoders_.at(stream.encoder)->width(), llm_->options.width,
                                         stream_seed(seed, "connector." + stream.name),
                                         torch::TensorOptions(dtype).device(device)));
    connectors->register_module(stream.name, connectors_.back());
    auto& place = places_.emplace_back();
    place.integration = stream.integration;
    if (stream.integration == Integration::kLal)
      place.layers = stream.layers.flags(llm_->options.layers, fmt::format("stream '{}'", stream.name));
  }
  add_lora(*this, options.lora, stream_seed(seed, "lora"));
  if (device.is_cuda()) side_stream_ = std::make_shared<SideStream>(device);
}

std::vector<SampleShape> PalModel::sample_shapes(const PalBatch& batch) const {
  std::vector<SampleShape> samples;
  for (std::size_t s = 0; s < batch.text_tokens.size(); ++s) {
    auto& sample = samples.emplace_back();
    sample.text_tokens = batch.text_tokens[s];
    int64_t slots = sample.text_tokens;
    for (std::size_t c = 0; c < batch.clips[s].size(); ++c) {
      std::vector<int64_t> encoded;
      for (const auto& tokens : batch.clips[s][c]) encoded.push_back(tokens.size(0));
      const auto tokens = stream_tokens(encoded);
      for (std::size_t i = 0; i < places_.size(); ++i) {
        sample.audio.push_back({int64_t(i), batch.audio_at[s][c], tokens[i]});
        slots += tokens[i];
      }
    }
    PAL_CHECK(slots <= llm_->options.max_positions,
              "sample '{}': {} text and audio tokens, but the LLM has positions for {}; use shorter clips or fewer tokens",
              batch.ids[s], slots, llm_->options.max_positions);
  }
  return samples;
}

SequenceLayout PalModel::layout(const PalBatch& batch) const { return SequenceLayout(places_, sample_shapes(batch), device(), probe_.cut); }

std::vector<int64_t> PalModel::stream_tokens(const std::vector<int64_t>& encoded) const {
  std::vector<int64_t> tokens;
  for (std::size_t i = 0; i < places_.size(); ++i)
    tokens.push_back(connectors_[i]->output_length(chosen_[i].count(encoded[stream_encoder_[i]])));
  return tokens;
}

torch::Tensor PalModel::pack(const PalBatch& batch, std::size_t stream) const {
  std::vector<torch::Tensor> tokens;
  for (const auto& clips : batch.clips)
    for (const auto& clip : clips) tokens.push_back(chosen_[stream].choose(clip[stream_encoder_[stream]]));
  if (tokens.empty()) return torch::zeros({0, encoders_.at(options_.streams[stream].encoder)->width()}, torch::kFloat32);
  const bool some_are_there = std::ranges::any_of(tokens, [](const torch::Tensor& one) { return !one.is_cpu(); });
  if (some_are_there)
    for (auto& one : tokens) one = to_device(one, device());
  return torch::cat(tokens);
}

// What was encoded just now is there already, and a trained encoder's tokens stay in its autograd graph.
void PalModel::send(PalBatch& batch) const {
  if (!side_stream_) return;
  batch.sent.clear();
  for (std::size_t i = 0; i < places_.size(); ++i) {
    const auto packed = pack(batch, i);
    batch.sent.push_back(packed.is_cpu() ? side_stream_->send(packed) : packed);
  }
  hold_once(batch);
}

// What was encoded just now is a part of what was packed, for streams that read all of it.
void PalModel::hold_once(PalBatch& batch) const {
  for (std::size_t i = 0; i < places_.size(); ++i) {
    if (options_.streams[i].tokens != TokenKind::kAll) continue;
    int64_t at = 0;
    for (auto& clips : batch.clips)
      for (auto& clip : clips) {
        auto& tokens = clip[stream_encoder_[i]];
        const int64_t count = tokens.size(0);
        if (!tokens.is_cpu() && !tokens.requires_grad()) tokens = batch.sent[i].narrow(0, at, count);
        at += count;
      }
  }
}

std::vector<torch::Tensor> PalModel::connect(const PalBatch& batch) {
  std::vector<torch::Tensor> streams;
  for (std::size_t i = 0; i < places_.size(); ++i) {
    std::vector<int64_t> lengths;
    for (const auto& clips : batch.clips)
      for (const auto& clip : clips) lengths.push_back(chosen_[i].count(clip[stream_encoder_[i]].size(0)));
    const auto packed = batch.sent.empty() ? pack(batch, i) : batch.sent[i];
    streams.push_back(connectors_[i]->forward(to_device(packed, device()).to(llm_->dtype()), lengths));
    if (!probe_.order) continue;
    for (auto& length : lengths) length = connectors_[i]->output_length(length);
    streams.back() = in_order(streams.back(), batch, lengths);
  }
  return streams;
}

// tokens: [A, D] of a stream, of clips of these lengths.
torch::Tensor PalModel::in_order(const torch::Tensor& tokens, const PalBatch& batch, const std::vector<int64_t>& lengths) const {
  std::vector<int64_t> source;
  std::size_t next = 0;
  for (std::size_t s = 0; s < batch.clips.size(); ++s)
    for (std::size_t c = 0; c < batch.clips[s].size(); ++c) {
      const auto begin = int64_t(source.size());
      for (int64_t place : probe_.order(batch.ids[s], int64_t(c), lengths[next++])) source.push_back(begin + place);
    }
  return tokens.index_select(0, torch::tensor(source, torch::kInt64).to(tokens.device()));
}

torch::Tensor PalModel::run(torch::Tensor rows, const LayersInputs& layers, const std::vector<torch::Tensor>& streams, std::vector<KeyValues>* kept, const torch::Tensor& onward) {
  return run_layers(llm_, std::move(rows), streams, layers, backend_, kept == nullptr ? checkpointing_ : CheckpointPolicy::kNone, kept, onward);
}

torch::Tensor PalModel::hidden(const PalBatch& batch, const SequenceLayout& layout, std::vector<KeyValues>* kept, const torch::Tensor& onward) {
  const auto rows = make_row_inputs(layout, to_device(batch.tokens, device()), device());
  const auto streams = connect(batch);
  return run(assemble_rows(llm_, rows, streams), make_layers_inputs(layout, layers(), device()), streams, kept, onward);
}

torch::Tensor PalModel::loss_sum(const PalBatch& batch, const std::vector<torch::Tensor>& streams) {
  return loss_sum(make_step_inputs(layout(batch), batch.tokens, batch.target, layers(), device()), streams);
}

torch::Tensor PalModel::loss_sum(const StepInputs& inputs, const std::vector<torch::Tensor>& streams) {
  auto text = llm_->embed(inputs.rows.tokens);
  auto rows = assemble_rows(text.rows, inputs.rows, streams);
  text.rows.reset();
  return target_loss(run(std::move(rows), inputs.layers, streams, nullptr, inputs.targets.rows), text.head, inputs.targets);
}

}  // namespace pal

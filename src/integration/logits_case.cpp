#include "pal/integration/logits_case.h"

#include "pal/core/check.h"

namespace pal {

namespace {

struct LogitsCase {
  torch::Tensor tokens;
  std::vector<StreamPlace> places;
  SampleShape shape;
  std::vector<torch::Tensor> streams;  // [N_i, D], leaves that ask for a gradient
  int64_t loss_from = 0;
};

class CaseReader {
 public:
  CaseReader(const TensorMap& tensors, std::string where) : tensors_(tensors), where_(std::move(where)) {}

  torch::Tensor get(const std::string& name, int64_t dims) const {
    const auto found = tensors_.find(name);
    PAL_CHECK(found != tensors_.end(), "{}: tensor '{}' is missing", where_, name);
    PAL_CHECK(found->second.dim() == dims, "{}: tensor '{}' must have {} dimensions, but has {}", where_, name, dims,
              found->second.dim());
    return found->second;
  }
  std::vector<int64_t> ints(const std::string& name) const {
    const auto tensor = get(name, 1);
    PAL_CHECK(tensor.scalar_type() == torch::kInt64, "{}: tensor '{}' must be int64, but is {}", where_, name,
              c10::toString(tensor.scalar_type()));
    return {tensor.data_ptr<int64_t>(), tensor.data_ptr<int64_t>() + tensor.numel()};
  }

 private:
  const TensorMap& tensors_;
  std::string where_;
};

LogitsCase read_case(const TensorMap& tensors, Decoder& llm, const std::string& where) {
  const CaseReader reader(tensors, where);
  LogitsCase c;
  const auto tokens = reader.ints("tokens");
  for (int64_t token : tokens)
    PAL_CHECK(token >= 0 && token < llm->options.vocab_size, "{}: token {} is not in the vocabulary of {}", where, token,
              llm->options.vocab_size);
  c.tokens = torch::tensor(tokens, torch::kInt64).to(llm->device());
  c.shape.text_tokens = int64_t(tokens.size());
  const auto kinds = reader.ints("kinds"), at = reader.ints("at");
  PAL_CHECK(kinds.size() == at.size(), "{}: {} kinds, but {} places in 'at'", where, kinds.size(), at.size());
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    const std::string stream = fmt::format("stream.{}", i);
    PAL_CHECK(kinds[i] == 0 || kinds[i] == 1, "{}: kind of {} must be 0 (lal) or 1 (plits), got {}", where, stream, kinds[i]);
    auto& place = c.places.emplace_back();
    place.integration = kinds[i] == 1 ? Integration::kPlits : Integration::kLal;
    place.layers.assign(std::size_t(llm->options.layers), false);
    if (kinds[i] == 0) {
      for (int64_t layer : reader.ints(fmt::format("layers.{}", i))) {
        PAL_CHECK(layer >= 0 && layer < llm->options.layers, "{}: {} is read by layer {}, but there are {} layers", where, stream,
                  layer, llm->options.layers);
        place.layers[std::size_t(layer)] = true;
      }
    }
    const auto tokens_in = reader.get(stream, 2);
    PAL_CHECK(torch::isfinite(tokens_in).all().item<bool>(), "{}: {} holds NaN or infinity", where, stream);
    c.streams.push_back(tokens_in.to(llm->device(), llm->dtype()).clone().requires_grad_());
    c.shape.audio.push_back({int64_t(i), at[i], tokens_in.size(0)});
  }
  const auto loss_from = reader.ints("loss_from");
  PAL_CHECK(loss_from.size() == 1, "{}: 'loss_from' must hold one number", where);
  c.loss_from = loss_from[0];
  const int64_t last_place = at.empty() ? 0 : at.back();
  PAL_CHECK(c.loss_from > last_place && c.loss_from < c.shape.text_tokens,
            "{}: loss_from {} must lie after every stream (last at {}) and before the end ({} tokens)", where, c.loss_from,
            last_place, c.shape.text_tokens);
  return c;
}

}  // namespace

TensorMap run_logits_case(Decoder& llm, const TensorMap& tensors, std::shared_ptr<const AttentionBackend> backend,
                          const std::string& where) {
  auto c = read_case(tensors, llm, where);
  for (auto& parameter : llm->parameters()) parameter.set_requires_grad(false);
  const SequenceLayout layout(c.places, {c.shape}, llm->device());
  const auto rows = assemble_rows(llm, c.tokens, c.streams, layout);
  const auto hidden = run_layers(llm, rows, c.streams, layout, backend);
  const auto target = torch::arange(c.shape.text_tokens) >= c.loss_from;
  const auto loss = target_loss(llm, hidden, c.tokens, target, layout) / double(c.shape.text_tokens - c.loss_from);
  if (!c.streams.empty() && loss.requires_grad()) loss.backward();

  TensorMap result;
  result["row_ids"] = layout.row_ids;
  result["logits"] = llm->logits(hidden).detach();
  result["loss"] = loss.detach().reshape({1});
  for (std::size_t i = 0; i < c.streams.size(); ++i) {
    const auto& gradient = c.streams[i].grad();
    result[fmt::format("ids.stream.{}", i)] = layout.stream_ids[i];
    result[fmt::format("grad.stream.{}", i)] = gradient.defined() ? gradient : torch::zeros_like(c.streams[i]);
  }
  return result;
}

}  // namespace pal

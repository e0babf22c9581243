#include "pal/integration/attention_capture.h"

#include "pal/core/check.h"
#include "pal/nn/attention_weights.h"

namespace pal {

namespace {

// Attends as another backend does, and keeps the weights of some rows; the layers call it in their order.
class CapturingAttention : public AttentionBackend {
 public:
  CapturingAttention(const AttentionBackend& backend, torch::Tensor rows) : backend_(backend), rows_(std::move(rows)) {}

  std::string name() const override { return backend_.name(); }
  torch::Tensor attend(const torch::Tensor& queries, const torch::Tensor& keys, const torch::Tensor& values, const AttentionPlan& plan,
                       double scale) const override {
    weights.push_back(attention_weights(queries, keys, plan, scale, rows_).to(torch::kCPU));
    return backend_.attend(queries, keys, values, plan, scale);
  }

  mutable std::vector<torch::Tensor> weights;  // of each layer so far, [H, n, K]

 private:
  const AttentionBackend& backend_;
  torch::Tensor rows_;
};

}  // namespace

std::vector<StreamAttention> capture_attention(PalModel& model, const PalBatch& batch, const torch::Tensor& rows) {
  PAL_ASSERT(batch.text_tokens.size() == 1, "one sample at a time, got {}", batch.text_tokens.size());
  torch::NoGradGuard no_grad;
  const auto layout = model.layout(batch);
  const auto streams = model.connect(batch);
  const auto backend = std::make_shared<CapturingAttention>(model.backend(), rows);
  run_layers(model.llm(), assemble_rows(model.llm(), batch.tokens.to(model.device()), streams, layout), streams, layout, backend);

  std::vector<StreamAttention> captured;
  for (std::size_t l = 0; l < backend->weights.size(); ++l) {
    const auto& weights = backend->weights[l];
    const auto add = [&](int64_t stream, torch::Tensor of_stream) {
      if (of_stream.size(2) > 0) captured.push_back({int64_t(l), stream, std::move(of_stream)});
    };
    for (std::size_t i = 0; i < streams.size(); ++i)
      if (layout.stream_rows[i].defined()) add(int64_t(i), weights.index_select(2, layout.stream_rows[i]));
    int64_t begin = layout.rows();  // keys are the rows, then the tokens of the streams that the layer reads
    for (int64_t stream : layout.streams_read(int64_t(l))) {
      const int64_t size = layout.stream_ids[std::size_t(stream)].numel();
      add(stream, weights.slice(2, begin, begin + size));
      begin += size;
    }
  }
  return captured;
}

}  // namespace pal

#include "pal/integration/step_flops.h"

namespace pal {

namespace {

bool trained(const torch::Tensor& parameter) { return parameter.defined() && parameter.requires_grad(); }
bool trained(const Linear& linear) {
  return trained(linear->weight) || trained(linear->bias) || (linear->lora && (trained(linear->lora->A) || trained(linear->lora->B)));
}
bool any_trained(const torch::nn::Module& module) {
  for (const auto& parameter : module.parameters())
    if (parameter.requires_grad()) return true;
  return false;
}

// Adds up products; each says which of its gradients somebody needs.
struct Work {
  StepFlops flops;
  // n rows through `linear`.
  void product(int64_t n, const Linear& linear, bool input_needs) {
    add(n, linear->weight, input_needs, trained(linear->weight));
    if (!linear->lora) return;
    add(n, linear->lora->A, input_needs, trained(linear->lora->A));
    add(n, linear->lora->B, input_needs || trained(linear->lora->A), trained(linear->lora->B));
  }
  void add(int64_t n, const torch::Tensor& weight, bool input_needs, bool weight_needs) {
    flops.products += 2.0 * double(n) * double(weight.numel()) * (1 + int(input_needs) + int(weight_needs));
  }
  // Scores and weighted values. The backward has four products: gradients of values and weights, then of queries and keys.
  void attention(int64_t pairs, int64_t query_width, bool needs) {
    const double once = 2.0 * 2.0 * double(pairs) * double(query_width);
    flops.attention += needs ? 3 * once : once;
  }
};

// One layer over `rows` rows, of which `onward` go on after attention, that reads `audio` tokens; returns whether its output needs a gradient.
bool add_layer(Work& work, const DecoderLayerImpl& layer, int64_t rows, int64_t onward, int64_t audio, int64_t pairs, bool rows_need, bool audio_needs) {
  const auto& attn = *layer.self_attn;
  const bool norm1 = trained(layer.input_layernorm->weight), norm2 = trained(layer.post_attention_layernorm->weight);
  work.product(rows, attn.q_proj, rows_need || norm1);
  const bool is_folded = !attn.k_proj->lora && !attn.v_proj->lora && trained(attn.k_proj->weight) == trained(attn.v_proj->weight);
  for (const auto* projection : {&attn.k_proj, &attn.v_proj}) {
    work.product(rows, *projection, rows_need || norm1);
    if (is_folded)  // the norm's weight is a part of the projection's (scaled_joint_linear())
      work.add(audio, (*projection)->weight, audio_needs, norm1 || trained((*projection)->weight));
    else
      work.product(audio, *projection, audio_needs || norm1);
  }
  const bool mixed_needs = rows_need || norm1 || (audio > 0 && audio_needs) || trained(attn.q_proj) || trained(attn.k_proj) ||
                           trained(attn.v_proj) || (attn.q_norm && any_trained(*attn.q_norm)) || (attn.k_norm && any_trained(*attn.k_norm));
  work.attention(pairs, attn.q_proj->weight.size(0), mixed_needs);
  work.product(onward, attn.o_proj, mixed_needs);
  const bool middle_needs = rows_need || mixed_needs || trained(attn.o_proj);

  const auto& mlp = *layer.mlp;
  work.product(onward, mlp.gate_proj, middle_needs || norm2);
  work.product(onward, mlp.up_proj, middle_needs || norm2);
  const bool hidden_needs = middle_needs || norm2 || trained(mlp.gate_proj) || trained(mlp.up_proj);
  work.product(onward, mlp.down_proj, hidden_needs);
  return hidden_needs || trained(mlp.down_proj);
}

}  // namespace

int64_t visible_pairs(const AttentionPlan& plan) {
  int64_t pairs = 0;
  for (const auto& segment : plan.segments) {
    const int64_t n = segment.rows.size();
    pairs += n * segment.key_count() - (plan.causal ? n * (n - 1) / 2 : 0);
  }
  return pairs;
}

StepFlops decoder_flops(PalModel& model, const PalBatch& batch) {
  const auto layout = model.layout(batch);
  auto& llm = model.llm();
  const auto connectors = model.named_children()["connectors"];
  std::vector<bool> stream_needs;
  bool rows_need = trained(llm->embed_tokens->weight);
  for (std::size_t i = 0; i < layout.stream_ids.size(); ++i) {
    const bool needs = any_trained(*connectors->named_children()[model.options().streams[i].name]);
    stream_needs.push_back(needs);
    rows_need = rows_need || (needs && layout.stream_rows[i].defined() && layout.stream_ids[i].numel() > 0);
  }

  Work work;
  for (std::size_t l = 0; l < llm->layers.size(); ++l) {
    const auto read = layout.streams_read(int64_t(l));
    int64_t audio = 0;
    bool audio_needs = false;
    for (int64_t stream : read) {
      audio += layout.stream_ids[std::size_t(stream)].numel();
      audio_needs = audio_needs || stream_needs[std::size_t(stream)];
    }
    const int64_t onward = l + 1 == llm->layers.size() ? batch.target_tokens() : layout.rows();
    rows_need = add_layer(work, *llm->layers[l], layout.rows(), onward, audio, visible_pairs(*layout.plan(read)), rows_need, audio_needs);
  }
  const auto& head = llm->head_weight();
  const double logits = 2.0 * double(batch.target_tokens()) * double(head.numel());
  work.flops.products += logits * (1 + int(rows_need || trained(llm->norm->weight)) + int(trained(head)));
  return work.flops;
}

}  // namespace pal

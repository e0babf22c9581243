#include "pal/integration/cached_decoding.h"

#include <algorithm>
#include <span>
#include <utility>

#include "pal/core/check.h"
#include "pal/nn/to_device.h"
#include "step_graph.h"

namespace pal {

namespace {

constexpr int64_t kMostNewRows = 4096;  // answers scored in one pass, in tokens: bounds the memory whatever the number of answers

torch::Tensor indices(const std::vector<int64_t>& values, torch::Device device) {
  return to_device(torch::tensor(values, torch::kInt64), device);
}

// All layers over new rows. attend(i, normed, rope): layer i's attention over all that its rows see.
template <typename Attend>
torch::Tensor run_new_rows(PalModel& model, const torch::Tensor& tokens, const torch::Tensor& ids, const Attend& attend) {
  auto& llm = model.llm();
  Residual stream{llm->embed_tokens(tokens), {}};
  const auto rope = llm->rope(ids);
  for (std::size_t i = 0; i < llm->layers.size(); ++i)
    stream = llm->layers[i]->forward(std::move(stream), [&](const torch::Tensor& normed) { return attend(i, normed, rope); });
  return llm->norm->forward_sum(stream.rows, stream.update).normed;
}

int64_t size_of(const std::vector<Range>& ranges) {
  int64_t size = 0;
  for (const auto& range : ranges) size += range.size();
  return size;
}

// Per sample: where its rows are among its keys, which lie one after the other as `seen` has them; the first `rows` keys of all are rows.
std::vector<std::vector<Range>> row_places(const std::vector<std::vector<Range>>& seen, int64_t rows) {
  std::vector<std::vector<Range>> places;
  for (const auto& ranges : seen) {
    auto& own = places.emplace_back();
    int64_t at = 0;
    for (const auto& range : ranges) {
      const int64_t count = std::clamp<int64_t>(rows - range.begin, 0, range.size());  // rows and audio may meet in one range
      if (count > 0) own.push_back({at, at + count});
      at += range.size();
    }
  }
  return places;
}

// A prompt's keys or values in a cache: each sample's, in the order in which it sees them, from a multiple of `capacity` on.
torch::Tensor in_slots(const torch::Tensor& kept, const std::vector<std::vector<Range>>& seen, int64_t capacity) {
  auto slots = torch::zeros({int64_t(seen.size()) * capacity, kept.size(1), kept.size(2)}, kept.options());
  for (std::size_t s = 0; s < seen.size(); ++s) {
    int64_t at = int64_t(s) * capacity;
    for (const auto& range : seen[s]) {
      slots.slice(0, at, at + range.size()).copy_(kept.slice(0, range.begin, range.end));
      at += range.size();
    }
  }
  return slots;
}

// All candidates of all samples in one pass.
torch::Tensor score_together(PalModel& model, const RunPrompt& prompt, std::span<const std::vector<int64_t>> candidates) {
  auto& llm = model.llm();
  const int64_t samples = int64_t(prompt.next_id.size()), count = int64_t(candidates.size());
  // All candidates of all samples but their last tokens are new rows; a candidate's run sees its sample's prompt and itself.
  std::vector<int64_t> tokens, ids, wanted, from;  // `from`: >= 0 a new row, otherwise -1 - sample: the prompt's last row
  std::vector<Range> runs;
  for (int64_t s = 0; s < samples; ++s)
    for (const auto& candidate : candidates) {
      const int64_t begin = int64_t(tokens.size());
      for (std::size_t t = 0; t < candidate.size(); ++t) {
        from.push_back(t == 0 ? -1 - s : int64_t(tokens.size()) - 1);
        wanted.push_back(candidate[t]);
        if (t + 1 == candidate.size()) break;
        tokens.push_back(candidate[t]);
        ids.push_back(prompt.next_id[std::size_t(s)] + int64_t(t));
      }
      runs.push_back({begin, int64_t(tokens.size())});
    }

  auto hidden = prompt.last_hidden;
  if (!tokens.empty()) {
    std::map<std::pair<std::vector<int64_t>, int64_t>, std::shared_ptr<const AttentionPlan>> plans;
    const auto plan_for = [&](const std::vector<int64_t>& read, int64_t kept) {
      auto& plan = plans[{read, kept}];
      if (plan) return plan;
      const auto seen = prompt.layout.sample_keys(read);
      std::vector<AttentionSegment> segments;
      for (std::size_t r = 0; r < runs.size(); ++r) {
        if (runs[r].size() == 0) continue;
        auto keys = seen[r / candidates.size()];
        keys.push_back({kept + runs[r].begin, kept + runs[r].end});
        segments.push_back({runs[r], std::move(keys)});
      }
      auto made = std::make_shared<AttentionPlan>(std::move(segments), true, int64_t(tokens.size()),
                                                  kept + int64_t(tokens.size()), llm->device());
      return plan = made;
    };
    const auto attend = [&](std::size_t i, const torch::Tensor& normed, const RopeTable& rope) {
      auto& layer = *llm->layers[i];
      const auto& kept = prompt.kept[i];
      DeafHeads deaf{prompt.layout.deaf_groups(int64_t(i)), nullptr};
      if (!deaf.groups.empty()) deaf.plan = plan_for({}, kept.keys.size(0));
      const auto plan = plan_for(prompt.layout.streams_read(int64_t(i)), kept.keys.size(0));
      return attend_joint(layer, layer.self_attn->queries(normed, rope), concat(kept, layer.self_attn->keys_values(normed, rope)), *plan, deaf, model.backend());
    };
    hidden = torch::cat({hidden, run_new_rows(model, indices(tokens, llm->device()), indices(ids, llm->device()), attend)});
  }
  for (auto& row : from) row = row < 0 ? -1 - row : samples + row;
  std::vector<int64_t> owner;  // of each scored token: its candidate
  for (int64_t s = 0; s < samples; ++s)
    for (int64_t c = 0; c < count; ++c) owner.insert(owner.end(), candidates[std::size_t(c)].size(), s * count + c);

  const auto row_index = indices(from, llm->device()), targets = indices(wanted, llm->device()).unsqueeze(1);
  std::vector<torch::Tensor> scores;
  for (int64_t begin = 0; begin < row_index.numel(); begin += 256) {  // in chunks: the vocabulary is wide
    const auto logits = llm->logits(hidden.index_select(0, row_index.slice(0, begin, begin + 256)));
    scores.push_back(torch::log_softmax(logits, -1, torch::kFloat32).gather(1, targets.slice(0, begin, begin + 256)).squeeze(1));
  }
  return torch::zeros({samples * count}, torch::kFloat64)
      .index_add_(0, indices(owner, torch::kCPU), torch::cat(scores).to(torch::kCPU, torch::kFloat64))
      .view({samples, count});
}

}  // namespace

RunPrompt run_prompt(PalModel& model, const PalBatch& batch) {
  torch::NoGradGuard no_grad;
  RunPrompt prompt{model.layout(batch), {}, {}, {}};
  std::vector<int64_t> last_rows;
  for (std::size_t s = 0; s < batch.text_tokens.size(); ++s) {
    const auto rows = prompt.layout.sample_rows[s];
    PAL_CHECK(rows.size() > 0, "sample '{}': an empty prompt cannot be answered", batch.ids[s]);
    last_rows.push_back(rows.end - 1);
    int64_t last_id = prompt.layout.row_ids[rows.end - 1].item<int64_t>();
    for (std::size_t i = 0; i < prompt.layout.stream_ids.size(); ++i) {  // audio may come after the last row
      const auto own = prompt.layout.stream_ids[i].masked_select(prompt.layout.stream_samples[i] == int64_t(s));
      if (own.numel() > 0) last_id = std::max(last_id, own.max().item<int64_t>());
    }
    prompt.next_id.push_back(last_id + 1);
  }
  prompt.last_hidden = model.hidden(batch, prompt.layout, &prompt.kept, indices(last_rows, model.device()));
  return prompt;
}

torch::Tensor score_continuations(PalModel& model, const RunPrompt& prompt,
                                  const std::vector<std::vector<int64_t>>& candidates) {
  torch::NoGradGuard no_grad;
  const int64_t samples = int64_t(prompt.next_id.size());
  const int64_t longest_prompt = *std::max_element(prompt.next_id.begin(), prompt.next_id.end());
  std::vector<torch::Tensor> scores;
  const std::span all(candidates);
  for (std::size_t begin = 0; begin < all.size();) {
    std::size_t end = begin;
    for (int64_t rows = 0; end < all.size() && (end == begin || rows < kMostNewRows); ++end) {
      const int64_t length = int64_t(all[end].size());
      PAL_CHECK(length > 0, "an empty answer cannot be scored");
      PAL_CHECK(longest_prompt + length <= model.llm()->options.max_positions,
                "a prompt of {} tokens and an answer of {} do not fit the LLM's {} positions", longest_prompt, length,
                model.llm()->options.max_positions);
      rows += samples * length;
    }
    scores.push_back(score_together(model, prompt, all.subspan(begin, end - begin)));
    begin = end;
  }
  return torch::cat(scores, 1);
}

NextTokens next_tokens(PalModel& model, const torch::Tensor& hidden) {
  torch::NoGradGuard no_grad;
  const auto logits = model.llm()->logits(hidden);
  return {logits, logits.argmax(-1)};
}

CachedDecoder::CachedDecoder(PalModel& model, RunPrompt prompt, int64_t max_steps) : model_(model), max_steps_(max_steps) {
  torch::NoGradGuard no_grad;
  const auto& llm = model.llm();
  const int64_t longest = *std::max_element(prompt.next_id.begin(), prompt.next_id.end());
  PAL_CHECK(longest + max_steps <= llm->options.max_positions,
            "a prompt of {} tokens and an answer of {} do not fit the LLM's {} positions; lower max_new_tokens", longest,
            max_steps, llm->options.max_positions);
  const auto device = llm->device();
  ids_ = indices(prompt.next_id, device);
  tokens_ = torch::zeros_like(ids_);
  bool all_hear = true;
  for (std::size_t i = 0; i < prompt.kept.size(); ++i) {
    const auto seen = prompt.layout.sample_keys(prompt.layout.streams_read(int64_t(i)));
    auto& cache = layers_.emplace_back();
    cache.deaf = prompt.layout.deaf_groups(int64_t(i));
    if (!cache.deaf.empty()) cache.rows = row_places(seen, prompt.layout.rows());
    all_hear = all_hear && cache.deaf.empty();
    for (const auto& ranges : seen) cache.length.push_back(size_of(ranges));
    cache.capacity = *std::max_element(cache.length.begin(), cache.length.end()) + max_steps;
    auto kept = std::exchange(prompt.kept[i], {});  // freed with this layer: keys and values are held once, not twice
    cache.slots = {in_slots(kept.keys, seen, cache.capacity), in_slots(kept.values, seen, cache.capacity)};
    auto& reading = readings_[cache.length];
    if (reading.plan) continue;
    std::vector<int64_t> places, lengths;
    for (std::size_t s = 0; s < seen.size(); ++s) {
      places.push_back(int64_t(s) * cache.capacity + cache.length[s]);
      lengths.push_back(cache.length[s] + 1);
    }
    reading = {std::make_shared<AttentionPlan>(AttentionPlan::of_cache(lengths, cache.capacity, device)), indices(places, device)};
  }
  if (all_hear && model.backend().name() == "flash") graph_ = make_step_graph(device);  // other backends read lengths on the host
}

CachedDecoder::~CachedDecoder() = default;

NextTokens CachedDecoder::step(const torch::Tensor& tokens) {
  torch::NoGradGuard no_grad;
  PAL_ASSERT(steps_ < max_steps_, "the cache has room for {} steps", max_steps_);
  tokens_.copy_(tokens, /*non_blocking=*/true);
  if (graph_)
    graph_->run([this] { run(); });
  else
    run();
  ++steps_;
  return next_;
}

void CachedDecoder::run() {
  const auto attend = [&](std::size_t i, const torch::Tensor& normed, const RopeTable& rope) {
    auto& layer = *model_.llm()->layers[i];
    auto& cache = layers_[i];
    const auto& reading = readings_.at(cache.length);
    const auto queries = layer.self_attn->queries_into({cache.slots.keys, cache.slots.values, reading.places}, normed, rope);
    return attend_joint(layer, queries, cache.slots, *reading.plan, {cache.deaf, cache.deaf.empty() ? nullptr : plan_of_rows(cache)}, model_.backend());
  };
  next_ = next_tokens(model_, run_new_rows(model_, tokens_, ids_, attend));
  if (steps_ + 1 == max_steps_) return;
  ids_.add_(1);
  for (auto& [length, reading] : readings_) {
    reading.plan->grow();
    reading.places.add_(1);
  }
}

// Among a sample's slots only those of rows, and the new ones.
std::shared_ptr<const AttentionPlan> CachedDecoder::plan_of_rows(const LayerCache& cache) const {
  const auto samples = int64_t(cache.length.size());
  std::vector<AttentionSegment> segments;
  for (int64_t s = 0; s < samples; ++s) {
    const int64_t begin = s * cache.capacity, length = cache.length[std::size_t(s)];
    auto& keys = segments.emplace_back(AttentionSegment{{s, s + 1}, {}}).keys;
    for (const auto& range : cache.rows[std::size_t(s)]) keys.push_back({begin + range.begin, begin + range.end});
    keys.push_back({begin + length, begin + length + steps_ + 1});
  }
  return std::make_shared<AttentionPlan>(std::move(segments), /*causal=*/false, samples, samples * cache.capacity, model_.device());
}

}  // namespace pal

#include "pal/eval/generate.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "pal/core/check.h"
#include "pal/core/random.h"

namespace pal {

namespace {

void check(const GenerateOptions& o) {
  PAL_CHECK(o.max_new_tokens > 0, "generate: max_new_tokens must be above 0, got {}", o.max_new_tokens);
  PAL_CHECK(o.temperature >= 0, "generate: temperature must be at least 0, got {}", o.temperature);
  PAL_CHECK(o.top_k >= 0, "generate: top_k must be at least 0, got {}", o.top_k);
  PAL_CHECK(o.top_p > 0 && o.top_p <= 1, "generate: top_p must be above 0 and at most 1, got {}", o.top_p);
  PAL_CHECK(o.repetition_penalty > 0, "generate: repetition_penalty must be above 0, got {}", o.repetition_penalty);
}

// logits: [V] float32 on the CPU, changed in place. seen: tokens of prompt and answer so far.
void penalize(torch::Tensor& logits, const std::vector<int64_t>& seen, double penalty) {
  if (penalty == 1.0) return;
  std::vector<int64_t> unique(seen);
  std::sort(unique.begin(), unique.end());
  unique.erase(std::unique(unique.begin(), unique.end()), unique.end());
  auto values = logits.accessor<float, 1>();
  for (int64_t token : unique) {
    const float value = values[token];
    values[token] = float(value > 0 ? value / penalty : value * penalty);
  }
}

int64_t draw(const torch::Tensor& logits, const GenerateOptions& options, RandomStream& random) {
  auto [sorted, tokens] = (logits.to(torch::kFloat64) / options.temperature).sort(/*stable=*/true, -1, /*descending=*/true);
  auto probabilities = sorted.softmax(-1);
  int64_t kept = probabilities.numel();
  if (options.top_k > 0) kept = std::min(kept, options.top_k);
  probabilities = probabilities.slice(0, 0, kept);
  probabilities = probabilities / probabilities.sum();
  const auto cumulative = probabilities.cumsum(0);
  const double* reached = cumulative.data_ptr<double>();
  // The fewest tokens whose probabilities reach top_p: the first place where the sum is not below it.
  const int64_t nucleus = std::min<int64_t>(kept, std::lower_bound(reached, reached + kept, options.top_p) - reached + 1);
  const double point = random.uniform() * reached[nucleus - 1];
  const int64_t place = std::min<int64_t>(nucleus - 1, std::upper_bound(reached, reached + nucleus, point) - reached);
  return tokens[place].item<int64_t>();
}

// row: logits of one sample, [V] float32 on the CPU, changed.
int64_t choose(torch::Tensor row, const std::vector<int64_t>& seen, const GenerateOptions& options, RandomStream& random) {
  penalize(row, seen, options.repetition_penalty);
  return options.temperature == 0 ? row.argmax().item<int64_t>() : draw(row, options, random);
}

}  // namespace

std::vector<std::vector<int64_t>> generate(PalModel& model, const PalBatch& batch, const std::vector<int64_t>& stop_tokens,
                                           const GenerateOptions& options, int64_t first_index) {
  check(options);
  torch::NoGradGuard no_grad;
  const std::size_t samples = batch.text_tokens.size();
  auto prompt = run_prompt(model, batch);
  auto next = next_tokens(model, prompt.last_hidden);
  CachedDecoder decoder(model, std::move(prompt), options.max_new_tokens);

  std::vector<std::vector<int64_t>> answers(samples), seen(samples);
  std::vector<RandomStream> random;
  std::vector<bool> finished(samples, false);
  int64_t start = 0;
  for (std::size_t s = 0; s < samples; ++s) {
    const int64_t* tokens = batch.tokens.data_ptr<int64_t>();
    seen[s].assign(tokens + start, tokens + start + batch.text_tokens[s]);
    start += batch.text_tokens[s];
    random.emplace_back(stream_seed(uint64_t(options.seed), "generate", uint64_t(first_index) + s));
  }

  const bool on_device = options.temperature == 0 && options.repetition_penalty == 1;  // then only the tokens leave it
  for (int64_t step = 0; step < options.max_new_tokens; ++step) {
    const auto best = on_device ? next.best.to(torch::kCPU) : torch::Tensor();
    const auto logits = on_device ? torch::Tensor() : next.logits.to(torch::kCPU, torch::kFloat32);
    std::vector<int64_t> chosen(samples, stop_tokens.empty() ? 0 : stop_tokens[0]);
    for (std::size_t s = 0; s < samples; ++s) {
      if (finished[s]) continue;
      const int64_t token = on_device ? best[int64_t(s)].item<int64_t>() : choose(logits[int64_t(s)], seen[s], options, random[s]);
      chosen[s] = token;
      finished[s] = std::find(stop_tokens.begin(), stop_tokens.end(), token) != stop_tokens.end();
      if (finished[s]) continue;
      answers[s].push_back(token);
      seen[s].push_back(token);
    }
    if (std::all_of(finished.begin(), finished.end(), [](bool f) { return f; })) break;
    if (step + 1 < options.max_new_tokens) next = decoder.step(on_device ? next.best : torch::tensor(chosen, torch::kInt64));
  }
  return answers;
}

}  // namespace pal

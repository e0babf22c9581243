#include "step_part.h"

namespace pal {

using Clock = std::chrono::steady_clock;

int64_t StepPart::targets() const {
  int64_t sum = 0;
  for (const auto& batch : batches) sum += batch.target_tokens();
  return sum;
}

int64_t StepPart::tokens() const {
  int64_t sum = 0;
  for (const auto& batch : batches) sum += batch.tokens.numel();
  return sum;
}

StepPart take_part(StepLoader& loader, const LoadedStep& step, const Collator& collator) {
  const auto begin = Clock::now();
  StepPart part;
  for (const auto& draws : step.own) {
    const auto asked = Clock::now();
    std::vector<PreparedSample> members;
    for (std::size_t i = 0; i < draws.size(); ++i) members.push_back(loader.take());
    part.waiting += Clock::now() - asked;
    auto batch = collator.collate(members, [&](const Sample& sample, const UserError& problem) { part.unreadable.push_back({sample.id, problem.what()}); });
    part.ids.insert(part.ids.end(), batch.ids.begin(), batch.ids.end());
    if (!batch.ids.empty()) part.batches.push_back(std::move(batch));
  }
  part.loading = Clock::now() - begin;
  return part;
}

}  // namespace pal

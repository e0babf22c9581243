#include "step_loader.h"

#include <memory>
#include <utility>

#include "pal/core/check.h"

namespace pal {

namespace {

// A thread that prepares samples computes alone: the others do the same, and the model has the cores besides.
void compute_alone() { at::set_num_threads(1); }

}  // namespace

StepLoader::StepLoader(BatchPlan plan, Divide divide, int64_t steps, Prepare prepare, int threads, int64_t ahead)
    : plan_(std::move(plan)), divide_(std::move(divide)), unplanned_(steps), prepare_(std::move(prepare)), ahead_(ahead), threads_(threads, compute_alone) {
  at::set_num_threads(at::get_num_threads());  // the number is a thread's own, but the newest one is what new threads begin with
}

void StepLoader::fill() {
  while (int64_t(pending_.size()) < ahead_) {
    if (waiting_.empty()) {
      if (unplanned_ == 0) return;
      --unplanned_;
      auto planned = plan_.next();
      auto own = divide_(planned);
      steps_.push_back({std::move(planned), std::move(own)});
      for (const auto& part : steps_.back().own) waiting_.insert(waiting_.end(), part.begin(), part.end());
      continue;
    }
    auto task = std::make_shared<std::packaged_task<PreparedSample()>>([this, draw = waiting_.front()] { return prepare_(draw); });
    waiting_.pop_front();
    pending_.push_back(task->get_future());
    threads_.add([task] { (*task)(); });
  }
}

LoadedStep StepLoader::next() {
  fill();
  PAL_ASSERT(!steps_.empty(), "more steps were asked for than planned");
  auto step = std::move(steps_.front());
  steps_.pop_front();
  return step;
}

PreparedSample StepLoader::take() {
  fill();
  auto sample = std::move(pending_.front());
  pending_.pop_front();
  fill();
  return sample.get();
}

}  // namespace pal

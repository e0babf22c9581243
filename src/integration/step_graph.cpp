#include "step_graph.h"

#include "graph_pool.h"

namespace pal {

namespace {

class RecordedStep : public StepGraph {
 public:
  explicit RecordedStep(std::unique_ptr<GraphPool> pool) : pool_(std::move(pool)) {}

  void run(const std::function<void()>& step) override {
    if (runs_++ == 0) return step();
    if (!graph_) graph_ = pool_->record(step);
    graph_->replay();
  }

 private:
  std::unique_ptr<GraphPool> pool_;  // of this graph alone: what it gives may be held
  std::unique_ptr<RecordedWork> graph_;
  int64_t runs_ = 0;
};

}  // namespace

std::unique_ptr<StepGraph> make_step_graph(torch::Device device) {
  auto pool = make_graph_pool(device, /*makes_room=*/false);
  return pool ? std::make_unique<RecordedStep>(std::move(pool)) : nullptr;
}

}  // namespace pal

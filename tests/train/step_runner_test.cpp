#include "../../src/train/step_runner.h"

#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <gtest/gtest.h>

#include "pal/train/stage_policy.h"
#include "support/tiny_model.h"

namespace pal {
namespace {

StageOptions all_trained() {
  StageOptions stage;
  stage.name = "tune";
  stage.trainable = {"connectors.*", "llm.*"};
  return stage;
}

// A stage of one process.
struct StageRun {
  explicit StageRun(torch::Device device = torch::kCPU) {
    session.model = tiny_pal("float32", device);
    apply_stage_policy(session.parameters(), stage.trainable);
    runner.emplace(session, stage, group);
  }
  StepSums step(const std::vector<PalBatch>& batches, const std::function<void()>& meanwhile) {
    int64_t targets = 0;
    for (const auto& batch : batches) targets += batch.target_tokens();
    return runner->run(steps++, batches, targets, 1e-3, meanwhile);
  }
  int64_t counted() const { return runner->state().at("llm.norm.weight.step").item<int64_t>(); }
  torch::Tensor weight() const { return session.model->llm()->norm->weight; }

  Session session;
  StageOptions stage = all_trained();
  ProcessGroup group;
  std::optional<StepRunner> runner;
  int64_t steps = 0;
};

TEST(StepRunner, WhatTheHostDoesMeanwhileComesBetweenTheUpdateAndItsNumbers) {
  NEEDS_YAMNET();
  StageRun run;
  const auto before = run.weight().detach().clone();
  bool was_called = false;
  const auto sums = run.step({tiny_training_batch()}, [&] {
    was_called = true;
    EXPECT_FALSE(torch::equal(run.weight(), before));  // trained encoders hear with the weights of now
    EXPECT_FALSE(run.weight().grad().defined());       // whose memory the next samples may need
    EXPECT_EQ(run.counted(), 0);                       // what the step came to has not been looked at
  });
  EXPECT_TRUE(was_called);
  EXPECT_EQ(run.counted(), 1);
  EXPECT_GT(sums.loss, 0);
  EXPECT_GT(sums.norms.groups.at("connectors.detail"), 0);
}

TEST(StepRunner, AStepWithoutTargetsChangesNothing) {
  NEEDS_YAMNET();
  StageRun run;
  const auto before = run.weight().detach().clone();
  bool was_called = false;
  const auto sums = run.step({}, [&] { was_called = true; });
  EXPECT_TRUE(was_called);
  EXPECT_EQ(run.counted(), 0);
  EXPECT_TRUE(torch::equal(run.weight(), before));
  EXPECT_EQ(sums.loss, 0);
  EXPECT_TRUE(sums.norms.groups.empty());
}

TEST(StepRunner, OnCudaTheHostIsFreeWhileTheDeviceComputes) {
  NEEDS_YAMNET();
  if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device";
  StageRun run({torch::kCUDA, 0});
  const auto batch = tiny_training_batch();
  run.step({batch}, [] {});  // what is loaded at first use is loaded
  const auto a = torch::ones({8192, 8192}, torch::TensorOptions(run.session.model->device()));
  auto product = torch::mm(a, a);
  torch::cuda::synchronize();
  for (int i = 0; i < 50; ++i) torch::mm_out(product, a, a);  // some tenths of a second of work that lies before the step's
  c10::Event done(torch::kCUDA);
  done.record(c10::impl::VirtualGuardImpl(torch::kCUDA).getStream(run.session.model->device()));
  bool was_busy = false;
  run.step({batch}, [&] { was_busy = !done.query(); });
  EXPECT_TRUE(was_busy);
  EXPECT_TRUE(done.query());  // the step's numbers are those of a step that is done
}

}  // namespace
}  // namespace pal

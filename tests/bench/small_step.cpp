// A training step, small enough for valgrind, in a function that callgrind can be told to count: instructions_test.py runs this on the CPU, dry_cuda_test.py in
// bfloat16 on CUDA.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "../../src/bench/random_batch.h"
#include "pal/nn/cross_entropy.h"
#include "pal/train/optimizer.h"
#include "pal/train/stage_policy.h"
#include "support/tiny_model.h"

namespace {

struct Work {
  pal::PalModel& model;
  pal::AdamW& optimizer;
  const pal::PalBatch& batch;
};

}  // namespace

extern "C" __attribute__((noinline)) void pal_counted_step(const Work& work) {
  pal::backward_from_one(work.model.loss_sum(work.batch));
  work.optimizer.clip(1.0 / double(work.batch.target_tokens()), 1.0);
  work.optimizer.step();
  work.optimizer.zero_grad();
}

// small_step plits|lal|pal [times] [cpu|cuda]: the step so many times after two that settle (default 1, cpu).
int main(int argc, char** argv) {
  at::set_num_threads(1);
  pal::ModelOptions options;
  options.llm.random = pal::tiny_options();
  options.encoders["sound"] = {"yamnet", pal::kYamnet};
  options.streams = pal::integration_streams({pal::tiny_stream("detail", pal::Integration::kLal), pal::tiny_summary()}, argc > 1 ? argv[1] : "pal");
  const bool cuda = argc > 3 && std::string(argv[3]) == "cuda";
  if (cuda) options.dtype = "bfloat16";
  pal::PalModel model(options, 0, cuda ? torch::kCUDA : torch::kCPU);
  pal::apply_stage_policy(pal::named_parameters(model), {"connectors.*", "llm.*"});
  pal::AdamW optimizer(pal::named_parameters(model), {});
  const auto batch = pal::random_batch(model, {2, 20, 48});
  const Work work{model, optimizer, batch};
  for (int i = 0; i < 2; ++i) {
    pal::backward_from_one(model.loss_sum(batch));
    optimizer.clip(1.0, 1.0);
    optimizer.step();
    optimizer.zero_grad();
  }
  for (int i = 0; i < (argc > 2 ? std::atoi(argv[2]) : 1); ++i) pal_counted_step(work);
  std::puts("done");
}

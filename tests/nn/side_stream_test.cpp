#include "pal/nn/side_stream.h"

#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <gtest/gtest.h>

namespace pal {
namespace {

class SideStreamOnCuda : public testing::Test {
 protected:
  void SetUp() override {
    if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device";
    a_ = torch::ones({8192, 8192}, torch::TensorOptions(device_));
    product_ = torch::mm(a_, a_);
    torch::cuda::synchronize();
  }
  // Some tenths of a second of work for the current stream. The event is there when it is done.
  c10::Event keep_busy() {
    for (int i = 0; i < 20; ++i) torch::mm_out(product_, a_, a_);
    c10::Event done(torch::kCUDA);
    done.record(c10::impl::VirtualGuardImpl(torch::kCUDA).getStream(device_));
    return done;
  }

  torch::Device device_{torch::kCUDA, 0};
  torch::Tensor a_, product_;
};

TEST_F(SideStreamOnCuda, WhatIsSentIsWhatWasGiven) {
  const SideStream side(device_);
  for (const auto& sent : {torch::randn({1000, 768}), torch::arange(7, torch::kInt64), torch::zeros({0, 5})}) {
    const auto there = side.send(sent);
    EXPECT_TRUE(there.is_cuda());
    EXPECT_TRUE(torch::equal(there.cpu(), sent));
  }
}

// Neither the host nor the copies wait for the busy stream, which reads each of them later, when the host has long let go of it: memory that is used
// too early would hold a later one.
TEST_F(SideStreamOnCuda, ManyAreSentWhileTheDeviceIsBusyAndEachIsReadAsItWas) {
  const SideStream side(device_);
  const auto done = keep_busy();
  std::vector<torch::Tensor> sums;
  for (int i = 0; i < 50; ++i) sums.push_back(side.send(torch::full({1000, 768}, float(i))).sum());
  EXPECT_FALSE(done.query());
  for (int i = 0; i < 50; ++i) EXPECT_EQ(sums[std::size_t(i)].item<double>(), i * 768000.0);
}

}  // namespace
}  // namespace pal

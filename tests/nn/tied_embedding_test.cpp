#include "pal/nn/tied_embedding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pal/nn/cross_entropy.h"
#include "support/tensor_compare.h"

namespace pal {
namespace {

// A model of two layers: its rows and its head are the same weight. ids come more than once.
struct Tied {
  torch::Tensor weight, ids = torch::tensor({3, 0, 3, 5, 3}), targets = torch::tensor({1, 3, 0, 2, 5}), mixing;

  explicit Tied(torch::ScalarType type) {
    torch::manual_seed(0);
    weight = torch::randn({7, 6}, torch::kFloat64).to(type).requires_grad_();
    mixing = torch::randn({6, 6}, torch::kFloat64).to(type);
  }
  torch::Tensor loss() const {
    const auto [rows, head] = tied_embedding(weight, ids);
    return linear_cross_entropy(rows.mm(mixing).tanh(), head, targets, /*chunk=*/2);
  }
};

TEST(TiedEmbedding, GradientsOfRowsAndHeadAreAddedUp) {
  for (const auto type : {torch::kFloat64, torch::kFloat32, torch::kBFloat16}) {
    const Tied tied(type);
    const auto loss = tied.loss();
    loss.backward();
    const auto weight = tied.weight.detach().to(torch::kFloat64).requires_grad_();
    const auto expected = torch::nn::functional::cross_entropy(weight.index_select(0, tied.ids).mm(tied.mixing.to(torch::kFloat64)).tanh().mm(weight.t()), tied.targets,
                                                                torch::nn::functional::CrossEntropyFuncOptions().reduction(torch::kSum));
    expected.backward();
    const double bound = type == torch::kFloat64 ? 1e-12 : type == torch::kFloat32 ? 1e-5 : 2e-2;
    EXPECT_LT(relative_distance(loss, expected), bound) << type;
    EXPECT_LT(relative_distance(tied.weight.grad(), weight.grad()), bound) << type;
  }
}

TEST(TiedEmbedding, EitherOfBothMayBeReadAlone) {
  const Tied tied(torch::kFloat64);
  const auto rows = tied_embedding(tied.weight, tied.ids).rows;
  rows.sum().backward();
  EXPECT_TRUE(torch::equal(tied.weight.grad(), torch::zeros({7, 6}, torch::kFloat64).index_add(0, tied.ids, torch::ones({5, 6}, torch::kFloat64))));
  tied.weight.mutable_grad().reset();
  const auto head = tied_embedding(tied.weight, tied.ids).head;
  EXPECT_TRUE(head.is_alias_of(tied.weight));  // no copy
  (head * 2).sum().backward();
  EXPECT_TRUE(torch::equal(tied.weight.grad(), torch::full({7, 6}, 2.0, torch::kFloat64)));
}

// The head's gradient was added to, where it was kept.
TEST(TiedEmbedding, ABackwardThatIsRunAgainIsRefusedInsteadOfCountingTwice) {
  const Tied tied(torch::kFloat64);
  const auto loss = tied.loss();
  loss.backward({}, /*retain_graph=*/true);
  EXPECT_ANY_THROW(loss.backward());
}

}  // namespace
}  // namespace pal

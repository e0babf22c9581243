#include "pal/distributed/agree.h"

#include <gmock/gmock.h>
#include <torch/torch.h>

#include "pal/core/check.h"
#include "support/ranks.h"

namespace pal {
namespace {

using testing::HasSubstr;

template <typename Error>
std::string thrown(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing";
}

TEST(Together, WhatOneThrowsAllThrow) {
  run_ranks(3, [](ProcessGroup& group) {
    const auto fails_at = [&](int64_t rank, auto error) {
      return [&group, rank, error] { together(group, [&] { if (group.rank() >= rank) throw error; }); };
    };
    EXPECT_EQ(thrown<UserError>(fails_at(2, UserError("a file"))), "a file");
    EXPECT_EQ(thrown<UserError>(fails_at(3, UserError("a file"))), "nothing");
    EXPECT_EQ(thrown<std::runtime_error>(fails_at(1, std::runtime_error("no memory"))), "no memory");
    const auto first_fails = [&] { on_first(group, [&]() -> std::string { throw UserError("of the first"); }); };
    EXPECT_EQ(thrown<UserError>(first_fails), "of the first");
    EXPECT_EQ(thrown<UserErrorElsewhere>([&] { try { first_fails(); } catch (const UserErrorElsewhere&) { throw; } catch (const UserError&) {} }),
              group.is_first() ? "nothing" : "of the first");  // who tells it, and who does not
  });
}

TEST(OnFirst, OnlyTheFirstRunsItAndAllKnowItsText) {
  run_ranks(3, [](ProcessGroup& group) {
    bool ran = false;
    EXPECT_EQ(on_first(group, [&] { ran = true; return std::string("checkpoints/step-7"); }), "checkpoints/step-7");
    EXPECT_EQ(ran, group.is_first());
    EXPECT_EQ(on_first(group, [] { return std::string(); }), "");
  });
}

std::vector<NamedReplica> replicas_of(int64_t rank) {
  return {{"a", torch::full({3, 5}, double(rank))}, {"b", torch::full({7}, rank, torch::kBFloat16)}, {"c", torch::arange(4) + rank}, {"empty", torch::zeros({0})}};
}

TEST(Replicas, CopiedFromTheFirstAreEqual) {
  run_ranks(3, [](ProcessGroup& group) {
    const auto replicas = replicas_of(group.rank());
    EXPECT_THAT(thrown<std::runtime_error>([&] { check_equal(group, replicas); }), HasSubstr("3 of 4 tensors, the first of them a,"));
    copy_from_first(group, replicas);
    check_equal(group, replicas);
    EXPECT_TRUE(torch::equal(replicas[2].tensor, torch::arange(4)));
  });
}

TEST(Replicas, ABitOrAPlaceThatDiffersIsFound) {
  run_ranks(2, [](ProcessGroup& group) {
    for (const auto type : {torch::kFloat64, torch::kFloat32, torch::kBFloat16, torch::kByte}) {
      auto even = torch::arange(1, 12).to(type), odd = torch::arange(1, 11).to(type);
      for (const auto& tensor : {even, odd}) {
        check_equal(group, {{"same", tensor}});
        auto other = tensor.clone();
        if (group.rank() == 1) {
          other[3] = tensor[4];
          other[4] = tensor[3];
        }
        EXPECT_THAT(thrown<std::runtime_error>([&] { check_equal(group, {{"same", tensor}, {"swapped", other}}); }), HasSubstr("1 of 2 tensors, the first of them swapped"));
      }
    }
    auto value = torch::ones({3}, torch::kFloat64);
    if (group.rank() == 1) value[2] = std::nextafter(1.0, 2.0);
    EXPECT_THAT(thrown<std::runtime_error>([&] { check_equal(group, {{"bit", value}}); }), HasSubstr("bit"));
  });
}

TEST(GatherJson, GivesAllWhatEachHoldsInTheOrderOfRanks) {
  run_ranks(3, [](ProcessGroup& group) {
    const auto all = gather_json(group, {{"rank", group.rank()}});
    ASSERT_EQ(all.size(), 3u);
    for (int64_t rank = 0; rank < 3; ++rank) EXPECT_EQ(all[std::size_t(rank)].at("rank"), rank);
  });
}

}  // namespace
}  // namespace pal

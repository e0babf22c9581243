#include "pal/train/stage_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pal/core/check.h"

namespace pal {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::vector<NamedParameter> make_parameters() {
  std::vector<NamedParameter> parameters;
  const auto add = [&](const std::string& name, std::vector<std::int64_t> shape) {
    parameters.push_back({name, torch::zeros(shape)});
  };
  add("connectors.detail.fc1.weight", {2, 3});
  add("connectors.detail.fc1.bias", {2});
  add("connectors.summary.queries", {5});
  add("llm.embed_tokens.weight", {10, 4});
  for (const char* layer : {"0", "1"}) {
    add(std::string("llm.layers.") + layer + ".self_attn.q_proj.weight", {4, 4});
    add(std::string("llm.layers.") + layer + ".mlp.up_proj.weight", {8, 4});
    add(std::string("llm.layers.") + layer + ".input_layernorm.weight", {4});
  }
  add("llm.norm.weight", {4});
  return parameters;
}

std::vector<std::string> trained_by(const std::vector<std::string>& patterns) {
  const auto parameters = make_parameters();
  apply_stage_policy(parameters, patterns);
  std::vector<std::string> names;
  for (const auto& [name, value] : parameters)
    if (value.requires_grad()) names.push_back(name);
  return names;
}

std::string message_of(const std::vector<std::string>& patterns) {
  try {
    apply_stage_policy(make_parameters(), patterns);
  } catch (const UserError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(StagePolicy, StageOneTrainsTheConnectorsOnly) {
  EXPECT_EQ(trained_by({"connectors.*"}),
            (std::vector<std::string>{"connectors.detail.fc1.weight", "connectors.detail.fc1.bias",
                                      "connectors.summary.queries"}));
}

TEST(StagePolicy, AFrozenFfnLeavesNormsEmbeddingsAndFfnFrozen) {
  EXPECT_EQ(trained_by({"connectors.summary.*", "llm.layers.*.self_attn.*"}),
            (std::vector<std::string>{"connectors.summary.queries", "llm.layers.0.self_attn.q_proj.weight",
                                      "llm.layers.1.self_attn.q_proj.weight"}));
}

TEST(StagePolicy, AnExclusionWinsWhereverItStands) {
  const std::vector<std::string> expected{"llm.embed_tokens.weight", "llm.norm.weight"};
  EXPECT_EQ(trained_by({"llm.*", "!llm.layers.*"}), expected);
  EXPECT_EQ(trained_by({"!llm.layers.*", "llm.*"}), expected);
}

TEST(StagePolicy, CountsAreByGroupInTheOrderOfTheParameters) {
  const auto counts = apply_stage_policy(make_parameters(), {"connectors.*", "llm.layers.*.self_attn.*"});
  ASSERT_EQ(counts.size(), 5u);
  EXPECT_EQ(counts[0].group, "connectors.detail");
  EXPECT_EQ(counts[0].trainable_tensors, 2);
  EXPECT_EQ(counts[0].trainable_parameters, 8);
  EXPECT_EQ(counts[0].frozen_tensors, 0);
  EXPECT_EQ(counts[3].group, "llm.layers");
  EXPECT_EQ(counts[3].trainable_tensors, 2);
  EXPECT_EQ(counts[3].trainable_parameters, 32);
  EXPECT_EQ(counts[3].frozen_tensors, 4);
  EXPECT_EQ(counts[3].frozen_parameters, 72);
  EXPECT_EQ(format_group_counts({counts[0], counts[3]}),
            "group                     trainable in tensors            frozen in tensors\n"
            "connectors.detail                 8          2                 0          0\n"
            "llm.layers                       32          2                72          4\n"
            "all                              40          4                72          4\n");
}

TEST(StagePolicy, TheNextStageFreezesAgainAndTakesTheGradientsAway) {
  const auto parameters = make_parameters();
  apply_stage_policy(parameters, {"llm.norm.*", "connectors.*"});
  for (const auto& [name, value] : parameters)
    if (value.requires_grad()) value.mutable_grad() = torch::ones_like(value);
  apply_stage_policy(parameters, {"connectors.*"});
  EXPECT_FALSE(parameters.back().value.requires_grad());
  EXPECT_FALSE(parameters.back().value.grad().defined());
  EXPECT_TRUE(parameters.front().value.grad().defined());
}

TEST(StagePolicy, APatternThatMatchesNothingIsAnErrorWithNearNames) {
  EXPECT_THAT(message_of({"conectors.*"}), AllOf(HasSubstr("'conectors.*' matches no parameter"),
                                                 HasSubstr("near it are 'connectors.*'")));
  EXPECT_THAT(message_of({"llm.*", "llm.layers.*.self_atn.*"}),
              HasSubstr("near it are 'llm.layers.*.self_attn.*'"));
  EXPECT_THAT(message_of({"llm.*", "!llm.nrm.weight"}), HasSubstr("near it are 'llm.norm.weight'"));
  EXPECT_THAT(message_of({"llm"}), HasSubstr("near it are 'llm.*'"));
}

TEST(StagePolicy, AStageThatTrainsNothingIsAnError) {
  for (const auto& patterns : {std::vector<std::string>{}, {"!llm.*"}, {"llm.*", "!*"}})
    EXPECT_THAT(message_of(patterns), HasSubstr("leaves nothing to train"));
}

TEST(StagePolicy, AnErrorChangesNothing) {
  const auto parameters = make_parameters();
  apply_stage_policy(parameters, {"connectors.*"});
  EXPECT_THROW(apply_stage_policy(parameters, {"llm.*", "typo.*"}), UserError);
  EXPECT_TRUE(parameters.front().value.requires_grad());
  EXPECT_FALSE(parameters.back().value.requires_grad());
}

TEST(StagePolicy, AGroupIsTheFirstTwoPartsOfAName) {
  EXPECT_EQ(parameter_group("llm.layers.0.mlp.weight"), "llm.layers");
  EXPECT_EQ(parameter_group("llm.norm"), "llm.norm");
  EXPECT_EQ(parameter_group("gate"), "gate");
}

}  // namespace
}  // namespace pal

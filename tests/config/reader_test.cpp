#include "pal/config/reader.h"

#include <gtest/gtest.h>

#include "example_config.h"

namespace pal {
namespace {

using example::read_run;
using example::RunConfig;

TEST(ConfigReader, ReadsEveryKindOfValue) {
  const RunConfig run = read_run(example::kWhole);
  EXPECT_EQ(run.seed, 7);
  EXPECT_EQ(run.data.train, "clips/train set.jsonl");
  EXPECT_EQ(run.data.weights, (std::map<std::string, double>{{"esc50", 0.5}, {"fsd", 2}}));
  EXPECT_EQ(run.optimizer, (example::Optimizer{3e-4, 0.1F, "linear", {0.9, 0.95}, 1.5, false}));
  EXPECT_EQ(run.stages, (std::vector<example::Stage>{{"align", 10, {"connectors.*"}},
                                                     {"tune", 20, {"connectors.*", "llm.*"}}}));
  const example::Stream& detail = run.streams.at("detail");
  EXPECT_EQ(detail.integration, example::Integration::kLal);
  EXPECT_EQ(detail.connector, (example::Connector{"qformer", 32, 6, ""}));
  EXPECT_EQ(detail.layers, (example::LayerChoice{false, 4, {}}));
  EXPECT_EQ(run.streams.at("words").layers, (example::LayerChoice{false, {}, {1, 3}}));
  EXPECT_EQ(run.streams.at("words").connector.vocabulary, "words.txt");
  EXPECT_EQ(run.streams.at("again").connector, detail.connector);
}

TEST(ConfigReader, WhatIsNotGivenKeepsItsDefault) {
  RunConfig expected;
  expected.data.train = "a";
  EXPECT_EQ(read_run("data: {train: a}"), expected);
}

TEST(ConfigReader, ListsAndMapsReplaceTheirDefaults) {
  EXPECT_EQ(read_run("data: {train: a}\noptimizer: {betas: [0.5]}").optimizer.betas,
            std::vector<double>{0.5});
  EXPECT_TRUE(read_run("data: {train: a}\noptimizer: {betas: []}").optimizer.betas.empty());
}

TEST(ConfigReader, NullIsAnOptionalWithoutAValue) {
  ConfigReader reader(parse_yaml("data: {train: a}\noptimizer: {clip: null}", "pal.yaml"));
  RunConfig run;
  run.optimizer.clip = 2;
  reader.read(run);
  reader.finish();
  EXPECT_EQ(run.optimizer.clip, std::nullopt);
}

TEST(ConfigReader, PlainWordsAreTextWhateverTheyLookLike) {
  EXPECT_EQ(read_run("data: {train: a}\nstages: [{name: 10, trainable: [true, 1e5]}]").stages[0],
            (example::Stage{"10", 100, {"true", "1e5"}}));
}

TEST(ConfigReader, NumbersMayHaveAnExponent) {
  EXPECT_EQ(read_run("data: {train: a}\noptimizer: {learning_rate: 1e-3}").optimizer.learning_rate, 1e-3);
  EXPECT_EQ(read_run("data: {train: a}\noptimizer: {learning_rate: 1.5E+2}").optimizer.learning_rate, 150);
}

}  // namespace
}  // namespace pal

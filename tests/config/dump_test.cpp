#include "pal/config/dump.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "example_config.h"

namespace pal {
namespace {

using example::read_run;
using example::RunConfig;

TEST(Dump, ReadsBackAsTheSameStruct) {
  const RunConfig run = read_run(example::kWhole);
  EXPECT_EQ(run.data.train, "clips/train set.jsonl");
  EXPECT_EQ(run.streams.at("detail").layers.from, 4);
  EXPECT_EQ(run.streams.at("again").connector.queries, 6);
  EXPECT_EQ(read_run(to_yaml(run)), run);
  EXPECT_EQ(to_yaml(read_run(to_yaml(run))), to_yaml(run));
}

TEST(Dump, HoldsEveryOptionInTheOrderOfTheTable) {
  EXPECT_EQ(to_yaml(read_run(
                "data: {train: a.jsonl}\nstages: [{name: x}]\nstreams: {s: {connector: {type: mlp}}}\n")),
            R"(seed: 1
data:
  train: a.jsonl
  weights: {}
optimizer:
  learning_rate: 0.001
  dropout: 0
  schedule: cosine
  betas: [0.9, 0.999]
  clip: ~
  fused: true
stages:
  - name: x
    steps: 100
    trainable: []
streams:
  s:
    name: ""
    integration: plits
    connector:
      type: mlp
      hidden: 64
    layers: all
)");
}

TEST(Dump, QuotesWhatOtherReadersWouldNotTakeForText) {
  for (const std::string text :
       {"10", "1e5", "true", "No", "on", "y", "null", "~", ".inf", "2026-01-01", ""}) {
    EXPECT_EQ(flow_text(Node::string(text)), "\"" + text + "\"");
  }
  EXPECT_EQ(flow_text(Node::string("clips/train-1.jsonl")), "clips/train-1.jsonl");
}

TEST(Dump, AwkwardTextReadsBack) {
  for (const std::string text :
       {"",     " ",    "null",     "~",           "true",   "Yes",       "10",
        "1e5",  "a: b", "# c",      "*x",          "a\nb\n", "tab\there", "'",
        "\"",   "\\",   "{",        "[",           "- a",    "\xc3\xa4",  "\xf0\x9f\x8e\xb5",
        "<<",   "!x",   "%",        "a b ",        ".inf",   "-",         "2026-01-01",
        "\x01", "\x7f", "\xc2\x85", "\xe2\x80\xa8"}) {
    RunConfig run;
    run.data.train = text;
    run.data.weights[text + "x"] = 1;
    run.stages = {{"n", 1, {text, text}}};
    EXPECT_EQ(read_run(to_yaml(run)), run) << to_yaml(run);
  }
}

TEST(Dump, NumbersReadBackExactly) {
  RunConfig run;
  run.data.train = "a";
  for (const double number :
       {0.1, 1.0 / 3, 1e-300, 5e-324, 1e22, std::numeric_limits<double>::max(), 123456789.125}) {
    run.optimizer.learning_rate = number;
    EXPECT_EQ(read_run(to_yaml(run)).optimizer.learning_rate, number) << to_yaml(run);
  }
  for (const float number : {0.1F, 1.0F / 3, 1e-38F}) {
    run.optimizer.dropout = number;
    EXPECT_EQ(read_run(to_yaml(run)).optimizer.dropout, number) << to_yaml(run);
  }
  run.seed = std::numeric_limits<std::int32_t>::min();
  EXPECT_EQ(read_run(to_yaml(run)).seed, run.seed);
}

TEST(Dump, RefusesWhatCannotBeReadBack) {
  RunConfig run;
  run.optimizer.learning_rate = std::nan("");
  EXPECT_THROW(to_yaml(run), std::logic_error);
}

MATCHER_P3(Differs, path, before, after, "") {
  return arg.path == path && arg.before == before && arg.after == after;
}

TEST(Diff, NamesThePathsThatDiffer) {
  const RunConfig before = read_run(example::kWhole);
  RunConfig after = before;
  EXPECT_THAT(diff(to_yaml(before), to_yaml(after)), testing::IsEmpty());
  after.optimizer.clip.reset();
  after.optimizer.betas = {0.9};
  after.stages[1].steps = 21;
  after.stages.push_back({"more", 1, {}});
  after.streams.erase("words");
  after.data.weights["new"] = 3;
  EXPECT_THAT(
      diff(to_yaml(before), to_yaml(after)),
      testing::ElementsAre(Differs("data.weights.new", "(absent)", "3"),
                           Differs("optimizer.betas", "[0.9, 0.95]", "[0.9]"),
                           Differs("optimizer.clip", "1.5", "~"), Differs("stages.1.steps", "20", "21"),
                           Differs("stages.2", "(absent)", "{name: more, steps: 1, trainable: []}"),
                           Differs("streams.words",
                                   "{name: \"\", integration: plits, connector: {type: lookup, vocabulary: "
                                   "words.txt}, layers: [1, 3]}",
                                   "(absent)")));
}

}  // namespace
}  // namespace pal

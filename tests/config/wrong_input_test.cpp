// Wrong configs, each with its whole message.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "error_message.h"
#include "example_config.h"

namespace pal {
namespace {

struct WrongConfig {
  std::string yaml;     // after the line "data: {train: a}"
  std::string message;  // without the leading "pal.yaml:"
};

const std::string kFirstLine = "data: {train: a}\n";

const std::vector<WrongConfig> kWrongConfigs = {
    // Keys
    {"optimiser: {}", "2: unknown key 'optimiser'; did you mean 'optimizer'?"},
    {"optimizer:\n  learning_rte: 1",
     "3: unknown key 'optimizer.learning_rte'; did you mean 'learning_rate'?"},
    {"optimizer:\n  momentum: 1",
     "3: unknown key 'optimizer.momentum'; valid keys: learning_rate, dropout, schedule, betas, clip, fused"},
    {"stages:\n  - name: a\n    stpes: 5", "4: unknown key 'stages.0.stpes'; did you mean 'steps'?"},
    {"seed: 1\nseed: 2", "3: key 'seed' was given before at pal.yaml:2; keep one"},
    {"stages: [{name: a, name: b}]", "2: key 'name' was given before at pal.yaml:2; keep one"},
    {"<<: {seed: 1}", "2: merge keys (<<) are not supported; use 'base:' or repeat the keys"},
    {"{a: 1}: 2", "2: expected a key, got a map; a key is a plain word"},
    {"? [a]\n: 2", "2: expected a key, got a list; a key is a plain word"},
    {"~: 2", "2: expected a key, got nothing; a key is a plain word"},
    {"\"\": 2", "2: expected a key, got empty text"},
    {"&a seed: 2", "2: an anchor on the key 'seed'; anchors belong on values"},
    {"base: other.yaml", "2: unknown key 'base'; valid keys: seed, data, optimizer, stages, streams"},
    // Integers
    {"seed: ten", "2: 'seed': expected an integer, got 'ten'"},
    {"seed: 1.5", "2: 'seed': expected an integer, got '1.5'"},
    {"seed: 1e3", "2: 'seed': expected an integer, got '1e3'"},
    {"seed: \"10\"", "2: 'seed': expected an integer, got the quoted text \"10\"; write it without quotes"},
    {"seed: 1_000", "2: 'seed': expected an integer, got '1_000'; write it without separators"},
    {"seed: +5", "2: 'seed': expected an integer, got '+5'; write it without '+'"},
    {"seed: 007", "2: 'seed': expected an integer, got '007'; write it without leading zeros"},
    {"seed: 0x10", "2: 'seed': expected an integer, got '0x10'"},
    {"seed: 3000000000", "2: 'seed': expected an integer from -2147483648 to 2147483647, got '3000000000'"},
    {"stages: [{name: a, steps: 99999999999999999999}]",
     "2: 'stages.0.steps': expected an integer from -9223372036854775808 to 9223372036854775807, got "
     "'99999999999999999999'"},
    {"seed: [1]", "2: 'seed': expected an integer, got a list"},
    {"seed:\n  a: 1", "2: 'seed': expected an integer, got a map"},
    {"seed:", "2: 'seed': expected an integer, got nothing; give a value, or leave the key out"},
    {"seed: null", "2: 'seed': expected an integer, got nothing; give a value, or leave the key out"},
    {"seed: true", "2: 'seed': expected an integer, got 'true'"},
    // Numbers
    {"optimizer: {learning_rate: fast}", "2: 'optimizer.learning_rate': expected a number, got 'fast'"},
    {"optimizer: {learning_rate: -1}", "2: 'optimizer.learning_rate': expected a number above 0, got -1"},
    {"optimizer: {learning_rate: 0}", "2: 'optimizer.learning_rate': expected a number above 0, got 0"},
    {"optimizer: {learning_rate: nan}",
     "2: 'optimizer.learning_rate': expected a finite number of at most 1.8e+308, got 'nan'"},
    {"optimizer: {learning_rate: inf}",
     "2: 'optimizer.learning_rate': expected a finite number of at most 1.8e+308, got 'inf'"},
    {"optimizer: {learning_rate: .inf}", "2: 'optimizer.learning_rate': expected a number, got '.inf'"},
    {"optimizer: {learning_rate: 1e999}",
     "2: 'optimizer.learning_rate': expected a finite number of at most 1.8e+308, got '1e999'"},
    {"optimizer: {dropout: 1e39}",
     "2: 'optimizer.dropout': expected a finite number of at most 3.4e+38, got '1e39'"},
    {"optimizer: {dropout: 1}", "2: 'optimizer.dropout': expected a number at least 0 and below 1, got 1"},
    {"optimizer: {betas: [0.9, 1.5]}",
     "2: 'optimizer.betas.1': expected a number at least 0 and below 1, got 1.5"},
    {"optimizer: {clip: 0}", "2: 'optimizer.clip': expected a number above 0, got 0"},
    {"stages: [{name: a, steps: 0}]",
     "2: 'stages.0.steps': expected a number at least 1 and at most 1000000, got 0"},
    {"stages: [{name: a, steps: 2000000}]",
     "2: 'stages.0.steps': expected a number at least 1 and at most 1000000, got 2000000"},
    // Booleans and choices
    {"optimizer: {fused: yes}", "2: 'optimizer.fused': expected true or false, got 'yes'; write true"},
    {"optimizer: {fused: Off}", "2: 'optimizer.fused': expected true or false, got 'Off'; write false"},
    {"optimizer: {fused: True}", "2: 'optimizer.fused': expected true or false, got 'True'; write true"},
    {"optimizer: {fused: 0}", "2: 'optimizer.fused': expected true or false, got '0'; write false"},
    {"optimizer: {fused: maybe}", "2: 'optimizer.fused': expected true or false, got 'maybe'"},
    {"optimizer: {schedule: cosin}",
     "2: 'optimizer.schedule': expected one of cosine, linear, constant; got 'cosin'; did you mean "
     "'cosine'?"},
    {"optimizer: {schedule: step}",
     "2: 'optimizer.schedule': expected one of cosine, linear, constant; got 'step'"},
    {"streams: {a: {connector: {type: mlp}, integration: lall}}",
     "2: 'streams.a.integration': expected one of plits, lal; got 'lall'; did you mean 'lal'?"},
    // Lists, maps, text
    {"optimizer: {betas: 0.9}",
     "2: 'optimizer.betas': expected a list, each element a number, got '0.9'; write [0.9]"},
    {"optimizer: {betas: [0.9, x]}", "2: 'optimizer.betas.1': expected a number, got 'x'"},
    {"optimizer: [1]", "2: 'optimizer': expected a map, got a list"},
    {"optimizer: fast", "2: 'optimizer': expected a map, got 'fast'"},
    {"stages: {name: a}", "2: 'stages': expected a list, each element a map, got a map"},
    {"streams: [a]", "2: 'streams': expected a map of names, each value a map, got a list"},
    {"stages:\n  - name: [a]", "3: 'stages.0.name': expected text, got a list"},
    {"stages:\n  - name: ''", "3: 'stages.0.name': is empty; expected name of the stage"},
    {"stages:\n  - steps: 5", "3: 'stages.0.name' is missing; it is required (name of the stage)"},
    {"stages:\n  -", "3: 'stages.0': expected a map, got nothing; give a value, or leave the key out"},
    // Variants and values of their own form
    {"streams:\n  a: {}",
     "3: 'streams.a.connector' is missing; it is required (from the encoder to the decoder)"},
    {"streams:\n  a:\n    connector: {}",
     "4: 'streams.a.connector.type' is missing; it is required (kind of connector)"},
    {"streams:\n  a:\n    connector:\n      queries: 4\n      type: mlp",
     "5: 'streams.a.connector.queries' belongs to 'type: qformer', but here 'type' is 'mlp'"},
    {"streams: {a: {connector: {type: lookup, vocabulary: w, hidden: 2}}}",
     "2: 'streams.a.connector.hidden' belongs to 'type: mlp or qformer', but here 'type' is 'lookup'"},
    {"streams: {a: {connector: {type: lookup}}}",
     "2: 'streams.a.connector.vocabulary' is missing; it is required (file of words)"},
    {"streams: {a: {connector: {type: mpl, queries: 3}}}",
     "2: 'streams.a.connector.type': expected one of mlp, qformer, lookup; got 'mpl'; did you mean 'mlp'?"},
    {"streams: {a: {connector: {type: mlp, hiden: 3}}}",
     "2: unknown key 'streams.a.connector.hiden'; did you mean 'hidden'?"},
    {"streams: {a: {connector: {type: mlp, queris: 3}}}",  // 'queries' would be wrong here
     "2: unknown key 'streams.a.connector.queris'; valid keys: type, hidden"},
    {"streams: {a: {connector: {type: mlp}, layers: some}}",
     "2: 'streams.a.layers': expected all, {from: N} or a list of layers, got 'some'"},
    {"streams: {a: {connector: {type: mlp}, layers: {from: x}}}",
     "2: 'streams.a.layers.from': expected an integer, got 'x'"},
    // YAML itself
    {"seed: [1", "2: end of sequence flow not found; is a ']' missing?"},
    {"seed: {a: 1", "2: end of map flow not found; is a '}' missing? Text that holds ': ' needs quotes"},
    {"seed: \"abc", "2: illegal EOF in scalar; is a quote not closed?"},
    {"optimizer:\n\tfused: true",
     "3: illegal map value; a tab in the indentation: YAML takes only spaces there"},
    {"optimizer:\n  fused: true\n   clip: 1",
     "4: illegal map value; is the indentation right? Text that holds ': ' needs quotes"},
    {"stages: [{name: a: b}]",
     "2: end of map flow not found; is a '}' missing? Text that holds ': ' needs quotes"},
    {"data: x: y", "2: illegal map value; is the indentation right? Text that holds ': ' needs quotes"},
    {"{", "2: end of map flow not found; is a '}' missing? Text that holds ': ' needs quotes"},
    {"]", "2: illegal flow end; is a bracket closed that was not opened?"},
    {"- a", "2: end of map not found; does the line belong to the map above it?"},
    {"seed", "2: 'seed': expected an integer, got nothing; give a value, or leave the key out"},
    {"seed: @x", "2: unknown token; text that starts with '@', '`' or '%' needs quotes"},
    {"seed: *nobody", "2: the referenced anchor is not defined; text that starts with '*' needs quotes"},
    {"seed: &a [*a]", "2: an alias inside the value that it stands for"},
    {"seed: 1\n---\nseed: 2", "3: a second document starts here; expected one"},
    {"seed: !int 5", "2: unknown tag '!int'; values need none"},
    {"stages: !!seq []", "2: unknown tag 'tag:yaml.org,2002:seq'; lists take none"},
    {"optimizer: !merge {}", "2: unknown tag '!merge'; the only one is !replace"},
    {"seed: \xff", "2: not UTF-8 (byte 0xff); save the file as UTF-8"},
    {"seed: \xc0\xaf", "2: not UTF-8 (byte 0xc0); save the file as UTF-8"},
    {"seed: 5\n# \x04\nseed: 6", "3: a control character (byte 0x04); expected text"},
};

TEST(WrongConfig, EachIsReportedWithItsLine) {
  ASSERT_GE(kWrongConfigs.size(), 40u);
  for (const WrongConfig& wrong : kWrongConfigs) {
    const std::string text = kFirstLine + wrong.yaml;
    EXPECT_EQ(error_message([&] { example::read_run(text); }), "pal.yaml:" + wrong.message) << text;
  }
}

TEST(WrongConfig, WithoutTheWrongLinesIsRead) { EXPECT_NO_THROW(example::read_run(kFirstLine)); }

TEST(WrongConfig, RequiredKeyIsMissedEvenWhenItsMapIsAbsent) {
  EXPECT_EQ(error_message([] { example::read_run("seed: 1"); }),
            "pal.yaml: 'data.train' is missing; it is required (manifest of the training clips)");
}

TEST(WrongConfig, RootMustBeAMap) {
  EXPECT_EQ(error_message([] { example::read_run("[1, 2]"); }), "pal.yaml: expected a map, got a list");
}

TEST(WrongConfig, AllProblemsAreListedByLine) {
  const std::string message = error_message([] {
    example::read_run("stages:\n  - steps: x\nsed: 1\noptimizer: {fused: no, betas: [a, 2]}\ndata: {}\n");
  });
  EXPECT_EQ(message,
            "pal.yaml:2: 'stages.0.name' is missing; it is required (name of the stage)\n"
            "pal.yaml:2: 'stages.0.steps': expected an integer, got 'x'\n"
            "pal.yaml:3: unknown key 'sed'; did you mean 'seed'?\n"
            "pal.yaml:4: 'optimizer.betas.0': expected a number, got 'a'\n"
            "pal.yaml:4: 'optimizer.fused': expected true or false, got 'no'; write false\n"
            "pal.yaml:5: 'data.train' is missing; it is required (manifest of the training clips)");
}

TEST(WrongConfig, ManyProblemsAreCutAndCounted) {
  std::string yaml = kFirstLine;
  for (int i = 0; i < 70; ++i) yaml += "unknown_option_" + std::to_string(i) + ": 1\n";
  const std::string message = error_message([&] { example::read_run(yaml); });
  EXPECT_TRUE(message.ends_with("\n... and 20 more")) << message;
}

TEST(WrongConfig, CallersAddTheirOwnProblems) {
  ConfigReader reader(parse_yaml("data: {train: a}\nstages:\n  - name: align\n    steps: 5\n", "pal.yaml"));
  example::RunConfig run;
  reader.read(run);
  EXPECT_TRUE(reader.ok());
  reader.problem("stages.align.steps", "too few");
  reader.problem("stages.0.trainable", "matches nothing");  // not written: the line of its map
  EXPECT_EQ(error_message([&] { reader.finish(); }),
            "pal.yaml:3: 'stages.0.trainable': matches nothing\npal.yaml:4: 'stages.align.steps': too few");
}

}  // namespace
}  // namespace pal

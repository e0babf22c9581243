// A small config of every kind of option, for the tests of the engine.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pal/config/reader.h"
#include "pal/config/yaml_parser.h"

namespace pal::example {

enum class Integration { kPlits, kLal };
inline EnumNames<Integration> config_names(Integration) {
  return {{Integration::kPlits, "plits"}, {Integration::kLal, "lal"}};
}

// A value with a form of its own: `all`, or {from: N}, or a list.
struct LayerChoice {
  bool all = true;
  std::optional<std::int64_t> from;
  std::vector<std::int64_t> list;
  bool operator==(const LayerChoice&) const = default;
};

struct Connector {
  std::string type = "mlp";
  std::int64_t hidden = 64;
  std::int64_t queries = 12;
  std::filesystem::path vocabulary;
  bool operator==(const Connector&) const = default;
};
inline void describe(Fields& f, Connector& c) {
  f.required("type", c.type, "kind of connector").one_of({"mlp", "qformer", "lookup"}).variant();
  f.field("hidden", c.hidden, "hidden width").at_least(1).only_for({"mlp", "qformer"});
  f.field("queries", c.queries, "number of queries").at_least(1).only_for({"qformer"});
  f.required("vocabulary", c.vocabulary, "file of words").only_for({"lookup"});
}

struct Stream {
  std::string name;
  Integration integration = Integration::kPlits;
  Connector connector;
  LayerChoice layers;
  bool operator==(const Stream&) const = default;
};

struct Optimizer {
  double learning_rate = 1e-3;
  float dropout = 0;
  std::string schedule = "cosine";
  std::vector<double> betas = {0.9, 0.999};
  std::optional<double> clip;
  bool fused = true;
  bool operator==(const Optimizer&) const = default;
};
inline void describe(Fields& f, Optimizer& o) {
  f.field("learning_rate", o.learning_rate, "peak learning rate").above(0);
  f.field("dropout", o.dropout, "share of activations dropped").at_least(0).below(1);
  f.field("schedule", o.schedule, "fall of the rate").one_of({"cosine", "linear", "constant"});
  f.field("betas", o.betas, "decay of the averages").at_least(0).below(1);
  f.field("clip", o.clip, "largest gradient norm").above(0);
  f.field("fused", o.fused, "one kernel for all | a loop");
}

struct Stage {
  std::string name;
  std::int64_t steps = 100;
  std::vector<std::string> trainable;
  bool operator==(const Stage&) const = default;
};
inline void describe(Fields& f, Stage& s) {
  f.required("name", s.name, "name of the stage").not_empty();
  f.field("steps", s.steps, "optimizer steps").at_least(1).at_most(1000000);
  f.field("trainable", s.trainable, "patterns of the trained tensors");
}

struct Data {
  std::filesystem::path train;
  std::map<std::string, double> weights;
  bool operator==(const Data&) const = default;
};
inline void describe(Fields& f, Data& d) {
  f.required("train", d.train, "manifest of the training clips");
  f.field("weights", d.weights, "share of each source").above(0);
}

struct RunConfig {
  std::int32_t seed = 1;
  Data data;
  Optimizer optimizer;
  std::vector<Stage> stages;
  std::map<std::string, Stream> streams;
  bool operator==(const RunConfig&) const = default;
};

}  // namespace pal::example

namespace pal {

template <>
struct ConfigValue<example::LayerChoice> {
  static std::string type_name() { return "all, {from: N} or a list of layers"; }
  static void read(const Place& at, Problems& problems, example::LayerChoice& value) {
    value = {};
    if (at.node.is_scalar() && at.node.text == "all") return;
    value.all = false;
    const Node* from = at.node.is_map() ? at.node.child("from") : nullptr;
    if (at.node.is_list()) {
      read_value(at, problems, value.list);
    } else if (from && at.node.children.size() == 1) {
      value.from = 0;
      read_value(at.entry(*from), problems, *value.from);
    } else {
      detail::add_mismatch(at, problems, type_name());
    }
  }
  static Node write(const example::LayerChoice& value) {
    if (value.all) return Node::string("all");
    if (!value.from) return ConfigValue<std::vector<std::int64_t>>::write(value.list);
    Node map = Node::map();
    map.add("from", ConfigValue<std::int64_t>::write(*value.from));
    return map;
  }
};

}  // namespace pal

namespace pal::example {

inline void describe(Fields& f, Stream& s) {
  f.field("name", s.name, "name of the stream");
  f.field("integration", s.integration, "how the audio enters");
  f.required("connector", s.connector, "from the encoder to the decoder");
  f.field("layers", s.layers, "layers that read the stream");
}

inline void describe(Fields& f, RunConfig& r) {
  f.field("seed", r.seed, "seed of all random streams");
  f.field("data", r.data, "what is learned from");
  f.field("optimizer", r.optimizer, "how it is learned");
  f.field("stages", r.stages, "in order");
  f.field("streams", r.streams, "ways of the audio");
}

// Every option is given, none with its default.
inline const std::string kWhole = R"(# a comment
seed: 7
data:
  train: "clips/train set.jsonl"
  weights: {esc50: 0.5, fsd: 2}
optimizer:
  learning_rate: 3e-4
  dropout: 0.1
  schedule: linear
  betas: [0.9, 0.95]
  clip: 1.5
  fused: false
stages:
  - name: align
    steps: 10
    trainable: ["connectors.*"]
  - {name: tune, steps: 20, trainable: ["connectors.*", 'llm.*']}
streams:
  detail:
    name: detail
    integration: lal
    connector: &connector {type: qformer, hidden: 32, queries: 6}
    layers: {from: 4}
  words:
    integration: plits
    connector: {type: lookup, vocabulary: words.txt}
    layers: [1, 3]
  again: {connector: *connector, layers: all}
)";

inline RunConfig read_run(const std::string& yaml) {
  return read_config<RunConfig>(parse_yaml(yaml, "pal.yaml"));
}

}  // namespace pal::example

// Reads a config document into a struct and reports all that is wrong in it at once. A small complete example:
//
//   struct TrainOptions {
//     std::int64_t steps = 0;
//     double learning_rate = 1e-3;
//     std::vector<std::int64_t> layers = {4, 8};
//   };
//   void describe(Fields& f, TrainOptions& o) {
//     f.required("steps", o.steps, "optimizer steps").at_least(1);
//     f.field("learning_rate", o.learning_rate, "peak learning rate").above(0);
//     f.field("layers", o.layers, "layers that read the audio").at_least(0);
//   }
//   struct RunConfig {
//     TrainOptions train;
//   };
//   void describe(Fields& f, RunConfig& c) { f.field("train", c.train, "how the model is trained"); }
//
//   ConfigReader reader(load_document("configs/pal.yaml", {"train.layers=[1,2]"}));   // document.h
//   RunConfig config;
//   reader.read(config);
//   if (config.train.layers.size() > 8) reader.problem("train.layers", "the model has 8 layers");
//   reader.finish();   // throws: "configs/pal.yaml:17: unknown key 'train.learning_rte'; did you mean 'learning_rate'?"
//
//   std::cout << reference<RunConfig>("Configuration");   // reference.h: the same table as Markdown
//   std::cout << to_yaml(config);                         // dump.h: text that reads back as the same struct
#pragma once

#include <string>
#include <string_view>

#include "pal/config/fields.h"
#include "pal/config/node.h"
#include "pal/config/problems.h"

namespace pal {

// Fills config structs from one document and collects what is wrong, as the top of the file shows.
class ConfigReader {
 public:
  explicit ConfigReader(Node document) : root_(std::move(document)) {}  // as load_document gives it

  // Reads the document into `config`; what is not given stays as it is. Problems are collected until `finish`.
  template <class T>
  void read(T& config) {
    read_value(Place{root_, ""}, problems_, config);
  }

  // A problem that the table cannot see, at the line of the key path ("model.streams.0.encoder"; elements of lists by index
  // or name), or of the nearest map around it that was written.
  void problem(std::string_view path, const std::string& message);

  bool ok() const { return problems_.count() == 0; }  // no problem so far
  const Node& root() const { return root_; }          // the document

  // Throws one UserError with a line for each problem, sorted by file and line; nothing where there is none.
  void finish() const { problems_.raise(); }

 private:
  Node root_;
  Problems problems_;
};

// `config` from a whole document, without checks of the caller's own.
template <class T>
T read_config(Node document) {
  ConfigReader reader(std::move(document));
  T config;
  reader.read(config);
  reader.finish();
  return config;
}

}  // namespace pal

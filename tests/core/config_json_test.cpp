#include "pal/core/config_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/temporary_folder.h"

namespace pal {
namespace {

std::string message_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const UserError& error) {
    return error.what();
  }
  return "nothing thrown";
}

ConfigJson example() {
  return {nlohmann::json::parse(R"({"a": 3, "b": [1, 2], "none": null, "o": {"x": 0.5}, "s": "text", "t": true})"), "f.json"};
}

TEST(ConfigJson, ValuesAreReadByTheirType) {
  const auto config = example();
  EXPECT_EQ(config.get<std::int64_t>("a"), 3);
  EXPECT_EQ(config.get<double>("a"), 3.0);
  EXPECT_EQ(config.get<std::vector<std::int64_t>>("b"), (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(config.get<std::string>("s"), "text");
  EXPECT_TRUE(config.get<bool>("t"));
  EXPECT_EQ(config.object("o").get<double>("x"), 0.5);
  EXPECT_EQ(config.get<std::int64_t>("none", 7), 7);  // null is absent
  EXPECT_EQ(message_of([&] { config.get<bool>("a"); }), "f.json: 'a' has the wrong type: 3");
  EXPECT_EQ(message_of([&] { config.get<std::vector<bool>>("b"); }), "f.json: 'b' has the wrong type: [1,2]");
  EXPECT_EQ(message_of([&] { config.get<std::int64_t>("none"); }), "f.json: 'none' is missing");
  EXPECT_EQ(message_of([&] { config.object("o").get<bool>("x"); }), "f.json: o: 'x' has the wrong type: 0.5");
  EXPECT_EQ(message_of([&] { config.object("s"); }), "f.json: s: expected a JSON object");
}

TEST(ConfigJson, WhatIsNotComputedIsRefused) {
  const auto config = example();
  EXPECT_EQ(message_of([&] { config.refuse_unless("a", std::int64_t{3}); }), "nothing thrown");
  EXPECT_EQ(message_of([&] { config.refuse_unless("absent", std::int64_t{3}); }), "nothing thrown");
  EXPECT_EQ(message_of([&] { config.refuse_unless("a", std::int64_t{4}); }), "f.json: 'a': 3 is not supported; only 4 is");
  EXPECT_EQ(message_of([&] { config.refuse_unless_any("b", {1, {1, 2}}); }), "nothing thrown");
  EXPECT_EQ(message_of([&] { config.refuse_unless_any("b", {1, {1, 1}}); }),
            "f.json: 'b': [1,2] is not supported; only 1 or [1,1] is");
  EXPECT_EQ(message_of([&] { config.check_agrees("a", std::int64_t{5}); }), "f.json: 'a' is 3, but the weights have 5");
  EXPECT_EQ(message_of([&] { config.check_agrees("absent", std::int64_t{5}); }), "nothing thrown");
}

TEST(ConfigJson, IsFoundInTheFolderOrBesideTheFile) {
  const TemporaryFolder folder;
  EXPECT_FALSE(ConfigJson::beside(folder.path(), "config.json"));
  write_file_atomically(folder / "config.json", R"({"a": 1})");
  EXPECT_EQ(ConfigJson::beside(folder.path(), "config.json").value().get<std::int64_t>("a"), 1);
  EXPECT_EQ(ConfigJson::beside(folder / "model.safetensors", "config.json").value().get<std::int64_t>("a"), 1);

  EXPECT_FALSE(ConfigJson::feature_extractor(folder.path()));
  write_file_atomically(folder / "processor_config.json", R"({"processor_class": "ClapProcessor"})");
  EXPECT_FALSE(ConfigJson::feature_extractor(folder.path()));
  write_file_atomically(folder / "processor_config.json", R"({"feature_extractor": {"a": 2}})");
  EXPECT_EQ(ConfigJson::feature_extractor(folder.path()).value().get<std::int64_t>("a"), 2);
  write_file_atomically(folder / "preprocessor_config.json", R"({"a": 3})");
  EXPECT_EQ(ConfigJson::feature_extractor(folder.path()).value().get<std::int64_t>("a"), 3);

  write_file_atomically(folder / "config.json", R"({"a": 1, "a": 2})");
  EXPECT_THAT(message_of([&] { ConfigJson::read(folder / "config.json"); }), testing::HasSubstr("stands there twice"));
  write_file_atomically(folder / "config.json", "[]");
  EXPECT_EQ(message_of([&] { ConfigJson::read(folder / "config.json"); }),
            (folder / "config.json").string() + ": expected a JSON object");
}

}  // namespace
}  // namespace pal

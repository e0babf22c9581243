#include "pal/core/json_array.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/temporary_folder.h"

namespace pal {
namespace {

using Json = nlohmann::json;

std::vector<Json> read(const std::string& text) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a.json", text);
  std::vector<Json> objects;
  read_json_array(folder / "a.json", [&](const Json& object) { objects.push_back(object); });
  return objects;
}

std::string problem_of(const std::string& text) {
  try {
    read(text);
  } catch (const UserError& error) {
    return error.what();
  }
  return "no problem";
}

TEST(JsonArray, GivesTheObjectsInOrderHoweverTheyAreWritten) {
  const std::vector<Json> expected = {{{"a", 1}, {"b", {{"c", {1, 2, {{"d", nullptr}}}}}}}, Json::object(), {{"a", "\u00e4\"]}"}}};
  EXPECT_EQ(read(Json(expected).dump()), expected);
  EXPECT_EQ(read(Json(expected).dump(1)), expected);
  EXPECT_EQ(read("\n\n  " + Json(expected).dump(4) + "\n\n"), expected);
}

TEST(JsonArray, ProblemsAreNamedByTheLineWhereTheirObjectBegins) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a.json", "[\n {\"good\": 1},\n {\n  \"bad\":\n   2\n },\n {\"good\": 3}, {\"bad\": 4}\n]\n");
  int good = 0;
  std::string problem;
  try {
    read_json_array(folder / "a.json", [&](const Json& object) {
      if (object.contains("bad")) user_error("is bad: {}", object.dump());
      ++good;
    });
  } catch (const UserError& error) {
    problem = error.what();
  }
  EXPECT_EQ(good, 2);
  EXPECT_NE(problem.find("a.json:3: is bad: {\"bad\":2}"), std::string::npos) << problem;
  EXPECT_NE(problem.find("a.json:7: is bad: {\"bad\":4}"), std::string::npos) << problem;
}

TEST(JsonArray, WhatIsNoArrayOfObjectsIsRefused) {
  const std::pair<std::string, const char*> wrong[] = {
      {"[{\"a\": 1}, 2]", ":1: expected objects in the array, got number"},
      {"[{\"a\": 1}, [{}]]", ":1: expected objects in the array, got an array"},
      {"[{\"a\": 1},\n{\"a\": 1, \"a\": 2}]", ":2: \"a\" stands there twice"},
      {"[{\"a\": 1},\n{\"a\": }]", ":2: not valid JSON"},
      {"[{\"a\": 1}", ":1: not valid JSON"},
      {"[{\"a\": 1}] x", ":1: not valid JSON"},
      {"{\"a\": 1}", "expected a JSON array"},
      {"[]", "got an empty one"},
      {"", "not valid JSON"},
      {"[{\"a\": \"\xff\"}]", "not valid JSON"},
  };
  for (const auto& [text, fragment] : wrong) EXPECT_NE(problem_of(text).find(fragment), std::string::npos) << text << ": " << problem_of(text);
}

TEST(JsonArray, HostileDepthAndSizeAreRefused) {
  constexpr std::size_t kMillion = 1000000;
  EXPECT_NE(problem_of("[{\"a\": " + std::string(kMillion, '[')).find("nested more than"), std::string::npos);
  EXPECT_NE(problem_of(std::string(kMillion, '[')).find("expected objects"), std::string::npos);
  EXPECT_NE(problem_of("[{\"a\": \"" + std::string(2 * kMillion, 'x') + "\"}]").find("an object of more than 1048576 bytes"), std::string::npos);
  EXPECT_EQ(read("[{\"a\": \"" + std::string(kMillion, 'x') + "\"}, {\"a\": \"" + std::string(kMillion, 'x') + "\"}]").size(), 2u);
}

TEST(JsonRecords, TheFirstCharacterSaysWhetherTheyStandInLinesOrInAnArray) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "lines", "\n{\"a\": 1}\n{\"a\": 2}\n");
  write_file_atomically(folder / "array", "\n [{\"a\": 1},\n{\"a\": 2}]\n");
  for (const char* name : {"lines", "array"}) {
    std::vector<Json> objects;
    read_json_records(folder / name, [&](const Json& object) { objects.push_back(object); });
    EXPECT_EQ(objects, (std::vector<Json>{{{"a", 1}}, {{"a", 2}}})) << name;
  }
  EXPECT_THROW(read_json_records(folder / "none", [](const Json&) {}), UserError);
  EXPECT_THROW(read_json_records(folder.path(), [](const Json&) {}), UserError);
}

}  // namespace
}  // namespace pal

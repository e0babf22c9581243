// A valid config, damaged: it is read or refused with a message that names the file; nothing else may happen.
#include <gtest/gtest.h>

#include <string>

#include "example_config.h"
#include "pal/config/dump.h"
#include "pal/core/check.h"
#include "pal/core/random.h"

namespace pal {
namespace {

constexpr int kMutations = 2000;

const std::vector<std::string> kPieces = {"[",     "]",    "{",  "}",     ":",    "- ",   "&a ", "*a", "!x ",
                                          "\"",    "'",    "\n", "\t",    "#",    "|",    ">",   "? ", "%",
                                          "---\n", "null", "-1", "1e999", "\xff", "\x04", "  ",  ","};

std::string mutated(std::string text, RandomStream& random) {
  for (std::uint64_t edits = 1 + random.below(3); edits > 0; --edits) {
    const std::size_t at = random.below(text.size());
    const std::size_t length = std::min<std::size_t>(1 + random.below(20), text.size() - at);
    switch (random.below(5)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, kPieces[random.below(kPieces.size())]);
        break;
      case 2:
        text[at] = static_cast<char>(random.below(256));
        break;
      case 3:
        text.insert(random.below(text.size()), text.substr(at, length));
        break;
      default:
        text.resize(at + 1);
        break;
    }
    if (text.empty()) text.assign(1, ' ');
  }
  return text;
}

TEST(Mutation, DamagedConfigsAreReadOrRefused) {
  RandomStream random(stream_seed(1, "config mutations"));
  int read = 0;
  for (int i = 0; i < kMutations; ++i) {
    const std::string text = mutated(example::kWhole, random);
    try {
      const example::RunConfig run = example::read_run(text);
      EXPECT_EQ(example::read_run(to_yaml(run)), run) << text;
      ++read;
    } catch (const UserError& error) {
      EXPECT_TRUE(std::string(error.what()).starts_with("pal.yaml")) << error.what();
    }
  }
  EXPECT_GT(read, kMutations / 20);       // the mutations are not so coarse that all are refused early,
  EXPECT_LT(read, kMutations * 19 / 20);  // nor so mild that nothing is tried
  RecordProperty("read", read);
  RecordProperty("refused", kMutations - read);
}

}  // namespace
}  // namespace pal

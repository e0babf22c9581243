#include "pal/encoders/token_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "foreign_files.h"
#include "pal/core/check.h"
#include "pal/encoders/eat.h"
#include "support/tensor_compare.h"
#include "weights.h"

namespace pal {
namespace {

// Windows of 16 frames: a CLS token and one row of 8 bands.
std::shared_ptr<Encoder> windows_of_nine(bool cls = true) {
  EncoderOptions options{.type = "eat", .path = PAL_SOURCE_DIR "/tests/golden/eat_tiny_model.safetensors"};
  options.heads = 4;
  options.window = 16;
  options.long_audio = "chunk";
  options.cls = cls;
  return make_encoder(options);
}

TokenChoice choice(TokenKind kind, bool cls = true) { return {kind, *windows_of_nine(cls), "stream 'summary'"}; }

// A token's number in each of its two columns.
torch::Tensor numbered(std::int64_t tokens) { return torch::arange(double(tokens)).unsqueeze(1).expand({-1, 2}); }

std::vector<double> kept(const TokenChoice& choice, std::int64_t tokens) {
  const auto chosen = choice.choose(numbered(tokens));
  EXPECT_EQ(chosen.size(0), choice.count(tokens)) << tokens;
  std::vector<double> rows;
  for (std::int64_t i = 0; i < chosen.size(0); ++i) rows.push_back(chosen[i][1].item<double>());
  return rows;
}

TEST(TokenChoice, ClsIsTheFirstOfEveryWindow) {
  const auto cls = choice(TokenKind::kCls);
  EXPECT_THAT(kept(cls, 9), testing::ElementsAre(0));
  EXPECT_THAT(kept(cls, 18), testing::ElementsAre(0, 9));
  EXPECT_THAT(kept(cls, 20), testing::ElementsAre(0, 9, 18));  // the last window is not full
}

TEST(TokenChoice, PatchesAreTheOthers) {
  const auto patches = choice(TokenKind::kPatches);
  EXPECT_THAT(kept(patches, 9), testing::ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
  EXPECT_THAT(kept(patches, 11), testing::ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 10));
  EXPECT_EQ(kept(choice(TokenKind::kPatches, /*cls=*/false), 9).size(), 9u);
}

TEST(TokenChoice, TheMeanIsOfTheClipsPatchesWithoutCls) {
  EXPECT_THAT(kept(choice(TokenKind::kMean), 9), testing::ElementsAre(4.5));
  EXPECT_THAT(kept(choice(TokenKind::kMean, /*cls=*/false), 9), testing::ElementsAre(4));
}

TEST(TokenChoice, AClipWithoutTokensKeepsNone) {
  for (const auto kind : {TokenKind::kAll, TokenKind::kCls, TokenKind::kPatches, TokenKind::kMean})
    EXPECT_TRUE(kept(choice(kind), 0).empty());
}

TEST(TokenChoice, TheClsTokensOfAClipAreThoseThatTheEncoderPutsThere) {
  const auto encoder = windows_of_nine();
  torch::manual_seed(0);
  const auto samples = torch::randn({16000 / 2});  // 0.5 s: three windows of 0.16 s and a little
  const auto tokens = encoder->encode(samples);
  const auto all = dynamic_cast<EatEncoder&>(*encoder).forward(encoder->features(samples));  // [windows, 9, width]
  const auto cls = choice(TokenKind::kCls).choose(tokens);
  ASSERT_EQ(cls.sizes(), all.select(1, 0).sizes());
  EXPECT_EQ(relative_distance(cls, all.select(1, 0)), 0.0);
}

TEST(TokenChoice, AnEncoderWithoutClsTokensIsNamed) {
  EXPECT_EQ(message_of([] { choice(TokenKind::kCls, /*cls=*/false); }),
            "stream 'summary': tokens: cls asks for CLS tokens, but encoder 'eat' gives none; it is declared with cls: false");
}

}  // namespace
}  // namespace pal

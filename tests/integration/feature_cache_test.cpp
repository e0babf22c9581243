// The cache of a frozen encoder's outputs: what is read is what the encoder gave, from however many threads.
#include "pal/integration/feature_cache.h"

#include <gtest/gtest.h>

#include "pal/core/run_tasks.h"
#include "pal/integration/feature_cache_writer.h"
#include "pal/core/temporary_folder.h"
#include "support/tiny_model.h"

namespace pal {
namespace {

namespace fs = std::filesystem;
const fs::path kClips = fs::path(PAL_SOURCE_DIR) / "assets/clips/test.jsonl";

TEST(FeatureCache, GivesEveryThreadTheEncodersTokensBitForBit) {
  NEEDS_YAMNET();
  if (!fs::exists(kClips)) GTEST_SKIP() << kClips << " is not there; tools/setup.sh fetches it";
  torch::NoGradGuard no_grad;
  const TemporaryFolder folder;
  const EncoderOptions options{"yamnet", kYamnet};
  const auto encoder = make_encoder(options);
  auto samples = read_manifest(kClips, {});
  samples.resize(12);
  std::vector<const Clip*> clips;
  for (const auto& sample : samples) clips.push_back(&sample.clips[0]);
  CacheWriting writing;
  writing.shard_bytes = 1 << 18;
  writing.threads = 2;
  const auto report = write_feature_cache(folder.path(), options, *encoder, clips, writing);
  EXPECT_EQ(report.encoded, 12);
  EXPECT_GT(report.shards, 1);

  const FeatureCache cache(folder.path(), options, *encoder);
  std::vector<torch::Tensor> expected;
  for (const Clip* clip : clips) expected.push_back(encode_file(*encoder, clip->path, {}, clip->segment));
  std::vector<char> equal(96);
  run_tasks(96, 8, [&](std::int64_t i) { equal[std::size_t(i)] = torch::equal(cache.read(*clips[std::size_t(i % 12)]), expected[std::size_t(i % 12)]); });
  EXPECT_EQ(std::ranges::count(equal, 0), 0);
}

TEST(FeatureIndex, KnowsClipsByContentAndSegmentAndFailuresByFile) {
  const TemporaryFolder folder;
  FeatureIndex index(folder.path(), 4);
  const KnownRecording recording{{100, 7}, digest_of("content")};
  const AudioSegment segment{0.1, 2.5};
  index.add(3, {"/a.wav", recording, segment, 5, 2, ""});
  index.add(3, {"/b.wav", recording, {}, 0, -1, "cannot be decoded"});
  EXPECT_EQ(index.next_shard(), 4);
  EXPECT_EQ(index.recording("/a.wav")->content, recording.content);
  EXPECT_EQ(index.clip(recording.content, segment)->first_row, 5);
  EXPECT_FALSE(index.clip(recording.content, {0.1, {}}));
  EXPECT_FALSE(index.clip(recording.content, {}));
  EXPECT_EQ(index.unreadable("/b.wav", {100, 7}, {}), "cannot be decoded");
  EXPECT_FALSE(index.unreadable("/b.wav", {100, 8}, {}));  // another file by now
}

}  // namespace
}  // namespace pal

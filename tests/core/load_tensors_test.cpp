#include "pal/core/load_tensors.h"

#include <gmock/gmock.h>
#include <torch/torch.h>

#include "pal/core/files.h"
#include "support/gguf_builder.h"
#include "support/load_problems.h"
#include "pal/core/temporary_folder.h"

namespace pal {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::int64_t kLong = (1 << 23) * 2 + 12345;  // more than two pieces

torch::Tensor ramp(std::vector<std::int64_t> shape, torch::ScalarType type = torch::kFloat32) {
  return (torch::arange(torch::tensor(shape).prod().item<std::int64_t>(), torch::kInt64) % 251).reshape(shape).to(type);
}

TEST(LoadTensors, EveryTypeAndLengthArrivesConverted) {
  const TemporaryFolder folder;
  for (const auto stored : {torch::kFloat32, torch::kBFloat16, torch::kFloat16, torch::kFloat64}) {
    save_safetensors(folder / "m.safetensors", {{"long", ramp({kLong}, stored)}, {"square", ramp({3, 5}, stored)}, {"none", ramp({0, 4}, stored)}});
    const auto source = open_tensors(folder / "m.safetensors");
    for (const auto wanted : {torch::kFloat32, torch::kBFloat16}) {
      LoadPlan plan{"a test", {}, {}};
      for (const auto& name : source->names())
        plan.wanted.push_back({name, torch::full(source->info(name).shape, -1, wanted)});
      load_tensors(plan, *source);
      for (const auto& [name, value, rearrange] : plan.wanted)
        EXPECT_TRUE(torch::equal(value, source->load(name).to(wanted))) << name << stored << wanted;
    }
  }
}

TEST(LoadTensors, ATensorWithHolesBetweenItsRowsIsFilledInPlace) {
  const TemporaryFolder folder;
  save_safetensors(folder / "m.safetensors", {{"w", ramp({3, 5})}});
  const auto whole = torch::full({5, 3}, -1.0);
  load_tensors({"a test", {{"w", whole.t()}}, {}}, *open_tensors(folder / "m.safetensors"));
  EXPECT_TRUE(torch::equal(whole, ramp({3, 5}).t()));
}

TEST(LoadTensors, WhatIsRearrangedComesRearranged) {
  const TemporaryFolder folder;
  save_safetensors(folder / "m.safetensors", {{"w", ramp({4, 2})}});
  const auto value = torch::zeros({4, 2});
  load_tensors({"a test", {{"w", value, [](const torch::Tensor& stored) { return stored.flip(0); }}}, {}}, *open_tensors(folder / "m.safetensors"));
  EXPECT_TRUE(torch::equal(value, ramp({4, 2}).flip(0)));
}

TEST(LoadTensors, ParametersThatAreTrainedAreFilledWithoutAGradient) {
  const TemporaryFolder folder;
  save_safetensors(folder / "m.safetensors", {{"w", ramp({kLong})}});
  const auto value = torch::zeros({kLong}, torch::dtype(torch::kBFloat16).requires_grad(true));  // converted, hence by torch
  load_tensors({"a test", {{"w", value}}, {}}, *open_tensors(folder / "m.safetensors"));
  EXPECT_TRUE(torch::equal(value, ramp({kLong}, torch::kBFloat16)));
  EXPECT_TRUE(value.is_leaf());
}

TEST(LoadTensors, TensorsOfInferenceModeAreFilled) {
  const TemporaryFolder folder;
  save_safetensors(folder / "m.safetensors", {{"w", ramp({kLong}, torch::kBFloat16)}, {"square", ramp({3, 5})}});  // converted, hence by torch
  const c10::InferenceMode inference;
  const auto long_one = torch::zeros({kLong}), square = torch::zeros({3, 5});
  load_tensors({"a test", {{"w", long_one}, {"square", square}}, {}}, *open_tensors(folder / "m.safetensors"));
  EXPECT_TRUE(torch::equal(long_one, ramp({kLong}, torch::kBFloat16).to(torch::kFloat32)));
  EXPECT_TRUE(torch::equal(square, ramp({3, 5})));
}

TEST(LoadTensors, EachProblemIsNamedAndNothingIsFilled) {
  const TemporaryFolder folder;
  save_safetensors(folder / "m.safetensors", {{"good", ramp({2})}, {"shape", ramp({2, 3})}, {"type", ramp({2}, torch::kInt64)}, {"more", ramp({1})}});
  const auto good = torch::full({2}, -1.0), other = torch::full({2}, -1.0);
  const LoadPlan plan{"a test", {{"good", good}, {"shape", torch::zeros({3, 2})}, {"type", other}, {"gone", torch::zeros({7})}}, {}};
  const auto source = open_tensors(folder / "m.safetensors");
  EXPECT_THAT(load_problems([&] { load_tensors(plan, *source); }),
              ElementsAre("wrong shape: shape, expected [3, 2], found [2, 3] F32", "wrong type: type, expected [2] F64, F32, F16 or BF16, found [2] I64",
                          "missing: gone, expected [7], found nothing", "unexpected: more, expected nothing, found [1] F32"));
  EXPECT_TRUE(torch::equal(good, torch::full({2}, -1.0)));
}

TEST(LoadTensors, IntegersFillIntegersAlone) {
  const TemporaryFolder folder;
  save_safetensors(folder / "m.safetensors", {{"ids", ramp({4}, torch::kInt32)}, {"mask", torch::ones({4}, torch::kBool)}});
  const auto source = open_tensors(folder / "m.safetensors");
  const auto ids = torch::zeros({4}, torch::kInt64);
  const LoadPlan integers{"a test", {{"ids", ids}}, {{"mask", "of no use here"}}};
  load_tensors(integers, *source);
  EXPECT_TRUE(torch::equal(ids, ramp({4}, torch::kInt64)));
  const LoadPlan truths{"a test", {{"mask", ids}}, {{"ids", ""}}};
  EXPECT_THAT(load_problems([&] { load_tensors(truths, *source); }), ElementsAre("wrong type: mask, expected [4] integers, found [4] BOOL"));
}

TEST(LoadTensors, WhatIsKnownAndNotNeededIsSkippedWithItsReason) {
  const TemporaryFolder folder;
  save_safetensors(folder / "m.safetensors", {{"w", ramp({1})}, {"head.weight", ramp({2})}});
  const auto report = load_tensors({"a test", {{"w", torch::zeros({1})}}, {{"head.*", "the classifier"}}}, *open_tensors(folder / "m.safetensors"));
  ASSERT_EQ(report.lines().size(), 2);
  EXPECT_EQ(report.lines()[1].fate, LoadFate::kSkipped);
  EXPECT_EQ(report.lines()[1].note, "the classifier");
}

TEST(LoadTensors, ShapesCanBeComparedWithoutMemoryForThem) {
  const TemporaryFolder folder;
  save_safetensors(folder / "m.safetensors", {{"w", ramp({2})}});
  const auto meta = torch::empty({2}, torch::TensorOptions(torch::kMeta));
  EXPECT_TRUE(compare_tensors({"a test", {{"w", meta}}, {}}, *open_tensors(folder / "m.safetensors")).fits());
}

TEST(LoadTensors, AFileThatIsCutShortWhileItIsReadIsAnError) {
  const TemporaryFolder folder;
  save_safetensors(folder / "m.safetensors", {{"w", ramp({kLong})}});
  const auto source = open_tensors(folder / "m.safetensors");
  std::filesystem::resize_file(folder / "m.safetensors", std::filesystem::file_size(folder / "m.safetensors") - 100);
  EXPECT_THAT([&] { load_tensors({"a test", {{"w", torch::zeros({kLong})}}, {}}, *source); },
              testing::ThrowsMessage<UserError>(testing::HasSubstr("it has become shorter")));
}

TEST(LoadTensors, QuantisedTensorsAreUnpackedPieceByPiece) {
  constexpr std::int64_t kBlocks = kLong / 32;
  GgufBuilder builder;
  builder.tensors.push_back({"w", {std::uint64_t(kBlocks * 32)}, 8, 0});  // Q8_0: a half and 32 bytes
  for (std::int64_t i = 0; i < kBlocks; ++i) {
    builder.data += std::string("\x00\x3c", 2);  // 1.0
    for (int j = 0; j < 32; ++j) builder.data += char((i + j) % 127);
  }
  const TemporaryFolder folder;
  write_file_atomically(folder / "m.gguf", builder.bytes());
  const auto source = open_tensors(folder / "m.gguf");
  for (const auto wanted : {torch::kFloat32, torch::kBFloat16}) {
    const auto value = torch::full({kBlocks * 32}, -1, wanted);
    load_tensors({"a test", {{"w", value}}, {}}, *source);
    EXPECT_TRUE(torch::equal(value, source->load("w").to(wanted)));
    EXPECT_EQ(value[kBlocks * 32 - 1].item<float>(), float((kBlocks - 1 + 31) % 127));
  }
}

}  // namespace
}  // namespace pal

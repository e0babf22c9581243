#include "pal/core/safetensors.h"

#include <gmock/gmock.h>

#include <cstring>

#include "pal/core/check.h"
#include "support/mutation.h"
#include "pal/core/temporary_folder.h"

namespace pal {
namespace {

using testing::HasSubstr;

std::string length_bytes(std::uint64_t length) {
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes;
}

std::string file_of(const std::string& header, std::size_t data_bytes) {
  return length_bytes(header.size()) + header + std::string(data_bytes, '\1');
}

// "" where the file opens, the message where UserError is thrown; anything else fails the test.
std::string message_of_opening(const std::filesystem::path& path) {
  try {
    const SafetensorsFile file(path);
    for (const auto& [name, entry] : file.tensors()) {
      unsigned sum = 0;
      for (const std::byte byte : file.bytes(entry)) sum += unsigned(byte);
      EXPECT_LT(sum, unsigned(-1));
    }
    return "";
  } catch (const UserError& error) {
    return error.what();
  }
}

TEST(Safetensors, WhatIsLaidOutIsRead) {
  TemporaryFolder folder;
  std::vector<SafetensorsEntry> entries{{{.name = "b", .shape = {3}}, DType::kU8},
                                        {{.name = "c", .shape = {2, 2}}, DType::kF32},
                                        {{.name = "a", .shape = {}}, DType::kF64},
                                        {{.name = "none", .shape = {0, 5}}, DType::kI16}};
  const std::string header = lay_out_safetensors(entries, {{"format", "pt"}});
  EXPECT_EQ(header.size() % 8, 0u);
  write_bytes(folder / "m.safetensors", header + "AAAAAAAA" + "CCCCCCCCCCCCCCCC" + "BBB");

  const SafetensorsFile file(folder / "m.safetensors");
  EXPECT_EQ(file.metadata(), (SafetensorsMetadata{{"format", "pt"}}));
  ASSERT_EQ(file.tensors().size(), 4u);
  EXPECT_EQ(file.entry("c").shape, (std::vector<std::int64_t>{2, 2}));
  EXPECT_EQ(file.entry("c").dtype, DType::kF32);
  EXPECT_EQ(file.entry("none").shape, (std::vector<std::int64_t>{0, 5}));
  for (const auto& [name, letter] : {std::pair{"a", 'A'}, {"b", 'B'}, {"c", 'C'}}) {
    for (const std::byte byte : file.bytes(file.entry(name))) EXPECT_EQ(char(byte), letter) << name;
  }
}

TEST(Safetensors, EveryTensorLiesAtAMultipleOfItsElementSize) {
  std::vector<SafetensorsEntry> entries;
  for (const DType dtype : {DType::kBool, DType::kF16, DType::kU8, DType::kI64, DType::kF32, DType::kBF16}) {
    entries.push_back({{.name = std::string(dtype_name(dtype)), .shape = {3}}, dtype});
  }
  lay_out_safetensors(entries, {});
  for (const auto& entry : entries) EXPECT_EQ(entry.begin % dtype_size(entry.dtype), 0u) << entry.name;
}

TEST(Safetensors, ElementTypesKeepTheirNames) {
  for (const char* name : {"F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL"}) {
    ASSERT_TRUE(parse_dtype(name)) << name;
    EXPECT_EQ(dtype_name(*parse_dtype(name)), name);
  }
  EXPECT_FALSE(parse_dtype("F8_E4M3"));
}

TEST(Safetensors, AWholeFileOpens) {  // or the refusals below would show nothing
  TemporaryFolder folder;
  write_bytes(folder / "a",
                        file_of(R"({"t": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}})", 16));
  EXPECT_EQ(message_of_opening(folder / "a"), "");
}

TEST(Safetensors, CorruptFilesAreRefusedByNameOfFileAndTensor) {
  struct Case {
    std::string bytes;
    const char* message;
  };
  const auto tensor = [](const std::string& fields, std::size_t data_bytes) {
    return file_of(R"({"t.weight": {)" + fields + "}}", data_bytes);
  };
  const std::string deep(100'000, '[');
  const std::vector<Case> cases{
      {"", "is empty"},
      {"1234567", "7 bytes, too few"},
      {length_bytes(std::uint64_t{1} << 63) + "{}", "claims 9223372036854775808 bytes"},
      {length_bytes(~std::uint64_t{0}) + "{}", "claims 18446744073709551615 bytes"},
      {length_bytes(3) + "{}", "claims 3 bytes"},
      {length_bytes(0), "not valid JSON"},
      {file_of("{", 0), "not valid JSON"},
      {file_of("{\"" + std::string(100'000, 'x'), 0), "not valid JSON"},
      {file_of("[]", 0), "must be a JSON object"},
      {file_of("{\"\xff\xfe\": 1}", 0), "not valid JSON"},
      {file_of(deep, 0), "nested more than 3"},
      {file_of("{\"t\": {\"shape\": [[1]]}}", 0), "nested more than 3"},
      {file_of(R"({"a": {}, "a": {}})", 0), "\"a\" stands there twice"},
      {file_of(R"({"": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}})", 0), "name is empty"},
      {file_of(R"({"a\u0000b": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}})", 0),
       "control characters"},
      {file_of(R"({"__metadata__": {"n": 1}})", 0), "__metadata__ 'n' must be a text"},
      {file_of(R"({"__metadata__": 1})", 0), "__metadata__ must be an object"},
      {file_of(R"({"t.weight": 7})", 0), "tensor 't.weight': expected an object"},
      {tensor(R"("dtype": "F32", "shape": [1])", 4), "tensor 't.weight': expected an object"},
      {tensor(R"("dtype": "F8_E4M3", "shape": [1], "data_offsets": [0, 1])", 1),
       "\"F8_E4M3\" is not supported"},
      {tensor(R"("dtype": 5, "shape": [1], "data_offsets": [0, 4])", 4), "'dtype' must be"},
      {tensor(R"("dtype": "F32", "shape": [-1], "data_offsets": [0, 4])", 4), "'shape' must be a list"},
      {tensor(R"("dtype": "F32", "shape": [1.0], "data_offsets": [0, 4])", 4), "'shape' must be a list"},
      {tensor(R"("dtype": "F32", "shape": [99999999999999999999], "data_offsets": [0, 4])", 4),
       "'shape' must be"},
      {tensor(R"("dtype": "F32", "shape": 1, "data_offsets": [0, 4])", 4), "'shape' must be a list"},
      {tensor(R"("dtype": "F32", "shape": [4294967296, 4294967296], "data_offsets": [0, 0])", 0),
       "more elements"},
      {tensor(R"("dtype": "F32", "shape": [0, 4294967296, 4294967296], "data_offsets": [0, 0])", 0),
       "more elements"},
      {tensor(R"("dtype": "F64", "shape": [2305843009213693952], "data_offsets": [0, 0])", 0),
       "more elements"},
      {tensor(R"("dtype": "F32", "shape": [1], "data_offsets": [0])", 4), "a begin and an end"},
      {tensor(R"("dtype": "F32", "shape": [1], "data_offsets": [4, 0])", 4), "a begin and an end"},
      {tensor(R"("dtype": "F32", "shape": [1], "data_offsets": [4, 8])", 4),
       "'t.weight': lies at bytes 4 to 8"},
      {tensor(R"("dtype": "F32", "shape": [1], "data_offsets": [0, 18446744073709551615])", 4),
       "lies at bytes"},
      {tensor(R"("dtype": "F32", "shape": [2], "data_offsets": [0, 4])", 4),
       "takes 8 bytes, but data_offsets give it 4"},
      {tensor(R"("dtype": "F32", "shape": [1], "data_offsets": [0, 4])", 3), "was it cut short?"},
      {tensor(R"("dtype": "F32", "shape": [1], "data_offsets": [0, 4])", 5), "but the file holds 5 bytes"},
      {file_of(R"({"a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]},
                   "b": {"dtype": "U8", "shape": [4], "data_offsets": [3, 7]}})",
               7),
       "'a' (bytes 0 to 4) and 'b'"},
  };
  TemporaryFolder folder;
  for (const Case& c : cases) {
    const auto path = folder / "bad.safetensors";
    write_bytes(path, c.bytes);
    const std::string message = message_of_opening(path);
    EXPECT_THAT(message, HasSubstr(c.message)) << c.bytes.substr(0, 200);
    EXPECT_THAT(message, HasSubstr(path.string()));
    EXPECT_LT(message.size(), 1000u) << "a message that quotes a whole file";
  }
}

TEST(Safetensors, WhatIsNoFileIsRefused) {
  TemporaryFolder folder;
  EXPECT_THAT(message_of_opening(folder.path()), HasSubstr("is a folder"));
  EXPECT_THAT(message_of_opening(folder / "missing"), HasSubstr("cannot be read"));
  EXPECT_THAT(message_of_opening("/dev/zero"), HasSubstr("is no ordinary file"));
}

TEST(Safetensors, AMissingTensorIsNamed) {
  TemporaryFolder folder;
  write_bytes(folder / "m.safetensors", file_of("{}", 0));
  const SafetensorsFile file(folder / "m.safetensors");
  EXPECT_THAT([&] { file.entry("x.weight"); },
              testing::ThrowsMessage<UserError>(HasSubstr("no tensor 'x.weight'")));
}

TEST(Safetensors, NamesThatCannotBeReadBackAreNotWritten) {
  for (const char* name : {"", "__metadata__", "a\nb", "\xff"}) {
    std::vector<SafetensorsEntry> entries{{{.name = name, .shape = {1}}, DType::kU8}};
    EXPECT_THROW(lay_out_safetensors(entries, {}), UserError) << name;
  }
  std::vector<SafetensorsEntry> none;
  EXPECT_THROW(lay_out_safetensors(none, {{"author", "\xff"}}), UserError);
}

TEST(Safetensors, DamagedFilesEitherOpenOrAreRefused) {
  TemporaryFolder folder;
  std::vector<SafetensorsEntry> entries{{{.name = "model.embed.weight", .shape = {4, 3}}, DType::kF16},
                                        {{.name = "model.norm.weight", .shape = {3}}, DType::kF32},
                                        {{.name = "mask", .shape = {5}}, DType::kBool}};
  const std::string whole = lay_out_safetensors(entries, {{"format", "pt"}}) + std::string(24 + 12 + 5, '\1');
  RandomStream random(20261123);
  int opened = 0, refused = 0;
  for (int i = 0; i < 3000; ++i) {
    write_bytes(folder / "m", mutated(whole, random));
    (message_of_opening(folder / "m").empty() ? opened : refused)++;
  }
  EXPECT_GT(opened, 100);  // damage to data and names goes unseen
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace pal

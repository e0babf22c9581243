#include "pal/encoders/ctranslate2.h"

#include <torch/torch.h>

#include <utility>

#include "pal/core/byte_cursor.h"
#include "pal/core/mapped_file.h"

namespace pal {

namespace {

// A length of 2 bytes, the text, a zero byte that the length counts.
std::string take_name(ByteCursor& cursor) {
  const auto length = cursor.take<std::uint16_t>();
  const auto text = cursor.take_text(length);
  PAL_CHECK(length >= 1 && text.find('\0') == text.size() - 1u,
            "{}: damaged: a name before offset {} does not end in a zero byte", cursor.name(),
            cursor.position());
  return std::string(text.substr(0, text.size() - 1));
}

torch::ScalarType element_type(std::uint8_t kind, const std::string& where) {
  switch (kind) {
    case 0:
      return torch::kFloat32;
    case 1:
      return torch::kInt8;
    case 2:
      return torch::kInt16;
    case 3:
      return torch::kInt32;
    case 4:
      return torch::kFloat16;
    case 5:
      return torch::kBFloat16;
    default:
      user_error("{}: damaged: unknown element type {}", where, kind);
  }
}

std::pair<std::string, torch::Tensor> take_variable(ByteCursor& cursor) {
  std::string name = take_name(cursor);
  const std::string where = cursor.name() + ": " + name;
  std::vector<std::int64_t> shape(cursor.take<std::uint8_t>());
  for (auto& size : shape) size = cursor.take<std::uint32_t>();
  const auto type = element_type(cursor.take<std::uint8_t>(), where);
  const auto bytes = cursor.take_bytes(cursor.take<std::uint32_t>());  // before anything is allocated
  check_extent(shape, c10::elementSize(type), bytes.size(), where);
  auto tensor = torch::empty(shape, type);
  if (!bytes.empty()) std::memcpy(tensor.data_ptr(), bytes.data(), bytes.size());
  return {std::move(name), std::move(tensor)};
}

}  // namespace

CTranslate2Model read_ctranslate2(const std::filesystem::path& path) {
  const MappedFile file(path);
  ByteCursor cursor(file.bytes(), file.name());
  const auto version = cursor.take<std::uint32_t>();
  PAL_CHECK(version >= 4 && version <= 6,
            "{}: a CTranslate2 model of binary version 4 to 6 was expected, got {}", file.name(), version);
  CTranslate2Model model{take_name(cursor), {}};
  cursor.take<std::uint32_t>();  // the specification's revision; names and shapes are checked where they are
                                 // used
  const auto variables = cursor.take<std::uint32_t>();
  for (std::uint32_t i = 0; i < variables; ++i) {
    auto [name, tensor] = take_variable(cursor);
    PAL_CHECK(model.variables.emplace(name, std::move(tensor)).second, "{}: {}: damaged: is there twice",
              file.name(), name);
  }
  const auto aliases = cursor.take<std::uint32_t>();
  for (std::uint32_t i = 0; i < aliases; ++i) {
    const std::string alias = take_name(cursor), name = take_name(cursor);
    PAL_CHECK(model.variables.contains(name), "{}: {}: damaged: stands for {}, which is not there",
              file.name(), alias, name);
  }
  PAL_CHECK(cursor.left() == 0, "{}: damaged: {} bytes follow the last variable", file.name(), cursor.left());
  return model;
}

}  // namespace pal

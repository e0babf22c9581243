#include "pal/text/tokenizer.h"

#include "pal/core/check.h"
#include "pal/core/logging.h"
#include "tokenizer_formats.h"

namespace pal {
namespace {

constexpr const char* kExpected = "a *.gguf, a tokenizer.json, a SentencePiece *.model, or a folder with one of the last two";

bool is_there(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

std::filesystem::path file_in(const std::filesystem::path& folder) {
  const bool has_model = is_there(folder / "tokenizer.model");
  if (is_there(folder / "tokenizer.json")) {
    if (has_model) spdlog::info("{}: tokenizer.json is read, tokenizer.model is not", folder.string());
    return folder / "tokenizer.json";
  }
  if (has_model) return folder / "tokenizer.model";
  user_error("{}: the folder has no tokenizer.json and no tokenizer.model", folder.string());
}

}  // namespace

std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& path) {
  PAL_CHECK(is_there(path), "{}: no such file or folder; expected {}", path.string(), kExpected);
  std::error_code error;
  const auto file = std::filesystem::is_directory(path, error) ? file_in(path) : path;
  const std::string extension = file.extension().string();
  const auto load = extension == ".gguf"    ? load_gguf_tokenizer
                    : extension == ".json"  ? load_json_tokenizer
                    : extension == ".model" ? load_sentencepiece_tokenizer
                                            : nullptr;
  PAL_CHECK(load != nullptr, "{}: expected {}", path.string(), kExpected);
  return load(file);
}

}  // namespace pal

#include "pal/text/tokenizer.h"

#include "byte_level_tokenizer.h"
#include "pal/core/check.h"

namespace pal {

std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& path) {
  std::error_code error;
  PAL_CHECK(std::filesystem::exists(path, error),
            "{}: no such file or folder; expected a *.gguf, a tokenizer.json, "
            "or a folder with one",
            path.string());
  if (std::filesystem::is_directory(path, error)) {
    const auto json = path / "tokenizer.json";
    PAL_CHECK(std::filesystem::exists(json, error), "{}: the folder has no tokenizer.json{}", path.string(),
              std::filesystem::exists(path / "tokenizer.model", error)
                  ? "; its tokenizer.model (SentencePiece) is not supported yet"
                  : "");
    return load_json_tokenizer(json);
  }
  const std::string extension = path.extension().string();
  if (extension == ".gguf") return load_gguf_tokenizer(path);
  if (extension == ".json") return load_json_tokenizer(path);
  user_error("{}: expected a *.gguf, a tokenizer.json, or a folder with one{}", path.string(),
             extension == ".model" ? "; SentencePiece models are not supported yet" : "");
}

}  // namespace pal

#include "pal/eval/text_labels.h"

#include <nlohmann/json.hpp>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/printable.h"
#include "pal/core/safetensors.h"
#include "pal/core/strict_json.h"
#include "pal/core/tensor_source.h"

namespace pal {

namespace {

torch::Tensor unit_rows(const torch::Tensor& rows, const char* what) {
  const auto wide = rows.to(torch::kCPU, torch::kFloat64);
  const auto lengths = wide.norm(2, /*dim=*/1, /*keepdim=*/true);
  const auto bad = torch::logical_not(torch::isfinite(lengths) & (lengths > 0)).flatten().nonzero();
  PAL_CHECK(bad.numel() == 0, "{}: row {} of the embeddings is zero or not finite, and has no direction to compare", what,
            bad[0].item<int64_t>());
  return wide / lengths;
}

std::vector<std::string> texts_in(const std::string& json, const std::string& where) {
  std::vector<std::string> texts;
  const auto list = parse_strict_json(json, where + ": metadata 'texts'", 2);
  PAL_CHECK(list.is_array(), "{}: metadata 'texts': expected a list of strings, got {}", where, list.type_name());
  for (const auto& text : list) {
    PAL_CHECK(text.is_string(), "{}: metadata 'texts': expected a list of strings, got a list with a {}", where, text.type_name());
    texts.push_back(text);
  }
  return texts;
}

// Which texts the rows belong to.
std::vector<std::string> texts_of(const std::filesystem::path& file, const SafetensorsMetadata& metadata) {
  if (const auto found = metadata.find("texts"); found != metadata.end()) return texts_in(found->second, file.string());
  auto beside = file;
  beside.replace_extension(".txt");
  PAL_CHECK(std::filesystem::exists(beside), "{}: does not say of which texts its rows are; put a JSON list 'texts' into its metadata, or "
            "the texts, one a line, into {}", file.string(), beside.string());
  return read_text_lines(beside);
}

std::string name_of(const std::filesystem::path& file, const SafetensorsMetadata& metadata, const std::string& given) {
  const auto found = metadata.find("embedder");
  const auto stored = found == metadata.end() ? std::string() : found->second;
  PAL_CHECK(given.empty() || stored.empty() || given == stored, "{}: was made by '{}', but --embedder-name says '{}'", file.string(),
            printable(stored), given);
  PAL_CHECK(!given.empty() || !stored.empty(), "{}: does not say which model made it; give --embedder-name", file.string());
  return given.empty() ? stored : given;
}

}  // namespace

torch::Tensor cosine_similarities(const torch::Tensor& answers, const torch::Tensor& labels) {
  PAL_CHECK(answers.dim() == 2 && labels.dim() == 2 && answers.size(1) == labels.size(1),
            "embeddings of answers {} and of labels {} are not of one width; were they made by the same model?", fmt::join(answers.sizes(), "x"),
            fmt::join(labels.sizes(), "x"));
  return unit_rows(answers, "answers").mm(unit_rows(labels, "labels").t());
}

StoredEmbeddings::StoredEmbeddings(const std::filesystem::path& file, const std::string& embedder_name)
    : file_(file), sha256_(sha256_of_file(file)) {
  const auto metadata = SafetensorsFile(file).metadata();
  const auto texts = texts_of(file, metadata);
  const auto hash = metadata.find("embedder_sha256");
  identity_ = {name_of(file, metadata, embedder_name), hash == metadata.end() ? std::string() : hash->second};
  rows_ = open_tensors(file)->load("embeddings");
  PAL_CHECK(rows_.dim() == 2 && rows_.is_floating_point(), "{}: 'embeddings': expected rows of floating numbers [texts, width], got {} of shape {}",
            file.string(), c10::toString(rows_.scalar_type()), fmt::join(rows_.sizes(), "x"));
  PAL_CHECK(rows_.size(0) == int64_t(texts.size()), "{}: has {} rows, but {} texts", file.string(), rows_.size(0), texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto [place, is_new] = row_of_.emplace(texts[i], int64_t(i));
    PAL_CHECK(is_new || rows_[place->second].equal(rows_[int64_t(i)]), "{}: rows {} and {} differ, but are of one text, '{}'", file.string(),
              place->second, i, printable(texts[i]));
  }
}

torch::Tensor StoredEmbeddings::rows_of(std::span<const std::string> texts) const {
  std::vector<int64_t> rows;
  for (const auto& text : texts) {
    const auto found = row_of_.find(text);
    PAL_CHECK(found != row_of_.end(), "{}: has no embedding of '{}'; embed the texts that pal-eval writes to --output", file_.string(),
              printable(text));
    rows.push_back(found->second);
  }
  return rows_.index_select(0, torch::tensor(rows, torch::kInt64));
}

std::vector<std::string> read_text_lines(const std::filesystem::path& file) {
  const auto content = read_file(file);
  std::vector<std::string> texts;
  for (std::size_t begin = 0; begin < content.size();) {
    const auto end = std::min(content.find('\n', begin), content.size());
    texts.push_back(content.substr(begin, end - begin));
    if (texts.back().ends_with('\r')) texts.back().pop_back();
    begin = end + 1;
  }
  PAL_CHECK(!texts.empty(), "{}: is empty; expected a text a line", file.string());
  return texts;
}

}  // namespace pal

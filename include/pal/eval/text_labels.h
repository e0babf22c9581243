// Free text to labels: embeddings of answers and labels, by the packaged model or made elsewhere, compared by cosine.
#pragma once

#include <torch/torch.h>

#include <filesystem>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "pal/embedder/text_embedder.h"

namespace pal {

// The cosine of the angle between every answer and every label. answers [N, W], labels [C, W], of any floating type ->
// [N, C] float64, CPU. Throws UserError where the widths differ, or a row is zero or not finite.
torch::Tensor cosine_similarities(const torch::Tensor& answers, const torch::Tensor& labels);

// Embeddings that another model made of known texts, as `pal-eval embed` writes them: a safetensors file with `embeddings` [N, W] and in
// its metadata `texts`, a JSON array of N strings; or the texts beside it, one a line, in a file of the same name that ends in .txt.
class StoredEmbeddings {
 public:
  // embedder_name: of the model, where the metadata (`embedder`) do not say it; where both do, they must agree. Throws UserError where the file
  // has no texts, not as many as rows, one text with two different rows, or nobody says which model made it.
  explicit StoredEmbeddings(const std::filesystem::path& file, const std::string& embedder_name = "");

  // Rows of these texts, [texts, W]. Throws UserError that names the first text that the file does not hold.
  torch::Tensor rows_of(std::span<const std::string> texts) const;

  const EmbedderIdentity& identity() const { return identity_; }  // of the model that made them
  const std::string& sha256() const { return sha256_; }           // of the file

 private:
  std::filesystem::path file_;
  std::string sha256_;
  EmbedderIdentity identity_;
  torch::Tensor rows_;
  std::unordered_map<std::string, int64_t> row_of_;
};

// Texts of a file, one a line; the last line may end without a newline, and lines may end as on Windows. Throws UserError for an empty file.
std::vector<std::string> read_text_lines(const std::filesystem::path& file);

}  // namespace pal

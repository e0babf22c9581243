// Sentence embeddings: what a text says as one vector, compared by cosine.
#pragma once

#include <torch/torch.h>

#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "pal/embedder/bert.h"
#include "pal/text/tokenizer.h"

namespace pal {

// Which model made an embedding. Scores of different embedders do not compare, so both are part of every result.
struct EmbedderIdentity {
  std::string name;            // of the folder, or as its maker wrote it
  std::string weights_sha256;  // of the weights' file; empty where only the embeddings are at hand
};

// A BERT of sentence-transformers, such as all-MiniLM-L6-v2: WordPiece, the encoder, the mean over a text's tokens, [CLS] and
// [SEP] among them, divided by its length (L2). Equal to sentence-transformers. For one thread at a time.
class TextEmbedder {
 public:
  // Reads a Hugging Face folder: config.json, tokenizer.json, model.safetensors, and of sentence-transformers modules.json,
  // sentence_bert_config.json and the pooling's config.json, where they are; a plain BERT is pooled as above. Throws UserError
  // where something is missing or not supported.
  explicit TextEmbedder(const std::filesystem::path& folder, torch::Device device = torch::kCPU);

  // An embedding a text, [N, width()] float32 on the CPU. Texts of more tokens than max_tokens() are cut at their end, as
  // sentence-transformers cuts them. Results do not depend on what else is in `texts`, beyond rounding (1e-6). Throws UserError for
  // a text that is not UTF-8.
  torch::Tensor embed(std::span<const std::string> texts);

  int64_t width() const { return bert_->options.width; }           // of an embedding
  int64_t max_tokens() const { return max_tokens_; }               // of a text, [CLS] and [SEP] among them
  const EmbedderIdentity& identity() const { return identity_; }  // for results

 private:
  std::vector<int64_t> ids_of(const std::string& text) const;
  torch::Tensor embed_packed(std::span<const std::vector<int64_t>> texts);

  EmbedderIdentity identity_;
  std::unique_ptr<Tokenizer> tokenizer_;
  Bert bert_{nullptr};
  std::shared_ptr<const AttentionBackend> backend_;
  torch::Device device_;
  int64_t max_tokens_ = 0;
  bool normalize_ = true;
};

}  // namespace pal

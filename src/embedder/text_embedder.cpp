#include "pal/embedder/text_embedder.h"

#include <numeric>

#include "pal/core/check.h"
#include "pal/core/config_json.h"
#include "pal/core/files.h"
#include "pal/core/strict_json.h"
#include "pal/encoders/load_weights.h"

namespace pal {

namespace {

// Tokens that go through the network at once, or those of one text where it has more.
constexpr std::size_t kTokensAtOnce = 4096;

void check_pooling(const std::filesystem::path& file) {
  const auto pooling = ConfigJson::read(file);
  PAL_CHECK(pooling.get<bool>("pooling_mode_mean_tokens", false), "{}: only pooling_mode_mean_tokens is supported", pooling.where());
  for (const char* other : {"pooling_mode_cls_token", "pooling_mode_max_tokens", "pooling_mode_mean_sqrt_len_tokens",
                            "pooling_mode_weightedmean_tokens", "pooling_mode_lasttoken"})
    pooling.refuse_unless(other, false);
}

// The modules behind the transformer; returns whether the embeddings are made of length 1. A plain BERT has no modules.json.
bool read_modules(const std::filesystem::path& folder) {
  const auto file = folder / "modules.json";
  if (!std::filesystem::exists(file)) return true;
  const auto modules = parse_strict_json(read_file(file, 1 << 20), file.string(), 8);
  bool pooled = false, normalized = false;
  PAL_CHECK(modules.is_array(), "{}: expected a list of modules, got {}", file.string(), modules.type_name());
  for (const auto& module : modules) {
    const ConfigJson one(module, file.string());
    const auto type = one.get<std::string>("type");
    const auto kind = type.substr(type.rfind('.') + 1);
    if (kind == "Pooling") {
      check_pooling(folder / one.get<std::string>("path") / "config.json");
      pooled = true;
    } else if (kind == "Normalize") {
      normalized = true;
    } else {
      PAL_CHECK(kind == "Transformer" && one.get<std::string>("path").empty(), "{}: module '{}' is not supported; supported: a Transformer "
                "in the folder itself, Pooling, Normalize", file.string(), type);
    }
  }
  PAL_CHECK(pooled, "{}: has no Pooling module", file.string());
  return normalized;
}

int64_t read_max_tokens(const std::filesystem::path& folder, const BertOptions& options) {
  const auto config = ConfigJson::beside(folder, "sentence_bert_config.json");
  if (!config) return options.positions;
  config->refuse_unless("do_lower_case", false);
  const auto max_tokens = config->get<int64_t>("max_seq_length", options.positions);
  PAL_CHECK(max_tokens >= 2 && max_tokens <= options.positions, "{}: 'max_seq_length': expected 2 to {}, got {}", config->where(),
            options.positions, max_tokens);
  return max_tokens;
}

std::string folder_name(const std::filesystem::path& folder) {
  const auto path = folder.has_filename() ? folder : folder.parent_path();
  return path.filename().string();
}

// Every token of a text sees all of that text.
AttentionPlan plan_of(std::span<const std::vector<int64_t>> texts, torch::Device device) {
  std::vector<AttentionSegment> segments;
  int64_t begin = 0;
  for (const auto& ids : texts) {
    const Range range{begin, begin + int64_t(ids.size())};
    segments.push_back({range, {range}});
    begin = range.end;
  }
  return AttentionPlan(std::move(segments), /*causal=*/false, begin, begin, device);
}

}  // namespace

TextEmbedder::TextEmbedder(const std::filesystem::path& folder, torch::Device device) : device_(device) {
  PAL_CHECK(std::filesystem::is_directory(folder), "{}: no such folder; expected a Hugging Face folder of a BERT", folder.string());
  const auto options = bert_options(folder);
  normalize_ = read_modules(folder);
  max_tokens_ = read_max_tokens(folder, options);
  tokenizer_ = load_tokenizer(folder / "tokenizer.json");
  PAL_CHECK(tokenizer_->vocab_size() <= options.vocab_size, "{}: the tokenizer has {} tokens, but config.json says {}",
            folder.string(), tokenizer_->vocab_size(), options.vocab_size);
  PAL_CHECK(tokenizer_->encode("", true).size() == 2, "{}: the tokenizer must put one token before a text and one behind it",
            (folder / "tokenizer.json").string());
  const auto weights = folder / "model.safetensors";
  bert_ = Bert(options);
  load_weights(*bert_, *open_tensors(weights), "", {{"pooler.*", "of the pretraining"}, {"embeddings.position_ids", "computed"}});
  for (auto& parameter : bert_->parameters()) parameter.set_requires_grad(false);
  bert_->to(device);
  bert_->eval();
  backend_ = make_attention_backend("auto", torch::kFloat32, device, options.width / options.heads);
  identity_ = {folder_name(folder), sha256_of_file(weights)};
}

std::vector<int64_t> TextEmbedder::ids_of(const std::string& text) const {
  auto ids = tokenizer_->encode(text, /*special=*/true);
  if (int64_t(ids.size()) <= max_tokens_) return ids;
  const auto last = ids.back();  // [SEP] ends a text that was cut, too
  ids.resize(std::size_t(max_tokens_));
  ids.back() = last;
  return ids;
}

torch::Tensor TextEmbedder::embed_packed(std::span<const std::vector<int64_t>> texts) {
  std::vector<int64_t> ids, positions;
  for (const auto& text : texts) {
    ids.insert(ids.end(), text.begin(), text.end());
    for (std::size_t i = 0; i < text.size(); ++i) positions.push_back(int64_t(i));
  }
  const auto plan = plan_of(texts, device_);
  const auto hidden = bert_(torch::tensor(ids).to(device_), torch::tensor(positions).to(device_), plan, *backend_);
  std::vector<torch::Tensor> pooled;
  for (const auto& segment : plan.segments) pooled.push_back(hidden.slice(0, segment.rows.begin, segment.rows.end).mean(0));
  const auto rows = torch::stack(pooled);
  return normalize_ ? torch::nn::functional::normalize(rows, torch::nn::functional::NormalizeFuncOptions().dim(1)) : rows;
}

torch::Tensor TextEmbedder::embed(std::span<const std::string> texts) {
  torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> parts{torch::empty({0, width()})};
  for (std::size_t begin = 0; begin < texts.size();) {
    std::vector<std::vector<int64_t>> batch;
    std::size_t tokens = 0;
    for (; begin < texts.size() && (batch.empty() || tokens < kTokensAtOnce); ++begin) {
      batch.push_back(ids_of(texts[begin]));
      tokens += batch.back().size();
    }
    parts.push_back(embed_packed(batch).to(torch::kCPU));
  }
  return torch::cat(parts);
}

}  // namespace pal

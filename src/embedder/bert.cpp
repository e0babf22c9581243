#include "pal/embedder/bert.h"

#include <cmath>

#include "pal/core/check.h"
#include "pal/core/config_json.h"

namespace pal {

namespace {

using torch::nn::LayerNormOptions;

torch::nn::LayerNorm make_norm(const BertOptions& o) { return torch::nn::LayerNorm(LayerNormOptions({o.width}).eps(o.norm_eps)); }

// A module that only stands in the path of a name, such as `attention` in "attention.self.query.weight".
std::shared_ptr<torch::nn::Module> folder_of(torch::nn::Module& parent, const std::string& name) {
  return parent.register_module(name, std::make_shared<torch::nn::Module>(name));
}

torch::Tensor embedding_table(torch::nn::Module& parent, const std::string& name, int64_t rows, int64_t width) {
  return folder_of(parent, name)->register_parameter("weight", torch::empty({rows, width}));
}

}  // namespace

BertOptions bert_options(const std::filesystem::path& folder) {
  const auto config = ConfigJson::beside(folder, "config.json");
  PAL_CHECK(config, "{}: has no config.json; a Hugging Face folder of a BERT was expected", folder.string());
  PAL_CHECK(config->get<std::string>("model_type", "") == "bert", "{}: 'model_type' is '{}'; text embedders must be of type bert",
            config->where(), config->get<std::string>("model_type", ""));
  config->refuse_unless<std::string>("hidden_act", "gelu");
  config->refuse_unless<std::string>("position_embedding_type", "absolute");
  config->refuse_unless("is_decoder", false);
  const auto size = [&](const char* key, int64_t most) {
    const auto value = config->get<int64_t>(key);
    PAL_CHECK(value >= 1 && value <= most, "{}: '{}': expected 1 to {}, got {}", config->where(), key, most, value);
    return value;
  };
  BertOptions o;
  o.vocab_size = size("vocab_size", 10'000'000);
  o.width = size("hidden_size", 16'384);
  o.heads = size("num_attention_heads", 1'024);
  o.ffn = size("intermediate_size", 131'072);
  o.layers = size("num_hidden_layers", 1'000);
  o.positions = size("max_position_embeddings", 1'000'000);
  o.token_types = size("type_vocab_size", 1'000);
  o.norm_eps = config->get<double>("layer_norm_eps", 1e-12);
  PAL_CHECK(o.width % o.heads == 0, "{}: 'hidden_size' {} does not divide among {} heads", config->where(), o.width, o.heads);
  return o;
}

BertOutputImpl::BertOutputImpl(int64_t in, const BertOptions& o) : dense(in, o.width, true), LayerNorm(make_norm(o)) {
  register_module("dense", dense);
  register_module("LayerNorm", LayerNorm);
}

torch::Tensor BertOutputImpl::forward(const torch::Tensor& hidden, const torch::Tensor& before) {
  return LayerNorm(dense(hidden) + before);
}

BertSelfAttentionImpl::BertSelfAttentionImpl(const BertOptions& o)
    : query(o.width, o.width, true), key(o.width, o.width, true), value(o.width, o.width, true), heads(o.heads) {
  register_module("query", query);
  register_module("key", key);
  register_module("value", value);
}

torch::Tensor BertSelfAttentionImpl::forward(const torch::Tensor& x, const AttentionPlan& plan, const AttentionBackend& backend) {
  const auto split = [&](const torch::Tensor& y) { return y.unflatten(-1, {heads, -1}); };  // [R, H, d]
  const auto queries = split(query(x));
  return backend.attend(queries, split(key(x)), split(value(x)), plan, 1.0 / std::sqrt(double(queries.size(-1)))).flatten(1);
}

BertLayerImpl::BertLayerImpl(const BertOptions& o) {
  const auto attention = folder_of(*this, "attention");
  self = attention->register_module("self", BertSelfAttention(o));
  attention_output = attention->register_module("output", BertOutput(o.width, o));
  intermediate = folder_of(*this, "intermediate")->register_module("dense", Linear(o.width, o.ffn, true));
  output = register_module("output", BertOutput(o.ffn, o));
}

torch::Tensor BertLayerImpl::forward(const torch::Tensor& x, const AttentionPlan& plan, const AttentionBackend& backend) {
  const auto attended = attention_output(self(x, plan, backend), x);
  return output(torch::gelu(intermediate(attended)), attended);
}

BertImpl::BertImpl(const BertOptions& o) : options(o) {
  const auto embeddings = folder_of(*this, "embeddings");
  word_embeddings = embedding_table(*embeddings, "word_embeddings", o.vocab_size, o.width);
  position_embeddings = embedding_table(*embeddings, "position_embeddings", o.positions, o.width);
  token_type_embeddings = embedding_table(*embeddings, "token_type_embeddings", o.token_types, o.width);
  LayerNorm = embeddings->register_module("LayerNorm", make_norm(o));
  torch::nn::ModuleList list;
  for (int64_t i = 0; i < o.layers; ++i) {
    layers.emplace_back(o);
    list->push_back(layers.back());
  }
  folder_of(*this, "encoder")->register_module("layer", list);
}

torch::Tensor BertImpl::forward(const torch::Tensor& ids, const torch::Tensor& positions, const AttentionPlan& plan,
                                const AttentionBackend& backend) {
  auto x = torch::embedding(word_embeddings, ids) + torch::embedding(position_embeddings, positions) + token_type_embeddings[0];
  x = LayerNorm(x);
  for (auto& layer : layers) x = layer(x, plan, backend);
  return x;
}

}  // namespace pal

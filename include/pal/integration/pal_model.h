// The whole model: a decoder, encoders, and streams that carry what an encoder hears to the decoder.
//
//   recording -> encoder [N, E] -> connector [N', D] -> PLITS: rows of the sequence | LAL: keys and values of selected layers
//
// PLITS is one plits stream, LAL one lal stream, PAL both: on one encoder (unified) or on several (multi-encoder).
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pal/connectors/connector.h"
#include "pal/encoders/encoder.h"
#include "pal/encoders/token_choice.h"
#include "pal/nn/lora.h"
#include "pal/decoder/load_decoder.h"
#include "pal/integration/audio_decoder.h"

namespace pal {

class SideStream;

// An audio stream as a config describes it.
struct StreamOptions {
  std::string name;                               // its parameters are connectors.NAME.*
  std::string encoder;                            // a key of ModelOptions::encoders
  TokenKind tokens = TokenKind::kAll;             // which of the encoder's tokens it reads
  ConnectorOptions connector;                     // from the encoder's width to the LLM's
  Integration integration = Integration::kPlits;  // how it enters the LLM
  LayerSelection layers;                          // lal only
};

// Where the decoder comes from.
struct LlmOptions {
  std::filesystem::path path;            // Hugging Face folder or *.gguf; with `random`, only its tokenizer and template are used
  std::optional<DecoderOptions> random;  // weights drawn at random instead: tests, benchmarks
};

// A model as a config describes it.
struct ModelOptions {
  LlmOptions llm;                                  // the decoder
  std::map<std::string, EncoderOptions> encoders;  // by name
  std::vector<StreamOptions> streams;              // listed order = order of their position intervals
  std::vector<LoraOptions> lora;                   // adapters of linear layers, by name: llm.layers.*.self_attn.q_proj
  std::string dtype = "float32";                   // float32 | bfloat16 | float64, of decoder and connectors; encoders are float32
  std::string backend = "auto";                    // attention
  std::string checkpoint_activations = "none";     // none | ffn | all: computed again in the backward instead of kept
};

// What each encoder, in their order by name, made of one clip: [N, E] each.
using EncodedClip = std::vector<torch::Tensor>;

// Samples as the model reads them, packed.
struct PalBatch {
  torch::Tensor tokens;                         // [T] int64, CPU
  torch::Tensor target;                         // [T] bool, CPU: counted in the loss
  std::vector<int64_t> text_tokens;             // per sample
  std::vector<std::vector<int64_t>> audio_at;   // per sample and clip: text tokens before it
  std::vector<std::vector<EncodedClip>> clips;  // per sample and clip
  std::vector<std::string> ids;                 // per sample, for messages
  std::vector<torch::Tensor> sent;              // per stream [A, E]: the clips' tokens where the model is (PalModel::send()); empty: not sent

  int64_t target_tokens() const { return target.sum().item<int64_t>(); }  // tokens counted in the loss
};

// The order in which the tokens that a stream makes of a clip are heard: a permutation of 0 .. tokens - 1. sample: its id.
using TokenOrder = std::function<std::vector<int64_t>(const std::string& sample, int64_t clip, int64_t tokens)>;

// How a model is made to hear otherwise than it was trained to, to learn what it listens to. It changes no parameter.
struct AudioProbe {
  AudioCut cut;      // of LAL streams
  TokenOrder order;  // of all streams, after the connector; position ids stay in order. Empty: as they are
};

// The module with all of the model's parameters.
class PalModel : public torch::nn::Module {
 public:
  // Loads decoder and encoders; connector weights are drawn from `seed`. On torch::kMeta: shapes only, no weights are read.
  // Parameters: llm.*, connectors.NAME.*, encoders.NAME.*. Throws UserError for whatever does not load or fit together.
  PalModel(const ModelOptions& options, uint64_t seed, torch::Device device);

  // What each sample of the batch consists of. Throws UserError that names a sample longer than the LLM has positions for.
  std::vector<SampleShape> sample_shapes(const PalBatch& batch) const;
  // Where every token of the batch stands. Throws UserError that names a sample longer than the LLM has positions for.
  SequenceLayout layout(const PalBatch& batch) const;
  // Tokens of each stream for a clip of which the encoders, in their order by name, give so many.
  std::vector<int64_t> stream_tokens(const std::vector<int64_t>& encoded) const;
  // Sends the clips' tokens, the largest input by far, to the model's GPU while that computes something else; connect() uses what was sent, and what
  // the current stream is given later sees it. Nobody waits. Nothing on the CPU.
  void send(PalBatch& batch) const;
  // What the connectors make of the batch's clips: per stream [A_s, D].
  std::vector<torch::Tensor> connect(const PalBatch& batch);

  // Hidden states after the final norm, [R, D] or, where `onward` is defined, [N, D] of these rows. kept, onward: see run_layers.
  torch::Tensor hidden(const PalBatch& batch, const SequenceLayout& layout, std::vector<KeyValues>* kept = nullptr, const torch::Tensor& onward = {});
  // Sum of the cross-entropies of the batch's targets; a scalar.
  torch::Tensor loss_sum(const PalBatch& batch) { return loss_sum(batch, connect(batch)); }
  torch::Tensor loss_sum(const PalBatch& batch, const std::vector<torch::Tensor>& streams);  // of tokens that connect() made
  torch::Tensor loss_sum(const StepInputs& inputs, const std::vector<torch::Tensor>& streams);  // of what was made of a batch before; on a GPU this only launches work

  // From here on; a default one ends it.
  void probe(AudioProbe probe) { probe_ = std::move(probe); }
  bool is_probed() const { return probe_.order || !probe_.cut.heads.empty(); }  // and not as it was trained

  const ModelOptions& options() const { return options_; }                                       // as given
  Decoder& llm() { return llm_; }                                                                // the decoder
  const std::map<std::string, std::shared_ptr<Encoder>>& encoders() const { return encoders_; }  // by name
  const std::vector<StreamPlace>& places() const { return places_; }                             // of the streams
  int64_t layers() const { return int64_t(llm_->layers.size()); }                                // of the decoder
  const AttentionBackend& backend() const { return *backend_; }                                  // of attention
  torch::Device device() const { return llm_->device(); }                                        // of decoder and connectors

 private:
  ModelOptions options_;
  CheckpointPolicy checkpointing_;
  Decoder llm_{nullptr};
  std::map<std::string, std::shared_ptr<Encoder>> encoders_;
  std::vector<std::shared_ptr<Connector>> connectors_;  // per stream
  std::vector<std::size_t> stream_encoder_;             // per stream: index of its encoder by name
  std::vector<TokenChoice> chosen_;                     // per stream: which of the encoder's tokens
  torch::Tensor pack(const PalBatch& batch, std::size_t stream) const;  // [A, E]: the tokens of all clips that a stream reads
  void hold_once(PalBatch& batch) const;
  torch::Tensor run(torch::Tensor rows, const LayersInputs& layers, const std::vector<torch::Tensor>& streams, std::vector<KeyValues>* kept, const torch::Tensor& onward);
  torch::Tensor in_order(const torch::Tensor& tokens, const PalBatch& batch, const std::vector<int64_t>& lengths) const;

  AudioProbe probe_;
  std::vector<StreamPlace> places_;
  std::shared_ptr<const AttentionBackend> backend_;
  std::shared_ptr<const SideStream> side_stream_;  // of a GPU
};

torch::ScalarType parse_float_type(const std::string& name);  // float32 | bfloat16 | float16 | float64

}  // namespace pal

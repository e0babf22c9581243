#include "pal/train/run_config.h"

#include <algorithm>
#include <set>

#include "pal/config/document.h"
#include "pal/config/dump.h"
#include "pal/config/reader.h"
#include "pal/config/reference.h"
#include "pal/config/yaml_parser.h"
#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/text/chat_template.h"

namespace pal {

inline EnumNames<Integration> config_names(Integration) {
  return {{Integration::kPlits, "plits"}, {Integration::kLal, "lal"}};
}
inline EnumNames<TokenKind> config_names(TokenKind) {
  return {{TokenKind::kAll, "all"}, {TokenKind::kCls, "cls"}, {TokenKind::kPatches, "patches"}, {TokenKind::kMean, "mean"}};
}
inline EnumNames<Decay> config_names(Decay) {
  return {{Decay::kCosine, "cosine"}, {Decay::kLinear, "linear"}, {Decay::kConstant, "constant"}};
}

// all | {from: N} | {every: M} | a list
template <>
struct ConfigValue<LayerSelection> {
  using Kind = LayerSelection::Kind;
  static std::string type_name() { return "all, {from: N}, {every: M} or a list of layers"; }
  static void read(const Place& at, Problems& problems, LayerSelection& value) {
    const Node& node = at.node;
    if (node.is_list()) {
      value.kind = Kind::kList;
      read_value(at, problems, value.list);
    } else if (node.is_map() && node.children.size() == 1 && (node.child("from") || node.child("every"))) {
      value.kind = node.child("from") ? Kind::kFrom : Kind::kEvery;
      read_value(at.entry(node.children[0]), problems, value.number);
    } else if (node.is_scalar() && node.text == "all") {
      value.kind = Kind::kAll;
    } else {
      detail::add_mismatch(at, problems, type_name());
    }
  }
  static Node write(const LayerSelection& value) {
    if (value.kind == Kind::kAll) return Node::string("all");
    if (value.kind == Kind::kList) return ConfigValue<std::vector<int64_t>>::write(value.list);
    Node map = Node::map();
    map.add(value.kind == Kind::kFrom ? "from" : "every", ConfigValue<int64_t>::write(value.number));
    return map;
  }
};

// F | {path: F, split: S}
template <>
struct ConfigValue<ManifestPart> {
  static std::string type_name() { return "path, or {path, split}"; }
  static void read(const Place& at, Problems& problems, ManifestPart& value) {
    value.split.clear();
    if (!at.node.is_map()) return read_value(at, problems, value.path);
    Fields fields;
    fields.required("path", value.path, "manifest").not_empty();
    fields.field("split", value.split, "read the samples of this split alone");
    read_fields(at, fields, problems);
  }
  static Node write(const ManifestPart& value) {
    Node path = ConfigValue<std::filesystem::path>::write(value.path);
    if (value.split.empty()) return path;
    Node map = Node::map();
    map.add("path", std::move(path));
    map.add("split", Node::string(value.split));
    return map;
  }
};

// F | {path: F, split: S, weight: W}
template <>
struct ConfigValue<TrainingSource> {
  static std::string type_name() { return "path, or {path, split, weight}"; }
  static void read(const Place& at, Problems& problems, TrainingSource& value) {
    value = {};
    if (!at.node.is_map()) return read_value(at, problems, value.manifest.path);
    Fields fields;
    fields.required("path", value.manifest.path, "manifest").not_empty();
    fields.field("split", value.manifest.split, "read the samples of this split alone");
    fields.field("weight", value.weight, "share of the samples drawn from it, relative to the others'").at_least(0);
    read_fields(at, fields, problems);
  }
  static Node write(const TrainingSource& value) {
    if (value.weight == 0) return ConfigValue<ManifestPart>::write(value.manifest);
    Node map = Node::map();
    map.add("path", ConfigValue<std::filesystem::path>::write(value.manifest.path));
    if (!value.manifest.split.empty()) map.add("split", Node::string(value.manifest.split));
    map.add("weight", ConfigValue<double>::write(value.weight));
    return map;
  }
};

// One source, or a list.
template <>
struct ConfigValue<TrainingSources> {
  static std::string type_name() { return "path, {path, split, weight}, or a list of them"; }
  static void read(const Place& at, Problems& problems, TrainingSources& value) {
    value.list.clear();
    if (at.node.is_list()) return read_value(at, problems, value.list);
    TrainingSource one;
    read_value(at, problems, one);
    if (!one.manifest.empty()) value.list.push_back(std::move(one));
  }
  static Node write(const TrainingSources& value) {
    if (value.list.empty()) return Node::string("");
    return value.list.size() == 1 ? ConfigValue<TrainingSource>::write(value.list.front()) : ConfigValue<std::vector<TrainingSource>>::write(value.list);
  }
};

void describe(Fields& f, DecoderOptions& o) {
  f.required("vocab_size", o.vocab_size, "tokens; at least the tokenizer's").at_least(1);
  f.required("hidden_size", o.width, "width D").at_least(2);
  f.required("intermediate_size", o.ffn_width, "width of the feed-forward block").at_least(1);
  f.required("num_hidden_layers", o.layers, "layers").at_least(1);
  f.required("num_attention_heads", o.heads, "query heads").at_least(1);
  f.required("num_key_value_heads", o.kv_heads, "key/value heads").at_least(1);
  f.required("head_dim", o.head_dim, "width of a head").at_least(2);
  f.required("max_position_embeddings", o.max_positions, "longest sequence, audio included").at_least(1);
  f.field("rope_theta", o.rope.theta, "base of the rotary positions").above(1);
  f.field("rms_norm_eps", o.norm_eps, "added under the root").above(0);
  f.field("tie_word_embeddings", o.tied_head, "the output head is the embedding");
}

void describe(Fields& f, LlmOptions& o) {
  f.required("path", o.path, "Hugging Face folder or *.gguf file; with `random` only its tokenizer is used").not_empty();
  f.field("random", o.random, "draw weights of this shape at random instead of loading them (tests, benchmarks)");
}

void describe(Fields& f, EncoderOptions& o) {
  f.required("type", o.type, "kind of encoder; eat: SSLAM too").one_of({"yamnet", "whisper", "eat", "clap"}).variant();
  f.required("path", o.path, "weights: *.safetensors, or a Hugging Face folder; for eat also fairseq's *.pt").not_empty();
  f.field("long_audio", o.long_audio, "a clip longer than the encoder hears at once: whisper 30 s, eat 10.24 s, clap 10 s")
      .one_of({"error", "crop", "chunk"})
      .only_for({"whisper", "eat", "clap"});
  f.field("trim", o.trim, "keep only the tokens that the clip fills").only_for({"whisper", "eat"});
  f.field("cls", o.cls, "keep the CLS token, the first of every window").only_for({"eat"});
  f.field("feature_mean", o.feature_mean, "of the log mel energies of what the weights were trained on; AudioSet's").only_for({"eat"});
  f.field("feature_std", o.feature_std, "their standard deviation").above(0).only_for({"eat"});
  f.field("window", o.window, "frames of 10 ms heard at once, a multiple of 16").at_least(16).at_most(12288).only_for({"eat"});
  f.field("heads", o.heads, "attention heads; 0: width / 64").at_least(0).only_for({"eat"});
}

void describe(Fields& f, ConnectorOptions& o) {
  f.field("type", o.type, "kind of connector").one_of({"linear", "mlp", "qformer", "attention_pool", "mean_pool", "conv"}).variant();
  f.field("hidden", o.hidden, "hidden width; 0: the LLM's").at_least(0).only_for({"mlp"});
  f.field("queries", o.queries, "summary tokens per clip").at_least(1).only_for({"qformer", "attention_pool"});
  f.field("layers", o.layers, "blocks").at_least(1).only_for({"qformer"});
  f.field("heads", o.heads, "attention heads").at_least(1).only_for({"qformer", "attention_pool"});
  f.field("factor", o.factor, "neighbouring tokens that become one: their mean, or the convolution's stride").at_least(1).only_for({"mean_pool", "conv"});
  f.field("kernel", o.kernel, "neighbouring tokens that a window holds").at_least(1).only_for({"conv"});
}

void describe(Fields& f, StreamOptions& o) {
  f.required("name", o.name, "its parameters are connectors.NAME.*").not_empty();
  f.required("encoder", o.encoder, "a key of model.encoders").not_empty();
  f.field("tokens", o.tokens, "which of the encoder's it reads; cls: those of eat's windows; patches: all but these; mean: one, of a clip's patches");
  f.field("connector", o.connector, "from the encoder's width to the LLM's");
  f.field("integration", o.integration, "plits: tokens in the input sequence; lal: keys and values only").variant();
  f.field("layers", o.layers, "the LLM's layers that read the stream").only_for({"lal"});
}

void describe(Fields& f, LoraOptions& o) {
  f.required("layers", o.layers, "pattern of linear layers: llm.layers.*.self_attn.q_proj").not_empty();
  f.field("rank", o.rank, "rows of A, columns of B").at_least(1);
  f.field("alpha", o.alpha, "the update's weight is alpha / rank").above(0);
  f.field("dropout", o.dropout, "share of the input that the adapter does not see while training").at_least(0).below(1);
}

void describe(Fields& f, ModelOptions& o) {
  f.required("llm", o.llm, "the decoder");
  f.field("encoders", o.encoders, "audio encoders by name");
  f.field("streams", o.streams, "audio streams; their order is that of their position intervals");
  f.field("lora", o.lora, "low-rank adapters of linear layers; their parameters are NAME.lora_A and NAME.lora_B");
  f.field("dtype", o.dtype, "of decoder and connectors").one_of({"float32", "bfloat16", "float64"});
  f.field("backend", o.backend, "attention; auto: flash on CUDA in bfloat16, otherwise sdpa").one_of({"auto", "naive", "sdpa", "flash"});
  f.field("checkpoint_activations", o.checkpoint_activations, "what the backward computes again instead of keeping it, less memory for more time: none; ffn: each feed-forward block; all: all but each layer's input").one_of({"none", "ffn", "all"});
}

void describe(Fields& f, PromptOptions& o) {
  f.field("question", o.question, "asked of samples that have only a label");
  f.field("answer", o.answer, "their answer; {label} stands for the label");
  f.field("system", o.system, "system message of every sample; empty: the template's own");
  f.field("template", o.chat_template, "chat template instead of the LLM's own: Jinja, or a file with it (checkpoints keep its text)");
}

void describe(Fields& f, AugmentationOptions& o) {
  f.field("crop", o.crop, "a longer clip is cut to a random stretch of so many seconds; 0: off").at_least(0);
  f.field("gain", o.gain, "the level is changed by -gain to gain, dB; 0: off").at_least(0).at_most(60);
  f.field("noise", o.noise, "share of the clips that white noise is added to; 0: off").at_least(0).at_most(1);
  f.field("noise_snr_low", o.noise_snr_low, "least signal to noise ratio, dB");
  f.field("noise_snr_high", o.noise_snr_high, "greatest signal to noise ratio, dB");
  f.field("time_masks", o.time_masks, "SpecAugment: stretches of time that are masked; 0: off").at_least(0);
  f.field("time_width", o.time_width, "longest of them, frames of 10 ms").at_least(1);
  f.field("frequency_masks", o.frequency_masks, "SpecAugment: stretches of mel bands that are masked; 0: off").at_least(0);
  f.field("frequency_width", o.frequency_width, "widest of them, bands").at_least(1);
  f.field("mix", o.mix, "share of the samples with `captions` whose audio is mixed with another one's, whose caption follows theirs; 0: off").at_least(0).at_most(1);
  f.field("mix_level", o.mix_level, "the other one's loudness is -mix_level to mix_level above it, dB").at_least(0).at_most(60);
}

void describe(Fields& f, DataOptions& o) {
  f.field("train", o.train, "manifest to train on, or several; with weights, each sample is drawn from one of them by these, without, all are one set");
  f.field("shuffle_window", o.shuffle_window, "samples among which the next is drawn, while files (shards) are gone through in a random order; 0: all samples").at_least(0);
  f.field("validation", o.validation, "manifest to choose by");
  f.field("test", o.test, "held-out manifest: reported, never chosen by");
  f.field("prompt", o.prompt, "what is asked and answered");
  f.field("cache", o.cache, "folder that pal-data cache made: training reads from it what frozen encoders give. Encoders that a stage trains are run");
  f.field("encoded_clips_mib", o.encoded_clips_mib, "memory for what frozen encoders gave, MiB; beyond it clips are encoded anew").at_least(0);
  f.field("threads", o.threads, "threads that decode and compute features ahead of training; what is trained does not depend on their number").at_least(1).at_most(1024);
  f.field("read_ahead", o.read_ahead, "samples that they may be ahead: their features are in memory").at_least(1);
  f.field("augment", o.augment, "random changes of the clips that are trained on; nothing is kept or cached of changed clips");
  f.field("skip_unreadable", o.skip_unreadable, "samples that training may leave out, by name, because their recordings cannot be read; one more ends the run").at_least(0);
}

void describe(Fields& f, GraphOptions& o) {
  f.field("round", o.round, "batches are filled up to multiples of so many tokens (text, each stream, targets) by a dummy sample that changes nothing, so that shapes come again; on CUDA each shape's step is recorded as a graph. The dummies' share is padding_share in the log. Of one process, without LoRA dropout, on CUDA with flash attention; 0: off").at_least(0);
  f.field("keep", o.keep, "graphs kept; with more shapes the one that was not used for longest is recorded anew").at_least(1);
}

void describe(Fields& f, TrainOptions& o) {
  f.field("seed", o.seed, "of weights that are drawn, and of the order of samples").at_least(0);
  f.field("save_every", o.save_every, "steps between checkpoints; 0: only at the ends of stages").at_least(0);
  f.field("keep", o.keep, "checkpoints kept, the newest ones").at_least(1);
  f.field("keep_best", o.keep_best, "also save and keep the one with the best score on data.validation so far; checkpoints/best leads to it");
  f.field("validate_every", o.validate_every, "steps between scores on data.validation; 0: only at the ends of stages").at_least(0);
  f.field("bad_steps", o.bad_steps, "steps in a row without a finite loss or gradient that end the run; each is skipped, and its samples are named").at_least(1);
  f.field("attention_every", o.attention_every, "steps between looks at how much of each LAL layer's attention goes to the audio (audio_attention in the log); costs a forward of one sample; 0: none").at_least(0);
  f.field("peak_tflops", o.peak_tflops, "of one device, dense, in the model's dtype, by its maker's data sheet: the log then has MFU, the decoder's arithmetic by that; 0: no MFU").at_least(0);
  f.field("prometheus_port", o.prometheus_port, "where process 0 serves the log's newest line to Prometheus: http://127.0.0.1:PORT/metrics; 0: nowhere").at_least(0).at_most(65535);
  f.field("prometheus_address", o.prometheus_address, "address to serve at; 0.0.0.0: whoever reaches this machine can read the numbers").not_empty();
  f.field("tensorboard", o.tensorboard, "write TensorBoard events beside the JSONL log");
  f.field("log_samples", o.log_samples, "also write the ids of each step's samples into the JSONL log, in the order in which they are drawn (sample_ids): a proof of what a model has seen");
  f.field("graphs", o.graphs, "CUDA graphs of training steps, for batches in buckets of shapes");
  f.field("shard", o.shard, "of several processes, each keeps its part of: none: nothing, all keep all; optimizer: optimizer state and master weights; gradients: these and gradients, which are then exchanged for every part of a step. What is learned is the same").one_of({"none", "optimizer", "gradients"});
}

void describe(Fields& f, StageOptions& o) {
  f.required("name", o.name, "for logs and --set stages.NAME.key").not_empty();
  f.required("trainable", o.trainable, "patterns of parameter names: connectors.*, llm.*, llm.layers.*.self_attn.*; a leading ! excludes").not_empty();
  f.field("steps", o.steps, "optimizer steps; 0: `epochs` says").at_least(0);
  f.field("epochs", o.epochs, "times that data.train is gone through, where `steps` is 0; parts of one may be given").at_least(0);
  f.field("batch_size", o.batch_size, "samples a step, of all processes together").at_least(1);
  f.field("accumulate", o.accumulate, "parts that a step's samples are run in, each divided among the processes; with batch_tokens, parts of a step, which are dealt out to the processes").at_least(1);
  f.field("batch_tokens", o.batch_tokens, "most tokens of a part, of text and of all audio streams: parts are cut from samples that are sorted by length, and batch_size is not used; 0: batch_size says").at_least(0);
  f.field("sort_window", o.sort_window, "with batch_tokens: samples that are sorted by length at a time").at_least(1);
  f.field("learning_rate", o.learning_rate, "peak learning rate").above(0);
  f.field("warmup", o.warmup, "below 1: share of the steps; otherwise a number of steps").at_least(0);
  f.field("decay", o.decay, "after the warm-up");
  f.field("final_ratio", o.final_ratio, "rate after the last step, as a share of the peak").at_least(0).at_most(1);
  f.field("weight_decay", o.weight_decay, "decoupled (AdamW); not of norms and biases").at_least(0);
  f.field("beta1", o.beta1, "AdamW").at_least(0).below(1);
  f.field("beta2", o.beta2, "AdamW").at_least(0).below(1);
  f.field("eps", o.eps, "AdamW").above(0);
  f.field("master_weights", o.master_weights, "float32 copies of bfloat16 parameters take the steps");
  f.field("clip_norm", o.clip_norm, "limit of the gradient's norm; 0: none").at_least(0);
}

void describe(Fields& f, GenerateOptions& o) {
  f.field("max_new_tokens", o.max_new_tokens, "longest answer").at_least(1);
  f.field("temperature", o.temperature, "0: greedy").at_least(0);
  f.field("top_k", o.top_k, "sample among the k likeliest; 0: all").at_least(0);
  f.field("top_p", o.top_p, "sample among the fewest tokens that reach this probability").above(0).at_most(1);
  f.field("repetition_penalty", o.repetition_penalty, "above 1 makes tokens that stand already less likely").above(0);
  f.field("seed", o.seed, "of sampling").at_least(0);
}

void describe(Fields& f, EvaluationOptions& o) {
  f.field("protocol", o.protocol, "likelihood: the likeliest of `answers`; generate: free text").one_of({"likelihood", "generate"});
  f.field("metric", o.metric, "what is scored; map: of the likelihoods").one_of({"accuracy", "micro_f1", "macro_f1", "map", "ciderd", "bleu4", "rouge_l"});
  f.field("answers", o.answers, "for likelihood; empty: the answers of data.train");
  f.field("normalize", o.normalize, "likelihood of the whole answer, or the mean of its tokens").one_of({"none", "token"});
  f.field("skip_unanswerable", o.skip_unanswerable, "likelihood: leave out, and count, samples whose references are not among the answers");
  f.field("batch_size", o.batch_size, "samples at a time").at_least(1);
  f.field("generate", o.generate, "decoding");
}

void describe(Fields& f, RunConfig& c) {
  f.required("model", c.model, "decoder, encoders and streams");
  f.field("data", c.data, "manifests");
  f.field("train", c.train, "what all stages share");
  f.field("stages", c.stages, "the curriculum, in order");
  f.field("eval", c.eval, "how answers are scored");
}

namespace {

// What the table cannot see: names that must exist, or stand once.
void check_names(ConfigReader& reader, const RunConfig& config) {
  std::set<std::string> streams, stages;
  for (std::size_t i = 0; i < config.model.streams.size(); ++i) {
    const auto& stream = config.model.streams[i];
    const auto path = fmt::format("model.streams.{}", i);
    std::vector<std::string> declared;
    for (const auto& [name, options] : config.model.encoders) declared.push_back(name);
    if (!stream.encoder.empty() && !config.model.encoders.contains(stream.encoder))
      reader.problem(path + ".encoder", fmt::format("no encoder '{}' is declared in model.encoders; there are: {}", stream.encoder,
                                                    fmt::join(declared, ", ")));
    if (!streams.insert(stream.name).second) reader.problem(path + ".name", fmt::format("a stream '{}' exists already", stream.name));
    if (stream.name.find_first_of(".*! ") != std::string::npos)
      reader.problem(path + ".name", fmt::format("'{}' may not hold '.', '*', '!' or spaces: it becomes part of parameter names", stream.name));
  }
  for (const auto& [name, options] : config.model.encoders)
    if (name.empty() || name.find_first_of(".*! ") != std::string::npos)
      reader.problem("model.encoders", fmt::format("the name '{}' may not be empty or hold '.', '*', '!' or spaces: it becomes part of parameter names", name));
  for (std::size_t i = 0; i < config.stages.size(); ++i) {
    const auto& stage = config.stages[i];
    const auto path = fmt::format("stages.{}", i);
    if (!stages.insert(stage.name).second) reader.problem(path + ".name", fmt::format("a stage '{}' exists already", stage.name));
    if ((stage.steps > 0) == (stage.epochs > 0)) reader.problem(path, fmt::format("stage '{}' needs `steps` or `epochs`, one of them", stage.name));
    if (stage.batch_tokens == 0 && stage.accumulate > stage.batch_size)
      reader.problem(path + ".accumulate", fmt::format("{} parts of {} samples: some would be empty", stage.accumulate, stage.batch_size));
    if (stage.warmup >= 1 && stage.steps > 0 && stage.warmup > double(stage.steps))
      reader.problem(path + ".warmup", fmt::format("{} warm-up steps, but the stage has {}", stage.warmup, stage.steps));
  }
  const auto& sources = config.data.train.list;
  if (config.data.train.weighted() && std::ranges::any_of(sources, [](const auto& source) { return source.weight == 0; }))
    reader.problem("data.train", "some manifests have a weight above 0 and others none; give one to each");
  const auto& augment = config.data.augment;
  if (augment.noise_snr_low > augment.noise_snr_high)
    reader.problem("data.augment.noise_snr_low", fmt::format("{} dB is above noise_snr_high, {} dB", augment.noise_snr_low, augment.noise_snr_high));
  if (augment.changes_audio() && !config.data.cache.empty())
    reader.problem("data.augment", "changes what the encoders hear, and data.cache holds what they heard without; use one of them");
  if (!config.stages.empty() && config.data.train.empty()) reader.problem("data.train", "the stages need a manifest to train on");
}

// A chat template that is given as a file becomes its text, so that checkpoints hold it.
void read_template(ConfigReader& reader, std::string& chat_template) {
  try {
    const std::string file = looks_like_jinja(chat_template) ? "" : chat_template;
    if (!file.empty()) chat_template = read_file(file, std::size_t{1} << 20);
    if (!looks_like_jinja(chat_template)) user_error("{}: is no chat template: it has no {{{{ ... }}}} and no {{% ... %}}", file);
    ChatTemplate parsed(chat_template);
  } catch (const UserError& error) {
    reader.problem("data.prompt.template", error.what());
  }
}

RunConfig read(Node document) {
  ConfigReader reader(std::move(document));
  RunConfig config;
  reader.read(config);
  if (reader.ok()) check_names(reader, config);
  if (reader.ok() && !config.data.prompt.chat_template.empty()) read_template(reader, config.data.prompt.chat_template);
  reader.finish();
  if (config.model.llm.random) config.model.llm.random->rope.head_dim = config.model.llm.random->head_dim;
  return config;
}

}  // namespace

RunConfig load_run_config(const std::filesystem::path& path, const std::vector<std::string>& sets) {
  return read(load_document(path, sets));
}

RunConfig parse_run_config(const std::string& yaml, const std::string& where, const std::vector<std::string>& sets) {
  Node document = parse_yaml(yaml, where);
  for (const auto& set : sets) apply_set(document, set);
  return read(std::move(document));
}

std::string run_config_yaml(const RunConfig& config) { return to_yaml(config); }

std::string run_config_reference() { return reference<RunConfig>("Config reference"); }

}  // namespace pal
